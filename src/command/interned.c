/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/interned.h"
#include "command/label.h"
#include "command/path.h"

#include "base/cleanup.h"

#include <string.h>

static bool is_interned(struct ph_heap_view *view, uint32_t root)
{
	static const char member[] = "interned_strings"; /* cached_objects_interned_strings, since 3.12 */
	struct ph_heap_root_entry entry = ph_heap_root(view, root);
	const struct ph_dump_type *type = entry.object < view->count ? ph_heap_type(view, entry.object) : NULL;
	if (!type || !type->name || strcmp(type->name, "dict"))
		return false;
	if (entry.kind == PH_ROOT_INTERNED)
		return true;
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(256);
	ph_put_root(view, root, &name);
	size_t size = name.size, end = sizeof(member) - 1;
	return size >= end && !strcmp(ph_buffer_text(&name) + size - end, member);
}

struct ph_interned ph_find_interned(struct ph_heap_view *view)
{
	struct ph_interned found = { .count = 0 };
	for (uint32_t i = 0; i < view->root_count && found.count < PH_INTERNED_MAXIMUM; i++)
		if (!ph_is_interned_dict(&found, ph_heap_root(view, i).object) && is_interned(view, i))
			found.dicts[found.count++] = ph_heap_root(view, i).object;
	return found;
}

bool ph_is_interned_dict(const struct ph_interned *interned, uint32_t object)
{
	for (unsigned i = 0; i < interned->count; i++)
		if (interned->dicts[i] == object)
			return true;
	return false;
}
