/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap types: how many objects there are of each type, and how large they are. */
#include "command/command.h"
#include "command/heap.h"

#include "base/cleanup.h"
#include "record/json.h"
#include "record/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const struct ph_dump_type *type; /* NULL: of unknown type */
	uint64_t count, size;
	uint64_t unsized; /* objects whose size is not known */
};

static int by_size(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return x->count != y->count ? (x->count < y->count ? 1 : -1) : (x->type > y->type) - (x->type < y->type);
}

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return x->count != y->count ? (x->count < y->count ? 1 : -1) : by_size(a, b);
}

static int by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->type ? x->type->name : "", y->type ? y->type->name : "");
	return order ? order : by_size(a, b);
}

/* Rows in the order of the types, one more for objects of unknown type. */
static void count(const struct ph_heap_view *view, struct row *rows)
{
	size_t unknown = view->types.count;
	uint32_t last = PH_NO_INDEX;
	size_t row = unknown;
	for (size_t i = 0; i < view->types.count; i++)
		rows[i].type = &view->types.types[i];
	for (uint64_t i = 0; i < view->count; i++) {
		if (view->type[i] != last || !i) {
			const struct ph_dump_type *type = ph_heap_view_type(view, view->type[i]);
			last = view->type[i];
			row = type ? (size_t)(type - view->types.types) : unknown;
		}
		rows[row].count++;
		if (view->size[i] >= 0)
			rows[row].size += (uint64_t)view->size[i];
		else
			rows[row].unsized++;
	}
}

static void put_json(const struct row *rows, size_t n, struct ph_buffer *out)
{
	for (size_t i = 0; i < n; i++) {
		struct ph_json j = ph_json(out, 0);
		ph_json_object(&j, true);
		ph_json_put_string(&j, "type", rows[i].type ? rows[i].type->name : NULL);
		ph_json_put_string(&j, "module", rows[i].type ? rows[i].type->module : NULL);
		ph_json_put_address(&j, "address", rows[i].type ? rows[i].type->address : 0);
		ph_json_put_uint(&j, "count", rows[i].count);
		ph_json_put_uint(&j, "size", rows[i].size);
		ph_json_put_uint(&j, "unsized", rows[i].unsized);
		ph_json_object_end(&j);
		ph_buffer_putc(out, '\n');
	}
}

static void put_text(const struct row *rows, size_t n, struct ph_buffer *out)
{
	uint64_t objects = 0, bytes = 0;
	ph_buffer_puts(out, "     count          bytes  type\n");
	for (size_t i = 0; i < n; i++) {
		const struct ph_dump_type *type = rows[i].type;
		ph_buffer_printf(out, "%10" PRIu64 " %14" PRIu64 "  ", rows[i].count, rows[i].size);
		if (type && type->module && strcmp(type->module, "builtins") != 0) {
			ph_escape_terminal(type->module, strlen(type->module), false, out);
			ph_buffer_putc(out, '.');
		}
		if (type)
			ph_escape_terminal(type->name, strlen(type->name), false, out);
		else
			ph_buffer_puts(out, "(of unknown type)");
		ph_buffer_putc(out, '\n');
		objects += rows[i].count;
		bytes += rows[i].size;
	}
	ph_buffer_printf(out, "%10" PRIu64 " %14" PRIu64 "  in all\n", objects, bytes);
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { .dump = dump };
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	const char *sort = arguments->values[1];
	bool goes_on;
	struct ph_error *error = ph_arguments_none("types", arguments);
	if (!error)
		error = ph_heap_view_load(&view, PH_HEAP_TYPES | PH_HEAP_SIZES);
	if (error)
		return error;
	ph_auto_free struct row *rows = calloc(view.types.count + 1, sizeof(*rows));
	if (!rows)
		return &ph_error_no_memory;
	count(&view, rows);
	size_t n = view.types.count + (rows[view.types.count].count != 0);
	qsort(rows, n, sizeof(*rows), !sort || !strcmp(sort, "size") ? by_size : !strcmp(sort, "count") ? by_count : by_name);
	if (arguments->values[0])
		put_json(rows, n, &text);
	else
		put_text(rows, n, &text);
	*ret_status = 0;
	return ph_command_write(output, &text, &goes_on);
}

static const char *const orders[] = { "size", "count", "name", NULL };
static const struct ph_option options[] = { { .name = "json" }, { .name = "sort", .choices = orders }, { .name = NULL } };

const struct ph_verb_implementation ph_verb_types = { .options = options, .run = run };
