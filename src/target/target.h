/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image + layout: one typed CPython process.  Reads fields by id. */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include "base/cursor.h"
#include "image/image.h"
#include "layout/layout.h"

/* A target: borrowed image, own layout.  Made by detect; read-only afterwards,
 * so threads may share it. */
struct ph_target {
	struct ph_image *image;	  /* borrowed */
	struct ph_damage *damage; /* borrowed: where findings are counted */
	struct ph_layout layout;
	/* anchors, found by detect; 0 unknown */
	ph_addr runtime;      /* _PyRuntime */
	ph_addr interp_head;  /* first PyInterpreterState of the list */
	ph_addr tstate_current; /* the thread state that runs, where no PyRuntimeState tells; 0 none or unknown */
	ph_addr interp_main;  /* the main interpreter's, which makes the static types; 0 unknown */
	ph_addr type_type;    /* PyType_Type: the object whose type is itself */
	ph_addr none, ellipsis, notimplemented, true_, false_; /* singletons */
	const struct ph_module *module; /* the executable or libpython that holds it */
	const char *version_source;	/* how the version was found: static text or owned by the image */
};

/* A struct in the target, for field reads without a bounds check each: `data`
 * holds at least `size` bytes (a view into the image, or its own `copy`: do not
 * assign a struct to another). */
struct ph_struct {
	ph_addr address;
	const uint8_t *data;
	uint32_t size;
	const struct ph_layout *layout;
	uint8_t copy[512];
};

/* Load the struct at `address`, `size` bytes (PH_SIZEOF_…, or more for a trailing
 * array; at most sizeof(copy) when it straddles mappings).  What lies before an
 * object (GC head, managed dict) is read by itself, with ph_target_ptr(). */
enum ph_status ph_struct_load_far(const struct ph_target *target, ph_addr address, size_t size, struct ph_struct *ret);
static inline enum ph_status ph_struct_load(const struct ph_target *target, ph_addr address, size_t size,
					    struct ph_struct *ret)
{
	const void *view = address && size && size <= UINT32_MAX ? ph_image_look(target->image, address, size) : NULL;
	if (!view)
		return ph_struct_load_far(target, address, size, ret);
	ret->address = address;
	ret->data = (const uint8_t *)view;
	ret->size = (uint32_t)size;
	ret->layout = &target->layout;
	return PH_OK;
}

/* The bytes of a field within a loaded struct; NULL when absent or outside. */
static inline const uint8_t *ph_struct_bytes(const struct ph_struct *s, enum ph_field field, size_t *ret_size)
{
	const struct ph_slot *slot = &s->layout->slots[field];
	if (slot->origin == PH_ORIGIN_ABSENT || slot->offset < 0 || (unsigned)slot->size - 1 > 7 ||
	    (uint64_t)slot->offset + slot->size > s->size)
		return NULL;
	*ret_size = slot->size;
	return s->data + slot->offset;
}

/* Reads of a field of a loaded struct.  A field that is absent, or that lies
 * outside what was loaded, gives 0: check ph_layout_has() where it matters. */
static inline uint64_t ph_struct_uint(const struct ph_struct *s, enum ph_field field)
{
	size_t size = 0;
	const uint8_t *p = ph_struct_bytes(s, field, &size);
	return p ? ph_load_uint(p, size, s->layout->abi.big_endian) : 0;
}
static inline int64_t ph_struct_int(const struct ph_struct *s, enum ph_field field) /* sign-extended */
{
	size_t size = 0;
	const uint8_t *p = ph_struct_bytes(s, field, &size);
	return p ? ph_load_int(p, size, s->layout->abi.big_endian) : 0;
}
static inline ph_addr ph_struct_ptr(const struct ph_struct *s, enum ph_field field)
{
	return ph_struct_uint(s, field);
}

/* The bytes of a field straight from the image; NULL when one view does not hold them, or there is no such field. */
static inline const uint8_t *ph_target_bytes(const struct ph_target *target, ph_addr base, enum ph_field field,
					     size_t *ret_size)
{
	const struct ph_slot *slot = &target->layout.slots[field];
	if (!base || slot->origin == PH_ORIGIN_ABSENT || (unsigned)slot->size - 1 > 7)
		return NULL;
	*ret_size = slot->size;
	return (const uint8_t *)ph_image_look(target->image, base + (ph_addr)(int64_t)slot->offset, slot->size);
}

/* Single reads: PH_ABSENT when the layout has no such field. */
enum ph_status ph_target_uint_far(const struct ph_target *target, ph_addr base, enum ph_field field, uint64_t *ret);
static inline enum ph_status ph_target_uint(const struct ph_target *target, ph_addr base, enum ph_field field,
					    uint64_t *ret)
{
	size_t size = 0;
	const uint8_t *p = ph_target_bytes(target, base, field, &size);
	if (!p)
		return ph_target_uint_far(target, base, field, ret);
	*ret = ph_load_uint(p, size, target->layout.abi.big_endian);
	return PH_OK;
}
static inline enum ph_status ph_target_ptr(const struct ph_target *target, ph_addr base, enum ph_field field,
					   ph_addr *ret)
{
	return ph_target_uint(target, base, field, ret);
}
enum ph_status ph_target_int_far(const struct ph_target *target, ph_addr base, enum ph_field field, int64_t *ret);
static inline enum ph_status ph_target_int(const struct ph_target *target, ph_addr base, enum ph_field field,
					   int64_t *ret)
{
	size_t size = 0;
	const uint8_t *p = ph_target_bytes(target, base, field, &size);
	if (!p)
		return ph_target_int_far(target, base, field, ret);
	*ret = ph_load_int(p, size, target->layout.abi.big_endian);
	return PH_OK;
}
/* `count` pointers at an address into ours (8 bytes each, zero-extended). */
enum ph_status ph_target_read_ptrs(const struct ph_target *target, ph_addr address, size_t count, ph_addr *ret);
/* One pointer at an address. */
static inline enum ph_status ph_target_read_ptr(const struct ph_target *target, ph_addr address, ph_addr *ret)
{
	size_t width = target->layout.abi.pointer_size;
	const uint8_t *p = address && width == 8 ? (const uint8_t *)ph_image_look(target->image, address, width) : NULL;
	if (!p)
		return ph_target_read_ptrs(target, address, 1, ret);
	*ret = ph_load_uint(p, width, target->layout.abi.big_endian);
	return PH_OK;
}

static inline bool ph_target_has(const struct ph_target *target, enum ph_field field)
{
	return ph_layout_has(&target->layout, field);
}
/* As a pointer to a struct with pointers in it is. */
static inline bool ph_target_is_aligned(const struct ph_target *target, ph_addr address)
{
	return !(address & (target->layout.abi.pointer_size - 1u));
}
/* Of the low bits of _gc_next these are flags, no more: NEXT_MASK_UNREACHABLE, _PyGC_NEXT_MASK_OLD_SPACE_1 (pycore_gc.h
 * since 3.8).  The heads of the lists themselves lie at any multiple of four: Debian's 3.13 debug build has its _PyRuntime
 * at such an address. */
#define PH_GC_NEXT_FLAGS ((ph_addr)3)
static inline int32_t ph_target_trait(const struct ph_target *target, enum ph_trait trait)
{
	return ph_layout_trait(&target->layout, trait);
}
/* Address of a member; 0 when absent. */
static inline ph_addr ph_target_at(const struct ph_target *target, ph_addr base, enum ph_field field)
{
	return ph_target_has(target, field) ? base + (ph_addr)(int64_t)target->layout.slots[field].offset : 0;
}
/* PH_SIZEOF_…: bytes; 0 when absent. */
static inline size_t ph_target_sizeof(const struct ph_target *target, enum ph_field size)
{
	return ph_target_has(target, size) ? (size_t)target->layout.slots[size].offset : 0;
}

#endif
