/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory.json and what `pyheap memory` prints. */
#include "record/memory.h"

#include <inttypes.h>
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
	ph_json_put_uint(j, "total", memory->total);
	ph_json_put_uint(j, "in_image", memory->in_image);
	ph_json_key(j, "rows");
	ph_json_array(j, false);
	for (unsigned i = 0; i < PH_MEMORY_COUNT; i++) {
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

static void put_size(uint64_t bytes, struct ph_buffer *out)
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

/* Why the process is larger than what its objects take. */
static void put_summary(const struct ph_memory *m, struct ph_buffer *out)
{
	const struct ph_memory_row *r = m->rows;
	uint64_t python = r[PH_MEMORY_POOL_OBJECTS].bytes + r[PH_MEMORY_POOL_OWNED].bytes +
			  r[PH_MEMORY_MALLOC_OBJECTS].bytes + r[PH_MEMORY_MALLOC_OWNED].bytes +
			  r[PH_MEMORY_MIMALLOC_OBJECTS].bytes + r[PH_MEMORY_MIMALLOC_OWNED].bytes;
	uint64_t native = r[PH_MEMORY_MALLOC_OTHER].bytes + r[PH_MEMORY_MALLOC_NATIVE].bytes +
			  r[PH_MEMORY_POOL_OTHER].bytes + r[PH_MEMORY_POOL_NATIVE].bytes +
			  r[PH_MEMORY_MIMALLOC_OTHER].bytes + r[PH_MEMORY_MIMALLOC_NATIVE].bytes;
	uint64_t spare = r[PH_MEMORY_POOL_FREE].bytes + r[PH_MEMORY_POOL_UNUSED].bytes +
			 r[PH_MEMORY_MALLOC_FREE].bytes + r[PH_MEMORY_MALLOC_CACHED].bytes + r[PH_MEMORY_MALLOC_TOP].bytes +
			 r[PH_MEMORY_MIMALLOC_FREE].bytes;
	uint64_t stacks = sum(m, PH_MEMORY_FRAMES, PH_MEMORY_STACK_UNUSED);
	const struct {
		uint64_t bytes;
		const char *what;
	} parts[] = {
		{ python, "Python's objects and what they hold" },
		{ native, "native memory, of the interpreter, extension modules and libraries" },
		{ spare, "free, but kept by the allocators" },
		{ stacks, "stacks, most of them never touched" },
		{ sum(m, PH_MEMORY_MODULE_DATA, PH_MEMORY_MODULE_TEXT), "the program and its libraries" },
	};
	ph_buffer_puts(out, "\nIn short:\n");
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		ph_auto_buffer struct ph_buffer size = PH_BUFFER(64);
		put_size(parts[i].bytes, &size);
		ph_buffer_printf(out, "%12s  %s\n", ph_buffer_text(&size), parts[i].what);
	}
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
	ph_buffer_puts(out, "Mapped: ");
	put_size(memory->total, out);
	ph_buffer_puts(out, ", of which the image holds ");
	put_size(memory->in_image, out);
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
