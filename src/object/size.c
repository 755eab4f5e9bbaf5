/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sys.getsizeof() of an object, without decoding it where its type allows: __sizeof__ of the builtin types in
 * Objects/ and Modules/ of 3.8 to 3.13, and the bytes before the object. */
#include "base/cursor.h"
#include "object/plain.h"
#include "object/numpy.h"
#include "object/size.h"

#define COUNT_MAXIMUM PH_COUNT_MAXIMUM

static int64_t read_int(const struct ph_shape *shape, ph_addr base, enum ph_field field)
{
	return ph_read_int(shape->objects, base, field);
}

/* object.__sizeof__ */
int64_t ph_plain_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t count = shape->item_size ? ph_magnitude(read_int(shape, object, PH_PyVarObject_ob_size)) : 0;
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
		count = ph_magnitude(read_int(shape, object, PH_PyVarObject_ob_size));
	}
	if (!count && ph_target_trait(t, PH_TRAIT_INT_SIZE_OF_ZERO_IS_ONE) == 1)
		count = 1;
	if (count < 0 || count > COUNT_MAXIMUM)
		return -1;
	return t->layout.slots[PH_PyLongObject_ob_digit].offset + count * ph_target_trait(t, PH_TRAIT_INT_DIGIT_BYTES);
}

/* long_sizeof() of 2.7 begins with what a subclass adds */
static int64_t long_of_2_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t count = ph_magnitude(read_int(shape, object, PH_PyVarObject_ob_size));
	if (count < 0 || count > COUNT_MAXIMUM)
		return -1;
	return shape->size + count * ph_target_trait(shape->objects->target, PH_TRAIT_INT_DIGIT_BYTES);
}

/* A list that is being sorted has -1 allocated. */
int64_t ph_list_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t allocated = read_int(shape, object, PH_PyListObject_allocated);
	if (allocated < -1 || allocated > COUNT_MAXIMUM)
		return -1;
	const struct ph_target *t = shape->objects->target;
	uint64_t bytes = allocated > 0 ? (uint64_t)allocated * t->layout.abi.pointer_size : 0;
	/* what is not readable cannot be its items: the core is damaged, or has none of that memory */
	if (bytes >> 20 &&
	    ph_image_readable(t->image, ph_read_ptr(shape->objects, object, PH_PyListObject_ob_item), bytes) < bytes)
		return -1;
	return shape->size + allocated * t->layout.abi.pointer_size;
}

/* dict_sizeof() of 2.7: a table of its own where it has outgrown the object's */
static int64_t old_dict_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	int64_t mask = read_int(shape, object, PH_PyDictObject_ma_mask);
	ph_addr table = ph_read_ptr(shape->objects, object, PH_PyDictObject_ma_table);
	if (mask < 0 || mask > COUNT_MAXIMUM)
		return -1;
	bool small = table == ph_target_at(t, object, PH_PyDictObject_ma_smalltable);
	return shape->size + (small ? 0 : (mask + 1) * (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyDictEntry));
}

int64_t ph_dict_size(const struct ph_shape *shape, ph_addr object)
{
	if (ph_target_has(shape->objects->target, PH_PyDictObject_ma_table))
		return old_dict_size(shape, object);
	int64_t size;
	if (!ph_plain_dict_size(shape->objects, object, &size))
		size = ph_dict_own_size(shape->objects, object);
	return size < 0 ? -1 : shape->size + size;
}

/* str of 2.7 holds bytes: string_sizeof() is without what a subclass adds. */
int64_t ph_str_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t size;
	if (shape->type->kind == PH_KIND_BYTES) {
		size = read_int(shape, object, PH_PyVarObject_ob_size);
		return size < 0 || size > COUNT_MAXIMUM ?
			       -1 :
			       (int64_t)ph_target_at(shape->objects->target, 1, PH_PyBytesObject_ob_sval) + size;
	}
	return ph_plain_str_size(shape->objects, object, &size) ? size : ph_str_own_size(shape->objects, object);
}

/* unicode_sizeof() of 2.7, which does not count the encoded form */
static int64_t unicode_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	int64_t length = read_int(shape, object, PH_PyUnicodeObject_length);
	if (length < 0 || length > COUNT_MAXIMUM)
		return -1;
	return (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyUnicodeObject) +
	       (length + 1) * ph_target_trait(t, PH_TRAIT_STR_UNIT_BYTES);
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

static int64_t tuple_length(struct ph_objects *o, ph_addr base, enum ph_field field)
{
	ph_addr tuple = ph_read_ptr(o, base, field);
	int64_t length = tuple ? ph_read_int(o, tuple, PH_PyVarObject_ob_size) : 0;
	return length < 0 || length > COUNT_MAXIMUM ? 0 : length;
}

/* code_sizeof() up to 3.10: the cache of opcodes, and which cells are arguments; 32 bytes are sizeof(_PyOpcache) in all
 * of them.  Since 3.11 the code
 * is in the object, rounded up to a word. */
static int64_t code_size(const struct ph_shape *shape, ph_addr object)
{
	enum { OPCACHE = 32 };
	struct ph_objects *o = shape->objects;
	const struct ph_target *t = o->target;
	int64_t size = ph_plain_size(shape, object), word = t->layout.abi.pointer_size;
	size_t bytes;
	if (size < 0 || ph_read_ptr(o, object, PH_PyCodeObject_co_extra))
		return -1;
	if (ph_target_has(t, PH_PyCodeObject_co_code_adaptive))
		return (size + word - 1) & -word;
	if (ph_read_ptr(o, object, PH_PyCodeObject_co_cell2arg))
		size += tuple_length(o, object, PH_PyCodeObject_co_cellvars) * word;
	if (ph_read_ptr(o, object, PH_PyCodeObject_co_opcache)) {
		ph_addr code = ph_read_ptr(o, object, PH_PyCodeObject_co_code);
		if (!ph_bytes_view(o, code, &bytes))
			return -1;
		size += (int64_t)(bytes / 2) + read_int(shape, object, PH_PyCodeObject_co_opcache_size) * OPCACHE;
	}
	return size;
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
		code = ph_untag_ref(t, ph_read_ptr(o, frame, ph_target_has(t, PH_PyInterpreterFrame_f_executable) ?
								     PH_PyInterpreterFrame_f_executable :
								     PH_PyInterpreterFrame_f_code));
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

/* type___sizeof___impl() in Objects/typeobject.c: the struct, and of a class the table of its instances' names. */
static int64_t type_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	if (ph_is_static_type(shape, object))
		return (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyTypeObject);
	ph_addr keys = ph_read_ptr(shape->objects, object, PH_PyHeapTypeObject_ht_cached_keys);
	int64_t keys_size = keys ? ph_dict_keys_size(shape->objects, keys) : 0;
	return keys_size < 0 ? -1 : (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyHeapTypeObject) + keys_size;
}

static const struct {
	const char *name;
	ph_size_fn *size;
} by_name[] = {
	{ "type", type_size },
	{ "StgDict", ph_stgdict_size },
	{ "_struct.Struct", ph_struct_module_size },
	{ "Struct", ph_struct_module_size },
	{ "_ctypes.CType_Type", ph_ctype_size },
	{ "_io.BufferedReader", ph_buffered_size },
	{ "_io.BufferedWriter", ph_buffered_size },
	{ "_io.BufferedRandom", ph_buffered_size },
	{ "_io.BytesIO", ph_bytesio_size },
	{ "decimal.Decimal", ph_decimal_size },
	{ "array.array", ph_array_size },
	{ "xml.etree.ElementTree.Element", ph_element_size },
	{ "_queue.SimpleQueue", ph_simple_queue_size },
	{ "itertools.product", ph_product_size },
	{ "itertools.combinations", ph_combinations_size },
	{ "itertools.combinations_with_replacement", ph_combinations_size },
	{ "itertools.permutations", ph_permutations_size },
	{ "_pickle.Pickler", ph_pickler_size },
	{ "_pickle.Unpickler", ph_unpickler_size },
	{ "numpy.ndarray", ph_ndarray_size },
	{ "numpy.generic", ph_numpy_scalar_size },
	{ "long", long_of_2_size },
	{ "unicode", unicode_size },
	{ "code", code_size },
	{ "frame", frame_size },
	{ "int", int_size },
	{ "str", ph_str_size },
	{ "list", ph_list_size },
	{ "dict", ph_dict_size },
	{ "frozendict", ph_dict_size },
	{ "set", set_size },
	{ "frozenset", set_size },
};

static ph_size_fn *find_by_name(const struct ph_type *type)
{
	for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
		if (!strcmp(by_name[i].name, type->full))
			return by_name[i].size;
	return NULL;
}

/* Where the dicts of types were cut away: that of the nearest base whose __sizeof__ is known, at last object's. */
static ph_size_fn *find_by_bases(struct ph_objects *objects, const struct ph_type *type)
{
	ph_size_fn *found = NULL;
	for (unsigned depth = 0; type && !found && depth < 64; depth++) {
		found = find_by_name(type);
		if (!found && !type->base && !strcmp(type->full, "object"))
			found = ph_plain_size;
		type = type->base ? ph_type_get(objects, type->base) : NULL;
	}
	return found;
}

/* The size is that of the type whose __sizeof__ it is. */
void ph_shape_find_size(struct ph_shape *shape, const struct ph_type_entry *entry)
{
	if (!entry->has_sizeof) {
		shape->sizeof_ = ph_plain_size;
		return;
	}
	/* a type that was not made ready, of 2.7: sys.getsizeof() does that first */
	bool unready = !entry->sizeof_owner && !entry->type.mro;
	const struct ph_type *owner = entry->sizeof_owner ? ph_type_get(shape->objects, entry->sizeof_owner) : NULL;
	if (unready)
		owner = &entry->type;
	if (owner)
		shape->sizeof_ = find_by_name(owner);
	else if (!entry->sizeof_owner)
		shape->sizeof_ = find_by_bases(shape->objects, &entry->type);
	if (unready && !shape->sizeof_)
		shape->sizeof_ = ph_plain_size;
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
	/* types of C have no head; two versions count it all the same */
	uint32_t front = shape->front;
	if (shape->is_type && ph_target_trait(shape->objects->target, PH_TRAIT_STATIC_TYPE_SIZE_HAS_HEAD) != 1)
		front = ph_object_front(shape, object);
	return size < 0 ? -1 : size + front;
}

/* Of the rarer kinds those that len() takes. */
static bool is_sized(const struct ph_shape *shape)
{
	static ph_decode_fn *const sized[] = {
		ph_decode_ndarray,   ph_decode_array,	    ph_decode_memoryview, ph_decode_memoryview_of_2,
		ph_decode_range,     ph_decode_xrange,	    ph_decode_dict_keys,  ph_decode_dict_values,
		ph_decode_dict_items, ph_decode_mappingproxy,
	};
	if (shape->type->kind != PH_KIND_OTHER || !shape->type->decoder)
		return false;
	for (size_t i = 0; i < sizeof(sized) / sizeof(*sized); i++)
		if (shape->type->decoder->decode == sized[i])
			return true;
	return false;
}

bool ph_shape_has_len(const struct ph_shape *shape)
{
	switch (shape->type->kind) {
	case PH_KIND_TUPLE:
	case PH_KIND_LIST:
	case PH_KIND_BYTES:
	case PH_KIND_BYTEARRAY:
	case PH_KIND_DEQUE:
	case PH_KIND_STR:
	case PH_KIND_DICT:
	case PH_KIND_SET:
		return true;
	default:
		return is_sized(shape);
	}
}

/* As its decoder has it. */
static int64_t slow_len(const struct ph_shape *shape, ph_addr object)
{
	struct ph_value value = { 0 };
	struct ph_value_limits limits = { 0 };
	ph_object_value(shape->objects, object, &limits, &value);
	int64_t len = value.len;
	ph_value_deinit(&value);
	return len;
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
		field = PH_PyVarObject_ob_size;
		break;
	case PH_KIND_DEQUE:
		/* 2.7's is no PyVarObject */
		field = ph_target_has(shape->objects->target, PH_dequeobject_len) ? PH_dequeobject_len :
										   PH_PyVarObject_ob_size;
		break;
	case PH_KIND_STR:
		field = ph_target_has(shape->objects->target, PH_PyASCIIObject_length) ? PH_PyASCIIObject_length :
											PH_PyUnicodeObject_length;
		break;
	case PH_KIND_DICT:
		field = PH_PyDictObject_ma_used;
		break;
	case PH_KIND_SET:
		field = PH_PySetObject_used;
		break;
	default:
		return is_sized(shape) ? slow_len(shape, object) : -1;
	}
	return ph_target_int(shape->objects->target, object, field, &len) == PH_OK && len >= 0 ? len : -1;
}
