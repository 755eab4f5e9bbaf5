# SPDX-License-Identifier: GPL-3.0-or-later
"""How gdb prints a pointer to a Python object."""
import gdb

import _pyheap

from . import process, target

REPR_MAXIMUM = 200


def limit():
    """Characters, as `set print elements' has it."""
    return gdb.parameter('print elements') or 1 << 20


# gdb prints a str that stands for a variable as an array of char.  A Python variable is a pointer of a type that
# nobody uses, and of those that were handed out.
_given = set()


def marked_type():
    return gdb.lookup_type('void').const().volatile().pointer()


def as_value(address):
    try:
        value = gdb.Value(address).cast(marked_type())
    except gdb.error:
        return _pyheap.repr(target.current().session, address, REPR_MAXIMUM)
    _given.add(address)
    return value


class Text(object):
    def __init__(self, text):
        self.text = text

    def to_string(self):
        return self.text


def look_up(value):
    try:
        if value.type.code != gdb.TYPE_CODE_PTR:
            return None
        if value.type == marked_type():
            address = process.unsigned(value)
            t = target.current_or_none() if address in _given else None
            return Text(_pyheap.repr(t.session, address, min(limit(), REPR_MAXIMUM))) if t else None
        return None
    except (gdb.error, _pyheap.error, ValueError):
        return None


look_up.name = 'pyheap'
look_up.enabled = True


def register():
    if look_up not in gdb.pretty_printers:
        gdb.pretty_printers.append(look_up)
