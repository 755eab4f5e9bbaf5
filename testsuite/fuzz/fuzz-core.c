/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lying cores: a copy of a real core is changed within the ranges that an
 * unharmed run was seen to read, the whole way to report and dump runs over it
 * in a child, and the changes are taken back; a few thousand times.
 *
 * usage: fuzz-core [--seed=N] [--count=N] [--only=N] [--seconds=N] [--dumps=N] CORE [PYTHON [SYSROOT]]
 *
 * CORE is written to while it runs, and whole again afterwards: give a copy.
 * Half of the changes are words replaced by other pointers and lengths of the
 * same core, and by references to themselves; the rest are odd numbers, flipped
 * bits and random bytes.  What is read is learnt by wrapping the image's few
 * functions at link time (ld --wrap): the rooms do not know of it. */
#include "fuzz/harness.h"

#include "base/cleanup.h"
#include "image/image.h"

#include <pyheap/dump.h>
#include <pyheap/session.h>
#include <pyheap/verb.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAXIMUM_READS_LOG 20
#define MAXIMUM_READS ((size_t)1 << MAXIMUM_READS_LOG)
#define MAXIMUM_CHANGES 20
#define BATCH 20
#define WINDOW 4096 /* of a read that is larger, so many bytes at a random place count */

/* ---- what an unharmed run reads ---- */

struct read {
	ph_addr address;
	uint64_t offset; /* in the file */
	uint64_t size;
};

static struct {
	bool tracing;
	struct read *reads;
	size_t count;
	size_t report_count; /* the first so many were for the report, the rest for the dump */
	uint64_t *seen; /* open addressing over (address, size), 0 free */
	/* words of the reads that are pointers into the process, or look like lengths */
	uint64_t *pointers, *lengths;
	size_t pointer_count, length_count;
	uint64_t header_size; /* bytes of the file before the first segment: headers and notes */
} trace;

static void note(ph_addr address, size_t size)
{
	if (!trace.tracing || !size || trace.count == MAXIMUM_READS)
		return;
	uint64_t key = (address * 31 + size) | 1;
	for (size_t i = key * 0x9e3779b97f4a7c15u >> (63 - MAXIMUM_READS_LOG);; i = (i + 1) & (2 * MAXIMUM_READS - 1)) {
		if (trace.seen[i] == key)
			return;
		if (!trace.seen[i]) {
			trace.seen[i] = key;
			break;
		}
	}
	trace.reads[trace.count++] = (struct read){ .address = address, .size = size };
}

const void *__real_ph_image_view(struct ph_image *image, ph_addr address, size_t size);
const void *__wrap_ph_image_view(struct ph_image *image, ph_addr address, size_t size);
const void *__wrap_ph_image_view(struct ph_image *image, ph_addr address, size_t size)
{
	note(address, size);
	return __real_ph_image_view(image, address, size);
}

/* What would be remembered of it is forgotten, so that the next look comes by here too. */
const void *__real_ph_image_look_far(struct ph_image *image, ph_addr address, size_t size);
const void *__wrap_ph_image_look_far(struct ph_image *image, ph_addr address, size_t size);
const void *__wrap_ph_image_look_far(struct ph_image *image, ph_addr address, size_t size)
{
	note(address, size);
	const void *view = __real_ph_image_look_far(image, address, size);
	memset(ph_image_lenses, 0, sizeof(ph_image_lenses));
	return view;
}

const void *__real_ph_image_core_view(struct ph_image *image, ph_addr address, size_t size);
const void *__wrap_ph_image_core_view(struct ph_image *image, ph_addr address, size_t size);
const void *__wrap_ph_image_core_view(struct ph_image *image, ph_addr address, size_t size)
{
	note(address, size);
	return __real_ph_image_core_view(image, address, size);
}

enum ph_status __real_ph_image_read(struct ph_image *image, ph_addr address, void *buffer, size_t size);
enum ph_status __wrap_ph_image_read(struct ph_image *image, ph_addr address, void *buffer, size_t size);
enum ph_status __wrap_ph_image_read(struct ph_image *image, ph_addr address, void *buffer, size_t size)
{
	note(address, size);
	return __real_ph_image_read(image, address, buffer, size);
}

enum ph_status __real_ph_image_read_string(struct ph_image *image, ph_addr address, char *buffer, size_t size);
enum ph_status __wrap_ph_image_read_string(struct ph_image *image, ph_addr address, char *buffer, size_t size);
enum ph_status __wrap_ph_image_read_string(struct ph_image *image, ph_addr address, char *buffer, size_t size)
{
	enum ph_status status = __real_ph_image_read_string(image, address, buffer, size);
	if (status == PH_OK)
		note(address, strlen(buffer) + 1);
	return status;
}

/* ---- one run ---- */

struct job {
	const char *core, *python, *sysroot, *dump;
	bool write_dump;
	bool unharmed; /* must succeed */
	bool learn;
	int redact;
};

static void on_warning(void *user, const char *message)
{
	if (!fuzz_check_line(message))
		*(bool *)user = false;
}

static bool on_progress(void *user, const char *stage, unsigned long long done, unsigned long long total)
{
	(void)user, (void)stage, (void)done, (void)total;
	return true;
}

/* A one-line error is a fine outcome, but for the unharmed run. */
static bool judge_error(const struct job *job, struct ph_error *error)
{
	bool ok = fuzz_check_line(error->message);
	fprintf(stderr, "error: %s\n", error->message);
	fuzz_note_error();
	ph_error_free(error);
	return ok && !job->unharmed;
}

struct sink {
	char *text;
	size_t size;
};

static bool take(void *user, const char *text, size_t size)
{
	struct sink *sink = user;
	char *more = realloc(sink->text, sink->size + size + 1);
	if (!more)
		return false;
	memcpy(more + sink->size, text, size);
	sink->text = more;
	sink->size += size;
	more[sink->size] = '\0';
	return true;
}

/* The dump of a harmed core is a sound dump, and says what the report said. */
static bool check_dump(const struct job *job, const char *json, size_t size)
{
	struct ph_dump *dump;
	struct sink sink = { 0 };
	struct ph_verb_output output = { .user = &sink, .write = take };
	char *argv[] = { (char *)"report", (char *)"--json", NULL };
	int status;
	struct ph_error *error = ph_dump_open(job->dump, &dump);
	if (!error) {
		error = ph_verb_run(dump, 2, argv, &output, &status);
		const char *problem = ph_dump_problem(dump);
		if (problem)
			fprintf(stderr, "check: the dump has a problem: %s\n", problem);
		ph_dump_close(dump);
		if (problem)
			return false;
	}
	if (error) {
		fprintf(stderr, "check: the dump cannot be read: %s\n", error->message);
		return false;
	}
	bool ok = sink.size == size && !memcmp(sink.text, json, size);
	if (!ok) {
		size_t i = 0;
		while (i < size && i < sink.size && sink.text[i] == json[i])
			i++;
		size_t from = i < 60 ? 0 : i - 60;
		fprintf(stderr, "check: the dump's report differs at %zu: \"%.100s\", not \"%.100s\"\n", i,
			sink.text + from, json + from);
	}
	free(sink.text);
	return ok;
}

static bool check_session(const struct job *job, struct ph_session *session)
{
	static const enum ph_report_format formats[] = { PH_REPORT_TEXT, PH_REPORT_MARKDOWN, PH_REPORT_SIGNATURE,
							 PH_REPORT_JSON };
	struct ph_report_style style = { 0 };
	char *text = NULL;
	size_t size = 0;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		free(text);
		struct ph_error *error = ph_session_report(session, formats[i], &style, &text, &size);
		if (error)
			return judge_error(job, error);
		if (!fuzz_check_text(text, size))
			return false;
	}
	ph_auto_free char *json = text;
	if (!fuzz_check_json(json, size, false))
		return false;
	if (job->unharmed && ph_session_is_damaged(session)) {
		fprintf(stderr, "check: damage in an unharmed core: %s\n", json);
		return false;
	}
	if (!job->write_dump)
		return true;
	if (trace.tracing)
		trace.report_count = trace.count;
	struct ph_dump_options options = { .heap = PH_DUMP_HEAP_FULL, .jobs = 1 };
	struct ph_error *error = ph_session_write_dump(session, job->dump, true, &options);
	if (error)
		return judge_error(job, error);
	return check_dump(job, json, size);
}

static void learn_words(struct ph_image *image);

static bool run(void *user)
{
	const struct job *job = user;
	bool fine = true;
	const struct ph_callbacks callbacks = {
		.user = &fine, .warning = on_warning, .explain = on_warning, .progress = on_progress
	};
	struct ph_image_options image_options = { .executable = job->python, .sysroot = job->sysroot,
						  .callbacks = &callbacks };
	struct ph_session_options options = { .redact = (enum ph_session_redact)job->redact };
	struct ph_image *image = NULL;
	struct ph_session *session = NULL;
	bool ok;
	struct ph_error *error = ph_image_open_core(job->core, &image_options, &image);
	if (!error)
		error = ph_session_open(image, &options, &session);
	ok = error ? judge_error(job, error) : check_session(job, session);
	ph_session_close(session);
	trace.tracing = false;
	if (job->learn && ok)
		learn_words(image);
	ph_image_close(image);
	return ok && fine;
}

/* ---- learning ---- */

static void add_word(ph_addr word, struct ph_image *image)
{
	if (trace.pointer_count < MAXIMUM_READS && word >= 0x1000 && ph_image_is_mapped(image, word))
		trace.pointers[trace.pointer_count++] = word;
	else if (trace.length_count < MAXIMUM_READS && word && word < 10000000)
		trace.lengths[trace.length_count++] = word;
}

/* Where in the file the bytes are; 0 when the core does not hold them. */
static uint64_t file_offset(const struct ph_segment *segments, size_t count, ph_addr address, uint64_t *size)
{
	for (size_t i = 0; i < count; i++) {
		const struct ph_segment *s = &segments[i];
		if (address < s->start || address >= s->start + s->file_size)
			continue;
		uint64_t left = s->start + s->file_size - address;
		if (*size > left)
			*size = left;
		return s->file_offset + (address - s->start);
	}
	return 0;
}

static void learn_words(struct ph_image *image)
{
	const struct ph_segment *segments;
	size_t count = ph_image_segments(image, &segments), kept = 0, of_report = 0;
	trace.header_size = UINT64_MAX;
	for (size_t i = 0; i < count; i++)
		if (segments[i].file_size && segments[i].file_offset < trace.header_size)
			trace.header_size = segments[i].file_offset;
	for (size_t i = 0; i < trace.count; i++) {
		struct read r = trace.reads[i];
		r.offset = file_offset(segments, count, r.address, &r.size);
		if (!r.offset)
			continue;
		trace.reads[kept++] = r;
		of_report += i < trace.report_count;
		for (ph_addr a = (r.address + 7) & ~(ph_addr)7; a + 8 <= r.address + r.size && a < r.address + WINDOW; a += 8) {
			uint64_t word;
			if (ph_image_read(image, a, &word, sizeof(word)) == PH_OK)
				add_word(word, image);
		}
	}
	trace.count = kept;
	trace.report_count = of_report;
}

static bool learn(const struct job *unharmed)
{
	struct job job = *unharmed;
	trace.reads = calloc(MAXIMUM_READS, sizeof(*trace.reads));
	trace.seen = calloc(2 * MAXIMUM_READS, sizeof(*trace.seen));
	trace.pointers = calloc(MAXIMUM_READS, sizeof(*trace.pointers));
	trace.lengths = calloc(MAXIMUM_READS, sizeof(*trace.lengths));
	if (!trace.reads || !trace.seen || !trace.pointers || !trace.lengths)
		return false;
	trace.tracing = true;
	job.learn = true;
	if (!run(&job) || !trace.report_count || trace.count == trace.report_count || !trace.pointer_count || !trace.length_count)
		return false;
	printf("an unharmed run reads %zu ranges, %zu of them for the report, with %zu pointers and %zu lengths in them\n",
	       trace.count, trace.report_count, trace.pointer_count, trace.length_count);
	return true;
}

/* ---- changing ---- */

struct change {
	uint64_t offset;
	unsigned size;
	uint8_t before[16], after[16];
};

struct changes {
	struct change list[MAXIMUM_CHANGES];
	unsigned count;
	char text[MAXIMUM_CHANGES * 100]; /* for people */
	size_t text_size;
};

static void say(struct changes *changes, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct changes *changes, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(changes->text + changes->text_size, sizeof(changes->text) - changes->text_size, format, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(changes->text) - changes->text_size)
		changes->text_size += (size_t)n;
}

/* Words that are right elsewhere. */
static uint64_t borrowed_word(struct fuzz_random *random, ph_addr address, const struct read *r)
{
	switch (fuzz_below(random, 6)) {
	case 0:
		return trace.lengths[fuzz_below(random, trace.length_count)];
	case 1:
		return address; /* to itself */
	case 2:
		return r->address - fuzz_below(random, 4) * 8; /* to what it is a part of */
	case 3:
		return trace.reads[fuzz_below(random, trace.count)].address;
	default:
		return trace.pointers[fuzz_below(random, trace.pointer_count)];
	}
}

static void choose_bytes(struct fuzz_random *random, struct change *change)
{
	memcpy(change->after, change->before, sizeof(change->after));
	uint64_t word = fuzz_odd_word(random);
	switch (fuzz_below(random, 5)) {
	case 0:
		change->after[fuzz_below(random, change->size)] ^= (uint8_t)(1u << fuzz_below(random, 8));
		break;
	case 1:
		for (unsigned i = 0; i < change->size; i++)
			change->after[i] = (uint8_t)fuzz_next(random);
		break;
	case 2: /* 32 bits of it */
		memcpy(change->after, &word, change->size < 4 ? change->size : 4);
		break;
	case 3: /* a little more or less */
		memcpy(&word, change->before, 8);
		word += fuzz_below(random, 33) - 16;
		memcpy(change->after, &word, 8);
		break;
	default:
		memcpy(change->after, &word, 8);
	}
}

/* Where a dump is written, half of the changes are of what only the dump needs: the heap. */
static struct read choose_read(struct fuzz_random *random, bool dump)
{
	size_t first = dump && fuzz_below(random, 2) ? trace.report_count : 0;
	size_t end = dump ? trace.count : trace.report_count;
	return trace.reads[first + fuzz_below(random, end - first)];
}

static bool choose(int fd, struct fuzz_random *random, bool dump, struct changes *changes)
{
	struct change change = { .size = 8 };
	struct read r = choose_read(random, dump);
	bool header = !fuzz_below(random, 12), borrow = fuzz_below(random, 2);
	uint64_t place;
	if (header)
		r = (struct read){ .size = trace.header_size };
	place = fuzz_below(random, r.size);
	if (borrow || fuzz_below(random, 2))
		place -= (r.address + place) & 7 & -(uint64_t)(place >= 8); /* words are aligned */
	if (place + 8 > r.size)
		change.size = (unsigned)(r.size - place);
	change.offset = r.offset + place;
	if (pread(fd, change.before, change.size, (off_t)change.offset) != (ssize_t)change.size)
		return false;
	if (borrow && change.size == 8) {
		uint64_t word = borrowed_word(random, r.address + place, &r);
		memcpy(change.after, &word, 8);
	} else {
		choose_bytes(random, &change);
	}
	uint64_t before, after;
	memcpy(&before, change.before, 8);
	memcpy(&after, change.after, 8);
	say(changes, "    0x%" PRIx64 " (file 0x%" PRIx64 ", %u bytes): 0x%" PRIx64 " -> 0x%" PRIx64 "\n",
	    r.address + place, change.offset, change.size, before, after);
	changes->list[changes->count++] = change;
	return true;
}

static void apply(int fd, struct fuzz_random *random, bool dump, struct changes *changes)
{
	unsigned wanted = 1 + (unsigned)fuzz_below(random, fuzz_below(random, 2) ? MAXIMUM_CHANGES : 3);
	for (unsigned i = 0; i < wanted; i++) {
		if (!choose(fd, random, dump, changes))
			continue;
		const struct change *c = &changes->list[changes->count - 1];
		if (pwrite(fd, c->after, c->size, (off_t)c->offset) != (ssize_t)c->size)
			exit(99);
	}
}

static void restore(int fd, const struct changes *changes)
{
	for (unsigned i = changes->count; i-- > 0;) {
		const struct change *c = &changes->list[i];
		if (pwrite(fd, c->before, c->size, (off_t)c->offset) != (ssize_t)c->size)
			exit(99);
	}
}

/* In memory shared with the children, so that what a child changed before it died can be taken back. */
static struct changes *shared;

/* Everything about a run follows from its index. */
static bool one(const struct fuzz_options *options, struct job *job, int fd, uint64_t index)
{
	struct fuzz_random random = { options->seed * 1000003 + index };
	shared->count = 0;
	shared->text_size = 0;
	shared->text[0] = '\0';
	fuzz_next(&random);
	job->write_dump = !fuzz_below(&random, options->dumps);
	apply(fd, &random, job->write_dump, shared);
	job->redact = fuzz_below(&random, 4) ? PH_SESSION_REDACT_SECRETS : PH_SESSION_REDACT_NONE;
	bool ok = run(job);
	restore(fd, shared);
	shared->count = 0;
	return ok;
}

struct batch {
	const struct fuzz_options *options;
	struct job *job;
	int fd;
	uint64_t first, count;
};

static bool run_batch(void *user)
{
	const struct batch *batch = user;
	for (uint64_t i = 0; i < batch->count; i++) {
		double begun = fuzz_processor();
		if (!one(batch->options, batch->job, batch->fd, batch->first + i))
			return false;
		if (fuzz_processor() - begun > fuzz_limit_seconds())
			return false;
	}
	return true;
}

/* Many runs in one child, since starting it costs as much as a run; one by one when something was found. */
static void run_many(struct batch batch, char **argv)
{
	struct fuzz_result result;
	fuzz_run(run_batch, &batch, &result);
	restore(batch.fd, shared);
	if (result.ok || batch.count == 1) {
		result.seconds /= (double)batch.count;
		for (uint64_t i = 0; i < batch.count; i++)
			fuzz_account(batch.options, batch.first + i, &result, shared->text, argv);
		return;
	}
	struct batch single = batch;
	uint64_t failed_before = fuzz_failed();
	single.count = 1;
	for (uint64_t i = 0; i < batch.count; i++, single.first++)
		run_many(single, argv);
	if (fuzz_failed() == failed_before) /* together only, from what one run leaves to the next */
		fuzz_account(batch.options, batch.first, &result, "    those of a whole batch\n", argv);
}

int main(int argc, char **argv)
{
	struct fuzz_options options;
	struct fuzz_result result;
	if (!fuzz_parse(argc, argv, &options)) {
		fprintf(stderr, "usage: fuzz-core [--seed=N] [--count=N] [--only=N] [--seconds=N] [--dumps=N] CORE [PYTHON [SYSROOT]]\n");
		return 99;
	}
	int operands = argc - options.operand;
	ph_auto_free char *dump = fuzz_scratch();
	struct job job = {
		.core = argv[options.operand],
		.python = operands > 1 && *argv[options.operand + 1] ? argv[options.operand + 1] : NULL,
		.sysroot = operands > 2 ? argv[options.operand + 2] : NULL,
		.dump = dump,
		.write_dump = true,
		.unharmed = true,
	};
	int fd = open(job.core, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(job.core);
		unlink(dump);
		return 99;
	}
	fuzz_run(run, &job, &result);
	if (!result.ok) {
		printf("the unharmed core: %s\n%s\n", result.what, fuzz_last_words());
		unlink(dump);
		return 1;
	}
	printf("the unharmed core: %.3f s, %ld MiB\n", result.seconds, result.resident >> 10);
	fuzz_set_limits(&result);
	if (!learn(&job))
		return 99;
	job.unharmed = false;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 99;
	double begun = fuzz_now();
	struct batch batch = { .options = &options, .job = &job, .fd = fd };
	if (options.only >= 0) {
		batch.first = (uint64_t)options.only;
		options.count = batch.first + 1;
	}
	/* few dumps in a batch, which has the time limit of one run */
	uint64_t together = options.dumps < BATCH / 4 ? 4 * options.dumps : BATCH;
	for (; batch.first < options.count; batch.first += batch.count) {
		batch.count = options.count - batch.first < together ? options.count - batch.first : together;
		run_many(batch, argv);
		if (options.seconds && fuzz_now() - begun >= options.seconds)
			break;
	}
	unlink(dump);
	return fuzz_finish(&options);
}
