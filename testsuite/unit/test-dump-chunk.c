/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks of columns: what is encoded comes back, and what is no chunk is refused. */
#include "dump/columns.h"

#include <stdlib.h>

#include "unit/check.h"

static uint64_t next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 11;
}

static void round_trip(const struct ph_column_form *form, size_t count)
{
	size_t bytes = (size_t)form->width * PH_CHUNK;
	uint8_t *items = malloc(bytes), *back = malloc(bytes), *scratch = malloc(2 * bytes);
	uint8_t *out = malloc(ph_chunk_bound(form));
	uint64_t state = count;
	for (size_t i = 0; i < count * form->width; i++)
		items[i] = (uint8_t)next(&state);
	struct ph_chunker chunker;
	CHECK(ph_chunker_init(&chunker));
	size_t size = ph_chunk_encode(&chunker, form, items, count, out);
	ph_chunker_deinit(&chunker);
	CHECK(size > 0 && size <= ph_chunk_bound(form));
	CHECK(ph_chunk_decode(form, out, size, scratch, back));
	CHECK(!memcmp(items, back, count * form->width));
	/* padded with zeros, or by delta with what leads to zero */
	for (size_t i = count * form->width; i < bytes && !form->delta; i++)
		if (back[i]) {
			CHECK(!"padding is zero");
			break;
		}
	CHECK(!ph_chunk_decode(form, out, size - 1, scratch, back));
	CHECK(!ph_chunk_decode(form, out, 3, scratch, back));
	out[size / 2] ^= 0x55;
	(void)ph_chunk_decode(form, out, size, scratch, back); /* anything but a crash */
	free(items);
	free(back);
	free(scratch);
	free(out);
}

/* A frame that says it holds something else than a chunk. */
static void other_size(void)
{
	const struct ph_column_form *wide = &ph_column_forms[PH_COLUMN_OBJECT_ADDRESS];
	const struct ph_column_form *narrow = &ph_column_forms[PH_COLUMN_EDGE_KIND];
	uint8_t *items = calloc(PH_CHUNK, 8), *scratch = calloc(PH_CHUNK, 16), *out = malloc(ph_chunk_bound(wide));
	struct ph_chunker chunker;
	CHECK(ph_chunker_init(&chunker));
	size_t size = ph_chunk_encode(&chunker, wide, items, PH_CHUNK, out);
	CHECK(!ph_chunk_decode(narrow, out, size, scratch, items));
	size = ph_chunk_encode(&chunker, narrow, items, PH_CHUNK, out);
	ph_chunker_deinit(&chunker);
	CHECK(!ph_chunk_decode(wide, out, size, scratch, items));
	free(items);
	free(scratch);
	free(out);
}

int main(void)
{
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++) {
		round_trip(&ph_column_forms[i], 1);
		round_trip(&ph_column_forms[i], 777);
		round_trip(&ph_column_forms[i], PH_CHUNK);
	}
	other_size();
	return CHECK_DONE();
}
