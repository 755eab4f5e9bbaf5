/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Code objects, decoded once and kept (object/code.c), and their line tables
 * (object/linetable.c).  Private to the object room but for ph_code_get() and
 * ph_code_position(), which object.h declares. */
#ifndef OBJECT_CODE_H
#define OBJECT_CODE_H

#include "base/addrmap.h"
#include "object/object.h"

/* Lives inside struct ph_objects, zero-initialised. */
struct ph_code_cache {
	struct ph_addrmap map; /* address of the code object -> struct ph_code *, 0 for what is none */
	struct ph_addrmap modules; /* address of a frame's globals -> its __name__, 0 none */
	struct ph_arena arena;
};
void ph_code_cache_deinit(struct ph_code_cache *cache);

/* Given by objects.c. */
struct ph_code_cache *ph_objects_code_cache(struct ph_objects *objects);

/* The three forms of line table.  Each takes the table's bytes, which it does
 * not trust, co_firstlineno and an offset in bytes into the bytecode, and gives
 * what PyCode_Addr2Line() of that version gives (0 where that is -1: no line).
 * A negative offset is before the first instruction: the first line. */

/* co_lnotab: Python 3.6 to 3.9, Objects/lnotab_notes.txt, PyCode_Addr2Line() in Objects/codeobject.c. */
int ph_linetable_lnotab(const uint8_t *table, size_t size, int first_line, int64_t offset);
/* The same of 2.7, whose lines only grow. */
int ph_linetable_lnotab_unsigned(const uint8_t *table, size_t size, int first_line, int64_t offset);
/* co_linetable of 3.10: PEP 626, advance() in Objects/codeobject.c. */
int ph_linetable_pep626(const uint8_t *table, size_t size, int first_line, int64_t offset);
/* co_linetable of 3.11 and later: PEP 657, Objects/locations.md, advance_with_locations() in Objects/codeobject.c. */
struct ph_position ph_linetable_locations(const uint8_t *table, size_t size, int first_line, int64_t offset);

#endif
