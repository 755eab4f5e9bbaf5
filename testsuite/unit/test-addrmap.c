/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addrmap.h"

#include "unit/check.h"

static void test_empty(void)
{
	struct ph_addrmap map = { 0 };
	CHECK(!ph_addrmap_find(&map, 1));
	CHECK(!ph_addrmap_find(&map, 0));
	CHECK(!ph_addrmap_set(&map, 0, 5, true));
	CHECK_EQ(map.count, 0);
	ph_addrmap_deinit(&map);
	ph_addrmap_deinit(&map);
}

static void test_replace(void)
{
	struct ph_addrmap map = { 0 };
	CHECK(ph_addrmap_set(&map, 0x10, 1, false));
	CHECK(ph_addrmap_set(&map, 0x10, 2, false));
	CHECK_EQ(*ph_addrmap_find(&map, 0x10), 1);
	CHECK(ph_addrmap_set(&map, 0x10, 3, true));
	CHECK_EQ(*ph_addrmap_find(&map, 0x10), 3);
	CHECK_EQ(map.count, 1);
	CHECK(!ph_addrmap_add(&map, 0x10));
	CHECK(ph_addrmap_add(&map, 0x20));
	CHECK(!ph_addrmap_add(&map, 0x20));
	CHECK_EQ(*ph_addrmap_find(&map, 0x20), 0);
	ph_addrmap_deinit(&map);
}

static void test_maximum(void)
{
	struct ph_addrmap map = { .maximum = 3 };
	for (uint64_t i = 1; i <= 3; i++)
		CHECK(ph_addrmap_set(&map, i, i, false));
	CHECK(!ph_addrmap_set(&map, 4, 4, false));
	CHECK(!ph_addrmap_add(&map, 5));
	CHECK(!ph_addrmap_find(&map, 4));
	/* what is there already may still change */
	CHECK(ph_addrmap_set(&map, 3, 30, true));
	CHECK_EQ(*ph_addrmap_find(&map, 3), 30);
	CHECK_EQ(map.count, 3);
	ph_addrmap_deinit(&map);
}

/* Strides as the allocators of a target give them, and the extremes. */
static void test_many(uint64_t start, uint64_t stride, unsigned n)
{
	struct ph_addrmap map = { 0 };
	bool good = true;
	for (uint64_t i = 0; i < n; i++)
		good = good && ph_addrmap_set(&map, start + i * stride, ~i, false);
	CHECK(good);
	CHECK_EQ(map.count, n);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t *v = ph_addrmap_find(&map, start + i * stride);
		good = good && v && *v == ~i;
	}
	CHECK(good);
	CHECK(!ph_addrmap_find(&map, start + n * stride));
	CHECK(!ph_addrmap_find(&map, start - stride));
	/* an open-addressing table without a free slot would search for ever */
	CHECK(map.capacity > map.count);
	CHECK_EQ(map.capacity & (map.capacity - 1), 0);
	ph_addrmap_deinit(&map);
}

int main(void)
{
	test_empty();
	test_replace();
	test_maximum();
	test_many(0x7f0000000000, 16, 10000);
	test_many(0x7f0000000000, 1 << 20, 3000);
	test_many(2, 1, 100);
	test_many(UINT64_MAX - 1000 * 8, 8, 1000);
	return CHECK_DONE();
}
