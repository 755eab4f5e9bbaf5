/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written where it stands: numbers, text, names, surrogates. */
#include "dump/pickle_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define TEXT_LONG 65536 /* characters of a str, bytes of a bytes, while there is room */
#define TEXT_SHORT 256
#define OTHERS_MAXIMUM 5000 /* surrogates with an address of their own; further ones are one for each type */

bool ph_pickle_is_hidden(const struct ph_pickle *p, ph_addr address)
{
	return ph_redactor_mode(p->redactor) == PH_REDACT_VALUES || ph_redactor_is_marked(p->redactor, address);
}

bool ph_pickle_is_secret(const struct ph_pickle *p, const char *name)
{
	return name && ph_redactor_is_secret_name(p->redactor, name, strlen(name));
}

void ph_pickle_native(struct ph_pickle *p, const char *text, size_t size)
{
	uint64_t hash = XXH64(text, size, 2) | 1;
	const uint64_t *memo = ph_addrmap_find(&p->names, hash);
	if (memo) {
		ph_pickle_get(&p->stream, (uint32_t)*memo);
		return;
	}
	ph_pickle_name(&p->stream, text, size);
	if (!ph_addrmap_set(&p->names, hash, ph_pickle_put(&p->stream), false))
		p->no_memory = true;
}

/* FakeClass(repr, {}) */
void ph_pickle_surrogate(struct ph_pickle *p, const char *text, size_t size)
{
	struct ph_pickle_stream *s = &p->stream;
	ph_pickle_get(s, p->memo_fake);
	ph_pickle_name(s, text, size);
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	ph_pickle_op(s, PH_OP_TUPLE2);
	ph_pickle_op(s, PH_OP_REDUCE);
}

static void put_redacted(struct ph_pickle *p)
{
	ph_pickle_unicode(&p->stream, PH_REDACTED, sizeof(PH_REDACTED) - 1);
}

static void put_int(struct ph_pickle *p, const struct ph_value *value)
{
	const char *scalar = value->scalar ? value->scalar : "";
	char hex[32], *end;
	if (!strncmp(scalar, "0x", 2) || !strncmp(scalar, "-0x", 3)) {
		if (!ph_pickle_hex(&p->stream, scalar))
			ph_pickle_surrogate(p, scalar, strlen(scalar));
		return;
	}
	int64_t number = strtoll(scalar, &end, 10);
	if (end == scalar || *end) {
		ph_pickle_surrogate(p, "<int that is too large>", 23);
	} else if (p->is_python2 && value->type_name && !strcmp(value->type_name, "long")) {
		snprintf(hex, sizeof(hex), "%s0x%" PRIx64, number < 0 ? "-" : "",
			 number < 0 ? (uint64_t)0 - (uint64_t)number : (uint64_t)number);
		ph_pickle_hex(&p->stream, hex);
	} else if (p->is_python2) {
		ph_pickle_long_int(&p->stream, number);
	} else {
		ph_pickle_int(&p->stream, number);
	}
}

static void put_complex(struct ph_pickle *p, const struct ph_value *value)
{
	struct ph_pickle_stream *s = &p->stream;
	const char *text = value->scalar ? value->scalar : "0j";
	ph_pickle_global(s, "__builtin__", "complex");
	ph_pickle_name(s, text, strlen(text));
	ph_pickle_op(s, PH_OP_TUPLE1);
	ph_pickle_op(s, PH_OP_REDUCE);
}

/* The text of a str or bytes, scrubbed; says how much of it there would be. */
static void take_text(struct ph_pickle *p, const struct ph_value *value)
{
	ph_buffer_clear(&p->scrubbed);
	ph_redactor_scrub_cut(p->redactor, value->text ? value->text : "", value->text ? value->text_size : 0,
			      value->text_cut, &p->scrubbed);
	if (value->text_cut)
		ph_buffer_printf(&p->scrubbed, "... (cut; %" PRId64 " in all)", value->len);
	p->text_left -= p->scrubbed.size < p->text_left ? p->scrubbed.size : p->text_left;
}

static void put_text(struct ph_pickle *p, const struct ph_value *value)
{
	struct ph_pickle_stream *s = &p->stream;
	take_text(p, value);
	const char *text = ph_buffer_text(&p->scrubbed);
	if (value->kind == PH_KIND_STR) {
		ph_pickle_unicode(s, text, p->scrubbed.size);
		return;
	}
	if (value->kind == PH_KIND_BYTEARRAY)
		ph_pickle_global(s, "__builtin__", "bytearray");
	ph_pickle_bytes(s, text, p->scrubbed.size);
	if (value->kind == PH_KIND_BYTEARRAY) {
		ph_pickle_op(s, PH_OP_TUPLE1);
		ph_pickle_op(s, PH_OP_REDUCE);
	}
}

/* Of an object that is none of the nodes too; `node` may be NULL. */
static void put_atom(struct ph_pickle *p, const struct ph_value *value, struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	switch (value->kind) {
	case PH_KIND_NONE:
		ph_pickle_op(s, PH_OP_NONE);
		return;
	case PH_KIND_BOOL:
		ph_pickle_op(s, value->text && !strcmp(value->text, "True") ? PH_OP_NEWTRUE : PH_OP_NEWFALSE);
		return;
	case PH_KIND_INT:
		put_int(p, value);
		return;
	case PH_KIND_FLOAT:
		ph_pickle_float(s, value->scalar ? strtod(value->scalar, NULL) : 0);
		return;
	case PH_KIND_COMPLEX:
		put_complex(p, value);
		return;
	default:
		put_text(p, value);
		if (node)
			node->memo = ph_pickle_put(s);
	}
}

void ph_pickle_atom(struct ph_pickle *p, ph_addr address, struct ph_pickle_node *node, bool secret)
{
	if (node && node->memo && !secret) {
		ph_pickle_get(&p->stream, node->memo);
		return;
	}
	const struct ph_value_limits limits = { .characters = p->text_left ? TEXT_LONG : TEXT_SHORT };
	ph_source_value(p->source, address, &limits, &p->child);
	bool is_plain = p->child.kind == PH_KIND_NONE || p->child.kind == PH_KIND_BOOL;
	if (!is_plain && (secret || ph_pickle_is_hidden(p, address))) {
		ph_redactor_note(p->redactor, address);
		put_redacted(p);
		return;
	}
	put_atom(p, &p->child, secret ? NULL : node);
}

static bool is_atom(const struct ph_value *value)
{
	return value->kind >= PH_KIND_NONE && value->kind <= PH_KIND_BYTEARRAY && value->status == PH_OK;
}

/* Beyond the bound: a number or a short text is itself, all else says what it was. */
static void put_other(struct ph_pickle *p, ph_addr address, bool secret)
{
	static const struct ph_value_limits limits = { .characters = 1 };
	const uint64_t *memo = ph_addrmap_find(&p->others, address);
	if (memo) {
		ph_pickle_get(&p->stream, (uint32_t)*memo);
		return;
	}
	ph_source_value(p->source, address, &limits, &p->child);
	const struct ph_value *value = &p->child;
	if (is_atom(value) && value->len < TEXT_SHORT) {
		ph_pickle_atom(p, address, NULL, secret);
		return;
	}
	const char *type = value->type_name ? value->type_name : "?";
	ph_buffer_clear(&p->text);
	if (p->others.count < OTHERS_MAXIMUM) {
		ph_buffer_printf(&p->text, "<%s object at 0x%" PRIx64 "; not in this dump's pickle>", type, address);
	} else {
		ph_buffer_printf(&p->text, "<%s object; not in this dump's pickle>", type);
		address = XXH64(p->text.data, p->text.size, 3) | 1;
		memo = ph_addrmap_find(&p->others, address);
	}
	if (memo) {
		ph_pickle_get(&p->stream, (uint32_t)*memo);
		return;
	}
	ph_pickle_surrogate(p, ph_buffer_text(&p->text), p->text.size);
	if (!ph_addrmap_set(&p->others, address, ph_pickle_put(&p->stream), false))
		p->no_memory = true;
}

void ph_pickle_reference(struct ph_pickle *p, ph_addr address, bool secret)
{
	struct ph_pickle_node *node = ph_pickle_find(p, address);
	if (!address)
		ph_pickle_op(&p->stream, PH_OP_NONE);
	else if (node && node->shape == SHAPE_ATOM)
		ph_pickle_atom(p, address, node, secret);
	else if (node && node->memo)
		ph_pickle_get(&p->stream, node->memo);
	else
		put_other(p, address, secret);
}
