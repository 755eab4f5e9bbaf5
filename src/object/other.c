/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Singletons, types, modules, range and slice, weak references, generators,
 * frames, tracebacks, iterators. */
#include <string.h>

#include "object/decoder.h"
#include "record/render.h"

typedef unsigned long long ull;

static enum ph_status singleton(struct ph_decode *d, const char *text)
{
	ph_decode_text(d, text);
	d->value->is_singleton = true;
	return PH_OK;
}

enum ph_status ph_decode_none(struct ph_decode *d)
{
	return singleton(d, "None");
}

enum ph_status ph_decode_ellipsis(struct ph_decode *d)
{
	return singleton(d, "Ellipsis");
}

enum ph_status ph_decode_notimplemented(struct ph_decode *d)
{
	return singleton(d, "NotImplemented");
}

/* type_repr() in Objects/typeobject.c. */
enum ph_status ph_decode_type(struct ph_decode *d)
{
	const struct ph_type_entry *self = ph_type_entry(d->objects, d->address);
	if (!self)
		return PH_CORRUPT;
	ph_decode_text(d, ph_value_printf(d->value, "<class '%s'>", self->type.full));
	d->value->size = -1; /* types of C have no head: size.c */
	ph_decode_structural(d, "__base__", self->type.base);
	ph_decode_structural(d, "__mro__", self->type.mro);
	return PH_OK;
}

/* ---- modules: _module_repr() in Lib/importlib/_bootstrap.py ---- */

static void quoted(struct ph_decode *d, ph_addr str, struct ph_buffer *out)
{
	struct ph_buffer *text = &d->objects->scratch;
	ph_buffer_clear(text);
	enum ph_status status = ph_str_read(d->objects, str, 4096, text);
	if (status == PH_OK || status == PH_LIMIT)
		ph_quote_str(ph_buffer_text(text), text->size, out);
	else
		ph_buffer_puts(out, "'?'");
}

static bool is_true(struct ph_decode *d, ph_addr object)
{
	int64_t number;
	return object && ph_int_get(d->objects, object, &number) == PH_OK && number;
}

static bool is_none(struct ph_decode *d, ph_addr object)
{
	return !object || object == d->target->none || ph_type_is(d->objects, object, "NoneType");
}

/* What module_repr() of the importers says where the spec has no origin (sys). */
static const char *importer_kind(struct ph_decode *d, ph_addr loader)
{
	const struct ph_type_entry *type = loader ? ph_object_type_entry(d->objects, loader) : NULL;
	const struct ph_type_entry *self = type && type->type.is_type ? ph_type_entry(d->objects, loader) : NULL;
	if (!self)
		return NULL;
	if (!strcmp(self->type.name, "BuiltinImporter"))
		return "built-in";
	return !strcmp(self->type.name, "FrozenImporter") ? "frozen" : NULL;
}

static void module_text(struct ph_decode *d, ph_addr dict, struct ph_buffer *out)
{
	struct ph_objects *o = d->objects;
	ph_addr spec = ph_dict_get(o, dict, "__spec__"), name = ph_dict_get(o, dict, "__name__");
	ph_addr file = ph_dict_get(o, dict, "__file__"), origin = 0;
	if (!is_none(d, spec)) {
		ph_addr spec_name = ph_object_attribute(o, spec, "name");
		origin = ph_object_attribute(o, spec, "origin");
		if (spec_name)
			name = spec_name;
		if (is_none(d, origin))
			origin = 0;
		file = is_true(d, ph_object_attribute(o, spec, "_set_fileattr")) ? origin : 0;
	}
	const char *kind = origin ? ph_value_str(d, origin, "?") : importer_kind(d, ph_dict_get(o, dict, "__loader__"));
	ph_buffer_puts(out, "<module ");
	quoted(d, name, out);
	if (!is_none(d, file)) {
		ph_buffer_puts(out, " from ");
		quoted(d, file, out);
	} else if (kind) {
		ph_buffer_printf(out, " (%s)", kind);
	}
	ph_buffer_putc(out, '>');
}

enum ph_status ph_decode_module(struct ph_decode *d)
{
	struct ph_buffer text = PH_BUFFER(1 << 16);
	ph_addr dict = ph_read_ptr(d->objects, d->address, PH_PyModuleObject_md_dict);
	if (!ph_is_dict(d->objects, dict))
		return PH_CORRUPT;
	module_text(d, dict, &text);
	ph_decode_text(d, ph_value_copy(d->value, ph_buffer_text(&text), text.size));
	ph_buffer_deinit(&text);
	return PH_OK;
}

/* ---- range and slice ---- */

enum ph_status ph_decode_range(struct ph_decode *d)
{
	struct ph_objects *o = d->objects;
	ph_addr start = ph_read_ptr(o, d->address, PH_rangeobject_start);
	ph_addr stop = ph_read_ptr(o, d->address, PH_rangeobject_stop);
	ph_addr step = ph_read_ptr(o, d->address, PH_rangeobject_step);
	int64_t number;
	if (!start || !stop || !step)
		return PH_CORRUPT;
	ph_decode_one_part(d, "range(", start, ")");
	ph_value_add_part(d->value, NULL, stop, NULL);
	if (ph_int_get(o, step, &number) != PH_OK || number != 1)
		ph_value_add_part(d->value, NULL, step, NULL);
	if (ph_int_get(o, ph_read_ptr(o, d->address, PH_rangeobject_length), &number) == PH_OK && number >= 0)
		d->value->len = number;
	ph_decode_structural(d, "start", start);
	ph_decode_structural(d, "stop", stop);
	ph_decode_structural(d, "step", step);
	return PH_OK;
}

enum ph_status ph_decode_slice(struct ph_decode *d)
{
	ph_addr start = ph_read_ptr(d->objects, d->address, PH_PySliceObject_start);
	ph_addr stop = ph_read_ptr(d->objects, d->address, PH_PySliceObject_stop);
	ph_addr step = ph_read_ptr(d->objects, d->address, PH_PySliceObject_step);
	if (!start || !stop || !step)
		return PH_CORRUPT;
	ph_decode_one_part(d, "slice(", start, ")");
	ph_value_add_part(d->value, NULL, stop, NULL);
	ph_value_add_part(d->value, NULL, step, NULL);
	ph_decode_structural(d, "start", start);
	ph_decode_structural(d, "stop", stop);
	ph_decode_structural(d, "step", step);
	return PH_OK;
}

/* ---- weak references: Objects/weakrefobject.c ---- */

/* What it points to; 0 when that is gone. */
static ph_addr referent(struct ph_decode *d)
{
	ph_addr object = ph_read_ptr(d->objects, d->address, PH_PyWeakReference_wr_object);
	if (is_none(d, object) || !ph_object_type_entry(d->objects, object))
		return 0;
	return ph_object_refcount(d->target, object) ? object : 0;
}

/* The referent's __name__, as weakref_repr() looks it up. */
static const char *referent_name(struct ph_decode *d, ph_addr object)
{
	const struct ph_type_entry *type = ph_object_type_entry(d->objects, object);
	ph_addr name = 0;
	switch (type->type.kind) {
	case PH_KIND_TYPE: {
		const struct ph_type_entry *self = ph_type_entry(d->objects, object);
		const char *dot = self ? strrchr(self->type.name, '.') : NULL;
		return !self ? NULL : dot ? dot + 1 : self->type.name;
	}
	case PH_KIND_FUNCTION:
		if (!strcmp(type->type.full, "builtin_function_or_method"))
			return ph_builtin_name(d, object);
		name = strcmp(type->type.full, "function") ? 0 :
			       ph_read_ptr(d->objects, object, PH_PyFunctionObject_func_name);
		break;
	case PH_KIND_GENERATOR:
		name = ph_read_ptr(d->objects, object, PH_PyGenObject_gi_name);
		break;
	default:
		/* since gh-99184 only what the type has counts */
		if (ph_target_trait(d->target, PH_TRAIT_REPR_WEAKREF_NAME_OF_TYPE) != 1)
			name = ph_object_attribute(d->objects, object, "__name__");
	}
	return name ? ph_value_str(d, name, NULL) : NULL;
}

enum ph_status ph_decode_weakref(struct ph_decode *d)
{
	ph_addr object = referent(d);
	if (!object) {
		ph_decode_text(d, ph_value_printf(d->value, "<weakref at 0x%llx; dead>", (ull)d->address));
		return PH_OK;
	}
	const char *type = ph_object_type_entry(d->objects, object)->tp_name;
	const char *name = referent_name(d, object);
	if (name)
		ph_decode_text(d, ph_value_printf(d->value, "<weakref at 0x%llx; to '%s' at 0x%llx (%s)>",
						  (ull)d->address, type, (ull)object, name));
	else
		ph_decode_text(d, ph_value_printf(d->value, "<weakref at 0x%llx; to '%s' at 0x%llx>", (ull)d->address,
						  type, (ull)object));
	ph_decode_structural(d, "__referent__", object);
	return PH_OK;
}

enum ph_status ph_decode_weakproxy(struct ph_decode *d)
{
	ph_addr object = referent(d);
	const char *type = object ? ph_object_type_entry(d->objects, object)->tp_name : "NoneType";
	if (!object)
		object = d->target->none;
	bool quoted_type = ph_target_trait(d->target, PH_TRAIT_REPR_WEAKPROXY_QUOTES);
	if (quoted_type && object == d->target->none)
		ph_decode_text(d, ph_value_printf(d->value, "<weakproxy at 0x%llx; dead>", (ull)d->address));
	else
		ph_decode_text(d, ph_value_printf(d->value,
						  quoted_type ? "<weakproxy at 0x%llx; to '%s' at 0x%llx>" :
								"<weakproxy at 0x%llx to %s at 0x%llx>",
						  (ull)d->address, type, (ull)object));
	ph_decode_structural(d, "__referent__", object);
	return PH_OK;
}

/* ---- generators, frames, tracebacks ---- */

/* gi_code; since 3.12 only the frame has it, and 0 once that is done with. */
static ph_addr generator_code(struct ph_decode *d)
{
	struct ph_frame_state state;
	ph_addr code = ph_read_ptr(d->objects, d->address, PH_PyGenObject_gi_code);
	if (!code && ph_frame_load_generator(d->objects, d->address, &state) == PH_OK && state.code)
		code = state.code->address;
	return code;
}

/* gen_sizeof(): since 3.11 the frame is in the object. */
static int64_t size_of_generator(struct ph_decode *d)
{
	if (!ph_target_has(d->target, PH_PyGenObject_gi_iframe))
		return d->value->size;
	ph_addr code = ph_read_ptr(d->objects, d->address, PH_PyGenObject_gi_code);
	if (!code) /* 3.12: only in the frame */
		code = ph_read_ptr(d->objects, ph_target_at(d->target, d->address, PH_PyGenObject_gi_iframe),
				   ph_target_has(d->target, PH_PyInterpreterFrame_f_executable) ?
					   PH_PyInterpreterFrame_f_executable :
					   PH_PyInterpreterFrame_f_code);
	code = ph_untag_ref(d->target, code);
	if (!ph_code_get(d->objects, code))
		return -1;
	int64_t slots = ph_read_int(d->objects, code, PH_PyCodeObject_co_nlocalsplus) +
			ph_read_int(d->objects, code, PH_PyCodeObject_co_stacksize);
	if (slots < 0 || slots >> 24)
		return -1;
	const struct ph_slot *fields = d->target->layout.slots;
	return ph_size_with_head(d, fields[PH_PyGenObject_gi_iframe].offset +
					    fields[PH_PyInterpreterFrame_localsplus].offset +
					    slots * d->target->layout.abi.pointer_size);
}

/* The names of the attributes are by kind: gen_getsetlist, coro_memberlist, … of Objects/genobject.c. */
static enum ph_status decode_generator(struct ph_decode *d, const char *kind, const char *code_name,
				       const char *frame_name)
{
	const char *name = ph_value_str(d, ph_read_ptr(d->objects, d->address, PH_PyGenObject_gi_qualname), "?");
	if (!ph_target_has(d->target, PH_PyGenObject_gi_qualname)) {
		/* 2.7: only the code has a name */
		const struct ph_code *code =
			ph_code_get(d->objects, ph_read_ptr(d->objects, d->address, PH_PyGenObject_gi_code));
		name = code ? ph_value_copy(d->value, code->name, strlen(code->name)) : NULL;
		name = name ? name : "?";
	}
	ph_decode_text(d, ph_value_printf(d->value, "<%s object %s at 0x%llx>", kind, name, (ull)d->address));
	d->value->size = size_of_generator(d);
	ph_decode_structural(d, code_name, generator_code(d));
	ph_decode_structural_field(d, frame_name, PH_PyGenObject_gi_frame);
	return PH_OK;
}

enum ph_status ph_decode_generator(struct ph_decode *d)
{
	return decode_generator(d, "generator", "gi_code", "gi_frame");
}

enum ph_status ph_decode_coroutine(struct ph_decode *d)
{
	return decode_generator(d, "coroutine", "cr_code", "cr_frame");
}

enum ph_status ph_decode_async_generator(struct ph_decode *d)
{
	return decode_generator(d, "async_generator", "ag_code", "ag_frame");
}

enum ph_status ph_decode_traceback(struct ph_decode *d)
{
	ph_decode_structural_field(d, "tb_frame", PH_PyTracebackObject_tb_frame);
	ph_decode_structural_field(d, "tb_next", PH_PyTracebackObject_tb_next);
	return PH_OK;
}

enum ph_status ph_decode_frame(struct ph_decode *d)
{
	struct ph_frame_state state;
	ph_decode_structural_field(d, "f_back", PH_PyFrameObject_f_back);
	if (ph_frame_load_object(d->objects, d->address, &state) != PH_OK || !state.code)
		return PH_OK;
	struct ph_buffer text = PH_BUFFER(1 << 16);
	const char *file = state.code->filename ? state.code->filename : "???";
	ph_buffer_printf(&text, "<frame at 0x%llx, file ", (ull)d->address);
	ph_quote_str(file, strlen(file), &text);
	ph_buffer_printf(&text, ", line %d, code %s>", ph_frame_position(d->objects, &state).line,
			 state.code->name ? state.code->name : "?");
	ph_decode_text(d, ph_value_copy(d->value, ph_buffer_text(&text), text.size));
	ph_buffer_deinit(&text);
	ph_decode_structural(d, "f_code", state.code->address);
	return PH_OK;
}

/* count(10), count(10, 2): itertools */
enum ph_status ph_decode_count(struct ph_decode *d)
{
	int64_t step, count = ph_read_int(d->objects, d->address, PH_countobject_cnt);
	ph_addr long_count = ph_read_ptr(d->objects, d->address, PH_countobject_long_cnt);
	ph_addr long_step = ph_read_ptr(d->objects, d->address, PH_countobject_long_step);
	if (!long_step)
		return PH_CORRUPT;
	bool by_one = ph_int_get(d->objects, long_step, &step) == PH_OK && step == 1;
	d->value->form = PH_FORM_PARTS;
	d->value->open = "count(";
	d->value->close = ")";
	if (long_count)
		ph_value_add_part(d->value, NULL, long_count, NULL);
	else
		ph_value_add_part(d->value, NULL, 0, ph_value_printf(d->value, "%lld", (long long)count));
	if (!by_one)
		ph_value_add_part(d->value, NULL, long_step, NULL);
	return PH_OK;
}

/* ---- locks: lock_repr(), rlock_repr() in Modules/_threadmodule.c ---- */

enum ph_status ph_decode_lock(struct ph_decode *d)
{
	bool locked = ph_target_has(d->target, PH_lockobject_lock) ?
			      ph_read_int(d->objects, d->address, PH_lockobject_lock) & 1 :
			      ph_read_int(d->objects, d->address, PH_lockobject_locked) != 0;
	ph_decode_text(d, ph_value_printf(d->value, "<%s %s object at 0x%llx>", locked ? "locked" : "unlocked",
					  d->type->tp_name, (ull)d->address));
	return PH_OK;
}

enum ph_status ph_decode_rlock(struct ph_decode *d)
{
	uint64_t owner, count;
	bool is_mutex = ph_target_has(d->target, PH_rlockobject_lock_mutex);
	enum ph_status status = ph_target_uint(
		d->target, d->address, is_mutex ? PH_rlockobject_lock_thread : PH_rlockobject_rlock_owner, &owner);
	if (status == PH_OK)
		status = ph_target_uint(d->target, d->address,
					is_mutex ? PH_rlockobject_lock_level : PH_rlockobject_rlock_count, &count);
	if (status == PH_OK && is_mutex)
		count = ph_read_int(d->objects, d->address, PH_rlockobject_lock_mutex) & 1 ? count + 1 : 0;
	if (status != PH_OK)
		return status;
	ph_decode_text(d, ph_value_printf(d->value, "<%s %s object owner=%lld count=%llu at 0x%llx>",
					  count ? "locked" : "unlocked", d->type->tp_name, (long long)owner, (ull)count,
					  (ull)d->address));
	return PH_OK;
}
