/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pager.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pager;

static bool is_in_path(const char *program)
{
	char candidate[4096];
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t n = strcspn(path, ":");
		int size = snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)n, path, program);
		if (n && size > 0 && (size_t)size < sizeof(candidate) && !access(candidate, X_OK))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* A misspelt pager must not swallow what was asked for. */
static bool can_run(const char *command)
{
	char program[1024];
	size_t n = strcspn(command, " \t");
	if (n >= sizeof(program))
		return false;
	memcpy(program, command, n);
	program[n] = '\0';
	return strchr(program, '/') ? !access(program, X_OK) : is_in_path(program);
}

/* NULL: none is wanted or none is there. */
static const char *choose(void)
{
	const char *command = getenv("PYHEAP_PAGER");
	if (!command)
		command = getenv("PAGER");
	if (!command)
		command = is_in_path("less") ? "less" : "";
	/* users' commands have arguments: a shell runs them; in an empty container there is none */
	return strcmp(command, "cat") && can_run(command) && !access("/bin/sh", X_OK) ? command : NULL;
}

static _Noreturn void run(const char *command, int from)
{
	dup2(from, STDIN_FILENO);
	close(from);
	/* leave at once when all fits on the screen, pass colours, leave the screen as it is */
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	signal(SIGPIPE, SIG_DFL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

void pager_start(void)
{
	int ends[2];
	const char *command = isatty(STDOUT_FILENO) ? choose() : NULL;
	if (pager || !command || pipe(ends))
		return;
	fflush(NULL);
	pager = fork();
	if (!pager) {
		close(ends[1]);
		run(command, ends[0]);
	}
	close(ends[0]);
	if (pager > 0) {
		dup2(ends[1], STDOUT_FILENO);
		if (isatty(STDERR_FILENO))
			dup2(ends[1], STDERR_FILENO);
	} else {
		pager = 0;
	}
	close(ends[1]);
}

void pager_finish(void)
{
	if (!pager)
		return;
	fflush(NULL);
	/* the pager sees the end of its input; ours stay open for whoever writes there still */
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) {
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
	}
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
}
