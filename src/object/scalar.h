/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of plain str, bytes, int and float without a struct ph_value: for walks over the whole heap. */
#ifndef OBJECT_SCALAR_H
#define OBJECT_SCALAR_H

#include "object/traverse.h"
#include "record/value.h"

#define PH_SCALAR_ROOM 48

struct ph_scalar {
	const char *text; /* a view into the image, or room; not NUL-terminated */
	size_t size;	  /* bytes */
	bool cut;	  /* a beginning only */
	bool is_bytes;	  /* raw */
	bool is_number;	  /* an int's or a float's */
	char room[PH_SCALAR_ROOM];
};

/* Whether instances of the type have a "value". */
bool ph_shape_has_value(const struct ph_shape *shape);
/* How it is written. */
enum ph_value_text ph_shape_value_text(const struct ph_shape *shape);

/* The text that ph_object_value() would find, of a str or bytes at most `maximum` bytes; false when only that can tell
 * (characters beyond ASCII, large ints, other kinds, damage). */
bool ph_scalar_get(const struct ph_shape *shape, ph_addr object, size_t maximum, struct ph_scalar *ret);

#endif
