/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an address is, as far as a dump can tell: modules and objects, but no other memory. */
#include "dump/columns.h"
#include "dump/dump.h"
#include "dump/reader.h"

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
	ph_addr *address;
	uint32_t *type;
	int64_t *size, *refcount;
	uint64_t count;
};

static void view_deinit(struct view *v)
{
	free(v->address);
	free(v->type);
	free(v->size);
	free(v->refcount);
	ph_dump_types_deinit(&v->types);
}

static struct ph_error *load(struct ph_dump *dump, enum ph_column column, void *to, struct view *v)
{
	uint64_t count;
	struct ph_error *error = ph_dump_column(dump, column, to, &count);
	if (!error && column == PH_COLUMN_OBJECT_ADDRESS)
		v->count = count;
	return error || count == v->count
		       ? error
		       : ph_error_create(PH_ERROR_BAD_DUMP, "its columns disagree: %s: copy the dump again",
					 ph_column_forms[column].name);
}

static struct ph_error *load_all(struct ph_dump *dump, struct view *v)
{
	struct ph_error *error = ph_dump_types(dump, &v->types);
	if (!error)
		error = load(dump, PH_COLUMN_OBJECT_ADDRESS, &v->address, v);
	if (!error)
		error = load(dump, PH_COLUMN_OBJECT_TYPE, &v->type, v);
	if (!error)
		error = load(dump, PH_COLUMN_OBJECT_SIZE, &v->size, v);
	if (!error)
		error = load(dump, PH_COLUMN_OBJECT_REFCOUNT, &v->refcount, v);
	return error;
}

static const struct ph_dump_type *type_of(const struct view *v, uint64_t object)
{
	for (size_t i = 0; i < v->types.count; i++)
		if (v->types.types[i].index == v->type[object])
			return &v->types.types[i];
	return NULL;
}

static struct ph_error *describe(struct ph_dump *dump, const struct view *v, uint64_t i, struct ph_arena *arena,
				 struct ph_place_object *ret)
{
	const struct ph_dump_type *type = type_of(v, i);
	struct ph_object *object = NULL;
	ph_addr address = v->address[i];
	struct ph_error *error = ph_dump_objects(dump, &address, 1, arena, &object);
	*ret = (struct ph_place_object){
		.address = address,
		.type = type ? ph_arena_strdup(arena, type->name) : NULL,
		.module = type ? ph_arena_strdup(arena, type->module) : NULL,
		.size = v->size[i] < 0 ? INT64_MIN : v->size[i],
		.refcount = object ? object->refcount : v->refcount[i],
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

static struct ph_error *find_object(struct ph_dump *dump, const struct view *v, struct ph_arena *arena,
				    struct ph_place *p)
{
	uint64_t low = 0, high = v->count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (v->address[middle] <= p->address)
			low = middle + 1;
		else
			high = middle;
	}
	const struct ph_dump_type *type = low ? type_of(v, low - 1) : NULL;
	uint64_t offset = low ? p->address - v->address[low - 1] : 0;
	int64_t size = type && (has_blocks(type) || v->size[low - 1] < type->basicsize) ? type->basicsize :
		       low ? v->size[low - 1] : 0;
	if (low && (!offset || (size > 0 && offset < (uint64_t)size))) {
		p->offset = (int64_t)offset;
		p->is_mapped = true;
		return describe(dump, v, low - 1, arena, &p->object);
	}
	bool has_before = low && offset < NEIGHBOUR_MAXIMUM;
	bool has_after = low < v->count && v->address[low] - p->address < NEIGHBOUR_MAXIMUM;
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
