/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sweep over pages of mimalloc, and what they are for. */
#include "base/callbacks.h"
#include "heap/memory.h"
#include "heap/work.h"

#define WINDOW ((ph_addr)4 << 20) /* pages behind it are given back */

/* In free-threaded builds what Python asks for that is no object lies in pages of its own. */
static bool has_objects(const struct ph_heap *heap, const struct ph_mi_page *page)
{
	return page->tag != PH_MI_MEMORY || ph_target_trait(heap->target, PH_TRAIT_GC_NO_HEAD) <= 0;
}

static void sweep_page(struct ph_heap_work *w, const struct ph_mi_page *page)
{
	enum { HEAD_MAXIMUM = 128 }; /* what precedes an object, and its head */
	struct ph_heap *heap = w->heap;
	uint64_t free_blocks[PH_MI_BLOCKS / 64];
	w->slack = page->block_size / 4; /* four sizes between powers of two */
	if (!ph_mi_free_blocks(heap->target, page, free_blocks)) {
		w->totals.bad_pools++;
		ph_heap_note(heap, PH_FAULT_PAGE, page->area, "");
	}
	for (unsigned i = 0; i < page->capacity; i++) {
		if (free_blocks[i / 64] >> i % 64 & 1)
			continue;
		ph_addr block = page->start + i * page->block_size;
		const struct ph_shape *shape = NULL;
		const uint8_t *data = ph_image_look(heap->target->image, block,
						    page->block_size < HEAD_MAXIMUM ? page->block_size : HEAD_MAXIMUM);
		ph_addr object = data ? ph_work_object(w, block, data, page->block_size, &shape) : 0;
		if (object)
			(void)ph_addrset_add(&heap->set, object);
	}
}

/* What the objects in a page refer to. */
static struct ph_error *walk_page(struct ph_heap_work *w, const struct ph_mi_page *page)
{
	const struct ph_addrset *set = &w->heap->set;
	ph_addr step = ph_addrset_low_bits(set) + 1, next;
	for (ph_addr at = page->start & ~(ph_addr)7; at < page->end;) {
		if (ph_addrset_is_empty_word(set, at, &next)) {
			at = next;
			continue;
		}
		for (; at < next && at < page->end; at += step)
			if (ph_addrset_has(set, at))
				ph_work_walk(w, at);
	}
	return ph_work_drain(w);
}

/* Objects first, so that few of those that they refer to are news.  Pages are not marked: what refers to an object in a
 * block that a free list claims, or in a page of other memory, is believed where it has a type and a count. */
struct ph_error *ph_heap_sweep_mimalloc(struct ph_heap_work *w)
{
	const struct ph_mimalloc *m = &w->heap->mimalloc;
	const struct ph_callbacks *callbacks = ph_image_callbacks(w->heap->target->image);
	struct ph_error *error = NULL;
	ph_addr behind = m->page_count ? m->pages[0].area : 0;
	for (size_t i = 0; i < m->segment_count; i++)
		if (m->segments[i].broken)
			ph_heap_note(w->heap, PH_FAULT_SEGMENT, m->segments[i].start, "");
	for (size_t i = 0; !error && i < 2 * m->page_count; i++) {
		const struct ph_mi_page *page = &m->pages[i % m->page_count];
		if (i % 64 == 0)
			error = ph_progress(callbacks, "finding the heap", i, 2 * m->page_count);
		if (page->area < behind || page->area - behind > WINDOW) {
			ph_image_leave_pages(w->heap->target->image, behind, behind + WINDOW);
			behind = page->area;
		}
		if (error || !has_objects(w->heap, page))
			continue;
		if (i < m->page_count)
			sweep_page(w, page);
		else
			error = walk_page(w, page);
	}
	return error;
}

/* ---- what the memory is for ---- */

ph_addr ph_account_mi_block(const struct ph_account *a, ph_addr address, uint64_t *ret_size)
{
	const struct ph_mi_page *page = ph_mimalloc_page(&a->heap->mimalloc, address);
	if (!page || address < page->start || address - page->start >= page->capacity * page->block_size)
		return 0;
	*ret_size = page->block_size;
	return address - (address - page->start) % page->block_size;
}

/* The first object in a block, behind what precedes it and the debug allocator's head; 0 none. */
static ph_addr first_object(const struct ph_addrset *set, ph_addr block, uint64_t size)
{
	enum { FRONT_MAXIMUM = 80 };
	for (ph_addr at = (block + 7) & ~(ph_addr)7; at < block + size && at < block + FRONT_MAXIMUM; at += 8)
		if (ph_addrset_has(set, at))
			return at;
	return 0;
}

uint64_t ph_account_mi_object(const struct ph_account *a, ph_addr object)
{
	uint64_t size;
	ph_addr block = ph_account_mi_block(a, object, &size);
	return block && first_object(&a->heap->set, block, size) == object ? size : 0;
}

static void put(struct ph_account *a, enum ph_memory_kind kind, uint64_t bytes, uint64_t count)
{
	a->memory.rows[kind].bytes += bytes;
	a->memory.rows[kind].count += count;
}

static void account_page(struct ph_account *a, const struct ph_mi_page *page)
{
	uint64_t free_blocks[PH_MI_BLOCKS / 64], size = page->block_size, room = (page->end - page->start) / size;
	(void)ph_mi_free_blocks(a->target, page, free_blocks);
	put(a, PH_MEMORY_MIMALLOC_OVERHEAD, page->end - page->area - room * size, 1);
	put(a, PH_MEMORY_MIMALLOC_FREE, (room - page->capacity) * size, room - page->capacity);
	for (unsigned i = 0; i < page->capacity; i++) {
		ph_addr block = page->start + i * size;
		/* where a list lies, what is an object is none the less */
		if (first_object(&a->heap->set, block, size)) {
			put(a, PH_MEMORY_MIMALLOC_OBJECTS, size, 1);
		} else if (free_blocks[i / 64] >> i % 64 & 1) {
			put(a, PH_MEMORY_MIMALLOC_FREE, size, 1);
		} else {
			put(a, PH_MEMORY_MIMALLOC_OTHER, size, 1);
			(void)ph_addrset_add(&a->blocks, block);
		}
	}
}

void ph_account_segments(struct ph_account *a)
{
	const struct ph_mimalloc *m = &a->heap->mimalloc;
	for (size_t i = 0; i < m->segment_count; i++)
		ph_account_extent(a, m->segments[i].start, m->segments[i].end, PH_USE_MIMALLOC);
}

void ph_account_mimalloc(struct ph_account *a)
{
	const struct ph_mimalloc *m = &a->heap->mimalloc;
	ph_addr behind = 0;
	for (size_t i = 0; i < m->segment_count; i++)
		put(a, PH_MEMORY_MIMALLOC_OVERHEAD, m->segments[i].pages - m->segments[i].start, 1);
	for (size_t i = 0; i < m->page_count; i++) {
		ph_account_leave(a, &behind, m->pages[i].area);
		account_page(a, &m->pages[i]);
	}
}
