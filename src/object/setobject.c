/* SPDX-License-Identifier: GPL-3.0-or-later */
/* set and frozenset, in the order of the table.  Objects/setobject.c of 3.8 to
 * 3.13: an entry is unused with a NULL key, deleted with hash -1 (which no
 * object has). */
#include "object/decoder.h"

/* A table of more entries is a lie. */
#define MASK_MAXIMUM ((UINT64_C(1) << 40) - 1)

static enum ph_status add_entries(struct ph_decode *d, ph_addr table, uint64_t mask, uint64_t used)
{
	size_t stride = ph_target_sizeof(d->target, PH_SIZEOF_setentry);
	uint64_t wanted = used < d->limits->children ? used : d->limits->children;
	bool named_dummies = ph_target_trait(d->target, PH_TRAIT_STR_IS_BYTES) == 1;
	for (uint64_t i = 0; i <= mask && wanted; i++) {
		struct ph_struct entry;
		enum ph_status status = ph_struct_load(d->target, table + i * stride, stride, &entry);
		if (status != PH_OK)
			return status;
		ph_addr key = ph_struct_ptr(&entry, PH_setentry_key);
		if (!key || ph_struct_int(&entry, PH_setentry_hash) == -1)
			continue;
		if (named_dummies && ph_str_equals(d->objects, key, "<dummy key>"))
			continue; /* Objects/setobject.c of 2.7 */
		if (!ph_value_add_item(d->value, key))
			return PH_LIMIT;
		wanted--;
	}
	return PH_OK;
}

static void set_form(struct ph_decode *d, bool empty)
{
	struct ph_value *value = d->value;
	const char *name = d->type->tp_name;
	bool exact = d->type->type.decoder && !d->type->type.is_heap && d->type->type.name[0] == 's';
	value->form = PH_FORM_ITEMS;
	value->recursive = ph_value_printf(value, "%s(...)", name);
	if (!value->recursive)
		value->recursive = "...";
	if (empty) {
		value->open = ph_value_printf(value, "%s(", name);
		value->close = ")";
	} else {
		value->open = exact ? "{" : ph_value_printf(value, "%s({", name);
		value->close = exact ? "}" : "})";
	}
	if (!value->open)
		value->open = "{";
}

enum ph_status ph_decode_set(struct ph_decode *d)
{
	struct ph_struct s;
	const struct ph_target *t = d->target;
	enum ph_status status = ph_struct_load(t, d->address, ph_target_sizeof(t, PH_SIZEOF_PySetObject), &s);
	if (status != PH_OK)
		return status;
	int64_t used = ph_struct_int(&s, PH_PySetObject_used);
	uint64_t mask = ph_struct_uint(&s, PH_PySetObject_mask);
	ph_addr table = ph_struct_ptr(&s, PH_PySetObject_table);
	uint64_t stride = ph_target_sizeof(t, PH_SIZEOF_setentry);
	if (used < 0 || mask > MASK_MAXIMUM || mask & (mask + 1) || (uint64_t)used > mask + 1 ||
	    ph_image_readable(t->image, table, (mask + 1) * stride) < (mask + 1) * stride)
		return PH_CORRUPT;
	d->value->len = used;
	d->value->item_total = (uint64_t)used;
	d->value->size = d->type->type.basicsize;
	if (table != ph_target_at(t, d->address, PH_PySetObject_smalltable))
		d->value->size += (int64_t)((mask + 1) * stride);
	d->value->size = ph_size_with_head(d, d->value->size);
	set_form(d, !used);
	return add_entries(d, table, mask, (uint64_t)used);
}
