/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core2pyheap: options, then image -> report -> dump. */
#include "coredumpctl.h"
#include "handler.h"
#include "options.h"
#include "output.h"

#include <pyheap/image.h>
#include <pyheap/live.h>
#include <pyheap/session.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct ph_error *error)
{
	int status = ph_error_exit_status(error);
	output_fail(error->message);
	ph_error_free(error);
	return status;
}

/* CORE and PYTHON come in either order: the ELF type tells. */
static struct ph_error *sort_operands(struct options *options)
{
	enum ph_file_kind first, second;
	if (!options->python || !options->core || !strcmp(options->core, "-"))
		return NULL;
	struct ph_error *error = ph_image_file_kind(options->core, &first);
	if (error)
		return error;
	error = ph_image_file_kind(options->python, &second);
	if (error) {
		/* a PYTHON that cannot be read is only a warning, later */
		ph_error_free(error);
		return NULL;
	}
	if (first != PH_FILE_CORE &&
	    (second == PH_FILE_CORE || (second == PH_FILE_COMPRESSED && first != PH_FILE_COMPRESSED))) {
		const char *core = options->python;
		options->python = options->core;
		options->core = core;
	}
	return NULL;
}

static struct ph_error *write_report(struct ph_session *session, const struct options *options)
{
	struct ph_report_style style;
	char *text;
	size_t size;
	if (options->no_report)
		return NULL;
	FILE *to = output_report_stream(options);
	output_style(to, &style);
	struct ph_error *error = ph_session_report(session, options->report, &style, &text, &size);
	if (error)
		return error;
	progress_clear();
	error = output_write(to, text, size);
	free(text);
	return error;
}

static struct ph_error *write_dump(struct ph_session *session, const struct options *options)
{
	struct ph_dump_options dump = {
		.heap = options->heap,
		.jobs = options->jobs,
		.pickle_objects = options->pickle_objects,
	};
	char *path = NULL;
	if (options->no_dump)
		return NULL;
	struct ph_error *error = output_dump_path(options, &path);
	if (!error)
		error = ph_session_write_dump(session, path, options->output != NULL, &dump);
	progress_clear();
	if (!error && strcmp(path, "-"))
		output_announce(path, ph_session_heap_secrets(session));
	free(path);
	return error;
}

/* Bytes that are copied of a running process, so that it goes on at once: those that take less time than
 * the report, or the dump of the stacks, which otherwise look at little of it while it stands. */
#define COPY_FOR_REPORT ((uint64_t)256 << 20)
#define COPY_FOR_STACKS ((uint64_t)1 << 30)
#define NO_STOP_TRIES 5

static struct ph_error *open_image(const struct options *options, const struct ph_image_options *image_options,
				   struct ph_image **ret)
{
	if (options->handler)
		return ph_image_open_piped(STDIN_FILENO, options->memory, options->heap == PH_DUMP_HEAP_FULL,
					   image_options, ret);
	if (!options->pid)
		return ph_image_open_core(options->core, image_options, ret);
	bool heap = !options->no_dump && options->heap == PH_DUMP_HEAP_FULL;
	bool stacks = !options->no_dump && options->heap == PH_DUMP_HEAP_STACKS;
	struct ph_live_options live = {
		.pid = options->pid,
		.no_stop = options->no_stop,
		.copy_maximum = heap ? UINT64_MAX : stacks ? COPY_FOR_STACKS : COPY_FOR_REPORT,
	};
	return ph_image_open_live(&live, image_options, ret);
}

/* A process that runs on may be caught between two steps: what was torn is tried again. */
static bool is_torn(const struct options *options, const struct ph_image *image, const struct ph_session *session,
		    int tries)
{
	return options->no_stop && image && !ph_live_has_ended(image) && tries < NO_STOP_TRIES &&
	       (!session || ph_session_is_damaged(session));
}

static struct ph_error *open_session(const struct options *options, const struct ph_image_options *image_options,
				     const struct ph_session_options *session_options, struct ph_image **ret_image,
				     struct ph_session **ret_session)
{
	for (int tries = 1;; tries++) {
		struct ph_image *image = NULL;
		struct ph_session *session = NULL;
		struct ph_error *error = open_image(options, image_options, &image);
		if (!error)
			error = ph_session_open(image, session_options, &session);
		if (!is_torn(options, image, session, tries)) {
			*ret_image = image;
			*ret_session = session;
			return error;
		}
		ph_error_free(error);
		ph_session_close(session);
		ph_image_close(image);
	}
}

/* How long it stood still is what its owner wants to know. */
static void let_go_on(const struct options *options, struct ph_image *image)
{
	if (!options->pid || !image)
		return;
	ph_live_resume(image);
	double seconds = ph_live_stood(image);
	progress_clear();
	if (seconds > 0)
		fprintf(stderr, "core2pyheap: process %lld stood still for %.*f %s\n", (long long)options->pid,
			seconds < 0.01 ? 1 : seconds < 1 ? 0 : 2, seconds < 1 ? seconds * 1e3 : seconds,
			seconds < 1 ? "ms" : "s");
}

/* Whatever was not found: this is why. */
static int fail_ended(const struct options *options, struct ph_error *error)
{
	char message[80];
	snprintf(message, sizeof(message), "process %lld ended while it was read", (long long)options->pid);
	output_fail(message);
	ph_error_free(error);
	return 2;
}

static int convert(const struct options *options)
{
	struct ph_image_options image_options = {
		.executable = options->python,
		.sysroot = options->sysroot,
		.solib_search_path = options->solib_search_path,
		.callbacks = output_callbacks(options),
		.record = options->trim != NULL,
	};
	struct ph_session_options session_options = {
		.redact = options->redact,
		.redact_words = options->redact_words,
		.labels = options->labels,
		.label_count = options->label_count,
		.dumping = !options->no_dump && options->heap != PH_DUMP_HEAP_NONE,
	};
	struct ph_image *image = NULL;
	struct ph_session *session = NULL;
	int status = 0;
	struct ph_error *error = open_session(options, &image_options, &session_options, &image, &session);
	if (!error)
		output_let_go();
	/* the report is made: nothing more of the process is needed for it */
	if (!error && options->no_dump)
		let_go_on(options, image);
	if (!error)
		error = write_report(session, options);
	if (!error)
		error = write_dump(session, options);
	if (!error && options->trim) {
		error = ph_session_write_trimmed(session, options->trim);
		if (!error && strcmp(options->trim, "-"))
			output_announce_trimmed(options->trim);
	}
	if (!error && !options->no_dump)
		let_go_on(options, image);
	if (error && image && options->pid && ph_live_has_ended(image))
		status = fail_ended(options, error);
	else if (error)
		status = fail(error);
	else if (ph_session_is_damaged(session))
		status = 1;
	ph_session_close(session);
	ph_image_close(image);
	return status;
}

/* A mapped file that is cut while we read it: the pages behind its new end are gone. */
static void on_bus_error(int number)
{
	static const char message[] =
		"core2pyheap: a file was cut while it was being read; is the core still being written?\n";
	(void)number;
	ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
	(void)ignored;
	_exit(2);
}

int main(int argc, char **argv)
{
	struct options options;
	/* a full disk or a size limit is an error that we report, not a death */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGBUS, on_bus_error);
	int status = options_parse(argc, argv, &options);
	if (status >= 0) {
		/* --help on a full disk */
		if (fflush(stdout) && !status) {
			perror("core2pyheap: standard output");
			return 2;
		}
		return status;
	}
	if (options.handler) {
		status = handler_run(&options, convert);
		free((void *)options.labels);
		return status;
	}
	struct ph_error *error = sort_operands(&options);
	if (error)
		return fail(error);
	status = options.coredumpctl ? coredumpctl_get(&options) : -1;
	if (status < 0) {
		progress_watch_interrupt();
		status = convert(&options);
	}
	free((void *)options.labels);
	return status;
}
