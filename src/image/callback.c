/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image over a caller's memory reads.
 *
 * Each run of readable maps is a span of reserved address space of our own, filled
 * block by block when a view of it is asked for: so the rest of the house has
 * views, as of a core, and what was read once is not read again.  What is
 * reserved takes no memory before it is filled. */
#include <pyheap/callback.h>

#include "image/backend.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096
#define BLOCK (16 * PAGE) /* aligned as the target's addresses are */
#define MAX_SPAN (1ull << 42)
#define MAX_VIEW (1ull << 30) /* larger than any array that is looked at in one piece */
#define MAX_THREADS 100000

enum { UNKNOWN, HELD, REFUSED };

struct page_states {
	uint8_t *pages; /* UNKNOWN …; reserved like the span itself */
	size_t count;
};

struct callback {
	const struct ph_callback_ops *ops;
	void *user;
	struct page_states *states; /* by span */
	struct ph_span *spans;	    /* the image's own */
	size_t span_count;
};

static void *reserve(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return map == MAP_FAILED ? NULL : map;
}

/* ---- memory ---- */

static bool read_pages(struct callback *c, const struct ph_span *span, struct page_states *states, size_t from,
		       size_t to)
{
	ph_addr start = span->start + from * PAGE, end = span->start + to * PAGE;
	if (end > span->end)
		end = span->end;
	bool ok = c->ops->read(c->user, start, (uint8_t *)span->data + from * PAGE, (size_t)(end - start));
	if (ok || to - from == 1)
		memset(states->pages + from, ok ? HELD : REFUSED, to - from);
	return ok;
}

/* The block that holds the page; page by page where it cannot be had whole. */
static void read_block(struct callback *c, const struct ph_span *span, struct page_states *states, size_t page)
{
	size_t phase = (size_t)(span->start / PAGE % (BLOCK / PAGE));
	size_t begin = (page + phase) / (BLOCK / PAGE) * (BLOCK / PAGE);
	size_t from = begin > phase ? begin - phase : 0, to = begin + BLOCK / PAGE - phase;
	if (to > states->count)
		to = states->count;
	/* do not read again what is held: views of it are in use */
	while (from < page && memchr(states->pages + from, HELD, page - from))
		from++;
	for (size_t i = page; i < to; i++)
		if (states->pages[i] != UNKNOWN)
			to = i;
	if (to > from && read_pages(c, span, states, from, to))
		return;
	for (size_t i = from; i < to; i++)
		if (states->pages[i] == UNKNOWN)
			read_pages(c, span, states, i, i + 1);
}

static bool fill(struct ph_image *image, const struct ph_span *span, ph_addr addr, size_t size)
{
	struct callback *c = image->kind_data;
	struct page_states *states = &c->states[span - image->spans];
	if (!size)
		return true;
	if (size > MAX_VIEW)
		return false;
	size_t first = (size_t)(addr - span->start) / PAGE, last = (size_t)(addr - span->start + size - 1) / PAGE;
	bool ok = true;
	pthread_mutex_lock(&image->lock);
	for (size_t i = first; ok && i <= last; i++) {
		if (states->pages[i] == UNKNOWN)
			read_block(c, span, states, i);
		ok = states->pages[i] == HELD;
	}
	pthread_mutex_unlock(&image->lock);
	return ok;
}

static void close_callback(struct ph_image *image)
{
	struct callback *c = image->kind_data;
	for (size_t i = 0; c && i < c->span_count; i++) {
		munmap((void *)c->spans[i].data, (size_t)(c->spans[i].end - c->spans[i].start));
		munmap(c->states[i].pages, c->states[i].count);
	}
	if (c)
		free(c->states);
	free(c);
}

static const struct ph_image_ops callback_ops = { .fill = fill, .close = close_callback };

/* Runs of readable segments that touch. */
static struct ph_error *make_spans(struct ph_image *image, struct callback *c)
{
	size_t most = image->segment_count ? image->segment_count : 1;
	c->states = calloc(most, sizeof(*c->states));
	c->spans = image->spans = calloc(most, sizeof(*image->spans));
	if (!c->states || !image->spans)
		return &ph_error_no_memory;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct ph_segment *s = &image->segments[i];
		ph_addr end = s->end;
		if (!s->file_size)
			continue;
		ph_addr start = s->start;
		while (i + 1 < image->segment_count && s[1].start == end && s[1].file_size) {
			end = s[1].end;
			s++;
			i++;
		}
		size_t count = (size_t)((end - start + PAGE - 1) / PAGE);
		void *data = end - start <= MAX_SPAN ? reserve((size_t)(end - start)) : NULL;
		void *pages = data ? reserve(count) : NULL;
		if (!pages) {
			if (data)
				munmap(data, (size_t)(end - start));
			ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "memory", "no room for %llu bytes of it",
				      (unsigned long long)(end - start));
			continue;
		}
		c->states[c->span_count] = (struct page_states){ pages, count };
		c->spans[c->span_count++] = (struct ph_span){ start, end, data };
		image->span_count = c->span_count;
	}
	return NULL;
}

/* ---- the process ---- */

static int compare_maps(const void *a, const void *b)
{
	const struct ph_callback_map *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* The vsyscall page is no memory of the process, and nobody can read the timers' page. */
static bool is_pseudo(const struct ph_callback_map *map)
{
	return !strcmp(map->path, "[vsyscall]") || !strncmp(map->path, "[vvar", 5);
}

static struct ph_error *take_maps(struct ph_image *image, const struct ph_callback_process *process)
{
	size_t count = process->map_count;
	struct ph_callback_map *maps = calloc(count ? count : 1, sizeof(*maps));
	image->segments = calloc(count ? count : 1, sizeof(*image->segments));
	image->mappings = calloc(count ? count : 1, sizeof(*image->mappings));
	if (!maps || !image->segments || !image->mappings) {
		free(maps);
		return &ph_error_no_memory;
	}
	if (count)
		memcpy(maps, process->maps, count * sizeof(*maps));
	qsort(maps, count, sizeof(*maps), compare_maps);
	ph_addr last = 0;
	for (size_t i = 0; i < count; i++) {
		const struct ph_callback_map *m = &maps[i];
		if (m->start >= m->end || m->start < last || m->start % PAGE || is_pseudo(m))
			continue;
		last = m->end;
		image->segments[image->segment_count++] = (struct ph_segment){
			.start = m->start,
			.end = m->end,
			.file_size = m->readable ? m->end - m->start : 0,
			.readable = m->readable,
			.writable = m->writable,
			.executable = m->executable,
		};
		const char *path = m->path[0] == '/' ? ph_image_intern(image, m->path) : NULL;
		if (path)
			image->mappings[image->mapping_count++] =
				(struct ph_mapping){ .start = m->start, .end = m->end, .offset = m->offset, .path = path };
	}
	free(maps);
	return NULL;
}

static struct ph_error *take_threads(struct ph_image *image, const struct ph_callback_process *process)
{
	size_t count = process->thread_count < MAX_THREADS ? process->thread_count : MAX_THREADS, n = 0;
	image->threads = calloc(count, sizeof(*image->threads));
	if (!image->threads)
		return &ph_error_no_memory;
	/* the crashed one first, as in a core */
	for (int pass = 1; pass >= 0; pass--)
		for (size_t i = 0; i < count; i++) {
			const struct ph_callback_thread *t = &process->threads[i];
			if (t->crashed != (pass == 1))
				continue;
			struct ph_native_thread *to = &image->threads[n++];
			*to = (struct ph_native_thread){
				.tid = t->tid,
				.crashed = t->crashed,
				.signal = t->signal,
				.has_registers = t->has_registers,
				.pc = t->pc,
				.sp = t->sp,
				.fp = t->fp,
				.tls = t->tls,
				.in_syscall = t->syscall_number >= 0,
				.syscall_number = t->syscall_number,
				.syscall_name = ph_machine_syscall_name(image->machine, t->syscall_number),
			};
			memcpy(to->syscall_args, t->syscall_args, sizeof(to->syscall_args));
		}
	image->thread_count = n;
	return NULL;
}

static struct ph_error *take_auxv(struct ph_image *image, const struct ph_callback_process *process)
{
	const uint8_t *bytes = process->auxv;
	size_t count = bytes ? process->auxv_size / 16 : 0;
	if (!count || count > 1024)
		return NULL;
	image->auxv = calloc(count, sizeof(*image->auxv));
	if (!image->auxv)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++) {
		struct ph_auxv entry = { ph_load_uint(bytes + 16 * i, 8, false), ph_load_uint(bytes + 16 * i + 8, 8, false) };
		if (entry.type == AT_NULL)
			break;
		image->auxv[image->auxv_count++] = entry;
	}
	return NULL;
}

static void take_info(struct ph_image *image, const struct ph_callback_process *process)
{
	struct ph_image_info *info = &image->info;
	info->kind = ph_image_intern(image, process->kind ? process->kind : "live");
	info->os = "linux";
	info->pid = process->pid;
	info->name = process->name ? ph_image_intern(image, process->name) : NULL;
	info->signal_number = process->signal_number;
	info->signal_code = process->signal_code;
	info->has_fault_address = process->has_fault_address;
	info->fault_address = process->fault_address;
	/* private memory is all there: see is_unmodified() */
	image->anonymous_dumped = true;
	/* SIGTRAP is the debugger's: see ph_image_finish_notes() */
	image->debugger_core = true;
}

struct ph_error *ph_image_open_callback(const struct ph_callback_process *process, const struct ph_callback_ops *ops,
					void *user, const struct ph_image_options *options, struct ph_image **ret)
{
	struct ph_elf elf = { .machine = (uint16_t)process->elf_machine, .wide = true };
	const struct ph_machine *machine = ph_machine_find(&elf);
	if (!machine)
		return ph_error_create(PH_ERROR_NOT_CORE, "ELF machine %u is not supported yet", process->elf_machine);
	if (!process->thread_count)
		return ph_error_create(PH_ERROR_NOT_CORE, "the process has no threads");
	struct ph_image *image;
	struct callback *c = calloc(1, sizeof(*c));
	struct ph_error *error = c ? ph_image_create(options, &callback_ops, &image) : &ph_error_no_memory;
	if (error) {
		free(c);
		return error;
	}
	c->ops = ops;
	c->user = user;
	image->kind_data = c;
	ph_image_set_machine(image, machine);
	error = take_maps(image, process);
	if (!error)
		error = take_threads(image, process);
	if (!error)
		error = take_auxv(image, process);
	if (!error)
		error = make_spans(image, c);
	if (error) {
		ph_image_close(image);
		return error;
	}
	take_info(image, process);
	ph_image_finish_notes(image);
	*ret = image;
	return NULL;
}
