# SPDX-License-Identifier: GPL-3.0-or-later
"""What gdb knows of a process that is no core file: maps, threads, registers, signal.  Nothing is written to it and
nothing is called in it."""
import os
import re

import gdb

MACHINES = {'i386:x86-64': 62}
# those that a process dies of with a core; SIGTRAP is the debugger's own
FATAL = (3, 4, 6, 7, 8, 11, 24, 25, 31)
FAULTS = (4, 7, 8, 11)
MASK = (1 << 64) - 1
REGISTERS = ('rip', 'rsp', 'rbp', 'fs_base')
# struct user_regs_struct's first
GENERAL = ('r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi')
ARGUMENTS = ('rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9')

MAPS_LINE = re.compile(r'([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \S+ *(.*)')
MAPPINGS_LINE = re.compile(r'\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+)(?:\s+([-rwxps]{4}))?(?:\s+(\S.*))?$')
AUXV_LINE = re.compile(r'(\d+)\s+AT_\w+\s.*?\s(0x[0-9a-f]+|\d+)(?:\s+".*")?$')


def unsigned(value):
    try:
        return int(value) & MASK
    except gdb.error as e:
        if not str(e).startswith('Cannot convert value'):
            raise  # of memory that cannot be read, say
        raise gdb.error('that is no address: its type is %s' % value.type)


def machine():
    """The ELF machine of the selected thread."""
    name = gdb.execute('show architecture', to_string=True)
    m = re.search(r'"(i386:x86-64)(?::intel)?"', name)
    if not m:
        m = re.search(r'"([^"]+)"\.?\)?', name)
        raise gdb.GdbError('the architecture %s is not supported yet' % (m.group(1) if m else 'of this process'))
    return MACHINES[m.group(1)]


def is_local(inferior):
    """Whether /proc/PID is the process's."""
    connection = getattr(inferior, 'connection', None)
    if connection is not None:
        return connection.type == 'native'
    try:
        return 'Native process' in gdb.execute('maint print target-stack', to_string=True)
    except gdb.error:
        return False


def visible_root(inferior):
    """Where our own files have the root of a process that chroot() put into a folder; '' anywhere else.  /proc names its
    files below it, but those of a container, in a namespace of its own, as the container does."""
    try:
        return os.readlink('/proc/%d/root' % inferior.pid).rstrip('/')
    except OSError:
        return ''


def maps(inferior, local):
    """[(start, end, offset, path in bytes, permissions)]"""
    found = []
    if local:
        prefix = visible_root(inferior)
        try:
            with open('/proc/%d/maps' % inferior.pid, encoding='utf-8', errors='surrogateescape') as f:
                for line in f:
                    m = MAPS_LINE.match(line)
                    if m:
                        # the kernel writes newlines within names as \012
                        path = m.group(5).rstrip('\n').replace('\\012', '\n')
                        if prefix and path.startswith(prefix + '/'):
                            path = path[len(prefix):]
                        found.append((int(m.group(1), 16), int(m.group(2), 16), int(m.group(4), 16),
                                      os.fsencode(path), m.group(3)))
        except OSError:
            found = []
    if not found:
        for line in gdb.execute('info proc mappings', to_string=True).splitlines():
            m = MAPPINGS_LINE.match(line)
            if m:
                found.append((int(m.group(1), 16), int(m.group(2), 16), int(m.group(3), 16),
                              os.fsencode((m.group(5) or '').strip()), m.group(4) or 'rwxp'))
    if not found:
        raise gdb.GdbError('gdb cannot tell the memory maps of this process (info proc mappings)')
    return found


def auxv(inferior, local):
    """The auxiliary vector as the kernel wrote it, or None."""
    if local:
        try:
            with open('/proc/%d/auxv' % inferior.pid, 'rb') as f:
                return f.read()
        except OSError:
            pass
    data = b''
    try:
        for line in gdb.execute('info auxv', to_string=True).splitlines():
            m = AUXV_LINE.match(line)
            if m:
                data += int(m.group(1)).to_bytes(8, 'little') + unsigned(int(m.group(2), 0)).to_bytes(8, 'little')
    except gdb.error:
        pass
    return data or None


def register(frame, name):
    try:
        return unsigned(frame.read_register(name))
    except (gdb.error, ValueError):
        return 0


def signal_of_thread():
    """(number, code, has an address, address) of the signal that the selected thread took."""
    try:
        info = gdb.parse_and_eval('$_siginfo')
        number, code = int(info['si_signo']), int(info['si_code'])
        if number in FAULTS and 0 < code < 0x80:
            return number, code, True, unsigned(info['_sifields']['_sigfault']['si_addr'])
        return number, code, False, 0
    except (gdb.error, ValueError):
        return 0, 0, False, 0


def lwp(thread):
    return thread.ptid[1] or thread.ptid[0]


def one_thread(thread):
    """The tuple that _pyheap.open_target() takes, and the signal."""
    signal = signal_of_thread()
    crashed = signal[0] in FATAL
    try:
        frame = gdb.newest_frame()
    except gdb.error:
        return (lwp(thread), 0, crashed, False) + (0,) * 4 + (-1,) + (0,) * 6 + ([],), signal
    number = register(frame, 'orig_rax')
    number = number - (1 << 64) if number >> 63 else number
    if number > 0xffff or number < 0:
        number = -1
    values = tuple(register(frame, name) for name in REGISTERS)
    arguments = tuple(register(frame, name) for name in ARGUMENTS)
    general = [register(frame, name) for name in GENERAL]
    return (lwp(thread), signal[0] if crashed else 0, crashed, True) + values + (number,) + arguments + (general,), signal


def threads(inferior):
    """([thread], signal); the user's selection stays as it was."""
    selected, found, signal = gdb.selected_thread(), [], (0, 0, False, 0)
    try:
        frame = gdb.selected_frame()
    except gdb.error:
        frame = None
    try:
        for thread in sorted(inferior.threads(), key=lambda t: t.num):
            if not thread.is_valid() or thread.is_running():
                continue
            thread.switch()
            item, its_signal = one_thread(thread)
            found.append(item)
            # the one that the user looks at comes first
            if item[2] and (not signal[0] or thread is selected):
                signal = its_signal
    finally:
        if selected is not None and selected.is_valid():
            selected.switch()
        if frame is not None and frame.is_valid():
            frame.select()
    return found, signal


def root(inferior, local):
    """The root of a process in a container, None for our own."""
    path = '/proc/%d/root' % inferior.pid
    try:
        if local and (os.stat(path + '/.').st_dev, os.stat(path + '/.').st_ino) != \
                (os.stat('/').st_dev, os.stat('/').st_ino):
            return path
    except OSError:
        pass
    return None
