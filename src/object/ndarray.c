/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numpy's arrays: not their items, but of what type they are, how many there are in which dimension, how many bytes that
 * is, and whose memory it is; and dtypes, as numpy/core/_dtype.py prints them. */
#include "base/cursor.h"
#include "object/decoder.h"
#include "object/numpy.h"
#include "record/render.h"

#define TEXT_MAXIMUM 4096
#define FIELDS_MAXIMUM 256
#define DEPTH_MAXIMUM 8
#define NAME_MAXIMUM 200 /* characters */

/* PyArray_DatetimeMetaData behind the head of its NpyAuxData: "[10ns]". */
static void put_unit(const struct ph_target *t, ph_addr metadata, struct ph_buffer *out)
{
	/* NPY_DATETIMEUNIT */
	static const char *const units[] = { "Y",  "M",	 "W",  NULL, "D",  "h",	 "m",
					     "s",  "ms", "us", "ns", "ps", "fs", "as" };
	enum { HEAD = 32, SIZE = 8 };
	const uint8_t *data = metadata ? ph_image_look(t->image, metadata + HEAD, SIZE) : NULL;
	if (!data)
		return;
	uint64_t unit = ph_load_uint(data, 4, t->layout.abi.big_endian);
	uint64_t number = ph_load_uint(data + 4, 4, t->layout.abi.big_endian);
	if (unit >= sizeof(units) / sizeof(*units) || !units[unit])
		return;
	ph_buffer_putc(out, '[');
	if (number != 1)
		ph_buffer_printf(out, "%llu", (unsigned long long)number);
	ph_buffer_printf(out, "%s]", units[unit]);
}

static bool is_swapped(const struct ph_target *t, const struct ph_numpy_dtype *d)
{
	return d->order == (t->layout.abi.big_endian ? '<' : '>');
}

/* dtype.str: "<f8"; in records without the | of what has no order of bytes. */
static void put_code(const struct ph_target *t, const struct ph_numpy_dtype *d, bool in_record, struct ph_buffer *out)
{
	char native = t->layout.abi.big_endian ? '>' : '<';
	if (d->kind == 'O' || (d->kind == 'b' && in_record)) {
		ph_buffer_puts(out, d->kind == 'O' ? (in_record ? "O" : "|O") : "?");
		return;
	}
	if (d->order != '|' || !in_record)
		ph_buffer_putc(out, d->order == '=' ? native : d->order);
	/* a str's items are of four bytes a character */
	ph_buffer_printf(out, "%c%lld", d->kind, (long long)(d->kind == 'U' ? d->item / 4 : d->item));
	if (d->kind == 'M' || d->kind == 'm')
		put_unit(t, d->metadata, out);
}

/* dtype.name of numbers, dtype.str of the others. */
static void put_name(const struct ph_target *t, const struct ph_numpy_dtype *d, struct ph_buffer *out)
{
	static const struct {
		char kind;
		const char *name;
		bool has_bits; /* in the name */
	} names[] = { { 'b', "bool", false },	 { 'i', "int", true },	   { 'u', "uint", true },
		      { 'f', "float", true },	 { 'c', "complex", true }, { 'O', "object", false },
		      { 'M', "datetime", true }, { 'm', "timedelta", true } };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !is_swapped(t, d); i++) {
		if (names[i].kind != d->kind)
			continue;
		ph_buffer_puts(out, names[i].name);
		if (names[i].has_bits)
			ph_buffer_printf(out, "%lld", (long long)d->item * 8);
		if (d->kind == 'M' || d->kind == 'm')
			put_unit(t, d->metadata, out);
		return;
	}
	put_code(t, d, false, out);
}

static bool tuple_item(struct ph_objects *o, ph_addr tuple, uint64_t place, ph_addr *ret)
{
	uint64_t count;
	return ph_type_is(o, tuple, "tuple") &&
	       ph_target_uint(o->target, tuple, PH_PyVarObject_ob_size, &count) == PH_OK && place < count &&
	       ph_target_read_ptr(o->target, ph_target_at(o->target, tuple, PH_PyTupleObject_ob_item) + place * 8, ret) == PH_OK;
}

static void put_shape(struct ph_objects *o, ph_addr shape, struct ph_buffer *out)
{
	ph_addr item;
	int64_t number;
	uint64_t i = 0;
	ph_buffer_puts(out, ", (");
	for (; i < PH_NDARRAY_MAXIMUM && tuple_item(o, shape, i, &item) && ph_int_get(o, item, &number) == PH_OK; i++)
		ph_buffer_printf(out, i ? ", %lld" : "%lld", (long long)number);
	ph_buffer_puts(out, i == 1 ? ",)" : ")");
}

/* dtype.fields[name] */
static ph_addr field_of(struct ph_objects *o, const struct ph_numpy_dtype *d, ph_addr name)
{
	struct ph_dict_iter iter;
	ph_addr key, value, descr;
	if (ph_dict_begin(o, d->fields, &iter) != PH_OK)
		return 0;
	while (ph_dict_next(&iter, &key, &value))
		if (key == name)
			return tuple_item(o, value, 0, &descr) ? descr : 0;
	return 0;
}

/* Records that are open: which field is next. */
struct level {
	struct ph_numpy_dtype dtype;
	uint64_t next;
	ph_addr shape; /* of the subarray that it is the base of; 0 */
};

/* ", '<f8'" of a field, or a record opened; what it is a subarray of comes before its shape. */
static void put_field_type(struct ph_objects *o, ph_addr descr, struct level *levels, unsigned *depth,
			   struct ph_buffer *out)
{
	struct ph_numpy_dtype d;
	ph_addr sub[2] = { 0, 0 };
	bool known = ph_numpy_dtype_load(o->target, descr, &d);
	if (known && d.subarray)
		known = ph_target_read_ptrs(o->target, d.subarray, 2, sub) == PH_OK &&
			ph_numpy_dtype_load(o->target, sub[0], &d);
	if (known && d.names && *depth < DEPTH_MAXIMUM) {
		levels[(*depth)++] = (struct level){ .dtype = d, .shape = sub[1] };
		ph_buffer_putc(out, '[');
		return;
	}
	ph_buffer_putc(out, '\'');
	if (known)
		put_code(o->target, &d, true, out);
	else
		ph_buffer_putc(out, '?');
	ph_buffer_putc(out, '\'');
	if (sub[1])
		put_shape(o, sub[1], out);
}

/* The next field of the innermost record: "('x', "; or its end. */
static void put_next(struct ph_objects *o, struct level *levels, unsigned *depth, struct ph_buffer *name,
		     struct ph_buffer *out)
{
	struct level *level = &levels[*depth - 1];
	ph_addr field;
	if (level->next == FIELDS_MAXIMUM || !tuple_item(o, level->dtype.names, level->next, &field)) {
		ph_buffer_puts(out, level->next == FIELDS_MAXIMUM ? ", ...]" : "]");
		if (level->shape)
			put_shape(o, level->shape, out);
		if (--*depth)
			ph_buffer_putc(out, ')');
		return;
	}
	ph_buffer_clear(name);
	ph_buffer_puts(out, level->next++ ? ", (" : "(");
	if (ph_str_read(o, field, NAME_MAXIMUM, name) == PH_OK)
		ph_quote_str(ph_buffer_text(name), name->size, out);
	else
		ph_buffer_putc(out, '?');
	ph_buffer_puts(out, ", ");
	unsigned before = *depth;
	put_field_type(o, field_of(o, &level->dtype, field), levels, depth, out);
	if (*depth == before)
		ph_buffer_putc(out, ')');
}

bool ph_numpy_dtype_text(struct ph_objects *o, ph_addr descr, struct ph_buffer *out)
{
	struct ph_numpy_dtype d;
	struct level levels[DEPTH_MAXIMUM];
	struct ph_buffer name = PH_BUFFER(TEXT_MAXIMUM);
	unsigned depth = 0;
	ph_addr sub[2];
	if (!ph_numpy_dtype_load(o->target, descr, &d))
		return false;
	if (d.subarray && ph_target_read_ptrs(o->target, d.subarray, 2, sub) == PH_OK) {
		ph_buffer_putc(out, '(');
		put_field_type(o, descr, levels, &depth, out);
	} else if (d.names) {
		levels[depth++] = (struct level){ .dtype = d };
		ph_buffer_putc(out, '[');
	} else {
		put_name(o->target, &d, out);
		return true;
	}
	while (depth && out->size < TEXT_MAXIMUM)
		put_next(o, levels, &depth, &name, out);
	if (d.subarray)
		ph_buffer_putc(out, ')');
	ph_buffer_deinit(&name);
	return true;
}

enum ph_status ph_decode_dtype(struct ph_decode *d)
{
	struct ph_buffer text = PH_BUFFER(65536), quoted = PH_BUFFER(65536);
	struct ph_numpy_dtype dtype;
	if (!ph_numpy_dtype_text(d->objects, d->address, &text))
		return PH_CORRUPT;
	bool plain = ph_numpy_dtype_load(d->target, d->address, &dtype) && !dtype.names && !dtype.subarray;
	ph_buffer_printf(&quoted, plain ? "dtype('%s')" : "dtype(%s)", ph_buffer_text(&text));
	ph_decode_text(d, ph_value_copy(d->value, ph_buffer_text(&quoted), quoted.size));
	d->value->scalar = ph_value_copy(d->value, ph_buffer_text(&text), text.size);
	ph_buffer_deinit(&text);
	ph_buffer_deinit(&quoted);
	return PH_OK;
}

enum ph_status ph_decode_ndarray(struct ph_decode *d)
{
	struct ph_ndarray a;
	struct ph_buffer text = PH_BUFFER(65536), shown = PH_BUFFER(65536);
	if (!ph_ndarray_load(d->target, d->address, &a))
		return PH_CORRUPT;
	int64_t bytes = ph_ndarray_bytes(&a);
	ph_buffer_puts(&text, "dtype=");
	if (!ph_numpy_dtype_text(d->objects, a.descr, &text))
		ph_buffer_putc(&text, '?');
	ph_buffer_puts(&text, " shape=(");
	for (unsigned i = 0; i < a.nd; i++)
		ph_buffer_printf(&text, i ? ", %llu" : "%llu", (unsigned long long)a.shape[i]);
	ph_buffer_puts(&text, a.nd == 1 ? ",)" : ")");
	if (bytes >= 0)
		ph_buffer_printf(&text, ", %lld bytes", (long long)bytes);
	if (a.base)
		ph_buffer_printf(&text, " of the base at 0x%llx", (unsigned long long)a.base);
	if (a.nd && !(a.shape[0] >> 40))
		d->value->len = (int64_t)a.shape[0];
	ph_buffer_printf(&shown, "<%s %s>", d->type->type.full, ph_buffer_text(&text));
	ph_decode_text(d, ph_value_copy(d->value, ph_buffer_text(&shown), shown.size));
	d->value->scalar = ph_value_copy(d->value, ph_buffer_text(&text), text.size);
	ph_buffer_deinit(&text);
	ph_buffer_deinit(&shown);
	return PH_OK;
}
