/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A module's file on this machine: executable or shared library, ELF or PE.
 *
 * Opening maps it and reads program headers and build-id with our own bounded
 * reader, because the file is not trusted yet.  Sections and symbols come from
 * libbfd, which is not started before the first call that asks for them, and
 * only ever for a file that was compared with the core.  Addresses here are
 * link-time ones: add the module's bias.  Calls of libbfd are serialised within;
 * all functions may be called from many threads. */
#ifndef IMAGE_MODFILE_H
#define IMAGE_MODFILE_H

#include "image/elf.h"

struct ph_modfile;
struct ph_pe;

/* Takes the descriptor, also on failure.  NULL and a phrase in *why ("not an ELF
 * file", "a script") when it is of no use; *why is static. */
struct ph_modfile *ph_modfile_open(int fd, const char *path, const char **why);
/* NULL-safe. */
void ph_modfile_close(struct ph_modfile *file);

const char *ph_modfile_path(const struct ph_modfile *file);
/* Lower-case hex, NULL when it has none; of a PE file see ph_pe_build_id(). */
const char *ph_modfile_build_id(const struct ph_modfile *file);
const struct ph_elf *ph_modfile_elf(const struct ph_modfile *file);
/* NULL when it is not a PE file. */
const struct ph_pe *ph_modfile_pe(const struct ph_modfile *file);
/* Of a PE file its headers and sections. */
size_t ph_modfile_phdrs(const struct ph_modfile *file, const struct ph_phdr **ret);
/* The bytes of the file, mapped read-only. */
const uint8_t *ph_modfile_bytes(const struct ph_modfile *file, size_t *ret_size);

/* False when there is no such section; *ret_address is 0 for one that is not loaded. */
bool ph_modfile_section(struct ph_modfile *file, const char *name, ph_addr *ret_address, uint64_t *ret_size);
/* A defined symbol by name, .dynsym first, then .symtab. */
bool ph_modfile_symbol(struct ph_modfile *file, const char *name, ph_addr *ret_address);
/* The function or object symbol at or below the address; NULL when there is none.  Borrowed. */
const char *ph_modfile_nearest(struct ph_modfile *file, ph_addr address, uint64_t *ret_offset);
/* The name in .gnu_debuglink; NULL without.  Borrowed. */
const char *ph_modfile_debuglink(struct ph_modfile *file);
/* Symbols of a separate debug file serve ph_modfile_symbol() and _nearest() too; owned by `file` from now on. */
void ph_modfile_add_debug(struct ph_modfile *file, struct ph_modfile *debug);

#endif
