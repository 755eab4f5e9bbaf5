/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the pickle's own files. */
#ifndef DUMP_PICKLE_PRIVATE_H
#define DUMP_PICKLE_PRIVATE_H

#include "base/addrmap.h"
#include "dump/pickle.h"
#include "dump/pickle_stream.h"

/* What stands for an object in the reader. */
enum ph_pickle_shape {
	SHAPE_ATOM, /* None, numbers, text */
	SHAPE_LIST,
	SHAPE_DICT,
	SHAPE_TUPLE,
	SHAPE_SET,
	SHAPE_FROZENSET,
	SHAPE_CLASS, /* by value; builtins by name */
	SHAPE_INSTANCE,
	SHAPE_MODULE,
	SHAPE_FAKE, /* a FakeClass that shows its repr and attributes */
};

/* What a class by value is derived from in the end. */
enum ph_pickle_root {
	ROOT_UNKNOWN,
	ROOT_OBJECT,
	ROOT_LIST,
	ROOT_DICT,
	ROOT_TUPLE,
	ROOT_SET,
	ROOT_FROZENSET,
	ROOT_INT,
	ROOT_FLOAT,
	ROOT_STR,
	ROOT_BYTES,
	ROOT_EXCEPTION,
	ROOT_CLOSED, /* a builtin that cannot be derived from */
};

struct ph_pickle_node {
	ph_addr address, type;
	uint32_t memo;	/* 0: not made yet */
	uint16_t height; /* of nested tuples */
	uint8_t kind;	/* enum ph_kind */
	uint8_t shape, root; /* enums above; a class's root is a hint until it is made */
	bool is_being_made : 1, is_hashable : 1;
	bool is_namespace : 1; /* the globals of a frame */
	bool is_by_value : 1;  /* a class that was made here */
	bool is_near : 1;      /* in the globals of a frame: a module shows its contents */
};

struct ph_pickle {
	const struct ph_dump_contents *contents;
	const struct ph_report *report;
	const struct ph_source *source;
	struct ph_redactor *redactor;
	struct ph_render render; /* of surrogates: short */
	struct ph_pickle_stream stream;
	bool is_python2;
	struct ph_pickle_node *nodes; /* in order of discovery: nearest first */
	size_t count, capacity;
	struct ph_addrmap index;  /* address -> node + 1 */
	struct ph_addrmap others; /* surrogates of what is not a node -> memo */
	struct ph_addrmap names;  /* hash of a native str -> memo */
	struct ph_addrmap frames; /* address -> memo */
	struct ph_value value, child;
	struct ph_buffer text, scrubbed;
	uint32_t memo_fake, memo_type, memo_frame, memo_traceback;
	size_t text_left; /* bytes of text until strings are cut short */
	struct ph_pickle_stack {
		uint32_t *entries;
		size_t count, capacity;
	} stack;
	bool no_memory;
};

/* The values of the nodes behind this one, and the nodes that are attributes, are asked for soon. */
void ph_pickle_approach(const struct ph_pickle *p, size_t index);
void ph_pickle_approach_attributes(const struct ph_pickle *p, const struct ph_value *value);
struct ph_pickle_node *ph_pickle_find(struct ph_pickle *p, ph_addr address);

/* pickle_walk.c: the nodes. */
struct ph_error *ph_pickle_walk(struct ph_pickle *p) __attribute__((warn_unused_result));
/* The exception whose traceback is shown, NULL: there is none. */
const struct ph_exception *ph_pickle_exception(const struct ph_report *report);
/* Attributes that are worth following, and that are safe to set in a reader. */
bool ph_pickle_wants(const struct ph_pickle_node *node, const struct ph_attribute *attribute);
/* The source is told what such nodes refer to that is none: of some of it the value is written. */
void ph_pickle_expect_others(struct ph_pickle *p, size_t first, size_t count);
size_t ph_pickle_children(const struct ph_pickle *p); /* of one container */

/* pickle_atom.c: what is written where it stands. */
bool ph_pickle_is_hidden(const struct ph_pickle *p, ph_addr address);
void ph_pickle_atom(struct ph_pickle *p, ph_addr address, struct ph_pickle_node *node, bool secret);
void ph_pickle_native(struct ph_pickle *p, const char *text, size_t size);
void ph_pickle_surrogate(struct ph_pickle *p, const char *text, size_t size);
/* An object, wherever it is asked for: itself, or what stands for it. */
void ph_pickle_reference(struct ph_pickle *p, ph_addr address, bool secret);
bool ph_pickle_is_secret(const struct ph_pickle *p, const char *name);

/* pickle_make.c and pickle_fill.c */
void ph_pickle_make(struct ph_pickle *p, size_t index);
void ph_pickle_fill(struct ph_pickle *p, struct ph_pickle_node *node);
bool ph_pickle_hashable(struct ph_pickle *p, ph_addr address);
void ph_pickle_items(struct ph_pickle *p, const struct ph_value *value, bool hashable, bool secret);

/* pickle_frame.c: the dictionary that the reader takes. */
struct ph_error *ph_pickle_top(struct ph_pickle *p) __attribute__((warn_unused_result));

#endif
