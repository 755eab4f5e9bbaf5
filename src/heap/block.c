/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the bytes of a block say of themselves. */
#include "heap/work.h"

#include <string.h>

#include "base/cursor.h"

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

/* What PYTHONMALLOC=debug, the default of debug builds, puts before the bytes that were asked for: their number, a
 * letter and bytes that nothing may change (Objects/obmalloc.c). */
size_t ph_block_debug_padding(const uint8_t *data, uint64_t block_size)
{
	static const uint8_t forbidden[7] = { 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd };
	static const uint8_t old_forbidden[7] = { 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb, 0xfb };
	bool padded = block_size > 16 && (!memcmp(data + 9, forbidden, 7) || !memcmp(data + 9, old_forbidden, 7));
	return padded ? 16 : 0;
}
