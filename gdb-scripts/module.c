/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "module.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static PyObject *error_class;

/* ---- what the library calls back ---- */

/* An exception is set: keep an interrupt, forget anything else. */
static void swallow(struct hooks *hooks)
{
	if (!hooks->type && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
		PyErr_Fetch(&hooks->type, &hooks->value, &hooks->traceback);
	else
		PyErr_Clear();
}

PyObject *hooks_call(struct hooks *hooks, const char *name, const char *format, ...)
{
	va_list ap;
	if (hooks->type)
		return NULL;
	PyObject *function = PyObject_GetAttrString(hooks->object, name), *args = NULL, *result = NULL;
	va_start(ap, format);
	if (function)
		args = Py_VaBuildValue(format, ap);
	va_end(ap);
	if (args)
		result = PyObject_CallObject(function, args);
	Py_XDECREF(args);
	Py_XDECREF(function);
	if (!result)
		swallow(hooks);
	return result;
}

static void on_warning(void *user, const char *message)
{
	PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace");
	struct hooks *hooks = user;
	if (!text)
		swallow(hooks);
	else
		Py_XDECREF(hooks_call(hooks, "warning", "(N)", text));
}

static bool on_progress(void *user, const char *stage, unsigned long long done, unsigned long long total)
{
	struct hooks *hooks = user;
	(void)stage, (void)done, (void)total;
	if (!hooks->type && PyErr_CheckSignals())
		swallow(hooks);
	return !hooks->type;
}

static uint64_t get_symbol(void *user, uint64_t start, uint64_t end, const char *name)
{
	PyObject *result =
		hooks_call(user, "symbol", "(KKs)", (unsigned long long)start, (unsigned long long)end, name);
	uint64_t address = result && result != Py_None ? PyLong_AsUnsignedLongLong(result) : 0;
	Py_XDECREF(result);
	if (PyErr_Occurred()) {
		swallow(user);
		return 0;
	}
	return address;
}

static bool get_symbolized(void *user, uint64_t address, char *buffer, size_t size)
{
	PyObject *result = hooks_call(user, "symbolize", "(K)", (unsigned long long)address), *bytes = NULL;
	char *text;
	Py_ssize_t length;
	if (result && result != Py_None)
		bytes = PyUnicode_AsUTF8String(result);
	bool ok = bytes && !PyBytes_AsStringAndSize(bytes, &text, &length) && (size_t)length < size;
	if (ok)
		memcpy(buffer, text, (size_t)length + 1);
	Py_XDECREF(bytes);
	Py_XDECREF(result);
	if (PyErr_Occurred())
		swallow(user);
	return ok;
}

static bool get_section(void *user, uint64_t start, uint64_t end, const char *name, uint64_t *ret_start,
			uint64_t *ret_size)
{
	PyObject *result = hooks_call(user, "section", "(KKs)", (unsigned long long)start, (unsigned long long)end,
				      name);
	unsigned long long at, size;
	bool ok = result && result != Py_None && PyTuple_Check(result) && PyArg_ParseTuple(result, "KK", &at, &size);
	Py_XDECREF(result);
	if (PyErr_Occurred())
		swallow(user);
	if (!ok)
		return false;
	*ret_start = at;
	*ret_size = size;
	return true;
}

const struct ph_symbol_ops hooks_symbols = {
	.symbol = get_symbol,
	.symbolize = get_symbolized,
	.section = get_section,
};

struct hooks *hooks_create(PyObject *object)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));
	if (!hooks) {
		PyErr_NoMemory();
		return NULL;
	}
	Py_INCREF(object);
	hooks->object = object;
	hooks->callbacks = (struct ph_callbacks){ .user = hooks, .warning = on_warning, .progress = on_progress };
	return hooks;
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	Py_XDECREF(hooks->type);
	Py_XDECREF(hooks->value);
	Py_XDECREF(hooks->traceback);
	Py_DECREF(hooks->object);
	free(hooks);
}

bool raise_error(struct ph_error *error, struct hooks *hooks)
{
	if (hooks && hooks->type) {
		PyErr_Restore(hooks->type, hooks->value, hooks->traceback);
		hooks->type = hooks->value = hooks->traceback = NULL;
		ph_error_free(error);
		return true;
	}
	if (!error)
		return false;
	PyObject *message = PyUnicode_DecodeUTF8(error->message, (Py_ssize_t)strlen(error->message), "replace");
	if (message) {
		PyErr_SetObject(error_class, message);
		Py_DECREF(message);
	}
	ph_error_free(error);
	return true;
}

PyObject *text_from(char *text)
{
	PyObject *result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
	free(text);
	return result;
}

/* ---- the module ---- */

static PyMethodDef methods[] = {
	{ "open_core", module_open_core, METH_VARARGS,
	  "open_core(path, executable, sysroot, solib_search_path, hooks) -> image" },
	{ "open_target", module_open_target, METH_VARARGS,
	  "open_target(kind, machine, pid, name, maps, threads, auxv, signal, sysroot, hooks) -> image" },
	{ "attach", module_attach, METH_VARARGS, "attach(image) -> session; nothing is redacted" },
	{ "write_dump", module_write_dump, METH_VARARGS, "write_dump(image, path); secrets are redacted" },
	{ "frame_count", module_frame_count, METH_VARARGS, "frame_count(session, tid) -> int" },
	{ "backtrace", module_backtrace, METH_VARARGS, "backtrace(session, tid, locals, colour, columns) -> str" },
	{ "exceptions", module_exceptions, METH_VARARGS, "exceptions(session, tid, raised, colour, columns) -> str" },
	{ "threads", module_threads, METH_VARARGS, "threads(session, selected, colour, columns) -> str" },
	{ "frame", module_frame, METH_VARARGS, "frame(session, tid, index, colour, columns) -> str" },
	{ "locals", module_locals, METH_VARARGS, "locals(session, tid, index, colour, columns) -> str" },
	{ "source", module_source, METH_VARARGS, "source(session, tid, index, first, last) -> str" },
	{ "lookup", module_lookup, METH_VARARGS, "lookup(session, tid, index, name) -> (scope, address)" },
	{ "frames", module_frames, METH_VARARGS,
	  "frames(session, tid) -> [(function, file, line, address, loop, [(name, is_argument, address)])]" },
	{ "interpreter_module", module_interpreter_module, METH_VARARGS,
	  "interpreter_module(session) -> (start, end)" },
	{ "object", module_object, METH_VARARGS,
	  "object(session, address) -> None or (is_opaque, [(type, address, basicsize, [function])], [(offset, word, "
	  "is_object)])" },
	{ "type_names", module_type_names, METH_VARARGS, "type_names(session) -> str, one name a line" },
	{ "repr", module_repr, METH_VARARGS, "repr(session, address, characters) -> str" },
	{ "verbs", module_verbs, METH_NOARGS, "verbs() -> [(name, usage, summary, help)]" },
	{ "run_verb", module_run_verb, METH_VARARGS,
	  "run_verb(session, argv, colour, columns, write, warning) -> status" },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_pyheap",
	.m_doc = "libpyheap for gdb",
	.m_size = -1,
	.m_methods = methods,
};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__pyheap(void);

PyMODINIT_FUNC PyInit__pyheap(void)
{
	PyObject *module = PyModule_Create(&definition);
	if (!module)
		return NULL;
	error_class = PyErr_NewException("_pyheap.error", NULL, NULL);
	if (!error_class || PyModule_AddObject(module, "error", error_class)) {
		Py_XDECREF(error_class);
		Py_DECREF(module);
		return NULL;
	}
	Py_INCREF(error_class);
	PyModule_AddStringConstant(module, "version", PACKAGE_VERSION);
	return module;
}
