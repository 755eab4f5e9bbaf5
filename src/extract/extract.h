/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Target to records; the only room that sees both sides. */
#ifndef EXTRACT_EXTRACT_H
#define EXTRACT_EXTRACT_H

#include "detect/detect.h"
#include "extract/value_cache.h"
#include "object/object.h"
#include "record/memory.h"
#include "record/redact.h"
#include "record/render.h"
#include "record/report.h"
#include "record/source.h"
#include "runtime/runtime.h"

/* What the stacks reach: the nearest so many objects, unless something else is asked for. */
#define PH_CLOSURE_MAXIMUM 100000
/* Before the report is rendered, secrets are looked for among as many objects, but to so many edges,
 * and of one container only so far: the report's time does not grow with the heap. */
#define PH_SURVEY_DEPTH 3
#define PH_SURVEY_MAXIMUM PH_CLOSURE_MAXIMUM
#define PH_SURVEY_CHILDREN 1000

/* A dump of the heap may take more memory than the report, and comes by the same objects many times: after so many
 * values it may be looked whether more is resident than ph_extract_bound_pages() says. */
#define PH_BOUND_INTERVAL 16

struct ph_extract_options {
	enum ph_redaction_mode redact;
	const char *redact_words;  /* NULL: the default list */
	const char *const *labels; /* "KEY=VALUE" */
	size_t label_count;
	bool dumping; /* a dump of the closure or the heap follows the report */
};

/* A Python source file that a frame names, as found on this machine. */
struct ph_source_text {
	char *path;	/* co_filename */
	char *text;	/* UTF-8, NUL-terminated; NULL when it was not opened */
	size_t size;	/* bytes */
	size_t *lines; /* offsets of the lines' beginnings */
	size_t line_count;
	bool newer; /* than the core: perhaps not what ran */
	bool scrubbed; /* secrets were taken out */
	struct ph_ranges secrets; /* what the source itself gives away */
};

/* A live target as a ph_source, and the report that was made of it. */
struct ph_extract {
	struct ph_image *image; /* borrowed */
	struct ph_detected detected;
	struct ph_objects *objects;
	struct ph_runtime *runtime; /* NULL: a cut core that lacks the interpreter */
	struct ph_source source;
	struct ph_redactor *redactor;
	struct ph_render render;
	struct ph_report report;
	struct ph_source_text *files;
	size_t file_count;
	size_t file_bytes;
	/* where the walks over the heap begin: locals, globals, exceptions */
	struct ph_redaction_root *roots;
	size_t root_count, root_capacity;
	uint64_t values; /* asked for so far: see values.c */
	struct ph_value_cache cache;
	bool dumping;	 /* the heap or the closure of the stacks, after the report */
	unsigned jobs;	      /* threads for walks over the heap; 0: as many as there are processors */
	struct ph_heap *heap; /* NULL before ph_extract_find_heap() */
	uint64_t redacted; /* values of the heap that were, once they are handed over */
	struct ph_memory *memory; /* what it is for, where a walk over the heap found out; NULL else */
	struct ph_reader *readers; /* of other threads (readers.c) */
	struct ph_source *reader_sources;
	size_t reader_count;
	bool files_known; /* no further source file is opened */
	struct ph_heap_ahead *ahead; /* a thread that finds it, and begins to walk it (ahead.c); NULL: none was begun */
};

/* Find the interpreter: `source` and `render` work from then on.  The image stays
 * the caller's and must outlive the extract. PH_ERROR_NO_PYTHON when there is none in it. */
struct ph_error *ph_extract_open(struct ph_image *image, const struct ph_extract_options *options,
				 struct ph_extract **ret) __attribute__((warn_unused_result));
/* Make the report, once; with the same options. */
struct ph_error *ph_extract_report(struct ph_extract *extract, const struct ph_extract_options *options)
	__attribute__((warn_unused_result));
void ph_extract_free(struct ph_extract *extract);

/* The closure of the stacks: addresses of objects, malloc'ed, sorted; *ret_cut
 * when the bound was reached. */
struct ph_error *ph_extract_closure(struct ph_extract *extract, size_t maximum, ph_addr **ret, size_t *ret_count,
				    bool *ret_cut)
	__attribute__((warn_unused_result));

/* ph_source of the same target for other threads than this one; they are the extract's.  Nothing more is learned of
 * secrets, and no further source file is opened. */
struct ph_error *ph_extract_share(struct ph_extract *extract, const struct ph_source **ret, size_t *ret_count)
	__attribute__((warn_unused_result));

/* sys.NAME of the main interpreter; 0 when it has none. */
void ph_extract_sys(struct ph_extract *extract, const char *name, ph_addr *ret);

/* What there is to know of an object whose C struct may be of unknown layout; one malloc'ed block. */
struct ph_inspect_object;
struct ph_error *ph_extract_object(struct ph_extract *extract, ph_addr address, struct ph_inspect_object **ret)
	__attribute__((warn_unused_result));

/* Full names of the types that modules name, one a line, sorted; quick. */
struct ph_error *ph_extract_type_names(struct ph_extract *extract, struct ph_buffer *out)
	__attribute__((warn_unused_result));

/* ---- between the files of this room ---- */

/* values.c: the ops of ph_source. */
void ph_extract_value(void *self, ph_addr address, const struct ph_value_limits *limits, struct ph_value *ret);
void ph_extract_expect(void *self, const ph_addr *addresses, size_t count, const struct ph_value_limits *limits);
void ph_extract_approach(void *self, ph_addr far, ph_addr near);
void ph_extract_lack(void *self, const ph_addr *addresses, size_t count,
		     bool (*is_wanted)(void *user, const char *name), void *user, bool *ret);

/* What is mapped of the image counts as resident until it is given back. */
void ph_extract_drop_pages(struct ph_extract *extract);
/* Half of it may be, 64 MB, and 40 bytes for each of so many objects. */
void ph_extract_bound_pages(struct ph_extract *extract, uint64_t objects);
/* An object is about to be looked at: gives pages back now and then. */
void ph_extract_count_value(struct ph_extract *extract);

/* The process, the interpreters, the threads and the exceptions, unrendered. */
struct ph_error *ph_extract_process(struct ph_extract *extract, const struct ph_extract_options *options);
struct ph_error *ph_extract_threads(struct ph_extract *extract);
struct ph_error *ph_extract_exceptions(struct ph_extract *extract);
struct ph_error *ph_extract_tasks(struct ph_extract *extract); /* and greenlets */
/* Learn the secrets, then render every repr, message and source line. */
struct ph_error *ph_extract_render(struct ph_extract *extract);
/* A name that threading itself gives; others are the program's own words. */
bool ph_extract_is_default_thread_name(const char *name);

/* Open the frame's file, once, and learn the secrets that it assigns: before anything is rendered. */
void ph_extract_load_source(struct ph_extract *extract, const struct ph_frame *frame);
void ph_extract_free_readers(struct ph_extract *extract);
/* Fill in frame->source, scrubbed. */
void ph_extract_source_line(struct ph_extract *extract, struct ph_frame *frame);
/* A file that a frame names, opened once; NULL when there are too many.  Its text may be NULL. */
const struct ph_source_text *ph_extract_source(struct ph_extract *extract, const char *path);
void ph_extract_free_sources(struct ph_extract *extract);

struct ph_error *ph_extract_add_root(struct ph_extract *extract, const char *name, ph_addr address);

#endif
