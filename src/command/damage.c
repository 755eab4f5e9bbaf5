/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with the heap itself, for the verbs that answer from it. */
#include "command/damage.h"

#include "base/cleanup.h"
#include "base/damage.h"
#include "base/error.h"
#include "dump/reader.h"
#include "record/damage_text.h"

#include <string.h>

static bool is_there(const struct ph_damage *damage)
{
	return damage->count || damage->dropped || damage->missing;
}

/* Of all that the dump says; `of_image` false: what is wrong with the heap alone. */
static struct ph_error *select_damage(struct ph_dump *dump, bool of_image, struct ph_damage *ret)
{
	struct ph_damage all = { 0 };
	struct ph_error *error = ph_dump_damage(dump, &all);
	for (size_t i = 0; !error && i < all.count; i++)
		if (all.entries[i].kind == PH_DAMAGE_HEAP || (of_image && ph_damage_is_of_heap(&all.entries[i])))
			ph_damage_take(ret, &all.entries[i]);
	ret->dropped = error ? 0 : all.dropped;
	ret->missing = of_image && !error ? all.missing : 0;
	ph_damage_deinit(&all);
	if (error)
		ph_damage_deinit(ret);
	return error;
}

struct ph_error *ph_heap_damage(struct ph_dump *dump, struct ph_damage *ret)
{
	return select_damage(dump, true, ret);
}

bool ph_heap_is_incomplete(struct ph_dump *dump)
{
	struct ph_damage damage = { 0 };
	struct ph_error *error = ph_heap_damage(dump, &damage);
	bool incomplete = error || ph_damage_is_serious(&damage) || ph_dump_problem(dump);
	ph_error_free(error);
	ph_damage_deinit(&damage);
	return incomplete;
}

struct ph_error *ph_tell_heap_damage(struct ph_dump *dump, const struct ph_verb_output *output, int *status)
{
	struct ph_damage damage = { 0 };
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096);
	struct ph_error *error = ph_heap_damage(dump, &damage);
	if (!error && !ph_dump_is_live(dump))
		ph_buffer_printf(&text, "%s: ", dump->path);
	if (!error && ph_heap_damage_text(&damage, &text)) {
		ph_buffer_puts(&text, ": what was there is lacking here, so numbers are low, and what it led to looks "
				      "like garbage; verify lists the places");
		if (output->warning)
			output->warning(output->user, ph_buffer_text(&text));
		if (ph_damage_is_serious(&damage))
			*status = 1;
	}
	ph_damage_deinit(&damage);
	return error;
}

struct ph_error *ph_put_heap_damage(struct ph_dump *dump, struct ph_buffer *out)
{
	struct ph_damage damage = { 0 };
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096);
	struct ph_error *error = select_damage(dump, false, &damage);
	if (!error && ph_heap_damage_text(&damage, &text))
		ph_buffer_printf(out, "\nThe dump: %s; pyheap verify lists the places\n",
				 ph_buffer_text(&text));
	ph_damage_deinit(&damage);
	return error;
}

void ph_put_damage_json(const struct ph_damage *damage, struct ph_json *j)
{
	static const char *const kinds[] = {
		[PH_DAMAGE_IMAGE] = "image", [PH_DAMAGE_REPORT] = "report", [PH_DAMAGE_HEAP] = "heap"
	};
	if (!is_there(damage))
		return;
	ph_json_key(j, "damage");
	ph_json_array(j, true);
	for (size_t i = 0; i < damage->count; i++) {
		const struct ph_damage_entry *entry = &damage->entries[i];
		ph_json_object(j, true);
		ph_json_put_string(j, "kind", kinds[entry->kind]);
		ph_json_put_string(j, "where", entry->where);
		ph_json_put_string(j, "what", entry->what);
		ph_json_put_uint(j, "count", entry->count);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
	ph_json_put_uint(j, "damage_dropped", damage->dropped);
	if (damage->missing)
		ph_json_put_uint(j, "missing", damage->missing);
}

struct ph_error *ph_put_heap_damage_json(struct ph_dump *dump, struct ph_json *json)
{
	struct ph_damage damage = { 0 };
	struct ph_error *error = ph_heap_damage(dump, &damage);
	if (!error)
		ph_put_damage_json(&damage, json);
	ph_damage_deinit(&damage);
	return error;
}

struct ph_error *ph_put_heap_damage_line(struct ph_dump *dump, const char *of, struct ph_buffer *out)
{
	struct ph_damage damage = { 0 };
	struct ph_error *error = ph_heap_damage(dump, &damage);
	if (!error && is_there(&damage)) {
		struct ph_json j = ph_json(out, 0);
		ph_json_object(&j, true);
		if (of)
			ph_json_put_string(&j, "of", of);
		ph_put_damage_json(&damage, &j);
		ph_json_object_end(&j);
		ph_buffer_putc(out, '\n');
	}
	ph_damage_deinit(&damage);
	return error;
}
