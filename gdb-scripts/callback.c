/* SPDX-License-Identifier: GPL-3.0-or-later */
/* <pyheap/callback.h> */
#include "module.h"

#include <pyheap/callback.h>

#include <stdlib.h>
#include <string.h>

static bool read_memory(void *user, uint64_t address, void *buffer, size_t size)
{
	PyObject *result = hooks_call(user, "read", "(Kn)", (unsigned long long)address, (Py_ssize_t)size);
	/* the limited API of 3.6 has no buffer protocol */
	PyObject *bytes = result && result != Py_None ? PyBytes_FromObject(result) : NULL;
	char *data;
	Py_ssize_t length;
	bool ok = bytes && !PyBytes_AsStringAndSize(bytes, &data, &length) && (size_t)length == size;
	if (ok)
		memcpy(buffer, data, size);
	Py_XDECREF(bytes);
	Py_XDECREF(result);
	PyErr_Clear();
	return ok;
}

static const struct ph_callback_ops read_ops = { .read = read_memory };

/* (start, end, offset, path as bytes, permissions) */
static struct ph_callback_map *take_maps(PyObject *list, size_t *ret_count)
{
	Py_ssize_t count = PyList_Size(list);
	struct ph_callback_map *maps = count < 0 ? NULL : calloc((size_t)count + 1, sizeof(*maps));
	for (Py_ssize_t i = 0; maps && i < count; i++) {
		PyObject *item = PyList_GetItem(list, i);
		unsigned long long start, end, offset;
		const char *permissions;
		if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "KKKys", &start, &end, &offset, &maps[i].path,
							       &permissions)) {
			free(maps);
			return NULL;
		}
		maps[i].start = start;
		maps[i].end = end;
		maps[i].offset = offset;
		maps[i].readable = strchr(permissions, 'r');
		maps[i].writable = strchr(permissions, 'w');
		maps[i].executable = strchr(permissions, 'x');
	}
	*ret_count = (size_t)count;
	return maps;
}

/* (tid, signal, crashed, has registers, pc, sp, fp, tls, syscall, a0 … a5, [general register…]) */
static bool take_thread(PyObject *item, struct ph_callback_thread *ret)
{
	long long tid, number;
	int crashed, known;
	unsigned long long r[4], a[6];
	PyObject *general;
	if (!PyTuple_Check(item) ||
	    !PyArg_ParseTuple(item, "LippKKKKLKKKKKKO!", &tid, &ret->signal, &crashed, &known, &r[0], &r[1], &r[2],
			      &r[3], &number, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &PyList_Type, &general))
		return false;
	for (Py_ssize_t i = 0; i < PyList_Size(general) && i < PH_CALLBACK_REGISTERS; i++)
		ret->registers[ret->register_count++] =
			PyLong_AsUnsignedLongLongMask(PyList_GetItem(general, i));
	if (PyErr_Occurred())
		return false;
	ret->tid = tid;
	ret->crashed = crashed;
	ret->has_registers = known;
	ret->pc = r[0], ret->sp = r[1], ret->fp = r[2], ret->tls = r[3];
	ret->syscall_number = number;
	for (int i = 0; i < 6; i++)
		ret->syscall_args[i] = a[i];
	return true;
}

static struct ph_callback_thread *take_threads(PyObject *list, size_t *ret_count)
{
	Py_ssize_t count = PyList_Size(list);
	struct ph_callback_thread *threads = count < 0 ? NULL : calloc((size_t)count + 1, sizeof(*threads));
	for (Py_ssize_t i = 0; threads && i < count; i++)
		if (!take_thread(PyList_GetItem(list, i), &threads[i])) {
			free(threads);
			return NULL;
		}
	*ret_count = (size_t)count;
	return threads;
}

/* None or a path, as bytes. */
static int take_path(PyObject *object, void *result)
{
	return object == Py_None ? 1 : PyUnicode_FSConverter(object, result);
}

PyObject *module_open_target(PyObject *self, PyObject *args)
{
	PyObject *maps, *threads, *object, *sysroot = NULL;
	struct ph_callback_process process = { 0 };
	long long pid;
	unsigned long long fault;
	const char *auxv;
	Py_ssize_t auxv_size;
	int has_fault;
	(void)self;
	if (!PyArg_ParseTuple(args, "sILzO!O!z#(iipK)O&O", &process.kind, &process.elf_machine, &pid, &process.name,
			      &PyList_Type, &maps, &PyList_Type, &threads, &auxv, &auxv_size, &process.signal_number,
			      &process.signal_code, &has_fault, &fault, take_path, &sysroot, &object))
		return NULL;
	process.pid = pid;
	process.has_fault_address = has_fault;
	process.fault_address = fault;
	process.auxv = auxv;
	process.auxv_size = (size_t)auxv_size;
	struct ph_callback_map *map_array = take_maps(maps, &process.map_count);
	struct ph_callback_thread *thread_array = map_array ? take_threads(threads, &process.thread_count) : NULL;
	struct hooks *hooks = thread_array ? hooks_create(object) : NULL;
	PyObject *result = NULL;
	process.maps = map_array;
	process.threads = thread_array;
	if (hooks) {
		struct ph_image_options options = {
			.sysroot = sysroot ? PyBytes_AsString(sysroot) : NULL,
			.callbacks = &hooks->callbacks,
			.symbols = &hooks_symbols,
			.symbols_user = hooks,
		};
		struct ph_image *image;
		if (raise_error(ph_image_open_callback(&process, &read_ops, hooks, &options, &image), hooks))
			hooks_free(hooks);
		else
			result = image_capsule(image, hooks);
	} else if (!PyErr_Occurred()) {
		PyErr_NoMemory();
	}
	Py_XDECREF(sysroot);
	free(map_array);
	free(thread_array);
	return result;
}
