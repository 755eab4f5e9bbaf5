/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pools of pymalloc: struct pool_header in Objects/obmalloc.c (Include/internal/pycore_obmalloc.h since 3.12),
 * the same on 64-bit machines in 3.8 to 3.13:
 *	0 ref.count (4 bytes), 8 freeblock, 16 nextpool, 24 prevpool,
 *	32 arenaindex, 36 szidx, 40 nextoffset, 44 maxnextoffset (4 bytes each) */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "heap/heap.h"

#define SIZE_MAXIMUM 512 /* SMALL_REQUEST_THRESHOLD */
#define ARENA_POOLS 64	 /* in 256 KiB of 4 KiB and in 1 MiB of 16 KiB */
#define WINDOW ((ph_addr)4 << 20) /* pages behind it are given back */

struct header {
	uint64_t count, free_block, arena, size_index, next_offset, maximum_offset;
};

static struct header load_header(const struct ph_target *t, const uint8_t *data)
{
	bool big = t->layout.abi.big_endian;
	return (struct header){
		.count = ph_load_uint(data, 4, big),
		.free_block = ph_load_uint(data + 8, 8, big),
		.arena = ph_load_uint(data + 32, 4, big),
		.size_index = ph_load_uint(data + 36, 4, big),
		.next_offset = ph_load_uint(data + 40, 4, big),
		.maximum_offset = ph_load_uint(data + 44, 4, big),
	};
}

/* Everything in it agrees with everything else. */
static bool is_header(const struct header *h, ph_addr address, uint64_t pool_size, uint64_t *ret_block_size)
{
	/* aligned to 16 bytes since 3.8, to 8 before */
	uint64_t size = pool_size - h->maximum_offset, classes = h->size_index + 1;
	if (!size || size > SIZE_MAXIMUM || (size != classes * 16 && size != classes * 8) ||
	    h->next_offset < PH_POOL_HEADER || h->next_offset > pool_size || (h->next_offset - PH_POOL_HEADER) % size)
		return false;
	if (!h->count || h->count > (h->next_offset - PH_POOL_HEADER) / size)
		return false;
	if (h->free_block && (h->free_block < address + PH_POOL_HEADER || h->free_block >= address + pool_size ||
			      (h->free_block - address - PH_POOL_HEADER) % size))
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
	const struct ph_segment *segments;
	uint64_t pool_size = (uint64_t)ph_target_trait(t, PH_TRAIT_POOL_SIZE);
	size_t count = ph_image_segments(t->image, &segments);
	if (t->layout.abi.pointer_size != 8 || pool_size < 4096 || pool_size > 65536)
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
			struct header h = load_header(t, data);
			if (!is_header(&h, at, pool_size, &size))
				continue;
			struct ph_pool pool = {
				.address = at,
				.block_size = (uint32_t)size,
				.arena = (uint32_t)h.arena,
				.blocks = (uint16_t)((h.next_offset - PH_POOL_HEADER) / size),
				.used = (uint16_t)h.count,
			};
			struct ph_error *error = add_pool(heap, &pool, pool_size);
			if (error)
				return error;
		}
		ph_image_leave_pages(t->image, behind, end);
	}
	return NULL;
}

uint64_t ph_heap_guess_count(const struct ph_target *t)
{
	enum { EVERY = 64 };
	const struct ph_segment *segments;
	uint64_t pool_size = (uint64_t)ph_target_trait(t, PH_TRAIT_POOL_SIZE), step = pool_size * EVERY, used = 0;
	size_t count = ph_image_segments(t->image, &segments);
	if (t->layout.abi.pointer_size != 8 || pool_size < 4096 || pool_size > 65536)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (!segments[i].writable)
			continue;
		ph_addr end = segments[i].start + segments[i].file_size;
		ph_addr at = (segments[i].start + pool_size - 1) & ~(pool_size - 1);
		for (; at >= segments[i].start && at < end && end - at >= step; at += step) {
			const uint8_t *data = ph_image_view(t->image, at, pool_size);
			uint64_t size;
			struct header h = data ? load_header(t, data) : (struct header){ 0 };
			if (data && is_header(&h, at, pool_size, &size))
				used += (uint64_t)h.count;
		}
	}
	return used * EVERY * 3 / 4; /* others are dicts' keys, lists' items and the like */
}

bool ph_pool_free_blocks(const struct ph_heap *heap, const struct ph_pool *pool, const uint8_t *data,
			 uint64_t free_blocks[PH_POOL_BLOCKS / 64])
{
	bool big = heap->target->layout.abi.big_endian;
	uint64_t next = ph_load_uint(data + 8, 8, big);
	unsigned left = (unsigned)pool->blocks - pool->used;
	memset(free_blocks, 0, PH_POOL_BLOCKS / 8);
	while (next) {
		uint64_t offset = next - pool->address - PH_POOL_HEADER, index = offset / pool->block_size;
		if (next < pool->address + PH_POOL_HEADER || offset % pool->block_size || index >= pool->blocks ||
		    !left)
			return false;
		if (free_blocks[index / 64] >> index % 64 & 1)
			return false;
		free_blocks[index / 64] |= UINT64_C(1) << index % 64;
		left--;
		next = ph_load_uint(data + PH_POOL_HEADER + offset, 8, big);
	}
	return left == 0;
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
	uint64_t size = (uint64_t)ph_target_trait(heap->target, PH_TRAIT_POOL_SIZE);
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
