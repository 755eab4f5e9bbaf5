/* SPDX-License-Identifier: GPL-3.0-or-later */
/* __sizeof__ of types that extension modules make: Modules/_ctypes, _io, _decimal, _struct.c. */
#include "base/cursor.h"
#include "object/size.h"

static int64_t length_of_text(const struct ph_shape *shape, ph_addr text)
{
	char buffer[4096];
	if (!text || ph_image_read_string(shape->objects->target->image, text, buffer, sizeof(buffer)) != PH_OK)
		return 0;
	return (int64_t)strlen(buffer) + 1;
}

/* What a StgDict or StgInfo holds: the format, the elements of its ffi_type (the last word of three; one more than
 * it has), the shape.  -1 when it cannot be. */
static int64_t ctype_parts(const struct ph_shape *shape, ph_addr base, const enum ph_field fields[4])
{
	const struct ph_target *t = shape->objects->target;
	uint64_t width = t->layout.abi.pointer_size;
	int64_t dimensions = ph_read_int(shape->objects, base, fields[0]);
	int64_t length = ph_read_int(shape->objects, base, fields[1]);
	ph_addr ffi_type = ph_target_at(t, base, fields[2]), elements = 0;
	if (!ffi_type || dimensions < 0 || dimensions > 64 || length < 0 || length > PH_COUNT_MAXIMUM)
		return -1;
	if (ph_target_read_ptr(t, ffi_type + 2 * width, &elements) != PH_OK)
		return -1;
	int64_t size = length_of_text(shape, ph_read_ptr(shape->objects, base, fields[3]));
	return size + dimensions * (int64_t)width + (elements ? (length + 1) * (int64_t)width : 0);
}

/* PyCDict_sizeof() in Modules/_ctypes/stgdict.c, up to 3.12 */
int64_t ph_stgdict_size(const struct ph_shape *shape, ph_addr object)
{
	static const enum ph_field fields[] = { PH_StgDictObject_ndim, PH_StgDictObject_length,
						PH_StgDictObject_ffi_type_pointer, PH_StgDictObject_format };
	const struct ph_target *t = shape->objects->target;
	int64_t size = ph_dict_own_size(shape->objects, object), parts = ctype_parts(shape, object, fields);
	if (size < 0 || parts < 0)
		return -1;
	return size + (int64_t)ph_target_sizeof(t, PH_SIZEOF_StgDictObject) + parts +
	       (shape->size - (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyDictObject));
}

/* CType_Type_sizeof() in Modules/_ctypes/_ctypes.c since 3.13; the info lies behind the type, aligned to 16 bytes */
int64_t ph_ctype_size(const struct ph_shape *shape, ph_addr object)
{
	static const enum ph_field fields[] = { PH_StgInfo_ndim, PH_StgInfo_length, PH_StgInfo_ffi_type_pointer,
						PH_StgInfo_format };
	const struct ph_target *t = shape->objects->target;
	size_t type_size = ph_target_sizeof(t, PH_SIZEOF_PyHeapTypeObject);
	int64_t size = ph_plain_size(shape, object);
	int64_t parts = ctype_parts(shape, object + ((type_size + 15) & ~(size_t)15), fields);
	return size < 0 || parts < 0 ? -1 : size + parts;
}

/* s_sizeof() in Modules/_struct.c: formatcode is four words (of 2.7 three), the last one has no fmtdef */
int64_t ph_struct_module_size(const struct ph_shape *shape, ph_addr object)
{
	enum { CODES_MAXIMUM = 1 << 16 };
	const struct ph_target *t = shape->objects->target;
	uint64_t step = (ph_target_trait(t, PH_TRAIT_STR_IS_BYTES) == 1 ? 3u : 4u) * t->layout.abi.pointer_size;
	ph_addr codes = ph_read_ptr(shape->objects, object, PH_PyStructObject_s_codes), definition;
	for (unsigned n = 0; codes && n < CODES_MAXIMUM; n++) {
		if (ph_target_read_ptr(shape->objects->target, codes + n * step, &definition) != PH_OK)
			return -1;
		if (!definition)
			return shape->size + (int64_t)((n + 1) * step);
	}
	return -1;
}

/* buffered_sizeof() in Modules/_io/bufferedio.c */
int64_t ph_buffered_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t size = ph_read_int(shape->objects, object, PH_buffered_buffer_size);
	if (!ph_read_ptr(shape->objects, object, PH_buffered_buffer))
		return shape->size;
	return size < 0 || size > PH_COUNT_MAXIMUM ? -1 : shape->size + size;
}

/* bytesio_sizeof() in Modules/_io/bytesio.c: the bytes object where nobody shares it; of 2.7 the buffer */
int64_t ph_bytesio_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	ph_addr bytes = ph_read_ptr(shape->objects, object, PH_bytesio_buf);
	int64_t size;
	if (!bytes)
		return shape->size;
	if (ph_target_has(t, PH_bytesio_buf_size))
		size = ph_read_int(shape->objects, object, PH_bytesio_buf_size);
	else if (ph_object_refcount(shape->objects->target, bytes) != 1) /* an immortal one is shared */
		return shape->size;
	else if ((size = ph_read_int(shape->objects, bytes, PH_PyVarObject_ob_size)) >= 0)
		size += (int64_t)ph_target_at(t, 1, PH_PyBytesObject_ob_sval);
	return size < 0 || size > PH_COUNT_MAXIMUM ? -1 : shape->size + size;
}

/* dec_sizeof() in Modules/_decimal/_decimal.c; MPD_DATAFLAGS of libmpdec */
int64_t ph_decimal_size(const struct ph_shape *shape, ph_addr object)
{
	enum { NOT_ITS_OWN = 0x20 | 0x40 | 0x80 };
	const struct ph_target *t = shape->objects->target;
	ph_addr mpd = ph_target_at(t, object, PH_PyDecObject_dec);
	int64_t words = ph_read_int(shape->objects, mpd, PH_mpd_t_alloc);
	if (!mpd || words < 0 || words > PH_COUNT_MAXIMUM)
		return -1;
	bool own = !(ph_read_int(shape->objects, mpd, PH_mpd_t_flags) & NOT_ITS_OWN);
	return shape->size + (own ? words * t->layout.abi.pointer_size : 0);
}

/* array_sizeof() in Modules/arraymodule.c */
int64_t ph_array_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_objects *o = shape->objects;
	int64_t allocated = ph_read_int(o, object, PH_arrayobject_allocated), item;
	ph_addr descr = ph_read_ptr(o, object, PH_arrayobject_ob_descr);
	if (allocated < 0 || allocated > PH_COUNT_MAXIMUM)
		return -1;
	if (!allocated)
		return shape->size;
	if (ph_target_int(o->target, descr, PH_arraydescr_itemsize, &item) != PH_OK || item < 1 || item > 8)
		return -1;
	return shape->size + allocated * item;
}
