/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records with their texts filled in: objects, frames, exceptions. */
#include "base/cleanup.h"
#include "record/render_private.h"
#include "record/text.h"

#include <string.h>

#define CHILDREN 1000	     /* items, pairs, attributes of an object's record */
#define CHARACTERS 1000	     /* of a str, bytes of a bytes, unless the render says otherwise */
#define MEMBERS_MAXIMUM 256  /* nested exceptions of a group, all together */

struct scratch {
	const struct ph_render *render;
	struct ph_arena *arena;
	struct ph_buffer buffer;
	struct ph_value value;
};

static const char *taken(struct scratch *s)
{
	const char *copy = ph_text_copy(s->arena, ph_buffer_text(&s->buffer), s->buffer.size);
	ph_buffer_clear(&s->buffer);
	return copy;
}

static enum ph_redaction_mode mode_of(const struct scratch *s)
{
	return ph_redactor_mode(s->render->redactor);
}

static const char *scrubbed(struct scratch *s, const char *text)
{
	if (!text || mode_of(s) == PH_REDACT_NONE)
		return text;
	if (mode_of(s) == PH_REDACT_VALUES)
		return ph_arena_strdup(s->arena, PH_REDACTED);
	ph_buffer_clear(&s->buffer);
	return ph_redactor_scrub(s->render->redactor, text, strlen(text), &s->buffer) ? taken(s) : text;
}

static const char *repr_of(struct scratch *s, ph_addr address, bool secret, struct ph_rendered *ret)
{
	ph_buffer_clear(&s->buffer);
	*ret = ph_render_repr(s->render, address, secret, &s->buffer);
	return taken(s);
}

static void fill_local(struct scratch *s, struct ph_local *local)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 1 };
	struct ph_rendered rendered;
	if (local->repr)
		return;
	const char *name = local->name ? local->name : "";
	bool secret = ph_redactor_is_secret_name(s->render->redactor, name, strlen(name));
	if (!local->type) {
		ph_source_value(s->render->source, local->address, &limits, &s->value);
		ph_buffer_clear(&s->buffer);
		ph_render_type_name(&s->value, &s->buffer);
		local->type = taken(s);
	}
	local->repr = repr_of(s, local->address, secret, &rendered);
	local->truncated = rendered.truncated;
	local->redacted = rendered.redacted;
}

static void fill_frame(struct scratch *s, struct ph_frame *frame)
{
	for (size_t i = 0; i < frame->local_count; i++)
		fill_local(s, &frame->locals[i]);
	frame->source = mode_of(s) == PH_REDACT_VALUES ? NULL : scrubbed(s, frame->source);
}

static void fill_exception(struct scratch *s, struct ph_exception *exception)
{
	struct ph_rendered rendered;
	for (size_t i = 0; i < exception->arg_count; i++)
		if (exception->args && !exception->args[i])
			exception->args[i] = repr_of(s, exception->arg_addresses[i], false, &rendered);
	ph_buffer_clear(&s->buffer);
	if (!exception->message) {
		ph_render_message_of(s->render, exception->address, exception->arg_addresses, exception->arg_count,
				     &s->buffer);
		exception->message = taken(s);
	} else {
		exception->message = scrubbed(s, exception->message);
	}
	if (!exception->syntax && mode_of(s) != PH_REDACT_VALUES)
		exception->syntax = ph_render_syntax(s->render, exception->address, s->arena);
	for (size_t i = 0; i < exception->note_count; i++)
		exception->notes[i] = scrubbed(s, exception->notes[i]);
	for (size_t i = 0; i < exception->traceback_count; i++)
		fill_frame(s, &exception->traceback[i]);
}

static void scratch_deinit(struct scratch *s)
{
	ph_buffer_deinit(&s->buffer);
	ph_value_deinit(&s->value);
}

#define SCRATCH(given_render, given_arena) \
	{ .render = (given_render), .arena = (given_arena), .buffer = PH_BUFFER(PH_BUFFER_UNBOUNDED) }

void ph_render_frame(const struct ph_render *render, struct ph_arena *arena, struct ph_frame *frame)
{
	struct scratch s = SCRATCH(render, arena);
	fill_frame(&s, frame);
	scratch_deinit(&s);
}

void ph_render_exception(const struct ph_render *render, struct ph_arena *arena, struct ph_exception *exception)
{
	struct scratch s = SCRATCH(render, arena);
	fill_exception(&s, exception);
	scratch_deinit(&s);
}

/* ---- a whole object ---- */

/* Bytes in hexadecimal, up to so many; none when some were taken out. */
static void put_hex(const struct ph_buffer *raw, size_t bytes, bool changed, struct ph_buffer *out)
{
	static const char digits[] = "0123456789abcdef";
	if (changed) {
		ph_buffer_puts(out, PH_REDACTED);
		return;
	}
	for (size_t i = 0; i < raw->size && i < bytes; i++) {
		ph_buffer_putc(out, digits[(uint8_t)raw->data[i] >> 4]);
		ph_buffer_putc(out, digits[raw->data[i] & 15]);
	}
}

bool ph_render_text(const struct ph_render *render, const struct ph_render_text *text, struct ph_buffer *out)
{
	size_t start = out->size;
	if (text->secret || ph_redactor_mode(render->redactor) == PH_REDACT_VALUES) {
		ph_buffer_puts(out, PH_REDACTED);
		return true;
	}
	if (!text->bytes) {
		bool changed = ph_redactor_scrub_cut(render->redactor, text->text, text->size, text->cut, out);
		if (text->characters && out->size > start + text->characters) {
			out->size = start + ph_text_prefix(out->data + start, out->size - start, text->characters);
			out->data[out->size] = '\0';
		}
		return changed;
	}
	ph_auto_buffer struct ph_buffer raw = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	bool changed = ph_redactor_scrub_cut(render->redactor, text->text, text->size, text->cut, &raw);
	put_hex(&raw, text->bytes, changed, out);
	out->no_memory |= raw.no_memory;
	return changed;
}

bool ph_render_value(const struct ph_render *render, const struct ph_value *value, size_t characters, size_t bytes,
		     struct ph_buffer *out, bool *ret_redacted)
{
	bool is_bytes =
		(value->kind == PH_KIND_BYTES || value->kind == PH_KIND_BYTEARRAY) && value->form == PH_FORM_BYTES;
	bool is_str = value->kind == PH_KIND_STR && (value->form == PH_FORM_STR || value->scalar);
	struct ph_render_text text = { .text = value->text, .size = value->text_size, .cut = value->text_cut };
	*ret_redacted = false;
	if (is_bytes) {
		text.bytes = bytes;
	} else if (is_str) {
		text.characters = characters;
		if (value->scalar) {
			text.text = value->scalar;
			text.size = strlen(value->scalar);
		}
	} else if (value->scalar) {
		text.text = value->scalar;
		text.size = strlen(value->scalar);
	} else {
		return false;
	}
	if (value->kind == PH_KIND_BOOL) {
		ph_buffer_puts(out, value->scalar);
		return true;
	}
	text.secret = ph_redactor_is_marked(render->redactor, value->address);
	*ret_redacted = ph_render_text(render, &text, out);
	return true;
}

static size_t characters_of(const struct ph_render *render)
{
	return render->value_characters ? render->value_characters : CHARACTERS;
}

static void fill_value(struct scratch *s, const struct ph_value *value, struct ph_object *object)
{
	bool redacted;
	ph_buffer_clear(&s->buffer);
	size_t characters = characters_of(s->render);
	if (!ph_render_value(s->render, value, characters, characters, &s->buffer, &redacted))
		return;
	object->redacted |= redacted;
	object->value = taken(s);
}

/* A structural attribute (there are few) gives way to an own one of the same name. */
static bool is_hidden(const struct ph_value *value, size_t index)
{
	for (size_t i = 0; i < value->attribute_count; i++)
		if (!value->attributes[i].structural &&
		    !strcmp(value->attributes[i].name, value->attributes[index].name))
			return true;
	return false;
}

static void fill_children(struct scratch *s, const struct ph_value *value, struct ph_object *object)
{
	object->has_items = value->kind == PH_KIND_TUPLE || value->kind == PH_KIND_LIST || value->kind == PH_KIND_SET ||
			    value->kind == PH_KIND_DEQUE || value->item_count;
	object->has_pairs = value->kind == PH_KIND_DICT || value->pair_count;
	object->items = ph_arena_array(s->arena, ph_addr, value->item_count);
	object->pairs = ph_arena_calloc(s->arena, value->pair_count, sizeof(*object->pairs));
	object->attributes = ph_arena_array(s->arena, struct ph_object_attribute, value->attribute_count);
	for (size_t i = 0; object->items && i < value->item_count && i < CHILDREN; i++)
		object->items[object->item_count++] = value->items[i];
	for (size_t i = 0; object->pairs && i < value->pair_count && i < CHILDREN; i++) {
		object->pairs[object->pair_count][0] = value->pairs[i].key;
		object->pairs[object->pair_count++][1] = value->pairs[i].value;
	}
	for (size_t i = 0; object->attributes && i < value->attribute_count; i++) {
		const struct ph_attribute *a = &value->attributes[i];
		const char *name =
			a->structural && is_hidden(value, i) ? NULL : ph_text_copy(s->arena, a->name, strlen(a->name));
		if (name)
			object->attributes[object->attribute_count++] =
				(struct ph_object_attribute){ .name = name, .value = a->value };
	}
}

/* The members of a group and theirs, breadth first, into one flat array. */
static void fill_members(struct scratch *s, struct ph_object *object)
{
	struct ph_exception *all = ph_arena_array(s->arena, struct ph_exception, MEMBERS_MAXIMUM);
	struct ph_addrmap seen = { .maximum = MEMBERS_MAXIMUM + 1 };
	size_t count = 0, done = 0;
	const struct ph_exception *from = object->exception;
	ph_addrmap_add(&seen, object->exception->address);
	while (all && from) {
		for (size_t i = 0; i < from->member_count && count < MEMBERS_MAXIMUM; i++) {
			if (!ph_addrmap_add(&seen, from->members[i]) ||
			    ph_source_exception(s->render->source, from->members[i], s->arena, &all[count]) != PH_OK)
				continue;
			fill_exception(s, &all[count++]);
		}
		from = done < count ? &all[done++] : NULL;
	}
	ph_addrmap_deinit(&seen);
	object->exception_members = all;
	object->exception_member_count = count;
}

static void fill_parts(struct scratch *s, const struct ph_value *value, struct ph_object *object)
{
	const struct ph_source *source = s->render->source;
	bool has_frame = value->kind == PH_KIND_GENERATOR || value->kind == PH_KIND_FRAME ||
			 value->kind == PH_KIND_TRACEBACK;
	if (s->render->left_out && (has_frame || value->kind == PH_KIND_EXCEPTION)) {
		*s->render->left_out = true;
	} else if (has_frame) {
		struct ph_frame *frame = ph_arena_new(s->arena, struct ph_frame);
		if (frame && ph_source_frame(source, object->address, s->arena, frame) == PH_OK) {
			fill_frame(s, frame);
			object->frame = frame;
		}
	} else if (value->kind == PH_KIND_EXCEPTION) {
		struct ph_exception *exception = ph_arena_new(s->arena, struct ph_exception);
		if (exception && ph_source_exception(source, object->address, s->arena, exception) == PH_OK) {
			fill_exception(s, exception);
			object->exception = exception;
			if (exception->member_count)
				fill_members(s, object);
		}
	}
}

struct ph_error *ph_render_object(const struct ph_render *render, ph_addr address, struct ph_arena *arena,
				  struct ph_object *ret)
{
	const struct ph_value_limits limits = { .children = CHILDREN, .characters = characters_of(render) + 512 };
	struct scratch s = SCRATCH(render, arena);
	struct ph_value value = PH_VALUE_INIT;
	struct ph_rendered rendered;
	ph_source_value(render->source, address, &limits, &value);
	struct ph_object object = {
		.address = address,
		.type = ph_arena_strdup(arena, value.type_name),
		.module = ph_arena_strdup(arena, value.type_module),
		.size = value.size < 0 ? INT64_MIN : value.size,
		.refcount = value.refcount,
		.len = value.len < 0 ? INT64_MIN : value.len,
	};
	object.repr = repr_of(&s, address, false, &rendered);
	object.truncated = rendered.truncated;
	object.redacted = rendered.redacted;
	fill_value(&s, &value, &object);
	fill_children(&s, &value, &object);
	fill_parts(&s, &value, &object);
	ph_value_deinit(&value);
	scratch_deinit(&s);
	if (arena->no_memory || s.buffer.no_memory)
		return &ph_error_no_memory;
	*ret = object;
	return NULL;
}
