/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptrace(2), "Attaching and detaching" and "PTRACE_SEIZE". */
#include "image/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/procfs.h"

#define MAX_ROUNDS 1000 /* of looking for threads that were made meanwhile */
#define MAX_WAIT 2.0	/* seconds, for a thread that is busy in the kernel */

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum { RUNNING, STOPPED, GONE };

struct stopped_thread {
	int64_t tid;
	int state;
	int signal; /* that was on its way to it, to be given back */
};

struct ph_stop {
	int64_t pid;
	struct stopped_thread *threads;
	size_t count, capacity;
	double since;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct ph_error *ph_stop_refused(int64_t pid)
{
	char text[64];
	ph_auto_close int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, 1);
	if (n == 1 && text[0] != '0')
		return ph_error_create(PH_ERROR_IO,
				       "process %" PRId64 ": ptrace is refused: it takes CAP_SYS_PTRACE, as "
				       "root has it (kernel.yama.ptrace_scope is %c here)",
				       pid, text[0]);
	return ph_error_create(PH_ERROR_IO,
			       "process %" PRId64 ": ptrace is refused: it takes the user of the process or "
			       "CAP_SYS_PTRACE, as root has it",
			       pid);
}

static struct ph_error *cannot_seize(int64_t pid, int failed)
{
	char text[64];
	if (failed == ESRCH)
		return ph_error_create(PH_ERROR_IO, "process %" PRId64 ": it has ended", pid);
	if (failed == EPERM && ph_procfs_status(pid, "TracerPid", text, sizeof(text)) && strcmp(text, "0"))
		return ph_error_create(PH_ERROR_IO,
				       "process %" PRId64 ": process %s traces it already, a debugger: end "
				       "that, or give --no-stop",
				       pid, text);
	if (failed == EPERM || failed == EACCES)
		return ph_stop_refused(pid);
	return ph_error_errno(failed, "process %" PRId64 ": ptrace failed", pid);
}

/* The first thread may have ended before the others, and cannot be held then. */
static bool has_ended(int64_t pid, int64_t tid)
{
	char name[64];
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(1024);
	snprintf(name, sizeof(name), "task/%" PRId64 "/stat", tid);
	if (ph_procfs_read(pid, name, &text))
		return true;
	const char *state = strrchr(ph_buffer_text(&text), ')');
	return state && state[1] && (state[2] == 'Z' || state[2] == 'X');
}

static bool is_known(const struct ph_stop *stop, int64_t tid)
{
	for (size_t i = 0; i < stop->count; i++)
		if (stop->threads[i].tid == tid)
			return true;
	return false;
}

/* Threads that are not held yet; how many, or the error for the process's first. */
static struct ph_error *seize_new(struct ph_stop *stop, size_t *ret_count)
{
	ph_auto_free int64_t *tids = NULL;
	size_t count = ph_procfs_threads(stop->pid, &tids);
	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (is_known(stop, tids[i]))
			continue;
		if (stop->count == stop->capacity) {
			size_t capacity = stop->capacity ? 2 * stop->capacity : 64;
			void *threads = realloc(stop->threads, capacity * sizeof(*stop->threads));
			if (!threads)
				return &ph_error_no_memory;
			stop->threads = threads;
			stop->capacity = capacity;
		}
		if (ptrace(PTRACE_SEIZE, (pid_t)tids[i], NULL, NULL)) {
			int failed = errno;
			if ((failed == ESRCH || failed == EPERM) && count > 1 && has_ended(stop->pid, tids[i]))
				continue;
			return cannot_seize(stop->pid, failed);
		}
		if (!stop->count)
			stop->since = now();
		stop->threads[stop->count++] = (struct stopped_thread){ .tid = tids[i] };
		if (ptrace(PTRACE_INTERRUPT, (pid_t)tids[i], NULL, NULL))
			stop->threads[stop->count - 1].state = GONE;
		++*ret_count;
	}
	return count ? NULL : cannot_seize(stop->pid, ESRCH);
}

static void take_status(struct stopped_thread *thread, int status)
{
	if (!WIFSTOPPED(status)) {
		thread->state = GONE;
		return;
	}
	thread->state = STOPPED;
	if (status >> 16 != PTRACE_EVENT_STOP)
		thread->signal = WSTOPSIG(status);
}

/* Until all stand; false when some do not after all. */
static bool wait_for_all(struct ph_stop *stop)
{
	double since = now();
	for (long pause = 20000;; pause = pause < 2000000 ? pause * 2 : pause) {
		size_t running = 0;
		for (size_t i = 0; i < stop->count; i++) {
			struct stopped_thread *t = &stop->threads[i];
			int status;
			if (t->state != RUNNING)
				continue;
			pid_t got = waitpid((pid_t)t->tid, &status, __WALL | WNOHANG);
			if (got > 0)
				take_status(t, status);
			else if (got < 0 && errno != EINTR)
				t->state = GONE;
			running += t->state == RUNNING;
		}
		if (!running)
			return true;
		if (now() - since > MAX_WAIT)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = pause }, NULL);
	}
}

struct ph_error *ph_stop_process(int64_t pid, const struct ph_callbacks *callbacks, struct ph_stop **ret)
{
	struct ph_stop *stop = calloc(1, sizeof(*stop));
	struct ph_error *error = stop ? NULL : &ph_error_no_memory;
	bool stand = true;
	if (stop)
		stop->pid = pid;
	/* threads make threads until they stand */
	for (int round = 0; !error && stand && round < MAX_ROUNDS; round++) {
		size_t count;
		error = seize_new(stop, &count);
		if (error || !count)
			break;
		stand = wait_for_all(stop);
	}
	if (error) {
		ph_stop_release(stop);
		return error;
	}
	if (!stand)
		ph_warn(callbacks,
			"process %" PRId64 ": a thread is busy in the kernel and does not stop; it is read as it is",
			pid);
	*ret = stop;
	return NULL;
}

size_t ph_stop_threads(const struct ph_stop *stop)
{
	return stop->count;
}

int64_t ph_stop_thread(const struct ph_stop *stop, size_t index)
{
	return stop->threads[index].tid;
}

bool ph_stop_regset(const struct ph_stop *stop, size_t index, int type, void *registers, size_t size)
{
	struct iovec piece = { .iov_base = registers, .iov_len = size };
	const struct stopped_thread *t = &stop->threads[index];
	return t->state == STOPPED && !ptrace(PTRACE_GETREGSET, (pid_t)t->tid, (void *)(intptr_t)type, &piece) &&
	       piece.iov_len == size;
}

double ph_stop_release(struct ph_stop *stop)
{
	if (!stop)
		return 0;
	/* one that stops only now would not let us go: the kernel does it when we end */
	for (size_t i = 0; i < stop->count; i++) {
		struct stopped_thread *t = &stop->threads[i];
		int status;
		if (t->state == RUNNING && waitpid((pid_t)t->tid, &status, __WALL | WNOHANG) > 0)
			take_status(t, status);
		if (t->state == STOPPED)
			ptrace(PTRACE_DETACH, (pid_t)t->tid, NULL, (void *)(intptr_t)t->signal);
	}
	double stood = stop->since > 0 ? now() - stop->since : 0;
	free(stop->threads);
	free(stop);
	return stood;
}
