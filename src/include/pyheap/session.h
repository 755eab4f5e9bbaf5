/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From an image to a report and a dump: the converter's way through the house. */
#ifndef PYHEAP_SESSION_H
#define PYHEAP_SESSION_H

#include <pyheap/image.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ph_session; /* borrows the image; not thread-safe */

enum ph_session_redact { PH_SESSION_REDACT_SECRETS, PH_SESSION_REDACT_VALUES, PH_SESSION_REDACT_NONE };

struct ph_session_options {
	enum ph_session_redact redact;
	const char *redact_words;  /* comma-separated, NULL the default list */
	const char *const *labels; /* "KEY=VALUE", label_count of them */
	size_t label_count;
	bool dumping; /* ph_session_write_dump() follows, with more than the report: what was decoded is kept for it */
};

/* Find the interpreter and make the report.  PH_ERROR_NO_PYTHON when there is none. */
struct ph_error *ph_session_open(struct ph_image *image, const struct ph_session_options *options,
				 struct ph_session **ret) __attribute__((warn_unused_result));
void ph_session_close(struct ph_session *session);

enum ph_report_format {
	PH_REPORT_TEXT,
	PH_REPORT_MARKDOWN,
	PH_REPORT_JSON,
	PH_REPORT_SIGNATURE,
};

struct ph_report_style {
	bool colour;
	unsigned columns; /* 0 unbounded */
};

/* The rendered report: malloc'ed, the caller frees; *ret_size bytes. */
struct ph_error *ph_session_report(struct ph_session *session, enum ph_report_format format,
				   const struct ph_report_style *style, char **ret, size_t *ret_size)
	__attribute__((warn_unused_result));

/* Whether the exit status is 1: the image is cut, or the report lacks something. */
bool ph_session_is_damaged(const struct ph_session *session);

enum ph_dump_heap {
	PH_DUMP_HEAP_NONE,   /* the report alone */
	PH_DUMP_HEAP_STACKS, /* and the closure of frames and exceptions */
	PH_DUMP_HEAP_FULL,   /* all that this version can write (in format 1 so far as stacks) */
};

struct ph_dump_options {
	enum ph_dump_heap heap;
	unsigned jobs; /* 0: affinity and cgroup quota */
	/* How many objects the closure of the stacks holds at most, the nearest first, and so the part that Python
	 * debuggers open (a pickle); 0: the dump has no such part, and the closure 100,000. */
	size_t pickle_objects;
};

/* Write the dump to a file: whole or not at all, mode 0600.  path "-" is
 * standard output (then not seekable, written in one go). */
struct ph_error *ph_session_write_dump(struct ph_session *session, const char *path, bool overwrite,
				       const struct ph_dump_options *options) __attribute__((warn_unused_result));

/* Values of the heap that were redacted as secrets in what was written last. */
uint64_t ph_session_heap_secrets(const struct ph_session *session);

/* Write a small minidump of what was read so far (the report, and what ph_session_write_dump() asked for): core2pyheap
 * on it prints the same report.  The image was opened with `record`.  Memory is written as it was, unredacted. */
struct ph_error *ph_session_write_trimmed(struct ph_session *session, const char *path)
	__attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
#endif
