/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minidumps: the header, the directory of streams, and in which order they are read. */
#include "image/minidump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

#define HEADER_SIZE 32u
#define DIRECTORY_SIZE 12u /* MINIDUMP_DIRECTORY */
#define MAX_TEXT (64u << 10)

/* ---- what all readers use ---- */

void ph_minidump_damage(struct ph_minidump *md, const char *where, const char *what)
{
	md->image->info.complete = false;
	ph_damage_add(&md->image->damage, PH_DAMAGE_IMAGE, where, "%s", what);
}

const uint8_t *ph_minidump_at(struct ph_minidump *md, uint64_t rva, uint64_t size)
{
	return rva <= md->size && size <= md->size - rva ? md->data + rva : NULL;
}

bool ph_minidump_stream(struct ph_minidump *md, uint32_t type, size_t index, struct ph_cursor *ret)
{
	for (size_t i = 0; i < md->stream_count; i++) {
		const struct ph_minidump_stream *s = &md->streams[i];
		if (s->type != type || index--)
			continue;
		*ret = ph_cursor(md->data + s->rva, s->size, false);
		return true;
	}
	return false;
}

size_t ph_minidump_entries(struct ph_minidump *md, struct ph_cursor *stream, uint64_t claimed, size_t entry_size,
			   const char *what)
{
	size_t left = ph_cursor_left(stream);
	uint64_t room = left / entry_size;
	if (claimed <= room && left - claimed * entry_size == 4)
		(void)ph_cursor_take(stream, 4);
	if (claimed <= room)
		return (size_t)claimed;
	md->image->info.complete = false;
	ph_damage_add(&md->image->damage, PH_DAMAGE_IMAGE, "minidump", "%" PRIu64 " of %" PRIu64 " %s missing",
		      claimed - room, claimed, what);
	return (size_t)room;
}

const char *ph_minidump_utf16(struct ph_image *image, const uint8_t *data, size_t size)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4 * MAX_TEXT);
	for (size_t i = 0; i + 1 < size && i < MAX_TEXT; i += 2) {
		uint32_t unit = (uint32_t)ph_load_uint(data + i, 2, false), low;
		if (!unit)
			break;
		if (unit >> 10 == 0x36 && i + 3 < size &&
		    (low = (uint32_t)ph_load_uint(data + i + 2, 2, false)) >> 10 == 0x37) {
			unit = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
			i += 2;
		}
		ph_buffer_put_utf8(&text, unit);
	}
	return ph_image_intern(image, ph_buffer_text(&text));
}

const char *ph_minidump_string(struct ph_minidump *md, uint64_t rva)
{
	const uint8_t *size = rva ? ph_minidump_at(md, rva, 4) : NULL;
	if (!size)
		return NULL;
	uint64_t bytes = ph_load_uint(size, 4, false), left = md->size - rva - 4;
	return ph_minidump_utf16(md->image, size + 4, (size_t)(bytes < left ? bytes : left));
}

/* ---- header and directory ---- */

static struct ph_error *check_header(struct ph_minidump *md)
{
	if (md->size < HEADER_SIZE)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: the minidump is cut: %zu bytes are left", md->name,
				       md->size);
	/* the lower half of Version; the upper is the writer's own */
	if (ph_load_uint(md->data + 4, 2, false) != 0xa793)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: is not a minidump of a version that is known (0x%x)",
				       md->name, (unsigned)ph_load_uint(md->data + 4, 4, false));
	md->image->info.core_time = (int64_t)ph_load_uint(md->data + 20, 4, false);
	md->flags = ph_load_uint(md->data + 24, 8, false);
	return NULL;
}

/* A stream that is not whole ends where the file does. */
static bool take_stream(struct ph_minidump *md, struct ph_minidump_stream s)
{
	if (!s.type || !s.size) /* UnusedStream: writers reserve more entries than they fill */
		return false;
	if (s.rva > md->size || s.size > md->size - s.rva) {
		md->image->info.complete = false;
		ph_damage_add(&md->image->damage, PH_DAMAGE_IMAGE, "minidump", "stream 0x%x ends beyond the file",
			      s.type);
		if (s.rva >= md->size)
			return false;
		s.size = (uint32_t)(md->size - s.rva);
	}
	md->streams[md->stream_count++] = s;
	return true;
}

static struct ph_error *read_directory(struct ph_minidump *md)
{
	uint64_t count = ph_load_uint(md->data + 8, 4, false), rva = ph_load_uint(md->data + 12, 4, false);
	uint64_t room = rva < md->size ? (md->size - rva) / DIRECTORY_SIZE : 0;
	if (!count)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: a minidump without streams", md->name);
	if (!room)
		return ph_error_create(PH_ERROR_NOT_CORE,
				       "%s: the minidump is cut before its directory (%zu bytes are left)", md->name,
				       md->size);
	if (count > room) {
		md->image->info.complete = false;
		ph_damage_add(&md->image->damage, PH_DAMAGE_IMAGE, "minidump",
			      "%" PRIu64 " of %" PRIu64 " streams missing", count - room, count);
		count = room;
	}
	md->streams = calloc(count, sizeof(*md->streams));
	if (!md->streams)
		return &ph_error_no_memory;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *entry = md->data + rva + i * DIRECTORY_SIZE;
		(void)take_stream(md, (struct ph_minidump_stream){
					      .type = (uint32_t)ph_load_uint(entry, 4, false),
					      .size = (uint32_t)ph_load_uint(entry + 4, 4, false),
					      .rva = (uint32_t)ph_load_uint(entry + 8, 4, false),
				      });
	}
	return NULL;
}

/* What trim.c keeps of the file as it is. */
static void keep_raws(struct ph_minidump *md)
{
	static const uint32_t types[] = {
		PH_STREAM_LINUX_PROC_STATUS, PH_STREAM_LINUX_CMD_LINE, PH_STREAM_LINUX_AUXV, PH_STREAM_LINUX_MAPS,
	};
	struct ph_cursor c;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (ph_minidump_stream(md, types[i], 0, &c))
			ph_image_keep_raw(md->image, types[i], c.data, c.size, 0);
}

static struct ph_error *load(struct ph_minidump *md)
{
	struct ph_error *error = check_header(md);
	if (!error)
		error = read_directory(md);
	if (!error)
		error = ph_minidump_system(md);
	if (!error)
		error = ph_minidump_hollow(md);
	if (error)
		return error;
	ph_minidump_old_damage(md);
	if (ph_minidump_notes(md)) {
		error = ph_minidump_memory(md);
		if (!error)
			ph_image_finish_notes(md->image);
		return error;
	}
	keep_raws(md);
	error = ph_minidump_linux_maps(md);
	if (!error)
		error = ph_minidump_memory(md);
	if (!error)
		error = ph_minidump_modules(md);
	if (!error)
		error = ph_minidump_threads(md);
	if (error)
		return error;
	ph_minidump_process(md);
	ph_minidump_linux_process(md);
	ph_minidump_exceptions(md);
	ph_minidump_partial(md);
	return NULL;
}

struct ph_error *ph_image_parse_minidump(const void *data, size_t size, const char *name,
					 const struct ph_image_options *options, struct ph_image **ret)
{
	static const struct ph_image_ops ops = { .close = NULL };
	struct ph_minidump md = { .data = data, .size = size, .name = name };
	struct ph_error *error = ph_image_create(options, &ops, &md.image);
	if (error)
		return error;
	error = load(&md);
	free(md.streams);
	free(md.regions);
	free(md.ranges);
	if (error) {
		ph_image_close(md.image);
		return error;
	}
	*ret = md.image;
	return NULL;
}
