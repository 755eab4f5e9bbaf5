/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core2pyheap as the program behind the pipe of kernel.core_pattern (core(5)). */
#ifndef CONVERTER_HANDLER_H
#define CONVERTER_HANDLER_H

#include "options.h"

/* Everything that --handler does; `convert` makes the dump of options->handled, in a process without privileges,
 * and returns its exit status.  Returns the exit status. */
int handler_run(const struct options *options, int (*convert)(const struct options *options));

#endif
