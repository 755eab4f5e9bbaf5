/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The columns of a dump as the verbs of the heap use them: each is read when it is first asked for, and checked, so
 * that an index from it needs no check afterwards. */
#ifndef COMMAND_HEAP_H
#define COMMAND_HEAP_H

#include "dump/columns.h"
#include "dump/dump.h"

struct ph_heap_view {
	struct ph_dump *dump;
	uint64_t count; /* objects */
	uint64_t edge_count;
	/* NULL until asked for */
	uint64_t *address;
	uint32_t *type;
	int64_t *size, *refcount, *len;
	uint16_t *flags;
	uint64_t *edge_start; /* count + 1 */
	uint32_t *edge_target, *edge_argument;
	uint8_t *edge_kind;
	struct ph_dump_types types;
};

enum ph_heap_part {
	PH_HEAP_ADDRESSES = 1 << 0,
	PH_HEAP_TYPES = 1 << 1,
	PH_HEAP_SIZES = 1 << 2,
	PH_HEAP_COUNTS = 1 << 3, /* refcount, len, flags */
	PH_HEAP_EDGES = 1 << 4,
};

/* Reads those parts that are not there yet, and the names of types. */
struct ph_error *ph_heap_view_load(struct ph_heap_view *view, unsigned parts) __attribute__((warn_unused_result));
void ph_heap_view_deinit(struct ph_heap_view *view);
#define ph_auto_heap_view ph_cleanup(ph_heap_view_deinit)

/* The type of an index in the column; NULL unknown. */
const struct ph_dump_type *ph_heap_view_type(const struct ph_heap_view *view, uint32_t type);

/* The object at an address (PH_HEAP_ADDRESSES); PH_NO_INDEX none. */
uint32_t ph_heap_view_find(const struct ph_heap_view *view, ph_addr address);

/* "item", "value" …: of an edge's kind, extra or not; static. */
const char *ph_edge_kind_name(uint8_t kind);

/* Hexadecimal with or without 0x, nothing else; 0 when it is not (print.c). */
ph_addr ph_parse_address(const char *text);

#endif
