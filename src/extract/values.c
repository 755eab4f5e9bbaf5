/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of the target's objects, for the thread that extracts.  Those that a dump comes by again are kept, and those that
 * a walk will ask for next are decoded in the order in which they lie: each page of a core that is mapped, and each
 * entry of the page tables, is then met once a level of the walk, not once an object. */
#include "extract/extract.h"

#include <stdlib.h>

/* So often the pages that a walk touched are given back: the mapped core's
 * pages count as resident, and what a stack reaches can lie anywhere in it. */
#define DROP_INTERVAL 4096
#define CHARACTERS 128 /* of texts that are kept: as many as the surveys ask for */

static void decode(struct ph_extract *extract, ph_addr address, const struct ph_value_limits *limits,
		   struct ph_value *ret)
{
	extract->values++;
	if (extract->dumping && extract->values % PH_BOUND_INTERVAL == 0)
		ph_image_bound_pages(extract->image);
	else if (!extract->dumping && extract->values % DROP_INTERVAL == 0)
		ph_extract_drop_pages(extract);
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

struct expected {
	ph_addr *addresses;
	size_t count, capacity;
};

static bool expect(struct expected *e, const struct ph_value_cache *cache, ph_addr address)
{
	if (!address || ph_value_cache_has(cache, address))
		return true;
	if (e->count == e->capacity) {
		size_t capacity = e->capacity ? e->capacity * 2 : 1024;
		ph_addr *bigger = realloc(e->addresses, capacity * sizeof(*bigger));
		if (!bigger)
			return false;
		e->addresses = bigger;
		e->capacity = capacity;
	}
	e->addresses[e->count++] = address;
	return true;
}

static int by_address(const void *a, const void *b)
{
	ph_addr x = *(const ph_addr *)a, y = *(const ph_addr *)b;
	return x < y ? -1 : x > y;
}

/* `keys`: gets what they use as names, NULL: not asked for. */
static void decode_sorted(struct ph_extract *extract, struct expected *e, const struct ph_value_limits *limits,
			  struct expected *keys)
{
	struct ph_value value = PH_VALUE_INIT;
	ph_addr last = 0;
	if (e->count)
		qsort(e->addresses, e->count, sizeof(*e->addresses), by_address);
	for (size_t i = 0; i < e->count && extract->cache.is_open; i++) {
		if (e->addresses[i] == last)
			continue;
		last = e->addresses[i];
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
	free(objects.addresses);
	free(keys.addresses);
}
