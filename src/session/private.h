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
};

/* Make the report unless it is there. */
struct ph_error *ph_session_need_report(struct ph_session *session) __attribute__((warn_unused_result));

#endif
