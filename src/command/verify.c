/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap verify: is the dump whole, and does it agree with itself? */
#include "dump/verify.h"
#include "command/command.h"
#include "command/damage.h"

#include "base/cleanup.h"
#include "base/damage.h"
#include "record/json.h"
#include "record/render.h"

#include <inttypes.h>
#include <string.h>

struct found {
	bool as_json;
	uint64_t problems;
	struct ph_buffer text;
	struct ph_json json;
};

static void take_problem(void *user, const char *member, const char *what)
{
	struct found *f = user;
	f->problems++;
	if (f->as_json) {
		ph_json_object(&f->json, true);
		ph_json_put_string(&f->json, "member", member);
		ph_json_put_string(&f->json, "problem", what);
		ph_json_object_end(&f->json);
		return;
	}
	ph_escape_terminal(member, strlen(member), false, &f->text);
	ph_buffer_puts(&f->text, ": ");
	ph_escape_terminal(what, strlen(what), false, &f->text);
	ph_buffer_putc(&f->text, '\n');
}

/* What the conversion found: the dump tells the truth about a heap that was damaged. */
static void put_damage(const struct ph_damage *damage, struct ph_buffer *out)
{
	if (damage->count || damage->dropped)
		ph_buffer_puts(out, "\nThe heap that it was made of is damaged; all but this was read:\n");
	for (size_t i = 0; i < damage->count; i++) {
		const struct ph_damage_entry *entry = &damage->entries[i];
		ph_buffer_puts(out, "  ");
		ph_escape_terminal(entry->where, strlen(entry->where), false, out);
		ph_buffer_puts(out, ": ");
		ph_escape_terminal(entry->what, strlen(entry->what), false, out);
		if (entry->count > 1)
			ph_buffer_printf(out, " (%" PRIu64 ")", entry->count);
		ph_buffer_putc(out, '\n');
	}
	if (damage->dropped)
		ph_buffer_printf(out, "  and %" PRIu64 " more that the dump does not list\n", damage->dropped);
}

static void put_summary(struct found *f, const struct ph_verify *v, const struct ph_damage *damage)
{
	if (f->as_json) {
		ph_json_array_end(&f->json);
		ph_json_put_bool(&f->json, "whole", !f->problems);
		ph_json_put_uint(&f->json, "members", v->members);
		ph_json_put_uint(&f->json, "closure", v->closure);
		ph_json_put_uint(&f->json, "objects", v->objects);
		ph_json_put_uint(&f->json, "edges", v->edges);
		ph_json_put_uint(&f->json, "values", v->values);
		ph_json_put_uint(&f->json, "roots", v->roots);
		ph_put_damage_json(damage, &f->json);
		ph_json_object_end(&f->json);
		ph_buffer_putc(&f->text, '\n');
		return;
	}
	if (f->problems)
		ph_buffer_printf(&f->text, "%" PRIu64 " thing%s wrong: copy the dump again\n", f->problems,
				 f->problems == 1 ? "" : "s");
	else
		ph_buffer_printf(&f->text,
				 "whole: %" PRIu64 " members, %" PRIu64 " objects of the stacks, %" PRIu64
				 " of the heap with %" PRIu64 " references, %" PRIu64 " values and %" PRIu64 " roots\n",
				 v->members, v->closure, v->objects, v->edges, v->values, v->roots);
	put_damage(damage, &f->text);
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	struct found f = { .as_json = arguments->values[0], .text = PH_BUFFER((size_t)64 << 20) };
	struct ph_verify verify = { .user = &f, .problem = take_problem, .callbacks = ph_dump_callbacks(dump) };
	struct ph_damage damage = { 0 };
	bool goes_on;
	f.json = ph_json(&f.text, 0);
	if (f.as_json) {
		ph_json_object(&f.json, true);
		ph_json_key(&f.json, "problems");
		ph_json_array(&f.json, true);
	}
	struct ph_error *error = ph_arguments_none("verify", arguments);
	if (!error)
		error = ph_dump_verify(dump, &verify);
	if (!error)
		error = ph_heap_damage(dump, &damage);
	if (!error) {
		put_summary(&f, &verify, &damage);
		error = ph_command_write(output, &f.text, &goes_on);
	}
	ph_buffer_deinit(&f.text);
	ph_damage_deinit(&damage);
	*ret_status = f.problems != 0;
	return error;
}

const struct ph_verb_implementation ph_verb_verify = { .options = ph_options_json, .run = run };
