/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types, cached by address.  Include/cpython/object.h, Objects/typeobject.c of
 * 3.8 to 3.13. */
#include <stdlib.h>
#include <string.h>

#include "object/decoder.h"

/* How long a chain of bases or an MRO may be, and how many slots a class may have. */
#define BASES_MAXIMUM 1000
#define META_MAXIMUM 16
#define SLOTS_MAXIMUM 256

static bool type_flag(const struct ph_objects *objects, uint64_t flags, enum ph_trait bit_number)
{
	int32_t bit = ph_target_trait(objects->target, bit_number);
	return bit >= 0 && flags >> bit & 1;
}

/* Does the chain of types of `address` end in type? */
static bool is_type(struct ph_objects *objects, ph_addr address)
{
	const struct ph_target *t = objects->target;
	for (unsigned i = 0; i < META_MAXIMUM; i++) {
		ph_addr meta;
		uint64_t flags;
		if (ph_target_ptr(t, address, PH_PyObject_ob_type, &meta) != PH_OK || !meta || meta & 3)
			return false;
		if (t->type_type ? meta == t->type_type : meta == address)
			return true;
		/* the metaclass is a class of classes itself */
		if (ph_target_uint(t, meta, PH_PyTypeObject_tp_flags, &flags) != PH_OK ||
		    !type_flag(objects, flags, PH_TRAIT_TPFLAG_TYPE_SUBCLASS))
			return false;
		address = meta;
	}
	return false;
}

/* From one array of static_builtin_state, where the layout has it. */
static ph_addr state_dict(struct ph_objects *objects, ph_addr interp, enum ph_field array, uint64_t index, ph_addr type)
{
	const struct ph_target *t = objects->target;
	ph_addr state = ph_target_at(t, interp, array);
	if (!state)
		return 0;
	state += (index - 1) * ph_target_sizeof(t, PH_SIZEOF_static_builtin_state);
	return ph_read_ptr(objects, state, PH_static_builtin_state_type) == type ?
		       ph_read_ptr(objects, state, PH_static_builtin_state_tp_dict) :
		       0;
}

/* tp_dict of a static builtin type, which the interpreters hold since 3.12; those of extension modules
 * (datetime's) have an array of their own since 3.13. */
static ph_addr interpreter_dict(struct ph_objects *objects, ph_addr address)
{
	const struct ph_target *t = objects->target;
	int32_t form = ph_target_trait(t, PH_TRAIT_STATIC_BUILTIN_STATE_FORM);
	uint64_t index;
	if (form <= 0 || ph_target_ptr(t, address, PH_PyTypeObject_tp_subclasses, &index) != PH_OK)
		return 0;
	enum ph_field array = form == 1 ? PH_PyInterpreterState_types_builtins :
					  PH_PyInterpreterState_types_builtins_initialized;
	if (!index || index > (uint64_t)ph_target_trait(t, PH_TRAIT_STATIC_BUILTIN_STATE_MAX))
		return 0;
	bool extension = (int64_t)index <= ph_target_trait(t, PH_TRAIT_STATIC_EXTENSION_STATE_MAX);
	/* the main interpreter's first: a subinterpreter's may lack what was added since */
	ph_addr interp = t->interp_main ? t->interp_main : t->interp_head;
	for (unsigned i = 0; interp && i < 64; i++) {
		ph_addr dict = state_dict(objects, interp, array, index, address);
		if (!dict && extension)
			dict = state_dict(objects, interp, PH_PyInterpreterState_types_for_extensions_initialized,
					  index, address);
		if (dict)
			return dict;
		interp = i ? ph_read_ptr(objects, interp, PH_PyInterpreterState_next) : t->interp_head;
	}
	return 0;
}

static char *read_c_name(struct ph_objects *objects, ph_addr address)
{
	char name[1024];
	if (!address || ph_image_read_string(objects->target->image, address, name, sizeof(name)) != PH_OK || !*name)
		return NULL;
	/* a name that was overwritten is no name */
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	return ph_arena_strdup(&objects->arena, name);
}

static const char *after_last_dot(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

/* While a type is being named it may be asked for (reading a str asks for the type of str), so what others see
 * of it is never NULL: the parts are put together here. */
struct names {
	const char *tp_name, *name, *module;
};

/* type.__module__ and __qualname__ of a static type: the two parts of tp_name. */
static void name_static(struct ph_objects *objects, struct names *n)
{
	/* 2.7: the builtin exceptions' own module, which tracebacks leave out */
	if (!strncmp(n->tp_name, "exceptions.", strlen("exceptions.")))
		n->tp_name += strlen("exceptions.");
	const char *dot = strrchr(n->tp_name, '.');
	n->name = dot ? dot + 1 : n->tp_name;
	n->module = dot ? ph_arena_strndup(&objects->arena, n->tp_name, (size_t)(dot - n->tp_name)) : "builtins";
}

static void name_heap(struct ph_objects *objects, const struct ph_type *type, struct names *n)
{
	ph_addr qualname = ph_read_ptr(objects, type->address, PH_PyHeapTypeObject_ht_qualname);
	ph_addr short_name = ph_read_ptr(objects, type->address, PH_PyHeapTypeObject_ht_name);
	ph_addr module = ph_dict_get(objects, type->dict, "__module__");
	n->name = ph_str_get(objects, qualname, &objects->arena);
	n->module = module ? ph_str_get(objects, module, &objects->arena) : NULL;
	if (!n->name)
		n->name = ph_str_get(objects, short_name, &objects->arena);
	/* a class of Python has its tp_name in its ht_name; one made by PyType_FromSpec may have had it in .rodata,
	 * with the module (and its dict has neither of the descriptors that Python gives a class) */
	if (n->tp_name || !n->name)
		return;
	bool of_python = ph_dict_get(objects, type->dict, "__dict__") ||
			 ph_dict_get(objects, type->dict, "__weakref__");
	if (of_python)
		n->tp_name = ph_str_get(objects, short_name, &objects->arena);
}

static void name_type(struct ph_objects *objects, struct ph_type_entry *e, ph_addr tp_name)
{
	struct names n = { .tp_name = read_c_name(objects, tp_name) };
	if (e->type.is_heap)
		name_heap(objects, &e->type, &n);
	if (!n.name && !n.tp_name)
		n.tp_name = ph_type_name_guess(objects, &e->type);
	if (!n.name && n.tp_name)
		name_static(objects, &n);
	const char *full = NULL;
	if (n.name && n.module && strcmp(n.module, "builtins") != 0)
		full = ph_arena_printf(&objects->arena, "%s.%s", n.module, n.name);
	e->type.name = n.name ? n.name : "?";
	e->type.module = n.module;
	e->type.full = full ? full : e->type.name;
	e->tp_name = n.tp_name ? n.tp_name : e->type.full;
	e->short_name = after_last_dot(e->tp_name);
}

static const struct {
	enum ph_trait bit;
	const char *name, *of_2;
} subclass_bits[] = {
	{ PH_TRAIT_TPFLAG_INT_SUBCLASS, "int", "int of 2" },
	{ PH_TRAIT_TPFLAG_LONG_SUBCLASS, "int", "long of 2" },
	{ PH_TRAIT_TPFLAG_LIST_SUBCLASS, "list", "list" },
	{ PH_TRAIT_TPFLAG_TUPLE_SUBCLASS, "tuple", "tuple" },
	{ PH_TRAIT_TPFLAG_BYTES_SUBCLASS, "bytes", "str of 2" },
	{ PH_TRAIT_TPFLAG_UNICODE_SUBCLASS, "str", "unicode of 2" },
	{ PH_TRAIT_TPFLAG_DICT_SUBCLASS, "dict", "dict" },
	{ PH_TRAIT_TPFLAG_BASE_EXC_SUBCLASS, "BaseException", "BaseException" },
	{ PH_TRAIT_TPFLAG_TYPE_SUBCLASS, "type", "type of 2" },
};

/* The i-th class of the MRO; 0 behind its end. */
static ph_addr mro_item(struct ph_objects *objects, const struct ph_type *type, size_t i)
{
	if (type->mro)
		return i < BASES_MAXIMUM ? ph_sequence_item(objects, type->mro, i) : 0;
	return i == 0 ? type->address : 0;
}

/* A type of C with two bases, of which tp_base is the other (numpy.float64 is a float). */
static const struct ph_decoder *decoder_of_mro(struct ph_objects *objects, const struct ph_type_entry *e)
{
	for (size_t i = 1; i < BASES_MAXIMUM; i++) {
		const uint64_t *known = ph_addrmap_find(&objects->types, mro_item(objects, &e->type, i));
		const struct ph_type_entry *base = known ? (const struct ph_type_entry *)(uintptr_t)*known : NULL;
		if (!base)
			return NULL;
		if (base->type.decoder)
			return base->type.decoder;
	}
	return NULL;
}

/* The base's decoder, unless the type has a row of its own; the flags where neither is. */
static const struct ph_decoder *choose_decoder(struct ph_objects *objects, const struct ph_type_entry *e,
					       const struct ph_type_entry *base)
{
	const struct ph_decoder *decoder = ph_decoder_find_in(objects->target, e->type.full);
	if (decoder)
		return decoder;
	if (base && base->type.decoder)
		return base->type.decoder;
	for (size_t i = 0; i < sizeof(subclass_bits) / sizeof(*subclass_bits); i++)
		if (type_flag(objects, e->type.flags, subclass_bits[i].bit))
			return ph_decoder_find(ph_target_trait(objects->target, PH_TRAIT_STR_IS_BYTES) == 1 ?
						       subclass_bits[i].of_2 : subclass_bits[i].name);
	return e->type.is_heap ? NULL : decoder_of_mro(objects, e);
}

/* None of the facts of a type may depend on its decoder: a str decoder asks for the type of str. */
static bool load_facts(struct ph_objects *objects, struct ph_type_entry *e, ph_addr *ret_tp_name)
{
	struct ph_struct s;
	const struct ph_target *t = objects->target;
	size_t size = ph_target_sizeof(t, PH_SIZEOF_PyTypeObject);
	if (ph_struct_load(t, e->type.address, size, &s) != PH_OK)
		return false;
	e->type.flags = ph_struct_uint(&s, PH_PyTypeObject_tp_flags);
	e->type.basicsize = ph_struct_int(&s, PH_PyTypeObject_tp_basicsize);
	e->type.itemsize = ph_struct_int(&s, PH_PyTypeObject_tp_itemsize);
	e->type.dictoffset = ph_struct_int(&s, PH_PyTypeObject_tp_dictoffset);
	e->type.weaklistoffset = ph_struct_int(&s, PH_PyTypeObject_tp_weaklistoffset);
	e->type.base = ph_struct_ptr(&s, PH_PyTypeObject_tp_base);
	e->type.mro = ph_struct_ptr(&s, PH_PyTypeObject_tp_mro);
	e->type.dict = ph_struct_ptr(&s, PH_PyTypeObject_tp_dict);
	e->type.is_heap = type_flag(objects, e->type.flags, PH_TRAIT_TPFLAG_HEAPTYPE);
	e->type.is_type = type_flag(objects, e->type.flags, PH_TRAIT_TPFLAG_TYPE_SUBCLASS);
	*ret_tp_name = ph_struct_ptr(&s, PH_PyTypeObject_tp_name);
	if (e->type.basicsize < 0 || e->type.basicsize >> 24 || e->type.itemsize < 0 || e->type.itemsize >> 24)
		return false;
	if (!e->type.dict)
		e->type.dict = interpreter_dict(objects, e->type.address);
	/* before any name is read: the kinds that reading names needs */
	e->type.kind = PH_KIND_INSTANCE;
	if (type_flag(objects, e->type.flags, PH_TRAIT_TPFLAG_UNICODE_SUBCLASS))
		e->type.kind = PH_KIND_STR;
	else if (type_flag(objects, e->type.flags, PH_TRAIT_TPFLAG_DICT_SUBCLASS))
		e->type.kind = PH_KIND_DICT;
	else if (type_flag(objects, e->type.flags, PH_TRAIT_TPFLAG_TUPLE_SUBCLASS))
		e->type.kind = PH_KIND_TUPLE;
	else if (type_flag(objects, e->type.flags, PH_TRAIT_TPFLAG_BYTES_SUBCLASS))
		e->type.kind = PH_KIND_BYTES;
	return true;
}

/* Names and decoder. */
static void finish_type(struct ph_objects *objects, struct ph_type_entry *e, const struct ph_type_entry *base,
			ph_addr tp_name)
{
	name_type(objects, e, tp_name);
	e->type.decoder = choose_decoder(objects, e, base);
	if (e->type.decoder)
		e->type.kind = e->type.decoder->kind;
	else if (strcmp(e->type.name, "?") != 0)
		e->type.kind = e->type.is_heap ? PH_KIND_INSTANCE : PH_KIND_OTHER;
	if ((objects->busy_seeding || !objects->may_guess) && !strcmp(e->type.name, "?")) {
		e->next_pending = objects->pending;
		objects->pending = e;
	}
}

/* One type, whose base is known already. */
static struct ph_type_entry *load_type(struct ph_objects *objects, ph_addr address, const struct ph_type_entry *base)
{
	ph_addr tp_name;
	struct ph_type_entry *e = ph_arena_new(&objects->arena, struct ph_type_entry);
	if (!e)
		return NULL;
	e->type.address = address;
	e->type.name = e->type.full = e->tp_name = e->short_name = "?";
	if (!is_type(objects, address) || !load_facts(objects, e, &tp_name))
		return NULL;
	/* in the cache before its names are read: reading them asks for types */
	if (!ph_addrmap_set(&objects->types, address, (uint64_t)(uintptr_t)e, true))
		return NULL;
	finish_type(objects, e, base, tp_name);
	return e;
}

/* In the order in which they were met: bases come before what is made from them. */
void ph_types_rename_pending(struct ph_objects *objects)
{
	struct ph_type_entry *e = objects->pending, *ordered = NULL;
	objects->pending = NULL;
	while (e) {
		struct ph_type_entry *next = e->next_pending;
		e->next_pending = ordered;
		ordered = e;
		e = next;
	}
	for (e = ordered; e; e = e->next_pending)
		finish_type(objects, e, e->type.base ? ph_type_entry(objects, e->type.base) : NULL,
			    ph_read_ptr(objects, e->type.address, PH_PyTypeObject_tp_name));
}

void ph_type_name_again(struct ph_objects *objects, struct ph_type_entry *e)
{
	if (objects->may_guess && !objects->busy_seeding)
		finish_type(objects, e, e->type.base ? ph_type_entry(objects, e->type.base) : NULL,
			    ph_read_ptr(objects, e->type.address, PH_PyTypeObject_tp_name));
}

static bool find_cached(struct ph_objects *objects, ph_addr address, const struct ph_type_entry **ret)
{
	const uint64_t *cached = ph_addrmap_find(&objects->types, address);
	if (!cached)
		return false;
	*ret = (const struct ph_type_entry *)(uintptr_t)*cached;
	return true;
}

static const struct ph_type_entry *find_type(struct ph_objects *objects, ph_addr type)
{
	const struct ph_type_entry *entry = NULL;
	ph_addr chain[64];
	size_t depth = 0;

	if (find_cached(objects, type, &entry))
		return entry;
	if (!type || type & 3)
		return NULL;
	/* the bases that are not known yet, then back down */
	for (ph_addr at = type; at && depth < sizeof(chain) / sizeof(*chain);) {
		if (find_cached(objects, at, &entry))
			break;
		for (size_t i = 0; i < depth; i++)
			if (chain[i] == at)
				at = 0;
		if (!at || !is_type(objects, at))
			break;
		chain[depth++] = at;
		at = ph_read_ptr(objects, at, PH_PyTypeObject_tp_base);
	}
	while (depth) {
		const struct ph_type_entry *base = entry;
		/* reading the names of a base may have loaded it */
		if (!find_cached(objects, chain[--depth], &entry))
			entry = load_type(objects, chain[depth], base);
	}
	if (!entry || entry->type.address != type) {
		ph_addrmap_set(&objects->types, type, 0, false);
		return NULL;
	}
	return entry;
}

/* Asked for with every object, and most are of a few types. */
const struct ph_type_entry *ph_type_entry(struct ph_objects *objects, ph_addr type)
{
	const struct ph_type_entry **recent = &objects->recent[(type >> 4 ^ type >> 10) & (PH_TYPES_RECENT - 1)];
	if (*recent && (*recent)->type.address == type)
		return *recent;
	const struct ph_type_entry *entry = find_type(objects, type);
	if (entry)
		*recent = entry;
	return entry;
}

const struct ph_type *ph_type_get(struct ph_objects *objects, ph_addr type)
{
	const struct ph_type_entry *entry = ph_type_entry(objects, type);
	return entry ? &entry->type : NULL;
}

const struct ph_type_entry *ph_object_type_entry(struct ph_objects *objects, ph_addr object)
{
	ph_addr type;
	return ph_target_ptr(objects->target, object, PH_PyObject_ob_type, &type) == PH_OK ?
		       ph_type_entry(objects, type) :
		       NULL;
}

const struct ph_type *ph_object_type(struct ph_objects *objects, ph_addr object)
{
	const struct ph_type_entry *entry = ph_object_type_entry(objects, object);
	return entry ? &entry->type : NULL;
}

bool ph_type_is(struct ph_objects *objects, ph_addr object, const char *full_name)
{
	const struct ph_type_entry *entry = ph_object_type_entry(objects, object);
	return entry && !strcmp(entry->type.full, full_name);
}

bool ph_type_is_subtype(struct ph_objects *objects, const struct ph_type *type, const char *full_name)
{
	ph_addr items;
	size_t count;
	if (type->mro && ph_sequence_items(objects, type->mro, &items, &count) == PH_OK) {
		for (size_t i = 0; i < count && i < BASES_MAXIMUM; i++) {
			const struct ph_type *t = ph_type_get(objects, ph_sequence_item(objects, type->mro, i));
			if (t && !strcmp(t->full, full_name))
				return true;
		}
		return false;
	}
	for (unsigned i = 0; type && i < BASES_MAXIMUM; i++) {
		if (!strcmp(type->full, full_name))
			return true;
		type = type->base ? ph_type_get(objects, type->base) : NULL;
	}
	return false;
}

const char *ph_type_display(const struct ph_type_entry *entry)
{
	return entry->type.full;
}

ph_addr ph_type_lookup(struct ph_objects *objects, const struct ph_type *type, const char *ascii_name,
		       ph_addr *ret_owner)
{
	for (size_t i = 0;; i++) {
		ph_addr base = mro_item(objects, type, i);
		const struct ph_type *t = base ? ph_type_get(objects, base) : NULL;
		if (!base)
			return 0;
		ph_addr found = t && t->dict ? ph_dict_get(objects, t->dict, ascii_name) : 0;
		if (found) {
			if (ret_owner)
				*ret_owner = base;
			return found;
		}
	}
}

/* ---- details, with the first instance ---- */

/* Member descriptors in the dicts of the MRO whose type is an object (T_OBJECT_EX): __slots__. */
static void find_slots(struct ph_objects *objects, struct ph_type_entry *e)
{
	enum { T_OBJECT_EX = 16 };
	struct ph_type_slot slots[SLOTS_MAXIMUM];
	size_t count = 0;
	for (size_t i = 0; i < BASES_MAXIMUM; i++) {
		ph_addr base = mro_item(objects, &e->type, i);
		const struct ph_type_entry *b = base ? ph_type_entry(objects, base) : NULL;
		struct ph_dict_iter iter;
		ph_addr key, value;
		if (!base)
			break;
		if (!b || !b->type.is_heap || ph_dict_begin(objects, b->type.dict, &iter) != PH_OK)
			continue;
		while (count < SLOTS_MAXIMUM && ph_dict_next(&iter, &key, &value)) {
			if (!ph_type_is(objects, value, "member_descriptor"))
				continue;
			ph_addr member = ph_read_ptr(objects, value, PH_PyMemberDescrObject_d_member);
			int64_t offset = ph_read_int(objects, member, PH_PyMemberDef_offset);
			if (ph_read_int(objects, member, PH_PyMemberDef_type) != T_OBJECT_EX || offset <= 0 ||
			    offset >= e->type.basicsize)
				continue;
			const char *name = ph_str_get(objects, key, &objects->arena);
			if (name)
				slots[count++] = (struct ph_type_slot){ .name = name, .offset = offset };
		}
	}
	if (!count)
		return;
	struct ph_type_slot *kept = ph_arena_array(&objects->arena, struct ph_type_slot, count);
	if (!kept)
		return;
	memcpy(kept, slots, count * sizeof(*kept));
	e->slots = kept;
	e->slot_count = count;
}

static enum ph_repr find_repr(struct ph_objects *objects, struct ph_type_entry *e)
{
	ph_addr owner = 0;
	ph_addr repr = ph_type_lookup(objects, &e->type, "__repr__", &owner);
	const struct ph_type_entry *type = repr ? ph_object_type_entry(objects, repr) : NULL;
	if (!type)
		return PH_REPR_KIND;
	e->repr_owner = owner;
	if (!strcmp(type->type.full, "wrapper_descriptor")) {
		/* the slot of a type of C: object's own, or that of the base whose decoder we have */
		const struct ph_type_entry *base =
			ph_type_entry(objects, ph_read_ptr(objects, repr, PH_PyDescrObject_d_type));
		if (base && !strcmp(base->type.full, "object"))
			return PH_REPR_OBJECT;
		return base && base->type.decoder == e->type.decoder ? PH_REPR_KIND : PH_REPR_OBJECT;
	}
	return ph_library_repr(objects, e, repr, owner);
}

/* Whose __sizeof__ it is: object's, that of a type with a decoder, or one that nobody here knows. */
static void find_sizeof(struct ph_objects *objects, struct ph_type_entry *e)
{
	ph_addr owner = 0;
	const struct ph_type_entry *o = NULL;
	if (ph_type_lookup(objects, &e->type, "__sizeof__", &owner))
		o = ph_type_entry(objects, owner);
	e->sizeof_owner = owner;
	/* a type that was never made ready has no MRO, and what object has, which is the one without a base: its name may
	 * not be known yet */
	e->has_sizeof = !o ? e->type.mro || e->type.decoder : o->type.base != 0;
	e->odd_sizeof = e->has_sizeof && (!o || !ph_decoder_find(o->type.full));
}

void ph_type_detail(struct ph_objects *objects, struct ph_type_entry *e)
{
	e->detailed = true;
	find_sizeof(objects, e);
	if (!e->type.is_heap)
		return;
	e->cached_keys = ph_read_ptr(objects, e->type.address, PH_PyHeapTypeObject_ht_cached_keys);
	find_slots(objects, e);
	e->repr = find_repr(objects, e);
}

size_t ph_type_slots(const struct ph_type *type, const struct ph_type_slot **ret)
{
	const struct ph_type_entry *entry = (const struct ph_type_entry *)type;
	*ret = entry->slots;
	return entry->slot_count;
}
