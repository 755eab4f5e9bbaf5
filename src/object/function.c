/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions, methods, builtins, descriptors, cells and code.  Objects/funcobject.c,
 * classobject.c, methodobject.c, descrobject.c, cellobject.c of 3.8 to 3.13. */
#include <string.h>

#include "object/decoder.h"

typedef unsigned long long ull;

/* A str field as text of the value; fallback when it is none. */
static const char *str_field(struct ph_decode *d, ph_addr object, enum ph_field field, const char *fallback)
{
	return ph_value_str(d, ph_read_ptr(d->objects, object, field), fallback);
}

const char *ph_value_str(struct ph_decode *d, ph_addr str, const char *fallback)
{
	struct ph_buffer *text = &d->objects->scratch;
	ph_buffer_clear(text);
	enum ph_status status = str ? ph_str_read(d->objects, str, 4096, text) : PH_ABSENT;
	if (status != PH_OK && status != PH_LIMIT)
		return fallback;
	const char *copy = ph_value_copy(d->value, ph_buffer_text(text), text->size);
	return copy ? copy : fallback;
}

static const char *tp_name_of(struct ph_decode *d, ph_addr object)
{
	const struct ph_type_entry *type = ph_object_type_entry(d->objects, object);
	return type ? type->tp_name : "?";
}

static const char *name_of_type(struct ph_decode *d, ph_addr type)
{
	const struct ph_type_entry *entry = ph_type_entry(d->objects, type);
	return entry ? entry->tp_name : "?";
}

/* What the function holds under a variable's name, "__defaults__.x" and
 * "__closure__.x": the name says what the value is, to redaction too. */
static void add_named_values(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	const struct ph_code *code = ph_code_get(o, ph_read_ptr(o, d->address, PH_PyFunctionObject_func_code));
	ph_addr defaults = ph_read_ptr(o, d->address, PH_PyFunctionObject_func_defaults), items;
	ph_addr closure = ph_read_ptr(o, d->address, PH_PyFunctionObject_func_closure);
	size_t count = 0;
	if (!code)
		return;
	/* the defaults are those of the last positional arguments */
	int64_t positional = ph_read_int(o, code->address, PH_PyCodeObject_co_argcount);
	if (defaults && ph_sequence_items(o, defaults, &items, &count) == PH_OK && positional >= 0 &&
	    count <= (uint64_t)positional && (uint64_t)positional <= code->localsplus_count)
		for (size_t i = 0; i < count && i < d->limits->children; i++) {
			const char *name = code->localsplus_names[(size_t)positional - count + i];
			ph_decode_structural(d, ph_value_printf(d->value, "__defaults__.%s", name ? name : "?"),
					     ph_sequence_item(o, defaults, i));
		}
	size_t next = 0;
	for (size_t i = 0; closure && i < code->localsplus_count && next < d->limits->children; i++)
		if (code->localsplus_kinds[i] & PH_FAST_FREE) {
			const char *name = code->localsplus_names[i];
			ph_decode_structural(d, ph_value_printf(d->value, "__closure__.%s", name ? name : "?"),
					     ph_sequence_item(o, closure, next++));
		}
}

enum ph_status ph_decode_function(struct ph_decode *d)
{
	const char *name = str_field(d, d->address,
				     ph_target_has(d->target, PH_PyFunctionObject_func_qualname) ?
					     PH_PyFunctionObject_func_qualname :
					     PH_PyFunctionObject_func_name,
				     "?");
	ph_decode_text(d, ph_value_printf(d->value, "<function %s at 0x%llx>", name, (ull)d->address));
	ph_decode_structural_field(d, "__code__", PH_PyFunctionObject_func_code);
	ph_decode_structural_field(d, "__globals__", PH_PyFunctionObject_func_globals);
	ph_decode_structural_field(d, "__name__", PH_PyFunctionObject_func_name);
	ph_decode_structural_field(d, "__qualname__", PH_PyFunctionObject_func_qualname);
	ph_decode_structural_field(d, "__module__", PH_PyFunctionObject_func_module);
	ph_decode_structural_field(d, "__doc__", PH_PyFunctionObject_func_doc);
	ph_decode_structural_field(d, "__defaults__", PH_PyFunctionObject_func_defaults);
	ph_decode_structural_field(d, "__kwdefaults__", PH_PyFunctionObject_func_kwdefaults);
	ph_decode_structural_field(d, "__closure__", PH_PyFunctionObject_func_closure);
	ph_decode_structural_field(d, "__annotations__", PH_PyFunctionObject_func_annotations);
	add_named_values(d);
	return PH_OK;
}

/* __qualname__, or __name__, of what a bound method calls; method_repr() asks for the attribute. */
static const char *callable_name(struct ph_decode *d, ph_addr function)
{
	const struct ph_type_entry *type = ph_object_type_entry(d->objects, function);
	if (!type)
		return "?";
	if (type->type.kind == PH_KIND_FUNCTION && !strcmp(type->type.full, "function"))
		return str_field(d, function, PH_PyFunctionObject_func_qualname, "?");
	if (type->type.kind == PH_KIND_TYPE) {
		const struct ph_type_entry *self = ph_type_entry(d->objects, function);
		return self ? self->type.name : "?";
	}
	ph_addr name = ph_object_attribute(d->objects, function, "__qualname__");
	if (!name)
		name = ph_object_attribute(d->objects, function, "__name__");
	if (!name && ph_type_is(d->objects, function, "builtin_function_or_method")) {
		const char *builtin = ph_builtin_name(d, function);
		return builtin ? builtin : "?";
	}
	return ph_value_str(d, name, "?");
}

enum ph_status ph_decode_method(struct ph_decode *d)
{
	ph_addr function = ph_read_ptr(d->objects, d->address, PH_PyMethodObject_im_func);
	ph_addr self = ph_read_ptr(d->objects, d->address, PH_PyMethodObject_im_self);
	if (!function || !self)
		return PH_CORRUPT;
	ph_decode_one_part(d, ph_value_printf(d->value, "<bound method %s of ", callable_name(d, function)), self, ">");
	d->value->recursive = "";
	ph_decode_structural(d, "__func__", function);
	ph_decode_structural(d, "__self__", self);
	return PH_OK;
}

/* The key whose value in the dict is the object, or a descriptor of the method; NULL none. */
static const char *key_of(struct ph_decode *d, ph_addr dict, ph_addr object, ph_addr method_def)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	if (!dict || ph_dict_begin(d->objects, dict, &iter) != PH_OK)
		return NULL;
	for (unsigned n = 0; n < 10000 && ph_dict_next(&iter, &key, &value); n++)
		if (value == object ||
		    (method_def && ph_read_ptr(d->objects, value, PH_PyMethodDescrObject_d_method) == method_def))
			return ph_value_str(d, key, NULL);
	return NULL;
}

/* ml_name lies in .rodata: without it, the name by which a module or class knows the function. */
const char *ph_builtin_name(struct ph_decode *d, ph_addr function)
{
	struct ph_objects *o = d->objects;
	char name[256];
	ph_addr def = ph_read_ptr(o, function, PH_PyCFunctionObject_m_ml);
	ph_addr text = ph_read_ptr(o, def, PH_PyMethodDef_ml_name);
	if (text && ph_image_read_string(o->target->image, text, name, sizeof(name)) == PH_OK)
		return ph_value_copy(d->value, name, strlen(name));
	ph_addr self = ph_read_ptr(o, function, PH_PyCFunctionObject_m_self);
	const struct ph_type_entry *type = self ? ph_object_type_entry(o, self) : NULL;
	if (!type) {
		/* 2.7: a module's function knows only its name */
		ph_addr m_module = ph_read_ptr(o, function, PH_PyCFunctionObject_m_module);
		const char *module_name = m_module ? ph_value_str(d, m_module, NULL) : NULL;
		ph_addr module = module_name ? ph_dict_get(o, o->modules, module_name) : 0;
		return module ? key_of(d, ph_read_ptr(o, module, PH_PyModuleObject_md_dict), function, def) : NULL;
	}
	if (type->type.kind == PH_KIND_MODULE)
		return key_of(d, ph_read_ptr(o, self, PH_PyModuleObject_md_dict), function, def);
	/* a class method's self is the class */
	const struct ph_type *class = type->type.is_type ? ph_type_get(o, self) : NULL;
	for (unsigned pass = 0; pass < 2; pass++, class = NULL) {
		const struct ph_type *t = class ? class : &type->type;
		for (size_t i = 0; t->mro && i < 100; i++) {
			const struct ph_type *base = ph_type_get(o, ph_sequence_item(o, t->mro, i));
			const char *found = base ? key_of(d, base->dict, function, def) : NULL;
			if (!base || found)
				return found;
		}
		if (!class)
			break;
	}
	return NULL;
}

enum ph_status ph_decode_builtin(struct ph_decode *d)
{
	ph_addr self = ph_read_ptr(d->objects, d->address, PH_PyCFunctionObject_m_self);
	const char *name = ph_builtin_name(d, d->address);
	const struct ph_type_entry *type = self ? ph_object_type_entry(d->objects, self) : NULL;
	if (!name)
		name = "?";
	if (!type || type->type.kind == PH_KIND_MODULE)
		ph_decode_text(d, ph_value_printf(d->value, "<built-in function %s>", name));
	else
		ph_decode_text(d, ph_value_printf(d->value, "<built-in method %s of %s object at 0x%llx>", name,
						  type->tp_name, (ull)self));
	ph_decode_structural(d, "__self__", self);
	ph_decode_structural_field(d, "__module__", PH_PyCFunctionObject_m_module);
	return PH_OK;
}

/* Descriptors of types of C: descr_repr() in Objects/descrobject.c. */
static enum ph_status decode_descriptor(struct ph_decode *d, const char *what)
{
	const char *name = str_field(d, d->address, PH_PyDescrObject_d_name, "?");
	ph_addr type = ph_read_ptr(d->objects, d->address, PH_PyDescrObject_d_type);
	ph_decode_text(d, ph_value_printf(d->value, "<%s '%s' of '%s' objects>", what, name, name_of_type(d, type)));
	ph_decode_structural(d, "__objclass__", type);
	return PH_OK;
}

enum ph_status ph_decode_method_descriptor(struct ph_decode *d)
{
	return decode_descriptor(d, "method");
}

enum ph_status ph_decode_member_descriptor(struct ph_decode *d)
{
	return decode_descriptor(d, "member");
}

enum ph_status ph_decode_getset_descriptor(struct ph_decode *d)
{
	return decode_descriptor(d, "attribute");
}

enum ph_status ph_decode_wrapper_descriptor(struct ph_decode *d)
{
	return decode_descriptor(d, "slot wrapper");
}

enum ph_status ph_decode_method_wrapper(struct ph_decode *d)
{
	ph_addr descr = ph_read_ptr(d->objects, d->address, PH_wrapperobject_descr);
	ph_addr self = ph_read_ptr(d->objects, d->address, PH_wrapperobject_self);
	const char *name = str_field(d, descr, PH_PyDescrObject_d_name, "?");
	ph_decode_text(d, ph_value_printf(d->value, "<method-wrapper '%s' of %s object at 0x%llx>", name,
					  tp_name_of(d, self), (ull)self));
	ph_decode_structural(d, "__self__", self);
	return PH_OK;
}

enum ph_status ph_decode_cell(struct ph_decode *d)
{
	ph_addr contents = ph_read_ptr(d->objects, d->address, PH_PyCellObject_ob_ref);
	if (!contents) {
		ph_decode_text(d, ph_value_printf(d->value, "<cell at 0x%llx: empty>", (ull)d->address));
		return PH_OK;
	}
	ph_decode_text(d, ph_value_printf(d->value, "<cell at 0x%llx: %.80s object at 0x%llx>", (ull)d->address,
					  tp_name_of(d, contents), (ull)contents));
	ph_decode_structural(d, "cell_contents", contents);
	return PH_OK;
}

enum ph_status ph_decode_code(struct ph_decode *d)
{
	const struct ph_code *code = ph_code_get(d->objects, d->address);
	if (!code)
		return PH_CORRUPT;
	const char *file = code->filename ? code->filename : "???";
	ph_decode_text(d, ph_value_printf(d->value, "<code object %s at 0x%llx, file \"%s\", line %d>",
					  code->name ? code->name : "?", (ull)d->address, file,
					  code->firstlineno > 0 ? code->firstlineno : -1));
	ph_decode_structural_field(d, "co_name", PH_PyCodeObject_co_name);
	ph_decode_structural_field(d, "co_filename", PH_PyCodeObject_co_filename);
	ph_decode_structural_field(d, "co_consts", PH_PyCodeObject_co_consts);
	ph_decode_structural_field(d, "co_names", PH_PyCodeObject_co_names);
	return PH_OK;
}

/* <staticmethod(<function …>)> since 3.10, object's own before. */
static enum ph_status decode_wrapped(struct ph_decode *d, enum ph_field callable, const char *name)
{
	ph_addr function = ph_read_ptr(d->objects, d->address, callable);
	if (ph_target_trait(d->target, PH_TRAIT_REPR_STATICMETHOD_WRAPS))
		ph_decode_one_part(d, ph_value_printf(d->value, "<%s(", name), function, ")>");
	ph_decode_structural(d, "__func__", function);
	return PH_OK;
}

enum ph_status ph_decode_staticmethod(struct ph_decode *d)
{
	return decode_wrapped(d, PH_staticmethod_sm_callable, "staticmethod");
}

enum ph_status ph_decode_classmethod(struct ph_decode *d)
{
	return decode_wrapped(d, PH_classmethod_cm_callable, "classmethod");
}

enum ph_status ph_decode_property(struct ph_decode *d)
{
	ph_decode_structural_field(d, "fget", PH_propertyobject_prop_get);
	ph_decode_structural_field(d, "fset", PH_propertyobject_prop_set);
	ph_decode_structural_field(d, "fdel", PH_propertyobject_prop_del);
	return PH_OK;
}

enum ph_status ph_decode_super(struct ph_decode *d)
{
	ph_addr type = ph_read_ptr(d->objects, d->address, PH_superobject_type);
	ph_addr obj = ph_read_ptr(d->objects, d->address, PH_superobject_obj);
	ph_addr obj_type = ph_read_ptr(d->objects, d->address, PH_superobject_obj_type);
	if (obj_type)
		ph_decode_text(d, ph_value_printf(d->value, "<super: <class '%s'>, <%s object>>",
						  type ? name_of_type(d, type) : "NULL", name_of_type(d, obj_type)));
	else
		ph_decode_text(d, ph_value_printf(d->value, "<super: <class '%s'>, NULL>",
						  type ? name_of_type(d, type) : "NULL"));
	ph_decode_structural(d, "__thisclass__", type);
	ph_decode_structural(d, "__self__", obj);
	return PH_OK;
}

/* functools.partial: partial_repr() in Modules/_functoolsmodule.c. */
enum ph_status ph_decode_partial(struct ph_decode *d)
{
	ph_addr fn = ph_read_ptr(d->objects, d->address, PH_partialobject_fn);
	ph_addr args = ph_read_ptr(d->objects, d->address, PH_partialobject_args);
	ph_addr kw = ph_read_ptr(d->objects, d->address, PH_partialobject_kw);
	struct ph_value *value = d->value;
	struct ph_dict_iter iter;
	ph_addr items, key, item;
	size_t count = 0;
	if (!fn)
		return PH_CORRUPT;
	const char *name = d->type->type.is_heap && strcmp(d->type->type.full, "functools.partial") ?
				   d->type->tp_name :
				   "functools.partial";
	const char *open = ph_value_printf(value, "%s(", name);
	ph_decode_one_part(d, open, fn, ")");
	value->recursive = "...";
	if (args && ph_sequence_items(d->objects, args, &items, &count) == PH_OK) {
		value->text_cut |= count > d->limits->children;
		for (size_t i = 0; i < count && i < d->limits->children; i++)
			ph_value_add_part(value, NULL, ph_sequence_item(d->objects, args, i), NULL);
	}
	if (kw && ph_dict_begin(d->objects, kw, &iter) == PH_OK)
		for (size_t i = 0; i < d->limits->children && ph_dict_next(&iter, &key, &item); i++)
			ph_value_add_part(value, ph_value_str(d, key, "?"), item, NULL);
	ph_decode_structural(d, "func", fn);
	ph_decode_structural(d, "args", args);
	ph_decode_structural(d, "keywords", kw);
	return PH_OK;
}
