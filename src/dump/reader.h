/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open dump, as open.c and read.c share it. */
#ifndef DUMP_READER_H
#define DUMP_READER_H

#include "dump/archive.h"
#include "dump/dump.h"

#define PH_DUMP_PROBLEMS 256 /* that are told apart */

struct ph_dump {
	struct ph_dump_live live; /* self NULL: a file */
	const struct ph_callbacks *callbacks; /* whoever asks of the dump wants to see progress; NULL: nobody */
	uint64_t chunks, chunks_read; /* of the columns that were opened: for progress */
	bool is_stopped; /* a callback cancelled: nothing more is read */
	char *path; /* for messages */
	int fd;
	struct ph_archive archive;
	char *problem; /* what ph_dump_problem() says; NULL none */
	/* each problem once: a general one (the archive is cut) gives way to the first that names a member */
	char *problems[PH_DUMP_PROBLEMS];
	size_t problem_count;
	bool has_general;
	bool wants_closure; /* the manifest says that there is one */
	bool is_heap_asked; /* a verb answers from the columns: what the heap lacks is told (command/damage.h) */
	bool has_report, has_exceptions; /* `report` is filled in; with exceptions alone */
	struct ph_report report;
};

/* Keep a problem: "PATH: " and the formatted text.  The first one is told, and how many more there are. */
void ph_dump_note(struct ph_dump *dump, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of an error that begins with the path already. */
void ph_dump_note_error(struct ph_dump *dump, const struct ph_error *error);

/* To the callbacks; PH_ERROR_CANCELLED once one of them cancelled, and from then on. */
struct ph_error *ph_dump_progress(struct ph_dump *dump, const char *stage, uint64_t done, uint64_t total)
	__attribute__((warn_unused_result));

/* PH_ERROR_BAD_DUMP: it was made without the whole heap, or of a core that has none. */
struct ph_error *ph_dump_not_full(struct ph_dump *dump) __attribute__((warn_unused_result));

/* PH_ERROR_BAD_DUMP that says what the file is when it is certainly something
 * else by its first bytes; else NULL. */
struct ph_error *ph_dump_recognise(const char *path, const char *head, size_t size)
	__attribute__((warn_unused_result));

/* A member's bytes as far as they can be read: *ret_state says whether that is
 * all.  PH_ERROR_NO_MEMORY only; *ret NULL and PH_MEMBER_CUT when there is no such member. */
struct ph_error *ph_dump_member_partial(struct ph_dump *dump, const char *name, size_t maximum, char **ret,
					size_t *ret_size, enum ph_member_state *ret_state)
	__attribute__((warn_unused_result));

#endif
