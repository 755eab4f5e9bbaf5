/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects: creation, what all values have, and the dispatch to decoders. */
#include "object/object.h"

#include <stdlib.h>
#include <string.h>

#include "base/jobs.h"
#include "object/decoder.h"
#include "object/traverse.h"

struct ph_error *ph_objects_create(struct ph_target *target, struct ph_objects **ret)
{
	struct ph_objects *objects = ph_jobs_alloc(1, sizeof(*objects)); /* each thread has its own */
	if (!objects)
		return &ph_error_no_memory;
	objects->target = target;
	objects->scratch = PH_BUFFER((size_t)1 << 26);
	/* as many as a process may have types; beyond them objects are of unknown type */
	objects->types.maximum = (size_t)1 << 20;
	objects->names.maximum = (size_t)1 << 20;
	*ret = objects;
	return NULL;
}

struct ph_error *ph_objects_clone(const struct ph_objects *objects, struct ph_objects **ret)
{
	struct ph_error *error = ph_objects_create(objects->target, ret);
	if (error)
		return error;
	if (objects->may_guess)
		ph_objects_seed(*ret, objects->builtins, objects->modules);
	(*ret)->thread_counts = objects->thread_counts;
	(*ret)->thread_count_count = objects->thread_count_count;
	return NULL;
}

void ph_objects_free(struct ph_objects *objects)
{
	if (!objects)
		return;
	ph_arena_deinit(&objects->arena);
	ph_addrmap_deinit(&objects->types);
	ph_addrmap_deinit(&objects->names);
	ph_addrmap_deinit(&objects->known);
	ph_code_cache_deinit(&objects->codes);
	ph_buffer_deinit(&objects->scratch);
	free(objects->own_thread_counts);
	free(objects);
}

struct ph_target *ph_objects_target(struct ph_objects *objects)
{
	return objects->target;
}

void ph_objects_take_thread_counts(struct ph_objects *objects, int64_t *counts, size_t count)
{
	free(objects->own_thread_counts);
	objects->thread_counts = objects->own_thread_counts = counts;
	objects->thread_count_count = count;
}

struct ph_code_cache *ph_objects_code_cache(struct ph_objects *objects)
{
	return &objects->codes;
}

void ph_objects_seed(struct ph_objects *objects, ph_addr builtins, ph_addr modules)
{
	objects->builtins = builtins;
	objects->modules = modules;
	objects->seeded = false;
	objects->may_guess = true;
	ph_types_rename_pending(objects);
}

/* ---- helpers of decoders ---- */

ph_addr ph_read_ptr(const struct ph_objects *objects, ph_addr base, enum ph_field field)
{
	ph_addr pointer;
	return ph_target_ptr(objects->target, base, field, &pointer) == PH_OK ? pointer : 0;
}

int64_t ph_read_int(const struct ph_objects *objects, ph_addr base, enum ph_field field)
{
	int64_t number;
	return ph_target_int(objects->target, base, field, &number) == PH_OK ? number : 0;
}

void ph_decode_text(struct ph_decode *d, const char *text)
{
	if (!text)
		return;
	d->value->form = PH_FORM_ATOM;
	d->value->text = text;
	d->value->text_size = strlen(text);
}

/* Most objects of a heap say no more than that, so printf() would be a tenth of all work. */
void ph_decode_default(struct ph_decode *d)
{
	static const char middle[] = " object at ";
	const char *name = ph_type_display(d->type);
	char text[256], *p = text;
	size_t size = strlen(name);
	if (size > sizeof(text) - sizeof(middle) - PH_HEX_ROOM - 2) {
		ph_decode_text(d, ph_value_printf(d->value, "<%s object at 0x%llx>", name,
						  (unsigned long long)d->address));
		return;
	}
	*p++ = '<';
	p = mempcpy(p, name, size);
	p = mempcpy(p, middle, sizeof(middle) - 1);
	p += ph_put_hex(p, d->address);
	*p++ = '>';
	ph_decode_text(d, ph_value_copy(d->value, text, (size_t)(p - text)));
}

void ph_decode_one_part(struct ph_decode *d, const char *open, ph_addr child, const char *close)
{
	if (!open || !close || !child)
		return;
	d->value->form = PH_FORM_PARTS;
	d->value->open = open;
	d->value->close = close;
	ph_value_add_part(d->value, NULL, child, NULL);
}

void ph_decode_structural(struct ph_decode *d, const char *name, ph_addr value)
{
	if (value)
		ph_value_add_attribute(d->value, name, value, true);
}

void ph_decode_structural_field(struct ph_decode *d, const char *name, enum ph_field field)
{
	ph_decode_structural(d, name, ph_read_ptr(d->objects, d->address, field));
}

static bool has_flag(const struct ph_decode *d, enum ph_trait bit_number)
{
	int32_t bit = ph_target_trait(d->target, bit_number);
	return bit >= 0 && d->type->type.flags >> bit & 1;
}

/* sys.getsizeof(): the head of the gc and, where there is one, the pre-header of managed dicts and weakrefs. */
int64_t ph_size_with_head(const struct ph_decode *d, int64_t size)
{
	if (size < 0)
		return -1;
	if (has_flag(d, PH_TRAIT_TPFLAG_HAVE_GC) && !ph_target_trait(d->target, PH_TRAIT_GC_NO_HEAD))
		size += (int64_t)ph_target_sizeof(d->target, PH_SIZEOF_PyGC_Head);
	if (has_flag(d, PH_TRAIT_TPFLAG_MANAGED_DICT) || has_flag(d, PH_TRAIT_TPFLAG_MANAGED_WEAKREF))
		size += 2 * d->target->layout.abi.pointer_size;
	return size;
}

/* object.__sizeof__ */
static int64_t default_size(const struct ph_decode *d)
{
	const struct ph_type *type = &d->type->type;
	int64_t count = 0;
	if (type->itemsize) {
		count = ph_magnitude(ph_read_int(d->objects, d->address, PH_PyVarObject_ob_size));
		if (count < 0 || count >> 40 || type->itemsize >> 20)
			return -1;
	}
	return type->basicsize + count * type->itemsize;
}

/* ---- values ---- */

/* Free-threaded: Py_REFCNT() of Include/refcount.h (object.h in 3.13), and _PyObject_SetDeferredRefcount(). */
static int64_t split_refcount(uint32_t local, int64_t shared)
{
	const int64_t deferred = INT64_MAX / 8;
	if (local == UINT32_MAX)
		return -1;
	int64_t count = (shared >> 2) + local; /* the low bits are a state */
	return count >= deferred / 2 ? count - deferred : count;
}

bool ph_object_is_deferred(const struct ph_target *t, ph_addr object)
{
	enum { DEFERRED = 64 }; /* _PyGC_BITS_DEFERRED of Include/internal/pycore_gc.h, 3.13 to 3.15 */
	uint64_t bits;
	return ph_target_uint(t, object, PH_PyObject_ob_gc_bits, &bits) == PH_OK && bits & DEFERRED;
}

int64_t ph_object_refcount(const struct ph_target *t, ph_addr object)
{
	int64_t count = 0, local = 0;
	if (ph_target_has(t, PH_PyObject_ob_ref_local)) {
		if (ph_target_int(t, object, PH_PyObject_ob_ref_local, &local) != PH_OK ||
		    ph_target_int(t, object, PH_PyObject_ob_ref_shared, &count) != PH_OK)
			return INT64_MIN;
		return split_refcount((uint32_t)local, count);
	}
	if (ph_target_int(t, object, PH_PyObject_ob_refcnt, &count) != PH_OK)
		return INT64_MIN;
	return ph_target_trait(t, PH_TRAIT_IMMORTAL_FORM) == 1 && (int32_t)count < 0 ? -1 : count;
}

/* _PyDict_UniqueId() is in the upper half of the tag (DICT_UNIQUE_ID_SHIFT). */
static uint64_t unique_id(const struct ph_target *t, enum ph_kind kind, ph_addr object)
{
	int32_t bit = ph_target_trait(t, PH_TRAIT_TPFLAG_HEAPTYPE);
	uint64_t id = 0, flags;
	switch (kind) {
	case PH_KIND_TYPE:
		if (bit >= 0 && ph_target_uint(t, object, PH_PyTypeObject_tp_flags, &flags) == PH_OK && flags >> bit & 1)
			(void)ph_target_uint(t, object, PH_PyHeapTypeObject_unique_id, &id);
		return id;
	case PH_KIND_CODE:
		(void)ph_target_uint(t, object, PH_PyCodeObject__co_unique_id, &id);
		return id;
	case PH_KIND_DICT:
		(void)ph_target_uint(t, object, PH_PyDictObject__ma_watcher_tag, &id);
		return id >> 32;
	default:
		return 0;
	}
}

int64_t ph_object_thread_count(const struct ph_objects *objects, enum ph_kind kind, ph_addr object)
{
	if (!objects->thread_counts)
		return 0;
	uint64_t id = unique_id(objects->target, kind, object);
	return id && id <= objects->thread_count_count ? objects->thread_counts[id - 1] : 0;
}

static void unknown(struct ph_value *value, enum ph_status status)
{
	value->kind = PH_KIND_UNKNOWN;
	value->status = status;
	value->form = PH_FORM_ATOM;
	/* an item of PyList_New() that was not set yet */
	const char *text = !value->address ? "<NULL>" :
		ph_value_printf(value, "<unreadable object at 0x%llx>", (unsigned long long)value->address);
	value->text = text ? text : "<unreadable object>";
	value->text_size = strlen(value->text);
}

/* A decoder that failed leaves what is true: type and address. */
static void failed(struct ph_decode *d, enum ph_status status)
{
	struct ph_value *value = d->value;
	value->status = status;
	value->item_count = value->pair_count = value->part_count = 0;
	value->item_total = value->pair_total = 0;
	value->scalar = NULL;
	value->text_cut = false;
	value->len = -1;
	if (value->form != PH_FORM_ATOM || !value->text_size)
		ph_decode_default(d);
}

/* Of what its decoder does not know, as the heap's column has it (size.c). */
static void find_size(struct ph_decode *d)
{
	const struct ph_shape *shape = ph_shape_get(d->objects, d->type->type.address);
	if (shape && shape->sizeof_)
		d->value->size = ph_object_size(shape, d->address);
}

void ph_object_value(struct ph_objects *objects, ph_addr address, const struct ph_value_limits *limits,
		     struct ph_value *ret)
{
	const struct ph_target *t = objects->target;
	struct ph_struct header;

	ph_value_reset(ret, address);
	enum ph_status status = ph_struct_load(t, address, ph_target_sizeof(t, PH_SIZEOF_PyObject), &header);
	if (status != PH_OK) {
		unknown(ret, status);
		return;
	}
	ret->type = ph_struct_ptr(&header, PH_PyObject_ob_type);
	objects->instance = address;
	struct ph_type_entry *type = (struct ph_type_entry *)ph_type_entry(objects, ret->type);
	if (!type) {
		ret->type = 0;
		unknown(ret, PH_CORRUPT);
		return;
	}
	if (type->type.name[0] == '?' && !type->type.is_heap)
		ph_type_name_again(objects, type);
	if (!type->detailed)
		ph_type_detail(objects, type);
	ret->refcount = ph_object_refcount(t, address);
	if (ret->refcount >= 0)
		ret->refcount += ph_object_thread_count(objects, type->type.kind, address);
	ret->type_name = type->type.name;
	ret->type_module = type->type.module;
	ret->kind = type->type.kind;
	struct ph_decode d = {
		.objects = objects, .target = t, .type = type, .address = address, .limits = limits, .value = ret,
	};
	ret->form = PH_FORM_ATOM;
	ret->size = type->has_sizeof ? -1 : ph_size_with_head(&d, default_size(&d));
	if (type->type.decoder && type->type.decoder->decode) {
		status = type->type.decoder->decode(&d);
		if (status != PH_OK)
			failed(&d, status);
	}
	if (type->odd_sizeof)
		ret->size = -1;
	if (ret->size < 0)
		find_size(&d);
	ph_decode_attributes(&d);
	if (type->repr != PH_REPR_KIND && status == PH_OK)
		ph_decode_library_repr(&d);
	if (ret->form == PH_FORM_ATOM && !ret->text_size)
		ph_decode_default(&d);
}
