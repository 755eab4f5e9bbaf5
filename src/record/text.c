/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/text.h"
#include "record/render.h"

#include <string.h>
#include <unictype.h>
#include <uniwidth.h>

uint32_t ph_text_decode(const char *text, size_t left, size_t *size)
{
	const uint8_t *p = (const uint8_t *)text;
	uint32_t c = p[0];
	size_t more = c < 0x80 ? 0 : c < 0xc0 ? 4 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf8 ? 3 : 4;
	*size = 1;
	if (!more)
		return c;
	if (more > 3 || more >= left)
		return PH_TEXT_INVALID;
	c &= 0x3f >> more;
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return PH_TEXT_INVALID;
		c = c << 6 | (p[i] & 0x3f);
	}
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	if ((c < least[more] && !(more == 1 && c == 0)) || c > 0x10ffff)
		return PH_TEXT_INVALID;
	*size = more + 1;
	return c;
}

bool ph_text_is_printable(uint32_t c)
{
	if (c < 0x7f)
		return c >= 0x20;
	return c <= 0x10ffff &&
	       !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Cs |
							    UC_CATEGORY_MASK_Co | UC_CATEGORY_MASK_Cn |
							    UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp |
							    UC_CATEGORY_MASK_Zs);
}

bool ph_text_is_deceptive(uint32_t c)
{
	return c == 0x061c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

size_t ph_text_length(const char *text, size_t size)
{
	size_t count = 0, n;
	for (size_t i = 0; i < size; i += n, count++)
		ph_text_decode(text + i, size - i, &n);
	return count;
}

size_t ph_text_prefix(const char *text, size_t size, size_t characters)
{
	size_t i = 0, n;
	for (; i < size && characters; i += n, characters--)
		ph_text_decode(text + i, size - i, &n);
	return i;
}

size_t ph_text_width(const char *text, size_t size)
{
	size_t width = 0, n;
	for (size_t i = 0; i < size; i += n) {
		uint32_t c = ph_text_decode(text + i, size - i, &n);
		int w = c < 0x7f || c == PH_TEXT_INVALID ? 1 : uc_width(c, "UTF-8");
		width += w > 0 ? (size_t)w : 0;
	}
	return width;
}

const char *ph_text_copy(struct ph_arena *arena, const char *text, size_t size)
{
	size_t nuls = 0;
	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i++)
		nuls += !text[i];
	if (!nuls)
		return ph_arena_strndup(arena, text, size);
	char *copy = ph_arena_alloc(arena, size + nuls + 1), *p = copy;
	for (size_t i = 0; copy && i < size; i++) {
		if (text[i]) {
			*p++ = text[i];
		} else {
			*p++ = (char)0xc0;
			*p++ = (char)0x80;
		}
	}
	return copy;
}

/* Objects/unicodeobject.c, unicode_repr() (3.8 to 3.13 alike): the double quote
 * only where the text has single ones and no double ones. */
static char quote_for(const char *text, size_t size)
{
	return size && memchr(text, '\'', size) && !memchr(text, '"', size) ? '"' : '\'';
}

static bool put_common_escape(uint32_t c, char quote, struct ph_buffer *out)
{
	char e = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\\' || c == (uint8_t)quote ? (char)c : 0;
	if (!e)
		return false;
	ph_buffer_putc(out, '\\');
	ph_buffer_putc(out, e);
	return true;
}

static void put_hex(uint32_t c, struct ph_buffer *out)
{
	if (c <= 0xff)
		ph_buffer_printf(out, "\\x%02x", (unsigned)c);
	else if (c <= 0xffff)
		ph_buffer_printf(out, "\\u%04x", (unsigned)c);
	else
		ph_buffer_printf(out, "\\U%08x", (unsigned)c);
}

static size_t plain_run(const char *text, size_t size, char quote)
{
	size_t i = 0;
	while (i < size && (uint8_t)text[i] >= 0x20 && (uint8_t)text[i] < 0x7f && text[i] != '\\' && text[i] != quote)
		i++;
	return i;
}

static void quote_text(const char *text, size_t size, bool ascii, struct ph_buffer *out)
{
	char quote = quote_for(text, size);
	size_t n;
	ph_buffer_putc(out, quote);
	for (size_t i = 0; i < size; i += n) {
		n = plain_run(text + i, size - i, quote);
		if (n) {
			ph_buffer_append(out, text + i, n);
			continue;
		}
		uint32_t c = ph_text_decode(text + i, size - i, &n);
		if (c == PH_TEXT_INVALID)
			ph_buffer_put_utf8(out, 0xfffd);
		else if (put_common_escape(c, quote, out))
			continue;
		else if (!ascii && ph_text_is_printable(c))
			ph_buffer_append(out, text + i, n);
		else
			put_hex(c, out);
	}
	ph_buffer_putc(out, quote);
}

/* Objects/bytesobject.c, PyBytes_Repr(). */
void ph_quote_str(const char *text, size_t size, struct ph_buffer *out)
{
	quote_text(text, size, false, out);
}

void ph_quote_unicode(const char *text, size_t size, struct ph_buffer *out)
{
	ph_buffer_putc(out, 'u');
	quote_text(text, size, true, out);
}

void ph_quote_bytes(const char *data, size_t size, struct ph_buffer *out)
{
	char quote = quote_for(data, size);
	size_t n;
	ph_buffer_putc(out, 'b');
	ph_buffer_putc(out, quote);
	for (size_t i = 0; i < size; i += n) {
		n = plain_run(data + i, size - i, quote);
		if (n) {
			ph_buffer_append(out, data + i, n);
			continue;
		}
		n = 1;
		if (!put_common_escape((uint8_t)data[i], quote, out))
			put_hex((uint8_t)data[i], out);
	}
	ph_buffer_putc(out, quote);
}

void ph_escape_terminal(const char *text, size_t size, bool newlines, struct ph_buffer *out)
{
	size_t n;
	for (size_t i = 0; i < size; i += n) {
		uint32_t c = ph_text_decode(text + i, size - i, &n);
		if (c == PH_TEXT_INVALID)
			ph_buffer_put_utf8(out, 0xfffd);
		else if ((c == '\n' && newlines) || (c >= 0x20 && c < 0x7f))
			ph_buffer_append(out, text + i, n);
		else if (c == '\n' || c == '\t' || c == '\r')
			put_common_escape(c, '\0', out);
		else if (c < 0xa0 || ph_text_is_surrogate(c) || ph_text_is_deceptive(c))
			put_hex(c, out);
		else
			ph_buffer_append(out, text + i, n);
	}
}
