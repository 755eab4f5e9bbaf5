/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of addresses, and their rank in it: one bit for each 8 bytes of the windows of memory (1 MiB) that hold any,
 * with the ranks three to six bytes an object.  Membership and rank are O(1).  Where members are multiples of 4 only
 * (objects in the static memory of a 32-bit process), the set holds their double. */
#ifndef HEAP_ADDRSET_H
#define HEAP_ADDRSET_H

#include "base/types.h"

#define PH_WINDOW_BITS 20
#define PH_WINDOW_WORDS 2048 /* of 64 bits */

/* Both in one line of the cache: where an edge leads lies anywhere. */
struct ph_addrset_word {
	uint64_t bits;
	uint64_t rank; /* members in all words before, of any window; after ph_addrset_rank() */
};

struct ph_addrset_window {
	ph_addr base; /* scaled */
	uint8_t pages[256]; /* marks of the caller's, of 4 KiB pages; 0 none */
	struct ph_addrset_word words[PH_WINDOW_WORDS] __attribute__((aligned(16)));
};

struct ph_addrset {
	struct ph_addrset_window ***root; /* by bits 34 to 47, then 20 to 33 */
	uint64_t **marked; /* by the same bits, one for each window whose pages are all marked: in the first cache as a whole */
	struct ph_addrset_slab *slabs; /* what windows lie in */
	size_t slab_used; /* windows of the first one */
	struct ph_addrset_window **windows; /* sorted by base after ph_addrset_rank() */
	size_t window_count, window_capacity;
	unsigned scale; /* bits that addresses are shifted left by: 0, or 1 for multiples of 4; set before the first */
	bool no_memory; /* sticky */
};

/* The bits that are 0 in every address that can be a member. */
static inline ph_addr ph_addrset_low_bits(const struct ph_addrset *set)
{
	return 7u >> set->scale;
}

void ph_addrset_deinit(struct ph_addrset *set);

/* Addresses are below 2**48; the lowest three bits (two where they are scaled) do not count.  NULL when there is none
 * and !create, or without memory. */
struct ph_addrset_window *ph_addrset_window(struct ph_addrset *set, ph_addr address, bool create);

/* The address is scaled. */
static inline struct ph_addrset_window *ph_addrset_scaled(const struct ph_addrset *set, ph_addr address)
{
	if (address >> 48 || !set->root)
		return NULL;
	struct ph_addrset_window **middle = set->root[address >> 34];
	return middle ? middle[address >> PH_WINDOW_BITS & 0x3fff] : NULL;
}

static inline bool ph_addrset_has(const struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	const struct ph_addrset_window *w = ph_addrset_scaled(set, address);
	return w && w->words[address >> 9 & (PH_WINDOW_WORDS - 1)].bits >> (address >> 3 & 63) & 1;
}

/* No member is within the 512 bytes (256 where they are scaled) that the address is in; *ret_next: the first behind
 * them. */
static inline bool ph_addrset_is_empty_word(const struct ph_addrset *set, ph_addr address, ph_addr *ret_next)
{
	ph_addr scaled = address << set->scale;
	const struct ph_addrset_window *w = ph_addrset_scaled(set, scaled);
	*ret_next = ((scaled | 511) + 1) >> set->scale;
	return !w || !w->words[scaled >> 9 & (PH_WINDOW_WORDS - 1)].bits;
}

/* A member, or in a page that is marked? */
static inline bool ph_addrset_knows(const struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	const struct ph_addrset_window *w = ph_addrset_scaled(set, address);
	return w && (w->pages[address >> 12 & 255] ||
		     w->words[address >> 9 & (PH_WINDOW_WORDS - 1)].bits >> (address >> 3 & 63) & 1);
}

/* Adds an address to the window that it lies in; true when this call did.  It is scaled. */
static inline bool ph_window_add(struct ph_addrset_window *window, ph_addr address)
{
	uint64_t *word = &window->words[address >> 9 & (PH_WINDOW_WORDS - 1)].bits;
	uint64_t bit = UINT64_C(1) << (address >> 3 & 63), before = *word;
	*word = before | bit;
	return !(before & bit);
}

/* True when this call added it. */
bool ph_addrset_add(struct ph_addrset *set, ph_addr address);
void ph_addrset_remove(struct ph_addrset *set, ph_addr address);

/* The mark of the page that it lies in; 0 none. */
static inline uint8_t ph_addrset_page(const struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	const struct ph_addrset_window *w = ph_addrset_scaled(set, address);
	return w ? w->pages[address >> 12 & 255] : 0;
}
void ph_addrset_mark_page(struct ph_addrset *set, ph_addr address, uint8_t mark);
/* Once all are marked that will be: windows without a page left out are told sooner. */
void ph_addrset_end_marks(struct ph_addrset *set);

/* Is its page marked, as far as that can be told at once?  false: ask ph_addrset_page(). */
static inline bool ph_addrset_is_marked(const struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	const uint64_t *bits = set->marked && !(address >> 48) ? set->marked[address >> 34] : NULL;
	return bits && bits[address >> 26 & 0xff] >> (address >> PH_WINDOW_BITS & 63) & 1;
}

/* Has a window of the set anything in the range?  Windows are sorted by then. */
bool ph_addrset_touches(const struct ph_addrset *set, ph_addr start, ph_addr end);

/* Sorts and counts; returns the number of members.  Until the next change ranks are right. */
uint64_t ph_addrset_rank(struct ph_addrset *set);

/* Processors of the baseline that Debian compiles for have no instruction for it, and a call costs more. */
static inline unsigned ph_popcount(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

/* The number of members below the address, which must be one. */
static inline uint64_t ph_addrset_index(const struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	const struct ph_addrset_window *w = ph_addrset_scaled(set, address);
	const struct ph_addrset_word *word = &w->words[address >> 9 & (PH_WINDOW_WORDS - 1)];
	return word->rank + ph_popcount(word->bits & ((UINT64_C(1) << (address >> 3 & 63)) - 1));
}

/* What ph_addrset_has() and ph_addrset_index() of any address will look at.  A function that only fetches has no
 * effect that gcc knows of: it throws calls of it away, unless it is told to inline them. */
static inline __attribute__((always_inline)) void ph_addrset_prefetch(const struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	const struct ph_addrset_window *w = ph_addrset_scaled(set, address);
	if (w)
		__builtin_prefetch(&w->words[address >> 9 & (PH_WINDOW_WORDS - 1)]);
}

/* The greatest member that is the address or below, the least one above it; false when there is none.  After ranking.
 * */
bool ph_addrset_before(const struct ph_addrset *set, ph_addr address, ph_addr *ret);
bool ph_addrset_after(const struct ph_addrset *set, ph_addr address, ph_addr *ret);
/* Members in order: starts with { .set = set }.  False behind the last. */
struct ph_addrset_iter {
	const struct ph_addrset *set;
	size_t window, word;
	uint64_t left;
	bool started;
};
bool ph_addrset_next(struct ph_addrset_iter *iter, ph_addr *ret);

/* From the member of a rank on, and that member; the rank is below their number.  After ph_addrset_rank(). */
struct ph_addrset_iter ph_addrset_from(const struct ph_addrset *set, uint64_t rank);
ph_addr ph_addrset_select(const struct ph_addrset *set, uint64_t rank);

#endif
