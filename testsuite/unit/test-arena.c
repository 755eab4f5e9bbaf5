/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/arena.h"
#include "base/jobs.h"

#include "unit/check.h"

#include <stdint.h>
#include <stdlib.h>

static void test_alloc(void)
{
	struct ph_arena a = { 0 };
	char *last = NULL;
	for (size_t size = 0; size < 300; size++) {
		unsigned char *p = ph_arena_alloc(&a, size);
		CHECK(p && (uintptr_t)p % _Alignof(max_align_t) == 0);
		for (size_t i = 0; i < size; i++)
			if (p[i])
				CHECK(!"zeroed");
		memset(p, 0xa5, size);
		last = (char *)p;
	}
	CHECK_EQ((unsigned char)last[0], 0xa5);
	/* larger than a block, and small again behind it */
	char *big = ph_arena_alloc(&a, 1000000);
	CHECK(big && !big[0] && !big[999999]);
	memset(big, 1, 1000000);
	char *small = ph_arena_alloc(&a, 8);
	CHECK(small && !small[0] && !small[7]);
	CHECK(!a.no_memory);
	ph_arena_deinit(&a);
	CHECK_EQ(a.used, 0);
	ph_arena_deinit(&a);
}

static void test_maximum(void)
{
	struct ph_arena a = { .maximum = 100 };
	CHECK(ph_arena_alloc(&a, 64));
	CHECK(!a.no_memory);
	CHECK(!ph_arena_alloc(&a, 64));
	CHECK(a.no_memory);
	CHECK(!ph_arena_alloc(&a, SIZE_MAX));
	ph_arena_deinit(&a);
	CHECK_EQ(a.maximum, 100);

	struct ph_arena b = { 0 };
	CHECK(!ph_arena_calloc(&b, SIZE_MAX / 2, 3));
	CHECK(b.no_memory);
	ph_arena_deinit(&b);
}

static void test_text(void)
{
	struct ph_arena a = { 0 };
	CHECK_STR(ph_arena_strdup(&a, "abc"), "abc");
	CHECK(!ph_arena_strdup(&a, NULL));
	CHECK_STR(ph_arena_strndup(&a, "abcdef", 2), "ab");
	CHECK_STR(ph_arena_strndup(&a, "", 0), "");
	CHECK_STR(ph_arena_printf(&a, "%d:%s", 7, "x"), "7:x");
	const char *text = ph_arena_printf(&a, "%70000d", 1);
	CHECK_EQ(strlen(text), 70000);
	int *numbers = ph_arena_array(&a, int, 10);
	CHECK(numbers && !numbers[9]);
	CHECK(!a.no_memory);
	ph_arena_deinit(&a);
}

static void test_reset(void)
{
	struct ph_arena a = { .maximum = 1 << 20 };
	memset(ph_arena_alloc(&a, 300000), 1, 300000);
	ph_arena_reset(&a);
	CHECK_EQ(a.used, 0);
	memset(ph_arena_alloc(&a, 100), 1, 100);
	ph_arena_reset(&a);
	char *p = ph_arena_alloc(&a, 200);
	for (size_t i = 0; i < 200; i++)
		CHECK(!p[i]);
	CHECK(!ph_arena_alloc(&a, 1 << 20) && a.no_memory);
	ph_arena_reset(&a);
	CHECK(!a.no_memory);
	ph_arena_deinit(&a);
}

/* What threads have of their own: apart from all else, zeroed, and never of a size that was too large to be told. */
static void test_own_lines(void)
{
	struct own {
		char bytes[5];
	} PH_JOBS_ALIGNED *of = ph_jobs_alloc(3, sizeof(*of));
	CHECK(of && (uintptr_t)&of[0] % PH_JOBS_LINES == 0 && (uintptr_t)&of[1] - (uintptr_t)&of[0] == PH_JOBS_LINES);
	for (size_t i = 0; of && i < 3 * sizeof(*of); i++)
		CHECK(!((const char *)of)[i]);
	free(of);
	CHECK(!ph_jobs_alloc(SIZE_MAX / 2, 3) && !ph_jobs_alloc(1, SIZE_MAX - 3));
	void *none = ph_jobs_alloc(0, 8);
	CHECK(none != NULL);
	free(none);
}

int main(void)
{
	test_own_lines();
	test_reset();
	test_alloc();
	test_maximum();
	test_text();
	return CHECK_DONE();
}
