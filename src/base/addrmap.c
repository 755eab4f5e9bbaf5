/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addrmap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void ph_addrmap_deinit(struct ph_addrmap *map)
{
	free(map->slots);
	map->slots = NULL;
	map->count = map->capacity = 0;
}

static size_t slot_of(const struct ph_addrmap *map, uint64_t key)
{
	size_t mask = map->capacity - 1;
	size_t i = ph_addrmap_slot(map, key);
	while (map->slots[i].key && map->slots[i].key != key)
		i = (i + 1) & mask;
	return i;
}

/* Zeroed.  A table of some size is met anywhere: with 4 KiB pages each look would miss the page tables too. */
static struct ph_addrmap_slot *new_slots(size_t count)
{
	size_t size = count * sizeof(struct ph_addrmap_slot);
	if (size < HUGE_PAGE)
		return calloc(count, sizeof(struct ph_addrmap_slot));
	void *slots = aligned_alloc(HUGE_PAGE, size);
	if (!slots)
		return NULL;
	madvise(slots, size, MADV_HUGEPAGE);
	return memset(slots, 0, size);
}

static bool grow(struct ph_addrmap *map)
{
	struct ph_addrmap bigger = *map;
	bigger.capacity = map->capacity ? map->capacity * 2 : 64;
	bigger.slots = new_slots(bigger.capacity);
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
	size_t slot = map->capacity ? slot_of(map, key) : 0;
	if (map->capacity && map->slots[slot].key) {
		if (replace)
			map->slots[slot].value = value;
		return true;
	}
	if (map->maximum && map->count >= map->maximum)
		return false;
	if ((map->count + 1) * 4 > map->capacity * 3) {
		if (!grow(map))
			return false;
		slot = slot_of(map, key);
	}
	map->slots[slot] = (struct ph_addrmap_slot){ key, value };
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
