/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exceptions: BaseException_repr() in Objects/exceptions.c of 3.8 to 3.13. */
#include "object/decoder.h"

#include <string.h>

static const struct { const char *name; enum ph_field field; } links[] = {
	{ "args", PH_PyBaseExceptionObject_args },
	{ "__traceback__", PH_PyBaseExceptionObject_traceback },
	{ "__cause__", PH_PyBaseExceptionObject_cause },
	{ "__context__", PH_PyBaseExceptionObject_context },
};

static const struct { const char *type, *name; enum ph_field field; } members[] = {
	{ "OSError", "errno", PH_PyOSErrorObject_myerrno },
	{ "OSError", "strerror", PH_PyOSErrorObject_strerror },
	{ "OSError", "filename", PH_PyOSErrorObject_filename },
	{ "OSError", "filename2", PH_PyOSErrorObject_filename2 },
	{ "OSError", "winerror", PH_PyOSErrorObject_winerror },
	{ "SyntaxError", "msg", PH_PySyntaxErrorObject_msg },
	{ "SyntaxError", "filename", PH_PySyntaxErrorObject_filename },
	{ "SyntaxError", "lineno", PH_PySyntaxErrorObject_lineno },
	{ "SyntaxError", "offset", PH_PySyntaxErrorObject_offset },
	{ "SyntaxError", "text", PH_PySyntaxErrorObject_text },
	{ "SystemExit", "code", PH_PySystemExitObject_code },
	{ "StopIteration", "value", PH_PyStopIterationObject_value },
	{ "UnicodeError", "encoding", PH_PyUnicodeErrorObject_encoding },
	{ "UnicodeError", "object", PH_PyUnicodeErrorObject_object },
	{ "UnicodeError", "reason", PH_PyUnicodeErrorObject_reason },
	{ "ImportError", "msg", PH_PyImportErrorObject_msg },
	{ "ImportError", "name", PH_PyImportErrorObject_name },
	{ "ImportError", "path", PH_PyImportErrorObject_path },
	{ "NameError", "name", PH_PyNameErrorObject_name },
	{ "AttributeError", "obj", PH_PyAttributeErrorObject_obj },
	{ "AttributeError", "name", PH_PyAttributeErrorObject_name },
	{ "BaseExceptionGroup", "message", PH_PyBaseExceptionGroupObject_msg },
	{ "BaseExceptionGroup", "exceptions", PH_PyBaseExceptionGroupObject_excs },
};

/* In 2.7 OSError and IOError are EnvironmentErrors. */
static const char *name_of(const struct ph_target *t, const char *type)
{
	bool old = ph_target_has(t, PH_PyOSErrorObject_message);
	return old && !strcmp(type, "OSError") ? "EnvironmentError" : type;
}

enum ph_status ph_decode_exception(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	struct ph_value *value = d->value;
	ph_addr args = ph_read_ptr(o, d->address, PH_PyBaseExceptionObject_args), items;
	size_t count = 0;

	const char *open = ph_value_printf(value, "%s(", d->type->short_name);
	value->form = PH_FORM_PARTS;
	value->open = open ? open : "(";
	value->close = ")";
	value->recursive = "";
	if (args && ph_sequence_items(o, args, &items, &count) != PH_OK)
		return PH_CORRUPT;
	for (size_t i = 0; i < count && i < d->limits->children; i++)
		ph_value_add_part(value, NULL, ph_sequence_item(o, args, i), NULL);
	value->text_cut = count > d->limits->children;
	if (count == 1 && ph_target_trait(d->target, PH_TRAIT_REPR_EXCEPTION_IS_TUPLE))
		value->close = ",)";
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		ph_decode_structural_field(d, links[i].name, links[i].field);
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (ph_target_has(d->target, members[i].field) &&
		    ph_type_is_subtype(o, &d->type->type, name_of(d->target, members[i].type)))
			ph_decode_structural_field(d, members[i].name, members[i].field);
	return PH_OK;
}
