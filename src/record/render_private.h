/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the renderer's own files. */
#ifndef RECORD_RENDER_PRIVATE_H
#define RECORD_RENDER_PRIVATE_H

#include "record/render.h"

/* str, bytes, numbers: what redaction hides. */
bool ph_render_is_scalar(enum ph_kind kind);

/* "collections.deque"; builtins without their module. */
void ph_render_type_name(const struct ph_value *value, struct ph_buffer *out);

/* ph_render_message() where the args are known. */
struct ph_rendered ph_render_message_of(const struct ph_render *render, ph_addr exception, const ph_addr *args,
					size_t arg_count, struct ph_buffer *out);

#endif
