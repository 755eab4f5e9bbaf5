/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of the target's objects, for the thread that extracts.  Those that a dump comes by again are kept, and those that
 * a walk will ask for next are decoded in the order in which they lie: each page of a core that is mapped, and each
 * entry of the page tables, is then met once a level of the walk, not once an object. */
#include "extract/extract.h"

#include "base/sort.h"

#include <stdlib.h>

/* So often the pages that a walk touched are given back: the mapped core's
 * pages count as resident, and what a stack reaches can lie anywhere in it. */
#define DROP_INTERVAL 4096
#define CHARACTERS 128 /* of texts that are kept: as many as the surveys ask for */

void ph_extract_count_value(struct ph_extract *extract)
{
	extract->values++;
	if (extract->dumping && extract->values % PH_BOUND_INTERVAL == 0)
		ph_image_bound_pages(extract->image);
	else if (!extract->dumping && extract->values % DROP_INTERVAL == 0)
		ph_extract_drop_pages(extract);
}

static void decode(struct ph_extract *extract, ph_addr address, const struct ph_value_limits *limits,
		   struct ph_value *ret)
{
	ph_extract_count_value(extract);
	ph_object_value(extract->objects, address, limits, ret);
}

void ph_extract_value(void *self, ph_addr address, const struct ph_value_limits *limits, struct ph_value *ret)
{
	struct ph_extract *extract = self;
	struct ph_value_cache *cache = &extract->cache;
	if (ph_value_cache_get(cache, address, limits, ret))
		return;
	decode(extract, address, limits, ret);
	ph_value_cache_put(cache, limits, ret);
}

/* ---- in the order in which they lie ---- */

#define AHEAD 16 /* objects that are fetched into the cache of the processor before they are looked at */

struct expected {
	struct ph_sort_item *items; /* key: where it lies; value: its address, or its number */
	size_t count, capacity;
};

static bool add(struct expected *e, ph_addr address, uint64_t value)
{
	if (e->count == e->capacity) {
		size_t capacity = e->capacity ? e->capacity * 2 : 1024;
		struct ph_sort_item *bigger = realloc(e->items, capacity * sizeof(*bigger));
		if (!bigger)
			return false;
		e->items = bigger;
		e->capacity = capacity;
	}
	e->items[e->count++] = (struct ph_sort_item){ address, value };
	return true;
}

static bool expect(struct expected *e, const struct ph_value_cache *cache, ph_addr address)
{
	return !address || ph_value_cache_has(cache, address) || add(e, address, address);
}

static void fetch_ahead(const struct ph_extract *extract, const struct expected *e, size_t i)
{
	if (i + AHEAD < e->count)
		ph_image_prefetch(extract->image, e->items[i + AHEAD].key);
}

/* By what they hold, of which a dict may be anywhere; that is learned in the order of the objects themselves. */
static void sort_by_body(struct ph_extract *extract, struct expected *e)
{
	ph_sort_items(e->items, e->count);
	for (size_t i = 0; i < e->count; i++) {
		fetch_ahead(extract, e, i);
		ph_extract_count_value(extract);
		e->items[i].key = ph_object_body(extract->objects, e->items[i].key);
	}
	ph_sort_items(e->items, e->count);
}

/* `keys`: gets what they use as names, NULL: not asked for. */
static void decode_sorted(struct ph_extract *extract, struct expected *e, const struct ph_value_limits *limits,
			  struct expected *keys)
{
	struct ph_value value = PH_VALUE_INIT;
	ph_addr last = 0;
	/* what has no children asked for is told by its own memory */
	if (limits->children)
		sort_by_body(extract, e);
	else
		ph_sort_items(e->items, e->count);
	for (size_t i = 0; i < e->count && extract->cache.is_open; i++) {
		fetch_ahead(extract, e, i);
		if (e->items[i].value == last)
			continue;
		last = e->items[i].value;
		decode(extract, last, limits, &value);
		ph_value_cache_put(&extract->cache, limits, &value);
		for (size_t k = 0; keys && k < value.pair_count; k++)
			if (!expect(keys, &extract->cache, value.pairs[k].key))
				break;
	}
	ph_value_deinit(&value);
}

void ph_extract_expect(void *self, const ph_addr *addresses, size_t count, const struct ph_value_limits *limits)
{
	struct ph_extract *extract = self;
	struct ph_value_limits most = *limits, of_keys = { .characters = CHARACTERS };
	struct expected objects = { 0 }, keys = { 0 };
	if (!extract->cache.is_open)
		return;
	if (most.characters < CHARACTERS)
		most.characters = CHARACTERS;
	for (size_t i = 0; i < count; i++)
		if (!expect(&objects, &extract->cache, addresses[i]))
			break;
	decode_sorted(extract, &objects, &most, &keys);
	decode_sorted(extract, &keys, &of_keys, NULL);
	free(objects.items);
	free(keys.items);
}

void ph_extract_approach(void *self, ph_addr far, ph_addr near)
{
	const struct ph_extract *extract = self;
	ph_value_cache_approach(&extract->cache, far, near);
}

void ph_extract_lack(void *self, const ph_addr *addresses, size_t count,
		     bool (*is_wanted)(void *user, const char *name), void *user, bool *ret)
{
	struct ph_extract *extract = self;
	struct ph_names_wanted names = { .is_wanted = is_wanted, .user = user };
	struct expected e = { 0 };
	for (size_t i = 0; i < count; i++)
		if (!add(&e, addresses[i], i))
			break;
	sort_by_body(extract, &e);
	for (size_t i = 0; i < e.count; i++) {
		fetch_ahead(extract, &e, i);
		ph_extract_count_value(extract);
		ret[e.items[i].value] = ph_object_lacks(extract->objects, addresses[e.items[i].value], &names);
	}
	free(e.items);
}
