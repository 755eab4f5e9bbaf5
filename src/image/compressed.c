/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/compressed.h"

#include <string.h>

enum ph_compression ph_compression_of(const uint8_t *magic, size_t size)
{
	static const struct {
		enum ph_compression kind;
		const char *magic;
		size_t size;
	} kinds[] = {
		{ PH_COMPRESSION_ZSTD, "\x28\xb5\x2f\xfd", 4 },
		{ PH_COMPRESSION_LZ4, "\x04\x22\x4d\x18", 4 },
		{ PH_COMPRESSION_GZIP, "\x1f\x8b", 2 },
		{ PH_COMPRESSION_XZ, "\xfd\x37zXZ\0", 6 },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (size >= kinds[i].size && !memcmp(magic, kinds[i].magic, kinds[i].size))
			return kinds[i].kind;
	return PH_COMPRESSION_NONE;
}

struct ph_error *ph_unpack(int fd, const char *name, const struct ph_callbacks *callbacks, struct ph_unpacked *ret)
{
	(void)fd;
	(void)callbacks;
	(void)ret;
	return ph_error_create(PH_ERROR_NOT_CORE, "%s: compressed cores are not read yet", name);
}
