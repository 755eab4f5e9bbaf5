/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record room behind a pipe, for the scripts that hold it against Python itself.
 *
 * record-helper str|bytes	each text of standard input (a length of four bytes, little-endian, then as many
 *				bytes) quoted, one a line
 * record-helper exceptions	the report.json of standard input, its exceptions as text */
#include "base/cleanup.h"
#include "record/render.h"

#include <stdio.h>
#include <string.h>

static int quote(bool bytes)
{
	ph_auto_buffer struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	static char text[1 << 16];
	uint8_t head[4];
	while (fread(head, 1, 4, stdin) == 4) {
		size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
		if (size > sizeof(text) || fread(text, 1, size, stdin) != size)
			return 1;
		ph_buffer_clear(&out);
		(bytes ? ph_quote_bytes : ph_quote_str)(text, size, &out);
		puts(ph_buffer_text(&out));
	}
	return 0;
}

static int exceptions(void)
{
	ph_auto_buffer struct ph_buffer in = PH_BUFFER(1 << 26), out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_auto_report struct ph_report report = { 0 };
	char block[4096];
	for (size_t n; (n = fread(block, 1, sizeof(block), stdin)) > 0;)
		ph_buffer_append(&in, block, n);
	struct ph_error *error = ph_report_parse(ph_buffer_text(&in), in.size, NULL, 0, &report);
	if (error) {
		fprintf(stderr, "%s\n", error->message);
		return 1;
	}
	ph_report_exceptions_text(&report, &(struct ph_text_options){ 0 }, &out);
	fputs(ph_buffer_text(&out), stdout);
	ph_buffer_deinit(&out);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "exceptions"))
		return exceptions();
	if (argc == 2 && (!strcmp(argv[1], "str") || !strcmp(argv[1], "bytes")))
		return quote(argv[1][0] == 'b');
	return 2;
}
