/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where an unpacked core goes: an unlinked sparse file in $TMPDIR.
 *
 * Blocks of zeros are skipped.  What the core's program headers do not name is not
 * written.  When room runs out the rest is counted, not written, so that the error
 * can say how many bytes are missing. */
#ifndef IMAGE_SINK_H
#define IMAGE_SINK_H

#include "base/callbacks.h"
#include "base/error.h"
#include "base/types.h"

struct ph_sink {
	int fd;
	const char *folder; /* borrowed from the environment */
	const char *name;   /* of the core */
	const struct ph_callbacks *callbacks;
	uint64_t position; /* bytes that came in, those that were skipped too */
	uint64_t written;  /* bytes that took room */
	uint64_t consumed; /* compressed bytes that were read so far: kept by the caller */
	uint64_t extent;   /* bytes that the core has, by its headers; 0 not known */
	uint64_t wanting;  /* bytes that had no room */
	bool full;	   /* no room any more */
	bool done;	   /* nothing more is needed, or `cut` */
	const char *cut;   /* static: why not all was taken */
	uint8_t *head;	   /* the first bytes, until the extent is known or cannot be */
	size_t head_size;
	bool head_done;
};

/* A new unlinked file in $TMPDIR. */
struct ph_error *ph_temporary_file(int *ret) __attribute__((warn_unused_result));

struct ph_error *ph_sink_init(struct ph_sink *sink, const char *name, const struct ph_callbacks *callbacks)
	__attribute__((warn_unused_result));
void ph_sink_deinit(struct ph_sink *sink);
/* PH_ERROR_NOT_CORE as soon as the bytes cannot be a core. */
struct ph_error *ph_sink_write(struct ph_sink *sink, const uint8_t *data, size_t size)
	__attribute__((warn_unused_result));
/* The file, with its full size; the caller's. */
struct ph_error *ph_sink_finish(struct ph_sink *sink, int *ret_fd) __attribute__((warn_unused_result));

#endif
