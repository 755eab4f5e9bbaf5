/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sweep over pools and the closure over references. */
#include "heap/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/callbacks.h"
#include "base/cursor.h"

#define CACHE_SIZE 1024 /* types that were asked for last; a power of two */
#define EDGES 1024
#define WINDOW ((ph_addr)32 << 20) /* pages behind it are given back */
#define REFCOUNT_MASK UINT64_C(0xffffffff)
/* never set in a count: what has them is a pointer; above them are flags (since 3.14) */
#define REFCOUNT_NOT (UINT64_C(0xfffe) << 32)

struct ph_heap_work {
	ph_addr *stack; /* objects outside of pools that were not yet walked */
	size_t stack_count, stack_capacity;
	bool no_memory;
	struct {
		ph_addr type;
		const struct ph_shape *shape;
	} cache[CACHE_SIZE];
	struct ph_edge edges[EDGES];
	struct ph_edge_sink sink;
};

/* Types are larger than any block of a pool. */
static const struct ph_shape *shape_of_type(struct ph_heap *heap, ph_addr type)
{
	struct ph_heap_work *w = heap->work;
	size_t slot = (type >> 4 ^ type >> 14) & (CACHE_SIZE - 1);
	if (w && w->cache[slot].type == type)
		return w->cache[slot].shape;
	if (type < 4096 || type & 7 || type >> 48 || ph_addrset_page(&heap->set, type))
		return NULL;
	const struct ph_shape *shape = ph_shape_get(heap->objects, type);
	if (w) {
		w->cache[slot].type = type;
		w->cache[slot].shape = shape;
	}
	return shape;
}

const struct ph_shape *ph_heap_shape(struct ph_heap *heap, ph_addr object)
{
	ph_addr type;
	return ph_target_ptr(heap->target, object, PH_PyObject_ob_type, &type) == PH_OK ? shape_of_type(heap, type) : NULL;
}

/* The type of what could be an object's head; NULL when it is none. */
static const struct ph_shape *shape_of_head(struct ph_heap *heap, const uint8_t *head)
{
	const struct ph_layout *layout = &heap->target->layout;
	const struct ph_slot *type = &layout->slots[PH_PyObject_ob_type];
	const struct ph_slot *count = &layout->slots[PH_PyObject_ob_refcnt];
	const struct ph_shape *shape =
		shape_of_type(heap, ph_load_uint(head + type->offset, type->size, layout->abi.big_endian));
	if (!shape || !ph_layout_has(layout, PH_PyObject_ob_refcnt))
		return shape;
	/* on a free list of its type, or no object at all */
	uint64_t references = ph_load_uint(head + count->offset, count->size, layout->abi.big_endian);
	return references & REFCOUNT_MASK && !(references & REFCOUNT_NOT) ? shape : NULL;
}

/* Bytes that an object takes at least; a str is smaller than its type says, a date without a zone by a word. */
static uint64_t least_size(const struct ph_heap *heap, const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = heap->target;
	uint64_t size = shape->size;
	int64_t count;
	if (shape->type->kind == PH_KIND_STR)
		return ph_target_sizeof(t, PH_SIZEOF_PyASCIIObject);
	/* since 3.11 frames have items and no ob_size: f_back is in its place (Include/internal/pycore_frame.h) */
	if (shape->type->kind == PH_KIND_FRAME && ph_target_has(t, PH_PyFrameObject_f_frame))
		return size;
	if (shape->item_size && shape->type->kind != PH_KIND_INT && shape->type->kind != PH_KIND_GENERATOR &&
	    ph_target_int(t, object, PH_PyVarObject_ob_size, &count) == PH_OK) {
		if (count < 0 || count >> 32)
			return UINT64_MAX;
		return size + (uint64_t)count * shape->item_size;
	}
	return size > t->layout.abi.pointer_size ? size - t->layout.abi.pointer_size : size;
}

/* What PYTHONMALLOC=debug, the default of debug builds, puts before the bytes that were asked for: their number, a letter
 * and bytes that nothing may change (Objects/obmalloc.c). */
static size_t debug_padding(const uint8_t *data, uint32_t block_size)
{
	static const uint8_t forbidden[7] = { 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd };
	static const uint8_t old_forbidden[7] = { 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb };
	bool padded = block_size > 16 && (!memcmp(data + 9, forbidden, 7) || !memcmp(data + 9, old_forbidden, 7));
	return padded ? 16 : 0;
}

/* The object in a block, behind what precedes it; 0 when it is none. */
static ph_addr object_in_block(struct ph_heap *heap, ph_addr block, const uint8_t *data, uint32_t block_size,
			       const struct ph_shape **ret)
{
	size_t gc = ph_target_sizeof(heap->target, PH_SIZEOF_PyGC_Head);
	size_t head = ph_target_sizeof(heap->target, PH_SIZEOF_PyObject);
	/* a head of the gc is taken for no type; an int's digits may be */
	const size_t fronts[] = { 0, gc, gc + 2u * heap->target->layout.abi.pointer_size };
	size_t padding = debug_padding(data, block_size);
	block += padding, data += padding, block_size -= (uint32_t)padding;
	for (size_t i = 0; i < sizeof(fronts) / sizeof(*fronts); i++) {
		size_t front = fronts[i];
		if (front + head > block_size)
			continue;
		const struct ph_shape *shape = shape_of_head(heap, data + front);
		if (!shape || ph_object_front(shape, block + front) != front)
			continue;
		uint64_t least = least_size(heap, shape, block + front);
		if (least > block_size || front + least > block_size)
			continue;
		*ret = shape;
		return block + front;
	}
	return 0;
}

static void push(struct ph_heap_work *w, ph_addr object)
{
	if (w->stack_count == w->stack_capacity) {
		size_t capacity = w->stack_capacity ? w->stack_capacity * 2 : 4096;
		void *stack = realloc(w->stack, capacity * sizeof(*w->stack));
		if (!stack) {
			w->no_memory = true;
			return;
		}
		w->stack = stack;
		w->stack_capacity = capacity;
	}
	w->stack[w->stack_count++] = object;
}

/* Something refers to it: is it an object outside of the pools? */
static void meet(struct ph_heap *heap, ph_addr address)
{
	if (!address || address & 7 || address >> 48)
		return;
	const struct ph_addrset_window *w = ph_addrset_get(&heap->set, address);
	if (w && (w->pages[address >> 18 & 3] >> (address >> 12 & 63) & 1 ||
		  w->bits[address >> 9 & (PH_WINDOW_WORDS - 1)] >> (address >> 3 & 63) & 1))
		return;
	const uint8_t *head = ph_image_look(heap->target->image, address, ph_target_sizeof(heap->target, PH_SIZEOF_PyObject));
	const struct ph_shape *shape = head ? shape_of_head(heap, head) : NULL;
	if (!shape)
		return;
	uint64_t least = least_size(heap, shape, address);
	if (least >> 40 || ph_image_readable(heap->target->image, address, least) < least)
		return;
	if (ph_addrset_add(&heap->set, address)) {
		heap->totals.outside++;
		push(heap->work, address);
	}
}

static void meet_edges(struct ph_edge_sink *sink)
{
	struct ph_heap *heap = sink->user;
	for (size_t i = 0; i < sink->count; i++)
		meet(heap, sink->edges[i].target);
	sink->count = 0;
}

/* The neighbours in its list of the garbage collector. */
static void meet_neighbours(struct ph_heap *heap, ph_addr gc_head)
{
	ph_addr next, prev;
	if (!ph_gc_links(heap->target, gc_head, &next, &prev))
		return;
	meet(heap, next);
	meet(heap, prev);
}

static void walk(struct ph_heap *heap, const struct ph_shape *shape, ph_addr object)
{
	ph_addr next, prev;
	meet(heap, shape->type->address);
	ph_traverse(shape, object, &heap->work->sink);
	if (ph_object_is_tracked(shape, object, &next, &prev)) {
		meet(heap, next);
		meet(heap, prev);
	}
}

static void drain(struct ph_heap *heap)
{
	struct ph_heap_work *w = heap->work;
	for (;;) {
		if (w->sink.count)
			meet_edges(&w->sink);
		if (!w->stack_count)
			return;
		ph_addr object = w->stack[--w->stack_count];
		const struct ph_shape *shape = ph_heap_shape(heap, object);
		if (shape)
			walk(heap, shape, object);
	}
}

static void sweep_pool(struct ph_heap *heap, const struct ph_pool *pool)
{
	uint64_t free_blocks[PH_POOL_BLOCKS / 64];
	size_t bytes = PH_POOL_HEADER + (size_t)pool->blocks * pool->block_size;
	const uint8_t *data = ph_image_look(heap->target->image, pool->address, bytes);
	if (!data)
		return;
	/* the head of a list that lies says nothing of the others: what looks like an object is taken for one */
	if (!ph_pool_free_blocks(heap, pool, data, free_blocks))
		heap->totals.bad_pools++;
	for (unsigned i = 0; i < pool->blocks; i++) {
		if (free_blocks[i / 64] >> i % 64 & 1)
			continue;
		size_t offset = PH_POOL_HEADER + (size_t)i * pool->block_size;
		const struct ph_shape *shape = NULL;
		ph_addr object = object_in_block(heap, pool->address + offset, data + offset, pool->block_size, &shape);
		if (!object || !ph_addrset_add(&heap->set, object))
			continue;
		heap->totals.in_pools++;
		heap->totals.object_bytes += pool->block_size;
		walk(heap, shape, object);
	}
}

/* What the interpreters and the target's anchors name. */
static void meet_roots(struct ph_heap *heap, struct ph_runtime *runtime)
{
	const struct ph_target *t = heap->target;
	const ph_addr anchors[] = { t->type_type, t->none, t->ellipsis, t->notimplemented, t->true_, t->false_ };
	const struct ph_interp_state *interps;
	for (size_t i = 0; i < sizeof(anchors) / sizeof(*anchors); i++)
		meet(heap, anchors[i]);
	size_t count = runtime ? ph_runtime_interpreters(runtime, &interps) : 0;
	for (size_t i = 0; i < count; i++) {
		meet(heap, interps[i].modules);
		meet(heap, interps[i].sysdict);
		meet(heap, interps[i].builtins);
		ph_addr gc = ph_target_trait(t, PH_TRAIT_GC_PER_INTERPRETER) ?
				     ph_target_at(t, interps[i].address, PH_PyInterpreterState_gc) :
				     ph_target_at(t, t->runtime, PH_PyRuntimeState_gc);
		ph_addr generations = ph_target_trait(t, PH_TRAIT_GC_NO_HEAD) ? 0 : ph_runtime_generations(t, gc);
		for (int32_t j = 0; generations && j < ph_target_trait(t, PH_TRAIT_GC_GENERATIONS); j++)
			meet_neighbours(heap, generations + (ph_addr)j * ph_target_sizeof(t, PH_SIZEOF_gc_generation));
		ph_addr permanent = gc ? ph_target_at(t, gc, PH_gc_runtime_state_permanent_generation) : 0;
		if (permanent)
			meet_neighbours(heap, permanent);
	}
}

static struct ph_error *fill(struct ph_heap *heap, struct ph_runtime *runtime)
{
	struct ph_error *error = ph_heap_find_pools(heap);
	if (error)
		return error;
	meet_roots(heap, runtime);
	ph_addr behind = heap->pool_count ? heap->pools[0].address : 0;
	for (size_t i = 0; !error && i < heap->pool_count; i++) {
		ph_addr at = heap->pools[i].address;
		if (at - behind > WINDOW) {
			ph_image_drop_pages(heap->target->image, behind, at);
			behind = at;
			error = ph_progress(ph_image_callbacks(heap->target->image), "finding the heap", i,
					    heap->pool_count);
		}
		sweep_pool(heap, &heap->pools[i]);
		drain(heap);
	}
	drain(heap);
	heap->count = ph_addrset_rank(&heap->set);
	if (!error && (heap->set.no_memory || heap->work->no_memory))
		return &ph_error_no_memory;
	return error;
}

struct ph_error *ph_heap_create(struct ph_objects *objects, struct ph_runtime *runtime, struct ph_heap **ret)
{
	struct ph_heap *heap = calloc(1, sizeof(*heap));
	struct ph_heap_work *work = calloc(1, sizeof(*work));
	if (!heap || !work) {
		free(heap);
		free(work);
		return &ph_error_no_memory;
	}
	heap->objects = objects;
	heap->target = ph_objects_target(objects);
	heap->work = work;
	work->sink = (struct ph_edge_sink){ .edges = work->edges, .capacity = EDGES, .flush = meet_edges, .user = heap };
	struct ph_error *error = fill(heap, runtime);
	heap->work = NULL;
	free(work->stack);
	free(work);
	if (error) {
		ph_heap_free(heap);
		return error;
	}
	*ret = heap;
	return NULL;
}

void ph_heap_free(struct ph_heap *heap)
{
	if (!heap)
		return;
	ph_addrset_deinit(&heap->set);
	ph_damage_deinit(&heap->damage);
	free(heap->pools);
	free(heap);
}
