/* SPDX-License-Identifier: GPL-3.0-or-later */
/* frames.json: where the namespaces of the report's frames are among the objects. */
#include "dump/manifest.h"

#include "base/addrmap.h"
#include "record/json.h"

#include <string.h>

static void put_frames(const struct ph_frame *frames, size_t count, struct ph_addrmap *seen, struct ph_json *json)
{
	for (size_t i = 0; i < count; i++) {
		const struct ph_frame *frame = &frames[i];
		if (!frame->address || !ph_addrmap_add(seen, frame->address))
			continue;
		bool is_module = !frame->local_count && frame->function && !strcmp(frame->function, "<module>");
		ph_json_object(json, true);
		ph_json_put_address(json, "address", frame->address);
		ph_json_put_address(json, "globals", frame->globals);
		ph_json_put_address(json, "locals",
				    frame->namespace ? frame->namespace
				    : is_module	     ? frame->globals
						     : 0);
		ph_json_object_end(json);
	}
}

void ph_dump_frames_json(const struct ph_dump_contents *contents, struct ph_buffer *out)
{
	const struct ph_report *report = contents->report;
	struct ph_addrmap seen = { 0 };
	struct ph_json json = ph_json(out, 1);
	ph_json_object(&json, false);
	ph_json_key(&json, "frames");
	ph_json_array(&json, false);
	for (size_t i = 0; i < report->thread_count; i++)
		put_frames(report->threads[i].frames, report->threads[i].frame_count, &seen, &json);
	for (size_t i = 0; i < report->exception_count; i++)
		put_frames(report->exceptions[i].traceback, report->exceptions[i].traceback_count, &seen, &json);
	ph_json_array_end(&json);
	ph_json_object_end(&json);
	ph_buffer_putc(out, '\n');
	ph_addrmap_deinit(&seen);
}
