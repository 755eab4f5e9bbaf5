/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stopped process: a core file, a minidump, or a debugger's target (callback.h). */
#ifndef PYHEAP_IMAGE_H
#define PYHEAP_IMAGE_H

#include <pyheap/callbacks.h>
#include <pyheap/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ph_image; /* opaque; one owner, not thread-safe to close, safe to read from many threads */

/* Symbols and sections from a debugger, in place of those that we read from module
 * files.  Any member may be NULL.  Addresses are those of the running process. */
struct ph_symbol_ops {
	/* The symbol in the module that lies at [start, end); 0 when there is none. */
	uint64_t (*symbol)(void *user, uint64_t start, uint64_t end, const char *name);
	/* "name+0x12" into the buffer, with a NUL; false when not known. */
	bool (*symbolize)(void *user, uint64_t address, char *buffer, size_t size);
	/* A section by name within [start, end). */
	bool (*section)(void *user, uint64_t start, uint64_t end, const char *name, uint64_t *ret_start,
			uint64_t *ret_size);
};

struct ph_image_options {
	const char *executable;		/* PYTHON argument, or NULL; a #! script is skipped with a warning */
	const char *sysroot;		/* in place of the host's root, or NULL; nothing outside is opened then */
	const char *solib_search_path;	/* colon-separated folders, or NULL */
	const struct ph_callbacks *callbacks; /* borrowed for the image's life, or NULL */
	const struct ph_symbol_ops *symbols;  /* the same; with symbols_user */
	void *symbols_user;
	bool record; /* what is read, for ph_session_write_trimmed() */
};

/* Open a core or minidump: a plain one is mapped; zstd, lz4, gzip, xz and "-" (standard
 * input) go into a sparse unlinked file under $TMPDIR first.
 * PH_ERROR_NOT_CORE, PH_ERROR_IO, PH_ERROR_NO_MEMORY; one line each. */
struct ph_error *ph_image_open_core(const char *path, const struct ph_image_options *options, struct ph_image **ret)
	__attribute__((warn_unused_result));

/* What a file is by its first bytes, so that CORE and PYTHON may come in either order. */
enum ph_file_kind {
	PH_FILE_UNKNOWN,
	PH_FILE_CORE,	    /* ELF ET_CORE, or a minidump */
	PH_FILE_COMPRESSED, /* by one of the compressors above: taken to be a core */
	PH_FILE_EXECUTABLE, /* other ELF, or PE */
	PH_FILE_SCRIPT,	    /* "#!" */
};
struct ph_error *ph_image_file_kind(const char *path, enum ph_file_kind *ret) __attribute__((warn_unused_result));

/* NULL-safe. */
void ph_image_close(struct ph_image *image);

#ifdef __cplusplus
}
#endif
#endif
