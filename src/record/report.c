/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/report.h"
#include "record/report_private.h"

#include <string.h>

void ph_report_deinit(struct ph_report *report)
{
	ph_damage_deinit(&report->damage);
	ph_arena_deinit(&report->arena);
	*report = (struct ph_report){ .arena.maximum = report->arena.maximum };
}

const struct ph_exception *ph_report_exception(const struct ph_report *report, ph_addr address)
{
	size_t low = 0, high = report->exception_count;
	while (address && low < high) {
		size_t middle = low + (high - low) / 2;
		if (report->exceptions[middle].address == address)
			return &report->exceptions[middle];
		if (report->exceptions[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct ph_thread *ph_report_main_thread(const struct ph_report *report)
{
	for (size_t i = 0; i < report->thread_count; i++)
		if (report->threads[i].crashed)
			return &report->threads[i];
	for (size_t i = 0; i < report->thread_count; i++)
		if (report->threads[i].exception_count)
			return &report->threads[i];
	return report->thread_count ? &report->threads[0] : NULL;
}

const char *ph_report_basename(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path;
}
