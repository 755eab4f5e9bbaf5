/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap exceptions */
#include "command/command.h"

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	static const struct ph_report_part part = {
		.verb = "exceptions",
		.of_exceptions = true,
		.json = ph_report_exceptions_json,
		.text = ph_report_exceptions_text,
	};
	return ph_command_part(&part, dump, arguments, output, ret_status);
}

const struct ph_verb_implementation ph_verb_exceptions = { .options = ph_options_json, .run = run };
