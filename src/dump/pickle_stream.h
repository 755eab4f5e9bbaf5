/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pickle opcodes of protocol 2 (Python 2.7, Lib/pickle.py), written in base64
 * as they come: nothing of the pickle is held.
 *
 * Text that the reader needs as a native str (names of attributes, files and
 * functions) is always SHORT_BINSTRING or, when long, STRING; a bytes object is
 * always BINSTRING.  So another program can tell the two, which Python 2 cannot. */
#ifndef DUMP_PICKLE_STREAM_H
#define DUMP_PICKLE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PH_PICKLE_LINE 57 /* bytes of a line of base64: 76 characters */

enum ph_pickle_op {
	PH_OP_PROTO = 0x80,
	PH_OP_NEWOBJ = 0x81,
	PH_OP_TUPLE1 = 0x85,
	PH_OP_TUPLE2 = 0x86,
	PH_OP_TUPLE3 = 0x87,
	PH_OP_NEWTRUE = 0x88,
	PH_OP_NEWFALSE = 0x89,
	PH_OP_LONG1 = 0x8a,
	PH_OP_LONG4 = 0x8b,
	PH_OP_MARK = '(',
	PH_OP_STOP = '.',
	PH_OP_POP = '0',
	PH_OP_BINFLOAT = 'G',
	PH_OP_INT = 'I',
	PH_OP_BININT = 'J',
	PH_OP_BININT1 = 'K',
	PH_OP_NONE = 'N',
	PH_OP_REDUCE = 'R',
	PH_OP_STRING = 'S',
	PH_OP_BINSTRING = 'T',
	PH_OP_SHORT_BINSTRING = 'U',
	PH_OP_BINUNICODE = 'X',
	PH_OP_EMPTY_LIST = ']',
	PH_OP_EMPTY_DICT = '}',
	PH_OP_EMPTY_TUPLE = ')',
	PH_OP_APPENDS = 'e',
	PH_OP_BUILD = 'b',
	PH_OP_GLOBAL = 'c',
	PH_OP_BINGET = 'h',
	PH_OP_LONG_BINGET = 'j',
	PH_OP_BINPUT = 'q',
	PH_OP_LONG_BINPUT = 'r',
	PH_OP_SETITEM = 's',
	PH_OP_SETITEMS = 'u',
	PH_OP_TUPLE = 't',
};

struct ph_pickle_stream {
	FILE *file; /* borrowed */
	unsigned char line[PH_PICKLE_LINE];
	size_t used;
	uint32_t memo; /* numbers given so far */
	int errnum;    /* of the first failed write, sticky */
};

void ph_pickle_op(struct ph_pickle_stream *stream, enum ph_pickle_op op);
/* BININT1, BININT, or LONG1 beyond 32 bits. */
void ph_pickle_int(struct ph_pickle_stream *stream, int64_t number);
/* INT: beyond 32 bits an int of Python 2, not a long. */
void ph_pickle_long_int(struct ph_pickle_stream *stream, int64_t number);
/* "0x…", "-0x…": any size.  False, and nothing written, when it is no number. */
bool ph_pickle_hex(struct ph_pickle_stream *stream, const char *text);
void ph_pickle_float(struct ph_pickle_stream *stream, double number);
void ph_pickle_name(struct ph_pickle_stream *stream, const char *text, size_t size);
void ph_pickle_bytes(struct ph_pickle_stream *stream, const char *data, size_t size);
/* UTF-8, lone surrogates in three bytes; what is no UTF-8 becomes U+FFFD. */
void ph_pickle_unicode(struct ph_pickle_stream *stream, const char *text, size_t size);
void ph_pickle_global(struct ph_pickle_stream *stream, const char *module, const char *name);
/* Give what is on the stack the next number; from 1 on. */
uint32_t ph_pickle_put(struct ph_pickle_stream *stream);
void ph_pickle_get(struct ph_pickle_stream *stream, uint32_t memo);
/* The last line. */
void ph_pickle_flush(struct ph_pickle_stream *stream);

#endif
