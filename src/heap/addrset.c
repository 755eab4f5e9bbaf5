/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heap/addrset.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FANOUT ((size_t)1 << 14)
/* Windows are got by many at a time: each alone would grow the allocator's heap, and fault its pages in one by one. */
#define SLAB ((size_t)2 << 20) /* bytes: a huge page */
#define FIRST_SLAB ((size_t)256 << 10)

struct ph_addrset_slab {
	struct ph_addrset_slab *next;
	size_t room; /* windows */
	struct ph_addrset_window windows[];
};

void ph_addrset_deinit(struct ph_addrset *set)
{
	while (set->slabs) {
		struct ph_addrset_slab *next = set->slabs->next;
		free(set->slabs);
		set->slabs = next;
	}
	free(set->windows);
	for (size_t i = 0; set->root && i < FANOUT; i++)
		free(set->root[i]);
	free(set->root);
	for (size_t i = 0; set->marked && i < FANOUT; i++)
		free(set->marked[i]);
	free(set->marked);
	*set = (struct ph_addrset){ 0 };
}

/* Zeroed, as its windows have to be. */
static struct ph_addrset_slab *add_slab(struct ph_addrset *set)
{
	size_t size = set->slabs ? SLAB : FIRST_SLAB;
	struct ph_addrset_slab *slab = aligned_alloc(size, size);
	if (!slab)
		return NULL;
	if (size == SLAB)
		madvise(slab, size, MADV_HUGEPAGE);
	memset(slab, 0, size);
	slab->next = set->slabs;
	slab->room = (size - sizeof(*slab)) / sizeof(*slab->windows);
	set->slab_used = 0;
	return set->slabs = slab;
}

static struct ph_addrset_window *add_window(struct ph_addrset *set, ph_addr address)
{
	if (set->window_count == set->window_capacity) {
		size_t capacity = set->window_capacity ? set->window_capacity * 2 : 64;
		void *windows = realloc(set->windows, capacity * sizeof(*set->windows));
		if (!windows)
			return NULL;
		set->windows = windows;
		set->window_capacity = capacity;
	}
	if ((!set->slabs || set->slab_used == set->slabs->room) && !add_slab(set))
		return NULL;
	struct ph_addrset_window *w = &set->slabs->windows[set->slab_used++];
	w->base = address >> PH_WINDOW_BITS << PH_WINDOW_BITS;
	return set->windows[set->window_count++] = w;
}

/* NULL without memory.  The address is scaled. */
static struct ph_addrset_window *make_window(struct ph_addrset *set, ph_addr address)
{
	struct ph_addrset_window *w = ph_addrset_scaled(set, address);
	if (w || address >> 48)
		return w;
	if (!set->root)
		set->root = calloc(FANOUT, sizeof(*set->root));
	struct ph_addrset_window ***middle = set->root ? &set->root[address >> 34] : NULL;
	if (middle && !*middle)
		*middle = calloc(FANOUT, sizeof(**middle));
	if (middle && *middle)
		w = (*middle)[address >> PH_WINDOW_BITS & (FANOUT - 1)] = add_window(set, address);
	if (!w)
		set->no_memory = true;
	return w;
}

struct ph_addrset_window *ph_addrset_window(struct ph_addrset *set, ph_addr address, bool create)
{
	address <<= set->scale;
	return create ? make_window(set, address) : ph_addrset_scaled(set, address);
}

bool ph_addrset_add(struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	struct ph_addrset_window *w = make_window(set, address);
	if (!w)
		return false;
	uint64_t *word = &w->words[address >> 9 & (PH_WINDOW_WORDS - 1)].bits, bit = UINT64_C(1) << (address >> 3 & 63);
	bool added = !(*word & bit);
	*word |= bit;
	return added;
}

void ph_addrset_remove(struct ph_addrset *set, ph_addr address)
{
	address <<= set->scale;
	struct ph_addrset_window *w = ph_addrset_scaled(set, address);
	if (w)
		w->words[address >> 9 & (PH_WINDOW_WORDS - 1)].bits &= ~(UINT64_C(1) << (address >> 3 & 63));
}

void ph_addrset_mark_page(struct ph_addrset *set, ph_addr address, uint8_t mark)
{
	/* 4 KiB are two pages of the set where it is scaled */
	ph_addr end = ((address & ~(ph_addr)4095) + 4096) << set->scale;
	for (address = (address & ~(ph_addr)4095) << set->scale; address < end; address += 4096) {
		struct ph_addrset_window *w = make_window(set, address);
		if (w)
			w->pages[address >> 12 & 255] = mark;
	}
}

void ph_addrset_end_marks(struct ph_addrset *set)
{
	if (!set->marked && !(set->marked = calloc(FANOUT, sizeof(*set->marked))))
		return;
	for (size_t i = 0; i < set->window_count; i++) {
		const struct ph_addrset_window *w = set->windows[i];
		uint64_t **bits = &set->marked[w->base >> 34];
		if (memchr(w->pages, 0, sizeof(w->pages)) || (!*bits && !(*bits = calloc(FANOUT / 64, sizeof(**bits)))))
			continue;
		(*bits)[w->base >> 26 & 0xff] |= UINT64_C(1) << (w->base >> PH_WINDOW_BITS & 63);
	}
}

static int compare_windows(const void *a, const void *b)
{
	const struct ph_addrset_window *x = *(struct ph_addrset_window *const *)a;
	const struct ph_addrset_window *y = *(struct ph_addrset_window *const *)b;
	return x->base < y->base ? -1 : x->base > y->base;
}

uint64_t ph_addrset_rank(struct ph_addrset *set)
{
	uint64_t total = 0;
	if (set->window_count)
		qsort(set->windows, set->window_count, sizeof(*set->windows), compare_windows);
	for (size_t i = 0; i < set->window_count; i++) {
		struct ph_addrset_window *w = set->windows[i];
		for (size_t word = 0; word < PH_WINDOW_WORDS; word++) {
			w->words[word].rank = total;
			total += ph_popcount(w->words[word].bits);
		}
	}
	return total;
}

struct ph_addrset_iter ph_addrset_from(const struct ph_addrset *set, uint64_t rank)
{
	size_t low = 0, high = set->window_count, word = 0;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (set->windows[middle]->words[0].rank <= rank)
			low = middle;
		else
			high = middle;
	}
	const struct ph_addrset_window *w = set->windows[low];
	for (size_t step = PH_WINDOW_WORDS / 2; step; step /= 2)
		if (w->words[word + step].rank <= rank)
			word += step;
	uint64_t bits = w->words[word].bits;
	for (uint64_t left = rank - w->words[word].rank; left; left--)
		bits &= bits - 1;
	return (struct ph_addrset_iter){ .set = set, .window = low, .word = word, .left = bits, .started = true };
}

ph_addr ph_addrset_select(const struct ph_addrset *set, uint64_t rank)
{
	struct ph_addrset_iter iter = ph_addrset_from(set, rank);
	ph_addr ret = 0;
	ph_addrset_next(&iter, &ret);
	return ret;
}

bool ph_addrset_next(struct ph_addrset_iter *iter, ph_addr *ret)
{
	const struct ph_addrset *set = iter->set;
	while (!iter->left) {
		if (!iter->started)
			iter->started = true;
		else if (++iter->word == PH_WINDOW_WORDS) {
			iter->word = 0;
			iter->window++;
		}
		if (iter->window >= set->window_count)
			return false;
		iter->left = set->windows[iter->window]->words[iter->word].bits;
	}
	unsigned bit = (unsigned)__builtin_ctzll(iter->left);
	iter->left &= iter->left - 1;
	*ret = (set->windows[iter->window]->base + ((ph_addr)iter->word << 9) + ((ph_addr)bit << 3)) >> set->scale;
	return true;
}

/* The number of windows whose first address is not above it. */
static size_t windows_up_to(const struct ph_addrset *set, ph_addr address)
{
	size_t low = 0, high = set->window_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->windows[middle]->base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool ph_addrset_touches(const struct ph_addrset *set, ph_addr start, ph_addr end)
{
	start <<= set->scale;
	end <<= set->scale;
	size_t low = 0, high = set->window_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->windows[middle]->base + ((ph_addr)1 << PH_WINDOW_BITS) <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->window_count && set->windows[low]->base < end;
}

bool ph_addrset_before(const struct ph_addrset *set, ph_addr address, ph_addr *ret)
{
	address <<= set->scale;
	for (size_t i = windows_up_to(set, address); i-- > 0;) {
		const struct ph_addrset_window *w = set->windows[i];
		bool within = address >> PH_WINDOW_BITS == w->base >> PH_WINDOW_BITS;
		size_t bits = within ? (address >> 3 & (PH_WINDOW_WORDS * 64 - 1)) + 1 : PH_WINDOW_WORDS * 64;
		for (size_t word = (bits - 1) / 64 + 1; word-- > 0;) {
			uint64_t found = w->words[word].bits;
			if (word == (bits - 1) / 64 && bits % 64)
				found &= (UINT64_C(1) << bits % 64) - 1;
			if (found) {
				*ret = w->base + ((ph_addr)word << 9) + ((ph_addr)(63 - __builtin_clzll(found)) << 3);
				*ret >>= set->scale;
				return true;
			}
		}
	}
	return false;
}

bool ph_addrset_after(const struct ph_addrset *set, ph_addr address, ph_addr *ret)
{
	address <<= set->scale;
	size_t i = windows_up_to(set, address);
	for (i -= i != 0; i < set->window_count; i++) {
		const struct ph_addrset_window *w = set->windows[i];
		if (w->base >> PH_WINDOW_BITS < address >> PH_WINDOW_BITS)
			continue;
		bool within = address >> PH_WINDOW_BITS == w->base >> PH_WINDOW_BITS;
		size_t first = within ? (address >> 3 & (PH_WINDOW_WORDS * 64 - 1)) + 1 : 0;
		for (size_t word = first / 64; word < PH_WINDOW_WORDS; word++) {
			uint64_t found = w->words[word].bits;
			if (word == first / 64)
				found &= ~((UINT64_C(1) << first % 64) - 1);
			if (found) {
				*ret = w->base + ((ph_addr)word << 9) + ((ph_addr)__builtin_ctzll(found) << 3);
				*ret >>= set->scale;
				return true;
			}
		}
	}
	return false;
}
