/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Python sources that frames name, when they are on this machine.
 *
 * A file name from a core is a stranger's word: only "*.py", regular, up to
 * 4 MiB, also behind symbolic links; see ph_image_open_named(). */
#include "extract/extract.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "record/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAXIMUM_FILE ((uint64_t)4 << 20)
#define MAXIMUM_BYTES ((size_t)64 << 20) /* of all files */
#define MAXIMUM_FILES 4096
#define MAXIMUM_LINE 1000 /* bytes of a line that the report shows */

/* A relative co_filename is relative to where the program was started. */
static char *absolute(struct ph_extract *extract, const char *path)
{
	const char *const *environment;
	/* a path of Windows begins with the drive: ph_image_open_named() looks for it below --sysroot */
	if (path[0] == '/' || (path[0] && path[1] == ':' && !strcmp(ph_image_info(extract->image)->os, "windows")))
		return strdup(path);
	size_t count = ph_image_environment(extract->image, &environment);
	for (size_t i = 0; i < count; i++) {
		char *joined;
		if (!strncmp(environment[i], "PWD=/", 5) && asprintf(&joined, "%s/%s", environment[i] + 4, path) >= 0)
			return joined;
	}
	return NULL;
}

static char *read_all(int fd, size_t size, size_t *ret_size)
{
	char *text = malloc(size + 1);
	size_t done = 0;
	while (text && done < size) {
		ssize_t n = read(fd, text + done, size - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (text)
		text[done] = '\0';
	*ret_size = done;
	return text;
}

static bool is_utf8(const char *text, size_t size)
{
	for (size_t i = 0; i < size;) {
		unsigned char c = (unsigned char)text[i++];
		unsigned more = c < 0x80		? 0
				: c >= 0xc2 && c < 0xe0 ? 1
				: (c & 0xf0) == 0xe0	? 2
				: c >= 0xf0 && c < 0xf5 ? 3
							: 4;
		if (more == 4 || more > size - i)
			return false;
		for (; more; more--, i++)
			if (((unsigned char)text[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* What is not UTF-8 is taken for Latin-1, the usual other coding of PEP 263. */
static void decode(struct ph_source_text *file)
{
	if (is_utf8(file->text, file->size))
		return;
	struct ph_buffer out = PH_BUFFER(2 * MAXIMUM_FILE);
	for (size_t i = 0; i < file->size; i++)
		ph_buffer_put_utf8(&out, (unsigned char)file->text[i]);
	size_t size = out.size;
	char *text = ph_buffer_steal(&out);
	if (text) {
		free(file->text);
		file->text = text;
		file->size = size;
	}
}

static void index_lines(struct ph_source_text *file)
{
	size_t count = 1;
	for (size_t i = 0; i < file->size; i++)
		count += file->text[i] == '\n';
	file->lines = calloc(count + 1, sizeof(*file->lines));
	if (!file->lines)
		return;
	file->line_count = count;
	size_t line = 1;
	for (size_t i = 0; i < file->size; i++)
		if (file->text[i] == '\n')
			file->lines[line++] = i + 1;
	file->lines[count] = file->size + 1;
}

/* The standard library: its literals are everybody's ("token = 'comment'"). */
static bool is_library(const char *path)
{
	const char *library = strstr(path, "/lib/python");
	return library && !strstr(library, "-packages/");
}

static void load(struct ph_extract *extract, struct ph_source_text *file)
{
	const struct ph_callbacks *callbacks = ph_image_callbacks(extract->image);
	const char *why = "not opened";
	if (file->path[0] == '<' || !file->path[0]) /* <frozen os>, <string> */
		return;
	ph_auto_free char *path = absolute(extract, file->path);
	if (!path)
		return;
	ph_auto_close int fd = ph_image_open_named(extract->image, path, ".py", MAXIMUM_FILE, &why);
	if (fd < 0) {
		/* of Windows nothing is expected to lie here */
		if (!strcmp(why, "not found") || path[0] != '/')
			ph_explain(callbacks, "source %s: %s", file->path, why);
		else
			ph_warn(callbacks, "source %s: not opened, %s", file->path, why);
		return;
	}
	struct stat status;
	if (fstat(fd, &status) || (size_t)status.st_size > MAXIMUM_BYTES - extract->file_bytes)
		return;
	file->text = read_all(fd, (size_t)status.st_size, &file->size);
	if (!file->text)
		return;
	extract->file_bytes += file->size;
	int64_t core_time = ph_image_info(extract->image)->core_time;
	file->newer = core_time && status.st_mtime > core_time;
	if (file->newer)
		ph_warn(callbacks, "source %s: newer than the core, its lines may not be what ran", file->path);
	decode(file);
	index_lines(file);
	if (!is_library(file->path))
		ph_redactor_add_source(extract->redactor, file->text, file->size, &file->secrets);
}

static struct ph_source_text *find(struct ph_extract *extract, const char *path)
{
	/* frames of one stack mostly name few files: the last ones first */
	for (size_t i = extract->file_count; i-- > 0;)
		if (!strcmp(extract->files[i].path, path))
			return &extract->files[i];
	if (extract->file_count == MAXIMUM_FILES || extract->files_known)
		return NULL;
	if (!extract->files)
		extract->files = calloc(MAXIMUM_FILES, sizeof(*extract->files));
	char *copy = extract->files ? strdup(path) : NULL;
	if (!copy)
		return NULL;
	struct ph_source_text *file = &extract->files[extract->file_count++];
	file->path = copy;
	load(extract, file);
	return file;
}

void ph_extract_load_source(struct ph_extract *extract, const struct ph_frame *frame)
{
	if (frame->file && frame->line > 0)
		find(extract, frame->file);
}

void ph_extract_source_line(struct ph_extract *extract, struct ph_frame *frame)
{
	if (!frame->file || frame->line <= 0)
		return;
	struct ph_source_text *file = find(extract, frame->file);
	if (!file || !file->lines || (size_t)frame->line > file->line_count)
		return;
	size_t start = file->lines[frame->line - 1], end = file->lines[frame->line] - 1;
	while (end > start && strchr(" \t\r\f", file->text[end - 1]))
		end--;
	if (end - start > MAXIMUM_LINE)
		end = start + MAXIMUM_LINE;
	struct ph_buffer out = PH_BUFFER(2 * MAXIMUM_LINE);
	if (ph_redactor_scrub_part(extract->redactor, file->text, start, end, &file->secrets, &out))
		file->scrubbed = true;
	frame->source = ph_text_copy(&extract->report.arena, ph_buffer_text(&out), out.size);
	ph_buffer_deinit(&out);
}

const struct ph_source_text *ph_extract_source(struct ph_extract *extract, const char *path)
{
	return path ? find(extract, path) : NULL;
}

void ph_extract_free_sources(struct ph_extract *extract)
{
	for (size_t i = 0; i < extract->file_count; i++) {
		free(extract->files[i].path);
		free(extract->files[i].text);
		free(extract->files[i].lines);
		ph_ranges_deinit(&extract->files[i].secrets);
	}
	free(extract->files);
}
