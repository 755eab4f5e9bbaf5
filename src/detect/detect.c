/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/cursor.h"

struct detection {
	struct ph_image *image;
	const struct ph_callbacks *callbacks;
	const struct ph_module *modules;
	size_t module_count;
	/* why not, for the error */
	bool is_unknown;
	struct ph_version unknown; /* a version that the tables lack */
	const char *unknown_source;
	bool unknown_minor_only;
	bool minor_only;	 /* of the version that was found the micro part is not known */
	ph_addr dead;		 /* a _PyRuntime that failed */
	const char *dead_why;
	const struct ph_module *dead_module;
};

static const char *module_name(const struct ph_module *module)
{
	return module && module->name && *module->name ? module->name : "an unnamed module";
}

/* ---- one candidate, one version ---- */

static void tell_difference(void *user, const char *field, int32_t table, int32_t declared)
{
	ph_explain(user, "%s: _Py_DebugOffsets says %d, the table %d", field, declared, table);
}

/* Fill target->layout, with what the build itself declares on top. */
static bool resolve(struct detection *d, struct ph_target *target, struct ph_version version, struct ph_abi abi,
		    const char **ret_origin)
{
	enum { MAXIMUM = 4096 };
	if (!ph_layout_resolve(version, abi, &target->layout))
		return false;
	*ret_origin = "table";
	ph_addr offsets = ph_target_at(target, target->runtime, PH_PyRuntimeState_debug_offsets);
	size_t size = offsets && target->runtime ? ph_image_readable(d->image, offsets, MAXIMUM) : 0;
	const void *data = size ? ph_image_view(d->image, offsets, size) : NULL;
	if (data && ph_layout_apply_debug_offsets(&target->layout, data, size, tell_difference, (void *)d->callbacks))
		*ret_origin = "debug-offsets";
	return true;
}

static const char *hint_text(const struct ph_hint *hint, char *buffer, size_t size)
{
	return hint->minor_only ? ph_version_minor_text(hint->version, buffer, size) :
				  ph_version_text(hint->version, buffer, size);
}

/* The layout fits; learn the exact version from sys and resolve once more. */
static bool confirm(struct detection *d, struct ph_target *target, const struct ph_hint *hint, const char **origin)
{
	struct ph_version version;
	struct ph_abi abi = target->layout.abi;
	char said[16], found[16];
	if (!ph_read_sys(target, &version, &abi.debug, &abi.ucs4)) {
		ph_explain(d->callbacks, "sys.hexversion cannot be read");
		/* a release build that initialises could be taken for one with longer objects */
		if (hint->guess || (abi.trace_refs && ph_image_info(d->image)->complete))
			return false;
		d->minor_only = hint->minor_only;
		ph_damage_add(ph_image_damage(d->image), PH_DAMAGE_REPORT, "python",
			      "sys.hexversion cannot be read: Python %s is taken from %s",
			      hint_text(hint, said, sizeof(said)), hint->source);
		target->version_source = hint->source;
		return true;
	}
	ph_version_text(version, found, sizeof(found));
	ph_version_text(hint->version, said, sizeof(said));
	bool same_minor = ph_version_same_minor(version, hint->version);
	if (!same_minor && (hint->minor_only || !ph_layout_knows(version))) {
		ph_explain(d->callbacks, "sys.hexversion says %s, not %s as %s", found, said, hint->source);
		if (!ph_layout_knows(version)) {
			d->is_unknown = true;
			d->unknown = version;
			d->unknown_source = "sys.hexversion";
			d->unknown_minor_only = false;
		}
		return false;
	}
	if (!hint->minor_only && !ph_version_equal(version, hint->version))
		ph_warn(d->callbacks, "sys.hexversion says %s, %s says %s: taking the former", found, hint->source,
			said);
	target->version_source = "sys.hexversion";
	bool inferred = !strcmp(*origin, "inferred");
	struct ph_target exact = *target;
	if (!inferred && resolve(d, &exact, version, abi, origin) && !ph_check_candidate(&exact, false))
		*target = exact;
	else
		target->layout.version = version;
	ph_explain(d->callbacks, "version %s from sys.hexversion%s%s", found, same_minor ? ", as by " : "",
		   same_minor ? hint->source : "");
	return !abi.debug || target->layout.abi.debug;
}

static bool try_hint_abi(struct detection *d, struct ph_target *target, const struct ph_hint *hint, struct ph_abi abi,
			 bool infer, const char **ret_origin)
{
	char text[16];
	ph_version_text(hint->version, text, sizeof(text));
	if (!resolve(d, target, hint->version, abi, ret_origin)) {
		if (!d->is_unknown) {
			d->is_unknown = true;
			d->unknown = hint->version;
			d->unknown_source = hint->source;
			d->unknown_minor_only = hint->minor_only;
		}
		ph_explain(d->callbacks, "version %s from %s: not one of the tables", text, hint->source);
		return false;
	}
	const char *wrong = ph_check_candidate(target, false);
	if (wrong && infer && ph_infer_layout(target)) {
		wrong = ph_check_candidate(target, true);
		*ret_origin = "inferred";
	}
	if (wrong) {
		ph_explain(d->callbacks, "_PyRuntime at 0x%" PRIx64 " as of %s: %s", target->runtime, text, wrong);
		d->dead_why = wrong;
		return false;
	}
	return confirm(d, target, hint, ret_origin);
}

/* A debug build's structs that lead to sys are those of a release build, except where each object is in a list of
 * all (Py_TRACE_REFS, which Py_DEBUG implied up to 3.7). */
static bool try_hint(struct detection *d, struct ph_target *target, const struct ph_hint *hint, bool infer,
		     const char **ret_origin)
{
	struct ph_abi abi = ph_image_abi(d->image);
	abi.free_threaded = hint->free_threaded;
	if (try_hint_abi(d, target, hint, abi, infer, ret_origin))
		return true;
	if (infer)
		return false;
	/* the word that says so may lie, or not be there */
	abi.free_threaded = !hint->free_threaded;
	if (ph_layout_has_free_threaded(hint->version) && try_hint_abi(d, target, hint, abi, false, ret_origin))
		return true;
	abi.free_threaded = false;
	abi.trace_refs = abi.debug = true;
	return ph_layout_has_trace_refs(hint->version) && try_hint_abi(d, target, hint, abi, false, ret_origin);
}

static bool try_candidate(struct detection *d, const struct ph_candidate *candidate, struct ph_target *target,
			  const char **ret_origin)
{
	struct ph_hints hints;
	ph_explain(d->callbacks, "_PyRuntime at 0x%" PRIx64 " in %s by %s", candidate->runtime,
		   module_name(candidate->module), candidate->how);
	/* a cut core may lack what is asked later */
	struct ph_version text;
	bool has_text = !ph_image_info(d->image)->complete &&
			ph_find_version_text(d->image, candidate->module, &text);
	ph_hints_collect(d->image, candidate, has_text ? &text : NULL, &hints);
	target->runtime = candidate->runtime;
	target->module = candidate->module;
	for (int infer = 0; infer < 2; infer++)
		for (size_t i = 0; i < hints.count; i++)
			if (try_hint(d, target, &hints.items[i], infer != 0, ret_origin))
				return true;
	d->dead = candidate->runtime;
	d->dead_module = candidate->module;
	return false;
}

/* ---- candidates ---- */

/* By symbol, by section, by cookie. */
static bool try_module(struct detection *d, const struct ph_module *module, struct ph_target *target,
		       const char **ret_origin)
{
	ph_addr size;
	struct ph_candidate candidate = { .module = module, .how = "its symbol" };
	candidate.runtime = ph_image_symbol(d->image, module, "_PyRuntime");
	if (!candidate.runtime &&
	    ph_image_section(d->image, module, ".PyRuntime", &candidate.runtime, &size))
		candidate.how = "the section .PyRuntime";
	if (!candidate.runtime) {
		candidate.runtime = ph_scan_cookie(d->image, module);
		candidate.how = "the cookie of _Py_DebugOffsets";
	}
	return candidate.runtime && try_candidate(d, &candidate, target, ret_origin);
}

/* By scanning writable data, for every version that is hinted at. */
static bool scan_module(struct detection *d, const struct ph_module *module, struct ph_target *target,
			const char **ret_origin)
{
	struct ph_candidate nowhere = { .module = module };
	struct ph_hints hints;
	struct ph_version version;
	bool has_text = ph_find_version_text(d->image, module, &version);
	if (has_text) {
		char text[16];
		ph_explain(d->callbacks, "%s holds the version text %s", module_name(module),
			   ph_version_text(version, text, sizeof(text)));
		if (!ph_layout_knows(version)) {
			d->is_unknown = true;
			d->unknown = version;
			d->unknown_source = "the version text in its data";
			d->unknown_minor_only = false;
			return false;
		}
	}
	ph_hints_collect(d->image, &nowhere, has_text ? &version : NULL, &hints);
	for (size_t i = 0; i < 2 * hints.count; i++) {
		const struct ph_hint *hint = &hints.items[i / 2];
		struct ph_abi abi = ph_image_abi(d->image);
		abi.trace_refs = abi.debug = i % 2;
		if (abi.trace_refs && !ph_layout_has_trace_refs(hint->version))
			continue;
		target->module = module;
		if (!ph_layout_resolve(hint->version, abi, &target->layout) || !ph_scan_module(target, module))
			continue;
		ph_explain(d->callbacks, "%s at 0x%" PRIx64 " in %s by scanning its data",
			   target->runtime ? "_PyRuntime" : "interpreter",
			   target->runtime ? target->runtime : target->interp_head, module_name(module));
		if (try_hint(d, target, hint, false, ret_origin))
			return true;
	}
	return false;
}

static bool ends_in_dll(const char *name)
{
	size_t size = strlen(name);
	return size > 4 && !strcasecmp(name + size - 4, ".dll");
}

/* Libraries and executables that are named so, then the main program and, in a cut core, what lost its name; then the
 * rest. */
enum { RANKS = 4 };
static int rank(const struct ph_module *module)
{
	struct ph_version version;
	bool has_version;
	/* the library (libpython3.11.so, python311.dll) before an executable that is linked with it */
	if (ph_is_python_name(module->name, &version, &has_version))
		return !strncmp(module->name, "lib", 3) || (has_version && ends_in_dll(module->name)) ? 0 : 1;
	return module->is_executable || !*module->name ? 2 : 3;
}

typedef bool try_function(struct detection *, const struct ph_module *, struct ph_target *, const char **);

static bool try_rank(struct detection *d, int wanted, try_function *try, struct ph_target *target,
		     const char **ret_origin)
{
	for (size_t i = 0; i < d->module_count; i++)
		if (rank(&d->modules[i]) == wanted && try(d, &d->modules[i], target, ret_origin))
			return true;
	return false;
}

/* ---- the result ---- */

static const struct ph_module *find_other_implementation(const struct detection *d)
{
	for (size_t i = 0; i < d->module_count; i++)
		if (ph_other_implementation(d->modules[i].name))
			return &d->modules[i];
	return NULL;
}

static struct ph_error *unknown_version(struct detection *d)
{
	ph_auto_buffer struct ph_buffer known = PH_BUFFER(256);
	struct ph_version version;
	char text[16];
	for (size_t i = 0; ph_layout_known(i, &version); i++)
		ph_buffer_printf(&known, "%s%s", known.size ? ", " : "",
				 ph_version_minor_text(version, text, sizeof(text)));
	if (d->unknown_minor_only)
		ph_version_minor_text(d->unknown, text, sizeof(text));
	else
		ph_version_text(d->unknown, text, sizeof(text));
	return ph_error_create(PH_ERROR_NO_PYTHON, "found Python %s (by %s), which is not supported yet (known are %s)",
			       text, d->unknown_source, ph_buffer_text(&known));
}

static struct ph_error *explain_failure(struct detection *d)
{
	const char *what = strcmp(ph_image_info(d->image)->kind, "live") ? "core" : "process";
	const struct ph_image_info *info = ph_image_info(d->image);
	const struct ph_module *other = find_other_implementation(d);
	const char *command = info->command ? info->command : info->name ? info->name : "unknown";

	if (other) {
		const char *name = ph_other_implementation(other->name);
		return ph_error_create(PH_ERROR_NO_PYTHON, "this is %s (%s), not CPython: %s is not supported", name,
				       other->name, name);
	}
	if (d->is_unknown && !ph_layout_knows(d->unknown))
		return unknown_version(d);
	if (d->dead)
		return ph_error_create(PH_ERROR_NO_PYTHON,
				       "found _PyRuntime at 0x%" PRIx64 " in %s, but no running interpreter: %s%s",
				       d->dead, module_name(d->dead_module),
				       d->dead_why ? d->dead_why : "unknown version",
				       info->complete ? "; it died before Python had started, or after its end" :
							"; the core is cut");
	for (size_t i = 0; i < d->module_count && info->complete; i++)
		if (!rank(&d->modules[i]))
			return ph_error_create(PH_ERROR_NO_PYTHON,
					       "no Python found that runs in this %s (of \"%s\"): %s "
					       "is mapped; it died before Python had started, or after its end",
					       what, command, d->modules[i].name);
	char cut[80] = ", which is cut";
	if (info->lost)
		snprintf(cut, sizeof(cut), ", which is cut: %" PRIu64 " bytes of memory are missing", info->lost);
	return ph_error_create(PH_ERROR_NO_PYTHON, "no Python found in this %s (of \"%s\")%s", what, command,
			       info->complete ? "" : cut);
}

/* A second library of CPython, or the same one mapped twice; libpython3.so has no interpreter of its own. */
static const char *find_other(const struct detection *d, const struct ph_target *found)
{
	struct ph_version version;
	bool has_version;
	for (size_t i = 0; i < d->module_count; i++) {
		const struct ph_module *module = &d->modules[i];
		if (module != found->module && rank(module) == 0 &&
		    ph_is_python_name(module->name, &version, &has_version) && has_version)
			return module->path;
	}
	return NULL;
}

/* Which of two modules is nearer to where the crashed thread stands: by its program counter, then by the pointers into
 * them on its C stack, from its top. */
static const struct ph_module *nearer(struct ph_image *image, const struct ph_module *a, const struct ph_module *b)
{
	enum { DEPTH = 256 * 1024 };
	const struct ph_native_thread *threads;
	size_t count = ph_image_threads(image, &threads), word = (size_t)ph_image_info(image)->pointer_size;
	for (size_t i = 0; i < count; i++) {
		if (!threads[i].crashed || !threads[i].has_registers)
			continue;
		ph_addr sp = threads[i].sp & ~(ph_addr)(word - 1), value = threads[i].pc;
		size_t size = ph_image_readable(image, sp, DEPTH);
		const uint8_t *stack = ph_image_view(image, sp, size);
		for (size_t at = 0; stack; at += word) {
			if (value >= a->start && value < a->end)
				return a;
			if (value >= b->start && value < b->end)
				return b;
			if (at + word > size)
				break;
			value = ph_load_uint(stack + at, word, ph_image_info(image)->big_endian);
		}
	}
	return NULL;
}

/* Two libpythons may both run: that one is meant in which the process died. */
static void prefer_crashed(struct detection *d, struct ph_target *found, const char **origin)
{
	for (size_t i = 0; i < d->module_count; i++) {
		const struct ph_module *module = &d->modules[i];
		if (module == found->module || rank(module) || nearer(d->image, module, found->module) != module)
			continue;
		struct ph_target other = { .image = found->image, .damage = found->damage };
		const char *other_origin = "table";
		if (!try_module(d, module, &other, &other_origin) && !scan_module(d, module, &other, &other_origin))
			continue;
		ph_explain(d->callbacks, "the process died in %s, not in %s", module_name(module),
			   module_name(found->module));
		*found = other;
		*origin = other_origin;
		return;
	}
}

/* A second interpreter that runs as well is not looked into: say so. */
static void warn_of_others(struct detection *d, const struct ph_target *found)
{
	for (size_t i = 0; i < d->module_count; i++) {
		const struct ph_module *module = &d->modules[i];
		if (module == found->module || rank(module) > 1)
			continue;
		ph_addr runtime = ph_image_symbol(d->image, module, "_PyRuntime");
		struct ph_target other = { .image = d->image, .damage = found->damage, .runtime = runtime };
		other.layout = found->layout;
		if (runtime && runtime != found->runtime && !ph_check_candidate(&other, true))
			ph_warn(d->callbacks, "another Python runs in %s: it is left out", module->name);
	}
}

/* A cut core may have lost every dict that leads to it. */
static void find_type(struct ph_target *target)
{
	ph_addr symbol = target->type_type ? 0 : ph_image_symbol(target->image, target->module, "PyType_Type"), type;
	if (symbol && ph_target_ptr(target, symbol, PH_PyObject_ob_type, &type) == PH_OK && type == symbol)
		target->type_type = symbol;
}

bool ph_detect_is_python(struct ph_image *image)
{
	const struct ph_module *modules;
	struct ph_version version;
	bool has_version;
	const char *named = ph_image_info(image)->executable, *slash = named ? strrchr(named, '/') : NULL;
	size_t count = ph_image_modules(image, &modules);
	for (size_t i = 0; i < count; i++)
		if (ph_other_implementation(modules[i].name))
			return false;
	if (named && ph_is_python_name(slash ? slash + 1 : named, &version, &has_version))
		return true;
	for (size_t i = 0; i < count; i++)
		if (ph_is_python_name(modules[i].name, &version, &has_version) ||
		    (modules[i].is_executable && ph_image_symbol(image, &modules[i], "Py_Initialize")))
			return true;
	return false;
}

const char *ph_detect_version(struct ph_image *image, struct ph_version *ret, bool *ret_minor_only)
{
	const struct ph_module *modules;
	struct ph_hints hints;
	size_t count = ph_image_modules(image, &modules);
	for (int r = 0; r < RANKS - 1; r++)
		for (size_t i = 0; i < count; i++) {
			struct ph_version text;
			if (rank(&modules[i]) != r)
				continue;
			bool has_text = ph_find_version_text(image, &modules[i], &text);
			ph_hints_collect(image, &(struct ph_candidate){ .module = &modules[i] },
					 has_text ? &text : NULL, &hints);
			if (!hints.count || hints.items[0].guess)
				continue;
			*ret = hints.items[0].version;
			*ret_minor_only = hints.items[0].minor_only;
			return hints.items[0].source;
		}
	return NULL;
}

struct ph_error *ph_detect(struct ph_image *image, struct ph_detected *ret)
{
	struct detection d = { .image = image, .callbacks = ph_image_callbacks(image) };
	struct ph_target target = { .image = image, .damage = ph_image_damage(image) };
	const char *origin = "table";
	bool found = false;

	d.module_count = ph_image_modules(image, &d.modules);
	for (int r = 0; r < RANKS && !found; r++) {
		found = try_rank(&d, r, try_module, &target, &origin);
		if (!found && r < RANKS - 1 && !find_other_implementation(&d))
			found = try_rank(&d, r, scan_module, &target, &origin);
	}
	if (!found)
		return explain_failure(&d);
	prefer_crashed(&d, &target, &origin);
	ph_find_gc_head(&target);
	ph_find_singletons(&target);
	ph_find_current(&target);
	warn_of_others(&d, &target);
	ph_explain(d.callbacks, "interpreter at 0x%" PRIx64 ", type at 0x%" PRIx64 ", layout by %s", target.interp_head,
		   target.type_type, origin);
	find_type(&target);
	ret->target = target;
	ret->minor_only = d.minor_only;
	ret->origin = origin;
	ret->other = find_other(&d, &target);
	return NULL;
}
