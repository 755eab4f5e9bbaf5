/* SPDX-License-Identifier: GPL-3.0-or-later */
/* array.array.  Modules/arraymodule.c of 3.8 to 3.13: ob_descr points to a row of
 * a static table with the type code and the size of an item. */
#include <string.h>

#include "base/cursor.h"
#include "object/decoder.h"
#include "record/render.h"

static float load_float(const uint8_t *data, bool big_endian)
{
	uint32_t bits = (uint32_t)ph_load_uint(data, 4, big_endian);
	float number;
	memcpy(&number, &bits, sizeof(number));
	return number;
}

static bool print_item(char code, const uint8_t *data, size_t size, bool big_endian, struct ph_buffer *out)
{
	char text[PH_DOUBLE_ROOM];
	switch (code) {
	case 'b': case 'h': case 'i': case 'l': case 'q':
		ph_buffer_printf(out, "%lld", (long long)ph_load_int(data, size, big_endian));
		return true;
	case 'B': case 'H': case 'I': case 'L': case 'Q':
		ph_buffer_printf(out, "%llu", (unsigned long long)ph_load_uint(data, size, big_endian));
		return true;
	case 'd': case 'f':
		if (size != (code == 'd' ? 8 : 4))
			return false;
		ph_double_repr(code == 'd' ? ph_load_double(data, big_endian) : load_float(data, big_endian), text);
		ph_buffer_puts(out, text);
		return true;
	default:
		return false;
	}
}

/* 'u' and 'w': one str of all items. */
static enum ph_status print_text(struct ph_decode *d, ph_addr items, uint64_t count, size_t size, struct ph_buffer *out)
{
	struct ph_buffer text = PH_BUFFER(1 << 20);
	enum ph_status status = PH_OK;
	for (uint64_t i = 0; i < count && status == PH_OK; i++) {
		uint8_t raw[8];
		status = ph_image_read(d->target->image, items + i * size, raw, size);
		uint32_t c = status == PH_OK ? (uint32_t)ph_load_uint(raw, size, d->target->layout.abi.big_endian) : 0;
		ph_buffer_put_utf8(&text, c > 0x10ffff ? 0xfffd : c);
	}
	ph_quote_str(ph_buffer_text(&text), text.size, out);
	ph_buffer_deinit(&text);
	return status;
}

static enum ph_status print_items(struct ph_decode *d, char code, ph_addr items, uint64_t count, size_t size,
				  struct ph_buffer *out)
{
	uint64_t wanted = count < d->limits->children ? count : d->limits->children;
	d->value->text_cut = wanted < count;
	ph_buffer_puts(out, ", ");
	if (code == 'u' || code == 'w')
		return print_text(d, items, wanted, size, out);
	ph_buffer_putc(out, '[');
	for (uint64_t i = 0; i < wanted; i++) {
		uint8_t raw[8];
		enum ph_status status = ph_image_read(d->target->image, items + i * size, raw, size);
		if (status != PH_OK)
			return status;
		if (i)
			ph_buffer_puts(out, ", ");
		if (!print_item(code, raw, size, d->target->layout.abi.big_endian, out))
			return PH_CORRUPT;
	}
	ph_buffer_puts(out, wanted < count ? ", ...]" : "]");
	return PH_OK;
}

enum ph_status ph_decode_array(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	int64_t count = ph_read_int(o, d->address, PH_PyVarObject_ob_size);
	ph_addr items = ph_read_ptr(o, d->address, PH_arrayobject_ob_item);
	ph_addr descr = ph_read_ptr(o, d->address, PH_arrayobject_ob_descr);
	uint64_t code, size;
	enum ph_status status = ph_target_uint(d->target, descr, PH_arraydescr_typecode, &code);
	if (status == PH_OK)
		status = ph_target_uint(d->target, descr, PH_arraydescr_itemsize, &size);
	if (status != PH_OK)
		return status;
	if (count < 0 || count >> 40 || size == 0 || size > 8 || code < 'A' || code > 'z' ||
	    ph_image_readable(d->target->image, items, (uint64_t)count * size) < (uint64_t)count * size)
		return PH_CORRUPT;
	d->value->len = count;
	struct ph_buffer text = PH_BUFFER(1 << 20);
	ph_buffer_printf(&text, "%s('%c'", d->type->short_name, (char)code);
	if (count)
		status = print_items(d, (char)code, items, (uint64_t)count, size, &text);
	ph_buffer_putc(&text, ')');
	if (status == PH_OK)
		ph_decode_text(d, ph_value_copy(d->value, ph_buffer_text(&text), text.size));
	ph_buffer_deinit(&text);
	return status;
}
