/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which exceptions a thread has: handled, being raised, reported, last. */
#include "runtime/internal.h"

#include <inttypes.h>

#define MAX_ITEMS 1000 /* of the exc_info stack: one for each generator that runs */

/* PyThreadState.curexc_*, until 3.12 made them one (current_exception). */
static bool has_parts(struct ph_runtime *runtime)
{
	return ph_target_has(runtime->target, PH_PyThreadState_curexc_type);
}

ph_addr ph_runtime_raised_traceback(struct ph_runtime *runtime, ph_addr exception)
{
	/* PyTraceBack_Here() extends curexc_traceback; the exception's own is set when it is caught */
	for (size_t i = 0; has_parts(runtime) && i < runtime->thread_count; i++) {
		ph_addr thread = runtime->threads[i].address;
		if (ph_runtime_ptr(runtime, thread, PH_PyThreadState_curexc_value) == exception)
			return ph_runtime_ptr(runtime, thread, PH_PyThreadState_curexc_traceback);
	}
	return 0;
}

/* ---- 2.7 and 3.6: the state of a thread and what frames saved of it ---- */

static ph_addr innermost_frame(struct ph_runtime *runtime, ph_addr thread)
{
	return ph_runtime_ptr(runtime, thread, PH_PyThreadState_frame);
}

/* The i-th exception being handled, the innermost first, with its traceback: the thread state's, then those that
 * set_exc_info() (2.7, for each frame that handles one) or save_exc_state() (3.6, for running generators;
 * Python/ceval.c) saved in frames.  False behind the last. */
struct saved {
	ph_addr frame; /* 0: the thread state's is next */
	size_t steps;
};

static bool next_saved(struct ph_runtime *runtime, ph_addr thread, struct saved *at, ph_addr *ret_value,
		       ph_addr *ret_traceback)
{
	if (!at->steps++) {
		*ret_value = ph_runtime_ptr(runtime, thread, PH_PyThreadState_exc_value);
		*ret_traceback = ph_runtime_ptr(runtime, thread, PH_PyThreadState_exc_traceback);
		return true;
	}
	at->frame = at->steps == 2 ? innermost_frame(runtime, thread) :
				     ph_runtime_ptr(runtime, at->frame, PH_PyFrameObject_f_back);
	if (!at->frame || at->steps > PH_MAX_FRAMES)
		return false;
	*ret_value = ph_runtime_ptr(runtime, at->frame, PH_PyFrameObject_f_exc_value);
	*ret_traceback = ph_runtime_ptr(runtime, at->frame, PH_PyFrameObject_f_exc_traceback);
	return true;
}

/* Where exceptions have no __traceback__ (2.7): what the thread that handles it, or sys.last_traceback, has. */
ph_addr ph_runtime_kept_traceback(struct ph_runtime *runtime, ph_addr exception)
{
	ph_addr value, traceback;
	if (ph_target_has(runtime->target, PH_PyBaseExceptionObject_traceback))
		return 0;
	for (size_t i = 0; i < runtime->thread_count; i++) {
		struct saved at = { 0 };
		while (next_saved(runtime, runtime->threads[i].address, &at, &value, &traceback))
			if (value == exception)
				return traceback;
	}
	for (size_t i = 0; i < runtime->interp_count; i++)
		if (ph_dict_get(runtime->objects, runtime->interps[i].sysdict, "last_value") == exception)
			return ph_dict_get(runtime->objects, runtime->interps[i].sysdict, "last_traceback");
	return 0;
}

bool ph_runtime_is_raised_slot(struct ph_runtime *runtime, ph_addr address, ph_addr *ret_type, ph_addr *ret_value,
			       ph_addr *ret_traceback)
{
	for (size_t i = 0; has_parts(runtime) && i < runtime->thread_count; i++) {
		ph_addr thread = runtime->threads[i].address;
		if (ph_target_at(runtime->target, thread, PH_PyThreadState_curexc_type) != address)
			continue;
		*ret_type = ph_runtime_ptr(runtime, thread, PH_PyThreadState_curexc_type);
		*ret_value = ph_runtime_ptr(runtime, thread, PH_PyThreadState_curexc_value);
		*ret_traceback = ph_runtime_ptr(runtime, thread, PH_PyThreadState_curexc_traceback);
		return *ret_type != 0;
	}
	return false;
}

struct list {
	struct ph_state_exception items[MAX_ITEMS + 8];
	size_t count;
};

static void add(struct ph_runtime *runtime, struct list *list, ph_addr exception, enum ph_exception_state state)
{
	if (!ph_runtime_is_exception(runtime, exception) ||
	    list->count == sizeof(list->items) / sizeof(list->items[0]))
		return;
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].address == exception)
			return;
	list->items[list->count++] = (struct ph_state_exception){ .address = exception, .state = state };
}

/* The stack of _PyErr_StackItem: the thread's own at its bottom, above it those
 * of the generators that run, innermost first (Objects/genobject.c, gen_send_ex). */
static void add_handled(struct ph_runtime *runtime, const struct ph_thread_state *thread, struct list *list)
{
	if (!ph_target_has(runtime->target, PH_PyThreadState_exc_info)) {
		struct saved at = { 0 };
		ph_addr value, traceback;
		while (next_saved(runtime, thread->address, &at, &value, &traceback))
			add(runtime, list, value, PH_EXCEPTION_HANDLED);
		return;
	}
	ph_addr item = ph_runtime_ptr(runtime, thread->address, PH_PyThreadState_exc_info);
	enum ph_status status = PH_OK;
	for (size_t i = 0; item && i < MAX_ITEMS; i++) {
		ph_addr value = 0, next = 0, type;
		status = ph_target_ptr(runtime->target, item, PH_PyErr_StackItem_exc_value, &value);
		if (status == PH_OK)
			status = ph_target_ptr(runtime->target, item, PH_PyErr_StackItem_previous_item, &next);
		if (status != PH_OK)
			break;
		/* the object itself: a core that is cut may lack it */
		if (value)
			status = ph_target_ptr(runtime->target, value, PH_PyObject_ob_type, &type);
		if (status != PH_OK)
			break;
		add(runtime, list, value, PH_EXCEPTION_HANDLED);
		item = next;
	}
	if (item) {
		char where[64];
		ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, ph_runtime_where(thread, where),
			      "the stack of exceptions: %s", ph_status_text(status == PH_OK ? PH_LIMIT : status));
	}
}

static void add_raised(struct ph_runtime *runtime, const struct ph_thread_state *thread, struct list *list)
{
	if (!has_parts(runtime)) {
		add(runtime, list, ph_runtime_ptr(runtime, thread->address, PH_PyThreadState_current_exception),
		    PH_EXCEPTION_RAISED);
		return;
	}
	ph_addr value = ph_runtime_ptr(runtime, thread->address, PH_PyThreadState_curexc_value);
	ph_addr type = ph_runtime_ptr(runtime, thread->address, PH_PyThreadState_curexc_type);
	if (ph_runtime_is_exception(runtime, value))
		add(runtime, list, value, PH_EXCEPTION_RAISED);
	else if (type && ph_type_get(runtime->objects, type) &&
		 list->count < sizeof(list->items) / sizeof(list->items[0]))
		list->items[list->count++] = (struct ph_state_exception){
			.address = ph_target_at(runtime->target, thread->address, PH_PyThreadState_curexc_type),
			.state = PH_EXCEPTION_RAISED,
		};
}

/* _PyErr_PrintEx() of Python/pythonrun.c sets sys.last_* before it calls sys.excepthook. */
static void add_last(struct ph_runtime *runtime, const struct ph_thread_state *thread, struct list *list)
{
	if (!runtime->interps[thread->interpreter].main || !ph_runtime_is_main_thread(runtime, thread))
		return;
	ph_addr sysdict = runtime->interps[thread->interpreter].sysdict;
	add(runtime, list, ph_dict_get(runtime->objects, sysdict, "last_exc"), PH_EXCEPTION_LAST);
	add(runtime, list, ph_dict_get(runtime->objects, sysdict, "last_value"), PH_EXCEPTION_LAST);
}

struct ph_error *ph_runtime_thread_exceptions(struct ph_runtime *runtime, const struct ph_thread_state *thread,
					      struct ph_arena *arena, struct ph_state_exception **ret,
					      size_t *ret_count)
{
	struct list list;
	list.count = 0;
	add_handled(runtime, thread, &list);
	add_raised(runtime, thread, &list);
	add(runtime, &list, ph_runtime_hook_argument(runtime, thread, arena), PH_EXCEPTION_RAISED);
	add_last(runtime, thread, &list);
	struct ph_state_exception *copy = ph_arena_array(arena, struct ph_state_exception, list.count + 1);
	if (!copy)
		return &ph_error_no_memory;
	for (size_t i = 0; i < list.count; i++)
		copy[i] = list.items[i];
	*ret = copy;
	*ret_count = list.count;
	return NULL;
}
