/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One greenlet.  Private to the runtime room. */
#ifndef RUNTIME_GREENLET_H
#define RUNTIME_GREENLET_H

#include "runtime/internal.h"
#include "runtime/task.h"

#define PH_MAX_GREENLETS_FOUND 1000000

/* What the struct says; the layout of greenlets is placed by then. */
struct ph_greenlet_state {
	ph_addr address;
	ph_addr stack_start, stack_stop; /* as greenlet's */
	struct ph_moved saved;
	ph_addr top_frame, parent, main, run; /* objects, 0 none */
	bool is_main;			      /* of its thread */
};

enum ph_status ph_greenlet_load(struct ph_runtime *runtime, ph_addr object, struct ph_greenlet_state *ret);
/* Is all that it says possible? */
bool ph_greenlet_holds(struct ph_runtime *runtime, const struct ph_greenlet_state *greenlet);

static inline bool ph_greenlet_is_alive(const struct ph_greenlet_state *greenlet)
{
	return !greenlet->stack_stop || greenlet->stack_start;
}

static inline bool ph_greenlet_is_running(const struct ph_greenlet_state *greenlet)
{
	return greenlet->stack_start && !greenlet->top_frame;
}

/* Fill the rest; address, interpreter and thread are there. */
struct ph_error *ph_greenlet_record(struct ph_runtime *runtime, const struct ph_greenlet_state *greenlet,
				    struct ph_task_budget *budget, struct ph_arena *arena, struct ph_task *ret)
	__attribute__((warn_unused_result));

#endif
