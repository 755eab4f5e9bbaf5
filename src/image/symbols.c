/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names to addresses and back.
 *
 * A name is looked up as the dynamic linker does, through DT_GNU_HASH or DT_HASH
 * in the module's memory (from the core, or filled from its file), which touches a
 * handful of cache lines; libbfd reads .symtab only when that finds nothing.
 * GNU hash: https://flapenguin.me/elf-dt-gnu-hash, glibc elf/dl-lookup.c. */
#include "image/backend.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "image/macho.h"
#include "image/modfile.h"

#define MAX_NAME 256
#define MAX_CHAIN 100000
#define MAX_DYNAMIC 512

struct ph_dynamic {
	ph_addr symbols, strings, gnu_hash, hash; /* 0: none */
};

struct symbol_query {
	struct ph_image *image;
	const struct ph_dynamic *dynamic;
	const char *name;
	size_t length;
	ph_addr found; /* link-time */
};

static bool load_uint(struct ph_image *image, ph_addr addr, size_t size, uint64_t *ret)
{
	uint8_t bytes[8];
	if (ph_image_read(image, addr, bytes, size))
		return false;
	*ret = ph_load_uint(bytes, size, image->info.big_endian);
	return true;
}

/* One entry of .dynamic, from the core's memory, else from the file. */
static bool dynamic_entry(struct ph_image *image, const struct ph_module *module, size_t index, uint64_t *tag,
			  uint64_t *value)
{
	size_t word = image->info.pointer_size;
	ph_addr at = module->dynamic + 2 * index * word;
	if (load_uint(image, at, word, tag) && load_uint(image, at + word, word, value))
		return true;
	const struct ph_phdr *phdrs;
	size_t size, count = module->file ? ph_modfile_phdrs(module->file, &phdrs) : 0;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *bytes = ph_modfile_bytes(module->file, &size);
		uint64_t end = phdrs[i].offset + 2 * (index + 1) * word;
		if (phdrs[i].type != PT_DYNAMIC || phdrs[i].offset > size || end > size)
			continue;
		*tag = ph_load_uint(bytes + end - 2 * word, word, image->info.big_endian);
		*value = ph_load_uint(bytes + end - word, word, image->info.big_endian);
		return true;
	}
	return false;
}

/* Addresses are relocated in place by glibc on most machines, and are not by musl,
 * nor in a file. */
static ph_addr relocated(const struct ph_module *module, uint64_t value)
{
	return value >= module->start && value < module->end ? value : module->bias + value;
}

static const struct ph_dynamic *module_dynamic(struct ph_image *image, const struct ph_module *module)
{
	struct ph_module_state *state = &image->module_states[module - image->modules];
	/* a file can tell where .dynamic is when the core's page cannot */
	ph_image_module_file(image, module);
	pthread_mutex_lock(&image->lock);
	if (!state->dynamic_looked && module->dynamic) {
		struct ph_dynamic *d = calloc(1, sizeof(*d));
		uint64_t tag, value;
		for (size_t i = 0; d && i < MAX_DYNAMIC && dynamic_entry(image, module, i, &tag, &value); i++) {
			if (tag == DT_NULL)
				break;
			if (tag == DT_SYMTAB)
				d->symbols = relocated(module, value);
			else if (tag == DT_STRTAB)
				d->strings = relocated(module, value);
			else if (tag == DT_GNU_HASH)
				d->gnu_hash = relocated(module, value);
			else if (tag == DT_HASH)
				d->hash = relocated(module, value);
		}
		if (d && !(d->symbols && d->strings)) {
			free(d);
			d = NULL;
		}
		state->dynamic = d;
	}
	state->dynamic_looked = true;
	pthread_mutex_unlock(&image->lock);
	return state->dynamic;
}

/* Whether symbol `index` is a definition of the name. */
static bool symbol_matches(struct symbol_query *q, uint32_t index)
{
	struct ph_image *image = q->image;
	bool wide = image->info.pointer_size == 8, big = image->info.big_endian;
	uint8_t sym[24];
	char name[MAX_NAME];
	if (ph_image_read(image, q->dynamic->symbols + (uint64_t)index * (wide ? 24 : 16), sym, wide ? 24 : 16))
		return false;
	unsigned info = sym[wide ? 4 : 12], section = (unsigned)ph_load_uint(sym + (wide ? 6 : 14), 2, big);
	if (section == SHN_UNDEF || ELF64_ST_TYPE(info) == STT_TLS)
		return false;
	ph_addr at = q->dynamic->strings + ph_load_uint(sym, 4, big);
	if (ph_image_read(image, at, name, q->length + 1) || memcmp(name, q->name, q->length + 1))
		return false;
	q->found = wide ? ph_load_uint(sym + 8, 8, big) : ph_load_uint(sym + 4, 4, big);
	return true;
}

static bool look_in_gnu_hash(struct symbol_query *q)
{
	struct ph_image *image = q->image;
	ph_addr table = q->dynamic->gnu_hash;
	uint32_t hash = 5381;
	for (size_t i = 0; i < q->length; i++)
		hash = hash * 33 + (uint8_t)q->name[i];
	uint64_t buckets, first, bloom, shift, word, index, chain;
	if (!load_uint(image, table, 4, &buckets) || !load_uint(image, table + 4, 4, &first) ||
	    !load_uint(image, table + 8, 4, &bloom) || !load_uint(image, table + 12, 4, &shift) || !buckets || !bloom)
		return false;
	size_t size = image->info.pointer_size;
	uint32_t bits = 8 * (uint32_t)size;
	if (!load_uint(image, table + 16 + (hash / bits % bloom) * size, size, &word))
		return false;
	if (!(word >> hash % bits & word >> (hash >> (shift & 31)) % bits & 1))
		return false;
	ph_addr bucket_table = table + 16 + bloom * size, chain_table = bucket_table + 4 * buckets;
	if (!load_uint(image, bucket_table + 4 * (hash % buckets), 4, &index) || index < first)
		return false;
	for (size_t steps = 0; steps < MAX_CHAIN; steps++, index++) {
		if (!load_uint(image, chain_table + 4 * (index - first), 4, &chain))
			return false;
		if ((chain | 1) == (hash | 1) && symbol_matches(q, (uint32_t)index))
			return true;
		if (chain & 1)
			return false;
	}
	return false;
}

/* gABI, "Hash Table" */
static bool look_in_hash(struct symbol_query *q)
{
	struct ph_image *image = q->image;
	ph_addr table = q->dynamic->hash;
	uint32_t hash = 0;
	for (size_t i = 0; i < q->length; i++) {
		hash = (hash << 4) + (uint8_t)q->name[i];
		uint32_t high = hash & 0xf0000000;
		hash = (hash ^ high >> 24) & ~high;
	}
	uint64_t buckets, symbols, index;
	if (!load_uint(image, table, 4, &buckets) || !load_uint(image, table + 4, 4, &symbols) || !buckets ||
	    !load_uint(image, table + 8 + 4 * (hash % buckets), 4, &index))
		return false;
	for (size_t steps = 0; index && index < symbols && steps < MAX_CHAIN; steps++) {
		if (symbol_matches(q, (uint32_t)index))
			return true;
		if (!load_uint(image, table + 8 + 4 * buckets + 4 * index, 4, &index))
			return false;
	}
	return false;
}

static ph_addr dynamic_symbol(struct ph_image *image, const struct ph_module *module, const char *name)
{
	if (image->format == PH_MODULES_PE)
		return ph_pe_symbol(image, module, name);
	if (image->format == PH_MODULES_MACHO)
		return ph_macho_symbol(image, module, name);
	struct symbol_query q = { .image = image, .name = name, .length = strlen(name) };
	if (!q.length || q.length >= MAX_NAME || !(q.dynamic = module_dynamic(image, module)))
		return 0;
	bool found = (q.dynamic->gnu_hash && look_in_gnu_hash(&q)) || (q.dynamic->hash && look_in_hash(&q));
	return found ? module->bias + q.found : 0;
}

static ph_addr static_symbol(struct ph_image *image, const struct ph_module *module, const char *name)
{
	ph_addr address;
	if (image->symbols)
		return image->symbols->symbol ?
			image->symbols->symbol(image->symbols_user, module->start, module->end, name) : 0;
	struct ph_modfile *file = ph_image_module_file(image, module);
	return file && ph_modfile_symbol(file, name, &address) ? module->bias + address : 0;
}

ph_addr ph_image_symbol(struct ph_image *image, const struct ph_module *module, const char *name)
{
	ph_image_load_modules(image);
	if (module) {
		ph_addr found = dynamic_symbol(image, module, name);
		return found ? found : static_symbol(image, module, name);
	}
	for (size_t i = 0; i < image->module_count; i++) {
		ph_addr found = dynamic_symbol(
			image, &image->modules[image->load_order ? image->load_order[i] : i], name);
		if (found)
			return found;
	}
	return 0;
}

/* The separate debug file of a module, found once: by build-id, then by
 * .gnu_debuglink, as gdb does below /usr/lib/debug. */
static void find_debug_file(struct ph_image *image, const struct ph_module *module)
{
	struct ph_module_state *state = &image->module_states[module - image->modules];
	pthread_mutex_lock(&image->lock);
	if (!state->debug_looked) {
		state->debug_looked = true;
		ph_image_find_debug(image, module);
	}
	pthread_mutex_unlock(&image->lock);
}

/* "name+0x12" from the debugger. */
static const char *asked_name(struct ph_image *image, ph_addr addr)
{
	char text[4096];
	const struct ph_symbol_ops *ops = image->symbols;
	return ops->symbolize && ops->symbolize(image->symbols_user, addr, text, sizeof(text)) ?
		ph_image_intern(image, text) : NULL;
}

const char *ph_image_symbolize(struct ph_image *image, ph_addr addr)
{
	if (image->symbols)
		return asked_name(image, addr);
	const struct ph_module *module = ph_image_module_at(image, addr);
	struct ph_modfile *file = module ? ph_image_module_file(image, module) : NULL;
	uint64_t offset;
	const char *name;
	if (module && image->format == PH_MODULES_PE) {
		name = ph_pe_nearest(image, module, addr, &offset);
	} else if (module && image->format == PH_MODULES_MACHO) {
		name = ph_macho_nearest(image, module, addr, &offset);
	} else if (module) {
		find_debug_file(image, module);
		if (!file)
			file = image->module_states[module - image->modules].debug_file;
		if (!file)
			return NULL;
		name = ph_modfile_nearest(file, addr - module->bias, &offset);
	} else {
		return NULL;
	}
	/* farther than any function is long: the symbols do not cover this place */
	if (!name || offset > 16 << 20)
		return NULL;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096);
	ph_buffer_puts(&text, name);
	if (offset)
		ph_buffer_printf(&text, "+0x%" PRIx64, offset);
	return ph_image_intern(image, ph_buffer_text(&text));
}

static bool pe_section(struct ph_image *image, const struct ph_module *module, const char *name, ph_addr *ret_start,
		       ph_addr *ret_size)
{
	uint8_t header[PH_PE_MAX_HEADER];
	struct ph_pe pe;
	uint32_t rva, bytes;
	size_t size = ph_image_readable(image, module->start, sizeof(header));
	if (ph_image_read(image, module->start, header, size) != PH_OK || !ph_pe_parse(header, size, &pe))
		return false;
	/* CPython's own has no dot before its name there (GENERATE_DEBUG_SECTION of pycore_runtime.h) */
	if (!ph_pe_section(&pe, header, size, name + (name[0] == '.'), &rva, &bytes) &&
	    !ph_pe_section(&pe, header, size, name, &rva, &bytes))
		return false;
	*ret_start = module->bias + rva;
	*ret_size = bytes;
	return true;
}

bool ph_image_section(struct ph_image *image, const struct ph_module *module, const char *name, ph_addr *ret_start,
		      ph_addr *ret_size)
{
	const struct ph_symbol_ops *ops = image->symbols;
	if (ops)
		return ops->section && ops->section(image->symbols_user, module->start, module->end, name, ret_start,
						    ret_size);
	struct ph_modfile *file = ph_image_module_file(image, module);
	ph_addr address;
	uint64_t size;
	if (image->format == PH_MODULES_PE)
		return pe_section(image, module, name, ret_start, ret_size);
	if (image->format == PH_MODULES_MACHO)
		return ph_macho_section(image, module, name, ret_start, ret_size);
	if (!file || !ph_modfile_section(file, name, &address, &size) || !address || !size)
		return false;
	*ret_start = module->bias + address;
	*ret_size = size;
	return true;
}

/* Room for one more range at the end: where there is none, the smallest goes, unless it is larger than `bytes`. */
static bool make_room(struct ph_segment *ranges, size_t capacity, size_t *n, uint64_t bytes)
{
	size_t smallest = 0;
	if (*n < capacity)
		return true;
	for (size_t i = 1; i < *n; i++)
		if (ranges[i].end - ranges[i].start < ranges[smallest].end - ranges[smallest].start)
			smallest = i;
	if (!*n || ranges[smallest].end - ranges[smallest].start >= bytes)
		return false;
	memmove(&ranges[smallest], &ranges[smallest + 1], (--*n - smallest) * sizeof(*ranges));
	return true;
}

/* The segments within [start, end), cut to it.  A minidump may hold thousands of scraps of a module, and one section. */
static size_t add_ranges(struct ph_image *image, ph_addr start, ph_addr end, bool writable_only,
			 struct ph_segment *ranges, size_t capacity, size_t n)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		struct ph_segment s = image->segments[i];
		if (s.end <= start || s.start >= end || (writable_only && !s.writable))
			continue;
		ph_addr low = s.start > start ? s.start : start, high = s.end < end ? s.end : end;
		if (!make_room(ranges, capacity, &n, high - low))
			continue;
		uint64_t skipped = low - s.start;
		uint64_t held = s.file_size > skipped ? s.file_size - skipped : 0;
		s.file_offset += skipped;
		s.file_size = held < high - low ? held : high - low;
		s.start = low;
		s.end = high;
		ranges[n++] = s;
	}
	return n;
}

size_t ph_image_writable_ranges(struct ph_image *image, const struct ph_module *module, struct ph_segment *ranges,
				size_t capacity)
{
	const struct ph_module_state *state = &image->module_states[module - image->modules];
	if (!state->phdr_count)
		ph_image_module_file(image, module);
	size_t n = 0;
	for (size_t i = 0; i < state->phdr_count; i++) {
		const struct ph_phdr *p = &state->phdrs[i];
		ph_addr start = module->bias + p->vaddr, end = start + p->memsz;
		if (p->type != PT_LOAD || !(p->flags & PF_W) || start < module->start || end < start)
			continue;
		n = add_ranges(image, start, end, false, ranges, capacity, n);
	}
	if (n || (state->phdr_count && image->format == PH_MODULES_PE))
		return n;
	n = add_ranges(image, module->start, module->end, true, ranges, capacity, n);
	/* .bss: the anonymous mapping right behind */
	const struct ph_segment *bss = ph_image_segment_at(image, module->end);
	if (bss && bss->start == module->end && bss->writable && n < capacity &&
	    ph_image_module_at(image, bss->start) == NULL)
		ranges[n++] = *bss;
	return n;
}
