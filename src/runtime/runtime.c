/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/internal.h"

#include "base/cleanup.h"
#include "base/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREAD_COUNTS_MAXIMUM (1 << 24) /* identifiers of objects that threads count */

const char *ph_runtime_where(const struct ph_thread_state *thread, char *buffer)
{
	if (thread->native_id)
		snprintf(buffer, 64, "thread %" PRId64, thread->native_id);
	else
		snprintf(buffer, 64, "thread state 0x%" PRIx64, thread->address);
	return buffer;
}

static void note(struct ph_runtime *runtime, const char *where, ph_addr address, enum ph_status status)
{
	ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, where, "0x%" PRIx64 ": %s", address,
		      ph_status_text(status));
}

/* ---- interpreters ---- */

static ph_addr interp_gil(struct ph_runtime *runtime, ph_addr interp)
{
	if (ph_target_trait(runtime->target, PH_TRAIT_GIL_FORM) <= 0)
		return ph_target_at(runtime->target, runtime->target->runtime, PH_PyRuntimeState_ceval_gil);
	return ph_runtime_ptr(runtime, interp, PH_PyInterpreterState_ceval_gil);
}

/* A dict of the interpreter; 0 and damage when it is none. */
static ph_addr interp_dict(struct ph_runtime *runtime, ph_addr interp, enum ph_field field, const char *name)
{
	ph_addr dict = ph_runtime_ptr(runtime, interp, field);
	if (!dict || ph_is_dict(runtime->objects, dict))
		return dict;
	ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, "interpreters", "%s at 0x%" PRIx64 " %s", name, dict,
		      ph_image_is_cut_off(runtime->image, dict) ? "is not in the core" : "is not a dict");
	return 0;
}

static enum ph_status load_interp(struct ph_runtime *runtime, ph_addr address, ph_addr main, ph_addr *ret_next)
{
	struct ph_target *target = runtime->target;
	enum ph_status status = ph_target_ptr(target, address, PH_PyInterpreterState_next, ret_next);
	if (status != PH_OK)
		return status;
	struct ph_interp_state *interp = &runtime->interps[runtime->interp_count];
	*interp = (struct ph_interp_state){
		.address = address,
		.modules = interp_dict(runtime, address,
				       ph_target_trait(target, PH_TRAIT_MODULES_FORM) ?
					       PH_PyInterpreterState_imports_modules :
					       PH_PyInterpreterState_modules,
				       "sys.modules"),
		.sysdict = interp_dict(runtime, address, PH_PyInterpreterState_sysdict, "the dict of sys"),
		.builtins = interp_dict(runtime, address, PH_PyInterpreterState_builtins, "the dict of builtins"),
	};
	(void)ph_target_int(target, address, PH_PyInterpreterState_id, &interp->id);
	interp->main = main ? address == main : interp->id == 0 && ph_target_has(target, PH_PyInterpreterState_id);
	runtime->extras[runtime->interp_count++].gil = interp_gil(runtime, address);
	return PH_OK;
}

/* Before interpreters had numbers (2.7, 3.6): new ones come first in the list. */
static void number_interps(struct ph_runtime *runtime)
{
	size_t count = runtime->interp_count;
	if (!count || ph_target_has(runtime->target, PH_PyInterpreterState_id))
		return;
	for (size_t i = 0; i < count; i++)
		runtime->interps[i].id = (int64_t)(count - 1 - i);
	runtime->interps[count - 1].main = true;
}

static struct ph_error *load_interps(struct ph_runtime *runtime)
{
	struct ph_addrmap seen = { 0 };
	ph_addr main = runtime->target->interp_main;
	ph_addr address = runtime->target->interp_head;
	size_t capacity = 0;
	struct ph_error *error = NULL;

	while (address) {
		if (runtime->interp_count == PH_MAX_INTERPRETERS || !ph_addrmap_add(&seen, address)) {
			ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, "interpreters",
				      "the list of interpreters does not end");
			break;
		}
		if (runtime->interp_count == capacity) {
			size_t grown = capacity ? capacity * 4 : 4;
			void *interps = realloc(runtime->interps, grown * sizeof(*runtime->interps));
			if (interps)
				runtime->interps = interps;
			void *extras = realloc(runtime->extras, grown * sizeof(*runtime->extras));
			if (extras)
				runtime->extras = extras;
			if (!interps || !extras) {
				error = &ph_error_no_memory;
				break;
			}
			memset(runtime->extras + capacity, 0, (grown - capacity) * sizeof(*runtime->extras));
			capacity = grown;
		}
		ph_addr next = 0;
		enum ph_status status = load_interp(runtime, address, main, &next);
		if (status != PH_OK) {
			note(runtime, "interpreters", address, status);
			break;
		}
		address = next;
	}
	ph_addrmap_deinit(&seen);
	number_interps(runtime);
	return error;
}

/* ---- thread states ---- */

/* The thread state that holds a GIL; 0 none.  The runtime's current thread state
 * is exact; last_holder is not when a thread swaps between interpreters (3.8 to 3.11). */
static ph_addr gil_holder(struct ph_runtime *runtime, ph_addr gil)
{
	int64_t locked = 0;
	if (runtime->target->tstate_current)
		return runtime->target->tstate_current;
	if (!gil || ph_target_int(runtime->target, gil, PH_gil_runtime_state_locked, &locked) != PH_OK || locked != 1)
		return 0;
	if (ph_target_trait(runtime->target, PH_TRAIT_TSTATE_CURRENT_FORM) == 0) {
		ph_addr current = ph_runtime_ptr(runtime, runtime->target->runtime,
						 PH_PyRuntimeState_gilstate_tstate_current);
		if (current)
			return current;
	}
	return ph_runtime_ptr(runtime, gil, PH_gil_runtime_state_last_holder);
}

static enum ph_status load_thread(struct ph_runtime *runtime, size_t interp, ph_addr address, ph_addr holder,
				  ph_addr *ret_next)
{
	struct ph_target *target = runtime->target;
	struct ph_thread_state *thread = &runtime->threads[runtime->thread_count];
	uint64_t native = 0;
	ph_addr next = 0;
	enum ph_status status = ph_target_ptr(target, address, PH_PyThreadState_next, &next);
	if (status == PH_OK && ph_runtime_ptr(runtime, address, PH_PyThreadState_interp) !=
				       runtime->interps[interp].address)
		status = PH_CORRUPT;
	if (status != PH_OK)
		return status;
	*thread = (struct ph_thread_state){ .address = address, .interpreter = interp, .native = -1 };
	(void)ph_target_uint(target, address, PH_PyThreadState_thread_id, &thread->id);
	(void)ph_target_uint(target, address, PH_PyThreadState_native_thread_id, &native);
	thread->native_id = native <= INT32_MAX ? (int64_t)native : 0;
	thread->holds_gil = address == holder;
	struct ph_frame_state frame;
	thread->has_frames = ph_runtime_innermost(runtime, address, &frame) != PH_ABSENT;
	runtime->thread_count++;
	*ret_next = next;
	return PH_OK;
}

static struct ph_error *grow_threads(struct ph_runtime *runtime, size_t *capacity)
{
	if (runtime->thread_count < *capacity)
		return NULL;
	size_t grown = *capacity ? *capacity * 2 : 16;
	void *threads = realloc(runtime->threads, grown * sizeof(*runtime->threads));
	if (!threads)
		return &ph_error_no_memory;
	runtime->threads = threads;
	*capacity = grown;
	return NULL;
}

static struct ph_error *load_threads(struct ph_runtime *runtime)
{
	struct ph_addrmap seen = { 0 };
	enum ph_field head = ph_target_trait(runtime->target, PH_TRAIT_THREADS_FORM) ?
				     PH_PyInterpreterState_threads_head :
				     PH_PyInterpreterState_tstate_head;
	size_t capacity = 0;
	struct ph_error *error = NULL;

	for (size_t i = 0; i < runtime->interp_count && !error; i++) {
		ph_addr holder = gil_holder(runtime, runtime->extras[i].gil);
		ph_addr address = ph_runtime_ptr(runtime, runtime->interps[i].address, head);
		while (address) {
			if (runtime->thread_count == PH_MAX_THREADS || !ph_addrmap_add(&seen, address)) {
				ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, "threads",
					      "the list of thread states does not end");
				break;
			}
			error = grow_threads(runtime, &capacity);
			if (error)
				break;
			ph_addr next = 0;
			enum ph_status status = load_thread(runtime, i, address, holder, &next);
			if (status != PH_OK) {
				note(runtime, "threads", address, status);
				break;
			}
			address = next;
		}
	}
	ph_addrmap_deinit(&seen);
	return error;
}

/* What threads of a free-threaded build count by themselves, summed.  Identifiers are an interpreter's: of several
 * nobody knows whose they are. */
static struct ph_error *load_thread_counts(struct ph_runtime *runtime)
{
	const struct ph_target *t = runtime->target;
	size_t width = t->layout.abi.pointer_size, count = 0;
	ph_auto_free int64_t *sums = NULL;
	if (runtime->interp_count != 1 || !ph_target_has(t, PH_PyThreadStateImpl_refcounts_values))
		return NULL;
	for (size_t i = 0; i < runtime->thread_count; i++) {
		ph_addr values, thread = runtime->threads[i].address;
		int64_t size = 0;
		if (ph_target_ptr(t, thread, PH_PyThreadStateImpl_refcounts_values, &values) != PH_OK ||
		    ph_target_int(t, thread, PH_PyThreadStateImpl_refcounts_size, &size) != PH_OK || size <= 0 ||
		    size > THREAD_COUNTS_MAXIMUM)
			continue;
		const uint8_t *data = ph_image_look(t->image, values, (size_t)size * width);
		if (!data)
			continue;
		if ((size_t)size > count) {
			int64_t *grown = realloc(sums, (size_t)size * sizeof(*sums));
			if (!grown)
				return &ph_error_no_memory;
			memset(grown + count, 0, ((size_t)size - count) * sizeof(*sums));
			sums = grown;
			count = (size_t)size;
		}
		for (size_t k = 0; k < (size_t)size; k++)
			sums[k] = (int64_t)((uint64_t)sums[k] +
					    (uint64_t)ph_load_int(data + k * width, width, t->layout.abi.big_endian));
	}
	ph_objects_take_thread_counts(runtime->objects, ph_take_ptr(sums), count);
	return NULL;
}

/* ---- the public part ---- */

struct ph_error *ph_runtime_create(struct ph_objects *objects, struct ph_runtime **ret)
{
	struct ph_runtime *runtime = calloc(1, sizeof(*runtime));
	if (!runtime)
		return &ph_error_no_memory;
	runtime->objects = objects;
	runtime->target = ph_objects_target(objects);
	runtime->image = runtime->target->image;
	struct ph_error *error = load_interps(runtime);
	if (!error)
		error = load_threads(runtime);
	if (!error)
		error = load_thread_counts(runtime);
	if (error) {
		ph_runtime_free(runtime);
		return error;
	}
	ph_runtime_match(runtime);
	*ret = runtime;
	return NULL;
}

void ph_runtime_free(struct ph_runtime *runtime)
{
	if (!runtime)
		return;
	for (size_t i = 0; i < runtime->interp_count; i++)
		ph_addrmap_deinit(&runtime->extras[i].names);
	free(runtime->interps);
	free(runtime->extras);
	free(runtime->threads);
	free(runtime);
}

size_t ph_runtime_interpreters(struct ph_runtime *runtime, const struct ph_interp_state **ret)
{
	*ret = runtime->interps;
	return runtime->interp_count;
}

size_t ph_runtime_threads(struct ph_runtime *runtime, const struct ph_thread_state **ret)
{
	*ret = runtime->threads;
	return runtime->thread_count;
}
