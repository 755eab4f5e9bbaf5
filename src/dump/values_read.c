/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts and the values of objects, chunk by chunk as they are asked for. */
#include "dump/columns.h"

#include "dump/dump.h"
#include "dump/reader.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_MAXIMUM ((uint64_t)1 << 24) /* bytes of one; a writer's are some thousand at most */

static struct ph_error *disagree(const struct ph_dump_texts *texts, enum ph_column column)
{
	return ph_error_create(PH_ERROR_BAD_DUMP, "%s: its column %s disagrees with others: copy the dump again",
			       texts->start.dump->path, ph_column_forms[column].name);
}

void ph_dump_texts_close(struct ph_dump_texts *texts)
{
	ph_dump_reader_close(&texts->start);
	ph_dump_reader_close(&texts->bytes);
	ph_dump_reader_close(&texts->objects);
	ph_dump_reader_close(&texts->strings);
	*texts = (struct ph_dump_texts){ 0 };
}

/* *ret_there false when the writer knew no such columns. */
static struct ph_error *open_one(struct ph_dump *dump, enum ph_column column, struct ph_dump_reader *ret, bool *ret_there)
{
	char name[64];
	struct ph_error *error = ph_dump_is_live(dump) ? dump->live.heap(dump->live.self, &dump) : NULL;
	if (error || !*ret_there)
		return error;
	snprintf(name, sizeof(name), "%s/.zarray", ph_column_forms[column].name);
	*ret_there = ph_archive_find(&dump->archive, name) || dump->archive.problem;
	return *ret_there ? ph_dump_reader_open(dump, column, ret) : NULL;
}

struct ph_error *ph_dump_texts_open(struct ph_dump *dump, struct ph_dump_texts *ret)
{
	struct ph_dump_texts texts = { .has_texts = true, .has_values = true };
	struct ph_error *error = open_one(dump, PH_COLUMN_STRING_START, &texts.start, &texts.has_texts);
	if (!error)
		error = open_one(dump, PH_COLUMN_STRING_BYTES, &texts.bytes, &texts.has_texts);
	texts.has_values = texts.has_texts;
	if (!error)
		error = open_one(dump, PH_COLUMN_VALUE_OBJECT, &texts.objects, &texts.has_values);
	if (!error)
		error = open_one(dump, PH_COLUMN_VALUE_STRING, &texts.strings, &texts.has_values);
	if (!error && texts.has_values && texts.objects.count != texts.strings.count)
		error = disagree(&texts, PH_COLUMN_VALUE_STRING);
	if (error) {
		ph_dump_texts_close(&texts);
		return error;
	}
	*ret = texts;
	return NULL;
}

struct ph_error *ph_dump_text(struct ph_dump_texts *texts, uint32_t string, struct ph_buffer *out)
{
	uint64_t ends[2];
	if (!texts->has_texts || string + UINT64_C(1) >= texts->start.count)
		return disagree(texts, PH_COLUMN_STRING_START);
	struct ph_error *error = ph_dump_reader_get(&texts->start, string, 2, ends);
	if (error)
		return error;
	if (ends[0] > ends[1] || ends[1] > texts->bytes.count || ends[1] - ends[0] > TEXT_MAXIMUM)
		return disagree(texts, PH_COLUMN_STRING_START);
	while (!error && ends[0] < ends[1]) {
		char piece[4096];
		uint64_t n = ends[1] - ends[0] < sizeof(piece) ? ends[1] - ends[0] : sizeof(piece);
		error = ph_dump_reader_get(&texts->bytes, ends[0], n, piece);
		if (!error)
			ph_buffer_append(out, piece, n);
		ends[0] += n;
	}
	return error;
}

/* The place of the object among those that have a value, or of the first behind it. */
static struct ph_error *search(struct ph_dump_reader *reader, uint32_t object, uint64_t *ret, uint32_t *ret_found)
{
	uint64_t low = 0, high = reader->count;
	*ret_found = PH_NO_INDEX;
	/* the chunk at hand first, then the one behind it: so a walk reads each once */
	for (unsigned i = 0; i < 2 && reader->chunk != UINT64_MAX; i++) {
		uint64_t first = reader->chunk * PH_CHUNK, last = first + PH_CHUNK;
		uint32_t ends[2];
		last = (last < reader->count ? last : reader->count) - 1;
		struct ph_error *error = ph_dump_reader_get(reader, first, 1, &ends[0]);
		if (!error)
			error = ph_dump_reader_get(reader, last, 1, &ends[1]);
		if (error)
			return error;
		if (object < ends[0]) {
			high = first < high ? first : high;
			break;
		}
		low = first;
		if (object <= ends[1]) {
			high = last + 1;
			break;
		}
		low = last + 1;
		if (i || low == reader->count)
			break;
		error = ph_dump_reader_get(reader, low, 1, &ends[0]);
		if (error)
			return error;
	}
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		uint32_t found;
		struct ph_error *error = ph_dump_reader_get(reader, middle, 1, &found);
		if (error)
			return error;
		if (found == object) {
			*ret_found = found;
			*ret = middle;
			return NULL;
		}
		if (found < object)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct ph_error *ph_dump_value(struct ph_dump_texts *texts, uint32_t object, struct ph_buffer *out, bool *ret_found)
{
	uint64_t place = 0;
	uint32_t found, string;
	*ret_found = false;
	if (!texts->has_values)
		return NULL;
	struct ph_error *error = search(&texts->objects, object, &place, &found);
	if (error || found != object)
		return error;
	error = ph_dump_reader_get(&texts->strings, place, 1, &string);
	if (!error)
		error = ph_dump_text(texts, string, out);
	*ret_found = !error;
	return error;
}
