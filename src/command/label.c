/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/label.h"

#include "base/cleanup.h"
#include "record/render.h"
#include "record/text.h"

#include <inttypes.h>
#include <string.h>

#define VALUE_CHARACTERS 60
#define TUPLE_CHARACTERS 80 /* then the rest of a tuple is left out */

/* ---- types and values ---- */

bool ph_is_builtin(const struct ph_dump_type *type, const char *name)
{
	return type && !strcmp(type->name, name) &&
	       (!type->module || !strcmp(type->module, "builtins") || !strcmp(type->module, "__builtin__"));
}

void ph_put_type(const struct ph_dump_type *type, struct ph_buffer *out)
{
	if (type && type->module && strcmp(type->module, "builtins") != 0 && strcmp(type->module, "__builtin__") != 0) {
		ph_escape_terminal(type->module, strlen(type->module), false, out);
		ph_buffer_putc(out, '.');
	}
	const char *name = type ? type->name : "?";
	ph_escape_terminal(name, strlen(name), false, out);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const struct ph_buffer *hex, struct ph_buffer *out)
{
	for (size_t i = 0; i + 1 < hex->size; i += 2) {
		int high = hex_digit(hex->data[i]), low = hex_digit(hex->data[i + 1]);
		if (high < 0 || low < 0)
			return false;
		ph_buffer_putc(out, (char)(high << 4 | low));
	}
	return true;
}

static bool is_hex(const struct ph_dump_type *type)
{
	return type && (type->value == PH_VALUE_BYTES || type->value == PH_VALUE_STR_OF_2);
}

static const char *bool_name(const char *value)
{
	return strcmp(value, "0") != 0 && strcmp(value, "False") != 0 ? "True" : "False";
}

bool ph_value_as_python(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	ph_auto_buffer struct ph_buffer hex = PH_BUFFER(8192);
	size_t before = out->size;
	if (ph_is_builtin(type, "bool") && ph_heap_value(view, object, &hex)) {
		ph_buffer_puts(out, bool_name(ph_buffer_text(&hex)));
		return true;
	}
	if (!type || type->value != PH_VALUE_STR_OF_2)
		return ph_heap_value(view, object, out);
	if (!ph_heap_value(view, object, &hex))
		return false;
	if (unhex(&hex, out))
		return true;
	out->size = before;
	ph_buffer_append(out, ph_buffer_text(&hex), hex.size);
	return true;
}

bool ph_name_text(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	if (!ph_is_builtin(type, "str") && !ph_is_builtin(type, "unicode"))
		return false;
	return ph_value_as_python(view, object, out);
}

static void quote(const char *text, size_t size, enum ph_value_text form, bool cut, struct ph_buffer *out)
{
	ph_auto_buffer struct ph_buffer bytes = PH_BUFFER(65536);
	switch (form) {
	case PH_VALUE_BYTES:
		ph_quote_bytes(text, size, out);
		break;
	case PH_VALUE_STR_OF_2:
		ph_quote_bytes(text, size, &bytes);
		if (bytes.size)
			ph_buffer_append(out, bytes.data + 1, bytes.size - 1); /* without the b */
		break;
	case PH_VALUE_UNICODE_OF_2:
		ph_quote_unicode(text, size, out);
		break;
	default:
		ph_quote_str(text, size, out);
	}
	if (cut)
		ph_buffer_puts(out, "...");
}

bool ph_put_value(struct ph_heap_view *view, uint32_t object, size_t characters, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(8192), raw = PH_BUFFER(8192);
	if (ph_is_builtin(type, "NoneType")) {
		ph_buffer_puts(out, "None");
		return true;
	}
	if (!ph_heap_value(view, object, &text))
		return false;
	const char *data = ph_buffer_text(&text);
	size_t size = text.size;
	if (!strcmp(data, PH_REDACTED)) {
		ph_buffer_puts(out, PH_REDACTED);
		return true;
	}
	if (ph_is_builtin(type, "bool")) {
		ph_buffer_puts(out, bool_name(data));
		return true;
	}
	int64_t len = ph_heap_len(view, object);
	if (is_hex(type) && unhex(&text, &raw)) {
		size = raw.size < characters ? raw.size : characters;
		quote(ph_buffer_text(&raw), size, type->value, len > (int64_t)size, out);
	} else if (type && type->value == PH_VALUE_DESCRIPTION) {
		ph_escape_terminal(data, size, false, out);
	} else if (ph_is_builtin(type, "str") || ph_is_builtin(type, "unicode") || (type && len >= 0)) {
		size = ph_text_prefix(data, size, characters);
		quote(data, size, type->value == PH_VALUE_UNICODE_OF_2 ? type->value : PH_VALUE_TEXT,
		      size < text.size || len > (int64_t)ph_text_length(data, size), out);
	} else {
		ph_escape_terminal(data, size < characters ? size : characters, false, out);
	}
	return true;
}

bool ph_put_own_name(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	static const char *const members[] = { "func_qualname", "func_name", "md_name", "ht_qualname", "ht_name",
					       "co_qualname",	"co_name",   "gi_qualname", "gi_name" };
	const struct ph_dump_type *self = ph_heap_view_type(view, object);
	if (self) {
		ph_put_type(self, out);
		return true;
	}
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(8192);
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		uint32_t name = ph_heap_member(view, object, members[i]);
		if (name == PH_NO_INDEX || !ph_name_text(view, name, &text))
			continue;
		ph_escape_terminal(ph_buffer_text(&text), text.size, false, out);
		return true;
	}
	return false;
}

bool ph_has_own_name(const struct ph_dump_type *type)
{
	static const char *const names[] = { "function",  "module",  "type",	 "code",    "generator",
					     "coroutine", "ABCMeta", "EnumType", "EnumMeta" };
	for (size_t i = 0; type && i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(type->name, names[i]))
			return true;
	return false;
}

void ph_put_object(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	int64_t len = ph_heap_len(view, object);
	ph_put_type(type, out);
	size_t before = out->size;
	ph_buffer_putc(out, ' ');
	if (ph_put_value(view, object, VALUE_CHARACTERS, out) ||
	    (ph_has_own_name(type) && ph_put_own_name(view, object, out)))
		return;
	out->size = before;
	if (len >= 0)
		ph_buffer_printf(out, ", len %" PRId64, len);
}

/* ---- names ---- */

/* Members of structs that Python calls something else. */
static const char *const renamed[][2] = {
	{ "func_code", "__code__" },	   { "func_globals", "__globals__" },	  { "func_builtins", "__builtins__" },
	{ "func_module", "__module__" },   { "func_defaults", "__defaults__" },	  { "func_kwdefaults", "__kwdefaults__" },
	{ "func_doc", "__doc__" },	   { "func_name", "__name__" },		  { "func_dict", "__dict__" },
	{ "func_closure", "__closure__" }, { "func_annotations", "__annotations__" }, { "func_qualname", "__qualname__" },
	{ "func_typeparams", "__type_params__" }, { "func_annotate", "__annotate__" },
	{ "im_func", "__func__" },	   { "im_self", "__self__" },		  { "m_self", "__self__" },
	{ "m_module", "__module__" },	   { "d_type", "__objclass__" },	  { "d_name", "__name__" },
	{ "d_qualname", "__qualname__" },  { "sm_callable", "__func__" },	  { "cm_callable", "__func__" },
	{ "sm_dict", "__dict__" },	   { "cm_dict", "__dict__" },		  { "prop_get", "fget" },
	{ "prop_set", "fset" },		   { "prop_del", "fdel" },		  { "prop_doc", "__doc__" },
	{ "fn", "func" },		   { "kw", "keywords" },		  { "ob_ref", "cell_contents" },
	{ "descr", "dtype" },
	{ "md_dict", "__dict__" },	   { "md_name", "__name__" },		  { "tp_mro", "__mro__" },
	{ "tp_bases", "__bases__" },	   { "tp_base", "__base__" },		  { "tp_dict", "__dict__" },
	{ "tp_subclasses", "__subclasses__" }, { "ht_name", "__name__" },	  { "ht_qualname", "__qualname__" },
	{ "ht_slots", "__slots__" },	   { "gi_name", "__name__" },		  { "gi_qualname", "__qualname__" },
	{ "notes", "__notes__" },	   { "traceback", "__traceback__" },	  { "context", "__context__" },
	{ "cause", "__cause__" },	   { "dict", "__dict__" },		  { "ns_dict", "__dict__" },
	{ "wr_callback", "__callback__" }, { "in_class", "__class__" },		  { "in_dict", "__dict__" },
	{ "cl_bases", "__bases__" },	   { "cl_dict", "__dict__" },		  { "cl_name", "__name__" },
};

/* Coroutines and asynchronous generators are PyGenObjects, and have names of their own for it. */
static const char *coroutine_member(const struct ph_dump_type *type, const char *member)
{
	static const char *const names[][3] = {
		{ "gi_frame", "cr_frame", "ag_frame" },
		{ "gi_code", "cr_code", "ag_code" },
	};
	unsigned is = ph_is_builtin(type, "coroutine") ? 1 : ph_is_builtin(type, "async_generator") ? 2 : 0;
	for (size_t i = 0; is && i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i][0], member))
			return names[i][is];
	return member;
}

static const char *member_name(struct ph_heap_view *view, const struct ph_heap_ref *ref)
{
	if (ref->argument >= view->types.field_count)
		return NULL;
	const char *field = view->types.fields[ref->argument], *dot = strrchr(field, '.');
	const char *member = dot ? dot + 1 : field;
	for (size_t i = 0; i < sizeof(renamed) / sizeof(*renamed); i++)
		if (!strcmp(renamed[i][0], member))
			return renamed[i][1];
	return coroutine_member(ph_heap_type(view, ref->source), member);
}

static const char *slot_name(struct ph_heap_view *view, const struct ph_heap_ref *ref)
{
	const struct ph_dump_type *type = ph_heap_type(view, ref->source);
	for (size_t i = 0; type && i < type->slot_count; i++)
		if (type->slots[i].offset == (int64_t)ref->argument)
			return type->slots[i].name;
	return NULL;
}

/* Item `place` of a tuple; PH_NO_INDEX. */
static uint32_t tuple_item(struct ph_heap_view *view, uint32_t tuple, uint64_t place)
{
	uint32_t first, end;
	struct ph_heap_ref ref;
	ph_heap_edges(view, tuple, &first, &end);
	for (uint32_t e = first; e < end; e++)
		if (ph_heap_edge(view, tuple, e, &ref) && ref.kind == PH_EDGE_ITEM && ref.argument == place)
			return ref.target;
	return PH_NO_INDEX;
}

/* A frame's or generator's variable: co_localsplusnames since 3.11, the three tuples one after the other before. */
static bool local_name(struct ph_heap_view *view, const struct ph_heap_ref *ref, struct ph_buffer *out)
{
	static const char *const codes[] = { "f_executable", "f_code", "gi_code" };
	static const char *const tuples[] = { "co_localsplusnames", "co_varnames", "co_cellvars", "co_freevars" };
	uint32_t code = PH_NO_INDEX;
	uint64_t place = ref->argument;
	for (size_t i = 0; code == PH_NO_INDEX && i < sizeof(codes) / sizeof(*codes); i++)
		code = ph_heap_member(view, ref->source, codes[i]);
	if (code == PH_NO_INDEX || place == PH_NO_INDEX)
		return false;
	for (size_t i = 0; i < sizeof(tuples) / sizeof(*tuples); i++) {
		uint32_t tuple = ph_heap_member(view, code, tuples[i]);
		if (tuple == PH_NO_INDEX)
			continue;
		int64_t len = ph_heap_len(view, tuple);
		if (len >= 0 && place < (uint64_t)len) {
			uint32_t name = tuple_item(view, tuple, place);
			return name != PH_NO_INDEX && ph_name_text(view, name, out);
		}
		place -= len > 0 ? (uint64_t)len : 0;
		if (!i)
			return false; /* the one tuple has all names; what is beyond is the value stack */
	}
	return false;
}

bool ph_label_name(struct ph_heap_view *view, const struct ph_heap_ref *ref, struct ph_buffer *out)
{
	const char *name = NULL;
	switch (ref->kind) {
	case PH_EDGE_VALUE:
	case PH_EDGE_ATTRIBUTE:
		return ref->argument < view->count && ph_name_text(view, ref->argument, out);
	case PH_EDGE_LOCAL:
		return local_name(view, ref, out);
	case PH_EDGE_SLOT:
		name = slot_name(view, ref);
		break;
	case PH_EDGE_FIELD:
		name = member_name(view, ref);
		break;
	case PH_EDGE_DICT:
		name = "__dict__";
		break;
	case PH_EDGE_TYPE:
		name = "__class__";
		break;
	default:
		break;
	}
	if (name)
		ph_buffer_puts(out, name);
	return name != NULL;
}

/* ---- labels ---- */

/* <class app.User>, <function handle at 0x7f…>, <object at 0x7f…>: of a class the name is enough. */
static void put_unnamed(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	if (ph_heap_view_type(view, object)) {
		ph_buffer_puts(out, "<class ");
		(void)ph_put_own_name(view, object, out);
		ph_buffer_putc(out, '>');
		return;
	}
	ph_buffer_putc(out, '<');
	ph_put_type(type, out);
	size_t before = out->size;
	ph_buffer_putc(out, ' ');
	if (!ph_has_own_name(type) || !ph_put_own_name(view, object, out))
		out->size = before;
	ph_buffer_printf(out, " at 0x%" PRIx64 ">", ph_heap_address(view, object));
}

/* ('profile', 7): what it has of values is written, tuples in it are not looked into. */
static void put_tuple(struct ph_heap_view *view, uint32_t tuple, struct ph_buffer *out)
{
	uint32_t first, end, shown = 0;
	struct ph_heap_ref ref;
	size_t before = out->size;
	ph_buffer_putc(out, '(');
	ph_heap_edges(view, tuple, &first, &end);
	for (uint32_t e = first; e < end; e++) {
		if (!ph_heap_edge(view, tuple, e, &ref) || ref.kind != PH_EDGE_ITEM)
			continue;
		ph_buffer_puts(out, shown++ ? ", " : "");
		if (out->size - before > TUPLE_CHARACTERS) {
			ph_buffer_puts(out, "…");
			break;
		}
		if (ph_is_builtin(ph_heap_type(view, ref.target), "tuple"))
			ph_buffer_puts(out, "(…)");
		else if (!ph_put_value(view, ref.target, VALUE_CHARACTERS, out))
			put_unnamed(view, ref.target, out);
	}
	ph_buffer_puts(out, shown == 1 ? ",)" : ")");
}

/* A key as Python writes it; one without a value by type and address. */
static void put_key(struct ph_heap_view *view, uint32_t key, struct ph_buffer *out)
{
	if (key >= view->count)
		ph_buffer_putc(out, '?');
	else if (ph_is_builtin(ph_heap_type(view, key), "tuple"))
		put_tuple(view, key, out);
	else if (!ph_put_value(view, key, VALUE_CHARACTERS, out))
		put_unnamed(view, key, out);
}

static void put_item(struct ph_heap_view *view, const struct ph_heap_ref *ref, struct ph_buffer *out)
{
	const struct ph_dump_type *type = ph_heap_type(view, ref->source);
	if (ph_is_builtin(type, "set") || ph_is_builtin(type, "frozenset"))
		ph_buffer_puts(out, " member");
	else if (type && !strcmp(type->name, "ndarray") && type->module && !strcmp(type->module, "numpy"))
		ph_buffer_printf(out, ".flat[%" PRIu32 "]", ref->argument);
	else if (type && !strcmp(type->name, "_lru_cache_wrapper"))
		ph_buffer_puts(out, " cached result");
	else
		ph_buffer_printf(out, "[%" PRIu32 "]", ref->argument);
}

/* The name is not in the dump, or was not in the core. */
static void put_lacking(const struct ph_heap_ref *ref, struct ph_buffer *out)
{
	if (ref->argument == PH_NO_INDEX)
		ph_buffer_printf(out, "<%s of unknown name>", ph_edge_kind_name(ref->kind));
	else
		ph_buffer_printf(out, "<%s +0x%" PRIx32 ">", ph_edge_kind_name(ref->kind), ref->argument);
}

void ph_put_label(struct ph_heap_view *view, const struct ph_heap_ref *ref, struct ph_buffer *out)
{
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	bool named = ref->kind != PH_EDGE_VALUE && ph_label_name(view, ref, &name);
	switch (ref->kind) {
	case PH_EDGE_ITEM:
		put_item(view, ref, out);
		return;
	case PH_EDGE_KEY:
		ph_buffer_puts(out, ".keys()");
		return;
	case PH_EDGE_VALUE:
		ph_buffer_putc(out, '[');
		put_key(view, ref->argument, out);
		ph_buffer_putc(out, ']');
		return;
	case PH_EDGE_LOCAL:
	case PH_EDGE_STACK:
		ph_buffer_puts(out, named ? " local " : " stack ");
		if (!named)
			ph_buffer_printf(out, "%" PRIu32, ref->argument);
		break;
	case PH_EDGE_WEAK:
		ph_buffer_puts(out, " weakly");
		return;
	case PH_EDGE_STATE:
		ph_buffer_printf(out, " state+0x%" PRIx32, ref->argument);
		return;
	case PH_EDGE_GUESSED:
		ph_buffer_printf(out, "+0x%" PRIx32, ref->argument);
		return;
	default:
		ph_buffer_putc(out, '.');
		if (!named)
			put_lacking(ref, out);
	}
	ph_escape_terminal(ph_buffer_text(&name), name.size, false, out);
}
