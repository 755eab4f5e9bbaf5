/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ph_buffer_deinit(struct ph_buffer *buffer)
{
	free(buffer->data);
	buffer->data = NULL;
	buffer->size = buffer->capacity = 0;
}

void ph_buffer_clear(struct ph_buffer *buffer)
{
	buffer->size = 0;
	buffer->truncated = buffer->no_memory = false;
	if (buffer->data)
		buffer->data[0] = '\0';
}

/* Room for `size` more bytes and the NUL. */
static bool reserve(struct ph_buffer *buffer, size_t size)
{
	size_t need = buffer->size + size + 1;
	if (need <= buffer->capacity)
		return true;
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	while (capacity < need)
		capacity *= 2;
	char *data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->no_memory = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

void ph_buffer_append(struct ph_buffer *buffer, const void *data, size_t size)
{
	size_t left = buffer->maximum > buffer->size ? buffer->maximum - buffer->size : 0;
	if (buffer->truncated || buffer->no_memory)
		return;
	if (size > left) {
		buffer->truncated = true;
		size = left;
	}
	if (!reserve(buffer, size))
		return;
	if (size)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
}

void ph_buffer_puts(struct ph_buffer *buffer, const char *text)
{
	ph_buffer_append(buffer, text, strlen(text));
}

void ph_buffer_putc(struct ph_buffer *buffer, char c)
{
	if (buffer->size + 2 > buffer->capacity || buffer->size >= buffer->maximum || buffer->truncated) {
		ph_buffer_append(buffer, &c, 1);
		return;
	}
	buffer->data[buffer->size++] = c;
	buffer->data[buffer->size] = '\0';
}

size_t ph_put_hex(char *out, uint64_t number)
{
	size_t digits = number ? (67 - (size_t)__builtin_clzll(number)) / 4 : 1;
	out[0] = '0', out[1] = 'x';
	for (size_t i = digits; i-- > 0; number >>= 4)
		out[2 + i] = "0123456789abcdef"[number & 15];
	return 2 + digits;
}

void ph_buffer_put_hex(struct ph_buffer *buffer, uint64_t number)
{
	char text[PH_HEX_ROOM];
	ph_buffer_append(buffer, text, ph_put_hex(text, number));
}

void ph_buffer_put_int(struct ph_buffer *buffer, int64_t number)
{
	char text[24], *p = text + sizeof(text);
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (number < 0)
		*--p = '-';
	ph_buffer_append(buffer, p, (size_t)(text + sizeof(text) - p));
}

void ph_buffer_vprintf(struct ph_buffer *buffer, const char *format, va_list ap)
{
	char small[256];
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof(small), format, ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		ph_buffer_append(buffer, small, (size_t)n);
	} else if (n >= 0) {
		char *text = malloc((size_t)n + 1);
		if (text) {
			vsnprintf(text, (size_t)n + 1, format, again);
			ph_buffer_append(buffer, text, (size_t)n);
			free(text);
		} else {
			buffer->no_memory = true;
		}
	}
	va_end(again);
}

void ph_buffer_printf(struct ph_buffer *buffer, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	ph_buffer_vprintf(buffer, format, ap);
	va_end(ap);
}

void ph_buffer_put_utf8(struct ph_buffer *buffer, uint32_t c)
{
	char s[4];
	size_t n;
	if (c < 0x80) {
		s[0] = (char)c, n = 1;
	} else if (c < 0x800) {
		s[0] = (char)(0xc0 | c >> 6), s[1] = (char)(0x80 | (c & 0x3f)), n = 2;
	} else if (c < 0x10000) {
		s[0] = (char)(0xe0 | c >> 12), s[1] = (char)(0x80 | (c >> 6 & 0x3f));
		s[2] = (char)(0x80 | (c & 0x3f)), n = 3;
	} else {
		s[0] = (char)(0xf0 | (c >> 18 & 7)), s[1] = (char)(0x80 | (c >> 12 & 0x3f));
		s[2] = (char)(0x80 | (c >> 6 & 0x3f)), s[3] = (char)(0x80 | (c & 0x3f)), n = 4;
	}
	/* whole code points or nothing */
	if (buffer->maximum < buffer->size + n) {
		buffer->truncated = true;
		return;
	}
	ph_buffer_append(buffer, s, n);
}

const char *ph_buffer_text(const struct ph_buffer *buffer)
{
	return buffer->data ? buffer->data : "";
}

char *ph_buffer_steal(struct ph_buffer *buffer)
{
	if (!buffer->data && !reserve(buffer, 0))
		return NULL;
	char *data = buffer->data;
	data[buffer->size] = '\0';
	buffer->data = NULL;
	buffer->size = buffer->capacity = 0;
	return data;
}
