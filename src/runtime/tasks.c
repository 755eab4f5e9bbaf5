/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where asyncio keeps its tasks.  Lib/asyncio/tasks.py and Modules/_asynciomodule.c: WeakSets in asyncio.tasks up to
 * 3.13 (a static variable of the C module in 3.6), lists on the thread states and the interpreter since 3.14, with the
 * WeakSet for tasks that are not of the C class. */
#include "runtime/internal.h"
#include "runtime/task.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define WHERE "tasks"
/* Of the C module's static variables. */
#define MAX_STATIC_WORDS (256 * 1024)

struct found {
	ph_addr task;
	size_t interpreter;
	uint64_t thread; /* 0 unknown */
};

struct finder {
	struct ph_runtime *runtime;
	size_t interpreter; /* whose tasks are looked for now */
	struct found *list;
	size_t count, capacity;
	struct ph_addrmap seen;
	bool no_memory;
};

/* False when it is known already, or memory is out. */
static bool add(struct finder *f, ph_addr task, uint64_t thread)
{
	if (!task || f->count == PH_MAX_TASKS_FOUND || !ph_addrmap_add(&f->seen, task))
		return false;
	if (f->count == f->capacity) {
		size_t capacity = f->capacity ? f->capacity * 2 : 64;
		void *list = realloc(f->list, capacity * sizeof(*f->list));
		if (!list) {
			f->no_memory = true;
			return false;
		}
		f->list = list;
		f->capacity = capacity;
	}
	f->list[f->count++] = (struct found){ task, f->interpreter, thread };
	return true;
}

/* ---- since 3.14: circles of TaskObj.task_node ---- */

static void find_in_list(struct finder *f, ph_addr head, uint64_t thread)
{
	struct ph_target *target = f->runtime->target;
	ph_addr node = 0, start = ph_target_at(target, 0, PH_TaskObj_task_node);
	enum ph_status status = head ? ph_target_read_ptr(target, head, &node) : PH_OK;
	while (status == PH_OK && node && node != head && start) {
		if (!add(f, node - start, thread)) {
			status = f->no_memory ? PH_OK : PH_CORRUPT;
			break;
		}
		status = ph_target_read_ptr(target, node, &node);
	}
	if (status != PH_OK && f->count < PH_MAX_TASKS_FOUND)
		ph_damage_add(target->damage, PH_DAMAGE_REPORT, WHERE, "a list of tasks: %s", ph_status_text(status));
}

static void find_in_lists(struct finder *f)
{
	struct ph_runtime *runtime = f->runtime;
	struct ph_target *target = runtime->target;
	if (!ph_target_has(target, PH_PyThreadStateImpl_asyncio_tasks_head))
		return;
	for (size_t i = 0; i < runtime->thread_count; i++) {
		const struct ph_thread_state *thread = &runtime->threads[i];
		if (thread->interpreter == f->interpreter)
			find_in_list(f, ph_target_at(target, thread->address, PH_PyThreadStateImpl_asyncio_tasks_head),
				     thread->id);
	}
	find_in_list(f, ph_target_at(target, runtime->interps[f->interpreter].address,
				     PH_PyInterpreterState_asyncio_tasks_head), 0);
}

/* ---- sets ---- */

static void find_in_set(struct finder *f, ph_addr set, bool weak)
{
	struct ph_value value = PH_VALUE_INIT;
	struct ph_value_limits limits = { .children = PH_MAX_TASKS_FOUND, .characters = 0 };
	if (!set)
		return;
	ph_object_value(f->runtime->objects, set, &limits, &value);
	for (size_t i = 0; value.kind == PH_KIND_SET && i < value.item_count; i++) {
		ph_addr task = value.items[i];
		if (weak)
			task = ph_runtime_ptr(f->runtime, task, PH_PyWeakReference_wr_object);
		if (ph_task_is(f->runtime, task))
			(void)add(f, task, 0);
	}
	ph_value_deinit(&value);
}

/* A WeakSet keeps references in its attribute data: Lib/_weakrefset.py. */
static void find_in_weak_set(struct finder *f, ph_addr weak_set)
{
	if (weak_set)
		find_in_set(f, ph_object_attribute(f->runtime->objects, weak_set, "data"), true);
}

/* 3.6: `all_tasks` of the C module is a static variable that nothing else refers to. */
static void find_in_static(struct finder *f, ph_addr c_module)
{
	struct ph_runtime *runtime = f->runtime;
	struct ph_segment ranges[8];
	ph_addr definition = c_module ? ph_runtime_ptr(runtime, c_module, PH_PyModuleObject_md_def) : 0;
	const struct ph_module *module = definition ? ph_image_module_at(runtime->image, definition) : NULL;
	size_t width = runtime->target->layout.abi.pointer_size, words = 0;
	if (!module)
		return;
	size_t count = ph_image_writable_ranges(runtime->image, module, ranges, 8);
	for (size_t i = 0; i < count; i++) {
		ph_addr at = ranges[i].start;
		for (; at + width <= ranges[i].end && words < MAX_STATIC_WORDS; at += width, words++) {
			ph_addr object = 0;
			if (ph_target_read_ptr(runtime->target, at, &object) != PH_OK || !object || object % width)
				continue;
			const struct ph_type *type = ph_object_type(runtime->objects, object);
			if (type && type->full && !strcmp(type->full, "_weakrefset.WeakSet"))
				find_in_weak_set(f, object);
		}
	}
}

static void find_in_module(struct finder *f)
{
	struct ph_objects *objects = f->runtime->objects;
	ph_addr modules = f->runtime->interps[f->interpreter].modules;
	ph_addr module = modules ? ph_dict_get(objects, modules, "asyncio.tasks") : 0;
	if (!module)
		return;
	ph_addr all = ph_object_attribute(objects, module, "_all_tasks");
	ph_addr scheduled = ph_object_attribute(objects, module, "_scheduled_tasks");
	find_in_weak_set(f, all);
	find_in_weak_set(f, scheduled);
	find_in_set(f, ph_object_attribute(objects, module, "_eager_tasks"), false);
	if (all || scheduled)
		return;
	/* 3.6: an attribute of the pure-Python class, and the C module's own */
	const struct ph_type *type = ph_type_get(objects, ph_object_attribute(objects, module, "_PyTask"));
	if (type && type->dict)
		find_in_weak_set(f, ph_dict_get(objects, type->dict, "_all_tasks"));
	find_in_static(f, ph_dict_get(objects, modules, "_asyncio"));
}

/* By interpreter and name, "Task-2" before "Task-10". */
static int by_name(const void *a, const void *b)
{
	const struct ph_task *x = a, *y = b;
	if (x->interpreter != y->interpreter)
		return x->interpreter < y->interpreter ? -1 : 1;
	int order = strverscmp(x->name ? x->name : "", y->name ? y->name : "");
	if (order)
		return order;
	return x->address < y->address ? -1 : x->address > y->address;
}

static struct ph_error *record(struct finder *f, struct ph_arena *arena, struct ph_task_list *ret)
{
	struct ph_task_budget budget = { 0 };
	size_t count = 0, capacity = f->count < PH_MAX_TASKS ? f->count : PH_MAX_TASKS;
	struct ph_task *tasks = ph_arena_array(arena, struct ph_task, capacity);
	uint64_t omitted = 0;
	if (f->count && !tasks)
		return &ph_error_no_memory;
	for (size_t i = 0; i < f->count; i++) {
		const struct found *found = &f->list[i];
		if (!ph_task_is_pending(f->runtime, found->task))
			continue;
		if (count == capacity) {
			omitted++;
			continue;
		}
		struct ph_task *task = &tasks[count];
		*task = (struct ph_task){
			.address = found->task,
			.interpreter = f->runtime->interps[found->interpreter].id,
			.thread = found->thread,
		};
		struct ph_error *error = ph_task_record(f->runtime, &budget, arena, task);
		if (error)
			return error;
		count++;
	}
	if (count)
		qsort(tasks, count, sizeof(*tasks), by_name);
	*ret = (struct ph_task_list){ .items = tasks, .count = count, .omitted = omitted };
	return NULL;
}

struct ph_error *ph_runtime_tasks(struct ph_runtime *runtime, struct ph_arena *arena, struct ph_task_list *ret)
{
	struct finder f = { .runtime = runtime };
	for (f.interpreter = 0; f.interpreter < runtime->interp_count && !f.no_memory; f.interpreter++) {
		find_in_lists(&f);
		find_in_module(&f);
	}
	struct ph_error *error = f.no_memory ? &ph_error_no_memory : record(&f, arena, ret);
	ph_addrmap_deinit(&f.seen);
	free(f.list);
	return error;
}
