/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks that a free list of the interpreter keeps: in use as the allocator sees it, freed as Python does.  What they
 * refer to is left over: tuple_dealloc() and free_keys_object() drop the references and leave the addresses where they
 * are (Objects/tupleobject.c, Objects/dictobject.c), until somebody takes the block. */
#include "heap/memory.h"

#define FRONT_MAXIMUM 64 /* bytes before an object's head: the gc's, Py_TRACE_REFS', what a debugging malloc puts there */

/* The word is 0, as a count that fell to it, or the address of the next block: 3.14 links them by the first word
 * (Include/internal/pycore_freelist.h). */
static bool ends_or_leads_on(const struct ph_account *a, uint64_t word, uint64_t block_size)
{
	uint64_t size;
	if (!word || word & (a->target->layout.abi.pointer_size - 1))
		return !word;
	size = ph_heap_block_size(a->heap, word);
	if (!size && !ph_account_mi_block(a, word, &size))
		size = ph_account_chunk_size(a, word);
	return size == block_size;
}

static bool is_uncounted(const struct ph_account *a, ph_addr object, uint64_t block_size)
{
	const struct ph_target *t = a->target;
	uint64_t local, shared, count;
	if (ph_target_has(t, PH_PyObject_ob_ref_local))
		return ph_target_uint(t, object, PH_PyObject_ob_ref_local, &local) == PH_OK && !local &&
		       ph_target_uint(t, object, PH_PyObject_ob_ref_shared, &shared) == PH_OK && !(shared >> 2);
	return ph_target_read_ptr(t, object, &count) == PH_OK && ends_or_leads_on(a, count, block_size);
}

static bool has_flag(const struct ph_target *t, ph_addr type, enum ph_trait trait)
{
	int32_t bit = ph_target_trait(t, trait);
	uint64_t flags;
	return bit >= 0 && ph_target_uint(t, type, PH_PyTypeObject_tp_flags, &flags) == PH_OK && flags >> bit & 1;
}

static bool is_type(const struct ph_account *a, ph_addr type)
{
	ph_addr meta;
	return ph_target_is_aligned(a->target, type) && ph_addrset_has(&a->heap->set, type) &&
	       ph_target_ptr(a->target, type, PH_PyObject_ob_type, &meta) == PH_OK &&
	       ph_target_is_aligned(a->target, meta) && ph_addrset_has(&a->heap->set, meta) &&
	       has_flag(a->target, meta, PH_TRAIT_TPFLAG_TYPE_SUBCLASS);
}

static bool is_freed_object(const struct ph_account *a, ph_addr block, uint64_t size)
{
	const struct ph_target *t = a->target;
	uint64_t gc = ph_target_trait(t, PH_TRAIT_GC_NO_HEAD) <= 0 ? ph_target_sizeof(t, PH_SIZEOF_PyGC_Head) : 0;
	uint64_t head = ph_target_sizeof(t, PH_SIZEOF_PyObject);
	for (uint64_t front = 0; front <= FRONT_MAXIMUM && front + head <= size; front += t->layout.abi.pointer_size) {
		ph_addr type;
		if (ph_target_ptr(t, block + front, PH_PyObject_ob_type, &type) != PH_OK)
			return false;
		if (!type || !is_type(a, type) || !is_uncounted(a, block + front, size))
			continue;
		return !has_flag(t, type, PH_TRAIT_TPFLAG_HAVE_GC) || front >= gc;
	}
	return false;
}

/* A table of 8 slots: no other is kept. */
static bool is_freed_keys(const struct ph_account *a, ph_addr keys, uint64_t size)
{
	enum { SLOTS = 8, LOG2_SLOTS = 3, ENTRIES_MAXIMUM = SLOTS * 2 / 3 };
	const struct ph_target *t = a->target;
	uint64_t slots, count, width = t->layout.abi.pointer_size;
	bool has_log2 = ph_target_trait(t, PH_TRAIT_DICT_KEYS_LOG2) > 0;
	if (size < ph_target_sizeof(t, PH_SIZEOF_PyDictKeysObject) + SLOTS + 2 * width * ENTRIES_MAXIMUM)
		return false;
	return ph_target_read_ptr(t, keys, &count) == PH_OK && ends_or_leads_on(a, count, size) &&
	       ph_target_uint(t, keys, has_log2 ? PH_PyDictKeysObject_dk_log2_size : PH_PyDictKeysObject_dk_size,
			      &slots) == PH_OK &&
	       slots == (has_log2 ? LOG2_SLOTS : SLOTS) &&
	       ph_target_uint(t, keys, PH_PyDictKeysObject_dk_nentries, &count) == PH_OK && count <= ENTRIES_MAXIMUM;
}

bool ph_account_is_freed(const struct ph_account *a, ph_addr block, uint64_t size)
{
	enum { PADDING = 2 }; /* words that PYTHONMALLOC=debug puts before the bytes that were asked for */
	uint64_t padding = PADDING * a->target->layout.abi.pointer_size;
	return is_freed_object(a, block, size) || is_freed_keys(a, block, size) ||
	       (size > padding && is_freed_keys(a, block + padding, size - padding));
}
