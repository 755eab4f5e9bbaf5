/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The objects of a unit with their edges. */
#include "extract/heap_private.h"

#include "object/scalar.h"

#include <stdlib.h>

#define PAGE ((ph_addr)4096)
/* objects and edges that are taken before what is fetched is needed */
#define HEAD_AHEAD 24
#define OBJECT_AHEAD 12
#define TARGET_AHEAD 16
#define NAME_AHEAD 24
/* gcc takes a function that only fetches for one without effect, and throws calls away, unless told to inline it */
#define FETCH static inline __attribute__((always_inline))

static bool has_secret_slot(const struct ph_heap_secrets *secrets, const struct ph_shape *shape)
{
	int64_t offset;
	for (size_t i = 0; ph_shape_slot(shape, i, &offset); i++)
		if (ph_heap_is_secret_slot(secrets, shape, (uint64_t)offset))
			return true;
	return false;
}

static struct ph_heap_type_count *find_type(struct ph_heap_worker *w, ph_addr type)
{
	const uint64_t *known = ph_addrmap_find(&w->types, type);
	if (known)
		return (struct ph_heap_type_count *)(uintptr_t)*known;
	struct ph_heap_type_count *count = NULL;
	const struct ph_shape *shape = ph_shape_get(w->objects, type);
	if (shape && !(count = ph_arena_new(&w->arena, struct ph_heap_type_count))) {
		w->error = &ph_error_no_memory;
		return NULL;
	}
	if (shape) {
		*count = (struct ph_heap_type_count){
			.next = w->counts,
			.shape = shape,
			.index = ph_heap_index(w->walk->heap, type),
			.has_value = ph_shape_has_value(shape),
			.has_locals = shape->type->kind == PH_KIND_FRAME || shape->type->kind == PH_KIND_GENERATOR,
			.has_secret_slot = w->walk->secrets.by_name && has_secret_slot(&w->walk->secrets, shape),
		};
		w->counts = count;
	}
	if (type && !ph_addrmap_set(&w->types, type, (uintptr_t)count, false))
		w->error = &ph_error_no_memory;
	return count;
}

struct ph_heap_type_count *ph_heap_type_far(struct ph_heap_worker *w, ph_addr object)
{
	ph_addr type;
	if (ph_target_ptr(w->walk->heap->target, object, PH_PyObject_ob_type, &type) != PH_OK)
		return NULL;
	size_t slot = ph_heap_slot(type);
	if (w->type_cache[slot].type != type) {
		w->type_cache[slot].count = find_type(w, type);
		w->type_cache[slot].type = type;
	}
	return w->type_cache[slot].count;
}

/* Index of a str that edges bear as their name; *ret_verdict: whether what they lead to may be told. */
static inline uint32_t index_of_name(struct ph_heap_worker *w, ph_addr name, enum ph_heap_name *ret_verdict)
{
	size_t slot = ph_heap_slot(name);
	if (w->name_cache[slot].name != name) {
		const struct ph_heap_type_count *type = w->walk->secrets.by_name ? ph_heap_type_of(w, name) : NULL;
		w->name_cache[slot].name = name;
		w->name_cache[slot].index = ph_heap_index(w->walk->heap, name);
		w->name_cache[slot].verdict = PH_HEAP_NAME_PLAIN;
		if (w->walk->secrets.by_name)
			w->name_cache[slot].verdict = (uint8_t)ph_heap_judge_name(
				&w->walk->secrets, type ? type->shape : NULL, name, &w->value);
	}
	*ret_verdict = (enum ph_heap_name)w->name_cache[slot].verdict;
	return w->name_cache[slot].index;
}

static inline uint32_t argument_of(struct ph_heap_worker *w, const struct ph_edge *edge,
				   enum ph_heap_name *ret_verdict)
{
	*ret_verdict = PH_HEAP_NAME_PLAIN;
	switch ((enum ph_edge_kind)edge->kind) {
	case PH_EDGE_VALUE:
	case PH_EDGE_ATTRIBUTE:
		return index_of_name(w, edge->argument, ret_verdict);
	case PH_EDGE_FIELD:
		if (edge->argument >= PH_FIELD_COUNT)
			return PH_NO_INDEX;
		w->fields[edge->argument / 64] |= UINT64_C(1) << edge->argument % 64;
		return (uint32_t)edge->argument;
	case PH_EDGE_TYPE:
	case PH_EDGE_DICT:
	case PH_EDGE_WEAK:
		return PH_NO_INDEX;
	case PH_EDGE_GUESSED:
		/* the slot of a class whose descriptors were cut away, maybe */
		if (w->walk->secrets.is_cut)
			*ret_verdict = PH_HEAP_NAME_LACKING;
		break;
	case PH_EDGE_SLOT:
		if (w->current->has_secret_slot &&
		    ph_heap_is_secret_slot(&w->walk->secrets, w->current->shape, edge->argument))
			*ret_verdict = PH_HEAP_NAME_SECRET;
		break;
	default:
		break;
	}
	return edge->argument < PH_NO_INDEX ? (uint32_t)edge->argument : PH_NO_INDEX;
}

/* Where targets are counted and names begin lies anywhere: it is asked for some edges before it is needed. */
FETCH void prefetch_target(const struct ph_heap_worker *w, size_t at)
{
	ph_addrset_prefetch(&w->walk->heap->set, w->raw[at].target);
}

FETCH void prefetch_name(const struct ph_heap_worker *w, size_t at)
{
	const struct ph_edge *edge = &w->raw[at];
	if (edge->kind != PH_EDGE_KEY || edge->target & 7)
		return;
	const uint8_t *name = ph_image_look(w->walk->heap->target->image, edge->target, 128);
	if (name) {
		__builtin_prefetch(name);
		__builtin_prefetch(name + 64);
	}
}

/* Guesses may lead anywhere, and so may what nobody has to clear: values behind a frame's stack, a weak reference. */
static void __attribute__((noinline, cold))
note_missing(struct ph_heap_worker *w, const struct ph_edge *edge, uint32_t place)
{
	const struct ph_heap_type_count *type = w->unit_types[place];
	switch ((enum ph_edge_kind)edge->kind) {
	case PH_EDGE_GUESSED:
	case PH_EDGE_STATE:
	case PH_EDGE_STACK:
	case PH_EDGE_WEAK:
		return;
	case PH_EDGE_FIELD:
		/* types of C are shorter than classes, whose members are asked of all */
		if (edge->extra && (!type || type->shape->is_type))
			return;
		break;
	default:
		break;
	}
	if (type && edge->target)
		ph_heap_note_missing(w->walk->heap, w->objects, type->shape, w->unit->address[place], edge->target);
}

/* {name: name}: the dict of interned strings.  Its names name nothing: a secret one would redact itself, and with it
 * the name of every attribute that it is. */
static bool is_interned_dict(const struct ph_edge *edges, size_t count)
{
	size_t same = 0;
	for (size_t i = 0; i < count && same < 32; i++) {
		if (edges[i].kind != PH_EDGE_KEY && edges[i].kind != PH_EDGE_VALUE)
			return false;
		if (edges[i].kind == PH_EDGE_VALUE && edges[i].target != edges[i].argument)
			return false;
		same += edges[i].kind == PH_EDGE_VALUE;
	}
	return same == 32;
}

static size_t take_of_object(struct ph_heap_worker *w, uint32_t place, const struct ph_edge *edges, size_t count,
			     size_t n)
{
	struct ph_heap_unit *unit = w->unit;
	size_t first = (size_t)(edges - w->raw), all = w->raw_sink.count;
	bool names = w->walk->secrets.by_name;
	w->interned = (!first && w->continued && w->interned) || (names && is_interned_dict(edges, count));
	for (size_t i = 0; i < count; i++) {
		const struct ph_edge *edge = &edges[i];
		enum ph_heap_name verdict;
		if (first + i + TARGET_AHEAD < all)
			prefetch_target(w, first + i + TARGET_AHEAD);
		if (names && first + i + NAME_AHEAD < all)
			prefetch_name(w, first + i + NAME_AHEAD);
		uint32_t target = ph_heap_index(w->walk->heap, edge->target);
		if (target == PH_NO_INDEX) {
			note_missing(w, edge, place);
			continue;
		}
		unit->target[n] = target;
		unit->argument[n] = argument_of(w, edge, &verdict);
		unit->kind[n++] = (uint8_t)(edge->kind | (edge->extra ? PH_EDGE_EXTRA : 0));
		if (w->walk->secrets.led_to)
			ph_heap_led_to(&w->walk->secrets, target);
		if (verdict == PH_HEAP_NAME_PLAIN || w->interned)
			continue;
		if (verdict == PH_HEAP_NAME_SECRET)
			ph_heap_secret_target(&w->walk->secrets, target);
		else
			ph_heap_nameless_target(&w->walk->secrets, target);
	}
	return n;
}

/* Edges that lead to no object are no edges. */
static void take_edges(struct ph_heap_worker *w)
{
	struct ph_edge_sink *raw = &w->raw_sink;
	struct ph_heap_unit *unit = w->unit;
	if (raw->count > PH_HEAP_UNIT_EDGES - unit->edge_count && !w->error) {
		w->error = w->walk->sink.unit(w->walk->sink.self, unit, true);
		unit->edge_count = 0;
	}
	size_t n = unit->edge_count;
	for (size_t i = 0; i < raw->count && i < TARGET_AHEAD; i++)
		prefetch_target(w, i);
	for (size_t i = 0; i < raw->count && i < NAME_AHEAD && w->walk->secrets.by_name; i++)
		prefetch_name(w, i);
	for (size_t i = 0; i < w->batch_count && !w->error; i++) {
		size_t start = w->batch[i].start;
		size_t end = i + 1 < w->batch_count ? w->batch[i + 1].start : raw->count;
		if (i || !w->continued)
			unit->edge_start[w->batch[i].place] = w->edges + (n - unit->edge_count);
		n = take_of_object(w, w->batch[i].place, raw->edges + start, end - start, n);
	}
	w->edges += n - unit->edge_count;
	unit->edge_count = n;
	raw->count = 0;
	w->batch_count = 0;
	w->continued = false;
}

/* That to the object's own type is a flag. */
static void drop_type_edges(struct ph_heap_worker *w)
{
	struct ph_edge_sink *raw = &w->raw_sink;
	ph_addr type = w->current->shape->type->address;
	size_t start = w->batch[w->batch_count - 1].start, n = start;
	for (size_t i = start; i < raw->count; i++) {
		if (raw->edges[i].kind == PH_EDGE_TYPE && raw->edges[i].target == type)
			w->type_visited |= !raw->edges[i].extra;
		else
			raw->edges[n++] = raw->edges[i];
	}
	raw->count = n;
}

/* In the midst of an object. */
static void flush(struct ph_edge_sink *raw)
{
	struct ph_heap_worker *w = raw->user;
	uint32_t place = w->batch[w->batch_count - 1].place;
	drop_type_edges(w);
	take_edges(w);
	w->batch[0].place = place;
	w->batch[0].start = 0;
	w->batch_count = 1;
	w->continued = true;
}

/* Edges of class's slots are judged by the class, so those of one object at a time. */
static void begin_edges(struct ph_heap_worker *w, struct ph_heap_type_count *type, size_t place)
{
	if (w->batch_count == PH_HEAP_BATCH || (type->has_secret_slot && w->batch_count))
		take_edges(w);
	w->current = type;
	w->type_visited = false;
	w->batch[w->batch_count].place = (uint32_t)place;
	w->batch[w->batch_count++].start = (uint32_t)w->raw_sink.count;
}

/* Kinds that one look is not enough for. */
static void look_closer(struct ph_heap_worker *w, const struct ph_shape *shape, ph_addr object, struct ph_glance *ret)
{
	w->raw_sink.broken = w->raw_sink.too_long = false;
	ph_traverse(shape, object, &w->raw_sink);
	bool too_long = w->raw_sink.too_long, wrong = too_long || w->raw_sink.broken;
	if (wrong || !ph_weaklist_holds(shape, object))
		ph_heap_note(w->walk->heap, too_long ? PH_FAULT_LENGTH : PH_FAULT_CONTENTS, object,
			     shape->type->full);
	drop_type_edges(w);
	int64_t refcount = ph_object_refcount(w->walk->heap->target, object);
	if (refcount >= 0)
		refcount += ph_object_thread_count(w->objects, shape->type->kind, object);
	*ret = (struct ph_glance){
		.size = too_long ? -1 : ph_object_size(shape, object),
		.len = wrong ? -1 : ph_object_len(shape, object),
		.refcount = refcount,
		.tracked = ph_object_is_tracked(shape, object, NULL, NULL),
		.type_visited = w->type_visited,
	};
}

static void walk_typed(struct ph_heap_worker *w, struct ph_heap_type_count *type, size_t i, ph_addr object)
{
	struct ph_heap_unit *unit = w->unit;
	const struct ph_heap *heap = w->walk->heap;
	const struct ph_shape *shape = type->shape;
	uint64_t index = unit->number * PH_HEAP_UNIT + i, pooled = ph_heap_block_size(heap, object);
	struct ph_glance g;
	uint16_t flags = pooled ? PH_OBJECT_POOLED : 0;
	begin_edges(w, type, i);
	if (ph_object_glance(shape, object, &w->raw_sink, &g)) {
		if (g.block)
			ph_claims_put(&w->claims, i, g.block, false);
		unit->held[i] = (int64_t)(pooled ? pooled : ph_claims_own(&w->claims, shape, object));
	} else {
		look_closer(w, shape, object, &g);
		unit->held[i] = (int64_t)ph_claims_take(&w->claims, shape, object, i);
		flags |= g.refcount != -1 && ph_object_is_deferred(heap->target, object) ? PH_OBJECT_DEFERRED : 0;
	}
	if (type->has_secret_slot)
		take_edges(w);
	type->count++;
	if (type->has_locals)
		ph_heap_secrets_framed(&w->walk->secrets, index);
	/* a word of the bitmap belongs to one unit */
	w->walk->valued[index / 64] |= (uint64_t)type->has_value << index % 64;
	unit->type[i] = type->index;
	unit->size[i] = g.size;
	unit->len[i] = g.len;
	unit->refcount[i] = g.refcount < 0 ? -1 : g.refcount;
	flags |= g.refcount == -1 ? PH_OBJECT_IMMORTAL : 0;
	flags |= g.type_visited ? PH_OBJECT_TYPE_VISITED : 0;
	flags |= shape->is_guess ? PH_OBJECT_GUESSED : 0;
	flags |= g.tracked ? PH_OBJECT_TRACKED : 0;
	unit->flags[i] = flags;
}

static void walk_object(struct ph_heap_worker *w, size_t i, ph_addr object)
{
	struct ph_heap_unit *unit = w->unit;
	struct ph_heap_type_count *type = w->unit_types[i];
	if (type) {
		walk_typed(w, type, i, object);
		return;
	}
	take_edges(w);
	unit->edge_start[i] = w->edges;
	unit->type[i] = PH_NO_INDEX;
	unit->size[i] = unit->refcount[i] = unit->len[i] = unit->held[i] = -1;
	unit->flags[i] = ph_addrset_page(&w->walk->heap->set, object) ? PH_OBJECT_POOLED : 0;
}

FETCH void prefetch_object(const struct ph_heap_worker *w, size_t i)
{
	const uint8_t *head = ph_image_look(w->walk->heap->target->image, w->unit->address[i], 16);
	if (head)
		__builtin_prefetch(head);
}

/* The type of an object that is walked somewhat later, whose head was fetched before. */
static void look_ahead(struct ph_heap_worker *w, size_t i)
{
	struct ph_heap_type_count *type = ph_heap_type_of(w, w->unit->address[i]);
	w->unit_types[i] = type;
	if (type)
		ph_object_fetch(w->walk->heap->target->image, type->shape, w->unit->address[i]);
}

/* All of its objects: some ahead of the walk their types are looked up, and ahead of that their heads fetched. */
static void walk_objects(struct ph_heap_worker *w)
{
	struct ph_heap_unit *unit = w->unit;
	struct ph_addrset_iter iter = ph_addrset_from(&w->walk->heap->set, unit->number * PH_HEAP_UNIT);
	for (size_t i = 0; i < unit->count; i++)
		ph_addrset_next(&iter, &unit->address[i]);
	for (size_t i = 0; i < unit->count && i < OBJECT_AHEAD; i++)
		look_ahead(w, i);
	for (size_t i = 0; i < unit->count && !w->error; i++) {
		if (i + HEAD_AHEAD < unit->count)
			prefetch_object(w, i + HEAD_AHEAD);
		if (i + OBJECT_AHEAD < unit->count)
			look_ahead(w, i + OBJECT_AHEAD);
		walk_object(w, i, unit->address[i]);
		/* what they refer to lies anywhere */
		if (i % PH_HEAP_BOUND_INTERVAL == PH_HEAP_BOUND_INTERVAL - 1)
			ph_image_bound_pages(w->walk->heap->target->image);
	}
	take_edges(w);
}

/* With the blocks that are theirs. */
static void settle_held(struct ph_heap_worker *w)
{
	struct ph_heap_unit *unit = w->unit;
	w->claims.objects = unit->address;
	ph_account_submit(w->walk->account, unit->number, &w->claims, unit->held);
	for (size_t i = 0; i < unit->count; i++)
		if (w->unit_types[i])
			w->unit_types[i]->bytes += (uint64_t)unit->held[i];
}

struct ph_error *ph_heap_walk_unit(struct ph_heap_worker *w, uint64_t number)
{
	const struct ph_heap *heap = w->walk->heap;
	struct ph_heap_unit *unit = w->unit;
	uint64_t first = number * PH_HEAP_UNIT, left = heap->count - first;
	unit->number = number;
	unit->count = left < PH_HEAP_UNIT ? (size_t)left : PH_HEAP_UNIT;
	unit->last = left <= PH_HEAP_UNIT;
	unit->edge_count = 0;
	w->edges = 0;
	w->raw_sink = (struct ph_edge_sink){ .edges = w->raw, .capacity = PH_HEAP_RAW, .flush = flush, .user = w };
	w->batch_count = 0;
	w->continued = false;
	walk_objects(w);
	unit->edge_start[unit->count] = w->edges;
	if (!w->error)
		settle_held(w);
	/* the sink may change the byte order of what it is given */
	ph_addr start = unit->address[0] & ~(PAGE - 1), end = (unit->address[unit->count - 1] + PAGE) & ~(PAGE - 1);
	if (!w->error)
		w->error = w->walk->sink.unit(w->walk->sink.self, unit, false);
	ph_image_leave_pages(heap->target->image, start, end);
	return w->error;
}
