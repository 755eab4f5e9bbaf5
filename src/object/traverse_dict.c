/* SPDX-License-Identifier: GPL-3.0-or-later */
/* References of dicts, and of instances whose attributes lie in values of shared keys.  dict_traverse() in
 * Objects/dictobject.c; _PyObject_VisitInstanceAttributes() (3.11), _PyObject_VisitManagedDict() (3.12),
 * PyObject_VisitManagedDict() (3.13). */
#include "base/cursor.h"
#include "object/visit.h"

/* Up to 3.10 the gc visits keys where dk_lookup is lookdict(), which serves keys of any kind: a local symbol.  The
 * subclasses of object are kept in a dict by their addresses, ints. */
static bool is_general(struct ph_objects *o, ph_addr lookup)
{
	if (!o->general_lookup) {
		ph_addr object = ph_read_ptr(o, o->target->type_type, PH_PyTypeObject_tp_base);
		ph_addr subclasses = ph_read_ptr(o, object, PH_PyTypeObject_tp_subclasses);
		ph_addr keys = subclasses ? ph_read_ptr(o, subclasses, PH_PyDictObject_ma_keys) : 0;
		o->general_lookup = ph_read_ptr(o, keys, PH_PyDictKeysObject_dk_lookup);
		if (!o->general_lookup)
			o->general_lookup = 1;
	}
	return lookup == o->general_lookup;
}

static bool visits_keys(const struct ph_visit *v, ph_addr address, const struct ph_dict_keys *keys)
{
	if (ph_target_trait(v->target, PH_TRAIT_DICT_HAS_UNICODE_KEYS))
		return !keys->unicode;
	return is_general(v->objects, ph_read_ptr(v->objects, address, PH_PyDictKeysObject_dk_lookup));
}

struct entries {
	const uint8_t *data;
	size_t key, value; /* offsets within one */
	size_t width;
	bool big_endian;
};

static bool load_entries(const struct ph_visit *v, const struct ph_dict_keys *keys, struct entries *ret)
{
	const struct ph_target *t = v->target;
	enum ph_field key = keys->unicode ? PH_PyDictUnicodeEntry_me_key : PH_PyDictKeyEntry_me_key;
	enum ph_field value = keys->unicode ? PH_PyDictUnicodeEntry_me_value : PH_PyDictKeyEntry_me_value;
	*ret = (struct entries){
		.data = keys->count ? ph_image_look(t->image, keys->entries, keys->count * keys->stride) : NULL,
		.key = (size_t)t->layout.slots[key].offset,
		.value = (size_t)t->layout.slots[value].offset,
		.width = t->layout.abi.pointer_size,
		.big_endian = t->layout.abi.big_endian,
	};
	return ret->data != NULL;
}

static void combined(const struct ph_visit *v, ph_addr address, const struct ph_dict_keys *keys)
{
	struct entries e;
	if (!load_entries(v, keys, &e))
		return;
	bool keys_too = visits_keys(v, address, keys);
	for (uint64_t i = 0; i < keys->count; i++) {
		const uint8_t *entry = e.data + i * keys->stride;
		ph_addr value = ph_load_uint(entry + e.value, e.width, e.big_endian);
		if (!value)
			continue;
		ph_addr key = ph_load_uint(entry + e.key, e.width, e.big_endian);
		ph_visit_edge(v, key, PH_EDGE_KEY, i, !keys_too);
		ph_visit_edge(v, value, PH_EDGE_VALUE, key, false);
	}
}

/* Values in an array beside keys that belong to the class. */
static void split(const struct ph_visit *v, const struct ph_dict_keys *keys, ph_addr values, uint64_t count,
		  enum ph_edge_kind kind, bool extra)
{
	struct entries e;
	if (!load_entries(v, keys, &e))
		return;
	if (count > keys->count)
		count = keys->count;
	const uint8_t *array = ph_image_look(v->target->image, values, count * e.width);
	if (!array)
		return;
	for (uint64_t i = 0; i < count; i++) {
		ph_addr value = ph_load_uint(array + i * e.width, e.width, e.big_endian);
		if (!value)
			continue;
		ph_addr key = ph_load_uint(e.data + i * keys->stride + e.key, e.width, e.big_endian);
		ph_visit_edge(v, value, kind, key, extra);
	}
}

void ph_visit_shared_keys(const struct ph_visit *v, ph_addr address)
{
	struct ph_dict_keys keys;
	struct entries e;
	if (!address || ph_dict_keys_load(v->objects, address, &keys) != PH_OK || !load_entries(v, &keys, &e))
		return;
	for (uint64_t i = 0; i < keys.count; i++)
		ph_visit_edge(v, ph_load_uint(e.data + i * keys.stride + e.key, e.width, e.big_endian), PH_EDGE_KEY, i,
			      true);
}

static ph_addr values_array(const struct ph_visit *v, ph_addr values, uint64_t *count)
{
	uint64_t capacity;
	if (ph_target_trait(v->target, PH_TRAIT_DICT_VALUES_FORM) < 2)
		return values;
	if (ph_target_uint(v->target, values, PH_PyDictValues_capacity, &capacity) == PH_OK && capacity < *count)
		*count = capacity;
	return ph_target_at(v->target, values, PH_PyDictValues_values);
}

/* 2.7: keys and values of its one table. */
static void one_table(const struct ph_visit *v)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	enum ph_status status = ph_dict_begin(v->objects, v->object, &iter);
	if (status == PH_CORRUPT)
		v->sink->broken = v->sink->too_long = true;
	if (status != PH_OK)
		return;
	while (ph_dict_next(&iter, &key, &value)) {
		ph_visit_edge(v, key, PH_EDGE_KEY, iter.index - 1, false);
		ph_visit_edge(v, value, PH_EDGE_VALUE, key, false);
	}
}

void ph_visit_dict(const struct ph_visit *v)
{
	if (ph_target_has(v->target, PH_PyDictObject_ma_table)) {
		one_table(v);
		return;
	}
	struct ph_dict_keys keys;
	ph_addr address = ph_struct_ptr(&v->s, PH_PyDictObject_ma_keys);
	ph_addr values = ph_struct_ptr(&v->s, PH_PyDictObject_ma_values);
	enum ph_status status = ph_dict_keys_load(v->objects, address, &keys);
	/* one that is being made has none yet */
	if (status == PH_CORRUPT)
		v->sink->broken = true;
	else if (status != PH_OK && address)
		ph_visit_unreadable(v, address, ph_target_sizeof(v->target, PH_SIZEOF_PyDictKeysObject));
	if (status != PH_OK)
		return;
	if (ph_struct_uint(&v->s, PH_PyDictObject_ma_used) > keys.count)
		ph_visit_too_long(v);
	if (!values) {
		combined(v, address, &keys);
		return;
	}
	uint64_t count = keys.count;
	values = values_array(v, values, &count);
	/* values in an instance are visited with it */
	uint64_t embedded = 0;
	(void)ph_target_uint(v->target, ph_struct_ptr(&v->s, PH_PyDictObject_ma_values), PH_PyDictValues_embedded,
			     &embedded);
	bool visited = ph_target_trait(v->target, PH_TRAIT_MANAGED_DICT_VISITED) == 1;
	split(v, &keys, values, count, PH_EDGE_VALUE, embedded && !visited);
}

uint64_t ph_dict_room(struct ph_objects *objects, ph_addr dict)
{
	struct ph_dict_keys keys;
	ph_addr address = ph_read_ptr(objects, dict, PH_PyDictObject_ma_keys);
	return ph_dict_keys_load(objects, address, &keys) == PH_OK ? keys.count : 0;
}

/* odict_traverse() visits the keys of its nodes, whatever they are. */
void ph_visit_ordered_dict(const struct ph_visit *v)
{
	uint64_t left = ph_struct_uint(&v->s, PH_PyDictObject_ma_used), room = ph_dict_room(v->objects, v->object);
	ph_addr node = ph_struct_ptr(&v->s, PH_PyODictObject_od_first);
	left = left < room ? left : room;
	for (uint64_t i = 0; node && i < left; i++) {
		ph_visit_edge(v, ph_read_ptr(v->objects, node, PH_odictnode_key), PH_EDGE_KEY, i, false);
		node = ph_read_ptr(v->objects, node, PH_odictnode_next);
	}
	ph_visit_dict(v);
}

/* ---- instances ---- */

static void inline_values(const struct ph_visit *v, ph_addr values, bool extra)
{
	struct ph_dict_keys keys;
	if (!v->shape->cached_keys || ph_dict_keys_load(v->objects, v->shape->cached_keys, &keys) != PH_OK)
		return;
	uint64_t count = keys.count;
	values = values_array(v, values, &count);
	split(v, &keys, values, count, PH_EDGE_ATTRIBUTE, extra);
}

void ph_visit_managed(const struct ph_visit *v)
{
	const struct ph_target *t = v->target;
	ph_addr word, values = 0;
	int64_t at = ph_target_trait(t, PH_TRAIT_OBJECT_MANAGED_DICT_OFFSET);
	if (ph_target_read_ptr(t, v->object + (uint64_t)at, &word) != PH_OK)
		return;
	switch (ph_target_trait(t, PH_TRAIT_OBJECT_DICT_FORM)) {
	case 1:
		at = ph_target_trait(t, PH_TRAIT_OBJECT_MANAGED_VALUES_OFFSET);
		(void)ph_target_read_ptr(t, v->object + (uint64_t)at, &values);
		break;
	case 2:
		if (word & 1) {
			values = word + 1;
			word = 0;
		}
		break;
	default: {
		uint64_t valid = 0;
		ph_addr inside = v->object + v->shape->size;
		if (v->shape->inline_values && ph_target_uint(t, inside, PH_PyDictValues_valid, &valid) == PH_OK &&
		    valid)
			values = inside;
	}
	}
	/* of a dict over values in the object and these, one is visited */
	bool dict_visited = word && ph_target_trait(t, PH_TRAIT_MANAGED_DICT_VISITED) == 1;
	ph_visit_edge(v, word, PH_EDGE_DICT, 0, values && !dict_visited);
	if (values)
		inline_values(v, values, dict_visited);
}
