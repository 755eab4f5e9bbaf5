/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report for whoever is on call: what happened, the tracebacks, then every thread. */
#include "record/report_private.h"
#include "record/render.h"
#include "record/text.h"
#include "record/text_private.h"

#include <signal.h>
#include <string.h>

void ph_text_put(struct ph_text *t, const char *text)
{
	ph_escape_terminal(text ? text : "?", text ? strlen(text) : 1, false, t->out);
}

void ph_text_style(struct ph_text *t, enum ph_style style)
{
	static const char *const codes[] = { "\033[1m", "\033[1;31m", "\033[36m" };
	if (t->options->colour)
		ph_buffer_puts(t->out, codes[style]);
}

void ph_text_plain(struct ph_text *t)
{
	if (t->options->colour)
		ph_buffer_puts(t->out, "\033[0m");
}

void ph_text_put_styled(struct ph_text *t, enum ph_style style, const char *text)
{
	ph_text_style(t, style);
	ph_text_put(t, text);
	ph_text_plain(t);
}

const char *ph_signal_meaning(int64_t number)
{
	switch (number) {
	case SIGSEGV:
		return "invalid memory access";
	case SIGBUS:
		return "access to memory that is not there";
	case SIGILL:
		return "illegal instruction";
	case SIGFPE:
		return "arithmetic error";
	case SIGABRT:
		return "abort() was called";
	case SIGTRAP:
		return "breakpoint";
	case SIGSYS:
		return "bad system call";
	case SIGQUIT:
		return "quit and dump core";
	case SIGXCPU:
		return "CPU time limit";
	case SIGXFSZ:
		return "file size limit";
	/* codes of Windows's exceptions (winnt.h, ntstatus.h) */
	case 0xc0000005:
		return "invalid memory access";
	case 0xc0000006:
		return "access to memory that could not be paged in";
	case 0xc000001d:
		return "illegal instruction";
	case 0xc0000094:
		return "division by zero";
	case 0xc00000fd:
		return "stack overflow";
	case 0xc0000374:
		return "the C heap is corrupt";
	case 0xc0000409:
		return "abort() was called, or a buffer on the stack overrun";
	case 0x80000003:
		return "breakpoint";
	case 0xe06d7363:
		return "a C++ exception that nobody caught";
	default:
		return NULL;
	}
}

void ph_text_location(struct ph_text *t, const struct ph_code_location *pc)
{
	ph_text_put(t, pc->module ? pc->module : "unknown code");
	if (pc->has_offset)
		ph_buffer_printf(t->out, "+0x%llx", (unsigned long long)pc->offset);
	if (pc->symbol) {
		ph_buffer_puts(t->out, " (");
		ph_text_put(t, pc->symbol);
		ph_buffer_putc(t->out, ')');
	}
}

void ph_signal_put_number(int64_t number, struct ph_buffer *out)
{
	if (number > 0xffff)
		ph_buffer_printf(out, "Exception 0x%llx", (unsigned long long)number);
	else
		ph_buffer_printf(out, "Signal %lld", (long long)number);
}

static void field(struct ph_text *t, const char *name)
{
	ph_buffer_printf(t->out, "  %-11s", name);
}

static void put_signal(struct ph_text *t)
{
	const struct ph_report *r = t->report;
	const char *meaning = ph_signal_meaning(r->image.signal_number);
	ph_text_style(t, PH_STYLE_ALARM);
	if (r->image.signal_number && r->image.signal_name)
		ph_text_put(t, r->image.signal_name);
	else if (r->image.signal_number)
		ph_signal_put_number(r->image.signal_number, t->out);
	else
		ph_buffer_puts(t->out, r->image.kind && !strcmp(r->image.kind, "live") ? "Running" :
				       r->image.os && !strcmp(r->image.os, "windows")  ? "No exception" :
											 "No signal");
	ph_text_plain(t);
	if (meaning)
		ph_buffer_printf(t->out, ": %s", meaning);
	if (r->image.has_signal_address)
		ph_buffer_printf(t->out, " at 0x%llx", (unsigned long long)r->image.signal_address);
	if (r->image.pid)
		ph_buffer_printf(t->out, ", in process %lld", (long long)r->image.pid);
	ph_buffer_putc(t->out, '\n');
}

static const struct ph_native_thread_record *crashed_native(const struct ph_report *r)
{
	for (size_t i = 0; i < r->native_thread_count; i++)
		if (r->native_threads[i].crashed)
			return &r->native_threads[i];
	return NULL;
}

static void put_thread_name(struct ph_text *t, const struct ph_thread *thread)
{
	if (thread->name)
		ph_text_put(t, thread->name);
	else
		ph_buffer_printf(t->out, "thread %llu", (unsigned long long)thread->id);
}

static void put_crash_site(struct ph_text *t)
{
	const struct ph_thread *main = ph_report_main_thread(t->report);
	const struct ph_native_thread_record *native = crashed_native(t->report);
	const struct ph_code_location *pc = NULL;
	if (native) {
		field(t, "thread");
		if (native->name) {
			ph_text_put(t, native->name);
			ph_buffer_puts(t->out, ", ");
		}
		ph_text_native_id(t, native->native_id);
		ph_buffer_puts(t->out, ph_report_lacks_states(t->report) ? ", whose Python state could not be read\n" :
									   ", which never ran Python\n");
		pc = native->has_pc ? &native->pc : NULL;
	} else if (main && main->crashed) {
		field(t, "thread");
		put_thread_name(t, main);
		if (main->native_id) {
			ph_buffer_puts(t->out, " (");
			ph_text_native_id(t, main->native_id);
			ph_buffer_putc(t->out, ')');
		}
		ph_buffer_puts(t->out, main->holds_gil ? ", holding the GIL\n" : "\n");
		pc = main->has_pc ? &main->pc : NULL;
	}
	if (!pc)
		return;
	field(t, "at");
	ph_text_location(t, pc);
	if (pc->build_id) {
		ph_buffer_puts(t->out, ", build-id ");
		ph_text_put(t, pc->build_id);
	}
	ph_buffer_putc(t->out, '\n');
}

static void put_labels(struct ph_text *t, const char *name, const struct ph_label *labels, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		field(t, i ? "" : name);
		ph_text_put(t, labels[i].key);
		ph_buffer_putc(t->out, '=');
		ph_text_put(t, labels[i].value);
		ph_buffer_putc(t->out, '\n');
	}
}

static void put_header(struct ph_text *t)
{
	const struct ph_report *r = t->report;
	put_signal(t);
	if (r->image.command) {
		field(t, "command");
		ph_text_put(t, r->image.command);
		ph_buffer_putc(t->out, '\n');
	}
	field(t, "python");
	ph_text_put(t, r->python.version ? r->python.version : "unknown");
	if (r->python.executable) {
		ph_buffer_puts(t->out, ", ");
		ph_text_put(t, r->python.executable);
	}
	ph_buffer_printf(t->out, "%s%s%s", r->python.debug ? ", debug build" : "",
			 r->python.free_threaded ? ", free-threaded" : "",
			 r->python.guessed ? ", newer than any known: layout guessed" : "");
	if (r->python.other) {
		ph_buffer_puts(t->out, "; left out is another, ");
		ph_text_put(t, r->python.other);
	}
	if (r->python.state) {
		ph_buffer_puts(t->out, ", ");
		ph_text_put(t, r->python.state);
	}
	ph_buffer_putc(t->out, '\n');
	put_crash_site(t);
	put_labels(t, "notes", r->image.annotations, r->image.annotation_count);
	put_labels(t, "labels", r->labels, r->label_count);
	if (r->signature.version) {
		field(t, "signature");
		ph_report_signature_line(r, t->out);
	}
}

/* ---- exceptions ---- */

static const char *const state_texts[] = {
	[PH_EXCEPTION_NONE] = "has an exception",
	[PH_EXCEPTION_HANDLED] = "was handling",
	[PH_EXCEPTION_RAISED] = "was raising",
	[PH_EXCEPTION_LAST] = "died of",
};

const char *ph_text_exception_state(enum ph_exception_state state)
{
	return state_texts[state];
}

static bool is_on_stacks(const struct ph_report *r, const struct ph_frame *frame)
{
	for (size_t i = 0; i < r->thread_count; i++)
		for (size_t k = 0; k < r->threads[i].frame_count; k++)
			if (frame->address && r->threads[i].frames[k].address == frame->address)
				return true;
	return false;
}

/* The locals of a traceback's frames that no thread's stack shows any more. */
static void put_lost_locals(struct ph_text *t, ph_addr address)
{
	const struct ph_exception *e = ph_report_exception(t->report, address);
	bool begun = false;
	if (!e || !t->options->locals)
		return;
	for (size_t i = 0; i < e->traceback_count; i++) {
		const struct ph_frame *f = &e->traceback[i];
		if (!f->local_count || is_on_stacks(t->report, f))
			continue;
		if (i && ph_text_same_frame(f, f - 1) && i + 1 < e->traceback_count)
			continue;
		ph_buffer_puts(t->out, begun ? "" : "\nLocal variables in the traceback's frames:\n");
		begun = true;
		ph_text_frames(t, f, 1, true);
	}
}

static void put_exceptions(struct ph_text *t, const struct ph_thread *thread)
{
	for (size_t i = 0; i < thread->exception_count; i++) {
		const struct ph_state_exception *s = &thread->exceptions[i];
		if (!ph_report_exception(t->report, s->address) || ph_addrmap_find(&t->shown, s->address))
			continue;
		ph_buffer_putc(t->out, '\n');
		put_thread_name(t, thread);
		if (thread->interpreter)
			ph_buffer_printf(t->out, ", interpreter %lld,", (long long)thread->interpreter);
		ph_buffer_printf(t->out, " %s:\n\n", state_texts[s->state]);
		ph_text_exception(t, s->address);
		put_lost_locals(t, s->address);
	}
}

/* ---- the tail ---- */

static void put_gc(struct ph_text *t)
{
	const struct ph_report *r = t->report;
	for (size_t i = 0; i < r->interpreter_count; i++) {
		const struct ph_interpreter *p = &r->interpreters[i];
		if (!p->has_gc)
			continue;
		ph_buffer_puts(t->out, "Garbage collector");
		if (r->interpreter_count > 1)
			ph_buffer_printf(t->out, " of interpreter %lld", (long long)p->id);
		ph_buffer_printf(t->out, ": %s%s", p->gc_enabled ? "enabled" : "disabled",
				 p->gc_collecting ? ", collecting" : "");
		if (p->gc_counts[0] >= 0 && p->gc_thresholds[0] >= 0)
			ph_buffer_printf(t->out, ", counts %lld %lld %lld, thresholds %lld %lld %lld",
					 (long long)p->gc_counts[0], (long long)p->gc_counts[1],
					 (long long)p->gc_counts[2], (long long)p->gc_thresholds[0],
					 (long long)p->gc_thresholds[1], (long long)p->gc_thresholds[2]);
		if (p->gc_garbage > 0)
			ph_buffer_printf(t->out, ", %lld objects in gc.garbage", (long long)p->gc_garbage);
		ph_buffer_putc(t->out, '\n');
	}
}

static void put_damage(struct ph_text *t)
{
	const struct ph_report *r = t->report;
	if (!r->image.complete)
		ph_buffer_puts(t->out, "The image is incomplete.\n");
	if (r->damage.count)
		ph_buffer_puts(t->out, "Not readable:\n");
	for (size_t i = 0; i < r->damage.count; i++) {
		const struct ph_damage_entry *d = &r->damage.entries[i];
		ph_buffer_puts(t->out, "  ");
		ph_text_put(t, d->where);
		ph_buffer_puts(t->out, ": ");
		ph_text_put(t, d->what);
		if (d->count > 1)
			ph_buffer_printf(t->out, " (%llu times)", (unsigned long long)d->count);
		ph_buffer_putc(t->out, '\n');
	}
	if (r->damage.dropped)
		ph_buffer_printf(t->out, "  and %llu more\n", (unsigned long long)r->damage.dropped);
}

static void put_redaction(struct ph_text *t)
{
	const struct ph_report *r = t->report;
	if (r->redaction.mode == PH_REDACT_VALUES)
		ph_buffer_puts(t->out, "All values are redacted (--redact=values; secrets and none show more).\n");
	else if (r->redaction.count)
		ph_buffer_printf(t->out, "%llu secret%s redacted (--redact=none shows %s).\n",
				 (unsigned long long)r->redaction.count, r->redaction.count == 1 ? " was" : "s were",
				 r->redaction.count == 1 ? "it" : "them");
}

void ph_text_tail(const struct ph_report *report, struct ph_buffer *out)
{
	static const struct ph_text_options options = { 0 };
	struct ph_text t = { .report = report, .options = &options, .out = out };
	put_gc(&t);
	put_damage(&t);
	put_redaction(&t);
}

static struct ph_text begin(const struct ph_report *report, const struct ph_text_options *options,
			    struct ph_buffer *out)
{
	static const struct ph_text_options defaults = { .locals = true, .fold = true };
	return (struct ph_text){ .report = report, .options = options ? options : &defaults, .out = out };
}

void ph_report_text(const struct ph_report *report, const struct ph_text_options *options, struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	const struct ph_thread *main = ph_report_main_thread(report);
	put_header(&t);
	if (main)
		put_exceptions(&t, main);
	for (size_t i = 0; i < report->thread_count; i++)
		if (&report->threads[i] != main)
			put_exceptions(&t, &report->threads[i]);
	ph_buffer_putc(out, '\n');
	ph_text_threads(&t);
	ph_text_native_threads(&t);
	ph_text_tasks(&t);
	ph_text_greenlets(&t);
	ph_text_tail(report, out);
	ph_addrmap_deinit(&t.shown);
}

void ph_report_exceptions_text(const struct ph_report *report, const struct ph_text_options *options,
			       struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	for (size_t i = 0; i < report->thread_count; i++)
		put_exceptions(&t, &report->threads[i]);
	if (!t.shown.count)
		ph_buffer_puts(out, "No exceptions.\n");
	else if (out->data && out->data[0] == '\n')
		memmove(out->data, out->data + 1, out->size--);
	ph_addrmap_deinit(&t.shown);
}

void ph_report_threads_text(const struct ph_report *report, const struct ph_text_options *options,
			    struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	ph_text_threads(&t);
	ph_text_native_threads(&t);
}

void ph_report_tasks_text(const struct ph_report *report, const struct ph_text_options *options,
			  struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	ph_text_tasks(&t);
	if (!report->tasks.count && report->greenlets.count)
		ph_buffer_printf(out, "No tasks, but %zu greenlet%s: see `pyheap greenlets`.\n",
				 report->greenlets.count, report->greenlets.count == 1 ? "" : "s");
	else if (!report->tasks.count)
		ph_buffer_puts(out, "No tasks.\n");
}

void ph_report_greenlets_text(const struct ph_report *report, const struct ph_text_options *options,
			      struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	ph_text_greenlets(&t);
	if (!report->greenlets.count)
		ph_buffer_puts(out, "No greenlets.\n");
}
