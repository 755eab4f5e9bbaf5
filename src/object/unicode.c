/* SPDX-License-Identifier: GPL-3.0-or-later */
/* str.  Include/cpython/unicodeobject.h of 3.8 to 3.13 (PEP 393): the state word
 * holds interned (2 bits), kind (3), compact, ascii and, while there are wstr
 * fields (up to 3.11), ready.  A str that is not compact keeps its characters in
 * PyUnicodeObject.data; one that is not ready has them in wstr as wchar_t. */
#include <string.h>

#include "base/cursor.h"
#include "object/decoder.h"

/* Characters of a name that we take; names are attributes, types, files. */
#define NAME_MAXIMUM 4096

struct text {
	ph_addr data;
	uint64_t length; /* characters */
	unsigned width;	 /* bytes of one */
	int64_t head;	 /* bytes before the data, for getsizeof; -1: not compact */
	ph_addr wstr;	 /* the form as wchar_t, 0 none */
	bool legacy;	 /* not ready: the data is wstr */
};

static enum ph_status locate_legacy(const struct ph_target *t, ph_addr address, unsigned kind, struct text *ret)
{
	if (kind) {
		ret->width = kind;
		return ph_target_ptr(t, address, PH_PyUnicodeObject_data, &ret->data);
	}
	enum ph_status status = ph_target_ptr(t, address, PH_PyASCIIObject_wstr, &ret->data);
	if (status == PH_OK)
		status = ph_target_uint(t, address, PH_PyCompactUnicodeObject_wstr_length, &ret->length);
	ret->legacy = true;
	ret->width = (unsigned)ph_target_trait(t, PH_TRAIT_STR_WCHAR_BYTES);
	return status;
}

/* 2.7: a unicode, or a str, whose bytes are taken for characters. */
static enum ph_status locate_of_2(struct ph_objects *objects, ph_addr address, struct text *ret)
{
	const struct ph_target *t = objects->target;
	const struct ph_type_entry *type = ph_object_type_entry(objects, address);
	struct text text = { .width = 1, .head = -1 };
	bool wide = type && type->type.kind == PH_KIND_STR;
	enum ph_status status = ph_target_uint(t, address, wide ? PH_PyUnicodeObject_length : PH_PyVarObject_ob_size,
					       &text.length);
	if (status == PH_OK && wide) {
		text.width = (unsigned)ph_target_trait(t, PH_TRAIT_STR_UNIT_BYTES);
		status = ph_target_ptr(t, address, PH_PyUnicodeObject_str, &text.data);
	} else {
		text.data = ph_target_at(t, address, PH_PyBytesObject_ob_sval);
	}
	if (status == PH_OK && text.length >> 48)
		status = PH_CORRUPT;
	if (status == PH_OK)
		*ret = text;
	return status;
}

static enum ph_status locate(struct ph_objects *objects, ph_addr address, struct text *ret)
{
	const struct ph_target *t = objects->target;
	if (ph_target_trait(t, PH_TRAIT_STR_IS_BYTES) == 1)
		return locate_of_2(objects, address, ret);

	struct ph_struct s;
	enum ph_status status = ph_struct_load(t, address, ph_target_sizeof(t, PH_SIZEOF_PyASCIIObject), &s);
	if (status != PH_OK)
		return status;
	uint32_t state = (uint32_t)ph_struct_uint(&s, PH_PyASCIIObject_state);
	unsigned kind = state >> ph_target_trait(t, PH_TRAIT_STR_KIND_SHIFT) & 7;
	bool compact = state >> ph_target_trait(t, PH_TRAIT_STR_COMPACT_SHIFT) & 1;
	bool ascii = state >> ph_target_trait(t, PH_TRAIT_STR_ASCII_SHIFT) & 1;
	struct text text = { .length = ph_struct_uint(&s, PH_PyASCIIObject_length), .width = kind, .head = -1 };
	text.wstr = ph_struct_ptr(&s, PH_PyASCIIObject_wstr);
	if (kind != 0 && kind != 1 && kind != 2 && kind != 4)
		return PH_CORRUPT;
	if (compact && kind) {
		text.head = (int64_t)ph_target_sizeof(t, ascii ? PH_SIZEOF_PyASCIIObject :
								 PH_SIZEOF_PyCompactUnicodeObject);
		text.data = address + (uint64_t)text.head;
	} else if (ph_target_trait(t, PH_TRAIT_STR_HAS_WSTR) || kind) {
		status = locate_legacy(t, address, kind, &text);
		if (status != PH_OK)
			return status;
	} else {
		return PH_CORRUPT;
	}
	if (text.length >> 48)
		return PH_CORRUPT;
	*ret = text;
	return PH_OK;
}

static bool is_ascii(const uint8_t *bytes, size_t size)
{
	size_t i = 0;
	for (; i + 8 <= size; i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, 8);
		if (word & UINT64_C(0x8080808080808080))
			return false;
	}
	for (; i < size; i++)
		if (bytes[i] & 0x80)
			return false;
	return true;
}

/* Appends `count` characters as WTF-8; `pairs`: surrogates that follow each other are one (a narrow build of 2.7). */
static void append(const uint8_t *bytes, size_t count, unsigned width, bool big_endian, bool pairs,
		   struct ph_buffer *out)
{
	if (width == 1 && is_ascii(bytes, count)) {
		ph_buffer_append(out, bytes, count);
		return;
	}
	for (size_t i = 0; i < count && !out->truncated; i++) {
		uint32_t c = (uint32_t)ph_load_uint(bytes + i * width, width, big_endian);
		if (pairs && c >> 10 == 0xd800 >> 10 && i + 1 < count) {
			uint32_t low = (uint32_t)ph_load_uint(bytes + (i + 1) * width, width, big_endian);
			if (low >> 10 == 0xdc00 >> 10) {
				c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
				i++;
			}
		}
		ph_buffer_put_utf8(out, c > 0x10ffff ? 0xfffd : c);
	}
}

/* In pieces, so that what straddles mappings needs no copy of its whole. */
static enum ph_status append_from(struct ph_objects *objects, const struct text *text, uint64_t count,
				  struct ph_buffer *out)
{
	struct ph_image *image = objects->target->image;
	bool big_endian = objects->target->layout.abi.big_endian;
	bool pairs =
		text->width == 2 && (ph_target_trait(objects->target, PH_TRAIT_STR_UNIT_BYTES) == 2 || text->legacy);
	uint64_t bytes = count * text->width;
	const uint8_t *view = ph_image_view(image, text->data, bytes);
	if (view || !count) {
		append(view, count, text->width, big_endian, pairs, out);
		return PH_OK;
	}
	if (ph_image_readable(image, text->data, bytes) < bytes)
		return PH_CORRUPT;
	for (uint64_t done = 0; done < count && !out->truncated;) {
		uint8_t piece[1024];
		uint64_t n = sizeof(piece) / text->width;
		if (n > count - done)
			n = count - done;
		enum ph_status status = ph_image_read(image, text->data + done * text->width, piece, n * text->width);
		if (status != PH_OK)
			return status;
		append(piece, n, text->width, big_endian, pairs, out);
		done += n;
	}
	return PH_OK;
}

/* Is it a str?  The type's flags tell. */
static bool is_str(struct ph_objects *objects, ph_addr address)
{
	const struct ph_type_entry *type = ph_object_type_entry(objects, address);
	return type && (type->type.kind == PH_KIND_STR ||
			(type->type.kind == PH_KIND_BYTES &&
			 ph_target_trait(objects->target, PH_TRAIT_STR_IS_BYTES) == 1));
}

enum ph_status ph_str_read(struct ph_objects *objects, ph_addr address, size_t characters, struct ph_buffer *out)
{
	struct text text;
	if (!is_str(objects, address))
		return PH_CORRUPT;
	enum ph_status status = locate(objects, address, &text);
	if (status != PH_OK)
		return status;
	uint64_t count = text.length < characters ? text.length : characters;
	status = append_from(objects, &text, count, out);
	return status == PH_OK && (count < text.length || out->truncated) ? PH_LIMIT : status;
}

const char *ph_str_get(struct ph_objects *objects, ph_addr address, struct ph_arena *arena)
{
	struct text text;
	if (!is_str(objects, address) || locate(objects, address, &text) != PH_OK)
		return NULL;
	uint64_t count = text.length < NAME_MAXIMUM ? text.length : NAME_MAXIMUM;
	const uint8_t *view = text.width == 1 ? ph_image_view(objects->target->image, text.data, count) : NULL;
	if (view && is_ascii(view, count) && !memchr(view, 0, count))
		return ph_arena_strndup(arena, (const char *)view, count);
	struct ph_buffer out = PH_BUFFER(4 * NAME_MAXIMUM);
	char *name = NULL;
	if (append_from(objects, &text, count, &out) == PH_OK)
		name = ph_arena_strndup(arena, ph_buffer_text(&out), out.size);
	ph_buffer_deinit(&out);
	return name;
}

const char *ph_str_view(struct ph_objects *objects, ph_addr address, size_t characters)
{
	struct text text;
	if (!is_str(objects, address) || locate(objects, address, &text) != PH_OK || text.width != 1 ||
	    text.length > characters)
		return NULL;
	const uint8_t *view = ph_image_look(objects->target->image, text.data, text.length + 1);
	bool good = view && !view[text.length] && is_ascii(view, text.length) && !memchr(view, 0, text.length);
	return good ? (const char *)view : NULL;
}

bool ph_str_equals(struct ph_objects *objects, ph_addr address, const char *ascii)
{
	struct text text;
	size_t size = strlen(ascii);
	if (!address || locate(objects, address, &text) != PH_OK || text.length != size)
		return false;
	uint8_t bytes[256];
	if (size * text.width > sizeof(bytes) || !is_str(objects, address))
		return false;
	const uint8_t *view = ph_image_view(objects->target->image, text.data, size * text.width);
	if (!view) {
		if (ph_image_read(objects->target->image, text.data, bytes, size * text.width) != PH_OK)
			return false;
		view = bytes;
	}
	if (text.width == 1)
		return memcmp(view, ascii, size) == 0;
	for (size_t i = 0; i < size; i++)
		if (ph_load_uint(view + i * text.width, text.width, objects->target->layout.abi.big_endian) !=
		    (uint8_t)ascii[i])
			return false;
	return true;
}

/* unicode_sizeof(): the characters, and cached UTF-8 and wchar_t forms. */
static int64_t own_size(const struct ph_objects *objects, ph_addr address, const struct text *text)
{
	const struct ph_target *t = objects->target;
	bool ascii = text->head == (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyASCIIObject);
	ph_addr utf8 = ascii ? 0 : ph_read_ptr(objects, address, PH_PyCompactUnicodeObject_utf8);
	ph_addr wstr = text->wstr;
	int64_t size = text->head >= 0 ? text->head : (int64_t)ph_target_sizeof(t, PH_SIZEOF_PyUnicodeObject);
	if (!text->legacy)
		size += (int64_t)(text->length + 1) * text->width;
	if (wstr && (wstr != text->data || text->legacy)) {
		int64_t length = ascii ? (int64_t)text->length :
					 ph_read_int(objects, address, PH_PyCompactUnicodeObject_wstr_length);
		if (length < 0 || length >> 40)
			return -1;
		size += (length + 1) * ph_target_trait(t, PH_TRAIT_STR_WCHAR_BYTES);
	}
	if (utf8 && utf8 != text->data) {
		int64_t length = ph_read_int(objects, address, PH_PyCompactUnicodeObject_utf8_length);
		if (length < 0 || length >> 40)
			return -1;
		size += length + 1;
	}
	return size;
}

int64_t ph_str_own_size(struct ph_objects *objects, ph_addr address)
{
	struct text text;
	return locate(objects, address, &text) == PH_OK ? own_size(objects, address, &text) : -1;
}

enum ph_status ph_decode_str(struct ph_decode *d)
{
	struct text text;
	struct ph_value *value = d->value;
	struct ph_image *image = d->target->image;
	enum ph_status status = locate(d->objects, d->address, &text);
	if (status != PH_OK)
		return status;
	uint64_t bytes = text.length * text.width;
	if (!ph_image_has(image, text.data, bytes))
		return PH_CORRUPT;
	value->len = (int64_t)text.length;
	value->size = ph_size_with_head(d, own_size(d->objects, d->address, &text));
	value->is_singleton = text.length < 2 && text.width == 1;
	uint64_t count = text.length < d->limits->characters ? text.length : d->limits->characters;
	value->text_cut = count < text.length;
	/* what stands in the image as we want it, NUL included, is not copied */
	const uint8_t *view = text.width == 1 && !value->text_cut ? ph_image_look(image, text.data, count + 1) : NULL;
	if (view && !view[count] && is_ascii(view, count)) {
		value->text = (const char *)view;
		value->text_size = count;
	} else {
		struct ph_buffer *out = &d->objects->scratch;
		ph_buffer_clear(out);
		status = append_from(d->objects, &text, count, out);
		const char *copy = status == PH_OK ? ph_value_copy(value, ph_buffer_text(out), out->size) : NULL;
		if (!copy)
			return status == PH_OK ? PH_LIMIT : status;
		value->text = copy;
		value->text_size = out->size;
		value->text_cut |= out->truncated || out->no_memory;
	}
	value->form = PH_FORM_STR;
	return PH_OK;
}
