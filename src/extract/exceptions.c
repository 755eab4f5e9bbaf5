/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every exception that the threads' exceptions lead to, once each, flat. */
#include "extract/extract.h"

#include "base/addrmap.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct worklist {
	ph_addr *todo;
	size_t count, capacity;
	struct ph_addrmap seen;
};

static bool push(struct worklist *work, ph_addr address)
{
	if (!address || !ph_addrmap_add(&work->seen, address))
		return true;
	if (work->count == work->capacity) {
		size_t capacity = work->capacity ? work->capacity * 2 : 64;
		ph_addr *todo = realloc(work->todo, capacity * sizeof(*todo));
		if (!todo)
			return false;
		work->todo = todo;
		work->capacity = capacity;
	}
	work->todo[work->count++] = address;
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct ph_exception *x = a, *y = b;
	return x->address < y->address ? -1 : x->address > y->address;
}

static bool follow(struct worklist *work, const struct ph_exception *exception)
{
	bool ok = push(work, exception->cause) && push(work, exception->context);
	for (size_t i = 0; ok && i < exception->member_count; i++)
		ok = push(work, exception->members[i]);
	return ok;
}

/* The list grows while it is read: breadth first, so the bound keeps the nearest. */
static struct ph_error *collect(struct ph_extract *extract, struct worklist *work, struct ph_exception **list,
				size_t *count)
{
	struct ph_report *report = &extract->report;
	size_t capacity = 0;
	for (size_t i = 0; i < work->count; i++) {
		if (i == PH_MAX_EXCEPTIONS) {
			ph_damage_add(&report->damage, PH_DAMAGE_REPORT, "exceptions", "more than %d",
				      PH_MAX_EXCEPTIONS);
			break;
		}
		if (*count == capacity) {
			capacity = capacity ? capacity * 2 : 16;
			struct ph_exception *grown = realloc(*list, capacity * sizeof(*grown));
			if (!grown)
				return &ph_error_no_memory;
			*list = grown;
		}
		struct ph_exception *exception = &(*list)[*count];
		memset(exception, 0, sizeof(*exception));
		if (ph_runtime_exception(extract->runtime, work->todo[i], &report->arena, exception) != PH_OK)
			continue;
		++*count;
		if (!follow(work, exception))
			return &ph_error_no_memory;
	}
	return NULL;
}

struct ph_error *ph_extract_exceptions(struct ph_extract *extract)
{
	struct ph_report *report = &extract->report;
	struct worklist work = { 0 };
	struct ph_exception *list = NULL;
	size_t count = 0;
	bool ok = true;
	for (size_t i = 0; ok && i < report->thread_count; i++)
		for (size_t j = 0; ok && j < report->threads[i].exception_count; j++)
			ok = push(&work, report->threads[i].exceptions[j].address);
	struct ph_error *error = ok ? collect(extract, &work, &list, &count) : &ph_error_no_memory;
	if (!error && count) {
		qsort(list, count, sizeof(*list), by_address);
		report->exceptions = ph_arena_array(&report->arena, struct ph_exception, count);
		if (report->exceptions) {
			memcpy(report->exceptions, list, count * sizeof(*list));
			report->exception_count = count;
		}
	}
	free(list);
	free(work.todo);
	ph_addrmap_deinit(&work.seen);
	return error;
}
