/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From names to objects: what secret edges lead to. */
#include "base/error.h"
#include "record/redact_private.h"
#include "record/render_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MARK_MAXIMUM 20000	/* objects behind one secret edge */
#define MARK_HOPS 2		/* attributes of attributes behind it; containers count none */
#define MARK_TEXT ((size_t)65536) /* characters of a secret that are known as text */
#define NAME_CHARACTERS 128
#define FRAMES_MEMORY ((size_t)64 << 20)

struct entry {
	ph_addr address, sibling; /* the next item of the same list, or the second of a tuple of two; or 0 */
	uint32_t depth;
	bool pair; /* of such a tuple; when marking: it is a key */
};

struct queue {
	struct entry *entries;
	size_t head, count, capacity;
};

static bool push(struct queue *q, struct entry entry)
{
	if (q->count == q->capacity) {
		size_t capacity = q->capacity ? q->capacity * 2 : 256;
		struct entry *bigger = realloc(q->entries, capacity * sizeof(*bigger));
		if (!bigger)
			return false;
		q->entries = bigger;
		q->capacity = capacity;
	}
	q->entries[q->count++] = entry;
	return true;
}

/* ---- marking ---- */

struct marking {
	struct ph_redactor *redactor;
	const struct ph_source *source;
	struct ph_value value;
	struct queue queue;
	struct ph_addrmap seen;
};

static void mark_later(struct marking *m, ph_addr address, uint32_t hops, bool key)
{
	if (address && m->seen.count < MARK_MAXIMUM && ph_addrmap_add(&m->seen, address))
		push(&m->queue, (struct entry){ .address = address, .depth = hops, .pair = key });
}

/* A key such as "user" is shared by half the program: redacted in this dict only (which is marked). */
static bool is_plain_key(const struct ph_value *value)
{
	if (value->kind != PH_KIND_STR || value->text_size > 32)
		return false;
	for (size_t i = 0; i < value->text_size; i++)
		if (!((value->text[i] | 32) >= 'a' && (value->text[i] | 32) <= 'z') && value->text[i] != '_')
			return false;
	return true;
}

static void mark_scalar(struct marking *m, const struct ph_value *value, bool key)
{
	if (value->is_singleton || (key && is_plain_key(value)) || !ph_addrmap_set(&m->redactor->marked, value->address, 0, false))
		return;
	switch (value->kind) {
	case PH_KIND_STR:
	case PH_KIND_BYTES:
	case PH_KIND_BYTEARRAY:
		if (value->form == PH_FORM_STR || value->form == PH_FORM_BYTES)
			ph_redactor_add_text(m->redactor, value->text, value->text_size);
		break;
	default:
		if (value->form == PH_FORM_ATOM && !value->text_cut)
			ph_redactor_add_number(m->redactor, value->text, value->text_size);
		break;
	}
}

static void mark_children(struct marking *m, const struct ph_value *value, uint32_t hops)
{
	for (size_t i = 0; i < value->item_count; i++)
		mark_later(m, value->items[i], hops, false);
	for (size_t i = 0; i < value->pair_count; i++) {
		mark_later(m, value->pairs[i].key, hops, true);
		mark_later(m, value->pairs[i].value, hops, false);
	}
	for (size_t i = 0; i < value->part_count; i++)
		mark_later(m, value->parts[i].value, hops, false);
	for (size_t i = 0; i < value->attribute_count && hops < MARK_HOPS; i++)
		if (!value->attributes[i].structural || value->kind == PH_KIND_CELL)
			mark_later(m, value->attributes[i].value, hops + 1, false);
}

static void mark_one(struct marking *m, struct entry entry)
{
	static const struct ph_value_limits limits = { .children = MARK_MAXIMUM, .characters = MARK_TEXT };
	struct ph_value *value = &m->value;
	ph_source_value(m->source, entry.address, &limits, value);
	value->address = entry.address;
	switch (value->kind) {
	case PH_KIND_TUPLE:
	case PH_KIND_LIST:
	case PH_KIND_DICT:
	case PH_KIND_SET:
	case PH_KIND_DEQUE:
	case PH_KIND_INSTANCE:
	case PH_KIND_OTHER:
		if (!value->is_singleton)
			ph_addrmap_set(&m->redactor->marked, entry.address, 0, false);
		mark_children(m, value, entry.depth);
		break;
	case PH_KIND_CELL:
		mark_children(m, value, entry.depth);
		break;
	default:
		if (ph_render_is_scalar(value->kind))
			mark_scalar(m, value, entry.pair);
		break;
	}
}

void ph_redactor_mark(struct ph_redactor *redactor, const struct ph_source *source, ph_addr address)
{
	struct marking m = { .redactor = redactor, .source = source, .seen.maximum = MARK_MAXIMUM };
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || ph_redactor_is_marked(redactor, address))
		return;
	mark_later(&m, address, 0, false);
	while (m.queue.head < m.queue.count)
		mark_one(&m, m.queue.entries[m.queue.head++]);
	ph_value_deinit(&m.value);
	ph_addrmap_deinit(&m.seen);
	free(m.queue.entries);
}

/* ---- the walk ---- */

enum name_verdict { NAME_NONE = 1, NAME_PLAIN, NAME_SECRET, NAME_SECRET_BYTES, NAME_SECRET_OPTION };

struct survey {
	struct ph_redactor *redactor;
	const struct ph_source *source;
	struct ph_value value, key;
	struct queue queue;
	struct ph_addrmap seen;
	struct ph_addrmap names; /* str or bytes that were looked at -> enum name_verdict */
	struct ph_arena arena;
	uint32_t depth;
	uint64_t children;
	bool no_memory;
};

static void mark(struct survey *s, ph_addr address)
{
	ph_redactor_mark(s->redactor, s->source, address);
}

static enum name_verdict judge(struct survey *s, const struct ph_value *value)
{
	bool is_text = (value->kind == PH_KIND_STR || value->kind == PH_KIND_BYTES) &&
		       (value->form == PH_FORM_STR || value->form == PH_FORM_BYTES);
	if (!is_text)
		return NAME_NONE;
	if (value->text_cut || !ph_redactor_is_secret_name(s->redactor, value->text, value->text_size))
		return NAME_PLAIN;
	bool option = value->text[0] == '-' && !memchr(value->text, '=', value->text_size);
	return option ? NAME_SECRET_OPTION : value->kind == PH_KIND_BYTES ? NAME_SECRET_BYTES : NAME_SECRET;
}

static enum name_verdict verdict_on_key(struct survey *s, ph_addr key)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = NAME_CHARACTERS };
	const uint64_t *known = ph_addrmap_find(&s->names, key);
	if (known)
		return (enum name_verdict)*known;
	ph_source_value(s->source, key, &limits, &s->key);
	enum name_verdict verdict = judge(s, &s->key);
	ph_addrmap_set(&s->names, key, verdict, true);
	return verdict;
}

/* ["--password", "x"] and ("Authorization", "Bearer x"), but neither ["--password", "--verbose"] nor the names of a
 * function's variables, ("token", "user"). */
static void mark_sibling(struct survey *s, enum name_verdict verdict, ph_addr sibling, bool pair)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = NAME_CHARACTERS };
	if (!sibling || verdict < NAME_SECRET || pair != (verdict != NAME_SECRET_OPTION))
		return;
	ph_source_value(s->source, sibling, &limits, &s->key);
	const struct ph_value *value = &s->key;
	if (value->kind != PH_KIND_STR && value->kind != PH_KIND_BYTES)
		return;
	bool identifier = true;
	for (size_t i = 0; i < value->text_size; i++)
		identifier = identifier && (isalnum((unsigned char)value->text[i]) || value->text[i] == '_');
	if (verdict == NAME_SECRET ? !identifier : value->text_size && value->text[0] != '-')
		mark(s, sibling);
}

static void visit_later(struct survey *s, struct entry entry)
{
	if (!entry.address || entry.depth > s->depth)
		return;
	const uint64_t *known = entry.sibling ? ph_addrmap_find(&s->names, entry.address) : NULL;
	if (known)
		mark_sibling(s, (enum name_verdict)*known, entry.sibling, entry.pair);
	else if (entry.sibling && ph_addrmap_find(&s->seen, entry.address))
		mark_sibling(s, verdict_on_key(s, entry.address), entry.sibling, entry.pair);
	if (ph_addrmap_add(&s->seen, entry.address) && !push(&s->queue, entry))
		s->no_memory = true;
}

static void follow(struct survey *s, const char *name, ph_addr address, uint32_t depth)
{
	if (name && ph_redactor_is_secret_name(s->redactor, name, strlen(name)))
		mark(s, address);
	visit_later(s, (struct entry){ .address = address, .depth = depth });
}

static void visit_frame(struct survey *s, ph_addr address, uint32_t depth)
{
	struct ph_frame frame = { 0 };
	if (ph_source_frame(s->source, address, &s->arena, &frame) != PH_OK)
		return;
	for (size_t i = 0; i < frame.local_count; i++)
		follow(s, frame.locals[i].name, frame.locals[i].address, depth);
}

static void visit(struct survey *s, struct entry entry)
{
	const struct ph_value_limits limits = { .children = s->children, .characters = NAME_CHARACTERS };
	struct ph_value *value = &s->value;
	uint32_t depth = entry.depth + 1;
	ph_source_value(s->source, entry.address, &limits, value);
	if (ph_render_is_scalar(value->kind)) {
		if (entry.sibling)
			mark_sibling(s, judge(s, value), entry.sibling, entry.pair);
		return;
	}
	bool pair = value->kind == PH_KIND_TUPLE && value->item_count == 2;
	bool siblings = pair || value->kind == PH_KIND_LIST;
	for (size_t i = 0; i < value->item_count; i++) {
		ph_addr sibling = siblings && i + 1 < value->item_count ? value->items[i + 1] : 0;
		visit_later(s, (struct entry){ value->items[i], sibling, depth, pair });
	}
	for (size_t i = 0; i < value->pair_count; i++) {
		enum name_verdict verdict = verdict_on_key(s, value->pairs[i].key);
		if (verdict >= NAME_SECRET)
			mark(s, value->pairs[i].value);
		if (verdict == NAME_NONE)
			visit_later(s, (struct entry){ .address = value->pairs[i].key, .depth = depth });
		visit_later(s, (struct entry){ .address = value->pairs[i].value, .depth = depth });
	}
	for (size_t i = 0; i < value->attribute_count; i++)
		follow(s, value->attributes[i].name, value->attributes[i].value, depth);
	for (size_t i = 0; i < value->part_count; i++)
		follow(s, value->parts[i].name, value->parts[i].value, depth);
	if (value->kind == PH_KIND_GENERATOR || value->kind == PH_KIND_FRAME || value->kind == PH_KIND_TRACEBACK)
		visit_frame(s, entry.address, depth);
}

struct ph_error *ph_redactor_survey(struct ph_redactor *redactor, const struct ph_source *source,
				    const struct ph_redaction_root *roots, size_t count, unsigned depth,
				    size_t maximum, size_t children)
{
	struct survey s = {
		.redactor = redactor,
		.source = source,
		.depth = depth,
		.children = children,
		.seen.maximum = maximum,
		.arena.maximum = FRAMES_MEMORY,
	};
	if (!redactor || redactor->mode != PH_REDACT_SECRETS)
		return NULL;
	for (size_t i = 0; i < count; i++)
		follow(&s, roots[i].name, roots[i].address, 0);
	while (s.queue.head < s.queue.count && !s.no_memory)
		visit(&s, s.queue.entries[s.queue.head++]);
	ph_value_deinit(&s.value);
	ph_value_deinit(&s.key);
	ph_addrmap_deinit(&s.seen);
	ph_addrmap_deinit(&s.names);
	ph_arena_deinit(&s.arena);
	free(s.queue.entries);
	return s.no_memory ? &ph_error_no_memory : NULL;
}
