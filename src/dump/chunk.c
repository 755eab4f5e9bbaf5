/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One chunk of a column: Zarr's filters delta and shuffle, then a zstd frame with its content size. */
#include "dump/columns.h"

#include <string.h>
#include <zstd.h>

#define LEVEL 1

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
};

size_t ph_chunk_bound(const struct ph_column_form *form)
{
	return ZSTD_compressBound((size_t)form->width * PH_CHUNK);
}

/* numcodecs' delta: the first item as it is, then differences. */
static void delta(uint64_t *items)
{
	for (size_t i = PH_CHUNK - 1; i; i--)
		items[i] -= items[i - 1];
}

static void undelta(uint64_t *items)
{
	for (size_t i = 1; i < PH_CHUNK; i++)
		items[i] += items[i - 1];
}

/* All first bytes, then all second bytes …; widths are constants so that the loops become vector code. */
#define SHUFFLE(width)                                                             \
	for (size_t i = 0; i < PH_CHUNK; i++)                                      \
		for (size_t byte = 0; byte < (width); byte++)                      \
			out[byte * PH_CHUNK + i] = in[i * (width) + byte]
#define UNSHUFFLE(width)                                                           \
	for (size_t i = 0; i < PH_CHUNK; i++)                                      \
		for (size_t byte = 0; byte < (width); byte++)                      \
			out[i * (width) + byte] = in[byte * PH_CHUNK + i]

static void shuffle(unsigned width, const uint8_t *restrict in, uint8_t *restrict out)
{
	if (width == 8)
		SHUFFLE(8);
	else if (width == 4)
		SHUFFLE(4);
	else
		SHUFFLE(2);
}

static void unshuffle(unsigned width, const uint8_t *restrict in, uint8_t *restrict out)
{
	if (width == 8)
		UNSHUFFLE(8);
	else if (width == 4)
		UNSHUFFLE(4);
	else
		UNSHUFFLE(2);
}

size_t ph_chunk_encode(const struct ph_column_form *form, const void *items, size_t count, void *scratch, void *out)
{
	size_t bytes = (size_t)form->width * PH_CHUNK;
	uint8_t *copy = scratch, *shuffled = copy + bytes;
	memcpy(copy, items, count * form->width);
	memset(copy + count * form->width, 0, bytes - count * form->width);
	if (form->delta)
		delta(scratch);
	if (form->width > 1)
		shuffle(form->width, copy, shuffled);
	else
		shuffled = copy;
	size_t size = ZSTD_compress(out, ph_chunk_bound(form), shuffled, bytes, LEVEL);
	return ZSTD_isError(size) ? 0 : size;
}

bool ph_chunk_decode(const struct ph_column_form *form, const void *data, size_t size, void *scratch, void *items)
{
	size_t bytes = (size_t)form->width * PH_CHUNK;
	void *to = form->width > 1 ? scratch : items;
	if (ZSTD_getFrameContentSize(data, size) != bytes || ZSTD_decompress(to, bytes, data, size) != bytes)
		return false;
	if (form->width > 1)
		unshuffle(form->width, scratch, items);
	if (form->delta)
		undelta(items);
	return true;
}
