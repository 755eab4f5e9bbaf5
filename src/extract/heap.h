/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXTRACT_HEAP_H
#define EXTRACT_HEAP_H

#include "extract/extract.h"
#include "record/heap_sink.h"

/* Begins to find it and to walk it in threads of its own, when extract->jobs are more than one, as far as the sink takes
 * it.  extract->jobs, dumping and redactor's words stay what they are from now on.  ph_extract_find_heap() waits until it is found. */
struct ph_error *ph_extract_begin_heap(struct ph_extract *extract, const struct ph_heap_sink *sink)
	__attribute__((warn_unused_result));
/* No thread walks from then on, until ph_extract_heap() hands over the rest. */
struct ph_error *ph_extract_pause_walk(struct ph_extract *extract) __attribute__((warn_unused_result));
/* Wherever it is: before the sink goes. */
void ph_extract_stop_walk(struct ph_extract *extract);
/* That, and frees extract->heap. */
void ph_extract_end_heap(struct ph_extract *extract);

/* Finds every object of the process, once: extract->heap, with its damage.  Needs an interpreter: extract->runtime. */
struct ph_error *ph_extract_find_heap(struct ph_extract *extract) __attribute__((warn_unused_result));
/* What was wrong with it; NULL before. */
const struct ph_damage *ph_extract_heap_damage(const struct ph_extract *extract);

/* What the process's memory is for: the text of memory.json.  After ph_extract_heap() it is known already. */
struct ph_error *ph_extract_memory(struct ph_extract *extract, struct ph_buffer *out)
	__attribute__((warn_unused_result));

/* Every object of the process that is not yet in it, with its references, into a sink, by extract->jobs threads; then
 * values, roots and types.
 * Needs an interpreter: extract->runtime. */
struct ph_error *ph_extract_heap(struct ph_extract *extract, const struct ph_heap_sink *sink)
	__attribute__((warn_unused_result));

#endif
