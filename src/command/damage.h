/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_DAMAGE_H
#define COMMAND_DAMAGE_H

#include "base/buffer.h"
#include "dump/dump.h"

/* A line of text about what of the heap could not be read (doc/dump-format.md, "damage"); nothing when all could. */
struct ph_error *ph_put_heap_damage(struct ph_dump *dump, struct ph_buffer *out) __attribute__((warn_unused_result));

#endif
