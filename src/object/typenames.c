/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of types whose tp_name the core left out with .rodata. */
#include <string.h>

#include "object/decoder.h"

const char *ph_type_name_guess(struct ph_objects *objects, ph_addr type)
{
	(void)objects; (void)type;
	return NULL;
}
