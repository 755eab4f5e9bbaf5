/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects of C types that nobody here knows, for a debugger that may. */
#include "extract/extract.h"

#include <pyheap/inspect.h>

#include "object/traverse.h"

#include <stdlib.h>

#define BASES_MAXIMUM 32
#define WORDS_MAXIMUM 64

/* Slots whose functions take the instance first. */
static const enum ph_field slots[] = {
	PH_PyTypeObject_tp_dealloc, PH_PyTypeObject_tp_repr,	  PH_PyTypeObject_tp_str,  PH_PyTypeObject_tp_init,
	PH_PyTypeObject_tp_traverse, PH_PyTypeObject_tp_clear,	  PH_PyTypeObject_tp_hash, PH_PyTypeObject_tp_call,
	PH_PyTypeObject_tp_iternext, PH_PyTypeObject_tp_getattro, PH_PyTypeObject_tp_iter, PH_PyTypeObject_tp_finalize,
};
_Static_assert(sizeof(slots) / sizeof(*slots) == PH_INSPECT_FUNCTIONS, "one for each");

static void put_type(struct ph_extract *extract, const struct ph_type *type, struct ph_inspect_type *ret)
{
	*ret = (struct ph_inspect_type){ .name = type->full, .address = type->address, .basicsize = type->basicsize };
	for (size_t i = 0; i < PH_INSPECT_FUNCTIONS; i++)
		(void)ph_target_ptr(&extract->detected.target, type->address, slots[i], &ret->functions[i]);
}

static size_t put_words(struct ph_extract *extract, ph_addr object, int64_t size, struct ph_inspect_word *words)
{
	const struct ph_target *target = &extract->detected.target;
	size_t width = target->layout.abi.pointer_size, count = 0;
	for (int64_t at = (int64_t)ph_target_sizeof(target, PH_SIZEOF_PyObject);
	     at + (int64_t)width <= size && count < WORDS_MAXIMUM; at += (int64_t)width) {
		ph_addr word;
		if (ph_target_read_ptr(target, object + (ph_addr)at, &word) != PH_OK)
			break;
		words[count++] = (struct ph_inspect_word){
			.offset = (unsigned)at,
			.word = word,
			.is_object = word && ph_target_is_aligned(target, word) &&
				     ph_object_type(extract->objects, word),
		};
	}
	return count;
}

/* No decoder tells what is in it, and there is more than a class written in Python adds. */
static bool is_opaque(struct ph_extract *extract, const struct ph_type *type, const struct ph_shape *shape)
{
	const struct ph_target *target = &extract->detected.target;
	int64_t width = target->layout.abi.pointer_size,
		explained = (int64_t)ph_target_sizeof(target, PH_SIZEOF_PyObject);
	if (type->decoder || shape->is_type)
		return false;
	/* each member once: the same word may be held twice over; a guess explains nothing */
	for (size_t i = 0; i < shape->step_count; i++)
		if (shape->steps[i].kind != PH_EDGE_GUESSED)
			explained += !i || shape->steps[i].offset != shape->steps[i - 1].offset ? width : 0;
	explained += type->weaklistoffset > 0 ? width : 0;
	return shape->is_guess || type->basicsize > explained;
}

struct ph_error *ph_extract_object(struct ph_extract *extract, ph_addr address, struct ph_inspect_object **ret)
{
	struct ph_inspect_object *o = calloc(1, sizeof(*o) + BASES_MAXIMUM * sizeof(*o->types) +
							WORDS_MAXIMUM * sizeof(*o->words));
	if (!o)
		return &ph_error_no_memory;
	o->types = (struct ph_inspect_type *)(o + 1);
	o->words = (struct ph_inspect_word *)(o->types + BASES_MAXIMUM);
	const struct ph_type *type =
		extract->runtime && address && ph_target_is_aligned(&extract->detected.target, address) ?
			ph_object_type(extract->objects, address) :
			NULL;
	const struct ph_shape *shape = type ? ph_shape_get(extract->objects, type->address) : NULL;
	if (shape) {
		o->is_object = true;
		o->is_opaque = is_opaque(extract, type, shape);
		for (const struct ph_type *t = type; t && o->type_count < BASES_MAXIMUM;
		     t = t->base ? ph_type_get(extract->objects, t->base) : NULL)
			put_type(extract, t, &o->types[o->type_count++]);
		if (o->is_opaque)
			o->word_count = put_words(extract, address, type->basicsize, o->words);
	}
	*ret = o;
	return NULL;
}
