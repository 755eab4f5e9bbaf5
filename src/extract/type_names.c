/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of types, for a debugger to complete: those that the dicts of modules have.  Without a walk over the heap. */
#include "extract/extract.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAXIMUM 200000
#define MODULE_MAXIMUM 20000 /* names of one module that are looked at */

struct names {
	struct ph_extract *extract;
	struct ph_addrmap seen;
	const char **names; /* the types' own */
	size_t count, capacity;
	bool no_memory;
};

static void take(struct names *n, ph_addr object)
{
	bool aligned = ph_target_is_aligned(&n->extract->detected.target, object);
	const struct ph_type *metatype = object && aligned ? ph_object_type(n->extract->objects, object) : NULL;
	if (!metatype || !metatype->is_type || n->count == NAMES_MAXIMUM || !ph_addrmap_add(&n->seen, object))
		return;
	const struct ph_type *type = ph_type_get(n->extract->objects, object);
	if (!type || !type->full || strpbrk(type->full, "\n "))
		return;
	if (n->count == n->capacity) {
		size_t capacity = n->capacity ? 2 * n->capacity : 1024;
		void *names = realloc(n->names, capacity * sizeof(*n->names));
		if (!names) {
			n->no_memory = true;
			return;
		}
		n->names = names;
		n->capacity = capacity;
	}
	n->names[n->count++] = type->full;
}

static void take_module(struct names *n, ph_addr module)
{
	static const struct ph_value_limits limits = { .children = MODULE_MAXIMUM, .characters = 0 };
	struct ph_value value = PH_VALUE_INIT;
	ph_source_value(&n->extract->source, module, &limits, &value);
	for (size_t i = 0; i < value.attribute_count; i++)
		take(n, value.attributes[i].value);
	for (size_t i = 0; value.kind == PH_KIND_DICT && i < value.pair_count; i++)
		take(n, value.pairs[i].value);
	ph_value_deinit(&value);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct ph_error *ph_extract_type_names(struct ph_extract *extract, struct ph_buffer *out)
{
	static const struct ph_value_limits limits = { .children = MODULE_MAXIMUM, .characters = 0 };
	struct names n = { .extract = extract };
	struct ph_value modules = PH_VALUE_INIT;
	const struct ph_interp_state *interps;
	size_t count = extract->runtime ? ph_runtime_interpreters(extract->runtime, &interps) : 0;
	for (size_t i = 0; i < count; i++) {
		take_module(&n, interps[i].builtins);
		ph_source_value(&extract->source, interps[i].modules, &limits, &modules);
		for (size_t k = 0; modules.kind == PH_KIND_DICT && k < modules.pair_count; k++)
			take_module(&n, modules.pairs[k].value);
	}
	if (n.count)
		qsort(n.names, n.count, sizeof(*n.names), compare);
	for (size_t i = 0; i < n.count; i++) {
		if (i && !strcmp(n.names[i], n.names[i - 1]))
			continue;
		ph_buffer_puts(out, n.names[i]);
		ph_buffer_putc(out, '\n');
	}
	ph_value_deinit(&modules);
	ph_addrmap_deinit(&n.seen);
	free(n.names);
	return n.no_memory ? &ph_error_no_memory : NULL;
}
