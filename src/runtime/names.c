/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of threads, as Lib/threading.py keeps them. */
#include "runtime/internal.h"

#include <string.h>

/* An attribute of sys.modules['threading']. */
static ph_addr threading_attribute(struct ph_runtime *runtime, const struct ph_interp_state *interp, const char *name)
{
	ph_addr module = ph_dict_get(runtime->objects, interp->modules, "threading");
	return module ? ph_object_attribute(runtime->objects, module, name) : 0;
}

/* _active: {ident: Thread}; _limbo: {Thread: Thread}, started but not yet running. */
static void load_names(struct ph_runtime *runtime, const struct ph_interp_state *interp, struct interp_extra *extra)
{
	struct ph_objects *objects = runtime->objects;
	struct ph_dict_iter iter;
	ph_addr key, value;
	int64_t ident;

	extra->names_loaded = true;
	extra->names.maximum = PH_MAX_THREADS;
	ph_addr active = threading_attribute(runtime, interp, "_active");
	if (active && ph_dict_begin(objects, active, &iter) == PH_OK)
		while (ph_dict_next(&iter, &key, &value))
			if (ph_int_get(objects, key, &ident) == PH_OK && ident)
				(void)ph_addrmap_set(&extra->names, (uint64_t)ident, value, true);
	ph_addr limbo = threading_attribute(runtime, interp, "_limbo");
	if (limbo && ph_dict_begin(objects, limbo, &iter) == PH_OK)
		while (ph_dict_next(&iter, &key, &value))
			if (ph_int_get(objects, ph_object_attribute(objects, value, "_ident"), &ident) == PH_OK &&
			    ident)
				(void)ph_addrmap_set(&extra->names, (uint64_t)ident, value, false);
}

bool ph_runtime_is_main_thread(struct ph_runtime *runtime, const struct ph_thread_state *thread)
{
	uint64_t main = 0;
	if (ph_target_uint(runtime->target, runtime->target->runtime, PH_PyRuntimeState_main_thread, &main) == PH_OK &&
	    main)
		return thread->id == main;
	return thread->native_id && thread->native_id == ph_image_info(runtime->image)->pid;
}

const char *ph_runtime_thread_name(struct ph_runtime *runtime, const struct ph_thread_state *thread,
				   struct ph_arena *arena)
{
	const struct ph_interp_state *interp = &runtime->interps[thread->interpreter];
	struct interp_extra *extra = &runtime->extras[thread->interpreter];
	if (!extra->names_loaded)
		load_names(runtime, interp, extra);
	uint64_t *object = ph_addrmap_find(&extra->names, thread->id);
	if (object) {
		ph_addr text = ph_object_attribute(runtime->objects, *object, "_name");
		if (!text) /* 2.7 */
			text = ph_object_attribute(runtime->objects, *object, "_Thread__name");
		const char *name = ph_str_get(runtime->objects, text, arena);
		if (name)
			return name;
	}
	return ph_runtime_is_main_thread(runtime, thread) ? "MainThread" : NULL;
}
