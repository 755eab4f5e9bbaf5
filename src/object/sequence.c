/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tuple, list, and items in an array of pointers.  Include/cpython/tupleobject.h,
 * listobject.h of 3.8 to 3.13. */
#include "object/decoder.h"

enum ph_status ph_sequence_items(struct ph_objects *objects, ph_addr address, ph_addr *ret_items, size_t *ret_count)
{
	const struct ph_target *t = objects->target;
	const struct ph_type_entry *type = ph_object_type_entry(objects, address);
	int64_t size;
	ph_addr items;
	if (!type || (type->type.kind != PH_KIND_TUPLE && type->type.kind != PH_KIND_LIST))
		return PH_CORRUPT;
	enum ph_status status = ph_target_int(t, address, PH_PyVarObject_ob_size, &size);
	if (status != PH_OK)
		return status;
	if (type->type.kind == PH_KIND_TUPLE)
		items = ph_target_at(t, address, PH_PyTupleObject_ob_item);
	else if ((status = ph_target_ptr(t, address, PH_PyListObject_ob_item, &items)) != PH_OK)
		return status;
	uint64_t width = t->layout.abi.pointer_size;
	if (size < 0 || (uint64_t)size >> 48 ||
	    (size && ph_image_readable(t->image, items, (uint64_t)size * width) < (uint64_t)size * width))
		return PH_CORRUPT;
	*ret_items = items;
	*ret_count = (size_t)size;
	return PH_OK;
}

ph_addr ph_sequence_item(struct ph_objects *objects, ph_addr address, size_t index)
{
	ph_addr items, item;
	size_t count;
	if (ph_sequence_items(objects, address, &items, &count) != PH_OK || index >= count)
		return 0;
	return ph_target_read_ptr(objects->target, items + index * objects->target->layout.abi.pointer_size, &item) ==
			       PH_OK ?
		       item :
		       0;
}

enum ph_status ph_decode_items(struct ph_decode *d, ph_addr array, uint64_t count)
{
	d->value->item_total = count;
	uint64_t wanted = count < d->limits->children ? count : d->limits->children;
	for (uint64_t done = 0; done < wanted;) {
		ph_addr piece[64];
		uint64_t n = wanted - done < 64 ? wanted - done : 64;
		enum ph_status status = ph_target_read_ptrs(
			d->target, array + done * d->target->layout.abi.pointer_size, n, piece);
		if (status != PH_OK)
			return status;
		for (uint64_t i = 0; i < n; i++)
			if (!ph_value_add_item(d->value, piece[i]))
				return PH_LIMIT;
		done += n;
	}
	return PH_OK;
}

enum ph_status ph_decode_tuple(struct ph_decode *d)
{
	ph_addr items;
	size_t count;
	enum ph_status status = ph_sequence_items(d->objects, d->address, &items, &count);
	if (status != PH_OK)
		return status;
	struct ph_value *value = d->value;
	value->len = (int64_t)count;
	value->size = ph_size_with_head(d, d->type->type.basicsize +
						   (int64_t)(count * d->target->layout.abi.pointer_size));
	value->form = PH_FORM_ITEMS;
	value->open = "(";
	value->close = count == 1 ? ",)" : ")";
	value->recursive = "(...)";
	value->is_singleton = !count;
	return ph_decode_items(d, items, count);
}

enum ph_status ph_decode_list(struct ph_decode *d)
{
	ph_addr items;
	size_t count;
	enum ph_status status = ph_sequence_items(d->objects, d->address, &items, &count);
	if (status != PH_OK)
		return status;
	struct ph_value *value = d->value;
	int64_t allocated = ph_read_int(d->objects, d->address, PH_PyListObject_allocated);
	value->len = (int64_t)count;
	if (allocated >= (int64_t)count && !(allocated >> 40))
		value->size = ph_size_with_head(d, d->type->type.basicsize +
							   allocated * d->target->layout.abi.pointer_size);
	value->form = PH_FORM_ITEMS;
	value->open = "[";
	value->close = "]";
	value->recursive = "[...]";
	return ph_decode_items(d, items, count);
}
