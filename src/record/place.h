/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an address of the process is: the record behind `whatis`.  Strings are borrowed from the arena or static. */
#ifndef RECORD_PLACE_H
#define RECORD_PLACE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/types.h"
#include "record/report.h"

struct ph_place_object {
	ph_addr address; /* 0: there is none */
	const char *type, *module;
	int64_t size, refcount; /* INT64_MIN unknown; refcount -1 immortal */
	const char *repr;	/* NULL: not known, or only in the part of a dump that was left out */
};

enum ph_place_state { PH_PLACE_UNKNOWN, PH_PLACE_ALLOCATED, PH_PLACE_FREE };

struct ph_place {
	ph_addr address;
	const char
		*number; /* what the number says whatever is there: a fill pattern, text, NULL and an offset; or NULL */
	bool from_dump;	    /* only modules and objects are known: nothing is said of what else may be there */
	bool is_mapped;
	bool has_word; /* the 8 bytes there can be read */
	uint64_t word;
	struct ph_place_object word_object; /* that the word points to */
	const char *word_symbol;
	/* the mapping; start 0 unknown */
	ph_addr mapping_start, mapping_end;
	char permissions[4]; /* "rw-" */
	/* the module that is mapped there */
	const char *module; /* its path; NULL none */
	uint64_t module_offset;
	const char *section, *symbol; /* ".data", "name+0x12" */
	/* the thread whose stack it is */
	int64_t stack_lwp; /* 0 none */
	const char *stack_name;
	int64_t stack_offset; /* bytes from its stack pointer */
	/* the object whose own memory it is, with what lies before the object */
	struct ph_place_object object;
	int64_t offset;	    /* from the object's address; negative in what precedes it (the gc's head) */
	const char *member; /* "PyListObject.ob_item", "attribute 'name'"; NULL unknown */
	/* the object that holds a pointer to the block */
	struct ph_place_object owner;
	const char *owner_member;
	ph_addr owner_block;
	int64_t owner_index; /* of the item at the address, -1 none */
	/* pymalloc's pool, 0 none, and block in it, of size 0 in the pool's header */
	ph_addr pool, block;
	uint32_t block_size, block_index, pool_blocks, pool_used, arena;
	enum ph_place_state state;
	int fill; /* the byte that it is full of, -1 none */
	const char *fill_means;
	/* where the memory is free or nobody's: the objects next to it */
	struct ph_place_object before, after;
};

/* What a byte of CPython's debug hooks and what a number is, by itself; NULL nothing.  Objects/obmalloc.c: CLEANBYTE,
 * DEADBYTE and FORBIDDENBYTE, which were 0xcb, 0xdb and 0xfb up to 3.7. */
const char *ph_place_fill_means(uint8_t byte);
const char *ph_place_number_means(ph_addr number, struct ph_arena *arena);

void ph_place_json(const struct ph_place *place, struct ph_buffer *out); /* one line */
void ph_place_text(const struct ph_place *place, const struct ph_text_options *options, struct ph_buffer *out);

#endif
