/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ZIP archive of untrusted bytes, read: every offset and length is checked
 * against the file before it is used, memory is bounded whatever it claims.
 *
 * An archive without a directory that can be used (it is cut) is read along its
 * members' own headers, as far as they go. */
#ifndef DUMP_ARCHIVE_H
#define DUMP_ARCHIVE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ph_archive_entry {
	const char *name;      /* NUL-terminated; names with a NUL inside are left out */
	uint64_t offset;       /* of the local header, from the start of the file */
	uint64_t compressed, uncompressed; /* bytes, as claimed */
	uint32_t crc;
	uint16_t method, flags;
	bool is_cut;	   /* the file ends within its data */
	bool is_ambiguous; /* another member has the same name */
};

struct ph_archive {
	int fd; /* borrowed */
	uint64_t size; /* of the file, bytes */
	struct ph_archive_entry *entries; /* sorted by name */
	size_t count;
	char *names;
	const char *problem; /* why there is no usable directory (static text); NULL: there is */
};

/* PH_ERROR_NO_MEMORY or PH_ERROR_IO; whatever is wrong with the bytes is in ret->problem,
 * in the worst case without entries. */
struct ph_error *ph_archive_open(int fd, uint64_t size, struct ph_archive *ret) __attribute__((warn_unused_result));
void ph_archive_close(struct ph_archive *archive);

/* NULL when there is none. */
const struct ph_archive_entry *ph_archive_find(const struct ph_archive *archive, const char *name);

enum ph_member_state {
	PH_MEMBER_OK,
	PH_MEMBER_CUT,	       /* the file ends within it */
	PH_MEMBER_ALTERED,     /* headers that disagree, data that do not decompress, another size or CRC-32 */
	PH_MEMBER_UNSUPPORTED, /* another compression, encryption */
	PH_MEMBER_UNREADABLE,  /* an error of the file system */
	PH_MEMBER_NO_MEMORY,
	PH_MEMBER_STOPPED, /* by the callback */
};

/* "is cut", "is altered …": continues a sentence that names the member; static. */
const char *ph_member_state_text(enum ph_member_state state);

/* Hand a member's uncompressed bytes on in pieces, never more than the size that
 * it claims.  What came before a failure was handed on already. */
typedef bool ph_member_sink(void *user, const char *data, size_t size);
enum ph_member_state ph_archive_read(const struct ph_archive *archive, const struct ph_archive_entry *entry,
				     ph_member_sink *sink, void *user);

/* pread() of all of it; false on error or at the end of the file (errno 0). */
bool ph_read_at(int fd, void *buffer, size_t size, uint64_t offset);

#endif
