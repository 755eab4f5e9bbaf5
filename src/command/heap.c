/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/heap.h"

#include "base/error.h"

#include <stdlib.h>

static struct ph_error *bad(const char *what)
{
	return ph_error_create(PH_ERROR_BAD_DUMP, "its columns disagree: %s: copy the dump again", what);
}

/* A column that has one item for each object. */
static struct ph_error *load_objects(struct ph_heap_view *view, enum ph_column column, void **to)
{
	uint64_t count;
	if (*to)
		return NULL;
	struct ph_error *error = ph_dump_column(view->dump, column, to, &count);
	if (error)
		return error;
	if (view->count == UINT64_MAX)
		view->count = count;
	return view->count == count && count < PH_NO_INDEX ? NULL : bad(ph_column_forms[column].name);
}

static struct ph_error *check_edges(const struct ph_heap_view *view)
{
	if (view->edge_start[0] || view->edge_start[view->count] != view->edge_count)
		return bad("edge/start");
	for (uint64_t i = 0; i < view->count; i++)
		if (view->edge_start[i] > view->edge_start[i + 1])
			return bad("edge/start");
	for (uint64_t i = 0; i < view->edge_count; i++)
		if (view->edge_target[i] >= view->count)
			return bad("edge/target");
	return NULL;
}

static struct ph_error *load_edges(struct ph_heap_view *view)
{
	uint64_t starts = 0, targets = 0, kinds = 0, arguments = 0;
	if (view->edge_start)
		return NULL;
	struct ph_error *error = load_objects(view, PH_COLUMN_OBJECT_TYPE, (void **)&view->type);
	if (!error)
		error = ph_dump_column(view->dump, PH_COLUMN_EDGE_TARGET, (void **)&view->edge_target, &targets);
	if (!error)
		error = ph_dump_column(view->dump, PH_COLUMN_EDGE_KIND, (void **)&view->edge_kind, &kinds);
	if (!error)
		error = ph_dump_column(view->dump, PH_COLUMN_EDGE_ARGUMENT, (void **)&view->edge_argument, &arguments);
	if (!error)
		error = ph_dump_column(view->dump, PH_COLUMN_EDGE_START, (void **)&view->edge_start, &starts);
	if (error)
		return error;
	if (starts != view->count + 1 || targets != kinds || targets != arguments)
		return bad("edge/start");
	view->edge_count = targets;
	return check_edges(view);
}

struct ph_error *ph_heap_view_load(struct ph_heap_view *view, unsigned parts)
{
	struct ph_error *error = NULL;
	if (!view->types.types) {
		view->count = UINT64_MAX;
		error = ph_dump_types(view->dump, &view->types);
	}
	if (!error && parts & PH_HEAP_ADDRESSES)
		error = load_objects(view, PH_COLUMN_OBJECT_ADDRESS, (void **)&view->address);
	if (!error && parts & PH_HEAP_TYPES)
		error = load_objects(view, PH_COLUMN_OBJECT_TYPE, (void **)&view->type);
	if (!error && parts & PH_HEAP_SIZES)
		error = load_objects(view, PH_COLUMN_OBJECT_SIZE, (void **)&view->size);
	if (!error && parts & PH_HEAP_COUNTS)
		error = load_objects(view, PH_COLUMN_OBJECT_REFCOUNT, (void **)&view->refcount);
	if (!error && parts & PH_HEAP_COUNTS)
		error = load_objects(view, PH_COLUMN_OBJECT_LEN, (void **)&view->len);
	if (!error && parts & PH_HEAP_COUNTS)
		error = load_objects(view, PH_COLUMN_OBJECT_FLAGS, (void **)&view->flags);
	if (!error && parts & PH_HEAP_EDGES)
		error = load_edges(view);
	return error;
}

void ph_heap_view_deinit(struct ph_heap_view *view)
{
	void *all[] = { view->address, view->type,	 view->size,	    view->refcount,	 view->len,
			view->flags,   view->edge_start, view->edge_target, view->edge_argument, view->edge_kind };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]);
	ph_dump_types_deinit(&view->types);
}

const struct ph_dump_type *ph_heap_view_type(const struct ph_heap_view *view, uint32_t type)
{
	size_t low = 0, high = view->types.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (view->types.types[middle].index < type)
			low = middle + 1;
		else
			high = middle;
	}
	return low < view->types.count && view->types.types[low].index == type ? &view->types.types[low] : NULL;
}

uint32_t ph_heap_view_find(const struct ph_heap_view *view, ph_addr address)
{
	uint64_t low = 0, high = view->count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (view->address[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < view->count && view->address[low] == address ? (uint32_t)low : PH_NO_INDEX;
}

const char *ph_edge_kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[PH_EDGE_TYPE] = "type",       [PH_EDGE_ITEM] = "item",	  [PH_EDGE_KEY] = "key",
		[PH_EDGE_VALUE] = "value",     [PH_EDGE_ATTRIBUTE] = "attribute", [PH_EDGE_DICT] = "dict",
		[PH_EDGE_SLOT] = "slot",       [PH_EDGE_FIELD] = "field", [PH_EDGE_LOCAL] = "local",
		[PH_EDGE_STACK] = "stack",     [PH_EDGE_STATE] = "state", [PH_EDGE_WEAK] = "weak",
		[PH_EDGE_GUESSED] = "guessed",
	};
	kind &= (uint8_t)~PH_EDGE_EXTRA;
	return kind < PH_EDGE_KIND_COUNT ? names[kind] : "?";
}
