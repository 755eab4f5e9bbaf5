/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a debugger asks. */
#include "session/private.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "dump/dump.h"
#include "extract/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAXIMUM 100000 /* keys of one dict that are looked at */
#define SOURCE_BEFORE 5
#define UNREADABLE "the Python interpreter cannot be read: the core is cut, or lacks it"
#define SOURCE_AFTER 4

static struct ph_text_options text_options(const struct ph_report_style *style, bool locals)
{
	return (struct ph_text_options){ .colour = style->colour, .columns = style->columns, .locals = locals };
}

static struct ph_error *take(struct ph_buffer *out, char **ret)
{
	char *text = NULL;
	if (!out->no_memory && !out->truncated) {
		ph_buffer_append(out, "", 0);
		text = out->size ? ph_buffer_steal(out) : strdup("");
	}
	ph_buffer_deinit(out);
	if (!text)
		return &ph_error_no_memory;
	*ret = text;
	return NULL;
}

/* ---- threads and frames ---- */

/* The thread's record; with frames, when it has several states. */
static struct ph_error *find_thread(struct ph_session *session, int64_t tid, const struct ph_thread **ret)
{
	struct ph_error *error = ph_session_need_report(session);
	if (error)
		return error;
	const struct ph_report *report = &session->extract->report;
	const struct ph_thread *found = NULL;
	for (size_t i = 0; i < report->thread_count; i++) {
		const struct ph_thread *thread = &report->threads[i];
		if (thread->native_id == tid && (!found || !found->frame_count))
			found = thread;
	}
	if (!found && !session->extract->runtime)
		return ph_error_create(PH_ERROR_USAGE, UNREADABLE);
	if (!found)
		return ph_error_create(PH_ERROR_USAGE, ph_report_lacks_states(report) ?
				       "the Python state of the thread with LWP %" PRId64 " could not be read" :
				       "no Python runs in the thread with LWP %" PRId64, tid);
	*ret = found;
	return NULL;
}

static struct ph_error *find_frame(struct ph_session *session, int64_t tid, size_t index,
				   const struct ph_frame **ret)
{
	const struct ph_thread *thread;
	struct ph_error *error = find_thread(session, tid, &thread);
	if (error)
		return error;
	if (!thread->frame_count)
		return ph_error_create(PH_ERROR_USAGE, ph_report_lacks(&session->extract->report, thread, "") ?
				       "the Python frames of the thread with LWP %" PRId64 " could not be read" :
				       "the thread with LWP %" PRId64 " has no Python frames", tid);
	if (index >= thread->frame_count)
		return ph_error_create(PH_ERROR_USAGE, "no Python frame %zu: the thread has %zu", index,
				       thread->frame_count);
	*ret = &thread->frames[thread->frame_count - 1 - index];
	return NULL;
}

/* For `thread apply all`, which an error would end: a thread without Python is none. */
static bool is_native(struct ph_session *session, int64_t tid)
{
	const struct ph_thread *thread;
	struct ph_error *error = tid ? find_thread(session, tid, &thread) : NULL;
	bool native = error && error->code == PH_ERROR_USAGE;
	ph_error_free(error);
	return native;
}

static struct ph_error *say_native(struct ph_session *session, int64_t tid, char **ret)
{
	if (!session->extract->runtime)
		return (*ret = strdup(UNREADABLE ".\n")) ? NULL : &ph_error_no_memory;
	return asprintf(ret, ph_report_lacks_states(&session->extract->report) ?
			"The Python state of this thread (LWP %" PRId64 ") could not be read.\n" :
			"No Python runs in this thread (LWP %" PRId64 ").\n", tid) < 0 ? &ph_error_no_memory : NULL;
}

struct ph_error *ph_session_frame_count(struct ph_session *session, int64_t tid, size_t *ret)
{
	const struct ph_thread *thread;
	struct ph_error *error = find_thread(session, tid, &thread);
	if (!error)
		*ret = thread->frame_count;
	return error;
}

struct ph_error *ph_session_backtrace(struct ph_session *session, int64_t tid, bool locals,
				      const struct ph_report_style *style, char **ret)
{
	struct ph_error *error = ph_session_need_report(session);
	if (error)
		return error;
	if (is_native(session, tid))
		return say_native(session, tid, ret);
	const struct ph_report *report = &session->extract->report;
	struct ph_text_options options = text_options(style, locals);
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	size_t states = 0;
	for (size_t i = 0; i < report->thread_count; i++)
		states += !tid || report->threads[i].native_id == tid;
	for (size_t i = 0; i < report->thread_count; i++) {
		if (tid && report->threads[i].native_id != tid)
			continue;
		ph_buffer_puts(&out, out.size ? "\n" : "");
		ph_report_backtrace_text(report, &report->threads[i], !tid || states > 1, &options, &out);
	}
	if (!tid && !states)
		ph_buffer_puts(&out, session->extract->runtime ? "No Python threads.\n" : UNREADABLE ".\n");
	return take(&out, ret);
}

struct ph_error *ph_session_threads(struct ph_session *session, int64_t selected, const struct ph_report_style *style,
				    char **ret)
{
	struct ph_text_options options = text_options(style, false);
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = ph_session_need_report(session);
	if (error)
		return error;
	ph_report_thread_list_text(&session->extract->report, selected, &options, &out);
	return take(&out, ret);
}

struct ph_error *ph_session_frame(struct ph_session *session, int64_t tid, size_t index,
				  const struct ph_report_style *style, char **ret)
{
	const struct ph_frame *frame = NULL; /* for gcc -O3 */
	struct ph_text_options options = text_options(style, false);
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = find_frame(session, tid, index, &frame);
	if (error)
		return error;
	ph_report_frame_text(frame, index, &options, &out);
	return take(&out, ret);
}

struct ph_error *ph_session_locals(struct ph_session *session, int64_t tid, size_t index,
				   const struct ph_report_style *style, char **ret)
{
	const struct ph_frame *frame = NULL; /* for gcc -O3 */
	struct ph_text_options options = text_options(style, true);
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = find_frame(session, tid, index, &frame);
	if (error)
		return error;
	ph_report_locals_text(frame, &options, &out);
	return take(&out, ret);
}

/* As CPython's gdb extension lists: the frame's own line is marked. */
struct ph_error *ph_session_source(struct ph_session *session, int64_t tid, size_t index, size_t first, size_t last,
				   char **ret)
{
	const struct ph_frame *frame;
	struct ph_error *error = find_frame(session, tid, index, &frame);
	if (error)
		return error;
	const struct ph_source_text *file = ph_extract_source(session->extract, frame->file);
	if (!file || !file->lines)
		return ph_error_create(PH_ERROR_USAGE, "%s: the source is not there", frame->file ? frame->file : "?");
	size_t line = frame->line > 0 ? (size_t)frame->line : 1;
	if (!first) {
		first = line > SOURCE_BEFORE ? line - SOURCE_BEFORE : 1;
		last = line + SOURCE_AFTER;
	}
	size_t count = file->line_count - (file->line_count && file->lines[file->line_count - 1] >= file->size);
	if (first > count)
		return ph_error_create(PH_ERROR_USAGE, "%s: it has %zu lines", file->path, count);
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	for (size_t i = first; i <= last && i <= count; i++) {
		char number[32];
		size_t start = file->lines[i - 1], end = file->lines[i] - 1;
		while (end > start && strchr("\r\n", file->text[end - 1]))
			end--;
		snprintf(number, sizeof(number), "%s%zu", i == line ? ">" : "", i);
		ph_buffer_printf(&out, "%4s    ", number);
		ph_escape_terminal(file->text + start, end - start, false, &out);
		ph_buffer_putc(&out, '\n');
	}
	return take(&out, ret);
}

/* ---- exceptions ---- */

static bool is_wanted(enum ph_inspect_exceptions which, enum ph_exception_state state)
{
	return which == PH_INSPECT_HANDLED ? state == PH_EXCEPTION_HANDLED :
					     state == PH_EXCEPTION_RAISED || state == PH_EXCEPTION_LAST;
}

static bool is_shown_before(const struct ph_thread *thread, size_t index, enum ph_inspect_exceptions which)
{
	for (size_t i = 0; i < index; i++)
		if (thread->exceptions[i].address == thread->exceptions[index].address &&
		    is_wanted(which, thread->exceptions[i].state))
			return true;
	return false;
}

struct ph_error *ph_session_exceptions(struct ph_session *session, int64_t tid, enum ph_inspect_exceptions which,
				       const struct ph_report_style *style, char **ret)
{
	struct ph_error *error = ph_session_need_report(session);
	if (error)
		return error;
	if (is_native(session, tid))
		return say_native(session, tid, ret);
	const struct ph_report *report = &session->extract->report;
	struct ph_text_options options = text_options(style, true);
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	size_t others = 0;
	bool unread = !tid && ph_report_lacks_states(report);
	for (size_t i = 0; i < report->thread_count; i++) {
		const struct ph_thread *thread = &report->threads[i];
		unread |= (!tid || thread->native_id == tid) &&
			  ph_report_lacks(report, thread, "the stack of exceptions");
		for (size_t k = 0; (!tid || thread->native_id == tid) && k < thread->exception_count; k++) {
			if (!is_wanted(which, thread->exceptions[k].state)) {
				others++;
				continue;
			}
			if (is_shown_before(thread, k, which))
				continue;
			/* the handler that is innermost; of all threads, everything */
			if (tid && out.size && which == PH_INSPECT_HANDLED)
				break;
			ph_buffer_puts(&out, out.size ? "\n" : "");
			ph_report_exception_text(report, tid ? NULL : thread, &thread->exceptions[k], &options, &out);
		}
	}
	if (!out.size && unread && which == PH_INSPECT_HANDLED)
		ph_buffer_puts(&out, "The exceptions that are being handled could not be read.\n");
	if (!out.size)
		ph_buffer_printf(&out, "No exception is being %s%s.%s\n",
				 which == PH_INSPECT_HANDLED ? "handled" : "raised", tid ? " in this thread" : "",
				 !others ? ""
				 : which == PH_INSPECT_HANDLED
					 ? "  One is being raised or left in sys.last_*: py-exc-print -r."
					 : "  One is being handled: py-exc-print.");
	return take(&out, ret);
}

/* ---- objects ---- */

struct ph_error *ph_session_repr(struct ph_session *session, uint64_t address, size_t characters, char **ret)
{
	struct ph_render render = session->extract->render;
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED), escaped = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	if (!session->extract->runtime)
		return ph_error_create(PH_ERROR_NO_PYTHON, "no Python interpreter is to be read");
	if (!address) {
		ph_buffer_puts(&out, "<NULL>");
		return take(&out, ret);
	}
	render.characters = characters;
	ph_render_repr(&render, address, false, &out);
	ph_escape_terminal(ph_buffer_text(&out), out.size, false, &escaped);
	ph_buffer_deinit(&out);
	return take(&escaped, ret);
}

struct ph_error *ph_session_type_names(struct ph_session *session, char **ret)
{
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = ph_extract_type_names(session->extract, &out);
	if (!error)
		return take(&out, ret);
	ph_buffer_deinit(&out);
	return error;
}

/* The value under a str key of a dict, 0 when there is none. */
static ph_addr dict_get(struct ph_session *session, ph_addr dict, const char *name)
{
	static const struct ph_value_limits all = { .children = NAMES_MAXIMUM, .characters = 0 };
	static const struct ph_value_limits text = { .children = 0, .characters = 1000 };
	const struct ph_source *source = &session->extract->source;
	struct ph_value value = PH_VALUE_INIT, key = PH_VALUE_INIT;
	ph_addr found = 0;
	ph_source_value(source, dict, &all, &value);
	for (size_t i = 0; value.kind == PH_KIND_DICT && !found && i < value.pair_count; i++) {
		ph_source_value(source, value.pairs[i].key, &text, &key);
		/* names of 2.7 are bytes */
		if ((key.kind == PH_KIND_STR || key.kind == PH_KIND_BYTES) && key.text &&
		    key.text_size == strlen(name) && !memcmp(key.text, name, key.text_size))
			found = value.pairs[i].value;
	}
	ph_value_deinit(&value);
	ph_value_deinit(&key);
	return found;
}

/* The frame's __builtins__: the module or, but in __main__, its dict. */
static ph_addr builtins_get(struct ph_session *session, ph_addr globals, const char *name)
{
	static const struct ph_value_limits all = { .children = NAMES_MAXIMUM, .characters = 0 };
	struct ph_value value = PH_VALUE_INIT;
	ph_addr builtins = dict_get(session, globals, "__builtins__"), found = 0;
	if (!builtins)
		return 0;
	ph_source_value(&session->extract->source, builtins, &all, &value);
	if (value.kind == PH_KIND_DICT)
		found = dict_get(session, builtins, name);
	for (size_t i = 0; value.kind == PH_KIND_MODULE && !found && i < value.attribute_count; i++)
		if (!value.attributes[i].structural && !strcmp(value.attributes[i].name, name))
			found = value.attributes[i].value;
	ph_value_deinit(&value);
	return found;
}

struct ph_error *ph_session_lookup(struct ph_session *session, int64_t tid, size_t index, const char *name,
				   const char **ret_scope, uint64_t *ret)
{
	const struct ph_frame *frame;
	struct ph_error *error = find_frame(session, tid, index, &frame);
	if (error)
		return error;
	for (size_t i = 0; i < frame->local_count; i++)
		if (frame->locals[i].name && !strcmp(frame->locals[i].name, name)) {
			*ret_scope = "local";
			*ret = frame->locals[i].address;
			return NULL;
		}
	const char *scope = "local";
	ph_addr found = frame->namespace && frame->namespace != frame->globals ?
		dict_get(session, frame->namespace, name) : 0;
	if (!found && (scope = "global"))
		found = dict_get(session, frame->globals, name);
	if (!found && (scope = "builtin"))
		found = builtins_get(session, frame->globals, name);
	if (!found)
		return ph_error_create(PH_ERROR_USAGE, "%s: no such name in this Python frame", name);
	*ret_scope = scope;
	*ret = found;
	return NULL;
}

/* ---- verbs ---- */

static struct ph_error *live_report(void *self, const struct ph_report **ret)
{
	struct ph_session *session = self;
	struct ph_error *error = ph_session_need_report(session);
	if (!error)
		*ret = &session->extract->report;
	return error;
}

static struct ph_error *live_objects(void *self, const ph_addr *addresses, size_t count, struct ph_arena *arena,
				     struct ph_object **ret)
{
	static const struct ph_value_limits none = { 0 };
	struct ph_session *session = self;
	struct ph_value value = PH_VALUE_INIT;
	struct ph_error *error = NULL;
	if (!session->extract->runtime)
		return ph_error_create(PH_ERROR_NO_PYTHON, "no Python interpreter is to be read");
	for (size_t i = 0; i < count && !error; i++) {
		ph_source_value(&session->extract->source, addresses[i], &none, &value);
		ret[i] = NULL;
		if (value.kind == PH_KIND_UNKNOWN)
			continue;
		struct ph_object *object = ph_arena_array(arena, struct ph_object, 1);
		error = object ? ph_render_object(&session->extract->render, addresses[i], arena, object) :
				 &ph_error_no_memory;
		ret[i] = object;
	}
	ph_value_deinit(&value);
	return error;
}

/* The verbs of the heap read columns: they are written once, to a file without a name that nobody else may read. */
static struct ph_error *live_heap(void *self, struct ph_dump **ret)
{
	struct ph_session *session = self;
	const char *folder = getenv("TMPDIR");
	char *directory = NULL, *path = NULL;
	struct ph_error *error = NULL;
	if (session->heap) {
		*ret = session->heap;
		return NULL;
	}
	if (asprintf(&directory, "%s/pyheap.XXXXXX", folder && *folder ? folder : "/tmp") < 0)
		return &ph_error_no_memory;
	if (!mkdtemp(directory))
		error = ph_error_errno(errno, "cannot make the folder %s for the heap's columns", directory);
	else if (asprintf(&path, "%s/heap.pyheap", directory) < 0)
		error = &ph_error_no_memory;
	if (!error)
		error = ph_session_write_heap(session, path);
	if (!error)
		error = ph_dump_open(path, &session->heap);
	if (path)
		unlink(path);
	rmdir(directory);
	free(path);
	free(directory);
	if (!error)
		*ret = session->heap;
	return error;
}

static struct ph_error *live_place(void *self, ph_addr address, struct ph_arena *arena, struct ph_place *ret)
{
	struct ph_session *session = self;
	/* for the names of threads */
	struct ph_error *error = ph_session_need_report(session);
	if (!error && !session->places)
		error = ph_places_create(session->extract, &session->places);
	return error ? error : ph_places_find(session->places, address, arena, ret);
}

struct ph_error *ph_session_as_dump(struct ph_session *session, struct ph_dump **ret)
{
	struct ph_dump_live live = { .self = session, .report = live_report, .objects = live_objects, .heap = live_heap,
				     .place = live_place };
	return ph_dump_create_live(&live, ret);
}
