/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work that is split among threads. */
#ifndef BASE_JOBS_H
#define BASE_JOBS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Processors that this process may use: its affinity, and the quota of its cgroup rounded up; at least 1. */
unsigned ph_jobs_available(void);

/* work(user, 0) in this thread, and work(user, i) for i up to jobs - 1 each in one of its own; fewer where threads
 * cannot be had, so work must take its pieces from a counter that all share.  The error of the lowest worker that
 * failed. */
struct ph_error *ph_jobs_run(unsigned jobs, struct ph_error *(*work)(void *user, unsigned worker), void *user)
	__attribute__((warn_unused_result));

/* What a thread writes often must not share a line of the cache with what another one reads: two lines, for processors
 * fetch them in pairs. */
#define PH_JOBS_LINES 128 /* bytes */
#define PH_JOBS_ALIGNED __attribute__((aligned(PH_JOBS_LINES)))

/* Items of one thread each, zeroed, which nothing else shares a line with; types of which there are several are
 * PH_JOBS_ALIGNED.  NULL without memory; free() frees them. */
void *ph_jobs_alloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));

#endif
