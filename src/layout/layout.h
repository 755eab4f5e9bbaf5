/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where each field of CPython's structs lies, for a version and an ABI.
 *
 * Pure data and its resolution: nothing here reads a target.  The ONLY room
 * that names Python versions: whoever needs to know whether a version does this
 * or that asks for a field (ph_layout_has) or a trait (ph_layout_trait).
 *
 * Fields are PH_<struct>_<member>, named as in CPython but without a struct's leading underscores: PH_PyObject_ob_type,
 * PH_PyThreadState_next, PH_PyInterpreterState_modules (for the struct's tag
 * `_is`, `_ts`, `_PyRuntimeState` … the typedef's name is used).  Nested
 * members join with "_": PH_PyRuntimeState_interpreters_head.  The size of a
 * struct is PH_SIZEOF_<struct>.  Traits are PH_TRAIT_<name>.
 * layout/fields.def and layout/traits.def list them all, with what they mean. */
#ifndef LAYOUT_LAYOUT_H
#define LAYOUT_LAYOUT_H

#include "base/types.h"

struct ph_version {
	uint8_t major, minor, micro;
	uint8_t level;	/* 0xa alpha, 0xb beta, 0xc candidate, 0xf final; as in PY_VERSION_HEX */
	uint8_t serial;
};

/* From PY_VERSION_HEX; and "3.11.7" or "3.13.0a6" into buffer (16 bytes at least). */
struct ph_version ph_version_from_hex(uint32_t hexversion);
const char *ph_version_text(struct ph_version version, char *buffer, size_t size);

bool ph_version_equal(struct ph_version a, struct ph_version b);
/* 3.11.7 and 3.11.2: the same but for micro and level. */
bool ph_version_same_minor(struct ph_version a, struct ph_version b);
/* "3.11" into buffer (8 bytes at least). */
const char *ph_version_minor_text(struct ph_version version, char *buffer, size_t size);

struct ph_abi {
	uint8_t pointer_size; /* bytes */
	uint8_t long_size;    /* bytes of C long: 4 on Windows x64 */
	bool big_endian;
	bool debug;	    /* Py_DEBUG */
	bool trace_refs;    /* Py_TRACE_REFS */
	bool free_threaded; /* Py_GIL_DISABLED */
	bool ucs4;	    /* wide unicode, 2.7 only */
	bool wide_gc_head;  /* 3.6 with the patch of bpo-27987, as pyenv builds it: PyGC_Head has 32 bytes, not 24 */
	uint8_t max_align;  /* alignment of 8-byte scalars: 4 on i386 Linux, else 8 */
	uint8_t lock_size;  /* bytes of a pthread_mutex_t: 40, arm64 48, macOS 64, 32-bit 24; 0 on Windows */
};

enum ph_field {
#define PH_FIELD(structure, member) PH_##structure##_##member,
#define PH_SIZE(structure) PH_SIZEOF_##structure,
#include "layout/fields.def"
#undef PH_FIELD
#undef PH_SIZE
	PH_FIELD_COUNT
};

enum ph_trait {
#define PH_TRAIT(name) PH_TRAIT_##name,
#include "layout/traits.def"
#undef PH_TRAIT
	PH_TRAIT_COUNT
};

enum ph_origin {
	PH_ORIGIN_ABSENT, /* this version or build has no such field: never offset 0 */
	PH_ORIGIN_TABLE,
	PH_ORIGIN_DEBUG_OFFSETS,
	PH_ORIGIN_INFERRED,
};

struct ph_slot {
	int32_t offset; /* bytes from the struct's start; may be negative (what lies before an object) */
	uint16_t size;	/* bytes of the member, of one element for arrays; for PH_SIZEOF_ fields, offset is the size */
	uint8_t origin; /* enum ph_origin */
	bool is_signed;
};

struct ph_layout {
	struct ph_version version;
	struct ph_abi abi;
	bool guessed; /* newer than the newest table: the report says so */
	struct ph_slot slots[PH_FIELD_COUNT];
	int32_t traits[PH_TRAIT_COUNT];
};

/* Fill *ret from the tables.  A minor version newer than the newest table gets that one's layout and `guessed`.  False
 * when the version is older than the tables or the ABI is none; *ret is untouched then. */
bool ph_layout_resolve(struct ph_version version, struct ph_abi abi, struct ph_layout *ret);
bool ph_layout_knows(struct ph_version version);

/* Override one field, from _Py_DebugOffsets or from inference. */
void ph_layout_override(struct ph_layout *layout, enum ph_field field, int32_t offset, enum ph_origin origin);

/* _Py_DebugOffsets: parse `size` bytes of one (cookie included) over a resolved
 * layout.  Every offset is bounded (an offset of 64 KiB or more in an object, or
 * beyond the struct's own size, is refused).  Differences from the table are
 * reported through `differ` (may be NULL) with the field's name, and win.
 * Returns how many fields were taken; 0 when it is not one that we can read. */
size_t ph_layout_apply_debug_offsets(struct ph_layout *layout, const void *data, size_t size,
				     void (*differ)(void *user, const char *field, int32_t table, int32_t declared),
				     void *user);
/* Its version word (PY_VERSION_HEX) and whether it is free-threaded, before a layout is known; false: no cookie. */
bool ph_layout_peek_debug_offsets(const void *data, size_t size, bool big_endian, uint32_t *ret_hexversion,
				  bool *ret_free_threaded);

/* The extension module greenlet (PyGreenlet, UserGreenlet) as its own version lays it out.  False: not to be had; the
 * layout is as it was.  Versions that differ in layout, the newest first: version `index` into *ret; false: no more. */
bool ph_layout_place_greenlet(struct ph_layout *layout, struct ph_version greenlet);
bool ph_layout_greenlet_known(size_t index, struct ph_version *ret);

/* The structs of mimalloc, as version `index` of those that are known, the newest first.  False: no more, or this CPython
 * has none of it; the layout is then of no use but for another try. */
bool ph_layout_place_mimalloc(struct ph_layout *layout, size_t index);

static inline bool ph_layout_has(const struct ph_layout *layout, enum ph_field field)
{
	return layout->slots[field].origin != PH_ORIGIN_ABSENT;
}

static inline int32_t ph_layout_trait(const struct ph_layout *layout, enum ph_trait trait)
{
	return layout->traits[trait];
}

/* "PyObject.ob_type", "table": static texts for --explain, tests and damage. */
const char *ph_field_name(enum ph_field field);
const char *ph_trait_name(enum ph_trait trait);
const char *ph_origin_name(enum ph_origin origin);

/* Do debug builds of this version have the list of all objects (trace_refs)? */
bool ph_layout_has_trace_refs(struct ph_version version);
/* Are there builds of it with either PyGC_Head (wide_gc_head)? */
bool ph_layout_has_two_gc_heads(struct ph_version version);
/* Are there builds of it without a GIL? */
bool ph_layout_has_free_threaded(struct ph_version version);

/* The versions that the tables know, one a minor, the newest first: version `index` into *ret; false when there are
 * no more. */
bool ph_layout_known(size_t index, struct ph_version *ret);

/* ---- names of code: what a version's bytecode means where stacks need it ---- */

/* ---- known static types: names for types whose tp_name was left out of the core ---- */

/* Roles are a closed vocabulary, in gen-known-types; each is "type of " and one of
 *	M.N		what the dict of module M has under N: "builtins.len", "sys.flags"
 *	M.N[K]		what the own dict (tp_dict) of that type has under K: "builtins.str[join]"
 *	M		the module object itself: "sys"
 *	a bare word	an object that a struct member of known meaning points to, or that is known by its contents: "code",
 *			"cell", "frame", "function", "method", "traceback", "generator", "coroutine", "list_iterator" …
 * Some types share all of a fingerprint (the exceptions that builtins names; list_iterator and tuple_iterator; the
 * iterators of dicts): then several rows match, and a role or an instance's contents must tell. */
struct ph_known_type {
	const char *name;	/* tp_name as in CPython: "builtin_function_or_method", "collections.deque" */
	const char *role;	/* how it is reached when no dict names it, or NULL: "type of builtins.len", … */
	uint16_t version_from, version_to; /* minor versions of 3 (or 207 for 2.7) for which the row holds, inclusive */
	uint32_t basicsize, itemsize; /* bytes, 64-bit release builds */
	uint32_t flags;		      /* tp_flags bits that do not change at run time */
	const char *base;	      /* tp_name of tp_base, NULL for object */
	const char *doc_word;	      /* first word of the str that its own dict has as __doc__, or NULL */
	uint64_t dict_keys;	      /* hash of its own dict's sorted str keys (ph_known_type_hash_key) */
	uint32_t dict_count;	      /* number of own keys */
};

/* Rows for a version; static storage.  A version newer than the tables gets the newest rows. */
size_t ph_known_types(struct ph_version version, const struct ph_known_type **ret);
/* Order-independent hash of a set of keys: fold each with this, starting at 0. */
uint64_t ph_known_type_hash_key(uint64_t folded, const char *utf8, size_t size);

#endif
