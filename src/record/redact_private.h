/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the redactor's own files. */
#ifndef RECORD_REDACT_PRIVATE_H
#define RECORD_REDACT_PRIVATE_H

#include <pthread.h>

#include "base/arena.h"
#include "record/redact.h"

#define PH_SECRET_WORDS_MAXIMUM 64
#define PH_SECRET_WORD_SIZE 64 /* bytes, NUL counted */
#define PH_SECRET_TEXTS_MAXIMUM 16384
#define PH_SECRET_TEXT_MINIMUM 4 /* bytes; shorter ones would tear holes into everything */

#define PH_SECRET_TABLE_BITS 14
#define PH_SECRET_FILTER 3 /* bytes */
#define PH_SECRET_THREES (1 << 15)
#define PH_SECRET_BEGINS 8 /* pairs of bytes that known texts begin with, told by vectors */
#define PH_SECRET_FILTER_BITS 12

struct ph_secret_text {
	const char *text;
	uint32_t size; /* bytes */
	uint32_t next; /* with the same hash of the first four bytes, longest first; index + 1, 0 none */
	bool number;   /* only where no digit is before or behind */
	bool word;     /* only as a whole text, or between quotes */
};

struct ph_redactor {
	enum ph_redaction_mode mode;
	/* lower case, without separators: "apikey" */
	char words[PH_SECRET_WORDS_MAXIMUM][PH_SECRET_WORD_SIZE];
	uint8_t word_sizes[PH_SECRET_WORDS_MAXIMUM]; /* bytes, without the NUL */
	bool begins[256]; /* some word begins with this byte */
	uint8_t codes[256]; /* of letters */
	uint8_t threes[PH_SECRET_THREES / 8]; /* and with these three, five bits a letter: a bit each */
	bool any_three; /* a word may be too short to tell by them */
	size_t word_count;
	/* of three letters in lower case: some word begins with them, or it is "://"; useless with very short words */
	bool filter[1 << PH_SECRET_FILTER_BITS];
	bool filter_works;

	struct ph_addrmap marked; /* objects */
	struct ph_addrmap noted;  /* objects and hashes of texts counted already */
	uint64_t count;

	struct ph_arena arena; /* of the texts */
	struct ph_secret_text *texts;
	size_t text_count, text_capacity;
	struct ph_addrmap text_hashes; /* of those that are there */
	uint64_t begins_known[(1 << PH_SECRET_TABLE_BITS) / 64]; /* hashes that are in the table */
	/* the first two bytes of those, each sixteen times; more than there is room for: begin_count is above it */
	uint8_t begin_bytes[PH_SECRET_BEGINS][2][16];
	size_t begin_count;
	bool begins_number; /* one of them may be in a number */
	pthread_mutex_t lock; /* of noted and count */
	uint32_t *table;	       /* hash of the first four bytes -> index + 1; valid when !stale */
	bool stale;
};

/* Is the range of lower-case letters without separators one of the words? */
bool ph_redactor_is_word(const struct ph_redactor *redactor, const char *word, size_t size);
/* A number's text, taken out only where it stands alone. */
void ph_redactor_add_number(struct ph_redactor *redactor, const char *text, size_t size);
/* Count a text that was changed, once. */
void ph_redactor_note_text(struct ph_redactor *redactor, const char *text, size_t size);

void ph_ranges_add(struct ph_ranges *ranges, size_t start, size_t end);

static inline uint32_t ph_redactor_filter_slot(const char *p)
{
	uint32_t three = (uint32_t)(p[0] & 0xff) | (uint32_t)(p[1] & 0xff) << 8 | (uint32_t)(p[2] & 0xff) << 16;
	return (three | 0x202020) * UINT32_C(2654435761) >> (32 - PH_SECRET_FILTER_BITS);
}

/* redact_pattern.c: what looks like a secret by its surroundings. */
void ph_redactor_find_patterns(const struct ph_redactor *redactor, const char *text, size_t size,
			       struct ph_ranges *ranges);
/* The same, and `literal` gets each literal of Python behind a name, as the compiler makes it: joined, unescaped. */
typedef void ph_redactor_literal(void *user, const char *text, size_t size, bool number);
void ph_redactor_find_literals(const struct ph_redactor *redactor, const char *text, size_t size,
			       struct ph_ranges *ranges, ph_redactor_literal *literal, void *user);

#endif
