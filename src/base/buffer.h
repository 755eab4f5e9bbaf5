/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A byte buffer that grows up to a maximum given when it is made (as curl's do).
 *
 * Appending never fails outright: past the maximum, or without memory, the
 * buffer stops taking bytes and says so in `truncated` or `no_memory`, which
 * are sticky.  The caller looks once, at the end. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ph_buffer {
	char *data;	 /* NUL-terminated once anything was appended; else NULL */
	size_t size;	 /* bytes, without the NUL */
	size_t capacity; /* bytes allocated */
	size_t maximum;	 /* bytes that size may reach */
	bool truncated;
	bool no_memory;
};

#define PH_BUFFER(max) ((struct ph_buffer){ .maximum = (max) })
#define PH_BUFFER_UNBOUNDED ((size_t)1 << 62)

void ph_buffer_deinit(struct ph_buffer *buffer);
#define ph_auto_buffer ph_cleanup(ph_buffer_deinit)

/* Forget the contents and the sticky flags, keep the memory. */
void ph_buffer_clear(struct ph_buffer *buffer);

void ph_buffer_append(struct ph_buffer *buffer, const void *data, size_t size);
void ph_buffer_puts(struct ph_buffer *buffer, const char *text);
void ph_buffer_putc(struct ph_buffer *buffer, char c);
void ph_buffer_printf(struct ph_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ph_buffer_vprintf(struct ph_buffer *buffer, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

/* "0x7f…", and a decimal: as printf() would, in a tenth of its time. */
void ph_buffer_put_hex(struct ph_buffer *buffer, uint64_t number);
void ph_buffer_put_int(struct ph_buffer *buffer, int64_t number);
/* "0x7f…" to `out`, without a NUL; the number of characters. */
#define PH_HEX_ROOM 18
size_t ph_put_hex(char *out, uint64_t number);

/* One code point as UTF-8; lone surrogates too, in three bytes ("surrogatepass"). */
void ph_buffer_put_utf8(struct ph_buffer *buffer, uint32_t code_point);

/* The text, never NULL, borrowed until the next call on the buffer. */
const char *ph_buffer_text(const struct ph_buffer *buffer);

/* The text as a malloc'ed string, the buffer is empty then; NULL without memory. */
char *ph_buffer_steal(struct ph_buffer *buffer);

#endif
