/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The extension module greenlet, whose structs depend on its own version as much as on CPython's. */
#include "layout/struct.h"

struct greenlet_row {
	uint32_t from, to; /* versions of greenlet, as ph_version_number() */
	struct ph_row row;
};

#define ALL_GREENLETS 0, 999999
/* one brace, which the row closes */
#define PH_OF(...) { __VA_ARGS__,
#define PH_STRUCT(s) { .kind = PH_ROW_STRUCT, .field = PH_SIZEOF_##s, .nested = -1, .versions = { ALL } } },
#define PH_PAD_IF(i, k, c, ...)                                                                                        \
	{ .kind = PH_ROW_MEMBER, .condition = PH_IF_##i, .class = PH_CLASS_##k, .count = (c), .field = -1,              \
	  .nested = -1, .versions = { __VA_ARGS__ } } },
#define PH_PAD(k, c, ...) PH_PAD_IF(ALWAYS, k, c, __VA_ARGS__)
#define PH_MEMBER(s, m, k, c, ...)                                                                                     \
	{ .kind = PH_ROW_MEMBER, .class = PH_CLASS_##k, .count = (c), .field = PH_##s##_##m, .nested = -1,              \
	  .versions = { __VA_ARGS__ } } },

static const struct greenlet_row rows[] = {
#include "layout/struct-greenlet.def"
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* One of each layout, the newest first: where the version is not to be had each of them is tried. */
static const struct ph_version known[] = {
	{ 3, 5, 4, 0xf, 0 }, { 3, 5, 3, 0xf, 0 }, { 3, 3, 0, 0xf, 0 }, { 3, 2, 4, 0xf, 0 },
	{ 3, 1, 1, 0xf, 0 }, { 3, 0, 3, 0xf, 0 }, { 3, 0, 0, 0xf, 0 }, { 2, 0, 0, 0xf, 0 }, { 1, 0, 0, 0xf, 0 },
};

bool ph_layout_greenlet_known(size_t index, struct ph_version *ret)
{
	if (index >= sizeof(known) / sizeof(*known))
		return false;
	*ret = known[index];
	return true;
}

bool ph_layout_place_greenlet(struct ph_layout *layout, struct ph_version greenlet)
{
	struct ph_row picked[ROWS];
	struct ph_layout placed = *layout;
	uint32_t version = ph_version_number(greenlet);
	size_t count = 0;
	for (size_t i = 0; i < ROWS; i++) {
		const struct ph_row *row = &rows[i].row;
		if (row->field >= 0)
			placed.slots[row->field] = (struct ph_slot){ .origin = PH_ORIGIN_ABSENT };
		if (version >= rows[i].from && version <= rows[i].to)
			picked[count++] = *row;
	}
	return ph_layout_place_library(layout, &placed, picked, count);
}
