/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a type's instances hold, put together once a type.  subtype_traverse() in Objects/typeobject.c of 3.8 to 3.13;
 * _PyType_PreHeaderSize() in Include/internal/pycore_object.h. */
#include "object/plain.h"
#include "object/size.h"
#include "object/visit.h"

#define MEMBERS_MAXIMUM 24
#define STEPS_MAXIMUM 512
#define BASES_MAXIMUM 1000

struct row {
	const char *name;
	ph_visit_fn *special;
	uint16_t members[MEMBERS_MAXIMUM + 1]; /* enum ph_field, ended by 0 */
};

static const struct row rows[] = {
#define PH_TRAVERSE(type_name, function, ...) { .name = type_name, .special = function, .members = { __VA_ARGS__ } },
#include "object/traverse.def"
};

static const struct row extra_rows[] = {
#define PH_TRAVERSE_EXTRA(type_name, ...) { .name = type_name, .members = { __VA_ARGS__ } },
#include "object/traverse.def"
};

static const struct {
	struct row row;
	enum ph_trait trait;
} rows_if[] = {
#define PH_TRAVERSE_IF(type_name, which, ...) { { .name = type_name, .members = { __VA_ARGS__ } }, which },
#include "object/traverse.def"
};

#define PH_ALL_BUT_DICT -1
#define PH_ALL_BUT_FIRST -2
#define PH_ITS_TYPE -3

static const struct {
	const char *name;
	int32_t offset;
	enum ph_trait trait;
} not_visited[] = {
#define PH_TRAVERSE_NOT(type_name, word, which) { .name = type_name, .offset = word, .trait = which },
#include "object/traverse.def"
};

static bool is_not_visited(const struct ph_target *t, const struct ph_type *type, int64_t offset)
{
	int64_t behind = offset - (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyObject);
	for (size_t i = 0; i < sizeof(not_visited) / sizeof(*not_visited); i++) {
		if (strcmp(not_visited[i].name, type->full) != 0 ||
		    (not_visited[i].trait != PH_TRAIT_COUNT && ph_target_trait(t, not_visited[i].trait) == 1))
			continue;
		int32_t row = not_visited[i].offset;
		if (row == PH_ALL_BUT_DICT ? offset != type->dictoffset : row == PH_ALL_BUT_FIRST ? behind > 0 : row == behind)
			return true;
	}
	return false;
}

/* subtype_traverse() of 3.9 on leaves the type to a base that is made at run time, and that one forgets it. */
static bool is_type_forgotten(const struct ph_target *t, const struct ph_type *base)
{
	for (size_t i = 0; base && base->is_heap && i < sizeof(not_visited) / sizeof(*not_visited); i++)
		if (not_visited[i].offset == PH_ITS_TYPE && !strcmp(not_visited[i].name, base->full))
			return not_visited[i].trait == PH_TRAIT_COUNT || ph_target_trait(t, not_visited[i].trait) != 1;
	return false;
}

static const struct row *find_row(const struct row *all, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(all[i].name, name))
			return &all[i];
	return NULL;
}

struct steps {
	struct ph_shape_step list[STEPS_MAXIMUM];
	size_t count;
};

static void add_step(struct steps *steps, int64_t offset, enum ph_edge_kind kind, uint32_t argument, bool extra)
{
	if (offset < 0 || offset >> 24 || steps->count == STEPS_MAXIMUM)
		return;
	for (size_t i = 0; i < steps->count; i++)
		if (steps->list[i].offset == offset)
			return;
	steps->list[steps->count++] = (struct ph_shape_step){
		.offset = (uint32_t)offset, .argument = argument, .kind = (uint8_t)kind, .extra = extra,
	};
}

static void add_members(const struct ph_target *t, struct steps *steps, const struct row *row, bool extra)
{
	for (size_t i = 0; row->members[i]; i++) {
		enum ph_field field = (enum ph_field)row->members[i];
		if (ph_target_has(t, field))
			add_step(steps, t->layout.slots[field].offset, PH_EDGE_FIELD, (uint32_t)field, extra);
	}
}

static bool has_flag(const struct ph_target *t, const struct ph_type *type, enum ph_trait bit_number)
{
	int32_t bit = ph_target_trait(t, bit_number);
	return bit >= 0 && type->flags >> bit & 1;
}

static ph_addr traverse_of(struct ph_objects *objects, const struct ph_type *type)
{
	return ph_read_ptr(objects, type->address, PH_PyTypeObject_tp_traverse);
}

/* What type_new() puts into the dict of a class, and PyType_FromSpec() does not. */
static bool looks_like_class(struct ph_objects *objects, const struct ph_type *type)
{
	return type && type->is_heap && has_flag(objects->target, type, PH_TRAIT_TPFLAG_HAVE_GC) &&
	       ph_dict_get(objects, type->dict, "__dict__") && ph_dict_get(objects, type->dict, "__weakref__") &&
	       ph_dict_get(objects, type->dict, "__module__");
}

/* subtype_traverse() is a local symbol: it is what the classes of the first modules have. */
static void find_subtype_traverse(struct ph_objects *objects)
{
	struct ph_dict_iter modules, names;
	ph_addr key, module, value;
	unsigned left = 10000;
	if (!objects->modules || ph_dict_begin(objects, objects->modules, &modules) != PH_OK)
		return;
	while (ph_dict_next(&modules, &key, &module)) {
		ph_addr dict = ph_read_ptr(objects, module, PH_PyModuleObject_md_dict);
		if (!dict || ph_dict_begin(objects, dict, &names) != PH_OK)
			continue;
		while (left-- && ph_dict_next(&names, &key, &value)) {
			ph_addr meta = ph_read_ptr(objects, value, PH_PyObject_ob_type);
			if (meta != objects->target->type_type ||
			    !looks_like_class(objects, ph_type_get(objects, value)))
				continue;
			objects->subtype_traverse = ph_read_ptr(objects, value, PH_PyTypeObject_tp_traverse);
			return;
		}
	}
}

/* A class made by `class`: the bases' traverse is called by its own. */
static bool is_python_class(struct ph_objects *objects, const struct ph_type *type)
{
	if (!type->is_heap)
		return false;
	if (!objects->subtype_traverse) {
		objects->subtype_traverse = 1;
		find_subtype_traverse(objects);
	}
	/* Without the gc there is no traverse to tell it by.  type_new() makes a class be of the gc as soon as it adds to its
	 * base; PyType_FromSpec() does not. */
	if (!has_flag(objects->target, type, PH_TRAIT_TPFLAG_HAVE_GC)) {
		const struct ph_type *base = type->base ? ph_type_get(objects, type->base) : NULL;
		return base && base->basicsize == type->basicsize && ph_dict_get(objects, type->dict, "__module__");
	}
	return traverse_of(objects, type) == objects->subtype_traverse;
}

/* The row of the type or of the nearest base that shares its tp_traverse, and whose it is. */
static const struct row *choose_row(struct ph_objects *objects, const struct ph_type *type, const struct ph_type **ret_type)
{
	ph_addr traverse = traverse_of(objects, type);
	for (unsigned i = 0; type && i < BASES_MAXIMUM; i++) {
		const struct row *row = find_row(rows, sizeof(rows) / sizeof(*rows), type->full);
		*ret_type = type;
		if (row && (i == 0 || traverse_of(objects, type) == traverse))
			return row;
		type = type->base ? ph_type_get(objects, type->base) : NULL;
	}
	return NULL;
}

static const struct row *choose_extra(struct ph_objects *objects, const struct ph_type *type)
{
	for (unsigned i = 0; type && i < BASES_MAXIMUM; i++) {
		const struct row *row = find_row(extra_rows, sizeof(extra_rows) / sizeof(*extra_rows), type->full);
		if (row)
			return row;
		type = type->base ? ph_type_get(objects, type->base) : NULL;
	}
	return NULL;
}

/* Words of the struct from `start` on, without the list of weak references. */
static void add_guesses(const struct ph_target *t, struct steps *steps, const struct ph_type *type, int64_t start)
{
	uint32_t word = t->layout.abi.pointer_size;
	for (int64_t at = start; at + word <= type->basicsize; at += word)
		if (at != type->weaklistoffset)
			add_step(steps, at, PH_EDGE_GUESSED, (uint32_t)at, is_not_visited(t, type, at));
}

/* visible and hidden fields of a struct sequence: n_fields in the dict of its type (Objects/structseq.c) */
static uint32_t struct_sequence_items(struct ph_objects *objects, const struct ph_type *type)
{
	int64_t count;
	ph_addr fields;
	if (!has_flag(objects->target, type, PH_TRAIT_TPFLAG_TUPLE_SUBCLASS))
		return 0;
	if (!ph_dict_get(objects, type->dict, "n_unnamed_fields"))
		return 0;
	fields = ph_dict_get(objects, type->dict, "n_fields");
	return fields && ph_int_get(objects, fields, &count) == PH_OK && count > 0 && count < 1000 ? (uint32_t)count
												   : 0;
}

/* The classes of Python down to the first base of C, which is returned. */
static const struct ph_type *add_classes(struct ph_objects *objects, struct ph_type_entry *e, struct steps *steps)
{
	const struct ph_type *base = &e->type;
	for (unsigned i = 0; base && i < BASES_MAXIMUM && is_python_class(objects, base); i++)
		base = base->base ? ph_type_get(objects, base->base) : NULL;
	int64_t fixed = base ? base->basicsize : 0;
	for (size_t i = 0; i < e->slot_count; i++)
		if (e->slots[i].offset >= fixed)
			add_step(steps, e->slots[i].offset, PH_EDGE_SLOT, (uint32_t)e->slots[i].offset, false);
	if (base && e->type.dictoffset > 0 && e->type.dictoffset != base->dictoffset)
		add_step(steps, e->type.dictoffset, PH_EDGE_DICT, 0, false);
	return base;
}

static uint32_t front_of(const struct ph_target *t, const struct ph_shape *shape)
{
	size_t front = 0;
	if (shape->has_gc && !ph_target_trait(t, PH_TRAIT_GC_NO_HEAD))
		front += ph_target_sizeof(t, PH_SIZEOF_PyGC_Head);
	if (has_flag(t, shape->type, PH_TRAIT_TPFLAG_MANAGED_DICT) ||
	    has_flag(t, shape->type, PH_TRAIT_TPFLAG_MANAGED_WEAKREF))
		front += 2u * t->layout.abi.pointer_size;
	return (uint32_t)front;
}

/* What C adds to a base and the gc knows nothing of: without a tp_traverse of its own, or of any. */
static bool adds_unknown(struct ph_objects *objects, const struct ph_type *type, const struct ph_type *known,
			 const struct row *extra)
{
	return !extra && type != known && type->basicsize > known->basicsize &&
	       !has_flag(objects->target, type, PH_TRAIT_TPFLAG_HAVE_GC);
}

static void add_base(struct ph_objects *objects, struct ph_shape *shape, struct steps *steps,
		     const struct ph_type *base)
{
	/* metaclasses of C call type_traverse() and add to it */
	const struct ph_type *owner = base;
	const struct row *row = !base ? NULL : base->is_type ? find_row(rows, sizeof(rows) / sizeof(*rows), "type") :
							       choose_row(objects, base, &owner);
	const struct row *extra = choose_extra(objects, shape->type);
	if (row) {
		add_members(objects->target, steps, row, false);
		shape->special = row->special;
		if (base->is_type)
			add_guesses(objects->target, steps, base,
				    (int64_t)ph_target_sizeof(objects->target, PH_SIZEOF_PyHeapTypeObject));
		else if (adds_unknown(objects, base, owner, extra))
			add_guesses(objects->target, steps, base, owner->basicsize);
	} else if (base && !extra) {
		shape->real_items = struct_sequence_items(objects, base);
		if (shape->real_items) {
			shape->special = ph_visit_tuple;
		} else {
			shape->is_guess = true;
			add_guesses(objects->target, steps, base,
				    (int64_t)ph_target_sizeof(objects->target, base->itemsize ? PH_SIZEOF_PyVarObject :
												PH_SIZEOF_PyObject));
			if (base->itemsize > 0 && base->itemsize % objects->target->layout.abi.pointer_size == 0)
				shape->special = ph_visit_guessed_items;
		}
	}
	if (extra)
		add_members(objects->target, steps, extra, true);
	for (size_t i = 0; base && i < sizeof(rows_if) / sizeof(*rows_if); i++)
		if (!strcmp(rows_if[i].row.name, base->full))
			add_members(objects->target, steps, &rows_if[i].row,
				    ph_target_trait(objects->target, rows_if[i].trait) != 1);
}

void ph_shapes_begin(struct ph_objects *objects)
{
	if (!objects->plain.known)
		ph_plain_learn(objects);
}

static struct ph_shape *make_shape(struct ph_objects *objects, struct ph_type_entry *e)
{
	const struct ph_target *t = objects->target;
	struct ph_shape *shape = ph_arena_new(&objects->arena, struct ph_shape);
	static _Thread_local struct steps steps;
	if (!shape)
		return NULL;
	steps.count = 0;
	if (!e->detailed)
		ph_type_detail(objects, e);
	ph_shapes_begin(objects);
	shape->objects = objects;
	shape->type = &e->type;
	shape->has_gc = has_flag(t, &e->type, PH_TRAIT_TPFLAG_HAVE_GC);
	shape->is_type = e->type.is_type;
	shape->managed_dict = has_flag(t, &e->type, PH_TRAIT_TPFLAG_MANAGED_DICT);
	shape->inline_values = has_flag(t, &e->type, PH_TRAIT_TPFLAG_INLINE_VALUES);
	shape->cached_keys = e->cached_keys;
	shape->front = front_of(t, shape);
	shape->size = (uint32_t)e->type.basicsize;
	shape->item_size = (uint32_t)e->type.itemsize;
	bool is_class = is_python_class(objects, &e->type);
	shape->visits_type = is_class || (e->type.is_heap && ph_target_trait(t, PH_TRAIT_TRAVERSE_VISITS_TYPE));
	const struct ph_type *base = is_class ? add_classes(objects, e, &steps) : &e->type;
	shape->visits_type = shape->visits_type && !is_type_forgotten(t, base);
	add_base(objects, shape, &steps, base);
	shape->blocks = ph_blocks_of(base, shape->is_guess);
	ph_shape_find_size(shape, e);
	shape->extent = ph_extent_of(shape);
	shape->weaklist = ph_weaklist_of(shape);
	shape->step_count = steps.count;
	struct ph_shape_step *kept = ph_arena_array(&objects->arena, struct ph_shape_step, steps.count + 1);
	if (!kept)
		return NULL;
	memcpy(kept, steps.list, steps.count * sizeof(*kept));
	shape->steps = kept;
	ph_plain_learn_names(objects, shape);
	shape->plain = (uint8_t)ph_plain_of(shape);
	shape->glance = ph_glance_is_enough(shape);
	shape->holds = ph_glance_holds(shape);
	return shape;
}

const struct ph_shape *ph_shape_get(struct ph_objects *objects, ph_addr type)
{
	struct ph_type_entry *e = (struct ph_type_entry *)ph_type_entry(objects, type);
	if (!e)
		return NULL;
	if (!e->shape)
		e->shape = make_shape(objects, e);
	return e->shape;
}

const char *ph_shape_slot(const struct ph_shape *shape, size_t index, int64_t *ret_offset)
{
	const struct ph_type_entry *e = (const struct ph_type_entry *)shape->type;
	if (index >= e->slot_count)
		return NULL;
	*ret_offset = e->slots[index].offset;
	return e->slots[index].name;
}

bool ph_is_static_type(const struct ph_shape *shape, ph_addr object)
{
	uint64_t flags;
	const struct ph_target *t = shape->objects->target;
	int32_t bit = ph_target_trait(t, PH_TRAIT_TPFLAG_HEAPTYPE);
	return shape->is_type && bit >= 0 && ph_target_uint(t, object, PH_PyTypeObject_tp_flags, &flags) == PH_OK &&
	       !(flags >> bit & 1);
}

uint32_t ph_object_front(const struct ph_shape *shape, ph_addr object)
{
	/* types of C lie in data, without a head */
	return ph_is_static_type(shape, object) ? 0 : shape->front;
}

/* Include/objimpl.h up to 3.7, where what was never tracked has links that mean nothing; pycore_gc.h since. */
bool ph_gc_links(const struct ph_target *t, ph_addr head, ph_addr *ret_next, ph_addr *ret_prev)
{
	enum { UNTRACKED = -2 };
	int32_t refs_shift = ph_target_trait(t, PH_TRAIT_GC_REFS_SHIFT),
		shift = ph_target_trait(t, PH_TRAIT_GC_PREV_SHIFT);
	bool old = ph_target_has(t, PH_PyGC_Head_gc_gc_next);
	size_t size = ph_target_sizeof(t, PH_SIZEOF_PyGC_Head);
	ph_addr next, prev;
	int64_t refs;
	if (refs_shift >= 0 && ph_target_int(t, head, PH_PyGC_Head_gc_gc_refs, &refs) == PH_OK &&
	    refs >> refs_shift == UNTRACKED)
		return false;
	if (ph_target_ptr(t, head, old ? PH_PyGC_Head_gc_gc_next : PH_PyGC_Head__gc_next, &next) != PH_OK ||
	    ph_target_ptr(t, head, old ? PH_PyGC_Head_gc_gc_prev : PH_PyGC_Head__gc_prev, &prev) != PH_OK)
		return false;
	if (!(next & ~PH_GC_NEXT_FLAGS))
		return false;
	*ret_next = (next & ~PH_GC_NEXT_FLAGS) + size;
	*ret_prev = shift >= 0 && prev >> shift ? (prev >> shift << shift) + size : 0;
	return true;
}

bool ph_object_is_tracked(const struct ph_shape *shape, ph_addr object, ph_addr *ret_next, ph_addr *ret_prev)
{
	const struct ph_target *t = shape->objects->target;
	const struct ph_plain *plain = &shape->objects->plain;
	ph_addr next = 0, prev = 0;
	uint64_t bits;
	if (!shape->has_gc)
		return false;
	const uint8_t *head = plain->has_gc_heads && !shape->is_type && shape->front ?
				      ph_image_look(t->image, object - plain->gc_head, plain->gc_head) : NULL;
	if (head) {
		if (!ph_plain_links(plain, head, &next, &prev))
			return false;
	} else if (ph_target_uint(t, object, PH_PyObject_ob_gc_bits, &bits) == PH_OK) {
		/* free-threaded, without links: _PyGC_BITS_TRACKED of Include/internal/pycore_gc.h */
		if (!(bits & 1))
			return false;
	} else if (ph_target_trait(t, PH_TRAIT_GC_NO_HEAD) || !ph_object_front(shape, object) ||
		   !ph_gc_links(t, object - ph_target_sizeof(t, PH_SIZEOF_PyGC_Head), &next, &prev)) {
		return false;
	}
	if (ret_next)
		*ret_next = next;
	if (ret_prev)
		*ret_prev = prev;
	return true;
}

bool ph_object_links(const struct ph_objects *objects, ph_addr object, ph_addr *ret_next, ph_addr *ret_prev)
{
	const struct ph_target *t = objects->target;
	const struct ph_plain *plain = &objects->plain;
	if (object & PH_GC_NEXT_FLAGS)
		return false;
	const uint8_t *head =
		plain->has_gc_heads ? ph_image_look(t->image, object - plain->gc_head, plain->gc_head) : NULL;
	return head ? ph_plain_links(plain, head, ret_next, ret_prev) :
		      ph_gc_links(t, object - ph_target_sizeof(t, PH_SIZEOF_PyGC_Head), ret_next, ret_prev);
}
