/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three forms of line table: rules by hand (testsuite/lines holds them against interpreters), then hostile ones. */
#include "object/code.h"

#include <stdlib.h>

#include "unit/check.h"

static void test_lnotab(void)
{
	/* Objects/lnotab_notes.txt's own example: lines 1, 2, 7, 361 (as 127 + 127 + 100), 372 by 6 -> 0, 50, 350 (255 + 95), 361 */
	static const uint8_t table[] = { 6, 1, 44, 5, 255, 0, 45, 127, 0, 127, 0, 90, 6, 11, 10, 0xfb };
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, -1), 1);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 0), 1);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 5), 1);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 6), 2);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 50), 7);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 349), 7);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 350), 351);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 356), 362);
	/* a step back */
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 366), 357);
	CHECK_EQ(ph_linetable_lnotab(table, sizeof(table), 1, 1 << 30), 357);
	CHECK_EQ(ph_linetable_lnotab(NULL, 0, 12, 40), 12);
}

static void test_pep626(void)
{
	/* the example of Objects/lnotab_notes.txt (3.10): no line for [6, 8), and an empty range that only moves the line */
	static const uint8_t table[] = { 0, 1, 6, 0, 2, 0x80, 44, 5, 0, 127, 4, 90 };
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, -2), 10);
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, 0), 11);
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, 4), 11);
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, 6), 0);
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, 8), 16);
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, 51), 16);
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, 52), 233);
	/* beyond the end */
	CHECK_EQ(ph_linetable_pep626(table, sizeof(table), 10, 56), 0);
}

static void check_position(struct ph_position got, int line, int end_line, int column, int end_column)
{
	CHECK_EQ(got.line, line);
	CHECK_EQ(got.end_line, end_line);
	CHECK_EQ(got.column, column);
	CHECK_EQ(got.end_column, end_column);
}

static void test_locations(void)
{
	/* Objects/locations.md: first byte 0x80 | code << 3 | units - 1 */
	static const uint8_t table[] = {
		0x80 | 11 << 3 | 1, 4, 9,		     /* one line form, +1: 2 units */
		0x80 | 2 << 3, 0x35,			     /* short form: column 2 << 3 | 3, 5 long */
		0x80 | 15 << 3 | 2,			     /* none: 3 units */
		0x80 | 14 << 3, 0x48, 0x04, 0x03, 0x41, 0x02, 0x0b, /* long: +132, 3 lines, columns 128, 10 */
		0x80 | 13 << 3, 0x05,			     /* no columns: -2 */
	};
	check_position(ph_linetable_locations(table, sizeof(table), 7, -2), 7, 7, -1, -1);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 0), 8, 8, 4, 9);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 2), 8, 8, 4, 9);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 4), 8, 8, 19, 24);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 6), 0, 0, -1, -1);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 10), 0, 0, -1, -1);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 12), 140, 143, 128, 10);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 14), 138, 138, -1, -1);
	check_position(ph_linetable_locations(table, sizeof(table), 7, 16), 0, 0, -1, -1);
	/* cut within an entry */
	check_position(ph_linetable_locations(table, 9, 7, 12), 0, 0, -1, -1);
}

/* Whatever the bytes, each ends, reads nothing beyond them and never gives a line below 0 or an end before its start. */
static void test_hostile(void)
{
	uint32_t state = 1;
	for (int round = 0; round < 20000; round++) {
		size_t size = (size_t)round % 40;
		uint8_t *bytes = malloc(size ? size : 1);
		for (size_t i = 0; i < size; i++) {
			state = state * 1664525 + 1013904223;
			bytes[i] = round % 3 ? (uint8_t)(state >> 24) : round % 2 ? 0xff : 0xf7;
		}
		int first = round % 5 ? round : round % 2 ? INT32_MAX : INT32_MIN;
		int64_t offset = round % 7 ? round % 90 : INT64_MAX;
		bool ok = ph_linetable_lnotab(bytes, size, first, offset) >= 0;
		ok &= ph_linetable_pep626(bytes, size, first, offset) >= 0;
		struct ph_position p = ph_linetable_locations(bytes, size, first, offset);
		ok &= p.line >= 0 && p.end_line >= p.line && p.column >= -1 && p.end_column >= -1;
		CHECK(ok);
		free(bytes);
		if (!ok)
			break;
	}
}

int main(void)
{
	test_lnotab();
	test_pep626();
	test_locations();
	test_hostile();
	return CHECK_DONE();
}
