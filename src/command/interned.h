/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dict of interned strings takes back the two references that it has to each that is not immortal
 * (PyUnicode_InternInPlace() in Objects/unicodeobject.c, intern_common() since 3.13). */
#ifndef COMMAND_INTERNED_H
#define COMMAND_INTERNED_H

#include "command/heap.h"

#define PH_INTERNED_MAXIMUM 64

struct ph_interned {
	uint32_t dicts[PH_INTERNED_MAXIMUM]; /* one an interpreter */
	unsigned count;
};
/* None where the dump knows no roots. */
struct ph_interned ph_find_interned(struct ph_heap_view *view);
/* Whether the references that this object has are not counted. */
bool ph_is_interned_dict(const struct ph_interned *interned, uint32_t object);

#endif
