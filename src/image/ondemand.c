/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/ondemand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PAGE 4096
#define BLOCK (16 * PAGE) /* aligned as the target's addresses are */
#define RUN (256 * PAGE)  /* read in one piece where much is read in order */
#define MAX_SPAN (1ull << 42)
#define MAX_VIEW (1ull << 30) /* larger than any array that is looked at in one piece */

enum { UNKNOWN, HELD, REFUSED };

struct page_states {
	/* UNKNOWN …; reserved like the span itself.  Written with the image's lock held, after the page. */
	_Atomic uint8_t *pages;
	size_t count;
	uint64_t offset; /* of the span's bytes in the file */
};

struct ph_ondemand {
	const struct ph_callback_ops *ops;
	void *user;
	struct page_states *states; /* by span */
	size_t span_count;
	int file;	  /* -1: the spans are memory of ours */
	uint8_t *bounce;  /* RUN bytes, for what goes into the file */
};

static void *reserve(size_t size, int file, uint64_t offset)
{
	void *map = mmap(NULL, size, file < 0 ? PROT_READ | PROT_WRITE : PROT_READ,
			 file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, file, (off_t)offset);
	return map == MAP_FAILED ? NULL : map;
}

static uint8_t state_of(const struct page_states *states, size_t page)
{
	return atomic_load_explicit(&states->pages[page], memory_order_acquire);
}

static void set_states(struct page_states *states, size_t from, size_t to, uint8_t state)
{
	for (size_t i = from; i < to; i++)
		atomic_store_explicit(&states->pages[i], state, memory_order_release);
}

/* A write to a mapped page for which the disk has no room would kill us; this one fails. */
static bool put_in_file(struct ph_ondemand *o, uint64_t offset, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pwrite(o->file, o->bounce + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool read_pages(struct ph_ondemand *o, const struct ph_span *span, struct page_states *states, size_t from,
		       size_t to)
{
	ph_addr start = span->start + from * PAGE, end = span->start + to * PAGE;
	if (end > span->end)
		end = span->end;
	size_t size = (size_t)(end - start);
	uint8_t *into = o->file < 0 ? (uint8_t *)span->data + from * PAGE : o->bounce;
	bool ok = o->ops->read(o->user, start, into, size) &&
		  (o->file < 0 || put_in_file(o, states->offset + from * PAGE, size));
	if (ok || to - from == 1)
		set_states(states, from, to, ok ? HELD : REFUSED);
	return ok;
}

/* The run in one piece; page by page where it cannot be had so. */
static void read_run(struct ph_ondemand *o, const struct ph_span *span, struct page_states *states, size_t from,
		     size_t to)
{
	if (to > from && read_pages(o, span, states, from, to))
		return;
	for (size_t i = from; i < to; i++)
		if (state_of(states, i) == UNKNOWN)
			read_pages(o, span, states, i, i + 1);
}

/* The block that holds the page. */
static void read_block(struct ph_ondemand *o, const struct ph_span *span, struct page_states *states, size_t page)
{
	size_t phase = (size_t)(span->start / PAGE % (BLOCK / PAGE));
	size_t begin = (page + phase) / (BLOCK / PAGE) * (BLOCK / PAGE);
	size_t from = page, first = begin > phase ? begin - phase : 0, to = begin + BLOCK / PAGE - phase;
	if (to > states->count)
		to = states->count;
	/* do not read again what is held: views of it are in use */
	while (from > first && state_of(states, from - 1) == UNKNOWN)
		from--;
	for (size_t i = page; i < to; i++)
		if (state_of(states, i) != UNKNOWN)
			to = i;
	read_run(o, span, states, from, to);
}

bool ph_ondemand_fill(struct ph_image *image, const struct ph_span *span, ph_addr addr, size_t size)
{
	struct ph_ondemand *o = image->ondemand;
	struct page_states *states = &o->states[span - image->spans];
	if (!size)
		return true;
	if (size > MAX_VIEW)
		return false;
	size_t first = (size_t)(addr - span->start) / PAGE, last = (size_t)(addr - span->start + size - 1) / PAGE;
	while (first <= last && state_of(states, first) == HELD)
		first++;
	if (first > last)
		return true;
	bool ok = true;
	pthread_mutex_lock(&image->lock);
	for (size_t i = first; ok && i <= last; i++) {
		if (state_of(states, i) == UNKNOWN)
			read_block(o, span, states, i);
		ok = state_of(states, i) == HELD;
	}
	pthread_mutex_unlock(&image->lock);
	return ok;
}

bool ph_ondemand_is_in_file(const struct ph_image *image)
{
	return image->ondemand && image->ondemand->file >= 0;
}

/* Calls `each` with the pages of every span that lie in [start, end). */
static void over_pages(struct ph_image *image, ph_addr start, ph_addr end,
		       void (*each)(struct ph_ondemand *o, const struct ph_span *span, struct page_states *states,
				    size_t from, size_t to))
{
	struct ph_ondemand *o = image->ondemand;
	pthread_mutex_lock(&image->lock);
	for (size_t i = 0; i < o->span_count; i++) {
		const struct ph_span *s = &image->spans[i];
		ph_addr from = s->start > start ? s->start : start, to = s->end < end ? s->end : end;
		if (from < to)
			each(o, s, &o->states[i], (size_t)(from - s->start) / PAGE,
			     (size_t)(to - s->start + PAGE - 1) / PAGE);
	}
	pthread_mutex_unlock(&image->lock);
}

static void hold(struct ph_ondemand *o, const struct ph_span *span, struct page_states *states, size_t from, size_t to)
{
	while (from < to) {
		size_t end = from;
		while (end < to && end - from < RUN / PAGE && state_of(states, end) == UNKNOWN)
			end++;
		read_run(o, span, states, from, end);
		from = end > from ? end : from + 1;
	}
}

static void hold_zeros(struct ph_ondemand *o, const struct ph_span *span, struct page_states *states, size_t from,
		       size_t to)
{
	(void)o;
	(void)span;
	for (size_t i = from; i < to; i++)
		if (state_of(states, i) == UNKNOWN)
			set_states(states, i, i + 1, HELD);
}

void ph_ondemand_hold(struct ph_image *image, ph_addr start, ph_addr end)
{
	over_pages(image, start, end, hold);
}

void ph_ondemand_hold_zeros(struct ph_image *image, ph_addr start, ph_addr end)
{
	over_pages(image, start, end, hold_zeros);
}

void ph_ondemand_compare(struct ph_image *image, uint64_t maximum, uint64_t *ret_changed, uint64_t *ret_pages)
{
	struct ph_ondemand *o = image->ondemand;
	uint8_t now[PAGE];
	*ret_changed = *ret_pages = 0;
	for (size_t i = 0; i < o->span_count; i++) {
		const struct ph_span *s = &image->spans[i];
		for (size_t page = 0; page < o->states[i].count && *ret_pages * PAGE < maximum; page++) {
			if (state_of(&o->states[i], page) != HELD)
				continue;
			ph_addr at = s->start + page * PAGE;
			size_t size = s->end - at < PAGE ? (size_t)(s->end - at) : PAGE;
			++*ret_pages;
			if (!o->ops->read(o->user, at, now, size) || memcmp(now, s->data + page * PAGE, size))
				++*ret_changed;
		}
	}
}

void ph_ondemand_free(struct ph_image *image)
{
	struct ph_ondemand *o = image->ondemand;
	if (!o)
		return;
	for (size_t i = 0; i < o->span_count; i++) {
		munmap((void *)image->spans[i].data, (size_t)(image->spans[i].end - image->spans[i].start));
		munmap((void *)o->states[i].pages, o->states[i].count);
	}
	if (o->file >= 0)
		close(o->file);
	free(o->bounce);
	free(o->states);
	free(o);
	image->ondemand = NULL;
}

/* A span over [start, end); without room for it the image lacks it. */
static void add_span(struct ph_image *image, struct ph_ondemand *o, ph_addr start, ph_addr end, uint64_t *offset)
{
	size_t size = (size_t)(end - start), count = (size + PAGE - 1) / PAGE;
	bool room = size <= MAX_SPAN && (o->file < 0 || !ftruncate(o->file, (off_t)(*offset + count * PAGE)));
	void *data = room ? reserve(size, o->file, *offset) : NULL;
	void *pages = data ? reserve(count, -1, 0) : NULL;
	if (!pages) {
		if (data)
			munmap(data, size);
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "memory", "no room for %zu bytes of it", size);
		return;
	}
	o->states[o->span_count] = (struct page_states){ pages, count, *offset };
	image->spans[o->span_count++] = (struct ph_span){ start, end, data };
	image->span_count = o->span_count;
	*offset += count * PAGE;
}

struct ph_error *ph_ondemand_create(struct ph_image *image, const struct ph_callback_ops *ops, void *user, int file)
{
	size_t most = image->segment_count ? image->segment_count : 1;
	ph_auto_close int owned = file;
	struct ph_ondemand *o = calloc(1, sizeof(*o));
	if (!o)
		return &ph_error_no_memory;
	*o = (struct ph_ondemand){ .ops = ops, .user = user, .file = owned };
	owned = -1;
	image->ondemand = o;
	o->states = calloc(most, sizeof(*o->states));
	image->spans = calloc(most, sizeof(*image->spans));
	if (file >= 0)
		o->bounce = malloc(RUN);
	if (!o->states || !image->spans || (file >= 0 && !o->bounce))
		return &ph_error_no_memory;
	/* runs of readable segments that touch */
	uint64_t offset = 0;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct ph_segment *s = &image->segments[i];
		if (!s->file_size)
			continue;
		ph_addr end = s->end;
		while (i + 1 < image->segment_count && image->segments[i + 1].start == end &&
		       image->segments[i + 1].file_size)
			end = image->segments[++i].end;
		add_span(image, o, s->start, end, &offset);
	}
	return NULL;
}
