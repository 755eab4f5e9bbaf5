/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A streaming JSON writer: values in the order in which they are given.
 *
 * Strings are WTF-8 (record/value.h).  Written so that they are harmless in a
 * terminal and come back as they were: control characters, bidirectional marks
 * and lone surrogates as \uXXXX, bytes that are no UTF-8 as U+FFFD, the rest raw. */
#ifndef RECORD_JSON_H
#define RECORD_JSON_H

#include "base/buffer.h"
#include "base/types.h"

#define PH_JSON_DEPTH 64 /* containers open at once that are laid out; deeper ones stay on one line */

struct ph_json {
	struct ph_buffer *out;
	unsigned indent;  /* spaces a level; 0 all on one line */
	unsigned depth;	  /* containers open */
	unsigned flat_at; /* depth from which all is on one line, 0 none */
	bool started;	  /* the innermost container has a member */
	bool keyed;	  /* a key was written, its value is to come */
};

static inline struct ph_json ph_json(struct ph_buffer *out, unsigned indent)
{
	return (struct ph_json){ .out = out, .indent = indent };
}

/* Containers; `flat` ones are written on one line with all that is in them. */
void ph_json_object(struct ph_json *json, bool flat);
void ph_json_object_end(struct ph_json *json);
void ph_json_array(struct ph_json *json, bool flat);
void ph_json_array_end(struct ph_json *json);

void ph_json_key(struct ph_json *json, const char *key);

/* text NULL: null. */
void ph_json_string(struct ph_json *json, const char *text);
void ph_json_string_n(struct ph_json *json, const char *text, size_t size);
void ph_json_int(struct ph_json *json, int64_t number);
void ph_json_uint(struct ph_json *json, uint64_t number);
void ph_json_bool(struct ph_json *json, bool value);
void ph_json_null(struct ph_json *json);
/* "0x…". */
void ph_json_address(struct ph_json *json, ph_addr address);

/* Key and value in one. */
void ph_json_put_string(struct ph_json *json, const char *key, const char *text);
void ph_json_put_int(struct ph_json *json, const char *key, int64_t number);
/* null when it is `unknown`. */
void ph_json_put_known(struct ph_json *json, const char *key, int64_t number, int64_t unknown);
void ph_json_put_uint(struct ph_json *json, const char *key, uint64_t number);
void ph_json_put_bool(struct ph_json *json, const char *key, bool value);
/* 0: null. */
void ph_json_put_address(struct ph_json *json, const char *key, ph_addr address);

#endif
