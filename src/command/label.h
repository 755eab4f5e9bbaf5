/* SPDX-License-Identifier: GPL-3.0-or-later */
/* References and objects of the heap as Python would write them. */
#ifndef COMMAND_LABEL_H
#define COMMAND_LABEL_H

#include "command/heap.h"

/* What follows the source's name: ".user", "['user:7']", "[3]", ".__dict__", ".cell_contents", ", local x". */
void ph_put_label(struct ph_heap_view *view, const struct ph_heap_ref *ref, struct ph_buffer *out);

/* The name by which the source knows the target: an attribute's, a variable's, a slot's, a str key's, a member's as
 * Python calls it; false when it has none. */
bool ph_label_name(struct ph_heap_view *view, const struct ph_heap_ref *ref, struct ph_buffer *out);

/* The text of a name: of a str as it is, of 2.7's str its bytes; false when the object is none. */
bool ph_name_text(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out);

/* "app.Session", builtins without their module; "?" unknown. */
void ph_put_type(const struct ph_dump_type *type, struct ph_buffer *out);

/* Whether it is the builtin of this name, not one of that name elsewhere. */
bool ph_is_builtin(const struct ph_dump_type *type, const char *name);

/* The value as a repr, of a str at most `characters`: 'user:7', 42, b'ab', True, None; false: it has none. */
bool ph_put_value(struct ph_heap_view *view, uint32_t object, size_t characters, struct ph_buffer *out);

/* The value as a program of its Python has it: ph_heap_value(), but of Python 2's str the bytes themselves, of a
 * bool its name. */
bool ph_value_as_python(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out);

/* "str 'user:7'", "app.Session": type and value, what a list of objects shows of one. */
void ph_put_object(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out);

/* Whether instances of the type have a name of their own: classes, functions, modules … */
bool ph_has_own_name(const struct ph_dump_type *type);
/* The name of a module, function, type or code object; false: it has none. */
bool ph_put_own_name(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out);

#endif
