/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A build whose structs lie otherwise than the tables say (a micro version or a
 * distribution's patch moved a field): find what leads to the heap by what must
 * be true of it.  The thread states' own first fields have not moved in any
 * version and anchor the search. */
#include "detect/internal.h"

#include <inttypes.h>

#define MAX_RUNTIME_BYTES 16384	  /* of _PyRuntime searched for the list of interpreters */
#define MAX_THREADS_BYTES 16384	  /* of an interpreter state searched for its thread states */
#define MAX_INTERP_BYTES 524288	  /* of an interpreter state searched for its dicts */
#define MAX_READS 2000000

struct search {
	struct ph_target *target;
	struct ph_objects *objects;
	size_t reads;
	size_t width;
};

static ph_addr word(struct search *s, ph_addr address)
{
	ph_addr value = 0;
	if (s->reads++ < MAX_READS)
		(void)ph_target_read_ptr(s->target, address, &value);
	return value & (s->width - 1) ? 0 : value;
}

/* Offset of the pointer to a thread state that points back; -1 none. */
static int32_t find_threads(struct search *s, ph_addr interp)
{
	size_t size = ph_image_readable(s->target->image, interp, MAX_THREADS_BYTES);
	int32_t back = (int32_t)ph_target_at(s->target, 0, PH_PyThreadState_interp);
	for (size_t i = 0; i + s->width <= size && s->reads < MAX_READS; i += s->width) {
		ph_addr thread = word(s, interp + i);
		if (thread && thread != interp && word(s, thread + (ph_addr)back) == interp)
			return (int32_t)i;
	}
	return -1;
}

/* Offset of the first dict in the interpreter state that has this key; -1 none. */
static int32_t find_dict(struct search *s, ph_addr interp, const char *key)
{
	size_t size = ph_image_readable(s->target->image, interp, MAX_INTERP_BYTES);
	for (size_t i = 0; i + s->width <= size && s->reads < MAX_READS; i += s->width) {
		ph_addr object = word(s, interp + i);
		if (object && ph_is_bare_dict(s->target, object, NULL) && ph_dict_get(s->objects, object, key))
			return (int32_t)i;
	}
	return -1;
}

static void override(struct search *s, enum ph_field field, int32_t offset)
{
	struct ph_layout *layout = &s->target->layout;
	int32_t before = ph_layout_has(layout, field) ? layout->slots[field].offset : -1;
	if (before == offset)
		return;
	ph_layout_override(layout, field, offset, PH_ORIGIN_INFERRED);
	ph_explain(ph_image_callbacks(s->target->image), "%s: %d instead of the table's %d, by its invariants",
		   ph_field_name(field), offset, before);
}

static bool find_parts(struct search *s, ph_addr interp)
{
	bool joined = ph_target_trait(s->target, PH_TRAIT_THREADS_FORM) != 0;
	bool imports = ph_target_trait(s->target, PH_TRAIT_MODULES_FORM) != 0;
	int32_t threads = find_threads(s, interp);
	int32_t modules = threads < 0 ? -1 : find_dict(s, interp, "builtins");
	int32_t sysdict = modules < 0 ? -1 : find_dict(s, interp, "hexversion");
	int32_t builtins = sysdict < 0 ? -1 : find_dict(s, interp, "__build_class__");
	if (builtins < 0)
		return false;
	override(s, joined ? PH_PyInterpreterState_threads_head : PH_PyInterpreterState_tstate_head, threads);
	override(s, imports ? PH_PyInterpreterState_imports_modules : PH_PyInterpreterState_modules, modules);
	override(s, PH_PyInterpreterState_sysdict, sysdict);
	override(s, PH_PyInterpreterState_builtins, builtins);
	return true;
}

/* The list's head and, behind it, the main interpreter: the same where there is but one. */
static bool find_interpreters(struct search *s)
{
	ph_addr runtime = s->target->runtime;
	size_t size = ph_image_readable(s->target->image, runtime, MAX_RUNTIME_BYTES);
	for (size_t i = 0; i + 2 * s->width <= size && s->reads < MAX_READS; i += s->width) {
		ph_addr head = word(s, runtime + i), main = word(s, runtime + i + s->width);
		if (!head || !main || head == runtime || find_threads(s, main) < 0 ||
		    (head != main && find_threads(s, head) < 0) || !find_parts(s, main))
			continue;
		override(s, PH_PyRuntimeState_interpreters_head, (int32_t)i);
		override(s, PH_PyRuntimeState_interpreters_main, (int32_t)(i + s->width));
		return true;
	}
	return false;
}

bool ph_infer_layout(struct ph_target *target)
{
	struct search s = { .target = target, .width = target->layout.abi.pointer_size };
	struct ph_error *error = ph_objects_create(target, &s.objects);
	if (error) {
		ph_error_free(error);
		return false;
	}
	bool found = find_interpreters(&s);
	ph_objects_free(s.objects);
	return found;
}
