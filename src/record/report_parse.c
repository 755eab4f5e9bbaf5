/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON to records: the inverse of report_json.c, of text that is not trusted. */
#include "record/json_read.h"
#include "base/addrmap.h"
#include "base/cleanup.h"
#include "record/report_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define EXCEPTIONS_MAXIMUM 1000000

static const char *const local_kinds[] = { "argument", "local", "cell", "free" };
static const char *const exception_states[] = { NULL, "handled", "raised", "last" };
static const char *const redaction_modes[] = { "none", "secrets", "values" };
static const char *const damage_kinds[] = { "image", "report", "heap", "dropped" };

static int to_int(struct json_object *object, const char *key, int unknown)
{
	int64_t v = ph_json_get_int(object, key, unknown);
	return v < INT_MIN || v > INT_MAX ? unknown : (int)v;
}

static const char **parse_strings(struct ph_arena *arena, struct json_object *object, const char *key, size_t *ret)
{
	size_t count;
	struct json_object *array = ph_json_get_array(object, key, &count);
	const char **strings = ph_arena_array(arena, const char *, count);
	for (size_t i = 0; strings && i < count; i++)
		strings[i] = ph_json_as_string(arena, json_object_array_get_idx(array, i));
	*ret = strings ? count : 0;
	return strings;
}

static void parse_local(struct ph_arena *arena, struct json_object *o, struct ph_local *ret)
{
	int kind = ph_json_get_name(o, "kind", local_kinds, COUNT(local_kinds));
	*ret = (struct ph_local){
		.name = ph_json_get_string(arena, o, "name"),
		.kind = kind < 0 ? PH_LOCAL_LOCAL : (enum ph_local_kind)kind,
		.address = ph_json_get_address(o, "address"),
		.type = ph_json_get_string(arena, o, "type"),
		.repr = ph_json_get_string(arena, o, "repr"),
		.truncated = ph_json_get_bool(o, "truncated"),
		.redacted = ph_json_get_bool(o, "redacted"),
	};
}

static void parse_frame(struct ph_arena *arena, struct json_object *o, struct ph_frame *ret)
{
	size_t count;
	struct json_object *locals = ph_json_get_array(o, "locals", &count);
	*ret = (struct ph_frame){
		.function = ph_json_get_string(arena, o, "function"),
		.qualname = ph_json_get_string(arena, o, "qualname"),
		.module = ph_json_get_string(arena, o, "module"),
		.file = ph_json_get_string(arena, o, "file"),
		.line = to_int(o, "line", 0),
		.end_line = to_int(o, "end_line", 0),
		.column = to_int(o, "column", -1),
		.end_column = to_int(o, "end_column", -1),
		.source = ph_json_get_string(arena, o, "source"),
		.address = ph_json_get_address(o, "address"),
		.namespace = ph_json_get_address(o, "namespace"),
		.locals_omitted = (uint64_t)ph_json_get_int(o, "locals_omitted", 0),
		.locals = ph_arena_array(arena, struct ph_local, count),
	};
	for (size_t i = 0; ret->locals && i < count; i++)
		parse_local(arena, json_object_array_get_idx(locals, i), &ret->locals[ret->local_count++]);
}

static struct ph_frame *parse_frames(struct ph_arena *arena, struct json_object *o, const char *key, size_t *ret)
{
	size_t count;
	struct json_object *array = ph_json_get_array(o, key, &count);
	struct ph_frame *frames = ph_arena_array(arena, struct ph_frame, count);
	for (size_t i = 0; frames && i < count; i++)
		parse_frame(arena, json_object_array_get_idx(array, i), &frames[i]);
	*ret = frames ? count : 0;
	return frames;
}

/* ---- exceptions: nested ones into a flat, sorted array ---- */

struct collector {
	struct ph_arena *arena;
	struct ph_exception *found;
	size_t count, capacity;
	struct ph_addrmap seen;
	struct json_object **pending; /* borrowed; nested ones to come */
	size_t pending_count, pending_capacity;
	bool no_memory;
};

static void collector_deinit(struct collector *c)
{
	free(c->found);
	free(c->pending);
	ph_addrmap_deinit(&c->seen);
}

/* The address of "0x…", {"ref": "0x…"} or a whole exception, which is then parsed too. */
static ph_addr collect_later(struct collector *c, struct json_object *o)
{
	if (!o || !json_object_is_type(o, json_type_object))
		return ph_json_as_address(o);
	ph_addr ref = ph_json_get_address(o, "ref"), address = ph_json_get_address(o, "address");
	if (ref || !address)
		return ref;
	if (c->count + c->pending_count > EXCEPTIONS_MAXIMUM)
		return address;
	if (c->pending_count == c->pending_capacity) {
		size_t capacity = c->pending_capacity ? c->pending_capacity * 2 : 64;
		struct json_object **bigger = realloc(c->pending, capacity * sizeof(struct json_object *));
		if (!bigger) {
			c->no_memory = true;
			return address;
		}
		c->pending = bigger;
		c->pending_capacity = capacity;
	}
	c->pending[c->pending_count++] = o;
	return address;
}

static int64_t small_number(struct json_object *o, const char *key)
{
	int64_t number = ph_json_get_int(o, key, 0);
	return number < 0 || number > INT32_MAX ? 0 : number;
}

static const struct ph_syntax *parse_syntax(struct ph_arena *arena, struct json_object *o)
{
	struct ph_syntax *syntax =
		json_object_is_type(o, json_type_object) ? ph_arena_new(arena, struct ph_syntax) : NULL;
	if (!syntax)
		return NULL;
	*syntax = (struct ph_syntax){
		.message = ph_json_get_string(arena, o, "message"),
		.file = ph_json_get_string(arena, o, "file"),
		.text = ph_json_get_string(arena, o, "text"),
		.line = small_number(o, "line"),
		.offset = small_number(o, "offset"),
		.end_offset = small_number(o, "end_offset"),
	};
	return syntax;
}

static void parse_exception(struct collector *c, struct json_object *o, struct ph_exception *ret)
{
	size_t count;
	struct json_object *members = ph_json_get_array(o, "exceptions", &count);
	*ret = (struct ph_exception){
		.address = ph_json_get_address(o, "address"),
		.type = ph_json_get_string(c->arena, o, "type"),
		.module = ph_json_get_string(c->arena, o, "module"),
		.message = ph_json_get_string(c->arena, o, "message"),
		.suppress_context = ph_json_get_bool(o, "suppress_context"),
		.cause = collect_later(c, ph_json_get(o, "cause")),
		.context = collect_later(c, ph_json_get(o, "context")),
		.members = ph_arena_array(c->arena, ph_addr, count),
	};
	ret->args = parse_strings(c->arena, o, "args", &ret->arg_count);
	ret->arg_addresses = ph_arena_array(c->arena, ph_addr, ret->arg_count);
	ret->notes = parse_strings(c->arena, o, "notes", &ret->note_count);
	ret->syntax = parse_syntax(c->arena, ph_json_get(o, "syntax"));
	ret->traceback = parse_frames(c->arena, o, "traceback", &ret->traceback_count);
	for (size_t i = 0; ret->members && i < count; i++)
		ret->members[ret->member_count++] = collect_later(c, json_object_array_get_idx(members, i));
}

static void collect_nested(struct collector *c, struct json_object *o)
{
	size_t count;
	struct json_object *members = ph_json_get_array(o, "exceptions", &count);
	collect_later(c, ph_json_get(o, "cause"));
	collect_later(c, ph_json_get(o, "context"));
	for (size_t i = 0; i < count; i++)
		collect_later(c, json_object_array_get_idx(members, i));
}

static void collect(struct collector *c)
{
	while (c->pending_count && !c->no_memory) {
		struct json_object *o = c->pending[--c->pending_count];
		if (!ph_addrmap_add(&c->seen, ph_json_get_address(o, "address"))) {
			/* one place may nest what another has a reference to */
			collect_nested(c, o);
			continue;
		}
		if (c->count == c->capacity) {
			size_t capacity = c->capacity ? c->capacity * 2 : 16;
			struct ph_exception *bigger = realloc(c->found, capacity * sizeof(*bigger));
			if (!bigger) {
				c->no_memory = true;
				return;
			}
			c->found = bigger;
			c->capacity = capacity;
		}
		struct ph_exception e;
		parse_exception(c, o, &e);
		c->found[c->count++] = e;
	}
}

static int compare_exceptions(const void *a, const void *b)
{
	const struct ph_exception *x = a, *y = b;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Into the arena, sorted. */
static struct ph_exception *collected(struct collector *c)
{
	struct ph_exception *all = ph_arena_array(c->arena, struct ph_exception, c->count);
	if (c->count)
		qsort(c->found, c->count, sizeof(*c->found), compare_exceptions);
	if (all && c->count)
		memcpy(all, c->found, c->count * sizeof(*all));
	return all;
}

/* ---- the report ---- */

static void parse_python(struct ph_report *r, struct json_object *o)
{
	r->python.implementation = ph_json_get_string(&r->arena, o, "implementation");
	r->python.version = ph_json_get_string(&r->arena, o, "version");
	r->python.debug = ph_json_get_bool(o, "debug");
	r->python.free_threaded = ph_json_get_bool(o, "free_threaded");
	r->python.executable = ph_json_get_string(&r->arena, o, "executable");
	r->python.origin = ph_json_get_string(&r->arena, o, "origin");
	r->python.guessed = ph_json_get_bool(o, "guessed");
	r->python.other = ph_json_get_string(&r->arena, o, "other");
	r->python.state = ph_json_get_string(&r->arena, o, "state");
}

static void parse_three(struct json_object *o, const char *key, int64_t ret[3])
{
	size_t count;
	struct json_object *array = ph_json_get_array(o, key, &count);
	for (size_t i = 0; i < 3; i++) {
		struct json_object *v = i < count ? json_object_array_get_idx(array, i) : NULL;
		ret[i] = v && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
	}
}

static void parse_interpreters(struct ph_report *r, struct json_object *root)
{
	size_t count;
	struct json_object *array = ph_json_get_array(root, "interpreters", &count);
	r->interpreters = ph_arena_array(&r->arena, struct ph_interpreter, count);
	for (size_t i = 0; r->interpreters && i < count; i++) {
		struct json_object *o = json_object_array_get_idx(array, i), *gc = ph_json_get(o, "gc");
		struct ph_interpreter *p = &r->interpreters[r->interpreter_count++];
		p->id = ph_json_get_int(o, "id", 0);
		p->main = ph_json_get_bool(o, "main");
		p->idle_thread_states = ph_json_get_int(o, "idle_thread_states", 0);
		p->has_gc = json_object_is_type(gc, json_type_object);
		p->gc_enabled = ph_json_get_bool(gc, "enabled");
		p->gc_collecting = ph_json_get_bool(gc, "collecting");
		parse_three(gc, "counts", p->gc_counts);
		parse_three(gc, "thresholds", p->gc_thresholds);
		p->gc_garbage = ph_json_get_int(gc, "garbage", -1);
	}
}

static bool parse_pc(struct ph_arena *arena, struct json_object *o, struct ph_code_location *ret)
{
	struct json_object *pc = ph_json_get(o, "pc");
	if (!json_object_is_type(pc, json_type_object))
		return false;
	ret->module = ph_json_get_string(arena, pc, "module");
	ret->has_offset = json_object_is_type(ph_json_get(pc, "offset"), json_type_string);
	ret->offset = ph_json_get_address(pc, "offset");
	ret->build_id = ph_json_get_string(arena, pc, "build_id");
	ret->symbol = ph_json_get_string(arena, pc, "symbol");
	return true;
}

static void parse_thread(struct collector *c, struct json_object *o, struct ph_thread *t)
{
	struct json_object *waiting = ph_json_get(o, "waiting_for");
	size_t count;
	t->id = ph_json_get_uint(o, "id");
	t->native_id = ph_json_get_int(o, "native_id", 0);
	t->name = ph_json_get_string(c->arena, o, "name");
	t->interpreter = ph_json_get_int(o, "interpreter", 0);
	t->crashed = ph_json_get_bool(o, "crashed");
	t->holds_gil = ph_json_get_bool(o, "holds_gil");
	t->has_waiting = json_object_is_type(waiting, json_type_object);
	t->waiting_for.what = ph_json_get_string(c->arena, waiting, "what");
	t->waiting_for.address = ph_json_get_address(waiting, "address");
	t->waiting_for.syscall = ph_json_get_int(waiting, "syscall", -1);
	t->waiting_for.name = ph_json_get_string(c->arena, waiting, "name");
	t->has_pc = parse_pc(c->arena, o, &t->pc);
	t->frames = parse_frames(c->arena, o, "frames", &t->frame_count);
	t->frames_omitted = ph_json_get_uint(o, "frames_omitted");
	struct json_object *array = ph_json_get_array(o, "exceptions", &count);
	t->exceptions = ph_arena_array(c->arena, struct ph_state_exception, count);
	for (size_t i = 0; t->exceptions && i < count; i++) {
		struct json_object *e = json_object_array_get_idx(array, i);
		int state = ph_json_get_name(e, "state", exception_states, COUNT(exception_states));
		t->exceptions[t->exception_count++] = (struct ph_state_exception){
			.address = collect_later(c, e),
			.state = state < 0 ? PH_EXCEPTION_NONE : (enum ph_exception_state)state,
		};
	}
}

static void parse_threads(struct ph_report *r, struct json_object *root, struct collector *c)
{
	size_t count;
	struct json_object *array = ph_json_get_array(root, "threads", &count);
	r->threads = ph_arena_array(&r->arena, struct ph_thread, count);
	for (size_t i = 0; r->threads && i < count; i++)
		parse_thread(c, json_object_array_get_idx(array, i), &r->threads[r->thread_count++]);
	array = ph_json_get_array(root, "native_threads", &count);
	r->native_threads = ph_arena_array(&r->arena, struct ph_native_thread_record, count);
	for (size_t i = 0; r->native_threads && i < count; i++) {
		struct json_object *o = json_object_array_get_idx(array, i);
		struct ph_native_thread_record *t = &r->native_threads[r->native_thread_count++];
		t->native_id = ph_json_get_int(o, "native_id", 0);
		t->name = ph_json_get_string(&r->arena, o, "name");
		t->crashed = ph_json_get_bool(o, "crashed");
		t->has_pc = parse_pc(&r->arena, o, &t->pc);
	}
}

static void parse_task(struct ph_arena *arena, struct json_object *o, struct ph_task *t)
{
	struct json_object *waiting = ph_json_get(o, "waiting_for");
	t->name = ph_json_get_string(arena, o, "name");
	t->state = ph_json_get_string(arena, o, "state");
	t->coroutine = ph_json_get_string(arena, o, "coroutine");
	t->awaiting = parse_frames(arena, o, "awaiting", &t->awaiting_count);
	t->has_waiting = json_object_is_type(waiting, json_type_object);
	t->waiting_for.what = ph_json_get_string(arena, waiting, "what");
	t->waiting_for.address = ph_json_get_address(waiting, "address");
	t->waiting_for.type = ph_json_get_string(arena, waiting, "type");
	t->waiting_for.name = ph_json_get_string(arena, waiting, "name");
	t->waiting_for.future = ph_json_get_address(waiting, "future");
	t->interpreter = ph_json_get_int(o, "interpreter", 0);
	t->thread = ph_json_get_uint(o, "thread");
	t->address = ph_json_get_address(o, "address");
	t->type = ph_json_get_string(arena, o, "type");
	t->parent = ph_json_get_address(o, "parent");
	t->task = ph_json_get_string(arena, o, "task");
}

static void parse_tasks(struct ph_report *r, struct json_object *root, const char *key, const char *omitted_key,
			struct ph_task_list *list)
{
	size_t count;
	struct json_object *array = ph_json_get_array(root, key, &count);
	list->items = ph_arena_array(&r->arena, struct ph_task, count);
	list->omitted = ph_json_get_uint(root, omitted_key);
	for (size_t i = 0; list->items && i < count; i++)
		parse_task(&r->arena, json_object_array_get_idx(array, i), &list->items[list->count++]);
}

static void parse_damage(struct ph_report *r, struct json_object *root)
{
	size_t count;
	struct json_object *array = ph_json_get_array(root, "damage", &count);
	for (size_t i = 0; i < count; i++) {
		struct json_object *o = json_object_array_get_idx(array, i);
		const char *where = ph_json_get_string(&r->arena, o, "where");
		const char *what = ph_json_get_string(&r->arena, o, "what");
		int kind = ph_json_get_name(o, "kind", damage_kinds, COUNT(damage_kinds));
		size_t before = r->damage.count;
		if (kind == (int)COUNT(damage_kinds) - 1) {
			r->damage.dropped += ph_json_get_uint(o, "count");
			continue;
		}
		ph_damage_add(&r->damage, kind < 0 ? PH_DAMAGE_HEAP : (enum ph_damage_kind)kind, where ? where : "?",
			      "%s", what ? what : "?");
		if (r->damage.count > before)
			r->damage.entries[before].count = ph_json_get_uint(o, "count");
	}
}

static void parse_tail(struct ph_report *r, struct json_object *root)
{
	struct json_object *s = ph_json_get(root, "signature"), *redaction = ph_json_get(root, "redaction");
	struct json_object *labels = ph_json_get(root, "labels");
	int mode = ph_json_get_name(redaction, "mode", redaction_modes, COUNT(redaction_modes));
	r->signature.version = to_int(s, "version", 0);
	r->signature.hash = ph_json_get_string(&r->arena, s, "hash");
	r->signature.title = ph_json_get_string(&r->arena, s, "title");
	r->signature.frames = parse_strings(&r->arena, s, "frames", &r->signature.frame_count);
	r->redaction.mode = mode < 0 ? PH_REDACT_NONE : (enum ph_redaction_mode)mode;
	r->redaction.count = ph_json_get_uint(redaction, "count");
	parse_damage(r, root);
	if (!json_object_is_type(labels, json_type_object))
		return;
	r->labels = ph_arena_array(&r->arena, struct ph_label, (size_t)json_object_object_length(labels));
	json_object_object_foreach(labels, key, value) {
		if (r->labels)
			r->labels[r->label_count++] = (struct ph_label){ ph_arena_strdup(&r->arena, key),
									 ph_json_as_string(&r->arena, value) };
	}
}

static struct ph_error *parse_exceptions(struct collector *c, const char *json, size_t size)
{
	ph_auto_json_object struct json_object *root = NULL;
	struct ph_error *error = json ? ph_json_read(json, size, "exceptions.json", &root) : NULL;
	size_t count;
	struct json_object *array = ph_json_get_array(root, "exceptions", &count);
	for (size_t i = 0; i < count; i++)
		collect_later(c, json_object_array_get_idx(array, i));
	collect(c);
	return error;
}

struct ph_error *ph_report_parse(const char *json, size_t size, const char *exceptions_json, size_t exceptions_size,
				 struct ph_report *ret)
{
	ph_auto_json_object struct json_object *root = NULL;
	struct ph_error *error = ph_json_read(json, size, "report.json", &root);
	if (error)
		return error;
	struct json_object *format = ph_json_get(root, "format");
	if (!json_object_is_type(format, json_type_string) ||
	    strcmp(json_object_get_string(format), "pyheap-report") != 0)
		return ph_error_create(PH_ERROR_BAD_DUMP, "report.json is not a report of ours");
	if (ph_json_get_int(root, "version", 1) != 1)
		return ph_error_create(PH_ERROR_BAD_DUMP,
				       "report.json is of version %lld, this program knows version 1: use a newer one",
				       (long long)ph_json_get_int(root, "version", 1));
	struct ph_report report = { .arena.maximum = ret->arena.maximum };
	struct collector c = { .arena = &report.arena };
	ph_report_parse_image(&report, ph_json_get(root, "image"));
	parse_python(&report, ph_json_get(root, "python"));
	parse_interpreters(&report, root);
	parse_threads(&report, root, &c);
	parse_tasks(&report, root, "tasks", "tasks_omitted", &report.tasks);
	parse_tasks(&report, root, "greenlets", "greenlets_omitted", &report.greenlets);
	parse_tail(&report, root);
	collect(&c);
	error = parse_exceptions(&c, exceptions_json, exceptions_size);
	report.exceptions = collected(&c);
	report.exception_count = report.exceptions ? c.count : 0;
	if (!error && (report.arena.no_memory || c.no_memory))
		error = &ph_error_no_memory;
	collector_deinit(&c);
	if (error)
		ph_report_deinit(&report);
	else
		*ret = report;
	return error;
}

/* ---- one object ---- */

static ph_addr *parse_addresses(struct ph_arena *arena, struct json_object *o, const char *key, size_t *ret)
{
	size_t count;
	struct json_object *array = ph_json_get_array(o, key, &count);
	ph_addr *addresses = ph_arena_array(arena, ph_addr, count);
	for (size_t i = 0; addresses && i < count; i++)
		addresses[i] = ph_json_as_address(json_object_array_get_idx(array, i));
	*ret = addresses ? count : 0;
	return addresses;
}

static void parse_children(struct ph_arena *arena, struct json_object *o, struct ph_object *ret)
{
	size_t count;
	struct json_object *pairs = ph_json_get_array(o, "pairs", &count), *attributes = ph_json_get(o, "attributes");
	ret->has_items = ph_json_get(o, "items") != NULL;
	ret->items = parse_addresses(arena, o, "items", &ret->item_count);
	ret->has_pairs = pairs != NULL;
	ret->pairs = ph_arena_calloc(arena, count, sizeof(*ret->pairs));
	for (size_t i = 0; ret->pairs && i < count; i++) {
		struct json_object *pair = json_object_array_get_idx(pairs, i);
		bool two = json_object_is_type(pair, json_type_array) && json_object_array_length(pair) == 2;
		ret->pairs[ret->pair_count][0] = two ? ph_json_as_address(json_object_array_get_idx(pair, 0)) : 0;
		ret->pairs[ret->pair_count++][1] = two ? ph_json_as_address(json_object_array_get_idx(pair, 1)) : 0;
	}
	if (!json_object_is_type(attributes, json_type_object))
		return;
	ret->attributes =
		ph_arena_array(arena, struct ph_object_attribute, (size_t)json_object_object_length(attributes));
	json_object_object_foreach(attributes, key, value) {
		if (ret->attributes)
			ret->attributes[ret->attribute_count++] = (struct ph_object_attribute){
				ph_arena_strdup(arena, key), ph_json_as_address(value)
			};
	}
}

static bool parse_object_exception(struct ph_arena *arena, struct json_object *o, struct ph_object *ret)
{
	struct collector c = { .arena = arena };
	ret->exception = ph_arena_new(arena, struct ph_exception);
	if (ret->exception) {
		ph_addrmap_add(&c.seen, ph_json_get_address(o, "address"));
		parse_exception(&c, o, ret->exception);
		collect(&c);
		ret->exception_members = collected(&c);
		ret->exception_member_count = ret->exception_members ? c.count : 0;
	}
	bool good = !c.no_memory;
	collector_deinit(&c);
	return good;
}

struct ph_error *ph_object_parse(const char *json, size_t size, struct ph_arena *arena, struct ph_object *ret)
{
	ph_auto_json_object struct json_object *o = NULL;
	struct ph_error *error = ph_json_read(json, size, "the object", &o);
	if (error)
		return error;
	struct json_object *frame = ph_json_get(o, "frame"), *exception = ph_json_get(o, "exception");
	struct ph_object object = {
		.address = ph_json_get_address(o, "address"),
		.type = ph_json_get_string(arena, o, "type"),
		.module = ph_json_get_string(arena, o, "module"),
		.size = ph_json_get_int(o, "size", INT64_MIN),
		.refcount = ph_json_get_int(o, "refcount", INT64_MIN),
		.repr = ph_json_get_string(arena, o, "repr"),
		.truncated = ph_json_get_bool(o, "truncated"),
		.redacted = ph_json_get_bool(o, "redacted"),
		.len = ph_json_get_int(o, "len", INT64_MIN),
		.value = ph_json_get_string(arena, o, "value"),
	};
	parse_children(arena, o, &object);
	if (json_object_is_type(frame, json_type_object)) {
		object.frame = ph_arena_new(arena, struct ph_frame);
		if (object.frame)
			parse_frame(arena, frame, object.frame);
	}
	bool good = true;
	if (json_object_is_type(exception, json_type_object))
		good = parse_object_exception(arena, exception, &object);
	if (arena->no_memory || !good)
		return &ph_error_no_memory;
	*ret = object;
	return NULL;
}
