/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zarr's filter shuffle, by vectors: all first bytes of a chunk's items, then all second ones … */
#ifndef DUMP_SHUFFLE_H
#define DUMP_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

/* `count` items of `width` bytes (2, 4, 8); count is a multiple of 16. */
void ph_shuffle(unsigned width, size_t count, const uint8_t *restrict in, uint8_t *restrict out);
void ph_unshuffle(unsigned width, size_t count, const uint8_t *restrict in, uint8_t *restrict out);

#endif
