/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool ph_tail_init(struct ph_tail *tail, int fd, uint64_t position)
{
	*tail = (struct ph_tail){ .fd = fd, .data = malloc(PH_TAIL), .start = position, .position = position };
	return tail->data != NULL;
}

void ph_tail_deinit(struct ph_tail *tail)
{
	free(tail->data);
	*tail = (struct ph_tail){ .fd = -1 };
}

static bool write_at(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EIO;
			return false;
		}
		data += n, size -= (size_t)n, offset += (uint64_t)n;
	}
	return true;
}

bool ph_tail_flush(struct ph_tail *tail)
{
	if (!write_at(tail->fd, tail->data, tail->size, tail->start))
		return false;
	tail->start += tail->size;
	tail->size = 0;
	return true;
}

/* Up to the next multiple of PH_TAIL in the file: the kernel then takes whole large pages. */
static size_t room(const struct ph_tail *tail)
{
	return PH_TAIL - (size_t)(tail->start % PH_TAIL);
}

bool ph_tail_write(struct ph_tail *tail, const void *data, size_t size)
{
	const uint8_t *p = data;
	while (size) {
		size_t n = size;
		if (tail->position < tail->start) {
			uint64_t left = tail->start - tail->position;
			n = n < left ? n : (size_t)left;
			if (!write_at(tail->fd, p, n, tail->position))
				return false;
		} else {
			size_t at = (size_t)(tail->position - tail->start), most = room(tail);
			if (at == most && !ph_tail_flush(tail))
				return false;
			if (at == most)
				continue;
			n = n < most - at ? n : most - at;
			memcpy(tail->data + at, p, n);
			if (at + n > tail->size)
				tail->size = at + n;
		}
		tail->position += n;
		p += n, size -= n;
	}
	return true;
}

bool ph_tail_seek(struct ph_tail *tail, uint64_t position)
{
	if (position > ph_tail_end(tail))
		return false;
	tail->position = position;
	return true;
}

bool ph_tail_finish(struct ph_tail *tail)
{
	return ph_tail_flush(tail) && lseek(tail->fd, (off_t)tail->start, SEEK_SET) >= 0;
}
