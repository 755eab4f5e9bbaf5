/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_NO_DUMP = 256,
	OPT_PID,
	OPT_NO_STOP,
	OPT_HANDLER,
	OPT_QUOTA,
	OPT_COREDUMPCTL,
	OPT_REPORT,
	OPT_HEAP,
	OPT_SYSROOT,
	OPT_SOLIB,
	OPT_REDACT,
	OPT_REDACT_WORDS,
	OPT_LABEL,
	OPT_JOBS,
	OPT_PICKLE_OBJECTS,
	OPT_NO_PICKLE,
	OPT_PROGRESS,
	OPT_EXPLAIN,
	OPT_TRIM,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "no-dump", no_argument, NULL, OPT_NO_DUMP },
	{ "pid", required_argument, NULL, OPT_PID },
	{ "no-stop", no_argument, NULL, OPT_NO_STOP },
	{ "coredumpctl", no_argument, NULL, OPT_COREDUMPCTL },
	{ "handler", no_argument, NULL, OPT_HANDLER },
	{ "quota", required_argument, NULL, OPT_QUOTA },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "heap", required_argument, NULL, OPT_HEAP },
	{ "sysroot", required_argument, NULL, OPT_SYSROOT },
	{ "solib-search-path", required_argument, NULL, OPT_SOLIB },
	{ "redact", required_argument, NULL, OPT_REDACT },
	{ "redact-words", required_argument, NULL, OPT_REDACT_WORDS },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "jobs", required_argument, NULL, OPT_JOBS },
	{ "pickle-objects", required_argument, NULL, OPT_PICKLE_OBJECTS },
	{ "no-pickle", no_argument, NULL, OPT_NO_PICKLE },
	{ "progress", required_argument, NULL, OPT_PROGRESS },
	{ "explain", no_argument, NULL, OPT_EXPLAIN },
	{ "trim", required_argument, NULL, OPT_TRIM },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static const char help_text[] =
	"usage: core2pyheap [OPTION]... CORE [PYTHON]\n"
	"       core2pyheap [OPTION]... --pid=PID [--no-stop]\n"
	"       core2pyheap [OPTION]... --coredumpctl [MATCH]...\n"
	"       |core2pyheap [OPTION]... --handler %P %s   (in kernel.core_pattern)\n"
	"Print the crash report of a CPython process from its core file, and write a portable\n"
	"dump of it that `pyheap` reads on any machine.\n"
	"\n"
	"CORE    an ELF core or a minidump, also compressed (zstd, lz4, gzip, xz); \"-\" is standard input\n"
	"PYTHON  the executable that died, if it is at hand; it is read, never run\n"
	"\n"
	"      --pid=PID              a running process in place of a core; it is stopped for a moment,\n"
	"                             and how long is printed\n"
	"      --no-stop              do not stop it: what changes meanwhile is torn, and counted\n"
	"      --coredumpctl          the core that `coredumpctl dump MATCH...` gives: the newest of a\n"
	"                             PID, a program's name or path, FIELD=VALUE; its options after --\n"
	"      --handler              the kernel pipes the core of process %P: write a dump into the\n"
	"                             folder -o (default " HANDLER_FOLDER "), of the stacks unless --heap\n"
	"      --quota=MB             how much the dumps there may take (default 1024)\n"
	"  -o, --output=FILE          write the dump to FILE (\"-\": standard output, the report then\n"
	"                             goes to standard error); default CORE.pyheap in this folder\n"
	"      --no-dump              write no dump\n"
	"      --report=FORMAT        text (default), markdown, json, signature or none\n"
	"      --heap=WHAT            how much the dump holds: full (default), stacks, none\n"
	"      --pickle-objects=N     how many objects the part for Python debuggers holds at most\n"
	"                             (default 100000, nearest to the stacks first)\n"
	"      --no-pickle            leave that part out\n"
	"      --redact=MODE          secrets (default), values or none\n"
	"      --redact-words=LIST    the words that make a name a secret, comma-separated\n"
	"      --label=KEY=VALUE      copied into report and dump; may be repeated\n"
	"      --sysroot=DIR          look for modules and sources below DIR, and nowhere else\n"
	"      --solib-search-path=DIRS  further folders with modules, colon-separated\n"
	"      --jobs=N               processors to use (default: those allowed)\n"
	"      --progress=WHEN        auto (default), always or never\n"
	"      --trim=FILE            write a small minidump of what the report needs, and no dump\n"
	"                             unless -o names one; its memory is not redacted\n"
	"      --explain              say how each thing was found\n"
	"      --help, --version\n"
	"\n"
	"Exit status: 0 done; 1 done, but the core is cut or the report lacks something;\n"
	"2 usage or input/output; 3 not a core, or no CPython in it.\n";

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "core2pyheap: %s%s%s; try --help\n", what, value ? ": " : "", value ? value : "");
	return 2;
}

/* Index of value in a NULL-terminated list, -1 when it is not there. */
static int choice(const char *value, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (!strcmp(value, list[i]))
			return i;
	return -1;
}

static int set_report(struct options *options, const char *value)
{
	static const char *const formats[] = { "text", "markdown", "json", "signature", "none", NULL };
	int i = choice(value, formats);
	if (i < 0)
		return usage("--report takes text, markdown, json, signature or none, not", value);
	options->no_report = i == 4;
	if (i < 4)
		options->report = (enum ph_report_format)i;
	return -1;
}

static int set_heap(struct options *options, const char *value)
{
	static const char *const names[] = { "none", "stacks", "full", NULL };
	int i = choice(value, names);
	if (i < 0)
		return usage("--heap takes full, stacks or none, not", value);
	options->heap = (enum ph_dump_heap)i;
	return -1;
}

static int set_redact(struct options *options, const char *value)
{
	static const char *const names[] = { "secrets", "values", "none", NULL };
	int i = choice(value, names);
	if (i < 0)
		return usage("--redact takes secrets, values or none, not", value);
	options->redact = (enum ph_session_redact)i;
	return -1;
}

/* Each word has a letter: an empty list, of an unset variable of the shell, would redact nothing. */
static int set_redact_words(struct options *options, const char *value)
{
	for (const char *word = value;; word++) {
		size_t size = strcspn(word, ",");
		if (strspn(word, "_- \t\r\n\v\f") >= size)
			return usage("--redact-words takes comma-separated words, none empty, not",
				     *value ? value : "\"\"");
		word += size;
		if (!*word)
			break;
	}
	options->redact_words = value;
	return -1;
}

static int set_progress(struct options *options, const char *value)
{
	return progress_parse(value, &options->progress) ?
		       -1 :
		       usage("--progress takes auto, always or never, not", value);
}

static int set_jobs(struct options *options, const char *value)
{
	char *end;
	errno = 0;
	unsigned long jobs = strtoul(value, &end, 10);
	if (errno || *end || value == end || *value == '-' || jobs < 1 || jobs > 4096)
		return usage("--jobs takes a number from 1 to 4096, not", value);
	options->jobs = (unsigned)jobs;
	return -1;
}

static int set_pickle_objects(struct options *options, const char *value)
{
	char *end;
	errno = 0;
	unsigned long objects = strtoul(value, &end, 10);
	if (errno || *end || value == end || *value == '-' || objects < 1 || objects > 100000000)
		return usage("--pickle-objects takes a number from 1 to 100000000, not", value);
	options->pickle_objects = objects;
	return -1;
}

/* A whole number from `least` to `most`; false when the text is something else. */
static bool parse_number(const char *value, int64_t least, int64_t most, int64_t *ret)
{
	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (errno || *end || value == end || number < least || number > most)
		return false;
	*ret = number;
	return true;
}

static int set_pid(struct options *options, const char *value)
{
	if (!parse_number(value, 1, INT32_MAX, &options->pid))
		return usage("--pid takes the number of a process, not", *value ? value : "\"\"");
	return -1;
}

static int set_quota(struct options *options, const char *value)
{
	int64_t quota;
	if (!parse_number(value, 1, 1 << 30, &quota))
		return usage("--quota takes a number of megabytes from 1 to 1073741824, not", value);
	options->quota = (uint64_t)quota;
	return -1;
}

static int add_label(struct options *options, const char **labels, const char *value)
{
	const char *equals = strchr(value, '=');
	if (!equals || equals == value)
		return usage("--label takes KEY=VALUE, not", value);
	labels[options->label_count++] = value;
	return -1;
}

/* Those without an argument. */
static bool set_flag(int c, struct options *options)
{
	switch (c) {
	case OPT_NO_DUMP:
		options->no_dump = true;
		return true;
	case OPT_NO_STOP:
		options->no_stop = true;
		return true;
	case OPT_COREDUMPCTL:
		options->coredumpctl = true;
		return true;
	case OPT_HANDLER:
		options->handler = true;
		return true;
	case OPT_NO_PICKLE:
		options->pickle_objects = 0;
		return true;
	case OPT_EXPLAIN:
		options->explain = true;
		return true;
	default:
		return false;
	}
}

static int set_option(int c, struct options *options, const char **labels)
{
	if (set_flag(c, options))
		return -1;
	switch (c) {
	case 'o':
		options->output = optarg;
		return -1;
	case OPT_PID:
		return set_pid(options, optarg);
	case OPT_QUOTA:
		return set_quota(options, optarg);
	case OPT_REPORT:
		return set_report(options, optarg);
	case OPT_HEAP:
		return set_heap(options, optarg);
	case OPT_SYSROOT:
		options->sysroot = optarg;
		return -1;
	case OPT_SOLIB:
		options->solib_search_path = optarg;
		return -1;
	case OPT_REDACT:
		return set_redact(options, optarg);
	case OPT_REDACT_WORDS:
		return set_redact_words(options, optarg);
	case OPT_LABEL:
		return add_label(options, labels, optarg);
	case OPT_JOBS:
		return set_jobs(options, optarg);
	case OPT_PICKLE_OBJECTS:
		return set_pickle_objects(options, optarg);
	case OPT_PROGRESS:
		return set_progress(options, optarg);
	case OPT_TRIM:
		options->trim = optarg;
		return -1;
	case OPT_HELP:
		fputs(help_text, stdout);
		return 0;
	case OPT_VERSION:
		puts("core2pyheap " PACKAGE_VERSION);
		return 0;
	default:
		return -1;
	}
}

/* What getopt would say itself, with the whole of argv[0] and in two lines.  `c` is ':' or '?'. */
static int wrong_option(int c, char *const *argv)
{
	char letter[] = { '-', (char)optopt, 0 };
	const char *word = argv[optind - 1];
	bool is_long = !strncmp(word, "--", 2);
	/* of a bundle of letters the one that is wrong; a long one is the last word looked at */
	if (c == '?' && !is_long)
		word = letter;
	const char *what = c == ':' ? "needs a value" : is_long && optopt ? "takes no value" : NULL;
	if (what)
		fprintf(stderr, "core2pyheap: option %s %s; try --help\n", word, what);
	else
		fprintf(stderr, "core2pyheap: unknown option %s; try --help\n", word);
	return 2;
}

#define HEAP_DEFAULT ((enum ph_dump_heap)-1)

static int set_handled(struct options *options, char **operands)
{
	int64_t signal;
	if (!parse_number(operands[0], 1, INT32_MAX, &options->handled))
		return usage("--handler takes the number of a process (%P), not", operands[0]);
	if (!parse_number(operands[1], 0, 1024, &signal))
		return usage("--handler takes the number of a signal (%s), not", operands[1]);
	return -1;
}

/* What is wrong with so many operands, or NULL. */
static const char *check_operands(const struct options *options, int count)
{
	if (options->coredumpctl + options->handler + (options->pid != 0) > 1)
		return "--pid, --coredumpctl and --handler exclude each other";
	if (options->no_stop && !options->pid)
		return "--no-stop goes with --pid";
	if (options->handler)
		return count == 2 ? NULL : "--handler takes %P and %s";
	if (options->coredumpctl)
		return NULL;
	if (options->pid)
		return count > 1 ? "too many operands: with --pid only PYTHON may follow" : NULL;
	return count < 1 ? "no core file is named" : count > 2 ? "too many operands" : NULL;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options options = { .heap = HEAP_DEFAULT, .pickle_objects = 100000, .quota = 1024, .memory = -1 };
	const char **labels = calloc((size_t)argc + 1, sizeof(*labels));
	int c, status;
	if (!labels)
		return usage("out of memory", NULL);
	options.labels = labels;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1) {
		status = c == ':' || c == '?' ? wrong_option(c, argv) : set_option(c, &options, labels);
		if (status >= 0) {
			free(labels);
			return status;
		}
	}
	const char *wrong = check_operands(&options, argc - optind);
	if (wrong) {
		free(labels);
		return usage(wrong, NULL);
	}
	if (options.heap == HEAP_DEFAULT)
		options.heap = options.handler ? PH_DUMP_HEAP_STACKS : PH_DUMP_HEAP_FULL;
	if (options.handler) {
		status = set_handled(&options, argv + optind);
		if (status < 0)
			*ret = options;
		else
			free(labels);
		return status;
	}
	if (options.trim && options.pid) {
		free(labels);
		return usage("--trim takes a core or a minidump, not a process", NULL);
	}
	options.no_dump |= options.trim && !options.output;
	if (options.output && !strcmp(options.output, "-") && !options.no_dump && isatty(STDOUT_FILENO)) {
		fputs("core2pyheap: -o -: standard output is a terminal and a dump is binary; send it to a file\n",
		      stderr);
		free(labels);
		return 2;
	}
	if (options.coredumpctl) {
		options.matches = argv + optind;
		options.core = "-";
		optind = argc;
	} else if (!options.pid)
		options.core = argv[optind++];
	options.python = optind < argc ? argv[optind] : NULL;
	if (options.python && !strcmp(options.python, "-")) {
		options.python = options.core;
		options.core = "-";
	}
	*ret = options;
	return -1;
}
