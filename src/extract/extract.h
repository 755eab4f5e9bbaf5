/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Target to records; the only room that sees both sides. */
#ifndef EXTRACT_EXTRACT_H
#define EXTRACT_EXTRACT_H

#include "detect/detect.h"
#include "object/object.h"
#include "record/redact.h"
#include "record/render.h"
#include "record/report.h"
#include "record/source.h"
#include "runtime/runtime.h"

/* A live target as a ph_source, and what was read of it. */
struct ph_extract {
	struct ph_image *image; /* borrowed */
	struct ph_detected detected;
	struct ph_objects *objects;
	struct ph_runtime *runtime;
	struct ph_source source;
	struct ph_redactor *redactor;
	struct ph_render render;
	struct ph_report report;
};

#endif
