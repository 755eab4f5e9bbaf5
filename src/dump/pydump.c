/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pickle part of a dump, taken out for the debuggers that open it: as the message that pyheapdump reads, or
 * rewritten, opcode by opcode, as the file that pydump 1.2 opens under Python 3.
 *
 * The dump may be a stranger's: only opcodes and names that the writer uses pass. */
#include "dump/format.h"
#include "dump/manifest.h"
#include "dump/pickle_stream.h"
#include "dump/reader.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "record/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FRONT_MAXIMUM ((uint64_t)4 << 30) /* what is before the archive, in bytes */
#define CODE_ARGUMENTS 14
#define OP_BINBYTES 'B' /* protocol 3 */

/* ---- the part ---- */

struct front {
	char *data; /* the file up to the archive's part */
	size_t size;
	size_t body, body_end; /* the base64 text */
};

static struct ph_error *none(const struct ph_dump *dump)
{
	return ph_error_create(PH_ERROR_BAD_DUMP,
			       "%s: it has no part for Python debuggers (it was written with --no-pickle "
			       "or --heap=none)",
			       dump->path);
}

bool ph_dump_front_holds(const struct ph_dump *dump, const struct ph_dump_front *front)
{
	unsigned char piece[65536];
	uint64_t first = dump->archive.size;
	uLong crc = crc32(0, NULL, 0);
	for (size_t i = 0; i < dump->archive.count; i++)
		if (dump->archive.entries[i].offset < first)
			first = dump->archive.entries[i].offset;
	if (!front->size || front->size != first)
		return true;
	for (uint64_t at = 0; at < first;) {
		size_t n = first - at < sizeof(piece) ? (size_t)(first - at) : sizeof(piece);
		if (!ph_read_at(dump->fd, piece, n, at))
			return false;
		crc = crc32(crc, piece, (uInt)n);
		at += n;
	}
	return crc == front->crc;
}

/* The manifest says what it was. */
static struct ph_error *check_front(struct ph_dump *dump)
{
	ph_auto_free char *json = NULL;
	size_t size;
	enum ph_member_state state;
	struct ph_manifest manifest;
	struct ph_error *error =
		ph_dump_member_partial(dump, PH_MEMBER_MANIFEST, PH_MANIFEST_MAXIMUM, &json, &size, &state);
	if (error || !json || state || !ph_manifest_parse(json, size, &manifest) ||
	    ph_dump_front_holds(dump, &manifest.front))
		return error;
	return ph_error_create(PH_ERROR_BAD_DUMP, "%s: the part before the archive is altered or damaged: copy the dump again",
			       dump->path);
}

static struct ph_error *load_front(struct ph_dump *dump, struct front *front)
{
	struct ph_error *error = check_front(dump);
	if (error)
		return error;
	uint64_t end = dump->archive.size;
	for (size_t i = 0; i < dump->archive.count; i++)
		if (dump->archive.entries[i].offset < end)
			end = dump->archive.entries[i].offset;
	if (end > FRONT_MAXIMUM)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: the part before the archive is too large", dump->path);
	front->data = malloc((size_t)end + 1);
	if (!front->data)
		return &ph_error_no_memory;
	if (!ph_read_at(dump->fd, front->data, (size_t)end, 0))
		return ph_error_errno(errno, "%s: cannot read the dump", dump->path);
	front->data[end] = '\0';
	front->size = (size_t)end;
	char *start = memmem(front->data, front->size, "\nContent-Type: application/x.python-heapdump\n", 45);
	char *body = start ? memmem(start, front->size - (size_t)(start - front->data), "\n\n", 2) : NULL;
	char *stop = body ? memmem(body, front->size - (size_t)(body - front->data), "\n--", 3) : NULL;
	if (!stop)
		return none(dump);
	front->body = (size_t)(body + 2 - front->data);
	front->body_end = (size_t)(stop + 1 - front->data);
	return NULL;
}

struct ph_error *ph_dump_pyheapdump(struct ph_dump *dump, struct ph_buffer *out)
{
	struct front front = { 0 };
	struct ph_error *error = load_front(dump, &front);
	if (!error) {
		const char *boundary = front.data + front.body_end;
		size_t size = strcspn(boundary, "\n");
		ph_buffer_append(out, front.data, front.body_end);
		ph_buffer_append(out, boundary, size);
		ph_buffer_puts(out, "--\n");
	}
	free(front.data);
	return error;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* In place; the size. */
static size_t decode_base64(char *text, size_t size)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t n = 0;
	for (size_t i = 0; i < size && text[i] != '='; i++) {
		int digit = base64_digit(text[i]);
		if (digit < 0)
			continue;
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			text[n++] = (char)(bits >> count);
		}
	}
	return n;
}

/* ---- opcodes ---- */

struct rewriting {
	const unsigned char *in;
	size_t size, at;
	struct ph_buffer *out;
	bool is_bad;
};

static const unsigned char *take(struct rewriting *r, size_t size)
{
	if (r->is_bad || size > r->size - r->at) {
		r->is_bad = true;
		return NULL;
	}
	r->at += size;
	return r->in + r->at - size;
}

static uint32_t little(const unsigned char *p)
{
	return p ? p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24 : 0;
}

static int peek(const struct rewriting *r)
{
	return r->at < r->size ? r->in[r->at] : -1;
}

static void put_sized(struct rewriting *r, char op, const char *data, size_t size)
{
	char head[5] = { op, (char)size, (char)(size >> 8), (char)(size >> 16), (char)(size >> 24) };
	ph_buffer_append(r->out, head, 5);
	ph_buffer_append(r->out, data, size);
}

static void put_unicode(struct rewriting *r, const char *text, size_t size)
{
	ph_auto_buffer struct ph_buffer valid = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	size_t n;
	for (size_t i = 0; i < size; i += n) {
		uint32_t c = ph_text_decode(text + i, size - i, &n);
		ph_buffer_put_utf8(&valid, c == PH_TEXT_INVALID ? 0xfffd : c);
	}
	put_sized(r, PH_OP_BINUNICODE, ph_buffer_text(&valid), valid.size);
}

static void put_key(struct rewriting *r, const char *name)
{
	put_unicode(r, name, strlen(name));
}

static const unsigned char *take_line(struct rewriting *r, size_t *size)
{
	const unsigned char *start = r->in + r->at, *end = memchr(start, '\n', r->size - r->at);
	if (r->is_bad || !end) {
		r->is_bad = true;
		*size = 0;
		return start;
	}
	*size = (size_t)(end - start);
	r->at += *size + 1;
	return start;
}

static bool is_line(const unsigned char *line, size_t size, const char *text)
{
	return size == strlen(text) && !memcmp(line, text, size);
}

/* 'text' with \xNN in it. */
static void rewrite_string(struct rewriting *r)
{
	size_t size, n;
	const unsigned char *line = take_line(r, &size);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	if (size < 2 || line[0] != '\'' || line[size - 1] != '\'')
		r->is_bad = true;
	for (size_t i = 1; !r->is_bad && i + 1 < size; i += n) {
		char digits[3] = { 0 };
		n = 1;
		if (line[i] != '\\') {
			ph_buffer_putc(&text, (char)line[i]);
			continue;
		}
		if (i + 4 >= size || line[i + 1] != 'x') {
			r->is_bad = true;
			break;
		}
		memcpy(digits, line + i + 2, 2);
		ph_buffer_putc(&text, (char)strtoul(digits, NULL, 16));
		n = 4;
	}
	put_unicode(r, ph_buffer_text(&text), text.size);
}

static void put_global(struct rewriting *r, const char *module, const char *name, size_t size)
{
	ph_buffer_printf(r->out, "c%s\n%.*s\n", module, (int)size, name);
}

static bool is_simple_name(const unsigned char *name, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!((name[i] | 32) >= 'a' && (name[i] | 32) <= 'z'))
			return false;
	return size && size < 40;
}

/* Names of Python 2 that the writer uses; others are refused. */
static bool is_known_builtin(const unsigned char *name, size_t size)
{
	static const char *const known[] = { "type", "object", "list", "dict", "tuple", "set", "frozenset",
					     "int",  "float",  "bool", "complex", "bytearray" };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_line(name, size, known[i]))
			return true;
	return false;
}

static bool is_exception(const unsigned char *name, size_t size)
{
	static const char *const ends[] = { "Error", "Exception", "Exit", "Interrupt", "Iteration" };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);
		if (size >= n && !memcmp(name + size - n, ends[i], n))
			return is_simple_name(name, size);
	}
	return false;
}

static void rewrite_code(struct rewriting *r);

static void rewrite_global(struct rewriting *r)
{
	size_t size, name_size;
	const unsigned char *module = take_line(r, &size), *name = take_line(r, &name_size);
	if (r->is_bad)
		return;
	const char *text = (const char *)name;
	if (is_line(module, size, "pyheapdump._pyheapdump") &&
	    (is_line(name, name_size, "FakeClass") || is_line(name, name_size, "FakeFrame") ||
	     is_line(name, name_size, "FakeTraceback")))
		put_global(r, "pydump", text, name_size);
	else if (is_line(module, size, "types") && is_line(name, name_size, "ModuleType"))
		put_global(r, "types", text, name_size);
	else if (is_line(module, size, "types") && is_line(name, name_size, "CodeType"))
		rewrite_code(r);
	else if (is_line(module, size, "__builtin__") && is_line(name, name_size, "unicode"))
		put_global(r, "builtins", "str", 3);
	else if (is_line(module, size, "__builtin__") && is_line(name, name_size, "str"))
		put_global(r, "builtins", "bytes", 5);
	else if (is_line(module, size, "__builtin__") && is_line(name, name_size, "long"))
		put_global(r, "builtins", "int", 3);
	else if ((is_line(module, size, "__builtin__") && is_known_builtin(name, name_size)) ||
		 (is_line(module, size, "exceptions") && is_exception(name, name_size)))
		put_global(r, "builtins", text, name_size);
	else
		r->is_bad = true;
}

/* Bytes behind the opcode, where they are copied as they are; -1: not such an opcode. */
static int64_t argument_size(struct rewriting *r, int op)
{
	const unsigned char *p = r->in + r->at;
	size_t left = r->size - r->at;
	switch (op) {
	case PH_OP_BININT1:
	case PH_OP_BINGET:
	case PH_OP_BINPUT:
		return 1;
	case PH_OP_BININT:
	case PH_OP_LONG_BINGET:
	case PH_OP_LONG_BINPUT:
		return 4;
	case PH_OP_BINFLOAT:
		return 8;
	case PH_OP_LONG1:
		return left ? 1 + (int64_t)p[0] : -1;
	case PH_OP_LONG4:
	case PH_OP_BINUNICODE:
		return left >= 4 ? 4 + (int64_t)little(p) : -1;
	default:
		return op > 0 && op < 0x80 && strchr("(.0NR]})ebsut", op) ? 0
		       : op == PH_OP_NEWOBJ || (op >= PH_OP_TUPLE1 && op <= PH_OP_NEWFALSE) ? 0
											      : -1;
	}
}

/* One opcode with its argument; what it was, -1 at the end or when it must not be. */
static int rewrite_one(struct rewriting *r)
{
	const unsigned char *start = take(r, 1);
	if (!start)
		return -1;
	int op = *start;
	if (op == PH_OP_GLOBAL) {
		rewrite_global(r);
	} else if (op == PH_OP_STRING) {
		rewrite_string(r);
	} else if (op == PH_OP_SHORT_BINSTRING) {
		const unsigned char *size = take(r, 1), *text = size ? take(r, *size) : NULL;
		if (text)
			put_unicode(r, (const char *)text, *size);
	} else if (op == PH_OP_BINSTRING) {
		uint32_t size = little(take(r, 4));
		const unsigned char *text = take(r, size);
		/* the text of a file is the one that goes straight into a dict */
		if (text && peek(r) == PH_OP_SETITEM)
			put_unicode(r, (const char *)text, size);
		else if (text)
			put_sized(r, OP_BINBYTES, (const char *)text, size);
	} else if (op == PH_OP_INT) {
		size_t size;
		take_line(r, &size);
		ph_buffer_append(r->out, start, size + 2);
	} else if (op == PH_OP_PROTO) {
		take(r, 1);
		ph_buffer_append(r->out, "\x80\3", 2);
	} else {
		int64_t size = argument_size(r, op);
		if (size < 0 || !take(r, (size_t)size))
			r->is_bad = true;
		else
			ph_buffer_append(r->out, start, (size_t)size + 1);
	}
	return r->is_bad ? -1 : op;
}

/* An argument of a code object: an atom, or a tuple of names; with the number that it is given. */
static void rewrite_argument(struct rewriting *r)
{
	bool is_tuple = peek(r) == PH_OP_MARK;
	int op;
	do {
		op = rewrite_one(r);
	} while (is_tuple && op >= 0 && op != PH_OP_TUPLE);
	int next = peek(r);
	if (next == PH_OP_BINPUT || next == PH_OP_LONG_BINPUT || next == PH_OP_TUPLE1)
		rewrite_one(r);
}

/* types.CodeType of Python 2 becomes pydump's FakeCode with what a debugger asks it for.  co_lines: pdb of 3.11. */
static void rewrite_code(struct rewriting *r)
{
	static const char *const names[CODE_ARGUMENTS] = {
		[0] = "co_argcount", [3] = "co_flags", [7] = "co_varnames",
		[8] = "co_filename", [9] = "co_name",  [10] = "co_firstlineno",
	};
	static const char *const tuples[] = { "co_consts", "co_cellvars", "co_freevars" };
	static const char *const empty[] = { "co_lnotab", "co_code" };
	static const char *const zero[] = { "co_kwonlyargcount", "co_posonlyargcount" };
	if (peek(r) != PH_OP_MARK || !take(r, 1)) {
		r->is_bad = true;
		return;
	}
	put_global(r, "pydump", "FakeCode", 8);
	ph_buffer_append(r->out, ")\x81}(", 4);
	for (size_t i = 0; i < CODE_ARGUMENTS && !r->is_bad; i++) {
		size_t size = r->out->size;
		if (names[i])
			put_key(r, names[i]);
		rewrite_argument(r);
		if (!names[i] && !r->out->truncated && !r->out->no_memory)
			r->out->size = size;
	}
	const unsigned char *end = take(r, 2);
	if (!end || end[0] != PH_OP_TUPLE || end[1] != PH_OP_REDUCE)
		r->is_bad = true;
	for (size_t i = 0; i < 3; i++) {
		put_key(r, tuples[i]);
		ph_buffer_putc(r->out, ')');
	}
	for (size_t i = 0; i < 2; i++) {
		put_key(r, empty[i]);
		put_sized(r, OP_BINBYTES, "", 0);
		put_key(r, zero[i]);
		ph_buffer_append(r->out, "K\0", 2);
	}
	put_key(r, "co_lines");
	put_global(r, "functools", "partial", 7);
	put_global(r, "builtins", "iter", 4);
	ph_buffer_append(r->out, ")\x86Rub", 5);
}

/* ---- gzip ---- */

static struct ph_error *compress_all(const struct ph_buffer *in, struct ph_buffer *out)
{
	z_stream stream = { 0 };
	unsigned char piece[65536];
	int result;
	if (deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return &ph_error_no_memory;
	stream.next_in = (unsigned char *)(uintptr_t)ph_buffer_text(in);
	size_t left = in->size;
	do {
		uInt n = left < (1u << 30) ? (uInt)left : 1u << 30;
		stream.avail_in = n;
		do {
			stream.next_out = piece;
			stream.avail_out = sizeof(piece);
			result = deflate(&stream, n == left ? Z_FINISH : Z_NO_FLUSH);
			ph_buffer_append(out, piece, sizeof(piece) - stream.avail_out);
		} while (!stream.avail_out);
		left -= n;
	} while (left);
	deflateEnd(&stream);
	return result == Z_STREAM_END && !out->no_memory ? NULL : &ph_error_no_memory;
}

struct ph_error *ph_dump_pydump(struct ph_dump *dump, struct ph_buffer *out)
{
	struct front front = { 0 };
	ph_auto_buffer struct ph_buffer pickle = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = load_front(dump, &front);
	if (!error) {
		char *body = front.data + front.body;
		struct rewriting r = {
			.in = (const unsigned char *)body,
			.size = decode_base64(body, front.body_end - front.body),
			.out = &pickle,
		};
		int op = 0;
		while (op >= 0 && op != PH_OP_STOP)
			op = rewrite_one(&r);
		if (op != PH_OP_STOP)
			error = ph_error_create(PH_ERROR_BAD_DUMP,
						"%s: the part for Python debuggers is altered at byte %zu", dump->path,
						r.at);
	}
	if (!error && pickle.no_memory)
		error = &ph_error_no_memory;
	if (!error)
		error = compress_all(&pickle, out);
	free(front.data);
	return error;
}
