/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which types a name or pattern means. */
#ifndef COMMAND_MATCH_H
#define COMMAND_MATCH_H

#include "command/heap.h"

/* The name as in a class statement, qualified or not, with its module or without; *, ? and [...] as in a shell. */
bool ph_type_matches(const struct ph_dump_type *type, const char *pattern);

/* One bit for each of view->types; malloc'ed, NULL without memory; *ret_count of them are set. */
bool *ph_matching_types(const struct ph_heap_view *view, const char *pattern, size_t *ret_count);

/* Warn of a name that no type has; with those of the types that it could have meant. */
void ph_no_such_type(const struct ph_heap_view *view, const struct ph_verb_output *output, const char *verb,
		     const char *pattern);

/* The place among view->types of an object's type; view->types.count unknown. */
size_t ph_heap_type_place(struct ph_heap_view *view, uint32_t object);

#endif
