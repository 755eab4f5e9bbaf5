/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "object/plain.h"

#include "object/visit.h"

static inline uint64_t word_at(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return word;
}

struct wanted {
	uint16_t *to;
	enum ph_field field;
	unsigned size; /* 0: that of a struct */
};

static bool take_offsets(const struct ph_layout *layout, const struct wanted *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ph_slot *slot = &layout->slots[wanted[i].field];
		if (slot->origin == PH_ORIGIN_ABSENT || slot->offset < 0 || slot->offset > UINT16_MAX ||
		    (wanted[i].size && slot->size != wanted[i].size))
			return false;
		*wanted[i].to = (uint16_t)slot->offset;
	}
	return true;
}

static bool learn(const struct ph_layout *layout, struct ph_plain *p)
{
	const struct wanted wanted[] = {
		{ &p->ob_size, PH_PyVarObject_ob_size, 8 },
		{ &p->list_items, PH_PyListObject_ob_item, 8 },
		{ &p->tuple_items, PH_PyTupleObject_ob_item, 8 },
		{ &p->dict_keys, PH_PyDictObject_ma_keys, 8 },
		{ &p->dict_values, PH_PyDictObject_ma_values, 8 },
		{ &p->keys_size, PH_SIZEOF_PyDictKeysObject, 0 },
		{ &p->log2_size, PH_PyDictKeysObject_dk_log2_size, 1 },
		{ &p->log2_index_bytes, PH_PyDictKeysObject_dk_log2_index_bytes, 1 },
		{ &p->kind, PH_PyDictKeysObject_dk_kind, 1 },
		{ &p->refcnt, PH_PyDictKeysObject_dk_refcnt, 8 },
		{ &p->nentries, PH_PyDictKeysObject_dk_nentries, 8 },
		{ &p->indices, PH_PyDictKeysObject_dk_indices, 0 },
		{ &p->stride[0], PH_SIZEOF_PyDictKeyEntry, 0 },
		{ &p->key[0], PH_PyDictKeyEntry_me_key, 8 },
		{ &p->value[0], PH_PyDictKeyEntry_me_value, 8 },
		{ &p->stride[1], PH_SIZEOF_PyDictUnicodeEntry, 0 },
		{ &p->key[1], PH_PyDictUnicodeEntry_me_key, 8 },
		{ &p->value[1], PH_PyDictUnicodeEntry_me_value, 8 },
		{ &p->str_size, PH_SIZEOF_PyASCIIObject, 0 },
		{ &p->str_state, PH_PyASCIIObject_state, 4 },
		{ &p->str_length, PH_PyASCIIObject_length, 8 },
	};
	const struct wanted wstr = { &p->str_wstr, PH_PyASCIIObject_wstr, 8 };
	bool ours = layout->abi.pointer_size == 8 &&
		    layout->abi.big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	if (!ours || !ph_layout_trait(layout, PH_TRAIT_DICT_KEYS_LOG2) ||
	    !ph_layout_trait(layout, PH_TRAIT_DICT_HAS_UNICODE_KEYS) ||
	    ph_layout_trait(layout, PH_TRAIT_STR_IS_BYTES) == 1 ||
	    !take_offsets(layout, wanted, sizeof(wanted) / sizeof(*wanted)))
		return false;
	if (ph_layout_has(layout, PH_PyASCIIObject_wstr) && !take_offsets(layout, &wstr, 1))
		return false;
	p->general = (uint8_t)ph_layout_trait(layout, PH_TRAIT_DICT_KIND_GENERAL);
	p->ascii_shift = (uint8_t)ph_layout_trait(layout, PH_TRAIT_STR_ASCII_SHIFT);
	p->compact_shift = (uint8_t)ph_layout_trait(layout, PH_TRAIT_STR_COMPACT_SHIFT);
	p->kind_shift = (uint8_t)ph_layout_trait(layout, PH_TRAIT_STR_KIND_SHIFT);
	return p->kind_shift < 32 && p->stride[0] && p->stride[1] && p->ascii_shift < 32 && p->compact_shift < 32;
}

void ph_plain_learn(struct ph_objects *objects)
{
	struct ph_plain plain = { 0 };
	plain.works = learn(&objects->target->layout, &plain);
	plain.known = true;
	objects->plain = plain;
}

enum ph_plain_kind ph_plain_of(const struct ph_shape *shape)
{
	if (shape->is_type || shape->visits_type || shape->managed_dict || shape->step_count || shape->real_items ||
	    (shape->type->dictoffset < 0 && shape->type->is_heap))
		return PH_PLAIN_NOT;
	if (!shape->special || shape->special == ph_visit_nothing)
		return PH_PLAIN_LEAF;
	const struct ph_plain *p = &shape->objects->plain;
	if (!p->works || !shape->has_gc || shape->size < p->ob_size + 8u)
		return PH_PLAIN_NOT;
	if (shape->special == ph_visit_tuple)
		return PH_PLAIN_TUPLE;
	if (shape->special == ph_visit_list && shape->size >= p->list_items + 8u)
		return PH_PLAIN_LIST;
	if (shape->special == ph_visit_dict && shape->size >= p->dict_values + 8u && shape->size >= p->dict_keys + 8u)
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

static bool put_entries(const struct ph_objects *objects, const uint8_t *dict, struct ph_edge_sink *sink)
{
	const struct ph_plain *p = &objects->plain;
	struct ph_dict_keys keys;
	const uint8_t *entry;
	int64_t refcnt;
	if (word_at(dict + p->dict_values) ||
	    !ph_plain_keys(objects, word_at(dict + p->dict_keys), &keys, &entry, &refcnt))
		return false;
	unsigned key_at = p->key[keys.unicode], value_at = p->value[keys.unicode];
	for (uint64_t i = 0; i < keys.count; i++, entry += keys.stride) {
		ph_addr value = word_at(entry + value_at), key = word_at(entry + key_at);
		if (!value)
			continue;
		ph_edge_put(sink, key, PH_EDGE_KEY, i, keys.unicode);
		ph_edge_put(sink, value, PH_EDGE_VALUE, key, false);
	}
	return true;
}

bool ph_plain_traverse(const struct ph_shape *shape, ph_addr object, struct ph_edge_sink *sink)
{
	const struct ph_plain *p = &shape->objects->plain;
	struct ph_image *image = shape->objects->target->image;
	if (shape->plain == PH_PLAIN_LEAF)
		return true;
	const uint8_t *data = ph_image_look(image, object, shape->size), *items;
	if (!data)
		return false;
	if (shape->plain == PH_PLAIN_DICT)
		return put_entries(shape->objects, data, sink);
	uint64_t count = word_at(data + p->ob_size);
	if (!count)
		return true;
	if (count >> 40)
		return false;
	items = ph_image_look(image,
			      shape->plain == PH_PLAIN_LIST ? word_at(data + p->list_items) : object + p->tuple_items,
			      count * 8);
	if (!items)
		return false;
	put_items(items, count, sink);
	return true;
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
	*ret = ph_image_look(image, object + p->str_size, length);
	*ret_length = length;
	return *ret != NULL;
}

bool ph_plain_str_size(const struct ph_objects *objects, ph_addr object, int64_t *ret)
{
	const struct ph_plain *p = &objects->plain;
	const uint8_t *data = p->works ? ph_image_look(objects->target->image, object, p->str_size) : NULL;
	uint32_t state;
	if (!data)
		return false;
	memcpy(&state, data + p->str_state, sizeof(state));
	uint64_t length = word_at(data + p->str_length);
	if (!(state >> p->ascii_shift & 1) || !(state >> p->compact_shift & 1) || length >> 40 ||
	    (p->str_wstr && word_at(data + p->str_wstr)))
		return false;
	*ret = p->str_size + (int64_t)length + 1;
	return true;
}

bool ph_plain_dict_size(const struct ph_objects *objects, ph_addr object, int64_t *ret)
{
	const struct ph_plain *p = &objects->plain;
	const uint8_t *data = p->works ? ph_image_look(objects->target->image, object, p->dict_values + 8u) : NULL;
	struct ph_dict_keys keys;
	const uint8_t *entries;
	int64_t refcnt;
	if (!data || p->dict_keys > p->dict_values || word_at(data + p->dict_values) ||
	    !ph_plain_keys(objects, word_at(data + p->dict_keys), &keys, &entries, &refcnt))
		return false;
	/* USABLE_FRACTION(); shared keys are nobody's */
	*ret = refcnt != 1 ? 0
			   : (int64_t)p->indices + (int64_t)(keys.size * keys.index_bytes) +
				     (int64_t)(keys.size * 2 / 3) * keys.stride;
	return true;
}
