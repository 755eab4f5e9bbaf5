/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer: an envelope of MIME around an archive of members, in fixed order. */
#include "dump/dump.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "dump/closure.h"
#include "dump/columns.h"
#include "dump/format.h"
#include "dump/manifest.h"
#include "dump/output.h"
#include "dump/pickle.h"
#include "dump/archive.h"
#include "dump/zipwriter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>
#include <zlib.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

#define BOUNDARY_SIZE 64

/* Of the contents, so that the same dump has the same, and text in a dump that
 * quotes a boundary does not quote its own. */
static void make_boundary(const struct ph_buffer *report, char boundary[BOUNDARY_SIZE])
{
	snprintf(boundary, BOUNDARY_SIZE, "=_pyheap-dump-%d-%016" PRIx64, PH_DUMP_VERSION,
		 (uint64_t)XXH64(ph_buffer_text(report), report->size, PH_DUMP_VERSION));
}

/* RFC 5322, by hand: strftime would follow the locale. */
static void put_date(int64_t when, struct ph_buffer *out)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm tm;
	time_t t = (time_t)(when < 0 ? 0 : when > 253402300799 ? 253402300799 : when); /* to the end of 9999 */
	gmtime_r(&t, &tm);
	ph_buffer_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\n", days[tm.tm_wday], tm.tm_mday,
			 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* What `head` shows.  The title comes from the process: one line of printable
 * ASCII, indented, so that it can be neither a header nor a boundary. */
static void put_title(const char *title, struct ph_buffer *out)
{
	if (!title)
		return;
	ph_buffer_puts(out, "    ");
	for (size_t i = 0; title[i] && i < 200; i++)
		ph_buffer_putc(out, title[i] >= 0x20 && title[i] < 0x7f ? title[i] : '?');
	ph_buffer_puts(out, "\n\n");
}

static void put_envelope(const struct ph_dump_contents *contents, const char *boundary, struct ph_buffer *out)
{
	ph_buffer_printf(out,
			 "MIME-Version: 1.0\n"
			 "Content-Type: multipart/related; type=\"%s\";\n"
			 " boundary=\"%s\"\n",
			 contents->pickle_objects ? PH_PICKLE_CONTENT_TYPE : "application/zip", boundary);
	put_date(contents->time, out);
	ph_buffer_printf(out, "X-Pyheap-Dump-Version: %d\nX-Pyheap-Tool: core2pyheap " PACKAGE_VERSION "\n\n",
			 PH_DUMP_VERSION);
	ph_buffer_puts(out, "This file is a dump of a Python process, made by core2pyheap " PACKAGE_VERSION ":\n\n");
	put_title(contents->report->signature.title, out);
	ph_buffer_puts(out, "It may hold private data of that process.  To see what happened:\n\n"
			    "    pyheap report FILE\n\n"
			    "or, without pyheap (the file is a ZIP archive as well):\n\n"
			    "    unzip -l FILE\n"
			    "    unzip -p FILE report.json\n\n");
	if (contents->pickle_objects)
		ph_buffer_puts(out, "To open it in a Python debugger:\n\n"
				    "    pyheap-pdb FILE\n"
				    "    python2.7 -m pyheapdump -d pdb FILE\n\n");
}

static struct ph_error *buffer_error(const struct ph_buffer *buffer)
{
	if (buffer->truncated)
		return ph_error_create(PH_ERROR_IO, "the report exceeds %zu MiB: use --no-dump", buffer->maximum >> 20);
	return buffer->no_memory ? &ph_error_no_memory : NULL;
}

static struct ph_error *add_text(struct ph_zipwriter *writer, const char *name, const struct ph_buffer *text)
{
	struct ph_error *error = buffer_error(text);
	return error ? error : ph_zipwriter_add(writer, name, text->data ? text->data : "", text->size);
}

static struct ph_error *add_sources(struct ph_zipwriter *writer, const struct ph_dump_contents *contents)
{
	struct ph_error *error = NULL;
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(256);
	for (size_t i = 0; !error && i < contents->source_count; i++) {
		const struct ph_dump_source_file *source = &contents->sources[i];
		ph_buffer_clear(&name);
		ph_dump_source_member(source->path, i, &name);
		error = buffer_error(&name);
		if (!error)
			error = ph_zipwriter_add(writer, ph_buffer_text(&name), source->text, source->size);
	}
	return error;
}

static struct ph_error *add_columns(struct ph_zipwriter *writer, struct ph_columns *columns,
				    const struct ph_dump_contents *contents)
{
	struct ph_heap_sink sink = ph_columns_sink(columns);
	struct ph_error *error = ph_columns_begin(columns, writer);
	if (!error)
		error = contents->walk_heap(contents->walk_user, &sink);
	return error ? error : ph_columns_finish(columns);
}

/* What the manifest could not know yet: it was found while the heap was written. */
static struct ph_error *add_damage(struct ph_zipwriter *writer, const struct ph_damage *damage, size_t told,
				   uint64_t dropped)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_REPORT_MAXIMUM);
	if (!damage || (damage->count == told && damage->dropped == dropped))
		return NULL;
	ph_dump_damage_json(damage, told, damage->dropped - dropped, &text);
	return add_text(writer, PH_MEMBER_DAMAGE, &text);
}

static struct ph_error *add_members(struct ph_zipwriter *writer, struct ph_columns *columns,
				    const struct ph_dump_contents *contents, const struct ph_dump_front *front,
				    const struct ph_buffer *report)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_REPORT_MAXIMUM);
	const struct ph_damage *damage = NULL;
	struct ph_error *error = contents->heap_damage ? contents->heap_damage(contents->walk_user, &damage) : NULL;
	size_t told = damage ? damage->count : 0;
	uint64_t dropped = damage ? damage->dropped : 0;
	ph_dump_manifest_json(contents, front, damage, &text);
	if (!error)
		error = add_text(writer, PH_MEMBER_MANIFEST, &text);
	if (!error)
		error = add_text(writer, PH_MEMBER_REPORT, report);
	if (!error) {
		ph_buffer_clear(&text);
		ph_report_exceptions_json(contents->report, &text);
		error = add_text(writer, PH_MEMBER_EXCEPTIONS, &text);
	}
	if (!error) {
		ph_buffer_clear(&text);
		ph_dump_modules_json(contents, &text);
		error = add_text(writer, PH_MEMBER_MODULES, &text);
	}
	if (!error && contents->render) {
		ph_buffer_clear(&text);
		ph_dump_frames_json(contents, &text);
		error = add_text(writer, PH_MEMBER_FRAMES, &text);
	}
	if (!error)
		error = add_sources(writer, contents);
	if (!error && contents->pause_walk)
		error = contents->pause_walk(contents->walk_user);
	if (!error && contents->render)
		error = ph_closure_write(writer, contents);
	if (!error && contents->walk_heap)
		error = add_columns(writer, columns, contents);
	if (!error && contents->memory) {
		ph_buffer_clear(&text);
		error = contents->memory(contents->walk_user, &text);
		if (!error)
			error = add_text(writer, PH_MEMBER_MEMORY, &text);
	}
	return error ? error : add_damage(writer, damage, told, dropped);
}

/* What precedes the archive. */
static struct ph_error *write_front(FILE *file, const char *path, const struct ph_dump_contents *contents,
				    const char *boundary)
{
	ph_auto_buffer struct ph_buffer envelope = PH_BUFFER(65536);
	struct ph_error *error;
	put_envelope(contents, boundary, &envelope);
	error = buffer_error(&envelope);
	if (!error && contents->pickle_objects) {
		ph_buffer_printf(&envelope, "--%s\n", boundary);
		fwrite(envelope.data, 1, envelope.size, file);
		ph_buffer_clear(&envelope);
		error = ph_pickle_part(file, path, contents);
	}
	if (error)
		return error;
	ph_buffer_printf(&envelope,
			 "%s--%s\n"
			 "Content-Type: application/zip\n"
			 "Content-Transfer-Encoding: binary\n\n",
			 contents->pickle_objects ? "\n" : "", boundary);
	fwrite(envelope.data, 1, envelope.size, file);
	if (fflush(file) || ferror(file))
		return ph_error_errno(errno, "%s: cannot write the dump", path);
	return NULL;
}

/* What was written so far, which no checksum of a member covers. */
static struct ph_error *sum_front(FILE *file, const char *path, struct ph_dump_front *ret)
{
	unsigned char piece[65536];
	off_t end = ftello(file);
	uLong crc = crc32(0, NULL, 0);
	for (off_t at = 0; at < end;) {
		size_t n = end - at < (off_t)sizeof(piece) ? (size_t)(end - at) : sizeof(piece);
		if (!ph_read_at(fileno(file), piece, n, (uint64_t)at))
			return ph_error_errno(errno ? errno : EIO, "%s: cannot read what was written", path);
		crc = crc32(crc, piece, (uInt)n);
		at += (off_t)n;
	}
	*ret = (struct ph_dump_front){ .size = (uint64_t)end, .crc = (uint32_t)crc };
	return NULL;
}

static struct ph_error *write_all(FILE *file, const char *path, struct ph_columns *columns,
				  const struct ph_dump_contents *contents)
{
	char boundary[BOUNDARY_SIZE], comment[BOUNDARY_SIZE + 8];
	ph_auto_buffer struct ph_buffer report = PH_BUFFER(PH_REPORT_MAXIMUM);
	ph_report_json(contents->report, &report);
	make_boundary(&report, boundary);
	struct ph_dump_front front;
	struct ph_error *error = write_front(file, path, contents, boundary);
	if (!error)
		error = sum_front(file, path, &front);
	if (error)
		return error;
	ph_auto_zipwriter struct ph_zipwriter writer;
	error = ph_zipwriter_open(file, path, contents->time, &writer);
	if (!error)
		error = add_members(&writer, columns, contents, &front, &report);
	if (error)
		return error;
	snprintf(comment, sizeof(comment), "\n--%s--\n", boundary);
	return ph_zipwriter_finish(&writer, comment);
}

struct ph_dump_writer {
	struct ph_output output;
	const char *name; /* for errors; borrowed */
	struct ph_columns *columns;
};

struct ph_error *ph_dump_begin(const char *path, bool overwrite, struct ph_dump_writer **ret)
{
	struct ph_dump_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return &ph_error_no_memory;
	writer->output.copy_to = -1;
	struct ph_error *error = ph_output_open(path, overwrite, &writer->output);
	writer->name = !strcmp(path, "-") ? "standard output" : path;
	if (!error)
		error = ph_columns_create(&writer->columns);
	if (error) {
		ph_dump_writer_free(writer);
		return error;
	}
	*ret = writer;
	return NULL;
}

struct ph_heap_sink ph_dump_writer_sink(struct ph_dump_writer *writer)
{
	return ph_columns_sink(writer->columns);
}

struct ph_error *ph_dump_end(struct ph_dump_writer *writer, const struct ph_dump_contents *contents)
{
	struct ph_error *error = write_all(writer->output.file, writer->name, writer->columns, contents);
	return error ? error : ph_output_publish(&writer->output);
}

void ph_dump_writer_free(struct ph_dump_writer *writer)
{
	if (!writer)
		return;
	ph_columns_free(writer->columns);
	ph_output_close(&writer->output);
	free(writer);
}

struct ph_error *ph_dump_write(const char *path, bool overwrite, const struct ph_dump_contents *contents)
{
	struct ph_dump_writer *writer;
	struct ph_error *error = ph_dump_begin(path, overwrite, &writer);
	if (error)
		return error;
	error = ph_dump_end(writer, contents);
	ph_dump_writer_free(writer);
	return error;
}
