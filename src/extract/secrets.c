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
	if (ph_redactor_mode(extract->redactor) != PH_REDACT_SECRETS)
		return NULL;
	ret->by_name = true;
	const struct ph_image_info *info = ph_image_info(extract->image);
	ret->is_cut = !info->complete || info->partial;
	ret->targets = calloc(heap->count / 64 + 1, sizeof(*ret->targets));
	ret->framed = calloc(heap->count / 64 + 1, sizeof(*ret->framed));
	ret->nameless = calloc(heap->count / 64 + 1, sizeof(*ret->nameless));
	if (ret->is_cut)
		ret->led_to = calloc(heap->count / 64 + 1, sizeof(*ret->led_to));
	return ret->targets && ret->framed && ret->nameless && (ret->led_to || !ret->is_cut) ? NULL : &ph_error_no_memory;
}

void ph_heap_secrets_deinit(struct ph_heap_secrets *s)
{
	free(s->targets);
	free(s->framed);
	free(s->nameless);
	free(s->led_to);
}

enum ph_heap_name ph_heap_judge_name(const struct ph_heap_secrets *s, const struct ph_shape *shape, ph_addr name,
				     struct ph_value *scratch)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = PH_NAME_CHARACTERS };
	struct ph_scalar scalar;
	bool secret;
	if (!shape)
		return PH_HEAP_NAME_LACKING;
	if (shape->type->kind != PH_KIND_STR && shape->type->kind != PH_KIND_BYTES)
		return PH_HEAP_NAME_PLAIN;
	if (ph_scalar_get(shape, name, PH_NAME_CHARACTERS, &scalar)) {
		secret = !scalar.cut && ph_redactor_is_secret_name(s->extract->redactor, scalar.text, scalar.size);
	} else {
		ph_object_value(shape->objects, name, &limits, scratch);
		if (scratch->status != PH_OK)
			return PH_HEAP_NAME_LACKING;
		secret = ph_redactor_judge(s->extract->redactor, scratch) >= PH_NAME_SECRET;
	}
	return secret ? PH_HEAP_NAME_SECRET : PH_HEAP_NAME_PLAIN;
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

static ph_addr address_of(const struct ph_heap_secrets *s, uint64_t word, uint64_t bits)
{
	return ph_addrset_select(&s->heap->set, word * 64 + (uint64_t)__builtin_ctzll(bits));
}

static void add_locals(struct ph_heap_secrets *s, ph_addr object)
{
	struct ph_arena arena = { .maximum = FRAMES_MEMORY };
	struct ph_frame frame = { 0 };
	enum ph_status status = ph_runtime_object_frame(s->extract->runtime, object, &arena, &frame);
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
	uint64_t words = s->by_name ? s->heap->count / 64 + 1 : 0;
	for (uint64_t word = 0; word < words; word++)
		for (uint64_t left = s->framed[word]; left; left &= left - 1)
			add_locals(s, address_of(s, word, left));
	for (uint64_t word = 0; word < words; word++)
		for (uint64_t left = s->targets[word]; left; left &= left - 1)
			ph_redactor_mark(s->extract->redactor, &s->extract->source, address_of(s, word, left));
	ph_redactor_settle(s->extract->redactor);
}
