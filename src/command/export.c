/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap export: every object with its references, one a line. */
#include "command/command.h"
#include "command/heap.h"
#include "dump/dump.h"

#include "base/cleanup.h"
#include "record/json.h"

#include <string.h>

/* Those of the refs that are guesses, where there are any. */
static void put_guessed(struct ph_heap_view *view, uint32_t object, uint32_t first, uint32_t end, struct ph_json *j)
{
	struct ph_heap_ref ref;
	bool any = false;
	for (uint32_t e = first; e < end; e++) {
		if (!ph_heap_edge(view, object, e, &ref) || ref.extra || !ph_edge_is_guess(ref.kind))
			continue;
		if (!any) {
			ph_json_key(j, "guessed");
			ph_json_array(j, true);
		}
		any = true;
		ph_json_address(j, ph_heap_address(view, ref.target));
	}
	if (any)
		ph_json_array_end(j);
}

static void put_edges(struct ph_heap_view *view, uint32_t object, struct ph_json *j)
{
	uint32_t first, end;
	struct ph_heap_ref ref, type = ph_heap_type_edge(view, object);
	ph_heap_edges(view, object, &first, &end);
	ph_json_key(j, "refs");
	ph_json_array(j, true);
	if (!type.extra && type.target != PH_NO_INDEX)
		ph_json_address(j, ph_heap_address(view, type.target));
	for (uint32_t e = first; e < end; e++)
		if (ph_heap_edge(view, object, e, &ref) && !ref.extra)
			ph_json_address(j, ph_heap_address(view, ref.target));
	ph_json_array_end(j);
	put_guessed(view, object, first, end, j);
	ph_json_key(j, "extra");
	ph_json_array(j, true);
	for (uint32_t e = first; e < end; e++) {
		if (!ph_heap_edge(view, object, e, &ref) || !ref.extra)
			continue;
		ph_json_object(j, true);
		ph_json_put_address(j, "address", ph_heap_address(view, ref.target));
		ph_json_put_string(j, "kind", ph_edge_kind_name(ref.kind));
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
}

static void put_object(struct ph_heap_view *view, uint32_t i, struct ph_buffer *value, struct ph_buffer *out)
{
	struct ph_json j = ph_heap_json(view, i, out);
	ph_json_put_known(&j, "held", ph_heap_held(view, i), -1);
	ph_json_put_known(&j, "refcount", ph_heap_refcount(view, i),
			  ph_heap_flags(view, i) & PH_OBJECT_IMMORTAL ? INT64_MIN : -1);
	put_edges(view, i, &j);
	ph_json_put_known(&j, "len", ph_heap_len(view, i), -1);
	ph_json_key(&j, "value");
	ph_buffer_clear(value);
	if (ph_heap_value(view, i, value))
		ph_json_string_n(&j, ph_buffer_text(value), value->size);
	else
		ph_json_null(&j);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

static struct ph_error *export_jsonl(struct ph_dump *dump, const struct ph_verb_output *output)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	ph_auto_buffer struct ph_buffer value = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_rows rows = ph_rows(output, true);
	struct ph_error *error = ph_heap_view_open(dump, &view);
	for (uint32_t i = 0; !error && rows.goes_on && i < view.count; i++) {
		put_object(&view, i, &value, &rows.text);
		error = ph_rows_next(&rows);
	}
	return ph_rows_finish(&rows, error);
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
