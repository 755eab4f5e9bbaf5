/* SPDX-License-Identifier: GPL-3.0-or-later */
/* argv and environment from the initial stack.
 *
 * create_elf_tables() in fs/binfmt_elf.c lays out, upwards: argc, argv, NULL, envp,
 * NULL, the auxiliary vector, …, the strings.  The vector is in the core as a note,
 * byte for byte, so it is looked for below the strings that AT_EXECFN and AT_RANDOM
 * point to, and argv is found walking down from it. */
#include "image/backend.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_STRINGS 10000
#define MAX_STRING 4096
#define MAX_DISTANCE (16u << 20) /* bytes: the kernel takes at most 6 MiB of strings and their pointers */

static uint64_t word_at(struct ph_image *image, ph_addr addr, bool *ok)
{
	size_t word = image->info.pointer_size;
	const void *view = ph_image_core_view(image, addr, word);
	if (!view)
		*ok = false;
	return view ? ph_load_uint(view, word, image->info.big_endian) : 0;
}

static bool is_vector(struct ph_image *image, ph_addr at)
{
	size_t word = image->info.pointer_size;
	bool ok = true;
	for (size_t i = 0; i < image->auxv_count && ok; i++)
		ok = word_at(image, at + 2 * i * word, &ok) == image->auxv[i].type &&
		     word_at(image, at + (2 * i + 1) * word, &ok) == image->auxv[i].value;
	return ok;
}

/* Where the vector begins on the stack; 0 when it is not found. */
static ph_addr find_vector(struct ph_image *image)
{
	uint64_t above, word = image->info.pointer_size;
	if (image->auxv_count < 4)
		return 0;
	if (!ph_image_auxv(image, AT_RANDOM, &above) && !ph_image_auxv(image, AT_EXECFN, &above))
		return 0;
	const struct ph_segment *stack = ph_image_segment_at(image, above);
	if (!stack)
		return 0;
	ph_addr low = above - stack->start > MAX_DISTANCE ? above - MAX_DISTANCE : stack->start;
	for (ph_addr at = above & ~(word - 1); at >= low + word; at -= word) {
		bool ok = true;
		if (word_at(image, at, &ok) == image->auxv[0].type && ok && is_vector(image, at))
			return at;
		if (!ok)
			return 0;
	}
	return 0;
}

static void add_string(struct ph_image *image, struct ph_strings *strings, ph_addr addr)
{
	char text[MAX_STRING + 1];
	enum ph_status status = ph_image_read_string(image, addr, text, sizeof(text));
	if (status == PH_LIMIT)
		text[MAX_STRING] = 0;
	else if (status != PH_OK)
		return;
	const char *copy = ph_image_intern(image, text);
	if (copy)
		strings->items[strings->count++] = copy;
}

static void add_strings(struct ph_image *image, struct ph_strings *strings, ph_addr pointers, size_t count)
{
	size_t word = image->info.pointer_size;
	if (count > MAX_STRINGS)
		count = MAX_STRINGS;
	strings->items = calloc(count ? count : 1, sizeof(*strings->items));
	for (size_t i = 0; strings->items && i < count; i++) {
		bool ok = true;
		ph_addr addr = word_at(image, pointers + i * word, &ok);
		if (ok)
			add_string(image, strings, addr);
	}
}

static void look(struct ph_image *image)
{
	size_t word = image->info.pointer_size, environment = 0, arguments = 0;
	ph_addr vector = find_vector(image);
	bool ok = true;
	if (!vector)
		return;
	ph_addr at = vector - word; /* the NULL behind envp */
	if (word_at(image, at, &ok) || !ok)
		return;
	while (environment < MAX_DISTANCE / word && word_at(image, at - word, &ok) && ok) {
		at -= word;
		environment++;
	}
	ph_addr envp = at;
	at -= word; /* the NULL behind argv */
	/* argc is the word that says how many there are above it */
	for (;;) {
		uint64_t value = word_at(image, at - word, &ok);
		if (!ok || arguments > MAX_DISTANCE / word)
			return;
		if (value == arguments)
			break;
		at -= word;
		arguments++;
	}
	add_strings(image, &image->arguments, at, arguments);
	add_strings(image, &image->environment, envp, environment);
}

static void look_once(struct ph_image *image)
{
	pthread_mutex_lock(&image->lock);
	if (!image->strings_looked) {
		image->strings_looked = true;
		look(image);
	}
	pthread_mutex_unlock(&image->lock);
}

size_t ph_image_arguments(struct ph_image *image, const char *const **ret)
{
	look_once(image);
	*ret = (const char *const *)image->arguments.items;
	return image->arguments.count;
}

size_t ph_image_environment(struct ph_image *image, const char *const **ret)
{
	look_once(image);
	*ret = (const char *const *)image->environment.items;
	return image->environment.count;
}
