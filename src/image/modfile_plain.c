/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No sections and no symbols: for whoever gives them by struct ph_symbol_ops and does not link libbfd, whose
 * name carries its version (libbfd-2.40-system.so) and so binds a module to one system. */
#include "image/modfile_private.h"

bool ph_modfile_section(struct ph_modfile *file, const char *name, ph_addr *ret_address, uint64_t *ret_size)
{
	(void)file, (void)name, (void)ret_address, (void)ret_size;
	return false;
}

bool ph_modfile_symbol(struct ph_modfile *file, const char *name, ph_addr *ret)
{
	(void)file, (void)name, (void)ret;
	return false;
}

const char *ph_modfile_nearest(struct ph_modfile *file, ph_addr address, uint64_t *ret_offset)
{
	(void)file, (void)address, (void)ret_offset;
	return NULL;
}

const char *ph_modfile_debuglink(struct ph_modfile *file)
{
	(void)file;
	return NULL;
}

void ph_modfile_add_debug(struct ph_modfile *file, struct ph_modfile *debug)
{
	(void)file;
	ph_modfile_close(debug);
}

void ph_modfile_close_symbols(struct ph_modfile *file)
{
	(void)file;
}
