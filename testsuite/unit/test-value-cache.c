/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What extract/value_cache.h gives again, and what it must not: whatever it serves is what decoding would give. */
#include "extract/value_cache.h"

#include "unit/check.h"

static struct ph_value_cache cache;
static struct ph_value value, got;

static const struct ph_value_limits few = { .children = 10, .characters = 8 };
static const struct ph_value_limits more = { .children = 1000, .characters = 500 };
static const struct ph_value_limits none = { .children = 0, .characters = 8 };

static void begin(ph_addr address, enum ph_kind kind, enum ph_form form)
{
	ph_value_reset(&value, address);
	value.type = 0x5000;
	value.type_name = "thing";
	value.type_module = "builtins";
	value.kind = kind;
	value.form = form;
	value.refcount = 3;
	value.size = 64;
}

static void open_cache(void)
{
	ph_value_cache_deinit(&cache);
	cache = (struct ph_value_cache){ .is_open = true };
}

static bool get(ph_addr address, const struct ph_value_limits *limits)
{
	return ph_value_cache_get(&cache, address, limits, &got);
}

static void put_str(ph_addr address, const char *text, int64_t len, bool cut)
{
	begin(address, PH_KIND_STR, PH_FORM_STR);
	value.text = text;
	value.text_size = strlen(text);
	value.text_cut = cut;
	value.len = len;
	ph_value_cache_put(&cache, &few, &value);
}

static void test_closed(void)
{
	cache = (struct ph_value_cache){ 0 };
	put_str(0x10, "abc", 3, false);
	CHECK(!get(0x10, &few));
	CHECK(!ph_value_cache_has(&cache, 0x10));
}

static void test_text(void)
{
	static const struct ph_value_limits two = { .children = 10, .characters = 2 };
	open_cache();
	put_str(0x10, "a\xc3\xa9" "bc", 4, false);
	CHECK(ph_value_cache_has(&cache, 0x10) && !ph_value_cache_has(&cache, 0x11));
	CHECK(get(0x10, &more));
	CHECK_STR(got.text, "a\xc3\xa9" "bc");
	CHECK(!got.text_cut && got.address == 0x10 && got.type == 0x5000 && got.refcount == 3 && got.size == 64);
	CHECK_STR(got.type_name, "thing");
	/* fewer characters, not bytes */
	CHECK(get(0x10, &two));
	CHECK_STR(got.text, "a\xc3\xa9");
	CHECK(got.text_cut && got.len == 4);
	/* a beginning serves no more than it has */
	put_str(0x20, "12345678", 100, true);
	CHECK(get(0x20, &few) && got.text_cut);
	CHECK(get(0x20, &two));
	CHECK_STR(got.text, "12");
	CHECK(!get(0x20, &more));
}

static void put_list(ph_addr address, size_t count, uint64_t total)
{
	begin(address, PH_KIND_LIST, PH_FORM_ITEMS);
	value.open = "[", value.close = "]", value.recursive = "[...]";
	for (size_t i = 0; i < count; i++)
		CHECK(ph_value_add_item(&value, 0x1000 + i));
	value.item_total = total;
	value.len = (int64_t)total;
	ph_value_cache_put(&cache, &few, &value);
}

static void test_children(void)
{
	static const struct ph_value_limits three = { .children = 3, .characters = 8 };
	open_cache();
	put_list(0x10, 4, 4);
	CHECK(get(0x10, &more) && got.item_count == 4 && got.item_total == 4 && got.items[3] == 0x1003);
	CHECK_STR(got.recursive, "[...]");
	CHECK(!get(0x10, &three)); /* it would have to be cut */
	put_list(0x20, 10, 50);
	CHECK(get(0x20, &few) && got.item_count == 10 && got.item_total == 50);
	CHECK(!get(0x20, &more) && !get(0x20, &three));
}

static void test_attributes(void)
{
	char name[] = "copied";
	open_cache();
	begin(0x10, PH_KIND_INSTANCE, PH_FORM_ATOM);
	CHECK(ph_value_add_attribute(&value, name, 0x77, false) && ph_value_add_named(&value, "borrowed", 0x78));
	value.attribute_total = 2;
	ph_value_cache_put(&cache, &few, &value);
	ph_value_reset(&value, 0); /* what the value copied is gone */
	CHECK(ph_value_copy(&value, "xxxxxxxxxxxxxxx", 15) != NULL);
	CHECK(get(0x10, &more) && got.attribute_count == 2 && got.attributes[0].value == 0x77);
	CHECK_STR(got.attributes[0].name, "copied");
	CHECK_STR(got.attributes[1].name, "borrowed");
	CHECK(!got.is_bare);
	/* whose attributes were not asked for */
	begin(0x20, PH_KIND_INSTANCE, PH_FORM_ATOM);
	value.is_bare = true;
	ph_value_cache_put(&cache, &none, &value);
	CHECK(get(0x20, &none) && got.is_bare);
	CHECK(!get(0x20, &few) && !get(0x20, &more));
}

static bool is_kept(const struct ph_value_limits *limits)
{
	open_cache();
	ph_value_cache_put(&cache, limits, &value);
	return ph_value_cache_has(&cache, value.address);
}

static void test_not_kept(void)
{
	static char large[600];
	memset(large, 'a', sizeof(large) - 1);
	begin(0x10, PH_KIND_INT, PH_FORM_ATOM);
	CHECK(is_kept(&few));
	value.status = PH_CORRUPT; /* what is damaged */
	CHECK(!is_kept(&few));
	begin(0x10, PH_KIND_FUNCTION, PH_FORM_ATOM); /* whose decoders go by the limits in ways of their own */
	CHECK(!is_kept(&few));
	begin(0x10, PH_KIND_INT, PH_FORM_ATOM);
	value.type_name = "?"; /* what may be known later */
	CHECK(!is_kept(&few));
	begin(0x10, PH_KIND_STR, PH_FORM_STR);
	value.text = large;
	value.text_size = strlen(large);
	CHECK(!is_kept(&more));
	begin(0x10, PH_KIND_INSTANCE, PH_FORM_ATOM);
	CHECK(ph_value_add_attribute(&value, "__self__", 0x77, true));
	value.attribute_total = 1;
	CHECK(!is_kept(&few));
	begin(0x10, PH_KIND_INSTANCE, PH_FORM_PARTS);
	CHECK(ph_value_add_part(&value, "x", 0x77, NULL));
	CHECK(!is_kept(&few));
	begin(0x10, PH_KIND_INSTANCE, PH_FORM_ATOM);
	value.attribute_total = 5; /* of which some were left out */
	CHECK(!is_kept(&few));
}

static void test_full(void)
{
	open_cache();
	cache.arena.maximum = 8192;
	for (ph_addr i = 1; i < 1000 && cache.is_open; i++)
		put_list(i * 16, 10, 10);
	CHECK(!cache.is_open);
	CHECK(get(16, &few) && got.item_count == 10); /* what there is stays */
	put_str(0x100000, "abc", 3, false);
	CHECK(!get(0x100000, &few));
}

int main(void)
{
	test_closed();
	test_text();
	test_children();
	test_attributes();
	test_not_kept();
	test_full();
	ph_value_cache_deinit(&cache);
	ph_value_deinit(&value);
	ph_value_deinit(&got);
	return CHECK_DONE();
}
