/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An asyncio task: its name, its coroutine and what that awaits.  Modules/_asynciomodule.c (TaskObj of 3.6 to 3.15) and
 * Lib/asyncio/tasks.py and futures.py for tasks in Python. */
#include "runtime/task.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* fut_state of Modules/_asynciomodule.c */
enum { STATE_PENDING = 0 };

static bool is_c_task(struct ph_runtime *runtime, ph_addr object)
{
	const struct ph_type *type = ph_object_type(runtime->objects, object);
	return type && ph_type_is_subtype(runtime->objects, type, "_asyncio.Task");
}

/* Also what a task in Python of 3.6 is: its base is the C future. */
static bool is_c_future(struct ph_runtime *runtime, ph_addr object)
{
	const struct ph_type *type = ph_object_type(runtime->objects, object);
	return type && ph_type_is_subtype(runtime->objects, type, "_asyncio.Future");
}

static ph_addr attribute(struct ph_runtime *runtime, ph_addr object, const char *name)
{
	ph_addr value = ph_object_attribute(runtime->objects, object, name);
	const struct ph_type *type = value ? ph_object_type(runtime->objects, value) : NULL;
	return !type || type->kind == PH_KIND_NONE ? 0 : value;
}

/* A member of the C struct, or the attribute of a task in Python; 0 for None. */
static ph_addr member(struct ph_runtime *runtime, ph_addr task, enum ph_field field, const char *name)
{
	if (!is_c_task(runtime, task))
		return attribute(runtime, task, name);
	ph_addr value = ph_runtime_ptr(runtime, task, field);
	const struct ph_type *type = value ? ph_object_type(runtime->objects, value) : NULL;
	return !type || type->kind == PH_KIND_NONE ? 0 : value;
}

bool ph_task_is(struct ph_runtime *runtime, ph_addr object)
{
	return object && (is_c_task(runtime, object) ||
			  (ph_object_attribute(runtime->objects, object, "_coro") &&
			   ph_object_attribute(runtime->objects, object, "_fut_waiter")));
}

bool ph_task_is_pending(struct ph_runtime *runtime, ph_addr task)
{
	int64_t state = STATE_PENDING;
	if (!is_c_future(runtime, task)) {
		/* the class says PENDING until the instance says otherwise */
		ph_addr text = attribute(runtime, task, "_state");
		return !text || ph_str_equals(runtime->objects, text, "PENDING");
	}
	return ph_target_int(runtime->target, task, PH_FutureObj_fut_state, &state) == PH_OK && state == STATE_PENDING;
}

/* cancel() was called: Task.cancelling(), before 3.11 what it leaves to the next step. */
static bool is_cancelling(struct ph_runtime *runtime, ph_addr task)
{
	enum ph_field field = ph_target_has(runtime->target, PH_TaskObj_task_num_cancels_requested) ?
				      PH_TaskObj_task_num_cancels_requested :
				      PH_TaskObj_task_must_cancel;
	int64_t requests = 0;
	if (is_c_task(runtime, task))
		return ph_target_int(runtime->target, task, field, &requests) == PH_OK && requests > 0;
	ph_addr number = attribute(runtime, task, "_num_cancels_requested");
	if (!number)
		number = attribute(runtime, task, "_must_cancel");
	return number && ph_int_get(runtime->objects, number, &requests) == PH_OK && requests > 0;
}

/* A str; since 3.12 the number of a name that nobody asked for yet.  Up to 3.7 tasks have none. */
static const char *task_name(struct ph_runtime *runtime, ph_addr task, struct ph_arena *arena)
{
	int64_t number;
	ph_addr name = member(runtime, task, PH_TaskObj_task_name, "_name");
	if (!name)
		return NULL;
	const char *text = ph_str_get(runtime->objects, name, arena);
	if (!text && ph_int_get(runtime->objects, name, &number) == PH_OK)
		text = ph_arena_printf(arena, "Task-%" PRId64, number);
	return text;
}

static const char *coroutine_name(struct ph_runtime *runtime, ph_addr coroutine, struct ph_arena *arena)
{
	const struct ph_type *type = ph_object_type(runtime->objects, coroutine);
	if (!type)
		return NULL;
	if (type->kind == PH_KIND_GENERATOR) {
		ph_addr name = ph_runtime_ptr(runtime, coroutine, PH_PyGenObject_gi_qualname);
		const char *text = name ? ph_str_get(runtime->objects, name, arena) : NULL;
		if (text)
			return text;
	}
	return ph_arena_strdup(arena, type->full);
}

/* BaseEventLoop._thread_id while it runs: Lib/asyncio/base_events.py. */
static uint64_t loop_thread(struct ph_runtime *runtime, ph_addr task)
{
	int64_t id = 0;
	ph_addr loop = is_c_future(runtime, task) ? ph_runtime_ptr(runtime, task, PH_FutureObj_fut_loop) :
						    attribute(runtime, task, "_loop");
	ph_addr thread = loop ? attribute(runtime, loop, "_thread_id") : 0;
	return thread && ph_int_get(runtime->objects, thread, &id) == PH_OK ? (uint64_t)id : 0;
}

/* ---- the chain ---- */

/* What stands between two coroutines: Objects/genobject.c. */
static ph_addr unwrap(struct ph_runtime *runtime, const struct ph_type *type, ph_addr object)
{
	static const struct { const char *type; enum ph_field field; } wrappers[] = {
		{ "coroutine_wrapper", PH_PyCoroWrapper_cw_coroutine },
		{ "async_generator_asend", PH_PyAsyncGenASend_ags_gen },
		{ "async_generator_athrow", PH_PyAsyncGenAThrow_agt_gen },
	};
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++)
		if (type->full && !strcmp(type->full, wrappers[i].type))
			return ph_runtime_ptr(runtime, object, wrappers[i].field);
	/* its name was left out of the core: all of them have the generator as their first member */
	if (type->is_heap || (type->full && strcmp(type->full, "?") != 0))
		return 0;
	ph_addr first = ph_runtime_ptr(runtime, object, PH_PyCoroWrapper_cw_coroutine);
	const struct ph_type *of = first ? ph_object_type(runtime->objects, first) : NULL;
	return of && of->kind == PH_KIND_GENERATOR ? first : 0;
}

static size_t follow(struct ph_runtime *runtime, ph_addr object, struct ph_frame_state *states, size_t capacity)
{
	struct ph_addrmap seen = { 0 };
	size_t count = 0;
	while (object && count < capacity && ph_addrmap_add(&seen, object)) {
		const struct ph_type *type = ph_object_type(runtime->objects, object);
		if (!type)
			break;
		if (type->kind != PH_KIND_GENERATOR) {
			object = unwrap(runtime, type, object);
			continue;
		}
		if (ph_frame_load_generator(runtime->objects, object, &states[count]) != PH_OK)
			break;
		count++;
		object = ph_generator_awaited(runtime->objects, object);
	}
	ph_addrmap_deinit(&seen);
	return count;
}

static struct ph_error *record_chain(struct ph_runtime *runtime, struct ph_task_budget *budget,
				     struct ph_arena *arena, struct ph_task *task)
{
	size_t capacity = PH_MAX_FRAMES - budget->frames;
	if (capacity > PH_MAX_TASK_FRAMES)
		capacity = PH_MAX_TASK_FRAMES;
	ph_auto_free struct ph_frame_state *states = malloc((capacity + 1) * sizeof(*states));
	if (!states)
		return &ph_error_no_memory;
	size_t count = follow(runtime, task->coroutine_address, states, capacity);
	task->awaiting = ph_arena_array(arena, struct ph_frame, count);
	if (count && !task->awaiting)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++) {
		if (budget->locals > PH_MAX_LOCALS)
			states[i].localsplus = 0;
		enum ph_status status = ph_frame_record(runtime->objects, &states[i], arena, &task->awaiting[i]);
		budget->locals += task->awaiting[i].local_count;
		if (status != PH_OK)
			ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, "tasks", "%s of a coroutine: %s",
				      states[i].code ? "local variables" : "code object", ph_status_text(status));
	}
	task->awaiting_count = count;
	budget->frames += count;
	return NULL;
}

/* ---- what it waits for ---- */

static const struct { const char *type, *what; } primitives[] = {
	{ "asyncio.locks.Lock", "lock" },
	{ "asyncio.locks.Event", "event" },
	{ "asyncio.locks.Condition", "condition" },
	{ "asyncio.locks.Semaphore", "semaphore" },
	{ "asyncio.locks.Barrier", "barrier" },
	{ "asyncio.queues.Queue", "queue" },
	{ "asyncio.tasks._GatheringFuture", "gather" },
};

static const char *primitive(struct ph_runtime *runtime, const struct ph_type *type)
{
	for (size_t i = 0; type && i < sizeof(primitives) / sizeof(*primitives); i++)
		if (ph_type_is_subtype(runtime->objects, type, primitives[i].type))
			return primitives[i].what;
	return NULL;
}

/* The lock or queue whose method is innermost: the future that it made for this task says less. */
static ph_addr innermost_self(const struct ph_task *task)
{
	const struct ph_frame *frame = task->awaiting_count ? &task->awaiting[task->awaiting_count - 1] : NULL;
	if (!frame || !frame->module ||
	    (strcmp(frame->module, "asyncio.locks") != 0 && strcmp(frame->module, "asyncio.queues") != 0))
		return 0;
	for (size_t i = 0; i < frame->local_count; i++)
		if (frame->locals[i].name && !strcmp(frame->locals[i].name, "self"))
			return frame->locals[i].address;
	return 0;
}

static bool is_asleep(const struct ph_task *task)
{
	const struct ph_frame *frame = task->awaiting_count ? &task->awaiting[task->awaiting_count - 1] : NULL;
	return frame && frame->module && frame->function && !strcmp(frame->module, "asyncio.tasks") &&
	       !strcmp(frame->function, "sleep");
}

static void record_waiting(struct ph_runtime *runtime, struct ph_arena *arena, struct ph_task *task)
{
	struct ph_task_waiting *waiting = &task->waiting_for;
	ph_addr future = member(runtime, task->address, PH_TaskObj_task_fut_waiter, "_fut_waiter");
	if (!future)
		return;
	ph_addr object = innermost_self(task);
	const struct ph_type *type = object ? ph_object_type(runtime->objects, object) : NULL;
	const char *what = primitive(runtime, type);
	if (!what) {
		object = future;
		type = ph_object_type(runtime->objects, object);
		what = primitive(runtime, type);
	}
	if (!what && ph_task_is(runtime, future)) {
		what = "task";
		waiting->name = task_name(runtime, future, arena);
	}
	if (!what)
		what = is_asleep(task) ? "sleep" : "future";
	task->has_waiting = true;
	waiting->what = what;
	waiting->address = object;
	waiting->type = type ? ph_arena_strdup(arena, type->full) : NULL;
	waiting->future = future;
}

struct ph_error *ph_task_record(struct ph_runtime *runtime, struct ph_task_budget *budget, struct ph_arena *arena,
				struct ph_task *task)
{
	task->name = task_name(runtime, task->address, arena);
	task->coroutine_address = member(runtime, task->address, PH_TaskObj_task_coro, "_coro");
	if (task->coroutine_address)
		task->coroutine = coroutine_name(runtime, task->coroutine_address, arena);
	if (!task->thread)
		task->thread = loop_thread(runtime, task->address);
	const struct ph_type *type = ph_object_type(runtime->objects, task->coroutine_address);
	task->state = "pending";
	if (is_cancelling(runtime, task->address))
		task->state = "cancelling";
	if (type && type->kind == PH_KIND_GENERATOR &&
	    ph_generator_is_running(runtime->objects, task->coroutine_address))
		task->state = "running";
	struct ph_error *error = record_chain(runtime, budget, arena, task);
	if (!error)
		record_waiting(runtime, arena, task);
	return error;
}
