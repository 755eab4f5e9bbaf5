/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/manifest.h"

#include "base/cleanup.h"
#include "dump/format.h"
#include "dump/reader.h"
#include "record/json.h"
#include "record/json_read.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

/* ---- writing ---- */

void ph_dump_source_member(const char *path, size_t index, struct ph_buffer *out)
{
	path = path ? path : "";
	const char *name = path;
	for (const char *p = path; *p; p++)
		if ((*p == '/' || *p == '\\') && p[1])
			name = p + 1;
	ph_buffer_printf(out, PH_MEMBER_SOURCES "%04zu-", index + 1);
	size_t length = strlen(name), first = length > 64 ? length - 64 : 0; /* keeps the .py */
	for (size_t i = first; i < length; i++) {
		char c = name[i];
		bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
			    c == '-' || (c == '.' && i > first && name[i - 1] != '.');
		ph_buffer_putc(out, safe ? c : '_');
	}
}

static void put_entries(struct ph_json *j, const struct ph_damage *damage, size_t first)
{
	static const char *const kinds[] = {
		[PH_DAMAGE_IMAGE] = "image", [PH_DAMAGE_REPORT] = "report", [PH_DAMAGE_HEAP] = "heap"
	};
	for (size_t i = first; damage && i < damage->count; i++) {
		const struct ph_damage_entry *entry = &damage->entries[i];
		ph_json_object(j, true);
		ph_json_put_string(j, "kind", kinds[entry->kind]);
		ph_json_put_string(j, "where", entry->where);
		ph_json_put_string(j, "what", entry->what);
		ph_json_put_uint(j, "count", entry->count);
		ph_json_object_end(j);
	}
}

static void put_damage(struct ph_json *j, const struct ph_damage *damage, const struct ph_damage *of_heap)
{
	ph_json_key(j, "damage");
	ph_json_array(j, false);
	put_entries(j, damage, 0);
	put_entries(j, of_heap, 0);
	ph_json_array_end(j);
	ph_json_put_uint(j, "damage_dropped", damage->dropped + (of_heap ? of_heap->dropped : 0));
}

void ph_dump_damage_json(const struct ph_damage *heap_damage, size_t first, uint64_t dropped, struct ph_buffer *out)
{
	struct ph_json j = ph_json(out, 2);
	ph_json_object(&j, false);
	ph_json_key(&j, "damage");
	ph_json_array(&j, false);
	put_entries(&j, heap_damage, first);
	ph_json_array_end(&j);
	ph_json_put_uint(&j, "damage_dropped", dropped);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

static void put_sources(struct ph_json *j, const struct ph_dump_contents *contents)
{
	ph_json_key(j, "sources");
	ph_json_array(j, false);
	for (size_t i = 0; i < contents->source_count; i++) {
		const struct ph_dump_source_file *source = &contents->sources[i];
		ph_auto_buffer struct ph_buffer member = PH_BUFFER(256);
		ph_dump_source_member(source->path, i, &member);
		ph_json_object(j, true);
		ph_json_put_string(j, "path", source->path);
		ph_json_put_string(j, "member", ph_buffer_text(&member));
		ph_json_put_uint(j, "size", source->size);
		ph_json_put_bool(j, "newer", source->newer);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
}

static void put_tool(struct ph_json *j)
{
	ph_json_put_string(j, "format", PH_DUMP_FORMAT);
	ph_json_put_int(j, "version", PH_DUMP_VERSION);
	ph_json_key(j, "tool");
	ph_json_object(j, true);
	ph_json_put_string(j, "name", "core2pyheap");
	ph_json_put_string(j, "version", PACKAGE_VERSION);
	ph_json_object_end(j);
}

static void put_closure(struct ph_json *j, const struct ph_dump_contents *contents)
{
	ph_json_put_string(j, "heap", contents->heap);
	ph_json_key(j, "closure");
	if (!contents->render) {
		ph_json_null(j);
		return;
	}
	ph_json_object(j, true);
	ph_json_put_uint(j, "count", contents->closure_count);
	ph_json_put_bool(j, "cut", contents->closure_cut);
	ph_json_object_end(j);
}

static void put_policy(struct ph_json *j, const struct ph_report *report)
{
	static const char *const modes[] = {
		[PH_REDACT_NONE] = "none", [PH_REDACT_SECRETS] = "secrets", [PH_REDACT_VALUES] = "values"
	};
	ph_json_key(j, "redaction");
	ph_json_object(j, true);
	ph_json_put_string(j, "mode", modes[report->redaction.mode]);
	ph_json_put_uint(j, "count", report->redaction.count);
	ph_json_object_end(j);
	ph_json_key(j, "labels");
	ph_json_object(j, true);
	for (size_t i = 0; i < report->label_count; i++)
		ph_json_put_string(j, report->labels[i].key, report->labels[i].value);
	ph_json_object_end(j);
}

void ph_dump_manifest_json(const struct ph_dump_contents *contents, const struct ph_dump_front *front,
			   const struct ph_damage *heap_damage,
			   struct ph_buffer *out)
{
	const struct ph_report *report = contents->report;
	char crc[16];
	struct ph_json j = ph_json(out, 2);
	ph_json_object(&j, false);
	put_tool(&j);
	snprintf(crc, sizeof(crc), "%08" PRIx32, front->crc);
	ph_json_key(&j, "front");
	ph_json_object(&j, true);
	ph_json_put_uint(&j, "size", front->size);
	ph_json_put_string(&j, "crc32", crc);
	ph_json_object_end(&j);
	ph_json_put_string(&j, "python", report->python.version);
	ph_json_put_string(&j, "layout", report->python.origin);
	ph_json_put_bool(&j, "complete", report->image.complete);
	put_closure(&j, contents);
	put_policy(&j, report);
	ph_json_key(&j, "details");
	ph_json_object(&j, false);
	for (size_t i = 0; i < contents->field_count; i++)
		ph_json_put_string(&j, contents->fields[i].key, contents->fields[i].value);
	ph_json_object_end(&j);
	put_damage(&j, &report->damage, heap_damage);
	if (report->damage.missing)
		ph_json_put_uint(&j, "missing", report->damage.missing);
	put_sources(&j, contents);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

void ph_dump_modules_json(const struct ph_dump_contents *contents, struct ph_buffer *out)
{
	struct ph_json j = ph_json(out, 2);
	ph_json_object(&j, false);
	ph_json_key(&j, "modules");
	ph_json_array(&j, false);
	for (size_t i = 0; i < contents->module_count; i++) {
		const struct ph_dump_module *module = &contents->modules[i];
		ph_json_object(&j, true);
		ph_json_put_string(&j, "path", module->path);
		ph_json_put_string(&j, "build_id", module->build_id);
		ph_json_put_address(&j, "start", module->start);
		ph_json_put_address(&j, "end", module->end);
		ph_json_put_string(&j, "why_not", module->why_not);
		ph_json_object_end(&j);
	}
	ph_json_array_end(&j);
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

/* ---- reading ---- */

bool ph_manifest_parse(const char *json, size_t size, struct ph_manifest *ret)
{
	struct json_tokener *tokener = json_tokener_new_ex(16);
	if (!tokener)
		return false;
	struct json_object *root = size < INT32_MAX ? json_tokener_parse_ex(tokener, json, (int)size) : NULL, *format,
			   *version, *closure, *value;
	bool is_object = json_object_is_type(root, json_type_object);
	*ret = (struct ph_manifest){ .version = -1, .closure_count = -1 };
	if (is_object) {
		if (json_object_object_get_ex(root, "format", &format) && json_object_is_type(format, json_type_string))
			ret->is_ours = !strcmp(json_object_get_string(format), PH_DUMP_FORMAT);
		if (json_object_object_get_ex(root, "version", &version) && json_object_is_type(version, json_type_int))
			ret->version = json_object_get_int64(version);
		ret->has_closure = json_object_object_get_ex(root, "closure", &closure) && closure;
		if (ret->has_closure && json_object_is_type(closure, json_type_object) &&
		    json_object_object_get_ex(closure, "count", &value) && json_object_is_type(value, json_type_int))
			ret->closure_count = json_object_get_int64(value);
		if (json_object_object_get_ex(root, "heap", &value) && json_object_is_type(value, json_type_string))
			ret->is_full = !strcmp(json_object_get_string(value), "full");
		if (json_object_object_get_ex(root, "front", &value) &&
		    json_object_object_get_ex(value, "crc32", &closure) &&
		    json_object_is_type(closure, json_type_string)) {
			ret->front.size = ph_json_get_uint(value, "size");
			ret->front.crc = (uint32_t)strtoul(json_object_get_string(closure), NULL, 16);
		}
	}
	json_object_put(root);
	json_tokener_free(tokener);
	return is_object;
}

static void take_damage(struct json_object *root, struct ph_damage *ret)
{
	size_t count;
	struct json_object *entries = ph_json_get_array(root, "damage", &count);
	struct ph_arena arena = { 0 };
	for (size_t i = 0; i < count && i < PH_DAMAGE_MAXIMUM; i++) {
		struct json_object *entry = json_object_array_get_idx(entries, i);
		const char *kind = ph_json_get_string(&arena, entry, "kind"),
			   *where = ph_json_get_string(&arena, entry, "where"),
			   *what = ph_json_get_string(&arena, entry, "what");
		enum ph_damage_kind of = kind && !strcmp(kind, "heap")	 ? PH_DAMAGE_HEAP
					 : kind && !strcmp(kind, "image") ? PH_DAMAGE_IMAGE
									  : PH_DAMAGE_REPORT;
		if (where && what)
			ph_damage_take(ret, &(struct ph_damage_entry){ of, (char *)where, (char *)what,
								       ph_json_get_uint(entry, "count") });
	}
	ret->dropped += ph_json_get_uint(root, "damage_dropped");
	ret->missing += ph_json_get_uint(root, "missing");
	ph_arena_deinit(&arena);
}

static struct ph_error *read_damage(struct ph_dump *dump, const char *member, struct ph_damage *ret)
{
	ph_auto_free char *json = NULL;
	ph_auto_json_object struct json_object *root = NULL;
	size_t size;
	enum ph_member_state state;
	struct ph_error *error =
		ph_dump_member_partial(dump, member, PH_MANIFEST_MAXIMUM, &json, &size, &state);
	if (error || !json || state)
		return error;
	error = ph_json_read(json, size, member, &root);
	if (!error)
		take_damage(root, ret);
	if (!error || error->code == PH_ERROR_NO_MEMORY)
		return error;
	ph_error_free(error);
	return NULL;
}

struct ph_error *ph_dump_damage(struct ph_dump *dump, struct ph_damage *ret)
{
	struct ph_error *error = ph_dump_heap(&dump);
	if (!error)
		error = read_damage(dump, PH_MEMBER_MANIFEST, ret);
	return error ? error : read_damage(dump, PH_MEMBER_DAMAGE, ret);
}
