/* SPDX-License-Identifier: GPL-3.0-or-later */
/* closure.jsonl, a line an object.  Lines are made in blocks by whatever threads there are; the first of them writes
 * them, in order, makes those that others cannot, and helps while it waits.  Whatever their number, the bytes are the same. */
#include "dump/closure.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "base/jobs.h"
#include "dump/format.h"

#include <pthread.h>
#include <stdlib.h>

#define LINES 128 /* of a block */
#define BLOCK_TEXT ((size_t)1 << 20) /* bytes of a block; lines beyond are made when they are written */
#define AHEAD 4	  /* blocks for each thread that may wait to be written */
#define ARENA_MAXIMUM (PH_LINE_MAXIMUM * 4)
#define TEXT_LONG 65536		     /* characters of a str that the closure keeps, while there is room */
#define TEXT_ROOM ((size_t)16 << 20) /* bytes of lines that are longer than LINE_SHORT */
#define LINE_SHORT 4096

/* What a thread makes lines with. */
struct maker {
	struct ph_render render;
	bool left_out;
	struct ph_arena arena;
	struct ph_buffer line;
};

struct block {
	bool ready, with_room; /* with_room: of strings as long as they are while there is room */
	struct ph_buffer text;
	size_t sizes[LINES]; /* 0: not made */
	struct ph_error *error;
};

struct closure {
	const struct ph_dump_contents *contents;
	struct ph_zipwriter *writer;
	struct maker *makers;
	unsigned jobs;
	size_t block_count, room;
	struct block *blocks; /* a ring of `ring` */
	size_t ring;
	pthread_mutex_t lock; /* of what follows, and of `ready` */
	pthread_cond_t changed;
	size_t next, written; /* blocks taken, written */
	bool out_of_room, stop;
};

static struct ph_error *buffer_error(const struct ph_buffer *buffer)
{
	return buffer->no_memory ? &ph_error_no_memory : NULL;
}

/* An object's line; one that is beyond all bounds is kept by its address alone. */
static struct ph_error *make_line(struct maker *m, const struct ph_dump_contents *contents, size_t number)
{
	size_t far = number + PH_SOURCE_FAR, near = number + PH_SOURCE_NEAR;
	ph_addr address = contents->closure[number];
	struct ph_object object = { 0 };
	ph_source_approach(m->render.source, far < contents->closure_count ? contents->closure[far] : 0,
			   near < contents->closure_count ? contents->closure[near] : 0);
	ph_arena_reset(&m->arena);
	m->left_out = false;
	struct ph_error *error = ph_render_object(&m->render, address, &m->arena, &object);
	ph_buffer_clear(&m->line);
	if (!error)
		ph_object_json(&object, &m->line);
	if (m->line.truncated ||
	    (error && error->code == PH_ERROR_NO_MEMORY && m->arena.used > ARENA_MAXIMUM / 2)) {
		ph_error_free(error);
		error = NULL;
		object = (struct ph_object){ .address = address, .truncated = true };
		object.size = object.refcount = object.len = INT64_MIN;
		ph_buffer_clear(&m->line);
		ph_object_json(&object, &m->line);
	}
	return error ? error : buffer_error(&m->line);
}

static size_t lines_of(const struct closure *c, size_t block)
{
	size_t left = c->contents->closure_count - block * LINES;
	return left < LINES ? left : LINES;
}

/* ---- blocks ---- */

static struct ph_error *make_block(struct closure *c, struct maker *m, size_t number, struct block *block)
{
	struct ph_error *error = NULL;
	ph_buffer_clear(&block->text);
	m->render.value_characters = block->with_room ? TEXT_LONG : 0;
	for (size_t i = 0; i < lines_of(c, number) && !error; i++) {
		block->sizes[i] = 0;
		if (block->text.size > BLOCK_TEXT)
			continue;
		error = make_line(m, c->contents, number * LINES + i);
		if (error || m->left_out)
			continue;
		ph_buffer_append(&block->text, m->line.data, m->line.size);
		block->sizes[i] = m->line.size;
	}
	return error ? error : buffer_error(&block->text);
}

/* With the lock: the next block, if there is one and room for it. */
static bool make_next(struct closure *c, struct maker *m)
{
	if (c->stop || c->next == c->block_count || c->next >= c->written + c->ring)
		return false;
	size_t number = c->next++;
	struct block *block = &c->blocks[number % c->ring];
	block->with_room = !c->out_of_room;
	pthread_mutex_unlock(&c->lock);
	block->error = make_block(c, m, number, block);
	pthread_mutex_lock(&c->lock);
	block->ready = true;
	pthread_cond_broadcast(&c->changed);
	return true;
}

static void help(struct closure *c, struct maker *m)
{
	pthread_mutex_lock(&c->lock);
	while (!c->stop && c->next < c->block_count)
		if (!make_next(c, m))
			pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

/* ---- the thread that writes ---- */

static struct ph_error *put(struct closure *c, const char *line, size_t size)
{
	if (size > LINE_SHORT)
		c->room -= size < c->room ? size : c->room;
	return ph_zipwriter_write(c->writer, line, size);
}

static struct ph_error *make_and_put(struct closure *c, size_t object)
{
	struct maker *m = &c->makers[0];
	m->render.value_characters = c->room > TEXT_LONG ? TEXT_LONG : 0;
	struct ph_error *error = make_line(m, c->contents, object);
	return error ? error : put(c, m->line.data, m->line.size);
}

static struct ph_error *put_block(struct closure *c, size_t number, const struct block *block)
{
	struct ph_error *error = NULL;
	size_t at = 0;
	for (size_t i = 0; i < lines_of(c, number) && !error; i++) {
		size_t size = block ? block->sizes[i] : 0;
		if (size && block->with_room == (c->room > TEXT_LONG))
			error = put(c, block->text.data + at, size);
		else
			error = make_and_put(c, number * LINES + i);
		at += size;
	}
	return error;
}

/* The block when another thread makes it, waited for; NULL: it is this one's, which is written as it is made.  What is
 * ahead of it is made meanwhile. */
static struct block *take(struct closure *c, size_t number)
{
	struct block *block = &c->blocks[number % c->ring];
	pthread_mutex_lock(&c->lock);
	c->out_of_room = c->room <= TEXT_LONG;
	if (c->next == number) {
		c->next++;
		block = NULL;
	}
	while (block && !block->ready)
		if (!make_next(c, &c->makers[0]))
			pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return block;
}

static void give_back(struct closure *c, struct block *block, bool stop)
{
	pthread_mutex_lock(&c->lock);
	if (block)
		block->ready = false;
	c->written++;
	c->stop |= stop;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static struct ph_error *write_blocks(struct closure *c)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; i < c->block_count && !error; i++) {
		if (i % 8 == 0)
			error = ph_progress(c->contents->callbacks, "writing objects", i * LINES,
					    c->contents->closure_count);
		struct block *block = take(c, i);
		if (!error && block) {
			error = block->error;
			block->error = NULL;
		}
		if (!error)
			error = put_block(c, i, block);
		give_back(c, block, error != NULL);
	}
	return error;
}

static struct ph_error *work(void *user, unsigned worker)
{
	struct closure *c = user;
	if (!worker)
		return write_blocks(c);
	help(c, &c->makers[worker]);
	return NULL;
}

static void deinit(struct closure *c)
{
	for (unsigned i = 0; c->makers && i < c->jobs; i++) {
		ph_arena_deinit(&c->makers[i].arena);
		ph_buffer_deinit(&c->makers[i].line);
	}
	for (size_t i = 0; c->blocks && i < c->ring; i++) {
		ph_buffer_deinit(&c->blocks[i].text);
		ph_error_free(c->blocks[i].error);
	}
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c->makers);
	free(c->blocks);
}

static struct ph_error *prepare(struct closure *c)
{
	const struct ph_source *sources = NULL;
	size_t others = 0;
	struct ph_error *error = NULL;
	if (c->contents->share)
		error = c->contents->share(c->contents->share_user, &sources, &others);
	if (error)
		return error;
	c->jobs = 1 + (unsigned)others;
	c->ring = AHEAD * c->jobs;
	c->makers = calloc(c->jobs, sizeof(*c->makers));
	c->blocks = calloc(c->ring, sizeof(*c->blocks));
	if (!c->makers || !c->blocks)
		return &ph_error_no_memory;
	for (unsigned i = 0; i < c->jobs; i++) {
		struct maker *m = &c->makers[i];
		m->render = *c->contents->render;
		m->arena.maximum = ARENA_MAXIMUM;
		m->line = PH_BUFFER(PH_LINE_MAXIMUM);
		if (!i)
			continue;
		m->render.source = &sources[i - 1];
		m->render.left_out = &m->left_out;
	}
	for (size_t i = 0; i < c->ring; i++)
		c->blocks[i].text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	return NULL;
}

struct ph_error *ph_closure_write(struct ph_zipwriter *writer, const struct ph_dump_contents *contents)
{
	struct closure c = {
		.contents = contents,
		.writer = writer,
		.block_count = (contents->closure_count + LINES - 1) / LINES,
		.room = TEXT_ROOM,
	};
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.changed, NULL);
	struct ph_error *error = prepare(&c);
	if (!error)
		error = ph_zipwriter_begin(writer, PH_MEMBER_CLOSURE, true);
	if (!error)
		error = ph_jobs_run(c.jobs, work, &c);
	deinit(&c);
	return error ? error : ph_zipwriter_end(writer);
}
