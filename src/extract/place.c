/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an address is: mapping, module, stack, pool, object, and whose a block is. */
#include "extract/place.h"

#include "base/callbacks.h"
#include "base/cursor.h"
#include "heap/heap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPR_CHARACTERS 120
#define FIXED_MAXIMUM 2048  /* bytes of an object in which pointers to its blocks are looked for */
#define CHUNK_MAXIMUM (UINT64_C(1) << 40)
#define FILL_SAMPLE 64
#define FILL_LEAST 8 /* equal bytes that are a fill */

struct ph_places {
	struct ph_extract *extract;
	struct ph_image *image;
	struct ph_objects *objects;
	struct ph_heap *heap;
};

struct ph_error *ph_places_create(struct ph_extract *extract, struct ph_places **ret)
{
	if (!extract->runtime)
		return ph_error_create(PH_ERROR_NO_PYTHON, "no Python interpreter is to be read");
	struct ph_places *places = calloc(1, sizeof(*places));
	if (!places)
		return &ph_error_no_memory;
	places->extract = extract;
	places->image = extract->image;
	places->objects = extract->objects;
	struct ph_error *error = ph_heap_create(extract->objects, extract->runtime, 1, &places->heap);
	if (error) {
		free(places);
		return error;
	}
	*ret = places;
	return NULL;
}

void ph_places_free(struct ph_places *places)
{
	if (!places)
		return;
	ph_heap_free(places->heap);
	free(places);
}

static void describe(struct ph_places *places, ph_addr object, struct ph_arena *arena, struct ph_place_object *ret)
{
	static const struct ph_value_limits none = { 0 };
	struct ph_render render = places->extract->render;
	struct ph_value value = PH_VALUE_INIT;
	struct ph_buffer repr = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	const struct ph_shape *shape = ph_heap_shape(places->heap, object);
	ph_source_value(&places->extract->source, object, &none, &value);
	render.characters = REPR_CHARACTERS;
	ph_render_repr(&render, object, false, &repr);
	*ret = (struct ph_place_object){
		.address = object,
		.type = ph_arena_strdup(arena, value.type_name),
		.module = ph_arena_strdup(arena, value.type_module),
		.size = INT64_MIN,
		.refcount = value.refcount,
		.repr = ph_arena_strdup(arena, ph_buffer_text(&repr)),
	};
	int64_t size = shape ? ph_object_size(shape, object) : -1;
	if (size >= 0)
		ret->size = size;
	ph_buffer_deinit(&repr);
	ph_value_deinit(&value);
}

/* ---- memory ---- */

static void find_mapping(struct ph_places *places, struct ph_place *p)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(places->image, &segments);
	p->is_mapped = ph_image_is_mapped(places->image, p->address);
	for (size_t i = 0; i < count; i++)
		if (p->address >= segments[i].start && p->address < segments[i].end) {
			p->mapping_start = segments[i].start;
			p->mapping_end = segments[i].end;
			p->permissions[0] = segments[i].readable ? 'r' : '-';
			p->permissions[1] = segments[i].writable ? 'w' : '-';
			p->permissions[2] = segments[i].executable ? 'x' : '-';
			p->is_mapped = true;
		}
}

static void find_module(struct ph_places *places, struct ph_place *p, struct ph_arena *arena)
{
	static const char *const sections[] = { ".text",     ".rodata",	   ".data",	 ".data.rel.ro",
						".bss",	     ".PyRuntime", ".got",	 ".plt",
						".eh_frame", ".tdata",	   ".init_array" };
	const struct ph_module *module = ph_image_module_at(places->image, p->address);
	if (!module)
		return;
	p->module = ph_arena_strdup(arena, module->path);
	p->module_offset = p->address - module->start;
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections) && !p->section; i++) {
		ph_addr start, size;
		if (ph_image_section(places->image, module, sections[i], &start, &size) && p->address >= start &&
		    p->address - start < size)
			p->section = sections[i];
	}
	p->symbol = ph_arena_strdup(arena, ph_image_symbolize(places->image, p->address));
}

/* The thread whose stack pointer is the nearest of those in the mapping, and below the address where there is one. */
static void find_stack(struct ph_places *places, struct ph_place *p, struct ph_arena *arena)
{
	const struct ph_native_thread *threads, *found = NULL;
	const struct ph_report *report = &places->extract->report;
	size_t count = ph_image_threads(places->image, &threads);
	for (size_t i = 0; i < count; i++) {
		ph_addr sp = threads[i].has_registers ? threads[i].sp : 0;
		if (!sp || sp < p->mapping_start || sp >= p->mapping_end)
			continue;
		bool below = sp <= p->address, found_below = found && found->sp <= p->address;
		if (!found || (below && !found_below) ||
		    (below == found_below && (below ? sp > found->sp : sp < found->sp)))
			found = &threads[i];
	}
	if (!found)
		return;
	p->stack_lwp = found->tid;
	p->stack_offset = (int64_t)(p->address - found->sp);
	for (size_t i = 0; i < report->thread_count && !p->stack_name; i++)
		if (report->threads[i].native_id == found->tid)
			p->stack_name = ph_arena_strdup(arena, report->threads[i].name);
}

static void find_word(struct ph_places *places, struct ph_place *p, struct ph_arena *arena)
{
	uint8_t bytes[8];
	uint64_t index;
	if (ph_image_read(places->image, p->address, bytes, sizeof(bytes)) != PH_OK)
		return;
	p->has_word = true;
	p->word = ph_load_uint(bytes, sizeof(bytes), places->heap->target->layout.abi.big_endian);
	ph_addr object = p->word & ~(ph_addr)7; /* 3.14 tags references, 2.7's gc the rest */
	if (ph_heap_find(places->heap, object, &index))
		describe(places, object, arena, &p->word_object);
	else if (ph_image_module_at(places->image, p->word))
		p->word_symbol = ph_arena_strdup(arena, ph_image_symbolize(places->image, p->word));
}

/* ---- objects ---- */

static const char *by_value(struct ph_places *places, const struct ph_place *p, struct ph_arena *arena)
{
	static const struct ph_value_limits all = { .children = 10000, .characters = 0 };
	struct ph_value value = PH_VALUE_INIT;
	const char *found = NULL;
	if (!p->word_object.address)
		return NULL;
	ph_source_value(&places->extract->source, p->object.address, &all, &value);
	for (size_t i = 0; i < value.attribute_count && !found; i++)
		if (value.attributes[i].value == p->word_object.address && !value.attributes[i].structural)
			found = ph_arena_printf(arena, "attribute '%s'", value.attributes[i].name);
	ph_value_deinit(&value);
	return found;
}

static const char *by_shape(const struct ph_shape *shape, const struct ph_place *p, struct ph_arena *arena)
{
	if (p->offset < 0)
		return p->offset >= -16 && shape->has_gc ? "PyGC_Head" : "what precedes the gc's head";
	if (shape->item_size && p->offset >= shape->size)
		return ph_arena_printf(arena, "item %" PRIu64, ((uint64_t)p->offset - shape->size) / shape->item_size);
	for (size_t i = 0; i < shape->step_count; i++)
		if (p->offset >= shape->steps[i].offset && p->offset < shape->steps[i].offset + 8 &&
		    shape->steps[i].kind == PH_EDGE_DICT)
			return "__dict__";
	return NULL;
}

static void find_member(struct ph_places *places, const struct ph_shape *shape, struct ph_place *p,
			struct ph_arena *arena)
{
	p->member = p->offset >= 0 ? ph_object_member(places->objects, shape->type, p->offset) : NULL;
	if (!p->member)
		p->member = by_value(places, p, arena);
	if (!p->member)
		p->member = by_shape(shape, p, arena);
}

/* How many bytes from its address on are the object's own: sys.getsizeof() counts what precedes it and, of lists,
 * dicts, classes and others, blocks elsewhere too. */
static uint64_t extent(struct ph_places *places, const struct ph_shape *shape, ph_addr object, uint64_t front)
{
	int64_t size = ph_object_size(shape, object), items = 0;
	uint64_t own = shape->size;
	if (shape->is_type && ph_target_int(places->heap->target, object, PH_PyVarObject_ob_size, &items) == PH_OK &&
	    items > 0 && items < 65536)
		return own + (uint64_t)items * shape->item_size;
	bool is_inline = shape->type->kind == PH_KIND_STR || shape->item_size || shape->inline_values;
	return is_inline && !shape->is_type && size > 0 && (uint64_t)size > own + front ? (uint64_t)size - front : own;
}

/* The object that the address is in, or that begins behind it when it lies before its start; pool blocks bound both. */
static void find_object(struct ph_places *places, struct ph_place *p, struct ph_arena *arena)
{
	const struct ph_addrset *set = &places->heap->set;
	ph_addr candidates[2] = { 0 };
	uint64_t index;
	if (!ph_addrset_before(set, p->address, &candidates[0]))
		candidates[0] = 0;
	if (!ph_addrset_after(set, p->address, &candidates[1]))
		candidates[1] = 0;
	for (size_t i = 0; i < 2; i++) {
		ph_addr object = candidates[i];
		const struct ph_shape *shape = object && ph_heap_find(places->heap, object, &index) ?
						       ph_heap_shape(places->heap, object) : NULL;
		if (!shape || (p->block_size && (object < p->block || object >= p->block + p->block_size)))
			continue;
		uint64_t front = ph_object_front(shape, object);
		if (p->address + front < object ||
		    (p->address >= object && p->address - object >= extent(places, shape, object, front)))
			continue;
		describe(places, object, arena, &p->object);
		p->offset = (int64_t)(p->address - object);
		find_member(places, shape, p, arena);
		return;
	}
}

/* ---- blocks ---- */

static const struct ph_pool *pool_at(const struct ph_places *places, ph_addr address)
{
	const struct ph_heap *heap = places->heap;
	uint64_t pool_size = heap->pymalloc.pool;
	size_t low = 0, high = heap->pool_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (heap->pools[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address - heap->pools[low - 1].address < pool_size ? &heap->pools[low - 1] : NULL;
}

/* The nearest allocated block of the pool to one side; the object in it. */
static void find_neighbour(struct ph_places *places, const struct ph_pool *pool, const uint64_t *free_blocks,
			   int64_t index, int step, struct ph_arena *arena, struct ph_place_object *ret)
{
	for (int64_t i = index + step; i >= 0 && i < pool->blocks; i += step) {
		ph_addr block = pool->address + places->heap->pymalloc.header + (ph_addr)i * pool->block_size, object;
		if (free_blocks[i / 64] >> i % 64 & 1)
			continue;
		if (block && ph_addrset_after(&places->heap->set, block - 1, &object) &&
		    object < block + pool->block_size) {
			describe(places, object, arena, ret);
			return;
		}
	}
}

static void find_block(struct ph_places *places, struct ph_place *p, struct ph_arena *arena)
{
	const struct ph_pool *pool = pool_at(places, p->address);
	const struct ph_pymalloc *pymalloc = &places->heap->pymalloc;
	uint64_t free_blocks[PH_POOL_BLOCKS / 64] = { 0 };
	if (!pool)
		return;
	p->pool = pool->address;
	p->arena = pool->arena;
	if (p->address < pool->address + pymalloc->header)
		return;
	uint64_t index = (p->address - pool->address - pymalloc->header) / pool->block_size;
	p->block = pool->address + pymalloc->header + index * pool->block_size;
	p->block_size = pool->block_size;
	p->block_index = (uint32_t)index;
	p->pool_used = pool->used;
	p->pool_blocks = (pymalloc->pool - pymalloc->header) / pool->block_size;
	p->state = PH_PLACE_FREE; /* never handed out */
	const uint8_t *data = ph_image_view(places->image, pool->address,
					    pymalloc->header + (size_t)pool->blocks * pool->block_size);
	bool sound = data && ph_pool_free_blocks(places->heap, pool, data, free_blocks);
	if (index < pool->blocks)
		p->state = !sound ? PH_PLACE_UNKNOWN :
			   free_blocks[index / 64] >> index % 64 & 1 ? PH_PLACE_FREE : PH_PLACE_ALLOCATED;
	if (p->state == PH_PLACE_FREE) {
		find_neighbour(places, pool, free_blocks, (int64_t)index, -1, arena, &p->before);
		find_neighbour(places, pool, free_blocks, (int64_t)index, 1, arena, &p->after);
	}
}

/* A free block begins with the next one's address: what is behind that shows the fill. */
static void find_fill(struct ph_places *places, struct ph_place *p)
{
	uint8_t bytes[FILL_SAMPLE];
	ph_addr start = p->address, end = p->address + 2 * FILL_LEAST;
	if (p->block_size) {
		start = p->block + (p->block_size > FILL_LEAST && p->state == PH_PLACE_FREE ? 8 : 0);
		end = p->block + p->block_size;
	}
	size_t size = end - start < sizeof(bytes) ? end - start : sizeof(bytes), same = 1;
	if (size < FILL_LEAST || ph_image_read(places->image, start, bytes, size) != PH_OK)
		return;
	while (same < size && bytes[same] == bytes[0])
		same++;
	if (same < FILL_LEAST || (same < size && same < 2 * FILL_LEAST))
		return;
	p->fill = bytes[0];
	p->fill_means = ph_place_fill_means(bytes[0]);
}

/* ---- whose a block is ---- */

struct owner {
	ph_addr object, word_at, target; /* the object, its word, where that points */
};

/* What PYTHONMALLOC=debug puts before what was asked for: a size, a letter and a guard (Objects/obmalloc.c). */
static bool is_guarded(struct ph_places *places, ph_addr block)
{
	uint8_t bytes[8];
	size_t word = places->heap->pymalloc.word;
	return ph_image_read(places->image, block - word, bytes, word) == PH_OK &&
	       (bytes[word - 1] == 0xfd || bytes[word - 1] == 0xfb) && !memcmp(bytes + 1, bytes + 2, word - 2);
}

/* glibc's chunk before a block says how large it is (malloc/malloc.c: the lowest three bits are flags). */
static bool is_in_chunk(struct ph_places *places, ph_addr block, ph_addr address)
{
	uint8_t bytes[8];
	size_t word = places->heap->pymalloc.word, unit = 2 * word;
	/* pymalloc's hooks ask malloc's, which has its own */
	for (int i = 0; i < 2 && is_guarded(places, block); i++)
		block -= unit;
	if (block & (unit - 1) || ph_image_read(places->image, block - word, bytes, word) != PH_OK)
		return false;
	uint64_t size = ph_load_uint(bytes, word, places->heap->pymalloc.big_endian) & ~UINT64_C(7);
	return size >= 4 * word && size < CHUNK_MAXIMUM && !(size & (unit - 1)) && address - block < size - word;
}

static void look_in(struct ph_places *places, ph_addr object, ph_addr low, ph_addr high, struct owner *best)
{
	bool big = places->heap->pymalloc.big_endian;
	size_t width = places->heap->pymalloc.word;
	const struct ph_shape *shape = ph_heap_shape(places->heap, object);
	if (!shape)
		return;
	uint64_t front = ph_object_front(shape, object);
	uint64_t size = front + (shape->size < FIXED_MAXIMUM ? shape->size : FIXED_MAXIMUM);
	const uint8_t *data = ph_image_view(places->image, object - front, size);
	for (uint64_t at = 0; data && at + width <= size; at += width) {
		ph_addr word = ph_load_uint(data + at, width, big) & ~(ph_addr)(width - 1);
		if (word >= low && word <= high && word > best->target)
			*best = (struct owner){ .object = object, .word_at = object - front + at, .target = word };
	}
}

/* Every object is asked: nothing leads from a block to what points to it. */
static struct ph_error *find_owner(struct ph_places *places, struct ph_place *p, struct ph_arena *arena)
{
	ph_addr low = p->block_size ? p->block : p->mapping_start, object;
	struct ph_addrset_iter iter = { .set = &places->heap->set };
	struct owner best = { 0 };
	uint64_t n = 0;
	while (ph_addrset_next(&iter, &object)) {
		if (!(++n & 0xffff)) {
			struct ph_error *error = ph_progress(ph_image_callbacks(places->image), "looking for the owner",
							     n, places->heap->count);
			if (error)
				return error;
		}
		look_in(places, object, low, p->address, &best);
	}
	if (!best.object || (!p->block_size && !is_in_chunk(places, best.target, p->address)))
		return NULL;
	describe(places, best.object, arena, &p->owner);
	p->owner_block = best.target;
	const struct ph_shape *shape = ph_heap_shape(places->heap, best.object);
	if (shape && best.word_at >= best.object)
		p->owner_member = ph_object_member(places->objects, shape->type, (int64_t)(best.word_at - best.object));
	if (shape && shape->type->kind == PH_KIND_LIST)
		p->owner_index = (int64_t)((p->address - best.target) / places->heap->target->layout.abi.pointer_size);
	return NULL;
}

/* Outside of pools the next objects to both sides are what there is to say. */
static void find_neighbours(struct ph_places *places, struct ph_place *p, struct ph_arena *arena)
{
	ph_addr object;
	if (p->block_size)
		return;
	if (ph_addrset_before(&places->heap->set, p->address, &object) && object >= p->mapping_start)
		describe(places, object, arena, &p->before);
	if (ph_addrset_after(&places->heap->set, p->address, &object) && object < p->mapping_end)
		describe(places, object, arena, &p->after);
}

struct ph_error *ph_places_find(struct ph_places *places, ph_addr address, struct ph_arena *arena, struct ph_place *ret)
{
	struct ph_place p = { .address = address, .fill = -1, .owner_index = -1, .permissions = "---" };
	struct ph_error *error = NULL;
	find_mapping(places, &p);
	if (!p.is_mapped) {
		p.number = ph_place_number_means(address, arena);
		*ret = p;
		return NULL;
	}
	find_module(places, &p, arena);
	find_block(places, &p, arena);
	find_word(places, &p, arena);
	find_stack(places, &p, arena);
	find_object(places, &p, arena);
	bool is_header = p.pool && !p.block_size;
	bool is_data = !p.object.address && !is_header && p.mapping_start && p.permissions[1] == 'w' && !p.module &&
		       !p.stack_lwp;
	if (is_data && p.state != PH_PLACE_FREE)
		error = find_owner(places, &p, arena);
	if (!error && is_data && !p.owner.address) {
		find_fill(places, &p);
		find_neighbours(places, &p, arena);
	}
	if (!error)
		*ret = p;
	return error;
}
