/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DUMP_CLOSURE_H
#define DUMP_CLOSURE_H

#include "dump/dump.h"
#include "dump/zipwriter.h"

/* The member closure.jsonl: a line an object. */
struct ph_error *ph_closure_write(struct ph_zipwriter *writer, const struct ph_dump_contents *contents)
	__attribute__((warn_unused_result));

#endif
