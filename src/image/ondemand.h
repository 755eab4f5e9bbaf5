/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that is read when a view of it is asked for, each block once.
 *
 * Each run of readable segments is a span of reserved address space of our own,
 * filled block by block: so the rest of the house has views, as of a core, and
 * what was read once is not read again.  What is reserved takes no memory before
 * it is filled, and no more than a file does when it lies in one. */
#ifndef IMAGE_ONDEMAND_H
#define IMAGE_ONDEMAND_H

#include <pyheap/callback.h>

#include "image/backend.h"

/* Spans over the image's segments that have a file_size; `ops` and `user` live as long as
 * the image.  `file`: a descriptor of a file that takes the bytes, ours from now on, or -1 for memory. */
struct ph_error *ph_ondemand_create(struct ph_image *image, const struct ph_callback_ops *ops, void *user, int file)
	__attribute__((warn_unused_result));
void ph_ondemand_free(struct ph_image *image);

/* ph_image_ops.fill */
bool ph_ondemand_fill(struct ph_image *image, const struct ph_span *span, ph_addr addr, size_t size);

/* Whether pages that are held may be given back to the kernel, which has them in the file. */
bool ph_ondemand_is_in_file(const struct ph_image *image);

/* Have what lies in [start, end) of it, as far as it can be read; whole pages. */
void ph_ondemand_hold(struct ph_image *image, ph_addr start, ph_addr end);
/* [start, end) was never written to and is zeros; whole pages.  What is held already stays. */
void ph_ondemand_hold_zeros(struct ph_image *image, ph_addr start, ph_addr end);

/* Read again what is held, at most `maximum` bytes: how many pages differ now, or are gone, and
 * of how many. */
void ph_ondemand_compare(struct ph_image *image, uint64_t maximum, uint64_t *ret_changed, uint64_t *ret_pages);

/* Opens a callback image (callback.c) with its memory in `file`, as above. */
struct ph_error *ph_image_open_callback_in(const struct ph_callback_process *process, const struct ph_callback_ops *ops,
					   void *user, const struct ph_image_options *options, int file,
					   struct ph_image **ret) __attribute__((warn_unused_result));

#endif
