/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image of a running process of this machine, read through /proc and ptrace. */
#ifndef PYHEAP_LIVE_H
#define PYHEAP_LIVE_H

#include <pyheap/image.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ph_live_options {
	int64_t pid;
	/* Do not stop it: what it changes while it is read is torn, and counted in the damage. */
	bool no_stop;
	/* It is stopped with ptrace.  When no more than so many bytes of it are written memory they are copied
	 * (into memory, or where that is scarce into an unlinked file under $TMPDIR), and it goes on before the
	 * image is opened; else it stands until ph_live_resume() or ph_image_close(). */
	uint64_t copy_maximum;
};

/* Read-only: nothing in the process is called or changed, and locks that it holds do not matter.
 * Its modules and sources are looked for below /proc/PID/root when it has another root than we
 * and no sysroot is named.  All calls on the image from the thread that opened it.
 * PH_ERROR_IO: no such process, or refused; PH_ERROR_NOT_CORE: a zombie, a kernel thread. */
struct ph_error *ph_image_open_live(const struct ph_live_options *live, const struct ph_image_options *options,
				    struct ph_image **ret) __attribute__((warn_unused_result));

/* Let it go on, when it still stands; what was not read before is torn from now on. */
void ph_live_resume(struct ph_image *image);
/* Seconds that it stood, once it goes on; 0 when it was never stopped. */
double ph_live_stood(const struct ph_image *image);
/* Whether the process was seen to end while it was read. */
bool ph_live_has_ended(const struct ph_image *image);

/* A process of which the kernel writes a core into a pipe: its headers and notes are read from `core`, a descriptor
 * that stays the caller's and must stay open, for the kernel keeps the process that long; its memory comes from
 * `memory`, an open /proc/PID/mem, the caller's too.  `spill`: what is read of it goes into an unlinked file under
 * $TMPDIR, not into memory.  PH_ERROR_NOT_CORE. */
struct ph_error *ph_image_open_piped(int core, int memory, bool spill, const struct ph_image_options *options,
				     struct ph_image **ret) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
#endif
