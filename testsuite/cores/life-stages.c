/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dies at a stage of the interpreter's life.  usage: life-stages before|early|after|left | hook EVENT (an audit event) */
#include <Python.h>
#include <stdlib.h>
#include <string.h>

static PyMemAllocatorEx usual;
static unsigned allocations;

/* When some objects are there and the interpreter is not yet whole */
static void *die_early(void *context, size_t size)
{
	if (++allocations == 3000)
		abort();
	return usual.malloc(context, size);
}

static int on_event(const char *event, PyObject *arguments, void *wanted)
{
	(void)arguments;
	if (!strcmp(event, wanted))
		abort();
	return 0;
}

int main(int argc, char **argv)
{
	const char *stage = argc > 1 ? argv[1] : "";
	if (!strcmp(stage, "before"))
		abort();
	if (!strcmp(stage, "early")) {
		PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &usual);
		PyMemAllocatorEx mine = usual;
		mine.malloc = die_early;
		PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &mine);
	}
	if (!strcmp(stage, "hook") && argc > 2)
		PySys_AddAuditHook(on_event, argv[2]);
	Py_Initialize();
	if (!strcmp(stage, "left")) {
		/* as a host does that forgets its subinterpreter: the main one is gone when Python notices */
		PyThreadState *first = PyThreadState_Get();
		Py_NewInterpreter();
		PyThreadState_Swap(first);
	}
	Py_Finalize();
	abort();
}
