/* SPDX-License-Identifier: GPL-3.0-or-later */
/* References of frames, generators, modules, types and other objects of the interpreter.  frame_traverse() in
 * Objects/frameobject.c, _PyFrame_Traverse() in Python/frame.c, gen_traverse() in Objects/genobject.c,
 * module_traverse() in Objects/moduleobject.c, type_traverse() in Objects/typeobject.c, lru_cache_tp_traverse() in
 * Modules/_functoolsmodule.c. */
#include "object/visit.h"

/* A frame of more locals, or a cache with more links, is a lie. */
#define STATE_MAXIMUM 4096
#define LOCALS_MAXIMUM (1 << 24)
#define LINKS_MAXIMUM (1 << 26)

/* Locals and value stack of 3.14 on: tagged, up to a pointer. */
static void tagged_locals(const struct ph_visit *v, ph_addr frame)
{
	const struct ph_target *t = v->target;
	ph_addr locals = ph_target_at(t, frame, PH_PyInterpreterFrame_localsplus), ref;
	ph_addr top = ph_read_ptr(v->objects, frame, PH_PyInterpreterFrame_stackpointer);
	uint64_t width = t->layout.abi.pointer_size, count = top > locals ? (top - locals) / width : 0;
	if (count > LOCALS_MAXIMUM)
		return;
	for (uint64_t i = 0; i < count && ph_target_read_ptr(t, locals + i * width, &ref) == PH_OK; i++)
		ph_visit_edge(v, ph_untag_ref(t, ref), PH_EDGE_LOCAL, i, false);
}

static void interpreter_frame(const struct ph_visit *v, ph_addr frame)
{
	static const enum ph_field members[] = {
		PH_PyInterpreterFrame_frame_obj, PH_PyInterpreterFrame_f_locals,     PH_PyInterpreterFrame_f_func,
		PH_PyInterpreterFrame_f_funcobj, PH_PyInterpreterFrame_f_executable, PH_PyInterpreterFrame_f_code,
	};
	const struct ph_target *t = v->target;
	int64_t top = 0;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		ph_visit_edge(v, ph_untag_ref(t, ph_read_ptr(v->objects, frame, members[i])), PH_EDGE_FIELD, members[i],
			      false);
	if (ph_target_has(t, PH_PyInterpreterFrame_stackpointer))
		tagged_locals(v, frame);
	if (ph_target_int(t, frame, PH_PyInterpreterFrame_stacktop, &top) == PH_OK && top > 0 && top < LOCALS_MAXIMUM)
		ph_visit_array(v, ph_target_at(t, frame, PH_PyInterpreterFrame_localsplus), (uint64_t)top,
			       PH_EDGE_LOCAL);
}

static void old_frame(const struct ph_visit *v)
{
	const struct ph_target *t = v->target;
	uint64_t width = t->layout.abi.pointer_size;
	ph_addr locals = ph_target_at(t, v->object, PH_PyFrameObject_f_localsplus);
	ph_addr stack = ph_struct_ptr(&v->s, PH_PyFrameObject_f_valuestack);
	uint64_t count = stack > locals ? (stack - locals) / width : 0, depth = 0;
	if (!locals || count > LOCALS_MAXIMUM)
		return;
	ph_visit_array(v, locals, count, PH_EDGE_LOCAL);
	if (ph_target_has(t, PH_PyFrameObject_f_stacktop)) {
		ph_addr top = ph_struct_ptr(&v->s, PH_PyFrameObject_f_stacktop);
		depth = top > stack ? (top - stack) / width : 0;
	} else {
		int64_t declared = ph_struct_int(&v->s, PH_PyFrameObject_f_stackdepth);
		depth = declared > 0 ? (uint64_t)declared : 0;
	}
	if (depth < LOCALS_MAXIMUM)
		ph_visit_array(v, stack, depth, PH_EDGE_STACK);
}

void ph_visit_frame(const struct ph_visit *v)
{
	uint64_t owner;
	ph_addr frame;
	if (!ph_target_has(v->target, PH_PyFrameObject_f_frame)) {
		old_frame(v);
		return;
	}
	frame = ph_struct_ptr(&v->s, PH_PyFrameObject_f_frame);
	if (ph_target_uint(v->target, frame, PH_PyInterpreterFrame_owner, &owner) == PH_OK &&
	    (int64_t)owner == ph_target_trait(v->target, PH_TRAIT_FRAME_OWNER_FRAME_OBJECT))
		interpreter_frame(v, frame);
}

static void stack_item(const struct ph_visit *v, ph_addr item)
{
	static const enum ph_field members[] = {
		PH_PyErr_StackItem_exc_type, PH_PyErr_StackItem_exc_value, PH_PyErr_StackItem_exc_traceback,
	};
	for (size_t i = 0; item && i < sizeof(members) / sizeof(*members); i++)
		ph_visit_edge(v, ph_read_ptr(v->objects, item, members[i]), PH_EDGE_FIELD, members[i], false);
}

void ph_visit_generator(const struct ph_visit *v)
{
	const struct ph_target *t = v->target;
	stack_item(v, ph_target_at(t, v->object, PH_PyGenObject_gi_exc_state));
	if (!ph_target_has(t, PH_PyGenObject_gi_iframe))
		return;
	ph_addr frame = ph_target_at(t, v->object, PH_PyGenObject_gi_iframe);
	int64_t state = (int8_t)ph_struct_int(&v->s, PH_PyGenObject_gi_frame_state);
	if (state < ph_target_trait(t, PH_TRAIT_GEN_CLEARED))
		interpreter_frame(v, frame);
	else
		ph_visit_edge(v, ph_untag_ref(t, ph_read_ptr(v->objects, frame, PH_PyInterpreterFrame_f_executable)),
			      PH_EDGE_FIELD, PH_PyInterpreterFrame_f_executable,
			      ph_target_trait(t, PH_TRAIT_GEN_FINISHED_VISITS_CODE) != 1);
}

/* A capsule may have a function that visits what its pointer leads to (_PyCapsule_SetTraverse() of 3.13).  The only one
 * in CPython, sock_capi_traverse() of Modules/socketmodule.c, visits the first word: guessed. */
void ph_visit_capsule(const struct ph_visit *v)
{
	if (ph_struct_ptr(&v->s, PH_PyCapsule_traverse_func))
		ph_visit_guess(v, ph_struct_ptr(&v->s, PH_PyCapsule_pointer), v->target->layout.abi.pointer_size,
			       PH_EDGE_GUESSED);
}

/* atexitmodule_state of Modules/atexitmodule.c up to 3.9: pointers to atexit_callback, and how many. */
static void visit_atexit(const struct ph_visit *v, ph_addr state)
{
	enum { CALLBACKS = 1024, WORDS = 3 };
	uint64_t width = v->target->layout.abi.pointer_size;
	ph_addr table, item, words[WORDS];
	const uint8_t *count = ph_image_view(v->target->image, state + width, 4);
	if (!count || ph_target_read_ptr(v->target, state, &table) != PH_OK)
		return;
	uint64_t n = ph_load_uint(count, 4, v->target->layout.abi.big_endian);
	for (uint64_t i = 0; i < n && i < CALLBACKS; i++)
		if (ph_target_read_ptr(v->target, table + i * width, &item) == PH_OK &&
		    ph_target_read_ptrs(v->target, item, WORDS, words) == PH_OK)
			for (unsigned j = 0; j < WORDS; j++)
				ph_visit_edge(v, words[j], PH_EDGE_STATE, 0, false);
}

/* signal_map and cond_map of Modules/_decimal/_decimal.c since 3.13: DecCondMap, a name, another one or NULL, a flag and
 * the exception; without a name behind the last. */
static void visit_decimal(const struct ph_visit *v, ph_addr state, uint64_t size)
{
	enum { NAME, OTHER_NAME, FLAG, EXCEPTION, WORDS, MAP = 32, LEAST_ADDRESS = 1 << 20, FLAGS = 1 << 20 };
	uint64_t width = v->target->layout.abi.pointer_size;
	for (uint64_t at = 0; at + width <= size && at < STATE_MAXIMUM; at += width) {
		ph_addr table, words[WORDS];
		if (ph_target_read_ptr(v->target, state + at, &table) != PH_OK || table & (width - 1))
			continue;
		for (unsigned i = 0; i < MAP; i++) {
			if (ph_target_read_ptrs(v->target, table + i * WORDS * width, WORDS, words) != PH_OK ||
			    words[NAME] < LEAST_ADDRESS || !words[FLAG] || words[FLAG] >= FLAGS)
				break;
			ph_visit_edge(v, words[EXCEPTION], PH_EDGE_STATE, at, false);
		}
	}
}

/* The references in a module's state are visited by a function of the module's own: guessed. */
void ph_visit_module(const struct ph_visit *v)
{
	ph_addr def = ph_struct_ptr(&v->s, PH_PyModuleObject_md_def);
	ph_addr state = ph_struct_ptr(&v->s, PH_PyModuleObject_md_state);
	int64_t size = def ? ph_read_int(v->objects, def, PH_PyModuleDef_m_size) : 0;
	ph_addr traverse = def ? ph_read_ptr(v->objects, def, PH_PyModuleDef_m_traverse) : 0;
	/* since 3.15 */
	if (ph_target_has(v->target, PH_PyModuleObject_md_state_size)) {
		size = ph_struct_int(&v->s, PH_PyModuleObject_md_state_size);
		traverse = ph_struct_ptr(&v->s, PH_PyModuleObject_md_state_traverse);
	}
	if (!state || size <= 0 || !traverse)
		return;
	ph_visit_guess(v, state, (uint64_t)size, PH_EDGE_STATE);
	ph_addr name = ph_struct_ptr(&v->s, PH_PyModuleObject_md_name);
	if (ph_str_equals(v->objects, name, "atexit"))
		visit_atexit(v, state);
	else if (ph_str_equals(v->objects, name, "_decimal"))
		visit_decimal(v, state, (uint64_t)size);
}

/* CDataType_traverse() of Modules/_ctypes/_ctypes.c, up to 3.12: what a pointer points to is in the type's dict. */
static void visit_ctypes_proto(const struct ph_visit *v, ph_addr dict)
{
	static const char *const metas[] = { "_ctypes.PyCPointerType", "_ctypes.PyCStructType", "_ctypes.UnionType" };
	for (size_t i = 0; dict && i < sizeof(metas) / sizeof(*metas); i++)
		if (!strcmp(metas[i], v->shape->type->full))
			ph_visit_edge(v, ph_read_ptr(v->objects, dict, PH_StgDictObject_proto), PH_EDGE_FIELD,
				      PH_StgDictObject_proto, false);
}

/* tp_dict may live in the interpreter's state; the subclasses are held by address only. */
void ph_visit_type(const struct ph_visit *v)
{
	const struct ph_type *self = ph_type_get(v->objects, v->object);
	if (!self)
		return;
	ph_visit_edge(v, self->dict, PH_EDGE_FIELD, PH_PyTypeObject_tp_dict, false);
	visit_ctypes_proto(v, self->dict);
	/* a static type ends before these */
	if (self->is_heap && ph_target_has(v->target, PH_PyHeapTypeObject_ht_module))
		ph_visit_edge(v, ph_read_ptr(v->objects, v->object, PH_PyHeapTypeObject_ht_module), PH_EDGE_FIELD,
			      PH_PyHeapTypeObject_ht_module, false);
	if (self->is_heap)
		ph_visit_shared_keys(v, ph_read_ptr(v->objects, v->object, PH_PyHeapTypeObject_ht_cached_keys));
	ph_addr subclasses = ph_struct_ptr(&v->s, PH_PyTypeObject_tp_subclasses);
	if (subclasses && ph_target_is_aligned(v->objects->target, subclasses))
		ph_visit_edge(v, subclasses, PH_EDGE_FIELD, PH_PyTypeObject_tp_subclasses, true);
}

/* PyCFunction_GET_CLASS(), since 3.9 */
void ph_visit_builtin(const struct ph_visit *v)
{
	enum { METH_METHOD = 0x200 };
	ph_addr ml = ph_struct_ptr(&v->s, PH_PyCFunctionObject_m_ml);
	if (ph_target_has(v->target, PH_PyCMethodObject_mm_class) && ml &&
	    ph_read_int(v->objects, ml, PH_PyMethodDef_ml_flags) & METH_METHOD)
		ph_visit_edge(v, ph_read_ptr(v->objects, v->object, PH_PyCMethodObject_mm_class), PH_EDGE_FIELD,
			      PH_PyCMethodObject_mm_class, false);
}

void ph_visit_weakref(const struct ph_visit *v)
{
	ph_addr object = ph_struct_ptr(&v->s, PH_PyWeakReference_wr_object);
	if (object != v->target->none)
		ph_visit_edge(v, object, PH_EDGE_WEAK, 0, true);
}

void ph_visit_managed_buffer(const struct ph_visit *v)
{
	ph_addr master = ph_target_at(v->target, v->object, PH_PyManagedBufferObject_master);
	ph_visit_edge(v, master ? ph_read_ptr(v->objects, master, PH_Py_buffer_obj) : 0, PH_EDGE_FIELD,
		      PH_Py_buffer_obj, false);
}

/* The links of a bounded cache, a ring. */
void ph_visit_lru_cache(const struct ph_visit *v)
{
	ph_addr root = ph_target_at(v->target, v->object, PH_lru_cache_object_root);
	ph_addr link = root ? ph_read_ptr(v->objects, root, PH_lru_list_elem_next) : 0, turtle = link;
	for (uint64_t i = 0; link && link != root && i < LINKS_MAXIMUM; i++) {
		/* the links are objects, which 3.6 visits themselves */
		bool itself = ph_target_has(v->target, PH_lru_cache_object_maxsize_O);
		ph_visit_edge(v, link, PH_EDGE_ITEM, i, !itself);
		ph_visit_edge(v, ph_read_ptr(v->objects, link, PH_lru_list_elem_key), PH_EDGE_KEY, i, itself);
		ph_visit_edge(v, ph_read_ptr(v->objects, link, PH_lru_list_elem_result), PH_EDGE_ITEM, i, itself);
		if (v->shape->visits_type)
			ph_visit_edge(v, ph_read_ptr(v->objects, link, PH_PyObject_ob_type), PH_EDGE_TYPE, 0, false);
		link = ph_read_ptr(v->objects, link, PH_lru_list_elem_next);
		if (i & 1)
			turtle = ph_read_ptr(v->objects, turtle, PH_lru_list_elem_next);
		if (link == turtle)
			return;
	}
}
