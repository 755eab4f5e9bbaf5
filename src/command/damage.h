/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_DAMAGE_H
#define COMMAND_DAMAGE_H

#include "base/buffer.h"
#include "dump/dump.h"
#include "record/json.h"

/* A line of text about what of the heap could not be read (doc/dump-format.md, "damage"); nothing when all could. */
struct ph_error *ph_put_heap_damage(struct ph_dump *dump, struct ph_buffer *out) __attribute__((warn_unused_result));
/* The heap's own, without that of image and report. */
struct ph_error *ph_heap_damage(struct ph_dump *dump, struct ph_damage *ret) __attribute__((warn_unused_result));
/* "damage":[{"where","what","count"}…],"damage_dropped":0; nothing for a heap without any. */
void ph_put_damage_json(const struct ph_damage *damage, struct ph_json *json);
/* Where JSON is one object a line: a last one of these two, where there is any. */
struct ph_error *ph_put_heap_damage_line(struct ph_dump *dump, struct ph_buffer *out)
	__attribute__((warn_unused_result));

#endif
