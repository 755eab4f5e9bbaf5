/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A column read where it is asked for: a chunk is decompressed with the first item that is wanted of it, and the most
 * recent ones are kept.
 *
 * Getting an item cannot fail: behind the end, and where a chunk is altered, it is all ones (which is "unknown" in
 * every column); the dump then has a problem (ph_dump_problem()), and `damaged` is set. */
#ifndef DUMP_WINDOW_H
#define DUMP_WINDOW_H

#include "dump/columns.h"
#include "dump/dump.h"

#include <string.h>

struct ph_window {
	struct ph_dump *dump; /* NULL: not open */
	const struct ph_column_form *form;
	enum ph_column column;
	uint64_t count; /* items */
	uint8_t **chunks;
	size_t chunk_count, held, hand;
	const uint8_t *last; /* the chunk that was used last */
	uint64_t last_first;
	void *scratch;
	bool damaged;
	bool no_memory; /* sticky */
	bool is_late;	/* nothing of it has been read: ph_window_expect() */
	bool ascends;	/* ph_window_ascend() */
	uint64_t most;
};

/* PH_ERROR_BAD_DUMP when nothing of this column is there.  A window that is not open has no items, all unknown. */
struct ph_error *ph_window_open(struct ph_dump *dump, enum ph_column column, struct ph_window *ret)
	__attribute__((warn_unused_result));
/* The same with the first item that is wanted: the column is to have `count` items.  Nothing is read before, and what is
 * wrong with it is a problem of the dump then. */
void ph_window_expect(struct ph_dump *dump, enum ph_column column, uint64_t count, struct ph_window *ret);
/* Items are offsets into another column: each at least as large as the one before, at most `most`.  One that is not
 * reads as the one before, so that however a column lies, what the ranges of a chunk cover together is no more than all. */
void ph_window_ascend(struct ph_window *window, uint64_t most);
void ph_window_close(struct ph_window *window);

/* The chunk with item i, from item i / PH_CHUNK * PH_CHUNK on; borrowed until the next call; NULL behind the end or
 * without memory. */
const uint8_t *ph_window_chunk(struct ph_window *window, uint64_t i);

static inline uint64_t ph_window_get(struct ph_window *w, uint64_t i)
{
	uint64_t at = i - w->last_first;
	const uint8_t *chunk = w->last;
	if (!chunk || at >= PH_CHUNK) {
		chunk = ph_window_chunk(w, i);
		at = i % PH_CHUNK;
	}
	if (!chunk || i >= w->count)
		return UINT64_MAX;
	switch (w->form->width) {
	case 8:
		return ((const uint64_t *)(const void *)chunk)[at];
	case 4:
		return ((const uint32_t *)(const void *)chunk)[at];
	case 2:
		return ((const uint16_t *)(const void *)chunk)[at];
	default:
		return chunk[at];
	}
}

#endif
