/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is no root: slots of free lists.  Lists and dicts that were freed are kept in arrays, and a slot that was emptied
 * still leads to where an object was made since: static variables up to 3.9, members of the interpreter's state from 3.10
 * to 3.13 (Objects/listobject.c, Objects/dictobject.c, Include/internal/pycore_interp.h, pycore_freelist.h).  Other free
 * lists are chains, which lead to nothing that lives. */
#include "heap/roots.h"

#define SLOTS 80  /* PyList_MAXFREELIST and PyDict_MAXFREELIST, in all versions */
#define ENOUGH 12 /* of one type beside one another: no other array of CPython's is like that */

static ph_addr end_between(const struct ph_target *t, ph_addr interpreter, ph_addr at, enum ph_field first,
			   enum ph_field behind)
{
	if (!ph_target_has(t, first) || !ph_target_has(t, behind))
		return 0;
	ph_addr end = ph_target_at(t, interpreter, behind);
	return at >= ph_target_at(t, interpreter, first) && at < end ? end : 0;
}

ph_addr ph_roots_free_list_of_state(const struct ph_roots *r, ph_addr interpreter, ph_addr at)
{
	const struct ph_target *t = r->target;
	enum ph_field all = PH_PyInterpreterState_object_state_freelists;
	if (ph_target_has(t, all)) {
		ph_addr start = ph_target_at(t, interpreter, all);
		return at >= start && at - start < t->layout.slots[all].size ? start + t->layout.slots[all].size : 0;
	}
	ph_addr end = end_between(t, interpreter, at, PH_PyInterpreterState_list_free_list,
				  PH_PyInterpreterState_list_numfree);
	return end ? end : end_between(t, interpreter, at, PH_PyInterpreterState_dict_state_free_list,
				       PH_PyInterpreterState_dict_state_numfree);
}

/* How many of the words from there on, in steps of `step`, lead to what has this type or had it; *ret_last is the last
 * of them.  Ends at the first that leads nowhere. */
static unsigned count_slots(const struct ph_target *t, ph_addr at, int64_t step, ph_addr type, ph_addr *ret_last)
{
	unsigned count = 0;
	for (unsigned i = 1; i < SLOTS; i++) {
		ph_addr slot = at + (ph_addr)(step * (int64_t)i), word, its;
		if (ph_target_read_ptr(t, slot, &word) != PH_OK || !word || word % t->layout.abi.pointer_size ||
		    ph_target_ptr(t, word, PH_PyObject_ob_type, &its) != PH_OK)
			break;
		if (its != type)
			continue;
		count++;
		*ret_last = slot;
	}
	return count;
}

ph_addr ph_roots_free_list_of_data(const struct ph_roots *r, ph_addr at, ph_addr word)
{
	const struct ph_target *t = r->target;
	int64_t width = t->layout.abi.pointer_size;
	if (ph_target_has(t, PH_PyInterpreterState_list_free_list) ||
	    ph_target_has(t, PH_PyInterpreterState_object_state_freelists))
		return 0;
	const struct ph_type *type = ph_object_type(r->objects, word);
	if (!type || (type->kind != PH_KIND_LIST && type->kind != PH_KIND_DICT))
		return 0;
	ph_addr first = at, last = at;
	unsigned count = count_slots(t, at, -width, type->address, &first);
	count += count_slots(t, at, width, type->address, &last);
	return count >= ENOUGH ? last + (ph_addr)width : 0;
}
