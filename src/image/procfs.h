/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What /proc tells of a process.  See proc(5). */
#ifndef IMAGE_PROCFS_H
#define IMAGE_PROCFS_H

#include <pyheap/callback.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/types.h"

/* Append /proc/PID/NAME to the buffer, up to its maximum; 0, or the errno of what went wrong. */
int ph_procfs_read(int64_t pid, const char *name, struct ph_buffer *ret);

/* The text of a line of /proc/PID/status behind "NAME:" and blanks, in the buffer; false when there is none. */
bool ph_procfs_status(int64_t pid, const char *name, char *buffer, size_t size);

/* All of [address, address + size) from an open /proc/PID/mem, or false; *ended is set when the process is gone. */
bool ph_procfs_read_memory(int fd, uint64_t address, void *buffer, size_t size, bool *ended);

struct ph_procfs_map {
	struct ph_callback_map map; /* path owned by the list */
	bool shared;
};

struct ph_procfs_maps {
	struct ph_procfs_map *items;
	size_t count;
	char *text;
};

struct ph_error *ph_procfs_maps(int64_t pid, struct ph_procfs_maps *ret) __attribute__((warn_unused_result));
void ph_procfs_maps_deinit(struct ph_procfs_maps *maps);

/* The threads, in order of number; the array is malloc'ed.  0 when the process is gone. */
size_t ph_procfs_threads(int64_t pid, int64_t **ret);

#endif
