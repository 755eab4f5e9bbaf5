/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interpreters, thread states, stacks and exceptions. */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "object/object.h"
#include "record/report.h"

/* Bounds: beyond them the rest is counted as damage or in frames_omitted. */
#define PH_MAX_INTERPRETERS 4096
#define PH_MAX_THREADS 100000
#define PH_MAX_FRAMES 100000 /* of one thread */
#define PH_MAX_LOCALS 1000000 /* of one thread, of one traceback */
#define PH_MAX_EXCEPTIONS 10000
#define PH_MAX_TASKS 10000 /* PH_MAX_FRAMES and PH_MAX_LOCALS of all together */

struct ph_runtime; /* borrowed objects; owns the lists below */

/* Reads interpreters and thread states.  Damage is counted in the target's. */
struct ph_error *ph_runtime_create(struct ph_objects *objects, struct ph_runtime **ret)
	__attribute__((warn_unused_result));
void ph_runtime_free(struct ph_runtime *runtime);

struct ph_interp_state {
	ph_addr address;
	int64_t id;
	bool main;
	ph_addr modules, sysdict, builtins; /* dicts */
};
size_t ph_runtime_interpreters(struct ph_runtime *runtime, const struct ph_interp_state **ret);

struct ph_thread_state {
	ph_addr address;
	size_t interpreter; /* index into interpreters */
	uint64_t id;	    /* threading.get_ident(): the pthread_t */
	int64_t native_id;  /* LWP, 0 unknown */
	/* index of its thread in the image, -1 none: matched by native_thread_id
	 * (3.11+), by the thread register (pthread_t), by pthread's tid, by its stack */
	ptrdiff_t native;
	bool holds_gil;
	bool has_frames;
};
size_t ph_runtime_threads(struct ph_runtime *runtime, const struct ph_thread_state **ret);

/* Stack of a thread, outermost first, locals unrendered; in the arena. */
struct ph_error *ph_runtime_stack(struct ph_runtime *runtime, const struct ph_thread_state *thread,
				  struct ph_arena *arena, struct ph_frame **ret_frames, size_t *ret_count,
				  uint64_t *ret_omitted) __attribute__((warn_unused_result));

/* The same as the interpreter links them, innermost first, hidden ones included; malloc'ed. */
struct ph_error *ph_runtime_frame_states(struct ph_runtime *runtime, const struct ph_thread_state *thread,
					 struct ph_frame_state **ret, size_t *ret_count)
	__attribute__((warn_unused_result));

/* Name from threading._active (then _limbo, "MainThread" …), NULL unknown. */
const char *ph_runtime_thread_name(struct ph_runtime *runtime, const struct ph_thread_state *thread,
				   struct ph_arena *arena);

/* The exceptions of a thread, most telling first: handled (the exc_info stack,
 * innermost first, without the duplicates), being raised or reported by a hook
 * of sys, sys.last_* for the main interpreter's main thread.
 *
 * Up to 3.11 C code may set an exception as a type and a value that is no
 * instance yet; it has no address of its own then, and the address of
 * PyThreadState.curexc_type stands for it, which ph_runtime_exception() knows. */
struct ph_error *ph_runtime_thread_exceptions(struct ph_runtime *runtime, const struct ph_thread_state *thread,
					      struct ph_arena *arena, struct ph_state_exception **ret,
					      size_t *ret_count) __attribute__((warn_unused_result));

/* The asyncio tasks of all interpreters that are not done, by interpreter and name; in the arena, unrendered. */
struct ph_error *ph_runtime_tasks(struct ph_runtime *runtime, struct ph_arena *arena, struct ph_task_list *ret)
	__attribute__((warn_unused_result));
/* The greenlets that are not dead, by thread; but a thread's main greenlet while it runs: it is the thread. */
struct ph_error *ph_runtime_greenlets(struct ph_runtime *runtime, struct ph_arena *arena, struct ph_task_list *ret)
	__attribute__((warn_unused_result));

/* What it waits for, when its registers show it. */
bool ph_runtime_waiting(struct ph_runtime *runtime, const struct ph_thread_state *thread, struct ph_arena *arena,
			struct ph_waiting *ret);

/* gc state of an interpreter into the record. */
/* The generations of a gc_runtime_state, three gc_generation in a row: `generations`, or `young` and `old` of the
 * incremental collector (3.14.0 to 3.14.4, and free-threaded builds since 3.14).  0 none. */
ph_addr ph_runtime_generations(const struct ph_target *target, ph_addr gc);
void ph_runtime_gc(struct ph_runtime *runtime, const struct ph_interp_state *interp, struct ph_interpreter *ret);

/* ops of ph_source */
enum ph_status ph_runtime_object_frame(struct ph_runtime *runtime, ph_addr object, struct ph_arena *arena,
				       struct ph_frame *ret);
enum ph_status ph_runtime_exception(struct ph_runtime *runtime, ph_addr exception, struct ph_arena *arena,
				    struct ph_exception *ret);

#endif
