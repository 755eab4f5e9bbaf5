/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verbs share.  One verb, one file; the table is in verbs.c. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include <pyheap/verb.h>

#include "base/buffer.h"
#include "dump/dump.h"

#define PH_OPTIONS_MAXIMUM 8

struct ph_option {
	const char *name;	    /* without the dashes; NULL ends the list */
	const char *const *choices; /* of its value, NULL ends; NULL: it takes none */
	bool takes_text;	    /* its value is any text (choices NULL) */
};

/* A verb's command line, parsed by its own options. */
struct ph_arguments {
	const char *values[PH_OPTIONS_MAXIMUM]; /* by the option's index: NULL not given; "" given, takes none */
	char **operands; /* argv's, moved to its front; borrowed */
	int operand_count;
	int first; /* index of the first operand in the argv that was given, argc when none */
};

struct ph_verb_implementation {
	const struct ph_option *options;
	struct ph_error *(*run)(struct ph_dump *dump, const struct ph_arguments *arguments,
				const struct ph_verb_output *output, int *ret_status);
	bool json_is_rows; /* of the heap, one a line: a last line says what the heap lacks */
};

/* Every verb has these as its first options. */
extern const struct ph_option ph_options_json[]; /* --json alone */

extern const struct ph_verb_implementation ph_verb_report, ph_verb_exceptions, ph_verb_threads, ph_verb_tasks,
	ph_verb_greenlets, ph_verb_whatis, ph_verb_print, ph_verb_types, ph_verb_memory, ph_verb_find_objects,
	ph_verb_referents, ph_verb_referrers, ph_verb_path, ph_verb_roots, ph_verb_garbage, ph_verb_retained, ph_verb_export,
	ph_verb_verify;

/* Options and operands in any order, "--" ends the options, "--name VALUE" as
 * "--name=VALUE", unique beginnings of names.  `argv` is permuted.  PH_ERROR_USAGE. */
struct ph_error *ph_arguments_parse(const struct ph_verb *verb, int argc, char **argv, struct ph_arguments *ret)
	__attribute__((warn_unused_result));

/* The number that an option was given, decimal; `missing` when it was not.  PH_ERROR_USAGE. */
struct ph_error *ph_arguments_number(const char *verb, const char *option, const char *value, uint64_t missing,
				     uint64_t *ret) __attribute__((warn_unused_result));

/* PH_ERROR_USAGE when there are operands: for the verbs that take none but the dump. */
struct ph_error *ph_arguments_none(const char *verb, const struct ph_arguments *arguments)
	__attribute__((warn_unused_result));

/* The options of text that follow from the output. */
struct ph_text_options ph_command_style(const struct ph_verb_output *output);

/* Hand the buffer on and clear it; false when the reader has gone away.  An
 * error when the buffer could not hold everything. */
struct ph_error *ph_command_write(const struct ph_verb_output *output, struct ph_buffer *text, bool *ret_goes_on)
	__attribute__((warn_unused_result));

/* Rows of a verb: handed on in pieces of 64 KiB, `goes_on` false when the reader has gone. */
struct ph_rows {
	const struct ph_verb_output *output;
	struct ph_buffer text;
	bool as_json, goes_on;
};
static inline struct ph_rows ph_rows(const struct ph_verb_output *output, bool as_json)
{
	return (struct ph_rows){
		.output = output, .text = PH_BUFFER(PH_BUFFER_UNBOUNDED), .as_json = as_json, .goes_on = true
	};
}
/* Behind each row. */
struct ph_error *ph_rows_next(struct ph_rows *rows) __attribute__((warn_unused_result));
/* What is left; frees the text.  `error` is handed through, and then nothing is written. */
struct ph_error *ph_rows_finish(struct ph_rows *rows, struct ph_error *error) __attribute__((warn_unused_result));

/* A verb that prints one part of the report, as text or with --json (its only option). */
struct ph_report_part {
	const char *verb;
	bool of_exceptions; /* and of nothing else: exceptions.json will do */
	void (*json)(const struct ph_report *report, struct ph_buffer *out);
	void (*text)(const struct ph_report *report, const struct ph_text_options *style, struct ph_buffer *out);
};
/* An error of ph_dump_report(), with what to do without a report; any other as it is. */
struct ph_error *ph_report_is_lost(struct ph_dump *dump, struct ph_error *error) __attribute__((warn_unused_result));
struct ph_error *ph_command_part(const struct ph_report_part *part, struct ph_dump *dump,
				 const struct ph_arguments *arguments, const struct ph_verb_output *output,
				 int *ret_status) __attribute__((warn_unused_result));

#endif
