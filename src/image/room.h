/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IMAGE_ROOM_H
#define IMAGE_ROOM_H

#include <stdint.h>

/* Bytes of memory that may still be taken: MemAvailable, and what the cgroups that we are in allow. */
uint64_t ph_room_memory(void);

#endif
