/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/pe.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_HEADER 4u	    /* from the signature to IMAGE_FILE_HEADER */
#define OPTIONAL_HEADER 24u /* and to IMAGE_OPTIONAL_HEADER */
#define SECTION_SIZE 40u    /* IMAGE_SECTION_HEADER */

bool ph_pe_parse(const void *data, size_t size, struct ph_pe *ret)
{
	const uint8_t *bytes = data;
	if (size < 64 || memcmp(bytes, "MZ", 2))
		return false;
	uint32_t at = (uint32_t)ph_load_uint(bytes + 0x3c, 4, false);
	if (at > size || size - at < OPTIONAL_HEADER + 72 || memcmp(bytes + at, "PE\0", 4))
		return false;
	const uint8_t *file = bytes + at + FILE_HEADER, *optional = bytes + at + OPTIONAL_HEADER;
	uint16_t optional_size = (uint16_t)ph_load_uint(file + 16, 2, false);
	uint16_t magic = (uint16_t)ph_load_uint(optional, 2, false);
	struct ph_pe pe = {
		.machine = (uint16_t)ph_load_uint(file, 2, false),
		.section_count = (uint16_t)ph_load_uint(file + 2, 2, false),
		.timestamp = (uint32_t)ph_load_uint(file + 4, 4, false),
		.is_library = ph_load_uint(file + 18, 2, false) & 0x2000, /* IMAGE_FILE_DLL */
		.wide = magic == 0x20b,
		.image_size = (uint32_t)ph_load_uint(optional + 56, 4, false),
		.headers_size = (uint32_t)ph_load_uint(optional + 60, 4, false),
		.sections = at + OPTIONAL_HEADER + optional_size,
	};
	if (magic != 0x10b && magic != 0x20b)
		return false;
	/* DataDirectory[0]: exports */
	uint32_t directory = pe.wide ? 112 : 96;
	if (optional_size >= directory + 8 && size - at - OPTIONAL_HEADER >= directory + 8) {
		pe.exports.rva = (uint32_t)ph_load_uint(optional + directory, 4, false);
		pe.exports.size = (uint32_t)ph_load_uint(optional + directory + 4, 4, false);
	}
	if (pe.section_count > PH_PE_MAX_SECTIONS)
		pe.section_count = PH_PE_MAX_SECTIONS;
	*ret = pe;
	return true;
}

static const uint8_t *section_header(const struct ph_pe *pe, const void *data, size_t size, size_t index)
{
	uint64_t at = pe->sections + (uint64_t)index * SECTION_SIZE;
	return index < pe->section_count && at <= size && size - at >= SECTION_SIZE ? (const uint8_t *)data + at : NULL;
}

static struct ph_phdr section_phdr(const uint8_t *header)
{
	uint32_t virtual_size = (uint32_t)ph_load_uint(header + 8, 4, false);
	uint32_t raw_size = (uint32_t)ph_load_uint(header + 16, 4, false);
	uint32_t flags = (uint32_t)ph_load_uint(header + 36, 4, false);
	/* what the file has beyond the virtual size is padding; some linkers leave that size 0 */
	uint32_t memory = virtual_size ? virtual_size : raw_size;
	return (struct ph_phdr){
		.type = PT_LOAD,
		.vaddr = ph_load_uint(header + 12, 4, false),
		.offset = ph_load_uint(header + 20, 4, false),
		.filesz = raw_size < memory ? raw_size : memory,
		.memsz = memory,
		.flags = (flags >> 29 & 1 ? PF_X : 0) | (flags >> 30 & 1 ? PF_R : 0) | (flags >> 31 ? PF_W : 0),
	};
}

size_t ph_pe_phdrs(const struct ph_pe *pe, const void *data, size_t size, struct ph_phdr **ret)
{
	struct ph_phdr *phdrs = calloc(pe->section_count + 1u, sizeof(*phdrs));
	const uint8_t *header;
	size_t n = 0;
	if (!phdrs)
		return 0;
	phdrs[n++] = (struct ph_phdr){
		.type = PT_LOAD, .filesz = pe->headers_size, .memsz = pe->headers_size, .flags = PF_R,
	};
	while ((header = section_header(pe, data, size, n - 1)))
		phdrs[n++] = section_phdr(header);
	*ret = phdrs;
	return n;
}

bool ph_pe_section(const struct ph_pe *pe, const void *data, size_t size, const char *name, uint32_t *ret_rva,
		   uint32_t *ret_size)
{
	const uint8_t *header;
	for (size_t i = 0; (header = section_header(pe, data, size, i)); i++) {
		if (strncmp((const char *)header, name, 8))
			continue;
		struct ph_phdr p = section_phdr(header);
		*ret_rva = (uint32_t)p.vaddr;
		*ret_size = (uint32_t)p.memsz;
		return true;
	}
	return false;
}

void ph_pe_build_id(uint32_t timestamp, uint32_t image_size, char ret[PH_PE_ID_SIZE])
{
	snprintf(ret, PH_PE_ID_SIZE, "%08x%x", timestamp, image_size);
}
