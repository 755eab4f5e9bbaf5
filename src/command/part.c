/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/command.h"

#include "base/error.h"
#include "dump/format.h"
#include "dump/reader.h"

struct ph_error *ph_report_is_lost(struct ph_dump *dump, struct ph_error *error)
{
	if (error->code != PH_ERROR_BAD_DUMP || !ph_dump_is_full(dump))
		return error;
	struct ph_error *better = ph_error_create(
		PH_ERROR_BAD_DUMP, "%s; until then %stypes, find, print and path answer without it", error->message,
		ph_archive_find(&dump->archive, PH_MEMBER_EXCEPTIONS) ? "exceptions, " : "");
	ph_error_free(error);
	return better;
}

struct ph_error *ph_command_part(const struct ph_report_part *part, struct ph_dump *dump,
				 const struct ph_arguments *arguments, const struct ph_verb_output *output,
				 int *ret_status)
{
	const struct ph_report *report;
	bool goes_on;
	struct ph_error *error = ph_arguments_none(part->verb, arguments);
	if (!error)
		error = part->of_exceptions ? ph_dump_exceptions(dump, &report) : ph_dump_report(dump, &report);
	if (error)
		return ph_report_is_lost(dump, error);
	struct ph_text_options style = ph_command_style(output);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	if (arguments->values[0])
		part->json(report, &text);
	else
		part->text(report, &style, &text);
	*ret_status = 0;
	return ph_command_write(output, &text, &goes_on);
}
