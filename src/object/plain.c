/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "object/plain.h"

#include "base/cursor.h"
#include "object/size.h"

#define NAMES_MAXIMUM 65536 /* of one class's values; CPython keeps 30 (SHARED_KEYS_MAX_SIZE) */

static inline uint64_t word_at(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return word;
}

enum ph_plain_kind ph_plain_of(const struct ph_shape *shape)
{
	const struct ph_plain *p = &shape->objects->plain;
	if (shape->is_type || shape->real_items ||
	    (shape->type->dictoffset < 0 && !shape->managed_dict && shape->type->is_heap))
		return PH_PLAIN_NOT;
	bool nothing = !shape->special || shape->special == ph_visit_nothing;
	bool managed = shape->managed_dict && shape->names && (int64_t)shape->front >= -(int64_t)p->managed_dict &&
		       (int64_t)shape->front >= -(int64_t)p->managed_values;
	if (shape->visits_type || shape->managed_dict || shape->step_count)
		return nothing && p->works && managed == shape->managed_dict ? PH_PLAIN_INSTANCE : PH_PLAIN_NOT;
	if (nothing)
		return PH_PLAIN_LEAF;
	if (!p->works || !shape->has_gc || shape->size < p->ob_size + 8u)
		return PH_PLAIN_NOT;
	if (shape->special == ph_visit_tuple)
		return PH_PLAIN_TUPLE;
	if (shape->special == ph_visit_list && shape->size >= p->list_items + 8u &&
	    shape->size >= p->list_allocated + 8u)
		return PH_PLAIN_LIST;
	if (shape->special == ph_visit_dict && shape->size >= p->dict_values + 8u &&
	    shape->size >= p->dict_keys + 8u && shape->size >= p->dict_used + 8u)
		return PH_PLAIN_DICT;
	return PH_PLAIN_NOT;
}

bool ph_plain_keys(const struct ph_objects *objects, ph_addr address, struct ph_dict_keys *ret,
		   const uint8_t **ret_entries, int64_t *ret_refcnt)
{
	const struct ph_plain *p = &objects->plain;
	const uint8_t *data = p->works && address ? ph_image_look(objects->target->image, address, p->keys_size) : NULL;
	if (!data)
		return false;
	unsigned log2 = data[p->log2_size], log2_bytes = data[p->log2_index_bytes];
	if (log2 > 32 || log2_bytes < log2 || log2_bytes > log2 + 3)
		return false;
	uint64_t count = word_at(data + p->nentries);
	bool unicode = data[p->kind] != p->general;
	*ret = (struct ph_dict_keys){
		.indices = address + p->indices,
		.entries = address + p->indices + (UINT64_C(1) << log2_bytes),
		.size = UINT64_C(1) << log2,
		.index_bytes = 1u << (log2_bytes - log2),
		.count = count,
		.stride = p->stride[unicode],
		.unicode = unicode,
	};
	if (count > ret->size)
		return false;
	*ret_entries = ph_image_look(objects->target->image, ret->entries, count * ret->stride);
	*ret_refcnt = (int64_t)word_at(data + p->refcnt);
	return *ret_entries != NULL;
}

static void put_items(const uint8_t *items, uint64_t count, struct ph_edge_sink *sink)
{
	for (uint64_t i = 0; i < count; i++)
		ph_edge_put(sink, word_at(items + i * 8), PH_EDGE_ITEM, i, false);
}

struct entries {
	struct ph_dict_keys keys;
	const uint8_t *first;
	int64_t refcnt; /* of the keys */
};

static bool find_entries(const struct ph_objects *objects, const uint8_t *dict, struct entries *ret)
{
	const struct ph_plain *p = &objects->plain;
	return !word_at(dict + p->dict_values) &&
	       ph_plain_keys(objects, word_at(dict + p->dict_keys), &ret->keys, &ret->first, &ret->refcnt);
}

/* More than it has entries: the long way says so. */
static bool is_too_long(const struct ph_plain *p, const uint8_t *dict, const struct entries *e)
{
	return word_at(dict + p->dict_used) > e->keys.count;
}

static bool put_entries(const struct ph_objects *objects, const struct entries *e, struct ph_edge_sink *sink)
{
	const struct ph_plain *p = &objects->plain;
	const uint8_t *entry = e->first;
	unsigned key_at = p->key[e->keys.unicode], value_at = p->value[e->keys.unicode];
	for (uint64_t i = 0; i < e->keys.count; i++, entry += e->keys.stride) {
		ph_addr value = word_at(entry + value_at), key = word_at(entry + key_at);
		if (!value)
			continue;
		ph_edge_put(sink, key, PH_EDGE_KEY, i, e->keys.unicode);
		ph_edge_put(sink, value, PH_EDGE_VALUE, key, false);
	}
	return true;
}

/* ---- instances of classes ---- */

void ph_plain_learn_names(struct ph_objects *objects, struct ph_shape *shape)
{
	const struct ph_plain *p = &objects->plain;
	struct ph_dict_keys keys;
	const uint8_t *entries;
	int64_t refcnt;
	if (!shape->managed_dict || !ph_plain_keys(objects, shape->cached_keys, &keys, &entries, &refcnt) ||
	    keys.count > NAMES_MAXIMUM)
		return;
	ph_addr *names = ph_arena_array(&objects->arena, ph_addr, keys.count + 1);
	for (uint64_t i = 0; names && i < keys.count; i++)
		names[i] = word_at(entries + i * keys.stride + p->key[keys.unicode]);
	shape->names = names;
	shape->name_count = names ? (uint32_t)keys.count : 0;
}

struct managed {
	ph_addr dict;
	ph_addr values; /* 0 none */
	const uint8_t *array;
	uint32_t count;
};

/* ph_visit_managed() says what the forms are. */
static bool find_managed(const struct ph_shape *shape, ph_addr object, const uint8_t *data, struct managed *ret)
{
	const struct ph_plain *p = &shape->objects->plain;
	struct ph_image *image = shape->objects->target->image;
	ph_addr word = word_at(data + p->managed_dict), values = 0;
	uint32_t count = shape->name_count;
	uint64_t start = 0;
	if (p->dict_form == 1) {
		values = word_at(data + p->managed_values);
	} else if (p->dict_form == 2) {
		values = word & 1 ? word + 1 : 0;
		word = word & 1 ? 0 : word;
	} else if (shape->inline_values) {
		const uint8_t *inside = ph_image_look(image, object + shape->size, p->values);
		if (!inside)
			return false;
		values = inside[p->values_valid] ? object + shape->size : 0;
		count = inside[p->values_capacity] < count ? inside[p->values_capacity] : count;
		start = p->values;
	}
	*ret = (struct managed){ .dict = word, .values = values, .count = values ? count : 0 };
	ret->array = values ? ph_image_look(image, values + start, (size_t)count * 8) : NULL;
	return !ret->count || ret->array;
}

static void put_instance(const struct ph_shape *shape, const uint8_t *data, const struct managed *m,
			 struct ph_edge_sink *sink)
{
	bool extra = !shape->has_gc;
	for (size_t i = 0; i < shape->step_count; i++) {
		const struct ph_shape_step *step = &shape->steps[i];
		if (step->offset + 8 > shape->size)
			continue;
		ph_addr target = word_at(data + step->offset);
		if (!(target & 7))
			ph_edge_put(sink, target, step->kind, step->argument, extra || step->extra);
	}
	bool dict_visited = m->dict && shape->objects->plain.managed_dict_visited;
	ph_edge_put(sink, m->dict, PH_EDGE_DICT, 0, extra || (m->values && !dict_visited));
	for (uint32_t i = 0; i < m->count; i++)
		ph_edge_put(sink, word_at(m->array + (size_t)i * 8), PH_EDGE_ATTRIBUTE, shape->names[i],
			    extra || dict_visited);
}

/* More than malloc gave: the long way says so. */
static bool __attribute__((noinline, cold))
is_beyond(const struct ph_shape *shape, ph_addr object, const uint8_t *data, ph_addr items, uint64_t count)
{
	const struct ph_plain *p = &shape->objects->plain;
	ph_addr block = object - shape->front;
	if (shape->plain != PH_PLAIN_LIST)
		return ph_is_beyond_chunk(shape->objects->target, block, items - block + count * 8);
	return ph_is_beyond_chunk(shape->objects->target, items, word_at(data + p->list_allocated) * 8);
}

/* NULL: they cannot be looked at. */
static const uint8_t *find_items(const struct ph_shape *shape, ph_addr object, const uint8_t *data, uint64_t *ret_count)
{
	const struct ph_plain *p = &shape->objects->plain;
	uint64_t count = *ret_count = word_at(data + p->ob_size);
	if (count >> 40)
		return NULL;
	if (!count)
		return data;
	/* -1 is allocated while it is being sorted */
	if (shape->plain == PH_PLAIN_LIST && count > word_at(data + p->list_allocated))
		return NULL;
	ph_addr items = shape->plain == PH_PLAIN_LIST ? word_at(data + p->list_items) : object + p->tuple_items;
	if (count > PH_POOLED_MAXIMUM / 8 - 8 && is_beyond(shape, object, data, items, count))
		return NULL;
	return ph_image_look(shape->objects->target->image, items, count * 8);
}

bool ph_plain_traverse(const struct ph_shape *shape, ph_addr object, struct ph_edge_sink *sink)
{
	if (shape->plain == PH_PLAIN_LEAF)
		return true;
	/* what precedes an instance is looked at as well */
	const uint8_t *data = ph_image_look(shape->objects->target->image, object - shape->front,
					    shape->front + shape->size);
	if (!data)
		return false;
	data += shape->front;
	if (shape->plain == PH_PLAIN_INSTANCE) {
		struct managed m = { 0 };
		if (shape->managed_dict && !find_managed(shape, object, data, &m))
			return false;
		if (shape->visits_type)
			ph_edge_put(sink, shape->type->address, PH_EDGE_TYPE, 0, !shape->has_gc);
		put_instance(shape, data, &m, sink);
		return true;
	}
	if (shape->plain == PH_PLAIN_DICT) {
		struct entries e;
		return find_entries(shape->objects, data, &e) && !is_too_long(&shape->objects->plain, data, &e) &&
		       put_entries(shape->objects, &e, sink);
	}
	uint64_t count;
	const uint8_t *items = find_items(shape, object, data, &count);
	if (items)
		put_items(items, count, sink);
	return items != NULL;
}

bool ph_plain_ascii(const struct ph_objects *objects, ph_addr object, const uint8_t **ret, uint64_t *ret_length)
{
	const struct ph_plain *p = &objects->plain;
	struct ph_image *image = objects->target->image;
	const uint8_t *data = p->works ? ph_image_look(image, object, p->str_size) : NULL;
	uint32_t state;
	if (!data)
		return false;
	memcpy(&state, data + p->str_state, sizeof(state));
	uint64_t length = word_at(data + p->str_length);
	if (!(state >> p->ascii_shift & 1) || !(state >> p->compact_shift & 1) || (state >> p->kind_shift & 7) != 1 ||
	    length >> 40)
		return false;
	/* with its NUL */
	*ret = ph_image_look(image, object + p->str_size, length + 1);
	*ret_length = length;
	return *ret != NULL;
}

static bool str_size(const struct ph_plain *p, const uint8_t *data, int64_t *ret)
{
	uint32_t state;
	memcpy(&state, data + p->str_state, sizeof(state));
	uint64_t length = word_at(data + p->str_length);
	if (!(state >> p->ascii_shift & 1) || !(state >> p->compact_shift & 1) || length >> 40 ||
	    (p->str_wstr && word_at(data + p->str_wstr)))
		return false;
	*ret = p->str_size + (int64_t)length + 1;
	return true;
}

bool ph_plain_str_size(const struct ph_objects *objects, ph_addr object, int64_t *ret)
{
	const struct ph_plain *p = &objects->plain;
	const uint8_t *data = p->works ? ph_image_look(objects->target->image, object, p->str_size) : NULL;
	return data && str_size(p, data, ret);
}

/* USABLE_FRACTION(); shared keys are nobody's */
static int64_t keys_size(const struct ph_plain *p, const struct ph_dict_keys *keys, int64_t refcnt)
{
	return refcnt != 1 ? 0
			   : (int64_t)p->indices + (int64_t)(keys->size * keys->index_bytes) +
				     (int64_t)(keys->size * 2 / 3) * keys->stride;
}

bool ph_plain_dict_size(const struct ph_objects *objects, ph_addr object, int64_t *ret)
{
	const struct ph_plain *p = &objects->plain;
	const uint8_t *data = p->works ? ph_image_look(objects->target->image, object, p->dict_values + 8u) : NULL;
	struct entries e;
	if (!data || p->dict_keys > p->dict_values || !find_entries(objects, data, &e))
		return false;
	*ret = keys_size(p, &e.keys, e.refcnt);
	return true;
}

/* ---- all that is asked of an object at once ---- */

bool ph_glance_is_enough(const struct ph_shape *shape)
{
	ph_size_fn *size = shape->sizeof_;
	ph_blocks_fn *blocks = shape->blocks;
	enum ph_kind kind = shape->type->kind;
	if (!shape->objects->plain.works)
		return false;
	switch ((enum ph_plain_kind)shape->plain) {
	case PH_PLAIN_LEAF:
		if (kind == PH_KIND_STR)
			return size == ph_str_size && blocks == ph_str_blocks;
		return size && !blocks && !ph_shape_has_len(shape);
	case PH_PLAIN_TUPLE:
		return size == ph_plain_size && !blocks && kind == PH_KIND_TUPLE && shape->item_size == 8;
	case PH_PLAIN_LIST:
		return size == ph_list_size && blocks == ph_list_blocks && kind == PH_KIND_LIST;
	case PH_PLAIN_DICT:
		return size == ph_dict_size && blocks == ph_dict_blocks && kind == PH_KIND_DICT &&
		       shape->objects->plain.dict_keys <= shape->objects->plain.dict_values;
	case PH_PLAIN_INSTANCE:
		return size && !blocks && !ph_shape_has_len(shape);
	case PH_PLAIN_NOT:
		break;
	}
	return false;
}

static bool glance_at_instance(const struct ph_shape *shape, ph_addr object, const uint8_t *data,
			       struct ph_edge_sink *sink, struct ph_glance *g)
{
	struct managed m = { 0 };
	const uint8_t *prefix;
	if (shape->managed_dict && !find_managed(shape, object, data, &m))
		return false;
	put_instance(shape, data, &m, sink);
	/* blocks.c says what precedes values */
	if (m.values && shape->objects->plain.values_form == 1 &&
	    (prefix = ph_image_look(shape->objects->target->image, m.values - 1, 1)))
		g->block = m.values - *prefix;
	g->type_visited = shape->visits_type && shape->has_gc;
	return true;
}

static bool glance_at_dict(const struct ph_shape *shape, const uint8_t *data, struct ph_edge_sink *sink,
			   struct ph_glance *g)
{
	const struct ph_plain *p = &shape->objects->plain;
	struct entries e;
	if (!find_entries(shape->objects, data, &e) || is_too_long(p, data, &e))
		return false;
	put_entries(shape->objects, &e, sink);
	g->len = (int64_t)word_at(data + p->dict_used);
	g->size = shape->size + keys_size(p, &e.keys, e.refcnt);
	g->block = word_at(data + p->dict_keys);
	return true;
}

static bool glance_at_items(const struct ph_shape *shape, ph_addr object, const uint8_t *data,
			    struct ph_edge_sink *sink, struct ph_glance *g)
{
	const struct ph_plain *p = &shape->objects->plain;
	uint64_t count;
	const uint8_t *items = find_items(shape, object, data, &count);
	int64_t room = (int64_t)count;
	if (shape->plain == PH_PLAIN_LIST) {
		room = (int64_t)word_at(data + p->list_allocated);
		g->block = word_at(data + p->list_items);
	}
	/* a list that is being sorted has -1; of a large one it is asked whether all of it can be read */
	if (!items || room < -1 || room >> 17 > 0)
		return false;
	put_items(items, count, sink);
	g->len = (int64_t)count;
	g->size = shape->size + room * 8;
	return true;
}

static bool glance_at_leaf(const struct ph_shape *shape, ph_addr object, const uint8_t *data, struct ph_glance *g)
{
	const struct ph_plain *p = &shape->objects->plain;
	if (shape->type->kind == PH_KIND_STR) {
		g->len = (int64_t)word_at(data + p->str_length);
		return str_size(p, data, &g->size);
	}
	g->size = shape->sizeof_ == ph_plain_size && !shape->item_size ? shape->size : shape->sizeof_(shape, object);
	return true;
}

bool ph_object_glance(const struct ph_shape *shape, ph_addr object, struct ph_edge_sink *sink, struct ph_glance *ret)
{
	const struct ph_plain *p = &shape->objects->plain;
	size_t front = shape->front, size = shape->type->kind == PH_KIND_STR ? p->str_size : shape->size;
	const uint8_t *data;
	ph_addr next, prev;
	bool done = false;
	if (!shape->glance || !(data = ph_image_look(shape->objects->target->image, object - front, front + size)))
		return false;
	data += front;
	/* few have weak references: the long way looks at them */
	if (shape->weaklist && word_at(data + shape->weaklist))
		return false;
	*ret = (struct ph_glance){ .size = -1, .len = -1 };
	switch ((enum ph_plain_kind)shape->plain) {
	case PH_PLAIN_LEAF:
		done = glance_at_leaf(shape, object, data, ret);
		break;
	case PH_PLAIN_TUPLE:
	case PH_PLAIN_LIST:
		done = glance_at_items(shape, object, data, sink, ret);
		break;
	case PH_PLAIN_DICT:
		done = glance_at_dict(shape, data, sink, ret);
		break;
	case PH_PLAIN_INSTANCE:
		ret->size = shape->sizeof_ == ph_plain_size && !shape->item_size ? shape->size :
										shape->sizeof_(shape, object);
		done = glance_at_instance(shape, object, data, sink, ret);
		break;
	case PH_PLAIN_NOT:
		break;
	}
	if (!done)
		return false;
	ret->size += ret->size < 0 ? 0 : (int64_t)front;
	ret->refcount = ph_load_int(data + p->refcount, p->refcount_size, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	if (p->has_immortals && (int32_t)ret->refcount < 0)
		ret->refcount = -1;
	ret->tracked = shape->has_gc && front && ph_plain_links(p, data - p->gc_head, &next, &prev);
	return true;
}

int16_t ph_glance_holds(const struct ph_shape *shape)
{
	const struct ph_plain *p = &shape->objects->plain;
	if (!shape->glance)
		return 0;
	switch ((enum ph_plain_kind)shape->plain) {
	case PH_PLAIN_LIST:
		return (int16_t)p->list_items;
	case PH_PLAIN_DICT:
		return (int16_t)p->dict_keys;
	case PH_PLAIN_INSTANCE:
		return shape->managed_dict && p->dict_form == 1 ? p->managed_values : 0;
	default:
		return 0;
	}
}
