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
	/* What is amiss though the verb goes on: one line, no newline; may be NULL. */
	void (*warning)(void *user, const char *message);
	bool colour;
	unsigned columns; /* 0 unbounded */
	const struct ph_callbacks *callbacks; /* progress alone is called, which may cancel; may be NULL */
};

struct ph_verb_implementation; /* private */

struct ph_verb {
	const char *name;    /* "print" */
	const char *usage;   /* "print [--json] DUMP ADDRESS..." */
	const char *summary; /* one line for --help */
	const char *help;    /* options and what it prints; several lines */
	const struct ph_verb_implementation *implementation;
};

/* All verbs, in the order of --help; returns the count. */
size_t ph_verbs(const struct ph_verb **ret);

/* NULL when there is none of that name. */
const struct ph_verb *ph_verb_find(const char *name);

/* Check a verb's command line before the dump is opened: argv[0] is its name, the
 * rest its options and operands with the dump among them.  *ret is the index of
 * the first operand, argc when there is none.  PH_ERROR_USAGE. */
struct ph_error *ph_verb_check(int argc, char **argv, int *ret) __attribute__((warn_unused_result));

/* Run a verb: argv[0] is its name, the rest its options and operands without
 * the dump.  *ret_status is the exit status: 0, or 1 for "done, but something is
 * missing": from the report, among the addresses, from a dump that is damaged. */
struct ph_error *ph_verb_run(struct ph_dump *dump, int argc, char **argv, const struct ph_verb_output *output,
			     int *ret_status) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
#endif
