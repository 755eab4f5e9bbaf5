/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The redactor itself and its names. */
#include "base/error.h"
#include "record/redact_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MARKED_MAXIMUM ((size_t)1 << 22)
#define NOTED_MAXIMUM ((size_t)1 << 22)
#define NAME_SIZE 256 /* letters of a name that are looked at */

static const char default_words[] = "password,passwd,secret,token,api_key,authorization,cookie,credential,private_key";

/* Names are looked for where three bytes of a text are those that a word begins with. */
static void set_filter(struct ph_redactor *redactor, const char *words)
{
	redactor->filter_works = true;
	redactor->filter[ph_redactor_filter_slot("://")] = true;
	redactor->filter[ph_redactor_filter_slot("pas")] = true; /* see ends_in_password() */
	for (const char *p = words; *p;) {
		char letters[PH_SECRET_FILTER];
		size_t n = 0;
		p += strspn(p, " ");
		while (n < PH_SECRET_FILTER && isalnum((unsigned char)p[n]))
			letters[n] = p[n], n++;
		if (n == PH_SECRET_FILTER)
			redactor->filter[ph_redactor_filter_slot(letters)] = true;
		else
			redactor->filter_works = false;
		p += strcspn(p, ",");
		p += *p == ',';
	}
}

#define NO_LETTER 32 /* names are split there */

/* In five bits, whatever its case. */
static void set_codes(struct ph_redactor *redactor)
{
	for (unsigned c = 0; c < 256; c++) {
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		redactor->codes[c] = (uint8_t)(letter		     ? c & 31
					       : c >= 0x80	     ? 28 + c % 4
					       : c >= '0' && c <= '9' ? 27
								      : NO_LETTER);
	}
}

static struct ph_error *set_words(struct ph_redactor *redactor, const char *words)
{
	for (const char *p = words; *p;) {
		size_t size = strcspn(p, ","), n = 0;
		char *word = redactor->words[redactor->word_count];
		for (size_t i = 0; i < size; i++) {
			if (p[i] == '_' || p[i] == '-' || p[i] == ' ')
				continue;
			if (n + 1 == PH_SECRET_WORD_SIZE)
				return ph_error_create(PH_ERROR_USAGE,
						       "a word of the redaction list is too long: %.80s", p);
			word[n++] = (char)tolower((unsigned char)p[i]);
		}
		word[n] = '\0';
		redactor->word_sizes[redactor->word_count] = (uint8_t)n;
		redactor->begins[(unsigned char)word[0]] = true;
		unsigned three = 0;
		for (size_t i = 0; i < n && i < 3; i++)
			three = (three << 5 | redactor->codes[(unsigned char)word[i]]) & (PH_SECRET_THREES - 1);
		redactor->threes[three / 8] |= (uint8_t)(1u << three % 8);
		/* without its plural's s */
		redactor->any_three |= n < 3 || (n == 3 && word[2] == 's');
		redactor->word_count += n != 0;
		p += size + (p[size] == ',');
		if (redactor->word_count == PH_SECRET_WORDS_MAXIMUM && *p)
			return ph_error_create(PH_ERROR_USAGE, "the redaction list has more than %d words",
					       PH_SECRET_WORDS_MAXIMUM);
	}
	return NULL;
}

struct ph_error *ph_redactor_create(enum ph_redaction_mode mode, const char *words, struct ph_redactor **ret)
{
	struct ph_redactor *redactor = calloc(1, sizeof(*redactor));
	if (!redactor)
		return &ph_error_no_memory;
	redactor->mode = mode;
	pthread_mutex_init(&redactor->lock, NULL);
	redactor->marked.maximum = MARKED_MAXIMUM;
	redactor->noted.maximum = NOTED_MAXIMUM;
	set_filter(redactor, words ? words : default_words);
	set_codes(redactor);
	struct ph_error *error = set_words(redactor, words ? words : default_words);
	if (error) {
		ph_redactor_free(redactor);
		return error;
	}
	*ret = redactor;
	return NULL;
}

void ph_redactor_free(struct ph_redactor *redactor)
{
	if (!redactor)
		return;
	ph_addrmap_deinit(&redactor->marked);
	ph_addrmap_deinit(&redactor->noted);
	ph_addrmap_deinit(&redactor->text_hashes);
	ph_arena_deinit(&redactor->arena);
	pthread_mutex_destroy(&redactor->lock);
	free(redactor->texts);
	free(redactor->table);
	free(redactor);
}

enum ph_redaction_mode ph_redactor_mode(const struct ph_redactor *redactor)
{
	return redactor ? redactor->mode : PH_REDACT_NONE;
}

uint64_t ph_redactor_count(const struct ph_redactor *redactor)
{
	return redactor ? redactor->count : 0;
}

void ph_redactor_note(struct ph_redactor *redactor, ph_addr address)
{
	if (!redactor)
		return;
	pthread_mutex_lock(&redactor->lock);
	if (ph_addrmap_add(&redactor->noted, address))
		redactor->count++;
	pthread_mutex_unlock(&redactor->lock);
}

void ph_redactor_note_text(struct ph_redactor *redactor, const char *text, size_t size)
{
	ph_redactor_note(redactor, XXH64(text, size, 1) | 1);
}

bool ph_redactor_is_marked(const struct ph_redactor *redactor, ph_addr address)
{
	return redactor && redactor->mode == PH_REDACT_SECRETS && ph_addrmap_find(&redactor->marked, address);
}

/* ---- names ---- */

bool ph_redactor_is_word(const struct ph_redactor *redactor, const char *word, size_t size)
{
	for (size_t i = 0; size && redactor->begins[(unsigned char)*word] && i < redactor->word_count; i++) {
		const char *w = redactor->words[i];
		size_t n = redactor->word_sizes[i];
		if (size == n && !memcmp(word, w, n))
			return true;
		/* singular or plural, whichever the list has */
		if (size == n + 1 && word[n] == 's' && !memcmp(word, w, n))
			return true;
		if (size + 1 == n && w[size] == 's' && !memcmp(word, w, size))
			return true;
	}
	return false;
}

/* "pgpassword": a compound written as one word; other words of the list are too short to be sure of ("betoken"). */
static bool ends_in_password(const struct ph_redactor *redactor, const char *word, size_t size)
{
	static const char *const tails[] = { "password", "passwords", "passwd" };
	for (size_t i = 0; size > 6 && i < sizeof(tails) / sizeof(*tails); i++) {
		size_t n = strlen(tails[i]);
		if (size > n && !memcmp(word + size - n, tails[i], n) && ph_redactor_is_word(redactor, tails[i], n))
			return true;
	}
	return false;
}

/* The name's words in lower case one behind another; starts[i] is where each begins, starts[count] the end. */
struct split_name {
	char letters[NAME_SIZE];
	uint16_t starts[NAME_SIZE + 1];
	size_t count;
};

static void split(const char *name, size_t size, struct split_name *ret)
{
	enum { NOTHING, LOWER, UPPER, DIGIT } before = NOTHING, now;
	size_t n = 0;
	ret->count = 0;
	for (size_t i = 0; i < size && n < NAME_SIZE; i++) {
		unsigned char c = (unsigned char)name[i];
		bool is_upper = c >= 'A' && c <= 'Z';
		now = c >= '0' && c <= '9'		      ? DIGIT
		      : is_upper			      ? UPPER
		      : (c >= 'a' && c <= 'z') || c >= 0x80 ? LOWER
							      : NOTHING;
		bool next_lower = i + 1 < size && name[i + 1] >= 'a' && name[i + 1] <= 'z';
		/* "userPassword", "HTTPToken" (not the plural s of "APIs"), "token2" */
		bool starts = now != before && !(before == UPPER && now == LOWER);
		if (now == UPPER && before == UPPER && next_lower &&
		    !(name[i + 1] == 's' && (i + 2 == size || !isalpha((unsigned char)name[i + 2]))))
			starts = true;
		before = now;
		if (now == NOTHING)
			continue;
		if (starts)
			ret->starts[ret->count++] = (uint16_t)n;
		ret->letters[n++] = (char)(is_upper ? c + 32 : c);
	}
	ret->starts[ret->count] = (uint16_t)n;
}

/* Is there anything in it that a word could begin with?  Most names are through with it. */
static bool may_hold_word(const struct ph_redactor *redactor, const char *name, size_t size)
{
	unsigned three = 0;
	bool found = redactor->any_three;
	for (size_t i = 0; i < size && !found; i++) {
		unsigned code = redactor->codes[(unsigned char)name[i]];
		if (code == NO_LETTER)
			continue;
		three = (three << 5 | code) & (PH_SECRET_THREES - 1);
		found = redactor->threes[three / 8] >> three % 8 & 1;
	}
	return found;
}

bool ph_redactor_is_secret_name(const struct ph_redactor *redactor, const char *name, size_t size)
{
	struct split_name s;
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || size < 3 || !may_hold_word(redactor, name, size))
		return false;
	split(name, size, &s);
	for (size_t i = 0; i < s.count; i++) {
		const char *word = s.letters + s.starts[i];
		size_t first = s.starts[i + 1] - s.starts[i];
		if (ends_in_password(redactor, word, first))
			return true;
		/* "api_key" and "apiKey" as "apikey" */
		for (size_t k = i + 1; k <= s.count && k <= i + 3; k++)
			if (ph_redactor_is_word(redactor, word, (size_t)(s.starts[k] - s.starts[i])))
				return true;
	}
	return false;
}
