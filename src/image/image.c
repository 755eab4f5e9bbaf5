/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/backend.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/modfile.h"
#include "image/ondemand.h"

static bool copy_string(const char *text, char **ret)
{
	*ret = text && *text ? strdup(text) : NULL;
	return *ret || !text || !*text;
}

struct ph_error *ph_image_create(const struct ph_image_options *options, const struct ph_image_ops *ops,
				 struct ph_image **ret)
{
	static const struct ph_image_options none;
	if (!options)
		options = &none;
	struct ph_image *image = calloc(1, sizeof(*image));
	if (!image)
		return &ph_error_no_memory;
	image->ops = ops;
	image->callbacks = options->callbacks;
	image->symbols = options->symbols;
	image->symbols_user = options->symbols_user;
	image->info.complete = true;
	if (options->record && !(image->trace = calloc(1, sizeof(*image->trace)))) {
		free(image);
		return &ph_error_no_memory;
	}
	/* recursive: looking for a file reads memory, which may look for a file */
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&image->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	if (!copy_string(options->executable, &image->executable) || !copy_string(options->sysroot, &image->sysroot) ||
	    !copy_string(options->solib_search_path, &image->search_path)) {
		ph_image_close(image);
		return &ph_error_no_memory;
	}
	image->info.executable = image->executable;
	*ret = image;
	return NULL;
}

void ph_image_close(struct ph_image *image)
{
	if (!image)
		return;
	ph_image_forget_lenses();
	if (image->statm > 0)
		close(image->statm);
	ph_image_free_modules(image);
	ph_ondemand_free(image);
	if (image->ops->close)
		image->ops->close(image);
	while (image->interned) {
		struct ph_interned *next = image->interned->next;
		free(image->interned);
		image->interned = next;
	}
	free(image->executable);
	free(image->sysroot);
	free(image->search_path);
	free(image->segments);
	free(image->spans);
	free(image->mappings);
	free(image->threads);
	free(image->auxv);
	free(image->hollow);
	ph_trace_free(image->trace);
	free(image->arguments.items);
	free(image->unloaded);
	free(image->annotations);
	free(image->environment.items);
	ph_damage_deinit(&image->damage);
	pthread_mutex_destroy(&image->lock);
	free(image);
}

void ph_image_set_machine(struct ph_image *image, const struct ph_machine *machine)
{
	struct ph_image_info *info = &image->info;
	image->machine = machine;
	info->arch = machine->name;
	info->machine = machine->arch;
	info->pointer_size = info->long_size = machine->wide ? 8 : 4;
	info->scalar_align = machine->scalar_align;
	info->lock_size = machine->lock_size;
	info->pthread_tid = machine->pthread_tid;
	info->tls_above_pthread = machine->tls_above_pthread;
	info->big_endian = machine->big_endian;
	info->page_size = machine->page_size;
}

const char *ph_image_intern(struct ph_image *image, const char *text)
{
	size_t size = strlen(text) + 1;
	struct ph_interned *entry = malloc(sizeof(*entry) + size);
	if (!entry)
		return NULL;
	memcpy(entry->text, text, size);
	pthread_mutex_lock(&image->lock);
	entry->next = image->interned;
	image->interned = entry;
	pthread_mutex_unlock(&image->lock);
	return entry->text;
}

void ph_image_keep_raw(struct ph_image *image, uint32_t type, const uint8_t *data, size_t size, uint64_t align)
{
	if (image->raw_count < PH_MAX_RAWS)
		image->raws[image->raw_count++] = (struct ph_raw){ type, data, size, align };
}

bool ph_image_auxv(const struct ph_image *image, uint64_t type, uint64_t *ret)
{
	for (size_t i = 0; i < image->auxv_count; i++)
		if (image->auxv[i].type == type) {
			*ret = image->auxv[i].value;
			return true;
		}
	return false;
}

const struct ph_image_info *ph_image_info(const struct ph_image *image)
{
	return &image->info;
}

struct ph_damage *ph_image_damage(struct ph_image *image)
{
	return &image->damage;
}

void ph_image_settle(struct ph_image *image)
{
	if (image->ops->settle)
		image->ops->settle(image);
}

const struct ph_callbacks *ph_image_callbacks(const struct ph_image *image)
{
	return image->callbacks;
}

size_t ph_image_segments(const struct ph_image *image, const struct ph_segment **ret)
{
	*ret = image->segments;
	return image->segment_count;
}

size_t ph_image_threads(const struct ph_image *image, const struct ph_native_thread **ret)
{
	*ret = image->threads;
	return image->thread_count;
}
