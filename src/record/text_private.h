/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that print reports as text. */
#ifndef RECORD_TEXT_PRIVATE_H
#define RECORD_TEXT_PRIVATE_H

#include "base/addrmap.h"
#include "base/buffer.h"
#include "record/report.h"

struct ph_text {
	const struct ph_report *report;
	const struct ph_text_options *options;
	struct ph_buffer *out;
	struct ph_addrmap shown; /* exceptions printed already */
	bool locals_inline;	 /* below each frame of a traceback */
};

enum ph_style { PH_STYLE_BOLD, PH_STYLE_ALARM, PH_STYLE_QUIET };

/* Text of a target, on one line, escaped for a terminal; NULL is "?". */
void ph_text_put(struct ph_text *t, const char *text);
/* The same in a style, where there is colour. */
void ph_text_put_styled(struct ph_text *t, enum ph_style style, const char *text);
void ph_text_style(struct ph_text *t, enum ph_style style);
void ph_text_plain(struct ph_text *t);

/* As traceback.print_exception() of 3.11 prints the exception and its chain. */
void ph_text_exception(struct ph_text *t, ph_addr address);
/* The frames as in a traceback, outermost first; with locals when the options say so. */
void ph_text_frames(struct ph_text *t, const struct ph_frame *frames, size_t count, bool locals);
/* One frame, its first lines: `File "x.py", line 3, in f`, the source, the carets; each behind `margin`. */
void ph_text_frame(struct ph_text *t, const struct ph_frame *frame, const char *margin);
/* The variables of a frame, one a line, behind `margin`. */
void ph_text_locals(struct ph_text *t, const struct ph_frame *frame, const char *margin);
/* "was handling"; of a thread. */
const char *ph_text_exception_state(enum ph_exception_state state);
/* "[Previous line repeated N more times]" comes in place of what follows the third of equal frames. */
bool ph_text_same_frame(const struct ph_frame *a, const struct ph_frame *b);

/* "libfoo.so+0x1139 (foo_resize+0x12)". */
void ph_text_location(struct ph_text *t, const struct ph_code_location *pc);
/* "LWP 12", "TID 12" as Windows has it (threads_text.c) */
void ph_text_native_id(struct ph_text *t, int64_t native_id);

/* The last lines: the gc, what was not readable, what was redacted. */
void ph_text_tail(const struct ph_report *report, struct ph_buffer *out);

void ph_text_threads(struct ph_text *t);
/* "Thread worker (LWP 7, id 1), crashed, holds the GIL"; no newline. */
void ph_text_thread(struct ph_text *t, const struct ph_thread *thread);
void ph_text_native_threads(struct ph_text *t);
void ph_text_tasks(struct ph_text *t);
void ph_text_greenlets(struct ph_text *t);

/* "invalid memory access"; NULL for a signal that says nothing more than its name. */
const char *ph_signal_meaning(int64_t number);
/* "Signal 40", "Exception 0xc0000005" */
void ph_signal_put_number(int64_t number, struct ph_buffer *out);

#endif
