/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the library speaks: it never prints and never exits. */
#ifndef PYHEAP_CALLBACKS_H
#define PYHEAP_CALLBACKS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Any member may be NULL.  Messages are one line, without newline, control
 * characters escaped, and borrowed for the call. */
struct ph_callbacks {
	void *user;
	void (*warning)(void *user, const char *message);
	/* How a thing was found (--explain). */
	void (*explain)(void *user, const char *message);
	/* total is 0 when unknown.  Returns false to cancel. */
	bool (*progress)(void *user, const char *stage, unsigned long long done, unsigned long long total);
};

#ifdef __cplusplus
}
#endif
#endif
