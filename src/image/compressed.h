/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cores that cannot be mapped as they are: compressed, or from a pipe. */
#ifndef IMAGE_COMPRESSED_H
#define IMAGE_COMPRESSED_H

#include "base/callbacks.h"
#include "base/error.h"
#include "base/types.h"

enum ph_compression {
	PH_COMPRESSION_NONE,
	PH_COMPRESSION_ZSTD,
	PH_COMPRESSION_LZ4, /* frames */
	PH_COMPRESSION_GZIP,
	PH_COMPRESSION_XZ,
};

/* By the first bytes; eight are enough. */
enum ph_compression ph_compression_of(const uint8_t *magic, size_t size);

struct ph_unpacked {
	int fd;		 /* an unlinked sparse file in $TMPDIR; the caller's */
	const char *cut; /* a static phrase when not all could be had, else NULL */
};

/* Read `fd` to its end into a temporary file, unpacking it when it is compressed;
 * blocks of zeros take no room there.  At most what the core's program headers
 * claim is written, and never more than a bound on the expansion allows.
 * `name` is for messages.  PH_ERROR_IO (no room: the message names the bytes that
 * are missing), PH_ERROR_NOT_CORE, PH_ERROR_CANCELLED. */
struct ph_error *ph_unpack(int fd, const char *name, const struct ph_callbacks *callbacks, struct ph_unpacked *ret)
	__attribute__((warn_unused_result));

#endif
