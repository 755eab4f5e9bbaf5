/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/harness.h"

#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* An allocation of a gigabyte is a finding, not a NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "exitcode=86:quarantine_size_mb=16:max_allocation_size_mb=1024:hard_rss_limit_mb=3000:detect_leaks=0:malloc_context_size=8";
}
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "exitcode=86:print_stacktrace=1";
}

#define MAXIMUM_PRINTED 5

static struct {
	int log; /* the child's standard error */
	double limit_seconds;
	long limit_kib;
	uint64_t runs, failed;
	uint64_t *errors; /* shared with the children */
	double slowest, begun, total;
	long largest;
} state = { .log = -1, .limit_seconds = 60, .limit_kib = 3L << 20 };

#define IDLE 10 /* times the limit of processor time, in wall time */

double fuzz_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

char *fuzz_scratch(void)
{
	static const char *const folders[] = { "/dev/shm", "/tmp", "." };
	const char *given = getenv("TMPDIR");
	for (size_t i = 0; i <= sizeof(folders) / sizeof(folders[0]); i++) {
		const char *folder = i == 1 ? given : folders[i - (i > 1)];
		char *name = NULL;
		if (!folder || asprintf(&name, "%s/pyheap-fuzz.XXXXXX", folder) < 0)
			continue;
		int fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0) {
			close(fd);
			return name;
		}
		free(name);
	}
	perror("a scratch file");
	exit(99);
}

void fuzz_note_error(void)
{
	__atomic_add_fetch(state.errors, 1, __ATOMIC_RELAXED);
}

static bool number_option(const char *argument, const char *name, uint64_t *ret)
{
	size_t size = strlen(name);
	if (strncmp(argument, name, size))
		return false;
	*ret = strtoull(argument + size, NULL, 0);
	return true;
}

bool fuzz_parse(int argc, char **argv, struct fuzz_options *ret)
{
	*ret = (struct fuzz_options){ .seed = 1, .count = 1000, .only = -1, .dumps = 4, .operand = 1 };
	uint64_t n;
	for (; ret->operand < argc && !strncmp(argv[ret->operand], "--", 2); ret->operand++) {
		const char *argument = argv[ret->operand];
		if (number_option(argument, "--seed=", &n))
			ret->seed = n;
		else if (number_option(argument, "--count=", &n))
			ret->count = n;
		else if (number_option(argument, "--only=", &n))
			ret->only = (int64_t)n;
		else if (number_option(argument, "--seconds=", &n))
			ret->seconds = (double)n;
		else if (number_option(argument, "--dumps=", &n) && n)
			ret->dumps = n;
		else
			return false;
	}
	state.begun = fuzz_now();
	return ret->operand < argc;
}

uint64_t fuzz_next(struct fuzz_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t fuzz_below(struct fuzz_random *random, uint64_t bound)
{
	return bound ? fuzz_next(random) % bound : 0;
}

uint64_t fuzz_odd_word(struct fuzz_random *random)
{
	static const uint64_t words[] = {
		0, 1, 2, 7, 8, 255, 256, 65535, 1919247987, INT32_MAX, UINT32_MAX, (uint64_t)INT32_MAX + 1,
		INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX / 8, UINT64_MAX / 8 + 1,
		UINT64_MAX / 16, (uint64_t)1 << 40, (uint64_t)1 << 47, ((uint64_t)1 << 47) - 1, 0xfffff000u,
		0xffffffffff600000u, 100000, 1000000, 1 << 30,
	};
	uint64_t word = words[fuzz_below(random, sizeof(words) / sizeof(words[0]))];
	return fuzz_below(random, 4) ? word : word ^ fuzz_next(random) >> (fuzz_next(random) & 63);
}

void fuzz_set_limits(const struct fuzz_result *unharmed)
{
	/* two seconds for a run of 0.1 s, also on a machine that is busy and under the sanitizers */
	state.limit_seconds = (SANITIZED ? 10 : 2) + 20 * unharmed->seconds;
	state.limit_kib = unharmed->resident + (SANITIZED ? 1024 << 10 : 256 << 10);
}

double fuzz_limit_seconds(void)
{
	return state.limit_seconds;
}

uint64_t fuzz_failed(void)
{
	return state.failed;
}

const char *fuzz_last_words(void)
{
	static char text[6000];
	off_t size = lseek(state.log, 0, SEEK_END);
	ssize_t n = pread(state.log, text, sizeof(text) - 1, 0);
	(void)size;
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void child(bool (*run)(void *user), void *user)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	if (!SANITIZED) {
		struct rlimit space = { (rlim_t)4 << 30, (rlim_t)4 << 30 };
		setrlimit(RLIMIT_AS, &space);
	}
	dup2(state.log, STDERR_FILENO);
	bool ok = run(user);
	fflush(NULL);
	_exit(ok ? 0 : 1);
}

static double clock_seconds(clockid_t clock)
{
	struct timespec t;
	return clock_gettime(clock, &t) ? 0 : (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double fuzz_processor(void)
{
	return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* Wait with a limit of processor time, since others may leave us little of the machine; and one for what sleeps. */
static int wait_for(pid_t pid, struct rusage *usage, bool *ret_late)
{
	double begun = fuzz_now();
	int status = 0;
	clockid_t clock;
	bool has_clock = !clock_getcpuclockid(pid, &clock);
	while (wait4(pid, &status, WNOHANG, usage) == 0) {
		double t = fuzz_now() - begun, used = has_clock ? clock_seconds(clock) : t;
		if ((used > state.limit_seconds || t > IDLE * state.limit_seconds) && !*ret_late) {
			*ret_late = true;
			kill(pid, SIGKILL);
		}
		struct timespec pause = { 0, t < 0.01 ? 200000 : 1000000 };
		nanosleep(&pause, NULL);
	}
	return status;
}

void fuzz_run(bool (*run)(void *user), void *user, struct fuzz_result *ret)
{
	if (state.log < 0) {
		char *name = fuzz_scratch();
		state.log = open(name, O_RDWR | O_CLOEXEC | O_APPEND);
		unlink(name);
		free(name);
		state.errors = mmap(NULL, sizeof(*state.errors), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (state.errors == MAP_FAILED)
			exit(99);
	}
	if (state.log < 0 || ftruncate(state.log, 0)) {
		perror("fuzz");
		exit(99);
	}
	*ret = (struct fuzz_result){ 0 };
	double begun = fuzz_now();
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(99);
	}
	if (!pid)
		child(run, user);
	struct rusage usage = { 0 };
	bool late = false;
	int status = wait_for(pid, &usage, &late);
	ret->seconds = fuzz_now() - begun;
	ret->resident = usage.ru_maxrss;
	if (late)
		snprintf(ret->what, sizeof(ret->what), "took more than %.1f s of processor time, or %d times that in all", state.limit_seconds,
			 IDLE);
	else if (WIFSIGNALED(status))
		snprintf(ret->what, sizeof(ret->what), "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == 86)
		snprintf(ret->what, sizeof(ret->what), "a sanitizer's report");
	else if (WEXITSTATUS(status))
		snprintf(ret->what, sizeof(ret->what), "a check failed");
	else if (usage.ru_maxrss > state.limit_kib)
		snprintf(ret->what, sizeof(ret->what), "%ld MiB resident", usage.ru_maxrss >> 10);
	ret->ok = !ret->what[0];
}

void fuzz_account(const struct fuzz_options *options, uint64_t index, const struct fuzz_result *result,
		  const char *changes, char **argv)
{
	state.runs++;
	state.total += result->seconds;
	if (result->seconds > state.slowest)
		state.slowest = result->seconds;
	if (result->resident > state.largest)
		state.largest = result->resident;
	if (result->ok && options->only < 0)
		return;
	state.failed += !result->ok;
	if (state.failed > MAXIMUM_PRINTED)
		return;
	printf("%s: run %" PRIu64 " of seed %" PRIu64 ": %s (%.2f s, %ld MiB)\n  repeat: %s --seed=%" PRIu64
	       " --only=%" PRIu64,
	       result->ok ? "ok" : "FAILED", index, options->seed, result->ok ? "passed" : result->what, result->seconds,
	       result->resident >> 10, argv[0], options->seed, index);
	for (char **argument = argv + options->operand; *argument; argument++)
		printf(" %s", *argument);
	printf("\n  changes:\n%s  last words:\n%s\n", changes, fuzz_last_words());
	fflush(stdout);
}

int fuzz_finish(const struct fuzz_options *options)
{
	printf("%" PRIu64 " runs of seed %" PRIu64 ", %" PRIu64 " failed, %" PRIu64 " ended with an error line; slowest %.2f s, mean %.3f s, largest %ld MiB, %.0f s\n",
	       state.runs, options->seed, state.failed, state.errors ? *state.errors : 0, state.slowest, state.runs ? state.total / (double)state.runs : 0,
	       state.largest >> 10, fuzz_now() - state.begun);
	return state.failed || !state.runs ? 1 : 0;
}

bool fuzz_check_line(const char *text)
{
	if (!text || !*text) {
		fprintf(stderr, "check: an empty message\n");
		return false;
	}
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			fprintf(stderr, "check: a control character in the message: %s\n", text);
			return false;
		}
	return true;
}

bool fuzz_check_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f) {
			size_t from = i < 80 ? 0 : i - 80;
			fprintf(stderr, "check: character %d in the text: %.*s\n", text[i], (int)(i - from), text + from);
			return false;
		}
	return true;
}

static bool check_value(struct json_tokener *tokener, const char *text, size_t size)
{
	json_tokener_reset(tokener);
	struct json_object *value = json_tokener_parse_ex(tokener, text, (int)size);
	enum json_tokener_error error = json_tokener_get_error(tokener);
	json_object_put(value);
	if (error == json_tokener_success)
		return true;
	fprintf(stderr, "check: not JSON at %zu: %s: %.200s\n", (size_t)json_tokener_get_parse_end(tokener),
		json_tokener_error_desc(error), text);
	return false;
}

bool fuzz_check_json(const char *text, size_t size, bool lines)
{
	struct json_tokener *tokener = json_tokener_new_ex(1000);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	bool ok = true;
	while (size && ok) {
		const char *end = lines ? memchr(text, '\n', size) : NULL;
		size_t n = end ? (size_t)(end - text) + 1 : size;
		ok = check_value(tokener, text, n);
		text += n;
		size -= n;
	}
	json_tokener_free(tokener);
	return ok;
}
