/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The invariants that a candidate has to hold before it is believed. */
#include "detect/internal.h"
#include "object/traverse.h"

#define MAX_INTERPRETERS 64 /* looked at; the rest is the runtime room's to bound */

static ph_addr ptr(const struct ph_target *target, ph_addr base, enum ph_field field)
{
	ph_addr value = 0;
	(void)ph_target_ptr(target, base, field, &value);
	return value;
}

bool ph_is_bare_dict(const struct ph_target *target, ph_addr object, ph_addr *ret_type_type)
{
	uint64_t flags = 0;
	ph_addr type = ph_target_is_aligned(target, object) ? ptr(target, object, PH_PyObject_ob_type) : 0;
	ph_addr meta = ph_target_is_aligned(target, type) ? ptr(target, type, PH_PyObject_ob_type) : 0;
	int32_t bit = ph_target_trait(target, PH_TRAIT_TPFLAG_DICT_SUBCLASS);
	if (!meta || !ph_target_is_aligned(target, meta) || bit < 0 || ptr(target, meta, PH_PyObject_ob_type) != meta)
		return false;
	if (ph_target_uint(target, type, PH_PyTypeObject_tp_flags, &flags) != PH_OK || !(flags >> bit & 1))
		return false;
	if (ret_type_type)
		*ret_type_type = meta;
	return true;
}

/* What a cut core says of an invariant: it may hold, and the bytes that would tell are gone. */
enum proof { WRONG, LOST, HOLDS };

static bool is_lost(const struct ph_target *target, ph_addr address)
{
	return address && ph_target_is_aligned(target, address) && ph_image_is_cut_off(target->image, address);
}

static enum proof prove_dict(struct ph_target *target, ph_addr interp, enum ph_field field)
{
	ph_addr object = ptr(target, interp, field);
	if (ph_is_bare_dict(target, object, &target->type_type))
		return HOLDS;
	if (is_lost(target, interp) || is_lost(target, object))
		return LOST;
	ph_addr type = ptr(target, object, PH_PyObject_ob_type);
	return is_lost(target, type) || is_lost(target, ptr(target, type, PH_PyObject_ob_type)) ? LOST : WRONG;
}

static enum proof prove_thread(struct ph_target *target, ph_addr interp, ph_addr thread)
{
	if (is_lost(target, interp) || is_lost(target, thread))
		return LOST;
	return !thread || ptr(target, thread, PH_PyThreadState_interp) == interp ? HOLDS : WRONG;
}

/* NULL, or what does not hold.  What crashed may have torn one of the four, so
 * that three will do; what a cut took counts for neither side. */
static const char *check_interp(struct ph_target *target, ph_addr interp, bool strict, bool *ret_alive)
{
	bool joined = ph_target_trait(target, PH_TRAIT_THREADS_FORM) != 0;
	ph_addr thread = ptr(target, interp,
			     joined ? PH_PyInterpreterState_threads_head : PH_PyInterpreterState_tstate_head);
	enum ph_field modules = ph_target_trait(target, PH_TRAIT_MODULES_FORM) ? PH_PyInterpreterState_imports_modules :
										 PH_PyInterpreterState_modules;
	unsigned counts[HOLDS + 1] = { 0 };
	const char *wrong = NULL;
	const struct {
		enum proof proof;
		const char *wrong;
	} proofs[] = {
		{ prove_thread(target, interp, thread), "a thread state does not point back to its interpreter" },
		{ prove_dict(target, interp, modules), "sys.modules is not a dict" },
		{ prove_dict(target, interp, PH_PyInterpreterState_sysdict), "the dict of sys is not a dict" },
		{ prove_dict(target, interp, PH_PyInterpreterState_builtins), "the dict of builtins is not a dict" },
	};
	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		counts[proofs[i].proof]++;
		if (proofs[i].proof == WRONG)
			wrong = proofs[i].wrong;
	}
	*ret_alive |= thread != 0 || is_lost(target, interp);
	if (!counts[LOST])
		return counts[WRONG] > 1 ? wrong : NULL;
	/* of a cut core: no contradiction, and something that holds, unless the place itself is known for sure */
	return counts[WRONG] ? wrong : counts[HOLDS] || !strict ? NULL : "the core is cut before its interpreter";
}

/* Does the list from `head` lead to the main interpreter? */
static bool leads_to(const struct ph_target *target, ph_addr head, ph_addr main)
{
	ph_addr interp = head;
	for (size_t i = 0; interp && interp != main && i < MAX_INTERPRETERS; i++)
		interp = ptr(target, interp, PH_PyInterpreterState_next);
	return interp == main;
}

/* 2.7 and 3.6: the list itself, whose last one is the main interpreter. */
static const char *check_list(struct ph_target *target)
{
	bool alive = false;
	ph_addr interp = target->interp_head;
	if (!interp || !ph_target_is_aligned(target, interp))
		return "it has no interpreters";
	for (size_t i = 0; interp && i < MAX_INTERPRETERS; i++) {
		const char *wrong = check_interp(target, interp, true, &alive);
		if (wrong)
			return wrong;
		target->interp_main = interp;
		interp = ptr(target, interp, PH_PyInterpreterState_next);
	}
	return alive ? NULL : "it has no thread states";
}

const char *ph_check_candidate(struct ph_target *target, bool strict)
{
	if (!ph_target_trait(target, PH_TRAIT_RUNTIME_FORM))
		return check_list(target);
	ph_addr head = ptr(target, target->runtime, PH_PyRuntimeState_interpreters_head);
	ph_addr main = ptr(target, target->runtime, PH_PyRuntimeState_interpreters_main);
	/* PyInterpreterState_Delete() forgets the main one and dies when others remain (Python/pystate.c, 3.7 on) */
	ph_addr first = main ? main : head;
	if (!head || !first)
		return "it has no interpreters";
	if (!ph_target_is_aligned(target, first))
		return "its interpreters are not aligned";
	bool alive = false;
	const char *wrong = check_interp(target, first, strict, &alive);
	if (wrong)
		return wrong;
	if (!alive)
		return "it has no thread states";
	bool listed = leads_to(target, head, first);
	if (!listed && strict)
		return "the main interpreter is not in the list";
	target->interp_head = listed ? head : first;
	target->interp_main = main;
	return NULL;
}

bool ph_read_sys(struct ph_target *target, struct ph_version *ret, bool *ret_debug, bool *ret_ucs4)
{
	struct ph_objects *objects;
	int64_t hexversion = 0;
	struct ph_error *error = ph_objects_create(target, &objects);
	if (error) {
		ph_error_free(error);
		return false;
	}
	ph_addr sysdict = ptr(target, target->interp_main, PH_PyInterpreterState_sysdict);
	bool ok = ph_int_get(objects, ph_dict_get(objects, sysdict, "hexversion"), &hexversion) == PH_OK &&
		  hexversion > 0 && hexversion <= UINT32_MAX;
	if (ok) {
		*ret = ph_version_from_hex((uint32_t)hexversion);
		/* 2.7: what unit a unicode has */
		int64_t widest;
		if (ph_int_get(objects, ph_dict_get(objects, sysdict, "maxunicode"), &widest) == PH_OK)
			*ret_ucs4 = widest > 0xffff;
		/* Python/sysmodule.c: only in builds with Py_REF_DEBUG */
		*ret_debug = ph_dict_get(objects, sysdict, "gettotalrefcount") != 0;
	}
	ph_objects_free(objects);
	return ok;
}

void ph_find_singletons(struct ph_target *target)
{
	const struct {
		const char *name;
		ph_addr *place;
	} names[] = {
		{ "None", &target->none },
		{ "Ellipsis", &target->ellipsis },
		{ "NotImplemented", &target->notimplemented },
		{ "True", &target->true_ },
		{ "False", &target->false_ },
	};
	struct ph_objects *objects;
	struct ph_error *error = ph_objects_create(target, &objects);
	if (error) {
		ph_error_free(error);
		return;
	}
	ph_addr builtins = ptr(target, target->interp_main, PH_PyInterpreterState_builtins);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		*names[i].place = ph_dict_get(objects, builtins, names[i].name);
	ph_objects_free(objects);
}

/* The next one's way back leads to the same head. */
static bool is_linked(const struct ph_target *target, ph_addr object)
{
	size_t size = ph_target_sizeof(target, PH_SIZEOF_PyGC_Head);
	ph_addr next, before, prev = 0;
	return ph_gc_links(target, object - size, &next, &before) && ph_gc_links(target, next - size, &before, &prev) &&
	       prev == object;
}

void ph_find_gc_head(struct ph_target *target)
{
	struct ph_target other = *target;
	if (!ph_layout_has_two_gc_heads(target->layout.version))
		return;
	ph_addr modules = ptr(target, target->interp_head, PH_PyInterpreterState_modules);
	other.layout.abi.wide_gc_head = !other.layout.abi.wide_gc_head;
	if (is_linked(target, modules) ||
	    !ph_layout_resolve(target->layout.version, other.layout.abi, &other.layout) || !is_linked(&other, modules))
		return;
	target->layout = other.layout;
	ph_explain(ph_image_callbacks(target->image), "PyGC_Head has %zu bytes, by the links of sys.modules",
		   ph_target_sizeof(target, PH_SIZEOF_PyGC_Head));
}
