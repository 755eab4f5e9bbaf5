/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs between machines, as rows (machine.def). */
#ifndef IMAGE_MACHINE_H
#define IMAGE_MACHINE_H

#include "image/elf.h"
#include "image/image.h"

#define PH_NO_REGISTER UINT16_MAX

struct ph_machine {
	const char *name;
	enum ph_arch arch;
	uint16_t elf_machine;
	bool wide, big_endian;
	unsigned page_size;
	unsigned scalar_align, lock_size,
		pthread_tid; /* as in struct ph_image_info; for the first two glibc and musl agree */
	struct {
		uint16_t cursig, pid, registers, registers_size;
	} prstatus;
	struct {
		uint16_t pc, sp, fp, tls;
	} registers;
	const char *const *general; /* names of the first words of pr_reg, NULL for what can hold no operand */
	unsigned general_count;
	struct {
		uint16_t type, offset; /* type 0: there is none */
	} tls_note;
	unsigned tls_bias;	/* bytes: the register minus the thread pointer */
	bool tls_above_pthread; /* as in struct ph_image_info */
	struct {
		uint16_t number, arguments[6];
	} syscall;
	struct {
		uint16_t code, address;
	} siginfo;
	struct {
		uint16_t pid, fname, psargs;
	} prpsinfo;
	const char *const *syscall_names; /* by number; holes are NULL */
	size_t syscall_count;
};

/* NULL when there is no row for it. */
const struct ph_machine *ph_machine_find(const struct ph_elf *elf);

/* "aarch64", "i386" …, of any machine that has a name here; else "machine 243" in `buffer`. */
const char *ph_machine_name(const struct ph_elf *elf, char buffer[32]);

/* NULL when unknown; static. */
const char *ph_machine_syscall_name(const struct ph_machine *machine, int64_t number);

/* Registers and system call of a thread from pr_reg (registers_size bytes, the kernel's NT_PRSTATUS regset). */
void ph_machine_registers(const struct ph_machine *machine, const uint8_t *registers, struct ph_native_thread *ret);

/* `count` registers of `word` bytes each, as the names tell; of more than PH_REGISTERS the first. */
void ph_machine_general(const char *const *names, unsigned count, const uint8_t *registers, size_t word,
			bool big_endian, struct ph_native_thread *ret);

/* "SIGSEGV"; NULL for real-time and unknown ones.  Numbers as on Linux x86, ARM, RISC-V, s390 and POWER. */
const char *ph_signal_name(int64_t number);
/* signal(7): those whose default action is "Core", the only ones that the kernel dumps for. */
bool ph_signal_dumps(int64_t number);

#endif
