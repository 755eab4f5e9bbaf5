/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads as text; those with equal stacks are printed once. */
#include "record/report_private.h"
#include "record/render.h"
#include "record/text_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define NAMES_SHOWN 8

static uint64_t hash_text(const char *text, uint64_t seed)
{
	return XXH64(text ? text : "", text ? strlen(text) : 0, seed);
}

/* Of what has to be equal for two threads to be printed as one; 0 for a thread that is printed by itself. */
static uint64_t stack_hash(const struct ph_thread *t)
{
	uint64_t hash = 1;
	if (t->crashed || t->holds_gil || t->exception_count)
		return 0;
	for (size_t i = 0; i < t->frame_count; i++) {
		hash = hash_text(t->frames[i].file, hash);
		hash = hash_text(t->frames[i].function, hash) + (uint64_t)t->frames[i].line * 31;
	}
	if (t->has_waiting)
		hash = hash_text(t->waiting_for.what, hash);
	return hash_text(t->has_waiting ? t->waiting_for.name : "", hash) | 1;
}

static bool same_stack(const struct ph_thread *a, const struct ph_thread *b)
{
	if (a->frame_count != b->frame_count || a->interpreter != b->interpreter)
		return false;
	for (size_t i = 0; i < a->frame_count; i++)
		if (!ph_text_same_frame(&a->frames[i], &b->frames[i]))
			return false;
	return true;
}

static void put_waiting(struct ph_text *t, const struct ph_waiting *w, bool with_address, bool shared)
{
	const char *what = w->what ? w->what : "?";
	if (!strcmp(what, "gil")) {
		ph_buffer_puts(t->out, ", waiting for the GIL");
	} else if (!strcmp(what, "syscall")) {
		ph_buffer_puts(t->out, ", in the system call ");
		if (w->name)
			ph_text_put(t, w->name);
		else
			ph_buffer_printf(t->out, "%lld", (long long)w->syscall);
	} else {
		ph_buffer_puts(t->out, w->address && shared ? ", waiting for the " : ", waiting for a ");
		ph_text_put(t, what);
	}
	if (w->address && with_address)
		ph_buffer_printf(t->out, " at 0x%llx", (unsigned long long)w->address);
}

void ph_text_native_id(struct ph_text *t, int64_t native_id)
{
	const char *os = t->report->image.os;
	ph_buffer_printf(t->out, "%s %lld", os && !strcmp(os, "windows") ? "TID" : "LWP", (long long)native_id);
}

static void put_identity(struct ph_text *t, const struct ph_thread *thread)
{
	ph_text_style(t, PH_STYLE_BOLD);
	ph_buffer_puts(t->out, "Thread ");
	if (thread->name)
		ph_text_put(t, thread->name);
	else
		ph_buffer_printf(t->out, "%llu", (unsigned long long)thread->id);
	ph_text_plain(t);
	ph_buffer_puts(t->out, " (");
	if (thread->native_id)
		ph_text_native_id(t, thread->native_id);
	/* on Windows they are the same */
	if (!thread->native_id || (uint64_t)thread->native_id != thread->id)
		ph_buffer_printf(t->out, "%sid %llu", thread->native_id ? ", " : "", (unsigned long long)thread->id);
	ph_buffer_putc(t->out, ')');
}

static void put_state(struct ph_text *t, const struct ph_thread *thread, bool folded, bool same_lock)
{
	if (thread->interpreter)
		ph_buffer_printf(t->out, ", interpreter %lld", (long long)thread->interpreter);
	if (thread->crashed) {
		ph_buffer_puts(t->out, ", ");
		ph_text_put_styled(t, PH_STYLE_ALARM, "crashed");
	}
	if (thread->holds_gil)
		ph_buffer_puts(t->out, ", holds the GIL");
	if (thread->has_waiting)
		put_waiting(t, &thread->waiting_for, !folded || same_lock, same_lock);
}

void ph_text_thread(struct ph_text *t, const struct ph_thread *thread)
{
	put_identity(t, thread);
	put_state(t, thread, false, false);
}

bool ph_report_lacks(const struct ph_report *report, const struct ph_thread *thread, const char *what)
{
	char where[64];
	snprintf(where, sizeof(where), "thread %lld", (long long)thread->native_id);
	for (size_t i = 0; i < report->damage.count; i++)
		if (!strcmp(report->damage.entries[i].where, where) &&
		    !strncmp(report->damage.entries[i].what, what, strlen(what)))
			return true;
	return false;
}

static void put_stack(struct ph_text *t, const struct ph_thread *thread, bool locals)
{
	ph_buffer_puts(t->out, thread->frame_count	 ? ", most recent call last:\n" :
			       ph_report_lacks(t->report, thread, "") ? ", its Python frames could not be read\n" :
								 ", no Python frames\n");
	if (thread->frames_omitted)
		ph_buffer_printf(t->out, "  [%llu outer frames left out]\n",
				 (unsigned long long)thread->frames_omitted);
	ph_text_frames(t, thread->frames, thread->frame_count, locals);
	ph_buffer_putc(t->out, '\n');
}

static void put_folded(struct ph_text *t, const struct ph_thread *const *threads, size_t count)
{
	ph_text_style(t, PH_STYLE_BOLD);
	ph_buffer_printf(t->out, "%zu threads", count);
	ph_text_plain(t);
	ph_buffer_puts(t->out, ": ");
	for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
		ph_buffer_puts(t->out, i ? ", " : "");
		if (threads[i]->name)
			ph_text_put(t, threads[i]->name);
		else
			ph_buffer_printf(t->out, "%llu", (unsigned long long)threads[i]->id);
		if (threads[i]->native_id) {
			ph_buffer_puts(t->out, " (");
			ph_text_native_id(t, threads[i]->native_id);
			ph_buffer_putc(t->out, ')');
		}
	}
	ph_buffer_puts(t->out, count > NAMES_SHOWN ? ", ..." : "");
	bool same_lock = true;
	for (size_t i = 1; i < count; i++)
		same_lock = same_lock && threads[i]->waiting_for.address == threads[0]->waiting_for.address;
	put_state(t, threads[0], true, same_lock);
	if (t->options->locals && threads[0]->frame_count)
		ph_buffer_puts(t->out, "; the first one's locals");
	put_stack(t, threads[0], true);
}

void ph_text_threads(struct ph_text *t)
{
	size_t count = t->report->thread_count;
	const struct ph_thread *threads = t->report->threads;
	uint64_t *hashes = calloc(count + 1, sizeof(*hashes));
	const struct ph_thread **group = calloc(count + 1, sizeof(*group));
	for (size_t i = 0; hashes && t->options->fold && i < count; i++)
		hashes[i] = stack_hash(&threads[i]);
	for (size_t i = 0; hashes && group && i < count; i++) {
		size_t n = 0;
		if (hashes[i] == UINT64_MAX)
			continue;
		group[n++] = &threads[i];
		for (size_t k = i + 1; hashes[i] && k < count; k++) {
			if (hashes[k] != hashes[i] || !same_stack(&threads[i], &threads[k]))
				continue;
			group[n++] = &threads[k];
			hashes[k] = UINT64_MAX;
		}
		if (n > 1) {
			put_folded(t, group, n);
			continue;
		}
		ph_text_thread(t, &threads[i]);
		put_stack(t, &threads[i], true);
	}
	if (!hashes || !group)
		t->out->no_memory = true;
	free(hashes);
	free(group);
}

bool ph_report_lacks_states(const struct ph_report *report)
{
	for (size_t i = 0; i < report->damage.count; i++)
		if (!strcmp(report->damage.entries[i].where, "threads"))
			return true;
	/* what tells which thread a state is of may be cut away: an idle one may be any thread's */
	for (size_t i = 0; i < report->interpreter_count && !report->image.complete; i++)
		if (report->interpreters[i].idle_thread_states > 0)
			return true;
	return !report->interpreter_count;
}

void ph_text_native_threads(struct ph_text *t)
{
	const struct ph_report *r = t->report;
	if (!r->native_thread_count)
		return;
	bool unread = ph_report_lacks_states(r), one = r->native_thread_count == 1;
	ph_buffer_printf(t->out, "%zu thread%s %s:\n", r->native_thread_count, one ? "" : "s",
			 unread ? "whose Python state could not be read" : "without Python");
	for (size_t i = 0; i < r->native_thread_count; i++) {
		const struct ph_native_thread_record *n = &r->native_threads[i];
		ph_buffer_puts(t->out, "  ");
		ph_text_native_id(t, n->native_id);
		if (n->name) {
			ph_buffer_puts(t->out, " (");
			ph_text_put(t, n->name);
			ph_buffer_putc(t->out, ')');
		}
		if (n->crashed) {
			ph_buffer_puts(t->out, ", ");
			ph_text_put_styled(t, PH_STYLE_ALARM, "crashed");
		}
		if (n->has_pc) {
			ph_buffer_puts(t->out, ", at ");
			ph_text_location(t, &n->pc);
		}
		ph_buffer_putc(t->out, '\n');
	}
	ph_buffer_putc(t->out, '\n');
}
