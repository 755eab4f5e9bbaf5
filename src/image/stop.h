/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stops every thread of a process, and lets them go on.
 *
 * By PTRACE_SEIZE and PTRACE_INTERRUPT: no signal is sent, nothing of the process
 * changes, and threads that were stopped stay so.  When we end, however that
 * comes, the kernel lets them go on.  All calls from one thread of ours. */
#ifndef IMAGE_STOP_H
#define IMAGE_STOP_H

#include "base/callbacks.h"
#include "base/error.h"
#include "base/types.h"

struct ph_stop;

/* PH_ERROR_IO: refused, traced by another, gone. */
struct ph_error *ph_stop_process(int64_t pid, const struct ph_callbacks *callbacks, struct ph_stop **ret)
	__attribute__((warn_unused_result));
size_t ph_stop_threads(const struct ph_stop *stop);
int64_t ph_stop_thread(const struct ph_stop *stop, size_t index);
/* A set of registers (NT_PRSTATUS …), all `size` bytes of it; false when the thread does not stand or is gone. */
bool ph_stop_regset(const struct ph_stop *stop, size_t index, int type, void *registers, size_t size);
/* Lets it go on and frees; how many seconds it stood.  NULL-safe. */
double ph_stop_release(struct ph_stop *stop);

/* Why the process may not be read or stopped: one line that names what it takes. */
struct ph_error *ph_stop_refused(int64_t pid) __attribute__((warn_unused_result));

#endif
