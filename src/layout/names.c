/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "layout/layout.h"

#include <stdio.h>

const char *ph_field_name(enum ph_field field)
{
	static const char *const names[] = {
#define PH_FIELD(structure, member) [PH_##structure##_##member] = #structure "." #member,
#define PH_SIZE(structure) [PH_SIZEOF_##structure] = "sizeof " #structure,
#include "layout/fields.def"
#undef PH_FIELD
#undef PH_SIZE
	};
	return (unsigned)field < PH_FIELD_COUNT ? names[field] : "no field";
}

const char *ph_trait_name(enum ph_trait trait)
{
	static const char *const names[] = {
#define PH_TRAIT(name) [PH_TRAIT_##name] = #name,
#include "layout/traits.def"
#undef PH_TRAIT
	};
	return (unsigned)trait < PH_TRAIT_COUNT ? names[trait] : "no trait";
}

const char *ph_origin_name(enum ph_origin origin)
{
	switch (origin) {
	case PH_ORIGIN_ABSENT:
		return "absent";
	case PH_ORIGIN_TABLE:
		return "table";
	case PH_ORIGIN_DEBUG_OFFSETS:
		return "debug-offsets";
	case PH_ORIGIN_INFERRED:
		return "inferred";
	}
	return "unknown";
}

struct ph_version ph_version_from_hex(uint32_t hexversion)
{
	return (struct ph_version){ .major = (uint8_t)(hexversion >> 24),
				    .minor = (uint8_t)(hexversion >> 16),
				    .micro = (uint8_t)(hexversion >> 8),
				    .level = hexversion >> 4 & 0xf,
				    .serial = hexversion & 0xf };
}

bool ph_version_equal(struct ph_version a, struct ph_version b)
{
	return ph_version_same_minor(a, b) && a.micro == b.micro && a.level == b.level && a.serial == b.serial;
}

bool ph_version_same_minor(struct ph_version a, struct ph_version b)
{
	return a.major == b.major && a.minor == b.minor;
}

const char *ph_version_minor_text(struct ph_version version, char *buffer, size_t size)
{
	snprintf(buffer, size, "%u.%u", version.major, version.minor);
	return buffer;
}

const char *ph_version_text(struct ph_version version, char *buffer, size_t size)
{
	const char *level = version.level == 0xa ? "a" : version.level == 0xb ? "b" : version.level == 0xc ? "rc" : "";
	if (*level)
		snprintf(buffer, size, "%u.%u.%u%s%u", version.major, version.minor, version.micro, level,
			 version.serial);
	else
		snprintf(buffer, size, "%u.%u.%u", version.major, version.minor, version.micro);
	return buffer;
}
