/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "extract/value_cache.h"

#include <string.h>

#define RECORD_TEXT 512	     /* bytes of a text that are kept */
#define RECORD_CHILDREN 1024 /* items, pairs and attributes */

/* What objects of a type have in common, mostly. */
struct looks {
	struct looks *next;
	ph_addr type;
	const char *type_name, *type_module;
	const char *open, *close, *recursive;
	enum ph_kind kind;
	enum ph_form form;
	bool python2;
};

/* Items, pairs, attributes and the text follow. */
struct record {
	const struct looks *looks;
	int64_t refcount, len, size;
	uint32_t children, characters; /* the limits that it was decoded with */
	uint32_t needs; /* with more children than that as limit all limits give the same; UINT32_MAX: none does */
	uint16_t item_count, pair_count, attribute_count, text_size;
	uint64_t total; /* of items or pairs */
	bool text_cut, is_singleton, has_scalar, of_pairs, is_bare;
};

void ph_value_cache_deinit(struct ph_value_cache *cache)
{
	ph_addrmap_deinit(&cache->index);
	ph_addrmap_deinit(&cache->looks);
	ph_arena_deinit(&cache->arena);
	cache->is_open = false;
}

static bool is_text(const struct ph_value *value)
{
	return value->form == PH_FORM_STR || value->form == PH_FORM_BYTES;
}

/* Those whose decoders go by the limits in no other way than record.needs tells. */
static bool can_keep(const struct ph_value *v)
{
	bool is_known = (v->kind >= PH_KIND_NONE && v->kind <= PH_KIND_SET) || v->kind == PH_KIND_INSTANCE;
	if (!is_known || v->status != PH_OK || !v->type || v->type_name[0] == '?' || v->part_count ||
	    (v->text_cut && !is_text(v)) || (v->scalar && v->scalar != v->text) || v->text_size > RECORD_TEXT ||
	    v->item_count + v->pair_count + v->attribute_count > RECORD_CHILDREN ||
	    (v->item_total && v->pair_total) || v->attribute_total != v->attribute_count)
		return false;
	for (size_t i = 0; i < v->attribute_count; i++)
		if (v->attributes[i].structural)
			return false;
	return !ph_value_owns(v, v->open) && !ph_value_owns(v, v->close) && !ph_value_owns(v, v->recursive);
}

static const struct looks *find_looks(struct ph_value_cache *cache, const struct ph_value *v)
{
	uint64_t *place = ph_addrmap_find(&cache->looks, v->type);
	struct looks *first = place ? (struct looks *)(uintptr_t)*place : NULL;
	for (const struct looks *l = first; l; l = l->next)
		if (l->type_name == v->type_name && l->type_module == v->type_module && l->open == v->open &&
		    l->close == v->close && l->recursive == v->recursive && l->kind == v->kind &&
		    l->form == v->form && l->python2 == v->python2)
			return l;
	struct looks *looks = ph_arena_new(&cache->arena, struct looks);
	if (!looks)
		return NULL;
	*looks = (struct looks){
		.next = first,
		.type = v->type,
		.type_name = v->type_name,
		.type_module = v->type_module,
		.open = v->open,
		.close = v->close,
		.recursive = v->recursive,
		.kind = v->kind,
		.form = v->form,
		.python2 = v->python2,
	};
	return ph_addrmap_set(&cache->looks, v->type, (uintptr_t)looks, true) ? looks : NULL;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint32_t needs_of(const struct ph_value *v)
{
	if (v->is_bare)
		return UINT32_MAX;
	uint64_t most = larger(larger(v->item_total, v->pair_total), v->attribute_total);
	most = larger(most, larger(larger(v->item_count, v->pair_count), v->attribute_count));
	if (!is_text(v) && v->len > 0)
		most = larger(most, (uint64_t)v->len);
	return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

/* The names that the value copied, once more. */
static bool copy_names(struct ph_value_cache *cache, const struct ph_value *v, struct ph_attribute *to)
{
	for (size_t i = 0; i < v->attribute_count; i++) {
		to[i] = v->attributes[i];
		if (ph_value_owns(v, to[i].name))
			to[i].name = ph_arena_strdup(&cache->arena, to[i].name);
		if (!to[i].name)
			return false;
	}
	return true;
}

static struct ph_attribute *attributes_of(const struct record *r)
{
	return (struct ph_attribute *)(r + 1);
}

static struct ph_pair *pairs_of(const struct record *r)
{
	return (struct ph_pair *)(attributes_of(r) + r->attribute_count);
}

static ph_addr *items_of(const struct record *r)
{
	return (ph_addr *)(pairs_of(r) + r->pair_count);
}

static char *text_of(const struct record *r)
{
	return (char *)(items_of(r) + r->item_count);
}

void ph_value_cache_put(struct ph_value_cache *cache, const struct ph_value_limits *limits, const struct ph_value *v)
{
	if (!cache->is_open || !can_keep(v))
		return;
	const struct looks *looks = find_looks(cache, v);
	struct record *r = ph_arena_alloc(&cache->arena, sizeof(*r) + v->attribute_count * sizeof(*v->attributes) +
								 v->pair_count * sizeof(*v->pairs) +
								 v->item_count * sizeof(*v->items) + v->text_size + 1);
	cache->is_open = looks && r;
	if (!cache->is_open)
		return;
	*r = (struct record){
		.looks = looks,
		.refcount = v->refcount,
		.len = v->len,
		.size = v->size,
		.children = limits->children < UINT32_MAX ? (uint32_t)limits->children : UINT32_MAX,
		.characters = limits->characters < UINT32_MAX ? (uint32_t)limits->characters : UINT32_MAX,
		.needs = needs_of(v),
		.item_count = (uint16_t)v->item_count,
		.pair_count = (uint16_t)v->pair_count,
		.attribute_count = (uint16_t)v->attribute_count,
		.text_size = (uint16_t)v->text_size,
		.total = v->item_total + v->pair_total,
		.text_cut = v->text_cut,
		.is_singleton = v->is_singleton,
		.has_scalar = v->scalar != NULL,
		.of_pairs = v->pair_total != 0,
		.is_bare = v->is_bare,
	};
	if (v->pair_count)
		memcpy(pairs_of(r), v->pairs, v->pair_count * sizeof(*v->pairs));
	if (v->item_count)
		memcpy(items_of(r), v->items, v->item_count * sizeof(*v->items));
	memcpy(text_of(r), v->text, v->text_size);
	cache->is_open = copy_names(cache, v, attributes_of(r)) &&
			 ph_addrmap_set(&cache->index, v->address, (uintptr_t)r, true);
}

bool ph_value_cache_has(const struct ph_value_cache *cache, ph_addr address)
{
	return ph_addrmap_find(&cache->index, address) != NULL;
}

/* LINES: a record of the six attributes of an instance has as many */
void ph_value_cache_approach(const struct ph_value_cache *cache, ph_addr far, ph_addr near)
{
	enum { LINE = 64, LINES = 4 };
	if (!cache->index.capacity)
		return;
	ph_addrmap_prefetch(&cache->index, far);
	const struct ph_addrmap_slot *slot = &cache->index.slots[ph_addrmap_slot(&cache->index, near)];
	const char *record = near && slot->key == near ? (const char *)(uintptr_t)slot->value : NULL;
	for (size_t i = 0; record && i < LINES; i++)
		__builtin_prefetch(record + i * LINE);
}

/* Bytes of the first so many characters, of a bytes or of WTF-8. */
static size_t beginning(const struct looks *looks, const char *text, size_t size, size_t characters)
{
	if (looks->form == PH_FORM_BYTES)
		return characters < size ? characters : size;
	size_t i = 0;
	for (; i < size; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && !characters--)
			break;
	return i;
}

static bool serves(const struct record *r, const struct ph_value_limits *limits)
{
	bool is_text = r->looks->form == PH_FORM_STR || r->looks->form == PH_FORM_BYTES;
	if (is_text && r->text_cut && limits->characters > r->characters)
		return false;
	bool is_whole = !r->needs || (r->needs < r->children && r->needs < limits->children);
	return is_whole || limits->children == r->children;
}

static bool fill_text(const struct record *r, const struct ph_value_limits *limits, struct ph_value *ret)
{
	const char *text = text_of(r);
	ret->text = text;
	ret->text_size = r->text_size;
	ret->text_cut = r->text_cut;
	if ((ret->form == PH_FORM_STR || ret->form == PH_FORM_BYTES) && limits->characters < r->text_size) {
		size_t size = beginning(r->looks, text, r->text_size, limits->characters);
		if (size < r->text_size) {
			ret->text = ph_value_copy(ret, text, size);
			ret->text_size = size;
			ret->text_cut = true;
		}
	}
	ret->scalar = r->has_scalar ? ret->text : NULL;
	return ret->text != NULL;
}

bool ph_value_cache_get(const struct ph_value_cache *cache, ph_addr address, const struct ph_value_limits *limits,
			struct ph_value *ret)
{
	const uint64_t *place = ph_addrmap_find(&cache->index, address);
	const struct record *r = place ? (const struct record *)(uintptr_t)*place : NULL;
	if (!r || !serves(r, limits))
		return false;
	const struct looks *looks = r->looks;
	ph_value_reset(ret, address);
	ret->type = looks->type;
	ret->type_name = looks->type_name;
	ret->type_module = looks->type_module;
	ret->kind = looks->kind;
	ret->form = looks->form;
	ret->python2 = looks->python2;
	ret->open = looks->open;
	ret->close = looks->close;
	ret->recursive = looks->recursive;
	ret->refcount = r->refcount;
	ret->len = r->len;
	ret->size = r->size;
	ret->is_singleton = r->is_singleton;
	ret->is_bare = r->is_bare;
	ret->attribute_total = r->attribute_count;
	ret->pair_total = r->of_pairs ? r->total : 0;
	ret->item_total = r->of_pairs ? 0 : r->total;
	return fill_text(r, limits, ret) && (!r->item_count || ph_value_add_items(ret, items_of(r), r->item_count)) &&
	       (!r->pair_count || ph_value_add_pairs(ret, pairs_of(r), r->pair_count)) &&
	       (!r->attribute_count || ph_value_add_attributes(ret, attributes_of(r), r->attribute_count));
}
