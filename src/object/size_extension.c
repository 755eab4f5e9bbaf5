/* SPDX-License-Identifier: GPL-3.0-or-later */
/* __sizeof__ of types of the standard library's extension modules: Modules/_elementtree.c, itertoolsmodule.c, _pickle.c. */
#include "object/size.h"

static int64_t width_of(const struct ph_shape *shape)
{
	return shape->objects->target->layout.abi.pointer_size;
}

/* `count` items beside the object */
static int64_t with_items(const struct ph_shape *shape, int64_t count, int64_t item)
{
	return count < 0 || count > PH_COUNT_MAXIMUM ? -1 : shape->size + count * item;
}

static int64_t tuple_length(const struct ph_shape *shape, ph_addr object, enum ph_field field)
{
	ph_addr tuple = ph_read_ptr(shape->objects, object, field);
	return tuple ? ph_read_int(shape->objects, tuple, PH_PyVarObject_ob_size) : -1;
}

int64_t ph_element_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	ph_addr extra = ph_read_ptr(shape->objects, object, PH_ElementObject_extra);
	if (!extra)
		return shape->size;
	ph_addr children = ph_read_ptr(shape->objects, extra, PH_ElementObjectExtra_children);
	int64_t size = (int64_t)ph_target_sizeof(t, PH_SIZEOF_ElementObjectExtra);
	int64_t allocated = children == ph_target_at(t, extra, PH_ElementObjectExtra__children) ?
				    0 :
				    ph_read_int(shape->objects, extra, PH_ElementObjectExtra_allocated);
	int64_t all = with_items(shape, allocated, width_of(shape));
	return all < 0 ? -1 : all + size;
}

int64_t ph_product_size(const struct ph_shape *shape, ph_addr object)
{
	return with_items(shape, tuple_length(shape, object, PH_productobject_pools), width_of(shape));
}

/* combinations_with_replacement is the same */
int64_t ph_combinations_size(const struct ph_shape *shape, ph_addr object)
{
	return with_items(shape, ph_read_int(shape->objects, object, PH_combinationsobject_r), width_of(shape));
}

int64_t ph_permutations_size(const struct ph_shape *shape, ph_addr object)
{
	int64_t pool = tuple_length(shape, object, PH_permutationsobject_pool);
	int64_t r = ph_read_int(shape->objects, object, PH_permutationsobject_r);
	if (pool < 0 || pool > PH_COUNT_MAXIMUM || r < 0 || r > PH_COUNT_MAXIMUM)
		return -1;
	return with_items(shape, pool + r, width_of(shape));
}

int64_t ph_pickler_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_objects *o = shape->objects;
	const struct ph_target *t = o->target;
	ph_addr memo = ph_read_ptr(o, object, PH_PicklerObject_memo);
	ph_addr output = ph_read_ptr(o, object, PH_PicklerObject_output_buffer);
	int64_t size = shape->size;
	if (memo) {
		size = with_items(shape, ph_read_int(o, memo, PH_PyMemoTable_mt_allocated),
				  (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyMemoEntry));
		if (size < 0)
			return -1;
		size += (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyMemoTable);
	}
	if (output) {
		int64_t length = ph_read_int(o, output, PH_PyVarObject_ob_size);
		if (length < 0 || length > PH_COUNT_MAXIMUM)
			return -1;
		size += (int64_t)ph_target_at(t, 1, PH_PyBytesObject_ob_sval) + length;
	}
	return size;
}

static int64_t text_size(const struct ph_shape *shape, ph_addr object, enum ph_field field)
{
	char text[4096];
	ph_addr at = ph_read_ptr(shape->objects, object, field);
	return at && ph_image_read_string(shape->objects->target->image, at, text, sizeof(text)) == PH_OK ?
		       (int64_t)strlen(text) + 1 :
		       0;
}

int64_t ph_unpickler_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_objects *o = shape->objects;
	int64_t memo = ph_read_ptr(o, object, PH_UnpicklerObject_memo) ?
			       ph_read_int(o, object, PH_UnpicklerObject_memo_size) :
			       0;
	int64_t marks = ph_read_ptr(o, object, PH_UnpicklerObject_marks) ?
				ph_read_int(o, object, PH_UnpicklerObject_marks_size) :
				0;
	if (memo < 0 || memo > PH_COUNT_MAXIMUM || marks < 0 || marks > PH_COUNT_MAXIMUM)
		return -1;
	return with_items(shape, memo + marks, width_of(shape)) + text_size(shape, object, PH_UnpicklerObject_input_line) +
	       text_size(shape, object, PH_UnpicklerObject_encoding) + text_size(shape, object, PH_UnpicklerObject_errors);
}

/* Modules/_queuemodule.c of 3.15: the ring of its items */
int64_t ph_simple_queue_size(const struct ph_shape *shape, ph_addr object)
{
	return with_items(shape, ph_read_int(shape->objects, object, PH_simplequeueobject_buf_items_cap), width_of(shape));
}
