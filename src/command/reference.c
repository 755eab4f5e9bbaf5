/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/reference.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "command/label.h"
#include "record/json.h"

#include <inttypes.h>
#include <string.h>

#define OWNERS_MAXIMUM 64 /* referrers of a dict that are asked */

struct ph_error *ph_heap_one_object(struct ph_dump *dump, const char *verb, const struct ph_arguments *arguments,
				    const struct ph_verb_output *output, struct ph_heap_view *view, uint32_t *ret)
{
	*ret = PH_NO_INDEX;
	if (arguments->operand_count != 1)
		return ph_error_create(PH_ERROR_USAGE, "%s: takes one address: pyheap %s DUMP 0x7f…", verb, verb);
	struct ph_error *error = ph_heap_view_open(dump, view);
	return error ? error : ph_heap_operand(view, verb, arguments->operands[0], output, ret);
}

bool ph_is_namespace(const struct ph_heap_view *view, const struct ph_heap_ref *ref)
{
	static const char *const members[] = { "md_dict", "func_dict", "tp_dict", "ns_dict", "dict",
					       "in_dict", "cl_dict",   "sm_dict", "cm_dict" };
	if (ref->kind == PH_EDGE_DICT)
		return true;
	if (ref->kind != PH_EDGE_FIELD || ref->argument >= view->types.field_count)
		return false;
	const char *dot = strrchr(view->types.fields[ref->argument], '.');
	for (size_t i = 0; dot && i < sizeof(members) / sizeof(*members); i++)
		if (!strcmp(dot + 1, members[i]))
			return true;
	return false;
}

uint32_t ph_dict_owner(struct ph_heap_view *view, uint32_t dict, struct ph_heap_ref *ret)
{
	uint32_t count;
	const struct ph_dump_type *type = ph_heap_type(view, dict);
	if (!type || strcmp(type->name, "dict") != 0 || !view->graph.referrer)
		return PH_NO_INDEX;
	const uint32_t *sources = ph_graph_referrers(&view->graph, dict, &count);
	for (uint32_t i = 0; i < count && i < OWNERS_MAXIMUM; i++)
		if (sources[i] < view->count && ph_heap_best_edge(view, sources[i], dict, ret) &&
		    ph_is_namespace(view, ret))
			return sources[i];
	return PH_NO_INDEX;
}

static void put_json(struct ph_heap_view *view, const struct ph_heap_ref *ref, uint32_t shown, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, shown);
	bool keyed = (ref->kind == PH_EDGE_VALUE || ref->kind == PH_EDGE_ATTRIBUTE) && ref->argument < view->count;
	bool field = ref->kind == PH_EDGE_FIELD && ref->argument < view->types.field_count;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(65536);
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_address(&j, "address", ph_heap_address(view, shown));
	ph_json_put_string(&j, "type", type ? type->name : NULL);
	ph_json_put_string(&j, "module", type ? type->module : NULL);
	ph_json_put_string(&j, "kind", ph_edge_kind_name(ref->kind));
	ph_json_put_bool(&j, "extra", ref->extra);
	ph_json_put_bool(&j, "guessed", ph_edge_is_guess(ref->kind));
	ph_put_label(view, ref, &text);
	ph_json_put_string(&j, "label", ph_buffer_text(&text));
	ph_buffer_clear(&text);
	ph_json_key(&j, "name");
	if (ph_label_name(view, ref, &text))
		ph_json_string_n(&j, ph_buffer_text(&text), text.size);
	else
		ph_json_null(&j);
	ph_json_put_address(&j, "key", keyed ? ph_heap_address(view, ref->argument) : 0);
	ph_json_put_string(&j, "field", field ? view->types.fields[ref->argument] : NULL);
	ph_json_put_known(&j, "place", keyed || field || ref->argument == PH_NO_INDEX ? -1 : (int64_t)ref->argument,
			  -1);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

/* "dict['user'], __dict__ of 0x7f… app.Session" */
static void put_owner(struct ph_heap_view *view, uint32_t dict, struct ph_buffer *out)
{
	struct ph_heap_ref edge;
	uint32_t owner = ph_dict_owner(view, dict, &edge);
	if (owner == PH_NO_INDEX)
		return;
	ph_buffer_printf(out, ", __dict__ of 0x%" PRIx64 " ", ph_heap_address(view, owner));
	ph_put_object(view, owner, out);
}

struct ph_error *ph_put_reference(struct ph_heap_view *view, struct ph_rows *rows, const struct ph_heap_ref *ref,
				  uint32_t shown, bool of_source)
{
	struct ph_buffer *out = &rows->text;
	if (rows->as_json) {
		put_json(view, ref, shown, out);
		return ph_rows_next(rows);
	}
	ph_buffer_printf(out, "%c 0x%" PRIx64 "  ", ref->extra ? '+' : ' ', ph_heap_address(view, shown));
	if (of_source) {
		ph_put_type(ph_heap_type(view, shown), out);
		ph_put_label(view, ref, out);
		if (ref->kind == PH_EDGE_VALUE)
			put_owner(view, shown, out);
	} else {
		size_t before = out->size;
		ph_put_label(view, ref, out);
		/* in line as far as labels are short */
		ph_buffer_printf(out, "%*s", out->size < before + 18 ? (int)(before + 18 - out->size) : 2, "");
		ph_put_object(view, shown, out);
	}
	ph_buffer_puts(out, ph_edge_is_guess(ref->kind) ? " (guessed)\n" : "\n");
	return ph_rows_next(rows);
}
