/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets as text: known ones are found by a hash of their first four bytes at
 * every position, in one pass whatever their number. */
#include "record/redact_private.h"
#include "record/render.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define TABLE_BITS PH_SECRET_TABLE_BITS
#define CHUNK 2048 /* a longer secret is known by its pieces of this size */
#define TEXT_MAXIMUM ((size_t)65536)
#define TEXTS_MEMORY ((size_t)64 << 20)
#define SOURCE_DIGITS 6 /* of a number in a source: shorter ones are sizes and limits ("max_tokens = 4096") */
#define RANGES_MAXIMUM ((size_t)1 << 20)

void ph_ranges_add(struct ph_ranges *r, size_t start, size_t end)
{
	if (end <= start || r->no_memory)
		return;
	if (r->count && start >= r->ranges[r->count - 1].start && end <= r->ranges[r->count - 1].end)
		return;
	if (r->count == r->capacity) {
		size_t capacity = r->capacity ? r->capacity * 2 : 16;
		struct ph_range *bigger =
			capacity <= RANGES_MAXIMUM ? realloc(r->ranges, capacity * sizeof(*bigger)) : NULL;
		if (!bigger) {
			r->no_memory = true;
			return;
		}
		r->ranges = bigger;
		r->capacity = capacity;
	}
	r->ranges[r->count++] = (struct ph_range){ start, end };
}

/* ---- the known ones ---- */

/* Values that are no secrets although secret names lead to them ("token_type": "bearer"). */
static bool is_common(const struct ph_redactor *redactor, const char *text, size_t size)
{
	static const char *const common[] = {
		"none",	  "null",   "true",   "false",	 "bearer", "basic", "digest", "string", "bytes", "text",
		"utf-8",  "ascii",  "latin-1", "default", "session", "name", "value", "user", "username",
	};
	char lower[32];
	if (size >= sizeof(lower))
		return false;
	for (size_t i = 0; i < size; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		if (strlen(common[i]) == size && !memcmp(common[i], lower, size))
			return true;
	return ph_redactor_is_word(redactor, lower, size);
}

enum where { ANYWHERE, NUMBER, WORD };

static void add(struct ph_redactor *redactor, const char *text, size_t size, enum where where)
{
	if (size < PH_SECRET_TEXT_MINIMUM || redactor->text_count == PH_SECRET_TEXTS_MAXIMUM ||
	    !ph_addrmap_add(&redactor->text_hashes, XXH64(text, size, where) | 1))
		return;
	if (redactor->text_count == redactor->text_capacity) {
		size_t capacity = redactor->text_capacity ? redactor->text_capacity * 2 : 64;
		struct ph_secret_text *bigger = realloc(redactor->texts, capacity * sizeof(*bigger));
		if (!bigger)
			return;
		redactor->texts = bigger;
		redactor->text_capacity = capacity;
	}
	if (!redactor->arena.maximum)
		redactor->arena.maximum = TEXTS_MEMORY;
	const char *copy = ph_arena_strndup(&redactor->arena, text, size);
	if (!copy)
		return;
	redactor->texts[redactor->text_count++] = (struct ph_secret_text){
		.text = copy,
		.size = (uint32_t)size,
		.number = where == NUMBER,
		.word = where == WORD,
	};
	redactor->stale = true;
}

/* The text, and as it stands between the quotes of a repr. */
static void add_forms(struct ph_redactor *redactor, const char *text, size_t size)
{
	struct ph_buffer quoted = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	add(redactor, text, size, ANYWHERE);
	ph_quote_str(text, size, &quoted);
	if (!quoted.no_memory && quoted.size > 2 && quoted.size - 2 != size)
		add(redactor, quoted.data + 1, quoted.size - 2, ANYWHERE);
	ph_buffer_clear(&quoted);
	ph_quote_bytes(text, size, &quoted);
	if (!quoted.no_memory && quoted.size > 3 && quoted.size - 3 != size)
		add(redactor, quoted.data + 2, quoted.size - 3, ANYWHERE);
	ph_buffer_deinit(&quoted);
}

void ph_redactor_add_text(struct ph_redactor *redactor, const char *text, size_t size)
{
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || is_common(redactor, text, size))
		return;
	if (size > TEXT_MAXIMUM)
		size = TEXT_MAXIMUM;
	if (size <= CHUNK * 2) {
		add_forms(redactor, text, size);
		/* "Bearer abc…": what follows is the secret */
		const char *space = memchr(text, ' ', size < 16 ? size : 16);
		if (space && text + size - space > 8 && !memchr(space + 1, ' ', (size_t)(text + size - space - 1)))
			add_forms(redactor, space + 1, (size_t)(text + size - space - 1));
		return;
	}
	for (size_t i = 0; i < size; i += CHUNK)
		add_forms(redactor, text + i, size - i < CHUNK ? size - i : CHUNK);
}

void ph_redactor_add_number(struct ph_redactor *redactor, const char *text, size_t size)
{
	if (size && *text == '-')
		text++, size--;
	if (size <= 256)
		add(redactor, text, size, NUMBER);
}

void ph_redactor_add_assignment(struct ph_redactor *redactor, const char *text, size_t size)
{
	const char *equals = size ? memchr(text, '=', size) : NULL;
	if (equals && ph_redactor_is_secret_name(redactor, text, (size_t)(equals - text)))
		ph_redactor_add_text(redactor, equals + 1, (size_t)(text + size - equals - 1));
}

/* ---- finding them ---- */

static size_t slot_of(const char *text)
{
	uint32_t four;
	memcpy(&four, text, sizeof(four));
	return four * UINT32_C(2654435761) >> (32 - TABLE_BITS);
}

/* How a known text begins, for those who look at many that hold none. */
static void note_begin(struct ph_redactor *redactor, const char *text)
{
	size_t i = 0, count = redactor->begin_count;
	bool number = true;
	for (size_t k = 0; k < PH_SECRET_TEXT_MINIMUM; k++)
		number &= text[k] && strchr("0123456789.+-einfa", text[k]);
	redactor->begins_number |= number;
	if (count > PH_SECRET_BEGINS)
		return;
	while (i < count && (redactor->begin_bytes[i][0][0] != (uint8_t)text[0] ||
			     redactor->begin_bytes[i][1][0] != (uint8_t)text[1]))
		i++;
	redactor->begin_count += i == count;
	for (size_t k = 0; k < 2 && i < PH_SECRET_BEGINS; k++)
		memset(redactor->begin_bytes[i][k], text[k], sizeof(redactor->begin_bytes[i][k]));
}

/* Each slot's chain with the longest first. */
static bool build_table(struct ph_redactor *redactor)
{
	if (!redactor->table)
		redactor->table = malloc(sizeof(*redactor->table) << TABLE_BITS);
	if (!redactor->table)
		return false;
	memset(redactor->table, 0, sizeof(*redactor->table) << TABLE_BITS);
	memset(redactor->begins_known, 0, sizeof(redactor->begins_known));
	redactor->begin_count = 0;
	redactor->begins_number = false;
	for (size_t i = 0; i < redactor->text_count; i++) {
		struct ph_secret_text *t = &redactor->texts[i];
		uint32_t *link = &redactor->table[slot_of(t->text)];
		while (*link && redactor->texts[*link - 1].size > t->size)
			link = &redactor->texts[*link - 1].next;
		t->next = *link;
		*link = (uint32_t)(i + 1);
		note_begin(redactor, t->text);
		redactor->begins_known[slot_of(t->text) / 64] |= UINT64_C(1) << slot_of(t->text) % 64;
	}
	redactor->stale = false;
	return true;
}

void ph_redactor_settle(struct ph_redactor *redactor)
{
	if (redactor && redactor->mode == PH_REDACT_SECRETS && redactor->stale)
		build_table(redactor);
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline bytes16 load16(const void *p)
{
	bytes16 v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* Sixteen places of a text, and the byte behind them: could a secret or a name of one be there?  No name is a secret's
 * without one of "=:," or "--" behind it: redact_pattern.c, may_hold(). */
static inline bool may_be_at(const struct ph_redactor *redactor, const char *p)
{
	bytes16 v = load16(p), next = load16(p + 1);
	bytes16 found = (bytes16)(v == '=') | (bytes16)(v == ':') | (bytes16)(v == ',') |
			((bytes16)(v == '-') & (bytes16)(next == '-'));
	for (size_t i = 0; i < redactor->begin_count; i++)
		found |= (bytes16)(v == load16(redactor->begin_bytes[i][0])) &
			 (bytes16)(next == load16(redactor->begin_bytes[i][1]));
	uint64_t halves[2];
	memcpy(halves, &found, sizeof(halves));
	return halves[0] | halves[1];
}

static bool is_mark(char c)
{
	return c == '=' || c == ':' || c == ',' || c == '-';
}

bool ph_redactor_is_harmless(const struct ph_redactor *redactor, const char *text, size_t size)
{
	bool found = false;
	size_t i = 0;
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || redactor->stale)
		return !redactor || redactor->mode == PH_REDACT_NONE;
	if (size > 16 && redactor->begin_count <= PH_SECRET_BEGINS) {
		for (; i + 17 <= size; i += 16)
			found |= may_be_at(redactor, text + i);
		return !found && !may_be_at(redactor, text + size - 17) && !is_mark(text[size - 1]);
	}
	for (; i + PH_SECRET_TEXT_MINIMUM <= size; i++) {
		size_t slot = slot_of(text + i);
		char c = text[i];
		found |= redactor->begins_known[slot / 64] >> slot % 64 & 1;
		found |= c == '=' || c == ':' || c == ',' || (c == '-' && text[i + 1] == '-');
	}
	for (; i < size; i++)
		found |= is_mark(text[i]);
	return !found;
}

bool ph_redactor_is_harmless_number(const struct ph_redactor *redactor)
{
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || redactor->stale)
		return !redactor || redactor->mode == PH_REDACT_NONE;
	return !redactor->begins_number;
}

/* A number alone: no digit at either side, and not within a hexadecimal address. */
static bool stands_alone(const char *text, size_t size, size_t start, size_t end)
{
	if ((start && isdigit((unsigned char)text[start - 1])) || (end < size && isdigit((unsigned char)text[end])))
		return false;
	while (start && isxdigit((unsigned char)text[start - 1]))
		start--;
	return !(start >= 2 && text[start - 1] == 'x' && text[start - 2] == '0');
}

static bool is_quoted(const char *text, size_t size, size_t start, size_t end)
{
	return (!start || text[start - 1] == '\'' || text[start - 1] == '"') &&
	       (end == size || text[end] == '\'' || text[end] == '"');
}

/* The end of the longest secret that begins here, or `start`. */
static size_t match(const struct ph_redactor *redactor, const char *text, size_t size, size_t start, bool cut)
{
	size_t left = size - start;
	for (uint32_t i = redactor->table[slot_of(text + start)]; i; i = redactor->texts[i - 1].next) {
		const struct ph_secret_text *t = &redactor->texts[i - 1];
		size_t compare = t->size <= left ? t->size : cut ? left : 0;
		if (compare && !memcmp(t->text, text + start, compare) &&
		    (!t->number || stands_alone(text, size, start, start + compare)) &&
		    (!t->word || is_quoted(text, size, start, start + compare)))
			return start + compare;
	}
	return start;
}

static void find_known(struct ph_redactor *redactor, const char *text, size_t size, bool cut, struct ph_ranges *ranges)
{
	if (!redactor->text_count || (redactor->stale && !build_table(redactor)))
		return;
	for (size_t i = 0; i + PH_SECRET_TEXT_MINIMUM <= size; i++) {
		if (redactor->table[slot_of(text + i)])
			ph_ranges_add(ranges, i, match(redactor, text, size, i, cut));
	}
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ph_range *x = a, *y = b;
	return x->start != y->start ? (x->start < y->start ? -1 : 1) : x->end < y->end ? -1 : x->end > y->end;
}

/* Ranges that overlap or touch are one hole. */
static void put_without(const char *text, size_t size, const struct ph_ranges *ranges, struct ph_buffer *out)
{
	size_t done = 0;
	bool hole = false;
	for (size_t i = 0; i < ranges->count; i++) {
		const struct ph_range *r = &ranges->ranges[i];
		if (r->end <= done)
			continue;
		if (!hole || r->start > done) {
			ph_buffer_append(out, text + done, r->start - done);
			ph_buffer_puts(out, PH_REDACTED);
		}
		hole = true;
		done = r->end;
	}
	ph_buffer_append(out, text + done, size - done);
}

/* Of the text with what was found in it. */
static bool scrub(struct ph_redactor *redactor, const char *text, size_t size, struct ph_ranges *ranges,
		  struct ph_buffer *out)
{
	if (ranges->no_memory) {
		/* too many to tell: rather all than one too few */
		ph_buffer_puts(out, PH_REDACTED);
		ph_redactor_note_text(redactor, text, size);
	} else if (ranges->count) {
		qsort(ranges->ranges, ranges->count, sizeof(*ranges->ranges), compare_ranges);
		put_without(text, size, ranges, out);
		ph_redactor_note_text(redactor, text, size);
	} else {
		ph_buffer_append(out, text, size);
	}
	bool changed = ranges->no_memory || ranges->count;
	ph_ranges_deinit(ranges);
	return changed;
}

bool ph_redactor_scrub_cut(struct ph_redactor *redactor, const char *text, size_t size, bool cut,
			   struct ph_buffer *out)
{
	struct ph_ranges ranges = { 0 };
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || !size) {
		ph_buffer_append(out, text, size);
		return false;
	}
	find_known(redactor, text, size, cut, &ranges);
	ph_redactor_find_patterns(redactor, text, size, &ranges);
	return scrub(redactor, text, size, &ranges, out);
}

bool ph_redactor_scrub(struct ph_redactor *redactor, const char *text, size_t size, struct ph_buffer *out)
{
	return ph_redactor_scrub_cut(redactor, text, size, false, out);
}

/* ---- sources ---- */

void ph_ranges_deinit(struct ph_ranges *ranges)
{
	free(ranges->ranges);
	*ranges = (struct ph_ranges){ 0 };
}

static bool is_plain_word(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!isalpha((unsigned char)text[i]) && text[i] != '_')
			return false;
	return size <= 32;
}

static void add_literal(void *user, const char *text, size_t size, bool number)
{
	struct ph_redactor *redactor = user;
	if (number) {
		if (size >= SOURCE_DIGITS)
			ph_redactor_add_number(redactor, text, size);
	} else if (!is_plain_word(text, size)) {
		ph_redactor_add_text(redactor, text, size);
	} else if (!is_common(redactor, text, size)) {
		add(redactor, text, size, WORD);
	}
}

void ph_redactor_add_source(struct ph_redactor *redactor, const char *text, size_t size, struct ph_ranges *ret_ranges)
{
	if (!redactor || redactor->mode != PH_REDACT_SECRETS)
		return;
	ph_redactor_find_literals(redactor, text, size, ret_ranges, add_literal, redactor);
	if (ret_ranges->count)
		qsort(ret_ranges->ranges, ret_ranges->count, sizeof(*ret_ranges->ranges), compare_ranges);
}

bool ph_redactor_scrub_part(struct ph_redactor *redactor, const char *text, size_t start, size_t end,
			    const struct ph_ranges *whole, struct ph_buffer *out)
{
	struct ph_ranges ranges = { .no_memory = whole->no_memory };
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || end <= start) {
		ph_buffer_append(out, text + start, end - start);
		return false;
	}
	for (size_t i = 0; i < whole->count && whole->ranges[i].start < end; i++) {
		const struct ph_range *r = &whole->ranges[i];
		if (r->end > start)
			ph_ranges_add(&ranges, r->start > start ? r->start - start : 0,
				      (r->end < end ? r->end : end) - start);
	}
	find_known(redactor, text + start, end - start, false, &ranges);
	ph_redactor_find_patterns(redactor, text + start, end - start, &ranges);
	return scrub(redactor, text + start, end - start, &ranges, out);
}
