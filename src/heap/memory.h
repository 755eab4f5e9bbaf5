/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the process's memory is for, to the byte: pools and arenas of pymalloc, chunks of glibc's malloc, stacks,
 * modules.
 *
 * A block in use that is no object's own belongs to the object that points to it (ph_object_blocks()); what the
 * interpreter's and the modules' data point to is theirs; the rest is unattributed. */
#ifndef HEAP_MEMORY_H
#define HEAP_MEMORY_H

#include <pthread.h>

#include "base/addrmap.h"
#include "heap/heap.h"
#include "record/memory.h"
#include "record/root.h"

/* runtime NULL: without stacks of Python frames. */
struct ph_error *ph_heap_memory(struct ph_heap *heap, struct ph_runtime *runtime, struct ph_memory *ret)
	__attribute__((warn_unused_result));

/* ---- the same beside a walk over the heap that is made anyway, by several threads ---- */

struct ph_account;
#define PH_ACCOUNT_RUN 65536 /* objects of a run at most */
/* The blocks that objects of a run point to; a thread has one. */
struct ph_claims {
	const struct ph_account *account;
	uint16_t place; /* of the object at hand */
	const ph_addr *objects; /* of the run, by place; NULL: nobody asks whose a block is */
	uint64_t *list; /* blocks with the places of who claims them (claims.c) */
	size_t count, capacity;
	struct ph_memory_row mapped; /* objects in mappings of no allocator that was understood: mimalloc's, perhaps */
	bool no_memory;
};

/* All but what objects hold. */
struct ph_error *ph_account_begin(struct ph_heap *heap, struct ph_runtime *runtime, struct ph_account **ret)
	__attribute__((warn_unused_result));
/* Bytes that the object itself takes; what it points to is put into claims, with its place in the run.  From any
 * thread, each with its own. */
uint64_t ph_claims_take(struct ph_claims *claims, const struct ph_shape *shape, ph_addr object, size_t place);
/* The parts of that: what it takes itself, */
uint64_t ph_claims_own(struct ph_claims *claims, const struct ph_shape *shape, ph_addr object);
/* and a block that it points to. */
void ph_claims_put(struct ph_claims *claims, size_t place, ph_addr block, bool guessed);
/* From any thread: claims of run `number`, which counts from 0, each once.  Waits until those of the runs before were
 * submitted, for the first that claims a block has it: so threads must take runs in order, and who fails must say so by
 * ph_account_stop().  Adds the bytes of blocks to held[place]; leaves claims empty. */
void ph_account_submit(struct ph_account *account, uint64_t number, struct ph_claims *claims, int64_t *held);
/* From any thread: nobody waits any more, and the account will be of no use. */
void ph_account_stop(struct ph_account *account);
/* From one thread, behind all runs: so many objects of a type, and the bytes that they hold. */
void ph_account_type(struct ph_account *account, const struct ph_shape *shape, uint64_t count, uint64_t bytes);
/* From one thread, behind all runs: references in memory that native code allocated, as roots (roots_memory.c). */
struct ph_error *ph_account_roots(struct ph_account *account, const struct ph_root_sink *sink)
	__attribute__((warn_unused_result));
/* What is left. */
struct ph_error *ph_account_end(struct ph_account *account, struct ph_memory *ret) __attribute__((warn_unused_result));
void ph_account_free(struct ph_account *account);

/* ---- between the files of this room ---- */

struct ph_area { /* a part of the address space with one use */
	ph_addr start, end;
	uint8_t use; /* enum ph_area_use */
};
enum ph_area_use {
	PH_USE_ARENA,
	PH_USE_MALLOC,
	PH_USE_MIMALLOC,
	PH_USE_FRAMES,
	PH_USE_STACK_USED,
	PH_USE_STACK_UNUSED,
	PH_USE_MODULE_DATA
};

struct ph_type_held {
	const struct ph_shape *shape;
	uint64_t count, held;
};

/* A word of a block that holds no object, which is the address of one. */
struct ph_native_ref {
	ph_addr object, block;
	ph_addr origin; /* what the block was found by: a word of a module's data or of a stack; the object that has it */
	uint8_t from;	/* enum ph_native_origin */
	uint32_t thread;
};
enum ph_native_origin {
	PH_FROM_OBJECT,
	PH_FROM_DATA,
	PH_FROM_INTERPRETER,
	PH_FROM_THREAD,
	PH_FROM_STACK,
	PH_FROM_FREED /* its words are left over: they keep nothing alive, and are not noted */
};
#define PH_NATIVE_REFS_MAXIMUM (1 << 18)

struct ph_account_stack {
	ph_addr *blocks;
	size_t count, capacity;
};

/* What malloc() returned, and the bytes of the chunk from its head on. */
typedef void ph_account_chunk_fn(void *user, ph_addr block, uint64_t chunk_size);

struct ph_account {
	struct ph_heap *heap;
	const struct ph_target *target;
	struct ph_runtime *runtime;
	struct ph_memory memory;
	pthread_mutex_t lock; /* of what runs of claims change */
	pthread_cond_t moved; /* next_run, or stopped */
	uint64_t next_run;
	bool stopped;
	struct ph_addrmap type_index; /* address -> index + 1 */
	struct ph_type_held *types;
	size_t type_count, type_capacity;
	struct ph_addrset blocks; /* in use, no object's own, claimed by nobody yet: where they start */
	struct ph_addrset chunk_objects; /* objects that chunks of malloc begin with, behind what precedes them */
	struct ph_addrmap odd_objects; /* first objects of chunks that do not, such as 2.7's ints: bytes of the chunk */
	struct ph_area *extents; /* sorted by start once all are known */
	size_t extent_count, extent_capacity;
	struct ph_account_stack stack; /* claimed blocks that are to be looked through */
	struct ph_account_stack freed; /* the same at the end: of free lists */
	enum ph_memory_kind pool_kind, malloc_kind, mi_kind; /* who claims now */
	uint64_t held; /* bytes claimed since it was set to 0 */
	struct ph_memory_row mapped; /* as of claims */
	struct ph_native_ref now, *refs; /* where blocks come from that are looked through; what they refer to */
	size_t ref_count, ref_capacity;
	ph_account_chunk_fn *look; /* NULL, or all that is wanted: chunks in use without an object */
	void *look_user;
	bool natives_done;
	bool no_memory;
};

void ph_account_extent(struct ph_account *account, ph_addr start, ph_addr end, enum ph_area_use use);
/* Give back pages that a walk upwards has left, by windows; *behind is the walk's own, 0 at first. */
void ph_account_leave(struct ph_account *account, ph_addr *behind, ph_addr at);
void ph_account_arenas(struct ph_account *account); /* arenas.c */
/* Blocks of pools: objects, free ones, and the others into `blocks`. */
void ph_account_pools(struct ph_account *account);
void ph_account_mimalloc(struct ph_account *account); /* mimalloc.c: the same of its pages */
void ph_account_segments(struct ph_account *account); /* where they lie */
/* The block of mimalloc that holds the address, and its bytes; 0 none. */
ph_addr ph_account_mi_block(const struct ph_account *account, ph_addr address, uint64_t *ret_size);
/* Bytes of the block of which the object is the first: 0 none. */
uint64_t ph_account_mi_object(const struct ph_account *account, ph_addr object);
void ph_account_chunks(struct ph_account *account); /* chunks.c: of glibc */
/* Chunks of glibc's malloc in use that hold no object which is known, each once; the heap need not be ranked. */
struct ph_error *ph_account_chunks_of(struct ph_heap *heap, struct ph_runtime *runtime, ph_account_chunk_fn *look,
				      void *user) __attribute__((warn_unused_result));
/* Is the address in an extent? */
bool ph_account_is_known(const struct ph_account *account, ph_addr address);
/* Bytes of a chunk in use, by the address that malloc() returned; 0 when it is none. */
uint64_t ph_account_chunk_size(const struct ph_account *account, ph_addr user);
/* freed.c: does a free list of the interpreter keep the block, of so many bytes?  From any thread. */
bool ph_account_is_freed(const struct ph_account *account, ph_addr block, uint64_t size);
/* claims.c */
void ph_account_claim(struct ph_account *account, ph_addr address, bool guessed);
/* One after the other, where there is no walk beside it. */
void ph_account_objects(struct ph_account *account);
/* Behind those of objects: what the data of modules, interpreters, thread states and the used native stacks point to.
 * A second call does nothing. */
void ph_account_natives(struct ph_account *account);
void ph_account_keep_types(struct ph_account *account);

#endif
