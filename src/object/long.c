/* SPDX-License-Identifier: GPL-3.0-or-later */
/* int and bool.  Include/cpython/longintrepr.h of 3.8 to 3.13: up to 3.11 the
 * sign is ob_size's; since 3.12 (gh-101291) lv_tag holds the number of digits
 * above three bits of which the lowest two are the sign (0 positive, 1 zero,
 * 2 negative).  Digits of 30 bits, the lowest first; of 15 bits on 32-bit machines
 * up to 3.10 (bpo-45569), two of which make one here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "object/decoder.h"

#define DIGIT_BITS 30
/* sys.int_info.default_max_str_digits: beyond it str() refuses, and so do we (hexadecimal is linear) */
#define DECIMAL_DIGITS_MAXIMUM 4300
/* digits of 30 bits of an int that we read at all: a quarter of a million bits */
#define DIGITS_MAXIMUM 8192

struct number {
	bool negative;
	size_t count;	  /* digits of 30 bits, without leading zeros */
	uint64_t claimed; /* what the object says, in digits of its own */
	unsigned bytes;	  /* of each of those: 4 or 2 */
	ph_addr digits;
	bool is_long;	  /* 2.7: a C long, whose magnitude this is */
	uint64_t magnitude;
};

/* PyIntObject of 2.7, bool among them. */
static enum ph_status load_int_of_2(struct ph_objects *objects, ph_addr address, struct number *ret)
{
	int64_t value;
	enum ph_status status = ph_target_int(objects->target, address, PH_PyIntObject_ob_ival, &value);
	if (status != PH_OK)
		return status;
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	*ret = (struct number){ .negative = value < 0, .is_long = true, .magnitude = magnitude };
	ret->count = magnitude >> 60 ? 3 : magnitude >> 30 ? 2 : magnitude != 0;
	ret->claimed = ret->count;
	return PH_OK;
}

static bool is_int_of_2(struct ph_objects *objects, ph_addr address)
{
	int32_t bit = ph_target_trait(objects->target, PH_TRAIT_TPFLAG_INT_SUBCLASS);
	const struct ph_type_entry *type = bit >= 0 ? ph_object_type_entry(objects, address) : NULL;
	return type && type->type.flags >> bit & 1;
}

static enum ph_status load_number(struct ph_objects *objects, ph_addr address, struct number *ret)
{
	const struct ph_target *t = objects->target;
	struct number n = { 0 };
	enum ph_status status;
	if (is_int_of_2(objects, address))
		return load_int_of_2(objects, address, ret);
	if (ph_target_trait(t, PH_TRAIT_INT_SIGN_IN_TAG)) {
		uint64_t tag;
		status = ph_target_uint(t, address, PH_PyLongObject_lv_tag, &tag);
		if (status != PH_OK)
			return status;
		n.claimed = (tag & 3) == 1 ? 0 : tag >> 3;
		n.negative = (tag & 3) == 2;
	} else {
		int64_t size;
		status = ph_target_int(t, address, PH_PyVarObject_ob_size, &size);
		if (status != PH_OK)
			return status;
		n.negative = size < 0;
		n.claimed = size < 0 ? -(uint64_t)size : (uint64_t)size;
	}
	n.digits = ph_target_at(t, address, PH_PyLongObject_ob_digit);
	n.bytes = (unsigned)ph_target_trait(t, PH_TRAIT_INT_DIGIT_BYTES);
	if (n.claimed > (UINT64_C(1) << 40) ||
	    (n.claimed <= DIGITS_MAXIMUM &&
	     ph_image_readable(t->image, n.digits, n.claimed * n.bytes) < n.claimed * n.bytes))
		return PH_CORRUPT;
	n.count = (size_t)(n.bytes == 2 ? (n.claimed + 1) / 2 : n.claimed);
	*ret = n;
	return PH_OK;
}

/* The digits, checked; at most `capacity` of them. */
static enum ph_status read_digits(struct ph_objects *objects, struct number *n, uint32_t *digits, size_t capacity)
{
	if (n->count > capacity)
		return PH_LIMIT;
	if (!n->count)
		return PH_OK;
	if (n->is_long) {
		for (size_t i = 0; i < n->count; i++)
			digits[i] = n->magnitude >> i * DIGIT_BITS & ((UINT32_C(1) << DIGIT_BITS) - 1);
		return PH_OK;
	}
	bool big_endian = objects->target->layout.abi.big_endian;
	digits[n->count - 1] = 0; /* an odd number of half digits leaves the last one's upper half */
	enum ph_status status = ph_image_read(objects->target->image, n->digits, digits, n->claimed * n->bytes);
	if (status != PH_OK)
		return status;
	for (size_t i = 0; i < n->count; i++) {
		const uint8_t *at = (const uint8_t *)&digits[i];
		uint32_t low = (uint32_t)ph_load_uint(at, n->bytes, big_endian), high = 0;
		if (n->bytes == 2) {
			high = (uint32_t)ph_load_uint(at + 2, 2, big_endian);
			if ((low | high) >> DIGIT_BITS / 2)
				return PH_CORRUPT;
			low |= high << DIGIT_BITS / 2;
		}
		if (low >> DIGIT_BITS)
			return PH_CORRUPT;
		digits[i] = low;
	}
	while (n->count && !digits[n->count - 1])
		n->count--;
	return PH_OK;
}

static size_t bit_length(const uint32_t *digits, size_t count)
{
	return count ? (count - 1) * DIGIT_BITS + (size_t)(32 - __builtin_clz(digits[count - 1])) : 0;
}

static uint64_t low_64(const uint32_t *digits, size_t count)
{
	uint64_t v = 0;
	for (size_t i = 0; i < count && i < 3; i++)
		v |= (uint64_t)digits[i] << i * DIGIT_BITS;
	return v;
}

enum ph_status ph_int_get(struct ph_objects *objects, ph_addr address, int64_t *ret)
{
	const struct ph_type_entry *type = ph_object_type_entry(objects, address);
	if (!type || (type->type.kind != PH_KIND_INT && type->type.kind != PH_KIND_BOOL))
		return PH_CORRUPT;
	struct number n;
	uint32_t digits[3];
	enum ph_status status = load_number(objects, address, &n);
	if (status == PH_OK)
		status = read_digits(objects, &n, digits, 3);
	if (status != PH_OK)
		return status;
	if (bit_length(digits, n.count) > 63)
		return PH_LIMIT;
	int64_t v = (int64_t)low_64(digits, n.count);
	*ret = n.negative ? -v : v;
	return PH_OK;
}

static const char *to_hex(struct ph_value *value, const struct number *n, const uint32_t *digits)
{
	size_t nibbles = (bit_length(digits, n->count) + 3) / 4;
	ph_auto_free char *text = malloc(nibbles + 4);
	if (!text)
		return NULL;
	char *p = text;
	if (n->negative)
		*p++ = '-';
	*p++ = '0';
	*p++ = 'x';
	for (size_t i = nibbles; i-- > 0;) {
		size_t bit = i * 4, digit = bit / DIGIT_BITS, shift = bit % DIGIT_BITS;
		uint32_t nibble = digits[digit] >> shift;
		if (shift > DIGIT_BITS - 4 && digit + 1 < n->count)
			nibble |= digits[digit + 1] << (DIGIT_BITS - shift);
		*p++ = "0123456789abcdef"[nibble & 15];
	}
	return ph_value_copy(value, text, (size_t)(p - text));
}

/* Schoolbook, into base 10**9; bounded by DECIMAL_DIGITS_MAXIMUM. */
static const char *to_decimal(struct ph_value *value, const struct number *n, const uint32_t *digits)
{
	enum { LIMBS = DECIMAL_DIGITS_MAXIMUM / 9 + 2 };
	uint32_t limbs[LIMBS];
	size_t used = 0;
	for (size_t i = n->count; i-- > 0;) {
		uint64_t carry = digits[i];
		for (size_t j = 0; j < used; j++) {
			carry += (uint64_t)limbs[j] << DIGIT_BITS;
			limbs[j] = (uint32_t)(carry % 1000000000);
			carry /= 1000000000;
		}
		for (; carry; carry /= 1000000000) {
			if (used == LIMBS)
				return NULL;
			limbs[used++] = (uint32_t)(carry % 1000000000);
		}
	}
	char text[LIMBS * 9 + 16], *p = text;
	if (n->negative)
		*p++ = '-';
	p += sprintf(p, "%u", used ? limbs[used - 1] : 0);
	for (size_t i = used ? used - 1 : 0; i-- > 0;)
		p += sprintf(p, "%09u", limbs[i]);
	return ph_value_copy(value, text, (size_t)(p - text));
}

/* 4300 digits are less than 14285 bits. */
#define DECIMAL_BITS_MAXIMUM 14284

static void print_small(struct ph_decode *d, const struct number *n, const uint32_t *digits)
{
	char text[24], *p = text + sizeof(text);
	const uint64_t magnitude = low_64(digits, n->count);
	uint64_t v = magnitude;
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (n->negative)
		*--p = '-';
	ph_decode_text(d, ph_value_copy(d->value, p, (size_t)(text + sizeof(text) - p)));
	d->value->scalar = d->value->text;
	/* Objects/longobject.c: _PY_NSMALLNEGINTS 5, _PY_NSMALLPOSINTS 257, one object each */
	d->value->is_singleton = magnitude <= (n->negative ? 5 : 256);
}

static enum ph_status print_big(struct ph_decode *d, struct number *n)
{
	ph_auto_free uint32_t *digits = malloc((n->count ? n->count : 1) * sizeof(*digits));
	if (!digits)
		return PH_LIMIT;
	enum ph_status status = read_digits(d->objects, n, digits, n->count);
	if (status != PH_OK)
		return status;
	size_t bits = bit_length(digits, n->count);
	const char *hex = to_hex(d->value, n, digits);
	const char *decimal = bits <= DECIMAL_BITS_MAXIMUM ? to_decimal(d->value, n, digits) : NULL;
	ph_decode_text(d, decimal ? decimal : hex);
	d->value->scalar = bits < 64 && decimal ? decimal : hex;
	return PH_OK;
}

/* int.__sizeof__: at least one digit counts since gh-100637.  2.7's int has object's. */
static void take_size(const struct ph_decode *d, const struct number *n)
{
	uint64_t count = n->claimed;
	if (!d->type->has_sizeof)
		return;
	if (!count && ph_target_trait(d->target, PH_TRAIT_INT_SIZE_OF_ZERO_IS_ONE) == 1)
		count = 1;
	int64_t bytes = ph_target_trait(d->target, PH_TRAIT_INT_DIGIT_BYTES);
	d->value->size =
		ph_size_with_head(d, d->target->layout.slots[PH_PyLongObject_ob_digit].offset + (int64_t)count * bytes);
}

enum ph_status ph_decode_int(struct ph_decode *d)
{
	struct number n;
	enum ph_status status = load_number(d->objects, d->address, &n);
	if (status != PH_OK)
		return status;
	take_size(d, &n);
	if (n.count > DIGITS_MAXIMUM) {
		ph_decode_text(d, ph_value_printf(d->value, "<int of %llu bits at 0x%llx>",
						  (unsigned long long)n.count * DIGIT_BITS,
						  (unsigned long long)d->address));
		return PH_LIMIT;
	}
	uint32_t digits[3];
	if (n.count > 2)
		return print_big(d, &n);
	status = read_digits(d->objects, &n, digits, 3);
	if (status == PH_OK)
		print_small(d, &n, digits);
	return status;
}

enum ph_status ph_decode_bool(struct ph_decode *d)
{
	struct number n;
	uint32_t digits[3];
	enum ph_status status = load_number(d->objects, d->address, &n);
	if (status == PH_OK)
		status = read_digits(d->objects, &n, digits, 3);
	if (status != PH_OK)
		return status;
	ph_decode_text(d, n.count ? "True" : "False");
	d->value->scalar = n.count ? "1" : "0";
	take_size(d, &n);
	d->value->is_singleton = true;
	return PH_OK;
}
