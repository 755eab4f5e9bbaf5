/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Synthetic minidumps: what is read from them, cut at every length, and lying. */
#include "image/image.h"

#include <stdlib.h>

#include "unit/check.h"
#include "unit/minidumpbuilder.h"

static struct ph_image *parse(const struct bytes *file)
{
	struct ph_image *image = NULL;
	struct ph_error *error = ph_image_parse_core(file->data, file->size, "synthetic", NULL, &image);
	if (error) {
		fprintf(stderr, "%s\n", error->message);
		ph_error_free(error);
	}
	return image;
}

/* 0 parsed and whole, 1 parsed and damaged, else the exit status of the one-line error. */
static int outcome(const uint8_t *data, size_t size)
{
	struct ph_image *image = NULL;
	const struct ph_module *modules;
	struct ph_error *error = ph_image_parse_core(data, size, "synthetic", NULL, &image);
	int status = error ? ph_error_exit_status(error) : 0;
	if (error && strchr(error->message, '\n'))
		status = -1;
	ph_error_free(error);
	if (image) {
		(void)ph_image_modules(image, &modules);
		(void)ph_image_symbolize(image, 0x180000090);
		(void)ph_image_readable(image, 0x20000, 1 << 20);
		status = ph_damage_is_serious(ph_image_damage(image)) ? 1 : 0;
		CHECK_EQ(ph_image_info(image)->complete, !status);
	}
	ph_image_close(image);
	return status;
}

static void test_windows(void)
{
	struct bytes file = windows_minidump();
	struct ph_image *image = parse(&file);
	const struct ph_native_thread *threads;
	const struct ph_module *modules;
	const struct ph_segment *segments;
	CHECK(image);
	if (!image)
		return;
	const struct ph_image_info *info = ph_image_info(image);
	CHECK_STR(info->kind, "minidump");
	CHECK_STR(info->os, "windows");
	CHECK_STR(info->arch, "x86_64");
	CHECK_EQ(info->long_size, 4);
	CHECK_EQ(info->pid, 4711);
	CHECK_EQ(info->core_time, 1700000000);
	CHECK_EQ(info->signal_number, 0xc0000005);
	CHECK_STR(info->signal_name, "EXCEPTION_ACCESS_VIOLATION");
	CHECK(info->has_fault_address);
	CHECK_EQ(info->fault_address, 0xdead0);
	CHECK(info->complete && !info->partial);
	CHECK_EQ(ph_image_threads(image, &threads), 2);
	CHECK_EQ(threads[0].tid, 100);
	CHECK(threads[0].crashed && threads[0].has_registers && !threads[1].crashed && !threads[1].has_registers);
	CHECK_EQ(threads[0].pc, 0x180000090);
	CHECK_EQ(threads[0].sp, 0x20010);
	CHECK_EQ(threads[1].tls, 104); /* threading.get_ident() */
	CHECK_STR(threads[1].name, "pool-1");
	CHECK_EQ(ph_image_modules(image, &modules), 2);
	CHECK_STR(modules[0].name, "app.exe");
	CHECK(modules[0].is_executable && !modules[1].is_executable);
	CHECK_STR(modules[0].build_id, "5e0000001000");
	CHECK_STR(modules[1].build_id, "5f0000013000");
	CHECK_EQ(modules[1].end, 0x180003000);
	CHECK_EQ(ph_image_symbol(image, &modules[1], "alpha"), 0x180000040);
	CHECK_EQ(ph_image_symbol(image, NULL, "beta"), 0x180000080);
	CHECK_EQ(ph_image_symbol(image, NULL, "gamma"), 0);
	CHECK_STR(ph_image_symbolize(image, 0x180000090), "beta+0x10");
	CHECK_EQ(ph_image_segments(image, &segments), 3);
	/* the region is cut where its bytes end; the reserved one is none */
	CHECK_EQ(segments[0].file_size, 0x1000);
	CHECK_EQ(segments[1].start, 0x21000);
	CHECK_EQ(segments[1].file_size, 0);
	CHECK(segments[1].writable);
	CHECK(ph_image_is_mapped(image, 0x21fff) && !ph_image_is_mapped(image, 0x90000));
	CHECK_EQ(ph_image_readable(image, 0x20ff0, 64), 16);
	const uint8_t *view = ph_image_view(image, 0x20000, 0x1000);
	CHECK(view && view[250] == 250 && view[251] == 0);
	struct ph_segment writable[4];
	CHECK_EQ(ph_image_writable_ranges(image, &modules[1], writable, 4), 0); /* .data is not in the dump */
	ph_image_close(image);
	free(file.data);
}

static void test_linux(void)
{
	struct bytes file = linux_minidump();
	struct ph_image *image = parse(&file);
	const struct ph_native_thread *threads;
	const struct ph_module *modules;
	const char *const *arguments;
	CHECK(image);
	if (!image)
		return;
	const struct ph_image_info *info = ph_image_info(image);
	CHECK_STR(info->os, "linux");
	CHECK_EQ(info->long_size, 8);
	CHECK_EQ(info->pid, 4321);
	CHECK_STR(info->name, "app");
	CHECK_STR(info->command, "app --verbose");
	CHECK_EQ(ph_image_arguments(image, &arguments), 2);
	/* the first exception is the debugger's stop */
	CHECK_EQ(info->signal_number, 11);
	CHECK_EQ(info->fault_address, 0xbad0);
	CHECK(info->partial && info->how_whole);
	CHECK(info->complete); /* a stack that is listed twice is no damage */
	CHECK_EQ(ph_image_threads(image, &threads), 2);
	CHECK(!threads[0].crashed && threads[1].crashed);
	CHECK_EQ(threads[1].tls, 0x12345000);
	CHECK_EQ(ph_image_modules(image, &modules), 1);
	CHECK_EQ(modules[0].end, 0x603000);
	CHECK_STR(modules[0].build_id, "0123abcdef456789");
	const uint8_t *view = ph_image_view(image, 0x7ff000, 4096);
	CHECK(view && view[241] == 0 && view[240] == 240);
	CHECK(ph_image_is_mapped(image, 0x800800));
	CHECK_EQ(ph_image_readable(image, 0x7ff800, 8192), 0x800);
	ph_image_close(image);
	free(file.data);
}

/* Every cut ends in one line or in damage that says so; of the memory's end, in damage. */
static void test_cuts(const struct bytes *file)
{
	for (size_t size = 4; size < file->size; size += size < 3000 ? 1 : 61) {
		/* a copy, so that a sanitizer sees what is read beyond */
		uint8_t *copy = malloc(size);
		memcpy(copy, file->data, size);
		int got = outcome(copy, size);
		CHECK(got == 3 || got == 1);
		free(copy);
	}
}

/* The stream of a type: where its directory entry is. */
static size_t entry_of(const struct bytes *file, uint32_t type)
{
	for (size_t at = 32;; at += 12)
		if (!memcmp(file->data + at, &type, 4))
			return at;
}

static void test_lies(struct bytes file)
{
	static const uint64_t words[] = { 0xffffffff, 0x80000000, 0x7fffffff, 0, 4, 32, 0x10000 };
	uint8_t *whole = malloc(file.size);
	memcpy(whole, file.data, file.size);
	/* counts of 4 billion, places within the header, sizes without end: each word of the directory and of what it names */
	for (size_t i = 0; i < 20; i++) {
		size_t entry = 32 + 12 * i, rva;
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
			for (size_t field = 0; field < 40; field += 4) {
				memcpy(file.data, whole, file.size);
				rva = 0;
				memcpy(&rva, file.data + entry + 8, 4);
				size_t at = field < 12 ? entry + field : rva + field - 12;
				if (at + 4 > file.size)
					continue;
				set(&file, at, words[w], 4);
				int got = outcome(file.data, file.size);
				CHECK(got == 0 || got == 1 || got == 3);
			}
	}
	memcpy(file.data, whole, file.size);
	set(&file, 8, 0xffffffff, 4); /* streams */
	CHECK_EQ(outcome(file.data, file.size), 1);
	memcpy(file.data, whole, file.size);
	set(&file, 12, 0, 4); /* a directory that is the header */
	CHECK_EQ(outcome(file.data, file.size), 3);
	memcpy(file.data, whole, file.size);
	set(&file, entry_of(&file, 7), 1, 4); /* no SystemInfo */
	CHECK_EQ(outcome(file.data, file.size), 3);
	free(whole);
	free(file.data);
}

/* From frame to frame by .pdata. */
static void test_frames(void)
{
	struct bytes file = windows_minidump();
	struct ph_image *image = parse(&file);
	const struct ph_native_thread *threads;
	struct ph_frame_registers frame;
	CHECK(image);
	if (!image)
		return;
	CHECK_EQ(ph_image_threads(image, &threads), 2);
	CHECK(!ph_image_first_frame(image, &threads[1], &frame)); /* no registers */
	CHECK(ph_image_first_frame(image, &threads[0], &frame));
	CHECK_EQ(frame.pc, 0x180000090);
	CHECK(!frame.is_caller);
	CHECK(ph_image_caller(image, &frame));
	CHECK_EQ(frame.pc, 0x1800000f0);
	CHECK_EQ(frame.registers[3], 0xb0b0);
	CHECK_EQ(frame.registers[6], 0x5151);
	CHECK_EQ(frame.registers[5], 0x20100);
	CHECK_EQ(frame.registers[4], 0x20078);
	CHECK(ph_image_caller(image, &frame));
	CHECK_EQ(frame.registers[7], 0xd1d1);
	CHECK_EQ(frame.registers[4], 0x20110);
	struct ph_frame_registers before = frame;
	CHECK(!ph_image_caller(image, &frame)); /* of no module */
	CHECK(!memcmp(&before, &frame, sizeof(frame)));
	/* after the push of the prologue: neither room nor the other registers; and where it stands at the first byte */
	CHECK(ph_image_first_frame(image, &threads[0], &frame));
	frame.pc = 0x180000080;
	frame.registers[4] = 0x20018; /* the part's own is not done yet: 48 bytes, rbp, the return address */
	CHECK(!ph_image_caller(image, &frame) || frame.registers[4] == 0x20058);
	ph_image_close(image);

	/* chains that lead to themselves end, and what leaves the module is not believed */
	static const struct {
		size_t at;
		uint8_t byte;
	} lies[] = { { 0x550, 0x40 }, { 0x550, 0x01 }, { 0x508, 0x41 }, { 0x542, 255 }, { 0x545, 0x0a }, { 0x508 + 3, 0xff } };
	size_t page = file.size - 4096;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t old = file.data[page + lies[i].at];
		file.data[page + lies[i].at] = lies[i].byte;
		image = parse(&file);
		CHECK(image && ph_image_threads(image, &threads) == 2);
		CHECK(ph_image_first_frame(image, &threads[0], &frame));
		CHECK(!ph_image_caller(image, &frame) || frame.registers[4] > 0x20010);
		ph_image_close(image);
		file.data[page + lies[i].at] = old;
	}
	free(file.data);
}

int main(void)
{
	struct bytes windows = windows_minidump(), linux_ = linux_minidump();
	test_windows();
	test_linux();
	test_frames();
	test_cuts(&windows);
	test_cuts(&linux_);
	test_lies(windows);
	test_lies(linux_);
	return CHECK_DONE();
}
