/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "layout/struct.h"

#include <pthread.h>

static const struct ph_known_type rows[] = {
#define PH_KNOWN_TYPE(n, r, from, to, basic, item, f, b, d, keys, count)                                               \
	{ .name = (n),                                                                                                 \
	  .role = (r),                                                                                                 \
	  .version_from = (from),                                                                                      \
	  .version_to = (to),                                                                                          \
	  .basicsize = (basic),                                                                                        \
	  .itemsize = (item),                                                                                          \
	  .flags = (f),                                                                                                \
	  .base = (b),                                                                                                 \
	  .doc_word = (d),                                                                                             \
	  .dict_keys = (keys),                                                                                         \
	  .dict_count = (count) },
#include "layout/known-types.def"
#undef PH_KNOWN_TYPE
};

/* 2.7, then 3.6 to the newest */
#define OLD 207
#define FIRST 306
#define VERSIONS (1 + PH_NEWEST / 100 - FIRST + 1)

/* The rows of one version side by side, made when it is first asked for. */
static struct ph_known_type by_version[VERSIONS][sizeof rows / sizeof *rows];
static size_t counts[VERSIONS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

size_t ph_known_types(struct ph_version version, const struct ph_known_type **ret)
{
	unsigned number = version.major * 100u + version.minor;
	if (number > PH_NEWEST / 100)
		number = PH_NEWEST / 100;
	if (number < FIRST && number != OLD) {
		*ret = NULL;
		return 0;
	}
	unsigned v = number == OLD ? 0 : number - FIRST + 1;
	pthread_mutex_lock(&lock);
	if (!counts[v]) {
		size_t n = 0;
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			if (number >= rows[i].version_from && number <= rows[i].version_to)
				by_version[v][n++] = rows[i];
		counts[v] = n;
	}
	pthread_mutex_unlock(&lock);
	*ret = by_version[v];
	return counts[v];
}

/* FNV-1a of each key, summed: the order of a dict's keys does not matter. */
uint64_t ph_known_type_hash_key(uint64_t folded, const char *utf8, size_t size)
{
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)utf8[i]) * 0x100000001b3;
	return folded + h;
}
