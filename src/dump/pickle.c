/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/pickle.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "dump/pickle_private.h"
#include "record/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAXIMUM ((size_t)4 << 20) /* bytes of text that are kept long */
#define HEADER_MAXIMUM 8000	       /* characters */
#define PROGRESS_INTERVAL 4096
#define EXPECTED 65536 /* objects whose children are looked for at a time */
#define REPR_CHARACTERS 200
#define REPR_DEPTH 4
#define REPR_ITEMS 10

/* ---- headers ---- */

/* One line of printable ASCII; the rest escaped as Python does. */
static void put_header_text(const char *text, size_t size, struct ph_buffer *out)
{
	size_t n;
	for (size_t i = 0; i < size && out->size < HEADER_MAXIMUM; i += n) {
		uint32_t c = ph_text_decode(text + i, size - i, &n);
		if (c >= 0x20 && c < 0x7f)
			ph_buffer_putc(out, (char)c);
		else if (c == PH_TEXT_INVALID || c < 0x100)
			ph_buffer_printf(out, "\\x%02x", (unsigned)(c == PH_TEXT_INVALID ? (uint8_t)text[i] : c));
		else
			ph_buffer_printf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
	}
}

static void put_header(FILE *file, const char *name, const char *text, size_t size)
{
	ph_auto_buffer struct ph_buffer line = PH_BUFFER(HEADER_MAXIMUM + 64);
	put_header_text(text, size, &line);
	if (line.size)
		fprintf(file, "X-python-heapdump-%s: %s\n", name, ph_buffer_text(&line));
}

static void put_object_header(struct ph_pickle *p, FILE *file, const char *name, ph_addr address)
{
	struct ph_render render = { .source = p->source, .redactor = p->redactor, .characters = HEADER_MAXIMUM };
	if (!address)
		return;
	ph_buffer_clear(&p->text);
	ph_render_repr(&render, address, false, &p->text);
	put_header(file, name, ph_buffer_text(&p->text), p->text.size);
}

static void put_headers(struct ph_pickle *p, FILE *file)
{
	const struct ph_dump_contents *contents = p->contents;
	const struct ph_report *report = contents->report;
	const char *executable = report->python.executable;
	ph_auto_buffer struct ph_buffer scrubbed = PH_BUFFER(HEADER_MAXIMUM);
	fputs("Content-Type: " PH_PICKLE_CONTENT_TYPE "\n"
	      "MIME-Version: 1.0\n"
	      "Content-Transfer-Encoding: base64\n"
	      "X-python-heapdump-version: 2\n",
	      file);
	fprintf(file, "X-python-heapdump-pid: %lld\n", (long long)report->image.pid);
	fputs("X-python-heapdump-sequence_number: 1\n", file);
	put_object_header(p, file, "sys_version_info", contents->sys_version_info);
	if (executable) {
		ph_redactor_scrub(p->redactor, executable, strlen(executable), &scrubbed);
		put_header(file, "sys_executable", ph_buffer_text(&scrubbed), scrubbed.size);
	}
	put_object_header(p, file, "sys_argv", contents->sys_argv);
	put_object_header(p, file, "sys_path", contents->sys_path);
	fputc('\n', file);
}

/* ---- the pickle ---- */

static struct ph_error *write_objects(struct ph_pickle *p)
{
	struct ph_error *error = NULL;
	for (size_t i = 0; i < p->count && !p->no_memory && !error; i++) {
		ph_pickle_make(p, i);
		if (i % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1)
			error = ph_progress(p->contents->callbacks, "pickle", i, p->count);
	}
	/* classes last: an attribute of a class must not stand between the reader and list.extend() */
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < p->count && !p->no_memory && !error; i++) {
			if (pass == 0 && i % EXPECTED == 0)
				ph_pickle_expect_others(p, i, EXPECTED);
			if ((p->nodes[i].shape == SHAPE_CLASS) == (pass == 1))
				ph_pickle_fill(p, &p->nodes[i]);
			if (i % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1)
				error = ph_progress(p->contents->callbacks, "pickle", i, p->count);
		}
	return error;
}

static uint32_t put_known(struct ph_pickle *p, const char *module, const char *name)
{
	ph_pickle_global(&p->stream, module, name);
	uint32_t memo = ph_pickle_put(&p->stream);
	ph_pickle_op(&p->stream, PH_OP_POP);
	return memo;
}

static struct ph_error *write_pickle(struct ph_pickle *p, const char *path)
{
	static const char own[] = "pyheapdump._pyheapdump";
	static const unsigned char version = 2;
	struct ph_pickle_stream *s = &p->stream;
	ph_pickle_op(s, PH_OP_PROTO);
	ph_pickle_op(s, (enum ph_pickle_op)version);
	p->memo_fake = put_known(p, own, "FakeClass");
	p->memo_frame = put_known(p, own, "FakeFrame");
	p->memo_traceback = put_known(p, own, "FakeTraceback");
	p->memo_type = put_known(p, "__builtin__", "type");
	struct ph_error *error = write_objects(p);
	if (!error)
		error = ph_pickle_top(p);
	ph_pickle_op(s, PH_OP_STOP);
	ph_pickle_flush(s);
	if (!error && p->no_memory)
		error = &ph_error_no_memory;
	if (!error && s->errnum)
		error = ph_error_errno(s->errnum, "%s: cannot write the dump", path);
	return error;
}

static void pickle_deinit(struct ph_pickle *p)
{
	ph_addrmap_deinit(&p->index);
	ph_addrmap_deinit(&p->others);
	ph_addrmap_deinit(&p->names);
	ph_addrmap_deinit(&p->frames);
	ph_value_deinit(&p->value);
	ph_value_deinit(&p->child);
	ph_buffer_deinit(&p->text);
	ph_buffer_deinit(&p->scrubbed);
	free(p->nodes);
	free(p->stack.entries);
}

struct ph_error *ph_pickle_part(FILE *file, const char *path, const struct ph_dump_contents *contents)
{
	const struct ph_report *report = contents->report;
	struct ph_pickle p = {
		.contents = contents,
		.report = report,
		.source = contents->render->source,
		.redactor = contents->render->redactor,
		.render = *contents->render,
		.stream = { .file = file },
		.is_python2 = report->python.version && !strncmp(report->python.version, "2.", 2),
		.text = PH_BUFFER(PH_BUFFER_UNBOUNDED),
		.scrubbed = PH_BUFFER(PH_BUFFER_UNBOUNDED),
		.text_left = TEXT_MAXIMUM,
	};
	p.render.characters = REPR_CHARACTERS;
	p.render.depth = REPR_DEPTH;
	p.render.items = REPR_ITEMS;
	struct ph_error *error = ph_pickle_walk(&p);
	if (!error) {
		put_headers(&p, file);
		error = write_pickle(&p, path);
	}
	pickle_deinit(&p);
	return error;
}
