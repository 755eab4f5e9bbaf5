/* SPDX-License-Identifier: GPL-3.0-or-later */
/* _PyRuntime without a symbol: where in writable data does a place look like it? */
#include "detect/internal.h"

#include <string.h>

#include "base/cursor.h"

struct scan {
	struct ph_target *target;
	bool subinterpreters; /* the second pass: the head need not be the main interpreter */
	bool plain;	      /* words are eight bytes in our own order */
	int64_t head, main;   /* offsets in bytes */
};

/* The hot path: every word of the data is looked at. */
static inline ph_addr load(const struct scan *scan, const uint8_t *data)
{
	uint64_t word;
	if (!scan->plain)
		return ph_load_uint(data, scan->target->layout.abi.pointer_size, scan->target->layout.abi.big_endian);
	memcpy(&word, data, sizeof(word));
	return word;
}

/* Cheap tests first: two aligned pointers, then one that points back. */
static bool looks_right(struct scan *scan, const uint8_t *data)
{
	ph_addr main = load(scan, data + scan->main);
	if (!main || main & 7)
		return false;
	ph_addr head = load(scan, data + scan->head);
	return head && !(head & 7) && (head == main) != scan->subinterpreters;
}

static bool scan_range(struct scan *scan, ph_addr start, const uint8_t *data, size_t size)
{
	size_t last = (size_t)(scan->head > scan->main ? scan->head : scan->main) + 8;
	for (size_t i = 0; i + last <= size; i += 8) {
		if (!looks_right(scan, data + i))
			continue;
		scan->target->runtime = start + i;
		if (!ph_check_candidate(scan->target, true))
			return true;
	}
	return false;
}

bool ph_scan_module(struct ph_target *target, const struct ph_module *module)
{
	struct ph_segment ranges[PH_MAX_RANGES];
	struct scan scan = {
		.target = target,
		.head = (int64_t)ph_target_at(target, 0, PH_PyRuntimeState_interpreters_head),
		.main = (int64_t)ph_target_at(target, 0, PH_PyRuntimeState_interpreters_main),
	};
	scan.plain = target->layout.abi.pointer_size == 8 &&
		     target->layout.abi.big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	if (scan.head < 0 || scan.main < 0 || !ph_target_has(target, PH_PyRuntimeState_interpreters_head))
		return false;
	size_t count = ph_image_writable_ranges(target->image, module, ranges, PH_MAX_RANGES);
	for (int pass = 0; pass < 2; pass++) {
		scan.subinterpreters = pass != 0;
		for (size_t i = 0; i < count; i++) {
			ph_addr start = (ranges[i].start + 7) & ~(ph_addr)7;
			if (start >= ranges[i].end)
				continue;
			size_t size = ph_image_readable(target->image, start, ranges[i].end - start);
			const uint8_t *data = size ? ph_image_view(target->image, start, size) : NULL;
			if (data && scan_range(&scan, start, data, size))
				return true;
		}
	}
	target->runtime = 0;
	return false;
}

ph_addr ph_scan_cookie(struct ph_image *image, const struct ph_module *module)
{
	static const char cookie[] = "xdebugpy"; /* Include/internal/pycore_debug_offsets.h; 3.13: pycore_runtime.h */
	struct ph_segment ranges[PH_MAX_RANGES];
	size_t count = ph_image_writable_ranges(image, module, ranges, PH_MAX_RANGES);
	for (size_t i = 0; i < count; i++) {
		size_t size = ph_image_readable(image, ranges[i].start, ranges[i].end - ranges[i].start);
		const uint8_t *data = size ? ph_image_view(image, ranges[i].start, size) : NULL;
		const uint8_t *at = data ? memmem(data, size, cookie, sizeof(cookie) - 1) : NULL;
		if (at && ((uint64_t)(at - data) + ranges[i].start) % 8 == 0)
			return ranges[i].start + (ph_addr)(at - data);
	}
	return 0;
}
