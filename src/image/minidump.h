/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that read a minidump share.
 *
 * The format is Microsoft's (minidumpapiset.h as documented on learn.microsoft.com; names of structs and members are
 * theirs) with the streams that Breakpad and Crashpad added.  All of it is little-endian; an RVA is an offset in the
 * file.  Nothing is believed: a stream is a cursor that ends with the stream or the file, whichever comes first, and a
 * list has as many entries as there is room for.  What writers do that the documentation does not say is in
 * doc/folklore.md. */
#ifndef IMAGE_MINIDUMP_H
#define IMAGE_MINIDUMP_H

#include "base/cursor.h"
#include "image/backend.h"

#define PH_MINIDUMP_MAGIC "MDMP"

/* MINIDUMP_STREAM_TYPE; those from 0x4350 on are Crashpad's ("CP"), from 0x4767 on Breakpad's ("Gg"). */
enum ph_stream {
	PH_STREAM_THREAD_LIST = 3,
	PH_STREAM_MODULE_LIST = 4,
	PH_STREAM_MEMORY_LIST = 5,
	PH_STREAM_EXCEPTION = 6,
	PH_STREAM_SYSTEM_INFO = 7,
	PH_STREAM_THREAD_EX_LIST = 8,
	PH_STREAM_MEMORY64_LIST = 9,
	PH_STREAM_UNLOADED_MODULE_LIST = 14,
	PH_STREAM_MISC_INFO = 15,
	PH_STREAM_MEMORY_INFO_LIST = 16,
	PH_STREAM_THREAD_NAMES = 24,
	PH_STREAM_CRASHPAD_INFO = 0x43500001,
	PH_STREAM_BREAKPAD_INFO = 0x47670001,
	PH_STREAM_LINUX_PROC_STATUS = 0x47670004,
	PH_STREAM_LINUX_CMD_LINE = 0x47670006,
	PH_STREAM_LINUX_ENVIRON = 0x47670007,
	PH_STREAM_LINUX_AUXV = 0x47670008,
	PH_STREAM_LINUX_MAPS = 0x47670009,
	PH_STREAM_LINUX_DSO_DEBUG = 0x4767000a,
	PH_STREAM_LINUX_STAT = 0x4767000b, /* LLDB's */
	/* ours (trim.c), "Ph": the alignment of an ELF core's notes in 8 bytes, then the notes; ranges, start and size
	 * of 8 bytes each, that were readable, whether their bytes are here or not; what was wrong with the file that
	 * was trimmed (minidump_ours.c); ranges that it should have held and did not, as those above */
	PH_STREAM_OUR_NOTES = 0x50680001,
	PH_STREAM_OUR_READABLE = 0x50680002,
	PH_STREAM_OUR_DAMAGE = 0x50680003,
	PH_STREAM_OUR_CUT = 0x50680004,
};

/* MINIDUMP_TYPE, the header's flags */
#define PH_MINIDUMP_WITH_FULL_MEMORY 0x2u

/* Where the registers of a CONTEXT lie (minidump_context.c). */
struct ph_context {
	uint16_t architecture;	  /* ProcessorArchitecture of MINIDUMP_SYSTEM_INFO */
	uint16_t elf_machine;	  /* the row of machine.def */
	bool wide;
	uint16_t flags;		  /* bytes from the start of the CONTEXT to ContextFlags */
	uint16_t pc, sp, fp;	  /* the same */
	uint16_t general;	  /* the first of the registers that the names are of, of a pointer's size each */
	const char *const *names; /* NULL for what can hold no operand; NULL itself: those of pr_reg (machine.def) */
	uint16_t name_count;
	uint16_t size;		  /* bytes that a CONTEXT has at least */
	uint16_t whole;		  /* bytes of one that is written */
	uint32_t control_flags;	  /* ContextFlags for what is written: control and integer registers */
	uint16_t peb, parameters, command_line; /* in the TEB, the PEB and RTL_USER_PROCESS_PARAMETERS of Windows */
};
/* NULL when there is no row. */
const struct ph_context *ph_context_find(unsigned architecture);
/* For writing; NULL when there is none. */
const struct ph_context *ph_context_of_machine(const struct ph_machine *machine);
const char *const *ph_context_names(const struct ph_context *context, const struct ph_machine *machine,
				    unsigned *ret_count);
/* "arm64", "PROCESSOR_ARCHITECTURE 10" … of any, for messages; into the buffer or static. */
const char *ph_context_name(unsigned architecture, char buffer[48]);

#define PH_MINIDUMP_MODULE_SIZE 108u   /* MINIDUMP_MODULE */
#define PH_MINIDUMP_THREAD_SIZE 48u    /* bytes of a MINIDUMP_THREAD */
#define PH_MINIDUMP_THREAD_EX_SIZE 64u /* and with a BackingStore */

#define PH_MINIDUMP_MAX_THREADS 10000u

struct ph_minidump_stream {
	uint32_t type;
	uint32_t size, rva;
};

struct ph_minidump {
	struct ph_image *image;
	const uint8_t *data;
	size_t size;
	const char *name; /* of the file, for messages */
	uint64_t flags;
	struct ph_minidump_stream *streams;
	size_t stream_count;
	const struct ph_context *context;
	bool windows;
	bool cut; /* something lies beyond the end of the file */
	uint64_t main_teb; /* of the thread that was listed first; 0 none */
	/* memory, until it is settled (minidump_memory.c) */
	struct ph_minidump_region *regions;
	size_t region_count;
	struct ph_minidump_range *ranges;
	size_t range_count;
};

/* ---- minidump.c: what all readers use ---- */

/* `size` bytes at an RVA, or NULL. */
const uint8_t *ph_minidump_at(struct ph_minidump *md, uint64_t rva, uint64_t size);
/* The index'th stream of a type; false when there is none. */
bool ph_minidump_stream(struct ph_minidump *md, uint32_t type, size_t index, struct ph_cursor *ret);
/* The cursor stands behind the number of entries of a list: how many there are, with damage where not all claimed ones
 * fit.  Some writers align the first entry to 8 bytes, which the stream's size tells. */
size_t ph_minidump_entries(struct ph_minidump *md, struct ph_cursor *stream, uint64_t claimed, size_t entry_size,
			   const char *what);
/* A MINIDUMP_STRING (or what else has a size in bytes and UTF-16 behind it), interned; NULL when it is not there. */
const char *ph_minidump_string(struct ph_minidump *md, uint64_t rva);
/* `size` bytes of UTF-16, interned. */
const char *ph_minidump_utf16(struct ph_image *image, const uint8_t *data, size_t size);
/* Something in the file is not as it has to be. */
void ph_minidump_damage(struct ph_minidump *md, const char *where, const char *what);

/* ---- minidump_memory.c ---- */

/* MemoryList, Memory64List, MemoryInfoList and LinuxMaps into segments, spans and mappings. */
struct ph_error *ph_minidump_memory(struct ph_minidump *md) __attribute__((warn_unused_result));

/* ---- minidump_streams.c ---- */

struct ph_error *ph_minidump_system(struct ph_minidump *md) __attribute__((warn_unused_result));
struct ph_error *ph_minidump_threads(struct ph_minidump *md) __attribute__((warn_unused_result));
struct ph_error *ph_minidump_modules(struct ph_minidump *md) __attribute__((warn_unused_result));
void ph_minidump_process(struct ph_minidump *md);
void ph_minidump_exceptions(struct ph_minidump *md);

/* ---- minidump_notes.c: what the program and its writer noted (CrashpadInfo, UnloadedModuleList) ---- */

/* MiscInfo: the process's number, and as annotations when it began, its processor time, the build of the system. */
void ph_minidump_misc(struct ph_minidump *md);
void ph_minidump_annotations(struct ph_minidump *md);
void ph_minidump_unloaded(struct ph_minidump *md);

/* minidump_partial.c: whether the heap was left out, and how it is to be had (info.partial). */
void ph_minidump_partial(struct ph_minidump *md);

/* ---- minidump_ours.c: what trim.c wrote beside the usual streams ---- */

/* Ranges that were readable before the file was trimmed. */
struct ph_error *ph_minidump_hollow(struct ph_minidump *md) __attribute__((warn_unused_result));
/* A trimmed ELF core: its notes say all that the other streams say, and more; false when there are none. */
bool ph_minidump_notes(struct ph_minidump *md);
/* The damage of the file that was trimmed, and why it had no heap. */
void ph_minidump_old_damage(struct ph_minidump *md);
struct ph_buffer;
void ph_minidump_put_damage(const struct ph_image *image, struct ph_buffer *to);

/* ---- minidump_linux.c ---- */

struct ph_error *ph_minidump_linux_maps(struct ph_minidump *md) __attribute__((warn_unused_result));
void ph_minidump_linux_process(struct ph_minidump *md);

/* "EXCEPTION_ACCESS_VIOLATION"; NULL when the code has no name here. */
const char *ph_exception_code_name(uint32_t code);

struct ph_minidump_region { /* what the process had mapped, whether its bytes are there or not */
	ph_addr start, end;
	bool readable, writable, executable;
	bool shared; /* with other processes, as LinuxMaps says */
};

struct ph_minidump_range { /* bytes in the file */
	ph_addr start, end;
	uint64_t offset;
	bool lost; /* that the file which was trimmed had lost already: none are here */
};

struct ph_error *ph_minidump_add_region(struct ph_minidump *md, struct ph_minidump_region region)
	__attribute__((warn_unused_result));

#endif
