/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first part of the dump: the pickle that pyheapdump reads.  doc/dump-format.md, section 3.
 *
 * Every object is made empty first and filled afterwards, so the pickle has no
 * depth: neither its writer nor its readers recurse, and cycles need no care.
 * Only what cannot be filled later (tuples, sets, classes) is made in the order
 * of its parts. */
#ifndef DUMP_PICKLE_H
#define DUMP_PICKLE_H

#include "dump/dump.h"

#define PH_PICKLE_CONTENT_TYPE "application/x.python-heapdump"

/* Headers and body of the part, without boundaries, at the file's position. */
struct ph_error *ph_pickle_part(FILE *file, const char *path, const struct ph_dump_contents *contents)
	__attribute__((warn_unused_result));

#endif
