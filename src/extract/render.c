/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second pass: once every frame and exception is known, learn what is
 * secret, then render. In this order, since a secret that one frame names
 * must not show in another's text. */
#include "extract/extract.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>

static struct ph_error *frame_roots(struct ph_extract *extract, const struct ph_frame *frames, size_t count)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; i < count && !error; i++) {
		for (size_t j = 0; j < frames[i].local_count && !error; j++)
			error = ph_extract_add_root(extract, frames[i].locals[j].name, frames[i].locals[j].address);
		if (!error)
			error = ph_extract_add_root(extract, NULL, frames[i].globals);
		if (!error)
			error = ph_extract_add_root(extract, NULL, frames[i].namespace);
		if (!error)
			error = ph_extract_add_root(extract, NULL, frames[i].code);
	}
	return error;
}

static struct ph_error *task_roots(struct ph_extract *extract, const struct ph_task_list *list)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; i < list->count && !error; i++) {
		error = ph_extract_add_root(extract, NULL, list->items[i].address);
		if (!error)
			error = frame_roots(extract, list->items[i].awaiting, list->items[i].awaiting_count);
	}
	return error;
}

static struct ph_error *roots(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	struct ph_error *error = NULL;
	for (size_t i = 0; i < report->thread_count && !error; i++)
		error = frame_roots(extract, report->threads[i].frames, report->threads[i].frame_count);
	for (size_t i = 0; i < report->exception_count && !error; i++) {
		const struct ph_exception *exception = &report->exceptions[i];
		error = ph_extract_add_root(extract, NULL, exception->address);
		if (!error)
			error = frame_roots(extract, exception->traceback, exception->traceback_count);
	}
	if (!error)
		error = task_roots(extract, &report->tasks);
	if (!error)
		error = task_roots(extract, &report->greenlets);
	return error;
}

/* Secrets that the kernel's copy of argv and environ holds. */
static void process_strings(struct ph_extract *extract)
{
	const char *const *strings;
	size_t count = ph_image_environment(extract->image, &strings);
	for (size_t i = 0; i < count; i++)
		ph_redactor_add_assignment(extract->redactor, strings[i], strlen(strings[i]));
	const struct ph_report *report = &extract->report;
	for (size_t i = 0; i < report->image.annotation_count; i++) {
		const struct ph_label *note = &report->image.annotations[i];
		if (ph_redactor_is_secret_name(extract->redactor, note->key, strlen(note->key)))
			ph_redactor_add_text(extract->redactor, note->value, strlen(note->value));
	}
	count = ph_image_arguments(extract->image, &strings);
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(strings[i]);
		ph_redactor_add_assignment(extract->redactor, strings[i], size);
		/* "--password hunter2" */
		if (size > 2 && !strncmp(strings[i], "--", 2) && !strchr(strings[i], '=') && i + 1 < count &&
		    ph_redactor_is_secret_name(extract->redactor, strings[i], size))
			ph_redactor_add_text(extract->redactor, strings[i + 1], strlen(strings[i + 1]));
	}
}

bool ph_extract_is_default_thread_name(const char *name)
{
	if (!strcmp(name, "MainThread"))
		return true;
	const char *rest = !strncmp(name, "Thread-", 7) ? name + 7 : !strncmp(name, "Dummy-", 6) ? name + 6 : NULL;
	if (!rest || !isdigit((unsigned char)*rest))
		return false;
	while (isdigit((unsigned char)*rest))
		rest++;
	return !*rest || *rest == ' ';
}

static const char *scrubbed(struct ph_extract *extract, const char *text)
{
	struct ph_buffer out = PH_BUFFER(64 * 1024);
	if (!text)
		return NULL;
	if (ph_redactor_mode(extract->redactor) == PH_REDACT_VALUES)
		return PH_REDACTED;
	ph_redactor_scrub(extract->redactor, text, strlen(text), &out);
	const char *copy = ph_arena_strndup(&extract->report.arena, ph_buffer_text(&out), out.size);
	ph_buffer_deinit(&out);
	return copy;
}

static void load_frame_sources(struct ph_extract *extract, const struct ph_frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ph_extract_load_source(extract, &frames[i]);
}

static void load_task_sources(struct ph_extract *extract, const struct ph_task_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		load_frame_sources(extract, list->items[i].awaiting, list->items[i].awaiting_count);
}

/* What they assign to secret names is known before anything is rendered. */
static void load_sources(struct ph_extract *extract)
{
	const struct ph_report *report = &extract->report;
	if (ph_redactor_mode(extract->redactor) != PH_REDACT_SECRETS)
		return;
	for (size_t i = 0; i < report->thread_count; i++)
		load_frame_sources(extract, report->threads[i].frames, report->threads[i].frame_count);
	for (size_t i = 0; i < report->exception_count; i++)
		load_frame_sources(extract, report->exceptions[i].traceback, report->exceptions[i].traceback_count);
	load_task_sources(extract, &report->tasks);
	load_task_sources(extract, &report->greenlets);
}

static void render_frames(struct ph_extract *extract, struct ph_frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ph_redactor_mode(extract->redactor) != PH_REDACT_VALUES)
			ph_extract_source_line(extract, &frames[i]);
		ph_render_frame(&extract->render, &extract->report.arena, &frames[i]);
	}
}

static bool is_default_task_name(const char *name)
{
	return !strncmp(name, "Task-", 5) && name[5] && strspn(name + 5, "0123456789") == strlen(name + 5);
}

static const char *task_name(struct ph_extract *extract, const char *name)
{
	return !name || is_default_task_name(name) || !strcmp(name, "main") ? name : scrubbed(extract, name);
}

static void render_tasks(struct ph_extract *extract, const struct ph_task_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct ph_task *task = &list->items[i];
		task->name = task_name(extract, task->name);
		task->task = task_name(extract, task->task);
		task->waiting_for.name = task_name(extract, task->waiting_for.name);
		render_frames(extract, task->awaiting, task->awaiting_count);
	}
}

struct ph_error *ph_extract_render(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	struct ph_error *error = roots(extract);
	if (error)
		return error;
	process_strings(extract);
	error = ph_redactor_survey(extract->redactor, &extract->source, extract->roots, extract->root_count,
				   PH_SURVEY_DEPTH, PH_SURVEY_MAXIMUM, PH_SURVEY_CHILDREN);
	if (error)
		return error;
	load_sources(extract);
	report->image.command = scrubbed(extract, report->image.command);
	for (size_t i = 0; i < report->image.annotation_count; i++)
		report->image.annotations[i].value = scrubbed(extract, report->image.annotations[i].value);
	for (size_t i = 0; i < report->thread_count; i++) {
		struct ph_thread *thread = &report->threads[i];
		if (thread->name && !ph_extract_is_default_thread_name(thread->name))
			thread->name = scrubbed(extract, thread->name);
		render_frames(extract, thread->frames, thread->frame_count);
	}
	for (size_t i = 0; i < report->exception_count; i++) {
		struct ph_exception *exception = &report->exceptions[i];
		render_frames(extract, exception->traceback, exception->traceback_count);
		ph_render_exception(&extract->render, &report->arena, exception);
	}
	render_tasks(extract, &report->tasks);
	render_tasks(extract, &report->greenlets);
	ph_report_sign(report);
	report->redaction.count = ph_redactor_count(extract->redactor);
	return NULL;
}
