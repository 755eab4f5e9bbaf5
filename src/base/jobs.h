/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work that is split among threads. */
#ifndef BASE_JOBS_H
#define BASE_JOBS_H

#include "base/error.h"

#include <stdbool.h>

/* Processors that this process may use: its affinity, and the quota of its cgroup rounded up; at least 1. */
unsigned ph_jobs_available(void);

/* work(user, 0) in this thread, and work(user, i) for i up to jobs - 1 each in one of its own; fewer where threads
 * cannot be had, so work must take its pieces from a counter that all share.  The error of the lowest worker that
 * failed. */
struct ph_error *ph_jobs_run(unsigned jobs, struct ph_error *(*work)(void *user, unsigned worker), void *user)
	__attribute__((warn_unused_result));

#endif
