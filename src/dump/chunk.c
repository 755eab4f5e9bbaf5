/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One chunk of a column: Zarr's filters delta and shuffle, then a zstd frame with its content size. */
#include "dump/columns.h"

#include "dump/shuffle.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define WIDTH_MAXIMUM 8
/* of zstd: a table that stays in the first cache, and a window of some planes: as small as by default, and sooner */
#define LEVEL 1
#define HASH_LOG 12
#define WINDOW_LOG 18

const struct ph_column_form ph_column_forms[PH_COLUMN_COUNT] = {
	[PH_COLUMN_OBJECT_ADDRESS] = { "object/address", "<u8", 8, true, 0 },
	[PH_COLUMN_OBJECT_TYPE] = { "object/type", "<u4", 4, false, 64 },
	[PH_COLUMN_OBJECT_SIZE] = { "object/size", "<i8", 8, false, 64 },
	[PH_COLUMN_OBJECT_REFCOUNT] = { "object/refcount", "<i8", 8, false, 0 },
	[PH_COLUMN_OBJECT_LEN] = { "object/len", "<i8", 8, false, 64 },
	[PH_COLUMN_OBJECT_FLAGS] = { "object/flags", "<u2", 2, false, 32 },
	[PH_COLUMN_EDGE_START] = { "edge/start", "<u8", 8, true, 32 },
	[PH_COLUMN_EDGE_TARGET] = { "edge/target", "<u4", 4, false, 64 },
	[PH_COLUMN_EDGE_KIND] = { "edge/kind", "|u1", 1, false, 0 },
	[PH_COLUMN_EDGE_ARGUMENT] = { "edge/argument", "<u4", 4, false, 128 },
	[PH_COLUMN_STRING_START] = { "string/start", "<u8", 8, true, 32 },
	[PH_COLUMN_STRING_BYTES] = { "string/bytes", "|u1", 1, false, 0 },
	[PH_COLUMN_VALUE_OBJECT] = { "value/object", "<u4", 4, false, 0 },
	[PH_COLUMN_VALUE_STRING] = { "value/string", "<u4", 4, false, 0 },
	[PH_COLUMN_ROOT_OBJECT] = { "root/object", "<u4", 4, false, 0 },
	[PH_COLUMN_ROOT_KIND] = { "root/kind", "|u1", 1, false, 0 },
	[PH_COLUMN_ROOT_NAME] = { "root/name", "<u4", 4, false, 0 },
	[PH_COLUMN_OBJECT_HELD] = { "object/held", "<i8", 8, false, 32 },
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

/* In haste zstd would leave literals as they are, unless told not to: by a parameter that not every version has under
 * this name, so that without it there is no haste. */
static bool set_parameters(ZSTD_CCtx *context, unsigned haste)
{
	enum { LITERALS = ZSTD_c_experimentalParam5 /* ZSTD_c_literalCompressionMode */, ALWAYS = 1 };
	bool can = haste && !ZSTD_isError(ZSTD_CCtx_setParameter(context, (ZSTD_cParameter)LITERALS, ALWAYS));
	return !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL)) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, HASH_LOG)) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, WINDOW_LOG)) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_targetLength, can ? (int)haste : 0));
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
	if (!set_parameters(chunker->context, form->haste))
		return 0;
	size_t size = ZSTD_compress2(chunker->context, out, ph_chunk_bound(form), from, bytes);
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
