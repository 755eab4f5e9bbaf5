/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which interpreter is it, and which layout: evidence, candidates, checks.
 *
 * Evidence: the symbols _PyRuntime, Py_Version; the section .PyRuntime; the
 * cookie of _Py_DebugOffsets in writable data; the module's file name
 * (libpython3.11.so.1.0, python3.11); version strings in data and heap
 * (sys.version, sys.hexversion); the shape of the interpreter states.
 * A candidate is believed only after its invariants hold: tstate->interp points
 * back; modules, sysdict and builtins are dicts; type(type) is type; sys.version
 * in the heap says the same.  Each step is told to `explain`. */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include "base/error.h"
#include "target/target.h"

struct ph_detected {
	struct ph_target target;
	const char *other;  /* path of another libpython that is mapped, NULL none; the image's */
	const char *origin; /* "table", "debug-offsets", "inferred": static */
	bool minor_only;    /* the micro version is not known (a cut core) */
};

/* PH_ERROR_NO_PYTHON with what was found instead (nothing, PyPy, a version that we do not know). */
struct ph_error *ph_detect(struct ph_image *image, struct ph_detected *ret) __attribute__((warn_unused_result));

/* What the files and names of modules say of the version where ph_detect() found
 * none, in a cut core: the source, static, or NULL. */
const char *ph_detect_version(struct ph_image *image, struct ph_version *ret, bool *ret_minor_only);
/* Does a module, or the file that the user named, say that this was a Python? */
bool ph_detect_is_python(struct ph_image *image);

#endif
