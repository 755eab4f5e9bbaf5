/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The heap as columns of a Zarr v2 store within the archive: section 8 of doc/dump-format.md. */
#ifndef DUMP_COLUMNS_H
#define DUMP_COLUMNS_H

#include "dump/zipwriter.h"
#include "record/heap_sink.h"

struct ph_dump;

#define PH_CHUNK 65536 /* items */

enum ph_column {
	PH_COLUMN_OBJECT_ADDRESS,
	PH_COLUMN_OBJECT_TYPE,
	PH_COLUMN_OBJECT_SIZE,
	PH_COLUMN_OBJECT_REFCOUNT,
	PH_COLUMN_OBJECT_LEN,
	PH_COLUMN_OBJECT_FLAGS,
	PH_COLUMN_EDGE_START,
	PH_COLUMN_EDGE_TARGET,
	PH_COLUMN_EDGE_KIND,
	PH_COLUMN_EDGE_ARGUMENT,
	PH_COLUMN_STRING_START,
	PH_COLUMN_STRING_BYTES,
	PH_COLUMN_VALUE_OBJECT,
	PH_COLUMN_VALUE_STRING,
	PH_COLUMN_ROOT_OBJECT,
	PH_COLUMN_ROOT_KIND,
	PH_COLUMN_ROOT_NAME,
	PH_COLUMN_OBJECT_HELD, /* at the end: older writers made none */
	PH_COLUMN_COUNT
};

struct ph_column_form {
	const char *name;
	const char *dtype; /* NumPy's */
	unsigned width;	   /* bytes of an item */
	bool delta;	   /* delta-coded before it is shuffled */
	unsigned haste;	   /* zstd looks less closely where it finds nothing: 0 no haste */
};
extern const struct ph_column_form ph_column_forms[PH_COLUMN_COUNT];

/* Members that make the groups of the columns to zarr. */
#define PH_COLUMN_GROUPS 6
extern const char *const ph_column_groups[PH_COLUMN_GROUPS];

/* What encoding a chunk needs besides, for one thread at a time. */
struct ph_chunker {
	void *context; /* zstd's */
	void *padded, *differences, *shuffled;
};
/* False without memory; deinit must follow all the same. */
bool ph_chunker_init(struct ph_chunker *chunker);
void ph_chunker_deinit(struct ph_chunker *chunker);

/* Filters and compressor, one chunk: `count` items of a form, little-endian, padded with zeros to PH_CHUNK; *out has
 * room for ph_chunk_bound() bytes.  0 without memory. */
size_t ph_chunk_bound(const struct ph_column_form *form);
size_t ph_chunk_encode(struct ph_chunker *chunker, const struct ph_column_form *form, const void *items, size_t count,
		       void *out);
/* The reverse: PH_CHUNK items into `items`; false when it is no such chunk. */
bool ph_chunk_decode(const struct ph_column_form *form, const void *data, size_t size, void *scratch, void *items);

/* Reading: how many items a column has by its description (columns_read.c), and when every chunk of it must be there;
 * PH_ERROR_BAD_DUMP names the member. */
struct ph_error *ph_column_described(struct ph_dump *dump, const struct ph_column_form *form, uint64_t *ret)
	__attribute__((warn_unused_result));
struct ph_error *ph_column_items(struct ph_dump *dump, const struct ph_column_form *form, uint64_t *ret)
	__attribute__((warn_unused_result));
/* The same of a dump that is altered or cut (columns_shape.c): without a description that can be read the other columns
 * and the chunks say it, and the dump has a problem.  Chunks may be missing.  PH_ERROR_BAD_DUMP when nothing of the
 * column is left. */
struct ph_error *ph_column_extent(struct ph_dump *dump, enum ph_column column, uint64_t *ret)
	__attribute__((warn_unused_result));
/* Whether there is its description or its first chunk. */
bool ph_column_is_there(const struct ph_dump *dump, enum ph_column column);
/* One chunk of PH_CHUNK items in our byte order, with a chunk's room of scratch.  PH_ERROR_BAD_DUMP names the member. */
struct ph_error *ph_column_chunk(struct ph_dump *dump, const struct ph_column_form *form, uint64_t chunk, void *scratch,
				 void *items) __attribute__((warn_unused_result));

/* A sink that writes columns into an archive as they fill.  What comes before ph_columns_begin() it holds back,
 * compressed; units alone may. */
struct ph_columns;
struct ph_error *ph_columns_create(struct ph_columns **ret) __attribute__((warn_unused_result));
struct ph_heap_sink ph_columns_sink(struct ph_columns *columns);
/* Writes what was held back; no thread hands anything over meanwhile.  The writer stays the caller's. */
struct ph_error *ph_columns_begin(struct ph_columns *columns, struct ph_zipwriter *writer)
	__attribute__((warn_unused_result));
/* The chunks that are not full, types.json and the descriptions of the arrays. */
struct ph_error *ph_columns_finish(struct ph_columns *columns) __attribute__((warn_unused_result));
void ph_columns_free(struct ph_columns *columns);

#endif
