/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that is freed all at once: records and their strings live in one. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct ph_arena {
	struct ph_arena_block *blocks;
	size_t used;	/* bytes handed out */
	size_t maximum; /* bytes that may be; 0 is 1 GiB */
	bool no_memory; /* sticky: some allocation failed */
};

void ph_arena_deinit(struct ph_arena *arena);
/* Empty again, for the next of many records of like size: its first block is kept. */
void ph_arena_reset(struct ph_arena *arena);

/* Zeroed, aligned for any type.  NULL without memory or past the maximum. */
void *ph_arena_alloc(struct ph_arena *arena, size_t size);
#define ph_arena_new(arena, type) ((type *)ph_arena_alloc(arena, sizeof(type)))
/* count * sizeof(type), checked for overflow. */
#define ph_arena_array(arena, type, count) ((type *)ph_arena_calloc(arena, count, sizeof(type)))
void *ph_arena_calloc(struct ph_arena *arena, size_t count, size_t size);

/* Copies; text NULL gives NULL. */
char *ph_arena_strdup(struct ph_arena *arena, const char *text);
char *ph_arena_strndup(struct ph_arena *arena, const char *text, size_t size);
char *ph_arena_printf(struct ph_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
