# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands py-…; each is also a subcommand of py-heap, where CPython's own extension has taken its name."""
import functools
import re

import gdb

import _pyheap

from . import builtins, printers, process, target

ADDRESS = re.compile(r'(?:0x)?[0-9a-fA-F]{6,16}$')
NAME = re.compile(r'[^\W\d]\w*$')


def one_line(function):
    """Whatever goes wrong is one line of text, never a traceback."""
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except gdb.GdbError:
            raise
        except (_pyheap.error, gdb.error, UnicodeError, ValueError) as e:
            raise gdb.GdbError(str(e).strip() or type(e).__name__)
        except KeyboardInterrupt:
            raise gdb.GdbError('Quit')
        except Exception as e:
            raise gdb.GdbError('internal error: %s: %s' % (type(e).__name__, e))
    return wrapper


def options_of(argument, letters):
    """Flags such as -fa or --json, then the rest."""
    flags, rest = set(), []
    for word in gdb.string_to_argv(argument or ''):
        if len(word) > 1 and word[0] == '-' and not rest:
            for letter in word[1:]:
                if letter not in letters:
                    raise gdb.GdbError('no such option: %s; this command has %s' % (
                        word, ', '.join('-' + l for l in letters) or 'none'))
                flags.add(letter)
        else:
            rest.append(word)
    return flags, rest


def no_more(rest):
    if rest:
        raise gdb.GdbError('what is "%s"? this command takes options only' % ' '.join(rest))


def complete_words(words, text, word):
    """Those of words that end the last one of text; gdb's `word` may begin within it, after a dash."""
    last = text.split(' ')[-1]
    skip = len(last) - len(word)
    return [w[skip:] for w in words if w.startswith(last)]


class Command(gdb.Command):
    """A command that is a function of the argument."""
    options = ()

    def __init__(self, name):
        super(Command, self).__init__(name, gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        self.run(argument)

    def complete(self, text, word):
        return complete_words(self.options, text, word)


class Exceptions(Command):
    """Print the Python exception that is being handled in the selected thread.
Usage: py-exc-print [-a] [-r]

Prints its whole chain, notes and groups as Python does, and the local variables
below each frame.

  -a  of all threads
  -r  the one being raised, or left in sys.last_value by the default hook"""
    name, options = 'exc-print', ('-a', '-r')

    @one_line
    def run(self, argument):
        flags, rest = options_of(argument, 'ar')
        no_more(rest)
        t = target.current()
        gdb.write(_pyheap.exceptions(t.session, 0 if 'a' in flags else target.tid(), 'r' in flags, *target.style()))


class Backtrace(Command):
    """Print the Python stack of the selected thread, the most recent call first.
Usage: py-bt [-f] [-a] [-b]

  -f  with the local variables of each frame
  -a  of all threads
  -b  with the calls of built-in functions between the frames, the collector and the
      wait for the GIL, where the interpreter has debug information; gdb has to read
      much of that first"""
    name, options = 'bt', ('-a', '-b', '-f')
    full = False

    @one_line
    def run(self, argument):
        flags, rest = options_of(argument, 'abf')
        no_more(rest)
        t = target.current()
        tid = 0 if 'a' in flags else target.tid()
        text = _pyheap.backtrace(t.session, tid, self.full or 'f' in flags, *target.style())
        gdb.write(builtins.add(t, tid, text) if tid and 'b' in flags else text)


class FullBacktrace(Backtrace):
    """Print the Python stack of the selected thread with local variables.
Usage: py-bt-full [-a] [-b]"""
    name, options, full = 'bt-full', ('-a', '-b'), True


class Threads(Command):
    """List the threads: name, who holds the GIL, what each waits for, its native place.
Usage: py-threads"""
    name = 'threads'

    @one_line
    def run(self, argument):
        no_more(options_of(argument, '')[1])
        t = target.current()
        gdb.write(_pyheap.threads(t.session, target.tid(), *target.style()))


def count_of(argument):
    """The number of an argument, 1 without."""
    _, rest = options_of(argument, '')
    if not rest:
        return 1
    if len(rest) > 1 or not rest[0].isdigit():
        raise gdb.GdbError('give a number, not "%s"' % ' '.join(rest))
    return int(rest[0])


def selected_frame(t):
    """The index of the Python frame that py-up, py-down and py-frame selected in this thread."""
    return t.frames.get(target.tid(), 0)


def select_frame(t, index):
    tid = target.tid()
    text = _pyheap.frame(t.session, tid, index, *target.style())
    t.frames[tid] = index
    gdb.write(text)


class Up(Command):
    """Select the Python frame that called the selected one.
Usage: py-up [COUNT]"""
    name = 'up'

    @one_line
    def run(self, argument):
        t, count = target.current(), count_of(argument)
        last = _pyheap.frame_count(t.session, target.tid()) - 1
        if last < 0:
            select_frame(t, 0)  # says why there is none
        if selected_frame(t) >= last and count:
            raise gdb.GdbError('this is the outermost Python frame')
        select_frame(t, min(selected_frame(t) + count, last))


class Down(Command):
    """Select the Python frame that the selected one called.
Usage: py-down [COUNT]"""
    name = 'down'

    @one_line
    def run(self, argument):
        t, count = target.current(), count_of(argument)
        if not selected_frame(t) and count:
            raise gdb.GdbError('this is the innermost Python frame')
        select_frame(t, max(selected_frame(t) - count, 0))


class Frame(Command):
    """Select a Python frame by its number, or print the selected one.
Usage: py-frame [NUMBER]

The innermost frame, which py-bt prints first, is 0."""
    name = 'frame'

    @one_line
    def run(self, argument):
        t = target.current()
        select_frame(t, count_of(argument) if argument.strip() else selected_frame(t))


class Locals(Command):
    """Print the local variables of the selected Python frame.
Usage: py-locals"""
    name = 'locals'

    @one_line
    def run(self, argument):
        no_more(options_of(argument, '')[1])
        t = target.current()
        gdb.write(_pyheap.locals(t.session, target.tid(), selected_frame(t), *target.style()))


class List(Command):
    """List the Python source around the line that the selected frame runs.
Usage: py-list [START[, END]]"""
    name = 'list'

    @one_line
    def run(self, argument):
        m = re.match(r'\s*(?:(\d+)\s*(?:,\s*(\d+)\s*)?)?$', argument)
        if not m:
            raise gdb.GdbError('give line numbers: py-list START, END')
        first = int(m.group(1)) if m.group(1) else 0
        if m.group(2) and int(m.group(2)) < first:
            raise gdb.GdbError('line %s is not behind line %d' % (m.group(2), first))
        last = int(m.group(2)) if m.group(2) else first + 9 if first else 0
        t = target.current()
        gdb.write(_pyheap.source(t.session, target.tid(), selected_frame(t), first, last))


def address_of(text):
    """Of an address or an expression of gdb."""
    if ADDRESS.match(text) and (text.startswith('0x') or not text.isdigit()):
        return int(text, 16)
    return process.unsigned(gdb.parse_and_eval(text))


def find_object(t, text):
    """(what it is called, address) of a name in the selected Python frame, an address, an expression of gdb."""
    if NAME.match(text):
        try:
            scope, address = _pyheap.lookup(t.session, target.tid(), selected_frame(t), text)
            return "%s '%s'" % (scope, text), address
        except _pyheap.error as e:
            try:
                return text, address_of(text)
            except gdb.error:
                raise gdb.GdbError(str(e))
    return text, address_of(text)


def names_of_frame():
    """The local variables of the selected Python frame; none where there is no frame."""
    try:
        t = target.current()
        lines = _pyheap.locals(t.session, target.tid(), selected_frame(t), False, 0).splitlines()
        return [line.split(' = ')[0] for line in lines]
    except Exception:
        return []


class Print(Command):
    """Print a Python object.
Usage: py-print NAME | ADDRESS | EXPRESSION

Of a C type that the library does not know, also its members, as gdb knows them from
debug information, or else its words.

NAME is looked up in the selected Python frame: its local variables, its globals,
the builtins.  EXPRESSION is one of gdb's, a pointer to an object: $rdi, self->ob_item[0]."""
    name = 'print'

    @one_line
    def run(self, argument):
        text = argument.strip()
        if not text:
            raise gdb.GdbError('give a name, an address or an expression of gdb')
        t = target.current()
        title, address = find_object(t, text)
        gdb.write('%s = %s\n' % (title, _pyheap.repr(t.session, address, 0)))
        known = _pyheap.object(t.session, address)
        if known and known[0]:
            for name, value in printers.parts(t, address, known):
                gdb.write('  %s = %s\n' % (name, value.format_string() if isinstance(value, gdb.Value) else value))

    def complete(self, text, word):
        return complete_words(names_of_frame(), text, word)


class ObjectFunction(gdb.Function):
    """$_pyobject(POINTER): the repr of the Python object at an address, as a string."""

    def __init__(self):
        super(ObjectFunction, self).__init__('_pyobject')

    @one_line
    def invoke(self, *values):
        if len(values) != 1:
            raise gdb.GdbError('$_pyobject takes one pointer')
        return _pyheap.repr(target.current().session, process.unsigned(values[0]), 0)


COMMANDS = (Exceptions, Backtrace, FullBacktrace, Threads, Up, Down, Frame, Locals, List, Print)


def is_defined(name):
    try:
        gdb.execute('help ' + name, to_string=True)
        return True
    except gdb.error:
        return False


def register():
    for command in COMMANDS:
        if not is_defined('py-' + command.name):
            command('py-' + command.name)
    ObjectFunction()
