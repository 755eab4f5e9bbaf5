/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole heap, one object after the other by address: what a walk over a live target hands to the writer of a
 * dump.  Objects are known by their index in that order. */
#ifndef RECORD_HEAP_SINK_H
#define RECORD_HEAP_SINK_H

#include "base/error.h"
#include "record/edge.h"
#include "record/root.h"

#define PH_NO_INDEX UINT32_MAX

enum ph_object_flag {
	PH_OBJECT_TRACKED = 1 << 0,	 /* in a list of the garbage collector */
	PH_OBJECT_IMMORTAL = 1 << 1,
	PH_OBJECT_GUESSED = 1 << 2,	 /* of unknown layout: its edges are guesses */
	PH_OBJECT_TYPE_VISITED = 1 << 3, /* gc.get_referents() gives the type */
	PH_OBJECT_POOLED = 1 << 4,	 /* in a pool of pymalloc */
};

#define PH_EDGE_EXTRA 0x80 /* in the kind: gc.get_referents() does not give it */

struct ph_heap_edge {
	uint32_t target;   /* index */
	uint32_t argument; /* as in struct ph_edge, an index in place of an address; PH_NO_INDEX: none */
	uint8_t kind;	   /* enum ph_edge_kind, with PH_EDGE_EXTRA */
};

struct ph_heap_object {
	ph_addr address;
	uint32_t type; /* index, PH_NO_INDEX unknown */
	uint16_t flags;
	int64_t size;	  /* sys.getsizeof(); -1 unknown */
	int64_t refcount; /* -1 immortal */
	int64_t len;	  /* -1 none */
};

struct ph_heap_type {
	uint32_t index; /* of the type object */
	ph_addr address;
	const char *name, *module; /* __qualname__; module NULL unknown */
	int64_t basicsize, itemsize;
	bool is_heap;
	uint64_t count; /* instances, subclasses' not counted */
};

/* Each returns NULL to go on. */
struct ph_heap_sink {
	void *self;
	struct ph_error *(*begin)(void *self, uint64_t objects);
	/* the edges of the object that comes next, in any number of pieces */
	struct ph_error *(*edges)(void *self, const struct ph_heap_edge *edges, size_t count);
	struct ph_error *(*object)(void *self, const struct ph_heap_object *object);
	/* behind all objects: what print shows as "value", under the redaction, by ascending index; `size` bytes of WTF-8 */
	struct ph_error *(*value)(void *self, uint32_t object, const char *text, size_t size);
	/* behind all values; `object` is the index of its address */
	struct ph_error *(*root)(void *self, const struct ph_heap_root *root, uint32_t object);
	/* at the end: every type that has instances, by index; and the names that PH_EDGE_FIELD edges count */
	struct ph_error *(*type)(void *self, const struct ph_heap_type *type);
	struct ph_error *(*field_name)(void *self, const char *name);
};

#endif
