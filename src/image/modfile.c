/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/modfile.h"

#ifndef PACKAGE
#define PACKAGE "core2pyheap" /* bfd.h insists */
#endif
#include <bfd.h>
#include <elf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_PHDRS 256
#define MAX_SYMBOLS (8u << 20)
#define SCANS 16 /* lookups of an address before the symbols are worth sorting */

struct symbol {
	ph_addr address;
	const char *name; /* libbfd's */
};

struct ph_modfile {
	char *path;
	const uint8_t *data;
	size_t size;
	struct ph_elf elf;
	struct ph_phdr *phdrs;
	size_t phdr_count;
	char build_id[PH_BUILD_ID_SIZE];
	/* under bfd_lock */
	bool bfd_tried, symbols_tried, sorted;
	bfd *abfd;
	struct symbol *symbols; /* by address once `sorted` */
	size_t symbol_count;
	size_t lookups; /* of addresses */
	char *debuglink;
	struct ph_modfile *debug;
};

/* libbfd keeps global state (its error, its cache of open files). */
static pthread_mutex_t bfd_lock = PTHREAD_MUTEX_INITIALIZER;

static bool read_headers(struct ph_modfile *file)
{
	if (!ph_elf_parse(file->data, file->size, &file->elf))
		return false;
	const struct ph_elf *elf = &file->elf;
	size_t count = elf->phnum <= MAX_PHDRS ? elf->phnum : MAX_PHDRS;
	if (!count || elf->phoff > file->size || (file->size - elf->phoff) / elf->phentsize < count)
		return !elf->phnum; /* a relocatable object or a debug file without any */
	file->phdrs = calloc(count, sizeof(*file->phdrs));
	if (!file->phdrs)
		return false;
	file->phdr_count = count;
	for (size_t i = 0; i < count; i++) {
		file->phdrs[i] = ph_elf_phdr(elf, file->data + elf->phoff + i * elf->phentsize);
		const struct ph_phdr *p = &file->phdrs[i];
		if (p->type != PT_NOTE || *file->build_id || p->offset > file->size ||
		    p->filesz > file->size - p->offset)
			continue;
		ph_note_build_id(file->data + p->offset, p->filesz, p->align, elf->big_endian, file->build_id);
	}
	return true;
}

struct ph_modfile *ph_modfile_open(int fd, const char *path, const char **why)
{
	ph_auto_close int owned = fd;
	struct stat st;
	if (fstat(owned, &st) || !S_ISREG(st.st_mode)) {
		*why = "not a regular file";
		return NULL;
	}
	struct ph_modfile *file = calloc(1, sizeof(*file));
	if (!file || !(file->path = strdup(path))) {
		*why = "out of memory";
		free(file);
		return NULL;
	}
	file->size = (size_t)st.st_size;
	void *map = st.st_size > 0 ? mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, owned, 0) : MAP_FAILED;
	file->data = map == MAP_FAILED ? NULL : map;
	if (!file->data)
		*why = st.st_size ? "cannot be mapped" : "empty";
	else if (file->size >= 2 && !memcmp(file->data, "#!", 2))
		*why = "a script";
	else if (!read_headers(file))
		*why = "not an ELF file";
	else
		return file;
	ph_modfile_close(file);
	return NULL;
}

void ph_modfile_close(struct ph_modfile *file)
{
	if (!file)
		return;
	ph_modfile_close(file->debug); /* one deep: a debug file has no debug file of its own */
	if (file->abfd) {
		pthread_mutex_lock(&bfd_lock);
		bfd_close(file->abfd);
		pthread_mutex_unlock(&bfd_lock);
	}
	if (file->data)
		munmap((void *)file->data, file->size);
	free(file->symbols);
	free(file->debuglink);
	free(file->phdrs);
	free(file->path);
	free(file);
}

const char *ph_modfile_path(const struct ph_modfile *file)
{
	return file->path;
}

const char *ph_modfile_build_id(const struct ph_modfile *file)
{
	return *file->build_id ? file->build_id : NULL;
}

const struct ph_elf *ph_modfile_elf(const struct ph_modfile *file)
{
	return &file->elf;
}

size_t ph_modfile_phdrs(const struct ph_modfile *file, const struct ph_phdr **ret)
{
	*ret = file->phdrs;
	return file->phdr_count;
}

const uint8_t *ph_modfile_bytes(const struct ph_modfile *file, size_t *ret_size)
{
	*ret_size = file->size;
	return file->data;
}

/* ---- libbfd ---- */

static void be_silent(const char *format, va_list ap)
{
	(void)format;
	(void)ap;
}

static void *iovec_open(bfd *abfd, void *closure)
{
	(void)abfd;
	return closure;
}

static file_ptr iovec_pread(bfd *abfd, void *stream, void *buffer, file_ptr size, file_ptr offset)
{
	(void)abfd;
	const struct ph_modfile *file = stream;
	if (offset < 0 || size < 0 || (uint64_t)offset >= file->size)
		return 0;
	size_t left = file->size - (size_t)offset, take = (size_t)size < left ? (size_t)size : left;
	memcpy(buffer, file->data + offset, take);
	return (file_ptr)take;
}

static int iovec_close(bfd *abfd, void *stream)
{
	(void)abfd;
	(void)stream;
	return 0;
}

static int iovec_stat(bfd *abfd, void *stream, struct stat *st)
{
	(void)abfd;
	const struct ph_modfile *file = stream;
	memset(st, 0, sizeof(*st));
	st->st_size = (off_t)file->size;
	st->st_mode = S_IFREG;
	return 0;
}

/* Call with bfd_lock held. */
static bfd *get_bfd(struct ph_modfile *file)
{
	if (file->bfd_tried)
		return file->abfd;
	file->bfd_tried = true;
	bfd_init();
	bfd_set_error_handler(be_silent);
	bfd *abfd = bfd_openr_iovec(file->path, NULL, iovec_open, file, iovec_pread, iovec_close, iovec_stat);
	if (abfd && !bfd_check_format(abfd, bfd_object)) {
		bfd_close(abfd);
		abfd = NULL;
	}
	return file->abfd = abfd;
}

static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool worth_keeping(const asymbol *s)
{
	if (!s->name || !*s->name || s->name[0] == '$' || !s->section)
		return false;
	if (bfd_is_und_section(s->section) || bfd_is_abs_section(s->section) || bfd_is_com_section(s->section))
		return false;
	return !(s->flags & (BSF_SECTION_SYM | BSF_FILE | BSF_DEBUGGING | BSF_WARNING | BSF_THREAD_LOCAL));
}

/* .dynsym or .symtab behind the symbols that are there already. */
static void slurp_table(struct ph_modfile *file, bfd *abfd, bool dynamic)
{
	long bound = dynamic ? bfd_get_dynamic_symtab_upper_bound(abfd) : bfd_get_symtab_upper_bound(abfd);
	if (bound <= 0 || (size_t)bound / sizeof(asymbol *) > MAX_SYMBOLS)
		return;
	ph_auto_free asymbol **table = malloc((size_t)bound);
	if (!table)
		return;
	long n = dynamic ? bfd_canonicalize_dynamic_symtab(abfd, table) : bfd_canonicalize_symtab(abfd, table);
	if (n <= 0)
		return;
	struct symbol *grown = realloc(file->symbols, (file->symbol_count + (size_t)n) * sizeof(*grown));
	if (!grown)
		return;
	file->symbols = grown;
	for (long i = 0; i < n; i++)
		if (worth_keeping(table[i]))
			file->symbols[file->symbol_count++] =
				(struct symbol){ bfd_asymbol_value(table[i]), table[i]->name };
}

static void load_symbols(struct ph_modfile *file)
{
	if (file->symbols_tried)
		return;
	file->symbols_tried = true;
	bfd *abfd = get_bfd(file);
	if (!abfd)
		return;
	slurp_table(file, abfd, true);
	if (bfd_get_file_flags(abfd) & HAS_SYMS)
		slurp_table(file, abfd, false);
}

bool ph_modfile_section(struct ph_modfile *file, const char *name, ph_addr *ret_address, uint64_t *ret_size)
{
	pthread_mutex_lock(&bfd_lock);
	bfd *abfd = get_bfd(file);
	asection *section = abfd ? bfd_get_section_by_name(abfd, name) : NULL;
	if (section) {
		*ret_address = bfd_section_vma(section);
		*ret_size = bfd_section_size(section);
	}
	pthread_mutex_unlock(&bfd_lock);
	return section != NULL;
}

static bool find_symbol(struct ph_modfile *file, const char *name, ph_addr *ret)
{
	load_symbols(file);
	for (size_t i = 0; i < file->symbol_count; i++)
		if (!strcmp(file->symbols[i].name, name)) {
			*ret = file->symbols[i].address;
			return true;
		}
	return false;
}

bool ph_modfile_symbol(struct ph_modfile *file, const char *name, ph_addr *ret)
{
	pthread_mutex_lock(&bfd_lock);
	bool found = find_symbol(file, name, ret) || (file->debug && find_symbol(file->debug, name, ret));
	pthread_mutex_unlock(&bfd_lock);
	return found;
}

/* Of aliases, the one without leading underscores, then the first in order. */
static bool is_better_alias(const struct symbol *a, const struct symbol *b)
{
	bool hidden = a->name[0] == '_';
	return hidden == (b->name[0] == '_') ? strcmp(a->name, b->name) < 0 : !hidden;
}

/* For the few places of a report: sorting some 50,000 symbols of a C library takes as long as all the rest of it. */
static const struct symbol *scan_nearest(const struct ph_modfile *file, ph_addr address)
{
	const struct symbol *best = NULL;
	for (size_t i = 0; i < file->symbol_count; i++) {
		const struct symbol *s = &file->symbols[i];
		if (s->address > address || (best && s->address < best->address))
			continue;
		if (!best || s->address > best->address || is_better_alias(s, best))
			best = s;
	}
	return best;
}

static const struct symbol *nearest(struct ph_modfile *file, ph_addr address)
{
	load_symbols(file);
	if (file->lookups++ < SCANS)
		return scan_nearest(file, address);
	if (file->symbol_count && !file->sorted)
		qsort(file->symbols, file->symbol_count, sizeof(*file->symbols), compare_symbols);
	file->sorted = true;
	size_t low = 0, high = file->symbol_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (file->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	const struct symbol *best = &file->symbols[low - 1];
	for (size_t i = low - 1; i-- > 0 && file->symbols[i].address == best->address;)
		if (is_better_alias(&file->symbols[i], best))
			best = &file->symbols[i];
	return best;
}

const char *ph_modfile_nearest(struct ph_modfile *file, ph_addr address, uint64_t *ret_offset)
{
	pthread_mutex_lock(&bfd_lock);
	const struct symbol *best = nearest(file, address);
	const struct symbol *other = file->debug ? nearest(file->debug, address) : NULL;
	if (other && (!best || other->address > best->address))
		best = other;
	pthread_mutex_unlock(&bfd_lock);
	if (!best)
		return NULL;
	*ret_offset = address - best->address;
	return best->name;
}

const char *ph_modfile_debuglink(struct ph_modfile *file)
{
	pthread_mutex_lock(&bfd_lock);
	bfd *abfd = file->debuglink ? NULL : get_bfd(file);
	unsigned long crc;
	if (abfd)
		file->debuglink = bfd_get_debug_link_info(abfd, &crc);
	pthread_mutex_unlock(&bfd_lock);
	return file->debuglink;
}

void ph_modfile_add_debug(struct ph_modfile *file, struct ph_modfile *debug)
{
	pthread_mutex_lock(&bfd_lock);
	struct ph_modfile *old = file->debug;
	file->debug = debug;
	pthread_mutex_unlock(&bfd_lock);
	ph_modfile_close(old);
}
