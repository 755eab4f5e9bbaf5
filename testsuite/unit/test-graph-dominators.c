/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dominators and retained sizes: of random graphs against the plainest way (take an object away and see what is not
 * reached any more), of graphs drawn by hand, and of chains that recursion and squares would not survive. */
#include "graph/graph.h"

#include <stdlib.h>

#include "unit/check.h"

#define N 160
#define MANY (N * 4)
#define LONG 1000000

static struct ph_graph_input input;
static uint32_t start[N + 1], target[MANY], type[N], roots[8];
static uint8_t force[MANY], rank[8];
static uint8_t reach[N + 1];
static uint32_t dominator[N];
static uint64_t size[N], retained[N];
static bool dominates[N][N]; /* [d][v] */

static uint32_t next_random(void)
{
	static uint64_t state = 815;
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

static void make_random(uint32_t objects)
{
	uint32_t e = 0;
	input = (struct ph_graph_input){ .objects = objects, .edge_start = start, .edge_target = target, .edge_force = force,
					 .type = type, .root_object = roots, .root_rank = rank };
	for (uint32_t i = 0; i < objects; i++) {
		start[i] = e;
		type[i] = next_random() % 3 ? PH_GRAPH_NONE : next_random() % 5;
		size[i] = next_random() % 1000;
		for (uint32_t k = next_random() % 4; k; k--, e++) {
			target[e] = next_random() % 20 ? next_random() % objects : PH_GRAPH_NONE;
			force[e] = next_random() % 10 ? PH_GRAPH_STRONG : 1 + next_random() % 2;
		}
	}
	start[objects] = input.edges = e;
	input.roots = next_random() % 8;
	for (uint32_t i = 0; i < input.roots; i++)
		roots[i] = next_random() % (objects + 2), rank[i] = next_random() % (PH_GRAPH_IDLE + 1);
}

/* 0 certain, 1 guessed, 2 held by a name, 3 garbage */
static unsigned level(uint32_t object)
{
	return !reach[object] ? 3 : reach[object] == 1 + PH_GRAPH_ALONE ? 2 : reach[object] == 1 + PH_GRAPH_GUESS;
}

/* What is reached without going over `removed`. */
static void spread(uint32_t removed, bool *reached)
{
	memset(reached, 0, N);
	for (uint32_t i = 0; i < input.roots; i++)
		if (roots[i] < input.objects && roots[i] != removed && rank[i] <= PH_GRAPH_ALONE &&
		    level(roots[i]) == (rank[i] < PH_GRAPH_GUESS ? 0u : rank[i] == PH_GRAPH_GUESS ? 1u : 2u))
			reached[roots[i]] = true;
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t i = 0; i < input.objects; i++)
			for (uint32_t e = start[i]; reached[i] && e <= start[i + 1]; e++) {
				uint32_t to = e == start[i + 1] ? type[i] : target[e];
				unsigned how = e == start[i + 1] ? PH_GRAPH_STRONG : force[e];
				if (to >= input.objects || to == removed || how == PH_GRAPH_WEAK || reached[to])
					continue;
				if (how == PH_GRAPH_GUESSED ? level(to) != 1 || level(i) > 1 : level(to) != level(i))
					continue;
				reached[to] = changed = true;
			}
	}
}

static void check_graph(void)
{
	bool all[N], without[N];
	uint64_t sum = 0, total = 0;
	spread(PH_GRAPH_NONE, all);
	for (uint32_t d = 0; d < input.objects; d++) {
		uint64_t kept = 0;
		spread(d, without);
		for (uint32_t v = 0; v < input.objects; v++) {
			dominates[d][v] = all[v] && all[d] && !without[v];
			kept += dominates[d][v] ? size[v] : 0;
		}
		if (reach[d]) {
			CHECK(all[d]);
			CHECK_EQ(retained[d], kept);
		}
	}
	for (uint32_t v = 0; v < input.objects; v++) {
		uint32_t want = PH_GRAPH_NONE;
		for (uint32_t d = 0; d < input.objects; d++)
			if (d != v && dominates[d][v] && (want == PH_GRAPH_NONE || dominates[want][d]))
				want = d;
		if (reach[v])
			CHECK_EQ(dominator[v], want);
		else
			CHECK(dominator[v] == PH_GRAPH_NONE || !reach[dominator[v]]);
		sum += dominator[v] == PH_GRAPH_NONE ? retained[v] : 0;
		total += size[v];
	}
	CHECK_EQ(sum, total); /* no byte is lost, none counts twice */
}

static void check_groups(void)
{
	uint32_t group[N];
	uint64_t sums[4], plain[4] = { 0 };
	for (uint32_t i = 0; i < input.objects; i++)
		group[i] = next_random() % 5; /* 4: of none */
	for (uint32_t i = 0; i < input.objects; i++) {
		uint32_t above = dominator[i];
		while (above != PH_GRAPH_NONE && group[above] != group[i])
			above = dominator[above];
		if (group[i] < 4 && above == PH_GRAPH_NONE)
			plain[group[i]] += retained[i];
	}
	CHECK(!ph_graph_retained_by_group(input.objects, dominator, retained, group, 4, sums));
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(sums[i], plain[i]);
}

static void random_graphs(void)
{
	for (unsigned i = 0; i < 200; i++) {
		struct ph_graph g;
		make_random(2 + next_random() % (N - 2));
		CHECK(!ph_graph_build(&input, &g));
		memcpy(reach, g.reach, input.objects);
		memcpy(retained, size, sizeof(size));
		CHECK(!ph_graph_dominators(&input, reach, dominator, retained));
		check_graph();
		check_groups();
		ph_graph_deinit(&g);
	}
}

/* Whatever a cache file says is reached, the walk ends and no byte is lost. */
static void lies(void)
{
	for (unsigned i = 0; i < 100; i++) {
		uint64_t sum = 0, total = 0, sums[5];
		make_random(2 + next_random() % (N - 2));
		for (uint32_t k = 0; k < input.objects; k++)
			reach[k] = (uint8_t)next_random();
		memcpy(retained, size, sizeof(size));
		CHECK(!ph_graph_dominators(&input, reach, dominator, retained));
		for (uint32_t k = 0; k < input.objects; k++)
			sum += dominator[k] == PH_GRAPH_NONE ? retained[k] : 0, total += size[k];
		CHECK_EQ(sum, total);
		/* dominators in a circle */
		for (uint32_t k = 0; k < input.objects; k++)
			dominator[k] = next_random() % (input.objects + 1);
		CHECK(!ph_graph_retained_by_group(input.objects, dominator, retained, type, 5, sums));
	}
}

/* 0 → 1 → … → LONG - 1, each of which refers to 0 and to the one before as well. */
static void deep(void)
{
	uint32_t *s = malloc((LONG + 1) * sizeof(*s)), *t = malloc(3 * LONG * sizeof(*t));
	uint32_t *no_type = malloc(LONG * sizeof(*no_type)), *d = malloc(LONG * sizeof(*d)), root = 0;
	uint8_t *f = calloc(3, LONG), *r = malloc(LONG), root_rank = PH_GRAPH_NAMED;
	uint64_t *kept = malloc(LONG * sizeof(*kept)), sums[1];
	for (uint32_t i = 0; i < LONG; i++) {
		s[i] = 3 * i;
		t[3 * i] = 0, t[3 * i + 1] = i ? i - 1 : PH_GRAPH_NONE, t[3 * i + 2] = i + 1;
		no_type[i] = PH_GRAPH_NONE, r[i] = 1, kept[i] = 1;
	}
	s[LONG] = 3 * LONG;
	struct ph_graph_input in = { .objects = LONG, .edges = 3 * LONG, .edge_start = s, .edge_target = t, .edge_force = f,
				     .type = no_type, .root_object = &root, .root_rank = &root_rank, .roots = 1 };
	CHECK(!ph_graph_dominators(&in, r, d, kept));
	CHECK_EQ(kept[0], LONG);
	CHECK_EQ(d[0], PH_GRAPH_NONE);
	for (uint32_t i = 1; i < LONG; i += 997)
		CHECK(d[i] == i - 1 && kept[i] == LONG - i);
	memset(no_type, 0, LONG * sizeof(*no_type));
	CHECK(!ph_graph_retained_by_group(LONG, d, kept, no_type, 1, sums));
	CHECK_EQ(sums[0], LONG);
	void *all[] = { s, t, no_type, d, f, r, kept };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]);
}

int main(void)
{
	random_graphs();
	lies();
	deep();
	return CHECK_DONE();
}
