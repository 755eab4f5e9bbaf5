/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONVERTER_OPTIONS_H
#define CONVERTER_OPTIONS_H

#include "terminal/progress.h"

#include <pyheap/session.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command line says; strings are argv's. */
struct options {
	const char *core;   /* "-" is standard input; NULL when there is a pid */
	int64_t pid;	    /* of a running process; 0 none */
	bool no_stop;
	bool coredumpctl;
	char *const *matches; /* of --coredumpctl, NULL-terminated */
	int64_t dumped;	    /* the process whose core that is; 0 unknown */
	bool handler;	    /* `output` is a folder then */
	int64_t handled;    /* the process that the kernel dumps */
	uint64_t quota;	    /* MB that the dumps in the folder may take */
	int memory;	    /* its open /proc/PID/mem; -1 none */
	const char *python; /* NULL: none given */
	const char *output; /* -o; NULL: the default name, "-" standard output */
	const char *trim;   /* --trim; NULL: none */
	bool no_dump, no_report, explain;
	enum ph_report_format report;
	enum ph_dump_heap heap;
	enum ph_session_redact redact;
	const char *redact_words;
	const char *sysroot, *solib_search_path;
	const char *const *labels; /* an array that lives as long as the program */
	size_t label_count;
	unsigned jobs;
	size_t pickle_objects; /* 0: no part for Python debuggers */
	enum progress_when progress;
};

/* Where --handler puts dumps unless -o says otherwise. */
#define HANDLER_FOLDER "/var/lib/pyheap"

/* Negative: go on.  Else the status to exit with (0 after --help and --version). */
int options_parse(int argc, char **argv, struct options *ret);

#endif
