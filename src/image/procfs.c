/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_MAPS_TEXT ((size_t)256 << 20) /* vm.max_map_count is 65,530 unless raised */
#define MAX_THREADS 100000

static void proc_path(char path[64], int64_t pid, const char *name)
{
	snprintf(path, 64, "/proc/%" PRId64 "/%s", pid, name);
}

int ph_procfs_read(int64_t pid, const char *name, struct ph_buffer *ret)
{
	char path[64], piece[16384];
	proc_path(path, pid, name);
	ph_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno;
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n || ret->truncated || ret->no_memory)
			return 0;
		ph_buffer_append(ret, piece, (size_t)n);
	}
}

bool ph_procfs_read_memory(int fd, uint64_t address, void *buffer, size_t size, bool *ended)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, (uint8_t *)buffer + done, size - done, (off_t)(address + done));
		if (n < 0 && errno == EINTR)
			continue;
		/* no error and no bytes: there is no address space any more (fs/proc/base.c, mem_rw) */
		*ended |= n == 0;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

bool ph_procfs_status(int64_t pid, const char *name, char *buffer, size_t size)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(65536);
	size_t length = strlen(name);
	if (ph_procfs_read(pid, "status", &text))
		return false;
	for (const char *line = ph_buffer_text(&text); line && *line;) {
		const char *end = strchrnul(line, '\n');
		if (!strncmp(line, name, length) && line[length] == ':') {
			line += length + 1;
			line += strspn(line, " \t");
			snprintf(buffer, size, "%.*s", (int)(end - line), line);
			return true;
		}
		line = *end ? end + 1 : NULL;
	}
	return false;
}

/* The kernel writes a newline within a path as \012 (fs/proc/task_mmu.c, show_map_vma). */
static void unescape(char *path)
{
	char *to = path;
	for (const char *from = path; *from;) {
		bool newline = !strncmp(from, "\\012", 4);
		*to++ = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	*to = 0;
}

static bool parse_map(char *line, struct ph_procfs_map *ret)
{
	uint64_t start, end, offset;
	char flags[5];
	int at = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s%n", &start, &end, flags, &offset, &at) < 4 ||
	    !at || strlen(flags) < 4)
		return false;
	char *path = line + at + strspn(line + at, " ");
	unescape(path);
	*ret = (struct ph_procfs_map){
		.map = { .start = start, .end = end, .offset = offset, .path = path, .readable = flags[0] == 'r',
			 .writable = flags[1] == 'w', .executable = flags[2] == 'x' },
		.shared = flags[3] == 's',
	};
	return true;
}

struct ph_error *ph_procfs_maps(int64_t pid, struct ph_procfs_maps *ret)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(MAX_MAPS_TEXT);
	int failed = ph_procfs_read(pid, "maps", &text);
	if (failed)
		return ph_error_errno(failed, "cannot read /proc/%" PRId64 "/maps", pid);
	size_t lines = 1;
	for (size_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n';
	struct ph_procfs_maps maps = { .items = calloc(lines, sizeof(*maps.items)) };
	maps.text = text.size ? ph_buffer_steal(&text) : strdup("");
	if (!maps.items || !maps.text) {
		ph_procfs_maps_deinit(&maps);
		return &ph_error_no_memory;
	}
	char *rest;
	for (char *line = strtok_r(maps.text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (parse_map(line, &maps.items[maps.count]))
			maps.count++;
	*ret = maps;
	return NULL;
}

void ph_procfs_maps_deinit(struct ph_procfs_maps *maps)
{
	free(maps->items);
	free(maps->text);
	*maps = (struct ph_procfs_maps){ 0 };
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

size_t ph_procfs_threads(int64_t pid, int64_t **ret)
{
	char path[64];
	proc_path(path, pid, "task");
	DIR *folder = opendir(path);
	int64_t *threads = NULL;
	size_t count = 0;
	*ret = NULL;
	if (!folder)
		return 0;
	for (struct dirent *entry; count < MAX_THREADS && (entry = readdir(folder));) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (!(count & (count - 1))) {
			int64_t *grown = realloc(threads, (count ? 2 * count : 1) * sizeof(*grown));
			if (!grown)
				break;
			threads = grown;
		}
		threads[count++] = strtoll(entry->d_name, NULL, 10);
	}
	closedir(folder);
	if (count)
		qsort(threads, count, sizeof(*threads), by_number);
	*ret = threads;
	return count;
}
