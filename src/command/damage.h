/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_DAMAGE_H
#define COMMAND_DAMAGE_H

#include "base/buffer.h"
#include "command/command.h"
#include "dump/dump.h"
#include "record/json.h"

/* What the verbs that answer from the heap's columns say of a dump whose core was cut or whose heap was damaged: one
 * warning, and *status 1 where the core is not complete.  Nothing of a whole heap. */
struct ph_error *ph_tell_heap_damage(struct ph_dump *dump, const struct ph_verb_output *output, int *status)
	__attribute__((warn_unused_result));

/* Whether what leads to an object may be in what the core or the dump lacks: asked when what is asked about was read. */
bool ph_heap_is_incomplete(struct ph_dump *dump);

/* A line of the report's text about what of the heap could not be read; nothing when all could. */
struct ph_error *ph_put_heap_damage(struct ph_dump *dump, struct ph_buffer *out) __attribute__((warn_unused_result));
/* What touches the heap: what the image lacks and what is wrong with the heap, not what only the report lacks. */
struct ph_error *ph_heap_damage(struct ph_dump *dump, struct ph_damage *ret) __attribute__((warn_unused_result));
/* "damage":[{"kind","where","what","count"}…],"damage_dropped":0, and "missing" where it is known; nothing where there is
 * none. */
void ph_put_damage_json(const struct ph_damage *damage, struct ph_json *json);
/* The same of the heap. */
struct ph_error *ph_put_heap_damage_json(struct ph_dump *dump, struct ph_json *json)
	__attribute__((warn_unused_result));
/* Where JSON is one row a line: a last one of these, where there is any; `of` is a first member of it, NULL none. */
struct ph_error *ph_put_heap_damage_line(struct ph_dump *dump, const char *of, struct ph_buffer *out)
	__attribute__((warn_unused_result));

#endif
