/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ELF's headers and notes of any class and byte order, read field by field from
 * bytes that may lie: nothing here trusts an offset.  Used for the core itself,
 * for module headers in the target's memory and for module files.
 *
 * Layouts: the ELF gABI, chapters 4 and 5 (elf.h of glibc lists them). */
#ifndef IMAGE_ELF_H
#define IMAGE_ELF_H

#include "base/cursor.h"
#include "base/types.h"

struct ph_elf {
	bool wide; /* ELFCLASS64 */
	bool big_endian;
	uint8_t osabi;
	uint16_t type, machine;
	uint64_t phoff, shoff;
	uint32_t phnum;	    /* e_phnum as it stands; PH_ELF_PN_XNUM: see ph_elf_phnum() */
	uint16_t phentsize; /* bytes; at least the size of a program header of this class, else the parse fails */
};

#define PH_ELF_PN_XNUM 0xffff
#define PH_ELF_HEADER_SIZE 64 /* bytes, of the wide class; the narrow one has 52 */
#define PH_ELF_PHDR_SIZE(elf) ((elf)->wide ? 56u : 32u)

struct ph_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, filesz, memsz, align;
};

struct ph_note {
	const char *name; /* NUL-terminated within name_size, else "" */
	uint32_t type;
	const uint8_t *data; /* borrowed */
	size_t size;	     /* bytes */
};

/* False when these are not the first bytes of an ELF file, or too few of them. */
bool ph_elf_parse(const void *data, size_t size, struct ph_elf *ret);

/* The number of program headers: e_phnum, or sh_info of section 0 when there
 * are 65535 or more (PN_XNUM); 65535 when that section is cut off. */
uint32_t ph_elf_phnum(const struct ph_elf *elf, const void *data, size_t size);

/* One program header from its bytes, PH_ELF_PHDR_SIZE of them. */
struct ph_phdr ph_elf_phdr(const struct ph_elf *elf, const void *bytes);

/* The next note of a note segment; false at its end or where it is cut.
 * `align` is the segment's p_align: 8 for GNU properties, else 4. */
bool ph_note_next(struct ph_cursor *cursor, uint64_t align, struct ph_note *ret);

/* The GNU build-id among the notes in lower-case hex; false when there is none.
 * `ret` holds at least PH_BUILD_ID_SIZE bytes. */
#define PH_BUILD_ID_SIZE 129 /* 64 bytes in hex and the NUL; real ones have 8 to 32 bytes */
bool ph_note_build_id(const void *notes, size_t size, uint64_t align, bool big_endian, char *ret);

#endif
