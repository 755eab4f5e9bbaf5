/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/render.h"
#include "record/text.h"

#include "unit/check.h"
#include "unit/record_fake.h"

#include <time.h>

static struct ph_buffer buffer = PH_BUFFER(PH_BUFFER_UNBOUNDED);

static const char *repr_of(ph_addr address, struct ph_render render, struct ph_rendered *ret)
{
	struct ph_rendered rendered;
	render.source = &fake_source;
	ph_buffer_clear(&buffer);
	rendered = ph_render_repr(&render, address, false, &buffer);
	if (ret)
		*ret = rendered;
	return ph_buffer_text(&buffer);
}

#define REPR(address) repr_of(address, (struct ph_render){ 0 }, NULL)

static const char *quoted(const char *text, size_t size, bool bytes)
{
	ph_buffer_clear(&buffer);
	(bytes ? ph_quote_bytes : ph_quote_str)(text, size, &buffer);
	return ph_buffer_text(&buffer);
}

static void test_quoting(void)
{
	CHECK_STR(quoted("it's", 4, false), "\"it's\"");
	CHECK_STR(quoted("it's \"q\"", 8, false), "'it\\'s \"q\"'");
	CHECK_STR(quoted("a\0b\x7f\x1b", 5, false), "'a\\x00b\\x7f\\x1b'");
	CHECK_STR(quoted("\xc2\xa0\xc2\xad", 4, false), "'\\xa0\\xad'");
	CHECK_STR(quoted("\xed\xb2\x80", 3, false), "'\\udc80'");
	CHECK_STR(quoted("\xe2\x80\xae\xf3\xa0\x80\x81", 7, false), "'\\u202e\\U000e0001'");
	CHECK_STR(quoted("\xf0\x9f\x98\x80", 4, false), "'\xf0\x9f\x98\x80'");
	CHECK_STR(quoted("\xff\xc3", 2, false), "'\xef\xbf\xbd\xef\xbf\xbd'");
	CHECK_STR(quoted("", 0, false), "''");
	CHECK_STR(quoted("\xff'\n\\", 4, true), "b\"\\xff'\\n\\\\\"");
	CHECK_STR(quoted("", 0, true), "b''");
}

static void test_containers(void)
{
	ph_addr one = fake_int("1", true), two = fake_str("two");
	CHECK_STR(REPR(fake_list(one, two)), "[1, 'two']");
	CHECK_STR(REPR(fake_tuple(one)), "(1,)");
	CHECK_STR(REPR(fake_dict(one, two, two, fake_tuple(one, two))), "{1: 'two', 'two': (1, 'two')}");
	struct fake_object od = *fake_at(fake_dict(one, two, two, one));
	od.form = PH_FORM_PAIR_TUPLES;
	od.open = "OrderedDict([";
	od.close = "])";
	od.items = fake_array(od.count, od.items);
	CHECK_STR(REPR(fake_add(od)), "OrderedDict([(1, 'two'), ('two', 1)])");
	static struct ph_part parts[] = { { .name = "x" }, { .name = "y", .text = "2.5" }, { .text = "bare" } };
	parts[0].value = one;
	CHECK_STR(REPR(fake_add((struct fake_object){ .kind = PH_KIND_TUPLE, .form = PH_FORM_PARTS, .open = "Point(",
						      .close = ")", .parts = parts, .part_count = 3 })),
		  "Point(x=1, y=2.5, bare)");
	CHECK_STR(REPR(0xdead), "<unreadable at 0xdead>");
	CHECK_STR(REPR(0), "<unreadable at 0x0>");
	CHECK_STR(REPR(fake_add((struct fake_object){ .kind = PH_KIND_BYTEARRAY, .form = PH_FORM_BYTES, .text = "a'",
						      .open = "bytearray(", .close = ")" })),
		  "bytearray(b\"a'\")");
}

static void test_cycles(void)
{
	ph_addr list = fake_list(0, 0), dict = fake_dict(0, 0), one = fake_int("1", true);
	fake_at(list)->items[0] = list;
	fake_at(list)->items[1] = dict;
	fake_at(dict)->items[0] = one;
	fake_at(dict)->items[1] = list;
	CHECK_STR(REPR(list), "[[...], {1: [...]}]");
	CHECK_STR(REPR(dict), "{1: [[...], {...}]}");
}

static void test_limits(void)
{
	struct ph_rendered r;
	ph_addr deep = fake_list(fake_int("1", true));
	for (int i = 0; i < 100000; i++)
		deep = fake_list(deep);
	CHECK_STR(repr_of(deep, (struct ph_render){ .depth = 3 }, &r), "[[[...]]]");
	CHECK(r.truncated);
	repr_of(deep, (struct ph_render){ .depth = 1000000, .characters = 100000 }, &r);
	CHECK_EQ(buffer.size, 64 * 2 + 3);
	CHECK(r.truncated);

	ph_addr one = fake_int("1", true), many = fake_list(one, one, one, one);
	CHECK_STR(repr_of(many, (struct ph_render){ .items = 2 }, &r), "[1, 1, ...]");
	CHECK(r.truncated);
	CHECK_STR(repr_of(many, (struct ph_render){ .items = 4 }, &r), "[1, 1, 1, 1]");
	CHECK(!r.truncated);
	CHECK_STR(repr_of(many, (struct ph_render){ .characters = 5 }, &r), "[1, 1...");
	CHECK(r.truncated);
	CHECK_STR(repr_of(many, (struct ph_render){ .characters = 12 }, &r), "[1, 1, 1, 1]");
	CHECK(!r.truncated);
	fake_at(many)->lie = 1919247987;
	CHECK_STR(repr_of(many, (struct ph_render){ 0 }, &r), "[1, 1, 1, 1, ...]");
	CHECK(r.truncated);

	static char text[5001];
	memset(text, 'x', 5000);
	repr_of(fake_str(text), (struct ph_render){ .characters = 200 }, &r);
	CHECK(r.truncated);
	CHECK_EQ(buffer.size, 203);
	CHECK(!strcmp(buffer.data + 195, "xxxxx..."));
	/* a cut is between characters */
	repr_of(fake_str("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"), (struct ph_render){ .characters = 2 }, &r);
	CHECK_STR(ph_buffer_text(&buffer), "'\xe2\x82\xac...");
	/* wide and hostile: bounded by the characters, not by what is there */
	ph_addr wide = fake_list(one, one), top = wide;
	for (int i = 0; i < 60; i++)
		top = fake_list(top, top, top, top);
	fake_calls = 0;
	repr_of(top, (struct ph_render){ .depth = 64 }, &r);
	CHECK(r.truncated);
	CHECK(fake_calls < 3000);
}

/* ---- messages ---- */

static ph_addr type_of(const char *text, ph_addr base, const char *own)
{
	struct ph_attribute *a = calloc(2, sizeof(*a));
	a[0] = (struct ph_attribute){ .name = "__base__", .value = base, .structural = true };
	a[1] = (struct ph_attribute){ .name = own ? own : "__doc__", .value = base };
	return fake_add((struct fake_object){ .kind = PH_KIND_TYPE, .form = PH_FORM_ATOM, .type_name = "type",
					      .text = text, .attributes = a, .attribute_count = base ? 2 : 0 });
}

static const char *message(ph_addr type, ph_addr args, const struct ph_attribute *more, size_t count,
			   struct ph_rendered *ret)
{
	struct ph_attribute a[16] = { { .name = "args", .value = args, .structural = true } };
	struct ph_rendered r;
	for (size_t i = 0; i < count; i++)
		a[i + 1] = more[i];
	ph_addr e = fake_add((struct fake_object){ .kind = PH_KIND_EXCEPTION, .form = PH_FORM_ATOM, .text = "E()",
						   .type = type, .attributes = a, .attribute_count = count + 1 });
	ph_buffer_clear(&buffer);
	r = ph_render_message(&(struct ph_render){ .source = &fake_source }, e, &buffer);
	if (ret)
		*ret = r;
	fake_at(e)->attribute_count = 0;
	return ph_buffer_text(&buffer);
}

static void test_messages(void)
{
	ph_addr base = type_of("<class 'BaseException'>", 0, NULL), none = fake_add((struct fake_object){
		.kind = PH_KIND_TUPLE, .form = PH_FORM_ITEMS, .open = "(", .close = ")" });
	ph_addr value = type_of("<class 'ValueError'>", type_of("<class 'Exception'>", base, "__str__"), "__str__");
	ph_addr text = fake_str("bad \xe2\x82\xac"), one = fake_int("1", true), two = fake_int("2", true);
	struct ph_rendered r;
	CHECK_STR(message(value, none, NULL, 0, &r), "");
	CHECK(!r.unknown);
	CHECK_STR(message(value, fake_tuple(text), NULL, 0, NULL), "bad \xe2\x82\xac");
	CHECK_STR(message(value, fake_tuple(text, one), NULL, 0, NULL), "('bad \xe2\x82\xac', 1)");
	CHECK_STR(message(type_of("<class '__main__.E'>", value, "__str__"), fake_tuple(one), NULL, 0, &r), "1");
	CHECK(r.unknown);
	ph_addr key = type_of("<class '__main__.K'>", type_of("<class 'KeyError'>", value, NULL), NULL);
	CHECK_STR(message(key, fake_tuple(text), NULL, 0, &r), "'bad \xe2\x82\xac'");
	CHECK(!r.unknown);
	ph_addr os = type_of("<class 'FileNotFoundError'>", type_of("<class 'OSError'>", value, NULL), NULL);
	struct ph_attribute a[] = { { "errno", two, true }, { "strerror", fake_str("No such file"), true },
				    { "filename", fake_str("/x"), true }, { "filename2", fake_str("/y"), true } };
	CHECK_STR(message(os, fake_tuple(two, text), a, 4, NULL), "[Errno 2] No such file: '/x' -> '/y'");
	CHECK_STR(message(os, fake_tuple(two, text), a, 3, NULL), "[Errno 2] No such file: '/x'");
	CHECK_STR(message(os, fake_tuple(two, text), a, 2, NULL), "[Errno 2] No such file");
	struct ph_attribute w[] = { { "errno", two, true }, { "winerror", fake_int("32", false), true },
				    { "strerror", fake_str("in use"), true }, { "filename", fake_str("C:"), true } };
	CHECK_STR(message(os, fake_tuple(two, text), w, 4, NULL), "[WinError 32] in use: 'C:'");
	CHECK_STR(message(os, fake_tuple(two, text), w, 3, NULL), "[WinError 32] in use");
	CHECK_STR(message(os, fake_tuple(two, text), w, 2, NULL), "(2, 'bad \xe2\x82\xac')");
	CHECK_STR(message(os, fake_tuple(two), NULL, 0, NULL), "2");
	ph_addr syntax = type_of("<class 'SyntaxError'>", value, NULL);
	struct ph_attribute b[] = { { "msg", fake_str("invalid syntax"), true }, { "filename", fake_str("/a/file.py"), true },
				    { "lineno", fake_int("3", true), true } };
	CHECK_STR(message(syntax, fake_tuple(one), b, 3, NULL), "invalid syntax (file.py, line 3)");
	CHECK_STR(message(syntax, fake_tuple(one), b, 1, NULL), "invalid syntax");
	ph_addr decode = type_of("<class 'UnicodeDecodeError'>", value, NULL);
	ph_addr encode = type_of("<class 'UnicodeEncodeError'>", value, NULL);
	ph_addr utf8 = fake_str("utf-8"), ff = fake_bytes("\xff\xfe", 2), zero = fake_int("0", true);
	CHECK_STR(message(decode, fake_tuple(utf8, ff, zero, one, fake_str("invalid start byte")), NULL, 0, NULL),
		  "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte");
	CHECK_STR(message(decode, fake_tuple(utf8, ff, zero, two, fake_str("no")), NULL, 0, NULL),
		  "'utf-8' codec can't decode bytes in position 0-1: no");
	CHECK_STR(message(encode, fake_tuple(utf8, fake_str("a\xed\xb2\x80"), one, two, fake_str("surrogates")), NULL, 0, NULL),
		  "'utf-8' codec can't encode character '\\udc80' in position 1: surrogates");
	ph_addr translate = type_of("<class 'UnicodeTranslateError'>", value, NULL);
	CHECK_STR(message(translate, fake_tuple(fake_str("\xc3\xa9"), zero, one, fake_str("x")), NULL, 0, NULL),
		  "can't translate character '\\xe9' in position 0: x");
	ph_addr group = type_of("<class 'ExceptionGroup'>", type_of("<class 'BaseExceptionGroup'>", value, NULL), NULL);
	CHECK_STR(message(group, fake_tuple(fake_str("many"), fake_list(one, two)), NULL, 0, NULL),
		  "many (2 sub-exceptions)");
	CHECK_STR(message(group, fake_tuple(fake_str("one"), fake_list(one)), NULL, 0, NULL), "one (1 sub-exception)");
	ph_addr import = type_of("<class 'ImportError'>", value, NULL);
	CHECK_STR(message(import, fake_tuple(one), &(struct ph_attribute){ "msg", text, true }, 1, NULL),
		  "bad \xe2\x82\xac");
}

static void test_terminal(void)
{
	ph_buffer_clear(&buffer);
	ph_escape_terminal("a\033[31m\r\n\xe2\x80\xae\xc2\x9b" "b\xed\xa0\x80\xff", 18, true, &buffer);
	CHECK_STR(ph_buffer_text(&buffer), "a\\x1b[31m\\r\n\\u202e\\x9bb\\ud800\xef\xbf\xbd");
	CHECK_EQ(ph_text_width("\xe4\xbd\xa0x", 4), 3);
}

static void test_speed(void)
{
	struct timespec a, b;
	ph_addr s = fake_str("some text of a local variable"), d = fake_dict(s, s, s, fake_list(s, s, s, s));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (int i = 0; i < 2000; i++)
		REPR(d);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	fprintf(stderr, "2,000 reprs in %.2f ms\n", ms);
	CHECK(ms < 500); /* sanitizers and a busy machine */
}

int main(void)
{
	test_quoting();
	test_containers();
	test_cycles();
	test_limits();
	test_messages();
	test_terminal();
	test_speed();
	ph_buffer_deinit(&buffer);
	return CHECK_DONE();
}
