/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the object room: numpy's arrays and dtypes (numpy/core/include/numpy/ndarraytypes.h), on 64-bit machines. */
#ifndef OBJECT_NUMPY_H
#define OBJECT_NUMPY_H

#include "object/object.h"

/* PyArrayObject_fields, the same since 1.7. */
#define PH_NDARRAY_MAXIMUM 64
#define PH_NDARRAY_CONTIGUOUS 1 /* as in C */
#define PH_NDARRAY_OWNDATA 4
struct ph_ndarray {
	ph_addr data, base, descr;
	ph_addr dimensions; /* the array of the next two */
	unsigned nd, flags;
	uint64_t shape[PH_NDARRAY_MAXIMUM];
	int64_t strides[PH_NDARRAY_MAXIMUM]; /* bytes */
	int64_t item;			     /* bytes, -1 unknown */
};
bool ph_ndarray_load(const struct ph_target *target, ph_addr object, struct ph_ndarray *ret);
/* Of its items; -1 unknown. */
int64_t ph_ndarray_bytes(const struct ph_ndarray *array);
/* Where an item begins, by its place in the order of ndarray.flat. */
ph_addr ph_ndarray_item(const struct ph_ndarray *array, uint64_t place);
/* Whether the items are the array's own and lie within its buffer: then it keeps what they refer to alive. */
bool ph_ndarray_owns_items(const struct ph_ndarray *array);

/* PyArray_Descr up to 1.26, _PyArray_LegacyDescr since 2.0. */
struct ph_numpy_dtype {
	char kind, order; /* '<', '>', '=', '|' */
	bool holds_objects;
	int64_t item;	 /* bytes */
	ph_addr subarray; /* PyArray_ArrayDescr: base, shape; 0 */
	ph_addr fields, names; /* of a record: a dict, a tuple */
	ph_addr metadata; /* c_metadata */
};
bool ph_numpy_dtype_load(const struct ph_target *target, ph_addr descr, struct ph_numpy_dtype *ret);
/* As str() has it; false: it is none. */
bool ph_numpy_dtype_text(struct ph_objects *objects, ph_addr descr, struct ph_buffer *out);

/* Pointers to objects that lie one behind the other in each item. */
struct ph_numpy_run {
	uint64_t offset; /* bytes */
	uint64_t count;
	ph_addr name; /* of the innermost field, a str; 0 it is no record */
};
#define PH_NUMPY_RUNS 256
size_t ph_numpy_runs(struct ph_objects *objects, ph_addr descr, struct ph_numpy_run runs[PH_NUMPY_RUNS]);

#endif
