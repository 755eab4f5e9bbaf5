/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/output.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 18) /* bytes: the kernel takes large pieces in half the time of small ones */

/* The name that a file without one is linked from: linkat(2). */
static void descriptor_path(int fd, char *path, size_t size)
{
	snprintf(path, size, "/proc/self/fd/%d", fd);
}

/* The folder of `path`, malloc'ed; NULL without memory. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* "FOLDER/.NAME.XXXXXX": not taken for a dump by a glob of *.pyheap. */
static char *temporary_template(const char *path)
{
	ph_auto_free char *folder = folder_of(path);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char *ret = NULL;
	/* NAME_MAX is 255: the name is cut rather than refused for our suffix */
	if (!folder || asprintf(&ret, "%s/.%.200s.XXXXXX", folder, name) < 0)
		return NULL;
	return ret;
}

/* A file without a name, which the kernel removes whatever becomes of us.  It can
 * get one only through /proc, which an empty container may lack. */
static int open_unnamed(const char *folder)
{
	char proc[64];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	descriptor_path(fd, proc, sizeof(proc));
	if (!access(proc, F_OK))
		return fd;
	close(fd);
	return -1;
}

static struct ph_error *open_file(const char *path, struct ph_output *output)
{
	ph_auto_free char *folder = folder_of(path), *name = temporary_template(path);
	if (!folder || !name)
		return &ph_error_no_memory;
	int fd = open_unnamed(folder);
	bool named = fd < 0;
	if (named && (fd = mkostemp(name, O_CLOEXEC)) < 0)
		return ph_error_errno(errno, "%s: cannot create the dump in this folder", path);
	output->file = fdopen(fd, "w+b");
	if (!output->file) {
		close(fd);
		if (named)
			unlink(name);
		return &ph_error_no_memory;
	}
	if (named)
		output->temporary = ph_take_ptr(name);
	return NULL;
}

/* What cannot be renamed into place is built under $TMPDIR first. */
static struct ph_error *open_copied(const char *path, int fd, struct ph_output *output)
{
	const char *folder = getenv("TMPDIR");
	ph_auto_free char *name = NULL;
	if (asprintf(&name, "%s/pyheap.XXXXXX", folder && *folder ? folder : "/tmp") < 0) {
		name = NULL;
		return &ph_error_no_memory;
	}
	ph_auto_close int temporary = mkostemp(name, O_CLOEXEC);
	if (temporary < 0)
		return ph_error_errno(errno, "%s: cannot create a temporary file for %s: set TMPDIR", name, path);
	unlink(name);
	output->file = fdopen(temporary, "w+b");
	if (!output->file)
		return &ph_error_no_memory;
	temporary = -1;
	output->copy_to = fd;
	return NULL;
}

/* By what is at `path` now: *ret_fd a descriptor to copy to, or *ret_path where to publish. */
static struct ph_error *look_at_target(const char *path, bool overwrite, int *ret_fd, char **ret_path)
{
	struct stat st;
	if (!strcmp(path, "-")) {
		int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return ph_error_errno(errno, "standard output");
		*ret_fd = fd;
		return NULL;
	}
	bool is_there = !stat(path, &st);
	if (is_there && S_ISDIR(st.st_mode))
		return ph_error_create(PH_ERROR_IO, "%s: is a folder: name a file in it", path);
	if (is_there && !S_ISREG(st.st_mode)) {
		int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return ph_error_errno(errno, "%s", path);
		*ret_fd = fd;
		return NULL;
	}
	if (is_there && !overwrite)
		return ph_error_create(PH_ERROR_IO, "%s: exists already: give another name with -o", path);
	char *copy = is_there ? realpath(path, NULL) : strdup(path);
	if (!copy)
		return is_there ? ph_error_errno(errno, "%s", path) : &ph_error_no_memory;
	*ret_path = copy;
	return NULL;
}

/* Standard output that is an empty file of the caller's, open for both: the dump is made in it. */
static bool is_empty_file(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_ACCMODE) == O_RDWR && !(flags & O_APPEND) && !fstat(fd, &st) &&
	       S_ISREG(st.st_mode) && !st.st_size && !lseek(fd, 0, SEEK_CUR);
}

struct ph_error *ph_output_open(const char *path, bool overwrite, struct ph_output *ret)
{
	ph_auto_output struct ph_output output = { .copy_to = -1, .overwrite = overwrite };
	ph_auto_close int fd = -1;
	ph_auto_free char *publish = NULL;
	struct ph_error *error = look_at_target(path, overwrite, &fd, &publish);
	if (!error && !publish && is_empty_file(fd)) {
		output.file = fdopen(fd, "w+b");
		if (!output.file)
			return &ph_error_no_memory;
	}
	if (!error && !output.file)
		error = publish ? open_file(publish, &output) : open_copied(path, fd, &output);
	if (error)
		return error;
	output.buffer = malloc(BUFFER);
	if (output.buffer)
		setvbuf(output.file, output.buffer, _IOFBF, BUFFER);
	fd = -1;
	output.path = ph_take_ptr(publish);
	*ret = output;
	output = (struct ph_output){ .copy_to = -1 };
	return NULL;
}

static struct ph_error *copy_out(struct ph_output *output)
{
	char buffer[65536];
	size_t n;
	rewind(output->file);
	while ((n = fread(buffer, 1, sizeof(buffer), output->file))) {
		for (size_t done = 0; done < n;) {
			ssize_t written = write(output->copy_to, buffer + done, n - done);
			if (written < 0 && errno == EINTR)
				continue;
			if (written < 0)
				return ph_error_errno(errno, "cannot write the dump out");
			done += (size_t)written;
		}
	}
	if (ferror(output->file))
		return ph_error_errno(errno, "cannot read the temporary dump");
	return NULL;
}

/* Give the unnamed file a name of its own, for rename(2) to move. */
static struct ph_error *name_it(struct ph_output *output, const char *from)
{
	for (int tries = 0; tries < 100; tries++) {
		ph_auto_free char *name = temporary_template(output->path);
		if (!name)
			return &ph_error_no_memory;
		/* mkostemp picks a free name; the moment without the file is harmless, linkat never replaces */
		int fd = mkostemp(name, O_CLOEXEC);
		if (fd < 0)
			return ph_error_errno(errno, "%s", output->path);
		close(fd);
		unlink(name);
		if (!linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW)) {
			output->temporary = ph_take_ptr(name);
			return NULL;
		}
		if (errno != EEXIST)
			break;
	}
	return ph_error_errno(errno, "%s", output->path);
}

/* So that the name survives a power cut too; not every file system can. */
static void sync_folder(const char *path)
{
	ph_auto_free char *folder = folder_of(path);
	ph_auto_close int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0)
		fsync(fd);
}

/* Never over an existing file.  rename first: FAT and others know no links. */
static struct ph_error *publish_new(struct ph_output *output, const char *from)
{
	if (output->temporary && !renameat2(AT_FDCWD, from, AT_FDCWD, output->path, RENAME_NOREPLACE)) {
		free(output->temporary);
		output->temporary = NULL;
		return NULL;
	}
	if (linkat(AT_FDCWD, from, AT_FDCWD, output->path, AT_SYMLINK_FOLLOW)) {
		if (errno == EEXIST)
			return ph_error_create(PH_ERROR_IO, "%s: exists already: give another name with -o",
					       output->path);
		return ph_error_errno(errno, "%s: cannot publish the dump", output->path);
	}
	return NULL;
}

struct ph_error *ph_output_publish(struct ph_output *output)
{
	char proc[64];
	struct ph_error *error;
	if (fflush(output->file))
		return ph_error_errno(errno, "%s", output->path ? output->path : "dump");
	if (output->copy_to >= 0)
		return copy_out(output);
	/* EINVAL: the file system has nothing to sync */
	if (fsync(fileno(output->file)) && errno != EINVAL)
		return ph_error_errno(errno, "%s: cannot write the dump",
				      output->path ? output->path : "standard output");
	if (!output->path)
		return NULL;
	descriptor_path(fileno(output->file), proc, sizeof(proc));
	if (!output->overwrite) {
		error = publish_new(output, output->temporary ? output->temporary : proc);
	} else {
		error = output->temporary ? NULL : name_it(output, proc);
		if (!error && rename(output->temporary, output->path))
			error = ph_error_errno(errno, "%s: cannot publish the dump", output->path);
		if (!error) {
			free(output->temporary);
			output->temporary = NULL;
		}
	}
	if (!error)
		sync_folder(output->path);
	return error;
}

void ph_output_close(struct ph_output *output)
{
	if (output->file)
		fclose(output->file);
	free(output->buffer);
	if (output->temporary)
		unlink(output->temporary);
	if (output->copy_to >= 0)
		close(output->copy_to);
	free(output->path);
	free(output->temporary);
	*output = (struct ph_output){ .copy_to = -1 };
}
