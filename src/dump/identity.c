/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/reader.h"

#include <string.h>
#include <xxhash.h>

/* Two chains of 64 bits: what was hashed before is the seed of what comes next. */
static void add(uint64_t chains[2], const void *data, size_t size)
{
	for (int i = 0; i < 2; i++)
		chains[i] = XXH3_64bits_withSeed(data, size, chains[i]);
}

void ph_dump_identity(const struct ph_dump *dump, uint8_t ret[PH_DUMP_IDENTITY])
{
	uint64_t chains[2] = { dump->archive.size, ~dump->archive.size };
	for (size_t i = 0; i < dump->archive.count; i++) {
		const struct ph_archive_entry *entry = &dump->archive.entries[i];
		uint64_t numbers[] = { entry->offset, entry->compressed, entry->uncompressed, entry->crc };
		add(chains, entry->name, strlen(entry->name) + 1);
		add(chains, numbers, sizeof(numbers));
	}
	_Static_assert(sizeof(chains) == PH_DUMP_IDENTITY, "an identity is 128 bits");
	memcpy(ret, chains, sizeof(chains));
}
