/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process of heapmaker.h with a pool of pymalloc in it. */
#ifndef UNIT_POOLMAKER_H
#define UNIT_POOLMAKER_H

#include "heap/heap.h"
#include "unit/heapmaker.h"

#define POOL (HEAP_BASE + 0x40000)
#define POOL_BLOCK 32
#define POOL_BLOCKS 20

#define POOL_HEADER 48 /* bytes, of a 64-bit process */

struct pool {
	struct heap h;
	struct ph_segment segment;
	ph_addr number, list; /* types: without and with the gc */
};

static inline void pool_put_header(struct heap *h, ph_addr pool, uint32_t used, uint32_t blocks, ph_addr free_block)
{
	uint64_t size = (uint64_t)ph_target_trait(&h->target, PH_TRAIT_POOL_SIZE);
	heap_put(h, pool, used, 4);
	heap_put(h, pool + 8, free_block, 8);
	heap_put(h, pool + 32, 3, 4);
	heap_put(h, pool + 36, POOL_BLOCK / 16 - 1, 4);
	heap_put(h, pool + 40, POOL_HEADER + blocks * POOL_BLOCK, 4);
	heap_put(h, pool + 44, size - POOL_BLOCK, 4);
}

static inline ph_addr pool_block(unsigned i)
{
	return POOL + POOL_HEADER + i * POOL_BLOCK;
}

/* A pool of numbers, every fourth block free. */
static inline bool pool_open_of(struct pool *p, unsigned minor)
{
	struct heap *h = &p->h;
	if (!heap_open(h, (struct ph_version){ 3, minor, 7, 0xf, 0 }))
		return false;
	p->segment = (struct ph_segment){
		.start = HEAP_BASE, .end = HEAP_BASE + HEAP_SIZE, .file_size = HEAP_SIZE, .readable = true, .writable = true,
	};
	h->image->segments = &p->segment;
	h->image->segment_count = 1;
	p->number = heap_type(h, "float", h->object, PH_TRAIT_TPFLAG_READY, 24);
	p->list = heap_type(h, "list", h->object, PH_TRAIT_TPFLAG_HAVE_GC, 40);
	ph_addr last = 0;
	for (unsigned i = 0; i < POOL_BLOCKS; i++) {
		heap_put(h, pool_block(i), 1, 8);
		heap_put(h, pool_block(i) + 8, p->number, 8);
		if (i % 4 == 0) {
			heap_put(h, pool_block(i), last, 8);
			last = pool_block(i);
		}
	}
	pool_put_header(h, POOL, POOL_BLOCKS - POOL_BLOCKS / 4, POOL_BLOCKS, last);
	return true;
}

static inline bool pool_open(struct pool *p)
{
	return pool_open_of(p, 11);
}

static inline void pool_close(struct pool *p)
{
	p->h.image->segments = NULL;
	p->h.image->segment_count = 0;
	heap_close(&p->h);
}

#endif
