/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fuzzers share: a generator that a seed repeats, and runs in a child with limits. */
#ifndef FUZZ_HARNESS_H
#define FUZZ_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- options: PROGRAM [--seed=N] [--count=N] [--only=N] [--seconds=N] OPERAND... ---- */

struct fuzz_options {
	uint64_t seed;
	uint64_t count;
	int64_t only;	  /* this one run, verbosely; -1 all */
	double seconds;	  /* stop after so many, 0 never */
	uint64_t dumps;	  /* fuzz-core: one run in so many writes the dump too */
	int operand;	  /* index into argv of the first operand */
};
bool fuzz_parse(int argc, char **argv, struct fuzz_options *ret);

/* ---- random numbers: splitmix64, the same on every machine ---- */

struct fuzz_random {
	uint64_t state;
};
uint64_t fuzz_next(struct fuzz_random *random);
/* 0 … bound-1; 0 for a bound of 0 */
uint64_t fuzz_below(struct fuzz_random *random, uint64_t bound);
/* A word that is wrong in a way that counts, lengths and offsets are. */
uint64_t fuzz_odd_word(struct fuzz_random *random);

/* ---- running ---- */

struct fuzz_result {
	bool ok;
	double seconds;	 /* wall */
	long resident;	 /* KiB, the peak */
	char what[200];	 /* why it is not ok: "killed by signal 11" … */
};

/* Call run(user) in a child whose standard error goes to a file, with limits of
 * time and memory.  It is ok when it returns true, within them. */
void fuzz_run(bool (*run)(void *user), void *user, struct fuzz_result *ret);
/* In the child: it ended with a one-line error instead of a report, which is fine; counted. */
void fuzz_note_error(void);
/* A name for a scratch file, in memory where there is a place for that; malloc'ed, and the file is there. */
char *fuzz_scratch(void);
/* What the child of the last run wrote to standard error, its end at most; static. */
const char *fuzz_last_words(void);

/* Monotonic seconds; seconds of processor time of this process. */
double fuzz_now(void);
double fuzz_processor(void);

/* The limits, for the seconds that an unharmed run takes and its KiB. */
void fuzz_set_limits(const struct fuzz_result *unharmed);
double fuzz_limit_seconds(void);

/* Counts, and prints the first failures with the way to repeat them; the exit status at the end. */
void fuzz_account(const struct fuzz_options *options, uint64_t index, const struct fuzz_result *result,
		  const char *changes, char **argv);
uint64_t fuzz_failed(void);
int fuzz_finish(const struct fuzz_options *options);

/* ---- checks for use in the child: false, and a line on standard error ---- */

/* One line, not empty, no control characters. */
bool fuzz_check_line(const char *text);
/* No control characters but newlines. */
bool fuzz_check_text(const char *text, size_t size);
/* One JSON value, or one a line. */
bool fuzz_check_json(const char *text, size_t size, bool lines);

#endif
