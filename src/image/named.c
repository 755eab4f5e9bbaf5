/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A walk of our own instead of openat2(RESOLVE_IN_ROOT): that needs Linux 5.6, is
 * refused by older seccomp filters of containers, and does not tell what the
 * path came to, which the suffix rule wants to know.  Every step is an
 * O_PATH|O_NOFOLLOW open within a held folder, so a path that changes under us
 * cannot lead out either. */
#include "image/named.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/backend.h"

#define MAX_DEPTH 64
#define MAX_LINKS 40

struct walk {
	int folders[MAX_DEPTH]; /* folders[0] is the root */
	int depth;		/* index of the current folder */
	unsigned links;
	char rest[PATH_MAX]; /* what is still to be walked */
	char last[NAME_MAX + 1];
	const char *why;
};

static const char *phrase(int error)
{
	switch (error) {
	case ENOENT: case ENOTDIR:
		return "not found";
	case EACCES: case EPERM:
		return "no permission";
	case ELOOP:
		return "too many symbolic links";
	case ENAMETOOLONG:
		return "its name is too long";
	}
	return "cannot be opened";
}

static void go_up(struct walk *w, int to)
{
	while (w->depth > to)
		close(w->folders[w->depth--]);
}

/* Put what the link at `fd` says before the rest. */
static bool follow(struct walk *w, int fd)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(fd, "", text, sizeof(text));
	size_t rest = strlen(w->rest);
	if (n <= 0) {
		w->why = "cannot be opened";
		return false;
	}
	if (++w->links > MAX_LINKS || (size_t)n + 1 + rest + 1 > sizeof(w->rest)) {
		w->why = "too many symbolic links";
		return false;
	}
	memmove(w->rest + n + 1, w->rest, rest + 1);
	memcpy(w->rest, text, (size_t)n);
	w->rest[n] = '/';
	if (text[0] == '/')
		go_up(w, 0);
	return true;
}

/* Take the next component off the rest; false at the end. */
static bool next_component(struct walk *w, char *name)
{
	char *p = w->rest + strspn(w->rest, "/");
	size_t length = strcspn(p, "/");
	if (!length)
		return false;
	if (length > NAME_MAX) {
		w->why = "its name is too long";
		return false;
	}
	memcpy(name, p, length);
	name[length] = 0;
	memmove(w->rest, p + length, strlen(p + length) + 1);
	return true;
}

/* One step; the descriptor of a file that is no folder, -1 to go on, -2 on failure. */
static int step(struct walk *w, const char *name)
{
	if (!strcmp(name, "."))
		return -1;
	if (!strcmp(name, "..")) {
		go_up(w, w->depth ? w->depth - 1 : 0);
		return -1;
	}
	int fd = openat(w->folders[w->depth], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st)) {
		w->why = phrase(errno);
		if (fd >= 0)
			close(fd);
		return -2;
	}
	if (S_ISLNK(st.st_mode)) {
		bool followed = follow(w, fd);
		close(fd);
		return followed ? -1 : -2;
	}
	strcpy(w->last, name);
	if (S_ISDIR(st.st_mode)) {
		if (w->depth + 1 == MAX_DEPTH) {
			w->why = "its path is too deep";
			close(fd);
			return -2;
		}
		w->folders[++w->depth] = fd;
		return -1;
	}
	if (S_ISREG(st.st_mode) && !w->rest[strspn(w->rest, "/")])
		return fd;
	w->why = S_ISREG(st.st_mode) ? "not found" : "not a regular file";
	close(fd);
	return -2;
}

/* O_PATH descriptors do not read: open the same file again, by name, and see that it is the same. */
static int reopen(struct walk *w, int path_fd)
{
	struct stat expected, got;
	int fd = openat(w->folders[w->depth], w->last, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		w->why = phrase(errno);
		return -1;
	}
	if (fstat(path_fd, &expected) || fstat(fd, &got) || expected.st_ino != got.st_ino ||
	    expected.st_dev != got.st_dev) {
		w->why = "it changed while it was opened";
		close(fd);
		return -1;
	}
	return fd;
}

static int walk_to_end(struct walk *w)
{
	char name[NAME_MAX + 1];
	w->why = "a folder";
	while (next_component(w, name)) {
		int fd = step(w, name);
		if (fd == -2)
			return -1;
		if (fd >= 0) {
			int readable = reopen(w, fd);
			close(fd);
			return readable;
		}
	}
	return -1;
}

static bool ends_in(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);
	return n >= m && !strcmp(text + n - m, suffix);
}

int ph_open_named(const char *root, const char *path, const char *suffix, uint64_t maximum, const char **why)
{
	struct walk w = { .depth = 0 };
	struct stat st;
	if (path[0] != '/') {
		*why = *path ? "not an absolute path" : "it has no name";
		return -1;
	}
	if (strlen(path) >= sizeof(w.rest)) {
		*why = "its name is too long";
		return -1;
	}
	if (suffix && !ends_in(path, suffix)) {
		*why = "not a file of the expected kind";
		return -1;
	}
	strcpy(w.rest, path);
	w.folders[0] = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w.folders[0] < 0) {
		*why = phrase(errno);
		return -1;
	}
	int fd = walk_to_end(&w);
	go_up(&w, 0);
	close(w.folders[0]);
	if (fd < 0) {
		*why = w.why;
		return -1;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		*why = "not a regular file";
	else if (suffix && !ends_in(w.last, suffix))
		*why = "a symbolic link to a file of another kind";
	else if (maximum && (uint64_t)st.st_size > maximum)
		*why = "too large";
	else
		return fd;
	close(fd);
	return -1;
}

bool ph_windows_path(const char *path, char *ret, size_t size)
{
	size_t n = strlen(path);
	if (n < 3 || path[1] != ':' || (path[2] != '\\' && path[2] != '/') || n - 1 > size)
		return false;
	for (size_t i = 2; i <= n; i++)
		ret[i - 2] = path[i] == '\\' ? '/' : path[i];
	return true;
}

/* A copy of a disk has the drive as a folder, or one is the copy of the drive. */
static int open_windows(const char *root, const char *path, const char *suffix, uint64_t maximum, const char **why)
{
	const char drives[] = { path[0], path[0] >= 'a' ? (char)(path[0] - 32) : (char)(path[0] + 32), 0 };
	char below[PATH_MAX];
	*why = "a file of Windows: give the folder that has it as --sysroot";
	if (!root || path[0] > 'z' || path[0] < 'A' || !ph_windows_path(path, below + 2, sizeof(below) - 2))
		return -1;
	for (size_t i = 0; i < 3; i++) {
		below[0] = '/';
		below[1] = drives[i];
		int fd = ph_open_named(root, drives[i] ? below : below + 2, suffix, maximum, why);
		if (fd >= 0 || strcmp(*why, "not found"))
			return fd;
	}
	return -1;
}

int ph_image_open_named(struct ph_image *image, const char *path, const char *suffix, uint64_t maximum,
			const char **why)
{
	if (image->format == PH_MODULES_PE)
		return open_windows(image->sysroot, path, suffix, maximum, why);
	return ph_open_named(image->sysroot, path, suffix, maximum, why);
}
