/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lists of the cyclic garbage collector: circles of heads that precede their objects.  Modules/gcmodule.c, since
 * 3.13 Python/gc.c.  And what there is in their place in free-threaded builds. */
#include "runtime/internal.h"

#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "runtime/mimalloc.h"

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
	return link & ~PH_GC_NEXT_FLAGS;
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

/* ---- free-threaded builds have no lists: the collector walks the threads' heaps (Python/gc_free_threading.c) ---- */

#define DEBUG_HEAD 16

/* PYTHONMALLOC=debug: the number of bytes, a letter, and seven that nothing may change (Objects/obmalloc.c). */
static bool has_debug_head(const struct ph_target *t, ph_addr block)
{
	static const uint8_t forbidden[7] = { 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd, 0xfd };
	const uint8_t *data = ph_image_look(t->image, block, DEBUG_HEAD);
	return data && !memcmp(data + 9, forbidden, sizeof(forbidden));
}

/* False: the walk is to end. */
static bool walk_page(const struct ph_target *t, const struct ph_mi_page *page,
		      bool (*each)(void *user, ph_addr object, ph_addr type), void *user)
{
	enum { TRACKED = 1 }; /* _PyGC_BITS_TRACKED of Include/internal/pycore_gc.h */
	uint64_t free_blocks[PH_MI_BLOCKS / 64], bits;
	uint64_t front = page->tag == PH_MI_GC_PRE_OBJECTS ? 2u * t->layout.abi.pointer_size : 0;
	ph_addr type;
	(void)ph_mi_free_blocks(t, page, free_blocks);
	for (unsigned i = 0; i < page->capacity; i++) {
		ph_addr object = page->start + i * page->block_size + front;
		if (free_blocks[i / 64] >> i % 64 & 1)
			continue;
		object += has_debug_head(t, object - front) ? DEBUG_HEAD : 0;
		if (ph_target_uint(t, object, PH_PyObject_ob_gc_bits, &bits) == PH_OK && bits & TRACKED &&
		    ph_target_ptr(t, object, PH_PyObject_ob_type, &type) == PH_OK && !each(user, object, type))
			return false;
	}
	return true;
}

static void walk_heaps(struct ph_target *t, bool (*each)(void *user, ph_addr object, ph_addr type), void *user)
{
	struct ph_mimalloc mimalloc;
	struct ph_error *error = ph_mimalloc_find(t, &mimalloc);
	if (error) {
		ph_error_free(error);
		return;
	}
	for (size_t i = 0; i < mimalloc.page_count; i++) {
		unsigned tag = mimalloc.pages[i].tag;
		if ((tag == PH_MI_GC_OBJECTS || tag == PH_MI_GC_PRE_OBJECTS) &&
		    !walk_page(t, &mimalloc.pages[i], each, user))
			break;
	}
	ph_mimalloc_deinit(&mimalloc);
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
	if (ph_target_trait(target, PH_TRAIT_GC_NO_HEAD) > 0)
		walk_heaps(target, each, user);
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
