/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The export directory of a module that Windows loaded: NumberOfFunctions at 20, NumberOfNames at 24,
 * then the RVAs of the functions, of the names, which are sorted, and of the names' ordinals. */
#include "image/backend.h"

#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

#define MAX_NAME 512
#define MAX_EXPORTS 65536u

struct export_table {
	struct ph_image *image;
	ph_addr base;
	struct ph_pe_exports directory;
	uint32_t function_count, name_count, functions, names, ordinals;
};

static bool load_uint(const struct export_table *t, uint64_t rva, size_t size, uint32_t *ret)
{
	uint8_t bytes[4];
	if (ph_image_read(t->image, t->base + rva, bytes, size) != PH_OK)
		return false;
	*ret = (uint32_t)ph_load_uint(bytes, size, false);
	return true;
}

static bool open_table(struct ph_image *image, const struct ph_module *module, struct export_table *ret)
{
	const struct ph_module_state *state = &image->module_states[module - image->modules];
	if (!state->exports.rva)
		ph_image_module_file(image, module);
	struct export_table t = { .image = image, .base = module->bias, .directory = state->exports };
	uint64_t at = t.directory.rva;
	if (!at || !load_uint(&t, at + 20, 4, &t.function_count) || !load_uint(&t, at + 24, 4, &t.name_count) ||
	    !load_uint(&t, at + 28, 4, &t.functions) || !load_uint(&t, at + 32, 4, &t.names) ||
	    !load_uint(&t, at + 36, 4, &t.ordinals) || t.name_count > MAX_EXPORTS || t.function_count > MAX_EXPORTS)
		return false;
	*ret = t;
	return true;
}

/* The RVA of the index'th name's function; 0 for what another module has (a forwarder, which points into the
 * directory). */
static uint32_t function_of(const struct export_table *t, uint32_t index)
{
	uint32_t ordinal, rva;
	if (!load_uint(t, t->ordinals + 2ull * index, 2, &ordinal) || ordinal >= t->function_count ||
	    !load_uint(t, t->functions + 4ull * ordinal, 4, &rva))
		return 0;
	return rva - t->directory.rva < t->directory.size ? 0 : rva;
}

static bool name_of(const struct export_table *t, uint32_t index, char name[MAX_NAME])
{
	uint32_t rva;
	return load_uint(t, t->names + 4ull * index, 4, &rva) &&
	       ph_image_read_string(t->image, t->base + rva, name, MAX_NAME) == PH_OK;
}

ph_addr ph_pe_symbol(struct ph_image *image, const struct ph_module *module, const char *name)
{
	struct export_table t;
	char found[MAX_NAME];
	if (!open_table(image, module, &t))
		return 0;
	uint32_t low = 0, high = t.name_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (!name_of(&t, middle, found))
			return 0;
		int order = strcmp(found, name);
		if (!order) {
			uint32_t rva = function_of(&t, middle);
			return rva ? module->bias + rva : 0;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

const char *ph_pe_nearest(struct ph_image *image, const struct ph_module *module, ph_addr address, uint64_t *ret_offset)
{
	struct export_table t;
	char name[MAX_NAME];
	uint32_t best = 0, best_rva = 0;
	if (address < module->bias || address - module->bias > UINT32_MAX || !open_table(image, module, &t))
		return NULL;
	uint32_t wanted = (uint32_t)(address - module->bias);
	for (uint32_t i = 0; i < t.name_count; i++) {
		uint32_t rva = function_of(&t, i);
		if (rva && rva <= wanted && rva > best_rva) {
			best = i;
			best_rva = rva;
		}
	}
	if (!best_rva || !name_of(&t, best, name))
		return NULL;
	*ret_offset = wanted - best_rva;
	return ph_image_intern(image, name);
}
