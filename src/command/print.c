/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap print */
#include "command/command.h"
#include "command/heap.h"
#include "command/label.h"
#include "command/retain.h"
#include "command/tree.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "dump/reader.h"

#include <inttypes.h>
#include <string.h>

#define CHAIN_MAXIMUM 64 /* causes and contexts that are looked for */

static struct ph_error *parse_addresses(const struct ph_arguments *arguments, ph_addr *ret)
{
	for (int i = 0; i < arguments->operand_count; i++) {
		ret[i] = ph_parse_address(arguments->operands[i]);
		if (!ret[i])
			return ph_error_create(PH_ERROR_USAGE, "print: %s is not an address: give it as 0x7f…",
					       arguments->operands[i]);
	}
	return NULL;
}

/* One of an exception's chain: from the report, or from the objects; NULL when the dump has it not. */
static struct ph_error *find_link(struct ph_dump *dump, const struct ph_report *report, ph_addr address,
				  struct ph_arena *arena, const struct ph_exception **ret)
{
	struct ph_object *object = NULL;
	*ret = ph_report_exception(report, address);
	if (*ret)
		return NULL;
	struct ph_error *error = ph_dump_objects(dump, &address, 1, arena, &object);
	if (!error && object)
		*ret = object->exception;
	return error;
}

static bool is_known(const struct ph_object *object, ph_addr address)
{
	bool known = object->address == address;
	for (size_t i = 0; !known && i < object->exception_member_count; i++)
		known = object->exception_members[i].address == address;
	return known;
}

/* What the text names besides the exception itself: its causes and contexts join the members of the group. */
static struct ph_error *add_chain(struct ph_dump *dump, struct ph_object *object, struct ph_arena *arena)
{
	const struct ph_report *report;
	size_t members = object->exception_member_count, count = members;
	const struct ph_exception *e = object->exception;
	struct ph_error *error = e->cause || e->context ? ph_dump_exceptions(dump, &report) : NULL;
	if (error && error->code == PH_ERROR_BAD_DUMP) {
		/* without its causes, then */
		ph_dump_note_error(dump, error);
		ph_error_free(error);
		return NULL;
	}
	if (error || !(e->cause || e->context))
		return error;
	struct ph_exception *all = ph_arena_calloc(arena, members + CHAIN_MAXIMUM, sizeof(*all));
	if (!all)
		return &ph_error_no_memory;
	if (members)
		memcpy(all, object->exception_members, members * sizeof(*all));
	object->exception_members = all;
	while (e && count < members + CHAIN_MAXIMUM) {
		ph_addr next = e->cause ? e->cause : e->suppress_context ? 0 : e->context;
		if (!next || is_known(object, next))
			break;
		error = find_link(dump, report, next, arena, &e);
		if (error)
			return error;
		if (e) {
			all[count++] = *e;
			object->exception_member_count = count;
		}
	}
	return NULL;
}

static struct ph_error *add_chains(struct ph_dump *dump, struct ph_object **objects, size_t count,
				   struct ph_arena *arena)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < count; i++) {
		bool again = false; /* the same address given twice is one object */
		for (size_t k = 0; k < i; k++)
			again = again || objects[k] == objects[i];
		if (!again && objects[i] && objects[i]->exception)
			error = add_chain(dump, objects[i], arena);
	}
	return error;
}

/* ---- output ---- */

struct printer {
	struct ph_dump *dump;
	struct ph_rows rows;
	uint64_t depth; /* 0: not given */
	bool any;
	struct ph_heap_view view;
	bool has_view, no_view; /* opened; not to be had */
};

static void warn_missing(const struct printer *p, ph_addr address)
{
	const struct ph_verb_output *output = p->rows.output;
	char message[160];
	snprintf(message, sizeof(message), "0x%" PRIx64 ": %s", address,
		 ph_dump_is_live(p->dump) ? "no Python object is there" :
		 p->has_view		  ? "not in the dump: no object begins there" :
					    "not in the dump, which does not hold the whole heap");
	if (output->warning)
		output->warning(output->user, message);
}

/* A dump without the whole heap has what the stacks reach, and that is all. */
static struct ph_error *open_view(struct printer *p)
{
	/* a debugger's target was asked itself */
	p->no_view = p->no_view || (ph_dump_is_live(p->dump) && !p->depth);
	if (p->has_view || p->no_view)
		return NULL;
	struct ph_error *error = ph_heap_view_open(p->dump, &p->view);
	p->dump->is_heap_asked = false; /* what the closure has is told as well without */
	p->has_view = !error;
	if (error && error->code == PH_ERROR_BAD_DUMP && !p->depth) {
		p->no_view = true;
		ph_error_free(error);
		return NULL;
	}
	return error;
}

/* What the columns alone know: guessed references, what objects hold, and what they retain where that is known or
 * asked for. */
static struct ph_error *add_sizes(struct printer *p, struct ph_object **objects, size_t count, bool wanted,
				  struct ph_arena *arena)
{
	struct ph_error *error = open_view(p);
	if (!error && p->has_view && wanted)
		error = ph_heap_view_retain(&p->view);
	else if (!error && p->has_view && ph_heap_retain_is_kept(p->dump))
		ph_heap_view_retain_kept(&p->view);
	for (size_t i = 0; !error && p->has_view && i < count; i++) {
		uint32_t object = objects[i] ? ph_heap_find(&p->view, objects[i]->address) : PH_NO_INDEX;
		if (object == PH_NO_INDEX)
			continue;
		objects[i]->held = ph_heap_held(&p->view, object);
		objects[i]->has_held = objects[i]->held >= 0;
		if (p->view.retained)
			objects[i]->retained = ph_heap_retained(&p->view, object);
		if (!objects[i]->guessed_count && !ph_add_guessed(&p->view, object, objects[i], arena))
			error = &ph_error_no_memory;
	}
	return error;
}

/* From the columns; *ret_found false: they do not have it either. */
static struct ph_error *print_tree(struct printer *p, ph_addr address, bool *ret_found)
{
	struct ph_error *error = open_view(p);
	uint32_t object = !error && p->has_view ? ph_heap_find(&p->view, address) : PH_NO_INDEX;
	*ret_found = object != PH_NO_INDEX;
	p->dump->is_heap_asked = p->has_view;
	if (error || object == PH_NO_INDEX)
		return error;
	if (p->rows.as_json)
		return ph_put_tree_json(&p->view, &p->rows, object, p->depth ? p->depth : 1);
	ph_buffer_puts(&p->rows.text, p->any ? "\n" : "");
	return ph_put_tree(&p->view, &p->rows, object, p->depth ? p->depth : 1);
}

/* Of what an object of the stacks refers to: the columns know what it is. */
static void describe(void *user, ph_addr address, struct ph_buffer *out)
{
	struct ph_heap_view *view = user;
	uint32_t object = ph_heap_find(view, address);
	if (object == PH_NO_INDEX)
		return;
	ph_buffer_puts(out, "  ");
	ph_put_object(view, object, out);
}

static struct ph_error *print_one(struct printer *p, struct ph_object *object, ph_addr address, bool *ret_found)
{
	struct ph_text_options style = ph_command_style(p->rows.output);
	*ret_found = true;
	if (p->has_view) {
		style.describe = describe;
		style.describe_user = &p->view;
	}
	if (!object || p->depth)
		return print_tree(p, address, ret_found);
	if (p->rows.as_json) {
		ph_object_json(object, &p->rows.text);
	} else {
		ph_buffer_puts(&p->rows.text, p->any ? "\n" : "");
		ph_object_text(object, &style, &p->rows.text);
	}
	return ph_rows_next(&p->rows);
}

static struct ph_error *print_all(struct printer *p, struct ph_object **objects, const ph_addr *addresses, size_t count,
				  int *ret_status)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && p->rows.goes_on && i < count; i++) {
		bool found;
		error = print_one(p, objects[i], addresses[i], &found);
		if (!error && !found) {
			warn_missing(p, addresses[i]);
			*ret_status = 1;
		}
		p->any = p->any || found;
	}
	return error;
}

enum { JSON, DEPTH, RETAINED };
static const struct ph_option options[] = {
	[JSON] = { .name = "json" },
	[DEPTH] = { .name = "depth", .takes_text = true },
	[RETAINED] = { .name = "retained" },
	{ .name = NULL },
};

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	size_t count = (size_t)arguments->operand_count;
	struct printer p = { .dump = dump, .rows = ph_rows(output, arguments->values[JSON]) };
	if (!count)
		return ph_error_create(PH_ERROR_USAGE, "print: no address given: pyheap print DUMP 0x7f…");
	ph_auto_free ph_addr *addresses = calloc(count, sizeof(*addresses));
	ph_auto_free struct ph_object **objects = calloc(count, sizeof(*objects));
	if (!addresses || !objects)
		return &ph_error_no_memory;
	struct ph_arena arena = { 0 };
	*ret_status = 0;
	struct ph_error *error = ph_arguments_number("print", "depth", arguments->values[DEPTH], 0, &p.depth);
	if (!error)
		error = parse_addresses(arguments, addresses);
	if (!error && !p.depth)
		error = ph_dump_objects(dump, addresses, count, &arena, objects);
	if (!error && !p.rows.as_json)
		error = add_chains(dump, objects, count, &arena);
	if (!error)
		error = add_sizes(&p, objects, count, arguments->values[RETAINED], &arena);
	if (!error)
		error = print_all(&p, objects, addresses, count, ret_status);
	ph_arena_deinit(&arena);
	if (p.has_view)
		ph_heap_view_deinit(&p.view);
	return ph_rows_finish(&p.rows, error);
}

const struct ph_verb_implementation ph_verb_print = { .options = options, .run = run };
