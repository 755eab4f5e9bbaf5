/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening: kinds of file, compressed forms, pipes, no room; and files that the target names. */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4frame.h>
#include <lzma.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "unit/check.h"
#include "unit/corebuilder.h"

#define A 0x10000000ull
#define SIZE ((size_t)1 << 20)

static char folder[] = "/tmp/test-image-open-XXXXXX";

static const char *in_folder(const char *name)
{
	static char paths[4][4096];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "wb");
	CHECK(f && fwrite(data, 1, size, f) == size);
	if (f)
		fclose(f);
}

static struct bytes sample(void)
{
	struct bytes notes = { 0 }, memory = { 0 };
	put_thread(&notes, 1, 6, 0, 0, -1);
	put_zeros(&memory, SIZE);
	/* noise that does not compress away, then a long hole, then a mark */
	uint32_t x = 1;
	for (size_t i = 0; i < SIZE / 4; i++)
		memory.data[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	memcpy(memory.data + SIZE - 4, "mark", 4);
	struct load load = { A, SIZE, 6, memory.data, SIZE };
	struct bytes core = build_core(&notes, &load, 1);
	free(memory.data);
	free(notes.data);
	return core;
}

enum form { ZSTD, LZ4, GZIP, XZ, FORMS };

static struct bytes pack(enum form form, const void *data, size_t size)
{
	struct bytes b = { 0 };
	size_t room = 2 * size + 65536, used = 0;
	uint8_t *to = malloc(room);
	if (form == ZSTD)
		used = ZSTD_compress(to, room, data, size, 1);
	else if (form == LZ4)
		used = LZ4F_compressFrame(to, room, data, size, NULL);
	else if (form == XZ)
		lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, data, size, to, &used, room);
	else {
		z_stream z = { .next_in = (Bytef *)data, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)room };
		deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
		deflate(&z, Z_FINISH);
		used = z.total_out;
		deflateEnd(&z);
	}
	put_bytes(&b, to, used);
	free(to);
	return b;
}

/* Exit status of opening; 0 when it is whole, 1 when it is cut. */
static int try_open(const char *path, const char *expected)
{
	struct ph_image *image = NULL;
	struct ph_error *error = ph_image_open_core(path, NULL, &image);
	int status = error ? ph_error_exit_status(error) : !ph_image_info(image)->complete;
	if (error && expected && !strstr(error->message, expected)) {
		fprintf(stderr, "%s: %s\n", path, error->message);
		CHECK(!"the expected message");
	}
	if (!status) {
		const char *mark = ph_image_view(image, A + SIZE - 4, 4);
		CHECK(mark && !memcmp(mark, "mark", 4));
	}
	ph_error_free(error);
	ph_image_close(image);
	return status;
}

static void test_compressed(const struct bytes *core)
{
	for (enum form form = 0; form < FORMS; form++) {
		const char *path = in_folder("packed");
		struct bytes whole = pack(form, core->data, core->size);
		write_file(path, whole.data, whole.size);
		CHECK_EQ(try_open(path, NULL), 0);
		/* in two frames, as pigz and zstd -T make */
		struct bytes two = pack(form, core->data, 70001), rest = pack(form, core->data + 70001, core->size - 70001);
		put_bytes(&two, rest.data, rest.size);
		write_file(path, two.data, two.size);
		CHECK_EQ(try_open(path, NULL), 0);
		/* cut: status 1 while something is left of the memory, 3 before that */
		for (size_t n = 8; n < whole.size; n += whole.size / 37) {
			write_file(path, whole.data, n);
			int status = try_open(path, NULL);
			/* only checksums and indexes may be missing from what opens whole */
			CHECK(status == 1 || status == 3 || (!status && n + 100 > whole.size));
		}
		/* damaged: never more than that, and never a crash */
		for (size_t at = 4; at < whole.size; at += whole.size / 53) {
			whole.data[at] ^= 0x5a;
			write_file(path, whole.data, whole.size);
			struct ph_image *image = NULL;
			ph_error_free(ph_image_open_core(path, NULL, &image));
			ph_image_close(image);
			whole.data[at] ^= 0x5a;
		}
		struct bytes text = pack(form, "this is not a core", 18);
		write_file(path, text.data, text.size);
		CHECK_EQ(try_open(path, "not a core"), 3);
		free(text.data);
		free(rest.data);
		free(two.data);
		free(whole.data);
	}
}

/* Standard input from a pipe, plain and compressed. */
static void test_pipe(const struct bytes *data)
{
	int ends[2], saved = dup(STDIN_FILENO);
	CHECK(!pipe(ends));
	pid_t writer = fork();
	if (!writer) {
		close(ends[0]);
		for (size_t done = 0; done < data->size;) {
			ssize_t n = write(ends[1], data->data + done, data->size - done < 5000 ? data->size - done : 5000);
			if (n < 0)
				_exit(1);
			done += (size_t)n;
		}
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	CHECK_EQ(try_open("-", NULL), 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	waitpid(writer, NULL, 0);
}

/* A limit on the size of files stands for the full disk: the bytes that had no room are named. */
static void test_no_room(const struct bytes *core)
{
	struct bytes packed = pack(ZSTD, core->data, core->size);
	write_file(in_folder("packed"), packed.data, packed.size);
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit old, limit;
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 65536;
	setrlimit(RLIMIT_FSIZE, &limit);
	char expected[64];
	/* the noise beyond the limit, to the end of its block, and the block with the mark */
	size_t noise = 4096 + SIZE / 4;
	snprintf(expected, sizeof(expected), "needs %zu more bytes in %s", noise - 65536 + 4096, folder);
	CHECK_EQ(try_open(in_folder("packed"), expected), 2);
	setrlimit(RLIMIT_FSIZE, &old);
	setenv("TMPDIR", in_folder("absent"), 1);
	CHECK_EQ(try_open(in_folder("packed"), "absent"), 2);
	setenv("TMPDIR", folder, 1);
	free(packed.data);
}

static enum ph_file_kind kind_of(const char *path)
{
	enum ph_file_kind kind = PH_FILE_UNKNOWN;
	ph_error_free(ph_image_file_kind(path, &kind));
	return kind;
}

static void test_kinds(const struct bytes *core)
{
	write_file(in_folder("core"), core->data, core->size);
	write_file(in_folder("empty"), "", 0);
	write_file(in_folder("text"), "hello\n", 6);
	write_file(in_folder("script"), "#!/usr/bin/python3\n", 19);
	CHECK(!mkfifo(in_folder("fifo"), 0600));
	CHECK_EQ(try_open(in_folder("core"), NULL), 0);
	CHECK_EQ(try_open(in_folder("empty"), "is empty"), 3);
	CHECK_EQ(try_open(in_folder("text"), "not a core"), 3);
	CHECK_EQ(try_open(in_folder("fifo"), "a pipe"), 2);
	CHECK_EQ(try_open(folder, "a folder"), 2);
	CHECK_EQ(try_open(in_folder("absent"), "No such file"), 2);
	CHECK_EQ(try_open("/proc/self/exe", "program or library"), 3);
	if (geteuid()) {
		chmod(in_folder("text"), 0);
		CHECK_EQ(try_open(in_folder("text"), "Permission denied"), 2);
		chmod(in_folder("text"), 0600);
	}
	CHECK_EQ(kind_of(in_folder("core")), PH_FILE_CORE);
	CHECK_EQ(kind_of(in_folder("script")), PH_FILE_SCRIPT);
	CHECK_EQ(kind_of("/proc/self/exe"), PH_FILE_EXECUTABLE);
	CHECK_EQ(kind_of(in_folder("text")), PH_FILE_UNKNOWN);
	struct bytes packed = pack(XZ, "x", 1);
	write_file(in_folder("packed"), packed.data, packed.size);
	CHECK_EQ(kind_of(in_folder("packed")), PH_FILE_COMPRESSED);
	free(packed.data);
}

/* Whether the path opens; its first byte is checked then. */
static bool opens(struct ph_image *image, const char *path, const char *suffix, uint64_t maximum, char first)
{
	const char *why = NULL;
	char got = 0;
	int fd = ph_image_open_named(image, path, suffix, maximum, &why);
	if (fd < 0) {
		CHECK(why && *why);
		return false;
	}
	CHECK(read(fd, &got, 1) == 1 && got == first);
	close(fd);
	return true;
}

static void link_to(const char *target, const char *name)
{
	CHECK(!symlink(target, in_folder(name)));
}

static void test_named(void)
{
	struct ph_image *image = NULL;
	char root[4096];
	struct ph_image_options options = { .sysroot = root };
	snprintf(root, sizeof(root), "%s/root", folder);
	mkdir(in_folder("root"), 0700);
	mkdir(in_folder("root/app"), 0700);
	mkdir(in_folder("root/other"), 0700);
	write_file(in_folder("secret.py"), "s", 1);
	write_file(in_folder("root/app/a.py"), "a", 1);
	write_file(in_folder("root/other/b.py"), "bbbb", 4);
	write_file(in_folder("root/key"), "k", 1);
	CHECK(!mkfifo(in_folder("root/app/fifo.py"), 0600));
	link_to("../../secret.py", "root/app/up.py");
	link_to(in_folder("secret.py"), "root/app/absolute.py");
	link_to("/other/b.py", "root/app/inside.py");
	link_to("../other", "root/app/there");
	link_to("../key", "root/app/key.py");
	link_to("loop.py", "root/app/loop.py");
	link_to("/dev/null", "root/app/null.py");
	CHECK(ph_image_open_core(in_folder("core"), &options, &image) == NULL);
	if (!image)
		return;
	CHECK(opens(image, "/app/a.py", ".py", 0, 'a'));
	CHECK(opens(image, "//app/.//../app/a.py", ".py", 1, 'a'));
	CHECK(opens(image, "/../../app/a.py", ".py", 0, 'a'));
	CHECK(opens(image, "/app/inside.py", ".py", 0, 'b'));
	CHECK(opens(image, "/app/there/b.py", ".py", 4, 'b'));
	CHECK(opens(image, "/app/key.py", NULL, 0, 'k'));
	CHECK(!opens(image, "/app/key.py", ".py", 0, 'k'));
	CHECK(!opens(image, "/app/there/b.py", ".py", 3, 'b'));
	CHECK(!opens(image, "/app/up.py", ".py", 0, 's'));
	CHECK(!opens(image, "/app/absolute.py", ".py", 0, 's'));
	CHECK(!opens(image, in_folder("secret.py"), ".py", 0, 's'));
	CHECK(!opens(image, "/app/loop.py", ".py", 0, 0));
	CHECK(!opens(image, "/app/fifo.py", ".py", 0, 0));
	CHECK(!opens(image, "/app/a.py/x.py", ".py", 0, 0));
	CHECK(!opens(image, "/app", NULL, 0, 0));
	CHECK(!opens(image, "app/a.py", ".py", 0, 0));
	CHECK(!opens(image, "", NULL, 0, 0));
	ph_image_close(image);
	/* without a sysroot: the host's files, the same rules */
	CHECK(ph_image_open_core(in_folder("core"), NULL, &image) == NULL);
	CHECK(opens(image, in_folder("root/app/up.py"), ".py", 0, 's'));
	CHECK(!opens(image, in_folder("root/app/key.py"), ".py", 0, 'k'));
	CHECK(!opens(image, in_folder("root/app/null.py"), NULL, 0, 0));
	CHECK(!opens(image, "/dev/zero", NULL, 0, 0));
	ph_image_close(image);
}

int main(void)
{
	char command[sizeof(folder) + 16];
	if (!mkdtemp(folder))
		return 99;
	setenv("TMPDIR", folder, 1);
	struct bytes core = sample(), packed = pack(GZIP, core.data, core.size);
	test_kinds(&core);
	test_compressed(&core);
	test_pipe(&core);
	test_pipe(&packed);
	test_no_room(&core);
	test_named();
	free(packed.data);
	free(core.data);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CHECK(!system(command));
	return CHECK_DONE();
}
