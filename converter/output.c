/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HELD 32    /* image/trust.c stops before */
#define MAX_REASON 400 /* bytes of a warning that is part of an error */

/* Warnings, until the image is open. */
static struct {
	bool hold;
	char *texts[MAX_HELD];
	size_t count;
} held;

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

static void print_warning(const char *message)
{
	progress_clear();
	fprintf(stderr, "core2pyheap: warning: %s\n", message);
}

static void on_warning(void *user, const char *message)
{
	(void)user;
	char *copy = held.hold && held.count < MAX_HELD ? strdup(message) : NULL;
	if (copy)
		held.texts[held.count++] = copy;
	else
		print_warning(message);
}

void output_let_go(void)
{
	held.hold = false;
	for (size_t i = 0; i < held.count; i++) {
		print_warning(held.texts[i]);
		free(held.texts[i]);
	}
	held.count = 0;
}

void output_fail(const char *message)
{
	progress_clear();
	fprintf(stderr, "core2pyheap: %s", message);
	if (held.count > 1)
		fprintf(stderr, "; %zu warnings, the first: ", held.count);
	else if (held.count)
		fputs("; warning: ", stderr);
	if (held.count)
		fprintf(stderr, "%.*s", MAX_REASON, held.texts[0]);
	fputc('\n', stderr);
	held.hold = false;
	while (held.count)
		free(held.texts[--held.count]);
}

static void on_explain(void *user, const char *message)
{
	(void)user;
	progress_clear();
	fprintf(stderr, "%s\n", message);
}

const struct ph_callbacks *output_callbacks(const struct options *options)
{
	static struct ph_callbacks callbacks = { .warning = on_warning, .progress = progress_take };
	if (options->explain)
		callbacks.explain = on_explain;
	held.hold = !options->explain;
	progress_begin(options->progress);
	return &callbacks;
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

void output_announce(const char *path, uint64_t secrets)
{
	char rest[100] = "";
	if (secrets)
		snprintf(rest, sizeof(rest), "; %" PRIu64 " value%s of its heap %s redacted", secrets, secrets == 1 ? "" : "s",
			 secrets == 1 ? "is" : "are");
	announce(path, "pyheap report", rest);
}

void output_announce_trimmed(const char *path)
{
	announce(path, "core2pyheap", "; it holds memory of the process as it was, unredacted");
}
