/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each stream of a minidump by itself: what is taken from it, and what comes of it when it is double, overlaps another,
 * is out of order, leaves the file, counts 4 billion, or points into the header. */
#include "image/backend.h"

#include <stdlib.h>

#include "unit/check.h"
#include "unit/minidumpbuilder.h"

static struct ph_image *open_image(const struct bytes *file, struct ph_error **error)
{
	struct ph_image *image = NULL;
	*error = ph_image_parse_core(file->data, file->size, "synthetic", NULL, &image);
	return image;
}

/* Takes the file, and gives the image over a copy that a sanitizer watches; it lives until the next one, which is made
 * when the image is closed. */
static struct ph_image *made(struct minidump *m)
{
	struct ph_error *error;
	minidump_end(m, 0);
	static uint8_t *copy;
	free(copy);
	copy = malloc(m->file.size);
	memcpy(copy, m->file.data, m->file.size);
	struct bytes exact = { .data = copy, .size = m->file.size };
	free(m->file.data);
	struct ph_image *image = open_image(&exact, &error);
	CHECK(image && !error);
	ph_error_free(error);
	if (image)
		CHECK_EQ(ph_image_info(image)->complete, !ph_damage_is_serious(ph_image_damage(image)));
	return image;
}

/* "minidump: 3 of 4 threads missing": is it among the damage? */
static bool has_damage(struct ph_image *image, const char *what)
{
	const struct ph_damage *damage = ph_image_damage(image);
	for (size_t i = 0; i < damage->count; i++)
		if (strstr(damage->entries[i].what, what))
			return true;
	for (size_t i = 0; i < damage->count; i++)
		fprintf(stderr, "damage: %s: %s\n", damage->entries[i].where, damage->entries[i].what);
	return false;
}

static void begin(struct minidump *m)
{
	minidump_begin(m);
	minidump_system(m, 9, 0x8201);
}

static void put_one_thread(struct minidump *m, uint32_t tid)
{
	struct bytes s = { 0 };
	put(&s, 1, 4);
	put_minidump_thread(&s, tid, 0, minidump_context(m, 0x400010, 0x7ff100));
	minidump_stream(m, 3, &s);
}

/* ---- what is taken ---- */

static void test_thread_ex_list(void)
{
	struct minidump m;
	struct bytes s = { 0 };
	const struct ph_native_thread *threads;
	begin(&m);
	put(&s, 2, 4);
	for (uint32_t tid = 7; tid < 9; tid++) {
		put_minidump_thread(&s, tid, 0x1000 * tid, minidump_context(&m, tid, 2 * tid));
		put_zeros(&s, 16); /* BackingStore */
	}
	minidump_stream(&m, 8, &s);
	put(&s, 3, 4); /* names: one of no thread, one twice */
	put(&s, 8, 4);
	put(&s, minidump_string(&m, "worker"), 8);
	put(&s, 99, 4);
	put(&s, minidump_string(&m, "nobody"), 8);
	put(&s, 8, 4);
	put(&s, minidump_string(&m, "again"), 8);
	minidump_stream(&m, 24, &s);
	struct ph_image *image = made(&m);
	if (!image)
		return;
	CHECK_EQ(ph_image_threads(image, &threads), 2);
	CHECK_EQ(threads[1].tid, 8);
	CHECK_EQ(threads[1].pc, 8);
	CHECK_EQ(threads[1].tls, 0x8000);
	CHECK_STR(threads[1].name, "worker");
	CHECK(!threads[0].name && ph_image_info(image)->complete);
	ph_image_close(image);
}

static void test_unloaded(void)
{
	struct minidump m;
	struct bytes s = { 0 };
	begin(&m);
	put_one_thread(&m, 1);
	put(&s, 16, 4); /* a header and entries that are larger than known */
	put(&s, 32, 4);
	put(&s, 2, 4);
	put_zeros(&s, 4);
	for (unsigned i = 0; i < 2; i++) {
		put(&s, 0x180000000 + 0x10000 * i, 8);
		put(&s, 0x4000, 4);
		put_zeros(&s, 8);
		put(&s, i ? 0xffffff00 : minidump_string(&m, "C:\\app\\gone.dll"), 4);
		put_zeros(&s, 8);
	}
	minidump_stream(&m, 14, &s);
	struct ph_image *image = made(&m);
	if (!image)
		return;
	const struct ph_image_info *info = ph_image_info(image);
	CHECK_EQ(info->unloaded_count, 1);
	CHECK_STR(info->unloaded[0].path, "C:\\app\\gone.dll");
	CHECK_EQ(info->unloaded[0].start, 0x180000000);
	CHECK_EQ(info->unloaded[0].end, 0x180004000);
	ph_image_close(image);
}

static uint32_t utf8(struct minidump *m, const char *text)
{
	struct bytes s = { 0 };
	put(&s, strlen(text), 4);
	put_bytes(&s, text, strlen(text) + 1);
	uint32_t rva = minidump_bytes(m, s.data, s.size);
	free(s.data);
	return rva;
}

static uint32_t take_bytes(struct minidump *m, struct bytes *s)
{
	uint32_t rva = minidump_bytes(m, s->data, s->size);
	free(s->data);
	*s = (struct bytes){ 0 };
	return rva;
}

/* `claimed`: the number of pairs that the dictionary says it has. */
static void put_crashpad(struct minidump *m, uint32_t claimed)
{
	struct bytes s = { 0 };
	put(&s, claimed, 4);
	put(&s, utf8(m, "product"), 4);
	put(&s, utf8(m, "shop"), 4);
	put(&s, utf8(m, "version"), 4);
	put(&s, utf8(m, "1.2"), 4);
	uint32_t dictionary = take_bytes(m, &s), dictionary_size = 20;
	put(&s, 3, 4); /* of a module: a string, a number, a name that is there already */
	const char *texts[] = { "url", "https://example.org", "count", "7777", "product", "other" };
	for (unsigned i = 0; i < 3; i++) {
		put(&s, utf8(m, texts[2 * i]), 4);
		put(&s, i == 1 ? 2 : 1, 4);
		put(&s, utf8(m, texts[2 * i + 1]), 4);
	}
	uint32_t objects = take_bytes(m, &s);
	put(&s, 1, 4);
	put(&s, utf8(m, "assertion failed"), 4);
	uint32_t list = take_bytes(m, &s);
	put(&s, 1, 4);
	put(&s, 8, 4); /* list_annotations */
	put(&s, list, 4);
	put_zeros(&s, 8); /* simple_annotations */
	put(&s, 40, 4);
	put(&s, objects, 4);
	uint32_t module = take_bytes(m, &s);
	put(&s, 1, 4);
	put(&s, 0, 4);
	put(&s, 28, 4);
	put(&s, module, 4);
	uint32_t links = take_bytes(m, &s);
	put(&s, 1, 4);
	put_zeros(&s, 32);
	put(&s, dictionary_size, 4);
	put(&s, dictionary, 4);
	put(&s, 16, 4);
	put(&s, links, 4);
	minidump_stream(m, 0x43500001, &s);
}

/* MINIDUMP_MISC_INFO_4, of which `flags` says what was filled. */
static void put_misc(struct minidump *m, uint32_t flags)
{
	const uint32_t words[] = { 832, flags, 4711, 1700000000 - 60, 42, 1 };
	struct bytes s = { 0 };
	for (size_t i = 0; i < 6; i++)
		put(&s, words[i], 4);
	put_zeros(&s, 832 - 24);
	for (size_t i = 0; i < 6; i++)
		set(&s, 232 + 2 * i, (uint8_t)"10.0 x"[i], 2);
	minidump_stream(m, 15, &s);
}

/* What is not said to be there is not taken. */
static void test_misc(void)
{
	for (uint32_t flags = 0; flags < 2; flags++) {
		struct minidump m;
		begin(&m);
		put_one_thread(&m, 1);
		put_misc(&m, flags);
		struct ph_image *image = made(&m);
		CHECK(image && !ph_image_info(image)->annotation_count && ph_image_info(image)->pid == (flags ? 4711 : 0));
		ph_image_close(image);
	}
}

static void test_crashpad(void)
{
	struct minidump m;
	begin(&m);
	put_one_thread(&m, 1);
	put_crashpad(&m, 2);
	struct bytes s = { 0 };
	put(&s, 1, 4);
	put_minidump_module(&s, 0x180000000, 0x3000, 0, minidump_string(&m, "/lib/libshop.so"), 0, 0);
	minidump_stream(&m, 4, &s);
	put_misc(&m, 0x103);
	struct ph_image *image = made(&m);
	const struct ph_image_info *info = ph_image_info(image);
	CHECK_EQ(info->annotation_count, 7);
	static const struct ph_annotation wanted[] = {
		{ "product", "shop" }, { "version", "1.2" }, { "libshop.so[0]", "assertion failed" },
		{ "url", "https://example.org" }, { "process_started", "2023-11-14T22:12:20Z, 60 s before the dump" },
		{ "process_cpu", "42 s user, 1 s kernel" }, { "os_build", "10.0 x" },
	};
	for (size_t i = 0; i < 7 && i < info->annotation_count; i++) {
		CHECK_STR(info->annotations[i].key, wanted[i].key);
		CHECK_STR(info->annotations[i].value, wanted[i].value);
	}
	CHECK(info->partial && strstr(info->partial, "Crashpad") && info->complete);
	ph_image_close(image);
}

static void put_text_stream(struct minidump *m, uint32_t type, const char *text, size_t size)
{
	struct bytes s = { 0 };
	put_bytes(&s, text, size);
	minidump_stream(m, type, &s);
}

#define PUT_TEXT(m, type, text) put_text_stream(m, type, text, sizeof(text) - 1)

static void test_linux_streams(void)
{
	struct minidump m;
	struct bytes s = { 0 };
	const char *const *strings;
	uint64_t page = 0;
	begin(&m);
	put_one_thread(&m, 4321);
	PUT_TEXT(&m, 0x47670004, "Name:\tapp\nPid:\t4321\nNoise");
	PUT_TEXT(&m, 0x47670006, "/opt/app\0--verbose\0");
	PUT_TEXT(&m, 0x47670007, "HOME=/root\0API_KEY=hunter2"); /* without its last NUL */
	PUT_TEXT(&m, 0x47670009, "400000-402000 r-xp 00000000 08:01 42   /opt/app\n"
				 "500000-501000 rw-s 00000000 00:05 43   /dev/shm/x (deleted)\n"
				 "zzz\n402000-400000 r-xp 00000000 08:01 42 /backwards\n600000-601000 rw-p 0 0:0 0");
	put(&s, 6, 8); /* AT_PAGESZ */
	put(&s, 4096, 8);
	put(&s, 0, 4); /* half an entry */
	minidump_stream(&m, 0x47670008, &s);
	put(&s, 24, 4);
	put(&s, 1, 4);
	put(&s, 4711, 4);
	put_zeros(&s, 12);
	minidump_stream(&m, 15, &s);
	struct ph_image *image = made(&m);
	if (!image)
		return;
	const struct ph_image_info *info = ph_image_info(image);
	CHECK_EQ(info->pid, 4711);
	CHECK_STR(info->name, "app");
	CHECK_STR(info->command, "/opt/app --verbose");
	CHECK_EQ(ph_image_environment(image, &strings), 2);
	CHECK_STR(strings[1], "API_KEY=hunter2");
	CHECK(ph_image_auxv(image, 6, &page) && page == 4096);
	CHECK(ph_image_is_mapped(image, 0x401fff) && ph_image_is_mapped(image, 0x500000));
	CHECK(!ph_image_is_mapped(image, 0x402000));
	CHECK(info->complete);
	ph_image_close(image);
}

/* ---- double, overlapping, out of order, out of the file ---- */

static void test_duplicates(void)
{
	struct minidump m;
	const struct ph_native_thread *threads;
	begin(&m);
	put_one_thread(&m, 1);
	put_one_thread(&m, 2);
	minidump_system(&m, 5, 2);
	PUT_TEXT(&m, 0x47670006, "first");
	PUT_TEXT(&m, 0x47670006, "second");
	struct ph_image *image = made(&m);
	if (!image)
		return;
	/* the first counts */
	CHECK_STR(ph_image_info(image)->arch, "x86_64");
	CHECK_STR(ph_image_info(image)->command, "first");
	CHECK_EQ(ph_image_threads(image, &threads), 1);
	CHECK_EQ(threads[0].tid, 1);
	ph_image_close(image);
}

/* A stream within another, and one of each type over the same bytes. */
static void test_overlapping_streams(void)
{
	static const uint32_t types[] = { 4, 5, 6, 8, 9, 14, 15, 16, 24, 0x43500001, 0x47670004, 0x47670006, 0x47670007,
					  0x47670008, 0x47670009, 0x4767000a, 0x50680001, 0x50680002, 0x50680003,
					  0x50680004 };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (uint32_t shift = 0; shift < 12; shift += 4) {
			struct minidump m;
			struct ph_error *error;
			begin(&m);
			put_one_thread(&m, 1);
			size_t at = 32 + 12 * (size_t)m.count++;
			set(&m.file, at, types[i], 4);
			set(&m.file, at + 4, 40, 4);
			memcpy(m.file.data + at + 8, m.file.data + 32 + 12 + 8, 4);
			m.file.data[at + 8] = (uint8_t)(m.file.data[at + 8] + shift);
			minidump_end(&m, 0);
			struct ph_image *image = open_image(&m.file, &error);
			CHECK(image || (error && ph_error_exit_status(error) == 3));
			ph_error_free(error);
			ph_image_close(image);
			free(m.file.data);
		}
}

/* Ranges: their start, size and bytes, which are 64 KiB of i, then 64 KiB of i + 1 … in the file. */
struct piece {
	uint64_t start;
	uint32_t size;
	int fill; /* -1: beyond the end of the file; -2: the header */
};

static struct ph_image *with_memory(const struct piece *pieces, size_t count, bool wide)
{
	static uint8_t bytes[0x1000];
	struct minidump m;
	struct bytes s = { 0 };
	uint32_t rvas[4];
	begin(&m);
	put_one_thread(&m, 1);
	for (int i = 0; i < 4; i++) {
		memset(bytes, i, sizeof(bytes));
		rvas[i] = minidump_bytes(&m, bytes, sizeof(bytes));
	}
	put(&s, count, wide ? 8 : 4);
	if (wide)
		put(&s, pieces[0].fill == -1 ? 0xfffff000 : pieces[0].fill == -2 ? 0 : rvas[pieces[0].fill], 8);
	for (size_t i = 0; i < count; i++) {
		put(&s, pieces[i].start, 8);
		put(&s, pieces[i].size, wide ? 8 : 4);
		if (!wide)
			put(&s, pieces[i].fill == -1 ? 0xfffff000 : pieces[i].fill == -2 ? 0 : rvas[pieces[i].fill], 4);
	}
	minidump_stream(&m, wide ? 9 : 5, &s);
	return made(&m);
}

static int byte_at(struct ph_image *image, ph_addr addr)
{
	uint8_t byte;
	return ph_image_read(image, addr, &byte, 1) == PH_OK ? byte : -1;
}

static void test_ranges(void)
{
	struct ph_image *image;
	/* out of order */
	image = with_memory(
		(struct piece[]){ { 0x30000, 0x1000, 2 }, { 0x10000, 0x1000, 1 }, { 0x20000, 0x800, 3 } }, 3, false);
	CHECK(image && ph_image_info(image)->complete);
	CHECK_EQ(byte_at(image, 0x10fff), 1);
	CHECK_EQ(byte_at(image, 0x207ff), 3);
	CHECK_EQ(byte_at(image, 0x20800), -1);
	CHECK_EQ(byte_at(image, 0x30000), 2);
	ph_image_close(image);
	/* overlapping, with other bytes: the first stays, and it is damage */
	image = with_memory((struct piece[]){ { 0x10000, 0x1000, 1 }, { 0x10800, 0x1000, 2 } }, 2, false);
	CHECK(image && has_damage(image, "overlap"));
	CHECK_EQ(byte_at(image, 0x10fff), 1);
	CHECK_EQ(byte_at(image, 0x11000), 2);
	ph_image_close(image);
	/* the same bytes from two places of the file are none */
	image = with_memory((struct piece[]){ { 0x10000, 0x1000, 1 }, { 0x10100, 0x80, 1 } }, 2, false);
	CHECK(image && ph_image_info(image)->complete);
	ph_image_close(image);
	/* the same place twice */
	image = with_memory((struct piece[]){ { 0x10000, 0x1000, 1 }, { 0x10000, 0x1000, 1 } }, 2, false);
	CHECK(image && ph_image_info(image)->complete);
	ph_image_close(image);
	/* out of the file: mapped, lost */
	for (int wide = 0; wide < 2; wide++) {
		image = with_memory((struct piece[]){ { 0x10000, 0x1000, -1 } }, 1, wide);
		CHECK(image && has_damage(image, "4096 bytes missing"));
		CHECK(ph_image_is_cut_off(image, 0x10800) && byte_at(image, 0x10800) == -1);
		ph_image_close(image);
		/* the header as memory is as good as any */
		image = with_memory((struct piece[]){ { 0x10000, 0x20, -2 } }, 1, wide);
		CHECK_EQ(byte_at(image, 0x10000), 'M');
		ph_image_close(image);
		/* beyond the end of all addresses */
		image = with_memory((struct piece[]){ { UINT64_MAX - 0xff, 0x1000, 1 } }, 1, wide);
		/* what is there of it may be left out, and is never anything else */
		CHECK(byte_at(image, UINT64_MAX - 0xff) == 1 || byte_at(image, UINT64_MAX - 0xff) == -1);
		CHECK_EQ(byte_at(image, 0), -1);
		ph_image_close(image);
		image = with_memory((struct piece[]){ { 0x10000, UINT32_MAX, 1 } }, 1, wide);
		CHECK(image && has_damage(image, "bytes missing"));
		ph_image_close(image);
		/* nothing at all */
		image = with_memory((struct piece[]){ { 0x10000, 0, 1 }, { 0x10000, 0x10, 1 } }, 2, wide);
		CHECK_EQ(byte_at(image, 0x10000), 1);
		ph_image_close(image);
	}
}

/* ---- counts of 4 billion ---- */

static void test_counts(void)
{
	static const struct {
		uint32_t type;
		unsigned before, size, after; /* bytes of the head before the count, of the count, and behind it */
		unsigned entry;
		const char *says;
	} lists[] = {
		{ 3, 0, 4, 0, 48, "4294967294 of 4294967295 threads missing" },
		{ 4, 0, 4, 0, 108, "4294967294 of 4294967295 modules missing" },
		{ 5, 0, 4, 0, 16, "4294967294 of 4294967295 memory ranges missing" },
		{ 8, 0, 4, 0, 64, "4294967294 of 4294967295 threads missing" },
		{ 9, 0, 8, 8, 16, "18446744073709551614 of 18446744073709551615 memory ranges missing" },
		{ 14, 8, 4, 0, 24, "4294967294 of 4294967295 unloaded modules missing" },
		{ 16, 8, 8, 0, 48, "18446744073709551614 of 18446744073709551615 memory regions missing" },
		{ 24, 0, 4, 0, 12, "4294967294 of 4294967295 thread names missing" },
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct minidump m;
		struct bytes s = { 0 };
		begin(&m);
		if (lists[i].type != 3)
			put_one_thread(&m, 1);
		if (lists[i].before) {
			put(&s, lists[i].before + lists[i].size, 4);
			put(&s, lists[i].entry, 4);
		}
		put(&s, UINT64_MAX, lists[i].size);
		put_zeros(&s, lists[i].after + lists[i].entry);
		minidump_stream(&m, lists[i].type, &s);
		struct ph_image *image = made(&m);
		CHECK(image && has_damage(image, lists[i].says));
		ph_image_close(image);
	}
	struct minidump m;
	begin(&m);
	put_one_thread(&m, 1);
	put_crashpad(&m, UINT32_MAX);
	struct ph_image *image = made(&m);
	CHECK(image && has_damage(image, "4294967293 of 4294967295 annotations missing"));
	ph_image_close(image);
}

/* ---- places within the header ---- */

static void test_header(void)
{
	for (uint32_t rva = 0; rva < 40; rva += 4) {
		struct minidump m;
		struct bytes s = { 0 };
		begin(&m);
		put(&s, 1, 4);
		put_minidump_thread(&s, 1, 0, rva); /* its CONTEXT */
		minidump_stream(&m, 3, &s);
		put(&s, 1, 4);
		put_minidump_module(&s, 0x400000, 0x1000, 0, rva, rva, 24); /* its name and its build-id */
		minidump_stream(&m, 4, &s);
		put(&s, 1, 4);
		put(&s, 1, 4);
		put(&s, rva, 8);
		minidump_stream(&m, 24, &s);
		put(&s, 1, 4);
		put_zeros(&s, 32);
		for (unsigned i = 0; i < 2; i++) {
			put(&s, 28, 4);
			put(&s, rva, 4);
		}
		minidump_stream(&m, 0x43500001, &s);
		put(&s, 12, 4);
		put(&s, 24, 4);
		put(&s, 1, 4);
		put_zeros(&s, 20);
		put(&s, rva, 4);
		minidump_stream(&m, 14, &s);
		struct ph_image *image = made(&m);
		const struct ph_module *modules;
		if (!image)
			continue;
		CHECK(ph_image_modules(image, &modules) <= 1);
		ph_image_close(image);
	}
}

/* Heads of lists whose entries have no size, or one that leaves the stream. */
static void test_heads(void)
{
	static const uint32_t words[] = { 0, 1, 11, 4097, 0x7fffffff, UINT32_MAX };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (unsigned which = 0; which < 4; which++) {
			struct minidump m;
			struct bytes s = { 0 };
			begin(&m);
			put_one_thread(&m, 1);
			bool regions = which & 1;
			put(&s, which & 2 ? words[i] : regions ? 16 : 12, 4);
			put(&s, which & 2 ? 48 : words[i], 4);
			put(&s, 1, regions ? 8 : 4);
			put_zeros(&s, 48);
			minidump_stream(&m, regions ? 16 : 14, &s);
			struct ph_image *image = made(&m);
			CHECK(image && has_damage(image, regions ? "the list of memory regions is damaged"
								 : "the list of unloaded modules is damaged"));
			ph_image_close(image);
		}
}

/* ---- what --trim wrote ---- */

static void put_damage_entry(struct bytes *s, uint32_t what, uint64_t count, const char *where, const char *text)
{
	put(s, what, 4);
	put(s, count, 8);
	put_bytes(s, where, strlen(where) + 1);
	put_bytes(s, text, strlen(text) + 1);
}

static void test_ours(void)
{
	struct minidump m;
	struct bytes s = { 0 };
	begin(&m);
	put_one_thread(&m, 1);
	put_damage_entry(&s, 0, 3, "core", "3 program headers missing");
	put_damage_entry(&s, 1, 1, "stacks only, written by Breakpad", "ask for more");
	minidump_stream(&m, 0x50680003, &s);
	put(&s, 0x10000, 8);
	put(&s, 0x1000, 8);
	put(&s, 0x10800, 8); /* overlaps the one before */
	put(&s, UINT64_MAX, 8);
	minidump_stream(&m, 0x50680004, &s);
	put_zeros(&s, 16);
	minidump_stream(&m, 0x50680002, &s);
	struct ph_image *image = made(&m);
	if (!image)
		return;
	const struct ph_damage *damage = ph_image_damage(image);
	CHECK_STR(damage->entries[0].what, "3 program headers missing");
	CHECK_EQ(damage->entries[0].count, 3);
	CHECK_STR(ph_image_info(image)->partial, "stacks only, written by Breakpad");
	CHECK_STR(ph_image_info(image)->how_whole, "ask for more");
	CHECK(ph_image_is_cut_off(image, 0x10800));
	ph_image_close(image);
	/* a text that does not end */
	begin(&m);
	put_one_thread(&m, 1);
	put(&s, 0, 4);
	put(&s, 1, 8);
	put_bytes(&s, "core", 4);
	minidump_stream(&m, 0x50680003, &s);
	image = made(&m);
	CHECK(image && has_damage(image, "cannot be read"));
	ph_image_close(image);
}

int main(void)
{
	test_thread_ex_list();
	test_unloaded();
	test_crashpad();
	test_misc();
	test_linux_streams();
	test_duplicates();
	test_overlapping_streams();
	test_ranges();
	test_counts();
	test_header();
	test_heads();
	test_ours();
	return CHECK_DONE();
}
