/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/retain.h"
#include "command/match.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "dump/reader.h"

#include <stdlib.h>

#define KIND "retained" /* of file */
enum { COUNTS, DOMINATOR, RETAINED, BY_TYPE, SECTIONS };

struct counts {
	uint32_t objects, edges, roots, types;
};

static struct counts counts_of(const struct ph_heap_view *view)
{
	return (struct counts){ view->count, view->edge_count, view->root_count, (uint32_t)view->types.count };
}

bool ph_heap_view_retain_kept(struct ph_heap_view *view)
{
	if (view->retained)
		return true;
	if (!view->is_kept)
		return false;
	struct ph_store store = ph_store_open(view->identity, KIND);
	if (!store.map || !ph_heap_has_roots(view) || !ph_heap_has_edges(view)) {
		ph_store_close(&store);
		return false;
	}
	const struct counts *kept = ph_store_section(&store, COUNTS, sizeof(*kept)), counts = counts_of(view);
	const uint32_t *dominator = ph_store_section(&store, DOMINATOR, (uint64_t)view->count * sizeof(*dominator));
	const uint64_t *retained = ph_store_section(&store, RETAINED, (uint64_t)view->count * sizeof(*retained)),
		       *by_type = ph_store_section(&store, BY_TYPE, (counts.types + 1ull) * sizeof(*by_type));
	if (!kept || memcmp(kept, &counts, sizeof(counts)) != 0 || !dominator || !retained || !by_type) {
		ph_store_close(&store);
		return false;
	}
	view->retain_store = store;
	view->dominator = dominator;
	view->retained = retained;
	view->retained_by_type = by_type;
	return true;
}

bool ph_heap_retain_is_kept(struct ph_dump *dump)
{
	uint8_t identity[PH_DUMP_IDENTITY];
	ph_dump_identity(dump, identity);
	struct ph_store store = ph_store_open(identity, KIND);
	bool kept = store.map;
	ph_store_close(&store);
	return kept;
}

struct arrays {
	uint32_t *dominator, *group;
	uint64_t *retained, *by_type;
};

static void load_sizes(struct ph_heap_view *view, struct arrays *a)
{
	uint32_t last = PH_NO_INDEX, row = (uint32_t)view->types.count;
	for (uint32_t i = 0; i < view->count; i++) {
		int64_t size = ph_heap_size(view, i);
		uint32_t type = ph_heap_type_index(view, i);
		if (type != last || !i)
			row = (uint32_t)ph_heap_type_place(view, i), last = type;
		a->group[i] = row;
		a->retained[i] = size > 0 ? (uint64_t)size : 0;
	}
}

static struct ph_error *work_out(struct ph_heap_view *view, struct arrays *a)
{
	size_t n = view->count, types = view->types.count + 1;
	a->dominator = malloc((n + 1) * sizeof(*a->dominator));
	a->group = malloc((n + 1) * sizeof(*a->group));
	a->retained = malloc((n + 1) * sizeof(*a->retained));
	a->by_type = calloc(types, sizeof(*a->by_type));
	if (!a->dominator || !a->group || !a->retained || !a->by_type)
		return &ph_error_no_memory;
	load_sizes(view, a);
	struct ph_error *error = ph_heap_view_dominators(view, a->dominator, a->retained);
	if (!error)
		error = ph_graph_retained_by_group(view->count, a->dominator, a->retained, a->group, (uint32_t)types,
						   a->by_type);
	return error;
}

struct ph_error *ph_heap_view_retain(struct ph_heap_view *view)
{
	struct ph_error *error = ph_heap_view_link(view, PH_LINK_PATHS);
	if (error || ph_heap_view_retain_kept(view))
		return error;
	struct arrays a = { 0 };
	error = work_out(view, &a);
	free(a.group);
	/* freed with the view, with what came before an error */
	view->retain_memory[0] = a.dominator, view->retain_memory[1] = a.retained, view->retain_memory[2] = a.by_type;
	if (error)
		return error;
	view->dominator = a.dominator, view->retained = a.retained, view->retained_by_type = a.by_type;
	struct counts counts = counts_of(view);
	struct ph_store_part parts[SECTIONS] = {
		[COUNTS] = { &counts, sizeof(counts) },
		[DOMINATOR] = { a.dominator, (uint64_t)view->count * sizeof(*a.dominator) },
		[RETAINED] = { a.retained, (uint64_t)view->count * sizeof(*a.retained) },
		[BY_TYPE] = { a.by_type, (view->types.count + 1) * sizeof(*a.by_type) },
	};
	if (view->is_kept && !ph_dump_problem(view->dump))
		ph_store_write(view->identity, KIND, parts, SECTIONS);
	return NULL;
}
