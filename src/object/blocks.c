/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory that an object has beside its own: tables, arrays, text.  Objects/dictobject.c, listobject.c, setobject.c,
 * unicodeobject.c, bytearrayobject.c, odictobject.c; Modules/_collectionsmodule.c. */
#include "object/numpy.h"
#include "object/visit.h"

#define WORDS_MAXIMUM 4096 /* of a struct that is looked through for pointers */

static void give(const struct ph_shape *shape, ph_addr object, enum ph_field field, const struct ph_block_sink *sink)
{
	ph_addr block = ph_read_ptr(shape->objects, object, field);
	if (block)
		sink->block(sink->user, block, false);
}

void ph_list_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	give(shape, object, PH_PyListObject_ob_item, sink);
}

static void set_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	give(shape, object, PH_PySetObject_table, sink);
}

/* Split values: since 3.11 what precedes them, as long as the byte before them says, belongs to them (up to 3.12). */
static void give_values(const struct ph_shape *shape, ph_addr values, const struct ph_block_sink *sink)
{
	uint8_t prefix = 0;
	if (!values)
		return;
	if (ph_target_trait(shape->objects->target, PH_TRAIT_DICT_VALUES_FORM) == 1 &&
	    ph_image_read(shape->objects->target->image, values - 1, &prefix, 1) != PH_OK)
		return;
	sink->block(sink->user, values - prefix, false);
}

void ph_dict_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	give(shape, object, PH_PyDictObject_ma_keys, sink);
	give(shape, object, PH_PyDictObject_ma_table, sink);
	give_values(shape, ph_read_ptr(shape->objects, object, PH_PyDictObject_ma_values), sink);
}

static void odict_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	int64_t left = ph_read_int(shape->objects, object, PH_PyDictObject_ma_used);
	uint64_t room = ph_dict_room(shape->objects, object);
	ph_addr node = ph_read_ptr(shape->objects, object, PH_PyODictObject_od_first);
	ph_dict_blocks(shape, object, sink);
	give(shape, object, PH_PyODictObject_od_fast_nodes, sink);
	if (left > 0 && (uint64_t)left > room)
		left = (int64_t)room;
	for (; node && left > 0; left--) {
		sink->block(sink->user, node, false);
		node = ph_read_ptr(shape->objects, node, PH_odictnode_next);
	}
}

struct ph_deque_blocks ph_deque_blocks(struct ph_objects *objects, ph_addr deque)
{
	return (struct ph_deque_blocks){
		.objects = objects,
		.block = ph_read_ptr(objects, deque, PH_dequeobject_leftblock),
		.last = ph_read_ptr(objects, deque, PH_dequeobject_rightblock),
	};
}

bool ph_deque_next(struct ph_deque_blocks *walk)
{
	if (!walk->block || walk->block == walk->last)
		return false;
	/* of a circle one block comes again (Brent 1980) */
	if (!(walk->steps & (walk->steps - 1)))
		walk->seen = walk->block;
	walk->steps++;
	walk->block = ph_read_ptr(walk->objects, walk->block, PH_BLOCK_rightlink);
	walk->is_circle = walk->block == walk->seen;
	return walk->block && !walk->is_circle;
}

static void deque_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	const struct ph_target *t = shape->objects->target;
	uint64_t width = t->layout.abi.pointer_size;
	struct ph_deque_blocks walk = ph_deque_blocks(shape->objects, object);
	ph_addr block;
	for (bool goes_on = walk.block; goes_on; goes_on = ph_deque_next(&walk))
		sink->block(sink->user, walk.block, false);
	int64_t spare = ph_read_int(shape->objects, object, PH_dequeobject_numfreeblocks);
	ph_addr at = ph_target_at(t, object, PH_dequeobject_freeblocks);
	for (int64_t i = 0; at && i < spare && i < 16; i++)
		if (ph_target_read_ptr(t, at + (uint64_t)i * width, &block) == PH_OK)
			sink->block(sink->user, block, false);
}

void ph_str_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	const struct ph_target *t = shape->objects->target;
	uint64_t state = 0;
	if (ph_target_has(t, PH_PyUnicodeObject_str)) { /* unicode of 2.7 */
		if (shape->type->kind == PH_KIND_STR)
			give(shape, object, PH_PyUnicodeObject_str, sink);
		return;
	}
	int64_t size;
	if (ph_plain_str_size(shape->objects, object, &size) ||
	    ph_target_uint(t, object, PH_PyASCIIObject_state, &state) != PH_OK)
		return;
	bool compact = state >> ph_target_trait(t, PH_TRAIT_STR_COMPACT_SHIFT) & 1;
	bool ascii = state >> ph_target_trait(t, PH_TRAIT_STR_ASCII_SHIFT) & 1;
	give(shape, object, PH_PyASCIIObject_wstr, sink);
	if (!compact || !ascii)
		give(shape, object, PH_PyCompactUnicodeObject_utf8, sink);
	if (!compact)
		give(shape, object, PH_PyUnicodeObject_data, sink);
}

static void bytearray_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	give(shape, object, PH_PyByteArrayObject_ob_bytes, sink);
}

/* Any word may point to memory of its own, and that to more. */
static void any_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	const struct ph_target *t = shape->objects->target;
	uint64_t width = t->layout.abi.pointer_size, size = shape->size;
	ph_addr word;
	/* what a metaclass of C adds (numpy's dtypes) lies behind a whole PyHeapTypeObject, in static types too */
	if (ph_is_static_type(shape, object) && size <= ph_target_sizeof(t, PH_SIZEOF_PyHeapTypeObject))
		size = ph_target_sizeof(t, PH_SIZEOF_PyTypeObject);
	for (uint64_t at = width; at + width <= size && at < WORDS_MAXIMUM * width; at += width)
		if (ph_target_read_ptr(t, object + at, &word) == PH_OK && word && !(word & 7))
			sink->block(sink->user, word, true);
}

/* What an array shows of another's buffer is not its own. */
static void ndarray_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	struct ph_ndarray a;
	if (!ph_ndarray_load(shape->objects->target, object, &a))
		return;
	if (a.nd)
		sink->block(sink->user, a.dimensions, false);
	if (a.flags & PH_NDARRAY_OWNDATA)
		sink->block(sink->user, a.data, false);
}

static const struct {
	const char *name;
	ph_blocks_fn *blocks; /* NULL: none */
} rows[] = {
	{ "list", ph_list_blocks },
	{ "dict", ph_dict_blocks },
	{ "frozendict", ph_dict_blocks },
	{ "collections.defaultdict", ph_dict_blocks },
	{ "collections.OrderedDict", odict_blocks },
	{ "set", set_blocks },
	{ "frozenset", set_blocks },
	{ "collections.deque", deque_blocks },
	{ "str", ph_str_blocks },
	{ "unicode", ph_str_blocks },
	{ "bytearray", bytearray_blocks },
	{ "numpy.ndarray", ndarray_blocks },
	{ "module", any_blocks },
	{ "type", any_blocks },
	{ "code", any_blocks },
	{ "bool", NULL },
	{ "int", NULL },
	{ "float", NULL },
	{ "bytes", NULL },
	{ "tuple", NULL },
	{ "object", NULL },
	{ "function", NULL },
	{ "method", NULL },
	{ "cell", NULL },
};

ph_blocks_fn *ph_blocks_of(const struct ph_type *base, bool is_guess)
{
	for (size_t i = 0; base && i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i].name, base->full))
			return rows[i].blocks;
	return is_guess || (base && base->is_type)	 ? any_blocks
	       : base && base->kind == PH_KIND_EXCEPTION ? NULL
							 : any_blocks;
}

void ph_object_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink)
{
	const struct ph_target *t = shape->objects->target;
	ph_addr word;
	if (shape->blocks)
		shape->blocks(shape, object, sink);
	if (!shape->managed_dict)
		return;
	int64_t at = ph_target_trait(t, PH_TRAIT_OBJECT_MANAGED_DICT_OFFSET);
	int32_t form = ph_target_trait(t, PH_TRAIT_OBJECT_DICT_FORM);
	if (form == 1)
		at = ph_target_trait(t, PH_TRAIT_OBJECT_MANAGED_VALUES_OFFSET);
	/* in form 3 they are in the object */
	if (form > 2 || ph_target_read_ptr(t, object + (uint64_t)at, &word) != PH_OK)
		return;
	if (form == 1)
		give_values(shape, word, sink);
	else if (word & 1)
		give_values(shape, word + 1, sink);
}
