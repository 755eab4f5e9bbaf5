/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image over a caller's reads, with this very process as the target. */
#include <pyheap/callback.h>

#include "image/image.h"

#include <elf.h>
#include <stdlib.h>

#include "unit/check.h"

#define PAGES 64
#define PAGE 4096

struct target {
	uint8_t *memory; /* PAGES pages; at BASE in the target */
	unsigned reads;
	uint64_t bytes;
};

#define BASE 0x7f0000003000ull /* in the middle of a block */
#define REFUSED (BASE + 40 * PAGE)

static bool read_memory(void *user, uint64_t address, void *buffer, size_t size)
{
	struct target *t = user;
	t->reads++;
	t->bytes += size;
	CHECK(address >= BASE && address + size <= BASE + PAGES * PAGE);
	if (address <= REFUSED && address + size > REFUSED)
		return false;
	memcpy(buffer, t->memory + (address - BASE), size);
	return true;
}

static uint64_t symbol(void *user, uint64_t start, uint64_t end, const char *name)
{
	(void)user;
	return start == BASE && end == BASE + 8 * PAGE && !strcmp(name, "answer") ? BASE + 42 : 0;
}

static bool symbolize(void *user, uint64_t address, char *buffer, size_t size)
{
	(void)user;
	snprintf(buffer, size, "answer+0x%llx", (unsigned long long)(address - BASE - 42));
	return true;
}

static struct ph_image *open_target(struct target *t)
{
	static const struct ph_callback_ops ops = { .read = read_memory };
	static const struct ph_symbol_ops symbols = { .symbol = symbol, .symbolize = symbolize };
	const struct ph_callback_map maps[] = {
		{ BASE + 8 * PAGE, BASE + PAGES * PAGE, 0, "[heap]", true, true, false },
		{ BASE, BASE + 8 * PAGE, 0, "/no/such/libthing.so", true, false, true },
		{ BASE + PAGES * PAGE, BASE + (PAGES + 1) * PAGE, 0, "", false, false, false },
		{ 0xffffffffff600000, 0xffffffffff601000, 0, "[vsyscall]", true, false, true },
	};
	const struct ph_callback_thread threads[] = {
		{ .tid = 7, .syscall_number = 202, .has_registers = true, .pc = 1, .sp = 2 },
		{ .tid = 8, .syscall_number = -1, .crashed = true, .signal = 11 },
	};
	struct ph_callback_process process = {
		.kind = "live", .elf_machine = EM_X86_64, .pid = 7, .name = "thing",
		.maps = maps, .map_count = 4, .threads = threads, .thread_count = 2,
		.signal_number = 11, .signal_code = 1, .has_fault_address = true, .fault_address = 0x10,
	};
	struct ph_image_options options = { .symbols = &symbols };
	struct ph_image *image = NULL;
	struct ph_error *error = ph_image_open_callback(&process, &ops, t, &options, &image);
	CHECK(!error);
	ph_error_free(error);
	return image;
}

static void check_process(struct ph_image *image)
{
	const struct ph_native_thread *threads;
	const struct ph_segment *segments;
	const struct ph_module *modules;
	CHECK_EQ(ph_image_threads(image, &threads), 2);
	CHECK_EQ(threads[0].tid, 8);
	CHECK(threads[0].crashed);
	CHECK_STR(threads[1].syscall_name, "futex");
	CHECK_STR(ph_image_info(image)->signal_name, "SIGSEGV");
	CHECK_STR(ph_image_info(image)->kind, "live");
	CHECK_EQ(ph_image_segments(image, &segments), 3);
	CHECK_EQ(segments[0].start, BASE);
	CHECK_EQ(ph_image_modules(image, &modules), 1);
	CHECK_STR(modules[0].name, "libthing.so");
	CHECK_EQ(ph_image_symbol(image, &modules[0], "answer"), BASE + 42);
	CHECK_STR(ph_image_symbolize(image, BASE + 43), "answer+0x1");
}

static void check_memory(struct ph_image *image, struct target *t)
{
	uint8_t bytes[3 * PAGE];
	char text[16];
	t->reads = 0, t->bytes = 0;
	/* across two maps, and two blocks */
	const uint8_t *view = ph_image_view(image, BASE + 7 * PAGE + 5, 10 * PAGE);
	CHECK(view && !memcmp(view, t->memory + 7 * PAGE + 5, 10 * PAGE));
	unsigned reads = t->reads;
	CHECK(reads <= 3);
	CHECK(ph_image_view(image, BASE + 9 * PAGE, PAGE) == view + 2 * PAGE - 5);
	CHECK_EQ(ph_image_read(image, BASE + 8 * PAGE, bytes, sizeof(bytes)), PH_OK);
	CHECK_EQ(t->reads, reads);
	/* round a page that cannot be read */
	CHECK(!ph_image_view(image, REFUSED, 1));
	CHECK(!ph_image_view(image, REFUSED - 8, 16));
	CHECK_EQ(ph_image_read(image, REFUSED - 8, bytes, 16), PH_LEFT_OUT);
	CHECK(ph_image_view(image, REFUSED - 16, 16));
	CHECK(ph_image_view(image, REFUSED + PAGE, 16));
	reads = t->reads;
	CHECK(!ph_image_view(image, REFUSED, 1));
	CHECK_EQ(t->reads, reads);
	/* strings that end just before what cannot be read, and that do not end */
	CHECK_EQ(ph_image_read_string(image, REFUSED - 4, text, sizeof(text)), PH_OK);
	CHECK_STR(text, "end");
	CHECK(ph_image_read_string(image, REFUSED - 5, text, 3) == PH_LIMIT);
	CHECK_EQ(ph_image_readable(image, BASE + (PAGES - 1) * PAGE, 3 * PAGE), PAGE);
	CHECK(!ph_image_view(image, BASE + PAGES * PAGE, 1));
	CHECK(!ph_image_view(image, 0xffffffffff600000, 1));
	CHECK(ph_image_is_mapped(image, BASE + PAGES * PAGE));
	/* what was read stays: there is no file to have it from again */
	ph_image_drop_pages(image, 0, UINT64_MAX);
	CHECK(!memcmp(view, t->memory + 7 * PAGE + 5, 10 * PAGE));
}

int main(void)
{
	struct target t = { .memory = malloc(PAGES * PAGE) };
	for (size_t i = 0; i < PAGES * PAGE; i++)
		t.memory[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
	memcpy(t.memory + (REFUSED - BASE) - 5, "\1end", 5);
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_ehsize = sizeof(header), .e_phentsize = sizeof(Elf64_Phdr),
	};
	memcpy(t.memory, &header, sizeof(header));
	struct ph_image *image = open_target(&t);
	if (image) {
		check_process(image);
		check_memory(image, &t);
	}
	ph_image_close(image);
	struct ph_callback_process other = { .elf_machine = EM_S390 };
	struct ph_error *error = ph_image_open_callback(&other, NULL, NULL, NULL, &image);
	CHECK(error && error->code == PH_ERROR_NOT_CORE);
	ph_error_free(error);
	free(t.memory);
	return CHECK_DONE();
}
