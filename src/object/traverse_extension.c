/* SPDX-License-Identifier: GPL-3.0-or-later */
/* References of types of the standard library's extension modules: Modules/_elementtree.c, pyexpat.c, itertoolsmodule.c,
 * _pickle.c, _sqlite/connection.c, _queuemodule.c, _sre/sre.c; 2.7's memoryview. */
#include "object/visit.h"

#define COUNT_MAXIMUM ((uint64_t)1 << 32)

/* The lowest bit says that a list is to be joined: JOIN_OBJ() */
static void visit_text(const struct ph_visit *v, enum ph_field field)
{
	ph_visit_edge(v, ph_struct_ptr(&v->s, field) & ~(ph_addr)1, PH_EDGE_FIELD, field, false);
}

void ph_visit_element(const struct ph_visit *v)
{
	visit_text(v, PH_ElementObject_text);
	visit_text(v, PH_ElementObject_tail);
	ph_addr extra = ph_struct_ptr(&v->s, PH_ElementObject_extra);
	if (!extra)
		return;
	ph_visit_edge(v, ph_read_ptr(v->objects, extra, PH_ElementObjectExtra_attrib), PH_EDGE_FIELD,
		      PH_ElementObjectExtra_attrib, false);
	int64_t count = ph_read_int(v->objects, extra, PH_ElementObjectExtra_length);
	if (count > 0)
		ph_visit_array(v, ph_read_ptr(v->objects, extra, PH_ElementObjectExtra_children), (uint64_t)count,
			       PH_EDGE_ITEM);
}

/* `count` structs of `stride` bytes, of each a pointer at its start */
static void visit_table(const struct ph_visit *v, ph_addr table, uint64_t count, size_t stride)
{
	ph_addr target;
	if (!table || !stride || count > COUNT_MAXIMUM)
		return;
	for (uint64_t i = 0; i < count; i++) {
		if (ph_target_read_ptr(v->target, table + i * stride, &target) != PH_OK)
			return;
		ph_visit_edge(v, target, PH_EDGE_ITEM, i, false);
	}
}

void ph_visit_element_iterator(const struct ph_visit *v)
{
	visit_table(v, ph_struct_ptr(&v->s, PH_ElementIterObject_parent_stack),
		    ph_struct_uint(&v->s, PH_ElementIterObject_parent_stack_used),
		    ph_target_sizeof(v->target, PH_SIZEOF_ParentLocator));
}

void ph_visit_xmlparser(const struct ph_visit *v)
{
	enum { HANDLERS = 22 }; /* enum HandlerTypes, the same in all versions */
	ph_visit_array(v, ph_struct_ptr(&v->s, PH_xmlparseobject_handlers), HANDLERS, PH_EDGE_ITEM);
}

void ph_visit_tee_data(const struct ph_visit *v)
{
	enum { LINKCELLS = 57 };
	uint64_t count = ph_struct_uint(&v->s, PH_teedataobject_numread);
	if (count <= LINKCELLS)
		ph_visit_array(v, ph_target_at(v->target, v->object, PH_teedataobject_values), count, PH_EDGE_ITEM);
}

void ph_visit_pickler(const struct ph_visit *v)
{
	ph_addr memo = ph_struct_ptr(&v->s, PH_PicklerObject_memo);
	struct ph_visit held = *v;
	held.extra |= ph_target_trait(v->target, PH_TRAIT_PICKLER_VISITS_MEMO) != 1;
	if (memo)
		visit_table(&held, ph_read_ptr(v->objects, memo, PH_PyMemoTable_mt_table),
			    (uint64_t)ph_read_int(v->objects, memo, PH_PyMemoTable_mt_allocated),
			    ph_target_sizeof(v->target, PH_SIZEOF_PyMemoEntry));
}

void ph_visit_unpickler(const struct ph_visit *v)
{
	struct ph_visit held = *v;
	held.extra |= ph_target_trait(v->target, PH_TRAIT_PICKLER_VISITS_MEMO) != 1;
	ph_visit_array(&held, ph_struct_ptr(&v->s, PH_UnpicklerObject_memo),
		       ph_struct_uint(&v->s, PH_UnpicklerObject_memo_size), PH_EDGE_ITEM);
	ph_addr buffer = ph_target_at(v->target, v->object, PH_UnpicklerObject_buffer);
	held.extra = true;
	if (buffer)
		ph_visit_edge(&held, ph_read_ptr(v->objects, buffer, PH_Py_buffer_obj), PH_EDGE_FIELD, PH_Py_buffer_obj,
			      true);
}

/* Where num_items of them are, from get_idx on and round; up to 3.12 they are in a list. */
void ph_visit_simple_queue(const struct ph_visit *v)
{
	uint64_t count = ph_struct_uint(&v->s, PH_simplequeueobject_buf_num_items);
	uint64_t capacity = ph_struct_uint(&v->s, PH_simplequeueobject_buf_items_cap);
	uint64_t first = ph_struct_uint(&v->s, PH_simplequeueobject_buf_get_idx);
	ph_addr items = ph_struct_ptr(&v->s, PH_simplequeueobject_buf_items);
	if (!count || count > capacity || capacity > COUNT_MAXIMUM || first >= capacity)
		return;
	uint64_t before_end = capacity - first < count ? capacity - first : count;
	ph_visit_array(v, items + first * v->target->layout.abi.pointer_size, before_end, PH_EDGE_ITEM);
	ph_visit_array(v, items, count - before_end, PH_EDGE_ITEM);
}

void ph_visit_template(const struct ph_visit *v)
{
	ph_addr items = ph_target_at(v->target, v->object, PH_TemplateObject_items);
	visit_table(v, items ? ph_target_at(v->target, items, PH_TemplateObject_item_literal) : 0,
		    ph_struct_uint(&v->s, PH_PyVarObject_ob_size),
		    ph_target_sizeof(v->target, PH_SIZEOF_TemplateObject_item));
}

/* callback_context of 3.11 on */
void ph_visit_sqlite_connection(const struct ph_visit *v)
{
	static const enum ph_field fields[] = { PH_pysqlite_Connection_trace_ctx, PH_pysqlite_Connection_progress_ctx,
						PH_pysqlite_Connection_authorizer_ctx };
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		ph_addr context = ph_struct_ptr(&v->s, fields[i]);
		if (!context)
			continue;
		ph_visit_edge(v, ph_read_ptr(v->objects, context, PH_callback_context_callable), PH_EDGE_FIELD, fields[i],
			      false);
		ph_visit_edge(v, ph_read_ptr(v->objects, context, PH_callback_context_module), PH_EDGE_FIELD,
			      PH_callback_context_module, false);
	}
}

/* bytesio_traverse(); a bytes object, of 2.7 mere characters */
void ph_visit_bytesio(const struct ph_visit *v)
{
	struct ph_visit held = *v;
	held.extra |= ph_target_trait(v->target, PH_TRAIT_IO_VISITS_ALL) != 1;
	if (!ph_target_has(v->target, PH_bytesio_buf_size))
		ph_visit_edge(&held, ph_struct_ptr(&v->s, PH_bytesio_buf), PH_EDGE_FIELD, PH_bytesio_buf, false);
}

/* memory_traverse() of 2.7; since 3.3 the managed buffer has it */
void ph_visit_memoryview(const struct ph_visit *v)
{
	ph_addr view = ph_target_at(v->target, v->object, PH_PyMemoryViewObject_view);
	if (view && ph_target_has(v->target, PH_PyMemoryViewObject_base))
		ph_visit_edge(v, ph_read_ptr(v->objects, view, PH_Py_buffer_obj), PH_EDGE_FIELD, PH_Py_buffer_obj,
			      false);
}
