/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that long work shows, by a clock that the test sets. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static FILE *shown;
static double clock_now;
static bool on_terminal;

static void set_clock(struct timespec *t)
{
	t->tv_sec = (time_t)clock_now;
	t->tv_nsec = (long)((clock_now - (double)t->tv_sec) * 1e9);
}

#undef stderr
#define stderr shown
#define clock_gettime(id, t) set_clock(t)
#define isatty(fd) on_terminal
#include "../../terminal/progress.c"
#undef stderr
#undef isatty

#include "unit/check.h"

static char *text;
static size_t text_size;

static void begin(enum progress_when when, bool terminal)
{
	memset(&state, 0, sizeof(state));
	interrupted = 0;
	on_terminal = terminal;
	clock_now = 1000;
	shown = open_memstream(&text, &text_size);
	if (!shown)
		exit(99);
	progress_begin(when);
}

/* What is on the line at a time; "" when nothing was written. */
static const char *at(double seconds, const char *stage, unsigned long long done, unsigned long long total)
{
	long before = ftell(shown);
	clock_now = 1000 + seconds;
	CHECK(progress_take(NULL, stage, done, total));
	fflush(shown);
	const char *line = text + before;
	return !strncmp(line, "\r\033[K", 4) ? line + 4 : line;
}

static void end(void)
{
	fclose(shown);
	free(text);
}

static void test_rate(void)
{
	begin(PROGRESS_ALWAYS, false);
	CHECK_STR(at(0, "writing", 0, 10000000), "writing: 0 of 10000000 (0%)");
	/* no rate of less than half a second, and no new line within a fifth of one */
	CHECK_STR(at(0.1, "writing", 500000, 10000000), "");
	CHECK_STR(at(0.3, "writing", 600000, 10000000), "writing: 600000 of 10000000 (6%)");
	CHECK_STR(at(1, "writing", 2000000, 10000000),
		  "writing: 2000000 of 10000000 (20%), 2.0 million/s, 5 s left");
	CHECK_STR(at(100, "writing", 2500000, 10000000),
		  "writing: 2500000 of 10000000 (25%), 25 thousand/s, 5 min 1 s left");
	CHECK_STR(at(200, "writing", 10000000, 10000000),
		  "writing: 10000000 of 10000000 (100%), 50 thousand/s");
	end();
}

/* Each stage has its own rate, from where it began. */
static void test_stages(void)
{
	begin(PROGRESS_ALWAYS, false);
	at(0, "reading", 0, 100);
	at(10, "reading", 100, 100);
	CHECK_STR(at(11, "linking", 500, 1000), "linking: 500 of 1000 (50%)");
	CHECK_STR(at(12, "linking", 600, 1000), "linking: 600 of 1000 (60%), 100/s, 5 s left");
	/* the same one once more */
	CHECK_STR(at(13, "linking", 0, 1000), "linking: 0 of 1000 (0%)");
	/* where nobody knows how much it will be */
	CHECK_STR(at(14, "searching", 0, 0), "searching: 0");
	CHECK_STR(at(16, "searching", 3000, 0), "searching: 3000, 2 thousand/s");
	end();
}

static void test_when(void)
{
	begin(PROGRESS_AUTO, false);
	CHECK_STR(at(5, "writing", 1, 2), "");
	end();
	begin(PROGRESS_NEVER, true);
	CHECK_STR(at(5, "writing", 1, 2), "");
	end();
	begin(PROGRESS_AUTO, true);
	CHECK_STR(at(0.9, "writing", 1, 4), "");
	CHECK_STR(at(1.1, "writing", 2, 4), "writing: 2 of 4 (50%)");
	progress_clear();
	fflush(shown);
	CHECK(text_size > 4 && !strcmp(text + text_size - 4, "\r\033[K"));
	progress_end();
	CHECK_STR(at(9, "writing", 3, 4), "");
	end();
}

static void test_interrupt(void)
{
	begin(PROGRESS_NEVER, false);
	progress_watch_interrupt();
	CHECK(progress_take(NULL, "writing", 1, 2));
	raise(SIGINT);
	CHECK(progress_is_interrupted());
	CHECK(!progress_take(NULL, "writing", 2, 2));
	end();
}

int main(void)
{
	test_rate();
	test_stages();
	test_when();
	test_interrupt();
	return CHECK_DONE();
}
