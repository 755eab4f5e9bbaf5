/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report as markdown, for a step summary of CI: a headline, what one looks
 * for first in a fenced block, the threads folded away.
 *
 * Nothing of a target is outside of a fence or a table cell's code span, and a
 * fence is longer than any run of backticks within it. */
#include "record/render.h"
#include "record/report_private.h"
#include "record/text_private.h"

#include <ctype.h>
#include <string.h>

/* What has a meaning in markdown or HTML becomes a character reference, line ends a space. */
static void put_inline(const char *text, struct ph_buffer *out)
{
	struct ph_buffer safe = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_escape_terminal(text ? text : "?", text ? strlen(text) : 1, false, &safe);
	bool word = false; /* a letter or digit is before the underscores at hand */
	for (const char *p = ph_buffer_text(&safe); *p; p++) {
		/* CommonMark: underscores between letters or digits open and close nothing */
		bool inner = *p == '_' && word && isalnum((unsigned char)p[strspn(p, "_")]);
		word = isalnum((unsigned char)*p) || (*p == '_' && word);
		if (strchr("\\`*_{}[]<>()#|&!~@:$", *p) && !inner)
			ph_buffer_printf(out, "&#%d;", *p);
		else
			ph_buffer_putc(out, *p);
	}
	ph_buffer_deinit(&safe);
}

static void put_fence(size_t length, struct ph_buffer *out)
{
	while (length--)
		ph_buffer_putc(out, '`');
}

static void put_block(const struct ph_buffer *text, struct ph_buffer *out)
{
	size_t longest = 0, run = 0;
	for (size_t i = 0; i < text->size; i++) {
		run = text->data[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	size_t length = longest < 3 ? 3 : longest + 1;
	put_fence(length, out);
	ph_buffer_puts(out, "text\n");
	ph_buffer_append(out, ph_buffer_text(text), text->size);
	if (text->size && text->data[text->size - 1] != '\n')
		ph_buffer_putc(out, '\n');
	put_fence(length, out);
	ph_buffer_putc(out, '\n');
}

static void put_row(const char *name, const char *value, struct ph_buffer *out)
{
	if (!value)
		return;
	ph_buffer_printf(out, "| %s | ", name);
	put_inline(value, out);
	ph_buffer_puts(out, " |\n");
}

static void put_table(const struct ph_report *r, struct ph_buffer *out)
{
	const struct ph_thread *main = ph_report_main_thread(r);
	struct ph_buffer cell = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_buffer_puts(out, "| | |\n|---|---|\n");
	if (r->image.signal_number) {
		const char *meaning = ph_signal_meaning(r->image.signal_number);
		ph_buffer_puts(&cell, r->image.signal_name ? r->image.signal_name : "signal");
		if (r->image.signal_number > 0xffff)
			ph_buffer_printf(&cell, " (0x%llx)", (unsigned long long)r->image.signal_number);
		else
			ph_buffer_printf(&cell, " (%lld)", (long long)r->image.signal_number);
		if (meaning)
			ph_buffer_printf(&cell, ", %s", meaning);
		if (r->image.has_signal_address)
			ph_buffer_printf(&cell, " at 0x%llx", (unsigned long long)r->image.signal_address);
		put_row("signal", ph_buffer_text(&cell), out);
		ph_buffer_clear(&cell);
	}
	if (r->image.pid)
		ph_buffer_printf(out, "| process | %lld |\n", (long long)r->image.pid);
	put_row("command", r->image.command, out);
	put_row("Python", r->python.version, out);
	if (main && main->crashed)
		put_row("thread", main->name, out);
	if (main && main->crashed && main->has_pc) {
		struct ph_text t = { .report = r, .options = &(struct ph_text_options){ 0 }, .out = &cell };
		ph_text_location(&t, &main->pc);
		put_row("at", ph_buffer_text(&cell), out);
		ph_buffer_clear(&cell);
	}
	if (r->signature.version) {
		ph_buffer_printf(&cell, "%d:%.8s", r->signature.version, r->signature.hash ? r->signature.hash : "");
		put_row("signature", ph_buffer_text(&cell), out);
	}
	for (size_t i = 0; i < r->label_count; i++) {
		ph_buffer_puts(out, "| ");
		put_inline(r->labels[i].key, out);
		ph_buffer_puts(out, " | ");
		put_inline(r->labels[i].value, out);
		ph_buffer_puts(out, " |\n");
	}
	ph_buffer_deinit(&cell);
}

static void put_details(const char *summary, const struct ph_buffer *text, struct ph_buffer *out)
{
	ph_buffer_printf(out, "\n<details><summary>%s</summary>\n\n", summary);
	put_block(text, out);
	ph_buffer_puts(out, "\n</details>\n");
}

static void put_list_details(const struct ph_report *report, const struct ph_task_list *list, const char *what,
			     void (*render)(const struct ph_report *, const struct ph_text_options *,
					    struct ph_buffer *),
			     struct ph_buffer *text, struct ph_buffer *out)
{
	struct ph_text_options options = { .locals = true, .fold = true };
	char summary[64];
	snprintf(summary, sizeof(summary), "%zu %s%s", list->count, what, list->count == 1 ? "" : "s");
	render(report, &options, text);
	put_details(summary, text, out);
	ph_buffer_clear(text);
}

void ph_report_markdown(const struct ph_report *report, struct ph_buffer *out)
{
	static const struct ph_text_options options = { .locals = true, .fold = true };
	static const struct ph_text_options bare = { .fold = true };
	struct ph_buffer text = PH_BUFFER(out->maximum);
	ph_buffer_puts(out, "## ");
	put_inline(report->signature.version ? report->signature.title : "Python crash", out);
	ph_buffer_puts(out, "\n\n");
	put_table(report, out);
	const struct ph_thread *main = ph_report_main_thread(report);
	if (main && main->exception_count) {
		struct ph_text t = { .report = report, .options = &bare, .out = &text };
		ph_text_exception(&t, main->exceptions[0].address);
		ph_addrmap_deinit(&t.shown);
		ph_buffer_putc(out, '\n');
		put_block(&text, out);
		ph_buffer_clear(&text);
	}
	if (report->thread_count || report->native_thread_count) {
		char summary[64];
		size_t count = report->thread_count + report->native_thread_count;
		snprintf(summary, sizeof(summary), "%zu thread%s", count, count == 1 ? "" : "s");
		ph_report_threads_text(report, &options, &text);
		put_details(summary, &text, out);
		ph_buffer_clear(&text);
	}
	if (report->tasks.count)
		put_list_details(report, &report->tasks, "asyncio task", ph_report_tasks_text, &text, out);
	if (report->greenlets.count)
		put_list_details(report, &report->greenlets, "greenlet", ph_report_greenlets_text, &text, out);
	ph_text_tail(report, &text);
	if (text.size) {
		ph_buffer_putc(out, '\n');
		put_block(&text, out);
	}
	out->no_memory |= text.no_memory;
	ph_buffer_deinit(&text);
}
