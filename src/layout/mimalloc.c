/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The allocator mimalloc, which CPython took a newer version of within 3.14. */
#include "layout/struct.h"

struct mimalloc_row {
	uint8_t versions; /* a bit each */
	struct ph_row row;
};

enum { MI_21 = 1, MI_25 = 2, MI_ALL = MI_21 | MI_25 };
/* one brace, which the row closes */
#define PH_OF(...) { __VA_ARGS__,
#define PH_STRUCT(s) { .kind = PH_ROW_STRUCT, .field = PH_SIZEOF_##s, .nested = -1, .versions = { ALL } } },
#define PH_PAD_IF(i, k, c, ...)                                                                                       \
	{ .kind = PH_ROW_MEMBER, .condition = PH_IF_##i, .class = PH_CLASS_##k, .count = (c), .field = -1,             \
	  .nested = -1, .versions = { __VA_ARGS__ } } },
#define PH_NEST_IF(i, s, m, n, c, ...)                                                                                \
	{ .kind = PH_ROW_MEMBER, .condition = PH_IF_##i, .class = PH_CLASS_STRUCT, .count = (c),                       \
	  .field = PH_##s##_##m, .nested = PH_SIZEOF_##n, .versions = { __VA_ARGS__ } } },
#define PH_MEMBER_IF(i, s, m, k, c, ...)                                                                              \
	{ .kind = PH_ROW_MEMBER, .condition = PH_IF_##i, .class = PH_CLASS_##k, .count = (c), .field = PH_##s##_##m,   \
	  .nested = -1, .versions = { __VA_ARGS__ } } },
#define PH_MEMBER(s, m, k, c, ...) PH_MEMBER_IF(ALWAYS, s, m, k, c, __VA_ARGS__)

static const struct mimalloc_row rows[] = {
#include "layout/struct-mimalloc.def"
};
#define ROWS (sizeof(rows) / sizeof(*rows))

bool ph_layout_place_mimalloc(struct ph_layout *layout, size_t index)
{
	static const uint8_t known[] = { MI_25, MI_21 };
	struct ph_row picked[ROWS];
	struct ph_layout placed = *layout;
	size_t count = 0;
	if (index >= sizeof(known))
		return false;
	for (size_t i = 0; i < ROWS; i++) {
		const struct ph_row *row = &rows[i].row;
		if (row->field >= 0)
			placed.slots[row->field] = (struct ph_slot){ .origin = PH_ORIGIN_ABSENT };
		if (rows[i].versions & known[index])
			picked[count++] = *row;
	}
	return ph_layout_place_library(layout, &placed, picked, count) && ph_layout_has(layout, PH_mi_segment_t_slices);
}
