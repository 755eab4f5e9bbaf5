/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as JSON, the keys in the contract's order (design.md section 7).  report_parse.c is the inverse. */
#include "record/json.h"
#include "record/report_private.h"

#include <string.h>

static const char *const local_kinds[] = { "argument", "local", "cell", "free" };
static const char *const exception_states[] = { NULL, "handled", "raised", "last" };
static const char *const redaction_modes[] = { "none", "secrets", "values" };
static const char *const damage_kinds[] = { "image", "report", "heap" };

static void put_strings(struct ph_json *j, const char *key, const char *const *strings, size_t count)
{
	ph_json_key(j, key);
	ph_json_array(j, true);
	for (size_t i = 0; i < count; i++)
		ph_json_string(j, strings[i]);
	ph_json_array_end(j);
}

static void put_local(struct ph_json *j, const struct ph_local *local)
{
	ph_json_object(j, true);
	ph_json_put_string(j, "name", local->name);
	ph_json_put_string(j, "kind", local_kinds[local->kind]);
	ph_json_put_address(j, "address", local->address);
	ph_json_put_string(j, "type", local->type);
	ph_json_put_string(j, "repr", local->repr);
	ph_json_put_bool(j, "truncated", local->truncated);
	ph_json_put_bool(j, "redacted", local->redacted);
	ph_json_object_end(j);
}

static void put_frame(struct ph_json *j, const struct ph_frame *frame)
{
	ph_json_object(j, false);
	ph_json_put_string(j, "function", frame->function);
	ph_json_put_string(j, "qualname", frame->qualname);
	ph_json_put_string(j, "module", frame->module);
	ph_json_put_string(j, "file", frame->file);
	ph_json_put_known(j, "line", frame->line, 0);
	ph_json_put_known(j, "end_line", frame->end_line, 0);
	ph_json_put_known(j, "column", frame->column, -1);
	ph_json_put_known(j, "end_column", frame->end_column, -1);
	ph_json_put_string(j, "source", frame->source);
	ph_json_put_address(j, "address", frame->address);
	if (frame->namespace)
		ph_json_put_address(j, "namespace", frame->namespace);
	ph_json_key(j, "locals");
	ph_json_array(j, false);
	for (size_t i = 0; i < frame->local_count; i++)
		put_local(j, &frame->locals[i]);
	ph_json_array_end(j);
	if (frame->locals_omitted)
		ph_json_put_int(j, "locals_omitted", (int64_t)frame->locals_omitted);
	ph_json_object_end(j);
}

static void put_frames(struct ph_json *j, const char *key, const struct ph_frame *frames, size_t count)
{
	ph_json_key(j, key);
	ph_json_array(j, false);
	for (size_t i = 0; i < count; i++)
		put_frame(j, &frames[i]);
	ph_json_array_end(j);
}

/* ---- exceptions: nested, on a stack of our own ---- */

struct nest {
	struct ph_json *json;
	const struct ph_report *report; /* where chains are looked up, or … */
	const struct ph_object *object; /* … the members of this one, chains being refs */
	unsigned depth, budget;
	struct nest_level {
		const struct ph_exception *exception;
		enum ph_exception_state state;
		unsigned step; /* 0 cause, 1 context, 2 before the members, then each member */
	} levels[PH_EXCEPTION_DEPTH];
};

static const struct ph_exception *look_up(const struct nest *nest, ph_addr address)
{
	if (nest->report)
		return ph_report_exception(nest->report, address);
	for (size_t i = 0; i < nest->object->exception_member_count; i++)
		if (nest->object->exception_members[i].address == address)
			return &nest->object->exception_members[i];
	return NULL;
}

static void put_ref(struct ph_json *j, ph_addr address)
{
	ph_json_object(j, true);
	ph_json_put_address(j, "ref", address);
	ph_json_object_end(j);
}

/* Reprs, as in the contract, but for one case: a repr within double quotes (a str
 * that holds a single one) stands without them.  Scripts look for an argument's
 * text in the printed list, where a text of both quotes is escaped a second time
 * and no longer found; so does the conformance checker.  doc/json.md says it. */
static void put_args(struct ph_json *j, const struct ph_exception *e)
{
	ph_json_key(j, "args");
	ph_json_array(j, true);
	for (size_t i = 0; i < e->arg_count; i++) {
		const char *text = e->args[i];
		size_t size = text ? strlen(text) : 0;
		if (size >= 2 && text[0] == '"' && text[size - 1] == '"')
			ph_json_string_n(j, text + 1, size - 2);
		else
			ph_json_string(j, text);
	}
	ph_json_array_end(j);
}

static void put_syntax(struct ph_json *j, const struct ph_syntax *syntax)
{
	ph_json_key(j, "syntax");
	ph_json_object(j, true);
	ph_json_put_string(j, "message", syntax->message);
	ph_json_put_string(j, "file", syntax->file);
	ph_json_put_int(j, "line", syntax->line);
	ph_json_put_string(j, "text", syntax->text);
	ph_json_put_int(j, "offset", syntax->offset);
	ph_json_put_int(j, "end_offset", syntax->end_offset);
	ph_json_object_end(j);
}

static void put_exception_head(struct ph_json *j, const struct ph_exception *e)
{
	ph_json_object(j, false);
	ph_json_put_string(j, "type", e->type);
	ph_json_put_string(j, "module", e->module);
	ph_json_put_string(j, "message", e->message);
	put_args(j, e);
	put_strings(j, "notes", e->notes, e->note_count);
	if (e->syntax)
		put_syntax(j, e->syntax);
	put_frames(j, "traceback", e->traceback, e->traceback_count);
}

/* Begin the exception, or write null or a reference in its place. */
static void enter(struct nest *nest, ph_addr address, bool nested, enum ph_exception_state state)
{
	const struct ph_exception *e = nested ? look_up(nest, address) : NULL;
	for (unsigned i = 0; i < nest->depth; i++)
		if (nest->levels[i].exception == e)
			e = NULL;
	if (!address) {
		ph_json_null(nest->json);
	} else if (!e || nest->depth == PH_EXCEPTION_DEPTH || !nest->budget) {
		put_ref(nest->json, address);
	} else {
		put_exception_head(nest->json, e);
		nest->levels[nest->depth++] = (struct nest_level){ .exception = e, .state = state };
		nest->budget--;
	}
}

static void finish(struct nest *nest, const struct nest_level *level)
{
	struct ph_json *j = nest->json;
	ph_json_array_end(j);
	ph_json_put_address(j, "address", level->exception->address);
	ph_json_put_string(j, "state", exception_states[level->state]);
	ph_json_object_end(j);
	nest->depth--;
}

static void run(struct nest *nest)
{
	while (nest->depth) {
		struct nest_level *level = &nest->levels[nest->depth - 1];
		const struct ph_exception *e = level->exception;
		unsigned step = level->step++;
		if (step == 0) {
			ph_json_key(nest->json, "cause");
			enter(nest, e->cause, nest->report, PH_EXCEPTION_NONE);
		} else if (step == 1) {
			ph_json_key(nest->json, "context");
			enter(nest, e->context, nest->report, PH_EXCEPTION_NONE);
		} else if (step == 2) {
			ph_json_put_bool(nest->json, "suppress_context", e->suppress_context);
			ph_json_key(nest->json, "exceptions");
			ph_json_array(nest->json, false);
		} else if (step - 3 < e->member_count) {
			enter(nest, e->members[step - 3], true, PH_EXCEPTION_NONE);
		} else {
			finish(nest, level);
		}
	}
}

static void put_state_exception(struct ph_json *j, const struct ph_report *report, const struct ph_state_exception *s)
{
	struct nest nest = { .json = j, .report = report, .budget = PH_EXCEPTION_BUDGET };
	enter(&nest, s->address, true, s->state);
	run(&nest);
}

static void put_object_exception(struct ph_json *j, const struct ph_object *object)
{
	struct nest nest = { .json = j, .object = object, .budget = PH_EXCEPTION_BUDGET };
	put_exception_head(j, object->exception);
	nest.levels[nest.depth++].exception = object->exception;
	run(&nest);
}

static void put_addresses(struct ph_json *j, const ph_addr *addresses, size_t count)
{
	ph_json_array(j, true);
	for (size_t i = 0; i < count; i++)
		ph_json_address(j, addresses[i]);
	ph_json_array_end(j);
}

void ph_report_exceptions_json(const struct ph_report *report, struct ph_buffer *out)
{
	struct ph_json json = ph_json(out, 2), *j = &json;
	ph_json_object(j, false);
	ph_json_key(j, "exceptions");
	ph_json_array(j, false);
	for (size_t i = 0; i < report->exception_count; i++) {
		const struct ph_exception *e = &report->exceptions[i];
		put_exception_head(j, e);
		ph_json_put_address(j, "cause", e->cause);
		ph_json_put_address(j, "context", e->context);
		ph_json_put_bool(j, "suppress_context", e->suppress_context);
		ph_json_key(j, "exceptions");
		put_addresses(j, e->members, e->member_count);
		ph_json_put_address(j, "address", e->address);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
	ph_json_object_end(j);
	ph_buffer_putc(out, '\n');
}

/* ---- the report ---- */

static void put_python(struct ph_json *j, const struct ph_report *r)
{
	ph_json_key(j, "python");
	ph_json_object(j, false);
	ph_json_put_string(j, "implementation", r->python.implementation);
	ph_json_put_string(j, "version", r->python.version);
	ph_json_put_bool(j, "debug", r->python.debug);
	ph_json_put_bool(j, "free_threaded", r->python.free_threaded);
	ph_json_put_string(j, "executable", r->python.executable);
	ph_json_put_string(j, "origin", r->python.origin);
	if (r->python.guessed)
		ph_json_put_bool(j, "guessed", true);
	if (r->python.other)
		ph_json_put_string(j, "other", r->python.other);
	if (r->python.state)
		ph_json_put_string(j, "state", r->python.state);
	ph_json_object_end(j);
}

static void put_three(struct ph_json *j, const char *key, const int64_t numbers[3])
{
	ph_json_key(j, key);
	ph_json_array(j, true);
	for (int i = 0; i < 3; i++) {
		if (numbers[i] < 0)
			ph_json_null(j);
		else
			ph_json_int(j, numbers[i]);
	}
	ph_json_array_end(j);
}

static void put_interpreter(struct ph_json *j, const struct ph_interpreter *i)
{
	ph_json_object(j, false);
	ph_json_put_int(j, "id", i->id);
	ph_json_put_bool(j, "main", i->main);
	ph_json_put_int(j, "idle_thread_states", i->idle_thread_states);
	ph_json_key(j, "gc");
	if (i->has_gc) {
		ph_json_object(j, true);
		ph_json_put_bool(j, "enabled", i->gc_enabled);
		ph_json_put_bool(j, "collecting", i->gc_collecting);
		put_three(j, "counts", i->gc_counts);
		put_three(j, "thresholds", i->gc_thresholds);
		ph_json_put_known(j, "garbage", i->gc_garbage, -1);
		ph_json_object_end(j);
	} else {
		ph_json_null(j);
	}
	ph_json_object_end(j);
}

static void put_pc(struct ph_json *j, bool has_pc, const struct ph_code_location *pc)
{
	ph_json_key(j, "pc");
	if (!has_pc) {
		ph_json_null(j);
		return;
	}
	ph_json_object(j, true);
	ph_json_put_string(j, "module", pc->module);
	ph_json_key(j, "offset");
	if (pc->has_offset)
		ph_json_address(j, pc->offset);
	else
		ph_json_null(j);
	ph_json_put_string(j, "build_id", pc->build_id);
	ph_json_put_string(j, "symbol", pc->symbol);
	ph_json_object_end(j);
}

static void put_waiting(struct ph_json *j, const struct ph_thread *t)
{
	ph_json_key(j, "waiting_for");
	if (!t->has_waiting) {
		ph_json_null(j);
		return;
	}
	ph_json_object(j, true);
	ph_json_put_string(j, "what", t->waiting_for.what);
	ph_json_put_address(j, "address", t->waiting_for.address);
	ph_json_put_known(j, "syscall", t->waiting_for.syscall, -1);
	ph_json_put_string(j, "name", t->waiting_for.name);
	ph_json_object_end(j);
}

static void put_thread(struct ph_json *j, const struct ph_report *r, const struct ph_thread *t)
{
	ph_json_object(j, false);
	ph_json_put_uint(j, "id", t->id);
	ph_json_put_known(j, "native_id", t->native_id, 0);
	ph_json_put_string(j, "name", t->name);
	ph_json_put_int(j, "interpreter", t->interpreter);
	ph_json_put_bool(j, "crashed", t->crashed);
	ph_json_put_bool(j, "holds_gil", t->holds_gil);
	put_waiting(j, t);
	put_pc(j, t->has_pc, &t->pc);
	ph_json_key(j, "exception");
	if (t->exception_count)
		put_state_exception(j, r, &t->exceptions[0]);
	else
		ph_json_null(j);
	ph_json_key(j, "exceptions");
	ph_json_array(j, false);
	for (size_t i = 0; i < t->exception_count; i++)
		put_state_exception(j, r, &t->exceptions[i]);
	ph_json_array_end(j);
	put_frames(j, "frames", t->frames, t->frame_count);
	if (t->frames_omitted)
		ph_json_put_uint(j, "frames_omitted", t->frames_omitted);
	ph_json_object_end(j);
}

static void put_threads(struct ph_json *j, const struct ph_report *r)
{
	ph_json_key(j, "threads");
	ph_json_array(j, false);
	for (size_t i = 0; i < r->thread_count; i++)
		put_thread(j, r, &r->threads[i]);
	ph_json_array_end(j);
	ph_json_key(j, "native_threads");
	ph_json_array(j, false);
	for (size_t i = 0; i < r->native_thread_count; i++) {
		const struct ph_native_thread_record *t = &r->native_threads[i];
		ph_json_object(j, true);
		ph_json_put_known(j, "native_id", t->native_id, 0);
		if (t->name)
			ph_json_put_string(j, "name", t->name);
		ph_json_put_bool(j, "crashed", t->crashed);
		put_pc(j, t->has_pc, &t->pc);
		ph_json_object_end(j);
	}
	ph_json_array_end(j);
}

static void put_task_waiting(struct ph_json *j, const struct ph_task *t)
{
	ph_json_key(j, "waiting_for");
	if (!t->has_waiting) {
		ph_json_null(j);
		return;
	}
	ph_json_object(j, true);
	ph_json_put_string(j, "what", t->waiting_for.what);
	ph_json_put_address(j, "address", t->waiting_for.address);
	ph_json_put_string(j, "type", t->waiting_for.type);
	ph_json_put_string(j, "name", t->waiting_for.name);
	ph_json_put_address(j, "future", t->waiting_for.future);
	ph_json_object_end(j);
}

static void put_task(struct ph_json *j, const struct ph_task *t, bool greenlet)
{
	ph_json_object(j, false);
	ph_json_put_string(j, "name", t->name);
	ph_json_put_string(j, "state", t->state);
	ph_json_put_string(j, "coroutine", t->coroutine);
	put_frames(j, "awaiting", t->awaiting, t->awaiting_count);
	put_task_waiting(j, t);
	ph_json_put_int(j, "interpreter", t->interpreter);
	ph_json_key(j, "thread");
	if (t->thread)
		ph_json_uint(j, t->thread);
	else
		ph_json_null(j);
	ph_json_put_address(j, "address", t->address);
	if (greenlet) {
		ph_json_put_string(j, "type", t->type);
		ph_json_put_address(j, "parent", t->parent);
		ph_json_put_string(j, "task", t->task);
	}
	ph_json_object_end(j);
}

static void put_suspended(struct ph_json *j, const char *key, const char *omitted_key, const struct ph_task_list *tasks,
			  bool greenlets)
{
	ph_json_key(j, key);
	ph_json_array(j, !tasks->count);
	for (size_t i = 0; i < tasks->count; i++)
		put_task(j, &tasks->items[i], greenlets);
	ph_json_array_end(j);
	if (tasks->omitted)
		ph_json_put_uint(j, omitted_key, tasks->omitted);
}

static void put_tasks(struct ph_json *j, const struct ph_report *r)
{
	put_suspended(j, "tasks", "tasks_omitted", &r->tasks, false);
}

static void put_greenlets(struct ph_json *j, const struct ph_report *r)
{
	put_suspended(j, "greenlets", "greenlets_omitted", &r->greenlets, true);
}

static void put_signature(struct ph_json *j, const struct ph_report *r)
{
	const struct ph_signature *s = &r->signature;
	ph_json_key(j, "signature");
	if (!s->version) {
		ph_json_null(j);
		return;
	}
	ph_json_object(j, false);
	ph_json_put_int(j, "version", s->version);
	ph_json_put_string(j, "hash", s->hash);
	ph_json_put_string(j, "title", s->title);
	put_strings(j, "frames", s->frames, s->frame_count);
	ph_json_object_end(j);
}

static void put_damage_entry(struct ph_json *j, const char *where, const char *what, uint64_t count, const char *kind)
{
	ph_json_object(j, true);
	ph_json_put_string(j, "where", where);
	ph_json_put_string(j, "what", what);
	ph_json_put_uint(j, "count", count);
	ph_json_put_string(j, "kind", kind);
	ph_json_object_end(j);
}

static void put_tail(struct ph_json *j, const struct ph_report *r)
{
	put_signature(j, r);
	ph_json_key(j, "redaction");
	ph_json_object(j, true);
	ph_json_put_string(j, "mode", redaction_modes[r->redaction.mode]);
	ph_json_put_uint(j, "count", r->redaction.count);
	ph_json_object_end(j);
	ph_json_key(j, "labels");
	ph_json_object(j, true);
	for (size_t i = 0; i < r->label_count; i++)
		ph_json_put_string(j, r->labels[i].key, r->labels[i].value);
	ph_json_object_end(j);
	ph_json_key(j, "damage");
	ph_json_array(j, false);
	for (size_t i = 0; i < r->damage.count; i++) {
		const struct ph_damage_entry *d = &r->damage.entries[i];
		put_damage_entry(j, d->where, d->what, d->count, damage_kinds[d->kind]);
	}
	if (r->damage.dropped)
		put_damage_entry(j, NULL, "more of other kinds", r->damage.dropped, "dropped");
	ph_json_array_end(j);
}

void ph_report_json(const struct ph_report *report, struct ph_buffer *out)
{
	struct ph_json json = ph_json(out, 2), *j = &json;
	ph_json_object(j, false);
	ph_json_put_string(j, "format", "pyheap-report");
	ph_json_put_int(j, "version", 1);
	ph_json_image(j, report);
	put_python(j, report);
	ph_json_key(j, "interpreters");
	ph_json_array(j, false);
	for (size_t i = 0; i < report->interpreter_count; i++)
		put_interpreter(j, &report->interpreters[i]);
	ph_json_array_end(j);
	put_threads(j, report);
	put_tasks(j, report);
	put_greenlets(j, report);
	put_tail(j, report);
	ph_json_object_end(j);
	ph_buffer_putc(out, '\n');
}

static void put_part(void (*put)(struct ph_json *j, const struct ph_report *report), const struct ph_report *report,
		     struct ph_buffer *out)
{
	struct ph_json json = ph_json(out, 2), *j = &json;
	ph_json_object(j, false);
	put(j, report);
	ph_json_object_end(j);
	ph_buffer_putc(out, '\n');
}

void ph_report_threads_json(const struct ph_report *report, struct ph_buffer *out)
{
	put_part(put_threads, report, out);
}

void ph_report_tasks_json(const struct ph_report *report, struct ph_buffer *out)
{
	put_part(put_tasks, report, out);
}

void ph_report_greenlets_json(const struct ph_report *report, struct ph_buffer *out)
{
	put_part(put_greenlets, report, out);
}

/* ---- one object ---- */

void ph_object_json(const struct ph_object *o, struct ph_buffer *out)
{
	struct ph_json json = ph_json(out, 0), *j = &json;
	ph_json_object(j, true);
	ph_json_put_address(j, "address", o->address);
	ph_json_put_string(j, "type", o->type);
	ph_json_put_string(j, "module", o->module);
	ph_json_put_known(j, "size", o->size, INT64_MIN);
	if (o->has_held)
		ph_json_put_int(j, "held", o->held);
	if (o->retained)
		ph_json_put_int(j, "retained", o->retained);
	ph_json_put_known(j, "refcount", o->refcount, INT64_MIN);
	ph_json_put_string(j, "repr", o->repr);
	ph_json_put_bool(j, "truncated", o->truncated);
	if (o->redacted)
		ph_json_put_bool(j, "redacted", true);
	ph_json_put_known(j, "len", o->len, INT64_MIN);
	ph_json_put_string(j, "value", o->value);
	if (o->has_items) {
		ph_json_key(j, "items");
		put_addresses(j, o->items, o->item_count);
	}
	if (o->has_pairs) {
		ph_json_key(j, "pairs");
		ph_json_array(j, true);
		for (size_t i = 0; i < o->pair_count; i++)
			put_addresses(j, o->pairs[i], 2);
		ph_json_array_end(j);
	}
	ph_json_key(j, "attributes");
	ph_json_object(j, true);
	for (size_t i = 0; i < o->attribute_count; i++)
		ph_json_put_address(j, o->attributes[i].name, o->attributes[i].value);
	ph_json_object_end(j);
	if (o->guessed_count) {
		ph_json_key(j, "guessed");
		put_addresses(j, o->guessed, o->guessed_count);
	}
	if (o->frame) {
		ph_json_key(j, "frame");
		put_frame(j, o->frame);
	}
	if (o->exception) {
		ph_json_key(j, "exception");
		put_object_exception(j, o);
	}
	ph_json_object_end(j);
	ph_buffer_putc(out, '\n');
}
