/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types without types.json: which there are the column object/type says; what they are called, other members. */
#include "command/heap.h"
#include "command/label.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAXIMUM 4096

struct mending {
	struct ph_heap_view *view;
	struct ph_dump_types *types;
	struct ph_dump_type *instance_of; /* of the line of the closure that was asked for last */
};

static struct ph_dump_type *type_of(struct mending *m, uint32_t index)
{
	return (struct ph_dump_type *)ph_heap_view_type(m->view, index);
}

/* ---- which there are ---- */

static struct ph_error *find_types(struct mending *m)
{
	struct ph_heap_view *view = m->view;
	ph_auto_free uint32_t *instances = calloc(view->count + 1ull, sizeof(*instances));
	size_t count = 0;
	if (!instances)
		return &ph_error_no_memory;
	for (uint32_t i = 0; i < view->count; i++) {
		uint32_t type = ph_heap_type_index(view, i);
		count += type != PH_NO_INDEX && !instances[type]++;
	}
	struct ph_dump_type *types = ph_arena_calloc(&m->types->arena, count + 1, sizeof(*types));
	if (!types)
		return &ph_error_no_memory;
	for (uint32_t i = 0; i < view->count; i++)
		if (instances[i])
			types[m->types->count++] = (struct ph_dump_type){
				.index = i,
				.address = ph_heap_address(view, i),
				.basicsize = -1,
				.itemsize = -1,
				.count = instances[i],
				.is_heap = true,
			};
	m->types->types = types;
	return NULL;
}

/* ---- names ---- */

/* "extm.Box"; builtins without a module. */
static void set_full_name(struct mending *m, struct ph_dump_type *type, const char *name)
{
	const char *dot = strrchr(name, '.');
	type->module = dot ? ph_arena_strndup(&m->types->arena, name, (size_t)(dot - name))
			   : ph_arena_strdup(&m->types->arena, "builtins");
	type->name = ph_arena_strdup(&m->types->arena, dot ? dot + 1 : name);
}

/* Static types are roots: "static type extm.Box". */
static void name_by_roots(struct mending *m)
{
	static const char prefix[] = "static type ";
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(NAME_MAXIMUM);
	if (!ph_heap_has_roots(m->view))
		return;
	for (uint32_t i = 0; i < m->view->root_count; i++) {
		struct ph_heap_root_entry root = ph_heap_root(m->view, i);
		struct ph_dump_type *type = root.kind == PH_ROOT_STATIC_TYPE ? type_of(m, root.object) : NULL;
		if (!type || type->name)
			continue;
		type->is_heap = false;
		ph_buffer_clear(&name);
		if (ph_heap_string(m->view, root.name, &name) && name.size >= sizeof(prefix) &&
		    !memcmp(name.data, prefix, sizeof(prefix) - 1))
			set_full_name(m, type, ph_buffer_text(&name) + sizeof(prefix) - 1);
	}
}

/* How values are written, and what 2.7 calls its builtins, as types.json has it. */
static void set_texts(struct mending *m)
{
	bool is_python2 = false;
	for (size_t i = 0; i < m->types->count; i++) {
		const char *name = m->types->types[i].name;
		is_python2 = is_python2 || (name && !m->types->types[i].is_heap && !strcmp(name, "unicode"));
	}
	for (size_t i = 0; i < m->types->count; i++) {
		struct ph_dump_type *type = &m->types->types[i];
		bool is_builtin = type->name && type->module && !strcmp(type->module, "builtins");
		if (is_builtin && (!strcmp(type->name, "bytes") || !strcmp(type->name, "bytearray")))
			type->value = PH_VALUE_BYTES;
		else if (is_builtin && is_python2 && !strcmp(type->name, "str"))
			type->value = PH_VALUE_STR_OF_2;
		else if (is_builtin && is_python2 && !strcmp(type->name, "unicode"))
			type->value = PH_VALUE_UNICODE_OF_2;
		else if (type->name && type->module && !strcmp(type->module, "numpy") && !strcmp(type->name, "ndarray"))
			type->value = PH_VALUE_DESCRIPTION;
		if (is_builtin && is_python2)
			type->module = ph_arena_strdup(&m->types->arena, "__builtin__");
	}
}

static bool wants(void *self, ph_addr address)
{
	struct mending *m = self;
	uint32_t object = ph_heap_find(m->view, address);
	m->instance_of = object != PH_NO_INDEX ? type_of(m, ph_heap_type_index(m->view, object)) : NULL;
	return m->instance_of && !m->instance_of->name;
}

static bool take(void *self, ph_addr address, const char *type, const char *module)
{
	struct mending *m = self;
	(void)address;
	m->instance_of->name = ph_arena_strdup(&m->types->arena, type);
	m->instance_of->module = ph_arena_strdup(&m->types->arena, module);
	return m->instance_of->name;
}

static bool is_named(struct mending *m, uint32_t object, const char *name)
{
	const struct ph_dump_type *type = ph_heap_type(m->view, object);
	return type && type->name && !strcmp(type->name, name);
}

/* The value of '__module__' in a class's namespace. */
static bool module_in(struct mending *m, uint32_t dict, struct ph_buffer *out)
{
	static const char key[] = "__module__";
	uint32_t first, end;
	struct ph_heap_ref ref;
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(NAME_MAXIMUM);
	ph_heap_edges(m->view, dict, &first, &end);
	for (uint32_t e = first; e < end; e++) {
		if (!ph_heap_edge(m->view, dict, e, &ref) || ref.kind != PH_EDGE_VALUE || ref.argument >= m->view->count)
			continue;
		ph_buffer_clear(&text);
		if (ph_name_text(m->view, ref.argument, &text) && !strcmp(ph_buffer_text(&text), key))
			return ph_name_text(m->view, ref.target, out);
	}
	return false;
}

/* Of a class made at run time: the last str among its members is its qualified name (Include/cpython/object.h: ht_name,
 * then ht_qualname), which member is which being said by types.json alone. */
static void name_by_members(struct mending *m, struct ph_dump_type *type)
{
	uint32_t first, end;
	struct ph_heap_ref ref;
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(NAME_MAXIMUM), module = PH_BUFFER(NAME_MAXIMUM);
	ph_heap_edges(m->view, type->index, &first, &end);
	for (uint32_t e = first; e < end; e++) {
		if (!ph_heap_edge(m->view, type->index, e, &ref) || ref.kind != PH_EDGE_FIELD)
			continue;
		if (is_named(m, ref.target, "str")) {
			ph_buffer_clear(&name);
			(void)ph_name_text(m->view, ref.target, &name);
		} else if (!module.size && is_named(m, ref.target, "dict") && !module_in(m, ref.target, &module)) {
			ph_buffer_clear(&module);
		}
	}
	if (!name.size)
		return;
	type->name = ph_arena_strndup(&m->types->arena, ph_buffer_text(&name), name.size);
	type->module = module.size ? ph_arena_strndup(&m->types->arena, ph_buffer_text(&module), module.size) : NULL;
}

struct ph_error *ph_heap_mend_types(struct ph_heap_view *view)
{
	struct mending m = { .view = view, .types = &view->types };
	ph_dump_types_deinit(&view->types);
	struct ph_error *error = find_types(&m);
	if (error)
		return error;
	view->is_kept = false; /* what is worked out without names is not for keeps */
	name_by_roots(&m);
	set_texts(&m);
	error = ph_dump_closure_types(view->dump, wants, take, &m);
	for (size_t i = 0; !error && i < view->types.count; i++) {
		struct ph_dump_type *type = &view->types.types[i];
		if (!type->name)
			name_by_members(&m, type);
		if (!type->name)
			type->name = ph_arena_printf(&view->types.arena, "<type at 0x%" PRIx64 ">", type->address);
	}
	return error || !view->types.arena.no_memory ? error : &ph_error_no_memory;
}
