/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which thread of the image a thread state belongs to. */
#include "runtime/internal.h"

#include "base/cleanup.h"
#include "base/cursor.h"

#include <stdlib.h>

/* glibc and musl: pthread_self() is the thread register, or, where the ABI has the thread's data above that, somewhat
 * below it: by the size of struct pthread, of some 200 bytes in musl and 2,300 in glibc. */
static ptrdiff_t match_register(const struct ph_runtime *runtime, const struct ph_thread_state *thread,
				const struct ph_native_thread *natives, size_t count)
{
	enum { NEAR = 4096 };
	ph_addr reach = ph_image_info(runtime->image)->tls_above_pthread ? NEAR : 0;
	ptrdiff_t best = -1;
	for (size_t i = 0; i < count; i++)
		if (natives[i].tls && natives[i].tls - thread->id <= reach &&
		    (best < 0 || natives[i].tls < natives[best].tls))
			best = (ptrdiff_t)i;
	return best;
}

static ptrdiff_t match_tid(int64_t tid, const struct ph_native_thread *natives, size_t count)
{
	for (size_t i = 0; tid && i < count; i++)
		if (natives[i].tid == tid)
			return (ptrdiff_t)i;
	return -1;
}

static ptrdiff_t match_pthread(struct ph_runtime *runtime, const struct ph_thread_state *thread,
			       const struct ph_native_thread *natives, size_t count)
{
	uint8_t bytes[4];
	unsigned offset = ph_image_info(runtime->image)->pthread_tid;
	if (!offset || ph_image_read(runtime->image, thread->id + offset, bytes, sizeof(bytes)) != PH_OK)
		return -1;
	return match_tid(ph_load_int(bytes, 4, runtime->target->layout.abi.big_endian), natives, count);
}

/* A thread's stack lies just below its pthread: the nearest stack pointer in the same mapping. */
static ptrdiff_t match_stack(struct ph_runtime *runtime, const struct ph_thread_state *thread,
			     const struct ph_native_thread *natives, size_t count)
{
	const struct ph_segment *segments;
	size_t segment_count = ph_image_segments(runtime->image, &segments);
	ptrdiff_t best = -1;
	for (size_t s = 0; s < segment_count; s++) {
		if (thread->id < segments[s].start || thread->id >= segments[s].end)
			continue;
		for (size_t i = 0; i < count; i++)
			if (natives[i].has_registers && natives[i].sp >= segments[s].start &&
			    natives[i].sp < thread->id && (best < 0 || natives[i].sp > natives[best].sp))
				best = (ptrdiff_t)i;
	}
	return best;
}

/* How often a thread's C stack holds this address, near its top. */
static size_t count_on_stack(struct ph_runtime *runtime, const struct ph_native_thread *native, ph_addr address)
{
	enum { NEAR = 64 * 1024 };
	size_t width = runtime->target->layout.abi.pointer_size, found = 0;
	ph_addr start = (native->sp + width - 1) & ~(ph_addr)(width - 1);
	if (!native->has_registers)
		return 0;
	/* the thread register points to what glibc and musl keep at the top of the stack's mapping; the next mapping is
	 * another thread's */
	size_t near = native->tls > start && native->tls - start < NEAR ? (size_t)(native->tls - start) : NEAR;
	size_t size = ph_image_readable(runtime->image, start, near);
	const uint8_t *data = ph_image_view(runtime->image, start, size);
	for (size_t i = 0; data && i + width <= size; i += width)
		found += ph_load_uint(data + i, width, runtime->target->layout.abi.big_endian) == address;
	return found;
}

/* Where no thread register is known (cores of macOS, minidumps): the thread whose C stack holds the address of the
 * state's innermost frame most often. */
static ptrdiff_t match_frame(struct ph_runtime *runtime, const struct ph_thread_state *thread,
			     const struct ph_native_thread *natives, size_t count)
{
	enum { MAX_THREADS = 256 }; /* each thread's stack is looked through for each state */
	struct ph_frame_state frame;
	ptrdiff_t best = -1;
	size_t most = 0;
	if (!thread->has_frames || count > MAX_THREADS || runtime->thread_count > MAX_THREADS ||
	    ph_runtime_innermost(runtime, thread->address, &frame) != PH_OK)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (natives[i].tls)
			return -1;
	for (size_t i = 0; i < count; i++) {
		size_t found = count_on_stack(runtime, &natives[i], frame.address);
		if (found > most) {
			most = found;
			best = (ptrdiff_t)i;
		}
	}
	return best;
}

/* Two states with frames and one thread: a thread may be in two interpreters, or
 * may run in a state that another one made (_xxsubinterpreters.run_string() up to
 * 3.12) and whose id it does not change.  The C stack that runs the innermost
 * frame holds its address. */
static void settle(struct ph_runtime *runtime, struct ph_thread_state *thread, const struct ph_native_thread *natives,
		   size_t count)
{
	struct ph_frame_state frame;
	if (ph_runtime_innermost(runtime, thread->address, &frame) != PH_OK)
		return;
	size_t best = count_on_stack(runtime, &natives[thread->native], frame.address);
	for (size_t i = 0; i < count; i++) {
		size_t found = count_on_stack(runtime, &natives[i], frame.address);
		if (found <= best)
			continue;
		best = found;
		thread->native = (ptrdiff_t)i;
		thread->native_id = natives[i].tid;
		if (natives[i].tls && !ph_image_info(runtime->image)->tls_above_pthread)
			thread->id = natives[i].tls;
	}
}

static void settle_all(struct ph_runtime *runtime, const struct ph_native_thread *natives, size_t count)
{
	enum { MAX_SETTLED = 64 }; /* each looks at every thread's stack */
	struct ph_addrmap first = { 0 }; /* native + 1 -> index of the first state with frames + 1 */
	size_t settled = 0;
	for (size_t i = 0; i < runtime->thread_count && settled < MAX_SETTLED; i++) {
		struct ph_thread_state *thread = &runtime->threads[i];
		if (thread->native < 0 || !thread->has_frames)
			continue;
		uint64_t *other = ph_addrmap_find(&first, (uint64_t)thread->native + 1);
		if (!other) {
			(void)ph_addrmap_set(&first, (uint64_t)thread->native + 1, i + 1, false);
			continue;
		}
		if (*other) {
			settle(runtime, &runtime->threads[*other - 1], natives, count);
			*other = 0;
		}
		settle(runtime, thread, natives, count);
		settled++;
	}
	ph_addrmap_deinit(&first);
}

/* Does a state before or after it, of the same thread and interpreter, know the thread by its own id? */
static bool is_replaced(const struct ph_runtime *runtime, const int64_t *recorded, size_t index)
{
	const struct ph_thread_state *thread = &runtime->threads[index];
	for (size_t i = 0; i < runtime->thread_count; i++) {
		const struct ph_thread_state *other = &runtime->threads[i];
		if (i != index && other->native == thread->native && other->interpreter == thread->interpreter &&
		    (!recorded[i] || recorded[i] == other->native_id))
			return true;
	}
	return false;
}

/* After a fork() that nobody told Python of (uWSGI's, many a C program's) the states of the parent's other threads
 * are still in the list, and a new thread may have got the stack, and with it the pthread_t, of one of them.  Such a
 * state has no thread of the `count` in the image; where a cframe leads to the frames, it was on the stack that is
 * gone. */
static void part_left_over(struct ph_runtime *runtime, const int64_t *recorded, size_t count)
{
	enum { MAX_STATES = 4096 }; /* each is held against all others */
	bool on_stack = ph_target_trait(runtime->target, PH_TRAIT_FRAME_FORM) == 1;
	struct ph_frame_state frame;
	for (size_t i = 0; i < runtime->thread_count && runtime->thread_count <= MAX_STATES; i++) {
		struct ph_thread_state *thread = &runtime->threads[i];
		bool readable = !thread->has_frames ||
				(ph_runtime_innermost(runtime, thread->address, &frame) == PH_OK && frame.code);
		bool replaced = thread->native >= 0 && recorded[i] != thread->native_id &&
				(recorded[i] || !readable) && is_replaced(runtime, recorded, i);
		if (replaced || (thread->native < 0 && !readable && count)) {
			thread->native = -1;
			thread->native_id = 0;
			thread->has_frames &= readable && !on_stack;
		}
	}
}

void ph_runtime_match(struct ph_runtime *runtime)
{
	const struct ph_native_thread *natives;
	size_t count = ph_image_threads(runtime->image, &natives);
	ph_auto_free int64_t *recorded = calloc(runtime->thread_count + 1, sizeof(*recorded));

	for (size_t i = 0; recorded && i < runtime->thread_count; i++)
		recorded[i] = runtime->threads[i].native_id;

	for (size_t i = 0; i < runtime->thread_count; i++) {
		struct ph_thread_state *thread = &runtime->threads[i];
		/* the register first: a recorded id is another namespace's or, after fork(), the parent's */
		thread->native = match_register(runtime, thread, natives, count);
		if (thread->native < 0)
			thread->native = match_tid(thread->native_id, natives, count);
		if (thread->native < 0)
			thread->native = match_pthread(runtime, thread, natives, count);
		if (thread->native < 0)
			thread->native = match_stack(runtime, thread, natives, count);
		if (thread->native < 0)
			thread->native = match_frame(runtime, thread, natives, count);
		if (thread->native >= 0)
			thread->native_id = natives[thread->native].tid;
	}
	if (recorded)
		part_left_over(runtime, recorded, count);
	settle_all(runtime, natives, count);
}
