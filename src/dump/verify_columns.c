/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do the columns agree?  Section 8 of doc/dump-format.md. */
#include "dump/verify_private.h"

#include "base/cleanup.h"
#include "dump/columns.h"
#include "record/root.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT64_MAX

struct check {
	struct ph_dump *dump;
	struct ph_verify *verify;
	uint64_t count[PH_COLUMN_COUNT]; /* items; NONE: the column is not there or cannot be read */
	uint8_t *items[2], *scratch;	 /* a chunk of one column, and of another that is read beside it */
	struct ph_dump_types types;
	uint64_t *instances; /* by place of the type */
};

static void say(struct check *c, enum ph_column column, uint64_t item, const char *what)
{
	ph_verify_say(c->verify, ph_column_forms[column].name, "item %" PRIu64 ": %s", item, what);
}

static bool is_there(const struct check *c, enum ph_column column)
{
	return c->count[column] != NONE;
}

static struct ph_error *open_columns(struct check *c)
{
	for (size_t i = 0; i < PH_COLUMN_COUNT; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s/.zarray", ph_column_forms[i].name);
		c->count[i] = NONE;
		/* older writers made no strings, values and roots, and not what objects hold */
		bool may_lack = i == PH_COLUMN_OBJECT_HELD || !c->dump->archive.problem;
		if (i >= PH_COLUMN_STRING_START && may_lack && !ph_archive_find(&c->dump->archive, name))
			continue;
		struct ph_error *error = ph_column_items(c->dump, &ph_column_forms[i], &c->count[i]);
		if (error && error->code != PH_ERROR_BAD_DUMP)
			return error;
		/* an altered member has been named already */
		if (error && c->dump->archive.problem && !ph_archive_find(&c->dump->archive, name))
			ph_verify_say(c->verify, ph_column_forms[i].name, PH_VERIFY_LOST);
		else if (error && (ph_verify_is_read(c->dump, name) || !ph_archive_find(&c->dump->archive, name)))
			ph_verify_say(c->verify, ph_column_forms[i].name, "%s", error->message);
		ph_error_free(error);
	}
	return NULL;
}

static void want_count(struct check *c, enum ph_column column, uint64_t want)
{
	if (is_there(c, column) && want != NONE && c->count[column] != want)
		ph_verify_say(c->verify, ph_column_forms[column].name,
			      "has %" PRIu64 " items, and should have %" PRIu64, c->count[column], want);
}

static void check_counts(struct check *c)
{
	uint64_t n = c->count[PH_COLUMN_OBJECT_ADDRESS], m = c->count[PH_COLUMN_EDGE_TARGET];
	for (size_t i = PH_COLUMN_OBJECT_TYPE; i <= PH_COLUMN_OBJECT_FLAGS; i++)
		want_count(c, (enum ph_column)i, n);
	want_count(c, PH_COLUMN_OBJECT_HELD, n);
	want_count(c, PH_COLUMN_EDGE_START, n == NONE ? NONE : n + 1);
	want_count(c, PH_COLUMN_EDGE_KIND, m);
	want_count(c, PH_COLUMN_EDGE_ARGUMENT, m);
	want_count(c, PH_COLUMN_VALUE_STRING, c->count[PH_COLUMN_VALUE_OBJECT]);
	want_count(c, PH_COLUMN_ROOT_KIND, c->count[PH_COLUMN_ROOT_OBJECT]);
	want_count(c, PH_COLUMN_ROOT_NAME, c->count[PH_COLUMN_ROOT_OBJECT]);
	c->verify->objects = n == NONE ? 0 : n;
	c->verify->edges = m == NONE ? 0 : m;
	c->verify->values = is_there(c, PH_COLUMN_VALUE_OBJECT) ? c->count[PH_COLUMN_VALUE_OBJECT] : 0;
	c->verify->roots = is_there(c, PH_COLUMN_ROOT_OBJECT) ? c->count[PH_COLUMN_ROOT_OBJECT] : 0;
	c->verify->strings = is_there(c, PH_COLUMN_STRING_START) && c->count[PH_COLUMN_STRING_START] ?
				     c->count[PH_COLUMN_STRING_START] - 1 :
				     0;
}

static uint64_t item(const uint8_t *items, unsigned width, size_t i)
{
	switch (width) {
	case 8:
		return ((const uint64_t *)(const void *)items)[i];
	case 4:
		return ((const uint32_t *)(const void *)items)[i];
	case 2:
		return ((const uint16_t *)(const void *)items)[i];
	default:
		return items[i];
	}
}

/* What is wrong with item i of value `value`; `last` is the one before, `beside` the item of the other column. */
typedef const char *check_item(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first);

/* One chunk into c->items[k]; false when it cannot be read, which is said when `loud`: its checksum may be right. */
static bool read_chunk(struct check *c, enum ph_column column, uint64_t chunk, int k, struct ph_error **error)
{
	struct ph_error *failed = ph_column_chunk(c->dump, &ph_column_forms[column], chunk, c->scratch, c->items[k]);
	if (!failed)
		return true;
	if (failed->code != PH_ERROR_BAD_DUMP) {
		*error = failed;
		return false;
	}
	if (strstr(failed->message, "is no chunk of the array")) {
		char name[64];
		snprintf(name, sizeof(name), "%s/%" PRIu64, ph_column_forms[column].name, chunk);
		ph_verify_say(c->verify, name, "is no chunk of the array");
	}
	ph_error_free(failed);
	return false;
}

/* The first item of a column that is wrong is named. */
static struct ph_error *scan(struct check *c, enum ph_column column, enum ph_column beside, check_item *check)
{
	struct ph_error *error = NULL;
	uint64_t count = c->count[column], last = 0;
	unsigned width = ph_column_forms[column].width, beside_width = ph_column_forms[beside].width;
	bool first = true;
	if (!is_there(c, column) || !is_there(c, beside) || (beside != column && c->count[beside] != count))
		return NULL;
	for (uint64_t chunk = 0; !error && chunk * PH_CHUNK < count; chunk++) {
		uint64_t start = chunk * PH_CHUNK;
		size_t n = count - start < PH_CHUNK ? (size_t)(count - start) : PH_CHUNK;
		if (!ph_verify_step(c->verify, 1))
			return NULL;
		if (!read_chunk(c, column, chunk, 0, &error) ||
		    (beside != column && !read_chunk(c, beside, chunk, 1, &error))) {
			first = true;
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			uint64_t value = item(c->items[0], width, i);
			const char *wrong =
				check(c, value, last, beside != column ? item(c->items[1], beside_width, i) : 0, first);
			if (wrong) {
				say(c, column, start + i, wrong);
				return NULL;
			}
			last = value;
			first = false;
		}
	}
	return error;
}

/* ---- one item ---- */

static const char *ascending(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	(void)c, (void)beside;
	return first || value > last ? NULL : "is not ascending";
}

static const char *object_or_none(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	(void)last, (void)beside, (void)first;
	return value < c->verify->objects || value == PH_NO_INDEX ? NULL : "names an object that is not there";
}

static const char *object(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	return value == PH_NO_INDEX ? "names no object" : object_or_none(c, value, last, beside, first);
}

static const char *ascending_object(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	const char *wrong = object(c, value, last, beside, first);
	return wrong ? wrong : ascending(c, value, last, beside, first);
}

static const char *known_number(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	(void)c, (void)last, (void)beside, (void)first;
	return (int64_t)value >= -1 ? NULL : "is negative";
}

static const char *start(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	(void)c, (void)beside;
	return first || value >= last ? NULL : "is less than the one before";
}

static const char *edge_kind(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	(void)c, (void)last, (void)beside, (void)first;
	return (value & ~(uint64_t)PH_EDGE_EXTRA) < PH_EDGE_KIND_COUNT ? NULL : "is no kind of edge";
}

static const char *edge_argument(struct check *c, uint64_t value, uint64_t last, uint64_t kind, bool first)
{
	kind &= ~(uint64_t)PH_EDGE_EXTRA;
	if (kind == PH_EDGE_VALUE || kind == PH_EDGE_ATTRIBUTE)
		return object_or_none(c, value, last, kind, first);
	if (kind == PH_EDGE_FIELD && value != PH_NO_INDEX && value >= c->types.field_count)
		return "names a member that is not in types.json";
	return NULL;
}

static const char *string(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	(void)last, (void)beside, (void)first;
	return value < c->verify->strings ? NULL : "names a string that is not there";
}

static const char *string_or_none(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	return value == PH_NO_INDEX ? NULL : string(c, value, last, beside, first);
}

static const char *root_kind(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	(void)c, (void)last, (void)beside, (void)first;
	return (value & ~(uint64_t)PH_ROOT_UNCOUNTED) < PH_ROOT_KIND_COUNT ? NULL : "is no kind of root";
}

/* Instances by type, for types.json. */
static const char *instance(struct check *c, uint64_t value, uint64_t last, uint64_t beside, bool first)
{
	size_t low = 0, high = c->types.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (c->types.types[middle].index < value)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < c->types.count && c->types.types[low].index == value && value != PH_NO_INDEX)
		c->instances[low]++;
	else if (value != PH_NO_INDEX && value < c->verify->objects)
		return "is a type that is not in types.json";
	return object_or_none(c, value, last, beside, first);
}

/* ---- all ---- */

/* The first and the last of the starts. */
static struct ph_error *check_ends(struct check *c, enum ph_column column, enum ph_column of)
{
	struct ph_error *error = NULL;
	uint64_t count = c->count[column];
	if (!is_there(c, column) || !is_there(c, of))
		return NULL;
	if (!count) {
		ph_verify_say(c->verify, ph_column_forms[column].name, "is empty");
		return NULL;
	}
	if (read_chunk(c, column, 0, 0, &error) && item(c->items[0], 8, 0))
		say(c, column, 0, "is not 0");
	if (!error && read_chunk(c, column, (count - 1) / PH_CHUNK, 0, &error) &&
	    item(c->items[0], 8, (count - 1) % PH_CHUNK) != c->count[of])
		say(c, column, count - 1, "is not where the last one ends");
	return error;
}

static struct ph_error *check_types(struct check *c)
{
	uint64_t wrong = 0;
	struct ph_error *error = scan(c, PH_COLUMN_OBJECT_TYPE, PH_COLUMN_OBJECT_TYPE, instance);
	for (size_t i = 0; !error && i < c->types.count; i++) {
		const struct ph_dump_type *type = &c->types.types[i];
		if (type->index == PH_NO_INDEX)
			continue;
		if (type->index >= c->verify->objects)
			ph_verify_say(c->verify, PH_MEMBER_TYPES, "%s: its index is that of no object", type->name);
		wrong += type->count != c->instances[i];
	}
	if (wrong && is_there(c, PH_COLUMN_OBJECT_TYPE))
		ph_verify_say(c->verify, PH_MEMBER_TYPES,
			      "of %" PRIu64 " types the count is not that of the column object/type", wrong);
	return error;
}

static struct ph_error *check_all(struct check *c)
{
	static const struct {
		enum ph_column column, beside;
		check_item *check;
	} scans[] = {
		{ PH_COLUMN_OBJECT_ADDRESS, PH_COLUMN_OBJECT_ADDRESS, ascending },
		{ PH_COLUMN_OBJECT_SIZE, PH_COLUMN_OBJECT_SIZE, known_number },
		{ PH_COLUMN_OBJECT_REFCOUNT, PH_COLUMN_OBJECT_REFCOUNT, known_number },
		{ PH_COLUMN_OBJECT_LEN, PH_COLUMN_OBJECT_LEN, known_number },
		{ PH_COLUMN_OBJECT_HELD, PH_COLUMN_OBJECT_HELD, known_number },
		{ PH_COLUMN_EDGE_START, PH_COLUMN_EDGE_START, start },
		{ PH_COLUMN_EDGE_TARGET, PH_COLUMN_EDGE_TARGET, object },
		{ PH_COLUMN_EDGE_KIND, PH_COLUMN_EDGE_KIND, edge_kind },
		{ PH_COLUMN_EDGE_ARGUMENT, PH_COLUMN_EDGE_KIND, edge_argument },
		{ PH_COLUMN_STRING_START, PH_COLUMN_STRING_START, start },
		{ PH_COLUMN_VALUE_OBJECT, PH_COLUMN_VALUE_OBJECT, ascending_object },
		{ PH_COLUMN_VALUE_STRING, PH_COLUMN_VALUE_STRING, string },
		{ PH_COLUMN_ROOT_OBJECT, PH_COLUMN_ROOT_OBJECT, object },
		{ PH_COLUMN_ROOT_KIND, PH_COLUMN_ROOT_KIND, root_kind },
		{ PH_COLUMN_ROOT_NAME, PH_COLUMN_ROOT_NAME, string_or_none },
	};
	struct ph_error *error = check_types(c);
	for (size_t i = 0; !error && i < sizeof(scans) / sizeof(*scans); i++)
		error = scan(c, scans[i].column, scans[i].beside, scans[i].check);
	if (!error)
		error = check_ends(c, PH_COLUMN_EDGE_START, PH_COLUMN_EDGE_TARGET);
	return error ? error : check_ends(c, PH_COLUMN_STRING_START, PH_COLUMN_STRING_BYTES);
}

struct ph_error *ph_verify_columns(struct ph_dump *dump, struct ph_verify *verify)
{
	struct check c = { .dump = dump, .verify = verify };
	struct ph_error *error = ph_dump_types(dump, &c.types);
	if (error && error->code == PH_ERROR_BAD_DUMP) {
		/* one that is lost or altered has been named already */
		if (ph_verify_is_read(dump, PH_MEMBER_TYPES))
			ph_verify_say(verify, PH_MEMBER_TYPES, "%s", error->message);
		ph_error_free(error);
		error = NULL;
	}
	c.instances = calloc(c.types.count + 1, sizeof(*c.instances));
	for (size_t i = 0; i < 2; i++)
		c.items[i] = malloc((size_t)8 * PH_CHUNK);
	c.scratch = malloc((size_t)8 * PH_CHUNK);
	if (!error && (!c.instances || !c.items[0] || !c.items[1] || !c.scratch))
		error = &ph_error_no_memory;
	if (!error)
		error = open_columns(&c);
	if (!error) {
		check_counts(&c);
		error = check_all(&c);
	}
	free(c.instances);
	free(c.items[0]);
	free(c.items[1]);
	free(c.scratch);
	ph_dump_types_deinit(&c.types);
	return error;
}
