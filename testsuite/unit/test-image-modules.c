/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A core whose memory holds what the kernel keeps of a library (its first page and
 * its dynamic section), made from the C library that this test runs with. */
#include "image/image.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/check.h"
#include "unit/corebuilder.h"

#define BASE 0x7f0000000000ull
#define STACK 0x7fff00000000ull

static char library[4096];
static const uint8_t *file;
static size_t file_size;
static const ElfW(Phdr) *phdrs;
static size_t phdr_count;
static void *handle;

static int find_library(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	(void)data;
	if (!strstr(info->dlpi_name, "libc.so"))
		return 0;
	return realpath(info->dlpi_name, library) != NULL;
}

static bool map_library(void)
{
	struct stat st;
	int fd = dl_iterate_phdr(find_library, NULL) ? open(library, O_RDONLY) : -1;
	if (fd < 0 || fstat(fd, &st))
		return false;
	file_size = (size_t)st.st_size;
	file = mmap(NULL, file_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return false;
	const ElfW(Ehdr) *e = (const void *)file;
	phdrs = (const void *)(file + e->e_phoff);
	phdr_count = e->e_phnum;
	handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
	return e->e_machine == EM_X86_64 && handle && dlsym(handle, "puts");
}

struct shape {
	bool no_header;	   /* the first page is not in the core */
	bool no_dynamic;   /* nor the writable pages */
	bool no_anonymous; /* nor any private memory */
	size_t spoil;	   /* byte of the first page to change */
	const char *path;
};

static struct bytes make_core(const struct shape *shape)
{
	struct bytes notes = { 0 }, page = { 0 };
	struct load loads[16];
	struct mapped_file files[16];
	size_t n = 0, m = 0;
	put_bytes(&page, file, 4096);
	if (shape->spoil)
		page.data[shape->spoil] ^= 0xff;
	for (size_t i = 0; i < phdr_count && n < 12; i++) {
		const ElfW(Phdr) *p = &phdrs[i];
		if (p->p_type != PT_LOAD)
			continue;
		uint64_t low = p->p_vaddr & ~4095ull, high = (p->p_vaddr + p->p_filesz + 4095) & ~4095ull;
		struct load load = { BASE + low, high - low, p->p_flags, NULL, 0 };
		if (!p->p_offset && !shape->no_header) {
			load.data = page.data;
			load.data_size = 4096;
		} else if ((p->p_flags & PF_W) && !shape->no_dynamic) {
			load.data = file + (p->p_offset & ~4095ull);
			load.data_size = high - low;
			if (load.data_size > file_size - (p->p_offset & ~4095ull))
				load.data_size = (file_size - (p->p_offset & ~4095ull)) & ~4095ull;
		}
		files[m++] = (struct mapped_file){ BASE + low, BASE + high, p->p_offset >> 12,
						   shape->path ? shape->path : library };
		loads[n++] = load;
	}
	static const uint8_t stack[4096];
	loads[n++] = (struct load){ STACK, 4096, 6, stack, shape->no_anonymous ? 0 : 4096 };
	put_thread(&notes, 1, 6, BASE + 0x30000, STACK, -1);
	put_files(&notes, files, m);
	struct bytes core = build_core(&notes, loads, n);
	free(notes.data);
	free(page.data);
	return core;
}

static unsigned warnings;

static void count_warning(void *user, const char *message)
{
	(void)user;
	(void)message;
	warnings++;
}

static struct ph_image *open_shape(const struct shape *shape, struct ph_image_options *options, struct bytes *core)
{
	static struct ph_callbacks callbacks = { .warning = count_warning };
	struct ph_image *image = NULL;
	options->callbacks = &callbacks;
	warnings = 0;
	*core = make_core(shape);
	ph_error_free(ph_image_parse_core(core->data, core->size, "synthetic", options, &image));
	CHECK(image != NULL);
	return image;
}

/* Whether bytes that the core left out are read, from where "puts" is. */
static bool text_is_read(struct ph_image *image)
{
	/* by the library's handle: a sanitizer has a puts of its own */
	void *place = dlsym(handle, "puts");
	Dl_info info;
	uint64_t puts_at = place && dladdr(place, &info) ? (uint64_t)((uintptr_t)place - (uintptr_t)info.dli_fbase) : 0;
	uint8_t buffer[16];
	const struct ph_module *modules;
	CHECK_EQ(ph_image_modules(image, &modules), 1);
	CHECK_EQ(modules[0].start, BASE);
	bool read = ph_image_read(image, BASE + puts_at, buffer, sizeof(buffer)) == PH_OK;
	ph_addr found = ph_image_symbol(image, NULL, "puts");
	CHECK_EQ(found, read ? BASE + puts_at : 0);
	CHECK_EQ(ph_image_symbol(image, &modules[0], "no_such_symbol_here"), 0);
	if (read) {
		CHECK(!memcmp(buffer, place, sizeof(buffer)));
		CHECK_EQ(modules[0].bias, BASE);
		CHECK(modules[0].dynamic && modules[0].build_id && modules[0].file_path);
		const char *name = ph_image_symbolize(image, found + 1);
		CHECK(name && strstr(name, "puts+0x1"));
		ph_addr start, size;
		CHECK(ph_image_section(image, &modules[0], ".text", &start, &size));
		CHECK(found >= start && found < start + size);
		CHECK(!ph_image_section(image, &modules[0], ".nothing", &start, &size));
	} else
		CHECK(modules[0].why_not && !modules[0].file);
	return read;
}

static void check_shape(const struct shape *shape, struct ph_image_options options, bool expected, unsigned warned)
{
	struct bytes core;
	struct ph_image *image = open_shape(shape, &options, &core);
	if (image) {
		CHECK_EQ(text_is_read(image), expected);
		CHECK_EQ(warnings, warned);
		CHECK_EQ(ph_image_damage(image)->count, 0);
	}
	ph_image_close(image);
	free(core.data);
}

static size_t build_id_place(void)
{
	for (size_t i = 0; i < phdr_count; i++)
		for (size_t at = 0; phdrs[i].p_type == PT_NOTE && at + 24 < phdrs[i].p_filesz;) {
			const ElfW(Nhdr) *n = (const void *)(file + phdrs[i].p_offset + at);
			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4)
				return phdrs[i].p_offset + at + 16;
			at += 12 + ((n->n_namesz + 3) & ~3u) + ((n->n_descsz + 3) & ~3u);
		}
	return 0;
}

static void test_writable(void)
{
	struct ph_image_options options = { 0 };
	struct shape shape = { 0 };
	struct bytes core;
	struct ph_image *image = open_shape(&shape, &options, &core);
	const struct ph_module *modules;
	struct ph_segment ranges[4];
	if (ph_image_modules(image, &modules) == 1) {
		size_t n = ph_image_writable_ranges(image, &modules[0], ranges, 4);
		CHECK(n >= 1 && ranges[0].writable && ranges[0].file_size);
		CHECK(modules[0].dynamic >= ranges[0].start && modules[0].dynamic < ranges[n - 1].end);
		CHECK(ph_image_module_at(image, BASE + 100) == &modules[0]);
		CHECK(ph_image_module_at(image, BASE - 1) == NULL);
	}
	ph_image_close(image);
	free(core.data);
}

/* Memory that may have been written to is not taken from the file when the core shows no private memory at all. */
static void test_left_out_data(void)
{
	for (int i = 0; i < 2; i++) {
		struct ph_image_options options = { 0 };
		struct shape shape = { .no_dynamic = true, .no_anonymous = i == 1 };
		struct bytes core;
		uint8_t buffer[8];
		struct ph_image *image = open_shape(&shape, &options, &core);
		for (size_t k = 0; k < phdr_count; k++)
			if (phdrs[k].p_type == PT_LOAD && (phdrs[k].p_flags & PF_W))
				CHECK_EQ(ph_image_read(image, BASE + phdrs[k].p_vaddr, buffer, 8),
					 i ? PH_LEFT_OUT : PH_OK);
		CHECK_EQ(ph_image_read(image, BASE + 0x30000, buffer, 8), PH_OK);
		ph_image_close(image);
		free(core.data);
	}
}

int main(void)
{
	char empty[] = "/tmp/test-image-modules-XXXXXX";
	size_t id = map_library() ? build_id_place() : 0;
	if (!id || id > 4000) {
		fprintf(stderr, "no shared C library with a build-id in its first page: skipped\n");
		return 77;
	}
	if (!mkdtemp(empty))
		return 99;
	struct ph_image_options host = { 0 }, away = { .sysroot = empty };
	check_shape(&(struct shape){ 0 }, host, true, 0);
	check_shape(&(struct shape){ 0 }, away, false, 0);
	/* another build */
	check_shape(&(struct shape){ .spoil = id }, host, false, 1);
	/* no build-id to compare: the dynamic section tells; without that, nothing does */
	check_shape(&(struct shape){ .no_header = true }, host, true, 0);
	check_shape(&(struct shape){ .no_header = true, .no_dynamic = true }, host, false, 1);
	/* moved: found by name in the search path, by the user's word elsewhere */
	char *slash = strrchr(library, '/');
	*slash = 0;
	struct ph_image_options searched = { .solib_search_path = library };
	char moved[4096];
	snprintf(moved, sizeof(moved), "/no/such/folder/%s", slash + 1);
	check_shape(&(struct shape){ .path = moved }, searched, true, 0);
	searched.sysroot = empty;
	check_shape(&(struct shape){ .path = moved }, searched, false, 1);
	*slash = '/';
	struct ph_image_options named = { .sysroot = empty, .executable = library };
	check_shape(&(struct shape){ .path = moved }, named, true, 0);
	check_shape(&(struct shape){ .path = moved, .spoil = id }, named, false, 1);
	/* what is no ELF file costs a warning */
	named.executable = "/etc/passwd";
	check_shape(&(struct shape){ .path = moved }, named, false, 1);
	named.executable = "/no/such/file";
	check_shape(&(struct shape){ 0 }, (struct ph_image_options){ .executable = "/no/such/file" }, true, 1);
	char deleted[4096 + 16];
	snprintf(deleted, sizeof(deleted), "%s (deleted)", library);
	check_shape(&(struct shape){ .path = deleted }, host, true, 0);
	test_writable();
	test_left_out_data();
	rmdir(empty);
	dlclose(handle);
	return CHECK_DONE();
}
