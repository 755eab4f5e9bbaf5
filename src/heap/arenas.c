/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arenas of pymalloc, and the blocks of its pools.  The array of struct arena_object (Objects/obmalloc.c,
 * pycore_obmalloc.h) hangs off a local variable, or off the interpreter: it is the one whose entries agree with the
 * pools. */
#include "heap/memory.h"

#include <stdlib.h>

#include "base/cursor.h"

#define ARENAS_MAXIMUM (1u << 24)
#define RANGES 64

static bool arena_at(const struct ph_account *a, ph_addr array, uint64_t index, ph_addr *ret)
{
	const struct ph_target *t = a->target;
	const struct ph_slot *slots = t->layout.slots;
	bool big = t->layout.abi.big_endian;
	size_t size = ph_target_sizeof(t, PH_SIZEOF_arena_object);
	const uint8_t *data = ph_image_view(t->image, array + index * size, size);
	if (!data)
		return false;
	ph_addr address = ph_load_uint(data + slots[PH_arena_object_address].offset, a->heap->pymalloc.word, big);
	uint64_t pools = ph_load_uint(data + slots[PH_arena_object_ntotalpools].offset, 4, big);
	uint64_t free_pools = ph_load_uint(data + slots[PH_arena_object_nfreepools].offset, 4, big);
	uint64_t most = a->heap->pymalloc.arena / a->heap->pymalloc.pool;
	*ret = address;
	return !address || (!(address & 4095) && pools && pools <= most && free_pools <= pools);
}

static bool is_array(const struct ph_account *a, ph_addr array)
{
	const struct ph_heap *heap = a->heap;
	uint64_t size = heap->pymalloc.arena;
	const size_t samples[] = { 0, heap->pool_count / 2, heap->pool_count - 1 };
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		const struct ph_pool *pool = &heap->pools[samples[i]];
		ph_addr address;
		if (!arena_at(a, array, pool->arena, &address) || !address || pool->address < address ||
		    pool->address - address >= size)
			return false;
	}
	return true;
}

static ph_addr find_array(const struct ph_account *a)
{
	ph_addr width = a->target->layout.abi.pointer_size;
	const struct ph_target *t = a->target;
	struct ph_segment ranges[RANGES];
	size_t count = t->module ? ph_image_writable_ranges(t->image, t->module, ranges, RANGES) : 0;
	for (size_t i = 0; i < count; i++)
		for (ph_addr at = (ranges[i].start + width - 1) & ~(width - 1); at + width <= ranges[i].end;
		     at += width) {
			ph_addr word;
			if (ph_target_read_ptr(t, at, &word) != PH_OK) {
				at |= 4095 & ~(width - 1);
				continue;
			}
			if (word > 65536 && !(word & (width - 1)) && !(word >> 48) && is_array(a, word))
				return word;
		}
	return 0;
}

/* Pools of no known arena (another interpreter's): what lies between the first and the last of each. */
static void infer(struct ph_account *a)
{
	uint64_t pool_size = a->heap->pymalloc.pool, size = a->heap->pymalloc.arena;
	size_t known = a->extent_count, at = 0;
	for (size_t i = 0; i < a->heap->pool_count;) {
		const struct ph_pool *pool = &a->heap->pools[i];
		while (at < known && a->extents[at].end <= pool->address)
			at++;
		if (at < known && a->extents[at].start <= pool->address) {
			i++;
			continue;
		}
		ph_addr end = pool->address + pool_size;
		for (i++; i < a->heap->pool_count && a->heap->pools[i].arena == pool->arena &&
			  a->heap->pools[i].address - pool->address < size &&
			  (at == known || a->heap->pools[i].address < a->extents[at].start);
		     i++)
			end = a->heap->pools[i].address + pool_size;
		ph_account_extent(a, pool->address, end, PH_USE_ARENA);
	}
}

static int compare_extents(const void *x, const void *y)
{
	const struct ph_area *a = x, *b = y;
	return a->start < b->start ? -1 : a->start > b->start;
}

void ph_account_arenas(struct ph_account *a)
{
	ph_addr array = a->heap->pool_count ? find_array(a) : 0, address;
	uint64_t size = a->heap->pymalloc.arena, last = 0;
	for (size_t i = 0; array && i < a->heap->pool_count; i++)
		if (a->heap->pools[i].arena > last)
			last = a->heap->pools[i].arena;
	/* entries beyond are of arenas without a pool in use, as far as they look like it */
	for (uint64_t i = 0; array && i < ARENAS_MAXIMUM && arena_at(a, array, i, &address); i++) {
		if (!address && i > last)
			break;
		if (address && ph_image_is_mapped(a->target->image, address))
			ph_account_extent(a, address, address + size, PH_USE_ARENA);
	}
	if (a->extent_count)
		qsort(a->extents, a->extent_count, sizeof(*a->extents), compare_extents);
	infer(a);
}

/* An object in a block lies behind what precedes it: two words of a pre-header, the head, the debug allocator's. */
static bool holds_object(const struct ph_addrset *set, ph_addr block, uint64_t size)
{
	for (ph_addr at = block; at < block + size && at < block + 80; at += ph_addrset_low_bits(set) + 1)
		if (ph_addrset_has(set, at))
			return true;
	return false;
}

/* As the sweep over pools has found them. */
static void take_blocks(struct ph_account *a)
{
	const struct ph_heap_totals *totals = &a->heap->totals;
	struct ph_memory_row *rows = a->memory.rows;
	a->blocks = a->heap->blocks;
	a->heap->blocks = (struct ph_addrset){ 0 };
	a->heap->has_blocks = false;
	rows[PH_MEMORY_POOL_OBJECTS] = (struct ph_memory_row){ totals->object_bytes, totals->in_pools };
	rows[PH_MEMORY_POOL_OTHER] = (struct ph_memory_row){ totals->other_bytes, totals->other_blocks };
	rows[PH_MEMORY_POOL_FREE] = (struct ph_memory_row){ totals->free_bytes, totals->free_blocks };
	rows[PH_MEMORY_POOL_OVERHEAD] = (struct ph_memory_row){ totals->head_bytes, totals->heads };
}

void ph_account_pools(struct ph_account *a)
{
	if (a->heap->has_blocks) {
		take_blocks(a);
		return;
	}
	struct ph_memory_row *rows = a->memory.rows;
	uint64_t pool_size = a->heap->pymalloc.pool, header = a->heap->pymalloc.header;
	uint64_t free_blocks[PH_POOL_BLOCKS / 64];
	ph_addr behind = 0;
	for (size_t i = 0; i < a->heap->pool_count; i++) {
		const struct ph_pool *pool = &a->heap->pools[i];
		ph_account_leave(a, &behind, pool->address);
		uint64_t room = (pool_size - header) / pool->block_size;
		const uint8_t *data = ph_image_view(a->target->image, pool->address, pool_size);
		if (!data)
			continue;
		(void)ph_pool_free_blocks(a->heap, pool, data, free_blocks);
		rows[PH_MEMORY_POOL_OVERHEAD].bytes += pool_size - room * pool->block_size;
		rows[PH_MEMORY_POOL_OVERHEAD].count++;
		for (uint64_t j = 0; j < room; j++) {
			ph_addr block = pool->address + header + j * pool->block_size;
			enum ph_memory_kind kind = PH_MEMORY_POOL_OTHER;
			if (j >= pool->blocks || free_blocks[j / 64] >> j % 64 & 1)
				kind = PH_MEMORY_POOL_FREE;
			else if (holds_object(&a->heap->set, block, pool->block_size))
				kind = PH_MEMORY_POOL_OBJECTS;
			else
				(void)ph_addrset_add(&a->blocks, block);
			rows[kind].bytes += pool->block_size;
			rows[kind].count++;
		}
	}
}
