/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of what is wrong with the heap itself, for the verbs whose sums it touches. */
#include "command/damage.h"

#include "base/cleanup.h"
#include "base/damage.h"
#include "record/render.h"

#include <inttypes.h>
#include <string.h>

struct ph_error *ph_put_heap_damage(struct ph_dump *dump, struct ph_buffer *out)
{
	struct ph_damage damage = { 0 };
	const struct ph_damage_entry *first = NULL;
	uint64_t more = 0;
	struct ph_error *error = ph_dump_damage(dump, &damage);
	for (size_t i = 0; !error && i < damage.count; i++) {
		const struct ph_damage_entry *entry = &damage.entries[i];
		if (entry->kind != PH_DAMAGE_HEAP)
			continue;
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
			ph_buffer_printf(out, "; %" PRIu64 " more %s in manifest.json and damage.json", more,
					 more == 1 ? "is" : "are");
		ph_buffer_putc(out, '\n');
	}
	ph_damage_deinit(&damage);
	return error;
}
