/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the process's memory is for, to the byte: pools and arenas of pymalloc, chunks of glibc's malloc, stacks,
 * modules.
 *
 * A block in use that is no object's own belongs to the object that points to it (ph_object_blocks()); what the
 * interpreter's and the modules' data point to is theirs; the rest is unattributed. */
#ifndef HEAP_MEMORY_H
#define HEAP_MEMORY_H

#include "base/addrmap.h"
#include "heap/heap.h"
#include "record/memory.h"

/* runtime NULL: without stacks of Python frames. */
struct ph_error *ph_heap_memory(struct ph_heap *heap, struct ph_runtime *runtime, struct ph_memory *ret)
	__attribute__((warn_unused_result));

/* ---- between the files of this room ---- */

struct ph_extent { /* a part of the address space with one use */
	ph_addr start, end;
	uint8_t use; /* enum ph_extent_use */
};
enum ph_extent_use {
	PH_USE_ARENA,
	PH_USE_MALLOC,
	PH_USE_FRAMES,
	PH_USE_STACK_USED,
	PH_USE_STACK_UNUSED,
	PH_USE_MODULE_DATA
};

struct ph_type_held {
	const struct ph_shape *shape;
	uint64_t count, held;
};

struct ph_account {
	struct ph_heap *heap;
	const struct ph_target *target;
	struct ph_runtime *runtime;
	struct ph_memory *memory;
	struct ph_addrset blocks; /* in use, no object's own, claimed by nobody yet: where they start */
	struct ph_addrset chunk_objects; /* objects that chunks of malloc begin with, behind what precedes them */
	struct ph_addrmap odd_objects; /* first objects of chunks that do not, such as 2.7's ints: bytes of the chunk */
	struct ph_extent *extents; /* sorted by start once all are known */
	size_t extent_count, extent_capacity;
	ph_addr *stack; /* claimed blocks that are to be looked through */
	size_t stack_count, stack_capacity;
	enum ph_memory_kind pool_kind, malloc_kind; /* who claims now */
	uint64_t held; /* bytes claimed for the present object */
	struct ph_memory_row mapped; /* objects in mappings that are of no allocator known so far: mimalloc's */
	size_t pool; /* the last one found */
	bool no_memory;
};

void ph_account_extent(struct ph_account *account, ph_addr start, ph_addr end, enum ph_extent_use use);
/* Give back pages that a walk upwards has left, by windows; *behind is the walk's own, 0 at first. */
void ph_account_leave(struct ph_account *account, ph_addr *behind, ph_addr at);
void ph_account_arenas(struct ph_account *account); /* arenas.c */
/* Blocks of pools: objects, free ones, and the others into `blocks`. */
void ph_account_pools(struct ph_account *account);
void ph_account_chunks(struct ph_account *account); /* chunks.c: of glibc */
/* Is the address in an extent? */
bool ph_account_is_known(const struct ph_account *account, ph_addr address);
/* Bytes of a chunk in use, by the address that malloc() returned; 0 when it is none. */
uint64_t ph_account_chunk_size(const struct ph_account *account, ph_addr user);
/* The pool that holds the address; NULL none. */
const struct ph_pool *ph_account_pool(struct ph_account *account, ph_addr address);
void ph_account_claim(struct ph_account *account, ph_addr address, bool guessed);
/* Whoever points to the blocks that are left (claims.c). */
void ph_account_owners(struct ph_account *account);

#endif
