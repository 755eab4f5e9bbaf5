/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The C layout rules over the rows of the tables. */
#include "layout/struct.h"

#include <string.h>

struct shape {
	uint32_t size;	/* bytes */
	uint16_t align; /* bytes */
	bool present;
};

/* The struct that is being laid out. */
struct cursor {
	int32_t field; /* of its size; -1 none yet */
	uint32_t end;
	uint16_t align;
	unsigned bits_left; /* of the bit-field word that ends at `end` */
	bool any;
};

unsigned ph_class_size(unsigned class, const struct ph_abi *abi, bool *ret_signed)
{
	*ret_signed = class == PH_CLASS_SSIZE || class == PH_CLASS_LONG || class == PH_CLASS_I64 ||
		      class == PH_CLASS_INT || class == PH_CLASS_SHORT || class == PH_CLASS_CHAR;
	switch (class) {
	case PH_CLASS_PTR:
	case PH_CLASS_SSIZE:
	case PH_CLASS_SIZE:
	case PH_CLASS_WORDS:
		return abi->pointer_size;
	case PH_CLASS_LONG:
	case PH_CLASS_ULONG:
		return abi->long_size;
	case PH_CLASS_I64:
	case PH_CLASS_U64:
	case PH_CLASS_DOUBLE:
		return 8;
	case PH_CLASS_LDOUBLE:
		/* 12 bytes on i386, a double on 32-bit ARM and on Windows */
		return abi->max_align == 4 ? 12 : abi->pointer_size == 4 || !abi->lock_size ? 8 : 16;
	case PH_CLASS_LOCK:
		return abi->lock_size;
	case PH_CLASS_COND:
		return abi->lock_size ? 48 : 0;
	case PH_CLASS_INT:
	case PH_CLASS_UINT:
	case PH_CLASS_INTS:
		return 4;
	case PH_CLASS_SHORT:
	case PH_CLASS_USHORT:
		return 2;
	case PH_CLASS_CHAR:
	case PH_CLASS_UCHAR:
		return 1;
	default:
		return 0;
	}
}

static bool holds(const uint32_t versions[2], uint32_t version)
{
	return version >= versions[0] && version <= versions[1];
}

static bool condition_holds(unsigned condition, const struct ph_abi *abi)
{
	switch (condition) {
	case PH_IF_TRACE_REFS:
		return abi->trace_refs;
	case PH_IF_FREE_THREADED:
		return abi->free_threaded;
	case PH_IF_WITH_GIL:
		return !abi->free_threaded;
	case PH_IF_WITH_GIL_WIDE:
		return !abi->free_threaded && abi->pointer_size == 8;
	case PH_IF_DEBUG:
		return abi->debug;
	case PH_IF_WIDE:
		return abi->pointer_size == 8;
	case PH_IF_NARROW:
		return abi->pointer_size == 4;
	case PH_IF_WIDE_GC_HEAD:
		return abi->wide_gc_head;
	case PH_IF_PLAIN_GC_HEAD:
		return !abi->wide_gc_head;
	case PH_IF_LONG_DOUBLE:
		return abi->pointer_size == 8 && abi->lock_size;
	case PH_IF_WINDOWS:
		return !abi->lock_size;
	case PH_IF_NOT_WINDOWS:
		return abi->lock_size != 0;
	default:
		return true;
	}
}

static uint32_t round_up(uint32_t n, uint32_t align)
{
	return (n + align - 1) / align * align;
}

static bool set_slot(struct ph_layout *layout, int32_t field, uint32_t offset, uint32_t size, bool is_signed)
{
	if (field < 0)
		return true;
	struct ph_slot *slot = &layout->slots[field];
	if (slot->origin != PH_ORIGIN_ABSENT)
		return false;
	*slot = (struct ph_slot){ .offset = (int32_t)offset,
				  .size = size > UINT16_MAX ? UINT16_MAX : (uint16_t)size,
				  .origin = PH_ORIGIN_TABLE,
				  .is_signed = is_signed };
	return true;
}

/* Close the struct at the cursor: round its size up, remember its shape. */
static bool finish(struct ph_layout *layout, struct shape *shapes, struct cursor *c)
{
	if (c->field < 0 || !c->any)
		return true;
	uint32_t size = round_up(c->end, c->align);
	shapes[c->field] = (struct shape){ .size = size, .align = c->align, .present = true };
	return set_slot(layout, c->field, size, layout->abi.pointer_size, false);
}

static bool place_member(struct ph_layout *layout, const struct shape *shapes, struct cursor *c,
			 const struct ph_row *row)
{
	const struct ph_abi *abi = &layout->abi;
	uint32_t size, align;
	bool is_signed = false;
	if (row->class == PH_CLASS_STRUCT) {
		if (!shapes[row->nested].present)
			return false;
		size = shapes[row->nested].size;
		align = shapes[row->nested].align;
	} else {
		size = align = ph_class_size(row->class, abi, &is_signed);
		if (row->class == PH_CLASS_LOCK)
			align = abi->pointer_size;
		/* s390x aligns nothing to more than 8 */
		bool more = row->class == PH_CLASS_LDOUBLE && abi->max_align == 8 && !abi->big_endian;
		if (align > abi->max_align && !more)
			align = abi->max_align;
		if (!align)
			return true; /* what this ABI does not have */
	}
	c->any = true;
	if (row->kind == PH_ROW_BIT && c->bits_left >= row->count) {
		c->bits_left -= row->count;
		return set_slot(layout, row->field, c->end - size, size, false);
	}
	if (align > c->align)
		c->align = (uint16_t)align;
	uint32_t offset = round_up(c->end, align);
	/* a bit-field starts within the word that holds the members before it, where it fits (System V ABI) */
	if (row->kind == PH_ROW_BIT && offset != c->end && 8 * (offset - c->end) >= row->count)
		offset -= size;
	uint32_t first = offset < c->end ? c->end : offset;
	c->bits_left = row->kind == PH_ROW_BIT ? 8 * (offset + size - first) - row->count : 0;
	c->end = offset + size * (row->kind == PH_ROW_BIT ? 1 : row->count);
	/* words that are not looked into are one thing, all else is an array of elements */
	bool whole = row->class == PH_CLASS_WORDS || row->class == PH_CLASS_INTS;
	return set_slot(layout, row->field, offset, whole ? size * row->count : size, is_signed);
}

bool ph_layout_place(struct ph_layout *layout, const struct ph_row *rows, size_t count)
{
	struct shape shapes[PH_FIELD_COUNT];
	memset(shapes, 0, sizeof shapes);
	uint32_t version = ph_version_number(layout->version);
	struct cursor c = { .field = -1, .align = 1 };

	for (size_t i = 0; i < count; i++) {
		if (rows[i].kind == PH_ROW_STRUCT) {
			if (!finish(layout, shapes, &c))
				return false;
			c = (struct cursor){ .field = rows[i].field, .align = 1 };
		} else if (!holds(rows[i].versions, version) || !condition_holds(rows[i].condition, &layout->abi)) {
			continue;
		} else if (rows[i].kind == PH_ROW_ALIGN) {
			c.align = rows[i].count;
		} else {
			if (!place_member(layout, shapes, &c, &rows[i]))
				return false;
		}
	}
	return finish(layout, shapes, &c);
}

bool ph_layout_place_library(struct ph_layout *layout, struct ph_layout *placed, const struct ph_row *rows, size_t count)
{
	if (layout->guessed)
		(void)ph_layout_known(0, &placed->version);
	if (!ph_layout_place(placed, rows, count))
		return false;
	placed->version = layout->version;
	*layout = *placed;
	return true;
}

/* Is there a row for this field in debug builds of the minor version?  Then one of release builds says nothing of them,
 * also where the micro version was not seen. */
static bool has_debug_row(const struct ph_at_row *row, uint32_t version)
{
	for (size_t i = 0; i < ph_layout_at_rows_count; i++) {
		const struct ph_at_row *other = &ph_layout_at_rows[i];
		if (other->debug && other->field == row->field && other->kind == row->kind &&
		    other->versions[0] <= version / 100 * 100 + 99 && other->versions[1] >= version / 100 * 100)
			return true;
	}
	return false;
}

/* Does the row say nothing about this layout? */
static bool is_other(const struct ph_at_row *row, const struct ph_layout *layout, uint32_t version)
{
	if (!holds(row->versions, version) || row->debug > layout->abi.debug)
		return true;
	return layout->abi.debug && !row->debug && has_debug_row(row, version);
}

enum ph_abi_kind ph_layout_abi_kind(const struct ph_abi *abi)
{
	bool wide = abi->pointer_size == 8;
	if (abi->free_threaded)
		return wide && abi->long_size == 8 && abi->lock_size == 40 ? PH_ABI_FREE_THREADED : PH_ABI_UNKNOWN;
	if (!abi->lock_size)
		return wide ? PH_ABI_LLP64 : PH_ABI_ILP32_NO_LOCK;
	if (wide)
		return abi->lock_size == 40   ? PH_ABI_LP64
		       : abi->lock_size == 48 ? PH_ABI_LP64_BIG_LOCK
					      : PH_ABI_LP64_MACOS;
	return abi->max_align == 4 ? PH_ABI_ILP32_ALIGN4 : PH_ABI_ILP32;
}

static bool place_explicit(struct ph_layout *layout)
{
	const struct ph_abi *abi = &layout->abi;
	enum ph_abi_kind kind = ph_layout_abi_kind(abi);
	uint32_t version = ph_version_number(layout->version);
	/* since 3.8 the states hold objects */
	if (abi->trace_refs && version >= 30800)
		return true;
	for (size_t i = 0; i < ph_layout_at_rows_count; i++) {
		const struct ph_at_row *row = &ph_layout_at_rows[i];
		if (row->kind != kind || is_other(row, layout, version))
			continue;
		bool is_signed;
		uint32_t size = row->is_size ? abi->pointer_size : ph_class_size(row->class, abi, &is_signed);
		if (row->is_size)
			is_signed = false;
		else if (row->class >= PH_CLASS_BLOB)
			size = row->class - PH_CLASS_BLOB;
		if (!set_slot(layout, row->field, (uint32_t)row->offset, size, is_signed))
			return false;
	}
	return true;
}

bool ph_layout_has_trace_refs(struct ph_version version)
{
	/* Include/pyport.h: Py_DEBUG implied Py_TRACE_REFS up to 3.7 */
	return ph_layout_knows(version) && ph_version_number(version) < 30800;
}

bool ph_layout_has_two_gc_heads(struct ph_version version)
{
	uint32_t number = ph_version_number(version);
	return number >= 30600 && number < 30700;
}

bool ph_layout_has_free_threaded(struct ph_version version)
{
	return ph_version_number(version) >= 31300;
}

bool ph_layout_knows(struct ph_version version)
{
	uint32_t number = ph_version_number(version);
	/* nobody runs 3.0 to 3.5 any more: their rows are in no table */
	return number >= PH_OLDEST && number <= PH_NEWEST && (number < 20800 || number >= 30600);
}

bool ph_layout_known(size_t index, struct ph_version *ret)
{
	for (uint32_t number = PH_NEWEST / 100; number >= PH_OLDEST / 100; number--) {
		struct ph_version version = {
			.major = (uint8_t)(number / 100), .minor = (uint8_t)(number % 100), .level = 0xf
		};
		if (!ph_layout_knows(version) || index--)
			continue;
		*ret = version;
		return true;
	}
	return false;
}

bool ph_layout_resolve(struct ph_version version, struct ph_abi abi, struct ph_layout *ret)
{
	struct ph_layout layout = { .version = version, .abi = abi };
	if (!ph_layout_knows(version)) {
		if (version.major != PH_NEWEST / 10000 || version.minor < PH_NEWEST / 100 % 100)
			return false;
		layout.guessed = true;
		(void)ph_layout_known(0, &layout.version);
	}
	if ((abi.pointer_size != 4 && abi.pointer_size != 8) || (abi.long_size != 4 && abi.long_size != 8))
		return false;
	if (abi.max_align != 4 && abi.max_align != 8)
		layout.abi.max_align = 8;
	if (!ph_layout_place(&layout, ph_layout_rows, ph_layout_rows_count) || !place_explicit(&layout))
		return false;
	ph_layout_fill_traits(&layout);
	layout.version = version;
	*ret = layout;
	return true;
}

void ph_layout_override(struct ph_layout *layout, enum ph_field field, int32_t offset, enum ph_origin origin)
{
	struct ph_slot *slot = &layout->slots[field];
	if (slot->origin == PH_ORIGIN_ABSENT)
		slot->size = layout->abi.pointer_size;
	slot->offset = offset;
	slot->origin = (uint8_t)origin;
}
