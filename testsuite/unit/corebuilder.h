/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Synthetic ELF cores, written byte by byte from the gABI and the kernel's
 * binfmt_elf.c.  Shares nothing with src/image on purpose. */
#ifndef UNIT_COREBUILDER_H
#define UNIT_COREBUILDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
	uint8_t *data;
	size_t size, capacity;
};

static inline uint8_t *make_room(struct bytes *b, size_t size)
{
	if (b->size + size + 1 > b->capacity) {
		b->capacity = 2 * (b->size + size + 1);
		b->data = realloc(b->data, b->capacity);
	}
	b->size += size;
	return b->data + b->size - size;
}

static inline void put_bytes(struct bytes *b, const void *data, size_t size)
{
	if (size > (size_t)1 << 32)
		abort();
	uint8_t *to = make_room(b, size);
	if (size)
		memcpy(to, data, size);
}

static inline void put_zeros(struct bytes *b, size_t size)
{
	memset(make_room(b, size), 0, size);
}

static inline void put(struct bytes *b, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i);
		put_bytes(b, &byte, 1);
	}
}

static inline void set(struct bytes *b, size_t at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		b->data[at + i] = (uint8_t)(value >> 8 * i);
}

static inline void put_note(struct bytes *b, uint32_t type, const struct bytes *desc)
{
	put(b, 5, 4);
	put(b, desc->size, 4);
	put(b, type, 4);
	put_bytes(b, "CORE\0\0\0", 8);
	put_bytes(b, desc->data, desc->size);
	put_zeros(b, (4 - desc->size % 4) % 4);
}

/* A thread: registers by their place in struct user_regs_struct of x86-64. */
static inline void put_thread(struct bytes *notes, int tid, int signal, uint64_t pc, uint64_t sp, int64_t orig_ax)
{
	struct bytes d = { 0 };
	put_zeros(&d, 336);
	set(&d, 12, (uint64_t)signal, 2);
	set(&d, 32, (uint64_t)tid, 4);
	for (unsigned i = 0; i < 27; i++)
		set(&d, 112 + 8 * i, 0x1000 + i, 8);
	set(&d, 112 + 8 * 15, (uint64_t)orig_ax, 8);
	set(&d, 112 + 8 * 16, pc, 8);
	set(&d, 112 + 8 * 19, sp, 8);
	put_note(notes, 1, &d);
	free(d.data);
}

static inline void put_psinfo(struct bytes *notes, int pid, const char *name, const char *arguments)
{
	struct bytes d = { 0 };
	put_zeros(&d, 136);
	set(&d, 24, (uint64_t)pid, 4);
	memcpy(d.data + 40, name, strlen(name));
	memcpy(d.data + 56, arguments, strlen(arguments));
	put_note(notes, 3, &d);
	free(d.data);
}

static inline void put_siginfo(struct bytes *notes, int signal, int code, uint64_t address)
{
	struct bytes d = { 0 };
	put_zeros(&d, 128);
	set(&d, 0, (uint64_t)signal, 4);
	set(&d, 8, (uint64_t)code, 4);
	set(&d, 16, address, 8);
	put_note(notes, 0x53494749, &d);
	free(d.data);
}

struct mapped_file {
	uint64_t start, end, page_offset;
	const char *path;
};

static inline void put_files(struct bytes *notes, const struct mapped_file *files, size_t count)
{
	struct bytes d = { 0 };
	put(&d, count, 8);
	put(&d, 4096, 8);
	for (size_t i = 0; i < count; i++) {
		put(&d, files[i].start, 8);
		put(&d, files[i].end, 8);
		put(&d, files[i].page_offset, 8);
	}
	for (size_t i = 0; i < count; i++)
		put_bytes(&d, files[i].path, strlen(files[i].path) + 1);
	put_note(notes, 0x46494c45, &d);
	free(d.data);
}

static inline void put_auxv(struct bytes *notes, const uint64_t *pairs, size_t count)
{
	struct bytes d = { 0 };
	for (size_t i = 0; i < 2 * count; i++)
		put(&d, pairs[i], 8);
	put_zeros(&d, 16);
	put_note(notes, 6, &d);
	free(d.data);
}

struct load {
	uint64_t address, size; /* in memory */
	unsigned flags;		/* 4 read, 2 write, 1 execute */
	const void *data;
	size_t data_size; /* in the file */
};

#define CORE_PHDR(i) (64 + 56 * (size_t)(i))

/* Header, program headers (the notes first), notes, padding to a page, contents. */
static inline struct bytes build_core(const struct bytes *notes, const struct load *loads, size_t count)
{
	struct bytes core = { 0 };
	uint64_t offset = 64 + 56 * (count + 1);
	put_bytes(&core, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16);
	put(&core, 4, 2);  /* ET_CORE */
	put(&core, 62, 2); /* EM_X86_64 */
	put(&core, 1, 4);
	put(&core, 0, 8);
	put(&core, 64, 8);
	put(&core, 0, 8);
	put(&core, 0, 4);
	put(&core, 64, 2);
	put(&core, 56, 2);
	put(&core, count + 1, 2);
	put(&core, 0, 6);
	put(&core, 4, 4); /* PT_NOTE */
	put(&core, 0, 4);
	put(&core, offset, 8);
	put_zeros(&core, 16);
	put(&core, notes->size, 8);
	put(&core, 0, 8);
	put(&core, 4, 8);
	offset = (offset + notes->size + 4095) / 4096 * 4096;
	for (size_t i = 0; i < count; i++) {
		put(&core, 1, 4); /* PT_LOAD */
		put(&core, loads[i].flags, 4);
		put(&core, offset, 8);
		put(&core, loads[i].address, 8);
		put(&core, 0, 8);
		put(&core, loads[i].data_size, 8);
		put(&core, loads[i].size, 8);
		put(&core, 4096, 8);
		offset += loads[i].data_size;
	}
	put_bytes(&core, notes->data, notes->size);
	put_zeros(&core, (4096 - core.size % 4096) % 4096);
	for (size_t i = 0; i < count; i++)
		put_bytes(&core, loads[i].data, loads[i].data_size);
	return core;
}

#endif
