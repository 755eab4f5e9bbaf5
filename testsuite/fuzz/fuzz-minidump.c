/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lying minidumps: words of a minidump's header, directory and streams are changed, and the parser runs over it, with all
 * that works from what it filled: modules, symbols, reads, strings.
 *
 * usage: fuzz-minidump [--seed=N] [--count=N] [--only=N] [--seconds=N] [FILE...]
 *
 * The corpus: two synthetic minidumps (unit/minidumpbuilder.h), and the FILEs, the smaller the better. */
#include "fuzz/harness.h"

#include "base/cleanup.h"
#include "image/image.h"
#include "unit/minidumpbuilder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAXIMUM_FILES 16
#define MAXIMUM_CHANGES 12
#define BATCH 100

struct job {
	const struct fuzz_options *options;
	struct bytes files[MAXIMUM_FILES];
	size_t file_count;
	uint64_t first, count;
	bool unharmed;
};

static bool is_memory_list(uint32_t type)
{
	return type == 5 || type == 9;
}

/* Somewhere in the header, the directory, or a stream; near the stream's beginning as often as not. */
static size_t pick_place(struct fuzz_random *random, const struct bytes *file)
{
	uint32_t count = 0, directory = 0, type, size, rva;
	memcpy(&count, file->data + 8, 4);
	memcpy(&directory, file->data + 12, 4);
	if (!fuzz_below(random, 8) || !count || directory + 12ull * count > file->size)
		return fuzz_below(random, 32);
	size_t entry = directory + 12 * fuzz_below(random, count);
	memcpy(&type, file->data + entry, 4);
	memcpy(&size, file->data + entry + 4, 4);
	memcpy(&rva, file->data + entry + 8, 4);
	if (!fuzz_below(random, 4) || !size || rva >= file->size)
		return entry + fuzz_below(random, 12);
	uint64_t reach = fuzz_below(random, 2) ? 64 : size;
	if (is_memory_list(type) && reach > 4096)
		reach = 4096;
	size_t at = rva + fuzz_below(random, reach);
	return at < file->size ? at : file->size - 1;
}

static void change(struct fuzz_random *random, struct bytes *file)
{
	for (uint64_t n = 1 + fuzz_below(random, MAXIMUM_CHANGES); n; n--) {
		size_t at = pick_place(random, file);
		size_t width = (size_t)1 << fuzz_below(random, 4);
		uint64_t word = fuzz_odd_word(random);
		switch (fuzz_below(random, 4)) {
		case 0:
			word = fuzz_below(random, file->size);
			break;
		case 1:
			word = fuzz_next(random);
			break;
		case 2: { /* another word of the file */
			size_t from = pick_place(random, file);
			word = 0;
			memcpy(&word, file->data + from, file->size - from < 8 ? file->size - from : 8);
			break;
		}
		default:
			break;
		}
		if (width > file->size - at)
			width = file->size - at;
		memcpy(file->data + at, &word, width);
	}
	/* cut now and then */
	if (!fuzz_below(random, 10))
		file->size = 4 + fuzz_below(random, file->size - 4);
	memcpy(file->data, "MDMP", 4);
}

/* All that the room answers, from what the parser filled. */
static void use(struct ph_image *image)
{
	const struct ph_module *modules;
	const struct ph_native_thread *threads;
	const struct ph_segment *segments;
	const char *const *strings;
	struct ph_segment ranges[16];
	char text[256];
	size_t module_count = ph_image_modules(image, &modules), thread_count = ph_image_threads(image, &threads);
	size_t segment_count = ph_image_segments(image, &segments);
	(void)ph_image_symbol(image, NULL, "_PyRuntime");
	for (size_t i = 0; i < module_count && i < 50; i++) {
		ph_addr start, size;
		(void)ph_image_symbol(image, &modules[i], "alpha");
		(void)ph_image_section(image, &modules[i], ".PyRuntime", &start, &size);
		(void)ph_image_writable_ranges(image, &modules[i], ranges, 16);
	}
	for (size_t i = 0; i < thread_count && i < 50; i++) {
		(void)ph_image_symbolize(image, threads[i].pc);
		(void)ph_image_read_string(image, threads[i].sp, text, sizeof(text));
		struct ph_frame_registers frame;
		bool more = ph_image_first_frame(image, &threads[i], &frame);
		for (unsigned n = 0; more && n < 64; n++)
			more = ph_image_caller(image, &frame);
	}
	for (size_t i = 0; i < segment_count && i < 200; i++) {
		(void)ph_image_read(image, segments[i].start, text, sizeof(text));
		(void)ph_image_readable(image, segments[i].start, SIZE_MAX);
		(void)ph_image_read(image, segments[i].end - 8, text, 16);
	}
	(void)ph_image_arguments(image, &strings);
	(void)ph_image_environment(image, &strings);
}

static bool run_one(struct job *job, uint64_t index)
{
	struct fuzz_random random = { job->options->seed * 0x9e3779b97f4a7c15u + index };
	const struct bytes *file = &job->files[index % job->file_count];
	struct bytes copy = { .size = file->size };
	struct ph_image_options options = { .sysroot = "/nonexistent" };
	struct ph_image *image = NULL;
	copy.data = malloc(file->size);
	if (!copy.data)
		return false;
	memcpy(copy.data, file->data, file->size);
	if (!job->unharmed)
		change(&random, &copy);
	/* exactly as large as it is, for the sanitizers */
	uint8_t *exact = malloc(copy.size);
	if (!exact)
		return false;
	memcpy(exact, copy.data, copy.size);
	free(copy.data);
	struct ph_error *error = ph_image_parse_core(exact, copy.size, "minidump", &options, &image);
	bool ok = error ? !job->unharmed && ph_error_exit_status(error) == 3 && fuzz_check_line(error->message) : true;
	if (error)
		fuzz_note_error();
	else
		use(image);
	ph_error_free(error);
	ph_image_close(image);
	free(exact);
	return ok;
}

static bool run(void *user)
{
	struct job *job = user;
	for (uint64_t i = 0; i < job->count; i++)
		if (!run_one(job, job->first + i))
			return false;
	return true;
}

static bool add_file(struct job *job, const char *path)
{
	struct stat st;
	ph_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || st.st_size < 32 || st.st_size > 64 << 20 || job->file_count == MAXIMUM_FILES)
		return false;
	void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return false;
	job->files[job->file_count++] = (struct bytes){ .data = data, .size = (size_t)st.st_size };
	return true;
}

int main(int argc, char **argv)
{
	struct fuzz_options options;
	struct fuzz_result result;
	/* one operand at least is what the harness wants */
	if (!fuzz_parse(argc, argv, &options)) {
		fprintf(stderr,
			"usage: fuzz-minidump [--seed=N] [--count=N] [--only=N] [--seconds=N] FILE... (- is none)\n");
		return 99;
	}
	struct job job = { .options = &options, .unharmed = true };
	job.files[job.file_count++] = windows_minidump();
	job.files[job.file_count++] = linux_minidump();
	for (int i = options.operand; i < argc; i++)
		if (strcmp(argv[i], "-") && !add_file(&job, argv[i])) {
			fprintf(stderr, "fuzz-minidump: %s: cannot be read\n", argv[i]);
			return 99;
		}
	job.count = job.file_count;
	fuzz_run(run, &job, &result);
	if (!result.ok) {
		printf("the unharmed minidumps: %s\n%s\n", result.what, fuzz_last_words());
		return 1;
	}
	printf("%zu minidumps, unharmed: %.3f s\n", job.file_count, result.seconds);
	fuzz_set_limits(&result);
	job.unharmed = false;
	double begun = fuzz_now();
	uint64_t first = options.only >= 0 ? (uint64_t)options.only : 0;
	uint64_t end = options.only >= 0 ? first + 1 : options.count;
	for (; first < end; first += BATCH) {
		uint64_t failed = fuzz_failed();
		job.first = first;
		job.count = end - first < BATCH ? end - first : BATCH;
		fuzz_run(run, &job, &result);
		if (result.ok) {
			for (uint64_t i = 0; i < job.count; i++)
				fuzz_account(&options, first + i, &result, "", argv);
		} else {
			uint64_t count = job.count;
			job.count = 1;
			for (uint64_t i = 0; i < count; i++, job.first++) {
				fuzz_run(run, &job, &result);
				fuzz_account(&options, job.first, &result, "", argv);
			}
			if (fuzz_failed() == failed)
				printf("a batch from %llu failed, none of it alone\n", (unsigned long long)first);
		}
		if (options.seconds && fuzz_now() - begun >= options.seconds)
			break;
	}
	return fuzz_finish(&options);
}
