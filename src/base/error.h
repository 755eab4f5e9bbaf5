/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <pyheap/error.h>

/* Static: this path never allocates. */
extern struct ph_error ph_error_no_memory;

/* A new error.  Control characters in the formatted text (it may quote names
 * from a target) are escaped.  Returns &ph_error_no_memory when that fails. */
struct ph_error *ph_error_create(enum ph_error_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* As ph_error_create(PH_ERROR_IO), with ": " and strerror(errnum) behind. */
struct ph_error *ph_error_errno(int errnum, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

#endif
