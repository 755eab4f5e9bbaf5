/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects and bytes by type, summed once for a dump. */
#ifndef COMMAND_TOTALS_H
#define COMMAND_TOTALS_H

#include "command/heap.h"

struct ph_type_total {
	uint64_t count, size;
	uint64_t unsized; /* objects whose size is not known */
};

/* One for each of view->types, and a last one for objects of unknown type; malloc'ed.  From the cache, else summed and
 * kept there. */
struct ph_error *ph_heap_totals(struct ph_heap_view *view, struct ph_type_total **ret)
	__attribute__((warn_unused_result));

/* Bytes that objects hold, of the same rows; malloc'ed.  PH_ERROR_BAD_DUMP where the dump does not say. */
struct ph_error *ph_heap_held_totals(struct ph_heap_view *view, uint64_t **ret) __attribute__((warn_unused_result));

#endif
