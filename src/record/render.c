/* SPDX-License-Identifier: GPL-3.0-or-later */
/* repr, iteratively: one decoded value per level of nesting, on a stack of our own. */
#include "record/render.h"
#include "record/render_private.h"
#include "record/text.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAXIMUM 64
#define CHARACTERS_MAXIMUM ((size_t)1 << 24)
/* What is asked of a str beyond the characters to be shown, for a secret that straddles the cut. */
#define SLACK 512
/* Names are compared with the secret words up to this many bytes. */
#define NAME_MAXIMUM 256

struct level {
	struct ph_value value;
	size_t next;	  /* the child to come; for pairs, key and value count */
	bool secret;	  /* everything within is */
	bool pair_secret; /* the key just printed is a secret name */
};

struct run {
	const struct ph_render *render;
	struct ph_buffer *out;
	struct ph_buffer scrubbed;
	struct ph_value_limits limits;
	size_t start, counted;	    /* bytes of out: where this repr begins, how far it is counted */
	size_t characters, maximum; /* counted, allowed */
	unsigned depth_maximum, depth, deepest; /* deepest: levels that hold a value */
	struct level *levels; /* depth_maximum + 1 */
	struct ph_rendered result;
};

bool ph_render_is_scalar(enum ph_kind kind)
{
	return kind == PH_KIND_INT || kind == PH_KIND_FLOAT || kind == PH_KIND_COMPLEX || kind == PH_KIND_STR ||
	       kind == PH_KIND_BYTES || kind == PH_KIND_BYTEARRAY;
}

/* Atoms of these kinds say what the object is and nothing of what it holds. */
static bool is_shape(const struct ph_value *value)
{
	switch (value->kind) {
	case PH_KIND_UNKNOWN:
	case PH_KIND_NONE:
	case PH_KIND_BOOL:
	case PH_KIND_FUNCTION:
	case PH_KIND_METHOD:
	case PH_KIND_CODE:
	case PH_KIND_MODULE:
	case PH_KIND_TYPE:
	case PH_KIND_CELL:
	case PH_KIND_FRAME:
	case PH_KIND_GENERATOR:
	case PH_KIND_TRACEBACK:
	case PH_KIND_WEAKREF:
		return true;
	default:
		break;
	}
	if (!strcmp(value->text, "Ellipsis") || !strcmp(value->text, "NotImplemented"))
		return true;
	/* "<module.Class object at 0x…>" */
	const char *at = strstr(value->text, " object at 0x");
	return at && value->text[0] == '<' && !strpbrk(value->text + 1, "'\"=<:(") &&
	       strspn(at + 13, "0123456789abcdefABCDEF") + 1 == strlen(at + 13);
}

void ph_render_type_name(const struct ph_value *value, struct ph_buffer *out)
{
	if (value->type_module && strcmp(value->type_module, "builtins") != 0)
		ph_buffer_printf(out, "%s.", value->type_module);
	ph_buffer_puts(out, value->type_name);
}

static void put_redacted(struct run *run, ph_addr address)
{
	ph_buffer_puts(run->out, PH_REDACTED);
	ph_redactor_note(run->render->redactor, address);
	run->result.redacted = true;
}

/* An atom of which only the type may be told. */
static void put_redacted_atom(struct run *run, const struct ph_value *value)
{
	if (ph_render_is_scalar(value->kind)) {
		put_redacted(run, value->address);
		return;
	}
	ph_buffer_putc(run->out, '<');
	ph_render_type_name(value, run->out);
	ph_buffer_putc(run->out, ' ');
	put_redacted(run, value->address);
	ph_buffer_printf(run->out, " at 0x%llx>", (unsigned long long)value->address);
}

/* The text without secrets: the text itself, or a copy in run->scrubbed. */
static const char *scrub(struct run *run, const char *text, size_t *size, bool cut)
{
	if (ph_redactor_mode(run->render->redactor) != PH_REDACT_SECRETS)
		return text;
	ph_buffer_clear(&run->scrubbed);
	if (!ph_redactor_scrub_cut(run->render->redactor, text, *size, cut, &run->scrubbed))
		return text;
	run->result.redacted = true;
	*size = run->scrubbed.size;
	return ph_buffer_text(&run->scrubbed);
}

/* Bytes between quotes; what stands for a secret taken out of them is not escaped. */
static void put_bytes(struct run *run, const char *data, size_t size)
{
	static const char escaped[] = "\\xe2\\x80\\xb9redacted\\xe2\\x80\\xba";
	struct ph_buffer quoted = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_quote_bytes(data, size, &quoted);
	const char *p = ph_buffer_text(&quoted), *found;
	if (run->levels[run->depth].value.python2 && *p)
		p++; /* without the b */
	while (data != run->levels[run->depth].value.text && (found = strstr(p, escaped))) {
		ph_buffer_append(run->out, p, (size_t)(found - p));
		ph_buffer_puts(run->out, PH_REDACTED);
		p = found + strlen(escaped);
	}
	ph_buffer_puts(run->out, p);
	run->out->no_memory |= quoted.no_memory;
	ph_buffer_deinit(&quoted);
}

static void put_leaf(struct run *run, const struct ph_value *value, bool secret)
{
	bool hide = secret || ph_redactor_mode(run->render->redactor) == PH_REDACT_VALUES;
	if (hide && (ph_render_is_scalar(value->kind) || value->form == PH_FORM_STR || value->form == PH_FORM_BYTES ||
		     !is_shape(value))) {
		put_redacted_atom(run, value);
		return;
	}
	size_t size = value->text_size;
	const char *text = scrub(run, value->text, &size, value->text_cut);
	if (value->form == PH_FORM_STR) {
		if (value->python2)
			ph_quote_unicode(text, size, run->out);
		else
			ph_quote_str(text, size, run->out);
	} else if (value->form == PH_FORM_BYTES) {
		ph_buffer_puts(run->out, value->open);
		put_bytes(run, text, size);
		ph_buffer_puts(run->out, value->close);
	} else {
		ph_buffer_append(run->out, text, size);
	}
	if (value->text_cut) {
		ph_buffer_puts(run->out, "...");
		run->result.truncated = true;
	}
}

static size_t child_count(const struct ph_value *value)
{
	switch (value->form) {
	case PH_FORM_ITEMS:
		return value->item_count;
	case PH_FORM_PAIRS:
	case PH_FORM_PAIR_TUPLES:
		return value->pair_count * 2;
	case PH_FORM_PARTS:
		return value->part_count * 2; /* key, value */
	default:
		return 0;
	}
}

/* How many of the children are to be shown, in units of `next`. */
static size_t shown_count(const struct run *run, const struct ph_value *value)
{
	size_t count = child_count(value);
	bool pairs = value->form == PH_FORM_PAIRS || value->form == PH_FORM_PAIR_TUPLES;
	size_t maximum = run->limits.children * (pairs ? 2 : 1);
	return value->form != PH_FORM_PARTS && count > maximum ? maximum : count;
}

static bool is_container(const struct ph_value *value)
{
	return value->form == PH_FORM_ITEMS || value->form == PH_FORM_PAIRS || value->form == PH_FORM_PAIR_TUPLES ||
	       value->form == PH_FORM_PARTS;
}

static const struct ph_value *find_on_stack(const struct run *run, ph_addr address)
{
	for (unsigned i = run->depth; address && i-- > 0;)
		if (run->levels[i].value.address == address)
			return &run->levels[i].value;
	return NULL;
}

/* Print a leaf, or open a container and make it the top of the stack. */
static void enter(struct run *run, ph_addr address, bool secret)
{
	const struct ph_value *outer = find_on_stack(run, address);
	if (outer && *outer->recursive) {
		ph_buffer_puts(run->out, outer->recursive);
		return;
	}
	struct level *level = &run->levels[run->depth];
	if (run->depth >= run->deepest) {
		level->value = PH_VALUE_INIT;
		run->deepest = run->depth + 1;
	}
	struct ph_redactor *redactor = run->render->redactor;
	ph_source_value(run->render->source, address, &run->limits, &level->value);
	struct ph_value *value = &level->value;
	value->address = address;
	secret = secret || ph_redactor_is_marked(redactor, address);
	if (run->depth && (value->kind == PH_KIND_STR || value->kind == PH_KIND_BYTES) &&
	    (value->form == PH_FORM_STR || value->form == PH_FORM_BYTES)) {
		size_t size = value->text_size < NAME_MAXIMUM ? value->text_size : NAME_MAXIMUM;
		level[-1].pair_secret = ph_redactor_is_secret_name(redactor, value->text, size);
	}
	if (!is_container(value)) {
		put_leaf(run, value, secret);
		return;
	}
	if (run->depth == run->depth_maximum && child_count(value)) {
		ph_buffer_puts(run->out, "...");
		run->result.truncated = true;
		return;
	}
	level->next = 0;
	level->secret = secret;
	level->pair_secret = false;
	ph_buffer_puts(run->out, value->open);
	run->depth++;
}

static bool was_cut(const struct run *run, const struct ph_value *value)
{
	size_t count = shown_count(run, value);
	switch (value->form) {
	case PH_FORM_ITEMS:
		return value->item_total > count;
	case PH_FORM_PAIRS:
	case PH_FORM_PAIR_TUPLES:
		return value->pair_total > count / 2;
	default:
		return value->text_cut;
	}
}

static void leave(struct run *run, struct level *level)
{
	if (was_cut(run, &level->value)) {
		ph_buffer_puts(run->out, level->next ? ", ..." : "...");
		run->result.truncated = true;
	}
	ph_buffer_puts(run->out, level->value.close);
	run->depth--;
}

/* What comes before the value of a part: separator, name, key. */
static void put_part_head(struct run *run, struct level *level, size_t i)
{
	const struct ph_part *part = &level->value.parts[i];
	if (part->before)
		ph_buffer_puts(run->out, part->before);
	else if (i)
		ph_buffer_puts(run->out, ", ");
	if (part->name)
		ph_buffer_printf(run->out, "%s=", part->name);
	level->pair_secret = false;
	if (part->key)
		enter(run, part->key, level->secret);
}

static void put_part(struct run *run, struct level *level, const struct ph_part *part)
{
	struct ph_redactor *redactor = run->render->redactor;
	bool secret = level->secret || level->pair_secret;
	if (part->key)
		ph_buffer_puts(run->out, part->between ? part->between : ": ");
	if (part->name)
		secret = secret || ph_redactor_is_secret_name(redactor, part->name, strlen(part->name));
	if (part->value) {
		enter(run, part->value, secret);
	} else if (secret || ph_redactor_mode(redactor) == PH_REDACT_VALUES) {
		put_redacted(run, level->value.address);
	} else if (part->text) {
		size_t size = strlen(part->text);
		const char *text = scrub(run, part->text, &size, false);
		ph_buffer_append(run->out, text, size);
	}
}

static void put_pair_half(struct run *run, struct level *level, size_t i)
{
	const struct ph_pair *pair = &level->value.pairs[i / 2];
	bool tuples = level->value.form == PH_FORM_PAIR_TUPLES;
	if (i % 2 == 0) {
		ph_buffer_puts(run->out, tuples ? "(" : "");
		level->pair_secret = false;
		enter(run, pair->key, level->secret);
		return;
	}
	ph_buffer_puts(run->out, tuples ? ", " : ": ");
	bool secret = level->secret || level->pair_secret;
	enter(run, pair->value, secret);
}

/* One step of the top of the stack. */
static void advance(struct run *run)
{
	struct level *level = &run->levels[run->depth - 1];
	const struct ph_value *value = &level->value;
	size_t i = level->next;
	bool pairs = value->form == PH_FORM_PAIRS || value->form == PH_FORM_PAIR_TUPLES;
	if (value->form == PH_FORM_PAIR_TUPLES && i && i % 2 == 0)
		ph_buffer_putc(run->out, ')');
	if (i >= shown_count(run, value)) {
		leave(run, level);
		return;
	}
	if (i && value->form != PH_FORM_PARTS && (!pairs || i % 2 == 0))
		ph_buffer_puts(run->out, ", ");
	level->next++;
	if (pairs)
		put_pair_half(run, level, i);
	else if (value->form == PH_FORM_ITEMS)
		enter(run, value->items[i], level->secret);
	else if (i % 2 == 0)
		put_part_head(run, level, i / 2);
	else
		put_part(run, level, &value->parts[i / 2]);
}

/* Whether there is room left; counts what was printed since. */
static bool has_room(struct run *run)
{
	const struct ph_buffer *out = run->out;
	if (out->size > run->counted) {
		run->characters += ph_text_length(out->data + run->counted, out->size - run->counted);
		run->counted = out->size;
	}
	return run->characters <= run->maximum && !out->truncated && !out->no_memory;
}

static void cut(struct run *run)
{
	struct ph_buffer *out = run->out;
	if (run->characters > run->maximum) {
		size_t keep = ph_text_prefix(out->data + run->start, out->size - run->start, run->maximum);
		out->size = run->start + keep;
		out->data[out->size] = '\0';
		ph_buffer_puts(out, "...");
	}
	run->result.truncated = true;
}

struct ph_rendered ph_render_repr(const struct ph_render *render, ph_addr address, bool secret, struct ph_buffer *out)
{
	struct run run = {
		.render = render,
		.out = out,
		.scrubbed = PH_BUFFER(PH_BUFFER_UNBOUNDED),
		.start = out->size,
		.counted = out->size,
		.maximum = render->characters ? render->characters : 1000,
		.depth_maximum = render->depth ? render->depth : 8,
	};
	if (run.depth_maximum > DEPTH_MAXIMUM)
		run.depth_maximum = DEPTH_MAXIMUM;
	if (run.maximum > CHARACTERS_MAXIMUM)
		run.maximum = CHARACTERS_MAXIMUM;
	run.limits.children = render->items ? render->items : 100;
	run.limits.characters = run.maximum + SLACK;
	run.levels = malloc((run.depth_maximum + 1) * sizeof(*run.levels));
	if (!run.levels) {
		out->no_memory = true;
		return (struct ph_rendered){ .truncated = true };
	}
	enter(&run, address, secret);
	while (has_room(&run) && run.depth)
		advance(&run);
	if (!has_room(&run))
		cut(&run);
	for (unsigned i = 0; i < run.deepest; i++)
		ph_value_deinit(&run.levels[i].value);
	free(run.levels);
	ph_buffer_deinit(&run.scrubbed);
	return run.result;
}
