/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with the heap, and what the memory is for. */
#include "extract/heap_private.h"

#include "base/cleanup.h"

#include <stdlib.h>

const struct ph_damage *ph_extract_heap_damage(const struct ph_extract *extract)
{
	return extract->heap ? &extract->heap->damage : NULL;
}

struct ph_error *ph_extract_keep_memory(struct ph_extract *extract, struct ph_account *account)
{
	struct ph_memory *memory = extract->memory ? extract->memory : calloc(1, sizeof(*memory));
	if (!memory)
		return &ph_error_no_memory;
	ph_memory_deinit(memory);
	extract->memory = memory;
	return ph_account_end(account, memory);
}

struct ph_error *ph_extract_memory(struct ph_extract *extract, struct ph_buffer *out)
{
	ph_auto_memory struct ph_memory memory = { 0 };
	struct ph_error *error = extract->memory ? NULL : ph_extract_find_heap(extract);
	if (!error && !extract->memory)
		error = ph_heap_memory(extract->heap, extract->runtime, &memory);
	if (!error)
		ph_memory_json(extract->memory ? extract->memory : &memory, out);
	return error;
}
