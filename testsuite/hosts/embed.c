/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A C program with CPython inside, which imports a module (gt3) of the folder $GT_HOME and calls its main().
 * usage: embed [sub | module NAME]
 * With "sub", another interpreter is there as well, one of its own threads asleep in it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

static const char in_sub[] =
	"import sys, threading, time\n"
	"SUB_STR = 'subinterpreter marker'\n"
	"gate = threading.Event()\n"
	"def asleep_in_sub(word):\n"
	"    gate.set()\n"
	"    time.sleep(100000)\n"
	"threading.Thread(target=asleep_in_sub, args=('local of the subinterpreter',), name='sub-worker',\n"
	"                 daemon=True).start()\n"
	"gate.wait()\n";

int main(int argc, char **argv)
{
	PyConfig config;
	PyConfig_InitPythonConfig(&config);
	PyConfig_SetBytesString(&config, &config.program_name, argv[0]);
	PyStatus status = Py_InitializeFromConfig(&config);
	if (PyStatus_Exception(status))
		Py_ExitStatusException(status);
	const char *name = argc > 2 && !strcmp(argv[1], "module") ? argv[2] : "gt3";
	if (argc > 1 && !strcmp(argv[1], "sub")) {
		PyThreadState *main_state = PyThreadState_Get();
		if (!Py_NewInterpreter())
			return 3;
		PyRun_SimpleString(in_sub);
		PyThreadState_Swap(main_state);
	}
	PyRun_SimpleString("import sys, os; sys.path.insert(0, os.environ['GT_HOME']); EMBED_MARK = 'set by C'");
	PyObject *module = PyImport_ImportModule(name);
	PyObject *result = module ? PyObject_CallMethod(module, "main", "s", "from embedding C program") : NULL;
	if (!result)
		PyErr_Print();
	return 1;
}
