/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that walk the whole heap. */
#ifndef EXTRACT_HEAP_PRIVATE_H
#define EXTRACT_HEAP_PRIVATE_H

#include "base/jobs.h"
#include "extract/heap.h"
#include "heap/heap.h"
#include "heap/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* ---- secrets.c: what secret names lead to, anywhere in the heap; by several threads ---- */

struct ph_heap_secrets {
	struct ph_extract *extract;
	struct ph_heap *heap;
	bool by_name;	   /* else there is nothing to look for */
	bool is_cut;	   /* the core is */
	uint64_t *targets; /* a bit for each object */
	uint64_t *nameless; /* the same: what a name leads to that the core lacks */
	uint64_t *led_to;   /* the same, of a cut core: what any edge leads to; else NULL */
	uint64_t *framed;  /* the same: frames and generators, whose locals are no edges */
};

struct ph_error *ph_heap_secrets_begin(struct ph_extract *extract, struct ph_heap *heap, struct ph_heap_secrets *ret)
	__attribute__((warn_unused_result));
enum ph_heap_name { PH_HEAP_NAME_PLAIN, PH_HEAP_NAME_SECRET, PH_HEAP_NAME_LACKING /* cut away: who knows */ };
/* Of a key or the name of an attribute; shape NULL: its type cannot be read. */
enum ph_heap_name ph_heap_judge_name(const struct ph_heap_secrets *secrets, const struct ph_shape *shape, ph_addr name,
				     struct ph_value *scratch);
bool ph_heap_is_secret_slot(const struct ph_heap_secrets *secrets, const struct ph_shape *shape, uint64_t offset);
static inline void ph_heap_secret_target(struct ph_heap_secrets *secrets, uint32_t object)
{
	__atomic_fetch_or(&secrets->targets[object / 64], UINT64_C(1) << object % 64, __ATOMIC_RELAXED);
}
static inline void ph_heap_nameless_target(struct ph_heap_secrets *secrets, uint32_t object)
{
	__atomic_fetch_or(&secrets->nameless[object / 64], UINT64_C(1) << object % 64, __ATOMIC_RELAXED);
}
static inline bool ph_heap_is_nameless(const struct ph_heap_secrets *secrets, uint64_t object)
{
	if (!secrets->by_name)
		return false;
	/* what nothing leads to had its name in what was cut */
	uint64_t nameless = secrets->nameless[object / 64] | (secrets->led_to ? ~secrets->led_to[object / 64] : 0);
	return nameless >> object % 64 & 1;
}
static inline void ph_heap_led_to(struct ph_heap_secrets *secrets, uint32_t object)
{
	__atomic_fetch_or(&secrets->led_to[object / 64], UINT64_C(1) << object % 64, __ATOMIC_RELAXED);
}
/* What is no edge: the locals of a frame or generator.  A word of this is one thread's, a unit's. */
static inline void ph_heap_secrets_framed(struct ph_heap_secrets *secrets, uint64_t object)
{
	if (secrets->framed)
		secrets->framed[object / 64] |= UINT64_C(1) << object % 64;
}
/* All were given: mark them, by the thread that has the runtime and the redactor. */
void ph_heap_secrets_mark(struct ph_heap_secrets *secrets);
void ph_heap_secrets_deinit(struct ph_heap_secrets *secrets);

/* ---- memory.c ---- */

/* What is left of the account, for ph_extract_memory(). */
struct ph_error *ph_extract_keep_memory(struct ph_extract *extract, struct ph_account *account)
	__attribute__((warn_unused_result));

/* ---- the walk ---- */

struct ph_heap_type_count {
	struct ph_heap_type_count *next;
	const struct ph_shape *shape;
	uint32_t index;
	uint64_t count;
	uint64_t bytes; /* that they hold */
	bool has_value, has_locals, has_secret_slot;
};

#define PH_HEAP_BOUND_INTERVAL 256  /* objects, until it may be looked whether pages must go */
#define PH_HEAP_LEAVE_INTERVAL 1024 /* the same of a walk upwards that decodes them alone */
#define PH_HEAP_RAW 4096   /* edges that are taken at a time */
#define PH_HEAP_BATCH 512  /* objects whose edges are */
#define PH_HEAP_CACHE 1024 /* types and names that came last */

/* What a thread has of its own. */
struct ph_heap_worker {
	struct ph_heap_walk *walk;
	struct ph_objects *objects;
	bool owns_objects;
	struct ph_error *error;
	/* types */
	size_t type_at; /* where an object has its own, in words as ours; 0: others */
	struct ph_addrmap types; /* address -> struct ph_heap_type_count * */
	struct ph_arena arena;
	struct ph_heap_type_count *counts;
	struct {
		ph_addr type;
		struct ph_heap_type_count *count;
	} type_cache[PH_HEAP_CACHE];
	/* names of values and attributes */
	struct {
		ph_addr name;
		uint32_t index;
		uint8_t verdict; /* enum ph_heap_name */
	} name_cache[PH_HEAP_CACHE];
	struct ph_value value;
	/* objects that are walked and whose edges are not yet taken: place in the unit, where their edges begin */
	struct {
		uint32_t place, start;
	} batch[PH_HEAP_BATCH];
	size_t batch_count;
	struct ph_heap_type_count *current; /* the last of them */
	bool continued; /* some edges of the first were taken before */
	bool interned;	/* the object whose edges are taken is the dict of interned strings */
	bool type_visited;
	struct ph_edge raw[PH_HEAP_RAW];
	struct ph_edge_sink raw_sink;
	struct ph_heap_unit *unit;
	uint64_t edges; /* of the unit so far */
	uint64_t fields[(PH_FIELD_COUNT + 63) / 64]; /* that edges name */
	struct ph_claims claims; /* of the unit */
	struct ph_heap_type_count *unit_types[PH_HEAP_UNIT]; /* of its objects; NULL unknown */
	/* values */
	struct ph_buffer text;
	struct ph_heap_values *values;
	struct ph_heap_recent *recent; /* texts of the unit */
	uint64_t redacted; /* values that are, or hold, what was taken out */
} PH_JOBS_ALIGNED;

struct ph_heap_walk {
	struct ph_extract *extract;
	struct ph_heap *heap;
	struct ph_heap_sink sink;
	struct ph_heap_secrets secrets;
	struct ph_account *account; /* what the memory is for */
	uint64_t *valued; /* a bit for each object */
	uint64_t units;
	_Atomic uint64_t next; /* unit that nobody has taken */
	atomic_bool paused; /* who walks behind takes no more */
	pthread_mutex_t lock;
	struct ph_error *error; /* the first */
	struct ph_heap_worker *workers;
	unsigned jobs;
	struct ph_buffer name; /* of a root */
};

/* Of a heap that may have objects of its own thread; the first worker has extract's.  What it takes of extract does not
 * change any more. */
struct ph_error *ph_heap_walk_create(struct ph_extract *extract, struct ph_heap *heap, unsigned jobs,
				     const struct ph_heap_sink *sink, struct ph_heap_walk **ret)
	__attribute__((warn_unused_result));
void ph_heap_walk_free(struct ph_heap_walk *walk);
/* Units by all workers but the first, until there are no more, the sink is full, or it is paused: each ends its unit.
 * The error of any of them afterwards, the caller's. */
void ph_heap_walk_behind(struct ph_heap_walk *walk);
void ph_heap_walk_pause(struct ph_heap_walk *walk);
struct ph_error *ph_heap_walk_error(struct ph_heap_walk *walk) __attribute__((warn_unused_result));
/* One that was begun ahead, the caller's; NULL none (ahead.c). */
struct ph_heap_walk *ph_extract_take_walk(struct ph_extract *extract);

static inline uint32_t ph_heap_index(const struct ph_heap *heap, ph_addr address)
{
	uint64_t index;
	return ph_heap_find(heap, address, &index) && index < PH_NO_INDEX ? (uint32_t)index : PH_NO_INDEX;
}

static inline size_t ph_heap_slot(ph_addr address)
{
	return (address >> 4 ^ address >> 14) & (PH_HEAP_CACHE - 1);
}

/* The type of an object as the worker counts it; NULL unknown, or with worker->error set without memory. */
struct ph_heap_type_count *ph_heap_type_far(struct ph_heap_worker *worker, ph_addr object);
static inline struct ph_heap_type_count *ph_heap_type_of(struct ph_heap_worker *worker, ph_addr object)
{
	const struct ph_target *target = worker->walk->heap->target;
	ph_addr type;
	const uint8_t *data = worker->type_at ?
				      ph_image_look(target->image, object + worker->type_at, sizeof(type)) : NULL;
	if (!data)
		return ph_heap_type_far(worker, object);
	memcpy(&type, data, sizeof(type));
	size_t slot = ph_heap_slot(type);
	return worker->type_cache[slot].type == type ? worker->type_cache[slot].count :
						       ph_heap_type_far(worker, object);
}

/* One unit, into the sink (heap_unit.c, heap_values.c). */
struct ph_error *ph_heap_walk_unit(struct ph_heap_worker *worker, uint64_t number);
struct ph_error *ph_heap_walk_values(struct ph_heap_worker *worker, uint64_t number);

#endif
