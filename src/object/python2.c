/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only 2.7 has, and what it calls by a name that means something else
 * since: str (bytes) and unicode, int and long, classes and instances of the old
 * style, xrange, buffer.  Objects/stringobject.c, unicodeobject.c, intobject.c,
 * longobject.c, classobject.c, rangeobject.c, bufferobject.c of 2.7. */
#include <stdio.h>
#include <string.h>

#include "object/decoder.h"

typedef unsigned long long ull;

/* Names that 2.7 uses otherwise -> rows of kinds.def. */
static const struct {
	const char *name, *row;
} renamed[] = {
	{ "str", "str of 2" },	  { "unicode", "unicode of 2" }, { "int", "int of 2" },
	{ "long", "long of 2" },  { "set", "set of 2" },	 { "frozenset", "set of 2" },
	{ "type", "type of 2" },  { "method", NULL },		 { "OrderedDict", NULL },
	{ "collections.OrderedDict", "ordered dict of 2" },	 { "memoryview", "memoryview of 2" },
	{ "functools.partial", NULL },
};

const struct ph_decoder *ph_decoder_find_in(const struct ph_target *target, const char *name)
{
	if (ph_target_trait(target, PH_TRAIT_STR_IS_BYTES) != 1)
		return ph_decoder_find(name);
	for (size_t i = 0; i < sizeof(renamed) / sizeof(*renamed); i++)
		if (!strcmp(renamed[i].name, name))
			return renamed[i].row ? ph_decoder_find(renamed[i].row) : NULL;
	return ph_decoder_find(name);
}

enum ph_status ph_decode_str_of_2(struct ph_decode *d)
{
	d->value->python2 = true;
	return ph_decode_bytes(d);
}

enum ph_status ph_decode_unicode_of_2(struct ph_decode *d)
{
	d->value->python2 = true;
	return ph_decode_str(d);
}

enum ph_status ph_decode_long_of_2(struct ph_decode *d)
{
	enum ph_status status = ph_decode_int(d);
	if (status == PH_OK && d->value->scalar)
		ph_decode_text(d, ph_value_printf(d->value, "%sL", d->value->text));
	return status;
}

/* set([1, 2]), frozenset([1]), set([]) */
enum ph_status ph_decode_set_of_2(struct ph_decode *d)
{
	enum ph_status status = ph_decode_set(d);
	if (status != PH_OK)
		return status;
	const char *open = ph_value_printf(d->value, "%s([", d->type->tp_name);
	d->value->open = open ? open : "set([";
	d->value->close = "])";
	return PH_OK;
}

/* type_repr(): <type 'int'> of C's, <class '__main__.Plain'> of Python's */
enum ph_status ph_decode_type_of_2(struct ph_decode *d)
{
	enum ph_status status = ph_decode_type(d);
	const struct ph_type_entry *self = ph_type_entry(d->objects, d->address);
	if (status != PH_OK || !self)
		return status;
	ph_decode_text(d, ph_value_printf(d->value, self->type.is_heap ? "<class '%s'>" : "<type '%s'>",
					  self->type.is_heap ? self->type.full : self->tp_name));
	return PH_OK;
}

/* ---- the old style ---- */

/* "__main__.OldStyle": instance_repr() and class_repr() ask for a str __module__, else say ?. */
static const char *class_text(struct ph_decode *d, ph_addr class)
{
	ph_addr dict = ph_read_ptr(d->objects, class, PH_PyClassObject_cl_dict);
	const char *name = ph_value_str(d, ph_read_ptr(d->objects, class, PH_PyClassObject_cl_name), "?");
	const char *module = dict ? ph_value_str(d, ph_dict_get(d->objects, dict, "__module__"), "?") : "?";
	const char *text = ph_value_printf(d->value, "%s.%s", module, name);
	return text ? text : "?";
}

enum ph_status ph_decode_instance_of_2(struct ph_decode *d)
{
	ph_addr class = ph_read_ptr(d->objects, d->address, PH_PyInstanceObject_in_class);
	ph_decode_text(d, ph_value_printf(d->value, "<%s instance at 0x%llx>", class_text(d, class), (ull)d->address));
	ph_decode_structural(d, "__class__", class);
	return PH_OK;
}

enum ph_status ph_decode_classobj(struct ph_decode *d)
{
	ph_decode_text(d,
		       ph_value_printf(d->value, "<class %s at 0x%llx>", class_text(d, d->address), (ull)d->address));
	ph_decode_structural_field(d, "__bases__", PH_PyClassObject_cl_bases);
	return PH_OK;
}

ph_addr ph_old_style_dict(struct ph_objects *objects, const struct ph_type_entry *type, ph_addr object)
{
	if (!ph_target_has(objects->target, PH_PyInstanceObject_in_dict) || type->type.is_heap)
		return 0;
	if (!strcmp(type->type.full, "instance"))
		return ph_read_ptr(objects, object, PH_PyInstanceObject_in_dict);
	if (!strcmp(type->type.full, "classobj"))
		return ph_read_ptr(objects, object, PH_PyClassObject_cl_dict);
	return 0;
}

/* instancemethod_repr(): <bound method Plain.method of <…>>, <unbound method Plain.method> */
enum ph_status ph_decode_instancemethod(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	ph_addr function = ph_read_ptr(o, d->address, PH_PyMethodObject_im_func);
	ph_addr self = ph_read_ptr(o, d->address, PH_PyMethodObject_im_self);
	ph_addr class = ph_read_ptr(o, d->address, PH_PyMethodObject_im_class);
	const struct ph_type_entry *type = class ? ph_object_type_entry(o, class) : NULL;
	const char *class_name = "?";
	if (!function)
		return PH_CORRUPT;
	if (type && type->type.is_type) {
		const struct ph_type *t = ph_type_get(o, class);
		class_name = t ? t->name : "?";
	} else if (type) {
		class_name = ph_value_str(d, ph_read_ptr(o, class, PH_PyClassObject_cl_name), "?");
	}
	const char *name = ph_value_str(d, ph_read_ptr(o, function, PH_PyFunctionObject_func_name), "?");
	if (self)
		ph_decode_one_part(d, ph_value_printf(d->value, "<bound method %s.%s of ", class_name, name), self,
				   ">");
	else
		ph_decode_text(d, ph_value_printf(d->value, "<unbound method %s.%s>", class_name, name));
	d->value->recursive = "";
	ph_decode_structural(d, "__func__", function);
	ph_decode_structural(d, "__self__", self);
	return PH_OK;
}

/* ---- others ---- */

/* rangeobject of 2.7: C longs, and a length in place of the end. */
enum ph_status ph_decode_xrange(struct ph_decode *d)
{
	int64_t start, step, count;
	enum ph_status status = ph_target_int(d->target, d->address, PH_rangeobject_start, &start);
	if (status == PH_OK)
		status = ph_target_int(d->target, d->address, PH_rangeobject_step, &step);
	if (status == PH_OK)
		status = ph_target_int(d->target, d->address, PH_rangeobject_len, &count);
	if (status != PH_OK)
		return status;
	long long stop = (long long)((uint64_t)start + (uint64_t)step * (uint64_t)count);
	d->value->len = count;
	if (start == 0 && step == 1)
		ph_decode_text(d, ph_value_printf(d->value, "xrange(%lld)", stop));
	else if (step == 1)
		ph_decode_text(d, ph_value_printf(d->value, "xrange(%lld, %lld)", (long long)start, stop));
	else
		ph_decode_text(d, ph_value_printf(d->value, "xrange(%lld, %lld, %lld)", (long long)start, stop,
						  (long long)step));
	return PH_OK;
}

enum ph_status ph_decode_memoryview_of_2(struct ph_decode *d)
{
	ph_decode_text(d, ph_value_printf(d->value, "<memory at 0x%llx>", (ull)d->address));
	ph_decode_structural_field(d, "obj", PH_PyMemoryViewObject_base);
	return PH_OK;
}

/* collections.OrderedDict in Python: a dict, and __root, a list [previous, next, key] in a circle with the others. */
enum ph_status ph_decode_ordered_dict_of_2(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	struct ph_value *value = d->value;
	enum ph_status status = ph_decode_dict(d);
	if (status != PH_OK)
		return status;
	ph_addr root = ph_object_attribute(o, d->address, "_OrderedDict__root");
	ph_addr link = root ? ph_sequence_item(o, root, 1) : 0;
	value->form = PH_FORM_PARTS;
	value->open = ph_value_printf(value, value->pair_total ? "%s([" : "%s(", d->type->short_name);
	value->close = value->pair_total ? ")])" : ")";
	value->recursive = "...";
	if (!value->open)
		value->open = "";
	for (size_t i = 0; link && link != root && i < value->pair_total && i < d->limits->children; i++) {
		ph_addr key = ph_sequence_item(o, link, 2), found = 0;
		for (size_t j = 0; j < value->pair_count && !found; j++)
			if (value->pairs[(i + j) % value->pair_count].key == key)
				found = value->pairs[(i + j) % value->pair_count].value;
		if (!key || !found)
			break;
		ph_value_add_pair_part(value, value->part_count ? "), (" : "(", key, ", ", found);
		link = ph_sequence_item(o, link, 1);
	}
	value->text_cut = value->part_count < value->pair_total;
	return PH_OK;
}
