/* SPDX-License-Identifier: GPL-3.0-or-later */
/* _PyRuntime without a symbol: where in writable data does a place look like it? */
#include "detect/internal.h"

#include <string.h>

#include "base/cursor.h"

#define MAX_STATES 1024 /* interpreters and thread states that are looked at */

struct scan {
	struct ph_target *target;
	/* the first pass wants one interpreter; the second several; the third some of which the main one is gone, as
	 * when Python died of that: PyInterpreterState_Delete() in Python/pystate.c */
	enum { ONE, SEVERAL, LEFT_OVER, PASSES } pass;
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
	if (!main != (scan->pass == LEFT_OVER) || !ph_target_is_aligned(scan->target, main))
		return false;
	ph_addr head = load(scan, data + scan->head);
	return head && ph_target_is_aligned(scan->target, head) && (head == main) == (scan->pass == ONE);
}

static bool scan_range(struct scan *scan, ph_addr start, const uint8_t *data, size_t size)
{
	size_t width = scan->target->layout.abi.pointer_size;
	size_t last = (size_t)(scan->head > scan->main ? scan->head : scan->main) + width;
	for (size_t i = 0; i + last <= size; i += width) {
		if (!looks_right(scan, data + i))
			continue;
		scan->target->runtime = start + i;
		if (!ph_check_candidate(scan->target, true))
			return true;
	}
	return false;
}

/* ---- without a PyRuntimeState: 2.7 and 3.6 ---- */

typedef bool word_function(struct ph_target *target, ph_addr word, void *user);

/* Every word of the module's writable data, until the function says true. */
static bool each_word(struct ph_target *target, const struct ph_module *module, word_function *each, void *user)
{
	struct ph_segment ranges[PH_MAX_RANGES];
	size_t count = ph_image_writable_ranges(target->image, module, ranges, PH_MAX_RANGES);
	unsigned width = target->layout.abi.pointer_size;
	for (size_t i = 0; i < count; i++) {
		ph_addr start = (ranges[i].start + width - 1) & ~(ph_addr)(width - 1);
		size_t size = start < ranges[i].end ?
				      ph_image_readable(target->image, start, ranges[i].end - start) : 0;
		const uint8_t *data = size ? ph_image_view(target->image, start, size) : NULL;
		for (size_t j = 0; data && j + width <= size; j += width)
			if (each(target, ph_load_uint(data + j, width, target->layout.abi.big_endian), user))
				return true;
	}
	return false;
}

/* A word that points to an interpreter state: one of whose thread states points back. */
static bool is_interp(struct ph_target *target, ph_addr word, void *user)
{
	ph_addr *best = user, thread = 0, back = 0;
	if (!word || !ph_target_is_aligned(target, word) || word == *best ||
	    ph_target_ptr(target, word, PH_PyInterpreterState_tstate_head, &thread) != PH_OK || !thread ||
	    !ph_target_is_aligned(target, thread) ||
	    ph_target_ptr(target, thread, PH_PyThreadState_interp, &back) != PH_OK || back != word)
		return false;
	struct ph_target candidate = *target;
	candidate.interp_head = word;
	if (ph_check_candidate(&candidate, true))
		return false;
	target->type_type = candidate.type_type;
	/* interp_head, rather than autoInterpreterState: the one from which the other is reached */
	ph_addr at = word;
	for (size_t i = 0; *best && at != *best; i++)
		if (i == MAX_STATES || ph_target_ptr(target, at, PH_PyInterpreterState_next, &at) != PH_OK || !at)
			return false;
	*best = word;
	return false;
}

static bool scan_interpreters(struct ph_target *target, const struct ph_module *module)
{
	ph_addr head = 0;
	each_word(target, module, is_interp, &head);
	target->runtime = 0;
	target->interp_head = head;
	return head != 0;
}

struct states {
	ph_addr address[MAX_STATES], low, high;
	unsigned seen[MAX_STATES];
	size_t count;
};

static bool count_state(struct ph_target *target, ph_addr word, void *user)
{
	struct states *states = user;
	(void)target;
	for (size_t i = 0; word >= states->low && word <= states->high && i < states->count; i++)
		states->seen[i] += states->address[i] == word;
	return false;
}

static void collect_states(const struct ph_target *target, struct states *states)
{
	ph_addr interp = target->interp_head;
	for (size_t i = 0; interp && i < MAX_STATES; i++) {
		ph_addr thread = 0;
		(void)ph_target_ptr(target, interp, PH_PyInterpreterState_tstate_head, &thread);
		while (thread && states->count < MAX_STATES) {
			states->low = thread < states->low ? thread : states->low;
			states->high = thread > states->high ? thread : states->high;
			states->address[states->count++] = thread;
			if (ph_target_ptr(target, thread, PH_PyThreadState_next, &thread) != PH_OK)
				break;
		}
		if (ph_target_ptr(target, interp, PH_PyInterpreterState_next, &interp) != PH_OK)
			break;
	}
}

void ph_find_current(struct ph_target *target)
{
	struct states states = { .low = UINT64_MAX };
	int32_t words = ph_target_trait(target, PH_TRAIT_TSTATE_CURRENT_WORDS);
	if (words <= 0)
		return;
	ph_addr symbol = ph_image_symbol(target->image, target->module, "_PyThreadState_Current");
	if (symbol && ph_target_read_ptr(target, symbol, &target->tstate_current) == PH_OK)
		return;
	collect_states(target, &states);
	each_word(target, target->module, count_state, &states);
	for (size_t i = 0; i < states.count; i++)
		if (states.seen[i] >= (unsigned)words)
			target->tstate_current = states.address[i];
}

/* ---- both ---- */

bool ph_scan_module(struct ph_target *target, const struct ph_module *module)
{
	if (!ph_target_trait(target, PH_TRAIT_RUNTIME_FORM))
		return scan_interpreters(target, module);
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
	for (scan.pass = ONE; scan.pass < PASSES; scan.pass++) {
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
