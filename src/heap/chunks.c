/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks of glibc's malloc (malloc/malloc.c): a size word before each, whose lowest bits say that the chunk before is
 * in use (1), that it is a mapping of its own (2), that it is of another arena than the main one (4).  A heap is
 * believed when its chunks lead exactly to its end.  Chunks in caches of threads and fast bins look as if they were in
 * use: cached.c finds them. */
#include "heap/chunks.h"

#include <stdlib.h>

#define HEAP_MAXIMUM ((uint64_t)64 << 20) /* HEAP_MAX_SIZE: heaps of other arenas are aligned to it */

static bool load_word(const struct ph_account *a, ph_addr at, uint64_t *ret)
{
	return ph_target_read_ptr(a->target, at, ret) == PH_OK;
}

/* From the first chunk to the last, *ret_top, which ends where the heap does; false when they do not lead there. */
static bool closes(struct ph_account *a, ph_addr start, ph_addr end, ph_addr *ret_top)
{
	ph_addr at = start, behind = start;
	uint64_t size;
	unsigned chunks = 0;
	while (at < end) {
		ph_account_leave(a, &behind, at);
		if (!load_word(a, at + 8, &size))
			return false;
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		/* fenceposts at the end of a heap that is not the last are one word long */
		if (size < PH_CHUNK_HEADER || size & 15 || size > end - at ||
		    (size < PH_CHUNK_LEAST && end - at > 2 * PH_CHUNK_LEAST))
			return false;
		*ret_top = at;
		at += size;
		chunks++;
	}
	return at == end && chunks > 1;
}

/* Behind its head, and the debug allocator's. */
static bool holds_object(struct ph_account *a, ph_addr user, uint64_t size)
{
	enum { FRONT_MAXIMUM = 80 };
	for (ph_addr at = user; at < user + size - PH_CHUNK_HEADER && at < user + FRONT_MAXIMUM; at += 8) {
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

static enum ph_memory_kind kind_of(const struct ph_malloc *m, const struct ph_malloc_heap *h, ph_addr at, uint64_t size)
{
	uint64_t next;
	if (at + size >= h->end)
		return PH_MEMORY_MALLOC_TOP;
	if (size < PH_CHUNK_LEAST)
		return PH_MEMORY_MALLOC_OVERHEAD;
	if (!ph_malloc_word(m, at + size + 8, &next) || !(next & PH_PREV_INUSE))
		return PH_MEMORY_MALLOC_FREE;
	return ph_addrset_has(&m->cached, at + PH_CHUNK_HEADER) ? PH_MEMORY_MALLOC_CACHED : PH_MEMORY_MALLOC_OTHER;
}

static void take_heap(struct ph_malloc *m, const struct ph_malloc_heap *h)
{
	struct ph_account *a = m->account;
	struct ph_memory_row *rows = a->memory.rows;
	uint64_t size;
	ph_addr behind = h->first;
	for (ph_addr at = h->first; at < h->end && load_word(a, at + 8, &size); at += size) {
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		ph_account_leave(a, &behind, at);
		enum ph_memory_kind kind = kind_of(m, h, at, size);
		if (kind == PH_MEMORY_MALLOC_OTHER) {
			take_used(a, at + PH_CHUNK_HEADER, size);
			continue;
		}
		rows[kind].bytes += size;
		rows[kind].count++;
	}
	rows[PH_MEMORY_MALLOC_OVERHEAD].bytes += h->first - h->start;
	rows[PH_MEMORY_MALLOC_OVERHEAD].count++;
	ph_account_extent(a, h->start, h->end, PH_USE_MALLOC);
}

static void add_heap(struct ph_malloc *m, const struct ph_malloc_heap *heap)
{
	if (m->count == m->capacity) {
		size_t capacity = m->capacity ? m->capacity * 2 : 16;
		struct ph_malloc_heap *heaps = realloc(m->heaps, capacity * sizeof(*heaps));
		if (!heaps) {
			m->account->no_memory = true;
			return;
		}
		m->heaps = heaps, m->capacity = capacity;
	}
	m->heaps[m->count++] = *heap;
	m->bytes += heap->end - heap->start;
}

/* The main arena's: a segment (of several where brk was called in between) that begins with a chunk. */
static bool main_heap(struct ph_malloc *m, const struct ph_segment *s)
{
	struct ph_account *a = m->account;
	struct ph_malloc_heap heap = { .start = s->start, .end = s->end, .is_main = true };
	for (ph_addr first = s->start; first <= s->start + 16; first += 8) {
		uint64_t word;
		if (load_word(a, first + 8, &word) && word & PH_PREV_INUSE && !(word & (PH_IS_MMAPPED | PH_NON_MAIN)) &&
		    closes(a, first, s->end, &heap.top)) {
			heap.first = first;
			add_heap(m, &heap);
			return true;
		}
	}
	return false;
}

/* heap_info: ar_ptr, prev, size, mprotect_size, pagesize (since 2.35), padding; the first heap of an arena has its
 * malloc_state behind that. */
static ph_addr other_heap(struct ph_malloc *m, ph_addr at, ph_addr end)
{
	struct ph_account *a = m->account;
	struct ph_malloc_heap heap = { .start = at };
	uint64_t arena, prev, size, word;
	if (!load_word(a, at, &arena) || !load_word(a, at + 8, &prev) || !load_word(a, at + 16, &size))
		return 0;
	if (!size || size & 4095 || size > end - at || size > HEAP_MAXIMUM || prev & (HEAP_MAXIMUM - 1))
		return 0;
	bool own = arena > at && arena - at <= 64;
	if (!own && (arena & ~(ph_addr)(HEAP_MAXIMUM - 1)) == at)
		return 0;
	for (ph_addr first = own ? arena + 0x800 : at + 32; first < at + 0x1000; first += 16)
		if (load_word(a, first + 8, &word) && (word & PH_CHUNK_FLAGS) == (PH_PREV_INUSE | PH_NON_MAIN) &&
		    closes(a, first, at + size, &heap.top)) {
			heap.first = first, heap.end = at + size, heap.arena = own ? arena : 0;
			add_heap(m, &heap);
			return at + size;
		}
	return 0;
}

/* A chunk that is a mapping of its own. */
static ph_addr mapped_chunk(struct ph_account *a, ph_addr at, ph_addr end)
{
	uint64_t before, size;
	if (!load_word(a, at, &before) || !load_word(a, at + 8, &size) || (size & PH_CHUNK_FLAGS) != PH_IS_MMAPPED || before >> 12)
		return 0;
	size &= ~(uint64_t)PH_CHUNK_FLAGS;
	if (size & 4095 || !size || size > end - at)
		return 0;
	take_used(a, at + PH_CHUNK_HEADER, size);
	ph_account_extent(a, at, at + size, PH_USE_MALLOC);
	return at + size;
}

static void anonymous(struct ph_malloc *m, const struct ph_segment *s, size_t known)
{
	struct ph_account *a = m->account;
	size_t e = 0;
	for (ph_addr at = s->start; at < s->end;) {
		while (e < known && a->extents[e].end <= at)
			e++;
		if (e < known && a->extents[e].start <= at) {
			at = (a->extents[e].end + 4095) & ~(ph_addr)4095;
			continue;
		}
		ph_addr behind = at & (HEAP_MAXIMUM - 1) ? 0 : other_heap(m, at, s->end);
		if (!behind)
			behind = mapped_chunk(a, at, s->end);
		at = behind ? behind : at + 4096;
	}
}

void ph_account_chunks(struct ph_account *a)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(a->target->image, &segments), known = a->extent_count;
	struct ph_malloc m = { .account = a };
	if (a->target->layout.abi.pointer_size != 8)
		return;
	for (size_t i = 0; i < count && !a->no_memory; i++)
		if (segments[i].writable && segments[i].readable && segments[i].file_size &&
		    !ph_image_module_at(a->target->image, segments[i].start) && !main_heap(&m, &segments[i]))
			anonymous(&m, &segments[i], known);
	ph_malloc_find_cached(&m);
	for (size_t i = 0; i < m.count && !a->no_memory; i++)
		take_heap(&m, &m.heaps[i]);
	free(m.heaps);
	ph_addrset_deinit(&m.cached);
}

uint64_t ph_account_chunk_size(const struct ph_account *a, ph_addr user)
{
	uint64_t size;
	return load_word(a, user - 8, &size) ? size & ~(uint64_t)PH_CHUNK_FLAGS : 0;
}
