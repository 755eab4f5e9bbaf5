/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bitmap with ranks, pools that tell the truth and pools that lie, and links of the gc that lead nowhere or round
 * in circles. */
#include "heap/heap.h"

#include "unit/check.h"
#include "unit/poolmaker.h"

static int compare(const void *a, const void *b)
{
	ph_addr x = *(const ph_addr *)a, y = *(const ph_addr *)b;
	return x < y ? -1 : x > y;
}

static void addresses(void)
{
	enum { COUNT = 5000 };
	static ph_addr list[COUNT];
	struct ph_addrset set = { 0 };
	uint64_t state = 1;
	size_t n = 0;
	for (size_t i = 0; i < COUNT; i++) {
		state = state * UINT64_C(6364136223846793005) + 1;
		/* dense in one place, sparse over all of 48 bits */
		ph_addr at = i & 1 ? HEAP_BASE + (state >> 44) * 8 : (state >> 16) & ~(ph_addr)7;
		CHECK(ph_addrset_has(&set, at) != ph_addrset_add(&set, at) || !at);
		list[n++] = at;
	}
	CHECK(!ph_addrset_add(&set, UINT64_C(1) << 48));
	CHECK(!ph_addrset_has(&set, UINT64_MAX - 7));
	set.no_memory = false;
	qsort(list, n, sizeof(*list), compare);
	size_t unique = 0;
	for (size_t i = 0; i < n; i++)
		if (!i || list[i] != list[i - 1])
			list[unique++] = list[i];
	CHECK_EQ(ph_addrset_rank(&set), unique);
	for (size_t i = 0; i < unique; i++) {
		ph_addr before = 0, after = 0;
		bool has_after = ph_addrset_after(&set, list[i] + 3, &after);
		CHECK(ph_addrset_before(&set, list[i] + 7, &before) && before == list[i]);
		CHECK(has_after == (i + 1 < unique) && (!has_after || after == list[i + 1]));
		bool has_before = ph_addrset_before(&set, list[i] - 1, &before);
		CHECK(!list[i] || has_before == (i > 0));
		CHECK(!list[i] || !has_before || before == list[i - 1]);
	}
	struct ph_addrset_iter iter = { .set = &set };
	ph_addr at;
	for (size_t i = 0; i < unique; i++) {
		if (!ph_addrset_next(&iter, &at) || at != list[i] || ph_addrset_index(&set, at) != i) {
			CHECK(!"the members come in order, with their ranks");
			break;
		}
	}
	CHECK(!ph_addrset_next(&iter, &at));
	ph_addrset_remove(&set, list[7]);
	CHECK(!ph_addrset_has(&set, list[7]));
	CHECK_EQ(ph_addrset_rank(&set), unique - 1);
	ph_addrset_deinit(&set);
}

/* Pages are told at once where all of their window are marked, and never where they are not. */
static void marks(bool scaled)
{
	const ph_addr whole = HEAP_BASE & ~(ph_addr)0x1fffff, part = whole + 0x100000;
	struct ph_addrset set = { .scale = scaled };
	CHECK(!ph_addrset_is_marked(&set, whole));
	for (ph_addr at = whole; at < part; at += 4096)
		ph_addrset_mark_page(&set, at, 1);
	for (ph_addr at = part; at < part + 0xff000; at += 4096)
		ph_addrset_mark_page(&set, at, 2);
	CHECK(!ph_addrset_is_marked(&set, whole));
	ph_addrset_end_marks(&set);
	for (ph_addr at = whole - 0x100000; at < part + 0x200000; at += 4088) {
		CHECK(!ph_addrset_is_marked(&set, at) || ph_addrset_page(&set, at));
		if (at >= whole && at < part)
			CHECK(ph_addrset_is_marked(&set, at));
	}
	CHECK(!ph_addrset_is_marked(&set, part + 0xff000) && !ph_addrset_page(&set, part + 0xff000));
	CHECK(!ph_addrset_is_marked(&set, 0) && !ph_addrset_is_marked(&set, UINT64_MAX));
	ph_addrset_deinit(&set);
}

static struct ph_heap_totals find(struct pool *p, uint64_t *ret_count)
{
	struct ph_heap *heap = NULL;
	struct ph_heap_totals totals = { 0 };
	struct ph_error *error = ph_heap_create(p->h.objects, NULL, 1, &heap);
	CHECK(!error);
	if (error)
		return totals;
	totals = heap->totals;
	*ret_count = heap->count;
	CHECK_EQ(heap->count, totals.in_pools + totals.outside);
	CHECK(totals.object_bytes <= totals.allocated || totals.bad_pools);
	ph_heap_free(heap);
	return totals;
}

static void honest(void)
{
	struct pool p;
	uint64_t count = 0;
	CHECK(pool_open(&p));
	/* of the 15 blocks in use: one whose count is 0 (a free list of its type), one that holds a buffer, one whose
	 * type is none, one with a pointer for a count */
	heap_put(&p.h, pool_block(1), 0, 8);
	heap_put(&p.h, pool_block(2) + 8, 12345, 8);
	heap_put(&p.h, pool_block(3) + 8, pool_block(5), 8);
	heap_put(&p.h, pool_block(5), p.list, 8);
	struct ph_heap_totals totals = find(&p, &count);
	CHECK_EQ(totals.pools, 1);
	CHECK_EQ(totals.bad_pools, 0);
	CHECK_EQ(totals.allocated, 15 * POOL_BLOCK);
	CHECK_EQ(totals.in_pools, 11);
	CHECK_EQ(totals.object_bytes, 11 * POOL_BLOCK);
	/* the types */
	CHECK(totals.outside >= 2);
	pool_close(&p);
}

static void lying(void)
{
	static const struct {
		const char *what;
		unsigned offset, size;
		uint64_t value;
		unsigned pools;
	} lies[] = {
		{ "more in use than there are", 0, 4, POOL_BLOCKS + 1, 0 },
		{ "none in use", 0, 4, 0, 0 },
		{ "a free block in the header", 8, 8, POOL + 8, 0 },
		{ "a free block between two", 8, 8, POOL + POOL_HEADER + 8, 0 },
		{ "a free block elsewhere", 8, 8, HEAP_BASE, 0 },
		{ "too large a class", 36, 4, 40, 0 },
		{ "another class", 36, 4, 5, 0 },
		{ "an end behind the pool", 40, 4, 1 << 20, 0 },
		{ "an end within a block", 40, 4, POOL_HEADER + POOL_BLOCK + 4, 0 },
		{ "a bound of another class", 44, 4, 16, 0 },
		{ "all free list and no blocks", 8, 8, 0, 1 },
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct pool p;
		uint64_t count = 0;
		CHECK(pool_open(&p));
		heap_put(&p.h, POOL + lies[i].offset, lies[i].value, lies[i].size);
		struct ph_heap_totals totals = find(&p, &count);
		if (totals.pools != lies[i].pools)
			fprintf(stderr, "%s:\n", lies[i].what);
		CHECK_EQ(totals.pools, lies[i].pools);
		CHECK_EQ(totals.bad_pools, lies[i].pools);
		pool_close(&p);
	}
}

/* Free lists that run in a circle, leave the pool, or are too long: the pool is named, its objects are found. */
static void free_lists(void)
{
	const ph_addr nexts[] = { pool_block(4), pool_block(0), pool_block(1) + 8, HEAP_BASE, UINT64_MAX, pool_block(1) };
	for (size_t i = 0; i < sizeof(nexts) / sizeof(*nexts); i++) {
		struct pool p;
		uint64_t count = 0;
		CHECK(pool_open(&p));
		heap_put(&p.h, pool_block(4), nexts[i], 8);
		struct ph_heap_totals totals = find(&p, &count);
		CHECK_EQ(totals.pools, 1);
		CHECK_EQ(totals.bad_pools, nexts[i] == pool_block(0) ? 0 : 1);
		CHECK(totals.in_pools >= 14);
		pool_close(&p);
	}
}

/* Objects of the gc outside of pools that link to themselves, to one another, to nothing. */
static void links(void)
{
	struct pool p;
	uint64_t count = 0;
	CHECK(pool_open(&p));
	struct heap *h = &p.h;
	size_t head = ph_target_sizeof(&h->target, PH_SIZEOF_PyGC_Head);
	ph_addr at[4];
	for (size_t i = 0; i < 4; i++) {
		heap_alloc(h, head);
		at[i] = heap_object(h, p.list, 40);
	}
	/* a list object in the pool's place of two blocks would not fit: the first is reached from the types */
	heap_set(h, p.list, PH_PyTypeObject_tp_dict, at[0]);
	heap_put(h, at[0] - head, at[1] - head, 8);
	heap_put(h, at[0] - head + 8, UINT64_MAX, 8);
	heap_put(h, at[1] - head, at[2] - head, 8);
	heap_put(h, at[2] - head, at[2] - head, 8);
	heap_put(h, at[2] - head + 8, at[3] - head, 8);
	heap_put(h, at[3] - head, UINT64_C(0x123456789), 8);
	/* items that lie */
	heap_set(h, at[3], PH_PyVarObject_ob_size, UINT64_C(1) << 60);
	heap_set(h, at[3], PH_PyListObject_ob_item, at[0]);
	heap_set(h, at[2], PH_PyVarObject_ob_size, 1000);
	heap_set(h, at[2], PH_PyListObject_ob_item, HEAP_BASE + HEAP_SIZE - 16);
	struct ph_heap_totals totals = find(&p, &count);
	CHECK_EQ(totals.in_pools, 15);
	/* type, object and the types that instances or fields lead to; the four lists hang on tp_dict of `list` */
	CHECK(totals.outside >= 3);
	pool_close(&p);
}

/* ---- blocks that begin like an object and are none ---- */

#define LARGE_POOL (HEAP_BASE + 0x50000)
#define LARGE 64 /* bytes of its blocks */

static ph_addr large(unsigned i)
{
	return LARGE_POOL + POOL_HEADER + i * LARGE;
}

static void put_head(struct heap *h, ph_addr at, ph_addr type)
{
	heap_set(h, at, PH_PyObject_ob_refcnt, 1);
	heap_set(h, at, PH_PyObject_ob_type, type);
}

static ph_addr put_items(struct heap *h, unsigned i, ph_addr type, uint64_t count)
{
	put_head(h, large(i), type);
	heap_set(h, large(i), PH_PyVarObject_ob_size, count);
	return large(i);
}

/* Compact, of characters of `kind` bytes. */
static ph_addr put_text(struct heap *h, unsigned i, ph_addr type, uint64_t length, unsigned kind, bool ascii)
{
	const struct ph_target *t = &h->target;
	put_head(h, large(i), type);
	heap_set(h, large(i), PH_PyASCIIObject_length, length);
	heap_set(h, large(i), PH_PyASCIIObject_state,
		 (uint64_t)kind << ph_target_trait(t, PH_TRAIT_STR_KIND_SHIFT) |
			 UINT64_C(1) << ph_target_trait(t, PH_TRAIT_STR_COMPACT_SHIFT) |
			 (uint64_t)ascii << ph_target_trait(t, PH_TRAIT_STR_ASCII_SHIFT));
	return large(i);
}

/* A list behind its head of the gc. */
static ph_addr put_list(struct heap *h, unsigned i, ph_addr type, ph_addr next, ph_addr prev)
{
	heap_put(h, large(i), next, 8);
	heap_put(h, large(i) + 8, prev, 8);
	put_head(h, large(i) + 16, type);
	return large(i) + 16;
}

static void false_objects(void)
{
	struct pool p;
	CHECK(pool_open(&p));
	struct heap *h = &p.h;
	ph_addr number = heap_type(h, "int", h->object, PH_TRAIT_TPFLAG_LONG_SUBCLASS, 24);
	ph_addr bytes = heap_type(h, "bytes", h->object, PH_TRAIT_TPFLAG_BYTES_SUBCLASS, 33);
	ph_addr str = heap_type(h, "str", h->object, PH_TRAIT_TPFLAG_UNICODE_SUBCLASS, 80);
	heap_set(h, number, PH_PyTypeObject_tp_itemsize, 4);
	heap_set(h, bytes, PH_PyTypeObject_tp_itemsize, 1);
	unsigned n = 0;
	ph_addr right[16], wrong[16];
	size_t rights = 0, wrongs = 0;
	right[rights++] = put_items(h, n++, number, 3);
	right[rights++] = put_items(h, n++, number, (uint64_t)-10);
	wrong[wrongs++] = put_items(h, n++, number, 11);
	wrong[wrongs++] = put_items(h, n++, number, UINT64_C(1) << 61);
	right[rights++] = put_items(h, n++, bytes, 31);
	wrong[wrongs++] = put_items(h, n++, bytes, 32);
	wrong[wrongs++] = put_items(h, n, bytes, 20);
	heap_put(h, large(n++) + 32 + 20, 'x', 1); /* no NUL */
	right[rights++] = put_text(h, n++, str, 15, 1, true);
	wrong[wrongs++] = put_text(h, n++, str, 16, 1, true);
	wrong[wrongs++] = put_text(h, n, str, 10, 1, true);
	heap_put(h, large(n++) + 48 + 10, 'x', 1);
	wrong[wrongs++] = put_text(h, n++, str, 4, 2, true); /* ASCII in two bytes each */
	wrong[wrongs++] = put_text(h, n++, str, 4, 3, false);
	/* a float takes 24 bytes, not 64 */
	put_head(h, large(n), p.number);
	wrong[wrongs++] = large(n++);
	/* two lists that know each other, one whose next is in no list, that one, and one that cannot say so */
	right[rights++] = put_list(h, n, p.list, large(n + 1), large(n + 1));
	right[rights++] = put_list(h, n + 1, p.list, large(n), large(n));
	n += 2;
	wrong[wrongs++] = put_list(h, n, p.list, large(n + 1), large(n - 1));
	n++;
	right[rights++] = put_list(h, n++, p.list, 0, 1);
	wrong[wrongs++] = put_list(h, n++, p.list, 0, pool_block(3));
	uint64_t size = (uint64_t)ph_target_trait(&h->target, PH_TRAIT_POOL_SIZE);
	pool_put_header(h, LARGE_POOL, n, n, 0);
	heap_put(h, LARGE_POOL + 36, LARGE / 16 - 1, 4);
	heap_put(h, LARGE_POOL + 40, POOL_HEADER + n * LARGE, 4);
	heap_put(h, LARGE_POOL + 44, size - LARGE, 4);
	struct ph_runtime *runtime = NULL;
	struct ph_heap *heap = NULL;
	CHECK(!ph_heap_create(h->objects, runtime, 1, &heap));
	for (size_t i = 0; heap && i < rights; i++)
		CHECK(ph_addrset_has(&heap->set, right[i]));
	for (size_t i = 0; heap && i < wrongs; i++) {
		if (ph_addrset_has(&heap->set, wrong[i]))
			fprintf(stderr, "block %u:\n", (unsigned)((wrong[i] - large(0)) / LARGE));
		CHECK(!ph_addrset_has(&heap->set, wrong[i]));
	}
	ph_heap_free(heap);
	pool_close(&p);
}

int main(void)
{
	addresses();
	marks(false);
	marks(true);
	honest();
	lying();
	free_lists();
	links();
	false_objects();
	return CHECK_DONE();
}
