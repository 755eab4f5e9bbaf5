/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel pipes to a handler of kernel.core_pattern: ELF header, program headers and notes come first
 * (fs/binfmt_elf.c, elf_core_dump), and while the rest is not taken the process stays as it is. */
#include <pyheap/live.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/elfcore.h"
#include "image/ondemand.h"
#include "image/procfs.h"
#include "image/sink.h"

#define MAX_HEAD ((uint64_t)64 << 20) /* of 65,534 mappings with long names */

struct piped {
	int memory;
	bool ended;
	uint8_t *head;
	size_t size;
};

static bool read_memory(void *user, uint64_t address, void *buffer, size_t size)
{
	struct piped *piped = user;
	return ph_procfs_read_memory(piped->memory, address, buffer, size, &piped->ended);
}

static const struct ph_callback_ops memory_ops = { .read = read_memory };

static void close_piped(struct ph_image *image)
{
	struct piped *piped = image->kind_data;
	free(piped->head);
	free(piped);
}

static void settle_piped(struct ph_image *image)
{
	struct piped *piped = image->kind_data;
	if (!piped->ended)
		return;
	image->info.complete = false;
	ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "process", "ended while it was read");
}

static const struct ph_image_ops piped_ops = { .fill = ph_ondemand_fill, .close = close_piped, .settle = settle_piped };

/* Up to `end` bytes of it. */
static struct ph_error *read_until(int core, struct piped *piped, uint64_t end)
{
	uint8_t *grown = realloc(piped->head, (size_t)end);
	if (!grown)
		return &ph_error_no_memory;
	piped->head = grown;
	while (piped->size < end) {
		ssize_t n = read(core, piped->head + piped->size, (size_t)end - piped->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ph_error_errno(errno, "cannot read the core");
		if (!n)
			return ph_error_create(PH_ERROR_NOT_CORE, "standard input: no core: it ends after %zu bytes",
					       piped->size);
		piped->size += (size_t)n;
	}
	return NULL;
}

static struct ph_error *read_head(int core, struct piped *piped)
{
	struct ph_error *error = read_until(core, piped, PH_ELF_HEADER_SIZE);
	for (uint64_t end; !error; error = read_until(core, piped, end)) {
		end = ph_elfcore_notes_end(piped->head, piped->size);
		if (!end || end > MAX_HEAD)
			return ph_error_create(PH_ERROR_NOT_CORE,
					       "standard input: is not a core, or has too many mappings");
		if (end <= piped->size)
			break;
	}
	return error;
}

struct ph_error *ph_image_open_piped(int core, int memory, bool spill, const struct ph_image_options *options,
				     struct ph_image **ret)
{
	struct piped *piped = calloc(1, sizeof(*piped));
	struct ph_image *image;
	int file = -1;
	if (!piped)
		return &ph_error_no_memory;
	piped->memory = memory;
	struct ph_error *error = read_head(core, piped);
	if (!error && spill)
		error = ph_temporary_file(&file);
	if (!error)
		error = ph_elfcore_parse_head(piped->head, piped->size, "standard input", &memory_ops,
					      piped, file, options, &image);
	if (error) {
		free(piped->head);
		free(piped);
		return error;
	}
	image->ops = &piped_ops;
	image->kind_data = piped;
	*ret = image;
	return NULL;
}
