/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every greenlet there is: nothing leads to those that an event loop of C keeps, but the garbage collector. */
#include "runtime/greenlet.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHERE "greenlets"
#define MAX_BASES 64

struct finder {
	struct ph_runtime *runtime;
	ph_addr type; /* greenlet.greenlet */
	size_t interpreter;
	struct ph_addrmap types; /* address of a type -> whether it is one of greenlets */
	struct ph_addrmap seen;
	struct found {
		struct ph_greenlet_state state;
		size_t interpreter; /* index */
		uint64_t thread;    /* 0 unknown */
	} *list;
	size_t count, capacity;
	bool no_memory;
};

static ph_addr module_dict_entry(struct ph_runtime *runtime, const struct ph_interp_state *interp, const char *name)
{
	static const char *const modules[] = { "greenlet", "greenlet._greenlet" };
	for (size_t i = 0; interp->modules && i < 2; i++) {
		ph_addr module = ph_dict_get(runtime->objects, interp->modules, modules[i]);
		ph_addr entry = module ? ph_object_attribute(runtime->objects, module, name) : 0;
		if (entry)
			return entry;
	}
	return 0;
}

/* ---- which objects ---- */

static bool is_greenlet_type(struct finder *f, ph_addr type)
{
	for (size_t i = 0; type && i < MAX_BASES; i++) {
		if (type == f->type)
			return true;
		if (ph_target_ptr(f->runtime->target, type, PH_PyTypeObject_tp_base, &type) != PH_OK)
			return false;
	}
	return false;
}

static bool add(struct finder *f, ph_addr object)
{
	if (!ph_addrmap_add(&f->seen, object))
		return true;
	if (f->count == f->capacity) {
		size_t capacity = f->capacity ? f->capacity * 2 : 64;
		void *list = realloc(f->list, capacity * sizeof(*f->list));
		if (!list) {
			f->no_memory = true;
			return false;
		}
		f->list = list;
		f->capacity = capacity;
	}
	f->list[f->count++] = (struct found){ .state.address = object, .interpreter = f->interpreter };
	return f->count < PH_MAX_GREENLETS_FOUND;
}

static bool take(void *user, ph_addr object, ph_addr type)
{
	struct finder *f = user;
	uint64_t *known = ph_addrmap_find(&f->types, type);
	bool is_one = known && *known;
	if (!known && type >= 4096 && !(type & 3)) {
		is_one = is_greenlet_type(f, type);
		(void)ph_addrmap_set(&f->types, type, is_one, false);
	}
	return !is_one || add(f, object);
}

static void find(struct finder *f)
{
	struct ph_runtime *runtime = f->runtime;
	bool shared = ph_target_trait(runtime->target, PH_TRAIT_GC_PER_INTERPRETER) <= 0;
	bool done = false;
	for (size_t i = 0; i < runtime->interp_count && !done; i++) {
		f->interpreter = i;
		f->type = module_dict_entry(runtime, &runtime->interps[i], "greenlet");
		if (!f->type)
			continue;
		ph_runtime_gc_objects(runtime, &runtime->interps[i], take, f);
		done = shared;
	}
}

/* ---- their layout ---- */

static bool said_version(struct finder *f, struct ph_version *ret)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(64);
	unsigned major = 0, minor = 0, micro = 0;
	for (size_t i = 0; i < f->runtime->interp_count; i++) {
		ph_addr version = module_dict_entry(f->runtime, &f->runtime->interps[i], "__version__");
		if (!version)
			continue;
		ph_buffer_clear(&text);
		(void)ph_str_read(f->runtime->objects, version, 32, &text);
		ph_buffer_putc(&text, '\0');
		if (!text.no_memory && sscanf(text.data, "%u.%u.%u", &major, &minor, &micro) >= 2 && major < 100 &&
		    minor < 100 && micro < 100) {
			*ret = (struct ph_version){ (uint8_t)major, (uint8_t)minor, (uint8_t)micro, 0xf, 0 };
			return true;
		}
	}
	return false;
}

/* Does the layout in place fit them? */
static bool fits(struct finder *f)
{
	enum { MAX_TRIED = 1000 };
	size_t bad = 0, tried = f->count < MAX_TRIED ? f->count : MAX_TRIED;
	for (size_t i = 0; i < tried; i++) {
		struct ph_greenlet_state state;
		bad += ph_greenlet_load(f->runtime, f->list[i].state.address, &state) != PH_OK ||
		       !ph_greenlet_holds(f->runtime, &state);
	}
	return bad <= tried / 16;
}

static bool place_layout(struct finder *f)
{
	struct ph_layout *layout = &f->runtime->target->layout;
	struct ph_version version;
	if (said_version(f, &version) && ph_layout_place_greenlet(layout, version) && fits(f))
		return true;
	for (size_t i = 0; ph_layout_greenlet_known(i, &version); i++)
		if (ph_layout_place_greenlet(layout, version) && fits(f))
			return true;
	return false;
}

/* ---- whose thread ---- */

/* The thread whose C stack is mapped where the greenlet's begins.  Stacks of threads may touch each other (glibc 2.42 has no
 * page between them that is mapped otherwise): a thread's pthread is at the upper end of its own. */
static const struct ph_thread_state *thread_of_stack(struct ph_runtime *runtime, ph_addr stop)
{
	const struct ph_segment *segments;
	const struct ph_native_thread *natives;
	size_t segment_count = ph_image_segments(runtime->image, &segments);
	size_t native_count = ph_image_threads(runtime->image, &natives);
	size_t low = 0, high = segment_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (segments[middle].end < stop)
			low = middle + 1;
		else
			high = middle;
	}
	const struct ph_thread_state *best = NULL;
	for (size_t i = 0; low < segment_count && i < runtime->thread_count; i++) {
		const struct ph_thread_state *thread = &runtime->threads[i];
		ptrdiff_t native = thread->native;
		if (native < 0 || (size_t)native >= native_count || !natives[native].has_registers ||
		    natives[native].sp < segments[low].start || natives[native].sp >= segments[low].end)
			continue;
		bool own = thread->id >= stop && thread->id < segments[low].end;
		if (!best || (own && (best->id < stop || best->id >= segments[low].end || thread->id < best->id)))
			best = thread;
	}
	return best;
}

/* The main greenlet at the end of its line of parents; 0 unknown. */
static ph_addr main_of(struct ph_runtime *runtime, const struct ph_greenlet_state *greenlet)
{
	struct ph_greenlet_state state = *greenlet;
	for (size_t i = 0; i < MAX_BASES; i++) {
		if (state.is_main)
			return state.address;
		if (state.main)
			return state.main;
		if (!state.parent || ph_greenlet_load(runtime, state.parent, &state) != PH_OK)
			return 0;
	}
	return 0;
}

/* Those that never ran, and the main ones, have no stack that tells it: their kin has. */
static void find_threads(struct finder *f)
{
	struct ph_addrmap threads = { 0 }; /* main greenlet -> index of a thread state + 1 */
	for (size_t i = 0; i < f->count; i++) {
		struct found *found = &f->list[i];
		const struct ph_greenlet_state *state = &found->state;
		if (state->is_main || !state->stack_start)
			continue;
		const struct ph_thread_state *thread = thread_of_stack(f->runtime, state->stack_stop);
		if (thread)
			(void)ph_addrmap_set(&threads, main_of(f->runtime, state),
					     (uint64_t)(thread - f->runtime->threads) + 1, false);
	}
	for (size_t i = 0; i < f->count; i++) {
		uint64_t *index = ph_addrmap_find(&threads, main_of(f->runtime, &f->list[i].state));
		if (!index)
			continue;
		f->list[i].thread = f->runtime->threads[*index - 1].id;
		f->list[i].interpreter = f->runtime->threads[*index - 1].interpreter;
	}
	ph_addrmap_deinit(&threads);
}

/* ---- records ---- */

static int main_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->interpreter != y->interpreter)
		return x->interpreter < y->interpreter ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->state.is_main != y->state.is_main)
		return x->state.is_main ? -1 : 1;
	return x->state.address < y->state.address ? -1 : x->state.address > y->state.address;
}

/* Drop what is dead, what cannot be read, and main greenlets that run. */
static void load(struct finder *f)
{
	struct ph_damage *damage = f->runtime->target->damage;
	size_t kept = 0;
	for (size_t i = 0; i < f->count; i++) {
		struct found found = f->list[i];
		enum ph_status status = ph_greenlet_load(f->runtime, found.state.address, &found.state);
		if (status == PH_OK && !ph_greenlet_holds(f->runtime, &found.state))
			status = PH_CORRUPT;
		if (status != PH_OK)
			ph_damage_add(damage, PH_DAMAGE_REPORT, WHERE, "a greenlet: %s", ph_status_text(status));
		else if (ph_greenlet_is_alive(&found.state) &&
			 !(found.state.is_main && ph_greenlet_is_running(&found.state)))
			f->list[kept++] = found;
	}
	f->count = kept;
}

static struct ph_error *record(struct finder *f, struct ph_arena *arena, struct ph_task_list *ret)
{
	struct ph_task_budget budget = { 0 };
	size_t count = f->count < PH_MAX_TASKS ? f->count : PH_MAX_TASKS;
	struct ph_task_list list = { .items = ph_arena_array(arena, struct ph_task, count),
				     .omitted = f->count - count };
	if (count && !list.items)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++) {
		const struct found *found = &f->list[i];
		struct ph_task *task = &list.items[list.count++];
		*task = (struct ph_task){
			.address = found->state.address,
			.interpreter = f->runtime->interps[found->interpreter].id,
			.thread = found->thread,
		};
		struct ph_error *error = ph_greenlet_record(f->runtime, &found->state, &budget, arena, task);
		if (error)
			return error;
	}
	*ret = list;
	return NULL;
}

struct ph_error *ph_runtime_greenlets(struct ph_runtime *runtime, struct ph_arena *arena, struct ph_task_list *ret)
{
	struct finder f = { .runtime = runtime, .types.maximum = 1 << 20 };
	struct ph_error *error = NULL;
	find(&f);
	if (f.no_memory) {
		error = &ph_error_no_memory;
	} else if (f.count && !place_layout(&f)) {
		ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, WHERE, "%zu of a layout that is not known",
			      f.count);
	} else if (f.count) {
		load(&f);
		find_threads(&f);
		qsort(f.list, f.count, sizeof(*f.list), main_first);
		error = record(&f, arena, ret);
	}
	ph_addrmap_deinit(&f.types);
	ph_addrmap_deinit(&f.seen);
	free(f.list);
	return error;
}
