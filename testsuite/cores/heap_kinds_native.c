/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types whose structs nobody outside knows: one that the garbage collector visits, and one that it does not know of. */
#include <Python.h>

typedef struct {
	PyObject_HEAD
	long number;
	PyObject *hidden;
	void *elsewhere;
} Plain;

typedef struct {
	PyObject_HEAD
	PyObject *left;
	double weight;
	PyObject *right;
} Visited;

static void plain_dealloc(PyObject *self)
{
	Py_XDECREF(((Plain *)self)->hidden);
	PyObject_Free(self);
}

static int visited_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((Visited *)self)->left);
	Py_VISIT(((Visited *)self)->right);
	return 0;
}

static void visited_dealloc(PyObject *self)
{
	PyObject_GC_UnTrack(self);
	Py_XDECREF(((Visited *)self)->left);
	Py_XDECREF(((Visited *)self)->right);
	PyObject_GC_Del(self);
}

static PyTypeObject plain_type = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "heap_kinds_native.Plain",
	.tp_basicsize = sizeof(Plain),
	.tp_flags = Py_TPFLAGS_DEFAULT,
	.tp_dealloc = plain_dealloc,
};

static PyTypeObject visited_type = {
	PyVarObject_HEAD_INIT(NULL, 0)
	.tp_name = "heap_kinds_native.Visited",
	.tp_basicsize = sizeof(Visited),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_traverse = visited_traverse,
	.tp_dealloc = visited_dealloc,
};

static PyObject *make_plain(PyObject *module, PyObject *object)
{
	Plain *self = PyObject_New(Plain, &plain_type);
	(void)module;
	if (!self)
		return NULL;
	Py_INCREF(object);
	self->number = 42;
	self->hidden = object;
	self->elsewhere = &plain_type;
	return (PyObject *)self;
}

static PyObject *make_visited(PyObject *module, PyObject *object)
{
	Visited *self = PyObject_GC_New(Visited, &visited_type);
	(void)module;
	if (!self)
		return NULL;
	Py_INCREF(object);
	self->left = object;
	self->weight = 0.5;
	self->right = PyList_New(0);
	PyObject_GC_Track(self);
	return (PyObject *)self;
}

static PyMethodDef functions[] = {
	{ "plain", make_plain, METH_O, NULL },
	{ "visited", make_visited, METH_O, NULL },
	{ NULL, NULL, 0, NULL },
};

#if PY_MAJOR_VERSION >= 3
static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, .m_name = "heap_kinds_native", .m_size = -1, .m_methods = functions };

PyMODINIT_FUNC PyInit_heap_kinds_native(void)
{
	if (PyType_Ready(&plain_type) < 0 || PyType_Ready(&visited_type) < 0)
		return NULL;
	return PyModule_Create(&definition);
}
#else
PyMODINIT_FUNC initheap_kinds_native(void)
{
	if (PyType_Ready(&plain_type) == 0 && PyType_Ready(&visited_type) == 0)
		Py_InitModule("heap_kinds_native", functions);
}
#endif
