/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the redactor's own files. */
#ifndef RECORD_REDACT_PRIVATE_H
#define RECORD_REDACT_PRIVATE_H

#include "base/arena.h"
#include "record/redact.h"

#define PH_SECRET_WORDS_MAXIMUM 64
#define PH_SECRET_WORD_SIZE 64 /* bytes, NUL counted */
#define PH_SECRET_TEXTS_MAXIMUM 16384
#define PH_SECRET_TEXT_MINIMUM 4 /* bytes; shorter ones would tear holes into everything */

struct ph_secret_text {
	const char *text;
	uint32_t size; /* bytes */
	uint32_t next; /* with the same hash of the first four bytes, longest first; index + 1, 0 none */
	bool number;   /* only where no digit is before or behind */
};

struct ph_redactor {
	enum ph_redaction_mode mode;
	/* lower case, without separators: "apikey" */
	char words[PH_SECRET_WORDS_MAXIMUM][PH_SECRET_WORD_SIZE];
	uint8_t word_sizes[PH_SECRET_WORDS_MAXIMUM]; /* bytes, without the NUL */
	bool begins[256]; /* some word begins with this byte */
	size_t word_count;

	struct ph_addrmap marked; /* objects */
	struct ph_addrmap noted;  /* objects and hashes of texts counted already */
	uint64_t count;

	struct ph_arena arena; /* of the texts */
	struct ph_secret_text *texts;
	size_t text_count, text_capacity;
	struct ph_addrmap text_hashes; /* of those that are there */
	uint32_t *table;	       /* hash of the first four bytes -> index + 1; valid when !stale */
	bool stale;
};

/* Is the range of lower-case letters without separators one of the words? */
bool ph_redactor_is_word(const struct ph_redactor *redactor, const char *word, size_t size);
/* A number's text, taken out only where it stands alone. */
void ph_redactor_add_number(struct ph_redactor *redactor, const char *text, size_t size);
/* Count a text that was changed, once. */
void ph_redactor_note_text(struct ph_redactor *redactor, const char *text, size_t size);

/* Ranges of a text to be taken out. */
struct ph_ranges {
	struct ph_range {
		size_t start, end; /* end exclusive */
	} *ranges;
	size_t count, capacity;
	bool no_memory;
};
void ph_ranges_add(struct ph_ranges *ranges, size_t start, size_t end);

/* redact_pattern.c: what looks like a secret by its surroundings. */
void ph_redactor_find_patterns(const struct ph_redactor *redactor, const char *text, size_t size,
			       struct ph_ranges *ranges);

#endif
