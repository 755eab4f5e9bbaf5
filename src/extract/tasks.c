/* SPDX-License-Identifier: GPL-3.0-or-later */
/* asyncio's tasks, greenlets, and which task a greenlet works for. */
#include "extract/extract.h"

#include "base/addrmap.h"

#include <string.h>

/* SQLAlchemy's greenlet_spawn(), a coroutine, has the greenlet in a local variable while that waits for the coroutine.
 * */
static void name_tasks(struct ph_report *report)
{
	struct ph_addrmap greenlets = { 0 }; /* address -> index + 1 */
	for (size_t i = 0; i < report->greenlets.count; i++)
		(void)ph_addrmap_set(&greenlets, report->greenlets.items[i].address, i + 1, false);
	for (size_t i = 0; i < report->tasks.count && greenlets.count; i++) {
		const struct ph_task *task = &report->tasks.items[i];
		for (size_t k = 0; k < task->awaiting_count; k++)
			for (size_t l = 0; l < task->awaiting[k].local_count; l++) {
				uint64_t *index = ph_addrmap_find(&greenlets, task->awaiting[k].locals[l].address);
				if (index && !report->greenlets.items[*index - 1].task)
					report->greenlets.items[*index - 1].task = task->name;
			}
	}
	ph_addrmap_deinit(&greenlets);
}

/* ---- what runs ---- */

struct stack {
	const struct ph_frame *frames;
	size_t count;
};

/* A running coroutine knows no more than its own frame; what it called are the frames behind that one: on its thread,
 * or on a greenlet that another one took the place of.  Copied: each is rendered by itself. */
static void copy_stack(struct ph_arena *arena, struct ph_task *task, const struct stack *stack)
{
	for (size_t i = 0; i < stack->count; i++) {
		if (stack->frames[i].address != task->awaiting[0].address ||
		    stack->frames[i].code != task->awaiting[0].code)
			continue;
		size_t count = stack->count - i;
		struct ph_frame *frames = ph_arena_array(arena, struct ph_frame, count);
		for (size_t k = 0; frames && k < count; k++) {
			frames[k] = stack->frames[i + k];
			frames[k].locals = ph_arena_array(arena, struct ph_local, frames[k].local_count);
			if (!frames[k].locals)
				frames[k].local_count = 0;
			else if (frames[k].local_count)
				memcpy(frames[k].locals, stack->frames[i + k].locals,
				       frames[k].local_count * sizeof(*frames[k].locals));
		}
		if (frames) {
			task->awaiting = frames;
			task->awaiting_count = count;
		}
		return;
	}
}

static void complete_running(struct ph_report *report)
{
	for (size_t i = 0; i < report->tasks.count; i++) {
		struct ph_task *task = &report->tasks.items[i];
		if (strcmp(task->state, "running") != 0 || task->awaiting_count != 1)
			continue;
		for (size_t k = 0; k < report->thread_count && task->awaiting_count == 1; k++)
			copy_stack(&report->arena, task,
				   &(struct stack){ report->threads[k].frames, report->threads[k].frame_count });
		for (size_t k = 0; k < report->greenlets.count && task->awaiting_count == 1; k++)
			copy_stack(&report->arena, task,
				   &(struct stack){ report->greenlets.items[k].awaiting,
						    report->greenlets.items[k].awaiting_count });
	}
}

struct ph_error *ph_extract_tasks(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	struct ph_error *error = ph_runtime_tasks(extract->runtime, &report->arena, &report->tasks);
	if (!error)
		error = ph_runtime_greenlets(extract->runtime, &report->arena, &report->greenlets);
	if (!error) {
		complete_running(report);
		name_tasks(report);
	}
	return error;
}
