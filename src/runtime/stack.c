/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stacks: the chain of frames from a thread state. */
#include "runtime/internal.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Frames that are counted in `omitted` once PH_MAX_FRAMES are kept. */
#define MAX_COUNTED_FRAMES 2000000

/* Zeros where a _PyCFrame should be.  Only the one in the thread state has no previous one (Python/pystate.c); those of
 * running loops are on the C stack.  gdb's gcore leaves whole stacks zero that it could not read: folklore.md. */
static bool is_blank(struct ph_target *target, ph_addr thread_state, ph_addr cframe)
{
	ph_addr previous = 0;
	return cframe != ph_target_at(target, thread_state, PH_PyThreadState_root_cframe) &&
	       ph_target_ptr(target, cframe, PH_PyCFrame_previous, &previous) == PH_OK && !previous;
}

/* The struct that heads the chain; *ret 0 when no frame runs. */
static enum ph_status first_frame(struct ph_runtime *runtime, ph_addr thread_state, ph_addr *ret)
{
	struct ph_target *target = runtime->target;
	switch (ph_target_trait(target, PH_TRAIT_FRAME_FORM)) {
	case 0:
		return ph_target_ptr(target, thread_state, PH_PyThreadState_frame, ret);
	case 1: {
		ph_addr cframe = 0;
		enum ph_status status = ph_target_ptr(target, thread_state, PH_PyThreadState_cframe, &cframe);
		if (status != PH_OK)
			return status;
		if (!cframe) {
			*ret = 0;
			return PH_OK;
		}
		status = ph_target_ptr(target, cframe, PH_PyCFrame_current_frame, ret);
		return status == PH_OK && !*ret && is_blank(target, thread_state, cframe) ? PH_LEFT_OUT : status;
	}
	default:
		return ph_target_ptr(target, thread_state, PH_PyThreadState_current_frame, ret);
	}
}

enum ph_status ph_runtime_innermost(struct ph_runtime *runtime, ph_addr thread_state, struct ph_frame_state *ret)
{
	enum { MAX_HIDDEN = 1000 };
	ph_addr address = 0;
	enum ph_status status = first_frame(runtime, thread_state, &address);
	for (size_t i = 0; status == PH_OK && i < MAX_HIDDEN; i++) {
		if (!address)
			return PH_ABSENT;
		status = ph_frame_load(runtime->objects, address, ret);
		if (status == PH_OK && !ret->hidden)
			return PH_OK;
		address = ret->previous;
	}
	return status == PH_OK ? PH_LIMIT : status;
}

struct walk {
	struct ph_frame_state *states; /* innermost first */
	size_t count, capacity;
	size_t loop_first; /* the innermost of those whose loop is not known yet */
	ph_addr cframe;	   /* 3.11: that of the loop which runs it; 0 none */
	uint64_t omitted;
	bool hidden_too;
	/* where links are lost: the frames on the data stack, outermost first, of which the first `data_left` are not
	 * yet met */
	ph_addr thread_state; /* 0: there is no going on */
	ph_addr *data;
	size_t data_left;
	bool is_mended;
};

static void walk_free(struct walk *walk)
{
	free(walk->states);
	free(walk->data);
}

static bool keep(struct walk *walk, const struct ph_frame_state *state)
{
	if (walk->count == PH_MAX_FRAMES) {
		walk->omitted++;
		return true;
	}
	if (walk->count == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 64;
		void *states = realloc(walk->states, capacity * sizeof(*walk->states));
		if (!states)
			return false;
		walk->states = states;
		walk->capacity = capacity;
	}
	walk->states[walk->count++] = *state;
	return true;
}

/* Python frames that call each other share one call of _PyEval_EvalFrameDefault(): 3.11 keeps a _PyCFrame on its C
 * stack and marks the first of them, 3.12 has a shim there, behind the first.  (Python/ceval.c) */
static void end_loop(struct ph_runtime *runtime, const struct ph_frame_state *state, struct walk *walk)
{
	struct ph_target *target = runtime->target;
	bool marked = ph_target_has(target, PH_PyInterpreterFrame_is_entry);
	ph_addr loop = marked ? walk->cframe : state->address;
	if (!state->begins_loop)
		return;
	for (size_t i = walk->loop_first; i < walk->count; i++)
		walk->states[i].loop = loop;
	walk->loop_first = walk->count;
	if (marked && walk->cframe &&
	    ph_target_ptr(target, walk->cframe, PH_PyCFrame_previous, &walk->cframe) != PH_OK)
		walk->cframe = 0;
}

/* Cut the list before the first frame that it holds twice. */
static void cut_cycle(struct walk *walk)
{
	struct ph_addrmap seen = { 0 };
	for (size_t i = 0; i < walk->count; i++)
		if (!ph_addrmap_add(&seen, walk->states[i].address)) {
			walk->count = i;
			walk->omitted = 0;
		}
	ph_addrmap_deinit(&seen);
}

static ph_addr where_now(const struct ph_moved *moved, ph_addr address)
{
	return moved && address - moved->start < moved->size ? moved->copy + (address - moved->start) : address;
}

/* The next frame where the link to it is lost with the C stack; 0 none.  Between it and the one before there may have
 * been a generator's, which is not on the data stack. */
static ph_addr next_on_data_stack(struct ph_runtime *runtime, struct walk *walk)
{
	if (!walk->thread_state)
		return 0;
	if (!walk->is_mended) {
		walk->is_mended = true;
		walk->data_left = ph_runtime_data_stack(runtime, walk->thread_state, &walk->data);
		/* what the chain had before it broke; those of generators lie elsewhere */
		for (size_t i = 0; i < walk->count; i++)
			for (size_t k = walk->data_left; k-- > 0;)
				if (walk->data[k] == walk->states[i].address) {
					walk->data_left = k;
					break;
				}
	}
	return walk->data_left ? walk->data[--walk->data_left] : 0;
}

/* What was met on the chain is not gone to again. */
static void pass_data_stack(struct walk *walk, ph_addr address)
{
	for (size_t k = walk->data_left; walk->is_mended && k-- > 0;)
		if (walk->data[k] == address) {
			walk->data_left = k;
			return;
		}
}

/* Zeros where a shim of the C stack should be, since 3.12 (see is_blank()): a frame that runs has code, and one that has
 * none is hidden. */
static bool is_blank_frame(const struct walk *walk, const struct ph_frame_state *state)
{
	return walk->thread_state && !state->code && !state->previous && !state->hidden;
}

/* Follow the chain; Brent's algorithm finds that it bites its tail. */
static struct ph_error *walk_chain(struct ph_runtime *runtime, const char *where, ph_addr address,
				   const struct ph_moved *moved, struct walk *walk)
{
	struct ph_damage *damage = runtime->target->damage;
	ph_addr anchor = 0;
	size_t steps = 0, power = 1;
	bool any = false;

	while (address) {
		struct ph_frame_state state;
		enum ph_status status = ph_frame_load(runtime->objects, where_now(moved, address), &state);
		if (status == PH_OK && is_blank_frame(walk, &state))
			status = PH_LEFT_OUT;
		if (status != PH_OK) {
			ph_addr next = next_on_data_stack(runtime, walk);
			if (next)
				ph_damage_add(
					damage, PH_DAMAGE_REPORT, where,
					"frames that stand on the C stack: %s; their callers are from the data stack",
					ph_status_text(status));
			else if (!walk->is_mended || !walk->count)
				ph_damage_add(damage, PH_DAMAGE_REPORT, where,
					      "frame at 0x%" PRIx64 ": %s; its callers are lost", address,
					      ph_status_text(status));
			address = next;
			continue;
		}
		pass_data_stack(walk, address);
		if ((!state.hidden || walk->hidden_too) && !keep(walk, &state))
			return &ph_error_no_memory;
		end_loop(runtime, &state, walk);
		if (walk->omitted == MAX_COUNTED_FRAMES) {
			ph_damage_add(damage, PH_DAMAGE_REPORT, where, "the chain of frames does not end");
			break;
		}
		address = state.previous;
		if (!address && moved && !any)
			address = moved->caller;
		any = true;
		if (address && address == anchor) {
			ph_damage_add(damage, PH_DAMAGE_REPORT, where, "the chain of frames leads back into itself");
			cut_cycle(walk);
			break;
		}
		if (++steps == power) {
			anchor = address;
			power *= 2;
			steps = 0;
		}
	}
	return NULL;
}

static void record(struct ph_runtime *runtime, const char *where, const struct walk *walk, struct ph_arena *arena,
		   struct ph_frame *frames)
{
	struct ph_damage *damage = runtime->target->damage;
	size_t locals = 0;
	for (size_t i = 0; i < walk->count; i++) {
		struct ph_frame_state state = walk->states[walk->count - 1 - i];
		if (locals > PH_MAX_LOCALS)
			state.localsplus = 0;
		enum ph_status status = ph_frame_record(runtime->objects, &state, arena, &frames[i]);
		locals += frames[i].local_count;
		if (locals > PH_MAX_LOCALS)
			status = PH_LIMIT;
		if (status != PH_OK)
			ph_damage_add(damage, PH_DAMAGE_REPORT, where, "%s of a frame: %s",
				      state.code ? "local variables" : "code object", ph_status_text(status));
	}
}

static struct ph_error *record_chain(struct ph_runtime *runtime, const char *where, ph_addr first,
				     const struct walk *start, const struct ph_moved *moved, struct ph_arena *arena,
				     struct ph_frame **ret_frames, size_t *ret_count, uint64_t *ret_omitted)
{
	ph_cleanup(walk_free) struct walk walk = *start;
	if (!first && start->is_mended)
		first = next_on_data_stack(runtime, &walk);
	struct ph_error *error = walk_chain(runtime, where, first, moved, &walk);
	if (error)
		return error;
	struct ph_frame *frames = ph_arena_array(arena, struct ph_frame, walk.count ? walk.count : 1);
	if (!frames)
		return &ph_error_no_memory;
	record(runtime, where, &walk, arena, frames);
	*ret_frames = frames;
	*ret_count = walk.count;
	*ret_omitted = walk.omitted;
	return NULL;
}

struct ph_error *ph_runtime_chain(struct ph_runtime *runtime, const char *where, ph_addr first,
				  const struct ph_moved *moved, struct ph_arena *arena, struct ph_frame **ret_frames,
				  size_t *ret_count, uint64_t *ret_omitted)
{
	return record_chain(runtime, where, first, &(struct walk){ 0 }, moved, arena, ret_frames, ret_count,
			    ret_omitted);
}

struct ph_error *ph_runtime_stack(struct ph_runtime *runtime, const struct ph_thread_state *thread,
				  struct ph_arena *arena, struct ph_frame **ret_frames, size_t *ret_count,
				  uint64_t *ret_omitted)
{
	char where[64];
	ph_addr address = 0;
	struct walk start = { .thread_state = thread->address };

	ph_runtime_where(thread, where);
	enum ph_status status = first_frame(runtime, thread->address, &address);
	(void)ph_target_ptr(runtime->target, thread->address, PH_PyThreadState_cframe, &start.cframe);
	if (status != PH_OK) {
		start.is_mended = true;
		start.data_left = ph_runtime_data_stack(runtime, thread->address, &start.data);
		ph_damage_add(runtime->target->damage, PH_DAMAGE_REPORT, where, "its frames: %s%s",
			      ph_status_text(status), start.data_left ? "; these are from the data stack" : "");
	}
	return record_chain(runtime, where, address, &start, NULL, arena, ret_frames, ret_count, ret_omitted);
}

struct ph_error *ph_runtime_frame_states(struct ph_runtime *runtime, const struct ph_thread_state *thread,
					 struct ph_frame_state **ret, size_t *ret_count)
{
	char where[64];
	ph_cleanup(walk_free) struct walk walk = { .hidden_too = true };
	ph_addr address = 0;

	ph_runtime_where(thread, where);
	(void)first_frame(runtime, thread->address, &address);
	struct ph_error *error = walk_chain(runtime, where, address, NULL, &walk);
	if (error)
		return error;
	*ret = walk.states;
	*ret_count = walk.count;
	walk.states = NULL;
	return NULL;
}

enum ph_status ph_runtime_object_frame(struct ph_runtime *runtime, ph_addr object, struct ph_arena *arena,
				       struct ph_frame *ret)
{
	struct ph_frame_state state;
	const struct ph_type *type = ph_object_type(runtime->objects, object);
	enum ph_status status = PH_ABSENT;
	if (!type)
		return PH_CORRUPT;
	if (type->kind == PH_KIND_FRAME)
		status = ph_frame_load_object(runtime->objects, object, &state);
	else if (type->kind == PH_KIND_GENERATOR)
		status = ph_frame_load_generator(runtime->objects, object, &state);
	else if (type->kind == PH_KIND_TRACEBACK)
		return ph_traceback_frame(runtime, object, arena, ret);
	return status == PH_OK ? ph_frame_record(runtime->objects, &state, arena, ret) : status;
}
