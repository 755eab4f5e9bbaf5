/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk over one object's references, along its type's shape. */
#include "base/cursor.h"
#include "object/plain.h"
#include "object/size.h"
#include "object/visit.h"

/* So many pointers are read at a time where no view holds them all. */
#define PIECE 256

void ph_visit_nothing(const struct ph_visit *v)
{
	(void)v;
}

static ph_addr load(const struct ph_visit *v, const uint8_t *data)
{
	return ph_load_uint(data, v->target->layout.abi.pointer_size, v->target->layout.abi.big_endian);
}

void ph_visit_unreadable(const struct ph_visit *v, ph_addr address, uint64_t size)
{
	struct ph_image *image = v->target->image;
	size_t readable = size >> 40 ? 0 : ph_image_readable(image, address, size);
	if (size >> 40 || !ph_target_is_aligned(v->target, address) ||
	    (readable < size && !ph_image_is_mapped(image, address + readable) &&
	     !ph_image_is_cut_off(image, address + readable)))
		v->sink->broken = true;
}

static void pieces(const struct ph_visit *v, ph_addr array, uint64_t count, enum ph_edge_kind kind)
{
	ph_addr piece[PIECE];
	uint64_t width = v->target->layout.abi.pointer_size;
	for (uint64_t done = 0; done < count;) {
		uint64_t n = count - done < PIECE ? count - done : PIECE;
		if (ph_target_read_ptrs(v->target, array + done * width, n, piece) != PH_OK) {
			ph_visit_unreadable(v, array + done * width, n * width);
			return;
		}
		for (uint64_t i = 0; i < n; i++)
			ph_visit_edge(v, piece[i], kind, done + i, false);
		done += n;
	}
}

void ph_visit_array(const struct ph_visit *v, ph_addr array, uint64_t count, enum ph_edge_kind kind)
{
	uint64_t width = v->target->layout.abi.pointer_size;
	if (!count)
		return;
	if (!array || count >> 40) {
		v->sink->broken = true;
		return;
	}
	const uint8_t *data = ph_image_look(v->target->image, array, count * width);
	if (!data) {
		pieces(v, array, count, kind);
		return;
	}
	for (uint64_t i = 0; i < count; i++)
		ph_visit_edge(v, load(v, data + i * width), kind, i, false);
}

void ph_visit_guess(const struct ph_visit *v, ph_addr start, uint64_t size, enum ph_edge_kind kind)
{
	uint64_t width = v->target->layout.abi.pointer_size;
	size_t readable = ph_image_readable(v->target->image, start, size < 65536 ? size : 65536);
	for (uint64_t at = 0; at + width <= readable; at += width) {
		ph_addr word;
		if (ph_target_read_ptr(v->target, start + at, &word) == PH_OK && !(word & (width - 1)))
			ph_visit_edge(v, word, kind, at, false);
	}
}

/* Of a struct that nobody here knows, whose items may be pointers: those of a type of C that has no name in the core are. */
void ph_visit_guessed_items(const struct ph_visit *v)
{
	uint64_t width = v->target->layout.abi.pointer_size;
	int64_t count = ph_struct_int(&v->s, PH_PyVarObject_ob_size);
	uint64_t size = count > 0 && !(count >> 32) ? (uint64_t)count * v->shape->item_size : 0;
	size = ph_image_readable(v->target->image, v->object + v->shape->size, size < 65536 ? size : 65536);
	for (uint64_t at = 0; at + width <= size; at += width) {
		ph_addr word;
		if (ph_target_read_ptr(v->target, v->object + v->shape->size + at, &word) == PH_OK && word &&
		    !(word & (width - 1)))
			ph_visit_edge(v, word, PH_EDGE_GUESSED, v->shape->size + at, false);
	}
}

/* The gc sees instances of types with Py_TPFLAGS_HAVE_GC, but types of C. */
static bool is_seen(const struct ph_shape *shape, ph_addr object)
{
	return shape->has_gc && !ph_is_static_type(shape, object);
}

void ph_traverse(const struct ph_shape *shape, ph_addr object, struct ph_edge_sink *sink)
{
	struct ph_visit v; /* not cleared: it has a buffer */
	if (shape->plain != PH_PLAIN_NOT && ph_plain_traverse(shape, object, sink))
		return;
	v.shape = shape;
	v.objects = shape->objects;
	v.target = shape->objects->target;
	v.object = object;
	v.sink = sink;
	if (ph_struct_load(v.target, object, shape->size, &v.s) != PH_OK)
		return;
	v.extra = !is_seen(shape, object);
	if (shape->visits_type)
		ph_visit_edge(&v, shape->type->address, PH_EDGE_TYPE, 0, false);
	uint32_t width = v.target->layout.abi.pointer_size;
	for (size_t i = 0; i < shape->step_count; i++) {
		const struct ph_shape_step *step = &shape->steps[i];
		if (step->offset + width > v.s.size)
			continue;
		ph_addr target = load(&v, v.s.data + step->offset);
		if (target && !(target & (width - 1)))
			ph_visit_edge(&v, target, step->kind, step->argument, step->extra);
	}
	if (shape->special)
		shape->special(&v);
	if (shape->managed_dict)
		ph_visit_managed(&v);
	if (shape->type->dictoffset < 0 && !shape->managed_dict && shape->type->is_heap)
		ph_visit_edge(&v, ph_dict_at_offset(v.objects, shape->type, object), PH_EDGE_DICT, 0, false);
}

/* ---- sequences ---- */

void ph_visit_tuple(const struct ph_visit *v)
{
	int64_t count = v->shape->real_items ? v->shape->real_items : ph_struct_int(&v->s, PH_PyVarObject_ob_size);
	/* less where it lies in a module's data, or another allocator gave it */
	ph_addr chunk = v->object - v->shape->front, items = ph_target_at(v->target, v->object, PH_PyTupleObject_ob_item);
	uint64_t before = items - chunk;
	if (count > 0 && !(count >> 40) &&
	    ph_is_beyond_chunk(v->target, chunk, before + (uint64_t)count * v->target->layout.abi.pointer_size)) {
		ph_visit_too_long(v);
		v->sink->broken = true;
		uint64_t room = ph_malloc_room(v->target, chunk);
		count = room > before ? (int64_t)((room - before) / v->target->layout.abi.pointer_size) : 0;
	}
	if (count > 0)
		ph_visit_array(v, items, (uint64_t)count, PH_EDGE_ITEM);
}

void ph_visit_list(const struct ph_visit *v)
{
	int64_t count = ph_struct_int(&v->s, PH_PyVarObject_ob_size);
	int64_t room = ph_struct_int(&v->s, PH_PyListObject_allocated);
	/* while it is being sorted its room is -1, and it has nothing */
	if (count < 0 || (room >= 0 && count > room)) {
		ph_visit_too_long(v);
		v->sink->broken = true;
		count = count < 0 ? 0 : room;
	}
	ph_addr items = ph_struct_ptr(&v->s, PH_PyListObject_ob_item);
	uint64_t width = v->target->layout.abi.pointer_size;
	if (room > 0 && !(room >> 40) && ph_is_beyond_chunk(v->target, items, (uint64_t)room * width)) {
		ph_visit_too_long(v);
		v->sink->broken = true;
		uint64_t least = ph_malloc_room(v->target, items) / width;
		count = (uint64_t)count < least ? count : (int64_t)least;
	}
	if (count > 0)
		ph_visit_array(v, items, (uint64_t)count, PH_EDGE_ITEM);
}

/* How many items there can be from the index in the leftmost block to that in the rightmost; -1: they lead in a circle,
 * INT64_MAX: not all of them can be read. */
static int64_t deque_room(const struct ph_visit *v, int64_t index, uint64_t per_block)
{
	struct ph_deque_blocks walk = ph_deque_blocks(v->objects, v->object);
	int64_t last = ph_struct_int(&v->s, PH_dequeobject_rightindex);
	while (ph_deque_next(&walk))
		;
	if (walk.block != walk.last || last < 0 || (uint64_t)last >= per_block)
		return walk.is_circle ? -1 : INT64_MAX;
	return (int64_t)(walk.steps * per_block) + last + 1 - index;
}

void ph_visit_deque(const struct ph_visit *v)
{
	const struct ph_target *t = v->target;
	uint64_t width = t->layout.abi.pointer_size;
	/* two links and nothing else beside the items */
	size_t block_size = ph_target_sizeof(t, PH_SIZEOF_BLOCK);
	uint64_t per_block = block_size > 2 * width ? block_size / width - 2 : 0;
	/* of 2.7 in a member of its own */
	int64_t count = ph_struct_int(&v->s, ph_target_has(t, PH_dequeobject_len) ? PH_dequeobject_len
										  : PH_PyVarObject_ob_size);
	int64_t index = ph_struct_int(&v->s, PH_dequeobject_leftindex);
	struct ph_deque_blocks walk = ph_deque_blocks(v->objects, v->object);
	if (!count || !per_block)
		return;
	/* of an empty one the index may be behind the block */
	int64_t room = index >= 0 && (uint64_t)index < per_block ? deque_room(v, index, per_block) : -1;
	if (count < 0 || count > room)
		ph_visit_too_long(v);
	if (count < 0 || room <= 0)
		return;
	count = count < room ? count : room;
	do {
		uint64_t n =
			per_block - (uint64_t)index < (uint64_t)count ? per_block - (uint64_t)index : (uint64_t)count;
		if (!ph_image_look(t->image, walk.block, block_size)) {
			ph_visit_unreadable(v, walk.block, block_size);
			return;
		}
		ph_visit_array(v, ph_target_at(t, walk.block, PH_BLOCK_data) + (uint64_t)index * width, n, PH_EDGE_ITEM);
		count -= (int64_t)n;
		index = 0;
	} while (count && ph_deque_next(&walk));
}

/* Not what is in it: whether it can be. */
void ph_visit_bytearray(const struct ph_visit *v)
{
	int64_t count = ph_struct_int(&v->s, PH_PyVarObject_ob_size);
	int64_t room = ph_struct_int(&v->s, PH_PyByteArrayObject_ob_alloc);
	if (count < 0 || count > room || count >> 40 || room >> 40 ||
	    ph_is_beyond_chunk(v->target, ph_struct_ptr(&v->s, PH_PyByteArrayObject_ob_bytes), (uint64_t)room))
		ph_visit_too_long(v);
}

/* A deleted entry has the hash -1, which no object has. */
void ph_visit_set(const struct ph_visit *v)
{
	const struct ph_target *t = v->target;
	size_t stride = ph_target_sizeof(t, PH_SIZEOF_setentry);
	uint64_t mask = ph_struct_uint(&v->s, PH_PySetObject_mask);
	ph_addr table = ph_struct_ptr(&v->s, PH_PySetObject_table);
	uint64_t used = ph_struct_uint(&v->s, PH_PySetObject_used);
	if (!table || !stride || !used)
		return;
	if (used > mask)
		ph_visit_too_long(v);
	if (mask >> 40 || mask & (mask + 1)) {
		v->sink->broken = true;
		return;
	}
	if (ph_is_beyond_chunk(t, table, (mask + 1) * stride)) {
		ph_visit_too_long(v);
		mask = ph_malloc_room(t, table) / stride - 1;
	}
	const uint8_t *data = ph_image_look(t->image, table, (mask + 1) * stride);
	if (!data) {
		ph_visit_unreadable(v, table, (mask + 1) * stride);
		return;
	}
	size_t key = (size_t)t->layout.slots[PH_setentry_key].offset;
	size_t hash = (size_t)t->layout.slots[PH_setentry_hash].offset;
	ph_addr dummy = 0;
	bool named_dummies = ph_target_trait(t, PH_TRAIT_STR_IS_BYTES) == 1;
	for (uint64_t i = 0; i <= mask; i++) {
		ph_addr target = load(v, data + i * stride + key);
		if (!target ||
		    ph_load_int(data + i * stride + hash, t->layout.abi.pointer_size, t->layout.abi.big_endian) == -1)
			continue;
		if (named_dummies && !dummy && ph_str_equals(v->objects, target, "<dummy key>"))
			dummy = target; /* Objects/setobject.c of 2.7 */
		if (target != dummy)
			ph_visit_edge(v, target, PH_EDGE_ITEM, i, false);
	}
}

void ph_visit_hamt_bitmap(const struct ph_visit *v)
{
	int64_t count = ph_struct_int(&v->s, PH_PyVarObject_ob_size);
	if (count > 0 && count <= 64)
		ph_visit_array(v, ph_target_at(v->target, v->object, PH_PyHamtNode_Bitmap_b_array), (uint64_t)count,
			       PH_EDGE_ITEM);
}

/* HAMT_ARRAY_NODE_SIZE in Include/internal/pycore_hamt.h */
void ph_visit_hamt_array(const struct ph_visit *v)
{
	ph_visit_array(v, ph_target_at(v->target, v->object, PH_PyHamtNode_Array_a_array), 32, PH_EDGE_ITEM);
}

void ph_visit_hamt_collision(const struct ph_visit *v)
{
	int64_t count = ph_struct_int(&v->s, PH_PyVarObject_ob_size);
	if (count > 0 && count < 1 << 20)
		ph_visit_array(v, ph_target_at(v->target, v->object, PH_PyHamtNode_Collision_c_array), (uint64_t)count,
			       PH_EDGE_ITEM);
}
