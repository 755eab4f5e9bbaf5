/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sys.getsizeof() of an object, without decoding it where its type allows: __sizeof__ of the builtin types in
 * Objects/ and Modules/ of 3.8 to 3.13, and the bytes before the object. */
#include "base/cursor.h"
#include "object/visit.h"

#define COUNT_MAXIMUM (INT64_C(1) << 40)

typedef int64_t size_fn(const struct ph_shape *shape, ph_addr object);

static int64_t read_int(const struct ph_shape *shape, ph_addr base, enum ph_field field)
{
	return ph_read_int(shape->objects, base, field);
}

/* object.__sizeof__ */
static int64_t plain_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t count = shape->item_size ? read_int(shape, object, PH_PyVarObject_ob_size) : 0;
	if (count < 0)
		count = -count;
	return count < 0 || count > COUNT_MAXIMUM ? -1 : shape->size + count * shape->item_size;
}

static int64_t int_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	int64_t count;
	if (ph_target_trait(t, PH_TRAIT_INT_SIGN_IN_TAG)) {
		uint64_t tag;
		if (ph_target_uint(t, object, PH_PyLongObject_lv_tag, &tag) != PH_OK)
			return -1;
		count = (int64_t)((tag & (uint64_t)ph_target_trait(t, PH_TRAIT_INT_TAG_SIGN_MASK)) == 1 ?
					  0 :
					  tag >> ph_target_trait(t, PH_TRAIT_INT_TAG_SHIFT));
	} else {
		count = read_int(shape, object, PH_PyVarObject_ob_size);
		if (count < 0)
			count = -count;
	}
	if (!count && ph_target_trait(t, PH_TRAIT_INT_SIZE_OF_ZERO_IS_ONE) == 1)
		count = 1;
	if (count < 0 || count > COUNT_MAXIMUM)
		return -1;
	return t->layout.slots[PH_PyLongObject_ob_digit].offset + count * ph_target_trait(t, PH_TRAIT_INT_DIGIT_BYTES);
}

/* A list that is being sorted has -1 allocated. */
static int64_t list_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t allocated = read_int(shape, object, PH_PyListObject_allocated);
	if (allocated < -1 || allocated > COUNT_MAXIMUM)
		return -1;
	return shape->size + allocated * shape->objects->target->layout.abi.pointer_size;
}

static int64_t dict_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t size = ph_dict_own_size(shape->objects, object);
	return size < 0 ? -1 : shape->size + size;
}

/* str of 2.7 holds bytes. */
static int64_t str_size(const struct ph_shape *shape, ph_addr object)
{
	return shape->type->kind == PH_KIND_BYTES ? plain_size(shape, object) : ph_str_own_size(shape->objects, object);
}

static int64_t set_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	int64_t mask = read_int(shape, object, PH_PySetObject_mask);
	ph_addr table = ph_read_ptr(shape->objects, object, PH_PySetObject_table);
	if (mask < 0 || mask > COUNT_MAXIMUM)
		return -1;
	bool small = table == ph_target_at(t, object, PH_PySetObject_smalltable);
	return shape->size + (small ? 0 : (mask + 1) * (int64_t)ph_target_sizeof(t, PH_SIZEOF_setentry));
}

static int64_t length_of_text(const struct ph_shape *shape, ph_addr text)
{
	char buffer[4096];
	if (!text || ph_image_read_string(shape->objects->target->image, text, buffer, sizeof(buffer)) != PH_OK)
		return 0;
	return (int64_t)strlen(buffer) + 1;
}

/* PyCDict_sizeof() in Modules/_ctypes/stgdict.c; the type's basicsize has the struct already */
static int64_t stgdict_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	int64_t size = dict_size(shape, object), dimensions = read_int(shape, object, PH_StgDictObject_ndim);
	if (size < 0 || dimensions < 0 || dimensions > 64)
		return -1;
	size += (int64_t)(ph_target_sizeof(t, PH_SIZEOF_StgDictObject) - ph_target_sizeof(t, PH_SIZEOF_PyDictObject));
	size += length_of_text(shape, ph_read_ptr(shape->objects, object, PH_StgDictObject_format));
	return size + dimensions * t->layout.abi.pointer_size;
}

/* CType_Type_sizeof() in Modules/_ctypes/_ctypes.c of 3.13; the info lies behind the type, aligned to 16 bytes */
static int64_t ctype_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	size_t type_size = ph_target_sizeof(t, PH_SIZEOF_PyHeapTypeObject);
	ph_addr info = object + ((type_size + 15) & ~(size_t)15);
	int64_t size = plain_size(shape, object), dimensions = read_int(shape, info, PH_StgInfo_ndim);
	if (size < 0 || dimensions < 0 || dimensions > 64 || !ph_target_has(t, PH_StgInfo_format))
		return -1;
	size += length_of_text(shape, ph_read_ptr(shape->objects, info, PH_StgInfo_format));
	return size + dimensions * t->layout.abi.pointer_size;
}

/* s_sizeof() in Modules/_struct.c: formatcode is four words, the last one has no fmtdef */
static int64_t struct_size(const struct ph_shape *shape, ph_addr object)
{
	enum { WORDS = 4, CODES_MAXIMUM = 1 << 16 };
	uint64_t step = WORDS * shape->objects->target->layout.abi.pointer_size;
	ph_addr codes = ph_read_ptr(shape->objects, object, PH_PyStructObject_s_codes), definition;
	for (unsigned n = 0; codes && n < CODES_MAXIMUM; n++) {
		if (ph_target_read_ptr(shape->objects->target, codes + n * step, &definition) != PH_OK)
			return -1;
		if (!definition)
			return shape->size + (int64_t)((n + 1) * step);
	}
	return -1;
}

/* code_sizeof() up to 3.10: the cache of opcodes, and which cells are arguments; 32 bytes are sizeof(_PyOpcache) in all
 * of them.  Since 3.11 the code
 * is in the object, rounded up to a word. */
static int64_t code_size(const struct ph_shape *shape, ph_addr object)
{
	enum { OPCACHE = 32 };
	struct ph_objects *o = shape->objects;
	const struct ph_target *t = o->target;
	int64_t size = plain_size(shape, object);
	size_t bytes;
	if (ph_read_ptr(o, object, PH_PyCodeObject_co_extra))
		return -1;
	if (ph_target_has(t, PH_PyCodeObject_co_code_adaptive))
		return (size + 7) & ~INT64_C(7);
	if (ph_read_ptr(o, object, PH_PyCodeObject_co_cell2arg)) {
		ph_addr cells = ph_read_ptr(o, object, PH_PyCodeObject_co_cellvars);
		size += cells ? ph_read_int(o, cells, PH_PyVarObject_ob_size) * t->layout.abi.pointer_size : 0;
	}
	if (ph_read_ptr(o, object, PH_PyCodeObject_co_opcache)) {
		ph_addr code = ph_read_ptr(o, object, PH_PyCodeObject_co_code);
		if (!ph_bytes_view(o, code, &bytes))
			return -1;
		size += (int64_t)(bytes / 2) + read_int(shape, object, PH_PyCodeObject_co_opcache_size) * OPCACHE;
	}
	return size;
}

static int64_t tuple_length(struct ph_objects *o, ph_addr base, enum ph_field field)
{
	ph_addr tuple = ph_read_ptr(o, base, field);
	int64_t length = tuple ? ph_read_int(o, tuple, PH_PyVarObject_ob_size) : 0;
	return length < 0 || length > COUNT_MAXIMUM ? 0 : length;
}

/* frame_sizeof(), up to 3.10: without the one local that the struct has */
static int64_t frame_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_objects *o = shape->objects;
	const struct ph_target *t = o->target;
	ph_addr code = ph_read_ptr(o, object, PH_PyFrameObject_f_code);
	int64_t width = t->layout.abi.pointer_size;
	if (ph_target_has(t, PH_PyFrameObject_f_frame)) {
		ph_addr frame = ph_read_ptr(o, object, PH_PyFrameObject_f_frame);
		code = ph_read_ptr(o, frame, ph_target_has(t, PH_PyInterpreterFrame_f_executable) ?
						     PH_PyInterpreterFrame_f_executable :
						     PH_PyInterpreterFrame_f_code);
		int64_t slots = ph_read_int(o, code, PH_PyCodeObject_co_nlocalsplus) +
				ph_read_int(o, code, PH_PyCodeObject_co_stacksize);
		int64_t start = ph_target_at(t, 0, PH_PyFrameObject__f_frame_data) +
				ph_target_at(t, 0, PH_PyInterpreterFrame_localsplus);
		return !code || slots < 0 || slots > COUNT_MAXIMUM ? -1 : start + slots * width;
	}
	int64_t slots = ph_read_int(o, code, PH_PyCodeObject_co_stacksize) +
			ph_read_int(o, code, PH_PyCodeObject_co_nlocals) +
			tuple_length(o, code, PH_PyCodeObject_co_cellvars) +
			tuple_length(o, code, PH_PyCodeObject_co_freevars);
	if (!code || slots < 0 || slots > COUNT_MAXIMUM)
		return -1;
	return (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyFrameObject) + (slots ? slots - 1 : 0) * width;
}

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

/* array_sizeof() in numpy/core/src/multiarray/methods.c: shape and strides, and the buffer where the array owns it.
 * PyArrayObject_fields of numpy/core/include/numpy/ndarraytypes.h has not changed since 1.7; 64-bit machines. */
static int64_t ndarray_size(const struct ph_shape *shape, ph_addr object)
{
	enum { ND = 24, DIMENSIONS = 32, STRIDES = 40, DESCR = 56, FLAGS = 64, STRUCT = 72, WORD = 8 };
	enum { C_CONTIGUOUS = 1, F_CONTIGUOUS = 2, OWNDATA = 4, ND_MAXIMUM = 64 };
	const struct ph_target *t = shape->objects->target;
	bool big = t->layout.abi.big_endian;
	const uint8_t *data = ph_image_view(t->image, object, STRUCT);
	ph_addr dimensions[ND_MAXIMUM], strides[ND_MAXIMUM];
	if (!data || t->layout.abi.pointer_size != WORD)
		return -1;
	uint64_t nd = ph_load_uint(data + ND, 4, big), flags = ph_load_uint(data + FLAGS, 4, big);
	if (nd > ND_MAXIMUM)
		return -1;
	int64_t size = shape->size + (int64_t)(2 * nd * WORD);
	if (!(flags & OWNDATA))
		return size;
	if (!nd) {
		int64_t item = descr_item_size(t, ph_load_uint(data + DESCR, WORD, big));
		return item < 0 ? -1 : size + item;
	}
	if (!(flags & (C_CONTIGUOUS | F_CONTIGUOUS)) ||
	    ph_target_read_ptrs(t, ph_load_uint(data + DIMENSIONS, WORD, big), nd, dimensions) != PH_OK ||
	    ph_target_read_ptrs(t, ph_load_uint(data + STRIDES, WORD, big), nd, strides) != PH_OK)
		return -1;
	/* the fastest dimension's stride is the size of an item */
	uint64_t bytes = flags & C_CONTIGUOUS ? strides[nd - 1] : strides[0];
	for (uint64_t i = 0; i < nd; i++)
		if (__builtin_mul_overflow(bytes, dimensions[i], &bytes) || bytes >> 48)
			return -1;
	return size + (int64_t)bytes;
}

static const struct {
	const char *name;
	size_fn *size;
} by_name[] = {
	{ "StgDict", stgdict_size },
	{ "_struct.Struct", struct_size },
	{ "Struct", struct_size },
	{ "_ctypes.CType_Type", ctype_size },
	{ "numpy.ndarray", ndarray_size },
	{ "code", code_size },
	{ "frame", frame_size },
	{ "int", int_size },
	{ "str", str_size },
	{ "list", list_size },
	{ "dict", dict_size },
	{ "frozendict", dict_size },
	{ "set", set_size },
	{ "frozenset", set_size },
};

/* The size is that of the type whose __sizeof__ it is. */
void ph_shape_find_size(struct ph_shape *shape, const struct ph_type_entry *entry)
{
	if (!entry->has_sizeof) {
		shape->sizeof_ = plain_size;
		return;
	}
	const struct ph_type *owner = entry->sizeof_owner ? ph_type_get(shape->objects, entry->sizeof_owner) : NULL;
	for (size_t i = 0; owner && i < sizeof(by_name) / sizeof(*by_name); i++)
		if (!strcmp(by_name[i].name, owner->full))
			shape->sizeof_ = by_name[i].size;
}

static int64_t slow_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_value value = { 0 };
	struct ph_value_limits limits = { 0 };
	ph_object_value(shape->objects, object, &limits, &value);
	int64_t size = value.size;
	ph_value_deinit(&value);
	return size;
}

int64_t ph_object_size(const struct ph_shape *shape, ph_addr object)
{
	if (!shape->sizeof_)
		return slow_size(shape, object);
	int64_t size = shape->sizeof_(shape, object);
	return size < 0 ? -1 : size + shape->front;
}

int64_t ph_object_len(const struct ph_shape *shape, ph_addr object)
{
	enum ph_field field;
	int64_t len;
	switch (shape->type->kind) {
	case PH_KIND_TUPLE:
	case PH_KIND_LIST:
	case PH_KIND_BYTES:
	case PH_KIND_BYTEARRAY:
	case PH_KIND_DEQUE:
		field = PH_PyVarObject_ob_size;
		break;
	case PH_KIND_STR:
		field = PH_PyASCIIObject_length;
		break;
	case PH_KIND_DICT:
		field = PH_PyDictObject_ma_used;
		break;
	case PH_KIND_SET:
		field = PH_PySetObject_used;
		break;
	default:
		return -1;
	}
	return ph_target_int(shape->objects->target, object, field, &len) == PH_OK && len >= 0 ? len : -1;
}
