/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The CONTEXT of each processor, on Windows and as Breakpad writes them on Linux: the registers that are read of it, and what
 * pointers of its size lead to.  The offsets were compiled from mingw-w64's winnt.h by clang for each of the four machines, those of riscv64
 * and ppc64le from Breakpad's headers. */
#include "image/image.h"

#include <stdlib.h>

#include "unit/check.h"
#include "unit/minidumpbuilder.h"

struct machine {
	const char *name;
	unsigned architecture; /* PROCESSOR_ARCHITECTURE_… */
	unsigned word;
	size_t size, flags, pc, sp, fp;
	uint32_t all_flags;
	/* offsets of ProcessEnvironmentBlock in the TEB, of ProcessParameters in the PEB, of CommandLine in the parameters */
	unsigned peb, parameters, command_line;
	/* a general register, the first of the words of which the last is the other */
	const char *first, *last;
	size_t first_at, last_at;
};

static const struct machine machines[] = {
	/* Eip, Esp, Ebp */
	{ "i386", 0, 4, 716, 0, 0xb8, 0xc4, 0xb4, 0x1007f, 0x30, 0x10, 0x40,
	  "edi", "eax", 0x9c, 0xb0 },
	/* Rip, Rsp, Rbp */
	{ "x86_64", 9, 8, 1232, 0x30, 0xf8, 0x98, 0xa0, 0x10001f, 0x60, 0x20, 0x70,
	  "rax", "r15", 0x78, 0xf0 },
	/* Pc, Sp, R11 */
	{ "arm", 5, 4, 416, 0, 0x40, 0x38, 0x30, 0x20000f, 0x30, 0x10, 0x40,
	  "r0", "r12", 0x4, 0x34 },
	/* Pc, Sp, Fp */
	{ "arm64", 12, 8, 912, 0, 0x108, 0x100, 0xf0, 0x40000f, 0x60, 0x20, 0x70,
	  "x0", "x28", 0x8, 0xe8 },
	/* Breakpad's alone: pc, sp, s0; srr0, gpr[1], gpr[31] */
	{ "riscv64", 0x8006, 8, 528, 0, 8, 24, 72, 0x8000003, 0, 0, 0, "ra", "t6", 16, 256 },
	{ "ppc64le", 0x8002, 8, 1160, 0, 8, 32, 272, 0x1000029, 0, 0, 0, "r0", "r30", 24, 264 },
};

#define PC 0x10001234u
#define SP 0x00200100u
#define FP 0x00200180u
#define TEB 0x00300000u
#define FIRST 0x11111111u
#define LAST 0x22222222u

static void put_a_thread(struct minidump *m, const struct machine *machine, size_t size)
{
	struct bytes c = { 0 }, s = { 0 };
	/* no register of the others is taken for the one that is meant */
	for (size_t i = 0; i < machine->size; i++)
		put(&c, 0xa0 + i % 13, 1);
	set(&c, machine->flags, machine->all_flags, 4);
	set(&c, machine->pc, PC, machine->word);
	set(&c, machine->sp, SP, machine->word);
	set(&c, machine->fp, FP, machine->word);
	set(&c, machine->first_at, FIRST, machine->word);
	set(&c, machine->last_at, LAST, machine->word);
	uint32_t rva = minidump_bytes(m, c.data, c.size);
	free(c.data);
	put(&s, 1, 4);
	put(&s, 77, 4);
	put_zeros(&s, 12);
	put(&s, TEB, 8);
	put_zeros(&s, 16);
	put(&s, size, 4);
	put(&s, rva, 4);
	minidump_stream(m, 3, &s);
}

/* The TEB with, each in 256 bytes of its own behind it, the PEB, the parameters, the text. */
static void put_process(struct minidump *m, const struct machine *machine)
{
	static const char text[] = "a\0p\0p\0 \0-\0x\0";
	struct bytes memory = { 0 }, s = { 0 };
	put_zeros(&memory, 1024);
	set(&memory, machine->peb, TEB + 256, machine->word);
	set(&memory, 256 + machine->parameters, TEB + 512, machine->word);
	set(&memory, 512 + machine->command_line, sizeof(text) - 1, 2);
	set(&memory, 512 + machine->command_line + machine->word, TEB + 768, machine->word);
	memcpy(memory.data + 768, text, sizeof(text) - 1);
	uint32_t rva = minidump_bytes(m, memory.data, memory.size);
	free(memory.data);
	put(&s, 1, 4);
	put(&s, TEB, 8);
	put(&s, 1024, 4);
	put(&s, rva, 4);
	minidump_stream(m, 5, &s);
}

static struct ph_image *make(const struct machine *machine, uint32_t platform, size_t size, struct bytes *ret_file)
{
	struct minidump m;
	struct ph_image *image = NULL;
	minidump_begin(&m);
	minidump_system(&m, machine->architecture, platform);
	put_a_thread(&m, machine, size);
	put_process(&m, machine);
	minidump_end(&m, 0);
	struct ph_image_options options = { .record = true };
	struct ph_error *error = ph_image_parse_core(m.file.data, m.file.size, machine->name, &options, &image);
	CHECK(!error);
	ph_error_free(error);
	*ret_file = m.file;
	return image;
}

static uint64_t register_called(const struct ph_native_thread *thread, const char *name)
{
	for (unsigned i = 0; i < thread->register_count; i++)
		if (thread->register_names[i] && !strcmp(thread->register_names[i], name))
			return thread->registers[i];
	return 0;
}

static void check_registers(const struct machine *machine, const struct ph_native_thread *thread)
{
	CHECK(thread->has_registers);
	CHECK_EQ(thread->pc, PC);
	CHECK_EQ(thread->sp, SP);
	CHECK_EQ(thread->fp, FP);
	CHECK_EQ(register_called(thread, machine->first), FIRST);
	CHECK_EQ(register_called(thread, machine->last), LAST);
}

/* What --trim writes of it: the same registers, in a CONTEXT of the size that the definition has. */
static void test_trimmed(const struct machine *machine, struct ph_image *image)
{
	const struct ph_native_thread *threads;
	struct ph_image *again = NULL;
	char *data = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&data, &size);
	struct ph_error *error = ph_image_write_trimmed(image, to);
	CHECK(!error);
	ph_error_free(error);
	fclose(to);
	error = ph_image_parse_core(data, size, "trimmed", NULL, &again);
	CHECK(!error && ph_image_threads(again, &threads) == 1);
	if (!error) {
		CHECK_STR(ph_image_info(again)->arch, machine->name);
		check_registers(machine, &threads[0]);
	}
	ph_error_free(error);
	ph_image_close(again);
	free(data);
}

static void test_machine(const struct machine *machine, uint32_t platform)
{
	const struct ph_native_thread *threads;
	struct bytes file;
	struct ph_image *image = make(machine, platform, machine->size, &file);
	bool windows = platform == 2;
	if (!image)
		return;
	const struct ph_image_info *info = ph_image_info(image);
	CHECK_STR(info->arch, machine->name);
	CHECK_EQ(info->pointer_size, machine->word);
	CHECK_EQ(info->long_size, windows ? 4 : machine->word);
	CHECK_EQ(ph_image_threads(image, &threads), 1);
	check_registers(machine, &threads[0]);
	CHECK_EQ(threads[0].tls, windows ? 77 : TEB);
	if (windows)
		CHECK_STR(info->command, "app -x");
	test_trimmed(machine, image);
	ph_image_close(image);
	free(file.data);
	/* one that is too short for its registers is none */
	image = make(machine, platform, machine->pc, &file);
	if (image && ph_image_threads(image, &threads) == 1)
		CHECK(!threads[0].has_registers);
	ph_image_close(image);
	free(file.data);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (machines[i].peb)
			test_machine(&machines[i], 2);	    /* VER_PLATFORM_WIN32_NT */
		test_machine(&machines[i], 0x8201); /* Breakpad's Linux */
	}
	return CHECK_DONE();
}
