/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two libpythons in one process, neither linked with.  usage: two RUNS OTHER MODULE [HOME]
 * RUNS is initialised and imports MODULE of the folder $GT_HOME; OTHER is only mapped, or with HOME, its PYTHONHOME, it is
 * initialised before and has a thread that sleeps.  When both are one file it is mapped twice, by dlmopen(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *open_library(const char *path, int start, int again)
{
	void *library = again ? dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL) : dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	void (*initialize)(int) = (void (*)(int))dlsym(library, "Py_InitializeEx");
	if (start && initialize)
		initialize(0);
	return library;
}

static void run_other(const char *path, const char *home)
{
	char *own = getenv("PYTHONHOME") ? strdup(getenv("PYTHONHOME")) : NULL;
	setenv("PYTHONHOME", home, 1);
	void *library = open_library(path, 1, 0);
	int (*run)(const char *) = (int (*)(const char *))dlsym(library, "PyRun_SimpleString");
	void *(*leave)(void) = (void *(*)(void))dlsym(library, "PyEval_SaveThread");
	if (!run || !leave)
		exit(2);
	run("import threading, time\n"
	    "def asleep(): time.sleep(1000)\n"
	    "threading.Thread(target=asleep, daemon=True).start()\n");
	leave();
	if (own)
		setenv("PYTHONHOME", own, 1);
	free(own);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	if (argc > 4)
		run_other(argv[2], argv[4]);
	else
		open_library(argv[2], 0, 0);
	void *library = open_library(argv[1], 1, !strcmp(argv[1], argv[2]));
	int (*run)(const char *) = (int (*)(const char *))dlsym(library, "PyRun_SimpleString");
	char text[200];
	snprintf(text, sizeof(text), "import sys, os; sys.path.insert(0, os.environ['GT_HOME']); import %s", argv[3]);
	return run ? run(text) : 2;
}
