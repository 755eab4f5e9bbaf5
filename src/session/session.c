/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The converter's way through the house: image, extract, report, dump. */
#include "session/private.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "dump/dump.h"
#include "dump/output.h"
#include "extract/heap.h"
#include "extract/place.h"
#include "record/damage_text.h"

#include <stdlib.h>
#include <string.h>

struct ph_error *ph_session_attach(struct ph_image *image, const struct ph_session_options *options,
				   struct ph_session **ret)
{
	static const enum ph_redaction_mode modes[] = {
		[PH_SESSION_REDACT_SECRETS] = PH_REDACT_SECRETS,
		[PH_SESSION_REDACT_VALUES] = PH_REDACT_VALUES,
		[PH_SESSION_REDACT_NONE] = PH_REDACT_NONE,
	};
	struct ph_session *session = calloc(1, sizeof(*session));
	if (!session)
		return &ph_error_no_memory;
	session->options = (struct ph_extract_options){
		.redact = modes[options->redact],
		.redact_words = options->redact_words,
		.labels = options->labels,
		.label_count = options->label_count,
		.dumping = options->dumping,
	};
	session->callbacks = ph_image_callbacks(image);
	struct ph_error *error = ph_extract_open(image, &session->options, &session->extract);
	if (error) {
		free(session);
		return error;
	}
	*ret = session;
	return NULL;
}

struct ph_error *ph_session_need_report(struct ph_session *session)
{
	if (session->has_report)
		return NULL;
	/* half of it may be there: it is not tried twice */
	if (session->failed)
		return ph_error_create(PH_ERROR_IO, "the report could not be made");
	struct ph_error *error = ph_extract_report(session->extract, &session->options);
	session->failed = error != NULL;
	session->has_report = !error;
	return error;
}

struct ph_error *ph_session_open(struct ph_image *image, const struct ph_session_options *options,
				 struct ph_session **ret)
{
	struct ph_session *session;
	struct ph_error *error = ph_session_attach(image, options, &session);
	if (error)
		return error;
	error = ph_session_need_report(session);
	if (error) {
		ph_session_close(session);
		return error;
	}
	*ret = session;
	return NULL;
}

void ph_session_close(struct ph_session *session)
{
	if (!session)
		return;
	ph_dump_close(session->heap);
	ph_places_free(session->places);
	ph_extract_free(session->extract);
	free(session);
}

struct ph_error *ph_session_report(struct ph_session *session, enum ph_report_format format,
				   const struct ph_report_style *style, char **ret, size_t *ret_size)
{
	const struct ph_report *report = &session->extract->report;
	struct ph_text_options options = {
		.colour = style->colour,
		.columns = style->columns,
		.locals = true,
		.fold = true,
	};
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = ph_session_need_report(session);
	if (error)
		return error;
	switch (format) {
	case PH_REPORT_TEXT:
		ph_report_text(report, &options, &out);
		break;
	case PH_REPORT_MARKDOWN:
		ph_report_markdown(report, &out);
		break;
	case PH_REPORT_JSON:
		ph_report_json(report, &out);
		break;
	case PH_REPORT_SIGNATURE:
		ph_report_signature_line(report, &out);
		break;
	}
	size_t size = out.size;
	char *text = out.no_memory ? NULL : ph_buffer_steal(&out);
	ph_buffer_deinit(&out);
	if (!text)
		return &ph_error_no_memory;
	*ret = text;
	*ret_size = size;
	return NULL;
}

bool ph_session_is_damaged(const struct ph_session *session)
{
	return ph_damage_is_serious(&session->extract->report.damage);
}

/* ---- the dump ---- */

struct pieces {
	struct ph_dump_module *modules;
	struct ph_dump_source_file *sources;
	char **texts;
	size_t text_count;
	ph_addr *closure;
};

static void pieces_deinit(struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->text_count; i++)
		free(pieces->texts[i]);
	free(pieces->texts);
	free(pieces->modules);
	free(pieces->sources);
	free(pieces->closure);
}

static struct ph_error *module_lines(struct ph_session *session, struct pieces *pieces,
				     struct ph_dump_contents *contents)
{
	const struct ph_module *modules;
	size_t count = ph_image_modules(session->extract->image, &modules);
	pieces->modules = calloc(count + 1, sizeof(*pieces->modules));
	if (!pieces->modules)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++)
		pieces->modules[i] = (struct ph_dump_module){
			.path = modules[i].path,
			.build_id = modules[i].build_id,
			.why_not = modules[i].file ? NULL : modules[i].why_not,
			.start = modules[i].start,
			.end = modules[i].end,
		};
	contents->modules = pieces->modules;
	contents->module_count = count;
	return NULL;
}

static int by_path(const void *a, const void *b)
{
	const struct ph_dump_source_file *x = a, *y = b;
	return strcmp(x->path, y->path);
}

static struct ph_error *source_files(struct ph_session *session, struct pieces *pieces,
				     struct ph_dump_contents *contents)
{
	struct ph_extract *extract = session->extract;
	if (ph_redactor_mode(extract->redactor) == PH_REDACT_VALUES)
		return NULL;
	pieces->sources = calloc(extract->file_count + 1, sizeof(*pieces->sources));
	pieces->texts = calloc(extract->file_count + 1, sizeof(*pieces->texts));
	if (!pieces->sources || !pieces->texts)
		return &ph_error_no_memory;
	for (size_t i = 0; i < extract->file_count; i++) {
		const struct ph_source_text *file = &extract->files[i];
		if (!file->text)
			continue;
		struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
		ph_redactor_scrub(extract->redactor, file->text, file->size, &out);
		size_t size = out.size;
		char *text = out.no_memory ? NULL : ph_buffer_steal(&out);
		ph_buffer_deinit(&out);
		if (!text)
			return &ph_error_no_memory;
		pieces->texts[pieces->text_count++] = text;
		pieces->sources[contents->source_count++] = (struct ph_dump_source_file){
			.path = file->path,
			.text = text,
			.size = size,
			.newer = file->newer,
		};
	}
	qsort(pieces->sources, contents->source_count, sizeof(*pieces->sources), by_path);
	contents->sources = pieces->sources;
	return NULL;
}

/* Members' dates: nothing of the run, so that the same core gives the same bytes. */
static int64_t dump_time(struct ph_session *session)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	return epoch && *epoch ? strtoll(epoch, NULL, 10) : ph_image_info(session->extract->image)->core_time;
}

static struct ph_error *walk_heap(void *user, const struct ph_heap_sink *sink)
{
	return ph_extract_heap(user, sink);
}

static struct ph_error *memory(void *user, struct ph_buffer *out)
{
	return ph_extract_memory(user, out);
}

static struct ph_error *pause_walk(void *user)
{
	return ph_extract_pause_walk(user);
}

/* The manifest tells it. */
static struct ph_error *heap_damage(void *user, const struct ph_damage **ret)
{
	struct ph_error *error = ph_extract_find_heap(user);
	*ret = error ? NULL : ph_extract_heap_damage(user);
	return error;
}

static struct ph_error *share(void *user, const struct ph_source **ret, size_t *ret_count)
{
	return ph_extract_share(user, ret, ret_count);
}

/* The heap goes to the writer from now on. */
static struct ph_error *begin_heap(struct ph_extract *extract, struct ph_dump_writer *writer,
				   struct ph_dump_contents *contents)
{
	struct ph_heap_sink sink = ph_dump_writer_sink(writer);
	contents->pause_walk = pause_walk;
	contents->walk_heap = walk_heap;
	contents->walk_user = extract;
	contents->memory = memory;
	contents->heap_damage = heap_damage;
	struct ph_error *error = ph_extract_begin_heap(extract, &sink);
	/* by one thread too: what may be resident goes by the number of objects */
	return error || extract->ahead ? error : ph_extract_find_heap(extract);
}

static struct ph_error *gather(struct ph_session *session, const struct ph_dump_options *options,
			       struct ph_dump_writer *writer, struct pieces *pieces, struct ph_dump_contents *contents)
{
	static const char *const heaps[] = {
		[PH_DUMP_HEAP_NONE] = "none",
		[PH_DUMP_HEAP_STACKS] = "stacks",
		[PH_DUMP_HEAP_FULL] = "full",
	};
	struct ph_extract *extract = session->extract;
	contents->report = &extract->report;
	/* a cut core may lack the interpreter */
	bool full = options->heap == PH_DUMP_HEAP_FULL && extract->runtime;
	contents->heap = heaps[full || options->heap != PH_DUMP_HEAP_FULL ? options->heap : PH_DUMP_HEAP_STACKS];
	/* the threads may come to use files of modules that nobody asked for yet */
	struct ph_error *error = module_lines(session, pieces, contents);
	if (!error && full)
		error = begin_heap(extract, writer, contents);
	contents->time = dump_time(session);
	contents->callbacks = session->callbacks;
	if (!error)
		error = source_files(session, pieces, contents);
	if (error || options->heap == PH_DUMP_HEAP_NONE)
		return error;
	size_t objects = options->pickle_objects ? options->pickle_objects : PH_CLOSURE_MAXIMUM;
	error = ph_extract_closure(extract, objects, &pieces->closure, &contents->closure_count,
				   &contents->closure_cut);
	if (error)
		return error;
	contents->render = &extract->render;
	contents->share = share;
	contents->share_user = extract;
	contents->closure = pieces->closure;
	contents->pickle_objects = options->pickle_objects;
	ph_extract_sys(extract, "version_info", &contents->sys_version_info);
	ph_extract_sys(extract, "argv", &contents->sys_argv);
	ph_extract_sys(extract, "path", &contents->sys_path);
	return NULL;
}

/* Nobody looks into the manifest of what was written without a word. */
static void warn_of_damage(struct ph_session *session)
{
	struct ph_damage all = { 0 };
	const struct ph_damage *of_report = &session->extract->report.damage,
			       *of_heap = ph_extract_heap_damage(session->extract);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096);
	for (size_t i = 0; i < of_report->count; i++)
		ph_damage_take(&all, &of_report->entries[i]);
	for (size_t i = 0; of_heap && i < of_heap->count; i++)
		ph_damage_take(&all, &of_heap->entries[i]);
	all.missing = of_report->missing;
	all.dropped += of_heap ? of_heap->dropped : 0;
	if (ph_heap_damage_text(&all, &text))
		ph_warn(session->callbacks, "%s: what was there is not in the dump; pyheap verify lists the places",
			ph_buffer_text(&text));
	ph_damage_deinit(&all);
}

uint64_t ph_session_heap_secrets(const struct ph_session *session)
{
	bool counts = ph_redactor_mode(session->extract->redactor) == PH_REDACT_SECRETS;
	return counts ? session->extract->redacted : 0;
}

struct ph_error *ph_session_write_dump(struct ph_session *session, const char *path, bool overwrite,
				       const struct ph_dump_options *options)
{
	struct pieces pieces = { 0 };
	struct ph_dump_contents contents = { 0 };
	struct ph_dump_writer *writer = NULL;
	struct ph_dump_field fields[] = {
		{ "layout-origin", session->extract->detected.origin },
		{ "version-source", session->extract->detected.target.version_source },
	};
	session->extract->jobs = options->jobs;
	session->extract->dumping = options->heap != PH_DUMP_HEAP_NONE;
	contents.fields = fields;
	contents.field_count = sizeof(fields) / sizeof(fields[0]);
	struct ph_error *error = ph_session_need_report(session);
	if (!error)
		error = ph_dump_begin(path, overwrite, &writer);
	if (!error)
		error = gather(session, options, writer, &pieces, &contents);
	if (!error)
		error = ph_dump_end(writer, &contents);
	if (!error && options->heap == PH_DUMP_HEAP_FULL)
		warn_of_damage(session);
	ph_extract_stop_walk(session->extract);
	ph_dump_writer_free(writer);
	pieces_deinit(&pieces);
	return error;
}

struct ph_error *ph_session_write_heap(struct ph_session *session, const char *path)
{
	struct ph_error *error = ph_session_need_report(session);
	if (error)
		return error;
	if (!session->extract->runtime)
		return ph_error_create(PH_ERROR_NO_PYTHON, "no Python interpreter is to be read");
	struct ph_dump_contents contents = {
		.report = &session->extract->report,
		.heap = "full",
		.walk_heap = walk_heap,
		.walk_user = session->extract,
		.memory = memory,
		.time = dump_time(session),
		.callbacks = session->callbacks,
	};
	return ph_dump_write(path, false, &contents);
}

struct ph_error *ph_session_write_trimmed(struct ph_session *session, const char *path)
{
	struct ph_output output;
	struct ph_error *error = ph_session_need_report(session);
	if (!error)
		error = ph_output_open(path, true, &output);
	if (error)
		return error;
	error = ph_image_write_trimmed(session->extract->image, output.file);
	if (!error)
		error = ph_output_publish(&output);
	ph_output_close(&output);
	return error;
}
