/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of a minidump: which addresses it holds (MemoryList, Memory64List), and which the process had
 * (MemoryInfoList, LinuxMaps).  Segments come from both: a region is cut at the borders of the bytes that are held. */
#include "image/minidump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* winnt.h */
#define MEM_COMMIT 0x1000u
#define PAGE_ANY_WRITE 0xccu   /* READWRITE, WRITECOPY, EXECUTE_READWRITE, EXECUTE_WRITECOPY */
#define PAGE_ANY_EXECUTE 0xf0u
#define PAGE_ANY_READ 0xeeu
#define PAGE_GUARD 0x100u

static int compare_regions(const void *a, const void *b)
{
	const struct ph_minidump_region *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ph_minidump_range *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

struct ph_error *ph_minidump_add_region(struct ph_minidump *md, struct ph_minidump_region region)
{
	size_t n = md->region_count;
	if (region.end <= region.start)
		return NULL;
	if (!(n & (n - 1))) {
		struct ph_minidump_region *grown = realloc(md->regions, (n ? 2 * n : 1) * sizeof(*grown));
		if (!grown)
			return &ph_error_no_memory;
		md->regions = grown;
	}
	md->regions[md->region_count++] = region;
	return NULL;
}

static struct ph_error *add_range(struct ph_minidump *md, ph_addr start, uint64_t size, uint64_t offset)
{
	size_t n = md->range_count;
	ph_addr end = start + size < start ? UINT64_MAX : start + size;
	if (end == start)
		return NULL;
	if (!(n & (n - 1))) {
		struct ph_minidump_range *grown = realloc(md->ranges, (n ? 2 * n : 1) * sizeof(*grown));
		if (!grown)
			return &ph_error_no_memory;
		md->ranges = grown;
	}
	md->ranges[md->range_count++] = (struct ph_minidump_range){ .start = start, .end = end, .offset = offset };
	return NULL;
}

/* MINIDUMP_MEMORY_LIST: NumberOfMemoryRanges and MINIDUMP_MEMORY_DESCRIPTORs, each of which has an RVA. */
static struct ph_error *read_memory_list(struct ph_minidump *md)
{
	struct ph_cursor c;
	struct ph_error *error = NULL;
	for (size_t i = 0; ph_minidump_stream(md, PH_STREAM_MEMORY_LIST, i, &c); i++) {
		size_t count = ph_minidump_entries(md, &c, ph_cursor_u32(&c), 16, "memory ranges");
		for (size_t j = 0; j < count && !error; j++) {
			ph_addr start = ph_cursor_u64(&c);
			uint32_t size = ph_cursor_u32(&c), rva = ph_cursor_u32(&c);
			error = add_range(md, start, size, rva);
		}
	}
	return error;
}

/* MINIDUMP_MEMORY64_LIST: NumberOfMemoryRanges, BaseRva, and MINIDUMP_MEMORY_DESCRIPTOR64s whose bytes lie one behind
 * the other from there on. */
static struct ph_error *read_memory64_list(struct ph_minidump *md)
{
	struct ph_cursor c;
	struct ph_error *error = NULL;
	for (size_t i = 0; ph_minidump_stream(md, PH_STREAM_MEMORY64_LIST, i, &c); i++) {
		uint64_t claimed = ph_cursor_u64(&c), offset = ph_cursor_u64(&c);
		size_t count = ph_minidump_entries(md, &c, claimed, 16, "memory ranges");
		for (size_t j = 0; j < count && !error; j++) {
			ph_addr start = ph_cursor_u64(&c);
			uint64_t size = ph_cursor_u64(&c);
			error = add_range(md, start, size, offset);
			if (__builtin_add_overflow(offset, size, &offset))
				offset = UINT64_MAX;
		}
	}
	return error;
}

/* The stack of each thread, MINIDUMP_THREAD.Stack: most writers list it with the rest of the memory as well; in a dump
 * with full memory it has no RVA of its own. */
static struct ph_error *read_stacks(struct ph_minidump *md)
{
	struct ph_error *error = NULL;
	uint32_t types[] = { PH_STREAM_THREAD_LIST, PH_STREAM_THREAD_EX_LIST };
	for (size_t i = 0; i < 2; i++) {
		size_t entry = i ? PH_MINIDUMP_THREAD_EX_SIZE : PH_MINIDUMP_THREAD_SIZE;
		struct ph_cursor c;
		if (!ph_minidump_stream(md, types[i], 0, &c))
			continue;
		size_t count = ph_minidump_entries(md, &c, ph_cursor_u32(&c), entry, "threads");
		for (size_t j = 0; j < count && !error; j++) {
			const uint8_t *e = ph_cursor_take(&c, entry);
			uint64_t size = e ? ph_load_uint(e + 32, 4, false) : 0,
				 rva = e ? ph_load_uint(e + 36, 4, false) : 0;
			if (size && rva)
				error = add_range(md, ph_load_uint(e + 24, 8, false), size, rva);
		}
	}
	return error;
}

/* Of a trimmed file, what the whole one had lost. */
static struct ph_error *read_lost(struct ph_minidump *md)
{
	struct ph_cursor c;
	struct ph_error *error = NULL;
	if (!ph_minidump_stream(md, PH_STREAM_OUR_CUT, 0, &c))
		return NULL;
	for (size_t count = ph_cursor_left(&c) / 16; count && !error; count--) {
		ph_addr start = ph_cursor_u64(&c);
		size_t before = md->range_count;
		error = add_range(md, start, ph_cursor_u64(&c), 0);
		if (md->range_count > before)
			md->ranges[before].lost = true;
	}
	return error;
}

/* MINIDUMP_MEMORY_INFO_LIST: SizeOfHeader, SizeOfEntry, NumberOfEntries. */
static struct ph_error *read_memory_info(struct ph_minidump *md)
{
	struct ph_cursor c;
	struct ph_error *error = NULL;
	if (!ph_minidump_stream(md, PH_STREAM_MEMORY_INFO_LIST, 0, &c))
		return NULL;
	uint32_t header = ph_cursor_u32(&c), entry = ph_cursor_u32(&c);
	uint64_t claimed = ph_cursor_u64(&c);
	if (header < 16 || entry < 48 || entry > 4096 || !ph_cursor_seek(&c, header)) {
		ph_minidump_damage(md, "minidump", "the list of memory regions is damaged");
		return NULL;
	}
	size_t count = ph_minidump_entries(md, &c, claimed, entry, "memory regions");
	for (size_t i = 0; i < count && !error; i++) {
		const uint8_t *e = ph_cursor_take(&c, entry);
		if (!e)
			break;
		ph_addr start = ph_load_uint(e, 8, false);
		uint64_t size = ph_load_uint(e + 24, 8, false);
		uint32_t state = (uint32_t)ph_load_uint(e + 32, 4, false),
			 protect = (uint32_t)ph_load_uint(e + 36, 4, false);
		if (!(state & MEM_COMMIT))
			continue;
		error = ph_minidump_add_region(md,
					       (struct ph_minidump_region){
						       .start = start,
						       .end = start + size < start ? UINT64_MAX : start + size,
						       .readable = protect & PAGE_ANY_READ && !(protect & PAGE_GUARD),
						       .writable = protect & PAGE_ANY_WRITE,
						       .executable = protect & PAGE_ANY_EXECUTE,
					       });
	}
	return error;
}

/* Sorted and disjoint: of what overlaps, the first stays. */
static void settle_regions(struct ph_minidump *md)
{
	size_t n = 0;
	if (md->region_count)
		qsort(md->regions, md->region_count, sizeof(*md->regions), compare_regions);
	for (size_t i = 0; i < md->region_count; i++) {
		struct ph_minidump_region r = md->regions[i];
		if (n && r.start < md->regions[n - 1].end)
			r.start = md->regions[n - 1].end;
		if (r.start < r.end)
			md->regions[n++] = r;
	}
	md->region_count = n;
}

/* Writers list a stack twice, once with its thread, and that is no damage.  Breakpad writes what a program registered a
 * second time where a stack, or the code at a program counter, lies in it: nor is that, as long as the bytes are the
 * same.  *budget: bytes that may still be compared. */
static bool same_bytes(const struct ph_minidump *md, const struct ph_minidump_range *a,
		       const struct ph_minidump_range *b, uint64_t *budget)
{
	ph_addr end = a->end < b->end ? a->end : b->end;
	uint64_t size = end - b->start, at = a->offset + (b->start - a->start);
	if (at == b->offset)
		return true;
	if (at < a->offset || at > md->size || size > md->size - at || b->offset > md->size ||
	    size > md->size - b->offset || size > *budget)
		return false;
	*budget -= size;
	return !memcmp(md->data + at, md->data + b->offset, size);
}

/* The same for what is held, counting those that differ in what they say. */
static void settle_ranges(struct ph_minidump *md)
{
	uint64_t lies = 0, budget = md->size;
	size_t n = 0;
	if (md->range_count)
		qsort(md->ranges, md->range_count, sizeof(*md->ranges), compare_ranges);
	for (size_t i = 0; i < md->range_count; i++) {
		struct ph_minidump_range r = md->ranges[i];
		const struct ph_minidump_range *last = n ? &md->ranges[n - 1] : NULL;
		if (last && r.start < last->end) {
			uint64_t cut = last->end - r.start;
			lies += last->lost || r.lost || !same_bytes(md, last, &r, &budget);
			if (r.end <= last->end)
				continue;
			r.start += cut;
			if (__builtin_add_overflow(r.offset, cut, &r.offset))
				r.offset = UINT64_MAX;
		}
		md->ranges[n++] = r;
	}
	md->range_count = n;
	if (lies) {
		md->image->info.complete = false;
		ph_damage_add(&md->image->damage, PH_DAMAGE_IMAGE, "minidump", "%" PRIu64 " memory ranges that overlap",
			      lies);
	}
}

/* One stretch that one region (or none) and one range (or none) cover. */
static void emit(struct ph_minidump *md, ph_addr start, ph_addr end, const struct ph_minidump_region *region,
		 const struct ph_minidump_range *range)
{
	struct ph_image *image = md->image;
	if (start >= PH_ADDRESS_TOP)
		return;
	if (end > PH_ADDRESS_TOP)
		end = PH_ADDRESS_TOP;
	/* what no list describes can at least be read, and may have been written */
	struct ph_segment s = { .start = start, .end = end, .readable = true, .writable = true };
	if (region) {
		s.readable = region->readable;
		s.writable = region->writable;
		s.executable = region->executable;
	}
	if (range && !range->lost) {
		uint64_t left = 0;
		if (!__builtin_add_overflow(range->offset, start - range->start, &s.file_offset) &&
		    s.file_offset < md->size)
			left = md->size - s.file_offset;
		s.file_size = end - start < left ? end - start : left;
		s.missing = end - start - s.file_size;
	}
	struct ph_segment *last = image->segment_count ? &image->segments[image->segment_count - 1] : NULL;
	if (last && last->end == start && last->readable == s.readable && last->writable == s.writable &&
	    last->executable == s.executable && s.file_size == end - start &&
	    last->file_size == last->end - last->start && last->file_offset + last->file_size == s.file_offset) {
		last->end = end;
		last->file_size += s.file_size;
		return;
	}
	image->segments[image->segment_count++] = s;
}

static void sweep(struct ph_minidump *md)
{
	size_t r = 0, m = 0;
	ph_addr at = 0;
	for (;;) {
		while (r < md->region_count && md->regions[r].end <= at)
			r++;
		while (m < md->range_count && md->ranges[m].end <= at)
			m++;
		const struct ph_minidump_region *region = r < md->region_count ? &md->regions[r] : NULL;
		const struct ph_minidump_range *range = m < md->range_count ? &md->ranges[m] : NULL;
		if (!region && !range)
			return;
		ph_addr next_region = region ? region->start : UINT64_MAX,
			next_range = range ? range->start : UINT64_MAX;
		ph_addr next = next_region < next_range ? next_region : next_range;
		if (next > at) {
			at = next;
			continue;
		}
		bool in_region = region && next_region <= at, in_range = range && next_range <= at;
		ph_addr end = in_region ? region->end : next_region, range_end = in_range ? range->end : next_range;
		end = end < range_end ? end : range_end;
		emit(md, at, end, in_region ? region : NULL, in_range ? range : NULL);
		at = end;
	}
}

struct ph_error *ph_minidump_memory(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_error *error = read_memory64_list(md);
	if (!error)
		error = read_memory_list(md);
	if (!error)
		error = read_stacks(md);
	if (!error)
		error = read_lost(md);
	if (!error)
		error = read_memory_info(md);
	if (error)
		return error;
	settle_regions(md);
	settle_ranges(md);
	/* each border of a region or range begins at most one stretch */
	image->segments = calloc(2 * (md->region_count + md->range_count) + 1, sizeof(*image->segments));
	if (!image->segments)
		return &ph_error_no_memory;
	sweep(md);
	error = ph_image_hold_segments(image, md->data);
	if (error)
		return error;
	ph_image_count_missing(image);
	/* what is lost was counted when the whole file was read */
	for (size_t i = 0, r = 0; i < image->segment_count; i++) {
		struct ph_segment *s = &image->segments[i];
		while (r < md->range_count && md->ranges[r].end <= s->start)
			r++;
		if (r < md->range_count && md->ranges[r].lost && md->ranges[r].start <= s->start)
			s->missing = s->end - s->start;
	}
	return NULL;
}
