/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/macho.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_64 0xfeedfacfu
#define MAX_SYMBOLS (4u << 20)
#define MAX_NAME 512
#define NLIST_SIZE 16u
#define SECTION_SIZE 80u
#define MAX_SEGMENTS 256

bool ph_macho_parse(const void *data, size_t size, struct ph_macho *ret)
{
	const uint8_t *at = data;
	if (size < PH_MACHO_HEADER_SIZE || ph_load_uint(at, 4, false) != MAGIC_64)
		return false;
	uint64_t commands = ph_load_uint(at + 20, 4, false), left = size - PH_MACHO_HEADER_SIZE;
	*ret = (struct ph_macho){
		.cpu = (uint32_t)ph_load_uint(at + 4, 4, false),
		.type = (uint32_t)ph_load_uint(at + 12, 4, false),
		.commands = at + PH_MACHO_HEADER_SIZE,
		.size = (size_t)(commands < left ? commands : left),
	};
	return true;
}

bool ph_macho_is_core(const void *data, size_t size)
{
	struct ph_macho macho;
	return ph_macho_parse(data, size, &macho) && macho.type == PH_MH_CORE;
}

bool ph_macho_load(struct ph_image *image, ph_addr start, struct ph_macho *ret)
{
	const uint8_t *header = ph_image_core_view(image, start, PH_MACHO_HEADER_SIZE);
	if (!header || ph_load_uint(header, 4, false) != MAGIC_64)
		return false;
	size_t size = (size_t)ph_load_uint(header + 20, 4, false);
	if (size > PH_MACHO_MAX_COMMANDS)
		return false;
	size = ph_image_core_readable(image, start, PH_MACHO_HEADER_SIZE + size);
	header = ph_image_core_view(image, start, size);
	return header && ph_macho_parse(header, size, ret);
}

bool ph_macho_next(const struct ph_macho *macho, struct ph_macho_command *command)
{
	size_t at = command->next;
	if (at > macho->size || macho->size - at < 8)
		return false;
	command->data = macho->commands + at;
	command->type = (uint32_t)ph_load_uint(command->data, 4, false);
	command->size = (uint32_t)ph_load_uint(command->data + 4, 4, false);
	if (command->size < 8 || command->size > macho->size - at)
		return false;
	command->next = at + command->size;
	return true;
}

bool ph_macho_segment(const struct ph_macho_command *command, struct ph_macho_segment *ret)
{
	if (command->type != PH_LC_SEGMENT_64 || command->size < PH_MACHO_SEGMENT_SIZE)
		return false;
	const uint8_t *at = command->data;
	memcpy(ret->name, at + 8, 16);
	ret->name[16] = '\0';
	ret->vaddr = ph_load_uint(at + 24, 8, false);
	ret->memory_size = ph_load_uint(at + 32, 8, false);
	ret->offset = ph_load_uint(at + 40, 8, false);
	ret->file_size = ph_load_uint(at + 48, 8, false);
	ret->protection = (uint32_t)ph_load_uint(at + 60, 4, false);
	ret->section_count = (uint32_t)ph_load_uint(at + 64, 4, false);
	return true;
}

size_t ph_macho_phdrs(const struct ph_macho *macho, struct ph_phdr **ret)
{
	struct ph_macho_command command = { 0 };
	struct ph_macho_segment s;
	struct ph_phdr *phdrs = calloc(MAX_SEGMENTS, sizeof(*phdrs));
	size_t n = 0;
	while (phdrs && n < MAX_SEGMENTS && ph_macho_next(macho, &command)) {
		/* __PAGEZERO has neither bytes nor rights */
		if (!ph_macho_segment(&command, &s) || (!s.file_size && !s.protection))
			continue;
		phdrs[n++] = (struct ph_phdr){
			.type = PT_LOAD, .vaddr = s.vaddr, .memsz = s.memory_size, .offset = s.offset, .filesz = s.file_size,
			.flags = (s.protection & 1 ? PF_R : 0) | (s.protection & 2 ? PF_W : 0) | (s.protection & 4 ? PF_X : 0),
		};
	}
	if (!n) {
		free(phdrs);
		phdrs = NULL;
	}
	*ret = phdrs;
	return n;
}

bool ph_macho_uuid(const struct ph_macho *macho, char ret[PH_MACHO_ID_SIZE])
{
	struct ph_macho_command command = { 0 };
	while (ph_macho_next(macho, &command)) {
		if (command.type != PH_LC_UUID || command.size < 24)
			continue;
		for (size_t i = 0; i < 16; i++)
			snprintf(ret + 2 * i, 3, "%02x", command.data[8 + i]);
		return true;
	}
	return false;
}

const char *ph_macho_install_name(struct ph_image *image, const struct ph_macho *macho)
{
	struct ph_macho_command command = { 0 };
	while (ph_macho_next(macho, &command)) {
		if (command.type != PH_LC_ID_DYLIB || command.size < 24)
			continue;
		uint64_t offset = ph_load_uint(command.data + 8, 4, false);
		char text[MAX_NAME];
		if (offset >= command.size)
			return NULL;
		size_t size = strnlen((const char *)command.data + offset, command.size - offset);
		snprintf(text, sizeof(text), "%.*s", (int)(size < sizeof(text) ? size : sizeof(text) - 1),
			 (const char *)command.data + offset);
		return ph_image_intern(image, text);
	}
	return NULL;
}

/* ---- symbols ---- */

struct table {
	const uint8_t *symbols, *strings; /* nlist_64; in the image */
	size_t symbol_count, string_size;
	ph_addr bias;
};

/* Offsets of LC_SYMTAB are of the file; __LINKEDIT, which holds both tables, says where that is in memory. */
static bool find_table(struct ph_image *image, const struct ph_module *module, struct table *ret)
{
	struct ph_macho macho;
	struct ph_macho_command command = { 0 };
	struct ph_macho_segment segment, linkedit = { 0 };
	uint64_t symbols = 0, count = 0, strings = 0, size = 0;
	if (!ph_macho_load(image, module->start, &macho))
		return false;
	while (ph_macho_next(&macho, &command)) {
		if (ph_macho_segment(&command, &segment) && !strcmp(segment.name, "__LINKEDIT"))
			linkedit = segment;
		if (command.type != PH_LC_SYMTAB || command.size < 24)
			continue;
		symbols = ph_load_uint(command.data + 8, 4, false);
		count = ph_load_uint(command.data + 12, 4, false);
		strings = ph_load_uint(command.data + 16, 4, false);
		size = ph_load_uint(command.data + 20, 4, false);
	}
	if (!linkedit.file_size || !count || symbols < linkedit.offset || strings < linkedit.offset)
		return false;
	ph_addr base = module->bias + linkedit.vaddr;
	count = count < MAX_SYMBOLS ? count : MAX_SYMBOLS;
	ret->symbol_count =
		ph_image_core_readable(image, base + (symbols - linkedit.offset), count * NLIST_SIZE) / NLIST_SIZE;
	ret->string_size = ph_image_core_readable(image, base + (strings - linkedit.offset), size);
	ret->symbols = ph_image_core_view(image, base + (symbols - linkedit.offset), ret->symbol_count * NLIST_SIZE);
	ret->strings = ph_image_core_view(image, base + (strings - linkedit.offset), ret->string_size);
	ret->bias = module->bias;
	return ret->symbols && ret->strings;
}

/* The name of a symbol that is defined here and no debugger's; NULL: another kind. */
static const char *symbol_name(const struct table *t, size_t index, size_t *ret_length, ph_addr *ret_address)
{
	enum { STAB = 0xe0, TYPE = 0x0e, SECT = 0x0e };
	const uint8_t *at = t->symbols + index * NLIST_SIZE;
	uint64_t offset = ph_load_uint(at, 4, false);
	if (at[4] & STAB || (at[4] & TYPE) != SECT || offset >= t->string_size)
		return NULL;
	const char *name = (const char *)t->strings + offset;
	size_t length = strnlen(name, t->string_size - offset);
	if (length && *name == '_') {
		name++;
		length--;
	}
	if (!length || length >= MAX_NAME)
		return NULL;
	*ret_length = length;
	*ret_address = t->bias + ph_load_uint(at + 8, 8, false);
	return name;
}

ph_addr ph_macho_symbol(struct ph_image *image, const struct ph_module *module, const char *name)
{
	struct table t;
	size_t wanted = strlen(name), length;
	ph_addr address;
	if (!find_table(image, module, &t))
		return 0;
	for (size_t i = 0; i < t.symbol_count; i++) {
		const char *found = symbol_name(&t, i, &length, &address);
		if (found && length == wanted && !memcmp(found, name, length))
			return address;
	}
	return 0;
}

const char *ph_macho_nearest(struct ph_image *image, const struct ph_module *module, ph_addr address,
			     uint64_t *ret_offset)
{
	struct table t;
	size_t length, best_length = 0;
	ph_addr at, best = 0;
	const char *best_name = NULL;
	char text[MAX_NAME];
	if (!find_table(image, module, &t))
		return NULL;
	for (size_t i = 0; i < t.symbol_count; i++) {
		const char *name = symbol_name(&t, i, &length, &at);
		if (!name || at > address || (best_name && at <= best))
			continue;
		best = at;
		best_name = name;
		best_length = length;
	}
	if (!best_name)
		return NULL;
	memcpy(text, best_name, best_length);
	text[best_length] = '\0';
	*ret_offset = address - best;
	return ph_image_intern(image, text);
}

bool ph_macho_section(struct ph_image *image, const struct ph_module *module, const char *name, ph_addr *ret_start,
		      ph_addr *ret_size)
{
	struct ph_macho macho;
	struct ph_macho_command command = { 0 };
	struct ph_macho_segment segment;
	if (!ph_macho_load(image, module->start, &macho))
		return false;
	while (ph_macho_next(&macho, &command)) {
		if (!ph_macho_segment(&command, &segment))
			continue;
		for (uint32_t i = 0; i < segment.section_count; i++) {
			if ((uint64_t)PH_MACHO_SEGMENT_SIZE + (i + 1ull) * SECTION_SIZE > command.size)
				break;
			const uint8_t *at = command.data + PH_MACHO_SEGMENT_SIZE + i * SECTION_SIZE;
			if (strncmp((const char *)at, name + (*name == '.'), 16))
				continue;
			*ret_start = module->bias + ph_load_uint(at + 32, 8, false);
			*ret_size = ph_load_uint(at + 40, 8, false);
			return true;
		}
	}
	return false;
}
