/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with a heap, told in one line: whoever shows numbers of the heap says so. */
#ifndef RECORD_DAMAGE_TEXT_H
#define RECORD_DAMAGE_TEXT_H

#include "base/buffer.h"
#include "base/damage.h"

/* Does it touch what the dump's columns hold? */
bool ph_damage_is_of_heap(const struct ph_damage_entry *entry);

/* "the core was cut, 21.7 MB of its memory are missing", "24 places of its heap are damaged (the first: …)", or both;
 * without control characters.  False and nothing: the heap is whole. */
bool ph_heap_damage_text(const struct ph_damage *damage, struct ph_buffer *out);

#endif
