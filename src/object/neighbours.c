/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies beside an object says whether it can be what it claims to be. */
#include "base/cursor.h"
#include "object/visit.h"

uint64_t ph_malloc_room(const struct ph_target *t, ph_addr block)
{
	/* malloc/malloc.c of glibc: the size word of a chunk, and its flags */
	enum { PREV_INUSE = 1, IS_MMAPPED = 2, FLAGS = 7, HEADER = 16, LEAST = 32, PAGE = 4096 };
	bool big = t->layout.abi.big_endian;
	const uint8_t *word;
	if (t->layout.abi.pointer_size != 8 || block & 15 || !(word = ph_image_look(t->image, block - 8, 8)))
		return UINT64_MAX;
	uint64_t flags = ph_load_uint(word, 8, big), size = flags & ~(uint64_t)FLAGS;
	if (size < LEAST || size & 15 || size >> 40)
		return UINT64_MAX;
	if (flags & IS_MMAPPED)
		return (block - HEADER) & (PAGE - 1) || size & (PAGE - 1) ? UINT64_MAX : size - HEADER;
	/* the next one says that this one is in use, whose last word lies in the next */
	if (!(word = ph_image_look(t->image, block - 8 + size, 8)))
		return UINT64_MAX;
	uint64_t next = ph_load_uint(word, 8, big);
	return !(next & PREV_INUSE) || next & 8 || next < HEADER || next >> 40 ? UINT64_MAX : size - 8;
}

int16_t ph_weaklist_of(const struct ph_shape *shape)
{
	int64_t at = shape->type->weaklistoffset, width = shape->objects->target->layout.abi.pointer_size;
	bool before = at < 0 && -at <= (int64_t)shape->front;
	bool within = at > 0 && at + width <= (int64_t)shape->size;
	return (before || within) && at <= INT16_MAX && at >= INT16_MIN ? (int16_t)at : 0;
}

bool ph_weaklist_holds(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	ph_addr reference, to;
	/* what lists those of types of C is kept elsewhere */
	if (!shape->weaklist || ph_is_static_type(shape, object) ||
	    ph_target_read_ptr(t, object + (uint64_t)(int64_t)shape->weaklist, &reference) != PH_OK || !reference)
		return true;
	const struct ph_type_entry *type = ph_object_type_entry(shape->objects, reference);
	return type && type->type.kind == PH_KIND_WEAKREF &&
	       ph_target_ptr(t, reference, PH_PyWeakReference_wr_object, &to) == PH_OK && to == object;
}
