/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The headers of Windows programs and libraries (Microsoft's "PE Format"), from bytes that may lie.
 *
 * Sections become the program headers that the rest of the room knows, link-time addresses are RVAs (so that the bias
 * is the place where the module was loaded), and the headers themselves are the first of them. */
#ifndef IMAGE_PE_H
#define IMAGE_PE_H

#include "image/elf.h"

struct ph_image;
struct ph_module;

struct ph_pe_exports {
	uint32_t rva, size; /* of IMAGE_EXPORT_DIRECTORY with all that belongs to it; 0 none */
};

struct ph_pe {
	uint16_t machine; /* IMAGE_FILE_MACHINE_… */
	bool wide;	  /* PE32+ */
	bool is_library;
	uint32_t timestamp, image_size; /* together they tell one build from another, as symbol servers do */
	uint32_t headers_size;
	struct ph_pe_exports exports;
	uint32_t sections;   /* offset of the first section header */
	uint16_t section_count;
};

#define PH_PE_MAX_SECTIONS 96 /* the loader's own bound */
#define PH_PE_MAX_HEADER 4096 /* bytes within which headers are looked for */

/* False when these are not the first bytes of a PE file, or too few. */
bool ph_pe_parse(const void *data, size_t size, struct ph_pe *ret);
/* The headers and sections as PT_LOADs, malloc'ed; 0 without memory or when there are none. */
size_t ph_pe_phdrs(const struct ph_pe *pe, const void *data, size_t size, struct ph_phdr **ret);
/* A section by name, of which PE keeps eight bytes; false when there is none. */
bool ph_pe_section(const struct ph_pe *pe, const void *data, size_t size, const char *name, uint32_t *ret_rva,
		   uint32_t *ret_size);
/* What stands for a build-id: TimeDateStamp and SizeOfImage as in the paths of symbol servers, in lower case. */
#define PH_PE_ID_SIZE 17
void ph_pe_build_id(uint32_t timestamp, uint32_t image_size, char ret[PH_PE_ID_SIZE]);

/* pe_exports.c: an exported symbol's address, 0 when there is none; what is exported nearest below an address, interned
 * ("name+0x12"), NULL when nothing is.  Read from the image, or from the module's file where that was found. */
ph_addr ph_pe_symbol(struct ph_image *image, const struct ph_module *module, const char *name);
const char *ph_pe_nearest(struct ph_image *image, const struct ph_module *module, ph_addr address,
			  uint64_t *ret_offset);

#endif
