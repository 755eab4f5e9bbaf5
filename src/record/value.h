/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One object, decoded one level deep: what `object` makes of bytes, and what
 * the renderer, the redaction, the closure and the dump are made from.
 *
 * Text is UTF-8 in which a lone surrogate stands as its three bytes (WTF-8), so
 * that nothing of a str is lost; whoever prints escapes it. */
#ifndef RECORD_VALUE_H
#define RECORD_VALUE_H

#include "base/buffer.h"
#include "base/types.h"

enum ph_kind {
	PH_KIND_UNKNOWN, /* not an object, or unreadable: rendered as "<… at 0x…>", never an error */
	PH_KIND_NONE,
	PH_KIND_BOOL,
	PH_KIND_INT, /* 2.7: int and long */
	PH_KIND_FLOAT,
	PH_KIND_COMPLEX,
	PH_KIND_STR, /* 2.7: unicode */
	PH_KIND_BYTES, /* 2.7: str */
	PH_KIND_BYTEARRAY,
	PH_KIND_TUPLE,
	PH_KIND_LIST,
	PH_KIND_DICT, /* and its subclasses: defaultdict, OrderedDict, Counter */
	PH_KIND_SET,  /* and frozenset */
	PH_KIND_DEQUE,
	PH_KIND_FUNCTION,
	PH_KIND_METHOD,
	PH_KIND_CODE,
	PH_KIND_MODULE,
	PH_KIND_TYPE,
	PH_KIND_CELL,
	PH_KIND_FRAME,
	PH_KIND_GENERATOR, /* generator, coroutine, async generator: ph_source_frame gives its frame */
	PH_KIND_TRACEBACK,
	PH_KIND_EXCEPTION, /* ph_source_exception gives its parts */
	PH_KIND_WEAKREF,
	PH_KIND_INSTANCE, /* of a class written in Python, or any other type whose attributes are known */
	PH_KIND_OTHER,	  /* a builtin of another kind */
};

/* How Python's own repr is put together; the renderer knows nothing else. */
enum ph_form {
	PH_FORM_ATOM,  /* `text` is the repr as it stands: int, float, range, "<function f at 0x…>" */
	PH_FORM_STR,   /* `text` to be quoted and escaped as a str */
	PH_FORM_BYTES, /* `text` (text_size raw bytes) to be quoted as bytes, between `open` and `close` */
	PH_FORM_ITEMS, /* open, items joined by ", ", close */
	PH_FORM_PAIRS, /* open, "key: value" joined by ", ", close */
	PH_FORM_PAIR_TUPLES, /* open, "(key, value)" joined by ", ", close: OrderedDict before 3.12 */
	PH_FORM_PARTS, /* open, `parts` joined by ", " or by their own `before`, close */
};

/* How the value of a type's instances is written, and how Python shows it. */
enum ph_value_text {
	PH_VALUE_TEXT,	  /* as it is: str, numbers; none */
	PH_VALUE_BYTES,	  /* in hexadecimal; b'…' */
	PH_VALUE_STR_OF_2, /* in hexadecimal: str of Python 2, '…' */
	PH_VALUE_UNICODE_OF_2, /* as it is: u'…' */
	PH_VALUE_DESCRIPTION, /* as it is, without quotes: what an array is of */
	PH_VALUE_TEXT_COUNT
};
/* As types.json has it; NULL for PH_VALUE_TEXT. */
const char *ph_value_text_name(enum ph_value_text text);

struct ph_pair {
	ph_addr key, value;
};

struct ph_attribute {
	const char *name; /* UTF-8, borrowed like the rest of the value */
	ph_addr value;
	/* false: what vars() or a slot of the class gives.  true: what the C
	 * struct holds besides: __code__, __self__, cell_contents, __cause__ … */
	bool structural;
};

/* Printed as before, name "=" or key and between, value. */
struct ph_part {
	const char *name; /* NULL: none */
	ph_addr value;	  /* 0: `text` stands for it */
	const char *text;
	ph_addr key;	    /* 0: none.  The pairs of a Counter (in its own order) or a defaultdict */
	const char *before; /* NULL: ", ", and nothing before the first.  ", {" of a defaultdict, " | " of a union */
	const char *between; /* key and value; NULL: ": " */
};

/* Filled by ph_source_value().  Initialise with PH_VALUE_INIT once; each fill
 * reuses the memory; everything in it is borrowed until the next fill or
 * ph_value_deinit().  Arrays are complete up to the `maximum` asked for;
 * `*_total` is the true number, believed only after it was checked. */
struct ph_value {
	ph_addr address;
	ph_addr type;		 /* 0 unknown */
	const char *type_name;	 /* __qualname__: "Plain"; "?" unknown */
	const char *type_module; /* __module__: "builtins", "__main__"; NULL unknown */
	enum ph_kind kind;
	enum ph_status status; /* PH_OK, or what went wrong: then kind UNKNOWN or the arrays are partial */
	int64_t refcount;      /* -1 immortal; INT64_MIN unknown */
	int64_t len;	       /* len(), -1 none */
	int64_t size;	       /* sys.getsizeof, -1 unknown */

	enum ph_form form;
	bool python2; /* STR and BYTES: quoted as 2.7 does, u'…' and '…' */
	const char *text; /* ATOM, STR, BYTES; NUL-terminated but may hold NULs: use text_size */
	size_t text_size; /* bytes */
	/* text is a beginning only (the maximum asked for in characters or bytes); or parts are left out */
	bool text_cut;
	const char *open, *close; /* UTF-8; never NULL for the forms that use them */
	/* what repr prints for itself within itself: "[...]", "{...}", "…(...)"; "" when it does not look (an
	 * exception, a namedtuple: Python goes on until another object of the circle does) */
	const char *recursive;

	/* The JSON "value": an int in decimal, in hex from 64 bits on; a float as
	 * repr; NULL where there is none.  For str and bytes the renderer takes `text`. */
	const char *scalar;

	ph_addr *items; /* in Python's own iteration order */
	size_t item_count;
	uint64_t item_total;
	struct ph_pair *pairs;
	size_t pair_count;
	uint64_t pair_total;
	struct ph_attribute *attributes;
	size_t attribute_count;
	uint64_t attribute_total;
	struct ph_part *parts;
	size_t part_count;
	bool is_bare; /* it may have attributes, but no children were asked for */
	/* whether children count as shared singletons of the interpreter (small
	 * ints, one-letter str and bytes, empty tuple …): redaction marks the place, not the object */
	bool is_singleton;

	struct ph_value_memory *memory; /* private to record/value.c */
};

#define PH_VALUE_INIT ((struct ph_value){ 0 })
void ph_value_deinit(struct ph_value *value);

/* For whoever fills a value. */

/* Forget what was filled, keep the memory. */
void ph_value_reset(struct ph_value *value, ph_addr address);
/* Whether the text is one of those that the fill copied: others live longer. */
bool ph_value_owns(const struct ph_value *value, const char *text);
/* Interned for the life of the fill; NULL without memory. */
const char *ph_value_copy(struct ph_value *value, const char *text, size_t size);
const char *ph_value_printf(struct ph_value *value, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* False without memory. */
bool ph_value_add_item(struct ph_value *value, ph_addr item);
/* Several at once; the names of the attributes live longer than this fill. */
bool ph_value_add_items(struct ph_value *value, const ph_addr *items, size_t count);
bool ph_value_add_pairs(struct ph_value *value, const struct ph_pair *pairs, size_t count);
bool ph_value_add_attributes(struct ph_value *value, const struct ph_attribute *attributes, size_t count);
bool ph_value_add_pair(struct ph_value *value, ph_addr key, ph_addr item);
bool ph_value_add_attribute(struct ph_value *value, const char *name, ph_addr item, bool structural); /* copies name */
/* One of the object itself; the name stays where it is, for longer than this fill. */
bool ph_value_add_named(struct ph_value *value, const char *name, ph_addr item);
bool ph_value_add_part(struct ph_value *value, const char *name, ph_addr item, const char *text);     /* copies both */
bool ph_value_add_pair_part(struct ph_value *value, const char *before, ph_addr key, const char *between,
			    ph_addr item); /* before and between must be static, or of this fill */

#endif
