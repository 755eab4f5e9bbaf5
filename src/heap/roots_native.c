/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots, guessed: words of the threads' native stacks and registers. */
#include "heap/roots.h"

#include <inttypes.h>

#define STACK_MAXIMUM ((uint64_t)64 << 20) /* bytes of one stack that are looked at */

const char *ph_roots_native_name(struct ph_roots *r, size_t native, int64_t tid)
{
	const struct ph_thread_state *threads;
	size_t count = r->runtime ? ph_runtime_threads(r->runtime, &threads) : 0;
	for (size_t i = 0; i < count; i++)
		if (threads[i].native == (ptrdiff_t)native)
			return ph_roots_thread_name(r, &threads[i]);
	const char *name = ph_arena_printf(&r->arena, "%" PRId64, tid);
	return name ? name : "?";
}

ph_addr ph_native_stack_end(const struct ph_target *target, const struct ph_native_thread *thread)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(target->image, &segments);
	for (size_t i = 0; i < count; i++) {
		if (thread->sp < segments[i].start || thread->sp >= segments[i].end)
			continue;
		ph_addr end = segments[i].end;
		if (thread->tls > thread->sp && thread->tls < end)
			end = thread->tls;
		return end - thread->sp > STACK_MAXIMUM ? thread->sp + STACK_MAXIMUM : end;
	}
	return 0;
}

/* Once an object: how many slots of a stack hold it says nothing. */
static void scan_stack(struct ph_roots *r, const struct ph_native_thread *thread, const char *name)
{
	const struct ph_target *t = r->target;
	unsigned width = t->layout.abi.pointer_size;
	struct ph_addrset seen = { .scale = r->heap->set.scale };
	ph_addr end = ph_native_stack_end(t, thread), word;
	uint64_t index;
	for (ph_addr at = thread->sp & ~(ph_addr)(width - 1); !r->error && at + width <= end; at += width) {
		if (ph_target_read_ptr(t, at, &word) != PH_OK) {
			at |= 4095 & ~(ph_addr)(width - 1);
			continue;
		}
		if (ph_heap_find(r->heap, word, &index) && ph_addrset_add(&seen, word))
			ph_roots_give(r, word, PH_ROOT_NATIVE_STACK, "native stack of thread %s", name);
	}
	if (seen.no_memory)
		r->error = &ph_error_no_memory;
	ph_addrset_deinit(&seen);
}

/* What a register holds is guessed, as a word of the stack is: a value that was left there, or a borrowed one. */
static void scan_registers(struct ph_roots *r, const struct ph_native_thread *thread, const char *name)
{
	for (unsigned i = 0; i < thread->register_count; i++)
		if (thread->register_names[i])
			ph_roots_give(r, thread->registers[i], PH_ROOT_REGISTER, "register %s of thread %s",
				      thread->register_names[i], name);
}

void ph_roots_native(struct ph_roots *r)
{
	const struct ph_native_thread *threads;
	size_t count = ph_image_threads(r->target->image, &threads);
	for (size_t i = 0; i < count && !r->error; i++)
		if (threads[i].has_registers) {
			const char *name = ph_roots_native_name(r, i, threads[i].tid);
			scan_registers(r, &threads[i], name);
			scan_stack(r, &threads[i], name);
		}
}
