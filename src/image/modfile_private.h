/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A module file's two halves: mapped bytes and headers (modfile.c), and the sections and symbols, which libbfd reads
 * (modfile_bfd.c) or nobody (modfile_plain.c: a module for gdb, which gives them itself). */
#ifndef IMAGE_MODFILE_PRIVATE_H
#define IMAGE_MODFILE_PRIVATE_H

#include "image/modfile.h"
#include "image/pe.h"

struct ph_modfile_symbols; /* modfile_bfd.c */

struct ph_modfile {
	char *path;
	const uint8_t *data;
	size_t size;
	struct ph_elf elf; /* all 0 of a PE file */
	bool is_pe;
	struct ph_pe pe;
	struct ph_phdr *phdrs;
	size_t phdr_count;
	char build_id[PH_BUILD_ID_SIZE];
	struct ph_modfile_symbols *symbols; /* NULL: not asked for yet */
};

void ph_modfile_close_symbols(struct ph_modfile *file);

#endif
