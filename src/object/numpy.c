/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The structs of numpy's arrays and dtypes. */
#include "object/numpy.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "object/decoder.h"
#include "object/size.h"

#define WORD 8
#define DEPTH_MAXIMUM 16 /* of records in records */
#define NESTED_MAXIMUM 64 /* of them that wait */

bool ph_numpy_dtype_load(const struct ph_target *t, ph_addr descr, struct ph_numpy_dtype *ret)
{
	enum { KIND = 24, ORDER = 26, OLD_FLAGS = 27, NEW_FLAGS = 32, OLD_ITEM = 32, NEW_ITEM = 40, SANE = 1 << 30 };
	enum { OLD_SUBARRAY = 40, OLD_METADATA = 80, OLD_END = 88, NEW_SUBARRAY = 88, NEW_METADATA = 112, NEW_END = 120 };
	enum { HAS_OBJECT = 1 };
	bool big = t->layout.abi.big_endian;
	const uint8_t *data = ph_image_look(t->image, descr, OLD_END);
	if (!data || t->layout.abi.pointer_size != WORD)
		return false;
	/* up to 1.26 elsize and alignment are ints, where 2.0 has flags of 64 bits, of which the upper half is 0 */
	bool old = ph_load_uint(data + (big ? 32 : 36), 4, big) != 0;
	if (!old && !(data = ph_image_look(t->image, descr, NEW_END)))
		return false;
	uint64_t size = old ? ph_load_uint(data + OLD_ITEM, 4, big) : ph_load_uint(data + NEW_ITEM, WORD, big);
	uint64_t flags = old ? data[OLD_FLAGS] : ph_load_uint(data + NEW_FLAGS, WORD, big);
	unsigned subarray = old ? OLD_SUBARRAY : NEW_SUBARRAY;
	if (size > SANE || data[KIND] < '?' || data[KIND] > 'z')
		return false;
	*ret = (struct ph_numpy_dtype){
		.kind = (char)data[KIND],
		.order = (char)data[ORDER],
		.holds_objects = flags & HAS_OBJECT,
		.item = (int64_t)size,
		.subarray = ph_load_uint(data + subarray, WORD, big),
		.fields = ph_load_uint(data + subarray + WORD, WORD, big),
		.names = ph_load_uint(data + subarray + 2 * WORD, WORD, big),
		.metadata = ph_load_uint(data + (old ? OLD_METADATA : NEW_METADATA), WORD, big),
	};
	return true;
}

bool ph_ndarray_load(const struct ph_target *t, ph_addr object, struct ph_ndarray *ret)
{
	enum { DATA = 16, ND = 24, DIMENSIONS = 32, STRIDES = 40, BASE = 48, DESCR = 56, FLAGS = 64, STRUCT = 72 };
	bool big = t->layout.abi.big_endian;
	const uint8_t *data = ph_image_view(t->image, object, STRUCT);
	struct ph_ndarray a = { 0 };
	struct ph_numpy_dtype dtype;
	uint64_t strides[PH_NDARRAY_MAXIMUM];
	if (!data || t->layout.abi.pointer_size != WORD)
		return false;
	a.data = ph_load_uint(data + DATA, WORD, big);
	a.base = ph_load_uint(data + BASE, WORD, big);
	a.descr = ph_load_uint(data + DESCR, WORD, big);
	a.nd = (unsigned)ph_load_uint(data + ND, 4, big);
	a.flags = (unsigned)ph_load_uint(data + FLAGS, 4, big);
	a.dimensions = ph_load_uint(data + DIMENSIONS, WORD, big);
	if (a.nd > PH_NDARRAY_MAXIMUM)
		return false;
	if (a.nd && (ph_target_read_ptrs(t, a.dimensions, a.nd, a.shape) != PH_OK ||
		     ph_target_read_ptrs(t, ph_load_uint(data + STRIDES, WORD, big), a.nd, strides) != PH_OK))
		return false;
	for (unsigned i = 0; i < a.nd; i++)
		a.strides[i] = (int64_t)strides[i];
	a.item = ph_numpy_dtype_load(t, a.descr, &dtype) ? dtype.item : -1;
	*ret = a;
	return true;
}

int64_t ph_ndarray_bytes(const struct ph_ndarray *a)
{
	uint64_t bytes = (uint64_t)a->item;
	if (a->item < 0)
		return -1;
	for (unsigned i = 0; i < a->nd; i++)
		if (__builtin_mul_overflow(bytes, a->shape[i], &bytes) || bytes >> 48)
			return -1;
	return (int64_t)bytes;
}

ph_addr ph_ndarray_item(const struct ph_ndarray *a, uint64_t place)
{
	ph_addr at = a->data;
	if (a->flags & PH_NDARRAY_CONTIGUOUS)
		return at + place * (uint64_t)a->item;
	for (unsigned i = a->nd; i-- > 0 && a->shape[i]; place /= a->shape[i])
		at += place % a->shape[i] * (uint64_t)a->strides[i];
	return at;
}

bool ph_ndarray_owns_items(const struct ph_ndarray *a)
{
	int64_t bytes = ph_ndarray_bytes(a);
	uint64_t last = 0;
	if (!(a->flags & PH_NDARRAY_OWNDATA) || bytes <= 0)
		return false;
	for (unsigned i = 0; i < a->nd; i++) {
		uint64_t span;
		if (a->strides[i] < 0 || __builtin_mul_overflow(a->shape[i] - 1, (uint64_t)a->strides[i], &span) ||
		    __builtin_add_overflow(last, span, &last))
			return false;
	}
	return last + (uint64_t)a->item <= (uint64_t)bytes;
}

/* ---- what each item refers to ---- */

struct part {
	ph_addr descr, name;
	uint64_t offset;
	unsigned depth;
};

struct parts {
	struct ph_objects *objects;
	struct part waiting[NESTED_MAXIMUM];
	size_t count;
};

static void put_part(struct parts *p, ph_addr descr, ph_addr name, uint64_t offset, unsigned depth)
{
	if (p->count < NESTED_MAXIMUM && depth < DEPTH_MAXIMUM)
		p->waiting[p->count++] = (struct part){ descr, name, offset, depth };
}

/* PyDataType_FIELDS(): by name, and by title where there is one, a tuple of dtype and offset. */
static void put_fields(struct parts *p, const struct part *outer, const struct ph_numpy_dtype *dtype)
{
	struct ph_dict_iter iter;
	ph_addr key, value, pair[2], names = ph_target_at(p->objects->target, dtype->names, PH_PyTupleObject_ob_item);
	uint64_t count, offset;
	int64_t within;
	if (!ph_type_is(p->objects, dtype->names, "tuple") ||
	    ph_target_uint(p->objects->target, dtype->names, PH_PyVarObject_ob_size, &count) != PH_OK ||
	    ph_dict_begin(p->objects, dtype->fields, &iter) != PH_OK)
		return;
	while (ph_dict_next(&iter, &key, &value)) {
		bool is_name = false;
		for (uint64_t i = 0; !is_name && i < count && i < PH_NUMPY_RUNS; i++) {
			ph_addr name;
			is_name = ph_target_read_ptr(p->objects->target, names + i * WORD, &name) == PH_OK && name == key;
		}
		if (is_name && ph_type_is(p->objects, value, "tuple") &&
		    ph_target_read_ptrs(p->objects->target,
					ph_target_at(p->objects->target, value, PH_PyTupleObject_ob_item), 2,
					pair) == PH_OK &&
		    ph_int_get(p->objects, pair[1], &within) == PH_OK && within >= 0 &&
		    !__builtin_add_overflow(outer->offset, (uint64_t)within, &offset))
			put_part(p, pair[0], key, offset, outer->depth + 1);
	}
}

static void put_subarray(struct parts *p, const struct part *outer, const struct ph_numpy_dtype *dtype,
			 struct ph_numpy_run *run)
{
	ph_addr base;
	struct ph_numpy_dtype inner;
	if (ph_target_read_ptr(p->objects->target, dtype->subarray, &base) != PH_OK ||
	    !ph_numpy_dtype_load(p->objects->target, base, &inner) || !inner.item)
		return;
	uint64_t count = (uint64_t)(dtype->item / inner.item);
	if (inner.kind == 'O') {
		*run = (struct ph_numpy_run){ .offset = outer->offset, .count = count, .name = outer->name };
		return;
	}
	for (uint64_t i = 0; i < count && i < NESTED_MAXIMUM; i++)
		put_part(p, base, outer->name, outer->offset + i * (uint64_t)inner.item, outer->depth + 1);
}

static int by_offset(const void *x, const void *y)
{
	const struct ph_numpy_run *a = x, *b = y;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

size_t ph_numpy_runs(struct ph_objects *objects, ph_addr descr, struct ph_numpy_run runs[PH_NUMPY_RUNS])
{
	struct parts p = { .objects = objects };
	size_t count = 0;
	put_part(&p, descr, 0, 0, 0);
	while (p.count && count < PH_NUMPY_RUNS) {
		struct part part = p.waiting[--p.count];
		struct ph_numpy_dtype dtype;
		struct ph_numpy_run run = { 0 };
		if (!ph_numpy_dtype_load(objects->target, part.descr, &dtype) || !dtype.holds_objects)
			continue;
		if (dtype.kind == 'O')
			run = (struct ph_numpy_run){ .offset = part.offset, .count = 1, .name = part.name };
		else if (dtype.subarray)
			put_subarray(&p, &part, &dtype, &run);
		else if (dtype.names)
			put_fields(&p, &part, &dtype);
		if (run.count)
			runs[count++] = run;
	}
	qsort(runs, count, sizeof(*runs), by_offset);
	return count;
}

/* Subclasses are of the gc, but nobody visits this part of them.  What a view shows its base refers to. */
void ph_visit_ndarray(const struct ph_visit *v)
{
	struct ph_ndarray a;
	struct ph_numpy_run runs[PH_NUMPY_RUNS];
	if (!ph_ndarray_load(v->target, v->object, &a) || !ph_ndarray_owns_items(&a))
		return;
	size_t count = ph_numpy_runs(v->objects, a.descr, runs);
	uint64_t bytes = (uint64_t)ph_ndarray_bytes(&a), items = bytes / (uint64_t)a.item;
	if (!count)
		return;
	if (!ph_image_look(v->target->image, a.data, bytes)) {
		ph_visit_unreadable(v, a.data, bytes);
		items = ph_image_readable(v->target->image, a.data, bytes) / (uint64_t)a.item;
	}
	for (uint64_t i = 0; i < items; i++) {
		ph_addr at = ph_ndarray_item(&a, i), target;
		for (size_t r = 0; r < count; r++)
			for (uint64_t k = 0; k < runs[r].count && runs[r].offset + (k + 1) * WORD <= (uint64_t)a.item; k++)
				if (ph_target_read_ptr(v->target, at + runs[r].offset + k * WORD, &target) == PH_OK)
					ph_visit_edge(v, target, runs[r].name ? PH_EDGE_VALUE : PH_EDGE_ITEM,
						      runs[r].name ? runs[r].name : i, true);
	}
}

/* ---- sizes ---- */

/* array_sizeof() in numpy/core/src/multiarray/methods.c: shape and strides, and the buffer where the array owns it. */
int64_t ph_ndarray_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_ndarray a;
	if (!ph_ndarray_load(shape->objects->target, object, &a))
		return -1;
	int64_t size = shape->size + (int64_t)(2 * a.nd) * WORD;
	int64_t bytes = a.flags & PH_NDARRAY_OWNDATA ? ph_ndarray_bytes(&a) : 0;
	return bytes < 0 ? -1 : size + bytes;
}
