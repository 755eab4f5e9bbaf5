/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Synthetic cores: what is read from them, cut at every length, and lying. */
#include "image/image.h"

#include <stdlib.h>

#include "unit/check.h"
#include "unit/corebuilder.h"

#define A 0x10000000ull /* two neighbours, then a gap, a partly held one, one left out */
static uint8_t page_a[4096], page_b[4096], page_c[4096];

static struct bytes sample(void)
{
	struct bytes notes = { 0 };
	put_thread(&notes, 4242, 11, 0xabc, 0x7ff0, -1);
	put_psinfo(&notes, 4242, "prog", "/bin/prog -x ");
	put_siginfo(&notes, 11, 1, 0xdead0008);
	put_auxv(&notes, (uint64_t[]){ 6, 4096, 9, 0x1234 }, 2);
	put_thread(&notes, 4243, 11, 0xdef, 0x8ff0, 202);
	for (size_t i = 0; i < 4096; i++) {
		page_a[i] = (uint8_t)(i % 251);
		page_b[i] = (uint8_t)(i % 241);
		page_c[i] = 'c';
	}
	page_c[100] = 0;
	struct load loads[] = {
		{ A + 0x4000, 0x2000, 6, page_c, 4096 }, /* not sorted */
		{ A, 4096, 6, page_a, 4096 },
		{ A + 0x1000, 4096, 4, page_b, 4096 },
		{ A + 0x8000, 0x3000, 5, NULL, 0 },
	};
	struct bytes core = build_core(&notes, loads, 4);
	free(notes.data);
	return core;
}

static struct ph_image *parse(const struct bytes *core)
{
	struct ph_image *image = NULL;
	struct ph_error *error = ph_image_parse_core(core->data, core->size, "synthetic", NULL, &image);
	if (error) {
		fprintf(stderr, "%s\n", error->message);
		ph_error_free(error);
	}
	return image;
}

/* The exit status of the error that parsing ends with; 0 when it succeeds. */
static int refusal(const struct bytes *core)
{
	struct ph_image *image = NULL;
	struct ph_error *error = ph_image_parse_core(core->data, core->size, "synthetic", NULL, &image);
	int status = error ? ph_error_exit_status(error) : 0;
	ph_error_free(error);
	ph_image_close(image);
	return status;
}

static void test_memory(struct ph_image *image)
{
	uint8_t buffer[8192];
	char text[200];
	const uint8_t *view = ph_image_view(image, A + 10, 100);
	CHECK(view && !memcmp(view, page_a + 10, 100));
	CHECK(ph_image_view(image, A + 0x4000, 4096) != NULL);
	CHECK(ph_image_view(image, A + 0x4000, 4097) == NULL);
	CHECK(ph_image_view(image, A - 1, 1) == NULL);
	CHECK(ph_image_view(image, A, SIZE_MAX) == NULL);
	/* across the neighbours */
	CHECK_EQ(ph_image_read(image, A + 4000, buffer, 200), PH_OK);
	CHECK(!memcmp(buffer, page_a + 4000, 96) && !memcmp(buffer + 96, page_b, 104));
	CHECK_EQ(ph_image_readable(image, A, 1 << 20), 8192);
	CHECK_EQ(ph_image_readable(image, A + 0x2000, 10), 0);
	CHECK_EQ(ph_image_read(image, A + 8190, buffer, 10), PH_UNMAPPED);
	CHECK_EQ(ph_image_read(image, A + 0x4ff0, buffer, 32), PH_LEFT_OUT);
	CHECK_EQ(ph_image_read(image, UINT64_MAX - 3, buffer, 32), PH_UNMAPPED);
	CHECK_EQ(ph_image_read(image, 0, buffer, 0), PH_OK);
	CHECK(ph_image_is_mapped(image, A + 0x5000) && ph_image_is_mapped(image, A + 0xafff));
	CHECK(!ph_image_is_mapped(image, A + 0xb000) && !ph_image_is_mapped(image, A + 0x2000));
	CHECK_EQ(ph_image_read_string(image, A + 0x4000, text, sizeof(text)), PH_OK);
	CHECK_EQ(strlen(text), 100);
	CHECK_EQ(ph_image_read_string(image, A + 0x4000, text, 101), PH_OK);
	CHECK_EQ(ph_image_read_string(image, A + 0x4000, text, 100), PH_LIMIT);
	CHECK_EQ(ph_image_read_string(image, A + 0x4f80, text, 200), PH_LEFT_OUT);
	const struct ph_segment *segments;
	CHECK_EQ(ph_image_segments(image, &segments), 4);
	CHECK_EQ(segments[2].start, A + 0x4000);
	CHECK_EQ(segments[2].file_size, 4096);
	CHECK(segments[3].executable && !segments[3].writable);
	ph_image_drop_pages(image, A, A + 0x1000);
}

static void test_process(struct ph_image *image)
{
	const struct ph_image_info *info = ph_image_info(image);
	CHECK_STR(info->arch, "x86_64");
	CHECK_STR(info->name, "prog");
	CHECK_STR(info->command, "/bin/prog -x");
	CHECK_STR(info->signal_name, "SIGSEGV");
	CHECK_EQ(info->pid, 4242);
	CHECK_EQ(info->signal_code, 1);
	CHECK(info->has_fault_address && info->complete);
	CHECK_EQ(info->fault_address, 0xdead0008);
	CHECK_EQ(ph_image_damage(image)->count, 0);
	const struct ph_native_thread *threads;
	CHECK_EQ(ph_image_threads(image, &threads), 2);
	CHECK(threads[0].crashed && !threads[1].crashed);
	CHECK(!threads[0].in_syscall && threads[1].in_syscall);
	CHECK_EQ(threads[0].pc, 0xabc);
	CHECK_EQ(threads[1].sp, 0x8ff0);
	CHECK_EQ(threads[1].tls, 0x1000 + 21);
	CHECK_STR(threads[1].syscall_name, "futex");
	/* di si dx r10 r8 r9 */
	static const unsigned places[] = { 14, 13, 12, 7, 9, 8 };
	for (size_t i = 0; i < 6; i++)
		CHECK_EQ(threads[1].syscall_args[i], 0x1000 + places[i]);
}

/* Every length: an error of status 3, or an image that knows that it is cut. */
static void test_cut(const struct bytes *core)
{
	uint8_t buffer[16];
	size_t refused = 0, first_held = 0;
	for (size_t n = 0; n < core->size; n++) {
		/* a copy, so that the sanitizer sees a read behind the end */
		uint8_t *data = malloc(n ? n : 1);
		memcpy(data, core->data, n);
		struct ph_image *image = NULL;
		struct ph_error *error = ph_image_parse_core(data, n, "cut", NULL, &image);
		if (error) {
			refused++;
			if (ph_error_exit_status(error) != 3 || strchr(error->message, '\n'))
				CHECK(!"status 3 and one line");
		} else if (ph_image_info(image)->complete || !ph_damage_is_serious(ph_image_damage(image)))
			CHECK(!"an incomplete image, with damage");
		else if (ph_image_read(image, A, buffer, 16) == PH_OK && !first_held)
			first_held = n;
		ph_error_free(error);
		ph_image_close(image);
		free(data);
	}
	CHECK(refused > 64 && refused < 4096);
	/* the page at A is the second in the file */
	CHECK_EQ(first_held, 4096 + 4096 + 16);
}

static void test_missing_ranges(const struct bytes *core)
{
	struct bytes cut = { .data = core->data, .size = 4096 + 100 };
	struct ph_image *image = parse(&cut);
	const struct ph_damage *damage = ph_image_damage(image);
	/* what lies before in memory, and the rest of what is held in part */
	CHECK_EQ(damage->count, 2);
	CHECK_STR(damage->entries[0].where, "memory 0x10000000-0x10002000");
	CHECK_STR(damage->entries[1].where, "memory 0x10004064-0x10005000");
	CHECK(strstr(damage->entries[1].what, "3996 bytes missing") != NULL);
	ph_image_close(image);
}

static struct bytes copy(const struct bytes *core)
{
	struct bytes c = { 0 };
	put_bytes(&c, core->data, core->size);
	return c;
}

static void test_other_machines(const struct bytes *core)
{
	struct bytes c = copy(core);
	set(&c, 18, 183, 2);
	CHECK_EQ(refusal(&c), 3); /* arm64 */
	set(&c, 18, 62, 2);
	c.data[4] = 1;
	CHECK_EQ(refusal(&c), 3); /* 32-bit */
	c.data[4] = 2;
	set(&c, 16, 2, 2);
	CHECK_EQ(refusal(&c), 3); /* an executable */
	set(&c, 16, 4, 2);
	CHECK_EQ(refusal(&c), 0);
	set(&c, CORE_PHDR(0), 0, 4);
	CHECK_EQ(refusal(&c), 3); /* no notes */
	free(c.data);
}

static void test_lies(const struct bytes *core)
{
	static const uint64_t values[] = { 0, 1, 0x7fff, 0xfffffffffffff000, UINT64_MAX, 1ull << 63, 0x100001000 };
	uint8_t buffer[64];
	for (size_t field = 0; field < 64 + 56 * 5; field += 2)
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			struct bytes c = copy(core);
			set(&c, field, values[v], 8);
			struct ph_image *image = NULL;
			ph_error_free(ph_image_parse_core(c.data, c.size, "lying", NULL, &image));
			const struct ph_segment *s = NULL;
			size_t n = image ? ph_image_segments(image, &s) : 0;
			for (size_t i = 0; i < n; i++) {
				if (s[i].start >= s[i].end || (i && s[i].start < s[i - 1].end))
					CHECK(!"sorted, disjoint segments");
				ph_image_read(image, s[i].start, buffer, sizeof(buffer));
				ph_image_read(image, s[i].end - 8, buffer, sizeof(buffer));
			}
			ph_image_close(image);
			free(c.data);
		}
	/* notes: every 32-bit word of them, huge and tiny */
	size_t start = 64 + 56 * 5;
	for (size_t at = start; at < 1600; at += 4)
		for (unsigned v = 0; v < 3; v++) {
			struct bytes c = copy(core);
			set(&c, at, v == 0 ? 0xffffffff : v == 1 ? 0x7ffffffc : 0, 4);
			refusal(&c);
			free(c.data);
		}
}

/* An overlap is cut off and said. */
static void test_overlap(const struct bytes *core)
{
	struct bytes c = copy(core);
	set(&c, CORE_PHDR(2) + 40, 0x2000, 8); /* p_memsz of A reaches over its neighbour */
	struct ph_image *image = parse(&c);
	CHECK(!ph_image_info(image)->complete);
	CHECK_EQ(ph_image_damage(image)->count, 1);
	CHECK_EQ(ph_image_readable(image, A, 1 << 20), 4096);
	ph_image_close(image);
	free(c.data);
}

/* At the end of the address space, where the sum of an address and a page would begin again at 0. */
static void test_end_of_space(const struct bytes *core)
{
	static const uint64_t starts[] = { UINT64_MAX - 7, UINT64_MAX - 0xfff, UINT64_MAX - 0x100fff };
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct bytes c = copy(core);
		const struct ph_segment *s;
		set(&c, CORE_PHDR(2) + 16, starts[i], 8);
		set(&c, CORE_PHDR(2) + 40, UINT64_MAX - starts[i], 8);
		struct ph_image *image = parse(&c);
		size_t n = ph_image_segments(image, &s);
		CHECK(n && s[n - 1].end < UINT64_MAX - 0xfffff + 1 && s[n - 1].end + 0xfffff > s[n - 1].end);
		CHECK(!ph_image_info(image)->complete && ph_image_damage(image)->count >= 1);
		ph_image_close(image);
		free(c.data);
	}
}

/* More than 65,534 program headers: their number is in section 0. */
static void test_many_segments(void)
{
	enum { COUNT = 70000 };
	struct bytes notes = { 0 }, core;
	struct load *loads = calloc(COUNT, sizeof(*loads));
	put_thread(&notes, 1, 6, 0, 0, -1);
	for (size_t i = 0; i < COUNT; i++)
		loads[i] = (struct load){ A + 0x2000 * i, 0x1000, 6, &page_a[i % 4000], 1 };
	core = build_core(&notes, loads, COUNT);
	set(&core, 56, 0xffff, 2);
	set(&core, 40, core.size, 8);
	put_zeros(&core, 64);
	set(&core, core.size - 64 + 44, COUNT + 1, 4);
	struct ph_image *image = parse(&core);
	const struct ph_segment *segments;
	CHECK_EQ(image ? ph_image_segments(image, &segments) : 0, COUNT);
	const uint8_t *last = image ? ph_image_view(image, A + 0x2000ull * (COUNT - 1), 1) : NULL;
	CHECK(last && *last == page_a[(COUNT - 1) % 4000]);
	CHECK(image && ph_image_info(image)->complete);
	ph_image_close(image);
	free(core.data);
	free(loads);
	free(notes.data);
}

/* argc, argv, envp and the auxiliary vector as the kernel lays them out. */
static void test_stack(void)
{
	const uint64_t base = 0x7ffffff00000;
	struct bytes notes = { 0 }, stack = { 0 };
	uint64_t auxv[] = { 6, 4096, 3, 0x400040, 25, base + 0x200, 31, base + 0x100, 9, 0x401000 };
	put(&stack, 0x5555, 8); /* something below */
	put(&stack, 2, 8);
	put(&stack, base + 0x300, 8);
	put(&stack, base + 0x310, 8);
	put(&stack, 0, 8);
	put(&stack, base + 0x320, 8);
	put(&stack, base + 0x330, 8);
	put(&stack, 0x123, 8); /* unreadable: left out */
	put(&stack, 0, 8);
	for (size_t i = 0; i < 10; i++)
		put(&stack, auxv[i], 8);
	put_zeros(&stack, 4096 - stack.size);
	memcpy(stack.data + 0x300, "/bin/prog", 10);
	memcpy(stack.data + 0x310, "--token=x", 10);
	memcpy(stack.data + 0x320, "HOME=/", 7);
	memset(stack.data + 0x330, 'e', 4096 - 0x330 - 1);
	put_thread(&notes, 1, 6, 0, base, -1);
	put_psinfo(&notes, 1, "prog", "/bin/prog");
	put_auxv(&notes, auxv, 5);
	struct load load = { base, 4096, 6, stack.data, stack.size };
	struct bytes core = build_core(&notes, &load, 1);
	struct ph_image *image = parse(&core);
	const char *const *items;
	CHECK_EQ(ph_image_arguments(image, &items), 2);
	CHECK_STR(items[1], "--token=x");
	CHECK_EQ(ph_image_environment(image, &items), 2);
	CHECK_STR(items[0], "HOME=/");
	CHECK_EQ(strlen(items[1]), 4096 - 0x330 - 1);
	CHECK_STR(ph_image_info(image)->command, "/bin/prog --token=x");
	ph_image_close(image);
	free(core.data);
	free(stack.data);
	free(notes.data);
}

/* gdb's gcore: NT_PRPSINFO first; of a process that was only stopped there is no signal. */
static void test_gcore(void)
{
	static const struct {
		int in_note, siginfo, code, number;
		bool fault;
	} cases[] = {
		{ 0, 0, 0, 0, false },	 { 5, 0, 0, 0, false },	   { 19, 0, 0, 0, false },
		{ 6, 0, 0, 6, false },	 { 11, 11, 1, 11, true },  { 11, 11, 0x80, 11, false },
		{ 11, 11, -6, 11, false }, { 6, 6, -6, 6, false }, { 5, 5, 1, 0, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes notes = { 0 };
		put_psinfo(&notes, 7, "prog", "prog");
		put_thread(&notes, 8, cases[i].in_note, 0, 0, -1);
		if (cases[i].siginfo)
			put_siginfo(&notes, cases[i].siginfo, cases[i].code, 0x10);
		struct load load = { A, 4096, 6, page_a, 4096 };
		struct bytes core = build_core(&notes, &load, 1);
		struct ph_image *image = parse(&core);
		const struct ph_native_thread *threads;
		CHECK_EQ(ph_image_threads(image, &threads), 1);
		CHECK_EQ(ph_image_info(image)->signal_number, cases[i].number);
		CHECK_EQ(ph_image_info(image)->has_fault_address, cases[i].fault);
		CHECK_EQ(threads[0].crashed, cases[i].number != 0);
		CHECK_EQ(ph_image_info(image)->pid, 7);
		ph_image_close(image);
		free(core.data);
		free(notes.data);
	}
}

/* A core without a list of mapped files (qemu-user's), cut before the dynamic linker's: modules by how they begin. */
static void test_cut_list(void)
{
	enum { PAGE = 4096, LIBRARY = 0x100000, VDSO = 0x200000, BAD = 0x300000 };
	static uint8_t page[PAGE], header[PAGE] = "\177ELF\2\1\1";
	for (int name = 0; name < 2; name++) {
		struct bytes notes = { 0 };
		put_thread(&notes, 7, 6, 0, 0, -1);
		put_psinfo(&notes, 7, "python3.9", name ? "python3.9 -x" : "/opt/bin/python3.9 -x");
		put_auxv(&notes, (uint64_t[]){ 6, PAGE, 3, A + 64 }, 2); /* AT_PAGESZ, AT_PHDR */
		struct load loads[] = {
			/* the program: text, a gap of the linker's, .data and .bss; then the heap of no module */
			{ A, 2 * PAGE, 5, NULL, 0 },
			{ A + 2 * PAGE, PAGE, 0, NULL, 0 },
			{ A + 3 * PAGE, PAGE, 4, page, PAGE },
			{ A + 4 * PAGE, PAGE, 6, page, PAGE },
			{ A + 5 * PAGE, PAGE, 6, page, PAGE },
			{ A + 6 * PAGE, PAGE, 6, page, PAGE },
			/* a library whose first page is data: its text is not another's */
			{ A + LIBRARY, PAGE, 4, header, PAGE },
			{ A + LIBRARY + PAGE, PAGE, 5, NULL, 0 },
			{ A + LIBRARY + 2 * PAGE, PAGE, 6, page, PAGE },
			/* right behind it the next one */
			{ A + LIBRARY + 3 * PAGE, PAGE, 5, NULL, 0 },
			{ A + LIBRARY + 4 * PAGE, PAGE, 6, page, PAGE },
			/* neither the vdso nor a stack with its guard is one */
			{ A + VDSO, PAGE, 5, NULL, 0 },
			{ A + BAD, PAGE, 0, NULL, 0 },
			{ A + BAD + PAGE, PAGE, 6, page, PAGE },
		};
		struct bytes core = build_core(&notes, loads, sizeof(loads) / sizeof(loads[0]));
		const struct ph_module *modules;
		struct ph_image *image = parse(&core);
		CHECK_EQ(ph_image_modules(image, &modules), 0); /* whole, it would have the list */
		CHECK_EQ(ph_image_info(image)->lost, 0);
		ph_image_close(image);
		core.size -= 100;
		image = parse(&core);
		size_t count = ph_image_modules(image, &modules);
		CHECK_EQ(count, 3);
		if (count == 3) {
			CHECK(modules[0].start == A && modules[0].end == A + 6 * PAGE && modules[0].is_executable);
			CHECK(!strcmp(modules[0].path, name ? "python3.9" : "/opt/bin/python3.9"));
			CHECK(modules[1].start == A + LIBRARY && modules[1].end == A + LIBRARY + 3 * PAGE);
			CHECK(modules[2].start == modules[1].end && modules[2].end == modules[1].end + 2 * PAGE);
			CHECK(!*modules[1].path && !*modules[2].path && !modules[1].is_executable);
		}
		CHECK_EQ(ph_image_info(image)->lost, 100);
		ph_image_close(image);
		free(core.data);
		free(notes.data);
	}
}

int main(void)
{
	struct bytes core = sample();
	struct ph_image *image = parse(&core);
	CHECK(image != NULL);
	if (image) {
		test_memory(image);
		test_process(image);
	}
	ph_image_close(image);
	test_cut(&core);
	test_missing_ranges(&core);
	test_other_machines(&core);
	test_lies(&core);
	test_overlap(&core);
	test_end_of_space(&core);
	test_many_segments();
	test_stack();
	test_gcore();
	test_cut_list();
	free(core.data);
	return CHECK_DONE();
}
