/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks of glibc's malloc (malloc/malloc.c): a size word before each, whose lowest bits say that the chunk before is
 * in use (1), that it is a mapping of its own (2), that it is of another arena than the main one (4).  A heap is
 * believed when its chunks lead exactly to its end.  Chunks in caches of threads and fast bins look as if they were in
 * use: cached.c finds them. */
#include "heap/chunks.h"

#include <limits.h>
#include <stdlib.h>

static const struct ph_chunk_units *units_of(const struct ph_account *a)
{
	static const struct ph_chunk_units units[] = {
		{ .word = 8, .header = 16, .least = 32, .state = 0x800, .heap_maximum = (uint64_t)64 << 20 },
		{ .word = 4, .header = 8, .least = 16, .state = 0x400, .heap_maximum = (uint64_t)1 << 20 },
	};
	return &units[a->heap->pymalloc.word == 4];
}

static bool load_word(const struct ph_account *a, ph_addr at, uint64_t *ret)
{
	return ph_target_read_ptr(a->target, at, ret) == PH_OK;
}

/* From the first chunk to the last, heap->top, which ends where the heap does; false when they do not lead there.
 * *ret_stop: behind the last of *ret_count. */
static bool follow(struct ph_account *a, ph_addr start, ph_addr end, struct ph_malloc_heap *heap, ph_addr *ret_stop,
		   unsigned *ret_count)
{
	const struct ph_chunk_units *u = units_of(a);
	ph_addr at = start, behind = start;
	uint64_t size, last = 0;
	heap->sizes = 0;
	for (*ret_count = 0; at < end; ++*ret_count) {
		*ret_stop = at;
		ph_account_leave(a, &behind, at);
		if (!load_word(a, at + u->word, &size))
			return false;
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		/* fenceposts at the end of a heap that is not the last are one word long */
		if (size < u->header || size & (u->header - 1) || size > end - at ||
		    (size < u->least && end - at > 2 * u->least))
			return false;
		heap->sizes |= last;
		last = size < u->least ? 0 : size;
		heap->top = at;
		at += size;
	}
	return at == end && *ret_count > 1;
}

static bool closes(struct ph_account *a, ph_addr start, ph_addr end, struct ph_malloc_heap *heap)
{
	unsigned count;
	ph_addr stop;
	return follow(a, start, end, heap, &stop, &count);
}

/* The first object, behind its head and the debug allocator's; 0 none. */
static ph_addr first_object(const struct ph_account *a, ph_addr user, uint64_t size)
{
	enum { FRONT_MAXIMUM = 80 };
	ph_addr step = ph_addrset_low_bits(&a->heap->set) + 1;
	for (ph_addr at = user; at < user + size - units_of(a)->header && at < user + FRONT_MAXIMUM; at += step)
		if (ph_addrset_has(&a->heap->set, at))
			return at;
	return 0;
}

static void take_object(struct ph_account *a, ph_addr object, ph_addr user, uint64_t size)
{
	const struct ph_shape *shape = ph_heap_shape(a->heap, object);
	if (shape && object - ph_object_front(shape, object) == user)
		(void)ph_addrset_add(&a->chunk_objects, object);
	else if (!ph_addrmap_set(&a->odd_objects, object, size, false))
		a->no_memory = true;
}

static void take_used(struct ph_account *a, ph_addr user, uint64_t size)
{
	enum ph_memory_kind kind = PH_MEMORY_MALLOC_OTHER;
	ph_addr object = first_object(a, user, size);
	if (a->look) {
		if (!object)
			a->look(a->look_user, user, size);
		return;
	}
	if (object) {
		kind = PH_MEMORY_MALLOC_OBJECTS;
		take_object(a, object, user, size);
	} else {
		(void)ph_addrset_add(&a->blocks, user);
	}
	a->memory.rows[kind].bytes += size;
	a->memory.rows[kind].count++;
}

static enum ph_memory_kind kind_of(const struct ph_malloc *m, const struct ph_malloc_heap *h, ph_addr at, uint64_t size)
{
	uint64_t next;
	if (at + size >= h->end)
		return PH_MEMORY_MALLOC_TOP;
	if (size < m->units->least)
		return PH_MEMORY_MALLOC_OVERHEAD;
	if (!ph_malloc_word(m, at + size + m->units->word, &next) || !(next & PH_PREV_INUSE))
		return PH_MEMORY_MALLOC_FREE;
	return ph_addrset_has(&m->cached, at + m->units->header) ? PH_MEMORY_MALLOC_CACHED : PH_MEMORY_MALLOC_OTHER;
}

static void take_heap(struct ph_malloc *m, const struct ph_malloc_heap *h)
{
	struct ph_account *a = m->account;
	struct ph_memory_row *rows = a->memory.rows;
	uint64_t size;
	ph_addr behind = h->first;
	for (ph_addr at = h->first; at < h->end && load_word(a, at + m->units->word, &size); at += size) {
		size &= ~(uint64_t)PH_CHUNK_FLAGS;
		ph_account_leave(a, &behind, at);
		enum ph_memory_kind kind = kind_of(m, h, at, size);
		if (kind == PH_MEMORY_MALLOC_OTHER) {
			take_used(a, at + m->units->header, size);
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

/* The main arena's: a segment (of several where brk was called in between) that begins with a chunk.  *ret_stop: up to
 * where chunks follow one another, whether they lead to the end or not.  `enough` so many of them, up to the end of a
 * page, are believed: qemu-user keeps what brk() gave back. */
static bool main_heap(struct ph_malloc *m, ph_addr start, ph_addr end, unsigned enough, ph_addr *ret_stop)
{
	struct ph_account *a = m->account;
	struct ph_malloc_heap heap = { .start = start, .end = end, .is_main = true };
	ph_addr stop;
	unsigned count;
	*ret_stop = start;
	for (ph_addr first = start; first <= start + 16; first += 8) {
		uint64_t word;
		if (!load_word(a, first + m->units->word, &word) || !(word & PH_PREV_INUSE) ||
		    word & (PH_IS_MMAPPED | PH_NON_MAIN))
			continue;
		bool whole = follow(a, first, end, &heap, &stop, &count);
		if (whole || (count >= enough && !(stop & 4095))) {
			heap.first = first;
			heap.end = whole ? end : stop;
			add_heap(m, &heap);
			return true;
		}
		if (stop > *ret_stop)
			*ret_stop = stop;
	}
	return false;
}

/* Where the first extent that is no module's data begins behind the address, or the segment ends. */
static ph_addr end_of_gap(const struct ph_account *a, const struct ph_segment *s, size_t known, ph_addr at)
{
	for (size_t e = 0; e < known && a->extents[e].start < s->end; e++)
		if (a->extents[e].start >= at && a->extents[e].use != PH_USE_MODULE_DATA)
			return a->extents[e].start;
	return s->end;
}

/* Where addresses are not random the program's .bss and the heap behind it are one segment. */
static ph_addr behind_data(struct ph_malloc *m, const struct ph_segment *s, size_t known)
{
	enum { ENOUGH = 64 };
	struct ph_account *a = m->account;
	ph_addr at = s->start, stop;
	for (size_t e = 0; e < known; e++)
		if (a->extents[e].use == PH_USE_MODULE_DATA && a->extents[e].end > at && a->extents[e].end < s->end)
			at = (a->extents[e].end + 4095) & ~(ph_addr)4095;
	ph_addr data_end = at, end = end_of_gap(a, s, known, at);
	while (at < end && !main_heap(m, at, end, ENOUGH, &stop))
		at = (stop & ~(ph_addr)4095) + 4096;
	if (at >= end)
		return data_end;
	/* of a program without a file nothing says how long its data are */
	for (size_t e = 0; e < known; e++)
		if (a->extents[e].start < at && a->extents[e].end > at)
			a->extents[e].end = at;
	return m->heaps[m->count - 1].end;
}

/* heap_info: ar_ptr, prev, size, mprotect_size, pagesize (since 2.35), padding; the first heap of an arena has its
 * malloc_state behind that. */
static ph_addr other_heap(struct ph_malloc *m, ph_addr at, ph_addr end)
{
	struct ph_account *a = m->account;
	const struct ph_chunk_units *u = m->units;
	struct ph_malloc_heap heap = { .start = at };
	uint64_t arena, prev, size, word;
	if (!load_word(a, at, &arena) || !load_word(a, at + u->word, &prev) || !load_word(a, at + u->header, &size))
		return 0;
	if (!size || size & 4095 || size > end - at || size > u->heap_maximum || prev & (u->heap_maximum - 1))
		return 0;
	bool own = arena > at && arena - at <= 64;
	if (!own && (arena & ~(ph_addr)(u->heap_maximum - 1)) == at)
		return 0;
	/* what malloc() returns is aligned to 8 or 16 bytes: so is this, or it lies 8 bytes off */
	for (ph_addr first = own ? arena + u->state : at + u->least; first < at + 0x1000; first += u->header)
		if (load_word(a, first + u->word, &word) && (word & PH_CHUNK_FLAGS) == (PH_PREV_INUSE | PH_NON_MAIN) &&
		    closes(a, first, at + size, &heap)) {
			heap.first = first, heap.end = at + size, heap.arena = own ? arena : 0;
			add_heap(m, &heap);
			return at + size;
		}
	return 0;
}

/* A chunk that is a mapping of its own: at its start, or, where what malloc() returns would not be aligned then, `shift`
 * bytes behind it, which the word for the chunk before says. */
static ph_addr mapped_chunk_at(struct ph_account *a, ph_addr at, ph_addr end, unsigned shift)
{
	const struct ph_chunk_units *u = units_of(a);
	uint64_t before, size;
	if (!load_word(a, at + shift, &before) || !load_word(a, at + shift + u->word, &size) ||
	    (size & PH_CHUNK_FLAGS) != PH_IS_MMAPPED || (before >> 12) || (shift && before != shift))
		return 0;
	size &= ~(uint64_t)PH_CHUNK_FLAGS;
	if ((size + shift) & 4095 || !size || size > end - at - shift)
		return 0;
	take_used(a, at + shift + u->header, size);
	a->memory.rows[PH_MEMORY_MALLOC_OVERHEAD].bytes += shift;
	ph_account_extent(a, at, at + shift + size, PH_USE_MALLOC);
	return at + shift + size;
}

static ph_addr mapped_chunk(struct ph_account *a, ph_addr at, ph_addr end)
{
	ph_addr behind = mapped_chunk_at(a, at, end, 0);
	unsigned header = units_of(a)->header;
	return behind || header == 16 ? behind : mapped_chunk_at(a, at, end, header);
}

static void anonymous(struct ph_malloc *m, const struct ph_segment *s, ph_addr from, size_t known)
{
	struct ph_account *a = m->account;
	size_t e = 0;
	for (ph_addr at = from; at < s->end;) {
		while (e < known && a->extents[e].end <= at)
			e++;
		if (e < known && a->extents[e].start <= at) {
			at = (a->extents[e].end + 4095) & ~(ph_addr)4095;
			continue;
		}
		ph_addr behind = at & (m->units->heap_maximum - 1) ? 0 : other_heap(m, at, s->end);
		if (!behind)
			behind = mapped_chunk(a, at, s->end);
		at = behind ? behind : at + 4096;
	}
}

void ph_account_chunks(struct ph_account *a)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(a->target->image, &segments), known = a->extent_count;
	struct ph_malloc m = { .account = a, .units = units_of(a) };
	for (size_t i = 0; i < count && !a->no_memory; i++) {
		const struct ph_segment *s = &segments[i];
		ph_addr from = s->start, stop;
		if (!s->writable || !s->readable || !s->file_size)
			continue;
		if (ph_image_module_at(a->target->image, s->start))
			from = behind_data(&m, s, known);
		else if (main_heap(&m, s->start, end_of_gap(a, s, known, s->start), UINT_MAX, &stop))
			from = m.heaps[m.count - 1].end;
		anonymous(&m, s, from, known);
	}
	ph_malloc_find_cached(&m);
	for (size_t i = 0; i < m.count && !a->no_memory; i++)
		take_heap(&m, &m.heaps[i]);
	free(m.heaps);
	ph_addrset_deinit(&m.cached);
}

uint64_t ph_account_chunk_size(const struct ph_account *a, ph_addr user)
{
	uint64_t size;
	return load_word(a, user - units_of(a)->word, &size) ? size & ~(uint64_t)PH_CHUNK_FLAGS : 0;
}
