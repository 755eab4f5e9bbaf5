/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sixteen items at a time: even and odd bytes are parted once for each doubling of the width, which the compiler's
 * vectors make a few instructions of any processor that has some. */
#include "dump/shuffle.h"

#include <string.h>

typedef uint8_t vector __attribute__((vector_size(16)));

static inline vector load(const uint8_t *p)
{
	vector v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store(uint8_t *p, vector v)
{
	memcpy(p, &v, sizeof(v));
}

#ifdef __clang__
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (vector){ __VA_ARGS__ })
#endif

static inline vector even(vector a, vector b)
{
	return PICK(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

static inline vector odd(vector a, vector b)
{
	return PICK(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

static inline vector low(vector a, vector b)
{
	return PICK(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

static inline vector high(vector a, vector b)
{
	return PICK(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/* Loops over a few vectors are worth nothing until they are unrolled: then these stay in registers. */
#define UNROLL _Pragma("GCC unroll 8")
#define INLINE static inline __attribute__((always_inline))

/* Each pair lies within one plane: bytes of the same places of their items. */
INLINE void part_once(unsigned width, vector *v)
{
	vector to[8];
	UNROLL
	for (unsigned i = 0; i < width / 2; i++) {
		to[i] = even(v[2 * i], v[2 * i + 1]);
		to[width / 2 + i] = odd(v[2 * i], v[2 * i + 1]);
	}
	UNROLL
	for (unsigned i = 0; i < width; i++)
		v[i] = to[i];
}

INLINE void join_once(unsigned width, vector *v)
{
	vector to[8];
	UNROLL
	for (unsigned i = 0; i < width / 2; i++) {
		to[2 * i] = low(v[i], v[width / 2 + i]);
		to[2 * i + 1] = high(v[i], v[width / 2 + i]);
	}
	UNROLL
	for (unsigned i = 0; i < width; i++)
		v[i] = to[i];
}

/* v: 16 items in order, `width` vectors; afterwards vector i is byte i of each. */
INLINE void part(unsigned width, vector *v)
{
	part_once(width, v);
	if (width > 2)
		part_once(width, v);
	if (width > 4)
		part_once(width, v);
}

INLINE void join(unsigned width, vector *v)
{
	join_once(width, v);
	if (width > 2)
		join_once(width, v);
	if (width > 4)
		join_once(width, v);
}

#define SHUFFLE(width)                                                             \
	for (size_t i = 0; i < count; i += 16) {                                   \
		vector v[8];                                                       \
		UNROLL                                                             \
		for (unsigned k = 0; k < (width); k++)                             \
			v[k] = load(in + i * (width) + k * 16);                    \
		part(width, v);                                                    \
		UNROLL                                                             \
		for (unsigned k = 0; k < (width); k++)                             \
			store(out + k * count + i, v[k]);                          \
	}
#define UNSHUFFLE(width)                                                           \
	for (size_t i = 0; i < count; i += 16) {                                   \
		vector v[8];                                                       \
		UNROLL                                                             \
		for (unsigned k = 0; k < (width); k++)                             \
			v[k] = load(in + k * count + i);                           \
		join(width, v);                                                    \
		UNROLL                                                             \
		for (unsigned k = 0; k < (width); k++)                             \
			store(out + i * (width) + k * 16, v[k]);                   \
	}

void ph_shuffle(unsigned width, size_t count, const uint8_t *restrict in, uint8_t *restrict out)
{
	if (width == 8)
		SHUFFLE(8)
	else if (width == 4)
		SHUFFLE(4)
	else
		SHUFFLE(2)
}

void ph_unshuffle(unsigned width, size_t count, const uint8_t *restrict in, uint8_t *restrict out)
{
	if (width == 8)
		UNSHUFFLE(8)
	else if (width == 4)
		UNSHUFFLE(4)
	else
		UNSHUFFLE(2)
}
