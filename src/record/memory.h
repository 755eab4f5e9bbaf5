/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every byte of a process's memory is for: memory.json of the dump (doc/dump-format.md), `pyheap memory`. */
#ifndef RECORD_MEMORY_H
#define RECORD_MEMORY_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "record/json.h"

/* Rows: PH_MEMORY(NAME, key in the JSON, group, what text says).  The keys are part of the dump's format. */
enum ph_memory_kind {
#define PH_MEMORY(name, key, group, text) PH_MEMORY_##name,
#include "record/memory.def"
#undef PH_MEMORY
	PH_MEMORY_COUNT
};

struct ph_memory_row {
	uint64_t bytes;
	uint64_t count; /* of objects, blocks, mappings … */
};

struct ph_memory_type { /* objects of one type with what they hold */
	const char *name, *module; /* module NULL unknown */
	uint64_t count;
	/* bytes: whole blocks, with those of tables and arrays; shared ones once, for whom they came first */
	uint64_t held;
};

struct ph_memory {
	uint64_t total; /* bytes mapped: the sum of the rows' */
	uint64_t in_image; /* of these the image holds so many: what was resident, or swapped out, or is in a module */
	struct ph_memory_row rows[PH_MEMORY_COUNT];
	struct ph_memory_type *types; /* by bytes held, the most first; at most PH_MEMORY_TYPES */
	size_t type_count;
	struct ph_arena arena; /* the names */
};
#define PH_MEMORY_TYPES 1000

void ph_memory_deinit(struct ph_memory *memory);
#define ph_auto_memory ph_cleanup(ph_memory_deinit)

const char *ph_memory_key(enum ph_memory_kind kind);

/* Its keys, into an object that is open. */
void ph_memory_put_json(const struct ph_memory *memory, struct ph_json *json);
void ph_memory_json(const struct ph_memory *memory, struct ph_buffer *out); /* one object, a newline behind */
void ph_memory_text(const struct ph_memory *memory, bool in_full, struct ph_buffer *out);
void ph_put_bytes(uint64_t bytes, struct ph_buffer *out); /* "21.7 MB" */
/* PH_ERROR_BAD_DUMP also when the rows do not add up to the total. */
struct ph_error *ph_memory_parse(const char *json, size_t size, struct ph_memory *ret)
	__attribute__((warn_unused_result));

#endif
