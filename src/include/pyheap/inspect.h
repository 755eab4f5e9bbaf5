/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a debugger asks of a session: one thread, one frame, one object, rendered
 * from the same records as reports are. */
#ifndef PYHEAP_INSPECT_H
#define PYHEAP_INSPECT_H

#include <pyheap/session.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ph_dump;

/* Like ph_session_open(), but the report is made when something first needs it:
 * the repr of one object costs no walk over threads.  What `options` points to
 * is borrowed for the session's life. */
struct ph_error *ph_session_attach(struct ph_image *image, const struct ph_session_options *options,
				   struct ph_session **ret) __attribute__((warn_unused_result));

/* The session as a dump for ph_verb_run(); closed with ph_dump_close(), before the session. */
struct ph_error *ph_session_as_dump(struct ph_session *session, struct ph_dump **ret)
	__attribute__((warn_unused_result));

/* Texts are malloc'ed and end with a newline and a NUL.  `tid` is the LWP of a thread.
 * Frames are counted from the innermost Python frame, 0.  PH_ERROR_USAGE: no
 * Python runs in that thread, it has no such frame, no such name. */

/* The Python frames of a thread; of its innermost interpreter when it is in several. */
struct ph_error *ph_session_frame_count(struct ph_session *session, int64_t tid, size_t *ret)
	__attribute__((warn_unused_result));

/* The most recent call first; tid 0: every thread. */
struct ph_error *ph_session_backtrace(struct ph_session *session, int64_t tid, bool locals,
				      const struct ph_report_style *style, char **ret)
	__attribute__((warn_unused_result));

enum ph_inspect_exceptions { PH_INSPECT_HANDLED, PH_INSPECT_RAISED /* or left in sys.last_* */ };
struct ph_error *ph_session_exceptions(struct ph_session *session, int64_t tid, enum ph_inspect_exceptions which,
				       const struct ph_report_style *style, char **ret)
	__attribute__((warn_unused_result));

/* Every thread on a line; `selected` is marked. */
struct ph_error *ph_session_threads(struct ph_session *session, int64_t selected, const struct ph_report_style *style,
				    char **ret) __attribute__((warn_unused_result));

struct ph_error *ph_session_frame(struct ph_session *session, int64_t tid, size_t frame,
				  const struct ph_report_style *style, char **ret) __attribute__((warn_unused_result));
struct ph_error *ph_session_locals(struct ph_session *session, int64_t tid, size_t frame,
				   const struct ph_report_style *style, char **ret) __attribute__((warn_unused_result));
/* The Python frames of a thread in all its interpreters, the innermost first, for a debugger that merges them with the
 * native ones.  Strings and addresses are the session's. */
struct ph_inspect_frame {
	const char *function, *file; /* NULL unknown */
	int line;		     /* 0 unknown */
	uint64_t address; /* of the frame object or, since 3.11, where there is none, of the interpreter's frame */
	uint64_t loop;	  /* within the C frame of the interpreter's loop that runs it; 0: up to 3.10 and unknown */
	struct ph_inspect_local {
		const char *name;
		bool is_argument;
		uint64_t address; /* of the value */
	} *locals;
	size_t local_count;
};
/* *ret is one malloc'ed block; no frames at all (*ret_count 0) is no error. */
struct ph_error *ph_session_frames(struct ph_session *session, int64_t tid, struct ph_inspect_frame **ret,
				   size_t *ret_count) __attribute__((warn_unused_result));

/* Where the module with the interpreter is mapped, half-open. */
void ph_session_interpreter_module(struct ph_session *session, uint64_t *ret_start, uint64_t *ret_end);

/* Source lines first to last, both inclusive, from 1; first 0: those around the frame's own. */
struct ph_error *ph_session_source(struct ph_session *session, int64_t tid, size_t frame, size_t first, size_t last,
				   char **ret) __attribute__((warn_unused_result));

/* The object that a name means in a frame; *ret_scope is "local", "global" or "builtin". */
struct ph_error *ph_session_lookup(struct ph_session *session, int64_t tid, size_t frame, const char *name,
				   const char **ret_scope, uint64_t *ret) __attribute__((warn_unused_result));

/* The names of the types that the process's modules have, one a line, sorted: for completion. */
struct ph_error *ph_session_type_names(struct ph_session *session, char **ret) __attribute__((warn_unused_result));

/* The repr of the object at an address, without newline, at most so many characters (0: 1000). */
struct ph_error *ph_session_repr(struct ph_session *session, uint64_t address, size_t characters, char **ret)
	__attribute__((warn_unused_result));

/* What a debugger needs to show an object in a way of its own.  Names are the session's. */
#define PH_INSPECT_FUNCTIONS 12
struct ph_inspect_object {
	bool is_object; /* false: nothing else is set */
	bool is_opaque; /* its C struct is of unknown layout: the words behind the head are given */
	struct ph_inspect_type {
		const char *name; /* "collections.deque" */
		uint64_t address;
		int64_t basicsize;
		uint64_t functions
			[PH_INSPECT_FUNCTIONS]; /* of C, that take an instance: tp_dealloc, tp_repr …; 0 none */
	} *types; /* its own, then the bases */
	size_t type_count;
	struct ph_inspect_word {
		unsigned offset; /* bytes from the object's start */
		uint64_t word;
		bool is_object; /* it points to one */
	} *words;
	size_t word_count;
};
/* *ret is one malloc'ed block. */
struct ph_error *ph_session_object(struct ph_session *session, uint64_t address, struct ph_inspect_object **ret)
	__attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
#endif
