/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report and a source of objects that no process ever had, to write dumps of. */
#ifndef UNIT_DUMPMAKER_H
#define UNIT_DUMPMAKER_H

#include "base/cleanup.h"
#include "dump/dump.h"

#include <stdlib.h>

#define MAKER_OBJECTS 500
#define MAKER_FIRST 0x7f0000001000ull
#define MAKER_STEP 0x30
#define MAKER_DEEP 12 /* causes of causes: deeper than the report nests */

struct maker {
	struct ph_report report;
	struct ph_source source;
	struct ph_render render;
	ph_addr closure[MAKER_OBJECTS];
	struct ph_dump_contents contents;
};

static inline ph_addr maker_address(size_t i)
{
	return MAKER_FIRST + i * MAKER_STEP;
}

/* Lists of their neighbours and strs, in turns. */
static void maker_value(void *self, ph_addr address, const struct ph_value_limits *limits, struct ph_value *ret)
{
	(void)self, (void)limits;
	ph_value_reset(ret, address);
	size_t i = (size_t)((address - MAKER_FIRST) / MAKER_STEP);
	if (address < MAKER_FIRST || (address - MAKER_FIRST) % MAKER_STEP || i >= MAKER_OBJECTS) {
		ret->status = PH_UNMAPPED;
		return;
	}
	ret->status = PH_OK;
	ret->type = 0x5000, ret->type_module = "builtins";
	ret->refcount = (int64_t)i, ret->size = 64;
	if (i % 2) {
		ret->kind = PH_KIND_STR, ret->form = PH_FORM_STR, ret->type_name = "str";
		ret->text = ph_value_printf(ret, "string %zu with \x1b[31m, \xe2\x82\xac and \xed\xb2\x80", i);
		ret->text_size = ret->text ? strlen(ret->text) : 0;
		ret->len = (int64_t)ret->text_size;
		return;
	}
	ret->kind = PH_KIND_LIST, ret->form = PH_FORM_ITEMS, ret->type_name = "list";
	ret->open = "[", ret->close = "]", ret->recursive = "[...]";
	ret->len = 3, ret->item_total = 3;
	for (size_t k = 1; k <= 3; k++)
		ph_value_add_item(ret, maker_address((i + k) % MAKER_OBJECTS));
}

static enum ph_status maker_no_frame(void *self, ph_addr address, struct ph_arena *arena, struct ph_frame *ret)
{
	(void)self, (void)address, (void)arena, (void)ret;
	return PH_ABSENT;
}

static enum ph_status maker_no_exception(void *self, ph_addr address, struct ph_arena *arena, struct ph_exception *ret)
{
	(void)self, (void)address, (void)arena, (void)ret;
	return PH_ABSENT;
}

static const struct ph_source_ops maker_ops = {
	.value = maker_value,
	.frame = maker_no_frame,
	.exception = maker_no_exception,
};

static inline struct ph_frame *maker_frames(struct ph_arena *arena, size_t count)
{
	struct ph_frame *frames = ph_arena_array(arena, struct ph_frame, count);
	for (size_t i = 0; i < count; i++) {
		frames[i] = (struct ph_frame){
			.function = ph_arena_printf(arena, "function_%zu", i),
			.module = "app",
			.file = "/srv/app/main.py",
			.line = (int)(10 + i),
			.end_line = (int)(10 + i),
			.column = 4,
			.end_column = 20,
			.source = "    return work(item)",
			.address = 0x6000 + i,
			.locals = ph_arena_new(arena, struct ph_local),
			.local_count = 1,
		};
		frames[i].locals[0] = (struct ph_local){
			.name = "item", .kind = PH_LOCAL_ARGUMENT, .address = maker_address(1), .type = "str", .repr = "'x'"
		};
	}
	return frames;
}

static inline void maker_exceptions(struct ph_report *report)
{
	struct ph_arena *arena = &report->arena;
	report->exceptions = ph_arena_array(arena, struct ph_exception, MAKER_DEEP);
	report->exception_count = MAKER_DEEP;
	for (size_t i = 0; i < MAKER_DEEP; i++)
		report->exceptions[i] = (struct ph_exception){
			.address = 0x8000 + 16 * i,
			.type = "ValueError",
			.module = "builtins",
			.message = ph_arena_printf(arena, "number %zu\nwith \x1b[2J", i),
			.traceback = maker_frames(arena, 2),
			.traceback_count = 2,
			.cause = i + 1 < MAKER_DEEP ? 0x8000 + 16 * (i + 1) : 0,
		};
}

static inline void maker_report(struct ph_report *report)
{
	struct ph_arena *arena = &report->arena;
	report->image.kind = "elf-core", report->image.arch = "x86_64", report->image.os = "linux";
	report->image.pid = 4711, report->image.command = "python3 app.py", report->image.complete = true;
	report->image.signal_number = 6, report->image.signal_name = "SIGABRT";
	report->python.implementation = "cpython", report->python.version = "3.11.7", report->python.origin = "table";
	maker_exceptions(report);
	report->threads = ph_arena_array(arena, struct ph_thread, 3);
	report->thread_count = 3;
	for (size_t i = 0; i < 3; i++)
		report->threads[i] = (struct ph_thread){
			.id = 140000 + i,
			.native_id = (int64_t)(4711 + i),
			.name = i ? "worker" : "MainThread",
			.crashed = !i,
			.frames = maker_frames(arena, 3),
			.frame_count = 3,
		};
	report->threads[0].exceptions = ph_arena_new(arena, struct ph_state_exception);
	report->threads[0].exception_count = 1;
	report->threads[0].exceptions[0] = (struct ph_state_exception){ 0x8000, PH_EXCEPTION_RAISED };
	report->signature.version = 1, report->signature.hash = "0123456789abcdef";
	report->signature.title = "ValueError in app:function_2";
	report->redaction.mode = PH_REDACT_SECRETS;
	report->labels = ph_arena_new(arena, struct ph_label);
	report->label_count = 1;
	report->labels[0] = (struct ph_label){ "pod", "web-\"3\"" };
	ph_damage_add(&report->damage, PH_DAMAGE_HEAP, "dict at 0x1", "keys are %s", "odd");
}

static const struct ph_dump_source_file maker_sources[] = {
	{ .path = "/srv/app/main.py", .text = "import os\n", .size = 10 },
	{ .path = "/other/main.py", .text = "import sys\n", .size = 11, .newer = true },
	{ .path = "../../../../etc/cron.d/evil.py", .text = "x", .size = 1 },
	{ .path = "C:\\temp\\..\\..\\win.py", .text = "y", .size = 1 },
	{ .path = "/tmp/.hidden\x01\x1b[31m\xe2\x82\xac..py", .text = "", .size = 0 },
	{ .path = "/", .text = "z", .size = 1 },
	{ .path = "", .text = "z", .size = 1 },
	{ .path = "/a/very/long/name/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.py",
	  .text = "z", .size = 1 },
};

static const struct ph_dump_module maker_modules[] = {
	{ .path = "/usr/bin/python3.11", .build_id = "00ff", .start = 0x400000, .end = 0x900000 },
	{ .path = NULL, .why_not = "has no name", .start = 0x7f0000000000, .end = 0x7f0000001000 },
};

static const struct ph_dump_field maker_fields[] = { { "layout-origin", "table" }, { "version-source", NULL } };

static inline void maker_init(struct maker *m)
{
	*m = (struct maker){ .source = { &maker_ops, NULL } };
	maker_report(&m->report);
	m->render = (struct ph_render){ .source = &m->source, .characters = 1000, .depth = 8, .items = 100 };
	for (size_t i = 0; i < MAKER_OBJECTS; i++)
		m->closure[i] = maker_address((i * 7) % MAKER_OBJECTS); /* in no order */
	m->contents = (struct ph_dump_contents){
		.report = &m->report,
		.render = &m->render,
		.closure = m->closure,
		.closure_count = MAKER_OBJECTS,
		.modules = maker_modules,
		.module_count = sizeof(maker_modules) / sizeof(maker_modules[0]),
		.sources = maker_sources,
		.source_count = sizeof(maker_sources) / sizeof(maker_sources[0]),
		.fields = maker_fields,
		.field_count = sizeof(maker_fields) / sizeof(maker_fields[0]),
		.time = 1700000001,
		.heap = "stacks",
	};
}

static inline void maker_deinit(struct maker *m)
{
	ph_report_deinit(&m->report);
}

/* A whole file, malloc'ed; NULL when there is none. */
static inline char *maker_slurp(const char *path, size_t *size)
{
	ph_auto_fclose FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END))
		return NULL;
	*size = (size_t)ftell(file);
	rewind(file);
	char *data = malloc(*size + 1);
	if (data && fread(data, 1, *size, file) != *size) {
		free(data);
		return NULL;
	}
	return data;
}

static inline bool maker_spill(const char *path, const char *data, size_t size)
{
	FILE *file = fopen(path, "wb");
	bool done = file && fwrite(data, 1, size, file) == size;
	return (!file || !fclose(file)) && done;
}

#endif
