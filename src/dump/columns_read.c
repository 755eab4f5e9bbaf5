/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of the columns: nothing is believed but what the chunks that are there can hold. */
#include "dump/columns.h"

#include "base/cleanup.h"
#include "dump/format.h"
#include "dump/reader.h"
#include "record/damage_text.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTION_MAXIMUM 65536
#define TYPES_MAXIMUM ((size_t)512 << 20)
#define TYPES_COUNT_MAXIMUM (1 << 24)

struct ph_error *ph_dump_not_full(struct ph_dump *dump)
{
	struct ph_damage damage = { 0 };
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096);
	struct ph_error *error = ph_dump_damage(dump, &damage);
	if (!error && ph_heap_damage_text(&damage, &text))
		error = ph_error_create(PH_ERROR_BAD_DUMP, "%s: does not hold the heap: %s; pyheap report says what is there",
					dump->path, ph_buffer_text(&text));
	else if (!error)
		error = ph_error_create(PH_ERROR_BAD_DUMP,
					"%s: does not hold the whole heap: make it with core2pyheap --heap=full",
					dump->path);
	ph_damage_deinit(&damage);
	return error;
}

static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value;
	if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &value))
		return NULL;
	return json_object_is_type(value, type) ? value : NULL;
}

static struct json_object *parse(const char *json, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(16);
	struct json_object *root = tokener && size < INT32_MAX ? json_tokener_parse_ex(tokener, json, (int)size) : NULL;
	if (tokener)
		json_tokener_free(tokener);
	return root;
}

static const char *text(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key, json_type_string);
	return value ? json_object_get_string(value) : NULL;
}

static int64_t number(struct json_object *object, const char *key, int64_t missing)
{
	struct json_object *value = member(object, key, json_type_int);
	return value ? json_object_get_int64(value) : missing;
}

/* The number of items, when the array is as the specification has it; -1 when not. */
static int64_t described_items(struct json_object *root, const struct ph_column_form *form)
{
	struct json_object *shape = member(root, "shape", json_type_array);
	struct json_object *chunks = member(root, "chunks", json_type_array);
	struct json_object *filters = member(root, "filters", json_type_array);
	const char *dtype = text(root, "dtype");
	const char *id = text(member(root, "compressor", json_type_object), "id");
	size_t want_filters = form->width == 1 ? 0 : form->delta ? 2 : 1;
	if (!shape || !chunks || !dtype || !id || json_object_array_length(shape) != 1 ||
	    json_object_array_length(chunks) != 1)
		return -1;
	if (strcmp(dtype, form->dtype) || strcmp(id, "zstd") ||
	    (filters ? json_object_array_length(filters) : 0) != want_filters ||
	    json_object_get_int64(json_object_array_get_idx(chunks, 0)) != PH_CHUNK)
		return -1;
	return json_object_get_int64(json_object_array_get_idx(shape, 0));
}

struct ph_error *ph_column_described(struct ph_dump *dump, const struct ph_column_form *form, uint64_t *ret)
{
	char name[64];
	ph_auto_free char *json = NULL;
	size_t size;
	snprintf(name, sizeof(name), "%s/.zarray", form->name);
	struct ph_error *error = ph_dump_member(dump, name, DESCRIPTION_MAXIMUM, &json, &size);
	if (error)
		return error;
	struct json_object *root = parse(json, size);
	int64_t items = described_items(root, form);
	json_object_put(root);
	if (items < 0)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: its member %s describes an array that is not read here",
				       dump->path, name);
	*ret = (uint64_t)items;
	return NULL;
}

struct ph_error *ph_column_items(struct ph_dump *dump, const struct ph_column_form *form, uint64_t *ret)
{
	char name[64];
	uint64_t items;
	struct ph_error *error = ph_column_described(dump, form, &items);
	if (error)
		return error;
	for (uint64_t chunk = 0; chunk * PH_CHUNK < items; chunk++) {
		snprintf(name, sizeof(name), "%s/%" PRIu64, form->name, chunk);
		if (!ph_archive_find(&dump->archive, name))
			return ph_error_create(PH_ERROR_BAD_DUMP, "%s: has no member %s", dump->path, name);
	}
	*ret = items;
	return NULL;
}

static void to_host(uint8_t *items, unsigned width, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (size_t i = 0; i < count; i++)
		for (unsigned j = 0; j < width / 2; j++) {
			uint8_t byte = items[i * width + j];
			items[i * width + j] = items[i * width + width - 1 - j];
			items[i * width + width - 1 - j] = byte;
		}
#else
	(void)items, (void)width, (void)count;
#endif
}

struct ph_error *ph_column_chunk(struct ph_dump *dump, const struct ph_column_form *form, uint64_t chunk, void *scratch,
				void *items)
{
	char name[64];
	ph_auto_free char *data = NULL;
	size_t size;
	snprintf(name, sizeof(name), "%s/%" PRIu64, form->name, chunk);
	struct ph_error *error = ph_dump_member(dump, name, ph_chunk_bound(form), &data, &size);
	if (error)
		return error;
	if (!ph_chunk_decode(form, data, size, scratch, items))
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: its member %s is no chunk of the array", dump->path,
				       name);
	to_host(items, form->width, PH_CHUNK);
	return NULL;
}

struct ph_error *ph_dump_heap(struct ph_dump **dump)
{
	return ph_dump_is_live(*dump) ? (*dump)->live.heap((*dump)->live.self, dump) : NULL;
}

bool ph_dump_is_full(const struct ph_dump *dump)
{
	bool any = ph_archive_find(&dump->archive, PH_MEMBER_TYPES);
	for (unsigned i = 0; !any && i < PH_COLUMN_COUNT; i++)
		any = ph_column_is_there(dump, (enum ph_column)i);
	return any;
}

/* ---- types.json ---- */

static void take_slots(struct json_object *object, struct ph_arena *arena, struct ph_dump_type *ret)
{
	struct json_object *slots = member(object, "slots", json_type_array);
	size_t count = slots ? json_object_array_length(slots) : 0;
	ret->slots = count && count < UINT16_MAX ? ph_arena_array(arena, struct ph_dump_slot, count) : NULL;
	ret->slot_count = ret->slots ? count : 0;
	for (size_t i = 0; i < ret->slot_count; i++) {
		struct json_object *slot = json_object_array_get_idx(slots, i);
		const char *name = text(slot, "name");
		ret->slots[i].offset = number(slot, "offset", -1);
		ret->slots[i].name = ph_arena_strdup(arena, name ? name : "?");
	}
}

static enum ph_value_text take_value_text(struct json_object *object)
{
	const char *name = text(object, "value"), *type = text(object, "name");
	/* those of dumps that do not say */
	if (!name && type && (!strcmp(type, "bytes") || !strcmp(type, "bytearray")))
		return PH_VALUE_BYTES;
	for (unsigned i = 0; name && i < PH_VALUE_TEXT_COUNT; i++)
		if (ph_value_text_name((enum ph_value_text)i) && !strcmp(name, ph_value_text_name((enum ph_value_text)i)))
			return (enum ph_value_text)i;
	return PH_VALUE_TEXT;
}

static void take_type(struct json_object *object, struct ph_arena *arena, struct ph_dump_type *ret)
{
	const char *address = text(object, "address"), *name = text(object, "name");
	int64_t index = number(object, "index", PH_NO_INDEX);
	*ret = (struct ph_dump_type){
		.index = index < 0 || index > PH_NO_INDEX ? PH_NO_INDEX : (uint32_t)index,
		.address = address ? strtoull(address, NULL, 16) : 0,
		.name = ph_arena_strdup(arena, name ? name : "?"),
		.module = ph_arena_strdup(arena, text(object, "module")),
		.basicsize = number(object, "basicsize", -1),
		.itemsize = number(object, "itemsize", -1),
		.count = (uint64_t)number(object, "count", 0),
		.is_heap = json_object_get_boolean(member(object, "heap", json_type_boolean)),
		.value = take_value_text(object),
	};
	take_slots(object, arena, ret);
}

static int compare_types(const void *a, const void *b)
{
	const struct ph_dump_type *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

static const char **take_names(struct json_object *names, struct ph_arena *arena, size_t *ret_count)
{
	size_t count = names ? json_object_array_length(names) : 0;
	const char **ret = ph_arena_array(arena, const char *, count + 1);
	for (size_t i = 0; ret && i < count; i++) {
		struct json_object *name = json_object_array_get_idx(names, i);
		ret[i] = ph_arena_strdup(arena, json_object_is_type(name, json_type_string) ?
							json_object_get_string(name) : "?");
	}
	*ret_count = count;
	return ret;
}

static struct ph_error *take_types(struct json_object *root, struct ph_dump_types *ret)
{
	struct json_object *types = member(root, "types", json_type_array);
	size_t count = types ? json_object_array_length(types) : 0;
	if (count > TYPES_COUNT_MAXIMUM)
		return &ph_error_no_memory;
	ret->types = ph_arena_array(&ret->arena, struct ph_dump_type, count + 1);
	ret->fields = take_names(member(root, "fields", json_type_array), &ret->arena, &ret->field_count);
	if (!ret->types || !ret->fields)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++)
		take_type(json_object_array_get_idx(types, i), &ret->arena, &ret->types[i]);
	ret->count = count;
	qsort(ret->types, count, sizeof(*ret->types), compare_types);
	return ret->arena.no_memory ? &ph_error_no_memory : NULL;
}

struct ph_error *ph_dump_types(struct ph_dump *dump, struct ph_dump_types *ret)
{
	ph_auto_free char *json = NULL;
	size_t size;
	struct ph_error *error = ph_dump_heap(&dump);
	if (error)
		return error;
	if (!ph_dump_is_full(dump) && !dump->archive.problem)
		return ph_dump_not_full(dump);
	error = ph_dump_member(dump, PH_MEMBER_TYPES, TYPES_MAXIMUM, &json, &size);
	if (error)
		return error;
	struct ph_dump_types types = { 0 };
	struct json_object *root = parse(json, size);
	if (!root)
		error = ph_error_create(PH_ERROR_BAD_DUMP, "%s: its member " PH_MEMBER_TYPES " is no JSON", dump->path);
	else
		error = take_types(root, &types);
	json_object_put(root);
	if (error) {
		ph_dump_types_deinit(&types);
		return error;
	}
	*ret = types;
	return NULL;
}

void ph_dump_types_deinit(struct ph_dump_types *types)
{
	ph_arena_deinit(&types->arena);
	*types = (struct ph_dump_types){ 0 };
}
