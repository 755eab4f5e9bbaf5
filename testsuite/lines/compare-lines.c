/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads what code-lines.py wrote and holds our reading of the tables against it. */
#include "object/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
	int form, first_line;
	uint8_t *bytes; /* allocated to size, so that a sanitizer sees reads beyond it */
	size_t size;
};

static bool parse_table(const char *line, struct table *table)
{
	int at = 0;
	if (sscanf(line, "T %d %d %n", &table->form, &table->first_line, &at) != 2 || !at)
		return false;
	const char *hex = line + at;
	free(table->bytes);
	table->size = strspn(hex, "0123456789abcdef") / 2;
	table->bytes = malloc(table->size ? table->size : 1);
	for (size_t i = 0; i < table->size; i++) {
		unsigned byte = 0;
		sscanf(hex + 2 * i, "%2x", &byte);
		table->bytes[i] = (uint8_t)byte;
	}
	return true;
}

static struct ph_position look_up(const struct table *table, int64_t offset)
{
	struct ph_position p = { .column = -1, .end_column = -1 };
	if (table->form == 2)
		return ph_linetable_locations(table->bytes, table->size, table->first_line, offset);
	p.line = p.end_line =
		table->form ? ph_linetable_pep626(table->bytes, table->size, table->first_line, offset) :
			      ph_linetable_lnotab(table->bytes, table->size, table->first_line, offset);
	return p;
}

int main(void)
{
	struct table table = { 0 };
	char *line = NULL;
	size_t capacity = 0, checked = 0, wrong = 0;
	while (getline(&line, &capacity, stdin) > 0) {
		struct ph_position want = { 0 };
		long long offset;
		if (line[0] == 'T' ? !parse_table(line, &table) :
				     sscanf(line, "L %lld %d %d %d %d", &offset, &want.line, &want.end_line,
					    &want.column, &want.end_column) != 5) {
			fprintf(stderr, "not understood: %s", line);
			return 99;
		}
		if (line[0] == 'T')
			continue;
		struct ph_position got = look_up(&table, offset);
		checked++;
		if (memcmp(&got, &want, sizeof(got)) && ++wrong < 20)
			fprintf(stderr, "first line %d, offset %lld: %d-%d:%d-%d, not %d-%d:%d-%d\n", table.first_line,
				offset, got.line, got.end_line, got.column, got.end_column, want.line, want.end_line,
				want.column, want.end_column);
	}
	free(line);
	free(table.bytes);
	printf("%zu of %zu\n", checked - wrong, checked);
	return wrong || checked < 10000;
}
