/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/reader.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "dump/format.h"
#include "dump/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD_SIZE 4096

PH_DEFINE_CLEANUP(struct ph_dump, dump_cleanup, ph_dump_close)

/* One line: the first, and how many there are besides. */
static void tell(struct ph_dump *dump)
{
	size_t first = dump->has_general && dump->problem_count > 1, more = dump->problem_count - first - 1;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(8192);
	ph_buffer_puts(&text, dump->problems[first]);
	if (more)
		ph_buffer_printf(&text, " (and %zu more thing%s wrong: pyheap verify lists what is)", more,
				 more == 1 ? " is" : "s are");
	char *problem = ph_buffer_steal(&text);
	if (!problem)
		return;
	free(dump->problem);
	dump->problem = problem;
}

/* Takes the text. */
static void add_problem(struct ph_dump *dump, char *text)
{
	bool known = !text || dump->problem_count == PH_DUMP_PROBLEMS;
	for (size_t i = 0; !known && i < dump->problem_count; i++)
		known = !strcmp(dump->problems[i], text);
	if (known) {
		free(text);
		return;
	}
	dump->problems[dump->problem_count++] = text;
	tell(dump);
}

void ph_dump_note(struct ph_dump *dump, const char *format, ...)
{
	va_list ap;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096);
	ph_buffer_printf(&text, "%s: ", dump->path);
	va_start(ap, format);
	ph_buffer_vprintf(&text, format, ap);
	va_end(ap);
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			text.data[i] = '?';
	add_problem(dump, ph_buffer_steal(&text));
}

void ph_dump_note_error(struct ph_dump *dump, const struct ph_error *error)
{
	add_problem(dump, strdup(error->message));
}

struct ph_error *ph_dump_create_live(const struct ph_dump_live *live, struct ph_dump **ret)
{
	struct ph_dump *dump = calloc(1, sizeof(*dump));
	if (!dump)
		return &ph_error_no_memory;
	dump->live = *live;
	dump->fd = -1;
	*ret = dump;
	return NULL;
}

bool ph_dump_is_live(const struct ph_dump *dump)
{
	return dump->live.self != NULL;
}

void ph_dump_set_callbacks(struct ph_dump *dump, const struct ph_callbacks *callbacks)
{
	dump->callbacks = callbacks;
}

const struct ph_callbacks *ph_dump_callbacks(const struct ph_dump *dump)
{
	return dump->callbacks;
}

bool ph_dump_is_stopped(const struct ph_dump *dump)
{
	return dump->is_stopped;
}

struct ph_error *ph_dump_progress(struct ph_dump *dump, const char *stage, uint64_t done, uint64_t total)
{
	struct ph_error *error = dump->is_stopped ? ph_error_create(PH_ERROR_CANCELLED, "stopped")
						   : ph_progress(dump->callbacks, stage, done, total);
	if (error && !dump->is_stopped) {
		dump->is_stopped = true;
		ph_dump_note(dump, "was not read to its end"); /* nothing that is worked out of it is for keeps */
	}
	return error;
}

const char *ph_dump_problem(const struct ph_dump *dump)
{
	return dump->problem;
}

/* A pipe cannot be read out of order: into an unlinked file first. */
static struct ph_error *spool(const char *path, int from, int *ret)
{
	char buffer[65536];
	const char *folder = getenv("TMPDIR");
	ph_auto_free char *name = NULL;
	if (asprintf(&name, "%s/pyheap.XXXXXX", folder && *folder ? folder : "/tmp") < 0) {
		name = NULL;
		return &ph_error_no_memory;
	}
	ph_auto_close int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return ph_error_errno(errno, "%s: cannot create a temporary file for %s: set TMPDIR", name, path);
	unlink(name);
	for (;;) {
		ssize_t n = read(from, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ph_error_errno(errno, "%s", path);
		if (!n)
			break;
		for (ssize_t done = 0; done < n;) {
			ssize_t written = write(fd, buffer + done, (size_t)(n - done));
			if (written < 0 && errno != EINTR)
				return ph_error_errno(errno, "%s: cannot copy %s there: set TMPDIR", name, path);
			done += written > 0 ? written : 0;
		}
	}
	*ret = fd;
	fd = -1;
	return NULL;
}

static struct ph_error *open_file(struct ph_dump *dump, const char *path, uint64_t *ret_size)
{
	struct stat st;
	bool is_stdin = !strcmp(path, "-");
	/* a pipe without a writer is not waited for */
	dump->fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
			      open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (dump->fd < 0 || fstat(dump->fd, &st))
		return ph_error_errno(errno, "%s", dump->path);
	if (S_ISDIR(st.st_mode))
		return ph_error_create(PH_ERROR_IO, "%s: is a folder, not a dump", dump->path);
	if (is_stdin && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) {
		int fd;
		struct ph_error *error = spool(dump->path, dump->fd, &fd);
		if (error)
			return error;
		close(dump->fd);
		dump->fd = fd;
		if (fstat(fd, &st))
			return ph_error_errno(errno, "%s", dump->path);
	} else if (!S_ISREG(st.st_mode)) {
		return ph_error_create(PH_ERROR_IO,
				       "%s: is %s, not a dump; give a file, or - and the dump on standard input",
				       dump->path, S_ISFIFO(st.st_mode) ? "a pipe" : "a device");
	}
	*ret_size = (uint64_t)st.st_size;
	return NULL;
}

/* Whether the archive is one of ours, in a version that we know. */
static struct ph_error *check_manifest(struct ph_dump *dump, bool is_ours)
{
	ph_auto_free char *json = NULL;
	size_t size;
	enum ph_member_state state;
	struct ph_manifest manifest = { .version = -1 };
	struct ph_error *error =
		ph_dump_member_partial(dump, PH_MEMBER_MANIFEST, PH_MANIFEST_MAXIMUM, &json, &size, &state);
	if (error)
		return error;
	if (!state && ph_manifest_parse(json, size, &manifest) && manifest.is_ours) {
		dump->wants_closure = manifest.has_closure;
		if (manifest.version == PH_DUMP_VERSION)
			return NULL;
		return ph_error_create(PH_ERROR_BAD_DUMP,
				       "%s: is of format %lld, and this pyheap reads format %d: use a newer pyheap",
				       dump->path, (long long)manifest.version, PH_DUMP_VERSION);
	}
	if (!is_ours)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: is a ZIP archive, but not a dump made by core2pyheap",
				       dump->path);
	ph_dump_note(dump, "its member " PH_MEMBER_MANIFEST " %s: copy the dump again",
		     ph_member_state_text(state ? state : PH_MEMBER_ALTERED));
	return NULL;
}

static struct ph_error *check_archive(struct ph_dump *dump, const char *head, size_t size)
{
	static const char ours[] = "X-Pyheap-Dump-Version:";
	bool is_ours = memmem(head, size, ours, sizeof(ours) - 1);
	if (!dump->archive.count)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: %s", dump->path,
				       is_ours ? "is cut, and nothing of it can be read: copy the dump again"
					       : "is not a dump made by core2pyheap");
	if (dump->archive.problem) {
		dump->has_general = true;
		ph_dump_note(dump, "%s: copy the dump again", dump->archive.problem);
	}
	return check_manifest(dump, is_ours);
}

struct ph_error *ph_dump_open(const char *path, struct ph_dump **ret)
{
	char head[HEAD_SIZE];
	uint64_t size = 0;
	ph_cleanup(dump_cleanup) struct ph_dump *dump = calloc(1, sizeof(*dump));
	if (!dump)
		return &ph_error_no_memory;
	dump->fd = -1;
	dump->path = strdup(strcmp(path, "-") ? path : "standard input");
	if (!dump->path)
		return &ph_error_no_memory;
	struct ph_error *error = open_file(dump, path, &size);
	if (error)
		return error;
	size_t head_size = size < HEAD_SIZE ? (size_t)size : HEAD_SIZE;
	if (!ph_read_at(dump->fd, head, head_size, 0))
		return ph_error_errno(errno ? errno : EIO, "%s", dump->path);
	error = ph_dump_recognise(dump->path, head, head_size);
	if (!error)
		error = ph_archive_open(dump->fd, size, &dump->archive);
	if (!error)
		error = check_archive(dump, head, head_size);
	if (error)
		return error;
	*ret = ph_take_ptr(dump);
	return NULL;
}

void ph_dump_close(struct ph_dump *dump)
{
	if (!dump)
		return;
	if (dump->has_report || dump->has_exceptions)
		ph_report_deinit(&dump->report);
	ph_archive_close(&dump->archive);
	if (dump->fd >= 0)
		close(dump->fd);
	free(dump->problem);
	for (size_t i = 0; i < dump->problem_count; i++)
		free(dump->problems[i]);
	free(dump->path);
	free(dump);
}
