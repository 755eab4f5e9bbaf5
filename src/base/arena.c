/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first one is small: many arenas hold one record for a moment. */
#define FIRST_BLOCK_SIZE (4 * 1024 - sizeof(struct ph_arena_block))
#define BLOCK_SIZE (64 * 1024 - sizeof(struct ph_arena_block))

struct ph_arena_block {
	struct ph_arena_block *next;
	size_t size, used;
	max_align_t data[];
};

void ph_arena_deinit(struct ph_arena *arena)
{
	for (struct ph_arena_block *b = arena->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*arena = (struct ph_arena){ .maximum = arena->maximum };
}

void ph_arena_reset(struct ph_arena *arena)
{
	struct ph_arena_block *first = arena->blocks;
	while (first && first->next) {
		struct ph_arena_block *next = first->next;
		free(first);
		first = next;
	}
	if (first && first->size > FIRST_BLOCK_SIZE) {
		free(first);
		first = NULL;
	}
	if (first)
		memset(first->data, 0, first->used);
	if (first)
		first->used = 0;
	*arena = (struct ph_arena){ .maximum = arena->maximum, .blocks = first };
}

void *ph_arena_alloc(struct ph_arena *arena, size_t size)
{
	size_t maximum = arena->maximum ? arena->maximum : (size_t)1 << 30;
	size_t align = _Alignof(max_align_t);
	if (size > maximum || arena->used > maximum - size) {
		arena->no_memory = true;
		return NULL;
	}
	size = (size + align - 1) & ~(align - 1);
	struct ph_arena_block *b = arena->blocks;
	if (!b || b->size - b->used < size) {
		size_t usual = b ? BLOCK_SIZE : FIRST_BLOCK_SIZE, room = size > usual ? size : usual;
		b = calloc(1, sizeof(*b) + room);
		if (!b) {
			arena->no_memory = true;
			return NULL;
		}
		b->size = room;
		b->next = arena->blocks;
		arena->blocks = b;
	}
	void *p = (char *)b->data + b->used;
	b->used += size;
	arena->used += size;
	return p;
}

void *ph_arena_calloc(struct ph_arena *arena, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		arena->no_memory = true;
		return NULL;
	}
	return ph_arena_alloc(arena, bytes);
}

char *ph_arena_strndup(struct ph_arena *arena, const char *text, size_t size)
{
	if (!text)
		return NULL;
	char *copy = ph_arena_alloc(arena, size + 1);
	if (copy)
		memcpy(copy, text, size);
	return copy;
}

char *ph_arena_strdup(struct ph_arena *arena, const char *text)
{
	return text ? ph_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *ph_arena_printf(struct ph_arena *arena, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *text = n < 0 ? NULL : ph_arena_alloc(arena, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}
