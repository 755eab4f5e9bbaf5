/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose the blocks are that are in use and hold no object. */
#include "heap/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/addrmap.h"

#define LOOKED_THROUGH 65536 /* bytes of a block of unknown contents */
#define RANGES 64

static void push(struct ph_account *a, ph_addr block)
{
	if (a->stack_count == a->stack_capacity) {
		size_t capacity = a->stack_capacity ? a->stack_capacity * 2 : 256;
		void *stack = realloc(a->stack, capacity * sizeof(*a->stack));
		if (!stack) {
			a->no_memory = true;
			return;
		}
		a->stack = stack;
		a->stack_capacity = capacity;
	}
	a->stack[a->stack_count++] = block;
}

static void move(struct ph_account *a, enum ph_memory_kind from, enum ph_memory_kind to, uint64_t bytes)
{
	struct ph_memory_row *rows = a->memory->rows;
	rows[from].bytes -= bytes;
	rows[from].count--;
	rows[to].bytes += bytes;
	rows[to].count++;
	a->held += bytes;
}

void ph_account_claim(struct ph_account *a, ph_addr address, bool guessed)
{
	enum { DEBUG_HEADER = 16 }; /* what PYTHONMALLOC=debug puts before a block */
	ph_addr block = address & ~(ph_addr)7;
	if (ph_addrset_page(&a->heap->set, block)) {
		const struct ph_pool *pool = ph_account_pool(a, block);
		if (!pool || block < pool->address + PH_POOL_HEADER)
			return;
		block -= (block - pool->address - PH_POOL_HEADER) % pool->block_size;
		if (!ph_addrset_has(&a->blocks, block))
			return;
		move(a, PH_MEMORY_POOL_OTHER, a->pool_kind, pool->block_size);
	} else {
		/* one for the domain of objects, and one for the raw one that it asked */
		for (unsigned i = 0; i < 2 && !ph_addrset_has(&a->blocks, block); i++)
			block -= DEBUG_HEADER;
		if (!ph_addrset_has(&a->blocks, block))
			return;
		move(a, PH_MEMORY_MALLOC_OTHER, a->malloc_kind, ph_account_chunk_size(a, block));
	}
	ph_addrset_remove(&a->blocks, block);
	if (guessed)
		push(a, block);
}

static uint64_t block_size(struct ph_account *a, ph_addr block)
{
	const struct ph_pool *pool = ph_addrset_page(&a->heap->set, block) ? ph_account_pool(a, block) : NULL;
	return pool ? pool->block_size : ph_account_chunk_size(a, block);
}

/* What claimed blocks point to. */
static void drain(struct ph_account *a)
{
	while (a->stack_count && !a->no_memory) {
		ph_addr block = a->stack[--a->stack_count], word;
		uint64_t size = block_size(a, block), width = a->target->layout.abi.pointer_size;
		for (uint64_t at = 0; at + width <= size && at < LOOKED_THROUGH; at += width)
			if (ph_target_read_ptr(a->target, block + at, &word) == PH_OK && word && !(word & 7))
				ph_account_claim(a, word, true);
	}
}

static void claim_block(void *user, ph_addr address, bool guessed)
{
	ph_account_claim(user, address, guessed);
}

struct types {
	struct ph_addrmap index; /* address -> index + 1 */
	struct ph_type_held *list;
	size_t count, capacity;
	const struct ph_shape *last;
	struct ph_type_held *last_held;
};

static struct ph_type_held *type_of(struct types *types, const struct ph_shape *shape)
{
	if (types->last == shape)
		return types->last_held;
	const uint64_t *known = ph_addrmap_find(&types->index, shape->type->address);
	size_t at = known ? (size_t)*known - 1 : types->count;
	if (!known) {
		if (types->count == types->capacity) {
			size_t capacity = types->capacity ? types->capacity * 2 : 256;
			void *list = realloc(types->list, capacity * sizeof(*types->list));
			if (!list)
				return NULL;
			types->list = list;
			types->capacity = capacity;
		}
		if (!ph_addrmap_set(&types->index, shape->type->address, at + 1, false))
			return NULL;
		types->list[types->count++] = (struct ph_type_held){ .shape = shape };
	}
	types->last = shape;
	return types->last_held = &types->list[at];
}

/* Bytes that the object itself takes: its block or chunk; in a module's data none that could be given back. */
static uint64_t own_bytes(struct ph_account *a, const struct ph_shape *shape, ph_addr object)
{
	const struct ph_pool *pool = ph_addrset_page(&a->heap->set, object) ? ph_account_pool(a, object) : NULL;
	if (pool)
		return pool->block_size;
	if (ph_addrset_has(&a->chunk_objects, object))
		return ph_account_chunk_size(a, object - ph_object_front(shape, object));
	const uint64_t *odd = a->odd_objects.count ? ph_addrmap_find(&a->odd_objects, object) : NULL;
	if (odd)
		return *odd;
	if (ph_account_is_known(a, object))
		return 0;
	int64_t size = ph_object_size(shape, object);
	a->mapped.bytes += size > 0 ? (uint64_t)size : 0;
	a->mapped.count++;
	return size > 0 ? (uint64_t)size : 0;
}

static void claim_of_objects(struct ph_account *a, struct types *types)
{
	struct ph_addrset_iter iter = { .set = &a->heap->set };
	struct ph_block_sink sink = { .block = claim_block, .user = a };
	ph_addr object, behind = 0;
	a->pool_kind = PH_MEMORY_POOL_OWNED;
	a->malloc_kind = PH_MEMORY_MALLOC_OWNED;
	while (!a->no_memory && ph_addrset_next(&iter, &object)) {
		ph_account_leave(a, &behind, object);
		const struct ph_shape *shape = ph_heap_shape(a->heap, object);
		struct ph_type_held *held = shape ? type_of(types, shape) : NULL;
		if (!held) {
			a->no_memory |= shape != NULL;
			continue;
		}
		a->held = own_bytes(a, shape, object);
		if (shape->blocks || shape->managed_dict)
			ph_object_blocks(shape, object, &sink);
		if (a->stack_count)
			drain(a);
		held->count++;
		held->held += a->held;
	}
}

static void claim_words(struct ph_account *a, ph_addr start, ph_addr end)
{
	uint64_t width = a->target->layout.abi.pointer_size;
	ph_addr word;
	for (ph_addr at = (start + width - 1) & ~(width - 1); at + width <= end; at += width) {
		if (ph_target_read_ptr(a->target, at, &word) != PH_OK)
			at |= 4095 & ~(width - 1);
		else if (word && !(word & 7))
			ph_account_claim(a, word, true);
		if (a->stack_count)
			drain(a);
	}
}

/* What the data of modules, interpreters and thread states point to. */
static void claim_of_natives(struct ph_account *a)
{
	const struct ph_module *modules;
	const struct ph_interp_state *interps;
	const struct ph_thread_state *threads;
	struct ph_segment ranges[RANGES];
	size_t count = ph_image_modules(a->target->image, &modules);
	a->pool_kind = PH_MEMORY_POOL_NATIVE;
	a->malloc_kind = PH_MEMORY_MALLOC_NATIVE;
	for (size_t i = 0; i < count; i++) {
		size_t n = ph_image_writable_ranges(a->target->image, &modules[i], ranges, RANGES);
		for (size_t j = 0; j < n; j++)
			claim_words(a, ranges[j].start, ranges[j].end);
	}
	count = a->runtime ? ph_runtime_interpreters(a->runtime, &interps) : 0;
	for (size_t i = 0; i < count; i++)
		claim_words(a, interps[i].address,
			    interps[i].address + ph_target_sizeof(a->target, PH_SIZEOF_PyInterpreterState));
	count = a->runtime ? ph_runtime_threads(a->runtime, &threads) : 0;
	for (size_t i = 0; i < count; i++)
		claim_words(a, threads[i].address,
			    threads[i].address + ph_target_sizeof(a->target, PH_SIZEOF_PyThreadState));
}

static int by_held(const void *x, const void *y)
{
	const struct ph_type_held *a = x, *b = y;
	if (a->held != b->held)
		return a->held < b->held ? 1 : -1;
	ph_addr s = a->shape->type->address, t = b->shape->type->address;
	return s < t ? -1 : s > t;
}

static void keep_types(struct ph_account *a, struct types *types)
{
	struct ph_memory *m = a->memory;
	size_t count = types->count < PH_MEMORY_TYPES ? types->count : PH_MEMORY_TYPES;
	if (types->count)
		qsort(types->list, types->count, sizeof(*types->list), by_held);
	m->types = ph_arena_array(&m->arena, struct ph_memory_type, count ? count : 1);
	a->no_memory |= !m->types;
	for (size_t i = 0; m->types && i < count; i++) {
		const struct ph_type *type = types->list[i].shape->type;
		m->types[m->type_count++] = (struct ph_memory_type){
			.name = ph_arena_strdup(&m->arena, type->name),
			.module = ph_arena_strdup(&m->arena, type->module),
			.count = types->list[i].count,
			.held = types->list[i].held,
		};
	}
}

void ph_account_owners(struct ph_account *a)
{
	struct types types = { 0 };
	claim_of_objects(a, &types);
	claim_of_natives(a);
	keep_types(a, &types);
	a->no_memory |= a->blocks.no_memory;
	ph_addrmap_deinit(&types.index);
	free(types.list);
	free(a->stack);
	a->stack = NULL;
}
