/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of static types whose tp_name the core left out with .rodata: from the
 * dicts that name them, and from the table of known types, by fingerprint (sizes,
 * base, keys of its own dict) and role.  A dict's key alone may mislead (types.CodeType
 * is `code`), so the table comes first where it knows the type. */
#include <stdlib.h>
#include <string.h>

#include "object/decoder.h"

#define MODULES_MAXIMUM 100000
#define KEYS_MAXIMUM 1000000 /* of all modules together */
#define CANDIDATES_MAXIMUM 64

/* One name that a namespace has for a type. */
struct ph_type_alias {
	struct ph_type_alias *next;
	const char *module, *key;
};

/* ---- what namespaces say ---- */

static bool flag(const struct ph_objects *o, ph_addr type, enum ph_trait bit_number)
{
	int32_t bit = ph_target_trait(o->target, bit_number);
	uint64_t flags;
	return bit >= 0 && ph_target_uint(o->target, type, PH_PyTypeObject_tp_flags, &flags) == PH_OK &&
	       flags >> bit & 1;
}

/* Looked at without the cache of types, which names types when it fills. */
static bool is_static_type(const struct ph_objects *o, ph_addr object)
{
	ph_addr meta;
	if (!ph_target_is_aligned(o->target, object) ||
	    ph_target_ptr(o->target, object, PH_PyObject_ob_type, &meta) != PH_OK)
		return false;
	return flag(o, meta, PH_TRAIT_TPFLAG_TYPE_SUBCLASS) && !flag(o, object, PH_TRAIT_TPFLAG_HEAPTYPE);
}

static void add_alias(struct ph_objects *o, ph_addr type, const char *module, ph_addr key)
{
	struct ph_type_alias *alias = ph_arena_new(&o->arena, struct ph_type_alias);
	const char *text = alias ? ph_str_get(o, key, &o->arena) : NULL;
	if (!text)
		return;
	*alias = (struct ph_type_alias){ .module = module, .key = text };
	uint64_t *first = ph_addrmap_find(&o->names, type);
	if (!first) {
		ph_addrmap_set(&o->names, type, (uint64_t)(uintptr_t)alias, false);
		return;
	}
	/* behind those that are there: the first names in builtins are the types' own */
	struct ph_type_alias *last = (struct ph_type_alias *)(uintptr_t)*first;
	while (last->next)
		last = last->next;
	last->next = alias;
}

static void read_namespace(struct ph_objects *o, ph_addr dict, const char *module, size_t *left)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	if (!dict || ph_dict_begin(o, dict, &iter) != PH_OK)
		return;
	while (*left && ph_dict_next(&iter, &key, &value)) {
		--*left;
		if (is_static_type(o, value))
			add_alias(o, value, module, key);
	}
}

static ph_addr module_dict(struct ph_objects *o, ph_addr module)
{
	ph_addr dict = ph_read_ptr(o, module, PH_PyModuleObject_md_dict);
	return ph_is_dict(o, dict) ? dict : 0;
}

static void read_modules(struct ph_objects *o)
{
	struct ph_dict_iter iter;
	ph_addr key, module;
	size_t left = KEYS_MAXIMUM, modules = MODULES_MAXIMUM;
	read_namespace(o, o->builtins, "builtins", &left);
	if (!o->modules || ph_dict_begin(o, o->modules, &iter) != PH_OK)
		return;
	while (modules-- && ph_dict_next(&iter, &key, &module)) {
		ph_addr dict = module_dict(o, module);
		const char *name = dict && dict != o->builtins ? ph_str_get(o, key, &o->arena) : NULL;
		if (name && strcmp(name, "builtins") != 0)
			read_namespace(o, dict, name, &left);
	}
}

/* ---- roles ---- */

/* "M.N", "M.N[K]" or "M": the object; 0 when it is not there, or the role is of another form. */
static ph_addr role_object(struct ph_objects *o, const char *role)
{
	char module[64], name[64] = "", key[64] = "";
	const char *dot = strchr(role, '.'), *bracket = strchr(role, '[');
	size_t n = dot ? (size_t)(dot - role) : strlen(role);
	if (n >= sizeof(module))
		return 0;
	memcpy(module, role, n);
	module[n] = '\0';
	if (dot) {
		size_t m = bracket ? (size_t)(bracket - dot - 1) : strlen(dot + 1);
		if (m >= sizeof(name))
			return 0;
		memcpy(name, dot + 1, m);
		name[m] = '\0';
	}
	if (bracket) {
		size_t m = strcspn(bracket + 1, "]");
		if (m >= sizeof(key))
			return 0;
		memcpy(key, bracket + 1, m);
		key[m] = '\0';
	}
	ph_addr object = strcmp(module, "builtins") || !dot ? ph_dict_get(o, o->modules, module) : 0;
	ph_addr dict = strcmp(module, "builtins") ? (object ? module_dict(o, object) : 0) : o->builtins;
	if (!dot)
		return object && module_dict(o, object) ? object : 0;
	object = dict ? ph_dict_get(o, dict, name) : 0;
	if (!*key || !object)
		return object;
	/* the type's own dict: the pointer in the type, or in the interpreter's state */
	const struct ph_type *type = ph_type_get(o, object);
	return type && type->dict ? ph_dict_get(o, type->dict, key) : 0;
}

/* The table has the sizes of 64-bit machines whose long has 64 bits too; elsewhere words and longs are half as large,
 * the rest is not, so that a struct has at least half of them. */
static bool same_item_size(const struct ph_objects *o, int64_t known, int64_t size)
{
	const struct ph_abi *abi = &o->target->layout.abi;
	if (abi->pointer_size == 8 && abi->long_size == 8)
		return size == known;
	return size <= known && 2 * size >= known;
}

/* Free-threaded builds, and those that list all objects, have a larger head; the former have locks behind it too. */
static bool same_size(const struct ph_objects *o, int64_t known, int64_t size)
{
	const struct ph_abi *abi = &o->target->layout.abi;
	int64_t head = (int64_t)ph_target_sizeof(o->target, PH_SIZEOF_PyObject) - 2 * abi->pointer_size;
	int64_t locks = abi->free_threaded ? 2 * abi->pointer_size : 0;
	if (!head || !known)
		return same_item_size(o, known, size);
	for (int64_t more = 0; more <= locks; more += abi->pointer_size)
		if (same_item_size(o, known, size - head - more))
			return true;
	return false;
}

static void add_role(struct ph_objects *o, const char *role, const char *name, int64_t basicsize)
{
	ph_addr object = role_object(o, role);
	ph_addr type = object ? ph_read_ptr(o, object, PH_PyObject_ob_type) : 0;
	/* the sizes must agree too: the name may have been bound to something else */
	if (type && is_static_type(o, type) &&
	    (basicsize < 0 || same_size(o, basicsize, ph_read_int(o, type, PH_PyTypeObject_tp_basicsize))))
		ph_addrmap_set(&o->known, type, (uint64_t)(uintptr_t)name, false);
}

/* Metatypes of ctypes, which have no names in a dict and few differences among each other (up to 3.12). */
static const struct { const char *role, *name; } metatypes[] = {
	{ "_ctypes.Structure", "_ctypes.PyCStructType" }, { "_ctypes.Union", "_ctypes.UnionType" },
	{ "_ctypes.Array", "_ctypes.PyCArrayType" },	  { "_ctypes._Pointer", "_ctypes.PyCPointerType" },
	{ "_ctypes._SimpleCData", "_ctypes.PyCSimpleType" }, { "_ctypes.CFuncPtr", "_ctypes.PyCFuncPtrType" },
};

/* 2.7: the views of a dict differ in nothing, but each is registered with an abstract class (Lib/_abcoll.py, abc.py).
 * */
static const struct { const char *registry, *name; } registered[] = {
	{ "_abcoll.KeysView[_abc_registry]", "dict_keys" },
	{ "_abcoll.ItemsView[_abc_registry]", "dict_items" },
	{ "_abcoll.ValuesView[_abc_registry]", "dict_values" },
};

/* The static types that a WeakSet refers to get the name. */
static void add_registered(struct ph_objects *o, const char *registry, const char *name)
{
	enum { MASK_MAXIMUM = 1023 };
	ph_addr weak_set = role_object(o, registry);
	ph_addr set = weak_set ? ph_object_attribute(o, weak_set, "data") : 0;
	ph_addr table = set ? ph_read_ptr(o, set, PH_PySetObject_table) : 0;
	int64_t mask = table ? ph_read_int(o, set, PH_PySetObject_mask) : -1;
	for (int64_t i = 0; i <= mask && i <= MASK_MAXIMUM; i++) {
		ph_addr entry = table + (uint64_t)i * ph_target_sizeof(o->target, PH_SIZEOF_setentry);
		ph_addr reference = ph_read_ptr(o, entry, PH_setentry_key);
		ph_addr type = reference ? ph_read_ptr(o, reference, PH_PyWeakReference_wr_object) : 0;
		if (type && is_static_type(o, type) &&
		    ph_read_int(o, type, PH_PyTypeObject_tp_basicsize) ==
			    (int64_t)ph_target_sizeof(o->target, PH_SIZEOF_PyDictViewObject))
			ph_addrmap_set(&o->known, type, (uint64_t)(uintptr_t)name, false);
	}
}

static void read_roles(struct ph_objects *o)
{
	const struct ph_known_type *rows;
	size_t count = ph_known_types(o->target->layout.version, &rows);
	static const char prefix[] = "type of ";
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].role || strncmp(rows[i].role, prefix, sizeof(prefix) - 1) != 0)
			continue;
		add_role(o, rows[i].role + sizeof(prefix) - 1, rows[i].name, rows[i].basicsize);
	}
	for (size_t i = 0; i < sizeof(metatypes) / sizeof(*metatypes); i++)
		add_role(o, metatypes[i].role, metatypes[i].name, -1);
	for (size_t i = 0; i < sizeof(registered) / sizeof(*registered); i++)
		add_registered(o, registered[i].registry, registered[i].name);
}

/* ---- fingerprints ---- */

struct fingerprint {
	int64_t basicsize, itemsize;
	uint64_t flags, keys;
	uint32_t key_count;
	const char *base;
	char doc_word[64];
};

static void read_doc_word(struct ph_objects *o, ph_addr dict, char *word, size_t size)
{
	struct ph_buffer text = PH_BUFFER(256);
	ph_addr doc = ph_dict_get(o, dict, "__doc__");
	enum ph_status status = doc ? ph_str_read(o, doc, 64, &text) : PH_ABSENT;
	word[0] = '\0';
	if (status == PH_OK || status == PH_LIMIT) {
		const char *start = ph_buffer_text(&text) + strspn(ph_buffer_text(&text), " \t\n");
		size_t n = strcspn(start, " \t\n");
		if (n < size) {
			memcpy(word, start, n);
			word[n] = '\0';
		}
	}
	ph_buffer_deinit(&text);
}

static void read_fingerprint(struct ph_objects *o, const struct ph_type *type, struct fingerprint *ret)
{
	struct ph_dict_iter iter;
	ph_addr key, value;
	const struct ph_type_entry *base = type->base ? ph_type_entry(o, type->base) : NULL;
	*ret = (struct fingerprint){
		.basicsize = type->basicsize,
		.itemsize = type->itemsize,
		.flags = type->flags,
		.base = base && strcmp(base->tp_name, "?") ? base->tp_name : NULL,
	};
	if (!type->dict || ph_dict_begin(o, type->dict, &iter) != PH_OK)
		return;
	for (unsigned n = 0; n < 10000 && ph_dict_next(&iter, &key, &value); n++) {
		struct ph_buffer *text = &o->scratch;
		ph_buffer_clear(text);
		if (ph_str_read(o, key, 256, text) != PH_OK)
			continue;
		ret->keys = ph_known_type_hash_key(ret->keys, ph_buffer_text(text), text->size);
		ret->key_count++;
	}
	read_doc_word(o, type->dict, ret->doc_word, sizeof(ret->doc_word));
}

static const char *tail(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

/* exact: the keys of its dict are those of the table; else only what micro releases do not change. */
static size_t find_rows(struct ph_objects *o, const struct fingerprint *f, bool exact,
			const struct ph_known_type **found)
{
	const struct ph_known_type *rows;
	size_t count = ph_known_types(o->target->layout.version, &rows), n = 0;
	for (size_t i = 0; i < count && n < CANDIDATES_MAXIMUM; i++) {
		const struct ph_known_type *row = &rows[i];
		if (!same_size(o, row->basicsize, f->basicsize) || !same_item_size(o, row->itemsize, f->itemsize) ||
		    (f->flags & row->flags) != row->flags)
			continue;
		if (exact && (row->dict_keys != f->keys || row->dict_count != f->key_count))
			continue;
		if (row->base && f->base && strcmp(tail(row->base), tail(f->base)) != 0)
			continue;
		if (exact && row->doc_word && *f->doc_word && strcmp(row->doc_word, f->doc_word) != 0)
			continue;
		found[n++] = row;
	}
	return n;
}

/* Types that differ in nothing but what their instances point to. */
static const struct { const char *name; enum ph_field sequence; enum ph_trait bit; } iterators[] = {
	{ "list_iterator", PH_PyListIterObject_it_seq, PH_TRAIT_TPFLAG_LIST_SUBCLASS },
	{ "listiterator", PH_PyListIterObject_it_seq, PH_TRAIT_TPFLAG_LIST_SUBCLASS }, /* 2.7 */
	{ "tupleiterator", PH_PyTupleIterObject_it_seq, PH_TRAIT_TPFLAG_TUPLE_SUBCLASS },
	{ "tuple_iterator", PH_PyTupleIterObject_it_seq, PH_TRAIT_TPFLAG_TUPLE_SUBCLASS },
	{ "str_iterator", PH_unicodeiterobject_it_seq, PH_TRAIT_TPFLAG_UNICODE_SUBCLASS },
	{ "bytes_iterator", PH_PyListIterObject_it_seq, PH_TRAIT_TPFLAG_BYTES_SUBCLASS },
};

static bool instance_tells(struct ph_objects *o, ph_addr type, const char *name)
{
	if (!o->instance || ph_read_ptr(o, o->instance, PH_PyObject_ob_type) != type)
		return false;
	for (size_t i = 0; i < sizeof(iterators) / sizeof(*iterators); i++) {
		if (strcmp(iterators[i].name, name) != 0)
			continue;
		ph_addr sequence = ph_read_ptr(o, o->instance, iterators[i].sequence);
		return sequence && flag(o, ph_read_ptr(o, sequence, PH_PyObject_ob_type), iterators[i].bit);
	}
	return false;
}

static const char *choose_row(struct ph_objects *o, ph_addr type, const struct ph_type_alias *aliases,
			      const struct ph_known_type **rows, size_t count, bool exact)
{
	if (exact && count == 1)
		return rows[0]->name;
	for (const struct ph_type_alias *a = aliases; a; a = a->next) {
		/* type(iter("")), which since 3.12 is that of ASCII strings */
		bool ascii = !strcmp(a->key, "str_iterator") && !strcmp(a->module, "_collections_abc");
		for (size_t i = 0; ascii && i < count; i++)
			if (!strcmp(rows[i]->name, "str_ascii_iterator"))
				return rows[i]->name;
		for (size_t i = 0; i < count; i++)
			if (!strcmp(tail(rows[i]->name), a->key))
				return rows[i]->name;
	}
	/* _md5.MD5Type is _md5.md5, which differs from _sha1.sha1 in nothing else */
	for (const struct ph_type_alias *a = aliases; exact && a; a = a->next) {
		const struct ph_known_type *only = NULL;
		size_t size = strlen(a->module), n = 0;
		for (size_t i = 0; i < count; i++)
			if (!strncmp(rows[i]->name, a->module, size) && rows[i]->name[size] == '.' && !n++)
				only = rows[i];
		if (n == 1)
			return only->name;
	}
	/* a type that was never made ready has no dict (2.7) */
	for (size_t i = 0; (exact || !ph_read_ptr(o, type, PH_PyTypeObject_tp_dict)) && i < count; i++)
		if (instance_tells(o, type, rows[i]->name))
			return rows[i]->name;
	return NULL;
}

/* ---- together ---- */

/* A module that gives other people's types names of its own. */
static bool lends_names(const char *module)
{
	return !strcmp(module, "types") || !strcmp(module, "typing") || !strcmp(module, "_collections_abc") ||
	       !strcmp(module, "weakref") || !strcmp(module, "__main__");
}

/* The namespace that is its home, most likely: public, with the shortest name. */
static const char *best_alias(struct ph_objects *o, const struct ph_type_alias *aliases)
{
	const struct ph_type_alias *best = NULL;
	int best_score = 0;
	for (const struct ph_type_alias *a = aliases; a; a = a->next) {
		if (!strcmp(a->module, "builtins"))
			return a->key;
		bool private = a->module[0] == '_' || strstr(a->module, "._");
		int score = 4 * (int)strlen(a->module) + (private ? 1000 : 0) + (lends_names(a->module) ? 10000 : 0);
		/* numpy.double is numpy.float64 */
		if (strpbrk(a->key, "0123456789"))
			score -= 2;
		/* array.array rather than array.ArrayType */
		if (!strcmp(a->key, tail(a->module)))
			score -= 1;
		if (!best || score < best_score) {
			best = a;
			best_score = score;
		}
	}
	return best ? ph_arena_printf(&o->arena, "%s.%s", best->module, best->key) : NULL;
}

static void seed(struct ph_objects *o)
{
	o->seeded = o->busy_seeding = true;
	read_modules(o);
	read_roles(o);
	o->busy_seeding = false;
	ph_types_rename_pending(o);
}

const char *ph_type_name_guess(struct ph_objects *objects, const struct ph_type *type)
{
	const struct ph_known_type *rows[CANDIDATES_MAXIMUM];
	if (!objects->may_guess || objects->busy_seeding)
		return NULL;
	if (!objects->seeded)
		seed(objects);
	const uint64_t *known = ph_addrmap_find(&objects->known, type->address);
	if (known)
		return (const char *)(uintptr_t)*known;
	const uint64_t *named = ph_addrmap_find(&objects->names, type->address);
	const struct ph_type_alias *aliases = named ? (const struct ph_type_alias *)(uintptr_t)*named : NULL;
	/* where dicts have no order, its own name (str, OSError) need not be the first of them (bytes, IOError) */
	bool ordered = ph_target_trait(objects->target, PH_TRAIT_STR_IS_BYTES) != 1;
	bool alone = aliases && (!aliases->next || strcmp(aliases->next->module, "builtins") != 0);
	if (aliases && !strcmp(aliases->module, "builtins") && (ordered || alone))
		return aliases->key;
	struct fingerprint f;
	read_fingerprint(objects, type, &f);
	const char *name = choose_row(objects, type->address, aliases, rows, find_rows(objects, &f, true, rows), true);
	if (!name)
		name = choose_row(objects, type->address, aliases, rows, find_rows(objects, &f, false, rows), false);
	return name ? name : best_alias(objects, aliases);
}
