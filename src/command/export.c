/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap export: every object with its references, one a line. */
#include "command/command.h"
#include "command/heap.h"
#include "dump/dump.h"

#include "base/cleanup.h"
#include "record/json.h"

#include <string.h>

#define PIECE 65536 /* bytes that are handed on at a time */

static void put_edges(const struct ph_heap_view *view, uint64_t object, struct ph_json *j)
{
	ph_json_key(j, "refs");
	ph_json_array(j, true);
	uint32_t type = view->type[object];
	if (view->flags[object] & PH_OBJECT_TYPE_VISITED && type < view->count)
		ph_json_address(j, view->address[type]);
	for (uint64_t i = view->edge_start[object]; i < view->edge_start[object + 1]; i++)
		if (!(view->edge_kind[i] & PH_EDGE_EXTRA))
			ph_json_address(j, view->address[view->edge_target[i]]);
	ph_json_array_end(j);
	ph_json_key(j, "extra");
	ph_json_array(j, true);
	for (uint64_t i = view->edge_start[object]; i < view->edge_start[object + 1]; i++) {
		if (!(view->edge_kind[i] & PH_EDGE_EXTRA))
			continue;
		ph_json_object(j, true);
		ph_json_put_address(j, "address", view->address[view->edge_target[i]]);
		ph_json_put_string(j, "kind", ph_edge_kind_name(view->edge_kind[i]));
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
}

/* value NULL: it has none. */
static void put_object(const struct ph_heap_view *view, uint64_t i, const struct ph_buffer *value, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_view_type(view, view->type[i]);
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_address(&j, "address", view->address[i]);
	ph_json_put_string(&j, "type", type ? type->name : NULL);
	ph_json_put_string(&j, "module", type ? type->module : NULL);
	ph_json_put_known(&j, "size", view->size[i], -1);
	ph_json_put_known(&j, "refcount", view->refcount[i], view->flags[i] & PH_OBJECT_IMMORTAL ? INT64_MIN : -1);
	put_edges(view, i, &j);
	ph_json_put_known(&j, "len", view->len[i], -1);
	ph_json_key(&j, "value");
	if (value)
		ph_json_string_n(&j, ph_buffer_text(value), value->size);
	else
		ph_json_null(&j);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

static struct ph_error *export_jsonl(struct ph_dump *dump, const struct ph_verb_output *output)
{
	ph_auto_heap_view struct ph_heap_view view = { .dump = dump };
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED), value = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_auto_texts struct ph_dump_texts texts = { 0 };
	bool goes_on = true, has_value;
	struct ph_error *error = ph_heap_view_load(&view, PH_HEAP_ADDRESSES | PH_HEAP_TYPES | PH_HEAP_SIZES |
							       PH_HEAP_COUNTS | PH_HEAP_EDGES);
	if (!error)
		error = ph_dump_texts_open(dump, &texts);
	for (uint64_t i = 0; !error && goes_on && i < view.count; i++) {
		ph_buffer_clear(&value);
		error = ph_dump_value(&texts, (uint32_t)i, &value, &has_value);
		if (error)
			break;
		put_object(&view, i, has_value ? &value : NULL, &text);
		if (text.size >= PIECE)
			error = ph_command_write(output, &text, &goes_on);
	}
	if (!error && goes_on)
		error = ph_command_write(output, &text, &goes_on);
	return error;
}

/* ---- for Python debuggers ---- */

static struct ph_error *export_part(struct ph_dump *dump, const struct ph_verb_output *output,
				    struct ph_error *(*make)(struct ph_dump *dump, struct ph_buffer *out))
{
	ph_auto_buffer struct ph_buffer part = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	bool goes_on;
	struct ph_error *error = make(dump, &part);
	return error ? error : ph_command_write(output, &part, &goes_on);
}

static struct ph_error *export_pyheapdump(struct ph_dump *dump, const struct ph_verb_output *output)
{
	return export_part(dump, output, ph_dump_pyheapdump);
}

static struct ph_error *export_pydump(struct ph_dump *dump, const struct ph_verb_output *output)
{
	return export_part(dump, output, ph_dump_pydump);
}

/* ---- the table ---- */

static const char *const formats[] = { "jsonl", "pyheapdump", "pydump", NULL };
static struct ph_error *(*const writers[])(struct ph_dump *dump, const struct ph_verb_output *output) = {
	export_jsonl, /* the first is the default */
	export_pyheapdump,
	export_pydump,
};
enum { OPTION_JSON, OPTION_FORMAT };
static const struct ph_option options[] = {
	[OPTION_JSON] = { .name = "json" },
	[OPTION_FORMAT] = { .name = "format", .choices = formats },
	{ .name = NULL },
};

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	const char *format = arguments->values[OPTION_FORMAT];
	size_t index = 0;
	for (size_t i = 0; format && formats[i]; i++)
		if (!strcmp(format, formats[i]))
			index = i;
	*ret_status = 0;
	struct ph_error *error = ph_arguments_none("export", arguments);
	return error ? error : writers[index](dump, output);
}

const struct ph_verb_implementation ph_verb_export = { .options = options, .run = run };
