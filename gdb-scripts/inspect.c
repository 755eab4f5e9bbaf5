/* SPDX-License-Identifier: GPL-3.0-or-later */
/* <pyheap/inspect.h> */
#include "module.h"

struct request {
	struct ph_session *session;
	struct hooks *hooks;
	long long tid;
	Py_ssize_t index; /* of a frame; or an option */
	struct ph_report_style style;
};

/* (session, tid, index or option, colour, columns); the third not of all */
static bool parse(PyObject *args, bool with_index, struct request *ret)
{
	PyObject *object;
	int colour;
	struct request r = { 0 };
	if (with_index ? !PyArg_ParseTuple(args, "OLnpI", &object, &r.tid, &r.index, &colour, &r.style.columns) :
			 !PyArg_ParseTuple(args, "OLpI", &object, &r.tid, &colour, &r.style.columns))
		return false;
	r.style.colour = colour;
	r.session = session_of(object, &r.hooks);
	if (r.session && r.index < 0) {
		PyErr_SetString(PyExc_ValueError, "a negative frame");
		return false;
	}
	*ret = r;
	return r.session;
}

static PyObject *answer(struct ph_error *error, const struct request *r, char **text)
{
	if (!raise_error(error, r->hooks))
		return text_from(*text);
	return NULL;
}

PyObject *module_frame_count(PyObject *self, PyObject *args)
{
	PyObject *object;
	struct hooks *hooks;
	long long tid;
	size_t count;
	(void)self;
	if (!PyArg_ParseTuple(args, "OL", &object, &tid))
		return NULL;
	struct ph_session *session = session_of(object, &hooks);
	if (!session || raise_error(ph_session_frame_count(session, tid, &count), hooks))
		return NULL;
	return PyLong_FromSize_t(count);
}

PyObject *module_backtrace(PyObject *self, PyObject *args)
{
	struct request r;
	char *text;
	(void)self;
	if (!parse(args, true, &r))
		return NULL;
	return answer(ph_session_backtrace(r.session, r.tid, r.index != 0, &r.style, &text), &r, &text);
}

PyObject *module_exceptions(PyObject *self, PyObject *args)
{
	struct request r;
	char *text;
	(void)self;
	if (!parse(args, true, &r))
		return NULL;
	return answer(ph_session_exceptions(r.session, r.tid, r.index ? PH_INSPECT_RAISED : PH_INSPECT_HANDLED, &r.style,
					    &text),
		      &r, &text);
}

PyObject *module_threads(PyObject *self, PyObject *args)
{
	struct request r;
	char *text;
	(void)self;
	if (!parse(args, false, &r))
		return NULL;
	return answer(ph_session_threads(r.session, r.tid, &r.style, &text), &r, &text);
}

PyObject *module_frame(PyObject *self, PyObject *args)
{
	struct request r;
	char *text;
	(void)self;
	if (!parse(args, true, &r))
		return NULL;
	return answer(ph_session_frame(r.session, r.tid, (size_t)r.index, &r.style, &text), &r, &text);
}

PyObject *module_locals(PyObject *self, PyObject *args)
{
	struct request r;
	char *text;
	(void)self;
	if (!parse(args, true, &r))
		return NULL;
	return answer(ph_session_locals(r.session, r.tid, (size_t)r.index, &r.style, &text), &r, &text);
}

PyObject *module_source(PyObject *self, PyObject *args)
{
	PyObject *object;
	struct request r;
	Py_ssize_t first, last;
	char *text;
	(void)self;
	if (!PyArg_ParseTuple(args, "OLnnn", &object, &r.tid, &r.index, &first, &last))
		return NULL;
	r.session = session_of(object, &r.hooks);
	if (!r.session)
		return NULL;
	return answer(ph_session_source(r.session, r.tid, (size_t)r.index, first < 0 ? 0 : (size_t)first,
					last < 0 ? 0 : (size_t)last, &text),
		      &r, &text);
}

PyObject *module_lookup(PyObject *self, PyObject *args)
{
	PyObject *object;
	struct hooks *hooks;
	long long tid;
	Py_ssize_t index;
	const char *name, *scope;
	uint64_t address;
	(void)self;
	if (!PyArg_ParseTuple(args, "OLns", &object, &tid, &index, &name))
		return NULL;
	struct ph_session *session = session_of(object, &hooks);
	if (!session || raise_error(ph_session_lookup(session, tid, (size_t)index, name, &scope, &address), hooks))
		return NULL;
	return Py_BuildValue("(sK)", scope, (unsigned long long)address);
}

PyObject *module_repr(PyObject *self, PyObject *args)
{
	PyObject *object;
	struct hooks *hooks;
	unsigned long long address;
	Py_ssize_t characters;
	char *text;
	(void)self;
	if (!PyArg_ParseTuple(args, "OKn", &object, &address, &characters))
		return NULL;
	struct ph_session *session = session_of(object, &hooks);
	if (!session || raise_error(ph_session_repr(session, address, characters < 0 ? 0 : (size_t)characters, &text),
				    hooks))
		return NULL;
	return text_from(text);
}
