/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks on their way into the archive: cut in order, compressed by whoever cut them, written in order. */
#ifndef DUMP_COLUMNS_BATCH_H
#define DUMP_COLUMNS_BATCH_H

#include "dump/columns.h"

#include <pthread.h>

/* What is left of a column that does not fill a chunk yet. */
struct ph_carry {
	uint8_t *items; /* a chunk */
	size_t count;	/* items in it */
	uint64_t chunks; /* cut so far */
};

struct ph_batch_chunk {
	enum ph_column column;
	uint64_t number;
	const void *items; /* `owned`, or the caller's until it is encoded */
	void *owned;
	size_t count;
	size_t offset, size; /* of its bytes in the batch */
};

/* What one thread has cut. */
struct ph_batch {
	struct ph_batch *next; /* of those that are free */
	struct ph_chunker chunker;
	struct ph_batch_chunk *chunks;
	size_t count, capacity;
	uint8_t *bytes;
	size_t size, room;
};

struct ph_batch *ph_batch_create(void);
void ph_batch_free(struct ph_batch *batch);

/* Items at the end of a column: the chunks that they fill go into the batch.  The items stay the caller's, and must
 * stay as they are until the batch is encoded.  False without memory. */
bool ph_carry_append(struct ph_carry *carry, enum ph_column column, const void *items, size_t count,
		     struct ph_batch *batch);
/* A chunk, or what there is of it, by itself. */
bool ph_batch_add(struct ph_batch *batch, enum ph_column column, uint64_t number, const void *items, size_t count);
/* What is left of the column. */
bool ph_carry_end(struct ph_carry *carry, enum ph_column column, struct ph_batch *batch);

bool ph_batch_encode(struct ph_batch *batch);
/* Into the archive, in order; the batch is empty then. */
struct ph_error *ph_batch_write(struct ph_batch *batch, struct ph_zipwriter *writer)
	__attribute__((warn_unused_result));

/* What batches held, in their order, until there is an archive. */
struct ph_backlog {
	struct ph_held *first, **last; /* last NULL: it is empty */
	size_t size; /* bytes */
};
/* The batch is empty then; false without memory. */
bool ph_backlog_take(struct ph_backlog *backlog, struct ph_batch *batch);
/* Into the archive; the backlog is empty then. */
struct ph_error *ph_backlog_write(struct ph_backlog *backlog, struct ph_zipwriter *writer)
	__attribute__((warn_unused_result));
void ph_backlog_deinit(struct ph_backlog *backlog);

/* ---- between the files of the writer ---- */

/* Whose turn it is: units are handed over in order. */
struct ph_turn {
	uint64_t next;
};

struct ph_columns {
	struct ph_zipwriter *writer; /* borrowed; NULL: all is held back */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool stopped;
	struct ph_turn cut_units, write_units, cut_values, write_values;
	struct ph_batch *free;
	struct ph_backlog backlog; /* whose turn it is to write units has it */
	_Atomic uint64_t held;	   /* bytes of it, and how many objects they are of */
	_Atomic uint64_t held_objects;
	/* whose turn it is to cut has these */
	struct ph_carry carries[PH_COLUMN_COUNT];
	uint64_t objects, edges, strings, string_bytes;
	struct ph_buffer types, names; /* of types.json */
	bool any_type, any_name;
};

/* types.json, descriptions of arrays and groups (columns_meta.c). */
struct ph_error *ph_columns_take_type(void *self, const struct ph_heap_type *type);
struct ph_error *ph_columns_take_name(void *self, const char *name);
struct ph_error *ph_columns_write_meta(struct ph_columns *columns) __attribute__((warn_unused_result));

#endif
