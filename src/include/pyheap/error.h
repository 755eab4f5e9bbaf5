/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own failures: memory, I/O, usage, files that are not what they should be.
 *
 * A function that can fail so returns `struct ph_error *`, NULL on success;
 * its outputs come last and are untouched on failure.  What is wrong with the
 * *target* (unmapped, corrupt, absent) is not an error: see base/types.h. */
#ifndef PYHEAP_ERROR_H
#define PYHEAP_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum ph_error_code {
	PH_ERROR_NO_MEMORY, /* exit status 2 */
	PH_ERROR_USAGE,	    /* 2 */
	PH_ERROR_IO,	    /* 2: open, read, write, no space */
	PH_ERROR_CANCELLED, /* 2: the caller's callback asked to stop */
	PH_ERROR_NOT_CORE,  /* 3: not a core, or not of a kind we read */
	PH_ERROR_NO_PYTHON, /* 3: a core, but no CPython that we know in it */
	PH_ERROR_BAD_DUMP,  /* 2: not a dump of ours, or damaged beyond use */
};

struct ph_error {
	enum ph_error_code code;
	/* One line, no full stop, no newline, control characters escaped:
	 * what, where, what to do. */
	const char *message;
};

/* NULL-safe.  The out-of-memory error is static; freeing it does nothing. */
void ph_error_free(struct ph_error *error);

/* The exit status that a program ends with for this error (2 or 3). */
int ph_error_exit_status(const struct ph_error *error);

#ifdef __cplusplus
}
#endif
#endif
