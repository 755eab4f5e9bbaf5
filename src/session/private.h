/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SESSION_PRIVATE_H
#define SESSION_PRIVATE_H

#include <pyheap/inspect.h>

#include "extract/extract.h"

struct ph_session {
	struct ph_extract *extract;
	const struct ph_callbacks *callbacks;
	struct ph_extract_options options;
	bool has_report, failed;
	struct ph_dump *heap;	  /* inspect.c: NULL until a verb needs the columns */
	struct ph_places *places; /* the same, until somebody asks what an address is */
};

/* Make the report unless it is there. */
struct ph_error *ph_session_need_report(struct ph_session *session) __attribute__((warn_unused_result));

/* The whole heap as columns, without the closure and the sources; nothing is redacted but what the session redacts. */
struct ph_error *ph_session_write_heap(struct ph_session *session, const char *path)
	__attribute__((warn_unused_result));

#endif
