/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A map from target addresses (or any non-zero 64-bit key) to 64-bit values:
 * open addressing, O(1), grows up to a maximum number of entries. */
#ifndef BASE_ADDRMAP_H
#define BASE_ADDRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ph_addrmap {
	struct ph_addrmap_slot *slots;
	size_t count;	 /* entries */
	size_t capacity; /* slots, a power of two */
	size_t maximum;	 /* entries; 0 is no bound but memory */
};

struct ph_addrmap_slot {
	uint64_t key; /* 0 is an empty slot */
	uint64_t value;
};

/* Where a key is looked for first.  Fibonacci hashing: addresses differ in the middle bits, the product's high bits mix
 * them. */
static inline size_t ph_addrmap_slot(const struct ph_addrmap *map, uint64_t key)
{
	return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (map->capacity - 1);
}

void ph_addrmap_deinit(struct ph_addrmap *map);

/* False when the key is 0, the maximum is reached or memory is out.  An
 * existing key keeps its old value when !replace, which counts as success. */
bool ph_addrmap_set(struct ph_addrmap *map, uint64_t key, uint64_t value, bool replace);

/* True when this call added the key: for "seen before?" walks. */
bool ph_addrmap_add(struct ph_addrmap *map, uint64_t key);

/* It will be looked for soon: its place is fetched into the processor's cache.  gcc throws away calls to a function that
 * does no more than that unless it must inline it. */
static inline __attribute__((always_inline)) void ph_addrmap_prefetch(const struct ph_addrmap *map, uint64_t key)
{
	if (map->capacity)
		__builtin_prefetch(&map->slots[ph_addrmap_slot(map, key)]);
}

/* NULL when the key is not there; borrowed until the next set. */
uint64_t *ph_addrmap_find(const struct ph_addrmap *map, uint64_t key);

#endif
