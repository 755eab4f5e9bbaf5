/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bounded reader of bytes that we hold: notes, line tables, archive members.
 *
 * Reading past the end gives zeros and sets `overrun`, which is sticky, so a
 * parser checks once. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ph_cursor {
	const uint8_t *data;
	size_t size;	 /* bytes */
	size_t position; /* bytes; never beyond size */
	bool big_endian;
	bool overrun;
};

static inline struct ph_cursor ph_cursor(const void *data, size_t size, bool big_endian)
{
	return (struct ph_cursor){ .data = data, .size = size, .big_endian = big_endian };
}

static inline size_t ph_cursor_left(const struct ph_cursor *c)
{
	return c->size - c->position;
}

/* A view of the next `size` bytes, borrowed from the data; NULL past the end. */
static inline const void *ph_cursor_take(struct ph_cursor *c, size_t size)
{
	if (size > c->size - c->position) {
		c->overrun = true;
		c->position = c->size;
		return NULL;
	}
	const void *p = c->data + c->position;
	c->position += size;
	return p;
}

static inline bool ph_cursor_seek(struct ph_cursor *c, size_t position)
{
	if (position > c->size) {
		c->overrun = true;
		return false;
	}
	c->position = position;
	return true;
}

/* An unsigned integer of 1 to 8 bytes in the given order. */
static inline uint64_t ph_load_uint(const void *data, size_t size, bool big_endian)
{
	const uint8_t *p = data;
	uint64_t v = 0;
	/* nearly all are words in our own order */
	if (big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) {
		if (size == 8) {
			memcpy(&v, p, 8);
			return v;
		}
		if (size == 4) {
			uint32_t half;
			memcpy(&half, p, 4);
			return half;
		}
	}
	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << 8 * (big_endian ? size - 1 - i : i);
	return v;
}

/* The same, sign-extended. */
static inline int64_t ph_load_int(const void *data, size_t size, bool big_endian)
{
	uint64_t v = ph_load_uint(data, size, big_endian);
	unsigned shift = 64 - 8 * (unsigned)size;
	return (int64_t)(v << shift) >> shift;
}

static inline uint64_t ph_cursor_uint(struct ph_cursor *c, size_t size)
{
	const void *p = ph_cursor_take(c, size);
	return p ? ph_load_uint(p, size, c->big_endian) : 0;
}

static inline uint8_t ph_cursor_u8(struct ph_cursor *c)
{
	return (uint8_t)ph_cursor_uint(c, 1);
}
static inline uint16_t ph_cursor_u16(struct ph_cursor *c)
{
	return (uint16_t)ph_cursor_uint(c, 2);
}
static inline uint32_t ph_cursor_u32(struct ph_cursor *c)
{
	return (uint32_t)ph_cursor_uint(c, 4);
}
static inline uint64_t ph_cursor_u64(struct ph_cursor *c)
{
	return ph_cursor_uint(c, 8);
}

#endif
