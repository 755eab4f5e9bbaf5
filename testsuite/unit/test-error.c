/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/callbacks.h"
#include "base/error.h"

#include "unit/check.h"

#include <errno.h>
#include <stdlib.h>

static void test_text(void)
{
	struct ph_error *e = ph_error_create(PH_ERROR_USAGE, "no option %s", "--frob");
	CHECK_STR(e->message, "no option --frob");
	CHECK_EQ(e->code, PH_ERROR_USAGE);
	ph_error_free(e);

	e = ph_error_errno(ENOENT, "cannot open %s", "core");
	CHECK_EQ(e->code, PH_ERROR_IO);
	CHECK_STR(e->message, "cannot open core: No such file or directory");
	ph_error_free(e);

	ph_error_free(NULL);
	ph_error_free(&ph_error_no_memory);
	CHECK_EQ(ph_error_no_memory.code, PH_ERROR_NO_MEMORY);
}

/* A name from a target must not reach the terminal with its escapes. */
static void test_control_characters(void)
{
	struct ph_error *e = ph_error_create(PH_ERROR_NOT_CORE, "in %s", "a\x1b[31m\nb\x7f");
	for (const char *p = e->message; *p; p++)
		CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
	CHECK(!strncmp(e->message, "in a", 4));
	ph_error_free(e);
}

static void test_exit_status(void)
{
	static const int status[] = {
		[PH_ERROR_NO_MEMORY] = 2, [PH_ERROR_USAGE] = 2,	    [PH_ERROR_IO] = 2,	     [PH_ERROR_CANCELLED] = 2,
		[PH_ERROR_NOT_CORE] = 3,  [PH_ERROR_NO_PYTHON] = 3, [PH_ERROR_BAD_DUMP] = 2,
	};
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		struct ph_error *e = ph_error_create((enum ph_error_code)i, "x");
		CHECK_EQ(ph_error_exit_status(e), status[i]);
		ph_error_free(e);
	}
}

static char heard[2048];

static void hear(void *user, const char *message)
{
	(*(int *)user)++;
	snprintf(heard, sizeof(heard), "%s", message);
}

static bool stop_at_5(void *user, const char *stage, unsigned long long done, unsigned long long total)
{
	(void)user, (void)total;
	return strcmp(stage, "walking") || done < 5;
}

static void test_callbacks(void)
{
	int calls = 0;
	struct ph_callbacks callbacks = { .user = &calls, .warning = hear, .progress = stop_at_5 };
	ph_warn(NULL, "nobody listens");
	ph_warn(&callbacks, "%s is\nodd", "x");
	CHECK_EQ(calls, 1);
	CHECK(!strchr(heard, '\n'));
	CHECK(!strncmp(heard, "x is", 4));
	ph_explain(&callbacks, "nobody asked");
	CHECK_EQ(calls, 1);

	char *long_text = malloc(5001);
	memset(long_text, 'y', 5000);
	long_text[5000] = '\0';
	ph_warn(&callbacks, "%s", long_text);
	CHECK(strlen(heard) > 100);
	free(long_text);

	CHECK(!ph_progress(NULL, "walking", 9, 9));
	CHECK(!ph_progress(&callbacks, "walking", 4, 9));
	struct ph_error *e = ph_progress(&callbacks, "walking", 5, 9);
	CHECK(e && e->code == PH_ERROR_CANCELLED);
	ph_error_free(e);
}

int main(void)
{
	test_text();
	test_control_characters();
	test_exit_status();
	test_callbacks();
	return CHECK_DONE();
}
