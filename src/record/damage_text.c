/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/damage_text.h"

#include "record/memory.h"
#include "record/render.h"

#include <inttypes.h>
#include <string.h>

bool ph_damage_is_of_heap(const struct ph_damage_entry *entry)
{
	/* of the report's own entries one says that the heap is not whole in such a core (extract/extract.c) */
	return entry->kind != PH_DAMAGE_REPORT || !strcmp(entry->where, "heap");
}

static void put_entry(const struct ph_damage_entry *entry, struct ph_buffer *out)
{
	ph_escape_terminal(entry->where, strlen(entry->where), false, out);
	ph_buffer_puts(out, ": ");
	ph_escape_terminal(entry->what, strlen(entry->what), false, out);
}

/* What it says of the image as a whole: false where that is complete. */
static bool put_image(const struct ph_damage *damage, struct ph_buffer *out)
{
	const struct ph_damage_entry *first = NULL;
	uint64_t more = 0;
	for (size_t i = 0; i < damage->count; i++) {
		const struct ph_damage_entry *entry = &damage->entries[i];
		if (entry->kind == PH_DAMAGE_HEAP || !ph_damage_is_of_heap(entry))
			continue;
		more += first != NULL;
		first = first ? first : entry;
	}
	if (damage->missing) {
		ph_buffer_puts(out, "the core was cut, ");
		ph_put_bytes(damage->missing, out);
		ph_buffer_puts(out, " of its memory are missing");
	} else if (first) {
		ph_buffer_puts(out, "the core is incomplete (");
		put_entry(first, out);
		if (more)
			ph_buffer_printf(out, ", and %" PRIu64 " more", more);
		ph_buffer_putc(out, ')');
	}
	return damage->missing || first;
}

bool ph_heap_damage_text(const struct ph_damage *damage, struct ph_buffer *out)
{
	const struct ph_damage_entry *first = NULL;
	uint64_t places = damage->dropped;
	for (size_t i = 0; i < damage->count; i++) {
		const struct ph_damage_entry *entry = &damage->entries[i];
		if (entry->kind != PH_DAMAGE_HEAP)
			continue;
		places += entry->count;
		/* a length that cannot be is what a sum would be wrong by */
		if (!first || (strstr(entry->what, "length") && !strstr(first->what, "length")))
			first = entry;
	}
	bool any = put_image(damage, out);
	if (!places)
		return any;
	ph_buffer_printf(out, "%s%" PRIu64 " place%s of its heap %s damaged", any ? ", and " : "", places,
			 places == 1 ? "" : "s", places == 1 ? "is" : "are");
	if (first) {
		ph_buffer_puts(out, places > 1 ? " (one: " : " (");
		put_entry(first, out);
		ph_buffer_putc(out, ')');
	}
	return true;
}
