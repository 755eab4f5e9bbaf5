/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image whose memory the caller reads: a debugger's target. */
#ifndef PYHEAP_CALLBACK_H
#define PYHEAP_CALLBACK_H

#include <pyheap/image.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Addresses are the target's, sizes bytes, ranges half-open.  Strings and arrays
 * are borrowed for the call of ph_image_open_callback(). */

struct ph_callback_map { /* as a line of /proc/PID/maps; any order */
	uint64_t start, end;
	uint64_t offset;  /* of the file, bytes */
	const char *path; /* absolute for a file ("… (deleted)" is understood), else "" or "[stack]" */
	bool readable, writable, executable;
};

#define PH_CALLBACK_REGISTERS 34
struct ph_callback_thread {
	int64_t tid;	/* the LWP */
	int signal;	/* that it took, 0 none */
	bool crashed;	/* it is the one that the process dies of */
	bool has_registers;
	uint64_t pc, sp, fp, tls; /* 0 unknown */
	int64_t syscall_number; /* -1 when it is not in a system call */
	uint64_t syscall_args[6];
	/* the first words of the machine's struct user_regs_struct, as PTRACE_GETREGSET gives it for NT_PRSTATUS */
	unsigned register_count;
	uint64_t registers[PH_CALLBACK_REGISTERS];
};

struct ph_callback_process {
	const char *kind;     /* "live": what the report's image.kind says */
	unsigned elf_machine; /* EM_X86_64; 64-bit, little-endian */
	int64_t pid;
	const char *name; /* of the program, or NULL */
	const struct ph_callback_map *maps;
	size_t map_count;
	const struct ph_callback_thread *threads; /* at least one */
	size_t thread_count;
	const void *auxv; /* as the kernel wrote it, or NULL */
	size_t auxv_size;
	int signal_number, signal_code; /* of the crashed thread; 0 none */
	bool has_fault_address;
	uint64_t fault_address;
};

struct ph_callback_ops {
	/* All of [address, address + size) into the buffer, or false.  Called from the thread that uses the image. */
	bool (*read)(void *user, uint64_t address, void *buffer, size_t size);
};

/* The memory is read in blocks, each once: an image shows the process as it stood
 * and is closed as soon as that moves on.  `user` and `ops` must live as long.
 * PH_ERROR_NOT_CORE for a machine that is not supported, PH_ERROR_NO_MEMORY. */
struct ph_error *ph_image_open_callback(const struct ph_callback_process *process, const struct ph_callback_ops *ops,
					void *user, const struct ph_image_options *options, struct ph_image **ret)
	__attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
#endif
