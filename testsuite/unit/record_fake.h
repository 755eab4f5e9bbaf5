/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A source of objects made by hand, for the tests of the record room: what a
 * target would give, with nothing of a target behind it. */
#ifndef UNIT_RECORD_FAKE_H
#define UNIT_RECORD_FAKE_H

#include "base/addrmap.h"
#include "record/source.h"
#include "record/text.h"

#include <stdlib.h>
#include <string.h>

struct fake_object {
	enum ph_kind kind;
	enum ph_form form;
	const char *type_name, *type_module, *text, *open, *close, *recursive;
	size_t text_size;
	ph_addr type;
	bool singleton;
	ph_addr *items; /* or keys and values in turn */
	size_t count;
	const struct ph_attribute *attributes;
	size_t attribute_count;
	const struct ph_part *parts;
	size_t part_count;
	int64_t len;
	uint64_t lie; /* a total that the items do not bear out */
	struct ph_frame *frame;
	struct ph_exception *exception;
};

#define FAKE_BASE 0x10000
static struct fake_object *fake_objects;
static size_t fake_count, fake_capacity, fake_calls;

static ph_addr fake_add(struct fake_object object)
{
	if (fake_count == fake_capacity) {
		fake_capacity = fake_capacity ? fake_capacity * 2 : 1024;
		fake_objects = realloc(fake_objects, fake_capacity * sizeof(*fake_objects));
	}
	fake_objects[fake_count] = object;
	return FAKE_BASE + 16 * (ph_addr)fake_count++;
}

static struct fake_object *fake_at(ph_addr address)
{
	size_t i = (address - FAKE_BASE) / 16;
	return address >= FAKE_BASE && address % 16 == 0 && i < fake_count ? &fake_objects[i] : NULL;
}

static void fake_value(void *self, ph_addr address, const struct ph_value_limits *limits, struct ph_value *ret)
{
	struct fake_object *o = fake_at(address);
	(void)self;
	fake_calls++;
	ph_value_reset(ret, address);
	if (!o) {
		ret->status = PH_UNMAPPED;
		ret->text = ph_value_printf(ret, "<unreadable at 0x%llx>", (unsigned long long)address);
		ret->text_size = strlen(ret->text);
		return;
	}
	ret->kind = o->kind;
	ret->form = o->form;
	ret->type = o->type;
	ret->type_name = o->type_name ? o->type_name : "?";
	ret->type_module = o->type_module ? o->type_module : "builtins";
	ret->len = o->len ? o->len : (int64_t)o->count;
	ret->is_singleton = o->singleton;
	ret->open = o->open ? o->open : "";
	ret->close = o->close ? o->close : "";
	ret->recursive = o->recursive ? o->recursive : "...";
	if (o->text) {
		size_t size = o->text_size ? o->text_size : strlen(o->text);
		size_t keep = o->form == PH_FORM_STR	 ? ph_text_prefix(o->text, size, limits->characters)
			      : o->form == PH_FORM_BYTES ? limits->characters
							 : size;
		ret->text_cut = keep < size;
		ret->text_size = ret->text_cut ? keep : size;
		ret->text = ph_value_copy(ret, o->text, ret->text_size);
	}
	bool pairs = o->form == PH_FORM_PAIRS || o->form == PH_FORM_PAIR_TUPLES;
	for (size_t i = 0; i + pairs < o->count && (pairs ? ret->pair_count : i) < limits->children; i += 1 + pairs) {
		if (pairs)
			ph_value_add_pair(ret, o->items[i], o->items[i + 1]);
		else
			ph_value_add_item(ret, o->items[i]);
	}
	ret->item_total = pairs ? 0 : o->lie ? o->lie : o->count;
	ret->pair_total = pairs ? o->count / 2 : 0;
	for (size_t i = 0; i < o->attribute_count; i++)
		ph_value_add_attribute(ret, o->attributes[i].name, o->attributes[i].value, o->attributes[i].structural);
	for (size_t i = 0; i < o->part_count; i++)
		ph_value_add_part(ret, o->parts[i].name, o->parts[i].value, o->parts[i].text);
}

static enum ph_status fake_frame(void *self, ph_addr address, struct ph_arena *arena, struct ph_frame *ret)
{
	struct fake_object *o = fake_at(address);
	(void)self, (void)arena;
	if (!o || !o->frame)
		return PH_ABSENT;
	*ret = *o->frame;
	return PH_OK;
}

static enum ph_status fake_exception(void *self, ph_addr address, struct ph_arena *arena, struct ph_exception *ret)
{
	struct fake_object *o = fake_at(address);
	(void)self, (void)arena;
	if (!o || !o->exception)
		return PH_CORRUPT;
	*ret = *o->exception;
	return PH_OK;
}

static const struct ph_source_ops fake_ops = {
	.value = fake_value,
	.frame = fake_frame,
	.exception = fake_exception,
};
static const struct ph_source fake_source = { .ops = &fake_ops };

/* ---- shorthands ---- */

static inline ph_addr fake_str(const char *text)
{
	return fake_add((struct fake_object){ .kind = PH_KIND_STR, .form = PH_FORM_STR, .type_name = "str",
					      .text = text, .len = (int64_t)strlen(text) });
}

static inline ph_addr fake_bytes(const char *text, size_t size)
{
	return fake_add((struct fake_object){ .kind = PH_KIND_BYTES, .form = PH_FORM_BYTES, .type_name = "bytes",
					      .text = text, .text_size = size, .len = (int64_t)size });
}

static inline ph_addr fake_int(const char *text, bool singleton)
{
	return fake_add((struct fake_object){ .kind = PH_KIND_INT, .form = PH_FORM_ATOM, .type_name = "int",
					      .text = text, .singleton = singleton });
}

static inline ph_addr fake_atom(enum ph_kind kind, const char *type, const char *text)
{
	return fake_add((struct fake_object){ .kind = kind, .form = PH_FORM_ATOM, .type_name = type, .text = text });
}

static inline ph_addr *fake_array(size_t count, const ph_addr *addresses)
{
	ph_addr *copy = calloc(count + 1, sizeof(*copy));
	if (count)
		memcpy(copy, addresses, count * sizeof(*copy));
	return copy;
}

#define FAKE_N(...) (sizeof((ph_addr[]){ __VA_ARGS__ }) / sizeof(ph_addr))
#define FAKE_ITEMS(...) .items = fake_array(FAKE_N(__VA_ARGS__), (ph_addr[]){ __VA_ARGS__ }), .count = FAKE_N(__VA_ARGS__)
#define fake_list(...)                                                                                             \
	fake_add((struct fake_object){ .kind = PH_KIND_LIST, .form = PH_FORM_ITEMS, .type_name = "list", .open = "[", \
				       .close = "]", .recursive = "[...]", FAKE_ITEMS(__VA_ARGS__) })
#define fake_tuple(...)                                                                                              \
	fake_add((struct fake_object){ .kind = PH_KIND_TUPLE, .form = PH_FORM_ITEMS, .type_name = "tuple",           \
				       .open = "(", .close = FAKE_N(__VA_ARGS__) == 1 ? ",)" : ")",                   \
				       .recursive = "(...)", FAKE_ITEMS(__VA_ARGS__) })
#define fake_dict(...)                                                                                             \
	fake_add((struct fake_object){ .kind = PH_KIND_DICT, .form = PH_FORM_PAIRS, .type_name = "dict", .open = "{", \
				       .close = "}", .recursive = "{...}", FAKE_ITEMS(__VA_ARGS__) })

static inline void fake_deinit(void)
{
	for (size_t i = 0; i < fake_count; i++)
		free(fake_objects[i].items);
	free(fake_objects);
	fake_objects = NULL;
	fake_count = fake_capacity = 0;
}

#endif
