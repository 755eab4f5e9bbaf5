/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The crash signature, version 1.
 *
 * XXH64 with seed 0 over these lines, each ended by "\n":
 *	pyheap-signature 1
 *	exception TYPE | signal NAME in MODULE | signal NAME | stopped
 *	__name__:co_name	one a frame, innermost first, at most five
 *
 * TYPE is the qualified name, with the module unless that is builtins.  Frames
 * are those of the application when there are any: not of the standard library,
 * site-packages, dist-packages or frozen modules, by co_filename.  Frames of
 * inlined comprehensions (<listcomp>, <dictcomp>, <setcomp>) are left out, and
 * repeated runs of up to eight frames count once.  MODULE is the file's name
 * without versions ("libfoo.so" for libfoo-1.2.so.3; in lower case for Windows's),
 * "python" for the interpreter itself, whether it is an executable or a library.
 *
 * The one-line form shows the first eight of the hash's sixteen digits. */
#include "record/report_private.h"
#include "record/render.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>
#include <xxhash.h>

#define VERSION 1
#define FRAMES 5
#define PERIOD 8 /* frames of a recursion's cycle */

/* ---- which frames ---- */

static size_t component(const char *path, const char **ret_next)
{
	size_t n = strcspn(path, "/\\");
	*ret_next = path[n] ? path + n + 1 : NULL;
	return n;
}

static bool is(const char *component, size_t size, const char *text)
{
	return strlen(text) == size && !strncasecmp(component, text, size);
}

/* "python3.11", "Python311", "pythonX.Yt", "pypy3.10". */
static bool is_versioned(const char *component, size_t size)
{
	size_t n = size >= 6 && !strncasecmp(component, "python", 6) ? 6
		   : size >= 4 && !strncasecmp(component, "pypy", 4) ? 4
								     : 0;
	if (!n || n == size || !isdigit((unsigned char)component[n]))
		return false;
	for (size_t i = n; i < size; i++)
		if (!isdigit((unsigned char)component[i]) && component[i] != '.' && component[i] != 't')
			return false;
	return true;
}

static bool is_application(const struct ph_frame *frame)
{
	const char *before = "", *next;
	size_t before_size = 0;
	if (!frame->file || !strncmp(frame->file, "<frozen ", 8))
		return frame->file == NULL;
	for (const char *p = frame->file; p; p = next) {
		size_t n = component(p, &next);
		if (is(p, n, "site-packages") || is(p, n, "dist-packages"))
			return false;
		bool zip = n > 4 && is(p + n - 4, 4, ".zip") && is_versioned(p, n - 4);
		bool library = next && is_versioned(p, n) && before_size >= 3 && !strncasecmp(before, "lib", 3);
		bool windows = next && n == 3 && !strncmp(p, "Lib", 3) && before_size >= 6 &&
			       strncasecmp(before, "python", 6) == 0;
		if (zip || library || windows)
			return false;
		before = p;
		before_size = n;
	}
	return true;
}

static bool is_comprehension(const struct ph_frame *frame)
{
	return frame->function && (!strcmp(frame->function, "<listcomp>") || !strcmp(frame->function, "<dictcomp>") ||
				   !strcmp(frame->function, "<setcomp>"));
}

static bool same(const struct ph_frame *a, const struct ph_frame *b)
{
	return !strcmp(a->function ? a->function : "?", b->function ? b->function : "?") &&
	       !strcmp(a->module ? a->module : "?", b->module ? b->module : "?");
}

/* Drop the last `period` frames when they repeat those before; the longest run wins nothing, so shortest first. */
static size_t collapse(const struct ph_frame **frames, size_t count)
{
	for (size_t period = 1; period <= PERIOD && period * 2 <= count; period++) {
		size_t k = 0;
		while (k < period && same(frames[count - 1 - k], frames[count - 1 - k - period]))
			k++;
		if (k == period)
			return count - period;
	}
	return count;
}

/* Innermost first into `chosen`, at most FRAMES. */
static size_t choose(const struct ph_frame *frames, size_t count, bool application, const struct ph_frame **chosen)
{
	/* room for a cycle to show itself before the fifth frame is settled */
	const struct ph_frame *window[FRAMES + 2 * PERIOD];
	size_t n = 0;
	for (size_t i = count; i-- > 0 && n < sizeof(window) / sizeof(*window);) {
		if (is_comprehension(&frames[i]) || (application && !is_application(&frames[i])))
			continue;
		window[n++] = &frames[i];
		n = collapse(window, n);
	}
	n = n < FRAMES ? n : FRAMES;
	memcpy(chosen, window, n * sizeof(*window));
	return n;
}

/* ---- which module ---- */

static bool is_hex(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

static bool is_python_digits(const char *text)
{
	/* "312", "313t", "312_d", and "w" of pythonw.exe */
	text += strspn(text, "0123456789");
	return !strcmp(text, "") || !strcmp(text, "t") || !strcmp(text, "_d") || !strcmp(text, "t_d") ||
	       !strcmp(text, "w");
}

/* "C:\\Python312\\python312.dll", "_foo.cp312-win_amd64.pyd", in any case; NULL when it is none of Windows's. */
static char *normal_windows_module(struct ph_arena *arena, const char *base)
{
	const char *slash = strrchr(base, '\\');
	base = slash ? slash + 1 : base;
	const char *tail = strrchr(base, '.');
	if (!tail || (strcasecmp(tail, ".dll") && strcasecmp(tail, ".exe") && strcasecmp(tail, ".pyd")))
		return NULL;
	char *name = ph_arena_strdup(arena, base);
	if (!name)
		return NULL;
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	char *dot = strrchr(name, '.'), *tag = strstr(name, ".cp3");
	if (!strcmp(dot, ".pyd")) {
		if (tag)
			*tag = '\0';
		return tag ? ph_arena_printf(arena, "%s.pyd", name) : name;
	}
	*dot = '\0';
	if (!strncmp(name, "python", 6) && is_python_digits(name + 6))
		return ph_arena_strdup(arena, "python");
	*dot = '.';
	return name;
}

/* "libfoo.so.1.2", "libfoo-1.2.so", "libfoo-0cf96a72.3.so" (auditwheel's), "_foo.cpython-311-x86_64-linux-gnu.so". */
static char *normal_module(struct ph_arena *arena, const char *path)
{
	const char *base = ph_report_basename(path);
	if (!base)
		return NULL;
	if (is_versioned(base, strlen(base)) || !strcmp(base, "python") || !strcmp(base, "python3") ||
	    !strncmp(base, "libpython", 9) || !strncmp(base, "python3-", 8))
		return ph_arena_strdup(arena, "python");
	char *name = normal_windows_module(arena, base);
	if (name)
		return name;
	name = ph_arena_strdup(arena, base);
	char *so = name ? strstr(name, ".so") : NULL;
	if (!so || (so[3] && so[3] != '.'))
		return name;
	*so = '\0';
	char *tag = strstr(name, ".cpython-");
	tag = tag ? tag : strstr(name, ".abi3");
	if (tag)
		*tag = '\0';
	char *dash = strrchr(name, '-');
	if (dash && is_hex(dash + 1, 8) && strlen(dash + 1) >= 8 && (!dash[9] || dash[9] == '.'))
		*dash = '\0';
	dash = strrchr(name, '-');
	if (dash && isdigit((unsigned char)dash[1]) && strchr(dash, '.') &&
	    strspn(dash + 1, "0123456789.") == strlen(dash + 1))
		*dash = '\0';
	return ph_arena_printf(arena, "%s.so", name);
}

/* ---- the hash ---- */

static bool is_native_signal(int64_t number)
{
	/* all codes of Windows's exceptions, which have the upper bit of 32 */
	return number > INT32_MAX || number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
}

static const char *frame_name(struct ph_arena *arena, const struct ph_frame *frame)
{
	return ph_arena_printf(arena, "%s:%s", frame->module ? frame->module : "?",
			       frame->function ? frame->function : "?");
}

static void hash_line(XXH64_state_t *state, const char *a, const char *b)
{
	XXH64_update(state, a, strlen(a));
	XXH64_update(state, b, strlen(b));
	XXH64_update(state, "\n", 1);
}

static const char *hash_of(struct ph_arena *arena, const char *what, const char *const *frames, size_t count)
{
	XXH64_state_t *state = XXH64_createState();
	if (!state)
		return NULL;
	XXH64_reset(state, 0);
	hash_line(state, "pyheap-signature 1", "");
	hash_line(state, what, "");
	for (size_t i = 0; i < count; i++)
		hash_line(state, frames[i], "");
	unsigned long long hash = XXH64_digest(state);
	XXH64_freeState(state);
	return ph_arena_printf(arena, "%016llx", hash);
}

static const char *exception_name(struct ph_arena *arena, const struct ph_exception *e)
{
	const char *type = e->type ? e->type : "?";
	if (!e->module || !strcmp(e->module, "builtins"))
		return ph_arena_strdup(arena, type);
	return ph_arena_printf(arena, "%s.%s", e->module, type);
}

struct subject { /* what is signed */
	const char *what;  /* the second line of the input */
	const char *title; /* its part before the frame */
	bool native;
	const struct ph_frame *frames;
	size_t frame_count;
};

static struct subject find_subject(struct ph_report *r, const struct ph_thread *thread)
{
	struct subject s = { 0 };
	struct ph_arena *arena = &r->arena;
	int64_t number = r->image.signal_number;
	const char *signal = r->image.signal_name
				     ? r->image.signal_name
				     : ph_arena_printf(arena, number > INT32_MAX ? "exception 0x%llx" : "signal %lld",
						       (long long)number);
	const struct ph_exception *e =
		thread && thread->exception_count ? ph_report_exception(r, thread->exceptions[0].address) : NULL;
	if (thread) {
		s.frames = thread->frames;
		s.frame_count = thread->frame_count;
	}
	if (is_native_signal(number)) {
		const char *module = thread && thread->has_pc ? normal_module(arena, thread->pc.module) : NULL;
		for (size_t i = 0; !thread && !module && i < r->native_thread_count; i++)
			if (r->native_threads[i].crashed && r->native_threads[i].has_pc)
				module = normal_module(arena, r->native_threads[i].pc.module);
		s.native = true;
		s.title = ph_arena_printf(arena, "%s in %s", signal, module ? module : "?");
		s.what = ph_arena_printf(arena, "signal %s", s.title ? s.title : "");
	} else if (e) {
		s.title = exception_name(arena, e);
		s.what = ph_arena_printf(arena, "exception %s", s.title ? s.title : "");
		if (e->traceback_count) {
			s.frames = e->traceback;
			s.frame_count = e->traceback_count;
		}
	} else if (number) {
		s.title = signal;
		s.what = ph_arena_printf(arena, "signal %s", signal ? signal : "");
	} else {
		s.title = s.what = "stopped";
	}
	return s;
}

/* A native crash outside Python's threads is signed without frames. */
static const struct ph_thread *signed_thread(const struct ph_report *report)
{
	for (size_t i = 0; i < report->native_thread_count; i++)
		if (report->native_threads[i].crashed && is_native_signal(report->image.signal_number))
			return NULL;
	return ph_report_main_thread(report);
}

void ph_report_sign(struct ph_report *report)
{
	struct ph_arena *arena = &report->arena;
	struct subject s = find_subject(report, signed_thread(report));
	const struct ph_frame *chosen[FRAMES];
	size_t count = choose(s.frames, s.frame_count, true, chosen);
	if (!count)
		count = choose(s.frames, s.frame_count, false, chosen);
	const char **names = ph_arena_array(arena, const char *, FRAMES);
	for (size_t i = 0; names && i < count; i++)
		names[i] = frame_name(arena, chosen[i]);
	if (arena->no_memory || !names)
		return;
	const char *separator = s.native ? " < " : " in ";
	report->signature = (struct ph_signature){
		.version = VERSION,
		.hash = hash_of(arena, s.what, names, count),
		.title = count ? ph_arena_printf(arena, "%s%s%s", s.title, separator, names[0]) : s.title,
		.frames = names,
		.frame_count = count,
	};
}

void ph_report_signature_line(const struct ph_report *report, struct ph_buffer *out)
{
	const struct ph_signature *s = &report->signature;
	if (!s->version)
		return;
	ph_buffer_printf(out, "%d:%.8s ", s->version, s->hash ? s->hash : "");
	const char *title = s->title ? s->title : "";
	ph_escape_terminal(title, strlen(title), false, out);
	ph_buffer_putc(out, '\n');
}
