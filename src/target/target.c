/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "target/target.h"

#include <string.h>

/* Offset of a field as a signed 64-bit number; only for fields that are there. */
static int64_t field_offset(const struct ph_layout *layout, enum ph_field field)
{
	return layout->slots[field].offset;
}

enum ph_status ph_struct_load_far(const struct ph_target *target, ph_addr address, size_t size, struct ph_struct *ret)
{
	if (!address || !size || size > UINT32_MAX)
		return PH_ABSENT;
	const void *view = ph_image_view(target->image, address, size);
	if (!view) {
		if (size > sizeof(ret->copy))
			return ph_image_readable(target->image, address, size) == size ? PH_LIMIT : PH_UNMAPPED;
		enum ph_status status = ph_image_read(target->image, address, ret->copy, size);
		if (status != PH_OK)
			return status;
		view = ret->copy;
	}
	ret->address = address;
	ret->data = view;
	ret->size = (uint32_t)size;
	ret->layout = &target->layout;
	return PH_OK;
}

/* Up to eight bytes of a field, straight from the image. */
static enum ph_status read_field(const struct ph_target *target, ph_addr base, enum ph_field field, uint8_t *bytes,
				 size_t *ret_size)
{
	if (!base || !ph_layout_has(&target->layout, field))
		return PH_ABSENT;
	size_t size = target->layout.slots[field].size;
	if (size == 0 || size > 8)
		return PH_ABSENT;
	*ret_size = size;
	return ph_image_read(target->image, base + (ph_addr)field_offset(&target->layout, field), bytes, size);
}

enum ph_status ph_target_uint_far(const struct ph_target *target, ph_addr base, enum ph_field field, uint64_t *ret)
{
	uint8_t bytes[8];
	size_t size;
	enum ph_status status = read_field(target, base, field, bytes, &size);
	if (status == PH_OK)
		*ret = ph_load_uint(bytes, size, target->layout.abi.big_endian);
	return status;
}

enum ph_status ph_target_int_far(const struct ph_target *target, ph_addr base, enum ph_field field, int64_t *ret)
{
	uint8_t bytes[8];
	size_t size;
	enum ph_status status = read_field(target, base, field, bytes, &size);
	if (status == PH_OK)
		*ret = ph_load_int(bytes, size, target->layout.abi.big_endian);
	return status;
}

enum ph_status ph_target_read_ptrs(const struct ph_target *target, ph_addr address, size_t count, ph_addr *ret)
{
	size_t width = target->layout.abi.pointer_size;
	if (!address)
		return PH_ABSENT;
	if (width == 0 || width > 8)
		return PH_CORRUPT;
	if (count > SIZE_MAX / 8)
		return PH_LIMIT;
	if (width == 8) {
		enum ph_status status = ph_image_read(target->image, address, ret, count * 8);
		if (status != PH_OK || !target->layout.abi.big_endian)
			return status;
		for (size_t i = 0; i < count; i++)
			ret[i] = ph_load_uint(&ret[i], 8, true);
		return PH_OK;
	}
	/* Narrow pointers: read into the upper part of the array, widen from the front. */
	uint8_t *narrow = (uint8_t *)ret + count * (8 - width);
	enum ph_status status = ph_image_read(target->image, address, narrow, count * width);
	if (status != PH_OK)
		return status;
	for (size_t i = 0; i < count; i++) {
		uint64_t value = ph_load_uint(narrow + i * width, width, target->layout.abi.big_endian);
		memcpy((uint8_t *)ret + i * 8, &value, 8);
	}
	return PH_OK;
}
