/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dict, in insertion order.  Objects/dictobject.c, Include/internal/pycore_dict.h:
 * entries lie behind the index table of the keys object.  Three forms: combined;
 * split (values in an array of their own, in the order that the values tell
 * since 3.11); and since 3.11 keys that are all str, whose entries lack a hash. */
#include "object/decoder.h"

#include <string.h>

#include "base/cursor.h"

/* Keys objects larger than that are lies: 2**40 slots. */
#define LOG2_SIZE_MAXIMUM 40

/* dk_size or dk_log2_size, and the bytes of the index table. */
static bool read_size(const struct ph_struct *s, const struct ph_target *t, struct ph_dict_keys *keys,
		      uint64_t *ret_bytes)
{
	if (ph_target_trait(t, PH_TRAIT_DICT_KEYS_LOG2)) {
		uint64_t log2 = ph_struct_uint(s, PH_PyDictKeysObject_dk_log2_size);
		uint64_t log2_bytes = ph_struct_uint(s, PH_PyDictKeysObject_dk_log2_index_bytes);
		if (log2 > LOG2_SIZE_MAXIMUM || log2_bytes < log2 || log2_bytes > log2 + 3)
			return false;
		keys->size = UINT64_C(1) << log2;
		keys->index_bytes = 1u << (log2_bytes - log2);
	} else {
		keys->size = ph_struct_uint(s, PH_PyDictKeysObject_dk_size);
		if (!keys->size || keys->size & (keys->size - 1) || keys->size >> LOG2_SIZE_MAXIMUM)
			return false;
		keys->index_bytes = keys->size <= 0xff ? 1 : keys->size <= 0xffff ? 2 : 4;
		if (keys->size > 0xffffffff)
			keys->index_bytes = 8;
	}
	*ret_bytes = keys->size * keys->index_bytes;
	return true;
}

enum ph_status ph_dict_keys_load(struct ph_objects *objects, ph_addr address, struct ph_dict_keys *ret)
{
	const struct ph_target *t = objects->target;
	struct ph_struct s;
	struct ph_dict_keys keys = { 0 };
	uint64_t index_bytes;
	enum ph_status status = ph_struct_load(t, address, ph_target_sizeof(t, PH_SIZEOF_PyDictKeysObject), &s);
	if (status != PH_OK)
		return status;
	if (!read_size(&s, t, &keys, &index_bytes))
		return PH_CORRUPT;
	int64_t count = ph_struct_int(&s, PH_PyDictKeysObject_dk_nentries);
	keys.unicode = ph_target_trait(t, PH_TRAIT_DICT_HAS_UNICODE_KEYS) &&
		       (int32_t)ph_struct_uint(&s, PH_PyDictKeysObject_dk_kind) !=
			       ph_target_trait(t, PH_TRAIT_DICT_KIND_GENERAL);
	keys.stride = (uint32_t)ph_target_sizeof(t, keys.unicode ? PH_SIZEOF_PyDictUnicodeEntry :
								  PH_SIZEOF_PyDictKeyEntry);
	keys.indices = ph_target_at(t, address, PH_PyDictKeysObject_dk_indices);
	keys.entries = keys.indices + index_bytes;
	/* a table is at most two thirds full */
	if (count < 0 || (uint64_t)count > keys.size || !keys.stride)
		return PH_CORRUPT;
	keys.count = (uint64_t)count;
	if (!ph_image_has(t->image, keys.entries, keys.count * keys.stride))
		return ph_image_is_mapped(t->image, keys.entries + keys.count * keys.stride - 1) ? PH_LEFT_OUT : PH_CORRUPT;
	*ret = keys;
	return PH_OK;
}

/* Where the insertion order of split values is, and how many there are. */
static enum ph_status split_order(struct ph_objects *objects, ph_addr values, struct ph_dict_iter *iter)
{
	const struct ph_target *t = objects->target;
	uint8_t header[2];
	switch (ph_target_trait(t, PH_TRAIT_DICT_VALUES_FORM)) {
	case 0:
		iter->values = values;
		return PH_OK;
	case 1: {
		enum ph_status status = ph_image_read(t->image, values - 2, header, 2);
		if (status != PH_OK)
			return status;
		iter->values = values;
		iter->count = header[0];
		iter->order = values - 3; /* downwards */
		return PH_OK;
	}
	default: {
		uint64_t capacity, size;
		enum ph_status status = ph_target_uint(t, values, PH_PyDictValues_capacity, &capacity);
		if (status == PH_OK)
			status = ph_target_uint(t, values, PH_PyDictValues_size, &size);
		if (status != PH_OK)
			return status;
		iter->values = ph_target_at(t, values, PH_PyDictValues_values);
		iter->count = size;
		iter->order = iter->values + capacity * t->layout.abi.pointer_size; /* upwards */
		return PH_OK;
	}
	}
}

enum ph_status ph_split_begin(struct ph_objects *objects, ph_addr keys_address, ph_addr values,
			      struct ph_dict_iter *ret)
{
	struct ph_dict_keys keys;
	struct ph_dict_iter iter = { .objects = objects };
	enum ph_status status = ph_dict_keys_load(objects, keys_address, &keys);
	if (status != PH_OK)
		return status;
	iter.entries = keys.entries;
	iter.count = keys.count;
	iter.stride = keys.stride;
	iter.unicode_keys = keys.unicode;
	iter.used = keys.count;
	if (values) {
		status = split_order(objects, values, &iter);
		if (status != PH_OK)
			return status;
		if (iter.count > keys.count && iter.order)
			return PH_CORRUPT;
		iter.used = iter.count;
	}
	*ret = iter;
	return PH_OK;
}

/* 2.7: one table of entries, in no order; deleted ones have no value. */
static enum ph_status begin_of_2(struct ph_objects *objects, ph_addr dict, struct ph_dict_iter *ret)
{
	const struct ph_target *t = objects->target;
	struct ph_struct s;
	enum ph_status status = ph_struct_load(t, dict, ph_target_sizeof(t, PH_SIZEOF_PyDictObject), &s);
	if (status != PH_OK)
		return status;
	uint64_t mask = ph_struct_uint(&s, PH_PyDictObject_ma_mask);
	int64_t used = ph_struct_int(&s, PH_PyDictObject_ma_used);
	struct ph_dict_iter iter = {
		.objects = objects,
		.entries = ph_struct_ptr(&s, PH_PyDictObject_ma_table),
		.stride = (uint32_t)ph_target_sizeof(t, PH_SIZEOF_PyDictEntry),
	};
	if (mask & (mask + 1) || mask >> LOG2_SIZE_MAXIMUM || used < 0 || (uint64_t)used > mask + 1 ||
	    !ph_image_has(t->image, iter.entries, (mask + 1) * iter.stride))
		return PH_CORRUPT;
	iter.count = (size_t)mask + 1;
	iter.used = (uint64_t)used;
	*ret = iter;
	return PH_OK;
}

enum ph_status ph_dict_begin(struct ph_objects *objects, ph_addr dict, struct ph_dict_iter *ret)
{
	const struct ph_target *t = objects->target;
	struct ph_struct s;
	struct ph_dict_iter iter;
	if (!ph_is_dict(objects, dict))
		return PH_CORRUPT;
	if (ph_target_has(t, PH_PyDictObject_ma_table))
		return begin_of_2(objects, dict, ret);
	enum ph_status status = ph_struct_load(t, dict, ph_target_sizeof(t, PH_SIZEOF_PyDictObject), &s);
	if (status != PH_OK)
		return status;
	int64_t used = ph_struct_int(&s, PH_PyDictObject_ma_used);
	ph_addr values = ph_struct_ptr(&s, PH_PyDictObject_ma_values);
	status = ph_split_begin(objects, ph_struct_ptr(&s, PH_PyDictObject_ma_keys), values, &iter);
	if (status != PH_OK)
		return status;
	if (used < 0 || (uint64_t)used > iter.count)
		return PH_CORRUPT;
	iter.used = (uint64_t)used;
	if (values)
		iter.count = (size_t)used;
	*ret = iter;
	return PH_OK;
}

/* The entry that comes i-th in a split dict. */
static bool split_index(struct ph_dict_iter *iter, size_t i, size_t *ret)
{
	const struct ph_target *t = iter->objects->target;
	uint8_t index;
	if (!iter->order) {
		*ret = i;
		return true;
	}
	bool down = ph_target_trait(t, PH_TRAIT_DICT_VALUES_FORM) == 1;
	iter->status = ph_image_read(t->image, down ? iter->order - i : iter->order + i, &index, 1);
	*ret = index;
	return iter->status == PH_OK;
}

/* Key and value of entry i; the value is 0 in split keys. */
static bool read_entry(struct ph_dict_iter *iter, size_t i, ph_addr *ret_key, ph_addr *ret_value)
{
	const struct ph_target *t = iter->objects->target;
	struct ph_struct s;
	iter->status = ph_struct_load(t, iter->entries + i * iter->stride, iter->stride, &s);
	if (iter->status != PH_OK)
		return false;
	if (ph_target_has(t, PH_PyDictEntry_me_key)) {
		*ret_key = ph_struct_ptr(&s, PH_PyDictEntry_me_key);
		*ret_value = ph_struct_ptr(&s, PH_PyDictEntry_me_value);
		return true;
	}
	*ret_key = ph_struct_ptr(&s, iter->unicode_keys ? PH_PyDictUnicodeEntry_me_key : PH_PyDictKeyEntry_me_key);
	*ret_value =
		ph_struct_ptr(&s, iter->unicode_keys ? PH_PyDictUnicodeEntry_me_value : PH_PyDictKeyEntry_me_value);
	return true;
}

bool ph_dict_next(struct ph_dict_iter *iter, ph_addr *ret_key, ph_addr *ret_value)
{
	const struct ph_target *t = iter->objects->target;
	while (iter->index < iter->count) {
		size_t i = iter->index++, entry = i;
		ph_addr key, value;
		if (iter->values && !split_index(iter, i, &entry))
			return false;
		if (!read_entry(iter, entry, &key, &value))
			return false;
		if (iter->values) {
			iter->status = ph_target_read_ptr(t, iter->values + entry * t->layout.abi.pointer_size, &value);
			if (iter->status != PH_OK)
				return false;
		}
		if (!key || !value)
			continue; /* deleted */
		*ret_key = key;
		*ret_value = value;
		return true;
	}
	return false;
}

ph_addr ph_dict_get(struct ph_objects *objects, ph_addr dict, const char *ascii_key)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	if (ph_dict_begin(objects, dict, &iter) != PH_OK)
		return 0;
	while (ph_dict_next(&iter, &key, &value))
		if (ph_str_equals(objects, key, ascii_key))
			return value;
	return 0;
}

bool ph_is_dict(struct ph_objects *objects, ph_addr address)
{
	const struct ph_type_entry *type = address ? ph_object_type_entry(objects, address) : NULL;
	return type && type->type.kind == PH_KIND_DICT;
}

int64_t ph_dict_len(struct ph_objects *objects, ph_addr dict)
{
	struct ph_dict_iter iter;
	return ph_dict_begin(objects, dict, &iter) == PH_OK ? (int64_t)iter.used : -1;
}

/* The value of a key that is known by address and hash: probing as lookdict() does. */
ph_addr ph_dict_find_hashed(struct ph_objects *objects, ph_addr dict, ph_addr key, uint64_t hash)
{
	const struct ph_target *t = objects->target;
	struct ph_dict_keys keys;
	ph_addr keys_address;
	if (ph_target_ptr(t, dict, PH_PyDictObject_ma_keys, &keys_address) != PH_OK ||
	    ph_dict_keys_load(objects, keys_address, &keys) != PH_OK)
		return 0;
	struct ph_dict_iter entries = {
		.objects = objects, .entries = keys.entries, .stride = keys.stride, .unicode_keys = keys.unicode,
	};
	uint64_t mask = keys.size - 1, slot = hash & mask, perturb = hash;
	/* perturb is used up after 13 rounds, then the probes cover the table: 64 more find what is there */
	for (unsigned tries = 0; tries < 256; tries++) {
		uint8_t raw[8];
		ph_addr found, value;
		if (ph_image_read(t->image, keys.indices + slot * keys.index_bytes, raw, keys.index_bytes) != PH_OK)
			return 0;
		int64_t index = ph_load_int(raw, keys.index_bytes, t->layout.abi.big_endian);
		if (index == -1)
			return 0;
		if (index >= 0 && (uint64_t)index < keys.count && read_entry(&entries, (size_t)index, &found, &value) &&
		    found == key)
			return value;
		perturb >>= 5;
		slot = (slot * 5 + perturb + 1) & mask;
	}
	return 0;
}

enum ph_status ph_dict_walk(struct ph_objects *objects, ph_addr dict, uint64_t maximum, ph_pair_fn *each, void *user)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	if (ph_is_ordered_dict(objects, dict))
		return ph_ordered_dict_walk(objects, dict, maximum, each, user);
	enum ph_status status = ph_dict_begin(objects, dict, &iter);
	if (status != PH_OK)
		return status;
	for (uint64_t n = 0; n < maximum && ph_dict_next(&iter, &key, &value); n++)
		if (!each(user, key, value))
			break;
	return iter.status;
}

static int64_t size_of_keys(ph_addr address, const struct ph_dict_keys *keys)
{
	/* USABLE_FRACTION() */
	int64_t usable = (int64_t)(keys->size * 2 / 3);
	return (int64_t)(keys->indices - address) + (int64_t)(keys->size * keys->index_bytes) + usable * keys->stride;
}

int64_t ph_dict_keys_size(struct ph_objects *objects, ph_addr address)
{
	struct ph_dict_keys keys;
	return ph_dict_keys_load(objects, address, &keys) == PH_OK ? size_of_keys(address, &keys) : -1;
}

/* dict.__sizeof__: split values, and the keys unless they are shared. */
int64_t ph_dict_own_size(struct ph_objects *o, ph_addr dict)
{
	const struct ph_target *t = o->target;
	ph_addr address = ph_read_ptr(o, dict, PH_PyDictObject_ma_keys);
	struct ph_dict_keys keys;
	int64_t size = 0;
	if (ph_dict_keys_load(o, address, &keys) != PH_OK)
		return -1;
	if (ph_read_ptr(o, dict, PH_PyDictObject_ma_values)) {
		/* as many as the keys have room for */
		int64_t room = (int64_t)(keys.size * 2 / 3);
		if (ph_target_trait(t, PH_TRAIT_DICT_KEYS_LOG2))
			room = (int64_t)keys.count + ph_read_int(o, address, PH_PyDictKeysObject_dk_usable);
		if (room < 0 || room >> 40)
			return -1;
		size += room * t->layout.abi.pointer_size;
	}
	if (ph_read_int(o, address, PH_PyDictKeysObject_dk_refcnt) == 1)
		size += size_of_keys(address, &keys);
	return size;
}

static int64_t size_of(struct ph_decode *d)
{
	int64_t size = ph_dict_own_size(d->objects, d->address);
	return size < 0 ? -1 : d->type->type.basicsize + size;
}

enum ph_status ph_decode_dict(struct ph_decode *d)
{
	struct ph_value *value = d->value;
	struct ph_dict_iter iter;
	enum ph_status status = ph_dict_begin(d->objects, d->address, &iter);
	if (status != PH_OK)
		return status;
	value->len = (int64_t)iter.used;
	value->pair_total = iter.used;
	value->size = ph_size_with_head(d, size_of(d));
	value->form = PH_FORM_PAIRS;
	value->open = "{";
	value->close = "}";
	value->recursive = "{...}";
	ph_addr key, item;
	for (size_t n = 0; n < d->limits->children && ph_dict_next(&iter, &key, &item); n++)
		if (!ph_value_add_pair(value, key, item))
			return PH_LIMIT;
	return iter.status;
}
