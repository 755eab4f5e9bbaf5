/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading memory.json. */
#include "dump/dump.h"

#include "base/cleanup.h"
#include "dump/format.h"
#include "dump/reader.h"

bool ph_dump_promises_memory(const struct ph_dump *dump)
{
	return !ph_dump_is_live(dump) && ph_dump_is_full(dump);
}

struct ph_error *ph_dump_memory(struct ph_dump *dump, struct ph_memory *ret)
{
	ph_auto_free char *text = NULL;
	size_t size;
	struct ph_error *error = ph_dump_is_live(dump) ? dump->live.heap(dump->live.self, &dump) : NULL;
	if (error)
		return error;
	if (!ph_archive_find(&dump->archive, PH_MEMBER_MEMORY) && !dump->archive.problem)
		return ph_dump_is_full(dump) ?
			       ph_error_create(PH_ERROR_BAD_DUMP,
					       "%s: does not tell of the memory: make it with this version of core2pyheap",
					       dump->path) :
			       ph_dump_not_full(dump);
	error = ph_dump_member(dump, PH_MEMBER_MEMORY, PH_MANIFEST_MAXIMUM, &text, &size);
	return error ? error : ph_memory_parse(text, size, ret);
}
