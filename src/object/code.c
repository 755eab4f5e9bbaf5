/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "object/code.h"

#include <string.h>

/* Fast locals of one code object that are believed. */
#define MAX_LOCALSPLUS 32768

void ph_code_cache_deinit(struct ph_code_cache *cache)
{
	ph_addrmap_deinit(&cache->map);
	ph_addrmap_deinit(&cache->modules);
	ph_arena_deinit(&cache->arena);
}

static ph_addr code_ptr(struct ph_objects *objects, ph_addr code, enum ph_field field)
{
	ph_addr value = 0;
	(void)ph_target_ptr(ph_objects_target(objects), code, field, &value);
	return value;
}

static int64_t code_int(struct ph_objects *objects, ph_addr code, enum ph_field field)
{
	int64_t value = 0;
	(void)ph_target_int(ph_objects_target(objects), code, field, &value);
	return value;
}

/* Names and kinds from one tuple of names, all of one kind. */
struct names {
	ph_addr items;
	size_t count;
};

static struct names load_names(struct ph_objects *objects, ph_addr tuple)
{
	struct names names = { 0 };
	if (!tuple || ph_sequence_items(objects, tuple, &names.items, &names.count) != PH_OK)
		names.count = 0;
	if (names.count > MAX_LOCALSPLUS)
		names.count = MAX_LOCALSPLUS;
	return names;
}

static void add_names(struct ph_objects *objects, struct ph_code_cache *cache, struct ph_code *code,
		      const struct names *names, uint8_t kind)
{
	const struct ph_target *target = ph_objects_target(objects);
	for (size_t i = 0; i < names->count; i++) {
		ph_addr name = 0;
		(void)ph_target_read_ptr(target, names->items + i * target->layout.abi.pointer_size, &name);
		code->localsplus_names[code->localsplus_count] = ph_str_get(objects, name, &cache->arena);
		code->localsplus_kinds[code->localsplus_count++] = kind;
	}
}

static bool alloc_names(struct ph_code_cache *cache, struct ph_code *code, size_t count)
{
	code->localsplus_names = ph_arena_array(&cache->arena, const char *, count ? count : 1);
	code->localsplus_kinds = ph_arena_array(&cache->arena, uint8_t, count ? count : 1);
	return code->localsplus_names && code->localsplus_kinds;
}

/* Up to 3.10: co_varnames, co_cellvars, co_freevars, in that order in the frame
 * (Objects/frameobject.c, PyFrame_FastToLocalsWithError). */
static bool load_separate_names(struct ph_objects *objects, struct ph_code_cache *cache, struct ph_code *code)
{
	struct names locals = load_names(objects, code_ptr(objects, code->address, PH_PyCodeObject_co_varnames));
	struct names cells = load_names(objects, code_ptr(objects, code->address, PH_PyCodeObject_co_cellvars));
	struct names frees = load_names(objects, code_ptr(objects, code->address, PH_PyCodeObject_co_freevars));

	if (!alloc_names(cache, code, locals.count + cells.count + frees.count))
		return false;
	add_names(objects, cache, code, &locals, PH_FAST_LOCAL);
	add_names(objects, cache, code, &cells, PH_FAST_CELL);
	add_names(objects, cache, code, &frees, PH_FAST_FREE);
	return true;
}

/* A byte of co_localspluskinds in our own bits. */
static uint8_t common_kind(const struct ph_target *target, uint8_t kind)
{
	static const struct {
		enum ph_trait trait;
		uint8_t bit;
	} bits[] = {
		{ PH_TRAIT_LOCALSPLUS_HIDDEN, PH_FAST_HIDDEN },
		{ PH_TRAIT_LOCALSPLUS_LOCAL, PH_FAST_LOCAL },
		{ PH_TRAIT_LOCALSPLUS_CELL, PH_FAST_CELL },
		{ PH_TRAIT_LOCALSPLUS_FREE, PH_FAST_FREE },
	};
	uint8_t common = 0;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		int32_t mask = ph_target_trait(target, bits[i].trait);
		if (mask > 0 && kind & mask)
			common |= bits[i].bit;
	}
	return common;
}

/* 3.11 and later: co_localsplusnames with a byte of kind each in co_localspluskinds. */
static bool load_joined_names(struct ph_objects *objects, struct ph_code_cache *cache, struct ph_code *code)
{
	struct names names =
		load_names(objects, code_ptr(objects, code->address, PH_PyCodeObject_co_localsplusnames));
	size_t kinds_size = 0;
	const uint8_t *kinds = ph_bytes_view(
		objects, code_ptr(objects, code->address, PH_PyCodeObject_co_localspluskinds), &kinds_size);

	if (!alloc_names(cache, code, names.count))
		return false;
	add_names(objects, cache, code, &names, PH_FAST_LOCAL);
	for (size_t i = 0; kinds && i < names.count && i < kinds_size; i++)
		code->localsplus_kinds[i] = common_kind(ph_objects_target(objects), kinds[i]);
	return true;
}

static void load_bytecode(struct ph_objects *objects, struct ph_code *code)
{
	struct ph_target *target = ph_objects_target(objects);
	if (ph_target_has(target, PH_PyCodeObject_co_code_adaptive)) {
		/* ob_size counts code units */
		int64_t units = code_int(objects, code->address, PH_PyVarObject_ob_size);
		code->bytecode = ph_target_at(target, code->address, PH_PyCodeObject_co_code_adaptive);
		code->bytecode_size = units > 0 && units < INT32_MAX ? (size_t)units * 2 : 0;
		return;
	}
	ph_addr bytes = code_ptr(objects, code->address, PH_PyCodeObject_co_code);
	size_t size = 0;
	if (bytes && ph_bytes_view(objects, bytes, &size)) {
		code->bytecode = ph_target_at(target, bytes, PH_PyBytesObject_ob_sval);
		code->bytecode_size = size;
	}
}

static void load_numbers(struct ph_objects *objects, struct ph_code *code)
{
	struct ph_target *target = ph_objects_target(objects);
	int64_t stacksize = code_int(objects, code->address, PH_PyCodeObject_co_stacksize);
	int64_t arguments = code_int(objects, code->address, PH_PyCodeObject_co_argcount);
	int64_t keywords = code_int(objects, code->address, PH_PyCodeObject_co_kwonlyargcount);

	code->flags = (uint32_t)code_int(objects, code->address, PH_PyCodeObject_co_flags);
	code->firstlineno = (int)code_int(objects, code->address, PH_PyCodeObject_co_firstlineno);
	code->nlocals = (int)code_int(objects, code->address, PH_PyCodeObject_co_nlocals);
	code->stacksize = stacksize > 0 && stacksize <= MAX_LOCALSPLUS ? (size_t)stacksize : 0;
	if (arguments < 0 || arguments > MAX_LOCALSPLUS)
		arguments = 0;
	if (keywords < 0 || keywords > MAX_LOCALSPLUS)
		keywords = 0;
	code->argcount = (int)(arguments + keywords) +
			 !!(code->flags & (uint32_t)ph_target_trait(target, PH_TRAIT_CO_FLAG_VARARGS)) +
			 !!(code->flags & (uint32_t)ph_target_trait(target, PH_TRAIT_CO_FLAG_VARKEYWORDS));
	if (ph_target_has(target, PH_PyCodeObject__co_firsttraceable))
		code->first_traceable = ph_target_trait(target, PH_TRAIT_CODE_UNIT_SIZE) *
					code_int(objects, code->address, PH_PyCodeObject__co_firsttraceable);
	code->linetable = code_ptr(objects, code->address,
				   ph_target_has(target, PH_PyCodeObject_co_linetable) ? PH_PyCodeObject_co_linetable :
											 PH_PyCodeObject_co_lnotab);
}

/* Told by its parts, not by its type's name, which a core may lack. */
static struct ph_code *load_code(struct ph_objects *objects, struct ph_code_cache *cache, ph_addr address)
{
	struct ph_target *target = ph_objects_target(objects);
	const char *name = ph_str_get(objects, code_ptr(objects, address, PH_PyCodeObject_co_name), &cache->arena);
	if (!name)
		return NULL;
	const char *file = ph_str_get(objects, code_ptr(objects, address, PH_PyCodeObject_co_filename), &cache->arena);
	if (!file)
		return NULL;
	struct ph_code *code = ph_arena_new(&cache->arena, struct ph_code);
	if (!code)
		return NULL;
	code->address = address;
	code->name = name;
	code->filename = file;
	if (ph_target_has(target, PH_PyCodeObject_co_qualname))
		code->qualname = ph_str_get(objects, code_ptr(objects, address, PH_PyCodeObject_co_qualname),
					    &cache->arena);
	load_numbers(objects, code);
	load_bytecode(objects, code);
	bool joined = ph_target_has(target, PH_PyCodeObject_co_localsplusnames);
	if (!code->bytecode ||
	    !(joined ? load_joined_names(objects, cache, code) : load_separate_names(objects, cache, code)))
		return NULL;
	return code;
}

const struct ph_code *ph_code_get(struct ph_objects *objects, ph_addr address)
{
	struct ph_code_cache *cache = ph_objects_code_cache(objects);
	if (!address)
		return NULL;
	uint64_t *known = ph_addrmap_find(&cache->map, address);
	if (known)
		return (const struct ph_code *)(uintptr_t)*known;
	struct ph_code *code = load_code(objects, cache, address);
	(void)ph_addrmap_set(&cache->map, address, (uint64_t)(uintptr_t)code, true);
	return code;
}

struct ph_position ph_code_position(struct ph_objects *objects, const struct ph_code *code, int64_t lasti)
{
	struct ph_position position = { .column = -1, .end_column = -1 };
	struct ph_target *target = ph_objects_target(objects);
	size_t size = 0;
	const uint8_t *table = code->linetable ? ph_bytes_view(objects, code->linetable, &size) : NULL;
	if (!table)
		return position;
	switch (ph_target_trait(target, PH_TRAIT_LINETABLE_FORM)) {
	case 0:
		position.line = ph_linetable_lnotab(table, size, code->firstlineno, lasti);
		break;
	case 3:
		position.line = ph_linetable_lnotab_unsigned(table, size, code->firstlineno, lasti);
		break;
	case 1:
		position.line = ph_linetable_pep626(table, size, code->firstlineno, lasti);
		break;
	default:
		return ph_linetable_locations(table, size, code->firstlineno, lasti);
	}
	position.end_line = position.line;
	return position;
}
