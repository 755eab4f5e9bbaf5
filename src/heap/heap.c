/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sweep over pools and the closure over references. */
#include "heap/work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/callbacks.h"
#include "base/cursor.h"
#include "base/jobs.h"

#define REFCOUNT_MASK UINT64_C(0xffffffff)
/* never set in a count: what has them is a pointer; above them are flags (since 3.14) */
#define REFCOUNT_NOT (UINT64_C(0xfffe) << 32)
#define DRAIN_PROGRESS 65536
#define POOLS_BOUND_INTERVAL 1024 /* until it may be looked whether pages must go */
#define WINDOW ((ph_addr)4 << 20) /* pages behind it are given back, for each thread has one */
#define REGION_BITS 25 /* pools of 32 MiB are swept by one thread: several windows of the set, which no other touches */

/* Most are larger than any block of a pool. */
static bool may_be_type(const struct ph_heap *heap, ph_addr type)
{
	return type >= 4096 && !(type & ph_addrset_low_bits(&heap->set)) && !(type >> 48) &&
	       (heap->pymalloc.has_types || !ph_addrset_page(&heap->set, type));
}

static inline const struct ph_shape *shape_of_type(struct ph_heap_work *w, ph_addr type)
{
	size_t slot = (type >> 4 ^ type >> 14) & (PH_WORK_TYPES - 1);
	if (w->cache[slot].type == type)
		return w->cache[slot].shape;
	if (!may_be_type(w->heap, type))
		return NULL;
	w->cache[slot].shape = ph_shape_get(w->objects, type);
	w->cache[slot].type = type;
	return w->cache[slot].shape;
}

const struct ph_shape *ph_heap_shape(struct ph_heap *heap, ph_addr object)
{
	ph_addr type;
	if (ph_target_ptr(heap->target, object, PH_PyObject_ob_type, &type) != PH_OK)
		return NULL;
	size_t slot = (type >> 4 ^ type >> 14) & (PH_HEAP_SHAPES - 1);
	if (heap->recent[slot].type != type) {
		heap->recent[slot].shape = may_be_type(heap, type) ? ph_shape_get(heap->objects, type) : NULL;
		heap->recent[slot].type = type;
	}
	return heap->recent[slot].shape;
}

/* Of a free-threaded build: anything referred to, by its own thread or by others (the low bits are a state), whose
 * PyMutex has no bits but those of Include/cpython/pylock.h. */
static bool is_counted(const struct ph_layout *layout, const uint8_t *head)
{
	enum { MUTEX_BITS = 3 }; /* _Py_LOCKED, _Py_HAS_PARKED */
	const struct ph_slot *local = &layout->slots[PH_PyObject_ob_ref_local];
	const struct ph_slot *shared = &layout->slots[PH_PyObject_ob_ref_shared];
	if (head[layout->slots[PH_PyObject_ob_mutex].offset] & ~MUTEX_BITS)
		return false;
	return ph_load_uint(head + local->offset, local->size, layout->abi.big_endian) ||
	       ph_load_uint(head + shared->offset, shared->size, layout->abi.big_endian) >> 2;
}

/* Of none that is on a free list of its type, nor of other words.  Since 3.14 half of it is flags. */
static inline bool is_count(uint64_t references)
{
	return references & REFCOUNT_MASK && !(references & REFCOUNT_NOT);
}

static const struct ph_shape *shape_of_far_head(struct ph_heap_work *w, const uint8_t *head)
{
	const struct ph_layout *layout = &w->heap->target->layout;
	const struct ph_slot *type = &layout->slots[PH_PyObject_ob_type];
	const struct ph_slot *count = &layout->slots[PH_PyObject_ob_refcnt];
	size_t word = layout->abi.pointer_size;
	const uint8_t *of_type = head + type->offset;
	const struct ph_shape *shape = shape_of_type(w, ph_load_uint(of_type, type->size, layout->abi.big_endian));
	if (shape && ph_layout_has(layout, PH_PyObject_ob_ref_local))
		return is_counted(layout, head) ? shape : NULL;
	if (!shape || !ph_layout_has(layout, PH_PyObject_ob_refcnt))
		return shape;
	head += (size_t)count->offset & ~(word - 1);
	return is_count(ph_load_uint(head, word, layout->abi.big_endian)) ? shape : NULL;
}

/* The type of what could be an object's head; NULL when it is none. */
static inline const struct ph_shape *shape_of_head(struct ph_heap_work *w, const uint8_t *head)
{
	uint64_t type, references;
	if (!w->type_at)
		return shape_of_far_head(w, head);
	memcpy(&type, head + w->type_at, sizeof(type));
	memcpy(&references, head + w->count_at, sizeof(references));
	return is_count(references) ? shape_of_type(w, type) : NULL;
}

/* A count that could be the address of an object in the program's data: then this may be an array of pointers. */
static inline bool may_be_array(const struct ph_heap *heap, const uint8_t *head)
{
	enum { ADDRESS_LEAST = 0x400000 };
	const struct ph_layout *layout = &heap->target->layout;
	const struct ph_slot *slot = &layout->slots[PH_PyObject_ob_refcnt];
	if (!ph_layout_has(layout, PH_PyObject_ob_refcnt))
		return true;
	int64_t count = ph_load_int(head + slot->offset, slot->size, layout->abi.big_endian);
	return count <= 0 || count >= ADDRESS_LEAST;
}

/* It is one, where the count is the address of an object, or the words before it lead to no neighbour in a list of the gc
 * that knows it. */
static bool is_array(struct ph_heap_work *w, const struct ph_shape *shape, ph_addr object)
{
	const struct ph_heap *heap = w->heap;
	ph_addr next, type;
	uint64_t first;
	if (ph_target_uint(heap->target, object, PH_PyObject_ob_refcnt, &first) == PH_OK &&
	    ph_target_is_aligned(heap->target, first) &&
	    ph_target_ptr(heap->target, first, PH_PyObject_ob_type, &type) == PH_OK && shape_of_type(w, type))
		return true;
	return heap->check_links && ph_object_is_tracked(shape, object, &next, NULL) &&
	       !ph_heap_link_holds(heap, object, next);
}

/* An object in a list of the gc, where a neighbour knows it: if only one does, the list is broken there.  While the gc is
 * at work the words for those before hold other things. */
static bool is_linked(struct ph_heap_work *w, const struct ph_shape *shape, ph_addr object, ph_addr next, ph_addr prev)
{
	const struct ph_heap *heap = w->heap;
	ph_addr type;
	if (!w->heap->check_links)
		return !next || ph_heap_link_goes_on(heap, next);
	if (!ph_heap_link_holds(heap, object, next)) {
		if (!ph_heap_link_leads(heap, prev, object))
			return false;
		ph_heap_note(heap, PH_FAULT_LINK, object, shape->type->full);
	} else if (ph_addrset_page(&heap->set, next) &&
		   ph_target_ptr(heap->target, next, PH_PyObject_ob_type, &type) == PH_OK && !shape_of_type(w, type)) {
		ph_heap_note(heap, PH_FAULT_NO_TYPE, next, "");
	}
	return true;
}

/* Does it fill the block behind what precedes it?  Blocks are as large as what was asked for, but that a reallocation
 * leaves what is at least half as large where it is. */
static bool fits(const struct ph_heap_work *w, const struct ph_shape *shape, uint64_t least, uint64_t room, bool padded)
{
	enum { ROUNDED = 15, WORD = 8, PADDING = 16, SHRUNK = 64 };
	if (least > room)
		return false;
	switch ((enum ph_shape_extent)shape->extent) {
	case PH_EXTENT_FIXED:
		return room - least <= ROUNDED + WORD + (padded ? PADDING : 0) + w->slack;
	case PH_EXTENT_ITEMS:
	case PH_EXTENT_BYTES:
	case PH_EXTENT_STR:
		return room <= 2 * least + SHRUNK;
	default:
		return true;
	}
}

ph_addr ph_work_object(struct ph_heap_work *w, ph_addr block, const uint8_t *data, uint64_t block_size,
		       const struct ph_shape **ret)
{
	const struct ph_heap *heap = w->heap;
	size_t padding = ph_block_debug_padding(data, block_size, heap->pymalloc.word);
	block += padding, data += padding, block_size -= padding;
	for (size_t i = 0; i < PH_WORK_FRONTS; i++) {
		size_t front = w->fronts[i];
		if (front + w->head > block_size)
			continue;
		const uint8_t *head = data + front;
		const struct ph_shape *shape = shape_of_head(w, head);
		if (!shape || (shape->is_type ? ph_object_front(shape, block + front) : shape->front) != front)
			continue;
		if (front && w->gc && !ph_block_is_gc_head(&heap->target->layout, head - w->gc))
			continue;
		uint64_t least = ph_object_least(shape, block + front);
		if (!fits(w, shape, least, block_size - front, padding) ||
		    (may_be_array(heap, head) && is_array(w, shape, block + front)))
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

static void give_outside(struct ph_heap_work *w);

/* Something refers to it: is it an object outside of the pools? */
static void meet(struct ph_heap_work *work, ph_addr address)
{
	struct ph_heap *heap = work->heap;
	if (!address || address & ph_addrset_low_bits(&heap->set) || address >> 48)
		return;
	if (work->sweep) {
		/* one thread looks at them, afterwards */
		ph_addr *met = &work->met[(address >> 4 ^ address >> 16) & (PH_WORK_OUTSIDE - 1)];
		if (*met == address || ph_addrset_page(&heap->set, address))
			return;
		*met = address;
		work->outside[work->outside_count++] = address;
		if (work->outside_count == PH_WORK_OUTSIDE)
			give_outside(work);
		return;
	}
	if (ph_addrset_knows(&heap->set, address))
		return;
	const uint8_t *head =
		ph_image_look(heap->target->image, address, ph_target_sizeof(heap->target, PH_SIZEOF_PyObject));
	const struct ph_shape *shape = head ? shape_of_head(work, head) : NULL;
	if (!shape)
		return;
	uint64_t least = ph_object_least(shape, address);
	if (least >> 40 || ph_image_readable(heap->target->image, address, least) < least)
		return;
	if (ph_addrset_add(&heap->set, address)) {
		heap->totals.outside++;
		push(work, address);
	}
}

/* What lies in a pool is found by the sweep over them. */
static inline void meet_outside(struct ph_heap_work *w, ph_addr address)
{
	if (!ph_addrset_is_marked(&w->heap->set, address) && !ph_addrset_page(&w->heap->set, address))
		meet(w, address);
}

static void meet_edges(struct ph_edge_sink *sink)
{
	for (size_t i = 0; i < sink->count; i++)
		meet_outside(sink->user, sink->edges[i].target);
	sink->count = 0;
}

/* The neighbours in its list of the garbage collector. */
static void meet_neighbours(struct ph_heap_work *w, ph_addr gc_head)
{
	ph_addr next, prev;
	if (!ph_gc_links(w->heap->target, gc_head, &next, &prev))
		return;
	meet(w, next);
	meet(w, prev);
}

/* What it refers to, and its neighbours in a list of the gc.  False: nothing says that it is an object but its first
 * words, and what follows them cannot be one's; not of what others refer to. */
static bool walk(struct ph_heap_work *w, const struct ph_shape *shape, ph_addr object, bool reached)
{
	ph_addr next, prev;
	bool tracked = ph_object_is_tracked(shape, object, &next, &prev);
	if (tracked && !is_linked(w, shape, object, next, prev)) {
		if (!reached)
			return false;
		ph_heap_note(w->heap, PH_FAULT_LINK, object, shape->type->full);
	}
	meet_outside(w, shape->type->address);
	w->sink.broken = false;
	ph_traverse(shape, object, &w->sink);
	if (w->sink.broken && !tracked && !reached)
		return false;
	if (tracked) {
		meet_outside(w, next);
		meet_outside(w, prev);
	}
	return true;
}

void ph_work_take(struct ph_heap_work *w, const struct ph_shape *shape, ph_addr object)
{
	if (walk(w, shape, object, false) && ph_addrset_add(&w->heap->set, object))
		w->heap->totals.outside++;
}

void ph_work_walk(struct ph_heap_work *w, ph_addr object)
{
	ph_addr type;
	const struct ph_shape *shape =
		ph_target_ptr(w->heap->target, object, PH_PyObject_ob_type, &type) == PH_OK
			? shape_of_type(w, type)
			: NULL;
	if (shape)
		(void)walk(w, shape, object, true);
}

struct ph_error *ph_work_drain(struct ph_heap_work *w)
{
	struct ph_error *error = NULL;
	while (!error) {
		if (w->sink.count)
			meet_edges(&w->sink);
		if (!w->stack_count)
			break;
		if (++w->drained % DRAIN_PROGRESS == 0)
			error = ph_progress(ph_image_callbacks(w->heap->target->image), "finding the heap", w->drained,
					    0);
		ph_work_walk(w, w->stack[--w->stack_count]);
	}
	return error;
}

static void sweep_pool(struct ph_heap_work *w, const struct ph_pool *pool)
{
	struct ph_heap *heap = w->heap;
	uint64_t free_blocks[PH_POOL_BLOCKS / 64];
	size_t header = heap->pymalloc.header, bytes = header + (size_t)pool->blocks * pool->block_size;
	const uint8_t *data = ph_image_look(heap->target->image, pool->address, bytes);
	if (!data)
		return;
	/* the head of a list that lies says nothing of the others: what looks like an object is taken for one */
	if (!ph_pool_free_blocks(heap, pool, data, free_blocks)) {
		w->totals.bad_pools++;
		ph_heap_note(heap, PH_FAULT_POOL, pool->address, "");
	}
	struct ph_addrset_window *set = ph_addrset_window(&heap->set, pool->address, true);
	struct ph_addrset_window *blocks = ph_addrset_window(&heap->blocks, pool->address, true);
	unsigned in_use = 0, objects = 0;
	for (unsigned i = 0; set && blocks && i < pool->blocks; i++) {
		if (free_blocks[i / 64] >> i % 64 & 1)
			continue;
		in_use++;
		size_t offset = header + (size_t)i * pool->block_size;
		const struct ph_shape *shape = NULL;
		ph_addr object = ph_work_object(w, pool->address + offset, data + offset, pool->block_size, &shape);
		if (object && walk(w, shape, object, false)) {
			ph_window_add(set, object << heap->set.scale);
			objects++;
		} else {
			ph_window_add(blocks, pool->address + offset);
		}
	}
	ph_pool_count(heap, pool, in_use, objects, &w->totals);
}

/* ---- pools, by several threads ---- */

struct ph_heap_sweep {
	struct ph_heap *heap;
	struct ph_heap_work **works;
	const struct ph_callbacks *callbacks;
	_Atomic size_t next;   /* pool that nobody has taken, the first of a region */
	pthread_mutex_t lock;  /* of outside, which several give to */
	struct ph_addrset outside;
	_Atomic bool stopped;
	const atomic_bool *wanted; /* the last of the threads begins then; NULL: at once */
	unsigned last;
};

static void wait_until_wanted(const struct ph_heap_sweep *sweep)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	while (!*sweep->wanted && !sweep->stopped && sweep->next < sweep->heap->pool_count)
		nanosleep(&pause, NULL);
}

static void give_outside(struct ph_heap_work *w)
{
	pthread_mutex_lock(&w->sweep->lock);
	for (size_t i = 0; i < w->outside_count; i++)
		ph_addrset_add(&w->sweep->outside, w->outside[i]);
	pthread_mutex_unlock(&w->sweep->lock);
	w->outside_count = 0;
}

static size_t end_of_region(const struct ph_heap *heap, size_t first)
{
	size_t end = first;
	while (end < heap->pool_count &&
	       heap->pools[end].address >> REGION_BITS == heap->pools[first].address >> REGION_BITS)
		end++;
	return end;
}

static struct ph_error *sweep_regions(void *user, unsigned number)
{
	struct ph_heap_sweep *sweep = user;
	struct ph_heap *heap = sweep->heap;
	struct ph_heap_work *w = sweep->works[number];
	struct ph_error *error = NULL;
	size_t end;
	if (number && number == sweep->last && sweep->wanted)
		wait_until_wanted(sweep);
	size_t first = sweep->next;
	while (!error && !sweep->stopped && first < heap->pool_count) {
		end = end_of_region(heap, first);
		if (!atomic_compare_exchange_weak(&sweep->next, &first, end))
			continue;
		if (!number)
			error = ph_progress(sweep->callbacks, "finding the heap", first, heap->pool_count);
		for (size_t i = first, behind = first; !error && i < end; i++) {
			sweep_pool(w, &heap->pools[i]);
			if (heap->pools[i].address - heap->pools[behind].address < WINDOW)
				continue;
			ph_image_leave_pages(heap->target->image, heap->pools[behind].address, heap->pools[i].address);
			behind = i;
		}
		meet_edges(&w->sink);
		ph_image_leave_pages(heap->target->image, heap->pools[first].address, heap->pools[end - 1].address);
		first = sweep->next;
	}
	give_outside(w);
	sweep->stopped |= error != NULL;
	return error;
}

static void add_totals(struct ph_heap_totals *to, const struct ph_heap_totals *from)
{
	to->in_pools += from->in_pools;
	to->object_bytes += from->object_bytes;
	to->bad_pools += from->bad_pools;
	to->other_blocks += from->other_blocks;
	to->other_bytes += from->other_bytes;
	to->free_blocks += from->free_blocks;
	to->free_bytes += from->free_bytes;
	to->heads += from->heads;
	to->head_bytes += from->head_bytes;
}

static struct ph_error *sweep_all(struct ph_heap *heap, struct ph_heap_work **works, unsigned jobs,
				  const atomic_bool *wanted)
{
	struct ph_heap_sweep sweep = {
		.heap = heap,
		.works = works,
		.callbacks = ph_image_callbacks(heap->target->image),
		.wanted = wanted,
		.last = jobs - 1,
		.outside = { .scale = heap->set.scale },
	};
	pthread_mutex_init(&sweep.lock, NULL);
	for (unsigned i = 0; i < jobs; i++)
		works[i]->sweep = &sweep;
	/* threads add none of a window that is not there yet */
	heap->has_blocks = true;
	for (size_t i = 0; i < heap->pool_count; i++) {
		(void)ph_addrset_window(&heap->blocks, heap->pools[i].address, true);
		if (i % POOLS_BOUND_INTERVAL == 0)
			ph_image_bound_pages(heap->target->image);
	}
	struct ph_error *error = ph_jobs_run(jobs, sweep_regions, &sweep);
	struct ph_addrset_iter iter = { .set = &sweep.outside };
	ph_addr address;
	for (unsigned i = 0; i < jobs; i++) {
		works[i]->sweep = NULL;
		add_totals(&heap->totals, &works[i]->totals);
	}
	while (!error && ph_addrset_next(&iter, &address)) {
		meet(works[0], address);
		error = ph_work_drain(works[0]);
	}
	heap->set.no_memory |= sweep.outside.no_memory;
	ph_addrset_deinit(&sweep.outside);
	pthread_mutex_destroy(&sweep.lock);
	return error;
}

/* What the interpreters and the target's anchors name. */
static struct ph_error *meet_roots(struct ph_heap_work *w, struct ph_runtime *runtime)
{
	const struct ph_heap *heap = w->heap;
	const struct ph_target *t = heap->target;
	const ph_addr anchors[] = { t->type_type, t->none, t->ellipsis, t->notimplemented, t->true_, t->false_ };
	const struct ph_interp_state *interps;
	const struct ph_thread_state *threads;
	ph_addr frame;
	for (size_t i = 0; i < sizeof(anchors) / sizeof(*anchors); i++)
		meet(w, anchors[i]);
	size_t count = runtime ? ph_runtime_interpreters(runtime, &interps) : 0;
	for (size_t i = 0; i < count; i++) {
		meet(w, interps[i].modules);
		meet(w, interps[i].sysdict);
		meet(w, interps[i].builtins);
		ph_addr gc = ph_target_trait(t, PH_TRAIT_GC_PER_INTERPRETER) ?
				     ph_target_at(t, interps[i].address, PH_PyInterpreterState_gc) :
				     ph_target_at(t, t->runtime, PH_PyRuntimeState_gc);
		ph_addr generations = ph_target_trait(t, PH_TRAIT_GC_NO_HEAD) ? 0 : ph_runtime_generations(t, gc);
		for (int32_t j = 0; generations && j < ph_target_trait(t, PH_TRAIT_GC_GENERATIONS); j++)
			meet_neighbours(w, generations + (ph_addr)j * ph_target_sizeof(t, PH_SIZEOF_gc_generation));
		ph_addr permanent = gc ? ph_target_at(t, gc, PH_gc_runtime_state_permanent_generation) : 0;
		if (permanent)
			meet_neighbours(w, permanent);
	}
	/* the innermost frame, while it is an object (up to 3.10), is tracked by no gc until it has ended */
	count = runtime ? ph_runtime_threads(runtime, &threads) : 0;
	for (size_t i = 0; i < count; i++)
		if (ph_target_ptr(t, threads[i].address, PH_PyThreadState_frame, &frame) == PH_OK)
			meet(w, frame);
	return ph_work_drain(w);
}

static struct ph_error *find_all(struct ph_heap *heap, struct ph_runtime *runtime, struct ph_heap_work **works,
				 unsigned jobs, const atomic_bool *wanted)
{
	heap->check_links = ph_target_trait(heap->target, PH_TRAIT_GC_NO_HEAD) <= 0 &&
			    (ph_target_trait(heap->target, PH_TRAIT_GC_REFS_SHIFT) >= 0 ||
			     !ph_heap_is_collecting(heap, runtime));
	struct ph_error *error = ph_heap_begin_notes(heap);
	if (!error)
		error = ph_heap_find_pools(heap);
	if (!error)
		error = sweep_all(heap, works, jobs, wanted);
	if (!error)
		error = ph_heap_sweep_mimalloc(works[0]);
	if (!error)
		error = meet_roots(works[0], runtime);
	if (!error)
		error = ph_heap_find_leaked(works[0], runtime);
	if (error)
		return error;
	heap->count = ph_addrset_rank(&heap->set);
	ph_heap_check_gaps(heap);
	ph_heap_end_notes(heap);
	return heap->set.no_memory || heap->blocks.no_memory || works[0]->no_memory ? &ph_error_no_memory : NULL;
}

static struct ph_error *make_work(struct ph_heap *heap, unsigned number, struct ph_heap_work **ret)
{
	struct ph_heap_work *w = *ret = ph_jobs_alloc(1, sizeof(*w));
	if (!w)
		return &ph_error_no_memory;
	w->heap = heap;
	ph_work_learn(w);
	w->sink = (struct ph_edge_sink){ .edges = w->edges, .capacity = PH_WORK_EDGES, .flush = meet_edges, .user = w };
	if (number)
		return ph_objects_clone(heap->objects, &w->objects);
	w->objects = heap->objects;
	return NULL;
}

static void free_work(struct ph_heap_work *w)
{
	if (!w)
		return;
	if (w->objects != w->heap->objects)
		ph_objects_free(w->objects);
	free(w->stack);
	free(w);
}

struct ph_error *ph_heap_begin(struct ph_objects *objects, struct ph_heap **ret)
{
	struct ph_heap *heap = calloc(1, sizeof(*heap));
	if (!heap)
		return &ph_error_no_memory;
	heap->objects = objects;
	heap->target = ph_objects_target(objects);
	ph_shapes_begin(objects);
	/* objects in static memory are aligned as pointers are */
	heap->set.scale = heap->target->layout.abi.pointer_size == 4;
	heap->pymalloc = ph_pymalloc_of(heap->target);
	struct ph_error *error = ph_mimalloc_find(heap->target, &heap->mimalloc);
	if (error) {
		ph_heap_free(heap);
		return error;
	}
	*ret = heap;
	return NULL;
}

struct ph_error *ph_heap_fill(struct ph_heap *heap, struct ph_runtime *runtime, unsigned jobs, const atomic_bool *wanted)
{
	struct ph_heap_work **works = calloc(jobs, sizeof(*works));
	struct ph_error *error = works ? NULL : &ph_error_no_memory;
	for (unsigned i = 0; !error && i < jobs; i++)
		error = make_work(heap, i, &works[i]);
	if (!error)
		error = find_all(heap, runtime, works, jobs, wanted);
	for (unsigned i = 0; works && i < jobs; i++)
		free_work(works[i]);
	free(works);
	return error;
}

struct ph_error *ph_heap_create(struct ph_objects *objects, struct ph_runtime *runtime, unsigned jobs,
				struct ph_heap **ret)
{
	struct ph_heap *heap;
	struct ph_error *error = ph_heap_begin(objects, &heap);
	if (error)
		return error;
	error = ph_heap_fill(heap, runtime, jobs, NULL);
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
	ph_addrset_deinit(&heap->blocks);
	ph_heap_end_notes(heap);
	ph_damage_deinit(&heap->damage);
	free(heap->pools);
	ph_mimalloc_deinit(&heap->mimalloc);
	free(heap);
}
