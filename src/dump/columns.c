/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer of the columns.  A unit of objects is a chunk of each of their columns; of edges and texts a unit fills as
 * many chunks as it does, and leaves the rest to the next.  So there are two turns: to cut chunks, which is copying,
 * and to write them; compression lies between and is done by all threads at once. */
#include "dump/columns.h"

#include "dump/columns_batch.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAXIMUM ((size_t)256 << 20)
/* What may be held back: bytes, and bytes for each object that it is of; mostly it is 3 to 15. */
#define HELD_LEAST ((uint64_t)16 << 20)
#define HELD_OF_OBJECT 20

_Static_assert(PH_HEAP_UNIT == PH_CHUNK, "a unit is a chunk of the columns of objects");

struct ph_error *ph_columns_create(struct ph_columns **ret)
{
	struct ph_columns *c = calloc(1, sizeof(*c));
	if (!c)
		return &ph_error_no_memory;
	c->types = c->names = PH_BUFFER(TEXT_MAXIMUM);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->moved, NULL);
	*ret = c;
	return NULL;
}

void ph_columns_free(struct ph_columns *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++)
		free(c->carries[i].items);
	while (c->free) {
		struct ph_batch *next = c->free->next;
		ph_batch_free(c->free);
		c->free = next;
	}
	ph_backlog_deinit(&c->backlog);
	ph_buffer_deinit(&c->types);
	ph_buffer_deinit(&c->names);
	pthread_cond_destroy(&c->moved);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- turns ---- */

static void stop(void *self)
{
	struct ph_columns *c = self;
	pthread_mutex_lock(&c->lock);
	c->stopped = true;
	pthread_cond_broadcast(&c->moved);
	pthread_mutex_unlock(&c->lock);
}

/* False: another thread failed, and says why. */
static bool wait_turn(struct ph_columns *c, const struct ph_turn *turn, uint64_t number)
{
	pthread_mutex_lock(&c->lock);
	while (turn->next != number && !c->stopped)
		pthread_cond_wait(&c->moved, &c->lock);
	bool goes_on = !c->stopped;
	pthread_mutex_unlock(&c->lock);
	return goes_on;
}

static void end_turn(struct ph_columns *c, struct ph_turn *turn)
{
	pthread_mutex_lock(&c->lock);
	turn->next++;
	pthread_cond_broadcast(&c->moved);
	pthread_mutex_unlock(&c->lock);
}

static struct ph_error *stopped(void)
{
	return ph_error_create(PH_ERROR_CANCELLED, "stopped");
}

static struct ph_batch *take_batch(struct ph_columns *c)
{
	pthread_mutex_lock(&c->lock);
	struct ph_batch *batch = c->free;
	if (batch)
		c->free = batch->next;
	pthread_mutex_unlock(&c->lock);
	return batch ? batch : ph_batch_create();
}

static void return_batch(struct ph_columns *c, struct ph_batch *batch)
{
	pthread_mutex_lock(&c->lock);
	batch->next = c->free;
	c->free = batch;
	pthread_mutex_unlock(&c->lock);
}

static struct ph_error *hold_back(struct ph_columns *c, struct ph_batch *batch, bool more)
{
	if (!ph_backlog_take(&c->backlog, batch))
		return &ph_error_no_memory;
	c->held = c->backlog.size;
	c->held_objects += more ? 0 : PH_HEAP_UNIT;
	return NULL;
}

/* Much less than the heap takes while it is found and walked. */
static bool is_full(void *self)
{
	const struct ph_columns *c = self;
	return c->held > HELD_LEAST + c->held_objects * HELD_OF_OBJECT;
}

struct ph_error *ph_columns_begin(struct ph_columns *c, struct ph_zipwriter *writer)
{
	c->writer = writer;
	return ph_backlog_write(&c->backlog, writer);
}

/* What was cut is compressed, and written when it is its turn; `more`: it stays this unit's. */
static struct ph_error *compress_and_write(struct ph_columns *c, struct ph_batch *batch, struct ph_turn *turn,
					   uint64_t number, bool more)
{
	if (!ph_batch_encode(batch))
		return &ph_error_no_memory;
	if (!wait_turn(c, turn, number))
		return stopped();
	struct ph_error *error = c->writer ? ph_batch_write(batch, c->writer) : hold_back(c, batch, more);
	if (!error && !more)
		end_turn(c, turn);
	return error;
}

static void little_endian(enum ph_column column, const void *items, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	unsigned width = ph_column_forms[column].width;
	uint8_t *bytes = (uint8_t *)items;
	for (size_t i = 0; i < count; i++)
		for (unsigned j = 0; j < width / 2; j++) {
			uint8_t byte = bytes[i * width + j];
			bytes[i * width + j] = bytes[i * width + width - 1 - j];
			bytes[i * width + width - 1 - j] = byte;
		}
#else
	(void)column, (void)items, (void)count;
#endif
}

/* ---- objects ---- */

static bool add_objects(const struct ph_heap_unit *unit, struct ph_batch *batch)
{
	const struct {
		enum ph_column column;
		const void *items;
	} columns[] = {
		{ PH_COLUMN_OBJECT_ADDRESS, unit->address }, { PH_COLUMN_OBJECT_TYPE, unit->type },
		{ PH_COLUMN_OBJECT_SIZE, unit->size },	     { PH_COLUMN_OBJECT_REFCOUNT, unit->refcount },
		{ PH_COLUMN_OBJECT_LEN, unit->len },	     { PH_COLUMN_OBJECT_FLAGS, unit->flags },
		{ PH_COLUMN_OBJECT_HELD, unit->held },
	};
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		little_endian(columns[i].column, columns[i].items, unit->count);
		if (!ph_batch_add(batch, columns[i].column, unit->number, columns[i].items, unit->count))
			return false;
	}
	return true;
}

static bool add_edges(struct ph_columns *c, const struct ph_heap_unit *unit, struct ph_batch *batch)
{
	size_t count = unit->edge_count;
	little_endian(PH_COLUMN_EDGE_TARGET, unit->target, count);
	little_endian(PH_COLUMN_EDGE_ARGUMENT, unit->argument, count);
	return ph_carry_append(&c->carries[PH_COLUMN_EDGE_TARGET], PH_COLUMN_EDGE_TARGET, unit->target, count, batch) &&
	       ph_carry_append(&c->carries[PH_COLUMN_EDGE_KIND], PH_COLUMN_EDGE_KIND, unit->kind, count, batch) &&
	       ph_carry_append(&c->carries[PH_COLUMN_EDGE_ARGUMENT], PH_COLUMN_EDGE_ARGUMENT, unit->argument, count,
			       batch);
}

/* Where the edges of its objects begin, and, behind the last object, where they end. */
static bool add_starts(struct ph_columns *c, const struct ph_heap_unit *unit, uint64_t *starts, struct ph_batch *batch)
{
	size_t count = unit->count + unit->last;
	for (size_t i = 0; i < count; i++)
		starts[i] = c->edges + unit->edge_start[i];
	little_endian(PH_COLUMN_EDGE_START, starts, count);
	return ph_carry_append(&c->carries[PH_COLUMN_EDGE_START], PH_COLUMN_EDGE_START, starts, count, batch);
}

static struct ph_error *cut_unit(struct ph_columns *c, const struct ph_heap_unit *unit, bool more, uint64_t *starts,
				 struct ph_batch *batch)
{
	if (!wait_turn(c, &c->cut_units, unit->number))
		return stopped();
	if (!add_edges(c, unit, batch) || (!more && !add_starts(c, unit, starts, batch)))
		return &ph_error_no_memory;
	if (more)
		return NULL;
	c->edges += unit->edge_start[unit->count];
	c->objects += unit->count;
	end_turn(c, &c->cut_units);
	return NULL;
}

static struct ph_error *take_unit(void *self, const struct ph_heap_unit *unit, bool more)
{
	struct ph_columns *c = self;
	struct ph_batch *batch = take_batch(c);
	uint64_t *starts = malloc((PH_HEAP_UNIT + 1) * sizeof(*starts));
	struct ph_error *error = NULL;
	if (!batch || !starts || (!more && !add_objects(unit, batch)))
		error = &ph_error_no_memory;
	if (!error)
		error = cut_unit(c, unit, more, starts, batch);
	if (!error)
		error = compress_and_write(c, batch, &c->write_units, unit->number, more);
	free(starts);
	if (error)
		ph_batch_free(batch);
	else
		return_batch(c, batch);
	return error;
}

/* ---- texts ---- */

static bool add_texts(struct ph_columns *c, const struct ph_heap_values *v, uint64_t *starts, uint32_t *strings,
		      struct ph_batch *batch)
{
	for (size_t i = 0; i < v->string_count; i++)
		starts[i] = c->string_bytes + v->string_start[i];
	for (size_t i = 0; i < v->count; i++)
		strings[i] = (uint32_t)(c->strings + v->string[i]);
	little_endian(PH_COLUMN_STRING_START, starts, v->string_count);
	little_endian(PH_COLUMN_VALUE_OBJECT, v->object, v->count);
	little_endian(PH_COLUMN_VALUE_STRING, strings, v->count);
	struct ph_carry *carries = c->carries;
	return ph_carry_append(&carries[PH_COLUMN_STRING_START], PH_COLUMN_STRING_START, starts, v->string_count,
			       batch) &&
	       ph_carry_append(&carries[PH_COLUMN_STRING_BYTES], PH_COLUMN_STRING_BYTES, v->bytes,
			       v->string_start[v->string_count], batch) &&
	       ph_carry_append(&carries[PH_COLUMN_VALUE_OBJECT], PH_COLUMN_VALUE_OBJECT, v->object, v->count, batch) &&
	       ph_carry_append(&carries[PH_COLUMN_VALUE_STRING], PH_COLUMN_VALUE_STRING, strings, v->count, batch);
}

static struct ph_error *cut_values(struct ph_columns *c, const struct ph_heap_values *v, bool more, uint64_t *starts,
				   uint32_t *strings, struct ph_batch *batch)
{
	if (!wait_turn(c, &c->cut_values, v->number))
		return stopped();
	if (c->strings + v->string_count >= PH_NO_INDEX)
		return ph_error_create(PH_ERROR_IO, "too many texts for a dump: use --heap=stacks");
	if (!add_texts(c, v, starts, strings, batch))
		return &ph_error_no_memory;
	c->strings += v->string_count;
	c->string_bytes += v->string_start[v->string_count];
	if (!more)
		end_turn(c, &c->cut_values);
	return NULL;
}

static struct ph_error *take_values(void *self, const struct ph_heap_values *values, bool more)
{
	struct ph_columns *c = self;
	struct ph_batch *batch = take_batch(c);
	uint64_t *starts = malloc(PH_HEAP_UNIT * sizeof(*starts));
	uint32_t *strings = malloc(PH_HEAP_UNIT * sizeof(*strings));
	struct ph_error *error = batch && starts && strings ? NULL : &ph_error_no_memory;
	if (!error)
		error = cut_values(c, values, more, starts, strings, batch);
	if (!error)
		error = compress_and_write(c, batch, &c->write_values, values->number, more);
	free(starts);
	free(strings);
	if (error)
		ph_batch_free(batch);
	else
		return_batch(c, batch);
	return error;
}

/* ---- roots, one at a time ---- */

/* Small, and written when a chunk is full. */
static struct ph_error *put(struct ph_columns *c, enum ph_column column, const void *items, size_t count)
{
	struct ph_batch *batch = take_batch(c);
	if (!batch)
		return &ph_error_no_memory;
	little_endian(column, items, column == PH_COLUMN_STRING_BYTES ? 0 : count);
	if (!ph_carry_append(&c->carries[column], column, items, count, batch) || !ph_batch_encode(batch)) {
		ph_batch_free(batch);
		return &ph_error_no_memory;
	}
	struct ph_error *error = ph_batch_write(batch, c->writer);
	return_batch(c, batch);
	return error;
}

static struct ph_error *put_text(struct ph_columns *c, const char *text, uint32_t *ret)
{
	uint64_t start = c->string_bytes;
	if (c->strings + 1 >= PH_NO_INDEX)
		return NULL;
	struct ph_error *error = put(c, PH_COLUMN_STRING_START, &start, 1);
	if (!error)
		error = put(c, PH_COLUMN_STRING_BYTES, text, strlen(text));
	c->string_bytes += strlen(text);
	*ret = (uint32_t)c->strings++;
	return error;
}

static struct ph_error *take_root(void *self, const struct ph_heap_root *root, uint32_t object)
{
	struct ph_columns *c = self;
	uint32_t string = PH_NO_INDEX;
	uint8_t kind = root->kind;
	struct ph_error *error = root->name ? put_text(c, root->name, &string) : NULL;
	if (!error)
		error = put(c, PH_COLUMN_ROOT_OBJECT, &object, 1);
	if (!error)
		error = put(c, PH_COLUMN_ROOT_KIND, &kind, 1);
	return error ? error : put(c, PH_COLUMN_ROOT_NAME, &string, 1);
}

struct ph_heap_sink ph_columns_sink(struct ph_columns *columns)
{
	return (struct ph_heap_sink){
		.self = columns,
		.unit = take_unit,
		.values = take_values,
		.stop = stop,
		.is_full = is_full,
		.root = take_root,
		.type = ph_columns_take_type,
		.field_name = ph_columns_take_name,
	};
}

/* ---- the end ---- */

struct ph_error *ph_columns_finish(struct ph_columns *c)
{
	struct ph_error *error = NULL;
	uint64_t end = c->string_bytes, none = 0;
	error = put(c, PH_COLUMN_STRING_START, &end, 1);
	if (!error && !c->objects)
		error = put(c, PH_COLUMN_EDGE_START, &none, 1);
	struct ph_batch *batch = error ? NULL : take_batch(c);
	if (error || !batch)
		return error ? error : &ph_error_no_memory;
	bool complete = true;
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++)
		complete = complete && ph_carry_end(&c->carries[i], (enum ph_column)i, batch);
	error = complete && ph_batch_encode(batch) ? ph_batch_write(batch, c->writer) : &ph_error_no_memory;
	/* of the columns of objects there is no carry: a unit is a chunk */
	for (enum ph_column i = PH_COLUMN_OBJECT_ADDRESS; i <= PH_COLUMN_OBJECT_FLAGS; i++)
		c->carries[i].count = c->objects;
	c->carries[PH_COLUMN_OBJECT_HELD].count = c->objects;
	return_batch(c, batch);
	return error ? error : ph_columns_write_meta(c);
}
