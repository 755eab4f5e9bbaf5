/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/sink.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/elfcore.h"
#include "image/minidump.h"

#define BLOCK 4096u
/* 65,534 program headers of 56 bytes, and what may lie before them */
#define HEAD_MAXIMUM ((size_t)4 << 20)
/* The bound on the expansion: a real core of 1.1 GB, nearly all zeros (free-threaded
 * Python with mimalloc), shrinks to a thousandth with zstd; beyond this it is a bomb. */
#define FREE_EXPANSION ((uint64_t)8 << 30)
#define EXPANSION_RATIO 4096u

static int open_temporary(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT))
		return fd;
	/* not every file system has O_TMPFILE */
	if ((size_t)snprintf(path, sizeof(path), "%s/core2pyheap-XXXXXX", folder) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static const char *temporary_folder(void)
{
	const char *folder = secure_getenv("TMPDIR");
	return folder && *folder ? folder : "/tmp";
}

struct ph_error *ph_temporary_file(int *ret)
{
	int fd = open_temporary(temporary_folder());
	if (fd < 0)
		return ph_error_errno(errno, "no temporary file can be made in %s (set TMPDIR)", temporary_folder());
	*ret = fd;
	return NULL;
}

struct ph_error *ph_sink_init(struct ph_sink *sink, const char *name, const struct ph_callbacks *callbacks)
{
	*sink = (struct ph_sink){ .fd = -1, .name = name, .callbacks = callbacks };
	sink->folder = temporary_folder();
	sink->fd = open_temporary(sink->folder);
	if (sink->fd < 0)
		return ph_error_errno(errno, "%s: no temporary file can be made in %s (set TMPDIR)", name,
				      sink->folder);
	return NULL;
}

void ph_sink_deinit(struct ph_sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
	free(sink->head);
	sink->head = NULL;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	return !size || (!data[0] && !memcmp(data, data + 1, size - 1));
}

/* Keep the first bytes until the program headers are all there. */
static struct ph_error *look_at_head(struct ph_sink *sink, const uint8_t *data, size_t size)
{
	size_t take = size < HEAD_MAXIMUM - sink->head_size ? size : HEAD_MAXIMUM - sink->head_size;
	uint8_t *grown = realloc(sink->head, sink->head_size + take);
	if (!grown)
		return take ? &ph_error_no_memory : NULL;
	memcpy(grown + sink->head_size, data, take);
	sink->head = grown;
	sink->head_size += take;
	size_t n = sink->head_size < SELFMAG ? sink->head_size : SELFMAG;
	bool minidump = !memcmp(sink->head, PH_MINIDUMP_MAGIC, n);
	if (!minidump && memcmp(sink->head, ELFMAG, n))
		return ph_error_create(PH_ERROR_NOT_CORE,
				       "%s: what is in it is not a core (neither ELF nor a minidump)", sink->name);
	if (minidump) {
		/* its streams may lie anywhere: all of it is taken */
		sink->head_done = n == SELFMAG;
		return NULL;
	}
	sink->extent = ph_elfcore_extent(sink->head, sink->head_size);
	sink->head_done = sink->extent || sink->head_size == HEAD_MAXIMUM;
	if (sink->head_done) {
		free(sink->head);
		sink->head = NULL;
	}
	return NULL;
}

/* Bytes that are not zeros, at `offset`. */
static struct ph_error *put(struct ph_sink *sink, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size && !sink->full) {
		ssize_t n = pwrite(sink->fd, data, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
			sink->full = true;
			break;
		}
		if (n < 0)
			return ph_error_errno(errno, "%s: cannot write to a temporary file in %s", sink->name,
					      sink->folder);
		data += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
		sink->written += (uint64_t)n;
	}
	sink->wanting += size;
	return NULL;
}

static struct ph_error *put_sparse(struct ph_sink *sink, const uint8_t *data, size_t size)
{
	struct ph_error *error = NULL;
	size_t start = 0, at = 0;
	while (at < size && !error) {
		/* blocks as they lie in the file, so that a hole is a whole one */
		size_t step = BLOCK - (size_t)((sink->position + at) % BLOCK);
		if (step > size - at)
			step = size - at;
		if (is_zero(data + at, step)) {
			error = put(sink, data + start, at - start, sink->position + start);
			start = at + step;
		}
		at += step;
	}
	if (!error)
		error = put(sink, data + start, size - start, sink->position + start);
	return error;
}

struct ph_error *ph_sink_write(struct ph_sink *sink, const uint8_t *data, size_t size)
{
	struct ph_error *error = NULL;
	if (!sink->head_done && size)
		error = look_at_head(sink, data, size);
	if (error)
		return error;
	if (sink->extent && size >= sink->extent - sink->position) {
		size = (size_t)(sink->extent - sink->position);
		sink->done = true;
	}
	error = put_sparse(sink, data, size);
	if (error)
		return error;
	sink->position += size;
	if (!sink->done && sink->position > FREE_EXPANSION && sink->position / EXPANSION_RATIO > sink->consumed) {
		sink->cut = "it expands beyond all measure and was not unpacked further";
		sink->done = true;
	}
	return ph_progress(sink->callbacks, "unpacking", sink->position, sink->extent);
}

struct ph_error *ph_sink_finish(struct ph_sink *sink, int *ret_fd)
{
	if (sink->full)
		return ph_error_create(PH_ERROR_IO,
				       "%s: no room to unpack it: it needs %llu more bytes in %s (or set TMPDIR)",
				       sink->name, (unsigned long long)sink->wanting, sink->folder);
	if (ftruncate(sink->fd, (off_t)sink->position))
		return ph_error_errno(errno, "%s: cannot write to a temporary file in %s", sink->name, sink->folder);
	*ret_fd = sink->fd;
	sink->fd = -1;
	return NULL;
}
