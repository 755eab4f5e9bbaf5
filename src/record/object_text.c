/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One object as `pyheap print` shows it. */
#include "record/render.h"
#include "record/text_private.h"

#include <stdlib.h>
#include <string.h>

#define CHILDREN_SHOWN 20

static void put_numbers(struct ph_text *t, const struct ph_object *o)
{
	if (o->len != INT64_MIN)
		ph_buffer_printf(t->out, ", len %lld", (long long)o->len);
	if (o->size != INT64_MIN)
		ph_buffer_printf(t->out, ", %lld bytes", (long long)o->size);
	if (o->has_held)
		ph_buffer_printf(t->out, ", held %lld bytes", (long long)o->held);
	if (o->retained)
		ph_buffer_printf(t->out, ", retains %lld", (long long)o->retained);
	if (o->refcount == -1)
		ph_buffer_puts(t->out, ", immortal");
	else if (o->refcount != INT64_MIN)
		ph_buffer_printf(t->out, ", refcount %lld", (long long)o->refcount);
}

/* `len` of the object where the record has not all of them. */
static void put_more(struct ph_text *t, size_t count, int64_t len)
{
	uint64_t all = len > (int64_t)count ? (uint64_t)len : count;
	if (count && all > CHILDREN_SHOWN)
		ph_buffer_printf(t->out, "    ... and %llu more\n", (unsigned long long)(all - CHILDREN_SHOWN));
}

static void put_reference(struct ph_text *t, ph_addr address)
{
	ph_buffer_printf(t->out, "0x%llx", (unsigned long long)address);
	if (t->options->describe)
		t->options->describe(t->options->describe_user, address, t->out);
}

static void put_children(struct ph_text *t, const struct ph_object *o)
{
	if (o->item_count)
		ph_buffer_puts(t->out, "  items\n");
	for (size_t i = 0; i < o->item_count && i < CHILDREN_SHOWN; i++) {
		ph_buffer_printf(t->out, "    [%zu] ", i);
		put_reference(t, o->items[i]);
		ph_buffer_putc(t->out, '\n');
	}
	put_more(t, o->item_count, o->len);
	if (o->pair_count)
		ph_buffer_puts(t->out, "  keys and values\n");
	for (size_t i = 0; i < o->pair_count && i < CHILDREN_SHOWN; i++) {
		ph_buffer_puts(t->out, "    ");
		put_reference(t, o->pairs[i][0]);
		ph_buffer_puts(t->out, ": ");
		put_reference(t, o->pairs[i][1]);
		ph_buffer_putc(t->out, '\n');
	}
	put_more(t, o->pair_count, o->len);
	if (o->attribute_count)
		ph_buffer_puts(t->out, "  attributes\n");
	for (size_t i = 0; i < o->attribute_count && i < CHILDREN_SHOWN; i++) {
		ph_buffer_puts(t->out, "    .");
		ph_text_put(t, o->attributes[i].name);
		ph_buffer_putc(t->out, ' ');
		put_reference(t, o->attributes[i].value);
		ph_buffer_putc(t->out, '\n');
	}
	put_more(t, o->attribute_count, INT64_MIN);
	if (o->guessed_count)
		ph_buffer_puts(t->out, "  guessed: words of a struct of unknown layout that lead to objects\n");
	for (size_t i = 0; i < o->guessed_count && i < CHILDREN_SHOWN; i++) {
		ph_buffer_puts(t->out, "    ");
		put_reference(t, o->guessed[i]);
		ph_buffer_putc(t->out, '\n');
	}
	put_more(t, o->guessed_count, INT64_MIN);
}

static int compare(const void *a, const void *b)
{
	const struct ph_exception *x = a, *y = b;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* By way of a report of this exception and its group's members alone. */
static void put_exception(struct ph_text *t, const struct ph_object *o, struct ph_report *report)
{
	size_t count = o->exception_member_count;
	report->exceptions = calloc(count + 1, sizeof(*report->exceptions));
	if (!report->exceptions) {
		t->out->no_memory = true;
		return;
	}
	report->exceptions[0] = *o->exception;
	if (count)
		memcpy(report->exceptions + 1, o->exception_members, count * sizeof(*report->exceptions));
	report->exception_count = count + 1;
	qsort(report->exceptions, count + 1, sizeof(*report->exceptions), compare);
	ph_text_exception(t, o->exception->address);
	free(report->exceptions);
}

void ph_object_text(const struct ph_object *o, const struct ph_text_options *options, struct ph_buffer *out)
{
	static const struct ph_text_options defaults = { .locals = true };
	struct ph_report report = { 0 };
	struct ph_text t = { .report = &report, .options = options ? options : &defaults, .out = out };
	ph_buffer_printf(out, "0x%llx ", (unsigned long long)o->address);
	if (o->module && strcmp(o->module, "builtins") != 0) {
		ph_text_put(&t, o->module);
		ph_buffer_putc(out, '.');
	}
	ph_text_put_styled(&t, PH_STYLE_BOLD, o->type);
	put_numbers(&t, o);
	ph_buffer_puts(out, "\n  ");
	ph_text_put(&t, o->repr);
	ph_buffer_putc(out, '\n');
	put_children(&t, o);
	if (o->frame) {
		ph_buffer_puts(out, "  frame\n");
		ph_text_frames(&t, o->frame, 1, true);
	}
	if (o->exception)
		put_exception(&t, o, &report);
	ph_addrmap_deinit(&t.shown);
}
