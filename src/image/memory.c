/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads and views.  The hot path of the whole house is ph_image_view(): the
 * span of the last hit, else a binary search. */
#include "image/ondemand.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static int compare_spans(const void *a, const void *b)
{
	const struct ph_span *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

void ph_image_set_spans(struct ph_image *image, struct ph_span *spans, size_t count)
{
	qsort(spans, count, sizeof(*spans), compare_spans);
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		struct ph_span s = spans[i];
		struct ph_span *last = n ? &spans[n - 1] : NULL;
		if (last && s.start < last->end) {
			if (s.end <= last->end)
				continue;
			s.data += last->end - s.start;
			s.start = last->end;
		}
		if (s.start >= s.end)
			continue;
		/* segments that lie next to each other in the process and in the file are one view */
		if (last && s.start == last->end && s.data == last->data + (last->end - last->start))
			last->end = s.end;
		else
			spans[n++] = s;
	}
	image->spans = spans;
	image->span_count = n;
	image->span_bytes = 0;
	for (size_t i = 0; i < n; i++)
		image->span_bytes += spans[i].end - spans[i].start;
}

_Thread_local struct ph_lens ph_image_lenses[PH_LENSES];

void ph_image_forget_lenses(void)
{
	memset(ph_image_lenses, 0, sizeof(ph_image_lenses));
}

/* The span that holds addr, else NULL.  The hint is only ever a guess. */
static inline const struct ph_span *span_at(struct ph_image *image, ph_addr addr)
{
	static _Thread_local size_t hint;
	if (hint < image->span_count) {
		const struct ph_span *s = &image->spans[hint];
		if (addr >= s->start && addr < s->end)
			return s;
	}
	size_t low = 0, high = image->span_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image->spans[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == image->span_count || addr < image->spans[low].start)
		return NULL;
	hint = low;
	return &image->spans[low];
}

/* [addr, addr+size) of the span that addr lies in; NULL when it is not all there. */
static inline const uint8_t *within(struct ph_image *image, const struct ph_span *s, ph_addr addr, size_t size)
{
	if (size > s->end - addr || (image->ops->fill && !image->ops->fill(image, s, addr, size)))
		return NULL;
	return s->data + (addr - s->start);
}

/* All that is handed out passes through here. */
static inline const void *seen(struct ph_image *image, ph_addr addr, size_t size, const void *view)
{
	if (image->trace && size) {
		pthread_mutex_lock(&image->lock);
		ph_trace_seen(image->trace, addr, size);
		pthread_mutex_unlock(&image->lock);
	}
	return view;
}

static size_t asked(struct ph_image *image, ph_addr addr, size_t size)
{
	if (image->trace) {
		pthread_mutex_lock(&image->lock);
		ph_trace_readable(image->trace, addr, size);
		pthread_mutex_unlock(&image->lock);
	}
	return size;
}

/* How far the range reaches that was readable before the file was trimmed; 0: addr lies in none. */
static size_t hollow_step(const struct ph_image *image, ph_addr addr)
{
	size_t low = 0, high = image->hollow_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image->hollow[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->hollow_count && addr >= image->hollow[low].start ? (size_t)(image->hollow[low].end - addr)
									     : 0;
}

const void *ph_image_core_view(struct ph_image *image, ph_addr addr, size_t size)
{
	const struct ph_span *s = span_at(image, addr);
	const void *view = s ? within(image, s, addr, size) : NULL;
	return view ? seen(image, addr, size, view) : NULL;
}

static void set_lens(struct ph_image *image, ph_addr addr)
{
	const struct ph_span *s = span_at(image, addr);
	if (s && !image->ops->fill && !image->trace) /* what is recorded passes through here each time */
		ph_image_lenses[addr >> PH_LENS_BITS & (PH_LENSES - 1)] =
			(struct ph_lens){ image, s->start, s->end - s->start, s->data };
}

const void *ph_image_look_far(struct ph_image *image, ph_addr addr, size_t size)
{
	set_lens(image, addr);
	return ph_image_view(image, addr, size);
}

bool ph_image_has_far(struct ph_image *image, ph_addr addr, size_t size)
{
	set_lens(image, addr);
	return ph_image_readable(image, addr, size) == size;
}

const void *ph_image_view(struct ph_image *image, ph_addr addr, size_t size)
{
	const struct ph_span *s = span_at(image, addr);
	if (s) {
		const void *view = within(image, s, addr, size);
		return view ? seen(image, addr, size, view) : NULL;
	}
	size_t have;
	const uint8_t *bytes = ph_image_file_bytes(image, addr, &have);
	return bytes && size <= have ? seen(image, addr, size, bytes) : NULL;
}

/* A view of as much as one piece holds from addr on; NULL when nothing does.  Of
 * spans that are filled on demand at most `maximum` bytes, 0 for none of them yet. */
static const uint8_t *piece_at(struct ph_image *image, ph_addr addr, size_t maximum, size_t *ret_size)
{
	const struct ph_span *s = span_at(image, addr);
	if (!s)
		return ph_image_file_bytes(image, addr, ret_size);
	*ret_size = (size_t)(s->end - addr);
	if (image->ops->fill && maximum) {
		*ret_size = *ret_size < maximum ? *ret_size : maximum;
		return within(image, s, addr, *ret_size);
	}
	return s->data + (addr - s->start);
}

enum ph_status ph_image_read(struct ph_image *image, ph_addr addr, void *buffer, size_t size)
{
	uint8_t *to = buffer;
	/* nothing is written unless all is there: the usual case is one piece */
	const void *whole = ph_image_view(image, addr, size);
	if (whole) {
		memcpy(buffer, whole, size);
		return PH_OK;
	}
	if (!size)
		return PH_OK;
	if (addr + (size - 1) < addr)
		return PH_UNMAPPED;
	size_t have = ph_image_readable(image, addr, size);
	if (have < size)
		return ph_image_is_mapped(image, addr + have) ? PH_LEFT_OUT : PH_UNMAPPED;
	for (size_t done = 0; done < size;) {
		size_t step;
		const uint8_t *bytes = piece_at(image, addr + done, size - done, &step);
		if (!bytes)
			return PH_LEFT_OUT;
		if (step > size - done)
			step = size - done;
		memcpy(to + done, bytes, step);
		done += step;
	}
	(void)seen(image, addr, size, buffer);
	return PH_OK;
}

size_t ph_image_readable(struct ph_image *image, ph_addr addr, size_t maximum)
{
	size_t done = 0;
	while (done < maximum) {
		/* the hollow ranges first: they are whole, what is in the file of them is pieces */
		size_t step = hollow_step(image, addr + done);
		if (addr + done < addr || (!step && !piece_at(image, addr + done, 0, &step)))
			break;
		done += step < maximum - done ? step : maximum - done;
	}
	return asked(image, addr, done);
}

size_t ph_image_core_readable(struct ph_image *image, ph_addr addr, size_t maximum)
{
	size_t done = 0;
	while (done < maximum) {
		const struct ph_span *s = addr + done >= addr ? span_at(image, addr + done) : NULL;
		size_t step = hollow_step(image, addr + done);
		if (s && !step)
			step = (size_t)(s->end - (addr + done));
		if (addr + done < addr || !step)
			break;
		done += step < maximum - done ? step : maximum - done;
	}
	return asked(image, addr, done);
}

enum ph_status ph_image_read_string(struct ph_image *image, ph_addr addr, char *buffer, size_t size)
{
	size_t done = 0;
	while (done < size) {
		size_t step;
		/* no string need end where a page that can be read does */
		size_t most = 4096 - (size_t)((addr + done) % 4096);
		const uint8_t *bytes = addr + done >= addr ? piece_at(image, addr + done, most, &step) : NULL;
		if (!bytes)
			return ph_image_is_mapped(image, addr + done) ? PH_LEFT_OUT : PH_UNMAPPED;
		if (step > size - done)
			step = size - done;
		const uint8_t *end = memchr(bytes, 0, step);
		size_t take = end ? (size_t)(end - bytes) + 1 : step;
		memcpy(buffer + done, bytes, take);
		(void)seen(image, addr + done, take, bytes);
		if (end)
			return PH_OK;
		done += take;
	}
	return PH_LIMIT;
}

const struct ph_segment *ph_image_segment_at(const struct ph_image *image, ph_addr addr)
{
	size_t low = 0, high = image->segment_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image->segments[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->segment_count && addr >= image->segments[low].start ? &image->segments[low] : NULL;
}

const struct ph_mapping *ph_image_mapping_at(const struct ph_image *image, ph_addr addr)
{
	size_t low = 0, high = image->mapping_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image->mappings[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->mapping_count && addr >= image->mappings[low].start ? &image->mappings[low] : NULL;
}

bool ph_image_is_mapped(struct ph_image *image, ph_addr addr)
{
	/* gdb's gcore has no program header for what it leaves out, but its NT_FILE names it */
	return ph_image_segment_at(image, addr) || ph_image_mapping_at(image, addr);
}

bool ph_image_is_cut_off(const struct ph_image *image, ph_addr addr)
{
	const struct ph_segment *s = ph_image_segment_at(image, addr);
	return s && addr - s->start >= s->file_size && addr - s->start - s->file_size < s->missing;
}

void ph_image_drop_pages(struct ph_image *image, ph_addr start, ph_addr end)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	/* what was filled on demand is not to be had again, unless a file has it */
	if (image->ops->fill && !ph_ondemand_is_in_file(image))
		return;
	size_t first = 0, high = image->span_count;
	while (first < high) {
		size_t middle = first + (high - first) / 2;
		if (image->spans[middle].end <= start)
			first = middle + 1;
		else
			high = middle;
	}
	for (size_t i = first; i < image->span_count && image->spans[i].start < end; i++) {
		const struct ph_span *s = &image->spans[i];
		ph_addr from = s->start > start ? s->start : start, to = s->end < end ? s->end : end;
		uintptr_t low = (uintptr_t)(s->data + (from - s->start)), high = (uintptr_t)(s->data + (to - s->start));
		low = (low + page - 1) & ~(page - 1);
		high &= ~(page - 1);
		if (low < high)
			madvise((void *)low, high - low, MADV_DONTNEED);
	}
}

/* Bytes that are resident, of memory and of mapped files; 0 unknown. */
static uint64_t resident_bytes(const struct ph_image *image)
{
	char text[128];
	unsigned long long size, resident;
	ssize_t n = image->statm > 0 ? pread(image->statm, text, sizeof(text) - 1, 0) : -1;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%llu %llu", &size, &resident) == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* The part of all that is held, in the order of addresses, that lies in [from, to) bytes of it. */
static void drop_part(struct ph_image *image, uint64_t from, uint64_t to)
{
	uint64_t before = 0;
	for (size_t i = 0; i < image->span_count && before < to; i++) {
		const struct ph_span *s = &image->spans[i];
		uint64_t size = s->end - s->start;
		if (before + size > from)
			ph_image_drop_pages(image, s->start + (from > before ? from - before : 0),
					    s->start + (to - before < size ? to - before : size));
		before += size;
	}
}

void ph_image_set_bound(struct ph_image *image, uint64_t bytes)
{
	image->bound = bytes;
	if (image->statm <= 0)
		image->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

uint64_t ph_image_size(const struct ph_image *image)
{
	return image->span_bytes;
}

/* Has more come than may stay?  A page that is looked at comes with 64 KiB, or with 2 MiB at once where the kernel keeps
 * the file in such pieces (Linux since 6.18): the thread's page faults bound what it can have brought since it looked,
 * and are asked for in a third of the time. */
static bool is_beyond_bound(struct ph_image *image)
{
	enum { MOST = 2 << 20, THREADS = 2 }; /* bytes of one fault; who may bring as much meanwhile */
	static _Thread_local const struct ph_image *of;
	static _Thread_local uint64_t before, faults_before;
	struct rusage usage;
	if (getrusage(RUSAGE_THREAD, &usage))
		return resident_bytes(image) > image->bound;
	uint64_t faults = (uint64_t)usage.ru_minflt;
	if (of == image && before + (faults - faults_before) * MOST * THREADS <= image->bound)
		return false;
	of = image;
	faults_before = faults;
	before = resident_bytes(image);
	return before > image->bound;
}

void ph_image_leave_pages(struct ph_image *image, ph_addr start, ph_addr end)
{
	/* MARGIN: bytes that go beyond the bound, for each call costs the other threads time too, and so does each look */
	enum { PARTS = 64, FIRST = 8, SMALL = 64 << 20, MARGIN = 24 << 20 };
	uint64_t size = image->span_bytes, bound = image->bound;
	if (size < SMALL || !is_beyond_bound(image))
		return;
	if (start < end)
		ph_image_drop_pages(image, start, end);
	/* The same ones each time: if they took turns, a walk upwards that comes again would find that what it is about to
	 * look at has just gone.  What all walks look at goes last: data of modules, below, and the oldest arenas, above,
	 * with types and names. */
	if (bound > 2 * MARGIN && resident_bytes(image) > bound)
		bound -= MARGIN;
	for (unsigned tries = 0; tries < PARTS && resident_bytes(image) > bound; tries++) {
		uint64_t from = size / PARTS * ((FIRST + tries) % PARTS);
		drop_part(image, from, from + size / PARTS + PARTS);
	}
}

void ph_image_bound_pages(struct ph_image *image)
{
	ph_image_leave_pages(image, 0, 0);
}
