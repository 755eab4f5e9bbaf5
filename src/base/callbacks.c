/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/callbacks.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void say(void (*to)(void *, const char *), void *user, const char *format, va_list ap)
{
	char message[1024];
	if (!to)
		return;
	vsnprintf(message, sizeof(message), format, ap);
	for (char *p = message; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	to(user, message);
}

void ph_warn(const struct ph_callbacks *callbacks, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	if (callbacks)
		say(callbacks->warning, callbacks->user, format, ap);
	va_end(ap);
}

void ph_explain(const struct ph_callbacks *callbacks, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	if (callbacks)
		say(callbacks->explain, callbacks->user, format, ap);
	va_end(ap);
}

static _Thread_local const atomic_bool *stop_flag;

void ph_callbacks_stop_at(const atomic_bool *stop)
{
	stop_flag = stop;
}

struct ph_error *ph_progress(const struct ph_callbacks *callbacks, const char *stage, unsigned long long done,
			     unsigned long long total)
{
	if (stop_flag)
		return *stop_flag ? ph_error_create(PH_ERROR_CANCELLED, "stopped") : NULL;
	if (callbacks && callbacks->progress && !callbacks->progress(callbacks->user, stage, done, total))
		return ph_error_create(PH_ERROR_CANCELLED, "stopped");
	return NULL;
}
