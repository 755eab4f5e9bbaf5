/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An exception's own parts: PyBaseExceptionObject of Include/cpython/pyerrors.h,
 * tracebacks of Include/cpython/traceback.h. */
#include "runtime/internal.h"

#include <inttypes.h>
#include <stdio.h>

#define MAX_ARGUMENTS 1000
#define MAX_NOTES 1000
#define MAX_MEMBERS 1000

bool ph_runtime_is_exception(struct ph_runtime *runtime, ph_addr object)
{
	if (!object || object == runtime->target->none)
		return false;
	int32_t bit = ph_target_trait(runtime->target, PH_TRAIT_TPFLAG_BASE_EXC_SUBCLASS);
	const struct ph_type *type = ph_object_type(runtime->objects, object);
	return type && bit >= 0 && type->flags >> bit & 1;
}

static void damage(struct ph_runtime *runtime, ph_addr exception, const char *what, enum ph_status status)
{
	char where[64];
	snprintf(where, sizeof(where), "exception at 0x%" PRIx64, exception);
	ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, where, "%s: %s", what, ph_status_text(status));
}

/* ---- tracebacks ---- */

enum ph_status ph_traceback_frame(struct ph_runtime *runtime, ph_addr traceback, struct ph_arena *arena,
				  struct ph_frame *ret)
{
	struct ph_target *target = runtime->target;
	struct ph_frame_state state;
	ph_addr frame = 0;
	int64_t line = 0, lasti = 0;
	enum ph_status status = ph_target_ptr(target, traceback, PH_PyTracebackObject_tb_frame, &frame);
	if (status == PH_OK)
		status = ph_target_int(target, traceback, PH_PyTracebackObject_tb_lineno, &line);
	if (status == PH_OK)
		status = ph_target_int(target, traceback, PH_PyTracebackObject_tb_lasti, &lasti);
	if (status == PH_OK)
		status = ph_frame_load_object(runtime->objects, frame, &state);
	if (status != PH_OK)
		return status;
	/* where it was when the exception passed, not where the frame is now; since 3.12 tb_lineno is -1
	 * until asked for (tb_lineno_get() in Python/traceback.c) */
	int32_t unit = ph_target_trait(target, PH_TRAIT_TB_LASTI_UNIT);
	state.lasti = lasti * (unit > 0 ? unit : 1);
	state.line = line > 0 ? (int)line : 0;
	return ph_frame_record(runtime->objects, &state, arena, ret);
}

static size_t traceback_length(struct ph_runtime *runtime, ph_addr exception, ph_addr traceback)
{
	ph_addr anchor = 0;
	size_t count = 0, power = 1, steps = 0;
	while (traceback && count < PH_MAX_FRAMES) {
		ph_addr next = 0;
		enum ph_status status =
			ph_target_ptr(runtime->target, traceback, PH_PyTracebackObject_tb_next, &next);
		if (status != PH_OK) {
			damage(runtime, exception, "traceback", status);
			return count;
		}
		count++;
		traceback = next;
		if (traceback && traceback == anchor) {
			damage(runtime, exception, "the traceback leads back into itself", PH_CORRUPT);
			/* the loop was met by now, and is this long at most */
			return count;
		}
		if (++steps == power) {
			anchor = traceback;
			power *= 2;
			steps = 0;
		}
	}
	if (traceback)
		damage(runtime, exception, "traceback", PH_LIMIT);
	return count;
}

static void load_traceback(struct ph_runtime *runtime, ph_addr traceback, struct ph_arena *arena,
			   struct ph_exception *exception)
{
	size_t count = traceback_length(runtime, exception->address, traceback);
	if (!count)
		return;
	exception->traceback = ph_arena_array(arena, struct ph_frame, count);
	if (!exception->traceback)
		return;
	enum ph_status status = PH_OK;
	size_t locals = 0;
	for (size_t i = 0; i < count && traceback && locals <= PH_MAX_LOCALS; i++) {
		struct ph_frame *frame = &exception->traceback[exception->traceback_count];
		enum ph_status one = ph_traceback_frame(runtime, traceback, arena, frame);
		if (one == PH_OK || frame->function)
			exception->traceback_count++;
		locals += frame->local_count;
		if (one != PH_OK)
			status = one;
		traceback = ph_runtime_ptr(runtime, traceback, PH_PyTracebackObject_tb_next);
	}
	if (locals > PH_MAX_LOCALS)
		status = PH_LIMIT;
	if (status != PH_OK)
		damage(runtime, exception->address, "a frame of its traceback", status);
}

/* ---- parts ---- */

/* Up to `maximum` items of a tuple or list into the arena. */
static ph_addr *load_items(struct ph_runtime *runtime, ph_addr sequence, size_t maximum, struct ph_arena *arena,
			   size_t *ret_count)
{
	ph_addr items;
	size_t count;
	if (!sequence || ph_sequence_items(runtime->objects, sequence, &items, &count) != PH_OK || !count)
		return NULL;
	if (count > maximum)
		count = maximum;
	ph_addr *list = ph_arena_array(arena, ph_addr, count);
	if (!list || ph_target_read_ptrs(runtime->target, items, count, list) != PH_OK)
		return NULL;
	*ret_count = count;
	return list;
}

static void load_arguments(struct ph_runtime *runtime, ph_addr arguments, struct ph_arena *arena,
			   struct ph_exception *exception)
{
	exception->arg_addresses = load_items(runtime, arguments, MAX_ARGUMENTS, arena, &exception->arg_count);
	exception->args = ph_arena_array(arena, const char *, exception->arg_count + 1);
	if (!exception->args)
		exception->arg_count = 0;
}

/* __notes__ lies in the exception's __dict__ (BaseException.add_note(), PEP 678). */
static void load_notes(struct ph_runtime *runtime, ph_addr address, struct ph_arena *arena,
		       struct ph_exception *exception)
{
	ph_addr dict = ph_runtime_ptr(runtime, address, PH_PyBaseExceptionObject_dict);
	ph_addr notes = dict ? ph_dict_get(runtime->objects, dict, "__notes__") : 0;
	size_t count = 0;
	ph_addr *items = load_items(runtime, notes, MAX_NOTES, arena, &count);
	exception->notes = ph_arena_array(arena, const char *, count + 1);
	for (size_t i = 0; exception->notes && i < count; i++) {
		const char *note = ph_str_get(runtime->objects, items[i], arena);
		if (note)
			exception->notes[exception->note_count++] = note;
	}
}

/* Of __cause__ or __context__: 0 for None. */
static ph_addr load_link(struct ph_runtime *runtime, ph_addr address, enum ph_field field, const char *name)
{
	ph_addr link = ph_runtime_ptr(runtime, address, field);
	if (!link || link == runtime->target->none)
		return 0;
	if (ph_runtime_is_exception(runtime, link))
		return link;
	damage(runtime, address, name, PH_CORRUPT);
	return 0;
}

/* Set in C as a type and a value, not yet an instance. */
static void load_raised_slot(struct ph_runtime *runtime, ph_addr type_address, ph_addr value, ph_addr traceback,
			     struct ph_arena *arena, struct ph_exception *ret)
{
	const struct ph_type *type = ph_type_get(runtime->objects, type_address);
	int32_t bit = ph_target_trait(runtime->target, PH_TRAIT_TPFLAG_TUPLE_SUBCLASS);
	const struct ph_type *value_type = value ? ph_object_type(runtime->objects, value) : NULL;
	if (type) {
		ret->type = ph_arena_strdup(arena, type->name);
		ret->module = ph_arena_strdup(arena, type->module);
	}
	if (value_type && value_type->flags >> bit & 1) {
		load_arguments(runtime, value, arena, ret);
	} else if (value_type && value != runtime->target->none) {
		ret->arg_addresses = ph_arena_new(arena, ph_addr);
		ret->args = ph_arena_array(arena, const char *, 2);
		if (ret->arg_addresses && ret->args) {
			ret->arg_addresses[0] = value;
			ret->arg_count = 1;
		}
	}
	load_traceback(runtime, traceback, arena, ret);
}

enum ph_status ph_runtime_exception(struct ph_runtime *runtime, ph_addr address, struct ph_arena *arena,
				    struct ph_exception *ret)
{
	struct ph_target *target = runtime->target;
	struct ph_exception exception = { .address = address };
	ph_addr type_address, value, traceback;
	uint64_t suppress = 0;

	if (ph_runtime_is_raised_slot(runtime, address, &type_address, &value, &traceback)) {
		load_raised_slot(runtime, type_address, value, traceback, arena, &exception);
		*ret = exception;
		return PH_OK;
	}
	if (!ph_runtime_is_exception(runtime, address))
		return PH_CORRUPT;
	enum ph_status status = ph_target_uint(target, address, PH_PyBaseExceptionObject_suppress_context, &suppress);
	if (status != PH_OK && status != PH_ABSENT)
		return status;
	const struct ph_type *type = ph_object_type(runtime->objects, address);
	exception.type = ph_arena_strdup(arena, type->name);
	exception.module = ph_arena_strdup(arena, type->module);
	exception.suppress_context = suppress != 0;
	load_arguments(runtime, ph_runtime_ptr(runtime, address, PH_PyBaseExceptionObject_args), arena, &exception);
	load_notes(runtime, address, arena, &exception);
	exception.cause = load_link(runtime, address, PH_PyBaseExceptionObject_cause, "__cause__");
	exception.context = load_link(runtime, address, PH_PyBaseExceptionObject_context, "__context__");
	if (ph_target_has(target, PH_PyBaseExceptionGroupObject_excs) &&
	    ph_type_is_subtype(runtime->objects, type, "BaseExceptionGroup"))
		exception.members = load_items(runtime,
					       ph_runtime_ptr(runtime, address, PH_PyBaseExceptionGroupObject_excs),
					       MAX_MEMBERS, arena, &exception.member_count);
	traceback = ph_runtime_raised_traceback(runtime, address);
	if (!traceback)
		traceback = ph_runtime_ptr(runtime, address, PH_PyBaseExceptionObject_traceback);
	if (!traceback)
		traceback = ph_runtime_kept_traceback(runtime, address);
	if (traceback && traceback != target->none)
		load_traceback(runtime, traceback, arena, &exception);
	*ret = exception;
	return PH_OK;
}
