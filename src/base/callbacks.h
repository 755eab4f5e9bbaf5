/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_CALLBACKS_H
#define BASE_CALLBACKS_H
#include <pyheap/callbacks.h>

#include <stdatomic.h>

/* Format a warning (one line) and hand it on; NULL-safe in `callbacks`. */
void ph_warn(const struct ph_callbacks *callbacks, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "how each thing was found", for --explain. */
void ph_explain(const struct ph_callbacks *callbacks, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* This thread calls nobody back: what it asks is whether the flag is set. */
void ph_callbacks_stop_at(const atomic_bool *stop);
/* PH_ERROR_CANCELLED when the caller asked to stop. */
struct ph_error *ph_progress(const struct ph_callbacks *callbacks, const char *stage, unsigned long long done,
			     unsigned long long total) __attribute__((warn_unused_result));
#endif
