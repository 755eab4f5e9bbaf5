/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tells the version before anything in the heap is read. */
#include "detect/internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"


/* Two numbers, "3.11"; NULL when they are not there, else what follows. */
static const char *parse_minor(const char *text, struct ph_version *ret)
{
	unsigned major = 0, minor = 0;
	const char *p = text;
	if (!isdigit((unsigned char)p[0]) || p[1] != '.' || !isdigit((unsigned char)p[2]))
		return NULL;
	major = (unsigned)(p[0] - '0');
	for (p += 2; isdigit((unsigned char)*p) && minor < 100; p++)
		minor = minor * 10 + (unsigned)(*p - '0');
	if ((major != 2 && major != 3) || minor > 99)
		return NULL;
	*ret = (struct ph_version){ .major = (uint8_t)major, .minor = (uint8_t)minor, .level = 0xf };
	return p;
}

/* "38.dll", "313t.dll", "312_d.dll": as the libraries are called on Windows, in any case. */
static bool parse_library(const char *text, struct ph_version *ret)
{
	unsigned minor = 0;
	const char *p = text + 1;
	if (*text != '2' && *text != '3')
		return false;
	for (; isdigit((unsigned char)*p) && minor < 100; p++)
		minor = minor * 10 + (unsigned)(*p - '0');
	if (p == text + 1 || minor > 99)
		return false;
	p += *p == 't' || *p == 'T';
	if (strcasecmp(p, ".dll") && strcasecmp(p, "_d.dll"))
		return false;
	*ret = (struct ph_version){ .major = (uint8_t)(*text - '0'), .minor = (uint8_t)minor, .level = 0xf };
	return true;
}

bool ph_is_python_name(const char *name, struct ph_version *ret, bool *ret_has_version)
{
	static const char *const prefixes[] = { "libpython", "python" };
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t size = strlen(prefixes[i]);
		if (strncasecmp(name, prefixes[i], size))
			continue;
		*ret_has_version = parse_library(name + size, ret) || parse_minor(name + size, ret) != NULL;
		return true;
	}
	return false;
}

const char *ph_other_implementation(const char *name)
{
	static const struct { const char *prefix, *implementation; } others[] = {
		{ "libpypy", "PyPy" },	      { "pypy", "PyPy" },
		{ "graalpy", "GraalPy" },     { "libgraalpy", "GraalPy" },
		{ "libpythonvm", "GraalPy" }, /* of its native standalone */
		{ "micropython", "MicroPython" },
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strncmp(name, others[i].prefix, strlen(others[i].prefix)))
			return others[i].implementation;
	return NULL;
}

static void add_hint(struct ph_hints *hints, struct ph_hint hint)
{
	for (size_t i = 0; i < hints->count; i++)
		if (ph_version_same_minor(hints->items[i].version, hint.version))
			return; /* said already by something more trustworthy */
	if (hints->count < PH_MAX_HINTS)
		hints->items[hints->count++] = hint;
}

static void add_debug_offsets(struct ph_image *image, const struct ph_candidate *candidate, struct ph_hints *hints)
{
	uint8_t data[64];
	struct ph_hint hint = { .source = "_Py_DebugOffsets" };
	uint32_t hexversion;
	if (ph_image_read(image, candidate->runtime, data, sizeof(data)) != PH_OK ||
	    !ph_layout_peek_debug_offsets(data, sizeof(data), ph_image_info(image)->big_endian, &hexversion,
					  &hint.free_threaded))
		return;
	hint.version = ph_version_from_hex(hexversion);
	add_hint(hints, hint);
}

static void add_version_symbol(struct ph_image *image, const struct ph_candidate *candidate, struct ph_hints *hints)
{
	/* const unsigned long Py_Version, since 3.11 (Python/getversion.c); read-only, so only with a file or a full
	 * core */
	size_t size = ph_image_info(image)->long_size;
	ph_addr symbol = ph_image_symbol(image, candidate->module, "Py_Version");
	uint8_t data[8];
	if (!symbol || size > sizeof(data) || ph_image_read(image, symbol, data, size) != PH_OK)
		return;
	uint64_t hexversion = ph_load_uint(data, size, ph_image_info(image)->big_endian);
	if (hexversion && hexversion <= UINT32_MAX)
		add_hint(hints, (struct ph_hint){ .version = ph_version_from_hex((uint32_t)hexversion),
						  .source = "Py_Version" });
}

/* Names of the module, then of the others: the executable may be "python3.11" where the library has no version. */
static void add_names(struct ph_image *image, const struct ph_candidate *candidate, struct ph_hints *hints)
{
	const struct ph_module *modules;
	size_t count = ph_image_modules(image, &modules);
	struct ph_hint hint = { .minor_only = true, .source = "the module's file name" };
	bool has_version = false;
	if (candidate->module && ph_is_python_name(candidate->module->name, &hint.version, &has_version) && has_version)
		add_hint(hints, hint);
	hint.source = "another module's file name";
	for (size_t i = 0; i < count; i++)
		if (ph_is_python_name(modules[i].name, &hint.version, &has_version) && has_version)
			add_hint(hints, hint);
}

/* Every version of the tables, the newest first. */
static void add_known(struct ph_hints *hints)
{
	struct ph_hint hint = { .minor_only = true, .guess = true, .source = "trying every known version" };
	for (size_t i = 0; ph_layout_known(i, &hint.version); i++)
		add_hint(hints, hint);
}

void ph_hints_collect(struct ph_image *image, const struct ph_candidate *candidate, const struct ph_version *text,
		      struct ph_hints *ret)
{
	ret->count = 0;
	if (text)
		add_hint(ret, (struct ph_hint){ .version = *text, .source = "the version text in its data" });
	if (candidate->runtime)
		add_debug_offsets(image, candidate, ret);
	if (candidate->module)
		add_version_symbol(image, candidate, ret);
	add_names(image, candidate, ret);
	add_known(ret);
}

/* ---- the text of Py_GetVersion() ---- */

/* "3.11.7 (main, …) [GCC 12.2.0]" in a static buffer of 250 bytes
 * (Python/getversion.c): the version starts at most 200 bytes before the
 * compiler's bracket, after a NUL. */
static bool version_before(const uint8_t *data, size_t bracket, struct ph_version *ret)
{
	size_t start = bracket;
	char text[16] = "";
	while (start > 0 && data[start - 1] && bracket - start < 200)
		start--;
	size_t size = bracket - start;
	memcpy(text, data + start, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
	struct ph_version version;
	const char *rest = parse_minor(text, &version);
	if (!rest || *rest != '.' || !isdigit((unsigned char)rest[1]) || !memchr(data + start, '(', size))
		return false;
	for (rest++; isdigit((unsigned char)*rest); rest++)
		version.micro = (uint8_t)(version.micro * 10 + (*rest - '0'));
	*ret = version;
	return true;
}

static bool version_in(const uint8_t *data, size_t size, struct ph_version *ret)
{
	static const char *const compilers[] = { "[GCC ", "[Clang ", "[clang ", "[MSC v." };
	const uint8_t *end = data + size;
	for (const uint8_t *at = data; (at = memchr(at, '[', (size_t)(end - at))); at++)
		for (size_t i = 0; i < sizeof(compilers) / sizeof(compilers[0]); i++) {
			size_t length = strlen(compilers[i]);
			if ((size_t)(end - at) > length && !memcmp(at, compilers[i], length) &&
			    version_before(data, (size_t)(at - data), ret))
				return true;
		}
	return false;
}

bool ph_find_version_text(struct ph_image *image, const struct ph_module *module, struct ph_version *ret)
{
	struct ph_segment ranges[PH_MAX_RANGES];
	size_t count = ph_image_writable_ranges(image, module, ranges, PH_MAX_RANGES);
	for (size_t i = 0; i < count; i++) {
		size_t size = ph_image_readable(image, ranges[i].start, ranges[i].end - ranges[i].start);
		const uint8_t *data = size ? ph_image_view(image, ranges[i].start, size) : NULL;
		if (data && version_in(data, size, ret))
			return true;
	}
	return false;
}
