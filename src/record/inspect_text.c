/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread, one frame, one exception as a debugger's command prints it. */
#include "record/report_private.h"
#include "record/render.h"
#include "record/text_private.h"

static struct ph_text begin(const struct ph_report *report, const struct ph_text_options *options,
			    struct ph_buffer *out)
{
	static const struct ph_text_options defaults = { .locals = true };
	return (struct ph_text){ .report = report, .options = options ? options : &defaults, .out = out };
}

/* Without carets: CPython's Tools/gdb/libpython.py has none, and the frame still runs. */
static void put_frame(struct ph_text *t, const struct ph_frame *frame)
{
	struct ph_frame plain = *frame;
	plain.column = plain.end_column = -1;
	ph_text_frame(t, &plain, "");
	if (t->options->locals)
		ph_text_locals(t, frame, "");
}

void ph_report_backtrace_text(const struct ph_report *report, const struct ph_thread *thread, bool heading,
			      const struct ph_text_options *options, struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	if (heading) {
		ph_text_thread(&t, thread);
		ph_buffer_putc(out, '\n');
	}
	if (!thread->frame_count) {
		ph_buffer_puts(out, ph_report_lacks(report, thread, "") ? "The Python frames could not be read.\n" :
									  "No Python frames.\n");
		return;
	}
	ph_buffer_puts(out, "Traceback (most recent call first):\n");
	for (size_t i = thread->frame_count; i-- > 0;)
		put_frame(&t, &thread->frames[i]);
	if (thread->frames_omitted)
		ph_buffer_printf(out, "  [%llu outer frames left out]\n", (unsigned long long)thread->frames_omitted);
}

void ph_report_exception_text(const struct ph_report *report, const struct ph_thread *thread,
			      const struct ph_state_exception *exception, const struct ph_text_options *options,
			      struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	t.locals_inline = t.options->locals;
	if (thread) {
		ph_text_thread(&t, thread);
		ph_buffer_printf(out, ", %s:\n", ph_text_exception_state(exception->state));
	}
	ph_text_exception(&t, exception->address);
	ph_addrmap_deinit(&t.shown);
}

void ph_report_frame_text(const struct ph_frame *frame, size_t number, const struct ph_text_options *options,
			  struct ph_buffer *out)
{
	struct ph_text t = begin(NULL, options, out);
	ph_buffer_printf(out, "#%zu", number);
	struct ph_text_options quiet = *t.options;
	quiet.locals = false;
	t.options = &quiet;
	put_frame(&t, frame);
}

void ph_report_locals_text(const struct ph_frame *frame, const struct ph_text_options *options, struct ph_buffer *out)
{
	struct ph_text t = begin(NULL, options, out);
	for (size_t i = 0; i < frame->local_count; i++) {
		ph_text_put(&t, frame->locals[i].name);
		ph_buffer_puts(out, " = ");
		ph_text_put(&t, frame->locals[i].repr);
		ph_buffer_putc(out, '\n');
	}
}

void ph_report_thread_list_text(const struct ph_report *report, int64_t selected,
				const struct ph_text_options *options, struct ph_buffer *out)
{
	struct ph_text t = begin(report, options, out);
	for (size_t i = 0; i < report->thread_count; i++) {
		const struct ph_thread *thread = &report->threads[i];
		ph_buffer_puts(out, thread->native_id && thread->native_id == selected ? "* " : "  ");
		ph_text_thread(&t, thread);
		if (thread->has_pc) {
			ph_buffer_puts(out, ", at ");
			ph_text_location(&t, &thread->pc);
		}
		ph_buffer_putc(out, '\n');
	}
	for (size_t i = 0; i < report->native_thread_count; i++) {
		const struct ph_native_thread_record *native = &report->native_threads[i];
		ph_buffer_printf(
			out, "%sLWP %lld %s", native->native_id == selected ? "* " : "  ", (long long)native->native_id,
			ph_report_lacks_states(report) ? "whose Python state could not be read" : "without Python");
		if (native->has_pc) {
			ph_buffer_puts(out, ", at ");
			ph_text_location(&t, &native->pc);
		}
		ph_buffer_putc(out, '\n');
	}
}
