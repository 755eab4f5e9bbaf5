/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph/graph.h"

#include "base/callbacks.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define STAGE "linking the heap"
#define PROGRESS_EVERY (1u << 20)

/* ---- referrers ---- */

/* A counting sort by target: start[t + 1] counts, then start[t] is where t's next referrer goes, which leaves it at the
 * end of t's, that is at the start of t + 1's. */
static struct ph_error *link_referrers(const struct ph_graph_input *in, uint32_t *start, uint32_t **ret,
				       uint32_t *ret_count)
{
	uint32_t n = in->objects, total = 0;
	memset(start, 0, ((size_t)n + 1) * sizeof(*start));
	for (uint32_t e = 0; e < in->edges; e++)
		if (in->edge_target[e] < n)
			start[in->edge_target[e] + 1]++;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t count = start[i + 1];
		start[i + 1] = total;
		total += count;
	}
	uint32_t *referrer = malloc(((size_t)total + 1) * sizeof(*referrer));
	if (!referrer)
		return &ph_error_no_memory;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t e = in->edge_start[i]; e < in->edge_start[i + 1]; e++)
			if (in->edge_target[e] < n)
				referrer[start[in->edge_target[e] + 1]++] = i;
	*ret = referrer;
	*ret_count = total;
	return NULL;
}

/* ---- reachability and shortest paths ---- */

struct search {
	const struct ph_graph_input *in;
	uint32_t *parent, *queue;
	uint8_t *reach;
	uint32_t head, tail;
	uint8_t mark; /* of what is found now */
	uint32_t *guessers; /* objects with guessed edges */
	uint32_t guesser_count;
};

static inline void visit(struct search *s, uint32_t object, uint32_t from)
{
	if (object >= s->in->objects || s->reach[object])
		return;
	s->reach[object] = s->mark;
	s->parent[object] = from;
	s->queue[s->tail++] = object;
}

static void visit_edges(struct search *s, uint32_t object, enum ph_graph_force force)
{
	const struct ph_graph_input *in = s->in;
	for (uint32_t e = in->edge_start[object]; e < in->edge_start[object + 1]; e++)
		if (in->edge_force[e] == force)
			visit(s, in->edge_target[e], object);
}

static void visit_roots(struct search *s, enum ph_graph_rank rank)
{
	for (uint32_t i = 0; i < s->in->roots; i++)
		if (s->in->root_rank[i] == rank)
			visit(s, s->in->root_object[i], s->in->root_object[i]);
}

/* Breadth first from what is in the queue. */
static struct ph_error *spread(struct search *s, bool types, bool guesses)
{
	struct ph_error *error = NULL;
	while (!error && s->head < s->tail) {
		uint32_t object = s->queue[s->head++];
		if (s->head % PROGRESS_EVERY == 0)
			error = ph_progress(s->in->callbacks, STAGE, s->head, s->in->objects);
		visit_edges(s, object, PH_GRAPH_STRONG);
		if (types)
			visit(s, s->in->type[object], object);
		if (guesses)
			visit_edges(s, object, PH_GRAPH_GUESSED);
	}
	return error;
}

/* What roots of one rank lead to.  Types come last: hardly anybody wants to hear that a class is alive because it has
 * instances. */
static struct ph_error *search_from(struct search *s, enum ph_graph_rank rank)
{
	uint32_t begin = s->tail;
	s->mark = (uint8_t)(1 + rank);
	visit_roots(s, rank);
	if (rank == PH_GRAPH_GUESS) {
		for (uint32_t i = 0; i < s->guesser_count; i++)
			if (s->reach[s->guessers[i]] && s->reach[s->guessers[i]] != s->mark)
				visit_edges(s, s->guessers[i], PH_GRAPH_GUESSED);
		return spread(s, true, true);
	}
	struct ph_error *error = spread(s, false, false);
	for (uint32_t i = begin, end = s->tail; !error && i < end; i++)
		visit(s, s->in->type[s->queue[i]], s->queue[i]);
	return error ? error : spread(s, true, false);
}

static struct ph_error *search(struct search *s)
{
	struct ph_error *error = NULL;
	memset(s->reach, 0, s->in->objects);
	memset(s->parent, 0xff, (size_t)s->in->objects * sizeof(*s->parent));
	for (unsigned rank = 0; !error && rank < PH_GRAPH_RANKS; rank++)
		error = search_from(s, (enum ph_graph_rank)rank);
	s->mark = 1 + PH_GRAPH_ALONE;
	visit_roots(s, PH_GRAPH_ALONE);
	return error;
}

static struct ph_error *find_guessers(struct search *s)
{
	const struct ph_graph_input *in = s->in;
	uint32_t capacity = 0;
	for (uint32_t i = 0; i < in->objects; i++) {
		bool guesses = false;
		for (uint32_t e = in->edge_start[i]; !guesses && e < in->edge_start[i + 1]; e++)
			guesses = in->edge_force[e] == PH_GRAPH_GUESSED;
		if (!guesses)
			continue;
		if (s->guesser_count == capacity) {
			capacity = capacity ? capacity * 2 : 1024;
			uint32_t *grown = realloc(s->guessers, (size_t)capacity * sizeof(*grown));
			if (!grown)
				return &ph_error_no_memory;
			s->guessers = grown;
		}
		s->guessers[s->guesser_count++] = i;
	}
	return NULL;
}

struct ph_error *ph_graph_build(const struct ph_graph_input *input, struct ph_graph *ret)
{
	size_t n = input->objects;
	ph_auto_free uint32_t *start = malloc((n + 1) * sizeof(*start)), *referrer = NULL;
	ph_auto_free uint32_t *parent = malloc((n + 1) * sizeof(*parent)), *queue = NULL;
	ph_auto_free uint8_t *reach = malloc(n + 1);
	uint32_t count = 0;
	struct ph_error *error =
		start && parent && reach ? link_referrers(input, start, &referrer, &count) : &ph_error_no_memory;
	if (error)
		return error;
	queue = malloc((n + 1) * sizeof(*queue));
	struct search s = { .in = input, .parent = parent, .queue = queue, .reach = reach };
	error = queue ? find_guessers(&s) : &ph_error_no_memory;
	if (!error)
		error = search(&s);
	free(s.guessers);
	if (error)
		return error;
	*ret = (struct ph_graph){
		.objects = input->objects,
		.referrers = count,
		.referrer_start = start,
		.referrer = referrer,
		.parent = parent,
		.reach = reach,
		.memory = { start, referrer, parent, reach },
	};
	start = referrer = parent = NULL, reach = NULL;
	return NULL;
}

void ph_graph_deinit(struct ph_graph *graph)
{
	for (size_t i = 0; i < sizeof(graph->memory) / sizeof(*graph->memory); i++)
		free(graph->memory[i]);
	*graph = (struct ph_graph){ 0 };
}

const uint32_t *ph_graph_referrers(const struct ph_graph *graph, uint32_t object, uint32_t *ret_count)
{
	uint32_t first = graph->referrer_start[object], end = graph->referrer_start[object + 1];
	bool right = first <= end && end <= graph->referrers;
	*ret_count = right ? end - first : 0;
	return graph->referrer + (right ? first : 0);
}

size_t ph_graph_path(const struct ph_graph *graph, uint32_t object, uint32_t *ret, size_t capacity)
{
	size_t length = 0;
	if (object >= graph->objects || !graph->reach[object])
		return 0;
	/* a path has no object twice: a longer one is a circle, which only an altered file can hold */
	while (length < graph->objects) {
		if (length < capacity)
			ret[length] = object;
		length++;
		uint32_t next = graph->parent[object];
		if (next == object)
			return length;
		if (next >= graph->objects)
			return 0;
		object = next;
	}
	return 0;
}
