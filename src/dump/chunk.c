/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One chunk of a column: Zarr's filters delta and shuffle, then a zstd frame with its content size. */
#include "dump/columns.h"

#include "dump/shuffle.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define LEVEL 1
#define WIDTH_MAXIMUM 8

const struct ph_column_form ph_column_forms[PH_COLUMN_COUNT] = {
	[PH_COLUMN_OBJECT_ADDRESS] = { "object/address", "<u8", 8, true },
	[PH_COLUMN_OBJECT_TYPE] = { "object/type", "<u4", 4, false },
	[PH_COLUMN_OBJECT_SIZE] = { "object/size", "<i8", 8, false },
	[PH_COLUMN_OBJECT_REFCOUNT] = { "object/refcount", "<i8", 8, false },
	[PH_COLUMN_OBJECT_LEN] = { "object/len", "<i8", 8, false },
	[PH_COLUMN_OBJECT_FLAGS] = { "object/flags", "<u2", 2, false },
	[PH_COLUMN_EDGE_START] = { "edge/start", "<u8", 8, true },
	[PH_COLUMN_EDGE_TARGET] = { "edge/target", "<u4", 4, false },
	[PH_COLUMN_EDGE_KIND] = { "edge/kind", "|u1", 1, false },
	[PH_COLUMN_EDGE_ARGUMENT] = { "edge/argument", "<u4", 4, false },
	[PH_COLUMN_STRING_START] = { "string/start", "<u8", 8, true },
	[PH_COLUMN_STRING_BYTES] = { "string/bytes", "|u1", 1, false },
	[PH_COLUMN_VALUE_OBJECT] = { "value/object", "<u4", 4, false },
	[PH_COLUMN_VALUE_STRING] = { "value/string", "<u4", 4, false },
	[PH_COLUMN_ROOT_OBJECT] = { "root/object", "<u4", 4, false },
	[PH_COLUMN_ROOT_KIND] = { "root/kind", "|u1", 1, false },
	[PH_COLUMN_ROOT_NAME] = { "root/name", "<u4", 4, false },
	[PH_COLUMN_OBJECT_HELD] = { "object/held", "<i8", 8, false },
};

size_t ph_chunk_bound(const struct ph_column_form *form)
{
	return ZSTD_compressBound((size_t)form->width * PH_CHUNK);
}

/* numcodecs' delta: the first item as it is, then differences. */
static void delta(const uint64_t *restrict items, uint64_t *restrict out)
{
	out[0] = items[0];
	for (size_t i = 1; i < PH_CHUNK; i++)
		out[i] = items[i] - items[i - 1];
}

static void undelta(uint64_t *items)
{
	for (size_t i = 1; i < PH_CHUNK; i++)
		items[i] += items[i - 1];
}

bool ph_chunker_init(struct ph_chunker *chunker)
{
	*chunker = (struct ph_chunker){
		.context = ZSTD_createCCtx(),
		.padded = malloc((size_t)WIDTH_MAXIMUM * PH_CHUNK),
		.differences = malloc((size_t)WIDTH_MAXIMUM * PH_CHUNK),
		.shuffled = malloc((size_t)WIDTH_MAXIMUM * PH_CHUNK),
	};
	return chunker->context && chunker->padded && chunker->differences && chunker->shuffled;
}

void ph_chunker_deinit(struct ph_chunker *chunker)
{
	ZSTD_freeCCtx(chunker->context);
	free(chunker->padded);
	free(chunker->differences);
	free(chunker->shuffled);
	*chunker = (struct ph_chunker){ 0 };
}

size_t ph_chunk_encode(struct ph_chunker *chunker, const struct ph_column_form *form, const void *items, size_t count,
		       void *out)
{
	size_t bytes = (size_t)form->width * PH_CHUNK;
	const void *from = items;
	if (count < PH_CHUNK) {
		memcpy(chunker->padded, items, count * form->width);
		memset((uint8_t *)chunker->padded + count * form->width, 0, bytes - count * form->width);
		from = chunker->padded;
	}
	if (form->delta) {
		delta(from, chunker->differences);
		from = chunker->differences;
	}
	if (form->width > 1) {
		ph_shuffle(form->width, PH_CHUNK, from, chunker->shuffled);
		from = chunker->shuffled;
	}
	size_t size = ZSTD_compressCCtx(chunker->context, out, ph_chunk_bound(form), from, bytes, LEVEL);
	return ZSTD_isError(size) ? 0 : size;
}

bool ph_chunk_decode(const struct ph_column_form *form, const void *data, size_t size, void *scratch, void *items)
{
	size_t bytes = (size_t)form->width * PH_CHUNK;
	void *to = form->width > 1 ? scratch : items;
	if (ZSTD_getFrameContentSize(data, size) != bytes || ZSTD_decompress(to, bytes, data, size) != bytes)
		return false;
	if (form->width > 1)
		ph_unshuffle(form->width, PH_CHUNK, scratch, items);
	if (form->delta)
		undelta(items);
	return true;
}
