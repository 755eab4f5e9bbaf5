/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A C program with a Python in it, for Windows (mingw-w64), and the ways in which MiniDumpWriteDump is called.
 *
 *	windows_embed PYTHONXY.DLL SCRIPT ARGUMENT...
 *
 * runs the script in __main__ of a Python that is loaded from the DLL (PYTHONHOME says where its library is), with a function more
 * among its builtins: write_dump(FILE, STYLE, HOW) writes a minidump of the process; block(1) lets go of the GIL for ever, and
 * block(0) is how many threads did.
 *
 * STYLE is a MINIDUMP_TYPE.  Wine 8 knows of none but MiniDumpWithFullMemory, so what the others add is added to its file here,
 * after what Microsoft says of each (learn.microsoft.com, MINIDUMP_TYPE): the data sections of modules, private pages that
 * can be written, what words on the stack point at.
 *
 * HOW: "ask" writes it as it is; "crash" writes to address 0 and lets the unhandled exception filter do it, as crash handlers do;
 * then the process ends. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <dbghelp.h>
#include <tlhelp32.h>

#define INDIRECT_BEFORE 256 /* bytes around what a word on a stack points at: what dbghelp.dll was seen to take */
#define INDIRECT_AFTER 768
#define MAX_RANGES 65536

typedef void *(*function)();
typedef BOOL(WINAPI *writer)(HANDLE, DWORD, HANDLE, MINIDUMP_TYPE, PMINIDUMP_EXCEPTION_INFORMATION,
			     PMINIDUMP_USER_STREAM_INFORMATION, PMINIDUMP_CALLBACK_INFORMATION);

static HMODULE python;

static function python_function(const char *name)
{
	function f = (function)(void *)GetProcAddress(python, name);
	if (!f) {
		fprintf(stderr, "no %s\n", name);
		exit(3);
	}
	return f;
}

/* ---- which memory ---- */

struct range {
	ULONG_PTR start, end;
};

static struct range ranges[MAX_RANGES];
static size_t range_count;

static void add(ULONG_PTR start, ULONG_PTR end)
{
	if (range_count < MAX_RANGES && start < end)
		ranges[range_count++] = (struct range){ start, end };
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void join_ranges(void)
{
	size_t n = 0;
	qsort(ranges, range_count, sizeof(ranges[0]), by_start);
	for (size_t i = 0; i < range_count; i++) {
		if (n && ranges[i].start <= ranges[n - 1].end) {
			if (ranges[i].end > ranges[n - 1].end)
				ranges[n - 1].end = ranges[i].end;
		} else {
			ranges[n++] = ranges[i];
		}
	}
	range_count = n;
}

static void add_data_sections(void)
{
	HANDLE modules = CreateToolhelp32Snapshot(TH32CS_SNAPMODULE, GetCurrentProcessId());
	MODULEENTRY32 m = { .dwSize = sizeof(m) };
	for (BOOL more = Module32First(modules, &m); more; more = Module32Next(modules, &m)) {
		const BYTE *base = m.modBaseAddr;
		const IMAGE_NT_HEADERS *headers = (const void *)(base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);
		const IMAGE_SECTION_HEADER *s = IMAGE_FIRST_SECTION(headers);
		for (unsigned i = 0; i < headers->FileHeader.NumberOfSections; i++)
			if (s[i].Characteristics & IMAGE_SCN_MEM_WRITE)
				add((ULONG_PTR)base + s[i].VirtualAddress,
				    (ULONG_PTR)base + s[i].VirtualAddress + s[i].Misc.VirtualSize);
	}
	CloseHandle(modules);
}

static void add_private(void)
{
	MEMORY_BASIC_INFORMATION m;
	for (BYTE *at = NULL; VirtualQuery(at, &m, sizeof(m)); at = (BYTE *)m.BaseAddress + m.RegionSize)
		if (m.State == MEM_COMMIT && m.Type == MEM_PRIVATE && m.Protect == PAGE_READWRITE)
			add((ULONG_PTR)m.BaseAddress, (ULONG_PTR)m.BaseAddress + m.RegionSize);
}

/* The stack of this thread, from here to its base. */
static void add_indirect(void)
{
	ULONG_PTR *base = ((NT_TIB *)NtCurrentTeb())->StackBase;
	MEMORY_BASIC_INFORMATION m;
	for (ULONG_PTR *at = __builtin_frame_address(0); at < base; at++) {
		if (*at < 65536 || !VirtualQuery((void *)*at, &m, sizeof(m)) || m.State != MEM_COMMIT ||
		    m.Type == MEM_IMAGE || m.Protect & (PAGE_NOACCESS | PAGE_GUARD))
			continue;
		ULONG_PTR start = *at - INDIRECT_BEFORE, end = *at + INDIRECT_AFTER;
		ULONG_PTR first = (ULONG_PTR)m.BaseAddress, last = first + m.RegionSize;
		add(start > first ? start : first, end < last ? end : last);
	}
}

/* ---- the dump ---- */

/* whole or not there: it is renamed when it is written */
static char dump_path[1024], final_path[1000];
static unsigned dump_style;

static void die(const char *what)
{
	fprintf(stderr, "%s: error %lu\n", what, GetLastError());
	exit(3);
}

/* What the list has already is cut out of the ranges. */
static void cut_ranges(const MINIDUMP_MEMORY_DESCRIPTOR *listed, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ULONG_PTR start = (ULONG_PTR)listed[i].StartOfMemoryRange, end = start + listed[i].Memory.DataSize;
		for (size_t j = 0, n = range_count; j < n; j++) {
			struct range *r = &ranges[j];
			if (r->start >= end || r->end <= start)
				continue;
			add(end, r->end);
			r->end = r->start < start ? start : r->start;
		}
	}
}

/* Bytes at the end of the file, as far as they can be read: how many, and where. */
static MINIDUMP_LOCATION_DESCRIPTOR append(FILE *file, const void *data, size_t size)
{
	fseek(file, 0, SEEK_END);
	MINIDUMP_LOCATION_DESCRIPTOR at = { .Rva = (RVA)ftell(file) };
	at.DataSize = (ULONG)fwrite(data, 1, size, file);
	return at;
}

/* Into the MemoryList of the file that Wine wrote come the ranges. */
static void add_memory(void)
{
	static MINIDUMP_DIRECTORY directory[64];
	static struct {
		ULONG32 count;
		MINIDUMP_MEMORY_DESCRIPTOR list[MAX_RANGES];
	} memory;
	_Static_assert(sizeof(memory.list[0]) == 16 && offsetof(__typeof__(memory), list) == 4, "not packed by 4");
	MINIDUMP_HEADER header;
	FILE *file = fopen(dump_path, "r+b");
	size_t entry = 0;
	if (!file || !fread(&header, sizeof(header), 1, file) || header.NumberOfStreams > 64)
		die(dump_path);
	fseek(file, header.StreamDirectoryRva, SEEK_SET);
	if (!fread(directory, sizeof(directory[0]), header.NumberOfStreams, file))
		die(dump_path);
	while (directory[entry].StreamType != MemoryListStream)
		if (++entry == header.NumberOfStreams)
			die("no MemoryList");
	fseek(file, directory[entry].Location.Rva, SEEK_SET);
	if (!fread(&memory, 1, directory[entry].Location.DataSize, file))
		die(dump_path);
	cut_ranges(memory.list, memory.count);
	for (size_t i = 0; i < range_count; i++)
		if (ranges[i].start < ranges[i].end)
			memory.list[memory.count++] = (MINIDUMP_MEMORY_DESCRIPTOR){
				.StartOfMemoryRange = ranges[i].start,
				.Memory = append(file, (void *)ranges[i].start, ranges[i].end - ranges[i].start),
			};
	directory[entry].Location = append(file, &memory, 4 + memory.count * sizeof(memory.list[0]));
	fseek(file, header.StreamDirectoryRva, SEEK_SET);
	fwrite(directory, sizeof(directory[0]), header.NumberOfStreams, file);
	fclose(file);
}

static void write_now(EXCEPTION_POINTERS *pointers)
{
	writer write = (writer)(void *)GetProcAddress(LoadLibraryA("dbghelp.dll"), "MiniDumpWriteDump");
	HANDLE file = CreateFileA(dump_path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
	MINIDUMP_EXCEPTION_INFORMATION exception = { .ThreadId = GetCurrentThreadId(), .ExceptionPointers = pointers };
	if (!write(GetCurrentProcess(), GetCurrentProcessId(), file, (MINIDUMP_TYPE)dump_style,
		   pointers ? &exception : NULL, NULL, NULL))
		die("MiniDumpWriteDump");
	CloseHandle(file);
	if (dump_style & MiniDumpWithDataSegs)
		add_data_sections();
	if (dump_style & MiniDumpWithPrivateReadWriteMemory)
		add_private();
	if (dump_style & MiniDumpWithIndirectlyReferencedMemory)
		add_indirect();
	join_ranges();
	if (range_count)
		add_memory();
	if (!MoveFileExA(dump_path, final_path, MOVEFILE_REPLACE_EXISTING))
		die(final_path);
}

static LONG WINAPI unhandled(EXCEPTION_POINTERS *pointers)
{
	write_now(pointers);
	ExitProcess(0);
	return EXCEPTION_EXECUTE_HANDLER;
}

static void *write_dump(void *self, void *arguments)
{
	const char *path, *how;
	(void)self;
	if (!python_function("PyArg_ParseTuple")(arguments, "sIs", &path, &dump_style, &how))
		return NULL;
	snprintf(final_path, sizeof(final_path), "%s", path);
	snprintf(dump_path, sizeof(dump_path), "%s.part", final_path);
	if (!strcmp(how, "crash")) {
		SetUnhandledExceptionFilter(unhandled);
		*(volatile int *)0 = 1;
	}
	write_now(NULL);
	return python_function("PyLong_FromLong")(0L);
}

static volatile LONG blocked;

static void *block(void *self, void *arguments)
{
	int really = 0;
	(void)self;
	if (!python_function("PyArg_ParseTuple")(arguments, "i", &really))
		return NULL;
	if (really) {
		python_function("PyEval_SaveThread")();
		InterlockedIncrement(&blocked);
		Sleep(INFINITE);
	}
	return python_function("PyLong_FromLong")(blocked);
}

/* ---- the program ---- */

/* A string of Python's: forward slashes for backslashes, no quotes. */
static void put_quoted(char *to, const char *text)
{
	to += strlen(to);
	*to++ = '"';
	for (; *text; text++)
		*to++ = *text == '\\' ? '/' : *text;
	strcpy(to, "\"");
}

int main(int argc, char **argv)
{
	static struct {
		const char *name;
		void *(*function)(void *, void *);
		int flags;
		const char *doc;
	} methods[] = { { "write_dump", write_dump, 1 /* METH_VARARGS */, NULL }, { "block", block, 1, NULL } };
	static char code[8192];
	if (argc < 3) {
		fprintf(stderr, "usage: windows_embed PYTHONXY.DLL SCRIPT ARGUMENT...\n");
		return 2;
	}
	python = LoadLibraryExA(argv[1], NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
	if (!python) {
		fprintf(stderr, "%s: error %lu\n", argv[1], GetLastError());
		return 3;
	}
	int *no_site = (int *)(void *)GetProcAddress(python, "Py_NoSiteFlag");
	if (no_site)
		*no_site = 1;
	python_function("Py_Initialize")();
	/* Py_Initialize() of 2.7 to 3.6 does not make the GIL, which another thread would wait for */
	function threads = (function)(void *)GetProcAddress(python, "PyEval_InitThreads");
	if (threads)
		threads();
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		python_function("PyObject_SetAttrString")(
			python_function("PyImport_AddModule")("__main__"), methods[i].name,
			python_function("PyCFunction_NewEx")(&methods[i], NULL, NULL));
	strcpy(code, "import sys\nsys.argv = [");
	for (int i = 2; i < argc && strlen(code) + strlen(argv[i]) < sizeof(code) - 256; i++) {
		put_quoted(code, argv[i]);
		strcat(code, ", ");
	}
	strcat(code, "]\nexec(compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'))\n");
	return ((int (*)(const char *))(void *)python_function("PyRun_SimpleString"))(code);
}
