/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/modfile_private.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_PHDRS 256

static bool read_pe_headers(struct ph_modfile *file)
{
	if (!ph_pe_parse(file->data, file->size, &file->pe))
		return false;
	file->is_pe = true;
	file->phdr_count = ph_pe_phdrs(&file->pe, file->data, file->size, &file->phdrs);
	ph_pe_build_id(file->pe.timestamp, file->pe.image_size, file->build_id);
	return file->phdr_count != 0;
}

static bool read_headers(struct ph_modfile *file)
{
	if (file->size >= 2 && !memcmp(file->data, "MZ", 2))
		return read_pe_headers(file);
	if (!ph_elf_parse(file->data, file->size, &file->elf))
		return false;
	const struct ph_elf *elf = &file->elf;
	size_t count = elf->phnum <= MAX_PHDRS ? elf->phnum : MAX_PHDRS;
	if (!count || elf->phoff > file->size || (file->size - elf->phoff) / elf->phentsize < count)
		return !elf->phnum; /* a relocatable object or a debug file without any */
	file->phdrs = calloc(count, sizeof(*file->phdrs));
	if (!file->phdrs)
		return false;
	file->phdr_count = count;
	for (size_t i = 0; i < count; i++) {
		file->phdrs[i] = ph_elf_phdr(elf, file->data + elf->phoff + i * elf->phentsize);
		const struct ph_phdr *p = &file->phdrs[i];
		if (p->type != PT_NOTE || *file->build_id || p->offset > file->size ||
		    p->filesz > file->size - p->offset)
			continue;
		ph_note_build_id(file->data + p->offset, p->filesz, p->align, elf->big_endian, file->build_id);
	}
	return true;
}

struct ph_modfile *ph_modfile_open(int fd, const char *path, const char **why)
{
	ph_auto_close int owned = fd;
	struct stat st;
	if (fstat(owned, &st) || !S_ISREG(st.st_mode)) {
		*why = "not a regular file";
		return NULL;
	}
	struct ph_modfile *file = calloc(1, sizeof(*file));
	if (!file || !(file->path = strdup(path))) {
		*why = "out of memory";
		free(file);
		return NULL;
	}
	file->size = (size_t)st.st_size;
	void *map = st.st_size > 0 ? mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, owned, 0) : MAP_FAILED;
	file->data = map == MAP_FAILED ? NULL : map;
	if (!file->data)
		*why = st.st_size ? "cannot be mapped" : "empty";
	else if (file->size >= 2 && !memcmp(file->data, "#!", 2))
		*why = "a script";
	else if (!read_headers(file))
		*why = "not an ELF or PE file";
	else
		return file;
	ph_modfile_close(file);
	return NULL;
}

void ph_modfile_close(struct ph_modfile *file)
{
	if (!file)
		return;
	ph_modfile_close_symbols(file);
	if (file->data)
		munmap((void *)file->data, file->size);
	free(file->phdrs);
	free(file->path);
	free(file);
}

const char *ph_modfile_path(const struct ph_modfile *file)
{
	return file->path;
}

const char *ph_modfile_build_id(const struct ph_modfile *file)
{
	return *file->build_id ? file->build_id : NULL;
}

const struct ph_elf *ph_modfile_elf(const struct ph_modfile *file)
{
	return &file->elf;
}

const struct ph_pe *ph_modfile_pe(const struct ph_modfile *file)
{
	return file->is_pe ? &file->pe : NULL;
}

size_t ph_modfile_phdrs(const struct ph_modfile *file, const struct ph_phdr **ret)
{
	*ret = file->phdrs;
	return file->phdr_count;
}

const uint8_t *ph_modfile_bytes(const struct ph_modfile *file, size_t *ret_size)
{
	*ret_size = file->size;
	return file->data;
}
