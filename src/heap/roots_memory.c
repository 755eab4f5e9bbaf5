/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots: words of memory that native code allocated, as claims.c came by them from the data of modules, the states of
 * interpreters and threads, native stacks, and objects of unknown layout. */
#include "heap/memory.h"
#include "heap/roots.h"

#include <inttypes.h>
#include <stdio.h>

/* PyArena of a script that runs: a_head and a_cur, each a block {ab_size, ab_offset, ab_next, ab_mem} with its memory
 * right behind; a_objects, a list.  pyrun_file() has it on its stack (Python/pyarena.c, Python/pythonrun.c). */
static bool is_parser_arena(const struct ph_roots *r, const struct ph_native_ref *ref)
{
	const struct ph_target *t = r->target;
	uint64_t width = t->layout.abi.pointer_size, size, offset, memory;
	ph_addr blocks[2], objects;
	if (ph_target_read_ptr(t, ref->block + 2 * width, &objects) != PH_OK || objects != ref->object)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		if (ph_target_read_ptr(t, ref->block + i * width, &blocks[i]) != PH_OK ||
		    ph_target_read_ptr(t, blocks[i], &size) != PH_OK ||
		    ph_target_read_ptr(t, blocks[i] + width, &offset) != PH_OK ||
		    ph_target_read_ptr(t, blocks[i] + 3 * width, &memory) != PH_OK)
			return false;
		if (offset > size || memory < blocks[i] + 4 * width || memory > blocks[i] + 6 * width)
			return false;
	}
	const struct ph_type *type = ph_object_type(r->objects, objects);
	return type && type->kind == PH_KIND_LIST;
}

/* Of one arena: memory where the syntax tree lies, whose words are borrowed from the list. */
static void add_tree(const struct ph_roots *r, ph_addr arena, struct ph_addrset *trees)
{
	enum { BLOCKS_MAXIMUM = 1 << 20 };
	uint64_t width = r->target->layout.abi.pointer_size;
	ph_addr block;
	if (ph_target_read_ptr(r->target, arena, &block) != PH_OK)
		return;
	for (unsigned i = 0; i < BLOCKS_MAXIMUM && block && !(block & ph_addrset_low_bits(trees)); i++)
		if (!ph_addrset_add(trees, block) || ph_target_read_ptr(r->target, block + 2 * width, &block) != PH_OK)
			return;
}

/* Of an object of known layout it is known what it refers to: other words there are borrowed or left over, as those of
 * a frame that a generator keeps.  Metaclasses of C add to types what nobody knows. */
static bool is_opaque(const struct ph_roots *r, ph_addr object)
{
	const struct ph_shape *shape = object ? ph_heap_shape(r->heap, object) : NULL;
	return shape && (shape->is_guess || shape->is_type);
}

/* The state of an interpreter or a thread, behind what a debugging malloc puts there: roots.c has its words by name. */
static bool is_state(const struct ph_roots *r, ph_addr block)
{
	enum { FRONT_MAXIMUM = 64 };
	const struct ph_interp_state *interps;
	const struct ph_thread_state *threads;
	size_t count = r->runtime ? ph_runtime_interpreters(r->runtime, &interps) : 0;
	for (size_t i = 0; i < count; i++)
		if (interps[i].address - block < FRONT_MAXIMUM)
			return true;
	count = r->runtime ? ph_runtime_threads(r->runtime, &threads) : 0;
	for (size_t i = 0; i < count; i++)
		if (threads[i].address - block < FRONT_MAXIMUM)
			return true;
	return false;
}

static void give(struct ph_roots *r, const struct ph_native_ref *ref)
{
	const struct ph_interp_state *interps;
	const struct ph_thread_state *states;
	const struct ph_native_thread *threads;
	char place[PH_ROOTS_PLACE];
	switch ((enum ph_native_origin)ref->from) {
	case PH_FROM_OBJECT:
		if (ref->origin != ref->object && is_opaque(r, ref->origin))
			ph_roots_give(r, ref->object, PH_ROOT_OBJECT_MEMORY | PH_ROOT_UNCOUNTED,
				      "memory 0x%" PRIx64 " of the object 0x%" PRIx64, ref->block, ref->origin);
		return;
	case PH_FROM_DATA:
		ph_roots_place(r, ph_image_module_at(r->target->image, ref->origin), ref->origin, place);
		ph_roots_give(r, ref->object, PH_ROOT_NATIVE, "%s → memory 0x%" PRIx64, place, ref->block);
		return;
	case PH_FROM_INTERPRETER:
		(void)ph_runtime_interpreters(r->runtime, &interps);
		ph_roots_give(r, ref->object, PH_ROOT_NATIVE, "interpreter %" PRId64 "+0x%" PRIx64 " → memory 0x%" PRIx64,
			      interps[ref->thread].id, ref->origin - interps[ref->thread].address, ref->block);
		return;
	case PH_FROM_THREAD:
		(void)ph_runtime_threads(r->runtime, &states);
		ph_roots_give(r, ref->object, PH_ROOT_NATIVE, "thread %s+0x%" PRIx64 " → memory 0x%" PRIx64,
			      ph_roots_thread_name(r, &states[ref->thread]),
			      ref->origin - states[ref->thread].address, ref->block);
		return;
	case PH_FROM_FREED:
		return;
	case PH_FROM_STACK:
		(void)ph_image_threads(r->target->image, &threads);
		const char *name = ph_roots_native_name(r, ref->thread, threads[ref->thread].tid);
		if (is_parser_arena(r, ref))
			ph_roots_give(r, ref->object, PH_ROOT_NATIVE, "thread %s: arena of the parser", name);
		else
			ph_roots_give(r, ref->object, PH_ROOT_NATIVE, "native stack of thread %s → memory 0x%" PRIx64,
				      name, ref->block);
	}
}

struct ph_error *ph_account_roots(struct ph_account *account, const struct ph_root_sink *sink)
{
	struct ph_roots roots = {
		.heap = account->heap,
		.objects = account->heap->objects,
		.target = account->target,
		.runtime = account->runtime,
		.sink = sink,
		.name = PH_BUFFER(8192),
	};
	struct ph_addrset trees = { .scale = account->heap->set.scale };
	ph_account_natives(account);
	for (size_t i = 0; i < account->ref_count; i++)
		if (account->refs[i].from == PH_FROM_STACK && is_parser_arena(&roots, &account->refs[i]))
			add_tree(&roots, account->refs[i].block, &trees);
	for (size_t i = 0; !roots.error && i < account->ref_count; i++)
		if (!ph_addrset_has(&trees, account->refs[i].block) && !is_state(&roots, account->refs[i].block))
			give(&roots, &account->refs[i]);
	if (trees.no_memory && !roots.error)
		roots.error = &ph_error_no_memory;
	ph_addrset_deinit(&trees);
	ph_buffer_deinit(&roots.name);
	ph_arena_deinit(&roots.arena);
	return roots.error;
}
