/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streams of the four compressors, each a loop from a source to the sink. */
#include "image/compressed.h"

#include <errno.h>
#include <lz4frame.h>
#include <lzma.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "image/sink.h"

#define BLOCK ((size_t)256 << 10)
/* xz -9 takes 65 MiB; what claims more is refused by liblzma */
#define XZ_MEMORY ((uint64_t)512 << 20)

enum outcome {
	ENDED,	 /* all of it */
	CUT,	 /* the input ended within a frame */
	DAMAGED, /* the library refused it */
	FULL,	 /* the sink wants no more */
	FAILED,	 /* stream.error */
};

struct stream {
	int fd;
	const char *name;
	uint8_t in[BLOCK], out[BLOCK];
	size_t have, position; /* within `in` */
	bool ended;
	bool pending; /* the last output block was full: the library may hold more */
	struct ph_sink *sink;
	struct ph_error *error;
};

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

/* More input behind what is not consumed yet; false on failure.  A descriptor
 * that was handed to us may be non-blocking. */
static bool fill(struct stream *s)
{
	memmove(s->in, s->in + s->position, s->have - s->position);
	s->have -= s->position;
	s->position = 0;
	while (!s->ended && s->have < BLOCK) {
		ssize_t n = read(s->fd, s->in + s->have, BLOCK - s->have);
		if (n > 0) {
			s->have += (size_t)n;
			s->sink->consumed += (uint64_t)n;
			return true;
		}
		if (!n)
			s->ended = true;
		else if (errno == EAGAIN) {
			struct pollfd p = { .fd = s->fd, .events = POLLIN };
			poll(&p, 1, -1);
		} else if (errno != EINTR) {
			s->error = ph_error_errno(errno, "cannot read %s", s->name);
			return false;
		}
	}
	return true;
}

/* Whether there is nothing more to feed; reads when needed. */
static bool is_drained(struct stream *s)
{
	if (s->position == s->have && !s->pending)
		fill(s);
	return s->position == s->have && !s->pending;
}

/* True to go on; else *ret says how it ended. */
static bool give(struct stream *s, size_t size, enum outcome *ret)
{
	s->pending = size == BLOCK;
	s->error = ph_sink_write(s->sink, s->out, size);
	*ret = s->error ? FAILED : FULL;
	return !s->error && !s->sink->done;
}

static enum outcome copy_plain(struct stream *s)
{
	enum outcome outcome;
	for (;;) {
		if (s->position == s->have && !fill(s))
			return FAILED;
		if (!s->have)
			return ENDED;
		memcpy(s->out, s->in, s->have);
		s->position = s->have;
		if (!give(s, s->have, &outcome))
			return outcome;
	}
}

static enum outcome unpack_zstd(struct stream *s)
{
	enum outcome outcome = DAMAGED;
	size_t status = 1;
	ZSTD_DStream *z = ZSTD_createDStream();
	if (!z)
		s->error = &ph_error_no_memory;
	while (z) {
		if (is_drained(s)) {
			outcome = status ? CUT : ENDED;
			break;
		}
		ZSTD_inBuffer in = { s->in, s->have, s->position };
		ZSTD_outBuffer out = { s->out, BLOCK, 0 };
		status = ZSTD_decompressStream(z, &out, &in);
		s->position = in.pos;
		if (!give(s, out.pos, &outcome))
			break;
		if (ZSTD_isError(status)) {
			outcome = DAMAGED;
			break;
		}
	}
	ZSTD_freeDStream(z);
	return s->error ? FAILED : outcome;
}

static enum outcome unpack_lz4(struct stream *s)
{
	enum outcome outcome = DAMAGED;
	size_t status = 1;
	LZ4F_dctx *z = NULL;
	if (LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)))
		s->error = &ph_error_no_memory;
	while (!s->error) {
		if (is_drained(s)) {
			outcome = status ? CUT : ENDED;
			break;
		}
		size_t produced = BLOCK, consumed = s->have - s->position;
		status = LZ4F_decompress(z, s->out, &produced, s->in + s->position, &consumed, NULL);
		if (LZ4F_isError(status)) {
			outcome = DAMAGED;
			break;
		}
		s->position += consumed;
		if (!give(s, produced, &outcome))
			break;
	}
	LZ4F_freeDecompressionContext(z);
	return s->error ? FAILED : outcome;
}

/* Members may follow each other (gzip(1)); anything else behind the last is padding. */
static bool next_member(struct stream *s, z_stream *z)
{
	while (s->have - s->position < 2 && !s->ended)
		if (!fill(s))
			return false;
	return s->have - s->position >= 2 && s->in[s->position] == 0x1f && s->in[s->position + 1] == 0x8b &&
	       inflateReset(z) == Z_OK;
}

static enum outcome unpack_gzip(struct stream *s)
{
	enum outcome outcome = DAMAGED;
	z_stream z = { 0 };
	if (inflateInit2(&z, 15 + 16) != Z_OK) { /* 15: the largest window; 16: gzip's wrapper only */
		s->error = &ph_error_no_memory;
		return FAILED;
	}
	for (;;) {
		if (is_drained(s)) {
			outcome = CUT;
			break;
		}
		z.next_in = s->in + s->position;
		z.avail_in = (uInt)(s->have - s->position);
		z.next_out = s->out;
		z.avail_out = BLOCK;
		int status = inflate(&z, Z_NO_FLUSH);
		s->position = s->have - z.avail_in;
		if (!give(s, BLOCK - z.avail_out, &outcome))
			break;
		outcome = status == Z_STREAM_END ? ENDED : DAMAGED;
		if (status == Z_STREAM_END ? !next_member(s, &z) : status != Z_OK && status != Z_BUF_ERROR)
			break;
	}
	inflateEnd(&z);
	return s->error ? FAILED : outcome;
}

static enum outcome unpack_xz(struct stream *s)
{
	enum outcome outcome = DAMAGED;
	lzma_stream z = LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&z, XZ_MEMORY, LZMA_CONCATENATED) != LZMA_OK) {
		s->error = &ph_error_no_memory;
		return FAILED;
	}
	for (;;) {
		if (s->position == s->have && !fill(s))
			break;
		z.next_in = s->in + s->position;
		z.avail_in = s->have - s->position;
		z.next_out = s->out;
		z.avail_out = BLOCK;
		lzma_ret status = lzma_code(&z, s->ended ? LZMA_FINISH : LZMA_RUN);
		s->position = s->have - z.avail_in;
		if (!give(s, BLOCK - z.avail_out, &outcome))
			break;
		if (status == LZMA_OK)
			continue;
		outcome = status == LZMA_STREAM_END ? ENDED : status == LZMA_BUF_ERROR && s->ended ? CUT : DAMAGED;
		if (status != LZMA_BUF_ERROR || s->ended)
			break;
	}
	lzma_end(&z);
	return s->error ? FAILED : outcome;
}

static enum outcome run(struct stream *s)
{
	while (s->have < 8 && !s->ended)
		if (!fill(s))
			return FAILED;
	switch (ph_compression_of(s->in, s->have)) {
	case PH_COMPRESSION_ZSTD:
		return unpack_zstd(s);
	case PH_COMPRESSION_LZ4:
		return unpack_lz4(s);
	case PH_COMPRESSION_GZIP:
		return unpack_gzip(s);
	case PH_COMPRESSION_XZ:
		return unpack_xz(s);
	case PH_COMPRESSION_NONE:
		break;
	}
	return copy_plain(s);
}

struct ph_error *ph_unpack(int fd, const char *name, const struct ph_callbacks *callbacks, struct ph_unpacked *ret)
{
	struct ph_sink sink;
	struct ph_error *error = ph_sink_init(&sink, name, callbacks);
	if (error)
		return error;
	struct stream *s = calloc(1, sizeof(*s));
	if (!s) {
		ph_sink_deinit(&sink);
		return &ph_error_no_memory;
	}
	s->fd = fd;
	s->name = name;
	s->sink = &sink;
	enum outcome outcome = run(s);
	const char *cut = outcome == CUT ? "the compressed core is cut" :
			  outcome == DAMAGED ? "the compressed core is damaged, what is before that was read" :
					       sink.cut;
	error = s->error;
	free(s);
	if (!error && cut && !sink.position)
		error = ph_error_create(PH_ERROR_NOT_CORE, "%s: %s", name,
					outcome == CUT ? "the compressed core is cut, nothing can be read" :
							 "its compressed data is damaged, nothing can be read");
	if (!error)
		error = ph_sink_finish(&sink, &ret->fd);
	if (!error)
		ret->cut = cut;
	ph_sink_deinit(&sink);
	return error;
}
