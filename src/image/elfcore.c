/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ELF cores: program headers into segments and spans.  Every number in them may
 * lie: ranges are clipped to the file and the address space, sorted, made
 * disjoint; what was wrong is counted as damage.
 *
 * Follows fs/binfmt_elf.c of Linux (elf_core_dump) and gdb's gcore. */
#include "image/elfcore.h"
#include "image/macho.h"
#include "image/minidump.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/ondemand.h"

#define COREDUMP_FILTER "`echo 0x33 >/proc/self/coredump_filter` before the program starts, 0x33 being the default"

struct note_segment {
	uint64_t offset, size, align;
};

struct loader {
	struct ph_image *image;
	const uint8_t *data;
	size_t size;
	struct ph_elf elf;
	const char *name; /* of the core, for messages */
	struct note_segment notes[8];
	size_t note_count;
	uint64_t extent; /* bytes that the file should have */
	uint64_t lies;
};

static struct ph_error *check_header(struct loader *l)
{
	char buffer[32];
	if (!l->size)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: is empty, not a core", l->name);
	if (l->size < SELFMAG || memcmp(l->data, ELFMAG, SELFMAG))
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: is not a core (neither ELF nor a minidump)", l->name);
	if (!ph_elf_parse(l->data, l->size, &l->elf))
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: its ELF header is %s", l->name,
				       l->size < PH_ELF_HEADER_SIZE ? "cut" : "damaged");
	if (l->elf.type != ET_CORE)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: is an ELF %s, not a core", l->name,
				       l->elf.type == ET_REL ? "object file" : "program or library");
	if (l->elf.osabi != ELFOSABI_NONE && l->elf.osabi != ELFOSABI_LINUX)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: is not a core of Linux (OS ABI %u)", l->name,
				       l->elf.osabi);
	const struct ph_machine *machine = ph_machine_find(&l->elf);
	if (!machine)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: is a %d-bit core of %s, which is not supported yet",
				       l->name, l->elf.wide ? 64 : 32, ph_machine_name(&l->elf, buffer));
	ph_image_set_machine(l->image, machine);
	return NULL;
}

static void note_extent(struct loader *l, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + size;
	if (end >= offset && end > l->extent)
		l->extent = end;
}

static void add_segment(struct loader *l, const struct ph_phdr *p)
{
	struct ph_image *image = l->image;
	struct ph_segment s = {
		.start = p->vaddr,
		.end = p->vaddr + p->memsz,
		.file_size = p->filesz,
		.file_offset = p->offset,
		.readable = p->flags & PF_R,
		.writable = p->flags & PF_W,
		.executable = p->flags & PF_X,
	};
	if (!p->memsz && !p->filesz)
		return;
	/* some writers (old gcore) leave p_memsz 0 */
	if (!p->memsz)
		s.end = s.start + p->filesz;
	if (s.end < s.start) {
		s.end = UINT64_MAX;
		l->lies++;
	}
	if (s.file_size > s.end - s.start) {
		s.file_size = s.end - s.start;
		l->lies++;
	}
	if (s.start == s.end)
		return;
	note_extent(l, s.file_offset, s.file_size);
	uint64_t left = s.file_offset < l->size ? l->size - s.file_offset : 0;
	if (s.file_size > left) {
		s.missing = s.file_size - left;
		s.file_size = left;
	}
	image->segments[image->segment_count++] = s;
}

static struct ph_error *read_headers(struct loader *l)
{
	struct ph_image *image = l->image;
	uint64_t count = ph_elf_phnum(&l->elf, l->data, l->size);
	uint64_t room = l->elf.phoff < l->size ? l->size - l->elf.phoff : 0;
	room /= l->elf.phentsize ? l->elf.phentsize : 1;
	if (l->elf.phnum)
		note_extent(l, l->elf.phoff, count * l->elf.phentsize);
	if (count > room) {
		if (!room)
			return ph_error_create(PH_ERROR_NOT_CORE,
					       "%s: the core is cut before its program headers (%zu bytes are left)",
					       l->name, l->size);
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "core",
			      "%" PRIu64 " of %" PRIu64 " program headers missing", count - room, count);
		image->info.complete = false;
		count = room;
	}
	image->segments = calloc(count ? count : 1, sizeof(*image->segments));
	if (!image->segments)
		return &ph_error_no_memory;
	for (uint64_t i = 0; i < count; i++) {
		struct ph_phdr p = ph_elf_phdr(&l->elf, l->data + l->elf.phoff + i * l->elf.phentsize);
		if (p.type == PT_NOTE && l->note_count < sizeof(l->notes) / sizeof(l->notes[0])) {
			l->notes[l->note_count++] = (struct note_segment){ p.offset, p.filesz, p.align };
			note_extent(l, p.offset, p.filesz);
		} else if (p.type == PT_LOAD)
			add_segment(l, &p);
	}
	return NULL;
}

static void settle_segments(struct loader *l)
{
	l->lies += ph_image_settle_segments(l->image);
	if (l->lies) {
		ph_damage_add(&l->image->damage, PH_DAMAGE_IMAGE, "core",
			      "%" PRIu64 " program headers that overlap or leave the address space", l->lies);
		l->image->info.complete = false;
	}
}

static struct ph_error *read_notes(struct loader *l)
{
	struct ph_image *image = l->image;
	bool found = false, cut = false;
	for (size_t i = 0; i < l->note_count; i++) {
		const struct note_segment *n = &l->notes[i];
		uint64_t left = n->offset < l->size ? l->size - n->offset : 0;
		cut |= left < n->size;
		ph_image_keep_raw(image, PH_STREAM_OUR_NOTES, l->data + (left ? n->offset : 0),
				  (size_t)(left < n->size ? left : n->size), n->align);
		found |= ph_image_parse_notes(image, l->data + (left ? n->offset : 0), left < n->size ? left : n->size,
					      n->align);
	}
	if (cut) {
		image->info.complete = false;
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "notes", "incomplete, the core is cut");
	}
	if (!found && (cut || !l->note_count))
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: no notes in it: %s (%zu bytes are left)", l->name,
				       cut ? "the core is cut before their end" : "it has no note segment", l->size);
	if (!found)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: no thread in its notes, not a core of a process",
				       l->name);
	return NULL;
}

static void fill_info(struct ph_image *image)
{
	image->info.kind = "elf-core";
	image->info.os = "linux";
	uint64_t page;
	if (ph_image_auxv(image, AT_PAGESZ, &page) && page >= 4096 && page <= 1 << 20 && !(page & (page - 1)))
		image->info.page_size = (unsigned)page;
}

/* Private memory that was written to is in the core when any of it is: the
 * kernel decides by kind (coredump_filter bit 0), not by page. */
static void look_for_anonymous(struct ph_image *image)
{
	size_t m = 0;
	for (size_t i = 0; i < image->segment_count && !image->anonymous_dumped; i++) {
		const struct ph_segment *s = &image->segments[i];
		while (m < image->mapping_count && image->mappings[m].end <= s->start)
			m++;
		bool of_file = m < image->mapping_count && image->mappings[m].start < s->end;
		image->anonymous_dumped = s->writable && !of_file && (s->file_size || s->missing);
	}
}

/* With a coredump_filter of 0 the kernel writes only the notes and its own pages, which no file backs and nobody
 * writes to (vma_dump_size() of fs/coredump.c). */
static struct ph_error *check_memory(const struct loader *l)
{
	const struct ph_image *image = l->image;
	bool any = false, writable = false;
	size_t m = 0;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct ph_segment *s = &image->segments[i];
		while (m < image->mapping_count && image->mappings[m].end <= s->start)
			m++;
		bool of_file = m < image->mapping_count && image->mappings[m].start < s->end;
		writable |= s->writable;
		any |= (s->writable || of_file) && (s->file_size || s->missing);
	}
	if (any || !writable || !image->info.complete)
		return NULL;
	return ph_error_create(PH_ERROR_NOT_CORE,
			       "%s: no memory in this core (of \"%s\"): only its notes were written, "
			       "as with a coredump_filter of 0 (" COREDUMP_FILTER ")",
			       l->name,
			       image->info.command ? image->info.command
			       : image->info.name  ? image->info.name
						   : "unknown");
}

static struct ph_error *load(struct loader *l)
{
	struct ph_error *error = check_header(l);
	if (!error)
		error = read_headers(l);
	if (error)
		return error;
	settle_segments(l);
	error = ph_image_hold_segments(l->image, l->data);
	if (!error)
		error = read_notes(l);
	if (error)
		return error;
	ph_image_count_missing(l->image);
	error = check_memory(l);
	if (error)
		return error;
	look_for_anonymous(l->image);
	if (!l->image->anonymous_dumped) {
		l->image->info.partial = "no private memory, by its coredump_filter";
		l->image->info.how_whole = COREDUMP_FILTER;
	}
	fill_info(l->image);
	ph_image_finish_notes(l->image);
	return NULL;
}

struct ph_error *ph_image_parse_core(const void *data, size_t size, const char *name,
				     const struct ph_image_options *options, struct ph_image **ret)
{
	static const struct ph_image_ops ops = { .close = NULL };
	if (size >= 4 && !memcmp(data, PH_MINIDUMP_MAGIC, 4))
		return ph_image_parse_minidump(data, size, name, options, ret);
	if (ph_macho_is_core(data, size))
		return ph_image_parse_macho(data, size, name, options, ret);
	struct loader l = { .data = data, .size = size, .name = name };
	struct ph_error *error = ph_image_create(options, &ops, &l.image);
	if (error)
		return error;
	error = load(&l);
	if (error) {
		ph_image_close(l.image);
		return error;
	}
	*ret = l.image;
	return NULL;
}

/* The process still has what the core would hold. */
static struct ph_error *load_head(struct loader *l, const struct ph_callback_ops *ops, void *user, int file)
{
	ph_auto_close int owned = file;
	struct ph_error *error = check_header(l);
	if (!error)
		error = read_headers(l);
	if (error)
		return error;
	settle_segments(l);
	for (size_t i = 0; i < l->image->segment_count; i++) {
		struct ph_segment *s = &l->image->segments[i];
		s->file_size = s->readable ? s->end - s->start : 0;
		s->missing = 0;
	}
	error = ph_ondemand_create(l->image, ops, user, ph_take_fd(owned));
	if (!error)
		error = read_notes(l);
	if (error)
		return error;
	l->image->anonymous_dumped = true;
	fill_info(l->image);
	ph_image_finish_notes(l->image);
	return NULL;
}

struct ph_error *ph_elfcore_parse_head(const void *data, size_t size, const char *name,
				       const struct ph_callback_ops *ops, void *user, int file,
				       const struct ph_image_options *options, struct ph_image **ret)
{
	static const struct ph_image_ops head_ops = { .fill = ph_ondemand_fill };
	struct loader l = { .data = data, .size = size, .name = name };
	struct ph_error *error = ph_image_create(options, &head_ops, &l.image);
	if (error) {
		if (file >= 0)
			close(file);
		return error;
	}
	error = load_head(&l, ops, user, file);
	if (error) {
		ph_image_close(l.image);
		return error;
	}
	*ret = l.image;
	return NULL;
}

uint64_t ph_elfcore_notes_end(const void *data, size_t size)
{
	struct ph_elf elf;
	uint64_t end = 0;
	if (!ph_elf_parse(data, size, &elf) || elf.phnum == PH_ELF_PN_XNUM)
		return 0;
	for (uint32_t i = 0; i < elf.phnum; i++) {
		uint64_t at = elf.phoff + (uint64_t)i * elf.phentsize;
		if (at > size || size - at < PH_ELF_PHDR_SIZE(&elf))
			return at + PH_ELF_PHDR_SIZE(&elf);
		struct ph_phdr p = ph_elf_phdr(&elf, (const uint8_t *)data + at);
		if (p.type == PT_NOTE && p.offset + p.filesz >= p.offset && p.offset + p.filesz > end)
			end = p.offset + p.filesz;
	}
	return end;
}

uint64_t ph_elfcore_extent(const void *data, size_t size)
{
	struct ph_elf elf;
	uint64_t extent = 0;
	if (!ph_elf_parse(data, size, &elf) || elf.phnum == PH_ELF_PN_XNUM)
		return 0;
	for (uint32_t i = 0; i < elf.phnum; i++) {
		uint64_t at = elf.phoff + (uint64_t)i * elf.phentsize;
		if (at > size || size - at < PH_ELF_PHDR_SIZE(&elf))
			return 0;
		struct ph_phdr p = ph_elf_phdr(&elf, (const uint8_t *)data + at);
		if (p.offset + p.filesz >= p.offset && p.offset + p.filesz > extent)
			extent = p.offset + p.filesz;
	}
	return extent;
}
