/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data of one member of the archive, decompressed in pieces. */
#include "dump/archive.h"

#include "base/cleanup.h"
#include "base/cursor.h"
#include "dump/format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PIECE 65536
/* Deflate makes at most 1032 bytes of one (zlib's technical details); a claim beyond is a lie. */
#define DEFLATE_RATIO 1032

struct reading {
	const struct ph_archive *archive;
	const struct ph_archive_entry *entry;
	ph_member_sink *sink;
	void *user;
	uint64_t position, left; /* of the compressed data, in the file */
	uint64_t produced;
	uLong crc;
	unsigned char in[PIECE], out[PIECE];
};

const char *ph_member_state_text(enum ph_member_state state)
{
	switch (state) {
	case PH_MEMBER_OK:
		return "is whole";
	case PH_MEMBER_CUT:
		return "is cut";
	case PH_MEMBER_ALTERED:
		return "is altered or damaged";
	case PH_MEMBER_UNSUPPORTED:
		return "is compressed or encrypted in a way that this version does not read";
	case PH_MEMBER_UNREADABLE:
		return "cannot be read";
	case PH_MEMBER_NO_MEMORY:
		return "does not fit into memory";
	case PH_MEMBER_STOPPED:
		return "was not read to its end";
	}
	return "?";
}

/* The local header must agree with the directory; sets position. */
static enum ph_member_state read_header(struct reading *r)
{
	uint8_t fixed[ZIP_LOCAL_SIZE];
	const struct ph_archive_entry *entry = r->entry;
	uint64_t size = r->archive->size;
	size_t length = strlen(entry->name);
	if (entry->offset > size || size - entry->offset < ZIP_LOCAL_SIZE)
		return PH_MEMBER_CUT;
	if (!ph_read_at(r->archive->fd, fixed, sizeof(fixed), entry->offset))
		return errno ? PH_MEMBER_UNREADABLE : PH_MEMBER_CUT;
	struct ph_cursor c = ph_cursor(fixed, sizeof(fixed), false);
	uint32_t signature = ph_cursor_u32(&c);
	ph_cursor_take(&c, 22);
	size_t name_size = ph_cursor_u16(&c), extra_size = ph_cursor_u16(&c);
	if (signature != ZIP_LOCAL || name_size != length)
		return PH_MEMBER_ALTERED;
	ph_auto_free char *name = malloc(length + 1);
	if (!name)
		return PH_MEMBER_NO_MEMORY;
	r->position = entry->offset + ZIP_LOCAL_SIZE;
	if (!ph_read_at(r->archive->fd, name, length, r->position))
		return errno ? PH_MEMBER_UNREADABLE : PH_MEMBER_CUT;
	if (memcmp(name, entry->name, length))
		return PH_MEMBER_ALTERED;
	r->position += length + extra_size;
	return PH_MEMBER_OK;
}

/* The next piece of compressed data; *size 0 at its end. */
static enum ph_member_state take(struct reading *r, size_t *size)
{
	uint64_t there = r->position < r->archive->size ? r->archive->size - r->position : 0;
	uint64_t n = r->left < PIECE ? r->left : PIECE;
	*size = 0;
	if (!n)
		return PH_MEMBER_OK;
	if (n > there)
		n = there;
	if (!n)
		return PH_MEMBER_CUT;
	if (!ph_read_at(r->archive->fd, r->in, (size_t)n, r->position))
		return errno ? PH_MEMBER_UNREADABLE : PH_MEMBER_CUT;
	r->position += n, r->left -= n;
	*size = (size_t)n;
	return PH_MEMBER_OK;
}

static enum ph_member_state give(struct reading *r, const unsigned char *data, size_t size)
{
	if (size > r->entry->uncompressed - r->produced)
		return PH_MEMBER_ALTERED; /* more than it claims */
	r->produced += size;
	r->crc = crc32(r->crc, data, (uInt)size);
	return !size || r->sink(r->user, (const char *)data, size) ? PH_MEMBER_OK : PH_MEMBER_STOPPED;
}

static enum ph_member_state read_stored(struct reading *r)
{
	size_t size;
	enum ph_member_state state;
	do {
		state = take(r, &size);
		if (!state)
			state = give(r, r->in, size);
	} while (!state && size);
	return state;
}

static enum ph_member_state read_deflated(struct reading *r)
{
	z_stream stream = { 0 };
	enum ph_member_state state = PH_MEMBER_OK;
	int result = inflateInit2(&stream, -MAX_WBITS);
	if (result != Z_OK)
		return PH_MEMBER_NO_MEMORY;
	while (!state && result != Z_STREAM_END) {
		size_t size = stream.avail_in;
		if (!size) {
			state = take(r, &size);
			stream.next_in = r->in;
			stream.avail_in = (uInt)size;
		}
		if (state)
			break;
		stream.next_out = r->out;
		stream.avail_out = PIECE;
		result = inflate(&stream, Z_NO_FLUSH);
		if (result == Z_MEM_ERROR)
			state = PH_MEMBER_NO_MEMORY;
		else if (result != Z_OK && result != Z_STREAM_END)
			state = PH_MEMBER_ALTERED; /* Z_BUF_ERROR: no more input, and the stream has not ended */
		if (stream.avail_out < PIECE && state != PH_MEMBER_NO_MEMORY) {
			enum ph_member_state given = give(r, r->out, PIECE - stream.avail_out);
			state = state ? state : given;
		}
	}
	if (!state && (stream.avail_in || r->left))
		state = PH_MEMBER_ALTERED;
	inflateEnd(&stream);
	return state;
}

enum ph_member_state ph_archive_read(const struct ph_archive *archive, const struct ph_archive_entry *entry,
				     ph_member_sink *sink, void *user)
{
	if ((entry->flags & ZIP_FLAG_ENCRYPTED) || (entry->method != ZIP_STORED && entry->method != ZIP_DEFLATED))
		return PH_MEMBER_UNSUPPORTED;
	if (entry->is_ambiguous ||
	    entry->uncompressed / (entry->method == ZIP_STORED ? 1 : DEFLATE_RATIO) > entry->compressed)
		return PH_MEMBER_ALTERED;
	ph_auto_free struct reading *r = malloc(sizeof(*r));
	if (!r)
		return PH_MEMBER_NO_MEMORY;
	r->archive = archive, r->entry = entry, r->sink = sink, r->user = user;
	r->left = entry->compressed, r->produced = 0;
	r->crc = crc32(0, NULL, 0);
	enum ph_member_state state = read_header(r);
	if (!state)
		state = entry->method == ZIP_STORED ? read_stored(r) : read_deflated(r);
	if (!state && (r->produced != entry->uncompressed || r->crc != entry->crc))
		state = PH_MEMBER_ALTERED;
	return state;
}
