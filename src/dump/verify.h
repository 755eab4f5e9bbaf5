/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole dump, held against doc/dump-format.md. */
#ifndef DUMP_VERIFY_H
#define DUMP_VERIFY_H

#include "dump/dump.h"

struct ph_verify {
	void *user;
	/* One thing that is wrong: the member (or the column), and what; borrowed for the call. */
	void (*problem)(void *user, const char *member, const char *what);
	const struct ph_callbacks *callbacks; /* for progress; may be NULL */
	/* filled in */
	uint64_t members, objects, edges, strings, values, roots, closure;
	/* its own: */
	uint64_t done, total; /* steps of about as much work */
	struct ph_error *stopped;
};

/* PH_ERROR_NO_MEMORY, PH_ERROR_CANCELLED.  What is wrong with the dump goes to `problem`. */
struct ph_error *ph_dump_verify(struct ph_dump *dump, struct ph_verify *verify) __attribute__((warn_unused_result));

#endif
