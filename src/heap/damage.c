/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with the heap itself: for the manifest. */
#include "heap/heap.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED 8		  /* of a kind; the others are counted */
#define KEPT (1u << 16)	  /* the others are counted only */
#define NAME 86

struct note {
	ph_addr address;
	uint8_t fault;
	char name[NAME];
};

struct ph_heap_notes {
	pthread_mutex_t lock;
	struct note *notes;
	size_t count, capacity;
	uint64_t more[PH_FAULT_COUNT];
};

static const struct {
	const char *where, *what, *rest;
} faults[] = {
	[PH_FAULT_POOL] = { "pymalloc", "the list of free blocks of the pool at 0x%" PRIx64 " is broken%s",
			    "other pools with a list of free blocks that is broken" },
	[PH_FAULT_POOL_HEAD] = { "pymalloc", "the head of the pool at 0x%" PRIx64 " is broken%s",
				 "other pools whose head is broken" },
	[PH_FAULT_PAGE] = { "mimalloc", "a list of free blocks of the page at 0x%" PRIx64 " is broken%s",
			    "other pages with a list of free blocks that is broken" },
	[PH_FAULT_SEGMENT] = { "mimalloc", "the list of pages of the segment at 0x%" PRIx64 " is broken%s",
			       "other segments with a list of pages that is broken" },
	[PH_FAULT_LINK] = { "garbage collector", "its list of objects breaks behind that at 0x%" PRIx64 ", of type %s",
			    "other places where its lists break" },
	[PH_FAULT_NO_TYPE] = { "garbage collector", "the object at 0x%" PRIx64 " in its lists has no type%s",
			       "other objects in its lists without a type" },
	[PH_FAULT_LENGTH] = { "objects", "the length of that at 0x%" PRIx64 " cannot be; its type is %s",
			      "other objects with a length that cannot be" },
	[PH_FAULT_CONTENTS] = { "objects", "what that at 0x%" PRIx64 " points to cannot be its own; its type is %s",
				"other objects that point to what cannot be theirs" },
	[PH_FAULT_REFERENCE] = { "references", "at 0x%" PRIx64 " is no object; it is referred to by the %s",
				 "other references to what is no object" },
};

struct ph_error *ph_heap_begin_notes(struct ph_heap *heap)
{
	heap->notes = calloc(1, sizeof(*heap->notes));
	if (!heap->notes)
		return &ph_error_no_memory;
	pthread_mutex_init(&heap->notes->lock, NULL);
	return NULL;
}

void ph_heap_note(const struct ph_heap *heap, enum ph_heap_fault fault, ph_addr address, const char *name)
{
	struct ph_heap_notes *n = heap->notes;
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	if (n->count == n->capacity && n->capacity < KEPT) {
		size_t capacity = n->capacity ? n->capacity * 2 : 64;
		void *notes = realloc(n->notes, capacity * sizeof(*n->notes));
		if (notes) {
			n->notes = notes;
			n->capacity = capacity;
		}
	}
	if (n->count < n->capacity) {
		struct note *note = &n->notes[n->count++];
		*note = (struct note){ .address = address, .fault = (uint8_t)fault };
		strncpy(note->name, name, sizeof(note->name) - 1);
	} else {
		n->more[fault]++;
	}
	pthread_mutex_unlock(&n->lock);
}

static int compare_notes(const void *x, const void *y)
{
	const struct note *a = x, *b = y;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->fault != b->fault ? (int)a->fault - (int)b->fault : strcmp(a->name, b->name);
}

void ph_heap_end_notes(struct ph_heap *heap)
{
	struct ph_heap_notes *n = heap->notes;
	unsigned named[PH_FAULT_COUNT] = { 0 };
	if (!n)
		return;
	if (n->count)
		qsort(n->notes, n->count, sizeof(*n->notes), compare_notes);
	for (size_t i = 0; i < n->count; i++) {
		const struct note *note = &n->notes[i];
		if (i && note->address == note[-1].address && note->fault == note[-1].fault)
			continue;
		if (named[note->fault]++ < NAMED) {
			char what[200];
			/* the format is one of the table's */
			snprintf(what, sizeof(what), faults[note->fault].what, note->address, note->name);
			ph_damage_add(&heap->damage, PH_DAMAGE_HEAP, faults[note->fault].where, "%s", what);
		} else {
			ph_damage_add(&heap->damage, PH_DAMAGE_HEAP, faults[note->fault].where, "%s",
				      faults[note->fault].rest);
		}
	}
	for (unsigned fault = 0; fault < PH_FAULT_COUNT; fault++)
		for (uint64_t i = 0; i < n->more[fault]; i++)
			ph_damage_add(&heap->damage, PH_DAMAGE_HEAP, faults[fault].where, "%s", faults[fault].rest);
	pthread_mutex_destroy(&n->lock);
	free(n->notes);
	free(n);
	heap->notes = NULL;
}

/* Is it longer than its block, or than what can be read there? */
static bool is_too_long(const struct ph_heap *heap, const struct ph_shape *shape, ph_addr object)
{
	uint64_t least = ph_object_least(shape, object), block = ph_heap_block_size(heap, object);
	return least >> 40 || (block && least > block) || !ph_image_has(heap->target->image, object, least);
}

/* Objects/descrobject.c of 3.6 and 3.7: what the item leads to may be freed, and nothing is wrong with that. */
static bool is_cached_args(const struct ph_target *t, const struct ph_shape *shape, ph_addr object)
{
	int64_t count;
	return ph_target_trait(t, PH_TRAIT_PROPERTY_CACHED_ARGS) > 0 && shape->type->kind == PH_KIND_TUPLE &&
	       ph_target_int(t, object, PH_PyVarObject_ob_size, &count) == PH_OK && count == 1 &&
	       !ph_object_is_tracked(shape, object, NULL, NULL);
}

void ph_heap_note_missing(const struct ph_heap *heap, struct ph_objects *objects, const struct ph_shape *shape,
			  ph_addr object, ph_addr target)
{
	const struct ph_target *t = heap->target;
	char name[NAME];
	ph_addr type;
	bool is_there = ph_image_has(t->image, target, ph_target_sizeof(t, PH_SIZEOF_PyObject));
	if (is_cached_args(t, shape, object))
		return;
	if (!is_there && !(target >> 48) && ph_target_is_aligned(t, target))
		return;
	const struct ph_shape *its = is_there && ph_target_ptr(t, target, PH_PyObject_ob_type, &type) == PH_OK ?
					     ph_shape_get(objects, type) :
					     NULL;
	if (its && is_too_long(heap, its, target)) {
		ph_heap_note(heap, PH_FAULT_LENGTH, target, its->type->full);
		return;
	}
	/* the address first: names may be long */
	snprintf(name, sizeof(name), "object at 0x%" PRIx64 ", of type %s", object, shape->type->full);
	ph_heap_note(heap, PH_FAULT_REFERENCE, target, name);
}

bool ph_heap_is_collecting(const struct ph_heap *heap, struct ph_runtime *runtime)
{
	const struct ph_target *t = heap->target;
	const struct ph_interp_state *interps;
	size_t count = runtime ? ph_runtime_interpreters(runtime, &interps) : 0;
	for (size_t i = 0; i < count; i++) {
		int64_t collecting;
		ph_addr gc = ph_target_trait(t, PH_TRAIT_GC_PER_INTERPRETER) ?
				     ph_target_at(t, interps[i].address, PH_PyInterpreterState_gc) :
				     ph_target_at(t, t->runtime, PH_PyRuntimeState_gc);
		if (!gc || ph_target_int(t, gc, PH_gc_runtime_state_collecting, &collecting) != PH_OK || collecting)
			return true;
	}
	return !count;
}

bool ph_heap_link_holds(const struct ph_heap *heap, ph_addr object, ph_addr next)
{
	ph_addr behind, before;
	return ph_object_links(heap->objects, next, &behind, &before) && before == object;
}

bool ph_heap_link_leads(const struct ph_heap *heap, ph_addr prev, ph_addr object)
{
	ph_addr next, before;
	return ph_object_links(heap->objects, prev, &next, &before) && next == object;
}

bool ph_heap_link_goes_on(const struct ph_heap *heap, ph_addr next)
{
	ph_addr behind, before;
	return ph_object_links(heap->objects, next, &behind, &before);
}
