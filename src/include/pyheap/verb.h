/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs: one table for `pyheap VERB DUMP` and gdb's `py-heap VERB`. */
#ifndef PYHEAP_VERB_H
#define PYHEAP_VERB_H

#include <pyheap/callbacks.h>
#include <pyheap/error.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ph_dump; /* an open dump, see pyheap/dump.h */

struct ph_verb_output {
	void *user;
	/* Takes the verb's text as it comes. Returns false to stop (a closed pipe). */
	bool (*write)(void *user, const char *text, size_t size);
	bool colour;
	unsigned columns; /* 0 unbounded */
};

struct ph_verb {
	const char *name;    /* "print" */
	const char *usage;   /* "print [--json] DUMP ADDRESS..." */
	const char *summary; /* one line for --help */
	const char *help;    /* options and what it prints; several lines */
};

/* All verbs, in the order of --help; returns the count. */
size_t ph_verbs(const struct ph_verb **ret);

/* Run a verb: argv[0] is its name, the rest its options and operands without
 * the dump.  *ret_status is the exit status (0, or 1 for "done, but …"). */
struct ph_error *ph_verb_run(struct ph_dump *dump, int argc, char **argv, const struct ph_verb_output *output,
			     int *ret_status) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
#endif
