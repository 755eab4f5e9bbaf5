/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words that every room shares. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address in the target.  A C pointer is always ours. */
typedef uint64_t ph_addr;

/* What can be wrong with the target.  Normal, never allocates; whoever gives up
 * on something because of it counts it as damage (base/damage.h). */
enum ph_status {
	PH_OK = 0,
	PH_UNMAPPED, /* no segment holds the address */
	PH_LEFT_OUT, /* mapped in the process, but its bytes are not in the core */
	PH_CORRUPT,  /* the bytes are there and cannot be right */
	PH_ABSENT,   /* this build has no such field, or the pointer is NULL */
	PH_LIMIT,    /* one of our bounds was reached */
};

/* "not mapped", "not in the core", … : for damage and --explain; static. */
const char *ph_status_text(enum ph_status status);

#endif
