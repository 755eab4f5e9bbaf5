/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of the members: report and objects. */
#include "dump/reader.h"

#include "base/addrmap.h"
#include "base/cleanup.h"
#include "dump/format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- a member in one piece ---- */

static bool append(void *user, const char *data, size_t size)
{
	struct ph_buffer *buffer = user;
	ph_buffer_append(buffer, data, size);
	return !buffer->no_memory && !buffer->truncated;
}

struct ph_error *ph_dump_member_partial(struct ph_dump *dump, const char *name, size_t maximum, char **ret,
					size_t *ret_size, enum ph_member_state *ret_state)
{
	const struct ph_archive_entry *entry = ph_archive_find(&dump->archive, name);
	if (!entry) {
		*ret = NULL, *ret_size = 0, *ret_state = PH_MEMBER_CUT;
		return NULL;
	}
	ph_auto_buffer struct ph_buffer buffer = PH_BUFFER(maximum);
	enum ph_member_state state = ph_archive_read(&dump->archive, entry, append, &buffer);
	if (state == PH_MEMBER_NO_MEMORY || buffer.no_memory)
		return &ph_error_no_memory;
	size_t size = buffer.size;
	char *data = ph_buffer_steal(&buffer);
	if (!data)
		return &ph_error_no_memory;
	*ret = data, *ret_size = size, *ret_state = state;
	return NULL;
}

struct ph_error *ph_dump_member(struct ph_dump *dump, const char *name, size_t maximum, char **ret, size_t *ret_size)
{
	ph_auto_free char *data = NULL;
	size_t size;
	enum ph_member_state state;
	struct ph_error *error = ph_dump_member_partial(dump, name, maximum, &data, &size, &state);
	if (error)
		return error;
	if (!data && dump->archive.problem)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: %s, and its member %s is lost: copy the dump again",
				       dump->path, dump->archive.problem, name);
	if (!data)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: has no member %s", dump->path, name);
	if (state == PH_MEMBER_STOPPED)
		return ph_error_create(PH_ERROR_BAD_DUMP,
				       "%s: its member %s is larger than %zu MiB, the most that is read", dump->path,
				       name, maximum >> 20);
	if (state)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: its member %s %s: copy the dump again", dump->path, name,
				       ph_member_state_text(state));
	*ret = ph_take_ptr(data);
	*ret_size = size;
	return NULL;
}

/* ---- the report ---- */

/* exceptions.json only adds what the report's nesting leaves out: done without it when it is damaged. */
static struct ph_error *read_exceptions(struct ph_dump *dump, char **ret, size_t *ret_size)
{
	char *json;
	size_t size;
	enum ph_member_state state;
	struct ph_error *error =
		ph_dump_member_partial(dump, PH_MEMBER_EXCEPTIONS, PH_REPORT_MAXIMUM, &json, &size, &state);
	if (error)
		return error;
	if (state) {
		ph_dump_note(dump, "its member " PH_MEMBER_EXCEPTIONS " %s: copy the dump again",
			     ph_member_state_text(state));
		free(json);
		return NULL;
	}
	*ret = json, *ret_size = size;
	return NULL;
}

/* `json` NULL: without the report itself. */
static struct ph_error *parse_report(struct ph_dump *dump, const char *json, size_t size)
{
	static const char nothing[] = "{\"format\":\"pyheap-report\",\"version\":1}";
	ph_auto_free char *exceptions = NULL;
	size_t exceptions_size = 0;
	struct ph_error *error = read_exceptions(dump, &exceptions, &exceptions_size);
	if (!error && !json && !exceptions)
		error = ph_error_create(PH_ERROR_BAD_DUMP, "%s: its members " PH_MEMBER_REPORT " and " PH_MEMBER_EXCEPTIONS
					" are lost: copy the dump again", dump->path);
	if (error)
		return error;
	error = ph_report_parse(json ? json : nothing, json ? size : sizeof(nothing) - 1, exceptions, exceptions_size,
				&dump->report);
	if (error && error->code == PH_ERROR_BAD_DUMP) {
		struct ph_error *better = ph_error_create(PH_ERROR_BAD_DUMP, "%s: its member " PH_MEMBER_REPORT ": %s",
							  dump->path, error->message);
		ph_error_free(error);
		return better;
	}
	return error;
}

struct ph_error *ph_dump_report(struct ph_dump *dump, const struct ph_report **ret)
{
	if (ph_dump_is_live(dump))
		return dump->live.report(dump->live.self, ret);
	if (!dump->has_report) {
		ph_auto_free char *json = NULL;
		size_t size;
		struct ph_error *error = ph_dump_member(dump, PH_MEMBER_REPORT, PH_REPORT_MAXIMUM, &json, &size);
		if (!error)
			error = parse_report(dump, json, size);
		if (error)
			return error;
		dump->has_report = true;
	}
	*ret = &dump->report;
	return NULL;
}

struct ph_error *ph_dump_exceptions(struct ph_dump *dump, const struct ph_report **ret)
{
	if (dump->has_exceptions) {
		*ret = &dump->report;
		return NULL;
	}
	struct ph_error *error = ph_dump_report(dump, ret);
	if (!error || error->code != PH_ERROR_BAD_DUMP)
		return error;
	/* what cannot be told of the one is in the other */
	struct ph_error *other = parse_report(dump, NULL, 0);
	if (other) {
		ph_error_free(other);
		return error;
	}
	dump->has_exceptions = true;
	ph_dump_note_error(dump, error);
	ph_error_free(error);
	*ret = &dump->report;
	return NULL;
}

bool ph_dump_lacks_report(const struct ph_dump *dump)
{
	return dump->has_exceptions;
}

/* ---- objects ---- */

struct search {
	struct ph_dump *dump;
	struct ph_addrmap wanted; /* address -> index + 1 of its first request */
	struct ph_arena *arena;
	struct ph_object **found;
	struct ph_buffer line;
	uint64_t number; /* of the line, from 1 */
	struct ph_error *error;
	/* in place of `wanted` */
	bool (*wants)(void *user, ph_addr address);
	bool (*take)(void *user, ph_addr address, const char *type, const char *module);
	void *user;
};

/* The address that a line begins with; 0 when it does not. */
static ph_addr line_address(const char *line, size_t size)
{
	static const char prefix[] = PH_CLOSURE_PREFIX;
	size_t i = sizeof(prefix) - 1;
	ph_addr address = 0;
	if (size <= i || memcmp(line, prefix, i))
		return 0;
	for (size_t digits = 0; i < size && digits < 17; i++, digits++) {
		char c = line[i];
		if (c == '"')
			return address;
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return 0;
		address = address << 4 | (ph_addr)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return 0;
}

/* For ph_dump_closure_types(); a line that is altered says nothing. */
static bool look_at_type(struct search *s, const char *line, size_t size, ph_addr address)
{
	struct ph_object object = { 0 };
	struct ph_arena arena = { 0 };
	if (!address || !s->wants(s->user, address))
		return true;
	struct ph_error *error = ph_object_parse(line, size, &arena, &object);
	bool goes_on = true;
	if (!error && object.type)
		goes_on = s->take(s->user, address, object.type, object.module);
	if (!goes_on || (error && error->code == PH_ERROR_NO_MEMORY))
		s->error = &ph_error_no_memory;
	ph_error_free(error);
	ph_arena_deinit(&arena);
	return !s->error;
}

static bool look_at_line(struct search *s, const char *line, size_t size)
{
	struct ph_object object = { 0 };
	ph_addr address = line_address(line, size);
	if (s->wants)
		return look_at_type(s, line, size, address);
	uint64_t *wanted = address ? ph_addrmap_find(&s->wanted, address) : NULL;
	if (!wanted || s->found[*wanted - 1])
		return true;
	struct ph_error *error = ph_object_parse(line, size, s->arena, &object);
	if (error && error->code != PH_ERROR_BAD_DUMP) {
		s->error = error;
		return false;
	}
	if (error || object.address != address) {
		ph_dump_note(s->dump, "its member " PH_MEMBER_CLOSURE ", line %" PRIu64 ": %s", s->number,
			     error ? error->message : "two addresses");
		ph_error_free(error);
		return true;
	}
	struct ph_object *copy = ph_arena_new(s->arena, struct ph_object);
	if (!copy) {
		s->error = &ph_error_no_memory;
		return false;
	}
	*copy = object;
	s->found[*wanted - 1] = copy;
	return true;
}

/* Cut the stream into lines: whole ones are looked at where they are, only those
 * that lie across two pieces are copied. */
static bool take_piece(void *user, const char *data, size_t size)
{
	struct search *s = user;
	s->error = ph_dump_progress(s->dump, "looking among the objects of the stacks", s->number, 0);
	while (!s->error && size) {
		const char *end = memchr(data, '\n', size);
		size_t n = end ? (size_t)(end - data) : size;
		bool carried = s->line.size || !end;
		if (carried)
			ph_buffer_append(&s->line, data, n);
		if (s->line.no_memory) {
			s->error = &ph_error_no_memory;
			return false;
		}
		if (!end)
			return true;
		s->number++;
		if (!s->line.truncated && !look_at_line(s, carried ? s->line.data : data, carried ? s->line.size : n))
			return false;
		ph_buffer_clear(&s->line);
		data += n + 1, size -= n + 1;
	}
	return !s->error;
}

static struct ph_error *search_closure(struct search *s)
{
	const struct ph_archive_entry *entry = ph_archive_find(&s->dump->archive, PH_MEMBER_CLOSURE);
	if (!entry) { /* --heap=none, or lost */
		if (s->dump->wants_closure && s->dump->archive.problem)
			ph_dump_note(s->dump, "%s, and its member " PH_MEMBER_CLOSURE " is lost: copy the dump again",
				     s->dump->archive.problem);
		else if (s->dump->wants_closure)
			ph_dump_note(s->dump, "has no member " PH_MEMBER_CLOSURE ": copy the dump again");
		return NULL;
	}
	enum ph_member_state state = ph_archive_read(&s->dump->archive, entry, take_piece, s);
	if (s->error)
		return s->error;
	if (state == PH_MEMBER_NO_MEMORY)
		return &ph_error_no_memory;
	if (state)
		ph_dump_note(s->dump, "its member " PH_MEMBER_CLOSURE " %s: copy the dump again",
			     ph_member_state_text(state));
	return NULL;
}

struct ph_error *ph_dump_closure_types(struct ph_dump *dump, bool (*wants)(void *user, ph_addr address),
				       bool (*take)(void *user, ph_addr address, const char *type, const char *module),
				       void *user)
{
	struct search s = {
		.dump = dump, .line = PH_BUFFER(PH_LINE_MAXIMUM), .wants = wants, .take = take, .user = user
	};
	struct ph_error *error = search_closure(&s);
	ph_buffer_deinit(&s.line);
	return error;
}

struct ph_error *ph_dump_objects(struct ph_dump *dump, const ph_addr *addresses, size_t count, struct ph_arena *arena,
				 struct ph_object **ret)
{
	struct search s = { .dump = dump, .arena = arena, .found = ret, .line = PH_BUFFER(PH_LINE_MAXIMUM) };
	struct ph_error *error = NULL;
	memset(ret, 0, count * sizeof(*ret));
	if (ph_dump_is_live(dump))
		return dump->live.objects(dump->live.self, addresses, count, arena, ret);
	for (size_t i = 0; !error && i < count; i++)
		if (addresses[i] && !ph_addrmap_set(&s.wanted, addresses[i], i + 1, false))
			error = &ph_error_no_memory;
	if (!error && count)
		error = search_closure(&s);
	for (size_t i = 0; !error && i < count; i++) {
		uint64_t *first = addresses[i] ? ph_addrmap_find(&s.wanted, addresses[i]) : NULL;
		if (first)
			ret[i] = ret[*first - 1];
	}
	ph_addrmap_deinit(&s.wanted);
	ph_buffer_deinit(&s.line);
	return error;
}
