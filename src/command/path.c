/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap path: why is this object alive? */
#include "command/path.h"
#include "command/command.h"
#include "command/damage.h"
#include "command/label.h"
#include "command/reference.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"
#include "record/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 40 /* steps of a text from each end; long chains are cut in the middle */

uint32_t ph_best_root(struct ph_heap_view *view, uint32_t object)
{
	uint32_t best = PH_NO_INDEX;
	unsigned best_rank = PH_GRAPH_IDLE;
	for (uint32_t i = 0; i < view->root_count; i++) {
		if (ph_heap_get(view, PH_COLUMN_ROOT_OBJECT, i) != object)
			continue;
		unsigned rank = ph_root_graph_rank(ph_heap_root(view, i).kind);
		if (rank < best_rank)
			best = i, best_rank = rank;
	}
	return best;
}

void ph_put_root(struct ph_heap_view *view, uint32_t root, struct ph_buffer *out)
{
	struct ph_heap_root_entry entry = ph_heap_root(view, root);
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	if (entry.name != PH_NO_INDEX && ph_heap_string(view, entry.name, &name))
		ph_escape_terminal(ph_buffer_text(&name), name.size, false, out);
	else
		ph_buffer_puts(out, ph_root_kind_name(entry.kind));
}

/* ---- one step ---- */

struct path {
	struct ph_heap_view *view;
	uint32_t *objects; /* the root's first */
	size_t count;
	uint32_t root; /* PH_NO_INDEX unknown */
};

static bool is_module(struct ph_heap_view *view, uint32_t object)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	return type && !strcmp(type->name, "module");
}

/* "Session" of ".user": a class and what has a name go by it, others by their type. */
static void put_subject(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, object), *self = ph_heap_view_type(view, object);
	const char *name = self ? self->name : type ? type->name : "?";
	if (!self && ph_has_own_name(type) && ph_put_own_name(view, object, out))
		return;
	ph_escape_terminal(name, strlen(name), false, out);
}

/* The edge from step i - 1 to step i. */
static bool edge_to(const struct path *p, size_t i, struct ph_heap_ref *ret)
{
	return ph_heap_best_edge(p->view, p->objects[i - 1], p->objects[i], ret);
}

/* Step i leads from an object to its namespace, and the next on to a name in it: one step to who reads it. */
static bool is_merged(const struct path *p, size_t i, struct ph_heap_ref *edge, struct ph_buffer *name)
{
	struct ph_heap_ref next;
	if (i + 1 >= p->count || !ph_is_namespace(p->view, edge) || !edge_to(p, i + 1, &next) ||
	    next.kind != PH_EDGE_VALUE)
		return false;
	return ph_label_name(p->view, &next, name);
}

/* The text of the step to object i; returns how many objects it goes over, 1 or 2. */
static size_t put_step(const struct path *p, size_t i, struct ph_buffer *out)
{
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	struct ph_heap_view *view = p->view;
	uint32_t source = p->objects[i - 1];
	struct ph_heap_ref edge;
	if (!edge_to(p, i, &edge)) {
		ph_buffer_puts(out, "?");
		return 1;
	}
	bool merged = is_merged(p, i, &edge, &name);
	bool dotted = merged || edge.kind == PH_EDGE_ATTRIBUTE || edge.kind == PH_EDGE_SLOT ||
		      edge.kind == PH_EDGE_FIELD || edge.kind == PH_EDGE_DICT || edge.kind == PH_EDGE_TYPE ||
		      edge.kind == PH_EDGE_GUESSED;
	/* the root has just been named; a module's variables go by their own name */
	bool bare = is_module(view, source) && merged;
	if (dotted && !bare)
		put_subject(view, source, out);
	if (merged) {
		if (!bare)
			ph_buffer_putc(out, '.');
		ph_escape_terminal(ph_buffer_text(&name), name.size, false, out);
		return 2;
	}
	size_t before = out->size;
	ph_put_label(view, &edge, &name);
	const char *text = ph_buffer_text(&name);
	ph_buffer_puts(out, out->size == before && text[0] == ' ' && !dotted ? text + 1 : text);
	return 1;
}

/* ---- the whole path ---- */

static void put_first(const struct path *p, struct ph_buffer *out)
{
	if (p->root == PH_NO_INDEX)
		ph_buffer_puts(out, "?");
	else
		ph_put_root(p->view, p->root, out);
}

static void put_line(const struct path *p, struct ph_buffer *out)
{
	put_first(p, out);
	for (size_t i = 1; i < p->count;) {
		if (i >= SHOWN && p->count - i > SHOWN) {
			size_t next = p->count - SHOWN;
			ph_buffer_printf(out, " → … %zu more …", next - i);
			i = next;
		}
		ph_buffer_puts(out, " → ");
		i += put_step(p, i, out);
	}
}

static void put_list(const struct path *p, struct ph_buffer *out)
{
	for (size_t i = 0; i < p->count; i++) {
		if (i >= SHOWN && p->count - i > SHOWN) {
			i = p->count - SHOWN;
			ph_buffer_puts(out, "  …\n");
		}
		ph_buffer_printf(out, "  0x%" PRIx64 "  ", ph_heap_address(p->view, p->objects[i]));
		ph_put_object(p->view, p->objects[i], out);
		ph_buffer_putc(out, '\n');
	}
}

static struct ph_error *put_json(const struct path *p, bool guessed, struct ph_rows *rows)
{
	struct ph_error *error = NULL;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(1 << 20);
	struct ph_json j = ph_json(&rows->text, 0);
	ph_json_object(&j, true);
	ph_json_key(&j, "path");
	if (p->count) {
		put_line(p, &text);
		ph_json_string_n(&j, ph_buffer_text(&text), text.size);
	} else {
		ph_json_null(&j);
	}
	ph_json_put_bool(&j, "guessed", guessed);
	if (!p->count && ph_heap_is_incomplete(p->view->dump))
		ph_json_put_bool(&j, "incomplete", true);
	ph_json_put_string(&j, "root",
			   p->root == PH_NO_INDEX ? NULL : ph_root_kind_name(ph_heap_root(p->view, p->root).kind));
	ph_json_key(&j, "steps");
	ph_json_array(&j, true);
	for (size_t i = 0; !error && rows->goes_on && i < p->count; i++) {
		const struct ph_dump_type *type = ph_heap_type(p->view, p->objects[i]);
		struct ph_heap_ref edge;
		ph_json_object(&j, true);
		ph_json_put_address(&j, "address", ph_heap_address(p->view, p->objects[i]));
		ph_json_put_string(&j, "type", type ? type->name : NULL);
		ph_json_put_string(&j, "module", type ? type->module : NULL);
		ph_buffer_clear(&text);
		if (i && edge_to(p, i, &edge))
			ph_put_label(p->view, &edge, &text);
		ph_json_put_string(&j, "label", i ? ph_buffer_text(&text) : NULL);
		ph_json_object_end(&j);
		error = ph_rows_next(rows);
	}
	ph_json_array_end(&j);
	if (!error)
		error = ph_put_heap_damage_json(p->view->dump, &j);
	ph_json_object_end(&j);
	ph_buffer_putc(&rows->text, '\n');
	return error;
}

static struct ph_error *put_unreachable(struct ph_heap_view *view, uint32_t object, struct ph_rows *rows)
{
	const struct path p = { .view = view, .root = PH_NO_INDEX };
	bool incomplete = ph_heap_is_incomplete(view->dump);
	if (rows->as_json)
		return put_json(&p, false, rows);
	ph_buffer_printf(&rows->text, "no root %s 0x%" PRIx64 ": %s\n",
			 incomplete ? "is seen to reach" : "reaches", ph_heap_address(view, object),
			 incomplete ? "a path may lead through what is lost (see pyheap verify)" :
				      "it is garbage, or held by native code (see pyheap garbage, referrers)");
	return NULL;
}

/* *ret->objects is the caller's; count 0: no root reaches the object. */
static struct ph_error *find_path(struct ph_heap_view *view, uint32_t object, struct path *ret)
{
	size_t count = ph_graph_path(&view->graph, object, NULL, 0);
	*ret = (struct path){ .view = view, .count = count };
	if (!count)
		return NULL;
	uint32_t *objects = malloc(count * sizeof(*objects));
	if (!objects)
		return &ph_error_no_memory;
	ph_graph_path(&view->graph, object, objects, count);
	for (size_t i = 0; i < count / 2; i++) {
		uint32_t other = objects[count - 1 - i];
		objects[count - 1 - i] = objects[i];
		objects[i] = other;
	}
	ret->objects = objects;
	ret->root = ph_best_root(view, objects[0]);
	return NULL;
}

struct ph_error *ph_put_path(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	struct path p;
	struct ph_error *error = find_path(view, object, &p);
	if (!error && p.count)
		put_line(&p, out);
	else if (!error)
		ph_buffer_putc(out, '?');
	free(p.objects);
	return error;
}

static struct ph_error *put_path(struct ph_heap_view *view, uint32_t object, struct ph_rows *rows)
{
	struct path p;
	struct ph_error *error = find_path(view, object, &p);
	ph_auto_free uint32_t *objects = p.objects;
	if (error)
		return error;
	if (!p.count)
		return put_unreachable(view, object, rows);
	bool guessed = view->graph.reach[object] == 1 + PH_GRAPH_GUESS;
	if (rows->as_json)
		return put_json(&p, guessed, rows);
	put_line(&p, &rows->text);
	ph_buffer_puts(&rows->text, guessed ? "\n(guessed: no certain reference leads here)\n" : "\n");
	put_list(&p, &rows->text);
	(void)objects;
	return NULL;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	struct ph_rows rows = ph_rows(output, arguments->values[0]);
	uint32_t object;
	struct ph_error *error = ph_heap_one_object(dump, "path", arguments, output, &view, &object);
	*ret_status = object == PH_NO_INDEX;
	if (!error && object != PH_NO_INDEX)
		error = ph_heap_view_link(&view, PH_LINK_PATHS);
	if (!error && object != PH_NO_INDEX)
		error = put_path(&view, object, &rows);
	return ph_rows_finish(&rows, error);
}

const struct ph_verb_implementation ph_verb_path = { .options = ph_options_json, .run = run };
