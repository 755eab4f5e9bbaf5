/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/owned.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

uint32_t ph_heap_root_owner(struct ph_heap_view *view, const struct ph_heap_root_entry *root)
{
	ph_auto_buffer struct ph_buffer name = PH_BUFFER(256);
	if (root->kind != PH_ROOT_OBJECT_MEMORY || root->name == PH_NO_INDEX ||
	    !ph_heap_string(view, root->name, &name))
		return PH_NO_INDEX;
	const char *space = strrchr(ph_buffer_text(&name), ' ');
	ph_addr owner = space ? ph_parse_address(space + 1) : 0;
	return owner ? ph_heap_find(view, owner) : PH_NO_INDEX;
}

static int by_owner(const void *a, const void *b)
{
	const struct ph_owned *x = a, *y = b;
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return (x->root > y->root) - (x->root < y->root);
}

struct ph_error *ph_heap_owned(struct ph_heap_view *view, struct ph_owned **ret, size_t *ret_count)
{
	struct ph_owned *owned = NULL;
	size_t count = 0, capacity = 0;
	for (uint32_t i = 0; i < view->root_count; i++) {
		struct ph_heap_root_entry root = ph_heap_root(view, i);
		uint32_t owner = root.object < view->count ? ph_heap_root_owner(view, &root) : PH_NO_INDEX;
		if (owner == PH_NO_INDEX)
			continue;
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 256;
			struct ph_owned *grown = realloc(owned, capacity * sizeof(*grown));
			if (!grown) {
				free(owned);
				return &ph_error_no_memory;
			}
			owned = grown;
		}
		owned[count++] = (struct ph_owned){ .owner = owner, .object = root.object, .root = i };
	}
	if (count)
		qsort(owned, count, sizeof(*owned), by_owner);
	*ret = owned;
	*ret_count = count;
	return NULL;
}
