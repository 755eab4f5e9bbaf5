/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Free chunks that glibc does not mark as free (malloc/malloc.c): those of tcache_perthread_struct and of fastbinsY. */
#include "heap/chunks.h"

#define TCACHE_BINS 64
#define LARGE_BINS 12 /* since 2.42, of chunks of several sizes each: used where glibc.malloc.tcache_max is raised */
#define BINS 127	/* pairs of pointers of malloc_state */
#define BINS_RIGHT 120	/* that many must check: the process died, perhaps within malloc */
#define RANGES 64	/* writable ranges of a module */

static bool is_size(const struct ph_malloc *m, uint64_t size, uint64_t wanted)
{
	return wanted ? size == wanted : size >= m->units->least + TCACHE_BINS * (uint64_t)m->align;
}

/* Whether a chunk of this size (0: any that is too large for the first bins) begins there that is not marked as free. */
static bool is_chunk(const struct ph_malloc *m, ph_addr chunk, uint64_t wanted)
{
	const struct ph_chunk_units *u = m->units;
	uint64_t word, size;
	for (size_t i = 0; !((chunk + u->header) & (m->align - 1)) && i < m->count; i++) {
		const struct ph_malloc_heap *h = &m->heaps[i];
		if (chunk < h->first || chunk >= h->end)
			continue;
		if (!ph_malloc_word(m, chunk + u->word, &size))
			return false;
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		return is_size(m, size, wanted) && size < h->end - chunk &&
		       ph_malloc_word(m, chunk + size + u->word, &word) && word & PH_PREV_INUSE;
	}
	return false;
}

/* Links are of user addresses (`to_user` bytes behind the chunk) or of chunks (0), and since 2.32 masked with where they
 * lie: PROTECT_PTR. */
static ph_addr next_chunk(const struct ph_malloc *m, ph_addr chunk, uint64_t size, unsigned to_user)
{
	uint64_t link;
	ph_addr at = chunk + m->units->header;
	if (!ph_malloc_word(m, at, &link))
		return 0;
	ph_addr unmasked = (link ^ at >> 12) - to_user;
	if (is_chunk(m, unmasked, size))
		return unmasked;
	return is_chunk(m, link - to_user, size) ? link - to_user : 0;
}

static void take_list(struct ph_malloc *m, ph_addr chunk, uint64_t size, unsigned to_user)
{
	unsigned header = m->units->header;
	for (uint64_t left = m->bytes / m->units->least; chunk && left && !ph_addrset_has(&m->cached, chunk + header); left--) {
		if (!ph_addrset_add(&m->cached, chunk + header))
			return;
		chunk = next_chunk(m, chunk, size, to_user);
	}
}

/* ---- tcache ---- */

/* tcache_perthread_struct: counts of the lists, then their heads. */
struct table {
	unsigned count; /* bytes of each count */
	unsigned bins;
};

/* The one that a chunk of this size is made for; NULL: there is none. */
static const struct table *table_of(const struct ph_malloc *m, uint64_t chunk_size)
{
	static const struct table tables[] = {
		{ 1, TCACHE_BINS },		 /* 2.26 */
		{ 2, TCACHE_BINS },		 /* 2.30 */
		{ 2, TCACHE_BINS + LARGE_BINS }, /* 2.42; the lists of larger chunks come last */
	};
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		uint64_t size = tables[i].bins * (tables[i].count + m->units->word) + m->units->word;
		if ((size + m->align - 1) / m->align * m->align == chunk_size)
			return &tables[i];
	}
	return NULL;
}

/* A table when each of its lists begins with a chunk of the right size. */
static void take_table(struct ph_malloc *m, ph_addr chunk, const struct table *table)
{
	unsigned header = m->units->header, bins = table->bins;
	ph_addr heads[TCACHE_BINS + LARGE_BINS], first = chunk + header + table->count * bins;
	for (unsigned bin = 0; bin < bins; bin++)
		if (!ph_malloc_word(m, first + m->units->word * bin, &heads[bin]) ||
		    (bin < TCACHE_BINS && heads[bin] &&
		     !is_chunk(m, heads[bin] - header, m->units->least + (uint64_t)m->align * bin)))
			return;
	for (unsigned bin = 0; bin < bins; bin++) {
		uint64_t size = bin < TCACHE_BINS ? m->units->least + (uint64_t)m->align * bin : 0;
		/* one that is a mapping of its own is in no heap: neither it nor what follows it is taken */
		if (heads[bin] && is_chunk(m, heads[bin] - header, size))
			take_list(m, heads[bin] - header, size, header);
	}
}

/* Each thread's is the first that it asks malloc for, in whichever heap it gets. */
static void take_tables(struct ph_malloc *m, const struct ph_malloc_heap *h)
{
	uint64_t size, next;
	ph_addr behind = h->first;
	for (ph_addr at = h->first; at < h->top && ph_malloc_word(m, at + m->units->word, &size); at += size) {
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		ph_account_leave(m->account, &behind, at);
		const struct table *table = table_of(m, size);
		if (table && ph_malloc_word(m, at + size + m->units->word, &next) && next & PH_PREV_INUSE)
			take_table(m, at, table);
	}
}

/* ---- fast bins ---- */

/* Bins of fast chunks, as many as MAX_FAST_SIZE takes. */
static unsigned fast_bins(const struct ph_malloc *m)
{
	return m->align > m->units->header ? 11 : 10;
}

/* struct malloc_state: mutex, flags, have_fastchunks (since 2.27), fastbinsY, top, last_remainder, bins[254].  `fast` is
 * where fastbinsY is.  A bin that is empty leads to itself, as if it were a chunk. */
static bool is_arena(const struct ph_malloc *m, ph_addr arena, unsigned fast, ph_addr top)
{
	unsigned w = m->units->word;
	ph_addr bins = arena + fast + w * fast_bins(m) + 2 * w;
	uint64_t forward, backward, word;
	unsigned right = 0;
	if (!ph_malloc_word(m, bins - 2 * w, &word) || word != top)
		return false;
	for (unsigned i = 0; i < BINS; i++) {
		ph_addr bin = bins + 2 * w * (ph_addr)i - 2 * w;
		if (!ph_malloc_word(m, bin + 2 * w, &forward) || !ph_malloc_word(m, bin + 3 * w, &backward))
			return false;
		right += ph_malloc_word(m, forward + 3 * w, &word) && word == bin &&
			 ph_malloc_word(m, backward + 2 * w, &word) && word == bin;
	}
	return right >= BINS_RIGHT;
}

/* Behind three ints or two. */
#define FAST_PLACES 2
static unsigned fast_place(const struct ph_malloc *m, unsigned i)
{
	return i ? 8 : m->units->word == 8 ? 16 : 12;
}

static void take_arena(struct ph_malloc *m, ph_addr arena, ph_addr top)
{
	for (unsigned i = 0; i < FAST_PLACES; i++) {
		ph_addr fast = arena + fast_place(m, i);
		if (!is_arena(m, arena, fast_place(m, i), top))
			continue;
		for (unsigned bin = 0; bin < fast_bins(m); bin++) {
			uint64_t chunk, size = m->units->least + (uint64_t)m->units->header * bin;
			if (ph_malloc_word(m, fast + m->units->word * bin, &chunk) && chunk && is_chunk(m, chunk, size))
				take_list(m, chunk, size, 0);
		}
		return;
	}
}

/* main_arena has no symbol in what users run: it is what leads to the last chunk of the main heap. */
static void find_main_arena(struct ph_malloc *m, const struct ph_segment *range, ph_addr top)
{
	ph_addr w = m->units->word;
	uint64_t word;
	for (ph_addr at = (range->start + w - 1) & ~(w - 1); at + w <= range->end; at += w) {
		if (!ph_malloc_word(m, at, &word)) {
			at |= 4096 - w;
			continue;
		}
		for (unsigned i = 0; word == top && i < FAST_PLACES; i++)
			take_arena(m, at - w * fast_bins(m) - fast_place(m, i), top);
	}
}

static void find_main_arenas(struct ph_malloc *m, ph_addr top)
{
	const struct ph_module *modules;
	struct ph_image *image = m->account->target->image;
	size_t count = ph_image_modules(image, &modules);
	struct ph_segment ranges[RANGES];
	for (size_t i = 0; i < count; i++) {
		size_t n = ph_image_writable_ranges(image, &modules[i], ranges, RANGES);
		for (size_t j = 0; j < n; j++)
			find_main_arena(m, &ranges[j], top);
	}
}

void ph_malloc_find_cached(struct ph_malloc *m)
{
	m->align = 16;
	for (size_t i = 0; i < m->count; i++)
		if (m->heaps[i].sizes & 8)
			m->align = 8;
	for (size_t i = 0; i < m->count; i++) {
		const struct ph_malloc_heap *h = &m->heaps[i];
		take_tables(m, h);
		if (h->is_main)
			find_main_arenas(m, h->top);
		for (size_t k = 0; h->arena && k < m->count; k++)
			take_arena(m, h->arena, m->heaps[k].top);
	}
	m->account->no_memory |= m->cached.no_memory;
}
