/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole heap into a sink: found first, then walked once more by address, in units that threads take as they come;
 * then the values, when what secret names lead to is known. */
#include "extract/heap.h"

#include "base/callbacks.h"
#include "base/jobs.h"
#include "extract/heap_private.h"
#include "heap/roots.h"
#include "object/scalar.h"

#include <stdlib.h>
#include <string.h>

#define WORKER_MEMORY ((uint64_t)16 << 20) /* about what one takes */
#define OBJECT_MEMORY 20		   /* bytes for each object that workers may take together */

/* ---- workers ---- */

/* 0: where words are not ours, which ph_target_ptr() reads. */
static size_t type_at(const struct ph_layout *layout)
{
	const struct ph_slot *slot = &layout->slots[PH_PyObject_ob_type];
	bool ours = layout->abi.big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	return ours && slot->size == sizeof(ph_addr) && slot->offset > 0 ? (size_t)slot->offset : 0;
}

static struct ph_error *make_worker(struct ph_heap_walk *walk, unsigned number)
{
	struct ph_heap_worker *w = &walk->workers[number];
	w->walk = walk;
	w->text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	w->objects = walk->extract->objects;
	w->claims.account = walk->account;
	w->type_at = type_at(&walk->heap->target->layout);
	w->unit = malloc(sizeof(*w->unit));
	for (size_t i = 0; i < PH_HEAP_CACHE; i++)
		w->name_cache[i].index = PH_NO_INDEX;
	if (!w->unit)
		return &ph_error_no_memory;
	if (!number)
		return NULL;
	struct ph_error *error = ph_objects_clone(walk->heap->objects, &w->objects);
	w->owns_objects = !error;
	return error;
}

static void free_worker(struct ph_heap_worker *w)
{
	if (w->owns_objects)
		ph_objects_free(w->objects);
	ph_addrmap_deinit(&w->types);
	ph_arena_deinit(&w->arena);
	ph_value_deinit(&w->value);
	ph_buffer_deinit(&w->text);
	free(w->claims.list);
	free(w->recent);
	free(w->values);
	free(w->unit);
}

static void fail(struct ph_heap_walk *walk, struct ph_error *error)
{
	pthread_mutex_lock(&walk->lock);
	if (walk->error)
		ph_error_free(error);
	else
		walk->error = error;
	pthread_mutex_unlock(&walk->lock);
	walk->sink.stop(walk->sink.self);
	ph_account_stop(walk->account);
}

typedef struct ph_error *walk_unit(struct ph_heap_worker *worker, uint64_t number);

/* Units until there are no more, or, ahead, the sink is full.  The first worker is the thread that may call back; ahead
 * of it the second is asked to stop. */
static void take_units(struct ph_heap_walk *walk, unsigned number, walk_unit *each, const char *stage, bool ahead)
{
	const struct ph_callbacks *callbacks = ph_image_callbacks(walk->extract->image);
	struct ph_error *error = NULL;
	uint64_t unit;
	while (!error && !(ahead && (walk->paused || walk->sink.is_full(walk->sink.self))) &&
	       (unit = atomic_fetch_add(&walk->next, 1)) < walk->units) {
		if (!number || (ahead && number == 1))
			error = ph_progress(callbacks, stage, unit * PH_HEAP_UNIT, walk->heap->count);
		if (!error)
			error = each(&walk->workers[number], unit);
	}
	if (error)
		fail(walk, error);
}

static const char writing[] = "writing the heap";

static struct ph_error *work_behind(void *user, unsigned number)
{
	take_units(user, number + 1, ph_heap_walk_unit, writing, true);
	return NULL;
}

static struct ph_error *work_on_objects(void *user, unsigned number)
{
	take_units(user, number, ph_heap_walk_unit, writing, false);
	return NULL;
}

static struct ph_error *work_on_values(void *user, unsigned number)
{
	take_units(user, number, ph_heap_walk_values, "writing values", false);
	return NULL;
}

void ph_heap_walk_behind(struct ph_heap_walk *walk)
{
	if (walk->jobs > 1)
		ph_error_free(ph_jobs_run(walk->jobs - 1, work_behind, walk));
}

void ph_heap_walk_pause(struct ph_heap_walk *walk)
{
	walk->paused = true;
}

struct ph_error *ph_heap_walk_error(struct ph_heap_walk *walk)
{
	struct ph_error *error = walk->error;
	walk->error = NULL;
	return error;
}

static struct ph_error *run(struct ph_heap_walk *walk, struct ph_error *(*work)(void *user, unsigned worker))
{
	struct ph_error *error = ph_jobs_run(walk->jobs, work, walk), *of_unit = ph_heap_walk_error(walk);
	if (!of_unit)
		return error;
	ph_error_free(error);
	return of_unit;
}

/* ---- what follows from all of them ---- */

static int compare_types(const void *a, const void *b)
{
	const struct ph_heap_type *x = a, *y = b;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Types as the first worker's objects name them, and how often all workers saw them. */
static struct ph_error *collect_types(struct ph_heap_walk *walk, struct ph_heap_type **ret, size_t *ret_count)
{
	struct ph_addrmap places = { 0 }; /* address -> index + 1 */
	size_t count = 0, total = 0;
	for (unsigned i = 0; i < walk->jobs; i++)
		for (struct ph_heap_type_count *c = walk->workers[i].counts; c; c = c->next)
			total++;
	struct ph_heap_type *types = calloc(total + 1, sizeof(*types));
	bool complete = types != NULL;
	for (unsigned i = 0; complete && i < walk->jobs; i++) {
		for (struct ph_heap_type_count *c = walk->workers[i].counts; complete && c; c = c->next) {
			ph_addr address = c->shape->type->address;
			const uint64_t *place = ph_addrmap_find(&places, address);
			const struct ph_type *type = ph_type_get(walk->extract->objects, address);
			if (!c->count || !type)
				continue;
			ph_account_type(walk->account, ph_shape_get(walk->extract->objects, address), c->count, c->bytes);
			if (place) {
				types[*place - 1].count += c->count;
				continue;
			}
			types[count] = (struct ph_heap_type){
				.index = c->index,
				.address = address,
				.name = type->name,
				.module = type->module,
				.basicsize = type->basicsize,
				.itemsize = type->itemsize,
				.is_heap = type->is_heap,
				.value = ph_shape_value_text(c->shape),
				.count = c->count,
			};
			types[count].slot_count = ph_type_slots(c->shape->type, &types[count].slots);
			complete = ph_addrmap_set(&places, address, ++count, false);
		}
	}
	ph_addrmap_deinit(&places);
	if (!complete) {
		free(types);
		return &ph_error_no_memory;
	}
	qsort(types, count, sizeof(*types), compare_types);
	*ret = types;
	*ret_count = count;
	return NULL;
}

static struct ph_error *give_types(struct ph_heap_walk *walk)
{
	for (unsigned i = 0; i < walk->jobs; i++)
		walk->extract->redacted += walk->workers[i].redacted;
	struct ph_heap_type *types = NULL;
	size_t count = 0;
	uint64_t fields[(PH_FIELD_COUNT + 63) / 64] = { 0 };
	unsigned last = 0;
	struct ph_error *error = collect_types(walk, &types, &count);
	for (size_t i = 0; !error && i < count; i++)
		error = walk->sink.type(walk->sink.self, &types[i]);
	free(types);
	for (unsigned i = 0; i < walk->jobs; i++)
		for (size_t k = 0; k < sizeof(fields) / sizeof(*fields); k++)
			fields[k] |= walk->workers[i].fields[k];
	for (unsigned i = 0; i < PH_FIELD_COUNT; i++)
		last = fields[i / 64] >> i % 64 & 1 ? i + 1 : last;
	for (unsigned i = 0; !error && i < last; i++)
		error = walk->sink.field_name(walk->sink.self, fields[i / 64] >> i % 64 & 1 ?
								   ph_field_name((enum ph_field)i) : "");
	return error;
}

static struct ph_error *take_root(void *self, const struct ph_heap_root *root)
{
	struct ph_heap_walk *walk = self;
	struct ph_redactor *redactor = walk->extract->redactor;
	struct ph_heap_root scrubbed = *root;
	uint32_t index = ph_heap_index(walk->heap, root->address);
	if (index == PH_NO_INDEX)
		return NULL;
	if (root->name && ph_redactor_mode(redactor) == PH_REDACT_SECRETS) {
		ph_buffer_clear(&walk->name);
		ph_redactor_scrub(redactor, root->name, strlen(root->name), &walk->name);
		scrubbed.name = ph_buffer_text(&walk->name);
	}
	return walk->sink.root(walk->sink.self, &scrubbed, index);
}

/* With --redact=values, names of threads as the report has them, and no key of sys.modules. */
static const char *root_word(void *self, const char *text)
{
	const struct ph_heap_walk *walk = self;
	if (ph_redactor_mode(walk->extract->redactor) != PH_REDACT_VALUES || ph_extract_is_default_thread_name(text))
		return text;
	return PH_REDACTED;
}

/* Memory that the units took is the values'. */
static struct ph_error *change_memory(struct ph_heap_walk *walk)
{
	for (unsigned i = 0; i < walk->jobs; i++) {
		struct ph_heap_worker *w = &walk->workers[i];
		free(w->unit);
		w->unit = NULL;
		w->values = malloc(sizeof(*w->values));
		if (!w->values)
			return &ph_error_no_memory;
	}
	return NULL;
}

static struct ph_error *prepare(struct ph_heap_walk *walk, unsigned jobs)
{
	uint64_t count = walk->heap->count, most = 2 + count * OBJECT_MEMORY / WORKER_MEMORY;
	walk->units = (count + PH_HEAP_UNIT - 1) / PH_HEAP_UNIT;
	most = most < walk->units ? most : walk->units ? walk->units : 1;
	unsigned wanted = jobs < most ? jobs : (unsigned)most;
	walk->valued = calloc(count / 64 + 1, sizeof(*walk->valued));
	walk->workers = ph_jobs_alloc(wanted, sizeof(*walk->workers));
	struct ph_error *error = walk->valued && walk->workers ? NULL : &ph_error_no_memory;
	if (!error)
		error = ph_account_begin(walk->heap, walk->extract->runtime, &walk->account);
	while (!error && walk->jobs < wanted)
		error = make_worker(walk, walk->jobs++);
	if (!error)
		error = ph_heap_secrets_begin(walk->extract, walk->heap, &walk->secrets);
	return error ? error : ph_heap_begin_notes(walk->heap);
}

struct ph_error *ph_heap_walk_create(struct ph_extract *extract, struct ph_heap *heap, unsigned jobs,
				     const struct ph_heap_sink *sink, struct ph_heap_walk **ret)
{
	struct ph_heap_walk *walk = calloc(1, sizeof(*walk));
	if (!walk)
		return &ph_error_no_memory;
	*walk = (struct ph_heap_walk){
		.extract = extract,
		.heap = heap,
		.sink = *sink,
		.name = PH_BUFFER(PH_BUFFER_UNBOUNDED),
	};
	pthread_mutex_init(&walk->lock, NULL);
	struct ph_error *error = prepare(walk, jobs);
	if (error) {
		ph_heap_walk_free(walk);
		return error;
	}
	*ret = walk;
	return NULL;
}

void ph_heap_walk_free(struct ph_heap_walk *walk)
{
	if (!walk)
		return;
	for (unsigned i = 0; i < walk->jobs; i++)
		free_worker(&walk->workers[i]);
	ph_heap_end_notes(walk->heap);
	ph_account_free(walk->account);
	ph_heap_secrets_deinit(&walk->secrets);
	ph_buffer_deinit(&walk->name);
	ph_error_free(walk->error);
	pthread_mutex_destroy(&walk->lock);
	free(walk->workers);
	free(walk->valued);
	free(walk);
}

/* From where others left off. */
static struct ph_error *walk_rest(struct ph_heap_walk *walk)
{
	struct ph_error *error = walk->next < walk->units ? run(walk, work_on_objects) : NULL;
	ph_heap_end_notes(walk->heap);
	if (error)
		return error;
	ph_heap_secrets_mark(&walk->secrets);
	error = change_memory(walk);
	walk->next = 0;
	if (!error)
		error = run(walk, work_on_values);
	const struct ph_root_sink roots = { .self = walk, .word = root_word, .root = take_root };
	if (!error)
		error = ph_heap_roots(walk->heap, walk->extract->runtime, &roots);
	if (!error)
		error = ph_account_roots(walk->account, &roots);
	if (!error)
		error = give_types(walk);
	return error ? error : ph_extract_keep_memory(walk->extract, walk->account);
}

struct ph_error *ph_extract_heap(struct ph_extract *extract, const struct ph_heap_sink *sink)
{
	unsigned jobs = extract->jobs ? extract->jobs : ph_jobs_available();
	ph_value_cache_deinit(&extract->cache); /* each object is decoded once from here on */
	struct ph_error *error = ph_extract_find_heap(extract);
	struct ph_heap_walk *walk = ph_extract_take_walk(extract);
	if (!error && !walk)
		error = ph_heap_walk_create(extract, extract->heap, jobs, sink, &walk);
	if (!error)
		error = walk_rest(walk);
	ph_heap_walk_free(walk);
	return error;
}
