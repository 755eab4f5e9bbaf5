/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Offsets of the short ways, from the layout. */
#include "object/plain.h"

#include "object/decoder.h"

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

static bool is_ours(const struct ph_layout *layout)
{
	return layout->abi.pointer_size == 8 &&
	       layout->abi.big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* Up to 3.7 whether it is in a list is told otherwise; a free-threaded build has none. */
static bool learn_heads(const struct ph_layout *layout, struct ph_plain *p)
{
	const struct wanted wanted[] = {
		{ &p->gc_head, PH_SIZEOF_PyGC_Head, 0 },
		{ &p->gc_next, PH_PyGC_Head__gc_next, 8 },
		{ &p->gc_prev, PH_PyGC_Head__gc_prev, 8 },
	};
	int32_t shift = ph_layout_trait(layout, PH_TRAIT_GC_PREV_SHIFT);
	p->gc_prev_shift = (uint16_t)shift;
	return is_ours(layout) && ph_layout_trait(layout, PH_TRAIT_GC_NO_HEAD) <= 0 && shift >= 0 && shift < 64 &&
	       ph_layout_trait(layout, PH_TRAIT_GC_REFS_SHIFT) < 0 && !ph_layout_has(layout, PH_PyObject_ob_gc_bits) &&
	       !ph_layout_has(layout, PH_PyGC_Head_gc_gc_next) &&
	       take_offsets(layout, wanted, sizeof(wanted) / sizeof(*wanted));
}

/* Where the dict or the values of an instance are (traverse_dict.c has the forms). */
static bool learn_instances(const struct ph_layout *layout, struct ph_plain *p)
{
	const struct wanted wanted[] = {
		{ &p->values, PH_PyDictValues_values, 0 },
		{ &p->values_capacity, PH_PyDictValues_capacity, 1 },
		{ &p->values_valid, PH_PyDictValues_valid, 1 },
	};
	int32_t dict = ph_layout_trait(layout, PH_TRAIT_OBJECT_MANAGED_DICT_OFFSET);
	int32_t values = ph_layout_trait(layout, PH_TRAIT_OBJECT_MANAGED_VALUES_OFFSET);
	p->dict_form = (uint8_t)ph_layout_trait(layout, PH_TRAIT_OBJECT_DICT_FORM);
	p->values_form = (uint8_t)ph_layout_trait(layout, PH_TRAIT_DICT_VALUES_FORM);
	p->managed_dict = (int16_t)dict;
	p->managed_values = (int16_t)values;
	p->managed_dict_visited = ph_layout_trait(layout, PH_TRAIT_MANAGED_DICT_VISITED) == 1;
	if (dict < -64 || dict >= 0 || values < -64 || values > 0)
		return false;
	if (p->values_form == 1)
		return p->dict_form == 2 || (p->dict_form == 1 && values);
	return p->values_form == 2 && p->dict_form == 3 &&
	       take_offsets(layout, wanted, sizeof(wanted) / sizeof(*wanted));
}

static bool learn_count(const struct ph_layout *layout, struct ph_plain *p)
{
	const struct wanted wanted = { &p->refcount, PH_PyObject_ob_refcnt, 0 };
	const struct ph_slot *slot = &layout->slots[PH_PyObject_ob_refcnt];
	p->refcount_size = slot->size;
	p->has_immortals = ph_layout_trait(layout, PH_TRAIT_IMMORTAL_FORM) == 1;
	return !ph_layout_has(layout, PH_PyObject_ob_ref_local) && take_offsets(layout, &wanted, 1) &&
	       (slot->size == 8 || slot->size == 4);
}

static bool learn(const struct ph_layout *layout, struct ph_plain *p)
{
	const struct wanted wanted[] = {
		{ &p->ob_size, PH_PyVarObject_ob_size, 8 },
		{ &p->list_items, PH_PyListObject_ob_item, 8 },
		{ &p->tuple_items, PH_PyTupleObject_ob_item, 8 },
		{ &p->list_allocated, PH_PyListObject_allocated, 8 },
		{ &p->dict_used, PH_PyDictObject_ma_used, 8 },
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
	if (!is_ours(layout) || !p->has_gc_heads || !learn_count(layout, p) || !ph_layout_trait(layout, PH_TRAIT_DICT_KEYS_LOG2) ||
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
	const struct ph_layout *layout = &objects->target->layout;
	plain.has_gc_heads = learn_heads(layout, &plain);
	plain.works = learn(layout, &plain) && learn_instances(layout, &plain);
	plain.known = true;
	objects->plain = plain;
}

