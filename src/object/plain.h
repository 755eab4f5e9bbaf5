/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the object room: short ways for the kinds that most objects of a heap are of, where words are 8 bytes in
 * our own order and dicts are those of 3.11 and later.  Offsets are put together once instead of asked of the layout for
 * each field.  Each gives exactly what the long way gives, or false: then the long way is gone. */
#ifndef OBJECT_PLAIN_H
#define OBJECT_PLAIN_H

#include "object/object.h"

#include <string.h>

struct ph_dict_keys;
struct ph_shape;
struct ph_edge_sink;

enum ph_plain_kind {
	PH_PLAIN_NOT,
	PH_PLAIN_LEAF,
	PH_PLAIN_TUPLE,
	PH_PLAIN_LIST,
	PH_PLAIN_DICT,
	PH_PLAIN_INSTANCE /* of a class, with values of shared keys */
};

/* Bytes from the start of each struct. */
struct ph_plain {
	bool known; /* the rest is filled in */
	bool has_gc_heads; /* the next line is filled in: heads of the gc precede objects, and words are ours */
	uint16_t gc_head, gc_next, gc_prev, gc_prev_shift;
	bool works; /* all of what follows */
	uint16_t refcount, refcount_size;
	bool has_immortals;
	int16_t managed_dict, managed_values; /* before the object */
	uint8_t dict_form, values_form;
	bool managed_dict_visited;
	uint16_t values, values_capacity, values_valid; /* of values that lie in the object */
	uint16_t ob_size, tuple_items, list_items, list_allocated, dict_keys, dict_values, dict_used;
	uint16_t keys_size, log2_size, log2_index_bytes, kind, refcnt, nentries, indices; /* of keys */
	uint8_t general; /* dk_kind of keys that are not all str */
	uint16_t stride[2], key[2], value[2]; /* of entries: with a hash, without */
	uint16_t str_size, str_state, str_length, str_wstr; /* wstr 0: there is none */
	uint8_t compact_shift, ascii_shift, kind_shift;
};

void ph_plain_learn(struct ph_objects *objects);
/* Which short way its instances go. */
enum ph_plain_kind ph_plain_of(const struct ph_shape *shape);

/* The links in a head of the gc, where has_gc_heads, as ph_gc_links() has them. */
static inline bool ph_plain_links(const struct ph_plain *p, const uint8_t *head, ph_addr *ret_next, ph_addr *ret_prev)
{
	ph_addr next, prev;
	memcpy(&next, head + p->gc_next, sizeof(next));
	memcpy(&prev, head + p->gc_prev, sizeof(prev));
	next &= ~PH_GC_NEXT_FLAGS;
	prev = prev >> p->gc_prev_shift << p->gc_prev_shift;
	*ret_next = next + p->gc_head;
	*ret_prev = prev ? prev + p->gc_head : 0;
	return next != 0;
}

/* The names of an instance's values, for the shape of its class. */
void ph_plain_learn_names(struct ph_objects *objects, struct ph_shape *shape);
/* All edges of an instance of a type that goes one; false: none were put. */
bool ph_plain_traverse(const struct ph_shape *shape, ph_addr object, struct ph_edge_sink *sink);
/* Whether ph_object_glance() knows all of its instances. */
bool ph_glance_is_enough(const struct ph_shape *shape);
/* Where it will find the address of more to look at. */
int16_t ph_glance_holds(const struct ph_shape *shape);

bool ph_plain_keys(const struct ph_objects *objects, ph_addr address, struct ph_dict_keys *ret,
		   const uint8_t **ret_entries, int64_t *ret_refcnt);
/* The characters of a compact str that says that it is ASCII, in the image. */
bool ph_plain_ascii(const struct ph_objects *objects, ph_addr object, const uint8_t **ret, uint64_t *ret_length);
/* str.__sizeof__() and dict.__sizeof__(), without the fixed part. */
bool ph_plain_str_size(const struct ph_objects *objects, ph_addr object, int64_t *ret);
bool ph_plain_dict_size(const struct ph_objects *objects, ph_addr object, int64_t *ret);

#endif
