/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "object/scalar.h"

#include <string.h>

#include "base/cursor.h"
#include "object/decoder.h"

/* Its text is no number and no repr. */
static bool describes(const struct ph_shape *shape)
{
	return shape->type->decoder && (shape->type->decoder->decode == ph_decode_ndarray ||
					shape->type->decoder->decode == ph_decode_dtype);
}

bool ph_shape_has_value(const struct ph_shape *shape)
{
	switch (shape->type->kind) {
	case PH_KIND_BOOL:
	case PH_KIND_INT:
	case PH_KIND_FLOAT:
	case PH_KIND_COMPLEX:
	case PH_KIND_STR:
	case PH_KIND_BYTES:
	case PH_KIND_BYTEARRAY:
		return true;
	default:
		return shape->type->decoder &&
		       (shape->type->decoder->decode == ph_decode_decimal ||
			shape->type->decoder->decode == ph_decode_numpy_scalar || describes(shape));
	}
}

enum ph_value_text ph_shape_value_text(const struct ph_shape *shape)
{
	bool is_2 = ph_target_trait(shape->objects->target, PH_TRAIT_STR_IS_BYTES) == 1;
	switch (shape->type->kind) {
	case PH_KIND_STR:
		return is_2 ? PH_VALUE_UNICODE_OF_2 : PH_VALUE_TEXT;
	case PH_KIND_BYTES:
		return is_2 ? PH_VALUE_STR_OF_2 : PH_VALUE_BYTES;
	case PH_KIND_BYTEARRAY:
		return PH_VALUE_BYTES;
	default:
		return describes(shape) ? PH_VALUE_DESCRIPTION : PH_VALUE_TEXT;
	}
}

static bool is_ascii(const uint8_t *bytes, size_t size)
{
	uint64_t all = 0, word;
	size_t i = 0;
	for (; i + 8 <= size; i += 8) {
		memcpy(&word, bytes + i, 8);
		all |= word;
	}
	for (; i < size; i++)
		all |= bytes[i];
	return !(all & UINT64_C(0x8080808080808080));
}

static bool take(const struct ph_target *t, ph_addr data, uint64_t size, size_t maximum, struct ph_scalar *ret)
{
	if (size >> 40)
		return false;
	const uint8_t *view = ph_image_look(t->image, data, size);
	if (!view)
		return false;
	ret->text = (const char *)view;
	ret->size = size < maximum ? size : maximum;
	ret->cut = ret->size < size;
	return true;
}

/* Compact, of one byte a character. */
static bool get_str(const struct ph_objects *objects, ph_addr object, size_t maximum, struct ph_scalar *ret)
{
	const struct ph_target *t = objects->target;
	struct ph_struct s;
	const uint8_t *text;
	uint64_t length;
	if (ph_plain_ascii(objects, object, &text, &length)) {
		ret->text = (const char *)text;
		ret->size = length < maximum ? length : maximum;
		ret->cut = ret->size < length;
		return is_ascii(text, ret->size);
	}
	if (ph_target_trait(t, PH_TRAIT_STR_IS_BYTES) == 1 ||
	    ph_struct_load(t, object, ph_target_sizeof(t, PH_SIZEOF_PyASCIIObject), &s) != PH_OK)
		return false;
	uint32_t state = (uint32_t)ph_struct_uint(&s, PH_PyASCIIObject_state);
	if (!(state >> ph_target_trait(t, PH_TRAIT_STR_ASCII_SHIFT) & 1) ||
	    !(state >> ph_target_trait(t, PH_TRAIT_STR_COMPACT_SHIFT) & 1) ||
	    (state >> ph_target_trait(t, PH_TRAIT_STR_KIND_SHIFT) & 7) != 1)
		return false;
	return take(t, object + ph_target_sizeof(t, PH_SIZEOF_PyASCIIObject),
		    ph_struct_uint(&s, PH_PyASCIIObject_length), maximum, ret) &&
	       is_ascii((const uint8_t *)ret->text, ret->size);
}

static bool get_bytes(const struct ph_shape *shape, ph_addr object, size_t maximum, struct ph_scalar *ret)
{
	const struct ph_target *t = shape->objects->target;
	const struct ph_type_entry *entry = (const struct ph_type_entry *)shape->type;
	int64_t size;
	if (entry->repr != PH_REPR_KIND || ph_target_int(t, object, PH_PyVarObject_ob_size, &size) != PH_OK || size < 0)
		return false;
	ret->is_bytes = true;
	return take(t, ph_target_at(t, object, PH_PyBytesObject_ob_sval), (uint64_t)size, maximum, ret);
}

static void put_decimal(bool negative, uint64_t magnitude, struct ph_scalar *ret)
{
	char *end = ret->room + sizeof(ret->room), *p = end;
	do
		*--p = (char)('0' + magnitude % 10);
	while (magnitude /= 10);
	if (negative)
		*--p = '-';
	ret->text = p;
	ret->size = (size_t)(end - p);
}

/* Of two digits at most (longobject.c's forms, as in long.c); larger ones are rare, and from 2**64 on hexadecimal. */
static bool get_int(const struct ph_shape *shape, ph_addr object, struct ph_scalar *ret)
{
	const struct ph_target *t = shape->objects->target;
	int32_t bit = ph_target_trait(t, PH_TRAIT_TPFLAG_INT_SUBCLASS);
	int64_t value, count;
	uint64_t tag, digits = 0;
	if (bit >= 0 && shape->type->flags >> bit & 1) {
		if (ph_int_get(shape->objects, object, &value) != PH_OK)
			return false;
		put_decimal(value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value, ret);
		return true;
	}
	if (ph_target_trait(t, PH_TRAIT_INT_DIGIT_BYTES) != 4)
		return false;
	if (ph_target_trait(t, PH_TRAIT_INT_SIGN_IN_TAG)) {
		if (ph_target_uint(t, object, PH_PyLongObject_lv_tag, &tag) != PH_OK || tag >> 3 > 2)
			return false;
		count = (tag & 3) == 1 ? 0 : (tag & 3) == 2 ? -(int64_t)(tag >> 3) : (int64_t)(tag >> 3);
	} else if (ph_target_int(t, object, PH_PyVarObject_ob_size, &count) != PH_OK || count < -2 || count > 2) {
		return false;
	}
	size_t n = (size_t)(count < 0 ? -count : count);
	const uint8_t *data = ph_image_look(t->image, ph_target_at(t, object, PH_PyLongObject_ob_digit), n * 4);
	if (!data)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t digit = ph_load_uint(data + i * 4, 4, t->layout.abi.big_endian);
		if (digit >> 30)
			return false;
		digits |= digit << 30 * i;
	}
	put_decimal(count < 0 && digits, digits, ret);
	return true;
}

static bool get_float(const struct ph_shape *shape, ph_addr object, struct ph_scalar *ret)
{
	const struct ph_target *t = shape->objects->target;
	ph_addr at = ph_target_at(t, object, PH_PyFloatObject_ob_fval);
	const uint8_t *data = at ? ph_image_look(t->image, at, 8) : NULL;
	_Static_assert(PH_SCALAR_ROOM >= PH_DOUBLE_ROOM, "room of a float");
	if (!data)
		return false;
	ph_double_repr(ph_load_double(data, t->layout.abi.big_endian), ret->room);
	ret->text = ret->room;
	ret->size = strlen(ret->room);
	return true;
}

bool ph_scalar_get(const struct ph_shape *shape, ph_addr object, size_t maximum, struct ph_scalar *ret)
{
	enum ph_kind kind = shape->type->kind;
	ret->cut = ret->is_bytes = false;
	ret->is_number = kind == PH_KIND_INT || kind == PH_KIND_FLOAT;
	switch (kind) {
	case PH_KIND_STR:
		return get_str(shape->objects, object, maximum, ret);
	case PH_KIND_BYTES:
		return get_bytes(shape, object, maximum, ret);
	case PH_KIND_INT:
		return get_int(shape, object, ret);
	case PH_KIND_FLOAT:
		return get_float(shape, object, ret);
	default:
		return false;
	}
}
