/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share. */
#ifndef DETECT_INTERNAL_H
#define DETECT_INTERNAL_H

#include "base/callbacks.h"
#include "detect/detect.h"
#include "object/object.h"

#define PH_MAX_RANGES 64 /* writable ranges of one module */
#define PH_MAX_HINTS 64

/* What something says of the version, the most trustworthy first. */
struct ph_hint {
	struct ph_version version;
	bool minor_only;  /* a file name tells no micro version */
	bool guess;	  /* nothing says so: every known version is tried */
	bool free_threaded;
	const char *source; /* static, or the image's */
};

struct ph_hints {
	struct ph_hint items[PH_MAX_HINTS];
	size_t count;
};

/* A place that may be _PyRuntime. */
struct ph_candidate {
	ph_addr runtime;
	const struct ph_module *module;
	const char *how; /* static */
};

/* ---- evidence.c ---- */

/* Does its name begin as CPython's executables and libraries do?  The version in
 * the name, when there is one. */
bool ph_is_python_name(const char *name, struct ph_version *ret, bool *ret_has_version);
/* Which other implementation of Python a module of this name is of; NULL none. */
const char *ph_other_implementation(const char *name);
/* All hints for a candidate, then every version that the tables know.  `text` is
 * what ph_find_version_text() found, or NULL. */
void ph_hints_collect(struct ph_image *image, const struct ph_candidate *candidate, const struct ph_version *text,
		      struct ph_hints *ret);
/* A version in the static buffer of Py_GetVersion(), in writable data. */
bool ph_find_version_text(struct ph_image *image, const struct ph_module *module, struct ph_version *ret);

/* ---- check.c ---- */

/* Whether target->layout fits the candidate at target->runtime: fills interp_head
 * and type_type.  NULL when it does, else a phrase that says what does not hold.
 * `strict`: the list of interpreters has to be whole; a place that only looks
 * like _PyRuntime must not pass for it. */
const char *ph_check_candidate(struct ph_target *target, bool strict);
/* A dict whose type's metatype is its own type; *ret_type_type (may be NULL) is that. */
bool ph_is_bare_dict(const struct ph_target *target, ph_addr object, ph_addr *ret_type_type);
/* sys.hexversion, whether it is a debug build and whether sys.maxunicode is wide; false when it cannot be read. */
bool ph_read_sys(struct ph_target *target, struct ph_version *ret, bool *ret_debug, bool *ret_ucs4);
/* Which PyGC_Head a build has where its version does not tell it, from the links of sys.modules. */
void ph_find_gc_head(struct ph_target *target);
/* The singletons, from the dict of builtins. */
void ph_find_singletons(struct ph_target *target);

/* ---- infer.c ---- */

/* Find by their invariants the fields that lead from target->runtime to the
 * interpreters and their dicts, and override them in target->layout. */
bool ph_infer_layout(struct ph_target *target);

/* ---- scan.c ---- */

/* Look through the module's writable data for a place that passes ph_check_candidate()
 * with target->layout; target->runtime is set then, or target->interp_head where there is no _PyRuntime. */
bool ph_scan_module(struct ph_target *target, const struct ph_module *module);
/* Where no _PyRuntime tells it (2.7, 3.6): target->tstate_current, from target->module. */
void ph_find_current(struct ph_target *target);
/* The cookie of _Py_DebugOffsets; 0 none. */
ph_addr ph_scan_cookie(struct ph_image *image, const struct ph_module *module);

/* The ABI that an image's machine implies for a release build. */
static inline struct ph_abi ph_image_abi(const struct ph_image *image)
{
	const struct ph_image_info *info = ph_image_info(image);
	return (struct ph_abi){
		.pointer_size = (uint8_t)info->pointer_size,
		.long_size = (uint8_t)info->long_size,
		.big_endian = info->big_endian,
		.max_align = (uint8_t)info->scalar_align,
		.lock_size = (uint8_t)info->lock_size,
	};
}

#endif
