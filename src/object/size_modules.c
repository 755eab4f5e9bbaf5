/* SPDX-License-Identifier: GPL-3.0-or-later */
/* __sizeof__ of types that extension modules make: Modules/_ctypes, _io, _decimal, _struct.c, and numpy. */
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

/* ---- numpy ---- */

/* PyArray_Descr: up to 1.26 elsize and alignment are ints, which 2.0 made words behind flags of 64 bits. */
static int64_t descr_item_size(const struct ph_target *t, ph_addr descr)
{
	enum { OLD_ITEM = 32, OLD_ALIGNMENT = 36, NEW_ITEM = 40, END = 48, SANE = 1 << 30 };
	const uint8_t *data = ph_image_view(t->image, descr, END);
	if (!data)
		return -1;
	bool old = ph_load_uint(data + OLD_ALIGNMENT, 4, t->layout.abi.big_endian) != 0;
	uint64_t size = old ? ph_load_uint(data + OLD_ITEM, 4, t->layout.abi.big_endian) :
			      ph_load_uint(data + NEW_ITEM, 8, t->layout.abi.big_endian);
	return size > SANE ? -1 : (int64_t)size;
}

bool ph_ndarray_load(const struct ph_target *t, ph_addr object, struct ph_ndarray *ret)
{
	enum { DATA = 16, ND = 24, DIMENSIONS = 32, STRIDES = 40, BASE = 48, DESCR = 56, FLAGS = 64, STRUCT = 72, WORD = 8 };
	bool big = t->layout.abi.big_endian;
	const uint8_t *data = ph_image_view(t->image, object, STRUCT);
	struct ph_ndarray a = { 0 };
	if (!data || t->layout.abi.pointer_size != WORD)
		return false;
	a.data = ph_load_uint(data + DATA, WORD, big);
	a.base = ph_load_uint(data + BASE, WORD, big);
	a.descr = ph_load_uint(data + DESCR, WORD, big);
	a.nd = (unsigned)ph_load_uint(data + ND, 4, big);
	a.flags = (unsigned)ph_load_uint(data + FLAGS, 4, big);
	a.dimensions = ph_load_uint(data + DIMENSIONS, WORD, big);
	if (a.nd > PH_NDARRAY_MAXIMUM)
		return false;
	if (a.nd && (ph_target_read_ptrs(t, a.dimensions, a.nd, a.shape) != PH_OK ||
		     ph_target_read_ptrs(t, ph_load_uint(data + STRIDES, WORD, big), a.nd, a.strides) != PH_OK))
		return false;
	a.item = descr_item_size(t, a.descr);
	*ret = a;
	return true;
}

bool ph_ndarray_holds_objects(const struct ph_target *t, const struct ph_ndarray *a)
{
	enum { KIND = 24, CONTIGUOUS = 3 /* as in C or as in Fortran */ };
	const uint8_t *kind = ph_image_view(t->image, a->descr + KIND, 1);
	return kind && *kind == 'O' && a->item == (int64_t)t->layout.abi.pointer_size && a->flags & CONTIGUOUS &&
	       a->flags & PH_NDARRAY_OWNDATA;
}

int64_t ph_ndarray_bytes(const struct ph_ndarray *a)
{
	uint64_t bytes = (uint64_t)a->item;
	if (a->item < 0)
		return -1;
	for (unsigned i = 0; i < a->nd; i++)
		if (__builtin_mul_overflow(bytes, a->shape[i], &bytes) || bytes >> 48)
			return -1;
	return (int64_t)bytes;
}

/* array_sizeof() in numpy/core/src/multiarray/methods.c: shape and strides, and the buffer where the array owns it. */
int64_t ph_ndarray_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_ndarray a;
	if (!ph_ndarray_load(shape->objects->target, object, &a))
		return -1;
	int64_t size = shape->size + (int64_t)(2 * a.nd) * shape->objects->target->layout.abi.pointer_size;
	int64_t bytes = a.flags & PH_NDARRAY_OWNDATA ? ph_ndarray_bytes(&a) : 0;
	return bytes < 0 ? -1 : size + bytes;
}

/* gentype_sizeof() in numpy/core/src/multiarray/scalartypes.c.src: the struct and the item. */
int64_t ph_numpy_scalar_size(const struct ph_shape *shape, ph_addr object)
{
	static const struct {
		const char *name;
		uint8_t size;
	} items[] = {
		{ "numpy.bool_", 1 },	   { "numpy.bool", 1 },	      { "numpy.int8", 1 },	 { "numpy.uint8", 1 },
		{ "numpy.int16", 2 },	   { "numpy.uint16", 2 },     { "numpy.float16", 2 },	 { "numpy.int32", 4 },
		{ "numpy.uint32", 4 },	   { "numpy.float32", 4 },    { "numpy.intc", 4 },	 { "numpy.uintc", 4 },
		{ "numpy.int64", 8 },	   { "numpy.uint64", 8 },     { "numpy.float64", 8 },	 { "numpy.longlong", 8 },
		{ "numpy.ulonglong", 8 },  { "numpy.datetime64", 8 }, { "numpy.timedelta64", 8 }, { "numpy.object_", 8 },
		{ "numpy.complex64", 8 },  { "numpy.complex128", 16 }, { "numpy.longdouble", 16 }, { "numpy.float128", 16 },
		{ "numpy.clongdouble", 32 }, { "numpy.complex256", 32 },
	};
	const struct ph_type *type = shape->type;
	int64_t size = ph_plain_size(shape, object);
	for (unsigned depth = 0; size >= 0 && type && depth < 16; depth++) {
		for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
			if (!strcmp(items[i].name, type->full))
				return size + items[i].size;
		type = type->base ? ph_type_get(shape->objects, type->base) : NULL;
	}
	return -1;
}
