/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the tables of this room are written, and the rows that they become.  Private to layout/.
 *
 * A struct is its members in declaration order, each with the versions that have it and, where it matters, the ABI
 * condition; the C layout rules give the offsets for any pointer and long size:
 *
 *	PH_STRUCT(name)
 *	PH_BASE(struct, versions)			an unnamed first part: PyObject_HEAD
 *	PH_MEMBER(struct, member, class, n, versions)	n elements (0 or 1 also for flexible arrays)
 *	PH_MEMBER_IF(condition, struct, member, class, n, versions)
 *	PH_NEST(struct, member, nested struct, n, versions)
 *	PH_NEST_IF(condition, struct, member, nested struct, n, versions)
 *	PH_BIT(struct, member, bits, versions)		a bit-field of an unsigned int
 *	PH_PAD(class, n, versions)			n elements without a name; and PH_PAD_IF
 *	PH_ALIGN(n, versions)				within others, the struct is aligned to n bytes only; and PH_ALIGN_IF
 *
 * Where a struct is too large to be listed whole, explicit offsets, in a file for each kind of ABI (enum ph_abi_kind;
 * tables.c says which file is whose).  A field without a row for the kind is absent there, never another kind's:
 *
 *	PH_AT(struct, member, class, offset, versions)
 *	PH_AT_SIZE(struct, size, versions)
 *	PH_AT_DEBUG(struct, member, class, offset, versions)	in debug builds, instead; and PH_AT_SIZE_DEBUG
 *
 * A nested struct must be listed before.  A row that places a member a second time in one version is a mistake, which
 * the tests find. */
#ifndef LAYOUT_STRUCT_H
#define LAYOUT_STRUCT_H

#include "layout/layout.h"

/* Versions as major, minor, micro in decimal: 3.12.1 is 31201.  Ranges are inclusive.  The newest and oldest of the
 * tables are open ends: "since" means up to the newest version that the tables know. */
#define PH_OLDEST 20700
#define PH_NEWEST 31599
#define ALL PH_OLDEST, PH_NEWEST
#define SINCE(minor) (minor) * 100, PH_NEWEST
#define UNTIL(minor) PH_OLDEST, (minor) * 100 + 99
#define RANGE(from, to) (from) * 100, (to) * 100 + 99
#define MICROS(from, to) from, to /* in full: MICROS(31200, 31203) */

enum ph_class {
	PH_CLASS_PTR,
	PH_CLASS_SSIZE,
	PH_CLASS_SIZE,
	PH_CLASS_LONG,
	PH_CLASS_ULONG,
	PH_CLASS_I64,
	PH_CLASS_U64,
	PH_CLASS_DOUBLE,
	PH_CLASS_INT,
	PH_CLASS_UINT,
	PH_CLASS_SHORT,
	PH_CLASS_USHORT,
	PH_CLASS_CHAR,
	PH_CLASS_UCHAR,
	PH_CLASS_LDOUBLE,
	PH_CLASS_LOCK,	/* a pthread_mutex_t; 0 bytes on Windows */
	PH_CLASS_COND,	/* a pthread_cond_t */
	PH_CLASS_WORDS, /* something of n pointer-sized words that is not looked into */
	PH_CLASS_INTS,	/* the same, of n times 4 bytes */
	PH_CLASS_STRUCT,
	PH_CLASS_BLOB, /* a struct of known size in an explicit row: PH_CLASS_BLOB + size */
};
#define PH_CLASS_BLOB(size) (PH_CLASS_BLOB + (size))

enum ph_condition {
	PH_IF_ALWAYS,
	PH_IF_TRACE_REFS,
	PH_IF_FREE_THREADED,
	PH_IF_WITH_GIL,
	PH_IF_WITH_GIL_WIDE, /* and 64-bit */
	PH_IF_DEBUG,
	PH_IF_WIDE,   /* 64-bit */
	PH_IF_NARROW, /* 32-bit */
	PH_IF_WIDE_GC_HEAD,
	PH_IF_PLAIN_GC_HEAD,
	PH_IF_LONG_DOUBLE, /* long double has 16 bytes: 64-bit, but for Windows */
	PH_IF_WINDOWS,	   /* locks are not pthreads' */
	PH_IF_NOT_WINDOWS,
};

enum ph_row_kind { PH_ROW_STRUCT, PH_ROW_MEMBER, PH_ROW_BIT, PH_ROW_ALIGN };

struct ph_row {
	uint8_t kind;	   /* enum ph_row_kind */
	uint8_t condition; /* enum ph_condition */
	uint8_t class;	   /* enum ph_class */
	uint16_t count;	   /* elements, bits, or bytes to align to */
	int32_t field;	   /* enum ph_field; for PH_ROW_STRUCT the size's; -1 none */
	int32_t nested;	   /* the size's field of the nested struct, with PH_CLASS_STRUCT */
	uint32_t versions[2];
};

/* What makes the same members lie elsewhere in a struct that is listed by explicit offsets.  Byte order does not. */
enum ph_abi_kind {
	PH_ABI_LP64, /* 64-bit Linux with locks of pthreads of 40 bytes: x86-64, riscv64, ppc64el, s390x, i.e. most */
	PH_ABI_LP64_BIG_LOCK, /* of 48 bytes: arm64 */
	PH_ABI_LP64_MACOS,    /* of 64 bytes */
	PH_ABI_ILP32,	      /* 32-bit, 8-byte scalars aligned to 8: armhf */
	PH_ABI_ILP32_ALIGN4,  /* to 4: i386 */
	PH_ABI_LLP64,	      /* 64-bit Windows */
	PH_ABI_ILP32_NO_LOCK, /* 32-bit Windows */
	PH_ABI_FREE_THREADED, /* LP64 with Py_GIL_DISABLED */
	PH_ABI_UNKNOWN,	      /* no explicit offsets: what they give is inferred */
};

struct ph_at_row {
	int32_t field;
	uint8_t kind; /* enum ph_abi_kind */
	uint32_t class; /* enum ph_class, or PH_CLASS_BLOB(size) */
	int32_t offset;
	bool is_size;
	bool debug; /* of Py_DEBUG builds only, where it takes the place of the other */
	uint32_t versions[2];
};

extern const struct ph_row ph_layout_rows[];
extern const size_t ph_layout_rows_count;
extern const struct ph_at_row ph_layout_at_rows[];
extern const size_t ph_layout_at_rows_count;

/* The rows over `layout`, whose version and abi are set.  False on a row that cannot be right (a nested struct that is
 * not known, a second place for a member): a mistake in the table. */
bool ph_layout_place(struct ph_layout *layout, const struct ph_row *rows, size_t count);

/* The same over `placed`, a copy of `layout`, which it becomes: rows of structs that are not CPython's (mimalloc's, greenlet's),
 * which go by versions of their own.  A layout that is newer than the newest known is placed as that. */
bool ph_layout_place_library(struct ph_layout *layout, struct ph_layout *placed, const struct ph_row *rows, size_t count);

/* Fill the traits from version and abi (traits.c). */
void ph_layout_fill_traits(struct ph_layout *layout);

enum ph_abi_kind ph_layout_abi_kind(const struct ph_abi *abi);

/* Bytes of a scalar class in an ABI, and whether it is signed; 0 for structs. */
unsigned ph_class_size(unsigned class, const struct ph_abi *abi, bool *ret_signed);

static inline uint32_t ph_version_number(struct ph_version v)
{
	return v.major * 10000u + v.minor * 100u + (v.micro > 99 ? 99 : v.micro);
}

#endif
