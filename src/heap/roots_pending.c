/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots: what was handed to Py_AddPendingCall() and not called yet.
 *
 * A ring of {function, argument}.  Up to 3.12 it is full when one place is left, and a call that was made stays where it
 * was, so that words outside of [first, last) are left over; since 3.13 the count is kept (Python/ceval.c to 3.11,
 * Python/ceval_gil.c).  2.7 and 3.6 have it in static variables: words of the module's data, roots_data.c. */
#include "heap/roots.h"

#include <inttypes.h>
#include <stdio.h>

#define RINGS 2

/* Those of the runtime; *ret_count of at most RINGS. */
static void runtime_rings(const struct ph_target *t, ph_addr ret[RINGS], size_t *ret_count)
{
	static const enum ph_field fields[RINGS] = { PH_PyRuntimeState_ceval_pending,
						     PH_PyRuntimeState_ceval_pending_mainthread };
	*ret_count = 0;
	for (size_t i = 0; t->runtime && i < RINGS; i++)
		if (ph_target_has(t, fields[i]))
			ret[(*ret_count)++] = ph_target_at(t, t->runtime, fields[i]);
}

static ph_addr interpreter_ring(const struct ph_target *t, ph_addr interpreter)
{
	return ph_target_has(t, PH_PyInterpreterState_ceval_pending)
		       ? ph_target_at(t, interpreter, PH_PyInterpreterState_ceval_pending)
		       : 0;
}

ph_addr ph_roots_ring_end(const struct ph_roots *r, ph_addr at)
{
	const struct ph_interp_state *interps;
	size_t count = r->runtime ? ph_runtime_interpreters(r->runtime, &interps) : 0, rings;
	uint64_t size = ph_target_sizeof(r->target, PH_SIZEOF_pending_calls);
	ph_addr runtime[RINGS];
	for (size_t i = 0; i < count; i++) {
		ph_addr ring = interpreter_ring(r->target, interps[i].address);
		if (ring && at >= ring && at - ring < size)
			return ring + size;
	}
	runtime_rings(r->target, runtime, &rings);
	for (size_t i = 0; i < rings; i++)
		if (at >= runtime[i] && at - runtime[i] < size)
			return runtime[i] + size;
	return 0;
}

/* Places of the ring, those in use from *ret_first on; false where the numbers cannot be right. */
static bool read_ring(const struct ph_target *t, ph_addr ring, uint64_t *ret_places, uint64_t *ret_first,
		      uint64_t *ret_used)
{
	int64_t first, end, used;
	int64_t places = (t->layout.slots[PH_pending_calls_first].offset -
			  t->layout.slots[PH_pending_calls_calls].offset) /
			 (int64_t)ph_target_sizeof(t, PH_SIZEOF_pending_call);
	if (ph_target_int(t, ring, PH_pending_calls_first, &first) != PH_OK || first < 0 || first >= places)
		return false;
	if (ph_target_int(t, ring, PH_pending_calls_npending, &used) != PH_OK) {
		if (ph_target_int(t, ring, PH_pending_calls_last, &end) != PH_OK || end < 0 || end >= places)
			return false;
		used = (end - first + places) % places;
	}
	*ret_places = (uint64_t)places;
	*ret_first = (uint64_t)first;
	*ret_used = (uint64_t)used;
	return used >= 0 && used <= places;
}

static void give_ring(struct ph_roots *r, ph_addr ring, const char *of)
{
	const struct ph_target *t = r->target;
	uint64_t places, first, used;
	if (!read_ring(t, ring, &places, &first, &used)) {
		ph_damage_add(t->damage, PH_DAMAGE_HEAP, "roots", "a ring of pending calls whose numbers are not right");
		return;
	}
	for (uint64_t i = 0; i < used && !r->error; i++) {
		ph_addr argument, call = ph_target_at(t, ring, PH_pending_calls_calls) +
					 (first + i) % places * ph_target_sizeof(t, PH_SIZEOF_pending_call);
		if (ph_target_ptr(t, call, PH_pending_call_arg, &argument) == PH_OK)
			ph_roots_give(r, argument, PH_ROOT_PENDING_CALL, "%spending call %" PRIu64, of, i);
	}
}

void ph_roots_pending(struct ph_roots *r)
{
	const struct ph_interp_state *interps;
	size_t count = r->runtime ? ph_runtime_interpreters(r->runtime, &interps) : 0, rings;
	ph_addr runtime[RINGS];
	runtime_rings(r->target, runtime, &rings);
	for (size_t i = 0; i < rings; i++)
		give_ring(r, runtime[i], "");
	for (size_t i = 0; i < count; i++) {
		ph_addr ring = interpreter_ring(r->target, interps[i].address);
		char of[64];
		snprintf(of, sizeof(of), "interpreter %" PRId64 ": ", interps[i].id);
		if (ring)
			give_ring(r, ring, of);
	}
}
