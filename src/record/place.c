/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/place.h"

#include "record/json.h"
#include "record/text_private.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define NULL_PAGES 65536 /* members of a struct at NULL lie below */
#define WORD 8

/* ---- numbers ---- */

const char *ph_place_fill_means(uint8_t byte)
{
	switch (byte) {
	case 0xdd:
	case 0xdb:
		return "freed memory, under the debug hooks of PYTHONMALLOC=debug";
	case 0xcd:
	case 0xcb:
		return "allocated memory that nobody wrote to yet, under the debug hooks of PYTHONMALLOC=debug";
	case 0xfd:
	case 0xfb:
		return "the guard before or behind a block, under the debug hooks of PYTHONMALLOC=debug";
	default:
		return NULL;
	}
}

static const char *text_of(ph_addr number, struct ph_arena *arena)
{
	char text[WORD + 1] = { 0 };
	for (size_t i = 0; i < WORD; i++) {
		text[i] = (char)(number >> 8 * i & 0xff);
		if (!isascii((unsigned char)text[i]) || !isprint((unsigned char)text[i]))
			return NULL;
	}
	return ph_arena_printf(arena, "no address: the text \"%s\", which something was written over with", text);
}

const char *ph_place_number_means(ph_addr number, struct ph_arena *arena)
{
	uint8_t top = (uint8_t)(number >> 56);
	uint64_t filled = top * UINT64_C(0x0101010101010101), offset = number - filled;
	const char *means = ph_place_fill_means(top), *text;
	if (!number)
		return "NULL";
	if (number < NULL_PAGES)
		return ph_arena_printf(
			arena, "NULL and an offset: the member at %" PRIu64 " of a struct that is not there", number);
	/* what was added to it is a member's offset, to either side */
	if (means && offset + NULL_PAGES < 2 * NULL_PAGES)
		return ph_arena_printf(arena, "no address: read from %s%s", means,
				       offset ? ", and an offset added" : "");
	text = text_of(number, arena);
	if (text)
		return text;
	uint64_t high = number >> 47;
	return high && high != 0x1ffff ? "no address of this machine: its upper bits differ" : NULL;
}

/* ---- JSON ---- */

static void put_object_json(struct ph_json *j, const char *key, const struct ph_place_object *o)
{
	ph_json_key(j, key);
	if (!o->address) {
		ph_json_null(j);
		return;
	}
	ph_json_object(j, true);
	ph_json_put_address(j, "address", o->address);
	ph_json_put_string(j, "type", o->type);
	ph_json_put_string(j, "module", o->module);
	ph_json_put_known(j, "size", o->size, INT64_MIN);
	ph_json_put_known(j, "refcount", o->refcount, INT64_MIN);
	ph_json_put_string(j, "repr", o->repr);
	ph_json_object_end(j);
}

static const char *state_name(enum ph_place_state state)
{
	return state == PH_PLACE_FREE ? "free" : state == PH_PLACE_ALLOCATED ? "allocated" : NULL;
}

static void put_block_json(struct ph_json *j, const struct ph_place *p)
{
	ph_json_key(j, "block");
	if (!p->pool) {
		ph_json_null(j);
		return;
	}
	ph_json_object(j, true);
	ph_json_put_address(j, "address", p->block);
	ph_json_put_known(j, "size", p->block_size, 0);
	ph_json_put_known(j, "index", p->block_size ? (int64_t)p->block_index : -1, -1);
	ph_json_put_string(j, "state", state_name(p->state));
	ph_json_put_address(j, "pool", p->pool);
	ph_json_put_uint(j, "pool_blocks", p->pool_blocks);
	ph_json_put_uint(j, "pool_used", p->pool_used);
	ph_json_put_uint(j, "arena", p->arena);
	ph_json_object_end(j);
}

static void put_memory_json(struct ph_json *j, const struct ph_place *p)
{
	ph_json_key(j, "mapping");
	if (p->mapping_start) {
		ph_json_object(j, true);
		ph_json_put_address(j, "start", p->mapping_start);
		ph_json_put_address(j, "end", p->mapping_end);
		ph_json_put_string(j, "permissions", p->permissions);
		ph_json_object_end(j);
	} else {
		ph_json_null(j);
	}
	ph_json_put_string(j, "file", p->module);
	ph_json_put_known(j, "file_offset", p->module ? (int64_t)p->module_offset : -1, -1);
	ph_json_put_string(j, "section", p->section);
	ph_json_put_string(j, "symbol", p->symbol);
	ph_json_key(j, "stack");
	if (p->stack_lwp) {
		ph_json_object(j, true);
		ph_json_put_int(j, "native_id", p->stack_lwp);
		ph_json_put_string(j, "name", p->stack_name);
		ph_json_put_int(j, "from_stack_pointer", p->stack_offset);
		ph_json_object_end(j);
	} else {
		ph_json_null(j);
	}
}

void ph_place_json(const struct ph_place *p, struct ph_buffer *out)
{
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_address(&j, "address", p->address);
	ph_json_put_string(&j, "number", p->number);
	ph_json_key(&j, "mapped");
	if (p->from_dump && !p->is_mapped)
		ph_json_null(&j);
	else
		ph_json_bool(&j, p->is_mapped);
	ph_json_key(&j, "holds");
	if (p->has_word)
		ph_json_address(&j, p->word);
	else
		ph_json_null(&j);
	put_object_json(&j, "holds_object", &p->word_object);
	ph_json_put_string(&j, "holds_symbol", p->word_symbol);
	put_object_json(&j, "object", &p->object);
	ph_json_put_known(&j, "offset", p->object.address ? p->offset : INT64_MIN, INT64_MIN);
	ph_json_put_string(&j, "member", p->member);
	put_object_json(&j, "owner", &p->owner);
	ph_json_put_string(&j, "owner_member", p->owner_member);
	ph_json_put_address(&j, "owner_block", p->owner_block);
	ph_json_put_known(&j, "owner_index", p->owner.address ? p->owner_index : -1, -1);
	put_block_json(&j, p);
	ph_json_put_known(&j, "fill", p->fill, -1);
	ph_json_put_string(&j, "fill_means", p->fill_means);
	put_memory_json(&j, p);
	put_object_json(&j, "before", &p->before);
	put_object_json(&j, "after", &p->after);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

/* ---- text ---- */

static void put_object(struct ph_text *t, const struct ph_place_object *o)
{
	ph_buffer_printf(t->out, "0x%" PRIx64 ", ", o->address);
	if (o->module && strcmp(o->module, "builtins") != 0) {
		ph_text_put(t, o->module);
		ph_buffer_putc(t->out, '.');
	}
	ph_text_put(t, o->type ? o->type : "of unknown type");
	if (o->size != INT64_MIN)
		ph_buffer_printf(t->out, ", %" PRId64 " bytes", o->size);
	if (o->refcount == -1)
		ph_buffer_puts(t->out, ", immortal");
	else if (o->refcount != INT64_MIN)
		ph_buffer_printf(t->out, ", refcount %" PRId64, o->refcount);
	if (o->repr) {
		ph_buffer_puts(t->out, ": ");
		ph_text_put(t, o->repr);
	}
	ph_buffer_putc(t->out, '\n');
}

static void put_heading(struct ph_text *t, const char *heading)
{
	ph_buffer_printf(t->out, "  %-8s ", heading);
}

static void put_place_in_object(struct ph_text *t, const struct ph_place *p)
{
	put_heading(t, "object");
	put_object(t, &p->object);
	if (!p->offset)
		return;
	put_heading(t, "member");
	if (p->member)
		ph_text_put(t, p->member);
	else
		ph_buffer_puts(t->out, p->offset < 0 ? "before the object itself" : "unknown");
	ph_buffer_printf(t->out, ", %" PRId64 " bytes %s the object's address\n",
			 p->offset < 0 ? -p->offset : p->offset, p->offset < 0 ? "before" : "behind");
}

static void put_owner(struct ph_text *t, const struct ph_place *p)
{
	put_heading(t, "part of");
	put_object(t, &p->owner);
	put_heading(t, "");
	ph_text_put(t, p->owner_member ? p->owner_member : "a member of it");
	ph_buffer_printf(t->out, " points to 0x%" PRIx64 ", %" PRIu64 " bytes before", p->owner_block,
			 p->address - p->owner_block);
	if (p->owner_index >= 0)
		ph_buffer_printf(t->out, ": item %" PRId64, p->owner_index);
	ph_buffer_putc(t->out, '\n');
}

static void put_block(struct ph_text *t, const struct ph_place *p)
{
	put_heading(t, "block");
	ph_buffer_printf(t->out,
			 "%s, %" PRIu32 " bytes at 0x%" PRIx64 ", number %" PRIu32 " of the pool at 0x%" PRIx64
			 " (%" PRIu32 " of %" PRIu32 " in use), arena %" PRIu32 "\n",
			 p->state == PH_PLACE_UNKNOWN ? "free or allocated (the pool's free list is broken)"
						      : state_name(p->state),
			 p->block_size, p->block, p->block_index, p->pool, p->pool_used, p->pool_blocks, p->arena);
}

static void put_memory(struct ph_text *t, const struct ph_place *p)
{
	if (p->module) {
		put_heading(t, "file");
		ph_text_put(t, p->module);
		ph_buffer_printf(t->out, "+0x%" PRIx64, p->module_offset);
		if (p->section)
			ph_buffer_printf(t->out, ", section %s", p->section);
		if (p->symbol) {
			ph_buffer_puts(t->out, ", ");
			ph_text_put(t, p->symbol);
		}
		ph_buffer_putc(t->out, '\n');
	}
	if (p->stack_lwp) {
		put_heading(t, "stack");
		ph_buffer_puts(t->out, "of thread ");
		if (p->stack_name) {
			ph_text_put(t, p->stack_name);
			ph_buffer_putc(t->out, ' ');
		}
		ph_buffer_printf(t->out, "(LWP %" PRId64 "), %" PRId64 " bytes %s\n", p->stack_lwp,
				 p->stack_offset < 0 ? -p->stack_offset : p->stack_offset,
				 p->stack_offset < 0 ? "below its stack pointer: not in use"
						     : "above its stack pointer");
	}
	if (p->mapping_start) {
		put_heading(t, "mapping");
		ph_buffer_printf(t->out, "0x%" PRIx64 "-0x%" PRIx64 " %s\n", p->mapping_start, p->mapping_end,
				 p->permissions);
	}
}

static void put_word(struct ph_text *t, const struct ph_place *p)
{
	put_heading(t, "holds");
	if (p->word_object.address) {
		put_object(t, &p->word_object);
		return;
	}
	ph_buffer_printf(t->out, "0x%" PRIx64, p->word);
	if (p->word_symbol) {
		ph_buffer_puts(t->out, ", ");
		ph_text_put(t, p->word_symbol);
	}
	ph_buffer_putc(t->out, '\n');
}

static void put_free(struct ph_text *t, const struct ph_place *p)
{
	if (p->fill >= 0) {
		put_heading(t, "full of");
		ph_buffer_printf(t->out, "0x%02x", (unsigned)p->fill);
		ph_buffer_printf(t->out, "%s%s\n", p->fill_means ? ": " : "", p->fill_means ? p->fill_means : "");
	}
	if (p->before.address) {
		put_heading(t, "before");
		put_object(t, &p->before);
	}
	if (p->after.address) {
		put_heading(t, "after");
		put_object(t, &p->after);
	}
}

static void put_title(struct ph_text *t, const struct ph_place *p)
{
	ph_buffer_printf(t->out, "0x%" PRIx64 ": ", p->address);
	if (p->number)
		ph_buffer_puts(t->out, p->number);
	else if (p->object.address)
		ph_buffer_puts(t->out, !p->offset ? "a Python object" : "in a Python object");
	else if (p->owner.address)
		ph_buffer_puts(t->out, "in memory that a Python object owns");
	else if (p->state == PH_PLACE_FREE)
		ph_buffer_puts(t->out, "free memory of pymalloc");
	else if (p->pool && !p->block_size)
		ph_buffer_printf(t->out, "in the header of the pool at 0x%" PRIx64 ", arena %" PRIu32, p->pool,
				 p->arena);
	else if (p->block_size)
		ph_buffer_puts(t->out, "in a block of pymalloc that no object is known to own");
	else if (p->stack_lwp)
		ph_buffer_puts(t->out, "on a thread's stack");
	else if (p->module)
		ph_buffer_puts(t->out, "in a mapped file");
	else if (p->from_dump)
		ph_buffer_puts(t->out, "no object of the dump; it holds nothing of other memory");
	else
		ph_buffer_puts(t->out, p->is_mapped ? "memory that no Python object is known to own" : "not mapped");
	ph_buffer_putc(t->out, '\n');
}

void ph_place_text(const struct ph_place *p, const struct ph_text_options *options, struct ph_buffer *out)
{
	struct ph_text t = { .options = options, .out = out };
	put_title(&t, p);
	if (p->object.address)
		put_place_in_object(&t, p);
	if (p->owner.address)
		put_owner(&t, p);
	if (p->block_size)
		put_block(&t, p);
	if (p->has_word)
		put_word(&t, p);
	put_free(&t, p);
	put_memory(&t, p);
}
