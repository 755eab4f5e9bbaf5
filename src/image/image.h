/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stopped process's memory, modules, threads and symbols.  Knows no Python.
 *
 * Addresses are the target's (ph_addr); sizes are bytes; ranges are half-open.
 * Everything a pointer is returned to is owned by the image and lives as long
 * as it does, unless said otherwise.  Kinds of image (ELF core; later minidump,
 * live, gdb) fill one ops struct (image/backend.h); the rest of the house uses
 * only this header. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <pyheap/image.h>
#include <stdio.h>

#include "base/damage.h"
#include "base/types.h"

/* ---- what kind of machine and process it was ---- */

enum ph_arch { PH_ARCH_X86_64, PH_ARCH_OTHER };

struct ph_image_info {
	const char *kind; /* "elf-core", "minidump", "live" */
	const char *arch; /* "x86_64" */
	const char *os;	  /* "linux", "windows" */
	enum ph_arch machine;
	unsigned pointer_size; /* bytes */
	unsigned long_size;    /* bytes of a C long */
	unsigned scalar_align; /* bytes that 8-byte scalars are aligned to within a struct: 4 on i386 Linux, else 8 */
	bool tls_above_pthread; /* a thread's pthread_t lies somewhat below its tls; otherwise they are the same */
	unsigned pthread_tid;	/* offset of the LWP's id, an int, in what a pthread_t points to (glibc); 0 unknown */
	unsigned lock_size;    /* bytes of a pthread_mutex_t; 0 where there are no pthreads */
	bool big_endian;
	unsigned page_size;
	bool complete; /* false: the file is cut; the missing ranges are in the damage */
	uint64_t lost; /* bytes of memory that a cut took, where that can be told; else 0 */
	/* whoever wrote the file left memory out on purpose, and the heap may be in it: what it holds ("stacks only, by
	 * LLDB"), and how to get one with the heap; NULL when it is all there.  Static or interned. */
	const char *partial, *how_whole;
	/* the process */
	int64_t pid;	  /* 0 unknown */
	const char *name; /* NT_PRPSINFO pr_fname, or NULL */
	const char *command; /* argv that the stack still holds, else pr_psargs (cut at 79 bytes), or NULL */
	/* the signal; number 0 when there was none (gcore).  On Windows the code of the exception, which does not fit
	 * an int */
	int64_t signal_number;
	const char *signal_name; /* "SIGSEGV", or NULL */
	int signal_code;	 /* si_code */
	bool has_fault_address;	 /* SIGSEGV, SIGBUS, SIGILL, SIGFPE with si_code > 0 */
	ph_addr fault_address;
	const char *executable; /* as the user named it, or NULL */
	int64_t core_time; /* mtime of the core file, seconds since 1970; 0 unknown */
	/* modules that the process had unloaded, and what the program noted for its crash reports; of minidumps */
	const struct ph_unloaded_module *unloaded;
	size_t unloaded_count;
	const struct ph_annotation *annotations;
	size_t annotation_count;
};

struct ph_unloaded_module {
	const char *path;
	ph_addr start, end;
};

struct ph_annotation {
	const char *key, *value; /* the target's text */
};

/* The parsers behind ph_image_open_core(), over bytes that the caller owns and keeps
 * while the image lives: for fuzzing and for cores that are in memory.  `name`
 * is what messages call it. */
struct ph_error *ph_image_parse_core(const void *data, size_t size, const char *name,
				     const struct ph_image_options *options, struct ph_image **ret)
	__attribute__((warn_unused_result));
/* The same for bytes that begin as a minidump does; ph_image_parse_core() calls it for those. */
struct ph_error *ph_image_parse_minidump(const void *data, size_t size, const char *name,
					 const struct ph_image_options *options, struct ph_image **ret)
	__attribute__((warn_unused_result));

const struct ph_image_info *ph_image_info(const struct ph_image *image);
struct ph_damage *ph_image_damage(struct ph_image *image);
/* The report has been made: count as damage what of a running process changed meanwhile. */
void ph_image_settle(struct ph_image *image);
const struct ph_callbacks *ph_image_callbacks(const struct ph_image *image);

/* A minidump of what was read of the image so far and of all that is known beside its memory: opened in its place, it
 * gives the same report.  The image was opened with the option `record`.  Written in one go, never beyond the end; the
 * caller flushes.  PH_ERROR_IO, PH_ERROR_USAGE. */
struct ph_error *ph_image_write_trimmed(struct ph_image *image, FILE *to) __attribute__((warn_unused_result));

/* ---- memory ---- */

/* All of [addr, addr+size) or nothing.  Pages that the core left out come from
 * the module file when it was found and agrees (image/trust.c), and only where
 * nothing can have been written to them (modules.c, is_unmodified); bytes that a
 * cut took never do.  PH_UNMAPPED, PH_LEFT_OUT. */
enum ph_status ph_image_read(struct ph_image *image, ph_addr addr, void *buffer, size_t size);

/* A zero-copy pointer to [addr, addr+size), when one mapping holds it all;
 * NULL otherwise (use ph_image_read then).  Thread-safe, as is ph_image_read. */
const void *ph_image_view(struct ph_image *image, ph_addr addr, size_t size);

/* The same, inline where the bytes lie where others did that this thread looked at.  What is remembered is forgotten
 * when an image is closed by the thread; other threads must not look at two images in turn that one of them closes. */
#define PH_LENSES 8 /* a power of two */
#define PH_LENS_BITS 25
struct ph_lens {
	const struct ph_image *image; /* NULL none */
	ph_addr start;
	uint64_t size;
	const uint8_t *data;
};
extern _Thread_local struct ph_lens ph_image_lenses[PH_LENSES];
const void *ph_image_look_far(struct ph_image *image, ph_addr addr, size_t size);
static inline const void *ph_image_look(struct ph_image *image, ph_addr addr, size_t size)
{
	const struct ph_lens *lens = &ph_image_lenses[addr >> PH_LENS_BITS & (PH_LENSES - 1)];
	uint64_t at = addr - lens->start;
	if (lens->image == image && at < lens->size && size <= lens->size - at)
		return lens->data + at;
	return ph_image_look_far(image, addr, size);
}

/* It will be looked at soon.  Only where this thread looked at bytes that lie near. */
static inline void ph_image_prefetch(const struct ph_image *image, ph_addr addr)
{
	const struct ph_lens *lens = &ph_image_lenses[addr >> PH_LENS_BITS & (PH_LENSES - 1)];
	if (lens->image == image && addr - lens->start < lens->size)
		__builtin_prefetch(lens->data + (addr - lens->start));
}

/* Whether all of [addr, addr+size) can be read. None of it is looked at: it is neither fetched from a running process
 * nor kept when the image is trimmed. */
bool ph_image_has_far(struct ph_image *image, ph_addr addr, size_t size);
static inline bool ph_image_has(struct ph_image *image, ph_addr addr, size_t size)
{
	const struct ph_lens *lens = &ph_image_lenses[addr >> PH_LENS_BITS & (PH_LENSES - 1)];
	uint64_t at = addr - lens->start;
	if (lens->image == image && at < lens->size && size <= lens->size - at)
		return true;
	return ph_image_has_far(image, addr, size);
}

/* How many bytes from addr on can be read without a gap, at most `maximum`.
 * Bounds a length that the target claims before it is believed. */
size_t ph_image_readable(struct ph_image *image, ph_addr addr, size_t maximum);

/* Whether the process had the address mapped at all (also where its bytes were left out). */
bool ph_image_is_mapped(struct ph_image *image, ph_addr addr);

/* Whether the core should hold the byte and does not: it is cut. */
bool ph_image_is_cut_off(const struct ph_image *image, ph_addr addr);

/* A NUL-terminated string of at most `size`-1 bytes into buffer; PH_LIMIT when longer.
 * Unlike ph_image_read() it may have written to the buffer when it fails. */
enum ph_status ph_image_read_string(struct ph_image *image, ph_addr addr, char *buffer, size_t size);

struct ph_segment {
	ph_addr start, end; /* as mapped in the process */
	uint64_t file_size; /* bytes of it that the core holds, from start on */
	uint64_t file_offset;
	uint64_t missing; /* bytes behind those that the core should hold and does not: it is cut */
	bool readable, writable, executable;
};

/* Sorted by start, without overlaps. */
size_t ph_image_segments(const struct ph_image *image, const struct ph_segment **ret);

/* Tell the kernel that the mapped bytes of [start, end) are not needed any
 * more (walks over windows of a big core keep resident memory low). */
void ph_image_drop_pages(struct ph_image *image, ph_addr start, ph_addr end);

/* Bytes of all that is mapped. */
uint64_t ph_image_size(const struct ph_image *image);

/* So many bytes of this process may be resident, our own memory included; none before it is said. */
void ph_image_set_bound(struct ph_image *image, uint64_t bytes);

/* Where more than the bound is resident: drops the pages of [start, end), which a walk leaves behind it, then a part of
 * the image after another until the bound holds.  What need not go stays for the next walk. */
void ph_image_leave_pages(struct ph_image *image, ph_addr start, ph_addr end);
/* The same of a walk that goes to and fro.  Both look only where the thread had page faults that can have brought so
 * much. */
void ph_image_bound_pages(struct ph_image *image);

/* ---- modules ---- */

struct ph_modfile; /* image/modfile.h */

struct ph_module {
	const char *path;   /* as recorded in the process; "" where it has none */
	const char *name;   /* last component of path */
	ph_addr start, end; /* lowest and one past the highest mapped address */
	ph_addr bias;	    /* run-time address minus link-time address */
	ph_addr dynamic;    /* address of PT_DYNAMIC, 0 unknown */
	const char *build_id; /* lower-case hex, from the core's memory, else from a trusted file; NULL unknown */
	bool is_executable;   /* the main program */
	bool deleted;	      /* recorded as "… (deleted)"; path is without it */
	/* Filled by ph_image_module_file(), NULL and "not looked for" before: the file on
	 * this machine when it was found and agrees */
	struct ph_modfile *file;
	const char *file_path; /* where it was found, NULL */
	const char *why_not;   /* one phrase when file is NULL: "not found", "its build-id differs" … */
};

/* Sorted by start.  Files are looked for lazily, by the first call that needs one. */
size_t ph_image_modules(struct ph_image *image, const struct ph_module **ret);
const struct ph_module *ph_image_module_at(struct ph_image *image, ph_addr addr);

/* Look for the module's file if that was not done yet, compare it with the core
 * (image/trust.c says how), and return it; NULL when there is none that agrees. */
struct ph_modfile *ph_image_module_file(struct ph_image *image, const struct ph_module *module);

/* The address of a global symbol (dynamic first, from the core's own memory
 * when it holds .dynsym, else .dynsym and .symtab of the module file), in any
 * module, the first in load order; 0 when no module has it.  `module` NULL: all. */
ph_addr ph_image_symbol(struct ph_image *image, const struct ph_module *module, const char *name);

/* "name+0x12" of the nearest symbol below addr within its module, NULL when not
 * known.  The string is interned in the image. */
const char *ph_image_symbolize(struct ph_image *image, ph_addr addr);

/* A section of a module by name (".PyRuntime", ".data", ".bss"), from the file's
 * headers; false when there is no file or no such section. */
bool ph_image_section(struct ph_image *image, const struct ph_module *module, const char *name, ph_addr *ret_start,
		      ph_addr *ret_size);

/* The writable data of a module (.data, .bss, .PyRuntime …): from PT_LOAD
 * headers when the core or file has them, else its writable segments and the
 * anonymous one behind.  Up to `capacity` ranges; returns how many. */
size_t ph_image_writable_ranges(struct ph_image *image, const struct ph_module *module, struct ph_segment *ranges,
				size_t capacity);

/* ---- threads ---- */

#define PH_REGISTERS 34
struct ph_native_thread {
	int64_t tid; /* the LWP; as in the core, that is the pid namespace of the reader of it */
	/* took the signal, the first NT_PRSTATUS of a kernel core; or sent it to the process itself and waits for its
	 * end */
	bool crashed;
	int signal;   /* pr_cursig */
	bool has_registers;
	ph_addr pc, sp, fp;
	/* The general registers, the stack pointer not among them; names as the machine's own, static. */
	const char *const *register_names;
	unsigned register_count; /* names without one (NULL) included */
	uint64_t registers[PH_REGISTERS];
	/* what threads call themselves: fs_base on x86-64, for glibc and musl the pthread_t; on Windows the thread's
	 * number; 0 unknown */
	ph_addr tls;
	ph_addr teb;	  /* of Windows, its thread environment block; 0 unknown */
	const char *name; /* that the image has for it (minidumps), or NULL */
	bool in_syscall; /* orig_ax says that it stopped within a system call */
	int64_t syscall_number;
	const char *syscall_name; /* "futex", NULL unknown */
	uint64_t syscall_args[6];
};

size_t ph_image_threads(const struct ph_image *image, const struct ph_native_thread **ret);

/* A frame of native code, on x64 Windows: registers in the order in which instructions number them (rax rcx rdx rbx
 * rsp rbp rsi rdi r8 … r15). Of a caller only those are right that functions preserve: rbx, rsp, rbp, rsi, rdi, r12 to
 * r15. */
struct ph_frame_registers {
	ph_addr pc;
	uint64_t registers[16];
	bool is_caller; /* pc is a return address */
};

/* The innermost frame of a thread; false where frames cannot be told (other machines, other systems, no registers). */
bool ph_image_first_frame(struct ph_image *image, const struct ph_native_thread *thread,
			  struct ph_frame_registers *ret);
/* On to the caller, whose stack pointer is higher: the walk ends. False, and the frame untouched, where it is not
 * known. */
bool ph_image_caller(struct ph_image *image, struct ph_frame_registers *frame);

/* ---- process strings ---- */

/* argv or environment, found through the auxiliary vector (AT_EXECFN's page and
 * the initial stack) in the stack segment; each is borrowed, NUL-terminated, at
 * most 4 KiB (cut); at most 10,000.  Returns the count. */
size_t ph_image_arguments(struct ph_image *image, const char *const **ret);
size_t ph_image_environment(struct ph_image *image, const char *const **ret);

/* ---- files named by the target ---- */

/* Open a file that the target names, as a stranger's word: an absolute path, regular
 * files only, never blocking, within the sysroot when there is one (symbolic links
 * may not lead out of it), at most `maximum` bytes (0: no bound).  `suffix`, or
 * NULL: what the path, and the name that its symbolic links lead to, must end in
 * (".py").  -1 and a static phrase in *why when refused.  Returns a descriptor that
 * the caller owns. */
int ph_image_open_named(struct ph_image *image, const char *path, const char *suffix, uint64_t maximum,
			const char **why);

#endif
