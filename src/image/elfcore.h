/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_ELFCORE_H
#define IMAGE_ELFCORE_H

#include <pyheap/callback.h>

#include "image/backend.h"

/* The file offset where the last byte of a core lies that its program headers
 * name, plus one; 0 when `data`, its first bytes, do not tell. */
uint64_t ph_elfcore_extent(const void *data, size_t size);

/* Where the notes end, so that all of a core that precedes its memory is below; when `data` ends before its program
 * headers do, where the next of them ends; 0 when it cannot be told. */
uint64_t ph_elfcore_notes_end(const void *data, size_t size);

/* A core of which only the headers and notes are here, `size` bytes that the caller keeps; its memory is
 * read on demand (ondemand.h has ops, user and file). */
struct ph_error *ph_elfcore_parse_head(const void *data, size_t size, const char *name,
				       const struct ph_callback_ops *ops, void *user, int file,
				       const struct ph_image_options *options, struct ph_image **ret)
	__attribute__((warn_unused_result));

#endif
