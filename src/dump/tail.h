/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a file that grows: written in large pieces, though who writes it goes back to complete a header now and then,
 * as minizip does for each member.  What is patched lies mostly in what is still held. */
#ifndef DUMP_TAIL_H
#define DUMP_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ph_tail {
	int fd;		   /* borrowed; its own position stays where it is until the end */
	uint8_t *data;	   /* what is held, PH_TAIL bytes of room; owned */
	uint64_t start;	   /* offset of it in the file: all before is written */
	size_t size;	   /* of what is held */
	uint64_t position; /* where the next write goes, at most start + size */
};

#define PH_TAIL ((size_t)1 << 17) /* bytes that are held at most, and the alignment of what is written */

/* From `position`, the file's end.  false: no memory. */
bool ph_tail_init(struct ph_tail *tail, int fd, uint64_t position);

/* What is still held is lost. */
void ph_tail_deinit(struct ph_tail *tail);

/* At the position, over what is there.  false: it could not be written, errno tells why. */
bool ph_tail_write(struct ph_tail *tail, const void *data, size_t size);

/* false: beyond the end, where nobody may go. */
bool ph_tail_seek(struct ph_tail *tail, uint64_t position);

static inline uint64_t ph_tail_end(const struct ph_tail *tail)
{
	return tail->start + tail->size;
}

/* Nothing is held afterwards; false as for a write. */
bool ph_tail_flush(struct ph_tail *tail);

/* The same, and the descriptor's own position is the end: who shares it goes on behind what was written. */
bool ph_tail_finish(struct ph_tail *tail);

#endif
