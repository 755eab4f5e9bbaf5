/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap referents: what an object refers to. */
#include "command/command.h"
#include "command/label.h"

#include "base/cleanup.h"
#include "command/reference.h"
#include "record/json.h"

static struct ph_error *put_referents(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object)
{
	uint32_t first, end;
	struct ph_heap_ref ref = ph_heap_type_edge(view, object);
	struct ph_error *error = NULL;
	if (!ref.extra && ref.target != PH_NO_INDEX)
		error = ph_put_reference(view, rows, &ref, ref.target, false);
	bool extra = false;
	ph_heap_edges(view, object, &first, &end);
	for (uint32_t e = first; !error && rows->goes_on && e < end; e++)
		if (ph_heap_edge(view, object, e, &ref)) {
			extra |= ref.extra;
			error = ph_put_reference(view, rows, &ref, ref.target, false);
		}
	if (extra && !error && !rows->as_json)
		ph_buffer_puts(&rows->text, "+ is beyond what gc.get_referents() gives\n");
	return error;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	struct ph_rows rows = ph_rows(output, arguments->values[0]);
	uint32_t object;
	struct ph_error *error = ph_heap_one_object(dump, "referents", arguments, output, &view, &object);
	*ret_status = object == PH_NO_INDEX;
	if (!error && object != PH_NO_INDEX)
		error = put_referents(&view, &rows, object);
	return ph_rows_finish(&rows, error);
}

const struct ph_verb_implementation ph_verb_referents = { .options = ph_options_json, .run = run, .json_is_rows = true };
