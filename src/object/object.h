/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects: from an address to a struct ph_value, and the few typed readers that
 * the rooms above need (str, dict, tuple, int, attribute, type, code).
 *
 * One file per kind, named as in CPython's Objects/.  Which decoder serves an
 * object: the tp_flags bits of its type (int, list, tuple, bytes, str, dict,
 * exception, type subclasses), else the nearest base with a decoder, by name
 * (src/object/kinds.def: adding a kind is a file and a row). */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include "base/arena.h"
#include "base/error.h"
#include "record/edge.h"
#include "record/value.h"
#include "record/source.h"
#include "target/target.h"

struct ph_objects; /* a target with its caches of types and codes; not thread-safe */

struct ph_error *ph_objects_create(struct ph_target *target, struct ph_objects **ret)
	__attribute__((warn_unused_result));
/* Another of the same target, which knows what these were told, with caches of its own: for another thread. */
struct ph_error *ph_objects_clone(const struct ph_objects *objects, struct ph_objects **ret)
	__attribute__((warn_unused_result));
void ph_objects_free(struct ph_objects *objects);
struct ph_target *ph_objects_target(struct ph_objects *objects);

/* Learn the names of types from `builtins` and the dicts of all modules in
 * `modules` (sys.modules), for cores whose .rodata was left out, and then the
 * known static types by role and fingerprint.  Cheap: walks lazily on the first
 * type whose tp_name cannot be read.  0 for what is unknown. */
void ph_objects_seed(struct ph_objects *objects, ph_addr builtins, ph_addr modules);

/* ---- types ---- */

struct ph_type {
	ph_addr address;
	const char *name;     /* __qualname__ for heap types, tp_name's last part for static ones; "?" unknown */
	const char *module;   /* "builtins", "__main__", …; NULL unknown */
	const char *full;     /* "collections.deque"; without the module for builtins */
	uint64_t flags;	      /* tp_flags */
	int64_t basicsize, itemsize, dictoffset, weaklistoffset;
	ph_addr base;	      /* tp_base */
	ph_addr mro;	      /* a tuple */
	ph_addr dict;	      /* tp_dict, also where it lives in the interpreter state */
	enum ph_kind kind;
	const struct ph_decoder *decoder; /* object/decoder.h */
	bool is_heap;
	bool is_type; /* a subclass of type: its instances are types */
};

/* Cached; NULL when the address is no type (its own type chain does not end in type). */
const struct ph_type *ph_type_get(struct ph_objects *objects, ph_addr type);
/* Of a type that ph_type_get() gave, its bases' too; known once an instance was decoded or walked.  Returns their
 * number. */
size_t ph_type_slots(const struct ph_type *type, const struct ph_type_slot **ret);
/* The type of an object; NULL as above. */
const struct ph_type *ph_object_type(struct ph_objects *objects, ph_addr object);
/* "PyListObject.ob_item": the member of the C struct at so many bytes from an instance's start; NULL unknown. */
const char *ph_object_member(struct ph_objects *objects, const struct ph_type *type, int64_t offset);
bool ph_type_is_subtype(struct ph_objects *objects, const struct ph_type *type, const char *full_name);

/* ---- values ---- */

/* The op of ph_source: fills *ret whatever the address is. */
void ph_object_value(struct ph_objects *objects, ph_addr address, const struct ph_value_limits *limits,
		     struct ph_value *ret);

/* References to it; -1 immortal, INT64_MIN where it cannot be read.  Of a free-threaded build what its own thread and
 * the others count together: what a thread keeps for itself is ph_object_thread_count(). */
int64_t ph_object_refcount(const struct ph_target *target, ph_addr object);
/* Free-threaded builds of 3.14 and later: what all threads together count of it in arrays of their own (classes, code
 * and the globals of modules have a place there: Include/internal/pycore_uniqueid.h, _Py_THREAD_INCREF_OBJECT() in
 * pycore_object.h).  One thread's share may be negative, and so may the sum be where a thread was not found. */
int64_t ph_object_thread_count(const struct ph_objects *objects, enum ph_kind kind, ph_addr object);
/* The sums, by unique id - 1, malloc'ed; the objects free them. */
void ph_objects_take_thread_counts(struct ph_objects *objects, int64_t *counts, size_t count);
/* Free-threaded: what frames hold of it is not in its count. */
bool ph_object_is_deferred(const struct ph_target *target, ph_addr object);

/* ---- typed readers; PH_CORRUPT when the object is of another type ---- */

/* A str as WTF-8, appended; at most `characters` of it (then PH_LIMIT, with the beginning appended). */
enum ph_status ph_str_read(struct ph_objects *objects, ph_addr address, size_t characters, struct ph_buffer *out);
/* The same into an arena: NULL when it is not a readable str.  For names; cut at 4,096 characters. */
const char *ph_str_get(struct ph_objects *objects, ph_addr address, struct ph_arena *arena);
/* Is it a str equal to this ASCII text?  Fast, no allocation. */
bool ph_str_equals(struct ph_objects *objects, ph_addr address, const char *ascii);
/* Raw bytes of a bytes object: a view or NULL. *ret_size bytes. */
const uint8_t *ph_bytes_view(struct ph_objects *objects, ph_addr address, size_t *ret_size);

enum ph_status ph_int_get(struct ph_objects *objects, ph_addr address, int64_t *ret); /* PH_LIMIT beyond 63 bits */

/* Items of a tuple or list: address of the item array and its checked length. */
enum ph_status ph_sequence_items(struct ph_objects *objects, ph_addr address, ph_addr *ret_items, size_t *ret_count);
/* Item i of a tuple or list; 0 when out of range. */
ph_addr ph_sequence_item(struct ph_objects *objects, ph_addr address, size_t index);

/* A dict in insertion order, without copying. */
struct ph_dict_iter {
	struct ph_objects *objects;
	ph_addr entries, values; /* entry array; split values or 0 */
	ph_addr order;		 /* insertion-order bytes of split values, or 0 */
	size_t index, count;	 /* next entry; entries to look at */
	uint32_t stride;	 /* bytes of an entry */
	bool unicode_keys;
	uint64_t used;		 /* ma_used, checked */
	enum ph_status status;	 /* what ended it early */
};
enum ph_status ph_dict_begin(struct ph_objects *objects, ph_addr dict, struct ph_dict_iter *ret);
bool ph_dict_next(struct ph_dict_iter *iter, ph_addr *ret_key, ph_addr *ret_value);
/* Value of a str key (ASCII); 0 when it has none.  Linear; for small dicts and namespaces. */
ph_addr ph_dict_get(struct ph_objects *objects, ph_addr dict, const char *ascii_key);
bool ph_is_dict(struct ph_objects *objects, ph_addr address);

/* An attribute that the object itself holds (its __dict__, inline values or a
 * slot), not its class's; 0 when there is none. */
ph_addr ph_object_attribute(struct ph_objects *objects, ph_addr object, const char *ascii_name);
/* The instance's own dict object when it has one (materialised), else 0. */
ph_addr ph_object_dict(struct ph_objects *objects, ph_addr object);

/* Where most of what an object holds lies: the dict or the values of an instance; the object itself where there is no
 * such place. */
ph_addr ph_object_body(struct ph_objects *objects, ph_addr object);

/* Names that somebody looks for among many objects. { .is_wanted, .user } */
struct ph_names_wanted {
	bool (*is_wanted)(void *user, const char *name);
	void *user;
	struct {
		ph_addr key; /* a str, 0 none */
		bool is_wanted;
	} known[64];
	const struct ph_type *type; /* whose slots are known */
	bool slots_wanted;
};
/* Whether the object is an instance that holds nothing but attributes, and none of them has such a name.  False where
 * that is not sure. */
bool ph_object_lacks(struct ph_objects *objects, ph_addr object, struct ph_names_wanted *names);

/* ---- code (object/code.c) and line tables (object/linetable.c) ---- */

enum {
	PH_FAST_HIDDEN = 0x10,
	PH_FAST_LOCAL = 0x20,
	PH_FAST_CELL = 0x40,
	PH_FAST_FREE = 0x80
}; /* CO_FAST_* of Include/internal/pycore_code.h, used for all versions */

struct ph_code {
	ph_addr address;
	const char *name, *qualname, *filename; /* WTF-8; qualname NULL before 3.11 */
	int firstlineno;
	uint32_t flags; /* co_flags */
	int argcount;	/* all arguments: positional, keyword-only, *args and **kwargs */
	int nlocals;	/* fast locals that are not only cells */
	size_t localsplus_count;
	const char **localsplus_names; /* in the order of the frame's fast locals */
	uint8_t *localsplus_kinds;     /* PH_FAST_… */
	ph_addr bytecode;	       /* address of the first code unit (co_code_adaptive, or co_code's bytes) */
	size_t bytecode_size;	       /* bytes */
	int64_t first_traceable;       /* bytes: frames before it are incomplete; 0 where no such thing is kept */
	size_t stacksize;	       /* slots of the value stack */
	ph_addr linetable;	       /* co_lnotab or co_linetable, a bytes object */
};
/* Cached, NULL when it is no code object.  Lives as long as objects. */
const struct ph_code *ph_code_get(struct ph_objects *objects, ph_addr address);

struct ph_position {
	int line, end_line;	/* 0 unknown */
	int column, end_column; /* bytes from 0; -1 unknown */
};
/* lasti: offset in bytes into the bytecode; negative is "before the first". */
struct ph_position ph_code_position(struct ph_objects *objects, const struct ph_code *code, int64_t lasti);

/* ---- frames (object/frame.c) ---- */

/* One frame as the interpreter links them: a PyFrameObject up to 3.10, a
 * _PyInterpreterFrame since 3.11. */
struct ph_frame_state {
	ph_addr address;      /* of that struct */
	ph_addr previous;     /* the caller's, as linked; 0 the outermost */
	ph_addr frame_object; /* its PyFrameObject, 0 none */
	const struct ph_code *code; /* NULL: not readable, or no Python frame at all */
	ph_addr globals;
	ph_addr namespace;    /* f_locals: of module and class bodies; else 0 or a cache */
	ph_addr localsplus;   /* array of the fast locals; the value stack lies behind them */
	int64_t lasti;	      /* bytes into the bytecode, negative before the first instruction */
	int line;	      /* f_lineno where a trace function keeps it; 0 ask the line table */
	bool hidden;	      /* what Python itself does not show: shims of C, frames not yet complete */
	/* The call of the interpreter's loop in C that runs this frame began with it (3.11), or it is that call's shim,
	 * which lies on the C stack and is hidden (3.12 on). */
	bool begins_loop;
	ph_addr loop; /* filled in by the walk over a stack: an address within the C frame of that call; 0 unknown */
};

/* The object behind a _PyStackRef; 0 for none.  What it is given where references are not tagged. */
ph_addr ph_untag_ref(const struct ph_target *target, ph_addr ref);

/* Of the struct that a thread state points to. */
enum ph_status ph_frame_load(struct ph_objects *objects, ph_addr address, struct ph_frame_state *ret);
/* Of a PyFrameObject, in every version. */
enum ph_status ph_frame_load_object(struct ph_objects *objects, ph_addr frame_object, struct ph_frame_state *ret);
/* Of a generator, coroutine or async generator; PH_ABSENT when it is finished. */
enum ph_status ph_frame_load_generator(struct ph_objects *objects, ph_addr generator, struct ph_frame_state *ret);

/* What a suspended generator, coroutine or async generator delegates to (gi_yieldfrom, cr_await, ag_await), as
 * _PyGen_yf() of Objects/genobject.c finds it; 0 nothing, or it runs. */
ph_addr ph_generator_awaited(struct ph_objects *objects, ph_addr generator);
/* Is it running: on some thread's stack? */
bool ph_generator_is_running(struct ph_objects *objects, ph_addr generator);

/* Where it is: PyFrame_GetLineNumber(), with columns where the table has them. */
struct ph_position ph_frame_position(struct ph_objects *objects, const struct ph_frame_state *state);
/* As a record: names, position, locals with address and type, without repr; all in the arena. */
enum ph_status ph_frame_record(struct ph_objects *objects, const struct ph_frame_state *state, struct ph_arena *arena,
			       struct ph_frame *ret);

#endif
