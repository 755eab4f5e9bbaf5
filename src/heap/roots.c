/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roots: what the interpreters hold. */
#include "heap/roots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define STATE_MAXIMUM ((uint64_t)4 << 20) /* bytes of an interpreter's state */

void ph_roots_give(struct ph_roots *r, ph_addr address, unsigned kind, const char *format, ...)
{
	uint64_t index;
	va_list ap;
	if (r->error || !ph_heap_find(r->heap, address, &index))
		return;
	if (r->given == PH_ROOTS_MAXIMUM) {
		ph_damage_add(r->target->damage, PH_DAMAGE_HEAP, "roots", "more than %d", PH_ROOTS_MAXIMUM);
		return;
	}
	r->given++;
	ph_buffer_clear(&r->name);
	va_start(ap, format);
	ph_buffer_vprintf(&r->name, format, ap);
	va_end(ap);
	if (r->name.no_memory) {
		r->error = &ph_error_no_memory;
		return;
	}
	struct ph_heap_root root = { .address = address, .kind = (uint8_t)kind, .name = ph_buffer_text(&r->name) };
	r->error = r->sink->root(r->sink->self, &root);
}

/* The member of a struct at an offset: "modules"; NULL.  Members follow the size of their struct. */
static const char *member_name(const struct ph_target *t, enum ph_field size, uint64_t offset)
{
	const char *structure = ph_field_name(size) + strlen("sizeof ");
	size_t length = strlen(structure);
	for (unsigned f = (unsigned)size + 1; f < PH_FIELD_COUNT; f++) {
		const char *name = ph_field_name((enum ph_field)f);
		if (strncmp(name, structure, length) || name[length] != '.')
			return NULL;
		if (ph_target_has(t, (enum ph_field)f) && (uint64_t)t->layout.slots[f].offset == offset)
			return name + length + 1;
	}
	return NULL;
}

/* An entry of the cache of methods: a version below 2**32, the name, what it was (borrowed).  Objects/typeobject.c */
static bool is_type_cache(const struct ph_roots *r, ph_addr version, ph_addr name, ph_addr value)
{
	uint64_t index;
	if (!version || version >> 32 || !ph_heap_find(r->heap, name, &index))
		return false;
	const struct ph_type *type = ph_object_type(r->objects, name);
	return type && type->kind == PH_KIND_STR && (!value || ph_heap_find(r->heap, value, &index));
}

void ph_roots_struct(struct ph_roots *r, ph_addr address, enum ph_field size_of, unsigned kind, const char *what)
{
	const struct ph_target *t = r->target;
	uint64_t width = t->layout.abi.pointer_size, index;
	size_t size = ph_target_sizeof(t, size_of);
	size_t readable = ph_image_readable(t->image, address, size < STATE_MAXIMUM ? size : STATE_MAXIMUM);
	ph_addr before = 0;
	for (uint64_t at = 0; !r->error && at + width <= readable; at += width) {
		ph_addr word, next = 0;
		if (ph_target_read_ptr(t, address + at, &word) != PH_OK)
			break;
		ph_addr last = before;
		before = word;
		if (!ph_heap_find(r->heap, word, &index))
			continue;
		ph_addr end = ph_roots_ring_end(r, address + at);
		if (!end && size_of == PH_SIZEOF_PyInterpreterState)
			end = ph_roots_free_list_of_state(r, address, address + at);
		if (end) {
			at = end - address - width;
			continue;
		}
		if (last && !(last >> 32) && at + 2 * width <= readable &&
		    ph_target_read_ptr(t, address + at + width, &next) == PH_OK && is_type_cache(r, last, word, next)) {
			ph_roots_give(r, word, PH_ROOT_INTERNED, "%s: cache of methods", what);
			at += width;
			continue;
		}
		const char *member = member_name(t, size_of, at);
		/* the thread state borrows its frame from the evaluation */
		bool borrowed = kind == PH_ROOT_THREAD && member && !strcmp(member, "frame");
		bool hooks = size_of == PH_SIZEOF_PyInterpreterState && member && !strcmp(member, "audit_hooks");
		if (hooks)
			ph_roots_give(r, word, PH_ROOT_AUDIT_HOOK, "%s: audit hooks", what);
		else if (member)
			ph_roots_give(r, word, kind | (borrowed ? PH_ROOT_UNCOUNTED : 0), "%s: %s", what, member);
		else
			ph_roots_give(r, word, kind, "%s+0x%" PRIx64, what, at);
	}
}

/* sys.modules by name, and builtins. */
static void give_modules(struct ph_roots *r, const struct ph_interp_state *interp, const char *of)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	if (interp->modules && ph_dict_begin(r->objects, interp->modules, &iter) == PH_OK)
		while (!r->error && ph_dict_next(&iter, &key, &value)) {
			ph_auto_buffer struct ph_buffer name = PH_BUFFER(4096);
			if (ph_str_read(r->objects, key, 1000, &name) != PH_OK)
				continue;
			ph_roots_give(r, value, PH_ROOT_MODULE | PH_ROOT_UNCOUNTED, "module %s%s",
				      ph_roots_word(r, ph_buffer_text(&name)), of);
		}
	ph_roots_give(r, interp->builtins, PH_ROOT_BUILTINS | PH_ROOT_UNCOUNTED, "builtins%s", of);
}

static void give_audit_hooks(struct ph_roots *r)
{
	enum { MAXIMUM = 1000 };
	/* _Py_AuditHookEntry: next, hookCFunction, userData (Include/internal/pycore_interp.h, pycore_runtime.h) */
	const struct ph_target *t = r->target;
	uint64_t width = t->layout.abi.pointer_size;
	ph_addr at = 0, data;
	if (ph_target_ptr(t, t->runtime, PH_PyRuntimeState_audit_hook_head, &at) != PH_OK &&
	    ph_target_ptr(t, t->runtime, PH_PyRuntimeState_audit_hooks_head, &at) != PH_OK)
		return;
	for (unsigned i = 0; at && i < MAXIMUM && ph_target_read_ptr(t, at + 2 * width, &data) == PH_OK; i++) {
		ph_roots_give(r, data, PH_ROOT_AUDIT_HOOK, "audit hook %u", i);
		if (ph_target_read_ptr(t, at, &at) != PH_OK)
			return;
	}
}

/* What gc.freeze() set apart. */
static void give_permanent(struct ph_roots *r, const struct ph_interp_state *interp)
{
	const struct ph_target *t = r->target;
	ph_addr gc = ph_target_trait(t, PH_TRAIT_GC_PER_INTERPRETER)
			     ? ph_target_at(t, interp->address, PH_PyInterpreterState_gc)
			     : ph_target_at(t, t->runtime, PH_PyRuntimeState_gc);
	ph_addr head = gc ? ph_target_at(t, gc, PH_gc_runtime_state_permanent_generation) : 0, at = head;
	size_t size = ph_target_sizeof(t, PH_SIZEOF_PyGC_Head);
	for (uint64_t i = 0; head && i <= r->heap->count; i++) {
		if (ph_target_ptr(t, at, PH_PyGC_Head__gc_next, &at) != PH_OK)
			return;
		at &= ~(ph_addr)7;
		if (at == head || !at)
			return;
		ph_roots_give(r, at + size, PH_ROOT_PERMANENT | PH_ROOT_UNCOUNTED, "permanent generation");
	}
}

static void give_interpreters(struct ph_roots *r)
{
	const struct ph_interp_state *interps;
	size_t count = r->runtime ? ph_runtime_interpreters(r->runtime, &interps) : 0;
	for (size_t i = 0; i < count && !r->error; i++) {
		char what[64], of[64] = "";
		snprintf(what, sizeof(what), "interpreter %" PRId64, interps[i].id);
		if (count > 1)
			snprintf(of, sizeof(of), " of interpreter %" PRId64, interps[i].id);
		give_modules(r, &interps[i], of);
		ph_roots_struct(r, interps[i].address, PH_SIZEOF_PyInterpreterState, PH_ROOT_INTERPRETER, what);
		give_permanent(r, &interps[i]);
	}
	ph_roots_pending(r);
	give_audit_hooks(r);
}

const char *ph_roots_thread_name(struct ph_roots *r, const struct ph_thread_state *thread)
{
	const char *name = ph_runtime_thread_name(r->runtime, thread, &r->arena);
	if (name)
		return ph_roots_word(r, name);
	name = ph_arena_printf(&r->arena, "%" PRIu64, thread->native_id ? (uint64_t)thread->native_id : thread->id);
	return name ? name : "?";
}

struct ph_error *ph_heap_roots(struct ph_heap *heap, struct ph_runtime *runtime, const struct ph_root_sink *sink)
{
	struct ph_roots roots = {
		.heap = heap,
		.objects = heap->objects,
		.target = heap->target,
		.runtime = runtime,
		.sink = sink,
		.name = PH_BUFFER(8192),
	};
	if (runtime)
		ph_roots_threads(&roots);
	give_interpreters(&roots);
	ph_roots_modules_data(&roots);
	ph_roots_native(&roots);
	ph_buffer_deinit(&roots.name);
	ph_arena_deinit(&roots.arena);
	return roots.error;
}
