/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small process in memory: one span of bytes, and a few types in it, for the
 * tests of what reads objects.  Fields are put where the layout says; whether that
 * is where CPython has them is what test-layout and the cores are for. */
#ifndef UNIT_HEAPMAKER_H
#define UNIT_HEAPMAKER_H

#include <stdlib.h>
#include <string.h>

#include "image/backend.h"
#include "object/object.h"

#ifndef HEAP_BASE /* elsewhere for machines of 32 bits */
#define HEAP_BASE UINT64_C(0x7f0000000000)
#endif
#define HEAP_SIZE ((size_t)1 << 20)

struct heap {
	struct ph_image *image;
	struct ph_damage damage;
	struct ph_target target;
	struct ph_objects *objects;
	uint8_t *bytes;
	size_t used;
	ph_addr type, object;
};

static inline void heap_put(struct heap *h, ph_addr at, uint64_t value, size_t size)
{
	for (size_t i = 0; at >= HEAP_BASE && at - HEAP_BASE + size <= HEAP_SIZE && i < size; i++) {
		size_t place = h->target.layout.abi.big_endian ? size - 1 - i : i;
		h->bytes[at - HEAP_BASE + place] = (uint8_t)(value >> 8 * i);
	}
}

static inline void heap_set(struct heap *h, ph_addr base, enum ph_field field, uint64_t value)
{
	ph_addr at = ph_target_at(&h->target, base, field);
	if (at)
		heap_put(h, at, value, h->target.layout.slots[field].size);
}

static inline ph_addr heap_alloc(struct heap *h, size_t size)
{
	h->used = (h->used + 15) & ~(size_t)15;
	ph_addr at = HEAP_BASE + h->used;
	h->used += size;
	return at;
}

static inline ph_addr heap_text(struct heap *h, const char *text)
{
	ph_addr at = heap_alloc(h, strlen(text) + 1);
	memcpy(h->bytes + (at - HEAP_BASE), text, strlen(text) + 1);
	return at;
}

static inline ph_addr heap_object(struct heap *h, ph_addr type, size_t size)
{
	ph_addr at = heap_alloc(h, size);
	heap_set(h, at, PH_PyObject_ob_refcnt, 1);
	heap_set(h, at, PH_PyObject_ob_type, type);
	return at;
}

/* A static type; `bit` is that of its subclass flag, or PH_TRAIT_TPFLAG_READY. */
static inline ph_addr heap_type(struct heap *h, const char *name, ph_addr base, enum ph_trait bit, int64_t basicsize)
{
	ph_addr at = heap_object(h, h->type, ph_target_sizeof(&h->target, PH_SIZEOF_PyTypeObject));
	int32_t number = ph_target_trait(&h->target, bit);
	heap_set(h, at, PH_PyTypeObject_tp_name, heap_text(h, name));
	heap_set(h, at, PH_PyTypeObject_tp_basicsize, (uint64_t)basicsize);
	heap_set(h, at, PH_PyTypeObject_tp_base, base);
	if (number >= 0)
		heap_set(h, at, PH_PyTypeObject_tp_flags, UINT64_C(1) << number);
	return at;
}

static inline bool heap_open_as(struct heap *h, struct ph_version version, struct ph_abi abi)
{
	static const struct ph_image_ops ops = { 0 };
	struct ph_image_options options = { 0 };
	*h = (struct heap){ 0 };
	struct ph_error *error = ph_image_create(&options, &ops, &h->image);
	h->bytes = calloc(1, HEAP_SIZE);
	struct ph_span *spans = malloc(sizeof(*spans));
	if (error || !h->bytes || !spans)
		return false;
	*spans = (struct ph_span){ .start = HEAP_BASE, .end = HEAP_BASE + HEAP_SIZE, .data = h->bytes };
	ph_image_set_spans(h->image, spans, 1);
	h->target.image = h->image;
	h->target.damage = &h->damage;
	if (!ph_layout_resolve(version, abi, &h->target.layout))
		return false;
	h->used = 4096;
	h->type = HEAP_BASE + h->used;
	h->object = 0;
	heap_type(h, "type", 0, PH_TRAIT_TPFLAG_TYPE_SUBCLASS, 888);
	h->object = heap_type(h, "object", 0, PH_TRAIT_TPFLAG_READY, 16);
	heap_set(h, h->type, PH_PyTypeObject_tp_base, h->object);
	h->target.type_type = h->type;
	return !ph_objects_create(&h->target, &h->objects);
}

static inline bool heap_open(struct heap *h, struct ph_version version)
{
	return heap_open_as(h, version,
			    (struct ph_abi){ .pointer_size = 8, .long_size = 8, .max_align = 8, .lock_size = 40 });
}

static inline void heap_close(struct heap *h)
{
	ph_objects_free(h->objects);
	ph_image_close(h->image);
	ph_damage_deinit(&h->damage);
	free(h->bytes);
}

#endif
