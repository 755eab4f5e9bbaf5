/* SPDX-License-Identifier: GPL-3.0-or-later */
/* References between objects, as a walk over the heap gives them. */
#ifndef RECORD_EDGE_H
#define RECORD_EDGE_H

#include "base/types.h"

/* What an edge's argument is follows from its kind.  The numbers are part of the dump's format. */
enum ph_edge_kind {
	PH_EDGE_TYPE,	   /* the type, where tp_traverse visits it; no argument */
	PH_EDGE_ITEM,	   /* of a sequence, set or array: index */
	PH_EDGE_KEY,	   /* of a dict: index of the entry */
	PH_EDGE_VALUE,	   /* of a dict: address of the key */
	PH_EDGE_ATTRIBUTE, /* inline value of an instance: address of the name, a str */
	PH_EDGE_DICT,	   /* __dict__; no argument */
	PH_EDGE_SLOT,	   /* of a class's __slots__: offset in the object */
	PH_EDGE_FIELD,	   /* member of a struct of C: enum ph_field, in a dump an index into names */
	PH_EDGE_LOCAL,	   /* of a frame: index among the fast locals */
	PH_EDGE_STACK,	   /* value stack of a frame: index */
	PH_EDGE_STATE,	   /* of a module: offset in its state; guessed */
	PH_EDGE_WEAK,	   /* a weak reference's object; no argument */
	PH_EDGE_GUESSED,   /* a word of a struct of unknown layout that points to an object: offset */
	PH_EDGE_KIND_COUNT
};

struct ph_edge {
	ph_addr target;
	uint64_t argument;
	uint8_t kind; /* enum ph_edge_kind */
	bool extra;   /* gc.get_referents() does not give it */
};

/* Of a class's __slots__. */
struct ph_type_slot {
	const char *name;
	int64_t offset; /* bytes from the object's start */
};

/* Where edges go: an array of the caller's, with a call when it is full. */
struct ph_edge_sink {
	struct ph_edge *edges;
	size_t count, capacity;
	bool broken; /* set where what an object holds cannot be: it points nowhere, or is more than memory has */
	bool too_long; /* set where it says that it has more than it has room for */
	/* takes the edges and sets count to 0 */
	void (*flush)(struct ph_edge_sink *sink);
	void *user;
};

static inline void ph_edge_put(struct ph_edge_sink *sink, ph_addr target, enum ph_edge_kind kind, uint64_t argument,
			       bool extra)
{
	if (!target)
		return;
	if (sink->count == sink->capacity)
		sink->flush(sink);
	sink->edges[sink->count++] = (struct ph_edge){ target, argument, (uint8_t)kind, extra };
}

#endif
