/* SPDX-License-Identifier: GPL-3.0-or-later */
/* References from memory that an object has, beside its own: of objects whose layout is not known.  The dump has them as
 * roots (kind 19) that name the object. */
#ifndef COMMAND_OWNED_H
#define COMMAND_OWNED_H

#include "command/heap.h"

struct ph_owned {
	uint32_t owner, object, root;
};
/* All of them, by owner; *ret is the caller's. */
struct ph_error *ph_heap_owned(struct ph_heap_view *view, struct ph_owned **ret, size_t *ret_count)
	__attribute__((warn_unused_result));
/* The owner that such a root names; PH_NO_INDEX. */
uint32_t ph_heap_root_owner(struct ph_heap_view *view, const struct ph_heap_root_entry *root);

#endif
