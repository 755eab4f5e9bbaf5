/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No fill may ask for more, whatever it read from a target. */
#define CHILDREN_MAXIMUM ((size_t)1 << 24)
#define TEXT_MAXIMUM ((size_t)1 << 28)

#define FIRST_BLOCK 1024

/* Strings of one fill, from the newest block on.  A reset keeps the newest,
 * which is the largest, so that fills of like size soon stop allocating. */
struct text_block {
	struct text_block *older;
	size_t size, used;
	char data[];
};

struct ph_value_memory {
	struct text_block *blocks;
	size_t text_used; /* bytes of this fill */
	size_t item_capacity, pair_capacity, attribute_capacity, part_capacity;
};

static struct ph_value_memory *memory_of(struct ph_value *value)
{
	if (!value->memory)
		value->memory = calloc(1, sizeof(*value->memory));
	return value->memory;
}

static void drop_older(struct text_block *block)
{
	struct text_block *older = block->older;
	block->older = NULL;
	while (older) {
		struct text_block *next = older->older;
		free(older);
		older = next;
	}
}

void ph_value_deinit(struct ph_value *value)
{
	struct ph_value_memory *memory = value->memory;
	if (memory && memory->blocks) {
		drop_older(memory->blocks);
		free(memory->blocks);
	}
	free(memory);
	free(value->items);
	free(value->pairs);
	free(value->attributes);
	free(value->parts);
	*value = PH_VALUE_INIT;
}

void ph_value_reset(struct ph_value *value, ph_addr address)
{
	struct ph_value_memory *memory = value->memory;
	if (memory && memory->blocks) {
		drop_older(memory->blocks);
		memory->blocks->used = 0;
		memory->text_used = 0;
	}
	*value = (struct ph_value){
		.address = address,
		.type_name = "?",
		.refcount = INT64_MIN,
		.len = -1,
		.size = -1,
		.text = "",
		.open = "",
		.close = "",
		.recursive = "...",
		.items = value->items,
		.pairs = value->pairs,
		.attributes = value->attributes,
		.parts = value->parts,
		.memory = memory,
	};
}

static char *take_text(struct ph_value *value, size_t size)
{
	struct ph_value_memory *memory = memory_of(value);
	if (!memory || size >= TEXT_MAXIMUM || memory->text_used > TEXT_MAXIMUM - size)
		return NULL;
	struct text_block *block = memory->blocks;
	if (!block || block->size - block->used < size) {
		size_t room = block ? block->size * 2 : FIRST_BLOCK;
		if (room < size)
			room = size;
		struct text_block *newer = malloc(sizeof(*newer) + room);
		if (!newer)
			return NULL;
		*newer = (struct text_block){ .older = block, .size = room };
		memory->blocks = block = newer;
	}
	char *text = block->data + block->used;
	block->used += size;
	memory->text_used += size;
	return text;
}

bool ph_value_owns(const struct ph_value *value, const char *text)
{
	for (const struct text_block *b = value->memory ? value->memory->blocks : NULL; b; b = b->older)
		if ((uintptr_t)text - (uintptr_t)b->data < b->used)
			return true;
	return false;
}

const char *ph_value_copy(struct ph_value *value, const char *text, size_t size)
{
	char *copy = size < TEXT_MAXIMUM ? take_text(value, size + 1) : NULL;
	if (!copy)
		return NULL;
	if (size)
		memcpy(copy, text, size);
	copy[size] = '\0';
	return copy;
}

const char *ph_value_printf(struct ph_value *value, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *text = n < 0 ? NULL : take_text(value, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

/* The array with room for so many more of `size` bytes; NULL (and the array as it was) without memory. */
static void *grown(void *array, size_t *capacity, size_t count, size_t added, size_t size)
{
	if (added <= *capacity - count)
		return array;
	if (count > CHILDREN_MAXIMUM || added > CHILDREN_MAXIMUM - count)
		return NULL;
	size_t more = *capacity ? *capacity * 2 : 16;
	while (more < count + added)
		more *= 2;
	void *bigger = realloc(array, more * size);
	if (bigger)
		*capacity = more;
	return bigger;
}

/* The common part of the adders: grows value->FIELDs, true when there is room. */
#define ROOM(value, memory, field) ROOM_FOR(value, memory, field, 1)
#define ROOM_FOR(value, memory, field, added)                                                                     \
	({                                                                                                        \
		void *array_ = grown((value)->field##s, &(memory)->field##_capacity, (value)->field##_count,      \
				     added, sizeof(*(value)->field##s));                                          \
		if (array_)                                                                                       \
			(value)->field##s = array_;                                                               \
		array_ != NULL;                                                                                   \
	})

bool ph_value_add_item(struct ph_value *value, ph_addr item)
{
	struct ph_value_memory *memory = memory_of(value);
	if (!memory || !ROOM(value, memory, item))
		return false;
	value->items[value->item_count++] = item;
	return true;
}

#define ADD(value, field, from, added)                                                                            \
	({                                                                                                        \
		struct ph_value_memory *memory_ = memory_of(value);                                               \
		bool fits_ = memory_ && ROOM_FOR(value, memory_, field, added);                                   \
		if (fits_ && (added)) {                                                                           \
			memcpy((value)->field##s + (value)->field##_count, from, (added) * sizeof(*(from)));      \
			(value)->field##_count += added;                                                          \
		}                                                                                                 \
		fits_;                                                                                            \
	})

bool ph_value_add_items(struct ph_value *value, const ph_addr *items, size_t count)
{
	return ADD(value, item, items, count);
}

bool ph_value_add_pairs(struct ph_value *value, const struct ph_pair *pairs, size_t count)
{
	return ADD(value, pair, pairs, count);
}

bool ph_value_add_attributes(struct ph_value *value, const struct ph_attribute *attributes, size_t count)
{
	return ADD(value, attribute, attributes, count);
}

bool ph_value_add_pair(struct ph_value *value, ph_addr key, ph_addr item)
{
	struct ph_value_memory *memory = memory_of(value);
	if (!memory || !ROOM(value, memory, pair))
		return false;
	value->pairs[value->pair_count++] = (struct ph_pair){ .key = key, .value = item };
	return true;
}

bool ph_value_add_attribute(struct ph_value *value, const char *name, ph_addr item, bool structural)
{
	struct ph_value_memory *memory = memory_of(value);
	const char *copy = ph_value_copy(value, name, strlen(name));
	if (!memory || !copy || !ROOM(value, memory, attribute))
		return false;
	value->attributes[value->attribute_count++] =
		(struct ph_attribute){ .name = copy, .value = item, .structural = structural };
	return true;
}

bool ph_value_add_named(struct ph_value *value, const char *name, ph_addr item)
{
	struct ph_value_memory *memory = memory_of(value);
	if (!memory || !ROOM(value, memory, attribute))
		return false;
	value->attributes[value->attribute_count++] = (struct ph_attribute){ .name = name, .value = item };
	return true;
}

bool ph_value_add_part(struct ph_value *value, const char *name, ph_addr item, const char *text)
{
	struct ph_value_memory *memory = memory_of(value);
	const char *name_copy = name ? ph_value_copy(value, name, strlen(name)) : NULL;
	const char *text_copy = text ? ph_value_copy(value, text, strlen(text)) : NULL;
	if (!memory || (name && !name_copy) || (text && !text_copy) || !ROOM(value, memory, part))
		return false;
	value->parts[value->part_count++] = (struct ph_part){ .name = name_copy, .value = item, .text = text_copy };
	return true;
}

bool ph_value_add_pair_part(struct ph_value *value, const char *before, ph_addr key, const char *between, ph_addr item)
{
	struct ph_value_memory *memory = memory_of(value);
	if (!memory || !ROOM(value, memory, part))
		return false;
	value->parts[value->part_count++] =
		(struct ph_part){ .value = item, .key = key, .before = before, .between = between };
	return true;
}

const char *ph_value_text_name(enum ph_value_text text)
{
	static const char *const names[PH_VALUE_TEXT_COUNT] = {
		[PH_VALUE_BYTES] = "bytes",
		[PH_VALUE_STR_OF_2] = "python2-str",
		[PH_VALUE_UNICODE_OF_2] = "python2-unicode",
		[PH_VALUE_DESCRIPTION] = "description",
	};
	return text < PH_VALUE_TEXT_COUNT ? names[text] : NULL;
}
