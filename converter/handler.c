/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel starts us as root for every process that dies.  What root does here: look at the numbers in
 * /proc/PID/status, open the process's memory and root folder and an unnamed file for the dump, and give that file
 * its name.  All that looks at the dead process's bytes is done by a child that gave up root before. */
#include "handler.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534 /* runs for root's processes, of which it needs no more than the memory */
#define MAX_SECONDS 300
#define MAX_NAMES 1000

struct victim {
	int64_t pid;
	uid_t uid;
	gid_t gid;
	char name[32]; /* what of its name is safe in a file's */
	int memory, root;
};

/* Nobody reads the standard error of what the kernel starts: the system log has it as well. */
static int say(int priority, const char *format, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	syslog(priority, "%s", text);
	fprintf(stderr, "core2pyheap: %s\n", text);
	return 2;
}

/* The kernel gives us standard input alone. */
static void have_descriptors(void)
{
	for (int fd = 1; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(2);
}

/* ---- the victim ---- */

static bool read_status(int process, char *text, size_t size)
{
	int fd = openat(process, "status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* The four numbers of "Uid:" or "Gid:" when they are one. */
static bool same_ids(const char *status, const char *field, unsigned *ret)
{
	unsigned id[4];
	const char *line = strstr(status, field);
	if (!line || sscanf(line + strlen(field), "%u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4)
		return false;
	*ret = id[0];
	return id[0] == id[1] && id[1] == id[2] && id[2] == id[3];
}

/* A process that got other rights than its user's, as set-user-ID programs do, may hold what that user must not see. */
static const char *changed_rights(int process, const char *status, struct victim *ret)
{
	unsigned long long capabilities = 0;
	const char *line = strstr(status, "\nCapEff:");
	struct stat st;
	if (!same_ids(status, "\nUid:", &ret->uid) || !same_ids(status, "\nGid:", &ret->gid))
		return "its user or group ids differ";
	if (line)
		sscanf(line + 8, "%llx", &capabilities);
	if (ret->uid && capabilities)
		return "it has capabilities";
	/* /proc/PID is root's when the kernel protects the process: proc(5), "dumpable" */
	if (fstat(process, &st) || st.st_uid != ret->uid)
		return "its user may not look at it";
	return NULL;
}

static void take_name(const char *status, struct victim *ret)
{
	const char *line = strstr(status, "Name:");
	size_t n = 0;
	for (line = line ? line + 5 + strspn(line + 5, "\t ") : ""; *line && *line != '\n' && n + 1 < sizeof(ret->name);
	     line++)
		ret->name[n++] = strchr("-_.", *line) || (*line >= '0' && *line <= '9') ||
						 (*line >= 'a' && *line <= 'z') || (*line >= 'A' && *line <= 'Z')
					 ? *line
					 : '_';
	/* no hidden file */
	if (n && ret->name[0] == '.')
		ret->name[0] = '_';
	ret->name[n] = 0;
}

static int open_victim(int64_t pid, struct victim *ret)
{
	char path[64], status[4096];
	*ret = (struct victim){ .pid = pid, .memory = -1, .root = -1 };
	snprintf(path, sizeof(path), "/proc/%" PRId64, pid);
	int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0 || !read_status(process, status, sizeof(status)))
		return say(LOG_ERR, "process %" PRId64 ": cannot look at it: %s", pid, strerror(errno));
	const char *changed = changed_rights(process, status, ret);
	if (changed)
		return say(LOG_NOTICE, "process %" PRId64 ": no dump: %s", pid, changed);
	take_name(status, ret);
	ret->memory = openat(process, "mem", O_RDONLY | O_CLOEXEC);
	ret->root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(process);
	if (ret->memory < 0 || ret->root < 0)
		return say(LOG_ERR, "process %" PRId64 ": cannot open its %s: %s", pid,
			   ret->memory < 0 ? "memory" : "root", strerror(errno));
	return 0;
}

/* ---- where the dump goes ---- */

/* Bytes that the dumps in the folder take. */
static uint64_t used_bytes(int folder)
{
	int fd = dup(folder);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	uint64_t bytes = 0;
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		size_t n = strlen(entry->d_name);
		struct stat st;
		if (n > 7 && !strcmp(entry->d_name + n - 7, ".pyheap") &&
		    !fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			bytes += (uint64_t)st.st_blocks * 512;
	}
	if (entries)
		closedir(entries);
	return bytes;
}

static int open_folder(const struct options *options, int *ret, uint64_t *ret_left)
{
	const char *path = options->output ? options->output : HANDLER_FOLDER;
	uint64_t quota = options->quota << 20;
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return say(LOG_ERR, "%s: cannot open the folder for dumps: %s", path, strerror(errno));
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH))
		return say(LOG_ERR, "%s: the folder for dumps must be root's, and nobody else may write to it", path);
	uint64_t used = used_bytes(fd);
	if (used >= quota)
		return say(LOG_NOTICE, "%s: no dump: those in it take %" PRIu64 " MB, the quota is %" PRIu64 " MB",
			   path, used >> 20, quota >> 20);
	*ret = fd;
	*ret_left = quota - used;
	return 0;
}

/* NAME.PID.DATE.pyheap, never over another. */
static int give_name(int folder, int file, const struct victim *victim, const char *folder_path)
{
	char name[160], proc[64], date[32];
	time_t now = time(NULL);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", file);
	for (int i = 1; i < MAX_NAMES; i++) {
		char more[16] = "";
		if (i > 1)
			snprintf(more, sizeof(more), ".%d", i);
		snprintf(name, sizeof(name), "%s.%" PRId64 ".%s%s.pyheap", victim->name, victim->pid, date, more);
		if (!linkat(AT_FDCWD, proc, folder, name, AT_SYMLINK_FOLLOW)) {
			fsync(folder);
			say(LOG_NOTICE, "process %" PRId64 " (%s): wrote %s/%s", victim->pid, victim->name, folder_path,
			    name);
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return say(LOG_ERR, "%s/%s: %s", folder_path, name, strerror(errno));
}

/* ---- the child ---- */

static bool drop_rights(const struct victim *victim)
{
	uid_t uid = victim->uid ? victim->uid : NOBODY;
	gid_t gid = victim->uid ? victim->gid : NOBODY;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return false;
	if (geteuid())
		return geteuid() == victim->uid;
	/* capabilities go with the last id that is root's: capabilities(7) */
	return !setgroups(0, NULL) && !setresgid(gid, gid, gid) && !setresuid(uid, uid, uid) && geteuid() == uid &&
	       setuid(0) != 0;
}

static void be_first_to_go(void)
{
	/* a machine out of memory is no reason to lose anything but us */
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t ignored = fd < 0 ? 0 : write(fd, "1000", 4);
	(void)ignored;
	if (fd >= 0)
		close(fd);
}

static int child(const struct options *options, const struct victim *victim, int file, uint64_t left,
		 int (*convert)(const struct options *options))
{
	struct options with = *options;
	char root[64];
	struct rlimit limit = { left, left };
	be_first_to_go();
	alarm(MAX_SECONDS);
	umask(077);
	if (dup2(file, STDOUT_FILENO) < 0 || chdir("/") || setrlimit(RLIMIT_FSIZE, &limit) || !drop_rights(victim))
		return say(LOG_ERR, "process %" PRId64 ": cannot give up privileges: %s", victim->pid, strerror(errno));
	/* by descriptor: the folder that was checked, whatever /proc/PID becomes */
	snprintf(root, sizeof(root), "/proc/self/fd/%d", victim->root);
	with.core = "-";
	with.output = "-";
	with.sysroot = root;
	with.memory = victim->memory;
	with.no_report = true;
	return convert(&with);
}

/* What the child says of its failure, in one line, for the log. */
static void pass_on(int from)
{
	char text[1000];
	size_t size = 0;
	for (ssize_t n; size < sizeof(text) - 1 && (n = read(from, text + size, sizeof(text) - 1 - size)) != 0;) {
		if (n < 0 && errno != EINTR)
			break;
		size += n > 0 ? (size_t)n : 0;
	}
	text[size] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		say(LOG_NOTICE, "%s", !strncmp(line, "core2pyheap: ", 13) ? line + 13 : line);
}

static int run_child(const struct options *options, const struct victim *victim, int file, uint64_t left,
		     int (*convert)(const struct options *options))
{
	int pipe_ends[2], status;
	if (pipe2(pipe_ends, O_CLOEXEC))
		return say(LOG_ERR, "no pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid < 0)
		return say(LOG_ERR, "no process: %s", strerror(errno));
	if (!pid) {
		dup2(pipe_ends[1], STDERR_FILENO);
		exit(child(options, victim, file, left, convert));
	}
	close(pipe_ends[1]);
	pass_on(pipe_ends[0]);
	close(pipe_ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return say(LOG_ERR, "process %" PRId64 ": no dump: %s", victim->pid,
		   WTERMSIG(status) == SIGALRM ? "it took too long" : strsignal(WTERMSIG(status)));
}

int handler_run(const struct options *options, int (*convert)(const struct options *options))
{
	const char *folder_path = options->output ? options->output : HANDLER_FOLDER;
	struct victim victim;
	int folder = -1;
	uint64_t left = 0;
	have_descriptors();
	openlog("core2pyheap", LOG_PID, LOG_DAEMON);
	int status = open_victim(options->handled, &victim);
	if (!status)
		status = open_folder(options, &folder, &left);
	if (status)
		return status;
	int file = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file < 0)
		return say(LOG_ERR, "%s: no file for the dump: %s", folder_path, strerror(errno));
	status = run_child(options, &victim, file, left, convert);
	if (status > 1)
		return status;
	if (!geteuid() && fchown(file, victim.uid, victim.gid))
		return say(LOG_ERR, "%s: %s", folder_path, strerror(errno));
	if (fsync(file))
		return say(LOG_ERR, "%s: %s", folder_path, strerror(errno));
	int named = give_name(folder, file, &victim, folder_path);
	return named ? named : status;
}
