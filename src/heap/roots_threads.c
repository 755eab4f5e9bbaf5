/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots: frames with their locals and value stacks, and thread states.
 *
 * Up to 3.10 a frame is an object, whose locals are edges of it as well; since 3.11 the frames of a thread lie in its
 * data stack, those of generators in the generator (Include/internal/pycore_frame.h, enum _frameowner). */
#include "heap/roots.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "object/code.h"

struct frame {
	struct ph_roots *roots;
	const struct ph_frame_state *state;
	const char *thread;
	size_t number;	    /* as a traceback counts: 0 the outermost */
	unsigned uncounted; /* PH_ROOT_UNCOUNTED where the frame's references are edges of an object as well */
};

static void give_slot(const struct frame *f, ph_addr value, unsigned kind, const char *what, const char *name)
{
	/* of 3.14 on: without a reference count of its own */
	bool borrowed = ph_target_trait(f->roots->target, PH_TRAIT_FRAME_LOCALS_TAGGED) > 0 && value & 1;
	ph_roots_give(f->roots, ph_untag_ref(f->roots->target, value),
		      kind | f->uncounted | (borrowed ? PH_ROOT_UNCOUNTED : 0), "thread %s frame %zu %s: %s%s",
		      f->thread, f->number, f->state->code->name ? f->state->code->name : "?", what, name);
}

/* Slots of the value stack in use; false: the frame runs, and a register knows. */
static bool stack_height(const struct frame *f, size_t *ret)
{
	const struct ph_target *t = f->roots->target;
	size_t locals = f->state->code->localsplus_count, width = t->layout.abi.pointer_size;
	ph_addr base = f->state->localsplus + locals * width, top = 0;
	int64_t count = -1;
	if (ph_target_int(t, f->state->address, PH_PyInterpreterFrame_stacktop, &count) == PH_OK) {
		*ret = count > (int64_t)locals ? (size_t)count - locals : 0;
		return count >= 0;
	}
	if (ph_target_ptr(t, f->state->address, PH_PyInterpreterFrame_stackpointer, &top) != PH_OK &&
	    ph_target_ptr(t, f->state->address, PH_PyFrameObject_f_stacktop, &top) != PH_OK) {
		if (ph_target_int(t, f->state->address, PH_PyFrameObject_f_stackdepth, &count) != PH_OK)
			return false;
		*ret = (size_t)count;
		return count >= 0;
	}
	*ret = top > base ? (top - base) / width : 0;
	return top != 0;
}

static void give_slots(const struct frame *f)
{
	const struct ph_target *t = f->roots->target;
	const struct ph_code *code = f->state->code;
	size_t width = t->layout.abi.pointer_size, height = 0;
	char number[24];
	ph_addr value;
	if (!f->state->localsplus)
		return;
	for (size_t i = 0; i < code->localsplus_count; i++) {
		if (ph_target_read_ptr(t, f->state->localsplus + i * width, &value) != PH_OK)
			return;
		const char *name = code->localsplus_names ? code->localsplus_names[i] : NULL;
		give_slot(f, value, PH_ROOT_LOCAL, "local ", name ? name : "?");
	}
	unsigned kind = stack_height(f, &height) ? PH_ROOT_STACK_VALUE : PH_ROOT_EVAL_STACK;
	if (kind == PH_ROOT_EVAL_STACK || height > code->stacksize)
		height = code->stacksize;
	for (size_t i = 0; i < height; i++) {
		if (ph_target_read_ptr(t, f->state->localsplus + (code->localsplus_count + i) * width, &value) != PH_OK)
			return;
		snprintf(number, sizeof(number), "%zu", i);
		give_slot(f, value, kind, "stack ", number);
	}
}

static void give_members(const struct frame *f)
{
	static const struct {
		enum ph_field field;
		const char *name;
		bool borrowed;
	} members[] = {
		{ PH_PyInterpreterFrame_f_func, "function", false },
		{ PH_PyInterpreterFrame_f_funcobj, "function", false },
		{ PH_PyInterpreterFrame_f_executable, "code", false },
		{ PH_PyInterpreterFrame_f_code, "code", false },
		{ PH_PyInterpreterFrame_frame_obj, "frame object", false },
		{ PH_PyInterpreterFrame_f_globals, "globals", true },
		{ PH_PyInterpreterFrame_f_builtins, "builtins", true },
		{ PH_PyInterpreterFrame_f_locals, "namespace", false },
	};
	ph_addr value;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (ph_target_ptr(f->roots->target, f->state->address, members[i].field, &value) == PH_OK)
			give_slot(f, value, PH_ROOT_FRAME | (members[i].borrowed ? PH_ROOT_UNCOUNTED : 0),
				  members[i].name, "");
}

static void give_frame(const struct frame *f)
{
	const struct ph_target *t = f->roots->target;
	struct frame g = *f;
	int64_t owner;
	if (!f->state->code)
		return;
	if (!ph_target_has(t, PH_PyInterpreterFrame_localsplus)) {
		ph_addr generator = 0;
		(void)ph_target_ptr(t, f->state->address, PH_PyFrameObject_f_gen, &generator);
		/* the evaluation holds one, a generator's frame is the generator's */
		ph_roots_give(f->roots, f->state->address, PH_ROOT_FRAME | (generator ? PH_ROOT_UNCOUNTED : 0),
			      "thread %s frame %zu %s", f->thread, f->number,
			      f->state->code->name ? f->state->code->name : "?");
		g.uncounted = PH_ROOT_UNCOUNTED;
	} else if (f->state->hidden) {
		return; /* of what is not yet complete, nothing is certain */
	} else {
		if (ph_target_int(t, f->state->address, PH_PyInterpreterFrame_owner, &owner) == PH_OK &&
		    owner == ph_target_trait(t, PH_TRAIT_FRAME_OWNER_GENERATOR))
			g.uncounted = PH_ROOT_UNCOUNTED;
		give_members(&g);
	}
	give_slots(&g);
}

void ph_roots_threads(struct ph_roots *r)
{
	const struct ph_thread_state *threads;
	size_t count = ph_runtime_threads(r->runtime, &threads);
	for (size_t i = 0; i < count && !r->error; i++) {
		ph_auto_free struct ph_frame_state *states = NULL;
		size_t frames = 0, shown = 0;
		struct frame frame = { .roots = r, .thread = ph_roots_thread_name(r, &threads[i]) };
		r->error = ph_runtime_frame_states(r->runtime, &threads[i], &states, &frames);
		for (size_t j = 0; !r->error && j < frames; j++) {
			frame.state = &states[frames - 1 - j];
			frame.number = shown;
			shown += !frame.state->hidden;
			give_frame(&frame);
		}
		ph_auto_buffer struct ph_buffer what = PH_BUFFER(4096);
		ph_buffer_printf(&what, "thread %s", frame.thread);
		ph_roots_struct(r, threads[i].address, PH_SIZEOF_PyThreadState, PH_ROOT_THREAD, ph_buffer_text(&what));
	}
}
