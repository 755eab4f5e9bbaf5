/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap tasks */
#include "command/command.h"

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	const struct ph_report *report;
	bool goes_on;
	struct ph_error *error = ph_arguments_none("tasks", arguments);
	if (!error)
		error = ph_dump_report(dump, &report);
	if (error)
		return error;
	struct ph_text_options style = ph_command_style(output);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	if (arguments->values[0])
		ph_report_tasks_json(report, &text);
	else
		ph_report_tasks_text(report, &style, &text);
	*ret_status = 0;
	return ph_command_write(output, &text, &goes_on);
}

const struct ph_verb_implementation ph_verb_tasks = { .options = ph_options_json, .run = run };
