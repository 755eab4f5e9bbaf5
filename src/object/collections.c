/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deque, defaultdict, OrderedDict, views of dicts, mappingproxy, SimpleNamespace.
 * Modules/_collectionsmodule.c, Objects/odictobject.c, dictobject.c,
 * descrobject.c, namespaceobject.c of 3.8 to 3.13. */
#include <stdlib.h>
#include <string.h>

#include "object/decoder.h"

/* BLOCKLEN of a deque, at most: 64, or 62 (2.7) */
#define BLOCK_ITEMS_MAXIMUM 64

/* A block is two links and the items. */
static uint64_t block_items(const struct ph_target *t)
{
	size_t size = ph_target_sizeof(t, PH_SIZEOF_BLOCK), word = t->layout.abi.pointer_size;
	uint64_t count = size / word;
	return count < 3 || count > BLOCK_ITEMS_MAXIMUM + 2 ? 1 : count - 2;
}

static void name_form(struct ph_decode *d, enum ph_form form, const char *open_format_rest, const char *close)
{
	const char *open = ph_value_printf(d->value, "%s%s", d->type->short_name, open_format_rest);
	d->value->form = form;
	d->value->open = open ? open : "";
	d->value->close = close;
}

static enum ph_status deque_items(struct ph_decode *d, ph_addr block, uint64_t index, uint64_t count)
{
	const struct ph_target *t = d->target;
	const uint64_t capacity = block_items(t);
	uint64_t wanted = count < d->limits->children ? count : d->limits->children;
	while (wanted) {
		ph_addr items[BLOCK_ITEMS_MAXIMUM];
		uint64_t n = capacity - index < wanted ? capacity - index : wanted;
		enum ph_status status = ph_target_read_ptrs(
			t, ph_target_at(t, block, PH_BLOCK_data) + index * t->layout.abi.pointer_size, n, items);
		if (status != PH_OK)
			return status;
		for (uint64_t i = 0; i < n; i++)
			if (!ph_value_add_item(d->value, items[i]))
				return PH_LIMIT;
		wanted -= n;
		index = 0;
		/* a circle of blocks ends with the count */
		if (wanted && (status = ph_target_ptr(t, block, PH_BLOCK_rightlink, &block)) != PH_OK)
			return status;
	}
	return PH_OK;
}

enum ph_status ph_decode_deque(struct ph_decode *d)
{
	struct ph_struct s;
	const struct ph_target *t = d->target;
	struct ph_value *value = d->value;
	enum ph_status status = ph_struct_load(t, d->address, ph_target_sizeof(t, PH_SIZEOF_dequeobject), &s);
	if (status != PH_OK)
		return status;
	const int64_t capacity = (int64_t)block_items(t);
	int64_t count = ph_struct_int(&s, ph_target_has(t, PH_dequeobject_len) ? PH_dequeobject_len :
										  PH_PyVarObject_ob_size);
	int64_t left = ph_struct_int(&s, PH_dequeobject_leftindex);
	int64_t maxlen = ph_struct_int(&s, PH_dequeobject_maxlen);
	if (count < 0 || count >> 40 || left < 0 || left >= capacity)
		return PH_CORRUPT;
	value->len = count;
	value->item_total = (uint64_t)count;
	uint64_t blocks = ((uint64_t)left + (uint64_t)count + (uint64_t)capacity - 1) / (uint64_t)capacity;
	int64_t room = (int64_t)((blocks ? blocks : 1) * ph_target_sizeof(t, PH_SIZEOF_BLOCK));
	value->size = ph_size_with_head(d, d->type->type.basicsize + room);
	const char *close = "])";
	if (maxlen >= 0)
		close = ph_value_printf(value, "], maxlen=%lld)", (long long)maxlen);
	name_form(d, PH_FORM_ITEMS, "([", close ? close : "])");
	value->recursive = "[...]";
	return deque_items(d, ph_struct_ptr(&s, PH_dequeobject_leftblock), (uint64_t)left, (uint64_t)count);
}

/* frozendict({key: value}) (3.15): a dict with a hash. */
enum ph_status ph_decode_frozendict(struct ph_decode *d)
{
	enum ph_status status = ph_decode_dict(d);
	if (status != PH_OK)
		return status;
	bool empty = !d->value->pair_total;
	name_form(d, PH_FORM_PAIRS, empty ? "(" : "({", empty ? ")" : "})");
	d->value->recursive = "...";
	return PH_OK;
}

/* defaultdict(factory, {key: value}) */
enum ph_status ph_decode_defaultdict(struct ph_decode *d)
{
	enum ph_status status = ph_decode_dict(d);
	if (status != PH_OK)
		return status;
	struct ph_value *value = d->value;
	ph_addr factory = ph_read_ptr(d->objects, d->address, PH_defdictobject_default_factory);
	name_form(d, PH_FORM_PARTS, "(", value->pair_total ? "})" : ", {})");
	/* defdict_repr() formats the dict by itself, within which it meets itself */
	value->recursive = ph_value_printf(value, "%s(...)", d->type->short_name);
	if (!value->recursive)
		value->recursive = "...";
	if (factory)
		ph_value_add_part(value, NULL, factory, NULL);
	else
		ph_value_add_part(value, NULL, 0, "None");
	for (size_t i = 0; i < value->pair_count; i++)
		ph_value_add_pair_part(value, i ? NULL : ", {", value->pairs[i].key, NULL, value->pairs[i].value);
	value->text_cut = value->pair_count < value->pair_total;
	ph_decode_structural(d, "default_factory", factory);
	return PH_OK;
}

bool ph_is_ordered_dict(struct ph_objects *objects, ph_addr dict)
{
	const struct ph_type_entry *type = ph_object_type_entry(objects, dict);
	return type && type->type.decoder && !strcmp(type->type.decoder->type_name, "collections.OrderedDict");
}

enum ph_status ph_ordered_dict_walk(struct ph_objects *objects, ph_addr dict, uint64_t maximum, ph_pair_fn *each,
				    void *user)
{
	const struct ph_target *t = objects->target;
	struct ph_dict_iter iter;
	ph_addr node;
	enum ph_status status = ph_dict_begin(objects, dict, &iter);
	if (status == PH_OK)
		status = ph_target_ptr(t, dict, PH_PyODictObject_od_first, &node);
	if (status != PH_OK)
		return status;
	/* most are in the order of the dict still: look there first */
	ph_addr key = 0, value = 0;
	bool more = ph_dict_next(&iter, &key, &value);
	for (uint64_t n = 0; node && n < iter.used && n < maximum; n++) {
		struct ph_struct s;
		status = ph_struct_load(t, node, ph_target_sizeof(t, PH_SIZEOF_odictnode), &s);
		if (status != PH_OK)
			return status;
		ph_addr node_key = ph_struct_ptr(&s, PH_odictnode_key), found;
		if (more && node_key == key) {
			found = value;
			more = ph_dict_next(&iter, &key, &value);
		} else {
			found = ph_dict_find_hashed(objects, dict, node_key, ph_struct_uint(&s, PH_odictnode_hash));
		}
		if (found && !each(user, node_key, found))
			break;
		node = ph_struct_ptr(&s, PH_odictnode_next);
	}
	return PH_OK;
}

static bool add_dict_part(void *user, ph_addr key, ph_addr value)
{
	return ph_value_add_pair_part(user, NULL, key, NULL, value);
}

static bool add_tuple_part(void *user, ph_addr key, ph_addr value)
{
	struct ph_value *to = user;
	return ph_value_add_pair_part(to, to->part_count ? "), (" : "(", key, ", ", value);
}

/* The pairs are those of the dict within, as dict.items() gives them; the repr has the order of the nodes,
 * which move_to_end() changes. */
enum ph_status ph_decode_ordered_dict(struct ph_decode *d)
{
	enum ph_status status = ph_decode_dict(d);
	if (status != PH_OK)
		return status;
	struct ph_value *value = d->value;
	bool as_dict = ph_target_trait(d->target, PH_TRAIT_REPR_ODICT_IS_DICT) == 1;
	/* odict_sizeof() */
	int64_t fast = ph_read_int(d->objects, d->address, PH_PyODictObject_od_fast_nodes_size);
	if (value->size >= 0 && fast >= 0 && !(fast >> 40))
		value->size += fast * d->target->layout.abi.pointer_size +
			       (int64_t)(value->pair_total * ph_target_sizeof(d->target, PH_SIZEOF_odictnode));
	if (!value->pair_total)
		name_form(d, PH_FORM_PARTS, "(", ")");
	else
		name_form(d, PH_FORM_PARTS, as_dict ? "({" : "([", as_dict ? "})" : ")])");
	value->recursive = "...";
	status = ph_ordered_dict_walk(d->objects, d->address, d->limits->children,
				      as_dict ? add_dict_part : add_tuple_part, value);
	value->text_cut = value->part_count < value->pair_total;
	return status;
}

/* ---- views ---- */

struct view {
	struct ph_decode *d;
	bool values; /* not the keys */
};

static bool add_viewed(void *user, ph_addr key, ph_addr value)
{
	struct view *view = user;
	return ph_value_add_item(view->d->value, view->values ? value : key);
}

static bool add_pair(void *user, ph_addr key, ph_addr value)
{
	struct view *view = user;
	return ph_value_add_pair(view->d->value, key, value);
}

static enum ph_status decode_view(struct ph_decode *d, ph_pair_fn *add, bool values, enum ph_form form)
{
	struct view view = { .d = d, .values = values };
	ph_addr dict = ph_read_ptr(d->objects, d->address, PH_PyDictViewObject_dv_dict);
	int64_t len = dict ? ph_dict_len(d->objects, dict) : -1;
	if (len < 0)
		return PH_CORRUPT;
	d->value->len = len;
	if (form == PH_FORM_ITEMS)
		d->value->item_total = (uint64_t)len;
	else
		d->value->pair_total = (uint64_t)len;
	name_form(d, form, "([", "])");
	d->value->recursive = "...";
	enum ph_status status = ph_dict_walk(d->objects, dict, d->limits->children, add, &view);
	ph_decode_structural(d, "mapping", dict);
	return status;
}

enum ph_status ph_decode_dict_keys(struct ph_decode *d)
{
	return decode_view(d, add_viewed, false, PH_FORM_ITEMS);
}

enum ph_status ph_decode_dict_values(struct ph_decode *d)
{
	return decode_view(d, add_viewed, true, PH_FORM_ITEMS);
}

enum ph_status ph_decode_dict_items(struct ph_decode *d)
{
	return decode_view(d, add_pair, false, PH_FORM_PAIR_TUPLES);
}

enum ph_status ph_decode_mappingproxy(struct ph_decode *d)
{
	ph_addr mapping = ph_read_ptr(d->objects, d->address, PH_mappingproxyobject_mapping);
	if (!mapping)
		return PH_CORRUPT;
	ph_decode_one_part(d, "mappingproxy(", mapping, ")");
	d->value->len = ph_is_dict(d->objects, mapping) ? ph_dict_len(d->objects, mapping) : -1;
	ph_decode_structural(d, "mapping", mapping);
	return PH_OK;
}

/* ---- SimpleNamespace ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ph_part *)a)->name, ((const struct ph_part *)b)->name);
}

enum ph_status ph_decode_namespace_object(struct ph_decode *d)
{
	struct ph_value *value = d->value;
	struct ph_dict_iter iter;
	ph_addr key, item;
	enum ph_status status = ph_attributes_begin(d->objects, d->type, d->address, &iter);
	if (status != PH_OK)
		return status;
	bool exact = !strcmp(d->type->type.full, "types.SimpleNamespace");
	const char *open = exact ? "namespace(" : ph_value_printf(value, "%s(", d->type->tp_name);
	value->form = PH_FORM_PARTS;
	value->open = open ? open : "namespace(";
	value->close = ")";
	value->recursive = ph_value_printf(value, "%s...)", value->open);
	if (!value->recursive)
		value->recursive = "...";
	for (size_t i = 0; i < d->limits->children && ph_dict_next(&iter, &key, &item); i++) {
		const char *name = ph_value_str(d, key, NULL);
		if (name && *name) /* namespace_repr() leaves other keys out */
			ph_value_add_part(value, name, item, NULL);
	}
	value->text_cut = iter.used > d->limits->children;
	/* 3.8 sorts them */
	if (ph_target_trait(d->target, PH_TRAIT_REPR_NAMESPACE_SORTED) && value->part_count)
		qsort(value->parts, value->part_count, sizeof(*value->parts), by_name);
	return PH_OK;
}
