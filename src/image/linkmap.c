/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the dynamic linker knows of the modules: the order in which it looks symbols up and, where a core has no list of
 * mapped files (qemu-user's), what is mapped where.
 *
 * DT_DEBUG of the main program leads to struct r_debug and from there to the
 * link_map list (glibc's elf/link.h, the same in musl): r_map is the second word of
 * r_debug; a link_map is l_addr, l_name, l_ld, l_next, l_prev.  All in writable
 * memory, so the core alone has them. */
#include "image/backend.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PHDRS 64
#define MAX_DYNAMIC 512
#define MAX_LINKS 4096
#define MAX_SCAN ((ph_addr)1 << 20) /* bytes behind the program's text in which its dynamic section is looked for */

struct link {
	ph_addr at, bias, name, dynamic, next;
};

static bool load_word(struct ph_image *image, ph_addr addr, uint64_t *ret)
{
	const void *view = ph_image_core_view(image, addr, image->info.pointer_size);
	if (view)
		*ret = ph_load_uint(view, image->info.pointer_size, image->info.big_endian);
	return view;
}

static bool load_link(struct ph_image *image, ph_addr at, struct link *ret)
{
	size_t word = image->info.pointer_size;
	*ret = (struct link){ .at = at };
	return at && load_word(image, at, &ret->bias) && load_word(image, at + word, &ret->name) &&
	       load_word(image, at + 2 * word, &ret->dynamic) && load_word(image, at + 3 * word, &ret->next);
}

/* The first link_map, by the value of DT_DEBUG; false when it is none. */
static bool link_of_debug(struct ph_image *image, uint64_t debug, struct link *ret)
{
	size_t word = image->info.pointer_size;
	uint64_t map = 0, previous;
	return debug && load_word(image, debug + word, &map) && load_link(image, map, ret) &&
	       load_word(image, map + 4 * word, &previous) && !previous;
}

static bool link_of_dynamic(struct ph_image *image, ph_addr dynamic, struct link *ret)
{
	size_t word = image->info.pointer_size;
	uint64_t tag, debug;
	for (size_t i = 0; dynamic && i < MAX_DYNAMIC; i++) {
		ph_addr entry = dynamic + 2 * i * word;
		if (!load_word(image, entry, &tag) || tag == DT_NULL)
			return false;
		if (tag == DT_DEBUG)
			return load_word(image, entry + word, &debug) && link_of_debug(image, debug, ret);
	}
	return false;
}

/* PT_DYNAMIC of the program, from its headers in the core; 0 when they are not there. */
static ph_addr dynamic_of_headers(struct ph_image *image, ph_addr headers)
{
	struct ph_elf elf = { .wide = image->machine->wide, .big_endian = image->machine->big_endian };
	uint64_t count = 0, bias = 0, dynamic = 0;
	(void)ph_image_auxv(image, AT_PHNUM, &count);
	size_t size = PH_ELF_PHDR_SIZE(&elf);
	const uint8_t *table =
		count && count <= MAX_PHDRS ? ph_image_core_view(image, headers, (size_t)count * size) : NULL;
	for (size_t i = 0; table && i < count; i++) {
		struct ph_phdr p = ph_elf_phdr(&elf, table + i * size);
		if (p.type == PT_PHDR)
			bias = headers - p.vaddr;
		if (p.type == PT_DYNAMIC)
			dynamic = p.vaddr;
	}
	return dynamic ? dynamic + bias : 0;
}

/* The headers lie in the text, which the core left out: the dynamic section lies behind it, and an entry of it that
 * looks like DT_DEBUG is believed when the link_map says that the section is the one that the entry is in. */
static bool scan_for_link(struct ph_image *image, ph_addr headers, struct link *ret)
{
	const struct ph_segment *text = ph_image_segment_at(image, headers);
	const struct ph_segment *end = image->segments + image->segment_count;
	size_t word = image->info.pointer_size;
	for (const struct ph_segment *s = text;
	     s && s < end && s->start - text->start < text->end - text->start + MAX_SCAN; s++) {
		size_t size = s->file_size < MAX_SCAN ? (size_t)s->file_size : (size_t)MAX_SCAN;
		const uint8_t *data = ph_image_core_view(image, s->start, size);
		for (size_t i = 0; data && i + 2 * word <= size; i += word) {
			if (ph_load_uint(data + i, word, image->info.big_endian) != DT_DEBUG)
				continue;
			uint64_t debug = ph_load_uint(data + i + word, word, image->info.big_endian);
			ph_addr here = s->start + i;
			if (link_of_debug(image, debug, ret) && here >= ret->dynamic &&
			    here - ret->dynamic < 2 * word * MAX_DYNAMIC && !((here - ret->dynamic) % (2 * word)))
				return true;
		}
	}
	return false;
}

static bool first_link(struct ph_image *image, struct link *ret)
{
	uint64_t headers;
	if (!ph_image_auxv(image, AT_PHDR, &headers)) {
		/* gdb's gcore of a process whose auxiliary vector it did not get */
		for (size_t i = 0; i < image->module_count; i++)
			if (image->modules[i].is_executable)
				return link_of_dynamic(image, image->modules[i].dynamic, ret);
		return false;
	}
	ph_addr dynamic = dynamic_of_headers(image, headers);
	for (size_t i = 0; !dynamic && i < image->module_count; i++)
		if (image->modules[i].is_executable)
			dynamic = image->modules[i].dynamic;
	return dynamic ? link_of_dynamic(image, dynamic, ret) : scan_for_link(image, headers, ret);
}

/* ---- what is mapped ---- */

struct placed {
	ph_addr start, end;
	const char *path;
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* A module's segments touch each other: from the one that holds `first` to the data behind the one that holds its
 * dynamic section.  Of what follows that, .data and .bss are its own. */
static bool place(const struct ph_image *image, ph_addr first, ph_addr dynamic, struct placed *ret)
{
	enum { WRITABLE = 2 };
	const struct ph_segment *s = ph_image_segment_at(image, dynamic), *head = ph_image_segment_at(image, first);
	const struct ph_segment *end = image->segments + image->segment_count;
	if (!head || !s || head > s)
		return false;
	for (const struct ph_segment *i = head; i < s; i++)
		if (i->end != i[1].start)
			return false;
	ret->start = head->start;
	ret->end = s->end;
	for (size_t n = 0; n < WRITABLE && ++s < end && s->start == ret->end && s->writable; n++)
		ret->end = s->end;
	return true;
}

static const char *string_at(struct ph_image *image, ph_addr address)
{
	char text[4096];
	size_t size = address ? ph_image_core_readable(image, address, sizeof(text) - 1) : 0;
	const char *view = size ? ph_image_core_view(image, address, size) : NULL;
	size_t length = view ? strnlen(view, size) : 0;
	if (!length || length == size)
		return NULL;
	memcpy(text, view, length + 1);
	return ph_image_intern(image, text);
}

static void add_mappings(struct ph_image *image, struct placed *modules, size_t count)
{
	qsort(modules, count, sizeof(*modules), compare_placed);
	image->mappings = calloc(image->segment_count, sizeof(*image->mappings));
	for (size_t i = 0, s = 0; image->mappings && i < count; i++) {
		ph_addr end =
			i + 1 < count && modules[i + 1].start < modules[i].end ? modules[i + 1].start : modules[i].end;
		while (s < image->segment_count && image->segments[s].start < modules[i].start)
			s++;
		for (; s < image->segment_count && image->segments[s].start < end; s++)
			/* that a file's text lies in memory as in the file holds for all that linkers make; what else
			 * there is of it, the core has */
			image->mappings[image->mapping_count++] = (struct ph_mapping){
				.start = image->segments[s].start,
				.end = image->segments[s].end,
				.offset = image->segments[s].start - modules[i].start,
				.path = modules[i].path,
			};
	}
}

/* ---- what a cut core lacks of the list ---- */

/* qemu-user maps the dynamic linker, whose data the list begins in, above everything but the stack, so that any cut takes
 * it.  Where a module begins shows nonetheless: its first page is an ELF header, or it is text, which is left out of such a
 * core (vma_dump_size() of qemu's linux-user/elfload.c). */
static bool begins_with_header(struct ph_image *image, const struct ph_segment *s)
{
	const void *view = ph_image_core_view(image, s->start, SELFMAG);
	return view && !memcmp(view, ELFMAG, SELFMAG);
}

static bool is_left_out_text(const struct ph_segment *s)
{
	return s->executable && !s->file_size && !s->missing;
}

/* The end of the module that begins with `first`: behind its data, .bss included; 0 when it has none, as the vdso. */
static ph_addr end_of_run(struct ph_image *image, const struct ph_segment *first)
{
	enum { WRITABLE = 2 };
	const struct ph_segment *end = image->segments + image->segment_count;
	ph_addr ret = 0;
	bool text = first->executable;
	size_t writable = 0;
	for (const struct ph_segment *s = first + 1; s < end && s->start == s[-1].end && writable < WRITABLE; s++) {
		if ((writable && !s->writable) || (text && is_left_out_text(s)) || begins_with_header(image, s))
			break;
		text |= s->executable;
		writable += s->writable;
		if (s->writable)
			ret = s->end;
	}
	return ret;
}

/* Its name is with the list: of the program the notes have one, cut to 15 bytes, and its arguments perhaps the path. */
static const char *program_path(struct ph_image *image)
{
	const char *name = image->info.name, *command = image->info.command;
	if (!name || !command)
		return name ? name : "";
	char *first = strndup(command, strcspn(command, " "));
	const char *kept = first && !strncmp(ph_image_last_component(first), name, strlen(name)) ?
				   ph_image_intern(image, first) : NULL;
	free(first);
	return kept ? kept : name;
}

/* Modules that no entry of the list told of, behind the `count` that are placed already. */
static size_t place_unlisted(struct ph_image *image, ph_addr headers, struct placed *modules, size_t count)
{
	size_t listed = count;
	for (size_t i = 0; i < image->segment_count && count < MAX_LINKS; i++) {
		const struct ph_segment *s = &image->segments[i];
		bool known = false;
		for (size_t j = 0; j < listed && !known; j++)
			known = s->start >= modules[j].start && s->start < modules[j].end;
		if (known || !(is_left_out_text(s) || begins_with_header(image, s)))
			continue;
		ph_addr end = end_of_run(image, s);
		if (!end)
			continue;
		modules[count++] = (struct placed){ s->start, end,
			headers >= s->start && headers < end ? program_path(image) : "" };
		while (i + 1 < image->segment_count && image->segments[i + 1].start < end)
			i++;
	}
	return count;
}

void ph_image_map_modules(struct ph_image *image)
{
	struct placed *modules = calloc(MAX_LINKS, sizeof(*modules));
	uint64_t headers = 0, name;
	struct link link;
	size_t count = 0;
	bool more = modules && ph_image_auxv(image, AT_PHDR, &headers) && first_link(image, &link);
	for (size_t i = 0; more && i < MAX_LINKS; i++) {
		const char *path = string_at(image, link.name);
		if (!i && !path && ph_image_auxv(image, AT_EXECFN, &name))
			path = string_at(image, name);
		modules[count].path = path ? path : "";
		count += place(image, i ? link.bias : headers, link.dynamic, &modules[count]);
		more = load_link(image, link.next, &link);
	}
	if (modules && !image->info.complete && image->format == PH_MODULES_ELF)
		count = place_unlisted(image, headers, modules, count);
	if (count)
		add_mappings(image, modules, count);
	free(modules);
}

/* ---- the order of lookup ---- */

void ph_image_order_modules(struct ph_image *image)
{
	size_t count = image->module_count, n = 0;
	bool *seen = calloc(count, sizeof(*seen));
	uint32_t *order = calloc(count, sizeof(*order));
	if (!seen || !order) {
		free(seen);
		free(order);
		return;
	}
	for (size_t i = 0; i < count && !n; i++)
		if (image->modules[i].is_executable) {
			seen[i] = true;
			order[n++] = (uint32_t)i;
		}
	struct link link;
	bool more = first_link(image, &link);
	for (size_t i = 0; i < MAX_LINKS && more; i++) {
		const struct ph_module *m = ph_image_module_at(image, link.dynamic);
		size_t index = m ? (size_t)(m - image->modules) : 0;
		if (m && !image->module_states[index].phdr_count) {
			/* its headers are not in the core */
			image->modules[index].bias = link.bias;
			image->modules[index].dynamic = link.dynamic;
		}
		if (m && !seen[index]) {
			seen[index] = true;
			order[n++] = (uint32_t)index;
		}
		more = load_link(image, link.next, &link);
	}
	for (size_t i = 0; i < count; i++)
		if (!seen[i])
			order[n++] = (uint32_t)i;
	free(seen);
	image->load_order = order;
}
