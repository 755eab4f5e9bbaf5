/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/grouped.h"

#include "base/addrmap.h"
#include "base/cleanup.h"
#include "command/label.h"
#include "command/reference.h"
#include "record/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAXIMUM 100000

/* Places in sequences and keys of dicts are one label; names of attributes, variables and members tell. */
struct group {
	uint32_t type;	   /* of the referrer: its place among the types */
	uint32_t argument; /* PH_NO_INDEX where it does not count */
	uint8_t kind;
	bool of_namespace; /* an attribute of `type`, in its __dict__ */
	uint64_t count;
	struct ph_heap_ref example;
};

struct grouping {
	struct ph_heap_view *view;
	struct group *groups;
	size_t count, capacity;
	struct ph_addrmap places; /* hash of a group -> place + 1 */
	struct ph_addrmap owners; /* dict + 1 -> owner + 1, 0 none */
	uint8_t *wanted; /* objects: 1 of the types, 2 and referred to, 3 and by a root alone */
	uint64_t objects, unreferred, rooted, left_out;
};

static uint32_t owner_of(struct grouping *g, uint32_t dict)
{
	struct ph_heap_ref edge;
	const uint64_t *known = ph_addrmap_find(&g->owners, dict + 1ull);
	if (known)
		return (uint32_t)(*known - 1);
	uint32_t owner = ph_dict_owner(g->view, dict, &edge);
	ph_addrmap_set(&g->owners, dict + 1ull, (uint64_t)owner + 1, true);
	return owner;
}

static struct group make_group(struct grouping *g, const struct ph_heap_ref *ref)
{
	uint32_t owner = ref->kind == PH_EDGE_VALUE ? owner_of(g, ref->source) : PH_NO_INDEX;
	bool tells = owner != PH_NO_INDEX || ref->kind == PH_EDGE_ATTRIBUTE || ref->kind == PH_EDGE_SLOT ||
		     ref->kind == PH_EDGE_FIELD || ref->kind == PH_EDGE_GUESSED;
	return (struct group){
		.type = (uint32_t)ph_heap_type_place(g->view, owner != PH_NO_INDEX ? owner : ref->source),
		.argument = tells ? ref->argument : PH_NO_INDEX,
		.kind = ref->kind,
		.of_namespace = owner != PH_NO_INDEX,
		.example = *ref,
	};
}

static bool add(struct grouping *g, const struct ph_heap_ref *ref)
{
	struct group group = make_group(g, ref);
	uint64_t key = ((uint64_t)group.type << 40) ^ ((uint64_t)group.kind << 33) ^
		       ((uint64_t)group.of_namespace << 32) ^ group.argument;
	const uint64_t *place = ph_addrmap_find(&g->places, key + 1);
	if (place) {
		g->groups[*place - 1].count++;
		return true;
	}
	if (g->count == GROUPS_MAXIMUM) {
		g->left_out++;
		return true;
	}
	if (g->count == g->capacity) {
		g->capacity = g->capacity ? g->capacity * 2 : 256;
		struct group *grown = realloc(g->groups, g->capacity * sizeof(*grown));
		if (!grown)
			return false;
		g->groups = grown;
	}
	group.count = 1;
	g->groups[g->count++] = group;
	return ph_addrmap_set(&g->places, key + 1, g->count, false);
}

/* Over all edges once: of a list with a million of them, to ask each for its place in the list would take days. */
static bool add_referrers(struct grouping *g, uint32_t source)
{
	uint32_t first, end;
	struct ph_heap_ref ref;
	ph_heap_edges(g->view, source, &first, &end);
	for (uint32_t e = first; e < end; e++) {
		uint64_t target = ph_heap_get(g->view, PH_COLUMN_EDGE_TARGET, e);
		if (target >= g->view->count || !g->wanted[target] || !ph_heap_edge(g->view, source, e, &ref))
			continue;
		g->wanted[target] = 2;
		if (!add(g, &ref))
			return false;
	}
	return true;
}

static bool group_all(struct grouping *g, const bool *matching)
{
	uint32_t count = g->view->count;
	g->wanted = calloc(count + 1ull, 1);
	if (!g->wanted)
		return false;
	for (uint32_t i = 0; i < count; i++)
		g->wanted[i] = matching[ph_heap_type_place(g->view, i)];
	for (uint32_t i = 0; i < count; i++)
		if (!add_referrers(g, i))
			return false;
	for (uint32_t i = 0; i < g->view->root_count; i++) {
		struct ph_heap_root_entry root = ph_heap_root(g->view, i);
		if (root.object < count && g->wanted[root.object] == 1)
			g->wanted[root.object] = 3;
	}
	for (uint32_t i = 0; i < count; i++) {
		g->rooted += g->wanted[i] == 3;
		g->objects += g->wanted[i] != 0;
		g->unreferred += g->wanted[i] == 1;
	}
	return true;
}

static int by_count(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->example.source != y->example.source ? (x->example.source < y->example.source ? -1 : 1) :
							(x->kind > y->kind) - (x->kind < y->kind);
}

static void put_group_label(struct ph_heap_view *view, const struct group *group, struct ph_buffer *out)
{
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(8192);
	if (group->of_namespace) {
		ph_buffer_putc(out, '.');
		if (ph_label_name(view, &group->example, &name))
			ph_buffer_append(out, ph_buffer_text(&name), name.size);
	} else if (group->kind == PH_EDGE_ITEM || group->kind == PH_EDGE_VALUE) {
		ph_buffer_puts(out, "[…]");
	} else if (group->kind == PH_EDGE_LOCAL || group->kind == PH_EDGE_STACK) {
		ph_buffer_puts(out, " local or stack");
	} else {
		ph_put_label(view, &group->example, out);
	}
}

static void put_group(struct ph_heap_view *view, const struct group *group, bool as_json, struct ph_buffer *out)
{
	const struct ph_dump_type *type = group->type < view->types.count ? &view->types.types[group->type] : NULL;
	ph_auto_buffer struct ph_buffer label = PH_BUFFER(8192);
	put_group_label(view, group, &label);
	if (!as_json) {
		ph_buffer_printf(out, "%10" PRIu64 "  ", group->count);
		ph_put_type(type, out);
		ph_buffer_append(out, ph_buffer_text(&label), label.size);
		ph_buffer_printf(out, "  as 0x%" PRIx64 "\n", ph_heap_address(view, group->example.source));
		return;
	}
	struct ph_json j = ph_json(out, 0);
	ph_json_object(&j, true);
	ph_json_put_uint(&j, "count", group->count);
	ph_json_put_string(&j, "type", type ? type->name : NULL);
	ph_json_put_string(&j, "module", type ? type->module : NULL);
	ph_json_put_string(&j, "kind", ph_edge_kind_name(group->kind));
	ph_json_put_string(&j, "label", ph_buffer_text(&label));
	ph_json_put_address(&j, "example", ph_heap_address(view, group->example.source));
	ph_json_object_end(&j);
	ph_buffer_putc(out, '\n');
}

struct ph_error *ph_put_grouped(struct ph_heap_view *view, struct ph_rows *rows, const bool *matching)
{
	struct grouping g = { .view = view };
	struct ph_error *error = group_all(&g, matching) ? NULL : &ph_error_no_memory;
	if (g.count)
		qsort(g.groups, g.count, sizeof(*g.groups), by_count);
	for (size_t i = 0; !error && rows->goes_on && i < g.count; i++) {
		put_group(view, &g.groups[i], rows->as_json, &rows->text);
		error = ph_rows_next(rows);
	}
	if (!rows->as_json) {
		ph_buffer_printf(&rows->text, "%" PRIu64 " object%s", g.objects, g.objects == 1 ? "" : "s");
		if (g.rooted)
			ph_buffer_printf(&rows->text, ", %" PRIu64 " of them held by roots alone", g.rooted);
		if (g.unreferred)
			ph_buffer_printf(&rows->text, ", %" PRIu64 " of them without a referrer", g.unreferred);
		if (g.left_out)
			ph_buffer_printf(&rows->text, "; %" PRIu64 " references of further kinds", g.left_out);
		ph_buffer_putc(&rows->text, '\n');
	}
	free(g.groups);
	free(g.wanted);
	ph_addrmap_deinit(&g.places);
	ph_addrmap_deinit(&g.owners);
	return error;
}
