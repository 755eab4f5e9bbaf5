/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap garbage: what no root reaches: cycles that the collector has not found yet or cannot free, what native code
 * holds or has leaked, and what these refer to. */
#include "command/command.h"
#include "command/label.h"
#include "command/match.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CYCLES_SHOWN 20
#define MEMBERS_SHOWN 8
#define HELD_SHOWN 20

struct type_row {
	size_t type; /* place; types.count unknown */
	uint64_t count, size;
};

struct cycle {
	uint32_t component;
	uint64_t size;
	uint32_t count, first; /* `first`: an item */
};

/* Garbage objects are items: their own numbers, ascending with the objects'. */
struct garbage {
	struct ph_heap_view *view;
	uint32_t count, edge_count;
	uint32_t *objects;
	uint32_t *start, *target; /* strong edges among them */
	uint32_t *in;		  /* strong edges to each, from anywhere */
	uint32_t *component;
	uint32_t components;
	struct type_row *types;
	struct cycle *cycles; /* largest first */
	uint32_t cycle_count;
	uint64_t size, in_cycles, held;
};

static void deinit(struct garbage *g)
{
	void *all[] = { g->objects, g->start, g->target, g->in, g->component, g->types, g->cycles };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]);
}

static uint32_t item_of(const struct garbage *g, uint32_t object)
{
	uint32_t low = 0, high = g->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (g->objects[middle] < object)
			low = middle + 1;
		else
			high = middle;
	}
	return low < g->count && g->objects[low] == object ? low : PH_GRAPH_NONE;
}

static int64_t size_of(const struct garbage *g, uint32_t item)
{
	int64_t size = ph_heap_size(g->view, g->objects[item]);
	return size > 0 ? size : 0;
}

static struct ph_error *collect(struct garbage *g)
{
	struct ph_heap_view *view = g->view;
	uint64_t edges = 0;
	for (uint32_t i = 0; i < view->count; i++)
		g->count += ph_graph_is_garbage(&view->graph, i);
	g->objects = malloc((g->count + 1ull) * sizeof(*g->objects));
	g->types = calloc(view->types.count + 1, sizeof(*g->types));
	if (!g->objects || !g->types)
		return &ph_error_no_memory;
	uint32_t n = 0;
	for (uint32_t i = 0; i < view->count && n < g->count; i++) {
		uint32_t first, end;
		if (!ph_graph_is_garbage(&view->graph, i))
			continue;
		g->objects[n++] = i;
		struct type_row *row = &g->types[ph_heap_type_place(view, i)];
		int64_t size = ph_heap_size(view, i);
		row->count++;
		row->size += size > 0 ? (uint64_t)size : 0;
		g->size += size > 0 ? (uint64_t)size : 0;
		ph_heap_edges(view, i, &first, &end);
		edges += end - first;
	}
	g->edge_count = (uint32_t)edges;
	return NULL;
}

static struct ph_error *link_items(struct garbage *g)
{
	g->start = malloc((g->count + 1ull) * sizeof(*g->start));
	g->target = malloc((g->edge_count + 1ull) * sizeof(*g->target));
	g->in = calloc(g->count + 1ull, sizeof(*g->in));
	g->component = calloc(g->count + 1ull, sizeof(*g->component));
	if (!g->start || !g->target || !g->in || !g->component)
		return &ph_error_no_memory;
	uint32_t n = 0;
	for (uint32_t i = 0; i < g->count; i++) {
		uint32_t first, end;
		struct ph_heap_ref ref;
		g->start[i] = n;
		ph_heap_edges(g->view, g->objects[i], &first, &end);
		for (uint32_t e = first; e < end && n < g->edge_count; e++) {
			if (!ph_heap_edge(g->view, g->objects[i], e, &ref) ||
			    ph_edge_force(ref.kind) != PH_GRAPH_STRONG)
				continue;
			uint32_t item = item_of(g, ref.target);
			if (item == PH_GRAPH_NONE)
				continue;
			g->in[item]++;
			g->target[n++] = item;
		}
	}
	g->start[g->count] = n;
	return ph_graph_components(g->count, g->start, g->target, g->component, &g->components);
}

static bool has_self_edge(const struct garbage *g, uint32_t item)
{
	for (uint32_t e = g->start[item]; e < g->start[item + 1]; e++)
		if (g->target[e] == item)
			return true;
	return false;
}

static int larger_cycle(const void *a, const void *b)
{
	const struct cycle *x = a, *y = b;
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

static struct ph_error *find_cycles(struct garbage *g)
{
	g->cycles = calloc(g->components + 1ull, sizeof(*g->cycles));
	if (!g->cycles)
		return &ph_error_no_memory;
	for (uint32_t i = 0; i < g->count; i++) {
		struct cycle *c = &g->cycles[g->component[i]];
		if (!c->count++)
			c->first = i, c->component = g->component[i];
		c->size += (uint64_t)size_of(g, i);
	}
	for (uint32_t i = 0; i < g->components; i++)
		if (g->cycles[i].count > 1 || has_self_edge(g, g->cycles[i].first)) {
			g->in_cycles += g->cycles[i].count;
			g->cycles[g->cycle_count++] = g->cycles[i];
		}
	if (g->cycle_count)
		qsort(g->cycles, g->cycle_count, sizeof(*g->cycles), larger_cycle);
	return NULL;
}

/* References that nothing explains: of native code, or leaked by it. */
static int64_t unexplained(const struct garbage *g, uint32_t item)
{
	int64_t count = ph_heap_refcount(g->view, g->objects[item]);
	bool immortal = ph_heap_flags(g->view, g->objects[item]) & (PH_OBJECT_IMMORTAL | PH_OBJECT_DEFERRED);
	const struct ph_dump_type *self = ph_heap_view_type(g->view, g->objects[item]);
	int64_t instances = self && self->is_heap ? (int64_t)self->count : 0;
	return immortal || count < 0 ? 0 : count - (int64_t)g->in[item] - instances;
}

static int larger_type(const void *a, const void *b)
{
	const struct type_row *x = a, *y = b;
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return x->count != y->count ? (x->count < y->count ? 1 : -1) : (x->type > y->type) - (x->type < y->type);
}

/* ---- text ---- */

static const struct ph_dump_type *type_at(const struct garbage *g, size_t place)
{
	return place < g->view->types.count ? &g->view->types.types[place] : NULL;
}

static void put_types(struct garbage *g, struct ph_buffer *out)
{
	ph_buffer_puts(out, "     count          bytes  type\n");
	for (size_t i = 0; i <= g->view->types.count && g->types[i].count; i++) {
		ph_buffer_printf(out, "%10" PRIu64 " %14" PRIu64 "  ", g->types[i].count, g->types[i].size);
		ph_put_type(type_at(g, g->types[i].type), out);
		ph_buffer_putc(out, '\n');
	}
	ph_buffer_printf(out, "%10" PRIu32 " %14" PRIu64 "  in all; %" PRIu64 " in %" PRIu32 " cycle%s, %" PRIu64
			      " held by what is not known\n",
			 g->count, g->size, g->in_cycles, g->cycle_count, g->cycle_count == 1 ? "" : "s", g->held);
}

static void put_item(struct garbage *g, uint32_t item, struct ph_buffer *out)
{
	ph_buffer_printf(out, "0x%" PRIx64 "  ", ph_heap_address(g->view, g->objects[item]));
	ph_put_object(g->view, g->objects[item], out);
}

static void put_cycle(struct garbage *g, const struct cycle *c, struct ph_buffer *out)
{
	uint32_t shown = 0;
	ph_buffer_printf(out, "\ncycle of %" PRIu32 " object%s, %" PRIu64 " bytes\n", c->count,
			 c->count == 1 ? "" : "s", c->size);
	for (uint32_t i = c->first; i < g->count && shown < c->count && shown < MEMBERS_SHOWN; i++) {
		if (g->component[i] != c->component)
			continue;
		shown++;
		ph_buffer_puts(out, "  ");
		put_item(g, i, out);
		ph_buffer_putc(out, '\n');
	}
	if (shown < c->count)
		ph_buffer_printf(out, "  … and %" PRIu32 " more\n", c->count - shown);
}

/* Those that hold more garbage first, then the largest. */
static bool tells_more(const struct garbage *g, uint32_t x, uint32_t y)
{
	bool x_holds = g->start[x] < g->start[x + 1], y_holds = g->start[y] < g->start[y + 1];
	return x_holds != y_holds ? x_holds : size_of(g, x) > size_of(g, y);
}

static void put_held(struct garbage *g, struct ph_buffer *out)
{
	uint32_t best[HELD_SHOWN], shown = 0;
	for (uint32_t i = 0; i < g->count; i++) {
		uint32_t at = shown;
		if (unexplained(g, i) <= 0)
			continue;
		while (at && tells_more(g, i, best[at - 1]))
			at--;
		if (at == HELD_SHOWN)
			continue;
		shown += shown < HELD_SHOWN;
		memmove(best + at + 1, best + at, (shown - at - 1) * sizeof(*best));
		best[at] = i;
	}
	if (shown)
		ph_buffer_puts(out, "\nheld by what is not known: native code, or a reference that it leaked\n");
	for (uint32_t i = 0; i < shown; i++) {
		int64_t references = unexplained(g, best[i]);
		ph_buffer_puts(out, "  ");
		put_item(g, best[i], out);
		ph_buffer_printf(out, ", %" PRId64 " reference%s\n", references, references == 1 ? "" : "s");
	}
	if (shown < g->held)
		ph_buffer_printf(out, "  … and %" PRIu64 " more\n", g->held - shown);
}

/* ---- JSON ---- */

static struct ph_error *put_json(struct garbage *g, struct ph_rows *rows)
{
	struct ph_error *error = NULL;
	for (uint32_t i = 0; !error && rows->goes_on && i < g->count; i++) {
		uint32_t object = g->objects[i];
		struct ph_json j = ph_heap_json(g->view, object, &rows->text);
		ph_json_put_known(&j, "cycle", g->component[i] == PH_GRAPH_NONE ? -1 : (int64_t)g->component[i], -1);
		ph_json_put_int(&j, "unexplained", unexplained(g, i) > 0 ? unexplained(g, i) : 0);
		ph_json_object_end(&j);
		ph_buffer_putc(&rows->text, '\n');
		error = ph_rows_next(rows);
	}
	return error;
}

/* For JSON: components by the size of cycles, PH_GRAPH_NONE for what is in none. */
static struct ph_error *number_cycles(struct garbage *g)
{
	ph_auto_free uint32_t *number = malloc((g->components + 1ull) * sizeof(*number));
	if (!number)
		return &ph_error_no_memory;
	memset(number, 0xff, (g->components + 1ull) * sizeof(*number));
	for (uint32_t i = 0; i < g->cycle_count; i++)
		number[g->cycles[i].component] = i;
	for (uint32_t i = 0; i < g->count; i++)
		g->component[i] = number[g->component[i]];
	for (uint32_t i = 0; i < g->cycle_count; i++)
		g->cycles[i].component = i;
	return NULL;
}

static struct ph_error *find(struct garbage *g)
{
	struct ph_error *error = collect(g);
	if (!error)
		error = link_items(g);
	if (!error)
		error = find_cycles(g);
	if (!error)
		error = number_cycles(g);
	if (error)
		return error;
	for (uint32_t i = 0; i < g->count; i++)
		g->held += unexplained(g, i) > 0;
	for (size_t i = 0; i <= g->view->types.count; i++)
		g->types[i].type = i;
	qsort(g->types, g->view->types.count + 1, sizeof(*g->types), larger_type);
	return NULL;
}

static struct ph_error *put_text(struct garbage *g, struct ph_rows *rows)
{
	struct ph_error *error = NULL;
	if (!g->count) {
		ph_buffer_puts(&rows->text, "every object is reached from a root\n");
		return NULL;
	}
	put_types(g, &rows->text);
	for (uint32_t i = 0; !error && rows->goes_on && i < g->cycle_count && i < CYCLES_SHOWN; i++) {
		put_cycle(g, &g->cycles[i], &rows->text);
		error = ph_rows_next(rows);
	}
	if (g->cycle_count > CYCLES_SHOWN)
		ph_buffer_printf(&rows->text, "\n… and %" PRIu32 " more cycles; --json has all\n",
				 g->cycle_count - CYCLES_SHOWN);
	put_held(g, &rows->text);
	return error;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	struct ph_rows rows = ph_rows(output, arguments->values[0]);
	struct garbage g = { .view = &view };
	struct ph_error *error = ph_arguments_none("garbage", arguments);
	if (!error)
		error = ph_heap_view_open(dump, &view);
	if (!error)
		error = ph_heap_view_link(&view, PH_LINK_PATHS);
	if (!error)
		error = find(&g);
	if (!error)
		error = rows.as_json ? put_json(&g, &rows) : put_text(&g, &rows);
	deinit(&g);
	*ret_status = 0;
	return ph_rows_finish(&rows, error);
}

const struct ph_verb_implementation ph_verb_garbage = { .options = ph_options_json, .run = run };
