/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which objects are in the pickle: breadth first from the frames' locals, the
 * exceptions and the globals, up to a number. */
#include "dump/pickle_private.h"

#include "base/callbacks.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_INTERVAL 4096
#define CHILDREN_MINIMUM 1000
#define SURVEY_DEPTH 10000
#define EXPECTED 65536
#define FOREIGN_EXPECTED 40 /* keys and values of FOREIGN_MAXIMUM pairs (pickle_fill.c) */

struct ph_pickle_node *ph_pickle_find(struct ph_pickle *p, ph_addr address)
{
	const uint64_t *index = ph_addrmap_find(&p->index, address);
	return index ? &p->nodes[*index - 1] : NULL;
}

size_t ph_pickle_children(const struct ph_pickle *p)
{
	/* one long list must not use up the number: its first items with all that is in them tell more */
	size_t share = p->contents->pickle_objects / 100;
	return share > CHILDREN_MINIMUM ? share : CHILDREN_MINIMUM;
}

void ph_pickle_approach(const struct ph_pickle *p, size_t index)
{
	size_t far = index + PH_SOURCE_FAR, near = index + PH_SOURCE_NEAR;
	ph_source_approach(p->source, far < p->count ? p->nodes[far].address : 0,
			   near < p->count ? p->nodes[near].address : 0);
}

void ph_pickle_approach_attributes(const struct ph_pickle *p, const struct ph_value *value)
{
	for (size_t i = 0; i < value->attribute_count; i++)
		ph_addrmap_prefetch(&p->index, value->attributes[i].value);
}

static struct ph_pickle_node *visit(struct ph_pickle *p, ph_addr address)
{
	struct ph_pickle_node *known = address ? ph_pickle_find(p, address) : NULL;
	if (!address || known || p->count >= p->contents->pickle_objects)
		return known;
	if (p->count == p->capacity) {
		size_t capacity = p->capacity ? p->capacity * 2 : 1024;
		struct ph_pickle_node *nodes = realloc(p->nodes, capacity * sizeof(*nodes));
		if (!nodes) {
			p->no_memory = true;
			return NULL;
		}
		p->nodes = nodes;
		p->capacity = capacity;
	}
	if (!ph_addrmap_set(&p->index, address, p->count + 1, false)) {
		p->no_memory = true;
		return NULL;
	}
	p->nodes[p->count] = (struct ph_pickle_node){ .address = address };
	return &p->nodes[p->count++];
}

/* ---- what an object becomes ---- */

static bool is_exactly(const struct ph_value *value, const char *name, const char *old)
{
	if (!value->type_name || !value->type_module ||
	    (strcmp(value->type_module, "builtins") && strcmp(value->type_module, "__builtin__")))
		return false;
	return !strcmp(value->type_name, name) || (old && !strcmp(value->type_name, old));
}

static const struct {
	enum ph_kind kind;
	const char *name, *old;
	enum ph_pickle_shape shape;
	enum ph_pickle_root root;
} shapes[] = {
	{ PH_KIND_INT, "int", "long", SHAPE_ATOM, ROOT_INT },
	{ PH_KIND_FLOAT, "float", NULL, SHAPE_ATOM, ROOT_FLOAT },
	{ PH_KIND_COMPLEX, "complex", NULL, SHAPE_ATOM, ROOT_CLOSED },
	{ PH_KIND_STR, "str", "unicode", SHAPE_ATOM, ROOT_STR },
	{ PH_KIND_BYTES, "bytes", "str", SHAPE_ATOM, ROOT_BYTES },
	{ PH_KIND_BYTEARRAY, "bytearray", NULL, SHAPE_ATOM, ROOT_CLOSED },
	{ PH_KIND_TUPLE, "tuple", NULL, SHAPE_TUPLE, ROOT_TUPLE },
	{ PH_KIND_LIST, "list", NULL, SHAPE_LIST, ROOT_LIST },
	{ PH_KIND_DICT, "dict", NULL, SHAPE_DICT, ROOT_DICT },
	{ PH_KIND_SET, "frozenset", NULL, SHAPE_FROZENSET, ROOT_FROZENSET },
	{ PH_KIND_SET, "set", NULL, SHAPE_SET, ROOT_SET },
	{ PH_KIND_DEQUE, "", NULL, SHAPE_LIST, ROOT_LIST },
	{ PH_KIND_EXCEPTION, "", NULL, SHAPE_INSTANCE, ROOT_EXCEPTION },
	{ PH_KIND_INSTANCE, "", NULL, SHAPE_INSTANCE, ROOT_OBJECT },
};

static void classify(struct ph_pickle_node *node, const struct ph_value *value)
{
	node->kind = (uint8_t)value->kind;
	node->type = value->type;
	node->shape = SHAPE_FAKE;
	if (value->kind == PH_KIND_NONE || value->kind == PH_KIND_BOOL)
		node->shape = SHAPE_ATOM;
	else if (value->kind == PH_KIND_TYPE)
		node->shape = SHAPE_CLASS;
	else if (value->kind == PH_KIND_MODULE)
		node->shape = SHAPE_MODULE;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (shapes[i].kind != value->kind)
			continue;
		node->root = (uint8_t)shapes[i].root;
		node->shape = value->type && shapes[i].root != ROOT_CLOSED ? SHAPE_INSTANCE : SHAPE_FAKE;
		if (is_exactly(value, shapes[i].name, shapes[i].old)) {
			node->shape = (uint8_t)shapes[i].shape;
			break;
		}
	}
}

bool ph_pickle_wants(const struct ph_pickle_node *node, const struct ph_attribute *attribute)
{
	const char *name = attribute->name;
	bool is_special = !strncmp(name, "__", 2);
	switch (node->shape) {
	case SHAPE_CLASS:
		return !is_special && !attribute->structural;
	case SHAPE_MODULE:
		return strcmp(name, "__builtins__") && strcmp(name, "__name__") &&
		       strcmp(name, "__getattr__") && strcmp(name, "__dir__") &&
		       strcmp(name, "__class__") && strcmp(name, "__dict__");
	case SHAPE_INSTANCE:
		if (node->root == ROOT_EXCEPTION)
			return !strcmp(name, "args") || !strcmp(name, "__cause__") || !strcmp(name, "__context__") ||
			       (!attribute->structural && !is_special);
		return !attribute->structural;
	case SHAPE_FAKE:
		return node->kind != PH_KIND_FUNCTION && node->kind != PH_KIND_CODE && node->kind != PH_KIND_FRAME &&
		       node->kind != PH_KIND_TRACEBACK && node->kind != PH_KIND_GENERATOR;
	default:
		return false;
	}
}

static void expand(struct ph_pickle *p, size_t index)
{
	const struct ph_value_limits limits = { .children = ph_pickle_children(p), .characters = 1 };
	const struct ph_value *value = &p->value;
	ph_pickle_approach(p, index);
	ph_source_value(p->source, p->nodes[index].address, &limits, &p->value);
	classify(&p->nodes[index], value);
	ph_pickle_approach_attributes(p, value);
	struct ph_pickle_node self = p->nodes[index];
	if (self.shape == SHAPE_ATOM)
		return;
	for (size_t i = 0; i < value->item_count && self.shape != SHAPE_FAKE; i++)
		visit(p, value->items[i]);
	for (size_t i = 0; i < value->pair_count && self.shape != SHAPE_FAKE; i++) {
		visit(p, value->pairs[i].key);
		struct ph_pickle_node *child = visit(p, value->pairs[i].value);
		if (child && self.is_namespace)
			child->is_near = true;
	}
	if (self.shape == SHAPE_MODULE && !self.is_near)
		return;
	for (size_t i = 0; i < value->attribute_count; i++)
		if (ph_pickle_wants(&self, &value->attributes[i]))
			visit(p, value->attributes[i].value);
		else if (self.shape == SHAPE_CLASS && !strcmp(value->attributes[i].name, "__base__"))
			visit(p, value->attributes[i].value);
	if (self.shape == SHAPE_INSTANCE) {
		struct ph_pickle_node *class = visit(p, self.type);
		if (class && class->root == ROOT_UNKNOWN)
			class->root = self.root;
	}
}

/* ---- where it begins ---- */

struct roots {
	struct ph_redaction_root *roots; /* NULL: only counted */
	size_t count;
};

static void add_root(struct roots *roots, const char *name, ph_addr address)
{
	if (roots->roots)
		roots->roots[roots->count] = (struct ph_redaction_root){ name, address };
	roots->count++;
}

static void add_locals(struct roots *roots, const struct ph_frame *frames, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		for (size_t k = 0; k < frames[i].local_count; k++)
			add_root(roots, frames[i].locals[k].name, frames[i].locals[k].address);
		add_root(roots, NULL, frames[i].namespace);
		add_root(roots, NULL, frames[i].globals);
	}
}

const struct ph_exception *ph_pickle_exception(const struct ph_report *report)
{
	const struct ph_thread *thread = report->threads;
	if (!report->thread_count || !thread->exception_count)
		return NULL;
	return ph_report_exception(report, thread->exceptions[0].address);
}

static void add_roots(const struct ph_pickle *p, struct roots *roots)
{
	const struct ph_report *report = p->report;
	const struct ph_exception *exception = ph_pickle_exception(report);
	if (exception) {
		add_locals(roots, exception->traceback, exception->traceback_count);
		add_root(roots, NULL, exception->address);
	}
	for (size_t i = 0; i < report->thread_count; i++)
		add_locals(roots, report->threads[i].frames, report->threads[i].frame_count);
	add_root(roots, NULL, p->contents->sys_argv);
}

static void visit_namespaces(struct ph_pickle *p, const struct ph_frame *frames, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		struct ph_pickle_node *globals = visit(p, frames[i].globals);
		if (globals)
			globals->is_namespace = true;
	}
}

static struct ph_error *begin(struct ph_pickle *p)
{
	struct roots roots = { 0 };
	add_roots(p, &roots);
	ph_auto_free struct ph_redaction_root *all = calloc(roots.count + 1, sizeof(*all));
	if (!all)
		return &ph_error_no_memory;
	roots = (struct roots){ .roots = all };
	add_roots(p, &roots);
	for (size_t i = 0; i + 1 < roots.count; i++)
		visit(p, all[i].address);
	const struct ph_exception *exception = ph_pickle_exception(p->report);
	if (exception)
		visit_namespaces(p, exception->traceback, exception->traceback_count);
	for (size_t i = 0; i < p->report->thread_count; i++)
		visit_namespaces(p, p->report->threads[i].frames, p->report->threads[i].frame_count);
	return ph_redactor_survey(p->redactor, p->source, all, roots.count, SURVEY_DEPTH, p->contents->pickle_objects,
				  ph_pickle_children(p));
}

struct others {
	ph_addr *addresses;
	size_t count, capacity;
	size_t of_this; /* of one node: no more than so many are written */
};

static void add_other(struct ph_pickle *p, struct others *o, ph_addr address)
{
	if (!address || o->of_this >= FOREIGN_EXPECTED || ph_pickle_find(p, address))
		return;
	if (o->count == o->capacity) {
		size_t capacity = o->capacity ? o->capacity * 2 : 4096;
		ph_addr *bigger = realloc(o->addresses, capacity * sizeof(*bigger));
		if (!bigger)
			return;
		o->addresses = bigger;
		o->capacity = capacity;
	}
	o->of_this++;
	o->addresses[o->count++] = address;
}

void ph_pickle_expect_others(struct ph_pickle *p, size_t first, size_t count)
{
	static const struct ph_value_limits own = { .characters = 1 };
	const struct ph_value_limits limits = { .children = ph_pickle_children(p), .characters = 1 };
	const struct ph_value *value = &p->value;
	struct others others = { 0 };
	if (!p->source->ops->expect)
		return;
	for (size_t i = first; i < p->count && i < first + count; i++) {
		const struct ph_pickle_node *node = &p->nodes[i];
		if (!node->memo || node->shape == SHAPE_ATOM || node->shape == SHAPE_TUPLE)
			continue;
		others.of_this = 0;
		ph_pickle_approach(p, i);
		ph_source_value(p->source, node->address, &limits, &p->value);
		ph_pickle_approach_attributes(p, value);
		for (size_t k = 0; k < value->item_count; k++)
			add_other(p, &others, value->items[k]);
		for (size_t k = 0; k < value->pair_count; k++) {
			add_other(p, &others, value->pairs[k].key);
			add_other(p, &others, value->pairs[k].value);
		}
		for (size_t k = 0; k < value->attribute_count; k++)
			if (ph_pickle_wants(node, &value->attributes[k]))
				add_other(p, &others, value->attributes[k].value);
	}
	ph_source_expect(p->source, others.addresses, others.count, &own);
	free(others.addresses);
}

/* What comes from here on; its end. */
static size_t expect(struct ph_pickle *p, size_t first)
{
	const struct ph_value_limits limits = { .children = ph_pickle_children(p), .characters = 1 };
	size_t left = p->count - first, count = left < EXPECTED ? left : EXPECTED;
	ph_auto_free ph_addr *addresses = malloc(count * sizeof(*addresses));
	for (size_t i = 0; addresses && i < count; i++)
		addresses[i] = p->nodes[first + i].address;
	if (addresses)
		ph_source_expect(p->source, addresses, count, &limits);
	return first + count;
}

struct ph_error *ph_pickle_walk(struct ph_pickle *p)
{
	struct ph_error *error = begin(p);
	size_t expected = 0;
	for (size_t i = 0; i < p->count && !error && !p->no_memory; i++) {
		if (i == expected)
			expected = expect(p, i);
		expand(p, i);
		if (i % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1)
			error = ph_progress(p->contents->callbacks, "pickle", i, p->count);
	}
	return error ? error : p->no_memory ? &ph_error_no_memory : NULL;
}
