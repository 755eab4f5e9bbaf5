/* SPDX-License-Identifier: GPL-3.0-or-later */
/* _Py_DebugOffsets: Include/internal/pycore_runtime.h of 3.13, filled in pycore_runtime_init.h; since 3.14
 * Include/internal/pycore_debug_offsets.h.
 *
 * A cookie of 8 bytes, then 64-bit words: version, free_threaded, and sections, each starting with the size of the
 * struct that it is about.  Which word means what is a table per range of versions. */
#include "base/cursor.h"
#include "layout/struct.h"

#include <string.h>

#define COOKIE "xdebugpy"
#define COOKIE_SIZE 8
#define FIRST_WORD 3 /* after cookie, version, free_threaded */
#define OBJECT_MAXIMUM (64u << 10)
#define STATE_MAXIMUM (16u << 20) /* _PyRuntimeState of 3.13 has 600 KiB */

enum kind {
	SIZE,	  /* of the struct of the section that starts here */
	STATE,	  /* the same, of a struct that may be large */
	OFFSET,	  /* of a field, within the section's struct */
	FREE,	  /* the same, and zero in builds that are not free-threaded */
	INSIDE,	  /* the same, but our field counts from `from` on */
	OTHER_SIZE, /* of another struct, not of the section's */
	UNUSED,
};

struct word {
	uint8_t kind;
	int16_t field;
	int16_t from; /* INSIDE */
};

/* clang-format off */
static const struct word words_313[] = {
#define S(s) { .kind = SIZE, .field = PH_SIZEOF_##s }
#define F(s, m) { .kind = OFFSET, .field = PH_##s##_##m }
	{ .kind = STATE, .field = PH_SIZEOF_PyRuntimeState },
	F(PyRuntimeState, _finalizing), F(PyRuntimeState, interpreters_head),
	{ .kind = STATE, .field = PH_SIZEOF_PyInterpreterState },
	F(PyInterpreterState, id), F(PyInterpreterState, next), F(PyInterpreterState, threads_head),
	F(PyInterpreterState, gc), F(PyInterpreterState, imports_modules), F(PyInterpreterState, sysdict),
	F(PyInterpreterState, builtins), F(PyInterpreterState, ceval_gil), F(PyInterpreterState, _gil),
	{ .kind = UNUSED }, /* gil_runtime_state_enabled: of free-threaded builds */
	{ .kind = INSIDE, .field = PH_gil_runtime_state_locked, .from = PH_PyInterpreterState__gil },
	{ .kind = INSIDE, .field = PH_gil_runtime_state_last_holder, .from = PH_PyInterpreterState__gil },
	S(PyThreadState),
	F(PyThreadState, prev), F(PyThreadState, next), F(PyThreadState, interp), F(PyThreadState, current_frame),
	F(PyThreadState, thread_id), F(PyThreadState, native_thread_id), F(PyThreadState, datastack_chunk),
	F(PyThreadState, _status),
	S(PyInterpreterFrame),
	F(PyInterpreterFrame, previous), F(PyInterpreterFrame, f_executable), F(PyInterpreterFrame, instr_ptr),
	F(PyInterpreterFrame, localsplus), F(PyInterpreterFrame, owner),
	S(PyCodeObject),
	F(PyCodeObject, co_filename), F(PyCodeObject, co_name), F(PyCodeObject, co_qualname),
	F(PyCodeObject, co_linetable), F(PyCodeObject, co_firstlineno), F(PyCodeObject, co_argcount),
	F(PyCodeObject, co_localsplusnames), F(PyCodeObject, co_localspluskinds), F(PyCodeObject, co_code_adaptive),
	S(PyObject), F(PyObject, ob_type),
	S(PyTypeObject), F(PyTypeObject, tp_name), F(PyTypeObject, tp_repr), F(PyTypeObject, tp_flags),
	S(PyTupleObject), F(PyTupleObject, ob_item), F(PyVarObject, ob_size),
	S(PyListObject), F(PyListObject, ob_item), F(PyVarObject, ob_size),
	S(PyDictObject), F(PyDictObject, ma_keys), F(PyDictObject, ma_values),
	S(PyFloatObject), F(PyFloatObject, ob_fval),
	S(PyLongObject), F(PyLongObject, lv_tag), F(PyLongObject, ob_digit),
	S(PyBytesObject), F(PyVarObject, ob_size), F(PyBytesObject, ob_sval),
	S(PyUnicodeObject), F(PyASCIIObject, state), F(PyASCIIObject, length),
	{ .kind = OTHER_SIZE, .field = PH_SIZEOF_PyASCIIObject },
	S(gc_runtime_state), F(gc_runtime_state, collecting),
};

/* what 3.14 and 3.15 have in common: the frame's and the code's sections, and from tuples to bytes */
#define U { .kind = UNUSED }
#define WORDS_FRAME_CODE                                                                                               \
	S(PyInterpreterFrame), F(PyInterpreterFrame, previous), F(PyInterpreterFrame, f_executable),                   \
	F(PyInterpreterFrame, instr_ptr), F(PyInterpreterFrame, localsplus), F(PyInterpreterFrame, owner),             \
	F(PyInterpreterFrame, stackpointer), { .kind = FREE, .field = PH_PyInterpreterFrame_tlbc_index },                      \
	S(PyCodeObject), F(PyCodeObject, co_filename), F(PyCodeObject, co_name), F(PyCodeObject, co_qualname),         \
	F(PyCodeObject, co_linetable), F(PyCodeObject, co_firstlineno), F(PyCodeObject, co_argcount),                  \
	F(PyCodeObject, co_localsplusnames), F(PyCodeObject, co_localspluskinds), F(PyCodeObject, co_code_adaptive),   \
	{ .kind = FREE, .field = PH_PyCodeObject_co_tlbc },                                                            \
	S(PyObject), F(PyObject, ob_type),                                                                             \
	S(PyTypeObject), F(PyTypeObject, tp_name), F(PyTypeObject, tp_repr), F(PyTypeObject, tp_flags)
#define WORDS_CONTAINERS                                                                                               \
	S(PyTupleObject), F(PyTupleObject, ob_item), F(PyVarObject, ob_size),                                          \
	S(PyListObject), F(PyListObject, ob_item), F(PyVarObject, ob_size),                                            \
	S(PySetObject), F(PySetObject, used), F(PySetObject, table), F(PySetObject, mask),                             \
	S(PyDictObject), F(PyDictObject, ma_keys), F(PyDictObject, ma_values),                                         \
	S(PyFloatObject), F(PyFloatObject, ob_fval),                                                                   \
	S(PyLongObject), F(PyLongObject, lv_tag), F(PyLongObject, ob_digit),                                           \
	S(PyBytesObject), F(PyVarObject, ob_size), F(PyBytesObject, ob_sval),                                          \
	S(PyUnicodeObject), F(PyASCIIObject, state), F(PyASCIIObject, length),                                         \
	{ .kind = OTHER_SIZE, .field = PH_SIZEOF_PyASCIIObject }
#define WORDS_STATES                                                                                                   \
	{ .kind = STATE, .field = PH_SIZEOF_PyRuntimeState },                                                          \
	F(PyRuntimeState, _finalizing), F(PyRuntimeState, interpreters_head),                                          \
	{ .kind = STATE, .field = PH_SIZEOF_PyInterpreterState },                                                      \
	F(PyInterpreterState, id), F(PyInterpreterState, next), F(PyInterpreterState, threads_head),                   \
	F(PyInterpreterState, threads_main), F(PyInterpreterState, gc), F(PyInterpreterState, imports_modules),        \
	F(PyInterpreterState, sysdict), F(PyInterpreterState, builtins), F(PyInterpreterState, ceval_gil),             \
	F(PyInterpreterState, _gil), U, /* gil_runtime_state_enabled: of free-threaded builds */                       \
	{ .kind = INSIDE, .field = PH_gil_runtime_state_locked, .from = PH_PyInterpreterState__gil },                  \
	{ .kind = INSIDE, .field = PH_gil_runtime_state_last_holder, .from = PH_PyInterpreterState__gil },             \
	U, U, /* code_object_generation, tlbc_generation */                                                            \
	S(PyThreadState), F(PyThreadState, prev), F(PyThreadState, next), F(PyThreadState, interp),                    \
	F(PyThreadState, current_frame)
#define WORDS_THREAD_IDS                                                                                               \
	F(PyThreadState, thread_id), F(PyThreadState, native_thread_id), F(PyThreadState, datastack_chunk),            \
	F(PyThreadState, _status)
#define WORDS_GENERATOR                                                                                                \
	S(PyGenObject), F(PyGenObject, gi_name), F(PyGenObject, gi_iframe), F(PyGenObject, gi_frame_state)

static const struct word words_314[] = {
	WORDS_STATES, WORDS_THREAD_IDS, WORDS_FRAME_CODE, WORDS_CONTAINERS,
	S(gc_runtime_state), F(gc_runtime_state, collecting),
	WORDS_GENERATOR,
};

static const struct word words_315[] = {
	WORDS_STATES, F(PyThreadState, base_frame), F(PyThreadState, last_profiled_frame),
	F(PyThreadState, last_profiled_frame_seq), WORDS_THREAD_IDS,
	F(PyThreadState, holds_gil), F(PyThreadState, gil_requested), F(PyThreadState, current_exception),
	F(PyThreadState, exc_state), U, /* _PyErr_StackItem.exc_value, without the struct's size */
	WORDS_FRAME_CODE, F(PyTypeObject, tp_basicsize), F(PyTypeObject, tp_dictoffset),
	S(PyHeapTypeObject), F(PyHeapTypeObject, ht_cached_keys),
	WORDS_CONTAINERS, { .kind = OTHER_SIZE, .field = PH_SIZEOF_PyCompactUnicodeObject },
	S(gc_runtime_state), F(gc_runtime_state, collecting), F(gc_runtime_state, frame),
	U, F(gc_runtime_state, generation_stats),
	WORDS_GENERATOR,
};
#undef U
#undef S
#undef F
/* clang-format on */

static const struct {
	const struct word *words;
	size_t count;
	uint32_t versions[2];
} tables[] = {
	{ .words = words_313, .count = sizeof words_313 / sizeof *words_313, .versions = { RANGE(313, 313) } },
	{ .words = words_314, .count = sizeof words_314 / sizeof *words_314, .versions = { RANGE(314, 314) } },
	/* a newer one is tried with the newest table, and believed as far as it agrees with the structs' rows */
	{ .words = words_315, .count = sizeof words_315 / sizeof *words_315, .versions = { SINCE(315) } },
};

struct taking {
	struct ph_layout *layout;
	void (*differ)(void *user, const char *field, int32_t table, int32_t declared);
	void *user;
	uint64_t section; /* declared size of the section's struct; 0: it cannot be right, nothing of it is taken */
	size_t taken;
	size_t differing; /* of those taken, other than the table's; the sizes of the large states do not count */
};

static void take(struct taking *t, int16_t field, uint64_t value)
{
	struct ph_slot *slot = &t->layout->slots[field];
	bool differs = slot->origin == PH_ORIGIN_TABLE && slot->offset != (int32_t)value;
	t->differing += differs;
	if (differs && t->differ)
		t->differ(t->user, ph_field_name(field), slot->offset, (int32_t)value);
	ph_layout_override(t->layout, field, (int32_t)value, PH_ORIGIN_DEBUG_OFFSETS);
	t->taken++;
}

/* A size is believed when it is of some use: not zero, whole words, below the maximum. */
static bool plausible_size(const struct ph_layout *layout, uint64_t size, uint64_t maximum)
{
	return size && size < maximum && size % (layout->abi.pointer_size / 2) == 0;
}

static void take_offset(struct taking *t, int16_t field, uint64_t value)
{
	const struct ph_slot *slot = &t->layout->slots[field];
	unsigned size = slot->origin == PH_ORIGIN_ABSENT ? t->layout->abi.pointer_size : slot->size;
	unsigned align = size > t->layout->abi.pointer_size ? t->layout->abi.pointer_size : size;
	if (!t->section || value > t->section || size > t->section - value)
		return;
	if (align > 1 && value % align)
		return;
	take(t, field, value);
}

static void take_word(struct taking *t, const struct word *word, uint64_t value)
{
	const struct ph_slot *from;
	switch (word->kind) {
	case SIZE:
	case STATE:
		t->section = 0;
		if (!plausible_size(t->layout, value, word->kind == STATE ? STATE_MAXIMUM : OBJECT_MAXIMUM))
			return;
		t->section = value;
		take(t, word->field, value);
		return;
	case OTHER_SIZE:
		if (t->section && plausible_size(t->layout, value, OBJECT_MAXIMUM))
			take(t, word->field, value);
		return;
	case OFFSET:
		take_offset(t, word->field, value);
		return;
	case FREE:
		if (t->layout->abi.free_threaded)
			take_offset(t, word->field, value);
		return;
	case INSIDE:
		from = &t->layout->slots[word->from];
		if (from->origin != PH_ORIGIN_DEBUG_OFFSETS || value >= t->section ||
		    value < (uint64_t)from->offset || value - (uint64_t)from->offset >= OBJECT_MAXIMUM)
			return;
		take_offset(t, word->field, value - (uint64_t)from->offset);
		return;
	default:
		return;
	}
}

bool ph_layout_peek_debug_offsets(const void *data, size_t size, bool big_endian, uint32_t *ret_hexversion,
				  bool *ret_free_threaded)
{
	if (size < COOKIE_SIZE * FIRST_WORD || memcmp(data, COOKIE, COOKIE_SIZE))
		return false;
	const uint8_t *bytes = data;
	uint64_t version = ph_load_uint(bytes + 8, 8, big_endian);
	uint64_t free_threaded = ph_load_uint(bytes + 16, 8, big_endian);
	/* the version word is PY_VERSION_HEX: anything else is a cookie in a constant pool */
	if (version > UINT32_MAX || version >> 24 != 3 || free_threaded > 1)
		return false;
	*ret_hexversion = (uint32_t)version;
	*ret_free_threaded = free_threaded;
	return true;
}

static void take_words(struct taking *t, const struct word *words, size_t count, const void *data)
{
	for (size_t i = 0; i < count; i++)
		take_word(t, &words[i], ph_load_uint((const uint8_t *)data + 8 * (FIRST_WORD + i), 8,
						     t->layout->abi.big_endian));
}

/* The one table is checked against the other: when they differ in more than a quarter, these are the words of another
 * version (its own layout changed between betas), and none is taken. */
static size_t apply(struct ph_layout *layout, const struct word *words, size_t count, const void *data,
		    void (*differ)(void *user, const char *field, int32_t table, int32_t declared), void *user)
{
	struct ph_layout copy = *layout;
	struct taking trial = { .layout = &copy };
	take_words(&trial, words, count, data);
	if (trial.differing * 4 > trial.taken)
		return 0;
	struct taking t = { .layout = layout, .differ = differ, .user = user };
	take_words(&t, words, count, data);
	return t.taken;
}

size_t ph_layout_apply_debug_offsets(struct ph_layout *layout, const void *data, size_t size,
				     void (*differ)(void *user, const char *field, int32_t table, int32_t declared),
				     void *user)
{
	uint32_t hex;
	bool free_threaded, big_endian = layout->abi.big_endian;
	if (!ph_layout_peek_debug_offsets(data, size, big_endian, &hex, &free_threaded))
		return 0;
	struct ph_version version = ph_version_from_hex(hex);
	if (version.major != layout->version.major || version.minor != layout->version.minor ||
	    free_threaded != layout->abi.free_threaded)
		return 0;

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		uint32_t number = ph_version_number(version);
		if (number > PH_NEWEST)
			number = PH_NEWEST;
		if (number < tables[i].versions[0] || number > tables[i].versions[1])
			continue;
		if (size / 8 < FIRST_WORD + tables[i].count)
			return 0;
		return apply(layout, tables[i].words, tables[i].count, data, differ, user);
	}
	return 0;
}
