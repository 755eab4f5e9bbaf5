/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects filled, after all of them were made. */
#include "dump/pickle_private.h"

#include <inttypes.h>
#include <string.h>

#define FOREIGN_MAXIMUM 20

static bool is_text(const struct ph_value *value, enum ph_kind kind)
{
	return value->kind == kind && (value->form == PH_FORM_STR || value->form == PH_FORM_BYTES);
}

static bool is_ascii(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

/* b"a" and "a" are one key to Python 2. */
static bool collides(struct ph_pickle *p, const struct ph_value *dict, const char *text, size_t size)
{
	static const struct ph_value_limits limits = { .characters = 512 };
	size_t looked = dict->pair_count < 1000 ? dict->pair_count : 1000;
	for (size_t i = 0; i < looked; i++) {
		ph_source_value(p->source, dict->pairs[i].key, &limits, &p->child);
		if (is_text(&p->child, PH_KIND_STR) && p->child.text_size == size &&
		    !memcmp(p->child.text, text, size))
			return true;
	}
	return false;
}

/* Writes the key; false when the pair must be left out.  *secret: of the value. */
static bool put_key(struct ph_pickle *p, const struct ph_pickle_node *dict, ph_addr key, bool *secret)
{
	static const struct ph_value_limits limits = { .characters = 512 };
	char name[512];
	ph_source_value(p->source, key, &limits, &p->child);
	bool is_str = is_text(&p->child, PH_KIND_STR), is_bytes = is_text(&p->child, PH_KIND_BYTES);
	bool is_name = (is_str || (is_bytes && p->is_python2)) && !p->child.text_cut;
	size_t size = p->child.text_size < sizeof(name) ? p->child.text_size : sizeof(name);
	*secret = (is_str || is_bytes) && ph_redactor_is_secret_name(p->redactor, p->child.text, size);
	if ((is_str || is_bytes) && size == 12 && !memcmp(p->child.text, "__builtins__", 12))
		return false;
	const struct ph_pickle_node *node = ph_pickle_find(p, key);
	bool is_scalar = p->child.kind > PH_KIND_BOOL && p->child.kind <= PH_KIND_BYTEARRAY;
	if (is_scalar && ph_pickle_is_hidden(p, key)) {
		ph_redactor_note(p->redactor, key);
		ph_pickle_surrogate(p, PH_REDACTED, sizeof(PH_REDACTED) - 1);
	} else if (dict->is_namespace && is_name && p->child.text_size <= sizeof(name)) {
		memcpy(name, p->child.text, size);
		ph_buffer_clear(&p->scrubbed);
		ph_redactor_scrub(p->redactor, name, size, &p->scrubbed);
		ph_pickle_native(p, ph_buffer_text(&p->scrubbed), p->scrubbed.size);
	} else if (!ph_pickle_hashable(p, key)) {
		ph_buffer_clear(&p->text);
		ph_render_repr(&p->render, key, false, &p->text);
		ph_pickle_surrogate(p, ph_buffer_text(&p->text), p->text.size);
	} else if (is_bytes && !p->is_python2 && is_ascii(p->child.text, size)) {
		memcpy(name, p->child.text, size);
		if (!collides(p, &p->value, name, size)) {
			ph_pickle_reference(p, key, false);
			return true;
		}
		ph_buffer_clear(&p->text);
		ph_render_repr(&p->render, key, false, &p->text);
		ph_pickle_surrogate(p, ph_buffer_text(&p->text), p->text.size);
	} else {
		ph_pickle_reference(p, key, node && node->shape == SHAPE_ATOM && ph_pickle_is_hidden(p, dict->address));
	}
	return true;
}

static void fill_pairs(struct ph_pickle *p, const struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	const struct ph_value *value = &p->value;
	bool hidden = ph_pickle_is_hidden(p, node->address), secret;
	size_t foreign = 0, i;
	if (!value->pair_count)
		return;
	ph_pickle_op(s, PH_OP_MARK);
	for (i = 0; i < value->pair_count; i++) {
		if (!ph_pickle_find(p, value->pairs[i].value) && ++foreign > FOREIGN_MAXIMUM)
			break;
		if (put_key(p, node, value->pairs[i].key, &secret))
			ph_pickle_reference(p, value->pairs[i].value, secret || hidden);
	}
	uint64_t total = value->pair_total > value->pair_count ? value->pair_total : value->pair_count;
	if (i < total) {
		ph_buffer_clear(&p->text);
		ph_buffer_printf(&p->text, "<%" PRIu64 " more pairs; not in this dump's pickle>", total - i);
		ph_pickle_surrogate(p, ph_buffer_text(&p->text), p->text.size);
		ph_pickle_op(s, PH_OP_NONE);
	}
	ph_pickle_op(s, PH_OP_SETITEMS);
}

/* __cause__ of an exception takes an exception or None, args a tuple. */
static bool fits(struct ph_pickle *p, const struct ph_pickle_node *node, const struct ph_attribute *attribute)
{
	if (node->root != ROOT_EXCEPTION || node->shape != SHAPE_INSTANCE)
		return true;
	const struct ph_pickle_node *value = ph_pickle_find(p, attribute->value);
	if (!strcmp(attribute->name, "args"))
		return value && value->memo && value->shape == SHAPE_TUPLE;
	if (!strncmp(attribute->name, "__", 2))
		return value && value->memo && value->shape == SHAPE_INSTANCE && value->root == ROOT_EXCEPTION;
	return true;
}

/* The repr that FakeClass gives, where an instance has none of its own. */
static void put_own_repr(struct ph_pickle *p, const struct ph_pickle_node *node)
{
	static const char name[] = "_FakeClass__repr";
	ph_buffer_clear(&p->text);
	ph_render_repr(&p->render, node->address, false, &p->text);
	ph_pickle_native(p, name, sizeof(name) - 1);
	ph_pickle_name(&p->stream, ph_buffer_text(&p->text), p->text.size);
}

/* {name: value, …}; false, and nothing written, when there are none. */
static bool put_attributes(struct ph_pickle *p, const struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	const struct ph_value *value = &p->value;
	bool hidden = ph_pickle_is_hidden(p, node->address);
	bool any = node->shape == SHAPE_INSTANCE && node->root == ROOT_OBJECT;
	for (size_t i = 0; i < value->attribute_count && !any; i++)
		any = ph_pickle_wants(node, &value->attributes[i]) && fits(p, node, &value->attributes[i]);
	if (!any)
		return false;
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	ph_pickle_op(s, PH_OP_MARK);
	if (node->shape == SHAPE_INSTANCE && node->root == ROOT_OBJECT)
		put_own_repr(p, node);
	for (size_t i = 0; i < value->attribute_count; i++) {
		const struct ph_attribute *a = &value->attributes[i];
		if (!ph_pickle_wants(node, a) || !fits(p, node, a))
			continue;
		ph_pickle_native(p, a->name, strlen(a->name));
		ph_pickle_reference(p, a->value, hidden || ph_pickle_is_secret(p, a->name));
	}
	ph_pickle_op(s, PH_OP_SETITEMS);
	return true;
}

static void fill_attributes(struct ph_pickle *p, const struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	if (node->shape != SHAPE_CLASS) {
		if (put_attributes(p, node))
			ph_pickle_op(s, PH_OP_BUILD);
		return;
	}
	/* by setattr(); an exception class would take the state for one of its instances */
	if (!node->is_by_value || node->root == ROOT_EXCEPTION)
		return;
	ph_pickle_op(s, PH_OP_NONE);
	if (!put_attributes(p, node)) {
		ph_pickle_op(s, PH_OP_POP);
		return;
	}
	ph_pickle_op(s, PH_OP_TUPLE2);
	ph_pickle_op(s, PH_OP_BUILD);
}

void ph_pickle_fill(struct ph_pickle *p, struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	bool is_list = node->shape == SHAPE_LIST || (node->shape == SHAPE_INSTANCE && node->root == ROOT_LIST);
	bool is_dict = node->shape == SHAPE_DICT || (node->shape == SHAPE_INSTANCE && node->root == ROOT_DICT);
	if (!node->memo || node->shape == SHAPE_ATOM || node->shape == SHAPE_TUPLE || node->shape == SHAPE_SET ||
	    node->shape == SHAPE_FROZENSET || (node->shape == SHAPE_MODULE && !node->is_near) ||
	    (node->shape == SHAPE_CLASS && !node->is_by_value))
		return;
	const struct ph_value_limits limits = { .children = ph_pickle_children(p), .characters = 1 };
	ph_pickle_approach(p, (size_t)(node - p->nodes));
	ph_source_value(p->source, node->address, &limits, &p->value);
	ph_pickle_approach_attributes(p, &p->value);
	for (size_t i = 0; i < p->value.attribute_count; i++)
		ph_source_approach(p->source, p->value.attributes[i].value, 0);
	ph_pickle_get(s, node->memo);
	if (is_list && p->value.item_count) {
		ph_pickle_op(s, PH_OP_MARK);
		ph_pickle_items(p, &p->value, false, ph_pickle_is_hidden(p, node->address));
		ph_pickle_op(s, PH_OP_APPENDS);
	}
	if (is_dict)
		fill_pairs(p, node);
	if (node->shape != SHAPE_LIST && node->shape != SHAPE_DICT)
		fill_attributes(p, node);
	ph_pickle_op(s, PH_OP_POP);
}
