/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pools of pymalloc: struct pool_header in Objects/obmalloc.c (Include/internal/pycore_obmalloc.h since 3.12). */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "heap/heap.h"

#define ARENA_POOLS 64	 /* in 256 KiB of 4 KiB and in 1 MiB of 16 KiB */
#define WINDOW ((ph_addr)4 << 20) /* pages behind it are given back */

struct header {
	uint64_t count, free_block, arena, size_index, next_offset, maximum_offset;
};

struct ph_pymalloc ph_pymalloc_of(const struct ph_target *t)
{
	const struct ph_slot *slots = t->layout.slots;
	struct ph_pymalloc p = {
		.pool = (uint32_t)ph_target_trait(t, PH_TRAIT_POOL_SIZE),
		.arena = (uint32_t)ph_target_trait(t, PH_TRAIT_ARENA_SIZE),
		.header = ph_target_sizeof(t, PH_SIZEOF_pool_header),
		.alignments = (uint32_t)ph_target_trait(t, PH_TRAIT_POOL_ALIGNMENTS),
		.word = t->layout.abi.pointer_size,
		.big_endian = t->layout.abi.big_endian,
		.has_types = ph_target_sizeof(t, PH_SIZEOF_PyHeapTypeObject) <= PH_POOL_LARGEST,
		.count = (uint8_t)slots[PH_pool_header_ref].offset,
		.free_block = (uint8_t)slots[PH_pool_header_freeblock].offset,
		.arena_index = (uint8_t)slots[PH_pool_header_arenaindex].offset,
		.size_index = (uint8_t)slots[PH_pool_header_szidx].offset,
		.next_offset = (uint8_t)slots[PH_pool_header_nextoffset].offset,
		.maximum_offset = (uint8_t)slots[PH_pool_header_maxnextoffset].offset,
	};
	if (p.pool < 4096 || p.pool > 65536 || !p.header)
		p.pool = 0;
	return p;
}

static struct header load_header(const struct ph_pymalloc *p, const uint8_t *data)
{
	return (struct header){
		.count = ph_load_uint(data + p->count, 4, p->big_endian),
		.free_block = ph_load_uint(data + p->free_block, p->word, p->big_endian),
		.arena = ph_load_uint(data + p->arena_index, 4, p->big_endian),
		.size_index = ph_load_uint(data + p->size_index, 4, p->big_endian),
		.next_offset = ph_load_uint(data + p->next_offset, 4, p->big_endian),
		.maximum_offset = ph_load_uint(data + p->maximum_offset, 4, p->big_endian),
	};
}

/* Everything in it agrees with everything else. */
static bool is_header(const struct ph_pymalloc *p, const struct header *h, ph_addr address, uint64_t *ret_block_size)
{
	uint64_t size = p->pool - h->maximum_offset, classes = h->size_index + 1;
	ph_addr first = address + p->header;
	bool is_class = (size == classes * 8 && p->alignments & 8) || (size == classes * 16 && p->alignments & 16);
	if (!size || size > PH_POOL_LARGEST || !is_class ||
	    h->next_offset < p->header || h->next_offset > p->pool || (h->next_offset - p->header) % size)
		return false;
	if (!h->count || h->count > (h->next_offset - p->header) / size)
		return false;
	if (h->free_block &&
	    (h->free_block < first || h->free_block >= address + p->pool || (h->free_block - first) % size))
		return false;
	*ret_block_size = size;
	return true;
}

static struct ph_error *add_pool(struct ph_heap *heap, const struct ph_pool *pool, uint64_t pool_size)
{
	if (heap->pool_count == heap->pool_capacity) {
		size_t capacity = heap->pool_capacity ? heap->pool_capacity * 2 : 1024;
		void *pools = realloc(heap->pools, capacity * sizeof(*heap->pools));
		if (!pools)
			return &ph_error_no_memory;
		heap->pools = pools;
		heap->pool_capacity = capacity;
	}
	heap->pools[heap->pool_count++] = *pool;
	heap->totals.pools++;
	heap->totals.allocated += (uint64_t)pool->used * pool->block_size;
	for (uint64_t at = 0; at < pool_size; at += 4096)
		ph_addrset_mark_page(&heap->set, pool->address + at, (uint8_t)(pool->block_size / PH_POOL_UNIT));
	return NULL;
}

struct ph_error *ph_heap_find_pools(struct ph_heap *heap)
{
	const struct ph_target *t = heap->target;
	const struct ph_pymalloc *p = &heap->pymalloc;
	const struct ph_segment *segments;
	uint64_t pool_size = p->pool;
	size_t count = ph_image_segments(t->image, &segments);
	if (!pool_size)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!segments[i].writable || !segments[i].file_size)
			continue;
		ph_addr end = segments[i].start + segments[i].file_size;
		ph_addr at = (segments[i].start + pool_size - 1) & ~(pool_size - 1);
		ph_addr behind = at;
		/* a segment may lie at the very end of the address space, and `at` begin again at 0 */
		for (; at >= segments[i].start && at < end && end - at >= pool_size; at += pool_size) {
			if (at - behind > WINDOW) {
				ph_image_leave_pages(t->image, behind, at);
				behind = at;
			}
			const uint8_t *data = ph_image_view(t->image, at, pool_size);
			uint64_t size;
			if (!data)
				continue;
			struct header h = load_header(p, data);
			if (!is_header(p, &h, at, &size))
				continue;
			struct ph_pool pool = {
				.address = at,
				.block_size = (uint32_t)size,
				.arena = (uint32_t)h.arena,
				.blocks = (uint16_t)((h.next_offset - p->header) / size),
				.used = (uint16_t)h.count,
			};
			struct ph_error *error = add_pool(heap, &pool, pool_size);
			if (error)
				return error;
		}
		ph_image_leave_pages(t->image, behind, end);
	}
	ph_addrset_end_marks(&heap->set);
	return NULL;
}

uint64_t ph_heap_guess_count(const struct ph_target *t)
{
	enum { EVERY = 64 };
	const struct ph_segment *segments;
	const struct ph_pymalloc p = ph_pymalloc_of(t);
	uint64_t pool_size = p.pool, step = pool_size * EVERY, used = 0;
	size_t count = ph_image_segments(t->image, &segments);
	if (!pool_size)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (!segments[i].writable)
			continue;
		ph_addr end = segments[i].start + segments[i].file_size;
		ph_addr at = (segments[i].start + pool_size - 1) & ~(pool_size - 1);
		ph_addr behind = at;
		for (; at >= segments[i].start && at < end && end - at >= step; at += step) {
			/* one look a step may map all there is: Linux since 6.18, 2 MiB at once */
			if (at - behind > WINDOW) {
				ph_image_leave_pages(t->image, behind, at);
				behind = at;
			}
			const uint8_t *data = ph_image_view(t->image, at, pool_size);
			uint64_t size;
			struct header h = data ? load_header(&p, data) : (struct header){ 0 };
			if (data && is_header(&p, &h, at, &size))
				used += (uint64_t)h.count;
		}
	}
	/* others are dicts' keys, lists' items and the like; a sixteenth less, for what it bounds must not be exceeded */
	return used * EVERY * 3 / 4 * 15 / 16;
}

/* Inlined for each size of a pointer: a load is one instruction. */
static inline __attribute__((always_inline)) bool follow(const struct ph_pymalloc *p, const struct ph_pool *pool,
							 const uint8_t *data, unsigned word, uint64_t *free_blocks)
{
	bool big = p->big_endian;
	ph_addr first = pool->address + p->header;
	uint64_t next = ph_load_uint(data + p->free_block, word, big);
	unsigned left = (unsigned)pool->blocks - pool->used;
	while (next) {
		uint64_t offset = next - first, index = offset / pool->block_size;
		if (next < first || offset % pool->block_size || index >= pool->blocks || !left)
			return false;
		if (free_blocks[index / 64] >> index % 64 & 1)
			return false;
		free_blocks[index / 64] |= UINT64_C(1) << index % 64;
		left--;
		next = ph_load_uint(data + p->header + offset, word, big);
	}
	return left == 0;
}

bool ph_pool_free_blocks(const struct ph_heap *heap, const struct ph_pool *pool, const uint8_t *data,
			 uint64_t free_blocks[PH_POOL_BLOCKS / 64])
{
	const struct ph_pymalloc *p = &heap->pymalloc;
	memset(free_blocks, 0, PH_POOL_BLOCKS / 8);
	return p->word == 8 ? follow(p, pool, data, 8, free_blocks) : follow(p, pool, data, p->word, free_blocks);
}

/* One of another arena than both its neighbours, which are of one: arenas do not lie within each other. */
static bool is_of_wrong_arena(const struct ph_heap *heap, size_t i, uint64_t size)
{
	const struct ph_pool *pool = &heap->pools[i];
	return i && i + 1 < heap->pool_count && pool[-1].arena == pool[1].arena && pool->arena != pool[1].arena &&
	       (pool[1].address - pool[-1].address) / size < ARENA_POOLS;
}

void ph_heap_check_gaps(const struct ph_heap *heap)
{
	uint64_t size = heap->pymalloc.pool;
	for (size_t i = 0; i < heap->pool_count; i++)
		if (is_of_wrong_arena(heap, i, size))
			ph_heap_note(heap, PH_FAULT_POOL_HEAD, heap->pools[i].address, "");
	for (size_t i = 0; i + 1 < heap->pool_count; i++) {
		const struct ph_pool *pool = &heap->pools[i], *next = pool + 1;
		ph_addr at = pool->address + size;
		/* what an arena's index says is not believed of pools that are further apart than it is large */
		if (pool->arena != next->arena || at >= next->address || (next->address - at) / size >= ARENA_POOLS)
			continue;
		while (ph_addrset_after(&heap->set, at - 1, &at) && at < next->address) {
			at &= ~(ph_addr)(size - 1);
			ph_heap_note(heap, PH_FAULT_POOL_HEAD, at, "");
			at += size;
		}
	}
}

void ph_pool_count(const struct ph_heap *heap, const struct ph_pool *pool, uint64_t in_use, uint64_t objects,
		   struct ph_heap_totals *totals)
{
	uint64_t size = heap->pymalloc.pool, room = (size - heap->pymalloc.header) / pool->block_size;
	totals->in_pools += objects;
	totals->object_bytes += objects * pool->block_size;
	totals->other_blocks += in_use - objects;
	totals->other_bytes += (in_use - objects) * pool->block_size;
	totals->free_blocks += room - in_use;
	totals->free_bytes += (room - in_use) * pool->block_size;
	totals->heads++;
	totals->head_bytes += size - room * pool->block_size;
}
