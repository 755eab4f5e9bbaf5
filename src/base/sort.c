/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/sort.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS 6 /* of 64 bits */
#define FEW 64	 /* so many are compared */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Stable without more memory, for as many as there are. */
static void insert(struct ph_sort_item *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct ph_sort_item item = items[i];
		size_t k = i;
		for (; k && items[k - 1].key > item.key; k--)
			items[k] = items[k - 1];
		items[k] = item;
	}
}

static size_t digit_of(uint64_t key, unsigned digit)
{
	return (size_t)(key >> digit * DIGIT_BITS) & ((1 << DIGIT_BITS) - 1);
}

/* Turns how many have each digit into where the first of them goes; false: all have the same one. */
static bool place(uint32_t *counts, size_t count)
{
	uint32_t before = 0;
	for (size_t i = 0; i < 1 << DIGIT_BITS; i++) {
		uint32_t here = counts[i];
		if (here == count)
			return false;
		counts[i] = before;
		before += here;
	}
	return true;
}

void ph_sort_items(struct ph_sort_item *items, size_t count)
{
	ph_auto_free struct ph_sort_item *other = count > FEW && count < UINT32_MAX ?
							   malloc(count * sizeof(*other)) : NULL;
	ph_auto_free uint32_t *counts = other ? calloc(DIGITS << DIGIT_BITS, sizeof(*counts)) : NULL;
	struct ph_sort_item *from = items, *to = other;
	if (!counts) {
		/* glibc's qsort() merges and is stable, unless memory is short: then the order of equal ones is lost */
		if (count <= FEW)
			insert(items, count);
		else
			qsort(items, count, sizeof(*items), compare);
		return;
	}
	for (size_t i = 0; i < count; i++)
		for (unsigned d = 0; d < DIGITS; d++)
			counts[(d << DIGIT_BITS) + digit_of(items[i].key, d)]++;
	for (unsigned d = 0; d < DIGITS; d++) {
		uint32_t *places = counts + (d << DIGIT_BITS);
		if (!place(places, count))
			continue;
		for (size_t i = 0; i < count; i++)
			to[places[digit_of(from[i].key, d)]++] = from[i];
		struct ph_sort_item *swap = from;
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
}

void ph_sort_numbers(uint64_t *numbers, size_t count)
{
	ph_auto_free struct ph_sort_item *items = count > FEW ? malloc(count * sizeof(*items)) : NULL;
	if (!items) {
		if (count)
			qsort(numbers, count, sizeof(*numbers), compare);
		return;
	}
	for (size_t i = 0; i < count; i++)
		items[i] = (struct ph_sort_item){ .key = numbers[i] };
	ph_sort_items(items, count);
	for (size_t i = 0; i < count; i++)
		numbers[i] = items[i].key;
}
