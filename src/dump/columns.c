/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer of the columns: a chunk of each is held, and written when it is full. */
#include "dump/columns.h"

#include "base/cleanup.h"
#include "dump/format.h"
#include "record/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define WIDTH_MAXIMUM 8
#define TEXT_MAXIMUM ((size_t)256 << 20)
/* texts that were written last, to be found again: those of this size at most */
#define RECENT_BITS 12
#define RECENT_TEXT 27

struct column {
	uint8_t *items; /* a chunk */
	size_t count;	/* items in it */
	uint64_t chunks; /* written */
};

struct recent {
	uint32_t string;
	uint8_t size; /* 0: none */
	char text[RECENT_TEXT];
};

struct ph_columns {
	struct ph_zipwriter *writer; /* borrowed */
	struct column columns[PH_COLUMN_COUNT];
	void *scratch, *out;
	uint64_t edges;
	uint64_t strings, string_bytes;
	struct recent recent[1 << RECENT_BITS];
	struct ph_buffer types, names; /* of types.json */
	bool any_type, any_name;
};

struct ph_error *ph_columns_create(struct ph_zipwriter *writer, struct ph_columns **ret)
{
	struct ph_columns *c = calloc(1, sizeof(*c));
	if (!c)
		return &ph_error_no_memory;
	c->writer = writer;
	c->types = c->names = PH_BUFFER(TEXT_MAXIMUM);
	c->scratch = malloc((size_t)2 * WIDTH_MAXIMUM * PH_CHUNK);
	c->out = malloc(ph_chunk_bound(&ph_column_forms[PH_COLUMN_OBJECT_ADDRESS]));
	bool complete = c->scratch && c->out;
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++) {
		c->columns[i].items = malloc((size_t)ph_column_forms[i].width * PH_CHUNK);
		complete = complete && c->columns[i].items;
	}
	if (!complete) {
		ph_columns_free(c);
		return &ph_error_no_memory;
	}
	*ret = c;
	return NULL;
}

void ph_columns_free(struct ph_columns *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++)
		free(c->columns[i].items);
	free(c->scratch);
	free(c->out);
	ph_buffer_deinit(&c->types);
	ph_buffer_deinit(&c->names);
	free(c);
}

static struct ph_error *write_chunk(struct ph_columns *c, enum ph_column which)
{
	struct column *column = &c->columns[which];
	char name[64];
	size_t size = ph_chunk_encode(&ph_column_forms[which], column->items, column->count, c->scratch, c->out);
	if (!size)
		return &ph_error_no_memory;
	snprintf(name, sizeof(name), "%s/%" PRIu64, ph_column_forms[which].name, column->chunks);
	column->chunks++;
	column->count = 0;
	return ph_zipwriter_store(c->writer, name, c->out, size);
}

/* Little-endian, whatever we run on. */
static inline struct ph_error *put(struct ph_columns *c, enum ph_column which, uint64_t value)
{
	struct column *column = &c->columns[which];
	unsigned width = ph_column_forms[which].width;
	uint8_t *at = column->items + column->count * width;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(at, &value, width);
#else
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> 8 * i);
#endif
	return ++column->count == PH_CHUNK ? write_chunk(c, which) : NULL;
}

static struct ph_error *begin(void *self, uint64_t objects)
{
	(void)objects;
	struct ph_error *error = put(self, PH_COLUMN_EDGE_START, 0);
	return error ? error : put(self, PH_COLUMN_STRING_START, 0);
}

static struct ph_error *take_edges(void *self, const struct ph_heap_edge *edges, size_t count)
{
	struct ph_columns *c = self;
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < count; i++) {
		error = put(c, PH_COLUMN_EDGE_TARGET, edges[i].target);
		if (!error)
			error = put(c, PH_COLUMN_EDGE_KIND, edges[i].kind);
		if (!error)
			error = put(c, PH_COLUMN_EDGE_ARGUMENT, edges[i].argument);
	}
	c->edges += count;
	return error;
}

static struct ph_error *take_object(void *self, const struct ph_heap_object *object)
{
	struct ph_columns *c = self;
	const uint64_t values[] = {
		[PH_COLUMN_OBJECT_ADDRESS] = object->address,
		[PH_COLUMN_OBJECT_TYPE] = object->type,
		[PH_COLUMN_OBJECT_SIZE] = (uint64_t)object->size,
		[PH_COLUMN_OBJECT_REFCOUNT] = (uint64_t)object->refcount,
		[PH_COLUMN_OBJECT_LEN] = (uint64_t)object->len,
		[PH_COLUMN_OBJECT_FLAGS] = object->flags,
		[PH_COLUMN_EDGE_START] = c->edges,
	};
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < sizeof(values) / sizeof(*values); i++)
		error = put(c, (enum ph_column)i, values[i]);
	return error;
}

/* ---- texts ---- */

static struct ph_error *put_bytes(struct ph_columns *c, const char *text, size_t size)
{
	struct column *column = &c->columns[PH_COLUMN_STRING_BYTES];
	struct ph_error *error = NULL;
	c->string_bytes += size;
	while (!error && size) {
		size_t n = PH_CHUNK - column->count < size ? PH_CHUNK - column->count : size;
		memcpy(column->items + column->count, text, n);
		column->count += n;
		text += n, size -= n;
		if (column->count == PH_CHUNK)
			error = write_chunk(c, PH_COLUMN_STRING_BYTES);
	}
	return error;
}

static struct ph_error *put_text(struct ph_columns *c, const char *text, size_t size, uint32_t *ret)
{
	struct recent *recent = NULL;
	if (size && size <= RECENT_TEXT) {
		recent = &c->recent[XXH64(text, size, 0) & ((1 << RECENT_BITS) - 1)];
		if (recent->size == size && !memcmp(recent->text, text, size)) {
			*ret = recent->string;
			return NULL;
		}
	}
	if (c->strings == PH_NO_INDEX)
		return ph_error_create(PH_ERROR_IO, "too many texts for a dump: use --heap=stacks");
	if (recent) {
		recent->string = (uint32_t)c->strings;
		recent->size = (uint8_t)size;
		memcpy(recent->text, text, size);
	}
	*ret = (uint32_t)c->strings++;
	struct ph_error *error = put_bytes(c, text, size);
	return error ? error : put(c, PH_COLUMN_STRING_START, c->string_bytes);
}

static struct ph_error *take_value(void *self, uint32_t object, const char *text, size_t size)
{
	struct ph_columns *c = self;
	uint32_t string = 0;
	struct ph_error *error = put_text(c, text, size, &string);
	if (!error)
		error = put(c, PH_COLUMN_VALUE_OBJECT, object);
	return error ? error : put(c, PH_COLUMN_VALUE_STRING, string);
}

static struct ph_error *take_root(void *self, const struct ph_heap_root *root, uint32_t object)
{
	struct ph_columns *c = self;
	uint32_t string = PH_NO_INDEX;
	struct ph_error *error = root->name ? put_text(c, root->name, strlen(root->name), &string) : NULL;
	if (!error)
		error = put(c, PH_COLUMN_ROOT_OBJECT, object);
	if (!error)
		error = put(c, PH_COLUMN_ROOT_KIND, root->kind);
	return error ? error : put(c, PH_COLUMN_ROOT_NAME, string);
}

/* ---- types ---- */

static struct ph_error *take_type(void *self, const struct ph_heap_type *type)
{
	struct ph_columns *c = self;
	struct ph_json j = ph_json(&c->types, 0);
	ph_buffer_puts(&c->types, c->any_type ? ",\n " : "\n ");
	c->any_type = true;
	ph_json_object(&j, true);
	if (type->index == PH_NO_INDEX) {
		ph_json_key(&j, "index");
		ph_json_null(&j);
	} else {
		ph_json_put_uint(&j, "index", type->index);
	}
	ph_json_put_address(&j, "address", type->address);
	ph_json_put_string(&j, "name", type->name);
	ph_json_put_string(&j, "module", type->module);
	ph_json_put_int(&j, "basicsize", type->basicsize);
	ph_json_put_int(&j, "itemsize", type->itemsize);
	ph_json_put_bool(&j, "heap", type->is_heap);
	ph_json_put_uint(&j, "count", type->count);
	ph_json_object_end(&j);
	return c->types.no_memory || c->types.truncated ? &ph_error_no_memory : NULL;
}

static struct ph_error *take_name(void *self, const char *name)
{
	struct ph_columns *c = self;
	ph_buffer_printf(&c->names, "%s\"%s\"", c->any_name ? ",\n " : "\n ", name);
	c->any_name = true;
	return NULL;
}

struct ph_heap_sink ph_columns_sink(struct ph_columns *columns)
{
	return (struct ph_heap_sink){
		.self = columns,
		.begin = begin,
		.edges = take_edges,
		.object = take_object,
		.value = take_value,
		.root = take_root,
		.type = take_type,
		.field_name = take_name,
	};
}

/* ---- the end ---- */

static struct ph_error *write_description(struct ph_columns *c, enum ph_column which, uint64_t items)
{
	const struct ph_column_form *form = &ph_column_forms[which];
	char name[64];
	ph_auto_buffer struct ph_buffer out = PH_BUFFER(4096);
	ph_buffer_printf(&out, "{\"zarr_format\":2,\"shape\":[%" PRIu64 "],\"chunks\":[%d],\"dtype\":\"%s\",", items, PH_CHUNK,
			 form->dtype);
	ph_buffer_puts(&out, "\"order\":\"C\",\"fill_value\":0,\"compressor\":{\"id\":\"zstd\",\"level\":1},\"filters\":");
	if (form->width == 1)
		ph_buffer_puts(&out, "null}\n");
	else
		ph_buffer_printf(&out, "[%s{\"id\":\"shuffle\",\"elementsize\":%u}]}\n",
				 form->delta ? "{\"id\":\"delta\",\"dtype\":\"<u8\",\"astype\":\"<u8\"}," : "", form->width);
	snprintf(name, sizeof(name), "%s/.zarray", form->name);
	return ph_zipwriter_add(c->writer, name, out.data, out.size);
}

static struct ph_error *write_groups(struct ph_columns *c)
{
	static const char group[] = "{\"zarr_format\":2}\n";
	static const char *const names[] = { ".zgroup",	       "object/.zgroup", "edge/.zgroup",
					     "string/.zgroup", "value/.zgroup",	 "root/.zgroup" };
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < sizeof(names) / sizeof(*names); i++)
		error = ph_zipwriter_add(c->writer, names[i], group, sizeof(group) - 1);
	return error;
}

static struct ph_error *write_types(struct ph_columns *c)
{
	ph_auto_buffer struct ph_buffer out = PH_BUFFER(2 * TEXT_MAXIMUM);
	ph_buffer_puts(&out, "{\"types\":[");
	ph_buffer_append(&out, ph_buffer_text(&c->types), c->types.size);
	ph_buffer_puts(&out, "],\n\"fields\":[");
	ph_buffer_append(&out, ph_buffer_text(&c->names), c->names.size);
	ph_buffer_puts(&out, "]}\n");
	if (out.no_memory || c->names.no_memory)
		return &ph_error_no_memory;
	return ph_zipwriter_add(c->writer, PH_MEMBER_TYPES, out.data, out.size);
}

struct ph_error *ph_columns_finish(struct ph_columns *c)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < PH_COLUMN_COUNT; i++) {
		uint64_t items = c->columns[i].chunks * PH_CHUNK + c->columns[i].count;
		if (c->columns[i].count)
			error = write_chunk(c, (enum ph_column)i);
		if (!error)
			error = write_description(c, (enum ph_column)i, items);
	}
	if (!error)
		error = write_types(c);
	return error ? error : write_groups(c);
}
