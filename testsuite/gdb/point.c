/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An extension type that no library knows; compiled with debug information and without. */
#include <Python.h>
#include <signal.h>

typedef struct {
	PyObject_HEAD
	long x, y;
	PyObject *label;
	void *handler;
} PointObject;

static int point_origin = 7;

static void point_dealloc(PyObject *self)
{
	PointObject *point = (PointObject *)self;
	Py_XDECREF(point->label);
	Py_TYPE(self)->tp_free(self);
}

static PyObject *point_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	PointObject *self = (PointObject *)type->tp_alloc(type, 0);
	(void)keywords;
	if (!self || !PyArg_ParseTuple(args, "llO", &self->x, &self->y, &self->label))
		return NULL;
	Py_INCREF(self->label);
	self->handler = &point_origin;
	return (PyObject *)self;
}

/* no name that says whose it is */
static PyTypeObject kind = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "point.Point",
	.tp_basicsize = sizeof(PointObject),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_new = point_new,
	.tp_dealloc = point_dealloc,
};

/* Stops where a native frame has the object in a variable. */
static PyObject *point_stop(PyObject *module, PyObject *object)
{
	PointObject *point = (PointObject *)object;
	PyObject *type = (PyObject *)Py_TYPE(object);
	(void)module, (void)type;
	raise(SIGUSR1);
	return PyLong_FromLong(point->x);
}

static PyMethodDef functions[] = { { "stop", point_stop, METH_O, NULL }, { NULL, NULL, 0, NULL } };

static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, .m_name = "point", .m_size = -1, .m_methods = functions };

PyMODINIT_FUNC PyInit_point(void)
{
	PyObject *m = PyModule_Create(&module);
	if (!m || PyType_Ready(&kind) < 0)
		return NULL;
	Py_INCREF(&kind);
	PyModule_AddObject(m, "Point", (PyObject *)&kind);
	return m;
}
