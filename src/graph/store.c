/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph/store.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define SUFFIX ".cache"
#define ALIGNMENT 64
#define KEPT_SECONDS (30 * 24 * 3600) /* files that nobody asked for so long are removed */

/* In the byte order of the machine: the magic number is another one on a machine of the other order. */
struct entry {
	uint64_t offset, size, checksum; /* XXH3 */
};
struct header {
	uint64_t magic;
	uint64_t algorithms; /* PH_STORE_ALGORITHMS */
	uint8_t identity[PH_STORE_IDENTITY];
	char what[16];
	struct entry sections[PH_STORE_SECTIONS];
	uint64_t size;	   /* of the file */
	uint64_t checksum; /* of the header up to here */
};
#define MAGIC UINT64_C(0x0002656863616370) /* "pcache", then the version of this format */
#define FIRST ((sizeof(struct header) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

/* With its parents, for its owner alone, as the XDG specification has it; what cannot be made shows when it is used. */
static void make_folder(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	mkdir(path, 0700);
}

/* The folder, which is made when there is none; NULL: there is nowhere to keep anything. */
static char *folder(bool create)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	ph_auto_free char *base = NULL;
	char *path;
	/* the XDG specification: a relative path is to be ignored */
	if (cache && cache[0] == '/')
		base = strdup(cache);
	else if (!home || home[0] != '/' || asprintf(&base, "%s/.cache", home) < 0)
		base = NULL;
	if (!base || asprintf(&path, "%s/pyheap", base) < 0)
		return NULL;
	if (create)
		make_folder(path);
	return path;
}

static char *file_name(const char *directory, const uint8_t identity[PH_STORE_IDENTITY], const char *what)
{
	char hex[2 * PH_STORE_IDENTITY + 1], *name;
	for (size_t i = 0; i < PH_STORE_IDENTITY; i++)
		snprintf(hex + 2 * i, 3, "%02x", identity[i]);
	return asprintf(&name, "%s/%s.%s" SUFFIX, directory, hex, what) < 0 ? NULL : name;
}

static uint64_t header_checksum(const struct header *header)
{
	return XXH3_64bits(header, offsetof(struct header, checksum));
}

static bool is_right(const struct header *header, uint64_t size, const uint8_t identity[PH_STORE_IDENTITY],
		     const char *what)
{
	return header->magic == MAGIC && header->algorithms == PH_STORE_ALGORITHMS &&
	       header->checksum == header_checksum(header) && header->size == size &&
	       !memcmp(header->identity, identity, PH_STORE_IDENTITY) &&
	       !strncmp(header->what, what, sizeof(header->what));
}

struct ph_store ph_store_open(const uint8_t identity[PH_STORE_IDENTITY], const char *what)
{
	struct ph_store none = { 0 };
	struct stat st;
	ph_auto_free char *directory = folder(false), *name = directory ? file_name(directory, identity, what) : NULL;
	ph_auto_close int fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return none;
	if (st.st_size < (off_t)FIRST || (uint64_t)st.st_size > SIZE_MAX)
		return none;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return none;
	if (!is_right(map, (uint64_t)st.st_size, identity, what)) {
		munmap(map, (size_t)st.st_size);
		return none;
	}
	futimens(fd, NULL); /* used today; no matter when the file system is read-only */
	return (struct ph_store){ .map = map, .size = (size_t)st.st_size };
}

void ph_store_close(struct ph_store *store)
{
	if (store->map)
		munmap(store->map, store->size);
	*store = (struct ph_store){ 0 };
}

const void *ph_store_section(struct ph_store *store, unsigned section, uint64_t size)
{
	if (!store->map || section >= PH_STORE_SECTIONS)
		return NULL;
	const struct entry *e = &((const struct header *)store->map)->sections[section];
	if (e->size != size || e->offset % ALIGNMENT || e->offset < FIRST || e->offset > store->size ||
	    e->size > store->size - e->offset)
		return NULL;
	const uint8_t *data = (const uint8_t *)store->map + e->offset;
	if (!store->checked[section] && XXH3_64bits(data, (size_t)size) != e->checksum)
		return NULL;
	store->checked[section] = true;
	return data;
}

/* ---- writing ---- */

/* What was not asked for in a month, and what a killed writer left. */
static void prune(const char *directory)
{
	DIR *dir = opendir(directory);
	struct stat st;
	time_t now = time(NULL);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		const char *suffix = strstr(e->d_name, SUFFIX);
		if (suffix && !fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
		    now - st.st_mtime > (suffix[sizeof(SUFFIX) - 1] ? 3600 : KEPT_SECONDS))
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static bool write_at(int fd, const void *data, uint64_t size, uint64_t offset)
{
	const char *p = data;
	while (size) {
		ssize_t n = pwrite(fd, p, size < 1 << 30 ? (size_t)size : 1 << 30, (off_t)offset);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			p += n, size -= (uint64_t)n, offset += (uint64_t)n;
	}
	return true;
}

static bool write_all(int fd, const uint8_t identity[PH_STORE_IDENTITY], const char *what,
		      const struct ph_store_part *parts, unsigned count)
{
	struct header header = { .magic = MAGIC, .algorithms = PH_STORE_ALGORITHMS };
	uint64_t at = FIRST;
	bool done = true;
	memcpy(header.identity, identity, PH_STORE_IDENTITY);
	strncpy(header.what, what, sizeof(header.what) - 1);
	for (unsigned i = 0; done && i < count; i++) {
		header.sections[i] =
			(struct entry){ at, parts[i].size, XXH3_64bits(parts[i].data, (size_t)parts[i].size) };
		done = write_at(fd, parts[i].data, parts[i].size, at);
		at = (at + parts[i].size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	}
	header.size = at;
	header.checksum = header_checksum(&header);
	return done && !ftruncate(fd, (off_t)at) && write_at(fd, &header, sizeof(header), 0);
}

bool ph_store_write(const uint8_t identity[PH_STORE_IDENTITY], const char *what, const struct ph_store_part *parts,
		    unsigned count)
{
	ph_auto_free char *directory = folder(true), *name = directory ? file_name(directory, identity, what) : NULL;
	ph_auto_free char *temporary = NULL;
	if (!name || count > PH_STORE_SECTIONS)
		return false;
	prune(directory);
	if (asprintf(&temporary, "%s.XXXXXX", name) < 0) {
		temporary = NULL;
		return false;
	}
	ph_auto_close int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return false;
	if (write_all(fd, identity, what, parts, count) && !rename(temporary, name))
		return true;
	unlink(temporary);
	return false;
}
