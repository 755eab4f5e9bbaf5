/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pools of pymalloc and chunks of glibc's malloc in 32-bit processes of either byte order: offsets as Objects/obmalloc.c
 * and malloc/malloc.c give them there, not as our tables do. */
#define HEAP_BASE UINT64_C(0x88000000)

#include "heap/memory.h"

#include "unit/check.h"
#include "unit/heapmaker.h"

#define POOL (HEAP_BASE + 0x40000)
#define POOL_SIZE 4096
#define HEADER 32
#define BLOCK 16
#define BLOCKS 20
#define MALLOC (HEAP_BASE + 0x80000)
#define MALLOC_SIZE 0x4000
#define MAPPED (HEAP_BASE + 0xc0000)

static const struct machine {
	const char *name;
	struct ph_abi abi;
	unsigned align; /* MALLOC_ALIGNMENT */
	unsigned minor;
} machines[] = {
	{ "i386", { .pointer_size = 4, .long_size = 4, .max_align = 4, .lock_size = 24 }, 16, 11 },
	{ "i386, 3.6", { .pointer_size = 4, .long_size = 4, .max_align = 4, .lock_size = 24 }, 8, 6 },
	{ "armhf", { .pointer_size = 4, .long_size = 4, .max_align = 8, .lock_size = 24 }, 8, 11 },
	{ "big-endian", { .pointer_size = 4, .long_size = 4, .max_align = 8, .lock_size = 24, .big_endian = true }, 16, 11 },
};

struct process {
	struct heap h;
	struct ph_segment segments[3];
	ph_addr number, list; /* types: without and with the gc */
};

static void put(struct heap *h, ph_addr at, uint64_t value)
{
	heap_put(h, at, value, 4);
}

static void put_header(struct heap *h, ph_addr pool, unsigned used, unsigned blocks, unsigned size, ph_addr free_block)
{
	put(h, pool, used);
	put(h, pool + 4, free_block);
	put(h, pool + 16, 3);
	put(h, pool + 20, size / 8 - 1);
	put(h, pool + 24, HEADER + blocks * size);
	put(h, pool + 28, POOL_SIZE - size);
}

static void put_object(struct heap *h, ph_addr at, ph_addr type)
{
	put(h, at, 1);
	put(h, at + 4, type);
}

static ph_addr block(unsigned i)
{
	return POOL + HEADER + i * BLOCK;
}

/* A pool of numbers, every fourth block free. */
static bool process_open(struct process *p, const struct machine *m)
{
	struct heap *h = &p->h;
	*p = (struct process){ 0 };
	if (!heap_open_as(h, (struct ph_version){ 3, (uint8_t)m->minor, 2, 0xf, 0 }, m->abi))
		return false;
	const ph_addr starts[] = { HEAP_BASE, MALLOC, MAPPED, HEAP_BASE + HEAP_SIZE };
	for (unsigned i = 0; i < 3; i++)
		p->segments[i] = (struct ph_segment){ .start = starts[i], .end = i == 1 ? MALLOC + MALLOC_SIZE : starts[i + 1],
						      .readable = true, .writable = true };
	for (unsigned i = 0; i < 3; i++)
		p->segments[i].file_size = p->segments[i].end - p->segments[i].start;
	h->image->segments = p->segments;
	h->image->segment_count = 3;
	p->number = heap_type(h, "float", h->object, PH_TRAIT_TPFLAG_READY, 16);
	p->list = heap_type(h, "list", h->object, PH_TRAIT_TPFLAG_HAVE_GC, 20);
	ph_addr last = 0;
	for (unsigned i = 0; i < BLOCKS; i++) {
		put_object(h, block(i), p->number);
		if (i % 4 == 0) {
			put(h, block(i), last);
			last = block(i);
		}
	}
	put_header(h, POOL, BLOCKS - BLOCKS / 4, BLOCKS, BLOCK, last);
	return true;
}

static void process_close(struct process *p)
{
	p->h.image->segments = NULL;
	p->h.image->segment_count = 0;
	heap_close(&p->h);
}

static struct ph_heap *find(struct process *p)
{
	struct ph_heap *heap = NULL;
	CHECK(!ph_heap_create(p->h.objects, NULL, 1, &heap));
	return heap;
}

static void honest(const struct machine *m)
{
	struct process p;
	CHECK(process_open(&p, m));
	/* one whose count is 0, and one whose type is none */
	put(&p.h, block(1), 0);
	put(&p.h, block(2) + 4, 12345);
	struct ph_heap *heap = find(&p);
	if (heap) {
		CHECK_EQ(heap->totals.pools, 1);
		CHECK_EQ(heap->totals.bad_pools, 0);
		CHECK_EQ(heap->totals.allocated, 15 * BLOCK);
		CHECK_EQ(heap->totals.in_pools, 13);
		CHECK_EQ(heap->totals.object_bytes, 13 * BLOCK);
		CHECK_EQ(heap->totals.head_bytes, HEADER);
		CHECK_EQ(heap->totals.free_blocks, (POOL_SIZE - HEADER) / BLOCK - 15);
		CHECK(ph_addrset_has(&heap->set, block(3)) && !ph_addrset_has(&heap->set, block(4)));
		CHECK(!ph_addrset_has(&heap->set, block(3) + 4));
		/* the whole pool is marked as one: either half of its page */
		CHECK_EQ(ph_heap_block_size(heap, POOL), BLOCK);
		CHECK_EQ(ph_heap_block_size(heap, POOL + POOL_SIZE - 8), BLOCK);
		CHECK_EQ(ph_heap_block_size(heap, POOL + POOL_SIZE), 0);
	}
	ph_heap_free(heap);
	process_close(&p);
}

static void lying(const struct machine *m)
{
	static const struct {
		const char *what;
		unsigned offset;
		uint64_t value;
		unsigned pools;
	} lies[] = {
		{ "more in use than there are", 0, BLOCKS + 1, 0 },
		{ "a free block in the header", 4, POOL + 16, 0 },
		{ "a free block between two", 4, POOL + HEADER + 8, 0 },
		{ "a free block elsewhere", 4, HEAP_BASE, 0 },
		{ "a class of blocks aligned to 16", 20, 0, 0 },
		{ "an end within a block", 24, HEADER + BLOCK + 8, 0 },
		{ "a bound of another class", 28, 16, 0 },
		{ "the header of 64-bit machines", 24, 48 + BLOCK + 4, 0 },
		{ "all free list and no blocks", 4, 0, 1 },
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct process p;
		CHECK(process_open(&p, m));
		put(&p.h, POOL + lies[i].offset, lies[i].value);
		struct ph_heap *heap = find(&p);
		if (heap && heap->totals.pools != lies[i].pools)
			fprintf(stderr, "%s:\n", lies[i].what);
		CHECK(heap && heap->totals.pools == lies[i].pools && heap->totals.bad_pools == lies[i].pools);
		ph_heap_free(heap);
		process_close(&p);
	}
}

/* A class lies in a pool here, and so do its instances; lists lie behind a head of 8 bytes, or of 12 in 3.6 on i386. */
static void kinds(const struct machine *m)
{
	enum { CLASS = 456, LIST = 32, GUARDED = 40 };
	const ph_addr classes = POOL + POOL_SIZE, lists = POOL + 2 * POOL_SIZE, guarded = POOL + 3 * POOL_SIZE;
	struct process p;
	CHECK(process_open(&p, m));
	struct heap *h = &p.h;
	unsigned head = m->minor > 7 ? 8 : m->abi.max_align == 4 ? 12 : 16;
	/* without the gc, for simplicity's sake */
	ph_addr class = classes + HEADER;
	put_header(h, classes, 1, 1, CLASS, 0);
	put_object(h, class, h->type);
	heap_set(h, class, PH_PyTypeObject_tp_name, heap_text(h, "Small"));
	heap_set(h, class, PH_PyTypeObject_tp_basicsize, 16);
	heap_set(h, class, PH_PyTypeObject_tp_base, h->object);
	heap_set(h, class, PH_PyTypeObject_tp_flags, UINT64_C(1) << ph_target_trait(&h->target, PH_TRAIT_TPFLAG_READY));
	put(h, block(3) + 4, class);
	/* two lists that know each other */
	put_header(h, lists, 2, 2, LIST, 0);
	ph_addr first = lists + HEADER, second = first + LIST;
	put(h, first, second);
	put(h, first + 4, second);
	put(h, second, first);
	put(h, second + 4, first);
	if (m->minor < 8) {
		put(h, first + 8, (uint64_t)-3 << 1); /* GC_REACHABLE */
		put(h, second + 8, (uint64_t)-3 << 1);
	}
	put_object(h, first + head, p.list);
	put_object(h, second + head, p.list);
	/* of PYTHONMALLOC=debug: 16 bytes between guards, and one whose guard behind is broken */
	put_header(h, guarded, 2, 2, GUARDED, 0);
	for (unsigned i = 0; i < 2; i++) {
		ph_addr at = guarded + HEADER + i * GUARDED;
		memcpy(h->bytes + (at - HEAP_BASE), "\0\0\0\20o\375\375\375", 8);
		put_object(h, at + 8, p.number);
		memset(h->bytes + (at + 24 - HEAP_BASE), 0xfd, i ? 3 : 8);
	}
	struct ph_heap *heap = find(&p);
	if (heap) {
		CHECK_EQ(heap->totals.pools, 4);
		CHECK_EQ(heap->totals.bad_pools, 0);
		CHECK_EQ(heap->pymalloc.has_types, true);
		CHECK(ph_addrset_has(&heap->set, block(3)));
		CHECK(ph_addrset_has(&heap->set, first + head) && ph_addrset_has(&heap->set, second + head));
		CHECK(!ph_addrset_has(&heap->set, first));
		CHECK(ph_addrset_has(&heap->set, guarded + HEADER + 8));
		CHECK(!ph_addrset_has(&heap->set, guarded + HEADER + GUARDED + 8));
	}
	ph_heap_free(heap);
	process_close(&p);
}

static void put_chunk(struct heap *h, ph_addr *at, uint64_t size, unsigned flags)
{
	put(h, *at + 4, size | flags);
	*at += size;
}

/* A heap with a table of cached chunks, one of which is cached, an object, a free chunk and the last one; and a chunk that
 * is a mapping of its own. */
static void chunks(const struct machine *m)
{
	enum { PREV_INUSE = 1, IS_MMAPPED = 2 };
	struct process p;
	CHECK(process_open(&p, m));
	struct heap *h = &p.h;
	const unsigned table_size = (2 * 64 + 4 * 64 + 4 + m->align - 1) / m->align * m->align;
	/* what malloc() returns is aligned */
	ph_addr first = MALLOC + (m->align - 8), at = first;
	put_chunk(h, &at, table_size, PREV_INUSE);
	ph_addr cached = at;
	put_chunk(h, &at, 32, PREV_INUSE);
	/* the list for chunks of 32 bytes */
	put(h, first + 8 + 2 * 64 + 4 * ((32 - 16) / m->align), cached + 8);
	put(h, cached + 8, (cached + 8) >> 12); /* PROTECT_PTR of NULL */
	ph_addr object = at;
	put_chunk(h, &at, 48, PREV_INUSE);
	put_object(h, object + 8, p.number);
	put(h, object + 8 + 4, p.number);
	ph_addr buffer = at;
	put_chunk(h, &at, m->align == 8 ? 56 : 64, PREV_INUSE);
	ph_addr free_chunk = at;
	put_chunk(h, &at, 64, PREV_INUSE);
	ph_addr behind = at;
	put_chunk(h, &at, 32, 0);
	ph_addr top = at;
	put_chunk(h, &at, MALLOC + MALLOC_SIZE - at, PREV_INUSE);
	unsigned shift = m->align - 8;
	put(h, MAPPED + shift, shift);
	put(h, MAPPED + shift + 4, (0x2000 - shift) | IS_MMAPPED);
	/* something refers to the object */
	heap_set(h, p.number, PH_PyTypeObject_tp_dict, object + 8);
	struct ph_heap *heap = find(&p);
	struct ph_memory memory = { 0 };
	CHECK(heap && ph_addrset_has(&heap->set, object + 8));
	CHECK(heap && !ph_heap_memory(heap, NULL, &memory));
	const struct ph_memory_row *rows = memory.rows;
	uint64_t total = 0;
	for (unsigned i = 0; i < PH_MEMORY_COUNT; i++)
		total += rows[i].bytes;
	CHECK_EQ(total, memory.total);
	CHECK_EQ(rows[PH_MEMORY_MALLOC_OBJECTS].bytes, 48);
	CHECK_EQ(rows[PH_MEMORY_MALLOC_CACHED].bytes, 32);
	CHECK_EQ(rows[PH_MEMORY_MALLOC_FREE].bytes, behind - free_chunk);
	CHECK_EQ(rows[PH_MEMORY_MALLOC_TOP].bytes, MALLOC + MALLOC_SIZE - top);
	CHECK_EQ(rows[PH_MEMORY_MALLOC_OTHER].bytes, table_size + (free_chunk - buffer) + 32 + 0x2000 - shift);
	CHECK_EQ(rows[PH_MEMORY_MALLOC_OVERHEAD].bytes, first - MALLOC + shift);
	CHECK_EQ(rows[PH_MEMORY_POOL_OBJECTS].bytes, 15 * BLOCK);
	ph_memory_deinit(&memory);
	ph_heap_free(heap);
	process_close(&p);
}

/* A pointer behind a pool that is full is not one to its last block, and what lies before that is no chunk's size. */
static void behind_pool(const struct machine *m)
{
	enum { FULL = (POOL_SIZE - HEADER) / BLOCK };
	const ph_addr pool = POOL + POOL_SIZE;
	struct process p;
	CHECK(process_open(&p, m));
	struct heap *h = &p.h;
	put_header(h, pool, FULL, FULL, BLOCK, 0);
	put(h, pool + 24, POOL_SIZE); /* nextoffset, beyond maxnextoffset */
	for (unsigned i = 0; i < FULL - 1; i++)
		put_object(h, pool + HEADER + i * BLOCK, p.number);
	ph_addr last = pool + HEADER + (FULL - 1) * BLOCK;
	put(h, last - 4, 0x7ffffff1);
	struct ph_heap *heap = find(&p);
	struct ph_account *account = NULL;
	struct ph_memory memory = { 0 };
	CHECK(heap && heap->totals.pools == 2 && !ph_account_begin(heap, NULL, &account));
	ph_account_objects(account);
	CHECK(ph_addrset_has(&account->blocks, last));
	ph_account_claim(account, pool + POOL_SIZE + 8, true);
	CHECK(!ph_account_end(account, &memory));
	CHECK_EQ(memory.rows[PH_MEMORY_POOL_OTHER].bytes, BLOCK);
	CHECK_EQ(memory.rows[PH_MEMORY_MALLOC_OWNED].bytes, 0);
	CHECK_EQ(memory.rows[PH_MEMORY_MALLOC_OTHER].bytes, 0);
	ph_memory_deinit(&memory);
	ph_account_free(account);
	ph_heap_free(heap);
	process_close(&p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		unsigned before = check_failures;
		honest(&machines[i]);
		lying(&machines[i]);
		kinds(&machines[i]);
		chunks(&machines[i]);
		behind_pool(&machines[i]);
		if (check_failures != before)
			fprintf(stderr, "on %s\n", machines[i].name);
	}
	return CHECK_DONE();
}
