/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer: the same bytes twice, whole or absent, safe names.
 * With an argument: writes the dump of dumpmaker.h there, for testsuite/dump.sh. */
#include "check.h"
#include "dumpmaker.h"

#include "dump/format.h"
#include "dump/manifest.h"
#include "dump/tail.h"
#include "dump/zipwriter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/test-dump-write.XXXXXX";
static char path[64], other[64], link_path[64];

static unsigned files_in_folder(void)
{
	unsigned count = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *e; dir && (e = readdir(dir));)
		count += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	if (dir)
		closedir(dir);
	return count;
}

static void expect(struct ph_error *error, enum ph_error_code code, const char *says, int line)
{
	if (!error || error->code != code || !strstr(error->message, says)) {
		fprintf(stderr, "line %d: %s\n", line, error ? error->message : "no error");
		CHECK(!"the error expected");
	} else {
		CHECK(true);
	}
	ph_error_free(error);
}

static bool same_file(const char *a, const char *b)
{
	size_t x_size = 0, y_size = 1;
	ph_auto_free char *x = maker_slurp(a, &x_size), *y = maker_slurp(b, &y_size);
	return x && y && x_size == y_size && !memcmp(x, y, x_size);
}

static void test_same_bytes(struct maker *m)
{
	struct stat st;
	setenv("TZ", "Asia/Tokyo", 1);
	CHECK(!ph_dump_write(path, false, &m->contents));
	setenv("TZ", "America/Lima", 1);
	CHECK(!ph_dump_write(other, true, &m->contents));
	CHECK(same_file(path, other));
	CHECK(!stat(path, &st) && (st.st_mode & 07777) == 0600 && st.st_nlink == 1);
	CHECK_EQ(files_in_folder(), 2);
}

static void test_publishing(struct maker *m)
{
	expect(ph_dump_write(path, false, &m->contents), PH_ERROR_IO, "exists already", __LINE__);
	CHECK(!ph_dump_write(path, true, &m->contents));
	expect(ph_dump_write(folder, true, &m->contents), PH_ERROR_IO, "is a folder", __LINE__);
	expect(ph_dump_write("/nonexistent/folder/x.pyheap", true, &m->contents), PH_ERROR_IO, "No such file", __LINE__);
	/* through a link to a file: the link stays */
	CHECK(!unlink(other) && !symlink(path, link_path) && maker_spill(path, "old", 3));
	CHECK(!ph_dump_write(link_path, true, &m->contents));
	struct stat st;
	CHECK(!lstat(link_path, &st) && S_ISLNK(st.st_mode));
	CHECK(!stat(path, &st) && st.st_size > 1000);
	/* never through a link to nowhere when nothing may be overwritten */
	CHECK(!unlink(link_path) && !symlink("/tmp/test-dump-nowhere", link_path));
	expect(ph_dump_write(link_path, false, &m->contents), PH_ERROR_IO, "exists already", __LINE__);
	CHECK(access("/tmp/test-dump-nowhere", F_OK) < 0);
	CHECK(!unlink(link_path));
	CHECK_EQ(files_in_folder(), 1);
}

static void test_devices(struct maker *m)
{
	struct stat st;
	if (stat("/dev/full", &st) || !S_ISCHR(st.st_mode))
		return;
	expect(ph_dump_write("/dev/full", true, &m->contents), PH_ERROR_IO, "No space left", __LINE__);
	CHECK(!ph_dump_write("/dev/null", true, &m->contents));
	CHECK(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
}

/* At every size that a full disk may leave: nothing else is left. */
static void test_full_disk(struct maker *m)
{
	size_t whole = 0;
	free(maker_slurp(path, &whole));
	CHECK(!unlink(path));
	signal(SIGXFSZ, SIG_IGN);
	for (size_t limit = 0; limit < whole; limit += whole / 23) {
		struct rlimit old, small;
		getrlimit(RLIMIT_FSIZE, &old);
		small = old;
		small.rlim_cur = limit;
		setrlimit(RLIMIT_FSIZE, &small);
		struct ph_error *error = ph_dump_write(path, true, &m->contents);
		setrlimit(RLIMIT_FSIZE, &old);
		expect(error, PH_ERROR_IO, "File too large", __LINE__);
		CHECK_EQ(files_in_folder(), 0);
	}
	CHECK(!ph_dump_write(path, false, &m->contents));
}

static bool cancel(void *user, const char *stage, unsigned long long done, unsigned long long total)
{
	(void)user, (void)stage, (void)done, (void)total;
	return false;
}

static void test_cancelled(struct maker *m)
{
	struct ph_callbacks callbacks = { .progress = cancel };
	CHECK(!unlink(path));
	m->contents.callbacks = &callbacks;
	expect(ph_dump_write(path, true, &m->contents), PH_ERROR_CANCELLED, "", __LINE__);
	m->contents.callbacks = NULL;
	CHECK_EQ(files_in_folder(), 0);
	CHECK(!ph_dump_write(path, true, &m->contents));
}

/* "-" into a pipe gives what a file gets. */
static void test_standard_output(struct maker *m)
{
	int ends[2], status;
	CHECK(!pipe(ends));
	pid_t child = fork();
	if (!child) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		_exit(ph_dump_write("-", true, &m->contents) != NULL);
	}
	close(ends[1]);
	size_t size = 0, got = 0;
	ph_auto_free char *want = maker_slurp(path, &size);
	char piece[4096];
	bool same = true;
	for (ssize_t n; (n = read(ends[0], piece, sizeof(piece))) > 0; got += (size_t)n)
		same = same && got + (size_t)n <= size && !memcmp(want + got, piece, (size_t)n);
	close(ends[0]);
	CHECK(waitpid(child, &status, 0) == child && !status);
	CHECK(same && got == size);
}

/* Made in the caller's own file, whose position is behind it then. */
static void test_standard_output_file(struct maker *m)
{
	int status, fd = open(other, O_RDWR | O_CREAT | O_TRUNC, 0600);
	pid_t child = fork();
	if (!child) {
		dup2(fd, STDOUT_FILENO);
		_exit(ph_dump_write("-", true, &m->contents) != NULL);
	}
	CHECK(waitpid(child, &status, 0) == child && !status);
	struct stat st;
	CHECK(!fstat(fd, &st) && st.st_size > 1000 && lseek(fd, 0, SEEK_CUR) == st.st_size);
	close(fd);
	unlink(other);
}

static void test_source_names(void)
{
	static const char *const want[] = { "sources/0001-main.py", "sources/0002-main.py", "sources/0003-evil.py",
					    "sources/0004-win.py",  "sources/0005-_hidden___31m___._py", "sources/0006-_",
					    "sources/0007-" };
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ph_auto_buffer struct ph_buffer name = PH_BUFFER(256);
		ph_dump_source_member(maker_sources[i].path, i, &name);
		CHECK_STR(ph_buffer_text(&name), want[i]);
	}
}

static void test_dates(void)
{
	CHECK_EQ(ph_zip_date(0), 1u << 21 | 1u << 16); /* 1980-01-01 00:00:00 */
	CHECK_EQ(ph_zip_date(INT64_MIN), 1u << 21 | 1u << 16);
	CHECK_EQ(ph_zip_date(INT64_MAX), 127u << 25 | 12u << 21 | 31u << 16 | 23u << 11 | 59u << 5 | 29u);
	/* 2023-11-14 22:13:20 */
	CHECK_EQ(ph_zip_date(1700000000), 43u << 25 | 11u << 21 | 14u << 16 | 22u << 11 | 13u << 5 | 10u);
}

/* Pieces of all sizes, gone back over now and then, near and far: the file is what memory is. */
static void test_tail(void)
{
	enum { SIZE = 5 * PH_TAIL, START = 100 };
	uint8_t *expected = calloc(1, SIZE), *there = calloc(1, SIZE);
	struct ph_tail tail;
	uint64_t state = 1, end = START;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(expected && there && fd >= 0 && ph_tail_init(&tail, fd, START));
	while (end < SIZE - PH_TAIL - 4096) {
		state = state * UINT64_C(6364136223846793005) + 1;
		bool back = end > START + 64 && state >> 62 == 0, large = state >> 56 == 0xff;
		uint64_t at = back ? START + (state >> 30) % (end - START - 32) : end;
		/* mostly near the end, as headers are */
		if (back && state >> 61 & 1 && end > START + 9000)
			at = end - 32 - (state >> 30) % 8000;
		size_t size = back ? 1 + (state >> 20 & 15) : large ? PH_TAIL + 77 : (size_t)(state >> 40 & 4095);
		for (size_t i = 0; i < size; i++)
			expected[at + i] = (uint8_t)(state >> i % 8 * 8);
		CHECK(ph_tail_seek(&tail, at) && ph_tail_write(&tail, expected + at, size));
		end = at + size > end ? at + size : end;
		CHECK(ph_tail_end(&tail) == end && tail.position == at + size);
	}
	CHECK(!ph_tail_seek(&tail, end + 1));
	CHECK(ph_tail_flush(&tail) && lseek(fd, 0, SEEK_END) == (off_t)end);
	CHECK(pread(fd, there, SIZE, 0) == (ssize_t)end && !memcmp(there, expected, end));
	ph_tail_deinit(&tail);
	close(fd);
	/* what cannot be written is told once it is no longer held */
	fd = open("/dev/full", O_RDWR);
	CHECK(fd >= 0 && ph_tail_init(&tail, fd, 0) && ph_tail_write(&tail, expected, 100));
	CHECK(!ph_tail_flush(&tail) && errno == ENOSPC);
	CHECK(!ph_tail_write(&tail, expected, 2 * PH_TAIL));
	ph_tail_deinit(&tail);
	close(fd);
	unlink(path);
	free(expected);
	free(there);
}

int main(int argc, char **argv)
{
	struct maker m;
	maker_init(&m);
	if (argc > 1) {
		struct ph_error *error = ph_dump_write(argv[1], true, &m.contents);
		if (error)
			fprintf(stderr, "%s\n", error->message);
		maker_deinit(&m);
		return error != NULL;
	}
	if (!mkdtemp(folder))
		return 99;
	snprintf(path, sizeof(path), "%s/a.pyheap", folder);
	snprintf(other, sizeof(other), "%s/b.pyheap", folder);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	test_source_names();
	test_dates();
	test_tail();
	test_same_bytes(&m);
	test_publishing(&m);
	test_devices(&m);
	test_full_disk(&m);
	test_cancelled(&m);
	test_standard_output(&m);
	test_standard_output_file(&m);
	unlink(path);
	rmdir(folder);
	maker_deinit(&m);
	return CHECK_DONE();
}
