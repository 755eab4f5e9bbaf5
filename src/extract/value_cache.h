/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of objects that were decoded once: the surveys, the closure and the pickle come by the same ones up to ten
 * times, and each time wait for pages of the core that lie anywhere. */
#ifndef EXTRACT_VALUE_CACHE_H
#define EXTRACT_VALUE_CACHE_H

#include "base/addrmap.h"
#include "base/arena.h"
#include "record/source.h"

/* { 0 } keeps nothing.  While nothing is put into it, several threads may ask. */
struct ph_value_cache {
	struct ph_addrmap index; /* address -> struct record * */
	struct ph_addrmap looks; /* type -> struct looks *, what its instances have in common */
	struct ph_arena arena;	 /* its maximum bounds what is kept */
	bool is_open;		 /* takes more */
};

void ph_value_cache_deinit(struct ph_value_cache *cache);

/* Keep it, decoded with these limits, if it is of those that can be given again as they are.  What the value borrows and
 * did not copy must live as long as the cache. */
void ph_value_cache_put(struct ph_value_cache *cache, const struct ph_value_limits *limits,
			const struct ph_value *value);
bool ph_value_cache_has(const struct ph_value_cache *cache, ph_addr address);
/* They are asked for soon: fetches the place of the far one and what is kept of the near one into the processor's cache. */
void ph_value_cache_approach(const struct ph_value_cache *cache, ph_addr far, ph_addr near);
/* Fills *ret as decoding with these limits would, or does nothing and returns false. */
bool ph_value_cache_get(const struct ph_value_cache *cache, ph_addr address, const struct ph_value_limits *limits,
			struct ph_value *ret);

#endif
