/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ph_error ph_error_no_memory = { PH_ERROR_NO_MEMORY, "out of memory" };

/* One allocation holds the error and its text. */
static struct ph_error *create(enum ph_error_code code, const char *suffix, const char *format, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return &ph_error_no_memory;
	size_t suffix_len = strlen(suffix), len = (size_t)n;
	struct ph_error *error = malloc(sizeof(*error) + len + suffix_len + 3);
	if (!error)
		return &ph_error_no_memory;
	char *text = (char *)(error + 1);
	vsnprintf(text, len + 1, format, ap);
	if (suffix_len)
		snprintf(text + len, suffix_len + 3, ": %s", suffix);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	error->code = code;
	error->message = text;
	return error;
}

struct ph_error *ph_error_create(enum ph_error_code code, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	struct ph_error *error = create(code, "", format, ap);
	va_end(ap);
	return error;
}

struct ph_error *ph_error_errno(int errnum, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	struct ph_error *error = create(PH_ERROR_IO, strerror(errnum), format, ap);
	va_end(ap);
	return error;
}

void ph_error_free(struct ph_error *error)
{
	if (error != &ph_error_no_memory)
		free(error);
}

int ph_error_exit_status(const struct ph_error *error)
{
	return error->code == PH_ERROR_NOT_CORE || error->code == PH_ERROR_NO_PYTHON ? 3 : 2;
}
