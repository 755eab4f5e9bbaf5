/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole heap into a sink: found first, then walked once more by address. */
#include "extract/heap.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "extract/heap_private.h"
#include "heap/roots.h"
#include "object/scalar.h"

#include <stdlib.h>
#include <string.h>

#define EDGES 4096
#define PROGRESS_EVERY 65536
#define WINDOW ((ph_addr)32 << 20) /* pages behind it are given back */

struct type_count {
	const struct ph_shape *shape;
	uint32_t index;
	uint64_t count;
	bool has_value, has_locals;
};

struct walk {
	struct ph_heap *heap;
	const struct ph_heap_sink *sink;
	struct ph_error *error;
	struct ph_heap_secrets secrets;
	const struct ph_shape *shape; /* of the object that is walked */
	uint64_t *valued; /* a bit for each object */
	struct ph_buffer name; /* of a root */
	struct ph_edge raw[EDGES];
	struct ph_heap_edge edges[EDGES];
	bool type_visited;
	ph_addr type_address;
	struct ph_addrmap types; /* address -> index + 1 into counts */
	struct type_count *counts;
	size_t type_count, type_capacity;
	/* the type that came last */
	ph_addr last_type;
	size_t last;
	uint16_t names[PH_FIELD_COUNT]; /* number of a field that edges name, from 1 */
	uint16_t name_order[PH_FIELD_COUNT];
	size_t name_count;
	ph_addr behind;
};

static uint32_t index_of(const struct walk *w, ph_addr address)
{
	uint64_t index;
	return ph_heap_find(w->heap, address, &index) && index < PH_NO_INDEX ? (uint32_t)index : PH_NO_INDEX;
}

static uint32_t field_number(struct walk *w, uint64_t field)
{
	if (field >= PH_FIELD_COUNT)
		return PH_NO_INDEX;
	if (!w->names[field]) {
		w->name_order[w->name_count++] = (uint16_t)field;
		w->names[field] = (uint16_t)w->name_count;
	}
	return w->names[field] - 1u;
}

static uint32_t argument_of(struct walk *w, const struct ph_edge *edge)
{
	switch ((enum ph_edge_kind)edge->kind) {
	case PH_EDGE_VALUE:
	case PH_EDGE_ATTRIBUTE:
		return index_of(w, edge->argument);
	case PH_EDGE_FIELD:
		return field_number(w, edge->argument);
	case PH_EDGE_TYPE:
	case PH_EDGE_DICT:
	case PH_EDGE_WEAK:
		return PH_NO_INDEX;
	default:
		return edge->argument < PH_NO_INDEX ? (uint32_t)edge->argument : PH_NO_INDEX;
	}
}

/* Edges that lead to no object are no edges; that to the type is a flag. */
static void take_edges(struct ph_edge_sink *raw)
{
	struct walk *w = raw->user;
	size_t n = 0;
	for (size_t i = 0; i < raw->count; i++) {
		const struct ph_edge *edge = &raw->edges[i];
		if (edge->kind == PH_EDGE_TYPE && edge->target == w->type_address) {
			w->type_visited |= !edge->extra;
			continue;
		}
		uint32_t target = index_of(w, edge->target);
		if (target == PH_NO_INDEX)
			continue;
		w->edges[n++] = (struct ph_heap_edge){
			.target = target,
			.argument = argument_of(w, edge),
			.kind = (uint8_t)(edge->kind | (edge->extra ? PH_EDGE_EXTRA : 0)),
		};
	}
	raw->count = 0;
	ph_heap_secrets_take(&w->secrets, w->shape, w->edges, n);
	if (n && !w->error)
		w->error = w->sink->edges(w->sink->self, w->edges, n);
}

static struct type_count *count_type(struct walk *w, ph_addr type, const struct ph_shape *shape)
{
	if (w->last_type == type)
		return &w->counts[w->last];
	const uint64_t *known = ph_addrmap_find(&w->types, type);
	if (!known) {
		if (w->type_count == w->type_capacity) {
			size_t capacity = w->type_capacity ? w->type_capacity * 2 : 256;
			void *counts = realloc(w->counts, capacity * sizeof(*w->counts));
			if (!counts)
				return NULL;
			w->counts = counts;
			w->type_capacity = capacity;
		}
		if (!ph_addrmap_set(&w->types, type, w->type_count + 1, false))
			return NULL;
		w->counts[w->type_count++] = (struct type_count){
			.shape = shape,
			.index = index_of(w, type),
			.has_value = ph_shape_has_value(shape),
			.has_locals = shape->type->kind == PH_KIND_FRAME || shape->type->kind == PH_KIND_GENERATOR,
		};
		known = ph_addrmap_find(&w->types, type);
	}
	w->last_type = type;
	w->last = (size_t)*known - 1;
	return &w->counts[w->last];
}

static int64_t read_refcount(const struct ph_target *t, ph_addr object, uint16_t *flags)
{
	int64_t count;
	if (ph_target_int(t, object, PH_PyObject_ob_refcnt, &count) != PH_OK)
		return -1;
	if (ph_target_trait(t, PH_TRAIT_IMMORTAL_FORM) == 1 && (int32_t)count < 0) {
		*flags |= PH_OBJECT_IMMORTAL;
		return -1;
	}
	return count;
}

static struct ph_error *walk_object(struct walk *w, uint64_t index, ph_addr object, struct ph_edge_sink *raw)
{
	const struct ph_target *t = w->heap->target;
	ph_addr type;
	const struct ph_shape *shape = ph_target_ptr(t, object, PH_PyObject_ob_type, &type) == PH_OK ?
					       ph_shape_get(w->heap->objects, type) :
					       NULL;
	struct ph_heap_object record = { .address = object, .type = PH_NO_INDEX, .size = -1, .refcount = -1, .len = -1 };
	if (shape) {
		struct type_count *counted = count_type(w, type, shape);
		if (!counted)
			return &ph_error_no_memory;
		counted->count++;
		record.type = counted->index;
		w->type_visited = false;
		w->type_address = type;
		w->shape = shape;
		ph_traverse(shape, object, raw);
		take_edges(raw);
		if (counted->has_locals)
			ph_heap_secrets_locals(&w->secrets, object);
		w->valued[index / 64] |= (uint64_t)counted->has_value << index % 64;
		record.size = ph_object_size(shape, object);
		record.len = ph_object_len(shape, object);
		record.refcount = read_refcount(t, object, &record.flags);
		record.flags |= w->type_visited ? PH_OBJECT_TYPE_VISITED : 0;
		record.flags |= shape->is_guess ? PH_OBJECT_GUESSED : 0;
		record.flags |= ph_object_is_tracked(shape, object, NULL, NULL) ? PH_OBJECT_TRACKED : 0;
	}
	if (ph_addrset_page(&w->heap->set, object))
		record.flags |= PH_OBJECT_POOLED;
	return w->error ? w->error : w->sink->object(w->sink->self, &record);
}

static struct ph_error *walk_all(struct walk *w, const struct ph_callbacks *callbacks)
{
	struct ph_addrset_iter iter = { .set = &w->heap->set };
	struct ph_edge_sink raw = { .edges = w->raw, .capacity = EDGES, .flush = take_edges, .user = w };
	struct ph_error *error = w->sink->begin(w->sink->self, w->heap->count);
	ph_addr object;
	uint64_t done = 0;
	while (!error && ph_addrset_next(&iter, &object)) {
		if (!done)
			w->behind = object;
		if (object - w->behind > WINDOW) {
			ph_image_drop_pages(w->heap->target->image, w->behind, object & ~(WINDOW - 1));
			w->behind = object & ~(WINDOW - 1);
		}
		if (done++ % PROGRESS_EVERY == 0)
			error = ph_progress(callbacks, "writing the heap", done, w->heap->count);
		if (!error)
			error = walk_object(w, done - 1, object, &raw);
	}
	return error;
}

static int compare_types(const void *a, const void *b)
{
	const struct type_count *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

static struct ph_error *give_types(struct walk *w)
{
	struct ph_error *error = NULL;
	if (w->type_count)
		qsort(w->counts, w->type_count, sizeof(*w->counts), compare_types);
	for (size_t i = 0; !error && i < w->type_count; i++) {
		const struct ph_type *type = w->counts[i].shape->type;
		struct ph_heap_type record = {
			.index = w->counts[i].index,
			.address = type->address,
			.name = type->name,
			.module = type->module,
			.basicsize = type->basicsize,
			.itemsize = type->itemsize,
			.is_heap = type->is_heap,
			.count = w->counts[i].count,
		};
		error = w->sink->type(w->sink->self, &record);
	}
	for (size_t i = 0; !error && i < w->name_count; i++)
		error = w->sink->field_name(w->sink->self, ph_field_name((enum ph_field)w->name_order[i]));
	return error;
}

static struct ph_error *take_root(void *self, const struct ph_heap_root *root)
{
	struct walk *w = self;
	struct ph_redactor *redactor = w->secrets.extract->redactor;
	struct ph_heap_root scrubbed = *root;
	uint32_t index = index_of(w, root->address);
	if (index == PH_NO_INDEX)
		return NULL;
	if (root->name && ph_redactor_mode(redactor) == PH_REDACT_SECRETS) {
		ph_buffer_clear(&w->name);
		ph_redactor_scrub(redactor, root->name, strlen(root->name), &w->name);
		scrubbed.name = ph_buffer_text(&w->name);
	}
	return w->sink->root(w->sink->self, &scrubbed, index);
}

static struct ph_error *give_all(struct walk *w, struct ph_extract *extract)
{
	w->valued = calloc(w->heap->count / 64 + 1, sizeof(*w->valued));
	if (!w->valued)
		return &ph_error_no_memory;
	struct ph_error *error = ph_heap_secrets_begin(extract, w->heap, &w->secrets);
	if (!error)
		error = walk_all(w, ph_image_callbacks(extract->image));
	if (error)
		return error;
	ph_heap_secrets_mark(&w->secrets);
	error = ph_heap_give_values(extract, w->heap, w->valued, w->sink);
	const struct ph_root_sink roots = { .self = w, .root = take_root };
	if (!error)
		error = ph_heap_roots(w->heap, extract->runtime, &roots);
	return error ? error : give_types(w);
}

struct ph_error *ph_extract_heap(struct ph_extract *extract, const struct ph_heap_sink *sink)
{
	struct walk *w = calloc(1, sizeof(*w));
	if (!w)
		return &ph_error_no_memory;
	w->sink = sink;
	w->name = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = ph_extract_find_heap(extract);
	w->heap = extract->heap;
	if (!error)
		error = give_all(w, extract);
	ph_heap_secrets_deinit(&w->secrets);
	ph_addrmap_deinit(&w->types);
	ph_buffer_deinit(&w->name);
	free(w->valued);
	free(w->counts);
	free(w);
	return error;
}
