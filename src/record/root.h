/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where references to objects come from that are no objects themselves: what keeps the heap alive. */
#ifndef RECORD_ROOT_H
#define RECORD_ROOT_H

#include "base/error.h"
#include "base/types.h"

/* The numbers are part of the dump's format (doc/dump-format.md, section 8).  What a root's name is depends on its
 * kind. */
enum ph_root_kind {
	PH_ROOT_LOCAL,	      /* fast local of a frame: "thread MainThread frame 3 f: local x" */
	PH_ROOT_STACK_VALUE,  /* value stack of a frame: "thread MainThread frame 3 f: stack 0" */
	PH_ROOT_FRAME,	      /* member of a frame: "thread MainThread frame 3 f: globals" */
	PH_ROOT_THREAD,	      /* member of a thread state: "thread MainThread: dict" */
	PH_ROOT_MODULE,	      /* in sys.modules: "module app" */
	PH_ROOT_BUILTINS,     /* "builtins" */
	PH_ROOT_INTERPRETER,  /* member of an interpreter's state: "interpreter 0: sysdict", "interpreter 0+0x1c8" */
	PH_ROOT_RUNTIME,      /* word of _PyRuntime: "_PyRuntime+0x5a8" */
	PH_ROOT_PENDING_CALL, /* argument of a pending call: "interpreter 0: pending call 2" */
	PH_ROOT_AUDIT_HOOK,   /* what an audit hook was registered with: "audit hook 0" */
	PH_ROOT_STATIC_TYPE,  /* a type in a module's data: "static type int" */
	PH_ROOT_STATIC,	      /* another object in a module's data: "static object of libpython3.12.so.1.0" */
	PH_ROOT_C_GLOBAL,     /* a word of a module's writable data: "numpy_api+0x8 of _core.so", "_core.so+0x1234" */
	PH_ROOT_NATIVE,	      /* a word of memory that native code allocated: "_core.so+0x1234 → memory 0x7f…" */
	PH_ROOT_EVAL_STACK,   /* guessed, where a running frame keeps its height in a register: as STACK_VALUE */
	PH_ROOT_REGISTER,     /* guessed: "register rdi of thread MainThread" */
	PH_ROOT_NATIVE_STACK, /* guessed: "native stack of thread MainThread" */
	PH_ROOT_INTERNED,     /* the dict of interned strings: "interned strings"; it keeps nothing alive */
	PH_ROOT_PERMANENT,    /* set apart by gc.freeze(): "permanent generation"; it keeps nothing alive */
	PH_ROOT_OBJECT_MEMORY, /* a word of memory that an object has: "memory 0x7f… of the object 0x7f…"; as above */
	PH_ROOT_KIND_COUNT
};

/* Set in the kind where no reference is counted in ob_refcnt: the object stands for itself, or an edge that is there as
 * well says the same in fewer words (a module in sys.modules, a local of a frame that is an object). */
#define PH_ROOT_UNCOUNTED 0x80

struct ph_heap_root {
	ph_addr address;
	uint8_t kind;	  /* enum ph_root_kind, with PH_ROOT_UNCOUNTED */
	const char *name; /* WTF-8, NULL none; as long as the call */
};

/* Nothing but a word that happens to be an object's address tells of it. */
static inline bool ph_root_is_guess(uint8_t kind)
{
	kind &= (uint8_t)~PH_ROOT_UNCOUNTED;
	return kind == PH_ROOT_EVAL_STACK || kind == PH_ROOT_REGISTER || kind == PH_ROOT_NATIVE_STACK;
}

/* In which order paths are looked for from them: 0 what keeps objects alive, 1 guesses, 2 what names objects and keeps
 * none of them alive. */
static inline unsigned ph_root_rank(uint8_t kind)
{
	if ((kind & ~PH_ROOT_UNCOUNTED) >= PH_ROOT_INTERNED)
		return 2;
	return ph_root_is_guess(kind) ? 1 : 0;
}

/* Where roots go; NULL to go on.  In order of their kinds but for what one place holds of several (a frame's, a
 * thread's); one object may come many times, each for a reference of its own. */
struct ph_root_sink {
	void *self;
	/* What the process calls a thread or a module, as it may stand in a name; NULL: all may, as they are. */
	const char *(*word)(void *self, const char *text);
	struct ph_error *(*root)(void *self, const struct ph_heap_root *root);
};

#endif
