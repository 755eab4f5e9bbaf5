/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the object room: what a function of traverse.def is given. */
#ifndef OBJECT_VISIT_H
#define OBJECT_VISIT_H

#include <string.h>

#include "object/decoder.h"
#include "object/traverse.h"

struct ph_visit {
	const struct ph_shape *shape;
	struct ph_objects *objects;
	const struct ph_target *target;
	ph_addr object;
	struct ph_struct s; /* the fixed part of the object */
	struct ph_edge_sink *sink;
	bool extra; /* the gc does not visit it at all */
};

typedef void ph_visit_fn(const struct ph_visit *visit);

static inline void ph_visit_edge(const struct ph_visit *v, ph_addr target, enum ph_edge_kind kind, uint64_t argument,
				 bool extra)
{
	ph_edge_put(v->sink, target, kind, argument, extra || v->extra);
}

/* A member of the object's struct. */
static inline void ph_visit_field(const struct ph_visit *v, enum ph_field field, bool extra)
{
	ph_visit_edge(v, ph_struct_ptr(&v->s, field), PH_EDGE_FIELD, field, extra);
}

/* A type of C, in a module's data: it has no head of the gc, which does not visit it. */
bool ph_is_static_type(const struct ph_shape *shape, ph_addr object);

/* `count` pointers at an address; reads what can be read of them. */
void ph_visit_array(const struct ph_visit *v, ph_addr array, uint64_t count, enum ph_edge_kind kind);
/* A length that cannot be. */
static inline void ph_visit_too_long(const struct ph_visit *v)
{
	v->sink->too_long = true;
}

/* Bytes that glibc's malloc gave at an address, where the words round it say so; else UINT64_MAX.  Of blocks that no pool has:
 * what precedes those is anything. */
uint64_t ph_malloc_room(const struct ph_target *target, ph_addr block);
#define PH_POOLED_MAXIMUM 512 /* bytes: SMALL_REQUEST_THRESHOLD of Objects/obmalloc.c */
/* Is it more than malloc gave there? */
static inline bool ph_is_beyond_chunk(const struct ph_target *target, ph_addr block, uint64_t bytes)
{
	return bytes > PH_POOLED_MAXIMUM && bytes > ph_malloc_room(target, block);
}
int16_t ph_weaklist_of(const struct ph_shape *shape);

/* What cannot be read there is not the process's memory, or lies across an end of it: not what a core left out. */
void ph_visit_unreadable(const struct ph_visit *v, ph_addr address, uint64_t size);
/* Words of [start, start + size) as guesses. */
void ph_visit_guess(const struct ph_visit *v, ph_addr start, uint64_t size, enum ph_edge_kind kind);
ph_visit_fn ph_visit_guessed_items;
/* Inline values, or the dict, of an instance. */
void ph_visit_managed(const struct ph_visit *v);
/* The names that a class keeps for its instances. */
void ph_visit_shared_keys(const struct ph_visit *v, ph_addr keys);

/* The blocks of a deque, from the left; bounded, whatever they link to. */
struct ph_deque_blocks {
	struct ph_objects *objects;
	ph_addr block, last, seen;
	uint64_t steps; /* that were made */
	bool is_circle; /* they never come to the last one */
};
struct ph_deque_blocks ph_deque_blocks(struct ph_objects *objects, ph_addr deque);
/* To the next one; false: that was the last, or they go in a circle, or cannot be read. */
bool ph_deque_next(struct ph_deque_blocks *walk);
/* How many entries a dict has room for, the most that it can have; 0: its table cannot be read. */
uint64_t ph_dict_room(struct ph_objects *objects, ph_addr dict);

/* blocks.c; the nearest type of C */
ph_blocks_fn ph_list_blocks, ph_dict_blocks, ph_str_blocks;
ph_blocks_fn *ph_blocks_of(const struct ph_type *base, bool is_guess);

#define PH_TRAVERSE(name, function, ...) ph_visit_fn function;
#include "object/traverse.def"

#endif
