/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lying dumps: a real dump is changed, and all verbs run over it in a child; a few thousand times.
 *
 * usage: fuzz-dump [--seed=N] [--count=N] [--only=N] [--seconds=N] DUMP
 *
 * A third of the runs change bytes of the file, mostly in the archive's headers
 * and its directory; the others change members (numbers and strings for others
 * of the same dump, pieces left out, repeated and nested) and pack them again,
 * so that every CRC is right. */
#include "fuzz/harness.h"

#include "base/cursor.h"
#include "dump/columns.h"

#include <pyheap/dump.h>
#include <pyheap/verb.h>

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <minizip/zip.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define MAXIMUM_MEMBERS 200
#define MAXIMUM_OUTPUT ((size_t)256 << 20)
#define MAXIMUM_PLACES 4096

struct bytes {
	uint8_t *data;
	size_t size;
};

struct member {
	char name[200];
	struct bytes text;
};

static struct {
	struct bytes file;
	struct member members[MAXIMUM_MEMBERS];
	size_t member_count;
	size_t places[MAXIMUM_PLACES]; /* of "PK" */
	size_t place_count;
	char address[32]; /* of an object in the closure, for print */
	char *path;
	unsigned round; /* which verbs are asked */
	char changes[1000];
} state;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	size_t used = strlen(state.changes);
	va_list ap;
	va_start(ap, format);
	vsnprintf(state.changes + used, sizeof(state.changes) - used, format, ap);
	va_end(ap);
}

/* ---- reading the real dump, with a reader of our own ---- */

static bool slurp(const char *path, struct bytes *ret)
{
	FILE *file = fopen(path, "rb");
	long size;
	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) <= 0)
		return false;
	rewind(file);
	ret->data = malloc((size_t)size);
	ret->size = (size_t)size;
	bool ok = ret->data && fread(ret->data, 1, ret->size, file) == ret->size;
	fclose(file);
	return ok;
}

static bool unpack(const uint8_t *data, size_t size, struct bytes *ret)
{
	z_stream stream = { .next_in = (uint8_t *)data, .avail_in = (uInt)size, .next_out = ret->data,
			    .avail_out = (uInt)ret->size };
	if (inflateInit2(&stream, -15) != Z_OK)
		return false;
	int status = inflate(&stream, Z_FINISH);
	inflateEnd(&stream);
	return status == Z_STREAM_END && !stream.avail_out;
}

/* A local header, and what follows it. */
static bool read_member(struct ph_cursor c, struct member *ret)
{
	ph_cursor_take(&c, 4 + 2 + 2);
	unsigned method = ph_cursor_u16(&c);
	ph_cursor_take(&c, 2 + 2 + 4);
	uint32_t packed = ph_cursor_u32(&c), size = ph_cursor_u32(&c);
	unsigned name_size = ph_cursor_u16(&c), extra = ph_cursor_u16(&c);
	const void *name = ph_cursor_take(&c, name_size);
	ph_cursor_take(&c, extra);
	const uint8_t *data = ph_cursor_take(&c, packed);
	if (!data || !name || name_size >= sizeof(ret->name))
		return false;
	memcpy(ret->name, name, name_size);
	ret->name[name_size] = '\0';
	ret->text = (struct bytes){ malloc((size_t)size + 1), size };
	if (!ret->text.data)
		return false;
	if (!method)
		memcpy(ret->text.data, data, size);
	return !method || unpack(data, packed, &ret->text);
}

static bool read_dump(const char *path)
{
	if (!slurp(path, &state.file))
		return false;
	for (size_t i = 0; i + 4 < state.file.size; i++) {
		if (memcmp(state.file.data + i, "PK", 2))
			continue;
		if (state.place_count < MAXIMUM_PLACES)
			state.places[state.place_count++] = i;
		struct ph_cursor c = ph_cursor(state.file.data + i, state.file.size - i, false);
		if (!memcmp(state.file.data + i, "PK\3\4", 4) && state.member_count < MAXIMUM_MEMBERS &&
		    read_member(c, &state.members[state.member_count]))
			state.member_count++;
	}
	for (size_t i = 0; i < state.member_count; i++)
		if (!strcmp(state.members[i].name, "closure.jsonl") && state.members[i].text.size > 40)
			sscanf((char *)state.members[i].text.data, "{\"address\":\"%31[0-9a-fx]", state.address);
	return state.member_count > 3 && state.address[0];
}

/* ---- one run ---- */

struct sink {
	char *text;
	size_t size, capacity;
};

static bool take(void *user, const char *text, size_t size)
{
	struct sink *sink = user;
	if (sink->size + size > MAXIMUM_OUTPUT)
		return false;
	if (sink->size + size + 1 > sink->capacity) {
		sink->capacity = 2 * (sink->size + size + 1);
		sink->text = realloc(sink->text, sink->capacity);
		if (!sink->text)
			exit(99);
	}
	memcpy(sink->text + sink->size, text, size);
	sink->size += size;
	sink->text[sink->size] = '\0';
	return true;
}

struct job {
	bool unharmed;
};

static bool judge_error(const struct job *job, struct ph_error *error)
{
	bool ok = fuzz_check_line(error->message);
	fprintf(stderr, "error: %s\n", error->message);
	fuzz_note_error();
	ph_error_free(error);
	return ok && !job->unharmed;
}

static bool run_verb(const struct job *job, struct ph_dump *dump, const char *name, bool json)
{
	struct sink sink = { 0 };
	struct ph_verb_output output = { .user = &sink, .write = take };
	char *argv[6] = { (char *)name };
	int argc = 1, status = 0;
	if (json)
		argv[argc++] = (char *)"--json";
	bool addressed = !strcmp(name, "print") || !strcmp(name, "path") || !strncmp(name, "refer", 5) ||
			 !strcmp(name, "whatis");
	bool has_lines = addressed || !strcmp(name, "types") || !strcmp(name, "find") || !strcmp(name, "roots") ||
			 !strcmp(name, "retained") || !strcmp(name, "garbage") || !strcmp(name, "export");
	bool grouped = !strcmp(name, "referrers") && state.round & 1;
	if (addressed)
		argv[argc++] = grouped ? (char *)"*" : state.address;
	if (!strcmp(name, "find"))
		argv[argc++] = (char *)"*", argv[argc++] = (char *)"--where=len>2 and value~*a*x*";
	if (!strcmp(name, "print") && state.round & 1)
		argv[argc++] = (char *)"--depth=3";
	if (!strcmp(name, "print"))
		argv[argc++] = (char *)"0x10";
	bool ok = true;
	struct ph_error *error = ph_verb_run(dump, argc, argv, &output, &status);
	if (error)
		ok = judge_error(job, error);
	else if (sink.size >= MAXIMUM_OUTPUT / 2)
		ok = fprintf(stderr, "check: %s prints %zu bytes\n", name, sink.size) < 0;
	else if (json)
		ok = fuzz_check_json(sink.text, sink.size, has_lines);
	else
		ok = !strcmp(name, "export") ? fuzz_check_json(sink.text, sink.size, true) :
								fuzz_check_text(sink.text, sink.size);
	bool may_be_empty = json && !strcmp(name, "garbage"); /* where there is none */
	if (job->unharmed && !addressed && (status || (!sink.size && !may_be_empty)))
		ok = fprintf(stderr, "check: %s has status %d on the unharmed dump\n", name, status) < 0;
	if (!ok)
		fprintf(stderr, "check: verb %s%s\n", name, json ? " --json" : "");
	free(sink.text);
	return ok;
}

static bool run(void *user)
{
	const struct job *job = user;
	static const char *const names[] = { "report", "exceptions", "threads", "tasks",	"greenlets", "print",
					    "whatis", "types",	    "memory",	"referents", "referrers", "path",
					    "find",   "roots",	    "retained", "garbage",   "verify",	  "export" };
	struct ph_dump *dump = NULL;
	struct ph_error *error = ph_dump_open(state.path, &dump);
	if (error)
		return judge_error(job, error);
	bool ok = true;
	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]) && ok; i++) {
		/* a quarter of them on each dump that lies, others on the next */
		if (!job->unharmed && (i + state.round) % 4)
			continue;
		ok = run_verb(job, dump, names[i / 2], i & 1);
		const char *problem = ph_dump_problem(dump);
		if (problem && (job->unharmed || !fuzz_check_line(problem)))
			ok = fprintf(stderr, "check: problem: %s\n", problem) < 0;
	}
	ph_dump_close(dump);
	return ok;
}

/* ---- changing ---- */

static bool write_file(const struct bytes *bytes)
{
	FILE *file = fopen(state.path, "wb");
	if (!file)
		return false;
	bool ok = fwrite(bytes->data, 1, bytes->size, file) == bytes->size;
	return !fclose(file) && ok;
}

static bool change_bytes(struct fuzz_random *random)
{
	struct bytes copy = { malloc(state.file.size), state.file.size };
	if (!copy.data)
		exit(99);
	memcpy(copy.data, state.file.data, copy.size);
	for (uint64_t n = 1 + fuzz_below(random, 20); n; n--) {
		size_t at = fuzz_below(random, copy.size);
		if (fuzz_below(random, 4))
			at = state.places[fuzz_below(random, state.place_count)] + fuzz_below(random, 60);
		uint64_t word = fuzz_odd_word(random);
		size_t size = (size_t)1 << fuzz_below(random, 4);
		if (at + size > copy.size)
			continue;
		if (fuzz_below(random, 3))
			memcpy(copy.data + at, &word, size);
		else
			copy.data[at] ^= (uint8_t)(1u << fuzz_below(random, 8));
		say("    byte 0x%zx\n", at);
	}
	if (!fuzz_below(random, 3)) {
		copy.size = fuzz_below(random, copy.size);
		say("    cut at %zu\n", copy.size);
	}
	bool ok = write_file(&copy);
	free(copy.data);
	return ok;
}

/* Replace [from, to) of a text by something. */
static void replace(struct bytes *text, size_t from, size_t to, const void *data, size_t size)
{
	uint8_t *more = malloc(text->size - (to - from) + size + 1);
	if (!more)
		exit(99);
	memcpy(more, text->data, from);
	memcpy(more + from, data, size);
	memcpy(more + from + size, text->data + to, text->size - to);
	text->size = text->size - (to - from) + size;
	free(text->data);
	text->data = more;
}

/* The JSON token at or behind a place: a string with its quotes, a number, a word, a bracket. */
static void token_at(const struct bytes *text, size_t *from, size_t *to)
{
	size_t i = *from;
	while (i < text->size && !strchr("\"0123456789-tfn[]{},:", text->data[i] ? text->data[i] : ' '))
		i++;
	*from = i;
	if (i < text->size && text->data[i] == '"') {
		for (i++; i < text->size && text->data[i] != '"'; i++)
			i += text->data[i] == '\\';
		*to = i + 1 < text->size ? i + 1 : text->size;
		return;
	}
	while (i < text->size && (isalnum(text->data[i]) || text->data[i] == '-' || text->data[i] == '.'))
		i++;
	*to = i > *from ? i : *from < text->size ? *from + 1 : text->size;
}

/* A place in the text, often one where a string begins. */
static void choose_token(struct fuzz_random *random, const struct bytes *text, size_t *from, size_t *to)
{
	*from = fuzz_below(random, text->size);
	for (uint64_t n = fuzz_below(random, 200); n && *from < text->size && text->data[*from] != '"'; n--)
		++*from;
	token_at(text, from, to);
}

static void nest(struct fuzz_random *random, struct bytes *text, size_t from, size_t to)
{
	size_t depth = 1 + fuzz_below(random, 20000);
	bool list = fuzz_below(random, 2);
	const char *open = list ? "[" : "{\"cause\":";
	size_t size = strlen(open);
	uint8_t *data = malloc(depth * (size + 1) + 4);
	if (!data)
		exit(99);
	for (size_t i = 0; i < depth; i++)
		memcpy(data + i * size, open, size);
	memcpy(data + depth * size, "null", 4);
	memset(data + depth * size + 4, list ? ']' : '}', depth);
	say("    %zu levels of nesting at 0x%zx\n", depth, from);
	replace(text, from, to, data, depth * (size + 1) + 4);
	free(data);
}

static const char *const strange[] = {
	"null", "-1", "1e999", "18446744073709551616", "-9223372036854775808", "\"0x\"", "\"0xffffffffffffffff\"",
	"\"0x10000000000000000\"", "\"\"", "[]", "{}", "true", "0.5", "\"\\u0000\"", "\"\\ud800\"", "\"\\u001b[31m\"",
	"\"../../../etc/passwd\"", "4294967296", "\"\\\"\"", "\"%s%n\"", "[[[]]]", "\xff\xfe", "\"\n\"",
};

static void change_member(struct fuzz_random *random, struct bytes *text)
{
	size_t from, to, other, end;
	if (!text->size)
		return;
	choose_token(random, text, &from, &to);
	switch (fuzz_below(random, 8)) {
	case 0: {
		const char *s = strange[fuzz_below(random, sizeof(strange) / sizeof(strange[0]))];
		say("    %s at 0x%zx\n", s, from);
		replace(text, from, to, s, strlen(s));
		break;
	}
	case 1:
	case 2: /* another token of the same member */
		choose_token(random, text, &other, &end);
		if (end > other) {
			struct bytes copy = { malloc(end - other), end - other };
			if (!copy.data)
				exit(99);
			memcpy(copy.data, text->data + other, copy.size);
			say("    the token of 0x%zx at 0x%zx\n", other, from);
			replace(text, from, to, copy.data, copy.size);
			free(copy.data);
		}
		break;
	case 3: /* a piece left out */
		end = from + fuzz_below(random, 300);
		say("    left out from 0x%zx\n", from);
		replace(text, from, end < text->size ? end : text->size, "", 0);
		break;
	case 4: { /* a piece repeated */
		size_t size = fuzz_below(random, text->size - from > 5000 ? 5000 : text->size - from);
		struct bytes copy = { malloc(size + 1), size };
		if (!copy.data)
			exit(99);
		memcpy(copy.data, text->data + from, size);
		say("    repeated from 0x%zx\n", from);
		replace(text, from, from, copy.data, size);
		free(copy.data);
		break;
	}
	case 5:
		if (!fuzz_below(random, 4))
			nest(random, text, from, to);
		break;
	case 6: { /* a number for a number */
		char number[32];
		while (from < text->size && !isdigit(text->data[from]))
			from++;
		for (to = from; to < text->size && isalnum(text->data[to]); to++)
			;
		snprintf(number, sizeof(number), fuzz_below(random, 2) ? "%" PRIu64 : "0x%" PRIx64, fuzz_odd_word(random));
		say("    number %s at 0x%zx\n", number, from);
		replace(text, from, to, number, strlen(number));
		break;
	}
	default:
		if (from < text->size)
			text->data[from] = (uint8_t)fuzz_next(random);
		say("    byte 0x%zx of the member\n", from);
	}
}

/* Items of a chunk for others, odd or of the same chunk; false when the member is no chunk. */
static bool change_items(struct fuzz_random *random, struct member *member)
{
	const struct ph_column_form *form = NULL;
	for (size_t i = 0; i < PH_COLUMN_COUNT && !form; i++) {
		size_t size = strlen(ph_column_forms[i].name);
		if (!strncmp(member->name, ph_column_forms[i].name, size) && member->name[size] == '/' &&
		    isdigit(member->name[size + 1]))
			form = &ph_column_forms[i];
	}
	if (!form)
		return false;
	size_t bytes = (size_t)form->width * PH_CHUNK, room = ph_chunk_bound(form);
	uint8_t *items = malloc(bytes), *scratch = malloc(bytes), *out = malloc(room);
	struct ph_chunker chunker;
	if (!ph_chunker_init(&chunker) || !items || !scratch || !out)
		exit(99);
	bool is_chunk = ph_chunk_decode(form, member->text.data, member->text.size, scratch, items);
	for (uint64_t n = is_chunk ? 1 + fuzz_below(random, 1000) : 0; n; n--) {
		size_t at = fuzz_below(random, PH_CHUNK), from = fuzz_below(random, PH_CHUNK);
		uint64_t word = fuzz_odd_word(random);
		memmove(items + at * form->width,
			fuzz_below(random, 2) ? items + from * form->width : (const uint8_t *)&word, form->width);
	}
	if (is_chunk) {
		size_t size = ph_chunk_encode(&chunker, form, items, PH_CHUNK, out);
		say("    items of %s\n", member->name);
		replace(&member->text, 0, member->text.size, out, size);
	}
	ph_chunker_deinit(&chunker);
	free(items);
	free(scratch);
	free(out);
	return is_chunk;
}

static bool pack(struct member *members, size_t count)
{
	zipFile zip = zipOpen64(state.path, APPEND_STATUS_CREATE);
	bool ok = zip;
	for (size_t i = 0; i < count && ok; i++) {
		zip_fileinfo info = { 0 };
		ok = zipOpenNewFileInZip(zip, members[i].name, &info, NULL, 0, NULL, 0, NULL, Z_DEFLATED, 1) == ZIP_OK &&
		     zipWriteInFileInZip(zip, members[i].text.data, (unsigned)members[i].text.size) == ZIP_OK &&
		     zipCloseFileInZip(zip) == ZIP_OK;
	}
	return ok && zipClose(zip, NULL) == ZIP_OK;
}

static bool change_members(struct fuzz_random *random)
{
	struct member *copy = calloc(MAXIMUM_MEMBERS + 1, sizeof(*copy));
	size_t count = state.member_count;
	if (!copy)
		exit(99);
	for (size_t i = 0; i < count; i++) {
		copy[i] = state.members[i];
		copy[i].text.data = malloc(copy[i].text.size + 1);
		if (!copy[i].text.data)
			exit(99);
		memcpy(copy[i].text.data, state.members[i].text.data, copy[i].text.size);
	}
	size_t which = fuzz_below(random, count < 5 ? count : 5); /* sources are only copied */
	size_t chunk = fuzz_below(random, count);
	bool has_changed = fuzz_below(random, 2) && change_items(random, &copy[chunk]);
	if (!has_changed)
		say("    member %s\n", copy[which].name);
	for (uint64_t n = has_changed ? 0 : 1 + fuzz_below(random, 20); n; n--)
		change_member(random, &copy[which].text);
	if (!fuzz_below(random, 20)) {
		say("    member %s is called %s\n", copy[which].name, state.members[fuzz_below(random, count)].name);
		strcpy(copy[which].name, state.members[fuzz_below(random, count)].name);
	}
	if (!fuzz_below(random, 20))
		count -= fuzz_below(random, count);
	bool ok = pack(copy, count);
	for (size_t i = 0; i < state.member_count; i++)
		free(copy[i].text.data);
	free(copy);
	return ok;
}

int main(int argc, char **argv)
{
	struct fuzz_options options;
	struct fuzz_result result;
	struct job job = { .unharmed = true };
	struct timespec begun, t;
	if (!fuzz_parse(argc, argv, &options) || !read_dump(argv[options.operand])) {
		fprintf(stderr, "usage: fuzz-dump [--seed=N] [--count=N] [--only=N] [--seconds=N] DUMP\n");
		return 99;
	}
	state.path = fuzz_scratch();
	if (!write_file(&state.file))
		return 99;
	fuzz_run(run, &job, &result);
	bool packed = result.ok && pack(state.members, state.member_count);
	if (packed)
		fuzz_run(run, &job, &result);
	if (!packed || !result.ok) {
		printf("the unharmed dump%s: %s\n%s\n", packed ? ", packed again" : "", result.what, fuzz_last_words());
		unlink(state.path);
		return 1;
	}
	printf("the unharmed dump: %zu members, %.3f s, %ld MiB\n", state.member_count, result.seconds,
	       result.resident >> 10);
	fuzz_set_limits(&result);
	job.unharmed = false;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (uint64_t i = 0; i < options.count; i++) {
		struct fuzz_random random = { options.seed * 1000003 + i };
		if (options.only >= 0 && i != (uint64_t)options.only)
			continue;
		state.changes[0] = '\0';
		state.round = (unsigned)i;
		fuzz_next(&random);
		if (!(fuzz_below(&random, 3) ? change_members(&random) : change_bytes(&random)))
			return 99;
		fuzz_run(run, &job, &result);
		fuzz_account(&options, i, &result, state.changes, argv);
		clock_gettime(CLOCK_MONOTONIC, &t);
		if (options.seconds && (double)(t.tv_sec - begun.tv_sec) >= options.seconds)
			break;
	}
	unlink(state.path);
	return fuzz_finish(&options);
}
