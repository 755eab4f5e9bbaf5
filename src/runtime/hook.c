/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An exception that is being reported: no stack of exceptions holds it then, it
 * is an argument of the hook that Python called from C. */
#include "runtime/internal.h"

#define MAX_HOOK_DEPTH 1000 /* frames looked at */

/* The code object of a function or bound method, 0 for what is neither. */
static ph_addr function_code(struct ph_runtime *runtime, ph_addr function)
{
	const struct ph_type *type = function ? ph_object_type(runtime->objects, function) : NULL;
	if (type && type->kind == PH_KIND_METHOD) {
		function = ph_runtime_ptr(runtime, function, PH_PyMethodObject_im_func);
		type = function ? ph_object_type(runtime->objects, function) : NULL;
	}
	if (!type || type->kind != PH_KIND_FUNCTION)
		return 0;
	return ph_runtime_ptr(runtime, function, PH_PyFunctionObject_func_code);
}

/* excepthook(type, value, traceback); unraisablehook(args) with args.exc_value second. */
static ph_addr exception_argument(struct ph_runtime *runtime, const struct ph_frame *frame)
{
	for (size_t i = 0; i < frame->local_count; i++) {
		ph_addr value = frame->locals[i].address;
		if (frame->locals[i].kind != PH_LOCAL_ARGUMENT && frame->locals[i].kind != PH_LOCAL_CELL)
			continue;
		if (ph_runtime_is_exception(runtime, value))
			return value;
		value = ph_sequence_item(runtime->objects, value, 1);
		if (ph_runtime_is_exception(runtime, value))
			return value;
	}
	return 0;
}

ph_addr ph_runtime_hook_argument(struct ph_runtime *runtime, const struct ph_thread_state *thread,
				 struct ph_arena *arena)
{
	ph_addr sysdict = runtime->interps[thread->interpreter].sysdict;
	ph_addr hooks[] = {
		function_code(runtime, ph_dict_get(runtime->objects, sysdict, "excepthook")),
		function_code(runtime, ph_dict_get(runtime->objects, sysdict, "unraisablehook")),
	};
	struct ph_frame_state state;
	if ((!hooks[0] && !hooks[1]) || ph_runtime_innermost(runtime, thread->address, &state) != PH_OK)
		return 0;
	for (size_t i = 0; i < MAX_HOOK_DEPTH; i++) {
		ph_addr code = !state.hidden && state.code ? state.code->address : 0;
		struct ph_frame frame;
		if (code && (code == hooks[0] || code == hooks[1]) &&
		    ph_frame_record(runtime->objects, &state, arena, &frame) == PH_OK)
			return exception_argument(runtime, &frame);
		if (!state.previous || ph_frame_load(runtime->objects, state.previous, &state) != PH_OK)
			break;
	}
	return 0;
}
