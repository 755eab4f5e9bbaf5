/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap roots: what keeps the heap alive from outside of it. */
#include "command/command.h"
#include "command/label.h"
#include "command/path.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"

#include <inttypes.h>
#include <string.h>

enum { JSON, KIND, LIMIT };
static const struct ph_option options[] = {
	[JSON] = { .name = "json" },
	[KIND] = { .name = "kind", .takes_text = true },
	[LIMIT] = { .name = "limit", .takes_text = true },
	{ .name = NULL },
};

static void put_kinds(struct ph_heap_view *view, const uint64_t counts[PH_ROOT_KIND_COUNT], struct ph_buffer *out)
{
	uint64_t all = 0;
	for (uint8_t kind = 0; kind < PH_ROOT_KIND_COUNT; kind++) {
		if (!counts[kind])
			continue;
		ph_buffer_printf(out, "%10" PRIu64 "  %s\n", counts[kind], ph_root_kind_name(kind));
		all += counts[kind];
	}
	ph_buffer_printf(out, "%10" PRIu64 "  in all", all);
	if (all < view->root_count)
		ph_buffer_printf(out, ", and %" PRIu64 " of kinds that this version does not know",
				 view->root_count - all);
	ph_buffer_puts(out, "; --kind=KIND lists them\n");
}

static void put_root(struct ph_heap_view *view, uint32_t root, bool as_json, struct ph_buffer *out)
{
	struct ph_heap_root_entry entry = ph_heap_root(view, root);
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	bool there = entry.object < view->count;
	const struct ph_dump_type *type = there ? ph_heap_type(view, entry.object) : NULL;
	ph_put_root(view, root, &name);
	if (!as_json) {
		ph_buffer_printf(out, "%c 0x%" PRIx64 "  %s  ", ph_root_is_guess(entry.kind) ? '?' : ' ',
				 there ? ph_heap_address(view, entry.object) : 0, ph_buffer_text(&name));
		if (there)
			ph_put_object(view, entry.object, out);
		ph_buffer_putc(out, '\n');
		return;
	}
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_string(&j, "kind", ph_root_kind_name(entry.kind));
	ph_json_put_string(&j, "name", ph_buffer_text(&name));
	ph_json_put_address(&j, "address", there ? ph_heap_address(view, entry.object) : 0);
	ph_json_put_string(&j, "type", type ? type->name : NULL);
	ph_json_put_string(&j, "module", type ? type->module : NULL);
	ph_json_put_bool(&j, "counted", entry.counted);
	ph_json_put_bool(&j, "guessed", ph_root_is_guess(entry.kind));
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

/* A beginning of the kind's name will do; NULL: all. */
static bool is_of_kind(uint8_t kind, const char *wanted)
{
	return !wanted || !strncmp(ph_root_kind_name(kind), wanted, strlen(wanted));
}

static struct ph_error *check_kind(const char *wanted)
{
	ph_auto_buffer struct ph_buffer names = PH_BUFFER(4096);
	for (uint8_t kind = 0; kind < PH_ROOT_KIND_COUNT; kind++) {
		if (is_of_kind(kind, wanted))
			return NULL;
		ph_buffer_printf(&names, "%s'%s'", kind ? ", " : "", ph_root_kind_name(kind));
	}
	return ph_error_create(PH_ERROR_USAGE, "roots: no such kind: %s: there are %s", wanted, ph_buffer_text(&names));
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	struct ph_rows rows = ph_rows(output, arguments->values[JSON]);
	const char *wanted = arguments->values[KIND];
	uint64_t limit, counts[PH_ROOT_KIND_COUNT] = { 0 }, shown = 0;
	struct ph_error *error = ph_arguments_none("roots", arguments);
	if (!error)
		error = ph_arguments_number("roots", "limit", arguments->values[LIMIT], UINT64_MAX, &limit);
	if (!error)
		error = check_kind(wanted);
	if (!error)
		error = ph_heap_view_open(dump, &view);
	if (!error)
		error = ph_heap_need_roots(&view);
	for (uint32_t i = 0; !error && rows.goes_on && i < view.root_count; i++) {
		uint8_t kind = ph_heap_root(&view, i).kind;
		if (kind < PH_ROOT_KIND_COUNT)
			counts[kind]++;
		if (!(wanted || rows.as_json) || !is_of_kind(kind, wanted) || shown++ >= limit)
			continue;
		put_root(&view, i, rows.as_json, &rows.text);
		error = ph_rows_next(&rows);
	}
	if (!error && !wanted && !rows.as_json)
		put_kinds(&view, counts, &rows.text);
	*ret_status = 0;
	return ph_rows_finish(&rows, error);
}

const struct ph_verb_implementation ph_verb_roots = { .options = options, .run = run, .json_is_rows = true };
