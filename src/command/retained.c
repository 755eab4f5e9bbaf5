/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap retained: which objects keep most of the heap alive by themselves, and what one of them keeps. */
#include "command/command.h"
#include "command/damage.h"
#include "command/label.h"
#include "command/path.h"
#include "command/reference.h"
#include "command/retain.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"

#include <inttypes.h>
#include <stdlib.h>

#define SHOWN 25 /* objects, unless --limit says otherwise */
#define CHAIN_SHOWN 20

enum { JSON, LIMIT, ALL };
static const struct ph_option options[] = {
	[JSON] = { .name = "json" },
	[LIMIT] = { .name = "limit", .takes_text = true },
	[ALL] = { .name = "all" },
	{ .name = NULL },
};

/* ---- the largest ones: a heap of as many as are shown, the least on top ---- */

struct largest {
	const struct ph_heap_view *view;
	uint32_t *objects;
	size_t count, capacity;
};

/* Those that retain more come first, then those at lower addresses. */
static bool is_before(const struct largest *l, uint32_t x, uint32_t y)
{
	uint64_t a = l->view->retained[x], b = l->view->retained[y];
	return a != b ? a > b : x < y;
}

static void sift_down(struct largest *l, size_t at, size_t count)
{
	while (true) {
		size_t last = at, left = 2 * at + 1;
		for (size_t i = left; i < left + 2 && i < count; i++)
			if (is_before(l, l->objects[last], l->objects[i]))
				last = i;
		if (last == at)
			return;
		uint32_t object = l->objects[at];
		l->objects[at] = l->objects[last];
		l->objects[last] = object;
		at = last;
	}
}

static void offer(struct largest *l, uint32_t object)
{
	if (l->count < l->capacity) {
		size_t at = l->count++;
		l->objects[at] = object;
		for (size_t above; at && is_before(l, l->objects[above = (at - 1) / 2], l->objects[at]); at = above) {
			l->objects[at] = l->objects[above];
			l->objects[above] = object;
		}
	} else if (l->count && is_before(l, object, l->objects[0])) {
		l->objects[0] = object;
		sift_down(l, 0, l->count);
	}
}

static void sort(struct largest *l)
{
	for (size_t i = l->count; i > 1; i--) {
		uint32_t last = l->objects[0];
		l->objects[0] = l->objects[i - 1];
		l->objects[i - 1] = last;
		sift_down(l, 0, i - 1);
	}
}

/* Objects nearly all of whose retained bytes are another's: that one says more. */
static struct ph_error *find_holders(struct ph_heap_view *view, uint8_t **ret)
{
	uint8_t *is_holder = calloc(view->count + 1ull, 1);
	if (!is_holder)
		return &ph_error_no_memory;
	for (uint32_t i = 0; i < view->count; i++) {
		uint32_t above = ph_heap_dominator(view, i);
		if (above != PH_NO_INDEX && view->retained[i] >= view->retained[above] / 10 * 9)
			is_holder[above] = 1;
	}
	*ret = is_holder;
	return NULL;
}

/* below PH_NO_INDEX: of the whole heap, without holders; else those that it alone keeps. */
static struct ph_error *find_largest(struct ph_heap_view *view, uint32_t below, bool all, uint64_t limit,
				     struct largest *ret)
{
	ph_auto_free uint8_t *is_holder = NULL;
	struct ph_error *error = below == PH_NO_INDEX && !all ? find_holders(view, &is_holder) : NULL;
	ret->view = view;
	ret->capacity = limit < view->count ? (size_t)limit : view->count;
	ret->objects = error ? NULL : malloc((ret->capacity + 1) * sizeof(*ret->objects));
	if (!ret->objects)
		return error ? error : &ph_error_no_memory;
	for (uint32_t i = 0; i < view->count; i++)
		if (below == PH_NO_INDEX ? !is_holder || !is_holder[i] : ph_heap_dominator(view, i) == below)
			offer(ret, i);
	sort(ret);
	return NULL;
}

/* ---- output ---- */

static uint64_t whole_heap(const struct ph_heap_view *view)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < view->count; i++)
		sum += ph_heap_dominator(view, i) == PH_NO_INDEX ? view->retained[i] : 0;
	return sum;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_object(struct ph_heap_view *view, uint32_t object, uint64_t whole, struct ph_buffer *out)
{
	ph_buffer_printf(out, "%14" PRIu64 " %5.1f %%  0x%" PRIx64 "  ", view->retained[object],
			 share(view->retained[object], whole), ph_heap_address(view, object));
	ph_put_object(view, object, out);
}

static struct ph_error *put_json(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	uint32_t dominator = ph_heap_dominator(view, object);
	ph_auto_buffer struct ph_buffer path = PH_BUFFER(1 << 20);
	struct ph_error *error = NULL;
	struct ph_json j = ph_heap_json(view, object, out);
	ph_json_put_uint(&j, "retained", view->retained[object]);
	ph_json_key(&j, "dominator");
	if (dominator == PH_NO_INDEX)
		ph_json_null(&j);
	else
		ph_json_address(&j, ph_heap_address(view, dominator));
	ph_json_key(&j, "path");
	if (view->graph.reach[object]) {
		error = ph_put_path(view, object, &path);
		ph_json_string_n(&j, ph_buffer_text(&path), path.size);
	} else {
		ph_json_null(&j);
	}
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
	return error;
}

static struct ph_error *put_path(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	if (view->graph.reach[object])
		return ph_put_path(view, object, out);
	ph_buffer_puts(out, ph_heap_is_incomplete(view->dump) ? "(no path that is left)" : "(garbage)");
	return NULL;
}

static struct ph_error *put_list(struct ph_heap_view *view, const struct largest *l, struct ph_rows *rows)
{
	struct ph_error *error = NULL;
	uint64_t whole = whole_heap(view);
	if (!rows->as_json)
		ph_buffer_puts(&rows->text, "      retained  of all  object\n");
	for (size_t i = 0; !error && rows->goes_on && i < l->count; i++) {
		if (rows->as_json) {
			error = put_json(view, l->objects[i], &rows->text);
		} else {
			put_object(view, l->objects[i], whole, &rows->text);
			ph_buffer_puts(&rows->text, "\n                         ");
			error = put_path(view, l->objects[i], &rows->text);
			ph_buffer_putc(&rows->text, '\n');
		}
		if (!error)
			error = ph_rows_next(rows);
	}
	if (!rows->as_json)
		ph_buffer_printf(&rows->text, "%14" PRIu64 " 100.0 %%  in all %" PRIu32 " objects\n", whole, view->count);
	return error;
}

/* The objects that alone keep it, the nearest first. */
static void put_chain(struct ph_heap_view *view, uint32_t object, uint64_t whole, struct ph_buffer *out)
{
	uint32_t above = ph_heap_dominator(view, object);
	if (above == PH_NO_INDEX) {
		ph_buffer_puts(out, "\nno object alone keeps it alive: a root does, or several objects that do not depend "
				    "on one another\n");
		return;
	}
	ph_buffer_puts(out, "\nkept alive by each of these alone, the nearest first\n");
	for (unsigned i = 0; i < CHAIN_SHOWN && above != PH_NO_INDEX; i++, above = ph_heap_dominator(view, above)) {
		put_object(view, above, whole, out);
		ph_buffer_putc(out, '\n');
	}
	if (above != PH_NO_INDEX)
		ph_buffer_puts(out, "  …\n");
}

static struct ph_error *put_one(struct ph_heap_view *view, uint32_t object, const struct largest *l,
				struct ph_rows *rows)
{
	struct ph_error *error = NULL;
	struct ph_heap_ref ref;
	uint64_t whole = whole_heap(view), below = 0;
	put_object(view, object, whole, &rows->text);
	ph_buffer_puts(&rows->text, "\n                         ");
	error = put_path(view, object, &rows->text);
	ph_buffer_putc(&rows->text, '\n');
	put_chain(view, object, whole, &rows->text);
	for (uint32_t i = 0; i < view->count; i++)
		below += ph_heap_dominator(view, i) == object;
	if (below)
		ph_buffer_puts(&rows->text, "\nit alone keeps alive\n");
	for (size_t i = 0; !error && rows->goes_on && i < l->count; i++) {
		put_object(view, l->objects[i], whole, &rows->text);
		if (ph_heap_best_edge(view, object, l->objects[i], &ref)) {
			ph_buffer_puts(&rows->text, "  = ");
			ph_put_label(view, &ref, &rows->text);
		}
		ph_buffer_putc(&rows->text, '\n');
		error = ph_rows_next(rows);
	}
	if (below > l->count)
		ph_buffer_printf(&rows->text, "  … and %" PRIu64 " more\n", below - l->count);
	return error;
}

static struct ph_error *answer(struct ph_heap_view *view, uint32_t object, bool all, uint64_t limit,
			       struct ph_rows *rows)
{
	struct largest largest = { 0 };
	struct ph_error *error = ph_heap_view_retain(view);
	if (!error)
		error = find_largest(view, object, all, limit, &largest);
	if (!error && object != PH_NO_INDEX && rows->as_json)
		error = put_json(view, object, &rows->text);
	if (!error)
		error = object == PH_NO_INDEX || rows->as_json ? put_list(view, &largest, rows)
							       : put_one(view, object, &largest, rows);
	free(largest.objects);
	return error;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	struct ph_rows rows = ph_rows(output, arguments->values[JSON]);
	uint32_t object = PH_NO_INDEX;
	uint64_t limit;
	struct ph_error *error = ph_arguments_number("retained", "limit", arguments->values[LIMIT], SHOWN, &limit);
	if (!error && arguments->operand_count)
		error = ph_heap_one_object(dump, "retained", arguments, output, &view, &object);
	else if (!error)
		error = ph_heap_view_open(dump, &view);
	*ret_status = arguments->operand_count && object == PH_NO_INDEX;
	if (!error && !*ret_status)
		error = answer(&view, object, arguments->values[ALL], limit, &rows);
	return ph_rows_finish(&rows, error);
}

const struct ph_verb_implementation ph_verb_retained = { .options = options, .run = run, .json_is_rows = true };
