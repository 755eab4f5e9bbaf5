/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph/graph.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct walk {
	const uint32_t *start, *target;
	uint32_t *low;	     /* 0: not seen; then the lowest number that it leads back to */
	uint32_t *next;	     /* edge that is looked at next */
	uint32_t *open;	     /* items whose component is not known yet, in the order of their numbers */
	uint32_t *path;	     /* from the first item down to the one that is looked at */
	uint32_t open_count, depth;
	uint32_t number;
	uint32_t *component, components;
};

static void enter(struct walk *w, uint32_t item)
{
	w->low[item] = ++w->number;
	w->next[item] = w->start[item];
	w->path[w->depth++] = item;
}

/* All edges of the item were looked at. `first` is the number that it got. */
static void leave(struct walk *w, uint32_t item, uint32_t first)
{
	w->depth--;
	if (w->low[item] < first) {
		w->open[w->open_count++] = item;
	} else {
		/* what lies above it on the stack with numbers of at least its own leads back to it */
		while (w->open_count && w->low[w->open[w->open_count - 1]] >= first) {
			uint32_t member = w->open[--w->open_count];
			w->component[member] = w->components;
			w->low[member] = UINT32_MAX;
		}
		w->component[item] = w->components++;
		w->low[item] = UINT32_MAX;
	}
	if (w->depth) {
		uint32_t above = w->path[w->depth - 1];
		if (w->low[item] < w->low[above])
			w->low[above] = w->low[item];
	}
}

static void walk_from(struct walk *w, uint32_t item, uint32_t *first)
{
	enter(w, item);
	first[item] = w->number;
	while (w->depth) {
		uint32_t at = w->path[w->depth - 1];
		if (w->next[at] == w->start[at + 1]) {
			leave(w, at, first[at]);
			continue;
		}
		uint32_t to = w->target[w->next[at]++];
		if (to == PH_GRAPH_NONE)
			continue;
		if (!w->low[to]) {
			enter(w, to);
			first[to] = w->number;
		} else if (w->low[to] < w->low[at]) { /* of those that are done it is the largest number */
			w->low[at] = w->low[to];
		}
	}
}

struct ph_error *ph_graph_components(uint32_t items, const uint32_t *start, const uint32_t *target,
				     uint32_t *ret_component, uint32_t *ret_count)
{
	size_t size = ((size_t)items + 1) * sizeof(uint32_t);
	ph_auto_free uint32_t *low = calloc(1, size), *next = malloc(size), *open = malloc(size), *path = malloc(size);
	ph_auto_free uint32_t *first = malloc(size);
	if (!low || !next || !open || !path || !first)
		return &ph_error_no_memory;
	struct walk w = { .start = start, .target = target, .low = low, .next = next, .open = open, .path = path,
			  .component = ret_component };
	for (uint32_t i = 0; i < items; i++)
		if (!low[i])
			walk_from(&w, i, first);
	*ret_count = w.components;
	return NULL;
}
