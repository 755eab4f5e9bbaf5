/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The columns of a dump as the verbs of the heap use them: a chunk is read when something of it is asked for, and what
 * comes out is held against the bounds here, so that an index needs no check afterwards.  Nothing here can fail once
 * the view is open: what is altered reads as unknown, and the dump says so (ph_dump_problem()). */
#ifndef COMMAND_HEAP_H
#define COMMAND_HEAP_H

#include "record/json.h"
#include <pyheap/verb.h>

#include "base/buffer.h"
#include "dump/window.h"
#include "graph/graph.h"
#include "graph/store.h"
#include "record/root.h"

struct ph_heap_view {
	struct ph_dump *dump;
	uint32_t count;
	uint32_t edge_count; /* once ph_heap_has_edges() was asked */
	uint32_t root_count; /* once ph_heap_has_roots() was asked */
	bool edges_opened, has_edges, values_opened, has_values, roots_opened, has_roots, held_opened, has_held;
	struct ph_window columns[PH_COLUMN_COUNT];
	struct ph_dump_types types;
	uint8_t identity[PH_DUMP_IDENTITY];
	bool is_kept; /* in the cache, what is worked out: the dump is a file */
	/* once ph_heap_view_link() was called */
	struct ph_graph graph;
	struct ph_store store;
	/* once ph_heap_view_retain() was called (command/retain.h); NULL: not known */
	const uint32_t *dominator;	  /* objects */
	const uint64_t *retained;	  /* objects; bytes */
	const uint64_t *retained_by_type; /* types, and one for objects of unknown type */
	struct ph_store retain_store;
	void *retain_memory[3];
};

struct ph_error *ph_heap_view_open(struct ph_dump *dump, struct ph_heap_view *ret) __attribute__((warn_unused_result));
void ph_heap_view_deinit(struct ph_heap_view *view);
/* Types and their counts by the columns, where types.json is altered or lost; names as roots, the objects of the stacks
 * and classes themselves have them, "<type at 0x…>" otherwise. */
struct ph_error *ph_heap_mend_types(struct ph_heap_view *view) __attribute__((warn_unused_result));
#define ph_auto_heap_view ph_cleanup(ph_heap_view_deinit)

/* False where nothing is left of them: the dump has a problem then, and no object has any. */
bool ph_heap_has_edges(struct ph_heap_view *view);
/* Whether the dump has texts, roots, and what objects hold, which older ones have not. */
bool ph_heap_has_values(struct ph_heap_view *view);
bool ph_heap_has_roots(struct ph_heap_view *view);
bool ph_heap_has_held(struct ph_heap_view *view);
/* PH_ERROR_BAD_DUMP where it knows no roots; where it does not say what objects hold. */
struct ph_error *ph_heap_need_roots(struct ph_heap_view *view) __attribute__((warn_unused_result));
struct ph_error *ph_heap_need_held(struct ph_heap_view *view) __attribute__((warn_unused_result));

/* Which parts of the graph a verb needs. */
enum ph_heap_link { PH_LINK_REFERRERS = 1, PH_LINK_PATHS = 2, PH_LINK_ALL = 3 };
/* From the cache, else made and kept there.  PH_ERROR_BAD_DUMP for paths of a dump that has no roots. */
struct ph_error *ph_heap_view_link(struct ph_heap_view *view, enum ph_heap_link parts)
	__attribute__((warn_unused_result));

/* Of all objects, into arrays of view->count: see ph_graph_dominators().  The graph's paths must be there. */
struct ph_error *ph_heap_view_dominators(struct ph_heap_view *view, uint32_t *ret_dominator, uint64_t *retained)
	__attribute__((warn_unused_result));

/* ---- objects; an index is below view->count ---- */

static inline uint64_t ph_heap_get(struct ph_heap_view *view, enum ph_column column, uint64_t i)
{
	return ph_window_get(&view->columns[column], i);
}

static inline ph_addr ph_heap_address(struct ph_heap_view *view, uint32_t object)
{
	return ph_heap_get(view, PH_COLUMN_OBJECT_ADDRESS, object);
}

/* The index of the type; PH_NO_INDEX unknown. */
static inline uint32_t ph_heap_type_index(struct ph_heap_view *view, uint32_t object)
{
	uint64_t type = ph_heap_get(view, PH_COLUMN_OBJECT_TYPE, object);
	return type < view->count ? (uint32_t)type : PH_NO_INDEX;
}

/* -1 unknown. */
static inline int64_t ph_heap_size(struct ph_heap_view *view, uint32_t object)
{
	return (int64_t)ph_heap_get(view, PH_COLUMN_OBJECT_SIZE, object);
}

/* Bytes of memory that are the object's: see doc/dump-format.md; -1 unknown. */
static inline int64_t ph_heap_held(struct ph_heap_view *view, uint32_t object)
{
	return ph_heap_has_held(view) ? (int64_t)ph_heap_get(view, PH_COLUMN_OBJECT_HELD, object) : -1;
}

/* Where references are not all in the count, what says so. */
static inline const char *ph_heap_deferred(struct ph_heap_view *view, uint32_t object)
{
	return ph_heap_get(view, PH_COLUMN_OBJECT_FLAGS, object) & PH_OBJECT_DEFERRED ? ", deferred" : "";
}

static inline int64_t ph_heap_refcount(struct ph_heap_view *view, uint32_t object)
{
	return (int64_t)ph_heap_get(view, PH_COLUMN_OBJECT_REFCOUNT, object);
}

static inline int64_t ph_heap_len(struct ph_heap_view *view, uint32_t object)
{
	return (int64_t)ph_heap_get(view, PH_COLUMN_OBJECT_LEN, object);
}

static inline unsigned ph_heap_flags(struct ph_heap_view *view, uint32_t object)
{
	unsigned flags = (unsigned)ph_heap_get(view, PH_COLUMN_OBJECT_FLAGS, object);
	return flags < 0x8000 ? flags : 0;
}

/* Its count says nothing of who refers to it.  3.11 lets the counts of objects in its data begin at 999999999
 * (_PyObject_IMMORTAL_REFCNT of Include/internal/pycore_object.h), but changes them like others. */
static inline bool ph_heap_is_immortal(struct ph_heap_view *view, uint32_t object)
{
	return ph_heap_flags(view, object) & PH_OBJECT_IMMORTAL || ph_heap_refcount(view, object) >= 900000000;
}

/* An object's JSON, begun with its address, type, module and size; the caller adds the rest and ends it. */
struct ph_json ph_heap_json(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out);
/* NULL unknown. */
const struct ph_dump_type *ph_heap_type(struct ph_heap_view *view, uint32_t object);
/* Of a type object's index. */
const struct ph_dump_type *ph_heap_view_type(const struct ph_heap_view *view, uint32_t type);

/* The object at an address; PH_NO_INDEX none. */
uint32_t ph_heap_find(struct ph_heap_view *view, ph_addr address);

/* ---- edges ---- */

struct ph_heap_ref {
	uint32_t source, target;
	uint32_t argument; /* PH_NO_INDEX none */
	uint8_t kind;	   /* enum ph_edge_kind, without PH_EDGE_EXTRA */
	bool extra;
};

/* *ret_end - *ret_first edges, all below view->edge_count. */
void ph_heap_edges(struct ph_heap_view *view, uint32_t object, uint32_t *ret_first, uint32_t *ret_end);
/* False where the edge is altered. */
bool ph_heap_edge(struct ph_heap_view *view, uint32_t source, uint32_t edge, struct ph_heap_ref *ret);
/* The edge to the type, which is no stored one. */
struct ph_heap_ref ph_heap_type_edge(struct ph_heap_view *view, uint32_t object);
enum ph_graph_force ph_edge_force(uint8_t kind);
/* Nothing but a word that happens to be an object's address tells of the reference. */
static inline bool ph_edge_is_guess(uint8_t kind)
{
	return ph_edge_force(kind) == PH_GRAPH_GUESSED;
}
/* "item", "value" …: of an edge's kind, extra or not; static. */
const char *ph_edge_kind_name(uint8_t kind);

/* The first edge of the source to the target that is told best: by name, strong; false when there is none. */
bool ph_heap_best_edge(struct ph_heap_view *view, uint32_t source, uint32_t target, struct ph_heap_ref *ret);
/* The target of an edge by a member of a C struct, by the part of its name behind the dot; PH_NO_INDEX. */
uint32_t ph_heap_member(struct ph_heap_view *view, uint32_t object, const char *member);

/* ---- texts and roots ---- */

/* Appends a text, as the dump has it; false: there is none. */
bool ph_heap_string(struct ph_heap_view *view, uint64_t string, struct ph_buffer *out);
/* The "value" of a str, bytes or number; false: it has none. */
bool ph_heap_value(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out);

struct ph_heap_root_entry {
	uint32_t object; /* may be none of the dump */
	uint8_t kind;	 /* enum ph_root_kind, without PH_ROOT_UNCOUNTED */
	bool counted;	 /* in ob_refcnt */
	uint32_t name;	 /* a string; PH_NO_INDEX none */
};
struct ph_heap_root_entry ph_heap_root(struct ph_heap_view *view, uint32_t root);
const char *ph_root_kind_name(uint8_t kind); /* "local", "module" …; static */
enum ph_graph_rank ph_root_graph_rank(uint8_t kind);
/* A word of memory that holds the address: a reference, or one that is borrowed or left over, as in the free slots of a
 * free list.  It is one where ob_refcnt has room for it. */
bool ph_root_is_word(uint8_t kind);

/* ---- operands ---- */

/* Hexadecimal with or without 0x, nothing else; 0 when it is not. */
ph_addr ph_parse_address(const char *text);
/* The object at the address that an operand is; *ret PH_NO_INDEX and a warning when none begins there. */
struct ph_error *ph_heap_operand(struct ph_heap_view *view, const char *verb, const char *operand,
				 const struct ph_verb_output *output, uint32_t *ret)
	__attribute__((warn_unused_result));

#endif
