/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the versions mean: the values of the traits (traits.def says what they say). */
#include "layout/struct.h"

#define NOT_A_STATE 127

struct trait_row {
	uint16_t trait;
	int32_t value;
	uint32_t versions[2];
};

#define ROW(t, v, ...) { .trait = PH_TRAIT_##t, .value = (v), .versions = { __VA_ARGS__ } }

/* What has no row for a version is -1. */
static const struct trait_row rows[] = {
	/* Include/cpython/longintrepr.h; lv_tag since 3.12 (gh-101291) */
	ROW(INT_SIGN_IN_TAG, 0, UNTIL(311)),
	ROW(INT_SIGN_IN_TAG, 1, SINCE(312)),
	ROW(INT_TAG_SHIFT, 3, SINCE(312)),
	ROW(INT_TAG_SIGN_MASK, 3, SINCE(312)),
	ROW(INT_DIGIT_BITS, 30, ALL),
	ROW(INT_DIGIT_BYTES, 4, ALL),

	/* Include/cpython/unicodeobject.h; ready and wstr went with PEP 623 in 3.12 */
	ROW(STR_INTERNED_SHIFT, 0, ALL),
	ROW(STR_INTERNED_BITS, 2, ALL),
	ROW(STR_KIND_SHIFT, 2, ALL),
	ROW(STR_KIND_BITS, 3, ALL),
	ROW(STR_COMPACT_SHIFT, 5, ALL),
	ROW(STR_ASCII_SHIFT, 6, ALL),
	ROW(STR_READY_SHIFT, 7, UNTIL(311)),
	ROW(STR_STATIC_SHIFT, 7, SINCE(312)),
	ROW(STR_IS_BYTES, 1, UNTIL(207)),
	ROW(STR_IS_BYTES, 0, SINCE(306)),
	ROW(STR_HAS_WSTR, 1, UNTIL(311)),
	ROW(STR_HAS_WSTR, 0, SINCE(312)),

	/* Objects/dict-common.h up to 3.10, then Include/internal/pycore_dict.h */
	ROW(DICT_KEYS_LOG2, 0, UNTIL(310)),
	ROW(DICT_KEYS_LOG2, 1, SINCE(311)),
	ROW(DICT_HAS_UNICODE_KEYS, 0, UNTIL(310)),
	ROW(DICT_HAS_UNICODE_KEYS, 1, SINCE(311)),
	ROW(DICT_KIND_GENERAL, 0, SINCE(311)),
	ROW(DICT_KIND_UNICODE, 1, SINCE(311)),
	ROW(DICT_KIND_SPLIT, 2, SINCE(311)),
	ROW(DICT_VALUES_FORM, 0, UNTIL(310)),
	ROW(DICT_VALUES_FORM, 1, RANGE(311, 312)),
	ROW(DICT_VALUES_FORM, 2, SINCE(313)),

	/* Include/internal/pycore_object.h: _PyObject_ValuesPointer (3.11), _PyObject_DictOrValuesPointer (3.12),
	 * _PyObject_ManagedDictPointer and _PyObject_InlineValues (3.13) */
	ROW(OBJECT_DICT_FORM, 0, UNTIL(310)),
	ROW(OBJECT_DICT_FORM, 1, RANGE(311, 311)),
	ROW(OBJECT_DICT_FORM, 2, RANGE(312, 312)),
	ROW(OBJECT_DICT_FORM, 3, SINCE(313)),

	/* Include/object.h */
	ROW(TPFLAG_MANAGED_DICT, 4, SINCE(311)),
	ROW(TPFLAG_MANAGED_WEAKREF, 3, SINCE(312)),
	ROW(TPFLAG_INLINE_VALUES, 2, SINCE(313)),
	ROW(TPFLAG_STATIC_BUILTIN, 1, SINCE(312)),
	ROW(TPFLAG_ITEMS_AT_END, 23, SINCE(312)),
	ROW(TPFLAG_HEAPTYPE, 9, ALL),
	ROW(TPFLAG_READY, 12, ALL),
	ROW(TPFLAG_HAVE_GC, 14, ALL),
	ROW(TPFLAG_INT_SUBCLASS, 23, UNTIL(207)),
	ROW(TPFLAG_LONG_SUBCLASS, 24, ALL),
	ROW(TPFLAG_LIST_SUBCLASS, 25, ALL),
	ROW(TPFLAG_TUPLE_SUBCLASS, 26, ALL),
	ROW(TPFLAG_BYTES_SUBCLASS, 27, ALL),
	ROW(TPFLAG_UNICODE_SUBCLASS, 28, ALL),
	ROW(TPFLAG_DICT_SUBCLASS, 29, ALL),
	ROW(TPFLAG_BASE_EXC_SUBCLASS, 30, ALL),
	ROW(TPFLAG_TYPE_SUBCLASS, 31, ALL),

	/* Include/internal/pycore_gc.h */
	ROW(GC_PREV_SHIFT, 0, UNTIL(307)), /* the flags are in gc_refs */
	ROW(GC_PREV_SHIFT, 2, SINCE(308)),
	/* Modules/_io, _operator.c, _json.c, _lsprof.c, _pickle.c */
	ROW(IO_VISITS_ALL, 1, SINCE(312)),
	ROW(METHODCALLER_VISITS_NAME, 1, SINCE(310)),
	ROW(JSON_SCANNER_VISITS_MEMO, 1, UNTIL(207)),
	ROW(JSON_SCANNER_VISITS_MEMO, 1, SINCE(309)),
	ROW(PROFILER_VISITS_MISSING, 1, SINCE(315)),
	ROW(PICKLER_VISITS_MEMO, 1, MICROS(31107, 31199)),
	ROW(PICKLER_VISITS_MEMO, 1, MICROS(31201, PH_NEWEST)),
	ROW(TYPEVAR_VISITS_NAME, 1, MICROS(31310, 31399)),
	ROW(TYPEVAR_VISITS_NAME, 1, MICROS(31401, 31499)),
	ROW(TYPEVAR_VISITS_NAME, 1, SINCE(315)),
	ROW(ZSTD_VISITS_TYPE, 1, MICROS(31410, PH_NEWEST)),
	ROW(ZSTD_VISITS_DICTS, 1, MICROS(31400, 31409)),
	ROW(MANAGED_DICT_VISITED, 1, MICROS(31313, 31399)),
	ROW(MANAGED_DICT_VISITED, 1, MICROS(31404, 31499)),
	ROW(MANAGED_DICT_VISITED, 1, SINCE(315)),
	ROW(GEN_FINISHED_VISITS_CODE, 1, SINCE(314)),
	ROW(GC_REFS_SHIFT, 0, UNTIL(207)),
	ROW(GC_REFS_SHIFT, 1, RANGE(306, 307)),
	ROW(PROPERTY_CACHED_ARGS, 1, RANGE(306, 307)),
	ROW(TRAVERSE_VISITS_TYPE, 0, UNTIL(308)),
	ROW(TRAVERSE_VISITS_TYPE, 1, SINCE(309)),
	ROW(GC_PER_INTERPRETER, 0, UNTIL(308)),
	ROW(GC_PER_INTERPRETER, 1, SINCE(309)),
	ROW(GC_GENERATIONS, 3, ALL),

	/* Include/internal/pycore_typeobject.h; Objects/typeobject.c: lookup_tp_dict, managed_static_type_state_get */
	ROW(STATIC_BUILTIN_STATE_FORM, 0, UNTIL(311)),
	ROW(STATIC_BUILTIN_STATE_FORM, 1, RANGE(312, 312)),
	ROW(STATIC_BUILTIN_STATE_FORM, 2, SINCE(313)),
	ROW(STATIC_BUILTIN_STATE_MAX, 0, UNTIL(311)),
	ROW(STATIC_BUILTIN_STATE_MAX, 200, RANGE(312, 314)),
	ROW(STATIC_BUILTIN_STATE_MAX, 203, SINCE(315)),
	ROW(STATIC_EXTENSION_STATE_MAX, 0, UNTIL(312)),
	ROW(STATIC_EXTENSION_STATE_MAX, 10, SINCE(313)),
	ROW(TP_SUBCLASSES_FORM, 1, ALL),

	/* Include/internal/pycore_frame.h; Include/cpython/pystate.h */
	ROW(FRAME_FORM, 0, UNTIL(310)),
	ROW(FRAME_FORM, 1, RANGE(311, 312)),
	ROW(FRAME_FORM, 2, SINCE(313)),
	ROW(FRAME_INSTR_IS_PREV, 1, RANGE(311, 312)),
	ROW(FRAME_INSTR_IS_PREV, 0, SINCE(313)),
	ROW(FRAME_EXECUTABLE, 0, UNTIL(312)),
	ROW(FRAME_EXECUTABLE, 1, SINCE(313)),
	ROW(FRAME_OWNER_THREAD, 0, SINCE(311)),
	ROW(FRAME_OWNER_GENERATOR, 1, SINCE(311)),
	ROW(FRAME_OWNER_FRAME_OBJECT, 2, SINCE(311)),
	ROW(FRAME_OWNER_CSTACK, 3, SINCE(312)),
	/* Include/internal/pycore_stackref.h */
	ROW(FRAME_LOCALS_TAGGED, 0, UNTIL(313)),
	ROW(FRAME_LOCALS_TAGGED, 1, SINCE(314)),
	/* instruction offsets since 3.10 (bpo-27129) */
	ROW(FRAME_LASTI_UNIT, 1, UNTIL(309)),
	ROW(FRAME_LASTI_UNIT, 2, RANGE(310, 310)),
	ROW(FRAME_HAS_CELLS_IN_LOCALS, 0, UNTIL(310)),
	ROW(FRAME_HAS_CELLS_IN_LOCALS, 1, SINCE(311)),
	/* Include/internal/pycore_code.h */
	ROW(LOCALSPLUS_HIDDEN, 0x10, SINCE(312)),
	ROW(LOCALSPLUS_LOCAL, 0x20, SINCE(311)),
	ROW(LOCALSPLUS_CELL, 0x40, SINCE(311)),
	ROW(LOCALSPLUS_FREE, 0x80, SINCE(311)),

	/* Objects/lnotab_notes.txt; Objects/locations.md */
	ROW(CODE_UNIT_SIZE, 1, UNTIL(207)), /* without an argument; 3 with one */
	ROW(CODE_UNIT_SIZE, 2, SINCE(306)),
	ROW(LINETABLE_FORM, 3, UNTIL(207)),
	ROW(LINETABLE_FORM, 0, RANGE(306, 309)),
	ROW(LINETABLE_FORM, 1, RANGE(310, 310)),
	ROW(LINETABLE_FORM, 2, SINCE(311)),
	ROW(CODE_IS_INLINE, 0, UNTIL(310)),
	ROW(CODE_IS_INLINE, 1, SINCE(311)),
	/* Include/cpython/code.h */
	ROW(CO_FLAG_OPTIMIZED, 0x0001, ALL),
	ROW(CO_FLAG_VARARGS, 0x0004, ALL),
	ROW(CO_FLAG_VARKEYWORDS, 0x0008, ALL),
	ROW(CO_FLAG_GENERATOR, 0x0020, ALL),
	ROW(CO_FLAG_COROUTINE, 0x0080, ALL),
	ROW(CO_FLAG_ASYNC_GENERATOR, 0x0200, ALL),
	/* Lib/opcode.py, Include/opcode_ids.h */
	ROW(OP_YIELD_VALUE, 86, UNTIL(311)),
	ROW(OP_YIELD_VALUE, 150, RANGE(312, 312)),
	ROW(OP_YIELD_VALUE, 118, RANGE(313, 313)),
	ROW(OP_YIELD_VALUE, 120, RANGE(314, 314)),
	ROW(OP_YIELD_VALUE, 119, SINCE(315)),
	ROW(OP_RESUME, 151, RANGE(311, 312)),
	ROW(OP_RESUME, 149, RANGE(313, 313)),
	ROW(OP_RESUME, 128, SINCE(314)),
	ROW(OP_SEND, 123, RANGE(311, 312)),
	ROW(OP_SEND, 104, RANGE(313, 313)),
	ROW(OP_SEND, 106, RANGE(314, 314)),
	ROW(OP_SEND, 105, SINCE(315)),
	ROW(OP_YIELD_FROM, 72, RANGE(306, 310)),

	/* Include/internal/pycore_frame.h: enum _framestate; in 3.10 in Include/cpython/frameobject.h */
	ROW(GEN_FRAME_FORM, 0, UNTIL(310)),
	ROW(GEN_FRAME_FORM, 1, SINCE(311)),
	ROW(GEN_CREATED, NOT_A_STATE, UNTIL(309)),
	ROW(GEN_CREATED, -2, RANGE(310, 312)),
	ROW(GEN_CREATED, -3, RANGE(313, 314)),
	ROW(GEN_CREATED, 0, SINCE(315)),
	ROW(GEN_SUSPENDED, NOT_A_STATE, UNTIL(309)),
	ROW(GEN_SUSPENDED, -1, RANGE(310, 312)),
	ROW(GEN_SUSPENDED, -2, RANGE(313, 314)),
	ROW(GEN_SUSPENDED, 1, SINCE(315)),
	ROW(GEN_SUSPENDED_YIELD_FROM, NOT_A_STATE, UNTIL(312)),
	ROW(GEN_SUSPENDED_YIELD_FROM, -1, RANGE(313, 314)),
	ROW(GEN_SUSPENDED_YIELD_FROM, 2, SINCE(315)), /* and 3 while another thread looks */
	ROW(GEN_EXECUTING, NOT_A_STATE, UNTIL(309)),
	ROW(GEN_EXECUTING, 0, RANGE(310, 314)),
	ROW(GEN_EXECUTING, 4, SINCE(315)),
	ROW(GEN_COMPLETED, NOT_A_STATE, UNTIL(309)),
	ROW(GEN_COMPLETED, 1, RANGE(310, 314)),
	ROW(GEN_COMPLETED, NOT_A_STATE, SINCE(315)),
	ROW(GEN_CLEARED, NOT_A_STATE, UNTIL(309)),
	ROW(GEN_CLEARED, 4, RANGE(310, 314)),
	ROW(GEN_CLEARED, 5, SINCE(315)),
	/* Objects/genobject.c: _PyGen_yf(); since 3.15 GET_ITER pushes an index behind the iterator */
	ROW(GEN_YIELD_FROM_DEPTH, 1, UNTIL(314)),
	ROW(GEN_YIELD_FROM_DEPTH, 2, SINCE(315)),

	/* Include/cpython/pystate.h: bpo-45711 (3.11), gh-101578 (3.12); Python/pythonrun.c */
	ROW(EXC_INFO_IS_SINGLE, 0, UNTIL(310)),
	ROW(EXC_INFO_IS_SINGLE, 1, SINCE(311)),
	ROW(CURRENT_EXC_IS_SINGLE, 0, UNTIL(311)),
	ROW(CURRENT_EXC_IS_SINGLE, 1, SINCE(312)),
	ROW(LAST_EXC_IS_SINGLE, 0, UNTIL(311)),
	ROW(LAST_EXC_IS_SINGLE, 1, SINCE(312)),
	/* Python/traceback.c: tb_lineno_get (also in later 3.11) */
	ROW(TB_LINENO_LAZY, 0, UNTIL(310)),
	ROW(TB_LINENO_LAZY, 1, SINCE(311)),
	ROW(TB_LASTI_UNIT, 1, ALL),

	/* Include/internal/pycore_ceval.h, pycore_runtime.h, pycore_interp.h; per-interpreter GIL: PEP 684 (3.12) */
	ROW(RUNTIME_FORM, 0, UNTIL(306)),
	ROW(RUNTIME_FORM, 1, SINCE(307)),
	ROW(TSTATE_CURRENT_WORDS, 1, UNTIL(207)),
	ROW(TSTATE_CURRENT_WORDS, 2, RANGE(306, 306)),
	ROW(GIL_FORM, 0, RANGE(307, 311)),
	ROW(GIL_FORM, 1, SINCE(312)),
	ROW(TSTATE_CURRENT_FORM, 0, RANGE(307, 311)),
	ROW(TSTATE_CURRENT_FORM, 1, SINCE(312)),
	ROW(THREADS_FORM, 0, UNTIL(310)),
	ROW(THREADS_FORM, 1, SINCE(311)),
	ROW(THREAD_HAS_NATIVE_ID, 0, UNTIL(310)),
	ROW(THREAD_HAS_NATIVE_ID, 1, SINCE(311)),
	ROW(MODULES_FORM, 0, UNTIL(311)),
	ROW(MODULES_FORM, 1, SINCE(312)),

	ROW(WEAKREF_FORM, 1, UNTIL(311)),
	ROW(WEAKREF_FORM, 2, SINCE(312)),
	/* Objects/rangeobject.c; Include/internal/pycore_range.h */
	ROW(RANGE_ITER_FORM, 0, UNTIL(311)),
	ROW(RANGE_ITER_FORM, 1, SINCE(312)),
	/* Objects/obmalloc.c; Include/internal/pycore_obmalloc.h */
	ROW(OBMALLOC_FORM, 0, UNTIL(311)),
	ROW(OBMALLOC_FORM, 1, RANGE(312, 312)),
	ROW(OBMALLOC_FORM, 2, SINCE(313)),
	ROW(INTERNED_FORM, 0, UNTIL(311)),
	ROW(INTERNED_FORM, 1, SINCE(312)),
	/* odict_repr() (gh-101446); namespace_repr() (bpo-39075); sm_repr() (bpo-43682); proxy_repr() (gh-99749);
	 * EnumType.__repr__() */
	ROW(REPR_ODICT_IS_DICT, 0, UNTIL(311)),
	ROW(REPR_ODICT_IS_DICT, 1, SINCE(312)),
	ROW(REPR_NAMESPACE_SORTED, 1, UNTIL(308)),
	ROW(REPR_NAMESPACE_SORTED, 0, SINCE(309)),
	ROW(REPR_STATICMETHOD_WRAPS, 0, UNTIL(309)),
	ROW(REPR_STATICMETHOD_WRAPS, 1, SINCE(310)),
	ROW(REPR_WEAKPROXY_QUOTES, 0, UNTIL(312)),
	ROW(REPR_WEAKPROXY_QUOTES, 1, SINCE(313)),
	ROW(REPR_WEAKREF_NAME_OF_TYPE, 0, PH_OLDEST, 31102),
	ROW(REPR_WEAKREF_NAME_OF_TYPE, 1, 31103, PH_NEWEST),
	/* gh-100637 */
	ROW(INT_SIZE_OF_ZERO_IS_ONE, 0, PH_OLDEST, 31101),
	ROW(INT_SIZE_OF_ZERO_IS_ONE, 1, 31102, PH_NEWEST),
	/* _PySys_GetSizeOf() in Python/sysmodule.c */
	ROW(STATIC_TYPE_SIZE_HAS_HEAD, 0, UNTIL(310)),
	ROW(STATIC_TYPE_SIZE_HAS_HEAD, 1, RANGE(311, 312)),
	ROW(STATIC_TYPE_SIZE_HAS_HEAD, 0, SINCE(313)),
	/* BaseException_repr() (bpo-30399); delta_repr() (bpo-30302) */
	ROW(REPR_EXCEPTION_IS_TUPLE, 1, UNTIL(306)),
	ROW(REPR_EXCEPTION_IS_TUPLE, 0, SINCE(307)),
	ROW(REPR_TIMEDELTA_NAMES, 0, UNTIL(306)),
	ROW(REPR_TIMEDELTA_NAMES, 1, SINCE(307)),
	ROW(REPR_ENUM_SAYS_FLAG, 0, UNTIL(310)),
	ROW(REPR_ENUM_SAYS_FLAG, 1, SINCE(311)),
};

/* Free-threaded builds read `interned` atomically: it is a byte since 3.14, and the bits follow it. */
static void part_interned(int32_t *traits)
{
	traits[PH_TRAIT_STR_INTERNED_BITS] = 8;
	traits[PH_TRAIT_STR_KIND_SHIFT] = 8;
	traits[PH_TRAIT_STR_COMPACT_SHIFT] = 11;
	traits[PH_TRAIT_STR_ASCII_SHIFT] = 12;
	traits[PH_TRAIT_STR_STATIC_SHIFT] = 13;
}

/* Big-endian ABIs lay bit-fields out from the most significant bit of their unit. */
static void turn_bits(int32_t *traits)
{
	const struct {
		uint16_t shift;
		int32_t bits;
	} parts[] = {
		{ PH_TRAIT_STR_INTERNED_SHIFT, traits[PH_TRAIT_STR_INTERNED_BITS] },
		{ PH_TRAIT_STR_KIND_SHIFT, 3 },	    { PH_TRAIT_STR_COMPACT_SHIFT, 1 },
		{ PH_TRAIT_STR_ASCII_SHIFT, 1 },    { PH_TRAIT_STR_READY_SHIFT, 1 }, { PH_TRAIT_STR_STATIC_SHIFT, 1 },
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (traits[parts[i].shift] >= 0)
			traits[parts[i].shift] = 32 - traits[parts[i].shift] - parts[i].bits;
}

/* What follows from the ABI too. */
static void fill_abi_traits(int32_t *traits, const struct ph_abi *abi, uint32_t version)
{
	int32_t word = abi->pointer_size;
	bool wide = word == 8;
	/* the head of the gc is absent in free-threaded builds, so what lies before it is nearer (3.13) */
	int32_t before = abi->free_threaded ? 1 : 3;

	if (traits[PH_TRAIT_STR_IS_BYTES] == 1)
		traits[PH_TRAIT_STR_UNIT_BYTES] = abi->ucs4 ? 4 : 2;
	if (!wide && version < 31100) { /* bpo-45569 */
		traits[PH_TRAIT_INT_DIGIT_BITS] = 15;
		traits[PH_TRAIT_INT_DIGIT_BYTES] = 2;
	}
	/* no pthreads: Windows */
	traits[PH_TRAIT_STR_WCHAR_BYTES] = abi->lock_size ? 4 : 2;
	traits[PH_TRAIT_GC_NO_HEAD] = abi->free_threaded;
	traits[PH_TRAIT_OBJECT_MANAGED_DICT_OFFSET] = version >= 31100 ? -before * word : 0;
	traits[PH_TRAIT_OBJECT_MANAGED_VALUES_OFFSET] = version >= 31100 && version < 31200 ? -4 * word : 0;
	traits[PH_TRAIT_OBJECT_MANAGED_WEAKREF_OFFSET] = version >= 31200 ? -(before + 1) * word : 0;
	traits[PH_TRAIT_IMMORTAL_FORM] = version < 31200 ? 0 : wide ? 1 : 2;
	if (abi->free_threaded && version >= 31400)
		part_interned(traits);
	if (abi->big_endian)
		turn_bits(traits);
	if (abi->free_threaded)
		traits[PH_TRAIT_GIL_FORM] = 2;
	/* the radix tree of 3.10 made them four times as large, on 64-bit machines (bpo-37448) */
	traits[PH_TRAIT_POOL_SIZE] = version >= 31000 && wide ? 16384 : 4096;
	traits[PH_TRAIT_ARENA_SIZE] = version >= 31000 && wide ? 1 << 20 : 256 << 10;
	/* to 16 bytes on 64-bit machines since 3.8 and some micro version of 3.7 (bpo-27987), to 8 before and elsewhere */
	traits[PH_TRAIT_POOL_ALIGNMENTS] = !wide ? 8 : version >= 30800 ? 16 : 8 + 16;
}

void ph_layout_fill_traits(struct ph_layout *layout)
{
	uint32_t version = ph_version_number(layout->version);

	for (size_t i = 0; i < PH_TRAIT_COUNT; i++)
		layout->traits[i] = -1;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (version >= rows[i].versions[0] && version <= rows[i].versions[1])
			layout->traits[rows[i].trait] = rows[i].value;
	fill_abi_traits(layout->traits, &layout->abi, version);
}
