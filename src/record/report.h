/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The crash report as records.  extract fills one from a target, the dump's
 * reader from report.json; text, markdown, JSON and the signature are rendered
 * from it and from nothing else, so all doors print the same.
 *
 * All strings and arrays live in the report's arena.  Strings are WTF-8 (see
 * record/value.h) and end with a NUL; a NUL within one (a str may hold it) is
 * the bytes C0 80: make them with ph_text_copy() of record/text.h.  NULL is
 * unknown (JSON null).  Addresses 0 are unknown.
 * Field names are the JSON contract's (design.md section 7; doc/json.md). */
#ifndef RECORD_REPORT_H
#define RECORD_REPORT_H

#include "base/arena.h"
#include "base/damage.h"
#include "base/error.h"
#include "base/types.h"

enum ph_local_kind { PH_LOCAL_ARGUMENT, PH_LOCAL_LOCAL, PH_LOCAL_CELL, PH_LOCAL_FREE };

struct ph_local {
	const char *name;
	enum ph_local_kind kind;
	ph_addr address; /* of the value; a cell's contents for cell and free variables */
	const char *type; /* "collections.deque"; builtins without their module */
	const char *repr; /* NULL until rendered */
	bool truncated, redacted;
};

#define PH_NAMESPACE_MAXIMUM 1000

struct ph_frame {
	const char *function; /* co_name */
	const char *qualname; /* co_qualname, NULL before 3.11 */
	const char *module;   /* globals' __name__ */
	const char *file;     /* co_filename */
	int line, end_line, column, end_column; /* 0 unknown; columns are bytes from 0 as in co_positions, -1 unknown */
	/* The line's text, indentation included (the columns count in it), without line end; NULL when the source
	 * is not there.  Renderers strip it. */
	const char *source;
	ph_addr address;      /* the frame object where there is one, else the interpreter frame (3.11 on) */
	ph_addr code, globals; /* not in the JSON */
	/* Of a running one since 3.11: an address within the C frame of the interpreter's loop that runs it, and those
	 * that it called without C between; 0 unknown.  Not in the JSON. */
	ph_addr loop;
	/* f_locals of a module, a class body or what exec() runs; 0 when the locals are fast ones */
	ph_addr namespace;
	/* Unbound ones left out.  Of a namespace its variables, in its order: without names that begin with "__",
	 * modules, functions, builtins and classes; at most PH_NAMESPACE_MAXIMUM. */
	struct ph_local *locals;
	size_t local_count;
	uint64_t locals_omitted; /* beyond that */
};

enum ph_exception_state { PH_EXCEPTION_NONE, PH_EXCEPTION_HANDLED, PH_EXCEPTION_RAISED, PH_EXCEPTION_LAST };

/* Flat: chains are addresses, looked up with ph_report_exception().  The JSON nests them. */
/* Where a SyntaxError is, as its attributes say; what they do not say is NULL or 0. */
struct ph_syntax {
	const char *message; /* msg, without the place */
	const char *file;
	const char *text; /* the source line */
	int64_t line, offset, end_offset; /* offsets from 1, in characters */
};

struct ph_exception {
	ph_addr address;
	const char *type;    /* __qualname__ */
	const char *module;
	const char *message; /* str(exception), as far as it can be known without running code; NULL unknown */
	ph_addr *arg_addresses; /* args; not in the JSON */
	const char **args;   /* their reprs; NULL entries until rendered */
	size_t arg_count;
	const char **notes;  /* __notes__ */
	size_t note_count;
	struct ph_frame *traceback; /* as in a traceback: outermost first */
	size_t traceback_count;
	ph_addr cause, context; /* 0 is None */
	bool suppress_context;
	const struct ph_syntax *syntax; /* of a SyntaxError; or NULL */
	ph_addr *members; /* of an exception group */
	size_t member_count;
};

struct ph_code_location { /* a native program counter */
	ph_addr address; /* 0 unknown; not in the JSON */
	const char *module; /* its path */
	uint64_t offset;    /* from the module's first mapped address */
	bool has_offset;
	const char *build_id;
	const char *symbol; /* "name+0x12" */
};

struct ph_waiting {	    /* what a thread waits for */
	const char *what;   /* "gil", "lock", "syscall" */
	ph_addr address;    /* of the lock or futex word, 0 none */
	int64_t syscall;    /* number, -1 none */
	const char *name;   /* "futex", NULL unknown */
};

struct ph_state_exception { /* one of a thread's exceptions */
	ph_addr address;    /* into the report's exceptions */
	enum ph_exception_state state;
};

struct ph_thread { /* one thread state */
	uint64_t id; /* threading.get_ident() */
	int64_t native_id; /* LWP, 0 unknown */
	const char *name;
	int64_t interpreter;
	bool crashed, holds_gil;
	bool has_waiting;
	struct ph_waiting waiting_for;
	bool has_pc;
	struct ph_code_location pc;
	/* most telling first: `exception` in the JSON is the first */
	struct ph_state_exception *exceptions;
	size_t exception_count;
	struct ph_frame *frames; /* outermost first */
	size_t frame_count;
	uint64_t frames_omitted; /* beyond the bound, innermost kept */
};

struct ph_native_thread_record { /* a thread without a Python thread state, or whose state was not read */
	int64_t native_id;
	const char *name; /* that the image has for it, NULL none */
	bool crashed;
	bool has_pc;
	struct ph_code_location pc;
};

struct ph_task_waiting { /* what an asyncio task waits for */
	/* "lock", "event", "condition", "semaphore", "barrier", "queue": the asyncio object whose method is awaited;
	 * "task", "gather", "sleep" and "future": the future itself */
	const char *what;
	ph_addr address;  /* of that object */
	const char *type; /* its type */
	const char *name; /* of the task that is waited for, NULL none */
	ph_addr future;
};

struct ph_task { /* an asyncio task that is not done, or a greenlet that is not dead */
	ph_addr address;
	const char *name;      /* NULL before 3.8; of a greenlet: "main" of a thread's main one, NULL without one */
	/* "pending", "cancelling" (cancel() was called), "running" (on its thread's stack); of a greenlet "suspended",
	 * "not started", "running" */
	const char *state;
	const char *coroutine; /* __qualname__; of a greenlet that of its function */
	ph_addr coroutine_address; /* not in the JSON */
	struct ph_frame *awaiting; /* the suspended coroutines, outermost first; a greenlet's stack */
	size_t awaiting_count;
	bool has_waiting;
	struct ph_task_waiting waiting_for;
	int64_t interpreter;
	uint64_t thread; /* threads' id: which runs its loop; 0 unknown */
	/* of greenlets only */
	const char *type;  /* "greenlet.greenlet", "gevent.hub.Hub" */
	ph_addr parent;	   /* 0 none */
	const char *task;  /* name of the asyncio task that a frame of which holds it, NULL none */
};

struct ph_task_list {
	struct ph_task *items;
	size_t count;
	uint64_t omitted; /* beyond the bound */
};

struct ph_interpreter {
	int64_t id;
	bool main;
	int64_t idle_thread_states;
	bool has_gc;
	bool gc_enabled, gc_collecting;
	int64_t gc_counts[3], gc_thresholds[3], gc_garbage; /* -1 unknown */
};

struct ph_label {
	const char *key, *value;
};

struct ph_unloaded { /* a module that the process had unloaded (Windows) */
	const char *module; /* its path */
	ph_addr start, end; /* where it was */
};

struct ph_signature {
	int version;	   /* 1 */
	const char *hash;  /* 16 hex digits */
	const char *title; /* "ValueError in app:parse" */
	const char **frames; /* what was hashed, innermost first */
	size_t frame_count;
};

enum ph_redaction_mode { PH_REDACT_NONE, PH_REDACT_SECRETS, PH_REDACT_VALUES };

struct ph_report {
	struct ph_arena arena;
	struct { /* "image" */
		const char *kind, *arch, *os;
		int64_t pid; /* 0 unknown */
		const char *command;
		bool complete;
		int64_t signal_number; /* 0 none: "signal": null; on Windows the exception's code */
		const char *signal_name;
		bool has_signal_address;
		ph_addr signal_address;
		struct ph_unloaded *unloaded;
		size_t unloaded_count;
		struct ph_label *annotations; /* that the program made for its crash reports (Crashpad) */
		size_t annotation_count;
	} image;
	struct { /* "python" */
		const char *implementation, *version;
		bool debug, free_threaded;
		const char *executable;
		const char *origin; /* "table", "debug-offsets", "inferred" */
		bool guessed;	    /* newer than the newest version known */
		const char *other;  /* path of another libpython in the process, which is left out; NULL none */
		const char *state;  /* "starting", "shutting down"; NULL: neither */
	} python;
	struct ph_interpreter *interpreters;
	size_t interpreter_count;
	struct ph_thread *threads; /* the crashed one first */
	size_t thread_count;
	struct ph_native_thread_record *native_threads;
	size_t native_thread_count;
	struct ph_task_list tasks;     /* by interpreter and name */
	struct ph_task_list greenlets; /* by interpreter and thread */
	struct ph_exception *exceptions; /* every exception reached, sorted by address */
	size_t exception_count;
	struct ph_signature signature; /* version 0: not computed */
	struct {
		enum ph_redaction_mode mode;
		uint64_t count;
	} redaction;
	struct ph_label *labels;
	size_t label_count;
	struct ph_damage damage;
	/* what is rendered with the report but lives elsewhere: the last lines of text */
};

void ph_report_deinit(struct ph_report *report);
#define ph_auto_report ph_cleanup(ph_report_deinit)

/* NULL when the report has none at that address. */
const struct ph_exception *ph_report_exception(const struct ph_report *report, ph_addr address);

/* Fill report->signature from the rest (record/signature.c). */
void ph_report_sign(struct ph_report *report);

/* ---- rendering; all append to `out` and end with a newline ---- */

struct ph_buffer;
struct ph_text_options {
	bool colour;
	unsigned columns; /* of the terminal; 0 unbounded */
	bool locals;	  /* print locals below each frame */
	bool fold;	  /* fold threads with equal stacks */
	/* of ph_object_text(): appends what lies at an address that an object refers to; NULL: addresses alone */
	void (*describe)(void *user, ph_addr address, struct ph_buffer *out);
	void *describe_user;
};

void ph_report_json(const struct ph_report *report, struct ph_buffer *out); /* one object, indented by two */
void ph_report_text(const struct ph_report *report, const struct ph_text_options *options, struct ph_buffer *out);
void ph_report_markdown(const struct ph_report *report, struct ph_buffer *out);
void ph_report_signature_line(const struct ph_report *report, struct ph_buffer *out);
/* exceptions.json: {"exceptions":[…]} flat, chains by address. */
void ph_report_exceptions_json(const struct ph_report *report, struct ph_buffer *out);
/* {"threads":[…],"native_threads":[…]}, as in the report: `pyheap threads --json`. */
void ph_report_threads_json(const struct ph_report *report, struct ph_buffer *out);
/* {"tasks":[…]}, as in the report: `pyheap tasks --json`. */
void ph_report_tasks_json(const struct ph_report *report, struct ph_buffer *out);
/* {"greenlets":[…]}: `pyheap greenlets --json`. */
void ph_report_greenlets_json(const struct ph_report *report, struct ph_buffer *out);
/* the text of `pyheap exceptions`, `pyheap threads`, `pyheap tasks` and `pyheap greenlets` */
void ph_report_exceptions_text(const struct ph_report *report, const struct ph_text_options *options,
			       struct ph_buffer *out);
void ph_report_threads_text(const struct ph_report *report, const struct ph_text_options *options,
			    struct ph_buffer *out);
void ph_report_tasks_text(const struct ph_report *report, const struct ph_text_options *options,
			  struct ph_buffer *out);
void ph_report_greenlets_text(const struct ph_report *report, const struct ph_text_options *options,
			      struct ph_buffer *out);

/* The list of thread states was not read to its end, or a cut core lacks whose they are: who ran Python is not known. */
bool ph_report_lacks_states(const struct ph_report *report);
/* Something of the thread could not be read: what is said of it begins with `what`, "" for anything. */
bool ph_report_lacks(const struct ph_report *report, const struct ph_thread *thread, const char *what);

/* ---- what a debugger shows of one thread, one frame (record/inspect_text.c) ---- */

/* The stack, the most recent call first, as CPython's gdb extension prints it. */
void ph_report_backtrace_text(const struct ph_report *report, const struct ph_thread *thread, bool heading,
			      const struct ph_text_options *options, struct ph_buffer *out);
/* One of the thread's exceptions with its chain, locals below each frame (when the options say so). */
void ph_report_exception_text(const struct ph_report *report, const struct ph_thread *thread,
			      const struct ph_state_exception *exception, const struct ph_text_options *options,
			      struct ph_buffer *out);
/* "#2 File …", its source line. */
void ph_report_frame_text(const struct ph_frame *frame, size_t number, const struct ph_text_options *options,
			  struct ph_buffer *out);
void ph_report_locals_text(const struct ph_frame *frame, const struct ph_text_options *options, struct ph_buffer *out);
/* "Thread worker (LWP 7, id 1), waiting for the GIL", a line for each, native ones too; `selected` is marked. */
void ph_report_thread_list_text(const struct ph_report *report, int64_t selected,
				const struct ph_text_options *options, struct ph_buffer *out);

/* The inverse of ph_report_json, of untrusted text; exceptions_json (may be
 * NULL) gives the exceptions beyond the nesting.  PH_ERROR_BAD_DUMP. */
struct ph_error *ph_report_parse(const char *json, size_t size, const char *exceptions_json, size_t exceptions_size,
				 struct ph_report *ret) __attribute__((warn_unused_result));

/* ---- single records as JSON, for `pyheap print --json` and closure.jsonl ---- */

/* One line of `pyheap print --json`: strings rendered, children by address. */
struct ph_object {
	ph_addr address;
	const char *type, *module;
	int64_t size, refcount, len; /* INT64_MIN: null */
	bool has_held;
	int64_t held;		     /* bytes of memory that are its own, as a verb alone knows it */
	int64_t retained;	     /* bytes that would be freed with it; 0 unknown, as a verb alone works it out */
	const char *repr;
	bool truncated, redacted;
	const char *value; /* WTF-8, or hex for bytes; NULL none */
	ph_addr *items;
	size_t item_count;
	bool has_items;
	ph_addr (*pairs)[2];
	size_t pair_count;
	bool has_pairs;
	struct ph_object_attribute {
		const char *name;
		ph_addr value;
	} *attributes;
	size_t attribute_count;
	ph_addr *guessed; /* objects that words of an unknown struct lead to, as a verb alone knows it */
	size_t guessed_count;
	struct ph_frame *frame;		/* NULL none */
	struct ph_exception *exception; /* NULL none; chains by {"ref"} but for group members, nested */
	struct ph_exception *exception_members; /* the nested ones, flat */
	size_t exception_member_count;
};

/* One line, newline at the end. */
void ph_object_json(const struct ph_object *object, struct ph_buffer *out);
/* What `pyheap print` shows in text; several lines. */
void ph_object_text(const struct ph_object *object, const struct ph_text_options *options, struct ph_buffer *out);
struct ph_error *ph_object_parse(const char *json, size_t size, struct ph_arena *arena, struct ph_object *ret)
	__attribute__((warn_unused_result));

#endif
