/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An object of the heap with what it holds, from the columns: for those that the stacks do not reach, and for more
 * than one level. */
#ifndef COMMAND_TREE_H
#define COMMAND_TREE_H

#include "command/command.h"
#include "command/heap.h"

/* Attributes, items and members with types and values, `depth` levels of them; an object within itself is named only.
 * */
struct ph_error *ph_put_tree(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object, uint64_t depth)
	__attribute__((warn_unused_result));

/* The object as `pyheap print --json` has it, one line; then, with a depth beyond 1, what it holds, each object once.
 * */
struct ph_error *ph_put_tree_json(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object, uint64_t depth)
	__attribute__((warn_unused_result));

/* The objects that guessed references lead to, into the record; false without memory. */
bool ph_add_guessed(struct ph_heap_view *view, uint32_t object, struct ph_object *o, struct ph_arena *arena)
	__attribute__((warn_unused_result));

#endif
