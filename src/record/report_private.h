/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the report's own files. */
#ifndef RECORD_REPORT_PRIVATE_H
#define RECORD_REPORT_PRIVATE_H

#include "base/buffer.h"
#include "record/json.h"
#include "record/report.h"

struct json_object;

/* Exceptions within exceptions, the outermost counted; then {"ref":…}. */
#define PH_EXCEPTION_DEPTH 8
/* Exceptions nested in one of a thread's, all together: a cause that is the context too is written twice a
 * level.  Then {"ref":…}. */
#define PH_EXCEPTION_BUDGET 100

/* The crashed thread; without one the first with an exception, else the first; NULL without threads. */
const struct ph_thread *ph_report_main_thread(const struct ph_report *report);

/* report_image.c: "image" within the report. */
void ph_json_image(struct ph_json *json, const struct ph_report *report);
void ph_report_parse_image(struct ph_report *report, struct json_object *image);

/* Behind the last slash; NULL for NULL. */
const char *ph_report_basename(const char *path);

#endif
