/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/totals.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define KIND "types" /* of file */

static struct ph_error *sum(struct ph_heap_view *view, struct ph_type_total *totals)
{
	size_t unknown = view->types.count, row = unknown;
	uint32_t last = PH_NO_INDEX;
	for (uint32_t i = 0; i < view->count; i++) {
		uint32_t type = ph_heap_type_index(view, i);
		int64_t size = ph_heap_size(view, i);
		if (type != last || !i) {
			const struct ph_dump_type *found = ph_heap_view_type(view, type);
			last = type;
			row = found ? (size_t)(found - view->types.types) : unknown;
		}
		totals[row].count++;
		totals[row].size += size >= 0 ? (uint64_t)size : 0;
		totals[row].unsized += size < 0;
	}
	bool failed = view->columns[PH_COLUMN_OBJECT_TYPE].no_memory || view->columns[PH_COLUMN_OBJECT_SIZE].no_memory;
	return failed ? &ph_error_no_memory : NULL;
}

struct ph_error *ph_heap_totals(struct ph_heap_view *view, struct ph_type_total **ret)
{
	size_t rows = view->types.count + 1, bytes = rows * sizeof(struct ph_type_total);
	ph_auto_free struct ph_type_total *totals = calloc(rows, sizeof(*totals));
	struct ph_error *error = NULL;
	if (!totals)
		return &ph_error_no_memory;
	struct ph_store store = view->is_kept ? ph_store_open(view->identity, KIND) : (struct ph_store){ 0 };
	const void *kept = ph_store_section(&store, 0, bytes);
	if (kept) {
		memcpy(totals, kept, bytes);
	} else {
		error = sum(view, totals);
		struct ph_store_part part = { totals, bytes };
		if (!error && view->is_kept && !ph_dump_problem(view->dump))
			ph_store_write(view->identity, KIND, &part, 1);
	}
	ph_store_close(&store);
	if (!error)
		*ret = ph_take_ptr(totals);
	return error;
}
