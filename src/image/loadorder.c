/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order in which the dynamic linker looks symbols up.
 *
 * DT_DEBUG of the main program leads to struct r_debug and from there to the
 * link_map list (glibc's elf/link.h, the same in musl): r_map is the second word of
 * r_debug; a link_map is l_addr, l_name, l_ld, l_next, l_prev.  All in writable
 * memory, so the core alone has them. */
#include "image/backend.h"

#include <elf.h>
#include <stdlib.h>

#define MAX_DYNAMIC 512
#define MAX_LINKS 4096

static bool load_word(struct ph_image *image, ph_addr addr, uint64_t *ret)
{
	const void *view = ph_image_core_view(image, addr, image->info.pointer_size);
	if (view)
		*ret = ph_load_uint(view, image->info.pointer_size, image->info.big_endian);
	return view;
}

/* The first link_map; 0 when there is none to be found. */
static ph_addr first_link(struct ph_image *image, const struct ph_module *program)
{
	size_t word = image->info.pointer_size;
	uint64_t tag, debug = 0, map = 0;
	for (size_t i = 0; program->dynamic && i < MAX_DYNAMIC && !debug; i++) {
		ph_addr entry = program->dynamic + 2 * i * word;
		if (!load_word(image, entry, &tag) || tag == DT_NULL)
			return 0;
		if (tag == DT_DEBUG && !load_word(image, entry + word, &debug))
			return 0;
	}
	return debug && load_word(image, debug + word, &map) ? map : 0;
}

void ph_image_order_modules(struct ph_image *image)
{
	size_t word = image->info.pointer_size, count = image->module_count, n = 0;
	bool *seen = calloc(count, sizeof(*seen));
	uint32_t *order = calloc(count, sizeof(*order));
	if (!seen || !order) {
		free(seen);
		free(order);
		return;
	}
	uint64_t link = 0, dynamic;
	for (size_t i = 0; i < count && !n; i++)
		if (image->modules[i].is_executable) {
			seen[i] = true;
			order[n++] = (uint32_t)i;
			link = first_link(image, &image->modules[i]);
		}
	for (size_t i = 0; i < MAX_LINKS && link; i++) {
		if (!load_word(image, link + 2 * word, &dynamic) || !load_word(image, link + 3 * word, &link))
			break;
		const struct ph_module *m = ph_image_module_at(image, dynamic);
		if (m && !seen[m - image->modules]) {
			seen[m - image->modules] = true;
			order[n++] = (uint32_t)(m - image->modules);
		}
	}
	for (size_t i = 0; i < count; i++)
		if (!seen[i])
			order[n++] = (uint32_t)i;
	free(seen);
	image->load_order = order;
}
