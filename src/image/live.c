/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A running process: memory from /proc/PID/mem, threads stopped with ptrace (stop.c). */
#include <pyheap/live.h>

#include "image/ondemand.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/procfs.h"
#include "image/room.h"
#include "image/sink.h"
#include "image/stop.h"

#define PAGE 4096
#define PAGEMAP_PRESENT (3ull << 62) /* in memory or swapped out: Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PIECE 4096	     /* entries read at once */
#define MAX_READ_ONLY (32u << 20)    /* of a file's constants that are copied: any library's, few data files' */
#define MAX_COMPARED (64u << 20)     /* bytes read again to count what was torn */
#define MAX_REGISTERS 1024	     /* bytes, of any machine's general registers */

struct live {
	int64_t pid;
	int mem;
	struct ph_stop *stop; /* NULL: it goes on */
	bool no_stop, ended;
	double stood;
	char root[64], executable[64];
};

/* What is read of /proc while the image is opened. */
struct opening {
	struct live *live;
	const struct ph_machine *machine;
	struct ph_procfs_maps maps;
	struct ph_callback_map *callback_maps;
	struct ph_callback_thread *threads;
	size_t thread_count;
	struct ph_buffer auxv;
	char name[64], inner_root[4096];
	uint64_t written; /* bytes of memory that only this process has */
};

static bool read_memory(void *user, uint64_t address, void *buffer, size_t size)
{
	struct live *live = user;
	return ph_procfs_read_memory(live->mem, address, buffer, size, &live->ended);
}

static const struct ph_callback_ops memory_ops = { .read = read_memory };

static void close_live(struct ph_image *image)
{
	struct live *live = image->kind_data;
	ph_stop_release(live->stop);
	close(live->mem);
	free(live);
}

static void settle_live(struct ph_image *image)
{
	struct live *live = image->kind_data;
	uint64_t changed, pages;
	if (live->no_stop) {
		ph_ondemand_compare(image, MAX_COMPARED, &changed, &pages);
		if (changed)
			ph_damage_add(&image->damage, PH_DAMAGE_HEAP, "memory",
				      "%" PRIu64 " of %" PRIu64
				      " pages changed while they were read: the process was not "
				      "stopped",
				      changed, pages);
	}
	if (live->ended) {
		image->info.complete = false;
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "process", "ended while it was read");
	}
}

static const struct ph_image_ops live_ops = { .fill = ph_ondemand_fill, .close = close_live, .settle = settle_live };

/* ---- what it is ---- */

static bool is_absent(int64_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%" PRId64, pid);
	return access(path, F_OK) != 0;
}

static struct ph_error *look_at_process(int64_t pid)
{
	char text[64];
	ph_auto_buffer struct ph_buffer maps = PH_BUFFER(4096);
	if (pid == getpid())
		return ph_error_create(PH_ERROR_USAGE, "process %" PRId64 ": is this one", pid);
	if (is_absent(pid))
		return ph_error_create(PH_ERROR_IO, "there is no process %" PRId64, pid);
	if (ph_procfs_status(pid, "State", text, sizeof(text)) && (text[0] == 'Z' || text[0] == 'X'))
		return ph_error_create(PH_ERROR_NOT_CORE,
				       "process %" PRId64 ": has ended (a zombie): its memory is gone", pid);
	if (!ph_procfs_status(pid, "VmSize", text, sizeof(text)) && !ph_procfs_read(pid, "maps", &maps) && !maps.size)
		return ph_error_create(PH_ERROR_NOT_CORE,
				       "process %" PRId64 ": is a thread of the kernel, or just ends: it "
				       "has no memory",
				       pid);
	return NULL;
}

/* Whatever could not be read of it: this is why, when it is. */
static struct ph_error *ended_meanwhile(int64_t pid, struct ph_error *error)
{
	char text[64];
	if (ph_procfs_status(pid, "State", text, sizeof(text)) && text[0] != 'Z' && text[0] != 'X')
		return error;
	ph_error_free(error);
	return ph_error_create(PH_ERROR_IO, "process %" PRId64 ": it has ended", pid);
}

static struct ph_error *open_memory(int64_t pid, int *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/mem", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? ph_stop_refused(pid) :
							   ph_error_errno(errno, "cannot open %s", path);
	*ret = fd;
	return NULL;
}

/* A container's: what it calls /usr is not what we call so.  `inner` is what of its paths the kernel writes
 * before those that the process knows: chroot(2) leaves such, pivot_root(2) does not. */
static void find_root(struct live *live, char *inner, size_t size)
{
	struct stat ours, theirs;
	char path[64], our_space[64] = "", space[64] = "";
	*inner = 0;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/root", live->pid);
	bool other = !stat(path, &theirs) && !stat("/", &ours) &&
		     (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino);
	snprintf(live->root, sizeof(live->root), "%s", path);
	ssize_t n = readlink(path, inner, size - 1);
	inner[n > 1 ? n : 0] = 0;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/ns/mnt", live->pid);
	other |= readlink(path, space, sizeof(space) - 1) > 0 &&
		 readlink("/proc/self/ns/mnt", our_space, sizeof(our_space) - 1) > 0 && strcmp(space, our_space);
	if (!other)
		live->root[0] = *inner = 0;
}

/* The program when its file was replaced or removed: the kernel still has it. */
static void find_executable(struct live *live)
{
	static const char suffix[] = " (deleted)";
	char target[4096];
	snprintf(live->executable, sizeof(live->executable), "/proc/%" PRId64 "/exe", live->pid);
	ssize_t n = readlink(live->executable, target, sizeof(target) - 1);
	size_t m = sizeof(suffix) - 1;
	if (n < (ssize_t)m || memcmp(target + n - m, suffix, m))
		live->executable[0] = 0;
}

static bool are_we_big_endian(void)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

static struct ph_error *find_machine(struct opening *o)
{
	char path[64], buffer[32];
	uint8_t head[PH_ELF_HEADER_SIZE];
	struct ph_elf elf;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/exe", o->live->pid);
	ph_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return ph_error_errno(errno, "cannot read %s", path);
	if (!ph_elf_parse(head, (size_t)n, &elf))
		return ph_error_create(PH_ERROR_NOT_CORE, "process %" PRId64 ": its program is no ELF file",
				       o->live->pid);
	o->machine = ph_machine_find(&elf);
	/* the auxiliary vector and, of a 32-bit process under us, the registers have another form */
	if (!o->machine || !o->machine->wide || o->machine->big_endian != are_we_big_endian())
		return ph_error_create(PH_ERROR_NOT_CORE,
				       "process %" PRId64 ": is a %d-bit process of %s: running ones "
				       "are not read yet, its cores may be",
				       o->live->pid, elf.wide ? 64 : 32, ph_machine_name(&elf, buffer));
	return NULL;
}

/* Bytes, of a line such as "RssAnon: 1234 kB". */
static uint64_t status_bytes(int64_t pid, const char *name)
{
	char text[64];
	return ph_procfs_status(pid, name, text, sizeof(text)) ? strtoull(text, NULL, 10) * 1024 : 0;
}

/* ---- threads ---- */

/* "NUMBER ARGUMENT… SP PC", "-1 SP PC" or "running": Documentation/filesystems/proc.rst. */
static void read_syscall(struct opening *o, int64_t tid, struct ph_callback_thread *ret)
{
	char name[64];
	unsigned long long v[8];
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(512);
	snprintf(name, sizeof(name), "task/%" PRId64 "/syscall", tid);
	if (ph_procfs_read(o->live->pid, name, &text))
		return;
	long long number;
	int n = sscanf(ph_buffer_text(&text), "%lld %llx %llx %llx %llx %llx %llx %llx %llx", &number, &v[0], &v[1],
		       &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);
	if (n != 9 && n != 3)
		return;
	ret->has_registers = true;
	ret->sp = v[n - 3];
	ret->pc = v[n - 2];
	ret->syscall_number = n == 9 ? number : -1;
	for (size_t i = 0; n == 9 && i < 6; i++)
		ret->syscall_args[i] = v[i];
}

static void read_registers(struct opening *o, size_t index, struct ph_callback_thread *ret)
{
	uint8_t registers[MAX_REGISTERS];
	struct ph_native_thread t = { .syscall_number = -1 };
	size_t size = o->machine->prstatus.registers_size;
	if (size > sizeof(registers) || !ph_stop_regset(o->live->stop, index, NT_PRSTATUS, registers, size))
		return;
	ph_machine_registers(o->machine, registers, &t);
	uint8_t tls[64];
	size_t at = o->machine->tls_note.offset;
	if (o->machine->tls_note.type && at + 8 <= sizeof(tls) &&
	    ph_stop_regset(o->live->stop, index, (int)o->machine->tls_note.type, tls, at + 8))
		t.tls = ph_load_uint(tls + at, 8, o->machine->big_endian);
	*ret = (struct ph_callback_thread){
		.tid = ret->tid,
		.has_registers = true,
		.pc = t.pc,
		.sp = t.sp,
		.fp = t.fp,
		.tls = t.tls,
		.syscall_number = t.syscall_number,
		.register_count = t.register_count,
	};
	memcpy(ret->registers, t.registers, t.register_count * sizeof(t.registers[0]));
	memcpy(ret->syscall_args, t.syscall_args, sizeof(t.syscall_args));
}

static struct ph_error *read_threads(struct opening *o)
{
	struct live *live = o->live;
	ph_auto_free int64_t *tids = NULL;
	size_t count = live->stop ? ph_stop_threads(live->stop) : ph_procfs_threads(live->pid, &tids);
	if (!count)
		return ph_error_create(PH_ERROR_IO, "process %" PRId64 ": it has ended", live->pid);
	o->threads = calloc(count, sizeof(*o->threads));
	if (!o->threads)
		return &ph_error_no_memory;
	o->thread_count = count;
	for (size_t i = 0; i < count; i++) {
		struct ph_callback_thread *t = &o->threads[i];
		*t = (struct ph_callback_thread){ .tid = live->stop ? ph_stop_thread(live->stop, i) : tids[i],
						  .syscall_number = -1 };
		if (live->stop)
			read_registers(o, i, t);
		else
			read_syscall(o, t->tid, t);
	}
	return NULL;
}

static struct ph_error *read_process(struct opening *o)
{
	int64_t pid = o->live->pid;
	struct ph_error *error = ph_procfs_maps(pid, &o->maps);
	if (!error)
		error = read_threads(o);
	if (error)
		return error;
	if (ph_procfs_read(pid, "auxv", &o->auxv))
		ph_buffer_clear(&o->auxv);
	o->callback_maps = calloc(o->maps.count + 1, sizeof(*o->callback_maps));
	if (!o->callback_maps)
		return &ph_error_no_memory;
	size_t inner = strlen(o->inner_root);
	for (size_t i = 0; i < o->maps.count; i++) {
		struct ph_callback_map *map = &o->callback_maps[i];
		*map = o->maps.items[i].map;
		if (inner && !strncmp(map->path, o->inner_root, inner) && map->path[inner] == '/')
			map->path += inner;
	}
	return NULL;
}

/* ---- the copy ---- */

/* Hold the pages that the process has, and know the others to be zeros. */
static void copy_anonymous(struct ph_image *image, int pagemap, const struct ph_callback_map *map)
{
	static uint64_t entries[PAGEMAP_PIECE];
	for (uint64_t at = map->start; at < map->end;) {
		size_t count = (size_t)((map->end - at) / PAGE);
		count = count < PAGEMAP_PIECE ? count : PAGEMAP_PIECE;
		ssize_t n = pagemap < 0 ? -1 : pread(pagemap, entries, count * 8, (off_t)(at / PAGE * 8));
		if (n < 8) {
			ph_ondemand_hold(image, at, map->end);
			return;
		}
		count = (size_t)n / 8;
		for (size_t i = 0, end; i < count; i = end) {
			bool has = entries[i] & PAGEMAP_PRESENT;
			for (end = i; end < count && !(entries[end] & PAGEMAP_PRESENT) == !has; end++)
				;
			(has ? ph_ondemand_hold : ph_ondemand_hold_zeros)(image, at + i * PAGE, at + end * PAGE);
		}
		at += count * PAGE;
	}
}

/* All that may change, and the constants of libraries, which another may be put in place of.
 * Code is read later, when something asks for it. */
static void copy_memory(struct ph_image *image, const struct opening *o)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/pagemap", o->live->pid);
	ph_auto_close int pagemap = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < o->maps.count; i++) {
		const struct ph_callback_map *map = &o->maps.items[i].map;
		bool of_file = map->path[0] == '/';
		if (!map->readable || o->maps.items[i].shared)
			continue;
		if (!of_file)
			copy_anonymous(image, pagemap, map);
		else if (map->writable || (!map->executable && map->end - map->start <= MAX_READ_ONLY))
			ph_ondemand_hold(image, map->start, map->end);
	}
}

/* Where `size` bytes of copy go: *ret a file, or -1 for memory. */
static struct ph_error *find_room(int64_t pid, uint64_t size, int *ret)
{
	uint64_t memory = ph_room_memory();
	struct statvfs st;
	*ret = -1;
	if (size <= memory / 2)
		return NULL;
	struct ph_error *error = ph_temporary_file(ret);
	if (error)
		return error;
	if (!fstatvfs(*ret, &st) && size <= (uint64_t)st.f_bavail * st.f_frsize)
		return NULL;
	close(*ret);
	return ph_error_create(PH_ERROR_IO,
			       "process %" PRId64 ": has %" PRIu64 " MB of memory, for a copy of which there is "
			       "room neither in memory nor in $TMPDIR; --heap=stacks needs none",
			       pid, size >> 20);
}

/* ---- opening ---- */

static struct ph_error *open_image(struct opening *o, const struct ph_live_options *options,
				   const struct ph_image_options *image_options, struct ph_image **ret)
{
	struct live *live = o->live;
	bool copies = !live->no_stop && o->written <= options->copy_maximum;
	struct ph_image_options with = image_options ? *image_options : (struct ph_image_options){ 0 };
	int file = -1;
	struct ph_error *error = copies ? find_room(live->pid, o->written, &file) : NULL;
	if (!error && !live->no_stop)
		error = ph_stop_process(live->pid, with.callbacks, &live->stop);
	if (!error)
		error = read_process(o);
	if (error) {
		if (file >= 0)
			close(file);
		return error;
	}
	if (!with.sysroot && live->root[0])
		with.sysroot = live->root;
	if (!with.executable && live->executable[0])
		with.executable = live->executable;
	struct ph_callback_process process = {
		.kind = "live",
		.elf_machine = o->machine->elf_machine,
		.pid = live->pid,
		.name = o->name[0] ? o->name : NULL,
		.maps = o->callback_maps,
		.map_count = o->maps.count,
		.threads = o->threads,
		.thread_count = o->thread_count,
		.auxv = o->auxv.data,
		.auxv_size = o->auxv.size,
	};
	error = ph_image_open_callback_in(&process, &memory_ops, live, &with, file, ret);
	if (!error && copies) {
		copy_memory(*ret, o);
		live->stood = ph_stop_release(ph_take_ptr(live->stop));
	}
	return error;
}

static void closing(struct opening *o)
{
	ph_procfs_maps_deinit(&o->maps);
	ph_buffer_deinit(&o->auxv);
	free(o->callback_maps);
	free(o->threads);
}

static struct ph_error *open_process(struct opening *o, const struct ph_live_options *options,
				     const struct ph_image_options *image_options, struct ph_image **ret)
{
	struct live *live = o->live;
	struct ph_error *error = open_memory(live->pid, &live->mem);
	if (!error)
		error = find_machine(o);
	if (error)
		return error;
	find_root(live, o->inner_root, sizeof(o->inner_root));
	find_executable(live);
	ph_procfs_status(live->pid, "Name", o->name, sizeof(o->name));
	o->written = status_bytes(live->pid, "RssAnon") + status_bytes(live->pid, "VmSwap");
	return open_image(o, options, image_options, ret);
}

struct ph_error *ph_image_open_live(const struct ph_live_options *options, const struct ph_image_options *image_options,
				    struct ph_image **ret)
{
	struct ph_error *error = look_at_process(options->pid);
	if (error)
		return error;
	struct live *live = calloc(1, sizeof(*live));
	if (!live)
		return &ph_error_no_memory;
	*live = (struct live){ .pid = options->pid, .mem = -1, .no_stop = options->no_stop };
	struct opening o = { .live = live, .auxv = PH_BUFFER(16384) };
	struct ph_image *image;
	error = open_process(&o, options, image_options, &image);
	closing(&o);
	if (error) {
		error = ended_meanwhile(options->pid, error);
		ph_stop_release(live->stop);
		if (live->mem >= 0)
			close(live->mem);
		free(live);
		return error;
	}
	image->ops = &live_ops;
	image->kind_data = live;
	/* what the dump is dated with */
	image->info.core_time = time(NULL);
	*ret = image;
	return NULL;
}

void ph_live_resume(struct ph_image *image)
{
	struct live *live = image->kind_data;
	if (live->stop)
		live->stood = ph_stop_release(ph_take_ptr(live->stop));
}

double ph_live_stood(const struct ph_image *image)
{
	const struct live *live = image->kind_data;
	return live->stood;
}

bool ph_live_has_ended(const struct ph_image *image)
{
	const struct live *live = image->kind_data;
	return live->ended;
}
