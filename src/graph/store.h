/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was worked out of a dump once, kept beside it in $XDG_CACHE_HOME/pyheap (or ~/.cache/pyheap), so that the next
 * question is quick.  A file there can be thrown away at any time; one that is not whole, of another dump, of another
 * version of this format or of PH_STORE_ALGORITHMS is as good as none.
 *
 * A file is sections of bytes with a checksum each.  It is mapped, and a section is held against its checksum before it
 * is handed out.  A checksum says that nothing was altered by accident: who reads indices from a section still holds
 * them against their bounds.  Files are private to the user (0600, owner checked) and published by rename. */
#ifndef GRAPH_STORE_H
#define GRAPH_STORE_H

#include "graph/graph.h"

/* Raise it with every change of what is worked out of the same dump: what the arrays of a graph hold (graph/build.c,
 * command/link.c), the totals of types (command/totals.c).  Else an answer of yesterday's code is today's. */
#define PH_STORE_ALGORITHMS 6

#define PH_STORE_SECTIONS 8
#define PH_STORE_IDENTITY 16 /* bytes that tell one dump from all others */

struct ph_store {
	void *map; /* NULL: there is none */
	size_t size;
	bool checked[PH_STORE_SECTIONS];
};

/* `what` names the kind of file ("graph"): letters only.  A store without a map when there is no usable file. */
struct ph_store ph_store_open(const uint8_t identity[PH_STORE_IDENTITY], const char *what);
void ph_store_close(struct ph_store *store);

/* A section of exactly `size` bytes, aligned to 64, mapped as long as the store is open; NULL: there is none such. */
const void *ph_store_section(struct ph_store *store, unsigned section, uint64_t size);

struct ph_store_part {
	const void *data;
	uint64_t size; /* bytes */
};

/* False when it could not be kept, which is no error. */
bool ph_store_write(const uint8_t identity[PH_STORE_IDENTITY], const char *what, const struct ph_store_part *parts,
		    unsigned count);

#endif
