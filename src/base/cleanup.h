/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scope-bound ownership, as in systemd and drgn. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* "unused": clang warns of a variable that only its cleanup reads. */
#define ph_cleanup(function) __attribute__((cleanup(function), unused))

/* Hand an owned pointer on: the variable becomes NULL. */
#define ph_take_ptr(pointer)                           \
	({                                             \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                      \
		taken_;                                \
	})

/* Defines TYPE_cleanup(TYPE **) for use with ph_cleanup(). */
#define PH_DEFINE_CLEANUP(type, name, destroy)         \
	static inline void name(type **pointer)        \
	{                                              \
		if (*pointer)                          \
			destroy(*pointer);             \
	}

static inline void ph_free_cleanup(void *pointer)
{
	free(*(void **)pointer);
}
#define ph_auto_free ph_cleanup(ph_free_cleanup)

static inline void ph_close_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define ph_auto_close ph_cleanup(ph_close_cleanup)

/* Hand an owned descriptor on: the variable becomes -1. */
#define ph_take_fd(fd)            \
	({                        \
		int taken_ = (fd); \
		(fd) = -1;        \
		taken_;           \
	})

static inline void ph_fclose_cleanup(FILE **file)
{
	if (*file)
		fclose(*file);
}
#define ph_auto_fclose ph_cleanup(ph_fclose_cleanup)

#endif
