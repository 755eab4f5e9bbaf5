/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between verify.c and verify_columns.c. */
#ifndef DUMP_VERIFY_PRIVATE_H
#define DUMP_VERIFY_PRIVATE_H

#include "dump/format.h"
#include "dump/reader.h"
#include "dump/verify.h"

#define PH_VERIFY_LOST "is lost" /* of a dump that is cut: one of many */

/* Is it there, with the right checksum? */
bool ph_verify_is_read(struct ph_dump *dump, const char *member);
void ph_verify_say(struct ph_verify *verify, const char *member, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* So much more of the work is done; false: the caller asked to stop, which verify->stopped says. */
bool ph_verify_step(struct ph_verify *verify, uint64_t steps);
struct ph_error *ph_verify_columns(struct ph_dump *dump, struct ph_verify *verify) __attribute__((warn_unused_result));

#endif
