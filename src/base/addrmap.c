/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addrmap.h"

#include <stdlib.h>

void ph_addrmap_deinit(struct ph_addrmap *map)
{
	free(map->slots);
	map->slots = NULL;
	map->count = map->capacity = 0;
}

/* Fibonacci hashing: addresses differ in the middle bits, the product's high bits mix them. */
static size_t slot_of(const struct ph_addrmap *map, uint64_t key)
{
	size_t mask = map->capacity - 1;
	size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;
	while (map->slots[i].key && map->slots[i].key != key)
		i = (i + 1) & mask;
	return i;
}

static bool grow(struct ph_addrmap *map)
{
	struct ph_addrmap bigger = *map;
	bigger.capacity = map->capacity ? map->capacity * 2 : 64;
	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].key)
			bigger.slots[slot_of(&bigger, map->slots[i].key)] = map->slots[i];
	free(map->slots);
	*map = bigger;
	return true;
}

bool ph_addrmap_set(struct ph_addrmap *map, uint64_t key, uint64_t value, bool replace)
{
	if (!key)
		return false;
	uint64_t *old = ph_addrmap_find(map, key);
	if (old) {
		if (replace)
			*old = value;
		return true;
	}
	if (map->maximum && map->count >= map->maximum)
		return false;
	if ((map->count + 1) * 4 > map->capacity * 3 && !grow(map))
		return false;
	map->slots[slot_of(map, key)] = (struct ph_addrmap_slot){ key, value };
	map->count++;
	return true;
}

bool ph_addrmap_add(struct ph_addrmap *map, uint64_t key)
{
	size_t before = map->count;
	return ph_addrmap_set(map, key, 0, false) && map->count > before;
}

uint64_t *ph_addrmap_find(const struct ph_addrmap *map, uint64_t key)
{
	if (!key || !map->capacity)
		return NULL;
	struct ph_addrmap_slot *slot = &map->slots[slot_of(map, key)];
	return slot->key ? &slot->value : NULL;
}
