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
#define LITERAL_DIGITS 6	/* of a number within the repr of something: a date's year is no secret by itself */
#define FRAMES_MEMORY ((size_t)64 << 20)
#define EXPECTED 65536		/* objects that the source is told of at a time */

struct entry {
	ph_addr address, sibling; /* the next item of the same list, or 0 */
	uint32_t depth;
	bool key;	  /* marking: of a dict */
	bool scalar_only; /* marking: followed no further when it is something else */
	bool in_sequence; /* the walk: an item of a list, tuple, set … */
	bool in_code;	  /* the walk: of a code object, whose tuples are names and constants */
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

static void mark_later(struct marking *m, struct entry entry)
{
	if (entry.address && m->seen.count < MARK_MAXIMUM && ph_addrmap_add(&m->seen, entry.address))
		push(&m->queue, entry);
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

/* Decimal('1.5'), array('q', [1, 2]), 2+3j: the literals, as they may stand in a source or a constant. */
static void mark_literals(struct marking *m, const char *text, size_t size)
{
	for (size_t i = 0, k; i < size; i = k + 1) {
		bool number = isdigit((unsigned char)text[i]);
		k = i;
		if (text[i] == '\'') {
			while (++k < size && text[k] != '\'')
				;
			ph_redactor_add_text(m->redactor, text + i + 1, k - i - 1);
		}
		for (; number && k < size && (isalnum((unsigned char)text[k]) || text[k] == '.'); k++)
			if (text[k] == 'j')
				break;
		if (number && k - i >= LITERAL_DIGITS)
			ph_redactor_add_number(m->redactor, text + i, k - i);
	}
}

static void mark_scalar(struct marking *m, const struct ph_value *value, bool key)
{
	if (value->is_singleton || (key && is_plain_key(value)) ||
	    !ph_addrmap_set(&m->redactor->marked, value->address, 0, false))
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
		if (value->kind == PH_KIND_COMPLEX)
			mark_literals(m, value->text, value->text_size);
		break;
	}
}

/* What the C struct holds besides the attributes: values (args, obj, mapping, filename), or what the object is made of
 * (__globals__, __code__, __traceback__), which is nobody's secret.  Of `"x".join` it is __self__ that is. */
static void mark_structural(struct marking *m, const struct ph_attribute *a, const struct ph_value *value,
			    uint32_t hops)
{
	bool self = !strcmp(a->name, "__self__") || !strcmp(a->name, "__func__");
	bool is_function = value->kind == PH_KIND_FUNCTION || value->kind == PH_KIND_METHOD;
	if (self || (!is_function && strncmp(a->name, "__", 2) != 0))
		mark_later(m, (struct entry){ .address = a->value, .depth = hops, .scalar_only = self });
}

static void mark_children(struct marking *m, const struct ph_value *value, uint32_t hops)
{
	for (size_t i = 0; i < value->item_count; i++)
		mark_later(m, (struct entry){ .address = value->items[i], .depth = hops });
	for (size_t i = 0; i < value->pair_count; i++) {
		mark_later(m, (struct entry){ .address = value->pairs[i].key, .depth = hops, .key = true });
		mark_later(m, (struct entry){ .address = value->pairs[i].value, .depth = hops });
	}
	for (size_t i = 0; i < value->part_count; i++)
		mark_later(m, (struct entry){ .address = value->parts[i].value, .depth = hops });
	for (size_t i = 0; i < value->attribute_count; i++) {
		if (value->attributes[i].structural)
			mark_structural(m, &value->attributes[i], value, hops);
		else if (hops < MARK_HOPS && value->kind != PH_KIND_FUNCTION)
			mark_later(m, (struct entry){ .address = value->attributes[i].value, .depth = hops + 1 });
	}
}

static void mark_one(struct marking *m, struct entry entry)
{
	static const struct ph_value_limits limits = { .children = MARK_MAXIMUM, .characters = MARK_TEXT };
	struct ph_value *value = &m->value;
	ph_source_value(m->source, entry.address, &limits, value);
	value->address = entry.address;
	if (ph_render_is_scalar(value->kind)) {
		mark_scalar(m, value, entry.key);
		mark_children(m, value, entry.depth); /* a subclass's attributes */
		return;
	}
	switch (value->kind) {
	case PH_KIND_TUPLE:
	case PH_KIND_LIST:
	case PH_KIND_DICT:
	case PH_KIND_SET:
	case PH_KIND_DEQUE:
	case PH_KIND_INSTANCE:
	case PH_KIND_EXCEPTION:
	case PH_KIND_OTHER:
		if (entry.scalar_only)
			break;
		if (!value->is_singleton)
			ph_addrmap_set(&m->redactor->marked, entry.address, 0, false);
		if (value->form == PH_FORM_ATOM && value->text && value->text_size && value->text[0] != '<' &&
		    !value->is_singleton)
			mark_literals(m, value->text, value->text_size);
		mark_children(m, value, entry.depth);
		break;
	case PH_KIND_FUNCTION:
	case PH_KIND_METHOD:
	case PH_KIND_CELL:
		if (!entry.scalar_only)
			mark_children(m, value, entry.depth);
		break;
	default: /* types, modules, code, frames, what a weak reference points to */
		break;
	}
}

void ph_redactor_mark(struct ph_redactor *redactor, const struct ph_source *source, ph_addr address)
{
	struct marking m = { .redactor = redactor, .source = source, .seen.maximum = MARK_MAXIMUM };
	if (!redactor || redactor->mode != PH_REDACT_SECRETS || ph_redactor_is_marked(redactor, address))
		return;
	mark_later(&m, (struct entry){ .address = address });
	while (m.queue.head < m.queue.count)
		mark_one(&m, m.queue.entries[m.queue.head++]);
	ph_value_deinit(&m.value);
	ph_addrmap_deinit(&m.seen);
	free(m.queue.entries);
}

/* ---- the walk ---- */

enum seen { SEEN = 1, IN_SEQUENCE = 2, LONE_PAIR = 4 };

struct survey {
	struct ph_redactor *redactor;
	const struct ph_source *source;
	struct ph_value value, key;
	struct queue queue;
	struct ph_addrmap seen; /* enum seen */
	struct ph_addrmap names; /* str or bytes that were looked at -> enum ph_name_verdict */
	struct ph_arena arena;
	uint32_t depth;
	ph_addr *expected; /* EXPECTED of them */
	bool *dull;	   /* which of them there is nothing to learn from */
	size_t expected_from, expected_until; /* of the queue */
	bool no_memory;
};

static void mark(struct survey *s, ph_addr address)
{
	ph_redactor_mark(s->redactor, s->source, address);
}

enum ph_name_verdict ph_redactor_judge(const struct ph_redactor *redactor, const struct ph_value *value)
{
	bool is_text = (value->kind == PH_KIND_STR || value->kind == PH_KIND_BYTES) &&
		       (value->form == PH_FORM_STR || value->form == PH_FORM_BYTES);
	if (value->kind == PH_KIND_UNKNOWN && value->address)
		return PH_NAME_LACKING;
	if (!is_text)
		return value->status == PH_OK ? PH_NAME_NONE : PH_NAME_LACKING;
	if (value->text_cut || !ph_redactor_is_secret_name(redactor, value->text, value->text_size))
		return PH_NAME_PLAIN;
	bool option = value->text[0] == '-' && !memchr(value->text, '=', value->text_size);
	return option ? PH_NAME_SECRET_OPTION : value->kind == PH_KIND_BYTES ? PH_NAME_SECRET_BYTES : PH_NAME_SECRET;
}

static enum ph_name_verdict verdict_on_key(struct survey *s, ph_addr key)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = PH_NAME_CHARACTERS };
	const uint64_t *known = ph_addrmap_find(&s->names, key);
	if (known)
		return (enum ph_name_verdict)*known;
	ph_source_value(s->source, key, &limits, &s->key);
	enum ph_name_verdict verdict = ph_redactor_judge(s->redactor, &s->key);
	ph_addrmap_set(&s->names, key, verdict, true);
	return verdict;
}

bool ph_redactor_is_secret_second(enum ph_name_verdict first, const struct ph_value *second, bool lone)
{
	if (first < PH_NAME_SECRET)
		return false;
	if (first == PH_NAME_SECRET && !lone)
		return true;
	if (second->kind != PH_KIND_STR && second->kind != PH_KIND_BYTES)
		return false;
	if (first != PH_NAME_SECRET)
		return second->text_size && second->text[0] != '-';
	for (size_t i = 0; i < second->text_size; i++)
		if (!isalnum((unsigned char)second->text[i]) && second->text[i] != '_')
			return true;
	return false;
}

/* A str or bytes whose name is cut away: where it shows, and nowhere else, for it may be any word. */
static void withhold(struct survey *s, ph_addr address)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = 1 };
	ph_source_value(s->source, address, &limits, &s->key);
	if ((s->key.kind == PH_KIND_STR || s->key.kind == PH_KIND_BYTES) && !s->key.is_singleton)
		ph_addrmap_set(&s->redactor->marked, address, 0, false);
}

/* The second of a pair, see redact.h; `lone`: it was met by itself. */
static void mark_second(struct survey *s, enum ph_name_verdict verdict, ph_addr second, bool lone)
{
	static const struct ph_value_limits limits = { .children = 0, .characters = PH_NAME_CHARACTERS };
	if (!second || verdict < PH_NAME_SECRET)
		return;
	if (verdict == PH_NAME_SECRET && !lone) {
		mark(s, second);
		return;
	}
	ph_source_value(s->source, second, &limits, &s->key);
	if (ph_redactor_is_secret_second(verdict, &s->key, lone))
		mark(s, second);
}

static void mark_next(struct survey *s, enum ph_name_verdict verdict, ph_addr next)
{
	if (verdict == PH_NAME_SECRET_OPTION)
		mark_second(s, verdict, next, true);
}

/* Met by itself before (a local `header`), and now in a list of pairs. */
static void mark_pair_again(struct survey *s, ph_addr address)
{
	static const struct ph_value_limits limits = { .children = 2, .characters = PH_NAME_CHARACTERS };
	ph_source_value(s->source, address, &limits, &s->key);
	if (s->key.item_count != 2)
		return;
	ph_addr first = s->key.items[0], second = s->key.items[1];
	mark_second(s, verdict_on_key(s, first), second, false);
}

static bool is_full(const struct survey *s)
{
	return s->seen.maximum && s->seen.count >= s->seen.maximum;
}

static void visit_later(struct survey *s, struct entry entry)
{
	bool counts = entry.in_sequence && !entry.in_code;
	if (!entry.address || entry.depth > s->depth)
		return;
	/* nothing more is added, and of what is there only items learn something */
	if (is_full(s) && !counts && !entry.sibling)
		return;
	const uint64_t *known = entry.sibling ? ph_addrmap_find(&s->names, entry.address) : NULL;
	const uint64_t *found = ph_addrmap_find(&s->seen, entry.address);
	uint64_t seen = found ? *found : 0;
	if (known)
		mark_next(s, (enum ph_name_verdict)*known, entry.sibling);
	else if (entry.sibling && seen)
		mark_next(s, verdict_on_key(s, entry.address), entry.sibling);
	if (seen && counts && !(seen & IN_SEQUENCE)) {
		ph_addrmap_set(&s->seen, entry.address, seen | IN_SEQUENCE, true);
		if (seen & LONE_PAIR)
			mark_pair_again(s, entry.address);
	}
	if (!seen && ph_addrmap_set(&s->seen, entry.address, SEEN | (counts ? IN_SEQUENCE : 0), true) &&
	    !push(&s->queue, entry))
		s->no_memory = true;
}

static void follow(struct survey *s, const char *name, struct entry entry)
{
	if (name && ph_redactor_is_secret_name(s->redactor, name, strlen(name)))
		mark(s, entry.address);
	visit_later(s, entry);
}

static void visit_frame(struct survey *s, ph_addr address, uint32_t depth)
{
	struct ph_frame frame = { 0 };
	if (ph_source_frame(s->source, address, &s->arena, &frame) != PH_OK)
		return;
	for (size_t i = 0; i < frame.local_count; i++)
		follow(s, frame.locals[i].name, (struct entry){ .address = frame.locals[i].address, .depth = depth });
}

/* s->value is the object at entry.address. */
static void visit_pair(struct survey *s, struct entry entry)
{
	const struct ph_value *value = &s->value;
	const uint64_t *seen = ph_addrmap_find(&s->seen, entry.address);
	bool counts = seen && *seen & IN_SEQUENCE;
	bool tuple = value->kind == PH_KIND_TUPLE, list = value->kind == PH_KIND_LIST;
	if (!(tuple || list) || value->item_count != 2 || value->item_total > 2)
		return;
	if (!counts)
		ph_addrmap_set(&s->seen, entry.address, SEEN | LONE_PAIR, true);
	if (counts || tuple)
		mark_second(s, verdict_on_key(s, value->items[0]), value->items[1], !counts);
}

static void visit(struct survey *s, const struct ph_value_limits *limits, struct entry entry)
{
	struct ph_value *value = &s->value;
	uint32_t depth = entry.depth + 1;
	ph_source_value(s->source, entry.address, limits, value);
	if (ph_render_is_scalar(value->kind)) {
		if (entry.sibling)
			mark_next(s, ph_redactor_judge(s->redactor, value), entry.sibling);
		return;
	}
	struct entry next = { .depth = depth, .in_code = entry.in_code || value->kind == PH_KIND_CODE };
	visit_pair(s, entry);
	for (size_t i = 0; i < value->item_count; i++) {
		bool last = i + 1 == value->item_count || value->kind != PH_KIND_LIST;
		struct entry item = next;
		item.address = value->items[i];
		item.sibling = last ? 0 : value->items[i + 1];
		item.in_sequence = true;
		visit_later(s, item);
	}
	for (size_t i = 0; i < value->pair_count; i++) {
		enum ph_name_verdict verdict = verdict_on_key(s, value->pairs[i].key);
		if (verdict >= PH_NAME_SECRET)
			mark(s, value->pairs[i].value);
		else if (verdict == PH_NAME_LACKING)
			withhold(s, value->pairs[i].value);
		next.address = value->pairs[i].key;
		if (verdict == PH_NAME_NONE)
			visit_later(s, next);
		next.address = value->pairs[i].value;
		visit_later(s, next);
	}
	for (size_t i = 0; i < value->attribute_count; i++)
		ph_addrmap_prefetch(&s->seen, value->attributes[i].value);
	for (size_t i = 0; i < value->attribute_count; i++) {
		next.address = value->attributes[i].value;
		follow(s, value->attributes[i].name, next);
	}
	for (size_t i = 0; i < value->part_count; i++) {
		next.address = value->parts[i].value;
		follow(s, value->parts[i].name, next);
	}
	if (value->kind == PH_KIND_GENERATOR || value->kind == PH_KIND_FRAME || value->kind == PH_KIND_TRACEBACK)
		visit_frame(s, entry.address, depth);
}

static bool is_wanted(void *user, const char *name)
{
	return ph_redactor_is_secret_name(user, name, strlen(name));
}

/* The source is told what is in the queue. */
static void expect(struct survey *s, const struct ph_value_limits *limits)
{
	const struct ph_source *source = s->source;
	size_t left = s->queue.count - s->queue.head, count = left < EXPECTED ? left : EXPECTED, asked = 0;
	bool is_last = is_full(s); /* what these hold is only looked at for names */
	if (s->queue.head < s->expected_until)
		return;
	if (!s->expected)
		s->expected = malloc(EXPECTED * sizeof(*s->expected));
	if (!s->dull)
		s->dull = malloc(EXPECTED * sizeof(*s->dull));
	s->expected_from = s->queue.head;
	s->expected_until = s->queue.head + count;
	if (!s->expected || !s->dull) {
		s->no_memory = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		s->expected[i] = s->queue.entries[s->queue.head + i].address;
	memset(s->dull, 0, count * sizeof(*s->dull));
	if (is_last && source->ops->lack)
		source->ops->lack(source->self, s->expected, count, is_wanted, s->redactor, s->dull);
	for (size_t i = 0; i < count; i++)
		if (!s->dull[i])
			s->expected[asked++] = s->expected[i];
	ph_source_expect(source, s->expected, asked, limits);
}

/* What is looked at so many entries later; 0: nothing, as far as is known. */
static ph_addr ahead(const struct survey *s, size_t entries)
{
	size_t i = s->queue.head + entries;
	return i < s->expected_until && !s->dull[i - s->expected_from] ? s->queue.entries[i].address : 0;
}

static void take(struct survey *s, const struct ph_value_limits *limits)
{
	expect(s, limits);
	ph_source_approach(s->source, ahead(s, PH_SOURCE_FAR), ahead(s, PH_SOURCE_NEAR));
	if (!s->no_memory && !s->dull[s->queue.head - s->expected_from])
		visit(s, limits, s->queue.entries[s->queue.head]);
	s->queue.head++;
}

struct ph_error *ph_redactor_survey(struct ph_redactor *redactor, const struct ph_source *source,
				    const struct ph_redaction_root *roots, size_t count, unsigned depth,
				    size_t maximum, size_t children)
{
	const struct ph_value_limits limits = { .children = children, .characters = PH_NAME_CHARACTERS };
	struct survey s = {
		.redactor = redactor,
		.source = source,
		.depth = depth,
		.seen.maximum = maximum,
		.arena.maximum = FRAMES_MEMORY,
	};
	if (!redactor || redactor->mode != PH_REDACT_SECRETS)
		return NULL;
	for (size_t i = 0; i < count; i++)
		follow(&s, roots[i].name, (struct entry){ .address = roots[i].address });
	while (s.queue.head < s.queue.count && !s.no_memory)
		take(&s, &limits);
	free(s.expected);
	free(s.dull);
	ph_value_deinit(&s.value);
	ph_value_deinit(&s.key);
	ph_addrmap_deinit(&s.seen);
	ph_addrmap_deinit(&s.names);
	ph_arena_deinit(&s.arena);
	free(s.queue.entries);
	return s.no_memory ? &ph_error_no_memory : NULL;
}
