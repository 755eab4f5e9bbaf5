/* SPDX-License-Identifier: GPL-3.0-or-later */
/* <pyheap/verb.h> */
#include "module.h"

#include <pyheap/dump.h>
#include <pyheap/verb.h>

#include <stdlib.h>
#include <string.h>

PyObject *module_verbs(PyObject *self, PyObject *args)
{
	const struct ph_verb *verbs;
	size_t count = ph_verbs(&verbs);
	PyObject *list = PyList_New(0);
	(void)self, (void)args;
	for (size_t i = 0; list && i < count; i++) {
		PyObject *item =
			Py_BuildValue("(ssss)", verbs[i].name, verbs[i].usage, verbs[i].summary, verbs[i].help);
		if (!item || PyList_Append(list, item)) {
			Py_DECREF(list);
			list = NULL;
		}
		Py_XDECREF(item);
	}
	return list;
}

struct sink {
	PyObject *write, *warning;
	bool failed; /* an exception is set */
};

static bool hand_on(struct sink *sink, PyObject *function, const char *text, size_t size)
{
	PyObject *string = sink->failed ? NULL : PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, "replace"),
		 *result = NULL;
	if (string)
		result = PyObject_CallFunctionObjArgs(function, string, NULL);
	if (!result)
		sink->failed = true;
	Py_XDECREF(string);
	Py_XDECREF(result);
	return !sink->failed;
}

static bool on_write(void *user, const char *text, size_t size)
{
	struct sink *sink = user;
	return hand_on(sink, sink->write, text, size);
}

static void on_warning(void *user, const char *message)
{
	struct sink *sink = user;
	hand_on(sink, sink->warning, message, strlen(message));
}

/* Strings of a list, each in its own bytes object of *ret_bytes. */
static char **take_arguments(PyObject *list, PyObject **ret_bytes)
{
	Py_ssize_t count = PyList_Size(list);
	char **argv = calloc((size_t)count + 1, sizeof(*argv));
	PyObject *kept = argv ? PyList_New(0) : NULL;
	bool ok = kept;
	for (Py_ssize_t i = 0; ok && i < count; i++) {
		PyObject *bytes = PyUnicode_AsUTF8String(PyList_GetItem(list, i));
		argv[i] = bytes ? PyBytes_AsString(bytes) : NULL;
		ok = argv[i] && !PyList_Append(kept, bytes);
		Py_XDECREF(bytes);
	}
	if (!ok) {
		Py_XDECREF(kept);
		free(argv);
		return NULL;
	}
	*ret_bytes = kept;
	return argv;
}

PyObject *module_run_verb(PyObject *self, PyObject *args)
{
	PyObject *object, *list, *kept;
	struct sink sink = { 0 };
	struct hooks *hooks;
	int colour, status = 0;
	struct ph_verb_output output = { .user = &sink, .write = on_write, .warning = on_warning };
	(void)self;
	if (!PyArg_ParseTuple(args, "OO!pIOO", &object, &PyList_Type, &list, &colour, &output.columns, &sink.write,
			      &sink.warning))
		return NULL;
	struct ph_session *session = session_of(object, &hooks);
	char **argv = session && PyList_Size(list) ? take_arguments(list, &kept) : NULL;
	if (!argv) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_ValueError, "no verb");
		return NULL;
	}
	output.colour = colour;
	struct ph_dump *dump = NULL;
	struct ph_error *error = ph_session_as_dump(session, &dump);
	if (!error)
		error = ph_verb_run(dump, (int)PyList_Size(list), argv, &output, &status);
	ph_dump_close(dump);
	free(argv);
	Py_DECREF(kept);
	if (sink.failed) {
		ph_error_free(error);
		return NULL;
	}
	if (raise_error(error, hooks))
		return NULL;
	return PyLong_FromLong(status);
}
