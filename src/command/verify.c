/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap verify: is the dump whole, and does it agree with itself? */
#include "dump/verify.h"
#include "command/command.h"
#include "command/damage.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/damage.h"
#include "record/damage_text.h"
#include "record/json.h"
#include "record/render.h"

#include <inttypes.h>
#include <string.h>

#define LISTED 4096 /* problems; the others are counted */
#define WIDTH 100   /* columns of a list of members */

struct problem {
	const char *member, *what;
	bool is_told;
};

struct found {
	bool as_json;
	uint64_t problems;
	struct ph_buffer text;
	struct ph_json json;
	struct ph_arena arena;
	struct problem *list;
	size_t count; /* at most LISTED */
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
	if (!f->list)
		f->list = ph_arena_array(&f->arena, struct problem, LISTED);
	if (f->list && f->count < LISTED)
		f->list[f->count++] = (struct problem){ .member = ph_arena_strdup(&f->arena, member),
							.what = ph_arena_strdup(&f->arena, what) };
}

static void put_escaped(const char *text, struct ph_buffer *out)
{
	ph_escape_terminal(text, strlen(text), false, out);
}

/* Those of a problem's kind from the first on, in lines. */
static void put_members(struct found *f, size_t first, struct ph_buffer *out)
{
	size_t line = 0;
	for (size_t i = first; i < f->count; i++) {
		struct problem *p = &f->list[i];
		if (p->is_told || strcmp(p->what, f->list[first].what) != 0)
			continue;
		ph_auto_buffer struct ph_buffer name = PH_BUFFER(4096);
		put_escaped(p->member, &name);
		bool breaks = line && line + name.size + 2 > WIDTH;
		ph_buffer_puts(out, !line ? "  " : breaks ? ",\n  " : ", ");
		ph_buffer_puts(out, ph_buffer_text(&name));
		line = (line && !breaks ? line : 0) + name.size + 2;
		p->is_told = true;
	}
	ph_buffer_putc(out, '\n');
}

/* Each sentence once: of a dump that is cut many members are lost. */
static void put_problems(struct found *f)
{
	for (size_t i = 0; i < f->count; i++) {
		size_t same = 0;
		if (f->list[i].is_told)
			continue;
		for (size_t k = i; k < f->count; k++)
			same += !strcmp(f->list[k].what, f->list[i].what);
		if (same > 1) {
			put_escaped(f->list[i].what, &f->text);
			ph_buffer_printf(&f->text, ", %zu members:\n", same);
			put_members(f, i, &f->text);
			continue;
		}
		put_escaped(f->list[i].member, &f->text);
		ph_buffer_puts(&f->text, ": ");
		put_escaped(f->list[i].what, &f->text);
		ph_buffer_putc(&f->text, '\n');
	}
	if (f->problems)
		ph_buffer_printf(&f->text, "%" PRIu64 " thing%s wrong: copy the dump again\n", f->problems,
				 f->problems == 1 ? "" : "s");
}

/* What the conversion found: the dump tells the truth about a core that was cut or a heap that was damaged. */
static void put_damage(const struct ph_damage *damage, struct ph_buffer *out)
{
	for (size_t i = 0; i < damage->count; i++) {
		const struct ph_damage_entry *entry = &damage->entries[i];
		ph_buffer_puts(out, "  ");
		put_escaped(entry->where, out);
		ph_buffer_puts(out, ": ");
		put_escaped(entry->what, out);
		if (entry->count > 1)
			ph_buffer_printf(out, " (%" PRIu64 ")", entry->count);
		ph_buffer_putc(out, '\n');
	}
	if (damage->dropped)
		ph_buffer_printf(out, "  and %" PRIu64 " more that the dump does not list\n", damage->dropped);
}

static void put_json(struct found *f, const struct ph_verify *v, const struct ph_damage *damage)
{
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
}

/* The file is one thing, the core that it was made of another. */
static void put_text(struct found *f, const struct ph_verify *v, const struct ph_damage *damage)
{
	ph_auto_buffer struct ph_buffer core = PH_BUFFER(4096);
	bool is_whole = !ph_heap_damage_text(damage, &core);
	put_problems(f);
	if (!f->problems)
		ph_buffer_printf(&f->text,
				 "%s: %" PRIu64 " members, %" PRIu64 " objects of the stacks, %" PRIu64
				 " of the heap with %" PRIu64 " references, %" PRIu64 " values and %" PRIu64 " roots\n",
				 is_whole ? "whole" : "the file is intact", v->members, v->closure, v->objects,
				 v->edges, v->values, v->roots);
	if (!is_whole)
		ph_buffer_printf(&f->text, "but it was made of what was not whole: %s\n", ph_buffer_text(&core));
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
		if (f.as_json)
			put_json(&f, &verify, &damage);
		else
			put_text(&f, &verify, &damage);
		error = ph_command_write(output, &f.text, &goes_on);
	}
	ph_buffer_deinit(&f.text);
	ph_arena_deinit(&f.arena);
	ph_damage_deinit(&damage);
	*ret_status = f.problems != 0;
	return error;
}

const struct ph_verb_implementation ph_verb_verify = { .options = ph_options_json, .run = run };
