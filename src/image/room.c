/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /proc/meminfo, and memory.max and memory.current of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). */
#include "image/room.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static bool read_number(const char *folder, const char *name, uint64_t *ret)
{
	char path[4300];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ph_auto_fclose FILE *f = fopen(path, "re");
	return f && fscanf(f, "%" SCNu64, ret) == 1; /* "max" is no number */
}

static uint64_t available(void)
{
	char line[256];
	uint64_t kilobytes;
	ph_auto_fclose FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kilobytes) == 1)
			return kilobytes * 1024;
	return UINT64_MAX;
}

uint64_t ph_room_memory(void)
{
	char line[4096], folder[4200];
	uint64_t least = available();
	ph_auto_fclose FILE *f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::/", 4))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(folder, sizeof(folder), "/sys/fs/cgroup%s", line + 3);
		/* each of them up to the root, which has no limit of its own but in a container */
		for (;;) {
			uint64_t maximum, current;
			if (read_number(folder, "memory.max", &maximum) &&
			    read_number(folder, "memory.current", &current)) {
				uint64_t left = current < maximum ? maximum - current : 0;
				least = left < least ? left : least;
			}
			char *slash = strrchr(folder, '/');
			if (!slash || slash <= folder + strlen("/sys/fs"))
				break;
			*slash = 0;
		}
	}
	return least;
}
