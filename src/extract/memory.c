/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The heap, found once for all that ask, and what the memory is for.  Where objects are does not depend on what is
 * secret, so a thread of its own can look for them while the closure of the stacks is walked and written. */
#include "extract/heap_private.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "base/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define JOBS 32		    /* each knows all types of the process */
#define WAIT_NS 100000000L /* until the caller is asked again whether to stop */

struct ph_heap_finding {
	struct ph_objects *objects; /* its own */
	struct ph_runtime *runtime;
	unsigned jobs;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool found;
	bool joined;
	atomic_bool stop;
	struct ph_heap *heap;
	struct ph_error *error;
};

static unsigned jobs_of(const struct ph_extract *extract)
{
	unsigned jobs = extract->jobs ? extract->jobs : ph_jobs_available();
	return jobs < JOBS ? jobs : JOBS;
}

static void *find(void *argument)
{
	struct ph_heap_finding *f = argument;
	struct ph_heap *heap = NULL;
	ph_callbacks_stop_at(&f->stop);
	struct ph_error *error = ph_heap_create_by(f->objects, f->runtime, f->jobs, &heap);
	pthread_mutex_lock(&f->lock);
	f->heap = heap;
	f->error = error;
	f->found = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* The caller may stop it meanwhile. */
static struct ph_error *wait_for(struct ph_extract *extract)
{
	struct ph_heap_finding *f = extract->finding;
	struct ph_error *error = NULL;
	pthread_mutex_lock(&f->lock);
	while (!f->found && !error) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += WAIT_NS;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (pthread_cond_timedwait(&f->changed, &f->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&f->lock);
		error = ph_progress(ph_image_callbacks(extract->image), "finding the heap", 0, 0);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return error;
}

static void join(struct ph_heap_finding *f)
{
	if (!f->joined)
		pthread_join(f->thread, NULL);
	f->joined = true;
}

struct ph_error *ph_extract_begin_heap(struct ph_extract *extract)
{
	sigset_t every, before;
	if (extract->heap || extract->finding || jobs_of(extract) < 2)
		return NULL;
	struct ph_heap_finding *f = calloc(1, sizeof(*f));
	if (!f)
		return &ph_error_no_memory;
	struct ph_error *error = ph_objects_clone(extract->objects, &f->objects);
	if (error) {
		free(f);
		return error;
	}
	f->runtime = extract->runtime;
	f->jobs = jobs_of(extract);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	/* signals are for the thread that the program began with */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	f->joined = pthread_create(&f->thread, NULL, find, f) != 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	extract->finding = f;
	if (f->joined)
		ph_extract_end_heap(extract);
	return NULL;
}

void ph_extract_end_heap(struct ph_extract *extract)
{
	struct ph_heap_finding *f = extract->finding;
	if (f) {
		f->stop = true;
		join(f);
		if (!extract->heap)
			ph_heap_free(f->heap);
		ph_error_free(f->error);
	}
	ph_heap_free(extract->heap);
	extract->heap = NULL;
	if (f) {
		ph_objects_free(f->objects);
		pthread_mutex_destroy(&f->lock);
		pthread_cond_destroy(&f->changed);
	}
	free(f);
	extract->finding = NULL;
}

struct ph_error *ph_extract_find_heap(struct ph_extract *extract)
{
	struct ph_error *error;
	if (extract->heap)
		return NULL;
	if (!extract->finding) {
		error = ph_heap_create_by(extract->objects, extract->runtime, jobs_of(extract), &extract->heap);
	} else {
		error = wait_for(extract);
		if (error)
			return error;
		join(extract->finding);
		extract->heap = extract->finding->heap;
		error = extract->finding->error;
		extract->finding->error = NULL;
		if (!extract->heap && !error)
			error = ph_error_create(PH_ERROR_IO, "the heap could not be found");
	}
	if (!error)
		ph_extract_bound_pages(extract, extract->heap->count);
	return error;
}

const struct ph_damage *ph_extract_heap_damage(const struct ph_extract *extract)
{
	return extract->heap ? &extract->heap->damage : NULL;
}

struct ph_error *ph_extract_keep_memory(struct ph_extract *extract, struct ph_account *account)
{
	struct ph_memory *memory = extract->memory ? extract->memory : calloc(1, sizeof(*memory));
	if (!memory)
		return &ph_error_no_memory;
	ph_memory_deinit(memory);
	extract->memory = memory;
	return ph_account_end(account, memory);
}

struct ph_error *ph_extract_memory(struct ph_extract *extract, struct ph_buffer *out)
{
	ph_auto_memory struct ph_memory memory = { 0 };
	struct ph_error *error = extract->memory ? NULL : ph_extract_find_heap(extract);
	if (!error && !extract->memory)
		error = ph_heap_memory(extract->heap, extract->runtime, &memory);
	if (!error)
		ph_memory_json(extract->memory ? extract->memory : &memory, out);
	return error;
}
