# SPDX-License-Identifier: GPL-3.0-or-later
"""What py-bt -b has between the Python frames where the interpreter has debug information: calls of functions that are
built in, the collector, the wait for the GIL, as CPython's libpython.py (Tools/gdb) prints them.  Walking over native frames
makes gdb read the debug information of each: without -b, py-bt takes no longer than gdb's own start."""
import re

import gdb

import _pyheap

from . import frames, process

# where a function of C is called, and the variable that has it: object.c, methodobject.c, call.c of 2.7 to 3.15
CALLS = re.compile(r'cfunction_(?:vectorcall_\w+|call)$|PyCFunction_Call$|_PyCFunction_Fast(?:Call)?(?:Dict|Keywords)$|'
                   r'_PyMethodDef_RawFastCall(?:Dict|Keywords)$')
VARIABLES = {'wrapper_call': 'wp'}
FRAME = re.compile(r'^(?=  File ")', re.M)
HEADING = 'Traceback (most recent call first):\n'


def has_debug_information():
    for name in frames.LOOPS:
        symbol = gdb.lookup_global_symbol(name)
        if symbol is not None and symbol.symtab is not None:
            return True
    return False


def name_of(t, function):
    """As libpython.py has it: at remote 0x…"""
    c = function.cast(gdb.lookup_type('PyCFunctionObject').pointer())
    name, owner = c['m_ml']['ml_name'].string(), process.unsigned(c['m_self'])
    if not owner:
        return '<built-in function %s>' % name
    known = _pyheap.object(t.session, owner)
    return '<built-in method %s of %s object at remote 0x%x>' % (name, known[1][0][0] if known else '?', owner)


def line_of(t, frame):
    """The line for a native frame, None for most."""
    name = frame.name() or ''
    if name == 'take_gil':
        return 'Waiting for the GIL'
    if name in ('collect', 'gc_collect_main'):
        return 'Garbage-collecting'
    try:
        if CALLS.match(name):
            return name_of(t, frame.read_var('func'))
        if name in VARIABLES:
            return _pyheap.repr(t.session, process.unsigned(frame.read_var(VARIABLES[name])), 0)
    except (gdb.error, gdb.MemoryError, _pyheap.error, ValueError):
        pass
    return None


def add(t, tid, text):
    """The text of py-bt of the selected thread with those lines; as it was where there is nothing to add."""
    if not text.startswith(HEADING) or not has_debug_information():
        return text
    pieces = FRAME.split(text[len(HEADING):])
    pieces = [p for p in pieces if p]
    python = _pyheap.frames(t.session, tid)
    if len(pieces) < len(python):
        return text
    place = {id(frame): i for i, frame in enumerate(python)}
    merger, out, done = frames.Merger(t, python), [HEADING], 0
    frame = gdb.newest_frame()
    while frame is not None and frame.is_valid():
        line = line_of(t, frame)
        if line is not None:
            out.append('  %s\n' % line)
        for found in merger.take(frame):
            if place[id(found)] != done:
                return text
            out.append(pieces[done])
            done += 1
        frame = frame.older()
    return ''.join(out + pieces[done:])
