/* SPDX-License-Identifier: GPL-3.0-or-later */
/* glibc's heaps, as chunks.c finds them and cached.c looks for chunks in them that are free but not marked so. */
#ifndef HEAP_CHUNKS_H
#define HEAP_CHUNKS_H

#include "heap/memory.h"

enum { PH_PREV_INUSE = 1, PH_IS_MMAPPED = 2, PH_NON_MAIN = 4, PH_CHUNK_FLAGS = 7 };

/* What the size of a word makes of it. */
struct ph_chunk_units {
	unsigned word;
	unsigned header;	/* up to what malloc() returns: the size of the chunk before, the size */
	unsigned least;		/* bytes of a chunk */
	unsigned state;		/* at least, of a malloc_state */
	uint64_t heap_maximum;	/* HEAP_MAX_SIZE: heaps of other arenas are aligned to it */
};

struct ph_malloc_heap {
	ph_addr start, first, end; /* of the memory; its first chunk */
	ph_addr top;		   /* its last chunk */
	ph_addr arena; /* the malloc_state in it; 0: there is none, or the main arena's, which lies in libc's data */
	uint64_t sizes; /* of its chunks, but for the last and fenceposts, or'ed: how they are aligned */
	bool is_main;
};

struct ph_malloc {
	struct ph_account *account;
	const struct ph_chunk_units *units;
	unsigned align; /* MALLOC_ALIGNMENT: two words, or 16 bytes where these are fewer (i386 since 2.26) */
	struct ph_malloc_heap *heaps;
	size_t count, capacity;
	uint64_t bytes;		  /* of all heaps */
	struct ph_addrset cached; /* what malloc() had returned for them */
};

/* Chunks in the caches of threads (tcache, since glibc 2.26) and in fast bins, which look as if they were in use, into
 * m->cached: lists of structures that check, each chunk of the size that its list is for.  malloc/malloc.c. */
void ph_malloc_find_cached(struct ph_malloc *m);

static inline bool ph_malloc_word(const struct ph_malloc *m, ph_addr at, uint64_t *ret)
{
	return ph_target_read_ptr(m->account->target, at, ret) == PH_OK;
}

#endif
