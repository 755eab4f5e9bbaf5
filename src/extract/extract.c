/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "extract/extract.h"
#include "extract/heap.h"
#include "heap/heap.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "base/jobs.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_MAXIMUM ((size_t)32 << 20) /* bytes of values that are kept while closure and pickle are written */

void ph_extract_drop_pages(struct ph_extract *extract)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(extract->image, &segments);
	for (size_t i = 0; i < count; i++)
		ph_image_drop_pages(extract->image, segments[i].start, segments[i].end);
}

void ph_extract_bound_pages(struct ph_extract *extract, uint64_t objects)
{
	/* SLACK: what a walk comes by between one look and the next; more threads than MOST hardly do so at once */
	enum { OWN = 64000000, OF_OBJECT = 40, SLACK = 8 << 20, LEAST = 2, MOST = 4 };
	unsigned jobs = extract->jobs ? extract->jobs : ph_jobs_available();
	jobs = jobs < LEAST ? LEAST : jobs < MOST ? jobs : MOST;
	uint64_t slack = (uint64_t)SLACK * (2 + jobs);
	uint64_t bound = ph_image_size(extract->image) / 2 + OWN + objects * OF_OBJECT;
	ph_image_set_bound(extract->image, bound > slack ? bound - slack : 0);
}

static enum ph_status live_frame(void *self, ph_addr address, struct ph_arena *arena, struct ph_frame *ret)
{
	struct ph_extract *extract = self;
	enum ph_status status = ph_runtime_object_frame(extract->runtime, address, arena, ret);
	if (status == PH_OK && ph_redactor_mode(extract->redactor) != PH_REDACT_VALUES)
		ph_extract_source_line(extract, ret);
	return status;
}

static enum ph_status live_exception(void *self, ph_addr address, struct ph_arena *arena, struct ph_exception *ret)
{
	struct ph_extract *extract = self;
	enum ph_status status = ph_runtime_exception(extract->runtime, address, arena, ret);
	if (status == PH_OK && ph_redactor_mode(extract->redactor) != PH_REDACT_VALUES)
		for (size_t i = 0; i < ret->traceback_count; i++)
			ph_extract_source_line(extract, &ret->traceback[i]);
	return status;
}

static const struct ph_source_ops live_ops = {
	.value = ph_extract_value,
	.frame = live_frame,
	.exception = live_exception,
	.expect = ph_extract_expect,
	.approach = ph_extract_approach,
	.lack = ph_extract_lack,
};

/* A core that is cut may lack the interpreter's state: what the notes say is a report too.  The same where whoever
 * wrote it left the heap out. */
static bool is_cut_python(struct ph_image *image)
{
	const struct ph_image_info *info = ph_image_info(image);
	return (!info->complete || info->partial) && ph_detect_is_python(image);
}

/* What kind of dump lacks the heap, and how to get one that has it. */
static void note_partial(struct ph_extract *extract)
{
	const struct ph_image_info *info = ph_image_info(extract->image);
	struct ph_damage *damage = &extract->report.damage;
	const char *what = strcmp(info->kind, "minidump") ? "core" : "minidump";
	ph_damage_add(damage, PH_DAMAGE_REPORT, "heap", "%s in this %s: %s",
		      extract->runtime ? "is not whole" : "is not", what, info->partial);
	if (info->how_whole)
		ph_damage_add(damage, PH_DAMAGE_REPORT, "heap", "one that has it: %s", info->how_whole);
}

static struct ph_error *open_target(struct ph_extract *extract, const struct ph_extract_options *options)
{
	struct ph_error *error = ph_redactor_create(options->redact, options->redact_words, &extract->redactor);
	if (error)
		return error;
	extract->source = (struct ph_source){ .ops = &live_ops, .self = extract };
	extract->render = (struct ph_render){ .source = &extract->source, .redactor = extract->redactor };
	error = ph_detect(extract->image, &extract->detected);
	if (error && error->code == PH_ERROR_NO_PYTHON && is_cut_python(extract->image)) {
		if (ph_image_info(extract->image)->partial)
			note_partial(extract);
		else
			ph_damage_add(&extract->report.damage, PH_DAMAGE_REPORT, "python", "%s", error->message);
		ph_error_free(error);
		return NULL;
	}
	if (!error)
		error = ph_objects_create(&extract->detected.target, &extract->objects);
	if (!error)
		error = ph_runtime_create(extract->objects, &extract->runtime);
	if (error)
		return error;
	const struct ph_interp_state *interps;
	size_t count = ph_runtime_interpreters(extract->runtime, &interps);
	for (size_t i = 0; i < count; i++)
		if (interps[i].main || count == 1)
			ph_objects_seed(extract->objects, interps[i].builtins, interps[i].modules);
	return NULL;
}

/* What the image and the runtime count while the report is made belongs to it. */
static void take_damage(struct ph_extract *extract)
{
	ph_image_settle(extract->image);
	const struct ph_damage *from = ph_image_damage(extract->image);
	struct ph_damage *to = &extract->report.damage;
	for (size_t i = 0; i < from->count; i++)
		ph_damage_take(to, &from->entries[i]);
	to->dropped += from->dropped;
	to->missing = ph_image_info(extract->image)->lost;
}

struct ph_error *ph_extract_open(struct ph_image *image, const struct ph_extract_options *options,
				 struct ph_extract **ret)
{
	struct ph_extract *extract = calloc(1, sizeof(*extract));
	if (!extract)
		return &ph_error_no_memory;
	extract->image = image;
	struct ph_error *error = open_target(extract, options);
	if (error) {
		ph_extract_free(extract);
		return error;
	}
	/* without a Python there is no heap to guess at */
	bool has_heap = options->dumping && extract->objects;
	ph_extract_bound_pages(extract, 0);
	if (has_heap)
		ph_extract_bound_pages(extract, ph_heap_guess_count(&extract->detected.target));
	*ret = extract;
	return NULL;
}

struct ph_error *ph_extract_report(struct ph_extract *extract, const struct ph_extract_options *options)
{
	extract->dumping = options->dumping;
	extract->cache.is_open = options->dumping;
	extract->cache.arena.maximum = CACHE_MAXIMUM;
	struct ph_error *error = ph_extract_process(extract, options);
	if (!error)
		error = ph_extract_threads(extract);
	if (!error)
		error = ph_extract_exceptions(extract);
	if (!error && extract->runtime)
		error = ph_extract_tasks(extract);
	if (!error)
		error = ph_extract_render(extract);
	if (error)
		return error;
	take_damage(extract);
	if (extract->runtime && ph_image_info(extract->image)->partial && ph_damage_is_serious(&extract->report.damage))
		note_partial(extract);
	return extract->report.arena.no_memory ? &ph_error_no_memory : NULL;
}

void ph_extract_free(struct ph_extract *extract)
{
	if (!extract)
		return;
	ph_extract_free_sources(extract);
	ph_extract_free_readers(extract);
	ph_value_cache_deinit(&extract->cache);
	ph_extract_end_heap(extract);
	if (extract->memory)
		ph_memory_deinit(extract->memory);
	free(extract->memory);
	ph_report_deinit(&extract->report);
	ph_runtime_free(extract->runtime);
	ph_objects_free(extract->objects);
	ph_redactor_free(extract->redactor);
	free(extract->roots);
	free(extract);
}

struct ph_error *ph_extract_add_root(struct ph_extract *extract, const char *name, ph_addr address)
{
	if (!address)
		return NULL;
	if (extract->root_count == extract->root_capacity) {
		size_t capacity = extract->root_capacity ? extract->root_capacity * 2 : 64;
		void *roots = realloc(extract->roots, capacity * sizeof(*extract->roots));
		if (!roots)
			return &ph_error_no_memory;
		extract->roots = roots;
		extract->root_capacity = capacity;
	}
	extract->roots[extract->root_count++] = (struct ph_redaction_root){ name, address };
	return NULL;
}
