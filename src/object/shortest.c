/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shortest decimal that reads back as a double, the nearest to it of those: R. Giulietti, "The Schubfach way to
 * render doubles" (2020).  The scaled boundaries of what rounds to the number are products with a power of ten of 126
 * bits and more; the powers are worked out once, exactly. */
#include "object/decoder.h"

#include <pthread.h>
#include <string.h>

enum { LEAST = -292, MOST = 324, FRACTION = 52, BIAS = 1023 + FRACTION };

struct wide {
	uint64_t high, low;
};

static struct wide powers[MOST - LEAST + 1]; /* of ten, rounded up to 128 bits, the first of which is set */

/* ---- a number of many words, the lowest first ---- */

#define LIMBS 32

/* The first 128 bits that count; *ret_rest: others are set. */
static struct wide top_bits(const uint32_t limbs[LIMBS], bool *ret_rest)
{
	int top = LIMBS - 1;
	struct wide ret = { 0, 0 };
	*ret_rest = false;
	while (top > 0 && !limbs[top])
		top--;
	int bit = top * 32 + 31 - __builtin_clz(limbs[top] | 1);
	for (int i = 0; i < 128; i++, bit--) {
		uint64_t set = bit >= 0 ? limbs[bit / 32] >> bit % 32 & 1 : 0;
		ret.high = ret.high << 1 | ret.low >> 63;
		ret.low = ret.low << 1 | set;
	}
	for (; bit >= 0; bit--)
		*ret_rest |= limbs[bit / 32] >> bit % 32 & 1;
	return ret;
}

static struct wide add_one(struct wide w)
{
	w.low++;
	w.high += !w.low;
	return w;
}

static void make_powers(void)
{
	uint32_t limbs[LIMBS] = { 1 };
	bool rest;
	for (int k = 0; k <= MOST; k++) {
		struct wide w = top_bits(limbs, &rest);
		uint64_t carry = 0;
		powers[k - LEAST] = rest ? add_one(w) : w;
		for (int i = 0; i < LIMBS; i++) {
			carry += (uint64_t)limbs[i] * 5;
			limbs[i] = (uint32_t)carry;
			carry >>= 32;
		}
	}
	/* 2**1023 divided by fives again and again; never without a rest */
	memset(limbs, 0, sizeof(limbs));
	limbs[LIMBS - 1] = UINT32_C(1) << 31;
	for (int k = -1; k >= LEAST; k--) {
		uint64_t left = 0;
		for (int i = LIMBS - 1; i >= 0; i--) {
			left = left << 32 | limbs[i];
			limbs[i] = (uint32_t)(left / 5);
			left %= 5;
		}
		powers[k - LEAST] = add_one(top_bits(limbs, &rest));
	}
}

/* ---- the algorithm ---- */

static struct wide multiply(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;
	return (struct wide){ .high = (uint64_t)(product >> 64), .low = (uint64_t)product };
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
	return (struct wide){ .high = a1 * b1 + (middle >> 32) + (other >> 32), .low = a * b };
#endif
}

/* The product's upper bits; the lowest says whether bits below are set. */
static uint64_t round_to_odd(struct wide power, uint64_t number)
{
	struct wide low = multiply(power.low, number), high = multiply(power.high, number);
	high.low += low.high;
	high.high += high.low < low.high;
	return high.high | (high.low > 1);
}

/* floor(log2(10**k)), for |k| below 1233 */
static int log2_of_power(int k)
{
	return (int)(((int64_t)k * 1741647) >> 19);
}

static uint64_t decimal_of(uint64_t fraction, int biased, int *ret_exponent)
{
	uint64_t c = biased ? fraction | UINT64_C(1) << FRACTION : fraction;
	int q = (biased ? biased : 1) - BIAS;
	bool even = !(c & 1), closer = !fraction && biased > 1; /* the number below is half as far */
	int k = (int)(((int64_t)q * 1262611 - (closer ? 524031 : 0)) >> 22);
	int h = q + log2_of_power(-k) + 1;
	struct wide power = powers[-k - LEAST];
	uint64_t lower = round_to_odd(power, (4 * c - 2 + closer) << h) + !even;
	uint64_t middle = round_to_odd(power, 4 * c << h);
	uint64_t upper = round_to_odd(power, (4 * c + 2) << h) - !even;
	uint64_t s = middle / 4, tens = s / 10;
	if (s >= 10) {
		bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
		if (below != above) {
			*ret_exponent = k + 1;
			return tens + above;
		}
	}
	*ret_exponent = k;
	bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
	if (below != above)
		return s + above;
	return s + (middle > 4 * s + 2 || (middle == 4 * s + 2 && s & 1));
}

/* The digits of a number below 10**8 that end at `end`, at least `least` of them. */
static char *put_digits(uint32_t number, int least, char *end)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char *p = end;
	for (; number >= 10; number /= 100)
		memcpy(p -= 2, pairs + (size_t)(number % 100) * 2, 2);
	if (number || p == end)
		*--p = (char)('0' + number);
	while (end - p < least)
		*--p = '0';
	return p;
}

struct ph_digits ph_double_shortest(double magnitude)
{
	enum { HALF = 100000000 };
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ph_digits ret = { .count = 0 };
	uint64_t bits, number;
	char text[24], *end = text + sizeof(text), *p;
	int exponent;
	pthread_once(&once, make_powers);
	memcpy(&bits, &magnitude, sizeof(bits));
	number = decimal_of(bits & ((UINT64_C(1) << FRACTION) - 1), (int)(bits >> FRACTION & 0x7ff), &exponent);
	for (; number && number % 10 == 0; number /= 10)
		exponent++;
	/* of 17 digits at most */
	uint64_t high = number / HALF, highest = high / HALF;
	p = put_digits((uint32_t)(number % HALF), high ? 8 : 1, end);
	if (high)
		p = put_digits((uint32_t)(high % HALF), highest ? 8 : 1, p);
	if (highest)
		p = put_digits((uint32_t)highest, 1, p);
	ret.count = (int)(end - p);
	ret.exponent = exponent + ret.count - 1;
	memcpy(ret.text, p, (size_t)ret.count);
	return ret;
}
