/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decimal.Decimal of C.  Modules/_decimal/_decimal.c, libmpdec's mpdecimal.h of 3.8
 * to 3.13, 64-bit: the coefficient in words of 19 digits, the lowest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "object/decoder.h"

enum { FLAG_NEGATIVE = 1, FLAG_INFINITE = 2, FLAG_NAN = 4, FLAG_SNAN = 8 };

#define WORD_DIGITS 19
#define WORDS_MAXIMUM 512

/* The coefficient's digits, without leading zeros; NULL when it is not readable. */
static char *read_digits(struct ph_decode *d, ph_addr data, int64_t words)
{
	char *text = malloc((size_t)words * WORD_DIGITS + 2), *p = text;
	if (!text)
		return NULL;
	for (int64_t i = words; i-- > 0;) {
		ph_addr word; /* as wide as a pointer */
		if (ph_target_read_ptr(d->target, data + (uint64_t)i * 8, &word) != PH_OK ||
		    word >= UINT64_C(10000000000000000000)) {
			free(text);
			return NULL;
		}
		p += sprintf(p, p == text ? "%llu" : "%019llu", (unsigned long long)word);
		if (p == text + 1 && *text == '0' && i)
			p = text;
	}
	*p = '\0';
	return text;
}

/* to-scientific-string of the specification, as mpd_to_sci() with capitals. */
static void lay_out(const char *digits, int64_t exponent, struct ph_buffer *out)
{
	int64_t count = (int64_t)strlen(digits), adjusted = exponent + count - 1;
	if (exponent <= 0 && adjusted >= -6) {
		int64_t point = count + exponent;
		if (point <= 0) {
			ph_buffer_puts(out, "0.");
			for (; point < 0; point++)
				ph_buffer_putc(out, '0');
			ph_buffer_puts(out, digits);
		} else {
			ph_buffer_append(out, digits, (size_t)point);
			if (exponent)
				ph_buffer_printf(out, ".%s", digits + point);
		}
		return;
	}
	ph_buffer_putc(out, digits[0]);
	if (count > 1)
		ph_buffer_printf(out, ".%s", digits + 1);
	ph_buffer_printf(out, "E%+lld", (long long)adjusted);
}

enum ph_status ph_decode_decimal(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	ph_addr mpd = ph_target_at(d->target, d->address, PH_PyDecObject_dec);
	int64_t flags = ph_read_int(o, mpd, PH_mpd_t_flags), words = ph_read_int(o, mpd, PH_mpd_t_len);
	int64_t exponent = ph_read_int(o, mpd, PH_mpd_t_exp);
	ph_addr data = ph_read_ptr(o, mpd, PH_mpd_t_data);
	bool special = flags & (FLAG_INFINITE | FLAG_NAN | FLAG_SNAN);
	if (!mpd || words < 0 || words > WORDS_MAXIMUM || exponent >> 62 != exponent >> 63 || (!words && !special))
		return PH_CORRUPT;
	ph_auto_free char *digits = read_digits(d, data, words);
	if (!digits)
		return PH_CORRUPT;
	struct ph_buffer text = PH_BUFFER(1 << 16);
	ph_buffer_puts(&text, flags & FLAG_NEGATIVE ? "-" : "");
	if (flags & FLAG_INFINITE)
		ph_buffer_puts(&text, "Infinity");
	else if (special) /* with its payload, when it has one */
		ph_buffer_printf(&text, "%s%s", flags & FLAG_SNAN ? "sNaN" : "NaN", words ? digits : "");
	else
		lay_out(digits, exponent, &text);
	d->value->scalar = ph_value_copy(d->value, ph_buffer_text(&text), text.size);
	if (d->value->scalar)
		ph_decode_text(d, ph_value_printf(d->value, "Decimal('%s')", d->value->scalar));
	ph_buffer_deinit(&text);
	return PH_OK;
}
