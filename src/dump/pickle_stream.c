/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/pickle_stream.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "record/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SHORT 255
#define LONG1_MAXIMUM 255 /* bytes */
#define HEX_MAXIMUM ((size_t)1 << 20)

static void write_line(struct ph_pickle_stream *stream)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[PH_PICKLE_LINE / 3 * 4 + 1];
	size_t n = 0;
	for (size_t i = 0; i < stream->used; i += 3) {
		size_t left = stream->used - i;
		uint32_t b = (uint32_t)stream->line[i] << 16;
		if (left > 1)
			b |= (uint32_t)stream->line[i + 1] << 8;
		if (left > 2)
			b |= stream->line[i + 2];
		text[n++] = digits[b >> 18];
		text[n++] = digits[b >> 12 & 63];
		text[n++] = left > 1 ? digits[b >> 6 & 63] : '=';
		text[n++] = left > 2 ? digits[b & 63] : '=';
	}
	text[n++] = '\n';
	if (!stream->errnum && fwrite(text, 1, n, stream->file) != n)
		stream->errnum = errno ? errno : EIO;
	stream->used = 0;
}

static void put_data(struct ph_pickle_stream *stream, const void *data, size_t size)
{
	const unsigned char *p = data;
	while (size) {
		size_t n = PH_PICKLE_LINE - stream->used;
		if (n > size)
			n = size;
		memcpy(stream->line + stream->used, p, n);
		stream->used += n;
		p += n;
		size -= n;
		if (stream->used == PH_PICKLE_LINE)
			write_line(stream);
	}
}

static void put_u32(struct ph_pickle_stream *stream, uint32_t number)
{
	unsigned char bytes[4] = { (unsigned char)number, (unsigned char)(number >> 8), (unsigned char)(number >> 16),
				   (unsigned char)(number >> 24) };
	put_data(stream, bytes, 4);
}

static void put_text(struct ph_pickle_stream *stream, const char *text)
{
	put_data(stream, text, strlen(text));
}

void ph_pickle_op(struct ph_pickle_stream *stream, enum ph_pickle_op op)
{
	unsigned char byte = (unsigned char)op;
	put_data(stream, &byte, 1);
}

void ph_pickle_int(struct ph_pickle_stream *stream, int64_t number)
{
	unsigned char bytes[9] = { 0 };
	if (number >= 0 && number < 256) {
		unsigned char byte = (unsigned char)number;
		ph_pickle_op(stream, PH_OP_BININT1);
		put_data(stream, &byte, 1);
	} else if (number >= INT32_MIN && number <= INT32_MAX) {
		ph_pickle_op(stream, PH_OP_BININT);
		put_u32(stream, (uint32_t)number);
	} else {
		bytes[0] = 8;
		for (unsigned i = 0; i < 8; i++)
			bytes[i + 1] = (unsigned char)((uint64_t)number >> 8 * i);
		ph_pickle_op(stream, PH_OP_LONG1);
		put_data(stream, bytes, 9);
	}
}

void ph_pickle_long_int(struct ph_pickle_stream *stream, int64_t number)
{
	char text[32];
	if (number >= INT32_MIN && number <= INT32_MAX) {
		ph_pickle_int(stream, number);
		return;
	}
	snprintf(text, sizeof(text), "%" PRId64 "\n", number);
	ph_pickle_op(stream, PH_OP_INT);
	put_text(stream, text);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two's complement, little-endian, a byte more than needed for the sign at most. */
bool ph_pickle_hex(struct ph_pickle_stream *stream, const char *text)
{
	bool negative = *text == '-';
	text += negative;
	size_t digits = strlen(text), size = digits / 2 + 1;
	if (digits < 3 || digits > HEX_MAXIMUM || text[0] != '0' || text[1] != 'x')
		return false;
	ph_auto_free unsigned char *bytes = calloc(size, 1);
	if (!bytes)
		return false;
	for (size_t i = 0; i + 2 < digits; i++) {
		int digit = hex_digit(text[digits - 1 - i]);
		if (digit < 0)
			return false;
		bytes[i / 2] |= (unsigned char)(digit << (i & 1 ? 4 : 0));
	}
	unsigned carry = negative;
	for (size_t i = 0; negative && i < size; i++) {
		unsigned b = (unsigned char)~bytes[i] + carry;
		bytes[i] = (unsigned char)b;
		carry = b >> 8;
	}
	if (size <= LONG1_MAXIMUM) {
		unsigned char length = (unsigned char)size;
		ph_pickle_op(stream, PH_OP_LONG1);
		put_data(stream, &length, 1);
	} else {
		ph_pickle_op(stream, PH_OP_LONG4);
		put_u32(stream, (uint32_t)size);
	}
	put_data(stream, bytes, size);
	return true;
}

void ph_pickle_float(struct ph_pickle_stream *stream, double number)
{
	unsigned char bytes[8];
	uint64_t bits;
	memcpy(&bits, &number, 8);
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(bits >> (56 - 8 * i));
	ph_pickle_op(stream, PH_OP_BINFLOAT);
	put_data(stream, bytes, 8);
}

/* As repr() of a str of Python 2. */
static void put_quoted(struct ph_pickle_stream *stream, const char *text, size_t size)
{
	char escaped[8];
	put_text(stream, "'");
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\') {
			put_data(stream, &c, 1);
		} else {
			snprintf(escaped, sizeof(escaped), "\\x%02x", c);
			put_text(stream, escaped);
		}
	}
	put_text(stream, "'\n");
}

void ph_pickle_name(struct ph_pickle_stream *stream, const char *text, size_t size)
{
	unsigned char length = (unsigned char)size;
	if (size > NAME_SHORT) {
		ph_pickle_op(stream, PH_OP_STRING);
		put_quoted(stream, text, size);
		return;
	}
	ph_pickle_op(stream, PH_OP_SHORT_BINSTRING);
	put_data(stream, &length, 1);
	put_data(stream, text, size);
}

void ph_pickle_bytes(struct ph_pickle_stream *stream, const char *data, size_t size)
{
	ph_pickle_op(stream, PH_OP_BINSTRING);
	put_u32(stream, (uint32_t)size);
	put_data(stream, data, size);
}

static bool is_utf8(const char *text, size_t size)
{
	size_t n;
	for (size_t i = 0; i < size; i += n) {
		n = 1;
		if ((unsigned char)text[i] >= 0x80 && (ph_text_decode(text + i, size - i, &n) == PH_TEXT_INVALID ||
						       (unsigned char)text[i] == 0xc0))
			return false;
	}
	return true;
}

void ph_pickle_unicode(struct ph_pickle_stream *stream, const char *text, size_t size)
{
	struct ph_buffer repaired = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	if (!is_utf8(text, size)) {
		size_t n;
		for (size_t i = 0; i < size; i += n) {
			uint32_t c = ph_text_decode(text + i, size - i, &n);
			ph_buffer_put_utf8(&repaired, c == PH_TEXT_INVALID ? 0xfffd : c);
		}
		text = ph_buffer_text(&repaired);
		size = repaired.size;
	}
	ph_pickle_op(stream, PH_OP_BINUNICODE);
	put_u32(stream, (uint32_t)size);
	put_data(stream, text, size);
	ph_buffer_deinit(&repaired);
}

void ph_pickle_global(struct ph_pickle_stream *stream, const char *module, const char *name)
{
	ph_pickle_op(stream, PH_OP_GLOBAL);
	put_text(stream, module);
	put_text(stream, "\n");
	put_text(stream, name);
	put_text(stream, "\n");
}

static void put_memo(struct ph_pickle_stream *stream, uint32_t memo, enum ph_pickle_op small, enum ph_pickle_op large)
{
	unsigned char byte = (unsigned char)memo;
	ph_pickle_op(stream, memo < 256 ? small : large);
	if (memo < 256)
		put_data(stream, &byte, 1);
	else
		put_u32(stream, memo);
}

uint32_t ph_pickle_put(struct ph_pickle_stream *stream)
{
	uint32_t memo = ++stream->memo;
	put_memo(stream, memo, PH_OP_BINPUT, PH_OP_LONG_BINPUT);
	return memo;
}

void ph_pickle_get(struct ph_pickle_stream *stream, uint32_t memo)
{
	put_memo(stream, memo, PH_OP_BINGET, PH_OP_LONG_BINGET);
}

void ph_pickle_flush(struct ph_pickle_stream *stream)
{
	if (stream->used)
		write_line(stream);
}
