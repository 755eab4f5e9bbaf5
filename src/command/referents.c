/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap referents, pyheap referrers */
#include "command/command.h"
#include "command/heap.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"
#include "record/render.h"

#include <inttypes.h>
#include <string.h>

#define PIECE 65536 /* bytes that are handed on at a time */
#define TYPE_EDGE UINT64_MAX /* stands for the edge to the type, which is a flag of the object */

struct printer {
	const struct ph_heap_view *view;
	const struct ph_verb_output *output;
	struct ph_buffer text;
	bool as_json, goes_on;
};

static uint8_t kind_of(const struct ph_heap_view *view, uint64_t edge)
{
	return edge == TYPE_EDGE ? PH_EDGE_TYPE : view->edge_kind[edge] & (uint8_t)~PH_EDGE_EXTRA;
}

static uint32_t argument_of(const struct ph_heap_view *view, uint64_t edge)
{
	return edge == TYPE_EDGE ? PH_NO_INDEX : view->edge_argument[edge];
}

static bool is_extra(const struct ph_heap_view *view, uint64_t edge)
{
	return edge != TYPE_EDGE && view->edge_kind[edge] & PH_EDGE_EXTRA;
}

static void put_type_name(const struct ph_dump_type *type, struct ph_buffer *out)
{
	if (type && type->module && strcmp(type->module, "builtins") != 0) {
		ph_escape_terminal(type->module, strlen(type->module), false, out);
		ph_buffer_putc(out, '.');
	}
	const char *name = type ? type->name : "?";
	ph_escape_terminal(name, strlen(name), false, out);
}

static bool is_named(uint8_t kind)
{
	return kind == PH_EDGE_VALUE || kind == PH_EDGE_ATTRIBUTE;
}

static const char *field_name(const struct ph_heap_view *view, uint8_t kind, uint32_t argument)
{
	return kind == PH_EDGE_FIELD && argument < view->types.field_count ? view->types.fields[argument] : NULL;
}

/* "item 3", "field PyFunctionObject.func_code", "value of 0x7f…" */
static void put_label(const struct ph_heap_view *view, uint64_t edge, struct ph_buffer *out)
{
	uint8_t kind = kind_of(view, edge);
	uint32_t argument = argument_of(view, edge);
	const char *field = field_name(view, kind, argument);
	ph_buffer_puts(out, ph_edge_kind_name(kind));
	if (field) {
		ph_buffer_putc(out, ' ');
		ph_escape_terminal(field, strlen(field), false, out);
	} else if (argument < view->count && is_named(kind)) {
		ph_buffer_printf(out, " of 0x%" PRIx64, view->address[argument]);
	} else if (argument != PH_NO_INDEX && !is_named(kind)) {
		ph_buffer_printf(out, " %" PRIu32, argument);
	}
}

static void put_json(const struct printer *p, uint64_t object, uint64_t edge, struct ph_buffer *out)
{
	const struct ph_heap_view *view = p->view;
	const struct ph_dump_type *type = ph_heap_view_type(view, view->type[object]);
	uint8_t kind = kind_of(view, edge);
	uint32_t argument = argument_of(view, edge);
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_address(&j, "address", view->address[object]);
	ph_json_put_string(&j, "type", type ? type->name : NULL);
	ph_json_put_string(&j, "module", type ? type->module : NULL);
	ph_json_put_string(&j, "kind", ph_edge_kind_name(kind));
	ph_json_put_bool(&j, "extra", is_extra(view, edge));
	ph_json_put_address(&j, "key", is_named(kind) && argument < view->count ? view->address[argument] : 0);
	ph_json_put_string(&j, "field", field_name(view, kind, argument));
	ph_json_put_known(&j, "place",
			  is_named(kind) || kind == PH_EDGE_FIELD || argument == PH_NO_INDEX ? -1 : (int64_t)argument, -1);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

/* One reference, from or to `object`. */
static struct ph_error *put_edge(struct printer *p, uint64_t object, uint64_t edge)
{
	const struct ph_heap_view *view = p->view;
	if (p->as_json) {
		put_json(p, object, edge, &p->text);
	} else {
		ph_buffer_printf(&p->text, "%c 0x%-14" PRIx64 " ", is_extra(view, edge) ? '+' : ' ',
				 view->address[object]);
		put_type_name(ph_heap_view_type(view, view->type[object]), &p->text);
		ph_buffer_puts(&p->text, "  ");
		put_label(view, edge, &p->text);
		ph_buffer_putc(&p->text, '\n');
	}
	return p->text.size < PIECE ? NULL : ph_command_write(p->output, &p->text, &p->goes_on);
}

static struct ph_error *put_referents(struct printer *p, uint32_t object)
{
	const struct ph_heap_view *view = p->view;
	struct ph_error *error = NULL;
	if (view->flags[object] & PH_OBJECT_TYPE_VISITED && view->type[object] < view->count)
		error = put_edge(p, view->type[object], TYPE_EDGE);
	for (uint64_t i = view->edge_start[object]; !error && p->goes_on && i < view->edge_start[object + 1ull]; i++)
		error = put_edge(p, view->edge_target[i], i);
	return error;
}

static void put_balance(struct printer *p, uint32_t object, uint64_t strong, uint64_t guessed)
{
	const struct ph_heap_view *view = p->view;
	int64_t count = view->refcount[object];
	bool immortal = view->flags[object] & PH_OBJECT_IMMORTAL;
	int64_t rest = count - (int64_t)strong;
	if (p->as_json) {
		struct ph_json j = ph_json(&p->text, 0);
		ph_json_object(&j, true);
		ph_json_put_known(&j, "refcount", count, immortal ? INT64_MIN : -1);
		ph_json_put_bool(&j, "immortal", immortal);
		ph_json_put_uint(&j, "edges", strong);
		ph_json_put_uint(&j, "guessed", guessed);
		ph_json_put_known(&j, "unexplained", immortal || count < 0 ? INT64_MIN : rest, INT64_MIN);
		ph_json_object_end(&j);
		ph_buffer_putc(&p->text, '\n');
		return;
	}
	if (immortal)
		ph_buffer_printf(&p->text, "immortal; %" PRIu64 " edges", strong);
	else if (count < 0)
		ph_buffer_printf(&p->text, "ob_refcnt unknown; %" PRIu64 " edges", strong);
	else
		ph_buffer_printf(&p->text, "ob_refcnt %" PRId64 " = %" PRIu64 " edges %c %" PRId64 " unexplained", count,
				 strong, rest < 0 ? '-' : '+', rest < 0 ? -rest : rest);
	if (guessed)
		ph_buffer_printf(&p->text, " (%" PRIu64 " guessed edges not counted)", guessed);
	ph_buffer_putc(&p->text, '\n');
}

static struct ph_error *put_referrers(struct printer *p, uint32_t object)
{
	const struct ph_heap_view *view = p->view;
	struct ph_error *error = NULL;
	uint64_t strong = 0, guessed = 0, source = 0;
	for (uint64_t i = 0; !error && p->goes_on && i < view->edge_count; i++) {
		if (view->edge_target[i] != object)
			continue;
		while (view->edge_start[source + 1] <= i)
			source++;
		uint8_t kind = view->edge_kind[i] & (uint8_t)~PH_EDGE_EXTRA;
		bool guess = kind == PH_EDGE_GUESSED || kind == PH_EDGE_STATE;
		guessed += guess;
		strong += !guess && kind != PH_EDGE_WEAK;
		error = put_edge(p, source, i);
	}
	if (!error && p->goes_on)
		put_balance(p, object, strong, guessed);
	return error;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, bool reverse, int *ret_status)
{
	const char *verb = reverse ? "referrers" : "referents";
	ph_auto_heap_view struct ph_heap_view view = { .dump = dump };
	struct printer p = { .view = &view, .output = output, .text = PH_BUFFER(PH_BUFFER_UNBOUNDED),
			     .as_json = arguments->values[0], .goes_on = true };
	if (arguments->operand_count != 1)
		return ph_error_create(PH_ERROR_USAGE, "%s: takes one address: pyheap %s DUMP 0x7f…", verb, verb);
	ph_addr address = ph_parse_address(arguments->operands[0]);
	if (!address)
		return ph_error_create(PH_ERROR_USAGE, "%s: %s is not an address: give it as 0x7f…", verb,
				       arguments->operands[0]);
	struct ph_error *error = ph_heap_view_load(&view, PH_HEAP_ADDRESSES | PH_HEAP_TYPES | PH_HEAP_COUNTS | PH_HEAP_EDGES);
	if (error)
		return error;
	uint32_t object = ph_heap_view_find(&view, address);
	*ret_status = 0;
	if (object == PH_NO_INDEX) {
		if (output->warning)
			output->warning(output->user, "no object of the dump begins at this address");
		*ret_status = 1;
		return NULL;
	}
	error = reverse ? put_referrers(&p, object) : put_referents(&p, object);
	if (!error && p.goes_on)
		error = ph_command_write(output, &p.text, &p.goes_on);
	ph_buffer_deinit(&p.text);
	return error;
}

static struct ph_error *run_referents(struct ph_dump *dump, const struct ph_arguments *arguments,
				      const struct ph_verb_output *output, int *ret_status)
{
	return run(dump, arguments, output, false, ret_status);
}

static struct ph_error *run_referrers(struct ph_dump *dump, const struct ph_arguments *arguments,
				      const struct ph_verb_output *output, int *ret_status)
{
	return run(dump, arguments, output, true, ret_status);
}

const struct ph_verb_implementation ph_verb_referents = { .options = ph_options_json, .run = run_referents };
const struct ph_verb_implementation ph_verb_referrers = { .options = ph_options_json, .run = run_referrers };
