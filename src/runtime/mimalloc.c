/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/mimalloc.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_ALIGN ((ph_addr)32 << 20) /* MI_SEGMENT_ALIGN */
#define SLICE ((uint64_t)64 << 10)	  /* MI_SEGMENT_SLICE_SIZE */
#define SLICES 512			  /* MI_SLICES_PER_SEGMENT */
#define HUGE_MAXIMUM ((uint64_t)1 << 40)
#define TAG_SHIFT 3 /* behind is_committed, is_zero_init and use_qsbr, where it is a bit-field */
#define TAG_MASK 15

static uint64_t word(const struct ph_target *t, ph_addr base, enum ph_field field)
{
	uint64_t value = 0;
	(void)ph_target_uint(t, base, field, &value);
	return value;
}

static void *grown(void *list, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return list;
	size_t wanted = *capacity ? *capacity * 2 : 64;
	list = realloc(list, wanted * size);
	if (list)
		*capacity = wanted;
	return list;
}

/* _mi_segment_page_start_from_slice() of 2.1, which later versions keep in the page */
static ph_addr first_block(const struct ph_target *t, const struct ph_mi_page *page)
{
	uint64_t size = page->block_size;
	if (ph_target_has(t, PH_mi_page_t_page_start))
		return word(t, page->header, PH_mi_page_t_page_start);
	return page->area + (size < 8 ? 0 : size <= 64 ? 3 * size : size <= 512 ? size : 0);
}

/* False when it is none in use. */
static bool load_page(const struct ph_target *t, struct ph_mi_page *page)
{
	bool old = ph_target_has(t, PH_mi_page_t_xblock_size);
	page->block_size = word(t, page->header, old ? PH_mi_page_t_xblock_size : PH_mi_page_t_block_size);
	page->capacity = (uint32_t)word(t, page->header, PH_mi_page_t_capacity);
	page->tag = (uint8_t)(ph_target_has(t, PH_mi_page_t_heap_tag) ?
				      word(t, page->header, PH_mi_page_t_heap_tag) :
				      word(t, page->header, PH_mi_page_t_is_committed) >> TAG_SHIFT & TAG_MASK);
	/* of a huge block the size is the page's */
	if (page->block_size > page->end - page->area && page->capacity == 1)
		page->block_size = page->end - page->area;
	if (page->block_size < 8 || page->block_size & 7 || !page->capacity)
		return false;
	page->start = first_block(t, page);
	return !(page->start & 7) && page->start >= page->area && page->start < page->end &&
	       page->capacity <= (page->end - page->start) / page->block_size;
}

static struct ph_error *add_pages(const struct ph_target *t, struct ph_mimalloc *m, struct ph_mi_segment *segment)
{
	uint64_t slices = word(t, segment->start, PH_mi_segment_t_slice_entries);
	size_t stride = ph_target_sizeof(t, PH_SIZEOF_mi_page_t);
	ph_addr first = ph_target_at(t, segment->start, PH_mi_segment_t_slices);
	uint64_t info = (segment->pages - segment->start) / SLICE;
	for (uint64_t i = info, count; i < slices; i += count) {
		struct ph_mi_page page = { .header = first + i * stride, .area = segment->start + i * SLICE };
		count = word(t, page.header, PH_mi_page_t_slice_count);
		if (!count || word(t, page.header, PH_mi_page_t_slice_offset) ||
		    count > (segment->end - page.area) / SLICE) {
			segment->broken = true;
			return NULL;
		}
		page.end = page.area + count * SLICE;
		if (!load_page(t, &page))
			continue;
		void *pages = grown(m->pages, m->page_count, &m->page_capacity, sizeof(*m->pages));
		if (!pages)
			return &ph_error_no_memory;
		m->pages = pages;
		m->pages[m->page_count++] = page;
	}
	return NULL;
}

/* Does everything in the header agree?  Its own slices are the first page. */
static bool load_segment(const struct ph_target *t, ph_addr at, struct ph_mi_segment *ret)
{
	enum { HUGE = 1 }; /* mi_segment_kind_t */
	uint64_t size, slices = word(t, at, PH_mi_segment_t_segment_slices),
		       info = word(t, at, PH_mi_segment_t_segment_info_slices),
		       entries = word(t, at, PH_mi_segment_t_slice_entries), kind = word(t, at, PH_mi_segment_t_kind);
	if (ph_target_uint(t, at, PH_mi_segment_t_segment_size, &size) != PH_OK)
		return false;
	if (!slices || slices > HUGE_MAXIMUM / SLICE || kind > HUGE || (kind != HUGE && slices != SLICES) ||
	    entries > SLICES || entries > slices || !info || info >= entries || info > 8)
		return false;
	/* bytes, or up to 2.1 perhaps slices */
	if (size != slices * SLICE && size != slices)
		return false;
	ph_addr first = ph_target_at(t, at, PH_mi_segment_t_slices);
	if (word(t, first, PH_mi_page_t_slice_count) != info || word(t, first, PH_mi_page_t_slice_offset))
		return false;
	*ret = (struct ph_mi_segment){ .start = at, .end = at + slices * SLICE, .pages = at + info * SLICE };
	return true;
}

/* Of a header that lies the end may be anywhere. */
static bool is_mapped(const struct ph_target *t, const struct ph_mi_segment *segment)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(t->image, &segments);
	ph_addr at = segment->start;
	for (size_t i = 0; i < count && at < segment->end; i++)
		if (segments[i].start <= at && segments[i].end > at)
			at = segments[i].end;
	return at >= segment->end;
}

static struct ph_error *add_segment(const struct ph_target *t, struct ph_mimalloc *m, ph_addr at)
{
	struct ph_mi_segment segment;
	if ((m->segment_count && at < m->segments[m->segment_count - 1].end) || !load_segment(t, at, &segment) ||
	    !is_mapped(t, &segment))
		return NULL;
	void *segments = grown(m->segments, m->segment_count, &m->segment_capacity, sizeof(*m->segments));
	if (!segments)
		return &ph_error_no_memory;
	m->segments = segments;
	m->segments[m->segment_count++] = segment;
	return add_pages(t, m, &m->segments[m->segment_count - 1]);
}

static struct ph_error *find(const struct ph_target *t, struct ph_mimalloc *ret)
{
	struct ph_mimalloc m = { 0 };
	struct ph_error *error = NULL;
	const struct ph_segment *segments;
	size_t count = ph_image_segments(t->image, &segments);
	for (size_t i = 0; !error && i < count; i++) {
		if (!segments[i].writable || !segments[i].file_size)
			continue;
		ph_addr start = segments[i].start, at = (start + SEGMENT_ALIGN - 1) & ~(SEGMENT_ALIGN - 1);
		/* at the very end of the address space `at` begins again at 0 */
		for (; !error && at >= start && at - start < segments[i].file_size; at += SEGMENT_ALIGN)
			error = add_segment(t, &m, at);
	}
	if (error)
		ph_mimalloc_deinit(&m);
	else
		*ret = m;
	return error;
}

struct ph_error *ph_mimalloc_find(struct ph_target *t, struct ph_mimalloc *ret)
{
	struct ph_mimalloc m = { 0 };
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && !m.page_count && t->layout.abi.pointer_size == 8; i++) {
		ph_mimalloc_deinit(&m);
		if (!ph_layout_place_mimalloc(&t->layout, i))
			break;
		error = find(t, &m);
	}
	if (!error)
		*ret = m;
	return error;
}

void ph_mimalloc_deinit(struct ph_mimalloc *m)
{
	free(m->pages);
	free(m->segments);
	*m = (struct ph_mimalloc){ 0 };
}

const struct ph_mi_page *ph_mimalloc_page(const struct ph_mimalloc *m, ph_addr address)
{
	size_t low = 0, high = m->page_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->pages[middle].area <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < m->pages[low - 1].end ? &m->pages[low - 1] : NULL;
}

/* ---- free lists ---- */

struct list {
	const struct ph_target *target;
	const struct ph_mi_page *page;
	bool encoded; /* of debug builds */
	uint64_t keys[2];
	uint64_t *free_blocks;
};

/* mi_ptr_decode() of Include/internal/mimalloc/mimalloc/internal.h */
static ph_addr decode(const struct list *l, uint64_t x)
{
	unsigned shift = l->keys[0] % 64;
	if (!l->encoded)
		return x;
	x -= l->keys[0];
	x = (shift ? x >> shift | x << (64 - shift) : x) ^ l->keys[1];
	return x == l->page->header ? 0 : x;
}

static bool follow(const struct list *l, ph_addr at)
{
	const struct ph_mi_page *page = l->page;
	for (uint64_t left = page->capacity; at; left--) {
		uint64_t index = (at - page->start) / page->block_size, next;
		if (!left || at < page->start || index >= page->capacity || (at - page->start) % page->block_size ||
		    l->free_blocks[index / 64] >> index % 64 & 1)
			return false;
		l->free_blocks[index / 64] |= UINT64_C(1) << index % 64;
		if (ph_target_read_ptr(l->target, at, &next) != PH_OK)
			return false;
		at = decode(l, next);
	}
	return true;
}

bool ph_mi_free_blocks(const struct ph_target *t, const struct ph_mi_page *page,
		       uint64_t free_blocks[PH_MI_BLOCKS / 64])
{
	enum { THREAD_FREE_FLAGS = 3 }; /* mi_delayed_t, in xthread_free */
	struct list list = { .target = t, .page = page, .free_blocks = free_blocks };
	ph_addr keys = ph_target_at(t, page->header, PH_mi_page_t_keys);
	memset(free_blocks, 0, PH_MI_BLOCKS / 8);
	list.encoded = keys && ph_target_read_ptrs(t, keys, 2, list.keys) == PH_OK;
	bool good = follow(&list, word(t, page->header, PH_mi_page_t_free));
	good &= follow(&list, word(t, page->header, PH_mi_page_t_local_free));
	return good & follow(&list, word(t, page->header, PH_mi_page_t_xthread_free) & ~(ph_addr)THREAD_FREE_FLAGS);
}
