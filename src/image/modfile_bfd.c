/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sections and symbols of a module file, by libbfd. */
#include "image/modfile_private.h"

#ifndef PACKAGE
#define PACKAGE "core2pyheap" /* bfd.h insists */
#endif
#include <bfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define MAX_SYMBOLS (8u << 20)
#define SCANS 16 /* lookups of an address before the symbols are worth sorting */

struct symbol {
	ph_addr address;
	const char *name; /* libbfd's */
};

/* All under bfd_lock. */
struct ph_modfile_symbols {
	bool symbols_tried, sorted;
	bfd *abfd; /* NULL: libbfd does not know the format */
	struct symbol *symbols; /* by address once `sorted` */
	size_t symbol_count;
	size_t lookups; /* of addresses */
	char *debuglink;
	struct ph_modfile *debug;
};

/* libbfd keeps global state (its error, its cache of open files). */
static pthread_mutex_t bfd_lock = PTHREAD_MUTEX_INITIALIZER;

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

/* Call with bfd_lock held.  NULL without memory. */
static struct ph_modfile_symbols *get_bfd(struct ph_modfile *file)
{
	if (file->symbols)
		return file->symbols;
	file->symbols = calloc(1, sizeof(*file->symbols));
	if (!file->symbols)
		return NULL;
	bfd_init();
	bfd_set_error_handler(be_silent);
	bfd *abfd = bfd_openr_iovec(file->path, NULL, iovec_open, file, iovec_pread, iovec_close, iovec_stat);
	if (abfd && !bfd_check_format(abfd, bfd_object)) {
		bfd_close(abfd);
		abfd = NULL;
	}
	file->symbols->abfd = abfd;
	return file->symbols;
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
static void slurp_table(struct ph_modfile_symbols *file, bfd *abfd, bool dynamic)
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

static struct ph_modfile_symbols *load_symbols(struct ph_modfile *file)
{
	struct ph_modfile_symbols *s = get_bfd(file);
	if (!s || s->symbols_tried)
		return s;
	s->symbols_tried = true;
	if (!s->abfd)
		return s;
	slurp_table(s, s->abfd, true);
	if (bfd_get_file_flags(s->abfd) & HAS_SYMS)
		slurp_table(s, s->abfd, false);
	return s;
}

bool ph_modfile_section(struct ph_modfile *file, const char *name, ph_addr *ret_address, uint64_t *ret_size)
{
	pthread_mutex_lock(&bfd_lock);
	struct ph_modfile_symbols *s = get_bfd(file);
	asection *section = s && s->abfd ? bfd_get_section_by_name(s->abfd, name) : NULL;
	if (section) {
		*ret_address = bfd_section_vma(section);
		*ret_size = bfd_section_size(section);
	}
	pthread_mutex_unlock(&bfd_lock);
	return section != NULL;
}

static bool find_symbol(struct ph_modfile *file, const char *name, ph_addr *ret)
{
	const struct ph_modfile_symbols *s = load_symbols(file);
	for (size_t i = 0; s && i < s->symbol_count; i++)
		if (!strcmp(s->symbols[i].name, name)) {
			*ret = s->symbols[i].address;
			return true;
		}
	return false;
}

bool ph_modfile_symbol(struct ph_modfile *file, const char *name, ph_addr *ret)
{
	pthread_mutex_lock(&bfd_lock);
	bool found = find_symbol(file, name, ret) ||
		     (file->symbols && file->symbols->debug && find_symbol(file->symbols->debug, name, ret));
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
static const struct symbol *scan_nearest(const struct ph_modfile_symbols *file, ph_addr address)
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

static const struct symbol *nearest(struct ph_modfile *of, ph_addr address)
{
	struct ph_modfile_symbols *file = load_symbols(of);
	if (!file)
		return NULL;
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
	struct ph_modfile *debug = file->symbols ? file->symbols->debug : NULL;
	const struct symbol *other = debug ? nearest(debug, address) : NULL;
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
	struct ph_modfile_symbols *s = get_bfd(file);
	unsigned long crc;
	if (s && s->abfd && !s->debuglink)
		s->debuglink = bfd_get_debug_link_info(s->abfd, &crc);
	pthread_mutex_unlock(&bfd_lock);
	return s ? s->debuglink : NULL;
}

void ph_modfile_add_debug(struct ph_modfile *file, struct ph_modfile *debug)
{
	pthread_mutex_lock(&bfd_lock);
	struct ph_modfile_symbols *s = get_bfd(file);
	struct ph_modfile *old = s ? s->debug : debug;
	if (s)
		s->debug = debug;
	pthread_mutex_unlock(&bfd_lock);
	ph_modfile_close(old);
}

void ph_modfile_close_symbols(struct ph_modfile *file)
{
	struct ph_modfile_symbols *s = file->symbols;
	if (!s)
		return;
	file->symbols = NULL;
	ph_modfile_close(s->debug); /* one deep: a debug file has no debug file of its own */
	if (s->abfd) {
		pthread_mutex_lock(&bfd_lock);
		bfd_close(s->abfd);
		pthread_mutex_unlock(&bfd_lock);
	}
	free(s->symbols);
	free(s->debuglink);
	free(s);
}
