/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A minidump of what was read of an image, with all that is known beside the memory.
 *
 * Any reader of minidumps opens it.  Four streams are our own ("Ph"): the notes of an ELF core as they stood, which say
 * more of threads and signal than a minidump can, the ranges that are known to have been readable without their bytes,
 * and what the whole file had lost when it was cut. */
#include "image/minidump.h"
#include "image/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

#define MAX_STREAMS 64

struct trim {
	struct ph_image *image;
	struct ph_trace *trace;
	struct ph_buffer out; /* all but the memory; an RVA is an offset here */
	struct {
		uint32_t type;
		size_t size, rva;
	} streams[MAX_STREAMS];
	size_t stream_count;
	const struct ph_context *context;
};

static void put(struct ph_buffer *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		ph_buffer_putc(to, (char)(value >> 8 * i));
}

static void put_zeros(struct ph_buffer *to, size_t size)
{
	while (size--)
		ph_buffer_putc(to, 0);
}

static void align(struct trim *t)
{
	put_zeros(&t->out, (8 - t->out.size % 8) % 8);
}

/* Put the stream's own part behind what it refers to, which is there already. */
static void add_stream(struct trim *t, uint32_t type, const struct ph_buffer *body)
{
	if (t->stream_count == MAX_STREAMS)
		return;
	align(t);
	t->streams[t->stream_count].type = type;
	t->streams[t->stream_count].size = body->size;
	t->streams[t->stream_count++].rva = t->out.size;
	ph_buffer_append(&t->out, body->data, body->size);
}

/* A MINIDUMP_STRING: its RVA.  Text of the target's is UTF-8 with lone surrogates passed through. */
static uint64_t put_string(struct trim *t, const char *text)
{
	ph_auto_buffer struct ph_buffer units = PH_BUFFER(1 << 20);
	const uint8_t *p = (const uint8_t *)text;
	while (*p) {
		unsigned more = *p < 0xc0 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
		uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);
		for (p++; more && *p; more--, p++)
			c = c << 6 | (*p & 0x3f);
		if (c >= 0x10000) {
			put(&units, 0xd800 + ((c - 0x10000) >> 10), 2);
			put(&units, 0xdc00 + ((c - 0x10000) & 0x3ff), 2);
		} else {
			put(&units, c, 2);
		}
	}
	align(t);
	uint64_t rva = t->out.size;
	put(&t->out, units.size, 4);
	ph_buffer_append(&t->out, units.data, units.size);
	put(&t->out, 0, 2);
	return rva;
}

/* ---- the streams ---- */

static void put_system(struct trim *t)
{
	const struct ph_image_info *info = &t->image->info;
	ph_auto_buffer struct ph_buffer s = PH_BUFFER(256);
	uint32_t platform = (t->image->format == PH_MODULES_PE) ? 2 : !strcmp(info->os, "android") ? 0x8203 :
			    !strcmp(info->os, "macos") ? 0x8101 : 0x8201;
	uint64_t version = put_string(t, "");
	put(&s, t->context->architecture, 2);
	put_zeros(&s, 18);
	put(&s, platform, 4);
	put(&s, version, 4);
	put_zeros(&s, 28);
	add_stream(t, PH_STREAM_SYSTEM_INFO, &s);
}

/* 0 unknown. */
static uint64_t register_value(const struct ph_native_thread *thread, const char *name)
{
	for (unsigned i = 0; i < thread->register_count; i++)
		if (thread->register_names[i] && !strcmp(thread->register_names[i], name))
			return thread->registers[i];
	return 0;
}

/* A CONTEXT with what is known: its RVA. */
static uint64_t put_context(struct trim *t, const struct ph_native_thread *thread)
{
	const struct ph_context *c = t->context;
	ph_auto_buffer struct ph_buffer context = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	size_t word = c->wide ? 8 : 4;
	unsigned name_count;
	const char *const *names = ph_context_names(c, t->image->machine, &name_count);
	put_zeros(&context, c->whole);
	if (context.no_memory) {
		t->out.no_memory = true;
		return 0;
	}
	const struct {
		size_t at, size;
		uint64_t value;
	} parts[] = {
		{ c->flags, 4, thread->has_registers ? c->control_flags : 0 },
		{ c->pc, word, thread->pc }, { c->sp, word, thread->sp }, { c->fp, word, thread->fp },
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (size_t j = 0; j < parts[i].size; j++)
			context.data[parts[i].at + j] = (char)(parts[i].value >> 8 * j);
	for (unsigned i = 0; i < name_count; i++)
		for (size_t j = 0; names[i] && j < word; j++)
			context.data[c->general + i * word + j] = (char)(register_value(thread, names[i]) >> 8 * j);
	align(t);
	uint64_t rva = t->out.size;
	ph_buffer_append(&t->out, context.data, context.size);
	return rva;
}

static void put_threads(struct trim *t)
{
	ph_auto_buffer struct ph_buffer list = PH_BUFFER(PH_BUFFER_UNBOUNDED), names = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	const struct ph_image *image = t->image;
	size_t named = 0;
	put(&list, image->thread_count, 4);
	for (size_t i = 0; i < image->thread_count; i++) {
		const struct ph_native_thread *thread = &image->threads[i];
		uint64_t context = put_context(t, thread);
		put(&list, (uint64_t)thread->tid, 4);
		put_zeros(&list, 12);
		put(&list, (image->format == PH_MODULES_PE) ? thread->teb : thread->tls, 8);
		put_zeros(&list, 16);
		put(&list, t->context->whole, 4);
		put(&list, context, 4);
		named += thread->name != NULL;
	}
	add_stream(t, PH_STREAM_THREAD_LIST, &list);
	put(&names, named, 4);
	for (size_t i = 0; i < image->thread_count; i++)
		if (image->threads[i].name) {
			put(&names, (uint64_t)image->threads[i].tid, 4);
			put(&names, put_string(t, image->threads[i].name), 8);
		}
	if (named)
		add_stream(t, PH_STREAM_THREAD_NAMES, &names);
}

static void put_exception(struct trim *t)
{
	const struct ph_image_info *info = &t->image->info;
	ph_auto_buffer struct ph_buffer s = PH_BUFFER(256);
	const struct ph_native_thread *crashed = NULL;
	for (size_t i = 0; i < t->image->thread_count && !crashed; i++)
		if (t->image->threads[i].crashed)
			crashed = &t->image->threads[i];
	if (!info->signal_number)
		return;
	bool windows = (t->image->format == PH_MODULES_PE);
	uint64_t context = crashed ? put_context(t, crashed) : 0;
	put(&s, crashed ? (uint64_t)crashed->tid : 0, 4);
	put_zeros(&s, 4);
	put(&s, (uint64_t)info->signal_number, 4);
	put(&s, windows ? 0 : (uint32_t)info->signal_code, 4);
	put_zeros(&s, 8);
	put(&s, windows || !info->has_fault_address ? crashed ? crashed->pc : 0 : info->fault_address, 8);
	put(&s, windows && info->has_fault_address ? 2 : 0, 4);
	put_zeros(&s, 12);
	put(&s, windows ? info->fault_address : 0, 8);
	put_zeros(&s, 13 * 8);
	put(&s, crashed ? t->context->whole : 0, 4);
	put(&s, context, 4);
	add_stream(t, PH_STREAM_EXCEPTION, &s);
}

static uint64_t put_build_id(struct trim *t, const char *id, size_t *ret_size)
{
	ph_auto_buffer struct ph_buffer record = PH_BUFFER(256);
	ph_buffer_puts(&record, "LEpB");
	for (size_t i = 0; id[i] && id[i + 1]; i += 2) {
		char digits[3] = { id[i], id[i + 1] };
		ph_buffer_putc(&record, (char)strtoul(digits, NULL, 16));
	}
	align(t);
	uint64_t rva = t->out.size;
	ph_buffer_append(&t->out, record.data, record.size);
	*ret_size = record.size;
	return rva;
}

static void put_module(struct trim *t, const struct ph_module *module, struct ph_buffer *list)
{
	uint64_t name = put_string(t, module->path), record = 0;
	uint32_t timestamp = 0;
	size_t size = 0;
	uint64_t bytes = module->end - module->start;
	char stamp[9] = "";
	if (module->build_id && (t->image->format == PH_MODULES_PE)) {
		memcpy(stamp, module->build_id, strnlen(module->build_id, 8));
		timestamp = (uint32_t)strtoul(stamp, NULL, 16);
		bytes = strlen(module->build_id) > 8 ? strtoul(module->build_id + 8, NULL, 16) : bytes;
	} else if (module->build_id) {
		record = put_build_id(t, module->build_id, &size);
	}
	put(list, module->start, 8);
	put(list, bytes, 4);
	put(list, 0, 4);
	put(list, timestamp, 4);
	put(list, name, 4);
	put_zeros(list, 52);
	put(list, size, 4);
	put(list, record, 4);
	put_zeros(list, 24);
}

static void put_modules(struct trim *t)
{
	ph_auto_buffer struct ph_buffer list = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	const struct ph_module *modules;
	size_t count = ph_image_modules(t->image, &modules);
	put(&list, count, 4);
	/* the program comes first */
	for (int program = 1; program >= 0; program--)
		for (size_t i = 0; i < count; i++)
			if (modules[i].is_executable == (program == 1))
				put_module(t, &modules[i], &list);
	if (count)
		add_stream(t, PH_STREAM_MODULE_LIST, &list);
}

static void put_process(struct trim *t)
{
	ph_auto_buffer struct ph_buffer misc = PH_BUFFER(64), command = PH_BUFFER(64 << 10);
	put(&misc, 24, 4);
	put(&misc, t->image->info.pid ? 1 : 0, 4);
	put(&misc, (uint64_t)t->image->info.pid, 4);
	put_zeros(&misc, 12);
	add_stream(t, PH_STREAM_MISC_INFO, &misc);
	for (size_t i = 0; i < t->image->raw_count; i++) {
		const struct ph_raw *raw = &t->image->raws[i];
		struct ph_buffer body = PH_BUFFER(PH_BUFFER_UNBOUNDED);
		if (raw->type == PH_STREAM_OUR_NOTES)
			put(&body, raw->align, 8);
		ph_buffer_append(&body, raw->data, raw->size);
		t->out.no_memory |= body.no_memory;
		add_stream(t, raw->type, &body);
		ph_buffer_deinit(&body);
	}
}

/* MINIDUMP_MEMORY_INFO_LIST: what was mapped, and how. */
static void put_regions(struct trim *t)
{
	ph_auto_buffer struct ph_buffer list = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	put(&list, 16, 4);
	put(&list, 48, 4);
	put(&list, t->image->segment_count, 8);
	for (size_t i = 0; i < t->image->segment_count; i++) {
		const struct ph_segment *s = &t->image->segments[i];
		/* PAGE_NOACCESS, _READONLY, _READWRITE, _EXECUTE, _EXECUTE_READ, _EXECUTE_READWRITE */
		uint32_t protect = s->writable ? 0x04 : s->readable ? 0x02 : 0x01;
		protect = s->executable ? s->readable || s->writable ? protect << 4 : 0x10 : protect;
		put(&list, s->start, 8);
		put(&list, s->start, 8);
		put(&list, protect, 4);
		put_zeros(&list, 4);
		put(&list, s->end - s->start, 8);
		put(&list, 0x1000, 4); /* MEM_COMMIT */
		put(&list, protect, 4);
		put(&list, 0x20000, 4); /* MEM_PRIVATE */
		put_zeros(&list, 4);
	}
	add_stream(t, PH_STREAM_MEMORY_INFO_LIST, &list);
}

/* Extents as far as they can be read: a block is larger than what was seen of it.  The caller frees. */
static struct ph_extent *clip(struct ph_image *image, const struct ph_extent *extents, size_t count, size_t *ret_count)
{
	/* with nothing to read there are none, which is no failure */
	struct ph_extent *pieces = malloc(sizeof(*pieces));
	size_t n = 0;
	for (size_t i = 0; pieces && i < count; i++)
		for (ph_addr at = extents[i].start; at < extents[i].end;) {
			size_t left = (size_t)(extents[i].end - at), have = ph_image_readable(image, at, left);
			if (!have) {
				at++;
				continue;
			}
			if (!(n & (n - 1))) {
				struct ph_extent *grown = realloc(pieces, (n ? 2 * n : 1) * sizeof(*grown));
				if (!grown) {
					free(pieces);
					return NULL;
				}
				pieces = grown;
			}
			pieces[n++] = (struct ph_extent){ at, at + have };
			at += have;
		}
	*ret_count = n;
	return pieces;
}

/* MINIDUMP_UNLOADED_MODULE_LIST. */
static void put_unloaded(struct trim *t)
{
	const struct ph_image_info *info = &t->image->info;
	ph_auto_buffer struct ph_buffer list = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	put(&list, 12, 4);
	put(&list, 24, 4);
	put(&list, info->unloaded_count, 4);
	for (size_t i = 0; i < info->unloaded_count; i++) {
		const struct ph_unloaded_module *u = &info->unloaded[i];
		put(&list, u->start, 8);
		put(&list, u->end - u->start, 4);
		put_zeros(&list, 8);
		put(&list, put_string(t, u->path), 4);
	}
	if (info->unloaded_count)
		add_stream(t, PH_STREAM_UNLOADED_MODULE_LIST, &list);
}

/* MinidumpUTF8String: its RVA. */
static uint64_t put_utf8(struct trim *t, const char *text)
{
	align(t);
	uint64_t rva = t->out.size;
	put(&t->out, strlen(text), 4);
	ph_buffer_append(&t->out, text, strlen(text) + 1);
	return rva;
}

/* MinidumpCrashpadInfo: version, two identifiers, simple_annotations, module_list. */
static void put_annotations(struct trim *t)
{
	const struct ph_image_info *info = &t->image->info;
	ph_auto_buffer struct ph_buffer pairs = PH_BUFFER(PH_BUFFER_UNBOUNDED), s = PH_BUFFER(64);
	put(&pairs, info->annotation_count, 4);
	for (size_t i = 0; i < info->annotation_count; i++) {
		put(&pairs, put_utf8(t, info->annotations[i].key), 4);
		put(&pairs, put_utf8(t, info->annotations[i].value), 4);
	}
	if (!info->annotation_count)
		return;
	align(t);
	put(&s, 1, 4);
	put_zeros(&s, 32);
	put(&s, pairs.size, 4);
	put(&s, t->out.size, 4);
	put_zeros(&s, 8);
	ph_buffer_append(&t->out, pairs.data, pairs.size);
	t->out.no_memory |= pairs.no_memory;
	add_stream(t, PH_STREAM_CRASHPAD_INFO, &s);
}

/* What was wrong with the image, and what it had lost. */
static void put_damage(struct trim *t)
{
	ph_auto_buffer struct ph_buffer damage = PH_BUFFER(PH_BUFFER_UNBOUNDED), lost = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_minidump_put_damage(t->image, &damage);
	if (damage.size)
		add_stream(t, PH_STREAM_OUR_DAMAGE, &damage);
	for (size_t i = 0; i < t->image->segment_count; i++) {
		const struct ph_segment *s = &t->image->segments[i];
		if (!s->missing)
			continue;
		put(&lost, s->start + s->file_size, 8);
		put(&lost, s->missing, 8);
	}
	if (lost.size)
		add_stream(t, PH_STREAM_OUR_CUT, &lost);
	t->out.no_memory |= damage.no_memory | lost.no_memory;
}

static void put_memory_list(struct trim *t, const struct ph_extent *extents, size_t count)
{
	ph_auto_buffer struct ph_buffer list = PH_BUFFER(PH_BUFFER_UNBOUNDED),
					readable = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	const struct ph_trace *trace = t->trace;
	for (size_t i = 0; i < trace->readable_count; i++) {
		put(&readable, trace->readable[i].start, 8);
		put(&readable, trace->readable[i].end - trace->readable[i].start, 8);
	}
	add_stream(t, PH_STREAM_OUR_READABLE, &readable);
	put(&list, count, 8);
	put(&list, 0, 8);
	for (size_t i = 0; i < count; i++) {
		put(&list, extents[i].start, 8);
		put(&list, extents[i].end - extents[i].start, 8);
	}
	add_stream(t, PH_STREAM_MEMORY64_LIST, &list);
	align(t);
	/* BaseRva, now that it is known */
	for (size_t j = 0; j < 8 && !t->out.no_memory; j++)
		t->out.data[t->streams[t->stream_count - 1].rva + 8 + j] =
			(char)((t->out.size + 12 * t->stream_count) >> 8 * j);
}

/* ---- the file ---- */

static struct ph_error *failed(void)
{
	return ph_error_create(PH_ERROR_IO, "the trimmed file could not be written: %s", strerror(errno));
}

static struct ph_error *write_memory(struct ph_image *image, const struct ph_extent *extents, size_t count, FILE *to)
{
	uint8_t buffer[65536];
	for (size_t i = 0; i < count; i++)
		for (ph_addr at = extents[i].start; at < extents[i].end;) {
			size_t left = (size_t)(extents[i].end - at),
			       step = left < sizeof(buffer) ? left : sizeof(buffer);
			if (ph_image_read(image, at, buffer, step) != PH_OK)
				memset(buffer, 0, step);
			if (fwrite(buffer, 1, step, to) != step)
				return failed();
			at += step;
		}
	return NULL;
}

static void put_header(struct trim *t)
{
	put_zeros(&t->out, 32);
	put_system(t);
	put_threads(t);
	put_exception(t);
	put_modules(t);
	put_process(t);
	put_regions(t);
	put_unloaded(t);
	put_annotations(t);
	put_damage(t);
}

/* The directory is the last thing before the memory, so that BaseRva follows from its length. */
static struct ph_error *finish(struct trim *t, const struct ph_extent *extents, size_t count, FILE *to)
{
	put_memory_list(t, extents, count);
	uint64_t directory = t->out.size;
	for (size_t i = 0; i < t->stream_count; i++) {
		put(&t->out, t->streams[i].type, 4);
		put(&t->out, t->streams[i].size, 4);
		put(&t->out, t->streams[i].rva, 4);
	}
	if (t->out.no_memory)
		return &ph_error_no_memory;
	ph_auto_buffer struct ph_buffer header = PH_BUFFER(64);
	ph_buffer_puts(&header, PH_MINIDUMP_MAGIC);
	put(&header, 0xa793, 4);
	put(&header, t->stream_count, 4);
	put(&header, directory, 4);
	put(&header, 0, 4);
	put(&header, (uint64_t)t->image->info.core_time, 4);
	put(&header, PH_MINIDUMP_WITH_FULL_MEMORY, 8);
	if (header.no_memory || directory > UINT32_MAX)
		return header.no_memory ? &ph_error_no_memory : failed();
	memcpy(t->out.data, header.data, header.size);
	if (fwrite(t->out.data, 1, t->out.size, to) != t->out.size)
		return failed();
	return write_memory(t->image, extents, count, to);
}

struct ph_error *ph_image_write_trimmed(struct ph_image *image, FILE *to)
{
	struct trim t = { .image = image, .trace = image->trace, .out = PH_BUFFER(UINT32_MAX) };
	ph_auto_free struct ph_extent *extents = NULL;
	ph_auto_free struct ph_extent *pieces = NULL;
	size_t count = 0, piece_count = 0;
	if (!t.trace)
		return ph_error_create(PH_ERROR_USAGE, "what was read of this image was not recorded");
	t.context = ph_context_of_machine(image->machine);
	if (!t.context)
		return ph_error_create(PH_ERROR_USAGE,
				       "no minidump can be written of %s: none is defined for this machine; "
				       "-o with --heap=stacks writes a small dump of it",
				       image->info.arch);
	/* what is read from here on is not to be recorded */
	image->trace = NULL;
	ph_trace_settle(t.trace);
	struct ph_error *error = NULL;
	if (!ph_trace_extents(t.trace, &extents, &count) || !(pieces = clip(image, extents, count, &piece_count)))
		error = &ph_error_no_memory;
	if (!error) {
		put_header(&t);
		error = finish(&t, pieces, piece_count, to);
	}
	image->trace = t.trace;
	ph_image_forget_lenses();
	ph_buffer_deinit(&t.out);
	return error;
}
