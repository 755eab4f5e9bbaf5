/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the segments of a file to views of it, and to what a cut took. */
#include "image/backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_MISSING_RANGES 32 /* that are listed one by one */

static int compare_segments(const void *a, const void *b)
{
	const struct ph_segment *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

uint64_t ph_image_settle_segments(struct ph_image *image)
{
	uint64_t lies = 0;
	struct ph_segment *segments = image->segments;
	size_t n = 0;
	qsort(segments, image->segment_count, sizeof(*segments), compare_segments);
	for (size_t i = 0; i < image->segment_count; i++) {
		struct ph_segment s = segments[i];
		ph_addr last = n ? segments[n - 1].end : 0;
		if (s.end > PH_ADDRESS_TOP) {
			lies++;
			if (s.start >= PH_ADDRESS_TOP)
				continue;
			s.end = PH_ADDRESS_TOP;
			s.missing = 0;
			if (s.file_size > s.end - s.start)
				s.file_size = s.end - s.start;
		}
		if (s.start < last) {
			uint64_t cut = last - s.start;
			lies++;
			if (s.end <= last)
				continue;
			s.start = last;
			s.file_offset += cut;
			if (cut > s.file_size) {
				uint64_t beyond = cut - s.file_size;
				s.missing -= beyond < s.missing ? beyond : s.missing;
			}
			s.file_size = cut < s.file_size ? s.file_size - cut : 0;
		}
		segments[n++] = s;
	}
	image->segment_count = n;
	return lies;
}

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
			ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, where,
				      "%" PRIu64 " bytes missing, the core is cut", end - start);
		} else {
			unlisted += end - start;
		}
		image->info.lost += end - start;
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
