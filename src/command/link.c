/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph of a dump: from the cache, or from its columns and then into the cache. */
#include "command/heap.h"
#include "command/interned.h"
#include "command/owned.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "dump/reader.h"

#include <stdlib.h>
#include <string.h>

#define KIND "graph" /* of file */
enum { COUNTS, REFERRER_START, REFERRER, PARENT, REACH, SECTIONS };

struct counts {
	uint32_t objects, edges, roots, referrers;
};

struct arrays {
	uint32_t edges; /* with those through memory of an object */
	uint32_t *start, *target, *type, *root_object;
	uint8_t *force, *root_rank;
};

/* ---- from the columns ---- */

/* One column as `wanted` numbers of 32 bits, what is beyond them, or beyond the column, as all ones; chunk by chunk, none
 * of which stays. */
static struct ph_error *load(struct ph_heap_view *view, enum ph_column column, uint64_t wanted, uint32_t *to)
{
	const struct ph_column_form *form = &ph_column_forms[column];
	(void)ph_heap_get(view, column, 0); /* opens it */
	uint64_t count = view->columns[column].count < wanted ? view->columns[column].count : wanted;
	size_t bytes = (size_t)form->width * PH_CHUNK;
	ph_auto_free uint8_t *scratch = malloc(bytes), *items = malloc(bytes);
	if (!scratch || !items)
		return &ph_error_no_memory;
	for (uint64_t first = 0; first < count; first += PH_CHUNK) {
		size_t n = count - first < PH_CHUNK ? (size_t)(count - first) : PH_CHUNK;
		struct ph_error *error = ph_dump_progress(view->dump, "reading references", first, count);
		if (error)
			return error;
		error = ph_column_chunk(view->dump, form, first / PH_CHUNK, scratch, items);
		if (error && error->code != PH_ERROR_BAD_DUMP)
			return error;
		for (size_t i = 0; i < n; i++) {
			uint64_t item = error		   ? UINT64_MAX :
					form->width == 8 ? ((const uint64_t *)(const void *)items)[i] :
							   ((const uint32_t *)(const void *)items)[i];
			to[first + i] = item < UINT32_MAX ? (uint32_t)item : UINT32_MAX;
		}
		if (error)
			ph_dump_note_error(view->dump, error);
		ph_error_free(error);
	}
	for (uint64_t i = count; i < wanted; i++)
		to[i] = UINT32_MAX;
	return NULL;
}

static struct ph_error *load_forces(struct ph_heap_view *view, uint8_t *to)
{
	uint8_t force_of[256];
	for (unsigned kind = 0; kind < 256; kind++)
		force_of[kind] = (uint8_t)ph_edge_force((uint8_t)kind);
	for (uint64_t first = 0; first < view->edge_count; first += PH_CHUNK) {
		struct ph_window *window = &view->columns[PH_COLUMN_EDGE_KIND];
		const uint8_t *kinds = ph_window_chunk(window, first);
		if (window->no_memory)
			return &ph_error_no_memory;
		for (uint64_t i = 0; i < PH_CHUNK && first + i < view->edge_count; i++)
			to[first + i] = force_of[kinds && first + i < window->count ? kinds[i] : UINT8_MAX];
	}
	return NULL;
}

/* Where starts are not ascending, nobody knows whose edges these are. */
static void mend_starts(struct ph_heap_view *view, struct arrays *a)
{
	uint32_t last = 0;
	bool right = a->start[0] == 0 && a->start[view->count] == view->edge_count;
	for (uint32_t i = 0; i <= view->count; i++) {
		uint32_t start = a->start[i];
		if (start < last || start > view->edge_count) {
			right = false;
			start = last;
		}
		a->start[i] = last = start;
	}
	if (right)
		return;
	ph_dump_note(view->dump, "its column edge/start is not ascending: copy the dump again");
	for (uint32_t i = 0; i < view->count; i++) {
		uint64_t first = ph_heap_get(view, PH_COLUMN_EDGE_START, i),
			 end = ph_heap_get(view, PH_COLUMN_EDGE_START, i + 1ull);
		for (uint32_t e = a->start[i]; e < a->start[i + 1] && (first != a->start[i] || end != a->start[i + 1]);
		     e++)
			a->target[e] = PH_GRAPH_NONE;
	}
	for (uint32_t e = a->start[view->count]; e < view->edge_count; e++)
		a->target[e] = PH_GRAPH_NONE;
	a->start[view->count] = view->edge_count;
}

/* How many references to each object there are that are none of these words: `found` of view->count items. */
static void count_found(struct ph_heap_view *view, const struct arrays *a, uint32_t *found)
{
	const struct ph_interned interned = ph_find_interned(view);
	for (uint32_t e = 0; e < view->edge_count; e++)
		if (a->target[e] < view->count && a->force[e] == PH_GRAPH_STRONG)
			found[a->target[e]]++;
	for (unsigned i = 0; i < interned.count; i++) {
		uint32_t dict = interned.dicts[i];
		for (uint32_t e = a->start[dict]; e < a->start[dict + 1]; e++)
			if (a->target[e] < view->count && a->force[e] == PH_GRAPH_STRONG)
				found[a->target[e]]--;
	}
	for (size_t i = 0; i < view->types.count; i++)
		if (view->types.types[i].is_heap && view->types.types[i].index < view->count)
			found[view->types.types[i].index] += (uint32_t)view->types.types[i].count;
	for (uint32_t i = 0; i < view->root_count; i++) {
		struct ph_heap_root_entry root = ph_heap_root(view, i);
		if (root.object < view->count && root.counted && !ph_root_is_word(root.kind) &&
		    !ph_root_is_guess(root.kind))
			found[root.object]++;
	}
}

/* Whether a word that holds the object's address may be a reference: some are not accounted for without it.  Where
 * references are deferred not all are counted, so that the count tells less, but what is allocated by native code is
 * no frame. */
static bool has_room(struct ph_heap_view *view, const struct ph_heap_root_entry *root, const uint32_t *found)
{
	int64_t count = root->object < view->count ? ph_heap_refcount(view, root->object) : -1;
	bool counts_all = count >= 0 && (root->kind == PH_ROOT_NATIVE || root->kind == PH_ROOT_OBJECT_MEMORY ||
					 !(ph_heap_flags(view, root->object) & PH_OBJECT_DEFERRED));
	return !ph_root_is_word(root->kind) || !counts_all || found[root->object] < (uint64_t)count;
}

static void load_roots(struct ph_heap_view *view, const uint32_t *found, struct arrays *a)
{
	/* modules first, as of two paths of one length the one from the first root is told */
	uint32_t to = 0;
	for (uint64_t n = 0; n < 2ull * view->root_count; n++) {
		struct ph_heap_root_entry root = ph_heap_root(view, (uint32_t)(n % view->root_count));
		if ((root.kind == PH_ROOT_MODULE) != (n < view->root_count))
			continue;
		a->root_object[to] = root.object;
		a->root_rank[to] =
			has_room(view, &root, found) ? (uint8_t)ph_root_graph_rank(root.kind) : PH_GRAPH_IDLE;
		if (a->root_rank[to] == PH_GRAPH_ALONE && !root.counted)
			a->root_rank[to] = PH_GRAPH_IDLE;
		to++;
	}
}

/* What an object refers to from memory that it has is an edge like others. */
static struct ph_error *add_owned(struct ph_heap_view *view, const uint32_t *found, struct arrays *a)
{
	ph_auto_free struct ph_owned *owned = NULL;
	size_t count = 0, n = 0;
	struct ph_error *error = ph_heap_owned(view, &owned, &count);
	if (error)
		return error;
	for (size_t i = 0; i < count; i++) {
		struct ph_heap_root_entry root = ph_heap_root(view, owned[i].root);
		if (has_room(view, &root, found))
			owned[n++] = owned[i];
	}
	if (!n || n > UINT32_MAX - 1 - a->edges)
		return NULL;
	uint32_t *target = realloc(a->target, (a->edges + n + 1ull) * sizeof(*target));
	a->target = target ? target : a->target;
	uint8_t *force = realloc(a->force, a->edges + n + 1ull);
	a->force = force ? force : a->force;
	if (!target || !force)
		return &ph_error_no_memory;
	uint32_t end = a->edges, at = view->count;
	a->edges += (uint32_t)n;
	/* from behind: edges of those above the last owner move by all, and so on */
	for (size_t i = n; i; i--) {
		uint32_t owner = owned[i - 1].owner, behind = at > owner ? a->start[owner + 1] : end;
		memmove(target + behind + i, target + behind, (end - behind) * sizeof(*target));
		memmove(force + behind + i, force + behind, end - behind);
		target[behind + i - 1] = owned[i - 1].object;
		force[behind + i - 1] = PH_GRAPH_STRONG;
		for (; at > owner; at--)
			a->start[at] += (uint32_t)i;
		end = behind;
	}
	return NULL;
}

static void free_arrays(struct arrays *a)
{
	void *all[] = { a->start, a->target, a->type, a->root_object, a->force, a->root_rank };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]);
}

static struct ph_error *load_all(struct ph_heap_view *view, struct arrays *a)
{
	size_t n = view->count, m = view->edge_count, r = view->root_count;
	*a = (struct arrays){
		.edges = view->edge_count,
		.start = malloc((n + 1) * sizeof(uint32_t)),
		.target = malloc((m + 1) * sizeof(uint32_t)),
		.type = malloc((n + 1) * sizeof(uint32_t)),
		.root_object = malloc((r + 1) * sizeof(uint32_t)),
		.force = malloc(m + 1),
		.root_rank = malloc(r + 1),
	};
	if (!a->start || !a->target || !a->type || !a->root_object || !a->force || !a->root_rank)
		return &ph_error_no_memory;
	struct ph_error *error = load(view, PH_COLUMN_EDGE_START, n + 1, a->start);
	if (!error)
		error = load(view, PH_COLUMN_EDGE_TARGET, m, a->target);
	if (!error)
		error = load(view, PH_COLUMN_OBJECT_TYPE, n, a->type);
	if (!error)
		error = load_forces(view, a->force);
	if (error)
		return error;
	mend_starts(view, a);
	ph_auto_free uint32_t *found = calloc(view->count + 1ull, sizeof(*found));
	if (!found)
		return &ph_error_no_memory;
	count_found(view, a, found);
	load_roots(view, found, a);
	return add_owned(view, found, a);
}

static struct ph_graph_input input_of(const struct ph_heap_view *view, const struct arrays *a)
{
	return (struct ph_graph_input){
		.objects = view->count,
		.edges = a->edges,
		.edge_start = a->start,
		.edge_target = a->target,
		.edge_force = a->force,
		.type = a->type,
		.root_object = a->root_object,
		.root_rank = a->root_rank,
		.roots = view->root_count,
		.callbacks = ph_dump_callbacks(view->dump),
	};
}

static struct ph_error *build(struct ph_heap_view *view)
{
	struct arrays a = { 0 };
	struct ph_error *error = load_all(view, &a);
	struct ph_graph_input input = input_of(view, &a);
	if (!error)
		error = ph_graph_build(&input, &view->graph);
	free_arrays(&a);
	return error;
}

struct ph_error *ph_heap_view_dominators(struct ph_heap_view *view, uint32_t *ret_dominator, uint64_t *retained)
{
	struct arrays a = { 0 };
	struct ph_error *error = load_all(view, &a);
	struct ph_graph_input input = input_of(view, &a);
	if (!error)
		error = ph_graph_dominators(&input, view->graph.reach, ret_dominator, retained);
	free_arrays(&a);
	return error;
}

/* ---- from the cache, and into it ---- */

/* A section of `count` items of 4 bytes; NULL makes the whole file unusable. */
static const uint32_t *numbers(struct ph_store *store, unsigned section, uint64_t count)
{
	return ph_store_section(store, section, count * sizeof(uint32_t));
}

static bool load_kept(struct ph_heap_view *view, enum ph_heap_link parts)
{
	struct ph_graph g = { .objects = view->count };
	if (!view->store.map)
		view->store = ph_store_open(view->identity, KIND);
	const struct counts *counts = ph_store_section(&view->store, COUNTS, sizeof(*counts));
	bool right = counts && counts->objects == view->count && counts->edges == view->edge_count &&
		     counts->roots == view->root_count;
	if (right && parts & PH_LINK_REFERRERS) {
		g.referrers = counts->referrers;
		g.referrer_start = numbers(&view->store, REFERRER_START, view->count + 1ull);
		g.referrer = numbers(&view->store, REFERRER, g.referrers);
		right = g.referrer_start && g.referrer;
	}
	if (right && parts & PH_LINK_PATHS) {
		g.parent = numbers(&view->store, PARENT, view->count);
		g.reach = ph_store_section(&view->store, REACH, view->count);
		right = g.parent && g.reach;
	}
	if (right)
		view->graph = g;
	return right;
}

static void keep(struct ph_heap_view *view)
{
	const struct ph_graph *g = &view->graph;
	struct counts counts = { view->count, view->edge_count, view->root_count, g->referrers };
	struct ph_store_part parts[SECTIONS] = {
		[COUNTS] = { &counts, sizeof(counts) },
		[REFERRER_START] = { g->referrer_start, (view->count + 1ull) * sizeof(uint32_t) },
		[REFERRER] = { g->referrer, (uint64_t)g->referrers * sizeof(uint32_t) },
		[PARENT] = { g->parent, (uint64_t)view->count * sizeof(uint32_t) },
		[REACH] = { g->reach, view->count },
	};
	/* what was made of a damaged dump is not for keeps */
	if (view->is_kept && !ph_dump_problem(view->dump))
		ph_store_write(view->identity, KIND, parts, SECTIONS);
}

struct ph_error *ph_heap_view_link(struct ph_heap_view *view, enum ph_heap_link parts)
{
	if (!ph_heap_has_edges(view))
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s", ph_dump_problem(view->dump));
	/* referrers do without them, but count those that there are; and what is kept must be right for both */
	(void)ph_heap_has_roots(view);
	struct ph_error *error = parts & PH_LINK_PATHS ? ph_heap_need_roots(view) : NULL;
	if (error)
		return error;
	bool is_there = (!(parts & PH_LINK_REFERRERS) || view->graph.referrer) &&
			(!(parts & PH_LINK_PATHS) || view->graph.parent);
	if (is_there || (view->is_kept && load_kept(view, parts | (view->graph.referrer ? PH_LINK_REFERRERS : 0))))
		return NULL;
	ph_store_close(&view->store);
	error = build(view);
	if (!error)
		keep(view);
	return error;
}
