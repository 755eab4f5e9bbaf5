/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image over a caller's memory reads. */
#include "image/ondemand.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define PAGE 4096
#define MAX_THREADS 100000

static const struct ph_image_ops callback_ops = { .fill = ph_ondemand_fill };

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
			image->mappings[image->mapping_count++] = (struct ph_mapping){
				.start = m->start, .end = m->end, .offset = m->offset, .path = path
			};
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
			to->register_names = image->machine->general;
			to->register_count = t->register_count < image->machine->general_count
						     ? t->register_count
						     : image->machine->general_count;
			memcpy(to->registers, t->registers, to->register_count * sizeof(to->registers[0]));
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
		struct ph_auxv entry = { ph_load_uint(bytes + 16 * i, 8, false),
					 ph_load_uint(bytes + 16 * i + 8, 8, false) };
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

struct ph_error *ph_image_open_callback_in(const struct ph_callback_process *process, const struct ph_callback_ops *ops,
					   void *user, const struct ph_image_options *options, int file,
					   struct ph_image **ret)
{
	struct ph_elf elf = { .machine = (uint16_t)process->elf_machine, .wide = true };
	const struct ph_machine *machine = ph_machine_find(&elf);
	ph_auto_close int owned = file;
	if (!machine)
		return ph_error_create(PH_ERROR_NOT_CORE, "ELF machine %u is not supported yet", process->elf_machine);
	if (!process->thread_count)
		return ph_error_create(PH_ERROR_NOT_CORE, "the process has no threads");
	struct ph_image *image;
	struct ph_error *error = ph_image_create(options, &callback_ops, &image);
	if (error)
		return error;
	ph_image_set_machine(image, machine);
	error = take_maps(image, process);
	if (!error)
		error = take_threads(image, process);
	if (!error)
		error = take_auxv(image, process);
	if (!error)
		error = ph_ondemand_create(image, ops, user, ph_take_fd(owned));
	if (error) {
		ph_image_close(image);
		return error;
	}
	take_info(image, process);
	ph_image_finish_notes(image);
	*ret = image;
	return NULL;
}

struct ph_error *ph_image_open_callback(const struct ph_callback_process *process, const struct ph_callback_ops *ops,
					void *user, const struct ph_image_options *options, struct ph_image **ret)
{
	return ph_image_open_callback_in(process, ops, user, options, -1, ret);
}
