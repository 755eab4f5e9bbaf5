/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "layout/struct.h"

#define PH_STRUCT(s) { .kind = PH_ROW_STRUCT, .field = PH_SIZEOF_##s, .nested = -1, .versions = { ALL } },
#define PH_BASE(s, ...)                                                                                                \
	{ .kind = PH_ROW_MEMBER, .class = PH_CLASS_STRUCT, .count = 1, .field = -1, .nested = PH_SIZEOF_##s,            \
	  .versions = { __VA_ARGS__ } },
#define PH_NEST_IF(i, s, m, n, c, ...)                                                                                 \
	{ .kind = PH_ROW_MEMBER, .condition = PH_IF_##i, .class = PH_CLASS_STRUCT, .count = (c),                        \
	  .field = PH_##s##_##m, .nested = PH_SIZEOF_##n, .versions = { __VA_ARGS__ } },
#define PH_NEST(s, m, n, c, ...) PH_NEST_IF(ALWAYS, s, m, n, c, __VA_ARGS__)
#define PH_PAD_IF(i, k, c, ...)                                                                                        \
	{ .kind = PH_ROW_MEMBER, .condition = PH_IF_##i, .class = PH_CLASS_##k, .count = (c), .field = -1,              \
	  .nested = -1, .versions = { __VA_ARGS__ } },
#define PH_PAD(k, c, ...) PH_PAD_IF(ALWAYS, k, c, __VA_ARGS__)
#define PH_ALIGN_IF(i, n, ...)                                                                                         \
	{ .kind = PH_ROW_ALIGN, .condition = PH_IF_##i, .count = (n), .field = -1, .nested = -1,                        \
	  .versions = { __VA_ARGS__ } },
#define PH_ALIGN(n, ...) PH_ALIGN_IF(ALWAYS, n, __VA_ARGS__)
#define PH_MEMBER_IF(i, s, m, k, c, ...)                                                                               \
	{ .kind = PH_ROW_MEMBER, .condition = PH_IF_##i, .class = PH_CLASS_##k, .count = (c), .field = PH_##s##_##m,    \
	  .nested = -1, .versions = { __VA_ARGS__ } },
#define PH_MEMBER(s, m, k, c, ...) PH_MEMBER_IF(ALWAYS, s, m, k, c, __VA_ARGS__)
#define PH_BIT(s, m, b, ...)                                                                                           \
	{ .kind = PH_ROW_BIT, .class = PH_CLASS_UINT, .count = (b), .field = PH_##s##_##m, .nested = -1,                \
	  .versions = { __VA_ARGS__ } },

const struct ph_row ph_layout_rows[] = {
#include "layout/struct-object.def"
/* from here on what may hold the structs of that file */
#include "layout/struct-container.def"
#include "layout/struct-exception.def"
#include "layout/struct-frame.def"
#include "layout/struct-function.def"
#include "layout/struct-iterator.def"
#include "layout/struct-module.def"
#include "layout/struct-extension.def"
#include "layout/struct-runtime.def"
};
const size_t ph_layout_rows_count = sizeof ph_layout_rows / sizeof *ph_layout_rows;

#define PH_AT(s, m, k, o, ...)                                                                                         \
	{ .field = PH_##s##_##m, .kind = PH_KIND, .class = PH_CLASS_##k, .offset = (o), .versions = { __VA_ARGS__ } },
#define PH_AT_DEBUG(s, m, k, o, ...)                                                                                   \
	{ .field = PH_##s##_##m,                                                                                       \
	  .kind = PH_KIND,                                                                                             \
	  .class = PH_CLASS_##k,                                                                                       \
	  .offset = (o),                                                                                               \
	  .debug = true,                                                                                               \
	  .versions = { __VA_ARGS__ } },
#define PH_AT_SIZE_DEBUG(s, n, ...)                                                                                    \
	{ .field = PH_SIZEOF_##s,                                                                                      \
	  .kind = PH_KIND,                                                                                             \
	  .offset = (n),                                                                                               \
	  .is_size = true,                                                                                             \
	  .debug = true,                                                                                               \
	  .versions = { __VA_ARGS__ } },
#define PH_AT_SIZE(s, n, ...)                                                                                          \
	{ .field = PH_SIZEOF_##s, .kind = PH_KIND, .offset = (n), .is_size = true, .versions = { __VA_ARGS__ } },

const struct ph_at_row ph_layout_at_rows[] = {
#define PH_KIND PH_ABI_LP64
#include "layout/offset.def"
#undef PH_KIND
#define PH_KIND PH_ABI_LP64_BIG_LOCK
#include "layout/offset-arm64.def"
#undef PH_KIND
#define PH_KIND PH_ABI_LLP64
#include "layout/offset-llp64.def"
#undef PH_KIND
#define PH_KIND PH_ABI_LP64_MACOS
#include "layout/offset-macos.def"
#undef PH_KIND
#define PH_KIND PH_ABI_ILP32
#include "layout/offset-ilp32.def"
#undef PH_KIND
#define PH_KIND PH_ABI_ILP32_NO_LOCK
#include "layout/offset-ilp32-no-lock.def"
#undef PH_KIND
#define PH_KIND PH_ABI_ILP32_ALIGN4
#include "layout/offset-ilp32-align4.def"
#undef PH_KIND
#define PH_KIND PH_ABI_FREE_THREADED
#include "layout/offset-free.def"
#undef PH_KIND
};
const size_t ph_layout_at_rows_count = sizeof ph_layout_at_rows / sizeof *ph_layout_at_rows;
