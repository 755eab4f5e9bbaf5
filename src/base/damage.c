/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/damage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ph_damage_deinit(struct ph_damage *damage)
{
	for (size_t i = 0; i < damage->count; i++) {
		free(damage->entries[i].where);
		free(damage->entries[i].what);
	}
	free(damage->entries);
	*damage = (struct ph_damage){ 0 };
}

void ph_damage_add(struct ph_damage *damage, enum ph_damage_kind kind, const char *where, const char *format, ...)
{
	char what[256];
	va_list ap;
	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	for (size_t i = 0; i < damage->count; i++) {
		struct ph_damage_entry *e = &damage->entries[i];
		if (e->kind == kind && !strcmp(e->where, where) && !strcmp(e->what, what)) {
			e->count++;
			return;
		}
	}
	if (damage->count == PH_DAMAGE_MAXIMUM) {
		damage->dropped++;
		return;
	}
	if (!damage->entries)
		damage->entries = calloc(PH_DAMAGE_MAXIMUM, sizeof(*damage->entries));
	struct ph_damage_entry entry = { kind, strdup(where), strdup(what), 1 };
	if (!damage->entries || !entry.where || !entry.what) {
		free(entry.where);
		free(entry.what);
		damage->dropped++;
		return;
	}
	damage->entries[damage->count++] = entry;
}

void ph_damage_take(struct ph_damage *damage, const struct ph_damage_entry *entry)
{
	size_t before = damage->count;
	ph_damage_add(damage, entry->kind, entry->where, "%s", entry->what);
	if (damage->count > before)
		damage->entries[before].count = entry->count;
}

bool ph_damage_is_serious(const struct ph_damage *damage)
{
	for (size_t i = 0; i < damage->count; i++)
		if (damage->entries[i].kind != PH_DAMAGE_HEAP)
			return true;
	return false;
}
