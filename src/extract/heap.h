/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXTRACT_HEAP_H
#define EXTRACT_HEAP_H

#include "extract/extract.h"
#include "record/heap_sink.h"

/* Every object of the process, with its references, into a sink.  Needs an interpreter: extract->runtime. */
struct ph_error *ph_extract_heap(struct ph_extract *extract, const struct ph_heap_sink *sink)
	__attribute__((warn_unused_result));

#endif
