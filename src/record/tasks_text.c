/* SPDX-License-Identifier: GPL-3.0-or-later */
/* asyncio's tasks and greenlets as text; those that stand at the same place are printed once. */
#include "record/report_private.h"
#include "record/text_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define NAMES_SHOWN 8

static uint64_t hash_text(const char *text, uint64_t seed)
{
	return XXH64(text ? text : "", text ? strlen(text) : 0, seed);
}

/* What is said of tasks, and what of greenlets. */
struct words {
	const char *one, *many, *function, *order;
	bool is_greenlet;
};

static const struct words task_words = {
	.one = "Task ", .many = "tasks", .function = ", coroutine ", .order = ", most recent await last"
};
static const struct words greenlet_words = {
	.one = "Greenlet ", .many = "greenlets", .function = ", function ", .order = ", most recent call last",
	.is_greenlet = true,
};

/* Of what has to be equal for two tasks to be printed as one; never 0. */
static uint64_t task_hash(const struct ph_task *t)
{
	uint64_t hash = hash_text(t->coroutine, hash_text(t->state, t->thread + (uint64_t)t->interpreter));
	for (size_t i = 0; i < t->awaiting_count; i++) {
		hash = hash_text(t->awaiting[i].file, hash);
		hash = hash_text(t->awaiting[i].function, hash) + (uint64_t)t->awaiting[i].line * 31;
	}
	return hash_text(t->type, hash_text(t->has_waiting ? t->waiting_for.what : "", hash)) | 1;
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool same_place(const struct ph_task *a, const struct ph_task *b)
{
	if (a->awaiting_count != b->awaiting_count || a->interpreter != b->interpreter || a->thread != b->thread ||
	    a->has_waiting != b->has_waiting || !same_text(a->state, b->state) ||
	    !same_text(a->coroutine, b->coroutine) || !same_text(a->type, b->type) ||
	    !same_text(a->waiting_for.what, b->waiting_for.what))
		return false;
	for (size_t i = 0; i < a->awaiting_count; i++)
		if (!ph_text_same_frame(&a->awaiting[i], &b->awaiting[i]))
			return false;
	return true;
}

static void put_name(struct ph_text *t, const struct ph_task *task)
{
	if (task->name)
		ph_text_put(t, task->name);
	else
		ph_buffer_printf(t->out, "0x%llx", (unsigned long long)task->address);
}

/* A subclass says what it is for: gevent.hub.Hub, sqlalchemy.util.concurrency._AsyncIoGreenlet. */
static void put_type(struct ph_text *t, const struct ph_task *task)
{
	if (!task->type || !strcmp(task->type, "greenlet.greenlet"))
		return;
	ph_buffer_puts(t->out, ", a ");
	ph_text_put(t, task->type);
}

static void put_thread(struct ph_text *t, const struct ph_task *task)
{
	const struct ph_report *r = t->report;
	for (size_t i = 0; task->thread && i < r->thread_count; i++) {
		const struct ph_thread *thread = &r->threads[i];
		if (thread->id != task->thread || thread->interpreter != task->interpreter)
			continue;
		ph_buffer_puts(t->out, ", of thread ");
		if (thread->name)
			ph_text_put(t, thread->name);
		else
			ph_buffer_printf(t->out, "%llu", (unsigned long long)thread->id);
		return;
	}
}

static void put_waiting(struct ph_text *t, const struct ph_task *task, bool folded)
{
	const struct ph_task_waiting *w = &task->waiting_for;
	const char *what = w->what ? w->what : "?";
	if (!task->has_waiting)
		return;
	if (!strcmp(what, "sleep")) {
		ph_buffer_puts(t->out, ", sleeping");
		return;
	}
	if (!strcmp(what, "gather")) {
		ph_buffer_puts(t->out, ", waiting for gathered futures");
	} else {
		ph_buffer_puts(t->out, !strcmp(what, "event") ? ", waiting for an " : ", waiting for a ");
		ph_text_put(t, what);
	}
	if (w->name && !folded) {
		ph_buffer_putc(t->out, ' ');
		ph_text_put(t, w->name);
	}
	if (w->address && !folded)
		ph_buffer_printf(t->out, " at 0x%llx", (unsigned long long)w->address);
}

static void put_rest(struct ph_text *t, const struct words *words, const struct ph_task *task, bool folded)
{
	/* the thread's stack shows those of a running one */
	bool frames = task->awaiting_count && !(task->state && !strcmp(task->state, "running"));
	put_type(t, task);
	ph_buffer_puts(t->out, ", ");
	ph_text_put(t, task->state);
	/* the first line of a greenlet's stack says it */
	if (task->coroutine && !(words->is_greenlet && frames)) {
		ph_buffer_puts(t->out, words->function);
		ph_text_put(t, task->coroutine);
	}
	if (task->interpreter)
		ph_buffer_printf(t->out, ", interpreter %lld", (long long)task->interpreter);
	put_thread(t, task);
	put_waiting(t, task, folded);
	if (task->task && !folded) {
		ph_buffer_puts(t->out, ", for task ");
		ph_text_put(t, task->task);
	}
	if (folded && t->options->locals && frames)
		ph_buffer_puts(t->out, "; the first one's locals");
	if (frames)
		ph_buffer_puts(t->out, words->order);
	ph_buffer_puts(t->out, frames ? ":\n" : "\n");
	if (frames)
		ph_text_frames(t, task->awaiting, task->awaiting_count, true);
	ph_buffer_putc(t->out, '\n');
}

static void put_group(struct ph_text *t, const struct words *words, const struct ph_task *const *tasks, size_t count)
{
	ph_text_style(t, PH_STYLE_BOLD);
	if (count > 1) {
		ph_buffer_printf(t->out, "%zu %s", count, words->many);
		ph_text_plain(t);
		ph_buffer_puts(t->out, ": ");
		for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
			ph_buffer_puts(t->out, i ? ", " : "");
			put_name(t, tasks[i]);
		}
		ph_buffer_puts(t->out, count > NAMES_SHOWN ? ", ..." : "");
	} else {
		ph_buffer_puts(t->out, words->one);
		put_name(t, tasks[0]);
		ph_text_plain(t);
	}
	put_rest(t, words, tasks[0], count > 1);
}

struct entry {
	uint64_t hash;
	size_t index; /* into the list */
	bool done;
};

static int by_hash(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Thousands of tasks are usual: those with equal hashes are sorted together, and each group comes where its first
 * task does. */
static void put_groups(struct ph_text *t, const struct words *words, const struct ph_task_list *list,
		       struct entry *entries, size_t *place, const struct ph_task **group)
{
	const struct ph_task *tasks = list->items;
	size_t count = list->count;
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct entry){ t->options->fold ? task_hash(&tasks[i]) : i, i, false };
	qsort(entries, count, sizeof(*entries), by_hash);
	for (size_t i = 0; i < count; i++)
		place[entries[i].index] = i;
	for (size_t i = 0; i < count; i++) {
		size_t first = place[i], n = 0;
		if (entries[first].done)
			continue;
		for (size_t k = first; k < count && entries[k].hash == entries[first].hash; k++) {
			if (entries[k].done || !same_place(&tasks[i], &tasks[entries[k].index]))
				continue;
			entries[k].done = true;
			group[n++] = &tasks[entries[k].index];
		}
		put_group(t, words, group, n);
	}
}

static void put_list(struct ph_text *t, const struct words *words, const struct ph_task_list *list)
{
	if (!list->count)
		return;
	struct entry *entries = calloc(list->count, sizeof(*entries));
	size_t *place = calloc(list->count, sizeof(*place));
	const struct ph_task **group = calloc(list->count, sizeof(*group));
	if (entries && place && group)
		put_groups(t, words, list, entries, place, group);
	else
		t->out->no_memory = true;
	if (list->omitted)
		ph_buffer_printf(t->out, "[%llu more %s left out]\n\n", (unsigned long long)list->omitted, words->many);
	free(entries);
	free(place);
	free(group);
}

void ph_text_tasks(struct ph_text *t)
{
	put_list(t, &task_words, &t->report->tasks);
}

void ph_text_greenlets(struct ph_text *t)
{
	put_list(t, &greenlet_words, &t->report->greenlets);
}
