/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cores of macOS, as its kernel and lldb write them: an LC_SEGMENT_64 for each region of memory, an LC_THREAD for each
 * thread; lldb adds LC_NOTEs, of which "all image infos" lists the modules.  Without it every region that begins with
 * a Mach-O header is one.
 *
 * Written after Apple's headers (<mach-o/loader.h>, <mach/i386/_structs.h>, <mach/arm/_structs.h>) and lldb's
 * ObjectFileMachO; no core of a real machine was at hand. */
#include "image/macho.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 100000
#define MAX_IMAGES 65536

struct loader {
	struct ph_image *image;
	struct ph_macho macho;
	const uint8_t *data;
	size_t size;
	const char *name;
	const struct flavors *flavors;
	uint64_t lies;
};

static const char *const x86_names[] = { "rax", "rbx", "rcx", "rdx", "rdi", "rsi", "rbp", NULL,
					 "r8",	"r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
static const char *const arm_names[] = { "x0",	"x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",	 "x8",	"x9",  "x10",
					 "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
					 "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30" };
#define NAMES(array) .names = (array), .name_count = sizeof(array) / sizeof((array)[0])

/* Where a thread's state keeps the registers; counts are of 4 bytes. */
static const struct flavors {
	uint32_t cpu;
	uint16_t elf_machine;
	unsigned page_size;
	uint32_t state, state_count, union_state; /* …_THREAD_STATE64; the flavor that has one of two within, 0 none */
	uint16_t pc, sp, fp;
	const char *const *names; /* of the registers that the state begins with */
	unsigned name_count;
	uint32_t exception, fault, trap; /* …_EXCEPTION_STATE64; where the fault's address and the trap are */
} flavors[] = {
	/* x86_THREAD_STATE64: ax bx cx dx di si bp sp r8 … r15 ip flags cs fs gs */
	{ .cpu = PH_MACHO_CPU_X86_64, .elf_machine = EM_X86_64, .page_size = 4096, .state = 4, .state_count = 42,
	  .union_state = 7, .pc = 128, .sp = 56, .fp = 48, NAMES(x86_names),
	  .exception = 6, .fault = 8, .trap = 0 },
	/* ARM_THREAD_STATE64: x0 … x28 fp lr sp pc cpsr */
	{ .cpu = PH_MACHO_CPU_ARM64, .elf_machine = EM_AARCH64, .page_size = 16384, .state = 6, .state_count = 68,
	  .union_state = 1, .pc = 256, .sp = 248, .fp = 232, NAMES(arm_names),
	  .exception = 7, .fault = 0, .trap = 12 },
};

static struct ph_error *check_header(struct loader *l)
{
	static const struct ph_elf kinds[] = {
		{ .wide = true, .machine = EM_X86_64 }, { .wide = true, .machine = EM_AARCH64 },
	};
	if (!ph_macho_parse(l->data, l->size, &l->macho))
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: its Mach-O header is cut", l->name);
	for (size_t i = 0; i < sizeof(flavors) / sizeof(*flavors); i++)
		if (flavors[i].cpu == l->macho.cpu) {
			l->flavors = &flavors[i];
			ph_image_set_machine(l->image, ph_machine_find(&kinds[i]));
		}
	if (!l->flavors)
		return ph_error_create(PH_ERROR_NOT_CORE,
				       "%s: is a macOS core of CPU type 0x%x, which is not supported yet", l->name,
				       l->macho.cpu);
	struct ph_image_info *info = &l->image->info;
	info->kind = "mach-o-core";
	info->os = "macos";
	info->page_size = l->flavors->page_size;
	info->lock_size = 64; /* struct _opaque_pthread_mutex_t, <sys/_pthread/_pthread_types.h> */
	info->pthread_tid = 0;
	info->tls_above_pthread = false;
	l->image->format = PH_MODULES_MACHO;
	l->image->anonymous_dumped = true;
	return NULL;
}

/* ---- memory ---- */

static void add_segment(struct loader *l, const struct ph_macho_segment *s)
{
	struct ph_segment segment = {
		.start = s->vaddr,
		.end = s->vaddr + s->memory_size,
		.file_size = s->file_size < s->memory_size ? s->file_size : s->memory_size,
		.file_offset = s->offset,
		.readable = s->protection & 1,
		.writable = s->protection & 2,
		.executable = s->protection & 4,
	};
	if (!s->memory_size)
		return;
	if (segment.end < segment.start) {
		l->lies++;
		return;
	}
	uint64_t left = segment.file_offset < l->size ? l->size - segment.file_offset : 0;
	if (segment.file_size > left) {
		segment.missing = segment.file_size - left;
		segment.file_size = left;
	}
	l->image->segments[l->image->segment_count++] = segment;
}

static size_t count_commands(const struct loader *l, uint32_t type)
{
	struct ph_macho_command command = { 0 };
	size_t n = 0;
	while (ph_macho_next(&l->macho, &command))
		n += command.type == type;
	return n;
}

static struct ph_error *read_segments(struct loader *l)
{
	struct ph_image *image = l->image;
	struct ph_macho_command command = { 0 };
	struct ph_macho_segment segment;
	size_t count = count_commands(l, PH_LC_SEGMENT_64);
	image->segments = calloc(count ? count : 1, sizeof(*image->segments));
	if (!image->segments)
		return &ph_error_no_memory;
	while (ph_macho_next(&l->macho, &command))
		if (ph_macho_segment(&command, &segment))
			add_segment(l, &segment);
	if (command.next < ph_load_uint(l->data + 20, 4, false)) {
		image->info.complete = false;
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "core", "load commands from byte %zu on cannot be read",
			      command.next);
	}
	l->lies += ph_image_settle_segments(image);
	if (l->lies) {
		image->info.complete = false;
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "core",
			      "%" PRIu64 " regions that overlap or leave the address space", l->lies);
	}
	return ph_image_hold_segments(image, l->data);
}

/* ---- threads ---- */

static void read_state(const struct loader *l, uint32_t flavor, const uint8_t *state, uint32_t count,
		       struct ph_native_thread *thread)
{
	const struct flavors *f = l->flavors;
	if (flavor == f->union_state && count > 2) {
		flavor = (uint32_t)ph_load_uint(state, 4, false);
		state += 8;
		count -= 2;
	}
	if (flavor == f->state && count >= f->state_count) {
		thread->has_registers = true;
		thread->pc = ph_load_uint(state + f->pc, 8, false);
		thread->sp = ph_load_uint(state + f->sp, 8, false);
		thread->fp = ph_load_uint(state + f->fp, 8, false);
		ph_machine_general(f->names, f->name_count, state, 8, false, thread);
	}
	/* trapno of x86: 14 is a page fault, 0x85 a system call; ARM's `exception` is 0 outside one */
	uint64_t trap = flavor == f->exception && count >= 4 ? ph_load_uint(state + f->trap, 2, false) : 0;
	struct ph_image_info *info = &l->image->info;
	if (trap && trap != 0x85 && !info->has_fault_address && ph_load_uint(state + f->fault, 8, false)) {
		info->has_fault_address = true;
		info->fault_address = ph_load_uint(state + f->fault, 8, false);
		thread->crashed = true;
	}
}

/* The command names no thread: they are numbered as they come. */
static void read_thread(struct loader *l, const struct ph_macho_command *command)
{
	struct ph_native_thread thread = { .tid = (int64_t)l->image->thread_count + 1, .syscall_number = -1 };
	for (size_t at = 8; command->size - at >= 8;) {
		uint32_t flavor = (uint32_t)ph_load_uint(command->data + at, 4, false);
		uint32_t count = (uint32_t)ph_load_uint(command->data + at + 4, 4, false);
		at += 8;
		if (count > (command->size - at) / 4)
			break;
		read_state(l, flavor, command->data + at, count, &thread);
		at += count * 4;
	}
	l->image->threads[l->image->thread_count++] = thread;
}

static struct ph_error *read_threads(struct loader *l)
{
	struct ph_macho_command command = { 0 };
	size_t count = count_commands(l, PH_LC_THREAD);
	if (!count)
		return ph_error_create(PH_ERROR_NOT_CORE, "%s: no thread in it, not a core of a process", l->name);
	count = count < MAX_THREADS ? count : MAX_THREADS;
	l->image->threads = calloc(count, sizeof(*l->image->threads));
	if (!l->image->threads)
		return &ph_error_no_memory;
	while (l->image->thread_count < count && ph_macho_next(&l->macho, &command))
		if (command.type == PH_LC_THREAD)
			read_thread(l, &command);
	return NULL;
}

/* ---- modules ---- */

static bool is_module(struct ph_image *image, ph_addr start, struct ph_macho *ret)
{
	return ph_macho_load(image, start, ret) &&
	       (ret->type == PH_MH_EXECUTE || ret->type == PH_MH_DYLIB || ret->type == PH_MH_BUNDLE ||
		ret->type == PH_MH_DYLINKER);
}

static void add_module(struct loader *l, ph_addr start, const char *path)
{
	struct ph_image *image = l->image;
	const struct ph_segment *segment = ph_image_segment_at(image, start);
	struct ph_macho macho;
	if (!segment || !is_module(image, start, &macho))
		return;
	if (!path)
		path = ph_macho_install_name(image, &macho);
	image->mappings[image->mapping_count++] = (struct ph_mapping){
		.start = start,
		.end = segment->end,
		.path = path ? path : "",
		.main = macho.type == PH_MH_EXECUTE,
	};
}

/* The entries of "all image infos": filepath_offset, uuid, load_address, …, in 48 bytes; offsets are of the file. */
static void read_images(struct loader *l, const uint8_t *note, uint64_t size)
{
	enum { ENTRY = 48 };
	if (size < 24)
		return;
	uint64_t count = ph_load_uint(note + 4, 4, false), offset = ph_load_uint(note + 8, 8, false);
	uint64_t step = ph_load_uint(note + 16, 4, false), room = offset < l->size ? l->size - offset : 0;
	if (step < ENTRY || step > 4096)
		step = ENTRY;
	for (uint64_t i = 0; i < count && (i + 1) * step <= room && l->image->mapping_count < MAX_IMAGES; i++) {
		const uint8_t *entry = l->data + offset + i * step;
		uint64_t path = ph_load_uint(entry, 8, false);
		bool whole =
			path < l->size && memchr(l->data + path, '\0', l->size - path < 4096 ? l->size - path : 4096);
		add_module(l, ph_load_uint(entry + 24, 8, false),
			   whole && path ? ph_image_intern(l->image, (const char *)l->data + path) : NULL);
	}
}

static struct ph_error *find_modules(struct loader *l)
{
	struct ph_image *image = l->image;
	struct ph_macho_command command = { 0 };
	image->mappings = calloc(image->segment_count + MAX_IMAGES, sizeof(*image->mappings));
	if (!image->mappings)
		return &ph_error_no_memory;
	while (ph_macho_next(&l->macho, &command)) {
		if (command.type != PH_LC_NOTE || command.size < 40 ||
		    strncmp((const char *)command.data + 8, "all image infos", 16))
			continue;
		uint64_t offset = ph_load_uint(command.data + 24, 8, false),
			 size = ph_load_uint(command.data + 32, 8, false);
		if (offset < l->size)
			read_images(l, l->data + offset, size < l->size - offset ? size : l->size - offset);
	}
	for (size_t i = 0; !image->mapping_count && i < image->segment_count; i++)
		add_module(l, image->segments[i].start, NULL);
	/* also where the list lacks some */
	ph_image_settle_mappings(image);
	return NULL;
}

static struct ph_error *load(struct loader *l)
{
	struct ph_error *error = check_header(l);
	if (!error)
		error = read_segments(l);
	if (!error)
		error = read_threads(l);
	if (!error)
		error = find_modules(l);
	if (error)
		return error;
	ph_image_count_missing(l->image);
	l->image->info.name = NULL;
	return NULL;
}

struct ph_error *ph_image_parse_macho(const void *data, size_t size, const char *name,
				      const struct ph_image_options *options, struct ph_image **ret)
{
	static const struct ph_image_ops ops = { .close = NULL };
	struct loader l = { .data = data, .size = size, .name = name };
	struct ph_error *error = ph_image_create(options, &ops, &l.image);
	if (error)
		return error;
	error = load(&l);
	if (error) {
		ph_image_close(l.image);
		return error;
	}
	*ret = l.image;
	return NULL;
}
