/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two libpythons in one process, neither linked with.  usage: two RUNS OTHER MODULE
 * RUNS is initialised and imports MODULE of the folder $GT_HOME; OTHER is only mapped. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *open_library(const char *path, int start)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	void (*initialize)(int) = (void (*)(int))dlsym(library, "Py_InitializeEx");
	if (start && initialize)
		initialize(0);
	return library;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	open_library(argv[2], 0);
	void *library = open_library(argv[1], 1);
	int (*run)(const char *) = (int (*)(const char *))dlsym(library, "PyRun_SimpleString");
	char text[200];
	snprintf(text, sizeof(text), "import sys, os; sys.path.insert(0, os.environ['GT_HOME']); import %s", argv[3]);
	return run ? run(text) : 2;
}
