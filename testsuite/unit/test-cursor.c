/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/cursor.h"

#include "unit/check.h"

static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x85, 0x06, 0x07, 0x88, 0xff };

static void test_numbers(void)
{
	CHECK_EQ(ph_load_uint(bytes, 1, false), 0x01);
	CHECK_EQ(ph_load_uint(bytes, 3, false), 0x030201);
	CHECK_EQ(ph_load_uint(bytes, 3, true), 0x010203);
	CHECK_EQ(ph_load_uint(bytes, 8, false), 0x8807068504030201);
	CHECK_EQ(ph_load_uint(bytes, 8, true), 0x0102030485060788);
	/* signs, also at an odd address and of an odd size */
	CHECK_EQ(ph_load_int(bytes + 8, 1, false), -1);
	CHECK_EQ(ph_load_int(bytes + 7, 2, false), -120);
	CHECK_EQ(ph_load_int(bytes + 7, 2, true), -30465);
	CHECK_EQ(ph_load_int(bytes + 1, 4, false), (int32_t)0x85040302);
	CHECK_EQ(ph_load_int(bytes, 8, false), (int64_t)0x8807068504030201);
	CHECK_EQ(ph_load_int(bytes, 4, false), 0x04030201);
}

static void test_walk(void)
{
	struct ph_cursor c = ph_cursor(bytes, sizeof(bytes), false);
	CHECK_EQ(ph_cursor_left(&c), 9);
	CHECK_EQ(ph_cursor_u8(&c), 0x01);
	CHECK_EQ(ph_cursor_u16(&c), 0x0302);
	CHECK_EQ(ph_cursor_u32(&c), 0x07068504);
	CHECK_EQ(ph_cursor_left(&c), 2);
	CHECK(ph_cursor_take(&c, 2) == bytes + 7);
	CHECK_EQ(ph_cursor_left(&c), 0);
	CHECK(!c.overrun);
	/* nothing at the very end is not past it */
	CHECK(ph_cursor_take(&c, 0) != NULL);
	CHECK(!c.overrun);
	CHECK_EQ(ph_cursor_u8(&c), 0);
	CHECK(c.overrun);
}

static void test_overrun(void)
{
	struct ph_cursor c = ph_cursor(bytes, 5, true);
	ph_cursor_u32(&c);
	/* a partial word reads as 0, uses up the rest, and stays an overrun */
	CHECK_EQ(ph_cursor_u64(&c), 0);
	CHECK(c.overrun);
	CHECK_EQ(ph_cursor_left(&c), 0);
	CHECK(ph_cursor_seek(&c, 0));
	CHECK_EQ(ph_cursor_u16(&c), 0x0102);
	CHECK(c.overrun);
	/* a length that would wrap around when it is added */
	struct ph_cursor d = ph_cursor(bytes, 5, true);
	ph_cursor_u8(&d);
	CHECK(!ph_cursor_take(&d, SIZE_MAX));
	CHECK(d.overrun);
}

static void test_seek(void)
{
	struct ph_cursor c = ph_cursor(bytes, 5, false);
	CHECK(ph_cursor_seek(&c, 5));
	CHECK_EQ(ph_cursor_left(&c), 0);
	CHECK(ph_cursor_seek(&c, 4));
	CHECK_EQ(ph_cursor_u8(&c), 0x85);
	CHECK(!c.overrun);
	CHECK(!ph_cursor_seek(&c, 6));
	CHECK(c.overrun);
	CHECK_EQ(c.position, 5);
}

int main(void)
{
	test_numbers();
	test_walk();
	test_overrun();
	test_seek();
	return CHECK_DONE();
}
