/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Immediate dominators: Lengauer and Tarjan (1979), with path compression alone, in arrays of 4-byte numbers.  It is
 * the bound that decides for it: a chain of millions of objects, or a dump made to be slow, takes O(edges log objects)
 * here, where methods that climb the tree take the square.
 *
 * Objects are numbered as a depth-first walk meets them, from 1; 0 is the root of all, above the roots of the heap. */
#include "graph/graph.h"

#include "base/callbacks.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define STAGE "working out what retains what"
#define PROGRESS_EVERY (1u << 20)

struct dominators {
	const struct ph_graph_input *in;
	const uint8_t *reach;
	uint32_t count;	   /* numbers in use */
	uint32_t *number;  /* of an object, 0: not met */
	uint32_t *object;  /* of a number */
	uint32_t *parent;  /* of a number, in the walk's tree; of those that were processed, further up (compressed) */
	uint32_t *cursor;  /* the edge that the walk looks at next; then the stack of compress() */
	uint32_t *start, *before; /* who leads to a number: numbers, 0 for the root of all */
	uint32_t *semi, *label, *dominator;
	uint32_t *bucket, *next; /* those whose semidominator a number is */
	uint8_t *is_root;
};

/* Kept by roots, by guesses, by a name alone, by nothing: what one of them holds keeps nothing of the stronger ones. */
static inline unsigned level(const struct dominators *d, uint32_t object)
{
	uint8_t reach = d->reach[object];
	return !reach ? 3 : reach > 1 + PH_GRAPH_GUESS ? 2 : reach == 1 + PH_GRAPH_GUESS ? 1 : 0;
}

/* Whether a reference keeps its target: from its own level, and a guess what nothing else keeps. */
static inline bool keeps(const struct dominators *d, uint32_t from, uint32_t to, enum ph_graph_force force)
{
	if (to >= d->in->objects || to == from || force == PH_GRAPH_WEAK)
		return false;
	unsigned above = level(d, from), below = level(d, to);
	return force == PH_GRAPH_GUESSED ? below == 1 && above <= 1 : above == below;
}

/* ---- the walk ---- */

/* Where an object's edges are, and behind them its type. */
static inline uint32_t edge_end(const struct dominators *d, uint32_t object)
{
	return d->in->edge_start[object + 1];
}

/* The next object that the one at a number keeps and that was not met; PH_GRAPH_NONE: no more. */
static uint32_t next_kept(struct dominators *d, uint32_t number)
{
	const struct ph_graph_input *in = d->in;
	uint32_t object = d->object[number], end = edge_end(d, object);
	while (d->cursor[number] <= end) {
		uint32_t e = d->cursor[number]++;
		uint32_t to = e == end ? in->type[object] : in->edge_target[e];
		enum ph_graph_force force = e == end ? PH_GRAPH_STRONG : (enum ph_graph_force)in->edge_force[e];
		if (keeps(d, object, to, force) && !d->number[to])
			return to;
	}
	return PH_GRAPH_NONE;
}

static void enter(struct dominators *d, uint32_t object, uint32_t parent)
{
	uint32_t number = ++d->count;
	d->number[object] = number;
	d->object[number] = object;
	d->parent[number] = parent;
	d->cursor[number] = d->in->edge_start[object];
}

static struct ph_error *walk_from(struct dominators *d, uint32_t root)
{
	struct ph_error *error = NULL;
	d->is_root[root] = 1;
	if (d->number[root])
		return NULL;
	enter(d, root, 0);
	for (uint32_t at = d->count; !error && at;) {
		uint32_t to = next_kept(d, at);
		if (to == PH_GRAPH_NONE) {
			at = d->parent[at];
			continue;
		}
		enter(d, to, at);
		at = d->count;
		if (at % PROGRESS_EVERY == 0)
			error = ph_progress(d->in->callbacks, STAGE, at / 3, d->in->objects);
	}
	return error;
}

/* Of garbage first what no other garbage refers to. */
static struct ph_error *walk_garbage(struct dominators *d)
{
	const struct ph_graph_input *in = d->in;
	ph_auto_free uint8_t *is_held = calloc(in->objects + 1ull, 1);
	struct ph_error *error = is_held ? NULL : &ph_error_no_memory;
	for (uint32_t i = 0; !error && i < in->objects; i++) {
		for (uint32_t e = in->edge_start[i]; level(d, i) == 3 && e < edge_end(d, i); e++)
			if (keeps(d, i, in->edge_target[e], (enum ph_graph_force)in->edge_force[e]))
				is_held[in->edge_target[e]] = 1;
		if (level(d, i) == 3 && keeps(d, i, in->type[i], PH_GRAPH_STRONG))
			is_held[in->type[i]] = 1;
	}
	for (uint32_t i = 0; !error && i < in->objects; i++)
		if (level(d, i) == 3 && !is_held[i])
			error = walk_from(d, i);
	return error;
}

static struct ph_error *walk(struct dominators *d)
{
	const struct ph_graph_input *in = d->in;
	struct ph_error *error = NULL;
	for (unsigned wanted = 0; wanted < 3; wanted++)
		for (uint32_t i = 0; !error && i < in->roots; i++) {
			uint32_t object = in->root_object[i];
			uint8_t rank = in->root_rank[i];
			unsigned of = rank < PH_GRAPH_GUESS ? 0 : rank == PH_GRAPH_GUESS ? 1 : 2;
			if (rank <= PH_GRAPH_ALONE && of == wanted && object < in->objects &&
			    level(d, object) == wanted)
				error = walk_from(d, object);
		}
	if (!error)
		error = walk_garbage(d);
	/* cycles of garbage, and whatever an altered file says is kept */
	for (uint32_t i = 0; !error && i < in->objects; i++)
		if (!d->number[i])
			error = walk_from(d, i);
	return error;
}

/* ---- who leads where, by numbers ---- */

static struct ph_error *link_before(struct dominators *d)
{
	const struct ph_graph_input *in = d->in;
	uint32_t *start = d->start;
	uint64_t total = 0;
	memset(start, 0, (d->count + 2ull) * sizeof(*start));
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < in->objects; i++)
			for (uint32_t e = in->edge_start[i], end = edge_end(d, i); e <= end; e++) {
				uint32_t to = e == end ? in->type[i] : in->edge_target[e];
				if (!keeps(d, i, to, e == end ? PH_GRAPH_STRONG : (enum ph_graph_force)in->edge_force[e]))
					continue;
				if (pass)
					d->before[start[d->number[to] + 1]++] = d->number[i];
				else
					start[d->number[to] + 1]++;
			}
		for (uint32_t i = 0; !pass && i <= d->count; i++) {
			uint32_t n = start[i + 1];
			start[i + 1] = (uint32_t)total;
			total += n;
		}
		if (!pass && total >= UINT32_MAX)
			return ph_error_create(PH_ERROR_USAGE, "more references than 32 bits can number");
		if (!pass && !(d->before = malloc((total + 1) * sizeof(*d->before))))
			return &ph_error_no_memory;
	}
	return NULL;
}

/* ---- Lengauer and Tarjan ---- */

/* Of those above `v` that were processed (numbers from `done` on), and itself, the one of least semidominator. */
static uint32_t evaluate(struct dominators *d, uint32_t v, uint32_t done)
{
	uint32_t *stack = d->cursor, depth = 0;
	if (v < done || d->parent[v] < done)
		return d->label[v];
	for (uint32_t at = v; d->parent[at] >= done; at = d->parent[at])
		stack[depth++] = at;
	while (depth) {
		uint32_t at = stack[--depth], above = d->parent[at];
		if (d->semi[d->label[above]] < d->semi[d->label[at]])
			d->label[at] = d->label[above];
		d->parent[at] = d->parent[above];
	}
	return d->label[v];
}

static void process(struct dominators *d, uint32_t w)
{
	uint32_t above = d->parent[w], least = d->is_root[d->object[w]] ? 0 : w;
	for (uint32_t i = d->start[w]; i < d->start[w + 1]; i++) {
		uint32_t semi = d->semi[evaluate(d, d->before[i], w + 1)];
		if (semi < least)
			least = semi;
	}
	d->semi[w] = least;
	d->next[w] = d->bucket[least];
	d->bucket[least] = w;
	/* w counts as processed from here on */
	for (uint32_t v = d->bucket[above]; v; v = d->next[v]) {
		uint32_t u = evaluate(d, v, w);
		d->dominator[v] = d->semi[u] < d->semi[v] ? u : above;
	}
	d->bucket[above] = 0;
}

static struct ph_error *dominate(struct dominators *d)
{
	struct ph_error *error = NULL;
	for (uint32_t i = 0; i <= d->count; i++)
		d->semi[i] = d->label[i] = i;
	memset(d->bucket, 0, (d->count + 1ull) * sizeof(*d->bucket));
	for (uint32_t w = d->count; !error && w; w--) {
		process(d, w);
		if (w % PROGRESS_EVERY == 0)
			error = ph_progress(d->in->callbacks, STAGE, d->in->objects - w / 3 * 2, d->in->objects);
	}
	d->dominator[0] = 0;
	for (uint32_t w = 1; w <= d->count; w++)
		if (d->dominator[w] != d->semi[w])
			d->dominator[w] = d->dominator[d->dominator[w]];
	return error;
}

static void hand_out(const struct dominators *d, uint32_t *ret_dominator, uint64_t *retained)
{
	for (uint32_t w = d->count; w; w--) {
		uint32_t above = d->dominator[w];
		ret_dominator[d->object[w]] = above ? d->object[above] : PH_GRAPH_NONE;
		if (above)
			retained[d->object[above]] += retained[d->object[w]];
	}
}

static void free_all(struct dominators *d)
{
	void *all[] = { d->number, d->object, d->parent,    d->cursor, d->start, d->before,
			d->semi,   d->label,  d->dominator, d->bucket, d->next,	 d->is_root };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]);
}

struct ph_error *ph_graph_dominators(const struct ph_graph_input *input, const uint8_t *reach, uint32_t *ret_dominator,
				     uint64_t *retained)
{
	size_t size = (input->objects + 2ull) * sizeof(uint32_t);
	struct dominators d = { .in = input, .reach = reach };
	uint32_t **arrays[] = { &d.object, &d.parent, &d.cursor,    &d.start, &d.semi,
				&d.label,  &d.bucket, &d.dominator, &d.next };
	struct ph_error *error = NULL;
	d.number = calloc(1, size);
	d.is_root = calloc(1, input->objects + 1ull);
	if (!d.number || !d.is_root)
		error = &ph_error_no_memory;
	for (size_t i = 0; !error && i < sizeof(arrays) / sizeof(*arrays); i++)
		if (!(*arrays[i] = malloc(size)))
			error = &ph_error_no_memory;
	if (!error)
		error = walk(&d);
	if (!error)
		error = link_before(&d);
	if (!error)
		error = dominate(&d);
	if (!error)
		hand_out(&d, ret_dominator, retained);
	free_all(&d);
	return error;
}

/* ---- the tree ---- */

struct tree {
	uint32_t *start, *child; /* items below an object; those of no object come last */
};

static bool make_tree(uint32_t objects, const uint32_t *dominator, struct tree *tree)
{
	uint32_t total = 0;
	tree->start = calloc(objects + 3ull, sizeof(*tree->start));
	tree->child = malloc((objects + 1ull) * sizeof(*tree->child));
	if (!tree->start || !tree->child)
		return false;
	for (uint32_t i = 0; i < objects; i++)
		tree->start[(dominator[i] < objects ? dominator[i] : objects) + 1]++;
	for (uint32_t i = 0; i <= objects; i++) {
		uint32_t n = tree->start[i + 1];
		tree->start[i + 1] = total;
		total += n;
	}
	for (uint32_t i = 0; i < objects; i++)
		tree->child[tree->start[(dominator[i] < objects ? dominator[i] : objects) + 1]++] = i;
	return true;
}

struct ph_error *ph_graph_retained_by_group(uint32_t objects, const uint32_t *dominator, const uint64_t *retained,
					    const uint32_t *group, uint32_t groups, uint64_t *ret)
{
	struct tree tree = { 0 };
	size_t size = (objects + 1ull) * sizeof(uint32_t);
	ph_auto_free uint32_t *path = malloc(size), *cursor = malloc(size), *open = calloc(groups + 1ull, sizeof(*open));
	bool made = make_tree(objects, dominator, &tree);
	ph_auto_free uint32_t *start = tree.start, *child = tree.child;
	if (!made || !path || !open || !cursor)
		return &ph_error_no_memory;
	memset(ret, 0, groups * sizeof(*ret));
	memcpy(cursor, start, size);
	uint32_t depth = 0, at = objects; /* each object is a child once, so it is entered once */
	while (true) {
		if (cursor[at] < start[at + 1]) {
			path[depth++] = at;
			at = child[cursor[at]++];
			if (group[at] < groups && !open[group[at]]++)
				ret[group[at]] += retained[at];
			continue;
		}
		if (!depth)
			return NULL;
		if (group[at] < groups)
			open[group[at]]--;
		at = path[--depth];
	}
}
