/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The portable dump: writer and reader, one file per section side by side.
 * doc/dump-format.md specifies every field. */
#ifndef DUMP_DUMP_H
#define DUMP_DUMP_H

#include <pyheap/callbacks.h>
#include <pyheap/dump.h>

#include "record/heap_sink.h"
#include "record/memory.h"
#include "record/place.h"
#include "record/render.h"
#include "record/report.h"
#include "record/source.h"

#include <stdio.h>

/* ---- writing ---- */

struct ph_dump_module { /* a line of modules.json; strings NULL when unknown */
	const char *path, *build_id, *why_not; /* why_not: why its file was not used */
	ph_addr start, end;
};

struct ph_dump_source_file { /* a Python source file of the frames */
	const char *path;    /* co_filename */
	const char *text;    /* already scrubbed; `size` bytes */
	size_t size;
	bool newer;	     /* than the core: perhaps not what ran */
};

struct ph_dump_field { /* manifest: origin of the layout, completeness … */
	const char *key, *value;
};

struct ph_dump_contents {
	const struct ph_report *report;	   /* its labels, redaction and damage go into the manifest too */
	const struct ph_render *render;	   /* source + redactor for closure.jsonl; NULL: none is written */
	const ph_addr *closure;		   /* addresses of the closure's objects, in the order to be written */
	size_t closure_count;
	/* More sources of the same, for so many threads besides this one, to be freed by whoever gives them; fewer when
	 * *count says so.  From then on the redactor learns nothing more.  NULL: one thread writes the lines. */
	struct ph_error *(*share)(void *user, const struct ph_source **ret, size_t *count);
	void *share_user;
	bool closure_cut;		   /* the bound was reached */
	const struct ph_dump_module *modules;
	size_t module_count;
	const struct ph_dump_source_file *sources;
	size_t source_count;
	const struct ph_dump_field *fields;
	size_t field_count;
	/* Whoever hands units to ph_dump_writer_sink() already stops; called when nothing else but the closure's lines, which
	 * all threads make, is to be done before the columns.  NULL: nobody does. */
	struct ph_error *(*pause_walk)(void *user);
	/* the whole heap into the sink, or the rest of it, for the columns; NULL: none are written */
	struct ph_error *(*walk_heap)(void *user, const struct ph_heap_sink *sink);
	/* appends what memory.json is to hold, after the walk; NULL: there is none */
	struct ph_error *(*memory)(void *user, struct ph_buffer *out);
	void *walk_user; /* of these */
	/* of the heap, for the manifest, beside the report's; NULL none.  Waits until the heap has been found; what
	 * walk_heap adds to it goes into damage.json */
	struct ph_error *(*heap_damage)(void *user, const struct ph_damage **ret);
	int64_t time; /* seconds since 1970 for member dates: SOURCE_DATE_EPOCH or the core's own */
	const char *heap; /* "none", "stacks", "full" */
	size_t pickle_objects; /* of the pickle part at most; 0: there is none.  Needs render */
	ph_addr sys_version_info, sys_argv, sys_path; /* for its headers; 0 unknown */
	const struct ph_callbacks *callbacks;
};

/* Whole or absent: written to a temporary file in the same folder (mode 0600,
 * unlinked on every failure and on cancellation), synced, and published by
 * rename (or link, when !overwrite, which fails with PH_ERROR_IO on EEXIST).
 * path "-": built in an unlinked temporary file, then copied to standard output. */
struct ph_error *ph_dump_write(const char *path, bool overwrite, const struct ph_dump_contents *contents)
	__attribute__((warn_unused_result));

/* The same in steps: while its contents are gathered others may hand units of the heap to its sink, which holds them back
 * for their place in the file.  The path must live as long as the writer. */
struct ph_dump_writer;
struct ph_error *ph_dump_begin(const char *path, bool overwrite, struct ph_dump_writer **ret)
	__attribute__((warn_unused_result));
/* Until the writer is freed. */
struct ph_heap_sink ph_dump_writer_sink(struct ph_dump_writer *writer);
struct ph_error *ph_dump_end(struct ph_dump_writer *writer, const struct ph_dump_contents *contents)
	__attribute__((warn_unused_result));
/* Without ph_dump_end(), or when that failed, nothing is left behind. */
void ph_dump_writer_free(struct ph_dump_writer *writer);

/* ---- reading ---- */

/* What answers in place of a file: a debugger's target (session/inspect.c). */
struct ph_dump_live {
	void *self;
	struct ph_error *(*report)(void *self, const struct ph_report **ret);
	/* ret[i] NULL: there is no object at addresses[i] */
	struct ph_error *(*objects)(void *self, const ph_addr *addresses, size_t count, struct ph_arena *arena,
				    struct ph_object **ret);
	/* a dump of the whole heap, for the verbs that work on columns; stays self's */
	struct ph_error *(*heap)(void *self, struct ph_dump **ret);
	/* what an address is */
	struct ph_error *(*place)(void *self, ph_addr address, struct ph_arena *arena, struct ph_place *ret);
};

/* A dump without a file, for the verbs. */
struct ph_error *ph_dump_create_live(const struct ph_dump_live *live, struct ph_dump **ret)
	__attribute__((warn_unused_result));
bool ph_dump_is_live(const struct ph_dump *dump);

/* Who is told of progress from now on, borrowed; NULL nobody.  What cannot fail reads as unknown once it is cancelled. */
void ph_dump_set_callbacks(struct ph_dump *dump, const struct ph_callbacks *callbacks);
const struct ph_callbacks *ph_dump_callbacks(const struct ph_dump *dump);
bool ph_dump_is_stopped(const struct ph_dump *dump);

/* The report of the dump; parsed on first use, owned by the dump. */
struct ph_error *ph_dump_report(struct ph_dump *dump, const struct ph_report **ret) __attribute__((warn_unused_result));
/* The same; where report.json is lost a report of nothing but the exceptions, of exceptions.json, and the loss is a
 * problem of the dump.  PH_ERROR_BAD_DUMP when both are. */
struct ph_error *ph_dump_exceptions(struct ph_dump *dump, const struct ph_report **ret)
	__attribute__((warn_unused_result));
bool ph_dump_lacks_report(const struct ph_dump *dump); /* it was asked for, and that is what there was */
/* A member's bytes, CRC checked, malloc'ed with a NUL behind; at most `maximum` bytes.
 * PH_ERROR_BAD_DUMP names the member: it is not there, too large, cut or altered. */
struct ph_error *ph_dump_member(struct ph_dump *dump, const char *name, size_t maximum, char **ret, size_t *ret_size)
	__attribute__((warn_unused_result));
/* The records of some objects of the closure, in the arena, found in one pass:
 * ret[i] is the one of addresses[i], or NULL when it is not in the dump (or in a
 * part of it that is damaged: ph_dump_problem() says so then). */
struct ph_error *ph_dump_objects(struct ph_dump *dump, const ph_addr *addresses, size_t count, struct ph_arena *arena,
				 struct ph_object **ret) __attribute__((warn_unused_result));

/* What closure.jsonl says of each object that `wants` asks for, by its address: type and module alone. */
struct ph_error *ph_dump_closure_types(struct ph_dump *dump, bool (*wants)(void *user, ph_addr address),
				       bool (*take)(void *user, ph_addr address, const char *type, const char *module),
				       void *user) __attribute__((warn_unused_result));

/* What an address is, strings in the arena.  A file knows modules and objects; it needs the whole heap. */
struct ph_error *ph_dump_place(struct ph_dump *dump, ph_addr address, struct ph_arena *arena, struct ph_place *ret)
	__attribute__((warn_unused_result));

/* ---- the heap ---- */

/* memory.json; PH_ERROR_BAD_DUMP also when the dump was made without the whole heap. */
/* Has it the whole heap, and so memory.json too, but for what is lost? */
bool ph_dump_promises_memory(const struct ph_dump *dump);
struct ph_error *ph_dump_memory(struct ph_dump *dump, struct ph_memory *ret) __attribute__((warn_unused_result));

/* The dump that has the columns: this one, or the one that a debugger's target has written first. */
struct ph_error *ph_dump_heap(struct ph_dump **dump) __attribute__((warn_unused_result));

/* What manifest.json and damage.json say could not be read, of the report and of the heap; nothing where they are altered.  The caller's. */
struct ph_error *ph_dump_damage(struct ph_dump *dump, struct ph_damage *ret) __attribute__((warn_unused_result));

/* What tells this dump from all others: a hash of its directory, and so of the checksums of all members. */
#define PH_DUMP_IDENTITY 16
void ph_dump_identity(const struct ph_dump *dump, uint8_t ret[PH_DUMP_IDENTITY]);

/* A type with its place among the objects; the text is the dump's. */
struct ph_dump_type {
	uint32_t index; /* PH_NO_INDEX unknown */
	ph_addr address;
	const char *name, *module;
	int64_t basicsize, itemsize;
	uint64_t count;
	enum ph_value_text value;
	bool is_heap; /* made at run time: each instance holds a reference to it */
	/* names of what its instances keep in __slots__ (those of its bases too) */
	struct ph_dump_slot {
		int64_t offset; /* bytes in the object */
		const char *name;
	} *slots;
	size_t slot_count;
};

struct ph_dump_types {
	struct ph_dump_type *types; /* sorted by index */
	size_t count;
	const char **fields; /* names of members, which PH_EDGE_FIELD edges count */
	size_t field_count;
	struct ph_arena arena;
};
/* PH_ERROR_BAD_DUMP also when the dump was made without the whole heap. */
struct ph_error *ph_dump_types(struct ph_dump *dump, struct ph_dump_types *ret) __attribute__((warn_unused_result));
void ph_dump_types_deinit(struct ph_dump_types *types);

/* Whether anything of the whole heap is there. */
bool ph_dump_is_full(const struct ph_dump *dump);

/* The part for Python debuggers, appended: as the message that pyheapdump reads; as the gzip'ed pickle that pydump 1.2
 * opens.  PH_ERROR_BAD_DUMP when the dump has none or it is altered. */
struct ph_error *ph_dump_pyheapdump(struct ph_dump *dump, struct ph_buffer *out) __attribute__((warn_unused_result));
struct ph_error *ph_dump_pydump(struct ph_dump *dump, struct ph_buffer *out) __attribute__((warn_unused_result));

#endif
