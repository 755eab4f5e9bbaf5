/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From one frame of native code to its caller, on x64 Windows: by the table of functions that each module has (.pdata,
 * .xdata; learn.microsoft.com, "x64 exception handling"), which lies in the image or in the module's file.
 *
 * Only code that stands at a call or in a system call is met here, so epilogues need not be told. */
#include "image/backend.h"

#include <elf.h>
#include <string.h>

#define FUNCTION_SIZE 12u /* RUNTIME_FUNCTION: BeginAddress, EndAddress, UnwindData */
#define MAX_CHAIN 32u
#define RSP 4u
#define DIRECTORY_EXCEPTION 3u

enum { /* UNWIND_CODE.UnwindOp */
	PUSH_NONVOL = 0,
	ALLOC_LARGE = 1,
	ALLOC_SMALL = 2,
	SET_FPREG = 3,
	SAVE_NONVOL = 4,
	SAVE_NONVOL_FAR = 5,
	EPILOG = 6,
	SPARE_CODE = 7,
	SAVE_XMM128 = 8,
	SAVE_XMM128_FAR = 9,
};
#define FLAG_CHAIN 4u /* UNW_FLAG_CHAININFO */

struct function {
	uint32_t begin, end, unwind; /* RVAs */
};

static bool read_uint(struct ph_image *image, ph_addr at, size_t size, uint64_t *ret)
{
	uint8_t bytes[8];
	if (ph_image_read(image, at, bytes, size) != PH_OK)
		return false;
	*ret = ph_load_uint(bytes, size, false);
	return true;
}

static bool read_function(struct ph_image *image, ph_addr at, struct function *ret)
{
	uint8_t bytes[FUNCTION_SIZE];
	if (ph_image_read(image, at, bytes, sizeof(bytes)) != PH_OK)
		return false;
	*ret = (struct function){ (uint32_t)ph_load_uint(bytes, 4, false), (uint32_t)ph_load_uint(bytes + 4, 4, false),
				  (uint32_t)ph_load_uint(bytes + 8, 4, false) };
	return true;
}

/* Where the table of functions lies, which the optional header tells. */
static bool find_table(struct ph_image *image, const struct ph_module *module, ph_addr *ret_start, uint32_t *ret_count)
{
	uint64_t header, magic, rva, size;
	if (!read_uint(image, module->bias + 0x3c, 4, &header) || header > PH_PE_MAX_HEADER ||
	    !read_uint(image, module->bias + header + 24, 2, &magic) || magic != 0x20b)
		return false;
	ph_addr entry = module->bias + header + 24 + 112 + 8 * DIRECTORY_EXCEPTION;
	if (!read_uint(image, entry, 4, &rva) || !read_uint(image, entry + 4, 4, &size) || !rva)
		return false;
	*ret_start = module->bias + rva;
	*ret_count = (uint32_t)size / FUNCTION_SIZE;
	return true;
}

/* 1 found, 0 the module has a table and this is not in it (a function that neither calls nor moves the stack), -1
 * unknown. */
static int find_function(struct ph_image *image, const struct ph_module *module, ph_addr pc, struct function *ret)
{
	ph_addr table;
	uint32_t low = 0, high;
	if (!find_table(image, module, &table, &high)) {
		/* without headers in the image, from the file */
		ph_image_module_file(image, module);
		if (!find_table(image, module, &table, &high))
			return -1;
	}
	uint64_t rva = pc - module->bias;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct function f;
		if (!read_function(image, table + (ph_addr)middle * FUNCTION_SIZE, &f))
			return -1;
		if (rva < f.begin) {
			high = middle;
		} else if (rva >= f.end) {
			low = middle + 1;
		} else {
			*ret = f;
			return 1;
		}
	}
	return 0;
}

struct unwinding {
	struct ph_image *image;
	struct ph_frame_registers *frame;
	ph_addr base; /* what saved registers are counted from */
	const uint8_t *codes;
	unsigned frame_register, frame_offset;
};

static unsigned slots_of(unsigned op, unsigned info)
{
	switch (op) {
	case ALLOC_LARGE:
		return 2 + (info != 0);
	case SAVE_NONVOL:
	case EPILOG:
	case SAVE_XMM128:
		return 2;
	case SAVE_NONVOL_FAR:
	case SPARE_CODE:
	case SAVE_XMM128_FAR:
		return 3;
	default:
		return 1;
	}
}

/* Undo one operation of the prologue; its further slots lie behind it. */
static bool undo(struct unwinding *u, const uint8_t *code, unsigned slots)
{
	struct ph_frame_registers *f = u->frame;
	unsigned op = code[1] & 15, info = code[1] >> 4;
	uint64_t value = slots == 2   ? ph_load_uint(code + 2, 2, false)
			 : slots == 3 ? ph_load_uint(code + 2, 4, false)
				      : 0;
	switch (op) {
	case PUSH_NONVOL:
		if (!read_uint(u->image, f->registers[RSP], 8, &value))
			return false;
		f->registers[info] = value;
		f->registers[RSP] += info == RSP ? 0 : 8;
		return info != RSP;
	case ALLOC_LARGE:
		f->registers[RSP] += info ? value : 8 * value;
		return true;
	case ALLOC_SMALL:
		f->registers[RSP] += 8 * info + 8;
		return true;
	case SET_FPREG:
		f->registers[RSP] = f->registers[u->frame_register] - u->frame_offset;
		return true;
	case SAVE_NONVOL:
	case SAVE_NONVOL_FAR:
		return read_uint(u->image, u->base + (op == SAVE_NONVOL ? 8 * value : value), 8, &f->registers[info]);
	case EPILOG:
	case SPARE_CODE:
	case SAVE_XMM128:
	case SAVE_XMM128_FAR:
		return true;
	default: /* UWOP_PUSH_MACHFRAME: an interrupt's, at which this ends */
		return false;
	}
}

/* UNWIND_INFO: version and flags, SizeOfProlog, CountOfCodes, FrameRegister and FrameOffset, the codes; an even number
 * of them, then the function that this part belongs to, where it is chained. */
static bool undo_function(struct unwinding *u, const struct ph_module *module, struct function f, uint64_t into)
{
	for (unsigned chain = 0; chain < MAX_CHAIN; chain++) {
		uint8_t info[4 + 2 * 256];
		ph_addr at = module->bias + f.unwind;
		if (f.unwind & 1) { /* of another entry of the table */
			if (!read_function(u->image, at & ~1ull, &f))
				return false;
			continue;
		}
		if (ph_image_read(u->image, at, info, 4) != PH_OK)
			return false;
		unsigned count = info[2], flags = info[0] >> 3;
		if (count && ph_image_read(u->image, at + 4, info + 4, 2 * count) != PH_OK)
			return false;
		u->frame_register = info[3] & 15;
		u->frame_offset = 16 * (info[3] >> 4);
		u->base = u->frame_register ? u->frame->registers[u->frame_register] - u->frame_offset
					    : u->frame->registers[RSP];
		for (unsigned i = 0; i < count;) {
			const uint8_t *code = info + 4 + 2 * i;
			unsigned slots = slots_of(code[1] & 15, code[1] >> 4);
			if (i + slots > count)
				return false;
			/* within the prologue, what comes later in it was not done */
			if ((chain || code[0] <= into) && !undo(u, code, slots))
				return false;
			i += slots;
		}
		if (!(flags & FLAG_CHAIN))
			return true;
		if (!read_function(u->image, at + 4 + 2 * ((count + 1) & ~1u), &f))
			return false;
	}
	return false;
}

bool ph_image_first_frame(struct ph_image *image, const struct ph_native_thread *thread, struct ph_frame_registers *ret)
{
	/* their names come in the order in which instructions number them (minidump_context.c) */
	if (image->format != PH_MODULES_PE || !image->machine || image->machine->elf_machine != EM_X86_64 ||
	    !thread->has_registers || thread->register_count < 16 || !thread->register_names[0] ||
	    strcmp(thread->register_names[0], "rax") || !thread->register_names[1] ||
	    strcmp(thread->register_names[1], "rcx"))
		return false;
	*ret = (struct ph_frame_registers){ .pc = thread->pc };
	memcpy(ret->registers, thread->registers, sizeof(ret->registers));
	ret->registers[RSP] = thread->sp;
	return true;
}

bool ph_image_caller(struct ph_image *image, struct ph_frame_registers *frame)
{
	struct ph_frame_registers caller = *frame;
	/* a return address may lie behind the last byte of a function that ends in a call */
	ph_addr pc = frame->pc - frame->is_caller;
	const struct ph_module *module = ph_image_module_at(image, pc);
	struct function f;
	int found = module ? find_function(image, module, pc, &f) : -1;
	struct unwinding u = { .image = image, .frame = &caller };
	if (found < 0 || (!found && frame->is_caller) ||
	    (found && !undo_function(&u, module, f, pc - module->bias - f.begin)) ||
	    !read_uint(image, caller.registers[RSP], 8, &caller.pc))
		return false;
	caller.registers[RSP] += 8;
	caller.is_caller = true;
	if (caller.registers[RSP] <= frame->registers[RSP] || !caller.pc)
		return false;
	*frame = caller;
	return true;
}
