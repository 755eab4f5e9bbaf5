/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the bytes of a block say of themselves. */
#include "heap/work.h"

#include <string.h>

#include "base/cursor.h"

/* What precedes an object, and its head in every build.  A head of the gc is taken for no type; an int's digits may
 * be. */
void ph_work_learn(struct ph_heap_work *w)
{
	const struct ph_target *t = w->heap->target;
	bool has_head = ph_target_trait(t, PH_TRAIT_GC_NO_HEAD) <= 0;
	w->gc = has_head ? ph_target_sizeof(t, PH_SIZEOF_PyGC_Head) : 0;
	w->fronts[0] = 0;
	w->fronts[1] = w->gc;
	w->fronts[2] = w->gc + 2u * t->layout.abi.pointer_size;
	w->head = ph_target_sizeof(t, PH_SIZEOF_PyObject);
	const struct ph_slot *type = &t->layout.slots[PH_PyObject_ob_type];
	const struct ph_slot *count = &t->layout.slots[PH_PyObject_ob_refcnt];
	size_t word = sizeof(uint64_t);
	bool ours = t->layout.abi.big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	if (!ours || t->layout.abi.pointer_size != word || type->size != word || type->offset <= 0 ||
	    !ph_target_has(t, PH_PyObject_ob_refcnt) || ph_target_has(t, PH_PyObject_ob_ref_local))
		return;
	w->type_at = (size_t)type->offset;
	w->count_at = (size_t)count->offset & ~(word - 1);
}

/* Can this be the gc's head of an object?  Of one that is in no list nothing is left but flags (Include/objimpl.h up to
 * 3.7, pycore_gc.h since). */
bool ph_block_is_gc_head(const struct ph_layout *layout, const uint8_t *head)
{
	enum { FLAGS = 7, UNTRACKED = -2, TENTATIVELY_UNREACHABLE = -4, REFS_MAXIMUM = 1 << 30 };
	const struct ph_slot *next = &layout->slots[PH_PyGC_Head__gc_next];
	const struct ph_slot *prev = &layout->slots[PH_PyGC_Head__gc_prev];
	const struct ph_slot *old = &layout->slots[PH_PyGC_Head_gc_gc_next];
	const struct ph_slot *refs = &layout->slots[PH_PyGC_Head_gc_gc_refs];
	int32_t shift = ph_layout_trait(layout, PH_TRAIT_GC_REFS_SHIFT);
	bool big = layout->abi.big_endian;
	if (shift >= 0) {
		int64_t count = ph_load_int(head + refs->offset, refs->size, big) >> shift;
		return count == UNTRACKED || (count >= TENTATIVELY_UNREACHABLE && count <= REFS_MAXIMUM &&
					      ph_load_uint(head + old->offset, old->size, big) > FLAGS);
	}
	return ph_load_uint(head + next->offset, next->size, big) > FLAGS ||
	       ph_load_uint(head + prev->offset, prev->size, big) <= FLAGS;
}

static const uint8_t forbidden[7] = { 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd };
static const uint8_t old_forbidden[7] = { 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb };

/* Three such bytes are too few to believe them, where a pointer has 32 bits: there are four behind the bytes too. */
static size_t short_padding(const uint8_t *data, uint64_t block_size)
{
	enum { WORD = 4, FRONT = 2 * WORD };
	uint64_t size = block_size >= FRONT + WORD ? ph_load_uint(data, WORD, true) : UINT64_MAX;
	if (size > block_size - FRONT - WORD)
		return 0;
	const uint8_t *guard = data[WORD + 1] == forbidden[0] ? forbidden : old_forbidden;
	return memcmp(data + WORD + 1, guard, WORD - 1) || memcmp(data + FRONT + size, guard, WORD) ? 0 : FRONT;
}

/* What PYTHONMALLOC=debug, the default of debug builds, puts before the bytes that were asked for: their number, a
 * letter and bytes that nothing may change (Objects/obmalloc.c). */
size_t ph_block_debug_padding(const uint8_t *data, uint64_t block_size, size_t word)
{
	if (word == 4)
		return short_padding(data, block_size);
	bool padded = block_size > 16 && (!memcmp(data + 9, forbidden, 7) || !memcmp(data + 9, old_forbidden, 7));
	return padded ? 16 : 0;
}
