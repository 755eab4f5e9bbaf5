/* SPDX-License-Identifier: GPL-3.0-or-later */
/* <pyheap/inspect.h> */
#include "module.h"

#include <stdlib.h>
#include <string.h>

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
	return answer(ph_session_exceptions(r.session, r.tid, r.index ? PH_INSPECT_RAISED : PH_INSPECT_HANDLED,
					    &r.style, &text),
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

/* None for NULL. */
static PyObject *text_or_none(const char *text)
{
	if (text)
		return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
	Py_RETURN_NONE;
}

static bool append(PyObject *list, PyObject *item)
{
	bool ok = item && !PyList_Append(list, item);
	Py_XDECREF(item);
	return ok;
}

static PyObject *frame_tuple(const struct ph_inspect_frame *frame)
{
	PyObject *locals = PyList_New(0);
	bool ok = locals;
	for (size_t i = 0; ok && i < frame->local_count; i++)
		ok = append(locals, Py_BuildValue("(NOK)", text_or_none(frame->locals[i].name),
						  frame->locals[i].is_argument ? Py_True : Py_False,
						  (unsigned long long)frame->locals[i].address));
	if (ok)
		return Py_BuildValue("(NNiKKN)", text_or_none(frame->function), text_or_none(frame->file), frame->line,
				     (unsigned long long)frame->address, (unsigned long long)frame->loop, locals);
	Py_XDECREF(locals);
	return NULL;
}

PyObject *module_frames(PyObject *self, PyObject *args)
{
	PyObject *object;
	struct hooks *hooks;
	long long tid;
	struct ph_inspect_frame *frames;
	size_t count;
	(void)self;
	if (!PyArg_ParseTuple(args, "OL", &object, &tid))
		return NULL;
	struct ph_session *session = session_of(object, &hooks);
	if (!session || raise_error(ph_session_frames(session, tid, &frames, &count), hooks))
		return NULL;
	PyObject *list = PyList_New(0);
	bool ok = list;
	for (size_t i = 0; ok && i < count; i++)
		ok = append(list, frame_tuple(&frames[i]));
	free(frames);
	if (ok)
		return list;
	Py_XDECREF(list);
	return NULL;
}

PyObject *module_interpreter_module(PyObject *self, PyObject *args)
{
	PyObject *object;
	struct hooks *hooks;
	uint64_t start, end;
	(void)self;
	if (!PyArg_ParseTuple(args, "O", &object))
		return NULL;
	struct ph_session *session = session_of(object, &hooks);
	if (!session)
		return NULL;
	ph_session_interpreter_module(session, &start, &end);
	return Py_BuildValue("(KK)", (unsigned long long)start, (unsigned long long)end);
}

static PyObject *type_tuple(const struct ph_inspect_type *type)
{
	PyObject *functions = PyList_New(0);
	bool ok = functions;
	for (size_t i = 0; ok && i < PH_INSPECT_FUNCTIONS; i++)
		if (type->functions[i])
			ok = append(functions, PyLong_FromUnsignedLongLong(type->functions[i]));
	if (ok)
		return Py_BuildValue("(NKLN)", text_or_none(type->name), (unsigned long long)type->address,
				     (long long)type->basicsize, functions);
	Py_XDECREF(functions);
	return NULL;
}

static PyObject *object_tuple(const struct ph_inspect_object *object)
{
	PyObject *types = PyList_New(0), *words = PyList_New(0);
	bool ok = types && words;
	for (size_t i = 0; ok && i < object->type_count; i++)
		ok = append(types, type_tuple(&object->types[i]));
	for (size_t i = 0; ok && i < object->word_count; i++)
		ok = append(words, Py_BuildValue("(IKO)", object->words[i].offset,
						 (unsigned long long)object->words[i].word,
						 object->words[i].is_object ? Py_True : Py_False));
	if (ok)
		return Py_BuildValue("(ONN)", object->is_opaque ? Py_True : Py_False, types, words);
	Py_XDECREF(types);
	Py_XDECREF(words);
	return NULL;
}

PyObject *module_object(PyObject *self, PyObject *args)
{
	PyObject *capsule, *result = Py_None;
	struct hooks *hooks;
	unsigned long long address;
	struct ph_inspect_object *object;
	(void)self;
	if (!PyArg_ParseTuple(args, "OK", &capsule, &address))
		return NULL;
	struct ph_session *session = session_of(capsule, &hooks);
	if (!session || raise_error(ph_session_object(session, address, &object), hooks))
		return NULL;
	if (object->is_object)
		result = object_tuple(object);
	else
		Py_INCREF(result);
	free(object);
	return result;
}

PyObject *module_type_names(PyObject *self, PyObject *args)
{
	PyObject *object;
	struct hooks *hooks;
	char *text;
	(void)self;
	if (!PyArg_ParseTuple(args, "O", &object))
		return NULL;
	struct ph_session *session = session_of(object, &hooks);
	if (!session || raise_error(ph_session_type_names(session, &text), hooks))
		return NULL;
	return text_from(text);
}
