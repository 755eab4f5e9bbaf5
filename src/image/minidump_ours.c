/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streams of our own ("Ph") in what trim.c writes. */
#include "image/minidump.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

struct ph_error *ph_minidump_hollow(struct ph_minidump *md)
{
	struct ph_cursor c;
	if (!ph_minidump_stream(md, PH_STREAM_OUR_READABLE, 0, &c))
		return NULL;
	size_t count = ph_cursor_left(&c) / 16, n = 0;
	struct ph_extent *hollow = calloc(count ? count : 1, sizeof(*hollow));
	if (!hollow)
		return &ph_error_no_memory;
	for (size_t i = 0; i < count; i++) {
		ph_addr start = ph_cursor_u64(&c), end = start + ph_cursor_u64(&c);
		/* they were written in order, and what is not is a lie */
		if (start < end && (!n || start >= hollow[n - 1].end))
			hollow[n++] = (struct ph_extent){ start, end };
	}
	md->image->hollow = hollow;
	md->image->hollow_count = n;
	return NULL;
}

bool ph_minidump_notes(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_cursor c;
	bool found = false;
	for (size_t i = 0; !md->windows && ph_minidump_stream(md, PH_STREAM_OUR_NOTES, i, &c); i++) {
		uint64_t align = ph_cursor_u64(&c), page;
		ph_image_keep_raw(image, PH_STREAM_OUR_NOTES, c.data + c.position, ph_cursor_left(&c), align);
		found |= ph_image_parse_notes(image, c.data + c.position, ph_cursor_left(&c), align);
		if (ph_image_auxv(image, 6 /* AT_PAGESZ */, &page) && page >= 4096 && page <= 1 << 20 &&
		    !(page & (page - 1)))
			image->info.page_size = (unsigned)page;
	}
	return found;
}

/* ---- damage ---- */

/* An entry: what it is of 4 bytes, a count of 8, two texts that end with a NUL. */
enum { ENTRY_DAMAGE = 0, ENTRY_PARTIAL = 1 };
#define MAX_TEXT 1024u

static void put_entry(struct ph_buffer *to, uint32_t what, uint64_t count, const char *first, const char *second)
{
	const char *texts[] = { first, second };
	for (size_t i = 0; i < 4; i++)
		ph_buffer_putc(to, (char)(what >> 8 * i));
	for (size_t i = 0; i < 8; i++)
		ph_buffer_putc(to, (char)(count >> 8 * i));
	for (size_t i = 0; i < 2; i++)
		ph_buffer_append(to, texts[i] ? texts[i] : "", texts[i] ? strnlen(texts[i], MAX_TEXT - 1) : 0),
			ph_buffer_putc(to, 0);
}

/* Of the damage what the image itself counted: the rest is found again when the report is made again. */
void ph_minidump_put_damage(const struct ph_image *image, struct ph_buffer *to)
{
	for (size_t i = 0; i < image->damage.count; i++) {
		const struct ph_damage_entry *e = &image->damage.entries[i];
		if (e->kind == PH_DAMAGE_IMAGE)
			put_entry(to, ENTRY_DAMAGE, e->count, e->where, e->what);
	}
	if (image->info.partial)
		put_entry(to, ENTRY_PARTIAL, 1, image->info.partial, image->info.how_whole);
}

/* The text at the cursor, up to its NUL; NULL when it is not whole. */
static const char *take_text(struct ph_cursor *c)
{
	size_t left = ph_cursor_left(c);
	const char *text = (const char *)c->data + c->position;
	size_t size = strnlen(text, left < MAX_TEXT ? left : MAX_TEXT);
	return size < left && size < MAX_TEXT && ph_cursor_take(c, size + 1) ? text : NULL;
}

void ph_minidump_old_damage(struct ph_minidump *md)
{
	struct ph_image *image = md->image;
	struct ph_cursor c;
	if (!ph_minidump_stream(md, PH_STREAM_OUR_DAMAGE, 0, &c))
		return;
	for (size_t n = 0; ph_cursor_left(&c) && n < PH_DAMAGE_MAXIMUM; n++) {
		uint32_t what = ph_cursor_u32(&c);
		uint64_t count = ph_cursor_u64(&c);
		const char *first = c.overrun ? NULL : take_text(&c), *second = first ? take_text(&c) : NULL;
		if (!second || !count) {
			ph_minidump_damage(md, "minidump", "what was wrong with the whole file cannot be read");
			return;
		}
		if (what == ENTRY_PARTIAL) {
			image->info.partial = ph_image_intern(image, first);
			image->info.how_whole = *second ? ph_image_intern(image, second) : NULL;
			continue;
		}
		size_t before = image->damage.count;
		ph_minidump_damage(md, first, second);
		if (image->damage.count > before)
			image->damage.entries[before].count = count;
	}
}
