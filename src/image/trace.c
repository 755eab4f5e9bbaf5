/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/trace.h"

#include <stdlib.h>

#define PAGE 4096u

void ph_trace_free(struct ph_trace *trace)
{
	if (!trace)
		return;
	ph_addrmap_deinit(&trace->blocks);
	free(trace->readable);
	free(trace);
}

void ph_trace_seen(struct ph_trace *trace, ph_addr addr, size_t size)
{
	ph_addr end = addr + size < addr ? UINT64_MAX : addr + size;
	while (addr < end) {
		uint64_t page = addr / PAGE, first = addr % PAGE / PH_TRACE_BLOCK, last = PAGE / PH_TRACE_BLOCK - 1;
		if (end - 1 < (page + 1) * PAGE - 1)
			last = (end - 1) % PAGE / PH_TRACE_BLOCK;
		uint64_t bits =
			(last == 63 ? UINT64_MAX : (UINT64_C(1) << (last + 1)) - 1) & ~((UINT64_C(1) << first) - 1);
		uint64_t *known = ph_addrmap_find(&trace->blocks, page + 1);
		if (known)
			*known |= bits;
		else if (!ph_addrmap_set(&trace->blocks, page + 1, bits, true))
			trace->no_memory = true;
		if ((page + 1) * PAGE <= addr)
			return;
		addr = (page + 1) * PAGE;
	}
}

static int compare_extents(const void *a, const void *b)
{
	const struct ph_extent *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static size_t join(struct ph_extent *extents, size_t count)
{
	size_t n = 0;
	if (count)
		qsort(extents, count, sizeof(*extents), compare_extents);
	for (size_t i = 0; i < count; i++) {
		if (n && extents[i].start <= extents[n - 1].end) {
			if (extents[i].end > extents[n - 1].end)
				extents[n - 1].end = extents[i].end;
		} else {
			extents[n++] = extents[i];
		}
	}
	return n;
}

void ph_trace_settle(struct ph_trace *trace)
{
	trace->readable_count = join(trace->readable, trace->readable_count);
}

void ph_trace_readable(struct ph_trace *trace, ph_addr addr, size_t size)
{
	size_t n = trace->readable_count;
	if (!size || (n && trace->readable[n - 1].start <= addr && trace->readable[n - 1].end - addr >= size &&
		      trace->readable[n - 1].end > addr))
		return;
	if (n == trace->readable_capacity) {
		ph_trace_settle(trace);
		n = trace->readable_count;
		if (2 * n >= trace->readable_capacity) {
			size_t capacity = trace->readable_capacity ? 2 * trace->readable_capacity : 1024;
			void *grown = realloc(trace->readable, capacity * sizeof(*trace->readable));
			if (!grown) {
				trace->no_memory = true;
				return;
			}
			trace->readable = grown;
			trace->readable_capacity = capacity;
		}
	}
	trace->readable[trace->readable_count++] = (struct ph_extent){ addr, addr + size };
}

bool ph_trace_extents(struct ph_trace *trace, struct ph_extent **ret, size_t *ret_count)
{
	/* at most every second block begins an extent */
	struct ph_extent *extents = calloc(trace->blocks.count * 32 + 1, sizeof(*extents));
	size_t n = 0;
	if (!extents || trace->no_memory) {
		free(extents);
		return false;
	}
	for (size_t i = 0; i < trace->blocks.capacity; i++) {
		const struct ph_addrmap_slot *slot = &trace->blocks.slots[i];
		for (unsigned bit = 0; slot->key && bit < 64; bit++) {
			if (!(slot->value >> bit & 1))
				continue;
			unsigned first = bit;
			while (bit < 64 && slot->value >> bit & 1)
				bit++;
			ph_addr page = (slot->key - 1) * PAGE;
			extents[n++] = (struct ph_extent){ page + first * PH_TRACE_BLOCK, page + bit * PH_TRACE_BLOCK };
		}
	}
	*ret_count = join(extents, n);
	*ret = extents;
	return true;
}
