# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame filter: `bt' shows Python's frames in place of the interpreter's own."""
import bisect
import re

import gdb
from gdb.FrameDecorator import FrameDecorator

import _pyheap

from . import printers, process, target

NAME = 'pyheap'
LOOPS = ('_PyEval_EvalFrameDefault', 'PyEval_EvalFrameEx')
# gcc cuts functions into parts: .cold, .part.0, .constprop.0, .lto_priv.0; 3.14's tail calls are functions of their own
LOOP_PART = re.compile(r'(?:%s)(?:\.\w+)*$|_TAIL_CALL_\w+$')
# how a C function is called from the loop
CALLS = re.compile(r'_?Py(?:Object|Vectorcall)_(?:Fast|Method|FastMethod)?(?:Vector)?[Cc]all\w*$|_?PyObject_MakeTpCall$|'
                   r'_?PyC?Function_\w+$|_?PyMethodDef_\w+$|_?PyStack_\w+$|_Py_\w*[Cc]all[\w.]*$|'
                   r'(?:cfunction|method|method_descriptor|vectorcall|wrapper|slot_tp|type|object|function_code|fast)_\w*call\w*$|'
                   r'(?:object_vacall|call_function|do_call_core|fast_function|ext_do_call|do_call|cfunction_\w+|method_vectorcall_\w+)'
                   r'(?:\.\w+)*$')
# where a thread or a process starts: nothing is learnt from them
STARTS = re.compile(r'(?:_start|__libc_start\w*|start_thread|__?clone3?|generic_start_main)$')
# those that a function keeps for its caller (System V ABI of x86-64): the loop's frame may be in one
KEPT = ('rbx', 'rbp', 'r12', 'r13', 'r14', 'r15')
STACK_MAXIMUM = 1 << 16  # bytes of one C frame that are looked through


class Variable(object):
    """What gdb calls a symbol and its value."""

    def __init__(self, name, address):
        self.name = name
        self.address = address

    def symbol(self):
        return self.name

    def value(self):
        try:
            return printers.as_value(self.address)
        except Exception as e:
            return '<%s>' % e


class PythonFrame(FrameDecorator):
    """A Python frame at the place of a native one."""

    def __init__(self, base, frame, is_first):
        super(PythonFrame, self).__init__(base)
        self.name, self.path, self.number, _, _, self.variables = frame
        self.is_first = is_first

    def function(self):
        # gdb numbers a native frame once, and leaves nothing in the place of the number where it comes again
        return ('' if self.is_first else '    ') + (self.name or '<unknown>')

    def address(self):
        return None

    def filename(self):
        return self.path

    def line(self):
        return self.number or None

    def elided(self):
        return None

    def frame_args(self):
        return [Variable(name, address) for name, is_argument, address in self.variables if is_argument and name]

    def frame_locals(self):
        return [Variable(name, address) for name, is_argument, address in self.variables if not is_argument and name]


def stack_pointer(frame):
    return process.unsigned(frame.read_register('rsp'))


class Merger(object):
    """Which Python frames each native frame of a thread stands for, from the innermost outwards."""

    def __init__(self, t, frames):
        self.t = t
        self.start, self.end = _pyheap.interpreter_module(t.session)
        self.frames = frames
        self.done = 0  # of those without a loop
        self.loops = {}  # an address within a C frame: the Python frames that it runs
        for frame in frames:
            if frame[4]:
                self.loops.setdefault(frame[4], []).append(frame)
        self.order = sorted(self.loops)
        self.linked = [frame for frame in frames if not frame[4]]
        self.seen = False
        self.loop = next((name for name in LOOPS if t.hooks.symbol(self.start, self.end, name)), None)
        self.part = re.compile(LOOP_PART.pattern % re.escape(self.loop)) if self.loop else None

    def is_interpreter(self, frame):
        return self.start <= frame.pc() < self.end

    def take(self, frame):
        """The Python frames that the native one runs; none when it runs none."""
        if frame.type() not in (gdb.NORMAL_FRAME, gdb.TAILCALL_FRAME) or not self.is_interpreter(frame):
            return []
        older = frame.older()
        low = stack_pointer(frame)
        high = stack_pointer(older) if older is not None and older.is_valid() else low + STACK_MAXIMUM
        found = self.take_loops(low, high) or self.take_linked(frame, low, high)
        self.seen = self.seen or bool(found)
        return found

    def take_loops(self, low, high):
        found = []
        i = bisect.bisect_left(self.order, low)
        while i < len(self.order) and self.order[i] < high:
            found = self.loops.pop(self.order[i], []) + found
            i += 1
        return found

    def take_linked(self, frame, low, high):
        """Up to 3.10 each call of the loop runs one frame, and keeps its address on its stack or in a register."""
        if self.done == len(self.linked) or self.part and not self.part.match(frame.name() or ''):
            return []
        words = set()
        size = min(high - low, STACK_MAXIMUM) & ~7
        if size > 0:
            data = bytes(self.t.hooks.read(low, size))
            words.update(memoryview(data).cast('Q'))
        for name in KEPT:
            words.add(process.unsigned(frame.read_register(name)))
        for i in range(self.done, len(self.linked)):
            if self.linked[i][3] in words:
                found = self.linked[self.done:i + 1]
                self.done = i + 1
                return found
        return []

    def left(self):
        """Those whose native frame was not there: gdb did not get as far."""
        rest = [frame for frame in self.frames if self.loops.get(frame[4])] + self.linked[self.done:]
        self.loops, self.done = {}, len(self.linked)
        return rest

    def is_hidden(self, frame):
        if self.seen and self.is_interpreter(frame):
            return True
        return not (self.loops or self.done < len(self.linked)) and bool(STARTS.match(frame.name() or ''))

    def is_call(self, frame):
        """A step between the loop and the C function that it called: hidden when the loop follows."""
        return frame.level() > 0 and self.is_interpreter(frame) and bool(CALLS.match(frame.name() or ''))


def merge(merger, frames):
    held, item = [], None
    for item in frames:
        frame = item.inferior_frame()
        try:
            found, hidden, call = merger.take(frame), merger.is_hidden(frame), merger.is_call(frame)
        except Exception:  # a native frame as it is rather than no backtrace
            found, hidden, call = [], False, False
        if found:
            held = []
            for i, python in enumerate(found):
                yield PythonFrame(item, python, i == 0)
        elif call and not hidden:
            held.append(item)
        else:
            for earlier in held:
                yield earlier
            held = []
            if not hidden:
                yield item
    for earlier in held:
        yield earlier
    if item is not None:
        for python in merger.left():
            yield PythonFrame(item, python, False)


class Filter(object):
    """`disable frame-filter global pyheap' and `bt -no-filters' are without it."""

    def __init__(self):
        self.name = NAME
        self.priority = 100
        self.enabled = True

    def filter(self, frames):
        try:
            t = target.current_or_none()
            python = _pyheap.frames(t.session, target.tid()) if t else None
            return merge(Merger(t, python), frames) if python else frames
        except Exception:  # gdb's own backtrace rather than none
            return frames


def register():
    gdb.frame_filters.setdefault(NAME, Filter())
