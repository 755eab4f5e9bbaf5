/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a minidump that lacks the heap: who wrote it, what is in it, how one is had that has it. */
#include "image/backend.h"

#include <stdlib.h>

#include "unit/check.h"
#include "unit/minidumpbuilder.h"

enum list { NONE, EMPTY, HEAP, TWO_STACKS };

static void put_memory(struct minidump *m, enum list list)
{
	static const uint8_t bytes[4096];
	struct bytes s = { 0 };
	if (list == NONE)
		return;
	if (list == TWO_STACKS) {
		uint32_t rva = minidump_bytes(m, bytes, sizeof(bytes));
		put(&s, 1, 4);
		put(&s, 0x20000, 8);
		put(&s, sizeof(bytes), 4);
		put(&s, rva, 4);
		minidump_stream(m, 5, &s);
		return;
	}
	put(&s, list == HEAP, 8);
	put(&s, (m->file.size + 7) / 8 * 8 + 32, 8);
	put(&s, 0x90000, 8);
	put(&s, 4096, 8);
	minidump_stream(m, 9, &s);
	put_bytes(&m->file, bytes, sizeof(bytes));
}

/* One thread with its registers, a list of memory, and a stream without meaning of `mark`. */
static void check_partial(uint32_t platform, uint64_t flags, enum list list, uint32_t mark, const char *partial,
			  const char *how)
{
	struct minidump m;
	struct bytes s = { 0 };
	struct ph_image *image = NULL;
	minidump_begin(&m);
	minidump_system(&m, 9, platform);
	put(&s, 1, 4);
	put_minidump_thread(&s, 100, 0, minidump_context(&m, 0x180000090, 0x20010));
	minidump_stream(&m, 3, &s);
	put_memory(&m, list);
	if (mark) {
		put_zeros(&s, 16);
		minidump_stream(&m, mark, &s);
	}
	minidump_end(&m, flags);
	struct ph_error *error = ph_image_parse_core(m.file.data, m.file.size, "synthetic", NULL, &image);
	CHECK(!error && image);
	ph_error_free(error);
	if (image) {
		const struct ph_image_info *info = ph_image_info(image);
		CHECK(!partial == !info->partial);
		if (partial && info->partial) {
			CHECK_STR(info->partial, partial);
			CHECK(info->how_whole && strstr(info->how_whole, how));
		}
	}
	ph_image_close(image);
	free(m.file.data);
}

int main(void)
{
	enum { WINDOWS = 2, LINUX = 0x8201, FULL = 2 };
	static const char lost[] =
		"no memory, written by MiniDumpWriteDump with MiniDumpWithFullMemory, whose list of memory is "
		"empty or missing";
	/* full memory, they say */
	check_partial(WINDOWS, FULL, NONE, 0, lost, "the file is damaged");
	check_partial(WINDOWS, FULL, EMPTY, 0, lost, "the file is damaged");
	check_partial(WINDOWS, FULL, HEAP, 0, NULL, NULL);
	check_partial(WINDOWS, 0, TWO_STACKS, 0, "stacks only, written by MiniDumpWriteDump with MiniDumpNormal",
		      "procdump -ma");
	check_partial(WINDOWS, 0x40, TWO_STACKS, 0,
		      "stacks and what they point at, written by MiniDumpWriteDump with "
		      "MiniDumpWithIndirectlyReferencedMemory",
		      "MiniDumpWithPrivateReadWriteMemory");
	check_partial(WINDOWS, 0x201, HEAP, 0, NULL, NULL);
	check_partial(LINUX, 0, EMPTY, 0, "no memory, written by LLDB or another writer", "--style=full");
	check_partial(LINUX, 0, TWO_STACKS, 0x4767000b, "stacks only, written by LLDB with --style=stack",
		      "--style=full");
	check_partial(LINUX, 0, TWO_STACKS, 0x4767000a, "stacks only, written by Breakpad", "RegisterAppMemory");
	check_partial(LINUX, 0, TWO_STACKS, 0x43500001, "stacks only, written by Crashpad", "set_extra_memory_ranges");
	/* what --trim wrote, with its list of memory gone */
	check_partial(LINUX, FULL, EMPTY, 0x50680002, "no memory, written by core2pyheap --trim", "once more");
	check_partial(LINUX, FULL, HEAP, 0x50680002, NULL, NULL);
	return CHECK_DONE();
}
