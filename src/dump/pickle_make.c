/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects made, empty where they can be filled later. */
#include "dump/pickle_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEIGHT_MAXIMUM 100 /* of nested tuples whose hash is taken: a reader's hash() recurses in C */
#define FOREIGN_MAXIMUM 20 /* objects beyond the bound, of one container */

/* Builtins that are the same in the reader, by their name in the process. */
static const struct {
	const char *name, *module, *old;
	enum ph_pickle_root root;
} builtins[] = {
	{ "object", "__builtin__", "object", ROOT_OBJECT },
	{ "list", "__builtin__", "list", ROOT_LIST },
	{ "dict", "__builtin__", "dict", ROOT_DICT },
	{ "tuple", "__builtin__", "tuple", ROOT_TUPLE },
	{ "set", "__builtin__", "set", ROOT_SET },
	{ "frozenset", "__builtin__", "frozenset", ROOT_FROZENSET },
	{ "int", "__builtin__", "int", ROOT_INT },
	{ "long", "__builtin__", "long", ROOT_INT },
	{ "float", "__builtin__", "float", ROOT_FLOAT },
	{ "str", "__builtin__", "unicode", ROOT_STR },
	{ "unicode", "__builtin__", "unicode", ROOT_STR },
	{ "bytes", "__builtin__", "str", ROOT_BYTES },
	{ "bool", "__builtin__", "bool", ROOT_CLOSED },
	{ "complex", "__builtin__", "complex", ROOT_CLOSED },
	{ "bytearray", "__builtin__", "bytearray", ROOT_CLOSED },
	{ "type", "__builtin__", "type", ROOT_CLOSED },
	{ "BaseException", "exceptions", "BaseException", ROOT_EXCEPTION },
	{ "Exception", "exceptions", "Exception", ROOT_EXCEPTION },
	{ "ArithmeticError", "exceptions", "ArithmeticError", ROOT_EXCEPTION },
	{ "AssertionError", "exceptions", "AssertionError", ROOT_EXCEPTION },
	{ "AttributeError", "exceptions", "AttributeError", ROOT_EXCEPTION },
	{ "EOFError", "exceptions", "EOFError", ROOT_EXCEPTION },
	{ "GeneratorExit", "exceptions", "GeneratorExit", ROOT_EXCEPTION },
	{ "ImportError", "exceptions", "ImportError", ROOT_EXCEPTION },
	{ "IndexError", "exceptions", "IndexError", ROOT_EXCEPTION },
	{ "KeyError", "exceptions", "KeyError", ROOT_EXCEPTION },
	{ "KeyboardInterrupt", "exceptions", "KeyboardInterrupt", ROOT_EXCEPTION },
	{ "LookupError", "exceptions", "LookupError", ROOT_EXCEPTION },
	{ "MemoryError", "exceptions", "MemoryError", ROOT_EXCEPTION },
	{ "NameError", "exceptions", "NameError", ROOT_EXCEPTION },
	{ "NotImplementedError", "exceptions", "NotImplementedError", ROOT_EXCEPTION },
	{ "OSError", "exceptions", "OSError", ROOT_EXCEPTION },
	{ "OverflowError", "exceptions", "OverflowError", ROOT_EXCEPTION },
	{ "RuntimeError", "exceptions", "RuntimeError", ROOT_EXCEPTION },
	{ "StopIteration", "exceptions", "StopIteration", ROOT_EXCEPTION },
	{ "SystemExit", "exceptions", "SystemExit", ROOT_EXCEPTION },
	{ "TypeError", "exceptions", "TypeError", ROOT_EXCEPTION },
	{ "ValueError", "exceptions", "ValueError", ROOT_EXCEPTION },
	{ "ZeroDivisionError", "exceptions", "ZeroDivisionError", ROOT_EXCEPTION },
};

static bool push(struct ph_pickle *p, uint32_t index)
{
	struct ph_pickle_stack *stack = &p->stack;
	if (stack->count == stack->capacity) {
		size_t capacity = stack->capacity ? stack->capacity * 2 : 256;
		uint32_t *entries = realloc(stack->entries, capacity * sizeof(*entries));
		if (!entries) {
			p->no_memory = true;
			return false;
		}
		stack->entries = entries;
		stack->capacity = capacity;
	}
	stack->entries[stack->count++] = index;
	return true;
}

static bool is_ordered(const struct ph_pickle_node *node)
{
	return node->shape == SHAPE_TUPLE || node->shape == SHAPE_SET || node->shape == SHAPE_FROZENSET ||
	       (node->shape == SHAPE_INSTANCE &&
		(node->root == ROOT_TUPLE || node->root == ROOT_SET || node->root == ROOT_FROZENSET));
}

static bool is_made(const struct ph_pickle_node *node)
{
	return node->memo || node->shape == SHAPE_ATOM;
}

static bool need(struct ph_pickle *p, ph_addr address)
{
	struct ph_pickle_node *node = address ? ph_pickle_find(p, address) : NULL;
	if (!node || is_made(node) || node->is_being_made)
		return false;
	return push(p, (uint32_t)(node - p->nodes));
}

/* Push what the object cannot be made without; false: there is nothing. */
static bool push_needs(struct ph_pickle *p, const struct ph_pickle_node *node)
{
	bool pushed = false;
	const struct ph_value *value = &p->value;
	if (node->shape == SHAPE_INSTANCE)
		pushed = need(p, node->type);
	if (node->shape != SHAPE_CLASS && !is_ordered(node))
		return pushed;
	const struct ph_value_limits limits = { .children = ph_pickle_children(p), .characters = 1 };
	ph_source_value(p->source, node->address, &limits, &p->value);
	for (size_t i = 0; i < value->item_count && is_ordered(node); i++)
		pushed |= need(p, value->items[i]);
	for (size_t i = 0; i < value->attribute_count && node->shape == SHAPE_CLASS; i++) {
		if (!strcmp(value->attributes[i].name, "__base__"))
			pushed |= need(p, value->attributes[i].value);
	}
	return pushed;
}

bool ph_pickle_hashable(struct ph_pickle *p, ph_addr address)
{
	const struct ph_pickle_node *node = ph_pickle_find(p, address);
	if (!node)
		return true; /* a number, a text or a surrogate */
	if (node->shape == SHAPE_ATOM)
		return node->kind != PH_KIND_BYTEARRAY;
	return node->memo ? node->is_hashable : true;
}

void ph_pickle_items(struct ph_pickle *p, const struct ph_value *value, bool hashable, bool secret)
{
	size_t foreign = 0, i;
	for (i = 0; i < value->item_count; i++) {
		if (!ph_pickle_find(p, value->items[i]) && ++foreign > FOREIGN_MAXIMUM)
			break;
		if (hashable && !ph_pickle_hashable(p, value->items[i]))
			ph_pickle_surrogate(p, "<unhashable>", 12);
		else
			ph_pickle_reference(p, value->items[i], secret);
	}
	uint64_t total = value->item_total > value->item_count ? value->item_total : value->item_count;
	if (i < total) {
		ph_buffer_clear(&p->text);
		ph_buffer_printf(&p->text, "<%" PRIu64 " more items; not in this dump's pickle>", total - i);
		ph_pickle_surrogate(p, ph_buffer_text(&p->text), p->text.size);
	}
}

static void note_height(struct ph_pickle *p, struct ph_pickle_node *node, const struct ph_value *value)
{
	unsigned height = 0;
	node->is_hashable = node->shape != SHAPE_SET && !(node->shape == SHAPE_INSTANCE && node->root == ROOT_SET);
	for (size_t i = 0; i < value->item_count; i++) {
		const struct ph_pickle_node *item = ph_pickle_find(p, value->items[i]);
		if (item && item->height > height)
			height = item->height;
		if (!ph_pickle_hashable(p, value->items[i]))
			node->is_hashable = false;
	}
	node->height = (uint16_t)(height < UINT16_MAX ? height + 1 : height);
	if (node->height > HEIGHT_MAXIMUM)
		node->is_hashable = false;
}

/* A tuple of the items, or a list for set(). */
static void put_sequence(struct ph_pickle *p, struct ph_pickle_node *node, bool list, bool hashable)
{
	struct ph_pickle_stream *s = &p->stream;
	const struct ph_value_limits limits = { .children = ph_pickle_children(p), .characters = 1 };
	ph_source_value(p->source, node->address, &limits, &p->value);
	note_height(p, node, &p->value);
	if (!p->value.item_count && !p->value.item_total) {
		ph_pickle_op(s, list ? PH_OP_EMPTY_LIST : PH_OP_EMPTY_TUPLE);
		return;
	}
	if (list)
		ph_pickle_op(s, PH_OP_EMPTY_LIST);
	ph_pickle_op(s, PH_OP_MARK);
	ph_pickle_items(p, &p->value, hashable, ph_pickle_is_hidden(p, node->address));
	ph_pickle_op(s, list ? PH_OP_APPENDS : PH_OP_TUPLE);
}

/* ---- classes ---- */

static void put_identifier(struct ph_pickle *p, const char *text, size_t size)
{
	char clean[200];
	size_t n = size < sizeof(clean) ? size : sizeof(clean);
	for (size_t i = 0; i < n; i++)
		clean[i] = text[i] > 0x20 && text[i] < 0x7f ? text[i] : '_';
	ph_pickle_native(p, n ? clean : "_", n ? n : 1);
}

/* The "module.name" in "<class 'module.name'>". */
static size_t class_name(const struct ph_value *value, const char **ret)
{
	const char *start = value->text ? strchr(value->text, '\'') : NULL;
	const char *end = start ? strrchr(start + 1, '\'') : NULL;
	*ret = end ? start + 1 : "object_of_unknown_type";
	return end ? (size_t)(end - start - 1) : strlen(*ret);
}

static size_t find_builtin(const struct ph_pickle *p, const char *name, size_t size)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strlen(builtins[i].name) != size || memcmp(builtins[i].name, name, size))
			continue;
		if (p->is_python2 && builtins[i].root == ROOT_STR && !strcmp(name, "str"))
			continue;
		return i;
	}
	return SIZE_MAX;
}

/* What the class inherits; its base has been made when it can be. */
static void put_base(struct ph_pickle *p, struct ph_pickle_node *node, ph_addr base_address)
{
	static const struct {
		const char *module, *name;
	} plain[] = {
		[ROOT_LIST] = { "__builtin__", "list" },	   [ROOT_DICT] = { "__builtin__", "dict" },
		[ROOT_TUPLE] = { "__builtin__", "tuple" },	   [ROOT_SET] = { "__builtin__", "set" },
		[ROOT_FROZENSET] = { "__builtin__", "frozenset" }, [ROOT_INT] = { "__builtin__", "int" },
		[ROOT_FLOAT] = { "__builtin__", "float" },	   [ROOT_STR] = { "__builtin__", "unicode" },
		[ROOT_BYTES] = { "__builtin__", "str" },	   [ROOT_EXCEPTION] = { "exceptions", "Exception" },
	};
	struct ph_pickle_node *base = base_address ? ph_pickle_find(p, base_address) : NULL;
	if (base && base->memo && base->root > ROOT_OBJECT && base->root < ROOT_CLOSED) {
		node->root = base->root;
		ph_pickle_get(&p->stream, base->memo);
	} else if (node->root > ROOT_OBJECT && node->root < ROOT_CLOSED) {
		ph_pickle_global(&p->stream, plain[node->root].module, plain[node->root].name);
	} else if (base && base->memo && base->root == ROOT_OBJECT && base->is_by_value) {
		node->root = ROOT_OBJECT;
		ph_pickle_get(&p->stream, base->memo);
	} else {
		node->root = ROOT_OBJECT;
		ph_pickle_get(&p->stream, p->memo_fake);
	}
}

/* type(name, (base,), {"__module__": module}) */
static void make_class(struct ph_pickle *p, struct ph_pickle_node *node)
{
	static const struct ph_value_limits limits = { .children = 1, .characters = 1 };
	struct ph_pickle_stream *s = &p->stream;
	const char *name;
	ph_addr base = 0;
	ph_source_value(p->source, node->address, &limits, &p->value);
	size_t size = class_name(&p->value, &name);
	size_t builtin = find_builtin(p, name, size);
	if (builtin != SIZE_MAX) {
		node->root = (uint8_t)builtins[builtin].root;
		ph_pickle_global(s, builtins[builtin].module, builtins[builtin].old);
		return;
	}
	for (size_t i = 0; i < p->value.attribute_count; i++)
		if (!strcmp(p->value.attributes[i].name, "__base__"))
			base = p->value.attributes[i].value;
	const char *dot = memrchr(name, '.', size);
	size_t module = dot ? (size_t)(dot - name) : 0;
	ph_pickle_get(s, p->memo_type);
	put_identifier(p, dot ? dot + 1 : name, dot ? size - module - 1 : size);
	put_base(p, node, base);
	ph_pickle_op(s, PH_OP_TUPLE1);
	ph_pickle_op(s, PH_OP_EMPTY_DICT);
	ph_pickle_native(p, "__module__", 10);
	put_identifier(p, dot ? name : "builtins", dot ? module : 8);
	ph_pickle_op(s, PH_OP_SETITEM);
	ph_pickle_op(s, PH_OP_TUPLE3);
	ph_pickle_op(s, PH_OP_REDUCE);
	node->is_by_value = true;
}

/* ---- instances ---- */

static void put_repr(struct ph_pickle *p, ph_addr address)
{
	ph_buffer_clear(&p->text);
	ph_render_repr(&p->render, address, false, &p->text);
	ph_pickle_surrogate(p, ph_buffer_text(&p->text), p->text.size);
}

/* A number or text that the reader's own int(), float() … takes. */
static bool has_plain_value(struct ph_pickle *p, const struct ph_pickle_node *node)
{
	static const struct ph_value_limits limits = { .characters = 1 };
	if (node->root != ROOT_INT && node->root != ROOT_FLOAT && node->root != ROOT_STR && node->root != ROOT_BYTES)
		return true;
	ph_source_value(p->source, node->address, &limits, &p->child);
	const char *scalar = p->child.scalar;
	if (ph_pickle_is_hidden(p, node->address))
		return false;
	return node->root != ROOT_INT || (scalar && !strchr(scalar, 'x'));
}

static void make_instance(struct ph_pickle *p, struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	const struct ph_pickle_node *class = ph_pickle_find(p, node->type);
	bool is_set = node->root == ROOT_SET || node->root == ROOT_FROZENSET;
	if (!class || !class->memo || class->shape != SHAPE_CLASS ||
	    (class->root != node->root && !(is_set && (class->root == ROOT_SET || class->root == ROOT_FROZENSET))) ||
	    (!class->is_by_value && class->root != ROOT_EXCEPTION) || !has_plain_value(p, node)) {
		node->shape = SHAPE_FAKE;
		node->is_hashable = true;
		put_repr(p, node->address);
		return;
	}
	node->root = class->root;
	node->is_hashable = node->root != ROOT_LIST && node->root != ROOT_DICT;
	ph_pickle_get(s, class->memo);
	switch ((enum ph_pickle_root)node->root) {
	case ROOT_TUPLE:
		put_sequence(p, node, false, false);
		ph_pickle_op(s, PH_OP_TUPLE1);
		ph_pickle_op(s, PH_OP_NEWOBJ);
		return;
	case ROOT_SET:
	case ROOT_FROZENSET:
		put_sequence(p, node, true, true);
		ph_pickle_op(s, PH_OP_TUPLE1);
		ph_pickle_op(s, PH_OP_REDUCE);
		return;
	case ROOT_INT:
	case ROOT_FLOAT:
	case ROOT_STR:
	case ROOT_BYTES:
		ph_pickle_atom(p, node->address, NULL, false);
		ph_pickle_op(s, PH_OP_TUPLE1);
		ph_pickle_op(s, PH_OP_NEWOBJ);
		return;
	default:
		ph_pickle_op(s, PH_OP_EMPTY_TUPLE);
		ph_pickle_op(s, PH_OP_NEWOBJ);
	}
}

static void make_module(struct ph_pickle *p, struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	ph_buffer_clear(&p->text);
	ph_render_repr(&p->render, node->address, false, &p->text);
	const char *text = ph_buffer_text(&p->text), *start = strchr(text, '\'');
	const char *end = start ? strchr(start + 1, '\'') : NULL;
	node->is_hashable = true;
	ph_pickle_global(s, "types", "ModuleType");
	put_identifier(p, end ? start + 1 : "unknown", end ? (size_t)(end - start - 1) : 7);
	ph_pickle_op(s, PH_OP_TUPLE1);
	ph_pickle_op(s, PH_OP_REDUCE);
}

/* ---- all of them ---- */

static void make(struct ph_pickle *p, struct ph_pickle_node *node)
{
	struct ph_pickle_stream *s = &p->stream;
	switch ((enum ph_pickle_shape)node->shape) {
	case SHAPE_ATOM:
		return;
	case SHAPE_LIST:
		ph_pickle_op(s, PH_OP_EMPTY_LIST);
		break;
	case SHAPE_DICT:
		ph_pickle_op(s, PH_OP_EMPTY_DICT);
		break;
	case SHAPE_TUPLE:
		put_sequence(p, node, false, false);
		break;
	case SHAPE_SET:
	case SHAPE_FROZENSET:
		ph_pickle_global(s, "__builtin__", node->shape == SHAPE_SET ? "set" : "frozenset");
		put_sequence(p, node, true, true);
		ph_pickle_op(s, PH_OP_TUPLE1);
		ph_pickle_op(s, PH_OP_REDUCE);
		break;
	case SHAPE_CLASS:
		node->is_hashable = true;
		make_class(p, node);
		break;
	case SHAPE_INSTANCE:
		make_instance(p, node);
		break;
	case SHAPE_MODULE:
		make_module(p, node);
		break;
	case SHAPE_FAKE:
		node->is_hashable = true;
		put_repr(p, node->address);
		break;
	}
	node->memo = ph_pickle_put(s);
	ph_pickle_op(s, PH_OP_POP);
}

/* An object and before it what it cannot be made without, however deep. */
void ph_pickle_make(struct ph_pickle *p, size_t index)
{
	p->stack.count = 0;
	push(p, (uint32_t)index);
	while (p->stack.count && !p->no_memory) {
		struct ph_pickle_node *node = &p->nodes[p->stack.entries[p->stack.count - 1]];
		bool first = !is_made(node) && !node->is_being_made;
		node->is_being_made = true;
		if (first && push_needs(p, node))
			continue;
		p->stack.count--;
		if (!is_made(node))
			make(p, node);
	}
}
