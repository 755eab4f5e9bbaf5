/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process of a free-threaded CPython that never was: compiled with -DPy_GIL_DISABLED=1 against the internal headers of
 * an ordinary build, it lays out in its memory what such an interpreter would have there (the runtime's state, an
 * interpreter, thread states, frames, code, objects of the wide head), prints what that means, and dies.  Shares nothing
 * with the project: where a member lies is the compiler's word.
 *
 * usage: process [tables]      with `tables` _Py_DebugOffsets is not there
 *
 * Linked without libpython: what the runtime's initialiser names is never called. */
#include <Python.h>

#include "internal/pycore_mimalloc.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal/pycore_runtime.h"
#include "internal/pycore_runtime_init.h"

#include "internal/pycore_ceval.h"
#include "internal/pycore_code.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_interp.h"
#if PY_VERSION_HEX >= 0x030e0000
#include "internal/pycore_interpframe.h"
#endif
#include "internal/pycore_long.h"
#include "internal/pycore_object.h"
#include "internal/pycore_tstate.h"
#include <frameobject.h>

#ifndef Py_GIL_DISABLED
#error "to be compiled with -DPy_GIL_DISABLED=1"
#endif

#define NEW_STACKREFS (PY_VERSION_HEX >= 0x030e0000)
#define GC Py_TPFLAGS_HAVE_GC
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

_PyRuntimeState _PyRuntime
#if defined(__linux__) && defined(__GNUC__)
	__attribute__((section(".PyRuntime")))
#endif
	= _PyRuntimeState_INIT(_PyRuntime, "xdebugpy");

/* ---- types: static ones, with no more than their names and what says of which kind they are ---- */

#define TYPE(variable, name, size, item, more_flags)                                                                   \
	PyTypeObject variable = {                                                                                      \
		.ob_base = { .ob_base = { .ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL, .ob_type = &PyType_Type } },     \
		.tp_name = name,                                                                                       \
		.tp_basicsize = size,                                                                                  \
		.tp_itemsize = item,                                                                                   \
		.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_READY | (more_flags),                                      \
	}

TYPE(PyBaseObject_Type, "object", sizeof(PyObject), 0, Py_TPFLAGS_BASETYPE);
TYPE(PyType_Type, "type", sizeof(PyHeapTypeObject), sizeof(PyMemberDef), GC | Py_TPFLAGS_TYPE_SUBCLASS);
TYPE(PyUnicode_Type, "str", sizeof(PyUnicodeObject), 0, Py_TPFLAGS_UNICODE_SUBCLASS);
TYPE(PyBytes_Type, "bytes", offsetof(PyBytesObject, ob_sval) + 1, 1, Py_TPFLAGS_BYTES_SUBCLASS);
TYPE(PyLong_Type, "int", offsetof(PyLongObject, long_value.ob_digit), sizeof(digit), Py_TPFLAGS_LONG_SUBCLASS);
TYPE(PyBool_Type, "bool", offsetof(PyLongObject, long_value.ob_digit), sizeof(digit), Py_TPFLAGS_LONG_SUBCLASS);
TYPE(PyFloat_Type, "float", sizeof(PyFloatObject), 0, 0);
TYPE(PyList_Type, "list", sizeof(PyListObject), 0, GC | Py_TPFLAGS_LIST_SUBCLASS);
TYPE(PyTuple_Type, "tuple", offsetof(PyTupleObject, ob_item), sizeof(PyObject *), GC | Py_TPFLAGS_TUPLE_SUBCLASS);
TYPE(PyDict_Type, "dict", sizeof(PyDictObject), 0, GC | Py_TPFLAGS_DICT_SUBCLASS);
TYPE(PyCode_Type, "code", offsetof(PyCodeObject, co_code_adaptive), sizeof(_Py_CODEUNIT), GC);
TYPE(PyFrame_Type, "frame", offsetof(PyFrameObject, _f_frame_data) + offsetof(_PyInterpreterFrame, localsplus),
     sizeof(PyObject *), GC);
TYPE(PyTraceBack_Type, "traceback", sizeof(PyTracebackObject), 0, GC);
TYPE(none_type, "NoneType", sizeof(PyObject), 0, 0);
TYPE(base_exception_type, "BaseException", sizeof(PyBaseExceptionObject), 0, GC | Py_TPFLAGS_BASE_EXC_SUBCLASS);
TYPE(value_error_type, "ValueError", sizeof(PyBaseExceptionObject), 0, GC | Py_TPFLAGS_BASE_EXC_SUBCLASS);

PyObject _Py_NoneStruct = { .ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL, .ob_type = &none_type };
struct _longobject _Py_TrueStruct = {
	.ob_base = { .ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL, .ob_type = &PyBool_Type },
	.long_value = { .lv_tag = 1 << NON_SIZE_BITS, .ob_digit = { 1 } },
};
struct _longobject _Py_FalseStruct = {
	.ob_base = { .ob_ref_local = _Py_IMMORTAL_REFCNT_LOCAL, .ob_type = &PyBool_Type },
	.long_value = { .lv_tag = 1 /* zero */, .ob_digit = { 0 } },
};

/* ---- memory: a segment of mimalloc with a page for each use, and what is no business of an allocator's ---- */

#define SLICES_EACH 4

static struct page {
	size_t block; /* bytes */
	int tag;
	mi_page_t *header;
	char *start;
	unsigned taken;
} pages[] = {
	{ .block = 1024, .tag = _Py_MIMALLOC_HEAP_MEM },
	/* multiples of 16, four between powers of two, as mimalloc has them: blocks are hardly larger than what is in them */
#define SIZES(heap)												\
	{ .block = 32, .tag = heap }, { .block = 48, .tag = heap }, { .block = 64, .tag = heap },		\
		{ .block = 80, .tag = heap }, { .block = 96, .tag = heap }, { .block = 112, .tag = heap },	\
		{ .block = 128, .tag = heap }, { .block = 160, .tag = heap }, { .block = 192, .tag = heap },	\
		{ .block = 224, .tag = heap }, { .block = 256, .tag = heap }, { .block = 320, .tag = heap },	\
		{ .block = 384, .tag = heap }, { .block = 448, .tag = heap }, { .block = 512, .tag = heap }
	SIZES(_Py_MIMALLOC_HEAP_OBJECT),
	SIZES(_Py_MIMALLOC_HEAP_GC),
};

static void make_page(mi_segment_t *segment, size_t slice, struct page *page)
{
	mi_page_t *p = page->header = &segment->slices[slice];
	char *area = (char *)segment + slice * MI_SEGMENT_SLICE_SIZE;
	for (size_t i = 1; i < SLICES_EACH; i++)
		segment->slices[slice + i].slice_offset = (uint32_t)(i * sizeof(mi_slice_t));
	p->slice_count = SLICES_EACH;
	p->is_committed = 1;
#if MI_MALLOC_VERSION < 220
	p->tag = (unsigned char)page->tag;
	p->xblock_size = (uint32_t)page->block;
	page->start = area + (page->block <= 64 ? 3 : page->block <= 512) * page->block; /* _mi_segment_page_start_from_slice() */
#else
	p->heap_tag = (uint8_t)page->tag;
	p->block_size = page->block;
	page->start = area + 3 * page->block; /* anywhere */
	p->page_start = (uint8_t *)page->start;
#endif
}

static void make_segment(void)
{
	char *room = mmap(NULL, 2 * MI_SEGMENT_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t aligned = ((uintptr_t)room + MI_SEGMENT_SIZE - 1) & ~(uintptr_t)(MI_SEGMENT_SIZE - 1);
	mi_segment_t *segment = (mi_segment_t *)aligned;
	size_t slice = 1;
	if (room == MAP_FAILED || sizeof(*segment) > MI_SEGMENT_SLICE_SIZE)
		abort();
	segment->segment_size = MI_SEGMENT_SIZE;
	segment->segment_slices = segment->slice_entries = MI_SLICES_PER_SEGMENT;
	segment->segment_info_slices = segment->slices[0].slice_count = 1;
	segment->kind = MI_SEGMENT_NORMAL;
	segment->used = COUNT(pages);
	for (size_t i = 0; i < COUNT(pages); i++, slice += SLICES_EACH)
		make_page(segment, slice, &pages[i]);
	segment->slices[slice].slice_count = (uint32_t)(MI_SLICES_PER_SEGMENT - slice);
}

static struct page *page_of(int tag, size_t size)
{
	struct page *page = pages, *end = pages + COUNT(pages);
	while (page < end && (page->tag != tag || page->block < size))
		page++;
	if (page == end)
		abort();
	return page;
}

static void *block_of(int tag, size_t size)
{
	struct page *page = page_of(tag, size);
	if ((page->taken + 4) * page->block > SLICES_EACH * MI_SEGMENT_SLICE_SIZE)
		abort();
	page->header->capacity = page->header->reserved = (uint16_t)++page->taken;
	page->header->used++;
	return page->start + (page->taken - 1) * page->block;
}

static void *table(size_t size)
{
	return block_of(_Py_MIMALLOC_HEAP_MEM, size);
}

static void *take(size_t size)
{
	static char memory[1 << 20] __attribute__((aligned(64)));
	static size_t taken;
	void *at = memory + taken;
	taken = (taken + size + 15) & ~(size_t)15;
	if (taken > sizeof(memory))
		abort();
	return at;
}

/* ---- objects ---- */

static struct {
	PyTypeObject *type;
	unsigned count;
} made[32];

static void count_object(PyTypeObject *type, int more)
{
	size_t i = 0;
	while (made[i].type && made[i].type != type)
		i++;
	made[i].type = type;
	made[i].count += (unsigned)more;
}

/* Of `shared` references of other threads than the one that owns it. */
static void *new_object(PyTypeObject *type, size_t size, unsigned shared)
{
	PyObject *object = block_of(type->tp_flags & GC ? _Py_MIMALLOC_HEAP_GC : _Py_MIMALLOC_HEAP_OBJECT, size);
	count_object(type, 1);
	object->ob_gc_bits = type->tp_flags & GC ? _PyGC_BITS_TRACKED : 0;
	object->ob_tid = 0x7700;
	object->ob_ref_local = 1;
	object->ob_ref_shared = (Py_ssize_t)shared << _Py_REF_SHARED_SHIFT;
	object->ob_type = type;
	return object;
}

static void *new_items(PyTypeObject *type, size_t size, size_t count)
{
	PyVarObject *object = new_object(type, size, 0);
	object->ob_size = (Py_ssize_t)count;
	return object;
}

static PyObject *new_text(const void *data, size_t length, int kind, Py_UCS4 greatest)
{
	int ascii = greatest < 128;
	size_t head = ascii ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject);
	PyASCIIObject *s = new_object(&PyUnicode_Type, head + (length + 1) * (size_t)kind, 0);
	s->length = (Py_ssize_t)length;
	s->hash = -1;
	s->state.kind = (unsigned)kind;
	s->state.compact = 1;
	s->state.ascii = (unsigned)ascii;
	memcpy((char *)s + head, data, length * (size_t)kind);
	return (PyObject *)s;
}

static PyObject *text(const char *ascii)
{
	return new_text(ascii, strlen(ascii), 1, 'a');
}

static PyObject *bytes(const void *data, size_t size)
{
	PyBytesObject *b = new_items(&PyBytes_Type, offsetof(PyBytesObject, ob_sval) + size + 1, size);
	memcpy(b->ob_sval, data, size);
	return (PyObject *)b;
}

/* Of `count` digits, each the given one. */
static PyObject *integer(int sign, digit each, size_t count)
{
	size_t room = count ? count : 1;
	PyLongObject *n = new_object(&PyLong_Type, offsetof(PyLongObject, long_value.ob_digit) + room * sizeof(digit), 0);
	n->long_value.lv_tag = count << NON_SIZE_BITS | (sign < 0 ? 2 : sign ? 0 : 1);
	for (size_t i = 0; i < count; i++)
		n->long_value.ob_digit[i] = each;
	return (PyObject *)n;
}

static PyObject *floating(double value)
{
	PyFloatObject *f = new_object(&PyFloat_Type, sizeof(PyFloatObject), 3);
	f->ob_fval = value;
	return (PyObject *)f;
}

static PyObject *tuple(size_t count, PyObject **items)
{
	PyTupleObject *t = new_items(&PyTuple_Type, sizeof(PyTupleObject) + count * sizeof(PyObject *), count);
	memcpy(t->ob_item, items, count * sizeof(PyObject *));
	return (PyObject *)t;
}

/* As of Objects/listobject.c a list's items are behind the number that there is room for. */
static PyObject *list(size_t count, PyObject **items)
{
	PyListObject *l = new_items(&PyList_Type, sizeof(PyListObject), count);
	size_t *array = table((count + 1) * sizeof(PyObject *));
	array[0] = count;
	memcpy(array + 1, items, count * sizeof(PyObject *));
	l->ob_item = (PyObject **)(array + 1);
	l->allocated = (Py_ssize_t)count;
	return (PyObject *)l;
}

/* Pairs of keys and values; with keys that are not all str the entries have hashes. */
static PyObject *dict(size_t count, PyObject *pairs[][2], int general)
{
	enum { LOG2_SIZE = 4 };
	PyDictObject *d = new_object(&PyDict_Type, sizeof(PyDictObject), 0);
	size_t entry = general ? sizeof(PyDictKeyEntry) : sizeof(PyDictUnicodeEntry);
	PyDictKeysObject *keys = table(sizeof(PyDictKeysObject) + (1 << LOG2_SIZE) * (1 + entry));
	if (count > 10)
		abort();
	keys->dk_refcnt = 1;
	keys->dk_log2_size = keys->dk_log2_index_bytes = LOG2_SIZE;
	keys->dk_kind = general ? DICT_KEYS_GENERAL : DICT_KEYS_UNICODE;
	keys->dk_usable = 10 - (Py_ssize_t)count;
	keys->dk_nentries = (Py_ssize_t)count;
	memset(keys->dk_indices, 0xff, 1 << LOG2_SIZE);
	for (size_t i = 0; i < count; i++) {
		keys->dk_indices[i] = (char)i;
		char *at = keys->dk_indices + (1 << LOG2_SIZE) + i * entry;
		if (general) {
			((PyDictKeyEntry *)at)->me_hash = (Py_hash_t)i;
			((PyDictKeyEntry *)at)->me_key = pairs[i][0];
			((PyDictKeyEntry *)at)->me_value = pairs[i][1];
		} else {
			((PyDictUnicodeEntry *)at)->me_key = pairs[i][0];
			((PyDictUnicodeEntry *)at)->me_value = pairs[i][1];
		}
	}
	d->ma_used = (Py_ssize_t)count;
	d->ma_keys = keys;
	return (PyObject *)d;
}


/* ---- code and frames ---- */

#define UNITS 8

/* One code unit a line, from `first` on: Objects/locations.md, the form without columns. */
static PyCodeObject *code(const char *name, int first, size_t local_count, const char *const *locals)
{
	unsigned char table[2 * UNITS], kinds[8];
	PyObject *names[8];
	PyCodeObject *c = new_items(&PyCode_Type, sizeof(PyCodeObject) + UNITS * sizeof(_Py_CODEUNIT), UNITS);
	for (size_t i = 0; i < UNITS; i++) {
		table[2 * i] = 0x80 | 13 << 3; /* of one unit */
		table[2 * i + 1] = i ? 2 : 0;  /* a line further */
	}
	for (size_t i = 0; i < local_count; i++) {
		names[i] = text(locals[i]);
		kinds[i] = CO_FAST_LOCAL;
	}
	c->co_consts = c->co_names = tuple(0, NULL);
	c->co_exceptiontable = bytes("", 0);
	c->co_flags = CO_OPTIMIZED | CO_NEWLOCALS;
	c->co_firstlineno = first;
	c->co_stacksize = 2;
	c->co_nlocals = c->co_nlocalsplus = (int)local_count;
	c->co_framesize = (int)(local_count + 2 + FRAME_SPECIALS_SIZE);
	c->co_localsplusnames = tuple(local_count, names);
	c->co_localspluskinds = bytes(kinds, local_count);
	c->co_filename = text("/nowhere/app.py");
	c->co_name = c->co_qualname = text(name);
	c->co_linetable = bytes(table, sizeof(table));
#if NEW_STACKREFS
	/* the second thread has a copy of the bytecode, which its frames point into */
	_PyCodeArray *copies = take(sizeof(_PyCodeArray) + 2 * sizeof(char *));
	copies->size = 2;
	copies->entries[0] = c->co_code_adaptive;
	copies->entries[1] = take(UNITS * sizeof(_Py_CODEUNIT));
	c->co_tlbc = copies;
#endif
	return c;
}

#if NEW_STACKREFS
typedef _PyStackRef reference;
static reference counted(PyObject *object)
{
	return (reference){ .bits = (uintptr_t)object };
}
static reference deferred(PyObject *object)
{
	return (reference){ .bits = (uintptr_t)object | 1 };
}
#else
typedef PyObject *reference;
#define counted(object) (object)
#define deferred(object) (object)
#endif

static void fill_frame(_PyInterpreterFrame *f, PyCodeObject *c, unsigned unit, int copy, size_t count,
		       reference *locals, PyObject *globals)
{
	f->f_executable = deferred((PyObject *)c);
	f->f_globals = globals;
	f->f_builtins = _PyRuntime.interpreters.main->builtins;
	f->owner = FRAME_OWNED_BY_THREAD;
	memcpy(f->localsplus, locals, count * sizeof(*locals));
#if NEW_STACKREFS
	f->instr_ptr = (_Py_CODEUNIT *)c->co_tlbc->entries[copy] + unit;
	f->tlbc_index = copy;
	f->stackpointer = f->localsplus + count;
#else
	(void)copy;
	f->instr_ptr = (_Py_CODEUNIT *)c->co_code_adaptive + unit;
	f->stacktop = (int)count;
#endif
}

static _PyInterpreterFrame *push_frame(PyThreadState *thread, PyCodeObject *c, unsigned unit, int copy, size_t count,
				       reference *locals, PyObject *globals)
{
	_PyInterpreterFrame *f = take(sizeof(*f) + (count + 2) * sizeof(*locals));
	fill_frame(f, c, unit, copy, count, locals, globals);
	f->previous = thread->current_frame;
	thread->current_frame = f;
	return f;
}

static PyObject *frame_object(PyCodeObject *c, unsigned unit, PyObject *globals)
{
	reference none = counted(NULL);
	PyFrameObject *f = new_object(&PyFrame_Type, sizeof(PyFrameObject) + sizeof(_PyInterpreterFrame) + 64, 0);
	f->f_frame = (_PyInterpreterFrame *)f->_f_frame_data;
	fill_frame(f->f_frame, c, unit, 0, 0, &none, globals);
	f->f_frame->owner = FRAME_OWNED_BY_FRAME_OBJECT;
	f->f_frame->frame_obj = f;
	return (PyObject *)f;
}

/* ---- the process ---- */

static PyThreadState *add_thread(PyInterpreterState *interp)
{
	_PyThreadStateImpl *impl = take(sizeof(*impl));
	PyThreadState *thread = &impl->base;
	static uint64_t ids;
	thread->interp = interp;
	thread->id = ++ids;
	thread->thread_id = (unsigned long)pthread_self();
	thread->native_thread_id = (unsigned long)syscall(SYS_gettid);
	thread->exc_info = &thread->exc_state;
	thread->_status.initialized = thread->_status.bound = thread->_status.active = 1;
	thread->state = 1; /* _Py_THREAD_ATTACHED */
	thread->next = interp->threads.head;
	if (thread->next)
		thread->next->prev = thread;
	interp->threads.head = thread;
	return thread;
}

static PyObject *globals;

static void say(const char *line)
{
	puts(line);
	fflush(stdout);
}

static void lay_out_values(PyThreadState *thread)
{
	static const char *const names[] = { "nothing", "yes", "minus", "large", "half", "unbound" };
	reference locals[] = { deferred(Py_None),	    deferred(Py_True),
			       counted(integer(-1, 42, 1)), counted(integer(1, 1, 3)),
			       counted(floating(0.5)),	    counted(NULL) };
	push_frame(thread, code("values", 10, COUNT(names), names), 2, 0, COUNT(locals), locals, globals);
	say("main frame values 12 nothing=None yes=True minus=-42 large=1152921505680588801 half=0.5");
}

static void lay_out_texts(PyThreadState *thread)
{
	static const char *const names[] = { "ascii", "latin", "wide", "widest", "raw" };
	static const Py_UCS2 wide[] = { 0x20ac, '!' };
	static const Py_UCS4 widest[] = { 0x1f40d };
	reference locals[] = { counted(text("hello")), counted(new_text("\xe9t\xe9", 3, 1, 0xe9)),
			       counted(new_text(wide, 2, 2, 0x20ac)), counted(new_text(widest, 1, 4, 0x1f40d)),
			       deferred(bytes("a\0b", 3)) };
	push_frame(thread, code("texts", 20, COUNT(names), names), 3, 0, COUNT(locals), locals, globals);
	say("main frame texts 23 ascii='hello' "
	    "latin='\xc3\xa9t\xc3\xa9' wide='\xe2\x82\xac!' widest='\xf0\x9f\x90\x8d' raw=b'a\\x00b'");
}

static void lay_out_containers(PyThreadState *thread)
{
	static const char *const names[] = { "items", "pair", "empty", "names", "numbers" };
	PyObject *inner[] = { integer(1, 1, 1), text("two") };
	PyObject *three[] = { tuple(2, inner), Py_None, integer(0, 0, 0) };
	PyObject *by_name[][2] = { { text("a"), integer(1, 7, 1) }, { text("b"), list(2, inner) } };
	PyObject *by_number[][2] = { { integer(1, 5, 1), text("five") }, { Py_None, Py_False } };
	reference locals[] = { counted(list(3, three)), deferred(tuple(2, inner)), counted(list(0, NULL)),
			       counted(dict(2, by_name, 0)), counted(dict(2, by_number, 1)) };
	push_frame(thread, code("containers", 30, COUNT(names), names), 1, 0, COUNT(locals), locals, globals);
	say("main frame containers 31 items=[(1, 'two'), None, 0] pair=(1, 'two') empty=[] "
	    "names={'a': 7, 'b': [1, 'two']} numbers={5: 'five', None: False}");
}

/* An exception that is being handled, raised two frames down. */
static void lay_out_exception(PyThreadState *thread)
{
	PyBaseExceptionObject *e = new_object(&value_error_type, sizeof(*e), 0);
	PyObject *message = text("no such thing");
	PyTracebackObject *inner = new_object(&PyTraceBack_Type, sizeof(*inner), 0);
	PyTracebackObject *outer = new_object(&PyTraceBack_Type, sizeof(*outer), 0);
	inner->tb_frame = (PyFrameObject *)frame_object(code("inner", 50, 0, NULL), 4, globals);
	inner->tb_lasti = 4 * (int)sizeof(_Py_CODEUNIT);
	inner->tb_lineno = -1; /* to be worked out of tb_lasti */
	outer->tb_frame = (PyFrameObject *)frame_object(code("outer", 40, 0, NULL), 0, globals);
	outer->tb_lasti = 0;
	outer->tb_lineno = 45;
	outer->tb_next = inner;
	e->args = tuple(1, &message);
	e->traceback = (PyObject *)outer;
	thread->exc_state.exc_value = (PyObject *)e;
	say("main exception ValueError no such thing");
	say("main traceback outer 45");
	say("main traceback inner 54");
}

/* A list that nothing refers to, and three that were freed: in each of a page's lists of free blocks. */
static void lay_out_garbage(void)
{
	PyObject *freed[3];
	mi_page_t *page = page_of(_Py_MIMALLOC_HEAP_GC, sizeof(PyListObject))->header;
	(void)list(0, NULL);
	for (size_t i = 0; i < COUNT(freed); i++) {
		freed[i] = list(0, NULL);
		count_object(&PyList_Type, -1);
		freed[i]->ob_tid = 0; /* the next block, in the list */
	}
	page->free = (mi_block_t *)freed[0];
	page->local_free = (mi_block_t *)freed[1];
	*(uintptr_t *)&page->xthread_free = (uintptr_t)freed[2] | 1;
	page->used -= 2;
}

static void say_counts(void)
{
	for (size_t i = 0; made[i].type; i++)
		printf("heap %s %u\n", made[i].type->tp_name, made[i].count);
	say("refcount float 4");
}

static PyInterpreterState *interpreter;
static pthread_barrier_t ready;

static void *other_thread(void *unused)
{
	static const char *const names[] = { "waits_for" };
	PyThreadState *thread = add_thread(interpreter);
	reference locals[] = { counted(text("ever")) };
	push_frame(thread, code("other", 60, 1, names), 5, 1, 1, locals, globals);
	say("other frame other 65 waits_for='ever'");
	pthread_barrier_wait(&ready);
	for (;;)
		pause();
	return unused;
}

static void set_bases(void)
{
	PyTypeObject *all[] = { &PyUnicode_Type, &PyBytes_Type, &PyLong_Type,	 &PyFloat_Type, &PyList_Type,
				&PyTuple_Type,	 &PyDict_Type,	&PyCode_Type,	 &PyFrame_Type, &PyTraceBack_Type,
				&none_type,	 &PyType_Type,	&base_exception_type };
	for (size_t i = 0; i < COUNT(all); i++)
		all[i]->tp_base = &PyBaseObject_Type;
	PyBool_Type.tp_base = &PyLong_Type;
	/* that of object would take lv_tag for a length */
	PyObject *own_size[][2] = { { text("__sizeof__"), Py_None } };
	PyLong_Type.tp_dict = dict(1, own_size, 0);
	value_error_type.tp_base = &base_exception_type;
}

int main(int argc, char **argv)
{
	pthread_t second;
	make_segment();
	PyObject *hex = integer(1, 0, 2);
	((PyLongObject *)hex)->long_value.ob_digit[0] = PY_VERSION_HEX & PyLong_MASK;
	((PyLongObject *)hex)->long_value.ob_digit[1] = PY_VERSION_HEX >> PyLong_SHIFT;
	PyObject *of_sys[][2] = { { text("hexversion"), hex } };
	PyObject *of_builtins[][2] = {
		{ text("None"), Py_None }, { text("True"), Py_True }, { text("False"), Py_False }
	};
	PyObject *of_app[][2] = { { text("__name__"), text("app") } };
	interpreter = &_PyRuntime._main_interpreter;
	interpreter->sysdict = dict(1, of_sys, 0);
	interpreter->builtins = dict(3, of_builtins, 0);
	PyObject *modules[][2] = { { text("sys"), interpreter->sysdict } };
	interpreter->imports.modules = dict(1, modules, 0);
	globals = dict(1, of_app, 0);
	_PyRuntime.interpreters.head = _PyRuntime.interpreters.main = interpreter;
	_PyRuntime.initialized = _PyRuntime.core_initialized = 1;
	_PyRuntime.main_thread = (unsigned long)pthread_self();
	set_bases();
	if (argc > 1 && !strcmp(argv[1], "tables"))
		memset(&_PyRuntime.debug_offsets, 0, sizeof(_PyRuntime.debug_offsets));

	pthread_barrier_init(&ready, NULL, 2);
	if (pthread_create(&second, NULL, other_thread, NULL))
		return 1;
	pthread_barrier_wait(&ready);
	PyThreadState *thread = add_thread(interpreter);
	lay_out_values(thread);
	lay_out_texts(thread);
	lay_out_containers(thread);
	lay_out_exception(thread);
	lay_out_garbage();
	say_counts();
	raise(SIGABRT);
	return 0;
}
