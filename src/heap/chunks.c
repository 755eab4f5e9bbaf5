/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks of glibc's malloc (malloc/malloc.c): a size word before each, whose lowest bits say that the chunk before is
 * in use (1), that it is a mapping of its own (2), that it is of another arena than the main one (4).  A heap is
 * believed when its chunks lead exactly to its end.  Chunks in tcache and fast bins count as in use there; those of
 * tcache are found by its own table. */
#include "heap/memory.h"

#include "base/cursor.h"

enum { PREV_INUSE = 1, IS_MMAPPED = 2, NON_MAIN = 4, FLAGS = 7 };
#define CHUNK_HEADER 16 /* up to what malloc() returns: the size of the chunk before, the size */
#define CHUNK_LEAST 32
#define HEAP_MAXIMUM ((uint64_t)64 << 20) /* HEAP_MAX_SIZE: heaps of other arenas are aligned to it */
#define TCACHE_BINS 64
#define TCACHE_COUNT_MAXIMUM 65535

static bool load_word(const struct ph_account *a, ph_addr at, uint64_t *ret)
{
	return ph_target_read_ptr(a->target, at, ret) == PH_OK;
}

/* From the first chunk to the last, which ends where the heap does; false when they do not lead there. */
static bool closes(struct ph_account *a, ph_addr start, ph_addr end)
{
	ph_addr at = start, behind = start;
	uint64_t size;
	unsigned chunks = 0;
	while (at < end) {
		ph_account_leave(a, &behind, at);
		if (!load_word(a, at + 8, &size))
			return false;
		size &= ~(uint64_t)FLAGS;
		/* fenceposts at the end of a heap that is not the last are one word long */
		if (size < CHUNK_HEADER || size & 15 || size > end - at ||
		    (size < CHUNK_LEAST && end - at > 2 * CHUNK_LEAST))
			return false;
		at += size;
		chunks++;
	}
	return at == end && chunks > 1;
}

/* tcache_perthread_struct: counts of two bytes and heads of lists of 64 bins; links are masked since 2.32. */
static void free_tcache(const struct ph_account *a, ph_addr table, uint64_t size, struct ph_addrset *freed)
{
	bool big = a->target->layout.abi.big_endian;
	const uint8_t *data = ph_image_view(a->target->image, table, size);
	if (!data || size < 10 * TCACHE_BINS)
		return;
	for (unsigned bin = 0; bin < TCACHE_BINS; bin++) {
		uint64_t left = ph_load_uint(data + 2 * bin, 2, big);
		ph_addr at = ph_load_uint(data + 2 * TCACHE_BINS + 8 * bin, 8, big), next;
		for (; left && at && !(at & 15) && left <= TCACHE_COUNT_MAXIMUM; left--) {
			uint64_t word;
			if (!load_word(a, at - 8, &word) ||
			    (word & ~(uint64_t)FLAGS) != CHUNK_LEAST + 16 * (uint64_t)bin || !load_word(a, at, &next))
				break;
			(void)ph_addrset_add(freed, at);
			ph_addr unmasked = next ^ at >> 12;
			at = !next								  ? 0
			     : !(unmasked & 15) && ph_image_is_mapped(a->target->image, unmasked) ? unmasked
												  : next;
		}
	}
}

/* Behind its head, and the debug allocator's. */
static bool holds_object(struct ph_account *a, ph_addr user, uint64_t size)
{
	enum { FRONT_MAXIMUM = 80 };
	for (ph_addr at = user; at < user + size - CHUNK_HEADER && at < user + FRONT_MAXIMUM; at += 8) {
		if (!ph_addrset_has(&a->heap->set, at))
			continue;
		const struct ph_shape *shape = ph_heap_shape(a->heap, at);
		if (shape && at - ph_object_front(shape, at) == user)
			(void)ph_addrset_add(&a->chunk_objects, at);
		else if (!ph_addrmap_set(&a->odd_objects, at, size, false))
			a->no_memory = true;
		return true;
	}
	return false;
}

static void take_used(struct ph_account *a, ph_addr user, uint64_t size)
{
	enum ph_memory_kind kind = PH_MEMORY_MALLOC_OTHER;
	if (holds_object(a, user, size))
		kind = PH_MEMORY_MALLOC_OBJECTS;
	else
		(void)ph_addrset_add(&a->blocks, user);
	a->memory.rows[kind].bytes += size;
	a->memory.rows[kind].count++;
}

static void take_heap(struct ph_account *a, ph_addr start, ph_addr first, ph_addr end)
{
	struct ph_memory_row *rows = a->memory.rows;
	struct ph_addrset freed = { 0 };
	uint64_t size, next;
	ph_addr at, behind = first;
	for (at = first; at < end && load_word(a, at + 8, &size); at += size) {
		size &= ~(uint64_t)FLAGS;
		ph_account_leave(a, &behind, at);
		/* its table is the first that a thread asks for */
		if (size >= 0x250 && size <= 0x300)
			free_tcache(a, at + CHUNK_HEADER, size - CHUNK_HEADER, &freed);
	}
	behind = first;
	for (at = first; at < end && load_word(a, at + 8, &size); at += size) {
		size &= ~(uint64_t)FLAGS;
		ph_account_leave(a, &behind, at);
		bool top = at + size >= end;
		enum ph_memory_kind kind = PH_MEMORY_MALLOC_FREE;
		if (top)
			kind = PH_MEMORY_MALLOC_TOP;
		else if (size < CHUNK_LEAST)
			kind = PH_MEMORY_MALLOC_OVERHEAD;
		else if (load_word(a, at + size + 8, &next) && next & PREV_INUSE &&
			 !ph_addrset_has(&freed, at + CHUNK_HEADER)) {
			take_used(a, at + CHUNK_HEADER, size);
			continue;
		}
		rows[kind].bytes += size;
		rows[kind].count++;
	}
	rows[PH_MEMORY_MALLOC_OVERHEAD].bytes += first - start;
	rows[PH_MEMORY_MALLOC_OVERHEAD].count++;
	a->no_memory |= freed.no_memory;
	ph_addrset_deinit(&freed);
	ph_account_extent(a, start, end, PH_USE_MALLOC);
}

/* The main arena's: a segment (of several where brk was called in between) that begins with a chunk. */
static bool main_heap(struct ph_account *a, const struct ph_segment *s)
{
	for (ph_addr first = s->start; first <= s->start + 16; first += 8) {
		uint64_t word;
		if (load_word(a, first + 8, &word) && word & PREV_INUSE && !(word & (IS_MMAPPED | NON_MAIN)) &&
		    closes(a, first, s->end)) {
			take_heap(a, s->start, first, s->end);
			return true;
		}
	}
	return false;
}

/* heap_info: ar_ptr, prev, size, mprotect_size, pagesize (since 2.35), padding; the first heap of an arena has its
 * malloc_state behind that. */
static ph_addr other_heap(struct ph_account *a, ph_addr at, ph_addr end)
{
	uint64_t arena, prev, size, word;
	if (!load_word(a, at, &arena) || !load_word(a, at + 8, &prev) || !load_word(a, at + 16, &size))
		return 0;
	if (!size || size & 4095 || size > end - at || size > HEAP_MAXIMUM || prev & (HEAP_MAXIMUM - 1))
		return 0;
	bool own = arena > at && arena - at <= 64;
	if (!own && (arena & ~(ph_addr)(HEAP_MAXIMUM - 1)) == at)
		return 0;
	for (ph_addr first = own ? arena + 0x800 : at + 32; first < at + 0x1000; first += 16)
		if (load_word(a, first + 8, &word) && (word & FLAGS) == (PREV_INUSE | NON_MAIN) &&
		    closes(a, first, at + size)) {
			take_heap(a, at, first, at + size);
			return at + size;
		}
	return 0;
}

/* A chunk that is a mapping of its own. */
static ph_addr mapped_chunk(struct ph_account *a, ph_addr at, ph_addr end)
{
	uint64_t before, size;
	if (!load_word(a, at, &before) || !load_word(a, at + 8, &size) || (size & FLAGS) != IS_MMAPPED || before >> 12)
		return 0;
	size &= ~(uint64_t)FLAGS;
	if (size & 4095 || !size || size > end - at)
		return 0;
	take_used(a, at + CHUNK_HEADER, size);
	ph_account_extent(a, at, at + size, PH_USE_MALLOC);
	return at + size;
}

static void anonymous(struct ph_account *a, const struct ph_segment *s, size_t known)
{
	size_t e = 0;
	for (ph_addr at = s->start; at < s->end;) {
		while (e < known && a->extents[e].end <= at)
			e++;
		if (e < known && a->extents[e].start <= at) {
			at = (a->extents[e].end + 4095) & ~(ph_addr)4095;
			continue;
		}
		ph_addr behind = at & (HEAP_MAXIMUM - 1) ? 0 : other_heap(a, at, s->end);
		if (!behind)
			behind = mapped_chunk(a, at, s->end);
		at = behind ? behind : at + 4096;
	}
}

void ph_account_chunks(struct ph_account *a)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(a->target->image, &segments), known = a->extent_count;
	if (a->target->layout.abi.pointer_size != 8)
		return;
	for (size_t i = 0; i < count && !a->no_memory; i++)
		if (segments[i].writable && segments[i].readable && segments[i].file_size &&
		    !ph_image_module_at(a->target->image, segments[i].start) && !main_heap(a, &segments[i]))
			anonymous(a, &segments[i], known);
}

uint64_t ph_account_chunk_size(const struct ph_account *a, ph_addr user)
{
	uint64_t size;
	return load_word(a, user - 8, &size) ? size & ~(uint64_t)FLAGS : 0;
}
