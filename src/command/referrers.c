/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap referrers: what refers to an object, and whether that explains its reference count. */
#include "command/command.h"
#include "command/grouped.h"
#include "command/interned.h"
#include "command/label.h"
#include "command/path.h"
#include "command/reference.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"

#include <inttypes.h>
#include <string.h>

#define PLACES_MAXIMUM 200 /* bytes of the names of guesses in the balance */
#define PLACES_SHOWN 3

struct balance {
	uint64_t edges, instances, roots, guessed;
	struct ph_interned interned;
	uint64_t uncounted; /* its edges */
	uint64_t words; /* references where the count has room for them */
	struct ph_buffer places; /* of the guesses */
	unsigned place_count;
	bool is_static; /* it lies in a module's data */
};

static void add_place(struct balance *b, const char *text)
{
	if (b->place_count > PLACES_SHOWN || strstr(ph_buffer_text(&b->places), text))
		return;
	bool more = b->place_count++ == PLACES_SHOWN || b->places.size >= PLACES_MAXIMUM;
	ph_buffer_printf(&b->places, "%s%s", b->places.size ? ", " : "", more ? "…" : text);
	if (more)
		b->place_count = PLACES_SHOWN + 1;
}

/* All edges of one source that lead to the object. */
static struct ph_error *put_source(struct ph_heap_view *view, struct ph_rows *rows, uint32_t source, uint32_t object,
				   struct balance *b)
{
	uint32_t first, end;
	struct ph_heap_ref ref;
	struct ph_error *error = NULL;
	bool uncounted = ph_is_interned_dict(&b->interned, source);
	ph_heap_edges(view, source, &first, &end);
	for (uint32_t e = first; !error && rows->goes_on && e < end; e++) {
		if (ph_heap_get(view, PH_COLUMN_EDGE_TARGET, e) != object || !ph_heap_edge(view, source, e, &ref))
			continue;
		if (ph_edge_force(ref.kind) == PH_GRAPH_STRONG)
			*(uncounted ? &b->uncounted : &b->edges) += 1;
		if (ph_edge_force(ref.kind) == PH_GRAPH_GUESSED) {
			ph_auto_buffer struct ph_buffer place = PH_BUFFER(256);
			ph_put_type(ph_heap_type(view, source), &place);
			ph_put_label(view, &ref, &place);
			b->guessed++;
			add_place(b, ph_buffer_text(&place));
		}
		error = ph_put_reference(view, rows, &ref, source, true);
	}
	return error;
}

static void put_root_row(struct ph_heap_view *view, struct ph_rows *rows, uint32_t root, const char *name)
{
	struct ph_heap_root_entry entry = ph_heap_root(view, root);
	if (!rows->as_json) {
		ph_buffer_printf(&rows->text, "%c root  %s\n", ph_root_is_guess(entry.kind) ? '?' : ' ', name);
		return;
	}
	struct ph_json j = ph_json(&rows->text, 0);
	ph_json_object(&j, true);
	ph_json_put_string(&j, "root", ph_root_kind_name(entry.kind));
	ph_json_put_string(&j, "name", name);
	ph_json_put_bool(&j, "counted", entry.counted);
	ph_json_put_bool(&j, "guessed", ph_root_is_guess(entry.kind));
	ph_json_object_end(&j);
	ph_buffer_putc(&rows->text, '\n');
}

static struct ph_error *put_roots(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object, struct balance *b)
{
	struct ph_error *error = NULL;
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	for (uint32_t i = 0; !error && rows->goes_on && i < view->root_count; i++) {
		if (ph_heap_get(view, PH_COLUMN_ROOT_OBJECT, i) != object)
			continue;
		struct ph_heap_root_entry entry = ph_heap_root(view, i);
		ph_buffer_clear(&name);
		ph_put_root(view, i, &name);
		b->is_static |= entry.kind == PH_ROOT_STATIC || entry.kind == PH_ROOT_STATIC_TYPE;
		put_root_row(view, rows, i, ph_buffer_text(&name));
		if (ph_root_is_guess(entry.kind)) {
			b->guessed++;
			add_place(b, ph_buffer_text(&name));
		} else if (ph_root_is_word(entry.kind)) {
			b->words += entry.counted;
		} else {
			b->roots += entry.counted;
		}
		error = ph_rows_next(rows);
	}
	return error;
}

/* ---- the balance ---- */

static void put_balance_json(struct ph_heap_view *view, uint32_t object, const struct balance *b, int64_t rest,
			     struct ph_buffer *out)
{
	bool immortal = ph_heap_is_immortal(view, object);
	bool deferred = ph_heap_flags(view, object) & PH_OBJECT_DEFERRED;
	int64_t count = ph_heap_refcount(view, object);
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_known(&j, "refcount", count,
			  ph_heap_flags(view, object) & PH_OBJECT_IMMORTAL ? INT64_MIN : -1);
	ph_json_put_bool(&j, "immortal", immortal);
	ph_json_put_bool(&j, "deferred", deferred);
	ph_json_put_uint(&j, "edges", b->edges);
	ph_json_put_uint(&j, "instances", b->instances);
	ph_json_put_uint(&j, "uncounted", b->uncounted);
	ph_json_put_uint(&j, "roots", b->roots);
	ph_json_put_uint(&j, "guessed", b->guessed);
	ph_json_put_known(&j, "unexplained", immortal || count < 0 ? INT64_MIN : rest, INT64_MIN);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* "4 edges + 1 root + 2 instances" */
static void put_certain(const struct balance *b, struct ph_buffer *out)
{
	ph_buffer_printf(out, "%" PRIu64 " edge%s", b->edges, plural(b->edges));
	if (b->roots)
		ph_buffer_printf(out, " + %" PRIu64 " root%s", b->roots, plural(b->roots));
	if (b->instances)
		ph_buffer_printf(out, " + %" PRIu64 " instance%s", b->instances, plural(b->instances));
}

/* A guess explains what nothing else does, and is idle where all is explained. */
static void put_balance(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object, struct balance *b)
{
	struct ph_buffer *out = &rows->text;
	bool deferred = ph_heap_flags(view, object) & PH_OBJECT_DEFERRED;
	int64_t count = ph_heap_refcount(view, object);
	int64_t open = count - (int64_t)(b->edges + b->roots + b->instances);
	uint64_t words = open <= 0 ? 0 : b->words < (uint64_t)open ? b->words : (uint64_t)open;
	b->roots += words;
	open -= (int64_t)words;
	int64_t guesses = open > 0 ? (b->guessed < (uint64_t)open ? (int64_t)b->guessed : open) : 0;
	if (rows->as_json) {
		put_balance_json(view, object, b, open - guesses, out);
		return;
	}
	if (ph_heap_is_immortal(view, object)) {
		ph_buffer_puts(out, "immortal: its references are not counted; ");
		put_certain(b, out);
		ph_buffer_puts(out, " found\n");
		return;
	}
	if (count < 0)
		ph_buffer_puts(out, "ob_refcnt unknown; ");
	else
		ph_buffer_printf(out, "ob_refcnt %" PRId64 "%s = ", count, deferred ? " (deferred)" : "");
	put_certain(b, out);
	if (guesses)
		ph_buffer_printf(out, " + %" PRId64 " guessed (%s)", guesses, ph_buffer_text(&b->places));
	if (count >= 0 && open > guesses)
		ph_buffer_printf(out, " + %" PRId64 " unexplained", open - guesses);
	else if (count >= 0 && open < 0)
		ph_buffer_printf(out, deferred ? " - %" PRId64 " uncounted: by frames, or by threads for themselves" :
				 b->is_static ? " - %" PRId64 " uncounted: C code need not count those of what lies in data" :
						" - %" PRId64 " too many", -open);
	if (b->uncounted)
		ph_buffer_printf(out, "; %" PRIu64 " of the dict of interned strings, which are not counted", b->uncounted);
	if (b->guessed > (uint64_t)guesses)
		ph_buffer_printf(out, "; %" PRIu64 " more guessed", b->guessed - (uint64_t)guesses);
	if (b->words > words)
		ph_buffer_printf(out, "; %" PRIu64 " borrowed or left over", b->words - words);
	ph_buffer_putc(out, '\n');
}

static struct ph_error *put_referrers(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object)
{
	uint32_t count;
	struct balance b = { .places = PH_BUFFER(2 * PLACES_MAXIMUM + 256) };
	const struct ph_dump_type *self = ph_heap_view_type(view, object);
	const uint32_t *sources = ph_graph_referrers(&view->graph, object, &count);
	struct ph_error *error = NULL;
	b.interned = ph_find_interned(view);
	for (uint32_t i = 0; !error && rows->goes_on && i < count; i++)
		if (sources[i] < view->count && (!i || sources[i] != sources[i - 1]))
			error = put_source(view, rows, sources[i], object, &b);
	if (!error && rows->goes_on)
		error = put_roots(view, rows, object, &b);
	if (self && self->is_heap)
		b.instances = self->count;
	if (!error && rows->goes_on)
		put_balance(view, rows, object, &b);
	ph_buffer_deinit(&b.places);
	return error;
}

/* Of an operand that is an address nothing else can be meant: no type's name begins with 0x. */
static bool is_address(const char *operand)
{
	return ph_parse_address(operand) && operand[0] == '0';
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	struct ph_rows rows = ph_rows(output, arguments->values[0]);
	uint32_t object = PH_NO_INDEX;
	if (arguments->operand_count != 1)
		return ph_error_create(PH_ERROR_USAGE,
				       "referrers: takes one address or type: pyheap referrers DUMP 0x7f…");
	const char *operand = arguments->operands[0];
	struct ph_error *error = ph_heap_view_open(dump, &view);
	if (error)
		return error;
	size_t types = 0;
	bool *matching = is_address(operand) ? NULL : ph_matching_types(&view, operand, &types);
	if (!types) {
		if (ph_parse_address(operand))
			error = ph_heap_operand(&view, "referrers", operand, output, &object);
		else
			ph_no_such_type(&view, output, "referrers", operand);
	}
	*ret_status = !types && object == PH_NO_INDEX;
	if (!error && (types || object != PH_NO_INDEX))
		error = ph_heap_view_link(&view, PH_LINK_REFERRERS);
	if (!error && types)
		error = ph_put_grouped(&view, &rows, matching);
	else if (!error && object != PH_NO_INDEX)
		error = put_referrers(&view, &rows, object);
	free(matching);
	return ph_rows_finish(&rows, error);
}

const struct ph_verb_implementation ph_verb_referrers = { .options = ph_options_json, .run = run, .json_is_rows = true };
