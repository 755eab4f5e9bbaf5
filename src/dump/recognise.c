/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that are no dump of ours, by their first bytes: what to do with them instead. */
#include "dump/reader.h"

#include <elf.h>
#include <string.h>

struct magic {
	const char *bytes;
	size_t size;
	const char *says;
};

#define MAGIC(text) .bytes = (text), .size = sizeof(text) - 1

static const struct magic magics[] = {
	{ MAGIC("\x28\xb5\x2f\xfd"),
	  "is compressed by zstd: decompress it, or if it is a core, run core2pyheap on it" },
	{ MAGIC("\x04\x22\x4d\x18"), "is compressed by lz4: decompress it, or if it is a core, run core2pyheap on it" },
	{ MAGIC("\x1f\x8b"), "is compressed by gzip: decompress it, or if it is a core, run core2pyheap on it" },
	{ MAGIC("\xfd"
		"7zXZ"),
	  "is compressed by xz: decompress it, or if it is a core, run core2pyheap on it" },
	{ MAGIC("MDMP"), "is a minidump, not a dump made by core2pyheap" },
	{ MAGIC("#!"), "is a script, not a dump made by core2pyheap" },
	/* github.com/ivanyu/pyheap, heap_reader.py: the magic number 123000321, big-endian, 8 bytes */
	{ MAGIC("\0\0\0\0\x07\x54\xd6\x01"), "is a heap dump of PyHeap, another tool: open it with its own pyheap-ui" },
};

static bool contains(const char *head, size_t size, const char *text)
{
	return head && memmem(head, size, text, strlen(text));
}

struct ph_error *ph_dump_recognise(const char *path, const char *head, size_t size)
{
	if (!size)
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: is empty", path);
	if (size > EI_NIDENT + 2 && !memcmp(head, ELFMAG, SELFMAG)) {
		/* e_type, in the byte order of the file: ET_CORE is 4, so the other byte is 0 */
		bool is_core = head[EI_NIDENT] + head[EI_NIDENT + 1] == ET_CORE;
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: %s", path,
				       is_core ? "is a core: run core2pyheap on it first"
					       : "is an ELF file, not a dump made by core2pyheap");
	}
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (size >= magics[i].size && !memcmp(head, magics[i].bytes, magics[i].size))
			return ph_error_create(PH_ERROR_BAD_DUMP, "%s: %s", path, magics[i].says);
	/* pyheapdump's own files have its part and not our header */
	if (!contains(head, size, "application/x.python-heapdump") || contains(head, size, "X-Pyheap-Dump-Version:"))
		return NULL;
	if (!contains(head, size, "\n\n") && !contains(head, size, "\r\n\r\n"))
		return ph_error_create(PH_ERROR_BAD_DUMP, "%s: is cut within its header: copy the dump again", path);
	return ph_error_create(PH_ERROR_BAD_DUMP,
			       "%s: is a dump of pyheapdump, another tool: open it with python -m pyheapdump", path);
}
