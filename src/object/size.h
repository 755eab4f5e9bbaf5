/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the object room: sys.getsizeof() by type, without the bytes before the object; -1 unknown. */
#ifndef OBJECT_SIZE_H
#define OBJECT_SIZE_H

#include "object/visit.h"

#define PH_COUNT_MAXIMUM (INT64_C(1) << 40)

typedef int64_t ph_size_fn(const struct ph_shape *shape, ph_addr object);

uint8_t ph_extent_of(const struct ph_shape *shape); /* enum ph_shape_extent; once its size is known (extent.c) */

ph_size_fn ph_plain_size; /* object.__sizeof__ */
ph_size_fn ph_str_size, ph_list_size, ph_dict_size;
ph_size_fn ph_stgdict_size, ph_ctype_size, ph_struct_module_size, ph_buffered_size, ph_bytesio_size, ph_decimal_size,
	ph_array_size, ph_ndarray_size, ph_numpy_scalar_size, ph_element_size, ph_product_size, ph_combinations_size,
	ph_permutations_size, ph_pickler_size, ph_unpickler_size, ph_simple_queue_size;

/* Has ph_object_len() any of its instances' to tell? */
bool ph_shape_has_len(const struct ph_shape *shape);

#endif
