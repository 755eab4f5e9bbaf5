/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from a target: decoding WTF-8, what is printable, copies into an arena. */
#ifndef RECORD_TEXT_H
#define RECORD_TEXT_H

#include "base/arena.h"

#include <stdint.h>

#define PH_TEXT_INVALID UINT32_MAX

/* The code point at text, of `left` > 0 bytes; *size is the bytes that it takes,
 * 1 for a byte that is no WTF-8 (then PH_TEXT_INVALID).  Lone surrogates are code
 * points of their own, C0 80 is NUL. */
uint32_t ph_text_decode(const char *text, size_t left, size_t *size);

static inline bool ph_text_is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c < 0xe000;
}

/* As str.isprintable(): not of Cc, Cf, Cs, Co, Cn, Zl, Zp, Zs, but the ASCII space is. */
bool ph_text_is_printable(uint32_t c);

/* Changes the order or the look of its neighbours on a terminal: bidirectional
 * marks, line separators, zero-width characters. */
bool ph_text_is_deceptive(uint32_t c);

/* Code points (an invalid byte is one). */
size_t ph_text_length(const char *text, size_t size);
/* Bytes of the first `characters` code points; size when there are fewer. */
size_t ph_text_prefix(const char *text, size_t size, size_t characters);
/* Columns on a terminal: wide East Asian characters are two. */
size_t ph_text_width(const char *text, size_t size);

/* A NUL-terminated copy in which NULs are C0 80; NULL without memory or for text NULL. */
const char *ph_text_copy(struct ph_arena *arena, const char *text, size_t size);

#endif
