/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The module that gdb's Python imports: the public headers as functions, file for
 * file.  Only the limited API of 3.6, so that one file serves every gdb whose
 * Python is 3.6 or newer.  All that thinks is below (the library) or above
 * (pyheap_gdb). */
#ifndef GDB_SCRIPTS_MODULE_H
#define GDB_SCRIPTS_MODULE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03060000
#include <Python.h>

#include <pyheap/inspect.h>

#include <stdbool.h>
#include <stdint.h>

/* What an image calls back: methods of a Python object.  An interrupt within one
 * is kept until the library returns; other exceptions mean "cannot". */
struct hooks {
	PyObject *object;
	PyObject *type, *value, *traceback; /* the interrupt; type NULL none */
	struct ph_callbacks callbacks;
};

/* Call hooks->object.NAME(format…); NULL with no exception set when it failed. */
PyObject *hooks_call(struct hooks *hooks, const char *name, const char *format, ...);

/* NULL with an exception set. */
struct hooks *hooks_create(PyObject *object);
void hooks_free(struct hooks *hooks);
extern const struct ph_symbol_ops hooks_symbols;

/* An exception from the error, which is freed, or from an interrupt within hooks
 * (which may be NULL); false when there is neither. */
bool raise_error(struct ph_error *error, struct hooks *hooks);

/* From a function's argument; NULL with an exception set. */
struct ph_image *image_of(PyObject *capsule, struct hooks **ret_hooks);
struct ph_session *session_of(PyObject *capsule, struct hooks **ret_hooks);

/* UTF-8 from the library, which is freed. */
PyObject *text_from(char *text);

/* image.c, callback.c */
PyObject *image_capsule(struct ph_image *image, struct hooks *hooks); /* takes both, also on failure */
PyObject *module_open_core(PyObject *self, PyObject *args);
PyObject *module_open_target(PyObject *self, PyObject *args);
/* session.c */
PyObject *module_attach(PyObject *self, PyObject *args);
PyObject *module_write_dump(PyObject *self, PyObject *args);
/* inspect.c */
PyObject *module_frame_count(PyObject *self, PyObject *args);
PyObject *module_backtrace(PyObject *self, PyObject *args);
PyObject *module_exceptions(PyObject *self, PyObject *args);
PyObject *module_threads(PyObject *self, PyObject *args);
PyObject *module_frame(PyObject *self, PyObject *args);
PyObject *module_locals(PyObject *self, PyObject *args);
PyObject *module_source(PyObject *self, PyObject *args);
PyObject *module_lookup(PyObject *self, PyObject *args);
PyObject *module_frames(PyObject *self, PyObject *args);
PyObject *module_interpreter_module(PyObject *self, PyObject *args);
PyObject *module_object(PyObject *self, PyObject *args);
PyObject *module_type_names(PyObject *self, PyObject *args);
PyObject *module_repr(PyObject *self, PyObject *args);
/* verb.c */
PyObject *module_verbs(PyObject *self, PyObject *args);
PyObject *module_run_verb(PyObject *self, PyObject *args);

#endif
