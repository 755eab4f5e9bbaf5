/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What objects retain: from the cache, or worked out of the graph (graph/graph.h, dominators) and kept there, in a file
 * of its own, since few questions need it. */
#ifndef COMMAND_RETAIN_H
#define COMMAND_RETAIN_H

#include "command/heap.h"

/* Works it out where the cache has it not.  As ph_heap_view_link(). */
struct ph_error *ph_heap_view_retain(struct ph_heap_view *view) __attribute__((warn_unused_result));
/* Whether it is known, from the cache at most. */
bool ph_heap_view_retain_kept(struct ph_heap_view *view);

/* Whether the cache has a file of it, unchecked: whether to look. */
bool ph_heap_retain_is_kept(struct ph_dump *dump);

/* Bytes that would be freed with the object; -1: not known. */
static inline int64_t ph_heap_retained(const struct ph_heap_view *view, uint32_t object)
{
	return view->retained ? (int64_t)view->retained[object] : -1;
}

/* The object that alone keeps it; PH_NO_INDEX: none does.  Once it is known. */
static inline uint32_t ph_heap_dominator(const struct ph_heap_view *view, uint32_t object)
{
	uint32_t dominator = view->dominator[object];
	return dominator < view->count && dominator != object ? dominator : PH_NO_INDEX;
}

#endif
