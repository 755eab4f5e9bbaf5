/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool progress, shown;
	double begun, last;
	/* the stage that runs: what it is called, when it began and with how much done */
	char stage[64];
	double stage_begun;
	unsigned long long stage_done;
} state;

static volatile sig_atomic_t interrupted;

/* An error of our own, in the shape of the library's, whose ph_error_free() frees it. */
static struct ph_error *io_error(const char *format, ...)
{
	char message[512];
	va_list ap;
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	struct ph_error *error = malloc(sizeof(*error) + sizeof(message));
	if (!error) {
		fputs("core2pyheap: out of memory\n", stderr);
		exit(2);
	}
	error->code = PH_ERROR_IO;
	error->message = memcpy(error + 1, message, sizeof(message));
	return error;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void output_end_progress(void)
{
	if (state.shown)
		fputs("\r\033[K", stderr);
	state.shown = false;
}

static void on_warning(void *user, const char *message)
{
	(void)user;
	output_end_progress();
	fprintf(stderr, "core2pyheap: warning: %s\n", message);
}

static void on_explain(void *user, const char *message)
{
	(void)user;
	output_end_progress();
	fprintf(stderr, "%s\n", message);
}

/* ", 2.1 million/s, 1 min 20 s left", once there is enough to tell it from. */
static void put_rate(double t, unsigned long long done, unsigned long long total)
{
	double seconds = t - state.stage_begun, rate = seconds > 0 ? (double)(done - state.stage_done) / seconds : 0;
	if (seconds < 0.5 || rate < 1)
		return;
	fprintf(stderr, rate >= 1e6 ? ", %.1f million/s" : rate >= 1e3 ? ", %.0f thousand/s" : ", %.0f/s",
		rate >= 1e6 ? rate / 1e6 : rate >= 1e3 ? rate / 1e3 : rate);
	if (total <= done)
		return;
	unsigned long long left = (unsigned long long)((double)(total - done) / rate) + 1;
	if (left >= 60)
		fprintf(stderr, ", %llu min %llu s left", left / 60, left % 60);
	else
		fprintf(stderr, ", %llu s left", left);
}

/* A line after a second of work, renewed five times a second. */
static bool on_progress(void *user, const char *stage, unsigned long long done, unsigned long long total)
{
	double t = now();
	(void)user;
	if (interrupted)
		return false;
	if (strcmp(stage, state.stage) != 0 || done < state.stage_done) {
		snprintf(state.stage, sizeof(state.stage), "%s", stage);
		state.stage_begun = t;
		state.stage_done = done;
	}
	if (!state.progress || t - state.begun < 1 || t - state.last < 0.2)
		return true;
	state.last = t;
	state.shown = true;
	if (total)
		fprintf(stderr, "\r\033[K%s: %llu of %llu (%llu%%)", stage, done, total,
			(unsigned long long)(100.0 * (double)done / (double)total));
	else
		fprintf(stderr, "\r\033[K%s: %llu", stage, done);
	put_rate(t, done, total);
	fflush(stderr);
	return true;
}

const struct ph_callbacks *output_callbacks(const struct options *options)
{
	static struct ph_callbacks callbacks = { .warning = on_warning, .progress = on_progress };
	if (options->explain)
		callbacks.explain = on_explain;
	state.begun = now();
	state.progress = options->progress == PROGRESS_ALWAYS ||
			 (options->progress == PROGRESS_AUTO && isatty(STDERR_FILENO));
	return &callbacks;
}

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
	/* the second one ends us at once */
	signal(SIGINT, SIG_DFL);
}

void output_watch_interrupt(void)
{
	signal(SIGINT, on_interrupt);
}

FILE *output_report_stream(const struct options *options)
{
	bool dump_takes_stdout = !options->no_dump && options->output && !strcmp(options->output, "-");
	return dump_takes_stdout ? stderr : stdout;
}

void output_style(FILE *to, struct ph_report_style *ret)
{
	struct winsize size;
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(fileno(to));
	ret->colour = terminal && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
	ret->columns = terminal && !ioctl(fileno(to), TIOCGWINSZ, &size) ? size.ws_col : 0;
}

struct ph_error *output_write(FILE *to, const char *text, size_t size)
{
	if (fwrite(text, 1, size, to) == size && !fflush(to))
		return NULL;
	return io_error("cannot write the report: %s", strerror(errno));
}

/* CORE without its folder and the ending of a compressor; of a process its number. */
static char *dump_stem(const struct options *options)
{
	const char *core = options->core;
	char *named;
	if (options->dumped)
		return asprintf(&named, "core.%lld", (long long)options->dumped) < 0 ? NULL : named;
	if (!core)
		return asprintf(&named, "python.%lld", (long long)options->pid) < 0 ? NULL : named;
	static const char *const endings[] = { ".zst", ".lz4", ".gz", ".xz" };
	const char *slash = strrchr(core, '/');
	char *stem = strdup(!strcmp(core, "-") ? "core" : slash && slash[1] ? slash + 1 : core);
	if (!stem)
		return NULL;
	size_t size = strlen(stem);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i]);
		if (size > ending && !strcmp(stem + size - ending, endings[i])) {
			stem[size - ending] = '\0';
			break;
		}
	}
	return stem;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;
	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

struct ph_error *output_dump_path(const struct options *options, char **ret)
{
	if (options->output) {
		if ((options->core && is_same_file(options->output, options->core)) ||
		    (options->python && is_same_file(options->output, options->python)))
			return io_error("%s: the dump would replace what it is made from; give -o another name",
					options->output);
		*ret = strdup(options->output);
		return *ret ? NULL : io_error("out of memory");
	}
	char *stem = dump_stem(options), *path;
	if (!stem)
		return io_error("out of memory");
	for (int i = 1; i < 10000; i++) {
		int n = i == 1 ? asprintf(&path, "%s.pyheap", stem) : asprintf(&path, "%s.%d.pyheap", stem, i);
		struct stat status;
		if (n < 0) {
			free(stem);
			return io_error("out of memory");
		}
		if (lstat(path, &status) && errno == ENOENT) {
			free(stem);
			*ret = path;
			return NULL;
		}
		free(path);
	}
	struct ph_error *error = io_error("%s.pyheap: 10,000 of them are here already; name one with -o", stem);
	free(stem);
	return error;
}

static void announce(const char *path, const char *program, const char *rest)
{
	struct stat status;
	if (stat(path, &status))
		return;
	double size = (double)status.st_size;
	const char *unit = size < 1e6 ? "kB" : "MB";
	fprintf(stderr, "core2pyheap: wrote %s, %.1f %s; `%s %s` prints the report again%s\n", path,
		size / (size < 1e6 ? 1e3 : 1e6), unit, program, path, rest);
}

void output_announce(const char *path)
{
	announce(path, "pyheap report", "");
}

void output_announce_trimmed(const char *path)
{
	announce(path, "core2pyheap", "; it holds memory of the process as it was, unredacted");
}
