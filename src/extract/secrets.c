/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The survey of the stacks (record/redact_survey.c) ends at its depth: here every edge of the heap is held against the
 * secret names.  A name is looked at once, whatever number of edges bear it. */
#include "extract/heap_private.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MEMORY ((size_t)64 << 20)

struct ph_error *ph_heap_secrets_begin(struct ph_extract *extract, struct ph_heap *heap, struct ph_heap_secrets *ret)
{
	*ret = (struct ph_heap_secrets){ .extract = extract, .heap = heap, .arena = { .maximum = FRAMES_MEMORY } };
	if (ph_redactor_mode(extract->redactor) != PH_REDACT_SECRETS)
		return NULL;
	ret->verdicts = calloc(heap->count + 1, 1);
	ret->targets = calloc(heap->count / 64 + 1, sizeof(*ret->targets));
	return ret->verdicts && ret->targets ? NULL : &ph_error_no_memory;
}

void ph_heap_secrets_deinit(struct ph_heap_secrets *s)
{
	free(s->verdicts);
	free(s->targets);
	ph_value_deinit(&s->value);
	ph_arena_deinit(&s->arena);
}

static void add(struct ph_heap_secrets *s, uint32_t target)
{
	s->targets[target / 64] |= UINT64_C(1) << target % 64;
}

static bool is_secret(struct ph_heap_secrets *s, uint32_t name)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = PH_NAME_CHARACTERS };
	if (name == PH_NO_INDEX)
		return false;
	if (!s->verdicts[name]) {
		ph_object_value(s->extract->objects, ph_addrset_select(&s->heap->set, name), &limits, &s->value);
		s->verdicts[name] = (uint8_t)ph_redactor_judge(s->extract->redactor, &s->value);
	}
	return s->verdicts[name] >= PH_NAME_SECRET;
}

static bool is_secret_slot(const struct ph_heap_secrets *s, const struct ph_shape *shape, uint32_t at)
{
	const char *name;
	int64_t offset;
	for (size_t i = 0; (name = ph_shape_slot(shape, i, &offset)); i++)
		if (offset == at && ph_redactor_is_secret_name(s->extract->redactor, name, strlen(name)))
			return true;
	return false;
}

void ph_heap_secrets_take(struct ph_heap_secrets *s, const struct ph_shape *shape, const struct ph_heap_edge *edges,
			  size_t count)
{
	if (!s->verdicts)
		return;
	for (size_t i = 0; i < count; i++) {
		enum ph_edge_kind kind = (enum ph_edge_kind)(edges[i].kind & ~PH_EDGE_EXTRA);
		bool secret = false;
		if (kind == PH_EDGE_VALUE || kind == PH_EDGE_ATTRIBUTE)
			secret = is_secret(s, edges[i].argument);
		else if (kind == PH_EDGE_SLOT)
			secret = is_secret_slot(s, shape, edges[i].argument);
		if (secret)
			add(s, edges[i].target);
	}
}

void ph_heap_secrets_locals(struct ph_heap_secrets *s, ph_addr object)
{
	struct ph_frame frame = { 0 };
	uint64_t index;
	if (!s->verdicts || ph_source_frame(&s->extract->source, object, &s->arena, &frame) != PH_OK)
		return;
	for (size_t i = 0; i < frame.local_count; i++) {
		const char *name = frame.locals[i].name;
		if (name && ph_redactor_is_secret_name(s->extract->redactor, name, strlen(name)) &&
		    ph_heap_find(s->heap, frame.locals[i].address, &index))
			add(s, (uint32_t)index);
	}
	ph_arena_deinit(&s->arena);
	s->arena = (struct ph_arena){ .maximum = FRAMES_MEMORY };
}

void ph_heap_secrets_mark(struct ph_heap_secrets *s)
{
	for (uint64_t word = 0; s->targets && word <= s->heap->count / 64; word++)
		for (uint64_t left = s->targets[word]; left; left &= left - 1)
			ph_redactor_mark(s->extract->redactor, &s->extract->source,
					 ph_addrset_select(&s->heap->set, word * 64 + (uint64_t)__builtin_ctzll(left)));
}
