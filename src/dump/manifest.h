/* SPDX-License-Identifier: GPL-3.0-or-later */
/* manifest.json, frames.json and modules.json, written; the manifest, read. */
#ifndef DUMP_MANIFEST_H
#define DUMP_MANIFEST_H

#include "dump/dump.h"

/* The member of the `index`th source (from 0): "sources/0001-name.py", safe whatever the path is. */
void ph_dump_source_member(const char *path, size_t index, struct ph_buffer *out);

/* What precedes the archive: bytes, and their CRC-32. */
struct ph_dump_front {
	uint64_t size; /* 0: not known */
	uint32_t crc;
};

/* heap_damage NULL: none.  damage.json has the entries of it from `first` on. */
void ph_dump_damage_json(const struct ph_damage *heap_damage, size_t first, uint64_t dropped, struct ph_buffer *out);
/* heap_damage NULL: none. */
void ph_dump_manifest_json(const struct ph_dump_contents *contents, const struct ph_dump_front *front,
			   const struct ph_damage *heap_damage,
			   struct ph_buffer *out);
void ph_dump_frames_json(const struct ph_dump_contents *contents, struct ph_buffer *out);
void ph_dump_modules_json(const struct ph_dump_contents *contents, struct ph_buffer *out);

/* What the reader needs of a manifest. */
struct ph_manifest {
	bool is_ours;  /* "format" is */
	int64_t version; /* -1 none */
	bool has_closure; /* there is a closure.jsonl */
	int64_t closure_count; /* lines of it; -1 unknown */
	bool is_full;	  /* the whole heap is there: "heap" is "full" */
	struct ph_dump_front front;
};

/* Of untrusted text, NUL-terminated; false when it is no JSON object. */
bool ph_manifest_parse(const char *json, size_t size, struct ph_manifest *ret);

/* False where what precedes the archive is not what was written; an archive that was packed anew has nothing to say. */
bool ph_dump_front_holds(const struct ph_dump *dump, const struct ph_dump_front *front);

#endif
