/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts of str, bytes and numbers, once all edges are known: what a secret one leads to is not told. */
#include "extract/heap_private.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "object/scalar.h"

#define PROGRESS_EVERY 65536
#define WINDOW ((ph_addr)32 << 20)
#define CHARACTERS 200 /* of a str */
#define BYTES 64       /* of a bytes */
#define SLACK 512      /* beyond, for a secret that straddles the cut */

struct values {
	struct ph_extract *extract;
	struct ph_value value;
	struct ph_buffer text;
};

/* Into v->text; false: it has none. */
static bool make_text(struct values *v, const struct ph_shape *shape, ph_addr object)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = CHARACTERS + SLACK };
	struct ph_scalar scalar;
	bool redacted;
	ph_buffer_clear(&v->text);
	if (!ph_scalar_get(shape, object, CHARACTERS + SLACK, &scalar)) {
		ph_object_value(v->extract->objects, object, &limits, &v->value);
		return ph_render_value(&v->extract->render, &v->value, CHARACTERS, BYTES, &v->text, &redacted);
	}
	struct ph_render_text text = {
		.text = scalar.text,
		.size = scalar.size,
		.cut = scalar.cut,
		.secret = ph_redactor_is_marked(v->extract->redactor, object),
		.characters = scalar.is_bytes ? 0 : CHARACTERS,
		.bytes = scalar.is_bytes ? BYTES : 0,
	};
	ph_render_text(&v->extract->render, &text, &v->text);
	return true;
}

struct ph_error *ph_heap_give_values(struct ph_extract *extract, struct ph_heap *heap, const uint64_t *valued,
				     const struct ph_heap_sink *sink)
{
	struct values v = { .extract = extract, .text = PH_BUFFER(PH_BUFFER_UNBOUNDED) };
	struct ph_addrset_iter iter = { .set = &heap->set };
	struct ph_error *error = NULL;
	ph_addr object, behind = 0;
	for (uint64_t i = 0; !error && ph_addrset_next(&iter, &object); i++) {
		if (i % PROGRESS_EVERY == 0)
			error = ph_progress(ph_image_callbacks(extract->image), "writing values", i, heap->count);
		if (!(valued[i / 64] >> i % 64 & 1) || error)
			continue;
		if (object - behind > WINDOW) {
			if (behind)
				ph_image_drop_pages(extract->image, behind, object & ~(WINDOW - 1));
			behind = object & ~(WINDOW - 1);
		}
		const struct ph_shape *shape = ph_heap_shape(heap, object);
		if (!shape || !make_text(&v, shape, object))
			continue;
		error = v.text.no_memory ? &ph_error_no_memory :
					   sink->value(sink->self, (uint32_t)i, ph_buffer_text(&v.text), v.text.size);
	}
	ph_value_deinit(&v.value);
	ph_buffer_deinit(&v.text);
	return error;
}
