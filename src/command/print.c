/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap print */
#include "command/command.h"
#include "command/heap.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

#define CHAIN_MAXIMUM 64 /* causes and contexts that are looked for */

/* Hexadecimal with or without 0x, nothing else; 0 when it is not. */
ph_addr ph_parse_address(const char *text)
{
	ph_addr address = 0;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (size_t i = 0; text[i]; i++) {
		char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] | 0x20) : text[i];
		bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
		if (!is_hex || address >> 60)
			return 0;
		address = address << 4 | (ph_addr)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return address;
}

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

static void warn_missing(const struct ph_verb_output *output, ph_addr address, bool is_live)
{
	char message[128];
	snprintf(message, sizeof(message), "0x%" PRIx64 ": %s", address,
		 is_live ? "no Python object is there" :
			   "not in the dump: it is none of the objects that the stacks reach");
	if (output->warning)
		output->warning(output->user, message);
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
	struct ph_error *error = e->cause || e->context ? ph_dump_report(dump, &report) : NULL;
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

static struct ph_error *add_chains(struct ph_dump *dump, struct ph_object **objects, size_t count, struct ph_arena *arena)
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

static struct ph_error *print_all(struct ph_object **objects, const ph_addr *addresses, size_t count, bool as_json,
				  bool is_live, const struct ph_verb_output *output, int *ret_status)
{
	struct ph_error *error = NULL;
	struct ph_text_options style = ph_command_style(output);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	bool goes_on = true, any = false;
	for (size_t i = 0; !error && goes_on && i < count; i++) {
		if (!objects[i]) {
			warn_missing(output, addresses[i], is_live);
			*ret_status = 1;
			continue;
		}
		if (as_json) {
			ph_object_json(objects[i], &text);
		} else {
			ph_buffer_puts(&text, any ? "\n" : "");
			ph_object_text(objects[i], &style, &text);
		}
		any = true;
		error = ph_command_write(output, &text, &goes_on);
	}
	return error;
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	size_t count = (size_t)arguments->operand_count;
	if (!count)
		return ph_error_create(PH_ERROR_USAGE, "print: no address given: pyheap print DUMP 0x7f…");
	ph_auto_free ph_addr *addresses = calloc(count, sizeof(*addresses));
	ph_auto_free struct ph_object **objects = calloc(count, sizeof(*objects));
	if (!addresses || !objects)
		return &ph_error_no_memory;
	struct ph_arena arena = { 0 };
	*ret_status = 0;
	struct ph_error *error = parse_addresses(arguments, addresses);
	if (!error)
		error = ph_dump_objects(dump, addresses, count, &arena, objects);
	if (!error && !arguments->values[0])
		error = add_chains(dump, objects, count, &arena);
	if (!error)
		error = print_all(objects, addresses, count, arguments->values[0], ph_dump_is_live(dump),
				  output, ret_status);
	ph_arena_deinit(&arena);
	return error;
}

const struct ph_verb_implementation ph_verb_print = { .options = ph_options_json, .run = run };
