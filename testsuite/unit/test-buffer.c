/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buffer.h"
#include "base/cleanup.h"

#include "unit/check.h"

static void test_append(void)
{
	struct ph_buffer b = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	CHECK_STR(ph_buffer_text(&b), "");
	ph_buffer_append(&b, "", 0);
	CHECK_STR(ph_buffer_text(&b), "");
	ph_buffer_puts(&b, "abc");
	ph_buffer_putc(&b, 'd');
	ph_buffer_append(&b, "e\0f", 3);
	CHECK_EQ(b.size, 7);
	CHECK(!memcmp(b.data, "abcde\0f", 8));
	CHECK(!b.truncated && !b.no_memory);
	for (int i = 0; i < 5000; i++)
		ph_buffer_putc(&b, 'x');
	CHECK_EQ(b.size, 5007);
	CHECK_EQ(b.data[5007], 0);
	ph_buffer_deinit(&b);
	CHECK_STR(ph_buffer_text(&b), "");
}

static void test_maximum(void)
{
	struct ph_buffer b = PH_BUFFER(5);
	ph_buffer_puts(&b, "abc");
	ph_buffer_puts(&b, "de");
	CHECK(!b.truncated);
	ph_buffer_puts(&b, "f");
	CHECK(b.truncated);
	CHECK_STR(ph_buffer_text(&b), "abcde");
	ph_buffer_clear(&b);
	CHECK(!b.truncated);
	CHECK_STR(ph_buffer_text(&b), "");
	ph_buffer_puts(&b, "0123456789");
	CHECK(b.truncated);
	CHECK_STR(ph_buffer_text(&b), "01234");
	/* sticky: nothing lands behind the cut, however short */
	b.maximum = 100;
	ph_buffer_puts(&b, "x");
	CHECK_STR(ph_buffer_text(&b), "01234");
	ph_buffer_deinit(&b);

	struct ph_buffer none = PH_BUFFER(0);
	ph_buffer_putc(&none, 'a');
	CHECK(none.truncated);
	CHECK_STR(ph_buffer_text(&none), "");
	ph_buffer_deinit(&none);
}

static void test_printf(void)
{
	struct ph_buffer b = PH_BUFFER(1000);
	ph_buffer_printf(&b, "%d-%s", 42, "x");
	CHECK_STR(ph_buffer_text(&b), "42-x");
	ph_buffer_clear(&b);
	/* beyond the small buffer on the stack, and just around its size */
	for (int n = 254; n <= 258; n++) {
		ph_buffer_clear(&b);
		ph_buffer_printf(&b, "%0*d", n, 7);
		CHECK_EQ(b.size, n);
		CHECK_EQ(b.data[n - 1], '7');
	}
	ph_buffer_clear(&b);
	ph_buffer_printf(&b, "%2000s", "y");
	CHECK(b.truncated);
	CHECK_EQ(b.size, 1000);
	ph_buffer_deinit(&b);
}

static void test_utf8(void)
{
	static const struct {
		uint32_t c;
		const char *text;
	} rows[] = {
		{ 'a', "a" },		   { 0x7f, "\x7f" },		 { 0x80, "\xc2\x80" },
		{ 0x7ff, "\xdf\xbf" },	   { 0x800, "\xe0\xa0\x80" },	 { 0x20ac, "\xe2\x82\xac" },
		{ 0xd800, "\xed\xa0\x80" }, { 0xdfff, "\xed\xbf\xbf" },	 { 0xffff, "\xef\xbf\xbf" },
		{ 0x10000, "\xf0\x90\x80\x80" }, { 0x10ffff, "\xf4\x8f\xbf\xbf" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ph_buffer b = PH_BUFFER(10);
		ph_buffer_put_utf8(&b, rows[i].c);
		CHECK_STR(ph_buffer_text(&b), rows[i].text);
		ph_buffer_deinit(&b);
	}
	/* a code point is never cut in the middle */
	struct ph_buffer b = PH_BUFFER(4);
	ph_buffer_put_utf8(&b, 0x20ac);
	ph_buffer_put_utf8(&b, 0x20ac);
	CHECK(b.truncated);
	CHECK_STR(ph_buffer_text(&b), "\xe2\x82\xac");
	ph_buffer_deinit(&b);
}

static void test_steal(void)
{
	struct ph_buffer b = PH_BUFFER(10);
	char *empty = ph_buffer_steal(&b);
	CHECK_STR(empty, "");
	free(empty);
	ph_buffer_puts(&b, "mine");
	char *text = ph_buffer_steal(&b);
	CHECK_STR(text, "mine");
	CHECK_EQ(b.size, 0);
	ph_buffer_puts(&b, "next");
	CHECK_STR(text, "mine");
	CHECK_STR(ph_buffer_text(&b), "next");
	free(text);
	ph_buffer_deinit(&b);
}

static void test_numbers(void)
{
	struct ph_buffer b = PH_BUFFER(200);
	const uint64_t hex[] = { 0, 1, 0xf, 0x10, 0x7f0123456789, UINT64_MAX };
	const int64_t numbers[] = { 0, -1, 9, 10, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < 6; i++) {
		char text[64];
		ph_buffer_clear(&b);
		ph_buffer_put_hex(&b, hex[i]);
		ph_buffer_put_int(&b, numbers[i]);
		snprintf(text, sizeof(text), "0x%llx%lld", (unsigned long long)hex[i], (long long)numbers[i]);
		CHECK_STR(ph_buffer_text(&b), text);
	}
	ph_buffer_deinit(&b);
}

int main(void)
{
	test_numbers();
	test_append();
	test_maximum();
	test_printf();
	test_utf8();
	test_steal();
	return CHECK_DONE();
}
