/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/match.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define SUGGESTIONS 5

static bool matches(const char *pattern, const char *name)
{
	return !strcmp(pattern, name) || !fnmatch(pattern, name, 0);
}

bool ph_type_matches(const struct ph_dump_type *type, const char *pattern)
{
	const char *dot = strrchr(type->name, '.');
	char full[1024];
	if (strlen(pattern) > 512) /* fnmatch() recurses over stars */
		return false;
	if (matches(pattern, type->name) || (dot && matches(pattern, dot + 1)))
		return true;
	int size = snprintf(full, sizeof(full), "%s.%s", type->module ? type->module : "", type->name);
	return size > 0 && (size_t)size < sizeof(full) && matches(pattern, full);
}

bool *ph_matching_types(const struct ph_heap_view *view, const char *pattern, size_t *ret_count)
{
	bool *matching = calloc(view->types.count + 1, sizeof(*matching));
	size_t count = 0;
	for (size_t i = 0; matching && i < view->types.count; i++) {
		matching[i] = ph_type_matches(&view->types.types[i], pattern);
		count += matching[i];
	}
	*ret_count = count;
	return matching;
}

void ph_no_such_type(const struct ph_heap_view *view, const struct ph_verb_output *output, const char *verb,
		     const char *pattern)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096), safe = PH_BUFFER(16384);
	size_t count = 0;
	ph_buffer_printf(&text, "%s: no object is of a type called %.300s", verb, pattern);
	for (size_t i = 0; i < view->types.count && count < SUGGESTIONS; i++) {
		const struct ph_dump_type *type = &view->types.types[i];
		if (!strcasestr(type->name, pattern))
			continue;
		ph_buffer_printf(&text, "%s%s%s%s", count++ ? ", " : "; there are ", type->module ? type->module : "",
				 type->module ? "." : "", type->name);
	}
	if (!count)
		ph_buffer_puts(&text, ": pyheap types lists them");
	ph_escape_terminal(ph_buffer_text(&text), text.size, false, &safe);
	if (output->warning)
		output->warning(output->user, ph_buffer_text(&safe));
}

size_t ph_heap_type_place(struct ph_heap_view *view, uint32_t object)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	return type ? (size_t)(type - view->types.types) : view->types.count;
}
