/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the CONTEXT of each processor keeps the registers: winnt.h, and what Breakpad made of it for Linux
 * (google_breakpad/common/minidump_cpu_riscv.h, minidump_cpu_ppc64.h; of RISC-V there are two, which differ behind the
 * integer registers only). Microsoft knows neither of the last two, and nobody defined one of s390x. The general
 * registers of ARM and ARM64 lie where Windows has them in Breakpad's older contexts too, whose flags are wider. */
#include "image/minidump.h"

#include <elf.h>
#include <stdio.h>

/* TEB.ProcessEnvironmentBlock, PEB.ProcessParameters and RTL_USER_PROCESS_PARAMETERS.CommandLine are the same on all
 * machines of one pointer size. */
#define WIDE_PROCESS .peb = 0x60, .parameters = 0x20, .command_line = 0x70
#define NARROW_PROCESS .peb = 0x30, .parameters = 0x10, .command_line = 0x40

static const char *const amd64[] = { "rax", "rcx", "rdx", "rbx", NULL,	"rbp", "rsi", "rdi",
				     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
static const char *const intel[] = { "edi", "esi", "ebx", "edx", "ecx", "eax", "ebp" };
static const char *const arm64[] = { "x0",  "x1",  "x2",  "x3",	 "x4",	"x5",  "x6",  "x7",  "x8",  "x9",  "x10",
				     "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
				     "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30" };
static const char *const arm[] = { "r0", "r1", "r2", "r3",  "r4",  "r5",  "r6", "r7",
				   "r8", "r9", "r10", "r11", "r12", NULL, "lr" };
#define NAMES(array) .names = (array), .name_count = sizeof(array) / sizeof((array)[0])

static const struct ph_context contexts[] = {
	{ .architecture = 9 /* AMD64 */,
	  .elf_machine = EM_X86_64,
	  .wide = true,
	  .flags = 0x30,
	  .pc = 0xf8,
	  .sp = 0x98,
	  .fp = 0xa0,
	  .general = 0x78,
	  NAMES(amd64),
	  .size = 0x100,
	  .whole = 1232,
	  .control_flags = 0x100003,
	  WIDE_PROCESS },
	{ .architecture = 0 /* INTEL */,
	  .elf_machine = EM_386,
	  .flags = 0,
	  .pc = 0xb8,
	  .sp = 0xc4,
	  .fp = 0xb4,
	  .general = 0x9c,
	  NAMES(intel),
	  .size = 0xc8,
	  .whole = 716,
	  .control_flags = 0x10003,
	  NARROW_PROCESS },
	{ .architecture = 12 /* ARM64 */,
	  .elf_machine = EM_AARCH64,
	  .wide = true,
	  .flags = 0,
	  .pc = 0x108,
	  .sp = 0x100,
	  .fp = 0xf0,
	  .general = 0x8,
	  NAMES(arm64),
	  .size = 0x110,
	  .whole = 912,
	  .control_flags = 0x400003,
	  WIDE_PROCESS },
	{ .architecture = 0x8003 /* Breakpad's ARM64 before Microsoft had one */,
	  .elf_machine = EM_AARCH64,
	  .wide = true,
	  .flags = 0,
	  .pc = 0x108,
	  .sp = 0x100,
	  .fp = 0xf0,
	  .general = 0x8,
	  NAMES(arm64),
	  .size = 0x110,
	  .whole = 912,
	  .control_flags = 0x400003,
	  WIDE_PROCESS },
	{ .architecture = 5 /* ARM */,
	  .elf_machine = EM_ARM,
	  .flags = 0,
	  .pc = 0x40,
	  .sp = 0x38,
	  .fp = 0x30,
	  .general = 0x4,
	  NAMES(arm),
	  .size = 0x44,
	  .whole = 368,
	  .control_flags = 0x200003,
	  NARROW_PROCESS },
	/* the registers in the order in which Linux has them, whose names are machine.def's: pc ra sp …, and r0 … r31 */
	{ .architecture = 0x8006 /* RISCV64 */,
	  .elf_machine = EM_RISCV,
	  .wide = true,
	  .flags = 0,
	  .pc = 8,
	  .sp = 8 + 2 * 8,
	  .fp = 8 + 8 * 8,
	  .general = 8,
	  .size = 8 + 32 * 8,
	  .whole = 528,
	  .control_flags = 0x8000001 },
	{ .architecture = 0x8002 /* PPC64 */,
	  .elf_machine = EM_PPC64,
	  .wide = true,
	  .flags = 0,
	  .pc = 8,
	  .sp = 24 + 1 * 8,
	  .fp = 24 + 31 * 8,
	  .general = 24,
	  .size = 24 + 32 * 8,
	  .whole = 1160,
	  .control_flags = 0x1000001 },
};

const struct ph_context *ph_context_find(unsigned architecture)
{
	for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
		if (contexts[i].architecture == architecture)
			return &contexts[i];
	return NULL;
}

const struct ph_context *ph_context_of_machine(const struct ph_machine *machine)
{
	for (size_t i = 0; machine && i < sizeof(contexts) / sizeof(contexts[0]); i++)
		if (contexts[i].elf_machine == machine->elf_machine && contexts[i].wide == machine->wide)
			return &contexts[i];
	return NULL;
}

const char *const *ph_context_names(const struct ph_context *context, const struct ph_machine *machine,
				    unsigned *ret_count)
{
	*ret_count = context->names ? context->name_count : machine->general_count;
	return context->names ? context->names : machine->general;
}

const char *ph_context_name(unsigned architecture, char buffer[48])
{
	static const struct {
		uint16_t architecture;
		const char *name;
	} names[] = {
		{ 0, "i386" },	   { 1, "MIPS" },   { 3, "PowerPC" },	{ 5, "arm" },	      { 6, "Itanium" },
		{ 9, "x86_64" },   { 12, "arm64" }, { 0x8001, "SPARC" }, { 0x8002, "PowerPC 64" },
		{ 0x8003, "arm64" }, { 0x8004, "MIPS 64" }, { 0x8005, "riscv32" }, { 0x8006, "riscv64" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].architecture == architecture)
			return names[i].name;
	snprintf(buffer, 48, "processor architecture %u", architecture);
	return buffer;
}
