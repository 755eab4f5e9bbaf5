/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's "image", written as JSON and read back. */
#include "record/json_read.h"
#include "record/report_private.h"

/* ---- to JSON; both lists only where they are not empty ---- */

static void put_unloaded(struct ph_json *j, const struct ph_report *r)
{
	if (!r->image.unloaded_count)
		return;
	ph_json_key(j, "unloaded_modules");
	ph_json_array(j, false);
	for (size_t i = 0; i < r->image.unloaded_count; i++) {
		const struct ph_unloaded *u = &r->image.unloaded[i];
		ph_json_object(j, true);
		ph_json_put_string(j, "module", u->module);
		ph_json_put_address(j, "start", u->start);
		ph_json_put_address(j, "end", u->end);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
}

static void put_annotations(struct ph_json *j, const struct ph_report *r)
{
	if (!r->image.annotation_count)
		return;
	ph_json_key(j, "annotations");
	ph_json_object(j, false);
	for (size_t i = 0; i < r->image.annotation_count; i++)
		ph_json_put_string(j, r->image.annotations[i].key, r->image.annotations[i].value);
	ph_json_object_end(j);
}

void ph_json_image(struct ph_json *j, const struct ph_report *r)
{
	ph_json_key(j, "image");
	ph_json_object(j, false);
	ph_json_put_string(j, "kind", r->image.kind);
	ph_json_put_string(j, "arch", r->image.arch);
	ph_json_put_string(j, "os", r->image.os);
	ph_json_put_known(j, "pid", r->image.pid, 0);
	ph_json_put_string(j, "command", r->image.command);
	ph_json_put_bool(j, "complete", r->image.complete);
	ph_json_key(j, "signal");
	if (r->image.signal_number) {
		ph_json_object(j, true);
		ph_json_put_int(j, "number", r->image.signal_number);
		ph_json_put_string(j, "name", r->image.signal_name);
		ph_json_key(j, "address");
		if (r->image.has_signal_address)
			ph_json_address(j, r->image.signal_address);
		else
			ph_json_null(j);
		ph_json_object_end(j);
	} else {
		ph_json_null(j);
	}
	put_unloaded(j, r);
	put_annotations(j, r);
	ph_json_object_end(j);
}

/* ---- from JSON ---- */

static void parse_unloaded(struct ph_report *r, struct json_object *o)
{
	size_t count;
	struct json_object *array = ph_json_get_array(o, "unloaded_modules", &count);
	r->image.unloaded = ph_arena_array(&r->arena, struct ph_unloaded, count);
	for (size_t i = 0; r->image.unloaded && i < count; i++) {
		struct json_object *u = json_object_array_get_idx(array, i);
		r->image.unloaded[r->image.unloaded_count++] = (struct ph_unloaded){
			.module = ph_json_get_string(&r->arena, u, "module"),
			.start = ph_json_get_address(u, "start"),
			.end = ph_json_get_address(u, "end"),
		};
	}
}

static void parse_annotations(struct ph_report *r, struct json_object *o)
{
	struct json_object *annotations = ph_json_get(o, "annotations");
	if (!json_object_is_type(annotations, json_type_object))
		return;
	size_t most = (size_t)json_object_object_length(annotations);
	r->image.annotations = ph_arena_array(&r->arena, struct ph_label, most);
	json_object_object_foreach(annotations, key, value) {
		if (r->image.annotations)
			r->image.annotations[r->image.annotation_count++] = (struct ph_label){
				ph_arena_strdup(&r->arena, key), ph_json_as_string(&r->arena, value)
			};
	}
}

void ph_report_parse_image(struct ph_report *r, struct json_object *o)
{
	struct json_object *signal = ph_json_get(o, "signal");
	r->image.kind = ph_json_get_string(&r->arena, o, "kind");
	r->image.arch = ph_json_get_string(&r->arena, o, "arch");
	r->image.os = ph_json_get_string(&r->arena, o, "os");
	r->image.pid = ph_json_get_int(o, "pid", 0);
	r->image.command = ph_json_get_string(&r->arena, o, "command");
	r->image.complete = ph_json_get_bool(o, "complete");
	r->image.signal_number = ph_json_get_int(signal, "number", 0);
	r->image.signal_name = ph_json_get_string(&r->arena, signal, "name");
	r->image.has_signal_address = json_object_is_type(ph_json_get(signal, "address"), json_type_string);
	r->image.signal_address = ph_json_get_address(signal, "address");
	parse_unloaded(r, o);
	parse_annotations(r, o);
}
