/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The closure of the stacks: what locals, globals and exceptions reach. */
#include "extract/extract.h"

#include "base/addrmap.h"
#include "base/callbacks.h"
#include "base/cleanup.h"
#include "base/sort.h"

#include <stdlib.h>

#define PROGRESS_INTERVAL 4096
#define CHILDREN_MINIMUM 1000
#define EXPECTED 65536
#define FRAMES_MEMORY ((size_t)64 << 20)

struct walk {
	ph_addr *queue; /* in order of discovery: breadth first */
	size_t count, capacity, maximum;
	struct ph_addrmap seen;
	bool no_memory, cut;
};

static void visit(struct walk *walk, ph_addr address)
{
	if (!address || ph_addrmap_find(&walk->seen, address))
		return;
	if (walk->count >= walk->maximum) {
		walk->cut = true;
		return;
	}
	if (walk->count == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 1024;
		ph_addr *queue = realloc(walk->queue, capacity * sizeof(*queue));
		if (!queue) {
			walk->no_memory = true;
			return;
		}
		walk->queue = queue;
		walk->capacity = capacity;
	}
	if (ph_addrmap_add(&walk->seen, address))
		walk->queue[walk->count++] = address;
	else
		walk->no_memory = true;
}

static void expand(struct walk *walk, const struct ph_value *value)
{
	for (size_t i = 0; i < value->attribute_count; i++)
		ph_addrmap_prefetch(&walk->seen, value->attributes[i].value);
	for (size_t i = 0; i < value->item_count; i++)
		visit(walk, value->items[i]);
	for (size_t i = 0; i < value->pair_count; i++) {
		visit(walk, value->pairs[i].key);
		visit(walk, value->pairs[i].value);
	}
	for (size_t i = 0; i < value->attribute_count; i++)
		visit(walk, value->attributes[i].value);
	for (size_t i = 0; i < value->part_count; i++)
		visit(walk, value->parts[i].value);
}

static ph_addr ahead(const struct walk *walk, size_t i)
{
	return i < walk->count ? walk->queue[i] : 0;
}

static struct ph_error *run(struct ph_extract *extract, struct walk *walk)
{
	struct ph_value value = PH_VALUE_INIT;
	struct ph_error *error = NULL;
	size_t next = 0, expected = 0;
	/* one long list must not use up the number: its first items with all that is in them tell more */
	size_t share = walk->maximum / 100;
	if (share < CHILDREN_MINIMUM)
		share = CHILDREN_MINIMUM;
	for (size_t i = 0; i < extract->root_count; i++)
		visit(walk, extract->roots[i].address);
	/* what is left in the queue when it is full leads to nothing new */
	for (; next < walk->count && !walk->cut && !error && !walk->no_memory; next++) {
		struct ph_value_limits limits = { .children = share, .characters = 0 };
		if (next == expected) {
			size_t left = walk->count - next;
			expected = next + (left < EXPECTED ? left : EXPECTED);
			ph_source_expect(&extract->source, walk->queue + next, expected - next, &limits);
		}
		ph_source_approach(&extract->source, ahead(walk, next + PH_SOURCE_FAR), ahead(walk, next + PH_SOURCE_NEAR));
		ph_source_value(&extract->source, walk->queue[next], &limits, &value);
		expand(walk, &value);
		if (next % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1)
			error = ph_progress(ph_image_callbacks(extract->image), "closure", next, walk->count);
	}
	ph_value_deinit(&value);
	return error ? error : walk->no_memory ? &ph_error_no_memory : NULL;
}

static void load_frames(struct ph_extract *extract, const struct ph_frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ph_extract_load_source(extract, &frames[i]);
}

/* What the sources of its frames give away is known before any of it is written. */
static void load_sources(struct ph_extract *extract, const struct walk *walk)
{
	struct ph_arena arena = { .maximum = FRAMES_MEMORY };
	if (ph_redactor_mode(extract->redactor) == PH_REDACT_VALUES || !extract->runtime)
		return;
	for (size_t i = 0; i < walk->count; i++) {
		/* what is kept is of none of these kinds */
		if (ph_value_cache_has(&extract->cache, walk->queue[i]))
			continue;
		ph_extract_count_value(extract);
		const struct ph_type *type = ph_object_type(extract->objects, walk->queue[i]);
		struct ph_frame frame = { 0 };
		struct ph_exception exception = { 0 };
		if (!type)
			continue;
		if (type->kind == PH_KIND_EXCEPTION &&
		    ph_runtime_exception(extract->runtime, walk->queue[i], &arena, &exception) == PH_OK)
			load_frames(extract, exception.traceback, exception.traceback_count);
		if ((type->kind == PH_KIND_FRAME || type->kind == PH_KIND_GENERATOR ||
		     type->kind == PH_KIND_TRACEBACK) &&
		    ph_runtime_object_frame(extract->runtime, walk->queue[i], &arena, &frame) == PH_OK)
			load_frames(extract, &frame, 1);
		ph_arena_reset(&arena);
	}
	ph_arena_deinit(&arena);
}

struct ph_error *ph_extract_closure(struct ph_extract *extract, size_t maximum, ph_addr **ret, size_t *ret_count,
				    bool *ret_cut)
{
	struct walk walk = { .maximum = maximum };
	bool is_open = extract->cache.is_open;
	/* What the closure shows, beyond the report, may be behind a secret edge of the closure.  Of its long lists most
	 * is met this once: not kept. */
	extract->cache.is_open = false;
	struct ph_error *error = ph_redactor_survey(extract->redactor, &extract->source, extract->roots,
						    extract->root_count, UINT32_MAX, maximum, maximum);
	extract->cache.is_open = is_open;
	if (!error)
		error = run(extract, &walk);
	ph_addrmap_deinit(&walk.seen);
	if (error) {
		free(walk.queue);
		return error;
	}
	ph_sort_numbers(walk.queue, walk.count);
	load_sources(extract, &walk);
	*ret = walk.queue;
	*ret_count = walk.count;
	*ret_cut = walk.cut;
	return NULL;
}
