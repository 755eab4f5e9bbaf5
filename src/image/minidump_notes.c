/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in a minidump for its reader alone: Crashpad's annotations, of the process and of its modules, and the
 * modules that had been unloaded. */
#include "image/minidump.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

#define MAX_ANNOTATIONS 256u
#define MAX_TEXT 4096u
#define MAX_UNLOADED 10000u
#define MAX_LINKS 1000u /* modules that have annotations */

/* ---- CrashpadInfo (Crashpad's minidump_extensions.h) ---- */

/* `size` bytes of text, interned; controls come out as "?" only where they are rendered. */
static const char *intern(struct ph_minidump *md, const uint8_t *text, size_t size)
{
	ph_auto_buffer struct ph_buffer copy = PH_BUFFER(MAX_TEXT + 1);
	for (size_t i = 0; i < size && i < MAX_TEXT && text[i]; i++)
		ph_buffer_putc(&copy, (char)text[i]);
	return ph_image_intern(md->image, ph_buffer_text(&copy));
}

/* MinidumpUTF8String, MinidumpByteArray: a size of 4 bytes and so many bytes. */
static const char *text_at(struct ph_minidump *md, uint64_t rva)
{
	const uint8_t *size = rva ? ph_minidump_at(md, rva, 4) : NULL;
	uint64_t bytes = size ? ph_load_uint(size, 4, false) : 0;
	const uint8_t *text = size ? ph_minidump_at(md, rva + 4, bytes) : NULL;
	return text ? intern(md, text, (size_t)bytes) : NULL;
}

static bool add(struct ph_minidump *md, const char *key, const char *value)
{
	struct ph_image *image = md->image;
	struct ph_image_info *info = &image->info;
	if (!key || !value || info->annotation_count == MAX_ANNOTATIONS)
		return false;
	/* the process's own come first, and one of the same name is rarely more */
	for (size_t i = 0; i < info->annotation_count; i++)
		if (!strcmp(info->annotations[i].key, key))
			return true;
	if (!image->annotations)
		image->annotations = calloc(MAX_ANNOTATIONS, sizeof(*image->annotations));
	info->annotations = image->annotations;
	if (image->annotations)
		image->annotations[info->annotation_count++] = (struct ph_annotation){ key, value };
	return image->annotations != NULL;
}

/* A MINIDUMP_LOCATION_DESCRIPTOR's bytes as a list that begins with its count; false when there is none. */
static bool list_at(struct ph_minidump *md, struct ph_cursor *location, size_t entry_size, struct ph_cursor *ret,
		    size_t *ret_count)
{
	uint32_t size = ph_cursor_u32(location), rva = ph_cursor_u32(location);
	const uint8_t *list = !location->overrun && size >= 4 ? ph_minidump_at(md, rva, size) : NULL;
	if (!list) {
		if (!location->overrun && size)
			ph_minidump_damage(md, "minidump", "annotations beyond the end of the file");
		return false;
	}
	*ret = ph_cursor(list, size, false);
	*ret_count = ph_minidump_entries(md, ret, ph_cursor_u32(ret), entry_size, "annotations");
	return true;
}

/* MinidumpSimpleStringDictionary: pairs of RVAs. */
static void take_dictionary(struct ph_minidump *md, struct ph_cursor *location)
{
	struct ph_cursor c;
	size_t count;
	bool more = list_at(md, location, 8, &c, &count);
	for (size_t i = 0; more && i < count; i++) {
		uint32_t key = ph_cursor_u32(&c), value = ph_cursor_u32(&c);
		more = add(md, text_at(md, key), text_at(md, value));
	}
}

/* MinidumpAnnotationList: name, type (1 a string), reserved, value. */
static void take_objects(struct ph_minidump *md, struct ph_cursor *location)
{
	struct ph_cursor c;
	size_t count;
	bool more = list_at(md, location, 12, &c, &count);
	for (size_t i = 0; more && i < count; i++) {
		uint32_t name = ph_cursor_u32(&c), type = ph_cursor_u32(&c) & 0xffff, value = ph_cursor_u32(&c);
		if (type == 1)
			more = add(md, text_at(md, name), text_at(md, value));
	}
}

/* MinidumpModuleCrashpadInfo: version, list_annotations, simple_annotations, annotation_objects. */
static void take_module(struct ph_minidump *md, const uint8_t *info, size_t size)
{
	struct ph_cursor c = ph_cursor(info, size, false);
	(void)ph_cursor_take(&c, 4 + 8);
	take_dictionary(md, &c);
	take_objects(md, &c);
}

/* MinidumpCrashpadInfo: version, report_id, client_id, simple_annotations, module_list. */
void ph_minidump_annotations(struct ph_minidump *md)
{
	struct ph_cursor c, links;
	size_t count;
	if (!ph_minidump_stream(md, PH_STREAM_CRASHPAD_INFO, 0, &c) || !ph_cursor_take(&c, 36))
		return;
	take_dictionary(md, &c);
	if (!list_at(md, &c, 12, &links, &count))
		return;
	/* MinidumpModuleCrashpadInfoLink: index, where */
	for (size_t i = 0; i < count && i < MAX_LINKS && md->image->info.annotation_count < MAX_ANNOTATIONS; i++) {
		(void)ph_cursor_u32(&links);
		uint32_t size = ph_cursor_u32(&links), rva = ph_cursor_u32(&links);
		const uint8_t *info = ph_minidump_at(md, rva, size);
		if (info)
			take_module(md, info, size);
	}
}

/* ---- UnloadedModuleList ---- */

/* MINIDUMP_UNLOADED_MODULE_LIST: SizeOfHeader, SizeOfEntry, NumberOfEntries. */
void ph_minidump_unloaded(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_image_info *info = &image->info;
	struct ph_cursor c;
	if (!ph_minidump_stream(md, PH_STREAM_UNLOADED_MODULE_LIST, 0, &c))
		return;
	uint32_t header = ph_cursor_u32(&c), entry = ph_cursor_u32(&c), claimed = ph_cursor_u32(&c);
	if (header < 12 || entry < 24 || entry > 4096 || !ph_cursor_seek(&c, header)) {
		ph_minidump_damage(md, "minidump", "the list of unloaded modules is damaged");
		return;
	}
	size_t count = ph_minidump_entries(md, &c, claimed, entry, "unloaded modules");
	count = count < MAX_UNLOADED ? count : MAX_UNLOADED;
	info->unloaded = image->unloaded = calloc(count ? count : 1, sizeof(*image->unloaded));
	for (size_t i = 0; image->unloaded && i < count; i++) {
		const uint8_t *e = ph_cursor_take(&c, entry);
		const char *path = e ? ph_minidump_string(md, ph_load_uint(e + 20, 4, false)) : NULL;
		ph_addr start = e ? ph_load_uint(e, 8, false) : 0;
		if (path)
			image->unloaded[info->unloaded_count++] = (struct ph_unloaded_module){
				.path = path, .start = start, .end = start + ph_load_uint(e + 8, 4, false)
			};
	}
}
