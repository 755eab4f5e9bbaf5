#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""elf2macho CORE PATH OUT: the memory of a Linux core of CPython 3.13 or later as a core of macOS.

Written after Apple's <mach-o/loader.h>, <mach-o/nlist.h>, <mach/i386/_structs.h> and <mach/arm/_structs.h>; shares nothing with
the reader.  With MACHINE=arm64 in the environment the file and its threads are those of an arm64 Mac: the memory stays that of a
Linux process of x86-64, whose types have the same sizes there.  The
region that has the cookie of _PyRuntime becomes the data of a Mach-O library at PATH with that symbol; its header and its
__LINKEDIT lie in a region of their own.  With NOTE=1 in the environment lldb's list of modules is there.
"""
import os
import struct
import sys

LC_SEGMENT_64, LC_SYMTAB, LC_THREAD, LC_ID_DYLIB, LC_UUID, LC_NOTE = 0x19, 2, 4, 0xd, 0x1b, 0x31
HEADER = 0x7e0000000000
ARM64 = os.environ.get('MACHINE') == 'arm64'
CPU = (0x0100000c, 0) if ARM64 else (0x01000007, 3)


def mach_header(filetype, commands):
    body = b''.join(commands)
    return struct.pack('<IIIIIIII', 0xfeedfacf, *CPU, filetype, len(commands), len(body), 0, 0) + body


def segment(name, address, size, offset, file_size, protection, sections=b'', count=0):
    return struct.pack('<II16sQQQQIIII', LC_SEGMENT_64, 72 + len(sections), name, address, size, offset, file_size, 7,
                       protection, count, 0) + sections


def read_elf(path):
    with open(path, 'rb') as f:
        data = f.read()
    offset, count = struct.unpack_from('<Q', data, 32)[0], struct.unpack_from('<H', data, 56)[0]
    loads, threads = [], []
    for i in range(count):
        kind, flags, at, address, _, size, memory, _ = struct.unpack_from('<IIQQQQQQ', data, offset + 56 * i)
        if kind == 1 and size:
            loads.append((address, data[at:at + size], memory, flags))
        while kind == 4 and size > 0:
            name, length, note = struct.unpack_from('<III', data, at)
            start = at + 12 + (name + 3 & ~3)
            if note == 1:
                threads.append(struct.unpack_from('<27Q', data, start + 112))
            step = start - at + (length + 3 & ~3)
            at, size = at + step, size - step
    return loads, threads


def module(path, symbols, start, end):
    """Header page and the tables behind it."""
    strings, table = b'\0', b''
    for name, address in symbols:
        table += struct.pack('<IBBHQ', len(strings), 0x0f, 1, 0, address - HEADER)
        strings += b'_' + name.encode() + b'\0'
    name = path.encode() + b'\0'
    name += b'\0' * (-len(name) % 8)
    commands = [
        segment(b'__TEXT', 0, 0x4000, 0, 0x4000, 5),
        segment(b'__DATA', start - HEADER & (1 << 64) - 1, end - start, 0x4000, end - start, 3),
        segment(b'__LINKEDIT', 0x4000, 0x4000, 0x100000, 0x4000, 1),
        struct.pack('<IIIIII', LC_SYMTAB, 24, 0x100000, len(symbols), 0x100000 + len(table), len(strings)),
        struct.pack('<IIIIII', LC_ID_DYLIB, 24 + len(name), 24, 0, 0, 0) + name,
        struct.pack('<II16s', LC_UUID, 24, bytes(range(16))),
    ]
    page = mach_header(6, commands)
    return page + b'\0' * (0x4000 - len(page)) + (table + strings).ljust(0x4000, b'\0')


def arm_thread(r, first):
    # ARM_THREAD_STATE64: x0 to x28, fp, lr, sp, pc, cpsr and four bytes of flags
    state = struct.pack('<33QII', *range(0x1000, 0x101d), r[4], 0, r[19], r[16], 0x60001000, 0)
    # ARM_EXCEPTION_STATE64: far, esr (a data abort of the first, a system call of the others), exception
    trap = struct.pack('<QII', 0xdead0000 if first else 0, 0x92000006 if first else 0x56000080, 1 if first else 0)
    return struct.pack('<IIII', LC_THREAD, 24 + len(state) + len(trap), 6, 68) + state + struct.pack('<II', 7, 4) + trap


def thread(r, first):
    if ARM64:
        return arm_thread(r, first)
    # of user_regs_struct: r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp
    state = struct.pack('<21Q', r[10], r[5], r[11], r[12], r[14], r[13], r[4], r[19], r[9], r[8], r[7], r[6], r[3], r[2],
                        r[1], r[0], r[16], r[18], r[17], 0, 0)
    # with x86_EXCEPTION_STATE64: a page fault (14) of the first, a system call of the others
    trap = struct.pack('<IIHHIQ', 6, 4, 14 if first else 0x85, 0, 0, 0xdead0000 if first else 0)
    return struct.pack('<IIII', LC_THREAD, 16 + len(state) + len(trap), 4, 42) + state + trap


def main():
    core, path, out = sys.argv[1:]
    loads, threads = read_elf(core)
    start, data = next((a, d) for a, d, memory, flags in loads if flags & 2 and b'xdebugpy' in d)
    symbols = [('PyObject_Malloc', start), ('_PyRuntime', start + data.index(b'xdebugpy'))]
    loads.append((HEADER, module(path, symbols, start, start + len(data)), 0x8000, 5))
    loads.sort()
    noted = os.environ.get('NOTE') == '1'
    size = 32 + 72 * len(loads) + sum(len(thread(r, False)) for r in threads) + 40 * noted
    at = size + 0x4000
    commands, body = [], []
    for address, data, memory, flags in loads:
        commands.append(segment(b'', address, max(memory, len(data)), at, len(data),
                                (flags >> 2 & 1) | (flags & 2) | (flags & 1) << 2))
        body.append(data)
        at += len(data)
    commands += [thread(r, not i) for i, r in enumerate(threads)]
    note = b''
    if noted:
        text = path.encode() + b'\0'
        commands.append(struct.pack('<II16sQQ', LC_NOTE, 40, b'all image infos', size, 24 + 48 + len(text)))
        note = struct.pack('<IIQII', 1, 1, size + 24, 48, 0)
        note += struct.pack('<Q16sQQII', size + 24 + 48, bytes(16), HEADER, 0, 0, 0) + text
    with open(out, 'wb') as f:
        header = mach_header(4, commands)
        assert len(header) == size
        f.write(header + note.ljust(0x4000, b'\0'))
        for data in body:
            f.write(data)


main()
