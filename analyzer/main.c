/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap VERB [OPTION]... DUMP [OPERAND]...: reads the dumps that core2pyheap makes. */
#include "pager.h"
#include "terminal/progress.h"

#include <pyheap/dump.h>
#include <pyheap/verb.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

struct program {
	enum progress_when progress;
	bool with_pager;
	bool is_gone; /* whoever read our output: not an error */
	int errnum;   /* of writing it */
};

/* ---- help ---- */

static int print_help(void)
{
	const struct ph_verb *verbs;
	size_t count = ph_verbs(&verbs);
	printf("Usage: pyheap VERB [OPTION]... DUMP [OPERAND]...\n"
	       "Show what is in a dump of a Python process, made by core2pyheap.\n"
	       "\n"
	       "Verbs:\n");
	for (size_t i = 0; i < count; i++)
		printf("  %-12s %s\n", verbs[i].name, verbs[i].summary);
	printf("  %-12s %s\n", "help VERB", "the options of a verb");
	printf("\n"
	       "Options of every verb:\n"
	       "  --json       JSON for scripts, in place of text\n"
	       "\n"
	       "Options before the verb:\n"
	       "  --no-pager   do not page the output on a terminal\n"
	       "  --progress=WHEN\n"
	       "               auto (default): on a terminal, after a second of work; always, never\n"
	       "  --help       this text\n"
	       "  --version    the version\n"
	       "\n"
	       "DUMP - is standard input.  Exit status: 0 done; 1 done, but something is missing;\n"
	       "2 wrong usage or the dump cannot be read.\n");
	return 0;
}

static int print_verb_help(const char *name)
{
	const struct ph_verb *verb = ph_verb_find(name);
	if (!verb) {
		fprintf(stderr, "pyheap: no such verb: %s: pyheap --help lists them\n", name);
		return 2;
	}
	printf("Usage: pyheap %s\n\n%s", verb->usage, verb->help);
	return 0;
}

static int print_version(void)
{
	printf("pyheap (core2pyheap) " PACKAGE_VERSION "\n"
	       "License GPL-3.0-or-later; there is no warranty.\n");
	return 0;
}

/* ---- output ---- */

static bool write_out(void *user, const char *text, size_t size)
{
	struct program *program = user;
	/* not into the text */
	if (isatty(STDOUT_FILENO))
		progress_end();
	if (progress_is_interrupted())
		program->is_gone = true;
	else if (program->with_pager)
		pager_start();
	while (size && !program->is_gone && !program->errnum) {
		ssize_t n = write(STDOUT_FILENO, text, size);
		if (n >= 0)
			text += n, size -= (size_t)n;
		else if (errno == EPIPE)
			program->is_gone = true;
		else if (errno != EINTR)
			program->errnum = errno;
	}
	return !size;
}

static void warn(void *user, const char *message)
{
	(void)user;
	progress_clear();
	fprintf(stderr, "pyheap: %s\n", message);
}

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb");
}

static unsigned terminal_columns(void)
{
	struct winsize size;
	return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

/* ---- running a verb ---- */

static int fail(struct ph_error *error)
{
	int status = ph_error_exit_status(error);
	progress_end();
	fprintf(stderr, "pyheap: %s\n", error->message);
	ph_error_free(error);
	return status;
}

/* By Ctrl-C, between two pieces of the output. */
static int stopped(void)
{
	progress_end();
	fputs("pyheap: stopped\n", stderr);
	return 2;
}

/* `pyheap find Session core.pyheap`: the names are there, in the other order. */
static void hint_at_order(int argc, char **argv, int index)
{
	if (!access(argv[index], F_OK))
		return;
	for (int i = index + 1; i < argc; i++)
		if (argv[i][0] != '-' && !access(argv[i], R_OK)) {
			fprintf(stderr, "pyheap: the dump comes first: pyheap %s\n", ph_verb_find(argv[0])->usage);
			return;
		}
}

/* argv[0] is the verb, argv[index] the dump, which the verb does not see. */
static int run_on_dump(struct program *program, int argc, char **argv, int index)
{
	struct ph_dump *dump;
	int status = 0;
	const struct ph_callbacks callbacks = { .progress = progress_take };
	struct ph_verb_output output = {
		.user = program,
		.write = write_out,
		.warning = warn,
		.colour = wants_colour(),
		.columns = terminal_columns(),
		.callbacks = &callbacks,
	};
	progress_begin(program->progress);
	progress_watch_interrupt();
	struct ph_error *error = ph_dump_open(argv[index], &dump);
	if (error) {
		status = fail(error);
		hint_at_order(argc, argv, index);
		return status;
	}
	memmove(argv + index, argv + index + 1, (size_t)(argc - index) * sizeof(*argv)); /* with the NULL */
	error = ph_verb_run(dump, argc - 1, argv, &output, &status);
	if (error)
		status = fail(error);
	else if (progress_is_interrupted())
		status = stopped();
	progress_end();
	ph_dump_close(dump);
	return status;
}

static int run_verb(struct program *program, int argc, char **argv)
{
	int index;
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help"))
			return print_verb_help(argv[0]);
	struct ph_error *error = ph_verb_check(argc, argv, &index);
	if (error)
		return fail(error);
	if (index == argc) {
		fprintf(stderr, "pyheap: %s: no dump given: pyheap help %s\n", argv[0], argv[0]);
		return 2;
	}
	int status = run_on_dump(program, argc, argv, index);
	if (program->errnum) {
		fprintf(stderr, "pyheap: standard output: %s\n", strerror(program->errnum));
		status = 2;
	}
	pager_finish();
	return status;
}

/* What stdio holds back is written out at last, and may not fit. */
static int finish(int status)
{
	if (fflush(stdout) && errno != EPIPE) {
		fprintf(stderr, "pyheap: standard output: %s\n", strerror(errno));
		return 2;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct program program = { .with_pager = true };
	int i = 1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return finish(print_help());
		if (!strcmp(argv[i], "--version") || !strcmp(argv[i], "-V"))
			return finish(print_version());
		if (!strncmp(argv[i], "--progress=", 11) && progress_parse(argv[i] + 11, &program.progress))
			continue;
		if (strcmp(argv[i], "--no-pager")) {
			fprintf(stderr, "pyheap: unknown option %s; try --help\n", argv[i]);
			return 2;
		}
		program.with_pager = false;
	}
	if (i == argc) {
		fprintf(stderr, "pyheap: no verb is named; try --help\n");
		return 2;
	}
	if (!strcmp(argv[i], "help"))
		return finish(i + 1 < argc ? print_verb_help(argv[i + 1]) : print_help());
	return run_verb(&program, argc - i, argv + i);
}
