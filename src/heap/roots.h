/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The roots of a heap: every reference to one of its objects that no object holds. */
#ifndef HEAP_ROOTS_H
#define HEAP_ROOTS_H

#include "base/buffer.h"
#include "heap/heap.h"
#include "record/root.h"

/* Gives every root to the sink; at most PH_ROOTS_MAXIMUM, the rest is counted as damage.  runtime NULL: without
 * interpreters and threads. */
#define PH_ROOTS_MAXIMUM (1 << 24)
struct ph_error *ph_heap_roots(struct ph_heap *heap, struct ph_runtime *runtime, const struct ph_root_sink *sink)
	__attribute__((warn_unused_result));

/* ---- between the files of this room ---- */

struct ph_roots {
	struct ph_heap *heap;
	struct ph_objects *objects;
	const struct ph_target *target;
	struct ph_runtime *runtime;
	const struct ph_root_sink *sink;
	struct ph_error *error; /* the sink's, or ours: nothing is given after it */
	struct ph_arena arena;	/* names of threads */
	struct ph_buffer name;
	uint64_t given;
};

/* When the address is an object of the heap. */
void ph_roots_give(struct ph_roots *roots, ph_addr address, unsigned kind, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* "MainThread", or "thread 1234" without the word thread: what a root's name calls it. */
const char *ph_roots_thread_name(struct ph_roots *roots, const struct ph_thread_state *thread);
/* A text of the process as the sink lets it stand in a name. */
static inline const char *ph_roots_word(const struct ph_roots *roots, const char *text)
{
	return roots->sink->word ? roots->sink->word(roots->sink->self, text) : text;
}
/* "static_types+0x8 of libfoo.so", "libfoo.so+0x1234": of a word of a module's data; module NULL unknown. */
#define PH_ROOTS_PLACE 512 /* bytes */
const char *ph_roots_place(const struct ph_roots *roots, const struct ph_module *module, ph_addr at,
			   char buffer[PH_ROOTS_PLACE]);
/* Of a native thread, by its index in the image. */
const char *ph_roots_native_name(struct ph_roots *roots, size_t native, int64_t tid);
/* Words of a struct of the interpreter, of the size that `size_of` gives, by name where the layout knows the member. */
void ph_roots_struct(struct ph_roots *roots, ph_addr address, enum ph_field size_of, unsigned kind, const char *what);

/* The end of the ring of pending calls that the address is in; 0: it is in none. */
ph_addr ph_roots_ring_end(const struct ph_roots *roots, ph_addr at);

/* roots_free.c: the end of the free list that the address is in, of an interpreter's state or, where an object's address
 * lies there, of the data of the interpreter's module; 0: it is in none. */
ph_addr ph_roots_free_list_of_state(const struct ph_roots *roots, ph_addr interpreter, ph_addr at);
ph_addr ph_roots_free_list_of_data(const struct ph_roots *roots, ph_addr at, ph_addr word);

void ph_roots_pending(struct ph_roots *roots);	    /* roots_pending.c */
void ph_roots_threads(struct ph_roots *roots);	    /* roots_threads.c */
void ph_roots_modules_data(struct ph_roots *roots); /* roots_data.c */
void ph_roots_native(struct ph_roots *roots);	    /* roots_native.c */

/* Of a native stack, from the stack pointer up: the thread's own data, where it lies behind the stack, as glibc puts it,
 * or the end of the mapping, 64 MiB at most; 0 unknown. */
ph_addr ph_native_stack_end(const struct ph_target *target, const struct ph_native_thread *thread);

#endif
