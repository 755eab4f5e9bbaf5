/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/json.h"
#include "record/text.h"

#include <string.h>

static bool is_flat(const struct ph_json *json)
{
	return !json->indent || (json->flat_at && json->depth >= json->flat_at) || json->depth > PH_JSON_DEPTH;
}

static void new_line(struct ph_json *json)
{
	ph_buffer_putc(json->out, '\n');
	for (unsigned i = 0; i < json->depth * json->indent; i++)
		ph_buffer_putc(json->out, ' ');
}

/* What comes before any value. */
static void begin(struct ph_json *json)
{
	if (json->keyed) {
		json->keyed = false;
		return;
	}
	if (json->started)
		ph_buffer_puts(json->out, is_flat(json) && json->indent ? ", " : ",");
	if (json->depth && !is_flat(json))
		new_line(json);
	json->started = true;
}

static void open(struct ph_json *json, char bracket, bool flat)
{
	begin(json);
	ph_buffer_putc(json->out, bracket);
	json->depth++;
	if (flat && !json->flat_at)
		json->flat_at = json->depth;
	json->started = false;
}

static void close(struct ph_json *json, char bracket)
{
	bool was_flat = is_flat(json);
	if (json->flat_at == json->depth)
		json->flat_at = 0;
	json->depth--;
	if (json->started && !was_flat)
		new_line(json);
	ph_buffer_putc(json->out, bracket);
	json->started = true;
}

void ph_json_object(struct ph_json *json, bool flat)
{
	open(json, '{', flat);
}

void ph_json_object_end(struct ph_json *json)
{
	close(json, '}');
}

void ph_json_array(struct ph_json *json, bool flat)
{
	open(json, '[', flat);
}

void ph_json_array_end(struct ph_json *json)
{
	close(json, ']');
}

static bool is_escaped(uint32_t c)
{
	return c < 0x20 || c == '"' || c == '\\' || (c >= 0x7f && c < 0xa0) || ph_text_is_surrogate(c) ||
	       ph_text_is_deceptive(c);
}

static void put_escape(struct ph_buffer *out, uint32_t c)
{
	static const char letters[] = "b\bf\fn\nr\rt\t\"\"\\\\";
	for (size_t i = 0; i < sizeof(letters) - 1; i += 2) {
		if (c == (uint8_t)letters[i + 1]) {
			ph_buffer_putc(out, '\\');
			ph_buffer_putc(out, letters[i]);
			return;
		}
	}
	if (c > 0xffff)
		ph_buffer_printf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
				 (unsigned)(0xdc00 + (c & 0x3ff)));
	else
		ph_buffer_printf(out, "\\u%04x", (unsigned)c);
}

/* A high surrogate with a low one behind, as two code points of a str: JSON has no way to tell them from
 * the character, so that is what is written. */
static bool is_pair(const char *text, size_t left, uint32_t high, uint32_t *ret)
{
	size_t n;
	if (high < 0xd800 || high >= 0xdc00 || left < 6)
		return false;
	uint32_t low = ph_text_decode(text + 3, left - 3, &n);
	if (low < 0xdc00 || low >= 0xe000)
		return false;
	*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* How many of the first bytes are ASCII that stands for itself. */
static size_t plain_size(const char *text, size_t size)
{
	size_t i = 0;
	while (i < size && text[i] >= 0x20 && text[i] < 0x7f && text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

static void put_text(struct ph_buffer *out, const char *text, size_t size)
{
	size_t run = 0, n;
	for (size_t i = plain_size(text, size); i < size; i += n + plain_size(text + i + n, size - i - n)) {
		uint32_t c = ph_text_decode(text + i, size - i, &n), pair;
		if (c != PH_TEXT_INVALID && !is_escaped(c))
			continue;
		ph_buffer_append(out, text + run, i - run);
		if (c == PH_TEXT_INVALID) {
			ph_buffer_put_utf8(out, 0xfffd);
		} else if (is_pair(text + i, size - i, c, &pair)) {
			n = 6;
			if (is_escaped(pair))
				put_escape(out, pair);
			else
				ph_buffer_put_utf8(out, pair);
		} else {
			put_escape(out, c);
		}
		run = i + n;
	}
	ph_buffer_append(out, text + run, size - run);
}

void ph_json_string_n(struct ph_json *json, const char *text, size_t size)
{
	begin(json);
	ph_buffer_putc(json->out, '"');
	put_text(json->out, text, size);
	ph_buffer_putc(json->out, '"');
}

void ph_json_string(struct ph_json *json, const char *text)
{
	if (text)
		ph_json_string_n(json, text, strlen(text));
	else
		ph_json_null(json);
}

void ph_json_key(struct ph_json *json, const char *key)
{
	ph_json_string(json, key);
	ph_buffer_puts(json->out, json->indent ? ": " : ":");
	json->keyed = true;
}

void ph_json_int(struct ph_json *json, int64_t number)
{
	begin(json);
	ph_buffer_put_int(json->out, number);
}

void ph_json_uint(struct ph_json *json, uint64_t number)
{
	begin(json);
	ph_buffer_printf(json->out, "%llu", (unsigned long long)number);
}

void ph_json_bool(struct ph_json *json, bool value)
{
	begin(json);
	ph_buffer_puts(json->out, value ? "true" : "false");
}

void ph_json_null(struct ph_json *json)
{
	begin(json);
	ph_buffer_puts(json->out, "null");
}

void ph_json_address(struct ph_json *json, ph_addr address)
{
	begin(json);
	ph_buffer_putc(json->out, '"');
	ph_buffer_put_hex(json->out, address);
	ph_buffer_putc(json->out, '"');
}

void ph_json_put_string(struct ph_json *json, const char *key, const char *text)
{
	ph_json_key(json, key);
	ph_json_string(json, text);
}

void ph_json_put_int(struct ph_json *json, const char *key, int64_t number)
{
	ph_json_key(json, key);
	ph_json_int(json, number);
}

void ph_json_put_known(struct ph_json *json, const char *key, int64_t number, int64_t unknown)
{
	ph_json_key(json, key);
	if (number == unknown)
		ph_json_null(json);
	else
		ph_json_int(json, number);
}

void ph_json_put_uint(struct ph_json *json, const char *key, uint64_t number)
{
	ph_json_key(json, key);
	ph_json_uint(json, number);
}

void ph_json_put_bool(struct ph_json *json, const char *key, bool value)
{
	ph_json_key(json, key);
	ph_json_bool(json, value);
}

void ph_json_put_address(struct ph_json *json, const char *key, ph_addr address)
{
	ph_json_key(json, key);
	if (address)
		ph_json_address(json, address);
	else
		ph_json_null(json);
}
