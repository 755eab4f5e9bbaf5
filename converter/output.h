/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Terminals, files and messages of core2pyheap. */
#ifndef CONVERTER_OUTPUT_H
#define CONVERTER_OUTPUT_H

#include "options.h"

#include <pyheap/callbacks.h>
#include <pyheap/session.h>

#include <stdio.h>

/* Warnings, --explain and progress on standard error; static.  Warnings are held back, but with --explain, until
 * output_let_go(), so that an error is one line. */
const struct ph_callbacks *output_callbacks(const struct options *options);
void output_let_go(void);
/* The line of an error, with the first of the warnings that were held back: it often says why. */
void output_fail(const char *message);

/* Where the report goes: standard output, or standard error when the dump goes there. */
FILE *output_report_stream(const struct options *options);
void output_style(FILE *to, struct ph_report_style *ret);
struct ph_error *output_write(FILE *to, const char *text, size_t size);

/* -o, or the next free CORE.pyheap, CORE.2.pyheap … in this folder; the caller frees. */
struct ph_error *output_dump_path(const struct options *options, char **ret);
/* "core2pyheap: wrote core.pyheap, 1.2 MB; `pyheap report core.pyheap` prints the report again" */
void output_announce(const char *path, uint64_t secrets); /* of its heap so many values are redacted */
/* The same of what --trim wrote. */
void output_announce_trimmed(const char *path);

#endif
