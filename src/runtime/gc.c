/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of the cyclic garbage collector: struct _gc_runtime_state of
 * Include/internal/pycore_gc.h (pycore_pymem.h in 3.8). */
#include "runtime/internal.h"

static int64_t gc_int(struct ph_runtime *runtime, ph_addr base, enum ph_field field)
{
	int64_t value = -1;
	(void)ph_target_int(runtime->target, base, field, &value);
	return value;
}

ph_addr ph_runtime_generations(const struct ph_target *target, ph_addr gc)
{
	bool split = ph_target_has(target, PH_gc_runtime_state_young);
	return gc ? ph_target_at(target, gc, split ? PH_gc_runtime_state_young : PH_gc_runtime_state_generations) : 0;
}

void ph_runtime_gc(struct ph_runtime *runtime, const struct ph_interp_state *interp, struct ph_interpreter *ret)
{
	struct ph_target *target = runtime->target;
	ph_addr gc = ph_target_trait(target, PH_TRAIT_GC_PER_INTERPRETER) ?
			     ph_target_at(target, interp->address, PH_PyInterpreterState_gc) :
			     ph_target_at(target, target->runtime, PH_PyRuntimeState_gc);
	int64_t enabled = 0, collecting = 0;

	ret->has_gc = gc && ph_target_int(target, gc, PH_gc_runtime_state_enabled, &enabled) == PH_OK &&
		      ph_target_int(target, gc, PH_gc_runtime_state_collecting, &collecting) == PH_OK;
	ret->gc_enabled = enabled != 0;
	ret->gc_collecting = collecting != 0;
	ret->gc_garbage = -1;
	ph_addr generations = ph_runtime_generations(target, gc);
	for (size_t i = 0; i < 3; i++) {
		ph_addr generation = generations + i * ph_target_sizeof(target, PH_SIZEOF_gc_generation);
		bool known = ret->has_gc && generations &&
			     (int32_t)i < ph_target_trait(target, PH_TRAIT_GC_GENERATIONS);
		ret->gc_thresholds[i] = known ? gc_int(runtime, generation, PH_gc_generation_threshold) : -1;
		ret->gc_counts[i] = known ? gc_int(runtime, generation, PH_gc_generation_count) : -1;
	}
	ph_addr garbage = 0, items;
	size_t count;
	if (!ret->has_gc || ph_target_ptr(target, gc, PH_gc_runtime_state_garbage, &garbage) != PH_OK)
		return;
	if (!garbage) /* made at the first collection that needs it */
		ret->gc_garbage = 0;
	else if (ph_sequence_items(runtime->objects, garbage, &items, &count) == PH_OK)
		ret->gc_garbage = (int64_t)count;
}
