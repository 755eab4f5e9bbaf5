/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/sort.h"

#include "unit/check.h"

#define MANY 5000

static struct ph_sort_item items[MANY];
static uint64_t numbers[MANY];

/* Ascending, stable, and the same items: `value` counts how they stood. */
static void check_sorted(size_t count)
{
	static unsigned char met[MANY];
	memset(met, 0, sizeof(met));
	for (size_t i = 0; i < count; i++) {
		CHECK(i == 0 || items[i - 1].key <= items[i].key);
		CHECK(i == 0 || items[i - 1].key != items[i].key || items[i - 1].value < items[i].value);
		CHECK(items[i].value < count && !met[items[i].value]++ && items[i].key == numbers[items[i].value]);
	}
}

static void test_order(size_t count, uint64_t mask, uint64_t base)
{
	uint64_t state = 88172645463325252u;
	for (size_t i = 0; i < count; i++) {
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		numbers[i] = base + (state & mask);
		items[i] = (struct ph_sort_item){ .key = numbers[i], .value = i };
	}
	ph_sort_items(items, count);
	check_sorted(count);
	ph_sort_numbers(numbers, count);
	for (size_t i = 0; i < count; i++)
		CHECK(numbers[i] == items[i].key);
}

int main(void)
{
	static const size_t counts[] = { 0, 1, 2, 63, 64, 65, 500, MANY };
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		test_order(counts[i], UINT64_MAX, 0);
		test_order(counts[i], 0xfffffff0, UINT64_C(0x7f0000000000));
		test_order(counts[i], 15, 0); /* many of each */
		test_order(counts[i], 0, UINT64_MAX);
	}
	return CHECK_DONE();
}
