# SPDX-License-Identifier: GPL-3.0-or-later
"""py-heap: the verbs of pyheap over what gdb debugs."""
import os
import re

import gdb

import _pyheap

from . import commands, target
from .commands import one_line

# a name or a pattern of one, no expression
TYPE = re.compile(r'[^\W\d][\w.*?]*$')


class Prefix(gdb.Command):
    """What pyheap does with a dump, with the process that gdb debugs.
Usage: py-heap VERB [OPTION]... [OPERAND]...

Nothing that is printed here is redacted; what `py-heap dump' writes is."""

    def __init__(self):
        super(Prefix, self).__init__('py-heap', gdb.COMMAND_DATA, prefix=True)

    @one_line
    def invoke(self, argument, from_tty):
        if argument.strip():
            raise gdb.GdbError('no such verb: %s; help py-heap lists them' % argument.split()[0])
        raise gdb.GdbError('py-heap needs a verb; help py-heap lists them')


def warn(message):
    gdb.write('%s\n' % message, gdb.STDERR)


def as_typed_here(message):
    """`pyheap types DUMP' is typed otherwise in gdb."""
    message = re.sub(r'(?<![\w/.-])pyheap (?=[a-z]+\b)', 'py-heap ', message).replace(' DUMP', '')
    return message.replace('takes one dump and nothing else, not', 'takes options only, not')


def run_verb(argv):
    t = target.current()
    colour, columns = target.style()
    try:
        return _pyheap.run_verb(t.session, argv, colour, columns, gdb.write, warn)
    except _pyheap.error as e:
        raise gdb.GdbError(as_typed_here(str(e)))


class Verb(gdb.Command):
    """A verb of libpyheap's table.  What its operands and options are, its usage says."""

    def __init__(self, name, usage, summary, text):
        self.verb = name
        # gdb has the dump already
        words = [w for w in usage.split() if w != 'DUMP']
        self.options = {}  # its choices: none; any; these
        for option, value in re.findall(r'(--[\w-]+)(?:=([^\]\s]+))?', usage):
            self.options[option] = None if not value else [] if value.isupper() else value.split('|')
        self.operands = [w.strip('[].') for w in words[1:] if not w.lstrip('[|').startswith(('--', '|'))]
        self.takes_addresses = any('ADDRESS' in w for w in self.operands)
        self.takes_types = any('TYPE' in w for w in self.operands)
        self.__doc__ = getattr(self, 'text', None) or '%s.\nUsage: py-heap %s\n\n%s' % (
            summary[:1].upper() + summary[1:], ' '.join(words), text.rstrip('\n'))
        super(Verb, self).__init__('py-heap ' + name, gdb.COMMAND_DATA)

    def operand(self, word):
        """Of verbs that take addresses, names in the selected Python frame and expressions of gdb are addresses too."""
        if not self.takes_addresses:
            return word
        t = target.current()
        # the name of a type, unless a local variable has it
        if self.takes_types and TYPE.match(word) and not commands.ADDRESS.match(word) and word not in commands.names_of_frame():
            return word
        return '0x%x' % commands.find_object(t, word)[1]

    def arguments(self, argument):
        done, is_value = [], False
        for word in gdb.string_to_argv(argument):
            is_option = word.startswith('-')
            done.append(word if is_option or is_value else self.operand(word))
            known = [o for o in self.options if o.startswith(word)] if is_option else []
            is_value = len(known) == 1 and self.options[known[0]] is not None
        return done

    @one_line
    def invoke(self, argument, from_tty):
        self.dont_repeat()
        run_verb([self.verb] + self.arguments(argument))

    def candidates(self, last):
        option = last.split('=')[0]
        if '=' in last:
            return ['%s=%s' % (option, choice) for choice in self.options.get(option) or ()]
        if last.startswith('-'):
            return sorted(o if v is None else o + '=' for o, v in self.options.items())
        found = target.current().type_names() if self.takes_types else []
        return found + commands.names_of_frame() if self.takes_addresses else found

    def complete(self, text, word):
        try:
            return commands.complete_words(self.candidates(text.split(' ')[-1]), text, word)
        except Exception:
            return []


class PrintVerb(Verb):
    text = """Print Python objects with their items and attributes.
Usage: py-heap print [--json] [--depth=N] NAME|ADDRESS|EXPRESSION...

NAME is looked up in the selected Python frame (py-up, py-down, py-frame), EXPRESSION
is one of gdb's, a pointer to an object, without blanks.

  --depth=N  also what these hold, N levels deep
  --json     as JSON: one object a line, in the order asked"""


class WhatisVerb(Verb):
    text = """Print what an address is: object and member, pool, block, mapping, stack.
Usage: py-heap whatis [--json] ADDRESS|EXPRESSION|NAME...

EXPRESSION is one of gdb's, without blanks: $rdi, self->ob_item, *(long*)$rsp.  NAME is
looked up in the selected Python frame.

Prints for each address which object it is in and which member of it lies there; the pool
of pymalloc, the block's size, whether it is free or allocated, and whose it is; what
the word there points to; mapping, section and symbol; the thread whose stack it is; of
free memory the byte that it is full of, and the objects next to it.  A number that is
no address, as one that was read from freed memory, is told by its pattern.

  --json  as JSON: one address a line, in the order asked"""


class Dump(gdb.Command):
    """Write the portable dump that pyheap reads on any machine.
Usage: py-heap dump FILE

Secrets are redacted in it, as by core2pyheap.  A live process is only read, and goes
on when you let it."""

    def __init__(self):
        super(Dump, self).__init__('py-heap dump', gdb.COMMAND_DATA, gdb.COMPLETE_FILENAME)

    @one_line
    def invoke(self, argument, from_tty):
        self.dont_repeat()
        words = gdb.string_to_argv(argument)
        if len(words) != 1:
            raise gdb.GdbError('give one file: py-heap dump FILE')
        path = os.path.abspath(os.path.expanduser(words[0]))
        t = target.current()
        _pyheap.write_dump(t.image, path)
        gdb.write('Wrote %s; `pyheap report %s\' prints it.\n' % (words[0], words[0]), gdb.STDERR)


VERBS = {'print': PrintVerb, 'whatis': WhatisVerb}


def register():
    Prefix()
    names = set()
    for name, usage, summary, text in _pyheap.verbs():
        names.add(name)
        VERBS.get(name, Verb)(name, usage, summary, text)
    Dump()
    names.add('dump')
    # reachable here whoever owns py-bt
    for command in commands.COMMANDS:
        if command.name not in names:
            command('py-heap ' + command.name)
