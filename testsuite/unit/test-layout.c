/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layout engine on structs with known answers; versions and traits; completeness of the traits. */
#include "layout/struct.h"

#include "check.h"

static const struct ph_abi lp64 = { .pointer_size = 8, .long_size = 8, .max_align = 8, .lock_size = 40 };
static const struct ph_abi llp64 = { .pointer_size = 8, .long_size = 4, .max_align = 8 };
static const struct ph_abi i386 = { .pointer_size = 4, .long_size = 4, .max_align = 4, .lock_size = 24 };

static struct ph_layout of(uint32_t hex, struct ph_abi abi)
{
	struct ph_layout l = { .guessed = true };
	CHECK(ph_layout_resolve(ph_version_from_hex(hex), abi, &l));
	return l;
}

#define OFFSET(l, f) ((l).slots[PH_##f].offset)

static void test_abis(void)
{
	struct ph_layout l = of(0x030b07f0, lp64);
	CHECK_EQ(OFFSET(l, PyObject_ob_type), 8);
	CHECK_EQ(OFFSET(l, SIZEOF_PyVarObject), 24);
	CHECK_EQ(OFFSET(l, PyTypeObject_tp_flags), 168);
	CHECK_EQ(l.slots[PH_PyVarObject_ob_size].is_signed, 1);
	CHECK_EQ(l.slots[PH_PyObject_ob_type].is_signed, 0);
	CHECK_EQ(l.slots[PH_PyASCIIObject_state].size, 4);
	CHECK(!l.guessed);
	CHECK(!ph_layout_has(&l, PH_PyObject__ob_next));
	CHECK(ph_layout_has(&l, PH_PyInterpreterState_next));

	/* python.org's 32-bit and 64-bit Windows builds: sizes as sys.getsizeof gives them there */
	l = of(0x030b07f0, i386);
	CHECK_EQ(OFFSET(l, PyObject_ob_type), 4);
	CHECK_EQ(OFFSET(l, SIZEOF_PyFloatObject), 16);
	CHECK_EQ(OFFSET(l, SIZEOF_PyASCIIObject), 24);
	CHECK_EQ(OFFSET(l, PyTypeObject_tp_flags), 84);
	CHECK_EQ(OFFSET(l, PyInterpreterState_modules), 492);
	struct ph_abi odd = i386;
	odd.free_threaded = true; /* a kind of ABI without explicit offsets */
	l = of(0x030d00f0, odd);
	CHECK(!ph_layout_has(&l, PH_PyInterpreterState_next));
	/* bit-fields of big-endian machines begin at the other end */
	odd = lp64;
	odd.big_endian = true;
	l = of(0x030b07f0, odd);
	CHECK_EQ(l.traits[PH_TRAIT_STR_KIND_SHIFT], 27);
	CHECK_EQ(l.traits[PH_TRAIT_STR_ASCII_SHIFT], 25);
	l = of(0x030b07f0, llp64);
	CHECK_EQ(l.slots[PH_PyTypeObject_tp_flags].size, 4);
	CHECK_EQ(OFFSET(l, PyTypeObject_tp_doc), 176);

	struct ph_abi abi = lp64;
	abi.trace_refs = true;
	l = of(0x030807f0, abi);
	CHECK_EQ(OFFSET(l, PyObject_ob_type), 24);
	/* 3.6 as released, and with the patch of bpo-27987 */
	l = of(0x030609f0, lp64);
	CHECK_EQ(OFFSET(l, PyGC_Head_gc_gc_refs), 16);
	CHECK_EQ(l.slots[PH_SIZEOF_PyGC_Head].offset, 24);
	abi = lp64;
	abi.wide_gc_head = true;
	CHECK_EQ(of(0x030609f0, abi).slots[PH_SIZEOF_PyGC_Head].offset, 32);
	CHECK_EQ(of(0x030700f0, abi).slots[PH_SIZEOF_PyGC_Head].offset, 24);
	abi = lp64;
	abi.free_threaded = true;
	l = of(0x030d00f0, abi);
	CHECK_EQ(OFFSET(l, PyObject_ob_type), 24);
	CHECK(!ph_layout_has(&l, PH_PyObject_ob_refcnt));
	CHECK_EQ(ph_layout_trait(&l, PH_TRAIT_OBJECT_MANAGED_DICT_OFFSET), -8);
	CHECK_EQ(OFFSET(l, PyInterpreterState__gil), 7760);
	CHECK_EQ(OFFSET(l, gil_runtime_state_locked), 24);
	abi.debug = true;
	l = of(0x030d00f0, abi);
	CHECK(ph_layout_has(&l, PH_PyInterpreterState__gil)); /* what debug builds do not say otherwise */
}

static void test_versions(void)
{
	struct ph_layout l = { .guessed = true };
	char text[16];
	CHECK(!ph_layout_resolve(ph_version_from_hex(0x030505f0), lp64, &l));
	CHECK(!ph_layout_resolve(ph_version_from_hex(0x020607f0), lp64, &l));
	CHECK(!ph_layout_resolve(ph_version_from_hex(0x030b07f0), (struct ph_abi){ .pointer_size = 2 }, &l));
	CHECK(l.guessed); /* untouched on failure */
	CHECK(!ph_layout_knows(ph_version_from_hex(0x031000f0)));
	CHECK(ph_layout_resolve(ph_version_from_hex(0x031000f0), lp64, &l));
	CHECK(l.guessed);
	CHECK_EQ(l.version.minor, 16);
	CHECK_STR(ph_version_text(ph_version_from_hex(0x030d00a6), text, sizeof text), "3.13.0a6");
	CHECK_STR(ph_version_text(ph_version_from_hex(0x030b07f0), text, sizeof text), "3.11.7");
	CHECK_STR(ph_version_text(ph_version_from_hex(0x030c00c2), text, sizeof text), "3.12.0rc2");
	struct ph_version known, before;
	CHECK(ph_layout_known(0, &known) && ph_version_same_minor(known, ph_version_from_hex(0x030f00f0)));
	size_t n = 1;
	for (before = known; ph_layout_known(n, &known); before = known, n++)
		CHECK(ph_layout_knows(known) && !ph_version_equal(known, before));
	CHECK_EQ(known.major * 100 + known.minor, 207);
	CHECK_EQ(n, 11);

	/* the head of the gc grew in 3.7.4, and moved what is behind it; other readers know these two */
	l = of(0x030703f0, lp64);
	CHECK_EQ(OFFSET(l, PyRuntimeState_gilstate_tstate_current), 1392);
	CHECK_EQ(OFFSET(l, SIZEOF_PyGC_Head), 24);
	l = of(0x030704f0, lp64);
	CHECK_EQ(OFFSET(l, PyRuntimeState_gilstate_tstate_current), 1480);
	CHECK_EQ(OFFSET(l, SIZEOF_PyGC_Head), 32);

	/* what moved between 3.12.1 and 3.12.5, and is not known in between */
	l = of(0x030c01f0, lp64);
	CHECK_EQ(OFFSET(l, PyRuntimeState__main_interpreter), 76392);
	l = of(0x030c05f0, lp64);
	CHECK_EQ(OFFSET(l, PyRuntimeState__main_interpreter), 76440);
	l = of(0x030c03f0, lp64);
	CHECK(!ph_layout_has(&l, PH_PyRuntimeState__main_interpreter));
	CHECK_EQ(OFFSET(l, PyRuntimeState_interpreters_head), 40);
}

/* A struct of our own: { u8 a; double b; short c[3]; int f:1, g:31, h:1; } twice in another. */
static void test_engine(void)
{
#define ROW(...) { .versions = { ALL }, __VA_ARGS__ }
	const struct ph_row rows[] = {
		ROW(.kind = PH_ROW_STRUCT, .field = PH_SIZEOF_PyObject),
		ROW(.kind = PH_ROW_MEMBER, .class = PH_CLASS_UCHAR, .count = 1, .field = PH_PyObject_ob_refcnt),
		ROW(.kind = PH_ROW_MEMBER, .class = PH_CLASS_DOUBLE, .count = 1, .field = PH_PyObject_ob_type),
		ROW(.kind = PH_ROW_MEMBER, .class = PH_CLASS_SHORT, .count = 3, .field = PH_PyListObject_ob_item),
		ROW(.kind = PH_ROW_BIT, .class = PH_CLASS_UINT, .count = 1, .field = PH_PyListObject_allocated),
		ROW(.kind = PH_ROW_BIT, .class = PH_CLASS_UINT, .count = 31, .field = PH_PyTupleObject_ob_item),
		ROW(.kind = PH_ROW_BIT, .class = PH_CLASS_UINT, .count = 1, .field = PH_PyFloatObject_ob_fval),
		ROW(.kind = PH_ROW_STRUCT, .field = PH_SIZEOF_PyVarObject),
		ROW(.kind = PH_ROW_MEMBER, .class = PH_CLASS_CHAR, .count = 1, .field = -1),
		ROW(.kind = PH_ROW_MEMBER, .class = PH_CLASS_STRUCT, .nested = PH_SIZEOF_PyObject, .count = 2,
		    .field = PH_PyVarObject_ob_size),
	};
	struct a {
		unsigned char a;
		double b;
		short c[3];
		unsigned f : 1, g : 31, h : 1;
	};
	struct b {
		char x;
		struct a y[2];
	};
	struct ph_layout l = { .version = ph_version_from_hex(0x030b07f0), .abi = lp64 };
	CHECK(ph_layout_place(&l, rows, sizeof rows / sizeof *rows));
	CHECK_EQ(OFFSET(l, SIZEOF_PyObject), sizeof(struct a));
	CHECK_EQ(OFFSET(l, PyObject_ob_type), offsetof(struct a, b));
	CHECK_EQ(OFFSET(l, PyListObject_ob_item), offsetof(struct a, c));
	/* f in what c leaves of its word, then g and h share one */
	CHECK_EQ(OFFSET(l, PyListObject_allocated), 20);
	CHECK_EQ(OFFSET(l, PyTupleObject_ob_item), 24);
	CHECK_EQ(OFFSET(l, PyFloatObject_ob_fval), 24);
	CHECK_EQ(OFFSET(l, SIZEOF_PyVarObject), sizeof(struct b));
	CHECK_EQ(OFFSET(l, PyVarObject_ob_size), offsetof(struct b, y));

	/* a member placed twice, and a nested struct that is not known, are mistakes of the table */
	struct ph_row twice[] = { rows[0], rows[1], rows[1] };
	l = (struct ph_layout){ .version = l.version, .abi = lp64 };
	CHECK(!ph_layout_place(&l, twice, 3));
	l = (struct ph_layout){ .version = l.version, .abi = lp64 };
	CHECK(!ph_layout_place(&l, rows + 7, 3));
}

/* -1 is "does not apply", and only these have it. */
static void test_traits(void)
{
	for (unsigned minor = 7; minor <= 15; minor++) {
		struct ph_layout l = of(0x03000000u | minor << 16, lp64);
		CHECK_EQ(l.traits[PH_TRAIT_INT_SIGN_IN_TAG], minor >= 12);
		CHECK_EQ(l.traits[PH_TRAIT_FRAME_FORM], minor < 11 ? 0 : minor < 13 ? 1 : 2);
		CHECK_EQ(ph_layout_has(&l, PH_PyThreadState_frame), minor < 11);
		CHECK_EQ(ph_layout_has(&l, PH_PyThreadState_cframe), minor == 10 || minor == 11 || minor == 12);
		CHECK_EQ(ph_layout_has(&l, PH_PyThreadState_current_frame), minor >= 13);
		CHECK_EQ(ph_layout_has(&l, PH_PyThreadState_native_thread_id), l.traits[PH_TRAIT_THREAD_HAS_NATIVE_ID]);
		CHECK_EQ(ph_layout_has(&l, PH_PyInterpreterState_gc), l.traits[PH_TRAIT_GC_PER_INTERPRETER]);
		CHECK_EQ(ph_layout_has(&l, PH_PyRuntimeState_ceval_gil), l.traits[PH_TRAIT_GIL_FORM] == 0);
		CHECK_EQ(ph_layout_has(&l, PH_PyErr_StackItem_exc_type), !l.traits[PH_TRAIT_EXC_INFO_IS_SINGLE]);
		CHECK_EQ(ph_layout_has(&l, PH_PyCodeObject_co_code), !l.traits[PH_TRAIT_CODE_IS_INLINE]);
		CHECK_EQ(ph_layout_has(&l, PH_PyDictKeysObject_dk_log2_size), l.traits[PH_TRAIT_DICT_KEYS_LOG2]);
		CHECK_EQ(ph_layout_has(&l, PH_PyInterpreterFrame_prev_instr), l.traits[PH_TRAIT_FRAME_INSTR_IS_PREV] == 1);
		for (int i = 0; i < PH_TRAIT_COUNT; i++)
			CHECK(ph_trait_name(i));
		for (int i = 0; i < PH_FIELD_COUNT; i++)
			CHECK(ph_field_name(i));
	}
}

static void test_known_types(void)
{
	const struct ph_known_type *rows;
	for (unsigned minor = 7; minor <= 15; minor++) {
		size_t n = ph_known_types(ph_version_from_hex(0x03000000u | minor << 16), &rows);
		unsigned roots = 0, functions = 0;
		CHECK(n > 100);
		for (size_t i = 0; i < n; i++) {
			roots += !rows[i].base;
			if (strcmp(rows[i].name, "builtin_function_or_method"))
				continue;
			functions++;
			CHECK_STR(rows[i].role, "type of builtins.len");
			CHECK_EQ(rows[i].basicsize, minor < 8 ? 48 : 56);
		}
		CHECK_EQ(roots, 1);
		CHECK_EQ(functions, 1);
	}
	CHECK_EQ(ph_known_types(ph_version_from_hex(0x020607f0), &rows), 0);
	CHECK(ph_known_types(ph_version_from_hex(0x020712f0), &rows) > 100);
	uint64_t ab = ph_known_type_hash_key(ph_known_type_hash_key(0, "a", 1), "b", 1);
	CHECK(ab == ph_known_type_hash_key(ph_known_type_hash_key(0, "b", 1), "a", 1));
	CHECK(ab != ph_known_type_hash_key(0, "ab", 2));
}

int main(void)
{
	test_abis();
	test_versions();
	test_engine();
	test_traits();
	test_known_types();
	return CHECK_DONE();
}
