/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of str, bytes and numbers, once all edges are known: what a secret one leads to is not told. */
#include "extract/heap_private.h"

#include "object/scalar.h"

#include <stdlib.h>
#include <string.h>

#define PAGE ((ph_addr)4096)
#define FETCH_AHEAD 1024 /* bytes behind an object that will be looked at soon */
#define CHARACTERS 200 /* of a str */
#define BYTES 64       /* of a bytes */
#define SLACK 512      /* beyond, for a secret that straddles the cut */
/* texts of the unit, to be found again: those of this size at most, one for each hash */
#define RECENT 4096
#define RECENT_TEXT 24
#define NONE UINT32_MAX

/* In the first cache as a whole, so the texts themselves are where they were put. */
struct ph_heap_recent {
	struct {
		uint32_t hash;
		uint32_t string; /* index in the unit's, NONE: empty */
	} slots[RECENT];
};

/* Python 2 has texts in bytes. */
static size_t bytes_of(const struct ph_shape *shape)
{
	return ph_shape_value_text(shape) == PH_VALUE_STR_OF_2 ? CHARACTERS : BYTES;
}

/* A str or bytes that something leads to whose name the core lacks: it may be a secret's. */
static bool is_nameless(const struct ph_heap_worker *w, const struct ph_shape *shape, uint32_t index)
{
	return ph_heap_is_nameless(&w->walk->secrets, index) &&
	       (shape->type->kind == PH_KIND_STR || shape->type->kind == PH_KIND_BYTES);
}

/* Of the object, as the redaction has it; NULL: it has none.  Borrowed until the next call. */
static const char *make_text(struct ph_heap_worker *w, const struct ph_shape *shape, uint32_t index, ph_addr object,
			     struct ph_scalar *scalar, size_t *ret_size)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = CHARACTERS + SLACK };
	const struct ph_extract *extract = w->walk->extract;
	bool redacted;
	ph_buffer_clear(&w->text);
	bool nameless = is_nameless(w, shape, index);
	if (!ph_scalar_get(shape, object, CHARACTERS + SLACK, scalar)) {
		ph_object_value(w->objects, object, &limits, &w->value);
		bool has = ph_render_value(&extract->render, &w->value, CHARACTERS, bytes_of(shape), &w->text, &redacted);
		if (has && nameless) {
			ph_buffer_clear(&w->text);
			ph_buffer_puts(&w->text, PH_REDACTED);
		}
		*ret_size = w->text.size;
		w->redacted += has && (redacted || nameless);
		return has ? ph_buffer_text(&w->text) : NULL;
	}
	struct ph_render_text text = {
		.text = scalar->text,
		.size = scalar->size,
		.cut = scalar->cut,
		.secret = nameless || ph_redactor_is_marked(extract->redactor, object),
		.characters = scalar->is_bytes ? 0 : CHARACTERS,
		.bytes = scalar->is_bytes ? bytes_of(shape) : 0,
	};
	/* most are short and hold nothing that could be one */
	if (!text.secret && !text.bytes && text.size <= CHARACTERS &&
	    (scalar->is_number ? ph_redactor_is_harmless_number(extract->redactor) :
				 ph_redactor_is_harmless(extract->redactor, text.text, text.size))) {
		*ret_size = text.size;
		return text.text;
	}
	w->redacted += ph_render_text(&extract->render, &text, &w->text);
	*ret_size = w->text.size;
	return ph_buffer_text(&w->text);
}

static void forget_texts(struct ph_heap_recent *recent)
{
	memset(recent->slots, 0xff, sizeof(recent->slots));
}

static struct ph_error *hand_over(struct ph_heap_worker *w, bool more)
{
	struct ph_heap_values *v = w->values;
	struct ph_error *error = w->walk->sink.values(w->walk->sink.self, v, more);
	v->count = v->string_count = 0;
	v->string_start[0] = 0;
	forget_texts(w->recent);
	return error;
}

/* Of at most RECENT_TEXT bytes: equal texts have equal ones. */
static uint64_t hash_of(const char *text, size_t size)
{
	uint64_t a = 0, b = 0, c = 0;
	if (size >= 8) {
		memcpy(&a, text, 8);
		memcpy(&b, text + size - 8, 8);
		memcpy(&c, text + (size - 8) / 2, 8);
	} else if (size >= 4) {
		memcpy(&a, text, 4);
		memcpy(&b, text + size - 4, 4);
	} else {
		for (size_t i = 0; i < size; i++)
			a = a << 8 | (uint8_t)text[i];
	}
	a = (a ^ size) * UINT64_C(0x9e3779b97f4a7c15) ^ (b + c * 3) * UINT64_C(0xc2b2ae3d27d4eb4f);
	return (a ^ a >> 29) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct ph_error *put_text(struct ph_heap_worker *w, const char *text, size_t size, uint32_t *ret)
{
	struct ph_heap_values *v = w->values;
	struct ph_heap_recent *recent = w->recent;
	uint64_t hash = size <= RECENT_TEXT ? hash_of(text, size) : 0;
	size_t slot = size <= RECENT_TEXT ? (size_t)(hash >> 52) & (RECENT - 1) : RECENT;
	if (slot < RECENT && recent->slots[slot].hash == (uint32_t)hash && recent->slots[slot].string != NONE) {
		const uint64_t *bounds = &v->string_start[recent->slots[slot].string];
		if (bounds[1] - bounds[0] == size && !memcmp(v->bytes + bounds[0], text, size)) {
			*ret = recent->slots[slot].string;
			return NULL;
		}
	}
	if (size > PH_HEAP_UNIT_TEXT)
		size = PH_HEAP_UNIT_TEXT;
	if (size > PH_HEAP_UNIT_TEXT - v->string_start[v->string_count]) {
		struct ph_error *error = hand_over(w, true);
		if (error)
			return error;
	}
	uint64_t start = v->string_start[v->string_count];
	memcpy(v->bytes + start, text, size);
	*ret = (uint32_t)v->string_count++;
	v->string_start[v->string_count] = start + size;
	if (slot < RECENT) {
		recent->slots[slot].hash = (uint32_t)hash;
		recent->slots[slot].string = *ret;
	}
	return NULL;
}

static struct ph_error *give_value(struct ph_heap_worker *w, uint32_t index, ph_addr object)
{
	struct ph_scalar scalar;
	struct ph_heap_values *v = w->values;
	const struct ph_heap_type_count *type = ph_heap_type_of(w, object);
	size_t size;
	uint32_t string = 0;
	const char *text = type ? make_text(w, type->shape, index, object, &scalar, &size) : NULL;
	if (!text)
		return w->error;
	if (w->text.no_memory)
		return &ph_error_no_memory;
	struct ph_error *error = put_text(w, text, size, &string);
	if (error)
		return error;
	v->object[v->count] = index;
	v->string[v->count++] = string;
	return NULL;
}

struct ph_error *ph_heap_walk_values(struct ph_heap_worker *w, uint64_t number)
{
	const struct ph_heap *heap = w->walk->heap;
	uint64_t first = number * PH_HEAP_UNIT, left = heap->count - first;
	size_t count = left < PH_HEAP_UNIT ? (size_t)left : PH_HEAP_UNIT;
	struct ph_addrset_iter iter = ph_addrset_from(&heap->set, first);
	ph_addr object, start = 0, end = 0;
	struct ph_error *error = NULL;
	if (!w->recent && !(w->recent = calloc(1, sizeof(*w->recent))))
		return &ph_error_no_memory;
	w->values->number = number;
	w->values->count = w->values->string_count = 0;
	w->values->string_start[0] = 0;
	forget_texts(w->recent);
	for (size_t i = 0; i < count && !error && ph_addrset_next(&iter, &object); i++) {
		uint64_t index = first + i;
		const char *ahead = ph_image_look(heap->target->image, object + FETCH_AHEAD, 1);
		__builtin_prefetch(ahead ? ahead : (const char *)w);
		if (i % PH_HEAP_LEAVE_INTERVAL == 0 && start) {
			ph_image_leave_pages(heap->target->image, start, end);
			start = 0;
		}
		if (!(w->walk->valued[index / 64] >> index % 64 & 1))
			continue;
		start = start ? start : object & ~(PAGE - 1);
		end = (object + PAGE) & ~(PAGE - 1);
		error = give_value(w, (uint32_t)index, object);
	}
	if (!error)
		error = hand_over(w, false);
	if (start)
		ph_image_leave_pages(heap->target->image, start, end);
	return error;
}
