/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Referrers, reachability, shortest paths and cycles: of a graph drawn by hand, and of random ones against the
 * plainest way to find the same. */
#include "graph/graph.h"

#include <stdlib.h>

#include "unit/check.h"

#define N 400
#define MANY (N * 3)

static struct ph_graph_input input;
static uint32_t start[N + 1], target[MANY], type[N], roots[16];
static uint8_t force[MANY], rank[16];

static uint32_t next_random(void)
{
	static uint64_t state = 4711;
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

/* ---- the plain way: relax until nothing changes ---- */

static uint8_t plain_reach[N];
static uint32_t plain_distance[N];

static bool relax(uint32_t from, uint32_t to, uint8_t mark)
{
	if (to >= input.objects || (plain_reach[to] && plain_reach[to] < mark))
		return false;
	if (plain_reach[to] && plain_distance[to] <= plain_distance[from] + 1)
		return false;
	plain_reach[to] = mark;
	plain_distance[to] = plain_distance[from] + 1;
	return true;
}

static void plain_round(uint8_t mark, bool guesses)
{
	bool changed = true;
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < input.objects; i++) {
			for (uint32_t e = start[i]; plain_reach[i] && e < start[i + 1]; e++)
				if (force[e] == PH_GRAPH_STRONG || (guesses && force[e] == PH_GRAPH_GUESSED))
					changed |= relax(i, target[e], mark);
			if (plain_reach[i])
				changed |= relax(i, type[i], mark);
		}
	}
}

/* Which objects are reached, by what; distances do not count where types and ranks mix. */
static void plain_search(void)
{
	memset(plain_reach, 0, sizeof(plain_reach));
	for (uint8_t mark = 1; mark <= PH_GRAPH_RANKS; mark++) {
		for (uint32_t i = 0; i < input.roots; i++)
			if (rank[i] + 1 == mark && roots[i] < input.objects && !plain_reach[roots[i]])
				plain_reach[roots[i]] = mark, plain_distance[roots[i]] = 0;
		plain_round(mark, mark == PH_GRAPH_RANKS);
	}
	for (uint32_t i = 0; i < input.roots; i++)
		if (rank[i] == PH_GRAPH_ALONE && roots[i] < input.objects && !plain_reach[roots[i]])
			plain_reach[roots[i]] = 1 + PH_GRAPH_ALONE;
}

static bool has_edge(uint32_t from, uint32_t to)
{
	for (uint32_t e = start[from]; e < start[from + 1]; e++)
		if (target[e] == to && force[e] != PH_GRAPH_WEAK)
			return true;
	return type[from] == to;
}

static void check_paths(const struct ph_graph *g)
{
	uint32_t path[N];
	for (uint32_t i = 0; i < input.objects; i++) {
		size_t length = ph_graph_path(g, i, path, N);
		CHECK_EQ(g->reach[i], plain_reach[i]);
		CHECK_EQ(!length, !plain_reach[i]);
		for (size_t k = 1; k < length; k++)
			CHECK(has_edge(path[k], path[k - 1]));
		bool is_root = !length;
		for (uint32_t k = 0; length && k < input.roots; k++)
			is_root = is_root || roots[k] == path[length - 1];
		CHECK(is_root);
	}
}

static void check_referrers(const struct ph_graph *g)
{
	for (uint32_t t = 0; t < input.objects; t++) {
		uint32_t count, found = 0;
		const uint32_t *sources = ph_graph_referrers(g, t, &count);
		for (uint32_t i = 0; i < input.objects; i++)
			for (uint32_t e = start[i]; e < start[i + 1]; e++)
				if (target[e] == t) {
					CHECK(found < count && sources[found] == i);
					found++;
				}
		CHECK_EQ(found, count);
	}
}

static void make_random(uint32_t objects, uint32_t edges)
{
	uint32_t e = 0;
	input = (struct ph_graph_input){ .objects = objects, .edge_start = start, .edge_target = target, .edge_force = force,
					 .type = type, .root_object = roots, .root_rank = rank };
	for (uint32_t i = 0; i < objects; i++) {
		start[i] = e;
		type[i] = next_random() % 3 ? PH_GRAPH_NONE : next_random() % 8;
		for (uint32_t k = next_random() % 4; k && e < edges; k--, e++) {
			target[e] = next_random() % 20 ? next_random() % objects : PH_GRAPH_NONE;
			force[e] = next_random() % 10 ? PH_GRAPH_STRONG : 1 + next_random() % 2;
		}
	}
	start[objects] = input.edges = e;
	input.roots = next_random() % 6;
	for (uint32_t i = 0; i < input.roots; i++)
		roots[i] = next_random() % (objects + 2), rank[i] = next_random() % (PH_GRAPH_IDLE + 1);
}

static void random_graphs(void)
{
	for (unsigned i = 0; i < 60; i++) {
		struct ph_graph g;
		make_random(2 + next_random() % (N - 2), MANY - 8);
		struct ph_error *error = ph_graph_build(&input, &g);
		CHECK(!error);
		if (error)
			continue;
		plain_search();
		check_paths(&g);
		check_referrers(&g);
		ph_graph_deinit(&g);
	}
}

/* Two ways to 3: over 1 and 2, or straight by a guess.  A weak reference keeps nothing. */
static void shortest(void)
{
	static const uint32_t edges[] = { 1, 3, 2, 3, 4, 5 };
	static const uint8_t forces[] = { 0, PH_GRAPH_GUESSED, 0, 0, PH_GRAPH_WEAK, 0 };
	static const uint32_t starts[] = { 0, 2, 3, 4, 5, 6, 6, 6 };
	static const uint32_t no_type[] = { -1, -1, -1, -1, -1, -1, -1 };
	static const uint32_t root[] = { 0 };
	static const uint8_t root_rank[] = { PH_GRAPH_NAMED };
	uint32_t path[8];
	struct ph_graph g;
	struct ph_graph_input in = { .objects = 7, .edges = 6, .edge_start = starts, .edge_target = edges,
				     .edge_force = forces, .type = no_type, .root_object = root, .root_rank = root_rank,
				     .roots = 1 };
	CHECK(!ph_graph_build(&in, &g));
	CHECK_EQ(ph_graph_path(&g, 3, path, 8), 4);
	CHECK(path[0] == 3 && path[1] == 2 && path[2] == 1 && path[3] == 0);
	CHECK_EQ(ph_graph_path(&g, 3, path, 2), 4);
	CHECK_EQ(ph_graph_path(&g, 4, path, 8), 0);
	CHECK_EQ(ph_graph_path(&g, 77, path, 8), 0);
	CHECK(ph_graph_is_garbage(&g, 5) && ph_graph_is_garbage(&g, 6) && !ph_graph_is_garbage(&g, 0));
	/* what an altered file could hold */
	((uint32_t *)g.memory[2])[1] = 2;
	CHECK_EQ(ph_graph_path(&g, 3, path, 8), 0);
	((uint32_t *)g.memory[2])[1] = 4000000000u;
	CHECK_EQ(ph_graph_path(&g, 3, path, 8), 0);
	uint32_t count;
	((uint32_t *)g.memory[0])[4] = 4000000000u;
	ph_graph_referrers(&g, 3, &count);
	CHECK_EQ(count, 0);
	ph_graph_deinit(&g);
}

static void nothing(void)
{
	static const uint32_t starts[] = { 0 };
	struct ph_graph g;
	struct ph_graph_input in = { .edge_start = starts };
	CHECK(!ph_graph_build(&in, &g));
	CHECK_EQ(ph_graph_path(&g, 0, NULL, 0), 0);
	ph_graph_deinit(&g);
}

/* ---- cycles: two are of one component when each leads to the other ---- */

static bool leads[N][N];

static void cycles(void)
{
	static uint32_t component[N];
	for (unsigned round = 0; round < 10; round++) {
		uint32_t n = 2 + next_random() % 60, count;
		make_random(n, n * (1 + round % 3));
		memset(leads, 0, sizeof(leads));
		for (uint32_t i = 0; i < n; i++) {
			leads[i][i] = true;
			for (uint32_t e = start[i]; e < start[i + 1]; e++)
				if (target[e] < n)
					leads[i][target[e]] = true;
		}
		for (uint32_t k = 0; k < n; k++)
			for (uint32_t i = 0; i < n; i++)
				for (uint32_t j = 0; j < n && leads[i][k]; j++)
					leads[i][j] = leads[i][j] || leads[k][j];
		CHECK(!ph_graph_components(n, start, target, component, &count));
		for (uint32_t i = 0; i < n; i++) {
			CHECK(component[i] < count);
			for (uint32_t j = 0; j < n; j++)
				CHECK((component[i] == component[j]) == (leads[i][j] && leads[j][i]));
		}
	}
}

/* A chain of a million, which recursion would not survive. */
static void deep(void)
{
	enum { LONG = 1000000 };
	uint32_t *s = malloc((LONG + 1) * sizeof(*s)), *t = malloc(LONG * sizeof(*t)), *c = malloc(LONG * sizeof(*c)), count;
	for (uint32_t i = 0; i < LONG; i++)
		s[i] = i, t[i] = (i + 1) % LONG;
	s[LONG] = LONG;
	CHECK(!ph_graph_components(LONG, s, t, c, &count));
	CHECK_EQ(count, 1);
	t[LONG - 1] = PH_GRAPH_NONE;
	CHECK(!ph_graph_components(LONG, s, t, c, &count));
	CHECK_EQ(count, LONG);
	free(s);
	free(t);
	free(c);
}

int main(void)
{
	shortest();
	nothing();
	random_graphs();
	cycles();
	deep();
	return CHECK_DONE();
}
