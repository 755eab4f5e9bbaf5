/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streams that Breakpad added for Linux and LLDB writes too: copies of files below /proc/PID. */
#include "image/minidump.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

#define MAX_STRINGS 10000

/* The bytes up to the next `end`; false at the end. */
static bool next_piece(struct ph_cursor *c, char end, const char **ret, size_t *ret_size)
{
	size_t left = ph_cursor_left(c);
	const char *at = (const char *)c->data + c->position;
	if (!left)
		return false;
	const char *stop = memchr(at, end, left);
	*ret = at;
	*ret_size = stop ? (size_t)(stop - at) : left;
	(void)ph_cursor_take(c, *ret_size + (stop != NULL));
	return true;
}

static const char *intern(struct ph_image *image, const char *text, size_t size)
{
	ph_auto_free char *copy = strndup(text, size);
	return copy ? ph_image_intern(image, copy) : NULL;
}

/* ---- LinuxMaps ---- */

static struct ph_error *add_line(struct ph_minidump *md, const char *text, size_t size, size_t capacity)
{
	struct ph_image *image = md->image;
	char line[512], access[5] = "";
	uint64_t start, end, offset;
	int path = 0;
	size_t head = size < sizeof(line) - 1 ? size : sizeof(line) - 1;
	memcpy(line, text, head);
	line[head] = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &start, &end, access, &offset, &path) <
		    4 ||
	    strlen(access) != 4 || start >= end || path <= 0)
		return NULL;
	struct ph_error *error = ph_minidump_add_region(md, (struct ph_minidump_region){
								    .start = start,
								    .end = end,
								    .readable = access[0] == 'r',
								    .writable = access[1] == 'w',
								    .executable = access[2] == 'x',
								    .shared = access[3] == 's',
							    });
	/* "[heap]" and the like are no files */
	const char *name = !error && (size_t)path < size && text[path] == '/' ?
		intern(image, text + path, size - (size_t)path) : NULL;
	if (name && image->mapping_count < capacity)
		image->mappings[image->mapping_count++] =
			(struct ph_mapping){ .start = start, .end = end, .offset = offset, .path = name };
	return error;
}

struct ph_error *ph_minidump_linux_maps(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_cursor c;
	const char *text;
	size_t size, lines = 0;
	struct ph_error *error = NULL;
	if (!ph_minidump_stream(md, PH_STREAM_LINUX_MAPS, 0, &c))
		return NULL;
	struct ph_cursor counting = c;
	while (next_piece(&counting, '\n', &text, &size))
		lines++;
	image->mappings = calloc(lines ? lines : 1, sizeof(*image->mappings));
	if (!image->mappings)
		return &ph_error_no_memory;
	while (!error && next_piece(&c, '\n', &text, &size))
		error = add_line(md, text, size, lines);
	ph_image_settle_mappings(image);
	return error;
}

/* ---- the rest ---- */

static void read_auxv(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_cursor c;
	size_t word = image->info.pointer_size;
	if (!ph_minidump_stream(md, PH_STREAM_LINUX_AUXV, 0, &c))
		return;
	size_t count = ph_cursor_left(&c) / (2 * word);
	count = count < 1024 ? count : 1024;
	image->auxv = calloc(count ? count : 1, sizeof(*image->auxv));
	for (size_t i = 0; image->auxv && i < count; i++) {
		struct ph_auxv entry = { .type = ph_cursor_uint(&c, word), .value = ph_cursor_uint(&c, word) };
		if (entry.type == AT_NULL)
			break;
		image->auxv[image->auxv_count++] = entry;
	}
}

/* "Name:" and "Pid:" of /proc/PID/status */
static void read_status(struct ph_minidump *md)
{
	struct ph_image_info *info = &md->image->info;
	struct ph_cursor c;
	const char *text;
	size_t size;
	if (!ph_minidump_stream(md, PH_STREAM_LINUX_PROC_STATUS, 0, &c))
		return;
	while (next_piece(&c, '\n', &text, &size)) {
		char line[64];
		size_t head = size < sizeof(line) - 1 ? size : sizeof(line) - 1;
		memcpy(line, text, head);
		line[head] = 0;
		if (!strncmp(line, "Pid:", 4) && !info->pid)
			info->pid = strtoll(line + 4, NULL, 10);
		if (!strncmp(line, "Name:\t", 6) && size < sizeof(line))
			info->name = ph_image_intern(md->image, line + 6);
	}
}

static void read_strings(struct ph_minidump *md, uint32_t type, struct ph_strings *to)
{
	struct ph_cursor c;
	const char *text;
	size_t size;
	if (!ph_minidump_stream(md, type, 0, &c))
		return;
	size_t most = ph_cursor_left(&c) < MAX_STRINGS ? ph_cursor_left(&c) : MAX_STRINGS;
	to->items = calloc(most + 1, sizeof(*to->items));
	while (to->items && to->count < most && next_piece(&c, 0, &text, &size)) {
		const char *copy = intern(md->image, text, size < 4096 ? size : 4096);
		if (copy)
			to->items[to->count++] = copy;
	}
}

void ph_minidump_linux_process(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	ph_auto_buffer struct ph_buffer command = PH_BUFFER(16 << 10);
	if (md->windows)
		return;
	read_auxv(md);
	read_status(md);
	read_strings(md, PH_STREAM_LINUX_CMD_LINE, &image->arguments);
	read_strings(md, PH_STREAM_LINUX_ENVIRON, &image->environment);
	/* what is not there is looked for on the stack, as in a core; only when neither is: the lists are filled once
	 * */
	image->strings_looked = image->arguments.items || image->environment.items;
	for (size_t i = 0; i < image->arguments.count; i++)
		ph_buffer_printf(&command, "%s%s", i ? " " : "", image->arguments.items[i]);
	if (image->arguments.count)
		image->info.command = ph_image_intern(image, ph_buffer_text(&command));
}
