/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "object/code.h"

#include "base/cursor.h"

/* Lines are added up from a table that may lie: they wrap rather than overflow. */
static int add_line(int line, int64_t delta)
{
	return (int)(uint32_t)((uint64_t)line + (uint64_t)delta);
}

static int lnotab(const uint8_t *table, size_t size, int first_line, int64_t offset, bool with_sign)
{
	int line = first_line;
	int64_t address = 0;

	for (size_t i = 0; i + 2 <= size; i += 2) {
		address += table[i];
		if (address > offset)
			break;
		line = add_line(line, with_sign ? (int8_t)table[i + 1] : table[i + 1]);
	}
	return line > 0 ? line : 0;
}

int ph_linetable_lnotab(const uint8_t *table, size_t size, int first_line, int64_t offset)
{
	return lnotab(table, size, first_line, offset, true);
}

int ph_linetable_lnotab_unsigned(const uint8_t *table, size_t size, int first_line, int64_t offset)
{
	return lnotab(table, size, first_line, offset, false);
}

int ph_linetable_pep626(const uint8_t *table, size_t size, int first_line, int64_t offset)
{
	if (offset < 0)
		return first_line;
	int line = first_line;
	int64_t end = 0;
	for (size_t i = 0; i + 2 <= size; i += 2) {
		int delta = (int8_t)table[i + 1];
		bool has_line = delta != -128;
		if (has_line)
			line = add_line(line, delta);
		end += table[i];
		if (end > offset)
			return has_line && line > 0 ? line : 0;
	}
	return 0;
}

/* Six bits a byte, the lowest first; 0x40 says that more follow.  Bits beyond 32 are dropped. */
static uint32_t read_varint(struct ph_cursor *c)
{
	uint32_t value = 0;
	unsigned shift = 0;
	uint8_t byte;
	do {
		byte = ph_cursor_u8(c);
		if (shift < 32)
			value |= (uint32_t)(byte & 63) << shift;
		shift += 6;
	} while (byte & 64 && !c->overrun);
	return value;
}

static int64_t read_signed_varint(struct ph_cursor *c)
{
	uint32_t value = read_varint(c);
	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* PY_CODE_LOCATION_INFO_… of Include/cpython/code.h (3.11); below ONE_LINE0 are the short forms. */
enum { ONE_LINE0 = 10, ONE_LINE2 = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15 };

/* What follows an entry's first byte.  Keeps the running line in *line. */
static struct ph_position read_entry(struct ph_cursor *c, int code, int *line)
{
	struct ph_position p = { .column = -1, .end_column = -1 };

	if (code == NONE)
		return p;
	if (code == LONG) {
		*line = add_line(*line, read_signed_varint(c));
		p.line = *line;
		p.end_line = add_line(*line, read_varint(c));
		p.column = (int)(read_varint(c) - 1);
		p.end_column = (int)(read_varint(c) - 1);
		return p;
	}
	if (code == NO_COLUMNS) {
		*line = add_line(*line, read_signed_varint(c));
	} else if (code >= ONE_LINE0 && code <= ONE_LINE2) {
		*line = add_line(*line, code - ONE_LINE0);
		p.column = ph_cursor_u8(c);
		p.end_column = ph_cursor_u8(c);
	} else {
		int second = ph_cursor_u8(c);
		p.column = code << 3 | second >> 4;
		p.end_column = p.column + (second & 15);
	}
	p.line = p.end_line = *line;
	return p;
}

struct ph_position ph_linetable_locations(const uint8_t *table, size_t size, int first_line, int64_t offset)
{
	const struct ph_position unknown = { .column = -1, .end_column = -1 };
	if (offset < 0)
		return (struct ph_position){
			.line = first_line, .end_line = first_line, .column = -1, .end_column = -1
		};

	struct ph_cursor c = ph_cursor(table, size, false);
	int line = first_line;
	int64_t end = 0;
	while (ph_cursor_left(&c)) {
		uint8_t first = ph_cursor_u8(&c);
		struct ph_position p = read_entry(&c, first >> 3 & 15, &line);
		if (c.overrun)
			return unknown;
		end += ((first & 7) + 1) * 2; /* code units of two bytes */
		if (end <= offset)
			continue;
		if (p.line <= 0)
			return unknown;
		if (p.end_line < p.line)
			p.end_line = p.line;
		if (p.column < 0 || p.end_column < 0)
			p.column = p.end_column = -1;
		return p;
	}
	return unknown;
}
