/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a path to mapped bytes of a core or minidump. */
#include "image/elfcore.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/compressed.h"
#include "image/macho.h"
#include "image/minidump.h"

struct core_map {
	void *data;
	size_t size;
};

static void close_map(struct ph_image *image)
{
	struct core_map *map = image->kind_data;
	if (map && map->data)
		munmap(map->data, map->size);
	free(map);
}

static const struct ph_image_ops core_ops = { .close = close_map };

static struct ph_error *open_regular(const char *path, int *ret_fd, struct stat *st)
{
	ph_auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return ph_error_errno(errno, "cannot open %s", path);
	if (fstat(fd, st))
		return ph_error_errno(errno, "cannot look at %s", path);
	if (!S_ISREG(st->st_mode))
		return ph_error_create(PH_ERROR_IO,
				       "%s: is %s, not a core; give a file, or - and the core on standard input", path,
				       S_ISDIR(st->st_mode)  ? "a folder" :
				       S_ISFIFO(st->st_mode) ? "a pipe" : "a device");
	*ret_fd = fd;
	fd = -1;
	return NULL;
}

static struct ph_error *map_core(int fd, const char *name, const struct ph_image_options *options,
				 const struct ph_unpacked *unpacked, int64_t time, struct ph_image **ret)
{
	struct stat st;
	if (fstat(fd, &st))
		return ph_error_errno(errno, "cannot look at %s", name);
	struct core_map *map = calloc(1, sizeof(*map));
	if (!map)
		return &ph_error_no_memory;
	map->size = (size_t)st.st_size;
	if (map->size) {
		map->data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
		if (map->data == MAP_FAILED) {
			free(map);
			return ph_error_errno(errno, "cannot map %s", name);
		}
	}
	struct ph_image *image;
	struct ph_error *error = ph_image_parse_core(map->data, map->size, name, options, &image);
	if (error) {
		if (map->data)
			munmap(map->data, map->size);
		free(map);
		return error;
	}
	image->ops = &core_ops;
	image->kind_data = map;
	if (!image->info.core_time) /* a minidump knows when it was written */
		image->info.core_time = time;
	if (unpacked && unpacked->cut) {
		image->info.complete = false;
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "core", "%s", unpacked->cut);
	}
	*ret = image;
	return NULL;
}

struct ph_error *ph_image_open_core(const char *path, const struct ph_image_options *options, struct ph_image **ret)
{
	const struct ph_callbacks *callbacks = options ? options->callbacks : NULL;
	bool standard_input = !strcmp(path, "-");
	const char *name = standard_input ? "standard input" : path;
	ph_auto_close int fd = -1;
	struct stat st;
	struct ph_error *error = NULL;
	if (!standard_input)
		error = open_regular(path, &fd, &st);
	else if ((fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)) < 0 || fstat(fd, &st))
		error = ph_error_errno(errno, "cannot read standard input");
	if (error)
		return error;
	int64_t time = S_ISREG(st.st_mode) ? st.st_mtim.tv_sec : 0;
	/* a file on standard input is mapped like any other */
	bool mappable = S_ISREG(st.st_mode) && (!standard_input || lseek(fd, 0, SEEK_CUR) == 0);
	uint8_t magic[8];
	ssize_t n = mappable ? pread(fd, magic, sizeof(magic), 0) : 0;
	if (n < 0)
		return ph_error_errno(errno, "cannot read %s", name);
	if (mappable && ph_compression_of(magic, (size_t)n) == PH_COMPRESSION_NONE)
		return map_core(fd, name, options, NULL, time, ret);
	struct ph_unpacked unpacked = { .fd = -1 };
	error = ph_unpack(fd, name, callbacks, &unpacked);
	if (!error)
		error = map_core(unpacked.fd, name, options, &unpacked, time, ret);
	if (unpacked.fd >= 0)
		close(unpacked.fd);
	return error;
}

struct ph_error *ph_image_file_kind(const char *path, enum ph_file_kind *ret)
{
	ph_auto_close int fd = -1;
	struct stat st;
	if (!strcmp(path, "-")) {
		*ret = PH_FILE_CORE;
		return NULL;
	}
	struct ph_error *error = open_regular(path, &fd, &st);
	if (error)
		return error;
	uint8_t head[PH_ELF_HEADER_SIZE];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return ph_error_errno(errno, "cannot read %s", path);
	struct ph_elf elf;
	if (ph_elf_parse(head, (size_t)n, &elf))
		*ret = elf.type == ET_CORE ? PH_FILE_CORE : PH_FILE_EXECUTABLE;
	else if (n >= 4 && !memcmp(head, PH_MINIDUMP_MAGIC, 4))
		*ret = PH_FILE_CORE;
	else if (ph_macho_is_core(head, (size_t)n))
		*ret = PH_FILE_CORE;
	else if (n >= 2 && !memcmp(head, "MZ", 2))
		*ret = PH_FILE_EXECUTABLE;
	else if (ph_compression_of(head, (size_t)n) != PH_COMPRESSION_NONE)
		*ret = PH_FILE_COMPRESSED;
	else
		*ret = n >= 2 && !memcmp(head, "#!", 2) ? PH_FILE_SCRIPT : PH_FILE_UNKNOWN;
	return NULL;
}
