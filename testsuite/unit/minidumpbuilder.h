/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Synthetic minidumps, written byte by byte from Microsoft's and Breakpad's documentation.  Shares nothing with src/image on
 * purpose. */
#ifndef UNIT_MINIDUMPBUILDER_H
#define UNIT_MINIDUMPBUILDER_H

#include "unit/corebuilder.h"

#define DIRECTORY_ROOM 40

struct minidump {
	struct bytes file;
	unsigned count;
};

static inline void minidump_begin(struct minidump *m)
{
	memset(m, 0, sizeof(*m));
	put_zeros(&m->file, 32 + DIRECTORY_ROOM * 12);
}

/* Bytes on their own: their RVA. */
static inline uint32_t minidump_bytes(struct minidump *m, const void *data, size_t size)
{
	put_zeros(&m->file, (8 - m->file.size % 8) % 8);
	uint32_t rva = (uint32_t)m->file.size;
	put_bytes(&m->file, data, size);
	return rva;
}

static inline uint32_t minidump_string(struct minidump *m, const char *text)
{
	struct bytes s = { 0 };
	put(&s, 2 * strlen(text), 4);
	for (; *text; text++)
		put(&s, (uint8_t)*text, 2);
	put(&s, 0, 2);
	uint32_t rva = minidump_bytes(m, s.data, s.size);
	free(s.data);
	return rva;
}

/* Takes the body. */
static inline void minidump_stream(struct minidump *m, uint32_t type, struct bytes *body)
{
	uint32_t rva = minidump_bytes(m, body->data, body->size);
	size_t at = 32 + 12 * (size_t)m->count++;
	set(&m->file, at, type, 4);
	set(&m->file, at + 4, body->size, 4);
	set(&m->file, at + 8, rva, 4);
	free(body->data);
	*body = (struct bytes){ 0 };
}

static inline void minidump_end(struct minidump *m, uint64_t flags)
{
	memcpy(m->file.data, "MDMP\x93\xa7\x12\x34", 8);
	set(&m->file, 8, m->count, 4);
	set(&m->file, 12, 32, 4);
	set(&m->file, 20, 1700000000, 4);
	set(&m->file, 24, flags, 8);
}

static inline void minidump_system(struct minidump *m, unsigned architecture, uint32_t platform)
{
	struct bytes s = { 0 };
	put(&s, architecture, 2);
	put_zeros(&s, 18);
	put(&s, platform, 4);
	put_zeros(&s, 32);
	minidump_stream(m, 7, &s);
}

/* CONTEXT of AMD64: its RVA. */
static inline uint32_t minidump_context(struct minidump *m, uint64_t pc, uint64_t sp)
{
	struct bytes c = { 0 };
	put_zeros(&c, 1232);
	set(&c, 0x30, 0x10000b, 4);
	set(&c, 0x98, sp, 8);
	set(&c, 0xa0, sp + 64, 8);
	set(&c, 0xf8, pc, 8);
	uint32_t rva = minidump_bytes(m, c.data, c.size);
	free(c.data);
	return rva;
}

static inline void put_minidump_thread(struct bytes *list, uint32_t tid, uint64_t teb, uint32_t context)
{
	put(list, tid, 4);
	put_zeros(list, 12);
	put(list, teb, 8);
	put_zeros(list, 16);
	put(list, context ? 1232 : 0, 4);
	put(list, context, 4);
}

static inline void minidump_exception(struct minidump *m, uint32_t tid, uint32_t code, uint32_t flags, uint64_t address,
				      const uint64_t *information, unsigned count)
{
	struct bytes s = { 0 };
	put(&s, tid, 8);
	put(&s, code, 4);
	put(&s, flags, 4);
	put(&s, 0, 8);
	put(&s, address, 8);
	put(&s, count, 8);
	for (unsigned i = 0; i < 15; i++)
		put(&s, i < count ? information[i] : 0, 8);
	put(&s, 0, 8);
	minidump_stream(m, 6, &s);
}

static inline void put_minidump_module(struct bytes *list, uint64_t base, uint32_t size, uint32_t timestamp,
				       uint32_t name, uint32_t record, uint32_t record_size)
{
	put(list, base, 8);
	put(list, size, 4);
	put(list, 0, 4);
	put(list, timestamp, 4);
	put(list, name, 4);
	put_zeros(list, 52);
	put(list, record_size, 4);
	put(list, record, 4);
	put_zeros(list, 24);
}

/* The first page of a library with one section and two exports, "alpha" at 0x40 and "beta" at 0x80. */
static inline void fill_pe(uint8_t page[4096])
{
	struct bytes b = { .data = page, .size = 4096, .capacity = 8192 };
	memset(page, 0, 4096);
	memcpy(page, "MZ", 2);
	set(&b, 0x3c, 0x80, 4);
	memcpy(page + 0x80, "PE\0\0", 4);
	set(&b, 0x84, 0x8664, 2);
	set(&b, 0x86, 1, 2);
	set(&b, 0x88, 0x5f000001, 4);
	set(&b, 0x94, 240, 2);	  /* SizeOfOptionalHeader */
	set(&b, 0x96, 0x2022, 2); /* a DLL */
	set(&b, 0x98, 0x20b, 2);
	set(&b, 0x98 + 56, 0x3000, 4); /* SizeOfImage */
	set(&b, 0x98 + 60, 0x400, 4);
	set(&b, 0x98 + 108, 16, 4);
	set(&b, 0x98 + 112, 0x400, 4); /* exports */
	set(&b, 0x98 + 116, 0x100, 4);
	memcpy(page + 0x188, ".data\0\0\0", 8);
	set(&b, 0x188 + 8, 0x1800, 4);
	set(&b, 0x188 + 12, 0x1000, 4);
	set(&b, 0x188 + 16, 0x200, 4);
	set(&b, 0x188 + 20, 0x400, 4);
	set(&b, 0x188 + 36, 0xc0000040, 4);
	set(&b, 0x400 + 20, 2, 4);
	set(&b, 0x400 + 24, 2, 4);
	set(&b, 0x400 + 28, 0x440, 4);
	set(&b, 0x400 + 32, 0x450, 4);
	set(&b, 0x400 + 36, 0x460, 4);
	set(&b, 0x440, 0x40, 4);
	set(&b, 0x444, 0x80, 4);
	set(&b, 0x450, 0x470, 4);
	set(&b, 0x454, 0x480, 4);
	set(&b, 0x462, 1, 2);
	memcpy(page + 0x470, "alpha", 6);
	memcpy(page + 0x480, "beta", 5);
}

/* Into that page .pdata of two functions, at 0x80 and at 0xa0, whose prologues are all that x64 knows but vectors:
 *	0x80: push rbx; sub rsp, 32; a part of: push rbp; sub rsp, 48; mov [rsp + 16], rsi
 *	0xa0: push rdi; sub rsp, 16; lea rbp, [rsp + 16] */
static inline void fill_pdata(uint8_t page[4096])
{
	static const uint8_t table[] = { 0x80, 0, 0, 0, 0xa0, 0, 0, 0, 0x40, 5, 0, 0, 0xa0, 0, 0, 0, 0xf0, 0, 0, 0, 0x80, 5, 0, 0 };
	static const uint8_t part[] = { 4 << 3 | 1, 8, 2, 0, 8, 3 << 4 | 2, 4, 3 << 4 | 0,
					0xc0, 0, 0, 0, 0xd0, 0, 0, 0, 0x60, 5, 0, 0 };
	static const uint8_t whole[] = { 1, 6, 5, 0, 6, 6 << 4 | 4, 2, 0, 4, 1, 6, 0, 2, 5 << 4 | 0 };
	static const uint8_t framed[] = { 1, 5, 3, 1 << 4 | 5, 5, 3, 3, 1 << 4 | 2, 1, 7 << 4 | 0 };
	page[0x98 + 112 + 24 + 1] = 5; /* DataDirectory[3] at 0x500 */
	page[0x98 + 112 + 28] = sizeof(table);
	memcpy(page + 0x500, table, sizeof(table));
	memcpy(page + 0x540, part, sizeof(part));
	memcpy(page + 0x560, whole, sizeof(whole));
	memcpy(page + 0x580, framed, sizeof(framed));
}

/* Windows, full memory: two threads, two modules, an access violation. */
static inline struct bytes windows_minidump(void)
{
	static uint8_t page[4096];
	struct minidump m;
	struct bytes s = { 0 };
	minidump_begin(&m);
	minidump_system(&m, 9, 2);
	put(&s, 2, 4);
	put(&s, 0, 4); /* padding that some writers have */
	put_minidump_thread(&s, 100, 0x7000, minidump_context(&m, 0x180000090, 0x20010));
	put_minidump_thread(&s, 104, 0x8000, 0);
	minidump_stream(&m, 3, &s);
	put(&s, 1, 4);
	put(&s, 104, 4);
	put(&s, minidump_string(&m, "pool-1"), 8);
	minidump_stream(&m, 24, &s);
	put(&s, 2, 4);
	put_minidump_module(&s, 0x140000000, 0x1000, 0x5e000000, minidump_string(&m, "C:\\app\\app.exe"), 0, 0);
	put_minidump_module(&s, 0x180000000, 0x3000, 0x5f000001, minidump_string(&m, "C:\\app\\lib.dll"), 0, 0);
	minidump_stream(&m, 4, &s);
	put(&s, 24, 4);
	put(&s, 1, 4);
	put(&s, 4711, 4);
	put_zeros(&s, 12);
	minidump_stream(&m, 15, &s);
	minidump_exception(&m, 100, 0xc0000005, 0, 0x180000090, (uint64_t[]){ 1, 0xdead0 }, 2);
	put(&s, 16, 4);
	put(&s, 48, 4);
	put(&s, 2, 8);
	for (unsigned i = 0; i < 2; i++) {
		put(&s, i ? 0x90000 : 0x20000, 8);
		put(&s, 0, 8);
		put(&s, 4, 8);
		put(&s, 0x2000, 8);
		put(&s, i ? 0x2000 : 0x1000, 4); /* the second is reserved only */
		put(&s, 4, 4);
		put(&s, 0x20000, 8);
	}
	minidump_stream(&m, 16, &s);
	fill_pe(page);
	fill_pdata(page);
	put(&s, 2, 8);
	put(&s, (m.file.size + 7) / 8 * 8 + 16 + 2 * 16, 8);
	put(&s, 0x20000, 8);
	put(&s, 0x1000, 8);
	put(&s, 0x180000000, 8);
	put(&s, 0x1000, 8);
	minidump_stream(&m, 9, &s);
	size_t stack = m.file.size;
	for (unsigned i = 0; i < 0x1000; i++)
		put(&m.file, i % 251, 1);
	set(&m.file, stack + 0x30, 0xb0b0, 8);	   /* rbx */
	set(&m.file, stack + 0x48, 0x5151, 8);	   /* rsi */
	set(&m.file, stack + 0x68, 0x20100, 8);	   /* rbp */
	set(&m.file, stack + 0x70, 0x1800000f0, 8); /* a return address at the very end of the second function */
	set(&m.file, stack + 0x100, 0xd1d1, 8);	   /* rdi */
	put_bytes(&m.file, page, sizeof(page));
	minidump_end(&m, 2);
	return m.file;
}

/* Linux, as LLDB and Breakpad write: maps, an auxiliary vector, two exceptions, memory that is listed twice. */
static inline struct bytes linux_minidump(void)
{
	static const char maps[] = "400000-402000 r-xp 00000000 08:01 42   /opt/app\n"
				   "602000-603000 rw-p 00002000 08:01 42   /opt/app\n"
				   "7ff000-801000 rw-p 00000000 00:00 0    [stack]\n"
				   "nonsense\n";
	static const char status[] = "Name:\tapp\nState:\tt\nPid:\t4321\n";
	static const char command[] = "app\0--verbose\0";
	struct minidump m;
	struct bytes s = { 0 };
	minidump_begin(&m);
	minidump_system(&m, 9, 0x8201);
	put(&s, 2, 4);
	put_minidump_thread(&s, 4321, 0, minidump_context(&m, 0x400010, 0x7ff100));
	put_minidump_thread(&s, 4322, 0x12345000, minidump_context(&m, 0x400020, 0x7ff200));
	minidump_stream(&m, 3, &s);
	put_bytes(&s, maps, sizeof(maps) - 1);
	minidump_stream(&m, 0x47670009, &s);
	put_bytes(&s, status, sizeof(status) - 1);
	minidump_stream(&m, 0x47670004, &s);
	put_bytes(&s, command, sizeof(command) - 1);
	minidump_stream(&m, 0x47670006, &s);
	put(&s, 9, 8);
	put(&s, 0x400000, 8);
	put_zeros(&s, 16);
	minidump_stream(&m, 0x47670008, &s);
	uint32_t id = minidump_bytes(&m, "LEpB\x01\x23\xab\xcd\xef\x45\x67\x89", 12);
	put(&s, 1, 4);
	put_minidump_module(&s, 0x400000, 0x10, 0, minidump_string(&m, "/opt/app"), id, 12);
	minidump_stream(&m, 4, &s);
	minidump_exception(&m, 4321, 19, 0, 0x400010, NULL, 0);
	minidump_exception(&m, 4322, 11, 1, 0xbad0, NULL, 0);
	static uint8_t stack[4096];
	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = (uint8_t)(i % 241);
	uint32_t rva = minidump_bytes(&m, stack, sizeof(stack));
	put(&s, 2, 4);
	put(&s, 0x7ff000, 8);
	put(&s, 4096, 4);
	put(&s, rva, 4);
	put(&s, 0x7ff100, 8);
	put(&s, 256, 4);
	put(&s, rva + 256, 4);
	minidump_stream(&m, 5, &s);
	minidump_end(&m, 0);
	return m.file;
}

#endif
