/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checksums of all members, and what the members say of each other; the columns are in verify_columns.c. */
#include "dump/verify_private.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "dump/columns.h"
#include "dump/manifest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void ph_verify_say(struct ph_verify *verify, const char *member, const char *format, ...)
{
	va_list ap;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(4096);
	va_start(ap, format);
	ph_buffer_vprintf(&text, format, ap);
	va_end(ap);
	verify->problem(verify->user, member, ph_buffer_text(&text));
}

bool ph_verify_step(struct ph_verify *verify, uint64_t steps)
{
	verify->done += steps;
	if (!verify->stopped)
		verify->stopped = ph_progress(verify->callbacks, "verifying", verify->done, verify->total);
	return !verify->stopped;
}

/* ---- members ---- */

#define STEP ((uint64_t)1 << 16) /* bytes, lines of closure.jsonl unpacked, items of a column */

static bool drop(void *user, const char *data, size_t size)
{
	struct ph_verify *verify = user;
	(void)data, (void)size;
	return !verify || ph_verify_step(verify, 0);
}

/* Steps of all that is to be done, a column's items read twice. */
static uint64_t count_steps(const struct ph_dump *dump)
{
	const struct ph_archive_entry *closure = ph_archive_find(&dump->archive, PH_MEMBER_CLOSURE);
	uint64_t steps = closure ? closure->uncompressed / STEP : 0;
	for (size_t i = 0; i < dump->archive.count; i++)
		steps += dump->archive.entries[i].compressed / STEP + 2;
	return steps;
}

bool ph_verify_is_read(struct ph_dump *dump, const char *member)
{
	const struct ph_archive_entry *entry = ph_archive_find(&dump->archive, member);
	return entry && !ph_archive_read(&dump->archive, entry, drop, NULL);
}

static struct ph_error *check_members(struct ph_dump *dump, struct ph_verify *verify)
{
	for (size_t i = 0; i < dump->archive.count; i++) {
		const struct ph_archive_entry *entry = &dump->archive.entries[i];
		enum ph_member_state state = ph_archive_read(&dump->archive, entry, drop, verify);
		if (state == PH_MEMBER_NO_MEMORY)
			return &ph_error_no_memory;
		if (!ph_verify_step(verify, entry->compressed / STEP + 1))
			return NULL;
		if (entry->is_ambiguous)
			ph_verify_say(verify, entry->name, "stands there more than once");
		else if (state)
			ph_verify_say(verify, entry->name, "%s", ph_member_state_text(state));
		verify->members++;
	}
	return NULL;
}

static void check_heap_presence(struct ph_dump *dump, struct ph_verify *verify, const char *what)
{
	char name[64];
	static const char *const members[] = { PH_MEMBER_TYPES, PH_MEMBER_MEMORY };
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (!ph_archive_find(&dump->archive, members[i]))
			ph_verify_say(verify, members[i], "%s", what);
	for (size_t i = 0; i < PH_COLUMN_GROUPS; i++)
		if (!ph_archive_find(&dump->archive, ph_column_groups[i]))
			ph_verify_say(verify, ph_column_groups[i], "%s", what);
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++) {
		/* where there are no chunks either it is a column that older versions do not write */
		snprintf(name, sizeof(name), "%s/0", ph_column_forms[i].name);
		bool has_chunk = ph_archive_find(&dump->archive, name);
		snprintf(name, sizeof(name), "%s/.zarray", ph_column_forms[i].name);
		if (has_chunk && !ph_archive_find(&dump->archive, name))
			ph_verify_say(verify, name, "%s", what);
	}
}

/* Those that every dump has, and what the manifest promises. */
static void check_presence(struct ph_dump *dump, struct ph_verify *verify, bool full)
{
	static const char *const always[] = { PH_MEMBER_MANIFEST, PH_MEMBER_REPORT, PH_MEMBER_EXCEPTIONS,
					      PH_MEMBER_MODULES };
	const char *lost = dump->archive.problem ? PH_VERIFY_LOST : NULL;
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		if (!ph_archive_find(&dump->archive, always[i]))
			ph_verify_say(verify, always[i], "%s", lost ? lost : "is not there");
	if (dump->wants_closure && !ph_archive_find(&dump->archive, PH_MEMBER_CLOSURE))
		ph_verify_say(verify, PH_MEMBER_CLOSURE, "%s",
			      lost ? lost : "is not there, though the manifest promises it");
	if (full)
		check_heap_presence(dump, verify, lost ? lost : "is not there, though the manifest promises the whole heap");
}

static struct ph_error *check_report(struct ph_dump *dump, struct ph_verify *verify)
{
	const struct ph_report *report;
	struct ph_error *error = ph_dump_report(dump, &report);
	if (!error || error->code != PH_ERROR_BAD_DUMP)
		return error;
	/* an altered member has been named already */
	if (ph_verify_is_read(dump, PH_MEMBER_REPORT))
		ph_verify_say(verify, PH_MEMBER_REPORT, "%s", error->message);
	ph_error_free(error);
	return NULL;
}

/* ---- closure.jsonl ---- */

struct lines {
	struct ph_verify *verify;
	struct ph_arena arena;
	struct ph_buffer line;
	uint64_t number, bad;
	uint64_t bytes; /* since the last step */
};

static void check_line(struct lines *l)
{
	struct ph_object object = { 0 };
	static const char prefix[] = PH_CLOSURE_PREFIX;
	bool begins = l->line.size > sizeof(prefix) && !memcmp(l->line.data, prefix, sizeof(prefix) - 1);
	struct ph_error *error =
		l->line.truncated ? NULL : ph_object_parse(ph_buffer_text(&l->line), l->line.size, &l->arena, &object);
	l->number++;
	if ((error || !begins || l->line.truncated) && !l->bad++)
		ph_verify_say(l->verify, PH_MEMBER_CLOSURE, "line %" PRIu64 ": %s", l->number,
			      l->line.truncated ? "is too long"
			      : error		? error->message
						: "does not begin with an address");
	ph_error_free(error);
	ph_arena_deinit(&l->arena);
	l->arena = (struct ph_arena){ 0 };
	ph_buffer_clear(&l->line);
}

static bool take_lines(void *user, const char *data, size_t size)
{
	struct lines *l = user;
	l->bytes += size;
	if (!ph_verify_step(l->verify, l->bytes / STEP))
		return false;
	l->bytes %= STEP;
	while (size) {
		const char *end = memchr(data, '\n', size);
		size_t n = end ? (size_t)(end - data) : size;
		ph_buffer_append(&l->line, data, n);
		if (!end)
			return !l->line.no_memory;
		check_line(l);
		data += n + 1, size -= n + 1;
	}
	return true;
}

static struct ph_error *check_closure(struct ph_dump *dump, struct ph_verify *verify, int64_t promised)
{
	const struct ph_archive_entry *entry = ph_archive_find(&dump->archive, PH_MEMBER_CLOSURE);
	struct lines l = { .verify = verify, .line = PH_BUFFER(PH_LINE_MAXIMUM) };
	if (!entry)
		return NULL;
	enum ph_member_state state = ph_archive_read(&dump->archive, entry, take_lines, &l);
	bool no_memory = l.line.no_memory;
	if (!state && !verify->stopped && l.line.size)
		ph_verify_say(verify, PH_MEMBER_CLOSURE, "its last line does not end");
	ph_buffer_deinit(&l.line);
	verify->closure = l.number;
	if (no_memory)
		return &ph_error_no_memory;
	if (verify->stopped)
		return NULL;
	if (!state && promised >= 0 && (uint64_t)promised != l.number)
		ph_verify_say(verify, PH_MEMBER_CLOSURE, "has %" PRIu64 " lines, and the manifest promises %" PRId64,
			      l.number, promised);
	if (!state && l.bad > 1)
		ph_verify_say(verify, PH_MEMBER_CLOSURE, "%" PRIu64 " lines are no objects", l.bad);
	return NULL;
}

struct ph_error *ph_dump_verify(struct ph_dump *dump, struct ph_verify *verify)
{
	struct ph_manifest manifest = { .version = -1, .closure_count = -1 };
	ph_auto_free char *json = NULL;
	size_t size;
	enum ph_member_state state;
	struct ph_error *error = ph_dump_heap(&dump);
	if (!error && dump->archive.problem)
		ph_verify_say(verify, "directory", "%s", dump->archive.problem);
	verify->total = error ? 0 : count_steps(dump);
	if (!error)
		error = check_members(dump, verify);
	if (verify->stopped)
		return verify->stopped;
	if (!error)
		error = ph_dump_member_partial(dump, PH_MEMBER_MANIFEST, PH_MANIFEST_MAXIMUM, &json, &size, &state);
	if (error)
		return error;
	if (json && !state && !ph_manifest_parse(json, size, &manifest))
		ph_verify_say(verify, PH_MEMBER_MANIFEST, "is no JSON object");
	if (json && !state && !ph_dump_front_holds(dump, &manifest.front))
		ph_verify_say(verify, "the part before the archive", "is altered or damaged");
	check_presence(dump, verify, manifest.is_full);
	error = check_report(dump, verify);
	if (!error)
		error = check_closure(dump, verify, manifest.closure_count);
	if (!error && !verify->stopped && (manifest.is_full || ph_archive_find(&dump->archive, PH_MEMBER_TYPES)))
		error = ph_verify_columns(dump, verify);
	return error ? error : verify->stopped;
}
