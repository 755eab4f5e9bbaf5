/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The notes of a Linux core: threads, signal, auxiliary vector, mapped files.
 *
 * Order of the kernel (fs/binfmt_elf.c, fill_note_info): NT_PRSTATUS of the
 * thread that dumps, NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE, its other
 * registers, then each other thread's NT_PRSTATUS.  gdb's gcore puts NT_PRPSINFO
 * first and gives every thread an NT_SIGINFO. */
#include "image/backend.h"

#include <elf.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"

#define MAX_THREADS 100000

static uint64_t load(const struct ph_machine *m, const uint8_t *data, size_t at, size_t size)
{
	return ph_load_uint(data + at, size, m->big_endian);
}

static bool add_thread(struct ph_image *image, const struct ph_native_thread *thread)
{
	size_t n = image->thread_count;
	if (n == MAX_THREADS)
		return false;
	if (!(n & (n - 1))) {
		struct ph_native_thread *grown = realloc(image->threads, (n ? 2 * n : 1) * sizeof(*grown));
		if (!grown)
			return false;
		image->threads = grown;
	}
	image->threads[image->thread_count++] = *thread;
	return true;
}

static bool parse_prstatus(struct ph_image *image, const struct ph_note *note)
{
	const struct ph_machine *m = image->machine;
	if (note->size < (size_t)m->prstatus.registers + m->prstatus.registers_size)
		return false;
	struct ph_native_thread t = {
		.tid = (int32_t)load(m, note->data, m->prstatus.pid, 4),
		.signal = (int16_t)load(m, note->data, m->prstatus.cursig, 2),
	};
	ph_machine_registers(m, note->data + m->prstatus.registers, &t);
	return add_thread(image, &t);
}

/* Of the thread whose NT_PRSTATUS came last: the kernel writes a thread's notes together. */
static void parse_tls(struct ph_image *image, const struct ph_note *note)
{
	const struct ph_machine *m = image->machine;
	size_t word = m->wide ? 8 : 4;
	if (image->thread_count && note->size >= m->tls_note.offset + word)
		image->threads[image->thread_count - 1].tls = load(m, note->data, m->tls_note.offset, word);
}

/* A char array that may lack its NUL; NULL when empty. */
static const char *fixed_string(struct ph_image *image, const uint8_t *data, size_t size)
{
	char text[81];
	size = strnlen((const char *)data, size < sizeof(text) ? size : sizeof(text) - 1);
	while (size && data[size - 1] == ' ') /* the kernel turns each NUL of argv into a space */
		size--;
	memcpy(text, data, size);
	text[size] = 0;
	return size ? ph_image_intern(image, text) : NULL;
}

static void parse_prpsinfo(struct ph_image *image, const struct ph_note *note)
{
	const struct ph_machine *m = image->machine;
	if (note->size < m->prpsinfo.psargs + 80u || image->info.name || image->info.pid)
		return;
	image->info.pid = (int32_t)load(m, note->data, m->prpsinfo.pid, 4);
	image->info.name = fixed_string(image, note->data + m->prpsinfo.fname, 16);
	image->info.command = fixed_string(image, note->data + m->prpsinfo.psargs, 80);
	image->debugger_core = !image->thread_count;
}

static void parse_siginfo(struct ph_image *image, const struct ph_note *note)
{
	const struct ph_machine *m = image->machine;
	struct ph_image_info *info = &image->info;
	size_t word = m->wide ? 8 : 4;
	/* the first one is the crashing thread's */
	if (info->signal_number || note->size < m->siginfo.address + word)
		return;
	int number = (int32_t)load(m, note->data, 0, 4), code = (int32_t)load(m, note->data, m->siginfo.code, 4);
	info->signal_number = number;
	info->signal_code = code;
	/* SI_KERNEL (0x80): a general protection fault, of which the processor tells no address */
	if ((number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE) && code > 0 &&
	    code != SI_KERNEL) {
		info->has_fault_address = true;
		info->fault_address = load(m, note->data, m->siginfo.address, word);
	}
}

static void parse_auxv(struct ph_image *image, const struct ph_note *note)
{
	size_t word = image->machine->wide ? 8 : 4, count = note->size / (2 * word);
	if (image->auxv || !count || count > 1024)
		return;
	image->auxv = calloc(count, sizeof(*image->auxv));
	if (!image->auxv)
		return;
	for (size_t i = 0; i < count; i++) {
		struct ph_auxv entry = {
			.type = load(image->machine, note->data, 2 * i * word, word),
			.value = load(image->machine, note->data, (2 * i + 1) * word, word),
		};
		if (entry.type == AT_NULL)
			break;
		image->auxv[image->auxv_count++] = entry;
	}
}

static int compare_mappings(const void *a, const void *b)
{
	const struct ph_mapping *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

void ph_image_settle_mappings(struct ph_image *image)
{
	size_t n = 0;
	qsort(image->mappings, image->mapping_count, sizeof(*image->mappings), compare_mappings);
	for (size_t i = 0; i < image->mapping_count; i++) {
		struct ph_mapping m = image->mappings[i];
		struct ph_mapping *last = n ? &image->mappings[n - 1] : NULL;
		/* the sizes in a list of modules are not to be trusted, the places are */
		if (last && m.start < last->end && m.by_headers && m.start > last->start)
			last->end = m.start;
		if (m.start >= m.end || (last && m.start < last->end))
			continue;
		image->mappings[n++] = m;
	}
	image->mapping_count = n;
}

/* fs/binfmt_elf.c, fill_files_note: count, page size, count × (start, end, offset
 * in pages), count × NUL-terminated name; longs throughout. */
static void parse_file(struct ph_image *image, const struct ph_note *note)
{
	size_t word = image->machine->wide ? 8 : 4;
	struct ph_cursor c = ph_cursor(note->data, note->size, image->machine->big_endian);
	uint64_t count = ph_cursor_uint(&c, word), page = ph_cursor_uint(&c, word);
	if (image->mappings || c.overrun)
		return;
	uint64_t room = ph_cursor_left(&c) / (3 * word + 1), claimed = count;
	if (count > room)
		count = room;
	image->mappings = calloc(count ? count : 1, sizeof(*image->mappings));
	if (!image->mappings)
		return;
	struct ph_cursor names = c;
	if (!ph_cursor_seek(&names, c.position + (size_t)(claimed <= room ? claimed * 3 * word : ph_cursor_left(&c))))
		return;
	for (uint64_t i = 0; i < count; i++) {
		struct ph_mapping m = { .start = ph_cursor_uint(&c, word), .end = ph_cursor_uint(&c, word) };
		uint64_t pages = ph_cursor_uint(&c, word);
		const char *path = (const char *)names.data + names.position;
		size_t length = strnlen(path, ph_cursor_left(&names));
		m.path = length < ph_cursor_left(&names) ? path : "";
		ph_cursor_take(&names, length < ph_cursor_left(&names) ? length + 1 : length);
		if (__builtin_mul_overflow(pages, page, &m.offset))
			continue;
		image->mappings[image->mapping_count++] = m;
	}
	if (claimed != count || names.overrun || c.overrun)
		ph_damage_add(&image->damage, PH_DAMAGE_IMAGE, "notes", "the list of mapped files is damaged");
	ph_image_settle_mappings(image);
}

bool ph_image_parse_notes(struct ph_image *image, const void *notes, size_t size, uint64_t align)
{
	struct ph_cursor c = ph_cursor(notes, size, image->machine->big_endian);
	struct ph_note note;
	bool found = false;
	/* a core's notes are aligned to 4 whatever p_align says, but for foreign writers that say 8 and mean it */
	while (ph_note_next(&c, align, &note)) {
		if (!strcmp(note.name, "LINUX") && image->machine->tls_note.type &&
		    note.type == image->machine->tls_note.type)
			parse_tls(image, &note);
		if (strcmp(note.name, "CORE"))
			continue;
		if (note.type == NT_PRSTATUS)
			found |= parse_prstatus(image, &note);
		else if (note.type == NT_PRPSINFO)
			parse_prpsinfo(image, &note);
		else if (note.type == NT_SIGINFO)
			parse_siginfo(image, &note);
		else if (note.type == NT_AUXV)
			parse_auxv(image, &note);
		else if (note.type == NT_FILE)
			parse_file(image, &note);
	}
	return found;
}

/* The argv of the initial stack, joined; NULL when it does not continue what the note has. */
static const char *longer_command(struct ph_image *image)
{
	ph_auto_buffer struct ph_buffer text = PH_BUFFER(16 << 10);
	const char *known = image->info.command;
	const char *const *arguments;
	size_t count = ph_image_arguments(image, &arguments);
	for (size_t i = 0; i < count; i++) {
		if (i)
			ph_buffer_putc(&text, ' ');
		ph_buffer_puts(&text, arguments[i]);
	}
	if (!count || (known && strncmp(known, ph_buffer_text(&text), strlen(known))))
		return NULL;
	return ph_image_intern(image, ph_buffer_text(&text));
}

/* A signal that kill() sends to the process goes to the main thread if that does not block it, and the core has that
 * thread first.  Who died is the one that is in kill(): a handler that sends the signal once more (Apache's
 * sig_coredump). */
static struct ph_native_thread *sender(const struct ph_image *image)
{
	struct ph_native_thread *found = NULL;
	if (image->info.signal_code != SI_USER)
		return NULL;
	for (size_t i = 0; i < image->thread_count; i++) {
		struct ph_native_thread *t = &image->threads[i];
		if (!t->in_syscall || !t->syscall_name || strcmp(t->syscall_name, "kill") != 0 ||
		    (int64_t)t->syscall_args[1] != image->info.signal_number)
			continue;
		if (found)
			return NULL;
		found = t;
	}
	return found;
}

void ph_image_finish_notes(struct ph_image *image)
{
	struct ph_image_info *info = &image->info;
	struct ph_native_thread *first = image->threads;
	if (!info->pid)
		info->pid = first->tid;
	if (!info->signal_number)
		info->signal_number = first->signal;
	/* gcore of a process that was only stopped by the debugger */
	bool dumps = ph_signal_dumps(info->signal_number) && !(image->debugger_core && info->signal_number == SIGTRAP);
	if (dumps) {
		struct ph_native_thread *from = sender(image);
		(from ? from : first)->crashed = true;
	} else {
		info->signal_number = info->signal_code = 0;
		info->has_fault_address = false;
		info->fault_address = 0;
	}
	info->signal_name = ph_signal_name(info->signal_number);
	/* pr_psargs holds 79 bytes and a NUL (ELF_PRARGSZ); gdb's gcore knows the program only */
	const char *longer = longer_command(image);
	if (longer)
		info->command = longer;
}
