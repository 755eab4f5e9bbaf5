/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the report's own files. */
#ifndef RECORD_REPORT_PRIVATE_H
#define RECORD_REPORT_PRIVATE_H

#include "base/buffer.h"
#include "record/report.h"

/* Exceptions within exceptions, the outermost counted; then {"ref":…}. */
#define PH_EXCEPTION_DEPTH 8
/* Exceptions nested in one of a thread's, all together: a cause that is the context too is written twice a
 * level.  Then {"ref":…}. */
#define PH_EXCEPTION_BUDGET 100

/* The crashed thread; without one the first with an exception, else the first; NULL without threads. */
const struct ph_thread *ph_report_main_thread(const struct ph_report *report);

/* Behind the last slash; NULL for NULL. */
const char *ph_report_basename(const char *path);

#endif
