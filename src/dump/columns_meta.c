/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What describes the columns: types.json, and what Zarr wants of arrays and groups. */
#include "base/cleanup.h"
#include "dump/columns_batch.h"
#include "dump/format.h"
#include "record/json.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_MAXIMUM ((size_t)256 << 20)

static void put_slots(struct ph_json *j, const struct ph_heap_type *type)
{
	ph_json_key(j, "slots");
	ph_json_array(j, true);
	for (size_t i = 0; i < type->slot_count; i++) {
		ph_json_object(j, true);
		ph_json_put_string(j, "name", type->slots[i].name);
		ph_json_put_int(j, "offset", type->slots[i].offset);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
}

struct ph_error *ph_columns_take_type(void *self, const struct ph_heap_type *type)
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
	if (ph_value_text_name(type->value))
		ph_json_put_string(&j, "value", ph_value_text_name(type->value));
	ph_json_put_uint(&j, "count", type->count);
	if (type->slot_count)
		put_slots(&j, type);
	ph_json_object_end(&j);
	return c->types.no_memory || c->types.truncated ? &ph_error_no_memory : NULL;
}

struct ph_error *ph_columns_take_name(void *self, const char *name)
{
	struct ph_columns *c = self;
	ph_buffer_printf(&c->names, "%s\"%s\"", c->any_name ? ",\n " : "\n ", name);
	c->any_name = true;
	return NULL;
}

static struct ph_error *write_description(struct ph_columns *c, enum ph_column which, uint64_t items)
{
	const struct ph_column_form *form = &ph_column_forms[which];
	char name[64];
	ph_auto_buffer struct ph_buffer out = PH_BUFFER(4096);
	ph_buffer_printf(&out, "{\"zarr_format\":2,\"shape\":[%" PRIu64 "],\"chunks\":[%d],\"dtype\":\"%s\",", items,
			 PH_CHUNK, form->dtype);
	ph_buffer_puts(&out,
		       "\"order\":\"C\",\"fill_value\":0,\"compressor\":{\"id\":\"zstd\",\"level\":1},\"filters\":");
	if (form->width == 1)
		ph_buffer_puts(&out, "null}\n");
	else
		ph_buffer_printf(&out, "[%s{\"id\":\"shuffle\",\"elementsize\":%u}]}\n",
				 form->delta ? "{\"id\":\"delta\",\"dtype\":\"<u8\",\"astype\":\"<u8\"}," : "",
				 form->width);
	snprintf(name, sizeof(name), "%s/.zarray", form->name);
	return ph_zipwriter_add(c->writer, name, out.data, out.size);
}

const char *const ph_column_groups[PH_COLUMN_GROUPS] = { ".zgroup",	     "object/.zgroup", "edge/.zgroup",
							 "string/.zgroup", "value/.zgroup",  "root/.zgroup" };

static struct ph_error *write_groups(struct ph_columns *c)
{
	static const char group[] = "{\"zarr_format\":2}\n";
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < PH_COLUMN_GROUPS; i++)
		error = ph_zipwriter_add(c->writer, ph_column_groups[i], group, sizeof(group) - 1);
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

struct ph_error *ph_columns_write_meta(struct ph_columns *c)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; !error && i < PH_COLUMN_COUNT; i++)
		error = write_description(c, (enum ph_column)i, c->carries[i].chunks * PH_CHUNK + c->carries[i].count);
	if (!error)
		error = write_types(c);
	return error ? error : write_groups(c);
}
