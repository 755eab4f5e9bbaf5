/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader: what was written comes back; nothing in a file that was cut or altered is believed. */
#include "check.h"
#include "dumpmaker.h"

#include "base/cursor.h"
#include "dump/format.h"
#include "dump/zipwriter.h"

#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/test-dump-read.XXXXXX";
static char path[64], harmed[64];
static char *whole; /* the dump's bytes */
static size_t whole_size;
static struct ph_buffer report_json = { .maximum = PH_BUFFER_UNBOUNDED };
static struct ph_buffer object_json = { .maximum = PH_BUFFER_UNBOUNDED }; /* of the objects asked for */

#define ASKED 5
static ph_addr asked[ASKED]; /* the last is not in the dump */

static void ask(void)
{
	for (size_t i = 0; i < ASKED; i++)
		asked[i] = maker_address(i == ASKED - 1 ? MAKER_OBJECTS : (i * 131 + 498) % MAKER_OBJECTS);
	asked[2] = asked[0];
}

static void put_objects(struct ph_object **objects, struct ph_buffer *out)
{
	for (size_t i = 0; i < ASKED; i++) {
		if (objects[i])
			ph_object_json(objects[i], out);
		else
			ph_buffer_puts(out, "none\n");
	}
}

/* Everything that can be had of a file; true when it is all as it was. False needs
 * a reason: an error or a problem. */
static bool read_all(const char *file, char *reason, size_t size)
{
	struct ph_dump *dump;
	const struct ph_report *report;
	struct ph_object *objects[ASKED];
	struct ph_arena arena = { 0 };
	ph_auto_buffer struct ph_buffer json = PH_BUFFER(PH_BUFFER_UNBOUNDED), lines = PH_BUFFER(PH_BUFFER_UNBOUNDED);
	*reason = '\0';
	struct ph_error *error = ph_dump_open(file, &dump);
	if (error) {
		snprintf(reason, size, "%s", error->message);
		ph_error_free(error);
		return false;
	}
	error = ph_dump_report(dump, &report);
	if (!error)
		ph_report_json(report, &json);
	struct ph_error *second = ph_dump_objects(dump, asked, ASKED, &arena, objects);
	if (!second)
		put_objects(objects, &lines);
	const char *problem = ph_dump_problem(dump);
	snprintf(reason, size, "%s", error ? error->message : second ? second->message : problem ? problem : "");
	ph_error_free(error);
	ph_error_free(second);
	ph_arena_deinit(&arena);
	ph_dump_close(dump);
	/* a report is right or is not given */
	CHECK(!json.size || (json.size == report_json.size && !memcmp(json.data, report_json.data, json.size)));
	return json.size && lines.size == object_json.size && !memcmp(lines.data, object_json.data, lines.size);
}

static void test_comes_back(const struct maker *m)
{
	char reason[512];
	struct ph_dump *dump;
	const struct ph_report *report;
	char *member;
	size_t size;
	CHECK(read_all(path, reason, sizeof(reason)));
	CHECK_STR(reason, "");
	CHECK(!ph_dump_open(path, &dump));
	CHECK(!ph_dump_member(dump, PH_MEMBER_REPORT, 1 << 20, &member, &size));
	CHECK(size == report_json.size && !memcmp(member, report_json.data, size));
	free(member);
	CHECK(!ph_dump_member(dump, "sources/0002-main.py", 1 << 20, &member, &size));
	CHECK(size == 11 && !memcmp(member, "import sys\n", 12));
	free(member);
	CHECK(!ph_dump_report(dump, &report));
	CHECK_EQ(report->exception_count, m->report.exception_count);
	CHECK_STR(report->exceptions[MAKER_DEEP - 1].message, m->report.exceptions[MAKER_DEEP - 1].message);
	CHECK_EQ(ph_damage_is_serious(&report->damage), ph_damage_is_serious(&m->report.damage));
	struct ph_error *error = ph_dump_member(dump, PH_MEMBER_REPORT, 100, &member, &size);
	CHECK(error && error->code == PH_ERROR_BAD_DUMP && strstr(error->message, "larger than"));
	ph_error_free(error);
	error = ph_dump_member(dump, "nothing", 100, &member, &size);
	CHECK(error && strstr(error->message, "no member nothing"));
	ph_error_free(error);
	ph_dump_close(dump);
}

static void test_through_pipe(void)
{
	char reason[512];
	int ends[2];
	CHECK(!pipe(ends));
	pid_t child = fork();
	if (!child) {
		close(ends[0]);
		for (size_t done = 0; done < whole_size;) {
			ssize_t n = write(ends[1], whole + done, whole_size - done);
			done += n > 0 ? (size_t)n : 0;
		}
		_exit(0);
	}
	close(ends[1]);
	int saved = dup(STDIN_FILENO);
	dup2(ends[0], STDIN_FILENO);
	CHECK(read_all("-", reason, sizeof(reason)));
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(ends[0]);
	CHECK(waitpid(child, NULL, 0) == child);
}

/* Cut anywhere: always said, and the report is there whenever its bytes are. */
static void test_cut(void)
{
	char reason[512];
	size_t with_report = 0, step = 97, cuts = 0;
	for (size_t size = 0; size < whole_size; size += step, cuts++) {
		CHECK(maker_spill(harmed, whole, size));
		bool all = read_all(harmed, reason, sizeof(reason));
		if (!*reason || (!strstr(reason, "is cut") && !strstr(reason, "is empty") &&
				 !strstr(reason, "is not a dump")))
			fprintf(stderr, "cut at %zu: %s\n", size, reason);
		CHECK(*reason && (strstr(reason, "is cut") || strstr(reason, "is empty") ||
				  strstr(reason, "is not a dump")));
		struct ph_dump *dump;
		const struct ph_report *report;
		struct ph_error *error = ph_dump_open(harmed, &dump);
		if (!error) {
			error = ph_dump_report(dump, &report);
			with_report += !error;
			ph_dump_close(dump);
		}
		ph_error_free(error);
		(void)all;
	}
	/* closure.jsonl and the directory are well over half of the file */
	CHECK(with_report > cuts / 2);
}

/* One byte altered anywhere: what is given without a word is as it was. */
static void test_altered(void)
{
	char reason[512];
	ph_auto_free char *copy = malloc(whole_size);
	size_t noticed = 0, step = 37;
	for (size_t i = 0; i < whole_size; i += i + 2000 < whole_size ? step : 3) {
		memcpy(copy, whole, whole_size);
		copy[i] ^= (char)(1 << i % 8);
		CHECK(maker_spill(harmed, copy, whole_size));
		bool all = read_all(harmed, reason, sizeof(reason));
		if (!all && !*reason)
			fprintf(stderr, "byte %zu altered, and no word of it\n", i);
		CHECK(all || *reason);
		noticed += *reason != '\0';
	}
	CHECK(noticed > whole_size / step / 2);
}

/* The last occurrence of `needle`, `size` bytes; patched in all places before it with `all`. */
static void patch(char *copy, const char *needle, size_t size, const char *by, bool all)
{
	bool done = false;
	for (size_t i = whole_size - size + 1; i-- > 0 && (all || !done);)
		if (!memcmp(copy + i, needle, size)) {
			memcpy(copy + i, by, size);
			done = true;
		}
	CHECK(done);
}

static void expect_patched(const char *needle, const char *by, size_t size, bool all, const char *says, int line)
{
	char reason[512];
	ph_auto_free char *copy = malloc(whole_size);
	memcpy(copy, whole, whole_size);
	patch(copy, needle, size, by, all);
	CHECK(maker_spill(harmed, copy, whole_size));
	read_all(harmed, reason, sizeof(reason));
	if (!strstr(reason, says))
		fprintf(stderr, "line %d: \"%s\"\n", line, reason);
	CHECK(strstr(reason, says));
}

static void test_hostile(void)
{
	/* two members of one name, in directory and local headers */
	expect_patched("closure.jsonl", "manifest.json", 13, true, "manifest.json is altered", __LINE__);
	/* the directory says another name than the member itself */
	expect_patched("report.json", "rePort.json", 11, false, "no member report.json", __LINE__);
	/* a directory that is not where it is said to be */
	expect_patched("PK\1\2", "PK\1\3", 4, false, "directory that is altered", __LINE__);
	expect_patched("PK\5\6", "PK\5\7", 4, true, "no archive directory", __LINE__);
	expect_patched("PK\5\6\0\0\0\0", "PK\5\6\0\0\0\0", 8, false, "", __LINE__);
}

/* Fields of the end record and of a directory's entry, each with the worst values. */
static void test_numbers(void)
{
	static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	char reason[512];
	ph_auto_free char *copy = malloc(whole_size);
	char *end = memmem(whole, whole_size, "PK\5\6", 4), *entry = memmem(whole, whole_size, "PK\1\2", 4);
	CHECK(end && entry);
	for (size_t field = 4; field < ZIP_ENTRY_SIZE; field += 2)
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
			for (int which = 0; which < 2; which++) {
				size_t at = (size_t)((which ? entry : end) - whole) + field;
				if (at + 4 > whole_size || (!which && field >= ZIP_END_SIZE))
					continue;
				memcpy(copy, whole, whole_size);
				memcpy(copy + at, &values[v], 4);
				CHECK(maker_spill(harmed, copy, whole_size));
				CHECK(read_all(harmed, reason, sizeof(reason)) || *reason);
			}
}

static void expect_other(const char *bytes, size_t size, const char *says)
{
	char reason[512];
	CHECK(maker_spill(harmed, bytes, size));
	CHECK(!read_all(harmed, reason, sizeof(reason)));
	if (!strstr(reason, says))
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", reason, says);
	CHECK(strstr(reason, says));
}

static void test_other_files(void)
{
	char reason[512];
	static const char core[64] = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0", program[64] = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0";
	static const char mime[] = "Content-Type: multipart/related; type=\"application/x.python-heapdump\"\n\nx";
	expect_other("", 0, "is empty");
	expect_other("hello", 5, "is not a dump made by core2pyheap");
	expect_other(core, sizeof(core), "is a core: run core2pyheap on it first");
	expect_other(program, sizeof(program), "is an ELF file");
	expect_other("\x28\xb5\x2f\xfd....", 8, "compressed by zstd");
	expect_other("\0\0\0\0\x07\x54\xd6\x01....", 12, "PyHeap, another tool");
	expect_other(mime, sizeof(mime) - 1, "python -m pyheapdump");
	expect_other(mime, sizeof(mime) - 3, "is cut");
	CHECK(!read_all(folder, reason, sizeof(reason)) && strstr(reason, "is a folder"));
	CHECK(!read_all("/dev/zero", reason, sizeof(reason)) && strstr(reason, "is a device"));
	CHECK(!read_all("/nonexistent", reason, sizeof(reason)) && strstr(reason, "No such file"));
}

/* An archive with members of our own making. */
static void write_archive(const char *manifest, const char *report, const char *closure)
{
	FILE *file = fopen(harmed, "w+b");
	struct ph_zipwriter writer;
	CHECK(file && !ph_zipwriter_open(file, harmed, 0, &writer));
	CHECK(!ph_zipwriter_add(&writer, PH_MEMBER_MANIFEST, manifest, strlen(manifest)));
	CHECK(!ph_zipwriter_add(&writer, PH_MEMBER_REPORT, report, strlen(report)));
	CHECK(!ph_zipwriter_add(&writer, PH_MEMBER_EXCEPTIONS, "{\"exceptions\":[]}", 17));
	CHECK(!ph_zipwriter_add(&writer, PH_MEMBER_CLOSURE, closure, strlen(closure)));
	CHECK(!ph_zipwriter_finish(&writer, ""));
	CHECK(!fclose(file));
}

static void expect_archive(const char *manifest, const char *report, const char *closure, const char *says)
{
	char reason[512];
	write_archive(manifest, report, closure);
	read_all(harmed, reason, sizeof(reason));
	if (!strstr(reason, says))
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", reason, says);
	CHECK(strstr(reason, says));
}

static void test_hostile_members(void)
{
	static const char ours[] = "{\"format\":\"pyheap-dump\",\"version\":1}";
	static char deep[100001], line[256];
	memset(deep, '[', sizeof(deep) - 1);
	expect_archive("{\"format\":\"other\",\"version\":1}", "{}", "", "not a dump made by core2pyheap");
	expect_archive("[]", "{}", "", "not a dump made by core2pyheap");
	expect_archive(deep, "{}", "", "not a dump made by core2pyheap");
	expect_archive("{\"format\":\"pyheap-dump\",\"version\":2}", "{}", "", "use a newer pyheap");
	expect_archive("{\"format\":\"pyheap-dump\"}", "{}", "", "is of format -1");
	expect_archive(ours, "", "", "report.json");
	expect_archive(ours, deep, "", "report.json");
	expect_archive(ours, "[1]", "", "report.json");
	/* a line whose beginning and contents disagree, one that is no JSON */
	snprintf(line, sizeof(line), "{\"address\":\"0x%llx\",\"address\":\"0x1\"}\n", (unsigned long long)asked[0]);
	expect_archive(ours, report_json.data, line, "line 1: two addresses");
	snprintf(line, sizeof(line), "\n\n{\"address\":\"0x%llx\",[}\n", (unsigned long long)asked[0]);
	expect_archive(ours, report_json.data, line, "line 3:");
}

int main(void)
{
	struct maker m;
	char reason[512];
	maker_init(&m);
	ask();
	if (!mkdtemp(folder))
		return 99;
	snprintf(path, sizeof(path), "%s/a.pyheap", folder);
	snprintf(harmed, sizeof(harmed), "%s/b.pyheap", folder);
	ph_report_json(&m.report, &report_json);
	for (size_t i = 0; i < ASKED; i++) {
		struct ph_arena arena = { 0 };
		struct ph_object object;
		if (i == ASKED - 1) {
			ph_buffer_puts(&object_json, "none\n");
			break;
		}
		CHECK(!ph_render_object(&m.render, asked[i], &arena, &object));
		ph_object_json(&object, &object_json);
		ph_arena_deinit(&arena);
	}
	CHECK(!ph_dump_write(path, false, &m.contents));
	whole = maker_slurp(path, &whole_size);
	CHECK(whole && read_all(path, reason, sizeof(reason)));
	test_comes_back(&m);
	test_through_pipe();
	test_other_files();
	test_cut();
	test_altered();
	test_hostile();
	test_numbers();
	test_hostile_members();
	unlink(path);
	unlink(harmed);
	rmdir(folder);
	free(whole);
	ph_buffer_deinit(&report_json);
	ph_buffer_deinit(&object_json);
	maker_deinit(&m);
	return CHECK_DONE();
}
