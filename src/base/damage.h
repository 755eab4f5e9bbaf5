/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the target could not be read, for the user to be told.
 *
 * Entries with the same where and what are one, with a count.  The number of
 * distinct entries is bounded (PH_DAMAGE_MAXIMUM); what comes beyond it is
 * counted in a last entry. */
#ifndef BASE_DAMAGE_H
#define BASE_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PH_DAMAGE_MAXIMUM 256

enum ph_damage_kind {
	PH_DAMAGE_IMAGE,  /* the image itself is cut: exit status 1 */
	PH_DAMAGE_REPORT, /* something that the report needed: exit status 1 */
	PH_DAMAGE_HEAP,	  /* counted only */
};

struct ph_damage_entry {
	enum ph_damage_kind kind;
	char *where; /* "thread 1234", "segment 0x7f…", "dict at 0x…" */
	char *what;  /* "frame chain does not end", "12 KiB missing" */
	uint64_t count;
};

struct ph_damage {
	struct ph_damage_entry *entries;
	size_t count;
	uint64_t dropped; /* entries beyond the maximum */
	uint64_t missing; /* bytes of the memory that the image was to have and a cut took, as far as is known */
};

void ph_damage_deinit(struct ph_damage *damage);

/* Without memory the entry is only counted in `dropped`. */
void ph_damage_add(struct ph_damage *damage, enum ph_damage_kind kind, const char *where, const char *what_format, ...)
	__attribute__((format(printf, 4, 5)));

/* An entry of another one, with its count. */
void ph_damage_take(struct ph_damage *damage, const struct ph_damage_entry *entry);

/* Whether anything makes the exit status 1. */
bool ph_damage_is_serious(const struct ph_damage *damage);

#endif
