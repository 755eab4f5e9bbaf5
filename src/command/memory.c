/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap memory: what every byte of the process was for. */
#include "command/command.h"
#include "command/damage.h"

#include "command/heap.h"
#include "command/totals.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "dump/reader.h"
#include "record/memory.h"

#include <stdlib.h>

enum { JSON, FULL };

/* As the dump has it, and what is wrong with the heap. */
static struct ph_error *put_json(struct ph_dump *dump, const struct ph_memory *memory, struct ph_buffer *out)
{
	struct ph_json j = ph_json(out, 1);
	ph_json_object(&j, false);
	ph_memory_put_json(memory, &j);
	struct ph_error *error = ph_put_heap_damage_json(dump, &j);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
	return error;
}

static int by_held(const void *a, const void *b)
{
	const struct ph_memory_type *x = a, *y = b;
	return x->held != y->held ? (x->held < y->held ? 1 : -1) : (x->count < y->count) - (x->count > y->count);
}

/* Where memory.json is lost: what the columns know, the types with what they hold. */
static struct ph_error *sum_types(struct ph_heap_view *view, struct ph_memory *ret)
{
	ph_auto_free struct ph_type_total *totals = NULL;
	ph_auto_free uint64_t *held = NULL;
	struct ph_error *error = ph_heap_held_totals(view, &held);
	if (!error)
		error = ph_heap_totals(view, &totals);
	if (error)
		return error;
	ret->types = ph_arena_array(&ret->arena, struct ph_memory_type, view->types.count + 1);
	if (!ret->types)
		return &ph_error_no_memory;
	for (size_t i = 0; i < view->types.count; i++)
		ret->types[i] = (struct ph_memory_type){
			.name = view->types.types[i].name,
			.module = view->types.types[i].module,
			.count = totals[i].count,
			.held = held[i],
		};
	ret->type_count = view->types.count;
	qsort(ret->types, ret->type_count, sizeof(*ret->types), by_held);
	return NULL;
}

/* memory.json, or what is known without it; *view has the names then. */
static struct ph_error *find(struct ph_dump *dump, struct ph_heap_view *view, struct ph_memory *ret)
{
	dump->is_heap_asked = true;
	struct ph_error *error = ph_dump_memory(dump, ret);
	if (!error || error->code != PH_ERROR_BAD_DUMP || !ph_dump_promises_memory(dump))
		return error;
	struct ph_error *other = ph_heap_view_open(dump, view);
	if (!other)
		other = sum_types(view, ret);
	if (other && other->code == PH_ERROR_BAD_DUMP) {
		ph_error_free(other);
		return error;
	}
	if (!other)
		ph_dump_note_error(dump, error);
	ph_error_free(error);
	return other;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_auto_memory struct ph_memory memory = { 0 };
	ph_auto_heap_view struct ph_heap_view view = { 0 };
	bool goes_on;
	struct ph_error *error = ph_arguments_none("memory", arguments);
	if (!error)
		error = find(dump, &view, &memory);
	if (error)
		return error;
	if (arguments->values[JSON])
		error = put_json(dump, &memory, &text);
	else
		ph_memory_text(&memory, arguments->values[FULL], &text);
	*ret_status = 0;
	return error ? error : ph_command_write(output, &text, &goes_on);
}

static const struct ph_option options[] = {
	[JSON] = { .name = "json" }, [FULL] = { .name = "full" }, { .name = NULL }
};

const struct ph_verb_implementation ph_verb_memory = { .options = options, .run = run };
