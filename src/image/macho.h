/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mach-O of macOS, 64-bit and little-endian: cores (MH_CORE) and the headers of the programs and libraries in them,
 * from bytes that may lie.  Follows <mach-o/loader.h>, <mach-o/nlist.h> and <mach/machine/thread_status.h> as Apple
 * publishes them. */
#ifndef IMAGE_MACHO_H
#define IMAGE_MACHO_H

#include "image/backend.h"

/* The header and load commands of one file or module. */
struct ph_macho {
	uint32_t cpu;  /* CPU_TYPE_… */
	uint32_t type; /* MH_… */
	const uint8_t *commands;
	size_t size; /* bytes of them that are there */
};

#define PH_MACHO_CPU_X86_64 0x01000007u
#define PH_MACHO_CPU_ARM64 0x0100000cu
enum { PH_MH_EXECUTE = 2, PH_MH_CORE = 4, PH_MH_DYLIB = 6, PH_MH_DYLINKER = 7, PH_MH_BUNDLE = 8 };
enum {
	PH_LC_SYMTAB = 0x2, PH_LC_THREAD = 0x4, PH_LC_ID_DYLIB = 0xd, PH_LC_SEGMENT_64 = 0x19, PH_LC_UUID = 0x1b,
	PH_LC_NOTE = 0x31,
};
#define PH_MACHO_HEADER_SIZE 32u
#define PH_MACHO_MAX_COMMANDS (4u << 20) /* bytes; a core has a command for each region */

/* False when these are not the first bytes of a 64-bit Mach-O file. */
bool ph_macho_parse(const void *data, size_t size, struct ph_macho *ret);
bool ph_macho_is_core(const void *data, size_t size);
/* Of the module at an address of the image. */
bool ph_macho_load(struct ph_image *image, ph_addr start, struct ph_macho *ret);

/* The commands one after the other: starts with { 0 }.  `data` is the command with its head of 8 bytes. */
struct ph_macho_command {
	size_t next; /* offset of the one behind */
	uint32_t type, size;
	const uint8_t *data;
};
bool ph_macho_next(const struct ph_macho *macho, struct ph_macho_command *command);

/* A LC_SEGMENT_64 command. */
struct ph_macho_segment {
	char name[17];
	uint64_t vaddr, memory_size, offset, file_size;
	uint32_t protection; /* initprot: 1 read, 2 write, 4 execute */
	uint32_t section_count;
};
#define PH_MACHO_SEGMENT_SIZE 72u
bool ph_macho_segment(const struct ph_macho_command *command, struct ph_macho_segment *ret);

/* The segments as PT_LOADs, malloc'ed; __PAGEZERO is left out.  0 without memory or when there are none. */
size_t ph_macho_phdrs(const struct ph_macho *macho, struct ph_phdr **ret);
#define PH_MACHO_ID_SIZE 33
bool ph_macho_uuid(const struct ph_macho *macho, char ret[PH_MACHO_ID_SIZE]);
/* LC_ID_DYLIB; NULL when it has none. */
const char *ph_macho_install_name(struct ph_image *image, const struct ph_macho *macho);

/* Symbols are those of LC_SYMTAB, in the module's memory; names without the underscore that C's have in front. */
ph_addr ph_macho_symbol(struct ph_image *image, const struct ph_module *module, const char *name);
const char *ph_macho_nearest(struct ph_image *image, const struct ph_module *module, ph_addr address,
			     uint64_t *ret_offset);
/* By name, with or without the dot that ELF's have in front. */
bool ph_macho_section(struct ph_image *image, const struct ph_module *module, const char *name, ph_addr *ret_start,
		      ph_addr *ret_size);

/* machocore.c: as ph_image_parse_core(). */
struct ph_error *ph_image_parse_macho(const void *data, size_t size, const char *name,
				      const struct ph_image_options *options, struct ph_image **ret)
	__attribute__((warn_unused_result));

#endif
