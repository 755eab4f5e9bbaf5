/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames, tracebacks, and the dictionary that pyheapdump's reader takes
 * (pyheapdump 0.2.8, HeapDumper.create_dump and FakeFrame). */
#include "dump/pickle_private.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static void key(struct ph_pickle *p, const char *name)
{
	ph_pickle_native(p, name, strlen(name));
}

static void put_native(struct ph_pickle *p, const char *text)
{
	ph_pickle_native(p, text ? text : "?", text ? strlen(text) : 1);
}

/* "…, line 12>" in the repr of the code object. */
static int first_line(struct ph_pickle *p, const struct ph_frame *frame)
{
	static const struct ph_value_limits limits = { .characters = 1 };
	if (!frame->code)
		return 1;
	ph_source_value(p->source, frame->code, &limits, &p->child);
	const char *text = p->child.kind == PH_KIND_CODE && p->child.text ? p->child.text : "", *line = NULL;
	while ((text = strstr(text, ", line ")))
		line = text += 7;
	int number = line ? atoi(line) : 0;
	return number > 0 && number <= frame->line ? number : frame->line > 0 ? frame->line : 1;
}

/* The locals that the code itself names; those of a namespace are not its own. */
static size_t fast_locals(const struct ph_frame *frame)
{
	return frame->namespace ? 0 : frame->local_count;
}

static size_t put_varnames(struct ph_pickle *p, const struct ph_frame *frame)
{
	struct ph_pickle_stream *s = &p->stream;
	size_t arguments = 0;
	if (!fast_locals(frame)) {
		ph_pickle_op(s, PH_OP_EMPTY_TUPLE);
		return 0;
	}
	ph_pickle_op(s, PH_OP_MARK);
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < frame->local_count; i++) {
			bool is_argument = frame->locals[i].kind == PH_LOCAL_ARGUMENT;
			if (is_argument != (pass == 0))
				continue;
			arguments += is_argument;
			put_native(p, frame->locals[i].name);
		}
	ph_pickle_op(s, PH_OP_TUPLE);
	return arguments;
}

static size_t count_arguments(const struct ph_frame *frame)
{
	size_t count = 0;
	for (size_t i = 0; i < frame->local_count; i++)
		count += frame->locals[i].kind == PH_LOCAL_ARGUMENT;
	return count;
}

/* types.CodeType of Python 2 with its 14 arguments; the bytecode returns None. */
static void put_code(struct ph_pickle *p, const struct ph_frame *frame)
{
	struct ph_pickle_stream *s = &p->stream;
	ph_pickle_global(s, "types", "CodeType");
	ph_pickle_op(s, PH_OP_MARK);
	ph_pickle_int(s, (int64_t)count_arguments(frame));
	ph_pickle_int(s, (int64_t)fast_locals(frame));
	ph_pickle_int(s, 1);
	ph_pickle_int(s, 0x43); /* CO_OPTIMIZED, CO_NEWLOCALS, CO_NOFREE */
	ph_pickle_name(s, "d\0\0S", 4);
	ph_pickle_op(s, PH_OP_NONE);
	ph_pickle_op(s, PH_OP_TUPLE1);
	ph_pickle_op(s, PH_OP_EMPTY_TUPLE);
	put_varnames(p, frame);
	put_native(p, frame->file);
	put_native(p, frame->function);
	ph_pickle_int(s, first_line(p, frame));
	ph_pickle_name(s, "", 0);
	ph_pickle_op(s, PH_OP_EMPTY_TUPLE);
	ph_pickle_op(s, PH_OP_EMPTY_TUPLE);
	ph_pickle_op(s, PH_OP_TUPLE);
	ph_pickle_op(s, PH_OP_REDUCE);
}

/* An object of the nodes that is a dict in the reader, else an empty one. */
static void put_namespace(struct ph_pickle *p, ph_addr address)
{
	const struct ph_pickle_node *node = address ? ph_pickle_find(p, address) : NULL;
	if (node && node->memo &&
	    (node->shape == SHAPE_DICT || (node->shape == SHAPE_INSTANCE && node->root == ROOT_DICT)))
		ph_pickle_get(&p->stream, node->memo);
	else
		ph_pickle_op(&p->stream, PH_OP_EMPTY_DICT);
}

static void put_locals(struct ph_pickle *p, const struct ph_frame *frame)
{
	struct ph_pickle_stream *s = &p->stream;
	if (frame->namespace) {
		put_namespace(p, frame->namespace);
		return;
	}
	if (!frame->local_count && frame->function && !strcmp(frame->function, "<module>")) {
		put_namespace(p, frame->globals);
		return;
	}
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	ph_pickle_op(s, PH_OP_MARK);
	for (size_t i = 0; i < frame->local_count; i++) {
		put_native(p, frame->locals[i].name);
		ph_pickle_reference(p, frame->locals[i].address, ph_pickle_is_secret(p, frame->locals[i].name));
	}
	ph_pickle_op(s, PH_OP_SETITEMS);
}

static void put_memo_or_none(struct ph_pickle *p, uint32_t memo)
{
	if (memo)
		ph_pickle_get(&p->stream, memo);
	else
		ph_pickle_op(&p->stream, PH_OP_NONE);
}

/* Leaves nothing on the stack; its number. */
static uint32_t put_frame(struct ph_pickle *p, const struct ph_frame *frame, uint32_t back)
{
	static const char *const none[] = { "f_exc_traceback", "f_exc_type", "f_exc_value", "f_trace" };
	struct ph_pickle_stream *s = &p->stream;
	const uint64_t *known = frame->address ? ph_addrmap_find(&p->frames, frame->address) : NULL;
	if (known)
		return (uint32_t)*known;
	ph_pickle_get(s, p->memo_frame);
	ph_pickle_op(s, PH_OP_EMPTY_TUPLE);
	ph_pickle_op(s, PH_OP_NEWOBJ);
	uint32_t memo = ph_pickle_put(s);
	ph_pickle_op(s, PH_OP_NONE);
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	ph_pickle_op(s, PH_OP_MARK);
	key(p, "f_back");
	put_memo_or_none(p, back);
	key(p, "f_builtins");
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	key(p, "f_code");
	put_code(p, frame);
	key(p, "f_globals");
	put_namespace(p, frame->globals);
	key(p, "f_lasti");
	ph_pickle_int(s, -1);
	key(p, "f_lineno");
	ph_pickle_int(s, frame->line);
	key(p, "f_locals");
	put_locals(p, frame);
	key(p, "f_restricted");
	ph_pickle_op(s, PH_OP_NEWFALSE);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		key(p, none[i]);
		ph_pickle_op(s, PH_OP_NONE);
	}
	ph_pickle_op(s, PH_OP_SETITEMS);
	ph_pickle_op(s, PH_OP_TUPLE2);
	ph_pickle_op(s, PH_OP_BUILD);
	ph_pickle_op(s, PH_OP_POP);
	if (frame->address && !ph_addrmap_set(&p->frames, frame->address, memo, false))
		p->no_memory = true;
	return memo;
}

/* From the innermost outwards, so that each has its tb_next. */
static uint32_t put_traceback(struct ph_pickle *p, const struct ph_frame *frames, const uint32_t *memos, size_t count)
{
	struct ph_pickle_stream *s = &p->stream;
	uint32_t next = 0;
	for (size_t i = count; i-- > 0;) {
		ph_pickle_get(s, p->memo_traceback);
		ph_pickle_op(s, PH_OP_EMPTY_TUPLE);
		ph_pickle_op(s, PH_OP_NEWOBJ);
		uint32_t memo = ph_pickle_put(s);
		ph_pickle_op(s, PH_OP_NONE);
		ph_pickle_op(s, PH_OP_EMPTY_DICT);
		ph_pickle_op(s, PH_OP_MARK);
		key(p, "tb_frame");
		ph_pickle_get(s, memos[i]);
		key(p, "tb_lasti");
		ph_pickle_int(s, -1);
		key(p, "tb_lineno");
		ph_pickle_int(s, frames[i].line);
		key(p, "tb_next");
		put_memo_or_none(p, next);
		ph_pickle_op(s, PH_OP_SETITEMS);
		ph_pickle_op(s, PH_OP_TUPLE2);
		ph_pickle_op(s, PH_OP_BUILD);
		ph_pickle_op(s, PH_OP_POP);
		next = memo;
	}
	return next;
}

static void put_frames(struct ph_pickle *p, const struct ph_frame *frames, size_t count, uint32_t *memos)
{
	uint32_t back = 0;
	for (size_t i = 0; i < count; i++)
		memos[i] = back = put_frame(p, &frames[i], back);
}

struct top {
	uint32_t *memos;   /* of one stack's frames */
	uint32_t *threads; /* innermost frame of each, 0 none */
	uint32_t traceback;
};

/* What is being handled, or where the crashed thread stands. */
static void put_stacks(struct ph_pickle *p, struct top *top)
{
	const struct ph_report *report = p->report;
	const struct ph_exception *exception = ph_pickle_exception(report);
	for (size_t i = 0; i < report->thread_count; i++) {
		const struct ph_thread *thread = &report->threads[i];
		put_frames(p, thread->frames, thread->frame_count, top->memos);
		if (thread->frame_count)
			top->threads[i] = top->memos[thread->frame_count - 1];
		if (i == 0 && !(exception && exception->traceback_count))
			top->traceback = put_traceback(p, thread->frames, top->memos, thread->frame_count);
	}
	if (!exception || !exception->traceback_count)
		return;
	put_frames(p, exception->traceback, exception->traceback_count, top->memos);
	top->traceback = put_traceback(p, exception->traceback, top->memos, exception->traceback_count);
}

/* Absolute file names and the bytes of the files. */
static void put_files(struct ph_pickle *p)
{
	struct ph_pickle_stream *s = &p->stream;
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	for (size_t i = 0; i < p->contents->source_count; i++) {
		const struct ph_dump_source_file *file = &p->contents->sources[i];
		put_native(p, file->path);
		ph_pickle_bytes(s, file->text, file->size);
		ph_pickle_op(s, PH_OP_SETITEM);
	}
}

static void put_exception(struct ph_pickle *p)
{
	const struct ph_exception *exception = ph_pickle_exception(p->report);
	const struct ph_pickle_node *node = exception ? ph_pickle_find(p, exception->address) : NULL;
	const struct ph_pickle_node *class = node && node->type ? ph_pickle_find(p, node->type) : NULL;
	key(p, "exception_class");
	put_memo_or_none(p, class ? class->memo : 0);
	ph_pickle_op(&p->stream, PH_OP_SETITEM);
	key(p, "exception");
	put_memo_or_none(p, node ? node->memo : 0);
	ph_pickle_op(&p->stream, PH_OP_SETITEM);
}

static uint64_t main_thread(const struct ph_report *report)
{
	for (size_t i = 0; i < report->thread_count; i++)
		if (report->threads[i].name && !strcmp(report->threads[i].name, "MainThread"))
			return report->threads[i].id;
	return report->thread_count ? report->threads[0].id : 0;
}

static void put_threads(struct ph_pickle *p, const struct top *top)
{
	struct ph_pickle_stream *s = &p->stream;
	const struct ph_report *report = p->report;
	key(p, "current_thread_id");
	ph_pickle_long_int(s, report->thread_count ? (int64_t)report->threads[0].id : 0);
	ph_pickle_op(s, PH_OP_SETITEM);
	key(p, "main_thread_id");
	ph_pickle_long_int(s, (int64_t)main_thread(report));
	ph_pickle_op(s, PH_OP_SETITEM);
	key(p, "thread_frames");
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	for (size_t i = 0; i < report->thread_count; i++) {
		if (!top->threads[i])
			continue;
		ph_pickle_long_int(s, (int64_t)report->threads[i].id);
		ph_pickle_get(s, top->threads[i]);
		ph_pickle_op(s, PH_OP_SETITEM);
	}
	ph_pickle_op(s, PH_OP_SETITEM);
}

static void put_dictionary(struct ph_pickle *p, const struct top *top)
{
	struct ph_pickle_stream *s = &p->stream;
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	key(p, "dump_version");
	ph_pickle_int(s, 2);
	ph_pickle_op(s, PH_OP_SETITEM);
	key(p, "files");
	put_files(p);
	ph_pickle_op(s, PH_OP_SETITEM);
	key(p, "sequence_number");
	ph_pickle_int(s, 1);
	ph_pickle_op(s, PH_OP_SETITEM);
	key(p, "pid");
	ph_pickle_int(s, p->report->image.pid);
	ph_pickle_op(s, PH_OP_SETITEM);
	key(p, "pathmodule");
	key(p, "posixpath");
	ph_pickle_op(s, PH_OP_SETITEM);
	put_exception(p);
	key(p, "traceback");
	put_memo_or_none(p, top->traceback);
	ph_pickle_op(s, PH_OP_SETITEM);
	put_threads(p, top);
	key(p, "weakly_referenced_objects");
	ph_pickle_op(s, PH_OP_EMPTY_LIST);
	ph_pickle_op(s, PH_OP_SETITEM);
}

struct ph_error *ph_pickle_top(struct ph_pickle *p)
{
	const struct ph_report *report = p->report;
	const struct ph_exception *exception = ph_pickle_exception(report);
	size_t deepest = exception ? exception->traceback_count : 0;
	for (size_t i = 0; i < report->thread_count; i++)
		if (report->threads[i].frame_count > deepest)
			deepest = report->threads[i].frame_count;
	struct top top = {
		.memos = calloc(deepest + 1, sizeof(*top.memos)),
		.threads = calloc(report->thread_count + 1, sizeof(*top.threads)),
	};
	bool ok = top.memos && top.threads;
	if (ok) {
		put_stacks(p, &top);
		put_dictionary(p, &top);
	}
	free(top.memos);
	free(top.threads);
	return ok ? NULL : &ph_error_no_memory;
}
