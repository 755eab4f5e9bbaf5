/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with the heap itself, for the verbs whose sums it touches. */
#include "command/damage.h"

#include "base/cleanup.h"
#include "base/damage.h"
#include "base/error.h"
#include "record/render.h"

#include <inttypes.h>
#include <string.h>

struct ph_error *ph_heap_damage(struct ph_dump *dump, struct ph_damage *ret)
{
	struct ph_damage all = { 0 }, heap = { 0 };
	struct ph_error *error = ph_dump_damage(dump, &all);
	for (size_t i = 0; !error && i < all.count; i++) {
		const struct ph_damage_entry *entry = &all.entries[i];
		size_t before = heap.count;
		if (entry->kind == PH_DAMAGE_HEAP)
			ph_damage_add(&heap, PH_DAMAGE_HEAP, entry->where, "%s", entry->what);
		if (heap.count > before)
			heap.entries[before].count = entry->count;
	}
	heap.dropped += all.dropped;
	ph_damage_deinit(&all);
	if (error)
		ph_damage_deinit(&heap);
	else
		*ret = heap;
	return error;
}

struct ph_error *ph_put_heap_damage(struct ph_dump *dump, struct ph_buffer *out)
{
	struct ph_damage damage = { 0 };
	const struct ph_damage_entry *first = NULL;
	uint64_t more = 0;
	struct ph_error *error = ph_heap_damage(dump, &damage);
	for (size_t i = 0; !error && i < damage.count; i++) {
		const struct ph_damage_entry *entry = &damage.entries[i];
		more += entry->count;
		/* a length that cannot be is what a sum would be wrong by */
		if (!first || (strstr(entry->what, "length") && !strstr(first->what, "length")))
			first = entry;
	}
	if (first) {
		ph_buffer_puts(out, "\nThe heap is damaged: ");
		ph_escape_terminal(first->where, strlen(first->where), false, out);
		ph_buffer_puts(out, ": ");
		ph_escape_terminal(first->what, strlen(first->what), false, out);
		more += damage.dropped - first->count;
		if (more)
			ph_buffer_printf(out, "; pyheap verify lists %" PRIu64 " more", more);
		ph_buffer_putc(out, '\n');
	}
	ph_damage_deinit(&damage);
	return error;
}

void ph_put_damage_json(const struct ph_damage *damage, struct ph_json *j)
{
	if (!damage->count && !damage->dropped)
		return;
	ph_json_key(j, "damage");
	ph_json_array(j, true);
	for (size_t i = 0; i < damage->count; i++) {
		const struct ph_damage_entry *entry = &damage->entries[i];
		ph_json_object(j, true);
		ph_json_put_string(j, "where", entry->where);
		ph_json_put_string(j, "what", entry->what);
		ph_json_put_uint(j, "count", entry->count);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
	ph_json_put_uint(j, "damage_dropped", damage->dropped);
}

struct ph_error *ph_put_heap_damage_line(struct ph_dump *dump, struct ph_buffer *out)
{
	struct ph_damage damage = { 0 };
	struct ph_error *error = ph_heap_damage(dump, &damage);
	if (!error && (damage.count || damage.dropped)) {
		struct ph_json j = ph_json(out, 0);
		ph_json_object(&j, true);
		ph_put_damage_json(&damage, &j);
		ph_json_object_end(&j);
		ph_buffer_putc(out, '\n');
	}
	ph_damage_deinit(&damage);
	return error;
}
