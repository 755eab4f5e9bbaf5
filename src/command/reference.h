/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One reference as a row of referents and referrers. */
#ifndef COMMAND_REFERENCE_H
#define COMMAND_REFERENCE_H

#include "command/command.h"
#include "command/heap.h"

/* For the verbs that take one address: opens the view and finds the object, as ph_heap_operand() does. */
struct ph_error *ph_heap_one_object(struct ph_dump *dump, const char *verb, const struct ph_arguments *arguments,
				    const struct ph_verb_output *output, struct ph_heap_view *view, uint32_t *ret)
	__attribute__((warn_unused_result));

/* The object at the other end, `shown`, with the label; `of_source`: it is the one that refers. */
struct ph_error *ph_put_reference(struct ph_heap_view *view, struct ph_rows *rows, const struct ph_heap_ref *ref,
				  uint32_t shown, bool of_source) __attribute__((warn_unused_result));

/* The object whose __dict__ this dict is; PH_NO_INDEX unknown (PH_LINK_REFERRERS).  *ret is the edge. */
uint32_t ph_dict_owner(struct ph_heap_view *view, uint32_t dict, struct ph_heap_ref *ret);
/* Whether the reference leads from an object to its namespace. */
bool ph_is_namespace(const struct ph_heap_view *view, const struct ph_heap_ref *ref);

#endif
