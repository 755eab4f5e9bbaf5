/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap find: the objects of a type. */
#include "command/command.h"
#include "command/label.h"
#include "command/match.h"
#include "command/retain.h"
#include "command/where.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"

#include <inttypes.h>
#include <stdlib.h>

enum { JSON, WHERE, LIMIT, RETAINED };
static const struct ph_option options[] = {
	[JSON] = { .name = "json" },
	[WHERE] = { .name = "where", .takes_text = true },
	[LIMIT] = { .name = "limit", .takes_text = true },
	[RETAINED] = { .name = "retained" },
	{ .name = NULL },
};

static void put_json(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	ph_auto_buffer struct ph_buffer value = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_json j = ph_heap_json(view, object, out);
	ph_json_put_known(&j, "held", ph_heap_held(view, object), -1);
	if (view->retained)
		ph_json_put_int(&j, "retained", ph_heap_retained(view, object));
	ph_json_put_known(&j, "refcount", ph_heap_refcount(view, object),
			  ph_heap_flags(view, object) & PH_OBJECT_IMMORTAL ? INT64_MIN : -1);
	ph_json_put_known(&j, "len", ph_heap_len(view, object), -1);
	ph_json_key(&j, "value");
	if (ph_heap_value(view, object, &value))
		ph_json_string_n(&j, ph_buffer_text(&value), value.size);
	else
		ph_json_null(&j);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

static void put_text(struct ph_heap_view *view, uint32_t object, bool with_held, struct ph_buffer *out)
{
	int64_t size = ph_heap_size(view, object), count = ph_heap_refcount(view, object);
	int64_t held = with_held ? ph_heap_held(view, object) : -1;
	ph_buffer_printf(out, "0x%" PRIx64 "  ", ph_heap_address(view, object));
	ph_put_object(view, object, out);
	if (size >= 0)
		ph_buffer_printf(out, ", %" PRId64 " bytes", size);
	if (held >= 0)
		ph_buffer_printf(out, ", held %" PRId64 " bytes", held);
	if (view->retained)
		ph_buffer_printf(out, ", retains %" PRId64, ph_heap_retained(view, object));
	if (ph_heap_is_immortal(view, object))
		ph_buffer_puts(out, ", immortal");
	else if (count >= 0)
		ph_buffer_printf(out, ", refcount %" PRId64 "%s", count, ph_heap_deferred(view, object));
	ph_buffer_putc(out, '\n');
}

static struct ph_error *put_found(struct ph_heap_view *view, const bool *matching, const struct ph_where *where,
				  uint64_t limit, struct ph_rows *rows)
{
	struct ph_error *error = NULL;
	uint64_t found = 0;
	for (uint32_t i = 0; !error && rows->goes_on && i < view->count; i++) {
		if (!matching[ph_heap_type_place(view, i)] || !ph_where_holds(where, view, i) || found++ >= limit)
			continue;
		if (rows->as_json)
			put_json(view, i, &rows->text);
		else
			put_text(view, i, ph_where_asks(where, PH_WHERE_HELD), &rows->text);
		error = ph_rows_next(rows);
	}
	if (!error && !rows->as_json)
		ph_buffer_printf(&rows->text, "%" PRIu64 " object%s%s\n", found, found == 1 ? "" : "s",
				 found > limit ? ", not all of them shown" : "");
	return error;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	struct ph_rows rows = ph_rows(output, arguments->values[JSON]);
	struct ph_where where;
	ph_auto_free bool *matching = NULL;
	size_t types = 0;
	uint64_t limit;
	if (arguments->operand_count != 1)
		return ph_error_create(PH_ERROR_USAGE, "find: takes one type: pyheap find DUMP Session");
	struct ph_error *error = ph_arguments_number("find", "limit", arguments->values[LIMIT], UINT64_MAX, &limit);
	if (!error)
		error = ph_where_parse(arguments->values[WHERE], &where);
	if (!error)
		error = ph_heap_view_open(dump, &view);
	if (error)
		return error;
	if (arguments->values[RETAINED] || ph_where_asks(&where, PH_WHERE_RETAINED))
		error = ph_heap_view_retain(&view);
	else
		ph_heap_view_retain_kept(&view);
	if (!error && ph_where_asks(&where, PH_WHERE_HELD))
		error = ph_heap_need_held(&view);
	if (error)
		return error;
	matching = ph_matching_types(&view, arguments->operands[0], &types);
	if (!matching)
		error = &ph_error_no_memory;
	else if (!types)
		ph_no_such_type(&view, output, "find", arguments->operands[0]);
	if (!error && types)
		error = put_found(&view, matching, &where, limit, &rows);
	*ret_status = !types;
	return ph_rows_finish(&rows, error);
}

const struct ph_verb_implementation ph_verb_find_objects = { .options = options, .run = run, .json_is_rows = true };
