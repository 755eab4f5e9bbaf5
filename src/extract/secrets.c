/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The survey of the stacks (record/redact_survey.c) ends at its depth: here every edge of the heap is held against the
 * secret names. */
#include "extract/heap_private.h"

#include "object/scalar.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MEMORY ((size_t)64 << 20)

struct ph_error *ph_heap_secrets_begin(struct ph_extract *extract, struct ph_heap *heap, struct ph_heap_secrets *ret)
{
	*ret = (struct ph_heap_secrets){ .extract = extract, .heap = heap };
	pthread_mutex_init(&ret->lock, NULL);
	if (ph_redactor_mode(extract->redactor) != PH_REDACT_SECRETS)
		return NULL;
	ret->by_name = true;
	ret->targets = calloc(heap->count / 64 + 1, sizeof(*ret->targets));
	return ret->targets ? NULL : &ph_error_no_memory;
}

void ph_heap_secrets_deinit(struct ph_heap_secrets *s)
{
	if (!s->extract)
		return;
	free(s->targets);
	pthread_mutex_destroy(&s->lock);
}

bool ph_heap_is_secret_name(const struct ph_heap_secrets *s, const struct ph_shape *shape, ph_addr name,
			    struct ph_value *scratch)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = PH_NAME_CHARACTERS };
	struct ph_scalar scalar;
	if (shape->type->kind != PH_KIND_STR && shape->type->kind != PH_KIND_BYTES)
		return false;
	if (ph_scalar_get(shape, name, PH_NAME_CHARACTERS, &scalar))
		return !scalar.cut && ph_redactor_is_secret_name(s->extract->redactor, scalar.text, scalar.size);
	ph_object_value(shape->objects, name, &limits, scratch);
	return ph_redactor_judge(s->extract->redactor, scratch) >= PH_NAME_SECRET;
}

bool ph_heap_is_secret_slot(const struct ph_heap_secrets *s, const struct ph_shape *shape, uint64_t at)
{
	const char *name;
	int64_t offset;
	for (size_t i = 0; (name = ph_shape_slot(shape, i, &offset)); i++)
		if ((uint64_t)offset == at && ph_redactor_is_secret_name(s->extract->redactor, name, strlen(name)))
			return true;
	return false;
}

void ph_heap_secrets_locals(struct ph_heap_secrets *s, ph_addr object)
{
	struct ph_arena arena = { .maximum = FRAMES_MEMORY };
	struct ph_frame frame = { 0 };
	if (!s->by_name)
		return;
	pthread_mutex_lock(&s->lock);
	enum ph_status status = ph_runtime_object_frame(s->extract->runtime, object, &arena, &frame);
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; status == PH_OK && i < frame.local_count; i++) {
		const char *name = frame.locals[i].name;
		uint32_t target = ph_heap_index(s->heap, frame.locals[i].address);
		if (target != PH_NO_INDEX && name &&
		    ph_redactor_is_secret_name(s->extract->redactor, name, strlen(name)))
			ph_heap_secret_target(s, target);
	}
	ph_arena_deinit(&arena);
}

void ph_heap_secrets_mark(struct ph_heap_secrets *s)
{
	for (uint64_t word = 0; s->targets && word <= s->heap->count / 64; word++)
		for (uint64_t left = s->targets[word]; left; left &= left - 1)
			ph_redactor_mark(s->extract->redactor, &s->extract->source,
					 ph_addrset_select(&s->heap->set, word * 64 + (uint64_t)__builtin_ctzll(left)));
	ph_redactor_settle(s->extract->redactor);
}
