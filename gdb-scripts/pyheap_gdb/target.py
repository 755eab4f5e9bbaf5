# SPDX-License-Identifier: GPL-3.0-or-later
"""From what gdb debugs to a session of libpyheap, kept until it moves on."""
import os
import re

import gdb

import _pyheap

from . import process

CORE = re.compile(r"^Local core dump file:\n\s*`(.*)', file type", re.M)
SECTION = re.compile(r'^\s*(0x[0-9a-f]+) - (0x[0-9a-f]+) is (\S+)', re.M)
SYMBOL = re.compile(r'^(.+?)(?: \+ (\d+))? in section ')
IDENTIFIER = re.compile(r'[A-Za-z_]\w*$')


class Hooks(object):
    """What the library asks gdb."""

    def __init__(self, inferior):
        self.inferior = inferior
        self.sections = None

    def read(self, address, size):
        return self.inferior.read_memory(address, size)

    def warning(self, message):
        gdb.write('warning: %s\n' % message, gdb.STDERR)

    def symbol(self, start, end, name):
        if not IDENTIFIER.match(name):
            return 0
        try:
            address = process.unsigned(gdb.parse_and_eval('&' + name))
        except gdb.error:
            return 0
        return address if start <= address < end else 0

    def symbolize(self, address):
        m = SYMBOL.match(gdb.execute('info symbol 0x%x' % address, to_string=True))
        if not m:
            return None
        return '%s+0x%x' % (m.group(1), int(m.group(2))) if m.group(2) else m.group(1)

    def section(self, start, end, name):
        if self.sections is None:
            text = gdb.execute('info files', to_string=True)
            self.sections = [(int(m.group(1), 16), int(m.group(2), 16), m.group(3)) for m in SECTION.finditer(text)]
        for low, high, its_name in self.sections:
            if its_name == name and start <= low < high <= end:
                return low, high - low
        return None


class Target(object):
    """An image, its session, and which Python frame the user selected in which thread."""

    def __init__(self, key, image, hooks):
        self.key = key
        self.image = image
        self.hooks = hooks
        self.session = _pyheap.attach(image)
        self.frames = {}
        self._type_names = None

    def type_names(self):
        if self._type_names is None:
            self._type_names = _pyheap.type_names(self.session).splitlines()
        return self._type_names


_current = None
_failed = None


def forget(*_):
    """The process moved on, or is another one."""
    global _current, _failed
    _current = _failed = None


def watch_events():
    for name in ('cont', 'stop', 'exited', 'new_objfile', 'clear_objfiles', 'free_objfile', 'inferior_call',
                 'memory_changed', 'register_changed', 'inferior_deleted', 'executable_changed'):
        registry = getattr(gdb.events, name, None)
        if registry is not None:
            registry.connect(forget)


def path_parameter(name):
    """A setting of gdb that names files on this machine."""
    try:
        value = gdb.parameter(name)
    except RuntimeError:
        return None
    if not value or value in ('/', 'target:') or value.startswith('target:'):
        return None
    return value


def open_file(path):
    """A core that was deleted since gdb opened it is still open in gdb."""
    if os.path.exists(path):
        return path
    for name in os.listdir('/proc/self/fd'):
        link = '/proc/self/fd/' + name
        try:
            if os.readlink(link) == path + ' (deleted)':
                return link
        except OSError:
            pass
    return path


def core_path(inferior):
    """The core that gdb has open, None when it debugs something else."""
    connection = getattr(inferior, 'connection', None)
    if connection is not None and connection.type != 'core':
        return None
    m = CORE.search(gdb.execute('info files', to_string=True))
    return m.group(1) if m else None


def open_core(inferior, path, hooks):
    sysroot = path_parameter('sysroot')
    search = None if sysroot else path_parameter('solib-search-path')
    return _pyheap.open_core(open_file(path), inferior.progspace.filename if hasattr(inferior, 'progspace') else
                             gdb.current_progspace().filename, sysroot, search, hooks)


def open_process(inferior, hooks):
    machine = process.machine()
    threads, signal = process.threads(inferior)
    if not threads:
        raise gdb.GdbError('the process is running: stop it first (interrupt)')
    local = process.is_local(inferior)
    name = gdb.current_progspace().filename
    return _pyheap.open_target('live', machine, inferior.pid, os.path.basename(name) if name else None,
                               process.maps(inferior, local), threads, process.auxv(inferior, local),
                               signal, process.root(inferior, local) or path_parameter('sysroot'), hooks)


def selected_thread():
    thread = gdb.selected_thread()
    if thread is None:
        raise gdb.GdbError('no process: open a core (core-file), start one (run) or attach to one')
    if thread.is_running():
        raise gdb.GdbError('the selected thread is running: stop it first (interrupt)')
    return thread


def current():
    """The Target of what gdb debugs now; opened anew when that has changed."""
    global _current
    selected_thread()
    inferior = gdb.selected_inferior()
    if _current is not None and _current.key == (inferior.num, inferior.pid):
        return _current
    path = core_path(inferior)
    hooks = Hooks(inferior)
    image = open_core(inferior, path, hooks) if path else open_process(inferior, hooks)
    _current = Target((inferior.num, inferior.pid), image, hooks)
    return _current


def current_or_none():
    """The same where there may be no Python, which is not looked for twice in one stop."""
    global _failed
    inferior = gdb.selected_inferior()
    key = inferior.num, inferior.pid
    if _failed == key:
        return None
    try:
        return current()
    except (gdb.error, gdb.GdbError, _pyheap.error, ValueError, OSError):
        _failed = key
        return None


def tid():
    return process.lwp(selected_thread())


def style():
    """(colour, columns) for the library."""
    width = gdb.parameter('width') or 0
    try:
        colour = bool(gdb.parameter('style enabled'))
    except RuntimeError:
        colour = False
    return colour and os.isatty(1) and not os.environ.get('NO_COLOR'), width
