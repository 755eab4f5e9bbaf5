/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which file on this machine is the one that the process had mapped.
 *
 * Looked for in this order: the executable that the user named; the recorded path
 * below the sysroot or, without one, on the host; the folders of
 * solib_search_path; where a minidump has a name without a path, the folders of the
 * other modules and the system's, for a file with the build-id.  With a sysroot nothing outside it is opened, but for the
 * executable, which the user named.
 *
 * A file is used when its build-id is the one in the core.  Where the core holds
 * no build-id (built without, or the page with it is missing), the file must have
 * the same first page and the same dynamic section, address for address, as far
 * as the core holds them, and it must hold at least one of them. */
#include "image/backend.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "image/modfile.h"
#include "image/named.h"

#define MAX_MODULE_SIZE (16ull << 30)
#define MAX_WARNINGS 8

enum verdict { NOTHING_TO_COMPARE, DIFFERS, SAME };

static enum verdict compare_page(struct ph_image *image, const struct ph_module *module,
				 const struct ph_module_state *state, const struct ph_modfile *file)
{
	size_t size, n = image->info.page_size;
	const uint8_t *bytes = ph_modfile_bytes(file, &size);
	if (!state->header_in_core)
		return NOTHING_TO_COMPARE;
	n = n < size ? n : size;
	/* patchelf puts .dynamic into the first page, which is then written to: compare_dynamic() knows where */
	const struct ph_phdr *phdrs;
	size_t count = ph_modfile_phdrs(file, &phdrs);
	for (size_t i = 0; i < count; i++)
		if (phdrs[i].type == PT_DYNAMIC && phdrs[i].offset < n)
			n = (size_t)phdrs[i].offset;
	n = ph_image_core_readable(image, module->start, n);
	const void *page = ph_image_core_view(image, module->start, n);
	return page && !memcmp(page, bytes, n) ? SAME : DIFFERS;
}

/* Tags and values of .dynamic in memory are those of the file, but for DT_DEBUG
 * and for addresses, which glibc relocates in place on most machines. */
static enum verdict compare_dynamic(struct ph_image *image, const struct ph_module *module,
				    const struct ph_modfile *file)
{
	const struct ph_elf *elf = ph_modfile_elf(file);
	size_t size, word = elf->wide ? 8 : 4, count;
	const uint8_t *bytes = ph_modfile_bytes(file, &size);
	const struct ph_phdr *phdrs;
	size_t n = ph_modfile_phdrs(file, &phdrs);
	const struct ph_phdr *dynamic = NULL, *first = NULL;
	for (size_t i = 0; i < n; i++) {
		if (phdrs[i].type == PT_DYNAMIC)
			dynamic = &phdrs[i];
		if (phdrs[i].type == PT_LOAD && !first)
			first = &phdrs[i];
	}
	if (!dynamic || !first || dynamic->offset > size || dynamic->filesz > size - dynamic->offset)
		return NOTHING_TO_COMPARE;
	ph_addr bias = module->start - (first->vaddr & ~(ph_addr)(image->info.page_size - 1));
	count = (size_t)dynamic->filesz / (2 * word);
	for (size_t i = 0; i < count && i < 4096; i++) {
		const uint8_t *theirs = bytes + dynamic->offset + i * 2 * word;
		const uint8_t *ours = ph_image_core_view(image, bias + dynamic->vaddr + i * 2 * word, 2 * word);
		if (!ours)
			return NOTHING_TO_COMPARE;
		uint64_t tag = ph_load_uint(theirs, word, elf->big_endian);
		uint64_t value = ph_load_uint(theirs + word, word, elf->big_endian);
		uint64_t got = ph_load_uint(ours + word, word, elf->big_endian);
		if (ph_load_uint(ours, word, elf->big_endian) != tag)
			return DIFFERS;
		if (tag == DT_NULL)
			return i >= 4 ? SAME : NOTHING_TO_COMPARE;
		if (tag != DT_DEBUG && got != value && got != value + bias)
			return DIFFERS;
	}
	return NOTHING_TO_COMPARE;
}

/* NULL when the file is the module's; else why not, a static phrase. */
static const char *disagreement(struct ph_image *image, const struct ph_module *module,
				const struct ph_module_state *state, const struct ph_modfile *file)
{
	const struct ph_elf *elf = ph_modfile_elf(file);
	const char *id = ph_modfile_build_id(file);
	if ((image->format == PH_MODULES_PE) != (ph_modfile_pe(file) != NULL))
		return image->format == PH_MODULES_PE ? "it is not a program or library of Windows"
						      : "it is one of Windows";
	if (image->format == PH_MODULES_PE)
		return !module->build_id ? "the dump does not tell which build it was" :
		       strcmp(id, module->build_id) ? "it is another build" : NULL;
	if (elf->machine != image->machine->elf_machine || elf->wide != image->machine->wide)
		return "it is for another machine";
	if (elf->type != ET_EXEC && elf->type != ET_DYN)
		return "it is not a program or library";
	if (module->build_id)
		return !id ? "it has no build-id, the core has one" :
			     strcmp(id, module->build_id) ? "its build-id differs" : NULL;
	enum verdict page = compare_page(image, module, state, file), dynamic = compare_dynamic(image, module, file);
	if (page == DIFFERS || dynamic == DIFFERS)
		return "its headers differ from those in the core";
	if (page == NOTHING_TO_COMPARE && dynamic == NOTHING_TO_COMPARE)
		return "the core holds no build-id to compare it with";
	return NULL;
}

static bool keep_file(struct ph_image *image, struct ph_modfile *file)
{
	struct ph_modfile **grown = realloc(image->files, (image->file_count + 1) * sizeof(*grown));
	if (!grown) {
		ph_modfile_close(file);
		return false;
	}
	image->files = grown;
	grown[image->file_count++] = file;
	return true;
}

/* The file is the module's from now on. */
static void use_file(struct ph_image *image, struct ph_module *module, struct ph_module_state *state,
		     struct ph_modfile *file)
{
	const struct ph_phdr *phdrs;
	size_t count = ph_modfile_phdrs(file, &phdrs);
	module->file = file;
	module->file_path = ph_modfile_path(file);
	module->why_not = NULL;
	if (!module->build_id)
		module->build_id = ph_modfile_build_id(file);
	if (ph_modfile_pe(file))
		state->exports = ph_modfile_pe(file)->exports;
	if (!state->phdr_count && count && (state->phdrs = calloc(count, sizeof(*phdrs)))) {
		memcpy(state->phdrs, phdrs, count * sizeof(*phdrs));
		state->phdr_count = count;
		for (size_t i = 0; i < count; i++)
			if (phdrs[i].type == PT_LOAD && phdrs[i].offset < image->info.page_size) {
				module->bias = module->start - (phdrs[i].vaddr & ~(ph_addr)(image->info.page_size - 1));
				break;
			}
		for (size_t i = 0; i < count; i++)
			if (phdrs[i].type == PT_DYNAMIC)
				module->dynamic = module->bias + phdrs[i].vaddr;
	}
	ph_explain(image->callbacks, "module %s: file %s, build-id %s", module->path, module->file_path,
		   module->build_id ? module->build_id : "none");
}

/* A core from another host may disagree with every library of this one. */
static void warn_of_file(struct ph_image *image, const struct ph_module *module, const struct ph_modfile *file,
			 const char *differs)
{
	const char *id = ph_modfile_build_id(file);
	if (!image->info.complete && !module->build_id) {
		ph_explain(image->callbacks, "%s: %s, not used", ph_modfile_path(file), differs);
		if (!image->warned_of_cut)
			ph_warn(image->callbacks,
				"the core is cut: files of modules whose build-id it lacks are not used");
		image->warned_of_cut = true;
		return;
	}
	if (++image->file_warnings > MAX_WARNINGS) {
		if (image->file_warnings == MAX_WARNINGS + 1)
			ph_warn(image->callbacks, "more module files that are not those of the core are not listed");
		return;
	}
	ph_warn(image->callbacks, "%s: %s (core %s, file %s), not used", ph_modfile_path(file), differs,
		module->build_id ? module->build_id : "none", id ? id : "none");
}

/* Try one path; true when it is the one.  A file that is there and does not agree
 * is worth a warning, one that is not there is not. */
static bool try_path(struct ph_image *image, struct ph_module *module, struct ph_module_state *state, const char *root,
		     const char *path)
{
	const char *why = NULL;
	int fd = ph_open_named(root, path, NULL, MAX_MODULE_SIZE, &why);
	if (fd < 0) {
		module->why_not = why;
		return false;
	}
	ph_auto_buffer struct ph_buffer shown = PH_BUFFER(8192);
	ph_buffer_printf(&shown, "%s%s", root ? root : "", path);
	struct ph_modfile *file = ph_modfile_open(fd, ph_buffer_text(&shown), &why);
	if (!file) {
		module->why_not = why;
		return false;
	}
	const char *differs = disagreement(image, module, state, file);
	if (differs) {
		warn_of_file(image, module, file, differs);
		module->why_not = differs;
		ph_modfile_close(file);
		return false;
	}
	if (!keep_file(image, file))
		return false;
	use_file(image, module, state, file);
	return true;
}

/* ---- a library that is known by its name alone: Crashpad's lists have what the dynamic linker's has ---- */

#define MAX_FOLDERS 64

/* Below a folder; that another file of the name is there is no news. */
static bool try_folder(struct ph_image *image, struct ph_module *module, struct ph_module_state *state,
		       const char *folder, size_t size, const char *behind)
{
	unsigned warnings = image->file_warnings;
	ph_auto_buffer struct ph_buffer path = PH_BUFFER(PATH_MAX);
	ph_buffer_append(&path, folder, size);
	ph_buffer_printf(&path, "%s/%s", behind, module->name);
	image->file_warnings = MAX_WARNINGS + 1;
	bool found = try_path(image, module, state, image->sysroot, ph_buffer_text(&path));
	image->file_warnings = warnings;
	return found;
}

/* Debian's folders for each kind of machine, /usr/lib/x86_64-linux-gnu. */
static bool try_multiarch(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	ph_auto_buffer struct ph_buffer path = PH_BUFFER(PATH_MAX);
	bool found = false;
	ph_buffer_printf(&path, "%s/usr/lib", image->sysroot ? image->sysroot : "");
	DIR *dir = opendir(ph_buffer_text(&path));
	struct dirent *entry;
	for (unsigned n = 0; dir && !found && n < MAX_FOLDERS && (entry = readdir(dir));) {
		char behind[NAME_MAX + 2];
		if (!strstr(entry->d_name, "-linux-"))
			continue;
		snprintf(behind, sizeof(behind), "/%s", entry->d_name);
		found = try_folder(image, module, state, "/usr/lib", 8, behind);
		n++;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Beside the other modules, in lib beside the program's folder, in the system's folders; only what has the build-id. */
static bool find_by_name(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	static const char *const folders[] = { "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64" };
	unsigned tried = 0;
	for (size_t i = 0; i < image->module_count && tried < MAX_FOLDERS; i++) {
		const struct ph_module *other = &image->modules[i];
		size_t size = *other->path == '/' ? (size_t)(other->name - other->path) : 0;
		const struct ph_module *last = i ? other - 1 : NULL;
		if (size < 2 || (last && !other->is_executable && (size_t)(last->name - last->path) == size &&
				 !memcmp(last->path, other->path, size)))
			continue;
		tried++;
		if (try_folder(image, module, state, other->path, size - 1, "") ||
		    (other->is_executable && try_folder(image, module, state, other->path, size - 1, "/../lib")))
			return true;
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (try_folder(image, module, state, folders[i], strlen(folders[i]), ""))
			return true;
	return try_multiarch(image, module, state);
}

/* A folder of the search path: its name is the user's, the file's is the target's. */
static bool try_search_path(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	const char *why = module->why_not;
	for (const char *p = image->search_path; p && *p;) {
		size_t n = strcspn(p, ":");
		char *folder = n ? strndup(p, n) : NULL;
		char *whole = folder ? realpath(folder, NULL) : NULL;
		ph_auto_buffer struct ph_buffer path = PH_BUFFER(8192);
		if (whole) {
			ph_buffer_printf(&path, "%s/%s", whole, module->name);
			if (try_path(image, module, state, NULL, ph_buffer_text(&path)))
				why = NULL;
		}
		free(whole);
		free(folder);
		if (module->file)
			return true;
		p += n + (p[n] == ':');
	}
	if (why)
		module->why_not = why;
	return false;
}

/* Below the sysroot, as on the drive or right there; in the folders of the search path. */
static void find_windows_file(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	char path[PATH_MAX], name[NAME_MAX + 2];
	bool found = false;
	module->why_not = "a file of Windows";
	if (image->sysroot && ph_windows_path(module->path, path, sizeof(path)))
		found = try_path(image, module, state, image->sysroot, path);
	if (!found && image->sysroot && (size_t)snprintf(name, sizeof(name), "/%s", module->name) < sizeof(name))
		found = try_path(image, module, state, image->sysroot, name);
	if (!found && !image->sysroot && image->search_path && *module->name)
		found = try_search_path(image, module, state);
	if (!found && (image->sysroot || image->search_path))
		ph_explain(image->callbacks, "module %s: no file: %s", module->path, module->why_not);
}

void ph_image_find_file(struct ph_image *image, struct ph_module *module, struct ph_module_state *state)
{
	if (module->file)
		return;
	module->why_not = "it has no name";
	if (!*module->path)
		return;
	if (image->format == PH_MODULES_MACHO) {
		/* a core of macOS holds all that its own programs need, and libbfd does not read their files */
		module->why_not = "a file of macOS";
		return;
	}
	if (image->format == PH_MODULES_PE) {
		find_windows_file(image, module, state);
		return;
	}
	if (try_path(image, module, state, image->sysroot, module->path))
		return;
	if (!image->sysroot && image->search_path && *module->name && try_search_path(image, module, state))
		return;
	if (!strchr(module->path, '/') && module->build_id && find_by_name(image, module, state))
		return;
	ph_explain(image->callbacks, "module %s: no file: %s", module->path, module->why_not);
}

static struct ph_module *executable_module(struct ph_image *image)
{
	for (size_t i = 0; i < image->module_count; i++)
		if (image->modules[i].is_executable)
			return &image->modules[i];
	return NULL;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* A mistyped folder would lose sources and symbols in silence. */
static void warn_of_folders(struct ph_image *image)
{
	if (image->sysroot && !is_folder(image->sysroot))
		ph_warn(image->callbacks, "--sysroot=%s: is not a folder: no module files and sources are found",
			image->sysroot);
	if (image->sysroot && image->search_path) {
		ph_warn(image->callbacks, "solib-search-path is not used with a sysroot: nothing outside it is opened");
		return;
	}
	ph_auto_buffer struct ph_buffer missing = PH_BUFFER(4096);
	for (const char *p = image->search_path; p && *p;) {
		size_t n = strcspn(p, ":");
		ph_auto_free char *folder = n ? strndup(p, n) : NULL;
		if (folder && !is_folder(folder))
			ph_buffer_printf(&missing, "%s%s", missing.size ? ", " : "", folder);
		p += n + (p[n] == ':');
	}
	if (missing.size)
		ph_warn(image->callbacks, "--solib-search-path: not a folder: %s", ph_buffer_text(&missing));
}

void ph_image_use_executable(struct ph_image *image)
{
	const char *why = "cannot be opened", *path = image->executable;
	warn_of_folders(image);
	if (!path)
		return;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct ph_modfile *file = fd < 0 ? NULL : ph_modfile_open(fd, path, &why);
	if (!file) {
		ph_warn(image->callbacks, "%s: %s; going on without it", path, fd < 0 ? "cannot be opened" : why);
		return;
	}
	struct ph_module *module = executable_module(image);
	const char *id = ph_modfile_build_id(file);
	/* it may be the library that holds the interpreter as well */
	for (size_t i = 0; i < image->module_count && id; i++)
		if (image->modules[i].build_id && !strcmp(image->modules[i].build_id, id))
			module = &image->modules[i];
	struct ph_module_state *state = module ? &image->module_states[module - image->modules] : NULL;
	const char *differs = module ? disagreement(image, module, state, file) : "no module of the core is like it";
	if (differs) {
		ph_warn(image->callbacks, "%s: %s (core %s, file %s); going on without it", path, differs,
			module && module->build_id ? module->build_id : "none", id ? id : "none");
		ph_modfile_close(file);
	} else if (keep_file(image, file)) {
		use_file(image, module, state, file);
		atomic_store_explicit(&state->looked, true, memory_order_release);
	}
}

static bool try_debug(struct ph_image *image, const struct ph_module *module, const char *path)
{
	const char *why;
	int fd = ph_open_named(image->sysroot, path, NULL, MAX_MODULE_SIZE, &why);
	struct ph_modfile *debug = fd < 0 ? NULL : ph_modfile_open(fd, path, &why);
	const char *id = debug ? ph_modfile_build_id(debug) : NULL;
	if (!id || !module->build_id || strcmp(id, module->build_id)) {
		ph_modfile_close(debug);
		return false;
	}
	if (module->file)
		ph_modfile_add_debug(module->file, debug);
	else if (keep_file(image, debug))
		image->module_states[module - image->modules].debug_file = debug;
	else
		return false;
	ph_explain(image->callbacks, "module %s: debug file %s", module->path, path);
	return true;
}

void ph_image_find_debug(struct ph_image *image, const struct ph_module *module)
{
	const char *id = module->build_id, *link;
	char path[PH_BUILD_ID_SIZE + 64];
	/* gdb's manual, "Debugging Information in Separate Files" */
	if (id && strlen(id) > 2) {
		snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
		if (try_debug(image, module, path))
			return;
	}
	if (!id || *module->path != '/' || !module->file || !(link = ph_modfile_debuglink(module->file)) ||
	    strchr(link, '/'))
		return;
	/* where the process had the file, and where it was found */
	const char *found = image->sysroot || !module->file_path ? NULL : strrchr(module->file_path, '/');
	int folder = (int)(module->name - module->path),
	    found_folder = found ? (int)(found - module->file_path) + 1 : 0;
	const struct {
		const char *before, *folder;
		int size;
		const char *within;
	} forms[] = {
		{ "", module->path, folder, "" },
		{ "", module->path, folder, ".debug/" },
		{ "/usr/lib/debug", module->path, folder, "" },
		{ "", module->file_path, found_folder, "" },
		{ "", module->file_path, found_folder, ".debug/" },
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		ph_auto_buffer struct ph_buffer text = PH_BUFFER(8192);
		ph_buffer_printf(&text, "%s%.*s%s%s", forms[i].before, forms[i].size,
				 forms[i].folder ? forms[i].folder : "", forms[i].within, link);
		if (forms[i].size && try_debug(image, module, ph_buffer_text(&text)))
			return;
	}
}
