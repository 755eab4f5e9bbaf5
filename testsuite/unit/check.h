/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smallest test harness that says where and what failed.
 *
 *	int main(void)
 *	{
 *		CHECK(ph_buffer_text(&b)[0] == '\0');
 *		CHECK_EQ(b.size, 3);
 *		CHECK_STR(ph_buffer_text(&b), "abc");
 *		return CHECK_DONE();
 *	}
 *
 * A failed check is printed and counted, and the test goes on. */
#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H

#include <stdio.h>
#include <string.h>

static unsigned check_failures, check_count;

#define CHECK(condition)                                                                             \
	do {                                                                                         \
		check_count++;                                                                       \
		if (!(condition)) {                                                                  \
			check_failures++;                                                            \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);    \
		}                                                                                    \
	} while (0)

#define CHECK_EQ(got, want)                                                                          \
	do {                                                                                         \
		long long got_ = (long long)(got), want_ = (long long)(want);                        \
		check_count++;                                                                       \
		if (got_ != want_) {                                                                 \
			check_failures++;                                                            \
			fprintf(stderr, "%s:%d: %s is %lld (0x%llx), not %lld (0x%llx)\n", __FILE__, \
				__LINE__, #got, got_, (unsigned long long)got_, want_,               \
				(unsigned long long)want_);                                          \
		}                                                                                    \
	} while (0)

#define CHECK_STR(got, want)                                                                         \
	do {                                                                                         \
		const char *got_ = (got), *want_ = (want);                                           \
		check_count++;                                                                       \
		if (!got_ || strcmp(got_, want_)) {                                                  \
			check_failures++;                                                            \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__,     \
				#got, got_ ? got_ : "(null)", want_);                                \
		}                                                                                    \
	} while (0)

/* The exit status of the test; a test without a single check has failed. */
static inline int check_done(void)
{
	fprintf(stderr, "%u of %u checks hold\n", check_count - check_failures, check_count);
	return check_failures || !check_count ? 1 : 0;
}
#define CHECK_DONE() check_done()

#endif
