/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The __repr__ that the standard library wrote in Python for namedtuples,
 * dataclasses, enum members and Counter: recognised by the file and the name of
 * its code, so that a class's own __repr__ is never guessed at.
 * Lib/collections/__init__.py, dataclasses.py, enum.py, reprlib.py of 3.8 to 3.13. */
#include <stdlib.h>
#include <string.h>

#include "object/decoder.h"

/* Pairs of a Counter that are put in order; a larger one is shown as it stands. */
#define COUNTER_MAXIMUM 100000

/* `end` begins with a slash and has no other separators; on Windows the text has backslashes.  Modules out of a ZIP
 * file (embedded Python, PyInstaller) know the path within it alone: "collections\__init__.py". */
static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	if (end[0] == '/' && n == m - 1) {
		end++;
		m--;
	}
	if (n < m)
		return false;
	for (size_t i = 0; i < m; i++)
		if (text[n - m + i] != end[i] && !(end[i] == '/' && text[n - m + i] == '\\'))
			return false;
	return true;
}

static const struct ph_code *code_of(struct ph_objects *o, ph_addr function)
{
	return ph_type_is(o, function, "function") ?
		       ph_code_get(o, ph_read_ptr(o, function, PH_PyFunctionObject_func_code)) :
		       NULL;
}

static bool is_from(const struct ph_code *code, const char *file, const char *frozen, const char *name)
{
	return code->filename && code->name && !strcmp(code->name, name) &&
	       (ends_with(code->filename, file) || !strcmp(code->filename, frozen));
}

/* dataclasses: a wrapper against recursion round a function that was made from text. */
static bool is_dataclass_repr(struct ph_objects *o, const struct ph_code *code, ph_addr function, ph_addr owner)
{
	const struct ph_type *class = ph_type_get(o, owner);
	if (!is_from(code, "/dataclasses.py", "<frozen dataclasses>", "wrapper") &&
	    !is_from(code, "/reprlib.py", "<frozen reprlib>", "wrapper"))
		return false;
	if (!class || !ph_dict_get(o, class->dict, "__dataclass_fields__"))
		return false;
	ph_addr closure = ph_read_ptr(o, function, PH_PyFunctionObject_func_closure);
	for (size_t i = 0; closure && i < 8; i++) {
		ph_addr cell = ph_sequence_item(o, closure, i);
		const struct ph_code *inner = cell ? code_of(o, ph_read_ptr(o, cell, PH_PyCellObject_ob_ref)) : NULL;
		if (inner && inner->filename && !strcmp(inner->filename, "<string>"))
			return true;
	}
	return false;
}

enum ph_repr ph_library_repr(struct ph_objects *o, const struct ph_type_entry *entry, ph_addr function, ph_addr owner)
{
	const struct ph_code *code = code_of(o, function);
	const struct ph_type *class = ph_type_get(o, owner);
	if (!code || !class)
		return PH_REPR_OBJECT;
	if (is_from(code, "/enum.py", "<frozen enum>", "__repr__"))
		return entry->type.is_type ? PH_REPR_ENUM_TYPE : PH_REPR_ENUM;
	if (is_from(code, "/collections/__init__.py", "<frozen collections>", "__repr__") ||
	    is_from(code, "/collections.py", "<frozen collections>", "__repr__")) {
		if (!strcmp(class->full, "collections.OrderedDict"))
			return PH_REPR_KIND;
		if (!strcmp(class->full, "collections.Counter"))
			return PH_REPR_COUNTER;
		if (entry->type.kind == PH_KIND_TUPLE && ph_dict_get(o, class->dict, "_fields"))
			return PH_REPR_NAMEDTUPLE;
	}
	/* up to 3.6 the class is made from text */
	if (is_from(code, "<string>", "<string>", "__repr__") && entry->type.kind == PH_KIND_TUPLE &&
	    ph_dict_get(o, class->dict, "_fields") && ph_dict_get(o, class->dict, "_make"))
		return PH_REPR_NAMEDTUPLE;
	if (is_dataclass_repr(o, code, function, owner))
		return PH_REPR_DATACLASS;
	return PH_REPR_OBJECT;
}

/* The text of a str is its value still, when it prints itself otherwise. */
static void keep_scalar(struct ph_value *value)
{
	if (value->form == PH_FORM_STR)
		value->scalar = value->text;
}

static void print_as_object(struct ph_decode *d)
{
	d->value->part_count = 0;
	d->value->text_cut = false;
	d->value->open = d->value->close = "";
	ph_decode_default(d);
}

static void parts_form(struct ph_decode *d, const char *open, const char *close)
{
	d->value->part_count = 0;
	d->value->text_cut = false;
	d->value->form = PH_FORM_PARTS;
	d->value->open = open ? open : "";
	d->value->close = close;
}

/* __name__ of the object's class. */
static const char *class_name(const struct ph_decode *d)
{
	const char *dot = strrchr(d->type->type.name, '.');
	return dot ? dot + 1 : d->type->type.name;
}

static bool namedtuple(struct ph_decode *d)
{
	const struct ph_type *owner = ph_type_get(d->objects, d->type->repr_owner);
	ph_addr fields = owner ? ph_dict_get(d->objects, owner->dict, "_fields") : 0, items;
	size_t count;
	if (!fields || ph_sequence_items(d->objects, fields, &items, &count) != PH_OK || count != d->value->item_total)
		return false;
	parts_form(d, ph_value_printf(d->value, "%s(", class_name(d)), ")");
	for (size_t i = 0; i < d->value->item_count; i++) {
		const char *name = ph_value_str(d, ph_sequence_item(d->objects, fields, i), "?");
		ph_value_add_part(d->value, name, d->value->items[i], NULL);
		/* 2.7: its __dict__ is a property that gives them */
		if (ph_target_trait(d->target, PH_TRAIT_STR_IS_BYTES) == 1 &&
		    ph_value_add_attribute(d->value, name, d->value->items[i], false))
			d->value->attribute_total++;
	}
	d->value->text_cut = d->value->item_count < count;
	d->value->recursive = "";
	return true;
}

/* Field objects: shown when repr is true and they are neither ClassVar nor InitVar. */
static bool is_shown(struct ph_objects *o, ph_addr field)
{
	ph_addr repr = ph_object_attribute(o, field, "repr"), kind = ph_object_attribute(o, field, "_field_type");
	int64_t shown;
	if (!repr || ph_int_get(o, repr, &shown) != PH_OK || !shown)
		return false;
	return kind && ph_str_equals(o, ph_object_attribute(o, kind, "name"), "_FIELD");
}

static bool dataclass(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	const struct ph_type *owner = ph_type_get(o, d->type->repr_owner);
	ph_addr fields = owner ? ph_dict_get(o, owner->dict, "__dataclass_fields__") : 0, key, field;
	struct ph_dict_iter iter;
	if (!fields || ph_dict_begin(o, fields, &iter) != PH_OK)
		return false;
	parts_form(d, ph_value_printf(d->value, "%s(", d->type->type.name), ")");
	d->value->recursive = "...";
	for (size_t i = 0; i < d->limits->children && ph_dict_next(&iter, &key, &field); i++) {
		if (!is_shown(o, field))
			continue;
		const char *name = ph_value_str(d, key, NULL);
		if (!name)
			return false;
		ph_addr value = ph_object_attribute(o, d->address, name);
		if (!value)
			value = ph_type_lookup(o, &d->type->type, name, NULL); /* the default */
		if (!value || ph_type_is(o, value, "member_descriptor") || ph_type_is(o, value, "property"))
			return false; /* repr raises AttributeError, or runs code */
		ph_value_add_part(d->value, name, value, NULL);
	}
	return true;
}

/* The bits of an unnamed flag as Flag.__repr__() of 3.8 to 3.10 puts them: _decompose() in Lib/enum.py. */
struct flag_bit {
	int64_t value;
	ph_addr name; /* 0: a pseudo-member */
};

static int by_value(const void *a, const void *b)
{
	const struct flag_bit *x = a, *y = b;
	return x->value > y->value ? -1 : x->value < y->value;
}

static size_t decompose(struct ph_decode *d, int64_t value, struct flag_bit *bits, size_t capacity)
{
	struct ph_objects *o = d->objects;
	struct ph_dict_iter iter;
	ph_addr key, member;
	size_t count = 0;
	ph_addr map = ph_type_lookup(o, &d->type->type, "_value2member_map_", NULL);
	if (!map || ph_dict_begin(o, map, &iter) != PH_OK)
		return 0;
	while (count < capacity && ph_dict_next(&iter, &key, &member)) {
		int64_t bit;
		ph_addr name = ph_object_attribute(o, member, "_name_");
		if (ph_int_get(o, key, &bit) != PH_OK)
			return 0;
		if (name && !ph_type_is(o, name, "str"))
			name = 0;
		/* the single bits without a name are only looked for in what is not negative */
		if ((name || (value >= 0 && bit > 0 && !(bit & (bit - 1)))) && bit && (bit & value) == bit)
			bits[count++] = (struct flag_bit){ .value = bit, .name = name };
	}
	if (!count)
		bits[count++] = (struct flag_bit){ .value = value };
	qsort(bits, count, sizeof(*bits), by_value);
	if (count > 1 && bits[0].value == value)
		memmove(bits, bits + 1, --count * sizeof(*bits));
	return count;
}

/* "C|A" */
static const char *flag_text(struct ph_decode *d, ph_addr value)
{
	struct flag_bit bits[256];
	int64_t number;
	if (ph_int_get(d->objects, value, &number) != PH_OK)
		return NULL;
	size_t count = decompose(d, number, bits, sizeof(bits) / sizeof(*bits));
	const char *text = count ? "" : NULL;
	for (size_t i = 0; i < count && text; i++) {
		const char *name = bits[i].name ? ph_value_str(d, bits[i].name, "?") :
						  ph_value_printf(d->value, "%lld", (long long)bits[i].value);
		text = ph_value_printf(d->value, "%s%s%s", text, i ? "|" : "", name ? name : "?");
	}
	return text;
}

/* <Color.RED: 1>; a flag without a name is taken apart up to 3.10, and <Perm: 0> since. */
static bool enum_member(struct ph_decode *d)
{
	ph_addr name = ph_object_attribute(d->objects, d->address, "_name_");
	ph_addr value = ph_object_attribute(d->objects, d->address, "_value_");
	const char *text = name ? ph_value_str(d, name, NULL) : NULL;
	if (!name || !value)
		return false;
	const char *open;
	if (!text && ph_target_trait(d->target, PH_TRAIT_REPR_ENUM_SAYS_FLAG) == 1) {
		open = ph_value_printf(d->value, "<%s: ", class_name(d));
	} else {
		if (!text)
			text = flag_text(d, value);
		open = text ? ph_value_printf(d->value, "<%s.%s: ", class_name(d), text) : NULL;
	}
	keep_scalar(d->value);
	d->value->part_count = 0;
	ph_decode_one_part(d, open, value, ">");
	return d->value->part_count == 1;
}

/* EnumMeta.__repr__: <enum 'Color'>, since 3.11 <flag 'Perm'>. */
static bool enum_class(struct ph_decode *d)
{
	const struct ph_type *self = ph_type_get(d->objects, d->address);
	if (!self)
		return false;
	const char *dot = strrchr(self->name, '.');
	bool flag = ph_target_trait(d->target, PH_TRAIT_REPR_ENUM_SAYS_FLAG) &&
		    ph_type_is_subtype(d->objects, self, "enum.Flag");
	ph_decode_text(d, ph_value_printf(d->value, "<%s '%s'>", flag ? "flag" : "enum", dot ? dot + 1 : self->name));
	return true;
}

/* ---- Counter: most_common() order ---- */

struct counted {
	ph_addr key, value;
	long double count; /* holds an int64_t and a double exactly */
	size_t index;
};

static int by_count(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static size_t read_counts(struct ph_decode *d, struct counted *counts, size_t capacity)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	size_t n = 0;
	if (ph_dict_begin(d->objects, d->address, &iter) != PH_OK)
		return 0;
	while (n < capacity && ph_dict_next(&iter, &key, &value)) {
		counts[n] = (struct counted){ .key = key, .value = value, .index = n };
		int64_t integer;
		double number;
		if (ph_int_get(d->objects, value, &integer) == PH_OK)
			counts[n].count = integer;
		else if (ph_float_get(d->objects, value, &number) == PH_OK && number == number)
			counts[n].count = number;
		else
			return 0; /* compared in Python, or not at all: as it stands then */
		n++;
	}
	return n;
}

static bool counter(struct ph_decode *d)
{
	struct ph_value *value = d->value;
	size_t total = value->pair_total;
	if (!total) {
		parts_form(d, ph_value_printf(value, "%s(", class_name(d)), ")");
		return true;
	}
	struct counted *counts = total <= COUNTER_MAXIMUM ? calloc(total, sizeof(*counts)) : NULL;
	size_t n = counts ? read_counts(d, counts, total) : 0;
	parts_form(d, ph_value_printf(value, "%s({", class_name(d)), "})");
	value->recursive = "...";
	if (n)
		qsort(counts, n, sizeof(*counts), by_count);
	for (size_t i = 0; i < value->pair_count; i++) {
		bool sorted = i < n;
		ph_value_add_pair_part(value, NULL, sorted ? counts[i].key : value->pairs[i].key, NULL,
				       sorted ? counts[i].value : value->pairs[i].value);
	}
	value->text_cut = value->pair_count < total;
	free(counts);
	return true;
}

void ph_decode_library_repr(struct ph_decode *d)
{
	bool good = false;
	switch (d->type->repr) {
	case PH_REPR_NAMEDTUPLE:
		good = namedtuple(d);
		break;
	case PH_REPR_DATACLASS:
		keep_scalar(d->value);
		good = dataclass(d);
		break;
	case PH_REPR_ENUM:
		good = enum_member(d);
		break;
	case PH_REPR_ENUM_TYPE:
		good = enum_class(d);
		break;
	case PH_REPR_COUNTER:
		good = counter(d);
		break;
	case PH_REPR_KIND:
	case PH_REPR_OBJECT:
		break;
	}
	if (good)
		return;
	keep_scalar(d->value);
	print_as_object(d);
}
