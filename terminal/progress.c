/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "terminal/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool wanted, at_once, shown;
	double begun, last;
	/* the stage that runs: what it is called, when it began and with how much done */
	char stage[64];
	double stage_begun;
	unsigned long long stage_done;
} state;

static volatile sig_atomic_t interrupted;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool progress_parse(const char *value, enum progress_when *ret)
{
	static const char *const names[] = { [PROGRESS_AUTO] = "auto", [PROGRESS_ALWAYS] = "always",
					     [PROGRESS_NEVER] = "never" };
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(value, names[i])) {
			*ret = (enum progress_when)i;
			return true;
		}
	return false;
}

void progress_begin(enum progress_when when)
{
	state.begun = now();
	state.at_once = when == PROGRESS_ALWAYS;
	state.wanted = state.at_once || (when == PROGRESS_AUTO && isatty(STDERR_FILENO));
}

void progress_clear(void)
{
	if (state.shown)
		fputs("\r\033[K", stderr);
	state.shown = false;
}

void progress_end(void)
{
	progress_clear();
	state.wanted = false;
}

/* ", 2.1 million/s, 1 min 20 s left", once there is enough to tell it from. */
static void put_rate(double t, unsigned long long done, unsigned long long total)
{
	double seconds = t - state.stage_begun, rate = seconds > 0 ? (double)(done - state.stage_done) / seconds : 0;
	if (seconds < 0.5 || rate < 1)
		return;
	fprintf(stderr, rate >= 1e6 ? ", %.1f million/s" : rate >= 1e3 ? ", %.0f thousand/s" : ", %.0f/s",
		rate >= 1e6 ? rate / 1e6 : rate >= 1e3 ? rate / 1e3 : rate);
	if (total <= done)
		return;
	unsigned long long left = (unsigned long long)((double)(total - done) / rate) + 1;
	if (left >= 60)
		fprintf(stderr, ", %llu min %llu s left", left / 60, left % 60);
	else
		fprintf(stderr, ", %llu s left", left);
}

bool progress_take(void *user, const char *stage, unsigned long long done, unsigned long long total)
{
	double t = now();
	(void)user;
	if (interrupted)
		return false;
	if (strcmp(stage, state.stage) != 0 || done < state.stage_done) {
		snprintf(state.stage, sizeof(state.stage), "%s", stage);
		state.stage_begun = t;
		state.stage_done = done;
	}
	if (!state.wanted || (!state.at_once && t - state.begun < 1) || t - state.last < 0.2)
		return true;
	state.last = t;
	state.shown = true;
	if (total)
		fprintf(stderr, "\r\033[K%s: %llu of %llu (%llu%%)", stage, done, total,
			(unsigned long long)(100.0 * (double)done / (double)total));
	else
		fprintf(stderr, "\r\033[K%s: %llu", stage, done);
	put_rate(t, done, total);
	fflush(stderr);
	return true;
}

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
	/* the second one ends us at once */
	signal(SIGINT, SIG_DFL);
}

void progress_watch_interrupt(void)
{
	signal(SIGINT, on_interrupt);
}

bool progress_is_interrupted(void)
{
	return interrupted;
}
