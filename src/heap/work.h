/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a thread has of its own that finds objects: between heap.c and the allocators'. */
#ifndef HEAP_WORK_H
#define HEAP_WORK_H

#include "heap/heap.h"

#define PH_WORK_TYPES 1024   /* types that were asked for last; a power of two */
#define PH_WORK_EDGES 1024
#define PH_WORK_FRONTS 3
#define PH_WORK_OUTSIDE 4096 /* addresses outside of pools that are kept at a time; a power of two */

struct ph_heap_work {
	struct ph_heap *heap;
	struct ph_objects *objects;
	size_t fronts[PH_WORK_FRONTS]; /* bytes that may precede an object in its block */
	size_t gc, head; /* bytes of the gc's head, of struct _object */
	size_t type_at, count_at; /* words of that, where they are as ours are; type_at 0: they are not */
	ph_addr *stack; /* objects outside of pools that were not yet walked */
	size_t stack_count, stack_capacity;
	uint64_t drained;
	bool no_memory;
	/* while pools are swept by several threads: what lies outside of them and was met */
	struct ph_heap_sweep *sweep;
	ph_addr outside[PH_WORK_OUTSIDE];
	size_t outside_count;
	ph_addr met[PH_WORK_OUTSIDE]; /* that came last */
	struct ph_heap_totals totals;
	uint64_t slack; /* bytes by which blocks are larger than pymalloc's would be */
	struct {
		ph_addr type;
		const struct ph_shape *shape;
	} cache[PH_WORK_TYPES];
	struct ph_edge edges[PH_WORK_EDGES];
	struct ph_edge_sink sink;
};

/* The object in a block, behind what precedes it; 0 when it is none.  `data` is the block's first bytes, at least 128
 * of them or all. */
ph_addr ph_work_object(struct ph_heap_work *work, ph_addr block, const uint8_t *data, uint64_t block_size,
		       const struct ph_shape **ret);
/* What the layout says of them, once (block.c). */
void ph_work_learn(struct ph_heap_work *work);
/* Can this be the gc's head of an object (block.c)? */
bool ph_block_is_gc_head(const struct ph_layout *layout, const uint8_t *head);
/* What precedes the bytes that were asked for. */
size_t ph_block_debug_padding(const uint8_t *data, uint64_t block_size, size_t word);
/* An object that nothing refers to goes into the set, unless what it holds says that it is none. */
void ph_work_take(struct ph_heap_work *work, const struct ph_shape *shape, ph_addr object);
/* Meet what an object that is in the set refers to. */
void ph_work_walk(struct ph_heap_work *work, ph_addr object);
/* Walk what was met and not yet walked. */
struct ph_error *ph_work_drain(struct ph_heap_work *work) __attribute__((warn_unused_result));

/* Objects in blocks of mimalloc (mimalloc.c). */
struct ph_error *ph_heap_sweep_mimalloc(struct ph_heap_work *work) __attribute__((warn_unused_result));
/* Objects in chunks of glibc's malloc that nothing led to, once all others are known (leaked.c). */
struct ph_error *ph_heap_find_leaked(struct ph_heap_work *work, struct ph_runtime *runtime)
	__attribute__((warn_unused_result));

#endif
