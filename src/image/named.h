/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a path that a stranger named. */
#ifndef IMAGE_NAMED_H
#define IMAGE_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open an absolute path below the folder `root` ("/" or NULL: the host's root)
 * for reading: a regular file only, never blocking.  The path is walked component
 * by component; symbolic links are followed as the kernel would after chroot(root),
 * so none leads out, at most 40 of them.  `suffix`, or NULL: what both the name and
 * the name that its links lead to must end in.  `maximum` bytes, 0 is no bound.
 * A descriptor, or -1 and a static phrase in *why. */
int ph_open_named(const char *root, const char *path, const char *suffix, uint64_t maximum, const char **why);

/* "C:\Python312\python.exe" as "/Python312/python.exe", for a sysroot that is a copy of the drive; false when the path
 * has no drive or is longer than `size`. */
bool ph_windows_path(const char *path, char *ret, size_t size);

#endif
