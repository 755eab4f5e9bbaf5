/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/tree.h"
#include "command/retain.h"

#include "base/addrmap.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "command/label.h"
#include "command/reference.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAXIMUM 64
#define CHILDREN_SHOWN 20    /* of a text, a level */
#define CHILDREN_MAXIMUM 1000 /* of JSON, as of the closure */
#define OBJECTS_MAXIMUM 100000 /* of one JSON */

/* ---- children: edges, with those of a __dict__ in its place ---- */

struct children {
	struct ph_heap_view *view;
	uint32_t object, at, end;
	uint32_t namespace; /* the edges are this dict's, PH_NO_INDEX: the object's own */
	uint32_t back_at, back_end; /* where the object's own go on */
};

static struct children children_of(struct ph_heap_view *view, uint32_t object)
{
	struct children c = { .view = view, .object = object, .namespace = PH_NO_INDEX };
	ph_heap_edges(view, object, &c.at, &c.end);
	return c;
}

/* Keys are told by their values; classes and their namespaces are not looked into: of a type everything hangs on. */
static bool next_child(struct children *c, struct ph_heap_ref *ret)
{
	for (;;) {
		if (c->at == c->end) {
			if (c->namespace == PH_NO_INDEX)
				return false;
			c->namespace = PH_NO_INDEX;
			c->at = c->back_at, c->end = c->back_end;
			continue;
		}
		uint32_t source = c->namespace == PH_NO_INDEX ? c->object : c->namespace;
		if (!ph_heap_edge(c->view, source, c->at++, ret) || ret->kind == PH_EDGE_KEY)
			continue;
		if (c->namespace != PH_NO_INDEX || !ph_is_namespace(c->view, ret))
			return true;
		c->namespace = ret->target;
		c->back_at = c->at, c->back_end = c->end;
		ph_heap_edges(c->view, ret->target, &c->at, &c->end);
	}
}

/* ---- text ---- */

struct level {
	struct children children;
	uint64_t shown;
};

static void put_header(struct ph_heap_view *view, uint32_t object, struct ph_buffer *out)
{
	int64_t size = ph_heap_size(view, object), count = ph_heap_refcount(view, object),
		len = ph_heap_len(view, object), held = ph_heap_held(view, object);
	ph_buffer_printf(out, "0x%" PRIx64 " ", ph_heap_address(view, object));
	ph_put_type(ph_heap_type(view, object), out);
	if (len >= 0)
		ph_buffer_printf(out, ", len %" PRId64, len);
	if (size >= 0)
		ph_buffer_printf(out, ", %" PRId64 " bytes", size);
	if (held >= 0)
		ph_buffer_printf(out, ", held %" PRId64 " bytes", held);
	if (view->retained)
		ph_buffer_printf(out, ", retains %" PRId64, ph_heap_retained(view, object));
	if (ph_heap_is_immortal(view, object))
		ph_buffer_puts(out, ", immortal");
	else if (count >= 0)
		ph_buffer_printf(out, ", refcount %" PRId64 "%s", count, ph_heap_deferred(view, object));
	size_t before = out->size;
	ph_buffer_puts(out, "\n  ");
	if (ph_put_value(view, object, 200, out) || ph_put_own_name(view, object, out))
		ph_buffer_putc(out, '\n');
	else
		out->size = before + 1;
}

static void put_child(struct ph_heap_view *view, const struct children *c, const struct ph_heap_ref *ref, size_t depth,
		      struct ph_buffer *out)
{
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	ph_buffer_printf(out, "%*s", (int)(2 * depth), "");
	if (c->namespace != PH_NO_INDEX && ph_label_name(view, ref, &name))
		ph_buffer_printf(out, ".%s", ph_buffer_text(&name));
	else
		ph_put_label(view, ref, out);
	ph_buffer_printf(out, "  0x%" PRIx64 "  ", ph_heap_address(view, ref->target));
	ph_put_object(view, ref->target, out);
	ph_buffer_puts(out, ph_edge_is_guess(ref->kind) ? " (guessed)\n" : "\n");
}

static bool is_open(const struct level *levels, size_t count, uint32_t object)
{
	for (size_t i = 0; i < count; i++)
		if (levels[i].children.object == object)
			return true;
	return false;
}

static void put_rest(struct level *level, size_t depth, struct ph_buffer *out)
{
	struct ph_heap_ref ref;
	uint64_t more = 0;
	while (next_child(&level->children, &ref))
		more++;
	if (more)
		ph_buffer_printf(out, "%*s… and %" PRIu64 " more\n", (int)(2 * depth), "", more);
}

struct ph_error *ph_put_tree(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object, uint64_t depth)
{
	struct level levels[DEPTH_MAXIMUM];
	struct ph_error *error = NULL;
	size_t count = 1;
	if (depth > DEPTH_MAXIMUM)
		depth = DEPTH_MAXIMUM;
	put_header(view, object, &rows->text);
	levels[0] = (struct level){ .children = children_of(view, object) };
	while (!error && rows->goes_on && count && depth) {
		struct level *level = &levels[count - 1];
		struct ph_heap_ref ref;
		if (level->shown == CHILDREN_SHOWN)
			put_rest(level, count, &rows->text);
		if (!next_child(&level->children, &ref)) {
			count--;
			continue;
		}
		level->shown++;
		put_child(view, &level->children, &ref, count, &rows->text);
		if (count < depth && !is_open(levels, count, ref.target) && !ph_heap_view_type(view, ref.target))
			levels[count++] = (struct level){ .children = children_of(view, ref.target) };
		error = ph_rows_next(rows);
	}
	return error;
}

/* ---- JSON: as an object of the closure ---- */

static bool is_pair(const struct children *c, const struct ph_heap_ref *ref)
{
	return ref->kind == PH_EDGE_VALUE && c->namespace == PH_NO_INDEX;
}

static void add_child(struct ph_heap_view *view, const struct children *c, const struct ph_heap_ref *ref,
		      struct ph_object *o, struct ph_arena *arena)
{
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	ph_addr target = ph_heap_address(view, ref->target);
	if (ref->kind == PH_EDGE_ITEM && o->item_count < CHILDREN_MAXIMUM) {
		o->items[o->item_count++] = target;
		o->has_items = true;
	} else if (is_pair(c, ref) && o->pair_count < CHILDREN_MAXIMUM) {
		o->pairs[o->pair_count][0] = ref->argument < view->count ? ph_heap_address(view, ref->argument) : 0;
		o->pairs[o->pair_count++][1] = target;
		o->has_pairs = true;
	} else if (ref->kind != PH_EDGE_ITEM && !is_pair(c, ref) && o->attribute_count < CHILDREN_MAXIMUM &&
		   ph_label_name(view, ref, &name)) {
		struct ph_object_attribute *a = &o->attributes[o->attribute_count++];
		a->name = ph_arena_strndup(arena, ph_buffer_text(&name), name.size);
		a->value = target;
	} else {
		o->truncated = true;
	}
}

bool ph_add_guessed(struct ph_heap_view *view, uint32_t object, struct ph_object *o, struct ph_arena *arena)
{
	uint32_t first, end;
	struct ph_heap_ref ref;
	ph_heap_edges(view, object, &first, &end);
	for (uint32_t e = first; e < end; e++) {
		if (!ph_heap_edge(view, object, e, &ref) || !ph_edge_is_guess(ref.kind))
			continue;
		if (o->guessed_count == CHILDREN_MAXIMUM) {
			o->truncated = true;
			break;
		}
		if (!o->guessed)
			o->guessed = ph_arena_array(arena, ph_addr, CHILDREN_MAXIMUM);
		if (!o->guessed)
			return false;
		o->guessed[o->guessed_count++] = ph_heap_address(view, ref.target);
	}
	return true;
}

static void set_texts(struct ph_heap_view *view, uint32_t object, struct ph_object *o, struct ph_arena *arena)
{
	const struct ph_dump_type *type = ph_heap_type(view, object);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(65536);
	o->type = type ? type->name : "?";
	o->module = type ? type->module : NULL;
	if (ph_heap_value(view, object, &text))
		o->value = ph_arena_strndup(arena, ph_buffer_text(&text), text.size);
	ph_buffer_clear(&text);
	if (!ph_put_value(view, object, 1000, &text)) {
		ph_buffer_putc(&text, '<');
		ph_put_object(view, object, &text);
		ph_buffer_printf(&text, " at 0x%" PRIx64 ">", o->address);
		o->truncated = true;
	}
	o->repr = ph_arena_strndup(arena, ph_buffer_text(&text), text.size);
}

static struct ph_error *put_json(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object)
{
	struct ph_arena arena = { 0 };
	int64_t size = ph_heap_size(view, object), count = ph_heap_refcount(view, object),
		len = ph_heap_len(view, object), held = ph_heap_held(view, object);
	bool immortal = ph_heap_flags(view, object) & PH_OBJECT_IMMORTAL;
	struct ph_object o = {
		.address = ph_heap_address(view, object),
		.size = size < 0 ? INT64_MIN : size,
		.has_held = held >= 0,
		.held = held,
		.retained = view->retained ? ph_heap_retained(view, object) : 0,
		.refcount = count < 0 && !immortal ? INT64_MIN : count,
		.len = len < 0 ? INT64_MIN : len,
		.items = ph_arena_array(&arena, ph_addr, CHILDREN_MAXIMUM),
		.pairs = ph_arena_calloc(&arena, CHILDREN_MAXIMUM, sizeof(*o.pairs)),
		.attributes = ph_arena_array(&arena, struct ph_object_attribute, CHILDREN_MAXIMUM),
	};
	struct children c = children_of(view, object);
	struct ph_heap_ref ref;
	if (!arena.no_memory) {
		set_texts(view, object, &o, &arena);
		while (next_child(&c, &ref))
			if (!ph_edge_is_guess(ref.kind))
				add_child(view, &c, &ref, &o, &arena);
	}
	if (!arena.no_memory && ph_add_guessed(view, object, &o, &arena))
		ph_object_json(&o, &rows->text);
	bool failed = arena.no_memory;
	ph_arena_deinit(&arena);
	return failed ? &ph_error_no_memory : ph_rows_next(rows);
}

/* Breadth first; `queue` grows. */
struct ph_error *ph_put_tree_json(struct ph_heap_view *view, struct ph_rows *rows, uint32_t object, uint64_t depth)
{
	struct ph_addrmap seen = { .maximum = OBJECTS_MAXIMUM };
	ph_auto_free uint32_t *queue = malloc(OBJECTS_MAXIMUM * sizeof(*queue));
	size_t head = 0, tail = 0, level_end = 1;
	struct ph_error *error = queue ? NULL : &ph_error_no_memory;
	if (!error && ph_addrmap_add(&seen, object + 1ull))
		queue[tail++] = object;
	while (!error && rows->goes_on && head < tail) {
		if (head == level_end) {
			level_end = tail;
			depth--;
		}
		struct children c = children_of(view, queue[head]);
		struct ph_heap_ref ref;
		while (depth > 1 && tail < OBJECTS_MAXIMUM && next_child(&c, &ref))
			if (ph_addrmap_add(&seen, ref.target + 1ull))
				queue[tail++] = ref.target;
		error = put_json(view, rows, queue[head++]);
	}
	ph_addrmap_deinit(&seen);
	return error;
}
