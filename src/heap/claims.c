/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose the blocks are that are in use and hold no object. */
#include "heap/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/addrmap.h"
#include "heap/roots.h"

#define LOOKED_THROUGH 65536 /* bytes of a block of unknown contents */
/* A claim is an address, 1 more where it is guessed, above the claiming object's place in its run. */
#define PLACE_BITS 16
#define PLACE_MASK ((1u << PLACE_BITS) - 1)

_Static_assert(PH_ACCOUNT_RUN == 1 << PLACE_BITS, "places fit");

static void push(struct ph_account *a, struct ph_account_stack *stack, ph_addr block)
{
	if (stack->count == stack->capacity) {
		size_t capacity = stack->capacity ? stack->capacity * 2 : 256;
		void *blocks = realloc(stack->blocks, capacity * sizeof(*stack->blocks));
		if (!blocks) {
			a->no_memory = true;
			return;
		}
		stack->blocks = blocks;
		stack->capacity = capacity;
	}
	stack->blocks[stack->count++] = block;
}

static void move(struct ph_account *a, enum ph_memory_kind from, enum ph_memory_kind to, uint64_t bytes)
{
	struct ph_memory_row *rows = a->memory.rows;
	rows[from].bytes -= bytes;
	rows[from].count--;
	rows[to].bytes += bytes;
	rows[to].count++;
	a->held += bytes;
}

void ph_account_claim(struct ph_account *a, ph_addr address, bool guessed)
{
	ph_addr block = address & ~(ph_addr)7;
	uint32_t size = (uint32_t)ph_heap_block_size(a->heap, block);
	uint64_t mi_size;
	ph_addr mi_block = size ? 0 : ph_account_mi_block(a, block, &mi_size);
	if (mi_block) {
		if (!ph_addrset_has(&a->blocks, mi_block))
			return;
		move(a, PH_MEMORY_MIMALLOC_OTHER, a->mi_kind, mi_size);
		block = mi_block;
	} else if (size) {
		/* most point to a block's start */
		if (!ph_addrset_has(&a->blocks, block)) {
			uint32_t within = (uint32_t)(block & (a->heap->pymalloc.pool - 1));
			if (within < a->heap->pymalloc.header)
				return;
			block -= (within - a->heap->pymalloc.header) % size;
			if (!ph_addrset_has(&a->blocks, block))
				return;
		}
		move(a, PH_MEMORY_POOL_OTHER, a->pool_kind, size);
	} else {
		/* what PYTHONMALLOC=debug puts before a block, two words for the domain of objects and two for the raw one that
		 * it asked, and a head of the gc: of frames that code keeps for its next call (co_zombieframe, up to 3.9) */
		for (unsigned i = 0; i < 8 && !ph_addrset_has(&a->blocks, block); i++)
			block -= 8; /* members of the set are multiples of it */
		/* behind a pool's last block, or a page's, that is what lies before */
		if (!ph_addrset_has(&a->blocks, block) || ph_heap_block_size(a->heap, block) ||
		    ph_account_mi_block(a, block, &mi_size) || address - block >= ph_account_chunk_size(a, block))
			return;
		move(a, PH_MEMORY_MALLOC_OTHER, a->malloc_kind, ph_account_chunk_size(a, block));
	}
	ph_addrset_remove(&a->blocks, block);
	if (guessed)
		push(a, &a->stack, block);
}

/* What nobody counts as a reference keeps something alive all the same: numpy's tables, the parser's list of what it
 * made. */
static void note_ref(struct ph_account *a, ph_addr block, ph_addr object)
{
	if (a->now.from == PH_FROM_FREED || !ph_addrset_has(&a->heap->set, object) ||
	    a->ref_count == PH_NATIVE_REFS_MAXIMUM)
		return;
	if (a->ref_count == a->ref_capacity) {
		size_t capacity = a->ref_capacity ? a->ref_capacity * 2 : 256;
		void *refs = realloc(a->refs, capacity * sizeof(*a->refs));
		if (!refs) {
			a->no_memory = true;
			return;
		}
		a->refs = refs;
		a->ref_capacity = capacity;
	}
	a->now.object = object;
	a->now.block = block;
	a->refs[a->ref_count++] = a->now;
}

static uint64_t block_size(struct ph_account *a, ph_addr block)
{
	uint64_t size = ph_heap_block_size(a->heap, block);
	if (size || ph_account_mi_block(a, block, &size))
		return size;
	return ph_account_chunk_size(a, block);
}

/* What claimed blocks point to.  Freed ones come last of all: what else leads there is to have it. */
static void drain(struct ph_account *a)
{
	while (a->stack.count && !a->no_memory) {
		ph_addr block = a->stack.blocks[--a->stack.count], word;
		uint64_t size = block_size(a, block), width = a->target->layout.abi.pointer_size;
		if (a->now.from != PH_FROM_FREED && ph_account_is_freed(a, block, size)) {
			push(a, &a->freed, block);
			continue;
		}
		for (uint64_t at = 0; at + width <= size && at < LOOKED_THROUGH; at += width)
			if (ph_target_read_ptr(a->target, block + at, &word) == PH_OK && word && !(word & (width - 1))) {
				note_ref(a, block, word);
				ph_account_claim(a, word, true);
			}
	}
}

/* ---- objects ---- */

static struct ph_type_held *type_of(struct ph_account *a, const struct ph_shape *shape)
{
	ph_addr type = shape->type->address;
	const uint64_t *known = ph_addrmap_find(&a->type_index, type);
	size_t at = known ? (size_t)*known - 1 : a->type_count;
	if (known)
		return &a->types[at];
	if (a->type_count == a->type_capacity) {
		size_t capacity = a->type_capacity ? a->type_capacity * 2 : 256;
		void *types = realloc(a->types, capacity * sizeof(*a->types));
		if (!types)
			return NULL;
		a->types = types;
		a->type_capacity = capacity;
	}
	if (!ph_addrmap_set(&a->type_index, type, at + 1, false))
		return NULL;
	a->types[a->type_count++] = (struct ph_type_held){ .shape = shape };
	return &a->types[at];
}

void ph_account_type(struct ph_account *a, const struct ph_shape *shape, uint64_t count, uint64_t bytes)
{
	struct ph_type_held *held = type_of(a, shape);
	if (!held) {
		a->no_memory = true;
		return;
	}
	held->shape = shape;
	held->count += count;
	held->held += bytes;
}

/* Its block or chunk; in a module's data none that could be given back. */
uint64_t ph_claims_own(struct ph_claims *c, const struct ph_shape *shape, ph_addr object)
{
	const struct ph_account *a = c->account;
	uint64_t pooled = ph_heap_block_size(a->heap, object);
	if (pooled)
		return pooled;
	if (ph_mimalloc_page(&a->heap->mimalloc, object))
		return ph_account_mi_object(a, object);
	if (ph_addrset_has(&a->chunk_objects, object))
		return ph_account_chunk_size(a, object - ph_object_front(shape, object));
	const uint64_t *odd = a->odd_objects.count ? ph_addrmap_find(&a->odd_objects, object) : NULL;
	if (odd)
		return *odd;
	if (ph_account_is_known(a, object))
		return 0;
	int64_t size = ph_object_size(shape, object);
	c->mapped.bytes += size > 0 ? (uint64_t)size : 0;
	c->mapped.count++;
	return size > 0 ? (uint64_t)size : 0;
}

static void grow(struct ph_claims *c)
{
	size_t capacity = c->capacity ? c->capacity * 2 : 4096;
	void *list = realloc(c->list, capacity * sizeof(*c->list));
	if (!list) {
		c->no_memory = true;
		return;
	}
	c->list = list;
	c->capacity = capacity;
}

void ph_claims_put(struct ph_claims *c, size_t place, ph_addr block, bool guessed)
{
	if (block >> (64 - PLACE_BITS))
		return;
	if (c->count == c->capacity)
		grow(c);
	if (c->count < c->capacity)
		c->list[c->count++] = ((block & ~(ph_addr)7) | guessed) << PLACE_BITS | place;
}

static void put_claim(void *user, ph_addr block, bool guessed)
{
	struct ph_claims *c = user;
	ph_claims_put(c, c->place, block, guessed);
}

uint64_t ph_claims_take(struct ph_claims *c, const struct ph_shape *shape, ph_addr object, size_t place)
{
	const struct ph_block_sink sink = { .block = put_claim, .user = c };
	if (shape->blocks || shape->managed_dict) {
		c->place = (uint16_t)place;
		ph_object_blocks(shape, object, &sink);
	}
	return ph_claims_own(c, shape, object);
}

/* The first that claims a block has it. */
static void settle(struct ph_account *a, const struct ph_claims *c, int64_t *held)
{
	enum { AHEAD = 16 };
	for (size_t i = 0; i < c->count && !a->no_memory; i++) {
		ph_addr block = c->list[i] >> PLACE_BITS;
		if (i + AHEAD < c->count)
			ph_addrset_prefetch(&a->blocks, c->list[i + AHEAD] >> PLACE_BITS);
		a->held = 0;
		ph_account_claim(a, block, block & 1);
		if (a->stack.count) {
			ph_addr holder = c->objects ? c->objects[c->list[i] & PLACE_MASK] : 0;
			a->now = (struct ph_native_ref){ .from = PH_FROM_OBJECT, .origin = holder };
			drain(a);
		}
		held[c->list[i] & PLACE_MASK] += (int64_t)a->held;
	}
}

void ph_account_submit(struct ph_account *a, uint64_t number, struct ph_claims *c, int64_t *held)
{
	pthread_mutex_lock(&a->lock);
	while (a->next_run != number && !a->stopped)
		pthread_cond_wait(&a->moved, &a->lock);
	if (!a->stopped) {
		a->mapped.bytes += c->mapped.bytes;
		a->mapped.count += c->mapped.count;
		a->no_memory |= c->no_memory;
		settle(a, c, held);
		a->next_run++;
		pthread_cond_broadcast(&a->moved);
	}
	pthread_mutex_unlock(&a->lock);
	free(c->list);
	*c = (struct ph_claims){ .account = a };
}

void ph_account_stop(struct ph_account *a)
{
	pthread_mutex_lock(&a->lock);
	a->stopped = true;
	pthread_cond_broadcast(&a->moved);
	pthread_mutex_unlock(&a->lock);
}

/* What there is of a run, as of threads' units, by type. */
struct run {
	uint64_t number;
	size_t count;
	const struct ph_shape *shapes[PH_ACCOUNT_RUN];
	int64_t held[PH_ACCOUNT_RUN];
};

static void end_run(struct ph_account *a, struct run *run, struct ph_claims *claims)
{
	ph_account_submit(a, run->number++, claims, run->held);
	for (size_t i = 0; i < run->count; i++)
		ph_account_type(a, run->shapes[i], 1, (uint64_t)run->held[i]);
	run->count = 0;
}

void ph_account_objects(struct ph_account *a)
{
	struct ph_addrset_iter iter = { .set = &a->heap->set };
	struct ph_claims claims = { .account = a };
	ph_addr object, behind = 0;
	struct run *run = calloc(1, sizeof(*run));
	a->no_memory |= !run;
	while (!a->no_memory && ph_addrset_next(&iter, &object)) {
		ph_account_leave(a, &behind, object);
		const struct ph_shape *shape = ph_heap_shape(a->heap, object);
		if (!shape)
			continue;
		run->shapes[run->count] = shape;
		run->held[run->count] = (int64_t)ph_claims_take(&claims, shape, object, run->count);
		if (++run->count == PH_ACCOUNT_RUN)
			end_run(a, run, &claims);
	}
	if (run)
		end_run(a, run, &claims);
	free(run);
}

/* ---- others ---- */

static void claim_words(struct ph_account *a, ph_addr start, ph_addr end)
{
	uint64_t width = a->target->layout.abi.pointer_size;
	ph_addr word;
	for (ph_addr at = (start + width - 1) & ~(width - 1); at + width <= end; at += width) {
		if (ph_target_read_ptr(a->target, at, &word) != PH_OK)
			at |= 4095 & ~(width - 1);
		else if (word && !(word & (width - 1)))
			ph_account_claim(a, word, true);
		a->now.origin = at;
		if (a->stack.count)
			drain(a);
	}
}

/* The syntax tree of a script that runs is a PyArena, which pyrun_file() in Python/pythonrun.c has on its stack. */
static void claim_stacks(struct ph_account *a)
{
	const struct ph_native_thread *threads;
	size_t count = ph_image_threads(a->target->image, &threads);
	for (size_t i = 0; i < count; i++) {
		a->now = (struct ph_native_ref){ .from = PH_FROM_STACK, .thread = (uint32_t)i };
		if (threads[i].has_registers)
			claim_words(a, threads[i].sp, ph_native_stack_end(a->target, &threads[i]));
	}
}

static void claim_states(struct ph_account *a)
{
	const struct ph_interp_state *interps;
	const struct ph_thread_state *threads;
	size_t count = a->runtime ? ph_runtime_interpreters(a->runtime, &interps) : 0;
	for (size_t i = 0; i < count; i++) {
		a->now = (struct ph_native_ref){ .from = PH_FROM_INTERPRETER, .thread = (uint32_t)i };
		claim_words(a, interps[i].address,
			    interps[i].address + ph_target_sizeof(a->target, PH_SIZEOF_PyInterpreterState));
	}
	count = a->runtime ? ph_runtime_threads(a->runtime, &threads) : 0;
	for (size_t i = 0; i < count; i++) {
		a->now = (struct ph_native_ref){ .from = PH_FROM_THREAD, .thread = (uint32_t)i };
		claim_words(a, threads[i].address,
			    threads[i].address + ph_target_sizeof(a->target, PH_SIZEOF_PyThreadState));
	}
}

void ph_account_natives(struct ph_account *a)
{
	if (a->natives_done)
		return;
	a->natives_done = true;
	a->pool_kind = PH_MEMORY_POOL_NATIVE;
	a->malloc_kind = PH_MEMORY_MALLOC_NATIVE;
	a->mi_kind = PH_MEMORY_MIMALLOC_NATIVE;
	a->now = (struct ph_native_ref){ .from = PH_FROM_DATA };
	for (size_t i = 0; i < a->extent_count; i++)
		if (a->extents[i].use == PH_USE_MODULE_DATA)
			claim_words(a, a->extents[i].start, a->extents[i].end);
	claim_states(a);
	claim_stacks(a);
	a->now = (struct ph_native_ref){ .from = PH_FROM_FREED };
	while (a->freed.count && !a->no_memory) {
		push(a, &a->stack, a->freed.blocks[--a->freed.count]);
		drain(a);
	}
}

static int by_held(const void *x, const void *y)
{
	const struct ph_type_held *a = x, *b = y;
	if (a->held != b->held)
		return a->held < b->held ? 1 : -1;
	ph_addr s = a->shape->type->address, t = b->shape->type->address;
	return s < t ? -1 : s > t;
}

void ph_account_keep_types(struct ph_account *a)
{
	struct ph_memory *m = &a->memory;
	size_t count = a->type_count < PH_MEMORY_TYPES ? a->type_count : PH_MEMORY_TYPES;
	if (a->type_count)
		qsort(a->types, a->type_count, sizeof(*a->types), by_held);
	m->types = ph_arena_array(&m->arena, struct ph_memory_type, count ? count : 1);
	a->no_memory |= !m->types;
	for (size_t i = 0; m->types && i < count; i++) {
		const struct ph_type *type = a->types[i].shape->type;
		m->types[m->type_count++] = (struct ph_memory_type){
			.name = ph_arena_strdup(&m->arena, type->name),
			.module = ph_arena_strdup(&m->arena, type->module),
			.count = a->types[i].count,
			.held = a->types[i].held,
		};
	}
}
