/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that walk the whole heap. */
#ifndef EXTRACT_HEAP_PRIVATE_H
#define EXTRACT_HEAP_PRIVATE_H

#include "extract/heap.h"
#include "heap/heap.h"

/* ---- secrets.c: what secret names lead to, anywhere in the heap ---- */

struct ph_heap_secrets {
	struct ph_extract *extract;
	struct ph_heap *heap;
	uint8_t *verdicts; /* enum ph_name_verdict of each object that was asked for, else 0; NULL: nothing is redacted by name */
	uint64_t *targets; /* a bit for each object */
	struct ph_value value;
	struct ph_arena arena;
};

struct ph_error *ph_heap_secrets_begin(struct ph_extract *extract, struct ph_heap *heap, struct ph_heap_secrets *ret)
	__attribute__((warn_unused_result));
/* The edges of an object, as the sink is given them. */
void ph_heap_secrets_take(struct ph_heap_secrets *secrets, const struct ph_shape *shape,
			  const struct ph_heap_edge *edges, size_t count);
/* What is no edge: the locals of a frame or generator. */
void ph_heap_secrets_locals(struct ph_heap_secrets *secrets, ph_addr object);
/* All were given: mark them. */
void ph_heap_secrets_mark(struct ph_heap_secrets *secrets);
void ph_heap_secrets_deinit(struct ph_heap_secrets *secrets);

/* ---- heap_values.c ---- */

/* The values of the objects whose bit is set, into the sink. */
struct ph_error *ph_heap_give_values(struct ph_extract *extract, struct ph_heap *heap, const uint64_t *valued,
				     const struct ph_heap_sink *sink) __attribute__((warn_unused_result));

#endif
