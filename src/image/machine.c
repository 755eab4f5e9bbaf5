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

/* pr_reg's first words: arch/ARCH/include/uapi/asm/ptrace.h */
static const char *const x86_64_general[] = { "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10",
					      "r9",  "r8",  "rax", "rcx", "rdx", "rsi", "rdi" };
static const char *const i386_general[] = { "ebx", "ecx", "edx", "esi", "edi", "ebp", "eax" };
static const char *const arm64_general[] = { "x0",  "x1",  "x2",  "x3",	 "x4",	"x5",  "x6",  "x7",
					     "x8",  "x9",  "x10", "x11", "x12", "x13", "x14", "x15",
					     "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23",
					     "x24", "x25", "x26", "x27", "x28", "x29", "x30" };
static const char *const arm_general[] = { "r0", "r1", "r2", "r3",  "r4",  "r5",  "r6", "r7",
					   "r8", "r9", "r10", "r11", "r12", NULL, "lr" };
static const char *const riscv64_general[] = { NULL, "ra", NULL, NULL, NULL, "t0", "t1", "t2", "s0",  "s1",  "a0",
					       "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2", "s3",  "s4",  "s5",
					       "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6" };
static const char *const ppc64_general[] = { "r0",  NULL,  "r2",  "r3",	 "r4",	"r5",  "r6",  "r7",
					     "r8",  "r9",  "r10", "r11", "r12", NULL,  "r14", "r15",
					     "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23",
					     "r24", "r25", "r26", "r27", "r28", "r29", "r30", "r31" };
static const char *const s390x_general[] = { NULL, NULL, "r0", "r1", "r2",  "r3",  "r4",  "r5",	 "r6",
					     "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14" };
#define PH_GENERAL(array) .general = (array), .general_count = PH_COUNT(array)

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

void ph_machine_general(const char *const *names, unsigned count, const uint8_t *registers, size_t word,
			bool big_endian, struct ph_native_thread *ret)
{
	ret->register_names = names;
	ret->register_count = count < PH_REGISTERS ? count : PH_REGISTERS;
	for (unsigned i = 0; i < ret->register_count; i++)
		ret->registers[i] = ph_load_uint(registers + i * word, word, big_endian);
}

void ph_machine_registers(const struct ph_machine *m, const uint8_t *registers, struct ph_native_thread *ret)
{
	size_t word = m->wide ? 8 : 4;
	ret->has_registers = true;
	ret->pc = ph_load_uint(registers + m->registers.pc, word, m->big_endian);
	ret->sp = ph_load_uint(registers + m->registers.sp, word, m->big_endian);
	ret->fp = ph_load_uint(registers + m->registers.fp, word, m->big_endian);
	ph_machine_general(m->general, m->general_count, registers, word, m->big_endian, ret);
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
