/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames and objects as records for a debugger, which merges them with its own. */
#include "session/private.h"

#include "base/error.h"

#include <stdlib.h>

static struct ph_inspect_local *put_locals(const struct ph_frame *frame, struct ph_inspect_local *to)
{
	for (size_t i = 0; i < frame->local_count; i++)
		*to++ = (struct ph_inspect_local){
			.name = frame->locals[i].name,
			.is_argument = frame->locals[i].kind == PH_LOCAL_ARGUMENT,
			.address = frame->locals[i].address,
		};
	return to;
}

struct ph_error *ph_session_frames(struct ph_session *session, int64_t tid, struct ph_inspect_frame **ret,
				   size_t *ret_count)
{
	struct ph_error *error = ph_session_need_report(session);
	if (error)
		return error;
	const struct ph_report *report = &session->extract->report;
	size_t frames = 0, locals = 0, n = 0;
	for (size_t i = 0; i < report->thread_count; i++)
		for (size_t k = 0; report->threads[i].native_id == tid && k < report->threads[i].frame_count; k++) {
			frames++;
			locals += report->threads[i].frames[k].local_count;
		}
	struct ph_inspect_frame *all = calloc(1, frames * sizeof(*all) + locals * sizeof(*all->locals) + 1);
	if (!all)
		return &ph_error_no_memory;
	struct ph_inspect_local *place = (struct ph_inspect_local *)(all + frames);
	for (size_t i = 0; i < report->thread_count; i++)
		for (size_t k = report->threads[i].frame_count; report->threads[i].native_id == tid && k-- > 0;) {
			const struct ph_frame *frame = &report->threads[i].frames[k];
			all[n++] = (struct ph_inspect_frame){
				.function = frame->function,
				.file = frame->file,
				.line = frame->line,
				.address = frame->address,
				.loop = frame->loop,
				.locals = place,
				.local_count = frame->local_count,
			};
			place = put_locals(frame, place);
		}
	*ret = all;
	*ret_count = frames;
	return NULL;
}

void ph_session_interpreter_module(struct ph_session *session, uint64_t *ret_start, uint64_t *ret_end)
{
	const struct ph_module *module = session->extract->detected.target.module;
	*ret_start = module ? module->start : 0;
	*ret_end = module ? module->end : 0;
}

struct ph_error *ph_session_object(struct ph_session *session, uint64_t address, struct ph_inspect_object **ret)
{
	return ph_extract_object(session->extract, address, ret);
}
