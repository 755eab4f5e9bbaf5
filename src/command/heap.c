/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/heap.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "dump/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAXIMUM ((uint64_t)1 << 24) /* bytes of a string that are looked at */

/* Columns that older writers did not make; false where they are not all there, which is a problem when some are. */
static bool open_optional(struct ph_heap_view *view, enum ph_column first, enum ph_column last)
{
	size_t there = 0;
	for (size_t i = first; i <= last; i++) {
		if (!ph_column_is_there(view->dump, (enum ph_column)i))
			continue;
		struct ph_error *error = ph_window_open(view->dump, (enum ph_column)i, &view->columns[i]);
		if (error)
			ph_dump_note_error(view->dump, error);
		there += !error;
		ph_error_free(error);
	}
	return there == (size_t)(last - first) + 1;
}

static uint64_t items(const struct ph_heap_view *view, enum ph_column column)
{
	return view->columns[column].count;
}

/* How many objects there are; what there is of them is opened with the first item. */
static struct ph_error *open_objects(struct ph_heap_view *view)
{
	struct ph_window *address = &view->columns[PH_COLUMN_OBJECT_ADDRESS];
	struct ph_error *error = ph_window_open(view->dump, PH_COLUMN_OBJECT_ADDRESS, address);
	uint64_t count = address->count;
	if (error && error->code == PH_ERROR_BAD_DUMP && ph_column_is_there(view->dump, PH_COLUMN_OBJECT_TYPE) &&
	    !ph_column_extent(view->dump, PH_COLUMN_OBJECT_TYPE, &count)) {
		ph_dump_note_error(view->dump, error);
		ph_error_free(error);
		error = NULL;
	}
	if (error)
		return error;
	if (count >= PH_NO_INDEX)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: has more objects than this version can tell apart",
				       view->dump->path);
	view->count = (uint32_t)count;
	for (size_t i = PH_COLUMN_OBJECT_TYPE; i <= PH_COLUMN_OBJECT_FLAGS; i++)
		ph_window_expect(view->dump, (enum ph_column)i, count, &view->columns[i]);
	return NULL;
}

static bool open_edges(struct ph_heap_view *view)
{
	struct ph_window *target = &view->columns[PH_COLUMN_EDGE_TARGET];
	struct ph_error *error = ph_window_open(view->dump, PH_COLUMN_EDGE_TARGET, target);
	if (!error && target->count >= PH_NO_INDEX)
		error = ph_error_create(PH_ERROR_BAD_DUMP, "%s: has more edges than this version can tell apart",
					view->dump->path);
	if (error) {
		ph_dump_note_error(view->dump, error);
		ph_error_free(error);
		target->count = 0;
		return false;
	}
	view->edge_count = (uint32_t)target->count;
	ph_window_expect(view->dump, PH_COLUMN_EDGE_START, view->count + 1ull, &view->columns[PH_COLUMN_EDGE_START]);
	ph_window_ascend(&view->columns[PH_COLUMN_EDGE_START], target->count);
	ph_window_expect(view->dump, PH_COLUMN_EDGE_KIND, target->count, &view->columns[PH_COLUMN_EDGE_KIND]);
	ph_window_expect(view->dump, PH_COLUMN_EDGE_ARGUMENT, target->count, &view->columns[PH_COLUMN_EDGE_ARGUMENT]);
	return ph_window_chunk(&view->columns[PH_COLUMN_EDGE_START], 0);
}

bool ph_heap_has_edges(struct ph_heap_view *view)
{
	if (!view->edges_opened) {
		view->edges_opened = true;
		view->has_edges = open_edges(view);
	}
	return view->has_edges;
}

bool ph_heap_has_values(struct ph_heap_view *view)
{
	if (!view->values_opened) {
		view->values_opened = true;
		view->has_values = open_optional(view, PH_COLUMN_STRING_START, PH_COLUMN_VALUE_STRING) &&
				   items(view, PH_COLUMN_VALUE_OBJECT) == items(view, PH_COLUMN_VALUE_STRING);
		ph_window_ascend(&view->columns[PH_COLUMN_STRING_START], items(view, PH_COLUMN_STRING_BYTES));
	}
	return view->has_values;
}

bool ph_heap_has_roots(struct ph_heap_view *view)
{
	if (!view->roots_opened) {
		view->roots_opened = true;
		view->has_roots = open_optional(view, PH_COLUMN_ROOT_OBJECT, PH_COLUMN_ROOT_NAME);
		uint64_t roots = items(view, PH_COLUMN_ROOT_OBJECT);
		view->has_roots = view->has_roots && roots < PH_NO_INDEX && roots == items(view, PH_COLUMN_ROOT_KIND) &&
				  roots == items(view, PH_COLUMN_ROOT_NAME);
		view->root_count = view->has_roots ? (uint32_t)roots : 0;
	}
	return view->has_roots;
}

bool ph_heap_has_held(struct ph_heap_view *view)
{
	if (!view->held_opened) {
		view->held_opened = true;
		view->has_held = open_optional(view, PH_COLUMN_OBJECT_HELD, PH_COLUMN_OBJECT_HELD) &&
				 items(view, PH_COLUMN_OBJECT_HELD) == view->count;
	}
	return view->has_held;
}

struct ph_error *ph_heap_need_roots(struct ph_heap_view *view)
{
	if (ph_heap_has_roots(view))
		return NULL;
	if (ph_dump_problem(view->dump))
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s; so it knows no roots of the heap",
				       ph_dump_problem(view->dump));
	return ph_error_create(PH_ERROR_BAD_DUMP, "%s: knows no roots of the heap: make it again with this core2pyheap",
			       view->dump->path);
}

struct ph_error *ph_heap_need_held(struct ph_heap_view *view)
{
	if (ph_heap_has_held(view))
		return NULL;
	return ph_error_create(PH_ERROR_BAD_DUMP,
			       "%s: does not say what objects hold: make the dump again with this version of core2pyheap",
			       view->dump->path);
}

struct ph_error *ph_heap_view_open(struct ph_dump *dump, struct ph_heap_view *ret)
{
	ph_auto_heap_view struct ph_heap_view view = { .is_kept = !ph_dump_is_live(dump) };
	const struct ph_callbacks *callbacks = ph_dump_callbacks(dump);
	dump->is_heap_asked = true;
	struct ph_error *error = ph_dump_heap(&dump);
	view.dump = dump;
	if (!error)
		ph_dump_set_callbacks(dump, callbacks);
	if (!error)
		error = ph_dump_types(dump, &view.types);
	bool without_types = error && error->code == PH_ERROR_BAD_DUMP && ph_dump_is_full(dump);
	if (without_types) {
		ph_dump_note_error(dump, error);
		ph_error_free(error);
		error = NULL;
	}
	if (!error)
		error = open_objects(&view);
	if (!error && without_types)
		error = ph_heap_mend_types(&view);
	if (error)
		return error;
	ph_dump_identity(dump, view.identity);
	*ret = view;
	view = (struct ph_heap_view){ 0 };
	return NULL;
}

void ph_heap_view_deinit(struct ph_heap_view *view)
{
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++)
		ph_window_close(&view->columns[i]);
	ph_dump_types_deinit(&view->types);
	ph_graph_deinit(&view->graph);
	ph_store_close(&view->store);
	ph_store_close(&view->retain_store);
	for (size_t i = 0; i < sizeof(view->retain_memory) / sizeof(*view->retain_memory); i++)
		free(view->retain_memory[i]);
}

/* ---- objects ---- */

const struct ph_dump_type *ph_heap_view_type(const struct ph_heap_view *view, uint32_t type)
{
	size_t low = 0, high = view->types.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (view->types.types[middle].index < type)
			low = middle + 1;
		else
			high = middle;
	}
	return low < view->types.count && view->types.types[low].index == type ? &view->types.types[low] : NULL;
}

const struct ph_dump_type *ph_heap_type(struct ph_heap_view *view, uint32_t object)
{
	return ph_heap_view_type(view, (uint32_t)ph_heap_get(view, PH_COLUMN_OBJECT_TYPE, object));
}

struct ph_json ph_heap_json(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_address(&j, "address", ph_heap_address(view, object));
	ph_json_put_string(&j, "type", type ? type->name : NULL);
	ph_json_put_string(&j, "module", type ? type->module : NULL);
	ph_json_put_known(&j, "size", ph_heap_size(view, object), -1);
	return j;
}

/* The first item of an ascending column that is not below `wanted`. */
static uint64_t lower_bound(struct ph_heap_view *view, enum ph_column column, uint64_t wanted)
{
	uint64_t low = 0, high = items(view, column);
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (ph_heap_get(view, column, middle) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where an ascending column has it; its end when it has not.  What is altered is in no order: the rest is searched. */
static uint64_t find_item(struct ph_heap_view *view, enum ph_column column, uint64_t wanted)
{
	uint64_t i = lower_bound(view, column, wanted), end = items(view, column);
	if (i < end && ph_heap_get(view, column, i) == wanted)
		return i;
	for (i = view->columns[column].damaged ? 0 : end; i < end; i++)
		if (ph_heap_get(view, column, i) == wanted)
			return i;
	return end;
}

uint32_t ph_heap_find(struct ph_heap_view *view, ph_addr address)
{
	uint64_t i = find_item(view, PH_COLUMN_OBJECT_ADDRESS, address);
	return i < view->count ? (uint32_t)i : PH_NO_INDEX;
}

/* ---- edges ---- */

void ph_heap_edges(struct ph_heap_view *view, uint32_t object, uint32_t *ret_first, uint32_t *ret_end)
{
	bool there = ph_heap_has_edges(view);
	uint64_t first = ph_heap_get(view, PH_COLUMN_EDGE_START, object);
	uint64_t end = ph_heap_get(view, PH_COLUMN_EDGE_START, object + 1ull);
	bool right = there && first <= end && end <= view->edge_count;
	if (!right && there && !view->columns[PH_COLUMN_EDGE_START].damaged)
		ph_dump_note(view->dump, "its column edge/start is not ascending: copy the dump again");
	*ret_first = right ? (uint32_t)first : 0;
	*ret_end = right ? (uint32_t)end : 0;
}

bool ph_heap_edge(struct ph_heap_view *view, uint32_t source, uint32_t edge, struct ph_heap_ref *ret)
{
	uint64_t target = ph_heap_get(view, PH_COLUMN_EDGE_TARGET, edge);
	uint8_t kind = (uint8_t)ph_heap_get(view, PH_COLUMN_EDGE_KIND, edge);
	*ret = (struct ph_heap_ref){
		.source = source,
		.target = (uint32_t)target,
		.kind = kind & (uint8_t)~PH_EDGE_EXTRA,
		.extra = kind & PH_EDGE_EXTRA,
		.argument = (uint32_t)ph_heap_get(view, PH_COLUMN_EDGE_ARGUMENT, edge),
	};
	if (target >= view->count && !view->columns[PH_COLUMN_EDGE_TARGET].damaged)
		ph_dump_note(view->dump,
			     "its column edge/target names objects that are not there: copy the dump again");
	return target < view->count;
}

struct ph_heap_ref ph_heap_type_edge(struct ph_heap_view *view, uint32_t object)
{
	return (struct ph_heap_ref){
		.source = object,
		.target = ph_heap_type_index(view, object),
		.argument = PH_NO_INDEX,
		.kind = PH_EDGE_TYPE,
		.extra = !(ph_heap_flags(view, object) & PH_OBJECT_TYPE_VISITED),
	};
}

enum ph_graph_force ph_edge_force(uint8_t kind)
{
	switch (kind & ~PH_EDGE_EXTRA) {
	case PH_EDGE_WEAK:
		return PH_GRAPH_WEAK;
	case PH_EDGE_STATE:
	case PH_EDGE_GUESSED:
		return PH_GRAPH_GUESSED;
	default:
		return PH_GRAPH_STRONG;
	}
}

const char *ph_edge_kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[PH_EDGE_TYPE] = "type",       [PH_EDGE_ITEM] = "item",	  [PH_EDGE_KEY] = "key",
		[PH_EDGE_VALUE] = "value",     [PH_EDGE_ATTRIBUTE] = "attribute", [PH_EDGE_DICT] = "dict",
		[PH_EDGE_SLOT] = "slot",       [PH_EDGE_FIELD] = "field", [PH_EDGE_LOCAL] = "local",
		[PH_EDGE_STACK] = "stack",     [PH_EDGE_STATE] = "state", [PH_EDGE_WEAK] = "weak",
		[PH_EDGE_GUESSED] = "guessed",
	};
	kind &= (uint8_t)~PH_EDGE_EXTRA;
	return kind < PH_EDGE_KIND_COUNT ? names[kind] : "?";
}

/* The lower the better. */
static unsigned edge_rank(const struct ph_heap_ref *ref)
{
	unsigned force = ph_edge_force(ref->kind);
	return force * 4 + (ref->kind == PH_EDGE_KEY ? 2 : 0) + ref->extra;
}

bool ph_heap_best_edge(struct ph_heap_view *view, uint32_t source, uint32_t target, struct ph_heap_ref *ret)
{
	uint32_t first, end;
	struct ph_heap_ref ref;
	bool found = false;
	ph_heap_edges(view, source, &first, &end);
	for (uint32_t e = first; e < end; e++) {
		if (ph_heap_get(view, PH_COLUMN_EDGE_TARGET, e) != target || !ph_heap_edge(view, source, e, &ref))
			continue;
		if (!found || edge_rank(&ref) < edge_rank(ret))
			*ret = ref;
		found = true;
	}
	if (!found && ph_heap_type_index(view, source) == target) {
		*ret = ph_heap_type_edge(view, source);
		found = true;
	}
	return found;
}

uint32_t ph_heap_member(struct ph_heap_view *view, uint32_t object, const char *member)
{
	uint32_t first, end;
	ph_heap_edges(view, object, &first, &end);
	for (uint32_t e = first; e < end; e++) {
		struct ph_heap_ref ref;
		if (!ph_heap_edge(view, object, e, &ref) || ref.kind != PH_EDGE_FIELD ||
		    ref.argument >= view->types.field_count)
			continue;
		const char *dot = strrchr(view->types.fields[ref.argument], '.');
		if (dot && !strcmp(dot + 1, member))
			return ref.target;
	}
	return PH_NO_INDEX;
}

/* ---- texts and roots ---- */

bool ph_heap_string(struct ph_heap_view *view, uint64_t string, struct ph_buffer *out)
{
	if (!ph_heap_has_values(view) || string + 1 >= items(view, PH_COLUMN_STRING_START))
		return false;
	uint64_t start = ph_heap_get(view, PH_COLUMN_STRING_START, string);
	uint64_t end = ph_heap_get(view, PH_COLUMN_STRING_START, string + 1);
	if (start > end || end > items(view, PH_COLUMN_STRING_BYTES)) {
		ph_dump_note(view->dump, "its column string/start is not ascending: copy the dump again");
		return false;
	}
	if (end - start > TEXT_MAXIMUM)
		end = start + TEXT_MAXIMUM;
	while (start < end) {
		const uint8_t *chunk = ph_window_chunk(&view->columns[PH_COLUMN_STRING_BYTES], start);
		if (!chunk || view->columns[PH_COLUMN_STRING_BYTES].damaged)
			return false;
		uint64_t at = start % PH_CHUNK, n = PH_CHUNK - at < end - start ? PH_CHUNK - at : end - start;
		ph_buffer_append(out, chunk + at, (size_t)n);
		start += n;
	}
	return true;
}

bool ph_heap_value(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	if (!ph_heap_has_values(view))
		return false;
	uint64_t i = find_item(view, PH_COLUMN_VALUE_OBJECT, object);
	if (i >= items(view, PH_COLUMN_VALUE_OBJECT))
		return false;
	return ph_heap_string(view, ph_heap_get(view, PH_COLUMN_VALUE_STRING, i), out);
}

struct ph_heap_root_entry ph_heap_root(struct ph_heap_view *view, uint32_t root)
{
	uint8_t kind = (uint8_t)ph_heap_get(view, PH_COLUMN_ROOT_KIND, root);
	return (struct ph_heap_root_entry){
		.object = (uint32_t)ph_heap_get(view, PH_COLUMN_ROOT_OBJECT, root),
		.kind = kind & (uint8_t)~PH_ROOT_UNCOUNTED,
		.counted = !(kind & PH_ROOT_UNCOUNTED),
		.name = (uint32_t)ph_heap_get(view, PH_COLUMN_ROOT_NAME, root),
	};
}

const char *ph_root_kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[PH_ROOT_LOCAL] = "local",	       [PH_ROOT_STACK_VALUE] = "stack value",
		[PH_ROOT_FRAME] = "frame",	       [PH_ROOT_THREAD] = "thread",
		[PH_ROOT_MODULE] = "module",	       [PH_ROOT_BUILTINS] = "builtins",
		[PH_ROOT_INTERPRETER] = "interpreter", [PH_ROOT_RUNTIME] = "runtime",
		[PH_ROOT_PENDING_CALL] = "pending call", [PH_ROOT_AUDIT_HOOK] = "audit hook",
		[PH_ROOT_STATIC_TYPE] = "static type", [PH_ROOT_STATIC] = "static object",
		[PH_ROOT_C_GLOBAL] = "C global",       [PH_ROOT_NATIVE] = "native memory",
		[PH_ROOT_EVAL_STACK] = "stack value, guessed", [PH_ROOT_REGISTER] = "register, guessed",
		[PH_ROOT_NATIVE_STACK] = "native stack, guessed", [PH_ROOT_INTERNED] = "interned strings, cached names",
		[PH_ROOT_PERMANENT] = "permanent generation", [PH_ROOT_OBJECT_MEMORY] = "memory of an object",
	};
	return kind < PH_ROOT_KIND_COUNT ? names[kind] : "?";
}

enum ph_graph_rank ph_root_graph_rank(uint8_t kind)
{
	switch (kind) {
	case PH_ROOT_LOCAL:
	case PH_ROOT_STACK_VALUE:
	case PH_ROOT_MODULE:
		return PH_GRAPH_NAMED;
	case PH_ROOT_STATIC_TYPE:
	case PH_ROOT_STATIC:
		return PH_GRAPH_STATIC;
	default:
		return ph_root_rank(kind) == 0	 ? PH_GRAPH_STATE
		       : ph_root_rank(kind) == 1 ? PH_GRAPH_GUESS
						 : PH_GRAPH_ALONE;
	}
}

bool ph_root_is_word(uint8_t kind)
{
	return kind == PH_ROOT_INTERPRETER || kind == PH_ROOT_RUNTIME || kind == PH_ROOT_C_GLOBAL ||
	       kind == PH_ROOT_NATIVE || kind == PH_ROOT_OBJECT_MEMORY || kind == PH_ROOT_PENDING_CALL || kind == PH_ROOT_AUDIT_HOOK;
}

/* ---- operands ---- */

ph_addr ph_parse_address(const char *text)
{
	ph_addr address = 0;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (size_t i = 0; text[i]; i++) {
		char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] | 0x20) : text[i];
		bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
		if (!is_hex || address >> 60)
			return 0;
		address = address << 4 | (ph_addr)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return address;
}

struct ph_error *ph_heap_operand(struct ph_heap_view *view, const char *verb, const char *operand,
				 const struct ph_verb_output *output, uint32_t *ret)
{
	char message[128];
	ph_addr address = ph_parse_address(operand);
	if (!address)
		return ph_error_create(PH_ERROR_USAGE, "%s: %s is not an address: give it as 0x7f…", verb, operand);
	*ret = ph_heap_find(view, address);
	snprintf(message, sizeof(message), "0x%" PRIx64 ": no object of the dump begins there", address);
	if (*ret == PH_NO_INDEX && output->warning)
		output->warning(output->user, message);
	return NULL;
}
