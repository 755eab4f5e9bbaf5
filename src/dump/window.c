/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/window.h"

#include "base/cleanup.h"
#include "dump/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HELD_BYTES ((size_t)96 << 20) /* of chunks, a column */

struct ph_error *ph_window_open(struct ph_dump *dump, enum ph_column column, struct ph_window *ret)
{
	struct ph_window w = { .dump = dump, .form = &ph_column_forms[column], .column = column };
	struct ph_error *error = ph_column_extent(dump, column, &w.count);
	if (error)
		return error;
	w.chunk_count = (size_t)((w.count + PH_CHUNK - 1) / PH_CHUNK);
	w.chunks = calloc(w.chunk_count + 1, sizeof(*w.chunks));
	w.scratch = malloc((size_t)w.form->width * PH_CHUNK);
	if (!w.chunks || !w.scratch) {
		ph_window_close(&w);
		return &ph_error_no_memory;
	}
	dump->chunks += w.chunk_count;
	*ret = w;
	return NULL;
}

void ph_window_close(struct ph_window *w)
{
	for (size_t i = 0; w->chunks && i < w->chunk_count; i++)
		free(w->chunks[i]);
	free(w->chunks);
	free(w->scratch);
	*w = (struct ph_window){ 0 };
}

/* Room for a chunk: new, or that of one that was read before; which one is a matter of turns. */
static uint8_t *take_room(struct ph_window *w)
{
	size_t bytes = (size_t)w->form->width * PH_CHUNK;
	if (w->held * bytes < HELD_BYTES) {
		uint8_t *room = malloc(bytes);
		w->held += room != NULL;
		return room;
	}
	while (!w->chunks[w->hand])
		w->hand = (w->hand + 1) % w->chunk_count;
	uint8_t *room = ph_take_ptr(w->chunks[w->hand]);
	w->hand = (w->hand + 1) % w->chunk_count;
	return room;
}

void ph_window_ascend(struct ph_window *w, uint64_t most)
{
	w->ascends = true;
	w->most = most;
}

static void mend(struct ph_window *w, size_t chunk, uint64_t *items)
{
	uint64_t first = (uint64_t)chunk * PH_CHUNK, last = 0;
	uint64_t count = w->count - first < PH_CHUNK ? w->count - first : PH_CHUNK;
	bool right = true;
	for (uint64_t i = 0; i < count; i++) {
		bool follows = items[i] >= last && items[i] <= w->most;
		right = right && follows;
		items[i] = last = follows ? items[i] : last;
	}
	if (!right)
		ph_dump_note(w->dump, "its column %s is not ascending: copy the dump again", w->form->name);
}

/* Into the room; all ones where the member is altered. */
static void read_into(struct ph_window *w, size_t chunk, uint8_t *room)
{
	/* of all columns that are read side by side; one whose chunks were dropped is read again */
	struct ph_dump *dump = w->dump;
	uint64_t done = dump->chunks_read++;
	struct ph_error *error = ph_dump_progress(dump, "reading the heap", done < dump->chunks ? done : dump->chunks - 1,
						  dump->chunks);
	if (!error)
		error = ph_column_chunk(w->dump, w->form, chunk, w->scratch, room);
	if (!error && w->ascends)
		mend(w, chunk, (uint64_t *)(void *)room);
	if (!error)
		return;
	if (error->code == PH_ERROR_NO_MEMORY)
		w->no_memory = true;
	else if (error->code != PH_ERROR_CANCELLED)
		ph_dump_note_error(w->dump, error);
	ph_error_free(error);
	w->damaged = true;
	memset(room, 0xff, (size_t)w->form->width * PH_CHUNK);
}

void ph_window_expect(struct ph_dump *dump, enum ph_column column, uint64_t count, struct ph_window *ret)
{
	*ret = (struct ph_window){
		.dump = dump, .form = &ph_column_forms[column], .column = column, .count = count, .is_late = true
	};
}

/* What the column has beyond the others is not looked at, and what it lacks is unknown. */
static void open_late(struct ph_window *w)
{
	uint64_t count = w->count;
	struct ph_window opened = { 0 };
	struct ph_error *error = ph_window_open(w->dump, w->column, &opened);
	w->is_late = false;
	if (error) {
		if (error->code == PH_ERROR_NO_MEMORY)
			w->no_memory = true;
		else
			ph_dump_note_error(w->dump, error);
		ph_error_free(error);
		w->damaged = true;
		w->count = 0;
		return;
	}
	if (opened.count != count)
		ph_dump_note(w->dump, "its columns disagree: %s has %" PRIu64 " items, not %" PRIu64
			     ": copy the dump again", w->form->name, opened.count, count);
	opened.ascends = w->ascends;
	opened.most = w->most;
	*w = opened;
	if (w->count > count)
		w->count = count;
}

const uint8_t *ph_window_chunk(struct ph_window *w, uint64_t i)
{
	if (w->is_late)
		open_late(w);
	if (i >= w->count)
		return NULL;
	size_t chunk = (size_t)(i / PH_CHUNK);
	if (!w->chunks[chunk]) {
		uint8_t *room = take_room(w);
		if (!room) {
			w->no_memory = true;
			return NULL;
		}
		read_into(w, chunk, room);
		w->chunks[chunk] = room;
	}
	w->last = w->chunks[chunk];
	w->last_first = (uint64_t)chunk * PH_CHUNK;
	return w->last;
}
