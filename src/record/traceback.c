/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tracebacks as Lib/traceback.py of 3.11 formats them (TracebackException.format(), StackSummary.format()),
 * exception groups included, on a stack of our own. */
#include "record/report_private.h"
#include "record/render.h"
#include "record/text.h"
#include "record/text_private.h"

#include <stdlib.h>
#include <string.h>

#define REPEATS 3 /* traceback._RECURSIVE_CUTOFF */
#define CYCLE 8 /* functions of a mutual recursion */
#define NAMESPACE_SHOWN 20 /* variables of a module or class body */
#define GROUP_WIDTH 15
#define GROUP_DEPTH 10
#define CHAIN_MAXIMUM 1000
#define STEPS_MAXIMUM 20000
#define MARGIN_SIZE (2 * (GROUP_DEPTH + 2) + 4)

/* ---- frames ---- */

bool ph_text_same_frame(const struct ph_frame *a, const struct ph_frame *b)
{
	return a->line == b->line && !strcmp(a->function ? a->function : "", b->function ? b->function : "") &&
	       !strcmp(a->file ? a->file : "", b->file ? b->file : "");
}

static size_t leading_space(const char *line)
{
	return strspn(line, " \t\f");
}

static size_t stripped_end(const char *line)
{
	size_t end = strlen(line);
	while (end && strchr(" \t\f\r\n", line[end - 1]))
		end--;
	return end;
}

/* The 3.11 rule: carets where the range is not the whole line. */
static void put_carets(struct ph_text *t, const struct ph_frame *f, size_t indent, size_t end, const char *margin)
{
	if (f->column < 0 || f->end_column < 0 || strstr(f->source, PH_REDACTED))
		return;
	size_t from = (size_t)f->column, to = f->end_line == f->line || !f->end_line ? (size_t)f->end_column : end;
	if (to > end)
		to = end;
	if (from < indent || from >= to || to - from >= end - indent)
		return;
	ph_buffer_printf(t->out, "%s    ", margin);
	for (size_t i = ph_text_width(f->source + indent, from - indent); i; i--)
		ph_buffer_putc(t->out, ' ');
	for (size_t i = ph_text_width(f->source + from, to - from); i; i--)
		ph_buffer_putc(t->out, '^');
	ph_buffer_putc(t->out, '\n');
}

void ph_text_frame(struct ph_text *t, const struct ph_frame *f, const char *margin)
{
	ph_buffer_printf(t->out, "%s  File \"", margin);
	ph_text_put(t, f->file);
	ph_buffer_puts(t->out, "\", line ");
	if (f->line)
		ph_buffer_printf(t->out, "%d, in ", f->line);
	else
		ph_buffer_puts(t->out, "?, in ");
	ph_text_put_styled(t, PH_STYLE_BOLD, f->function);
	ph_buffer_putc(t->out, '\n');
	if (!f->source)
		return;
	size_t indent = leading_space(f->source), end = stripped_end(f->source);
	if (indent >= end)
		return;
	ph_buffer_printf(t->out, "%s    ", margin);
	ph_escape_terminal(f->source + indent, end - indent, false, t->out);
	ph_buffer_putc(t->out, '\n');
	put_carets(t, f, indent, end, margin);
}

void ph_text_locals(struct ph_text *t, const struct ph_frame *f, const char *margin)
{
	size_t width = 0, count = f->local_count;
	if (f->namespace && count > NAMESPACE_SHOWN)
		count = NAMESPACE_SHOWN;
	for (size_t i = 0; i < count; i++) {
		size_t n = f->locals[i].name ? strlen(f->locals[i].name) : 1;
		width = n > width && n <= 24 ? n : width;
	}
	for (size_t i = 0; i < count; i++) {
		const struct ph_local *l = &f->locals[i];
		const char *name = l->name ? l->name : "?", *repr = l->repr ? l->repr : "?";
		size_t used =
			strlen(margin) + 6 + (ph_text_width(name, strlen(name)) > width ? strlen(name) : width) + 3;
		size_t columns = t->options->columns, size = strlen(repr), keep = size;
		/* a column is at least a character, so this is never too wide but for double-width ones */
		if (columns > used + 8)
			keep = ph_text_prefix(repr, size, columns - used);
		bool cut = keep < size;
		if (cut)
			keep = ph_text_prefix(repr, size, columns - used - 3);
		ph_buffer_printf(t->out, "%s      ", margin);
		ph_text_style(t, PH_STYLE_QUIET);
		ph_text_put(t, name);
		for (size_t n = ph_text_width(name, strlen(name)); n < width; n++)
			ph_buffer_putc(t->out, ' ');
		ph_text_plain(t);
		ph_buffer_puts(t->out, " = ");
		ph_escape_terminal(repr, keep, false, t->out);
		ph_buffer_puts(t->out, cut ? "...\n" : "\n");
	}
	uint64_t more = f->local_count - count + f->locals_omitted;
	if (more)
		ph_buffer_printf(t->out, "%s      … and %llu more\n", margin, (unsigned long long)more);
}

/* How often the `period` frames at the beginning come again behind themselves. */
static size_t repetitions(const struct ph_frame *frames, size_t count, size_t period)
{
	size_t i = 0;
	while (i + period < count && ph_text_same_frame(&frames[i], &frames[i + period]))
		i++;
	return i / period;
}

/* The shortest cycle that comes at least three times: its frames, 0 none. */
static size_t find_cycle(const struct ph_frame *frames, size_t count, size_t *ret_more)
{
	for (size_t period = 2; period <= CYCLE; period++) {
		*ret_more = repetitions(frames, count, period);
		if (*ret_more >= 2)
			return period;
	}
	return 0;
}

static void put_frames(struct ph_text *t, const struct ph_frame *frames, size_t count, const char *margin, bool locals)
{
	for (size_t i = 0; i < count; i++) {
		ph_text_frame(t, &frames[i], margin);
		if (locals)
			ph_text_locals(t, &frames[i], margin);
	}
}

/* A frame that repeats itself as Python prints it, after three; functions that call one another in a circle, which
 * Python prints a thousand times, after one round. */
static void put_stack(struct ph_text *t, const struct ph_frame *frames, size_t count, const char *margin, bool locals)
{
	for (size_t i = 0, done; i < count; i += done) {
		size_t more = repetitions(frames + i, count - i, 1);
		size_t period = more >= REPEATS ? 0 : find_cycle(frames + i, count - i, &more);
		done = period ? period * (more + 1) : more >= REPEATS ? more + 1 : 1;
		put_frames(t, frames + i, period ? period : done == 1 ? 1 : REPEATS, margin, locals);
		if (period)
			ph_buffer_printf(t->out, "%s  [Previous %zu frames repeated %zu more times]\n", margin, period,
					 more);
		else if (done > 1)
			ph_buffer_printf(t->out, "%s  [Previous line repeated %zu more time%s]\n", margin,
					 done - REPEATS, done - REPEATS > 1 ? "s" : "");
	}
}

/* ---- exceptions ---- */

enum step_kind { STEP_CHAIN, STEP_ONE, STEP_TITLE, STEP_MORE, STEP_CLOSE };

struct step {
	enum step_kind kind;
	unsigned depth; /* exception_group_depth */
	ph_addr address;
	const char *relation; /* of STEP_ONE: what is said before it, or NULL */
	size_t index;	      /* of STEP_TITLE: of the member; of STEP_MORE: how many more */
	bool last;
};

struct trace {
	struct ph_text *text;
	struct step *steps;
	size_t count, capacity, done;
	bool need_close;
};

static const char cause_text[] = "The above exception was the direct cause of the following exception:";
static const char context_text[] = "During handling of the above exception, another exception occurred:";

static void push(struct trace *t, struct step step)
{
	if (t->count == t->capacity) {
		size_t capacity = t->capacity ? t->capacity * 2 : 32;
		struct step *bigger =
			capacity <= STEPS_MAXIMUM * 2 ? realloc(t->steps, capacity * sizeof(*bigger)) : NULL;
		if (!bigger)
			return;
		t->steps = bigger;
		t->capacity = capacity;
	}
	t->steps[t->count++] = step;
}

/* `  | `, or with another character in place of the bar. */
static const char *margin_of(char *buffer, unsigned depth, char bar)
{
	size_t n = depth <= GROUP_DEPTH + 1 ? 2 * depth : 2 * (GROUP_DEPTH + 1);
	memset(buffer, ' ', n);
	if (depth) {
		buffer[n++] = bar;
		buffer[n++] = ' ';
	}
	buffer[n] = '\0';
	return buffer;
}

/* Lines of a target's text, each behind the margin. */
static void put_lines(struct ph_text *t, const char *text, const char *margin, bool begun)
{
	for (const char *line = text;; begun = false) {
		size_t n = strcspn(line, "\n");
		if (!begun)
			ph_buffer_puts(t->out, margin);
		ph_escape_terminal(line, n, false, t->out);
		ph_buffer_putc(t->out, '\n');
		if (!line[n])
			break;
		line += n + 1;
	}
}

/* TracebackException._format_syntax_error() of 3.11. */
static void put_syntax(struct ph_text *t, const struct ph_syntax *s, const char *margin)
{
	ph_buffer_printf(t->out, "%s  File \"", margin);
	ph_text_put(t, s->file ? s->file : "<string>");
	ph_buffer_printf(t->out, "\", line %lld\n", (long long)s->line);
	if (!s->text)
		return;
	size_t indent = strspn(s->text, " \n\f"), size = strlen(s->text);
	while (size > indent && s->text[size - 1] == '\n')
		size--;
	ph_buffer_printf(t->out, "%s    ", margin);
	ph_escape_terminal(s->text + indent, size - indent, false, t->out);
	ph_buffer_putc(t->out, '\n');
	int64_t from = s->offset - 1 - (int64_t)indent;
	int64_t width = s->end_offset > s->offset ? s->end_offset - s->offset : 1;
	if (s->offset < 1 || from < 0 || (size_t)from > size - indent || strstr(s->text, PH_REDACTED))
		return;
	if ((size_t)(from + width) > size - indent + 1)
		width = 1;
	ph_buffer_printf(t->out, "%s    %*s", margin, (int)from, "");
	while (width--)
		ph_buffer_putc(t->out, '^');
	ph_buffer_putc(t->out, '\n');
}

static void put_last_line(struct ph_text *t, const struct ph_exception *e, const char *margin)
{
	const char *message = e->message;
	if (e->syntax && e->syntax->line > 0) {
		put_syntax(t, e->syntax, margin);
		message = e->syntax->message ? e->syntax->message : "<no detail available>";
	}
	ph_buffer_puts(t->out, margin);
	ph_text_style(t, PH_STYLE_ALARM);
	if (e->module && strcmp(e->module, "builtins") != 0 && strcmp(e->module, "__main__") != 0) {
		ph_text_put(t, e->module);
		ph_buffer_putc(t->out, '.');
	}
	ph_text_put(t, e->type);
	ph_text_plain(t);
	if (message && *message) {
		ph_buffer_puts(t->out, ": ");
		put_lines(t, message, margin, true);
	} else {
		ph_buffer_putc(t->out, '\n');
	}
	for (size_t i = 0; i < e->note_count; i++)
		put_lines(t, e->notes[i] ? e->notes[i] : "?", margin, false);
}

/* The chain's steps, such that the first cause comes first. */
static void do_chain(struct trace *t, const struct step *step)
{
	ph_addr address = step->address;
	for (unsigned i = 0; address && i < CHAIN_MAXIMUM; i++) {
		const struct ph_exception *e = ph_report_exception(t->text->report, address);
		struct step one = { .kind = STEP_ONE, .depth = step->depth, .address = address };
		ph_addr next = 0;
		ph_addrmap_add(&t->text->shown, address);
		if (e && e->cause && !ph_addrmap_find(&t->text->shown, e->cause)) {
			next = e->cause;
			one.relation = cause_text;
		} else if (e && e->context && !e->suppress_context && !ph_addrmap_find(&t->text->shown, e->context)) {
			next = e->context;
			one.relation = context_text;
		}
		push(t, one);
		address = next;
	}
}

static void push_members(struct trace *t, const struct ph_exception *e, unsigned depth)
{
	size_t n = e->member_count <= GROUP_WIDTH ? e->member_count : GROUP_WIDTH + 1;
	push(t, (struct step){ .kind = STEP_CLOSE, .depth = depth + 1 });
	for (size_t i = n; i-- > 0;) {
		if (i < GROUP_WIDTH)
			push(t, (struct step){ .kind = STEP_CHAIN, .depth = depth + 1, .address = e->members[i] });
		else
			push(t, (struct step){ .kind = STEP_MORE, .depth = depth + 1,
					       .index = e->member_count - GROUP_WIDTH });
		push(t, (struct step){ .kind = STEP_TITLE, .depth = depth, .index = i, .last = i == n - 1 });
	}
}

static void do_one(struct trace *t, const struct step *step)
{
	struct ph_buffer *out = t->text->out;
	const struct ph_exception *e = ph_report_exception(t->text->report, step->address);
	bool group = e && e->member_count;
	unsigned depth = step->depth;
	char margin[MARGIN_SIZE], header[MARGIN_SIZE];
	margin_of(margin, depth, '|');
	if (step->relation)
		ph_buffer_printf(out, "%s\n%s%s\n%s\n", margin, margin, step->relation, margin);
	if (!e) {
		ph_buffer_printf(out, "%s<exception at 0x%llx, not read>\n", margin, (unsigned long long)step->address);
		return;
	}
	if (group && depth > GROUP_DEPTH) {
		ph_buffer_printf(out, "%s... (max_group_depth is %d)\n", margin, GROUP_DEPTH);
		return;
	}
	margin_of(header, group && !depth ? 1 : depth, group && !depth ? '+' : '|');
	if (group && !depth)
		margin_of(margin, depth = 1, '|');
	if (e->traceback_count) {
		ph_buffer_printf(out, "%s%sTraceback (most recent call last):\n", header,
				 group ? "Exception Group " : "");
		put_stack(t->text, e->traceback, e->traceback_count, margin, t->text->locals_inline);
	}
	put_last_line(t->text, e, margin);
	if (group) {
		t->need_close = false;
		push_members(t, e, depth);
	}
}

static void do_title(struct trace *t, const struct step *step)
{
	struct ph_buffer *out = t->text->out;
	if (step->last)
		t->need_close = true;
	ph_buffer_printf(out, "%*s%s+---------------- ", (int)(2 * step->depth), "", step->index ? "  " : "+-");
	if (step->index < GROUP_WIDTH)
		ph_buffer_printf(out, "%zu ----------------\n", step->index + 1);
	else
		ph_buffer_puts(out, "... ----------------\n");
}

static void do_step(struct trace *t, const struct step *step)
{
	char margin[MARGIN_SIZE];
	switch (step->kind) {
	case STEP_CHAIN:
		do_chain(t, step);
		break;
	case STEP_ONE:
		do_one(t, step);
		break;
	case STEP_TITLE:
		do_title(t, step);
		break;
	case STEP_MORE:
		ph_buffer_printf(t->text->out, "%sand %zu more exception%s\n", margin_of(margin, step->depth, '|'),
				 step->index, step->index > 1 ? "s" : "");
		break;
	case STEP_CLOSE:
		if (t->need_close)
			ph_buffer_printf(t->text->out, "%*s+------------------------------------\n",
					 (int)(2 * step->depth), "");
		t->need_close = false;
		break;
	}
}

void ph_text_exception(struct ph_text *text, ph_addr address)
{
	struct trace t = { .text = text };
	push(&t, (struct step){ .kind = STEP_CHAIN, .address = address });
	while (t.count && t.done++ < STEPS_MAXIMUM) {
		struct step step = t.steps[--t.count];
		do_step(&t, &step);
	}
	free(t.steps);
}

/* ---- frames with their locals ---- */

void ph_text_frames(struct ph_text *t, const struct ph_frame *frames, size_t count, bool locals)
{
	put_stack(t, frames, count, "", locals && t->options->locals);
}
