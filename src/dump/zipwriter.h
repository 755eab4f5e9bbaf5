/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The archive within the dump, written by minizip. */
#ifndef DUMP_ZIPWRITER_H
#define DUMP_ZIPWRITER_H

#include "base/buffer.h"
#include "base/error.h"
#include "dump/tail.h"

#include <stdint.h>
#include <stdio.h>

struct ph_zipwriter {
	void *zip;	/* minizip's */
	struct ph_tail tail; /* of the file, which nobody else writes meanwhile */
	int errnum;	/* of the first failed write */
	uint32_t date;	/* DOS date and time of every member */
	const char *path; /* for errors, borrowed */
};

/* Seconds since 1970 as DOS date and time in UTC, within 1980 to 2107. */
uint32_t ph_zip_date(int64_t time);

/* The archive starts at the file's position, which must be its end; offsets
 * count from the file's start. */
struct ph_error *ph_zipwriter_open(FILE *file, const char *path, int64_t time, struct ph_zipwriter *ret)
	__attribute__((warn_unused_result));

/* A member, in pieces.  `large`: it may exceed 4 GiB. */
struct ph_error *ph_zipwriter_begin(struct ph_zipwriter *writer, const char *name, bool large)
	__attribute__((warn_unused_result));
struct ph_error *ph_zipwriter_write(struct ph_zipwriter *writer, const void *data, size_t size)
	__attribute__((warn_unused_result));
struct ph_error *ph_zipwriter_end(struct ph_zipwriter *writer) __attribute__((warn_unused_result));

/* A member in one go. */
struct ph_error *ph_zipwriter_add(struct ph_zipwriter *writer, const char *name, const void *data, size_t size)
	__attribute__((warn_unused_result));

/* The same, not compressed once more; less than 4 GiB. */
struct ph_error *ph_zipwriter_store(struct ph_zipwriter *writer, const char *name, const void *data, size_t size)
	__attribute__((warn_unused_result));

/* The directory, with the comment behind; the writer is empty afterwards. */
struct ph_error *ph_zipwriter_finish(struct ph_zipwriter *writer, const char *comment)
	__attribute__((warn_unused_result));

/* Forget an archive that was not finished; nothing after finish. */
void ph_zipwriter_close(struct ph_zipwriter *writer);
#define ph_auto_zipwriter ph_cleanup(ph_zipwriter_close)

#endif
