/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "object/code.h"

#include <string.h>

/* ---- loading ---- */

/* PyFrameObject up to 3.10: Include/frameobject.h, PyFrame_GetLineNumber() in Objects/frameobject.c. */
static enum ph_status load_frame_object(struct ph_objects *objects, ph_addr address, struct ph_frame_state *ret)
{
	struct ph_target *target = ph_objects_target(objects);
	struct ph_struct s;
	enum ph_status status =
		ph_struct_load(target, address, (size_t)ph_target_at(target, 0, PH_PyFrameObject_f_localsplus), &s);
	if (status != PH_OK)
		return status;

	struct ph_frame_state state = {
		.address = address,
		.frame_object = address,
		.previous = ph_struct_ptr(&s, PH_PyFrameObject_f_back),
		.code = ph_code_get(objects, ph_struct_ptr(&s, PH_PyFrameObject_f_code)),
		.globals = ph_struct_ptr(&s, PH_PyFrameObject_f_globals),
		.namespace = ph_struct_ptr(&s, PH_PyFrameObject_f_locals),
		.localsplus = ph_target_at(target, address, PH_PyFrameObject_f_localsplus),
		.lasti = ph_struct_int(&s, PH_PyFrameObject_f_lasti) *
			 ph_target_trait(target, PH_TRAIT_FRAME_LASTI_UNIT),
	};
	if (ph_struct_ptr(&s, PH_PyFrameObject_f_trace))
		state.line = (int)ph_struct_int(&s, PH_PyFrameObject_f_lineno);
	*ret = state;
	return PH_OK;
}

/* _PyStackRef of Include/internal/pycore_stackref.h (3.14 on): bit 0 says that no reference count is held (alone it is
 * NULL), 2 is no reference to an object, 3 an int that fits. */
ph_addr ph_untag_ref(const struct ph_target *target, ph_addr ref)
{
	if (ph_target_trait(target, PH_TRAIT_FRAME_LOCALS_TAGGED) <= 0)
		return ref;
	return ref & 2 ? 0 : ref & ~(ph_addr)1;
}

/* The code object of an interpreter frame: f_code, or since 3.13 f_executable, which is None for a shim. */
static const struct ph_code *interpreter_frame_code(struct ph_objects *objects, const struct ph_struct *s)
{
	struct ph_target *target = ph_objects_target(objects);
	bool executable = ph_target_has(target, PH_PyInterpreterFrame_f_executable);
	ph_addr code = ph_struct_ptr(s, executable ? PH_PyInterpreterFrame_f_executable : PH_PyInterpreterFrame_f_code);
	return ph_code_get(objects, ph_untag_ref(target, code));
}

/* A shim on the C stack: 3.14 has the interpreter's entry and the C stack's, in that order. */
static bool is_of_c(const struct ph_target *target, const struct ph_struct *s)
{
	int32_t c_owner = ph_target_trait(target, PH_TRAIT_FRAME_OWNER_CSTACK);
	return c_owner >= 0 && ph_struct_int(s, PH_PyInterpreterFrame_owner) >= c_owner;
}

/* _PyFrame_IsIncomplete() of Include/internal/pycore_frame.h: part way through making cells or a generator. */
static bool is_hidden(const struct ph_target *target, const struct ph_struct *s, const struct ph_frame_state *state)
{
	int64_t owner = ph_struct_int(s, PH_PyInterpreterFrame_owner);
	if (is_of_c(target, s))
		return true;
	return owner != ph_target_trait(target, PH_TRAIT_FRAME_OWNER_GENERATOR) && state->code &&
	       state->lasti < state->code->first_traceable;
}

/* Where the bytecode that a frame runs begins.  Free-threaded builds copy a code object's for each thread, to
 * specialise it (_PyFrame_GetBytecode() in Include/internal/pycore_interpframe.h, 3.14). */
static ph_addr bytecode_of(struct ph_target *target, const struct ph_struct *s, const struct ph_code *code)
{
	ph_addr copies = 0, copy = 0;
	int64_t size = 0, index = 0;
	if (!ph_target_has(target, PH_PyInterpreterFrame_tlbc_index))
		return code->bytecode;
	index = ph_struct_int(s, PH_PyInterpreterFrame_tlbc_index);
	if (index <= 0 || ph_target_ptr(target, code->address, PH_PyCodeObject_co_tlbc, &copies) != PH_OK ||
	    ph_target_int(target, copies, PH_PyCodeArray_size, &size) != PH_OK || index >= size ||
	    ph_target_read_ptr(target, ph_target_at(target, copies, PH_PyCodeArray_entries) +
				       (ph_addr)index * target->layout.abi.pointer_size, &copy) != PH_OK)
		return code->bytecode;
	return copy;
}

/* _PyInterpreterFrame since 3.11. */
static enum ph_status load_interpreter_frame(struct ph_objects *objects, ph_addr address, struct ph_frame_state *ret)
{
	struct ph_target *target = ph_objects_target(objects);
	struct ph_struct s;
	enum ph_status status = ph_struct_load(
		target, address, (size_t)ph_target_at(target, 0, PH_PyInterpreterFrame_localsplus), &s);
	if (status != PH_OK)
		return status;

	struct ph_frame_state state = {
		.address = address,
		.frame_object = ph_struct_ptr(&s, PH_PyInterpreterFrame_frame_obj),
		.previous = ph_struct_ptr(&s, PH_PyInterpreterFrame_previous),
		.code = interpreter_frame_code(objects, &s),
		.globals = ph_struct_ptr(&s, PH_PyInterpreterFrame_f_globals),
		.namespace = ph_struct_ptr(&s, PH_PyInterpreterFrame_f_locals),
		.localsplus = ph_target_at(target, address, PH_PyInterpreterFrame_localsplus),
	};
	if (state.code) {
		/* _PyInterpreterFrame_LASTI(): both are counted from the code's start */
		ph_addr at = ph_struct_ptr(&s, ph_target_has(target, PH_PyInterpreterFrame_instr_ptr) ?
						       PH_PyInterpreterFrame_instr_ptr :
						       PH_PyInterpreterFrame_prev_instr);
		state.lasti = (int64_t)(at - bytecode_of(target, &s, state.code));
	}
	state.hidden = is_hidden(target, &s, &state);
	state.begins_loop = ph_target_has(target, PH_PyInterpreterFrame_is_entry) ?
		ph_struct_uint(&s, PH_PyInterpreterFrame_is_entry) != 0 : is_of_c(target, &s);
	if (state.hidden)
		state.frame_object = state.globals = state.namespace = 0; /* only valid if not on the C stack */
	uint64_t trace = 0;
	int64_t line = 0;
	if (state.frame_object &&
	    ph_target_uint(target, state.frame_object, PH_PyFrameObject_f_trace, &trace) == PH_OK && trace &&
	    ph_target_int(target, state.frame_object, PH_PyFrameObject_f_lineno, &line) == PH_OK)
		state.line = (int)line;
	*ret = state;
	return PH_OK;
}

enum ph_status ph_frame_load(struct ph_objects *objects, ph_addr address, struct ph_frame_state *ret)
{
	if (ph_target_has(ph_objects_target(objects), PH_PyInterpreterFrame_localsplus))
		return load_interpreter_frame(objects, address, ret);
	return load_frame_object(objects, address, ret);
}

enum ph_status ph_frame_load_object(struct ph_objects *objects, ph_addr frame_object, struct ph_frame_state *ret)
{
	struct ph_target *target = ph_objects_target(objects);
	if (!ph_target_has(target, PH_PyFrameObject_f_frame))
		return ph_frame_load(objects, frame_object, ret);
	ph_addr frame = 0;
	enum ph_status status = ph_target_ptr(target, frame_object, PH_PyFrameObject_f_frame, &frame);
	if (status == PH_OK)
		status = ph_frame_load(objects, frame, ret);
	if (status == PH_OK)
		ret->frame_object = frame_object;
	return status;
}

/* The head of PyGenObject is that of coroutines and async generators too (_PyGenObject_HEAD). */
enum ph_status ph_frame_load_generator(struct ph_objects *objects, ph_addr generator, struct ph_frame_state *ret)
{
	struct ph_target *target = ph_objects_target(objects);
	if (ph_target_has(target, PH_PyGenObject_gi_iframe)) {
		int64_t state = 0;
		enum ph_status status = ph_target_int(target, generator, PH_PyGenObject_gi_frame_state, &state);
		if (status != PH_OK)
			return status;
		if (state == ph_target_trait(target, PH_TRAIT_GEN_COMPLETED) ||
		    state == ph_target_trait(target, PH_TRAIT_GEN_CLEARED))
			return PH_ABSENT;
		return ph_frame_load(objects, ph_target_at(target, generator, PH_PyGenObject_gi_iframe), ret);
	}
	ph_addr frame = 0;
	enum ph_status status = ph_target_ptr(target, generator, PH_PyGenObject_gi_frame, &frame);
	if (status != PH_OK)
		return status;
	return frame ? ph_frame_load(objects, frame, ret) : PH_ABSENT;
}

/* ---- as a record ---- */

struct ph_position ph_frame_position(struct ph_objects *objects, const struct ph_frame_state *state)
{
	struct ph_position position = { .column = -1, .end_column = -1 };
	if (!state->code)
		return position;
	position = ph_code_position(objects, state->code, state->lasti);
	if (state->line > 0 && state->line != position.line)
		position = (struct ph_position){
			.line = state->line, .end_line = state->line, .column = -1, .end_column = -1
		};
	return position;
}

/* What a cell holds; 0 for an empty one. */
static ph_addr cell_contents(struct ph_objects *objects, ph_addr cell)
{
	ph_addr contents = 0;
	(void)ph_target_ptr(ph_objects_target(objects), cell, PH_PyCellObject_ob_ref, &contents);
	return contents;
}

/* Where the types' names were left out of the core, the shape has to do. */
static bool is_cell(struct ph_objects *objects, ph_addr object)
{
	const struct ph_target *target = ph_objects_target(objects);
	const struct ph_type *type = ph_object_type(objects, object);
	if (!type || type->kind == PH_KIND_CELL)
		return type != NULL;
	int32_t gc = ph_target_trait(target, PH_TRAIT_TPFLAG_HAVE_GC);
	return !type->decoder && !type->is_heap && !type->itemsize && gc >= 0 && type->flags >> gc & 1 &&
	       (size_t)type->basicsize == ph_target_sizeof(target, PH_SIZEOF_PyCellObject);
}

/* The value of a fast local as frame_get_var() of Objects/frameobject.c gives
 * it; 0 unbound.  A local that becomes a cell (an argument, a variable of an
 * inlined comprehension) may not have become one yet. */
static ph_addr fast_local(struct ph_objects *objects, ph_addr value, uint8_t kind)
{
	if (!value || !(kind & (PH_FAST_CELL | PH_FAST_FREE)))
		return value;
	if (kind & PH_FAST_LOCAL && !is_cell(objects, value))
		return value;
	return cell_contents(objects, value);
}

static enum ph_local_kind local_kind(const struct ph_code *code, size_t index)
{
	uint8_t kind = code->localsplus_kinds[index];
	if (kind & PH_FAST_FREE)
		return PH_LOCAL_FREE;
	if (index < (size_t)code->argcount)
		return PH_LOCAL_ARGUMENT;
	if (!(kind & PH_FAST_CELL))
		return PH_LOCAL_LOCAL;
	/* up to 3.10 an argument that an inner function uses is in a cell behind the locals, under the same name */
	const char *name = code->localsplus_names[index];
	for (size_t i = 0; name && i < (size_t)code->argcount; i++)
		if (code->localsplus_names[i] && !strcmp(code->localsplus_names[i], name))
			return PH_LOCAL_ARGUMENT;
	return PH_LOCAL_CELL;
}

/* Where the next local goes.  2.7 copies an argument into its cell and leaves the
 * argument's own slot as it was (PyEval_EvalCodeEx of Python/ceval.c; 3.x clears
 * it): the cell is the variable then, as in locals().  It has at most 255 arguments. */
static struct ph_local *place_of(struct ph_frame *frame, const struct ph_code *code, size_t index)
{
	if (code->localsplus_kinds[index] & PH_FAST_CELL)
		for (size_t i = 0; i < frame->local_count && i < 255; i++)
			if (frame->locals[i].name && !strcmp(frame->locals[i].name, code->localsplus_names[index]))
				return &frame->locals[i];
	return &frame->locals[frame->local_count++];
}

static enum ph_status record_locals(struct ph_objects *objects, const struct ph_frame_state *state,
				    struct ph_arena *arena, struct ph_frame *frame)
{
	const struct ph_target *target = ph_objects_target(objects);
	const struct ph_code *code = state->code;
	size_t width = target->layout.abi.pointer_size;
	size_t count = code->localsplus_count;
	if (!count)
		return PH_OK;
	size_t readable = ph_image_readable(target->image, state->localsplus, count * width) / width;
	enum ph_status status = readable < count ? PH_UNMAPPED : PH_OK;

	frame->locals = ph_arena_array(arena, struct ph_local, readable);
	for (size_t i = 0; frame->locals && i < readable; i++) {
		ph_addr value = 0;
		if (code->localsplus_kinds[i] & PH_FAST_HIDDEN || !code->localsplus_names[i] ||
		    ph_target_read_ptr(target, state->localsplus + i * width, &value) != PH_OK)
			continue;
		value = fast_local(objects, ph_untag_ref(target, value), code->localsplus_kinds[i]);
		if (!value)
			continue;
		const struct ph_type *type = ph_object_type(objects, value);
		*place_of(frame, code, i) = (struct ph_local){
			.name = ph_arena_strdup(arena, code->localsplus_names[i]),
			.kind = local_kind(code, i),
			.address = value,
			.type = type ? ph_arena_strdup(arena, type->full) : NULL,
		};
	}
	return status;
}

/* What a program calls its variables: no dunder names, and nothing that is only its code. */
static bool is_variable(const char *name, const struct ph_type *type)
{
	if (!strncmp(name, "__", 2))
		return false;
	return !type || !(type->kind == PH_KIND_MODULE || type->kind == PH_KIND_FUNCTION ||
			  type->kind == PH_KIND_TYPE || type->is_type || !strcmp(type->full, "classobj"));
}

/* The variables of a module, a class body or exec()'s namespace, in its order. */
static enum ph_status record_namespace(struct ph_objects *objects, struct ph_arena *arena, struct ph_frame *frame)
{
	enum { MAX_ENTRIES = 20000 }; /* looked at */
	struct ph_dict_iter iter;
	ph_addr key, value;
	enum ph_status status = ph_dict_begin(objects, frame->namespace, &iter);
	/* f_locals may be any mapping */
	if (status != PH_OK)
		return ph_is_dict(objects, frame->namespace) ? status : PH_OK;
	size_t capacity = iter.count < PH_NAMESPACE_MAXIMUM ? iter.count : PH_NAMESPACE_MAXIMUM;
	frame->locals = ph_arena_array(arena, struct ph_local, capacity);
	for (size_t i = 0; frame->locals && i < MAX_ENTRIES && ph_dict_next(&iter, &key, &value); i++) {
		const struct ph_type *type = value ? ph_object_type(objects, value) : NULL;
		const char *name = value ? ph_str_get(objects, key, arena) : NULL;
		if (!name || !is_variable(name, type))
			continue;
		if (frame->local_count == capacity) {
			frame->locals_omitted++;
			continue;
		}
		frame->locals[frame->local_count++] = (struct ph_local){
			.name = name,
			.kind = PH_LOCAL_LOCAL,
			.address = value,
			.type = type ? ph_arena_strdup(arena, type->full) : NULL,
		};
	}
	return iter.status;
}

/* globals()['__name__'], kept per dict. */
static const char *module_name(struct ph_objects *objects, ph_addr globals)
{
	struct ph_code_cache *cache = ph_objects_code_cache(objects);
	if (!globals)
		return NULL;
	uint64_t *known = ph_addrmap_find(&cache->modules, globals);
	if (known)
		return (const char *)(uintptr_t)*known;
	const char *name = ph_str_get(objects, ph_dict_get(objects, globals, "__name__"), &cache->arena);
	(void)ph_addrmap_set(&cache->modules, globals, (uint64_t)(uintptr_t)name, true);
	return name;
}

enum ph_status ph_frame_record(struct ph_objects *objects, const struct ph_frame_state *state, struct ph_arena *arena,
			       struct ph_frame *ret)
{
	uint32_t optimized = (uint32_t)ph_target_trait(ph_objects_target(objects), PH_TRAIT_CO_FLAG_OPTIMIZED);
	struct ph_position position = ph_frame_position(objects, state);
	struct ph_frame frame = {
		.line = position.line,
		.end_line = position.end_line,
		.column = position.column,
		.end_column = position.end_column,
		.address = state->frame_object ? state->frame_object : state->address,
		.loop = state->loop,
		.globals = state->globals,
		.module = ph_arena_strdup(arena, module_name(objects, state->globals)),
	};
	enum ph_status status = PH_CORRUPT;
	if (state->code) {
		frame.code = state->code->address;
		frame.function = ph_arena_strdup(arena, state->code->name);
		frame.qualname = ph_arena_strdup(arena, state->code->qualname);
		frame.file = ph_arena_strdup(arena, state->code->filename);
		status = PH_OK;
		if (state->code->flags & optimized)
			status = record_locals(objects, state, arena, &frame);
		else
			frame.namespace = state->namespace;
		if (frame.namespace)
			status = record_namespace(objects, arena, &frame);
	}
	*ret = frame;
	return status;
}
