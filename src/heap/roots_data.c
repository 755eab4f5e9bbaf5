/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots: objects in the data of modules, and the words there that refer to others. */
#include "heap/roots.h"

#include <inttypes.h>
#include <stdio.h>

#define RANGES 64

struct data {
	struct ph_roots *roots;
	const struct ph_module *module;
	ph_addr skip; /* words below it were seen: they belong to an object, or to an interpreter */
};

const char *ph_roots_place(const struct ph_roots *r, const struct ph_module *module, ph_addr at,
			   char buffer[PH_ROOTS_PLACE])
{
	const char *symbol = ph_image_symbolize(r->target->image, at);
	const char *name = module && *module->name ? module->name : "?";
	if (symbol)
		snprintf(buffer, PH_ROOTS_PLACE, "%.200s of %.200s", symbol, name);
	else
		snprintf(buffer, PH_ROOTS_PLACE, "%.200s+0x%" PRIx64, name, module ? at - module->start : at);
	return buffer;
}

/* An object that lies here: it stands for itself, and its words are edges. */
static bool give_static(struct data *d, ph_addr at)
{
	struct ph_roots *r = d->roots;
	uint64_t index;
	if (!ph_heap_find(r->heap, at, &index))
		return false;
	const struct ph_shape *shape = ph_heap_shape(r->heap, at);
	const struct ph_type *self = shape && shape->is_type ? ph_type_get(r->objects, at) : NULL;
	if (self)
		ph_roots_give(r, at, PH_ROOT_STATIC_TYPE | PH_ROOT_UNCOUNTED, "static type %s", self->full);
	else
		ph_roots_give(r, at, PH_ROOT_STATIC | PH_ROOT_UNCOUNTED, "static object of %s", d->module->name);
	uint64_t size = self ? ph_target_sizeof(r->target, PH_SIZEOF_PyTypeObject) : shape ? shape->size : 16;
	d->skip = at + (size > 16 ? size : 16);
	return true;
}

/* The end of an interpreter's state or of what is scanned elsewhere that holds the address; 0 none. */
static ph_addr interpreter_at(struct ph_roots *r, ph_addr at)
{
	const struct ph_interp_state *interps;
	size_t count = r->runtime ? ph_runtime_interpreters(r->runtime, &interps) : 0;
	uint64_t size = ph_target_sizeof(r->target, PH_SIZEOF_PyInterpreterState);
	for (size_t i = 0; i < count; i++)
		if (at >= interps[i].address && at - interps[i].address < size)
			return interps[i].address + size;
	return 0;
}

/* {name: name}: the dict of interned strings, in a local variable up to 3.11 (Objects/unicodeobject.c). */
static bool is_interned_dict(struct ph_roots *r, ph_addr dict)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	unsigned same = 0;
	if (ph_dict_begin(r->objects, dict, &iter) != PH_OK)
		return false;
	while (same < 32 && ph_dict_next(&iter, &key, &value)) {
		if (key != value)
			return false;
		same++;
	}
	return same >= 32;
}

static void give_word(struct data *d, ph_addr at, ph_addr word)
{
	struct ph_roots *r = d->roots;
	const struct ph_target *t = r->target;
	char name[PH_ROOTS_PLACE];
	uint64_t index, runtime_size = ph_target_sizeof(t, PH_SIZEOF_PyRuntimeState);
	if (!ph_heap_find(r->heap, word, &index))
		return;
	if (ph_roots_ring_end(r, at))
		return;
	ph_addr behind = d->module == t->module ? ph_roots_free_list_of_data(r, at, word) : 0;
	if (behind) {
		d->skip = behind;
		return;
	}
	const char *symbol = ph_image_symbolize(t->image, at);
	uint64_t place;
	/* 2.7 and 3.6, Python/ceval.c: pendingcalls[32], of a function and its argument each */
	if (d->module == t->module && symbol && sscanf(symbol, "pendingcalls+0x%" SCNx64, &place) == 1) {
		ph_roots_give(r, word, PH_ROOT_PENDING_CALL, "pending call %" PRIu64,
			      place / (2 * t->layout.abi.pointer_size));
		return;
	}
	if (t->runtime && at >= t->runtime && at - t->runtime < runtime_size)
		ph_roots_give(r, word, PH_ROOT_RUNTIME, "_PyRuntime+0x%" PRIx64, at - t->runtime);
	else if (d->module == t->module && is_interned_dict(r, word))
		ph_roots_give(r, word, PH_ROOT_INTERNED, "interned strings");
	else
		ph_roots_give(r, word, PH_ROOT_C_GLOBAL, "%s", ph_roots_place(r, d->module, at, name));
}

static void scan(struct data *d, const struct ph_segment *range)
{
	struct ph_roots *r = d->roots;
	unsigned width = r->target->layout.abi.pointer_size;
	ph_addr at = (range->start + width - 1) & ~(ph_addr)(width - 1);
	for (; !r->error && at < range->end; at += width) {
		ph_addr word, behind = at < d->skip ? d->skip : interpreter_at(r, at);
		if (behind > at) {
			at = ((behind + width - 1) & ~(ph_addr)(width - 1)) - width;
			continue;
		}
		if (give_static(d, at))
			continue;
		if (ph_target_read_ptr(r->target, at, &word) != PH_OK) {
			at |= 4095 & ~(ph_addr)(width - 1);
			continue;
		}
		give_word(d, at, word);
	}
}

void ph_roots_modules_data(struct ph_roots *r)
{
	const struct ph_module *modules;
	size_t count = ph_image_modules(r->target->image, &modules);
	struct ph_segment ranges[RANGES];
	for (size_t i = 0; i < count && !r->error; i++) {
		struct data data = { .roots = r, .module = &modules[i] };
		size_t n = ph_image_writable_ranges(r->target->image, &modules[i], ranges, RANGES);
		for (size_t j = 0; j < n; j++)
			scan(&data, &ranges[j]);
	}
}
