/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that is mapped, cut into what is known of it. */
#include "heap/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define RANGES 64
#define WINDOW ((ph_addr)4 << 20)
#define FRAME_CHUNKS 100000 /* of one thread */
#define CHUNK_MAXIMUM ((uint64_t)1 << 30)
#define MIMALLOC_LEAST ((uint64_t)32 << 20) /* MI_SEGMENT_SIZE */

void ph_account_extent(struct ph_account *a, ph_addr start, ph_addr end, enum ph_area_use use)
{
	if (end <= start)
		return;
	if (a->extent_count == a->extent_capacity) {
		size_t capacity = a->extent_capacity ? a->extent_capacity * 2 : 256;
		void *extents = realloc(a->extents, capacity * sizeof(*a->extents));
		if (!extents) {
			a->no_memory = true;
			return;
		}
		a->extents = extents;
		a->extent_capacity = capacity;
	}
	a->extents[a->extent_count++] = (struct ph_area){ .start = start, .end = end, .use = (uint8_t)use };
}

void ph_account_leave(struct ph_account *a, ph_addr *behind, ph_addr at)
{
	if (at - *behind <= WINDOW)
		return;
	ph_image_leave_pages(a->target->image, *behind, at & ~(WINDOW - 1));
	*behind = at & ~(WINDOW - 1);
}

static int compare_extents(const void *x, const void *y)
{
	const struct ph_area *a = x, *b = y;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (int)a->use - (int)b->use;
}

static void sort_extents(struct ph_account *a)
{
	if (a->extent_count)
		qsort(a->extents, a->extent_count, sizeof(*a->extents), compare_extents);
}

/* _PyStackChunk of Include/internal/pycore_pystate.h, since 3.11: mapped one by one. */
static void add_frames(struct ph_account *a)
{
	const struct ph_thread_state *threads;
	const struct ph_target *t = a->target;
	size_t count = a->runtime ? ph_runtime_threads(a->runtime, &threads) : 0;
	for (size_t i = 0; i < count; i++) {
		ph_addr chunk;
		uint64_t size;
		if (ph_target_ptr(t, threads[i].address, PH_PyThreadState_datastack_chunk, &chunk) != PH_OK)
			return;
		for (unsigned n = 0; chunk && n < FRAME_CHUNKS; n++) {
			if (ph_target_uint(t, chunk, PH_PyStackChunk_size, &size) != PH_OK || size > CHUNK_MAXIMUM ||
			    chunk & 4095)
				break;
			ph_account_extent(a, chunk, chunk + size, PH_USE_FRAMES);
			if (ph_target_ptr(t, chunk, PH_PyStackChunk_previous, &chunk) != PH_OK)
				break;
		}
	}
}

/* The kernel joins what is mapped side by side: a segment with a stack in it may hold arenas and frames too, which are
 * found before.  The stack ends where they begin, on either side of where its pointer is. */
static void add_stack(struct ph_account *a, const struct ph_segment *s, ph_addr sp)
{
	ph_addr start = s->start, end = s->end;
	for (size_t i = 0; i < a->extent_count; i++) {
		const struct ph_area *e = &a->extents[i];
		if (e->use == PH_USE_STACK_USED || e->use == PH_USE_STACK_UNUSED)
			continue;
		if (e->start <= sp && sp < e->end)
			return;
		if (e->end <= sp && e->end > start)
			start = e->end;
		if (e->start > sp && e->start < end)
			end = e->start;
	}
	ph_account_extent(a, start, sp, PH_USE_STACK_UNUSED);
	ph_account_extent(a, sp, end, PH_USE_STACK_USED);
}

static void add_stacks(struct ph_account *a)
{
	const struct ph_native_thread *threads;
	const struct ph_segment *segments;
	size_t count = ph_image_threads(a->target->image, &threads);
	size_t segment_count = ph_image_segments(a->target->image, &segments);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; threads[i].has_registers && j < segment_count; j++) {
			const struct ph_segment *s = &segments[j];
			if (threads[i].sp < s->start || threads[i].sp >= s->end || !s->writable)
				continue;
			add_stack(a, s, threads[i].sp);
		}
}

/* What is left of it by the others, which are sorted. */
static void add_between(struct ph_account *a, size_t others, ph_addr start, ph_addr end)
{
	for (size_t i = 0; i < others && start < end; i++) {
		struct ph_area e = a->extents[i];
		if (e.end <= start || e.start >= end)
			continue;
		ph_account_extent(a, start, e.start, PH_USE_MODULE_DATA);
		start = e.end;
	}
	ph_account_extent(a, start, end, PH_USE_MODULE_DATA);
}

/* Of a library without a file the data end where its mapping does, which the kernel may have joined with an arena's. */
static void add_modules(struct ph_account *a)
{
	const struct ph_module *modules;
	struct ph_segment ranges[RANGES];
	size_t count = ph_image_modules(a->target->image, &modules), others = a->extent_count;
	for (size_t i = 0; i < count; i++) {
		size_t n = ph_image_writable_ranges(a->target->image, &modules[i], ranges, RANGES);
		for (size_t j = 0; j < n; j++)
			add_between(a, others, ranges[j].start, ranges[j].end);
	}
}

bool ph_account_is_known(const struct ph_account *a, ph_addr address)
{
	size_t low = 0, high = a->extent_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (a->extents[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return (low && address < a->extents[low - 1].end) || ph_image_module_at(a->target->image, address);
}

/* Windows of the set are sorted once it is ranked. */
static bool has_objects(const struct ph_account *a, ph_addr start, ph_addr end)
{
	return ph_addrset_touches(&a->heap->set, start, end);
}

static enum ph_memory_kind rest_of(struct ph_account *a, const struct ph_segment *s, ph_addr at)
{
	if (!s->readable && !s->writable && !s->executable)
		return PH_MEMORY_INACCESSIBLE;
	if (ph_image_module_at(a->target->image, at))
		return s->writable ? PH_MEMORY_MODULE_DATA : PH_MEMORY_MODULE_TEXT;
	/* mimalloc maps arenas of many megabytes */
	if (s->writable && (a->mapped.count || a->heap->mimalloc.page_count) &&
	    s->end - s->start >= MIMALLOC_LEAST && has_objects(a, s->start, s->end))
		return PH_MEMORY_MIMALLOC_REST;
	/* the kernel writes no pages that were never touched */
	if (s->writable && !s->file_size)
		return PH_MEMORY_ABSENT;
	return s->writable ? PH_MEMORY_OTHER : PH_MEMORY_MODULE_TEXT;
}

static void put(struct ph_account *a, enum ph_memory_kind kind, uint64_t bytes)
{
	a->memory.rows[kind].bytes += bytes;
	a->memory.rows[kind].count += bytes != 0;
}

/* Extents of glibc's malloc are in the rows already, chunk by chunk; those of arenas pool by pool, and of mimalloc's
 * segments page by page, but for what no pool and no page takes. */
static void put_extent(struct ph_account *a, const struct ph_area *e, uint64_t bytes, uint64_t *arenas,
		       uint64_t *mi_segments)
{
	static const enum ph_memory_kind kinds[] = {
		[PH_USE_FRAMES] = PH_MEMORY_FRAMES,
		[PH_USE_STACK_USED] = PH_MEMORY_STACK_USED,
		[PH_USE_STACK_UNUSED] = PH_MEMORY_STACK_UNUSED,
		[PH_USE_MODULE_DATA] = PH_MEMORY_MODULE_DATA,
	};
	if (e->use == PH_USE_ARENA)
		*arenas += bytes;
	else if (e->use == PH_USE_MIMALLOC)
		*mi_segments += bytes;
	else if (e->use != PH_USE_MALLOC)
		put(a, kinds[e->use], bytes);
}

static uint64_t sum_of(const struct ph_memory *m, unsigned first, unsigned last)
{
	uint64_t bytes = 0;
	for (unsigned kind = first; kind <= last; kind++)
		bytes += m->rows[kind].bytes;
	return bytes;
}

static void sweep(struct ph_account *a)
{
	struct ph_memory *m = &a->memory;
	const struct ph_segment *segments;
	size_t count = ph_image_segments(a->target->image, &segments), e = 0;
	uint64_t arenas = 0, arena_count = 0, mi_segments = 0;
	for (size_t i = 0; i < count; i++) {
		const struct ph_segment *s = &segments[i];
		ph_addr at = s->start;
		m->total += s->end - s->start;
		m->in_image += s->file_size;
		/* one extent may go over several segments */
		while (e && a->extents[e - 1].end > at)
			e--;
		while (at < s->end) {
			while (e < a->extent_count && a->extents[e].end <= at)
				e++;
			ph_addr next =
				e < a->extent_count && a->extents[e].start < s->end ? a->extents[e].start : s->end;
			if (next > at) {
				put(a, rest_of(a, s, at), next - at);
				at = next;
				continue;
			}
			ph_addr end = a->extents[e].end < s->end ? a->extents[e].end : s->end;
			put_extent(a, &a->extents[e], end - at, &arenas, &mi_segments);
			arena_count += a->extents[e].use == PH_USE_ARENA && at == a->extents[e].start;
			at = end;
		}
	}
	uint64_t pools = sum_of(m, PH_MEMORY_POOL_OBJECTS, PH_MEMORY_POOL_OVERHEAD);
	uint64_t mi_pages = sum_of(m, PH_MEMORY_MIMALLOC_OBJECTS, PH_MEMORY_MIMALLOC_OVERHEAD);
	/* of arenas and segments that lie where something else is, nothing is believed */
	if (pools > arenas) {
		memset(&m->rows[PH_MEMORY_POOL_OBJECTS], 0,
		       (PH_MEMORY_POOL_OVERHEAD - PH_MEMORY_POOL_OBJECTS + 1) * sizeof(*m->rows));
		pools = 0;
	}
	if (mi_pages > mi_segments) {
		memset(&m->rows[PH_MEMORY_MIMALLOC_OBJECTS], 0,
		       (PH_MEMORY_MIMALLOC_OVERHEAD - PH_MEMORY_MIMALLOC_OBJECTS + 1) * sizeof(*m->rows));
		mi_pages = 0;
	}
	m->rows[PH_MEMORY_MIMALLOC_UNUSED].bytes = mi_segments - mi_pages;
	m->rows[PH_MEMORY_MIMALLOC_UNUSED].count = a->heap->mimalloc.segment_count;
	uint64_t *rest = &m->rows[PH_MEMORY_MIMALLOC_REST].bytes;
	if (a->mapped.bytes <= *rest) {
		*rest -= a->mapped.bytes;
		m->rows[PH_MEMORY_MIMALLOC_OBJECTS].bytes += a->mapped.bytes;
		m->rows[PH_MEMORY_MIMALLOC_OBJECTS].count += a->mapped.count;
	}
	m->rows[PH_MEMORY_POOL_UNUSED].bytes = arenas - pools;
	m->rows[PH_MEMORY_POOL_UNUSED].count = arena_count;
}

/* Without them the rows would not add up to the total. */
static void drop_overlaps(struct ph_account *a)
{
	size_t n = 0;
	for (size_t i = 0; i < a->extent_count; i++) {
		struct ph_area e = a->extents[i];
		if (n && e.start < a->extents[n - 1].end)
			e.start = a->extents[n - 1].end;
		if (e.start < e.end)
			a->extents[n++] = e;
	}
	a->extent_count = n;
}

static struct ph_account *make(struct ph_heap *heap, struct ph_runtime *runtime)
{
	struct ph_account *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->heap = heap;
	a->target = heap->target;
	a->runtime = runtime;
	a->chunk_objects.scale = heap->set.scale;
	a->pool_kind = PH_MEMORY_POOL_OWNED;
	a->malloc_kind = PH_MEMORY_MALLOC_OWNED;
	a->mi_kind = PH_MEMORY_MIMALLOC_OWNED;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->moved, NULL);
	return a;
}

/* What chunks of malloc do not lie in, and then these. */
static void cut(struct ph_account *a)
{
	ph_account_arenas(a);
	ph_account_segments(a);
	add_frames(a);
	add_stacks(a);
	sort_extents(a);
	drop_overlaps(a);
	add_modules(a);
	sort_extents(a);
	drop_overlaps(a);
	ph_account_chunks(a);
	sort_extents(a);
}

struct ph_error *ph_account_begin(struct ph_heap *heap, struct ph_runtime *runtime, struct ph_account **ret)
{
	struct ph_account *a = make(heap, runtime);
	if (!a)
		return &ph_error_no_memory;
	ph_account_pools(a);
	ph_account_mimalloc(a);
	cut(a);
	*ret = a;
	return NULL;
}

struct ph_error *ph_account_chunks_of(struct ph_heap *heap, struct ph_runtime *runtime, ph_account_chunk_fn *look,
				      void *user)
{
	struct ph_account *a = make(heap, runtime);
	if (!a)
		return &ph_error_no_memory;
	a->look = look;
	a->look_user = user;
	cut(a);
	struct ph_error *error = a->no_memory ? &ph_error_no_memory : NULL;
	ph_account_free(a);
	return error;
}

struct ph_error *ph_account_end(struct ph_account *a, struct ph_memory *ret)
{
	ph_account_natives(a);
	ph_account_keep_types(a);
	sweep(a);
	if (a->no_memory || a->blocks.no_memory || a->chunk_objects.no_memory)
		return &ph_error_no_memory;
	*ret = a->memory;
	a->memory = (struct ph_memory){ 0 };
	return NULL;
}

void ph_account_free(struct ph_account *a)
{
	if (!a)
		return;
	ph_memory_deinit(&a->memory);
	ph_addrset_deinit(&a->blocks);
	ph_addrset_deinit(&a->chunk_objects);
	ph_addrmap_deinit(&a->odd_objects);
	ph_addrmap_deinit(&a->type_index);
	pthread_cond_destroy(&a->moved);
	pthread_mutex_destroy(&a->lock);
	free(a->types);
	free(a->stack.blocks);
	free(a->freed.blocks);
	free(a->refs);
	free(a->extents);
	free(a);
}

struct ph_error *ph_heap_memory(struct ph_heap *heap, struct ph_runtime *runtime, struct ph_memory *ret)
{
	struct ph_account *account;
	struct ph_error *error = ph_account_begin(heap, runtime, &account);
	if (error)
		return error;
	ph_account_objects(account);
	error = ph_account_end(account, ret);
	ph_account_free(account);
	return error;
}
