/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks of mimalloc, which free-threaded builds have for all of Python's memory, others with PYTHONMALLOC=mimalloc.
 *
 * Segments of 32 MiB, aligned to that, begin with a header that checks itself, so that neither the threads' heaps nor
 * the list of what ended threads abandoned is needed; they are cut into pages of one block size each (mi_segment_t and
 * mi_page_t of Include/internal/mimalloc/mimalloc/types.h, Objects/mimalloc/segment.c).  On 64-bit machines only. */
#ifndef RUNTIME_MIMALLOC_H
#define RUNTIME_MIMALLOC_H

#include "target/target.h"

/* The heaps of a thread of a free-threaded build: _Py_mimalloc_heap_id of pycore_mimalloc.h. */
enum ph_mi_tag {
	PH_MI_MEMORY,	     /* no objects */
	PH_MI_OBJECTS,	     /* that the gc does not track */
	PH_MI_GC_OBJECTS,
	PH_MI_GC_PRE_OBJECTS /* behind two words for __dict__ and weak references */
};

struct ph_mi_page {
	ph_addr header;	    /* its mi_page_t */
	ph_addr area, end;  /* all its bytes: [area, end) */
	ph_addr start;	    /* of the first block */
	uint64_t block_size;
	uint32_t capacity; /* blocks from the first on that were ever handed out; they lie below `end` */
	uint8_t tag;	   /* enum ph_mi_tag; PH_MI_MEMORY in builds with a GIL, for all */
};

struct ph_mi_segment {
	ph_addr start, end;
	ph_addr pages; /* where the first page's area begins: the header lies before */
	bool broken;   /* its list of pages is not right: those before that place are there */
};

struct ph_mimalloc {
	struct ph_mi_page *pages; /* sorted by address, as are the segments */
	size_t page_count, page_capacity;
	struct ph_mi_segment *segments;
	size_t segment_count, segment_capacity;
};

/* Every page in use of an image; afterwards the target's layout has the structs of the mimalloc that fits. */
struct ph_error *ph_mimalloc_find(struct ph_target *target, struct ph_mimalloc *ret)
	__attribute__((warn_unused_result));
void ph_mimalloc_deinit(struct ph_mimalloc *mimalloc);

/* The page whose area holds the address; NULL none. */
const struct ph_mi_page *ph_mimalloc_page(const struct ph_mimalloc *mimalloc, ph_addr address);

/* Which blocks are free: a bit each, of PH_MI_BLOCKS bits; false when a list of them lies. */
#define PH_MI_BLOCKS 65536
bool ph_mi_free_blocks(const struct ph_target *target, const struct ph_mi_page *page,
		       uint64_t free_blocks[PH_MI_BLOCKS / 64]);

#endif
