/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole heap, in units of objects by address: what a walk over a live target hands to the writer of a dump.
 * Objects are known by their index in that order.
 *
 * Units may be made and handed over by several threads; the sink puts them in order, so that what it makes of them is
 * the same whatever their number. */
#ifndef RECORD_HEAP_SINK_H
#define RECORD_HEAP_SINK_H

#include "base/error.h"
#include "record/edge.h"
#include "record/root.h"
#include "record/value.h"

#define PH_NO_INDEX UINT32_MAX
#define PH_HEAP_UNIT 65536	 /* objects of a unit; the last has fewer */
#define PH_HEAP_UNIT_EDGES (1u << 19) /* edges that a unit holds at once */

enum ph_object_flag {
	PH_OBJECT_TRACKED = 1 << 0,	 /* in a list of the garbage collector */
	PH_OBJECT_IMMORTAL = 1 << 1,
	PH_OBJECT_GUESSED = 1 << 2,	 /* of unknown layout: its edges are guesses */
	PH_OBJECT_TYPE_VISITED = 1 << 3, /* gc.get_referents() gives the type */
	PH_OBJECT_POOLED = 1 << 4,	 /* in a pool of pymalloc */
	PH_OBJECT_DEFERRED = 1 << 5,	 /* free-threaded: not all references are in its count */
};

#define PH_EDGE_EXTRA 0x80 /* in the kind: gc.get_referents() does not give it */

struct ph_heap_unit {
	uint64_t number; /* from 0 */
	size_t count;	 /* objects */
	bool last;
	/* of each object */
	ph_addr address[PH_HEAP_UNIT];
	uint64_t edge_start[PH_HEAP_UNIT + 1]; /* edges of the unit before its own */
	int64_t size[PH_HEAP_UNIT];	       /* sys.getsizeof(); -1 unknown */
	int64_t held[PH_HEAP_UNIT];	       /* bytes of its block and those that belong to it; -1 unknown */
	int64_t refcount[PH_HEAP_UNIT];	       /* -1 immortal */
	int64_t len[PH_HEAP_UNIT];	       /* -1 none */
	uint32_t type[PH_HEAP_UNIT];	       /* index, PH_NO_INDEX unknown */
	uint16_t flags[PH_HEAP_UNIT];
	/* edges that were not handed over yet */
	size_t edge_count;
	uint32_t target[PH_HEAP_UNIT_EDGES];	  /* index */
	uint32_t argument
		[PH_HEAP_UNIT_EDGES]; /* as in struct ph_edge, an index in place of an address; PH_NO_INDEX: none */
	uint8_t kind[PH_HEAP_UNIT_EDGES];	  /* enum ph_edge_kind, with PH_EDGE_EXTRA */
};

/* What print shows as "value", under the redaction, of those objects of a unit that have one. */
#define PH_HEAP_UNIT_TEXT ((size_t)1 << 22) /* bytes of texts that it holds at once */
struct ph_heap_values {
	uint64_t number; /* of the unit */
	size_t count;
	uint32_t object[PH_HEAP_UNIT]; /* indices, ascending */
	uint32_t string[PH_HEAP_UNIT]; /* of its texts, from 0 */
	size_t string_count;
	uint64_t string_start[PH_HEAP_UNIT + 1]; /* text i is bytes[start[i], start[i + 1]), WTF-8 */
	char bytes[PH_HEAP_UNIT_TEXT];
};

struct ph_heap_type {
	uint32_t index; /* of the type object */
	ph_addr address;
	const char *name, *module; /* __qualname__; module NULL unknown */
	int64_t basicsize, itemsize;
	bool is_heap;
	enum ph_value_text value;
	uint64_t count; /* instances, subclasses' not counted */
	/* what instances keep in __slots__ */
	const struct ph_type_slot *slots;
	size_t slot_count;
};

/* Each returns NULL to go on. */
struct ph_heap_sink {
	void *self;
	/* From any thread, each unit once with !more; before that with `more` when its edges, or its texts, are full:
	 * the caller empties them.  These wait until the units before were handed over, so threads must take units in
	 * order; who fails must say so by stop(), for the others wait for its unit. */
	struct ph_error *(*unit)(void *self, const struct ph_heap_unit *unit, bool more);
	/* behind all units */
	struct ph_error *(*values)(void *self, const struct ph_heap_values *values, bool more);
	void (*stop)(void *self);
	/* Whether it holds so much back that no further unit should be begun before it can write; from any thread. */
	bool (*is_full)(void *self);
	/* from one thread, behind all values; `object` is the index of its address */
	struct ph_error *(*root)(void *self, const struct ph_heap_root *root, uint32_t object);
	/* at the end: every type that has instances, by index; and the names that PH_EDGE_FIELD edges count, "" where
	 * no edge has that number */
	struct ph_error *(*type)(void *self, const struct ph_heap_type *type);
	struct ph_error *(*field_name)(void *self, const char *name);
};

#endif
