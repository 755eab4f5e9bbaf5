/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an address is, as far as a dump can tell: modules and objects, but no other memory. */
#include "dump/dump.h"
#include "dump/reader.h"
#include "dump/window.h"

#include "base/cleanup.h"
#include "record/json_read.h"

#include <stdlib.h>
#include <string.h>

#define NEIGHBOUR_MAXIMUM (UINT64_C(1) << 20) /* bytes between an address and what is still next to it */
#define REPR_MAXIMUM 120
#define MODULES_MAXIMUM ((size_t)64 << 20) /* bytes of modules.json */

/* The columns that tell of one object. */
struct view {
	struct ph_dump_types types;
	struct ph_window address, type, size, refcount;
};

static void view_deinit(struct view *v)
{
	ph_window_close(&v->address);
	ph_window_close(&v->type);
	ph_window_close(&v->size);
	ph_window_close(&v->refcount);
	ph_dump_types_deinit(&v->types);
}

/* What is lost is unknown, and a problem of the dump. */
static struct ph_error *forgive(struct ph_dump *dump, struct ph_error *error)
{
	if (!error || error->code != PH_ERROR_BAD_DUMP)
		return error;
	ph_dump_note_error(dump, error);
	ph_error_free(error);
	return NULL;
}

static struct ph_error *load_all(struct ph_dump *dump, struct view *v)
{
	struct ph_error *error = ph_window_open(dump, PH_COLUMN_OBJECT_ADDRESS, &v->address);
	if (!error)
		error = forgive(dump, ph_dump_types(dump, &v->types));
	if (!error)
		error = forgive(dump, ph_window_open(dump, PH_COLUMN_OBJECT_TYPE, &v->type));
	if (!error)
		error = forgive(dump, ph_window_open(dump, PH_COLUMN_OBJECT_SIZE, &v->size));
	if (!error)
		error = forgive(dump, ph_window_open(dump, PH_COLUMN_OBJECT_REFCOUNT, &v->refcount));
	return error;
}

static const struct ph_dump_type *type_of(struct view *v, uint64_t object)
{
	for (size_t i = 0; i < v->types.count; i++)
		if (v->types.types[i].index == ph_window_get(&v->type, object))
			return &v->types.types[i];
	return NULL;
}

static struct ph_error *describe(struct ph_dump *dump, struct view *v, uint64_t i, struct ph_arena *arena,
				 struct ph_place_object *ret)
{
	const struct ph_dump_type *type = type_of(v, i);
	struct ph_object *object = NULL;
	int64_t size = (int64_t)ph_window_get(&v->size, i);
	ph_addr address = ph_window_get(&v->address, i);
	struct ph_error *error = ph_dump_objects(dump, &address, 1, arena, &object);
	*ret = (struct ph_place_object){
		.address = address,
		.type = type ? ph_arena_strdup(arena, type->name) : NULL,
		.module = type ? ph_arena_strdup(arena, type->module) : NULL,
		.size = size < 0 ? INT64_MIN : size,
		.refcount = object ? object->refcount : (int64_t)ph_window_get(&v->refcount, i),
		.repr = object ? object->repr : NULL,
	};
	size_t cut = REPR_MAXIMUM;
	if (ret->repr && strlen(ret->repr) > cut) {
		while (cut && ((unsigned char)ret->repr[cut] & 0xc0) == 0x80)
			cut--;
		ret->repr = ph_arena_printf(arena, "%.*s...", (int)cut, ret->repr);
	}
	return error;
}

/* What sys.getsizeof() counts lies in blocks of its own for these, behind the fixed part. */
static bool has_blocks(const struct ph_dump_type *type)
{
	static const char *const names[] = { "list", "dict", "set", "frozenset", "bytearray", "deque", "OrderedDict",
					     "defaultdict" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], type->name))
			return true;
	return false;
}

static struct ph_error *find_object(struct ph_dump *dump, struct view *v, struct ph_arena *arena,
				    struct ph_place *p)
{
	uint64_t low = 0, high = v->address.count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (ph_window_get(&v->address, middle) <= p->address)
			low = middle + 1;
		else
			high = middle;
	}
	const struct ph_dump_type *type = low ? type_of(v, low - 1) : NULL;
	uint64_t offset = low ? p->address - ph_window_get(&v->address, low - 1) : 0;
	int64_t size = low ? (int64_t)ph_window_get(&v->size, low - 1) : 0;
	if (type && (has_blocks(type) || size < type->basicsize))
		size = type->basicsize;
	if (low && (!offset || (size > 0 && offset < (uint64_t)size))) {
		p->offset = (int64_t)offset;
		p->is_mapped = true;
		return describe(dump, v, low - 1, arena, &p->object);
	}
	bool has_before = low && offset < NEIGHBOUR_MAXIMUM;
	bool has_after = low < v->address.count && ph_window_get(&v->address, low) - p->address < NEIGHBOUR_MAXIMUM;
	struct ph_error *error = has_before ? describe(dump, v, low - 1, arena, &p->before) : NULL;
	return error || !has_after ? error : describe(dump, v, low, arena, &p->after);
}

static struct ph_error *find_module(struct ph_dump *dump, struct ph_arena *arena, struct ph_place *p)
{
	char *text;
	size_t size, count;
	struct json_object *root;
	struct ph_error *error = ph_dump_member(dump, "modules.json", MODULES_MAXIMUM, &text, &size);
	if (error)
		return error;
	error = ph_json_read(text, size, "modules.json", &root);
	free(text);
	if (error)
		return error;
	struct json_object *modules = ph_json_get_array(root, "modules", &count);
	for (size_t i = 0; i < count && !p->module; i++) {
		struct json_object *module = json_object_array_get_idx(modules, i);
		ph_addr start = ph_json_get_address(module, "start");
		if (p->address < start || p->address >= ph_json_get_address(module, "end"))
			continue;
		p->module = ph_json_get_string(arena, module, "path");
		p->module_offset = p->address - start;
		p->is_mapped = p->is_mapped || p->module;
	}
	json_object_put(root);
	return NULL;
}

struct ph_error *ph_dump_place(struct ph_dump *dump, ph_addr address, struct ph_arena *arena, struct ph_place *ret)
{
	struct ph_place p = { .address = address, .fill = -1, .owner_index = -1, .from_dump = true };
	ph_cleanup(view_deinit) struct view v = { 0 };
	if (ph_dump_is_live(dump))
		return dump->live.place(dump->live.self, address, arena, ret);
	struct ph_error *error = find_module(dump, arena, &p);
	error = forgive(dump, error);
	if (!error)
		error = load_all(dump, &v);
	if (!error)
		error = find_object(dump, &v, arena, &p);
	if (error)
		return error;
	if (!p.is_mapped)
		p.number = ph_place_number_means(address, arena);
	*ret = p;
	return NULL;
}
