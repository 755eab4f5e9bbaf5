/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What generators and coroutines wait for.  Objects/genobject.c: _PyGen_yf() of 3.6 to 3.15. */
#include "object/code.h"

/* The slot at `depth` from the top of a suspended frame's value stack (1 the topmost); 0 none. */
static ph_addr stack_slot(const struct ph_target *target, const struct ph_frame_state *state, uint64_t depth)
{
	uint64_t width = target->layout.abi.pointer_size;
	ph_addr bottom = state->localsplus, top = 0;
	int64_t count = 0;

	if (ph_target_has(target, PH_PyInterpreterFrame_stackpointer)) {
		(void)ph_target_ptr(target, state->address, PH_PyInterpreterFrame_stackpointer, &top);
	} else if (ph_target_has(target, PH_PyInterpreterFrame_stacktop)) {
		if (ph_target_int(target, state->address, PH_PyInterpreterFrame_stacktop, &count) == PH_OK && count > 0)
			top = bottom + (uint64_t)count * width;
	} else if (ph_target_has(target, PH_PyFrameObject_f_stacktop)) {
		/* NULL while it runs */
		(void)ph_target_ptr(target, state->address, PH_PyFrameObject_f_stacktop, &top);
	} else if (ph_target_int(target, state->address, PH_PyFrameObject_f_stackdepth, &count) == PH_OK && count > 0) {
		(void)ph_target_ptr(target, state->address, PH_PyFrameObject_f_valuestack, &top);
		top += (uint64_t)count * width;
	}
	uint64_t slots = state->code->localsplus_count + state->code->stacksize;
	if (top < bottom + depth * width || (top - bottom) / width > slots)
		return 0;
	ph_addr value = 0;
	(void)ph_target_read_ptr(target, top - depth * width, &value);
	return ph_untag_ref(target, value);
}

/* The code unit behind the last instruction: opcode and argument. */
static bool next_unit(const struct ph_target *target, const struct ph_frame_state *state, uint8_t ret[2])
{
	int64_t next = state->lasti + 2;
	if (state->lasti < 0 || (uint64_t)next + 2 > state->code->bytecode_size)
		return false;
	const uint8_t *unit = ph_image_view(target->image, state->code->bytecode + (uint64_t)next, 2);
	if (unit) {
		ret[0] = unit[0];
		ret[1] = unit[1];
	}
	return unit;
}

static bool frame_state(const struct ph_target *target, ph_addr generator, int64_t *ret)
{
	ph_addr frame = 0;
	if (ph_target_has(target, PH_PyGenObject_gi_frame_state))
		return ph_target_int(target, generator, PH_PyGenObject_gi_frame_state, ret) == PH_OK;
	return ph_target_has(target, PH_PyFrameObject_f_state) &&
	       ph_target_ptr(target, generator, PH_PyGenObject_gi_frame, &frame) == PH_OK && frame &&
	       ph_target_int(target, frame, PH_PyFrameObject_f_state, ret) == PH_OK;
}

/* Is the frame suspended where it delegates? */
static bool delegates(const struct ph_target *target, ph_addr generator, const struct ph_frame_state *state)
{
	enum { NO_STATE = 127, RESUME_AFTER_YIELD_FROM = 2 };
	int32_t yield_from = ph_target_trait(target, PH_TRAIT_GEN_SUSPENDED_YIELD_FROM);
	int64_t value;
	uint8_t unit[2];
	if (yield_from != NO_STATE)
		return frame_state(target, generator, &value) && value == yield_from;
	if (!next_unit(target, state, unit))
		return false;
	if (ph_target_trait(target, PH_TRAIT_GEN_FRAME_FORM) == 0)
		return unit[0] == ph_target_trait(target, PH_TRAIT_OP_YIELD_FROM);
	/* a RESUME, perhaps a specialised one, follows each yield; its argument says of which kind that was */
	return frame_state(target, generator, &value) && value == ph_target_trait(target, PH_TRAIT_GEN_SUSPENDED) &&
	       unit[1] >= RESUME_AFTER_YIELD_FROM;
}

ph_addr ph_generator_awaited(struct ph_objects *objects, ph_addr generator)
{
	const struct ph_target *target = ph_objects_target(objects);
	struct ph_frame_state state;
	if (ph_frame_load_generator(objects, generator, &state) != PH_OK || !state.code ||
	    !delegates(target, generator, &state))
		return 0;
	return stack_slot(target, &state, (uint64_t)ph_target_trait(target, PH_TRAIT_GEN_YIELD_FROM_DEPTH));
}

bool ph_generator_is_running(struct ph_objects *objects, ph_addr generator)
{
	const struct ph_target *target = ph_objects_target(objects);
	uint64_t running = 0;
	int64_t value;
	if (frame_state(target, generator, &value))
		return value == ph_target_trait(target, PH_TRAIT_GEN_EXECUTING);
	return ph_target_uint(target, generator, PH_PyGenObject_gi_running, &running) == PH_OK && running;
}
