/* SPDX-License-Identifier: GPL-3.0-or-later */
/* list[int] and int | str.  Objects/genericaliasobject.c (3.9 on), unionobject.c (3.10 on). */
#include <string.h>

#include "object/decoder.h"

/* ga_repr_item(): classes by name, the rest by repr; 0 for what has text. */
static const char *item_text(struct ph_decode *d, ph_addr item)
{
	const struct ph_type_entry *type = ph_object_type_entry(d->objects, item);
	if (!type)
		return "?";
	if (!strcmp(type->type.full, "ellipsis"))
		return "...";
	const struct ph_type_entry *self = type->type.is_type ? ph_type_entry(d->objects, item) : NULL;
	return self ? self->type.full : NULL;
}

static void add_item(struct ph_decode *d, const char *before, ph_addr item, const char *text)
{
	if (!ph_value_add_part(d->value, NULL, text ? 0 : item, text))
		return;
	d->value->parts[d->value->part_count - 1].before = before;
}

static void add_items(struct ph_decode *d, ph_addr args, const char *before)
{
	ph_addr items;
	size_t count = 0;
	if (!args || ph_sequence_items(d->objects, args, &items, &count) != PH_OK)
		return;
	d->value->text_cut = count > d->limits->children;
	for (size_t i = 0; i < count && i < d->limits->children; i++) {
		ph_addr item = ph_sequence_item(d->objects, args, i);
		const char *text = item_text(d, item);
		if (before && text && !strcmp(text, "NoneType"))
			text = "None";
		add_item(d, i ? before : NULL, item, text);
	}
	if (!count && !before)
		add_item(d, NULL, 0, "()");
}

enum ph_status ph_decode_generic_alias(struct ph_decode *d)
{
	ph_addr origin = ph_read_ptr(d->objects, d->address, PH_gaobject_origin);
	ph_addr args = ph_read_ptr(d->objects, d->address, PH_gaobject_args);
	const char *name = origin ? item_text(d, origin) : NULL;
	const char *star = ph_read_int(d->objects, d->address, PH_gaobject_starred) ? "*" : "";
	const char *open = name ? ph_value_printf(d->value, "%s%s[", star, name) : NULL;
	ph_decode_structural(d, "__origin__", origin);
	ph_decode_structural(d, "__args__", args);
	if (!open)
		return PH_OK;
	d->value->form = PH_FORM_PARTS;
	d->value->open = open;
	d->value->close = "]";
	add_items(d, args, NULL);
	return PH_OK;
}

enum ph_status ph_decode_union(struct ph_decode *d)
{
	ph_addr args = ph_read_ptr(d->objects, d->address, PH_unionobject_args);
	ph_decode_structural(d, "__args__", args);
	d->value->form = PH_FORM_PARTS;
	add_items(d, args, " | ");
	return PH_OK;
}
