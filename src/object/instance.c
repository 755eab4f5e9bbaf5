/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an object holds by name: its __dict__, inline values and slots.
 * _PyObject_GetDictPtr() in Objects/object.c; Include/internal/pycore_object.h
 * for managed dicts (3.11: values and dict in words before the object; 3.12: one
 * tagged word; 3.13: the values in the object itself). */
#include "object/decoder.h"

#include <string.h>

#define NAME_CHARACTERS 4096

static bool has_flag(const struct ph_objects *objects, const struct ph_type_entry *type, enum ph_trait bit_number)
{
	int32_t bit = ph_target_trait(objects->target, bit_number);
	return bit >= 0 && type->type.flags >> bit & 1;
}

ph_addr ph_dict_at_offset(struct ph_objects *objects, const struct ph_type *type, ph_addr object)
{
	const struct ph_target *t = objects->target;
	int64_t offset = type->dictoffset;
	ph_addr dict;
	if (!offset)
		return 0;
	if (offset < 0) {
		int64_t count = ph_magnitude(ph_read_int(objects, object, PH_PyVarObject_ob_size));
		int64_t word = t->layout.abi.pointer_size;
		if (count < 0 || count >> 40)
			return 0;
		int64_t size = type->basicsize + count * type->itemsize;
		offset += (size + word - 1) / word * word;
		if (offset <= 0)
			return 0;
	}
	return ph_target_read_ptr(t, object + (uint64_t)offset, &dict) == PH_OK ? dict : 0;
}

/* A managed dict, or the values that stand for it. */
static ph_addr managed_dict(struct ph_objects *objects, const struct ph_type_entry *type, ph_addr object,
			    ph_addr *ret_values)
{
	const struct ph_target *t = objects->target;
	int64_t dict_offset = ph_target_trait(t, PH_TRAIT_OBJECT_MANAGED_DICT_OFFSET);
	ph_addr word, values;
	if (ph_target_read_ptr(t, object + (uint64_t)dict_offset, &word) != PH_OK)
		return 0;
	switch (ph_target_trait(t, PH_TRAIT_OBJECT_DICT_FORM)) {
	case 1:
		if (word)
			return word;
		dict_offset = ph_target_trait(t, PH_TRAIT_OBJECT_MANAGED_VALUES_OFFSET);
		if (ph_target_read_ptr(t, object + (uint64_t)dict_offset, &values) == PH_OK)
			*ret_values = values;
		return 0;
	case 2:
		if (!(word & 1))
			return word;
		*ret_values = word + 1;
		return 0;
	case 3:
		if (word || !has_flag(objects, type, PH_TRAIT_TPFLAG_INLINE_VALUES))
			return word;
		values = object + (uint64_t)type->type.basicsize;
		if (ph_read_int(objects, values, PH_PyDictValues_valid))
			*ret_values = values;
		return 0;
	default:
		return 0;
	}
}

static ph_addr find_dict(struct ph_objects *objects, const struct ph_type_entry *type, ph_addr object,
			 ph_addr *ret_values)
{
	if (has_flag(objects, type, PH_TRAIT_TPFLAG_MANAGED_DICT))
		return managed_dict(objects, type, object, ret_values);
	if (!type->type.dictoffset)
		return ph_old_style_dict(objects, type, object);
	return ph_dict_at_offset(objects, &type->type, object);
}

ph_addr ph_object_dict(struct ph_objects *objects, ph_addr object)
{
	const struct ph_type_entry *type = ph_object_type_entry(objects, object);
	ph_addr values = 0;
	ph_addr dict = type ? find_dict(objects, type, object, &values) : 0;
	return ph_is_dict(objects, dict) ? dict : 0;
}

enum ph_status ph_attributes_begin(struct ph_objects *objects, const struct ph_type_entry *type, ph_addr object,
				   struct ph_dict_iter *ret)
{
	ph_addr values = 0;
	ph_addr dict = find_dict(objects, type, object, &values);
	if (dict)
		return ph_dict_begin(objects, dict, ret);
	if (!values)
		return PH_ABSENT;
	ph_addr keys = type->cached_keys;
	if (!keys)
		keys = ph_read_ptr(objects, type->type.address, PH_PyHeapTypeObject_ht_cached_keys);
	return keys ? ph_split_begin(objects, keys, values, ret) : PH_ABSENT;
}

static ph_addr read_slot(struct ph_objects *objects, ph_addr object, const struct ph_type_slot *slot)
{
	ph_addr value;
	return ph_target_read_ptr(objects->target, object + (uint64_t)slot->offset, &value) == PH_OK ? value : 0;
}

ph_addr ph_object_attribute(struct ph_objects *objects, ph_addr object, const char *ascii_name)
{
	struct ph_type_entry *type = (struct ph_type_entry *)ph_object_type_entry(objects, object);
	struct ph_dict_iter iter;
	ph_addr key, value;
	if (!type)
		return 0;
	if (!type->detailed)
		ph_type_detail(objects, type);
	for (size_t i = 0; i < type->slot_count; i++)
		if (!strcmp(type->slots[i].name, ascii_name) && (value = read_slot(objects, object, &type->slots[i])))
			return value;
	if (ph_attributes_begin(objects, type, object, &iter) != PH_OK)
		return 0;
	while (ph_dict_next(&iter, &key, &value))
		if (ph_str_equals(objects, key, ascii_name))
			return value;
	return 0;
}

/* Names of attributes are str; a namespace may hold others, which have no name here: NULL.  In the scratch buffer. */
static const char *copied_name(struct ph_objects *objects, ph_addr key)
{
	struct ph_buffer *name = &objects->scratch;
	ph_buffer_clear(name);
	enum ph_status status = ph_str_read(objects, key, NAME_CHARACTERS, name);
	return status == PH_OK || status == PH_LIMIT ? ph_buffer_text(name) : NULL;
}

static bool add_named(struct ph_decode *d, ph_addr key, ph_addr value)
{
	const char *view = ph_str_view(d->objects, key, NAME_CHARACTERS);
	if (view)
		return ph_value_add_named(d->value, view, value);
	const char *name = copied_name(d->objects, key);
	return !name || ph_value_add_attribute(d->value, name, value, false);
}

void ph_decode_namespace(struct ph_decode *d, struct ph_dict_iter *iter)
{
	ph_addr key, value;
	size_t left = d->limits->children;
	d->value->attribute_total += iter->used;
	while (left-- && ph_dict_next(iter, &key, &value))
		if (!add_named(d, key, value))
			break;
}

/* Whether objects of the type may hold something by name. */
static bool may_have_attributes(const struct ph_decode *d)
{
	return d->value->kind > PH_KIND_SET || d->type->type.dictoffset || d->type->slot_count ||
	       has_flag(d->objects, d->type, PH_TRAIT_TPFLAG_MANAGED_DICT);
}

void ph_decode_attributes(struct ph_decode *d)
{
	struct ph_dict_iter iter;
	if (!d->limits->children) {
		d->value->is_bare = may_have_attributes(d);
		return;
	}
	/* of a class and a module, the namespace itself is what vars() gives */
	if (d->value->kind == PH_KIND_TYPE) {
		const struct ph_type *self = ph_type_get(d->objects, d->address);
		if (self && self->dict && ph_dict_begin(d->objects, self->dict, &iter) == PH_OK)
			ph_decode_namespace(d, &iter);
		return;
	}
	if (ph_attributes_begin(d->objects, d->type, d->address, &iter) == PH_OK)
		ph_decode_namespace(d, &iter);
	for (size_t i = 0; i < d->type->slot_count; i++) {
		ph_addr value = read_slot(d->objects, d->address, &d->type->slots[i]);
		if (value && ph_value_add_attribute(d->value, d->type->slots[i].name, value, false))
			d->value->attribute_total++;
	}
}

/* ---- of many objects ---- */

ph_addr ph_object_body(struct ph_objects *objects, ph_addr object)
{
	const struct ph_type_entry *type = object ? ph_object_type_entry(objects, object) : NULL;
	ph_addr values = 0;
	if (!type || type->type.kind != PH_KIND_INSTANCE)
		return object;
	ph_addr dict = find_dict(objects, type, object, &values);
	return dict ? dict : values ? values : object;
}

static bool is_wanted_key(struct ph_objects *objects, ph_addr key, struct ph_names_wanted *names)
{
	size_t i = (key >> 4 ^ key >> 10) & (sizeof(names->known) / sizeof(names->known[0]) - 1);
	if (names->known[i].key == key)
		return names->known[i].is_wanted;
	const char *name = ph_str_view(objects, key, NAME_CHARACTERS);
	if (!name)
		name = copied_name(objects, key);
	names->known[i].key = key;
	return names->known[i].is_wanted = name && names->is_wanted(names->user, name);
}

static bool are_slots_wanted(const struct ph_type_entry *type, struct ph_names_wanted *names)
{
	if (names->type == &type->type)
		return names->slots_wanted;
	bool wanted = false;
	for (size_t i = 0; i < type->slot_count && !wanted; i++)
		wanted = names->is_wanted(names->user, type->slots[i].name);
	names->type = &type->type;
	return names->slots_wanted = wanted;
}

bool ph_object_lacks(struct ph_objects *objects, ph_addr object, struct ph_names_wanted *names)
{
	struct ph_type_entry *type = (struct ph_type_entry *)ph_object_type_entry(objects, object);
	struct ph_dict_iter iter;
	ph_addr key, value;
	if (!type || type->type.kind != PH_KIND_INSTANCE || type->type.decoder || type->type.name[0] == '?')
		return false;
	if (!type->detailed)
		ph_type_detail(objects, type);
	/* what a library's repr shows are parts besides */
	if ((type->repr != PH_REPR_KIND && type->repr != PH_REPR_OBJECT) || are_slots_wanted(type, names))
		return false;
	enum ph_status status = ph_attributes_begin(objects, type, object, &iter);
	if (status != PH_OK)
		return status == PH_ABSENT;
	while (ph_dict_next(&iter, &key, &value))
		if (is_wanted_key(objects, key, names))
			return false;
	return iter.status == PH_OK;
}
