/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What follows from the edges of a whole heap: who refers to an object, which objects a root reaches and over which
 * shortest path.  Objects are indices, as in the dump's columns.
 *
 * Everything is arrays of one item an object or an edge, made in linear time by loops, so that they can be written to
 * a file and mapped again (graph/store.h).  What comes out of such a file is not believed: every accessor here holds
 * what it reads against the bounds. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <pyheap/callbacks.h>

#include "base/error.h"
#include "base/types.h"

#define PH_GRAPH_NONE UINT32_MAX /* no object */

/* How an edge keeps its target alive. */
enum ph_graph_force {
	PH_GRAPH_STRONG,
	PH_GRAPH_GUESSED, /* it may be no reference at all */
	PH_GRAPH_WEAK,	  /* not at all */
};

/* In which order roots are believed: what a lower one reaches is not asked of a higher one. */
enum ph_graph_rank {
	PH_GRAPH_NAMED,	 /* variables and modules: what a program calls its own */
	PH_GRAPH_STATE,	 /* frames, threads, the interpreter, native code */
	PH_GRAPH_STATIC, /* objects in the data of modules */
	PH_GRAPH_GUESS,	 /* words of native stacks */
	PH_GRAPH_RANKS,
	/* what holds the object itself and keeps nothing else alive: the dict of interned strings */
	PH_GRAPH_ALONE = PH_GRAPH_RANKS,
	PH_GRAPH_IDLE, /* keeps nothing alive */
};

/* The columns, borrowed.  Indices of at least `objects` stand for nothing. */
struct ph_graph_input {
	uint32_t objects, edges;
	const uint32_t *edge_start;  /* objects + 1, ascending, the last is `edges` */
	const uint32_t *edge_target; /* edges */
	const uint8_t *edge_force;   /* edges; enum ph_graph_force */
	const uint32_t *type;	     /* objects: each keeps its type alive */
	const uint32_t *root_object; /* roots */
	const uint8_t *root_rank;    /* roots; enum ph_graph_rank */
	uint32_t roots;
	const struct ph_callbacks *callbacks; /* may be NULL */
};

struct ph_graph {
	uint32_t objects, referrers; /* items of the arrays */
	const uint32_t *referrer_start; /* objects + 1 */
	const uint32_t *referrer;	/* sources of edges, grouped by target, ascending; twice where there are two */
	const uint32_t *parent;		/* objects: the one before on a shortest path, itself for a root */
	const uint8_t *reach;		/* objects: 0 garbage, else 1 + enum ph_graph_rank */
	void *memory[4];		/* of ours, when it was made here */
};

/* Linear time; 13 bytes an object and 4 an edge that stay, as much again meanwhile.
 * PH_ERROR_NO_MEMORY, PH_ERROR_CANCELLED. */
struct ph_error *ph_graph_build(const struct ph_graph_input *input, struct ph_graph *ret)
	__attribute__((warn_unused_result));
void ph_graph_deinit(struct ph_graph *graph);

/* The objects that refer to one: *ret_count of them, borrowed.  Each may be any number. */
const uint32_t *ph_graph_referrers(const struct ph_graph *graph, uint32_t object, uint32_t *ret_count);

static inline bool ph_graph_is_garbage(const struct ph_graph *graph, uint32_t object)
{
	return !graph->reach[object];
}

/* From the object up to its root, both included, into `ret` when it has room for `capacity`; the number of objects.
 * 0: nothing reaches it. */
size_t ph_graph_path(const struct ph_graph *graph, uint32_t object, uint32_t *ret, size_t capacity);

/* ---- what an object alone keeps (dominators.c) ---- */

/* ret_dominator[i]: the last object that every path from the roots to i goes over, PH_GRAPH_NONE: there is none.
 * `retained` has the objects' own sizes, and gets the sums of what each dominates, itself included: what would be freed
 * with it.  `reach` is the graph's.  References that count: those among what roots reach, and guesses only where
 * nothing else keeps an object; what no root reaches has dominators of its own, where one of each cycle stands for a
 * root.  Of an object's type, too: a class is retained by its instances and by whoever else refers to it.
 * O(edges log objects); 45 bytes an object and 4 an edge meanwhile.  PH_ERROR_NO_MEMORY, PH_ERROR_CANCELLED. */
struct ph_error *ph_graph_dominators(const struct ph_graph_input *input, const uint8_t *reach, uint32_t *ret_dominator,
				     uint64_t *retained) __attribute__((warn_unused_result));

/* For each group the sum of `retained` over its objects that no other of the same group dominates: no byte counts twice.
 * group[i] of at least `groups`: of none.  A dominator that goes in a circle, as only an altered file has, is left out. */
struct ph_error *ph_graph_retained_by_group(uint32_t objects, const uint32_t *dominator, const uint64_t *retained,
					    const uint32_t *group, uint32_t groups, uint64_t *ret)
	__attribute__((warn_unused_result));

/* ---- cycles (cycles.c) ---- */

/* The strongly connected components of a part of a graph: item i has the edges start[i] to start[i + 1], targets are
 * items or PH_GRAPH_NONE.  ret_component[i] is the number of i's component, *ret_count of them.  One object is a
 * component of its own.  Iterative and linear (Tarjan 1972, with Nuutila's stack). */
struct ph_error *ph_graph_components(uint32_t items, const uint32_t *start, const uint32_t *target,
				     uint32_t *ret_component, uint32_t *ret_count) __attribute__((warn_unused_result));

#endif
