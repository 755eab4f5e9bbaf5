/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Free chunks that glibc does not mark as free (malloc/malloc.c): those of tcache_perthread_struct and of fastbinsY. */
#include "heap/chunks.h"

#define TCACHE_BINS 64
#define LARGE_BINS 12 /* since 2.42, of chunks of several sizes each: used where glibc.malloc.tcache_max is raised */
#define FAST_BINS 10
#define BINS 127	/* pairs of pointers of malloc_state */
#define BINS_RIGHT 120	/* that many must check: the process died, perhaps within malloc */
#define RANGES 64	/* writable ranges of a module */

#define TABLE_2_42 0x300 /* bytes of tcache_perthread_struct's chunk */

static uint64_t size_of_bin(unsigned bin)
{
	return PH_CHUNK_LEAST + 16 * (uint64_t)bin;
}

static bool is_size(uint64_t size, uint64_t wanted)
{
	return wanted ? size == wanted : size >= size_of_bin(TCACHE_BINS);
}

/* Whether a chunk of this size (0: any that is too large for the first bins) begins there that is not marked as free. */
static bool is_chunk(const struct ph_malloc *m, ph_addr chunk, uint64_t wanted)
{
	uint64_t word, size;
	for (size_t i = 0; !(chunk & 15) && i < m->count; i++) {
		const struct ph_malloc_heap *h = &m->heaps[i];
		if (chunk < h->first || chunk >= h->end)
			continue;
		if (!ph_malloc_word(m, chunk + 8, &size))
			return false;
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		return is_size(size, wanted) && size < h->end - chunk && ph_malloc_word(m, chunk + size + 8, &word) &&
		       word & PH_PREV_INUSE;
	}
	return false;
}

/* Links are of user addresses (`to_user` 16) or of chunks (0), and since 2.32 masked with where they lie: PROTECT_PTR. */
static ph_addr next_chunk(const struct ph_malloc *m, ph_addr chunk, uint64_t size, unsigned to_user)
{
	uint64_t link;
	ph_addr at = chunk + PH_CHUNK_HEADER;
	if (!ph_malloc_word(m, at, &link))
		return 0;
	ph_addr unmasked = (link ^ at >> 12) - to_user;
	if (is_chunk(m, unmasked, size))
		return unmasked;
	return is_chunk(m, link - to_user, size) ? link - to_user : 0;
}

static void take_list(struct ph_malloc *m, ph_addr chunk, uint64_t size, unsigned to_user)
{
	for (uint64_t left = m->bytes / (size ? size : size_of_bin(TCACHE_BINS)); chunk && left && !ph_addrset_has(&m->cached, chunk + PH_CHUNK_HEADER); left--) {
		if (!ph_addrset_add(&m->cached, chunk + PH_CHUNK_HEADER))
			return;
		chunk = next_chunk(m, chunk, size, to_user);
	}
}

/* ---- tcache ---- */

/* Where the heads of the lists begin, by the size of the chunk: behind counts of a byte each (2.26), of two (2.30), of 76
 * of them (2.42; the lists of larger chunks come last); 0: it is no table. */
static unsigned heads_offset(uint64_t chunk_size)
{
	switch (chunk_size) {
	case 0x250:
		return TCACHE_BINS;
	case 0x290:
		return 2 * TCACHE_BINS;
	case TABLE_2_42:
		return 2 * (TCACHE_BINS + LARGE_BINS);
	default:
		return 0;
	}
}

/* A table when each of its lists begins with a chunk of the right size. */
static void take_table(struct ph_malloc *m, ph_addr chunk, uint64_t chunk_size)
{
	ph_addr heads[TCACHE_BINS + LARGE_BINS], table = chunk + PH_CHUNK_HEADER + heads_offset(chunk_size);
	unsigned bins = chunk_size == TABLE_2_42 ? TCACHE_BINS + LARGE_BINS : TCACHE_BINS;
	for (unsigned bin = 0; bin < bins; bin++)
		if (!ph_malloc_word(m, table + 8 * bin, &heads[bin]) ||
		    (bin < TCACHE_BINS && heads[bin] && !is_chunk(m, heads[bin] - PH_CHUNK_HEADER, size_of_bin(bin))))
			return;
	for (unsigned bin = 0; bin < bins; bin++) {
		uint64_t size = bin < TCACHE_BINS ? size_of_bin(bin) : 0;
		/* one that is a mapping of its own is in no heap: neither it nor what follows it is taken */
		if (heads[bin] && is_chunk(m, heads[bin] - PH_CHUNK_HEADER, size))
			take_list(m, heads[bin] - PH_CHUNK_HEADER, size, PH_CHUNK_HEADER);
	}
}

/* Each thread's is the first that it asks malloc for, in whichever heap it gets. */
static void take_tables(struct ph_malloc *m, const struct ph_malloc_heap *h)
{
	uint64_t size, next;
	ph_addr behind = h->first;
	for (ph_addr at = h->first; at < h->top && ph_malloc_word(m, at + 8, &size); at += size) {
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		ph_account_leave(m->account, &behind, at);
		if (heads_offset(size) && ph_malloc_word(m, at + size + 8, &next) && next & PH_PREV_INUSE)
			take_table(m, at, size);
	}
}

/* ---- fast bins ---- */

/* struct malloc_state: mutex, flags, have_fastchunks (since 2.27), fastbinsY[10], top, last_remainder, bins[254].  `fast`
 * is where fastbinsY is.  A bin that is empty leads to itself, as if it were a chunk. */
static bool is_arena(const struct ph_malloc *m, ph_addr arena, unsigned fast, ph_addr top)
{
	ph_addr bins = arena + fast + 8 * FAST_BINS + 16;
	uint64_t forward, backward, word;
	unsigned right = 0;
	if (!ph_malloc_word(m, bins - 16, &word) || word != top)
		return false;
	for (unsigned i = 0; i < BINS; i++) {
		ph_addr bin = bins + 16 * (ph_addr)i - 16;
		if (!ph_malloc_word(m, bin + 16, &forward) || !ph_malloc_word(m, bin + 24, &backward))
			return false;
		right += ph_malloc_word(m, forward + 24, &word) && word == bin &&
			 ph_malloc_word(m, backward + 16, &word) && word == bin;
	}
	return right >= BINS_RIGHT;
}

static void take_arena(struct ph_malloc *m, ph_addr arena, ph_addr top)
{
	static const unsigned places[] = { 16, 8 };
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (!is_arena(m, arena, places[i], top))
			continue;
		for (unsigned bin = 0; bin < FAST_BINS; bin++) {
			uint64_t chunk;
			if (ph_malloc_word(m, arena + places[i] + 8 * bin, &chunk) && chunk &&
			    is_chunk(m, chunk, size_of_bin(bin)))
				take_list(m, chunk, size_of_bin(bin), 0);
		}
		return;
	}
}

/* main_arena has no symbol in what users run: it is what leads to the last chunk of the main heap. */
static void find_main_arena(struct ph_malloc *m, const struct ph_segment *range, ph_addr top)
{
	static const unsigned tops[] = { 16 + 8 * FAST_BINS, 8 + 8 * FAST_BINS };
	uint64_t word;
	for (ph_addr at = (range->start + 7) & ~(ph_addr)7; at + 8 <= range->end; at += 8) {
		if (!ph_malloc_word(m, at, &word)) {
			at |= 4088;
			continue;
		}
		for (unsigned i = 0; word == top && i < sizeof(tops) / sizeof(*tops); i++)
			take_arena(m, at - tops[i], top);
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
