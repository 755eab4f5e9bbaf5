/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lists of the cyclic garbage collector: circles of heads that precede their objects.  Modules/gcmodule.c, since
 * 3.13 Python/gc.c. */
#include "runtime/internal.h"

#include "base/cursor.h"

#define MAX_STARTS 256
/* A circle longer than that is none. */
#define MAX_OBJECTS UINT64_C(2000000000)

struct circles {
	struct ph_runtime *runtime;
	size_t head_size, next_offset, type_offset, width;
	bool (*each)(void *user, ph_addr object, ph_addr type);
	void *user;
	bool ended;
	struct ph_addrmap starts; /* address of a head -> 1 when its circle was walked */
};

/* Up to 3.7 (gc.gc_next) the link is plain, since 3.8 its low bits are flags. */
static ph_addr link_of(ph_addr link)
{
	return link & ~(ph_addr)7;
}

static void walk(struct circles *c, ph_addr start)
{
	struct ph_image *image = c->runtime->image;
	bool big_endian = c->runtime->target->layout.abi.big_endian;
	size_t size = c->head_size + c->type_offset + c->width;
	ph_addr node = start, anchor = 0;
	uint64_t steps = 0, power = 1;

	for (uint64_t i = 0; node && i < MAX_OBJECTS; i++) {
		const uint8_t *data = ph_image_view(image, node, size);
		uint64_t *known = ph_addrmap_find(&c->starts, node);
		if (known)
			*known = 1;
		if (!data) {
			ph_damage_add(c->runtime->target->damage, PH_DAMAGE_HEAP, "gc", "a list of objects: %s",
				      ph_status_text(PH_UNMAPPED));
			return;
		}
		/* that of the list itself has no object behind it: what is there is taken for none */
		if (!c->each(c->user, node + c->head_size,
			     ph_load_uint(data + c->head_size + c->type_offset, c->width, big_endian))) {
			c->ended = true;
			return;
		}
		node = link_of(ph_load_uint(data + c->next_offset, c->width, big_endian));
		/* back at the start, or in a circle that does not lead there */
		if (node == start || node == anchor)
			return;
		if (++steps == power) {
			anchor = node;
			power *= 2;
			steps = 0;
		}
	}
}

static void add_start(struct circles *c, ph_addr head)
{
	if (head && c->starts.count < MAX_STARTS)
		(void)ph_addrmap_add(&c->starts, head);
}

static void add_object(struct circles *c, ph_addr object)
{
	const struct ph_type *type = object ? ph_object_type(c->runtime->objects, object) : NULL;
	int32_t bit = ph_target_trait(c->runtime->target, PH_TRAIT_TPFLAG_HAVE_GC);
	ph_addr link = 0;
	/* a dict of atoms is not tracked: its links are 0 */
	if (type && bit >= 0 && type->flags >> bit & 1 &&
	    ph_target_read_ptr(c->runtime->target, object - c->head_size + c->next_offset, &link) == PH_OK &&
	    link_of(link))
		add_start(c, object - c->head_size);
}

static void add_generations(struct circles *c, const struct ph_interp_state *interp)
{
	struct ph_target *target = c->runtime->target;
	ph_addr gc = ph_target_trait(target, PH_TRAIT_GC_PER_INTERPRETER) > 0 ?
			     ph_target_at(target, interp->address, PH_PyInterpreterState_gc) :
			     ph_target_at(target, target->runtime, PH_PyRuntimeState_gc);
	ph_addr generations = ph_runtime_generations(target, gc);
	for (int32_t i = 0; generations && i < ph_target_trait(target, PH_TRAIT_GC_GENERATIONS); i++)
		add_start(c, generations + (ph_addr)i * ph_target_sizeof(target, PH_SIZEOF_gc_generation));
	if (gc)
		add_start(c, ph_target_at(target, gc, PH_gc_runtime_state_permanent_generation));
	/* 2.7 and 3.6: generation 0, behind a pointer; the others follow it */
	ph_addr symbol = generations ? 0 : ph_image_symbol(c->runtime->image, target->module, "_PyGC_generation0"),
		first;
	if (symbol && ph_target_read_ptr(target, symbol, &first) == PH_OK && first)
		for (int32_t i = 0; i < ph_target_trait(target, PH_TRAIT_GC_GENERATIONS); i++)
			add_start(c, first + (ph_addr)i * ph_target_sizeof(target, PH_SIZEOF_gc_generation));
}

/* What is known to be in a list leads to all others of it, also when the collector had unhooked the list. */
static void add_known(struct circles *c, const struct ph_interp_state *interp)
{
	add_object(c, interp->modules);
	add_object(c, interp->sysdict);
	add_object(c, interp->builtins);
	for (size_t i = 0; i < c->runtime->thread_count; i++) {
		struct ph_frame_state frame;
		const struct ph_thread_state *thread = &c->runtime->threads[i];
		if (c->runtime->interps + thread->interpreter != interp ||
		    ph_runtime_innermost(c->runtime, thread->address, &frame) != PH_OK)
			continue;
		add_object(c, frame.frame_object);
		add_object(c, frame.namespace);
	}
}

void ph_runtime_gc_objects(struct ph_runtime *runtime, const struct ph_interp_state *interp,
			   bool (*each)(void *user, ph_addr object, ph_addr type), void *user)
{
	struct ph_target *target = runtime->target;
	enum ph_field next =
		ph_target_has(target, PH_PyGC_Head__gc_next) ? PH_PyGC_Head__gc_next : PH_PyGC_Head_gc_gc_next;
	struct circles c = {
		.runtime = runtime,
		.head_size = ph_target_sizeof(target, PH_SIZEOF_PyGC_Head),
		.next_offset = (size_t)ph_target_at(target, 0, next),
		.type_offset = (size_t)ph_target_at(target, 0, PH_PyObject_ob_type),
		.width = target->layout.abi.pointer_size,
		.each = each,
		.user = user,
	};
	if (ph_target_trait(target, PH_TRAIT_GC_NO_HEAD) > 0 || !c.head_size)
		return;
	add_generations(&c, interp);
	add_known(&c, interp);
	for (size_t i = 0; i < c.starts.capacity && !c.ended; i++) {
		ph_addr start = c.starts.slots[i].key;
		uint64_t *walked = start ? ph_addrmap_find(&c.starts, start) : NULL;
		if (walked && !*walked)
			walk(&c, start);
	}
	ph_addrmap_deinit(&c.starts);
}
