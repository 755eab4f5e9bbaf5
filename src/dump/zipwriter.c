/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/zipwriter.h"

#include "base/cleanup.h"

#include <errno.h>
#include <minizip/zip.h>
#include <time.h>
#include <zlib.h>

/* 3 is Unix, 45 is version 4.5 of the specification: ZIP64 */
#define MADE_BY (3 << 8 | 45)
/* S_IFREG | 0600, where Unix archivers keep the mode */
#define MODE ((uLong)0100600 << 16)
#define LEVEL 2 /* 3 takes a fifth more for 2.5 % of the closure, 1 nothing less for 3 % more of it */
#define LARGE_SIZE ((uint64_t)0xf0000000) /* well below 4 GiB */

uint32_t ph_zip_date(int64_t time)
{
	struct tm tm;
	time_t t = (time_t)time;
	if (time < 315532800) /* 1980-01-01 */
		t = 315532800;
	else if (time > 4354819198) /* 2107-12-31 23:59:58 */
		t = 4354819198;
	gmtime_r(&t, &tm);
	return (uint32_t)(tm.tm_year - 80) << 25 | (uint32_t)(tm.tm_mon + 1) << 21 | (uint32_t)tm.tm_mday << 16 |
	       (uint32_t)tm.tm_hour << 11 | (uint32_t)tm.tm_min << 5 | (uint32_t)tm.tm_sec / 2;
}

/* ---- minizip's idea of a file, over ours; it knows no errno ---- */

static int failed(struct ph_zipwriter *writer)
{
	if (!writer->errnum)
		writer->errnum = errno ? errno : EIO;
	return -1;
}

static voidpf io_open(voidpf opaque, const void *name, int mode)
{
	(void)name, (void)mode;
	return opaque;
}

/* Only an archive that is added to would be read. */
static uLong io_read(voidpf opaque, voidpf stream, void *buffer, uLong size)
{
	(void)opaque, (void)stream, (void)buffer, (void)size;
	return 0;
}

static uLong io_write(voidpf opaque, voidpf stream, const void *buffer, uLong size)
{
	struct ph_zipwriter *writer = opaque;
	(void)stream;
	if (ph_tail_write(&writer->tail, buffer, size))
		return size;
	failed(writer);
	return 0;
}

static ZPOS64_T io_tell(voidpf opaque, voidpf stream)
{
	const struct ph_zipwriter *writer = opaque;
	(void)stream;
	return writer->tail.position;
}

static long io_seek(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin)
{
	struct ph_zipwriter *writer = opaque;
	uint64_t from = origin == ZLIB_FILEFUNC_SEEK_END ? ph_tail_end(&writer->tail) :
			origin == ZLIB_FILEFUNC_SEEK_CUR ? writer->tail.position :
							   0;
	(void)stream;
	return ph_tail_seek(&writer->tail, from + offset) ? 0 : -1;
}

static int io_close(voidpf opaque, voidpf stream)
{
	(void)opaque, (void)stream;
	return 0;
}

static int io_error(voidpf opaque, voidpf stream)
{
	const struct ph_zipwriter *writer = opaque;
	(void)stream;
	return writer->errnum;
}

/* NULL for ZIP_OK. */
static struct ph_error *check(struct ph_zipwriter *writer, int result)
{
	if (result == ZIP_OK && !writer->errnum)
		return NULL;
	if (writer->errnum)
		return ph_error_errno(writer->errnum, "%s: cannot write the dump", writer->path);
	/* minizip fails for no other reason */
	return &ph_error_no_memory;
}

struct ph_error *ph_zipwriter_open(FILE *file, const char *path, int64_t time, struct ph_zipwriter *ret)
{
	*ret = (struct ph_zipwriter){ .path = path, .date = ph_zip_date(time) };
	off_t end = fflush(file) ? -1 : ftello(file);
	if (end < 0)
		return ph_error_errno(errno, "%s: cannot write the dump", path);
	if (!ph_tail_init(&ret->tail, fileno(file), (uint64_t)end))
		return &ph_error_no_memory;
	zlib_filefunc64_def io = {
		.zopen64_file = io_open,
		.zread_file = io_read,
		.zwrite_file = io_write,
		.ztell64_file = io_tell,
		.zseek64_file = io_seek,
		.zclose_file = io_close,
		.zerror_file = io_error,
		.opaque = ret,
	};
	ret->zip = zipOpen2_64(path, APPEND_STATUS_CREATEAFTER, NULL, &io);
	struct ph_error *error = ret->zip ? NULL : check(ret, ZIP_INTERNALERROR);
	if (error)
		ph_zipwriter_close(ret);
	return error;
}

static struct ph_error *begin_member(struct ph_zipwriter *writer, const char *name, int method, bool large)
{
	zip_fileinfo info = { .dosDate = writer->date, .external_fa = MODE };
	return check(writer, zipOpenNewFileInZip4_64(writer->zip, name, &info, NULL, 0, NULL, 0, NULL, method,
						     method ? LEVEL : 0, 0, -MAX_WBITS, DEF_MEM_LEVEL,
						     Z_DEFAULT_STRATEGY, NULL, 0, MADE_BY, 0, large));
}

struct ph_error *ph_zipwriter_begin(struct ph_zipwriter *writer, const char *name, bool large)
{
	return begin_member(writer, name, Z_DEFLATED, large);
}

struct ph_error *ph_zipwriter_store(struct ph_zipwriter *writer, const char *name, const void *data, size_t size)
{
	struct ph_error *error = begin_member(writer, name, 0, false);
	if (!error)
		error = ph_zipwriter_write(writer, data, size);
	return error ? error : ph_zipwriter_end(writer);
}

struct ph_error *ph_zipwriter_write(struct ph_zipwriter *writer, const void *data, size_t size)
{
	const char *p = data;
	while (size) {
		unsigned piece = size > 1u << 30 ? 1u << 30 : (unsigned)size;
		struct ph_error *error = check(writer, zipWriteInFileInZip(writer->zip, p, piece));
		if (error)
			return error;
		p += piece, size -= piece;
	}
	return NULL;
}

struct ph_error *ph_zipwriter_end(struct ph_zipwriter *writer)
{
	return check(writer, zipCloseFileInZip(writer->zip));
}

struct ph_error *ph_zipwriter_add(struct ph_zipwriter *writer, const char *name, const void *data, size_t size)
{
	struct ph_error *error = ph_zipwriter_begin(writer, name, size >= LARGE_SIZE);
	if (!error)
		error = ph_zipwriter_write(writer, data, size);
	if (!error)
		error = ph_zipwriter_end(writer);
	return error;
}

struct ph_error *ph_zipwriter_finish(struct ph_zipwriter *writer, const char *comment)
{
	void *zip = writer->zip;
	writer->zip = NULL;
	int result = zipClose(zip, comment);
	if (!writer->errnum && !ph_tail_finish(&writer->tail))
		failed(writer);
	ph_tail_deinit(&writer->tail);
	return check(writer, result);
}

void ph_zipwriter_close(struct ph_zipwriter *writer)
{
	if (writer->zip)
		zipClose(writer->zip, NULL);
	writer->zip = NULL;
	ph_tail_deinit(&writer->tail);
}
