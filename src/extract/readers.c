/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target as other threads see it: with caches of types of their own, and without frames and exceptions, which the
 * runtime keeps for one thread. */
#include "extract/extract.h"

#include "base/jobs.h"

#include <stdlib.h>

#define READERS 7 /* each knows all types of the process */

struct ph_reader {
	struct ph_extract *extract;
	struct ph_objects *objects;
	uint64_t values;
} PH_JOBS_ALIGNED;

static void read_value(void *self, ph_addr address, const struct ph_value_limits *limits, struct ph_value *ret)
{
	struct ph_reader *reader = self;
	if (ph_value_cache_get(&reader->extract->cache, address, limits, ret))
		return;
	if (++reader->values % PH_BOUND_INTERVAL == 0)
		ph_image_bound_pages(reader->extract->image);
	ph_object_value(reader->objects, address, limits, ret);
}

static void approach(void *self, ph_addr far, ph_addr near)
{
	const struct ph_reader *reader = self;
	ph_value_cache_approach(&reader->extract->cache, far, near);
}

static enum ph_status no_frame(void *self, ph_addr address, struct ph_arena *arena, struct ph_frame *ret)
{
	(void)self, (void)address, (void)arena, (void)ret;
	return PH_ABSENT;
}

static enum ph_status no_exception(void *self, ph_addr address, struct ph_arena *arena, struct ph_exception *ret)
{
	(void)self, (void)address, (void)arena, (void)ret;
	return PH_ABSENT;
}

static const struct ph_source_ops reader_ops = {
	.value = read_value,
	.frame = no_frame,
	.exception = no_exception,
	.approach = approach,
};

struct ph_error *ph_extract_share(struct ph_extract *extract, const struct ph_source **ret, size_t *ret_count)
{
	unsigned jobs = extract->jobs ? extract->jobs : ph_jobs_available();
	/* where no Python was found that runs there is nothing to read */
	size_t count = !extract->objects ? 0 : jobs - 1 < READERS ? jobs - 1 : READERS;
	struct ph_error *error = NULL;
	extract->files_known = true;
	extract->cache.is_open = false;
	ph_redactor_settle(extract->redactor);
	ph_extract_free_readers(extract);
	extract->readers = ph_jobs_alloc(count + 1, sizeof(*extract->readers));
	extract->reader_sources = calloc(count + 1, sizeof(*extract->reader_sources));
	if (!extract->readers || !extract->reader_sources)
		return &ph_error_no_memory;
	while (!error && extract->reader_count < count) {
		struct ph_reader *reader = &extract->readers[extract->reader_count];
		error = ph_objects_clone(extract->objects, &reader->objects);
		reader->extract = extract;
		extract->reader_sources[extract->reader_count] =
			(struct ph_source){ .ops = &reader_ops, .self = reader };
		extract->reader_count += !error;
	}
	*ret = extract->reader_sources;
	*ret_count = extract->reader_count;
	return error;
}

void ph_extract_free_readers(struct ph_extract *extract)
{
	for (size_t i = 0; i < extract->reader_count; i++)
		ph_objects_free(extract->readers[i].objects);
	free(extract->readers);
	free(extract->reader_sources);
	extract->readers = NULL;
	extract->reader_sources = NULL;
	extract->reader_count = 0;
}
