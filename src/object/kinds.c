/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "object/decoder.h"

static const struct ph_decoder decoders[] = {
#define PH_DECODER(name, decoded_kind, function) { .type_name = name, .kind = decoded_kind, .decode = function },
#include "object/kinds.def"
#undef PH_DECODER
};

/* Once a type, not once an object. */
const struct ph_decoder *ph_decoder_find(const char *type_name)
{
	for (size_t i = 0; i < sizeof(decoders) / sizeof(*decoders); i++)
		if (!strcmp(decoders[i].type_name, type_name))
			return &decoders[i];
	return NULL;
}
