/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap garbage: what no root reaches: cycles that the collector has not found yet or cannot free, what native code
 * holds or has leaked, and what these refer to, told apart. */
#include "command/command.h"
#include "command/damage.h"
#include "command/label.h"
#include "command/match.h"
#include "command/owned.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CYCLES_SHOWN 20 /* kinds of them */
#define MEMBERS_SHOWN 8
#define HELD_TYPES 20
#define HELD_SHOWN 3 /* of a type, where there are more than HELD_FEW */
#define HELD_FEW 10

struct type_row {
	size_t type; /* place; types.count unknown */
	uint64_t count, size;
};

struct cycle {
	uint32_t component;
	uint64_t size;
	uint32_t count, first; /* `first`: an item */
	uint64_t members;      /* a sum of hashes: those of equal types have it in common */
	bool is_held;	       /* more than each other refers to them */
	uint32_t equal;	       /* cycles like this one behind it, itself included; 0: it is behind one */
};

/* Why an object is still there. */
enum state {
	UNCOUNTED, /* its count says nothing: immortal, deferred, 0 */
	CYCLE,	   /* in a cycle that nothing else holds: a collection frees it */
	IN_CYCLE,  /* reached from such a cycle */
	HELD,	   /* it has references that nothing explains */
	IN_HELD,   /* reached from one that has */
	STATES
};
static const char *const state_names[] = {
	[UNCOUNTED] = "uncounted", [CYCLE] = "cycle", [IN_CYCLE] = "reached from a cycle", [HELD] = "held",
	[IN_HELD] = "reached from what is held",
};

/* Held objects of a type. */
struct held {
	uint64_t bytes;
	uint32_t count, shown;
	uint32_t best[HELD_FEW]; /* items */
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
	uint8_t *state; /* enum state */
	struct type_row *types;
	struct cycle *cycles; /* largest first */
	uint32_t cycle_count;
	uint64_t size, in_state[STATES];
	struct ph_owned *owned; /* by owner */
	size_t owned_count;
};

static void deinit(struct garbage *g)
{
	void *all[] = { g->objects, g->start, g->target, g->in, g->component, g->types, g->cycles,
			g->state,   g->owned };
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
	struct ph_error *error = ph_heap_owned(view, &g->owned, &g->owned_count);
	edges += g->owned_count;
	if (!error && edges > UINT32_MAX - 1)
		return &ph_error_no_memory;
	g->edge_count = (uint32_t)edges;
	return error;
}

static void add_edge(struct garbage *g, uint32_t *n, uint32_t object)
{
	uint32_t item = item_of(g, object);
	if (item == PH_GRAPH_NONE || *n == g->edge_count)
		return;
	g->in[item]++;
	g->target[(*n)++] = item;
}

static struct ph_error *link_items(struct garbage *g)
{
	g->start = malloc((g->count + 1ull) * sizeof(*g->start));
	g->target = malloc((g->edge_count + 1ull) * sizeof(*g->target));
	g->in = calloc(g->count + 1ull, sizeof(*g->in));
	g->component = calloc(g->count + 1ull, sizeof(*g->component));
	g->state = calloc(g->count + 1ull, sizeof(*g->state));
	if (!g->start || !g->target || !g->in || !g->component || !g->state)
		return &ph_error_no_memory;
	uint32_t n = 0;
	size_t owned = 0;
	for (uint32_t i = 0; i < g->count; i++) {
		uint32_t first, end, object = g->objects[i];
		struct ph_heap_ref ref;
		g->start[i] = n;
		ph_heap_edges(g->view, object, &first, &end);
		for (uint32_t e = first; e < end; e++)
			if (ph_heap_edge(g->view, object, e, &ref) && ph_edge_force(ref.kind) == PH_GRAPH_STRONG)
				add_edge(g, &n, ref.target);
		while (owned < g->owned_count && g->owned[owned].owner < object)
			owned++;
		for (; owned < g->owned_count && g->owned[owned].owner == object; owned++)
			add_edge(g, &n, g->owned[owned].object);
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

/* References that nothing explains: of native code, or leaked by it. */
static int64_t unexplained(const struct garbage *g, uint32_t item)
{
	int64_t count = ph_heap_refcount(g->view, g->objects[item]);
	bool immortal = ph_heap_is_immortal(g->view, g->objects[item]) ||
			ph_heap_flags(g->view, g->objects[item]) & PH_OBJECT_DEFERRED;
	const struct ph_dump_type *self = ph_heap_view_type(g->view, g->objects[item]);
	int64_t instances = self && self->is_heap ? (int64_t)self->count : 0;
	return immortal || count < 0 ? 0 : count - (int64_t)g->in[item] - instances;
}

static uint64_t hash_of(uint64_t word)
{
	word *= 0x9e3779b97f4a7c15u;
	return word ^ word >> 29;
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
		c->members += hash_of(hash_of(ph_heap_type_place(g->view, g->objects[i]) + 1) + (uint64_t)size_of(g, i));
		c->is_held |= unexplained(g, i) > 0;
	}
	for (uint32_t i = 0; i < g->components; i++)
		if (g->cycles[i].count > 1 || has_self_edge(g, g->cycles[i].first))
			g->cycles[g->cycle_count++] = g->cycles[i];
	return NULL;
}

/* Over references, from all that have a state. */
static void spread(struct garbage *g, uint32_t *stack, uint32_t count, enum state state)
{
	while (count) {
		uint32_t item = stack[--count];
		for (uint32_t e = g->start[item]; e < g->start[item + 1]; e++)
			if (g->state[g->target[e]] == UNCOUNTED) {
				g->state[g->target[e]] = (uint8_t)state;
				stack[count++] = g->target[e];
			}
	}
}

static struct ph_error *find_states(struct garbage *g)
{
	ph_auto_free uint32_t *stack = malloc((g->count + 1ull) * sizeof(*stack));
	uint32_t count = 0;
	if (!stack)
		return &ph_error_no_memory;
	for (uint32_t i = 0; i < g->count; i++)
		if (unexplained(g, i) > 0)
			g->state[i] = HELD, stack[count++] = i;
	spread(g, stack, count, IN_HELD);
	count = 0;
	for (uint32_t i = 0; i < g->count; i++)
		if (g->component[i] != PH_GRAPH_NONE) {
			g->cycles[g->component[i]].is_held |= g->state[i] != UNCOUNTED;
			if (g->state[i] == UNCOUNTED)
				g->state[i] = CYCLE, stack[count++] = i;
		}
	spread(g, stack, count, IN_CYCLE);
	for (uint32_t i = 0; i < g->count; i++)
		g->in_state[g->state[i]]++;
	return NULL;
}

/* Equal ones side by side, then those together that take most. */
static int by_members(const void *a, const void *b)
{
	const struct cycle *x = a, *y = b;
	if (x->is_held != y->is_held)
		return x->is_held ? 1 : -1;
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	if (x->members != y->members)
		return x->members < y->members ? -1 : 1;
	return x->count != y->count ? (x->count < y->count ? -1 : 1) : (x->first > y->first) - (x->first < y->first);
}

static int larger_group(const void *a, const void *b)
{
	const struct cycle *x = a, *y = b;
	uint64_t m = x->size * x->equal, n = y->size * y->equal;
	if (!x->equal != !y->equal)
		return x->equal ? -1 : 1;
	if (m != n)
		return m < n ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

static void group_cycles(struct garbage *g)
{
	struct cycle *c = g->cycles, *first = c;
	if (!g->cycle_count)
		return;
	qsort(c, g->cycle_count, sizeof(*c), by_members);
	for (uint32_t i = 0; i < g->cycle_count; i++) {
		bool same = i && c[i].is_held == first->is_held && c[i].size == first->size &&
			    c[i].members == first->members && c[i].count == first->count;
		first = same ? first : &c[i];
		c[i].equal = 0;
		first->equal++;
	}
	qsort(c, g->cycle_count, sizeof(*c), larger_group);
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

static void put_state(const struct garbage *g, enum state state, const char *text, struct ph_buffer *out)
{
	if (g->in_state[state])
		ph_buffer_printf(out, "%10" PRIu64 " %14s  %s\n", g->in_state[state], "", text);
}

static void put_types(struct garbage *g, struct ph_buffer *out)
{
	bool is_incomplete = ph_heap_is_incomplete(g->view->dump);
	if (is_incomplete)
		ph_buffer_puts(out, "Not all of these are garbage: what leads to them may be in what is lost.\n\n");
	ph_buffer_puts(out, "     count          bytes  type\n");
	for (size_t i = 0; i <= g->view->types.count && g->types[i].count; i++) {
		ph_buffer_printf(out, "%10" PRIu64 " %14" PRIu64 "  ", g->types[i].count, g->types[i].size);
		ph_put_type(type_at(g, g->types[i].type), out);
		ph_buffer_putc(out, '\n');
	}
	ph_buffer_printf(out, "%10" PRIu32 " %14" PRIu64 "  in all, of which\n", g->count, g->size);
	put_state(g, CYCLE,
		  is_incomplete ? "in cycles that nothing else is seen to hold" :
				  "in cycles that nothing else holds: a collection frees them", out);
	put_state(g, IN_CYCLE, "reached from these", out);
	put_state(g, HELD, "held by what is not known: with references that nothing in the dump explains", out);
	put_state(g, IN_HELD, "reached from those", out);
	put_state(g, UNCOUNTED, "whose count says nothing (immortal, deferred, 0)", out);
}

static void put_item(struct garbage *g, uint32_t item, struct ph_buffer *out)
{
	ph_buffer_printf(out, "0x%" PRIx64 "  ", ph_heap_address(g->view, g->objects[item]));
	ph_put_object(g->view, g->objects[item], out);
}

static void put_cycle_head(const struct cycle *c, struct ph_buffer *out)
{
	const char *held = c->is_held ? ", held from outside" : "";
	const char *plural = c->count == 1 ? "" : "s";
	if (c->equal == 1)
		ph_buffer_printf(out, "\ncycle of %" PRIu32 " object%s, %" PRIu64 " bytes%s\n", c->count, plural, c->size,
				 held);
	else
		ph_buffer_printf(out,
				 "\n%" PRIu32 " cycles of %" PRIu32 " object%s each, %" PRIu64 " bytes in all%s; one of them:\n",
				 c->equal, c->count, plural, c->size * c->equal, held);
}

static void put_cycle(struct garbage *g, const struct cycle *c, struct ph_buffer *out)
{
	uint32_t shown = 0;
	put_cycle_head(c, out);
	for (uint32_t i = c->first; i < g->count && shown < c->count && shown < MEMBERS_SHOWN; i++) {
		if (g->component[i] != g->component[c->first])
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

static void add_held(const struct garbage *g, struct held *held, uint32_t item)
{
	uint32_t at = held->shown;
	held->count++;
	held->bytes += (uint64_t)size_of(g, item);
	while (at && tells_more(g, item, held->best[at - 1]))
		at--;
	if (at == HELD_FEW)
		return;
	held->shown += held->shown < HELD_FEW;
	memmove(held->best + at + 1, held->best + at, (held->shown - at - 1) * sizeof(*held->best));
	held->best[at] = item;
}

static void put_held_type(struct garbage *g, const struct held *held, struct ph_buffer *out)
{
	uint32_t shown = held->count > HELD_FEW ? HELD_SHOWN : held->shown;
	for (uint32_t i = 0; i < shown; i++) {
		int64_t references = unexplained(g, held->best[i]);
		ph_buffer_puts(out, "  ");
		put_item(g, held->best[i], out);
		ph_buffer_printf(out, ", %" PRId64 " reference%s\n", references, references == 1 ? "" : "s");
	}
	if (shown == held->count)
		return;
	ph_buffer_printf(out, "  … and %" PRIu32 " more ", held->count - shown);
	ph_put_type(ph_heap_type(g->view, g->objects[held->best[0]]), out);
	ph_buffer_putc(out, '\n');
}

/* A type of which one holds more garbage first, then that whose instances are largest together: the strings
   that a library interns by the hundred are not what leaks. */
static bool type_tells_more(const struct garbage *g, const struct held *x, const struct held *y)
{
	bool x_holds = g->start[x->best[0]] < g->start[x->best[0] + 1],
	     y_holds = g->start[y->best[0]] < g->start[y->best[0] + 1];
	return x_holds != y_holds ? x_holds : x->bytes > y->bytes;
}

static struct ph_error *put_held(struct garbage *g, struct ph_buffer *out)
{
	size_t types = g->view->types.count + 1, shown = 0;
	ph_auto_free struct held *held = calloc(types, sizeof(*held));
	uint64_t left = g->in_state[HELD];
	if (!held)
		return &ph_error_no_memory;
	for (uint32_t i = 0; i < g->count; i++)
		if (g->state[i] == HELD)
			add_held(g, &held[ph_heap_type_place(g->view, g->objects[i])], i);
	if (left)
		ph_buffer_puts(out, "\nheld by what is not known: native code has them in memory that is nobody's, or has lost "
				    "a reference and leaks them\n");
	for (; left && shown < HELD_TYPES; shown++) {
		struct held *best = NULL;
		for (size_t i = 0; i < types; i++)
			if (held[i].count && (!best || type_tells_more(g, &held[i], best)))
				best = &held[i];
		if (!best)
			break;
		put_held_type(g, best, out);
		left -= best->count;
		best->count = 0;
	}
	if (left)
		ph_buffer_printf(out, "  … and %" PRIu64 " more of other types; --json has all\n", left);
	return NULL;
}

/* ---- JSON ---- */

static struct ph_error *put_json(struct garbage *g, struct ph_rows *rows)
{
	struct ph_error *error = NULL;
	for (uint32_t i = 0; !error && rows->goes_on && i < g->count; i++) {
		uint32_t object = g->objects[i];
		struct ph_json j = ph_heap_json(g->view, object, &rows->text);
		ph_json_put_known(&j, "cycle", g->component[i] == PH_GRAPH_NONE ? -1 : (int64_t)g->component[i], -1);
		ph_json_put_string(&j, "why", state_names[g->state[i]]);
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
		if (g->component[i] < g->components)
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
	if (!error)
		error = find_states(g);
	if (!error) {
		group_cycles(g);
		error = number_cycles(g);
	}
	if (error)
		return error;
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
	uint32_t shown = 0;
	uint64_t left = g->cycle_count;
	for (uint32_t i = 0; !error && rows->goes_on && i < g->cycle_count && shown < CYCLES_SHOWN; i++) {
		if (!g->cycles[i].equal)
			break;
		put_cycle(g, &g->cycles[i], &rows->text);
		left -= g->cycles[i].equal;
		shown++;
		error = ph_rows_next(rows);
	}
	if (left && !error)
		ph_buffer_printf(&rows->text, "\n… and %" PRIu64 " more cycles; --json has all\n", left);
	return error ? error : put_held(g, &rows->text);
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

const struct ph_verb_implementation ph_verb_garbage = { .options = ph_options_json, .run = run, .json_is_rows = true };
