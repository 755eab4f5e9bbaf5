/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Thread states and native threads, with their stacks and where they stand. */
#include "extract/extract.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static struct ph_code_location location(struct ph_extract *extract, ph_addr pc)
{
	struct ph_arena *arena = &extract->report.arena;
	struct ph_code_location where = { .address = pc };
	const struct ph_module *module = ph_image_module_at(extract->image, pc);
	if (module) {
		where.module = ph_arena_strdup(arena, module->path);
		where.offset = pc - module->start;
		where.has_offset = true;
		where.build_id = ph_arena_strdup(arena, module->build_id);
		where.symbol = ph_arena_strdup(arena, ph_image_symbolize(extract->image, pc));
	}
	return where;
}

static struct ph_error *thread_record(struct ph_extract *extract, const struct ph_thread_state *state,
				      const struct ph_native_thread *native, struct ph_thread *record)
{
	struct ph_report *report = &extract->report;
	const struct ph_interp_state *interps;
	size_t interp_count = ph_runtime_interpreters(extract->runtime, &interps);
	record->id = state->id;
	record->native_id = native ? native->tid : state->native_id;
	record->interpreter = state->interpreter < interp_count ? interps[state->interpreter].id : 0;
	record->holds_gil = state->holds_gil;
	record->crashed = native && native->crashed;
	record->name = ph_runtime_thread_name(extract->runtime, state, &report->arena);
	if (native && native->has_registers) {
		record->has_pc = true;
		record->pc = location(extract, native->pc);
	}
	record->has_waiting =
		!record->crashed && ph_runtime_waiting(extract->runtime, state, &report->arena, &record->waiting_for);
	struct ph_error *error = ph_runtime_stack(extract->runtime, state, &report->arena, &record->frames,
						  &record->frame_count, &record->frames_omitted);
	if (!error)
		error = ph_runtime_thread_exceptions(extract->runtime, state, &report->arena, &record->exceptions,
						     &record->exception_count);
	return error;
}

/* The crashed one first, then by LWP as the process made them; unknown ones last. */
static int by_importance(const void *a, const void *b)
{
	const struct ph_thread *x = a, *y = b;
	if (x->crashed != y->crashed)
		return x->crashed ? -1 : 1;
	uint64_t i = (uint64_t)x->native_id - 1, j = (uint64_t)y->native_id - 1;
	if (i != j)
		return i < j ? -1 : 1;
	/* one thread in two interpreters runs in that whose GIL it holds; the other's frames called it */
	if (x->holds_gil != y->holds_gil)
		return x->holds_gil ? -1 : 1;
	if (x->interpreter != y->interpreter)
		return x->interpreter < y->interpreter ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* No state of the same thread has frames, and none before it is idle as well: a
 * thread has one in each interpreter that it was in. */
static bool is_only_state(const struct ph_thread_state *states, size_t count, size_t index)
{
	for (size_t i = 0; i < count; i++)
		if (i != index && states[i].native == states[index].native && (states[i].has_frames || i < index))
			return false;
	return true;
}

static struct ph_error *python_threads(struct ph_extract *extract, bool *matched)
{
	struct ph_report *report = &extract->report;
	const struct ph_thread_state *states;
	const struct ph_native_thread *natives;
	size_t count = ph_runtime_threads(extract->runtime, &states);
	size_t native_count = ph_image_threads(extract->image, &natives);
	report->threads = ph_arena_array(&report->arena, struct ph_thread, count);
	if (!report->threads)
		return count ? &ph_error_no_memory : NULL;
	for (size_t i = 0; i < count; i++) {
		bool known = states[i].native >= 0 && (size_t)states[i].native < native_count;
		const struct ph_native_thread *native = known ? &natives[states[i].native] : NULL;
		if (known)
			matched[states[i].native] = true;
		/* an idle state matters only when its thread is the one that died and has no other */
		if (!states[i].has_frames && !(native && native->crashed && is_only_state(states, count, i)))
			continue;
		struct ph_error *error =
			thread_record(extract, &states[i], native, &report->threads[report->thread_count]);
		if (error)
			return error;
		report->thread_count++;
	}
	qsort(report->threads, report->thread_count, sizeof(*report->threads), by_importance);
	return NULL;
}

static struct ph_error *native_threads(struct ph_extract *extract, const bool *matched)
{
	struct ph_report *report = &extract->report;
	const struct ph_native_thread *natives;
	size_t count = ph_image_threads(extract->image, &natives);
	report->native_threads = ph_arena_array(&report->arena, struct ph_native_thread_record, count);
	if (!report->native_threads)
		return count ? &ph_error_no_memory : NULL;
	for (size_t i = 0; i < count; i++) {
		if (matched[i])
			continue;
		struct ph_native_thread_record *record = &report->native_threads[report->native_thread_count++];
		record->native_id = natives[i].tid;
		record->name = ph_arena_strdup(&report->arena, natives[i].name);
		record->crashed = natives[i].crashed;
		record->has_pc = natives[i].has_registers;
		if (record->has_pc)
			record->pc = location(extract, natives[i].pc);
	}
	return NULL;
}

struct ph_error *ph_extract_threads(struct ph_extract *extract)
{
	const struct ph_native_thread *natives;
	size_t native_count = ph_image_threads(extract->image, &natives);
	ph_auto_free bool *matched = calloc(native_count + 1, sizeof(*matched));
	if (!matched)
		return &ph_error_no_memory;
	struct ph_error *error = extract->runtime ? python_threads(extract, matched) : NULL;
	return error ? error : native_threads(extract, matched);
}
