/* SPDX-License-Identifier: GPL-3.0-or-later */
/* <pyheap/image.h> */
#include "module.h"

#include <stdlib.h>
#include <string.h>

static const char capsule_name[] = "_pyheap.image";

static void destroy(PyObject *capsule)
{
	struct hooks *hooks = PyCapsule_GetContext(capsule);
	ph_image_close(PyCapsule_GetPointer(capsule, capsule_name));
	hooks_free(hooks);
}

PyObject *image_capsule(struct ph_image *image, struct hooks *hooks)
{
	PyObject *capsule = PyCapsule_New(image, capsule_name, destroy);
	if (!capsule) {
		ph_image_close(image);
		hooks_free(hooks);
		return NULL;
	}
	PyCapsule_SetContext(capsule, hooks);
	return capsule;
}

struct ph_image *image_of(PyObject *capsule, struct hooks **ret_hooks)
{
	struct ph_image *image = PyCapsule_GetPointer(capsule, capsule_name);
	*ret_hooks = image ? PyCapsule_GetContext(capsule) : NULL;
	return image;
}

/* NULL for None, with *ret_bytes to be released. */
static bool path_of(PyObject *object, PyObject **ret_bytes, const char **ret)
{
	*ret_bytes = NULL;
	*ret = NULL;
	if (object == Py_None)
		return true;
	if (!PyUnicode_FSConverter(object, ret_bytes))
		return false;
	*ret = PyBytes_AsString(*ret_bytes);
	return *ret != NULL;
}

PyObject *module_open_core(PyObject *self, PyObject *args)
{
	PyObject *object, *paths[4], *bytes[4] = { NULL }, *result = NULL;
	const char *texts[4] = { NULL };
	(void)self;
	if (!PyArg_ParseTuple(args, "OOOOO", &paths[0], &paths[1], &paths[2], &paths[3], &object))
		return NULL;
	bool ok = true;
	for (int i = 0; i < 4 && ok; i++)
		ok = path_of(paths[i], &bytes[i], &texts[i]);
	if (ok && !texts[0]) {
		PyErr_SetString(PyExc_TypeError, "the core's path is None");
		ok = false;
	}
	struct hooks *hooks = ok ? hooks_create(object) : NULL;
	if (hooks) {
		struct ph_image_options options = {
			.executable = texts[1],
			.sysroot = texts[2],
			.solib_search_path = texts[3],
			.callbacks = &hooks->callbacks,
			.symbols = &hooks_symbols,
			.symbols_user = hooks,
		};
		struct ph_image *image;
		if (raise_error(ph_image_open_core(texts[0], &options, &image), hooks))
			hooks_free(hooks);
		else
			result = image_capsule(image, hooks);
	}
	for (int i = 0; i < 4; i++)
		Py_XDECREF(bytes[i]);
	return result;
}
