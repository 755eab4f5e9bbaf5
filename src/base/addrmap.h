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

void ph_addrmap_deinit(struct ph_addrmap *map);

/* False when the key is 0, the maximum is reached or memory is out.  An
 * existing key keeps its old value when !replace, which counts as success. */
bool ph_addrmap_set(struct ph_addrmap *map, uint64_t key, uint64_t value, bool replace);

/* True when this call added the key: for "seen before?" walks. */
bool ph_addrmap_add(struct ph_addrmap *map, uint64_t key);

/* NULL when the key is not there; borrowed until the next set. */
uint64_t *ph_addrmap_find(const struct ph_addrmap *map, uint64_t key);

#endif
