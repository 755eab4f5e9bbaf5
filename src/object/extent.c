/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much of its block an object needs: what tells objects from other bytes that happen to begin like one.  What
 * PyObject_Malloc() was asked for by the types' tp_alloc and by the functions that make them in Objects/. */
#include "base/cursor.h"
#include "object/size.h"
#include "object/traverse.h"

#define NOT_AT_ALL UINT64_MAX

uint8_t ph_extent_of(const struct ph_shape *shape)
{
	const struct ph_target *t = shape->objects->target;
	/* those of C are no more than a PyTypeObject, those of Python have slots behind them */
	if (shape->is_type)
		return PH_EXTENT_TYPE;
	/* values lie behind the struct; since 3.14 subclasses of str have them too */
	if (shape->inline_values)
		return PH_EXTENT_OPEN;
	switch (shape->type->kind) {
	case PH_KIND_STR:
		/* that of 2.7 has its text elsewhere */
		return ph_target_has(t, PH_PyASCIIObject_state) ? PH_EXTENT_STR : PH_EXTENT_OPEN;
	case PH_KIND_BYTES:
		return shape->item_size == 1 ? PH_EXTENT_BYTES : PH_EXTENT_OPEN;
	case PH_KIND_INT:
		/* a class with a __sizeof__ of its own says nothing of its digits */
		return shape->sizeof_ ? PH_EXTENT_INT : PH_EXTENT_OPEN;
	case PH_KIND_GENERATOR:
		return PH_EXTENT_OPEN;
	case PH_KIND_FRAME:
		/* since 3.11 they have items and no ob_size: f_back is in its place (Include/internal/pycore_frame.h) */
		if (ph_target_has(t, PH_PyFrameObject_f_frame))
			return PH_EXTENT_OPEN;
		break;
	default:
		break;
	}
	if (shape->item_size)
		return PH_EXTENT_ITEMS;
	/* Objects/unicodeobject.c: the tables of its second and third level are in the same block, and no items */
	if (!strcmp(shape->type->full, "EncodingMap"))
		return PH_EXTENT_OPEN;
	/* anything may lie behind the struct of a type that nobody here knows, if it has anything */
	bool has_more = shape->is_guess && shape->size > ph_target_sizeof(t, PH_SIZEOF_PyObject);
	return has_more ? PH_EXTENT_OPEN : PH_EXTENT_FIXED;
}

static uint64_t least_of_items(const struct ph_shape *shape, ph_addr object)
{
	int64_t count;
	/* what cannot be read is not too long */
	if (ph_target_int(shape->objects->target, object, PH_PyVarObject_ob_size, &count) != PH_OK)
		return shape->size;
	return count < 0 || count >> 32 ? NOT_AT_ALL : shape->size + (uint64_t)count * shape->item_size;
}

/* A NUL of so many bytes is behind its last character. */
static bool is_ended(const struct ph_target *t, ph_addr end, unsigned width)
{
	static const uint8_t nul[4];
	const uint8_t *data = ph_image_look(t->image, end, width);
	return !data || !memcmp(data, nul, width);
}

static uint64_t least_of_bytes(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	uint64_t least = least_of_items(shape, object);
	if (least == NOT_AT_ALL)
		return least;
	ph_addr end = ph_target_at(t, object, PH_PyBytesObject_ob_sval) + (least - shape->size);
	return is_ended(t, end, 1) ? least : NOT_AT_ALL;
}

/* One that is not compact, of a subclass or of a version up to 3.11, has its text elsewhere. */
static uint64_t least_of_str(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	const uint8_t *text;
	uint64_t length, state, head;
	if (ph_plain_ascii(shape->objects, object, &text, &length))
		return text[length] ? NOT_AT_ALL : ph_target_sizeof(t, PH_SIZEOF_PyASCIIObject) + length + 1;
	if (ph_target_uint(t, object, PH_PyASCIIObject_state, &state) != PH_OK ||
	    ph_target_uint(t, object, PH_PyASCIIObject_length, &length) != PH_OK)
		return NOT_AT_ALL;
	unsigned kind = state >> ph_target_trait(t, PH_TRAIT_STR_KIND_SHIFT) & 7;
	bool compact = state >> ph_target_trait(t, PH_TRAIT_STR_COMPACT_SHIFT) & 1;
	bool ascii = state >> ph_target_trait(t, PH_TRAIT_STR_ASCII_SHIFT) & 1;
	bool legacy = ph_target_trait(t, PH_TRAIT_STR_HAS_WSTR) == 1;
	if ((kind != 1 && kind != 2 && kind != 4 && (kind || !legacy)) || (ascii && kind > 1) || length >> 40)
		return NOT_AT_ALL;
	/* a compact one that is not ready has wchar_t in a buffer of its own */
	if (!compact || !kind)
		return ph_target_sizeof(t, compact ? PH_SIZEOF_PyASCIIObject : PH_SIZEOF_PyCompactUnicodeObject);
	head = ph_target_sizeof(t, ascii ? PH_SIZEOF_PyASCIIObject : PH_SIZEOF_PyCompactUnicodeObject);
	if (!is_ended(t, object + head + length * kind, kind))
		return NOT_AT_ALL;
	return head + (length + 1) * kind;
}

uint64_t ph_object_least(const struct ph_shape *shape, ph_addr object)
{
	uint64_t word = shape->objects->target->layout.abi.pointer_size;
	int64_t size;
	switch ((enum ph_shape_extent)shape->extent) {
	case PH_EXTENT_ITEMS:
		return least_of_items(shape, object);
	case PH_EXTENT_BYTES:
		return least_of_bytes(shape, object);
	case PH_EXTENT_STR:
		return least_of_str(shape, object);
	case PH_EXTENT_TYPE:
		return ph_target_sizeof(shape->objects->target, PH_SIZEOF_PyTypeObject);
	case PH_EXTENT_INT:
		size = shape->sizeof_(shape, object);
		return size < 0 || size >> 32 ? NOT_AT_ALL : (uint64_t)size;
	default:
		/* a date without a zone is a word smaller than its type says */
		return shape->size > word ? shape->size - word : shape->size;
	}
}
