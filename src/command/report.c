/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pyheap report */
#include "command/command.h"
#include "command/damage.h"

#include "base/error.h"

#include <string.h>

static const char *const formats[] = { "text", "markdown", "json", "signature", NULL };

enum { JSON, FORMAT };
static const struct ph_option options[] = {
	[JSON] = { .name = "json" }, [FORMAT] = { .name = "format", .choices = formats }, { .name = NULL }
};

static void render(const struct ph_report *report, const char *format, const struct ph_text_options *style,
		   struct ph_buffer *out)
{
	if (!strcmp(format, "json"))
		ph_report_json(report, out);
	else if (!strcmp(format, "markdown"))
		ph_report_markdown(report, out);
	else if (!strcmp(format, "signature"))
		ph_report_signature_line(report, out);
	else
		ph_report_text(report, style, out);
}

static struct ph_error *run(struct ph_dump *dump, const struct ph_arguments *arguments,
			    const struct ph_verb_output *output, int *ret_status)
{
	const struct ph_report *report;
	const char *format = arguments->values[FORMAT];
	bool goes_on;
	if (format && arguments->values[JSON] && strcmp(format, "json"))
		return ph_error_create(PH_ERROR_USAGE, "report: --json and --format=%s: choose one", format);
	struct ph_error *error = ph_arguments_none("report", arguments);
	bool as_text = !arguments->values[JSON] && (!format || !strcmp(format, "text"));
	if (!error)
		error = as_text ? ph_dump_exceptions(dump, &report) : ph_dump_report(dump, &report);
	if (error)
		return ph_report_is_lost(dump, error);
	struct ph_text_options style = ph_command_style(output);
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	bool is_lost = as_text && ph_dump_lacks_report(dump);
	if (is_lost) {
		ph_buffer_puts(&text, "The report is lost.  These are the exceptions, and the other verbs answer:\n\n");
		ph_report_exceptions_text(report, &style, &text);
	} else {
		render(report, arguments->values[JSON] ? "json" : format ? format : "text", &style, &text);
	}
	/* a debugger's target has no dump to ask */
	if (as_text && !ph_dump_is_live(dump))
		error = ph_put_heap_damage(dump, &text);
	if (!error)
		error = ph_command_write(output, &text, &goes_on);
	if (!error)
		*ret_status = ph_damage_is_serious(&report->damage);
	return error;
}

const struct ph_verb_implementation ph_verb_report = { .options = options, .run = run };
