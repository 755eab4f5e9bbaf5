/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process and its interpreters: everything of the report but stacks. */
#include "extract/extract.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

void ph_extract_sys(struct ph_extract *extract, const char *name, ph_addr *ret)
{
	const struct ph_interp_state *interps;
	size_t count = extract->runtime ? ph_runtime_interpreters(extract->runtime, &interps) : 0;
	*ret = 0;
	for (size_t i = 0; i < count && !*ret; i++)
		if ((interps[i].main || count == 1) && interps[i].sysdict)
			*ret = ph_dict_get(extract->objects, interps[i].sysdict, name);
}

static void image_record(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	const struct ph_image_info *info = ph_image_info(extract->image);
	report->image.kind = ph_arena_strdup(&report->arena, info->kind);
	report->image.arch = ph_arena_strdup(&report->arena, info->arch);
	report->image.os = ph_arena_strdup(&report->arena, info->os);
	report->image.pid = info->pid;
	report->image.command = ph_arena_strdup(&report->arena, info->command ? info->command : info->name);
	report->image.complete = info->complete;
	report->image.signal_number = info->signal_number;
	report->image.signal_name = ph_arena_strdup(&report->arena, info->signal_name);
	report->image.has_signal_address = info->has_fault_address;
	report->image.signal_address = info->fault_address;
	report->image.unloaded = ph_arena_array(&report->arena, struct ph_unloaded, info->unloaded_count);
	for (size_t i = 0; report->image.unloaded && i < info->unloaded_count; i++) {
		const struct ph_unloaded_module *u = &info->unloaded[i];
		report->image.unloaded[report->image.unloaded_count++] =
			(struct ph_unloaded){ ph_arena_strdup(&report->arena, u->path), u->start, u->end };
	}
	report->image.annotations = ph_arena_array(&report->arena, struct ph_label, info->annotation_count);
	for (size_t i = 0; report->image.annotations && i < info->annotation_count; i++)
		report->image.annotations[report->image.annotation_count++] = (struct ph_label){
			ph_arena_strdup(&report->arena, info->annotations[i].key),
			ph_arena_strdup(&report->arena, info->annotations[i].value),
		};
}

static const char *version_text(struct ph_report *report, struct ph_version version, bool minor_only)
{
	char text[32];
	return ph_arena_strdup(&report->arena, minor_only ? ph_version_minor_text(version, text, sizeof(text)) :
							    ph_version_text(version, text, sizeof(text)));
}

/* Where a cut took the interpreter: what files and names say. */
static void cut_python_record(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	struct ph_version version;
	bool minor_only = false;
	const char *source = ph_detect_version(extract->image, &version, &minor_only);
	report->python.implementation = "cpython";
	if (!source)
		return;
	report->python.version = version_text(report, version, minor_only);
	ph_damage_add(&report->damage, PH_DAMAGE_REPORT, "python", "Python %s is taken from %s", report->python.version,
		      source);
}

static bool is_set(const struct ph_target *target, ph_addr base, enum ph_field field)
{
	uint64_t value = 0;
	return base && ph_target_has(target, field) && ph_target_uint(target, base, field, &value) == PH_OK && value;
}

/* Python/pylifecycle.c: Py_FinalizeEx() marks the main interpreter before it calls what atexit knows, and the runtime
 * once only its own thread runs; init_interp_main() marks the runtime when all but site is there. */
static const char *python_state(const struct ph_target *target)
{
	ph_addr runtime = target->runtime;
	uint64_t initialized;
	if (is_set(target, target->interp_main, PH_PyInterpreterState_finalizing) ||
	    is_set(target, target->interp_main, PH_PyInterpreterState__finalizing) ||
	    is_set(target, runtime, PH_PyRuntimeState_finalizing) ||
	    is_set(target, runtime, PH_PyRuntimeState__finalizing))
		return "shutting down";
	if (runtime && ph_target_has(target, PH_PyRuntimeState_initialized) &&
	    ph_target_uint(target, runtime, PH_PyRuntimeState_initialized, &initialized) == PH_OK && !initialized)
		return "starting";
	return NULL;
}

/* Up to 3.11 what atexit knows is called before those marks are set, but Lib/threading.py's _shutdown() was called by
 * then: since 3.6 it sets _is_stopped of the main thread, up to 3.12. */
static bool main_thread_ended(struct ph_extract *extract)
{
	const struct ph_interp_state *interps;
	size_t count = ph_runtime_interpreters(extract->runtime, &interps);
	for (size_t i = 0; i < count; i++) {
		ph_addr module = interps[i].main && interps[i].modules ?
					 ph_dict_get(extract->objects, interps[i].modules, "threading") : 0;
		ph_addr thread = module ? ph_object_attribute(extract->objects, module, "_main_thread") : 0;
		ph_addr stopped = thread ? ph_object_attribute(extract->objects, thread, "_is_stopped") : 0;
		if (stopped && stopped == extract->detected.target.true_)
			return true;
	}
	return false;
}

static void python_record(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	const struct ph_layout *layout = &extract->detected.target.layout;
	report->python.implementation = "cpython";
	report->python.version = version_text(report, layout->version, extract->detected.minor_only);
	report->python.debug = layout->abi.debug;
	report->python.free_threaded = layout->abi.free_threaded;
	report->python.guessed = layout->guessed;
	report->python.other = ph_arena_strdup(&report->arena, extract->detected.other);
	report->python.state = python_state(&extract->detected.target);
	if (!report->python.state && main_thread_ended(extract))
		report->python.state = "shutting down";
	report->python.origin = ph_arena_strdup(&report->arena, extract->detected.origin);
}

static void interpreter_records(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	const struct ph_interp_state *interps;
	const struct ph_thread_state *threads;
	size_t count = ph_runtime_interpreters(extract->runtime, &interps);
	size_t thread_count = ph_runtime_threads(extract->runtime, &threads);
	report->interpreters = ph_arena_array(&report->arena, struct ph_interpreter, count);
	if (!report->interpreters)
		return;
	report->interpreter_count = count;
	for (size_t i = 0; i < count; i++) {
		struct ph_interpreter *record = &report->interpreters[i];
		record->id = interps[i].id;
		record->main = interps[i].main;
		ph_runtime_gc(extract->runtime, &interps[i], record);
		ph_addr executable =
			interps[i].sysdict ? ph_dict_get(extract->objects, interps[i].sysdict, "executable") : 0;
		if (executable && !report->python.executable)
			report->python.executable = ph_str_get(extract->objects, executable, &report->arena);
	}
	for (size_t i = 0; i < thread_count; i++)
		if (!threads[i].has_frames && threads[i].interpreter < count)
			report->interpreters[threads[i].interpreter].idle_thread_states++;
}

static struct ph_error *label_records(struct ph_report *report, const struct ph_extract_options *options)
{
	report->labels = ph_arena_array(&report->arena, struct ph_label, options->label_count);
	for (size_t i = 0; report->labels && i < options->label_count; i++) {
		const char *equals = strchr(options->labels[i], '=');
		if (!equals || equals == options->labels[i])
			return ph_error_create(PH_ERROR_USAGE, "--label=%s: not KEY=VALUE", options->labels[i]);
		struct ph_label *label = &report->labels[report->label_count++];
		label->key =
			ph_arena_strndup(&report->arena, options->labels[i], (size_t)(equals - options->labels[i]));
		label->value = ph_arena_strdup(&report->arena, equals + 1);
	}
	return NULL;
}

struct ph_error *ph_extract_process(struct ph_extract *extract, const struct ph_extract_options *options)
{
	extract->report.redaction.mode = options->redact;
	image_record(extract);
	if (extract->runtime) {
		python_record(extract);
		interpreter_records(extract);
	} else {
		cut_python_record(extract);
	}
	return label_records(&extract->report, options);
}
