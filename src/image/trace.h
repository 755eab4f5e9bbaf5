/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which memory of an image was read, for a smaller file that gives the same report (trim.c).
 *
 * Bytes that were seen are kept in blocks of 64; that a range is there, which bounds lengths before they are believed,
 * is kept apart and needs no bytes.  Off unless ph_image_options.record says so. */
#ifndef IMAGE_TRACE_H
#define IMAGE_TRACE_H

#include "base/addrmap.h"
#include "base/types.h"

struct ph_extent {
	ph_addr start, end;
};

struct ph_trace {
	struct ph_addrmap blocks; /* page number + 1 -> a bit for each of its blocks */
	struct ph_extent *readable;
	size_t readable_count, readable_capacity;
	bool no_memory;
};

#define PH_TRACE_BLOCK 64u

void ph_trace_free(struct ph_trace *trace); /* NULL-safe */
/* [addr, addr+size) was looked at; was asked for and is there. */
void ph_trace_seen(struct ph_trace *trace, ph_addr addr, size_t size);
void ph_trace_readable(struct ph_trace *trace, ph_addr addr, size_t size);
/* What was seen, sorted and joined; malloc'ed.  False without memory. */
bool ph_trace_extents(struct ph_trace *trace, struct ph_extent **ret, size_t *ret_count);
/* The same of what was readable; the trace's. */
void ph_trace_settle(struct ph_trace *trace);

#endif
