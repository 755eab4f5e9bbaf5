/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bytes, bytearray, memoryview.  Include/cpython/bytesobject.h,
 * bytearrayobject.h, memoryobject.h of 3.8 to 3.13. */
#include "object/decoder.h"

#include <string.h>

const uint8_t *ph_bytes_view(struct ph_objects *objects, ph_addr address, size_t *ret_size)
{
	const struct ph_target *t = objects->target;
	const struct ph_type_entry *type = ph_object_type_entry(objects, address);
	int64_t size;
	if (!type || type->type.kind != PH_KIND_BYTES ||
	    ph_target_int(t, address, PH_PyVarObject_ob_size, &size) != PH_OK || size < 0)
		return NULL;
	ph_addr data = ph_target_at(t, address, PH_PyBytesObject_ob_sval);
	const uint8_t *view = ph_image_view(t->image, data, (size_t)size + 1);
	if (view)
		*ret_size = (size_t)size;
	return view;
}

/* `size` bytes at `data` as the value's text, at most the limit of them. */
static enum ph_status take_bytes(struct ph_decode *d, ph_addr data, int64_t size)
{
	struct ph_value *value = d->value;
	struct ph_image *image = d->target->image;
	if (size < 0 || ph_image_readable(image, data, (size_t)size) < (size_t)size)
		return PH_CORRUPT;
	size_t count = (size_t)size < d->limits->characters ? (size_t)size : d->limits->characters;
	const uint8_t *view = ph_image_view(image, data, count + 1);
	if (!view || view[count]) {
		/* cut, or across two mappings: a copy with a NUL behind */
		struct ph_buffer *out = &d->objects->scratch;
		ph_buffer_clear(out);
		for (size_t done = 0; done < count;) {
			uint8_t piece[1024];
			size_t n = count - done < sizeof(piece) ? count - done : sizeof(piece);
			enum ph_status status = ph_image_read(image, data + done, piece, n);
			if (status != PH_OK)
				return status;
			ph_buffer_append(out, piece, n);
			done += n;
		}
		view = (const uint8_t *)ph_value_copy(value, ph_buffer_text(out), out->size);
		if (!view)
			return PH_LIMIT;
		count = out->size;
	}
	value->text = (const char *)view;
	value->text_size = count;
	value->text_cut = count < (size_t)size;
	value->len = size;
	value->form = PH_FORM_BYTES;
	return PH_OK;
}

enum ph_status ph_decode_bytes(struct ph_decode *d)
{
	int64_t size;
	enum ph_status status = ph_target_int(d->target, d->address, PH_PyVarObject_ob_size, &size);
	if (status == PH_OK)
		status = take_bytes(d, ph_target_at(d->target, d->address, PH_PyBytesObject_ob_sval), size);
	if (status == PH_OK)
		d->value->is_singleton = size < 2;
	return status;
}

enum ph_status ph_decode_bytearray(struct ph_decode *d)
{
	int64_t size, alloc;
	ph_addr start;
	enum ph_status status = ph_target_int(d->target, d->address, PH_PyVarObject_ob_size, &size);
	if (status == PH_OK)
		status = ph_target_ptr(d->target, d->address,
				       ph_target_has(d->target, PH_PyByteArrayObject_ob_start) ?
					       PH_PyByteArrayObject_ob_start :
					       PH_PyByteArrayObject_ob_bytes,
				       &start);
	if (status == PH_OK)
		status = ph_target_int(d->target, d->address, PH_PyByteArrayObject_ob_alloc, &alloc);
	if (status == PH_OK)
		status = take_bytes(d, size ? start : d->address, size);
	if (status != PH_OK)
		return status;
	/* since 3.15 they are in a bytes object of its own, which counts where there is one */
	int64_t head = alloc > 0 && ph_target_has(d->target, PH_PyByteArrayObject_ob_bytes_object) ?
			       (int64_t)ph_target_at(d->target, 1, PH_PyBytesObject_ob_sval) :
			       0;
	if (alloc >= size && !(alloc >> 40))
		d->value->size = ph_size_with_head(d, d->type->type.basicsize + alloc + head);
	d->value->open = ph_value_printf(d->value, "%s(", d->type->short_name);
	d->value->close = ")";
	if (!d->value->open)
		d->value->open = "bytearray(";
	return PH_OK;
}

enum ph_status ph_decode_memoryview(struct ph_decode *d)
{
	const struct ph_target *t = d->target;
	ph_addr view = ph_target_at(t, d->address, PH_PyMemoryViewObject_view);
	int64_t flags = ph_read_int(d->objects, d->address, PH_PyMemoryViewObject_flags);
	/* _Py_MEMORYVIEW_RELEASED */
	bool released = flags & 1;
	ph_decode_text(d, ph_value_printf(d->value, released ? "<released memory at 0x%llx>" : "<memory at 0x%llx>",
					  (unsigned long long)d->address));
	if (!view || released)
		return PH_OK;
	int64_t ndim = ph_read_int(d->objects, view, PH_Py_buffer_ndim);
	ph_addr shape = ph_read_ptr(d->objects, view, PH_Py_buffer_shape);
	uint64_t first;
	if (ndim == 0)
		d->value->len = 1;
	else if (ndim > 0 && shape && ph_target_read_ptr(t, shape, &first) == PH_OK && (int64_t)first >= 0)
		d->value->len = (int64_t)first;
	ph_decode_structural(d, "obj", ph_read_ptr(d->objects, view, PH_Py_buffer_obj));
	return PH_OK;
}
