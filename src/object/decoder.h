/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the object room: what a decoder is given, and what the files of
 * kinds share.  A decoder fills everything in a value that its kind knows; what
 * all objects have (type, reference count, attributes) is filled round it. */
#ifndef OBJECT_DECODER_H
#define OBJECT_DECODER_H

#include "object/code.h"
#include "object/object.h"
#include "object/plain.h"

/* How an object prints itself, when it is not as its builtin kind does. */
enum ph_repr {
	PH_REPR_KIND,	/* the decoder knows */
	PH_REPR_OBJECT, /* object.__repr__, or a __repr__ written in Python that we do not run */
	/* the __repr__ that a library wrote, recognised by its code's file and name */
	PH_REPR_NAMEDTUPLE,
	PH_REPR_DATACLASS,
	PH_REPR_ENUM,
	PH_REPR_ENUM_TYPE, /* of the class: <enum 'Color'> */
	PH_REPR_COUNTER,
};

/* What type.c knows of a type; struct ph_type is its public part. */
struct ph_type_entry {
	struct ph_type type;
	const char *tp_name; /* as in C: "collections.deque", "Plain" */
	const char *short_name; /* what follows its last dot: _PyType_Name() */
	/* looked up with the first instance */
	bool detailed;
	enum ph_repr repr;
	bool has_sizeof;    /* a __sizeof__ of its own: only its decoder knows the size */
	bool odd_sizeof;    /* … and it does not */
	ph_addr sizeof_owner; /* the type whose dict gave __sizeof__; 0 unknown */
	ph_addr repr_owner; /* the type whose dict gave __repr__ */
	const struct ph_type_slot *slots;
	size_t slot_count;
	struct ph_type_entry *next_pending;
	ph_addr cached_keys; /* ht_cached_keys: the names of inline values */
	const struct ph_shape *shape; /* what its instances hold: object/traverse.h; NULL not asked for yet */
};

struct ph_decode {
	struct ph_objects *objects;
	const struct ph_target *target;
	const struct ph_type_entry *type;
	ph_addr address;
	const struct ph_value_limits *limits;
	struct ph_value *value; /* form ATOM with the default text until the decoder says more */
};

/* PH_OK, or what was wrong: then the value keeps what was filled in. */
typedef enum ph_status ph_decode_fn(struct ph_decode *d);

struct ph_decoder {
	const char *type_name; /* full name of the type that it serves, and its subclasses */
	enum ph_kind kind;
	ph_decode_fn *decode;
};

/* The row of a type name; NULL none. */
const struct ph_decoder *ph_decoder_find(const char *type_name);
/* The row of a type of the target, whose version may use the name otherwise (python2.c). */
const struct ph_decoder *ph_decoder_find_in(const struct ph_target *target, const char *name);

#define PH_DECODER(name, kind, function) ph_decode_fn function;
#include "object/kinds.def"
#undef PH_DECODER

/* ---- objects.c ---- */

#define PH_TYPES_RECENT 64 /* a power of two */

struct ph_objects {
	struct ph_target *target;
	struct ph_arena arena;	    /* types and names: as long as objects */
	struct ph_addrmap types;    /* address -> struct ph_type_entry *, 0 for what is none */
	const struct ph_type_entry *recent[PH_TYPES_RECENT]; /* of those, by bits of the address */
	struct ph_addrmap names;    /* type -> what namespaces call it (struct ph_type_alias *) */
	struct ph_addrmap known;    /* type -> name by role */
	bool seeded;		    /* names and known are filled */
	bool busy_seeding;	    /* while they are being */
	bool may_guess;		    /* ph_objects_seed() has said where; before it, types stay pending */
	struct ph_type_entry *pending; /* types met meanwhile, the newest first */
	ph_addr instance;	    /* whose type is being asked for, may tell which it is */
	ph_addr builtins, modules;  /* from ph_objects_seed() */
	struct ph_code_cache codes;
	ph_addr subtype_traverse;   /* tp_traverse of classes of Python; 0 not known yet */
	ph_addr general_lookup;	    /* dk_lookup of dicts with keys of any kind (up to 3.10); 0 not known yet */
	struct ph_plain plain;	    /* see plain.h */
	struct ph_buffer scratch;   /* names on their way; used by leaf functions only */
	const int64_t *thread_counts; /* references that threads count by themselves, by unique id - 1; NULL none */
	size_t thread_count_count;
	int64_t *own_thread_counts; /* to be freed; NULL: another's */
};

/* "<module.Class object at 0x…>" as text of an ATOM. */
void ph_decode_default(struct ph_decode *d);
void ph_decode_text(struct ph_decode *d, const char *text); /* ATOM; NULL (no memory) leaves the default */
/* open, the child, close: a repr of one part. */
void ph_decode_one_part(struct ph_decode *d, const char *open, ph_addr child, const char *close);
/* A structural attribute; 0 is left out. */
void ph_decode_structural(struct ph_decode *d, const char *name, ph_addr value);
void ph_decode_structural_field(struct ph_decode *d, const char *name, enum ph_field field);
/* Pointer at a field; 0 when absent or unreadable. */
ph_addr ph_read_ptr(const struct ph_objects *objects, ph_addr base, enum ph_field field);
int64_t ph_read_int(const struct ph_objects *objects, ph_addr base, enum ph_field field);
/* Adds up to limits->children items of an array of pointers; `count` is checked. */
enum ph_status ph_decode_items(struct ph_decode *d, ph_addr array, uint64_t count);
/* Bytes of the object in front of it that sys.getsizeof() counts. */
int64_t ph_size_with_head(const struct ph_decode *d, int64_t size);

/* ---- type.c ---- */

const struct ph_type_entry *ph_type_entry(struct ph_objects *objects, ph_addr type);
const struct ph_type_entry *ph_object_type_entry(struct ph_objects *objects, ph_addr object);
/* Names those that were met while names were being collected. */
void ph_types_rename_pending(struct ph_objects *objects);
/* For a type without a name: objects->instance may tell now. */
void ph_type_name_again(struct ph_objects *objects, struct ph_type_entry *entry);
/* Fills what `detailed` guards. */
void ph_type_detail(struct ph_objects *objects, struct ph_type_entry *entry);
/* An attribute of the class, along its MRO; *ret_owner (may be NULL) is the class that has it. */
ph_addr ph_type_lookup(struct ph_objects *objects, const struct ph_type *type, const char *ascii_name,
		       ph_addr *ret_owner);
/* object.__repr__'s "module.Class", without the module for builtins. */
const char *ph_type_display(const struct ph_type_entry *entry);
bool ph_type_is(struct ph_objects *objects, ph_addr object, const char *full_name); /* exactly this type */

/* ---- typenames.c ---- */

/* The name (as tp_name) of a type whose tp_name cannot be read; NULL unknown. */
const char *ph_type_name_guess(struct ph_objects *objects, const struct ph_type *type);

/* ---- function.c ---- */

/* A str's text (4,096 characters at most) for the life of the fill. */
const char *ph_value_str(struct ph_decode *d, ph_addr str, const char *fallback);
/* The name of a builtin function or method; NULL unknown. */
const char *ph_builtin_name(struct ph_decode *d, ph_addr function);

/* ---- instance.c ---- */

/* The str keys of a namespace as attributes, up to the limit. */
void ph_decode_namespace(struct ph_decode *d, struct ph_dict_iter *iter);
/* Attributes of the object's dict, inline values and slots into the value. */
void ph_decode_attributes(struct ph_decode *d);
enum ph_status ph_attributes_begin(struct ph_objects *objects, const struct ph_type_entry *type, ph_addr object,
				   struct ph_dict_iter *ret);

/* The word at tp_dictoffset, which counts from the end of a variable-sized object when negative. */
ph_addr ph_dict_at_offset(struct ph_objects *objects, const struct ph_type *type, ph_addr object);

/* ---- size.c ---- */

struct ph_shape;
void ph_shape_find_size(struct ph_shape *shape, const struct ph_type_entry *entry);

/* The dict of an instance or class of 2.7's old style; 0 of all else (python2.c). */
ph_addr ph_old_style_dict(struct ph_objects *objects, const struct ph_type_entry *type, ph_addr object);

/* ---- librepr.c ---- */

/* The repr of a library's __repr__ (type->repr), over what the decoder filled. */
void ph_decode_library_repr(struct ph_decode *d);
enum ph_repr ph_library_repr(struct ph_objects *objects, const struct ph_type_entry *entry, ph_addr function,
			     ph_addr owner);

/* ---- numbers ---- */

/* Of an ob_size whose sign is a number's; what cannot be stays negative. */
static inline int64_t ph_magnitude(int64_t count)
{
	return count < 0 && count > INT64_MIN ? -count : count;
}

/* repr of a double; at least 32 bytes of room.  Independent of the locale. */
#define PH_DOUBLE_ROOM 40
void ph_double_repr(double number, char *buffer);
/* As repr() has it, into room for PH_COMPLEX_ROOM bytes. */
#define PH_COMPLEX_ROOM (2 * PH_DOUBLE_ROOM + 8)
void ph_complex_repr(double real, double imag, char *buffer);
/* shortest.c: the fewest digits that read back as a positive, finite number, and the decimal exponent of the first. */
struct ph_digits {
	char text[20]; /* not NUL-terminated */
	int count;
	int exponent;
};
struct ph_digits ph_double_shortest(double magnitude);
enum ph_status ph_float_get(struct ph_objects *objects, ph_addr address, double *ret);
double ph_load_double(const void *data, bool big_endian);

/* ---- kinds that others ask ---- */

bool ph_is_ordered_dict(struct ph_objects *objects, ph_addr dict);
/* The pairs of a dict or OrderedDict into a callback, at most `maximum`; false from it ends the walk. */
typedef bool ph_pair_fn(void *user, ph_addr key, ph_addr value);
enum ph_status ph_ordered_dict_walk(struct ph_objects *objects, ph_addr dict, uint64_t maximum, ph_pair_fn *each,
				    void *user);
enum ph_status ph_dict_walk(struct ph_objects *objects, ph_addr dict, uint64_t maximum, ph_pair_fn *each, void *user);
/* The value of a key known by address and hash, in a combined dict; 0 none. */
ph_addr ph_dict_find_hashed(struct ph_objects *objects, ph_addr dict, ph_addr key, uint64_t hash);
/* Bytes of a keys object, as _PyDict_KeysSize() counts them; -1 unreadable. */
int64_t ph_dict_keys_size(struct ph_objects *objects, ph_addr keys);
/* The header of a keys object, checked: all its entries can be read. */
struct ph_dict_keys {
	ph_addr indices, entries;
	uint64_t size;	      /* slots of the index table, a power of two */
	unsigned index_bytes; /* of one index */
	uint64_t count;	      /* entries in use, dummies included */
	uint32_t stride;
	bool unicode;
};
enum ph_status ph_dict_keys_load(struct ph_objects *objects, ph_addr keys, struct ph_dict_keys *ret);
/* The text of a str that stands in the image as we want it: ASCII without a NUL, and one behind; else NULL. */
const char *ph_str_view(struct ph_objects *objects, ph_addr str, size_t characters);
/* str.__sizeof__; -1 unreadable. */
int64_t ph_str_own_size(struct ph_objects *objects, ph_addr str);
/* What a dict holds beside its object, as sys.getsizeof() counts it; -1 unreadable. */
int64_t ph_dict_own_size(struct ph_objects *objects, ph_addr dict);
/* len(), -1 unreadable. */
int64_t ph_dict_len(struct ph_objects *objects, ph_addr dict);
/* An iterator over the values of shared keys; see dict.c. */
enum ph_status ph_split_begin(struct ph_objects *objects, ph_addr keys, ph_addr values, struct ph_dict_iter *ret);

#endif
