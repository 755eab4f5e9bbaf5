/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A heap that is broken here and there: each place is named, what lies beside it is found, and so is what lies in it and
 * others refer to. */
#include "unit/check.h"
#include "unit/poolmaker.h"

#define POOLS 3
#define GONE 1 /* the pool that is altered */
#define OWNED 10 /* numbers in each pool that a list refers to */

static uint64_t pool_size(const struct pool *p)
{
	return (uint64_t)ph_target_trait(&p->h.target, PH_TRAIT_POOL_SIZE);
}

static ph_addr pool_at(const struct pool *p, unsigned i)
{
	return POOL + i * pool_size(p);
}

/* `what` once, of the place at `address`; an address of 0: nothing at all. */
static void check_damage(const struct ph_heap *heap, const char *name, const char *what, ph_addr address)
{
	char place[40];
	size_t found = 0;
	snprintf(place, sizeof(place), "0x%llx", (unsigned long long)address);
	for (size_t i = 0; i < heap->damage.count; i++) {
		bool same = strstr(heap->damage.entries[i].what, what) && strstr(heap->damage.entries[i].what, place);
		found += same;
		if (!same)
			fprintf(stderr, "%s: %s\n", name, heap->damage.entries[i].what);
	}
	if (found != (address != 0))
		fprintf(stderr, "%s: %zu times %s %s\n", name, found, what, place);
	CHECK_EQ(found, address != 0);
	CHECK_EQ(heap->damage.count, address != 0);
}

static void put_list(struct pool *p, ph_addr list, ph_addr items, size_t count)
{
	heap_set(&p->h, list, PH_PyVarObject_ob_size, count);
	heap_set(&p->h, list, PH_PyListObject_ob_item, items);
	heap_set(&p->h, list, PH_PyListObject_allocated, count);
}

/* Of `pools` of one arena, each as the first; a list refers to some of each one's blocks. */
static bool open_arena(struct pool *p, unsigned minor)
{
	if (!pool_open_of(p, minor))
		return false;
	struct heap *h = &p->h;
	ph_addr owned[POOLS * OWNED];
	size_t count = 0;
	for (unsigned i = 0; i < POOLS; i++) {
		ph_addr at = pool_at(p, i);
		if (i)
			memcpy(h->bytes + (at - HEAP_BASE), h->bytes + (POOL - HEAP_BASE), pool_size(p));
		/* of this pool, the links of its list of free blocks, from the last to the first */
		for (unsigned k = 0; k < POOL_BLOCKS; k += 4)
			heap_put(h, at + POOL_HEADER + k * POOL_BLOCK,
				 k ? at + POOL_HEADER + (k - 4) * POOL_BLOCK : 0, 8);
		heap_put(h, at + 8, at + POOL_HEADER + (POOL_BLOCKS - 4) * POOL_BLOCK, 8);
		for (unsigned k = 0, n = 0; n < OWNED; k++)
			if (k % 4)
				owned[count++] = at + POOL_HEADER + k * POOL_BLOCK, n++;
	}
	heap_alloc(h, ph_target_sizeof(&h->target, PH_SIZEOF_PyGC_Head));
	ph_addr list = heap_object(h, p->list, 40), items = heap_alloc(h, sizeof(owned));
	memcpy(h->bytes + (items - HEAP_BASE), owned, sizeof(owned));
	put_list(p, list, items, count);
	heap_set(h, h->object, PH_PyTypeObject_tp_dict, list);
	return true;
}

static struct ph_heap *find(struct pool *p)
{
	struct ph_heap *heap = NULL;
	CHECK(!ph_heap_create(p->h.objects, NULL, 1, &heap));
	return heap;
}

static void heads(void)
{
	static const char head[] = "the head of the pool", list[] = "the list of free blocks of the pool";
	static const ph_addr middle = POOL + 0x4000;
	static const struct {
		const char *name;
		unsigned offset, size;
		uint64_t value;
		const char *what; /* NULL: nothing can be seen to be wrong */
	} all[] = {
		{ "as it was", 32, 4, 3, NULL },
		{ "szidx out of range", 36, 4, 400, head },
		{ "szidx of another class", 36, 4, 7, head },
		{ "ref.count of none", 0, 4, 0, head },
		{ "ref.count above what there is", 0, 4, 60000, head },
		{ "ref.count one too many", 0, 4, 16, list },
		{ "ref.count one too few", 0, 4, 14, list },
		{ "a free block elsewhere", 8, 8, HEAP_BASE + 0x9000, head },
		{ "a free block of the next pool", 8, 8, middle + 0x4000 + POOL_HEADER, head },
		{ "a free block within one", 8, 8, middle + POOL_HEADER + 8, head },
		{ "a list that leaves the pool", POOL_HEADER + 8 * POOL_BLOCK, 8, HEAP_BASE + 0x9000, list },
		{ "a list in a circle", POOL_HEADER + 4 * POOL_BLOCK, 8, middle + POOL_HEADER + 16 * POOL_BLOCK, list },
		{ "a list that ends early", POOL_HEADER + 8 * POOL_BLOCK, 8, 0, list },
		{ "nextoffset behind the pool", 40, 4, 0x8000, head },
		{ "maxnextoffset of no class", 44, 4, 0x3fe7, head },
		{ "another arenaindex", 32, 4, 7, head },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct pool p;
		CHECK(open_arena(&p, 11));
		CHECK_EQ(pool_at(&p, GONE), middle);
		heap_put(&p.h, middle + all[i].offset, all[i].value, all[i].size);
		struct ph_heap *heap = find(&p);
		if (heap) {
			check_damage(heap, all[i].name, all[i].what ? all[i].what : "", all[i].what ? middle : 0);
			/* all that something refers to, and all in the other pools */
			uint64_t objects = 0;
			for (ph_addr at = POOL; at < POOL + POOLS * pool_size(&p); at += 8)
				objects += ph_addrset_has(&heap->set, at);
			CHECK(objects >= 2 * 15 + OWNED);
		}
		ph_heap_free(heap);
		pool_close(&p);
	}
}

/* Lists of the gc: those that end, lead elsewhere, or round in a circle that not all are in.  Of 3.7: what runs says since
 * whether a collection does. */
static void gc_lists(void)
{
	enum { COUNT = 6, REACHABLE = -3 * 2 };
	static const struct {
		const char *name;
		int next;   /* of the third: which; -1 none, -2 elsewhere */
		int broken; /* behind which; -1 nowhere */
	} all[] = { { "whole", 3, -1 }, { "ends", -1, 1 }, { "leads elsewhere", -2, 2 }, { "leads back", 1, 2 },
		    { "leads to itself", 2, 2 } };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct pool p;
		CHECK(open_arena(&p, 7));
		struct heap *h = &p.h;
		size_t head = ph_target_sizeof(&h->target, PH_SIZEOF_PyGC_Head);
		ph_addr at[COUNT];
		for (size_t k = 0; k < COUNT; k++) {
			heap_alloc(h, head);
			at[k] = heap_object(h, p.list, 40);
		}
		for (size_t k = 0; k < COUNT; k++) {
			heap_put(h, at[k] - head, at[(k + 1) % COUNT] - head, 8);
			heap_put(h, at[k] - head + 8, at[(k + COUNT - 1) % COUNT] - head, 8);
			heap_put(h, at[k] - head + 16, (uint64_t)REACHABLE, 8);
		}
		heap_set(h, p.number, PH_PyTypeObject_tp_dict, at[0]);
		ph_addr next = all[i].next == -1 ? 0 : all[i].next == -2 ? HEAP_BASE + 0x9000 : at[all[i].next] - head;
		heap_put(h, at[2] - head, next, 8);
		struct ph_heap *heap = find(&p);
		if (heap) {
			check_damage(heap, all[i].name, "its list of objects breaks behind", all[i].broken < 0 ? 0 : at[all[i].broken]);
			for (size_t k = 0; k < COUNT; k++)
				CHECK(ph_addrset_has(&heap->set, at[k]));
		}
		ph_heap_free(heap);
		pool_close(&p);
	}
}

/* Types whose types lead round in a circle, or to what is none: what claims to be theirs is no object. */
static void type_chains(void)
{
	struct pool p;
	CHECK(open_arena(&p, 11));
	struct heap *h = &p.h;
	ph_addr first = heap_type(h, "first", h->object, PH_TRAIT_TPFLAG_READY, 24);
	ph_addr second = heap_type(h, "second", h->object, PH_TRAIT_TPFLAG_READY, 24);
	ph_addr own = heap_type(h, "own", h->object, PH_TRAIT_TPFLAG_READY, 24);
	ph_addr lost = heap_type(h, "lost", h->object, PH_TRAIT_TPFLAG_READY, 24);
	ph_addr bases = heap_type(h, "bases", h->object, PH_TRAIT_TPFLAG_READY, 24);
	heap_set(h, first, PH_PyObject_ob_type, second);
	heap_set(h, second, PH_PyObject_ob_type, first);
	heap_set(h, own, PH_PyObject_ob_type, own);
	heap_set(h, lost, PH_PyObject_ob_type, HEAP_BASE + 0x9000);
	heap_set(h, bases, PH_PyTypeObject_tp_base, bases);
	const ph_addr types[] = { first, second, own, lost };
	for (unsigned i = 0; i < 4; i++)
		heap_put(h, pool_block(2 * i + 1) + 8, types[i], 8);
	heap_put(h, pool_block(9) + 8, bases, 8);
	struct ph_heap *heap = find(&p);
	for (unsigned i = 0; heap && i < 4; i++) {
		if (ph_addrset_has(&heap->set, pool_block(2 * i + 1)))
			fprintf(stderr, "of type %u:\n", i);
		CHECK(!ph_addrset_has(&heap->set, pool_block(2 * i + 1)));
	}
	CHECK(!heap || ph_addrset_has(&heap->set, pool_block(10)));
	ph_heap_free(heap);
	pool_close(&p);
}

int main(void)
{
	heads();
	gc_lists();
	type_chains();
	return CHECK_DONE();
}
