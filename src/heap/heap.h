/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every object there is.
 *
 * Small objects lie in the pools of pymalloc (Objects/obmalloc.c), whose headers check themselves, so that neither a
 * symbol nor the list of arenas is needed; a block that no free list holds is an object when its type pointer leads to
 * a type and its size fits.  The others are found over references and over the links of the garbage collector's
 * lists, both from the objects in pools and from each other. */
#ifndef HEAP_HEAP_H
#define HEAP_HEAP_H

#include <stdatomic.h>

#include "heap/addrset.h"
#include "object/traverse.h"
#include "runtime/mimalloc.h"
#include "runtime/runtime.h"

struct ph_pool {
	ph_addr address;
	uint32_t block_size; /* bytes */
	uint32_t arena;	     /* arenaindex */
	uint16_t blocks;     /* that were ever handed out */
	uint16_t used;	     /* ref.count: of those, not on the free list */
};

/* How a process has them. */
struct ph_pymalloc {
	uint32_t pool, arena; /* bytes; pool 0: there are none that could be known */
	uint32_t header;      /* of a pool, before its first block */
	uint32_t alignments;  /* PH_TRAIT_POOL_ALIGNMENTS */
	uint8_t word;	      /* bytes of a pointer: what a free block begins with leads to the next */
	bool big_endian;
	bool has_types; /* a class is no larger than blocks are: on 32-bit machines */
	uint8_t count, free_block, arena_index, size_index, next_offset, maximum_offset; /* where they are in the header */
};

struct ph_heap_totals {
	uint64_t pools, allocated; /* bytes of pools' blocks in use */
	uint64_t in_pools, outside; /* objects */
	uint64_t object_bytes;	   /* of blocks that are objects, whole blocks */
	uint64_t bad_pools;	   /* whose free list is not right */
	/* blocks of pools in use that are no object's own, free ones; what heads of pools and remainders take */
	uint64_t other_blocks, other_bytes, free_blocks, free_bytes, heads, head_bytes;
};

#define PH_HEAP_SHAPES 1024 /* a power of two */

struct ph_heap {
	struct ph_objects *objects; /* borrowed */
	struct ph_target *target;   /* the objects' */
	struct ph_addrset set;	    /* addresses of objects; marked pages are pools, with the size of their blocks */
	uint64_t count;		    /* objects */
	struct ph_addrset blocks;   /* those other blocks: whoever accounts for them takes them (memory.h) */
	bool has_blocks;	    /* nobody has yet */
	struct ph_pymalloc pymalloc;
	struct ph_pool *pools;	    /* sorted by address */
	size_t pool_count, pool_capacity;
	struct ph_mimalloc mimalloc;
	struct ph_heap_totals totals;
	struct ph_damage damage;    /* of the heap alone */
	bool check_links;	    /* neighbours in lists of the gc know each other: no collection was running */
	struct ph_heap_notes *notes; /* while it is made */
	struct {		    /* that ph_heap_shape() was asked for last */
		ph_addr type;
		const struct ph_shape *shape;
	} recent[PH_HEAP_SHAPES];
};

/* About how many objects there are in pools, by a sample of these: quick. */
uint64_t ph_heap_guess_count(const struct ph_target *target);

/* By so many threads, at least 1; what is found does not depend on their number.  runtime NULL: without what the
 * interpreters name. */
struct ph_error *ph_heap_create(struct ph_objects *objects, struct ph_runtime *runtime, unsigned jobs,
				struct ph_heap **ret) __attribute__((warn_unused_result));
/* The same in two steps.  The first is quick, and learns where mimalloc's fields are: no other thread uses the target
 * meanwhile. */
struct ph_error *ph_heap_begin(struct ph_objects *objects, struct ph_heap **ret) __attribute__((warn_unused_result));
/* The last of several threads begins once *wanted, if that is given: when its processor is free. */
struct ph_error *ph_heap_fill(struct ph_heap *heap, struct ph_runtime *runtime, unsigned jobs, const atomic_bool *wanted)
	__attribute__((warn_unused_result));
void ph_heap_free(struct ph_heap *heap);

/* Is it an object, and its index among them by address? */
static inline bool ph_heap_find(const struct ph_heap *heap, ph_addr address, uint64_t *ret_index)
{
	if (address & ph_addrset_low_bits(&heap->set) || !ph_addrset_has(&heap->set, address))
		return false;
	*ret_index = ph_addrset_index(&heap->set, address);
	return true;
}

/* The shape of an object of the heap.  Not thread-safe. */
const struct ph_shape *ph_heap_shape(struct ph_heap *heap, ph_addr object);

/* ---- what is wrong with it ---- */

/* As it is found, by any thread, between the two calls below (damage.c); `name` is a type's, copied. */
enum ph_heap_fault {
	PH_FAULT_POOL,
	PH_FAULT_POOL_HEAD,
	PH_FAULT_PAGE,
	PH_FAULT_SEGMENT,
	PH_FAULT_LINK,
	PH_FAULT_NO_TYPE,
	PH_FAULT_LENGTH,
	PH_FAULT_CONTENTS,
	PH_FAULT_REFERENCE,
	PH_FAULT_COUNT
};
void ph_heap_note(const struct ph_heap *heap, enum ph_heap_fault fault, ph_addr address, const char *name);
struct ph_error *ph_heap_begin_notes(struct ph_heap *heap) __attribute__((warn_unused_result));
/* In the order of addresses, into the heap's damage. */
void ph_heap_end_notes(struct ph_heap *heap);
/* An object of a shape, by a reference that is no guess, refers to what is no object of the heap: damage, where there is
 * memory, or cannot be any.  What a core left out is not. */
void ph_heap_note_missing(const struct ph_heap *heap, struct ph_objects *objects, const struct ph_shape *shape,
			  ph_addr object, ph_addr target);

/* ---- between the files of this room ---- */

/* Does the next object in the gc's list know the one before it? */
bool ph_heap_link_holds(const struct ph_heap *heap, ph_addr object, ph_addr next);
/* Does the one before it know it as the next? */
bool ph_heap_link_leads(const struct ph_heap *heap, ph_addr prev, ph_addr object);
/* Is it in a list too? */
bool ph_heap_link_goes_on(const struct ph_heap *heap, ph_addr next);
/* A collection moves objects between lists: while it runs nothing is wrong with links that do not agree. */
bool ph_heap_is_collecting(const struct ph_heap *heap, struct ph_runtime *runtime);

/* Objects between pools of an arena, where there can only be pools: their heads are broken.  So are those of pools that
 * say that they are of another arena.  Once all objects are ranked. */
void ph_heap_check_gaps(const struct ph_heap *heap);
struct ph_pymalloc ph_pymalloc_of(const struct ph_target *target); /* pools.c */
/* Every pool there is. */
struct ph_error *ph_heap_find_pools(struct ph_heap *heap) __attribute__((warn_unused_result));
/* Which of a pool's blocks are free: a bit each in `free`, of PH_POOL_BLOCKS bits; false when its free list lies. */
#define PH_POOL_BLOCKS 2048
bool ph_pool_free_blocks(const struct ph_heap *heap, const struct ph_pool *pool, const uint8_t *data,
			 uint64_t free[PH_POOL_BLOCKS / 64]);
/* Adds what it has to the totals: blocks in use, of them objects. */
void ph_pool_count(const struct ph_heap *heap, const struct ph_pool *pool, uint64_t in_use, uint64_t objects,
		   struct ph_heap_totals *totals);
#define PH_POOL_UNIT 8	   /* bytes: sizes of blocks are multiples of it */
#define PH_POOL_LARGEST 512 /* bytes of a block: SMALL_REQUEST_THRESHOLD */

/* Bytes of the blocks of the pool that holds the address; 0 none does. */
static inline uint64_t ph_heap_block_size(const struct ph_heap *heap, ph_addr address)
{
	return (uint64_t)ph_addrset_page(&heap->set, address) * PH_POOL_UNIT;
}

#endif
