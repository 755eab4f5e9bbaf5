/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The references that an object holds, exactly as gc.get_referents() gives them, and what memory holds beyond that.
 *
 * What there is to do for an object follows from its type alone, and is put together once a type (struct ph_shape):
 * the members of C structs that tp_traverse visits (traverse.def), a function for what is no single member (items of
 * a list, entries of a dict), slots and dict of classes (subtype_traverse() in Objects/typeobject.c).  A type that
 * nobody here knows is scanned for words that could be pointers; whoever takes the edges drops those that lead to no
 * object. */
#ifndef OBJECT_TRAVERSE_H
#define OBJECT_TRAVERSE_H

#include "object/object.h"
#include "record/edge.h"

#include <string.h>

struct ph_visit;

/* One word of an object that holds a reference. */
struct ph_shape_step {
	uint32_t offset;   /* bytes from the object's start */
	uint32_t argument; /* of the edge */
	uint8_t kind;	   /* enum ph_edge_kind */
	bool extra;
};

struct ph_shape;
/* Where the memory goes that an object has beside its own. */
struct ph_block_sink {
	/* guessed: a word of a struct that nobody here knows, which may be any pointer */
	void (*block)(void *user, ph_addr address, bool guessed);
	void *user;
};
typedef void ph_blocks_fn(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink);

/* What follows from the type for the block that an instance lies in. */
enum ph_shape_extent {
	PH_EXTENT_OPEN,	 /* the struct, but for a word, and perhaps more */
	PH_EXTENT_FIXED, /* the struct, perhaps without a word, and nothing more */
	PH_EXTENT_ITEMS, /* the struct and its items */
	PH_EXTENT_BYTES, /* the same, and a NUL behind them */
	PH_EXTENT_STR,
	PH_EXTENT_INT, /* its digits, and perhaps more */
	PH_EXTENT_TYPE, /* a PyTypeObject, and perhaps more */
};

struct ph_shape {
	struct ph_objects *objects;
	const struct ph_type *type;
	uint32_t front;	     /* bytes before the object that belong to it: pre-header and head of the gc */
	bool has_gc;	     /* Py_TPFLAGS_HAVE_GC */
	bool is_guess;	     /* the struct is of unknown layout */
	bool is_type;	     /* instances are types: those of C have no head, and no referents for the gc */
	bool visits_type;    /* tp_traverse visits the object's type */
	bool managed_dict;
	bool inline_values;
	uint32_t size;	     /* bytes of the fixed part */
	uint32_t item_size;  /* bytes of an item; 0 none */
	uint32_t real_items; /* of a struct sequence: all its fields, also those that are not in its length */
	uint8_t plain;	     /* a short way for its instances (plain.h) */
	int16_t weaklist;    /* where the first weak reference to an instance is, bytes from the object; 0 nowhere */
	bool glance;	     /* of which ph_object_glance() knows all */
	uint8_t extent;	     /* enum ph_shape_extent */
	int16_t holds;	     /* where the address is of items, keys or values beside it, of 8 bytes; 0 unknown */
	ph_addr cached_keys; /* names of inline values, 0 none */
	const ph_addr *names; /* the same, where a short way goes */
	uint32_t name_count;
	void (*special)(const struct ph_visit *visit);
	int64_t (*sizeof_)(const struct ph_shape *shape, ph_addr object); /* NULL: ask the decoder */
	ph_blocks_fn *blocks; /* beside inline values; NULL none */
	const struct ph_shape_step *steps;
	size_t step_count;
};

/* Of a type's instances; cached, NULL when the address is no type.  Not thread-safe; the shape is. */
const struct ph_shape *ph_shape_get(struct ph_objects *objects, ph_addr type);

/* Finds out what the first shape would, so that threads may ask of links by the same `objects`. */
void ph_shapes_begin(struct ph_objects *objects);

/* All references of an object into the sink. */
void ph_traverse(const struct ph_shape *shape, ph_addr object, struct ph_edge_sink *sink);

/* What a walk over the whole heap asks of each object, in one look. */
struct ph_glance {
	int64_t size, refcount, len; /* as below, and as ph_object_refcount() has it */
	bool tracked;		     /* as ph_object_is_tracked() */
	bool type_visited;	     /* there is an edge to its type, which is not put */
	ph_addr block;		     /* that ph_object_blocks() gives, 0 none */
};
/* The same with all its edges but that to its type; false: none were put, and it is to be asked one by one. */
bool ph_object_glance(const struct ph_shape *shape, ph_addr object, struct ph_edge_sink *sink, struct ph_glance *ret);

/* Does its list of weak references begin with one, to it?  True of what has none. */
bool ph_weaklist_holds(const struct ph_shape *shape, ph_addr object);

/* Has what an object holds beside it fetched into the cache, for who will look at it soon.  Inlined by order: gcc takes
 * a function that only fetches for one without effect, and throws calls of it away. */
static inline __attribute__((always_inline)) void ph_object_fetch(struct ph_image *image, const struct ph_shape *shape,
								   ph_addr object)
{
	ph_addr held;
	const uint8_t *data;
	if (!shape->holds || !(data = ph_image_look(image, object + (ph_addr)(int64_t)shape->holds, sizeof(held))))
		return;
	memcpy(&held, data, sizeof(held));
	data = ph_image_look(image, held, 1);
	if (data) {
		__builtin_prefetch(data);
		__builtin_prefetch(data + 64);
	}
}

/* In a list of the garbage collector; *ret_next and *ret_prev (may be NULL) are the objects beside it there, or what
 * lies behind the head of the list as an object lies behind its own; 0 where there are no lists (free-threaded).  False
 * when it is in none. */
bool ph_object_is_tracked(const struct ph_shape *shape, ph_addr object, ph_addr *ret_next, ph_addr *ret_prev);
/* The same of a head. */
bool ph_gc_links(const struct ph_target *target, ph_addr head, ph_addr *ret_next, ph_addr *ret_prev);
/* The same of what is taken for an object of the gc, or for the head of a list. */
bool ph_object_links(const struct ph_objects *objects, ph_addr object, ph_addr *ret_next, ph_addr *ret_prev);
/* The names of the class's __slots__, by place; NULL behind the last. */
const char *ph_shape_slot(const struct ph_shape *shape, size_t index, int64_t *ret_offset);

/* Bytes before this object that belong to it. */
uint32_t ph_object_front(const struct ph_shape *shape, ph_addr object);

/* Bytes that it takes at least, without those before it; UINT64_MAX where it cannot be an object: of a length that no
 * memory holds, a text without an end, a str that contradicts itself. */
uint64_t ph_object_least(const struct ph_shape *shape, ph_addr object);

/* The memory that it has beside its own, in pieces: keys of a dict, items of a list, text of a str that is not in it …
 * The same piece may come from several objects (keys that are shared), and what comes may lie within an object. */
void ph_object_blocks(const struct ph_shape *shape, ph_addr object, const struct ph_block_sink *sink);

/* sys.getsizeof(); -1 unknown.  Thread-safe where shape->sizeof_. */
int64_t ph_object_size(const struct ph_shape *shape, ph_addr object);

/* len() of a str, bytes, tuple, list, dict, set or deque; -1: of another kind, or unreadable. */
int64_t ph_object_len(const struct ph_shape *shape, ph_addr object);

#endif
