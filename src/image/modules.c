/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modules from the list of mapped files (NT_FILE; linkmap.c makes one for cores without), with what their first page in
 * the core's memory says; and the bytes of left-out pages from their files. */
#include "image/backend.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "image/macho.h"
#include "image/modfile.h"

#define MAX_PHDRS 64 /* they must fit the one page that the kernel keeps */

static ph_addr page_down(const struct ph_image *image, ph_addr addr)
{
	return addr & ~(ph_addr)(image->info.page_size - 1);
}

/* bias, end and dynamic from program headers; `offset` of the file lies at `start`. */
static void place(struct ph_image *image, struct ph_module *module, const struct ph_phdr *phdrs, size_t count)
{
	bool known = false;
	for (size_t i = 0; i < count && !known; i++) {
		if (phdrs[i].type != PT_LOAD || page_down(image, phdrs[i].offset))
			continue;
		module->bias = module->start - page_down(image, phdrs[i].vaddr);
		known = true;
	}
	for (size_t i = 0; i < count && known; i++) {
		const struct ph_phdr *p = &phdrs[i];
		ph_addr at = module->bias + p->vaddr;
		if (p->type == PT_DYNAMIC)
			module->dynamic = at;
		/* a lying size is cut later: modules end where the next begins */
		if (p->type == PT_LOAD && at >= module->start && at + p->memsz > module->end && p->memsz < 1ull << 40)
			module->end = at + p->memsz;
	}
}

/* The same of a PE module. */
static bool read_pe_header(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	struct ph_pe pe;
	char id[PH_PE_ID_SIZE];
	size_t size = ph_image_core_readable(image, module->start, PH_PE_MAX_HEADER);
	const void *header = ph_image_core_view(image, module->start, size);
	if (!header || !ph_pe_parse(header, size, &pe))
		return false;
	state->header_in_core = true;
	state->phdr_count = ph_pe_phdrs(&pe, header, size, &state->phdrs);
	state->exports = pe.exports;
	ph_pe_build_id(pe.timestamp, pe.image_size, id);
	module->build_id = ph_image_intern(image, id);
	place(image, module, state->phdrs, state->phdr_count);
	return true;
}

/* And of a Mach-O module. */
static bool read_macho_header(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	struct ph_macho macho;
	char id[PH_MACHO_ID_SIZE];
	if (!ph_macho_load(image, module->start, &macho))
		return false;
	state->header_in_core = true;
	state->phdr_count = ph_macho_phdrs(&macho, &state->phdrs);
	if (ph_macho_uuid(&macho, id))
		module->build_id = ph_image_intern(image, id);
	place(image, module, state->phdrs, state->phdr_count);
	return true;
}

/* What the module's first page in the core says. */
static bool read_header(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	struct ph_elf elf;
	if (image->format == PH_MODULES_PE)
		return read_pe_header(image, module, state);
	if (image->format == PH_MODULES_MACHO)
		return read_macho_header(image, module, state);
	const void *header = ph_image_core_view(image, module->start, PH_ELF_HEADER_SIZE);
	if (!header || !ph_elf_parse(header, PH_ELF_HEADER_SIZE, &elf))
		return false;
	state->header_in_core = true;
	const uint8_t *table = elf.phnum && elf.phnum <= MAX_PHDRS ?
		ph_image_core_view(image, module->start + elf.phoff, (size_t)elf.phnum * elf.phentsize) : NULL;
	if (!table || !(state->phdrs = calloc(elf.phnum, sizeof(*state->phdrs))))
		return true;
	state->phdr_count = elf.phnum;
	for (size_t i = 0; i < elf.phnum; i++)
		state->phdrs[i] = ph_elf_phdr(&elf, table + i * elf.phentsize);
	place(image, module, state->phdrs, state->phdr_count);
	for (size_t i = 0; i < elf.phnum && !module->build_id; i++) {
		const struct ph_phdr *p = &state->phdrs[i];
		char id[PH_BUILD_ID_SIZE];
		const void *notes = p->type == PT_NOTE && p->filesz < 1 << 20 ?
			ph_image_core_view(image, module->bias + p->vaddr, p->filesz) : NULL;
		if (notes && ph_note_build_id(notes, p->filesz, p->align, elf.big_endian, id))
			module->build_id = ph_image_intern(image, id);
	}
	return true;
}

const char *ph_image_last_component(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		slash = strrchr(path, '\\'); /* C:\Python312\python.exe */
	return slash ? slash + 1 : path;
}

static void name_module(struct ph_image *image, struct ph_module *module, const char *path)
{
	static const char suffix[] = " (deleted)";
	size_t n = strlen(path), m = sizeof(suffix) - 1;
	module->path = path;
	if (n > m && !strcmp(path + n - m, suffix)) {
		module->deleted = true;
		char *copy = strndup(path, n - m);
		const char *kept = copy ? ph_image_intern(image, copy) : NULL;
		free(copy);
		module->path = kept ? kept : path;
	}
	module->name = ph_image_last_component(module->path);
}

/* Whether a mapping goes on with a module rather than beginning another: the same
 * file, within the reach of the headers where they are known (small programs map
 * their first page twice), else a later part of the file. */
static bool continues(const struct ph_module *module, const struct ph_module_state *state, const char *recorded,
		      const struct ph_mapping *m)
{
	if (m->by_headers || strcmp(recorded, m->path))
		return false;
	return m->start < module->end || (m->offset && !state->phdr_count);
}

static bool is_mapped_executable(struct ph_image *image, const struct ph_mapping *m)
{
	const struct ph_segment *s = ph_image_segment_at(image, m->start);
	/* gdb's gcore has no program header at all for what it leaves out */
	return s ? s->executable : image->debugger_core && m->offset;
}

/* What a list of modules says of one, where its headers did not. */
static void take_listed(struct ph_image *image, struct ph_module *module, const struct ph_mapping *m)
{
	char id[PH_PE_ID_SIZE];
	module->is_executable = m->main;
	if (!module->build_id)
		module->build_id = m->build_id;
	if (!module->build_id && image->format == PH_MODULES_PE && m->timestamp && m->image_size) {
		ph_pe_build_id(m->timestamp, m->image_size, id);
		module->build_id = ph_image_intern(image, id);
	}
}

/* Candidates in order of address.  A file is a module when its first page is ELF,
 * or is not in the core while some of it is executable. */
static size_t collect_modules(struct ph_image *image)
{
	size_t n = 0;
	const char *recorded = NULL;
	bool keep = false;
	for (size_t i = 0; i < image->mapping_count; i++) {
		struct ph_mapping *m = &image->mappings[i];
		struct ph_module *module = n ? &image->modules[n - 1] : NULL;
		struct ph_module_state *state = n ? &image->module_states[n - 1] : NULL;
		if (recorded && continues(module, state, recorded, m)) {
			if (m->end > module->end)
				module->end = m->end;
		} else {
			if (n && !keep) {
				free(state->phdrs);
				n--;
			}
			module = &image->modules[n];
			state = &image->module_states[n];
			*module = (struct ph_module){ .start = m->start, .end = m->end };
			*state = (struct ph_module_state){ 0 };
			recorded = m->path;
			n++;
			keep = !m->offset && read_header(image, module, state);
			name_module(image, module, m->path);
			take_listed(image, module, m);
		}
		keep = keep || m->by_headers ||
		       (!state->header_in_core && !ph_image_core_readable(image, module->start, 1) &&
			is_mapped_executable(image, m));
		m->module = (uint32_t)n;
	}
	if (n && !keep)
		free(image->module_states[--n].phdrs);
	return n;
}

/* Mappings of files that turned out to be no modules were numbered with the next one's number. */
static void number_mappings(struct ph_image *image)
{
	for (size_t i = 0; i < image->mapping_count; i++) {
		struct ph_mapping *m = &image->mappings[i];
		const struct ph_module *module = m->module && m->module <= image->module_count ?
			&image->modules[m->module - 1] : NULL;
		if (!module || m->start < module->start || m->start >= module->end)
			m->module = 0;
		else if (m->by_headers)
			m->end = module->end;
	}
}

static void finish_modules(struct ph_image *image)
{
	uint64_t entry = 0;
	bool known = ph_image_auxv(image, AT_PHDR, &entry) || ph_image_auxv(image, AT_ENTRY, &entry);
	for (size_t i = 0; i < image->module_count; i++) {
		struct ph_module *m = &image->modules[i];
		if (i + 1 < image->module_count && m->end > m[1].start)
			m->end = m[1].start;
		if (!image->module_states[i].phdr_count)
			/* programs that are not position-independent lie low, and there addresses are as linked */
			m->bias = m->start >> 32 || image->format != PH_MODULES_ELF ? m->start : 0;
		if (known)
			m->is_executable = entry >= m->start && entry < m->end;
		m->why_not = "not looked for";
	}
}

/* Of a list with sizes far too small, as LLDB's, the file tells how far a module reaches where the dump lacks its
 * headers. */
static void extend_by_files(struct ph_image *image)
{
	for (size_t i = 0; i < image->mapping_count; i++) {
		struct ph_mapping *m = &image->mappings[i];
		struct ph_module *module = m->module ? &image->modules[m->module - 1] : NULL;
		if (!m->by_headers || image->format == PH_MODULES_PE || !module ||
		    image->module_states[m->module - 1].phdr_count || !ph_image_module_file(image, module))
			continue;
		const struct ph_module_state *state = &image->module_states[m->module - 1];
		place(image, module, state->phdrs, state->phdr_count);
		if (m->module < image->module_count && module->end > module[1].start)
			module->end = module[1].start;
		m->end = module->end;
	}
}

void ph_image_load_modules(struct ph_image *image)
{
	if (atomic_load_explicit(&image->modules_looked, memory_order_acquire))
		return;
	pthread_mutex_lock(&image->lock);
	if (!atomic_load_explicit(&image->modules_looked, memory_order_relaxed)) {
		if (!image->mappings)
			ph_image_map_modules(image);
		size_t most = image->mapping_count;
		image->modules = calloc(most ? most : 1, sizeof(*image->modules));
		image->module_states = calloc(most ? most : 1, sizeof(*image->module_states));
		if (image->modules && image->module_states)
			image->module_count = collect_modules(image);
		finish_modules(image);
		number_mappings(image);
		/* the rest asks for modules itself */
		atomic_store_explicit(&image->modules_looked, true, memory_order_release);
		if (image->module_count)
			ph_image_order_modules(image);
		ph_image_use_executable(image);
		extend_by_files(image);
	}
	pthread_mutex_unlock(&image->lock);
}

void ph_image_free_modules(struct ph_image *image)
{
	for (size_t i = 0; i < image->module_count; i++) {
		free(image->module_states[i].phdrs);
		free(image->module_states[i].dynamic);
	}
	for (size_t i = 0; i < image->file_count; i++)
		ph_modfile_close(image->files[i]);
	free(image->files);
	free(image->modules);
	free(image->module_states);
	free(image->load_order);
}

size_t ph_image_modules(struct ph_image *image, const struct ph_module **ret)
{
	ph_image_load_modules(image);
	*ret = image->modules;
	return image->module_count;
}

const struct ph_module *ph_image_module_at(struct ph_image *image, ph_addr addr)
{
	ph_image_load_modules(image);
	size_t low = 0, high = image->module_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image->modules[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->module_count && addr >= image->modules[low].start ? &image->modules[low] : NULL;
}

struct ph_modfile *ph_image_module_file(struct ph_image *image, const struct ph_module *module)
{
	size_t i = (size_t)(module - image->modules);
	struct ph_module_state *state = &image->module_states[i];
	if (!atomic_load_explicit(&state->looked, memory_order_acquire)) {
		pthread_mutex_lock(&image->lock);
		if (!atomic_load_explicit(&state->looked, memory_order_relaxed)) {
			ph_image_find_file(image, &image->modules[i], state);
			atomic_store_explicit(&state->looked, true, memory_order_release);
		}
		pthread_mutex_unlock(&image->lock);
	}
	return module->file;
}

/* Whether memory that the core left out is as it is in the file.  The kernel
 * (fs/coredump.c, vma_dump_size) and gdb dump a private mapping of a file whole as
 * soon as a page of it was written to, because that page is anonymous then; so
 * what is left out was not written to, provided that anonymous memory was dumped
 * at all.  Where it was not (coredump_filter), only what the file maps read-only
 * is certain: relocated pages are read-only too by then. */
static bool is_unmodified(const struct ph_image *image, const struct ph_module *module, ph_addr addr)
{
	const struct ph_module_state *state = &image->module_states[module - image->modules];
	if (image->anonymous_dumped)
		return true;
	for (size_t i = 0; i < state->phdr_count; i++) {
		const struct ph_phdr *p = &state->phdrs[i];
		if (p->type == PT_LOAD && addr - module->bias >= p->vaddr && addr - module->bias < p->vaddr + p->memsz)
			return !(p->flags & PF_W);
	}
	return false;
}

/* Where in the module's file the byte at `addr` is, and how many follow; false when it is not of the file. */
static bool place_in_file(const struct ph_image *image, const struct ph_mapping *m, ph_addr addr, uint64_t *ret_offset,
			  uint64_t *ret_size)
{
	const struct ph_module *module = &image->modules[m->module - 1];
	const struct ph_module_state *state = &image->module_states[m->module - 1];
	if (!m->by_headers) {
		*ret_size = m->end - addr;
		return !__builtin_add_overflow(m->offset, addr - m->start, ret_offset);
	}
	for (size_t i = 0; i < state->phdr_count; i++) {
		const struct ph_phdr *p = &state->phdrs[i];
		uint64_t within = addr - module->bias - p->vaddr;
		if (p->type != PT_LOAD || addr - module->bias < p->vaddr || within >= p->filesz)
			continue;
		*ret_size = p->filesz - within;
		return !__builtin_add_overflow(p->offset, within, ret_offset);
	}
	return false;
}

const uint8_t *ph_image_file_bytes(struct ph_image *image, ph_addr addr, size_t *ret_size)
{
	const struct ph_mapping *m = ph_image_mapping_at(image, addr);
	if (!m)
		return NULL;
	ph_image_load_modules(image);
	if (!m->module)
		return NULL;
	const struct ph_segment *s = ph_image_segment_at(image, addr);
	ph_addr end = UINT64_MAX;
	/* bytes that a cut took were in the core because they were written to */
	if (s && addr - s->start < s->file_size + s->missing)
		return NULL;
	if (s)
		end = s->end;
	const struct ph_module *module = &image->modules[m->module - 1];
	struct ph_modfile *file = ph_image_module_file(image, module);
	if (!file || !is_unmodified(image, module, addr))
		return NULL;
	size_t size;
	const uint8_t *bytes = ph_modfile_bytes(file, &size);
	uint64_t offset, most;
	if (!place_in_file(image, m, addr, &offset, &most) || offset >= size)
		return NULL;
	most = most < end - addr ? most : end - addr;
	*ret_size = size - offset < most ? size - offset : (size_t)most;
	return bytes + offset;
}
