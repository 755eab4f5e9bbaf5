/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numpy's scalars: one item behind the head (obval in numpy/core/include/numpy/arrayscalars.h), of datetime64 and
 * timedelta64 its unit behind that (obmeta).  Shown as "<numpy.float32 0.1>", with the digits that numpy prints: the
 * fewest that no other number of the type is nearer to. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "object/decoder.h"
#include "object/numpy.h"
#include "object/size.h"

#define ITEM_MAXIMUM 16 /* bytes that are read */
#define TEXT_MAXIMUM 96

struct item {
	const char *name;
	char kind; /* numpy's own letters; 0 not shown */
	uint8_t size;
};

static const struct item items[] = {
	{ "numpy.bool_", 'b', 1 },	{ "numpy.bool", 'b', 1 },	 { "numpy.int8", 'i', 1 },
	{ "numpy.uint8", 'u', 1 },	{ "numpy.int16", 'i', 2 },	 { "numpy.uint16", 'u', 2 },
	{ "numpy.float16", 'f', 2 },	{ "numpy.int32", 'i', 4 },	 { "numpy.uint32", 'u', 4 },
	{ "numpy.float32", 'f', 4 },	{ "numpy.intc", 'i', 4 },	 { "numpy.uintc", 'u', 4 },
	{ "numpy.int64", 'i', 8 },	{ "numpy.uint64", 'u', 8 },	 { "numpy.float64", 'f', 8 },
	{ "numpy.longlong", 'i', 8 },	{ "numpy.ulonglong", 'u', 8 },	 { "numpy.datetime64", 'M', 8 },
	{ "numpy.timedelta64", 'm', 8 }, { "numpy.object_", 0, 8 },	 { "numpy.complex64", 'c', 8 },
	{ "numpy.complex128", 'c', 16 }, { "numpy.longdouble", 0, 16 },	 { "numpy.float128", 0, 16 },
	{ "numpy.clongdouble", 0, 32 }, { "numpy.complex256", 0, 32 },
};

/* Of the type or the nearest of its bases that is numpy's. */
static const struct item *find_item(struct ph_objects *objects, const struct ph_type *type)
{
	for (unsigned depth = 0; type && depth < 16; depth++) {
		for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
			if (!strcmp(items[i].name, type->full))
				return &items[i];
		type = type->base ? ph_type_get(objects, type->base) : NULL;
	}
	return NULL;
}

/* gentype_sizeof() in numpy/core/src/multiarray/scalartypes.c.src: the struct and the item. */
int64_t ph_numpy_scalar_size(const struct ph_shape *shape, ph_addr object)
{
	const struct item *item = find_item(shape->objects, shape->type);
	int64_t size = item ? ph_plain_size(shape, object) : -1;
	return size >= 0 ? size + item->size : -1;
}

/* ---- floats of fewer bits ---- */

static double half(uint64_t bits)
{
	double mantissa = (double)(bits & 0x3ff);
	unsigned exponent = bits >> 10 & 0x1f;
	if (exponent == 0x1f)
		return mantissa != 0 ? (double)NAN : (double)INFINITY;
	return exponent ? ldexp(mantissa + 1024, (int)exponent - 25) : ldexp(mantissa, -24);
}

static double single(uint64_t bits)
{
	uint32_t word = (uint32_t)bits;
	float number;
	memcpy(&number, &word, sizeof(number));
	return number;
}

/* The number of the fewest digits between the middles to its neighbours. */
static double shortest(uint64_t bits, unsigned size)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1), magnitude = bits & ~sign;
	double (*number)(uint64_t) = size == 2 ? half : single;
	double it = number(magnitude), result = it;
	if (it > 0 && isfinite(it)) {
		double before = number(magnitude - 1), behind = number(magnitude + 1);
		double low = (it + before) / 2, high = it + ((isfinite(behind) ? behind - it : it - before) / 2);
		char text[32];
		for (int digits = 0; digits < 9; digits++) {
			snprintf(text, sizeof(text), "%.*e", digits, it);
			result = strtod(text, NULL);
			if (result > low && result < high)
				break;
		}
	}
	return bits & sign ? -result : result;
}

static double load_number(const uint8_t *data, unsigned size, bool big_endian)
{
	return size == 8 ? ph_load_double(data, big_endian) : shortest(ph_load_uint(data, size, big_endian), size);
}

/* ---- dates ---- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar, whose eras of 400 years have 146,097. */
static int put_date(int64_t days, char *out)
{
	int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted_month = (5 * day_of_year + 2) / 153; /* from March on */
	int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
	int64_t year = year_of_era + era * 400 + (month <= 2);
	return sprintf(out, "%04" PRId64 "-%02d-%02d", year, (int)month,
		       (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1));
}

static int64_t floor_divide(int64_t a, int64_t b, int64_t *rest)
{
	int64_t quotient = a / b - (a % b < 0);
	*rest = a - quotient * b;
	return quotient;
}

/* numpy's units (NPY_DATETIMEUNIT): how many make a day, and how many digits of a second they have. */
static const struct {
	const char *name;
	int64_t of_day;
	int digits;
} units[] = {
	{ "Y", 0, 0 },
	{ "M", 0, 0 },
	{ "W", 0, 0 },
	{ NULL, 0, 0 },
	{ "D", 1, 0 },
	{ "h", 24, 0 },
	{ "m", 1440, 0 },
	{ "s", 86400, 0 },
	{ "ms", 86400000, 3 },
	{ "us", 86400000000, 6 },
	{ "ns", 86400000000000, 9 },
	{ "ps", 86400000000000000, 12 },
	{ "fs", 0, 15 },
	{ "as", 0, 18 },
};

/* As str() has it: "2026-11-23T01:02:03.500"; false: in units that are not looked at here. */
static bool put_datetime(int64_t number, uint64_t unit, char *out)
{
	int64_t rest, second;
	if (!units[unit].of_day && (unit > 2 || number >> 58 != number >> 59))
		return false;
	if (unit == 0)
		return sprintf(out, "%04" PRId64, 1970 + number) > 0;
	if (unit == 1) {
		int64_t year = 1970 + floor_divide(number, 12, &rest);
		return sprintf(out, "%04" PRId64 "-%02d", year, (int)(rest + 1)) > 0;
	}
	if (unit == 2)
		return put_date(7 * number, out) > 0;
	int64_t day = floor_divide(number, units[unit].of_day, &rest);
	if (day >> 60 != day >> 61)
		return false;
	out += put_date(day, out);
	if (unit < 5)
		return true;
	if (units[unit].of_day < 86400) {
		int64_t minute = rest * (1440 / units[unit].of_day);
		out += sprintf(out, "T%02d", (int)(minute / 60));
		if (unit == 6)
			sprintf(out, ":%02d", (int)(minute % 60));
		return true;
	}
	second = rest / (units[unit].of_day / 86400);
	out += sprintf(out, "T%02d:%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
	if (units[unit].digits)
		sprintf(out, ".%0*" PRId64, units[unit].digits, rest % (units[unit].of_day / 86400));
	return true;
}

/* By obmeta: the unit, and how many of them the number counts. */
static bool put_time(const struct ph_decode *d, ph_addr at, char kind, int64_t number, char *out)
{
	uint8_t meta[8];
	if (number == INT64_MIN)
		return stpcpy(out, "NaT") != NULL;
	if (ph_image_read(d->target->image, at, meta, sizeof(meta)) != PH_OK)
		return false;
	bool big_endian = d->target->layout.abi.big_endian;
	uint64_t unit = ph_load_uint(meta, 4, big_endian);
	int64_t count = (int64_t)ph_load_uint(meta + 4, 4, big_endian);
	if (unit == 14) /* NPY_FR_GENERIC */
		return sprintf(out, "%" PRId64, number) > 0;
	if (unit >= sizeof(units) / sizeof(*units) || !units[unit].name || count <= 0 || count > INT32_MAX ||
	    __builtin_mul_overflow(number, count, &number))
		return false;
	if (kind == 'M')
		return put_datetime(number, unit, out);
	return sprintf(out, "%" PRId64 " %s", number, units[unit].name) > 0;
}

/* ---- all of them ---- */

static bool put_item(const struct ph_decode *d, ph_addr at, const struct item *item, const uint8_t *data, char *out)
{
	bool big_endian = d->target->layout.abi.big_endian;
	switch (item->kind) {
	case 'b':
		return stpcpy(out, *data ? "True" : "False") != NULL;
	case 'u':
		return sprintf(out, "%" PRIu64, ph_load_uint(data, item->size, big_endian)) > 0;
	case 'i':
		return sprintf(out, "%" PRId64, ph_load_int(data, item->size, big_endian)) > 0;
	case 'f':
		ph_double_repr(load_number(data, item->size, big_endian), out);
		return true;
	case 'c':
		ph_complex_repr(load_number(data, item->size / 2u, big_endian),
				load_number(data + item->size / 2, item->size / 2u, big_endian), out);
		return true;
	case 'M':
	case 'm':
		return put_time(d, at + 8, item->kind, ph_load_int(data, 8, big_endian), out);
	default:
		return false;
	}
}

/* What has no text stays "<numpy.void object at 0x…>". */
enum ph_status ph_decode_numpy_scalar(struct ph_decode *d)
{
	const struct item *item = find_item(d->objects, &d->type->type);
	ph_addr at = d->address + ph_target_sizeof(d->target, PH_SIZEOF_PyObject);
	uint8_t data[ITEM_MAXIMUM];
	char text[TEXT_MAXIMUM];
	_Static_assert(TEXT_MAXIMUM > PH_COMPLEX_ROOM, "room of a complex");
	if (!item || !item->kind)
		return PH_OK;
	enum ph_status status = ph_image_read(d->target->image, at, data, item->size);
	if (status != PH_OK)
		return status;
	if (!put_item(d, at, item, data, text))
		return PH_OK;
	d->value->scalar = ph_value_copy(d->value, text, strlen(text));
	const char *shown = ph_value_printf(d->value, "<%s %s>", d->type->type.full, text);
	if (shown)
		ph_decode_text(d, shown);
	return PH_OK;
}
