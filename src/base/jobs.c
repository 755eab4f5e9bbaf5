/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/jobs.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cgroup v2's "QUOTA PERIOD" in microseconds ("max": none), v1's in two files.  Those of the root of the mount: within
 * a container that is its own. */
static unsigned quota(void)
{
	long long limit = -1, period = 0;
	FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
	if (f) {
		if (fscanf(f, "%lld %lld", &limit, &period) != 2)
			limit = -1;
		fclose(f);
	} else if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re"))) {
		if (fscanf(f, "%lld", &limit) != 1)
			limit = -1;
		fclose(f);
		if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re"))) {
			if (fscanf(f, "%lld", &period) != 1)
				period = 0;
			fclose(f);
		}
	}
	long long jobs = limit > 0 && period > 0 ? (limit + period - 1) / period : 0;
	return jobs > 0 && jobs < 4096 ? (unsigned)jobs : 4096;
}

unsigned ph_jobs_available(void)
{
	cpu_set_t set;
	int count = !sched_getaffinity(0, sizeof(set), &set) ? CPU_COUNT(&set) : 1;
	unsigned limit = quota();
	return count < 1 ? 1 : (unsigned)count < limit ? (unsigned)count : limit;
}

struct job {
	struct ph_error *(*work)(void *user, unsigned worker);
	void *user;
	unsigned worker;
	pthread_t thread;
	bool started;
	struct ph_error *error;
};

static void *run(void *argument)
{
	struct job *job = argument;
	job->error = job->work(job->user, job->worker);
	return NULL;
}

struct ph_error *ph_jobs_run(unsigned jobs, struct ph_error *(*work)(void *user, unsigned worker), void *user)
{
	struct job *all = jobs > 1 ? calloc(jobs, sizeof(*all)) : NULL;
	sigset_t every, before;
	/* signals are for the thread that the program began with */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	for (unsigned i = 1; all && i < jobs; i++) {
		all[i] = (struct job){ .work = work, .user = user, .worker = i };
		all[i].started = !pthread_create(&all[i].thread, NULL, run, &all[i]);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	struct ph_error *error = work(user, 0);
	for (unsigned i = 1; all && i < jobs; i++) {
		if (!all[i].started)
			continue;
		pthread_join(all[i].thread, NULL);
		if (error)
			ph_error_free(all[i].error);
		else
			error = all[i].error;
	}
	free(all);
	return error;
}

void *ph_jobs_alloc(size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(bytes, PH_JOBS_LINES - 1, &bytes))
		return NULL;
	bytes &= ~(size_t)(PH_JOBS_LINES - 1);
	void *items = aligned_alloc(PH_JOBS_LINES, bytes ? bytes : PH_JOBS_LINES);
	return items ? memset(items, 0, bytes) : NULL;
}
