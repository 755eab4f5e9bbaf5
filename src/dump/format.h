/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What writer and reader of the dump share: names, signatures, bounds.
 * doc/dump-format.md is the specification. */
#ifndef DUMP_FORMAT_H
#define DUMP_FORMAT_H

#include <stdint.h>

#define PH_DUMP_FORMAT "pyheap-dump"
#define PH_DUMP_VERSION 1

#define PH_MEMBER_MANIFEST "manifest.json"
#define PH_MEMBER_REPORT "report.json"
#define PH_MEMBER_EXCEPTIONS "exceptions.json"
#define PH_MEMBER_MODULES "modules.json"
#define PH_MEMBER_FRAMES "frames.json"
#define PH_MEMBER_CLOSURE "closure.jsonl"
#define PH_MEMBER_TYPES "types.json"
#define PH_MEMBER_MEMORY "memory.json"
#define PH_MEMBER_DAMAGE "damage.json"
#define PH_MEMBER_SOURCES "sources/"

/* Each line of closure.jsonl begins so, whatever follows: a reader may look for
 * addresses without parsing JSON. */
#define PH_CLOSURE_PREFIX "{\"address\":\"0x"

/* Bounds of the reader, in bytes uncompressed. */
#define PH_MANIFEST_MAXIMUM ((size_t)64 << 20)
#define PH_REPORT_MAXIMUM ((size_t)512 << 20)
#define PH_LINE_MAXIMUM ((size_t)16 << 20) /* of closure.jsonl */

/* ZIP, from PKWARE's APPNOTE.TXT 6.3.10: signatures, then sizes of the fixed parts in bytes. */
#define ZIP_LOCAL 0x04034b50u
#define ZIP_ENTRY 0x02014b50u
#define ZIP_END 0x06054b50u
#define ZIP_END64 0x06064b50u
#define ZIP_LOCATOR64 0x07064b50u
#define ZIP_LOCAL_SIZE 30
#define ZIP_ENTRY_SIZE 46
#define ZIP_END_SIZE 22
#define ZIP_END64_SIZE 56
#define ZIP_LOCATOR64_SIZE 20
#define ZIP_EXTRA_ZIP64 0x0001
#define ZIP_FLAG_ENCRYPTED 0x0001
#define ZIP_FLAG_DESCRIPTOR 0x0008 /* sizes follow the data */
#define ZIP_STORED 0
#define ZIP_DEFLATED 8

#endif
