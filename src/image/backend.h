/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the room: what an image is made of, and the ops that a kind of image fills.
 *
 * A kind (elfcore.c, callback.c; later minidump, live) fills `info`, `segments`,
 * `spans`, `mappings`, `threads` and `auxv` when it opens; memory.c, modules.c,
 * symbols.c and strings.c work from those alone.  All but what `lock` guards is
 * constant from then on, which is what makes reads thread-safe. */
#ifndef IMAGE_BACKEND_H
#define IMAGE_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/callbacks.h"
#include "base/error.h"
#include "image/elf.h"
#include "image/image.h"
#include "image/machine.h"
#include "image/pe.h"
#include "image/trace.h"

/* Bytes of the target that we hold: [start, end) at data. */
struct ph_span {
	ph_addr start, end;
	const uint8_t *data;
};

enum ph_module_format { PH_MODULES_ELF, PH_MODULES_PE, PH_MODULES_MACHO };

struct ph_image_ops {
	/* For kinds whose spans are filled on demand (ondemand.h); NULL for files.  Have [addr, addr+size),
	 * which lies within the span; false when it cannot be read.  Thread-safe. */
	bool (*fill)(struct ph_image *image, const struct ph_span *span, ph_addr addr, size_t size);
	/* See ph_image_settle(); may be NULL. */
	void (*settle)(struct ph_image *image);
	/* Give back what the kind owns (`kind_data`); the rest is freed by image.c. */
	void (*close)(struct ph_image *image);
};

/* A file that the process had mapped (NT_FILE): [start, end) from `offset` bytes of it on. */
struct ph_mapping {
	ph_addr start, end;
	uint64_t offset;
	const char *path; /* borrowed from the note or interned; NUL-terminated */
	uint32_t module;  /* index + 1 into modules, 0 none; set by modules.c */
	/* Of a list of modules rather than of mapped files (minidump.c): one is a whole module, whose size may be
	 * wrong, and where in the file its pages lie follows from the module's headers. */
	bool by_headers;
	bool main;		   /* the list says that it is the program */
	uint32_t timestamp, image_size; /* by which the file of a PE module is known; 0 unknown */
	const char *build_id;	   /* that the list has, or NULL */
};

struct ph_auxv {
	uint64_t type, value;
};

/* What is known beyond struct ph_module, same index. */
struct ph_module_state {
	struct ph_phdr *phdrs; /* from the core's memory, else from the trusted file; NULL unknown */
	size_t phdr_count;
	bool header_in_core; /* the module's first page is in the core, and is of the image's format */
	struct ph_pe_exports exports; /* of a PE module; .rva 0: none, or not known yet */
	atomic_bool looked;  /* for the file */
	/* dynamic symbols, under lock */
	bool dynamic_looked;
	struct ph_dynamic *dynamic;
	bool debug_looked; /* for a separate debug file */
	struct ph_modfile *debug_file; /* of a module whose own file is not there; NULL none */
};

struct ph_strings {
	const char **items;
	size_t count;
};

struct ph_interned {
	struct ph_interned *next;
	char text[];
};

/* A part of the file that is kept as it stands for what trim.c writes: a stream of a minidump, or PH_STREAM_OUR_NOTES.
 * */
struct ph_raw {
	uint32_t type;
	const uint8_t *data;
	size_t size;
	uint64_t align; /* of notes */
};
#define PH_MAX_RAWS 16

struct ph_image {
	const struct ph_image_ops *ops;
	void *kind_data;
	struct ph_ondemand *ondemand; /* NULL for files */
	struct ph_image_info info;
	const struct ph_machine *machine;
	const struct ph_callbacks *callbacks;
	const struct ph_symbol_ops *symbols; /* NULL: from module files */
	void *symbols_user;
	struct ph_damage damage;
	char *executable, *sysroot, *search_path;

	struct ph_segment *segments;
	size_t segment_count;
	struct ph_span *spans; /* sorted, without overlaps, neighbours merged */
	size_t span_count;
	uint64_t span_bytes;
	_Atomic uint64_t bound; /* of what is resident: ph_image_set_bound() */
	int statm;		/* where that is read, above 0; it is asked for often */
	struct ph_mapping *mappings; /* sorted, without overlaps */
	size_t mapping_count;
	struct ph_native_thread *threads;
	size_t thread_count;
	struct ph_auxv *auxv;
	size_t auxv_count;
	struct ph_raw raws[PH_MAX_RAWS];
	size_t raw_count;
	struct ph_extent *hollow; /* sorted, disjoint: known to have been readable, of a trimmed file */
	size_t hollow_count;
	struct ph_trace *trace; /* what is read; NULL: not recorded */
	bool debugger_core; /* written by gdb's gcore, not by the kernel */
	enum ph_module_format format;
	bool anonymous_dumped; /* private writable memory is in the core: see ph_image_file_bytes() */

	pthread_mutex_t lock; /* recursive; guards what is below, and files being looked for */
	atomic_bool modules_looked;
	struct ph_module *modules;
	struct ph_module_state *module_states;
	size_t module_count;
	uint32_t *load_order; /* module indices, or NULL: as they lie */
	struct ph_modfile **files; /* owned, including files that did not agree */
	size_t file_count;
	unsigned file_warnings;
	bool warned_of_cut;
	bool strings_looked;
	struct ph_strings arguments, environment;
	struct ph_unloaded_module *unloaded; /* what info.unloaded and info.annotations point to */
	struct ph_annotation *annotations;
	struct ph_interned *interned;
};

/* image.c: a new image with the options copied. */
struct ph_error *ph_image_create(const struct ph_image_options *options, const struct ph_image_ops *ops,
				 struct ph_image **ret) __attribute__((warn_unused_result));
/* image->machine, and what follows from it of image->info on Linux; another system's kind mends the latter. */
void ph_image_set_machine(struct ph_image *image, const struct ph_machine *machine);
/* A copy that lives as long as the image; NULL without memory.  Takes the lock. */
const char *ph_image_intern(struct ph_image *image, const char *text);
/* AT_*; false when the vector lacks it. */
bool ph_image_auxv(const struct ph_image *image, uint64_t type, uint64_t *ret);

void ph_image_keep_raw(struct ph_image *image, uint32_t type, const uint8_t *data, size_t size, uint64_t align);

/* memory.c: sort and join the spans.  Only bytes of the image itself (never of
 * module files) come from ph_image_core_view(). */
void ph_image_forget_lenses(void);
void ph_image_set_spans(struct ph_image *image, struct ph_span *spans, size_t count);
const void *ph_image_core_view(struct ph_image *image, ph_addr addr, size_t size);
size_t ph_image_core_readable(struct ph_image *image, ph_addr addr, size_t maximum);
const struct ph_mapping *ph_image_mapping_at(const struct ph_image *image, ph_addr addr);
const struct ph_segment *ph_image_segment_at(const struct ph_image *image, ph_addr addr);

/* No segment reaches beyond it: the sum of an address in a segment and of less than a megabyte does not overflow, which walks
 * by alignment rely on.  No kernel maps that last megabyte; Linux's vsyscall page is 10 MB below the end. */
#define PH_ADDRESS_TOP (UINT64_MAX - 0xfffff)

/* segments.c: sort the segments, and cut off what overlaps an earlier one or leaves the address space; returns how many did. */
uint64_t ph_image_settle_segments(struct ph_image *image);
/* The spans of segments that lie in `data` (a whole file), and what a cut took of them as damage. */
struct ph_error *ph_image_hold_segments(struct ph_image *image, const uint8_t *data)
	__attribute__((warn_unused_result));
void ph_image_count_missing(struct ph_image *image);

/* modules.c: the bytes at addr from the module file that was mapped there,
 * NULL when there is none that may be used; *ret_size: bytes from addr on. */
const uint8_t *ph_image_file_bytes(struct ph_image *image, ph_addr addr, size_t *ret_size);
/* The modules are known after this; takes the lock. */
void ph_image_load_modules(struct ph_image *image);
/* linkmap.c: fill mappings where the image has no list of mapped files; then load_order, which needs the modules. */
void ph_image_map_modules(struct ph_image *image);
void ph_image_order_modules(struct ph_image *image);
void ph_image_free_modules(struct ph_image *image);

/* trust.c: the file of a module, looked for and compared; call with the lock held. */
void ph_image_find_file(struct ph_image *image, struct ph_module *module, struct ph_module_state *state);

/* The executable that the user named, compared once, when the modules are known. */
void ph_image_use_executable(struct ph_image *image);

/* Give the module's file its separate debug file, if there is one; lock held. */
void ph_image_find_debug(struct ph_image *image, const struct ph_module *module);

/* Sort the mappings, and of those that overlap keep the first. */
void ph_image_settle_mappings(struct ph_image *image);
/* The last component of a path of the target's. */
const char *ph_image_last_component(const char *path);

/* notes.c: the notes of a core into the image; false when there is no whole NT_PRSTATUS. */
bool ph_image_parse_notes(struct ph_image *image, const void *notes, size_t size, uint64_t align);
/* What the notes left open: which thread crashed, the signal, the command. */
void ph_image_finish_notes(struct ph_image *image);

#endif
