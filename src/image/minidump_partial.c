/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kind of minidump it is: who wrote it, with which options, and whether more than stacks is in it. */
#include "image/minidump.h"

#include "base/buffer.h"
#include "base/cleanup.h"

#define STACK_SLACK 4096u /* writers begin at the page of the stack pointer */

static bool has_stream(struct ph_minidump *md, uint32_t type)
{
	struct ph_cursor c;
	return ph_minidump_stream(md, type, 0, &c);
}

/* Does a stack pointer lie in it? */
static bool is_stack(const struct ph_image *image, const struct ph_segment *segment)
{
	for (size_t i = 0; i < image->thread_count; i++) {
		ph_addr sp = image->threads[i].sp;
		if (image->threads[i].has_registers && sp + STACK_SLACK >= segment->start && sp < segment->end)
			return true;
	}
	return false;
}

/* Bytes that are held of what could be a heap: written to, of no module, no stack. */
static uint64_t heap_bytes(const struct ph_image *image)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct ph_segment *s = &image->segments[i];
		if (s->writable && (s->file_size || s->missing) && !ph_image_mapping_at(image, s->start) &&
		    !is_stack(image, s))
			bytes += s->file_size + s->missing;
	}
	return bytes;
}

/* Bytes that are left out of what the process alone could write to, stacks apart: of those, writers keep what was in
 * use.  Only where it is known what was mapped. */
static uint64_t lacking_bytes(const struct ph_minidump *md)
{
	const struct ph_image *image = md->image;
	uint64_t bytes = 0;
	for (size_t r = 0, i = 0; r < md->region_count; r++) {
		const struct ph_minidump_region *region = &md->regions[r];
		struct ph_segment whole = { .start = region->start, .end = region->end };
		if (!region->writable || !region->readable || region->shared || is_stack(image, &whole))
			continue;
		while (i < image->segment_count && image->segments[i].end <= region->start)
			i++;
		for (size_t j = i; j < image->segment_count && image->segments[j].start < region->end; j++) {
			const struct ph_segment *s = &image->segments[j];
			bytes += s->end - s->start - s->file_size - s->missing;
		}
	}
	return bytes;
}

#define WITH_DATA_SEGS 0x1u
#define WITH_INDIRECTLY_REFERENCED_MEMORY 0x40u
#define WITH_PRIVATE_READ_WRITE_MEMORY 0x200u

/* The names of MINIDUMP_TYPE that say which memory is in it. */
static const char *flag_names(struct ph_minidump *md)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{ WITH_DATA_SEGS, "MiniDumpWithDataSegs" },
		{ WITH_INDIRECTLY_REFERENCED_MEMORY, "MiniDumpWithIndirectlyReferencedMemory" },
		{ WITH_PRIVATE_READ_WRITE_MEMORY, "MiniDumpWithPrivateReadWriteMemory" },
		{ 0x40000, "MiniDumpWithModuleHeaders" },
	};
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(512);
	ph_buffer_puts(&text, "MiniDumpWriteDump with ");
	size_t before = text.size;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (md->flags & names[i].flag)
			ph_buffer_printf(&text, "%s%s", text.size > before ? "|" : "", names[i].name);
	if (text.size == before)
		ph_buffer_puts(&text, "MiniDumpNormal");
	return ph_image_intern(md->image, ph_buffer_text(&text));
}

/* What its options say; NULL when that is all that the heap needs. */
static const char *flags_hold(struct ph_minidump *md)
{
	bool data = md->flags & WITH_DATA_SEGS;
	if (md->flags & WITH_PRIVATE_READ_WRITE_MEMORY)
		return data ? NULL : "private memory without the data of modules, in which Python's state begins";
	if (md->flags & WITH_INDIRECTLY_REFERENCED_MEMORY)
		return data ? "stacks, what they point at, and the data of modules" : "stacks and what they point at";
	return data ? "stacks and the data of modules" : "stacks only";
}

/* Does it have memory at all? */
static bool has_memory(const struct ph_image *image)
{
	for (size_t i = 0; i < image->segment_count; i++)
		if (image->segments[i].file_size || image->segments[i].missing)
			return true;
	return false;
}

static void set_partial(struct ph_minidump *md, const char *holds, const char *by, const char *how)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(1024);
	ph_buffer_printf(&text, "%s, written by %s", holds, by);
	md->image->info.partial = ph_image_intern(md->image, ph_buffer_text(&text));
	md->image->info.how_whole = how;
}

void ph_minidump_partial(struct ph_minidump *md)
{
	/* less than one arena of pymalloc */
	enum { LITTLE = 256 << 10 };
	uint64_t heap = heap_bytes(md->image);
	if (has_stream(md, PH_STREAM_OUR_READABLE)) {
		if (!md->image->info.partial && !has_memory(md->image))
			set_partial(md, "no memory", "core2pyheap --trim",
				    "core2pyheap --trim of the whole core, once more: the list of memory is empty or missing");
		return;
	}
	const char *holds = heap ? "some memory beside the stacks" :
				   has_memory(md->image) ? "stacks only" : "no memory";
	uint64_t lacking = lacking_bytes(md);
	if (md->region_count && heap >= LITTLE && !lacking)
		return;
	if (md->region_count && heap) {
		ph_auto_buffer struct ph_buffer text = PH_BUFFER(256);
		uint64_t whole = heap + lacking;
		ph_buffer_printf(&text, "%.1f of %.1f MB of writable memory", (double)heap / 1e6, (double)whole / 1e6);
		const char *share = ph_image_intern(md->image, ph_buffer_text(&text));
		holds = share ? share : holds;
	}
	if (has_stream(md, PH_STREAM_CRASHPAD_INFO)) {
		set_partial(md, holds, "Crashpad",
			    "Crashpad holds the memory that a program adds (CrashpadInfo::set_extra_memory_ranges) and "
			    "no more: let gcore write a core, or coredumpctl");
	} else if (md->windows) {
		const char *flags = flags_hold(md);
		bool full = md->flags & PH_MINIDUMP_WITH_FULL_MEMORY;
		/* its list of memory may be empty, or gone */
		if (full && !has_memory(md->image))
			set_partial(md, holds, "MiniDumpWriteDump with MiniDumpWithFullMemory, whose list of memory is "
				    "empty or missing", "the file is damaged: copy it, or write it, once more");
		else if (!full && flags)
			set_partial(md, md->region_count && heap ? holds : flags, flag_names(md),
				    "MiniDumpWriteDump with MiniDumpWithFullMemory (procdump -ma; DumpType 2 of Windows "
				    "Error Reporting's LocalDumps), or with MiniDumpWithPrivateReadWriteMemory|"
				    "MiniDumpWithDataSegs, which is smaller");
	} else if (has_stream(md, PH_STREAM_LINUX_DSO_DEBUG)) {
		set_partial(md, holds, "Breakpad",
			    "Breakpad holds the memory that a program registers (RegisterAppMemory) and no "
			    "more: let gcore write a core, or coredumpctl");
	} else if (heap < LITTLE) {
		set_partial(
			md, holds,
			has_stream(md, PH_STREAM_LINUX_STAT) ? "LLDB with --style=stack" : "LLDB or another writer",
			"`process save-core --plugin-name=minidump --style=full` (or modified-memory) of LLDB, of the "
			"process rather than of a core");
	}
}
