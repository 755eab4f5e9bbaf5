/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_ELFCORE_H
#define IMAGE_ELFCORE_H

#include "image/backend.h"

/* The file offset where the last byte of a core lies that its program headers
 * name, plus one; 0 when `data`, its first bytes, do not tell. */
uint64_t ph_elfcore_extent(const void *data, size_t size);

#endif
