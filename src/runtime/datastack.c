/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data stack: where the frames of functions lie since 3.11, one behind the other, in chunks that are no part of the
 * C stack.  _PyThreadState_PushFrame() and push_chunk() of Python/pystate.c.
 *
 * The links between frames lead over the C stack: 3.11 and 3.12 keep the innermost one in a _PyCFrame there, 3.12 and
 * later have an entry frame there where C code called Python.  A core that is cut has lost the main thread's first,
 * since the kernel writes by address. */
#include "runtime/internal.h"

#include <stdlib.h>

#define MAX_CHUNKS 100000

struct chunk {
	ph_addr start, top;
};

/* The chunks, the current one first. */
static size_t find_chunks(struct ph_runtime *runtime, ph_addr thread_state, struct chunk **ret)
{
	struct ph_target *target = runtime->target;
	ph_addr address = ph_runtime_ptr(runtime, thread_state, PH_PyThreadState_datastack_chunk);
	ph_addr top = ph_runtime_ptr(runtime, thread_state, PH_PyThreadState_datastack_top);
	size_t width = target->layout.abi.pointer_size, count = 0, capacity = 0;
	struct chunk *chunks = NULL;
	while (address && count < MAX_CHUNKS) {
		ph_addr previous = 0, data = ph_target_at(target, address, PH_PyStackChunk_data);
		uint64_t size = 0, used = 0;
		if (ph_target_ptr(target, address, PH_PyStackChunk_previous, &previous) != PH_OK ||
		    ph_target_uint(target, address, PH_PyStackChunk_size, &size) != PH_OK || size >> 40)
			break;
		if (count && ph_target_uint(target, address, PH_PyStackChunk_top, &used) == PH_OK)
			top = used < size / width ? data + used * width : 0;
		if (top < data || top - address > size)
			break;
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 16;
			void *grown = realloc(chunks, capacity * sizeof(*chunks));
			if (!grown)
				break;
			chunks = grown;
		}
		/* the first chunk of all leaves its first slot free */
		chunks[count++] = (struct chunk){ previous ? data : data + width, top };
		address = previous;
	}
	*ret = chunks;
	return count;
}

size_t ph_runtime_data_stack(struct ph_runtime *runtime, ph_addr thread_state, ph_addr **ret)
{
	struct ph_target *target = runtime->target;
	size_t width = target->layout.abi.pointer_size, count = 0, capacity = 0;
	struct chunk *chunks;
	ph_addr *frames = NULL;
	if (!ph_target_has(target, PH_PyStackChunk_data) || !ph_target_has(target, PH_PyInterpreterFrame_localsplus))
		return 0;
	for (size_t i = find_chunks(runtime, thread_state, &chunks); i-- > 0;) {
		ph_addr at = chunks[i].start;
		struct ph_frame_state frame;
		while (at < chunks[i].top && count < PH_MAX_FRAMES &&
		       ph_frame_load(runtime->objects, at, &frame) == PH_OK && frame.code) {
			if (count == capacity) {
				capacity = capacity ? capacity * 2 : 64;
				void *grown = realloc(frames, capacity * sizeof(*frames));
				if (!grown)
					break;
				frames = grown;
			}
			frames[count++] = at;
			/* co_framesize */
			at = frame.localsplus + (frame.code->localsplus_count + frame.code->stacksize) * width;
		}
	}
	free(chunks);
	*ret = frames;
	return count;
}
