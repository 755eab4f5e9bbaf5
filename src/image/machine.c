/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/machine.h"

#include <elf.h>
#include <signal.h>
#include <stdio.h>

#define PH_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PH_SYSCALL(number, name) [number] = #name,
static const char *const x86_64_syscalls[] = {
#include "image/syscalls-x86_64.def"
};
#undef PH_SYSCALL

#define PH_MACHINE(...) { __VA_ARGS__ },
static const struct ph_machine machines[] = {
#include "image/machine.def"
};
#undef PH_MACHINE

const struct ph_machine *ph_machine_find(const struct ph_elf *elf)
{
	for (size_t i = 0; i < PH_COUNT(machines); i++) {
		const struct ph_machine *m = &machines[i];
		if (m->elf_machine == elf->machine && m->wide == elf->wide && m->big_endian == elf->big_endian)
			return m;
	}
	return NULL;
}

const char *ph_machine_name(const struct ph_elf *elf, char buffer[32])
{
	static const struct {
		uint16_t machine;
		const char *narrow, *wide;
	} names[] = {
		{ EM_386, "i386", "i386" },
		{ EM_X86_64, "x86-64 with 32-bit pointers (x32)", "x86_64" },
		{ EM_AARCH64, "arm64 with 32-bit pointers", "arm64" },
		{ EM_ARM, "arm", "arm" },
		{ EM_RISCV, "riscv32", "riscv64" },
		{ EM_S390, "s390", "s390x" },
		{ EM_PPC, "powerpc", "powerpc" },
		{ EM_PPC64, "ppc64", "ppc64" },
		{ EM_MIPS, "mips", "mips64" },
		{ EM_LOONGARCH, "loongarch32", "loongarch64" },
		{ EM_SPARCV9, "sparc64", "sparc64" },
	};
	for (size_t i = 0; i < PH_COUNT(names); i++)
		if (names[i].machine == elf->machine)
			return elf->wide ? names[i].wide : names[i].narrow;
	snprintf(buffer, 32, "ELF machine %u", elf->machine);
	return buffer;
}

const char *ph_machine_syscall_name(const struct ph_machine *machine, int64_t number)
{
	if (number < 0 || (uint64_t)number >= machine->syscall_count)
		return NULL;
	return machine->syscall_names[number];
}

void ph_machine_registers(const struct ph_machine *m, const uint8_t *registers, struct ph_native_thread *ret)
{
	size_t word = m->wide ? 8 : 4;
	ret->has_registers = true;
	ret->pc = ph_load_uint(registers + m->registers.pc, word, m->big_endian);
	ret->sp = ph_load_uint(registers + m->registers.sp, word, m->big_endian);
	ret->fp = ph_load_uint(registers + m->registers.fp, word, m->big_endian);
	ret->syscall_number = -1;
	if (m->registers.tls != PH_NO_REGISTER)
		ret->tls = ph_load_uint(registers + m->registers.tls, word, m->big_endian) - m->tls_bias;
	if (m->syscall.number != PH_NO_REGISTER)
		ret->syscall_number = ph_load_int(registers + m->syscall.number, word, m->big_endian);
	ret->in_syscall = ret->syscall_number >= 0;
	if (!ret->in_syscall) {
		ret->syscall_number = -1;
		return;
	}
	ret->syscall_name = ph_machine_syscall_name(m, ret->syscall_number);
	for (size_t i = 0; i < 6; i++)
		ret->syscall_args[i] = ph_load_uint(registers + m->syscall.arguments[i], word, m->big_endian);
}

const char *ph_signal_name(int64_t number)
{
	/* signal(7), the numbers that x86, ARM and most others share */
	static const char *const names[] = {
		[1] = "SIGHUP", [2] = "SIGINT", [3] = "SIGQUIT", [4] = "SIGILL",
		[5] = "SIGTRAP", [6] = "SIGABRT", [7] = "SIGBUS", [8] = "SIGFPE",
		[9] = "SIGKILL", [10] = "SIGUSR1", [11] = "SIGSEGV", [12] = "SIGUSR2",
		[13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM", [16] = "SIGSTKFLT",
		[17] = "SIGCHLD", [18] = "SIGCONT", [19] = "SIGSTOP", [20] = "SIGTSTP",
		[21] = "SIGTTIN", [22] = "SIGTTOU", [23] = "SIGURG", [24] = "SIGXCPU",
		[25] = "SIGXFSZ", [26] = "SIGVTALRM", [27] = "SIGPROF", [28] = "SIGWINCH",
		[29] = "SIGIO", [30] = "SIGPWR", [31] = "SIGSYS",
	};
	return number > 0 && (size_t)number < PH_COUNT(names) ? names[number] : NULL;
}

bool ph_signal_dumps(int64_t number)
{
	switch (number) {
	case SIGQUIT: case SIGILL: case SIGTRAP: case SIGABRT: case SIGBUS: case SIGFPE: case SIGSEGV:
	case SIGXCPU: case SIGXFSZ: case SIGSYS:
		return true;
	}
	return false;
}
