/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datetime's types.  Include/datetime.h, Modules/_datetimemodule.c of 3.8 to
 * 3.13: the year is big-endian in two bytes, microseconds in three. */
#include <stdio.h>
#include <string.h>

#include "object/decoder.h"

static enum ph_status read_data(struct ph_decode *d, enum ph_field field, uint8_t *data, size_t size)
{
	ph_addr at = ph_target_at(d->target, d->address, field);
	return at ? ph_image_read(d->target->image, at, data, size) : PH_ABSENT;
}

static int microseconds(const uint8_t *p)
{
	return p[0] << 16 | p[1] << 8 | p[2];
}

/* The type's name, numbers, fold and tzinfo. */
static void number_parts(struct ph_decode *d, const int *numbers, size_t count)
{
	struct ph_value *value = d->value;
	const char *open = ph_value_printf(value, "%s(", d->type->tp_name);
	value->form = PH_FORM_PARTS;
	value->open = open ? open : "(";
	value->close = ")";
	for (size_t i = 0; i < count; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d", numbers[i]);
		ph_value_add_part(value, NULL, 0, text);
	}
}

static void zone_parts(struct ph_decode *d, enum ph_field hastzinfo, enum ph_field fold, enum ph_field tzinfo)
{
	bool aware = ph_read_int(d->objects, d->address, hastzinfo);
	if (ph_read_int(d->objects, d->address, fold))
		ph_value_add_part(d->value, "fold", 0, "1");
	ph_addr zone = aware ? ph_read_ptr(d->objects, d->address, tzinfo) : 0;
	if (!zone)
		return;
	ph_value_add_part(d->value, "tzinfo", zone, NULL);
	ph_decode_structural(d, "tzinfo", zone);
}

enum ph_status ph_decode_date(struct ph_decode *d)
{
	uint8_t p[4];
	enum ph_status status = read_data(d, PH_PyDateTime_Date_data, p, sizeof(p));
	if (status == PH_OK)
		number_parts(d, (int[]){ p[0] << 8 | p[1], p[2], p[3] }, 3);
	return status;
}

enum ph_status ph_decode_datetime(struct ph_decode *d)
{
	uint8_t p[10];
	enum ph_status status = read_data(d, PH_PyDateTime_DateTime_data, p, sizeof(p));
	if (status != PH_OK)
		return status;
	int us = microseconds(p + 7);
	number_parts(d, (int[]){ p[0] << 8 | p[1], p[2], p[3], p[4], p[5], p[6], us }, us ? 7 : p[6] ? 6 : 5);
	zone_parts(d, PH_PyDateTime_DateTime_hastzinfo, PH_PyDateTime_DateTime_fold, PH_PyDateTime_DateTime_tzinfo);
	return PH_OK;
}

enum ph_status ph_decode_time(struct ph_decode *d)
{
	uint8_t p[6];
	enum ph_status status = read_data(d, PH_PyDateTime_Time_data, p, sizeof(p));
	if (status != PH_OK)
		return status;
	int us = microseconds(p + 3);
	number_parts(d, (int[]){ p[0], p[1], p[2], us }, us ? 4 : p[2] ? 3 : 2);
	zone_parts(d, PH_PyDateTime_Time_hastzinfo, PH_PyDateTime_Time_fold, PH_PyDateTime_Time_tzinfo);
	return PH_OK;
}

enum ph_status ph_decode_timedelta(struct ph_decode *d)
{
	static const char *const names[] = { "days", "seconds", "microseconds" };
	int64_t numbers[] = {
		ph_read_int(d->objects, d->address, PH_PyDateTime_Delta_days),
		ph_read_int(d->objects, d->address, PH_PyDateTime_Delta_seconds),
		ph_read_int(d->objects, d->address, PH_PyDateTime_Delta_microseconds),
	};
	number_parts(d, NULL, 0);
	bool named = ph_target_trait(d->target, PH_TRAIT_REPR_TIMEDELTA_NAMES) == 1;
	for (size_t i = 0; i < 3; i++) {
		char text[24];
		if (!named) {
			/* by position, up to the last that is not zero */
			bool more = !i || numbers[2] || (i == 1 && numbers[1]);
			snprintf(text, sizeof(text), "%lld", (long long)numbers[i]);
			if (more)
				ph_value_add_part(d->value, NULL, 0, text);
			continue;
		}
		snprintf(text, sizeof(text), "%lld", (long long)numbers[i]);
		if (numbers[i])
			ph_value_add_part(d->value, names[i], 0, text);
	}
	if (!d->value->part_count)
		ph_value_add_part(d->value, NULL, 0, "0");
	return PH_OK;
}

static bool is_zero(struct ph_decode *d, ph_addr delta)
{
	return !ph_read_int(d->objects, delta, PH_PyDateTime_Delta_days) &&
	       !ph_read_int(d->objects, delta, PH_PyDateTime_Delta_seconds) &&
	       !ph_read_int(d->objects, delta, PH_PyDateTime_Delta_microseconds);
}

/* Only timezone.utc has neither an offset nor a name: new_timezone() gives it for timedelta(0). */
enum ph_status ph_decode_timezone(struct ph_decode *d)
{
	ph_addr offset = ph_read_ptr(d->objects, d->address, PH_PyDateTime_TimeZone_offset);
	ph_addr name = ph_read_ptr(d->objects, d->address, PH_PyDateTime_TimeZone_name);
	if (!offset)
		return PH_CORRUPT;
	if (!name && is_zero(d, offset)) {
		ph_decode_text(d, "datetime.timezone.utc");
	} else {
		ph_decode_one_part(d, ph_value_printf(d->value, "%s(", d->type->tp_name), offset, ")");
		if (name)
			ph_value_add_part(d->value, NULL, name, NULL);
	}
	ph_decode_structural(d, "offset", offset);
	return PH_OK;
}
