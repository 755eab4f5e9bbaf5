/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many items a column has, where its own description is altered or lost: columns of one family have as many each, and
 * the chunks that are there say how many there are at the most. */
#include "dump/columns.h"

#include "base/cleanup.h"
#include "dump/reader.h"

#include <inttypes.h>
#include <stdlib.h>

/* Columns of as many items each. */
static const struct member {
	enum ph_column column;
	enum { OBJECTS, EDGES, STRINGS, BYTES, VALUES, ROOTS } family;
	unsigned more; /* items than the others have */
	bool ascends;  /* so that the zeros behind its last item can be told from items */
} members[] = {
	{ PH_COLUMN_OBJECT_ADDRESS, OBJECTS, 0, true },
	{ PH_COLUMN_OBJECT_TYPE, OBJECTS, 0, false },
	{ PH_COLUMN_OBJECT_SIZE, OBJECTS, 0, false },
	{ PH_COLUMN_OBJECT_REFCOUNT, OBJECTS, 0, false },
	{ PH_COLUMN_OBJECT_LEN, OBJECTS, 0, false },
	{ PH_COLUMN_OBJECT_FLAGS, OBJECTS, 0, false },
	{ PH_COLUMN_OBJECT_HELD, OBJECTS, 0, false },
	{ PH_COLUMN_EDGE_START, OBJECTS, 1, true },
	{ PH_COLUMN_EDGE_TARGET, EDGES, 0, false },
	{ PH_COLUMN_EDGE_KIND, EDGES, 0, false },
	{ PH_COLUMN_EDGE_ARGUMENT, EDGES, 0, false },
	{ PH_COLUMN_STRING_START, STRINGS, 0, true },
	{ PH_COLUMN_STRING_BYTES, BYTES, 0, false },
	{ PH_COLUMN_VALUE_OBJECT, VALUES, 0, true },
	{ PH_COLUMN_VALUE_STRING, VALUES, 0, false },
	{ PH_COLUMN_ROOT_OBJECT, ROOTS, 0, false },
	{ PH_COLUMN_ROOT_KIND, ROOTS, 0, false },
	{ PH_COLUMN_ROOT_NAME, ROOTS, 0, false },
};
#define MEMBERS (sizeof(members) / sizeof(*members))

static bool has_chunk(struct ph_dump *dump, const struct ph_column_form *form, uint64_t chunk)
{
	char name[64];
	snprintf(name, sizeof(name), "%s/%" PRIu64, form->name, chunk);
	return ph_archive_find(&dump->archive, name);
}

/* The items of the last chunk of an ascending column, by the zeros behind them; PH_CHUNK when it cannot be read. */
static struct ph_error *items_in(struct ph_dump *dump, const struct ph_column_form *form, uint64_t chunk,
				 uint64_t *ret)
{
	size_t bytes = (size_t)form->width * PH_CHUNK;
	ph_auto_free uint8_t *scratch = malloc(bytes), *items = malloc(bytes);
	if (!scratch || !items)
		return &ph_error_no_memory;
	*ret = PH_CHUNK;
	struct ph_error *error = ph_column_chunk(dump, form, chunk, scratch, items);
	if (error && error->code != PH_ERROR_BAD_DUMP)
		return error;
	while (!error && *ret > 1) {
		bool zero = true;
		for (unsigned i = 0; i < form->width; i++)
			zero = zero && !items[(*ret - 1) * form->width + i];
		if (!zero)
			break;
		--*ret;
	}
	ph_error_free(error);
	return NULL;
}

/* By the chunks that are there; 0 when there is none. */
static struct ph_error *count_chunks(struct ph_dump *dump, const struct member *m, uint64_t *ret)
{
	const struct ph_column_form *form = &ph_column_forms[m->column];
	uint64_t chunks = 0, last = PH_CHUNK;
	struct ph_error *error = NULL;
	while (has_chunk(dump, form, chunks))
		chunks++;
	if (chunks && m->ascends)
		error = items_in(dump, form, chunks - 1, &last);
	if (!error)
		*ret = chunks ? (chunks - 1) * PH_CHUNK + last : 0;
	return error;
}

/* What the family says without the column's own description: another's description, else an ascending column, else
 * the one that has most chunks. */
static struct ph_error *infer(struct ph_dump *dump, const struct member *wanted, uint64_t *ret)
{
	uint64_t most = 0;
	bool certain = false;
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct member *m = &members[i];
		uint64_t count = 0;
		if (m->family != wanted->family)
			continue;
		struct ph_error *error = ph_column_described(dump, &ph_column_forms[m->column], &count);
		if (!error) {
			*ret = count + wanted->more - (count ? m->more : 0);
			return NULL;
		}
		if (error->code != PH_ERROR_BAD_DUMP)
			return error;
		ph_error_free(error);
		error = count_chunks(dump, m, &count);
		if (error)
			return error;
		count -= count ? m->more : 0;
		if (count && (m->ascends > certain || (m->ascends == certain && count > most))) {
			most = count;
			certain = m->ascends;
		}
	}
	*ret = most ? most + wanted->more : 0;
	return NULL;
}

bool ph_column_is_there(const struct ph_dump *dump, enum ph_column column)
{
	char name[64];
	snprintf(name, sizeof(name), "%s/.zarray", ph_column_forms[column].name);
	return ph_archive_find(&dump->archive, name) || has_chunk((struct ph_dump *)dump, &ph_column_forms[column], 0);
}

struct ph_error *ph_column_extent(struct ph_dump *dump, enum ph_column column, uint64_t *ret)
{
	uint64_t count = 0;
	if (!dump->archive.problem && !ph_dump_is_full(dump))
		return ph_dump_not_full(dump);
	struct ph_error *error = ph_column_described(dump, &ph_column_forms[column], &count);
	if (error && error->code != PH_ERROR_BAD_DUMP)
		return error;
	struct ph_error *failed = NULL;
	for (size_t i = 0; error && !failed && i < MEMBERS; i++)
		if (members[i].column == column)
			failed = infer(dump, &members[i], &count);
	/* an array of none of whose chunks there is anything is as good as none */
	bool lost = !failed && error && (!count || !ph_column_is_there(dump, column));
	/* a dump of this many members holds no more: what a description claims beyond is no reason to ask for memory */
	if (!failed && !lost && count / PH_CHUNK > dump->archive.count) {
		ph_error_free(error);
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: its column %s claims more items than the dump has room for",
				       dump->path, ph_column_forms[column].name);
	}
	if (failed || lost) {
		if (failed)
			ph_error_free(error);
		return failed ? failed : error;
	}
	if (error)
		ph_dump_note_error(dump, error);
	ph_error_free(error);
	*ret = count;
	return NULL;
}
