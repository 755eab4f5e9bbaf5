/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The heap, found once for all that ask.  Where objects are, and what they refer to, does not depend on what is secret: so
 * a thread of its own looks for them, and then begins to walk them, while the closure of the stacks is surveyed, walked
 * and written.  What is their value waits for the surveys. */
#include "extract/heap_private.h"

#include "base/callbacks.h"
#include "base/jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define JOBS 32		   /* each knows all types of the process */
#define WAIT_NS 100000000L /* until the caller is asked again whether to stop */

enum stage { FINDING, FOUND, WALKING };

struct ph_heap_ahead {
	struct ph_extract *extract; /* of which the thread has what does not change, and runtime->threads */
	struct ph_objects *objects; /* its own */
	struct ph_heap_sink sink;
	unsigned jobs;
	pthread_t thread;
	bool joined, failed;
	atomic_bool stop, is_awaited;
	pthread_mutex_t lock; /* of what follows, which the thread sets before it reaches a stage */
	pthread_cond_t changed;
	enum stage stage;
	struct ph_heap *heap; /* whole from FOUND on, if there is no error */
	struct ph_error *heap_error;
	struct ph_heap_walk *walk; /* from WALKING on */
	struct ph_error *walk_error;
};

static unsigned jobs_of(const struct ph_extract *extract)
{
	unsigned jobs = extract->jobs ? extract->jobs : ph_jobs_available();
	return jobs < JOBS ? jobs : JOBS;
}

static void reach(struct ph_heap_ahead *a, enum stage stage)
{
	pthread_mutex_lock(&a->lock);
	a->stage = stage;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static void *find_and_walk(void *argument)
{
	struct ph_heap_ahead *a = argument;
	ph_callbacks_stop_at(&a->stop);
	/* one processor is the caller's until it waits: a thread more would take its turns, and its part of the caches */
	struct ph_error *error = a->heap_error = ph_heap_fill(a->heap, a->extract->runtime, a->jobs, &a->is_awaited);
	reach(a, FOUND);
	if (!error && !a->stop)
		a->walk_error = ph_heap_walk_create(a->extract, a->heap, a->jobs, &a->sink, &a->walk);
	reach(a, WALKING);
	if (a->walk)
		ph_heap_walk_behind(a->walk);
	return NULL;
}

/* The caller may stop it meanwhile. */
static struct ph_error *wait_for(struct ph_heap_ahead *a, enum stage stage)
{
	struct ph_error *error = NULL;
	a->is_awaited = true;
	pthread_mutex_lock(&a->lock);
	while (a->stage < stage && !error) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += WAIT_NS;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (pthread_cond_timedwait(&a->changed, &a->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&a->lock);
		error = ph_progress(ph_image_callbacks(a->extract->image), "finding the heap", 0, 0);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return error;
}

static void join(struct ph_heap_ahead *a)
{
	if (!a->joined)
		pthread_join(a->thread, NULL);
	a->joined = true;
}

struct ph_error *ph_extract_begin_heap(struct ph_extract *extract, const struct ph_heap_sink *sink)
{
	sigset_t every, before;
	if (extract->heap || extract->ahead || jobs_of(extract) < 2)
		return NULL;
	struct ph_heap_ahead *a = calloc(1, sizeof(*a));
	if (!a)
		return &ph_error_no_memory;
	struct ph_error *error = ph_objects_clone(extract->objects, &a->objects);
	if (!error)
		error = ph_heap_begin(a->objects, &a->heap);
	if (error) {
		ph_objects_free(a->objects);
		free(a);
		return error;
	}
	a->extract = extract;
	a->sink = *sink;
	a->jobs = jobs_of(extract);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	/* signals are for the thread that the program began with */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	a->joined = pthread_create(&a->thread, NULL, find_and_walk, a) != 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	extract->ahead = a;
	if (a->joined)
		ph_extract_end_heap(extract);
	return NULL;
}

struct ph_error *ph_extract_find_heap(struct ph_extract *extract)
{
	struct ph_heap_ahead *a = extract->ahead;
	struct ph_error *error;
	if (extract->heap)
		return NULL;
	if (!a) {
		error = ph_heap_create(extract->objects, extract->runtime, jobs_of(extract), &extract->heap);
	} else {
		error = wait_for(a, FOUND);
		if (!error && a->failed)
			error = ph_error_create(PH_ERROR_IO, "the heap could not be found");
		if (!error && a->heap_error) {
			error = a->heap_error;
			a->heap_error = NULL;
			a->failed = true;
		}
		if (!error)
			extract->heap = a->heap;
	}
	if (!error)
		ph_extract_bound_pages(extract, extract->heap->count);
	return error;
}

struct ph_error *ph_extract_pause_walk(struct ph_extract *extract)
{
	struct ph_heap_ahead *a = extract->ahead;
	struct ph_error *error = a ? wait_for(a, WALKING) : NULL;
	if (!a || error)
		return error;
	if (a->walk)
		ph_heap_walk_pause(a->walk);
	join(a);
	error = a->walk_error;
	a->walk_error = NULL;
	return error ? error : a->walk ? ph_heap_walk_error(a->walk) : NULL;
}

struct ph_heap_walk *ph_extract_take_walk(struct ph_extract *extract)
{
	struct ph_heap_walk *walk = extract->ahead ? extract->ahead->walk : NULL;
	if (walk)
		extract->ahead->walk = NULL;
	return walk;
}

void ph_extract_stop_walk(struct ph_extract *extract)
{
	struct ph_heap_ahead *a = extract->ahead;
	if (!a)
		return;
	a->stop = true;
	join(a);
	ph_heap_walk_free(a->walk);
	a->walk = NULL;
}

void ph_extract_end_heap(struct ph_extract *extract)
{
	struct ph_heap_ahead *a = extract->ahead;
	ph_extract_stop_walk(extract);
	ph_heap_free(a ? a->heap : extract->heap);
	extract->heap = NULL;
	if (!a)
		return;
	ph_error_free(a->heap_error);
	ph_error_free(a->walk_error);
	ph_objects_free(a->objects);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	free(a);
	extract->ahead = NULL;
}
