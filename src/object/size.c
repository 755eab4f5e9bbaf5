/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sys.getsizeof() of an object, without decoding it where its type allows. */
#include "object/visit.h"

void ph_shape_find_size(struct ph_shape *shape, const struct ph_type_entry *entry)
{
	shape->fast_size = !entry->has_sizeof && !shape->is_type;
}

static int64_t slow_size(const struct ph_shape *shape, ph_addr object)
{
	struct ph_value value = { 0 };
	struct ph_value_limits limits = { 0 };
	ph_object_value(shape->objects, object, &limits, &value);
	int64_t size = value.size;
	ph_value_deinit(&value);
	return size;
}

int64_t ph_object_size(const struct ph_shape *shape, ph_addr object)
{
	const struct ph_target *t = shape->objects->target;
	if (!shape->fast_size)
		return slow_size(shape, object);
	int64_t count = 0;
	if (shape->item_size && ph_target_int(t, object, PH_PyVarObject_ob_size, &count) != PH_OK)
		return -1;
	if (count < 0)
		count = -count;
	if (count < 0 || count >> 40)
		return -1;
	return (int64_t)shape->front + shape->size + count * shape->item_size;
}
