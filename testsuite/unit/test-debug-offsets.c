/* SPDX-License-Identifier: GPL-3.0-or-later */
/* _Py_DebugOffsets as 3.13, 3.14 and 3.15 write it, and as a liar does. */
#include "layout/layout.h"

#include "check.h"

#include <stdlib.h>

/* Words of struct _Py_DebugOffsets in Include/internal/pycore_runtime.h of 3.13.0. */
enum {
	COOKIE,
	VERSION,
	FREE_THREADED,
	RUNTIME_SIZE,
	RUNTIME_FINALIZING,
	RUNTIME_HEAD,
	INTERPRETER_SIZE,
	INTERPRETER_ID,
	INTERPRETER_GIL = 15,
	INTERPRETER_GIL_LOCKED = 17,
	THREAD_SIZE = 19,
	THREAD_PREV,
	THREAD_NEXT,
	GC_COLLECTING = 72,
	WORDS = 73,
};

static const struct ph_abi abi = { .pointer_size = 8, .long_size = 8, .max_align = 8, .lock_size = 40 };
static unsigned differences;

static void differ(void *user, const char *field, int32_t table, int32_t declared)
{
	(void)user, (void)field;
	CHECK(table != declared);
	differences++;
}

/* As a 3.13.0 for x86-64 fills it (gdb: p/d _PyRuntime.debug_offsets), from the header's order of members. */
static void truth(uint64_t *w)
{
	static const uint64_t words[WORDS] = {
		0, 0x030d00f0, 0,
#include "debug-offsets-3.13.inc"
	};
	memcpy(w, words, sizeof words);
	memcpy(w, "xdebugpy", 8);
}

static struct ph_layout fresh(void)
{
	struct ph_layout l;
	CHECK(ph_layout_resolve(ph_version_from_hex(0x030d00f0), abi, &l));
	return l;
}

static size_t apply(struct ph_layout *l, const uint64_t *w, size_t size)
{
	differences = 0;
	return ph_layout_apply_debug_offsets(l, w, size, differ, NULL);
}

static void test_truth(void)
{
	uint64_t w[WORDS];
	uint32_t hex = 0;
	bool free_threaded = true;
	struct ph_layout l = fresh(), before = l;
	truth(w);
	CHECK(ph_layout_peek_debug_offsets(w, sizeof w, false, &hex, &free_threaded));
	CHECK_EQ(hex, 0x030d00f0);
	CHECK(!free_threaded);
	CHECK_EQ(apply(&l, w, sizeof w), WORDS - 4); /* all but cookie, version, free_threaded and gil_enabled */
	CHECK_EQ(differences, 0);
	CHECK_EQ(l.slots[PH_PyThreadState_next].origin, PH_ORIGIN_DEBUG_OFFSETS);
	for (int i = 0; i < PH_FIELD_COUNT; i++)
		if (l.slots[i].offset != before.slots[i].offset || l.slots[i].size != before.slots[i].size)
			CHECK_STR(ph_field_name(i), "unchanged");
}

/* 3.14 and 3.15 have words of their own, each read by its own table and checked against the structs' rows. */
static void test_newer(void)
{
	static const uint64_t words_314[] = { 0, 0x030e0af0, 0,
#include "debug-offsets-3.14.inc"
	};
	static const uint64_t words_315[] = { 0, 0x030f02f0, 0,
#include "debug-offsets-3.15.inc"
	};
	static const struct {
		const uint64_t *words;
		size_t size, taken;
		unsigned differences; /* Debian's build has a word more in each state than its headers */
	} truths[] = {
		{ words_314, sizeof words_314, 79, 0 },
		{ words_315, sizeof words_315, 93, 2 },
	};
	uint64_t w[200];
	for (size_t i = 0; i < 2; i++) {
		struct ph_layout l, before;
		memcpy(w, truths[i].words, truths[i].size);
		memcpy(w, "xdebugpy", 8);
		CHECK(ph_layout_resolve(ph_version_from_hex((uint32_t)w[1]), abi, &l));
		before = l;
		CHECK_EQ(apply(&l, w, truths[i].size), truths[i].taken);
		CHECK_EQ(differences, truths[i].differences);
		CHECK_EQ(l.slots[PH_PyGenObject_gi_iframe].origin, PH_ORIGIN_DEBUG_OFFSETS);
		CHECK_EQ(l.slots[PH_PyInterpreterFrame_stackpointer].offset,
			 before.slots[PH_PyInterpreterFrame_stackpointer].offset);
		/* a beta's, with a word more in it: the tables do not agree, and nothing is believed */
		l = before;
		memmove(w + 9, w + 8, truths[i].size - 9 * sizeof *w);
		CHECK_EQ(apply(&l, w, truths[i].size), 0);
		CHECK(!memcmp(&l, &before, sizeof l));
		/* cut before its end */
		memcpy(w, truths[i].words, truths[i].size);
		memcpy(w, "xdebugpy", 8);
		CHECK_EQ(apply(&l, w, truths[i].size / 2), 0);
	}
}

static void test_difference_wins(void)
{
	uint64_t w[WORDS];
	struct ph_layout l = fresh();
	truth(w);
	w[THREAD_NEXT] = 16;
	apply(&l, w, sizeof w);
	CHECK_EQ(differences, 1);
	CHECK_EQ(l.slots[PH_PyThreadState_next].offset, 16);
}

static void test_refusals(void)
{
	uint64_t w[WORDS];
	struct ph_layout l = fresh(), before = l;
	uint32_t hex = 7;
	bool free_threaded = true;

	truth(w);
	for (size_t size = 0; size < sizeof w; size++)
		CHECK_EQ(apply(&l, w, size), 0);
	w[COOKIE] ^= 1;
	CHECK_EQ(apply(&l, w, sizeof w), 0);
	CHECK(!ph_layout_peek_debug_offsets(w, sizeof w, false, &hex, &free_threaded));
	CHECK_EQ(hex, 7);
	truth(w);
	w[VERSION] = 0x030e00f0; /* another minor version than the layout's */
	CHECK_EQ(apply(&l, w, sizeof w), 0);
	w[VERSION] = 0x1030d00f0;
	CHECK_EQ(apply(&l, w, sizeof w), 0);
	truth(w);
	w[FREE_THREADED] = 1;
	CHECK_EQ(apply(&l, w, sizeof w), 0);
	CHECK(!memcmp(&l, &before, sizeof l));
}

/* A word that lies leaves its field, or its section's fields, as the table has them. */
static void test_lies(void)
{
	static const uint64_t lies[] = { 3, 65536, 1 << 24, UINT32_MAX, 1ull << 31, 1ull << 32, 1ull << 63, UINT64_MAX };
	const struct ph_layout table = fresh();
	for (size_t i = RUNTIME_SIZE; i < WORDS; i++) {
		for (size_t j = 0; j < sizeof lies / sizeof *lies; j++) {
			uint64_t w[WORDS];
			struct ph_layout l = table;
			truth(w);
			if (w[i] == lies[j])
				continue;
			w[i] = lies[j];
			apply(&l, w, sizeof w);
			for (int f = 0; f < PH_FIELD_COUNT; f++)
				CHECK(l.slots[f].offset >= table.slots[f].offset - 0x1000000 &&
				      l.slots[f].offset <= 0x1000000);
			CHECK(l.slots[PH_PyThreadState_next].offset < 65536);
		}
	}
	uint64_t w[WORDS];
	struct ph_layout l = table;
	truth(w);
	w[THREAD_PREV] = w[THREAD_SIZE] - 4; /* sticks out */
	w[THREAD_NEXT] = 12;		     /* a pointer is aligned */
	w[RUNTIME_SIZE] = 0;
	w[RUNTIME_HEAD] = 8;
	w[INTERPRETER_GIL_LOCKED] = 0; /* before the GIL that it is in */
	apply(&l, w, sizeof w);
	CHECK_EQ(l.slots[PH_PyThreadState_prev].offset, table.slots[PH_PyThreadState_prev].offset);
	CHECK_EQ(l.slots[PH_PyThreadState_prev].origin, PH_ORIGIN_TABLE);
	CHECK_EQ(l.slots[PH_PyThreadState_next].offset, table.slots[PH_PyThreadState_next].offset);
	CHECK_EQ(l.slots[PH_PyRuntimeState_interpreters_head].offset,
		 table.slots[PH_PyRuntimeState_interpreters_head].offset);
	CHECK_EQ(l.slots[PH_gil_runtime_state_locked].offset, table.slots[PH_gil_runtime_state_locked].offset);
	CHECK_EQ(l.slots[PH_PyThreadState_interp].origin, PH_ORIGIN_DEBUG_OFFSETS);

	/* noise, behind a right head */
	srand(1);
	for (int round = 0; round < 2000; round++) {
		l = table;
		for (size_t i = RUNTIME_SIZE; i < WORDS; i++)
			w[i] = (uint64_t)rand() >> rand() % 31;
		apply(&l, w, sizeof w);
		for (int f = 0; f < PH_FIELD_COUNT; f++)
			CHECK(l.slots[f].offset >= 0 && l.slots[f].offset < 1 << 24);
	}
}

int main(void)
{
	test_truth();
	test_newer();
	test_difference_wins();
	test_refusals();
	test_lies();
	return CHECK_DONE();
}
