/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects in chunks of malloc to which nothing refers that is an object, and which no list of the gc has: bytes and
 * text that native code leaked, or holds in memory of its own.  Pools are swept whole, so that those there are found. */
#include "heap/memory.h"
#include "heap/work.h"

#define HEAD_MAXIMUM 128 /* bytes that ph_work_object() asks for */

/* What is left in a chunk behind what was asked for: a word, what rounding adds, a remainder that is too small for a
 * chunk, the debug allocator's tail; up to a page where a chunk is a mapping of its own. */
static uint64_t slack_of(uint64_t chunk_size)
{
	enum { TAIL = 64, PAGE = 4096 };
	return chunk_size & (PAGE - 1) ? TAIL : TAIL + PAGE;
}

/* It has been there before with a count of 0, had it been freed as Python does; what malloc gave since, and nobody wrote
 * to, is told by the size of the block, and by what else walk() asks of objects that nothing refers to. */
static void look(void *user, ph_addr block, uint64_t chunk_size)
{
	struct ph_heap_work *w = user;
	struct ph_heap *heap = w->heap;
	struct ph_image *image = heap->target->image;
	uint64_t size = chunk_size - heap->pymalloc.word;
	const uint8_t *data = ph_image_look(image, block, size < HEAD_MAXIMUM ? size : HEAD_MAXIMUM);
	const struct ph_shape *shape = NULL;
	/* PYTHONMALLOC=debug checks the raw domain, which it asks for large blocks, and the domain of objects */
	size_t padding = data ? ph_block_debug_padding(data, size, heap->pymalloc.word) : 0;
	if (padding) {
		block += padding, size -= padding;
		data = ph_image_look(image, block, size < HEAD_MAXIMUM ? size : HEAD_MAXIMUM);
	}
	ph_addr object = data ? ph_work_object(w, block, data, size, &shape) : 0;
	if (!object || !ph_addrset_has(&heap->set, shape->type->address))
		return;
	uint64_t least = ph_object_least(shape, object), room = size - (object - block);
	if (least <= room && room - least <= slack_of(chunk_size))
		ph_work_take(w, shape, object);
}

struct ph_error *ph_heap_find_leaked(struct ph_heap_work *w, struct ph_runtime *runtime)
{
	struct ph_error *error = ph_account_chunks_of(w->heap, runtime, look, w);
	return error ? error : ph_work_drain(w);
}
