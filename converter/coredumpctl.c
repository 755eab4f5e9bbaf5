/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the core lies, in which journal and how compressed, is systemd's business: coredumpctl(1) knows.  It is looked
 * for on PATH when --coredumpctl is given, so nothing needs it to be built or installed. */
#include "coredumpctl.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "core2pyheap: coredumpctl: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return 2;
}

/* An unlinked file in $TMPDIR. */
static int temporary(void)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	snprintf(path, sizeof(path), "%s/core2pyheap-XXXXXX", folder && *folder ? folder : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* What it says of the core, or of why there is none, is on its standard error. */
static void read_messages(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);
	text[n > 0 ? n : 0] = 0;
}

static const char *last_line(char *text)
{
	size_t n = strlen(text);
	while (n && text[n - 1] == '\n')
		text[--n] = 0;
	char *line = strrchr(text, '\n');
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 && *p != '\n')
			*p = '?';
	return line ? line + 1 : text;
}

static int run(char **argv, int output, int messages, int *ret_status)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
	int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	while (!failed && waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return failed;
}

/* A field of what `coredumpctl info` prints, "        Storage: /var/lib/… (present)"; cut from the text. */
static char *field(char *text, const char *name)
{
	for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *start = line + strspn(line, " ");
		if (!strncmp(start, name, strlen(name))) {
			start[strcspn(start, "\n")] = 0;
			return start + strlen(name);
		}
	}
	return NULL;
}

/* Where systemd-coredump stored it, when that can be opened: plain and compressed cores are read as they are. */
static bool take_stored(char *text, struct options *options)
{
	char *path = field(text, "Storage: "), *state = path ? strrchr(path, ' ') : NULL;
	if (!path || *path != '/' || !state || state[1] != '(')
		return false;
	*state = 0;
	if (access(path, R_OK) || !(path = strdup(path)))
		return false;
	options->core = path; /* as long as the program */
	return true;
}

static int take_dump(int output, struct options *options)
{
	struct stat st;
	if (fstat(output, &st) || !st.st_size)
		return complain("gave no core", NULL);
	if (lseek(output, 0, SEEK_SET) || dup2(output, STDIN_FILENO) < 0)
		return complain("cannot use what it gave", strerror(errno));
	options->core = "-";
	return -1;
}

/* `coredumpctl COMMAND… MATCH…`: 0, or the exit status of a failure that was printed. */
static int ask(char **argv, int output, int messages)
{
	char text[8192];
	int status = 0;
	int failed = run(argv, output, messages, &status);
	if (failed == ENOENT)
		return complain("is not installed here; the package systemd-coredump has it", NULL);
	if (failed)
		return complain("cannot be started", strerror(failed));
	if (!status)
		return 0;
	read_messages(messages, text, sizeof(text));
	return complain(*text ? last_line(text) : "failed and did not say why", NULL);
}

static int get(char **argv, char **command, int output, int messages, struct options *options)
{
	char text[8192], again[8192];
	*command = "info";
	int status = ask(argv, output, messages);
	if (status)
		return status;
	read_messages(output, text, sizeof(text));
	memcpy(again, text, sizeof(text));
	char *pid = field(again, "PID: "); /* "1234 (python3)" */
	options->dumped = pid ? strtoll(pid, NULL, 10) : 0;
	if (take_stored(text, options))
		return -1;
	*command = "dump";
	if (ftruncate(output, 0) || lseek(output, 0, SEEK_SET))
		return complain("no temporary file", strerror(errno));
	status = ask(argv, output, messages);
	return status ? status : take_dump(output, options);
}

int coredumpctl_get(struct options *options)
{
	char *const fixed[] = { "coredumpctl", "--quiet", "--no-pager", "-1", NULL };
	enum { FIXED = sizeof(fixed) / sizeof(*fixed) };
	size_t count = 0;
	while (options->matches[count])
		count++;
	char **argv = calloc(FIXED + count + 1, sizeof(*argv));
	int output = temporary(), messages = temporary(), status;
	if (!argv || output < 0 || messages < 0) {
		status = complain("no temporary file can be made (set TMPDIR)", strerror(errno));
	} else {
		setenv("LC_ALL", "C.UTF-8", 1); /* we read what it says */
		memcpy(argv, fixed, sizeof(fixed));
		memcpy(argv + FIXED, options->matches, count * sizeof(*argv));
		status = get(argv, &argv[FIXED - 1], output, messages, options);
	}
	if (output >= 0)
		close(output);
	if (messages >= 0)
		close(messages);
	free(argv);
	return status;
}
