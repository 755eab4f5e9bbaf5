/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share. */
#ifndef RUNTIME_INTERNAL_H
#define RUNTIME_INTERNAL_H

#include "base/addrmap.h"
#include "runtime/runtime.h"

/* What belongs to an interpreter besides its public part. */
struct interp_extra {
	ph_addr gil; /* its gil_runtime_state, 0 none */
	bool names_loaded;
	struct ph_addrmap names; /* threading.get_ident() -> Thread object, from threading._active and _limbo */
};

struct ph_runtime {
	struct ph_objects *objects; /* borrowed */
	struct ph_target *target;   /* the objects' */
	struct ph_image *image;	    /* the target's */
	struct ph_interp_state *interps;
	struct interp_extra *extras; /* one for each of interps */
	size_t interp_count;
	struct ph_thread_state *threads;
	size_t thread_count;
};

/* Fill native and native_id of all threads (match.c). */
void ph_runtime_match(struct ph_runtime *runtime);

/* The innermost frame that Python would show of a thread (stack.c); PH_ABSENT when it has none. */
enum ph_status ph_runtime_innermost(struct ph_runtime *runtime, ph_addr thread_state, struct ph_frame_state *ret);

/* A part of a C stack whose bytes were copied elsewhere: [start, start + size) lies at `copy`. */
struct ph_moved {
	ph_addr start, copy;
	uint64_t size; /* bytes, 0 none */
	ph_addr caller; /* of the innermost frame, where that frame's own link was taken out; 0 */
};

/* The frames from the one at `first` on, outermost first, in the arena; `moved` may be NULL (stack.c). */
struct ph_error *ph_runtime_chain(struct ph_runtime *runtime, const char *where, ph_addr first,
				  const struct ph_moved *moved, struct ph_arena *arena, struct ph_frame **ret_frames,
				  size_t *ret_count, uint64_t *ret_omitted) __attribute__((warn_unused_result));

/* The frames on a thread's data stack, outermost first, malloc'ed; without those of generators (datastack.c). */
size_t ph_runtime_data_stack(struct ph_runtime *runtime, ph_addr thread_state, ph_addr **ret);

/* Call `each` with every object that the garbage collector knows of an interpreter, or of the process where its lists
 * are not the interpreters'; false ends the walk (gclist.c). */
void ph_runtime_gc_objects(struct ph_runtime *runtime, const struct ph_interp_state *interp,
			   bool (*each)(void *user, ph_addr object, ph_addr type), void *user);

/* Is it an exception instance (exception.c)? */
bool ph_runtime_is_exception(struct ph_runtime *runtime, ph_addr object);

/* Where a traceback object points, as a record (exception.c). */
enum ph_status ph_traceback_frame(struct ph_runtime *runtime, ph_addr traceback, struct ph_arena *arena,
				  struct ph_frame *ret);

/* The exception that a hook of sys (excepthook, unraisablehook) on the thread's
 * stack was called with; 0 none (hook.c). */
ph_addr ph_runtime_hook_argument(struct ph_runtime *runtime, const struct ph_thread_state *thread,
				 struct ph_arena *arena);

/* The traceback kept beside an exception that is being raised (up to 3.11), and
 * the slot of a thread state that stands for one not yet made into an instance:
 * see ph_runtime_thread_exceptions().  (raised.c) */
ph_addr ph_runtime_raised_traceback(struct ph_runtime *runtime, ph_addr exception);
/* The same of one that is handled or was the last, in 2.7, whose exceptions do not know it. */
ph_addr ph_runtime_kept_traceback(struct ph_runtime *runtime, ph_addr exception);
bool ph_runtime_is_raised_slot(struct ph_runtime *runtime, ph_addr address, ph_addr *ret_type, ph_addr *ret_value,
			       ph_addr *ret_traceback);

/* The thread that initialised Python (names.c); threading calls it MainThread whenever it is asked. */
bool ph_runtime_is_main_thread(struct ph_runtime *runtime, const struct ph_thread_state *thread);

/* "thread 1234": where damage of a thread is counted; into a buffer of 64 bytes. */
const char *ph_runtime_where(const struct ph_thread_state *thread, char *buffer);

/* A pointer field, 0 when absent or unreadable. */
static inline ph_addr ph_runtime_ptr(const struct ph_runtime *runtime, ph_addr base, enum ph_field field)
{
	ph_addr value = 0;
	(void)ph_target_ptr(runtime->target, base, field, &value);
	return value;
}

#endif
