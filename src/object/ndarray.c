/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numpy's arrays: not their items, but of what type they are, how many there are in which dimension, how many bytes that
 * is, and whose memory it is.  numpy/core/include/numpy/ndarraytypes.h. */
#include "base/cursor.h"
#include "object/decoder.h"
#include "object/size.h"

/* PyArray_Descr.kind and .elsize, as numpy.dtype.name has them; records and what is not known by the letter. */
static bool put_dtype(const struct ph_target *t, const struct ph_ndarray *a, struct ph_buffer *out)
{
	static const struct {
		char kind;
		const char *name;
		bool has_bits; /* in the name */
	} names[] = { { 'b', "bool", false },	 { 'i', "int", true },	   { 'u', "uint", true },
		      { 'f', "float", true },	 { 'c', "complex", true }, { 'O', "object", false },
		      { 'M', "datetime", true }, { 'm', "timedelta", true } };
	enum { KIND = 24 };
	uint8_t kind;
	if (a->item < 0 || ph_image_read(t->image, a->descr + KIND, &kind, 1) != PH_OK || kind < 'A' || kind > 'z')
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].kind == (char)kind) {
			ph_buffer_puts(out, names[i].name);
			if (names[i].has_bits)
				ph_buffer_printf(out, "%lld", (long long)a->item * 8);
			return true;
		}
	/* a str's items are of four bytes a character */
	ph_buffer_printf(out, "%c%lld", (char)kind, (long long)(kind == 'U' ? a->item / 4 : a->item));
	return true;
}

enum ph_status ph_decode_ndarray(struct ph_decode *d)
{
	struct ph_ndarray a;
	struct ph_buffer text = PH_BUFFER(65536);
	if (!ph_ndarray_load(d->target, d->address, &a))
		return PH_CORRUPT;
	int64_t bytes = ph_ndarray_bytes(&a);
	ph_buffer_printf(&text, "<%s dtype=", d->type->type.full);
	if (!put_dtype(d->target, &a, &text))
		ph_buffer_putc(&text, '?');
	ph_buffer_puts(&text, " shape=(");
	for (unsigned i = 0; i < a.nd; i++)
		ph_buffer_printf(&text, i ? ", %llu" : "%llu", (unsigned long long)a.shape[i]);
	ph_buffer_puts(&text, a.nd == 1 ? ",)" : ")");
	if (bytes >= 0)
		ph_buffer_printf(&text, ", %lld bytes", (long long)bytes);
	if (a.base)
		ph_buffer_printf(&text, " of the base at 0x%llx", (unsigned long long)a.base);
	ph_buffer_putc(&text, '>');
	if (a.nd && !(a.shape[0] >> 40))
		d->value->len = (int64_t)a.shape[0];
	/* as ph_ndarray_size() has it */
	if (bytes >= 0)
		d->value->size = ph_size_with_head(d, d->type->type.basicsize + (int64_t)(2 * a.nd) * 8 +
							      (a.flags & PH_NDARRAY_OWNDATA ? bytes : 0));
	ph_decode_text(d, ph_value_copy(d->value, ph_buffer_text(&text), text.size));
	ph_buffer_deinit(&text);
	return PH_OK;
}
