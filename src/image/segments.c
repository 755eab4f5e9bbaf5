/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the segments of a file to views of it, and to what a cut took. */
#include "image/backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_MISSING_RANGES 32 /* that are listed one by one */

struct ph_error *ph_image_hold_segments(struct ph_image *image, const uint8_t *data)
{
	struct ph_span *spans = calloc(image->segment_count ? image->segment_count : 1, sizeof(*spans));
	size_t n = 0;
	if (!spans)
		return &ph_error_no_memory;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct ph_segment *s = &image->segments[i];
		if (s->file_size)
			spans[n++] = (struct ph_span){ s->start, s->start + s->file_size, data + s->file_offset };
	}
	ph_image_set_spans(image, spans, n);
	return NULL;
}

void ph_image_count_missing(struct ph_image *image)
{
	ph_addr start = 0, end = 0;
	uint64_t ranges = 0, unlisted = 0;
	for (size_t i = 0; i <= image->segment_count; i++) {
		const struct ph_segment *s = i < image->segment_count ? &image->segments[i] : NULL;
		if (s && !s->missing)
			continue;
		if (s && end == s->start + s->file_size) {
			end += s->missing;
			continue;
		}
		if (end > start && ++ranges <= MAX_MISSING_RANGES) {
			char where[64];
			snprintf(where, sizeof(where), "memory 0x%" PRIx64 "-0x%" PRIx64, start, end);
			ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, where, "%" PRIu64 " bytes missing, the core is cut",
				      end - start);
		} else {
			unlisted += end - start;
		}
		if (s) {
			start = s->start + s->file_size;
			end = start + s->missing;
		}
	}
	if (ranges > MAX_MISSING_RANGES)
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "memory",
			      "%" PRIu64 " bytes missing in %" PRIu64 " more ranges, the core is cut", unlisted,
			      ranges - MAX_MISSING_RANGES);
	if (ranges)
		image->info.complete = false;
}
