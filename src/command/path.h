/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A shortest path from a root to an object. */
#ifndef COMMAND_PATH_H
#define COMMAND_PATH_H

#include "command/heap.h"

/* The root of an object that tells most of it; PH_NO_INDEX: it is none. */
uint32_t ph_best_root(struct ph_heap_view *view, uint32_t object);

/* "module app", "local x of f, thread 3", …: as the dump names the root, else what kind it is. */
void ph_put_root(struct ph_heap_view *view, uint32_t root, struct ph_buffer *out);

/* "module app → CACHE → ['user:7']": the path to an object in one line, without an end; "?" where no root reaches it.
 * Needs PH_LINK_PATHS. */
struct ph_error *ph_put_path(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
	__attribute__((warn_unused_result));

#endif
