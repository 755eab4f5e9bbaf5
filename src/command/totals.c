/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/totals.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* The row of an object's type; `*last`, `*row`: of the object before, which most share. */
static size_t row_of(struct ph_heap_view *view, uint32_t object, uint32_t *last, size_t *row)
{
	uint32_t type = ph_heap_type_index(view, object);
	if (type != *last || !object) {
		const struct ph_dump_type *found = ph_heap_view_type(view, type);
		*last = type;
		*row = found ? (size_t)(found - view->types.types) : view->types.count;
	}
	return *row;
}

static struct ph_error *sum_sizes(struct ph_heap_view *view, void *rows)
{
	struct ph_type_total *totals = rows;
	uint32_t last = PH_NO_INDEX;
	size_t row = 0;
	for (uint32_t i = 0; i < view->count; i++) {
		struct ph_type_total *total = &totals[row_of(view, i, &last, &row)];
		int64_t size = ph_heap_size(view, i);
		total->count++;
		total->size += size >= 0 ? (uint64_t)size : 0;
		total->unsized += size < 0;
	}
	bool failed = view->columns[PH_COLUMN_OBJECT_TYPE].no_memory || view->columns[PH_COLUMN_OBJECT_SIZE].no_memory;
	return failed ? &ph_error_no_memory : NULL;
}

static struct ph_error *sum_held(struct ph_heap_view *view, void *rows)
{
	uint64_t *totals = rows;
	uint32_t last = PH_NO_INDEX;
	size_t row = 0;
	for (uint32_t i = 0; i < view->count; i++) {
		int64_t held = ph_heap_held(view, i);
		totals[row_of(view, i, &last, &row)] += held >= 0 ? (uint64_t)held : 0;
	}
	bool failed = view->columns[PH_COLUMN_OBJECT_TYPE].no_memory || view->columns[PH_COLUMN_OBJECT_HELD].no_memory;
	return failed ? &ph_error_no_memory : NULL;
}

/* A row for each type and one more, from the cache's file of this kind, else summed. */
static struct ph_error *get(struct ph_heap_view *view, const char *kind, size_t width,
			    struct ph_error *(*sum)(struct ph_heap_view *view, void *rows), void **ret)
{
	size_t rows = view->types.count + 1, bytes = rows * width;
	ph_auto_free void *totals = calloc(rows, width);
	struct ph_error *error = NULL;
	if (!totals)
		return &ph_error_no_memory;
	struct ph_store store = view->is_kept ? ph_store_open(view->identity, kind) : (struct ph_store){ 0 };
	const void *kept = ph_store_section(&store, 0, bytes);
	if (kept) {
		memcpy(totals, kept, bytes);
	} else {
		error = sum(view, totals);
		struct ph_store_part part = { totals, bytes };
		if (!error && view->is_kept && !ph_dump_problem(view->dump))
			ph_store_write(view->identity, kind, &part, 1);
	}
	ph_store_close(&store);
	if (!error)
		*ret = ph_take_ptr(totals);
	return error;
}

struct ph_error *ph_heap_totals(struct ph_heap_view *view, struct ph_type_total **ret)
{
	void *rows = NULL;
	struct ph_error *error = get(view, "types", sizeof(**ret), sum_sizes, &rows);
	if (!error)
		*ret = rows;
	return error;
}

struct ph_error *ph_heap_held_totals(struct ph_heap_view *view, uint64_t **ret)
{
	void *rows = NULL;
	struct ph_error *error = ph_heap_need_held(view);
	if (!error)
		error = get(view, "held", sizeof(**ret), sum_held, &rows);
	if (!error)
		*ret = rows;
	return error;
}
