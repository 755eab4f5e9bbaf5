/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a path that a stranger named. */
#ifndef IMAGE_NAMED_H
#define IMAGE_NAMED_H

#include <stdint.h>

/* Open an absolute path below the folder `root` ("/" or NULL: the host's root)
 * for reading: a regular file only, never blocking.  The path is walked component
 * by component; symbolic links are followed as the kernel would after chroot(root),
 * so none leads out, at most 40 of them.  `suffix`, or NULL: what both the name and
 * the name that its links lead to must end in.  `maximum` bytes, 0 is no bound.
 * A descriptor, or -1 and a static phrase in *why. */
int ph_open_named(const char *root, const char *path, const char *suffix, uint64_t maximum, const char **why);

#endif
