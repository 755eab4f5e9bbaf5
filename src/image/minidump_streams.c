/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a minidump says of the process: machine, modules, threads, exception. */
#include "image/minidump.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/callbacks.h"
#include "base/cleanup.h"

#define MODULE_SIZE PH_MINIDUMP_MODULE_SIZE

/* ---- machine and system ---- */

/* MINIDUMP_SYSTEM_INFO.PlatformId: Microsoft's, and from 0x8000 on Breakpad's. */
static const char *system_name(uint32_t platform)
{
	switch (platform) {
	case 1: case 2:
		return "windows";
	case 0x8101:
		return "macos";
	case 0x8102:
		return "ios";
	case 0x8201:
		return "linux";
	case 0x8203:
		return "android";
	default:
		return NULL;
	}
}

struct ph_error *ph_minidump_system(struct ph_minidump *md)
{
	struct ph_image_info *info = &md->image->info;
	struct ph_cursor c;
	char buffer[48];
	if (!ph_minidump_stream(md, PH_STREAM_SYSTEM_INFO, 0, &c))
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: a minidump that does not say which machine it is of "
				       "(it has no SystemInfo)", md->name);
	unsigned architecture = ph_cursor_u16(&c);
	(void)ph_cursor_take(&c, 18); /* level, revision, processors, product, major, minor and build number */
	uint32_t platform = ph_cursor_u32(&c);
	if (c.overrun)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: the minidump is cut before its SystemInfo ends",
				       md->name);
	md->context = ph_context_find(architecture);
	const struct ph_machine *machine = NULL;
	if (md->context)
		machine = ph_machine_find(
			&(struct ph_elf){ .machine = md->context->elf_machine, .wide = md->context->wide });
	const char *system = system_name(platform);
	md->windows = system && !strcmp(system, "windows");
	if (!machine)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: a minidump of %s%s%s, which is not supported yet",
				       md->name, system ? system : "", system ? " on " : "",
				       ph_context_name(architecture, buffer));
	ph_image_set_machine(md->image, machine);
	info->kind = "minidump";
	info->os = system ? system : "unknown";
	if (md->windows) {
		/* LLP64, and locks are Python/thread_nt.h's */
		info->long_size = 4;
		info->scalar_align = 8;
		info->lock_size = 0;
		info->page_size = 4096;
		md->image->format = PH_MODULES_PE;
	}
	return NULL;
}

/* ---- modules ---- */

/* CvRecord: what the linker wrote, "RSDS" GUID age path, or Breakpad's "LEpB" (BpEL) and the GNU build-id. */
static const char *build_id_of(struct ph_minidump *md, uint64_t rva, uint64_t size)
{
	const uint8_t *record = size > 4 && size <= 4 + 64 ? ph_minidump_at(md, rva, size) : NULL;
	char text[2 * 64 + 1];
	if (!record || memcmp(record, "LEpB", 4))
		return NULL;
	for (size_t i = 4; i < size; i++)
		snprintf(text + 2 * (i - 4), 3, "%02x", record[i]);
	return ph_image_intern(md->image, text);
}

static bool add_mapping(struct ph_minidump *md, const uint8_t *entry, bool first)
{
	struct ph_image *image = md->image;
	ph_addr base = ph_load_uint(entry, 8, false);
	uint64_t size = ph_load_uint(entry + 8, 4, false);
	const char *name = ph_minidump_string(md, ph_load_uint(entry + 20, 4, false));
	/* LLDB's sizes of modules are far too small, Breakpad's of what is mapped twice too large: modules.c mends both
	 * */
	if (!size)
		size = image->info.page_size;
	if (!name || base + size < base)
		return false;
	image->mappings[image->mapping_count++] = (struct ph_mapping){
		.start = base,
		.end = base + size,
		.path = name,
		.by_headers = true,
		.main = first,
		.timestamp = (uint32_t)ph_load_uint(entry + 16, 4, false),
		.image_size = (uint32_t)ph_load_uint(entry + 8, 4, false),
		.build_id = build_id_of(md, ph_load_uint(entry + 80, 4, false), ph_load_uint(entry + 76, 4, false)),
	};
	return true;
}

/* With LinuxMaps it is known what was mapped, page for page, as in a core; the list has the build-ids. */
static void note_build_id(struct ph_minidump *md, const uint8_t *entry)
{
	struct ph_image *image = md->image;
	ph_addr base = ph_load_uint(entry, 8, false);
	for (size_t low = 0, high = image->mapping_count; low < high;) {
		size_t middle = low + (high - low) / 2;
		struct ph_mapping *m = &image->mappings[middle];
		if (m->start == base) {
			m->build_id =
				build_id_of(md, ph_load_uint(entry + 80, 4, false), ph_load_uint(entry + 76, 4, false));
			return;
		}
		if (m->start < base)
			low = middle + 1;
		else
			high = middle;
	}
}

struct ph_error *ph_minidump_modules(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_cursor c;
	uint64_t lies = 0;
	if (!ph_minidump_stream(md, PH_STREAM_MODULE_LIST, 0, &c))
		return NULL;
	size_t count = ph_minidump_entries(md, &c, ph_cursor_u32(&c), MODULE_SIZE, "modules");
	if (image->mapping_count) {
		for (size_t i = 0; i < count; i++)
			note_build_id(md, ph_cursor_take(&c, MODULE_SIZE));
		return NULL;
	}
	free(image->mappings);
	image->mappings = calloc(count ? count : 1, sizeof(*image->mappings));
	if (!image->mappings)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *entry = ph_cursor_take(&c, MODULE_SIZE);
		lies += !entry || !add_mapping(md, entry, !i);
	}
	if (lies)
		ph_minidump_damage(md, "minidump", "modules without a name or a place");
	ph_image_settle_mappings(image);
	return NULL;
}

/* ---- threads ---- */

static bool read_context(struct ph_minidump *md, uint64_t rva, uint64_t size, struct ph_native_thread *thread)
{
	const struct ph_context *context = md->context;
	const uint8_t *at = size >= context->size ? ph_minidump_at(md, rva, size) : NULL;
	size_t word = context->wide ? 8 : 4;
	if (!at)
		return false;
	/* a thread that writes a dump of its own process leaves its CONTEXT empty */
	if (!ph_load_uint(at + context->flags, 4, false))
		return false;
	thread->has_registers = true;
	thread->pc = ph_load_uint(at + context->pc, word, false);
	thread->sp = ph_load_uint(at + context->sp, word, false);
	thread->fp = ph_load_uint(at + context->fp, word, false);
	unsigned count;
	const char *const *names = ph_context_names(context, md->image->machine, &count);
	ph_machine_general(names, count, at + context->general, word, false, thread);
	return true;
}

static void add_thread(struct ph_minidump *md, const uint8_t *entry)
{
	struct ph_image *image = md->image;
	struct ph_native_thread t = { .tid = (int64_t)ph_load_uint(entry, 4, false), .syscall_number = -1 };
	uint64_t teb = ph_load_uint(entry + 16, 8, false);
	for (size_t i = 0; i < image->thread_count; i++)
		if (image->threads[i].tid == t.tid)
			return;
	/* Windows: PyThread_get_thread_ident() is the thread's number.  Elsewhere Crashpad puts the thread register
	 * where Windows has the TEB; others leave 0 there. */
	t.tls = md->windows ? (uint64_t)t.tid : teb;
	t.teb = md->windows ? teb : 0;
	if (md->windows && !md->main_teb)
		md->main_teb = teb;
	(void)read_context(md, ph_load_uint(entry + 44, 4, false), ph_load_uint(entry + 40, 4, false), &t);
	image->threads[image->thread_count++] = t;
}

/* MINIDUMP_THREAD_NAMES: packed, ThreadId and an RVA of 8 bytes. */
static void name_threads(struct ph_minidump *md)
{
	struct ph_cursor c;
	if (!ph_minidump_stream(md, PH_STREAM_THREAD_NAMES, 0, &c))
		return;
	size_t count = ph_minidump_entries(md, &c, ph_cursor_u32(&c), 12, "thread names");
	count = count < PH_MINIDUMP_MAX_THREADS ? count : PH_MINIDUMP_MAX_THREADS;
	for (size_t i = 0; i < count; i++) {
		int64_t tid = ph_cursor_u32(&c);
		uint64_t rva = ph_cursor_u64(&c);
		for (size_t j = 0; j < md->image->thread_count; j++)
			if (md->image->threads[j].tid == tid && !md->image->threads[j].name)
				md->image->threads[j].name = ph_minidump_string(md, rva);
	}
}

struct ph_error *ph_minidump_threads(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	uint32_t types[] = { PH_STREAM_THREAD_LIST, PH_STREAM_THREAD_EX_LIST };
	for (size_t i = 0; i < 2 && !image->thread_count; i++) {
		size_t entry = i ? PH_MINIDUMP_THREAD_EX_SIZE : PH_MINIDUMP_THREAD_SIZE;
		struct ph_cursor c;
		if (!ph_minidump_stream(md, types[i], 0, &c))
			continue;
		size_t count = ph_minidump_entries(md, &c, ph_cursor_u32(&c), entry, "threads");
		/* each is held against those before it */
		count = count < PH_MINIDUMP_MAX_THREADS ? count : PH_MINIDUMP_MAX_THREADS;
		free(image->threads);
		image->threads = calloc(count ? count : 1, sizeof(*image->threads));
		if (!image->threads)
			return &ph_error_no_memory;
		for (size_t j = 0; j < count; j++) {
			const uint8_t *e = ph_cursor_take(&c, entry);
			if (e)
				add_thread(md, e);
		}
	}
	if (!image->thread_count)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: a minidump without threads%s", md->name,
				       image->info.complete ? "" : ": it is cut");
	name_threads(md);
	return NULL;
}

/* ---- the process ---- */

/* A pointer of the target's; 0 when it is not there. */
static ph_addr pointer_at(struct ph_minidump *md, ph_addr addr)
{
	size_t word = md->image->info.pointer_size;
	const void *view = addr ? ph_image_core_view(md->image, addr, word) : NULL;
	return view ? ph_load_uint(view, word, false) : 0;
}

/* Windows: TEB, PEB, RTL_USER_PROCESS_PARAMETERS.CommandLine, a UNICODE_STRING. */
static const char *command_line(struct ph_minidump *md)
{
	const struct ph_context *context = md->context;
	ph_addr peb = md->main_teb ? pointer_at(md, md->main_teb + context->peb) : 0;
	ph_addr parameters = peb ? pointer_at(md, peb + context->parameters) : 0;
	if (!parameters)
		return NULL;
	const void *length = ph_image_core_view(md->image, parameters + context->command_line, 2);
	ph_addr text = pointer_at(md, parameters + context->command_line + md->image->info.pointer_size);
	size_t size = length ? (size_t)ph_load_uint(length, 2, false) : 0;
	const void *view = size && text ? ph_image_core_view(md->image, text, size) : NULL;
	return view ? ph_minidump_utf16(md->image, view, size) : NULL;
}

void ph_minidump_process(struct ph_minidump *md)
{
	struct ph_image_info *info = &md->image->info;
	if (md->windows)
		info->command = command_line(md);
	for (size_t i = 0; i < md->image->mapping_count && !info->name; i++)
		if (md->image->mappings[i].main)
			info->name = ph_image_last_component(md->image->mappings[i].path);
	ph_minidump_annotations(md);
	ph_minidump_misc(md);
	ph_minidump_unloaded(md);
}

/* ---- the exception ---- */

const char *ph_exception_code_name(uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *name;
	} names[] = { /* winnt.h, ntstatus.h */
		{ 0x80000001, "EXCEPTION_GUARD_PAGE" },
		{ 0x80000002, "EXCEPTION_DATATYPE_MISALIGNMENT" },
		{ 0x80000003, "EXCEPTION_BREAKPOINT" },
		{ 0x80000004, "EXCEPTION_SINGLE_STEP" },
		{ 0xc0000005, "EXCEPTION_ACCESS_VIOLATION" },
		{ 0xc0000006, "EXCEPTION_IN_PAGE_ERROR" },
		{ 0xc0000008, "EXCEPTION_INVALID_HANDLE" },
		{ 0xc0000017, "STATUS_NO_MEMORY" },
		{ 0xc000001d, "EXCEPTION_ILLEGAL_INSTRUCTION" },
		{ 0xc0000025, "EXCEPTION_NONCONTINUABLE_EXCEPTION" },
		{ 0xc000008c, "EXCEPTION_ARRAY_BOUNDS_EXCEEDED" },
		{ 0xc000008e, "EXCEPTION_FLT_DIVIDE_BY_ZERO" },
		{ 0xc0000090, "EXCEPTION_FLT_INVALID_OPERATION" },
		{ 0xc0000094, "EXCEPTION_INT_DIVIDE_BY_ZERO" },
		{ 0xc0000096, "EXCEPTION_PRIV_INSTRUCTION" },
		{ 0xc00000fd, "EXCEPTION_STACK_OVERFLOW" },
		{ 0xc0000135, "STATUS_DLL_NOT_FOUND" },
		{ 0xc0000374, "STATUS_HEAP_CORRUPTION" },
		{ 0xc0000409, "STATUS_STACK_BUFFER_OVERRUN" }, /* __fastfail(), with it abort() */
		{ 0xc0000417, "STATUS_INVALID_CRUNTIME_PARAMETER" },
		{ 0xc0000420, "STATUS_ASSERTION_FAILURE" },
		{ 0xe06d7363, "EXCEPTION_CXX" }, /* thrown by the C++ of Microsoft: "msc" */
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

static struct ph_native_thread *thread_of(struct ph_image *image, int64_t tid)
{
	for (size_t i = 0; i < image->thread_count; i++)
		if (image->threads[i].tid == tid)
			return &image->threads[i];
	return NULL;
}

static void take_windows_exception(struct ph_image *image, const uint8_t *record)
{
	struct ph_image_info *info = &image->info;
	uint32_t code = (uint32_t)ph_load_uint(record, 4, false);
	info->signal_number = code;
	info->signal_name = ph_exception_code_name(code);
	/* EXCEPTION_RECORD.ExceptionInformation: what was done (0 read, 1 written, 8 run), and where */
	if ((code == 0xc0000005 || code == 0xc0000006) && ph_load_uint(record + 24, 4, false) >= 2) {
		info->has_fault_address = true;
		info->fault_address = ph_load_uint(record + 40, 8, false);
	}
}

/* Breakpad and Crashpad: ExceptionCode is the signal, ExceptionFlags si_code, ExceptionAddress si_addr; 0xffffffff a
 * dump that nothing but a request led to.  LLDB leaves the flags 0 and puts the program counter where the address
 * belongs. */
static bool take_signal(struct ph_image *image, const uint8_t *record)
{
	struct ph_image_info *info = &image->info;
	int32_t number = (int32_t)ph_load_uint(record, 4, false), code = (int32_t)ph_load_uint(record + 4, 4, false);
	if (!ph_signal_dumps(number))
		return false;
	info->signal_number = number;
	info->signal_name = ph_signal_name(number);
	info->signal_code = code;
	if ((number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE) && code > 0 &&
	    code != SI_KERNEL) {
		info->has_fault_address = true;
		info->fault_address = ph_load_uint(record + 16, 8, false);
	}
	return true;
}

/* MINIDUMP_EXCEPTION_STREAM: ThreadId, padding, MINIDUMP_EXCEPTION of 152 bytes, where the CONTEXT is.  LLDB writes one
 * a thread that stopped: the first that is a crash counts. */
void ph_minidump_exceptions(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_cursor c;
	for (size_t i = 0; ph_minidump_stream(md, PH_STREAM_EXCEPTION, i, &c); i++) {
		int64_t tid = ph_cursor_u32(&c);
		(void)ph_cursor_u32(&c);
		const uint8_t *record = ph_cursor_take(&c, 152);
		uint32_t size = ph_cursor_u32(&c), rva = ph_cursor_u32(&c);
		if (!record) {
			ph_minidump_damage(md, "minidump", "the exception is cut");
			continue;
		}
		struct ph_native_thread *thread = thread_of(image, tid);
		if (md->windows)
			take_windows_exception(image, record);
		else if (!take_signal(image, record))
			continue;
		if (thread) {
			thread->crashed = true;
			thread->signal = (int)image->info.signal_number;
			/* where it was when it happened, rather than where the handler writes the dump */
			(void)read_context(md, rva, size, thread);
		}
		return;
	}
}
