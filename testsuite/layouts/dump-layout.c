/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dump-layout HEXVERSION [pointer-size long-size [debug] [trace-refs] [free-threaded] [wide-gc-head] [big-endian] [align4]
 * [lock=N] [mimalloc=N]]: every field of a layout, one a line: name, offset, size, s or u; absent ones are left out.  Then the
 * traits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/layout.h"

int main(int argc, char **argv)
{
	static struct ph_layout layout;
	struct ph_abi abi = { .pointer_size = 8, .long_size = 8, .max_align = 8, .lock_size = 40 };

	int mimalloc = -1;
	if (argc < 2)
		return 2;
	if (argc > 3) {
		abi.pointer_size = (uint8_t)atoi(argv[2]);
		abi.long_size = (uint8_t)atoi(argv[3]);
	}
	for (int i = 4; i < argc; i++) {
		if (!strcmp(argv[i], "debug"))
			abi.debug = true;
		else if (!strcmp(argv[i], "trace-refs"))
			abi.trace_refs = true;
		else if (!strcmp(argv[i], "free-threaded"))
			abi.free_threaded = true;
		else if (!strcmp(argv[i], "wide-gc-head"))
			abi.wide_gc_head = true;
		else if (!strcmp(argv[i], "big-endian"))
			abi.big_endian = true;
		else if (!strcmp(argv[i], "align4"))
			abi.max_align = 4;
		else if (!strncmp(argv[i], "lock=", 5))
			abi.lock_size = (uint8_t)atoi(argv[i] + 5);
		else if (!strncmp(argv[i], "mimalloc=", 9))
			mimalloc = atoi(argv[i] + 9);
		else
			return 2;
	}
	if (!ph_layout_resolve(ph_version_from_hex((uint32_t)strtoul(argv[1], NULL, 16)), abi, &layout)) {
		fprintf(stderr, "%s: no layout\n", argv[1]);
		return 1;
	}
	if (mimalloc >= 0)
		(void)ph_layout_place_mimalloc(&layout, (size_t)mimalloc);
	for (int i = 0; i < PH_FIELD_COUNT; i++)
		if (ph_layout_has(&layout, i))
			printf("field %s %d %u %c\n", ph_field_name(i), layout.slots[i].offset, layout.slots[i].size,
			       layout.slots[i].is_signed ? 's' : 'u');
	for (int i = 0; i < PH_TRAIT_COUNT; i++)
		printf("trait %s %d\n", ph_trait_name(i), layout.traits[i]);
	return 0;
}
