/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/columns_batch.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct ph_batch *ph_batch_create(void)
{
	struct ph_batch *batch = calloc(1, sizeof(*batch));
	if (batch && ph_chunker_init(&batch->chunker))
		return batch;
	ph_batch_free(batch);
	return NULL;
}

static void empty(struct ph_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free(batch->chunks[i].owned);
	batch->count = batch->size = 0;
}

void ph_batch_free(struct ph_batch *batch)
{
	if (!batch)
		return;
	empty(batch);
	ph_chunker_deinit(&batch->chunker);
	free(batch->chunks);
	free(batch->bytes);
	free(batch);
}

static struct ph_batch_chunk *new_chunk(struct ph_batch *batch)
{
	if (batch->count == batch->capacity) {
		size_t capacity = batch->capacity ? batch->capacity * 2 : 32;
		void *chunks = realloc(batch->chunks, capacity * sizeof(*batch->chunks));
		if (!chunks)
			return NULL;
		batch->chunks = chunks;
		batch->capacity = capacity;
	}
	struct ph_batch_chunk *chunk = &batch->chunks[batch->count++];
	*chunk = (struct ph_batch_chunk){ 0 };
	return chunk;
}

bool ph_batch_add(struct ph_batch *batch, enum ph_column column, uint64_t number, const void *items, size_t count)
{
	struct ph_batch_chunk *chunk = new_chunk(batch);
	if (!chunk)
		return false;
	*chunk = (struct ph_batch_chunk){ .column = column, .number = number, .items = items, .count = count };
	return true;
}

bool ph_carry_append(struct ph_carry *carry, enum ph_column column, const void *items, size_t count,
		     struct ph_batch *batch)
{
	const uint8_t *from = items;
	unsigned width = ph_column_forms[column].width;
	while (count) {
		if (!carry->count && count >= PH_CHUNK) {
			if (!ph_batch_add(batch, column, carry->chunks++, from, PH_CHUNK))
				return false;
			from += (size_t)PH_CHUNK * width, count -= PH_CHUNK;
			continue;
		}
		if (!carry->items)
			carry->items = malloc((size_t)PH_CHUNK * width);
		if (!carry->items)
			return false;
		size_t n = PH_CHUNK - carry->count < count ? PH_CHUNK - carry->count : count;
		memcpy(carry->items + carry->count * width, from, n * width);
		carry->count += n;
		from += n * width, count -= n;
		if (carry->count == PH_CHUNK && !ph_carry_end(carry, column, batch))
			return false;
	}
	return true;
}

bool ph_carry_end(struct ph_carry *carry, enum ph_column column, struct ph_batch *batch)
{
	if (!carry->count)
		return true;
	if (!ph_batch_add(batch, column, carry->chunks, carry->items, carry->count))
		return false;
	batch->chunks[batch->count - 1].owned = carry->items;
	carry->items = NULL;
	/* one that is not full is the last: the number of items is told by what it has */
	if (carry->count == PH_CHUNK) {
		carry->chunks++;
		carry->count = 0;
	}
	return true;
}

bool ph_batch_encode(struct ph_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct ph_batch_chunk *chunk = &batch->chunks[i];
		const struct ph_column_form *form = &ph_column_forms[chunk->column];
		size_t bound = ph_chunk_bound(form);
		if (batch->room - batch->size < bound) {
			size_t room =
				batch->room * 2 > batch->size + bound ? batch->room * 2 : (batch->size + bound) * 2;
			void *bytes = realloc(batch->bytes, room);
			if (!bytes)
				return false;
			batch->bytes = bytes;
			batch->room = room;
		}
		chunk->offset = batch->size;
		chunk->size =
			ph_chunk_encode(&batch->chunker, form, chunk->items, chunk->count, batch->bytes + batch->size);
		if (!chunk->size)
			return false;
		batch->size += chunk->size;
		free(chunk->owned);
		chunk->owned = NULL;
	}
	return true;
}

static struct ph_error *write_chunks(const struct ph_batch_chunk *chunks, size_t count, const uint8_t *bytes,
				     struct ph_zipwriter *writer)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < count; i++) {
		const struct ph_batch_chunk *chunk = &chunks[i];
		char name[64];
		snprintf(name, sizeof(name), "%s/%" PRIu64, ph_column_forms[chunk->column].name, chunk->number);
		error = ph_zipwriter_store(writer, name, bytes + chunk->offset, chunk->size);
	}
	return error;
}

struct ph_error *ph_batch_write(struct ph_batch *batch, struct ph_zipwriter *writer)
{
	struct ph_error *error = write_chunks(batch->chunks, batch->count, batch->bytes, writer);
	empty(batch);
	return error;
}

/* ---- what is held back ---- */

struct ph_held {
	struct ph_held *next;
	size_t size, count; /* bytes, chunks */
	struct ph_batch_chunk chunks[]; /* the bytes follow */
};

static uint8_t *bytes_of(struct ph_held *held)
{
	return (uint8_t *)(held->chunks + held->count);
}

bool ph_backlog_take(struct ph_backlog *backlog, struct ph_batch *batch)
{
	size_t size = sizeof(struct ph_held) + batch->count * sizeof(*batch->chunks) + batch->size;
	struct ph_held *held = malloc(size);
	if (!held)
		return false;
	*held = (struct ph_held){ .size = size, .count = batch->count };
	if (batch->count)
		memcpy(held->chunks, batch->chunks, batch->count * sizeof(*batch->chunks));
	if (batch->size)
		memcpy(bytes_of(held), batch->bytes, batch->size);
	empty(batch);
	*(backlog->last ? backlog->last : &backlog->first) = held;
	backlog->last = &held->next;
	backlog->size += size;
	return true;
}

static void drop_first(struct ph_backlog *backlog)
{
	struct ph_held *held = backlog->first;
	backlog->first = held->next;
	backlog->size -= held->size;
	if (!backlog->first)
		backlog->last = NULL;
	free(held);
}

struct ph_error *ph_backlog_write(struct ph_backlog *backlog, struct ph_zipwriter *writer)
{
	struct ph_error *error = NULL;
	while (!error && backlog->first) {
		struct ph_held *held = backlog->first;
		error = write_chunks(held->chunks, held->count, bytes_of(held), writer);
		drop_first(backlog);
	}
	return error;
}

void ph_backlog_deinit(struct ph_backlog *backlog)
{
	while (backlog->first)
		drop_first(backlog);
}
