/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap types: how many objects there are of each type, how large they are, and what grew since another dump. */
#include "command/command.h"
#include "command/damage.h"
#include "command/label.h"
#include "command/retain.h"
#include "command/totals.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "record/json.h"
#include "record/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *module, *name; /* name NULL: the module as a whole; both NULL: of unknown type */
	ph_addr address;	   /* 0: of several types */
	uint64_t count, size, unsized, retained, held;
	uint64_t old_count, old_size, old_held; /* of the baseline */
};

enum { JSON, SORT, LIMIT, MODULES, BASELINE };
static const char *const orders[] = { "size", "count", "name", "held", "retained", NULL };
static const struct ph_option options[] = {
	[JSON] = { .name = "json" },
	[SORT] = { .name = "sort", .choices = orders },
	[LIMIT] = { .name = "limit", .takes_text = true },
	[MODULES] = { .name = "by-module" },
	[BASELINE] = { .name = "baseline", .takes_text = true },
	{ .name = NULL },
};

/* ---- orders: those that grew most come first, where there is a baseline ---- */

static int compare_text(const char *x, const char *y)
{
	return strcmp(x ? x : "", y ? y : "");
}

static int compare_names(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare_text(x->name, y->name);
	if (!order)
		order = compare_text(x->module, y->module);
	return order ? order : (x->address > y->address) - (x->address < y->address);
}

static int compare_growth(int64_t x, int64_t y)
{
	return (x < y) - (x > y);
}

static int by_size(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare_growth((int64_t)(x->size - x->old_size), (int64_t)(y->size - y->old_size));
	if (!order)
		order = compare_growth((int64_t)(x->count - x->old_count), (int64_t)(y->count - y->old_count));
	return order ? order : compare_names(a, b);
}

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare_growth((int64_t)(x->count - x->old_count), (int64_t)(y->count - y->old_count));
	return order ? order : by_size(a, b);
}

static int by_retained(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return x->retained != y->retained ? (x->retained < y->retained ? 1 : -1) : by_size(a, b);
}

static int by_held(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare_growth((int64_t)(x->held - x->old_held), (int64_t)(y->held - y->old_held));
	return order ? order : by_size(a, b);
}

/* ---- rows ---- */

/* As many as there are types, and one more. */
static struct ph_error *make_rows(struct ph_heap_view *view, bool modules, bool with_held, struct row **ret,
				  size_t *ret_count)
{
	ph_auto_free struct ph_type_total *totals = NULL;
	ph_auto_free uint64_t *held = NULL;
	struct ph_error *error = ph_heap_totals(view, &totals);
	if (!error && with_held)
		error = ph_heap_held_totals(view, &held);
	if (error)
		return error;
	size_t count = view->types.count;
	struct row *rows = calloc(count + 1, sizeof(*rows));
	if (!rows)
		return &ph_error_no_memory;
	for (size_t i = 0; i <= count; i++) {
		const struct ph_dump_type *type = i < count ? &view->types.types[i] : NULL;
		rows[i] = (struct row){
			.module = type ? type->module : NULL,
			.name = type && !modules ? type->name : NULL,
			.address = type && !modules ? type->address : 0,
			.count = totals[i].count,
			.size = totals[i].size,
			.unsized = totals[i].unsized,
			.held = held ? held[i] : 0,
			.retained = view->retained ? view->retained_by_type[i] : 0,
		};
	}
	*ret = rows;
	*ret_count = count + (totals[count].count != 0);
	return NULL;
}

/* Rows of the same names become one; the order is by name then. */
static size_t merge(struct row *rows, size_t count)
{
	size_t n = 0;
	qsort(rows, count, sizeof(*rows), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (n && !compare_text(rows[n - 1].name, rows[i].name) &&
		    !compare_text(rows[n - 1].module, rows[i].module)) {
			struct row *to = &rows[n - 1];
			to->count += rows[i].count, to->size += rows[i].size, to->unsized += rows[i].unsized;
			to->held += rows[i].held;
			to->old_count += rows[i].old_count, to->old_size += rows[i].old_size;
			to->old_held += rows[i].old_held;
		} else {
			rows[n++] = rows[i];
		}
	}
	return n;
}

/* ---- output ---- */

static void put_name(const struct row *row, struct ph_buffer *out)
{
	struct ph_dump_type type = { .name = row->name, .module = row->module };
	if (row->name)
		ph_put_type(&type, out);
	else if (row->module)
		ph_escape_terminal(row->module, strlen(row->module), false, out);
	else
		ph_buffer_puts(out, "(of unknown type)");
}

/* What rows have. */
struct columns {
	bool modules, compared, held, retained;
};

static void put_json(const struct row *row, const struct columns *columns, struct ph_buffer *out)
{
	bool modules = columns->modules, compared = columns->compared;
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	if (!modules)
		ph_json_put_string(&j, "type", row->name);
	ph_json_put_string(&j, "module", row->module);
	if (!modules && !compared)
		ph_json_put_address(&j, "address", row->address);
	ph_json_put_uint(&j, "count", row->count);
	ph_json_put_uint(&j, "size", row->size);
	if (columns->held)
		ph_json_put_uint(&j, "held", row->held);
	if (columns->retained)
		ph_json_put_uint(&j, "retained", row->retained);
	if (compared) {
		ph_json_put_uint(&j, "old_count", row->old_count);
		ph_json_put_uint(&j, "old_size", row->old_size);
		if (columns->held)
			ph_json_put_uint(&j, "old_held", row->old_held);
	} else {
		ph_json_put_uint(&j, "unsized", row->unsized);
	}
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

static void put_text(const struct row *row, const struct columns *columns, struct ph_buffer *out)
{
	if (columns->compared)
		ph_buffer_printf(out, "%+10" PRId64 " %+14" PRId64 "  ", (int64_t)(row->count - row->old_count),
				 (int64_t)(row->size - row->old_size));
	if (columns->compared && columns->held)
		ph_buffer_printf(out, "%+14" PRId64 "  ", (int64_t)(row->held - row->old_held));
	ph_buffer_printf(out, "%10" PRIu64 " %14" PRIu64 "  ", row->count, row->size);
	if (columns->held)
		ph_buffer_printf(out, "%14" PRIu64 "  ", row->held);
	if (columns->retained && row->count && !row->retained) /* the sum of all: it would count much twice */
		ph_buffer_printf(out, "%14s  ", "");
	else if (columns->retained)
		ph_buffer_printf(out, "%14" PRIu64 "  ", row->retained);
}

static void put_heading(const struct columns *columns, struct ph_buffer *out)
{
	const char *held = columns->held ? "          held  " : "";
	if (columns->compared)
		ph_buffer_printf(out, "    growth          bytes  %s", held);
	ph_buffer_printf(out, "     count          bytes  %s%s%s\n", held,
			 columns->retained ? "      retained  " : "", columns->modules ? "module" : "type");
}

static void put_sums(const struct row *all, const struct columns *columns, struct ph_buffer *out)
{
	put_text(all, columns, out);
	ph_buffer_puts(out, "in all\n");
	if (all->unsized)
		ph_buffer_printf(out, "%" PRIu64 " object%s no known size, and count%s as 0 bytes\n", all->unsized,
				 all->unsized == 1 ? " has" : "s have", all->unsized == 1 ? "s" : "");
}

static bool has_grown(const struct row *row, const struct columns *columns)
{
	return row->count != row->old_count || row->size != row->old_size ||
	       (columns->held && row->held != row->old_held);
}

static void add_to(struct row *all, const struct row *row)
{
	all->count += row->count, all->size += row->size, all->held += row->held, all->unsized += row->unsized;
	all->old_count += row->old_count, all->old_size += row->old_size, all->old_held += row->old_held;
}

static struct ph_error *put_rows(const struct row *rows, size_t count, const struct ph_arguments *arguments,
				 uint64_t limit, struct ph_rows *to)
{
	const char *sort = arguments->values[SORT];
	const struct columns columns = {
		.modules = arguments->values[MODULES],
		.compared = arguments->values[BASELINE],
		.held = sort && !strcmp(sort, "held"),
		.retained = sort && !strcmp(sort, "retained"),
	};
	struct row all = { 0 };
	struct ph_error *error = NULL;
	uint64_t shown = 0;
	if (!to->as_json)
		put_heading(&columns, &to->text);
	for (size_t i = 0; i < count; i++) {
		add_to(&all, &rows[i]);
		if ((columns.compared && !has_grown(&rows[i], &columns)) || shown++ >= limit)
			continue;
		if (to->as_json) {
			put_json(&rows[i], &columns, &to->text);
		} else {
			put_text(&rows[i], &columns, &to->text);
			put_name(&rows[i], &to->text);
			ph_buffer_putc(&to->text, '\n');
		}
		if (!error && to->goes_on)
			error = ph_rows_next(to);
	}
	if (!to->as_json && shown > limit)
		ph_buffer_printf(&to->text, "… and %" PRIu64 " more %s%s\n", shown - limit,
				 columns.modules ? "module" : "type", shown - limit == 1 ? "" : "s");
	if (!to->as_json)
		put_sums(&all, &columns, &to->text);
	return error;
}

/* The rows of the baseline behind the others, as old ones, and those of the same name joined.  The names are its
 * view's. */
static struct ph_error *add_baseline(const char *path, const struct ph_callbacks *callbacks, struct ph_heap_view *view, bool modules, bool held,
				     struct row **rows, size_t *count)
{
	struct ph_dump *dump = NULL;
	ph_auto_free struct row *old = NULL;
	size_t old_count = 0;
	struct ph_error *error = ph_dump_open(path, &dump);
	if (!error) {
		ph_dump_set_callbacks(dump, callbacks);
		error = ph_heap_view_open(dump, view);
	}
	if (!error)
		error = make_rows(view, modules, held, &old, &old_count);
	if (!error && ph_dump_is_stopped(dump))
		error = ph_error_create(PH_ERROR_CANCELLED, "stopped");
	if (error) {
		ph_dump_close(dump);
		view->dump = NULL;
		return error;
	}
	struct row *both = realloc(*rows, (*count + old_count + 1) * sizeof(*both));
	if (!both)
		return &ph_error_no_memory;
	for (size_t i = 0; i < old_count; i++)
		both[(*count)++] = (struct row){
			.module = old[i].module,
			.name = old[i].name,
			.old_count = old[i].count,
			.old_size = old[i].size,
			.old_held = old[i].held,
		};
	*rows = both;
	return NULL;
}

static int (*order_of(const char *sort))(const void *, const void *)
{
	if (!sort || !strcmp(sort, "size"))
		return by_size;
	if (!strcmp(sort, "held"))
		return by_held;
	return !strcmp(sort, "count") ? by_count : !strcmp(sort, "name") ? compare_names : by_retained;
}

/* What it lacks looks like growth. */
static struct ph_error *tell_baseline(struct ph_dump *old, const struct ph_verb_output *output, int *status)
{
	if (ph_dump_problem(old)) {
		*status = 1;
		if (output->warning)
			output->warning(output->user, ph_dump_problem(old));
	}
	return ph_tell_heap_damage(old, output, status);
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	ph_auto_heap_view struct ph_heap_view view = { 0 }, old = { 0 };
	ph_auto_free struct row *rows = NULL;
	const char *sort = arguments->values[SORT], *baseline = arguments->values[BASELINE];
	struct ph_rows to = ph_rows(output, arguments->values[JSON]);
	bool modules = arguments->values[MODULES];
	size_t count = 0;
	uint64_t limit = UINT64_MAX;
	struct ph_error *error = ph_arguments_none("types", arguments);
	if (!error)
		error = ph_arguments_number("types", "limit", arguments->values[LIMIT], UINT64_MAX, &limit);
	if (!error)
		error = ph_heap_view_open(dump, &view);
	bool retained = sort && !strcmp(sort, "retained"), held = sort && !strcmp(sort, "held");
	if (!error && retained && (modules || baseline))
		error = ph_error_create(PH_ERROR_USAGE,
					"types: --sort=retained goes with neither --by-module nor --baseline");
	if (!error && retained)
		error = ph_heap_view_retain(&view);
	if (!error)
		error = make_rows(&view, modules, held, &rows, &count);
	if (!error && baseline)
		error = add_baseline(baseline, output->callbacks, &old, modules, held, &rows, &count);
	if (!error && (modules || baseline))
		count = merge(rows, count);
	if (!error && count)
		qsort(rows, count, sizeof(*rows), order_of(sort));
	if (!error)
		error = put_rows(rows, count, arguments, limit, &to);
	*ret_status = 0;
	if (!error && old.dump && to.as_json)
		error = ph_put_heap_damage_line(old.dump, "baseline", &to.text);
	if (!error && old.dump)
		error = tell_baseline(old.dump, output, ret_status);
	ph_dump_close(old.dump);
	return ph_rows_finish(&to, error);
}

const struct ph_verb_implementation ph_verb_types = { .options = options, .run = run, .json_is_rows = true };
