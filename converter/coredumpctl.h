/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cores that systemd-coredump keeps, by way of its own program. */
#ifndef CONVERTER_COREDUMPCTL_H
#define CONVERTER_COREDUMPCTL_H

#include "options.h"

/* Asks coredumpctl(1) for the newest core of options->matches and sets `core` and `dumped`; the core is the stored
 * file, or, where that cannot be opened, our standard input.  -1, or the exit status of a failure that was printed. */
int coredumpctl_get(struct options *options);

#endif
