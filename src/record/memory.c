/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory.json and what `pyheap memory` prints. */
#include "record/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "record/json.h"
#include "record/json_read.h"
#include "record/render.h"

#define TYPES_SHOWN 15

static const struct {
	const char *key, *group, *text;
} kinds[] = {
#define PH_MEMORY(name, key, group, text) { key, group, text },
#include "record/memory.def"
#undef PH_MEMORY
};

void ph_memory_deinit(struct ph_memory *memory)
{
	ph_arena_deinit(&memory->arena);
	*memory = (struct ph_memory){ 0 };
}

const char *ph_memory_key(enum ph_memory_kind kind)
{
	return (unsigned)kind < PH_MEMORY_COUNT ? kinds[kind].key : "?";
}

void ph_memory_put_json(const struct ph_memory *memory, struct ph_json *j)
{
	ph_json_put_known(j, "total", (int64_t)memory->total, 0);
	ph_json_put_known(j, "in_image", (int64_t)memory->in_image, 0);
	ph_json_key(j, "rows");
	ph_json_array(j, false);
	for (unsigned i = 0; i < PH_MEMORY_COUNT && memory->total; i++) {
		ph_json_object(j, true);
		ph_json_put_string(j, "what", kinds[i].key);
		ph_json_put_uint(j, "bytes", memory->rows[i].bytes);
		ph_json_put_uint(j, "count", memory->rows[i].count);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
	ph_json_key(j, "types");
	ph_json_array(j, false);
	for (size_t i = 0; i < memory->type_count; i++) {
		ph_json_object(j, true);
		ph_json_put_string(j, "type", memory->types[i].name);
		ph_json_put_string(j, "module", memory->types[i].module);
		ph_json_put_uint(j, "count", memory->types[i].count);
		ph_json_put_uint(j, "held", memory->types[i].held);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
}

void ph_memory_json(const struct ph_memory *memory, struct ph_buffer *out)
{
	struct ph_json j = ph_json(out, 1);
	ph_json_object(&j, false);
	ph_memory_put_json(memory, &j);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

static struct ph_error *parse(struct json_object *root, struct ph_memory *memory)
{
	size_t count;
	uint64_t sum = 0;
	struct json_object *rows = ph_json_get_array(root, "rows", &count);
	memory->total = ph_json_get_uint(root, "total");
	memory->in_image = ph_json_get_uint(root, "in_image");
	for (size_t i = 0; i < count; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *what = ph_json_get_string(&memory->arena, row, "what");
		/* of a newer writer: it is memory all the same */
		unsigned kind = PH_MEMORY_OTHER;
		for (unsigned k = 0; what && k < PH_MEMORY_COUNT; k++)
			if (!strcmp(what, kinds[k].key))
				kind = k;
		memory->rows[kind].bytes += ph_json_get_uint(row, "bytes");
		memory->rows[kind].count += ph_json_get_uint(row, "count");
		sum += ph_json_get_uint(row, "bytes");
	}
	if (sum != memory->total)
		return ph_error_create(PH_ERROR_BAD_DUMP, "memory.json: its rows do not add up to the total");
	struct json_object *types = ph_json_get_array(root, "types", &count);
	memory->types = ph_arena_array(&memory->arena, struct ph_memory_type, count ? count : 1);
	if (!memory->types)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++) {
		struct json_object *type = json_object_array_get_idx(types, i);
		memory->types[memory->type_count++] = (struct ph_memory_type){
			.name = ph_json_get_string(&memory->arena, type, "type"),
			.module = ph_json_get_string(&memory->arena, type, "module"),
			.count = ph_json_get_uint(type, "count"),
			.held = ph_json_get_uint(type, "held"),
		};
	}
	return NULL;
}

struct ph_error *ph_memory_parse(const char *json, size_t size, struct ph_memory *ret)
{
	ph_auto_json_object struct json_object *root = NULL;
	struct ph_memory memory = { 0 };
	struct ph_error *error = ph_json_read(json, size, "memory.json", &root);
	if (!error)
		error = parse(root, &memory);
	if (error)
		ph_memory_deinit(&memory);
	else
		*ret = memory;
	return error;
}

/* ---- text ---- */

void ph_put_bytes(uint64_t bytes, struct ph_buffer *out)
{
	static const char units[] = "kMGTPE";
	double size = (double)bytes;
	int unit = -1;
	while (size >= 1000 && units[unit + 1]) {
		size /= 1000;
		unit++;
	}
	if (unit < 0)
		ph_buffer_printf(out, "%" PRIu64 " bytes", bytes);
	else
		ph_buffer_printf(out, "%.1f %cB", size, units[unit]);
}

static void put_row(uint64_t bytes, uint64_t total, uint64_t count, const char *text, struct ph_buffer *out)
{
	ph_buffer_printf(out, "%16" PRIu64 " %6.1f %% %10" PRIu64 "  %s\n", bytes,
			 total ? (double)bytes * 100 / (double)total : 0, count, text);
}

static uint64_t sum(const struct ph_memory *m, unsigned first, unsigned last)
{
	uint64_t bytes = 0;
	for (unsigned i = first; i <= last; i++)
		bytes += m->rows[i].bytes;
	return bytes;
}

/* Why the process is larger than what its objects take, and what to do about it: each part that is worth a word. */
struct part {
	uint64_t bytes;
	const char *what, *why; /* why NULL: nothing to add */
};

static int by_bytes(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : strcmp(x->what, y->what);
}

static void put_part(const struct part *part, const char *mark, struct ph_buffer *out)
{
	ph_auto_buffer struct ph_buffer size = PH_BUFFER(64);
	ph_put_bytes(part->bytes, &size);
	ph_buffer_printf(out, "%12s  %s%s\n", ph_buffer_text(&size), mark, part->what);
	if (part->why)
		ph_buffer_printf(out, "%12s  %s\n", "", part->why);
}

/* The rows of one use in all three allocators. */
#define OF_ALL(use)                                                                                 \
	(r[PH_MEMORY_POOL_##use].bytes + r[PH_MEMORY_MALLOC_##use].bytes + r[PH_MEMORY_MIMALLOC_##use].bytes)

static void put_summary(const struct ph_memory *m, struct ph_buffer *out)
{
	const struct ph_memory_row *r = m->rows;
	uint64_t python = OF_ALL(OBJECTS) + OF_ALL(OWNED);
	uint64_t malloc_free = r[PH_MEMORY_MALLOC_FREE].bytes + r[PH_MEMORY_MALLOC_CACHED].bytes +
			       r[PH_MEMORY_MALLOC_TOP].bytes;
	uint64_t pool_free = r[PH_MEMORY_POOL_FREE].bytes + r[PH_MEMORY_POOL_UNUSED].bytes +
			     r[PH_MEMORY_MIMALLOC_FREE].bytes;
	struct part parts[] = {
		{ OF_ALL(NATIVE) + OF_ALL(OTHER), "native memory: of the interpreter, extension modules and libraries",
		  "If it grows while Python's objects do not, a library leaks or caches." },
		{ pool_free, "free, kept by Python's allocator",
		  "It gives an arena back when nothing is left in it: one object is enough to keep it." },
		{ malloc_free, "free, kept by malloc",
		  "What is behind the last block in use goes back; malloc_trim(0) or MALLOC_ARENA_MAX=2 gives more." },
		{ OF_ALL(OVERHEAD), "headers of the allocators, and what rounding up costs", NULL },
		{ r[PH_MEMORY_FRAMES].bytes + r[PH_MEMORY_STACK_USED].bytes, "stacks in use", NULL },
		{ sum(m, PH_MEMORY_MODULE_DATA, PH_MEMORY_MODULE_TEXT), "the program, its libraries and mapped files",
		  "Most of it is shared with other processes." },
		{ r[PH_MEMORY_OTHER].bytes, "anonymous mappings of nobody that is known here",
		  "Other allocators (jemalloc, tcmalloc), device drivers, shared memory." },
	};
	const struct part idle[] = {
		{ r[PH_MEMORY_STACK_UNUSED].bytes, "stacks that were never reached", NULL },
		{ r[PH_MEMORY_MIMALLOC_UNUSED].bytes, "free pages of mimalloc, most never touched or given back",
		  NULL },
		{ r[PH_MEMORY_INACCESSIBLE].bytes + r[PH_MEMORY_MIMALLOC_REST].bytes, "addresses that are only reserved",
		  NULL },
		{ r[PH_MEMORY_ABSENT].bytes, "mappings of which the core holds nothing: never touched, or left out of it",
		  NULL },
	};
	const struct part objects = { python, "Python's objects with their tables, arrays and text", NULL };
	uint64_t rest = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		rest += parts[i].bytes;
	qsort(parts, sizeof(parts) / sizeof(*parts), sizeof(*parts), by_bytes);
	ph_buffer_puts(out, "\nIn short, why the process takes more than its objects:\n");
	put_part(&objects, "", out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && parts[i].bytes; i++) {
		/* a word for what is worth one */
		if (parts[i].bytes < (python + rest) / 20)
			parts[i].why = NULL;
		put_part(&parts[i], "+ ", out);
	}
	const struct part all = { python + rest, "= about what RSS can be at most, less what is swapped out", NULL };
	put_part(&all, "", out);
	ph_buffer_puts(out, "Counted in VSZ, and hardly in RSS:\n");
	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		if (idle[i].bytes)
			put_part(&idle[i], "", out);
}

static void put_types(const struct ph_memory *m, size_t shown, struct ph_buffer *out)
{
	ph_buffer_puts(out, "\nTypes by what their instances hold, tables and arrays included:\n\n"
			    "           bytes                count  type\n");
	for (size_t i = 0; i < m->type_count && i < shown; i++) {
		const struct ph_memory_type *type = &m->types[i];
		ph_buffer_printf(out, "%16" PRIu64 " %20" PRIu64 "  ", type->held, type->count);
		if (type->module && strcmp(type->module, "builtins") != 0) {
			ph_escape_terminal(type->module, strlen(type->module), false, out);
			ph_buffer_putc(out, '.');
		}
		if (type->name)
			ph_escape_terminal(type->name, strlen(type->name), false, out);
		ph_buffer_putc(out, '\n');
	}
	if (m->type_count > shown)
		ph_buffer_printf(out, "… and %zu more; --full shows them\n", m->type_count - shown);
}

void ph_memory_text(const struct ph_memory *memory, bool in_full, struct ph_buffer *out)
{
	const char *group = "";
	if (!memory->total) {
		ph_buffer_puts(out, "What was mapped is not known.\n");
		put_types(memory, in_full ? memory->type_count : TYPES_SHOWN, out);
		return;
	}
	ph_buffer_puts(out, "Mapped: ");
	ph_put_bytes(memory->total, out);
	ph_buffer_puts(out, ", of which the image holds ");
	ph_put_bytes(memory->in_image, out);
	ph_buffer_puts(out, "\n\n           bytes    share      count\n");
	for (unsigned i = 0; i < PH_MEMORY_COUNT; i++) {
		const struct ph_memory_row *row = &memory->rows[i];
		if (!row->bytes && !in_full)
			continue;
		if (strcmp(group, kinds[i].group) != 0)
			ph_buffer_printf(out, "%s\n", kinds[i].group);
		group = kinds[i].group;
		put_row(row->bytes, memory->total, row->count, kinds[i].text, out);
	}
	put_row(memory->total, memory->total, 0, "in all", out);
	put_summary(memory, out);
	put_types(memory, in_full ? memory->type_count : TYPES_SHOWN, out);
}
