/* SPDX-License-Identifier: GPL-3.0-or-later */
/* <pyheap/session.h> */
#include "module.h"

#include <stdlib.h>

static const char capsule_name[] = "_pyheap.session";

static void destroy(PyObject *capsule)
{
	PyObject *image = PyCapsule_GetContext(capsule);
	ph_session_close(PyCapsule_GetPointer(capsule, capsule_name));
	Py_XDECREF(image);
}

struct ph_session *session_of(PyObject *capsule, struct hooks **ret_hooks)
{
	struct ph_session *session = PyCapsule_GetPointer(capsule, capsule_name);
	PyObject *image = session ? PyCapsule_GetContext(capsule) : NULL;
	if (!image || !image_of(image, ret_hooks))
		return NULL;
	return session;
}

PyObject *module_attach(PyObject *self, PyObject *args)
{
	static const struct ph_session_options options = { .redact = PH_SESSION_REDACT_NONE };
	PyObject *object;
	struct hooks *hooks;
	struct ph_session *session;
	(void)self;
	if (!PyArg_ParseTuple(args, "O", &object))
		return NULL;
	struct ph_image *image = image_of(object, &hooks);
	if (!image || raise_error(ph_session_attach(image, &options, &session), hooks))
		return NULL;
	PyObject *capsule = PyCapsule_New(session, capsule_name, destroy);
	if (!capsule) {
		ph_session_close(session);
		return NULL;
	}
	Py_INCREF(object);
	PyCapsule_SetContext(capsule, object);
	return capsule;
}

PyObject *module_write_dump(PyObject *self, PyObject *args)
{
	static const struct ph_session_options options = { .redact = PH_SESSION_REDACT_SECRETS };
	static const struct ph_dump_options dump = { .heap = PH_DUMP_HEAP_FULL, .jobs = 1 };
	PyObject *object, *path = NULL;
	struct hooks *hooks;
	struct ph_session *session = NULL;
	(void)self;
	if (!PyArg_ParseTuple(args, "OO&", &object, PyUnicode_FSConverter, &path))
		return NULL;
	struct ph_image *image = image_of(object, &hooks);
	bool failed = !image || raise_error(ph_session_open(image, &options, &session), hooks);
	if (!failed)
		failed = raise_error(ph_session_write_dump(session, PyBytes_AsString(path), true, &dump), hooks);
	ph_session_close(session);
	Py_XDECREF(path);
	if (failed)
		return NULL;
	Py_RETURN_NONE;
}
