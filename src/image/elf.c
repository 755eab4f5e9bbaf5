/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/elf.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

bool ph_elf_parse(const void *data, size_t size, struct ph_elf *ret)
{
	const uint8_t *ident = data;
	if (size < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG))
		return false;
	if ((ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64) ||
	    (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB))
		return false;
	struct ph_elf elf = {
		.wide = ident[EI_CLASS] == ELFCLASS64,
		.big_endian = ident[EI_DATA] == ELFDATA2MSB,
		.osabi = ident[EI_OSABI],
	};
	size_t word = elf.wide ? 8 : 4;
	struct ph_cursor c = ph_cursor(data, size, elf.big_endian);
	ph_cursor_seek(&c, EI_NIDENT);
	elf.type = ph_cursor_u16(&c);
	elf.machine = ph_cursor_u16(&c);
	ph_cursor_u32(&c);	   /* e_version */
	ph_cursor_uint(&c, word); /* e_entry */
	elf.phoff = ph_cursor_uint(&c, word);
	elf.shoff = ph_cursor_uint(&c, word);
	ph_cursor_u32(&c); /* e_flags */
	ph_cursor_u16(&c); /* e_ehsize */
	elf.phentsize = ph_cursor_u16(&c);
	elf.phnum = ph_cursor_u16(&c);
	if (c.overrun || (elf.phnum && elf.phentsize < PH_ELF_PHDR_SIZE(&elf)))
		return false;
	*ret = elf;
	return true;
}

uint32_t ph_elf_phnum(const struct ph_elf *elf, const void *data, size_t size)
{
	if (elf->phnum != PH_ELF_PN_XNUM)
		return elf->phnum;
	/* sh_info of section 0: at 44 of 64 bytes, or at 28 of 40 (gABI, "Section Header") */
	size_t at = elf->wide ? 44 : 28;
	if (!elf->shoff || elf->shoff > size || size - elf->shoff < at + 4)
		return elf->phnum;
	uint32_t info = (uint32_t)ph_load_uint((const uint8_t *)data + elf->shoff + at, 4, elf->big_endian);
	return info ? info : elf->phnum;
}

struct ph_phdr ph_elf_phdr(const struct ph_elf *elf, const void *bytes)
{
	struct ph_cursor c = ph_cursor(bytes, PH_ELF_PHDR_SIZE(elf), elf->big_endian);
	size_t word = elf->wide ? 8 : 4;
	struct ph_phdr p = { .type = ph_cursor_u32(&c) };
	if (elf->wide)
		p.flags = ph_cursor_u32(&c);
	p.offset = ph_cursor_uint(&c, word);
	p.vaddr = ph_cursor_uint(&c, word);
	ph_cursor_uint(&c, word); /* p_paddr */
	p.filesz = ph_cursor_uint(&c, word);
	p.memsz = ph_cursor_uint(&c, word);
	if (!elf->wide)
		p.flags = ph_cursor_u32(&c);
	p.align = ph_cursor_uint(&c, word);
	return p;
}

/* Skip to the next multiple; the last note of a segment may lack its padding. */
static void align_cursor(struct ph_cursor *c, size_t align)
{
	size_t rest = c->position % align;
	if (rest && align - rest <= ph_cursor_left(c))
		c->position += align - rest;
	else if (rest)
		c->position = c->size;
}

bool ph_note_next(struct ph_cursor *c, uint64_t align, struct ph_note *ret)
{
	size_t step = align == 8 ? 8 : 4;
	uint32_t name_size = ph_cursor_u32(c), size = ph_cursor_u32(c);
	struct ph_note note = { .name = "", .type = ph_cursor_u32(c), .size = size };
	const char *name = ph_cursor_take(c, name_size);
	align_cursor(c, step);
	note.data = ph_cursor_take(c, size);
	align_cursor(c, step);
	if (c->overrun)
		return false;
	if (name_size && !name[name_size - 1])
		note.name = name;
	*ret = note;
	return true;
}

bool ph_note_build_id(const void *notes, size_t size, uint64_t align, bool big_endian, char *ret)
{
	struct ph_cursor c = ph_cursor(notes, size, big_endian);
	struct ph_note note;
	while (ph_note_next(&c, align, &note)) {
		if (note.type != NT_GNU_BUILD_ID || strcmp(note.name, "GNU") || !note.size ||
		    note.size > (PH_BUILD_ID_SIZE - 1) / 2)
			continue;
		for (size_t i = 0; i < note.size; i++)
			snprintf(ret + 2 * i, 3, "%02x", note.data[i]);
		return true;
	}
	return false;
}
