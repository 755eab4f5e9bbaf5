/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in a minidump for its reader alone: Crashpad's annotations, of the process and of its modules, and the
 * modules that had been unloaded; the process's times. */
#include "image/minidump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/cleanup.h"

#define MODULE_SIZE PH_MINIDUMP_MODULE_SIZE
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

/* The last component of the name of the index'th of ModuleList, whose entries have 108 bytes. */
static const char *module_name(struct ph_minidump *md, uint32_t index)
{
	struct ph_cursor c;
	if (!ph_minidump_stream(md, PH_STREAM_MODULE_LIST, 0, &c))
		return NULL;
	size_t count = ph_minidump_entries(md, &c, ph_cursor_u32(&c), MODULE_SIZE, "modules");
	const uint8_t *list = index < count ? ph_cursor_take(&c, (index + 1) * (size_t)MODULE_SIZE) : NULL;
	const char *name =
		list ? ph_minidump_string(md, ph_load_uint(list + (size_t)index * MODULE_SIZE + 20, 4, false)) : NULL;
	return name ? ph_image_last_component(name) : NULL;
}

/* MinidumpRVAList of strings without names, which get the module's: "libc.so.6[0]". */
static void take_list(struct ph_minidump *md, struct ph_cursor *location, uint32_t module)
{
	struct ph_cursor c;
	size_t count;
	bool more = list_at(md, location, 4, &c, &count);
	const char *name = more && count ? module_name(md, module) : NULL;
	for (size_t i = 0; more && i < count; i++) {
		ph_auto_buffer struct ph_buffer key = PH_BUFFER(MAX_TEXT + 64);
		ph_buffer_printf(&key, "%.200s[%zu]", name ? name : "module", i);
		more = add(md, ph_image_intern(md->image, ph_buffer_text(&key)), text_at(md, ph_cursor_u32(&c)));
	}
}

/* MinidumpModuleCrashpadInfo: version, list_annotations, simple_annotations, annotation_objects. */
static void take_module(struct ph_minidump *md, uint32_t module, const uint8_t *info, size_t size)
{
	struct ph_cursor c = ph_cursor(info, size, false);
	(void)ph_cursor_u32(&c);
	take_list(md, &c, module);
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
		uint32_t module = ph_cursor_u32(&links);
		uint32_t size = ph_cursor_u32(&links), rva = ph_cursor_u32(&links);
		const uint8_t *info = ph_minidump_at(md, rva, size);
		if (info)
			take_module(md, module, info, size);
	}
}

/* ---- MiscInfo ---- */

/* "2026-11-22T10:00:00Z", and how long that was before the dump. */
static void put_start(struct ph_buffer *to, int64_t start, int64_t written)
{
	time_t seconds = (time_t)start;
	struct tm t;
	char text[32];
	if (!gmtime_r(&seconds, &t) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &t))
		return;
	ph_buffer_puts(to, text);
	if (written >= start)
		ph_buffer_printf(to, ", %" PRId64 " s before the dump", written - start);
}

/* MINIDUMP_MISC_INFO and what MINIDUMP_MISC_INFO_4 has beyond it, where Flags1 says that it was filled:
 * ProcessCreateTime, ProcessUserTime, ProcessKernelTime in seconds; BuildString of the system, 260 UTF-16 units. */
void ph_minidump_misc(struct ph_minidump *md)
{
	enum { PROCESS_ID = 1, PROCESS_TIMES = 2, BUILD_STRING = 0x100, BUILD_AT = 232, BUILD_SIZE = 520 };
	struct ph_image *image = md->image;
	struct ph_cursor c;
	if (!ph_minidump_stream(md, PH_STREAM_MISC_INFO, 0, &c))
		return;
	(void)ph_cursor_u32(&c);
	uint32_t flags = ph_cursor_u32(&c), pid = ph_cursor_u32(&c), start = ph_cursor_u32(&c),
		 user = ph_cursor_u32(&c), kernel = ph_cursor_u32(&c);
	if (flags & PROCESS_ID && c.size >= 12)
		image->info.pid = pid;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(256), cpu = PH_BUFFER(256);
	if (flags & PROCESS_TIMES && !c.overrun && start) {
		put_start(&text, start, image->info.core_time);
		ph_buffer_printf(&cpu, "%" PRIu32 " s user, %" PRIu32 " s kernel", user, kernel);
		(void)add(md, "process_started", ph_image_intern(image, ph_buffer_text(&text)));
		(void)add(md, "process_cpu", ph_image_intern(image, ph_buffer_text(&cpu)));
	}
	if (flags & BUILD_STRING && ph_cursor_seek(&c, BUILD_AT)) {
		const uint8_t *build = ph_cursor_take(&c, BUILD_SIZE);
		const char *name = build ? ph_minidump_utf16(image, build, BUILD_SIZE) : NULL;
		(void)(name && *name && add(md, "os_build", name));
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
