/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The archive's directory, or without one its members' own headers.  Members' data: member.c. */
#include "dump/archive.h"

#include "base/cleanup.h"
#include "base/cursor.h"
#include "dump/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY_MAXIMUM ((uint64_t)256 << 20)
#define COMMENT_MAXIMUM 65535
#define NAME_MAXIMUM 4096
#define SALVAGE_MAXIMUM 100000 /* members */

bool ph_read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	char *p = buffer;
	while (size) {
		ssize_t n = pread(fd, p, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : 0;
			return false;
		}
		p += n, size -= (size_t)n, offset += (uint64_t)n;
	}
	return true;
}

/* ---- building the list ---- */

struct builder {
	struct ph_archive *archive;
	size_t capacity;
	size_t names_size, names_capacity;
};

/* Names move while the list grows, so entries hold offsets until it is complete. */
static bool add(struct builder *b, const struct ph_archive_entry *entry, const char *name, size_t size)
{
	struct ph_archive *archive = b->archive;
	if (size > NAME_MAXIMUM || memchr(name, '\0', size))
		return true; /* none of ours */
	if (archive->count == b->capacity) {
		size_t capacity = b->capacity ? b->capacity * 2 : 64;
		struct ph_archive_entry *entries = realloc(archive->entries, capacity * sizeof(*entries));
		if (!entries)
			return false;
		archive->entries = entries, b->capacity = capacity;
	}
	if (b->names_size + size + 1 > b->names_capacity) {
		size_t capacity = (b->names_size + size + 1) * 2;
		char *names = realloc(archive->names, capacity);
		if (!names)
			return false;
		archive->names = names, b->names_capacity = capacity;
	}
	memcpy(archive->names + b->names_size, name, size);
	archive->names[b->names_size + size] = '\0';
	archive->entries[archive->count] = *entry;
	archive->entries[archive->count++].name = (const char *)(uintptr_t)b->names_size;
	b->names_size += size + 1;
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct ph_archive_entry *)a)->name, ((const struct ph_archive_entry *)b)->name);
}

static void finish(struct ph_archive *archive)
{
	struct ph_archive_entry *e = archive->entries;
	for (size_t i = 0; i < archive->count; i++)
		e[i].name = archive->names + (uintptr_t)e[i].name;
	if (archive->count)
		qsort(e, archive->count, sizeof(*e), compare);
	for (size_t i = 1; i < archive->count; i++)
		if (!strcmp(e[i - 1].name, e[i].name))
			e[i - 1].is_ambiguous = e[i].is_ambiguous = true;
}

static void forget(struct ph_archive *archive)
{
	free(archive->entries);
	free(archive->names);
	archive->entries = NULL;
	archive->names = NULL;
	archive->count = 0;
}

/* ---- pieces of the format ---- */

/* The 64-bit fields of the ZIP64 extra field stand for those that are all ones,
 * in this order.  False when one is missing. */
static bool apply_zip64(struct ph_cursor extra, struct ph_archive_entry *entry, bool has_offset)
{
	bool want_size = entry->uncompressed == UINT32_MAX, want_compressed = entry->compressed == UINT32_MAX;
	bool want_offset = has_offset && entry->offset == UINT32_MAX;
	if (!want_size && !want_compressed && !want_offset)
		return true;
	while (ph_cursor_left(&extra) >= 4) {
		unsigned id = ph_cursor_u16(&extra), size = ph_cursor_u16(&extra);
		const void *data = ph_cursor_take(&extra, size);
		if (!data || id != ZIP_EXTRA_ZIP64)
			continue;
		struct ph_cursor c = ph_cursor(data, size, false);
		if (want_size)
			entry->uncompressed = ph_cursor_u64(&c);
		if (want_compressed)
			entry->compressed = ph_cursor_u64(&c);
		if (want_offset)
			entry->offset = ph_cursor_u64(&c);
		return !c.overrun;
	}
	return false;
}

/* Method, flags, CRC and sizes, as they follow in both kinds of header. */
static void take_common(struct ph_cursor *c, struct ph_archive_entry *entry)
{
	entry->flags = ph_cursor_u16(c);
	entry->method = ph_cursor_u16(c);
	ph_cursor_u32(c); /* date */
	entry->crc = ph_cursor_u32(c);
	entry->compressed = ph_cursor_u32(c);
	entry->uncompressed = ph_cursor_u32(c);
}

struct directory {
	uint64_t offset, size, count;
	uint64_t end; /* what follows it begins here */
};

/* The ZIP64 end record behind `position`, where the plain one is; true when there
 * is none, false when there is one and it cannot be right. */
static bool read_end64(const struct ph_archive *archive, uint64_t position, struct directory *ret)
{
	uint8_t buffer[ZIP_END64_SIZE];
	if (position < ZIP_LOCATOR64_SIZE ||
	    !ph_read_at(archive->fd, buffer, ZIP_LOCATOR64_SIZE, position - ZIP_LOCATOR64_SIZE))
		return true;
	struct ph_cursor c = ph_cursor(buffer, ZIP_LOCATOR64_SIZE, false);
	if (ph_cursor_u32(&c) != ZIP_LOCATOR64)
		return true;
	ph_cursor_u32(&c); /* disk */
	uint64_t offset = ph_cursor_u64(&c);
	if (offset > archive->size || archive->size - offset < ZIP_END64_SIZE ||
	    !ph_read_at(archive->fd, buffer, ZIP_END64_SIZE, offset))
		return false;
	c = ph_cursor(buffer, ZIP_END64_SIZE, false);
	if (ph_cursor_u32(&c) != ZIP_END64)
		return false;
	ph_cursor_take(&c, 28); /* its size, versions, disks, entries on this disk */
	ret->count = ph_cursor_u64(&c);
	ret->size = ph_cursor_u64(&c);
	ret->offset = ph_cursor_u64(&c);
	ret->end = offset;
	return true;
}

/* Find the end record from the end of the file backwards: a comment follows it. */
static const char *find_directory(const struct ph_archive *archive, struct directory *ret, struct ph_error **error)
{
	size_t size = ZIP_END_SIZE + COMMENT_MAXIMUM;
	if (size > archive->size)
		size = (size_t)archive->size;
	ph_auto_free uint8_t *tail = malloc(size + 1);
	uint64_t start = archive->size - size;
	if (!tail) {
		*error = &ph_error_no_memory;
		return NULL;
	}
	if (!ph_read_at(archive->fd, tail, size, start))
		return "cannot be read to its end";
	for (size_t i = size < ZIP_END_SIZE ? 0 : size - ZIP_END_SIZE + 1; i-- > 0;) {
		struct ph_cursor c = ph_cursor(tail + i, size - i, false);
		if (ph_cursor_u32(&c) != ZIP_END)
			continue;
		ph_cursor_take(&c, 6); /* disks, entries on this disk */
		struct directory found = { .count = ph_cursor_u16(&c), .end = start + i };
		found.size = ph_cursor_u32(&c);
		found.offset = ph_cursor_u32(&c);
		if (ph_cursor_u16(&c) > ph_cursor_left(&c))
			continue; /* a comment beyond the end: by chance within another's */
		if (!read_end64(archive, found.end, &found) || found.offset > found.end ||
		    found.size > found.end - found.offset || found.size > DIRECTORY_MAXIMUM ||
		    found.count > found.size / ZIP_ENTRY_SIZE)
			return "has an archive directory that cannot be right";
		*ret = found;
		return NULL;
	}
	return "is cut: no archive directory at its end";
}

static const char *read_directory(struct builder *b, const struct directory *directory, struct ph_error **error)
{
	struct ph_archive *archive = b->archive;
	ph_auto_free uint8_t *data = malloc(directory->size + 1);
	if (!data) {
		*error = &ph_error_no_memory;
		return NULL;
	}
	if (!ph_read_at(archive->fd, data, directory->size, directory->offset))
		return "has an archive directory that cannot be read";
	struct ph_cursor c = ph_cursor(data, directory->size, false);
	for (uint64_t i = 0; i < directory->count; i++) {
		struct ph_archive_entry entry = { 0 };
		if (ph_cursor_u32(&c) != ZIP_ENTRY)
			return "has an archive directory that is altered";
		ph_cursor_u32(&c); /* versions */
		take_common(&c, &entry);
		size_t name_size = ph_cursor_u16(&c), extra_size = ph_cursor_u16(&c), comment_size = ph_cursor_u16(&c);
		ph_cursor_take(&c, 8); /* disk, attributes */
		entry.offset = ph_cursor_u32(&c);
		const char *name = ph_cursor_take(&c, name_size);
		const void *extra = ph_cursor_take(&c, extra_size);
		ph_cursor_take(&c, comment_size);
		if (c.overrun || !apply_zip64(ph_cursor(extra, extra_size, false), &entry, true))
			return "has an archive directory that is altered";
		if (!add(b, &entry, name, name_size)) {
			*error = &ph_error_no_memory;
			return NULL;
		}
	}
	return NULL;
}

/* ---- without a directory ---- */

/* The next local header from `at` on.  Before the first one nothing, text and base64, can hold its signature; behind
 * a header that is altered chance may, and then its name is none of ours. */
static bool find_header(const struct ph_archive *archive, uint64_t at, uint64_t *ret)
{
	enum { STEP = 65536 };
	static const char signature[] = "PK\3\4";
	ph_auto_free char *window = malloc(STEP + 3);
	for (; window && at + 4 <= archive->size; at += STEP) {
		size_t size = archive->size - at < STEP + 3 ? (size_t)(archive->size - at) : STEP + 3;
		if (!ph_read_at(archive->fd, window, size, at))
			return false;
		const char *found = memmem(window, size, signature, 4);
		if (found) {
			*ret = at + (uint64_t)(found - window);
			return true;
		}
	}
	return false;
}

/* The member at `offset`; false at the end of what makes sense.  *next is behind its data. */
static bool salvage_one(struct builder *b, uint64_t offset, uint64_t *next, bool *no_memory)
{
	uint8_t fixed[ZIP_LOCAL_SIZE], variable[NAME_MAXIMUM + 1024];
	struct ph_archive *archive = b->archive;
	struct ph_archive_entry entry = { .offset = offset };
	if (offset > archive->size || archive->size - offset < ZIP_LOCAL_SIZE ||
	    !ph_read_at(archive->fd, fixed, sizeof(fixed), offset))
		return false;
	struct ph_cursor c = ph_cursor(fixed, sizeof(fixed), false);
	if (ph_cursor_u32(&c) != ZIP_LOCAL)
		return false;
	ph_cursor_u16(&c); /* version */
	take_common(&c, &entry);
	size_t name_size = ph_cursor_u16(&c), extra_size = ph_cursor_u16(&c), size = name_size + extra_size;
	if ((entry.flags & ZIP_FLAG_DESCRIPTOR) || size > sizeof(variable) ||
	    !ph_read_at(archive->fd, variable, size, offset + ZIP_LOCAL_SIZE) ||
	    !apply_zip64(ph_cursor(variable + name_size, extra_size, false), &entry, false))
		return false;
	uint64_t data = offset + ZIP_LOCAL_SIZE + size;
	entry.is_cut = data > archive->size || entry.compressed > archive->size - data;
	*no_memory = !add(b, &entry, (const char *)variable, name_size);
	*next = data + (entry.is_cut ? 0 : entry.compressed);
	return !entry.is_cut && !*no_memory;
}

static struct ph_error *salvage(struct builder *b)
{
	uint64_t offset = 0;
	bool no_memory = false;
	for (size_t i = 0; i < SALVAGE_MAXIMUM && !no_memory && find_header(b->archive, offset, &offset); i++)
		if (!salvage_one(b, offset, &offset, &no_memory))
			offset += 4;
	return no_memory ? &ph_error_no_memory : NULL;
}

struct ph_error *ph_archive_open(int fd, uint64_t size, struct ph_archive *ret)
{
	struct ph_archive archive = { .fd = fd, .size = size };
	struct builder b = { .archive = &archive };
	struct directory directory;
	struct ph_error *error = NULL;
	const char *problem = find_directory(&archive, &directory, &error);
	if (!problem && !error)
		problem = read_directory(&b, &directory, &error);
	if (problem) {
		forget(&archive);
		b = (struct builder){ .archive = &archive };
		archive.problem = problem;
		error = salvage(&b);
	}
	if (error) {
		forget(&archive);
		return error;
	}
	finish(&archive);
	*ret = archive;
	return NULL;
}

void ph_archive_close(struct ph_archive *archive)
{
	forget(archive);
}

const struct ph_archive_entry *ph_archive_find(const struct ph_archive *archive, const char *name)
{
	struct ph_archive_entry key = { .name = name };
	return archive->count ? bsearch(&key, archive->entries, archive->count, sizeof(key), compare) : NULL;
}
