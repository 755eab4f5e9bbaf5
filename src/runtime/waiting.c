/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a thread waits for, when its registers say that it is in a system call; on Windows, its C stack. */
#include "runtime/internal.h"

#include <string.h>
#include <strings.h>

struct wait {
	ph_addr futex, parked;
	const struct ph_native_thread *windows; /* in whose C stack it is, instead */
	size_t limit; /* and within how many bytes of its top */
};

/* Linux, include/uapi/linux/futex.h: the operations that wait. */
static bool futex_waits(const struct ph_native_thread *native)
{
	enum { WAIT = 0, LOCK_PI = 6, WAIT_BITSET = 9, WAIT_REQUEUE_PI = 11, LOCK_PI2 = 13, COMMAND_MASK = 127 };
	if (!native->syscall_name || strcmp(native->syscall_name, "futex"))
		return false;
	switch (native->syscall_args[1] & COMMAND_MASK) {
	case WAIT:
	case LOCK_PI:
	case WAIT_BITSET:
	case WAIT_REQUEUE_PI:
	case LOCK_PI2:
		return true;
	default:
		return false;
	}
}

/* take_gil() and drop_gil() of Python/ceval_gil.h wait within the GIL's own
 * condition variables and mutexes, which end its struct. */
static bool is_in_gil(struct ph_runtime *runtime, ph_addr gil, ph_addr futex)
{
	ph_addr start = ph_target_at(runtime->target, gil, PH_gil_runtime_state_cond);
	size_t size = ph_target_sizeof(runtime->target, PH_SIZEOF_gil_runtime_state);
	return gil && start && futex >= start && futex - gil < size;
}

/* What a thread is parked for (Python/parking_lot.c, since 3.13), when the futex is the semaphore of an entry in its
 * list of waiters; 0 otherwise. */
static ph_addr parked_for(struct ph_runtime *runtime, ph_addr futex)
{
	struct ph_target *target = runtime->target;
	if (!ph_target_has(target, PH_wait_entry_addr))
		return 0;
	ph_addr entry = futex - ph_target_at(target, 0, PH_wait_entry_sema), next = 0, back = 0;
	ph_addr node = ph_target_at(target, entry, PH_wait_entry_node);
	/* struct llist_node: next, prev */
	if (ph_target_read_ptr(target, node, &next) != PH_OK || !next ||
	    ph_target_read_ptr(target, next + target->layout.abi.pointer_size, &back) != PH_OK || back != node)
		return 0;
	return ph_runtime_ptr(runtime, entry, PH_wait_entry_addr);
}

/* Does the object have what is waited for within it: a lock its PyMutex, a queue its flag? */
static bool has_within(struct ph_runtime *runtime, ph_addr object, ph_addr parked)
{
	const struct ph_type *type =
		parked > object && parked - object < 4096 ? ph_object_type(runtime->objects, object) : NULL;
	return type && type->basicsize > 0 && parked - object < (uint64_t)type->basicsize;
}

/* ---- Windows ----
 *
 * System calls cannot be told there. A thread that waits stands in ntdll.dll, and those who called that keep the
 * address of what is waited for, a condition variable or an address, in a register: within the NRMUTEX of a lock
 * (Python/thread_nt.h), a PyMutex in the object since 3.14, or in the GIL, behind its plain members
 * (Python/condvar.h).
 *
 * On x64 the callers' registers are known (image/pe_unwind.c). Elsewhere what is left is that the address lies near
 * the top of the C stack, where there may be traces of earlier waits. */

#define NEAR 4096u
#define MAX_FRAMES 64u /* of native code, up to Python's own */
#define MAX_OWN 6u     /* of Python's own, from PyThread_acquire_lock_timed() to the method of the lock */
#define OWN_SIZE 512u  /* bytes of such a frame that are looked at */

/* Does the stack hold an address in [start, end) within `size` bytes from sp on? How far up; `size` when it does not. */
static size_t on_stack(struct ph_runtime *runtime, ph_addr sp, size_t size, ph_addr start, ph_addr end)
{
	size_t width = runtime->target->layout.abi.pointer_size;
	sp = (sp + width - 1) & ~(ph_addr)(width - 1);
	size_t have = start ? ph_image_readable(runtime->image, sp, size) : 0;
	const uint8_t *data = have ? ph_image_view(runtime->image, sp, have) : NULL;
	for (size_t i = 0; data && i + width <= have; i += width) {
		ph_addr word = ph_load_uint(data + i, width, runtime->target->layout.abi.big_endian);
		if (word >= start && word < end)
			return i;
	}
	return size;
}

static bool in_registers(const struct ph_frame_registers *frame, ph_addr start, ph_addr end)
{
	/* those that functions preserve: rbx, rbp, rsi, rdi, r12 to r15 */
	static const uint8_t preserved[] = { 3, 5, 6, 7, 12, 13, 14, 15 };
	for (size_t i = 0; i < sizeof(preserved); i++)
		if (frame->registers[preserved[i]] >= start && frame->registers[preserved[i]] < end)
			return true;
	return false;
}

enum kept { KEPT_NOT, KEPT, KEPT_UNKNOWN };

/* Do the innermost frames, up to the own'th of Python's library, keep an address in [start, end)? With more than one
 * the frames' variables count as well: a wait_entry of Python/parking_lot.c lies there. */
static enum kept is_kept(struct ph_runtime *runtime, const struct ph_native_thread *native, unsigned own, ph_addr start,
			 ph_addr end)
{
	struct ph_frame_registers frame;
	unsigned seen = 0;
	if (!runtime->target->module || !ph_image_first_frame(runtime->image, native, &frame))
		return KEPT_UNKNOWN;
	for (unsigned i = 0; i < MAX_FRAMES; i++) {
		bool is_own = ph_image_module_at(runtime->image, frame.pc) == runtime->target->module;
		seen += is_own;
		if (start && in_registers(&frame, start, end))
			return KEPT;
		ph_addr sp = frame.registers[4];
		if (seen == own || !ph_image_caller(runtime->image, &frame))
			break;
		size_t size = frame.registers[4] - sp < OWN_SIZE ? (size_t)(frame.registers[4] - sp) : OWN_SIZE;
		if (is_own && on_stack(runtime, sp, size, start, end) < size)
			return KEPT;
	}
	return seen ? KEPT_NOT : KEPT_UNKNOWN;
}

static bool is_in_ntdll(struct ph_runtime *runtime, const struct ph_native_thread *native)
{
	const struct ph_module *module = native->has_registers ? ph_image_module_at(runtime->image, native->pc) : NULL;
	return module && !strcasecmp(module->name, "ntdll.dll");
}

/* Does the thread wait for what lies in [start, end), as far as is known? */
static bool waits_within(struct ph_runtime *runtime, const struct wait *wait, ph_addr start, ph_addr end)
{
	enum kept kept = start ? is_kept(runtime, wait->windows, MAX_OWN, start, end) : KEPT_NOT;
	if (kept != KEPT_UNKNOWN)
		return kept == KEPT;
	return on_stack(runtime, wait->windows->sp, NEAR, start, end) < wait->limit;
}

static bool is_windows_lock(struct ph_runtime *runtime, ph_addr object, const struct wait *wait)
{
	/* SRWLOCK, CONDITION_VARIABLE, int; or a CRITICAL_SECTION and handles */
	enum { NRMUTEX_SIZE = 64 };
	static const struct {
		const char *type;
		enum ph_field mutex, inside;
	} locks[] = {
		{ "_thread.lock", PH_lockobject_lock_lock, PH_lockobject_lock },
		{ "thread.lock", PH_lockobject_lock_lock, PH_lockobject_lock }, /* 2.7 */
		{ "_thread.RLock", PH_rlockobject_rlock_lock, PH_rlockobject_lock_mutex },
		{ "_queue.SimpleQueue", PH_simplequeueobject_lock, PH_simplequeueobject_has_threads_waiting },
	};
	const struct ph_type *type = object ? ph_object_type(runtime->objects, object) : NULL;
	for (size_t i = 0; type && i < sizeof(locks) / sizeof(locks[0]); i++) {
		if (!type->full || strcmp(type->full, locks[i].type))
			continue;
		bool pointed = ph_target_has(runtime->target, locks[i].mutex);
		ph_addr start = pointed ? ph_runtime_ptr(runtime, object, locks[i].mutex) :
					  ph_target_at(runtime->target, object, locks[i].inside);
		return waits_within(runtime, wait, start, start + (pointed ? NRMUTEX_SIZE : 1));
	}
	return false;
}

/* ---- both ---- */

/* Is this a lock object whose semaphore is the futex?  PyThread_allocate_lock()
 * of Python/thread_pthread.h: the futex is the first word of a sem_t. */
static bool is_lock(struct ph_runtime *runtime, ph_addr object, const struct wait *wait)
{
	static const enum ph_field fields[] = {
		PH_lockobject_lock_lock,
		PH_rlockobject_rlock_lock,
		PH_simplequeueobject_lock,
	};
	if (wait->windows)
		return is_windows_lock(runtime, object, wait);
	if (wait->parked)
		return object && has_within(runtime, object, wait->parked);
	for (size_t i = 0; object && i < sizeof(fields) / sizeof(fields[0]); i++)
		if (ph_runtime_ptr(runtime, object, fields[i]) == wait->futex &&
		    ph_object_type(runtime->objects, object))
			return true;
	return false;
}

/* The innermost frame holds the lock that it acquires, or a method bound to it,
 * in a local or on its value stack. */
static ph_addr find_lock(struct ph_runtime *runtime, const struct ph_thread_state *thread, struct wait wait)
{
	const struct ph_target *target = runtime->target;
	struct ph_frame_state state;
	if ((!wait.futex && !wait.windows) ||
	    ph_runtime_innermost(runtime, thread->address, &state) != PH_OK || !state.code)
		return 0;
	size_t count = state.code->localsplus_count + state.code->stacksize;
	for (size_t i = 0; i < count; i++) {
		ph_addr object = 0;
		if (ph_target_read_ptr(target, state.localsplus + i * target->layout.abi.pointer_size, &object) !=
		    PH_OK)
			break;
		object = ph_untag_ref(target, object);
		if (!object)
			continue;
		if (is_lock(runtime, object, &wait))
			return object;
		object = ph_runtime_ptr(runtime, object, PH_PyCFunctionObject_m_self);
		if (is_lock(runtime, object, &wait))
			return object;
	}
	/* a PyEvent of C code, as Thread.join() waits for */
	return wait.parked;
}

/* Who waits for the GIL does so only while another thread holds it. */
static bool is_held_by_another(struct ph_runtime *runtime, const struct ph_thread_state *thread, ph_addr gil)
{
	int64_t locked = 0;
	return gil && !thread->holds_gil &&
	       ph_target_int(runtime->target, gil, PH_gil_runtime_state_locked, &locked) == PH_OK && locked == 1;
}

/* take_gil() works on the GIL after its wait, and so keeps its address or those of its condition and mutex, which
 * follow the plain members; who let go of the GIL to do something else does not. */
static enum kept keeps_gil(struct ph_runtime *runtime, const struct ph_native_thread *native, ph_addr gil)
{
	ph_addr end = gil ? ph_target_at(runtime->target, gil, PH_gil_runtime_state_mutex) : 0;
	return end ? is_kept(runtime, native, 1, gil, end + 4 * runtime->target->layout.abi.pointer_size) : KEPT_NOT;
}

static bool wait_on_windows(struct ph_runtime *runtime, const struct ph_thread_state *thread,
			    const struct ph_native_thread *native, struct ph_waiting *ret)
{
	const struct ph_target *target = runtime->target;
	ph_addr gil = runtime->extras[thread->interpreter].gil;
	if (!is_in_ntdll(runtime, native))
		return false;
	struct ph_waiting waiting = { .what = "gil", .syscall = -1 };
	enum kept kept = keeps_gil(runtime, native, gil);
	size_t limit = kept == KEPT ? 0 : NEAR;
	if (kept == KEPT_UNKNOWN) {
		/* what take_gil() waits with: a word, or a handle and a count; behind it are mutexes, of which stacks
		 * have traces */
		ph_addr start = gil ? ph_target_at(target, gil, PH_gil_runtime_state_mutex) : 0;
		limit = on_stack(runtime, native->sp, NEAR, start, start + 2 * target->layout.abi.pointer_size);
	}
	ph_addr lock =
		kept == KEPT ? 0 : find_lock(runtime, thread, (struct wait){ .windows = native, .limit = limit });
	if (lock) {
		waiting.what = "lock";
		waiting.address = lock;
	} else if (limit == NEAR || !is_held_by_another(runtime, thread, gil)) {
		return false;
	}
	*ret = waiting;
	return true;
}

bool ph_runtime_waiting(struct ph_runtime *runtime, const struct ph_thread_state *thread, struct ph_arena *arena,
			struct ph_waiting *ret)
{
	const struct ph_native_thread *natives;
	size_t count = ph_image_threads(runtime->image, &natives);
	if (thread->native < 0 || (size_t)thread->native >= count)
		return false;
	const struct ph_native_thread *native = &natives[thread->native];
	if (!strcmp(ph_image_info(runtime->image)->os, "windows"))
		return wait_on_windows(runtime, thread, native, ret);
	if (!native->in_syscall)
		return false;
	struct ph_waiting waiting = {
		.what = "syscall",
		.syscall = native->syscall_number,
		.name = ph_arena_strdup(arena, native->syscall_name),
	};
	if (futex_waits(native)) {
		waiting.address = native->syscall_args[0];
		ph_addr lock = find_lock(runtime, thread, (struct wait){
							.futex = waiting.address,
							.parked = parked_for(runtime, waiting.address),
						});
		if (is_in_gil(runtime, runtime->extras[thread->interpreter].gil, waiting.address)) {
			waiting.what = "gil";
		} else if (lock) {
			waiting.what = "lock";
			waiting.address = lock;
		}
	}
	*ret = waiting;
	return true;
}
