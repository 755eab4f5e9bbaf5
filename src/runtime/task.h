/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One asyncio task.  Private to the runtime room. */
#ifndef RUNTIME_TASK_H
#define RUNTIME_TASK_H

#include "runtime/internal.h"

#define PH_MAX_TASKS_FOUND 1000000
#define PH_MAX_TASK_FRAMES 1000 /* of one task */

/* What all tasks together may hold: PH_MAX_FRAMES, PH_MAX_LOCALS. */
struct ph_task_budget {
	size_t frames, locals;
};

/* Has it what tasks have? */
bool ph_task_is(struct ph_runtime *runtime, ph_addr object);
bool ph_task_is_pending(struct ph_runtime *runtime, ph_addr task);

/* Fill the rest; address, interpreter and perhaps thread are there. */
struct ph_error *ph_task_record(struct ph_runtime *runtime, struct ph_task_budget *budget, struct ph_arena *arena,
				struct ph_task *task) __attribute__((warn_unused_result));

#endif
