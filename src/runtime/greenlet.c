/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A greenlet: a stack that another one took the place of.  src/greenlet/greenlet.h and TGreenlet.hpp (up to 3.0
 * greenlet_greenlet.hpp) of greenlet 0.4 to 3.5.
 *
 * What runs has its frames on its thread.  What does not keeps its innermost frame object; since CPython 3.12 an entry
 * frame of the C stack may stand between two Python frames, and the C stack is copied away where another greenlet needs
 * its place. */
#include "runtime/greenlet.h"

#include "base/cleanup.h"

#include <string.h>

#define MAIN_STOP UINT64_MAX

static bool is_frame(struct ph_runtime *runtime, ph_addr object)
{
	const struct ph_type *type = ph_object_type(runtime->objects, object);
	return type && type->kind == PH_KIND_FRAME;
}

static ph_addr all_ones(const struct ph_runtime *runtime)
{
	return MAIN_STOP >> (64 - 8 * runtime->target->layout.abi.pointer_size);
}

/* Up to 1.x in the object, since 2.0 behind a pointer. */
#define FIELD(member) (inside ? PH_PyGreenlet_##member : PH_UserGreenlet_##member)

enum ph_status ph_greenlet_load(struct ph_runtime *runtime, ph_addr object, struct ph_greenlet_state *ret)
{
	struct ph_target *target = runtime->target;
	bool inside = !ph_target_has(target, PH_PyGreenlet_pimpl);
	ph_addr impl = inside ? object : ph_runtime_ptr(runtime, object, PH_PyGreenlet_pimpl);
	size_t size = ph_target_sizeof(target, inside ? PH_SIZEOF_PyGreenlet : PH_SIZEOF_UserGreenlet);
	/* a main greenlet lacks the last three pointers, and has one of its own */
	size_t least = size - 3u * target->layout.abi.pointer_size;
	struct ph_greenlet_state greenlet = { .address = object };
	if (!impl)
		return PH_CORRUPT;
	if (ph_image_readable(runtime->image, impl, least) < least)
		return PH_UNMAPPED;
	greenlet.stack_start = ph_runtime_ptr(runtime, impl, FIELD(stack_start));
	greenlet.stack_stop = ph_runtime_ptr(runtime, impl, FIELD(stack_stop));
	greenlet.is_main = greenlet.stack_stop == all_ones(runtime);
	greenlet.top_frame = ph_runtime_ptr(runtime, impl, FIELD(top_frame));
	greenlet.saved.start = greenlet.stack_start;
	greenlet.saved.copy = ph_runtime_ptr(runtime, impl, FIELD(stack_copy));
	greenlet.saved.caller = ph_runtime_ptr(runtime, impl, PH_UserGreenlet_prev_frame);
	(void)ph_target_uint(target, impl, FIELD(stack_saved), &greenlet.saved.size);
	if (!greenlet.is_main) {
		greenlet.parent = ph_runtime_ptr(runtime, impl, FIELD(parent));
		greenlet.main = ph_runtime_ptr(runtime, impl, PH_UserGreenlet_main_greenlet);
		greenlet.run =
			ph_runtime_ptr(runtime, impl, inside ? PH_PyGreenlet_run_info : PH_UserGreenlet_run_callable);
		if (ph_target_has(target, PH_UserGreenlet_self) &&
		    ph_runtime_ptr(runtime, impl, PH_UserGreenlet_self) != object)
			return PH_CORRUPT;
	}
	*ret = greenlet;
	return PH_OK;
}

bool ph_greenlet_holds(struct ph_runtime *runtime, const struct ph_greenlet_state *greenlet)
{
	const struct ph_moved *saved = &greenlet->saved;
	if (greenlet->top_frame && !is_frame(runtime, greenlet->top_frame))
		return false;
	if (greenlet->parent && !ph_object_type(runtime->objects, greenlet->parent))
		return false;
	if (greenlet->main && !ph_object_type(runtime->objects, greenlet->main))
		return false;
	if (!greenlet->stack_start || greenlet->stack_start == 1)
		return !saved->size && (greenlet->stack_start || !greenlet->top_frame);
	return greenlet->stack_start < greenlet->stack_stop &&
	       saved->size <= greenlet->stack_stop - greenlet->stack_start && (!saved->size || saved->copy);
}

/* ---- as a record ---- */

/* Of a function, a method or anything that has one: what Python would call it. */
static const char *callable_name(struct ph_runtime *runtime, ph_addr callable, struct ph_arena *arena)
{
	struct ph_objects *objects = runtime->objects;
	const struct ph_type *type = callable ? ph_object_type(objects, callable) : NULL;
	if (type && type->kind == PH_KIND_METHOD) {
		callable = ph_runtime_ptr(runtime, callable, PH_PyMethodObject_im_func);
		type = callable ? ph_object_type(objects, callable) : NULL;
	}
	if (!type || type->kind != PH_KIND_FUNCTION)
		return NULL;
	enum ph_field field = ph_target_has(runtime->target, PH_PyFunctionObject_func_qualname) ?
				      PH_PyFunctionObject_func_qualname :
				      PH_PyFunctionObject_func_name;
	return ph_str_get(objects, ph_runtime_ptr(runtime, callable, field), arena);
}

/* What an instance or its class says: gevent's run() calls _run. */
static const char *attribute_name(struct ph_runtime *runtime, ph_addr object, const struct ph_type *type,
				  struct ph_arena *arena)
{
	static const char *const names[] = { "_run", "run" };
	enum { MAX_BASES = 64 };
	const char *name = NULL;
	for (size_t i = 0; !name && i < 2; i++)
		name = callable_name(runtime, ph_object_attribute(runtime->objects, object, names[i]), arena);
	for (size_t i = 0; !name && type && i < MAX_BASES; i++, type = ph_type_get(runtime->objects, type->base))
		for (size_t k = 0; !name && type->dict && k < 2; k++)
			name = callable_name(runtime, ph_dict_get(runtime->objects, type->dict, names[k]), arena);
	return name;
}

static const char *function_name(struct ph_runtime *runtime, const struct ph_greenlet_state *greenlet,
				 const struct ph_type *type, struct ph_arena *arena, const struct ph_task *task)
{
	if (task->awaiting_count)
		return task->awaiting[0].qualname ? task->awaiting[0].qualname : task->awaiting[0].function;
	if (greenlet->stack_stop)
		return NULL;
	const char *name = callable_name(runtime, greenlet->run, arena);
	return name ? name : attribute_name(runtime, greenlet->address, type, arena);
}

static struct ph_error *record_stack(struct ph_runtime *runtime, const struct ph_greenlet_state *greenlet,
				     struct ph_arena *arena, struct ph_task *task)
{
	uint64_t omitted = 0;
	ph_addr first = greenlet->top_frame;
	if (ph_target_has(runtime->target, PH_PyFrameObject_f_frame))
		first = ph_runtime_ptr(runtime, first, PH_PyFrameObject_f_frame);
	return ph_runtime_chain(runtime, "greenlets", first, &greenlet->saved, arena, &task->awaiting,
				&task->awaiting_count, &omitted);
}

/* The frames of what runs are its thread's. */
static struct ph_error *record_running(struct ph_runtime *runtime, struct ph_arena *arena, struct ph_task *task)
{
	uint64_t omitted = 0;
	for (size_t i = 0; i < runtime->thread_count; i++)
		if (runtime->threads[i].id == task->thread && runtime->threads[i].has_frames)
			return ph_runtime_stack(runtime, &runtime->threads[i], arena, &task->awaiting,
						&task->awaiting_count, &omitted);
	return NULL;
}

struct ph_error *ph_greenlet_record(struct ph_runtime *runtime, const struct ph_greenlet_state *greenlet,
				    struct ph_task_budget *budget, struct ph_arena *arena, struct ph_task *task)
{
	const struct ph_type *type = ph_object_type(runtime->objects, greenlet->address);
	ph_addr name = ph_object_attribute(runtime->objects, greenlet->address, "name");
	struct ph_error *error = NULL;

	task->type = type ? ph_arena_strdup(arena, type->full) : NULL;
	task->parent = greenlet->parent;
	task->name = name ? ph_str_get(runtime->objects, name, arena) : NULL;
	if (!task->name && greenlet->is_main)
		task->name = "main";
	task->state = !greenlet->stack_stop		 ? "not started"
		      : ph_greenlet_is_running(greenlet) ? "running"
							 : "suspended";
	if (budget->frames < PH_MAX_FRAMES && budget->locals < PH_MAX_LOCALS && greenlet->stack_start)
		error = greenlet->top_frame ? record_stack(runtime, greenlet, arena, task) :
					      record_running(runtime, arena, task);
	budget->frames += task->awaiting_count;
	for (size_t i = 0; i < task->awaiting_count; i++)
		budget->locals += task->awaiting[i].local_count;
	if (!error)
		task->coroutine = function_name(runtime, greenlet, type, arena, task);
	return error;
}
