/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which member of its C struct lies at an offset of an object. */
#include "object/object.h"

#include <string.h>

#define BASES_MAXIMUM 100

struct row {
	const char *type;
	enum ph_field size_of;
};

static const struct row rows[] = {
#define PH_STRUCT_OF(type, structure) { type, PH_SIZEOF_##structure },
#include "object/structs.def"
#undef PH_STRUCT_OF
};

/* The first of a struct's members that the offset lies in.  Members of a
 * struct follow its PH_SIZEOF_ in enum ph_field; their names begin with its name. */
static enum ph_field member_of(const struct ph_layout *layout, enum ph_field size_of, int64_t offset)
{
	const char *name = ph_field_name(size_of) + strlen("sizeof ");
	size_t size = strlen(name);
	for (unsigned f = size_of + 1u; f < PH_FIELD_COUNT; f++) {
		const struct ph_slot *slot = &layout->slots[f];
		const char *member = ph_field_name(f);
		if (strncmp(member, name, size) != 0 || member[size] != '.')
			break;
		if (ph_layout_has(layout, f) && offset >= slot->offset && offset < slot->offset + slot->size)
			return f;
	}
	return PH_FIELD_COUNT;
}

const char *ph_object_member(struct ph_objects *objects, const struct ph_type *type, int64_t offset)
{
	const struct ph_layout *layout = &ph_objects_target(objects)->layout;
	for (unsigned depth = 0; type && depth < BASES_MAXIMUM; depth++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			if (strcmp(rows[i].type, type->full) != 0)
				continue;
			enum ph_field member = member_of(layout, rows[i].size_of, offset);
			if (member < PH_FIELD_COUNT)
				return ph_field_name(member);
		}
		type = type->base ? ph_type_get(objects, type->base) : NULL;
	}
	return NULL;
}
