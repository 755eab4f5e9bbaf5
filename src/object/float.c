/* SPDX-License-Identifier: GPL-3.0-or-later */
/* float and complex.  Objects/floatobject.c, Objects/complexobject.c,
 * format_float_short() in Python/pystrtod.c, of 3.8 to 3.13. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "object/decoder.h"

double ph_load_double(const void *data, bool big_endian)
{
	uint64_t bits = ph_load_uint(data, 8, big_endian);
	double number;
	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* repr's format: an exponent below 1e-4 and from 1e16 on. */
static char *lay_out(const struct ph_digits *d, bool point_zero, char *out)
{
	int point = d->exponent + 1;
	if (point > 16 || point <= -4) {
		*out++ = d->text[0];
		if (d->count > 1) {
			*out++ = '.';
			memcpy(out, d->text + 1, (size_t)d->count - 1);
			out += d->count - 1;
		}
		return out + sprintf(out, "e%c%02d", d->exponent < 0 ? '-' : '+', abs(d->exponent));
	}
	if (point <= 0) {
		out = stpcpy(out, "0.");
		for (; point < 0; point++)
			*out++ = '0';
		memcpy(out, d->text, (size_t)d->count);
		out += d->count;
	} else {
		int whole = d->count < point ? d->count : point;
		memcpy(out, d->text, (size_t)whole);
		memset(out + whole, '0', (size_t)(point - whole));
		out += point;
		if (d->count > point) {
			*out++ = '.';
			memcpy(out, d->text + point, (size_t)(d->count - point));
			out += d->count - point;
		} else if (point_zero) {
			out = stpcpy(out, ".0");
		}
	}
	*out = '\0';
	return out;
}

static char *print_double(double number, bool point_zero, char *out)
{
	if (isnan(number))
		return stpcpy(out, "nan");
	if (signbit(number))
		*out++ = '-';
	number = fabs(number);
	if (isinf(number))
		return stpcpy(out, "inf");
	if (number == 0)
		return stpcpy(out, point_zero ? "0.0" : "0");
	struct ph_digits d = ph_double_shortest(number);
	return lay_out(&d, point_zero, out);
}

void ph_double_repr(double number, char *buffer)
{
	print_double(number, true, buffer);
}

/* A double at the address of a field. */
static enum ph_status read_double(const struct ph_target *t, ph_addr object, enum ph_field field, double *ret)
{
	ph_addr at = ph_target_at(t, object, field);
	uint8_t bytes[8];
	enum ph_status status = at ? ph_image_read(t->image, at, bytes, sizeof(bytes)) : PH_ABSENT;
	if (status == PH_OK)
		*ret = ph_load_double(bytes, t->layout.abi.big_endian);
	return status;
}

enum ph_status ph_float_get(struct ph_objects *objects, ph_addr address, double *ret)
{
	const struct ph_type_entry *type = ph_object_type_entry(objects, address);
	if (!type || type->type.kind != PH_KIND_FLOAT)
		return PH_CORRUPT;
	return read_double(objects->target, address, PH_PyFloatObject_ob_fval, ret);
}

enum ph_status ph_decode_float(struct ph_decode *d)
{
	double number;
	enum ph_status status = read_double(d->target, d->address, PH_PyFloatObject_ob_fval, &number);
	if (status != PH_OK)
		return status;
	char text[PH_DOUBLE_ROOM];
	ph_double_repr(number, text);
	ph_decode_text(d, ph_value_copy(d->value, text, strlen(text)));
	d->value->scalar = d->value->text;
	return PH_OK;
}

void ph_complex_repr(double real, double imag, char *p)
{
	if (real == 0 && !signbit(real)) {
		p = print_double(imag, false, p);
		stpcpy(p, "j");
	} else {
		*p++ = '(';
		p = print_double(real, false, p);
		if (isnan(imag) || !signbit(imag))
			*p++ = '+';
		p = print_double(imag, false, p);
		stpcpy(p, "j)");
	}
}

enum ph_status ph_decode_complex(struct ph_decode *d)
{
	double real, imag;
	enum ph_status status = read_double(d->target, d->address, PH_PyComplexObject_cval_real, &real);
	if (status == PH_OK)
		status = read_double(d->target, d->address, PH_PyComplexObject_cval_imag, &imag);
	if (status != PH_OK)
		return status;
	char text[PH_COMPLEX_ROOM];
	ph_complex_repr(real, imag, text);
	ph_decode_text(d, ph_value_copy(d->value, text, strlen(text)));
	d->value->scalar = d->value->text;
	return PH_OK;
}
