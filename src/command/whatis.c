/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap whatis: what some addresses are. */
#include "command/command.h"
#include "command/heap.h"

#include "base/cleanup.h"
#include "record/place.h"

#include <string.h>

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	struct ph_text_options style = ph_command_style(output);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_error *error = NULL;
	bool goes_on = true;
	if (!arguments->operand_count)
		return ph_error_create(PH_ERROR_USAGE, "whatis: no address given: pyheap whatis DUMP 0x7f…");
	for (int i = 0; i < arguments->operand_count && goes_on && !error; i++) {
		struct ph_arena arena = { 0 };
		struct ph_place place;
		ph_addr address = ph_parse_address(arguments->operands[i]);
		const char *operand = arguments->operands[i];
		if (!address && strspn(operand, "0xX") != strlen(operand))
			return ph_error_create(PH_ERROR_USAGE, "whatis: %s is not an address: give it as 0x7f…",
					       operand);
		error = ph_dump_place(dump, address, &arena, &place);
		if (!error && arguments->values[0])
			ph_place_json(&place, &text);
		else if (!error)
			ph_place_text(&place, &style, &text);
		if (!error)
			error = ph_command_write(output, &text, &goes_on);
		ph_arena_deinit(&arena);
	}
	*ret_status = 0;
	return error;
}

const struct ph_verb_implementation ph_verb_whatis = { .options = ph_options_json, .run = run };
