/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One report in all its forms against testsuite/golden (UPDATE_GOLDEN=1 writes
 * them), the way back from JSON, signatures. */
#include "record/json_read.h"
#include "record/render.h"
#include "record/report.h"

#include "unit/check.h"

#include <signal.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct ph_local locals[] = {
	{ "n", PH_LOCAL_ARGUMENT, 0x1010, "int", "3", false, false },
	{ "payload", PH_LOCAL_LOCAL, 0x1020, "dict", "{'a': '\xe2\x82\xac', 'b': \"it's\"}", true, false },
	{ "cell_x", PH_LOCAL_CELL, 0x1030, "str", "\xe2\x80\xb9redacted\xe2\x80\xba", false, true },
	{ "evil", PH_LOCAL_FREE, 0x1040, "evil.Type", "<evil \x1b[31m ```\n>", false, false },
};

static struct ph_frame stack[] = {
	{ .function = "<module>", .module = "__main__", .file = "/srv/app.py", .line = 40, .end_line = 40, .column = 0,
	  .end_column = 6, .source = "main()", .address = 0x2000 },
	{ .function = "main", .qualname = "main", .module = "__main__", .file = "/srv/app.py", .line = 30, .end_line = 30,
	  .column = 8, .end_column = 20, .source = "    x = parse(text) + 1", .address = 0x2100, .locals = locals,
	  .local_count = 2 },
	{ .function = "parse", .module = "app", .file = "/srv/lib/parse.py", .line = 7, .column = -1, .end_column = -1,
	  .address = 0x2200, .locals = locals, .local_count = 4 },
};

static struct ph_frame wait_stack[] = {
	{ .function = "run", .module = "threading", .file = "/usr/lib/python3.11/threading.py", .line = 982,
	  .column = -1, .end_column = -1, .address = 0x3000 },
	{ .function = "work", .module = "pool", .file = "/srv/pool.py", .line = 9, .column = -1, .end_column = -1,
	  .source = "\titem = queue.get()", .address = 0x3100, .locals = locals, .local_count = 1 },
};

static struct ph_frame deep[10];

static const char *args[] = { "'bad'", "\"it's\"" }, *notes[] = { "a note", "of two\nlines" };
static ph_addr members[] = { 0x5300, 0x5400 }, inner_members[] = { 0x5500 };

static struct ph_exception exceptions[] = {
	{ .address = 0x5000, .type = "ValueError", .module = "builtins", .message = "bad \xed\xb2\x80 \xc0\x80 value",
	  .args = args, .arg_count = 2, .notes = notes, .note_count = 2, .traceback = stack + 1, .traceback_count = 2,
	  .cause = 0x5100, .context = 0x5100 },
	{ .address = 0x5100, .type = "Error", .module = "lib.errors", .message = "first", .context = 0x5200 },
	{ .address = 0x5200, .type = "ExceptionGroup", .module = "builtins", .message = "many (2 sub-exceptions)",
	  .traceback = stack, .traceback_count = 1, .members = members, .member_count = 2 },
	{ .address = 0x5300, .type = "KeyError", .module = "builtins", .message = "'k'", .context = 0x5000 },
	{ .address = 0x5400, .type = "ExceptionGroup", .module = "builtins", .message = "sub (1 sub-exception)",
	  .members = inner_members, .member_count = 1 },
	{ .address = 0x5500, .type = "RecursionError", .module = "builtins", .message = "", .traceback = deep,
	  .traceback_count = COUNT(deep) },
};

static struct ph_state_exception states[] = { { 0x5000, PH_EXCEPTION_RAISED }, { 0x5100, PH_EXCEPTION_HANDLED } };

static struct ph_thread threads[] = {
	{ .id = 0x7f0000000001, .native_id = 4711, .name = "MainThread", .crashed = true, .holds_gil = true, .has_pc = true,
	  .pc = { .module = "/usr/lib/libfoo.so.1.2", .offset = 0x1139, .has_offset = true, .build_id = "abcd",
		  .symbol = "foo_resize+0x12" },
	  .exceptions = states, .exception_count = 2, .frames = stack, .frame_count = 3 },
	{ .id = UINT64_MAX, .native_id = 4712, .name = "w`1`", .frames = wait_stack, .frame_count = 2, .has_waiting = true,
	  .waiting_for = { "lock", 0xf00, -1, NULL } },
	{ .id = 3, .native_id = 4713, .name = "w2", .frames = wait_stack, .frame_count = 2, .has_waiting = true,
	  .waiting_for = { "lock", 0xf10, -1, NULL } },
	{ .id = 4, .has_waiting = true, .waiting_for = { "syscall", 0, 202, "futex" }, .frames = wait_stack,
	  .frame_count = 1, .frames_omitted = 12 },
	{ .id = 5, .name = NULL, .interpreter = 1 },
};

static struct ph_task tasks[] = {
	{ .address = 0x6000, .name = "Task-1", .state = "running", .coroutine = "main", .awaiting = stack,
	  .awaiting_count = 1, .thread = 0x7f0000000001 },
	{ .address = 0x6100, .name = "w`\x1b", .state = "pending", .coroutine = "work", .awaiting = wait_stack,
	  .awaiting_count = 2, .has_waiting = true, .thread = 3,
	  .waiting_for = { "lock", 0x6110, "asyncio.locks.Lock", NULL, 0x6120 } },
	{ .address = 0x6200, .name = "w2", .state = "pending", .coroutine = "work", .awaiting = wait_stack,
	  .awaiting_count = 2, .has_waiting = true, .thread = 3,
	  .waiting_for = { "lock", 0x6110, "asyncio.locks.Lock", NULL, 0x6220 } },
	{ .address = 0x6300, .name = NULL, .state = "cancelling", .coroutine = "wait", .has_waiting = true,
	  .waiting_for = { "task", 0x6000, "_asyncio.Task", "Task-1", 0x6000 }, .interpreter = 1 },
};

static struct ph_native_thread_record natives[] = { { .native_id = 4720, .has_pc = true,
						      .pc = { .module = "/lib/libc.so.6", .offset = 0, .has_offset = true } } };
static struct ph_interpreter interpreters[] = {
	{ .id = 0, .main = true, .idle_thread_states = 2, .has_gc = true, .gc_enabled = true, .gc_counts = { 1, 2, 3 },
	  .gc_thresholds = { 700, 10, 10 }, .gc_garbage = 2 },
	{ .id = 1, .has_gc = false },
};
static struct ph_label labels[] = { { "pod", "web-1" }, { "commit", "a|b" } };

static void make(struct ph_report *r, int signal, const char *name)
{
	for (size_t i = 0; i < COUNT(deep); i++)
		deep[i] = (struct ph_frame){ .function = "f", .module = "app", .file = "/srv/app.py",
					     .line = i < 7 ? 3 : 4, .column = -1, .end_column = -1, .address = 0x9000 + i };
	*r = (struct ph_report){
		.image = { .kind = "elf-core", .arch = "x86_64", .os = "linux", .pid = 4711, .command = "python3 app.py",
			   .complete = true, .signal_number = signal, .signal_name = name,
			   .has_signal_address = signal == SIGSEGV, .signal_address = 8 },
		.python = { .implementation = "cpython", .version = "3.11.7", .executable = "/usr/bin/python3.11",
			    .origin = "table" },
		.interpreters = interpreters, .interpreter_count = 2,
		.threads = threads, .thread_count = COUNT(threads),
		.native_threads = natives, .native_thread_count = 1,
		.tasks = { tasks, COUNT(tasks), 3 },
		.exceptions = exceptions, .exception_count = COUNT(exceptions),
		.redaction = { PH_REDACT_SECRETS, 3 },
		.labels = labels, .label_count = 2,
	};
	ph_damage_add(&r->damage, PH_DAMAGE_HEAP, "dict at 0x10", "3 entries");
	ph_damage_add(&r->damage, PH_DAMAGE_HEAP, "dict at 0x10", "3 entries");
	ph_damage_add(&r->damage, PH_DAMAGE_REPORT, "thread \x1b 1", "cut");
	r->damage.dropped = 2;
	ph_report_sign(r);
}

/* ---- goldens ---- */

static char *slurp(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);
	*ret_size = f ? fread(text, 1, (1 << 20) - 1, f) : 0;
	if (f)
		fclose(f);
	return text;
}

static void check_golden(const char *name, const struct ph_buffer *got)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	size_t size;
	snprintf(path, sizeof(path), "%s/testsuite/golden/%s", top ? top : ".", name);
	if (getenv("UPDATE_GOLDEN")) {
		FILE *f = fopen(path, "wb");
		CHECK(f && fwrite(got->data, 1, got->size, f) == got->size);
		if (f)
			fclose(f);
	}
	char *want = slurp(path, &size);
	bool same = size == got->size && !memcmp(want, got->data, size);
	CHECK(same);
	if (!same)
		fprintf(stderr, "%s differs; got:\n%s\n", path, ph_buffer_text(got));
	free(want);
}

static void test_forms(void)
{
	struct ph_report r;
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	make(&r, SIGABRT, "SIGABRT");
	ph_report_json(&r, &out);
	check_golden("report.json", &out);
	ph_buffer_clear(&out);
	ph_report_text(&r, &(struct ph_text_options){ .locals = true, .fold = true }, &out);
	check_golden("report.txt", &out);
	CHECK(!strchr(ph_buffer_text(&out), '\033'));
	ph_buffer_clear(&out);
	ph_report_text(&r, &(struct ph_text_options){ .locals = true, .colour = true, .columns = 40 }, &out);
	check_golden("report-colour-40.txt", &out);
	ph_buffer_clear(&out);
	ph_report_markdown(&r, &out);
	check_golden("report.md", &out);
	ph_buffer_clear(&out);
	ph_report_exceptions_json(&r, &out);
	check_golden("exceptions.json", &out);
	ph_buffer_clear(&out);
	ph_report_exceptions_text(&r, NULL, &out);
	check_golden("exceptions.txt", &out);
	ph_buffer_deinit(&out);
	ph_report_deinit(&r);
}

/* ---- the way back ---- */

static void test_round_trip(void)
{
	struct ph_report r, back = { 0 };
	struct ph_buffer json = PH_BUFFER(PH_BUFFER_UNBOUNDED), again = json, all = json, a = json, b = json;
	make(&r, SIGSEGV, "SIGSEGV");
	ph_report_json(&r, &json);
	ph_report_exceptions_json(&r, &all);
	CHECK(!ph_report_parse(json.data, json.size, all.data, all.size, &back));
	ph_report_json(&back, &again);
	CHECK_STR(ph_buffer_text(&again), ph_buffer_text(&json));
	ph_report_text(&r, NULL, &a);
	ph_report_text(&back, NULL, &b);
	CHECK_STR(ph_buffer_text(&b), ph_buffer_text(&a));
	ph_report_deinit(&back);
	/* without exceptions.json as well */
	CHECK(!ph_report_parse(json.data, json.size, NULL, 0, &back));
	ph_buffer_clear(&again);
	ph_report_json(&back, &again);
	CHECK_STR(ph_buffer_text(&again), ph_buffer_text(&json));
	ph_report_deinit(&back);
	ph_report_deinit(&r);
	ph_buffer_deinit(&json);
	ph_buffer_deinit(&again);
	ph_buffer_deinit(&all);
	ph_buffer_deinit(&a);
	ph_buffer_deinit(&b);
}

/* A chain of 30, each both cause and context, the last leading back to the first. */
static void test_long_chain(void)
{
	static struct ph_exception chain[30];
	struct ph_state_exception first = { 0x7000, PH_EXCEPTION_HANDLED };
	struct ph_thread thread = { .id = 1, .exceptions = &first, .exception_count = 1 };
	struct ph_report r = { .threads = &thread, .thread_count = 1, .exceptions = chain, .exception_count = 30 }, back;
	struct ph_buffer json = PH_BUFFER(PH_BUFFER_UNBOUNDED), again = json, all = json;
	for (size_t i = 0; i < 30; i++) {
		ph_addr next = 0x7000 + 16 * ((i + 1) % 30);
		chain[i] = (struct ph_exception){ .address = 0x7000 + 16 * i, .type = "E", .cause = next, .context = next };
	}
	back = (struct ph_report){ 0 };
	ph_report_json(&r, &json);
	CHECK(json.size < 200000);
	CHECK(strstr(json.data, "{\"ref\": \"0x"));
	ph_report_exceptions_json(&r, &all);
	CHECK(!ph_report_parse(json.data, json.size, all.data, all.size, &back));
	CHECK_EQ(back.exception_count, 30);
	ph_report_json(&back, &again);
	CHECK_STR(ph_buffer_text(&again), ph_buffer_text(&json));
	ph_buffer_clear(&again);
	ph_report_text(&back, NULL, &again);
	CHECK(strstr(ph_buffer_text(&again), "direct cause"));
	ph_report_deinit(&back);
	ph_buffer_deinit(&json);
	ph_buffer_deinit(&again);
	ph_buffer_deinit(&all);
}

static void test_object(void)
{
	struct ph_arena arena = { 0 };
	ph_addr items[] = { 0x10, 0 }, pairs[][2] = { { 1, 2 }, { 3, 4 } };
	struct ph_object_attribute attributes[] = { { "a\xed\xb2\x80", 0x20 }, { "b", 0x30 } };
	struct ph_object o = {
		.address = UINT64_MAX, .type = "list", .size = 56, .refcount = INT64_MIN, .len = INT64_MIN,
		.repr = "[1]", .value = "x\xc0\x80\xf0\x9f\x98\x80\xed\xa0\xbd\xed\xb8\x80\"\\", .items = items, .item_count = 2,
		.has_items = true, .pairs = pairs, .pair_count = 2, .has_pairs = true, .attributes = attributes,
		.attribute_count = 2, .frame = &stack[1], .exception = &exceptions[2],
		.exception_members = &exceptions[3], .exception_member_count = 3,
	}, back;
	struct ph_buffer json = PH_BUFFER(PH_BUFFER_UNBOUNDED), again = json;
	ph_object_json(&o, &json);
	CHECK(strchr(json.data, '\n') == json.data + json.size - 1);
	CHECK(strstr(json.data, "\"value\":\"x\\u0000\xf0\x9f\x98\x80\xf0\x9f\x98\x80\\\"\\\\\""));
	CHECK(!ph_object_parse(json.data, json.size, &arena, &back));
	ph_object_json(&back, &again);
	CHECK_STR(ph_buffer_text(&again), ph_buffer_text(&json));
	ph_buffer_clear(&again);
	ph_object_text(&back, NULL, &again);
	CHECK(strstr(ph_buffer_text(&again), "KeyError: 'k'"));
	/* the record has fewer items than the object */
	ph_addr many[30] = { 0 };
	struct ph_object list = { .type = "list", .len = 20000, .repr = "[…]", .items = many, .item_count = 30, .truncated = true };
	ph_buffer_clear(&again);
	ph_object_text(&list, NULL, &again);
	CHECK(strstr(ph_buffer_text(&again), "... and 19980 more\n"));
	ph_arena_deinit(&arena);
	ph_buffer_deinit(&json);
	ph_buffer_deinit(&again);
}

/* Whatever a dump holds: an error or a report that can be printed. */
static void test_mutations(void)
{
	struct ph_report r;
	struct ph_buffer json = PH_BUFFER(PH_BUFFER_UNBOUNDED), out = json;
	uint64_t seed = 42;
	unsigned parsed = 0;
	make(&r, SIGSEGV, "SIGSEGV");
	ph_report_json(&r, &json);
	char *copy = malloc(json.size);
	for (int i = 0; i < 1500; i++) {
		static const char *const splices[] = { "null", "{}", "[]", "-1", "1e999", "\"0x5000\"", "\"", "18446744073709551615" };
		memcpy(copy, json.data, json.size);
		size_t size = json.size;
		for (int k = 0; k <= i % 3; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			size_t at = (seed >> 33) % (size - 32);
			const char *splice = splices[(seed >> 20) % COUNT(splices)];
			if (seed >> 63)
				copy[at] = (char)(seed >> 8);
			else if (seed >> 62)
				memcpy(copy + at, splice, strlen(splice));
			else if (memchr(copy + at, ':', 30)) /* a whole value, up to the line's end */
				for (char *p = (char *)memchr(copy + at, ':', 30) + 1; *p != '\n' && *p != ','; p++)
					*p = p[1] == ',' || p[1] == '\n' ? '7' : ' ';
		}
		struct ph_report back = { 0 };
		struct ph_error *error = ph_report_parse(copy, size, NULL, 0, &back);
		ph_buffer_clear(&out);
		if (error) {
			CHECK(error->code == PH_ERROR_BAD_DUMP);
			ph_error_free(error);
			continue;
		}
		parsed++;
		ph_report_json(&back, &out);
		ph_report_text(&back, NULL, &out);
		ph_report_markdown(&back, &out);
		ph_report_sign(&back);
		ph_report_signature_line(&back, &out);
		CHECK(out.size);
		ph_report_deinit(&back);
	}
	fprintf(stderr, "%u of 1500 mutations parsed\n", parsed);
	CHECK(parsed > 100);
	free(copy);
	char *deep = malloc(100000);
	memset(deep, '[', 100000);
	struct ph_error *error = ph_report_parse(deep, 100000, NULL, 0, &r);
	CHECK(error && error->code == PH_ERROR_BAD_DUMP);
	ph_error_free(error);
	free(deep);
	ph_report_deinit(&r);
	ph_buffer_deinit(&json);
	ph_buffer_deinit(&out);
}

/* ---- signatures: golden hashes pin version 1 ---- */

static void check_signature(struct ph_report *r, const char *line, const char *hash)
{
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_report_sign(r);
	ph_report_signature_line(r, &out);
	CHECK_STR(ph_buffer_text(&out), line);
	CHECK_STR(r->signature.hash, hash);
	ph_buffer_deinit(&out);
	ph_report_deinit(r);
}

#define F(m, f, path) { .module = m, .function = f, .file = path, .line = __LINE__, .address = __LINE__ }

static void test_signatures(void)
{
	struct ph_frame frames[] = {
		F("runpy", "run", "<frozen runpy>"), F("app", "main", "/srv/app.py"), F("app", "a", "/srv/app.py"),
		F("app", "<listcomp>", "/srv/app.py"), F("app", "b", "/srv/app.py"), F("app", "a", "/srv/app.py"),
		F("app", "b", "/srv/app.py"), F("app.resize", "shrink", "/srv/app/resize.py"),
		F("json", "loads", "/usr/lib/python3.11/json/__init__.py"), F("numpy", "f", "/v/site-packages/numpy/x.py"),
	};
	/* the same on another machine and Python: paths, lines, comprehension frames and depth of recursion differ */
	struct ph_frame other[] = {
		F("app", "main", "C:\\x\\app.py"), F("app", "a", "/y/app.py"), F("app", "b", "/y/app.py"),
		F("app.resize", "shrink", "/y/resize.py"), F("json", "loads", "/opt/cpython/lib/python3.13t/json/__init__.py"),
		F("json", "x", "/z/python312.zip/json.py"),
	};
	struct ph_frame library[] = { F("threading", "run", "/usr/lib/python3.8/threading.py") };
	struct ph_exception e = { .address = 1, .type = "ValueError", .module = "builtins", .traceback = frames,
				  .traceback_count = COUNT(frames) };
	struct ph_exception mine = { .address = 1, .type = "E", .module = "app", .traceback = other,
				     .traceback_count = COUNT(other) };
	struct ph_state_exception state = { 1, PH_EXCEPTION_HANDLED };
	struct ph_thread t = { .crashed = true, .frames = frames, .frame_count = COUNT(frames), .exceptions = &state,
			       .exception_count = 1, .has_pc = true, .pc.module = "/opt/libfoo-1.2.so.3" };
	struct ph_report r = { .threads = &t, .thread_count = 1, .exceptions = &e, .exception_count = 1,
			       .image = { .signal_number = SIGSEGV, .signal_name = "SIGSEGV" } }, again = r;
	check_signature(&r, "1:cb57fe9f SIGSEGV in libfoo.so < app.resize:shrink\n", "cb57fe9fe2728b02");
	r = again;
	t.frames = other, t.frame_count = COUNT(other), t.pc.module = "libfoo.so";
	check_signature(&r, "1:cb57fe9f SIGSEGV in libfoo.so < app.resize:shrink\n", "cb57fe9fe2728b02");
	r = again, t.frame_count = 0, t.pc.module = "/usr/lib/libpython3.11.so.1.0";
	check_signature(&r, "1:cda4f6ea SIGSEGV in python\n", "cda4f6ea2226eef7");
	r = again, t.pc.module = "/usr/bin/python3.9";
	check_signature(&r, "1:cda4f6ea SIGSEGV in python\n", "cda4f6ea2226eef7");
	r = again, t.pc.module = "C:\\Python312\\Python312.DLL";
	check_signature(&r, "1:cda4f6ea SIGSEGV in python\n", "cda4f6ea2226eef7");
	r = again, t.pc.module = "C:\\v\\_foo.cp312-win_amd64.pyd";
	check_signature(&r, "1:22bf2993 SIGSEGV in _foo.pyd\n", "22bf299324c0a856");
	r = again, t.pc.module = "C:\\Windows\\System32\\NTDLL.dll";
	check_signature(&r, "1:19d0b73c SIGSEGV in ntdll.dll\n", "19d0b73c8cc36b4a");
	again.image.signal_number = SIGABRT, again.image.signal_name = "SIGABRT", r = again;
	check_signature(&r, "1:c4085d1c ValueError in app.resize:shrink\n", "c4085d1c0801aea0");
	r = again, e.traceback = other, e.traceback_count = COUNT(other), r.image.signal_number = 0;
	check_signature(&r, "1:c4085d1c ValueError in app.resize:shrink\n", "c4085d1c0801aea0");
	r = again, r.exceptions = &mine;
	check_signature(&r, "1:4013f474 app.E in app.resize:shrink\n", "4013f474df72bdec");
	r = again, t.exception_count = 0, t.frames = library, t.frame_count = 1;
	check_signature(&r, "1:24b6e202 SIGABRT in threading:run\n", "24b6e202192ae7f7");
	r = again, r.image.signal_number = 0, r.thread_count = 0;
	check_signature(&r, "1:e694bc4e stopped\n", "e694bc4e08fdf767");
}

/* Two functions that call one another are printed once. */
static void test_cycles(void)
{
	struct ph_frame round[903];
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_thread thread = { .id = 1, .frames = round, .frame_count = COUNT(round) };
	struct ph_report r = { .threads = &thread, .thread_count = 1 };
	for (size_t i = 0; i < COUNT(round); i++)
		round[i] = (struct ph_frame){ .function = i && i <= 900 ? (i % 2 ? "even" : "odd") : i ? "end" : "<module>",
					      .file = "a.py", .line = i ? 3 : 9, .column = -1, .end_column = -1 };
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(strstr(ph_buffer_text(&out), "  File \"a.py\", line 9, in <module>\n"
					   "  File \"a.py\", line 3, in even\n"
					   "  File \"a.py\", line 3, in odd\n"
					   "  [Previous 2 frames repeated 449 more times]\n"
					   "  File \"a.py\", line 3, in end\n"
					   "  File \"a.py\", line 3, in end\n"));
	/* twice is no cycle yet */
	ph_buffer_clear(&out);
	thread.frames = round + 1;
	thread.frame_count = 4;
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(!strstr(ph_buffer_text(&out), "repeated"));
	/* of the last round a part is left over */
	ph_buffer_clear(&out);
	thread.frame_count = 7;
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(strstr(ph_buffer_text(&out), "  File \"a.py\", line 3, in odd\n"
					   "  [Previous 2 frames repeated 2 more times]\n"
					   "  File \"a.py\", line 3, in even\n"));
	ph_buffer_deinit(&out);
}

static void test_same_lock(void)
{
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_thread two[] = { threads[1], threads[2] };
	struct ph_report r = { .threads = two, .thread_count = 2 };
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(strstr(ph_buffer_text(&out), ", waiting for a lock, "));
	two[1].waiting_for.address = two[0].waiting_for.address;
	ph_buffer_clear(&out);
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(strstr(ph_buffer_text(&out), ", waiting for the lock at 0xf00, "));
	ph_buffer_deinit(&out);
}

static void test_markdown_names(void)
{
	struct ph_label label[] = { { "a_b", "x__y_z" }, { "k", "_em_ a_ _b __init__.py" } };
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	struct ph_report r = { .labels = label, .label_count = 2 };
	ph_report_markdown(&r, &out);
	CHECK(strstr(ph_buffer_text(&out), "| a_b | x__y_z |\n"));
	CHECK(strstr(ph_buffer_text(&out), "| k | &#95;em&#95; a&#95; &#95;b &#95;&#95;init&#95;&#95;.py |\n"));
	ph_buffer_deinit(&out);
}

static void test_syntax(void)
{
	struct ph_syntax syntax = { "bad", "conf.py", "  a = (b +* c)\n", 7, 8, 13 };
	struct ph_exception e = { .address = 0x10, .type = "SyntaxError", .module = "builtins",
				  .message = "bad (conf.py, line 7)", .syntax = &syntax };
	struct ph_state_exception state = { 0x10, PH_EXCEPTION_HANDLED };
	struct ph_thread thread = { .id = 1, .exceptions = &state, .exception_count = 1 };
	struct ph_report r = { .threads = &thread, .thread_count = 1, .exceptions = &e, .exception_count = 1 };
	struct ph_buffer out = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(strstr(ph_buffer_text(&out), "  File \"conf.py\", line 7\n"
					   "    a = (b +* c)\n"
					   "         ^^^^^\n"
					   "SyntaxError: bad\n"));
	/* places outside of the line give at most one caret */
	syntax.end_offset = INT32_MAX;
	ph_buffer_clear(&out);
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(strstr(ph_buffer_text(&out), "\n         ^\nSyntaxError: bad\n"));
	syntax.offset = INT32_MAX;
	ph_buffer_clear(&out);
	ph_report_text(&r, &(struct ph_text_options){ .fold = true }, &out);
	CHECK(!strchr(ph_buffer_text(&out), '^'));
	ph_buffer_clear(&out);
	ph_report_json(&r, &out);
	CHECK(strstr(ph_buffer_text(&out), "\"end_offset\""));
	ph_buffer_deinit(&out);
}

int main(void)
{
	test_forms();
	test_syntax();
	test_cycles();
	test_same_lock();
	test_markdown_names();
	test_round_trip();
	test_long_chain();
	test_object();
	test_mutations();
	test_signatures();
	return CHECK_DONE();
}
