/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conditions on objects, as `pyheap find --where` takes them: "len>1000", "retained>1e6", "refcount==1 and size>=4096",
 * "value~secret*". */
#ifndef COMMAND_WHERE_H
#define COMMAND_WHERE_H

#include "command/heap.h"

#define PH_CONDITIONS_MAXIMUM 8

enum ph_where_field { PH_WHERE_LEN, PH_WHERE_SIZE, PH_WHERE_REFCOUNT, PH_WHERE_VALUE, PH_WHERE_RETAINED, PH_WHERE_HELD };
enum ph_where_operator {
	PH_WHERE_EQUAL,
	PH_WHERE_NOT_EQUAL,
	PH_WHERE_LESS,
	PH_WHERE_LESS_OR_EQUAL,
	PH_WHERE_GREATER,
	PH_WHERE_GREATER_OR_EQUAL,
	PH_WHERE_LIKE, /* a pattern as of the shell; of value only */
};

#define PH_WIDE_LIMBS 4
struct ph_wide {
	bool negative;
	uint32_t limbs[PH_WIDE_LIMBS]; /* the lowest first */
};

struct ph_where {
	struct ph_condition {
		enum ph_where_field field;
		enum ph_where_operator operator;
		char text[256]; /* of a value */
		bool is_number, is_integer; /* an int of at most 128 bits */
		double number;
		struct ph_wide integer;
	} conditions[PH_CONDITIONS_MAXIMUM];
	size_t count;
};

/* Conditions joined by "and" or commas; all must hold.  text NULL: none.  PH_ERROR_USAGE. */
struct ph_error *ph_where_parse(const char *text, struct ph_where *ret) __attribute__((warn_unused_result));
/* Whether a condition asks for it: what objects retain (command/retain.h) and hold is not in every dump. */
bool ph_where_asks(const struct ph_where *where, enum ph_where_field field);
/* What is not known holds for none. */
bool ph_where_holds(const struct ph_where *where, struct ph_heap_view *view, uint32_t object);

#endif
